//! Closings: which opening days, or weeks, nobody closed.
//!
//! An opening day is owed a closing once it is over; where the policy closes by the week, all opening days of a week are
//! once its last one is over. Due is the end of the next opening day: after the day, or after the Sunday of the week. A
//! closing covers the days that it names, but none that lay ahead when it was recorded: nobody can say on Monday that
//! Friday is written up. Only an overseer's counts, since nobody else sees what the others wrote. Notes that were kept
//! elsewhere cover the day they are from. Opening days that follow each other and were left alike are one item.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::decision::people::Role;
use crate::review::book::Book;
use crate::review::fact::{Fact, ask};
use crate::review::item::{About, Closed, Item};
use crate::rules::calendar::{days_between, week_of};
use crate::rules::clock::{self, days_after};
use crate::rules::policy::Closings;

/// The flag.
pub const FLAG: &str = "NIL-GAP";
/// Kinds of which no rule asks anything.
pub const UNASKED: [&str; 6] =
    ["body.read", "attachment.add", "training.done", "inspection.opened", "verification.done", "mirror.deleted"];
/// Kinds that are no writing: a period with nothing else in it is a nil return.
pub const NO_WRITING: [&str; 2] = ["closing", "body.read"];
/// Calendar days within which the next opening day is looked for.
const AHEAD: u32 = 400;

/// An opening day that is owed a closing.
struct Owed {
    day: NaiveDate,
    /// From when on, in milliseconds UTC.
    since: i64,
    /// By when.
    due: Option<i64>,
}

