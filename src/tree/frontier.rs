//! The right edge of a growing tree: all that is needed to append to it and to know its root.

use super::{Hash, NodeId, ProofError, ReadError, ReadHashes, TreeSize, node_hash};

/// The roots of the complete subtrees that a tree of some size falls into, largest (leftmost) first.
///
/// There is one for each bit that is set in the size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frontier {
    size: TreeSize,
    hashes: Vec<Hash>,
}

impl Default for Frontier {
    fn default() -> Self {
        Frontier::new()
    }
}

impl Frontier {
    /// Returns the frontier of the empty tree.
    #[must_use]
    pub const fn new() -> Self {
        Frontier { size: TreeSize(0), hashes: Vec::new() }
    }

    /// Takes the hashes of [`frontier_nodes`] of a size; the caller compares [`Frontier::root`] with a trusted root.
    ///
    /// # Errors
    /// `OutOfRange` for a size of 2^63 or more; `WrongLength` if there is not one hash for each set bit.
    pub fn from_hashes(size: TreeSize, hashes: Vec<Hash>) -> Result<Self, ProofError> {
        if i64::try_from(size.0).is_err() {
            return Err(ProofError::OutOfRange);
        }
        if hashes.len() != size.0.count_ones() as usize {
            return Err(ProofError::WrongLength);
        }
        Ok(Frontier { size, hashes })
    }

    /// Reads the frontier of a stored tree; the caller compares [`Frontier::root`] with a trusted root.
    ///
    /// # Errors
    /// As [`Frontier::from_hashes`], and `Read` for a hash that is not there.
    pub fn read(reader: &dyn ReadHashes, size: TreeSize) -> Result<Self, ProofError> {
        Frontier::from_hashes(size, read(reader, &frontier_nodes(size))?)
    }

    /// Appends the leaf hash of the next entry.
    pub fn append(&mut self, leaf: Hash) {
        self.append_with(leaf, |_, _| ());
    }

    /// Appends the leaf hash of the next entry and hands over every complete subtree that this finishes, from the leaf
    /// upwards, for whoever stores them.
    ///
    /// # Panics
    /// Never below 2^63 entries.
    pub fn append_with(&mut self, leaf: Hash, mut completed: impl FnMut(NodeId, Hash)) {
        let mut node = NodeId { level: 0, index: self.size.0 };
        let mut hash = leaf;
        completed(node, hash);
        // An odd index has a complete left sibling, which is the last of the frontier.
        while node.index & 1 == 1 {
            let Some(left) = self.hashes.pop() else { unreachable!("Frontier: fewer hashes than set bits") };
            hash = node_hash(&left, &hash);
            node = NodeId { level: node.level + 1, index: node.index >> 1 };
            completed(node, hash);
        }
        self.hashes.push(hash);
        self.size = TreeSize(self.size.0 + 1);
    }

    /// Returns the root hash (RFC 6962 section 2.1).
    #[must_use]
    pub fn root(&self) -> Hash {
        fold(&self.hashes)
    }

    /// Returns how many entries were appended.
    #[must_use]
    pub const fn size(&self) -> TreeSize {
        self.size
    }

    /// Returns the hashes, in the order of [`frontier_nodes`].
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }
}

/// Returns the complete subtrees that a tree of this size falls into, largest (leftmost) first.
#[must_use]
pub fn frontier_nodes(size: TreeSize) -> Vec<NodeId> {
    span_nodes(0, size.0)
}

/// Returns the root hash of a stored tree at some size, folded from its frontier.
///
/// # Errors
/// [`ReadError`] for a hash that is not there.
pub fn root_from(reader: &dyn ReadHashes, size: TreeSize) -> Result<Hash, ReadError> {
    Ok(fold(&read(reader, &frontier_nodes(size))?))
}

/// Returns the complete subtrees of the entries from `start` up to `end`, largest first.
///
/// `start` must be a multiple of the largest power of two that fits in between, as it is in every RFC 6962 split.
pub(super) fn span_nodes(mut start: u64, end: u64) -> Vec<NodeId> {
    let mut nodes = Vec::new();
    while let Some(level) = end.checked_sub(start).and_then(u64::checked_ilog2) {
        nodes.push(NodeId { level: level as u8, index: start >> level });
        start += 1 << level;
    }
    nodes
}

/// Folds the roots of complete subtrees, largest first, into the root over all of them.
pub(super) fn fold(hashes: &[Hash]) -> Hash {
    let mut from_the_right = hashes.iter().rev().copied();
    let last = from_the_right.next().unwrap_or(super::EMPTY_ROOT);
    from_the_right.fold(last, |right, left| node_hash(&left, &right))
}

