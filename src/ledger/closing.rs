//! Closings: a day or a week is signed off, with what was entered in it and what still waits.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::cabinet::Durable;
use crate::cabinet::chain::Chain;
use crate::codec::{Digest, KindNumber, ShortText};
use crate::decision::value::{Content, Moment, Value, field};
use crate::entry::authored::Signed;
use crate::ledger::LedgerError;
use crate::ledger::append::Entered;
use crate::ledger::desk::Desk;
use crate::ledger::record::code;
use crate::review::closings::{FLAG, NO_WRITING};
use crate::review::fact::Fact;
use crate::review::item::{About, State};
use crate::review::retiring::structure_stays;
use crate::review::says::Says;
use crate::rules::calendar::{days_between, week_of};
use crate::rules::clock;
use crate::rules::policy::Closings;
use crate::seal::case_map::CaseMap;
use crate::seal::sealed::Sealed;
use crate::store::disk::Disk;
use crate::tree::Hash;
use crate::verify::report::Code;

/// Most numbers of entries that a closing lists as unopened, so that its statement has room for them.
const UNOPENED_LIMIT: usize = 2_000;

/// What a closing says of its period and of the ledger at that moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    /// Whether nothing was written: nothing but closings and readings was entered.
    pub nil: bool,
    /// Entries recorded in the period.
    pub entries: u64,
    /// Those that could be opened, by kind.
    pub kinds: BTreeMap<&'static str, u64>,
    /// What waits, by flag: how many items, and how many of them are overdue.
    pub open: BTreeMap<&'static str, (u64, u64)>,
    /// Entries that the signer cannot open: of the period, of those entered since the closing before it, and any other that
    /// the signer has not named before. They stand in no case map of the signer's.
    pub unopened: Vec<u64>,
    /// How the folders of cases stand; none where more entries could not be opened than a closing has room to name.
    pub case_map: Option<CaseMap>,
    /// How many entries it speaks of.
    pub size: u64,
    /// Their root.
    pub root: Hash,
    /// The closing that covers the whole period already.
    pub before: Option<u64>,
    /// Earlier days that nobody closed: the first and last of each stretch, and the first of all first.
    pub unclosed: Vec<(NaiveDate, NaiveDate)>,
}

/// A closing that was entered.
#[derive(Debug)]
pub struct Closed {
    /// Number, time and receipt.
    pub entered: Entered,
    /// What it says.
    pub closing: Closing,
    /// The root of its case map, if it has one.
    pub case_map_root: Option<Digest>,
    /// Whether the checkpoint over it could be kept under `checkpoints/`.
    pub kept: bool,
    /// Whether the time is ended in which authors read their own words without a grant; else the next overseer ends it.
    pub ended: bool,
}

impl<D: Disk> Desk<D> {
    /// Returns what a closing is over by default, up to a day: that day or, where the policy closes by the week, its week
    /// from Monday on.
    #[must_use]
    pub fn closing_period(&self, to: NaiveDate) -> (NaiveDate, NaiveDate) {
        match self.rules().closings_at(clock::end_of_day(to)) {
            Closings::Day => (to, to),
            Closings::Week => (week_of(to), to),
        }
    }

