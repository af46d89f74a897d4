//! `review`, `due`: what needs somebody now, what is owed by when, and what was broken.

use std::path::Path;

use indelible::codec::CaseTag;
use indelible::ledger::desk::Desk;
use indelible::review::item::{About, Item, Review, Standing, State, Unsound};
use indelible::rules::clock;
use indelible::rules::obligation::Severity;
use serde_json::{Value as Json, json};

use crate::cli::args::{DueArgs, ReviewArgs};
use crate::cli::door::Door;
use crate::cli::failure::Failure;
use crate::cli::ics;
use crate::cli::say::{self, plain};

pub fn run(door: &mut Door<'_>, args: &ReviewArgs) -> Result<u8, Failure> {
    let (desk, review) = look(door)?;
    let case = args.case.as_deref().map(|case| desk.find_case(case)).transpose()?;
    let items = shown(&desk, &review, case);
    let wanted: Vec<&Item> = match args.all {
        true => items.clone(),
        false => {
            items.iter().copied().filter(|item| item.state(review.now).waits() || is_new(item, args.since)).collect()
        }
    };
    if door.global.json {
        let list: Vec<Json> = wanted.iter().map(|item| item_json(&desk, item, review.now)).collect();
        let document = json!({"now": say::stamp(review.now), "size": desk.ledger.size(), "items": list,
            "counts": counts_json(&items, review.now), "unseen": review.unseen, "unseen_rules": review.unseen_rules});
        door.json("review", document)?;
        return Ok(0);
    }
    let states = |item: &&Item| item.state(review.now);
    let overdue: Vec<&Item> = wanted.iter().copied().filter(|item| states(item) == State::Overdue).collect();
    let red = |item: &&&Item| item.severity == Severity::Red && states(item) == State::Open;
    let broken: Vec<&Item> = wanted.iter().filter(red).copied().collect();
    let waits = |item: &&&Item| item.severity != Severity::Red && states(item) == State::Open;
    let mut open: Vec<&Item> = wanted.iter().filter(waits).copied().collect();
    open.sort_by_key(|item| (item.due.unwrap_or(i64::MAX), item.entry));
    let new: Vec<&Item> = wanted.iter().copied().filter(|item| !states(item).waits()).collect();
    writeln!(door.out, "Review of {}, {} entries.", clock::for_people(review.now), desk.ledger.size())?;
    for (title, list) in [
        ("Overdue", &overdue),
        ("A rule was broken; it can be made good and stays to be seen", &broken),
        ("Waits", &open),
        (if args.all { "Closed, or only shown" } else { "New, and asks for nothing" }, &new),
    ] {
        if list.is_empty() {
            continue;
        }
        writeln!(door.out, "\n{title}:")?;
        for item in list {
            print(door, &desk, item, review.now)?;
        }
    }
    if wanted.is_empty() {
        writeln!(door.out, "\nNothing waits.")?;
    }
    unseen(door, &review)?;
    Ok(0)
}

/// Opens the ledger and looks at it by every rule.
pub fn look(door: &mut Door<'_>) -> Result<(Desk, Review), Failure> {
    let desk = door.desk_read()?;
    let review = desk.review((door.now)())?;
    Ok((desk, review))
}

/// What the reader is to see: overseers everything, others what is theirs by role, or because they wrote it.
pub fn shown<'a>(desk: &Desk, review: &'a Review, case: Option<CaseTag>) -> Vec<&'a Item> {
    let me = desk.identity().person();
    let roles = desk.roster().roles(me, u64::MAX, review.now);
    let all = desk.is_overseer();
    let sees = |item: &&Item| {
        let by = desk.pack().obligation(item.flag).map_or(&[][..], |known| &known.seen_by);
        all || by
            .iter()
            .any(|who| who == "author" && item.author == me || roles.iter().any(|role| role.code() == who.as_str()))
    };
    let of_case = |item: &&Item| case.is_none() || item.case == case;
    review.items.iter().filter(sees).filter(of_case).collect()
}

fn is_new(item: &Item, since: Option<u64>) -> bool {
    since.is_some_and(|since| item.entry >= since && item.severity == Severity::Info)
}

fn print(door: &mut Door<'_>, desk: &Desk, item: &Item, now: i64) -> Result<(), Failure> {
    for line in lines(desk, item, now)? {
        writeln!(door.out, "  {line}")?;
    }
    Ok(())
}

