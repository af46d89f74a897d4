//! Inclusion and consistency proofs (RFC 6962 sections 2.1.1 and 2.1.2; checked as in RFC 9162 section 2.1).

use std::ops::Range;

use super::frontier::{fold, read, span_nodes};
use super::{EMPTY_ROOT, EntryNumber, Hash, ProofError, ReadHashes, TreeSize, node_hash};

/// Proves that entry `number` is in the tree of `size` entries: the hashes from the leaf's sibling up to the root's child.
///
/// # Errors
/// `OutOfRange` for a number that is not below the size; `Read` for a stored hash that is not there.
pub fn prove_inclusion(number: EntryNumber, size: TreeSize, reader: &dyn ReadHashes) -> Result<Vec<Hash>, ProofError> {
    if number.0 >= size.0 {
        return Err(ProofError::OutOfRange);
    }
    let mut siblings = Vec::new();
    let mut span = 0..size.0;
    while let Some(middle) = split(&span) {
        if number.0 < middle {
            siblings.push(middle..span.end);
            span.end = middle;
        } else {
            siblings.push(span.start..middle);
            span.start = middle;
        }
    }
    span_hashes(&siblings, reader)
}

/// Checks that the entry with this leaf hash is entry `number` of the tree of `size` entries with this root hash.
///
/// # Errors
/// `OutOfRange`, `WrongLength` or `WrongRoot`.
pub fn check_inclusion(
    number: EntryNumber,
    size: TreeSize,
    leaf: &Hash,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    if number.0 >= size.0 {
        return Err(ProofError::OutOfRange);
    }
    // RFC 9162 section 2.1.3.2, with its names fn and sn.
    let (mut node, mut last) = (number.0, size.0 - 1);
    let mut hash = *leaf;
    for sibling in proof {
        if last == 0 {
            return Err(ProofError::WrongLength);
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            climb(&mut node, &mut last);
        } else {
            hash = node_hash(&hash, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    if last != 0 {
        return Err(ProofError::WrongLength);
    }
    if hash == *root { Ok(()) } else { Err(ProofError::WrongRoot) }
}

/// Proves that the tree of `new` entries begins with the tree of `old` entries; nothing is needed if `old` is 0 or `new`.
///
/// # Errors
/// `OutOfRange` if `old` is above `new`; `Read` for a stored hash that is not there.
pub fn prove_consistency(old: TreeSize, new: TreeSize, reader: &dyn ReadHashes) -> Result<Vec<Hash>, ProofError> {
    if old > new {
        return Err(ProofError::OutOfRange);
    }
    if old.0 == 0 || old == new {
        return Ok(Vec::new());
    }
    let mut parts = Vec::new();
    let mut span = 0..new.0;
    // SUBPROOF of RFC 6962: go down to where the old tree ends.
    while old.0 < span.end {
        let Some(middle) = split(&span) else { break };
        if old.0 <= middle {
            parts.push(middle..span.end);
            span.end = middle;
        } else {
            parts.push(span.start..middle);
            span.start = middle;
        }
    }
    // A span that begins at 0 is the old tree itself, whose root the verifier has.
    if span.start != 0 {
        parts.push(span);
    }
    span_hashes(&parts, reader)
}

/// Checks that the tree of `new` entries with `new_root` begins with the tree of `old` entries with `old_root`.
///
/// An empty old tree is consistent with any tree: the proof must be empty and `old_root` the [`EMPTY_ROOT`].
///
/// # Errors
/// `OutOfRange`, `WrongLength` or `WrongRoot`.
pub fn check_consistency(
    old: TreeSize,
    new: TreeSize,
    proof: &[Hash],
    old_root: &Hash,
    new_root: &Hash,
) -> Result<(), ProofError> {
    if old > new {
        return Err(ProofError::OutOfRange);
    }
    if old.0 == 0 || old == new {
        let roots = (old.0 != 0 || *old_root == EMPTY_ROOT) && (old != new || old_root == new_root);
        return match (proof.is_empty(), roots) {
            (false, _) => Err(ProofError::WrongLength),
            (true, false) => Err(ProofError::WrongRoot),
            (true, true) => Ok(()),
        };
    }
    // RFC 9162 section 2.1.4.2, with its names fn and sn. A complete old tree stands in the new one as a node.
    let (first, rest) = match proof {
        [] => return Err(ProofError::WrongLength),
        rest if old.0.is_power_of_two() => (old_root, rest),
        [first, rest @ ..] => (first, rest),
    };
    let (mut node, mut last) = (old.0 - 1, new.0 - 1);
    while node & 1 == 1 {
        (node, last) = (node >> 1, last >> 1);
    }
    let (mut old_hash, mut new_hash) = (*first, *first);
    for part in rest {
        if last == 0 {
            return Err(ProofError::WrongLength);
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(part, &old_hash);
            new_hash = node_hash(part, &new_hash);
            climb(&mut node, &mut last);
        } else {
            new_hash = node_hash(&new_hash, part);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    if last != 0 {
        return Err(ProofError::WrongLength);
    }
    if old_hash == *old_root && new_hash == *new_root { Ok(()) } else { Err(ProofError::WrongRoot) }
}

/// Skips the levels at which the node has no sibling.
fn climb(node: &mut u64, last: &mut u64) {
    while *node & 1 == 0 && *node != 0 {
        *node >>= 1;
        *last >>= 1;
    }
}

/// Returns where RFC 6962 splits a span: at the largest power of two below its length; none for a single entry.
fn split(span: &Range<u64>) -> Option<u64> {
    let level = (span.end - span.start).checked_sub(1)?.checked_ilog2()?;
    Some(span.start + (1 << level))
}

/// Returns the root hash of each span, the last span first, with one reading.
fn span_hashes(spans: &[Range<u64>], reader: &dyn ReadHashes) -> Result<Vec<Hash>, ProofError> {
    let nodes: Vec<_> = spans.iter().rev().map(|span| span_nodes(span.start, span.end)).collect();
    let hashes = read(reader, &nodes.concat())?;
    let mut rest = &hashes[..];
    let mut roots = Vec::with_capacity(nodes.len());
    for nodes in nodes {
        let (own, after) = rest.split_at(nodes.len());
        roots.push(fold(own));
        rest = after;
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::super::frontier::tests::{leaf, stored};
    use super::*;

    #[test]
    fn every_inclusion_proof_of_100_trees_checks_and_no_altered_one_does() {
        let tree = stored(100);
        for size in (1..=100).map(TreeSize) {
            let root = tree.roots[size.0 as usize];
            for number in (0..size.0).map(EntryNumber) {
                let proof = prove_inclusion(number, size, &tree).unwrap();
                let check = |proof: &[Hash]| check_inclusion(number, size, &leaf(number.0), proof, &root);
                assert_eq!(check(&proof), Ok(()));
                let other = check_inclusion(number, size, &leaf(101), &proof, &root);
                assert_eq!(other, Err(ProofError::WrongRoot));
                for at in 0..proof.len() {
                    let mut altered = proof.clone();
                    altered[at].0[at % 32] ^= 1;
                    assert_eq!(check(&altered), Err(ProofError::WrongRoot));
                    altered.remove(at);
                    assert!(check(&altered).is_err());
                    altered = proof.clone();
                    altered.insert(at, proof[at]);
                    assert!(check(&altered).is_err());
                }
                let wrong = check_inclusion(EntryNumber(number.0 ^ 1), size, &leaf(number.0), &proof, &root);
                assert!(wrong.is_err());
            }
            assert_eq!(prove_inclusion(EntryNumber(size.0), size, &tree), Err(ProofError::OutOfRange));
            let outside = check_inclusion(EntryNumber(size.0), size, &leaf(0), &[], &root);
            assert_eq!(outside, Err(ProofError::OutOfRange));
        }
    }

    #[test]
    fn every_consistency_proof_of_100_trees_checks_and_no_altered_one_does() {
        let tree = stored(100);
        for (new, old) in (1..=100u64).flat_map(|new| (1..=new).map(move |old| (TreeSize(new), TreeSize(old)))) {
            let (old_root, new_root) = (tree.roots[old.0 as usize], tree.roots[new.0 as usize]);
            let proof = prove_consistency(old, new, &tree).unwrap();
            let check = |proof: &[Hash]| check_consistency(old, new, proof, &old_root, &new_root);
            assert_eq!(check(&proof), Ok(()));
            assert_eq!(proof.is_empty(), old == new);
            for at in 0..proof.len() {
                let mut altered = proof.clone();
                altered[at].0[at % 32] ^= 1;
                assert_eq!(check(&altered), Err(ProofError::WrongRoot));
                altered.remove(at);
                assert!(check(&altered).is_err());
            }
            assert!(check(&[&proof[..], &[EMPTY_ROOT]].concat()).is_err());
            assert!(check_consistency(old, new, &proof, &EMPTY_ROOT, &new_root).is_err());
            assert!(check_consistency(old, new, &proof, &old_root, &EMPTY_ROOT).is_err());
            assert_eq!(
                check_consistency(TreeSize(101), new, &proof, &old_root, &new_root),
                Err(ProofError::OutOfRange)
            );
        }
    }

    #[test]
    fn only_the_empty_root_is_a_tree_of_nothing() {
        let (none, some, root) = (TreeSize(0), TreeSize(5), leaf(1));
        assert_eq!(prove_consistency(none, some, &stored(5)), Ok(Vec::new()));
        assert_eq!(check_consistency(none, some, &[], &EMPTY_ROOT, &root), Ok(()));
        assert_eq!(check_consistency(none, none, &[], &EMPTY_ROOT, &EMPTY_ROOT), Ok(()));
        assert_eq!(check_consistency(none, some, &[], &root, &root), Err(ProofError::WrongRoot));
        assert_eq!(check_consistency(none, none, &[], &EMPTY_ROOT, &root), Err(ProofError::WrongRoot));
        assert_eq!(check_consistency(none, none, &[], &root, &root), Err(ProofError::WrongRoot));
        assert_eq!(check_consistency(none, some, &[root], &EMPTY_ROOT, &root), Err(ProofError::WrongLength));
        assert_eq!(check_consistency(some, some, &[root], &root, &root), Err(ProofError::WrongLength));
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let size = TreeSize(u64::MAX);
        let check = |proof: &[Hash]| check_inclusion(EntryNumber(u64::MAX - 1), size, &leaf(0), proof, &EMPTY_ROOT);
        for length in 0..70 {
            assert!(check(&vec![EMPTY_ROOT; length]).is_err());
            let proof = vec![EMPTY_ROOT; length];
            assert!(check_consistency(TreeSize(u64::MAX - 1), size, &proof, &leaf(0), &leaf(1)).is_err());
            assert!(check_consistency(TreeSize(1 << 63), size, &proof, &leaf(0), &leaf(1)).is_err());
        }
        assert!(prove_inclusion(EntryNumber(u64::MAX - 1), size, &stored(1)).is_err());
        assert!(prove_consistency(TreeSize(1), size, &stored(1)).is_err());
    }
}
