//! `pack`: the rules as data that a ledger goes by, what a later pack changes, and its adoption.

use std::collections::BTreeMap;

use indelible::ledger::LedgerError;
use indelible::rules::clock::Clock;
use indelible::rules::pack::{BUILT_IN, Pack};
use indelible::store::durable;
use serde_json::{Value as Json, json};

use crate::cli::args::PackCommand;
use crate::cli::door::Door;
use crate::cli::failure::Failure;
use crate::cli::kinds;
use crate::cli::policy::{cannot_stand, document};
use crate::cli::say::{self, plain};
use crate::cli::verdict::list;

pub fn run(door: &mut Door<'_>, command: PackCommand) -> Result<u8, Failure> {
    match command {
        PackCommand::Show => show(door),
        PackCommand::Check { pack } => {
            let (_, later) = read(door, &pack)?;
            let before = kinds::pack(door)?;
            let changes = Changes::between(&before, &later, &pack)?;
            if door.global.json {
                door.json("pack-check", changes.json(&before, &later))?;
                return Ok(0);
            }
            changes.write(door, &before, &later)?;
            Ok(0)
        }
        PackCommand::Adopt { pack } => adopt(door, &pack),
    }
}

/// The text and what it says.
fn read(door: &Door<'_>, typed: &str) -> Result<(String, Pack), Failure> {
    let text = match typed {
        "built-in" => BUILT_IN.to_owned(),
        _ => document(door, typed, "name a file with a pack: `indelible pack show` prints one to begin from")?,
    };
    let pack = Pack::parse(&text).map_err(cannot_stand(typed))?;
    Ok((text, pack))
}

fn show(door: &mut Door<'_>) -> Result<u8, Failure> {
    if door.global.ledger.is_none() {
        door.out.write_all(BUILT_IN.as_bytes())?;
        return Ok(0);
    }
    let roster = door.reader()?.roster()?;
    let text = roster.pack_text().ok_or(LedgerError::NoPack)?;
    door.out.write_all(text.as_bytes())?;
    Ok(0)
}

/// What a later pack changes.
struct Changes {
    kinds: Vec<String>,
    kinds_gone: Vec<String>,
    switches: Vec<(String, bool)>,
    clocks: Vec<String>,
}

impl Changes {
    fn between(before: &Pack, later: &Pack, typed: &str) -> Result<Changes, Failure> {
        later.keeps_numbers_of(before).map_err(cannot_stand(typed))?;
        let name = |kind: &indelible::rules::kind::Kind| kind.name.clone();
        let missing = |of: &Pack, from: &Pack| {
            of.kinds().iter().filter(|kind| from.kind(&kind.name).is_none()).map(name).collect::<Vec<_>>()
        };
        let switches = later.switches().iter().filter(|one| before.is_on(&one.name) != one.on);
        let clocks = |pack: &Pack| -> BTreeMap<String, Option<Clock>> {
            let steps = pack.obligations().iter().flat_map(|one| one.steps.iter().map(move |step| (one, step)));
            steps.map(|(one, step)| (format!("{}/{}", one.flag, step.name), step.within)).collect()
        };
        let (old, new) = (clocks(before), clocks(later));
        let moved = new.iter().filter(|(step, clock)| old.get(*step) != Some(clock)).map(|(step, _)| step.clone());
        let gone = old.keys().filter(|step| !new.contains_key(*step)).cloned();
        Ok(Changes {
            kinds: missing(later, before),
            kinds_gone: missing(before, later),
            switches: switches.map(|one| (one.name.clone(), one.on)).collect(),
            clocks: moved.chain(gone).collect(),
        })
    }

    fn json(&self, before: &Pack, later: &Pack) -> Json {
        let switches: BTreeMap<&str, bool> = self.switches.iter().map(|(name, on)| (name.as_str(), *on)).collect();
        json!({"before": {"name": before.name(), "version": before.version()},
               "pack": {"name": later.name(), "version": later.version()},
               "kinds_new": self.kinds, "kinds_gone": self.kinds_gone, "switches": switches, "clocks": self.clocks})
    }

    fn write(&self, door: &mut Door<'_>, before: &Pack, later: &Pack) -> Result<(), Failure> {
        let named = |pack: &Pack| format!("{} {}", plain(pack.name()), plain(pack.version()));
        writeln!(door.out, "{}, in the place of {}:", named(later), named(before))?;
        for (name, on) in &self.switches {
            let switch = later.switches().iter().find(|one| one.name == *name);
            let title = switch.map_or("", |one| &one.title);
            writeln!(door.out, "  {} is {}: {}", plain(name), if *on { "on" } else { "off" }, plain(title))?;
        }
        for (what, names) in [
            ("new kinds", &self.kinds),
            ("kinds that nobody can enter any more", &self.kinds_gone),
            ("clocks that run otherwise from then on", &self.clocks),
        ] {
            if !names.is_empty() {
                writeln!(door.out, "  {what}: {}", plain(&list(names.clone())))?;
            }
        }
        if self.switches.is_empty() && self.kinds.is_empty() && self.kinds_gone.is_empty() && self.clocks.is_empty() {
            writeln!(door.out, "  no kind, switch or clock is another; fields, codes or words may be")?;
        }
        Ok(())
    }
}

fn adopt(door: &mut Door<'_>, typed: &str) -> Result<u8, Failure> {
    let mut desk = door.desk()?;
    let (text, later) = read(door, typed)?;
    let before = desk.pack().clone();
    let changes = Changes::between(&before, &later, typed)?;
    let entered = desk.adopt_pack(&text, door.now, &mut durable::entropy())?;
    if door.global.json {
        let mut document = say::entered_json(&entered);
        if let Some(fields) = document.as_object_mut() {
            fields.insert("check".to_owned(), changes.json(&before, &later));
        }
        door.json("pack-adopt", document)?;
        return Ok(0);
    }
    changes.write(door, &before, &later)?;
    writeln!(door.out, "What is entered from now on goes by it: {}", say::entry(&entered))?;
    writeln!(door.out, "What was entered before stays under the pack that it names, with its deadlines.")?;
    Ok(0)
}
