//! `back`: a second person agrees to a decision, or does not.

use std::io::IsTerminal;

use indelible::decision::draft::Draft;
use indelible::decision::value::{Content, FieldId, Moment};
use indelible::entry::statement::Body;
use indelible::ledger::desk::Desk;
use indelible::ledger::record::Outcome;
use indelible::review::book::Book;
use indelible::rules::kind::Field;
use indelible::store::durable;
use serde_json::{Map, Value as Json, json};
use zeroize::Zeroizing;

use crate::cli::args::BackArgs;
use crate::cli::door::Door;
use crate::cli::failure::Failure;
use crate::cli::log;
use crate::cli::prompt;
use crate::cli::record::set;
use crate::cli::say::{self, plain};

/// The fields of a decision's ground in law.
const GROUND: [&str; 3] = ["basis", "basis_limb", "special"];
/// The groups of its tests.
const TESTS: [&str; 2] = ["seven_tests", "pi_test"];

pub fn run(door: &mut Door<'_>, args: &BackArgs) -> Result<u8, Failure> {
    let mut desk = door.desk()?;
    let Some(statement) = desk.statement(args.entry)?.1 else {
        let next = format!("{}, or whoever entered it", plain(&say::whom_to_ask(&desk)));
        return Err(Failure::new("this entry is sealed to others", next).at(format!("entry {}", args.entry)));
    };
    let body = statement.body().clone();
    let kind = if args.decline { "backing.declined" } else { "backing" };
    let relation = if args.decline { "declines" } else { "backs" };
    let backed =
        ["decision.share", "decision.noshare", "decision.monitor", "override", "referral.made", "enquiry.answered"];
    if !body.kind.name().is_some_and(|name| backed.contains(&name)) {
        let what = format!("entry {} is no decision ({})", args.entry, log::kind_name(&body));
        return Err(Failure::new(what, "give the number of a decision; `indelible review` lists those that wait"));
    }
    if !door.global.json {
        summary(door, &desk, args.entry)?;
    }
    let mut filled = Map::new();
    if !args.decline {
        let open = open_fields(&desk, args.entry)?;
        for typed in &args.fields {
            fill(&mut filled, &desk, &open, typed)?;
        }
        if prompt::possible() && args.fields.is_empty() && !ask_open(door, &desk, &open, &mut filled)? {
            let next = "agree on a condition (--if), or say that you do not agree (--decline); the author decides anew";
            return Err(Failure::new("nothing was entered: you say that the ground is not the right one", next).code(1));
        }
    }
    let reasons = match &args.reasons_from {
        Some(path) => String::from_utf8_lossy(&door.read(path)?).trim().to_owned(),
        None if std::io::stdin().is_terminal() => {
            door.ask(if args.decline { "Why do you not agree?" } else { "Why is it right?" })?
        }
        None => {
            let next = "run in a terminal to be asked, or add --reasons-from FILE (- is standard input)";
            return Err(Failure::new("the reasons were not given", next));
        }
    };
    let agreed = match &args.agreed {
        Some(when) => when.clone(),
        None => Moment::in_london((door.now)()).typed().unwrap_or_default(),
    };
    let mut fields = Map::new();
    fields.insert("learned_at".to_owned(), agreed.into());
    if !args.decline {
        fields.insert("view".to_owned(), if args.if_only { "agrees_if" } else { "agrees" }.into());
    }
    fields.insert("reasons".to_owned(), reasons.into());
    let draft = beside(&body, kind, relation, args.entry, fields)?;
    let mut drafts = Vec::new();
    if !filled.is_empty() {
        drafts.push(completing(&body, args.entry, filled)?);
    }
    drafts.push(draft);
    // What was open first, so that whoever reads the backing finds it there: both in one write.
    let mut outcomes = desk.record_all(&drafts, true, door.now, &mut durable::entropy(), &mut |_, _| ())?;
    let last = outcomes.pop().ok_or_else(|| Failure::new("nothing was entered", "try again"))?;
    if let Some(first) = outcomes.pop() {
        completed(door, args.entry, &first)?;
    }
    match last {
        Outcome::Entered { entered, .. } => {
            if door.global.json {
                door.json("back", say::entered_json(&entered))?;
                return Ok(0);
            }
            if args.decline {
                writeln!(door.out, "You did not agree to entry {}: {}", args.entry, say::entry(&entered))?;
                writeln!(door.out, "Nobody's no holds up a child's safety: anybody may call children's social care")?;
                writeln!(
                    door.out,
                    "themselves. Somebody else may back it; or take it further up: `record escalated`."
                )?;
            } else {
                writeln!(door.out, "You back entry {}: {}", args.entry, say::entry(&entered))?;
            }
            Ok(0)
        }
        Outcome::Stopped { draft, stop } => {
            Err(Failure::new(stop.says, stop.way_past).at(format!("draft {draft}")).code(1))
        }
        Outcome::Gaps { draft, gaps } => {
            let what = gaps.iter().map(|gap| gap.what.clone()).collect::<Vec<_>>().join("; ");
            Err(Failure::new(what, "fill it in and try again; what you wrote is kept")
                .at(format!("draft {draft}"))
                .code(1))
        }
        Outcome::Waiting { why } => Err((*why).into()),
        Outcome::IdUsed { entry, .. } => {
            Err(Failure::new(format!("entry {entry} has this id already"), "try again").code(1))
        }
    }
}

