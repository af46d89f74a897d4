//! The case map of a closing: for each folder of each case, how many entries it has so far and a running hash over them, so
//! that a copy of one folder can be shown to be complete and says nothing of any other.
//!
//! One leaf for each folder `general` or `protection` of a case that has entries, in order of case tag and folder number.
//! The leaves' seeds are the successive 32-byte pieces of an extendable output keyed with the structure seed of the
//! closing; a leaf is keyed(seed, case 16, folder 1, entries 8, running hash 32). Inner nodes hash two children, in the
//! shape of RFC 6962 (the left one holds the largest power of two of leaves below all of them), and the root hashes the
//! number of leaves and the topmost node. Whoever holds the structure seed (a reader of the closing's structure) can
//! compute all of it; a path shows one leaf with its seed, and beside it hashes that tell nothing without theirs.
//!
//! Entries of `legal` and `staff` stand in no map: an overseer need not be able to open them, and whoever cannot would
//! have to leave them out. Those of `intake` and `access` belong to the setting, and what has no words to no folder.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::codec::context::{CASE_MAP_ENTRIES, CASE_MAP_LEAF, CASE_MAP_NODE, CASE_MAP_ROOT, CASE_MAP_SEEDS};
use crate::codec::{self, Bytes, CaseTag, Digest, Folder};
use crate::seal::SealError;
use crate::seal::commitment::Seed;

/// The version of a path's layout.
pub const VERSION: u8 = 1;
/// Largest path in bytes: 114 and at most 63 hashes.
pub const PATH_LIMIT: usize = 1 + 16 + 1 + 8 + 32 + 32 + 8 + 8 + 8 + 32 * HASHES;
/// Most hashes beside a leaf, so that numbers of leaves are below 2^63.
const HASHES: usize = 63;

/// A folder that stands in case maps: `general` or `protection` of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaseFolder {
    case: CaseTag,
    folder: Folder,
}

impl CaseFolder {
    /// Takes a folder of a case; none if entries there stand in no map.
    #[must_use]
    pub fn new(case: Option<CaseTag>, folder: Option<Folder>) -> Option<Self> {
        let folder = folder.filter(|folder| matches!(folder, Folder::General | Folder::Protection))?;
        Some(CaseFolder { case: case?, folder })
    }

    /// Returns the case.
    #[must_use]
    pub fn case(&self) -> CaseTag {
        self.case
    }

    /// Returns the folder.
    #[must_use]
    pub fn folder(&self) -> Folder {
        self.folder
    }
}

/// How a folder stands: how many entries it has, and the running hash over their statement digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Its entries so far.
    pub entries: u64,
    /// The running hash: of an entry over the one before (zero before the first) and the entry's statement digest.
    pub running: Digest,
}

impl Standing {
    /// No entries yet.
    pub const EMPTY: Standing = Standing { entries: 0, running: Digest::ZERO };

    /// Returns how it stands after one more entry.
    #[must_use]
    pub fn then(&self, statement: &Digest) -> Standing {
        let running = CASE_MAP_ENTRIES.digest(&[self.running.as_bytes(), statement.as_bytes()]);
        Standing { entries: self.entries + 1, running }
    }
}

/// How every folder of every case stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CaseMap(BTreeMap<CaseFolder, Standing>);

impl CaseMap {
    /// Takes in the next entry of a folder, by its statement digest. Entries come in order of their numbers.
    pub fn add(&mut self, folder: CaseFolder, statement: &Digest) {
        let standing = self.0.entry(folder).or_insert(Standing::EMPTY);
        *standing = standing.then(statement);
    }

    /// Returns how a folder stands; none if it has no entries.
    #[must_use]
    pub fn standing(&self, folder: &CaseFolder) -> Option<Standing> {
        self.0.get(folder).copied()
    }

    /// Returns how many folders have entries.
    #[must_use]
    pub fn folders(&self) -> u64 {
        self.0.len() as u64
    }

