//! Reading entries back, each compared with the tree before it is believed.

use crate::codec::{Digest, FolderKeyId, LedgerId, Link};
use crate::entry::envelope::{self, Envelope};
use crate::entry::statement::Unverified;
use crate::frame::reader::Event;
use crate::frame::{EntryFrame, Frame, Next, next_frame};
use crate::ledger::LedgerError;
use crate::ledger::open::Ledger;
use crate::seal::structure::{self, StructurePart};
use crate::seal::words::{self, WordsKey};
use crate::store::disk::Disk;
use crate::tree::{NodeId, ReadHashes, leaf_hash};
use crate::verify::entry::Keys;
use crate::verify::report::Code;
use crate::verify::roster::Roster;
use crate::verify::signatures::Signatures;

/// Public entries that are read together.
const TOGETHER: usize = 1024;

/// An entry as it lies in the log, whose envelope is the one in the tree and whose parts are those of the envelope.
pub struct Stored {
    frame: Vec<u8>,
    envelope: Envelope,
    offset: u64,
}

impl Stored {
    fn frame(&self) -> Option<EntryFrame<'_>> {
        match next_frame(&self.frame) {
            Next::Frame(framed) => match framed.frame {
                Frame::Entry(entry) => Some(entry),
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns the envelope.
    #[must_use]
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// Returns the envelope's bytes.
    #[must_use]
    pub fn envelope_bytes(&self) -> Vec<u8> {
        self.frame().map(|frame| frame.envelope.to_vec()).unwrap_or_default()
    }

    /// Returns the entry's link.
    #[must_use]
    pub fn link(&self) -> Link {
        self.frame().map_or(Link::ZERO, |frame| envelope::link(frame.envelope))
    }

    /// Returns the structure part.
    #[must_use]
    pub fn structure(&self) -> &[u8] {
        self.frame().map(|frame| frame.structure).unwrap_or_default()
    }

    /// Returns the words part.
    #[must_use]
    pub fn words(&self) -> &[u8] {
        self.frame().map(|frame| frame.words).unwrap_or_default()
    }

    /// Returns where the frame begins in the log, in bytes.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Opens the statement: of a public kind, or with keys; none if no key fits or it does not parse.
    #[must_use]
    pub fn statement(&self, keys: &Keys) -> Option<Unverified> {
        open_statement(&self.envelope.statement, self.structure(), self.words(), keys)
    }
}

/// Opens a statement out of an entry's parts, if a key fits and it is the one with this digest.
#[must_use]
pub fn open_statement(digest: &Digest, structure: &[u8], words: &[u8], keys: &Keys) -> Option<Unverified> {
    let statement = match structure::parse(structure).ok()? {
        StructurePart::Clear { statement, signature } => Unverified::decode(statement, signature).ok()?,
        StructurePart::Sealed(sealed) => {
            let opened = keys.open(digest, &sealed, words).ok()??;
            Unverified::decode(opened.statement(), &opened.signature()).ok()?
        }
    };
    (statement.digest() == *digest).then_some(statement)
}

/// Opens the statement of an entry in a restricted folder by the key of its words; the folder key is one of `folders`.
#[must_use]
pub fn open_restricted<'a>(
    digest: &Digest,
    structure: &[u8],
    words: &[u8],
    key: &WordsKey,
    ledger: &LedgerId,
    mut folders: impl Iterator<Item = &'a FolderKeyId>,
) -> Option<Unverified> {
    let StructurePart::Sealed(sealed) = structure::parse(structure).ok()? else { return None };
    let opened = folders.find_map(|folder| words::open(words, key, ledger, folder).ok())?;
    let part = sealed.open(&opened.content_key).ok()?;
    let statement = Unverified::decode(part.statement(), &part.signature()).ok()?;
    (statement.digest() == *digest).then_some(statement)
}

/// What is told of each entry: number, statement digest, structure part, words part.
pub type EachEntry<'a> = dyn FnMut(u64, &Digest, &[u8], &[u8]) + 'a;

/// What is told of each entry: envelope, structure part, words part.
pub type EachEnvelope<'a> = dyn FnMut(&Envelope, &[u8], &[u8]) + 'a;

impl<D: Disk> Ledger<D> {
    /// Returns an entry.
    ///
    /// # Errors
    /// `NoEntry`, `Damaged` if what lies in the log is not what the tree holds, and those of the store.
    pub fn entry(&self, number: u64) -> Result<Stored, LedgerError> {
        if number >= self.size() {
            return Err(LedgerError::NoEntry(number));
        }
        let damaged = |offset, code| LedgerError::Damaged { entry: number, offset, code };
        let offset = self.cards.offset(number).ok_or(damaged(0, Code::Frame))?;
        let bytes = self.file.frame_at(offset).map_err(|_| damaged(offset, Code::Frame))?;
        let envelope = match next_frame(&bytes) {
            Next::Frame(framed) => match framed.frame {
                Frame::Entry(entry) => self.compared(number, entry),
                _ => Err(Code::Order),
            },
            _ => Err(Code::Order),
        };
        let envelope = envelope.map_err(|code| damaged(offset, code))?;
        Ok(Stored { frame: bytes, envelope, offset })
    }

    /// Returns the envelope of a frame, if it is that of the tree and the parts are those it names.
    fn compared(&self, number: u64, entry: EntryFrame<'_>) -> Result<Envelope, Code> {
        if !entry.parts_match() {
            return Err(Code::Sealed);
        }
        let leaf = self.cards.read_hashes(&[NodeId { level: 0, index: number }]);
        let fits = leaf.is_ok_and(|leaf| leaf == [leaf_hash(entry.envelope)]);
        let envelope = Envelope::decode(entry.envelope).map_err(|_| Code::Order)?;
        if fits && envelope.number.0 == number { Ok(envelope) } else { Err(Code::Order) }
    }

