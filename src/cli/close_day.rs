//! `close-day`: signs off a day or a week.

use std::io::IsTerminal;

use chrono::NaiveDate;
use indelible::decision::value::Moment;
use indelible::ledger::closing::{Closed, Closing};
use indelible::ledger::desk::Desk;
use indelible::rules::clock;
use indelible::store::durable;
use serde_json::{Value as Json, json};

use crate::cli::args::CloseDayArgs;
use crate::cli::door::Door;
use crate::cli::failure::Failure;
use crate::cli::say;

pub fn run(door: &mut Door<'_>, args: &CloseDayArgs) -> Result<u8, Failure> {
    let mut desk = door.desk()?;
    let now = (door.now)();
    let today = clock::london_day(now);
    let from = args.from.as_deref().map(day).transpose()?;
    let to = args.to.as_deref().map(day).transpose()?.unwrap_or(today);
    let from = from.unwrap_or_else(|| desk.closing_period(to).0);
    if to < from {
        let what = format!("the last day, {}, lies before the first, {}", day_for_people(to), day_for_people(from));
        return Err(Failure::new(what, "give --from and --to in their order, as 2026-10-08"));
    }
    let closing = desk.closing(from, to, now)?;
    if !door.global.json {
        show(door, &desk, &closing)?;
    }
    warn(door, args, &closing, today)?;
    if !door.global.json && !closing.open.is_empty() && std::io::stdin().is_terminal() {
        let answer = door.ask("Close all the same, with this in it? (yes or no)")?;
        if !matches!(answer.trim(), "y" | "yes") {
            let next = "`indelible review` shows what waits; come back when you are ready";
            return Err(Failure::new("nothing was closed, and nothing entered", next).code(1));
        }
    }
    let closed = desk.close_day(from, to, door.now, &mut durable::entropy())?;
    if !closed.kept {
        let next = "look at the disk; the log holds it all the same";
        writeln!(door.err, "warning: no copy of its checkpoint could be kept under checkpoints/; {next}")?;
    }
    if !closed.ended {
        let next = "the next command of an overseer here ends that; look at the disk";
        writeln!(door.err, "warning: some authors may still open what they wrote before this closing; {next}")?;
    }
    if door.global.json {
        door.json("close-day", closed_json(&closed))?;
        return Ok(0);
    }
    let nil = if closed.closing.nil { ", with nothing to write down" } else { "" };
    writeln!(door.out, "\nClosed{nil}: {}.", say::entry(&closed.entered))?;
    Ok(0)
}

/// What was entered, what waits, what could not be looked at.
fn show(door: &mut Door<'_>, desk: &Desk, closing: &Closing) -> Result<(), Failure> {
    writeln!(door.out, "Closing {}.", period(closing.from, closing.to))?;
    let kinds: Vec<String> = closing.kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    match closing.entries {
        0 => writeln!(door.out, "  Entered: nothing.")?,
        count if kinds.is_empty() => writeln!(door.out, "  Entered: {count}.")?,
        count => writeln!(door.out, "  Entered: {count} ({}).", kinds.join(", "))?,
    }
    if closing.nil {
        writeln!(door.out, "  This is a nil return: it says that there was nothing to write down.")?;
    }
    if closing.open.is_empty() {
        writeln!(door.out, "  Nothing is open.")?;
    } else {
        writeln!(door.out, "  Open, and signed with it (`indelible review` shows each):")?;
    }
    for (flag, (count, overdue)) in &closing.open {
        let late = if *overdue > 0 { format!(", {overdue} overdue") } else { String::new() };
        writeln!(door.out, "    {count} {flag}{late}: {}", say::flag(desk.pack(), flag))?;
    }
    if !closing.unopened.is_empty() {
        let list = closing.unopened.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
        writeln!(door.out, "  Sealed to others, and named as not looked at: entry {list}.")?;
        let next = "if one should open to you, let another overseer open the ledger once, then close these days again";
        writeln!(door.out, "  No count of a child's folder holds them; {next}.")?;
    }
    Ok(())
}

fn warn(door: &mut Door<'_>, args: &CloseDayArgs, closing: &Closing, today: NaiveDate) -> Result<(), Failure> {
    if let Some(before) = closing.before {
        writeln!(door.err, "warning: entry {before} closed this already; both will stand")?;
    }
    if closing.case_map.is_none() {
        let what = "so many entries do not open to you that a closing cannot name them all";
        let next = "let another overseer open the ledger once, so that your keys are wrapped, and close again";
        writeln!(door.err, "warning: {what}; it counts no child's folder; {next}")?;
    }
    if closing.to > today {
        writeln!(door.err, "warning: days ahead cannot be closed; this counts up to today")?;
    }
    if args.nil && !closing.nil {
        let next = "it is closed with what was entered";
        writeln!(door.err, "warning: this is no nil return, since something was entered; {next}")?;
    }
    for (first, last) in &closing.unclosed {
        let days = period(*first, *last);
        let next = format!("indelible close-day --from {first} --to {last}");
        writeln!(door.err, "note: nobody closed {days}; close it too: `{next}`")?;
    }
    Ok(())
}

fn closed_json(closed: &Closed) -> Json {
    let closing = &closed.closing;
    let open =
        closing.open.iter().map(|(flag, (count, overdue))| json!({"flag": flag, "count": count, "overdue": overdue}));
    let unclosed = closing.unclosed.iter().map(|(first, last)| json!([first.to_string(), last.to_string()]));
    let mut document = json!({
        "from": closing.from.to_string(), "to": closing.to.to_string(), "nil": closing.nil,
        "entries": closing.entries, "kinds": closing.kinds, "open": open.collect::<Vec<_>>(),
        "unopened": closing.unopened, "size": closing.size, "root": closing.root.to_string(),
        "case_map": closed.case_map_root.zip(closing.case_map.as_ref()).map(|(root, map)| json!({
            "root": root.to_string(), "folders": map.folders(), "entries": map.entries(),
        })),
        "closed_before_by": closing.before, "unclosed": unclosed.collect::<Vec<_>>(), "checkpoint_kept": closed.kept,
    });
    if let (Some(fields), Json::Object(entered)) = (document.as_object_mut(), say::entered_json(&closed.entered)) {
        fields.extend(entered);
    }
    document
}

fn day(typed: &str) -> Result<NaiveDate, Failure> {
    let moment = Moment::parse(typed.trim())
        .map_err(|_| Failure::new(format!("this is no day: {}", say::plain(typed)), "give it as 2026-10-08"))?;
    Ok(clock::london_day(moment.milliseconds))
}

fn period(from: NaiveDate, to: NaiveDate) -> String {
    if from == to { day_for_people(to) } else { format!("{} to {}", day_for_people(from), day_for_people(to)) }
}

fn day_for_people(day: NaiveDate) -> String {
    day.format("%a %-d %b %Y").to_string()
}
