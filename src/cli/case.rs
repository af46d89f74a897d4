//! `case`: opening, listing and showing children's cases.

use indelible::decision::people::Role;
use indelible::entry::statement::Body;
use indelible::keys::card::is_handle;
use indelible::ledger::desk::Desk;
use indelible::review::fact::Fact;
use indelible::review::item::Review;
use indelible::rules::clock;
use indelible::store::durable;
use serde_json::{Value as Json, json};

use crate::cli::args::CaseCommand;
use crate::cli::door::Door;
use crate::cli::failure::Failure;
use crate::cli::log::{self, Filter, Reader, Row};
use crate::cli::say::{self, plain};

pub fn run(door: &mut Door<'_>, command: CaseCommand) -> Result<u8, Failure> {
    match command {
        CaseCommand::Open { handle, label } => open(door, handle, label),
        CaseCommand::List => list(door),
        CaseCommand::Show { case } => show(door, &case),
    }
}

fn open(door: &mut Door<'_>, handle: Option<String>, label: Option<String>) -> Result<u8, Failure> {
    let mut desk = door.desk()?;
    let handle = match handle {
        Some(handle) => handle,
        None => door.ask("Handle that staff will type (such as the first name)")?,
    };
    let handle = handle.trim().to_lowercase();
    if !is_handle(&handle) {
        return Err(Failure::new(
            "this handle cannot be used",
            "give 1 to 32 lowercase letters, digits and hyphens, no hyphen first",
        ));
    }
    let label = match label {
        Some(label) => label,
        None => door.ask("The child's name, for the roll")?,
    };
    if label.trim().is_empty() {
        return Err(Failure::new("the child's name is empty", "give it, or at least initials"));
    }
    let (entered, tag) = desk.open_case(&handle, label.trim(), door.now, &mut durable::entropy())?;
    if door.global.json {
        let mut document = say::entered_json(&entered);
        if let Some(fields) = document.as_object_mut() {
            fields.insert("case".to_owned(), handle.into());
            fields.insert("case_tag".to_owned(), tag.base32().into());
        }
        door.json("case-open", document)?;
        return Ok(0);
    }
    writeln!(door.out, "The case {} is open: {}", plain(&handle), say::entry(&entered))?;
    writeln!(door.out, "On paper and in messages it is {}.", short(&desk, tag)?)?;
    Ok(0)
}

/// The tag as it is now that the case is in the roster.
fn short(desk: &Desk, tag: indelible::codec::CaseTag) -> Result<String, Failure> {
    let mut all: Vec<_> = desk.roster().cases().iter().map(|(tag, _)| *tag).collect();
    all.push(tag);
    Ok(tag.short(&all))
}

fn list(door: &mut Door<'_>) -> Result<u8, Failure> {
    let reader = Reader::open(door)?;
    let roster = match &reader {
        Reader::Desk(desk) => desk.roster().clone(),
        Reader::Skeleton(ledger) => ledger.roster()?,
    };
    let all: Vec<_> = roster.cases().iter().map(|(tag, _)| *tag).collect();
    let mut rows = Vec::new();
    for (tag, entry) in roster.cases() {
        let opened = log::row(&reader, *entry)?.recorded;
        let line = reader.desk().and_then(|desk| desk.roll().case(*tag));
        rows.push((line, *tag, *entry, opened));
    }
    if door.global.json {
        let row = |(line, tag, entry, opened): &(Option<&indelible::cabinet::roll::CaseLine>, _, _, _)| {
            let tag: &indelible::codec::CaseTag = tag;
            json!({"case": line.map(|line| line.handle()), "label": line.map(|line| line.label()), "tag": tag.short(&all),
                   "case_tag": tag.base32(), "entry": entry, "opened": say::stamp(*opened)})
        };
        let cases: Vec<Json> = rows.iter().map(row).collect();
        door.json("case-list", json!({ "cases": cases }))?;
        return Ok(0);
    }
    let width = rows.iter().filter_map(|(line, ..)| line.map(|line| line.handle().len())).max().unwrap_or(0);
    for (line, tag, entry, opened) in &rows {
        let handle = line.map(|line| format!("{:<width$}  ", plain(line.handle()))).unwrap_or_default();
        let label = line.map(|line| format!("  {}", plain(line.label()))).unwrap_or_default();
        let opened = clock::for_people(*opened);
        writeln!(door.out, "{handle}{}  opened {opened}, entry {entry}{label}", tag.short(&all))?;
    }
    if rows.is_empty() {
        writeln!(door.out, "No case is open yet.")?;
    }
    if reader.desk().is_none() {
        writeln!(door.err, "note: names are shown to people who are enrolled; add --identity FILE")?;
    }
    Ok(0)
}

