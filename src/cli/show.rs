//! `show`: one entry, in the questions and answers of its form.

use indelible::decision::value::{Moment, Precision};
use indelible::entry::statement::Body;
use indelible::ledger::LedgerError;
use indelible::ledger::desk::Desk;
use indelible::ledger::show::{Beside, Shown};
use indelible::rules::clock;
use indelible::rules::kind::{Field, FieldType, Kind};
use indelible::rules::pack::Pack;
use indelible::store::durable;
use serde_json::{Map, Value as Json, json};

use crate::cli::args::ShowArgs;
use crate::cli::case::reference_line;
use crate::cli::door::Door;
use crate::cli::failure::Failure;
use crate::cli::log::{self, Reader, Row};
use crate::cli::say::{self, plain, plain_lines};

/// Reasons for which words are opened.
const CAUSES: [&str; 7] = ["own_work", "review", "decision", "request", "handover", "inspection", "other"];

pub fn run(door: &mut Door<'_>, args: ShowArgs) -> Result<u8, Failure> {
    if !CAUSES.contains(&args.cause.as_str()) {
        return Err(Failure::new("this cause is not known", format!("give one of: {}", CAUSES.join(", "))));
    }
    if door.global.identity.is_none() {
        return skeleton(door, args.entry);
    }
    let mut desk = if args.structure { door.desk_read()? } else { door.desk()? };
    let cause = (!args.structure).then_some(args.cause.as_str());
    let mut rng = durable::entropy();
    let (shown, closed) = match desk.show(args.entry, cause, door.now, &mut rng) {
        Err(LedgerError::NotReader | LedgerError::Retired) => (desk.show(args.entry, None, door.now, &mut rng)?, true),
        other => (other?, false),
    };
    if door.global.json {
        let mut document = document(&desk, &shown);
        let retired = if shown.body.is_none() || closed { desk.retired_under(args.entry)? } else { None };
        if let (Some(fields), Some((proposed, done))) = (document.as_object_mut(), retired) {
            fields.insert("retired".into(), serde_json::json!({"proposed": proposed, "done": done}));
        }
        door.json("show", document)?;
    } else {
        print(door, &desk, &shown)?;
    }
    door.out.flush()?;
    notes(door, &desk, &shown, closed)?;
    Ok(0)
}

fn skeleton(door: &mut Door<'_>, number: u64) -> Result<u8, Failure> {
    let reader = Reader::open(door)?;
    let row = log::row(&reader, number)?;
    if door.global.json {
        door.json("show", log::row_json(None, &row))?;
        return Ok(0);
    }
    bones(door, &row)?;
    writeln!(door.err, "note: this is the skeleton; those who are enrolled see more with --identity FILE")?;
    Ok(0)
}

fn bones(door: &mut Door<'_>, row: &Row) -> Result<(), Failure> {
    writeln!(door.out, "entry {}", row.number)?;
    writeln!(door.out, "recorded    {}", clock::for_people(row.recorded))?;
    writeln!(door.out, "link        {}", row.link)?;
    writeln!(door.out, "statement   {}", row.digest)?;
    Ok(())
}

fn row(shown: &Shown) -> Row {
    let envelope = shown.stored.envelope();
    Row {
        number: envelope.number.0,
        recorded: envelope.recorded,
        link: shown.stored.link(),
        digest: envelope.statement,
        body: shown.body.clone(),
        findings: shown.findings.clone(),
        beside: shown.beside.iter().flatten().map(|beside| beside.link).collect(),
    }
}

fn document(desk: &Desk, shown: &Shown) -> Json {
    let mut document = log::row_json(Some(desk), &row(shown));
    if let (Some(fields), Some(_)) = (document.as_object_mut(), &shown.body) {
        let words = match (shown.has_words, shown.opened) {
            (false, _) => "none",
            (true, true) => "opened",
            (true, false) => "sealed",
        };
        fields.insert("fields".into(), Json::Object(shown.fields.clone()));
        fields.insert("words".into(), words.into());
        let gaps = shown.findings.iter().flat_map(|finding| &finding.gaps);
        fields.insert("gaps".into(), say::gaps_json(gaps));
        fields.insert("read".into(), shown.read.into());
        let all = shown.beside.as_ref().map(|all| all.iter().map(|one| beside_json(desk, one)).collect::<Json>());
        fields.insert("beside".into(), all.into());
    }
    document
}

