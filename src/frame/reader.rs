//! Reading a log from front to back as a stream, in memory of a few frames.
//!
//! This reading is the definition of what a log holds: after one checking write either the next begins, or a void frame names
//! exactly the bytes between, or all the rest is tail. A void frame is found by looking ahead for one that names the place
//! where the last checking write ended, the distance from there, and the hash of all between.
//!
//! Entries come before the frame that makes them true: whoever consumes [`Event`]s keeps what it learnt from entries apart
//! until the [`Event::Checkpoint`] that ends their write, and drops it at [`Event::Void`] and [`Event::Tail`].
//!
//! Parts are not hashed here, so that a verifier can do it on every core ([`EntryFrame::parts_match`]). Only where it decides
//! what the log holds, that is for a write that no entry or checkpoint frame follows, the reader goes back and hashes them.

use std::io::{self, Read, Seek, SeekFrom};

use super::write::{Fault, Sequence, WriteFault, write_hash};
use super::{CheckpointFrame, EntryFrame, Frame, HEADER, Next, VOID, Void, frame_length, parse};
use crate::codec::context::{Running, TAIL};

/// How many void frames that lead to no write are tried after one place before the rest counts as tail.
///
/// One is left by each crash in a row while setting bytes aside; the limit keeps a forged log from being read for ever.
pub const VOID_TRIES: u32 = 256;

/// What a log holds next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'a> {
    /// A write begins that sets bytes aside. All since the last `Checkpoint` did not happen.
    Void {
        /// Where the void frame begins, in bytes.
        offset: u64,
        /// What it names. That it names these bytes, with their hash, was checked.
        void: Void,
        /// Why the bytes set aside are no write.
        fault: WriteFault,
    },
    /// An entry, if its write ends in a `Checkpoint`.
    Entry {
        /// Where its frame begins, in bytes.
        offset: u64,
        /// The frame, without its parts being hashed.
        frame: EntryFrame<'a>,
    },
    /// The end of a write that checks: its entries happened.
    Checkpoint {
        /// Where the frame begins, in bytes.
        offset: u64,
        /// The frame.
        frame: CheckpointFrame<'a>,
        /// Whether it is a cosigned checkpoint, which is a write of its own.
        cosigned: bool,
        /// The write that it ends.
        write: WriteEnd,
    },
    /// All the rest is tail. All since the last `Checkpoint` did not happen.
    Tail(Tail),
    /// The log ends here: right after a write, empty, or with the tail that was told before.
    End {
        /// Its bytes.
        size: u64,
    },
}

/// A write that was read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriteEnd {
    /// Where its first frame begins, in bytes.
    pub start: u64,
    /// Where the next write begins, in bytes.
    pub end: u64,
    /// Its entries.
    pub entries: u64,
    /// Its hash, which the next write names.
    pub hash: [u8; 32],
}

/// The bytes after the last write that checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tail {
    /// Where they begin, in bytes.
    pub offset: u64,
    /// How many they are.
    pub length: u64,
    /// Where the last write was tried: at `offset`, or at a void frame that names all the bytes between.
    pub attempt: u64,
    /// The hash of the last write that checks: every write that was begun behind it names it.
    pub previous: [u8; 32],
    /// Why it does not check.
    pub fault: WriteFault,
}

/// Reads writes from a source of bytes. Bytes are asked for in order; the reader goes back only where a write fails.
pub struct WriteReader<R> {
    window: Window<R>,
    /// Where the last checking write ended.
    gap: u64,
    /// Its hash.
    previous: [u8; 32],
    /// The write being read.
    sequence: Sequence,
    /// Where its next frame begins.
    at: u64,
    /// A frame whose check value is known to hold.
    vouched: Option<u64>,
    /// The hash of the bytes from `gap` up to some place, and that place.
    aside: Option<(Running, u64)>,
    tries: u32,
    /// The frame that failed, after a tail.
    damage: u64,
    /// Whether damage was skipped.
    lenient: bool,
    ended: bool,
}