/// An item in lines: entry, case and flag; what is the matter; until when; by which rule; what to do next.
pub fn lines(desk: &Desk, item: &Item, now: i64) -> Result<Vec<String>, Failure> {
    let case = item.case.map(|case| format!("  {}", plain(&say::case(desk, case)))).unwrap_or_default();
    let kind = desk.statement(item.entry)?.1.and_then(|statement| statement.body().kind.name());
    let kind = kind.map(|kind| format!(" ({kind})")).unwrap_or_default();
    let mut lines = vec![format!("entry {}{kind}{case}  {}", item.entry, item.name())];
    let pack = desk.pack();
    let (known, step) = item.meaning(pack).unzip();
    let what = step.map_or_else(|| say::flag(pack, item.flag).to_owned(), |step| step.what.clone());
    let more = about(desk, item).map(|more| format!(": {more}")).unwrap_or_default();
    lines.push(format!("  {what}{more}"));
    lines.extend(when(item, now).map(|line| format!("  {line}")));
    lines.extend(known.map(|known| format!("  rule {}: {}", known.rule, known.source)));
    if item.unsure {
        lines.push("  perhaps put right in an entry that is sealed to others".to_owned());
    }
    if item.closed.is_none() && item.severity != Severity::Info {
        let next = step.map_or_else(|| "look at the entry".to_owned(), |step| say::next(step, item));
        lines.push(format!("  next: {next}"));
    }
    Ok(lines)
}

/// An item in one line: `UNBACKED/backing: due Wed 7 Oct 2026 10:46; closed by entry 10, Tue 6 Oct 2026 11:20`.
pub fn line(desk: &Desk, item: &Item, now: i64) -> String {
    let when = when(item, now).unwrap_or_else(|| {
        let step = item.meaning(desk.pack()).map(|(_, step)| step);
        step.map_or_else(|| say::flag(desk.pack(), item.flag).to_owned(), |step| step.what.clone())
    });
    format!("{}: {when}", item.name())
}

/// `due Wed 7 Oct 2026 10:46, overdue for 2 days`.
fn when(item: &Item, now: i64) -> Option<String> {
    let closed = item.closed.map(|closed| format!("closed by entry {}, {}", closed.by, clock::for_people(closed.at)));
    let due = item.due.map(|due| format!("due {}", clock::for_people(due)));
    match (item.state(now), due, closed) {
        (State::Shown, ..) => None,
        (State::Overdue, Some(due), _) => Some(format!("{due}, overdue for {}", span(now - item.due.unwrap_or(now)))),
        (State::ClosedLate, Some(due), Some(closed)) => Some(format!("{due}; {closed}, late")),
        (_, Some(due), Some(closed)) => Some(format!("{due}; {closed}")),
        (_, Some(due), None) => Some(format!("{due}, in {}", span(item.due.unwrap_or(now) - now))),
        (_, None, Some(closed)) => Some(closed),
        (_, None, None) => Some(format!("since {}, no date", clock::for_people(item.since))),
    }
}

fn span(milliseconds: i64) -> String {
    let minutes = (milliseconds / 60_000).max(0);
    let plural = |n: i64, word: &str| if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") };
    match minutes {
        0..=119 => plural(minutes, "minute"),
        120..=2879 => plural(minutes / 60, "hour"),
        _ => plural(minutes / 1440, "day"),
    }
}

/// What more there is to say, in words.
fn about(desk: &Desk, item: &Item) -> Option<String> {
    match &item.about {
        About::Nothing => None,
        About::Gap(gap) => Some(plain(&gap.what).into_owned()),
        About::DaysLate(1) => Some("written 1 day later".to_owned()),
        About::DaysLate(days) => Some(format!("written {days} days later")),
        About::Unsound(why) => Some(why.iter().map(|one| unsound(*one)).collect::<Vec<_>>().join("; ")),
        About::Rests(consent, standing) => Some(format!("it rests on entry {consent}, {}", standing_words(standing))),
        About::Agency(agency) => {
            let code = desk.pack().list("AGENCY").and_then(|list| list.find(agency));
            Some(code.map_or_else(|| "somebody who is no agency".to_owned(), |code| code.text.clone()))
        }
        About::Access { legal_due, policy_due, paused_since, waiting_since, inclusive_due, reminders } => {
            let mut parts = vec![format!("by law until {}", clock::for_people(*legal_due))];
            if let Some(policy) = policy_due {
                parts.push(format!("promised by {}", clock::for_people(*policy)));
            }
            if let Some(since) = paused_since {
                parts.push(format!("paused since {}", day(*since)));
            }
            if let Some(since) = waiting_since {
                parts.push(format!("waiting since {} to know who they are", day(*since)));
            }
            if inclusive_due != legal_due {
                parts.push(format!("{} if every day of the pauses counted", day(*inclusive_due)));
            }
            if !reminders.is_empty() {
                let days: Vec<String> = reminders.iter().map(|at| day(*at)).collect();
                parts.push(format!("reminders on {}", days.join(" and ")));
            }
            Some(parts.join("; "))
        }
        About::Declined(entries) => {
            let list = entries.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
            Some(format!("somebody did not agree in entry {list}; anybody may call social care themselves"))
        }
        About::Planned(entry) => {
            Some(format!("entry {entry} is planned and closes it once it is done: enter what carries it out"))
        }
        About::CouldKnow(true) => Some("its author's device knew of the newer key".to_owned()),
        About::CouldKnow(false) => Some("its author's device could not know".to_owned()),
        About::Days(days) => Some(format!("on {days} days of receipt in the coming 400")),
        About::Unclosed(first, last) if day(*first) == day(*last) => Some(day(*first)),
        About::Unclosed(first, last) => Some(format!("from {} to {}", day(*first), day(*last))),
        About::Party(person, by) => {
            let name = plain(&say::person(desk, *person)).into_owned();
            let roles = desk.pack().list("ROLE");
            let role = |code: &String| {
                roles.and_then(|list| list.find(code)).map_or_else(|| code.clone(), |known| known.text.clone())
            };
            let by: Vec<String> = by.iter().map(role).collect();
            match by.is_empty() {
                true => Some(name),
                false => Some(format!("{name}; by the policy there stands in: {}", by.join(", or "))),
            }
        }
    }
}

