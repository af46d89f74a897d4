//! Writes: frames that reach the disk together or did not happen.
//!
//! A write is, in this order, a void frame where bytes were set aside before it, one or more entry frames, and the log's own
//! checkpoint frame; or one cosigned checkpoint frame alone. Its last frame names where the write begins, the hash over the
//! check values of the frames before it, and the hash of the write before, so writes are a chain of their own below the
//! entries' links. Whether the note's tree size grew by as many entries is for the reader of notes to say.

use super::{
    BadFrame, CheckpointFrame, ENVELOPE, EntryFrame, Frame, Framed, HEADER, NAMES, Next, Void, WRITE_BYTES,
    WRITE_ENTRIES, next_frame,
};
use crate::codec::context::{FRAMES, Running, WRITE};

/// Why bytes are not a write that checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The bytes end inside a frame that could have been right: it needs this many from its first.
    #[error("cut short: the frame needs {need} bytes")]
    CutShort {
        /// Bytes of the frame that are needed at least.
        need: usize,
    },
    /// A frame is none.
    #[error(transparent)]
    Frame(#[from] BadFrame),
    /// A frame of a type that cannot stand here.
    #[error("a frame of another type has to stand here")]
    OutOfPlace,
    /// More entries, or more bytes of entries, than one write may have.
    #[error("more entries than one write may have")]
    TooMuch,
    /// The void frame does not name exactly the bytes before it that belong to no write.
    #[error("the void frame does not name the bytes before it")]
    VoidElsewhere,
    /// The checkpoint frame names another start of the write.
    #[error("the checkpoint frame names another start of the write")]
    Start,
    /// The checkpoint frame names other frames.
    #[error("the checkpoint frame names other frames")]
    FramesHash,
    /// The checkpoint frame names another write before.
    #[error("the checkpoint frame names another write before")]
    PreviousWrite,
    /// The parts of an entry are not those that its envelope names.
    #[error("the parts of the entry are not those of its envelope")]
    Parts,
    /// More void frames that lead nowhere than are tried.
    #[error("too many void frames without a write")]
    TooManyVoids,
}

/// Which frame of a write fails, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("byte {offset}: {why}")]
pub struct WriteFault {
    /// Where the frame begins in the log, in bytes.
    pub offset: u64,
    /// How many entries of the write stand before it.
    pub entry: u64,
    /// What is wrong.
    pub why: Fault,
}

/// A write that checks, but for the parts of its entries ([`Write::check_parts`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write<'a> {
    /// Where it begins in the log, in bytes.
    pub start: u64,
    /// Its bytes.
    pub length: usize,
    /// The bytes set aside before it. That the hash is theirs is checked by whoever has them.
    pub void: Option<Void>,
    /// Its entries; none in a cosigned write.
    pub entries: Vec<EntryFrame<'a>>,
    /// Its last frame.
    pub checkpoint: CheckpointFrame<'a>,
    /// Whether that frame is a cosigned checkpoint.
    pub cosigned: bool,
    /// The hash of the write, which the next one names.
    pub hash: [u8; 32],
}

impl<'a> Write<'a> {
    /// Reads the write at the beginning of `bytes`, which stand at `start` in the log after the write with hash `previous`.
    ///
    /// # Errors
    /// The first frame that fails, with [`Fault::CutShort`] where more bytes could mend it.
    pub fn parse(bytes: &'a [u8], start: u64, previous: [u8; 32]) -> Result<Self, WriteFault> {
        let mut sequence = Sequence::new(start, previous);
        let (mut void, mut entries, mut length) = (None, Vec::new(), 0);
        loop {
            let rest = bytes.get(length..).unwrap_or_default();
            let fault =
                |entries: &Vec<_>, why| WriteFault { offset: start + length as u64, entry: entries.len() as u64, why };
            let framed = match next_frame(rest) {
                Next::Frame(framed) => framed,
                Next::NeedMore(need) => return Err(fault(&entries, sequence.cut(rest, need))),
                Next::Bad(bad) => return Err(fault(&entries, bad.into())),
            };
            let hash = sequence.accept(&framed).map_err(|why| fault(&entries, why))?;
            length += framed.length;
            let cosigned = matches!(framed.frame, Frame::Cosigned(_));
            match (framed.frame, hash) {
                (Frame::Void(named), _) => void = Some(named),
                (Frame::Entry(entry), _) => entries.push(entry),
                (Frame::Own(checkpoint) | Frame::Cosigned(checkpoint), Some(hash)) => {
                    return Ok(Write { start, length, void, entries, checkpoint, cosigned, hash });
                }
                _ => unreachable!("Write::parse: a checkpoint was accepted without a hash"),
            }
        }
    }

