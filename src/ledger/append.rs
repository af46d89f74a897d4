//! Appending: the order of steps from signed statements to receipts.

use std::borrow::Cow;

use std::cell::RefCell;
use std::collections::HashMap;

use crate::cabinet::late;
use crate::codec::{Digest, Folder, Link};
use crate::entry::authored::Authored;
use crate::entry::envelope::{self, ENVELOPE, Envelope};
use crate::entry::statement::{Seen, UNKNOWN, Unverified};
use crate::frame::write::WriteBuilder;
use crate::frame::{VOID_LIST_LIMIT, WRITE_ENTRIES};
use crate::head::checkpoint::Checkpoint;
use crate::head::receipt::Receipt;
use crate::index::{AuthorHead, IndexHead, Update, VERSION};
use crate::keys::PublicKey;
use crate::keys::name::SignerKey;
use crate::ledger::cards::Cards;
use crate::ledger::open::{At, Ledger};
use crate::ledger::read::open_statement;
use crate::ledger::{CHECKPOINT, LOCK, LedgerError, parallel};
use crate::seal::structure::StructureKey;
use crate::store::disk::Disk;
use crate::store::durable;
use crate::store::lock::Lock;
use crate::tree::{EntryNumber, Hash, NodeId, ReadError, ReadHashes, leaf_hash, prove_inclusion};
use crate::verify::chains::{Chain, Chains};
use crate::verify::entry::{self, Keys, Parts};
use crate::verify::report::Code;
use crate::verify::roster::Roster;

/// Bytes that a disk writes as a whole or not at all.
const SECTOR: usize = 512;

/// An entry that is durable.
#[derive(Debug, Clone)]
pub struct Entered {
    /// Its number.
    pub number: u64,
    /// When it was recorded, in milliseconds UTC.
    pub recorded: i64,
    /// The proof that it was entered.
    pub receipt: Receipt,
}

/// Opens an author's own entry out of its statement digest and its two parts.
pub type OpenOwn<'a> = dyn FnMut(&Digest, &[u8], &[u8]) -> Option<Unverified> + 'a;

impl<D: Disk> Ledger<D> {
    /// Takes the lock under which the tail is read again and statements are appended.
    ///
    /// # Errors
    /// Those of the store.
    pub fn lock(&self) -> Result<Lock, LedgerError> {
        Ok(Lock::acquire(&self.dir.join(LOCK))?)
    }

    /// Appends the statements of one author in one write with one sync, and returns their receipts.
    ///
    /// `author_key` is the author's current structure key. What the author entered under older ones or in restricted folders
    /// is known from [`Ledger::author_head`], to be asked before.
    ///
    /// The order is what makes a receipt true; each step says what a crash there leaves behind.
    ///
    /// # Errors
    /// `Refused` before anything is written; `NoLogKey`; `TornTail` if no statement among them
    /// sets torn bytes aside; `Store` if the write or the sync failed: whether it happened shows when the ledger is opened again.
    pub fn append(
        &mut self,
        submissions: &[Authored],
        author_key: &StructureKey,
        roster: &mut Roster,
        now: &dyn Fn() -> i64,
    ) -> Result<Vec<Entered>, LedgerError> {
        if self.signer.is_none() {
            return Err(self.no_log_key());
        }
        // 1. One writer; the tail is read again under the lock. A crash here: nothing happened. The time is taken under
        //    it too: whoever waited for another program was not recorded before it.
        let _lock = self.lock()?;
        let now = now();
        self.refresh()?;
        self.extend_roster(roster)?;
        self.speak_with(roster);
        // 2. What verify would find is refused. A crash here: nothing happened.
        let Some(author) = submissions.first().map(|first| first.statement.body().author) else {
            return Ok(Vec::new());
        };
        let keys = Keys { structure: vec![author_key.clone()], ..Keys::default() };
        let mut own = |digest: &Digest, structure: &[u8], words: &[u8]| open_statement(digest, structure, words, &keys);
        let head = self.author_head(author_key, &author.0, &mut own)?;
        let next_key = self.admit(submissions, author_key, head, roster, now)?;
        // 3. Number, time, link, tree, checkpoint: in memory only; no signature leaves this function yet.
        let signers = self.signers(next_key.as_ref())?;
        let Sequenced { bytes, at, update } = self.sequence(submissions, &signers, now)?;
        // 4. One write, one sync: the point of no return. A crash before its end: torn bytes, which the next write
        //    sets aside. After it: every statement in it is entered for ever, receipt or not.
        let torn = self.torn.as_ref().map_or(0, |torn| torn.length);
        self.file.append(self.at.end + torn, &bytes)?;
        let before = std::mem::replace(&mut self.at, at);
        self.torn = None;
        // 5. The cards. A crash here, or a failure: they are brought up to the log at the next opening.
        self.update_cards(&before, &update);
        self.note_author(submissions, author_key, before.size());
        self.read_own(roster, submissions, before.size())?;
        //    Where this write gave the log a new key: `origin` names it. A crash before: opening follows the log's word.
        self.speak_with(roster);
        // 6. The copy of the checkpoint, for whoever fetches it: unsynced, rewritten at the next append.
        self.copy_checkpoint();
        // 7. Receipts: they leave only now.
        let folded = Folded { cards: self.cards(), nodes: RefCell::default() };
        (before.size()..self.size()).map(|number| self.receipt_of(number, now, &folded)).collect()
    }

