//! The card index (sled): tiles of the tree, offsets of entries, sealed lists. May be burnt at any time.
//!
//! Nothing that it says of the tree is believed before it leads to the root in the log's newest checkpoint; what is sealed is
//! believed as far as its key is. Nothing is kept only here.
//! It holds no structure and no words in clear: offsets and hashes are the skeleton's, and an author's last entry, the ids of an
//! author's statements and other lists are kept under and hidden with a key of whoever kept them.
// Long because: the pages of one database stand in one place, with the one way in which they are written.

use std::cell::RefCell;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use rayon::iter::{IntoParallelIterator, ParallelIterator};
use serde::{Deserialize, Serialize};

use crate::codec::context::INDEX;
use crate::codec::{self, Digest, Link, StatementId};
use crate::seal;
use crate::seal::structure::StructureKey;
use crate::tree::{EntryNumber, Frontier, Hash, NodeId, ReadError, ReadHashes, TreeSize};
use crate::tree::{check_inclusion, node_hash, prove_inclusion};

/// Hashes in a whole tile, and offsets in a whole page (C2SP tlog-tiles).
const TILE: u64 = 256;
/// Statements of one author in a whole page, by their sequence numbers.
const STATEMENTS: u64 = 256;
/// Bytes of a statement in its page: what its id is known by, and its entry number, masked.
const STATEMENT: usize = 16 + 8;

/// How far the index has come: which log it describes and up to where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexHead {
    /// The layout of the index; another one is rebuilt.
    pub version: u8,
    /// Entries indexed.
    pub size: u64,
    /// Their root hash.
    pub root: Digest,
    /// The offset in the log where the last indexed write ends.
    pub end: u64,
    /// The hash of the last indexed write.
    pub write: Digest,
    /// The link of the last indexed entry.
    pub link: Link,
    /// One more than the offset of the cosigned checkpoint with the most signatures, the newest of those; 0 for none.
    pub cosigned: u64,
    /// Its signatures.
    pub cosigners: u32,
}

/// The current layout.
pub const VERSION: u8 = 4;

/// Where an author's key stands: the last entry it signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorHead {
    /// How many entries of the log were looked at for this: later ones may be the author's too.
    pub upto: u64,
    /// The entry's number; all ones for none.
    pub entry: u64,
    /// Its sequence number.
    pub sequence: u64,
    /// Its statement digest.
    pub digest: Digest,
    /// The newest entry that it had seen; all ones for none.
    pub seen: u64,
}

/// Why the index did not answer. The log always can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// Another process has it.
    #[error("another program uses the index")]
    Busy,
    /// sled failed or panicked, or what it gave back is not what was put in.
    #[error("the index is damaged")]
    Damaged,
}

/// Pages that may wait in memory before they are put.
const WAITING: usize = 2048;

/// An open index. What is put waits in memory and reaches sled together: at the latest when the index is dropped. A
/// crash before that costs the next opening a look at what the log holds since.
pub struct Index {
    db: sled::Db,
    waiting: RefCell<HashMap<Vec<u8>, Vec<u8>>>,
    tiles: RefCell<HashMap<(u8, u64), Vec<u8>>>,
    /// Tiles of leaves in `tiles` that were folded to the root.
    proven: RefCell<HashSet<u64>>,
    /// The statements of authors of whom one was asked for.
    statements: RefCell<HashMap<[u8; 32], Statements>>,
}

/// Entries by what a statement's id is known by; the numbers are masked.
type Statements = HashMap<[u8; 16], [u8; 8]>;

/// What a stretch of new entries adds; collected in memory, put in one batch.
#[derive(Debug, Default)]
pub struct Update {
    nodes: Vec<(NodeId, Hash)>,
    offsets: Vec<u64>,
}

impl Update {
    /// Notes a finished subtree of the tree, as a frontier hands it over.
    pub fn node(&mut self, id: NodeId, hash: Hash) {
        if id.level.is_multiple_of(8) {
            self.nodes.push((id, hash));
        }
    }

