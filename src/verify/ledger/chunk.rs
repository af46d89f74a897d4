//! A stretch of the log, read by one thread and looked at by all: what can be judged without knowing what stands around it.

use std::io::{self, Read, Seek};

use crate::entry::envelope::ENVELOPE;
use crate::frame::Void;
use crate::frame::reader::{Event, Tail, WriteReader};
use crate::head::checkpoint::Checkpoint;
use crate::head::note::Note;
use crate::verify::entry::{self, Checked, Hashed, Keys, Parts};

/// Entries that are checked together.
const CHUNK_ENTRIES: usize = 1024;
/// Bytes that are checked together, at least one entry.
const CHUNK_BYTES: usize = 4 << 20;
/// Items that one core looks at together, so that their hashes are made side by side.
pub(super) const TOGETHER: usize = 32;

/// Why reading into a chunk stopped.
pub(super) enum Stop {
    /// It holds enough whole writes.
    Full,
    /// A write ended that sets bytes aside.
    Write {
        /// Its entries.
        entries: u64,
    },
    /// As the event.
    Void(Void),
    /// As the event.
    Tail(Tail),
    /// As the event.
    End {
        /// The log's bytes.
        size: u64,
    },
}

/// Finished writes to be checked, and one unfinished one behind them.
#[derive(Default)]
pub(super) struct Chunk {
    pub(super) bytes: Vec<u8>,
    pub(super) items: Vec<Item>,
    /// How many items belong to finished writes.
    pub(super) finished: usize,
    /// Where the last checking write ends, and its hash.
    pub(super) last_write: (u64, [u8; 32]),
}

pub(super) enum Item {
    Entry { offset: u64, at: usize, structure: usize, words: usize },
    Checkpoint { cosigned: bool, at: usize, length: usize, end: u64 },
}

#[expect(clippy::large_enum_variant, reason = "nearly all are entries; a box for each would cost an allocation each")]
pub(super) enum Outcome {
    Entry(Checked),
    Checkpoint(Option<(Note, Checkpoint)>),
}

impl Chunk {
    /// Reads writes until there are enough, or something comes that cannot wait; with `aside` also at the next write's end.
    pub(super) fn fill<R: Read + Seek>(&mut self, reader: &mut WriteReader<R>, aside: bool) -> io::Result<Stop> {
        while !self.is_full() {
            match reader.next_event()? {
                Event::Entry { offset, frame } => self.entry(offset, frame.envelope, frame.structure, frame.words),
                Event::Checkpoint { frame, cosigned, write, .. } => {
                    self.checkpoint(frame.note, cosigned, write.end);
                    self.last_write = (write.end, write.hash);
                    if aside {
                        return Ok(Stop::Write { entries: write.entries });
                    }
                }
                Event::Void { void, .. } => return Ok(Stop::Void(void)),
                Event::Tail(tail) => return Ok(Stop::Tail(tail)),
                Event::End { size } => return Ok(Stop::End { size }),
            }
        }
        Ok(Stop::Full)
    }

    pub(super) fn entry(&mut self, offset: u64, envelope: &[u8; ENVELOPE], structure: &[u8], words: &[u8]) {
        let at = self.bytes.len();
        [envelope, structure, words].iter().for_each(|part| self.bytes.extend_from_slice(part));
        self.items.push(Item::Entry { offset, at, structure: structure.len(), words: words.len() });
    }

    pub(super) fn checkpoint(&mut self, note: &[u8], cosigned: bool, end: u64) {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(note);
        self.items.push(Item::Checkpoint { cosigned, at, length: note.len(), end });
        self.finished = self.items.len();
    }

    pub(super) fn drop_unfinished(&mut self) {
        self.items.truncate(self.finished);
    }

    /// Empties it; the memory stays for the next ones.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.items.clear();
        self.finished = 0;
    }

    pub(super) fn is_full(&self) -> bool {
        self.finished == self.items.len() && (self.items.len() >= CHUNK_ENTRIES || self.bytes.len() >= CHUNK_BYTES)
    }

    pub(super) fn parts(&self, item: &Item) -> Option<Parts<'_>> {
        let Item::Entry { at, structure, words, .. } = item else { return None };
        let (envelope, rest) = self.bytes.get(*at..)?.split_first_chunk()?;
        let (structure, rest) = rest.split_at_checked(*structure)?;
        Some(Parts { envelope, structure, words: rest.get(..*words)? })
    }

    /// Looks at items that stand together: the entries among them are hashed side by side.
    pub(super) fn look_at(&self, items: &[Item], keys: &Keys, opened_before: u64) -> Vec<Outcome> {
        let parts: Vec<Parts<'_>> = items.iter().filter_map(|item| self.parts(item)).collect();
        let mut hashed = Hashed::of_each(&parts).into_iter();
        let look = |item| match self.parts(item).and_then(|parts| Some((parts, hashed.next()?))) {
            Some((parts, hashed)) => Outcome::Entry(entry::check_hashed(parts, &hashed, keys, opened_before)),
            None => self.look_at_checkpoint(item),
        };
        items.iter().map(look).collect()
    }

    pub(super) fn look_at_checkpoint(&self, item: &Item) -> Outcome {
        let Item::Checkpoint { at, length, .. } = item else { return Outcome::Checkpoint(None) };
        let note = self.bytes.get(*at..*at + *length).and_then(|bytes| Note::parse(bytes).ok());
        Outcome::Checkpoint(note.and_then(|note| {
            let checkpoint = Checkpoint::parse(note.text()).ok()?;
            Some((note, checkpoint))
        }))
    }
}
