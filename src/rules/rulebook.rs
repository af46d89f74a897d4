//! The rulebook: every pack, policy and calendar that a ledger adopted, by hash.
//!
//! What an entry starts is judged by the pack and the policy that the entry itself names, so that a deadline never moves
//! once it runs. What belongs to no entry (whether a day had to be closed) is judged by what was in force at that time.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::calendar::{SettingCalendar, Term, days_between, week_of};
use super::clock::{self, Calendar, Clock};
use super::pack::Pack;
use super::policy::{Closings, DefaultGrant, Policy, RETENTION};
use super::retention::Keep;
use crate::codec::{Digest, Folder};

/// A calendar and since when it counts.
#[derive(Debug, Clone)]
struct Counting {
    /// In milliseconds UTC.
    since: i64,
    calendar: SettingCalendar,
}

/// Packs, policies and calendars by hash.
#[derive(Debug, Clone)]
pub struct Rulebook {
    current: Pack,
    packs: BTreeMap<Digest, Pack>,
    policies: BTreeMap<Digest, Policy>,
    /// Which policy is in force, from when on in milliseconds UTC; rising.
    in_force: Vec<(i64, Digest)>,
    /// The one that was adopted last is last.
    calendars: Vec<(Digest, Counting)>,
}

impl Rulebook {
    /// Begins a rulebook with the pack in force.
    #[must_use]
    pub fn new(pack: Pack) -> Self {
        let (packs, policies) = (BTreeMap::new(), BTreeMap::new());
        Rulebook { current: pack, packs, policies, in_force: Vec::new(), calendars: Vec::new() }
    }

    /// Takes in a pack that was adopted.
    pub fn add_pack(&mut self, hash: Digest, pack: Pack) {
        self.packs.insert(hash, pack);
    }

    /// Takes in a policy that was adopted, whether it is in force or not.
    pub fn add_policy(&mut self, hash: Digest, policy: Policy) {
        self.policies.insert(hash, policy);
    }

    /// Says that from `since` on, in milliseconds UTC, this policy is in force; in the order in which they came into force.
    pub fn enforce(&mut self, hash: Digest, since: i64) {
        self.in_force.push((since, hash));
    }

    /// Takes in a calendar that counts from `starts` on, in milliseconds UTC; in order of adoption.
    pub fn add_calendar(&mut self, hash: Digest, starts: i64, calendar: SettingCalendar) {
        self.calendars.push((hash, Counting { since: starts, calendar }));
    }

    /// Returns the pack that an entry names; the one in force where it was never adopted, or cannot be read.
    #[must_use]
    pub fn pack(&self, hash: &Digest) -> &Pack {
        self.packs.get(hash).unwrap_or(&self.current)
    }

    /// Whether the pack that an entry names was adopted and can be read.
    #[must_use]
    pub fn knows_pack(&self, hash: &Digest) -> bool {
        self.packs.contains_key(hash)
    }

    /// Returns the pack in force.
    #[must_use]
    pub fn current(&self) -> &Pack {
        &self.current
    }

    /// Returns the policy that an entry names; none for the zero hash, and for one that cannot be read.
    #[must_use]
    pub fn policy(&self, hash: &Digest) -> Option<&Policy> {
        self.policies.get(hash).filter(|_| *hash != Digest::ZERO)
    }

    /// Returns the policy in force at a time, in milliseconds UTC.
    #[must_use]
    pub fn policy_at(&self, at: i64) -> Option<&Policy> {
        let (_, hash) = self.in_force.iter().rev().find(|(since, _)| *since <= at)?;
        self.policy(hash)
    }

    /// Returns how long there is for a step that an entry under this pack and policy starts: as the policy says, else as the
    /// pack does. None for a step without a clock.
    #[must_use]
    pub fn clock(&self, pack: &Digest, policy: &Digest, flag: &str, step: &str) -> Option<Clock> {
        let own = self.policy(policy).and_then(|policy| policy.clock(flag, step));
        own.or_else(|| self.pack(pack).within(flag, step))
    }

    /// Returns how long a class is kept, by the policy or else by the pack; none for a class that neither knows.
    #[must_use]
    pub fn keep(&self, pack: &Digest, policy: &Digest, class: &str) -> Option<Keep> {
        let own = self.policy(policy).and_then(|policy| policy.retention().iter().find(|keep| keep.class == class));
        if let Some(own) = own {
            return Some(own.clone());
        }
        let obligation = self.pack(pack).obligation(RETENTION)?;
        match obligation.step(class)?.within? {
            Clock::Years(years) => Keep::usual(class, years, &obligation.source),
            _ => None,
        }
    }

    /// Returns the working days of the newest calendar, else the pack's.
    #[must_use]
    pub fn working_days(&self) -> &Calendar {
        self.working_days_at(i64::MAX)
    }

