//! `kinds`: what can be recorded, and the questions of each kind.

use indelible::codec::Folder;
use indelible::ledger::LedgerError;
use indelible::ledger::desk::read_pack;
use indelible::ledger::record::by_hand;
use indelible::rules::kind::{CaseRule, Field, FieldType, FolderRule, Kind, KindField, Level};
use indelible::rules::pack::{BUILT_IN, Pack};
use serde_json::{Value as Json, json};

use crate::cli::args::KindsArgs;
use crate::cli::door::Door;
use crate::cli::failure::Failure;

pub fn run(door: &mut Door<'_>, args: KindsArgs) -> Result<u8, Failure> {
    let pack = pack(door)?;
    match args.kind {
        None => all(door, &pack),
        Some(name) => one(door, &pack, find(&pack, &name)?),
    }
}

/// The pack in force where a ledger is named, else the one that ships.
fn pack(door: &Door<'_>) -> Result<Pack, Failure> {
    if door.global.ledger.is_none() {
        return Ok(Pack::parse(BUILT_IN).map_err(|_| LedgerError::NoPack)?);
    }
    let ledger = door.reader()?;
    let roster = ledger.roster()?;
    Ok(read_pack(&ledger, &roster)?)
}

/// Finds a kind.
pub fn find<'a>(pack: &'a Pack, name: &str) -> Result<&'a Kind, Failure> {
    pack.kind(name.trim()).ok_or_else(|| Failure::new("there is no such kind", "see `indelible kinds`"))
}

fn all(door: &mut Door<'_>, pack: &Pack) -> Result<u8, Failure> {
    if door.global.json {
        let kinds: Vec<Json> = pack.kinds().iter().map(|kind| kind_json(pack, kind)).collect();
        door.json("kinds", json!({"pack": pack.name(), "version": pack.version(), "kinds": kinds}))?;
        return Ok(0);
    }
    let row = |kind: &&Kind| format!("  {:<22} {}\n", kind.name, kind.label);
    let (ours, clerks): (Vec<&Kind>, Vec<&Kind>) = pack.kinds().iter().partition(|kind| by_hand(kind));
    writeln!(door.out, "Record one of these with `indelible record KIND`; `indelible kinds KIND` shows its questions.\n")?;
    write!(door.out, "{}", ours.iter().map(row).collect::<String>())?;
    writeln!(door.out, "\nEntered by commands of their own, or by the program itself:\n")?;
    write!(door.out, "{}", clerks.iter().map(row).collect::<String>())?;
    writeln!(door.out, "\nRule pack {} {}, in force since {}.", pack.name(), pack.version(), pack.in_force())?;
    Ok(0)
}

fn kind_json(pack: &Pack, kind: &Kind) -> Json {
    let mut form = pack.kind_json(kind);
    if let Some(fields) = form.as_object_mut() {
        fields.insert("by_hand".to_owned(), by_hand(kind).into());
    }
    form
}

fn one(door: &mut Door<'_>, pack: &Pack, kind: &Kind) -> Result<u8, Failure> {
    if door.global.json {
        door.json("kinds", kind_json(pack, kind))?;
        return Ok(0);
    }
    writeln!(door.out, "{}: {} ({})", kind.name, kind.label, if kind.act { "an act" } else { "a report" })?;
    writeln!(door.out, "{}\n", kept(kind))?;
    let case = match kind.case {
        CaseRule::Needed => "Which child? (handle or tag; needed)",
        CaseRule::Optional => "Which child? (handle or tag; may be left out)",
        CaseRule::None => "(belongs to the setting, not to a child)",
    };
    writeln!(door.out, "  {:<18} {case}", "case")?;
    let times: &[&str] = if kind.act { &["learned_at", "occurred_at", "decided_at"] } else { &["learned_at", "occurred_at"] };
    for name in times {
        writeln!(door.out, "  {name:<18} {}", pack.label(kind, name))?;
    }
    let levels = [
        (Level::Always, "Needed: nothing is entered without these"),
        (Level::BeforeAct, "Asked before the act: what is left open stays an open item"),
        (Level::Optional, "Worth asking"),
    ];
    for (level, title) in levels {
        let mut fields = pack.fields_of(kind).filter(|(used, _)| used.level == level).peekable();
        if fields.peek().is_some() {
            writeln!(door.out, "\n{title}:")?;
        }
        for (used, field) in fields {
            self::field(door, pack, kind, used, field)?;
        }
    }
    writeln!(door.out, "\nRelations to earlier entries (--ref RELATION=NUMBER):")?;
    for relation in &kind.relations {
        let name = relation.number.name().unwrap_or("?");
        let label = pack.relation(relation.number).map_or("", |relation| &relation.label);
        let level = match relation.level {
            Level::Always => "; needed",
            Level::BeforeAct => "; asked before the act",
            Level::Optional => "",
        };
        let to = relation.to.as_ref().map_or("any entry".to_owned(), |to| {
            to.iter().filter_map(|kind| kind.name()).collect::<Vec<_>>().join(", ")
        });
        writeln!(door.out, "  {name:<18} {label} (to {to}{level})")?;
    }
    for (title, effects) in [("Opens", &kind.opens), ("Closes", &kind.closes)] {
        for effect in effects {
            let step = effect.step.as_ref().map(|step| format!("/{step}")).unwrap_or_default();
            let when = effect.when.as_ref().map(|when| format!(", if {when}")).unwrap_or_default();
            writeln!(door.out, "{title} {}{step}: {}{when}", effect.flag, crate::cli::say::flag(pack, &effect.flag))?;
        }
    }
    Ok(0)
}

fn kept(kind: &Kind) -> String {
    match kind.folder {
        FolderRule::Public => "Its structure is public and it has no words.".to_owned(),
        FolderRule::NoWords | FolderRule::Fixed(Folder::None) => "It has no words.".to_owned(),
        FolderRule::Case => "Its words go to the child's folder general or protection.".to_owned(),
        FolderRule::CaseOrIntake => "Its words go to the child's folder general or protection; without a child to intake.".to_owned(),
        FolderRule::Fixed(folder) => format!("Its words go to the folder {}.", folder.name()),
    }
}

fn field(door: &mut Door<'_>, pack: &Pack, kind: &Kind, used: &KindField, field: &Field) -> Result<(), Failure> {
    let several = if used.many { " (may be several)" } else { "" };
    let none = if field.none { " (\"none\" is an answer)" } else { "" };
    writeln!(door.out, "  {:<18} {}{several}{none}", field.name, pack.label(kind, &field.name))?;
    answers(door, pack, field, 6)?;
    for sub in &field.subfields {
        writeln!(door.out, "      .{:<16} {}{}", sub.name, sub.label, if sub.need { "" } else { " (if there is one)" })?;
        answers(door, pack, sub, 10)?;
    }
    Ok(())
}

fn answers(door: &mut Door<'_>, pack: &Pack, field: &Field, indent: usize) -> Result<(), Failure> {
    if let Some(list) = pack.codes(field) {
        for code in &list.codes {
            let in_force = if code.in_force == "not commenced" { " (not in force yet)" } else { "" };
            writeln!(door.out, "{:indent$}{:<14} {}{in_force}", "", code.code, code.text)?;
        }
    } else if field.answer == FieldType::Time {
        writeln!(door.out, "{:indent$}a time such as 2026-10-06 10:42, or a day", "")?;
    }
    Ok(())
}