enum Step {
    Void(Void, WriteFault),
    Entry,
    Checkpoint(WriteEnd),
    Tail(Tail),
    End,
}

impl<R: Read + Seek> WriteReader<R> {
    /// Reads a log from its first byte.
    pub fn new(source: R) -> Self {
        Self::resumed(source, 0, [0; 32])
    }

    /// Reads on after a write that ended at byte `end` with the hash `previous`.
    pub fn resumed(source: R, end: u64, previous: [u8; 32]) -> Self {
        WriteReader {
            window: Window::new(source),
            gap: end,
            previous,
            sequence: Sequence::new(end, previous),
            at: end,
            vouched: None,
            aside: None,
            tries: 0,
            damage: end,
            lenient: false,
            ended: false,
        }
    }

    /// Reads on after a write as if the log ended at byte `limit`: what a clerk found who opened it before more was appended.
    pub fn limited(source: R, end: u64, previous: [u8; 32], limit: u64) -> Self {
        let mut reader = Self::resumed(source, end, previous);
        reader.window.limit = limit;
        reader
    }

    /// Returns what comes next. After `Tail` and `End` that is `End`.
    ///
    /// # Errors
    /// Those of the source.
    pub fn next_event(&mut self) -> io::Result<Event<'_>> {
        let step = if self.ended { Step::End } else { self.step()? };
        self.ended = matches!(step, Step::Tail(_) | Step::End);
        let frame = match step {
            Step::Void(void, fault) => return Ok(Event::Void { offset: self.sequence.start, void, fault }),
            Step::Tail(tail) => return Ok(Event::Tail(tail)),
            Step::End => return Ok(Event::End { size: self.at }),
            Step::Entry | Step::Checkpoint(_) => self.window.frame(self.at)?,
        };
        let (Next::Frame(framed), offset) = (parse(frame, false), self.at) else {
            return Err(io::Error::other("the log changed while it was read"));
        };
        self.at += framed.length as u64;
        match (framed.frame, step) {
            (Frame::Entry(frame), Step::Entry) => Ok(Event::Entry { offset, frame }),
            (Frame::Own(frame), Step::Checkpoint(write)) => {
                Ok(Event::Checkpoint { offset, frame, cosigned: false, write })
            }
            (Frame::Cosigned(frame), Step::Checkpoint(write)) => {
                Ok(Event::Checkpoint { offset, frame, cosigned: true, write })
            }
            _ => Err(io::Error::other("the log changed while it was read")),
        }
    }

    /// After [`Event::Tail`]: looks for the next checkpoint frame that checks and reads on behind it, so that a verifier can
    /// say more than where the first damage is. Returns the end of that frame, or none.
    ///
    /// What is skipped and whether the next write follows what came before is not known any more: from now on writes may name
    /// another start and another write before them, so that bytes left out or put in are damage in one place only.
    ///
    /// # Errors
    /// Those of the source.
    pub fn skip_damage(&mut self) -> io::Result<Option<u64>> {
        let is_checkpoint = |_, header: &[u8]| matches!(header.first(), Some(2 | 3));
        let Found::Frame(offset, end) = self.window.find(self.damage + 1, is_checkpoint)? else { return Ok(None) };
        if let Next::Frame(framed) = parse(self.window.frame(offset)?, false)
            && let Frame::Own(frame) | Frame::Cosigned(frame) = &framed.frame
        {
            (self.gap, self.at, self.previous) = (end, end, write_hash(frame, &framed.check));
            self.lenient = true;
            self.begin(end, None);
            (self.aside, self.tries, self.ended) = (None, 0, false);
        }
        Ok(Some(end))
    }

    fn step(&mut self) -> io::Result<Step> {
        let vouched = self.vouched == Some(self.at);
        let bytes = self.window.frame(self.at)?;
        if bytes.is_empty() && self.at == self.gap {
            return Ok(Step::End);
        }
        let why = match parse(bytes, !vouched) {
            Next::Bad(bad) => Fault::Frame(bad),
            Next::NeedMore(need) => self.sequence.cut(bytes, need),
            Next::Frame(framed) => match (self.sequence.accept(&framed), framed.frame) {
                (Err(why), _) => why,
                (Ok(Some(hash)), _) => {
                    let length = framed.length;
                    return self.end_write(length, hash);
                }
                // A void frame that was not looked for names bytes of writes that check.
                (Ok(None), Frame::Void(_)) => Fault::VoidElsewhere,
                (Ok(None), _) => return Ok(Step::Entry),
            },
        };
        self.set_aside(WriteFault { offset: self.at, entry: self.sequence.entries, why })
    }

    /// The checkpoint frame at `at` ends the write, if the parts are right.
    fn end_write(&mut self, length: usize, hash: [u8; 32]) -> io::Result<Step> {
        let (start, end) = (self.sequence.start, self.at + length as u64);
        // An entry or checkpoint frame behind this write was put there by someone who took the write for good: then it is
        // no tail, and wrong parts in it are damage that came later, for the verifier to find.
        let next = self.window.pair(self.at, length)?;
        let followed = matches!(parse(next, true), Next::Frame(f) if !matches!(f.frame, Frame::Void(_)));
        if !followed && let Some(fault) = self.wrong_parts(start, self.at)? {
            return self.set_aside(fault);
        }
        let write = WriteEnd { start, end, entries: self.sequence.entries, hash };
        (self.gap, self.previous, self.aside, self.tries) = (end, hash, None, 0);
        self.damage = end;
        self.begin(end, followed.then_some(end));
        Ok(Step::Checkpoint(write))
    }

    fn begin(&mut self, start: u64, vouched: Option<u64>) {
        self.sequence = Sequence::new(start, self.previous);
        self.sequence.lenient = self.lenient;
        self.vouched = vouched;
    }

    /// Looks for the first entry between two places whose parts are not those of its envelope.
    fn wrong_parts(&mut self, start: u64, end: u64) -> io::Result<Option<WriteFault>> {
        let (mut offset, mut entry) = (start, 0);
        while offset < end {
            let Next::Frame(framed) = parse(self.window.frame(offset)?, false) else { break };
            if let Frame::Entry(frame) = &framed.frame {
                if !frame.parts_match() {
                    return Ok(Some(WriteFault { offset, entry, why: Fault::Parts }));
                }
                entry += 1;
            }
            offset += framed.length as u64;
        }
        Ok(None)
    }

    /// The write that was tried does not check: looks ahead for a void frame that names all since the last one that does.
    fn set_aside(&mut self, mut fault: WriteFault) -> io::Result<Step> {
        let (gap, attempt) = (self.gap, self.sequence.start);
        let mut from = attempt + 1;
        let length = loop {
            let names_gap = |offset: u64, header: &[u8]| {
                header.first() == Some(&VOID)
                    && header.get(9..17) == Some(&gap.to_be_bytes()[..])
                    && header.get(17..25) == Some(&(offset - gap).to_be_bytes()[..])
            };
            let (offset, end) = match self.window.find(from, names_gap)? {
                Found::Frame(offset, end) => (offset, end),
                Found::End(end) => break end - gap,
            };
            self.tries += 1;
            if self.tries > VOID_TRIES {
                fault = WriteFault { why: Fault::TooManyVoids, ..fault };
                break self.window.size()? - gap;
            }
            let (mut aside, done) = self.aside.take().unwrap_or_else(|| (TAIL.running(), gap));
            self.window.each(done, offset, |bytes| aside.update(bytes))?;
            let hash = aside.value();
            self.aside = Some((aside, offset));
            if let Next::Frame(framed) = parse(self.window.frame(offset)?, false) {
                (self.sequence, self.vouched) = (Sequence::new(offset, self.previous), None);
                if self.sequence.accept(&framed).is_ok()
                    && let Frame::Void(void) = framed.frame
                    && void.hash == hash
                {
                    self.at = end;
                    return Ok(Step::Void(void, fault));
                }
            }
            from = offset + 1;
        };
        (self.damage, self.at) = (fault.offset, gap + length);
        Ok(Step::Tail(Tail { offset: gap, length, attempt, previous: self.previous, fault }))
    }
}

