//! Where one entry ends and the next begins in a string of bytes: frames, writes, and what a power cut leaves.
//!
//! A frame is a header (type u8, length A u32, length B u32), a payload, a check value of 16 bytes and the frame's whole
//! length once more (u32), so that a log can also be read from its end. All integers are big-endian.
//!
//! | type | A | B | payload |
//! |---|---|---|---|
//! | 1 entry | structure part | words part | envelope 145, structure part, words part |
//! | 2 own checkpoint | note | 0 | start of the write u64, frames hash 32, previous write's hash 32, note |
//! | 3 cosigned checkpoint | note | 0 | as 2 |
//! | 4 void | checkpoints listed | 0 | offset u64, length u64, hash of the bytes set aside 32, then (size u64, root 32) each |
//!
//! An entry's check value covers the header and the envelope: the envelope holds the digest of the other two parts, which
//! [`EntryFrame::parts_match`] recomputes, so that no byte is hashed twice. All other check values cover the whole payload.
//!
//! [`mod@write`] puts frames together into writes, [`reader`] reads a whole log as a stream, [`tail`] tells torn from corrupt.

pub mod reader;
pub mod tail;
pub mod write;

use crate::codec::context::{FRAME, PART, PARTS};
use crate::codec::{NOTE_LIMIT, STRUCTURE_LIMIT, WORDS_PART_LIMIT};

/// Bytes of an envelope.
pub const ENVELOPE: usize = 145;
/// Largest number of checkpoints that a void frame lists.
pub const VOID_LIST_LIMIT: usize = 64;
/// Most entries of one write: a reader holds one write in memory.
pub const WRITE_ENTRIES: usize = 1024;
/// Most bytes of the entry frames of one write that has more than one (16 MiB).
pub const WRITE_BYTES: usize = 16 << 20;
/// Bytes of the largest frame there can be: an entry with both its parts as long as allowed.
pub const FRAME_LIMIT: usize = HEADER + ENVELOPE + STRUCTURE_LIMIT + WORDS_PART_LIMIT + TRAILER;

/// Why bytes are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadFrame {
    /// The first byte names no type of frame.
    #[error("no frame has type {0}")]
    Type(u8),
    /// A length in the header is over its limit, or not zero where it has to be.
    #[error("a length in the frame's header is not allowed")]
    Length,
    /// The length at the frame's end is not what the header adds up to.
    #[error("the length at the end of the frame differs from its header")]
    End,
    /// The check value does not hold.
    #[error("the check value of the frame does not hold")]
    Check,
}

/// An entry as it lies in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryFrame<'a> {
    /// The envelope: link input and leaf data.
    pub envelope: &'a [u8; ENVELOPE],
    /// The structure part.
    pub structure: &'a [u8],
    /// The words part; empty where there are no words.
    pub words: &'a [u8],
}

/// A checkpoint that ends a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckpointFrame<'a> {
    /// Where the write's first frame stands in the log, in bytes.
    pub start: u64,
    /// The hash over the check values of the write's frames before this one.
    pub frames_hash: [u8; 32],
    /// The hash of the write before; zero for the first.
    pub previous_write: [u8; 32],
    /// The signed note.
    pub note: &'a [u8],
}

/// Names bytes of the log that count as never written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Void {
    /// Where they begin, in bytes.
    pub offset: u64,
    /// How many they are.
    pub length: u64,
    /// Their hash under the context of bytes set aside.
    pub hash: [u8; 32],
    /// Tree size and root of each checkpoint that can still be read in them; at most [`VOID_LIST_LIMIT`].
    pub checkpoints: Vec<(u64, [u8; 32])>,
}

/// One frame, borrowed from the bytes that were checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame<'a> {
    /// An entry.
    Entry(EntryFrame<'a>),
    /// The log's own checkpoint: the last frame of a write.
    Own(CheckpointFrame<'a>),
    /// A checkpoint with witnesses' cosignatures: a write of its own.
    Cosigned(CheckpointFrame<'a>),
    /// The first frame of a write after bytes that were set aside.
    Void(Void),
}

/// A frame with its check value and its length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Framed<'a> {
    /// What the frame holds.
    pub frame: Frame<'a>,
    /// Its check value.
    pub check: [u8; 16],
    /// All its bytes, header to last length.
    pub length: usize,
}

/// What stands at the beginning of some bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next<'a> {
    /// A frame that checks.
    Frame(Framed<'a>),
    /// The beginning of a frame: at least this many bytes are needed, counted from its first.
    NeedMore(usize),
    /// No frame.
    Bad(BadFrame),
}

/// Reads the frame at the beginning of `bytes`; what follows it is not looked at.
///
/// Lengths are compared with their limits before anything is read by them. The parts of an entry are not hashed: see
/// [`EntryFrame::parts_match`].
#[must_use]
pub fn next_frame(bytes: &[u8]) -> Next<'_> {
    parse(bytes, true)
}