fn day(milliseconds: i64) -> String {
    clock::day_for_people(milliseconds, clock::london_offset(milliseconds))
}

/// Why a consent does not count, in words.
pub fn unsound(why: Unsound) -> &'static str {
    match why {
        Unsound::Why => "it was not explained why it is wanted",
        Unsound::What => "it was not explained what would be shared",
        Unsound::WhoSees => "it was not explained who would see it",
        Unsound::Purpose => "it was not explained what it would be used for",
        Unsound::Implications => "it was not explained what may follow from yes or no",
        Unsound::Capacity => "it is not known that they could decide",
        Unsound::FreelyGiven => "it is not known that it was their free will",
        Unsound::NoCoercion => "it is not known that nobody pressed them",
        Unsound::Withdrawal => "they were not told that they may take it back",
        Unsound::NoParentalResponsibility => "nothing shows that they hold parental responsibility",
    }
}

/// Where a consent stands, in words.
pub fn standing_words(standing: &Standing) -> String {
    match standing {
        Standing::Valid { noted: false } => "which counts".to_owned(),
        Standing::Valid { noted: true } => {
            "which counts; parental responsibility was declared, and no paper seen".to_owned()
        }
        Standing::NotValid(why) => {
            format!("which does not count: {}", why.iter().map(|one| unsound(*one)).collect::<Vec<_>>().join("; "))
        }
        Standing::Refused => "which is a refusal".to_owned(),
        Standing::Withdrawn(by) => format!("which was taken back in entry {by}"),
        Standing::Expired => "which had run out".to_owned(),
        Standing::Disputed(by) => format!("which is disputed in entry {by}"),
        Standing::Renewed(by) => format!("in whose place entry {by} stands"),
    }
}

fn unseen(door: &mut Door<'_>, review: &Review) -> Result<(), Failure> {
    if review.unseen.is_empty() {
        return Ok(());
    }
    writeln!(
        door.out,
        "\n{} sealed to others; rules that may need them: {}.",
        if review.unseen.len() == 1 { "1 entry is".to_owned() } else { format!("{} entries are", review.unseen.len()) },
        review.unseen_rules.join(", ")
    )?;
    Ok(())
}

fn counts_json(items: &[&Item], now: i64) -> Json {
    let count = |state: State| items.iter().filter(|item| item.state(now) == state).count();
    let red = items.iter().filter(|item| item.is_red(now)).count();
    json!({"overdue": count(State::Overdue), "open": count(State::Open), "shown": count(State::Shown),
           "closed": count(State::Closed), "closed_late": count(State::ClosedLate), "red": red})
}

/// An item for scripts.
pub fn item_json(desk: &Desk, item: &Item, now: i64) -> Json {
    let mut fields = say::item_json(desk.pack(), item, now);
    let more = json!({
        "case": item.case.map(|case| say::case(desk, case)), "author": say::person(desk, item.author),
        "since": say::stamp(item.since), "red": item.is_red(now), "about": about(desk, item),
        "seen_by": desk.pack().obligation(item.flag).map(|known| &known.seen_by),
    });
    fields.extend(more.as_object().cloned().unwrap_or_default());
    if let About::Access { legal_due, policy_due, reminders, .. } = &item.about {
        let days: Vec<String> = reminders.iter().map(|at| say::stamp(*at)).collect();
        fields.insert("reminders".to_owned(), days.into());
        fields.insert("legal_due".to_owned(), say::stamp(*legal_due).into());
        fields.insert("policy_due".to_owned(), policy_due.map(say::stamp).into());
    }
    Json::Object(fields)
}