fn show(door: &mut Door<'_>, typed: &str) -> Result<u8, Failure> {
    let reader = Reader::open(door)?;
    let Some(desk) = reader.desk() else {
        return Err(Failure::new("a case is shown to people who are enrolled", "add --identity FILE"));
    };
    let tag = desk.find_case(typed)?;
    let opened = desk.roster().cases().iter().find(|(case, _)| *case == tag).map(|(_, entry)| *entry);
    let opener = match opened {
        Some(entry) => desk.statement(entry)?.1.map(|statement| say::person(desk, statement.body().person)),
        None => None,
    };
    let filter = Filter { case: Some(tag), ..Filter::default() };
    let line = desk.roll().case(tag);
    let readings = if desk.is_overseer() { desk.readings(tag)? } else { Vec::new() };
    if door.global.json {
        let mut entries = Vec::new();
        reader.rows(&filter, &mut |row| {
            let mut json = log::row_json(Some(desk), &row);
            let gaps = row.findings.iter().flat_map(|finding| &finding.gaps);
            if let Some(fields) = json.as_object_mut() {
                fields.insert("gaps".to_owned(), say::gaps_json(gaps));
            }
            entries.push(json);
            Ok(())
        })?;
        let readings: Vec<Json> = readings.iter().map(|reading| reading_json(desk, reading)).collect();
        let document = json!({"case": line.map(|line| line.handle()), "label": line.map(|line| line.label()),
            "case_tag": tag.base32(), "opener": opener, "entries": entries, "readings": readings});
        door.json("case-show", document)?;
        return Ok(0);
    }
    let (handle, label) = line.map_or(("?", "?"), |line| (line.handle(), line.label()));
    writeln!(door.out, "{} ({}), tag {}", plain(handle), plain(label), desk.tag(tag))?;
    if let Some(opener) = opener {
        writeln!(door.out, "Opened by {}.", plain(&opener))?;
    }
    writeln!(door.out, "Its words are read by the overseers: {}.", plain(&say::overseers(desk)))?;
    if desk.is_overseer() {
        grants(door, desk, tag)?;
    } else {
        writeln!(door.out, "You see your own entries, the public ones and what you were granted to read.")?;
    }
    let mut rows = Vec::new();
    reader.rows(&filter, &mut |row| {
        rows.push(row);
        Ok(())
    })?;
    // As a chronology: by when it was, not by when it was written down.
    rows.sort_by_key(|row| (row.body.as_ref().map_or(row.recorded, |body| when_it_was(row, body)), row.number));
    let review = desk.review((door.now)())?;
    for row in &rows {
        entry(door, desk, row)?;
        items(door, desk, &review, row.number)?;
    }
    if !readings.is_empty() {
        writeln!(door.out, "\nWords were opened by:")?;
    }
    for reading in &readings {
        let who = say::person(desk, reading.person);
        let under =
            reading.under.map_or_else(|| "by role".to_owned(), |grant| format!("under the grant of entry {grant}"));
        let why = desk.pack().list("CAUSE").and_then(|list| list.find(&reading.cause)).map(|code| code.text.clone());
        let why = why.unwrap_or_else(|| reading.cause.clone());
        let when = clock::for_people(reading.recorded);
        writeln!(
            door.out,
            "  {}  {when}, from entry {} on, {under}: {} (entry {})",
            plain(&who),
            reading.of,
            plain(&why),
            reading.entry
        )?;
    }
    Ok(0)
}

