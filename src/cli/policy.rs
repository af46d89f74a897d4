//! `policy`: a setting's own numbers and procedures, where they depart from law, and their adoption.

use std::io::Write;
use std::path::Path;

use chrono::NaiveDate;
use indelible::ledger::LedgerError;
use indelible::rules::access;
use indelible::rules::clock::{self, Clock};
use indelible::rules::pack::{Pack, PackError};
use indelible::rules::policy::{self, Closings, Conflict, LOOKED_AHEAD, Part, Policy};
use indelible::seal::sealed::document_hash;
use indelible::store::durable;
use serde_json::{Value as Json, json};

use crate::cli::args::PolicyCommand;
use crate::cli::door::Door;
use crate::cli::failure::Failure;
use crate::cli::kinds;
use crate::cli::say::{self, plain};

pub fn run(door: &mut Door<'_>, command: PolicyCommand) -> Result<u8, Failure> {
    match command {
        PolicyCommand::List => list(door),
        PolicyCommand::Show { policy } => show(door, policy.as_deref()),
        PolicyCommand::Check { policy } => check(door, &policy),
        PolicyCommand::Adopt { policy } => adopt(door, &policy),
    }
}

/// A policy that ships, by name, or a file's text.
fn text_of(door: &Door<'_>, typed: &str) -> Result<String, Failure> {
    match Policy::built_in(typed) {
        Some(text) => Ok(text.to_owned()),
        None => document(door, typed, "name one of `indelible policy list`, or a file with a policy of your own"),
    }
}

/// Reads the text of a document that somebody named.
pub fn document(door: &Door<'_>, typed: &str, next: &str) -> Result<String, Failure> {
    let bytes = door.read(Path::new(typed)).map_err(|failure| failure.then(next))?;
    String::from_utf8(bytes).map_err(|_| Failure::new("this file is no text (UTF-8)", next).at(typed))
}

/// Says where a document cannot stand.
pub fn cannot_stand(typed: &str) -> impl Fn(PackError) -> Failure + '_ {
    move |error| {
        Failure::new(error.what, "put the line right; the chapter on policies in the manual says what each key means")
            .at(format!("{typed}, line {}", error.line))
    }
}

fn read(typed: &str, text: &str, pack: &Pack) -> Result<Policy, Failure> {
    Policy::parse(text, pack).map_err(cannot_stand(typed))
}

fn list(door: &mut Door<'_>) -> Result<u8, Failure> {
    let pack = kinds::pack(door)?;
    let here = in_force(door)?;
    let shipped = policy::BUILT_IN.iter().map(|(name, text)| read(name, text, &pack)).collect::<Result<Vec<_>, _>>()?;
    if door.global.json {
        let row =
            |policy: &Policy| json!({"name": policy.name(), "title": policy.title(), "version": policy.version()});
        let policies: Vec<Json> = shipped.iter().map(row).collect();
        door.json("policy-list", json!({"policies": policies, "in_force": here.as_ref().map(row)}))?;
        return Ok(0);
    }
    writeln!(door.out, "Policies that ship with this program; adopt one, or write your own from it:\n")?;
    for policy in &shipped {
        let promise = policy.access_days().map_or("one month, as in law".to_owned(), |days| format!("{days} days"));
        writeln!(door.out, "  {:<12} {:<36} access requests: {promise}", policy.name(), policy.title())?;
    }
    match here {
        Some(policy) => writeln!(door.out, "\nIn force here: {} {}.", plain(policy.name()), plain(policy.version()))?,
        None if door.global.ledger.is_some() => {
            writeln!(door.out, "\nNone is in force here: the rule pack's clocks hold.")?
        }
        None => {}
    }
    Ok(0)
}

/// The policy in force in the ledger that was named, if one was and if there is one.
fn in_force(door: &Door<'_>) -> Result<Option<Policy>, Failure> {
    if door.global.ledger.is_none() {
        return Ok(None);
    }
    let book = door.reader()?.roster()?.rulebook().ok_or(LedgerError::NoPack)?;
    Ok(book.policy_at(i64::MAX).cloned())
}