    /// Notes where the next entry's frame begins.
    pub fn entry(&mut self, offset: u64) {
        self.offsets.push(offset);
    }

    /// Drops all but the first entries noted.
    pub fn truncate(&mut self, entries: u64) {
        let entries = usize::try_from(entries).unwrap_or(usize::MAX);
        let Some(leaf) = self.nodes.iter().filter(|(id, _)| id.level == 0).nth(entries) else { return };
        let first = leaf.0.index;
        self.offsets.truncate(entries);
        self.nodes.retain(|(id, _)| (id.index + 1) << id.level <= first);
    }

    /// Returns the nodes noted, of the levels that are stored.
    #[must_use]
    pub fn nodes(&self) -> &[(NodeId, Hash)] {
        &self.nodes
    }

    /// Returns the offsets noted.
    #[must_use]
    pub fn offsets(&self) -> &[u64] {
        &self.offsets
    }

    /// Returns how many entries were noted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Whether nothing was noted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }
}

impl Index {
    /// Opens the index folder. A damaged one is burnt with `burn` and begun anew.
    ///
    /// # Errors
    /// `Busy` if another process has it; `Damaged` if even a new one cannot be opened.
    pub fn open(path: &Path, burn: &dyn Fn(&Path)) -> Result<Self, IndexError> {
        match Self::try_open(path) {
            Err(IndexError::Damaged) => {
                burn(path);
                Self::try_open(path)
            }
            other => other,
        }
    }

    fn try_open(path: &Path) -> Result<Self, IndexError> {
        let config = sled::Config::new().path(path).cache_capacity(8 << 20).flush_every_ms(None);
        let opened = catch_unwind(AssertUnwindSafe(|| config.open()));
        match opened {
            Ok(Ok(db)) => {
                let (waiting, tiles, proven) = (RefCell::default(), RefCell::default(), RefCell::default());
                Ok(Index { db, waiting, tiles, proven, statements: RefCell::default() })
            }
            Ok(Err(sled::Error::Io(error))) if is_busy(&error) => Err(IndexError::Busy),
            _ => Err(IndexError::Damaged),
        }
    }

    /// Returns how far the index has come; none for a new one, or one of another layout.
    #[must_use]
    pub fn head(&self) -> Option<IndexHead> {
        let bytes = self.read(b"head")?;
        codec::decode::<IndexHead>(&bytes, 1024).ok().filter(|head| head.version == VERSION)
    }

    /// Empties the index, so that it can be built from the log's beginning.
    ///
    /// # Errors
    /// `Damaged` if sled fails.
    pub fn clear(&self) -> Result<(), IndexError> {
        self.tiles.borrow_mut().clear();
        self.proven.borrow_mut().clear();
        self.waiting.borrow_mut().clear();
        self.statements.borrow_mut().clear();
        guarded(|| self.db.clear())
    }

    /// Puts what a stretch of entries adds after `before` entries, and the new head, in one batch.
    ///
    /// # Errors
    /// `Damaged` if sled fails; the log is not concerned.
    pub fn extend(&self, before: TreeSize, update: &Update, head: &IndexHead) -> Result<(), IndexError> {
        let mut pages: HashMap<Vec<u8>, Vec<u8>> = HashMap::new();
        for (id, hash) in &update.nodes {
            let (key, at) = tile_key(id.level / 8, id.index);
            self.put(&mut pages, key, at * 32, &hash.0)?;
            self.grow(id.level / 8, id.index / TILE, at * 32, hash);
        }
        for (number, offset) in (before.0..).zip(&update.offsets) {
            let (key, at) = page_key(b'o', number, TILE);
            self.put(&mut pages, key, at * 8, &offset.to_be_bytes())?;
        }
        pages.insert(b"head".to_vec(), codec::encode(head, 1024).map_err(|_| IndexError::Damaged)?);
        self.waiting.borrow_mut().extend(pages);
        if self.waiting.borrow().len() > WAITING { self.flush() } else { Ok(()) }
    }