    /// Returns how many entries they have together.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.0.values().map(|standing| standing.entries).sum()
    }

    /// Returns the root under the structure seed of a closing.
    #[must_use]
    pub fn root(&self, seed: &[u8; 32]) -> Digest {
        let mut nodes = self.leaves(seed);
        while nodes.len() > 1 {
            nodes = above(&nodes);
        }
        root_of(self.folders(), nodes.first().copied().unwrap_or(Digest::ZERO))
    }

    /// Proves how a folder stands in the map under the structure seed of a closing; none if it has no entries.
    #[must_use]
    pub fn prove(&self, seed: &[u8; 32], folder: &CaseFolder) -> Option<CasePath> {
        let standing = self.standing(folder)?;
        let index = self.0.range(..folder).count();
        let seeds = self.seeds(seed);
        let own = seeds.as_chunks::<32>().0.get(index)?;
        let (mut nodes, mut at, mut beside) = (self.leaves(seed), index, Vec::new());
        while nodes.len() > 1 {
            // The last node of a level goes up by itself where it has none beside it.
            beside.extend(nodes.get(at ^ 1).copied());
            (nodes, at) = (above(&nodes), at / 2);
        }
        let (folder, seed) = (*folder, Zeroizing::new(*own));
        Some(CasePath { folder, standing, seed, index: index as u64, leaves: self.folders(), beside })
    }

    fn leaves(&self, seed: &[u8; 32]) -> Vec<Digest> {
        let seeds = self.seeds(seed);
        let leaf = |((folder, standing), seed): ((&CaseFolder, &Standing), &[u8; 32])| leaf(seed, folder, standing);
        self.0.iter().zip(seeds.as_chunks().0).map(leaf).collect()
    }

    fn seeds(&self, seed: &[u8; 32]) -> Zeroizing<Vec<u8>> {
        let mut seeds = Zeroizing::new(vec![0; 32 * self.0.len()]);
        CASE_MAP_SEEDS.expand(seed, &[], &mut seeds);
        seeds
    }
}

/// One leaf of a case map, and the hashes that lead from it to the root.
#[derive(Clone, PartialEq, Eq)]
pub struct CasePath {
    folder: CaseFolder,
    standing: Standing,
    seed: Seed,
    index: u64,
    leaves: u64,
    beside: Vec<Digest>,
}

/// The bytes of a path, in this order (`manual/format.md`).
#[derive(Serialize, Deserialize)]
struct Layout {
    version: u8,
    case: CaseTag,
    folder: u8,
    entries: u64,
    running: Digest,
    seed: Bytes<32>,
    index: u64,
    leaves: u64,
    beside: Vec<Digest>,
}

impl CasePath {
    /// Reads a path.
    ///
    /// # Errors
    /// `Malformed` for anything but the one spelling of a path: another version, a folder that stands in no map, no
    /// entries, a place behind the last leaf, or another number of hashes than lead from there to the root.
    pub fn decode(bytes: &[u8]) -> Result<Self, SealError> {
        let layout: Layout = codec::decode(bytes, PATH_LIMIT)?;
        let folder = CaseFolder::new(Some(layout.case), Folder::from_number(layout.folder));
        let path = CasePath {
            folder: folder.ok_or(SealError::Malformed)?,
            standing: Standing { entries: layout.entries, running: layout.running },
            seed: Zeroizing::new(layout.seed.0),
            index: layout.index,
            leaves: layout.leaves,
            beside: layout.beside,
        };
        let known = layout.version == VERSION && path.standing.entries > 0 && path.leaves >> HASHES == 0;
        if known && path.climb().is_some() { Ok(path) } else { Err(SealError::Malformed) }
    }

    /// Returns its bytes.
    ///
    /// # Errors
    /// `Malformed` for more hashes than a path has room for.
    pub fn encode(&self) -> Result<Vec<u8>, SealError> {
        let layout = Layout {
            version: VERSION,
            case: self.folder.case,
            folder: self.folder.folder as u8,
            entries: self.standing.entries,
            running: self.standing.running,
            seed: Bytes(*self.seed),
            index: self.index,
            leaves: self.leaves,
            beside: self.beside.clone(),
        };
        Ok(codec::encode(&layout, PATH_LIMIT)?)
    }

    /// Returns the folder.
    #[must_use]
    pub fn folder(&self) -> CaseFolder {
        self.folder
    }

    /// Returns how it stands according to the path; nothing vouches for it before [`CasePath::check`].
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// Whether it leads to the root that a closing names.
    #[must_use]
    pub fn check(&self, root: &Digest) -> bool {
        self.climb() == Some(*root)
    }