    /// Returns the working days as they stood at a time, in milliseconds UTC: what a clock that began then is counted by.
    #[must_use]
    pub fn working_days_at(&self, at: i64) -> &Calendar {
        let newest = self.calendars.iter().rev().find(|(_, one)| one.since <= at);
        newest.map_or(self.current.calendar(), |(_, one)| one.calendar.working_days())
    }

    /// Returns who reads which folders by role at a time, in milliseconds UTC, beside those who oversee: as the policy in force
    /// says; without one, the key person the child's general folder.
    #[must_use]
    pub fn grants_at(&self, at: i64) -> Vec<DefaultGrant> {
        match self.policy_at(at) {
            Some(policy) => policy.grants().to_vec(),
            None => vec![DefaultGrant { role: "key_person".to_owned(), folders: vec![Folder::General] }],
        }
    }

    /// Returns how often the book is closed by the policy in force now; each day without one.
    #[must_use]
    pub fn closings(&self) -> Closings {
        self.closings_at(i64::MAX)
    }

    /// Returns how often the book had to be closed at a time, in milliseconds UTC.
    #[must_use]
    pub fn closings_at(&self, at: i64) -> Closings {
        self.policy_at(at).map(Policy::closings).unwrap_or_default()
    }

    /// Whether the setting opens on that day: by the newest calendar that speaks of it and counted by its end; where none
    /// does, on every working day of the pack.
    #[must_use]
    pub fn is_open(&self, day: NaiveDate) -> bool {
        let end = clock::end_of_day(day);
        let speaks = self.calendars.iter().rev().find(|(_, one)| one.since <= end && one.calendar.covers(day));
        speaks.map_or_else(|| self.current.calendar().is_working_day(day), |(_, one)| one.calendar.is_open(day))
    }

    /// Returns the terms of the newest calendar.
    #[must_use]
    pub fn terms(&self) -> &[Term] {
        self.calendars.last().map_or(&[], |(_, one)| one.calendar.terms())
    }

    /// Returns the opening days from one day to another, both included.
    pub fn opening_days(&self, from: NaiveDate, to: NaiveDate) -> impl Iterator<Item = NaiveDate> {
        days_between(from, to).filter(|day| self.is_open(*day))
    }