    /// Lays a hash behind those of a tile in memory: what was proven of it stays so, since whoever puts it there folds it into
    /// the next root. Where it belongs elsewhere, the tile is read anew at its next use.
    fn grow(&self, level: u8, tile: u64, at: usize, hash: &Hash) {
        let mut tiles = self.tiles.borrow_mut();
        match tiles.get_mut(&(level, tile)) {
            Some(bytes) if bytes.len() == at => bytes.extend_from_slice(&hash.0),
            _ => {
                tiles.remove(&(level, tile));
                if level == 0 {
                    self.proven.borrow_mut().remove(&tile);
                }
            }
        }
    }

    /// Gives sled what waits, in one batch.
    ///
    /// # Errors
    /// `Damaged` if sled fails; the log is not concerned.
    pub fn flush(&self) -> Result<(), IndexError> {
        let mut batch = sled::Batch::default();
        self.waiting.borrow_mut().drain().for_each(|(key, page)| batch.insert(key, page));
        guarded(|| self.db.apply_batch(batch))
    }

    /// Lays `bytes` at `at` into the page, which is read at its first use and may only grow at its end.
    fn put(
        &self,
        pages: &mut HashMap<Vec<u8>, Vec<u8>>,
        key: Vec<u8>,
        at: usize,
        bytes: &[u8],
    ) -> Result<(), IndexError> {
        let page = match pages.entry(key) {
            Entry::Occupied(page) => page.into_mut(),
            Entry::Vacant(empty) => {
                let stored = if at == 0 { Vec::new() } else { self.read(empty.key()).ok_or(IndexError::Damaged)? };
                empty.insert(stored)
            }
        };
        page.truncate(at);
        if page.len() != at {
            return Err(IndexError::Damaged);
        }
        page.extend_from_slice(bytes);
        Ok(())
    }

    /// Returns where an entry's frame begins; to be believed only after the frame there was read and compared.
    #[must_use]
    pub fn offset(&self, number: u64) -> Option<u64> {
        let (key, at) = page_key(b'o', number, TILE);
        number_at(&self.read(&key)?, at)
    }

    /// Returns where the author with this structure key stands, if the index knows.
    #[must_use]
    pub fn author(&self, key: &StructureKey) -> Option<AuthorHead> {
        let stored = self.read(&author_name(key))?;
        let (check, sealed) = stored.split_first_chunk::<16>()?;
        let content = seal::decrypt(&author_pad(key, check), &[], sealed).ok()?;
        codec::decode(&content, 128).ok()
    }

    /// Keeps where the author with this structure key stands, sealed with it.
    ///
    /// # Errors
    /// `Damaged` if sled fails.
    pub fn set_author(&self, key: &StructureKey, head: &AuthorHead) -> Result<(), IndexError> {
        let content = codec::encode(head, 128).map_err(|_| IndexError::Damaged)?;
        // The sealing key is derived from the content's own keyed hash: two contents never share one.
        let mut check = [0; 16];
        INDEX.expand(key.as_bytes(), &content, &mut check);
        let sealed = seal::encrypt(&author_pad(key, &check), &[], content).map_err(|_| IndexError::Damaged)?;
        self.waiting.borrow_mut().insert(author_name(key), [&check[..], &sealed].concat());
        Ok(())
    }

    /// Returns a list that is kept under a structure key, if the index has it.
    #[must_use]
    pub fn sealed(&self, key: &StructureKey, label: &[u8]) -> Option<Vec<u8>> {
        let stored = self.read(&list_name(key, label))?;
        let (check, sealed) = stored.split_first_chunk::<16>()?;
        seal::decrypt(&list_pad(key, check), &[], sealed).ok().map(|content| content.to_vec())
    }