    /// Returns the keys that sign the checkpoint of this write: the log's, and the next one if the write puts it into force.
    fn signers(&self, next_key: Option<&PublicKey>) -> Result<Vec<&SignerKey>, LedgerError> {
        let mut signers = vec![self.signer.as_ref().ok_or_else(|| self.no_log_key())?];
        if let Some(key) = next_key {
            let next = self.next_signer.as_ref().filter(|next| next.public().key() == key);
            signers.push(next.ok_or(LedgerError::NoNextKey)?);
        }
        Ok(signers)
    }

    /// Refuses what verify would call altered. Returns the log's next key, if these statements put one into force.
    fn admit(
        &self,
        submissions: &[Authored],
        author_key: &StructureKey,
        head: Option<AuthorHead>,
        roster: &Roster,
        now: i64,
    ) -> Result<Option<PublicKey>, LedgerError> {
        let before = roster.log_key();
        if submissions.len() > WRITE_ENTRIES {
            return Err(LedgerError::Refused(Code::Frame));
        }
        let sets_aside = submissions.iter().any(|one| one.kind().name() == Some("tail.set_aside"));
        if self.torn.is_some() && !sets_aside {
            return Err(LedgerError::TornTail);
        }
        let keys = Keys { structure: vec![author_key.clone()], ..Keys::default() };
        // What can be judged alone, on every core.
        let refused = parallel(submissions.iter().collect(), |authored| parts_refusal(authored, &keys));
        let author = submissions.first().map_or([0; 32], |first| first.statement.body().author.0);
        // Where the author's own chain stands, as verify keeps it.
        let mut chains = Chains::default();
        if let Some(head) = head {
            let next = head.sequence.saturating_add(1);
            chains.0.insert(author, Chain { next, last: head.digest, seen: head.seen });
        }
        // What somebody else entered as late is no gap; whoever verifies looks for the entry.
        chains.1.insert(author, late::of_author(&self.cabinet(), &author)?);
        // Public entries have their effect on those behind them, in a roster of their own till they are durable.
        let mut roster = Cow::Borrowed(roster);
        for ((number, authored), refused) in (self.size()..).zip(submissions).zip(refused) {
            let body = authored.statement.body();
            let mut code = self.refusal(number, authored, submissions, &roster)?;
            if code.is_none() {
                code = chains.apply(body, authored.statement.digest(), 0).err();
            }
            let public = authored.structure.first() == Some(&0);
            if code.is_none() && public {
                code = roster.to_mut().admit(number, now, authored.statement.as_unverified(), &authored.words).err();
            }
            if code.is_none() {
                code = roster.judge(number, body, None).find(|code| code.alters());
            }
            if let Some(code) = code.or(refused) {
                return Err(LedgerError::Refused(code));
            }
        }
        let after = roster.log_key().filter(|after| before.is_some_and(|before| before != *after));
        Ok(after.cloned())
    }