    /// Says what a closing over these days would say at `now`, in milliseconds UTC.
    ///
    /// # Errors
    /// `NotAllowed` for whoever does not oversee; `Incomplete` for a last day before the first; those of the store.
    pub fn closing(&self, from: NaiveDate, to: NaiveDate, now: i64) -> Result<Closing, LedgerError> {
        self.need_overseer()?;
        if to < from {
            return Err(LedgerError::Incomplete("a last day that is not before the first".to_owned()));
        }
        let (begin, end) = (clock::begin_of_day(from), clock::end_of_day(to) + 999);
        let review = self.review(now)?;
        let (mut open, mut unclosed): (BTreeMap<_, (u64, u64)>, _) = (BTreeMap::new(), Vec::new());
        for item in review.items.iter().filter(|item| item.state(now).waits()) {
            if let (FLAG, About::Unclosed(first, last)) = (item.flag, &item.about) {
                // Days that this closing covers wait no longer.
                let days = days_between(clock::london_day(*first), clock::london_day(*last));
                let left: Vec<NaiveDate> = days.filter(|day| !(from..=to).contains(day)).collect();
                let (Some(first), Some(last)) = (left.first(), left.last()) else { continue };
                unclosed.push((*first, *last));
            }
            let (count, overdue) = open.entry(item.flag).or_default();
            *count += 1;
            *overdue += u64::from(item.state(now) == State::Overdue);
        }
        let (scan, before, since) = self.with_facts(|known| {
            let first = known.facts.iter().position(|fact| fact.recorded >= begin);
            let last = first.and_then(|first| first.checked_sub(1)).and_then(|at| known.facts.get(at));
            let scan = match first {
                Some(_) => last.map_or(0, |fact| fact.entry + 1),
                None => known.facts.last().map_or(0, |fact| fact.entry + 1),
            };
            let mut closings = known.facts.iter().filter(|fact| fact.name() == "closing");
            let roster = self.roster();
            let roles = |person, entry, at| roster.roles(person, entry, at);
            let book = crate::review::book::Book::open::<Fact>(&[], self.rules(), &roles);
            let covers = |fact: &Fact| {
                let today = clock::london_day(fact.recorded);
                book.covered(fact).is_some_and(|(first, last)| first <= from && to <= last.min(today))
            };
            let since = closings.clone().next_back().map_or(0, |last| last.count(field::TREE_SIZE).unwrap_or(0));
            (scan, closings.find(|fact| covers(fact)).map(|fact| fact.entry), since)
        })?;
        let (opener, retired) = (self.opener(), self.retired_rows()?);
        let (mut entries, mut kinds, mut nil) = (0, BTreeMap::new(), true);
        let mut within = Vec::new();
        self.ledger.envelopes_from(scan, &mut |envelope, structure, words| {
            if !(begin..=end).contains(&envelope.recorded) {
                return;
            }
            entries += 1;
            within.push(envelope.number.0);
            let statement = opener.open(&envelope.statement, structure, words);
            let kind = statement.map(|statement| statement.body().kind);
            // What was retired is gone, also where a crash has left its keys for a while.
            let kind = kind.filter(|kind| structure_stays(*kind) || !retired.contains_key(&envelope.number.0));
            let name = kind.and_then(KindNumber::name);
            nil &= name.is_some_and(|name| NO_WRITING.contains(&name));
            if let Some(name) = name {
                *kinds.entry(name).or_insert(0) += 1;
            }
        })?;
        let (size, root) = (self.ledger.size(), self.ledger.root());
        let person = self.identity.person();
        let named = self.named_unopened(person, size, None)?;
        let mut unopened = review.unseen;
        unopened.retain(|number| *number >= since || within.binary_search(number).is_ok() || !named.contains(number));
        let mut case_map = None;
        if unopened.len() <= UNOPENED_LIMIT {
            let (days, unopened) = (Some((from, to)), unopened.clone());
            let says = Says { days, size: Some(size), unopened, ..Says::default() };
            case_map = Some(self.case_map(&self.named_unopened(person, size, Some(&says))?, &retired, size)?);
        }
        unopened.truncate(UNOPENED_LIMIT);
        Ok(Closing { from, to, nil, entries, kinds, open, unopened, case_map, size, root, before, unclosed })
    }

