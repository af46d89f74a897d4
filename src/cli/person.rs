//! `person`: identities, cards, enrolment, the list of people.

use std::path::Path;

use indelible::codec::PersonId;
use indelible::codec::context::hex;
use indelible::decision::people::Role;
use indelible::keys::card::{Card, is_handle};
use indelible::ledger::desk::Person;
use indelible::ledger::init::card;
use indelible::ledger::people::{Change, Enrolling, Outsider};
use indelible::rules::clock;
use indelible::store::durable;
use indelible::verify::roster::Roster;
use indelible::verify::tenure::Tenure;
use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

use crate::cli::args::PersonCommand;
use crate::cli::door::Door;
use crate::cli::failure::Failure;
use crate::cli::init::{NewIdentity, new_identity};
use crate::cli::qr;
use crate::cli::role;
use crate::cli::say::{self, plain};

pub fn run(door: &mut Door<'_>, command: PersonCommand) -> Result<u8, Failure> {
    match command {
        PersonCommand::New { name, handle, same_as, person, no_passphrase } => {
            let same = Same { file: same_as.as_deref(), person: person.as_deref() };
            new(door, name.as_deref(), handle.as_deref(), same, no_passphrase)
        }
        PersonCommand::Enrol { card, role, handle, replaces } => enrol(door, &card, &role, handle.as_deref(), replaces),
        PersonCommand::Add { name, handle, person_type } => add(door, name.as_deref(), handle.as_deref(), &person_type),
        PersonCommand::Card { qr } => own_card(door, qr),
        PersonCommand::List { sheet: false } => list(door),
        PersonCommand::List { sheet: true } => roster_sheet(door),
        PersonCommand::End { person, cause } => end(door, &person, &cause),
        PersonCommand::Revoke { key, cause, since } => revoke(door, &key, &cause, since.as_deref()),
    }
}

/// Whose identity a new one is: nobody's yet, that of another file, or that of a person by id.
struct Same<'a> {
    file: Option<&'a Path>,
    person: Option<&'a str>,
}

fn new(
    door: &mut Door<'_>,
    name: Option<&str>,
    handle: Option<&str>,
    same: Same<'_>,
    no_passphrase: bool,
) -> Result<u8, Failure> {
    check_handle(handle)?;
    let path = door.identity_path()?;
    let of = match (same.file, same.person) {
        (Some(file), _) => NewIdentity::Device(Box::new(door.identity_at(file)?)),
        (None, Some(id)) => {
            let next = "copy it from `indelible --identity FILE person list --json`, as an overseer sees it";
            let id = PersonId::parse(id).ok_or_else(|| Failure::new("this is no person's id", next))?;
            NewIdentity::Person(id)
        }
        (None, None) => NewIdentity::Nobody,
    };
    let identity = new_identity(door, &path, name, handle, &of, no_passphrase)?;
    let card = card(&identity)?;
    if door.global.json {
        let path = path.display().to_string();
        door.json("person-new", json!({"identity": path, "handle": identity.handle(), "card": card.to_string()}))?;
        return Ok(0);
    }
    writeln!(door.out, "Made {}. Keep it to yourself: it is your signature.", plain(&path.display().to_string()))?;
    writeln!(door.out, "Give this card to the DSL to be enrolled (it holds your name and no secret):")?;
    writeln!(door.out, "{card}")?;
    Ok(0)
}

