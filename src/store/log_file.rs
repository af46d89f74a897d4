//! The log: read from its end where that can be trusted, from its beginning where not, and appended to in one piece.

use std::io;

use super::StoreError;
use super::disk::{Disk, DiskReader};
use crate::frame::reader::{Event, Tail, WriteReader};
use crate::frame::tail::{Remains, examine};
use crate::frame::write::{Fault, WriteFault};
use crate::frame::{ENVELOPE, FRAME_LIMIT, Frame, Next, next_frame};

/// A log on a disk.
///
/// After a failed write or sync nothing is known of what the disk holds, and a later sync that succeeds would not say that
/// the failed one was made good. So the log latches: every later call refuses until it is opened again, which reads the tail
/// anew. Nothing is ever cut off.
#[derive(Debug)]
pub struct LogFile<D> {
    disk: D,
    appends: bool,
    latched: bool,
}

/// Where a log stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Where the last checking write ends, in bytes.
    pub end: u64,
    /// Its hash, which the next write names; zero where there is none.
    pub hash: [u8; 32],
    /// The newest entry and the log's own checkpoint behind it; none in an empty log.
    pub newest: Option<Newest>,
    /// What follows the last checking write.
    pub tail: TailState,
}

/// The newest write with entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newest {
    /// Where it begins, in bytes.
    pub start: u64,
    /// Where the frame of its last entry begins, in bytes.
    pub entry: u64,
    /// The envelope of that entry.
    pub envelope: [u8; ENVELOPE],
    /// The log's own checkpoint, as a note.
    pub note: Vec<u8>,
}

/// What follows the last checking write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TailState {
    /// Nothing.
    Clean,
    /// What a power cut may leave: a write that did not happen, to be set aside by the next. Beside a live writer it may be a
    /// write under way.
    Torn(Remains),
    /// Bytes that were there and are not what they were.
    Corrupt {
        /// Which frame fails, and why.
        fault: WriteFault,
        /// The number of the entry that stands or would stand there.
        entry: u64,
        /// What is legible.
        remains: Remains,
    },
}

impl TailState {
    /// Returns what has to be set aside before anything can be appended.
    #[must_use]
    pub fn remains(&self) -> Option<&Remains> {
        match self {
            TailState::Clean => None,
            TailState::Torn(remains) | TailState::Corrupt { remains, .. } => Some(remains),
        }
    }
}

impl<D: Disk> LogFile<D> {
    /// Takes an empty disk as a new log.
    ///
    /// # Errors
    /// `NotEmpty`, or `Io`.
    pub fn create(disk: D) -> Result<Self, StoreError> {
        if disk.is_empty().map_err(StoreError::io("read"))? {
            Self::open_append(disk)
        } else {
            Err(StoreError::NotEmpty)
        }
    }

    /// Takes a disk for reading only.
    pub fn open_read(disk: D) -> Self {
        LogFile { disk, appends: false, latched: false }
    }

    /// Takes a disk for appending and syncs it first: what is read from now on is on the medium.
    ///
    /// # Errors
    /// `Io`.
    pub fn open_append(mut disk: D) -> Result<Self, StoreError> {
        disk.sync().map_err(StoreError::io("sync"))?;
        Ok(LogFile { disk, appends: true, latched: false })
    }

    /// Appends a write made for byte `start`, with one write and one sync. When it returns, the write is durable.
    ///
    /// # Errors
    /// `Moved` if the log does not end at `start`: nothing was done. `Io` if the write or the sync failed: whether it
    /// happened is found out by opening the log again. `Latched` after that, `ReadOnly` if opened for reading.
    pub fn append(&mut self, start: u64, bytes: &[u8]) -> Result<(), StoreError> {
        if !self.appends {
            return Err(StoreError::ReadOnly);
        }
        let length = self.len()?;
        if length != start {
            return Err(StoreError::Moved { start, length });
        }
        // Until both have returned, whatever happens leaves the log latched.
        self.latched = true;
        self.disk.append(bytes).map_err(StoreError::io("write"))?;
        self.disk.sync().map_err(StoreError::io("sync"))?;
        self.latched = false;
        Ok(())
    }

    /// Returns the bytes of the log.
    ///
    /// # Errors
    /// `Latched` or `Io`.
    pub fn len(&self) -> Result<u64, StoreError> {
        self.usable()?.len().map_err(StoreError::io("read"))
    }

    /// Whether the log has no bytes.
    ///
    /// # Errors
    /// `Latched` or `Io`.
    pub fn is_empty(&self) -> Result<bool, StoreError> {
        Ok(self.len()? == 0)
    }

