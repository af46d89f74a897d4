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
}

/// Every entry so far.
pub struct Past<R> {
    source: BufReader<R>,
    offsets: Vec<u64>,
    recent: VecDeque<Known>,
    first_recent: u64,
    stretches: BTreeMap<u64, Vec<Known>>,
}

impl<R: Read + Seek> Past<R> {
    /// Begins with no entries; `source` is a second reader of the same log.
    pub fn new(source: R) -> Self {
        Past {
            source: BufReader::with_capacity(1 << 16, source),
            offsets: Vec::new(),
            recent: VecDeque::new(),
            first_recent: 0,
            stretches: BTreeMap::new(),
        }
    }

    /// Takes in the next entry.
    pub fn push(&mut self, number: u64, offset: u64, known: Known) {
        if number.is_multiple_of(STEP) {
            self.offsets.push(offset);
        }
        if self.recent.is_empty() {
            self.first_recent = number;
        }
        self.recent.push_back(known);
        if self.recent.len() > RECENT {
            self.recent.pop_front();
            self.first_recent += 1;
        }
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
        let stretch = number / STEP;
        if !self.stretches.contains_key(&stretch) {
            let Some(offset) = usize::try_from(stretch).ok().and_then(|at| self.offsets.get(at)).copied() else {
                return Ok(None);
            };
            let read = self.read_stretch(offset)?;
            if self.stretches.len() >= STRETCHES {
                self.stretches.pop_first();
            }
            self.stretches.insert(stretch, read);
        }
        let at = usize::try_from(number % STEP).unwrap_or(0);
        Ok(self.stretches.get(&stretch).and_then(|entries| entries.get(at)).copied())
    }

    /// Reads the entries of one stretch, passing over the other frames; ends early where the log cannot be read.
    fn read_stretch(&mut self, offset: u64) -> io::Result<Vec<Known>> {
        let mut entries = Vec::new();
        let mut bytes = Vec::new();
        self.source.seek(SeekFrom::Start(offset))?;
        while entries.len() < STEP as usize {
            bytes.clear();
            match next_frame(&mut self.source, &mut bytes)? {
                Some(Frame::Entry(entry)) => entries.push(known(entry.envelope)),
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

fn known(bytes: &[u8; ENVELOPE]) -> Known {
    let digest = Envelope::decode(bytes).map_or(Digest::ZERO, |envelope| envelope.statement);
    Known { digest, link: envelope::link(bytes) }
}