impl Book<'_> {
    /// NIL-GAP: every opening day from the day after the ledger began, until it is covered.
    pub(super) fn unclosed(&self, now: i64, out: &mut Vec<Item>) {
        let Some(genesis) = self.facts.first().filter(|fact| fact.name() == "genesis") else { return };
        let first = days_after(clock::london_day(genesis.recorded), 1);
        let covers = self.covers(first, now);
        let mut run: Option<(Item, NaiveDate)> = None;
        for owed in self.owed(first, now) {
            let cover = covers.get(&owed.day).copied().filter(|cover| cover.at > owed.since);
            if cover.is_none() && covers.contains_key(&owed.day) {
                // Covered before it was owed: nothing was ever open.
                out.extend(run.take().map(|(item, _)| item));
                continue;
            }
            match &mut run {
                Some((item, begins)) if item.closed == cover => {
                    item.about = About::Unclosed(clock::begin_of_day(*begins), clock::begin_of_day(owed.day));
                }
                _ => {
                    out.extend(run.take().map(|(item, _)| item));
                    let end = clock::end_of_day(owed.day);
                    let asked = |fact: &&&Fact| fact.recorded <= end && !UNASKED.contains(&fact.name());
                    let before = self.facts.iter().rev().find(asked).unwrap_or(genesis);
                    let mut item = self.item_due(before, FLAG, "closing", owed.since, owed.due).closed(cover);
                    (item.case, item.about) =
                        (None, About::Unclosed(clock::begin_of_day(owed.day), clock::begin_of_day(owed.day)));
                    run = Some((item, owed.day));
                }
            }
        }
        out.extend(run.map(|(item, _)| item));
    }

    /// Returns the opening days from `first` on that are owed a closing at a time, in order.
    fn owed(&self, first: NaiveDate, now: i64) -> Vec<Owed> {
        let rules = self.rules;
        let after = |day: NaiveDate| {
            let next = rules.opening_days(days_after(day, 1), days_after(day, AHEAD)).next();
            next.map(clock::end_of_day)
        };
        let today = clock::london_day(now);
        let mut owed = Vec::new();
        // The last opening day of a week, and when it is due, are the same for each of its days.
        let mut week: Option<(NaiveDate, NaiveDate, Option<i64>)> = None;
        for day in rules.opening_days(first, today) {
            let end = clock::end_of_day(day);
            let (since, due) = match rules.closings_at(end) {
                Closings::Day => (end, after(day)),
                Closings::Week => {
                    let (monday, sunday) = (week_of(day), days_after(week_of(day), 6));
                    let known = week.filter(|(known, ..)| *known == monday);
                    let (_, last, due) = *week.insert(known.unwrap_or_else(|| {
                        let last = rules.opening_days(day, sunday).last().unwrap_or(day);
                        (monday, last, after(sunday))
                    }));
                    (clock::end_of_day(last), due)
                }
            };
            if clock::is_after(now, since) {
                owed.push(Owed { day, since, due });
            }
        }
        owed
    }

    /// Returns for each day from `first` on what covered it first.
    fn covers(&self, first: NaiveDate, now: i64) -> BTreeMap<NaiveDate, Closed> {
        let mut covers = BTreeMap::new();
        for fact in self.all_of(&["closing", "note.elsewhere_declared"]) {
            let Some((from, to)) = self.covered(fact) else { continue };
            let written = clock::london_day(fact.recorded.min(now));
            for day in days_between(from.max(first), to.min(written)) {
                covers.entry(day).or_insert(Closed { by: fact.entry, at: fact.recorded });
            }
        }
        covers
    }

    /// Returns the first and last day that an entry covers, if it covers any.
    #[must_use]
    pub fn covered(&self, fact: &Fact) -> Option<(NaiveDate, NaiveDate)> {
        match fact.name() {
            "closing" if self.in_role(fact.person, fact, Role::is_overseer) => {
                let day = |field| fact.time(field).map(|time| clock::london_day(time.milliseconds));
                Some((day(ask::STARTS_AT)?, day(ask::ENDS_AT)?))
            }
            "note.elsewhere_declared" => {
                let told = [fact.occurred, fact.learned].into_iter().find(|time| time.is_some())?;
                let day = clock::london_day(told.milliseconds);
                Some((day, day))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Digest, KindNumber, PersonId, ShortText};
    use crate::decision::value::{Content, FieldId, Moment, Value};
    use crate::review::item::State;
    use crate::review::look::{Look, review};
    use crate::review::values::Values;
    use crate::rules::calendar::SettingCalendar;
    use crate::rules::pack::{BUILT_IN, Pack};
    use crate::rules::policy::Policy;
    use crate::rules::rulebook::Rulebook;

    const MARIA: PersonId = PersonId::new([1; 16]);
    const SAM: PersonId = PersonId::new([2; 16]);

    fn at(text: &str) -> i64 {
        clock::parse(text).unwrap().milliseconds
    }

    /// A small ledger: founded by Maria on Monday 9 November 2026.
    struct Town {
        facts: Vec<Fact>,
        rules: Rulebook,
    }

    impl Town {
        fn new() -> Town {
            let mut town = Town { facts: Vec::new(), rules: Rulebook::new(Pack::parse(BUILT_IN).unwrap()) };
            town.add("genesis", MARIA, "2026-11-09 09:00", &[]);
            town
        }

        fn add(&mut self, kind: &str, person: PersonId, recorded: &str, times: &[(FieldId, &str)]) -> u64 {
            let entry = self.facts.last().map_or(0, |fact| fact.entry + 2);
            let time = |(field, day): &(FieldId, &str)| Value {
                field: *field,
                position: 0,
                content: Content::Time(Moment::parse(day).unwrap()),
            };
            let mut values: Vec<Value> = times.iter().map(time).collect();
            values.push(Value { field: ask::NIL, position: 0, content: Content::Code(ShortText::new("yes").unwrap()) });
            self.facts.push(Fact {
                entry,
                recorded: at(recorded),
                clock_back: false,
                epoch_old: None,
                digest: Digest::new([u8::try_from(entry).unwrap(); 32]),
                person,
                kind: KindNumber::of(kind).unwrap(),
                case: None,
                folder: 0,
                occurred: Moment::NONE,
                learned: Moment::in_london(at(recorded)),
                decided: Moment::NONE,
                signed: Moment::in_london(at(recorded)),
                act: false,
                happened: true,
                values: Values::of(&values),
                references: Vec::new(),
                pack: Digest::ZERO,
                policy: Digest::ZERO,
                gapless: false,
            });
            entry
        }

        fn close(&mut self, recorded: &str, from: &str, to: &str) -> u64 {
            self.add("closing", MARIA, recorded, &[(ask::STARTS_AT, from), (ask::ENDS_AT, to)])
        }

        /// Closes each opening day at its own end.
        fn close_daily(&mut self, from: &str, to: &str) {
            let day = |text| clock::london_day(at(text));
            for day in self.rules.opening_days(day(from), day(to)).collect::<Vec<_>>() {
                self.close(&format!("{day} 17:00"), &day.to_string(), &day.to_string());
            }
        }

        fn weekly_from(&mut self, since: &str) {
            let text = Policy::built_in("policy-000").unwrap();
            let text = text.replacen("closings = \"day\"", "closings = \"week\"", 1);
            let (hash, pack) = (Digest::new([200; 32]), Pack::parse(BUILT_IN).unwrap());
            self.rules.add_policy(hash, Policy::parse(&text, &pack).unwrap());
            self.rules.enforce(hash, at(since));
        }

        fn calendar(&mut self, rest: &str) {
            let text = format!("name = \"x\"\nbegin = \"2026-11-01\"\nend = \"2027-08-31\"\n{rest}");
            let pack = Pack::parse(BUILT_IN).unwrap();
            let calendar = SettingCalendar::parse(&text, &pack).unwrap();
            self.rules.add_calendar(Digest::new([201; 32]), at("2026-11-01"), calendar);
        }

        fn look(&self, now: &str, oversees: bool, unseen: &[u64]) -> crate::review::item::Review {
            let roles = |person, _, _| if person == MARIA { vec![Role::Dsl] } else { vec![Role::Practitioner] };
            let (facts, rules) = (&self.facts, &self.rules);
            review(&Look { facts, unseen, rules, roles: &roles, oversees, now: at(now) })
        }

        /// Entry, days, due and state of each gap at a time.
        fn gaps(&self, now: &str) -> Vec<String> {
            let found = self.look(now, true, &[]);
            let day = |at| clock::london_day(at).format("%-d %b").to_string();
            let gaps = found.items.iter().filter(|item| item.flag == FLAG);
            gaps.map(|item| {
                let About::Unclosed(first, last) = item.about else { panic!("{item:?}") };
                let due = item.due.map(clock::for_people).unwrap_or_default();
                let by = item.closed.map(|closed| format!(" by {}", closed.by)).unwrap_or_default();
                let state = item.state(at(now)).name();
                format!("{}: {} to {}, due {due}, {state}{by}", item.entry, day(first), day(last))
            })
            .collect()
        }
    }

    #[test]
    fn the_founding_day_and_today_are_owed_nothing() {
        let mut town = Town::new();
        assert_eq!(town.gaps("2026-11-10 23:59"), [""; 0]);
        // The tenth is over; it is due by the end of the eleventh.
        assert_eq!(town.gaps("2026-11-11 00:00"), ["0: 10 Nov to 10 Nov, due Wed 11 Nov 2026 23:59, open"]);
        town.close("2026-11-10 17:00", "2026-11-10", "2026-11-10");
        assert_eq!(town.gaps("2026-11-11 23:59"), [""; 0]);
        assert_eq!(town.gaps("2026-11-12 00:00"), ["2: 11 Nov to 11 Nov, due Thu 12 Nov 2026 23:59, open"]);
    }

    #[test]
    fn days_that_follow_each_other_are_one_item_from_the_last_entry_before_them() {
        let mut town = Town::new();
        town.close_daily("2026-11-10", "2026-11-11");
        let before = town.add("discussion", SAM, "2026-11-12 12:00", &[]);
        // A reading is no writing, and no rule asks for it.
        town.add("body.read", SAM, "2026-11-12 12:30", &[]);
        town.add("discussion", SAM, "2026-11-13 12:00", &[]);
        // Over the weekend, to Monday the sixteenth.
        let gap = format!("{before}: 12 Nov to 16 Nov, due Fri 13 Nov 2026 23:59, overdue");
        assert_eq!(town.gaps("2026-11-17 08:00"), [gap]);
    }

    #[test]
    fn friday_is_due_on_monday_and_may_be_closed_until_then() {
        let mut town = Town::new();
        town.close_daily("2026-11-10", "2026-11-12");
        let friday = "6: 13 Nov to 13 Nov, due Mon 16 Nov 2026 23:59";
        assert_eq!(town.gaps("2026-11-15 12:00"), [format!("{friday}, open")]);
        let by = town.close("2026-11-16 09:00", "2026-11-13", "2026-11-13");
        assert_eq!(town.gaps("2026-11-16 10:00"), [format!("{friday}, closed by {by}")]);
        // What was shown stays to be seen.
        town.close("2026-11-16 17:00", "2026-11-13", "2026-11-16");
        assert_eq!(town.gaps("2026-11-17 10:00"), [format!("{friday}, closed by {by}")]);
    }

    #[test]
    fn a_late_closing_closes_late_and_only_what_it_covers() {
        let mut town = Town::new();
        assert_eq!(town.gaps("2026-11-17 09:00"), ["0: 10 Nov to 16 Nov, due Wed 11 Nov 2026 23:59, overdue"]);
        let by = town.close("2026-11-17 09:00", "2026-11-11", "2026-11-12");
        assert_eq!(
            town.gaps("2026-11-17 10:00"),
            [
                "0: 10 Nov to 10 Nov, due Wed 11 Nov 2026 23:59, overdue".to_owned(),
                format!("0: 11 Nov to 12 Nov, due Thu 12 Nov 2026 23:59, closed_late by {by}"),
                "0: 13 Nov to 16 Nov, due Mon 16 Nov 2026 23:59, overdue".to_owned(),
            ]
        );
        let all = town.close("2026-11-17 11:00", "2026-11-10", "2026-11-17");
        let states = town.gaps("2026-11-17 12:00");
        assert_eq!(states.len(), 3);
        assert!(states.iter().filter(|gap| gap.ends_with(&format!("closed_late by {all}"))).count() == 2, "{states:?}");
    }

    #[test]
    fn nobody_closes_ahead_and_nobody_but_an_overseer() {
        let mut town = Town::new();
        town.close("2026-11-10 09:00", "2026-11-01", "2026-11-30");
        let by_sam = town.add(
            "closing",
            SAM,
            "2026-11-11 17:00",
            &[(ask::STARTS_AT, "2026-11-11"), (ask::ENDS_AT, "2026-11-11")],
        );
        let gap = format!("{by_sam}: 11 Nov to 12 Nov, due Thu 12 Nov 2026 23:59, overdue");
        assert_eq!(town.gaps("2026-11-13 00:00"), [gap]);
    }

    #[test]
    fn notes_kept_elsewhere_count_for_the_day_they_are_from() {
        let mut town = Town::new();
        let note = town.add("note.elsewhere_declared", SAM, "2026-11-13 12:00", &[]);
        // Learned on the thirteenth and of no other day: that day.
        assert_eq!(town.gaps("2026-11-14 00:00"), ["0: 10 Nov to 12 Nov, due Wed 11 Nov 2026 23:59, overdue"]);
        let fact = town.facts.last_mut().unwrap();
        fact.occurred = Moment::parse("2026-11-11").unwrap();
        assert_eq!(
            town.gaps("2026-11-14 00:00"),
            [
                "0: 10 Nov to 10 Nov, due Wed 11 Nov 2026 23:59, overdue".to_owned(),
                format!("0: 11 Nov to 11 Nov, due Thu 12 Nov 2026 23:59, closed_late by {note}"),
                "0: 12 Nov to 13 Nov, due Fri 13 Nov 2026 23:59, overdue".to_owned(),
            ]
        );
    }

    #[test]
    fn holidays_and_days_out_of_term_are_owed_nothing() {
        let mut town = Town::new();
        town.close_daily("2026-11-10", "2026-12-23");
        let before = town.facts.last().unwrap().entry;
        // Thursday the 24th, then Christmas, Boxing Day moved to Monday, and a Tuesday on which it is due.
        let gap = |rest: &str| [format!("{before}: 24 Dec to {rest}")];
        assert_eq!(town.gaps("2027-01-04 09:00"), gap("31 Dec, due Tue 29 Dec 2026 23:59, overdue"));
        let terms = "[[terms]]\nname = \"Autumn\"\nbegin = \"2026-11-02\"\nend = \"2026-12-24\"\n\
                     [[terms]]\nname = \"Spring\"\nbegin = \"2027-01-05\"\nend = \"2027-03-25\"\n";
        town.calendar(terms);
        assert_eq!(town.gaps("2027-01-05 23:59"), gap("24 Dec, due Tue 5 Jan 2027 23:59, open"));
        assert_eq!(town.gaps("2027-01-06 00:00"), gap("5 Jan, due Tue 5 Jan 2027 23:59, overdue"));
    }

    #[test]
    fn a_week_is_owed_after_its_last_opening_day_and_due_on_the_first_of_the_next() {
        let mut town = Town::new();
        town.weekly_from("2026-11-01");
        town.calendar("opening = [\"mon\", \"tue\", \"thu\"]\n");
        assert_eq!(town.gaps("2026-11-12 23:59"), [""; 0]);
        let first = "10 Nov to 12 Nov, due Mon 16 Nov 2026 23:59";
        assert_eq!(town.gaps("2026-11-13 00:00"), [format!("0: {first}, open")]);
        assert_eq!(town.gaps("2026-11-19 23:59"), [format!("0: {first}, overdue")]);
        // Two weeks are one item; closed in two steps, two.
        assert_eq!(town.gaps("2026-11-20 00:00"), ["0: 10 Nov to 19 Nov, due Mon 16 Nov 2026 23:59, overdue"]);
        let by = town.close("2026-11-16 10:00", "2026-11-09", "2026-11-13");
        assert_eq!(town.gaps("2026-11-19 10:00"), [format!("0: {first}, closed by {by}")]);
        // Closed in the week up to Tuesday: Thursday is left.
        let mut town = Town { facts: vec![town.facts[0].clone()], rules: town.rules };
        town.close("2026-11-10 17:00", "2026-11-09", "2026-11-15");
        assert_eq!(town.gaps("2026-11-16 10:00"), ["2: 12 Nov to 12 Nov, due Mon 16 Nov 2026 23:59, open"]);
    }

    #[test]
    fn each_day_is_judged_by_the_policy_in_force_at_its_end() {
        let mut town = Town::new();
        town.weekly_from("2026-11-12 12:00");
        // Tuesday and Wednesday by the day; Thursday and Friday with their week.
        assert_eq!(town.gaps("2026-11-13 12:00"), ["0: 10 Nov to 11 Nov, due Wed 11 Nov 2026 23:59, overdue"]);
        assert_eq!(town.gaps("2026-11-14 00:00"), ["0: 10 Nov to 13 Nov, due Wed 11 Nov 2026 23:59, overdue"]);
    }

    #[test]
    fn who_does_not_open_the_overseers_entries_is_told_of_no_gap() {
        let town = Town::new();
        let found = town.look("2026-11-17 09:00", false, &[1]);
        assert!(found.items.iter().all(|item| item.flag != FLAG) && found.unseen_rules.contains(&"R29"));
        let found = town.look("2026-11-17 09:00", true, &[]);
        let gap = found.items.iter().find(|item| item.flag == FLAG).unwrap();
        assert_eq!((gap.state(found.now), gap.case, gap.author), (State::Overdue, None, MARIA));
        assert!(found.unseen_rules.is_empty());
    }
}
