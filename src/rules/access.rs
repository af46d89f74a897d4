//! The clock of a request for access to a file: Article 12 and 12A UK GDPR, as the Information Commissioner counts it.
//!
//! The month begins on the day of receipt, whatever day that is, and ends with the same day of the next month, or that
//! month's last day; a weekend or bank holiday moves the end to the next working day. Where the law may be read two ways,
//! the earlier date is taken and the later one only shown. A setting's own promise stands beside the law and never
//! moves it.

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate};

use crate::rules::clock::{self, Calendar};

/// Working days after receipt within which identity or authority must be asked for, to move the beginning.
const IDENTITY_WITHIN: u16 = 2;
/// Months from the beginning, and with the extension of Article 12(3) for what is complex.
const MONTHS: u32 = 1;
const MONTHS_EXTENDED: u32 = 3;
/// Longest pause that is counted, in days.
const LONGEST: usize = 4000;

/// Something that the requester was asked for: who they are, or what they mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The day on which they were asked.
    pub asked: NaiveDate,
    /// The day on which they answered; none yet.
    pub answered: Option<NaiveDate>,
}

/// What is known of a request, in days in London.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// When they were asked who they are, or by what authority they ask. Nothing of it moves the clock of a parent who is known.
    pub identity: Vec<Asked>,
    /// Whether it is a parent who is known.
    pub known: bool,
    /// When they were asked what they mean (Article 12A(6)), where that was reasonably needed.
    pub clarified: Vec<Asked>,
    /// The day on which they were told that it takes two months more.
    pub extended: Option<NaiveDate>,
    /// The days that the setting's policy promises.
    pub policy_days: Option<u32>,
}

/// Which date drives the reminders: the earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drives {
    /// The law's, also where both are the same.
    Law,
    /// The setting's own promise.
    Policy,
}

/// Where the clock of a request stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessClock {
    /// The day it began.
    pub start: NaiveDate,
    /// The last day before it is moved to a working day.
    pub raw: NaiveDate,
    /// The last day by law; the answer is due by 23:59:59 in London.
    pub legal_due: NaiveDate,
    /// The last day without the extension: the extension had to be told by then.
    pub unextended: NaiveDate,
    /// Whether the extension was told too late; it then moves nothing.
    pub extension_late: bool,
    /// Days of all pauses together, the day of the answer counted and the day of the question not.
    pub paused: usize,
    /// The same with the day of the question, as section 54(3C) of the Data Protection Act 2018 counts for its own part.
    pub paused_inclusive: usize,
    /// The last day if all those days counted; shown as information.
    pub inclusive_due: NaiveDate,
    /// Since when it stands still, waiting for an answer; no new date is known until there is one.
    pub paused_since: Option<NaiveDate>,
    /// Since when it waits for identity or authority that was asked for in time.
    pub waiting_since: Option<NaiveDate>,
    /// The last day by the setting's policy, counted from receipt and not moved.
    pub policy_due: Option<NaiveDate>,
    /// Which of both is earlier.
    pub drives: Drives,
}