pub fn due(door: &mut Door<'_>, args: &DueArgs) -> Result<u8, Failure> {
    let (desk, review) = look(door)?;
    let case = args.case.as_deref().map(|case| desk.find_case(case)).transpose()?;
    let until = say::until(args.until.as_deref())?;
    let mut items = shown(&desk, &review, case);
    items.retain(|item| item.state(review.now).waits());
    items.retain(|item| item.due.is_some_and(|due| until.is_none_or(|until| due <= until)));
    items.sort_by_key(|item| (item.due, item.entry));
    if let Some(path) = &args.ics {
        return calendar(door, &desk, &items, &review, path);
    }
    if door.global.json {
        let list: Vec<Json> = items.iter().map(|item| item_json(&desk, item, review.now)).collect();
        door.json("due", json!({"now": say::stamp(review.now), "items": list}))?;
        return Ok(0);
    }
    let mut rows: Vec<(i64, bool, &Item)> = Vec::new();
    for item in &items {
        rows.extend(
            reminders(item, review.now).filter(|at| until.is_none_or(|until| *at <= until)).map(|at| (at, true, *item)),
        );
        rows.push((item.due.unwrap_or(review.now), false, item));
    }
    rows.sort_by_key(|(at, reminder, item)| (*at, !reminder, item.entry));
    let mut last_day = String::new();
    for (at, reminder, item) in rows {
        let today = day(at);
        if today != last_day {
            let late = if clock::is_after(review.now, at) && !reminder { "  (overdue)" } else { "" };
            writeln!(door.out, "{today}{late}")?;
            last_day = today;
        }
        let case = item.case.map(|case| format!("  {}", plain(&say::case(&desk, case)))).unwrap_or_default();
        let step = item.meaning(desk.pack()).map(|(_, step)| step);
        let next = step.map(|step| say::next(step, item)).unwrap_or_default();
        let clock = clock::for_people(at);
        let hour = if reminder { "-----" } else { clock.rsplit(' ').next().unwrap_or_default() };
        let remind = match (reminder, item.due) {
            (true, Some(due)) => format!("reminder, due {}: ", day(due)),
            _ => String::new(),
        };
        writeln!(door.out, "  {hour}  entry {}{case}  {}: {remind}{next}", item.entry, item.name())?;
    }
    if items.is_empty() {
        writeln!(door.out, "Nothing is due.")?;
    }
    Ok(0)
}

/// The days from today on, each as its beginning, on which the policy wants people reminded of an item.
fn reminders(item: &Item, now: i64) -> impl Iterator<Item = i64> {
    let days = match &item.about {
        About::Access { reminders, .. } => reminders.as_slice(),
        _ => &[],
    };
    let today = clock::begin_of_day(clock::london_day(now));
    days.iter().copied().filter(move |at| *at >= today)
}

/// Writes a calendar. It goes to a phone and to who knows where: entry numbers and flags, and no name or handle.
fn calendar(door: &mut Door<'_>, desk: &Desk, items: &[&Item], review: &Review, path: &Path) -> Result<u8, Failure> {
    let event = |item: &Item, at: i64, title: &str, id: &str| {
        let step = item.meaning(desk.pack()).map(|(_, step)| step);
        ics::Event {
            id: format!("{}-{}-{}-{}{id}", desk.ledger_id(), item.entry, item.flag, item.step),
            due: at,
            title: format!("{title}{} of entry {}", item.name(), item.entry),
            text: step.map(|step| format!("{}. Next: {}.", step.what, say::next(step, item))).unwrap_or_default(),
        }
    };
    let events = items.iter().flat_map(|item| {
        let days = reminders(item, review.now).enumerate();
        let reminded = days.map(|(at, day)| event(item, day, "Reminder: ", &format!("-reminder-{at}")));
        reminded.chain(item.due.map(|due| event(item, due, "", ""))).collect::<Vec<_>>()
    });
    let text = ics::calendar(events, review.now);
    if path == Path::new("-") {
        write!(door.out, "{text}")?;
        return Ok(0);
    }
    door.write_private(path, text.as_bytes())?;
    writeln!(door.err, "note: {} dates are in {}; no name stands in it", items.len(), path.display())?;
    Ok(0)
}