    /// Returns the root that it leads to; none if the number of hashes is not that of its place.
    fn climb(&self) -> Option<Digest> {
        let (mut at, mut last) = (self.index, self.leaves.checked_sub(1)?);
        if at > last {
            return None;
        }
        let mut hash = leaf(&self.seed, &self.folder, &self.standing);
        let mut beside = self.beside.iter();
        while last > 0 {
            if at % 2 == 1 {
                hash = node(beside.next()?, &hash);
            } else if at < last {
                hash = node(&hash, beside.next()?);
            }
            (at, last) = (at / 2, last / 2);
        }
        beside.next().is_none().then(|| root_of(self.leaves, hash))
    }
}

fn leaf(seed: &[u8; 32], folder: &CaseFolder, standing: &Standing) -> Digest {
    let mut value = [0; 57];
    let pieces: [&[u8]; 4] =
        [folder.case.as_bytes(), &[folder.folder as u8], &standing.entries.to_be_bytes(), standing.running.as_bytes()];
    value.iter_mut().zip(pieces.into_iter().flatten()).for_each(|(to, from)| *to = *from);
    Digest::new(CASE_MAP_LEAF.keyed(seed, &value))
}

/// Returns the nodes of the next level; the last of an odd number goes up as it is.
fn above(nodes: &[Digest]) -> Vec<Digest> {
    let pair = |pair: &[Digest]| match pair {
        [left, right] => node(left, right),
        _ => pair.first().copied().unwrap_or(Digest::ZERO),
    };
    nodes.chunks(2).map(pair).collect()
}

fn node(left: &Digest, right: &Digest) -> Digest {
    CASE_MAP_NODE.digest(&[left.as_bytes(), right.as_bytes()])
}