fn show(door: &mut Door<'_>, typed: Option<&str>) -> Result<u8, Failure> {
    let pack = kinds::pack(door)?;
    let policy = match typed {
        Some(typed) => {
            let text = text_of(door, typed)?;
            if !door.global.json && Policy::built_in(typed).is_some() {
                // As a setting would begin its own from.
                door.out.write_all(text.as_bytes())?;
                return Ok(0);
            }
            read(typed, &text, &pack)?
        }
        None => in_force(door)?.ok_or_else(|| {
            Failure::new(
                "no policy is in force here",
                "name one: `indelible policy show policy-000`, or adopt one first",
            )
        })?,
    };
    if door.global.json {
        let document = as_json(&policy);
        door.json("policy-show", document)?;
        return Ok(0);
    }
    let title = format!("{}: {} (version {})", policy.name(), policy.title(), policy.version());
    writeln!(door.out, "{}", plain(&title))?;
    for own in policy.clocks() {
        writeln!(door.out, "  {:<32} {}", format!("{}/{}", own.flag, own.step), own.clock.for_people())?;
    }
    let closed = match policy.closings() {
        Closings::Day => "each opening day",
        Closings::Week => "each week",
    };
    writeln!(door.out, "  the book is closed {closed}")?;
    let access = policy.access();
    let must = if access.clean_copy.must {
        "a clean copy waits for a second look by:"
    } else {
        "a second look at a clean copy is advised, by:"
    };
    for (what, who, together) in [
        ("told of an access request:", &access.told, " and "),
        ("prepares the file:", &access.prepares, " or "),
        ("looks whether it is whole:", &access.checks, " and "),
        (must, &access.clean_copy.by, " or "),
    ] {
        if !who.is_empty() {
            let names: Vec<&str> = who.iter().map(|role| policy.role_name(role)).collect();
            writeln!(door.out, "  {what} {}", plain(&names.join(together)))?;
        }
    }
    writeln!(door.out, "\nProcedures:")?;
    for step in policy.procedures() {
        let who: Vec<&str> = step.who.iter().map(|role| policy.role_name(role)).collect();
        let line = format!("{} ({}; {})", step.text, who.join(", "), step.source);
        writeln!(door.out, "  {}: {}", step.kind.name().unwrap_or("?"), plain(&line))?;
    }
    writeln!(door.out, "\nWhere it departs from law: `indelible policy check`.")?;
    Ok(0)
}

fn as_json(policy: &Policy) -> Json {
    let access = policy.access();
    let step = |step: &policy::Procedure| {
        let part = match step.part {
            Part::Does => "does",
            Part::Prepares => "prepares",
            Part::Checks => "checks",
            Part::Told => "told",
        };
        json!({"kind": step.kind.name(), "who": step.who, "part": part, "text": step.text, "source": step.source})
    };
    let clock =
        |own: &policy::OwnClock| json!({"step": format!("{}/{}", own.flag, own.step), "clock": own.clock.to_string()});
    let role =
        |(code, name): &(String, String)| json!({"role": code, "name": name, "substitutes": policy.substitutes(code)});
    json!({
        "name": policy.name(), "title": policy.title(), "version": policy.version(),
        "in_force": policy.in_force().to_string(), "sources": policy.sources(),
        "roles": policy.roles().iter().map(role).collect::<Vec<_>>(), "designated": policy.designated(),
        "clocks": policy.clocks().iter().map(clock).collect::<Vec<_>>(),
        "closings": match policy.closings() { Closings::Day => "day", Closings::Week => "week" },
        "access": {"reminder_days": access.reminder_days, "told": access.told, "prepares": access.prepares,
                   "checks": access.checks, "releases": access.releases,
                   "clean_copy_check": {"by": access.clean_copy.by, "must": access.clean_copy.must}},
        "procedures": policy.procedures().iter().map(step).collect::<Vec<_>>(),
    })
}

/// A policy beside the law, from today on.
struct Checked {
    policy: Policy,
    pack: Pack,
    text: String,
    from: NaiveDate,
    conflicts: Vec<Conflict>,
}

impl Checked {
    fn of(door: &Door<'_>, typed: &str, pack: Pack) -> Result<Self, Failure> {
        let text = text_of(door, typed)?;
        let policy = read(typed, &text, &pack)?;
        let from = clock::london_day((door.now)());
        let conflicts = policy::conflicts(&policy, &pack, from);
        Ok(Checked { policy, pack, text, from, conflicts })
    }

    fn beyond(&self) -> u64 {
        policy::beyond_law(&self.conflicts)
    }

    fn json(&self) -> Json {
        json!({
            "policy": self.policy.name(), "title": self.policy.title(), "version": self.policy.version(),
            "hash": document_hash(self.text.as_bytes()).to_string(),
            "pack": self.pack.name(), "pack_version": self.pack.version(),
            "from": self.from.to_string(), "days_looked_at": LOOKED_AHEAD, "beyond_law": self.beyond(),
            "conflicts": self.conflicts.iter().map(|one| self.conflict_json(one)).collect::<Vec<_>>(),
        })
    }

    fn conflict_json(&self, conflict: &Conflict) -> Json {
        let dates: Vec<String> = conflict.days().iter().map(NaiveDate::to_string).collect();
        match conflict {
            Conflict::Access { days, .. } => {
                json!({"type": "access", "step": "SAR-DUE/release", "policy": format!("d {days}"), "law": "month",
                       "source": self.source("SAR-DUE"), "dates": dates, "next": self.next(conflict)})
            }
            Conflict::Clock { own, law, source, .. } => {
                json!({"type": "clock", "step": format!("{}/{}", own.flag, own.step), "policy": own.clock.to_string(),
                       "law": law.to_string(), "source": source, "dates": dates, "next": self.next(conflict)})
            }
            Conflict::Text(one) => {
                json!({"type": "text", "what": one.what, "law": one.law, "since": one.since, "next": one.next,
                       "source": one.source})
            }
        }
    }

    fn source(&self, flag: &str) -> &str {
        self.pack.obligation(flag).map_or("", |obligation| &obligation.source)
    }

