//! Telling torn from corrupt: what a power cut may leave after the last write that checks, and what it may not.

use std::io::{self, Read, Seek};
use std::ops::Range;

use super::reader::{Found, Tail, Window};
use super::write::Fault;
use super::{Frame, HEADER, Next, TRAILER, VOID, Void, check_value, frame_length, parse};
use crate::codec::context::TAIL;

/// What is left of bytes that belong to no write, for whoever sets them aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remains {
    /// Where they begin, in bytes.
    pub offset: u64,
    /// How many they are.
    pub length: u64,
    /// Their hash.
    pub hash: [u8; 32],
    /// The notes of all checkpoint frames in them that check, in order.
    pub notes: Vec<Vec<u8>>,
    /// Where the entry frames stand in the log that check with their parts.
    pub entries: Vec<Range<u64>>,
    /// Whether a power cut explains them.
    pub torn: bool,
    /// Whether the frame that fails is, or was, a checkpoint frame: then the damage is behind the last entry before it.
    pub at_checkpoint: bool,
}

impl Remains {
    /// Returns the void frame that sets these bytes aside, with tree size and root of each of the notes.
    #[must_use]
    pub fn void(&self, checkpoints: Vec<(u64, [u8; 32])>) -> Void {
        Void { offset: self.offset, length: self.length, hash: self.hash, checkpoints }
    }
}

/// Reads a tail again: its hash, what is legible in it, and whether it is torn.
///
/// It is torn if its last write was cut short, or if a sector of the disk (512 bytes, aligned) came back as zeros. A write
/// begins anywhere in a sector, so what a lost sector leaves is zeros from there to the sector's end: a whole sector, all of
/// it that lies in the tail, or at least 16 bytes. All else is corrupt: a disk or a person changed bytes that were there.
/// So is a tail with the end of a write that names another write before it than the last one that checks: that one had
/// checked when the later one was begun.
///
/// # Errors
/// Those of the source.
pub fn examine<R: Read + Seek>(source: R, tail: &Tail) -> io::Result<Remains> {
    let end = tail.offset + tail.length;
    let mut window = Window::limited(source, end);
    let mut hash = TAIL.running();
    window.each(tail.offset, end, |bytes| hash.update(bytes))?;
    let mut remains = Remains {
        offset: tail.offset,
        length: tail.length,
        hash: hash.value(),
        notes: Vec::new(),
        entries: Vec::new(),
        torn: false,
        at_checkpoint: at_checkpoint(&mut window, tail)?,
    };
    let (ends_whole, followed) = legible(&mut window, tail, &mut remains)?;
    if followed {
        return Ok(remains);
    }
    remains.torn = lost_sector(&mut window, tail.attempt, end)?
        || match ends_whole {
            // The last frame of a write is there, so nothing was cut. The sector it began in may be lost: less than 16 bytes.
            Some(start) => lost_sector(&mut window, start, start.next_multiple_of(SECTOR).min(end))?,
            None => cut_short(&mut window, tail, end)?,
        };
    Ok(remains)
}

/// Whether two of the three marks of a checkpoint frame stand where the write fails: type, start, write before it.
fn at_checkpoint<R: Read + Seek>(window: &mut Window<R>, tail: &Tail) -> io::Result<bool> {
    let bytes = window.fill(tail.fault.offset, HEADER + super::NAMES)?;
    let is = |at: usize, mark: &[u8]| bytes.get(at..at + mark.len()) == Some(mark);
    let typed = matches!(bytes.first(), Some(2 | 3));
    let marks = [typed, is(HEADER, &tail.attempt.to_be_bytes()), is(HEADER + 40, &tail.previous)];
    Ok(marks.into_iter().filter(|mark| *mark).count() >= 2)
}

/// Collects what checks in the tail; returns the start of the last write tried or a later one, if its last frame is there,
/// and whether some write was begun behind one that is in the tail and had checked.
fn legible<R: Read + Seek>(
    window: &mut Window<R>,
    tail: &Tail,
    remains: &mut Remains,
) -> io::Result<(Option<u64>, bool)> {
    let (mut at, mut ends_whole, mut followed) = (tail.offset, None, false);
    while let Found::Frame(offset, end) = window.find(at, |_, _| true)? {
        at = end;
        let Next::Frame(framed) = parse(window.frame(offset)?, false) else { continue };
        match framed.frame {
            Frame::Entry(entry) if entry.parts_match() => remains.entries.push(offset..end),
            Frame::Own(checkpoint) | Frame::Cosigned(checkpoint) => {
                remains.notes.push(checkpoint.note.to_vec());
                followed |= checkpoint.previous_write != tail.previous;
                if (tail.attempt..=offset).contains(&checkpoint.start) {
                    ends_whole = Some(checkpoint.start);
                }
            }
            // Only its envelope can be read: what stands in its parts may be frames.
            Frame::Entry(_) => at = offset + 1,
            Frame::Void(_) => {}
        }
    }
    Ok((ends_whole, followed))
}

