//! Recording: from a draft to receipts, with nothing that was typed or signed ever lost.
// Long because: the order from draft to receipt stands in one place.

use std::collections::HashSet;

use rand_core::CryptoRng;

use crate::cabinet::chain::Chain;
use crate::cabinet::drafts::DraftId;
use crate::cabinet::outbox;
use crate::cabinet::{Durable, receipts};
use crate::codec::{Folder, KindNumber, ShortText, StatementId};
use crate::decision::decision::{Decision, Reference};
use crate::decision::draft::Draft;
use crate::decision::gap::{Flag, Gap, GapLevel};
use crate::decision::value::{Content, FieldId, Moment, Value};
use crate::entry::authored::{Author, Authored, Signed};
use crate::frame::WRITE_ENTRIES;
use crate::ledger::append::Entered;
use crate::ledger::desk::Desk;
use crate::ledger::wraps::unsettled;
use crate::ledger::{LedgerError, parallel};
use crate::review::book::Book;
use crate::review::gate::{self, Before, Stop};
use crate::rules::kind::{FolderRule, Kind};
use crate::rules::policy::CleanCopyCheck;
use crate::seal::sealed::Sealed;
use crate::seal::words::FolderPublic;
use crate::store::StoreError;
use crate::store::disk::Disk;
use crate::store::durable;
use crate::verify::report::Code;

/// Bytes after which a batch begins another write; one more entry stays well below what a write may have.
const WRITE_BYTES: usize = 8 << 20;

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
    /// Something has to be entered before it; then it is checked again.
    First(Box<Decision>),
    /// A rule stops it; and the entry that says so, unless there is one.
    Stopped(Outcome, Option<Box<Decision>>),
    Done(Outcome),
}

impl Outcome {
    /// Returns what was entered, of what cannot be kept as a draft.
    pub(super) fn into_entered(self) -> Result<Entered, LedgerError> {
        match self {
            Outcome::Entered { entered, .. } => Ok(*entered),
            Outcome::Waiting { why } => Err(*why),
            _ => Err(nothing()),
        }
    }
}

fn nothing() -> LedgerError {
    LedgerError::Incomplete("an entry".to_owned())
}

/// A decision that may be entered, to be sealed and signed with its group.
struct Ready {
    decision: Decision,
    folder: Option<FolderPublic>,
    /// When it was decided on, in milliseconds UTC: the time of signing.
    now: i64,
    gaps: Vec<Gap>,
    flags: Vec<Flag>,
}

impl Ready {
    /// What the clerk makes itself: nothing was asked, so nothing is open.
    fn of_clerk(decision: Decision, folder: Option<FolderPublic>, now: i64) -> Self {
        Ready { decision, folder, now, gaps: Vec::new(), flags: Vec::new() }
    }

