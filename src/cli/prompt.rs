//! Asking on a terminal for what a draft lacks, in the questions of its form.

use std::io::{self, IsTerminal};

use indelible::decision::draft::Draft;
use indelible::decision::gap::{Gap, GapLevel};
use indelible::ledger::desk::Desk;
use indelible::rules::kind::{CaseRule, Field, FieldType, Kind};
use indelible::rules::pack::Pack;
use serde_json::{Map, Value as Json};
use zeroize::Zeroizing;

use crate::cli::door::Door;
use crate::cli::failure::Failure;
use crate::cli::record::{set, typed_value};
use crate::cli::say::plain;
use crate::cli::terminal::{End, read_line};

/// Whether somebody is there to be asked.
pub fn possible() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for everything that is missing, then whether to enter it. `false` if it is to be kept as a draft.
pub fn complete(door: &mut Door<'_>, desk: &Desk, object: &mut Map<String, Json>) -> Result<bool, Failure> {
    let mut asked = Vec::new();
    let typed = object.len();
    let mut here = true;
    if !object.contains_key("kind") {
        here = head(door, object, "kind", "What kind of entry is it? (`indelible kinds` lists them)")?;
    }
    let kind = object.get("kind").and_then(Json::as_str).and_then(|kind| desk.pack().kind(kind.trim())).cloned();
    if let Some(kind) = &kind {
        here = here && opening(door, desk.pack(), kind, object)?;
    }
    while here {
        let Some(gap) = next_gap(door, desk, object, &asked)? else { break };
        asked.push(gap.field.clone());
        if gap.level == GapLevel::Error {
            writeln!(door.err, "{}: {}\n  {}", plain(&gap.field), plain(&gap.what), plain(&gap.next))?;
        }
        here = one(door, desk.pack(), kind.as_ref(), object, &gap, &mut asked)?;
    }
    if door.interrupted {
        return Ok(false);
    }
    // What still lacks something needed is kept as a draft by itself, with all that it lacks.
    let ready = Draft::from_json(&Json::Object(object.clone()));
    let ready = ready.is_ok_and(|draft| draft.check(desk.pack(), desk, (door.now)()).is_ok());
    if object.len() == typed || !ready {
        return Ok(true);
    }
    yes(door, "Enter it now? It cannot be changed afterwards.")
}

/// Asks a question that is answered with yes by pressing Enter.
pub fn yes(door: &mut Door<'_>, question: &str) -> Result<bool, Failure> {
    let answer = line(door, &format!("{question} [Y/n] "))?;
    Ok(answer.is_some_and(|answer| !answer.trim().to_lowercase().starts_with('n')))
}

/// Child and time, which every form begins with. `false` if nobody answers any more.
fn opening(door: &mut Door<'_>, pack: &Pack, kind: &Kind, object: &mut Map<String, Json>) -> Result<bool, Failure> {
    writeln!(door.err, "{}", kind.label)?;
    writeln!(door.err, "Enter alone leaves a question open. Times are typed as 2026-10-06 10:42.\n")?;
    let mut here = true;
    if kind.case != CaseRule::None && !object.contains_key("case") {
        let left = if kind.case == CaseRule::Optional { " (handle; Enter if none)" } else { " (handle)" };
        here = head(door, object, "case", &format!("{}{left}", pack.label(kind, "case")))?;
    }
    let times: &[(&str, &str)] = match (kind.act, kind.decision_counts) {
        (false, _) => &[("learned_at", "")],
        (true, true) => &[("decided_at", "")],
        (true, false) => &[("occurred_at", " (Enter if it has not happened yet)"), ("decided_at", "")],
    };
    for (name, left) in times {
        if here && !object.contains_key(*name) {
            here = head(door, object, name, &format!("{}{left}", pack.label(kind, name)))?;
        }
    }
    Ok(here)
}