    /// Reads many lists at once, each under its key, and makes something of each: opened and read on every core.
    pub fn sealed_lists<'k, T: Send>(
        &self,
        wanted: &[(&'k StructureKey, Vec<u8>)],
        read: impl Fn(&[u8]) -> Option<T> + Sync,
    ) -> Vec<Option<T>> {
        // What waits to be written is looked up first: sled alone may be asked from several threads.
        let find = |(key, label): &(&'k StructureKey, Vec<u8>)| {
            let name = list_name(key, label);
            Wanted { key, waiting: self.waiting.borrow().get(&name).cloned(), name }
        };
        let wanted: Vec<Wanted<'k>> = wanted.iter().map(find).collect();
        let db = &self.db;
        let open = |wanted: Wanted<'k>| {
            let stored = wanted.waiting.or_else(|| stored(db, &wanted.name))?;
            let (check, sealed) = stored.split_first_chunk::<16>()?;
            read(&seal::decrypt(&list_pad(wanted.key, check), &[], sealed).ok()?)
        };
        wanted.into_par_iter().map(open).collect()
    }

    /// Keeps a list under a structure key: nobody else learns what it is, or that it is one of this key.
    ///
    /// # Errors
    /// `Damaged` if it cannot be sealed.
    pub fn set_sealed(&self, key: &StructureKey, label: &[u8], content: Vec<u8>) -> Result<(), IndexError> {
        // As with an author's head: two contents never share a sealing key.
        let mut check = [0; 16];
        INDEX.expand(key.as_bytes(), &[&b"list check"[..], label, &[0], &content].concat(), &mut check);
        let sealed = seal::encrypt(&list_pad(key, &check), &[], content).map_err(|_| IndexError::Damaged)?;
        self.waiting.borrow_mut().insert(list_name(key, label), [&check[..], &sealed].concat());
        Ok(())
    }