impl AccessClock {
    /// Reads the clock of a request that was received on that day.
    ///
    /// - Identity or authority moves the beginning to the day it arrived if it was asked for within two working days of
    ///   receipt; asked for later, it moves nothing.
    /// - Pauses are counted as a set of days, so that two which overlap count once. Days before the beginning count for
    ///   nothing, and neither does a question that was asked when the last day had passed.
    /// - An extension counts three months from the same beginning.
    #[must_use]
    pub fn read(received: NaiveDate, request: &Request, calendar: &Calendar) -> AccessClock {
        let in_time = |one: &&Asked| one.asked <= calendar.nth_working_day(received, IDENTITY_WITHIN);
        let asked: Vec<&Asked> = request
            .identity
            .iter()
            .filter(|_| !request.known)
            .filter(in_time)
            .filter(|one| one.asked >= received)
            .collect();
        let start = asked.iter().filter_map(|one| one.answered).max().map_or(received, |day| day.max(received));
        let waiting_since = asked.iter().filter(|one| one.answered.is_none()).map(|one| one.asked).min();

        let mut pauses: Vec<Asked> = request.clarified.clone();
        pauses.sort_by_key(|one| one.asked);
        let last = |months: u32, days: usize| {
            let raw = clock::days_after(clock::months_after(start, months), u32::try_from(days).unwrap_or(u32::MAX));
            (raw, calendar.working_day_from(raw))
        };
        let count = |months: u32| {
            let (mut safe, mut whole) = (BTreeSet::new(), BTreeSet::new());
            let mut since = None;
            for one in &pauses {
                if one.asked > last(months, safe.len()).1 {
                    continue;
                }
                let Some(answered) = one.answered else {
                    since = since.or(Some(one.asked));
                    continue;
                };
                for day in one.asked.iter_days().take_while(|day| *day <= answered).take(LONGEST) {
                    if day >= start {
                        whole.insert(day);
                    }
                    if day > start && day > one.asked {
                        safe.insert(day);
                    }
                }
            }
            (safe.len(), whole.len(), since)
        };
        let unextended = last(MONTHS, count(MONTHS).0).1;
        let extended = request.extended.is_some_and(|told| told <= unextended);
        let months = if extended { MONTHS_EXTENDED } else { MONTHS };
        let (paused, paused_inclusive, paused_since) = count(months);
        let (raw, legal_due) = last(months, paused);
        let policy_due = request.policy_days.map(|days| clock::days_after(received, days));
        AccessClock {
            start,
            raw,
            legal_due,
            unextended,
            extension_late: request.extended.is_some() && !extended,
            paused,
            paused_inclusive,
            inclusive_due: last(months, paused_inclusive).1,
            paused_since,
            waiting_since,
            policy_due,
            drives: if policy_due.is_some_and(|policy| policy < legal_due) { Drives::Policy } else { Drives::Law },
        }
    }

    /// Returns the earlier of both dates: from here reminders are counted.
    #[must_use]
    pub fn due(&self) -> NaiveDate {
        self.policy_due.map_or(self.legal_due, |policy| policy.min(self.legal_due))
    }
}