/// When what an entry tells of was, in milliseconds UTC.
fn when_it_was(row: &Row, body: &indelible::entry::statement::Body) -> i64 {
    Fact::of(row.number, row.recorded, false, row.digest, body).when()
}

/// What is owed, or was broken, under an entry. What an entry lacks in itself stands with it already.
fn items(door: &mut Door<'_>, desk: &Desk, review: &Review, entry: u64) -> Result<(), Failure> {
    let own = ["INCOMPLETE", "LATE", "EMERGENCY", "CLOCK-BACK"];
    for item in review.of(entry).filter(|item| !own.contains(&item.flag)) {
        writeln!(door.out, "  {}", crate::cli::review::line(desk, item, review.now))?;
    }
    Ok(())
}

/// Who reads the case beside those whose role lets them.
fn grants(door: &mut Door<'_>, desk: &Desk, case: indelible::codec::CaseTag) -> Result<(), Failure> {
    let (table, now) = (desk.readers()?, (door.now)());
    let key_persons = desk.roster().roles_of_case(case, now).filter(|(_, role)| *role == Role::KeyPerson);
    for (person, _) in key_persons {
        writeln!(door.out, "In general also by {}, the key person.", plain(&say::person(desk, person)))?;
    }
    for grant in table.grants.iter().filter(|grant| grant.case == Some(case) && grant.stands(now)) {
        let until = grant.until.map(|until| format!(" until {}", clock::for_people(until))).unwrap_or_default();
        let (who, folder) = (say::person(desk, grant.person), grant.folder().name());
        writeln!(door.out, "In {folder} also by {}{until}, granted by entry {}.", plain(&who), grant.entry)?;
    }
    Ok(())
}

fn reading_json(desk: &Desk, reading: &indelible::ledger::grants::Reading) -> Json {
    json!({"entry": reading.entry, "person": say::person(desk, reading.person), "recorded": say::stamp(reading.recorded),
           "of": reading.of, "cause": reading.cause, "grant": reading.under})
}

fn entry(door: &mut Door<'_>, desk: &Desk, row: &Row) -> Result<(), Failure> {
    let Some(body) = &row.body else { return Ok(()) };
    let folder = body.folder().filter(|folder| *folder != indelible::codec::Folder::None);
    let folder = folder.map(|folder| format!(", folder {}", folder.name())).unwrap_or_default();
    let author = say::person(desk, body.person);
    let proposed = if body.happened { "" } else { " (proposed)" };
    writeln!(door.out, "\nentry {}  {}{proposed}, by {}{folder}", row.number, log::kind_name(body), plain(&author))?;
    let times = [("done", &body.occurred), ("learned", &body.learned), ("decided", &body.decided)];
    let times = times.iter().filter_map(|(name, moment)| say::when(moment).map(|when| format!("; {name} {when}")));
    writeln!(door.out, "  recorded {}{}", clock::for_people(row.recorded), times.collect::<String>())?;
    for reference in &body.references {
        writeln!(door.out, "  {}", reference_line(desk, row.number, body, reference))?;
    }
    for link in &row.beside {
        writeln!(door.out, "  {} entry {}", log::beside_line(link.relation.name()), link.entry)?;
    }
    for finding in &row.findings {
        writeln!(door.out, "  {}: {}", finding.flag.code(), say::flag(desk.pack(), finding.flag.code()))?;
        for gap in &finding.gaps {
            writeln!(door.out, "    {}: {}", gap.field, plain(&gap.what))?;
        }
    }
    Ok(())
}

/// `decides entry 6 (info.received)`.
pub fn reference_line(
    desk: &Desk,
    number: u64,
    body: &Body,
    reference: &indelible::decision::decision::Reference,
) -> String {
    let name = reference.relation.name().unwrap_or("refers to");
    let Some(entry) = desk.number_of(number, body, reference) else {
        return format!("{name} an entry whose number was not known yet");
    };
    let kind = desk.statement(entry).ok().and_then(|(_, statement)| statement);
    let kind = kind.map(|statement| format!(" ({})", log::kind_name(statement.body()))).unwrap_or_default();
    format!("{name} entry {entry}{kind}")
}