    fn refusal(
        &self,
        number: u64,
        authored: &Authored,
        submissions: &[Authored],
        roster: &Roster,
    ) -> Result<Option<Code>, LedgerError> {
        let body = authored.statement.body();
        if submissions.first().is_some_and(|first| first.statement.body().author != body.author) {
            return Ok(Some(Code::AuthorGap));
        }
        let genesis = number == 0 && body.kind.name() == Some("genesis");
        if !genesis {
            if roster.ledger() != Some(body.ledger) {
                return Ok(Some(Code::Statement));
            }
            match roster.in_force(&body.author.0, number) {
                Some(enrolment) if enrolment.person == body.person => {}
                _ => return Ok(Some(Code::KeyNotEnrolled)),
            }
        }
        let seen = body.seen;
        let seen_fits = match self.size() {
            0 => seen == Seen::NOTHING,
            size => seen.number < size && self.entry(seen.number)?.link() == seen.link,
        };
        if !seen_fits {
            return Ok(Some(Code::Seen));
        }
        let mut public = |entry: u64| match entry.checked_sub(self.size()) {
            None => self.entry(entry).map(|stored| Some(stored.structure().first() == Some(&0))),
            Some(_) if entry >= number => Ok(None),
            Some(at) => {
                let before = usize::try_from(at).ok().and_then(|at| submissions.get(at));
                Ok(before.map(|authored| authored.structure.first() == Some(&0)))
            }
        };
        if !entry::confirmation_fits(body, authored.structure.first() == Some(&0), &mut public)? {
            return Ok(Some(Code::Sealed));
        }
        for reference in body.references.iter().filter(|reference| reference.entry != UNKNOWN) {
            let digest = match reference.entry.checked_sub(self.size()) {
                None => Some(self.entry(reference.entry)?.envelope().statement),
                Some(_) if reference.entry >= number => None,
                Some(at) => usize::try_from(at).ok().and_then(|at| submissions.get(at)).map(|a| a.statement.digest()),
            };
            if digest != Some(reference.digest) {
                return Ok(Some(Code::Reference));
            }
        }
        Ok(None)
    }

    fn sequence(&self, submissions: &[Authored], signers: &[&SignerKey], now: i64) -> Result<Sequenced, LedgerError> {
        let mut at = self.at.clone();
        let mut update = Update::default();
        let start = at.end + self.torn.as_ref().map_or(0, |torn| torn.length);
        let mut write = WriteBuilder::new(start, at.write);
        let broken = |_| LedgerError::Refused(Code::Frame);
        if let Some(torn) = &self.torn {
            let notes = torn.notes.iter().filter_map(|note| crate::head::note::Note::parse(note).ok());
            let checkpoints = notes.filter_map(|note| Checkpoint::parse(note.text()).ok());
            // The first ones, as verify asks for them; the others stay legible in the bytes (format.md, Writes).
            let listed = checkpoints.map(|checkpoint| (checkpoint.size().0, checkpoint.root().0));
            let listed = listed.take(VOID_LIST_LIMIT).collect();
            write.void(&torn.void(listed)).map_err(broken)?;
        }
        for authored in submissions {
            let envelope = Envelope {
                number: EntryNumber(at.size()),
                recorded: now,
                previous: at.link,
                statement: authored.statement.digest(),
                commitment: authored.statement.commitment(),
                parts: envelope::parts_digest(
                    &envelope::part_digest(&authored.structure),
                    &envelope::part_digest(&authored.words),
                ),
            };
            let bytes: [u8; ENVELOPE] = envelope.encode();
            let offset = write.entry(&bytes, &authored.structure, &authored.words).map_err(broken)?;
            update.entry(offset);
            at.link = envelope::link(&bytes);
            at.frontier.append_with(leaf_hash(&bytes), |id, hash| update.node(id, hash));
        }
        let checkpoint = Checkpoint::new(self.log_key.name(), at.frontier.size(), at.frontier.root());
        let note = checkpoint.sign(signers)?;
        let built = write.own(note.to_string().as_bytes()).map_err(broken)?;
        (at.end, at.write) = (built.start + built.bytes.len() as u64, built.hash);
        at.note = Some(note);
        Ok(Sequenced { bytes: built.bytes, at, update })
    }