    /// How many bytes the entry will take at most.
    fn bytes(&self) -> usize {
        let words: usize = self.decision.words().iter().map(|field| field.text.len() + 12).sum();
        words + 320 * self.decision.values().len() + 42 * self.decision.references().len() + 2048
    }
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
        self.record_kept(None, draft, now, rng)
    }

    /// Checks a draft that was kept and enters it; what cannot be entered is kept under the id that it had, and what was
    /// entered, or signed and waits, is kept no longer.
    ///
    /// # Errors
    /// As [`Desk::record`].
    pub fn record_kept(
        &mut self,
        kept: Option<DraftId>,
        draft: &Draft,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Outcome, LedgerError> {
        // The id that it was kept with is that of its statement.
        let before = kept.and_then(|id| self.draft(id).ok());
        let known = before.as_ref().and_then(|before| StatementId::parse(before.id()?));
        let draft = known.map_or_else(|| draft.clone(), |id| draft.identified(id));
        let mut outcomes = self.record_each(kept, &[draft], false, now, rng, &mut |_, _| ())?;
        let outcome = outcomes.pop().ok_or_else(|| LedgerError::Incomplete("a draft".to_owned()))?;
        if let (Some(id), Outcome::Entered { .. } | Outcome::Waiting { .. }) = (kept, &outcome) {
            self.drop_draft(id)?;
        }
        Ok(outcome)
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
        self.record_each(None, list, batch, now, rng, done)
    }

    /// As [`Desk::record_all`]; `kept` is where the drafts are kept already, if there is one draft.
    fn record_each(
        &mut self,
        kept: Option<DraftId>,
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
            let bytes: usize = group.iter().map(|(_, ready)| ready.bytes()).sum();
            if group.len() >= limit || looks_at_group || bytes >= WRITE_BYTES {
                self.finish(&mut group, &mut chain, now, rng, &mut outcomes, done)?;
            }
            if matches!(outcomes.last(), Some((_, Outcome::Waiting { why })) if matches!(**why, LedgerError::Store(_)))
            {
                break;
            }
            let mut first = None;
            let mut checked = self.prepare(kept, draft, first, now(), rng);
            if let Ok(Checked::First(decision)) = checked {
                self.finish(&mut group, &mut chain, now, rng, &mut outcomes, done)?;
                first = Some(self.enter_first(*decision, &mut chain, now, rng)?);
                checked = self.prepare(kept, draft, first, now(), rng);
            }
            // An id that one of the group has, which is not entered yet: then it is known what stands under it.
            let id_of = |ready: &Ready| ready.decision.statement_id();
            if let Ok(Checked::Ready(ready)) = &checked
                && id_of(ready).is_some_and(|id| group.iter().any(|(_, before)| id_of(before) == Some(id)))
            {
                self.finish(&mut group, &mut chain, now, rng, &mut outcomes, done)?;
                checked = self.prepare(kept, draft, first, now(), rng);
            }
            match checked {
                Ok(Checked::Ready(ready)) => group.push((at, *ready)),
                // It was entered; if it did not help, nothing is entered that the wrong person could read.
                Ok(Checked::First(_)) => return Err(LedgerError::KeptOut),
                Err(why) => {
                    // What was signed before it is sent all the same.
                    self.finish(&mut group, &mut chain, now, rng, &mut outcomes, done)?;
                    return Err(why);
                }
                Ok(Checked::Stopped(outcome, says)) => {
                    self.finish(&mut group, &mut chain, now, rng, &mut outcomes, done)?;
                    match says.map_or(Ok(()), |says| self.enter_first(*says, &mut chain, now, rng).map(drop)) {
                        // Signed, it waits in the outbox.
                        Ok(()) | Err(LedgerError::NoLogKey | LedgerError::LogKeyUnread(_)) => {}
                        Err(why) => return Err(why),
                    }
                    done(at, &outcome);
                    outcomes.push((at, outcome));
                }
                Ok(Checked::Done(outcome)) => {
                    // Outcomes are told in order: the group before it first.
                    self.finish(&mut group, &mut chain, now, rng, &mut outcomes, done)?;
                    done(at, &outcome);
                    outcomes.push((at, outcome));
                }
            }
        }
        self.finish(&mut group, &mut chain, now, rng, &mut outcomes, done)?;
        chain.save(Durable::Later)?;
        Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
    }

    /// Enters what has to come before a draft, in a write of its own.
    pub(super) fn enter_first(
        &mut self,
        decision: Decision,
        chain: &mut Chain,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<u64, LedgerError> {
        let folder = self.folder_key(&decision)?;
        let mut group = vec![(0, Ready::of_clerk(decision, folder, now()))];
        let mut outcomes = Vec::new();
        self.finish(&mut group, chain, now, rng, &mut outcomes, &mut |_, _| ())?;
        outcomes.pop().ok_or_else(nothing)?.1.into_entered().map(|entered| entered.number)
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
        all.pop().ok_or_else(nothing)
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
            let folder = self.folder_key(&decision)?;
            group.push((0, Ready::of_clerk(decision, folder, now())));
            if group.len() < WRITE_ENTRIES - 1 && decisions.peek().is_some() {
                continue;
            }
            let mut outcomes = Vec::new();
            self.finish(&mut group, &mut chain, now, rng, &mut outcomes, &mut |_, _| ())?;
            for (_, outcome) in outcomes {
                all.push(outcome.into_entered()?);
            }
        }
        Ok(all)
    }

    /// Checks a draft, kept as `kept` if it was before; `first` is the entry that was made for it to come before it.
    fn prepare(
        &mut self,
        kept: Option<DraftId>,
        draft: &Draft,
        first: Option<u64>,
        now: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Checked, LedgerError> {
        if let Some(kind) = draft.kind().and_then(|kind| self.pack.kind(kind.trim())).filter(|kind| !by_hand(kind)) {
            let what = format!("{} is not written by hand", kind.name);
            let gap = Gap::new("kind", GapLevel::Error, what, "use the command that is made for it");
            return Ok(Checked::Done(Outcome::Gaps { draft: self.keep_as(kept, draft, now, rng)?, gaps: vec![gap] }));
        }
        let decision = match draft.check(&self.pack, self, now) {
            Ok(decision) => decision,
            Err(gaps) => {
                return Ok(Checked::Done(Outcome::Gaps { draft: self.keep_as(kept, draft, now, rng)?, gaps }));
            }
        };
        let (passed, hints) = self.pass_gate(&decision, now)?;
        if let Err(stop) = passed {
            let id = self.keep_as(kept, draft, now, rng)?;
            let says = self.says_of(id, &self.draft(id)?, (stop.rule, stop.by), Some(&decision), now)?;
            return Ok(Checked::Stopped(Outcome::Stopped { draft: id, stop }, says.map(Box::new)));
        }
        if let Some(id) = decision.statement_id() {
            let key = self.structure_key()?.clone();
            if let Some(entry) = self.ledger.find_statement(&key, &id)? {
                if self.says_the_same(entry, &decision)? {
                    let entered = Box::new(self.ledger.entered(entry)?);
                    let (gaps, flags) = (decision.gaps().to_vec(), decision.flags().to_vec());
                    return Ok(Checked::Done(Outcome::Entered { entered, gaps, flags, again: true }));
                }
                return Ok(Checked::Done(Outcome::IdUsed { draft: self.keep_as(kept, draft, now, rng)?, entry }));
            }
        }
        if let Some(first) = self.keep_out(&decision, first, now, rng)? {
            return Ok(Checked::First(Box::new(first)));
        }
        let (mut gaps, flags) = (decision.gaps().to_vec(), decision.flags().to_vec());
        gaps.extend(hints);
        let folder = self.folder_key(&decision)?;
        Ok(Checked::Ready(Box::new(Ready { decision, folder, now, gaps, flags })))
    }

    /// Asks the gate, with the entries around the decision where it looks at any; and what there is to say that stops
    /// nothing.
    pub(super) fn pass_gate(&self, decision: &Decision, now: i64) -> Result<(Result<(), Stop>, Vec<Gap>), LedgerError> {
        let facts = match gate::looks_back(&self.pack, decision) {
            true => self.facts_around(decision.case())?,
            false => Vec::new(),
        };
        let roster = &self.roster;
        let roles = |person, entry, at| roster.roles(person, entry, at);
        let book = Book::open(&facts, self.rules(), &roles);
        let usual = CleanCopyCheck::default();
        let policy = self.rules().policy(&self.roster.policy());
        let copies = policy.map_or(&usual, |policy| &policy.access().clean_copy);
        let before = Before { pack: &self.pack, book: &book, view: self, copies, now };
        Ok((gate::gate(decision, &before), gate::hints(decision, &before)))
    }

    /// Seals and signs decisions in their order, as far as the first that cannot be, which is told too. Nobody is told of
    /// them, and they are not sent, before [`Desk::put_out`].
    ///
    /// Sealing, and making the parts, needs nothing of the statement before: many are worked on by every core, with the
    /// randomness of the system. Only to sign, one has to know the digest of the one before.
    pub(super) fn author(
        &self,
        decisions: Vec<(Decision, Option<FolderPublic>, i64)>,
        chain: &mut Chain,
        rng: &mut impl CryptoRng,
    ) -> Result<(Vec<Authored>, Option<LedgerError>), LedgerError> {
        let (key, structure_key) = (self.identity.author(), self.structure_key()?);
        let (ledger, alone) = (self.ledger_id(), decisions.len() == 1);
        let sealed = if alone {
            let seal = |(decision, folder, now): (Decision, Option<FolderPublic>, i64)| {
                (Sealed::new(decision, ledger, key.as_bytes(), folder.as_ref(), rng), now)
            };
            decisions.into_iter().map(seal).collect()
        } else {
            parallel(decisions, |(decision, folder, now)| {
                (Sealed::new(decision, ledger, key.as_bytes(), folder.as_ref(), &mut durable::entropy()), now)
            })
        };
        let (mut signed, mut failed) = (Vec::with_capacity(sealed.len()), None);
        let mut digests = Vec::with_capacity(sealed.len());
        for (sealed, now) in sealed {
            let author = self.signs(chain, now)?;
            // What refers to an earlier one of the same act learns its digest here.
            let one = sealed.map_err(LedgerError::from).and_then(|mut sealed| match sealed.decision.point(&digests) {
                true => Ok(Signed::new(sealed, &author)?),
                false => Err(LedgerError::Refused(Code::Reference)),
            });
            match one {
                Ok(one) => {
                    digests.push(one.digest());
                    chain.signed(author.sequence, one.digest())?;
                    signed.push(one);
                }
                Err(why) => {
                    failed = Some(why);
                    break;
                }
            }
        }
        let authored = if alone {
            signed.into_iter().map(|one| one.finish(&key, structure_key, rng)).collect()
        } else {
            parallel(signed, |one| one.finish(&key, structure_key, &mut durable::entropy()))
        };
        Ok((authored.into_iter().collect::<Result<_, _>>()?, failed))
    }

    /// Returns who signs next, and where this author stands.
    pub(super) fn signs(&self, chain: &Chain, now: i64) -> Result<Author<'_>, LedgerError> {
        Ok(Author {
            person: self.identity.person(),
            key: self.identity.signing(),
            structure_key: self.structure_key()?,
            sequence: chain.next(),
            previous: chain.previous(),
            seen: self.ledger.seen(),
            pack: self.roster.pack(),
            policy: self.roster.policy(),
            signed: Moment::in_london(now),
        })
    }

    pub(super) fn folder_key(&self, decision: &Decision) -> Result<Option<FolderPublic>, LedgerError> {
        let folder = decision.folder();
        if folder == Folder::None {
            return Ok(None);
        }
        let case = decision.case().filter(|_| folder.of_case());
        let epoch = self.roster.current_folder(case, folder).ok_or(LedgerError::NoCase)?;
        Ok(Some(epoch.key))
    }

    /// Seals and signs a group, appends it in one write and hands out what became of each.
    fn finish(
        &mut self,
        group: &mut Vec<(usize, Ready)>,
        chain: &mut Chain,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
        outcomes: &mut Vec<(usize, Outcome)>,
        done: &mut dyn FnMut(usize, &Outcome),
    ) -> Result<(), LedgerError> {
        let (mut drafts, mut decisions) = (Vec::new(), Vec::new());
        for (at, ready) in group.drain(..) {
            drafts.push((at, ready.gaps, ready.flags));
            decisions.push((ready.decision, ready.folder, ready.now));
        }
        let (authored, failed) = self.author(decisions, chain, rng)?;
        drafts.truncate(authored.len());
        if !authored.is_empty() {
            self.send_group(drafts, authored, chain, now, outcomes, done)?;
        }
        // What was signed before it was sent all the same.
        failed.map_or(Ok(()), Err)
    }

    /// Appends what was signed in one write and hands out what became of each.
    pub(super) fn send_group(
        &mut self,
        drafts: Vec<(usize, Vec<Gap>, Vec<Flag>)>,
        authored: Vec<Authored>,
        chain: &mut Chain,
        now: &dyn Fn() -> i64,
        outcomes: &mut Vec<(usize, Outcome)>,
        done: &mut dyn FnMut(usize, &Outcome),
    ) -> Result<(), LedgerError> {
        let places = self.put_out(&authored, chain)?;
        let (key, adoptions) = (self.structure_key()?.clone(), self.roster.adoptions());
        let entered = match self.ledger.append(&authored, &key, &mut self.roster, now) {
            Ok(entered) => entered,
            Err(
                why @ (LedgerError::NoLogKey
                | LedgerError::LogKeyUnread(_)
                | LedgerError::TornTail
                | LedgerError::Store(_)),
            ) => {
                places.iter().try_for_each(|place| outbox::sync(&self.side, &self.tray, *place))?;
                let no_key = !matches!(why, LedgerError::Store(_));
                let mut first = Some(why);
                for (at, ..) in drafts {
                    let other = if no_key { self.ledger.no_log_key() } else { StoreError::Latched.into() };
                    let why = Box::new(first.take().unwrap_or(other));
                    let outcome = Outcome::Waiting { why };
                    done(at, &outcome);
                    outcomes.push((at, outcome));
                }
                return Ok(());
            }
            Err(other) => {
                // Whether it happened shows at the next opening; till then the signed statements must outlive a crash.
                places.iter().try_for_each(|place| outbox::sync(&self.side, &self.tray, *place))?;
                return Err(other);
            }
        };
        let stands = entered.first().map(unsettled);
        let kept = self.keep_entered(drafts, entered, &authored, (places, adoptions), chain, outcomes, done);
        kept.map_err(|why| match stands {
            Some(stands) => stands(why),
            None => why,
        })
    }

    /// Keeps what belongs to entries that stand, and hands them out. What fails here is made good when this author enters
    /// something again: the outbox keeps them till then.
    #[allow(clippy::too_many_arguments)]
    fn keep_entered(
        &mut self,
        drafts: Vec<(usize, Vec<Gap>, Vec<Flag>)>,
        entered: Vec<Entered>,
        authored: &[Authored],
        (places, adoptions): (Vec<outbox::Place>, usize),
        chain: &mut Chain,
        outcomes: &mut Vec<(usize, Outcome)>,
        done: &mut dyn FnMut(usize, &Outcome),
    ) -> Result<(), LedgerError> {
        self.keep_own(authored)?;
        self.renew_rules(adoptions)?;
        for ((at, gaps, flags), entered) in drafts.into_iter().zip(entered) {
            let text = entered.receipt.to_string();
            receipts::save(&self.side, self.ledger_id(), entered.number, text.as_bytes(), Durable::Later)?;
            let outcome = Outcome::Entered { entered: Box::new(entered), gaps, flags, again: false };
            done(at, &outcome);
            outcomes.push((at, outcome));
        }
        for place in places {
            outbox::remove(&self.side, &self.tray, place, Durable::Later)?;
        }
        let seen = self.ledger.seen();
        chain.saw(seen.number, seen.link)?;
        chain.save(Durable::Later)?;
        self.show_waiting(authored)
    }

    /// Whether an entry of ours says what this decision says, words included.
    pub(super) fn says_the_same(&self, entry: u64, decision: &Decision) -> Result<bool, LedgerError> {
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

fn references_match(a: &[Reference], b: &[Reference]) -> bool {
    let key = |reference: &Reference| (reference.relation, reference.digest);
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| key(a) == key(b))
}

pub(super) fn code(text: &str) -> Result<Content, LedgerError> {
    ShortText::new(text).map(Content::Code).map_err(|_| LedgerError::Refused(Code::Statement))
}