/// Reads a frame; `hash` is false only for bytes whose check value is known to hold.
fn parse(bytes: &[u8], hash: bool) -> Next<'_> {
    let total = match frame_length(bytes) {
        Ok(Some(total)) => total,
        Ok(None) => return Next::NeedMore(HEADER),
        Err(bad) => return Next::Bad(bad),
    };
    let Some(whole) = bytes.get(..total) else { return Next::NeedMore(total) };
    let framed = match read_whole(whole) {
        Some(framed) => framed,
        None => return Next::Bad(BadFrame::End),
    };
    if hash {
        let covered = if matches!(framed.frame, Frame::Entry(_)) { HEADER + ENVELOPE } else { total - TRAILER };
        if bytes.get(..covered).map(check_value) != Some(framed.check) {
            return Next::Bad(BadFrame::Check);
        }
    }
    Next::Frame(framed)
}

/// Returns the length of the frame that begins here; none while its header is not all there.
fn frame_length(bytes: &[u8]) -> Result<Option<usize>, BadFrame> {
    let Some(kind) = bytes.first() else { return Ok(None) };
    if !(ENTRY..=VOID).contains(kind) {
        return Err(BadFrame::Type(*kind));
    }
    let Some((_, rest)) = bytes.split_first() else { return Ok(None) };
    let Some((a, rest)) = split_u32(rest) else { return Ok(None) };
    let Some((b, _)) = split_u32(rest) else { return Ok(None) };
    let payload = match *kind {
        ENTRY if a <= STRUCTURE_LIMIT && b <= WORDS_PART_LIMIT => ENVELOPE + a + b,
        OWN | COSIGNED if a <= NOTE_LIMIT && b == 0 => NAMES + a,
        VOID if a <= VOID_LIST_LIMIT && b == 0 => 48 + 40 * a,
        _ => return Err(BadFrame::Length),
    };
    Ok(Some(HEADER + payload + TRAILER))
}

/// Takes a whole frame apart; none if its last length is not its length.
fn read_whole(whole: &[u8]) -> Option<Framed<'_>> {
    let (kind, rest) = whole.split_first()?;
    let (a, rest) = split_u32(rest)?;
    let (_, rest) = split_u32(rest)?;
    let (payload, trailer) = rest.split_at_checked(rest.len().checked_sub(TRAILER)?)?;
    let (check, end) = trailer.split_first_chunk::<16>()?;
    if split_u32(end)?.0 != whole.len() {
        return None;
    }
    let frame = match *kind {
        ENTRY => {
            let (envelope, parts) = payload.split_first_chunk()?;
            let (structure, words) = parts.split_at_checked(a)?;
            Frame::Entry(EntryFrame { envelope, structure, words })
        }
        VOID => {
            let (offset, rest) = split_u64(payload)?;
            let (length, rest) = split_u64(rest)?;
            let (hash, list) = rest.split_first_chunk()?;
            let checkpoints = list.chunks_exact(40).filter_map(|pair| {
                let (size, root) = split_u64(pair)?;
                Some((size, *root.first_chunk()?))
            });
            Frame::Void(Void { offset, length, hash: *hash, checkpoints: checkpoints.collect() })
        }
        _ => {
            let (start, rest) = split_u64(payload)?;
            let (frames_hash, rest) = rest.split_first_chunk()?;
            let (previous_write, note) = rest.split_first_chunk()?;
            let frame = CheckpointFrame { start, frames_hash: *frames_hash, previous_write: *previous_write, note };
            if *kind == OWN { Frame::Own(frame) } else { Frame::Cosigned(frame) }
        }
    };
    Some(Framed { frame, check: *check, length: whole.len() })
}

