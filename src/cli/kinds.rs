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
    if args.routes {
        return routes(door, &pack);
    }
    match args.kind {
        None => all(door, &pack),
        Some(name) => one(door, &pack, find(&pack, &name)?),
    }
}

/// Lists the routes.
pub fn all_routes(door: &mut Door<'_>) -> Result<u8, Failure> {
    let pack = pack(door)?;
    routes(door, &pack)
}

fn routes(door: &mut Door<'_>, pack: &Pack) -> Result<u8, Failure> {
    if door.global.json {
        let routes: Vec<Json> = pack.routes().iter().map(|route| route.json(pack)).collect();
        door.json("routes", json!({"pack": pack.name(), "version": pack.version(), "routes": routes}))?;
        return Ok(0);
    }
    writeln!(door.out, "One form for several entries: `indelible record --route ROUTE` asks in plain words.\n")?;
    for route in pack.routes() {
        writeln!(door.out, "  {:<15} {}", route.name, route.label)?;
        let kinds = route.statements.iter().filter_map(|statement| statement.kind.name()).collect::<Vec<_>>();
        writeln!(door.out, "  {:<15} may enter {}", "", kinds.join(", "))?;
    }
    Ok(0)
}

/// The pack in force where a ledger is named, else the one that ships.
pub fn pack(door: &Door<'_>) -> Result<Pack, Failure> {
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
        door.json("kinds", json!({"pack": pack.name(), "version": pack.version(), "kinds": kinds, "obligations": pack.obligations_json()}))?;
        return Ok(0);
    }
    let row = |kind: &&Kind| format!("  {:<22} {}\n", kind.name, kind.label);
    let (ours, clerks): (Vec<&Kind>, Vec<&Kind>) = pack.kinds().iter().partition(|kind| by_hand(kind));
    writeln!(
        door.out,
        "Record one of these with `indelible record KIND`; `indelible kinds KIND` shows its questions.\n"
    )?;
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
    let times: &[&str] =
        if kind.act { &["learned_at", "occurred_at", "decided_at"] } else { &["learned_at", "occurred_at"] };
    for name in times {
        writeln!(door.out, "  {name:<18} {}", pack.label(kind, name))?;
    }
    let levels = [
        (Level::Always, "Needed: nothing is entered without these"),
        (Level::BeforeAct, "Asked before the act: what is left open stays an open item"),
        (Level::Optional, "Worth asking"),
    ];
    let everywhere = |field: &Field| pack.kinds().iter().all(|kind| pack.field_of(kind, &field.name).is_some());
    let mut listed = Vec::new();
    for (level, title) in levels {
        let wanted = |(used, field): &(&KindField, &Field)| used.level == level && !everywhere(field);
        let mut fields = pack.fields_of(kind).filter(wanted).peekable();
        if fields.peek().is_some() {
            writeln!(door.out, "\n{title}:")?;
        }
        for (used, field) in fields {
            self::field(door, pack, kind, used, field, &mut listed)?;
        }
    }
    writeln!(door.out, "\nEvery form has these too (their answers: --json):")?;
    for (_, field) in pack.fields_of(kind).filter(|(_, field)| everywhere(field)) {
        writeln!(door.out, "  {:<18} {}", field.name, pack.label(kind, &field.name))?;
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
            let when = effect.when.as_ref().map(|when| format!(" ({when})")).unwrap_or_default();
            writeln!(door.out, "{title} {}{step}{when}: {}", effect.flag, crate::cli::say::flag(pack, &effect.flag))?;
        }
    }
    Ok(0)
}

fn kept(kind: &Kind) -> String {
    match &kind.folder {
        FolderRule::Public => "Its structure is public and it has no words.".to_owned(),
        FolderRule::NoWords => "It has no words.".to_owned(),
        FolderRule::Roll => "Its words go to the roll, and the ledger only commits to them.".to_owned(),
        FolderRule::As(_) => "Its words go to the folder of the entry that it points at.".to_owned(),
        FolderRule::Among(folders) => {
            let named = |of_case: bool| {
                let some = folders.iter().filter(|f| f.of_case() == of_case && **f != Folder::Intake);
                some.map(|folder| folder.name()).collect::<Vec<_>>()
            };
            let (of_case, of_setting) = (named(true), named(false));
            let place = |names: &[&str], folder: &str| match names.len() {
                1 => format!("{folder} {}", names.join("")),
                _ => format!("{folder} {}", names.join(" or ")),
            };
            let mut places = Vec::new();
            if !of_case.is_empty() {
                places.push(place(&of_case, "child's folder"));
            }
            if !of_setting.is_empty() {
                places.push(place(&of_setting, "setting's folder"));
            }
            let intake = if folders.contains(&Folder::Intake) { "; without a child to intake" } else { "" };
            format!("Its words go to the {}{intake}.", places.join(", or the "))
        }
    }
}

fn field<'p>(
    door: &mut Door<'_>,
    pack: &'p Pack,
    kind: &Kind,
    used: &KindField,
    field: &'p Field,
    listed: &mut Vec<&'p str>,
) -> Result<(), Failure> {
    let several = if used.many { " (may be several)" } else { "" };
    let none = if field.none { " (\"none\" is an answer)" } else { "" };
    writeln!(door.out, "  {:<18} {}{several}{none}", field.name, pack.label(kind, &field.name))?;
    answers(door, pack, field, 6, listed)?;
    for sub in &field.subfields {
        writeln!(
            door.out,
            "      .{:<16} {}{}",
            sub.name,
            sub.label,
            if sub.need { "" } else { " (if there is one)" }
        )?;
        answers(door, pack, sub, 10, listed)?;
    }
    Ok(())
}

/// The codes of a field; a list that was shown above is not shown again.
fn answers<'p>(
    door: &mut Door<'_>,
    pack: &'p Pack,
    field: &Field,
    indent: usize,
    listed: &mut Vec<&'p str>,
) -> Result<(), Failure> {
    if let Some(list) = pack.codes(field) {
        if listed.contains(&list.name.as_str()) {
            writeln!(door.out, "{:indent$}(the same codes as above)", "")?;
            return Ok(());
        }
        listed.push(&list.name);
        for code in &list.codes {
            let in_force = if code.in_force == "not commenced" { " (not in force yet)" } else { "" };
            writeln!(door.out, "{:indent$}{:<14} {}{in_force}", "", code.code, code.text)?;
        }
    } else if field.answer == FieldType::Time {
        writeln!(door.out, "{:indent$}a time such as 2026-10-06 10:42, or a day", "")?;
    }
    Ok(())
}