    fn next(&self, conflict: &Conflict) -> String {
        match conflict {
            Conflict::Access { days, .. } => {
                let calendar = self.pack.calendar();
                let fits = |days: &u32| access::beyond_law(*days, self.from, LOOKED_AHEAD, calendar).is_empty();
                let safe = (1..*days).rev().find(fits).unwrap_or(1);
                format!(
                    "promise {safe} days, which is never too long; until then the ledger reminds by the earlier of both dates"
                )
            }
            Conflict::Clock { law, .. } => {
                format!("give no more than {law}, or leave the line out: the rule pack's clock then holds")
            }
            Conflict::Text(one) => one.next.clone(),
        }
    }

    /// What goes beyond the law, and where the text departs from it, in plain words.
    fn write(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let policy = &self.policy;
        writeln!(out, "{}", plain(&format!("{}: {} (version {})", policy.name(), policy.title(), policy.version())))?;
        let (pack, version, from) = (self.pack.name(), self.pack.version(), day(self.from));
        writeln!(out, "Beside the rule pack {pack} {version}, on the {LOOKED_AHEAD} days from {from}.\n")?;
        let (numbers, texts): (Vec<&Conflict>, Vec<&Conflict>) =
            self.conflicts.iter().partition(|one| !one.days().is_empty());
        if numbers.is_empty() {
            writeln!(out, "Its numbers never give more time than the law.")?;
        }
        for conflict in numbers {
            let count = conflict.days().len();
            match conflict {
                Conflict::Access { days, .. } => {
                    writeln!(
                        out,
                        "{days} days for an access request are more than the law gives, if it comes on one of these {count} days:"
                    )?;
                    self.spans(out, conflict)?;
                    writeln!(
                        out,
                        "  in law: one month, to the end of the next working day ({})",
                        self.source("SAR-DUE")
                    )?;
                }
                Conflict::Clock { own, law, source, .. } => {
                    let (flag, step) = (&own.flag, &own.step);
                    writeln!(
                        out,
                        "{flag}/{step}, {}, is more than the law gives, if it begins on one of these {count} days:",
                        within(own.clock)
                    )?;
                    self.spans(out, conflict)?;
                    writeln!(out, "  in law: {} ({source})", within(*law))?;
                }
                Conflict::Text(_) => {}
            }
            writeln!(out, "  next:   {}", self.next(conflict))?;
        }
        if texts.is_empty() {
            writeln!(out, "\nIt names no place where its text departs from law.")?;
            return Ok(());
        }
        let places = if texts.len() == 1 { "one place".to_owned() } else { format!("{} places", texts.len()) };
        writeln!(out, "\nIts text departs from law in {places}:")?;
        for conflict in texts {
            let Conflict::Text(one) = conflict else { continue };
            let since = match NaiveDate::parse_from_str(&one.since, "%Y-%m-%d") {
                Ok(since) => format!("since {}", day(since)),
                Err(_) => "enacted, and not in force yet".to_owned(),
            };
            writeln!(out, "  - {} ({})", plain(&one.what), plain(&one.source))?;
            writeln!(out, "    in law: {} ({since})", plain(&one.law))?;
            writeln!(out, "    next:   {}", plain(&one.next))?;
        }
        Ok(())
    }

    fn spans(&self, out: &mut dyn Write, conflict: &Conflict) -> Result<(), Failure> {
        for (first, last) in policy::spans(conflict.days()) {
            match first == last {
                true => writeln!(out, "    {}", day(first))?,
                false => writeln!(out, "    {} to {}", day(first), day(last))?,
            }
        }
        Ok(())
    }
}

fn within(clock: Clock) -> String {
    clock.for_people()
}

/// `Sun 31 Jan 2027`.
pub fn day(day: NaiveDate) -> String {
    day.format("%a %-d %b %Y").to_string()
}

fn check(door: &mut Door<'_>, typed: &str) -> Result<u8, Failure> {
    let checked = Checked::of(door, typed, kinds::pack(door)?)?;
    if door.global.json {
        door.json("policy-check", checked.json())?;
    } else {
        checked.write(door.out)?;
    }
    Ok(u8::from(checked.beyond() > 0))
}

fn adopt(door: &mut Door<'_>, typed: &str) -> Result<u8, Failure> {
    let mut desk = door.desk()?;
    let checked = Checked::of(door, typed, desk.pack().clone())?;
    if !door.global.json {
        checked.write(door.out)?;
        door.out.flush()?;
    }
    let (change, _) = desk.adopt_policy(&checked.text, door.now, &mut durable::entropy())?;
    if door.global.json {
        let mut document = say::entered_json(&change.entered);
        if let Some(fields) = document.as_object_mut() {
            fields.insert("waits".to_owned(), change.waits.into());
            fields.insert("check".to_owned(), checked.json());
        }
        door.json("policy-adopt", document)?;
        return Ok(0);
    }
    writeln!(door.out, "\nThe policy is entered as it stands: {}", say::entry(&change.entered))?;
    if checked.beyond() > 0 {
        writeln!(
            door.out,
            "The entry says that it passes the law on {} days: change it within 20 working days.",
            checked.beyond()
        )?;
    }
    say::waits(door, change.entered.number)?;
    Ok(0)
}
