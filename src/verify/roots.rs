//! Roots to be compared with the tree's, by size: however many somebody brings, an entry costs one look.

use std::collections::BTreeMap;

use crate::tree::Hash;

/// Roots by tree size.
#[derive(Debug, Default)]
pub struct Roots(BTreeMap<u64, Vec<Hash>>);

impl Roots {
    /// Takes in a root; the same one again changes nothing.
    pub fn insert(&mut self, size: u64, root: Hash) {
        let roots = self.0.entry(size).or_default();
        if !roots.contains(&root) {
            roots.push(root);
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether some root is claimed for the size.
    #[must_use]
    pub fn has(&self, size: u64) -> bool {
        self.0.contains_key(&size)
    }

    /// Whether another root than this is claimed for the size.
    #[must_use]
    pub fn differ(&self, size: u64, root: impl FnOnce() -> Hash) -> bool {
        self.0.get(&size).is_some_and(|roots| {
            let ours = root();
            roots.iter().any(|root| *root != ours)
        })
    }
}

impl FromIterator<(u64, Hash)> for Roots {
    fn from_iter<I: IntoIterator<Item = (u64, Hash)>>(roots: I) -> Self {
        let mut all = Roots::default();
        roots.into_iter().for_each(|(size, root)| all.insert(size, root));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_other_root_of_the_size_shows() {
        let (a, b) = (Hash([1; 32]), Hash([2; 32]));
        let roots: Roots = [(3, a), (3, a), (5, a), (5, b)].into_iter().collect();
        assert!(!roots.differ(3, || a) && roots.differ(3, || b) && roots.differ(5, || a) && roots.differ(5, || b));
        assert!(!roots.differ(4, || panic!("nobody asked")) && !roots.is_empty());
        assert!(roots.has(3) && !roots.has(4));
    }
}
