//! `drafts`: what was typed and could not be entered yet.

use indelible::cabinet::CabinetError;
use indelible::cabinet::drafts::DraftId;
use indelible::decision::draft::Draft;
use indelible::decision::form::route_of;
use indelible::ledger::LedgerError;
use indelible::ledger::desk::Desk;
use indelible::rules::clock;
use indelible::store::durable;
use serde_json::{Value as Json, json};

use crate::cli::args::{DraftsArgs, DraftsCommand};
use crate::cli::door::Door;
use crate::cli::failure::Failure;
use crate::cli::say::{self, plain};

pub fn run(door: &mut Door<'_>, args: DraftsArgs) -> Result<u8, Failure> {
    if let Some(DraftsCommand::Discard { id }) = args.command {
        return discard(door, &id);
    }
    let desk = door.desk_read()?;
    if args.all {
        return everybodys(door, &desk);
    }
    if let Some(id) = args.id {
        let (_, draft) = find(&desk, &id)?;
        writeln!(door.out, "{:#}", draft.to_json())?;
        return Ok(0);
    }
    let lines = desk.drafts()?;
    let kind = |id| {
        let draft = desk.draft(id).ok()?;
        draft.kind().map(str::to_owned).or_else(|| route_of(&draft).map(|route| format!("route {route}")))
    };
    if door.global.json {
        let row = |line: &indelible::cabinet::drafts::DraftLine| json!({"id": line.id.to_string(), "saved": say::stamp(line.saved_ms), "kind": kind(line.id)});
        let drafts: Vec<Json> = lines.iter().map(row).collect();
        door.json("drafts", json!({ "drafts": drafts }))?;
        return Ok(0);
    }
    if lines.is_empty() {
        writeln!(door.out, "You have no drafts here.")?;
    }
    for line in &lines {
        let (saved, kind) = (clock::for_people(line.saved_ms), kind(line.id).unwrap_or_else(|| "no kind".to_owned()));
        writeln!(door.out, "{}  saved {saved} ({})  {}", line.id, age((door.now)() - line.saved_ms), plain(&kind))?;
    }
    if !lines.is_empty() {
        writeln!(
            door.err,
            "go on with: indelible record --draft ID --field NAME=VALUE; see one with: indelible drafts ID"
        )?;
    }
    Ok(0)
}

/// Discards a draft: nothing that was typed goes without an entry that says so.
fn discard(door: &mut Door<'_>, typed: &str) -> Result<u8, Failure> {
    let mut desk = door.desk()?;
    let (id, _) = find(&desk, typed)?;
    let entry = desk.discard_draft(id, door.now, &mut durable::entropy())?;
    if door.global.json {
        door.json("drafts-discard", json!({ "id": id.to_string(), "entry": entry }))?;
        return Ok(0);
    }
    writeln!(door.out, "Draft {id} is gone. Entry {entry} stays: without its words, with a hash of what it said.")?;
    Ok(0)
}

/// Number and age of everybody's drafts.
fn everybodys(door: &mut Door<'_>, desk: &Desk) -> Result<u8, Failure> {
    let (all, own) = (desk.drafts_of_all()?, desk.drafts()?);
    let yours = |id: DraftId| own.iter().any(|line| line.id == id);
    if door.global.json {
        let row = |file: &indelible::cabinet::drafts::DraftFile| json!({"id": file.id.to_string(), "written": say::stamp(file.written_ms), "yours": yours(file.id)});
        let drafts: Vec<Json> = all.iter().map(row).collect();
        door.json("drafts-all", json!({ "drafts": drafts }))?;
        return Ok(0);
    }
    let number = all.len();
    writeln!(door.out, "{number} draft{} in this ledger.", if number == 1 { "" } else { "s" })?;
    for file in &all {
        let whose = if yours(file.id) { "  yours" } else { "" };
        let written = clock::for_people(file.written_ms);
        writeln!(door.out, "{}  saved {written} ({}){whose}", file.id, age((door.now)() - file.written_ms))?;
    }
    Ok(0)
}

/// Opens a draft of one's own by the id that was typed.
pub fn find(desk: &Desk, typed: &str) -> Result<(DraftId, Draft), Failure> {
    let missing = || Failure::new("you have no draft of this id", "see `indelible drafts`");
    let id = DraftId::parse(&typed.to_ascii_lowercase()).ok_or_else(missing)?;
    match desk.draft(id) {
        Ok(draft) => Ok((id, draft)),
        Err(LedgerError::Cabinet(CabinetError::Missing | CabinetError::Wrap(_))) => Err(missing()),
        Err(other) => Err(other.into()),
    }
}

fn age(milliseconds: i64) -> String {
    let minutes = milliseconds / 60_000;
    let (number, unit) = match minutes {
        ..=0 => return "just now".to_owned(),
        1..=119 => (minutes, "minute"),
        120..=2879 => (minutes / 60, "hour"),
        _ => (minutes / 1440, "day"),
    };
    format!("{number} {unit}{} ago", if number == 1 { "" } else { "s" })
}
