//! Drafts: kept, sealed to their author, until an entry says what became of them.
//!
//! A draft leaves the cabinet because it was entered, or because its author discarded it; then an entry `rule.blocked`
//! stays behind. That entry says which kind the draft was of, not a word of what it said, and pins its text by a hash.
//! A kept draft holds a random statement id: the hash tells nothing to whoever lacks the draft, and a draft that was
//! entered just before the machine stopped is not entered a second time.

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::cabinet::drafts::{self, DraftFile, DraftId, DraftLine};
use crate::cabinet::outbox;
use crate::codec::context::{DRAFT, DRAFT_STOP};
use crate::codec::{CaseTag, Digest, Folder, KindNumber, RelationNumber, ShortText, StatementId};
use crate::decision::decision::{Decision, Reference};
use crate::decision::draft::Draft;
use crate::decision::form;
use crate::decision::value::Content;
use crate::ledger::LedgerError;
use crate::ledger::desk::Desk;
use crate::ledger::record::code;
use crate::rules::kind::FolderRule;
use crate::store::disk::Disk;
use crate::verify::report::Code;

/// The rule (code of the list RULE) under which an entry says that a draft was discarded.
const DISCARDED: &str = "discarded";
/// Says nothing of the kind of a draft that belongs where an overseer may not read even that.
const HIDDEN: &str = "-";

impl<D: Disk> Desk<D> {
    /// Keeps a draft, sealed to its author and durable. It gets a statement id if it has none.
    ///
    /// # Errors
    /// Those of the cabinet.
    pub fn keep(&self, draft: &Draft, now: i64, rng: &mut impl CryptoRng) -> Result<DraftId, LedgerError> {
        let text = text(&draft.identified(random_id(rng)));
        Ok(drafts::save(&self.ledger.cabinet(), text.as_bytes(), now, self.identity.recipient(), rng)?)
    }

