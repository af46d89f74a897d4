//! `role` and `confirm`: who does what here, and the second person's word.

use indelible::codec::PersonId;
use indelible::ledger::desk::Desk;
use indelible::ledger::people::{Change, Post};
use indelible::store::durable;
use serde_json::{Value as Json, json};

use crate::cli::args::{ConfirmArgs, RoleCommand};
use crate::cli::door::Door;
use crate::cli::failure::Failure;
use crate::cli::say;

pub fn run(door: &mut Door<'_>, command: RoleCommand) -> Result<u8, Failure> {
    match command {
        RoleCommand::Assign { person, role, case, from, until } => {
            let mut desk = door.desk()?;
            let person = say::find_person(&desk, &person)?;
            let role = say::role(&role, desk.pack())?;
            let case = case.map(|case| desk.find_case(&case)).transpose()?;
            let starts = say::moment(from.as_deref())?.unwrap_or_else(door.now);
            let post = Post { role, case, starts, until: say::until(until.as_deref())? };
            let change = desk.assign_role(person, post, door.now, &mut durable::entropy())?;
            changed(door, "role-assign", &[change], "The role is given.")
        }
        RoleCommand::End { person, role, case } => {
            let mut desk = door.desk()?;
            let person = say::find_person(&desk, &person)?;
            let role = say::role(&role, desk.pack())?;
            let case = case.map(|case| desk.find_case(&case)).transpose()?;
            if role.is_overseer() && case.is_none() {
                warn_of_the_last(door, &desk, person)?;
            }
            let change = desk.end_role(person, role, case, door.now, &mut durable::entropy())?;
            changed(door, "role-end", &[change], "The role is ended.")
        }
    }
}

pub fn confirm(door: &mut Door<'_>, args: &ConfirmArgs) -> Result<u8, Failure> {
    let mut desk = door.desk()?;
    say::code(desk.pack(), "VIEW", &args.view)?;
    let entered = desk.confirm(args.entry, &args.view, door.now, &mut durable::entropy())?;
    if door.global.json {
        let mut document = say::entered_json(&entered);
        if let Some(fields) = document.as_object_mut() {
            fields.insert("confirms".to_owned(), args.entry.into());
            fields.insert("view".to_owned(), args.view.clone().into());
        }
        door.json("confirm", document)?;
        return Ok(0);
    }
    let said = say::entry(&entered);
    match args.view.as_str() {
        "agrees" => writeln!(door.out, "Entry {} counts from now on: {said}", args.entry)?,
        "does_not" => writeln!(door.out, "Entry {} will not count: {said}", args.entry)?,
        _ => writeln!(door.out, "Entry {} goes on waiting: {said}", args.entry)?,
    }
    Ok(0)
}

/// Says what comes of it where the last person who oversees is to be ended; ending them is not held up.
pub fn warn_of_the_last(door: &mut Door<'_>, desk: &Desk, person: PersonId) -> Result<(), Failure> {
    let now = (door.now)();
    let (last, others): (Vec<_>, Vec<_>) = desk.roster().overseers(now).partition(|one| one.person == person);
    if !last.is_empty() && others.is_empty() {
        writeln!(
            door.err,
            "warning: with this nobody oversees any more: nobody can be enrolled, no case opened and nothing reviewed. \
             Give somebody else the role of dsl, deputy_dsl or leader first: `indelible role assign`"
        )?;
    }
    Ok(())
}

/// Prints what changes of the roster were entered, and what waits for a second person; exit 1 if something does.
pub fn changed(door: &mut Door<'_>, command: &str, changes: &[Change], done: &str) -> Result<u8, Failure> {
    let waiting: Vec<u64> = changes.iter().filter(|change| change.waits).map(|change| change.entered.number).collect();
    if door.global.json {
        let row = |change: &Change| {
            let mut row = say::entered_json(&change.entered);
            if let Some(fields) = row.as_object_mut() {
                fields.insert("waits".to_owned(), change.waits.into());
            }
            row
        };
        let entries: Vec<Json> = changes.iter().map(row).collect();
        door.json(command, json!({"entries": entries, "waiting": waiting}))?;
        return Ok(0);
    }
    for change in changes {
        writeln!(door.out, "{}", say::entry(&change.entered))?;
    }
    if waiting.is_empty() {
        writeln!(door.out, "{done}")?;
    }
    waiting.into_iter().try_for_each(|entry| say::waits(door, entry))?;
    Ok(0)
}
