//! `drafts`: what was typed and could not be entered yet.

use indelible::cabinet::CabinetError;
use indelible::cabinet::drafts::DraftId;
use indelible::decision::draft::Draft;
use indelible::ledger::LedgerError;
use indelible::ledger::desk::Desk;
use indelible::rules::clock;
use serde_json::{Value as Json, json};

use crate::cli::args::DraftsArgs;
use crate::cli::door::Door;
use crate::cli::failure::Failure;
use crate::cli::say::{self, plain};

pub fn run(door: &mut Door<'_>, args: DraftsArgs) -> Result<u8, Failure> {
    let desk = door.desk_read()?;
    if let Some(id) = args.id {
        let (_, draft) = find(&desk, &id)?;
        writeln!(door.out, "{:#}", draft.to_json())?;
        return Ok(0);
    }
    let lines = desk.drafts()?;
    let kind = |id| desk.draft(id).ok().and_then(|draft| draft.kind().map(str::to_owned));
    if door.global.json {
        let row = |line: &indelible::cabinet::drafts::DraftLine| {
            json!({"id": line.id.to_string(), "saved": say::stamp(line.saved_ms), "kind": kind(line.id)})
        };
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
        writeln!(door.err, "go on with: indelible record --draft ID --field NAME=VALUE; see one with: indelible drafts ID")?;
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