    fn update_cards(&mut self, before: &At, update: &Update) {
        let head = IndexHead {
            version: VERSION,
            size: self.at.size(),
            root: Digest::new(self.at.frontier.root().0),
            end: self.at.end,
            write: Digest::new(self.at.write),
            link: self.at.link,
            cosigned: self.at.cosigned,
            cosigners: self.at.cosigners,
        };
        if self.cards_mut().put(before.frontier.size(), update, &head).is_err() {
            let (end, size, root) = (self.at.end, self.at.size(), self.at.frontier.root());
            self.cards = Cards::Memory(Box::default());
            drop(self.cards.follow(&self.file, end, size, root));
        }
    }

    /// Takes what was entered just now into the roster; where none of it is public there is nothing to read.
    fn read_own(&self, roster: &mut Roster, submissions: &[Authored], before: u64) -> Result<(), LedgerError> {
        let public = |authored: &Authored| authored.structure.first() == Some(&0);
        if roster.upto() == before && !submissions.iter().any(public) {
            roster.read_to(self.size());
            return Ok(());
        }
        self.extend_roster(roster)
    }

    fn note_author(&mut self, submissions: &[Authored], author_key: &StructureKey, first: u64) {
        for (entry, authored) in (first..).zip(submissions) {
            let body = authored.statement.body();
            self.cards_mut().set_statement(author_key, &body.id, body.sequence, entry);
        }
        if let Some(last) = submissions.last() {
            let body = last.statement.body();
            let head = AuthorHead {
                upto: self.at.size(),
                entry: self.at.size() - 1,
                sequence: body.sequence,
                digest: last.statement.digest(),
                seen: body.seen.number,
            };
            self.cards_mut().set_author(author_key, &head);
        }
    }

    /// Returns where an author stands; none before the first statement. The cards keep it under `key`, the author's current
    /// structure key; `open` opens the author's own entries, whatever key they were sealed with.
    ///
    /// The cards say up to which entry they know; what was entered since, by whomever, is looked at. So an entry whose
    /// card was lost in a crash is found, and its statement is not entered twice.
    ///
    /// # Errors
    /// Those of the store.
    pub fn author_head(
        &mut self,
        key: &StructureKey,
        author: &[u8; 32],
        open: &mut OpenOwn<'_>,
    ) -> Result<Option<AuthorHead>, LedgerError> {
        let none = AuthorHead { upto: 0, entry: UNKNOWN, sequence: 0, digest: Digest::ZERO, seen: UNKNOWN };
        let mut head = self.cards().author(key).filter(|head| head.upto <= self.size()).unwrap_or(none);
        if head.upto < self.size() {
            let mut found = Vec::new();
            self.walk_from(head.upto, &mut |number, digest, structure, words| {
                if let Some(statement) = open(digest, structure, words)
                    && statement.body().author.0 == *author
                {
                    let body = statement.body();
                    found.push((body.id, body.sequence, number));
                    (head.entry, head.sequence, head.digest) = (number, body.sequence, *digest);
                    head.seen = body.seen.number;
                }
            })?;
            for (id, sequence, entry) in found {
                self.cards_mut().set_statement(key, &id, sequence, entry);
            }
            head.upto = self.size();
            self.cards_mut().set_author(key, &head);
        }
        Ok(Some(head).filter(|head| head.entry != UNKNOWN))
    }

    /// Notes on the cards where the author with this structure key stands.
    pub(super) fn note_head(&mut self, key: &StructureKey, head: &AuthorHead) {
        self.cards_mut().set_author(key, head);
    }

    /// Returns the receipt of an entry under the newest own checkpoint.
    fn receipt_of(&self, number: u64, recorded: i64, hashes: &dyn ReadHashes) -> Result<Entered, LedgerError> {
        let note = self.at.note.clone().ok_or(LedgerError::NoEntry(number))?;
        let proof = prove_inclusion(EntryNumber(number), self.at.frontier.size(), hashes)?;
        Ok(Entered { number, recorded, receipt: Receipt::new(EntryNumber(number), proof, note, None)? })
    }