fn head(door: &mut Door<'_>, object: &mut Map<String, Json>, name: &str, question: &str) -> Result<bool, Failure> {
    let Some(answer) = line(door, &format!("{question}\n> "))? else { return Ok(false) };
    if !answer.trim().is_empty() {
        object.insert(name.to_owned(), answer.trim().into());
    }
    Ok(true)
}

/// The first gap that was not asked for yet; what was not understood is asked for a second time.
fn next_gap(
    door: &Door<'_>,
    desk: &Desk,
    object: &Map<String, Json>,
    asked: &[String],
) -> Result<Option<Gap>, Failure> {
    let Ok(draft) = Draft::from_json(&Json::Object(object.clone())) else { return Ok(None) };
    let gaps = match draft.check(desk.pack(), desk, (door.now)()) {
        Ok(decision) => decision.gaps().to_vec(),
        Err(gaps) => gaps,
    };
    let limit = |gap: &Gap| if gap.level == GapLevel::Error { 3 } else { 1 };
    Ok(gaps.into_iter().find(|gap| asked.iter().filter(|path| **path == gap.field).count() < limit(gap)))
}

/// Asks for what one gap lacks. `false` if nobody answers any more.
fn one(
    door: &mut Door<'_>,
    pack: &Pack,
    kind: Option<&Kind>,
    object: &mut Map<String, Json>,
    gap: &Gap,
    asked: &mut Vec<String>,
) -> Result<bool, Failure> {
    if gap.field == "refs" {
        return reference(door, object, gap);
    }
    let mut parts = gap.field.split(['.', '[', ']']).filter(|part| !part.is_empty() && part.parse::<usize>().is_err());
    let top = parts.next().unwrap_or_default();
    let Some(field) = pack.field(top).filter(|_| !HEAD.contains(&top)) else {
        let label = kind.map(|kind| pack.label(kind, top)).filter(|label| !label.is_empty()).unwrap_or(top).to_owned();
        let level = if gap.level == GapLevel::BeforeAct { "" } else { " (needed)" };
        return head(door, object, top, &format!("{label}{level}"));
    };
    let label = kind.map_or("", |kind| pack.label(kind, top));
    let level = if gap.level == GapLevel::BeforeAct { "" } else { " (needed)" };
    if let Some(sub) = parts.next().and_then(|name| field.subfield(name)) {
        let question = format!("{label} {}{level}", sub.label);
        return match answer(door, pack, sub, &question)? {
            Some(Some(value)) => set(object, &gap.field, value).map(|()| true),
            Some(None) => Ok(true),
            None => Ok(false),
        };
    }
    let many = kind.and_then(|kind| pack.field_of(kind, top)).is_some_and(|(used, _)| used.many);
    match whole(door, pack, field, &format!("{label}{level}"), many)? {
        Some(Json::Null) => {}
        Some(value) => {
            // Parts that were left open just now are not asked for again.
            let elements = value.as_array().map_or(1, Vec::len);
            for sub in &field.subfields {
                asked.push(format!("{top}.{}", sub.name));
                asked.extend((0..elements).map(|at| format!("{top}[{at}].{}", sub.name)));
            }
            object.insert(top.to_owned(), value);
        }
        None => return Ok(false),
    }
    Ok(true)
}

const HEAD: [&str; 8] = ["kind", "case", "folder", "learned_at", "occurred_at", "decided_at", "happened", "id"];

fn reference(door: &mut Door<'_>, object: &mut Map<String, Json>, gap: &Gap) -> Result<bool, Failure> {
    let relation =
        gap.what.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map_or("overrides", |(name, _)| name);
    let question = format!("{}\n  {} ({relation})\n> ", plain(&gap.what), plain(&gap.next));
    let Some(typed) = line(door, &question)? else { return Ok(false) };
    if let Ok(entry) = typed.trim().parse::<u64>() {
        let refs = object.entry("refs").or_insert_with(|| Json::Array(Vec::new()));
        if let Json::Array(refs) = refs {
            refs.push(serde_json::json!({"relation": relation, "entry": entry}));
        }
    }
    Ok(true)
}