impl Frame<'_> {
    /// Writes the frame to the end of `out` and returns its check value.
    ///
    /// # Errors
    /// [`BadFrame::Length`] if a part is over its limit; `out` is then as it was.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<[u8; 16], BadFrame> {
        let begin = out.len();
        let lengths = |kind: u8, a: usize, b: usize| -> Result<[u8; HEADER], BadFrame> {
            let mut header = [kind; HEADER];
            for (at, length) in [(1, a), (5, b)] {
                let length = u32::try_from(length).map_err(|_| BadFrame::Length)?;
                header[at..at + 4].copy_from_slice(&length.to_be_bytes());
            }
            frame_length(&header)?;
            Ok(header)
        };
        match self {
            Frame::Entry(entry) => {
                out.extend_from_slice(&lengths(ENTRY, entry.structure.len(), entry.words.len())?);
                out.extend_from_slice(entry.envelope);
            }
            Frame::Own(checkpoint) => checkpoint.encode(out, lengths(OWN, checkpoint.note.len(), 0)?),
            Frame::Cosigned(checkpoint) => checkpoint.encode(out, lengths(COSIGNED, checkpoint.note.len(), 0)?),
            Frame::Void(void) => {
                out.extend_from_slice(&lengths(VOID, void.checkpoints.len(), 0)?);
                out.extend_from_slice(&void.offset.to_be_bytes());
                out.extend_from_slice(&void.length.to_be_bytes());
                out.extend_from_slice(&void.hash);
                for (size, root) in &void.checkpoints {
                    out.extend_from_slice(&size.to_be_bytes());
                    out.extend_from_slice(root);
                }
            }
        }
        let check = check_value(&out[begin..]);
        if let Frame::Entry(entry) = self {
            out.extend_from_slice(entry.structure);
            out.extend_from_slice(entry.words);
        }
        out.extend_from_slice(&check);
        let length = u32::try_from(out.len() - begin + 4).map_err(|_| BadFrame::Length)?;
        out.extend_from_slice(&length.to_be_bytes());
        Ok(check)
    }
}

impl EntryFrame<'_> {
    /// Whether the two parts are those that the envelope's last 32 bytes name.
    #[must_use]
    pub fn parts_match(&self) -> bool {
        self.envelope.last_chunk::<32>() == Some(&parts_digest(self.structure, self.words))
    }

    /// Returns the entry number as the envelope gives it (bytes 1 to 8).
    #[must_use]
    pub fn number(&self) -> u64 {
        self.envelope[1..].first_chunk().map_or(0, |number| u64::from_be_bytes(*number))
    }

    /// Returns the bytes of the whole frame.
    #[must_use]
    pub fn frame_length(&self) -> usize {
        HEADER + ENVELOPE + self.structure.len() + self.words.len() + TRAILER
    }
}

impl CheckpointFrame<'_> {
    fn encode(&self, out: &mut Vec<u8>, header: [u8; HEADER]) {
        out.extend_from_slice(&header);
        out.extend_from_slice(&self.start.to_be_bytes());
        out.extend_from_slice(&self.frames_hash);
        out.extend_from_slice(&self.previous_write);
        out.extend_from_slice(self.note);
    }
}

/// Returns the digest that an envelope's last 32 bytes hold: of the digests of the structure and the words part.
#[must_use]
pub fn parts_digest(structure: &[u8], words: &[u8]) -> [u8; 32] {
    PARTS.hash(&[&PART.hash(&[structure]), &PART.hash(&[words])])
}

fn check_value(covered: &[u8]) -> [u8; 16] {
    let mut check = [0; 16];
    check.copy_from_slice(&FRAME.hash(&[covered])[..16]);
    check
}

fn split_u32(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((usize::try_from(u32::from_be_bytes(*number)).ok()?, rest))
}

fn split_u64(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u64::from_be_bytes(*number), rest))
}