    /// Appends a cosigned checkpoint as a write of its own.
    ///
    /// # Errors
    /// As [`Ledger::append`].
    pub fn append_cosigned(&mut self, note: &crate::head::note::Note) -> Result<(), LedgerError> {
        let _lock = self.lock()?;
        self.refresh()?;
        if self.torn.is_some() {
            return Err(LedgerError::TornTail);
        }
        let built = WriteBuilder::cosigned(self.at.end, self.at.write, note.to_string().as_bytes())
            .map_err(|_| LedgerError::Refused(Code::Frame))?;
        self.file.append(self.at.end, &built.bytes)?;
        let before = self.at.clone();
        let cosigners = u32::try_from(note.signatures().len()).unwrap_or(u32::MAX);
        if cosigners >= self.at.cosigners {
            (self.at.cosigned, self.at.cosigners) = (built.start + 1, cosigners);
        }
        (self.at.end, self.at.write) = (built.start + built.bytes.len() as u64, built.hash);
        self.update_cards(&before, &Update::default());
        self.copy_checkpoint();
        Ok(())
    }

    /// Writes the copy of the newest checkpoint; whether that succeeds changes nothing.
    ///
    /// A short note is written over another one of its length: both lie in one sector, and whoever reads in between gets
    /// one that does not open, which says nothing. Else it takes the other's place at once.
    pub(super) fn copy_checkpoint(&self) {
        let Ok(note) = self.best_note(self.size().saturating_sub(1)) else { return };
        let (path, note) = (self.dir.join(CHECKPOINT), note.to_string());
        let same = note.len() <= SECTOR && durable::length(&path).is_ok_and(|length| length == note.len() as u64);
        drop(if same {
            durable::overwrite_unsynced(&path, 0, note.as_bytes())
        } else {
            durable::copy_unsynced(&path, note.as_bytes())
        });
    }
}

/// The cards, with every node kept that was asked for: the proofs of one write share almost all of theirs.
struct Folded<'a> {
    cards: &'a Cards,
    nodes: RefCell<HashMap<NodeId, Hash>>,
}

impl ReadHashes for Folded<'_> {
    fn read_hashes(&self, ids: &[NodeId]) -> Result<Vec<Hash>, ReadError> {
        let mut nodes = self.nodes.borrow_mut();
        let mut hashes = Vec::with_capacity(ids.len());
        for id in ids {
            let hash = match nodes.get(id) {
                Some(hash) => *hash,
                None => {
                    let read = self.cards.read_hashes(std::slice::from_ref(id))?;
                    let hash = read.first().copied().ok_or(ReadError(*id))?;
                    nodes.insert(*id, hash);
                    hash
                }
            };
            hashes.push(hash);
        }
        Ok(hashes)
    }
}

struct Sequenced {
    bytes: Vec<u8>,
    at: At,
    update: Update,
}

/// Judges the parts as verify will: they are the statement's own, in clear or sealed as its kind wants it.
fn parts_refusal(authored: &Authored, keys: &Keys) -> Option<Code> {
    let parts =
        envelope::parts_digest(&envelope::part_digest(&authored.structure), &envelope::part_digest(&authored.words));
    let (statement, commitment) = (authored.statement.digest(), authored.statement.commitment());
    let (number, recorded, previous) = (EntryNumber(0), 0, Link::ZERO);
    let envelope = Envelope { number, recorded, previous, statement, commitment, parts }.encode();
    let parts = Parts { envelope: &envelope, structure: &authored.structure, words: &authored.words };
    let mut checked = entry::check(parts, keys, 0);
    if checked.not_opened {
        // Signed before the author got a new key: the statement's own key shows that it is sealed as it should be.
        let content = HashMap::from([(statement, authored.content_key.clone())]);
        checked = entry::check(parts, &Keys { content, ..Keys::default() }, 0);
    }
    // Only what is sealed for readers of the words alone need not open under the author's own key.
    let restricted = authored.statement.body().folder().is_some_and(Folder::restricted);
    let unreadable = checked.not_opened && !restricted;
    checked.codes.first().copied().or_else(|| unreadable.then_some(Code::Sealed))
}
