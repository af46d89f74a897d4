//! `recover`: the recovery sheet.

use indelible::cabinet::CabinetError;
use indelible::ledger::LedgerError;
use indelible::ledger::recover::{self, LogKey, Opens, Recovered};
use serde_json::{Value as Json, json};

use crate::cli::args::{RecoverArgs, RecoverCommand};
use crate::cli::door::Door;
use crate::cli::failure::Failure;
use crate::cli::log_key;
use crate::cli::say::plain;
use crate::cli::verdict::count;

pub fn run(door: &mut Door<'_>, args: &RecoverArgs) -> Result<u8, Failure> {
    if let Some(RecoverCommand::Renew) = args.command {
        return log_key::renew_sheet(door);
    }
    let dir = door.ledger_dir()?;
    // A folder that is no ledger is found before anybody types 24 words.
    door.reader()?;
    let sheet = door.recovery_sheet(args.words_from.as_deref())?;
    let secret = sheet.secret().map_err(|error| LedgerError::from(CabinetError::from(error)))?;
    if args.show {
        let opens = recover::show(&dir, &secret)?;
        if door.global.json {
            door.json("recover", json!({ "opens": opens_json(&opens) }))?;
        } else {
            say_opens(door, &opens)?;
        }
        return Ok(0);
    }
    let done = recover::recover(&dir, door.config, &secret, (door.now)())?;
    say(door, &done)
}

fn say(door: &mut Door<'_>, done: &Recovered) -> Result<u8, Failure> {
    let (state, path) = match &done.log_key {
        LogKey::Here => ("here", None),
        LogKey::Restored(path) => ("restored", Some(path.display().to_string())),
        LogKey::NoCopy => ("missing", None),
    };
    if door.global.json {
        let document = json!({
            "opens": opens_json(&done.opens), "wrapped": done.wrapped, "devices": done.devices,
            "overseers": done.overseers, "log_key": state, "log_key_file": path,
        });
        door.json("recover", document)?;
    } else {
        say_opens(door, &done.opens)?;
        writeln!(door.out, "{} made anew for {}.", count(done.wrapped as u64, "wrap"), devices(done))?;
        match path {
            Some(path) => writeln!(door.out, "The log's key is back: {}", plain(&path))?,
            None if state == "here" => writeln!(door.out, "The log's key was here already.")?,
            None => writeln!(
                door.out,
                "There is no copy of the log's key that this sheet opens: this computer can read, and not enter."
            )?,
        }
        if done.overseers == 0 {
            writeln!(
                door.out,
                "No device of a dsl, deputy_dsl or leader is in force: nobody can be enrolled any more."
            )?;
            writeln!(door.out, "A new ledger goes on from this one: `indelible init --continues CHECKPOINT`.")?;
        } else {
            writeln!(
                door.out,
                "The next command of an overseer gives new keys to every folder that a lost device could open."
            )?;
        }
    }
    Ok(u8::from(state == "missing" || done.overseers == 0))
}

fn devices(done: &Recovered) -> String {
    format!("{} in force, {} of them overseers'", count(done.devices as u64, "device"), done.overseers)
}

fn opens_json(opens: &Opens) -> Json {
    json!({
        "folder_keys": opens.folder_keys, "punctured": opens.punctured, "structure_keys": opens.structure_keys,
        "persons": opens.roll.map(|(persons, _)| persons), "cases": opens.roll.map(|(_, cases)| cases),
        "log_key": opens.log_key, "closed": opens.closed, "damaged": opens.damaged,
    })
}

fn say_opens(door: &mut Door<'_>, opens: &Opens) -> Result<(), Failure> {
    writeln!(door.out, "This sheet opens:")?;
    let retired = match opens.punctured {
        0 => String::new(),
        some => format!(", {some} of them without what was made unreadable"),
    };
    writeln!(door.out, "  {}{retired}", keys(opens.folder_keys, "folder"))?;
    writeln!(door.out, "  {}", keys(opens.structure_keys, "structure"))?;
    if let Some((persons, cases)) = opens.roll {
        writeln!(door.out, "  the roll: {} and {}", count(persons as u64, "person"), count(cases as u64, "case"))?;
    }
    if opens.log_key {
        writeln!(door.out, "  the copy of the log's key")?;
    }
    if opens.closed > 0 {
        writeln!(
            door.out,
            "It does not open {}: they were made for another sheet.",
            count(opens.closed as u64, "wrap")
        )?;
    }
    if opens.damaged > 0 {
        writeln!(door.out, "{} cannot be read at all.", count(opens.damaged as u64, "wrap"))?;
    }
    Ok(())
}

fn keys(number: usize, of: &str) -> String {
    format!("{number} {of} key{}", if number == 1 { "" } else { "s" })
}