const ENTRY: u8 = 1;
const OWN: u8 = 2;
const COSIGNED: u8 = 3;
const VOID: u8 = 4;
/// Type and two lengths.
const HEADER: usize = 9;
/// Check value and the length again.
const TRAILER: usize = 20;
/// What a checkpoint frame names before its note: start, frames hash, previous write.
const NAMES: usize = 72;

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An envelope that names its parts, with a number.
    pub(crate) fn envelope(number: u64, structure: &[u8], words: &[u8]) -> [u8; ENVELOPE] {
        let mut envelope = [0x5a; ENVELOPE];
        envelope[0] = 1;
        envelope[1..9].copy_from_slice(&number.to_be_bytes());
        envelope[113..].copy_from_slice(&parts_digest(structure, words));
        envelope
    }

    fn round_trip(frame: &Frame<'_>) -> Vec<u8> {
        let mut bytes = vec![9, 9];
        let check = frame.encode(&mut bytes).unwrap();
        let bytes = bytes.split_off(2);
        assert_eq!(next_frame(&bytes), Next::Frame(Framed { frame: frame.clone(), check, length: bytes.len() }));
        for cut in 0..bytes.len() {
            match next_frame(&bytes[..cut]) {
                Next::NeedMore(need) => assert!(need > cut && need <= bytes.len()),
                other => panic!("{other:?}"),
            }
        }
        bytes
    }

    #[test]
    fn frames_round_trip_and_every_flipped_byte_shows() {
        let (structure, words) = (b"structure".as_slice(), b"words".as_slice());
        let envelope = envelope(7, structure, words);
        let entry = EntryFrame { envelope: &envelope, structure, words };
        let checkpoint = CheckpointFrame { start: 5, frames_hash: [1; 32], previous_write: [2; 32], note: b"a note\n" };
        let void = Void { offset: 3, length: 4, hash: [5; 32], checkpoints: vec![(6, [7; 32]), (8, [9; 32])] };
        assert_eq!((entry.number(), entry.parts_match()), (7, true));
        assert!(!EntryFrame { words: b"", ..entry }.parts_match());
        let frames = [Frame::Entry(entry), Frame::Own(checkpoint), Frame::Cosigned(checkpoint), Frame::Void(void)];
        for frame in frames {
            let bytes = round_trip(&frame);
            if let Frame::Entry(entry) = frame {
                assert_eq!(entry.frame_length(), bytes.len());
            }
            for at in 0..bytes.len() {
                let mut flipped = bytes.clone();
                flipped[at] ^= 0x01;
                match next_frame(&flipped) {
                    Next::Frame(Framed { frame: Frame::Entry(entry), .. }) => assert!(!entry.parts_match(), "{at}"),
                    Next::Frame(_) => panic!("byte {at}"),
                    Next::NeedMore(_) | Next::Bad(_) => {}
                }
            }
        }
    }

    #[test]
    fn limits_hold_before_anything_is_read() {
        let header = |kind: u8, a: usize, b: usize| {
            let mut bytes = vec![kind];
            bytes.extend_from_slice(&u32::try_from(a).unwrap().to_be_bytes());
            bytes.extend_from_slice(&u32::try_from(b).unwrap().to_be_bytes());
            bytes
        };
        let bad = [
            (ENTRY, STRUCTURE_LIMIT + 1, 0),
            (ENTRY, 0, WORDS_PART_LIMIT + 1),
            (OWN, NOTE_LIMIT + 1, 0),
            (OWN, 0, 1),
            (COSIGNED, NOTE_LIMIT + 1, 0),
            (VOID, VOID_LIST_LIMIT + 1, 0),
            (VOID, 0, 1),
        ];
        for (kind, a, b) in bad {
            assert_eq!(next_frame(&header(kind, a, b)), Next::Bad(BadFrame::Length));
        }
        assert_eq!(next_frame(&header(ENTRY, STRUCTURE_LIMIT, WORDS_PART_LIMIT)), Next::NeedMore(FRAME_LIMIT));
        for kind in [0, 5, 255] {
            assert_eq!(next_frame(&[kind]), Next::Bad(BadFrame::Type(kind)));
        }
        let note = vec![b'n'; NOTE_LIMIT + 1];
        let frame = CheckpointFrame { start: 0, frames_hash: [0; 32], previous_write: [0; 32], note: &note };
        let mut out = vec![1];
        assert_eq!(Frame::Own(frame).encode(&mut out), Err(BadFrame::Length));
        assert_eq!(out, [1]);
    }

    proptest! {
        #[test]
        fn entries_round_trip(number: u64, structure in prop::collection::vec(any::<u8>(), 0..200),
                              words in prop::collection::vec(any::<u8>(), 0..200)) {
            let envelope = envelope(number, &structure, &words);
            round_trip(&Frame::Entry(EntryFrame { envelope: &envelope, structure: &structure, words: &words }));
        }

        #[test]
        fn arbitrary_bytes_never_panic(kind in 0u8..6, bytes in prop::collection::vec(any::<u8>(), 0..300), zeros: bool) {
            let mut all = vec![kind];
            if zeros {
                all.extend_from_slice(&[0, 0, 0, 3, 0, 0, 0, 0]);
            }
            all.extend_from_slice(&bytes);
            prop_assert!(!matches!(next_frame(&all), Next::Frame(_)));
        }
    }
}
