//! Recording: from a draft to receipts, with nothing that was typed or signed ever lost.
// Long because: the order from draft to receipt stands in one place.

use std::collections::HashSet;

use rand_core::CryptoRng;

use crate::cabinet::chain::Chain;
use crate::cabinet::drafts::{self, DraftId};
use crate::cabinet::outbox::{self, OutboxItem};
use crate::cabinet::own::OwnCopy;
use crate::cabinet::{CabinetError, Durable, receipts};
use crate::codec::{Digest, Folder, KindNumber, ShortText, StatementId};
use crate::decision::decision::{Decision, Reference};
use crate::decision::draft::Draft;
use crate::decision::gap::{Flag, Gap, GapLevel};
use crate::decision::value::{Content, FieldId, Moment, Value};
use crate::entry::authored::{Author, Authored};
use crate::entry::statement::{Seen, Unverified};
use crate::frame::WRITE_ENTRIES;
use crate::frame::tail::Remains;
use crate::ledger::LedgerError;
use crate::ledger::append::Entered;
use crate::ledger::desk::Desk;
use crate::review::gate::{Stop, gate};
use crate::rules::kind::{FolderRule, Kind};
use crate::seal::sealed::Sealed;
use crate::seal::words::FolderPublic;
use crate::store::StoreError;
use crate::store::disk::Disk;
use crate::verify::report::Code;

/// Bytes after which a batch begins another write; one more entry stays well below what a write may have.
const WRITE_BYTES: usize = 8 << 20;
/// The closing period of own copies: there are no closings yet, so there is one period.
const PERIOD: u64 = 0;

/// What became of one draft.
#[derive(Debug)]
pub enum Outcome {
    /// It is entered and durable.
    Entered {
        /// Number, time and receipt.
        entered: Box<Entered>,
        /// What stays open: fields asked for before the act.
        gaps: Vec<Gap>,
        /// Flags that follow from what it says.
        flags: Vec<Flag>,
        /// Whether it was entered before, under the same id: this is the first receipt again.
        again: bool,
    },
    /// It lacks something or cannot be understood: kept, sealed to its author.
    Gaps {
        /// Where it is kept.
        draft: DraftId,
        /// Everything that is missing or wrong.
        gaps: Vec<Gap>,
    },
    /// A rule stops it: kept, sealed to its author.
    Stopped {
        /// Where it is kept.
        draft: DraftId,
        /// Which rule, and the way past it.
        stop: Stop,
    },
    /// It is signed and kept in the outbox: this machine cannot append now, or a write failed.
    Waiting {
        /// Why.
        why: Box<LedgerError>,
    },
    /// Its id stands for another entry.
    IdUsed {
        /// Where the draft is kept.
        draft: DraftId,
        /// That entry.
        entry: u64,
    },
}

enum Checked {
    Ready(Box<Ready>),
    Done(Outcome),
}

struct Ready {
    authored: Authored,
    gaps: Vec<Gap>,
    flags: Vec<Flag>,
}

