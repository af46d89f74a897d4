//! Misfiled entries: what they say is said again in the right case; the wrong one is then retired.

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::codec::{CaseTag, Digest, Folder};
use crate::decision::decision::{Decision, Reference, Refiled};
use crate::decision::draft::Draft;
use crate::ledger::LedgerError;
use crate::ledger::append::Entered;
use crate::ledger::desk::Desk;
use crate::ledger::record::{Outcome, code};
use crate::review::retiring::Obstacle;
use crate::rules::kind::Second;
use crate::store::disk::Disk;

impl<D: Disk> Desk<D> {
    /// Says that an entry was filed in the wrong place; it waits for a second person's [`Desk::confirm`]. `to` is the
    /// case in which it belongs, if it is known.
    ///
    /// # Errors
    /// As [`Desk::record`].
    pub fn misfiled(
        &mut self,
        entry: u64,
        to: Option<CaseTag>,
        why: &str,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Outcome, LedgerError> {
        let draft = serde_json::json!({
            "kind": "misfiled",
            "reasons": why,
            "other_case": to.map(|case| case.base32()),
            "learned_at": crate::rules::clock::rfc3339(now(), crate::rules::clock::london_offset(now())),
            "refs": [{ "relation": "misplaced", "entry": entry }],
        });
        let draft = Draft::from_json(&draft).map_err(|_| LedgerError::Incomplete("a draft".to_owned()))?;
        self.record(&draft, now, rng)
    }

    /// Says the second person's word on a sealed entry that waits for one. Once a misfiled entry is confirmed, what it
    /// names is entered in the right case, if this device can read it.
    ///
    /// # Errors
    /// `NotWaiting`; `SamePerson`; those of cabinet and store.
    pub(super) fn confirm_sealed(
        &mut self,
        entry: u64,
        view: &str,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Entered, LedgerError> {
        let (_, statement) = self.statement(entry)?;
        let body = statement.ok_or(LedgerError::NotWaiting(entry))?.body().clone();
        let second = self.pack.kind_numbered(body.kind).is_some_and(|kind| kind.second == Second::Always);
        if !second || self.word_was_said(entry)? {
            return Err(LedgerError::NotWaiting(entry));
        }
        if body.person == self.identity.person() {
            self.say_act_stopped("confirmation", &entry.to_be_bytes(), ("same_person", None), now, rng)?;
            return Err(LedgerError::SamePerson);
        }
        let values = vec![self.value("view", code(view)?)?];
        let references = vec![self.reference("confirms", entry)?];
        let kind = crate::codec::KindNumber::of("confirmation").ok_or(LedgerError::NoPack)?;
        let decision = self.decide(kind, None, values, references, now())?.of_sealed();
        let entered = self.enter(decision, now, rng)?;
        if view != "agrees_if" {
            self.shown_no_more(entry)?;
        }
        if view == "agrees" && body.kind.name() == Some("misfiled") {
            match self.refile(entry, now, rng) {
                // Whoever proposes to retire it does it then.
                Ok(_) | Err(LedgerError::NotReader | LedgerError::Kept(_)) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(entered)
    }

    /// Whether somebody else in a leading role has said a word on a sealed entry that decides.
    fn word_was_said(&self, entry: u64) -> Result<bool, LedgerError> {
        let register = self.retiring_register()?;
        if let Some(one) = register.misfiled(entry) {
            return Ok(one.confirmed.is_some() || one.dropped);
        }
        let (keys, mut said) = (self.structure_keys(), false);
        self.ledger.walk_from(entry, &mut |_, digest, structure, words| {
            if let Some(statement) = crate::ledger::read::open_statement(digest, structure, words, &keys) {
                let body = statement.body();
                said |= body.kind.name() == Some("confirmation")
                    && body.related("confirms").any(|to| to.entry == entry)
                    && body.values.iter().any(|value| match &value.content {
                        crate::decision::value::Content::Code(code) => code.as_str() != "agrees_if",
                        _ => false,
                    });
            }
        })?;
        Ok(said)
    }

    /// Enters what a confirmed misfiled entry says in the right case, as a new entry of the same kind and words that names
    /// who wrote it first. Returns none if it stands there already, or no right case was named.
    ///
    /// # Errors
    /// `Kept` if it is not called misfiled and confirmed; `NotReader` if its words are closed to this device; those of
    /// cabinet and store.
    pub fn refile(
        &mut self,
        misfiled: u64,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<Entered>, LedgerError> {
        self.catch_up(self.time)?;
        let register = self.retiring_register()?;
        let one =
            register.misfiled(misfiled).ok_or_else(|| LedgerError::Kept(vec![Obstacle::NotMisfiled(misfiled)]))?;
        if one.confirmed.is_none() {
            return Err(LedgerError::Kept(vec![Obstacle::NotConfirmed(misfiled)]));
        }
        let (Some(case), None, Some(original)) = (one.other_case, one.refiled, one.of.first().copied()) else {
            return Ok(None);
        };
        let (stored, statement) = self.statement(original)?;
        let body = statement.ok_or(LedgerError::NotReader)?.body().clone();
        let words = if body.words_root == Digest::ZERO { None } else { Some(self.open_words(&stored, &body)?) };
        let mut references = body.references.clone();
        references.push(self.reference("about", misfiled)?);
        let follows = self.reference("follows", original)?;
        let may = self.pack.kind_numbered(body.kind).and_then(|kind| kind.relation(follows.relation));
        let may = may.is_some_and(|relation| relation.to.as_ref().is_none_or(|to| to.contains(&body.kind)));
        let about = self.reference("about", original)?;
        let origin = if may { follows } else { about };
        let known = |one: &Reference| (one.relation, one.digest) == (origin.relation, origin.digest);
        if !references.iter().any(known) {
            references.push(origin);
        }
        let role = self.roster.roles(body.person, original, stored.envelope().recorded).into_iter().next();
        let reporter = self
            .roll
            .person(body.person)
            .map(|line| (Zeroizing::new(line.name().to_owned()), role.map_or("staff", |role| role.code()).to_owned()));
        let from = Refiled {
            kind: body.kind,
            act: body.act,
            happened: body.happened,
            occurred: body.occurred,
            learned: body.learned,
            decided: body.decided,
            values: body.values.clone(),
            words: words.map(|words| words.fields).unwrap_or_default(),
            references,
            reporter,
        };
        let folder = match body.folder() {
            Some(folder) if folder.of_case() => folder,
            _ => Folder::General,
        };
        let decision = Decision::refiled(&self.pack, from, case, folder)
            .map_err(|gaps| LedgerError::Incomplete(gaps.first().map_or(String::new(), |gap| gap.field.clone())))?;
        self.enter(decision, now, rng).map(Some)
    }
}
