//! Cards: the index where we have it, else the same in memory, scanned from the log. Both are only a way to find things.

use std::collections::HashMap;

use crate::codec::{Digest, Link};
use crate::entry::envelope;
use crate::frame::reader::Event;
use crate::head::note::Note;
use crate::index::{AuthorHead, Index, IndexError, IndexHead, Update, VERSION};
use crate::ledger::LedgerError;
use crate::seal::structure::StructureKey;
use crate::store::disk::Disk;
use crate::store::log_file::LogFile;
use crate::tree::{Frontier, Hash, NodeId, ReadError, ReadHashes, TreeSize};

/// Entries put into the index together while it is built.
const CHUNK: usize = 4096;

/// The index, or what takes its place.
pub enum Cards {
    /// The index on disk.
    Index(Box<Index>),
    /// Another program has the index, or it cannot be had: everything in memory, for this process only.
    Memory(Box<Memory>),
}

/// The same content in memory.
#[derive(Default)]
pub struct Memory {
    head: Option<IndexHead>,
    nodes: HashMap<NodeId, Hash>,
    offsets: Vec<u64>,
    authors: HashMap<[u8; 32], AuthorHead>,
    ids: HashMap<[u8; 16], u64>,
}

/// Where the log stands as the cards say, folded and ready to be appended to.
pub struct Indexed {
    /// The tree.
    pub frontier: Frontier,
    /// How far the cards have come.
    pub head: IndexHead,
}

impl Cards {
    /// Brings the cards up to the log's head: goes on from where they are, or begins anew if they do not fold to `root`.
    ///
    /// # Errors
    /// `Damaged` if the log does not lead to `root`; those of the store.
    pub fn follow<D: Disk>(
        &mut self,
        file: &LogFile<D>,
        end: u64,
        size: u64,
        root: Hash,
    ) -> Result<Indexed, LedgerError> {
        if let Some(indexed) = self.folded(end, size, root) {
            return Ok(indexed);
        }
        let head = self.head().filter(|head| head.end <= end && head.size <= size);
        let begun = head.and_then(|head| {
            let frontier = Frontier::read(self, TreeSize(head.size)).ok()?;
            (Digest::new(frontier.root().0) == head.root).then_some((head, frontier))
        });
        if let Some((head, frontier)) = begun
            && self.scan(file, &head, frontier, end).is_ok()
            && let Some(indexed) = self.folded(end, size, root)
        {
            return Ok(indexed);
        }
        self.clear();
        let empty = IndexHead {
            version: VERSION,
            size: 0,
            root: Digest::ZERO,
            end: 0,
            write: Digest::ZERO,
            link: Link::ZERO,
            cosigned: 0,
            cosigners: 0,
        };
        if self.scan(file, &empty, Frontier::new(), end).is_err() {
            *self = Cards::Memory(Box::default());
            self.scan(file, &empty, Frontier::new(), end)?;
        }
        let entry = size.saturating_sub(1);
        self.folded(end, size, root).ok_or(LedgerError::Damaged {
            entry,
            offset: end,
            code: crate::verify::report::Code::Checkpoint,
        })
    }

    fn folded(&self, end: u64, size: u64, root: Hash) -> Option<Indexed> {
        let head = self.head().filter(|head| head.end == end && head.size == size)?;
        let frontier = Frontier::read(self, TreeSize(size)).ok().filter(|frontier| frontier.root() == root)?;
        Some(Indexed { frontier, head })
    }

    fn scan<D: Disk>(
        &mut self,
        file: &LogFile<D>,
        from: &IndexHead,
        mut frontier: Frontier,
        end: u64,
    ) -> Result<(), LedgerError> {
        let mut reader = file.reader_from(from.end, *from.write.as_bytes())?;
        let mut head = from.clone();
        let (mut update, mut before) = (Update::default(), frontier.size());
        loop {
            match reader.next_event().map_err(LedgerError::io("ledger.log"))? {
                Event::Entry { offset, frame } => {
                    update.entry(offset);
                    head.link = envelope::link(frame.envelope);
                    frontier.append_with(crate::tree::leaf_hash(frame.envelope), |id, hash| update.node(id, hash));
                }
                Event::Checkpoint { offset, frame, cosigned, write } => {
                    if cosigned && let Ok(note) = Note::parse(frame.note) {
                        let cosigners = u32::try_from(note.signatures().len()).unwrap_or(u32::MAX);
                        if cosigners >= head.cosigners {
                            (head.cosigned, head.cosigners) = (offset + 1, cosigners);
                        }
                    }
                    (head.end, head.write, head.size) = (write.end, Digest::new(write.hash), frontier.size().0);
                    head.root = Digest::new(frontier.root().0);
                    if update.len() >= CHUNK || write.end >= end {
                        self.put(before, &update, &head).map_err(|_| LedgerError::NoLedger)?;
                        (update, before) = (Update::default(), frontier.size());
                    }
                    if write.end >= end {
                        return Ok(());
                    }
                }
                Event::Void { .. } => {
                    // What was set aside did not happen: entries since the last checkpoint are dropped.
                    frontier = self.frontier_after(&head, before, &mut update)?;
                    before = frontier.size();
                }
                Event::Tail(_) | Event::End { .. } => return Ok(()),
            }
        }
    }

    /// Drops what was noted after the last whole write: everything not yet put is put up to there.
    fn frontier_after(
        &mut self,
        head: &IndexHead,
        before: TreeSize,
        update: &mut Update,
    ) -> Result<Frontier, LedgerError> {
        update.truncate(head.size - before.0);
        self.put(before, update, head).map_err(|_| LedgerError::NoLedger)?;
        *update = Update::default();
        Ok(Frontier::read(self, TreeSize(head.size))?)
    }

