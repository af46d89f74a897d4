//! A setting's calendar, as a document that it adopts: holidays, terms, weekdays on which it opens, single closed days.
//!
//! Two questions are answered by it, and they differ. *Working days* count deadlines: not Saturday, not Sunday, not a
//! holiday. *Opening days* say when there has to be a closing: inside a term, on a weekday on which the setting opens,
//! unless it is a holiday or closed. The chapter [`crate::manual::policies`] describes the keys.
//!
//! A calendar speaks of the days from its `begin` to its `end` and of no other: where none speaks, every working day of the
//! pack is an opening day. A setting that forgets to renew its calendar so gets too many reminders, and never too few.

use std::collections::BTreeSet;

use chrono::{Datelike, Days, NaiveDate, Weekday};
use serde::Deserialize;

use super::clock::Calendar;
use super::pack::{Pack, PackError};
use super::raw::Name;
use super::read::{Reader, document};

/// A stretch of time in which the setting opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// Its name.
    pub name: String,
    /// Its first day.
    pub begin: NaiveDate,
    /// Its last day.
    pub end: NaiveDate,
}

/// A calendar that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingCalendar {
    name: String,
    begin: NaiveDate,
    end: NaiveDate,
    working: Calendar,
    opening: Vec<Weekday>,
    terms: Vec<Term>,
    closed: BTreeSet<NaiveDate>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCalendar {
    name: String,
    begin: Name,
    end: Name,
    opening: Option<Vec<Name>>,
    holidays: Option<Vec<Name>>,
    #[serde(default)]
    closed: Vec<Name>,
    #[serde(default)]
    terms: Vec<RawTerm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTerm {
    name: Name,
    begin: Name,
    end: Name,
}

impl SettingCalendar {
    /// Reads a calendar. The holidays that it lists stand for those of the pack in every year of which it lists any; in
    /// other years, and without a list, the pack's hold. Without terms the setting opens all the time.
    ///
    /// # Errors
    /// [`PackError`] with the first line that cannot stand: an unknown key, what is no day, a last day before the first, a
    /// span of more than five years, a term or closed day outside of the span, terms out of order or over each other,
    /// anything that stands twice, no weekday at all.
    pub fn parse(text: &str, pack: &Pack) -> Result<SettingCalendar, PackError> {
        let raw: RawCalendar = document(text)?;
        let reader = Reader::new(text);
        let (begin, end) = span(&reader, &raw.begin, &raw.end)?;
        if end.signed_duration_since(begin).num_days() > LONGEST_DAYS {
            return Err(reader.error(&raw.end, "is more than five years after the beginning"));
        }
        let holidays = raw.holidays.as_deref().map(|days| days_of(&reader, days)).transpose()?.unwrap_or_default();
        let years: BTreeSet<i32> = holidays.iter().map(Datelike::year).collect();
        let kept = pack.calendar().holidays().iter().filter(|day| !years.contains(&day.year()));
        let working = Calendar::new(kept.copied().chain(holidays).collect());
        let mut terms: Vec<Term> = Vec::new();
        reader.unique(raw.terms.iter().map(|term| &term.name))?;
        for term in &raw.terms {
            let (first, last) = span(&reader, &term.begin, &term.end)?;
            if first < begin || last > end || terms.last().is_some_and(|before| before.end >= first) {
                return Err(
                    reader.error(&term.name, "lies outside of the calendar, or begins before the term above it ends")
                );
            }
            terms.push(Term { name: term.name.get_ref().clone(), begin: first, end: last });
        }
        let opening = match &raw.opening {
            None => WEEKDAYS.iter().take(5).map(|(_, day)| *day).collect(),
            Some(days) if days.is_empty() => {
                return Err(reader.error(&raw.begin, "and no weekday follows on which the setting opens"));
            }
            Some(days) => {
                reader.unique(days.iter())?;
                days.iter().map(|day| reader.one_of(day, WEEKDAYS)).collect::<Result<_, _>>()?
            }
        };
        let closed = days_of(&reader, &raw.closed)?;
        if let Some(outside) = raw.closed.iter().zip(&closed).find(|(_, day)| !(begin..=end).contains(day)) {
            return Err(reader.error(outside.0, "lies outside of the calendar"));
        }
        Ok(SettingCalendar {
            name: raw.name,
            begin,
            end,
            working,
            opening,
            terms,
            closed: closed.into_iter().collect(),
        })
    }

    /// Returns the calendar's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns its first and last day.
    #[must_use]
    pub fn span(&self) -> (NaiveDate, NaiveDate) {
        (self.begin, self.end)
    }

    /// Returns the terms, in their order.
    #[must_use]
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// Returns the working days, for deadlines.
    #[must_use]
    pub fn working_days(&self) -> &Calendar {
        &self.working
    }

    /// Whether the calendar speaks of that day.
    #[must_use]
    pub fn covers(&self, day: NaiveDate) -> bool {
        (self.begin..=self.end).contains(&day)
    }

    /// Whether the setting opens on that day; no for a day of which the calendar does not speak.
    #[must_use]
    pub fn is_open(&self, day: NaiveDate) -> bool {
        let in_term = self.terms.is_empty() || self.terms.iter().any(|term| (term.begin..=term.end).contains(&day));
        self.covers(day)
            && in_term
            && self.opening.contains(&day.weekday())
            && self.working.holidays().binary_search(&day).is_err()
            && !self.closed.contains(&day)
    }

    /// Returns the opening days from one day to another, both included, as far as the calendar speaks of them.
    pub fn opening_days(&self, from: NaiveDate, to: NaiveDate) -> impl Iterator<Item = NaiveDate> {
        days_between(from.max(self.begin), to.min(self.end)).filter(|day| self.is_open(*day))
    }
}

/// Returns the days from one to another, both included; none if the second lies before the first.
pub fn days_between(from: NaiveDate, to: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    from.iter_days().take_while(move |day| *day <= to)
}

/// Returns the Monday of a day's week.
#[must_use]
pub fn week_of(day: NaiveDate) -> NaiveDate {
    day.checked_sub_days(Days::new(day.weekday().num_days_from_monday().into())).unwrap_or(day)
}

fn span(reader: &Reader<'_>, begin: &Name, end: &Name) -> Result<(NaiveDate, NaiveDate), PackError> {
    let (first, last) = (reader.day(begin)?, reader.day(end)?);
    if last < first { Err(reader.error(end, "lies before the beginning")) } else { Ok((first, last)) }
}

fn days_of(reader: &Reader<'_>, days: &[Name]) -> Result<Vec<NaiveDate>, PackError> {
    reader.unique(days.iter())?;
    days.iter().map(|day| reader.day(day)).collect()
}

const WEEKDAYS: &[(&str, Weekday)] = &[
    ("mon", Weekday::Mon),
    ("tue", Weekday::Tue),
    ("wed", Weekday::Wed),
    ("thu", Weekday::Thu),
    ("fri", Weekday::Fri),
    ("sat", Weekday::Sat),
    ("sun", Weekday::Sun),
];

const LONGEST_DAYS: i64 = 5 * 366;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::pack::BUILT_IN;

    const YEAR: &str = r#"
name = "Willowbrook 2026/27"
begin = "2026-09-01"
end = "2027-08-31"
opening = ["mon", "tue", "wed", "thu"]
closed = ["2026-11-19"]

[[terms]]
name = "Autumn"
begin = "2026-09-03"
end = "2026-12-18"

[[terms]]
name = "Spring"
begin = "2027-01-05"
end = "2027-03-25"
"#;

    fn pack() -> Pack {
        Pack::parse(BUILT_IN).unwrap()
    }

    fn day(text: &str) -> NaiveDate {
        NaiveDate::parse_from_str(text, "%Y-%m-%d").unwrap()
    }

    fn read(text: &str) -> SettingCalendar {
        SettingCalendar::parse(text, &pack()).unwrap()
    }

    #[test]
    fn opening_days_lie_in_terms_on_the_weekdays_named() {
        let year = read(YEAR);
        let week =
            |from: &str, to: &str| year.opening_days(day(from), day(to)).map(|day| day.day()).collect::<Vec<_>>();
        // Wednesday before term; Friday not opened; the nineteenth closed; Christmas; outside of the calendar.
        assert_eq!(week("2026-08-24", "2026-09-08"), [3, 7, 8]);
        assert_eq!(week("2026-11-16", "2026-11-20"), [16, 17, 18]);
        assert_eq!(week("2026-12-14", "2027-01-06"), [14, 15, 16, 17, 5, 6]);
        assert_eq!(week("2027-09-01", "2027-09-30"), [0; 0]);
        assert!(year.covers(day("2027-08-31")) && !year.covers(day("2027-09-01")) && !year.is_open(day("2027-09-02")));
        assert_eq!((year.name(), year.terms().len()), ("Willowbrook 2026/27", 2));
        assert_eq!(days_between(day("2026-09-02"), day("2026-09-01")).count(), 0);
        assert_eq!(week_of(day("2026-11-22")), day("2026-11-16"));
        assert_eq!(week_of(day("2026-11-16")), day("2026-11-16"));
    }

    #[test]
    fn what_is_left_out_is_the_packs() {
        let plain = read("name = \"x\"\nbegin = \"2026-01-01\"\nend = \"2026-12-31\"\n");
        assert!(
            plain.is_open(day("2026-08-28")) && !plain.is_open(day("2026-08-29")) && !plain.is_open(day("2026-08-31"))
        );
        assert_eq!(plain.working_days(), pack().calendar());
        // A list stands for the years of which it names a day, and for no other.
        let jubilee = read("name = \"x\"\nbegin = \"2026-01-01\"\nend = \"2026-12-31\"\nholidays = [\"2026-06-05\"]\n");
        assert!(!jubilee.working_days().is_working_day(day("2026-06-05")) && !jubilee.is_open(day("2026-06-05")));
        assert!(jubilee.working_days().is_working_day(day("2026-08-31")));
        assert!(!jubilee.working_days().is_working_day(day("2027-08-30")));
        // A day on which the setting is closed is a working day all the same, and one in the holidays too.
        assert!(read(YEAR).working_days().is_working_day(day("2026-11-19")));
        assert!(read(YEAR).working_days().is_working_day(day("2027-08-10")));
    }

    #[test]
    fn what_cannot_stand_is_refused_with_its_line() {
        let refused = |from: &str, to: &str| {
            assert!(YEAR.contains(from), "{from}");
            SettingCalendar::parse(&YEAR.replacen(from, to, 1), &pack()).unwrap_err()
        };
        let error = refused("\"2026-11-19\"", "\"2026-11-31\"");
        assert!(error.line == 6 && error.what.contains("no day"), "{error}");
        assert!(refused("opening", "opens").what.contains("opens"));
        assert!(refused("[\"mon\", \"tue\", \"wed\", \"thu\"]", "[]").what.contains("weekday"));
        assert!(refused("\"tue\"", "\"mon\"").what.contains("twice"));
        assert!(refused("\"tue\"", "\"Tuesday\"").what.contains("none of"));
        assert!(refused("[\"2026-11-19\"]", "[\"2026-11-19\", \"2026-11-19\"]").what.contains("twice"));
        assert!(refused("\"2026-11-19\"", "\"2027-11-19\"").what.contains("outside"));
        assert!(refused("end = \"2027-08-31\"", "end = \"2026-08-31\"").what.contains("before"));
        assert!(refused("end = \"2027-08-31\"", "end = \"2037-08-31\"").what.contains("five years"));
        assert!(refused("end = \"2026-12-18\"", "end = \"2027-01-05\"").what.contains("above"));
        assert!(refused("end = \"2026-12-18\"", "end = \"2026-09-02\"").what.contains("before"));
        assert!(refused("begin = \"2026-09-03\"", "begin = \"2026-08-03\"").what.contains("outside"));
        assert!(refused("\"Spring\"", "\"Autumn\"").what.contains("twice"));
        assert!(SettingCalendar::parse("", &pack()).is_err());
    }
}