    /// Returns the entry of an author's statement by its id, if the index knows it; to be believed after it was read.
    ///
    /// The first one that is asked for costs a look through all of the author's pages, which stay in memory.
    #[must_use]
    pub fn statement(&self, key: &StructureKey, id: &StatementId) -> Option<u64> {
        let name = INDEX.keyed(key.as_bytes(), b"statements");
        let mut all = self.statements.borrow_mut();
        let statements = match all.entry(name) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(empty) => empty.insert(self.read_statements(&name)?),
        };
        let (known_by, mask) = hidden(key, id);
        statements.get(&known_by).map(|masked| u64::from_be_bytes(*masked) ^ mask)
    }

    /// Keeps the entry of an author's statement by its id, in the page of its sequence number; both are hidden under the
    /// author's structure key.
    ///
    /// # Errors
    /// `Damaged` if the sequence number is beyond all range.
    pub fn set_statement(
        &self,
        key: &StructureKey,
        id: &StatementId,
        sequence: u64,
        entry: u64,
    ) -> Result<(), IndexError> {
        let name = INDEX.keyed(key.as_bytes(), b"statements");
        let (known_by, mask) = hidden(key, id);
        let masked = (entry ^ mask).to_be_bytes();
        let (page, at) = (statements_key(&name, sequence / STATEMENTS), sequence % STATEMENTS);
        let at = usize::try_from(at).map_err(|_| IndexError::Damaged)? * STATEMENT;
        let mut waiting = self.waiting.borrow_mut();
        let page = match waiting.entry(page) {
            Entry::Occupied(page) => page.into_mut(),
            Entry::Vacant(empty) => {
                let stored = self.stored(empty.key()).unwrap_or_default();
                empty.insert(stored)
            }
        };
        // Zeros stand for a statement that the index does not know.
        page.resize(page.len().max(at + STATEMENT), 0);
        if let Some(place) = page.get_mut(at..at + STATEMENT) {
            place.copy_from_slice(&[&known_by[..], &masked].concat());
        }
        if let Some(statements) = self.statements.borrow_mut().get_mut(&name) {
            statements.insert(known_by, masked);
        }
        Ok(())
    }

    /// Returns what a statement's id is known by: nothing to whoever lacks the structure key.
    #[must_use]
    pub fn known_by(key: &StructureKey, id: &StatementId) -> [u8; 16] {
        let mut known_by = [0; 16];
        INDEX.expand(key.as_bytes(), &[&b"statement"[..], id.as_bytes()].concat(), &mut known_by);
        known_by
    }

    /// Reads all that is known of an author's statements.
    fn read_statements(&self, name: &[u8; 32]) -> Option<Statements> {
        let mut statements = Statements::new();
        let prefix = statements_prefix(name);
        let mut take = |page: &[u8]| {
            for record in page.chunks_exact(STATEMENT) {
                if let Some((known_by, masked)) = record.split_first_chunk::<16>()
                    && *known_by != [0; 16]
                    && let Ok(masked) = masked.try_into()
                {
                    statements.insert(*known_by, masked);
                }
            }
        };
        let stored = || self.db.scan_prefix(&prefix).try_for_each(|page| page.map(|(_, page)| take(&page)));
        guarded(stored).ok()?;
        let waiting = self.waiting.borrow();
        waiting.iter().filter(|(key, _)| key.starts_with(&prefix)).for_each(|(_, page)| take(page));
        Some(statements)
    }

    fn read(&self, key: &[u8]) -> Option<Vec<u8>> {
        if let Some(page) = self.waiting.borrow().get(key) {
            return Some(page.clone());
        }
        self.stored(key)
    }

    fn stored(&self, key: &[u8]) -> Option<Vec<u8>> {
        stored(&self.db, key)
    }

    fn tile(&self, level: u8, tile: u64) -> Option<Vec<u8>> {
        if let Some(bytes) = self.tiles.borrow().get(&(level, tile)) {
            return Some(bytes.clone());
        }
        let bytes = self.read(&tile_key(level, tile * TILE).0)?;
        let mut cache = self.tiles.borrow_mut();
        if cache.len() > 64 {
            cache.clear();
            self.proven.borrow_mut().clear();
        }
        cache.insert((level, tile), bytes.clone());
        Some(bytes)
    }

    /// Returns the hash of an entry's leaf, if what is kept around it leads to the root of this tree.
    #[must_use]
    pub fn leaf(&self, number: u64, tree: &Frontier) -> Option<Hash> {
        let leaf = self.node(NodeId { level: 0, index: number })?;
        let tile = number / TILE;
        if !self.proven.borrow().contains(&tile) {
            // One leaf of a tile leads to the root through all the others of that tile.
            let proof = prove_inclusion(EntryNumber(number), tree.size(), self).ok()?;
            check_inclusion(EntryNumber(number), tree.size(), &leaf, &proof, &tree.root()).ok()?;
            if self.tiles.borrow().contains_key(&(0, tile)) {
                self.proven.borrow_mut().insert(tile);
            }
        }
        Some(leaf)
    }

    fn node(&self, id: NodeId) -> Option<Hash> {
        let (level, height) = (id.level / 8, id.level % 8);
        let first = id.index << height;
        let bytes = self.tile(level, first / TILE)?;
        let at = usize::try_from(first % TILE).ok()?;
        let stored = bytes.get(at * 32..(at + (1 << height)) * 32)?;
        let mut hashes: Vec<Hash> =
            stored.chunks_exact(32).filter_map(|chunk| chunk.try_into().ok().map(Hash)).collect();
        while hashes.len() > 1 {
            hashes = hashes.chunks_exact(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
        }
        hashes.pop()
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        // A failure costs the next opening a look at the log.
        let _ = self.flush();
    }
}

impl ReadHashes for Index {
    fn read_hashes(&self, ids: &[NodeId]) -> Result<Vec<Hash>, ReadError> {
        ids.iter().map(|id| self.node(*id).ok_or(ReadError(*id))).collect()
    }
}

fn is_busy(error: &std::io::Error) -> bool {
    // sled wraps the refused lock in an error of its own words.
    error.kind() == std::io::ErrorKind::WouldBlock || error.to_string().contains("WouldBlock")
}

fn guarded<T>(work: impl FnOnce() -> sled::Result<T>) -> Result<T, IndexError> {
    catch_unwind(AssertUnwindSafe(work)).ok().and_then(Result::ok).ok_or(IndexError::Damaged)
}