    /// Checks the parts of every entry against its envelope.
    ///
    /// # Errors
    /// The first entry whose parts are others.
    pub fn check_parts(&self) -> Result<(), WriteFault> {
        let mut offset = self.start + self.void.as_ref().map_or(0, Void::frame_length) as u64;
        for (entry, frame) in self.entries.iter().enumerate() {
            if !frame.parts_match() {
                return Err(WriteFault { offset, entry: entry as u64, why: Fault::Parts });
            }
            offset += frame.frame_length() as u64;
        }
        Ok(())
    }
}

impl Void {
    /// Returns where the bytes set aside end; none beyond the range of numbers.
    #[must_use]
    pub fn end(&self) -> Option<u64> {
        self.offset.checked_add(self.length)
    }

    /// Returns the bytes of the whole frame.
    #[must_use]
    pub fn frame_length(&self) -> usize {
        HEADER + 48 + 40 * self.checkpoints.len() + super::TRAILER
    }
}

/// Puts a write together in memory.
pub struct WriteBuilder {
    sequence: Sequence,
    bytes: Vec<u8>,
}

/// The bytes of a write, ready for one append at `start`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// Where the bytes have to stand in the log.
    pub start: u64,
    /// All frames.
    pub bytes: Vec<u8>,
    /// The hash of the write, which the next one names.
    pub hash: [u8; 32],
}

impl WriteBuilder {
    /// Begins a write at byte `start` of the log, after the write with hash `previous` (zero for the first).
    #[must_use]
    pub fn new(start: u64, previous: [u8; 32]) -> Self {
        WriteBuilder { sequence: Sequence::new(start, previous), bytes: Vec::new() }
    }

    /// Names the bytes set aside right before this write; only as its first frame.
    ///
    /// # Errors
    /// `OutOfPlace` after another frame, `VoidElsewhere` if the bytes named do not end at the write's start, `Frame` over
    /// the limit.
    pub fn void(&mut self, void: &Void) -> Result<(), Fault> {
        self.push(Frame::Void(void.clone())).map(|_| ())
    }

    /// Adds an entry and returns where its frame begins in the log, in bytes.
    ///
    /// # Errors
    /// `Frame` if a part is over its limit, `TooMuch` if the write is.
    pub fn entry(&mut self, envelope: &[u8; ENVELOPE], structure: &[u8], words: &[u8]) -> Result<u64, Fault> {
        let offset = self.sequence.start + self.bytes.len() as u64;
        self.push(Frame::Entry(EntryFrame { envelope, structure, words }))?;
        Ok(offset)
    }

    /// Ends the write with the log's own checkpoint.
    ///
    /// # Errors
    /// `OutOfPlace` if there is no entry, `Frame` if the note is over its limit.
    pub fn own(mut self, note: &[u8]) -> Result<Built, Fault> {
        let frame = Frame::Own(self.sequence.checkpoint(note));
        self.finish(frame)
    }

    /// Makes the write that is one cosigned checkpoint and nothing else.
    ///
    /// # Errors
    /// `Frame` if the note is over its limit.
    pub fn cosigned(start: u64, previous: [u8; 32], note: &[u8]) -> Result<Built, Fault> {
        let mut builder = WriteBuilder::new(start, previous);
        let frame = Frame::Cosigned(builder.sequence.checkpoint(note));
        builder.finish(frame)
    }

    fn finish(&mut self, frame: Frame<'_>) -> Result<Built, Fault> {
        let hash = self.push(frame)?.ok_or(Fault::OutOfPlace)?;
        Ok(Built { start: self.sequence.start, bytes: std::mem::take(&mut self.bytes), hash })
    }

    fn push(&mut self, frame: Frame<'_>) -> Result<Option<[u8; 32]>, Fault> {
        let begin = self.bytes.len();
        let check = frame.encode(&mut self.bytes)?;
        let accepted = self.sequence.accept(&Framed { frame, check, length: self.bytes.len() - begin });
        if accepted.is_err() {
            self.bytes.truncate(begin);
        }
        accepted
    }
}