/// Whether some sector is zeros from some place to its end, as a sector that was never written.
fn lost_sector<R: Read + Seek>(window: &mut Window<R>, from: u64, to: u64) -> io::Result<bool> {
    let (mut at, mut zeros, mut seen, mut lost) = (from, 0, 0, false);
    window.each(from, to, |bytes| {
        for byte in bytes {
            zeros = if *byte == 0 { zeros + 1 } else { 0 };
            seen += 1;
            at += 1;
            if at % SECTOR == 0 || at == to {
                lost |= zeros == seen || zeros >= 16;
                (zeros, seen) = (0, 0);
            }
        }
    })?;
    Ok(lost)
}

/// Whether the frame that fails was cut short by the end of the log; or by writes that began behind it, to set it aside,
/// and were cut short themselves, so that what was there before them is torn.
fn cut_short<R: Read + Seek>(window: &mut Window<R>, tail: &Tail, end: u64) -> io::Result<bool> {
    match tail.fault.why {
        // Then the lengths in its header are wrong.
        Fault::CutShort { .. } => return Ok(!ends_as_it_says(window, tail.fault.offset, end)?),
        Fault::Parts | Fault::VoidElsewhere | Fault::TooManyVoids => return Ok(false),
        // What was changed in the last frame leaves its length at its end, or its length in the header.
        _ if ends_as_it_says(window, tail.fault.offset, end)? => return Ok(false),
        _ => {}
    }
    let mut cut = end;
    while let Some(begin) = unfinished_void(window, tail, cut)? {
        cut = begin;
        let left = usize::try_from(cut - tail.fault.offset).unwrap_or(usize::MAX);
        let bytes = window.frame(tail.fault.offset)?;
        let cut_here = matches!(parse(bytes.get(..left).unwrap_or(bytes), true), Next::NeedMore(_));
        if cut_here || lost_sector(window, tail.attempt, cut)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether what begins at `start` is a frame that is all there up to `end`: by the length in its last four bytes, or, if
/// those were changed, by the length in its header and its check value.
fn ends_as_it_says<R: Read + Seek>(window: &mut Window<R>, start: u64, end: u64) -> io::Result<bool> {
    let length = end - start;
    let last = window.fill(end.saturating_sub(4).max(start), 4)?;
    let last = last.first_chunk().map_or(0, |length| u64::from(u32::from_be_bytes(*length)));
    // Shorter than any frame, it is no length of one: the bytes of a cut entry only happen to spell it.
    if last >= SMALLEST && last == length {
        return Ok(true);
    }
    let bytes = window.frame(start)?;
    let bytes = bytes.get(..usize::try_from(length).unwrap_or(usize::MAX)).unwrap_or(bytes);
    let Some((covered, trailer)) = bytes.len().checked_sub(TRAILER).and_then(|at| bytes.split_at_checked(at)) else {
        return Ok(false);
    };
    Ok(frame_length(bytes) == Ok(Some(bytes.len())) && trailer.starts_with(&check_value(covered)))
}

/// Looks for a void frame before `cut` that names this tail and is not all there.
fn unfinished_void<R: Read + Seek>(window: &mut Window<R>, tail: &Tail, cut: u64) -> io::Result<Option<u64>> {
    let longest = (HEADER + 48 + 40 * super::VOID_LIST_LIMIT + super::TRAILER) as u64;
    let from = cut.saturating_sub(longest).max(tail.fault.offset).max(tail.offset + 1);
    let length = usize::try_from(cut - from).unwrap_or_default();
    let bytes = window.fill(from, length)?;
    let bytes = bytes.get(..length).unwrap_or(bytes);
    for (skip, place) in (0..bytes.len()).zip(from..) {
        let begun = bytes.get(skip..).unwrap_or_default();
        let named = [tail.offset.to_be_bytes(), (place - tail.offset).to_be_bytes()].concat();
        let fits = begun.first() == Some(&VOID)
            && begun.iter().skip(HEADER).zip(&named).all(|(theirs, ours)| theirs == ours)
            && matches!(parse(begun, true), Next::NeedMore(_));
        if fits {
            return Ok(Some(place));
        }
    }
    Ok(None)
}

/// Bytes that a disk writes wholly or not at all.
const SECTOR: u64 = 512;
/// Bytes of the shortest frame: a void frame that lists nothing.
const SMALLEST: u64 = (HEADER + 48 + super::TRAILER) as u64;

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::frame::reader::tests::{log, void};
    use crate::frame::reader::{Event, WriteReader};
    use crate::frame::write::tests::entries;

    fn remains(bytes: &[u8]) -> Option<Remains> {
        let mut reader = WriteReader::new(Cursor::new(bytes));
        loop {
            match reader.next_event().unwrap() {
                Event::Tail(tail) => return Some(examine(Cursor::new(bytes), &tail).unwrap()),
                Event::End { .. } => return None,
                _ => {}
            }
        }
    }

    #[test]
    fn every_cut_is_torn_and_names_what_is_legible() {
        let (bytes, writes) = log();
        let write = &writes[2];
        let start = write.start as usize;
        let entry = crate::frame::write::Write::parse(&write.bytes, write.start, writes[1].hash).unwrap().entries[0]
            .frame_length();
        for cut in start + 1..bytes.len() {
            let found = remains(&bytes[..cut]).unwrap();
            assert!(found.torn, "cut at {cut}");
            assert_eq!((found.offset, found.length), (write.start, (cut - start) as u64));
            assert_eq!(found.void(vec![]), void(&bytes[..cut], start));
            assert_eq!(found.entries.len(), usize::from(cut >= start + entry));
            // A second write was begun, to set the first aside, and was cut short as well.
            if (cut - start) % 37 > 1 && !(start + entry..start + entry + 12).contains(&cut) {
                continue;
            }
            let next = entries(cut as u64, writes[1].hash, Some(&found.void(vec![])), 2, 1);
            for again in [1, 4, 9, 12, 20, 25, 60, 76, 77, 90, 400] {
                let found = remains(&[&bytes[..cut], &next.bytes[..again]].concat()).unwrap();
                assert!(found.torn, "cut at {cut} and {again}");
            }
        }
    }

    #[test]
    fn a_changed_byte_is_corrupt_wherever_it_stands() {
        let (bytes, writes) = log();
        let start = writes[2].start as usize;
        for at in start..bytes.len() {
            for flip in [0x01, 0x40] {
                let mut changed = bytes.clone();
                changed[at] ^= flip;
                let found = remains(&changed).unwrap();
                assert!(!found.torn, "byte {at}");
            }
        }
    }

    #[test]
    fn a_check_value_that_looks_like_the_beginning_of_a_void_frame_makes_nothing_torn() {
        for n in 0..300 {
            let mut builder = crate::frame::write::WriteBuilder::new(0, [0; 32]);
            builder.entry(&crate::frame::tests::envelope(0, b"s", b"w"), b"s", b"w").unwrap();
            let bytes = builder.own(format!("own {n}\n").as_bytes()).unwrap().bytes;
            for back in [1, 2, 4, 5, 20, 21, 60] {
                let mut changed = bytes.clone();
                let at = changed.len() - back;
                changed[at] ^= 0x20;
                assert!(!remains(&changed).unwrap().torn, "note {n}, byte {back} from the end");
            }
        }
    }

    #[test]
    fn a_cut_entry_whose_bytes_happen_to_spell_their_number_is_torn() {
        let mut bytes = vec![0; 59];
        (bytes[0], bytes[3], bytes[58]) = (1, 4, 59);
        let fault = crate::frame::write::WriteFault { offset: 0, entry: 0, why: Fault::CutShort { need: 1000 } };
        let tail = Tail { offset: 0, length: 59, attempt: 0, previous: [0; 32], fault };
        assert!(examine(Cursor::new(&bytes), &tail).unwrap().torn);
    }

    #[test]
    fn a_sector_of_zeros_is_torn() {
        let (mut bytes, writes) = log();
        let start = writes[2].start as usize;
        let boundary = start.next_multiple_of(512);
        assert!(boundary < bytes.len());
        for range in [start..boundary, boundary..bytes.len()] {
            let kept = bytes[range.clone()].to_vec();
            bytes[range.clone()].fill(0);
            assert!(remains(&bytes).unwrap().torn);
            bytes[range.start] = 7;
            if range.len() > 20 {
                bytes[range.clone()].fill(7);
                assert!(!remains(&bytes).unwrap().torn);
            }
            bytes[range].copy_from_slice(&kept);
        }
        assert_eq!(remains(&bytes), None);
    }

    #[test]
    fn notes_and_entries_of_a_whole_write_are_collected() {
        let (bytes, writes) = log();
        // The same writes once more: they name another place and so do not check here.
        let found = remains(&[&bytes[..], &bytes].concat()).unwrap();
        assert_eq!((found.entries.len(), found.torn), (3, false));
        assert_eq!(found.notes, [b"own 2\n".to_vec(), b"cosigned 2\n".to_vec(), b"own 3\n".to_vec()]);
        assert_eq!(found.offset, writes[2].start + writes[2].bytes.len() as u64);
    }
}
