//! `retire`: words and structure become unreadable for good, by two people, and only when nothing keeps them.

use indelible::ledger::retire::Approved;
use indelible::review::retiring::{Obstacle, Target};
use indelible::rules::clock;
use indelible::store::durable;
use serde_json::json;

use crate::cli::args::RetireCommand;
use crate::cli::door::Door;
use crate::cli::failure::Failure;
use crate::cli::say;
use crate::cli::verdict::{count, list};

pub fn run(door: &mut Door<'_>, command: RetireCommand) -> Result<u8, Failure> {
    match command {
        RetireCommand::Propose { entry, case, folders, cause, misfiled } => {
            let mut desk = door.desk()?;
            let targets = match (entry, case) {
                (Some(entry), _) => vec![Target::Entry(entry)],
                (None, Some(case)) => {
                    let case = desk.find_case(&case)?;
                    let folders = folders.iter().map(|folder| say::folder(folder)).collect::<Result<Vec<_>, _>>()?;
                    match folders.is_empty() {
                        true => vec![Target::Case(case)],
                        false => folders.into_iter().map(|folder| Target::Folder(case, folder)).collect(),
                    }
                }
                (None, None) => {
                    return Err(Failure::new("nothing was named", "add --entry N --misfiled M, or --case CASE"));
                }
            };
            let cause = cause.unwrap_or_else(|| if misfiled.is_some() { "misfiled" } else { "retention" }.to_owned());
            say::code(desk.pack(), "CAUSE", &cause)?;
            let (entered, refiled) =
                desk.propose_retiring(&targets, &cause, misfiled, door.now, &mut durable::entropy())?;
            if door.global.json {
                let mut document = say::entered_json(&entered);
                if let Some(fields) = document.as_object_mut() {
                    fields.insert("refiled".to_owned(), refiled.map(|refiled| refiled.number).into());
                }
                door.json("retire-propose", document)?;
                return Ok(0);
            }
            if let Some(refiled) = refiled {
                writeln!(door.out, "What it says now stands in the right case: {}", say::entry(&refiled))?;
            }
            writeln!(door.out, "Proposed: {}", say::entry(&entered))?;
            writeln!(
                door.out,
                "Nothing is destroyed yet. Another leading person (dsl, deputy_dsl, leader, chair or owner) runs:"
            )?;
            let number = entered.number;
            writeln!(door.out, "  indelible --ledger DIR --identity THEIR.id retire approve {number}")?;
            Ok(0)
        }
        RetireCommand::Approve { proposal, no, view } => {
            let mut desk = door.desk()?;
            let view = if no { "does_not" } else { view.as_str() };
            say::code(desk.pack(), "VIEW", view)?;
            let approved = desk.approve_retiring(proposal, view, door.now, &mut durable::entropy())?;
            approved_lines(door, proposal, view, &approved)
        }
    }
}

fn approved_lines(door: &mut Door<'_>, proposal: u64, view: &str, approved: &Approved) -> Result<u8, Failure> {
    let Approved { entered, done, entries } = approved;
    if door.global.json {
        let mut document = json!({"proposal": proposal, "view": view, "done": done, "entries": entries});
        if let (Some(fields), Some(entered)) = (document.as_object_mut(), entered) {
            fields.insert("approved".to_owned(), say::entered_json(entered));
        }
        door.json("retire-approve", document)?;
        return Ok(0);
    }
    if let Some(entered) = entered {
        writeln!(door.out, "Your word on entry {proposal}: {}", say::entry(entered))?;
    }
    match (view, done.as_slice()) {
        ("agrees", []) => {
            writeln!(door.out, "Nothing is destroyed yet. An overseer who reads the folder now runs:")?;
            writeln!(door.out, "  indelible --ledger DIR --identity THEIR.id retire approve {proposal}")?;
        }
        ("agrees", done) => {
            let under = list(done.iter().map(u64::to_string).collect());
            writeln!(door.out, "{} retired under entry {under}.", count(*entries as u64, "entry"))?;
            writeln!(
                door.out,
                "Their words and structure are gone, here and for the recovery sheet; the proof stays."
            )?;
            writeln!(door.out, "Copies of the cabinet from before still open them: burn those that you have.")?;
        }
        ("does_not", _) => writeln!(door.out, "Entry {proposal} is dropped.")?,
        _ => writeln!(door.out, "Entry {proposal} goes on waiting.")?,
    }
    Ok(0)
}

/// What keeps something from being retired: fact, rule and next step of the first that stands in the way, and the others.
pub fn kept(obstacles: &[Obstacle]) -> Failure {
    let Some(first) = obstacles.first() else {
        return Failure::new("something keeps this", "see `indelible case show`");
    };
    let more = match obstacles.len() - 1 {
        0 => String::new(),
        more => format!(" (and {} stand in the way)", count(more as u64, "other thing")),
    };
    let day = |at: i64| clock::day_for_people(at, clock::london_offset(at));
    let (what, next) = match first {
        Obstacle::Held(entry) => (
            format!("this is held: entry {entry} keeps it from being retired"),
            format!("wait, or have the hold released: `indelible record hold.released --ref ends={entry}`"),
        ),
        Obstacle::Guarded(entry) => (
            format!("this is held: somebody asked for a copy in entry {entry}, and that request still runs"),
            "answer the request first: while it runs, nothing of the file may be destroyed".to_owned(),
        ),
        Obstacle::NoReview => (
            "no review says that this may be retired: one of a class that speaks of the folder, with outcome retire"
                .to_owned(),
            "record it: `indelible record retention.review --case CASE --field outcome=retire`".to_owned(),
        ),
        Obstacle::WrongReview(entry) => (
            format!("the review in entry {entry} does not let this go: it keeps it, or a later one took its place"),
            "record a new retention.review with outcome retire for this folder".to_owned(),
        ),
        Obstacle::NoDate(entry) => (
            format!("the review in entry {entry} names no date, and none before it does"),
            "record a retention.review that says when its time is over (review_at)".to_owned(),
        ),
        Obstacle::Early(entry, until) => (
            format!("its time is not over: it is kept until {} (entry {entry})", day(*until)),
            format!("wait until {}", day(*until)),
        ),
        Obstacle::NotMisfiled(entry) => (
            format!("entry {entry} is one single entry, and nobody says that it was misfiled"),
            format!("if it lies in the wrong place: `indelible misfiled {entry} --to CASE`; else retire its folder"),
        ),
        Obstacle::NotConfirmed(entry) => (
            format!("entry {entry}, which says that it was misfiled, is not confirmed by a second person"),
            format!("another leading person runs: `indelible confirm {entry}`"),
        ),
        Obstacle::NotRefiled(entry) => (
            format!("what was misfiled does not stand in the right case yet (entry {entry})"),
            "somebody who reads its words proposes it: they are then entered there first".to_owned(),
        ),
    };
    Failure::new(format!("{what}{more}"), next).at("rule retire_held: what may keep a file from being retired").code(1)
}
