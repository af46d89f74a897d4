//! Civil time in Europe/London: reading what people type, writing what they read, and counting working days.
//!
//! Everything here is arithmetic on milliseconds since 1970-01-01T00:00:00Z. The time zone table is that of
//! `chrono-tz`. The clock of a request for access, which has rules of its own, is in [`crate::rules::access`].
// Long because: civil time is read, written and counted in one place, and the dates that prove it stand below.

use std::fmt;

use chrono::{
    DateTime, Datelike, Days, FixedOffset, LocalResult, Months, NaiveDate, NaiveDateTime, NaiveTime, Offset,
    SecondsFormat, TimeZone, Utc, Weekday,
};
use chrono_tz::Europe::London;

/// A time as somebody typed it, read in Europe/London where it says no zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CivilTime {
    /// Whether only the day is known; the instant is then its midnight.
    pub date_only: bool,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub milliseconds: i64,
    /// Offset from UTC in minutes, as typed or as in force in London.
    pub zone: i16,
}

/// Why a text is no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// None of the accepted forms.
    #[error("not a time in a form that is read here")]
    Unreadable,
    /// The hour that is left out when the clocks go forward.
    #[error("there is no such hour on that day in London: the clocks went forward")]
    NoSuchHour,
    /// Before 1900 or after 2199.
    #[error("a year before 1900 or after 2199")]
    OutOfRange,
}

/// Reads `2026-10-06T10:42:00+01:00` (RFC 3339), `2026-10-06 10:42`, `2026-10-06T10:42` (both may have seconds) or
/// `2026-10-06`.
///
/// Without an offset the time is London's. An hour that comes twice in autumn is taken as the earlier one.
///
/// # Errors
/// `Unreadable` for any other spelling; `NoSuchHour` for the hour left out in spring; `OutOfRange` for other centuries.
pub fn parse(text: &str) -> Result<CivilTime, TimeError> {
    if text.len() == 10 {
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| TimeError::Unreadable)?;
        if date.format("%Y-%m-%d").to_string() != text {
            return Err(TimeError::Unreadable);
        }
        return london(date.and_time(NaiveTime::MIN), true);
    }
    for form in ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"] {
        if let Ok(civil) = NaiveDateTime::parse_from_str(text, form)
            && civil.format(form).to_string() == text
        {
            return london(civil, false);
        }
    }
    if text.as_bytes().get(10) != Some(&b'T') {
        return Err(TimeError::Unreadable);
    }
    let instant = DateTime::parse_from_rfc3339(text).map_err(|_| TimeError::Unreadable)?;
    in_range(instant.year())?;
    let zone = i16::try_from(instant.offset().local_minus_utc() / 60).map_err(|_| TimeError::Unreadable)?;
    Ok(CivilTime { date_only: false, milliseconds: instant.timestamp_millis(), zone })
}

/// Returns an instant in London as people write it: `Tue 6 Oct 2026 10:42`.
#[must_use]
pub fn for_people(milliseconds: i64) -> String {
    utc(milliseconds).with_timezone(&London).format("%a %-d %b %Y %H:%M").to_string()
}

/// Returns the day of an instant at an offset in minutes: `Tue 6 Oct 2026`.
#[must_use]
pub fn day_for_people(milliseconds: i64, zone: i16) -> String {
    at_offset(milliseconds, zone).format("%a %-d %b %Y").to_string()
}

/// Returns an instant in RFC 3339 with its offset: `2026-10-06T10:42:00+01:00`; milliseconds only where there are any.
#[must_use]
pub fn rfc3339(milliseconds: i64, zone: i16) -> String {
    let form = if milliseconds % 1000 == 0 { SecondsFormat::Secs } else { SecondsFormat::Millis };
    at_offset(milliseconds, zone).to_rfc3339_opts(form, false)
}

/// Returns the day of an instant at an offset in minutes, as `2026-10-06`.
#[must_use]
pub fn iso_day(milliseconds: i64, zone: i16) -> String {
    at_offset(milliseconds, zone).format("%Y-%m-%d").to_string()
}

/// Returns the offset from UTC in minutes that London keeps at an instant.
#[must_use]
pub fn london_offset(milliseconds: i64) -> i16 {
    let offset = utc(milliseconds).with_timezone(&London).offset().fix().local_minus_utc() / 60;
    i16::try_from(offset).unwrap_or(0)
}