fn root_of(leaves: u64, top: Digest) -> Digest {
    CASE_MAP_ROOT.digest(&[&leaves.to_be_bytes(), top.as_bytes()])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SEED: [u8; 32] = [7; 32];

    fn folder(number: u8) -> CaseFolder {
        let folder = if number.is_multiple_of(2) { Folder::General } else { Folder::Protection };
        CaseFolder::new(Some(CaseTag::new([number / 2; 16])), Some(folder)).unwrap()
    }

    fn digest(number: u64) -> Digest {
        CASE_MAP_ENTRIES.digest(&[b"statement", &number.to_be_bytes()])
    }

    /// A map of so many folders, the n-th with n + 1 entries.
    fn map(folders: u8) -> CaseMap {
        let mut map = CaseMap::default();
        for number in 0..folders {
            (0..=u64::from(number)).for_each(|entry| map.add(folder(number), &digest(entry)));
        }
        map
    }

    /// The root by the words of the format: from the top down.
    fn by_the_book(leaves: &[Digest]) -> Digest {
        match leaves {
            [] => Digest::ZERO,
            [leaf] => *leaf,
            _ => {
                let left = leaves.len().next_power_of_two() / 2;
                node(&by_the_book(&leaves[..left]), &by_the_book(&leaves[left..]))
            }
        }
    }

    #[test]
    fn only_the_two_everyday_folders_of_a_case_stand_in_a_map() {
        let case = Some(CaseTag::new([1; 16]));
        let stands: Vec<Folder> =
            Folder::ALL.into_iter().filter(|folder| CaseFolder::new(case, Some(*folder)).is_some()).collect();
        assert_eq!(stands, [Folder::General, Folder::Protection]);
        assert!(CaseFolder::new(case, Some(Folder::None)).is_none() && CaseFolder::new(case, None).is_none());
        assert!(CaseFolder::new(None, Some(Folder::General)).is_none());
    }

    #[test]
    fn every_folder_is_proved_in_maps_of_every_size() {
        let mut roots = Vec::new();
        for size in 0..=70 {
            let map = map(size);
            let root = map.root(&SEED);
            assert_eq!(root, root_of(u64::from(size), by_the_book(&map.leaves(&SEED))));
            assert!(!roots.contains(&root) && map.root(&[8; 32]) != root || size == 0);
            roots.push(root);
            for number in 0..size {
                let path = map.prove(&SEED, &folder(number)).unwrap();
                assert_eq!((path.folder(), path.standing().entries), (folder(number), u64::from(number) + 1));
                let read = CasePath::decode(&path.encode().unwrap()).unwrap();
                assert!(read == path && read.check(&root), "{number} of {size}");
                assert!(roots.iter().rev().skip(1).all(|other| !read.check(other)), "{number} of {size}");
            }
            assert!(map.prove(&SEED, &folder(size)).is_none());
        }
    }

    #[test]
    fn a_path_with_any_byte_changed_leads_elsewhere_or_is_refused() {
        for size in [1, 2, 3, 7, 12] {
            let map = map(size);
            let root = map.root(&SEED);
            for number in 0..size {
                let bytes = map.prove(&SEED, &folder(number)).unwrap().encode().unwrap();
                for at in 0..bytes.len() {
                    for bit in [1, 0x10, 0x80] {
                        let mut changed = bytes.clone();
                        changed[at] ^= bit;
                        let read = CasePath::decode(&changed);
                        assert!(!read.is_ok_and(|path| path.check(&root)), "byte {at} of {number} of {size}");
                    }
                    assert!(CasePath::decode(&bytes[..at]).is_err(), "cut at {at}");
                }
                assert!(CasePath::decode(&[&bytes[..], &[0]].concat()).is_err());
            }
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        let path = map(5).prove(&SEED, &folder(4)).unwrap();
        // The fifth of five goes up alone, twice.
        assert_eq!((path.index, path.leaves, path.beside.len()), (4, 5, 1));
        let refused = |change: &dyn Fn(&mut CasePath)| {
            let mut changed = path.clone();
            change(&mut changed);
            CasePath::decode(&changed.encode().unwrap()).is_err()
        };
        assert!(!refused(&|_| ()));
        assert!(refused(&|path| path.index = 5) && refused(&|path| path.index = 3));
        assert!(refused(&|path| path.leaves = 0) && refused(&|path| path.leaves = 1 << 63));
        assert!(refused(&|path| path.beside.push(Digest::ZERO)) && refused(&|path| path.beside.clear()));
        assert!(refused(&|path| path.standing.entries = 0));
        let mut bytes = path.encode().unwrap();
        assert_eq!(bytes.len(), 114 + 32);
        bytes[0] = 2;
        assert!(CasePath::decode(&bytes).is_err());
        (bytes[0], bytes[17]) = (1, Folder::Legal as u8);
        assert!(CasePath::decode(&bytes).is_err());
        let mut long = path;
        long.beside = vec![Digest::ZERO; HASHES + 1];
        assert!(long.encode().is_err());
    }

    proptest! {
        #[test]
        fn as_a_plain_list_says(entries in prop::collection::vec((0u8..24, any::<u64>()), 0..120), seed: [u8; 32]) {
            let mut map = CaseMap::default();
            for (number, statement) in &entries {
                map.add(folder(*number), &digest(*statement));
            }
            let mut folders: Vec<u8> = entries.iter().map(|(number, _)| *number).collect();
            folders.sort_unstable();
            folders.dedup();
            let mut seeds = vec![0; 32 * folders.len()];
            CASE_MAP_SEEDS.expand(&seed, &[], &mut seeds);
            let mut leaves = Vec::new();
            for (number, seed) in folders.iter().zip(seeds.chunks(32)) {
                let (mut running, mut count) = ([0; 32], 0u64);
                for (_, statement) in entries.iter().filter(|(of, _)| of == number) {
                    running = CASE_MAP_ENTRIES.hash(&[&running, digest(*statement).as_bytes()]);
                    count += 1;
                }
                let value = [&[number / 2; 16][..], &[1 + number % 2], &count.to_be_bytes(), &running].concat();
                leaves.push(Digest::new(CASE_MAP_LEAF.keyed(seed.try_into().unwrap(), &value)));
            }
            let root = map.root(&seed);
            prop_assert_eq!(root, root_of(leaves.len() as u64, by_the_book(&leaves)));
            prop_assert_eq!((map.folders(), map.entries()), (leaves.len() as u64, entries.len() as u64));
            // One entry more anywhere is another root.
            let mut more = map.clone();
            more.add(folder(3), &digest(1));
            prop_assert_ne!(more.root(&seed), root);
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(CasePath::decode(&bytes).is_err());
        }
    }
}