fn beside_json(desk: &Desk, beside: &Beside) -> Json {
    let (relation, entry) = (beside.link.relation.name(), beside.link.entry);
    json!({"relation": relation, "entry": entry, "kind": log::kind_name(&beside.body), "recorded": say::stamp(beside.recorded),
           "author": say::person(desk, beside.body.person), "fields": beside.fields})
}

fn print(door: &mut Door<'_>, desk: &Desk, shown: &Shown) -> Result<(), Failure> {
    let Some(body) = &shown.body else { return bones(door, &row(shown)) };
    let pack = desk.pack();
    let kind = pack.kind_numbered(body.kind);
    let label = kind.map(|kind| format!("{} ", kind.label)).unwrap_or_default();
    writeln!(door.out, "entry {}: {label}({})", shown.stored.envelope().number.0, log::kind_name(body))?;
    for (name, text) in head(desk, shown, body) {
        writeln!(door.out, "{name:<11} {}", plain(&text))?;
    }
    for finding in &shown.findings {
        let code = finding.flag.code();
        writeln!(door.out, "{:<11} {code}: {}", "flag", say::flag(pack, code))?;
    }
    answers(door, pack, kind, shown.fields.clone(), 0)?;
    let mut open = shown.findings.iter().flat_map(|finding| &finding.gaps).peekable();
    if open.peek().is_some() {
        let (kind, number) = (log::kind_name(body), shown.stored.envelope().number.0);
        writeln!(door.out, "\nStill open (fill in with `indelible record {kind} --ref completes={number}`):")?;
    }
    for gap in open {
        writeln!(door.out, "    {}: {}", gap.field, plain(&gap.what))?;
    }
    for later in shown.beside.iter().flatten() {
        let (by, entry) = (log::beside_line(later.link.relation.name()), later.link.entry);
        let (author, recorded) = (say::person(desk, later.body.person), clock::for_people(later.recorded));
        writeln!(
            door.out,
            "\n{by} entry {entry}, {}, by {}, recorded {recorded}",
            log::kind_name(&later.body),
            plain(&author)
        )?;
        answers(door, pack, pack.kind_numbered(later.body.kind), later.fields.clone(), 4)?;
    }
    Ok(())
}

/// Questions and answers, in the order of the form.
fn answers(
    door: &mut Door<'_>,
    pack: &Pack,
    kind: Option<&Kind>,
    mut fields: Map<String, Json>,
    indent: usize,
) -> Result<(), Failure> {
    let named: Vec<&str> =
        kind.map(|kind| pack.fields_of(kind).map(|(_, field)| field.name.as_str()).collect()).unwrap_or_default();
    for name in named {
        let (Some(kind), Some(answer)) = (kind, fields.shift_remove(name)) else { continue };
        writeln!(door.out, "\n{:indent$}{}", "", pack.label(kind, name))?;
        if let Some(field) = pack.field(name) {
            answer_lines(door, pack, field, &answer, indent + 4)?;
        }
    }
    // What the form does not ask: fields of an older or newer pack.
    for (name, answer) in &fields {
        writeln!(door.out, "\n{:indent$}{}", "", plain(name))?;
        writeln!(door.out, "{:indent$}    {}", "", plain(&answer.to_string()))?;
    }
    Ok(())
}

fn head(desk: &Desk, shown: &Shown, body: &Body) -> Vec<(&'static str, String)> {
    let envelope = shown.stored.envelope();
    let mut rows = vec![("recorded", clock::for_people(envelope.recorded))];
    let line = desk.roll().person(body.person);
    rows.push((
        "by",
        line.map_or_else(|| body.person.to_string(), |line| format!("{} ({})", line.name(), line.handle())),
    ));
    if let Some(case) = body.case {
        let line = desk.roll().case(case);
        let named = line.map(|line| format!("{}, {}, ", line.handle(), line.label())).unwrap_or_default();
        rows.push(("case", format!("{named}tag {}", desk.tag(case))));
    }
    if let Some(folder) = body.folder().filter(|folder| *folder != indelible::codec::Folder::None) {
        rows.push(("folder", folder.name().to_owned()));
    }
    if body.act {
        rows.push((
            "state",
            if body.happened { "it has happened" } else { "proposed: it has not happened yet" }.to_owned(),
        ));
    }
    let times =
        [("done", &body.occurred), ("learned", &body.learned), ("decided", &body.decided), ("signed", &body.signed)];
    rows.extend(times.into_iter().filter_map(|(name, moment)| say::when(moment).map(|when| (name, when))));
    let number = envelope.number.0;
    rows.extend(body.references.iter().map(|reference| ("refers", reference_line(desk, number, body, reference))));
    rows
}

