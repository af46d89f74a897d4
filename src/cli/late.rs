//! `outbox` and `late`: what waits to be entered, and what can only be entered by somebody else.

use std::path::Path;

use indelible::cabinet::identity::side_folder;
use indelible::ledger::late::{self, Waits};
use indelible::rules::clock;
use indelible::store::durable;
use serde_json::{Value as Json, json};

use crate::cli::args::{OutboxArgs, OutboxCommand};
use crate::cli::door::Door;
use crate::cli::failure::Failure;
use crate::cli::say::{self, plain};

/// Lists or exports without sitting down: whoever left, or lost the key, is no longer let in.
pub fn outbox(door: &mut Door<'_>, args: OutboxArgs) -> Result<u8, Failure> {
    let ledger = door.reader()?;
    let side = side_folder(&door.identity_path()?);
    let identity = door.identity()?;
    let waiting = late::waiting(&ledger, &identity, &side)?;
    match args.command {
        None => list(door, &waiting),
        Some(OutboxCommand::Export { number, file }) => {
            let one = waiting.iter().find(|one| one.sequence == number);
            let one = one.ok_or_else(|| Failure::new("nothing waits under that number", "see `indelible outbox`"))?;
            let bytes = late::export(&ledger, one, (door.now)())?;
            door.write_private(&file, &bytes)?;
            let shown = file.display().to_string();
            if door.global.json {
                door.json("outbox-export", json!({"number": number, "file": shown}))?;
            } else {
                writeln!(door.out, "Wrote {}: only the overseers open it.", plain(&shown))?;
                writeln!(door.out, "One of them enters it: `indelible late {}`", plain(&shown))?;
            }
            Ok(0)
        }
    }
}

/// Exit 1 where something waits.
fn list(door: &mut Door<'_>, waiting: &[Waits]) -> Result<u8, Failure> {
    if door.global.json {
        let row = |one: &Waits| {
            json!({"number": one.sequence, "kind": one.kind.name(), "signed": one.signed.typed(),
                   "statement_digest": one.digest.to_string(), "late": one.late})
        };
        let rows: Vec<Json> = waiting.iter().map(row).collect();
        door.json("outbox", json!({ "waiting": rows }))?;
        return Ok(u8::from(!waiting.is_empty()));
    }
    if waiting.is_empty() {
        writeln!(door.out, "Nothing waits.")?;
    }
    for one in waiting {
        let kind = one.kind.name().unwrap_or("unknown");
        let signed = clock::for_people(one.signed.milliseconds);
        let state = if one.late { ", entered by somebody else as late" } else { "" };
        writeln!(door.out, "{:>5}  {kind:<20}  signed {signed}{state}", one.sequence)?;
    }
    Ok(u8::from(!waiting.is_empty()))
}

pub fn late(door: &mut Door<'_>, file: &Path, cause: &str) -> Result<u8, Failure> {
    let bytes = door.read(file)?;
    let mut desk = door.desk()?;
    let entered = desk.enter_late(&bytes, cause, door.now, &mut durable::entropy())?;
    if door.global.json {
        door.json("late", say::entered_json(&entered))?;
    } else {
        writeln!(door.out, "{}", say::entry(&entered))?;
        writeln!(door.out, "It is evidence that this was signed with that key; when is not proven.")?;
    }
    Ok(0)
}