/// Puts somebody on the roll who does not write here.
fn add(door: &mut Door<'_>, name: Option<&str>, handle: Option<&str>, person_type: &str) -> Result<u8, Failure> {
    check_handle(handle)?;
    let name = Zeroizing::new(match name {
        Some(name) => name.to_owned(),
        None => door.ask("The person's name")?,
    });
    let mut desk = door.desk()?;
    say::code(desk.pack(), "PERSON", person_type)?;
    let who = Outsider { name: name.trim(), handle, person_type };
    let (entered, person, handle) = desk.add_person(who, door.now, &mut durable::entropy())?;
    if door.global.json {
        let mut document = say::entered_json(&entered);
        if let Some(fields) = document.as_object_mut() {
            fields.insert("handle".to_owned(), handle.into());
            fields.insert("person".to_owned(), person.to_string().into());
        }
        door.json("person-add", document)?;
        return Ok(0);
    }
    writeln!(door.out, "{} is on the roll: {}", plain(&handle), say::entry(&entered))?;
    writeln!(door.out, "The name is in the sealed roll only. Forms take the handle now.")?;
    Ok(0)
}

fn own_card(door: &mut Door<'_>, qr: bool) -> Result<u8, Failure> {
    let card = card(&door.identity()?)?.to_string();
    if door.global.json {
        door.json("person-card", json!({ "card": card }))?;
        return Ok(0);
    }
    if qr && let Some(code) = qr::code(card.as_bytes()) {
        writeln!(door.out, "{}", *code)?;
    }
    writeln!(door.out, "{card}")?;
    Ok(0)
}

/// The roster as a sheet of paper: to be compared with the payroll, signed, and kept outside the computer.
fn roster_sheet(door: &mut Door<'_>) -> Result<u8, Failure> {
    let desk = door.desk_read()?;
    let now = (door.now)();
    let (roster, names) = (desk.roster().clone(), desk.people());
    writeln!(door.out, "{}", plain(roster.setting()))?;
    writeln!(door.out, "Who may write in the ledger {}, on {}", plain(roster.origin()), clock::for_people(now))?;
    writeln!(door.out, "{} entries, root {}\n", desk.ledger.size(), desk.ledger.root())?;
    for row in rows(&roster, Some(&names), now) {
        let name = row.name.clone().unwrap_or_else(|| row.handle.clone());
        writeln!(door.out, "{} ({})", plain(&name), plain(&row.handle))?;
        writeln!(door.out, "    {}, since entry {}, {}", row.role, row.since, row.state)?;
        if let Some(key) = &row.key {
            let groups: Vec<&str> = (0..key.len()).step_by(8).filter_map(|at| key.get(at..at + 8)).collect();
            writeln!(door.out, "    key {}", groups.join(" "))?;
        }
    }
    writeln!(door.out, "\nCompared with the list of staff by two people:\n")?;
    for _ in 0..2 {
        writeln!(door.out, "    ______________________________   ____________________   ____________")?;
        writeln!(door.out, "    name                             signature              date\n")?;
    }
    Ok(0)
}

fn enrol(
    door: &mut Door<'_>,
    typed: &str,
    role: &str,
    handle: Option<&str>,
    replaces: Option<u64>,
) -> Result<u8, Failure> {
    check_handle(handle)?;
    let read = match typed {
        "-" => String::from_utf8(door.read(std::path::Path::new("-"))?).unwrap_or_default(),
        _ => typed.to_owned(),
    };
    // The card may come with the words that `person new` prints before it.
    let line = read.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let card = Card::parse(line).map_err(|error| {
        let next = "ask for the whole card again: it is the last line that `indelible person new` printed";
        Failure::new(format!("this card cannot be used: {error}"), next)
    })?;
    let mut desk = door.desk()?;
    let role: Role = say::role(role, desk.pack())?;
    if desk.roster().enrolment(card.author_key().as_bytes()).is_some() {
        return Err(Failure::new("the key of this card is enrolled already", "see `indelible person list`"));
    }
    let enrolling = Enrolling { role, handle, renews: replaces };
    let first = role.needs_second_person() && desk.roster().founder_may_enrol(desk.identity().person(), card.person());
    let (Change { entered, waits }, handle) = desk.enrol(&card, enrolling, door.now, &mut durable::entropy())?;
    if door.global.json {
        let mut document = say::entered_json(&entered);
        if let Some(fields) = document.as_object_mut() {
            fields.insert("handle".to_owned(), handle.into());
            fields.insert("role".to_owned(), role.code().into());
            fields.insert("waits".to_owned(), waits.into());
        }
        door.json("person-enrol", document)?;
        return Ok(0);
    }
    let said = say::entry(&entered);
    if waits {
        writeln!(door.out, "{} is to be enrolled as {}: {said}", plain(&handle), role.code())?;
        say::waits(door, entered.number)?;
    } else {
        writeln!(door.out, "{} is enrolled as {}: {said}", plain(&handle), role.code())?;
    }
    if first && !waits {
        writeln!(door.out, "A founder can enrol one other leading person alone, once: this was it.")?;
    }
    Ok(0)
}