/// Returns the days of receipt, from `first` on and for so many days, on which a policy promises more than the law allows.
#[must_use]
pub fn beyond_law(policy_days: u32, first: NaiveDate, days: u32, calendar: &Calendar) -> Vec<NaiveDate> {
    let request = Request { policy_days: Some(policy_days), ..Request::default() };
    let all = (0..u64::from(days)).filter_map(|at| first.checked_add_days(Days::new(at)));
    all.filter(|received| {
        let clock = AccessClock::read(*received, &request, calendar);
        clock.policy_due.is_some_and(|policy| policy > clock.legal_due)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::*;
    use crate::rules::pack::{BUILT_IN, Pack};

    fn calendar() -> Calendar {
        Pack::parse(BUILT_IN).unwrap().calendar().clone()
    }

    fn day(text: &str) -> NaiveDate {
        NaiveDate::parse_from_str(text, "%Y-%m-%d").unwrap()
    }

    fn asked(from: &str, to: &str) -> Asked {
        Asked { asked: day(from), answered: Some(to).filter(|to| !to.is_empty()).map(day) }
    }

    fn read(received: &str, request: Request) -> AccessClock {
        AccessClock::read(day(received), &request, &calendar())
    }

    #[test]
    fn the_month_ends_as_the_commissioner_counts() {
        for (received, raw, due) in [
            ("2024-01-01", "2024-02-01", "2024-02-01"),
            ("2024-11-25", "2024-12-25", "2024-12-27"),
            ("2026-01-31", "2026-02-28", "2026-03-02"),
            ("2026-09-03", "2026-10-03", "2026-10-05"),
            ("2026-10-31", "2026-11-30", "2026-11-30"),
            ("2026-11-03", "2026-12-03", "2026-12-03"),
            ("2026-11-24", "2026-12-24", "2026-12-24"),
            ("2026-11-25", "2026-12-25", "2026-12-29"),
            ("2026-11-27", "2026-12-27", "2026-12-29"),
            ("2026-12-01", "2027-01-01", "2027-01-04"),
            ("2027-01-31", "2027-02-28", "2027-03-01"),
            ("2027-02-28", "2027-03-28", "2027-03-30"),
            ("2027-11-25", "2027-12-25", "2027-12-29"),
            ("2027-12-01", "2028-01-01", "2028-01-04"),
            ("2028-01-31", "2028-02-29", "2028-02-29"),
        ] {
            let clock = read(received, Request::default());
            assert_eq!((clock.raw, clock.legal_due), (day(raw), day(due)), "{received}");
            assert_eq!((clock.due(), clock.drives, clock.start), (day(due), Drives::Law, day(received)));
        }
    }

    #[test]
    fn pauses_are_a_set_of_days_and_the_smaller_count_decides() {
        let paused =
            |pauses: &[Asked]| read("2026-11-03", Request { clarified: pauses.to_vec(), ..Request::default() });
        let clock = paused(&[asked("2026-11-10", "2026-11-17")]);
        assert_eq!((clock.paused, clock.paused_inclusive), (7, 8));
        assert_eq!((clock.legal_due, clock.inclusive_due), (day("2026-12-10"), day("2026-12-11")));
        // Ten days together, not fifteen; in any order.
        for pauses in [[("10", "17"), ("12", "20")], [("12", "20"), ("10", "17")]] {
            let pauses = pauses.map(|(from, to)| asked(&format!("2026-11-{from}"), &format!("2026-11-{to}")));
            let clock = paused(&pauses);
            assert_eq!((clock.paused, clock.raw, clock.legal_due), (10, day("2026-12-13"), day("2026-12-14")));
        }
        // No answer: no new date, and the one that stood.
        let clock = paused(&[asked("2026-11-10", "")]);
        assert_eq!((clock.paused_since, clock.legal_due), (Some(day("2026-11-10")), day("2026-12-03")));
        // Answered on the same day, or a question of the time after the last day: nothing.
        assert_eq!(paused(&[asked("2026-11-10", "2026-11-10")]).legal_due, day("2026-12-03"));
        let late = paused(&[asked("2026-12-04", "2026-12-20")]);
        assert_eq!((late.paused, late.legal_due), (0, day("2026-12-03")));
        // An answer that is dated before its question.
        assert_eq!(paused(&[asked("2026-11-10", "2026-11-05")]).paused_inclusive, 0);
        // One question lets the next be in time.
        let clock = paused(&[asked("2026-12-01", "2026-12-08"), asked("2026-12-09", "2026-12-11")]);
        assert_eq!((clock.paused, clock.raw), (9, day("2026-12-12")));
    }

    #[test]
    fn identity_moves_the_beginning_only_if_it_was_asked_for_at_once() {
        let identity = |from: &str, to: &str, known| {
            read("2026-11-27", Request { identity: vec![asked(from, to)], known, ..Request::default() })
        };
        for (from, to, known, start, due) in [
            ("2026-12-01", "2026-12-02", false, "2026-12-02", "2027-01-04"),
            ("2026-11-27", "2026-12-02", false, "2026-12-02", "2027-01-04"),
            ("2026-12-02", "2026-12-04", false, "2026-11-27", "2026-12-29"),
            ("2026-12-01", "2026-12-02", true, "2026-11-27", "2026-12-29"),
            ("2026-11-26", "2026-12-02", false, "2026-11-27", "2026-12-29"),
        ] {
            let clock = identity(from, to, known);
            assert_eq!(
                (clock.start, clock.legal_due, clock.waiting_since),
                (day(start), day(due), None),
                "{from} {known}"
            );
        }
        let waiting = identity("2026-12-01", "", false);
        assert_eq!((waiting.waiting_since, waiting.start), (Some(day("2026-12-01")), day("2026-11-27")));
        assert_eq!(identity("2026-12-02", "", false).waiting_since, None);
        // Days of a pause that lie before the beginning do not count twice.
        let request = Request {
            identity: vec![asked("2026-11-30", "2026-12-04")],
            clarified: vec![asked("2026-11-30", "2026-12-07")],
            ..Request::default()
        };
        assert_eq!(read("2026-11-27", request).paused, 3);
    }

    #[test]
    fn an_extension_counts_from_the_same_beginning_and_must_be_told_in_time() {
        let told =
            |received: &str, told: &str| read(received, Request { extended: Some(day(told)), ..Request::default() });
        let clock = told("2027-02-01", "2027-03-01");
        assert_eq!((clock.raw, clock.legal_due, clock.extension_late), (day("2027-05-01"), day("2027-05-04"), false));
        let clock = told("2026-11-24", "2026-12-24");
        assert_eq!((clock.legal_due, clock.unextended), (day("2027-02-24"), day("2026-12-24")));
        let late = told("2026-11-24", "2026-12-25");
        assert_eq!((late.legal_due, late.extension_late), (day("2026-12-24"), true));
        // A pause moves the day by which it must be told, and is added to the three months.
        let request = Request {
            clarified: vec![asked("2026-11-10", "2026-11-17")],
            extended: Some(day("2026-12-10")),
            ..Request::default()
        };
        let clock = read("2026-11-03", request);
        assert_eq!((clock.unextended, clock.raw), (day("2026-12-10"), day("2027-02-10")));
    }

    #[test]
    fn the_earlier_of_promise_and_law_drives() {
        let promised = |received: &str, days| read(received, Request { policy_days: Some(days), ..Request::default() });
        for (received, days, policy, law, drives) in [
            ("2026-11-24", 30, "2026-12-24", "2026-12-24", Drives::Law),
            ("2026-11-24", 14, "2026-12-08", "2026-12-24", Drives::Policy),
            ("2027-01-31", 30, "2027-03-02", "2027-03-01", Drives::Law),
            // Not moved to a working day: it is the setting's own.
            ("2026-11-14", 14, "2026-11-28", "2026-12-14", Drives::Policy),
        ] {
            let clock = promised(received, days);
            assert_eq!((clock.policy_due, clock.legal_due, clock.drives), (Some(day(policy)), day(law), drives));
            assert_eq!(clock.due(), day(policy).min(day(law)));
        }
        // A promise is counted from receipt, whatever moves the law's clock.
        let request =
            Request { identity: vec![asked("2026-11-27", "2026-12-02")], policy_days: Some(14), ..Request::default() };
        assert_eq!(read("2026-11-27", request).policy_due, Some(day("2026-12-11")));
    }

    #[test]
    fn thirty_days_are_more_than_the_law_allows_on_23_days_of_a_year() {
        let (calendar, first) = (calendar(), day("2026-11-01"));
        let beyond = beyond_law(30, first, 365, &calendar);
        assert_eq!(beyond.len(), 23);
        let expected = first.iter_days().filter(|at| {
            use chrono::{Datelike, Weekday};
            *at >= day("2027-01-31") && *at <= day("2027-02-25") && at.weekday() != Weekday::Sat
        });
        assert_eq!(beyond, expected.take(23).collect::<Vec<_>>());
        let request = Request { policy_days: Some(30), ..Request::default() };
        let compared = |wanted: Ordering| {
            let clocks = first.iter_days().take(365).map(|day| AccessClock::read(day, &request, &calendar));
            clocks.filter(|clock| clock.policy_due.unwrap().cmp(&clock.legal_due) == wanted).count()
        };
        assert_eq!((compared(Ordering::Less), compared(Ordering::Equal)), (251, 91));
        assert_eq!((beyond_law(28, first, 365, &calendar).len(), beyond_law(14, first, 365, &calendar).len()), (0, 0));
    }
}