/// The order of frames in one write, as far as it was read: the one place that knows it.
pub(super) struct Sequence {
    pub(super) start: u64,
    previous: [u8; 32],
    frames: Running,
    /// Frames so far.
    count: u64,
    /// Entry frames so far.
    pub(super) entries: u64,
    /// Their bytes.
    bytes: usize,
    /// Behind damage: the write may name another start and another write before it.
    pub(super) lenient: bool,
}

impl Sequence {
    pub(super) fn new(start: u64, previous: [u8; 32]) -> Self {
        Sequence { start, previous, frames: FRAMES.running(), count: 0, entries: 0, bytes: 0, lenient: false }
    }

    /// Takes the next frame; returns the write's hash if it was the last.
    pub(super) fn accept(&mut self, framed: &Framed<'_>) -> Result<Option<[u8; 32]>, Fault> {
        match &framed.frame {
            Frame::Void(_) if self.count > 0 => return Err(Fault::OutOfPlace),
            Frame::Void(void) if void.length == 0 || void.end() != Some(self.start) => {
                return Err(Fault::VoidElsewhere);
            }
            Frame::Entry(_) => {
                let full = self.entries >= WRITE_ENTRIES as u64;
                if full || (self.entries > 0 && self.bytes + framed.length > WRITE_BYTES) {
                    return Err(Fault::TooMuch);
                }
                self.entries += 1;
                self.bytes += framed.length;
            }
            Frame::Own(_) if self.entries == 0 => return Err(Fault::OutOfPlace),
            Frame::Cosigned(_) if self.count > 0 => return Err(Fault::OutOfPlace),
            Frame::Own(named) | Frame::Cosigned(named) => return self.end(named, &framed.check).map(Some),
            Frame::Void(_) => {}
        }
        self.count += 1;
        self.frames.update(&framed.check);
        Ok(None)
    }

    /// Says what is wrong with the beginning of a frame that needs `need` bytes: cut short, or no frame for this place.
    pub(super) fn cut(&self, visible: &[u8], need: usize) -> Fault {
        let allowed = match visible.first() {
            Some(&super::VOID | &super::COSIGNED) => self.count == 0,
            Some(&super::OWN) => self.entries > 0,
            _ => true,
        };
        if !allowed {
            return Fault::OutOfPlace;
        }
        if matches!(visible.first(), Some(&super::OWN | &super::COSIGNED)) {
            let named = visible.get(HEADER..).unwrap_or_default();
            match self.names().iter().zip(named).position(|(ours, theirs)| ours != theirs) {
                Some(0..8) => return Fault::Start,
                Some(8..40) => return Fault::FramesHash,
                Some(_) => return Fault::PreviousWrite,
                None => {}
            }
        }
        Fault::CutShort { need }
    }

    /// Returns what the write's last frame has to name, with this note.
    fn checkpoint<'a>(&self, note: &'a [u8]) -> CheckpointFrame<'a> {
        CheckpointFrame { start: self.start, frames_hash: self.frames.value(), previous_write: self.previous, note }
    }

    fn names(&self) -> [u8; NAMES] {
        let mut names = [0; NAMES];
        names[..8].copy_from_slice(&self.start.to_be_bytes());
        names[8..40].copy_from_slice(&self.frames.value());
        names[40..].copy_from_slice(&self.previous);
        names
    }

    fn end(&self, named: &CheckpointFrame<'_>, check: &[u8; 16]) -> Result<[u8; 32], Fault> {
        let ours = self.checkpoint(named.note);
        if named.start != ours.start && !self.lenient {
            Err(Fault::Start)
        } else if named.frames_hash != ours.frames_hash {
            Err(Fault::FramesHash)
        } else if named.previous_write != ours.previous_write && !self.lenient {
            Err(Fault::PreviousWrite)
        } else {
            Ok(write_hash(named, check))
        }
    }
}