impl<D: Disk> Desk<D> {
    /// Checks a draft and enters it, in a write of its own.
    ///
    /// # Errors
    /// Those that keep anything from being entered; the draft is kept or, once signed, in the outbox.
    pub fn record(
        &mut self,
        draft: &Draft,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Outcome, LedgerError> {
        let mut outcomes = self.record_all(std::slice::from_ref(draft), false, now, rng, &mut |_, _| ())?;
        outcomes.pop().ok_or_else(|| LedgerError::Incomplete("a draft".to_owned()))
    }

    /// Checks drafts one after the other and enters them, each in a write of its own or, as a batch, many in one.
    ///
    /// Each is checked against the ledger after the ones before it; what is stopped or lacks something is kept and the
    /// rest go on. `done` is told each outcome when it is final, with the draft's place in the list. After a failed write
    /// nothing more is tried: there are then fewer outcomes than drafts.
    ///
    /// # Errors
    /// Those that keep anything more from being entered.
    pub fn record_all(
        &mut self,
        list: &[Draft],
        batch: bool,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
        done: &mut dyn FnMut(usize, &Outcome),
    ) -> Result<Vec<Outcome>, LedgerError> {
        let mut chain = self.take_chain(now)?;
        let mut group: Vec<(usize, Ready)> = Vec::new();
        let mut outcomes: Vec<(usize, Outcome)> = Vec::new();
        let limit = if batch { WRITE_ENTRIES - 1 } else { 1 };
        for (at, draft) in list.iter().enumerate() {
            let pending = self.ledger.size() + group.len() as u64;
            let looks_at_group = draft.entries().any(|entry| entry >= self.ledger.size() && entry < pending);
            let bytes: usize =
                group.iter().map(|(_, ready)| ready.authored.words.len() + ready.authored.structure.len()).sum();
            if group.len() >= limit || looks_at_group || bytes >= WRITE_BYTES {
                self.finish(&mut group, &mut chain, now, &mut outcomes, done)?;
            }
            if matches!(outcomes.last(), Some((_, Outcome::Waiting { why })) if matches!(**why, LedgerError::Store(_)))
            {
                break;
            }
            match self.prepare(draft, &mut chain, now(), rng) {
                Ok(Checked::Ready(ready)) => group.push((at, *ready)),
                Err(why) => {
                    // What was signed before it is sent all the same.
                    self.finish(&mut group, &mut chain, now, &mut outcomes, done)?;
                    return Err(why);
                }
                Ok(Checked::Done(outcome)) => {
                    // Outcomes are told in order: the group before it first.
                    self.finish(&mut group, &mut chain, now, &mut outcomes, done)?;
                    done(at, &outcome);
                    outcomes.push((at, outcome));
                }
            }
        }
        self.finish(&mut group, &mut chain, now, &mut outcomes, done)?;
        chain.save(Durable::Later)?;
        Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
    }

    /// Enters something the clerk makes itself.
    ///
    /// # Errors
    /// As [`Desk::record`]; an entry of the clerk's is not kept as a draft.
    pub fn enter(
        &mut self,
        decision: Decision,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Entered, LedgerError> {
        let mut all = self.enter_all(vec![decision], now, rng)?;
        all.pop().ok_or_else(|| LedgerError::Incomplete("an entry".to_owned()))
    }

    /// Enters several things that the clerk makes itself, many in one write.
    ///
    /// # Errors
    /// As [`Desk::enter`].
    pub(super) fn enter_all(
        &mut self,
        decisions: Vec<Decision>,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<Entered>, LedgerError> {
        if decisions.is_empty() {
            return Ok(Vec::new());
        }
        let mut chain = self.take_chain(now)?;
        let (mut group, mut all) = (Vec::new(), Vec::new());
        let mut decisions = decisions.into_iter().peekable();
        while let Some(decision) = decisions.next() {
            let authored = self.author(decision, &mut chain, now(), rng)?;
            group.push((0, Ready { authored, gaps: Vec::new(), flags: Vec::new() }));
            if group.len() < WRITE_ENTRIES - 1 && decisions.peek().is_some() {
                continue;
            }
            let mut outcomes = Vec::new();
            self.finish(&mut group, &mut chain, now, &mut outcomes, &mut |_, _| ())?;
            for (_, outcome) in outcomes {
                match outcome {
                    Outcome::Entered { entered, .. } => all.push(*entered),
                    Outcome::Waiting { why } => return Err(*why),
                    _ => return Err(LedgerError::Incomplete("an entry".to_owned())),
                }
            }
        }
        Ok(all)
    }

    /// Takes the author's chain with its lock, brings it up to the ledger, sends the outbox, and enters
    /// `tail.set_aside` where torn bytes wait.
    pub(super) fn take_chain(&mut self, now: &dyn Fn() -> i64) -> Result<Chain, LedgerError> {
        self.renew_structure_key()?;
        let author = self.identity.author();
        let key = self.structure_key()?.clone();
        let mut chain = Chain::take(&self.side, self.ledger_id(), author.clone())?;
        // Under the lock: what another program is writing just now is not torn.
        let lock = self.ledger.lock()?;
        self.ledger.refresh()?;
        drop(lock);
        let head = self.ledger.author_head(&key, author.as_bytes())?;
        let head = self.stands_at(head, &chain)?;
        if let Some(head) = head.filter(|head| head.sequence >= chain.next()) {
            chain.signed(head.sequence, head.digest)?;
        }
        let (waiting, files) = self.waiting(&mut chain)?;
        let newest = waiting.last().map(|one| (one.statement.body().sequence, one.statement.digest()));
        let newest = newest.or(head.map(|head| (head.sequence, head.digest)));
        let (next, previous) = newest.map_or((0, Digest::ZERO), |(sequence, digest)| (sequence + 1, digest));
        if chain.next() > next {
            // Signed and then lost, ledger and outbox alike: in a power cut, unless the ledger went back behind what
            // this device has seen.
            self.honours(&chain)?;
            chain.lost_after(next, previous);
        }
        if self.ledger.can_append() {
            self.send(waiting, files, &mut chain, now)?;
        }
        let seen = self.ledger.seen();
        if seen != Seen::NOTHING {
            chain.saw(seen.number, seen.link)?;
        }
        Ok(chain)
    }

    /// Checks that the ledger holds the newest entry that this device has seen.
    fn honours(&self, chain: &Chain) -> Result<(), LedgerError> {
        let Some(seen) = chain.seen() else { return Ok(()) };
        let held = seen.number < self.ledger.size() && self.ledger.entry(seen.number)?.link() == seen.link;
        let by = "what this device has seen";
        if held { Ok(()) } else { Err(LedgerError::Evidence { size: seen.number + 1, by }) }
    }

    /// Returns what was signed and is not in the ledger, in its order, and the files of the outbox. The sequence numbers
    /// are used, whatever a power cut took from the chain's own file.
    fn waiting(&mut self, chain: &mut Chain) -> Result<(Vec<Authored>, Vec<StatementId>), LedgerError> {
        let opened = outbox::list(&self.side, self.ledger_id(), self.identity.secret())?.opened;
        let key = self.structure_key()?.clone();
        let (mut waiting, mut files) = (Vec::new(), Vec::new());
        for (name, items) in opened {
            files.push(name);
            for item in items {
                if let Some(entry) = self.ledger.find_statement(&key, &item.id)? {
                    self.keep_receipt(entry)?;
                    continue;
                }
                let unverified = Unverified::decode(&item.statement, &item.signature.0)?;
                let statement = unverified.verify(&self.identity.author())?;
                if item.sequence >= chain.next() {
                    chain.signed(item.sequence, statement.digest())?;
                }
                let OutboxItem { structure_part, words_part, words_key, content_key, .. } = item;
                waiting.push(Authored::resent(statement, structure_part, words_part, words_key, content_key));
            }
        }
        Ok((waiting, files))
    }

    /// Sends what waits, byte for byte. Torn bytes are set aside first or, since a key's statements come in their order,
    /// in one write with what waits.
    fn send(
        &mut self,
        mut waiting: Vec<Authored>,
        mut files: Vec<StatementId>,
        chain: &mut Chain,
        now: &dyn Fn() -> i64,
    ) -> Result<(), LedgerError> {
        let torn = self.ledger.torn().cloned();
        let together = if torn.is_some() { WRITE_ENTRIES } else { 1 };
        let says = |one: &Authored, torn: &Remains| {
            let hash = Content::Hash(Digest::new(torn.hash));
            one.kind().name() == Some("tail.set_aside")
                && one.statement.body().values.iter().any(|value| value.content == hash)
        };
        if let Some(torn) = torn.filter(|torn| !waiting.iter().any(|one| says(one, torn))) {
            let says = self.sets_aside(&torn, chain, now)?;
            files.extend(self.put_out(std::slice::from_ref(&says), chain)?);
            waiting.push(says);
        }
        let key = self.structure_key()?.clone();
        for write in waiting.chunks(together) {
            let entered = match self.ledger.append(write, &key, &mut self.roster, now) {
                Err(why) => {
                    // Signed in this call or before: it must outlive a power cut now.
                    files.iter().try_for_each(|name| outbox::sync(&self.side, *name))?;
                    return Err(why);
                }
                Ok(entered) => entered,
            };
            self.keep_own(write)?;
            entered.iter().try_for_each(|entered| self.keep_receipt(entered.number))?;
        }
        for name in files {
            outbox::remove(&self.side, name, Durable::Now)?;
        }
        Ok(())
    }

    fn sets_aside(
        &mut self,
        torn: &Remains,
        chain: &mut Chain,
        now: &dyn Fn() -> i64,
    ) -> Result<Authored, LedgerError> {
        let kind = KindNumber::of("tail.set_aside").ok_or(LedgerError::NoPack)?;
        let values = vec![
            self.value("tail_hash", Content::Hash(Digest::new(torn.hash)))?,
            self.value("byte_count", Content::Count(torn.length))?,
            self.value("cause", code("torn_write")?)?,
        ];
        let decision = self.decide(kind, None, values, Vec::new(), now())?;
        self.author(decision, chain, now(), &mut crate::store::durable::entropy())
    }

    fn prepare(
        &mut self,
        draft: &Draft,
        chain: &mut Chain,
        now: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Checked, LedgerError> {
        if let Some(kind) = draft.kind().and_then(|kind| self.pack.kind(kind.trim())).filter(|kind| !by_hand(kind)) {
            let what = format!("{} is not written by hand", kind.name);
            let gap = Gap::new("kind", GapLevel::Error, what, "use the command that is made for it");
            return Ok(Checked::Done(Outcome::Gaps { draft: self.keep(draft, now, rng)?, gaps: vec![gap] }));
        }
        let decision = match draft.check(&self.pack, self, now) {
            Ok(decision) => decision,
            Err(gaps) => {
                return Ok(Checked::Done(Outcome::Gaps { draft: self.keep(draft, now, rng)?, gaps }));
            }
        };
        if let Err(stop) = gate(&self.pack, &decision, self) {
            return Ok(Checked::Done(Outcome::Stopped { draft: self.keep(draft, now, rng)?, stop }));
        }
        if let Some(id) = decision.statement_id() {
            let key = self.structure_key()?.clone();
            if let Some(entry) = self.ledger.find_statement(&key, &id)? {
                if self.says_the_same(entry, &decision)? {
                    let entered = Box::new(self.ledger.entered(entry)?);
                    let (gaps, flags) = (decision.gaps().to_vec(), decision.flags().to_vec());
                    return Ok(Checked::Done(Outcome::Entered { entered, gaps, flags, again: true }));
                }
                return Ok(Checked::Done(Outcome::IdUsed { draft: self.keep(draft, now, rng)?, entry }));
            }
        }
        let (gaps, flags) = (decision.gaps().to_vec(), decision.flags().to_vec());
        let authored = self.author(decision, chain, now, rng)?;
        Ok(Checked::Ready(Box::new(Ready { authored, gaps, flags })))
    }

    /// Keeps a draft, sealed to its author and durable.
    ///
    /// # Errors
    /// Those of the cabinet.
    pub fn keep(&self, draft: &Draft, now: i64, rng: &mut impl CryptoRng) -> Result<DraftId, LedgerError> {
        let text = zeroize::Zeroizing::new(draft.to_json().to_string());
        Ok(drafts::save(&self.ledger.cabinet(), text.as_bytes(), now, self.identity.recipient(), rng)?)
    }

    /// Seals and signs a decision. Nobody is told of it, and it is not sent, before [`Desk::put_out`].
    fn author(
        &mut self,
        decision: Decision,
        chain: &mut Chain,
        now: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Authored, LedgerError> {
        let folder = self.folder_key(&decision)?;
        let key = self.identity.author();
        let sealed = Sealed::new(decision, self.ledger_id(), key.as_bytes(), folder.as_ref(), rng)?;
        let (sequence, previous) = (chain.next(), chain.previous());
        let author = Author {
            person: self.identity.person(),
            key: self.identity.signing(),
            structure_key: self.structure_key()?,
            sequence,
            previous,
            seen: self.ledger.seen(),
            pack: self.roster.pack(),
            policy: self.roster.policy(),
            signed: Moment::in_london(now),
        };
        let authored = Authored::sign(sealed, &author, rng)?;
        chain.signed(sequence, authored.statement.digest())?;
        Ok(authored)
    }

    /// Puts what was signed into the outbox before it is sent: synced, with the chain, if it has to wait there.
    fn put_out(&self, group: &[Authored], chain: &mut Chain) -> Result<Vec<StatementId>, LedgerError> {
        let items: Vec<OutboxItem> = group.iter().map(item).collect();
        let when = if self.ledger.can_append() { Durable::Later } else { Durable::Now };
        let files = outbox::put(&self.side, &items, self.identity.recipient(), when)?;
        if when == Durable::Now {
            chain.save(when)?;
        }
        Ok(files)
    }

    fn folder_key(&self, decision: &Decision) -> Result<Option<FolderPublic>, LedgerError> {
        let folder = decision.folder();
        if folder == Folder::None {
            return Ok(None);
        }
        let case = decision.case().filter(|_| folder.of_case());
        let epoch = self.roster.current_folder(case, folder).ok_or(LedgerError::NoCase)?;
        Ok(Some(epoch.key))
    }

    /// Appends a group in one write and hands out what became of each.
    fn finish(
        &mut self,
        group: &mut Vec<(usize, Ready)>,
        chain: &mut Chain,
        now: &dyn Fn() -> i64,
        outcomes: &mut Vec<(usize, Outcome)>,
        done: &mut dyn FnMut(usize, &Outcome),
    ) -> Result<(), LedgerError> {
        if group.is_empty() {
            return Ok(());
        }
        let (mut places, mut authored) = (Vec::new(), Vec::new());
        for (at, ready) in group.drain(..) {
            places.push((at, ready.gaps, ready.flags));
            authored.push(ready.authored);
        }
        let files = self.put_out(&authored, chain)?;
        let key = self.structure_key()?.clone();
        let entered = match self.ledger.append(&authored, &key, &mut self.roster, now) {
            Ok(entered) => entered,
            Err(why @ (LedgerError::NoLogKey | LedgerError::TornTail | LedgerError::Store(_))) => {
                files.iter().try_for_each(|name| outbox::sync(&self.side, *name))?;
                let no_key = !matches!(why, LedgerError::Store(_));
                let mut first = Some(why);
                for (at, ..) in places {
                    let other = if no_key { LedgerError::NoLogKey } else { StoreError::Latched.into() };
                    let why = Box::new(first.take().unwrap_or(other));
                    let outcome = Outcome::Waiting { why };
                    done(at, &outcome);
                    outcomes.push((at, outcome));
                }
                return Ok(());
            }
            Err(other) => {
                // Whether it happened shows at the next opening; till then the signed statements must outlive a crash.
                files.iter().try_for_each(|name| outbox::sync(&self.side, *name))?;
                return Err(other);
            }
        };
        self.keep_own(&authored)?;
        for ((at, gaps, flags), entered) in places.into_iter().zip(entered) {
            let text = entered.receipt.to_string();
            receipts::save(&self.side, self.ledger_id(), entered.number, text.as_bytes(), Durable::Later)?;
            let outcome = Outcome::Entered { entered: Box::new(entered), gaps, flags, again: false };
            done(at, &outcome);
            outcomes.push((at, outcome));
        }
        for name in files {
            outbox::remove(&self.side, name, Durable::Later)?;
        }
        let seen = self.ledger.seen();
        chain.saw(seen.number, seen.link)?;
        chain.save(Durable::Later)?;
        Ok(())
    }

    /// The author's own way back to the words, unsynced: without it the words are still in the folder.
    fn keep_own(&mut self, authored: &[Authored]) -> Result<(), LedgerError> {
        if authored.iter().all(|authored| authored.words_key.is_none()) {
            return Ok(());
        }
        let mut rng = crate::store::durable::entropy();
        let mut own = match self.own.take() {
            Some(own) => own,
            None => self.own_copy(&mut rng)?,
        };
        let keys =
            authored.iter().filter_map(|authored| Some((authored.statement.digest(), authored.words_key.as_ref()?)));
        own.append(keys, &mut rng)?;
        self.own = Some(own);
        Ok(())
    }

    fn own_copy(&self, rng: &mut impl CryptoRng) -> Result<OwnCopy, LedgerError> {
        let (cabinet, author) = (self.ledger.cabinet(), self.identity.author());
        match OwnCopy::open(&cabinet, &author, PERIOD, self.identity.secret()) {
            Err(CabinetError::Missing) => {
                Ok(OwnCopy::create(&cabinet, &author, PERIOD, &[self.identity.recipient()], rng)?)
            }
            other => Ok(other?),
        }
    }

    fn keep_receipt(&self, entry: u64) -> Result<(), LedgerError> {
        let text = self.ledger.receipt(entry)?.to_string();
        receipts::save(&self.side, self.ledger_id(), entry, text.as_bytes(), Durable::Later)?;
        Ok(())
    }

    /// Whether an entry of ours says what this decision says, words included.
    fn says_the_same(&self, entry: u64, decision: &Decision) -> Result<bool, LedgerError> {
        let (stored, statement) = self.statement(entry)?;
        let Some(statement) = statement else { return Ok(false) };
        let body = statement.body();
        let same = body.kind == decision.kind()
            && body.case == decision.case()
            && body.folder() == Some(decision.folder())
            && body.occurred == decision.occurred()
            && body.learned == decision.learned()
            && body.decided == decision.decided()
            && body.act == decision.is_act()
            && body.values == decision.values()
            && references_match(&body.references, decision.references());
        if !same || stored.words().is_empty() {
            return Ok(same);
        }
        Ok(self.open_words(&stored, body).is_ok_and(|words| words.fields == decision.words()))
    }

    pub(super) fn value(&self, field: &str, content: Content) -> Result<Value, LedgerError> {
        let id = self.pack.id_of(field).ok_or_else(|| LedgerError::Incomplete(field.to_owned()))?;
        Ok(Value { field: FieldId(id), position: 0, content })
    }

    pub(super) fn decide(
        &self,
        kind: KindNumber,
        case: Option<crate::codec::CaseTag>,
        values: Vec<Value>,
        references: Vec<Reference>,
        now: i64,
    ) -> Result<Decision, LedgerError> {
        let learned = Moment::in_london(now);
        Decision::setup(&self.pack, kind, case, learned, values, references).map_err(|gaps| {
            let fields: HashSet<&str> = gaps.iter().map(|gap| gap.field.as_str()).collect();
            LedgerError::Incomplete(fields.into_iter().collect::<Vec<_>>().join(", "))
        })
    }
}

/// Whether people record this kind: public kinds and those that the clerk writes have commands of their own.
#[must_use]
pub fn by_hand(kind: &Kind) -> bool {
    let clerks = [
        "body.read",
        "body.unreadable",
        "tail.set_aside",
        "statement.late",
        "closing",
        "rule.blocked",
        "grant.made",
        "grant.ended",
        "retire.proposed",
        "retire.approved",
        "retire.done",
        "mirror.deleted",
    ];
    kind.folder != FolderRule::Public && !kind.on_roll() && !clerks.contains(&kind.name.as_str())
}

fn item(authored: &Authored) -> OutboxItem {
    OutboxItem {
        ledger: authored.ledger(),
        id: authored.statement.body().id,
        sequence: authored.statement.body().sequence,
        statement: authored.statement.as_bytes().to_vec(),
        signature: *authored.statement.signature(),
        structure_part: authored.structure.clone(),
        words_part: authored.words.clone(),
        content_key: Some(authored.content_key.clone()),
        words_key: authored.words_key.clone(),
    }
}

fn references_match(a: &[Reference], b: &[Reference]) -> bool {
    let key = |reference: &Reference| (reference.relation, reference.digest);
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| key(a) == key(b))
}

pub(super) fn code(text: &str) -> Result<Content, LedgerError> {
    ShortText::new(text).map(Content::Code).map_err(|_| LedgerError::Refused(Code::Statement))
}