fn tile_key(level: u8, index: u64) -> (Vec<u8>, usize) {
    let (mut key, at) = page_key(b't', index, TILE);
    key.push(level);
    (key, at)
}

fn page_key(name: u8, number: u64, page: u64) -> (Vec<u8>, usize) {
    let mut key = vec![name];
    key.extend_from_slice(&(number / page).to_be_bytes());
    (key, usize::try_from(number % page).unwrap_or(0))
}

fn number_at(page: &[u8], at: usize) -> Option<u64> {
    page.get(at * 8..)?.first_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

fn statements_prefix(name: &[u8; 32]) -> Vec<u8> {
    [&b"i"[..], name].concat()
}

fn statements_key(name: &[u8; 32], page: u64) -> Vec<u8> {
    [&b"i"[..], name, &page.to_be_bytes()].concat()
}

/// What a statement's id is known by, and the mask of its entry number: one number under one mask, since an id stands for
/// one entry for ever.
fn hidden(key: &StructureKey, id: &StatementId) -> ([u8; 16], u64) {
    let mut mask = [0; 8];
    INDEX.expand(key.as_bytes(), &[&b"entry"[..], id.as_bytes()].concat(), &mut mask);
    (Index::known_by(key, id), u64::from_be_bytes(mask))
}

/// A list that somebody wants to read.
struct Wanted<'k> {
    key: &'k StructureKey,
    name: Vec<u8>,
    waiting: Option<Vec<u8>>,
}

fn stored(db: &sled::Db, key: &[u8]) -> Option<Vec<u8>> {
    catch_unwind(AssertUnwindSafe(|| db.get(key))).ok()?.ok()?.map(|value| value.to_vec())
}

fn list_name(key: &StructureKey, label: &[u8]) -> Vec<u8> {
    [&b"l"[..], &INDEX.keyed(key.as_bytes(), &[&b"list"[..], label].concat())].concat()
}

fn list_pad(key: &StructureKey, check: &[u8; 16]) -> [u8; 32] {
    INDEX.keyed(key.as_bytes(), &[&b"list pad"[..], check].concat())
}

fn author_name(key: &StructureKey) -> Vec<u8> {
    [&b"a"[..], &INDEX.keyed(key.as_bytes(), b"author")].concat()
}

