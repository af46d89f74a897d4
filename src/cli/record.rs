//! `record`: from what was typed, or a file of drafts, to receipts.

use std::path::Path;

use indelible::cabinet::drafts::DraftId;
use indelible::decision::draft::{Draft, Line};
use indelible::decision::form::route_of;
use indelible::decision::gap::{Flag, Gap, GapLevel};
use indelible::ledger::LedgerError;
use indelible::ledger::desk::Desk;
use indelible::ledger::record::Outcome;
use indelible::rules::kind::{Field, FieldType};
use indelible::rules::pack::Pack;
use indelible::store::durable;
use serde_json::{Map, Value as Json, json};

use crate::cli::args::RecordArgs;
use crate::cli::door::Door;
use crate::cli::failure::Failure;
use crate::cli::say::{self, plain};
use crate::cli::terminal::Watch;
use crate::cli::{drafts, form, kinds, prompt};

/// Most elements of a list that is typed field by field.
const ELEMENTS: usize = 200;

pub fn run(door: &mut Door<'_>, args: RecordArgs) -> Result<u8, Failure> {
    if args.routes {
        return kinds::all_routes(door);
    }
    if args.route.is_some() {
        return form::run(door, &args);
    }
    match args.from.clone() {
        Some(path) => file(door, &path, args.batch),
        None => one(door, &args),
    }
}

