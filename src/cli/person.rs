//! `person`: identities, cards, enrolment, the list of people.

use indelible::decision::people::Role;
use indelible::keys::card::{Card, is_handle};
use indelible::ledger::init::card;
use indelible::store::durable;
use indelible::verify::roster::Enrolment;
use serde_json::{Value as Json, json};

use crate::cli::args::PersonCommand;
use crate::cli::door::Door;
use crate::cli::failure::Failure;
use crate::cli::init::new_identity;
use crate::cli::say::{self, plain};

pub fn run(door: &mut Door<'_>, command: PersonCommand) -> Result<u8, Failure> {
    match command {
        PersonCommand::New { name, handle, no_passphrase } => {
            new(door, name.as_deref(), handle.as_deref(), no_passphrase)
        }
        PersonCommand::Enrol { card, role, handle } => enrol(door, &card, &role, handle.as_deref()),
        PersonCommand::List => list(door),
    }
}

fn new(door: &mut Door<'_>, name: Option<&str>, handle: Option<&str>, no_passphrase: bool) -> Result<u8, Failure> {
    check_handle(handle)?;
    let path = door.identity_path()?;
    let identity = new_identity(door, &path, name, handle, no_passphrase)?;
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

fn enrol(door: &mut Door<'_>, typed: &str, role: &str, handle: Option<&str>) -> Result<u8, Failure> {
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
    let (entered, handle) = desk.enrol(&card, role, handle, door.now, &mut durable::entropy())?;
    if door.global.json {
        let mut document = say::entered_json(&entered);
        if let Some(fields) = document.as_object_mut() {
            fields.insert("handle".to_owned(), handle.into());
            fields.insert("role".to_owned(), role.code().into());
        }
        door.json("person-enrol", document)?;
        return Ok(0);
    }
    writeln!(door.out, "{} is enrolled as {}: {}", plain(&handle), role.code(), say::entry(&entered))?;
    if role.needs_second_person() {
        writeln!(door.out, "A founder can enrol one other leading person alone, once: this was it.")?;
    }
    Ok(0)
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
    let people = match door.global.identity {
        Some(_) => {
            let people = door.desk_read()?.people();
            people.into_iter().map(|person| (person.handle, person.name, person.enrolment)).collect()
        }
        None => without_names(door.reader()?.roster()?.enrolments()),
    };
    if door.global.json {
        let row = |(handle, name, enrolment): &(Option<String>, Option<String>, Enrolment)| {
            json!({"handle": handle, "name": name, "role": enrolment.role.code(), "since": enrolment.entry,
                   "state": state(enrolment), "person": enrolment.person.to_string()})
        };
        let people: Vec<Json> = people.iter().map(row).collect();
        door.json("person-list", json!({ "people": people }))?;
        return Ok(0);
    }
    let width = people.iter().map(|(handle, ..)| handle.as_deref().unwrap_or("?").chars().count()).max().unwrap_or(0);
    for (handle, name, enrolment) in &people {
        let (handle, role) = (handle.as_deref().unwrap_or("?"), enrolment.role.code());
        let since = format!("since entry {}, {}", enrolment.entry, state(enrolment));
        let name = name.as_ref().map(|name| format!("  {}", plain(name))).unwrap_or_default();
        writeln!(door.out, "{:<width$}  {role:<13}  {since}{name}", plain(handle))?;
    }
    if door.global.identity.is_none() {
        writeln!(door.err, "note: names are shown to people who are enrolled; add --identity FILE")?;
    }
    Ok(0)
}

/// `staff 1`, `staff 2` ... for the persons of a roster, in order of enrolment.
fn without_names(enrolments: &[Enrolment]) -> Vec<(Option<String>, Option<String>, Enrolment)> {
    let mut seen = Vec::new();
    let row = |enrolment: &Enrolment| {
        let known = seen.iter().position(|person| *person == enrolment.person);
        let at = known.unwrap_or_else(|| {
            seen.push(enrolment.person);
            seen.len() - 1
        });
        (Some(format!("staff {}", at + 1)), None, enrolment.clone())
    };
    enrolments.iter().map(row).collect()
}

fn state(enrolment: &Enrolment) -> &'static str {
    match (enrolment.in_force, enrolment.ended) {
        (_, Some(_)) => "ended",
        (Some(_), None) => "in force",
        (None, None) => "waits for a second person",
    }
}
