//! Reading entries back, each compared with the tree before it is believed.

use crate::codec::{Digest, FolderKeyId, LedgerId, Link};
use crate::entry::envelope::{self, Envelope};
use crate::entry::statement::Unverified;
use crate::frame::{EntryFrame, Frame, Next, next_frame};
use crate::ledger::LedgerError;
use crate::ledger::cards::Cards;
use crate::ledger::open::Ledger;
use crate::seal::structure::{self, StructurePart};
use crate::seal::words::{self, WordsKey};
use crate::store::disk::Disk;
use crate::tree::leaf_hash;
use crate::verify::entry::Keys;
use crate::verify::report::Code;
use crate::verify::roster::Roster;
use crate::verify::signatures::Signatures;

/// Public entries that are read together.
const TOGETHER: usize = 1024;
/// Bytes that are read ahead in a walk.
const AHEAD: usize = 1 << 17;

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

/// A piece of the log that was read ahead.
#[derive(Default)]
struct Ahead {
    start: u64,
    bytes: Vec<u8>,
}

impl Ahead {
    fn from(&self, offset: u64) -> Option<&[u8]> {
        self.bytes.get(usize::try_from(offset.checked_sub(self.start)?).ok()?..)
    }

    /// Whether a whole frame lies there.
    fn holds(&self, offset: u64) -> bool {
        self.from(offset).is_some_and(|bytes| matches!(next_frame(bytes), Next::Frame(_)))
    }
}

/// A public entry that waits to be taken into a roster.
struct Found {
    number: u64,
    recorded: i64,
    statement: Unverified,
    words: Vec<u8>,
}