    /// Closes a day or a week: enters one `closing` over these days, which speaks of the entries up to its own `seen`, and
    /// keeps the checkpoint that covers it. A period that was closed before may be closed again.
    ///
    /// A crash after the entry leaves no copy of the checkpoint: the log holds it all the same. Then the period of own copies
    /// ends, here or at the next overseer's desk.
    ///
    /// # Errors
    /// As [`Desk::closing`]; those that keep anything from being entered.
    pub fn close_day(
        &mut self,
        from: NaiveDate,
        to: NaiveDate,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Closed, LedgerError> {
        self.catch_up(now())?;
        self.need_overseer()?;
        // Nothing is entered between this and the signature: what it says is what its `seen` stands for.
        let mut chain = self.take_chain(now)?;
        let closing = self.closing(from, to, self.time)?;
        let (authored, case_map_root) = self.sign_closing(&closing, &mut chain, rng)?;
        let mut outcomes = Vec::new();
        let draft = vec![(0, Vec::new(), Vec::new())];
        self.send_group(draft, vec![authored], &mut chain, now, &mut outcomes, &mut |_, _| ())?;
        chain.save(Durable::Later)?;
        let entered = outcomes.pop().ok_or(LedgerError::Refused(Code::Statement))?.1.into_entered()?;
        let newest = self.ledger.best_note(entered.number);
        let kept = newest.is_ok_and(|note| self.ledger.keep_known(&note).is_ok());
        let ended = self.end_periods(true, rng).is_ok();
        Ok(Closed { entered, closing, case_map_root, kept, ended })
    }

    fn sign_closing(
        &self,
        closing: &Closing,
        chain: &mut Chain,
        rng: &mut impl CryptoRng,
    ) -> Result<(crate::entry::authored::Authored, Option<Digest>), LedgerError> {
        let kind = KindNumber::of("closing").ok_or(LedgerError::NoPack)?;
        // The root of the case map rests on the statement's seed and stands among its values: so the seed comes first.
        let seed = Zeroizing::new(crate::seal::random(rng));
        let case_map = closing.case_map.as_ref().map(|map| map.root(&seed));
        let mut values = self.closing_values(closing)?;
        values.extend(case_map.map(|root| Value {
            field: field::CASE_MAP_ROOT,
            position: 0,
            content: Content::Hash(root),
        }));
        let decision = self.decide(kind, None, values, Vec::new(), self.time)?;
        let (key, structure_key) = (self.identity.author(), self.structure_key()?);
        let mut sealed = Sealed::new(decision, self.ledger_id(), key.as_bytes(), None, rng)?;
        sealed.structure_seed = seed;
        let author = self.signs(chain, self.time)?;
        let signed = Signed::new(sealed, &author)?;
        chain.signed(author.sequence, signed.digest())?;
        Ok((signed.finish(&key, structure_key, rng)?, case_map))
    }

    fn closing_values(&self, closing: &Closing) -> Result<Vec<Value>, LedgerError> {
        let day = |day: NaiveDate| {
            Moment::parse(&day.to_string())
                .map_err(|_| LedgerError::Incomplete("a day between 1900 and 2199".to_owned()))
        };
        let one = |field, content| Value { field, position: 0, content };
        let mut values = vec![
            one(field::STARTS_AT, Content::Time(day(closing.from)?)),
            one(field::ENDS_AT, Content::Time(day(closing.to)?)),
            self.value("nil", code(if closing.nil { "yes" } else { "no" })?)?,
            one(field::ENTRIES_COUNT, Content::Count(closing.entries)),
            one(field::TREE_SIZE, Content::Count(closing.size)),
            one(field::ROOT_HASH, Content::Hash(Digest::new(closing.root.0))),
        ];
        let text = |text| ShortText::new(text).map_err(|_| LedgerError::Refused(Code::Statement));
        for (at, (kind, count)) in (0..).zip(&closing.kinds) {
            values.push(Value { position: at, ..self.value("kind_counts.kind", Content::Text(text(kind)?))? });
            values.push(Value { position: at, ..self.value("kind_counts.count", Content::Count(*count))? });
        }
        for (at, (flag, (count, _))) in (0..).zip(&closing.open) {
            values.push(Value { position: at, ..self.value("open_items.flag", code(flag)?)? });
            values.push(Value { position: at, ..self.value("open_items.count", Content::Count(*count))? });
        }
        for (at, number) in (0..).zip(&closing.unopened) {
            values.push(Value { position: at, ..self.value("unopened", Content::Entry(*number))? });
        }
        Ok(values)
    }
}