/// The parts of the ground, and the tests, that a decision leaves open: path and field.
fn open_fields(desk: &Desk, entry: u64) -> Result<Vec<(String, Field)>, Failure> {
    let Some(statement) = desk.statement(entry)?.1 else { return Ok(Vec::new()) };
    let (body, pack) = (statement.body(), desk.pack());
    let Some(kind) = pack.kind_numbered(body.kind) else { return Ok(Vec::new()) };
    let facts = desk.facts_around(body.case)?;
    let roster = desk.roster();
    let roles = |person, entry, at| roster.roles(person, entry, at);
    let book = Book::open(&facts, desk.rules(), &roles);
    let Some(whole) = book.fact(entry).map(|fact| book.whole(fact)) else { return Ok(Vec::new()) };
    let mut open = Vec::new();
    for name in GROUND.iter().chain(&TESTS) {
        let Some((index, field)) = pack.fields().iter().enumerate().find(|(_, field)| field.name == *name) else {
            continue;
        };
        if !kind.fields.iter().any(|known| known.index == index) {
            continue;
        }
        let parts: Vec<(String, &Field)> = match field.subfields.as_slice() {
            [] => vec![(field.name.clone(), field)],
            parts => parts.iter().map(|part| (format!("{name}.{}", part.name), part)).collect(),
        };
        open.extend(
            parts.into_iter().filter(|(_, part)| !whole.has(FieldId(part.id))).map(|(path, part)| (path, part.clone())),
        );
    }
    Ok(open)
}

/// Takes `name=value` for something that is open.
fn fill(filled: &mut Map<String, Json>, desk: &Desk, open: &[(String, Field)], typed: &str) -> Result<(), Failure> {
    let (name, value) = typed
        .split_once('=')
        .ok_or_else(|| Failure::new("a field cannot be read", "give it as NAME=VALUE, such as --field basis=LB-EA"))?;
    let Some((_, field)) = open.iter().find(|(path, _)| path == name) else {
        let open: Vec<&str> = open.iter().map(|(path, _)| path.as_str()).collect();
        let next = match open.as_slice() {
            [] => "leave --field out: nothing of ground or tests is open".to_owned(),
            open => format!("what is filled stays; open are {}", open.join(", ")),
        };
        return Err(Failure::new("this is not open in the decision", next).at(plain(name).into_owned()));
    };
    if let Some(list) = desk.pack().codes(field)
        && list.find(value).is_none()
    {
        let next = list.codes.iter().map(|code| code.code.as_str()).collect::<Vec<_>>().join(", ");
        return Err(Failure::new("this code is not known", format!("give one of: {next}")).at(plain(name).into_owned()));
    }
    set(filled, name, value.into())
}