/// What a search found: a frame that checks (where it begins and ends), or the end of the source.
pub(super) enum Found {
    Frame(u64, u64),
    End(u64),
}

/// A buffer over a source of bytes: any place can be asked for, and asking in order is cheap.
pub(super) struct Window<R> {
    source: R,
    /// Where the source itself stands.
    position: u64,
    /// Nothing at or behind this place is read.
    limit: u64,
    /// Where the buffer's first byte stands in the source.
    base: u64,
    buffer: Vec<u8>,
    /// Bytes of the buffer that are filled.
    filled: usize,
}

impl<R: Read + Seek> Window<R> {
    pub(super) fn new(source: R) -> Self {
        // A position that no source has: the first fill seeks.
        Window { source, position: u64::MAX, limit: u64::MAX, base: 0, buffer: Vec::new(), filled: 0 }
    }

    pub(super) fn limited(source: R, limit: u64) -> Self {
        Window { limit, ..Self::new(source) }
    }

    /// Returns all buffered bytes from `at` on: at least `need`, or all up to the end of the source.
    pub(super) fn fill(&mut self, at: u64, need: usize) -> io::Result<&[u8]> {
        let skip = at.checked_sub(self.base).and_then(|skip| usize::try_from(skip).ok()).unwrap_or(usize::MAX);
        let skip = if skip <= self.filled { skip } else { usize::MAX };
        if skip == usize::MAX || self.filled - skip < need {
            match self.buffer.get_mut(..self.filled) {
                Some(filled) if skip != usize::MAX => {
                    filled.copy_within(skip.., 0);
                    self.filled -= skip;
                }
                _ => self.filled = 0,
            }
            self.base = at;
            self.read_to(need)?;
            return Ok(self.buffer.get(..self.filled).unwrap_or_default());
        }
        Ok(self.buffer.get(skip..self.filled).unwrap_or_default())
    }