/// Returns the day in London at an instant.
#[must_use]
pub fn london_day(milliseconds: i64) -> NaiveDate {
    utc(milliseconds).with_timezone(&London).date_naive()
}

/// Returns 23:59:59 in London on that day, in milliseconds.
#[must_use]
pub fn end_of_day(day: NaiveDate) -> i64 {
    // The clocks never change in the last second of a day, so there is always exactly one such instant.
    let last = NaiveTime::from_hms_opt(23, 59, 59).unwrap_or(NaiveTime::MIN);
    match London.from_local_datetime(&day.and_time(last)) {
        LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => instant.timestamp_millis(),
        LocalResult::None => day.and_time(last).and_utc().timestamp_millis(),
    }
}

/// Returns when a day begins in London, in milliseconds UTC: the second after the end of the one before.
#[must_use]
pub fn begin_of_day(day: NaiveDate) -> i64 {
    day.pred_opt().map_or(0, |before| end_of_day(before) + 1000)
}

/// Whether a time lies behind one at which something was due, both in milliseconds UTC. The last second belongs to the day,
/// whatever its milliseconds.
#[must_use]
pub fn is_after(time: i64, due: i64) -> bool {
    time.div_euclid(1000) > due.div_euclid(1000)
}

/// Returns the day that many calendar days later.
#[must_use]
pub fn days_after(day: NaiveDate, days: u32) -> NaiveDate {
    day.checked_add_days(Days::new(days.into())).unwrap_or(NaiveDate::MAX)
}

/// Returns the same day of the month that many months later, or that month's last day where it has no such day: how the
/// ICO counts the month of Article 12(3) UK GDPR, which begins on the day of receipt.
#[must_use]
pub fn months_after(day: NaiveDate, months: u32) -> NaiveDate {
    day.checked_add_months(Months::new(months)).unwrap_or(NaiveDate::MAX)
}

/// Returns the anniversary that many years later; 1 March for somebody born on 29 February, where there is none. So what is
/// kept to an age is never due a day early.
#[must_use]
pub fn years_after(day: NaiveDate, years: u32) -> NaiveDate {
    let years = i32::try_from(years).ok().and_then(|years| day.year().checked_add(years));
    let there = years.and_then(|year| day.with_year(year).or_else(|| NaiveDate::from_ymd_opt(year, 3, 1)));
    there.unwrap_or(NaiveDate::MAX)
}

/// How long there is for something, as packs count it. Every clock begins with an instant, and ends at one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// 23:59:59 in London on the same day.
    EndOfDay,
    /// 23:59:59 in London on the n-th working day after the day it begins: "by the end of the next working day".
    WorkingDays(u16),
    /// Elapsed hours: the 24 hours for backing, the 72 of Article 33 UK GDPR for a breach. Nights, weekends and holidays
    /// count, and so does the hour that comes twice when the clocks go back.
    Hours(u32),
    /// 23:59:59 in London that many calendar days later: the 14 days to tell Ofsted, the 28 for a complaint under the EYFS.
    Days(u32),
    /// As [`Clock::Days`], or on the first working day after it if it is none: the 30 days in which section 164A of the Data
    /// Protection Act 2018 wants a complaint acknowledged, counted from the day after it came.
    DaysRolled(u32),
    /// 23:59:59 in London on the anniversary that many years later: how long a folder is kept.
    Years(u32),
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Clock::EndOfDay => f.write_str("eod"),
            Clock::WorkingDays(n) => write!(f, "wd {n}"),
            Clock::Hours(n) => write!(f, "h {n}"),
            Clock::Days(n) => write!(f, "d {n}"),
            Clock::DaysRolled(n) => write!(f, "d {n} rolled"),
            Clock::Years(n) => write!(f, "y {n}"),
        }
    }
}