fn end(door: &mut Door<'_>, typed: &str, cause: &str) -> Result<u8, Failure> {
    let mut desk = door.desk()?;
    say::code(desk.pack(), "CAUSE", cause)?;
    let person = say::find_person(&desk, typed)?;
    role::warn_of_the_last(door, &desk, person)?;
    let changes = desk.end_person(person, cause, door.now, &mut durable::entropy())?;
    role::changed(door, "person-end", &changes, "Everything that this person held here is ended.")
}

fn revoke(door: &mut Door<'_>, typed: &str, cause: &str, since: Option<&str>) -> Result<u8, Failure> {
    let mut desk = door.desk()?;
    say::code(desk.pack(), "CAUSE", cause)?;
    let since = say::moment(since)?.unwrap_or_else(door.now);
    let entry = match typed.parse::<u64>() {
        Ok(entry) => entry,
        Err(_) => {
            let person = say::find_person(&desk, typed)?;
            let keys: Vec<u64> =
                desk.roster().current().filter(|one| one.person == person).map(|one| one.entry).collect();
            match keys.as_slice() {
                [entry] => *entry,
                [] => return Err(Failure::new("this person has no key in force", "see `indelible person list`")),
                _ => {
                    let list: Vec<String> = keys.iter().map(u64::to_string).collect();
                    let next = format!("give the number of the entry that enrolled it: {}", list.join(", "));
                    return Err(Failure::new("this person has several keys", next));
                }
            }
        }
    };
    if let Some(of) = desk.roster().current().find(|one| one.entry == entry).map(|one| one.person)
        && desk.roster().current().filter(|one| one.person == of).count() == 1
    {
        role::warn_of_the_last(door, &desk, of)?;
    }
    let change = desk.revoke(entry, cause, since, door.now, &mut durable::entropy())?;
    role::changed(door, "person-revoke", &[change], "The key is revoked; what it signed before stays valid.")
}

fn check_handle(handle: Option<&str>) -> Result<(), Failure> {
    match handle {
        Some(handle) if !is_handle(handle) => Err(Failure::new(
            "this handle cannot be used",
            "give 1 to 32 lowercase letters, digits and hyphens, no hyphen first",
        )),
        _ => Ok(()),
    }
}