    /// Reads the log from its first byte.
    ///
    /// # Errors
    /// `Latched`.
    pub fn reader(&self) -> Result<WriteReader<DiskReader<'_, D>>, StoreError> {
        Ok(WriteReader::new(DiskReader::new(self.usable()?)))
    }

    /// Reads the log on from a place where a write ended, with that write's hash.
    ///
    /// # Errors
    /// `Latched`.
    pub fn reader_from(&self, end: u64, hash: [u8; 32]) -> Result<WriteReader<DiskReader<'_, D>>, StoreError> {
        Ok(WriteReader::resumed(DiskReader::new(self.usable()?), end, hash))
    }

    /// Returns the bytes of the frame at `offset`, which checks (the parts of an entry are not hashed).
    ///
    /// # Errors
    /// `NoFrame`, `Latched` or `Io`.
    pub fn frame_at(&self, offset: u64) -> Result<Vec<u8>, StoreError> {
        let disk = self.usable()?;
        let mut bytes = read_exactly(disk, offset, FIRST_READ).map_err(StoreError::io("read"))?;
        loop {
            match next_frame(&bytes) {
                Next::Frame(framed) => {
                    let length = framed.length;
                    bytes.truncate(length);
                    return Ok(bytes);
                }
                Next::NeedMore(need) if need > bytes.len() && bytes.len() >= FIRST_READ => {
                    let had = bytes.len();
                    bytes = read_exactly(disk, offset, need).map_err(StoreError::io("read"))?;
                    if bytes.len() <= had {
                        return Err(StoreError::NoFrame { offset });
                    }
                }
                _ => return Err(StoreError::NoFrame { offset }),
            }
        }
    }

    /// Returns so many bytes from `offset` on; fewer where the log ends.
    ///
    /// # Errors
    /// `Latched` or `Io`.
    pub fn piece(&self, offset: u64, length: usize) -> Result<Vec<u8>, StoreError> {
        read_exactly(self.usable()?, offset, length).map_err(StoreError::io("read"))
    }

    /// Finds out where the log stands: from its end if that leads to a write that checks, whose predecessor checks and whose
    /// own checkpoint `vouched` accepts (the caller verifies the note's signature); else by [`LogFile::head_forward`].
    ///
    /// # Errors
    /// `Latched` or `Io`.
    pub fn head(&self, vouched: impl FnOnce(&[u8]) -> bool) -> Result<Head, StoreError> {
        if let Some(head) = from_end(self.usable()?).map_err(StoreError::io("read"))?
            && head.newest.as_ref().is_some_and(|newest| vouched(&newest.note))
        {
            return Ok(head);
        }
        self.head_forward()
    }

    /// Finds out where the log stands by reading all of it, with the parts of every entry.
    ///
    /// # Errors
    /// `Latched` or `Io`.
    pub fn head_forward(&self) -> Result<Head, StoreError> {
        let disk = self.usable()?;
        let mut head = Head { end: 0, hash: [0; 32], newest: None, tail: TailState::Clean };
        head.read_forward(disk).map_err(StoreError::io("read"))?;
        Ok(head)
    }

    fn usable(&self) -> Result<&D, StoreError> {
        if self.latched { Err(StoreError::Latched) } else { Ok(&self.disk) }
    }
}

impl Head {
    /// Returns the number that the next entry gets.
    #[must_use]
    pub fn next_entry(&self) -> u64 {
        let number = self.newest.as_ref().and_then(|newest| newest.envelope[1..].first_chunk().copied());
        number.map_or(0, |number| u64::from_be_bytes(number).saturating_add(1))
    }

    fn read_forward<D: Disk>(&mut self, disk: &D) -> io::Result<()> {
        let mut reader = WriteReader::new(DiskReader::new(disk));
        let (mut last, mut wrong, mut entry) = (None, None, 0);
        loop {
            match reader.next_event()? {
                Event::Void { .. } => (last, wrong, entry) = (None, None, 0),
                Event::Entry { offset, frame } => {
                    if wrong.is_none() && !frame.parts_match() {
                        wrong = Some(WriteFault { offset, entry, why: Fault::Parts });
                    }
                    last = Some((offset, *frame.envelope));
                    entry += 1;
                }
                Event::Checkpoint { frame, write, .. } => {
                    if let Some(fault) = wrong {
                        // Writes follow this one, and yet its parts are wrong: no power cut does that.
                        let length = disk.len()? - self.end;
                        let tail = Tail { offset: self.end, length, attempt: write.start, previous: self.hash, fault };
                        let remains = Remains { torn: false, ..examine(DiskReader::new(disk), &tail)? };
                        self.tail = self.judge(fault, remains);
                        return Ok(());
                    }
                    if let Some((entry, envelope)) = last.take() {
                        let note = frame.note.to_vec();
                        self.newest = Some(Newest { start: write.start, entry, envelope, note });
                    }
                    (self.end, self.hash, entry) = (write.end, write.hash, 0);
                }
                Event::Tail(tail) => {
                    self.tail = self.judge(tail.fault, examine(DiskReader::new(disk), &tail)?);
                    return Ok(());
                }
                Event::End { .. } => return Ok(()),
            }
        }
    }

