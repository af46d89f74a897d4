//! `calendar`: when the setting opens, and the holidays that its deadlines are counted by.

use chrono::{Datelike, NaiveDate};
use indelible::rules::calendar::SettingCalendar;
use indelible::rules::pack::Pack;
use indelible::store::durable;
use serde_json::{Value as Json, json};

use crate::cli::args::CalendarCommand;
use crate::cli::door::Door;
use crate::cli::failure::Failure;
use crate::cli::kinds;
use crate::cli::policy::{cannot_stand, day, document};
use crate::cli::say::{self, plain};

pub fn run(door: &mut Door<'_>, command: CalendarCommand) -> Result<u8, Failure> {
    match command {
        CalendarCommand::Check { file } => {
            let pack = kinds::pack(door)?;
            let calendar = read(&file, &text_of(door, &file)?, &pack)?;
            if door.global.json {
                door.json("calendar-check", as_json(&calendar, &pack))?;
                return Ok(0);
            }
            write(door, &calendar, &pack)?;
            Ok(0)
        }
        CalendarCommand::Adopt { file } => adopt(door, &file),
    }
}

fn text_of(door: &Door<'_>, file: &str) -> Result<String, Failure> {
    document(door, file, "name a file with a calendar; the chapter on policies in the manual has one to copy")
}

fn read(file: &str, text: &str, pack: &Pack) -> Result<SettingCalendar, Failure> {
    SettingCalendar::parse(text, pack).map_err(cannot_stand(file))
}

/// Holidays of the calendar's years that the pack does not have, and those of the pack that it leaves out.
fn differences(calendar: &SettingCalendar, pack: &Pack) -> (Vec<NaiveDate>, Vec<NaiveDate>) {
    let beyond = |days: &[NaiveDate], others: &[NaiveDate]| -> Vec<NaiveDate> {
        days.iter().filter(|day| !others.contains(day)).copied().collect()
    };
    let (own, packs) = (calendar.working_days().holidays(), pack.calendar().holidays());
    (beyond(own, packs), beyond(packs, own))
}

fn as_json(calendar: &SettingCalendar, pack: &Pack) -> Json {
    let ((begin, end), (more, fewer)) = (calendar.span(), differences(calendar, pack));
    let texts = |days: Vec<NaiveDate>| days.iter().map(NaiveDate::to_string).collect::<Vec<_>>();
    let terms: Vec<Json> = calendar
        .terms()
        .iter()
        .map(|term| {
            let open = calendar.opening_days(term.begin, term.end).count();
            json!({"name": term.name, "begin": term.begin.to_string(), "end": term.end.to_string(), "opening_days": open})
        })
        .collect();
    json!({"name": calendar.name(), "begin": begin.to_string(), "end": end.to_string(), "terms": terms,
           "opening_days": calendar.opening_days(begin, end).count(),
           "holidays_beyond_pack": texts(more), "holidays_not_in_calendar": texts(fewer)})
}

fn write(door: &mut Door<'_>, calendar: &SettingCalendar, pack: &Pack) -> Result<(), Failure> {
    let (begin, end) = calendar.span();
    writeln!(door.out, "{}: {} to {}", plain(calendar.name()), day(begin), day(end))?;
    for term in calendar.terms() {
        let open = calendar.opening_days(term.begin, term.end).count();
        let name = plain(&term.name);
        writeln!(door.out, "  {name}: {} to {}, {open} opening days", day(term.begin), day(term.end))?;
    }
    writeln!(
        door.out,
        "  {} opening days altogether; each of them, or its week, needs a closing",
        calendar.opening_days(begin, end).count()
    )?;
    let (more, fewer) = differences(calendar, pack);
    for (days, says) in
        [(more, "is a holiday here and not in the rule pack"), (fewer, "is a holiday in the rule pack and not here")]
    {
        for one in days.into_iter().filter(|one| (begin.year()..=end.year()).contains(&one.year())) {
            writeln!(door.out, "  {} {says}: deadlines are counted by it", day(one))?;
        }
    }
    Ok(())
}

fn adopt(door: &mut Door<'_>, file: &str) -> Result<u8, Failure> {
    let mut desk = door.desk()?;
    let text = text_of(door, file)?;
    let pack = desk.pack().clone();
    let calendar = read(file, &text, &pack)?;
    let entered = desk.adopt_calendar(&text, door.now, &mut durable::entropy())?;
    if door.global.json {
        let mut document = say::entered_json(&entered);
        if let Some(fields) = document.as_object_mut() {
            fields.insert("check".to_owned(), as_json(&calendar, &pack));
        }
        door.json("calendar-adopt", document)?;
        return Ok(0);
    }
    write(door, &calendar, &pack)?;
    writeln!(door.out, "The calendar counts from now on: {}", say::entry(&entered))?;
    Ok(0)
}