    /// Keeps a draft in the place of what was kept as `kept`, or anew. One that says what was kept already is left alone.
    ///
    /// # Errors
    /// Those of the cabinet.
    pub fn keep_as(
        &self,
        kept: Option<DraftId>,
        draft: &Draft,
        now: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<DraftId, LedgerError> {
        let Some(id) = kept else { return self.keep(draft, now, rng) };
        let (cabinet, secret) = (self.ledger.cabinet(), self.identity.secret());
        // What was kept under this id has one, which the draft in hand may have lost.
        let before = self.draft(id).ok();
        let known = before.as_ref().and_then(|before| StatementId::parse(before.id()?));
        let text = text(&draft.identified(known.unwrap_or_else(|| random_id(rng))));
        if drafts::load(&cabinet, id, secret).is_ok_and(|kept| **kept == *text.as_bytes()) {
            return Ok(id);
        }
        drafts::save_again(&cabinet, id, text.as_bytes(), now, self.identity.recipient())?;
        Ok(id)
    }

    /// Lists the author's own drafts.
    ///
    /// # Errors
    /// Those of the cabinet.
    pub fn drafts(&self) -> Result<Vec<DraftLine>, LedgerError> {
        Ok(drafts::list(&self.ledger.cabinet(), self.identity.secret())?.opened)
    }

    /// Lists everybody's drafts: their number and age, and nothing else.
    ///
    /// # Errors
    /// `NotAllowed` unless we are an overseer; those of the cabinet.
    pub fn drafts_of_all(&self) -> Result<Vec<DraftFile>, LedgerError> {
        self.need_overseer()?;
        Ok(drafts::everybodys(&self.ledger.cabinet())?)
    }

    /// Opens one of the author's own drafts.
    ///
    /// # Errors
    /// `Cabinet(Missing)`; `Incomplete` if it does not hold a draft.
    pub fn draft(&self, id: DraftId) -> Result<Draft, LedgerError> {
        let bytes = drafts::load(&self.ledger.cabinet(), id, self.identity.secret())?;
        let text = std::str::from_utf8(&bytes).unwrap_or_default();
        let line = Draft::from_json_text(text).into_iter().next();
        line.and_then(|line| line.draft.ok()).ok_or_else(|| LedgerError::Incomplete("a draft".to_owned()))
    }

    /// Removes a draft of the author's own that was entered.
    ///
    /// # Errors
    /// `Cabinet(Missing)`.
    pub fn drop_draft(&self, id: DraftId) -> Result<(), LedgerError> {
        Ok(drafts::discard(&self.ledger.cabinet(), id, self.identity.secret())?)
    }

    /// Discards a draft of the author's own, and returns the entry that says so: `rule.blocked`, of the stop if what was
    /// stopped is what is discarded, else one that is made now; or the entry that the draft was entered as.
    ///
    /// # Errors
    /// `Cabinet(Missing)`; `NoLogKey` if the entry was signed and waits: the draft stays until it is entered. Those of
    /// [`Desk::enter`].
    pub fn discard_draft(
        &mut self,
        id: DraftId,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<u64, LedgerError> {
        // One that was kept before drafts had ids gets one.
        let draft = self.draft(id)?;
        self.keep_as(Some(id), &draft, now(), rng)?;
        let draft = self.draft(id)?;
        // What this author entered is on the cards from here on.
        drop(self.take_chain(now)?);
        let entry = match self.left_by(&draft, now())? {
            Some(entry) => entry,
            None => {
                let checked = draft.check(&self.pack, self, now()).ok();
                let decision = self.says_of(id, &draft, (DISCARDED, None), checked.as_ref(), now())?;
                match decision {
                    Some(decision) => self.enter(decision, now, rng)?.number,
                    None => return Err(self.ledger.no_log_key()),
                }
            }
        };
        self.drop_draft(id)?;
        Ok(entry)
    }

    /// Returns the entry that this draft, as it is now, has left already.
    fn left_by(&mut self, draft: &Draft, now: i64) -> Result<Option<u64>, LedgerError> {
        let key = self.structure_key()?.clone();
        let pin = Content::Hash(pin(draft));
        let rules = self.pack.list("RULE").map(|list| list.codes.iter().map(|code| code.code.clone()).collect());
        let rules: Vec<String> = rules.unwrap_or_default();
        for rule in rules {
            let Some(entry) = self.ledger.find_statement(&key, &stop_id(draft, &rule))? else { continue };
            let statement = self.statement(entry)?.1;
            if statement.is_some_and(|statement| statement.body().values.iter().any(|value| value.content == pin)) {
                return Ok(Some(entry));
            }
        }
        if form::route_of(draft).is_some() {
            // All of a form is entered, or nothing: any of its statements tells.
            let Some(sheet) = draft.id().and_then(StatementId::parse) else { return Ok(None) };
            for statement in 0..form::STATEMENTS {
                if let Some(entry) = self.ledger.find_statement(&key, &form::statement_id(sheet, statement))? {
                    return Ok(Some(entry));
                }
            }
            return Ok(None);
        }
        let Ok(decision) = draft.check(&self.pack, self, now) else { return Ok(None) };
        let Some(id) = decision.statement_id() else { return Ok(None) };
        let entry = self.ledger.find_statement(&key, &id)?;
        Ok(match entry {
            Some(entry) if self.says_the_same(entry, &decision)? => Some(entry),
            _ => None,
        })
    }

    /// Makes the entry that says of a kept draft that a rule stopped it; none if it was made before, whether it is entered
    /// or waits. Where the draft belongs into a folder whose structure overseers do not read, kind and case are left out.
    pub(super) fn says_of(
        &mut self,
        id: DraftId,
        draft: &Draft,
        (rule, by): (&str, Option<(u64, Digest)>),
        checked: Option<&Decision>,
        now: i64,
    ) -> Result<Option<Decision>, LedgerError> {
        let statement = stop_id(draft, rule);
        let key = self.structure_key()?.clone();
        if self.ledger.find_statement(&key, &statement)?.is_some() || self.lies_out(&statement)? {
            return Ok(None);
        }
        let shown = self.may_be_told(draft, checked);
        // A form has no kind of its own: it is that of the draft in it that is stopped.
        let own = draft.kind().map(str::trim).or_else(|| checked.and_then(|decision| decision.kind().name()));
        let kind = own.filter(|_| shown);
        let kind = kind.filter(|kind| self.pack.kind(kind).is_some()).unwrap_or(HIDDEN);
        let case: Option<CaseTag> = checked.filter(|_| shown).and_then(Decision::case);
        let fixed =
            |text: &str| ShortText::new(text).map(Content::Text).map_err(|_| LedgerError::Refused(Code::Statement));
        let values = vec![
            self.value("rule", code(rule)?)?,
            self.value("draft_id", fixed(&id.to_string())?)?,
            self.value("kind_stopped", fixed(kind)?)?,
            self.value("draft_hash", Content::Hash(pin(draft)))?,
        ];
        let number = KindNumber::of("rule.blocked").ok_or(LedgerError::NoPack)?;
        let relation = RelationNumber::of("stopped_by").ok_or(LedgerError::NoPack)?;
        let stopped = by.filter(|_| shown).map(|(entry, digest)| Reference { relation, entry, digest });
        let stopped = stopped.into_iter().collect();
        Ok(Some(self.decide(number, case, values, stopped, now)?.identified(statement)))
    }

    /// Enters that a rule stopped an act which has a command of its own, and so no draft: once for each person, act and rule.
    /// `of` tells one such act from another. What waits in the outbox is said, too.
    pub(super) fn say_act_stopped(
        &mut self,
        kind: &str,
        of: &[u8],
        (rule, by): (&str, Option<u64>),
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<(), LedgerError> {
        let hash = DRAFT_STOP.hash(&[kind.as_bytes(), &[0], self.identity.person().as_bytes(), of]);
        let id = StatementId::new(*hash.first_chunk().unwrap_or(&[0; 16])).to_string();
        let number = id.get(..8).and_then(DraftId::parse).ok_or(LedgerError::NoPack)?;
        let draft = Draft::from_json(&serde_json::json!({ "kind": kind, "id": id }));
        let draft = draft.map_err(|_| LedgerError::Incomplete("a draft".to_owned()))?;
        let by = by.map(|entry| self.reference("stopped_by", entry)).transpose()?;
        let by = by.map(|reference| (reference.entry, reference.digest));
        let Some(decision) = self.says_of(number, &draft, (rule, by), None, now())? else { return Ok(()) };
        match self.enter(decision, now, rng) {
            Ok(_) | Err(LedgerError::NoLogKey | LedgerError::LogKeyUnread(_)) => Ok(()),
            Err(other) => Err(other),
        }
    }

    /// Whether overseers may learn of what kind a draft is, and of which case.
    fn may_be_told(&self, draft: &Draft, checked: Option<&Decision>) -> bool {
        if let Some(decision) = checked {
            return !decision.folder().restricted();
        }
        match draft.kind().and_then(|kind| self.pack.kind(kind.trim())).map(|kind| &kind.folder) {
            None | Some(FolderRule::As(_)) => false,
            Some(FolderRule::Among(folders)) => !folders.iter().copied().any(Folder::restricted),
            Some(FolderRule::Public | FolderRule::NoWords | FolderRule::Roll) => true,
        }
    }

    /// Whether a statement of this id is signed and waits in the outbox.
    fn lies_out(&self, id: &StatementId) -> Result<bool, LedgerError> {
        let waiting = outbox::list(&self.side, self.ledger_id(), self.identity.secret())?.opened;
        Ok(waiting.iter().any(|(_, items)| items.iter().any(|item| item.id == *id)))
    }
}

/// Returns the hash that pins what a kept draft says.
fn pin(draft: &Draft) -> Digest {
    DRAFT.digest(&[text(draft).as_bytes()])
}

/// Returns the id of the statement that says of this draft that a rule stopped it: one for each draft and rule. One that
/// was discarded is told by what it said at the time.
fn stop_id(draft: &Draft, rule: &str) -> StatementId {
    let pin = pin(draft);
    let of: &[u8] = if rule == DISCARDED { pin.as_bytes() } else { draft.id().unwrap_or_default().as_bytes() };
    let hash = DRAFT_STOP.hash(&[of, &[0], rule.as_bytes()]);
    StatementId::new(*hash.first_chunk().unwrap_or(&[0; 16]))
}

fn text(draft: &Draft) -> Zeroizing<String> {
    Zeroizing::new(draft.to_json().to_string())
}

fn random_id(rng: &mut impl CryptoRng) -> StatementId {
    let mut id = [0; 16];
    rng.fill_bytes(&mut id);
    StatementId::new(id)
}