    /// Returns the last opening day of each week (Monday to Sunday) that has one, from one day to another.
    pub fn opening_weeks(&self, from: NaiveDate, to: NaiveDate) -> Vec<NaiveDate> {
        let mut last: Vec<NaiveDate> = Vec::new();
        for day in self.opening_days(from, to) {
            match last.last_mut() {
                Some(before) if week_of(*before) == week_of(day) => *before = day,
                _ => last.push(day),
            }
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::pack::BUILT_IN;
    use crate::rules::retention::Since;

    fn day(text: &str) -> NaiveDate {
        NaiveDate::parse_from_str(text, "%Y-%m-%d").unwrap()
    }

    fn at(text: &str) -> i64 {
        clock::parse(text).unwrap().milliseconds
    }

    fn hash(byte: u8) -> Digest {
        Digest::new([byte; 32])
    }

    fn policy(name: &str, from: &str, to: &str) -> Policy {
        let text = Policy::built_in(name).unwrap();
        assert!(text.contains(from));
        Policy::parse(&text.replacen(from, to, 1), &Pack::parse(BUILT_IN).unwrap()).unwrap()
    }

    #[test]
    fn a_clock_is_that_of_the_policy_and_pack_which_the_entry_names() {
        let pack = Pack::parse(BUILT_IN).unwrap();
        let mut book = Rulebook::new(pack.clone());
        book.add_pack(hash(1), pack);
        let backing = "[clocks]\n\"UNBACKED/backing\" = \"h 12\"";
        book.add_policy(hash(2), policy("policy-000", "[clocks]", backing));
        book.add_policy(hash(3), policy("policy-001", "closings = \"day\"", "closings = \"week\""));
        let clock = |policy, flag, step| book.clock(&hash(1), &policy, flag, step).map(|clock| clock.to_string());
        assert_eq!(clock(hash(2), "UNBACKED", "backing").as_deref(), Some("h 12"));
        // The other policy says nothing of it, none is named, or one that nobody adopted: the pack's.
        for other in [hash(3), Digest::ZERO, hash(9)] {
            assert_eq!(clock(other, "UNBACKED", "backing").as_deref(), Some("h 24"));
        }
        assert_eq!(clock(hash(3), "SAR-DUE", "release").as_deref(), Some("d 14"));
        // Without a promise the law alone counts, and it is no clock of this sort.
        assert_eq!((clock(Digest::ZERO, "SAR-DUE", "release"), clock(hash(2), "UNBACKED", "other")), (None, None));
        assert!(book.policy(&hash(2)).is_some() && book.policy(&Digest::ZERO).is_none());
        assert_eq!(book.pack(&hash(9)).name(), book.pack(&hash(1)).name());
        assert!(book.knows_pack(&hash(1)) && !book.knows_pack(&hash(9)));
        let kept = |policy, class| book.keep(&hash(1), &policy, class);
        for (class, years, since) in [
            ("general", 3, vec![Since::Leaving]),
            ("child_protection", 25, vec![Since::Birth]),
            ("abuse_allegation", 75, vec![Since::Birth, Since::LastEntry]),
            ("staff_allegation", 10, vec![Since::LastEntry]),
            ("complaint", 3, vec![Since::LastEntry]),
            ("indefinite", 1, vec![Since::Review]),
        ] {
            let keep = kept(Digest::ZERO, class).unwrap();
            assert_eq!((keep.years, keep.since, keep.source.is_empty()), (years, since, false), "{class}");
        }
        assert_eq!((kept(hash(2), "general"), kept(hash(2), "toys")), (kept(hash(3), "general"), None));
        let own = "[[retention]]\nclass = \"general\"\nfolders = [\"general\"]\nyears = 7\nfrom = [\"leaving\"]\nsource = \"x\"\n[[grants]]";
        book.add_policy(hash(4), policy("policy-000", "[[grants]]", own));
        assert_eq!(book.keep(&hash(1), &hash(4), "general").unwrap().years, 7);
        assert_eq!(book.clock(&hash(1), &hash(4), RETENTION, "general"), Some(Clock::Years(7)));
        assert_eq!(book.clock(&hash(1), &hash(4), RETENTION, "complaint"), Some(Clock::Years(3)));
    }

    #[test]
    fn closings_are_those_of_the_policy_in_force_then() {
        let mut book = Rulebook::new(Pack::parse(BUILT_IN).unwrap());
        assert_eq!(book.closings(), Closings::Day);
        book.add_policy(hash(2), policy("policy-000", "closings = \"day\"", "closings = \"week\""));
        assert_eq!(book.closings(), Closings::Day);
        book.enforce(hash(2), at("2026-11-02 10:00"));
        assert_eq!((book.closings_at(at("2026-11-02 09:59")), book.closings()), (Closings::Day, Closings::Week));
        assert_eq!(book.policy_at(at("2026-11-02 10:00")).map(Policy::name), Some("policy-000"));
    }

    #[test]
    fn a_later_calendar_changes_working_and_opening_days_from_then_on() {
        let pack = Pack::parse(BUILT_IN).unwrap();
        let mut book = Rulebook::new(pack.clone());
        // Boxing day is moved to Monday 28 December by the pack.
        assert!(
            !book.is_open(day("2026-12-28")) && book.is_open(day("2026-11-16")) && !book.is_open(day("2026-11-15"))
        );
        let calendar = |rest: &str| {
            let head = "name = \"x\"\nbegin = \"2026-11-01\"\nend = \"2026-12-31\"\n";
            SettingCalendar::parse(&format!("{head}{rest}"), &pack).unwrap()
        };
        book.add_calendar(hash(1), at("2026-11-02 09:00"), calendar("opening = [\"mon\", \"tue\", \"sat\"]\n"));
        assert_eq!(book.opening_days(day("2026-11-16"), day("2026-11-22")).count(), 3);
        assert_eq!(
            book.opening_weeks(day("2026-11-16"), day("2026-11-30")),
            [21, 28, 30].map(|n| day(&format!("2026-11-{n}")))
        );
        // Before its time, and after the last day of which it speaks, the pack's days.
        assert!(book.is_open(day("2026-10-30")) && book.is_open(day("2027-01-06")) && !book.is_open(day("2026-11-18")));
        book.add_calendar(hash(2), at("2026-11-20 09:00"), calendar("holidays = [\"2026-12-02\", \"2026-12-25\"]\n"));
        assert!(
            book.is_open(day("2026-11-26")) && !book.is_open(day("2026-11-18")) && !book.is_open(day("2026-12-02"))
        );
        // A clock that began before is counted as it was: nothing that runs is moved.
        let due = |began: &str| {
            clock::for_people(Clock::WorkingDays(1).due(book.working_days_at(at(began)), at("2026-12-01 12:00")))
        };
        assert_eq!(
            (due("2026-11-19 12:00"), due("2026-11-20 12:00")),
            ("Wed 2 Dec 2026 23:59".into(), "Thu 3 Dec 2026 23:59".into())
        );
        assert!(!book.working_days().is_working_day(day("2026-12-02")));
        assert!(pack.calendar().is_working_day(day("2026-12-02")));
    }
}