/// Returns the hash of the write that this checkpoint frame ends.
pub(super) fn write_hash(checkpoint: &CheckpointFrame<'_>, check: &[u8; 16]) -> [u8; 32] {
    WRITE.hash(&[&checkpoint.start.to_be_bytes(), &checkpoint.frames_hash, check])
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::frame::tests::envelope;

    /// A write of entries `first..first + count`, with parts of some length.
    pub(crate) fn entries(start: u64, previous: [u8; 32], void: Option<&Void>, first: u64, count: u64) -> Built {
        let mut builder = WriteBuilder::new(start, previous);
        if let Some(void) = void {
            builder.void(void).unwrap();
        }
        for number in first..first + count {
            let structure = vec![0x30 + number as u8; 150];
            let words = vec![0x70 + number as u8; 200 * (number % 3) as usize];
            builder.entry(&envelope(number, &structure, &words), &structure, &words).unwrap();
        }
        builder.own(format!("own {}\n", first + count).as_bytes()).unwrap()
    }

    #[test]
    fn a_write_reads_back_and_every_flip_and_cut_is_noticed() {
        let void = Void { offset: 40, length: 60, hash: [8; 32], checkpoints: vec![(1, [2; 32])] };
        for built in [
            entries(100, [3; 32], Some(&void), 4, 3),
            entries(100, [3; 32], None, 0, 1),
            WriteBuilder::cosigned(100, [3; 32], b"cosigned\n").unwrap(),
        ] {
            let write = Write::parse(&built.bytes, 100, [3; 32]).unwrap();
            write.check_parts().unwrap();
            assert_eq!((write.length, write.hash), (built.bytes.len(), built.hash));
            for at in 0..built.bytes.len() {
                let mut flipped = built.bytes.clone();
                flipped[at] ^= 0x10;
                let read = Write::parse(&flipped, 100, [3; 32]);
                assert!(read.and_then(|write| write.check_parts()).is_err(), "byte {at}");
                let cut = Write::parse(&built.bytes[..at], 100, [3; 32]).unwrap_err();
                assert!(matches!(cut.why, Fault::CutShort { .. }), "cut at {at}: {cut}");
            }
            assert_eq!(Write::parse(&built.bytes, 100, [4; 32]).unwrap_err().why, Fault::PreviousWrite);
            assert!(Write::parse(&built.bytes, 101, [3; 32]).is_err());
        }
    }

    #[test]
    fn faults_name_the_frame_and_the_entry() {
        let built = entries(100, [0; 32], None, 0, 4);
        let write = Write::parse(&built.bytes, 100, [0; 32]).unwrap();
        let second = write.entries[0].frame_length();
        let mut damaged = built.bytes.clone();
        damaged[second + 20] ^= 1;
        let fault = Write::parse(&damaged, 100, [0; 32]).unwrap_err();
        assert_eq!(fault, WriteFault { offset: 100 + second as u64, entry: 1, why: Fault::Frame(BadFrame::Check) });
        let mut damaged = built.bytes.clone();
        damaged[second + HEADER + ENVELOPE + 3] ^= 1;
        let fault = Write::parse(&damaged, 100, [0; 32]).unwrap().check_parts().unwrap_err();
        assert_eq!(fault, WriteFault { offset: 100 + second as u64, entry: 1, why: Fault::Parts });
    }

    #[test]
    fn frames_out_of_order_are_refused() {
        let void = Void { offset: 0, length: 10, hash: [0; 32], checkpoints: vec![] };
        let mut builder = WriteBuilder::new(10, [0; 32]);
        assert_eq!(builder.void(&Void { length: 9, ..void.clone() }), Err(Fault::VoidElsewhere));
        builder.entry(&envelope(0, b"", b""), b"", b"").unwrap();
        assert_eq!(builder.void(&void), Err(Fault::OutOfPlace));
        assert_eq!(WriteBuilder::new(10, [0; 32]).own(b"note"), Err(Fault::OutOfPlace));
        let mut only_void = WriteBuilder::new(10, [0; 32]);
        only_void.void(&void).unwrap();
        assert_eq!(only_void.own(b"note"), Err(Fault::OutOfPlace));
        // Two entry frames of one write in the other order: their checks hold, the hash over them does not.
        let built = entries(0, [0; 32], None, 0, 2);
        let first = Write::parse(&built.bytes, 0, [0; 32]).unwrap().entries[0].frame_length();
        let second = Write::parse(&built.bytes, 0, [0; 32]).unwrap().entries[1].frame_length();
        let (a, rest) = built.bytes.split_at(first);
        let (b, end) = rest.split_at(second);
        assert_eq!(Write::parse(&[b, a, end].concat(), 0, [0; 32]).unwrap_err().why, Fault::FramesHash);
        assert_eq!(Write::parse(&[a, end].concat(), 0, [0; 32]).unwrap_err().why, Fault::FramesHash);
    }
}