fn list(door: &mut Door<'_>) -> Result<u8, Failure> {
    let mut outside: Vec<(String, String, PersonId)> = Vec::new();
    let (roster, names) = match door.global.identity {
        Some(_) => {
            let desk = door.desk_read()?;
            let names = desk.people();
            let writes = |person: PersonId| names.iter().any(|one| one.enrolment.person == person);
            let others = desk.roll().persons().iter().filter(|line| !writes(line.person()));
            outside.extend(others.map(|line| (line.handle().to_owned(), line.name().to_owned(), line.person())));
            (desk.roster().clone(), Some(names))
        }
        None => (door.reader()?.roster()?, None),
    };
    let now = (door.now)();
    let people = rows(&roster, names.as_deref(), now);
    if door.global.json {
        let waiting: Vec<Json> = roster.waiting().iter().map(|one| one.entry.into()).collect();
        let people: Vec<Json> = people.iter().map(Row::json).collect();
        let founder = roster.one_founder();
        let other = |(handle, name, person): &(String, String, PersonId)| json!({"handle": handle, "name": name, "person": person.to_string()});
        let others: Vec<Json> = outside.iter().map(other).collect();
        let document = json!({"people": people, "others": others, "waiting": waiting, "one_founder": founder});
        door.json("person-list", document)?;
        return Ok(0);
    }
    let width = people.iter().map(|row| row.handle.chars().count()).max().unwrap_or(0);
    for row in &people {
        let name = row.name.as_ref().map(|name| format!("  {}", plain(name))).unwrap_or_default();
        let handle = plain(&row.handle);
        writeln!(door.out, "{handle:<width$}  {:<13}  since entry {}, {}{name}", row.role, row.since, row.state)?;
    }
    if !outside.is_empty() {
        writeln!(door.out, "On the roll, and not writing here:")?;
    }
    for (handle, name, _) in &outside {
        writeln!(door.out, "  {}  {}", plain(handle), plain(name))?;
    }
    for one in roster.waiting() {
        writeln!(door.out, "entry {0} waits for a second person: `indelible confirm {0}`", one.entry)?;
    }
    if roster.one_founder() {
        writeln!(door.out, "One person began this ledger: a second leading person should run `indelible confirm 0`.")?;
    }
    if names.is_none() {
        writeln!(door.err, "note: names are shown to people who are enrolled; add --identity FILE")?;
    }
    Ok(0)
}

/// A line of the list: a role, and how it came about.
struct Row {
    handle: String,
    name: Option<String>,
    role: String,
    since: u64,
    state: String,
    person: PersonId,
    key: Option<String>,
}

impl Row {
    fn json(&self) -> Json {
        json!({"handle": self.handle, "name": self.name, "role": self.role, "since": self.since, "state": self.state,
               "person": self.person.to_string(), "key": self.key})
    }
}

/// One line for each role, in order of entry: those that came with a key, and those that were assigned.
fn rows(roster: &Roster, names: Option<&[Person]>, now: i64) -> Vec<Row> {
    let mut seen: Vec<PersonId> = Vec::new();
    let mut row = |tenure: &Tenure| {
        let named = names.and_then(|all| all.iter().find(|one| one.enrolment.person == tenure.person));
        if !seen.contains(&tenure.person) {
            seen.push(tenure.person);
        }
        let at = seen.iter().position(|person| *person == tenure.person).unwrap_or(0);
        let case = tenure.case.map(|case| format!(" of {}", case.short(&[]))).unwrap_or_default();
        Row {
            handle: named.and_then(|one| one.handle.clone()).unwrap_or_else(|| format!("staff {}", at + 1)),
            name: named.and_then(|one| one.name.clone()),
            role: format!("{}{case}", tenure.role.code()),
            since: tenure.entry,
            state: state(roster, tenure, now),
            person: tenure.person,
            key: tenure.key.map(|key| hex(&key)),
        }
    };
    roster.tenures().iter().map(&mut row).collect()
}

fn state(roster: &Roster, tenure: &Tenure, now: i64) -> String {
    let enrolment = tenure.key.and_then(|key| roster.enrolment(&key));
    let ended = enrolment.and_then(|one| one.ended).or(tenure.ended.map(|(entry, _)| entry));
    let waits = roster.waiting().iter().any(|one| one.entry == tenure.entry);
    match (ended, tenure.in_force) {
        (Some(entry), _) if tenure.ended.is_none_or(|(_, from)| from <= now) => format!("ended by entry {entry}"),
        (_, None) if waits => "waits for a second person".to_owned(),
        (_, None) => "not agreed".to_owned(),
        _ if now < tenure.starts => format!("from {}", clock::for_people(tenure.starts)),
        _ => match tenure.until {
            Some(until) if until <= now => format!("ended on {}", clock::for_people(until)),
            Some(until) => format!("in force until {}", clock::for_people(until)),
            None => "in force".to_owned(),
        },
    }
}