impl Clock {
    /// Reads how packs and policies write a clock: `eod`, `wd 1`, `h 24`, `d 14`, `d 30 rolled`, `y 3`. Each has one
    /// spelling; at most 4,000 working days, 9,600 hours, 40,000 days and 200 years.
    #[must_use]
    pub fn parse(text: &str) -> Option<Clock> {
        let number = |text: &str, most: u32| text.parse::<u32>().ok().filter(|n| (1..=most).contains(n));
        let clock = match text.split_once(' ') {
            None if text == "eod" => Clock::EndOfDay,
            Some(("wd", n)) => Clock::WorkingDays(u16::try_from(number(n, 4_000)?).ok()?),
            Some(("h", n)) => Clock::Hours(number(n, 9_600)?),
            Some(("y", n)) => Clock::Years(number(n, 200)?),
            Some(("d", n)) => match n.split_once(' ') {
                Some((n, "rolled")) => Clock::DaysRolled(number(n, 40_000)?),
                _ => Clock::Days(number(n, 40_000)?),
            },
            _ => return None,
        };
        (clock.to_string() == text).then_some(clock)
    }

    /// Says it as people do: "by the end of the next working day".
    #[must_use]
    pub fn for_people(self) -> String {
        match self {
            Clock::EndOfDay => "the same day".to_owned(),
            Clock::WorkingDays(1) => "by the end of the next working day".to_owned(),
            Clock::WorkingDays(n) => format!("within {n} working days"),
            Clock::Hours(n) => format!("within {n} hours"),
            Clock::Days(n) => format!("within {n} days"),
            Clock::DaysRolled(n) => format!("within {n} days, or by the next working day after that"),
            Clock::Years(1) => "after a year".to_owned(),
            Clock::Years(n) => format!("after {n} years"),
        }
    }

    /// Returns when it runs out, for what began at `start`; both in milliseconds UTC.
    #[must_use]
    pub fn due(self, calendar: &Calendar, start: i64) -> i64 {
        let day = london_day(start);
        match self {
            Clock::EndOfDay => end_of_day(day),
            Clock::WorkingDays(n) => calendar.end_of_nth_working_day(day, n),
            Clock::Hours(hours) => start.saturating_add(i64::from(hours) * 3_600_000),
            Clock::Days(days) => end_of_day(days_after(day, days)),
            Clock::DaysRolled(days) => end_of_day(calendar.working_day_from(days_after(day, days))),
            Clock::Years(years) => end_of_day(years_after(day, years)),
        }
    }
}

/// The working days of a pack: not Saturday, not Sunday, not one of its holidays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calendar {
    holidays: Vec<NaiveDate>,
}

impl Calendar {
    /// Takes the holidays in any order.
    #[must_use]
    pub fn new(mut holidays: Vec<NaiveDate>) -> Self {
        holidays.sort_unstable();
        holidays.dedup();
        Calendar { holidays }
    }

    /// Returns the holidays, earliest first.
    #[must_use]
    pub fn holidays(&self) -> &[NaiveDate] {
        &self.holidays
    }

    /// Whether offices work on that day.
    #[must_use]
    pub fn is_working_day(&self, day: NaiveDate) -> bool {
        !matches!(day.weekday(), Weekday::Sat | Weekday::Sun) && self.holidays.binary_search(&day).is_err()
    }

    /// Returns the day itself if offices work on it, else the first one after it on which they do.
    #[must_use]
    pub fn working_day_from(&self, day: NaiveDate) -> NaiveDate {
        let mut at = day;
        while !self.is_working_day(at) {
            let Some(next) = at.checked_add_days(Days::new(1)) else { return at };
            at = next;
        }
        at
    }

    /// Returns the n-th working day after `day`; `day` itself for 0.
    #[must_use]
    pub fn nth_working_day(&self, day: NaiveDate, n: u16) -> NaiveDate {
        let mut left = n;
        let mut at = day;
        while left > 0 {
            let Some(next) = at.checked_add_days(Days::new(1)) else { return at };
            at = next;
            left -= u16::from(self.is_working_day(at));
        }
        at
    }

    /// Returns 23:59:59 in London on the n-th working day after `day`, in milliseconds.
    #[must_use]
    pub fn end_of_nth_working_day(&self, day: NaiveDate, n: u16) -> i64 {
        end_of_day(self.nth_working_day(day, n))
    }
}

fn in_range(year: i32) -> Result<(), TimeError> {
    if (1900..=2199).contains(&year) { Ok(()) } else { Err(TimeError::OutOfRange) }
}