    fn judge(&self, fault: WriteFault, remains: Remains) -> TailState {
        if remains.torn {
            TailState::Torn(remains)
        } else {
            // Damage of a checkpoint frame is that of the entry before it.
            let entry = self.next_entry().saturating_add(fault.entry);
            TailState::Corrupt { fault, entry: entry.saturating_sub(u64::from(remains.at_checkpoint)), remains }
        }
    }
}

/// Reads backwards, a write at a time, to the newest with entries and the one before it; none if anything is odd.
fn from_end<D: Disk>(disk: &D) -> io::Result<Option<Head>> {
    let end = disk.len()?;
    let mut head = Head { end, hash: [0; 32], newest: None, tail: TailState::Clean };
    // Where the write looked for has to end, and its hash, as the write behind it says.
    let (mut at, mut expected) = (end, None);
    while at > 0 {
        let Some(read) = read_back(disk, at)? else { return Ok(None) };
        match expected {
            None => head.hash = read.hash,
            Some(expected) if expected != read.hash => return Ok(None),
            Some(_) => {}
        }
        // The write before the newest with entries checks: done.
        if head.newest.is_some() {
            return Ok(Some(head));
        }
        (head.newest, at, expected) = (read.newest, read.before, Some(read.previous));
    }
    // The first write has none before it.
    Ok((expected == Some([0; 32]) && head.newest.is_some()).then_some(head))
}

/// A write that was read from its end.
struct ReadBack {
    hash: [u8; 32],
    previous: [u8; 32],
    /// Where the write before it ends.
    before: u64,
    newest: Option<Newest>,
}

/// Reads the write that ends at `end`, wholly; none if there is none.
fn read_back<D: Disk>(disk: &D, end: u64) -> io::Result<Option<ReadBack>> {
    let Some(length_at) = end.checked_sub(4) else { return Ok(None) };
    let length = read_exactly(disk, length_at, 4)?;
    let Some(length) = length.first_chunk().map(|length| u32::from_be_bytes(*length)) else { return Ok(None) };
    let Some(last_at) = end.checked_sub(u64::from(length)) else { return Ok(None) };
    let Ok(length) = usize::try_from(length) else { return Ok(None) };
    if length > FRAME_LIMIT {
        return Ok(None);
    }
    let bytes = read_exactly(disk, last_at, length)?;
    let Next::Frame(last) = next_frame(&bytes) else { return Ok(None) };
    let (Frame::Own(named) | Frame::Cosigned(named)) = last.frame else { return Ok(None) };
    // The write before ends where this one begins, or where the bytes begin that this one sets aside.
    let mut before = named.start;
    let first = read_exactly(disk, named.start, FIRST_READ)?;
    if let Next::Frame(first) = next_frame(&first)
        && let Frame::Void(void) = first.frame
    {
        before = void.offset;
    }
    if named.start > last_at || before > named.start {
        return Ok(None);
    }
    let mut reader = WriteReader::resumed(DiskReader::new(disk), before, named.previous_write);
    let mut newest = None;
    loop {
        match reader.next_event()? {
            Event::Void { offset, .. } if offset <= named.start => newest = None,
            Event::Entry { offset, frame } if offset < last_at => {
                if offset >= named.start && !frame.parts_match() {
                    return Ok(None);
                }
                newest = Some((offset, *frame.envelope));
            }
            Event::Checkpoint { write, frame, .. } if (write.start, write.end) == (named.start, end) => {
                let newest = newest.map(|(entry, envelope)| {
                    let note = frame.note.to_vec();
                    Newest { start: write.start, entry, envelope, note }
                });
                return Ok(Some(ReadBack { hash: write.hash, previous: named.previous_write, before, newest }));
            }
            _ => return Ok(None),
        }
    }
}

/// Reads `length` bytes at `offset`, fewer only where the disk ends.
fn read_exactly<D: Disk>(disk: &D, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while filled < length {
        let at = offset.saturating_add(filled as u64);
        match disk.read_at(at, bytes.get_mut(filled..).unwrap_or_default()) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// Bytes read where a frame is expected: most are shorter.
const FIRST_READ: usize = 4096;
