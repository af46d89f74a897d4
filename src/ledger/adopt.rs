//! Adopting a document: a policy, a calendar or a later pack, entered with its whole text in clear.

use chrono::NaiveDate;
use rand_core::CryptoRng;

use crate::codec::{KindNumber, ShortText};
use crate::decision::value::{Content, Value, field};
use crate::ledger::LedgerError;
use crate::ledger::append::Entered;
use crate::ledger::desk::Desk;
use crate::ledger::people::{Change, time_value};
use crate::ledger::record::code;
use crate::rules::calendar::SettingCalendar;
use crate::rules::clock;
use crate::rules::pack::Pack;
use crate::rules::policy::{self, Conflict, Policy};
use crate::seal::sealed::document_hash;
use crate::store::disk::Disk;

/// A sharing agreement that the setting has joined. All of it is public: no person may be named in it.
#[derive(Debug, Clone)]
pub struct Agreement<'a> {
    /// Its title.
    pub title: &'a str,
    /// Its text.
    pub text: &'a str,
    /// The agencies that are party to it (codes of the list AGENCY).
    pub agencies: &'a [String],
    /// From when on it holds, in milliseconds UTC.
    pub starts: i64,
    /// Until when, if that is said.
    pub ends: Option<i64>,
    /// The entry of the one whose place it takes.
    pub renews: Option<u64>,
}

impl<D: Disk> Desk<D> {
    /// Adopts a sharing agreement: its whole text is entered in clear, and shares under it can cite the entry.
    ///
    /// # Errors
    /// `NotAllowed`; `Incomplete` for a title that is too long, no agency or one that the pack does not know; `NoEntry`; those
    /// of cabinet and store.
    pub fn adopt_agreement(
        &mut self,
        agreement: &Agreement<'_>,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Entered, LedgerError> {
        self.catch_up(now())?;
        self.need_overseer()?;
        let title = ShortText::new(agreement.title).map_err(|_| LedgerError::Incomplete("a short title".to_owned()))?;
        let mut values = vec![
            self.value("title", Content::Text(title))?,
            Value { field: field::DOCUMENT_HASH, position: 0, content: document(agreement.text) },
            time_value(field::STARTS_AT, agreement.starts),
        ];
        values.extend(agreement.ends.map(|ends| time_value(field::ENDS_AT, ends)));
        for (position, agency) in (0..).zip(agreement.agencies) {
            values.push(Value { position, ..self.value("agencies", code(agency)?)? });
        }
        let kind = KindNumber::of("agreement.adopt").ok_or(LedgerError::NoPack)?;
        let references = agreement.renews.map(|entry| self.reference("renews", entry)).transpose()?;
        let decision = self.decide(kind, None, values, references.into_iter().collect(), now())?;
        self.enter(decision.with_document(agreement.text.to_owned()), now, rng)
    }

    /// Adopts a policy. It is in force once a second person confirms the entry; what is entered from then on names it, and
    /// its clocks hold for that and for nothing earlier. Returns what it conflicts with in law, from today on: that keeps
    /// nobody from adopting it, and the entry states on how many days its numbers pass the law.
    ///
    /// # Errors
    /// `NotAllowed`; `Document` with the line that cannot stand; those of cabinet and store.
    pub fn adopt_policy(
        &mut self,
        text: &str,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<(Change, Vec<Conflict>), LedgerError> {
        self.catch_up(now())?;
        self.need_overseer()?;
        let read = Policy::parse(text, &self.pack)?;
        let conflicts = policy::conflicts(&read, &self.pack, self.today());
        let beyond = self.value("beyond_law", Content::Count(policy::beyond_law(&conflicts)))?;
        let version = self.version(read.version())?;
        let entered = self.adopt("policy.adopt", text, vec![beyond, version], now, rng)?;
        let waits = self.roster.waiting().iter().any(|one| one.entry == entered.number);
        Ok((Change { entered, waits }, conflicts))
    }

    /// Adopts a calendar, which counts from now on.
    ///
    /// # Errors
    /// As [`Desk::adopt_policy`].
    pub fn adopt_calendar(
        &mut self,
        text: &str,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Entered, LedgerError> {
        self.catch_up(now())?;
        self.need_overseer()?;
        SettingCalendar::parse(text, &self.pack)?;
        self.adopt("calendar.adopt", text, Vec::new(), now, rng)
    }

    /// Adopts a later pack, by which everything is judged that is entered from now on.
    ///
    /// # Errors
    /// As [`Desk::adopt_policy`]; `Document` too for a pack that gives the number of a field another meaning.
    pub fn adopt_pack(
        &mut self,
        text: &str,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Entered, LedgerError> {
        self.catch_up(now())?;
        self.need_overseer()?;
        let read = Pack::parse(text)?;
        read.keeps_numbers_of(&self.pack)?;
        let version = self.version(read.version())?;
        self.adopt("rulepack.adopt", text, vec![version], now, rng)
    }

    /// Returns the day in London by the desk's time.
    fn today(&self) -> NaiveDate {
        clock::london_day(self.time)
    }

    fn version(&self, version: &str) -> Result<Value, LedgerError> {
        let text = ShortText::new(version).map_err(|_| LedgerError::Incomplete("a short version".to_owned()))?;
        self.value("version", Content::Text(text))
    }

    fn adopt(
        &mut self,
        kind: &str,
        text: &str,
        mut values: Vec<Value>,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Entered, LedgerError> {
        let number = KindNumber::of(kind).ok_or(LedgerError::NoPack)?;
        let hash = document_hash(text.as_bytes());
        let newest = self.roster.newest_adopted(number);
        if let Some((entry, _)) = newest.filter(|(_, before)| *before == hash) {
            return Err(LedgerError::AdoptedAlready(entry));
        }
        let references = newest.map(|(entry, _)| self.reference("renews", entry)).transpose()?;
        values.push(Value { field: field::DOCUMENT_HASH, position: 0, content: document(text) });
        values.push(time_value(field::STARTS_AT, self.time));
        let decision = self.decide(number, None, values, references.into_iter().collect(), now())?;
        self.enter(decision.with_document(text.to_owned()), now, rng)
    }
}

fn document(text: &str) -> Content {
    Content::Hash(document_hash(text.as_bytes()))
}