fn london(civil: NaiveDateTime, date_only: bool) -> Result<CivilTime, TimeError> {
    in_range(civil.year())?;
    match London.from_local_datetime(&civil) {
        LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => {
            let zone = i16::try_from(instant.offset().fix().local_minus_utc() / 60).unwrap_or(0);
            Ok(CivilTime { date_only, milliseconds: instant.timestamp_millis(), zone })
        }
        LocalResult::None => Err(TimeError::NoSuchHour),
    }
}

/// Any millisecond count is a time here: those outside the years 1 to 9998 are shown as the first or last of them.
fn utc(milliseconds: i64) -> DateTime<Utc> {
    let within = milliseconds.clamp(FIRST, LAST);
    DateTime::from_timestamp_millis(within).unwrap_or(DateTime::UNIX_EPOCH)
}

fn at_offset(milliseconds: i64, zone: i16) -> DateTime<FixedOffset> {
    let offset = FixedOffset::east_opt(i32::from(zone) * 60).unwrap_or_else(|| Utc.fix());
    utc(milliseconds).with_timezone(&offset)
}

/// 0001-01-02T00:00:00Z and 9998-12-31T00:00:00Z.
const FIRST: i64 = -62_135_510_400_000;
const LAST: i64 = 253_370_678_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        NaiveDate::parse_from_str(text, "%Y-%m-%d").unwrap()
    }

    #[test]
    fn reads_every_accepted_form_and_no_other() {
        let expected = 1_791_279_720_000; // 2026-10-06T09:42:00Z
        for text in ["2026-10-06T10:42:00+01:00", "2026-10-06 10:42", "2026-10-06T10:42", "2026-10-06 10:42:00"] {
            let time = parse(text).unwrap();
            assert_eq!((time.milliseconds, time.zone, time.date_only), (expected, 60, false), "{text}");
        }
        assert_eq!(parse("2026-10-06T09:42:00Z").unwrap().zone, 0);
        let date = parse("2026-10-06").unwrap();
        assert_eq!((date.milliseconds, date.zone, date.date_only), (1_791_241_200_000, 60, true));
        for text in [
            "",
            "today",
            "6/10/2026",
            "2026-10-6",
            "2026-13-01",
            "2026-02-29",
            "2026-10-06 25:00",
            "2026-10-06 10:4",
            " 2026-10-06",
            "2026-10-06 10:42:00+01:00",
            "+026-10-06",
        ] {
            assert_eq!(parse(text), Err(TimeError::Unreadable), "{text}");
        }
        assert_eq!(parse("1899-12-31"), Err(TimeError::OutOfRange));
        assert_eq!(parse("2200-01-01T00:00:00Z"), Err(TimeError::OutOfRange));
    }

    #[test]
    fn the_hour_that_comes_twice_is_the_earlier_and_the_missing_one_is_refused() {
        let twice = parse("2026-10-25 01:30").unwrap();
        assert_eq!((rfc3339(twice.milliseconds, twice.zone), twice.zone), ("2026-10-25T01:30:00+01:00".into(), 60));
        assert_eq!(parse("2026-10-25 02:30").unwrap().zone, 0);
        assert_eq!(parse("2026-03-29 01:30"), Err(TimeError::NoSuchHour));
        assert_eq!(parse("2026-03-29 02:00").unwrap().zone, 60);
    }

    #[test]
    fn writes_for_people_and_machines() {
        let time = parse("2026-10-06 10:42").unwrap();
        assert_eq!(for_people(time.milliseconds), "Tue 6 Oct 2026 10:42");
        assert_eq!(day_for_people(time.milliseconds, time.zone), "Tue 6 Oct 2026");
        assert_eq!(rfc3339(time.milliseconds, time.zone), "2026-10-06T10:42:00+01:00");
        assert_eq!(rfc3339(time.milliseconds + 5, 0), "2026-10-06T09:42:00.005+00:00");
        assert_eq!(iso_day(time.milliseconds, time.zone), "2026-10-06");
        assert_eq!(london_offset(time.milliseconds), 60);
        // Times out of a damaged statement are shown somehow, and never panic.
        for wild in [i64::MIN, i64::MAX] {
            assert!(!for_people(wild).is_empty() && !rfc3339(wild, 1439).is_empty());
            assert!(end_of_day(london_day(wild)) != 0);
        }
    }

    #[test]
    fn working_days_skip_weekends_and_holidays() {
        let calendar = Calendar::new(vec![day("2026-12-28"), day("2026-12-25")]);
        assert!(!calendar.is_working_day(day("2026-12-25")));
        assert!(!calendar.is_working_day(day("2026-12-26")));
        assert!(calendar.is_working_day(day("2026-12-29")));
        assert_eq!(calendar.nth_working_day(day("2026-12-24"), 1), day("2026-12-29"));
        assert_eq!(calendar.nth_working_day(day("2026-12-26"), 0), day("2026-12-26"));
        let due = calendar.end_of_nth_working_day(day("2026-10-06"), 1);
        assert_eq!(rfc3339(due, london_offset(due)), "2026-10-07T23:59:59+01:00");
        assert_eq!(for_people(calendar.end_of_nth_working_day(day("2026-11-06"), 1)), "Mon 9 Nov 2026 23:59");
    }

    #[test]
    fn days_begin_where_the_one_before_ends_and_their_last_second_is_theirs() {
        for (date, begins) in
            [("2026-10-06", "2026-10-06 00:00"), ("2026-10-25", "2026-10-25 00:00"), ("2026-10-26", "2026-10-26 00:00")]
        {
            assert_eq!(begin_of_day(day(date)), parse(begins).unwrap().milliseconds, "{date}");
        }
        // 25 hours lie between them where the clocks go back.
        assert_eq!(begin_of_day(day("2026-10-26")) - begin_of_day(day("2026-10-25")), 25 * 3_600_000);
        let end = end_of_day(day("2026-10-06"));
        assert!(!is_after(end + 999, end) && is_after(end + 1000, end) && !is_after(end - 1, end));
    }

    #[test]
    fn clocks_have_one_spelling_each() {
        for text in ["eod", "wd 1", "h 24", "d 14", "d 30 rolled", "y 25"] {
            assert_eq!(Clock::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "wd", "wd 0", "wd 01", "wd +1", "d 30 Rolled", "h 1 rolled", "eod ", "5", "d 99999", "m 1"] {
            assert_eq!(Clock::parse(text), None, "{text}");
        }
        assert_eq!(Clock::WorkingDays(1).for_people(), "by the end of the next working day");
    }

    fn calendar() -> Calendar {
        crate::rules::pack::Pack::parse(crate::rules::pack::BUILT_IN).unwrap().calendar().clone()
    }

    #[test]
    fn the_dates_of_the_stories_come_out() {
        use Clock::{Days, DaysRolled, EndOfDay, Hours, WorkingDays};
        let calendar = calendar();
        for (began, clock, due) in [
            // A child is hurt: late, backing, Ofsted.
            ("2026-10-06 10:42", WorkingDays(1), "Wed 7 Oct 2026 23:59"),
            ("2026-10-06 10:46", Hours(24), "Wed 7 Oct 2026 10:46"),
            ("2026-10-06 10:46", Days(14), "Tue 20 Oct 2026 23:59"),
            // A disclosure: undecided, in writing, what the authority does, family told.
            ("2026-11-18 09:35", EndOfDay, "Wed 18 Nov 2026 23:59"),
            ("2026-11-18 10:20", Hours(24), "Thu 19 Nov 2026 10:20"),
            ("2026-11-18 10:20", WorkingDays(1), "Thu 19 Nov 2026 23:59"),
            // A withdrawal, over a weekend.
            ("2026-11-12 16:20", WorkingDays(5), "Thu 19 Nov 2026 23:59"),
            // A refusal that is respected: request, review, the new fact that brings it forward.
            ("2026-10-08 11:00", WorkingDays(5), "Thu 15 Oct 2026 23:59"),
            ("2026-10-08 15:40", WorkingDays(20), "Thu 5 Nov 2026 23:59"),
            ("2026-10-12 09:00", WorkingDays(1), "Tue 13 Oct 2026 23:59"),
            ("2026-11-05 09:20", WorkingDays(1), "Fri 6 Nov 2026 23:59"),
            ("2026-11-06 09:50", WorkingDays(1), "Mon 9 Nov 2026 23:59"),
            ("2026-11-06 11:30", Hours(24), "Sat 7 Nov 2026 11:30"),
            // Advice that becomes a referral.
            ("2026-11-03 11:20", EndOfDay, "Tue 3 Nov 2026 23:59"),
            ("2026-11-03 11:25", WorkingDays(1), "Wed 4 Nov 2026 23:59"),
            // Access: acknowledged, letters, the safe count, complaint and its outcome.
            ("2026-11-24 18:50", WorkingDays(2), "Thu 26 Nov 2026 23:59"),
            ("2026-11-26 10:00", Days(11), "Mon 7 Dec 2026 23:59"),
            ("2026-11-24 18:50", Days(28), "Tue 22 Dec 2026 23:59"),
            ("2027-01-05 11:00", DaysRolled(30), "Thu 4 Feb 2027 23:59"),
            ("2027-01-05 11:00", Days(28), "Tue 2 Feb 2027 23:59"),
            ("2027-01-07 11:00", DaysRolled(30), "Mon 8 Feb 2027 23:59"),
            // A move to school: received, and where the first day is not known.
            ("2026-09-02 08:20", WorkingDays(5), "Wed 9 Sep 2026 23:59"),
            ("2026-09-03 09:00", WorkingDays(5), "Thu 10 Sep 2026 23:59"),
            // Over Christmas and the New Year.
            ("2026-12-24 12:00", WorkingDays(1), "Tue 29 Dec 2026 23:59"),
            ("2026-12-31 12:00", WorkingDays(2), "Tue 5 Jan 2027 23:59"),
        ] {
            let start = parse(began).unwrap().milliseconds;
            assert_eq!(for_people(clock.due(&calendar, start)), due, "{began} {clock:?}");
        }
    }

    #[test]
    fn hours_elapse_and_days_end_when_the_clocks_change() {
        let due = |began: &str, clock: Clock| {
            let due = clock.due(&calendar(), parse(began).unwrap().milliseconds);
            rfc3339(due, london_offset(due))
        };
        // They go back at 02:00 on 25 October, forward at 01:00 on 28 March.
        assert_eq!(due("2026-10-24 12:00", Clock::Hours(24)), "2026-10-25T11:00:00+00:00");
        assert_eq!(due("2026-10-23 09:00", Clock::Hours(72)), "2026-10-26T08:00:00+00:00");
        assert_eq!(due("2027-03-27 12:00", Clock::Hours(24)), "2027-03-28T13:00:00+01:00");
        assert_eq!(due("2026-10-25 00:30", Clock::Hours(1)), "2026-10-25T01:30:00+01:00");
        assert_eq!(due("2026-10-25 00:30", Clock::Hours(2)), "2026-10-25T01:30:00+00:00");
        // Days are London's: at 23:30 UTC in summer the next one has begun.
        assert_eq!(due("2026-07-01T23:30:00Z", Clock::EndOfDay), "2026-07-02T23:59:59+01:00");
        assert_eq!(due("2026-10-24 23:59", Clock::Days(1)), "2026-10-25T23:59:59+00:00");
        assert_eq!(Clock::Hours(u32::MAX).due(&calendar(), i64::MAX), i64::MAX);
        assert_eq!(days_after(NaiveDate::MAX, 1), NaiveDate::MAX);
    }

    #[test]
    fn months_and_years_end_on_a_day_that_there_is() {
        for (from, months, to) in [
            ("2027-01-31", 1, "2027-02-28"),
            ("2028-01-31", 1, "2028-02-29"),
            ("2026-11-30", 3, "2027-02-28"),
            ("2026-10-31", 1, "2026-11-30"),
        ] {
            assert_eq!(months_after(day(from), months), day(to));
        }
        for (from, years, to) in [
            ("2026-07-17", 3, "2029-07-17"),
            ("2022-03-14", 25, "2047-03-14"),
            ("2026-09-04", 75, "2101-09-04"),
            ("2024-02-29", 25, "2049-03-01"),
            ("2024-02-29", 4, "2028-02-29"),
        ] {
            assert_eq!(years_after(day(from), years), day(to));
        }
        assert_eq!(years_after(day("2024-02-29"), u32::MAX), NaiveDate::MAX);
    }
}