impl Found {
    fn of(envelope: &Envelope, frame: EntryFrame<'_>, statement: Unverified) -> Self {
        let (number, recorded) = (envelope.number.0, envelope.recorded);
        Found { number, recorded, statement, words: frame.words.to_vec() }
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

/// What is told of each entry, and whether to go on: envelope, frame.
pub type EachFrame<'a> = dyn FnMut(&Envelope, EntryFrame<'_>) -> bool + 'a;

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
        match self.entry_by(self.cards(), number) {
            // Its place and its leaf are right.
            Err(error @ LedgerError::Damaged { code: Code::Sealed, .. }) => Err(error),
            // Where the cards are wrong, the log is not yet.
            Err(error) => self.try_afresh(|cards| self.entry_by(cards, number).ok()).ok_or(error),
            found => found,
        }
    }

    fn entry_by(&self, cards: &Cards, number: u64) -> Result<Stored, LedgerError> {
        let damaged = |offset, code| LedgerError::Damaged { entry: number, offset, code };
        let offset = cards.offset(number).ok_or(damaged(0, Code::Frame))?;
        let bytes = self.file.frame_at(offset).map_err(|_| damaged(offset, Code::Frame))?;
        let envelope = match next_frame(&bytes) {
            Next::Frame(framed) => match framed.frame {
                Frame::Entry(entry) => self.compared(cards, number, entry),
                _ => Err(Code::Order),
            },
            _ => Err(Code::Order),
        };
        let envelope = envelope.map_err(|code| damaged(offset, code))?;
        Ok(Stored { frame: bytes, envelope, offset })
    }

    /// Returns the envelope of a frame, if it is that of the tree and the parts are those it names.
    fn compared(&self, cards: &Cards, number: u64, entry: EntryFrame<'_>) -> Result<Envelope, Code> {
        let leaf = cards.leaf(number, &self.at.frontier);
        let envelope = Envelope::decode(entry.envelope).map_err(|_| Code::Order)?;
        if leaf != Some(leaf_hash(entry.envelope)) || envelope.number.0 != number {
            return Err(Code::Order);
        }
        if entry.parts_match() { Ok(envelope) } else { Err(Code::Sealed) }
    }

    /// Walks over the entries from `from` on in order, each compared with the tree as [`Ledger::entry`] does; stops when
    /// `each` says so.
    ///
    /// # Errors
    /// As [`Ledger::entry`], at the first entry that is not the one in the tree.
    pub fn walk(&self, from: u64, each: &mut EachFrame<'_>) -> Result<(), LedgerError> {
        self.walk_past(from, each, &mut |_, error| Err(error))
    }

    /// The same, but `damaged` says of an entry that is not the one in the tree whether to go on.
    fn walk_past(
        &self,
        from: u64,
        each: &mut EachFrame<'_>,
        damaged: &mut dyn FnMut(u64, LedgerError) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        let mut ahead = Ahead::default();
        for number in from..self.size() {
            let goes_on = match self.read_ahead(&mut ahead, number) {
                Some((envelope, frame)) => each(&envelope, frame),
                None => match self.entry(number) {
                    Ok(stored) => stored.frame().is_none_or(|frame| each(&stored.envelope, frame)),
                    Err(error) => damaged(number, error).map(|()| true)?,
                },
            };
            if !goes_on {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Returns an entry out of what was read ahead; none where it has to be looked up by itself.
    fn read_ahead<'a>(&self, ahead: &'a mut Ahead, number: u64) -> Option<(Envelope, EntryFrame<'a>)> {
        let offset = self.cards().offset(number)?;
        if !ahead.holds(offset) {
            *ahead = Ahead { start: offset, bytes: self.file.piece(offset, AHEAD).ok()? };
        }
        let Next::Frame(framed) = next_frame(ahead.from(offset)?) else { return None };
        let Frame::Entry(frame) = framed.frame else { return None };
        Some((self.compared(self.cards(), number, frame).ok()?, frame))
    }

    /// Hands over every entry from `from` on: number, statement digest, structure part, words part.
    ///
    /// # Errors
    /// As [`Ledger::walk`].
    pub fn walk_from(&self, from: u64, each: &mut EachEntry<'_>) -> Result<(), LedgerError> {
        self.envelopes_from(from, &mut |envelope, structure, words| {
            each(envelope.number.0, &envelope.statement, structure, words);
        })
    }

    /// Hands over every entry from `from` on: envelope, structure part, words part.
    ///
    /// # Errors
    /// As [`Ledger::walk`].
    pub fn envelopes_from(&self, from: u64, each: &mut EachEnvelope<'_>) -> Result<(), LedgerError> {
        self.walk(from, &mut |envelope, frame| {
            each(envelope, frame.structure, frame.words);
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

    /// Returns the ledger's id, as genesis gives it.
    ///
    /// # Errors
    /// `NoLedger` if entry 0 is no genesis; as [`Ledger::entry`].
    pub fn id(&self) -> Result<LedgerId, LedgerError> {
        let (stored, mut roster) = (self.entry(0)?, Roster::default());
        let genesis = stored.statement(&Keys::default()).ok_or(LedgerError::NoLedger)?;
        // Whether it has an effect shows in the id.
        let _ = roster.admit(0, stored.envelope().recorded, &genesis, stored.words());
        roster.ledger().ok_or(LedgerError::NoLedger)
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

    /// Takes the public entries that a roster has not read yet into it. They are looked for in the log: a list of them could
    /// leave one out.
    ///
    /// An entry that stands in the tree and whose sealed parts are not what they were keeps nobody from writing: the roster
    /// notes it ([`Roster::unread`]), since it may have been a public one, and says so to whoever changes who may read.
    ///
    /// # Errors
    /// As [`Ledger::entry`].
    pub fn extend_roster(&self, roster: &mut Roster) -> Result<(), LedgerError> {
        let (from, mut signatures, mut found) = (roster.upto(), Signatures::default(), Vec::new());
        let (mut unread, none) = (Vec::new(), Keys::default());
        let admit = |found: &[Found]| {
            let statements: Vec<&Unverified> = found.iter().map(|one| &one.statement).collect();
            let checked = signatures.check_named(&statements);
            for (one, signature) in found.iter().zip(checked) {
                // A public entry without effect is verify's to report; here it has none.
                let _ = roster.admit_checked(one.number, one.recorded, &one.statement, &one.words, signature);
            }
        };
        let mut each = |envelope: &Envelope, frame: EntryFrame<'_>| {
            // Without any key only a public one opens.
            let opened = open_statement(&envelope.statement, frame.structure, frame.words, &none);
            found.extend(opened.map(|statement| Found::of(envelope, frame, statement)));
            true
        };
        self.walk_past(from, &mut each, &mut |number, error| match error {
            LedgerError::Damaged { code: Code::Sealed, .. } if self.looks_sealed(number) => {
                unread.push(number);
                Ok(())
            }
            error => Err(error),
        })?;
        found.chunks(TOGETHER).for_each(admit);
        roster.note_unread(unread);
        roster.read_to(self.size());
        Ok(())
    }

    /// Whether an entry's structure part has the form of a sealed one, whatever is in it.
    fn looks_sealed(&self, number: u64) -> bool {
        let bytes = self.cards().offset(number).and_then(|offset| self.file.frame_at(offset).ok()).unwrap_or_default();
        match next_frame(&bytes) {
            Next::Frame(framed) => matches!(framed.frame, Frame::Entry(entry) if entry.structure.first() == Some(&1)),
            _ => false,
        }
    }
}