/// Asks whether the ground is right, and for what is open of ground and tests. False if the ground is not the right one.
fn ask_open(
    door: &mut Door<'_>,
    desk: &Desk,
    open: &[(String, Field)],
    filled: &mut Map<String, Json>,
) -> Result<bool, Failure> {
    let given = !open.iter().any(|(path, _)| path == "basis");
    if given && !prompt::yes(door, "Is that the right ground in law?")? {
        return Ok(false);
    }
    let words = prompt::words(door, desk);
    if !open.is_empty() {
        writeln!(door.err, "What the decision leaves open; Enter passes over a question.")?;
    }
    for (path, field) in open {
        if path == "basis_limb" && filled.get("basis").and_then(Json::as_str) != Some("LB-EA") {
            continue;
        }
        let Some(answer) = prompt::answer(door, desk.pack(), field, &field.label)? else { break };
        match answer {
            Some(Json::String(text)) if field.codes.is_none() => {
                let text = prompt::weigh(door, &words, Zeroizing::new(text))?;
                set(filled, path, text.as_str().into())?;
            }
            Some(value) => set(filled, path, value)?,
            None => {}
        }
    }
    Ok(true)
}

/// What fills in a decision: an entry of the same kind that completes it.
fn completing(body: &Body, entry: u64, mut fields: Map<String, Json>) -> Result<Draft, Failure> {
    for (name, moment) in [("occurred_at", body.occurred), ("decided_at", body.decided)] {
        fields.extend(moment.typed().map(|typed| (name.to_owned(), Json::from(typed))));
    }
    beside(body, body.kind.name().unwrap_or_default(), "completes", entry, fields)
}

/// A draft in the case and folder of a decision, which it refers to.
fn beside(
    body: &Body,
    kind: &str,
    relation: &str,
    entry: u64,
    mut fields: Map<String, Json>,
) -> Result<Draft, Failure> {
    fields.insert("kind".to_owned(), kind.into());
    fields.extend(body.case.map(|case| ("case".to_owned(), Json::from(case.base32()))));
    let folder = body.folder().filter(|folder| folder.of_case());
    fields.extend(folder.map(|folder| ("folder".to_owned(), Json::from(folder.name()))));
    fields.insert("refs".to_owned(), json!([{ "relation": relation, "entry": entry }]));
    Draft::from_json(&Json::Object(fields))
        .map_err(|_| Failure::new("this could not be written as a draft", "give the answers as plain text"))
}

fn completed(door: &mut Door<'_>, entry: u64, outcome: &Outcome) -> Result<(), Failure> {
    match outcome {
        Outcome::Entered { entered, .. } if door.global.json => {
            writeln!(door.err, "note: what entry {entry} left open is entry {}", entered.number)?;
        }
        Outcome::Entered { entered, .. } => {
            writeln!(door.out, "What entry {entry} left open is filled in: {}", say::entry(entered))?;
        }
        Outcome::Gaps { draft, .. } | Outcome::Stopped { draft, .. } => {
            writeln!(door.err, "warning: what you filled in is kept as draft {draft}: see `indelible drafts {draft}`")?;
        }
        Outcome::Waiting { .. } | Outcome::IdUsed { .. } => {}
    }
    Ok(())
}

/// What is backed, in short: on what ground, what was left out, which tests were answered.
fn summary(door: &mut Door<'_>, desk: &Desk, entry: u64) -> Result<(), Failure> {
    let Some(statement) = desk.statement(entry)?.1 else { return Ok(()) };
    let body = statement.body();
    let pack = desk.pack();
    let case = body.case.map(|case| format!(" about {}", plain(&say::case(desk, case)))).unwrap_or_default();
    let author = say::person(desk, body.person);
    writeln!(door.out, "Entry {entry}, {}{case}, by {}.", log::kind_name(body), plain(&author))?;
    for name in ["recipient.agency", "basis", "special", "ns_code", "no_code", "risk_level"] {
        let Some((field, sub)) = pack.id_of(name).and_then(|id| pack.field_numbered(id)) else { continue };
        let asked = sub.unwrap_or(field);
        let Some(list) = pack.codes(asked) else { continue };
        for content in body.values_of(FieldId(asked.id)) {
            if let Content::Code(code) = content {
                let text = list.find(code.as_str()).map_or(code.as_str(), |code| &code.text);
                writeln!(door.out, "  {}: {text}", asked.label.trim_end_matches('?'))?;
            }
        }
    }
    for (group, title) in [("seven_tests", "The seven tests"), ("pi_test", "The public interest test")] {
        let Some(field) = pack.field(group) else { continue };
        let answered = field.subfields.iter().filter(|sub| body.values_of(FieldId(sub.id)).next().is_some()).count();
        if answered > 0 {
            writeln!(door.out, "  {title}: {answered} of {} answered", field.subfields.len())?;
        }
    }
    Ok(())
}