    /// Returns how far the cards have come.
    #[must_use]
    pub fn head(&self) -> Option<IndexHead> {
        match self {
            Cards::Index(index) => index.head(),
            Cards::Memory(memory) => memory.head.clone(),
        }
    }

    fn clear(&mut self) {
        match self {
            Cards::Index(index) => {
                if index.clear().is_err() {
                    *self = Cards::Memory(Box::default());
                }
            }
            Cards::Memory(memory) => **memory = Memory::default(),
        }
    }

    /// Puts new entries in.
    ///
    /// # Errors
    /// `Damaged` from the index, or if something is missing before; the log is not concerned.
    pub fn put(&mut self, before: TreeSize, update: &Update, head: &IndexHead) -> Result<(), IndexError> {
        match self {
            Cards::Index(index) => index.extend(before, update, head),
            Cards::Memory(memory) => {
                if (memory.offsets.len() as u64) < before.0 {
                    return Err(IndexError::Damaged);
                }
                memory.nodes.extend(update.nodes().iter().copied());
                memory.offsets.truncate(usize::try_from(before.0).unwrap_or(usize::MAX));
                memory.offsets.extend(update.offsets());
                memory.head = Some(head.clone());
                Ok(())
            }
        }
    }

    /// Returns where an entry's frame begins.
    #[must_use]
    pub fn offset(&self, number: u64) -> Option<u64> {
        match self {
            Cards::Index(index) => index.offset(number),
            Cards::Memory(memory) => memory.offsets.get(usize::try_from(number).ok()?).copied(),
        }
    }

    /// Returns the hash of an entry's leaf, if what is kept around it leads to the root of this tree. What was read from the
    /// log in this process was folded when it was.
    #[must_use]
    pub fn leaf(&self, number: u64, tree: &Frontier) -> Option<Hash> {
        match self {
            Cards::Index(index) => index.leaf(number, tree),
            Cards::Memory(memory) => memory.node(NodeId { level: 0, index: number }),
        }
    }

    /// Returns where an author stands, if the cards know.
    #[must_use]
    pub fn author(&self, key: &StructureKey) -> Option<AuthorHead> {
        match self {
            Cards::Index(index) => index.author(key),
            Cards::Memory(memory) => memory.authors.get(key.as_bytes()).copied(),
        }
    }

    /// Keeps where an author stands.
    pub fn set_author(&mut self, key: &StructureKey, head: &AuthorHead) {
        match self {
            // A failure is a warning at most: the next opening scans.
            Cards::Index(index) => drop(index.set_author(key, head)),
            Cards::Memory(memory) => drop(memory.authors.insert(*key.as_bytes(), *head)),
        }
    }

    /// Returns a list that is kept under a structure key. What takes the index's place keeps none.
    #[must_use]
    pub fn sealed(&self, key: &StructureKey, label: &[u8]) -> Option<Vec<u8>> {
        match self {
            Cards::Index(index) => index.sealed(key, label),
            Cards::Memory(_) => None,
        }
    }

    /// Reads many lists at once, as [`Index::sealed_lists`]. What takes the index's place keeps none.
    pub fn sealed_lists<T: Send>(
        &self,
        wanted: &[(&StructureKey, Vec<u8>)],
        read: impl Fn(&[u8]) -> Option<T> + Sync,
    ) -> Vec<Option<T>> {
        match self {
            Cards::Index(index) => index.sealed_lists(wanted, read),
            Cards::Memory(_) => wanted.iter().map(|_| None).collect(),
        }
    }

    /// Keeps a list under a structure key, in the index alone.
    pub fn set_sealed(&self, key: &StructureKey, label: &[u8], content: Vec<u8>) {
        if let Cards::Index(index) = self {
            // A failure is a warning at most: the next who asks looks through the log.
            index.set_sealed(key, label, content).ok();
        }
    }

    /// Returns the entry of an author's statement by its id, if the cards know it.
    #[must_use]
    pub fn statement(&self, key: &StructureKey, id: &crate::codec::StatementId) -> Option<u64> {
        match self {
            Cards::Index(index) => index.statement(key, id),
            Cards::Memory(memory) => memory.ids.get(&Index::known_by(key, id)).copied(),
        }
    }

    /// Keeps the entry of an author's statement by its id and sequence number.
    pub fn set_statement(&mut self, key: &StructureKey, id: &crate::codec::StatementId, sequence: u64, entry: u64) {
        match self {
            Cards::Index(index) => drop(index.set_statement(key, id, sequence, entry)),
            Cards::Memory(memory) => drop(memory.ids.insert(Index::known_by(key, id), entry)),
        }
    }
}

impl ReadHashes for Cards {
    fn read_hashes(&self, ids: &[NodeId]) -> Result<Vec<Hash>, ReadError> {
        match self {
            Cards::Index(index) => index.read_hashes(ids),
            Cards::Memory(memory) => ids.iter().map(|id| memory.node(*id).ok_or(ReadError(*id))).collect(),
        }
    }
}

impl Memory {
    fn node(&self, id: NodeId) -> Option<Hash> {
        if let Some(hash) = self.nodes.get(&id) {
            return Some(*hash);
        }
        let below = |side| NodeId { level: id.level.wrapping_sub(1), index: id.index * 2 + side };
        if id.level == 0 {
            return None;
        }
        Some(crate::tree::node_hash(&self.node(below(0))?, &self.node(below(1))?))
    }
}