/// One entry out of options and, on a terminal, answers.
fn one(door: &mut Door<'_>, args: &RecordArgs) -> Result<u8, Failure> {
    let mut desk = door.desk()?;
    let (mut kept, mut object) = match &args.draft {
        Some(id) => {
            let (id, draft) = drafts::find(&desk, id)?;
            if route_of(&draft).is_some() {
                return form::go_on(door, desk, args, Some(id), draft);
            }
            (Some(id), draft.to_json().as_object().cloned().unwrap_or_default())
        }
        None => (None, Map::new()),
    };
    fill(&mut object, args, desk.pack())?;
    let asking = !door.global.json && prompt::possible();
    // From here to the end Ctrl-C ends the asking, and what was typed is kept.
    let watch = if asking { Watch::begin() } else { None };
    door.interrupt = watch.as_ref().map(Watch::interrupt);
    if asking && !prompt::complete(door, &desk, &mut object, &mut kept)? {
        return keep(door, &desk, &draft(object)?, kept);
    }
    let draft = draft(object)?;
    loop {
        match desk.record_kept(kept, &draft, door.now, &mut durable::entropy()) {
            Ok(outcome) => {
                let (mut tally, pack) = (Tally { alone: true, ..Tally::default() }, desk.pack().clone());
                tell(door, &pack, &mut tally, 1, &outcome)?;
                return Ok(tally.code());
            }
            Err(error) if asking => {
                Failure::from(error).write(false, door.err)?;
                if !prompt::yes(door, "What you typed is still here. Try again?")? {
                    return keep(door, &desk, &draft, kept);
                }
                desk = door.desk()?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Keeps what was typed, sealed, and says where.
pub fn keep(door: &mut Door<'_>, desk: &Desk, draft: &Draft, kept: Option<DraftId>) -> Result<u8, Failure> {
    let id = desk.keep_as(kept, draft, (door.now)(), &mut durable::entropy())?;
    writeln!(door.out, "Not entered: kept as draft {id}. Go on with: indelible record --draft {id}")?;
    Ok(1)
}

/// Takes what was typed as a draft.
pub fn draft(object: Map<String, Json>) -> Result<Draft, Failure> {
    Draft::from_json(&Json::Object(object))
        .map_err(|error| Failure::new(format!("the draft is {error}"), "put part of it into an attachment"))
}

/// Puts the options into the draft.
fn fill(object: &mut Map<String, Json>, args: &RecordArgs, pack: &Pack) -> Result<(), Failure> {
    if let Some(kind) = &args.kind {
        object.insert("kind".to_owned(), kind.as_str().into());
    }
    if let Some(case) = &args.case {
        object.insert("case".to_owned(), case.as_str().into());
    }
    if args.happened {
        object.insert("happened".to_owned(), true.into());
    }
    for reference in &args.refs {
        let read = reference.split_once('=').and_then(|(relation, entry)| Some((relation, entry.parse::<u64>().ok()?)));
        let (relation, entry) = read.ok_or_else(|| {
            Failure::new("a reference cannot be read", "give it as RELATION=NUMBER, such as --ref decides=212")
        })?;
        let refs = object.entry("refs").or_insert_with(|| Json::Array(Vec::new()));
        if let Json::Array(refs) = refs {
            refs.push(json!({"relation": relation, "entry": entry}));
        }
    }
    let mut given: Vec<&str> = Vec::new();
    for typed in &args.fields {
        let (name, value) = typed.split_once('=').ok_or_else(|| {
            Failure::new("a field cannot be read", "give it as NAME=VALUE, such as --field method=M-PHONE")
        })?;
        let again = given.contains(&name);
        given.push(name);
        set_typed(object, pack, name, value, again)?;
    }
    Ok(())
}

/// Sets one field as it stands on a command line. Given twice, it is a list.
fn set_typed(object: &mut Map<String, Json>, pack: &Pack, name: &str, value: &str, again: bool) -> Result<(), Failure> {
    let top = pack.field(name);
    let value = typed_value(top, value);
    if !again {
        return set(object, name, value);
    }
    match object.get_mut(name) {
        Some(Json::Array(elements)) => elements.push(value),
        Some(other) => *other = Json::Array(vec![other.take(), value]),
        None => {
            let next = "give each part of a list its own number, such as items.0.what and items.1.what";
            return Err(Failure::new("a field is given twice", next));
        }
    }
    Ok(())
}

/// `none` and `[]` are the empty list where that is an answer; groups and lists may be given as JSON.
pub fn typed_value(field: Option<&Field>, value: &str) -> Json {
    let Some(field) = field else { return value.into() };
    if field.none && ["none", "[]"].contains(&value.trim()) {
        return Json::Array(Vec::new());
    }
    let nested = (field.answer == FieldType::Group || field.list) && value.trim_start().starts_with(['{', '[']);
    let parsed = nested.then(|| serde_json::from_str(value).ok()).flatten();
    parsed.unwrap_or_else(|| value.into())
}

/// Sets a value by its path: `basis`, `recipient.agency`, `items.0.what` or `items[0].what`.
pub fn set(object: &mut Map<String, Json>, path: &str, value: Json) -> Result<(), Failure> {
    let wrong = || Failure::new("the name of a field cannot be read", "give it as `indelible kinds KIND` shows it");
    let path = path.replace('[', ".").replace(']', "");
    let mut parts = path.split('.');
    let first = parts.next().filter(|name| !name.is_empty()).ok_or_else(wrong)?;
    let mut at = object.entry(first).or_insert(Json::Null);
    for part in parts {
        at = match part.parse::<usize>() {
            Ok(index) => {
                if !at.is_array() {
                    *at = Json::Array(Vec::new());
                }
                let elements = at.as_array_mut().ok_or_else(wrong)?;
                if index > elements.len() || index >= ELEMENTS {
                    return Err(Failure::new("a number is left out in a list", "count its parts from 0 without gaps"));
                }
                if index == elements.len() {
                    elements.push(Json::Null);
                }
                elements.get_mut(index).ok_or_else(wrong)?
            }
            Err(_) if part.is_empty() => return Err(wrong()),
            Err(_) => {
                if !at.is_object() {
                    *at = Json::Object(Map::new());
                }
                at.as_object_mut().ok_or_else(wrong)?.entry(part).or_insert(Json::Null)
            }
        };
    }
    *at = value;
    Ok(())
}

/// A file of drafts: what can be entered is, the rest is kept.
fn file(door: &mut Door<'_>, path: &Path, batch: bool) -> Result<u8, Failure> {
    let bytes = zeroize::Zeroizing::new(door.read(path)?);
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        Failure::new(format!("this file is not UTF-8 text: byte {} is not", error.valid_up_to()), "save it as UTF-8")
            .at(path.display())
    })?;
    let lines = split(path, text.trim_start_matches('\u{feff}'));
    if lines.is_empty() {
        return Err(Failure::new("there is no draft in this file", "see `indelible kinds KIND` for what to write")
            .at(path.display()));
    }
    let mut desk = door.desk()?;
    let pack = desk.pack().clone();
    let mut tally = Tally { alone: lines.len() == 1 && !door.global.json, ..Tally::default() };
    let good: Vec<Draft> = lines.iter().filter_map(|line| line.draft.as_ref().ok().cloned()).collect();
    let mut told = 0;
    let mut printed = Ok(());
    let done = desk.record_all(&good, batch, door.now, &mut durable::entropy(), &mut |_, outcome| {
        if printed.is_ok() {
            printed = unread(door, &mut tally, &lines, &mut told);
        }
        if let (Ok(()), Some(line)) = (&printed, lines.get(told)) {
            told += 1;
            printed = tell(door, &pack, &mut tally, line.number, outcome);
        }
    });
    printed?;
    if done.is_ok() {
        unread(door, &mut tally, &lines, &mut told)?;
    }
    let rest = lines.get(told..).unwrap_or_default();
    match done {
        Ok(_) if rest.is_empty() => Ok(tally.code()),
        Ok(_) => {
            let first = rest.first().map_or(0, |line| line.number);
            Err(Failure::new(
                format!("a write failed: {} drafts, from line {first} on, were not tried", rest.len()),
                "look at the disk; what is said to wait above is sent by itself: give the lines from there on again, no others",
            )
            .code(1))
        }
        Err(error) => {
            let failure = Failure::from(error);
            let first = rest.first().map_or(0, |line| line.number);
            match tally.entered + tally.kept + tally.waiting {
                0 => Err(failure),
                _ if failure.code == 3 => Err(failure.then(&format!("nothing from line {first} on was entered"))),
                _ => Err(failure
                    .then(&format!("nothing from line {first} on was entered; give those lines again"))
                    .code(1)),
            }
        }
    }
}

/// Tells the form of a text by its name, else by how it begins.
fn split(path: &Path, text: &str) -> Vec<Line> {
    let begin = text.trim_start();
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    let objects = text.lines().filter(|line| line.starts_with('{')).count();
    match ending.as_str() {
        _ if begin.is_empty() => Vec::new(),
        "toml" => Draft::from_toml_text(text),
        "jsonl" | "ndjson" => Draft::from_json_lines(text),
        _ if begin.starts_with('{') && objects < 2 => Draft::from_json_text(text),
        _ if begin.starts_with('[') && !begin.starts_with("[[") => Draft::from_json_text(text),
        _ if objects > 0 => Draft::from_json_lines(text),
        "json" => Draft::from_json_text(text),
        _ => Draft::from_toml_text(text),
    }
}

/// What has become of the drafts so far.
#[derive(Default)]
struct Tally {
    alone: bool,
    entered: usize,
    kept: usize,
    waiting: usize,
    unread: usize,
}

impl Tally {
    fn code(&self) -> u8 {
        match (self.entered, self.kept + self.waiting, self.unread) {
            (_, 0, 0) => 0,
            (0, 0, _) => 2,
            _ => 1,
        }
    }
}

/// Tells of the lines that are no drafts, up to the next that is one.
fn unread(door: &mut Door<'_>, tally: &mut Tally, lines: &[Line], told: &mut usize) -> Result<(), Failure> {
    while let Some(Line { number, draft: Err(error) }) = lines.get(*told) {
        *told += 1;
        tally.unread += 1;
        let next = "put this line right and give it again: nothing of it was kept";
        if door.global.json {
            let gap = json!({"field": "draft", "what": error.to_string(), "next": next, "level": "error"});
            writeln!(door.out, "{}", json!({"schema": SCHEMA, "line": number, "gaps": [gap], "blocked": []}))?;
        } else {
            let said = error.to_string();
            let said = said.strip_prefix(&format!("line {number}: ")).unwrap_or(&said);
            writeln!(door.out, "line {number}: not a draft: {said}; {next}")?;
        }
        door.out.flush()?;
    }
    Ok(())
}

const SCHEMA: &str = "indelible/record/1";

/// Tells what became of a draft, as soon as it is so.
fn tell(door: &mut Door<'_>, pack: &Pack, tally: &mut Tally, line: usize, outcome: &Outcome) -> Result<(), Failure> {
    match outcome {
        Outcome::Entered { .. } => tally.entered += 1,
        Outcome::Waiting { .. } => tally.waiting += 1,
        Outcome::Gaps { .. } | Outcome::Stopped { .. } | Outcome::IdUsed { .. } => tally.kept += 1,
    }
    if door.global.json {
        writeln!(door.out, "{}", outcome_json(line, outcome))?;
    } else {
        if !tally.alone {
            write!(door.out, "line {line}: ")?;
        }
        outcome_lines(door, pack, outcome)?;
    }
    Ok(door.out.flush()?)
}

pub fn outcome_json(line: usize, outcome: &Outcome) -> Json {
    let kept = |draft: &DraftId, gaps: Json, blocked: Json| json!({"schema": SCHEMA, "line": line, "draft": draft.to_string(), "gaps": gaps, "blocked": blocked});
    match outcome {
        Outcome::Entered { entered, gaps, flags, again } => {
            let flags: Vec<&str> = flags.iter().map(|flag| flag.code()).collect();
            json!({"schema": SCHEMA, "line": line, "entry": entered.number, "receipt": entered.receipt.to_string(),
                   "recorded": say::stamp(entered.recorded), "gaps": say::gaps_json(gaps), "flags": flags, "again": again})
        }
        Outcome::Gaps { draft, gaps } => kept(draft, say::gaps_json(gaps), json!([])),
        Outcome::Stopped { draft, stop } => {
            let mut json = kept(draft, json!([]), json!([stop.rule]));
            if let Some(fields) = json.as_object_mut() {
                fields.insert("stop".to_owned(), json!({"rule": stop.rule, "says": stop.says, "next": stop.way_past}));
            }
            json
        }
        Outcome::Waiting { why } => {
            json!({"schema": SCHEMA, "line": line, "waiting": waiting(why).as_json()})
        }
        Outcome::IdUsed { draft, entry } => {
            let gap = Gap::new("id", GapLevel::Error, used(*entry), USED_NEXT);
            kept(draft, say::gaps_json([&gap]), json!([]))
        }
    }
}

fn used(entry: u64) -> String {
    format!("this id stands for entry {entry}, which says something else")
}

const USED_NEXT: &str = "give a new id, or leave it out";

/// Why something that is signed is not entered yet.
fn waiting(why: &LedgerError) -> Failure {
    let what = format!("signed and kept beside your identity, not entered yet: {why}");
    let next = match why {
        LedgerError::NoLogKey => {
            "do not give it again: it is sent when you enter anything on the computer that holds the log's key"
        }
        LedgerError::LogKeyUnread(_) => {
            "do not give it again: look at the disk that holds your settings folder; it is sent when you next enter anything"
        }
        _ => "do not give it again: look at the disk; it is sent when you next enter anything",
    };
    Failure::new(what, next).code(1)
}

pub fn outcome_lines(door: &mut Door<'_>, pack: &Pack, outcome: &Outcome) -> Result<(), Failure> {
    match outcome {
        Outcome::Entered { entered, gaps, flags, again } => {
            let again = if *again { "was entered before as" } else { "entered as" };
            writeln!(door.out, "{again} {}", say::entry(entered))?;
            for flag in flags.iter().filter(|flag| **flag != Flag::Incomplete) {
                writeln!(door.out, "  {}: {}", flag.code(), say::flag(pack, flag.code()))?;
            }
            if !gaps.is_empty() {
                let number = entered.number;
                writeln!(
                    door.out,
                    "  Still open; fill in later with an entry of this kind and --ref completes={number}:"
                )?;
                gap_lines(door, gaps)?;
            }
        }
        Outcome::Gaps { draft, gaps } => {
            let (open, needed): (Vec<&Gap>, Vec<&Gap>) = gaps.iter().partition(|gap| gap.level == GapLevel::BeforeAct);
            writeln!(door.out, "not entered: kept as draft {draft}, sealed to you. It needs:")?;
            gap_lines(door, needed)?;
            if !open.is_empty() {
                writeln!(door.out, "  Asked too, but may stay open:")?;
                gap_lines(door, open)?;
            }
            writeln!(door.out, "  Go on with: indelible record --draft {draft} --field NAME=VALUE")?;
        }
        Outcome::Stopped { draft, stop } => {
            writeln!(door.out, "stopped ({}): {}. Kept as draft {draft}, sealed to you.", stop.rule, stop.says)?;
            writeln!(door.out, "  The way on: {}", stop.way_past)?;
            writeln!(door.out, "  indelible record --draft {draft} --field for_safety=\"for safety, because ...\"")?;
        }
        Outcome::Waiting { why } => {
            waiting(why).write(false, door.out)?;
        }
        Outcome::IdUsed { draft, entry } => {
            writeln!(door.out, "not entered: {}. Kept as draft {draft}, sealed to you; {USED_NEXT}", used(*entry))?;
        }
    }
    Ok(())
}

fn gap_lines<'a>(door: &mut Door<'_>, gaps: impl IntoIterator<Item = &'a Gap>) -> Result<(), Failure> {
    for gap in gaps {
        writeln!(door.out, "    {}: {}", gap.field, plain(&gap.what))?;
        writeln!(door.out, "        {}", plain(&gap.next))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use indelible::rules::pack::BUILT_IN;

    #[test]
    fn fields_are_set_by_their_paths() {
        let mut object = Map::new();
        for (path, value) in
            [("basis", "LB-D"), ("recipient.agency", "AG-CSC"), ("items.0.what", "a"), ("items[1].what", "b")]
        {
            set(&mut object, path, value.into()).unwrap();
        }
        let expected =
            json!({"basis": "LB-D", "recipient": {"agency": "AG-CSC"}, "items": [{"what": "a"}, {"what": "b"}]});
        assert_eq!(Json::Object(object.clone()), expected);
        assert!(
            ["", ".", "a..b", "items.7.what"].iter().all(|path| set(&mut object.clone(), path, Json::Null).is_err())
        );
    }

    #[test]
    fn lists_and_none_can_be_typed() {
        let pack = Pack::parse(BUILT_IN).unwrap();
        let mut object = Map::new();
        for (name, value, again) in
            [("took_part", "sam", false), ("took_part", "maria", true), ("items_withheld", "none", false)]
        {
            set_typed(&mut object, &pack, name, value, again).unwrap();
        }
        assert_eq!(Json::Object(object), json!({"took_part": ["sam", "maria"], "items_withheld": []}));
        assert_eq!(typed_value(pack.field("reasons"), "[1]"), json!("[1]"));
        assert_eq!(typed_value(pack.field("items"), "[{\"what\":\"a\"}]"), json!([{"what": "a"}]));
    }

    #[test]
    fn the_form_of_a_file_is_told_by_name_or_beginning() {
        let count = |name: &str, text: &str| split(Path::new(name), text).len();
        assert_eq!(count("-", "{\"a\":1}\n{\"b\":2}\n"), 2);
        assert_eq!(count("-", "{\n \"a\": 1\n}\n"), 1);
        assert_eq!(count("-", "[{\"a\":1},{\"b\":2}]"), 2);
        assert_eq!(count("-", "[[draft]]\nkind = \"a\"\n[[draft]]\nkind = \"b\"\n"), 2);
        assert_eq!(count("-", "kind = \"a\"\n"), 1);
        assert_eq!(count("x.jsonl", "nonsense\n{\"b\":2}\n"), 2);
        assert_eq!(count("x.json", " \n"), 0);
    }
}