    /// Walks over all entries in order, each compared with the tree as [`Ledger::entry`] does; stops when `each` says so.
    ///
    /// # Errors
    /// As [`Ledger::entry`], at the first entry that is not the one in the tree.
    pub fn walk_compared(&self, each: &mut dyn FnMut(&Envelope, EntryFrame<'_>) -> bool) -> Result<(), LedgerError> {
        let mut damaged = None;
        self.walk(&mut |entry, offset, frame| match self.compared(entry, frame) {
            Ok(envelope) => each(&envelope, frame),
            Err(code) => {
                damaged = Some(LedgerError::Damaged { entry, offset, code });
                false
            }
        })?;
        damaged.map_or(Ok(()), Err)
    }

    /// Walks over all entries in order, handing each frame over with its number; stops when `each` says so.
    ///
    /// # Errors
    /// Those of the store.
    pub fn walk(&self, each: &mut dyn FnMut(u64, u64, EntryFrame<'_>) -> bool) -> Result<(), LedgerError> {
        let mut reader = self.file.reader()?;
        let mut number = 0;
        // Entries of a write that was cut short look like those of any other until it is set aside: where the cards say that
        // the next entry lies elsewhere, the write did not happen.
        let (mut begins, mut torn) = (true, false);
        while number < self.size() {
            match reader.next_event().map_err(LedgerError::io("ledger.log"))? {
                Event::Entry { offset, frame } => {
                    if std::mem::take(&mut begins) {
                        torn = self.cards.offset(number).is_some_and(|known| known != offset);
                    }
                    if torn {
                        continue;
                    }
                    if !each(number, offset, frame) {
                        return Ok(());
                    }
                    number += 1;
                }
                Event::Tail(_) | Event::End { .. } => break,
                Event::Void { .. } | Event::Checkpoint { .. } => begins = true,
            }
        }
        Ok(())
    }

    /// Hands over every entry from `from` on: number, statement digest, structure part, words part.
    ///
    /// # Errors
    /// As [`Ledger::entry`].
    pub fn walk_from(&self, from: u64, each: &mut EachEntry<'_>) -> Result<(), LedgerError> {
        self.envelopes_from(from, &mut |envelope, structure, words| {
            each(envelope.number.0, &envelope.statement, structure, words);
        })
    }

    /// Hands over every entry from `from` on: envelope, structure part, words part.
    ///
    /// # Errors
    /// As [`Ledger::entry`].
    pub fn envelopes_from(&self, from: u64, each: &mut EachEnvelope<'_>) -> Result<(), LedgerError> {
        // A few entries are looked up one by one; many are faster as a stream.
        if self.size() - from <= 1024 {
            for number in from..self.size() {
                let stored = self.entry(number)?;
                each(&stored.envelope, stored.structure(), stored.words());
            }
            return Ok(());
        }
        self.walk(&mut |number, _, frame| {
            if number >= from
                && let Ok(envelope) = Envelope::decode(frame.envelope)
            {
                each(&envelope, frame.structure, frame.words);
            }
            true
        })
    }

    /// Returns the entry from `from` on whose statement has this digest.
    ///
    /// # Errors
    /// As [`Ledger::entry`].
    pub fn find_digest(&self, from: u64, wanted: &Digest) -> Result<Option<u64>, LedgerError> {
        let mut found = None;
        self.walk_from(from, &mut |number, digest, _, _| {
            if digest == wanted {
                found = Some(number);
            }
        })?;
        Ok(found)
    }

    /// Returns the roster: who may speak, and which folder keys were published, folded out of the public entries.
    ///
    /// # Errors
    /// As [`Ledger::entry`].
    pub fn roster(&self) -> Result<Roster, LedgerError> {
        let mut roster = Roster::default();
        self.extend_roster(&mut roster)?;
        Ok(roster)
    }

    /// Takes the public entries that a roster has not read yet into it.
    ///
    /// # Errors
    /// As [`Ledger::entry`].
    pub fn extend_roster(&self, roster: &mut Roster) -> Result<(), LedgerError> {
        let from = roster.upto();
        if self.size() <= from {
            return Ok(());
        }
        let damaged = LedgerError::Damaged { entry: 0, offset: 0, code: Code::Frame };
        let mut signatures = Signatures::default();
        let new: Vec<u64> = self.cards.public().ok_or(damaged)?.into_iter().filter(|number| *number >= from).collect();
        for numbers in new.chunks(TOGETHER) {
            let stored = numbers.iter().map(|number| self.entry(*number)).collect::<Result<Vec<_>, _>>()?;
            let opened = numbers.iter().zip(&stored).filter_map(|(number, stored)| {
                let statement = stored.statement(&Keys::default())?;
                Some((*number, stored, statement))
            });
            let opened: Vec<(u64, &Stored, Unverified)> = opened.collect();
            let statements: Vec<&Unverified> = opened.iter().map(|(.., statement)| statement).collect();
            for ((number, stored, statement), signature) in opened.iter().zip(signatures.check_named(&statements)) {
                // A public entry without effect is verify's to report; here it has none.
                let recorded = stored.envelope().recorded;
                let _ = roster.admit_checked(*number, recorded, statement, stored.words(), signature);
            }
        }
        roster.read_to(self.size());
        Ok(())
    }
}