/// The answer to a whole field: `Null` if it is left open, none if nobody answers any more.
fn whole(door: &mut Door<'_>, pack: &Pack, field: &Field, question: &str, many: bool) -> Result<Option<Json>, Failure> {
    let mut elements = Vec::new();
    loop {
        let more =
            if elements.is_empty() { question.to_owned() } else { format!("{question} Another one? (Enter if not)") };
        let value = match field.answer {
            FieldType::Group => group(door, pack, field, &more)?,
            _ => answer(door, pack, field, &more)?,
        };
        match value {
            None if elements.is_empty() => return Ok(None),
            None | Some(None) => break,
            Some(Some(Json::Array(none))) if none.is_empty() => return Ok(Some(Json::Array(none))),
            Some(Some(value)) if !many => return Ok(Some(value)),
            Some(Some(value)) => elements.push(value),
        }
    }
    Ok(Some(if elements.is_empty() { Json::Null } else { Json::Array(elements) }))
}

/// The parts of a group; the first, left open, leaves the whole open.
fn group(door: &mut Door<'_>, pack: &Pack, field: &Field, question: &str) -> Result<Option<Option<Json>>, Failure> {
    let none = if field.none { " (none if there is none)" } else { "" };
    writeln!(door.err, "{question}{none}")?;
    let mut object = Map::new();
    for (at, sub) in field.subfields.iter().enumerate() {
        match answer(door, pack, sub, &format!("  {}", sub.label))? {
            None => return Ok(if object.is_empty() { None } else { Some(Some(Json::Object(object))) }),
            Some(None) if at == 0 && sub.need => return Ok(Some(None)),
            Some(None) => {}
            Some(Some(value)) => {
                let text = value.as_str().map(str::trim).unwrap_or_default();
                if at == 0 && field.none && text == "none" {
                    return Ok(Some(Some(Json::Array(Vec::new()))));
                }
                object.insert(sub.name.clone(), value);
            }
        }
    }
    Ok(Some((!object.is_empty()).then_some(Json::Object(object))))
}

/// One answer: none if nobody answers any more, `Some(None)` if it is left open. A code is asked for until it is one.
fn answer(door: &mut Door<'_>, pack: &Pack, field: &Field, question: &str) -> Result<Option<Option<Json>>, Failure> {
    let list = pack.codes(field);
    writeln!(door.err, "{question}")?;
    for code in list.iter().flat_map(|list| &list.codes) {
        writeln!(door.err, "    {:<14} {}", code.code, code.text)?;
    }
    loop {
        let Some(typed) = line(door, "> ")? else { return Ok(None) };
        let typed = typed.trim();
        if typed.is_empty() {
            return Ok(Some(None));
        }
        let none = field.none && typed == "none";
        // "none" for a list whose first part is a code: its group takes it.
        if none || typed == "none" || list.is_none_or(|list| list.find(typed).is_some()) {
            return Ok(Some(Some(typed_value(Some(field), typed))));
        }
        writeln!(door.err, "  This is none of the codes above; Enter leaves it open.")?;
    }
}

/// One line; none if nobody answers any more. What was half typed at Ctrl-C is an answer, the last.
fn line(door: &mut Door<'_>, prompt: &str) -> Result<Option<Zeroizing<String>>, Failure> {
    while !door.interrupted {
        write!(door.err, "{prompt}")?;
        door.err.flush()?;
        let (line, end) = read_line(&mut io::stdin().lock(), door.interrupt)?;
        if end != End::Line {
            writeln!(door.err)?;
        }
        door.interrupted = end == End::Interrupt;
        if end == End::Input || (door.interrupted && line.iter().all(u8::is_ascii_whitespace)) {
            return Ok(None);
        }
        match std::str::from_utf8(&line) {
            Ok(line) => return Ok(Some(Zeroizing::new(line.to_owned()))),
            Err(_) => writeln!(door.err, "  This is not UTF-8 text; please type it again.")?,
        }
    }
    Ok(None)
}