fn answer_lines(door: &mut Door<'_>, pack: &Pack, field: &Field, answer: &Json, indent: usize) -> Result<(), Failure> {
    match answer {
        Json::Array(elements) if elements.is_empty() => writeln!(door.out, "{:indent$}none", "")?,
        Json::Array(elements) if field.answer == FieldType::Group => {
            for (at, element) in elements.iter().enumerate() {
                writeln!(door.out, "{:indent$}{}", "", at + 1)?;
                answer_lines(door, pack, field, element, indent + 4)?;
            }
        }
        Json::Array(elements) => {
            elements.iter().try_for_each(|element| answer_lines(door, pack, field, element, indent))?
        }
        Json::Object(parts) if parts.get("sealed") == Some(&Json::Bool(true)) => {
            writeln!(door.out, "{:indent$}(sealed)", "")?
        }
        Json::Object(parts) => {
            for (name, part) in parts {
                let sub = field.subfield(name);
                let label = sub.map_or(name.as_str(), |sub| sub.label.as_str());
                match one_line(pack, sub.unwrap_or(field), part) {
                    Some(text) => writeln!(door.out, "{:indent$}{label} {text}", "")?,
                    None => {
                        writeln!(door.out, "{:indent$}{label}", "")?;
                        answer_lines(door, pack, sub.unwrap_or(field), part, indent + 4)?;
                    }
                }
            }
        }
        Json::String(text) if field.answer == FieldType::Text => {
            for line in plain_lines(text) {
                writeln!(door.out, "{:indent$}{line}", "")?;
            }
        }
        other => writeln!(door.out, "{:indent$}{}", "", one_line(pack, field, other).unwrap_or_default())?,
    }
    Ok(())
}

/// An answer that fits on one line.
fn one_line(pack: &Pack, field: &Field, answer: &Json) -> Option<String> {
    let text = match answer {
        Json::String(text) if text.contains('\n') => return None,
        Json::String(text) => text.clone(),
        Json::Object(parts) if parts.get("sealed") == Some(&Json::Bool(true)) => return Some("(sealed)".to_owned()),
        Json::Array(_) | Json::Object(_) => return None,
        other => other.to_string(),
    };
    let meaning = pack.codes(field).and_then(|list| list.find(&text)).map(|code| format!(" ({})", code.text));
    if let (FieldType::Time, Ok(moment)) = (field.answer, Moment::parse(&text))
        && moment.precision != Precision::None
    {
        return moment.for_people();
    }
    Some(format!("{}{}", plain(&text), meaning.unwrap_or_default()))
}

/// What the reader has to know beside the entry.
fn notes(door: &mut Door<'_>, desk: &Desk, shown: &Shown, closed: bool) -> Result<(), Failure> {
    let ask = say::whom_to_ask(desk);
    let ask = plain(&ask);
    if shown.beside.is_none() {
        writeln!(
            door.err,
            "note: a later entry is damaged, so it is not known whether this one was corrected; run verify"
        )?;
    }
    let retired =
        if shown.body.is_none() || closed { desk.retired_under(shown.stored.envelope().number.0)? } else { None };
    if let Some((proposed, done)) = retired {
        let gone = if shown.body.is_none() { "its words and structure are gone" } else { "its words are gone" };
        writeln!(door.err, "note: retired under entries {proposed} and {done}: {gone}, the proof stays")?;
    } else if shown.body.is_none() {
        let oversees = desk.is_overseer();
        let text = if oversees { "is not open to you" } else { "is open to its author and to the overseers" };
        writeln!(door.err, "note: this entry {text}; {ask}")?;
    } else if closed && shown.body.as_ref().is_some_and(|body| body.person == desk.identity().person()) {
        let text = "note: you wrote this; its words were open to you until a closing, and now by a grant alone;";
        writeln!(door.err, "{text} {ask}")?;
    } else if closed {
        writeln!(door.err, "note: the words of this entry are not open to you; {ask}")?;
    } else if let Some(read) = shown.read {
        writeln!(door.err, "note: your reading is entry {read}, for this folder and sitting")?;
    } else if shown.opened {
        writeln!(
            door.err,
            "note: your reading is signed and waits beside your identity; it is entered where the log's key is"
        )?;
    } else if shown.has_words {
        writeln!(
            door.err,
            "note: the words stay sealed; without --structure they are opened, and the reading is entered"
        )?;
    }
    Ok(())
}
