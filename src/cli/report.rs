//! `report`: figures for a committee or governors. Numbers from one to four are hidden: in a small setting they name people.

use indelible::review::figures::{Figure, figures};
use indelible::rules::clock;
use serde_json::{Value as Json, json};

use crate::cli::args::ReportArgs;
use crate::cli::door::Door;
use crate::cli::failure::Failure;
use crate::cli::say;

/// Numbers below this one are not shown.
const HIDDEN_BELOW: u64 = 5;

pub fn run(door: &mut Door<'_>, args: &ReportArgs) -> Result<u8, Failure> {
    let desk = door.desk_read()?;
    if !desk.is_overseer() {
        let next = "ask the lead, a deputy or the leader for it";
        return Err(Failure::new("figures are made by those who oversee every entry", next));
    }
    let now = (door.now)();
    let today = clock::london_day(now);
    // The term that today lies in or that ended last, if a calendar names terms; else since September.
    let terms = desk.rules().terms();
    let term = terms.iter().rev().find(|term| term.begin <= today);
    let (name, begin, end) = match term {
        Some(term) => (Some(term.name.clone()), term.begin, term.end.min(today)),
        None => (None, school_year(today), today),
    };
    let given = args.from.is_some() || args.to.is_some();
    let from = say::moment(args.from.as_deref())?.unwrap_or_else(|| clock::begin_of_day(begin));
    let to = say::until(args.to.as_deref())?.unwrap_or_else(|| clock::end_of_day(end) + 999);
    if from > to {
        return Err(Failure::new("this time ends before it begins", "give --from and --to, the earlier one first"));
    }
    let review = desk.review(now)?;
    let rows = desk.with_facts(|known| figures(&known.facts, &review, from, to))?;
    let name = name.filter(|_| !given);
    if door.global.json {
        let figures: Vec<Json> = rows
            .iter()
            .map(
                |(figure, number)| json!({"figure": words(*figure), "count": shown(*number), "hidden": hides(*number)}),
            )
            .collect();
        door.json("report", json!({"from": say::stamp(from), "to": say::stamp(to), "term": name, "figures": figures}))?;
        return Ok(0);
    }
    if args.csv {
        writeln!(door.out, "figure,count")?;
        for (figure, number) in &rows {
            writeln!(door.out, "\"{}\",{}", words(*figure), text(*number))?;
        }
        return Ok(0);
    }
    let name = name.map(|name| format!("{}, ", say::plain(&name))).unwrap_or_default();
    let day = |at: i64| clock::day_for_people(at, clock::london_offset(at));
    writeln!(door.out, "{}: {name}{} to {}", say::plain(desk.roster().setting()), day(from), day(to))?;
    for (figure, number) in &rows {
        writeln!(door.out, "  {:<62} {:>12}", words(*figure), text(*number))?;
    }
    writeln!(door.out, "Numbers from 1 to 4 are not shown: in a small setting they would name people.")?;
    Ok(0)
}

fn school_year(today: chrono::NaiveDate) -> chrono::NaiveDate {
    use chrono::Datelike;
    let year = if today.month() >= 9 { today.year() } else { today.year() - 1 };
    chrono::NaiveDate::from_ymd_opt(year, 9, 1).unwrap_or(today)
}

fn hides(number: u64) -> bool {
    (1..HIDDEN_BELOW).contains(&number)
}

fn shown(number: u64) -> Option<u64> {
    (!hides(number)).then_some(number)
}

fn text(number: u64) -> String {
    shown(number).map_or_else(|| "fewer than 5".to_owned(), |number| number.to_string())
}

fn words(figure: Figure) -> &'static str {
    match figure {
        Figure::Concerns => "Concerns, and what children told us",
        Figure::Requests => "Requests for information",
        Figure::Shared => "Decisions to share",
        Figure::Emergencies => "- of these in an emergency",
        Figure::NotShared => "Decisions not to share",
        Figure::Watched => "Decisions to watch",
        Figure::Overridden => "Shared in spite of a refusal",
        Figure::Referrals => "Referrals",
        Figure::Consents => "Consents given",
        Figure::Refusals => "Consents refused",
        Figure::Withdrawals => "Consents withdrawn",
        Figure::Access => "Requests for a file",
        Figure::Complaints => "Complaints",
        Figure::Breaches => "Breaches",
        Figure::LimitsNotTold => "Times a child was not told that it cannot be kept secret",
        Figure::SecrecyNotAsked => "Times nobody asked whether it was meant to stay with us",
        Figure::Late => "Entries written after the next working day",
        Figure::Stopped => "Drafts that were stopped or discarded",
        Figure::Closings => "Days or weeks closed",
        Figure::NilReturns => "- of these with nothing to enter",
        Figure::InTime => "Owed, and done in time",
        Figure::DoneLate => "Owed, and done late",
        Figure::Overdue => "Overdue now",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_numbers_are_hidden() {
        let texts: Vec<String> = [0, 1, 4, 5].map(text).to_vec();
        assert_eq!(texts, ["0", "fewer than 5", "fewer than 5", "5"]);
        assert_eq!((shown(3), shown(7)), (None, Some(7)));
    }
}
