//! Looking back: the digest and link of any earlier entry, in memory that hardly grows with the log.
//!
//! The newest entries are kept; an older one is read again from the log, through the offset of every 1,024th entry.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use crate::codec::{Digest, Link};
use crate::entry::envelope::{self, ENVELOPE, Envelope};
use crate::frame::{self, Frame, Next};

/// Entries between two kept offsets.
const STEP: u64 = 1024;
/// Newest entries that are kept.
const RECENT: usize = 1 << 15;
/// Stretches read again that are kept.
const STRETCHES: usize = 16;

/// What is asked of an earlier entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Its statement digest.
    pub digest: Digest,
    /// Its link.
    pub link: Link,
    /// Whether its structure is in clear.
    pub public: bool,
    /// When it was recorded, in milliseconds UTC; 0 if its envelope does not say.
    pub recorded: i64,
}

/// Every entry so far.
pub struct Past<R> {
    source: BufReader<R>,
    /// Number and offset of the entries from which a stretch can be read: nothing but frames up to the next of them.
    anchors: Vec<(u64, u64)>,
    /// Whether the next entry begins a stretch: bytes that are no frames stand before it.
    broken: bool,
    /// Numbers of entries that could not be read: from, to (exclusive).
    missing: Vec<(u64, u64)>,
    recent: VecDeque<Known>,
    first_recent: u64,
    stretches: BTreeMap<u64, Vec<Known>>,
}

impl<R: Read + Seek> Past<R> {
    /// Begins with no entries; `source` is a second reader of the same log.
    pub fn new(source: R) -> Self {
        Past {
            source: BufReader::with_capacity(1 << 16, source),
            anchors: Vec::new(),
            broken: false,
            missing: Vec::new(),
            recent: VecDeque::new(),
            first_recent: 0,
            stretches: BTreeMap::new(),
        }
    }

    /// Says that the next entry is this one, and that those before it are missing.
    pub fn jump(&mut self, number: u64) {
        self.missing.push((self.first_recent + self.recent.len() as u64, number));
        self.recent.clear();
        self.first_recent = number;
        self.broken = true;
    }

    /// Takes in the next entry.
    pub fn push(&mut self, offset: u64, known: Known) {
        let number = self.first_recent + self.recent.len() as u64;
        if self.broken || self.anchors.last().is_none_or(|(first, _)| number - first >= STEP) {
            self.anchors.push((number, offset));
            self.broken = false;
        }
        self.recent.push_back(known);
        if self.recent.len() > RECENT {
            self.recent.pop_front();
            self.first_recent += 1;
        }
    }

    /// Says that bytes follow that belong to no write.
    pub fn break_off(&mut self) {
        self.broken = true;
    }

    /// Whether an entry of that number is missing because of damage.
    #[must_use]
    pub fn is_missing(&self, number: u64) -> bool {
        let at = self.missing.partition_point(|(from, _)| *from <= number);
        at.checked_sub(1).and_then(|at| self.missing.get(at)).is_some_and(|(_, to)| number < *to)
    }

    /// Returns an earlier entry; none if there is no such entry, or it cannot be read again.
    ///
    /// # Errors
    /// Those of the source.
    pub fn entry(&mut self, number: u64) -> io::Result<Option<Known>> {
        if let Some(at) = number.checked_sub(self.first_recent).and_then(|at| usize::try_from(at).ok())
            && let Some(known) = self.recent.get(at)
        {
            return Ok(Some(*known));
        }
        if number >= self.first_recent + self.recent.len() as u64 {
            return Ok(None);
        }
        let next = self.anchors.partition_point(|(first, _)| *first <= number);
        let Some((first, offset)) = next.checked_sub(1).and_then(|at| self.anchors.get(at)).copied() else {
            return Ok(None);
        };
        if !self.stretches.contains_key(&first) {
            let count = self.anchors.get(next).map_or(STEP, |(next, _)| next - first).min(STEP);
            let read = self.read_stretch(offset, count)?;
            if self.stretches.len() >= STRETCHES {
                self.stretches.pop_first();
            }
            self.stretches.insert(first, read);
        }
        let at = usize::try_from(number - first).unwrap_or(usize::MAX);
        Ok(self.stretches.get(&first).and_then(|entries| entries.get(at)).copied())
    }

    /// Reads the entries of one stretch, passing over the other frames; ends early where the log cannot be read.
    fn read_stretch(&mut self, offset: u64, count: u64) -> io::Result<Vec<Known>> {
        let mut entries = Vec::new();
        let mut bytes = Vec::new();
        self.source.seek(SeekFrom::Start(offset))?;
        while (entries.len() as u64) < count {
            bytes.clear();
            match next_frame(&mut self.source, &mut bytes)? {
                Some(Frame::Entry(entry)) => entries.push(known(entry.envelope, entry.structure)),
                Some(_) => {}
                None => break,
            }
        }
        Ok(entries)
    }
}

fn next_frame<'a, R: Read>(source: &mut R, bytes: &'a mut Vec<u8>) -> io::Result<Option<Frame<'a>>> {
    let mut need = 1;
    loop {
        let have = bytes.len();
        source.by_ref().take((need - have) as u64).read_to_end(bytes)?;
        if bytes.len() < need {
            return Ok(None);
        }
        match frame::next_frame(bytes) {
            Next::NeedMore(more) if more > need => need = more,
            Next::Frame(_) => break,
            _ => return Ok(None),
        }
    }
    match frame::next_frame(bytes) {
        Next::Frame(framed) => Ok(Some(framed.frame)),
        _ => Ok(None),
    }
}

fn known(bytes: &[u8; ENVELOPE], structure: &[u8]) -> Known {
    let said = Envelope::decode(bytes).map(|envelope| (envelope.statement, envelope.recorded));
    let (digest, recorded) = said.unwrap_or((Digest::ZERO, 0));
    Known { digest, link: envelope::link(bytes), public: structure.first() == Some(&0), recorded }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::frame::tests::envelope;
    use crate::frame::write::WriteBuilder;

    #[test]
    fn entries_before_and_behind_bytes_set_aside_are_read_again() {
        let (mut log, mut offsets) = (Vec::new(), Vec::new());
        for first in [0u64, 700, 1400] {
            let mut write = WriteBuilder::new(log.len() as u64, [0; 32]);
            for number in first..first + 700 {
                let part: &[u8] = if number % 2 == 0 { &[0] } else { b"s" };
                offsets.push(write.entry(&envelope(number, part, b""), part, b"").unwrap());
            }
            log.extend(write.own(b"note\n").unwrap().bytes);
            // What a torn write leaves: an entry that is none, and noise.
            log.extend_from_within(..300);
        }
        let mut past = Past::new(Cursor::new(&log));
        for (number, offset) in (0..2100).zip(&offsets) {
            if number % 700 == 0 {
                past.break_off();
            }
            past.push(*offset, Known { digest: Digest::ZERO, link: Link::ZERO, public: false, recorded: 0 });
        }
        // As if they were long past.
        past.recent.clear();
        past.first_recent = 2100;
        for number in [0, 1, 699, 700, 1399, 1400, 2099] {
            let part: &[u8] = if number % 2 == 0 { &[0] } else { b"s" };
            let (known, expected) =
                (past.entry(number).unwrap().unwrap(), envelope::link(&envelope(number, part, b"")));
            assert_eq!((known.link, known.public), (expected, number % 2 == 0), "{number}");
        }
        assert_eq!((past.entry(2100).unwrap(), past.is_missing(5)), (None, false));
        past.jump(2105);
        assert!((2100..2105).all(|number| past.is_missing(number)) && !past.is_missing(2105));
    }
}