    fn read_to(&mut self, need: usize) -> io::Result<()> {
        // The buffer grows as more is read: an opening looks at a few frames, a verifier reads gigabytes.
        let size = need.max((2 * self.buffer.len()).clamp(FIRST_CHUNK, CHUNK));
        if self.buffer.len() < size {
            let mut larger = vec![0; size];
            larger[..self.filled].copy_from_slice(&self.buffer[..self.filled]);
            self.buffer = larger;
        }
        while self.filled < need {
            let next = self.base + self.filled as u64;
            let left = usize::try_from(self.limit.saturating_sub(next)).unwrap_or(usize::MAX);
            let room = self.buffer.get_mut(self.filled..).unwrap_or_default();
            let room = room.len().min(left);
            if room == 0 {
                break;
            }
            if self.position != next {
                self.position = self.source.seek(SeekFrom::Start(next))?;
            }
            match self.source.read(&mut self.buffer[self.filled..self.filled + room]) {
                Ok(0) => break,
                Ok(read) => {
                    self.filled += read;
                    self.position += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Returns the bytes from `at` on: the whole frame that begins there, if one does and is all there.
    pub(super) fn frame(&mut self, at: u64) -> io::Result<&[u8]> {
        let need = frame_length(self.fill(at, HEADER)?);
        self.fill(at, need.ok().flatten().unwrap_or(HEADER))
    }

    /// Returns the bytes of the frame behind the frame of `length` bytes at `at`, and keeps that one in the buffer.
    fn pair(&mut self, at: u64, length: usize) -> io::Result<&[u8]> {
        let both = self.fill(at, length + HEADER)?;
        let need = frame_length(both.get(length..).unwrap_or_default());
        let both = self.fill(at, length + need.ok().flatten().unwrap_or(HEADER))?;
        Ok(both.get(length..).unwrap_or_default())
    }

    /// Gives all bytes between two places to `take`, in pieces.
    pub(super) fn each(&mut self, from: u64, to: u64, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        let mut at = from;
        while at < to {
            let bytes = self.fill(at, 1)?;
            let left = usize::try_from(to - at).unwrap_or(usize::MAX);
            let piece = bytes.get(..left).unwrap_or(bytes);
            if piece.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            take(piece);
            at += piece.len() as u64;
        }
        Ok(())
    }

    /// Looks from `from` on for a frame that checks and whose first 25 bytes `wanted` likes (given with their place).
    pub(super) fn find(&mut self, from: u64, wanted: impl Fn(u64, &[u8]) -> bool) -> io::Result<Found> {
        let mut at = from;
        loop {
            let bytes = self.fill(at, LOOK)?;
            let spots = bytes.len().saturating_sub(LOOK - 1);
            if spots == 0 {
                return Ok(Found::End(at + bytes.len() as u64));
            }
            // Frames begin with a small number and, their lengths being limited, a zero.
            let mut spot = 0;
            while spot < spots {
                if bytes[spot + 1] == 0 && matches!(bytes[spot], 1..=4) {
                    let header = &bytes[spot..spot + LOOK];
                    if wanted(at + spot as u64, header) && matches!(frame_length(header), Ok(Some(_))) {
                        break;
                    }
                }
                spot += 1;
            }
            at += spot as u64;
            if spot < spots {
                match parse(self.frame(at)?, true) {
                    Next::Frame(framed) => return Ok(Found::Frame(at, at + framed.length as u64)),
                    _ => at += 1,
                }
            }
        }
    }

    fn size(&mut self) -> io::Result<u64> {
        self.position = self.source.seek(SeekFrom::End(0))?;
        Ok(self.position.min(self.limit))
    }
}

/// Bytes read at a time, first and later.
const FIRST_CHUNK: usize = 1 << 14;
const CHUNK: usize = 1 << 18;
/// Bytes of a frame that a search looks at first: header, offset and length of a void frame.
const LOOK: usize = 25;

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;
    use crate::frame::write::tests::entries;
    use crate::frame::write::{Built, Write, WriteBuilder};

    /// Three writes and their hashes: entries 0 and 1, a cosigned one, entry 2.
    pub(crate) fn log() -> (Vec<u8>, Vec<Built>) {
        let a = entries(0, [0; 32], None, 0, 2);
        let b = WriteBuilder::cosigned(a.bytes.len() as u64, a.hash, b"cosigned 2\n").unwrap();
        let c = entries(b.start + b.bytes.len() as u64, b.hash, None, 2, 1);
        ([&a.bytes[..], &b.bytes, &c.bytes].concat(), vec![a, b, c])
    }

    pub(crate) fn void(bytes: &[u8], gap: usize) -> Void {
        let aside = &bytes[gap..];
        Void { offset: gap as u64, length: aside.len() as u64, hash: TAIL.hash(&[aside]), checkpoints: vec![] }
    }

    /// What a consumer learns: entry numbers that happened, how often bytes were set aside, and the tail.
    fn read(bytes: &[u8]) -> (Vec<u64>, usize, Option<Tail>) {
        let mut reader = WriteReader::new(Cursor::new(bytes));
        let (mut done, mut pending, mut voids, mut found) = (vec![], vec![], 0, None);
        loop {
            match reader.next_event().unwrap() {
                Event::Entry { frame, .. } => pending.push(frame.number()),
                Event::Checkpoint { .. } => done.append(&mut pending),
                Event::Void { .. } => {
                    pending.clear();
                    voids += 1;
                }
                Event::Tail(tail) => {
                    pending.clear();
                    assert_eq!(tail.offset + tail.length, bytes.len() as u64);
                    found = Some(tail);
                }
                Event::End { .. } => break,
            }
        }
        assert!(pending.is_empty());
        (done, voids, found)
    }

    #[test]
    fn the_stream_gives_what_the_slice_parser_gives() {
        let (bytes, writes) = log();
        let mut reader = WriteReader::new(Cursor::new(&bytes));
        let (mut at, mut previous) = (0, [0; 32]);
        for built in &writes {
            let write = Write::parse(&bytes[at..], at as u64, previous).unwrap();
            assert_eq!((write.start, write.length, write.hash), (built.start, built.bytes.len(), built.hash));
            for entry in &write.entries {
                assert!(matches!(reader.next_event().unwrap(), Event::Entry { frame, .. } if frame == *entry));
            }
            let end = (at + write.length) as u64;
            let expected = WriteEnd { start: at as u64, end, entries: write.entries.len() as u64, hash: write.hash };
            match reader.next_event().unwrap() {
                Event::Checkpoint { frame, cosigned, write: read, .. } => {
                    assert_eq!((frame, cosigned, read), (write.checkpoint, write.cosigned, expected));
                }
                other => panic!("{other:?}"),
            }
            (at, previous) = (at + write.length, write.hash);
        }
        let size = bytes.len() as u64;
        assert_eq!(reader.next_event().unwrap(), Event::End { size });
        assert_eq!(reader.next_event().unwrap(), Event::End { size });
        assert_eq!(read(&[]), (vec![], 0, None));
    }

    #[test]
    fn a_cut_at_every_byte_leaves_the_writes_before_it() {
        let (bytes, writes) = log();
        for cut in 0..bytes.len() {
            let (done, voids, tail) = read(&bytes[..cut]);
            let whole = writes.iter().filter(|w| w.start as usize + w.bytes.len() <= cut).count();
            assert_eq!((done.len(), voids), ([0, 2, 2, 3][whole], 0));
            let end = writes.iter().map(|w| w.start).find(|start| *start as usize == cut);
            assert_eq!(tail.is_none(), end.is_some(), "cut at {cut}");
            if let Some(tail) = tail {
                assert_eq!(tail.offset, writes[whole].start);
                assert!(matches!(tail.fault.why, Fault::CutShort { .. }), "cut at {cut}: {}", tail.fault);
            }
        }
    }

    #[test]
    fn a_void_frame_sets_a_cut_write_aside_and_only_that() {
        let (bytes, writes) = log();
        let gap = writes[2].start as usize;
        for cut in gap + 1..bytes.len() {
            let torn = &bytes[..cut];
            let next = entries(cut as u64, writes[1].hash, Some(&void(torn, gap)), 2, 2);
            let whole = [torn, &next.bytes].concat();
            assert_eq!(read(&whole), (vec![0, 1, 2, 3], 1, None), "cut at {cut}");
            // One byte of what was set aside is another: the void frame does not name it any more.
            let mut other = whole.clone();
            other[cut - 1] ^= 1;
            assert_eq!(read(&other).0, [0, 1]);
            // The void write is itself cut, and set aside by a third that names both.
            for again in [cut + 1, cut + 40, cut + 90, whole.len() - 1] {
                let torn = &whole[..again];
                let next = entries(again as u64, writes[1].hash, Some(&void(torn, gap)), 2, 1);
                let (done, _, tail) = read(&[torn, &next.bytes].concat());
                assert_eq!((done, tail), (vec![0, 1, 2], None), "cut at {cut} and {again}");
            }
        }
    }

    #[test]
    fn a_write_that_checks_cannot_be_set_aside() {
        let (bytes, writes) = log();
        let gap = writes[2].start as usize;
        let next = entries(bytes.len() as u64, writes[1].hash, Some(&void(&bytes, gap)), 2, 1);
        let (done, voids, tail) = read(&[&bytes[..], &next.bytes].concat());
        assert_eq!((done, voids), (vec![0, 1, 2], 0));
        assert_eq!(tail.unwrap().fault.why, Fault::VoidElsewhere);
        // With wrong parts the write does not check, and can.
        let mut damaged = bytes.clone();
        damaged[gap + 9 + 145 + 5] ^= 1;
        let (done, _, tail) = read(&damaged);
        assert_eq!((done, tail.map(|t| t.fault.why)), (vec![0, 1], Some(Fault::Parts)));
        let next = entries(bytes.len() as u64, writes[1].hash, Some(&void(&damaged, gap)), 2, 2);
        assert_eq!(read(&[&damaged[..], &next.bytes].concat()), (vec![0, 1, 2, 3], 1, None));
        // But not once another write follows it: that is damage, and reading goes on.
        let next = entries(bytes.len() as u64, writes[2].hash, None, 3, 1);
        assert_eq!(read(&[&damaged[..], &next.bytes].concat()), (vec![0, 1, 2, 3], 0, None));
    }

    #[test]
    fn bytes_set_aside_may_look_like_frames() {
        let (bytes, writes) = log();
        let gap = bytes.len();
        // A whole write that names another place, a void frame with a wrong hash, and one that leads nowhere.
        let mut torn = [&bytes[..], &[1, 0, 0], &writes[0].bytes].concat();
        for hash in [[9; 32], TAIL.hash(&[&torn[gap..], &[0; 97]])] {
            let false_void = Void { offset: gap as u64, length: (torn.len() - gap) as u64, hash, checkpoints: vec![] };
            Frame::Void(false_void).encode(&mut torn).unwrap();
        }
        let leads_nowhere = void(&torn, gap);
        Frame::Void(leads_nowhere).encode(&mut torn).unwrap();
        torn.extend_from_slice(&writes[0].bytes);
        let next = entries(torn.len() as u64, writes[2].hash, Some(&void(&torn, gap)), 3, 1);
        let (done, voids, tail) = read(&[&torn[..], &next.bytes].concat());
        assert_eq!((done, voids, tail), (vec![0, 1, 2, 3], 2, None));
    }

    #[test]
    fn void_frames_that_lead_nowhere_are_not_tried_for_ever() {
        let mut bytes = vec![0xff];
        for _ in 0..=VOID_TRIES {
            let void = void(&bytes, 0);
            Frame::Void(void).encode(&mut bytes).unwrap();
        }
        let (_, voids, tail) = read(&bytes);
        assert_eq!(voids, VOID_TRIES as usize);
        assert_eq!(tail.unwrap().fault.why, Fault::TooManyVoids);
    }

    #[test]
    fn reading_can_go_on_behind_damage() {
        let (mut bytes, writes) = log();
        bytes[20] ^= 1;
        let mut reader = WriteReader::new(Cursor::new(&bytes));
        assert!(matches!(reader.next_event().unwrap(), Event::Tail(tail) if tail.fault.entry == 0));
        assert_eq!(reader.skip_damage().unwrap(), Some(writes[1].start));
        let mut ends = vec![];
        loop {
            match reader.next_event().unwrap() {
                Event::Checkpoint { write, .. } => ends.push(write.hash),
                Event::End { .. } => break,
                Event::Entry { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(ends, [writes[1].hash, writes[2].hash]);
        assert_eq!(reader.skip_damage().unwrap(), None);
    }

    proptest! {
        #[test]
        fn damaged_logs_never_panic_and_writes_before_the_damage_stay(
            at in 0usize..3000, byte: u8, extra in prop::collection::vec(any::<u8>(), 0..40)) {
            let (mut bytes, writes) = log();
            let at = at % bytes.len();
            let changed = bytes[at] != byte;
            bytes[at] = byte;
            bytes.extend_from_slice(&extra);
            let (done, _, tail) = read(&bytes);
            let before = writes.iter().filter(|w| w.start as usize + w.bytes.len() <= at).count();
            prop_assert!(done.len() >= [0, 2, 2, 3][before]);
            prop_assert_eq!(tail.is_some() || parts_wrong(&bytes), changed || !extra.is_empty());
        }
    }

    fn parts_wrong(bytes: &[u8]) -> bool {
        let mut reader = WriteReader::new(Cursor::new(bytes));
        loop {
            match reader.next_event().unwrap() {
                Event::Entry { frame, .. } if !frame.parts_match() => return true,
                Event::End { .. } => return false,
                _ => {}
            }
        }
    }
}