fn author_pad(key: &StructureKey, check: &[u8; 16]) -> [u8; 32] {
    INDEX.keyed(key.as_bytes(), &[&b"author"[..], check].concat())
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;
    use crate::tree::{leaf_hash, root_from};

    fn never(_: &Path) {
        panic!("burnt");
    }

    fn filled(index: &Index, sizes: &[u64]) -> Frontier {
        let mut frontier = Frontier::new();
        for size in sizes {
            let before = frontier.size();
            let mut update = Update::default();
            for number in before.0..*size {
                frontier.append_with(leaf_hash(&number.to_be_bytes()), |id, hash| update.node(id, hash));
                update.entry(number * 1000);
            }
            let head = IndexHead {
                version: VERSION,
                size: *size,
                root: Digest::new(frontier.root().0),
                end: 0,
                write: Digest::ZERO,
                link: Link::ZERO,
                cosigned: 0,
                cosigners: 0,
            };
            index.extend(before, &update, &head).unwrap();
        }
        frontier
    }

    #[test]
    fn tiles_offsets_and_lists_come_back_whatever_the_steps() {
        let folder = tempfile::tempdir().unwrap();
        for (name, sizes) in [("a", vec![1, 2, 255, 256, 257, 700, 70_000]), ("b", vec![70_000])] {
            let index = Index::open(&folder.path().join(name), &never).unwrap();
            let frontier = filled(&index, &sizes);
            assert_eq!(root_from(&index, frontier.size()), Ok(frontier.root()));
            assert_eq!(Frontier::read(&index, frontier.size()), Ok(frontier.clone()));
            for number in [0, 255, 256, 65_535, 65_536, 69_999] {
                assert_eq!(index.offset(number), Some(number * 1000));
                let leaf = index.leaf(number, &frontier);
                assert_eq!(leaf, Some(leaf_hash(&number.to_be_bytes())));
            }
            assert_eq!(index.offset(70_000), None);
        }
    }

    #[test]
    fn a_leaf_is_believed_only_where_all_of_its_tile_leads_to_the_root() {
        let folder = tempfile::tempdir().unwrap();
        let index = Index::open(folder.path(), &never).unwrap();
        let frontier = filled(&index, &[255, 600]);
        let leaf = |number| index.leaf(number, &frontier);
        assert!(
            [0, 255, 256, 599, 1].into_iter().all(|number| leaf(number) == Some(leaf_hash(&u64::to_be_bytes(number))))
        );
        assert_eq!(leaf(600), None);
        // What comes behind it is believed as well, and what is put in its place only if it folds.
        let mut grown = frontier.clone();
        let mut update = Update::default();
        for number in 600..610_u64 {
            grown.append_with(leaf_hash(&number.to_be_bytes()), |id, hash| update.node(id, hash));
            update.entry(number * 1000);
        }
        index.extend(frontier.size(), &update, &index.head().unwrap()).unwrap();
        assert!((590..610).all(|number| { index.leaf(number, &grown) == Some(leaf_hash(&u64::to_be_bytes(number))) }));
        let mut other = Update::default();
        other.node(NodeId { level: 0, index: 605 }, Hash([9; 32]));
        index.extend(TreeSize(605), &other, &index.head().unwrap()).unwrap();
        assert_eq!(index.leaf(605, &grown), None);
        index.extend(frontier.size(), &update, &index.head().unwrap()).unwrap();
        assert_eq!(index.leaf(599, &grown), Some(leaf_hash(&599_u64.to_be_bytes())));
        // One leaf of the first tile is another one now; its neighbour is what it was.
        let mut tile = index.read(&tile_key(0, 0).0).unwrap();
        tile[40] ^= 1;
        index.waiting.borrow_mut().insert(tile_key(0, 0).0, tile);
        assert!(leaf(0).is_some(), "what was proven stays in memory");
        index.tiles.borrow_mut().clear();
        index.proven.borrow_mut().clear();
        assert!(leaf(0).is_none() && leaf(1).is_none() && leaf(256).is_some());
        // Nor where the tree is another one.
        let mut other = Frontier::new();
        (0..600_u64).for_each(|number| other.append(leaf_hash(&[number.to_be_bytes(), [1; 8]].concat())));
        assert_eq!(index.leaf(257, &other), Some(leaf_hash(&257_u64.to_be_bytes())), "proven before");
        assert_eq!(index.leaf(3, &other), None);
    }

    #[test]
    fn an_author_head_is_sealed_and_found_by_its_key_only() {
        let folder = tempfile::tempdir().unwrap();
        let index = Index::open(folder.path(), &never).unwrap();
        let (key, other) = (StructureKey::new([1; 32]), StructureKey::new([2; 32]));
        for sequence in 0..3 {
            let head = AuthorHead { upto: 20, entry: 7 + sequence, sequence, digest: Digest::new([9; 32]), seen: 3 };
            index.set_author(&key, &head).unwrap();
            assert_eq!(index.author(&key), Some(head));
        }
        assert_eq!(index.author(&other), None);
        index.flush().unwrap();
        for item in index.db.iter() {
            let (_, value) = item.unwrap();
            assert!(!value.windows(4).any(|window| window == [9; 4]));
        }
    }

    #[test]
    fn a_list_is_sealed_and_found_by_its_key_and_label_only() {
        let folder = tempfile::tempdir().unwrap();
        let (key, other) = (StructureKey::new([1; 32]), StructureKey::new([2; 32]));
        let index = Index::open(folder.path(), &never).unwrap();
        index.set_sealed(&key, b"a", vec![9; 40]).unwrap();
        index.set_sealed(&key, b"b", Vec::new()).unwrap();
        assert_eq!(index.sealed(&key, b"a"), Some(vec![9; 40]));
        index.set_sealed(&key, b"a", vec![8; 50]).unwrap();
        index.flush().unwrap();
        assert_eq!((index.sealed(&key, b"a"), index.sealed(&key, b"b")), (Some(vec![8; 50]), Some(Vec::new())));
        assert_eq!((index.sealed(&key, b"c"), index.sealed(&other, b"a")), (None, None));
        let wanted = [(&key, b"b".to_vec()), (&other, b"a".to_vec()), (&key, b"c".to_vec()), (&key, b"a".to_vec())];
        let lengths = index.sealed_lists(&wanted, |content| Some(content.len()).filter(|length| *length > 0));
        assert_eq!(lengths, [None, None, None, Some(50)]);
        assert!(index.db.iter().all(|item| !item.unwrap().1.windows(4).any(|window| window == [8; 4])));
    }

    #[test]
    fn statements_are_found_by_their_authors_key_however_they_came() {
        let folder = tempfile::tempdir().unwrap();
        let (key, other) = (StructureKey::new([1; 32]), StructureKey::new([2; 32]));
        let id = |number: u64| StatementId::new(*INDEX.hash(&[&number.to_be_bytes()]).first_chunk().unwrap());
        let index = Index::open(folder.path(), &never).unwrap();
        // A key that begins in the midst of a page, leaves some out, and crosses pages; asked for before and after.
        let sequences: Vec<u64> = (200..1500).filter(|sequence| sequence % 7 != 3).collect();
        for (at, sequence) in sequences.iter().enumerate() {
            index.set_statement(&key, &id(*sequence), *sequence, sequence * 3).unwrap();
            index.set_statement(&other, &id(*sequence + 5000), at as u64, sequence + 1).unwrap();
            if at == 400 {
                assert_eq!(index.statement(&key, &id(200)), Some(600));
                index.flush().unwrap();
            }
        }
        let found = |index: &Index| {
            for (at, sequence) in sequences.iter().enumerate() {
                assert_eq!(index.statement(&key, &id(*sequence)), Some(sequence * 3), "{at}");
                assert_eq!(index.statement(&other, &id(*sequence)), None);
                assert_eq!(index.statement(&other, &id(*sequence + 5000)), Some(sequence + 1));
            }
            assert_eq!(index.statement(&key, &id(206)), None);
        };
        found(&index);
        drop(index);
        let index = Index::open(folder.path(), &never).unwrap();
        found(&index);
        // The same one again, from another look through the log, takes no other place.
        index.set_statement(&key, &id(300), 300, 900).unwrap();
        index.flush().unwrap();
        assert!(index.db.len() < 20, "{} pages", index.db.len());
        for item in index.db.iter() {
            let (name, page) = item.unwrap();
            assert!(page.len() <= 256 * STATEMENT && !name.windows(4).any(|window| window == [1; 4]));
            for sequence in &sequences {
                assert!(!page.windows(16).any(|window| window == id(*sequence).as_bytes()), "an id in clear");
            }
        }
        index.clear().unwrap();
        assert_eq!(index.statement(&key, &id(300)), None);
    }

    #[test]
    fn a_second_opening_is_told_that_it_is_busy_and_a_damaged_folder_is_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index");
        let index = Index::open(&path, &never).unwrap();
        assert_eq!(Index::open(&path, &never).map(|_| ()), Err(IndexError::Busy));
        filled(&index, &[10]);
        drop(index);
        for file in std::fs::read_dir(&path).unwrap().map(Result::unwrap).filter(|file| file.path().is_file()) {
            std::fs::write(file.path(), [0xfe; 5000]).unwrap();
        }
        let burnt = RefCell::new(0);
        let burn = |path: &Path| {
            *burnt.borrow_mut() += 1;
            std::fs::remove_dir_all(path).unwrap();
        };
        let index = Index::open(&path, &burn).unwrap();
        assert_eq!((index.head(), *burnt.borrow()), (None, 1));
    }
}