/// Reads hashes and holds the reader to the number that was asked for.
pub(super) fn read(reader: &dyn ReadHashes, nodes: &[NodeId]) -> Result<Vec<Hash>, ReadError> {
    let hashes = reader.read_hashes(nodes)?;
    if hashes.len() == nodes.len() {
        return Ok(hashes);
    }
    let missing = nodes.get(hashes.len()).or(nodes.last());
    Err(ReadError(missing.copied().unwrap_or(NodeId { level: 0, index: 0 })))
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::tree::{EMPTY_ROOT, leaf_hash};

    /// Every complete subtree of a tree, as the index would keep them.
    #[derive(Default)]
    pub(crate) struct Stored {
        pub(crate) nodes: BTreeMap<NodeId, Hash>,
        pub(crate) roots: Vec<Hash>,
    }

    impl ReadHashes for Stored {
        fn read_hashes(&self, nodes: &[NodeId]) -> Result<Vec<Hash>, ReadError> {
            nodes.iter().map(|node| self.nodes.get(node).copied().ok_or(ReadError(*node))).collect()
        }
    }

    /// Stores a tree of `size` entries; `roots` holds the root at every size.
    pub(crate) fn stored(size: u64) -> Stored {
        let (mut stored, mut frontier) = (Stored::default(), Frontier::new());
        stored.roots.push(frontier.root());
        for number in 0..size {
            frontier.append_with(leaf(number), |node, hash| {
                assert_eq!(stored.nodes.insert(node, hash), None, "handed over twice");
            });
            stored.roots.push(frontier.root());
        }
        stored
    }

    pub(crate) fn leaf(number: u64) -> Hash {
        leaf_hash(&number.to_be_bytes())
    }

    /// The definition, word for word: MTH of RFC 6962 section 2.1.
    fn definition(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => EMPTY_ROOT,
            [only] => *only,
            _ => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                node_hash(&definition(left), &definition(right))
            }
        }
    }

    #[test]
    fn frontiers_agree_with_the_definition_and_with_stored_nodes_at_every_size() {
        let tree = stored(130);
        let leaves: Vec<Hash> = (0..130).map(leaf).collect();
        for size in 0..=130u64 {
            let root = definition(&leaves[..size as usize]);
            assert_eq!(tree.roots[size as usize], root);
            assert_eq!(root_from(&tree, TreeSize(size)), Ok(root));
            let mut frontier = Frontier::read(&tree, TreeSize(size)).unwrap();
            assert_eq!((frontier.root(), frontier.size()), (root, TreeSize(size)));
            assert_eq!(frontier.hashes().len(), frontier_nodes(TreeSize(size)).len());
            if size < 130 {
                frontier.append(leaf(size));
                assert_eq!(frontier.root(), tree.roots[size as usize + 1]);
            }
        }
    }

    #[test]
    fn a_missing_node_is_named() {
        let mut tree = stored(7);
        let node = NodeId { level: 1, index: 2 };
        tree.nodes.remove(&node);
        assert_eq!(root_from(&tree, TreeSize(7)), Err(ReadError(node)));
        assert_eq!(root_from(&tree, TreeSize(4)), Ok(tree.roots[4]));
        assert_eq!(ReadError(node).to_string(), "the hash of node 2 at level 1 is not there");
    }

    #[test]
    fn a_reader_that_returns_too_little_or_too_much_is_refused() {
        struct Fixed(usize);
        impl ReadHashes for Fixed {
            fn read_hashes(&self, _: &[NodeId]) -> Result<Vec<Hash>, ReadError> {
                Ok(vec![EMPTY_ROOT; self.0])
            }
        }
        for count in [0, 1, 2, 4] {
            assert!(root_from(&Fixed(count), TreeSize(7)).is_err());
        }
        assert!(root_from(&Fixed(1), TreeSize(0)).is_err());
    }

    #[test]
    fn frontier_hashes_are_counted() {
        assert_eq!(Frontier::from_hashes(TreeSize(6), vec![EMPTY_ROOT]), Err(ProofError::WrongLength));
        assert_eq!(Frontier::from_hashes(TreeSize(1 << 63), vec![EMPTY_ROOT]), Err(ProofError::OutOfRange));
        assert!(Frontier::from_hashes(TreeSize(6), vec![EMPTY_ROOT; 2]).is_ok());
        assert_eq!(frontier_nodes(TreeSize(u64::MAX)).len(), 64);
    }
}
