//! `back`: a second person agrees to a decision, or does not.

use std::io::IsTerminal;

use indelible::decision::draft::Draft;
use indelible::decision::value::{Content, FieldId, Moment};
use indelible::ledger::desk::Desk;
use indelible::ledger::record::Outcome;
use indelible::store::durable;
use serde_json::{Map, Value as Json, json};

use crate::cli::args::BackArgs;
use crate::cli::door::Door;
use crate::cli::failure::Failure;
use crate::cli::log;
use crate::cli::say::{self, plain};

pub fn run(door: &mut Door<'_>, args: &BackArgs) -> Result<u8, Failure> {
    let mut desk = door.desk()?;
    let Some(statement) = desk.statement(args.entry)?.1 else {
        let next = "ask the overseers, or somebody who may read it";
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
    fields.insert("kind".to_owned(), kind.into());
    if let Some(case) = body.case {
        fields.insert("case".to_owned(), case.base32().into());
    }
    let folder = body.folder().filter(|folder| folder.of_case());
    fields.extend(folder.map(|folder| ("folder".to_owned(), Json::from(folder.name()))));
    fields.insert("learned_at".to_owned(), agreed.into());
    if !args.decline {
        fields.insert("view".to_owned(), if args.if_only { "agrees_if" } else { "agrees" }.into());
    }
    fields.insert("reasons".to_owned(), reasons.into());
    fields.insert("refs".to_owned(), json!([{ "relation": relation, "entry": args.entry }]));
    let draft = Draft::from_json(&Json::Object(fields))
        .map_err(|_| Failure::new("this could not be written as a draft", "give the reasons as plain text"))?;
    match desk.record(&draft, door.now, &mut durable::entropy())? {
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
