//! Words for people: plain text, times, receipts, gaps and flags.

use std::borrow::Cow;
use std::collections::BTreeSet;

use indelible::codec::{CaseTag, Folder, PersonId};
use indelible::decision::gap::{Gap, GapLevel};
use indelible::decision::people::Role;
use indelible::decision::value::{Moment, Precision};
use indelible::decision::view::{Found, View};
use indelible::ledger::append::Entered;
use indelible::ledger::desk::Desk;
use indelible::review::item::{About, Item};
use indelible::rules::clock;
use indelible::rules::obligation::Step;
use indelible::rules::pack::Pack;
use serde_json::{Map, Value as Json, json};

use crate::cli::door::Door;
use crate::cli::failure::Failure;

/// Writes out every character that could steer a terminal or turn the reading direction.
pub fn plain(text: &str) -> Cow<'_, str> {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let written = |c: char| if steers(c) { c.escape_default().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(written).collect())
}

/// Splits a text into lines that can be shown.
pub fn plain_lines(text: &str) -> impl Iterator<Item = String> {
    text.lines().map(|line| plain(&line.replace('\t', "    ")).into_owned())
}

/// A recorded time with London's offset.
pub fn stamp(recorded: i64) -> String {
    clock::rfc3339(recorded, clock::london_offset(recorded))
}

/// `entry 12 (recorded Tue 6 Oct 2026 12:05)`.
pub fn entry(entered: &Entered) -> String {
    format!("entry {} (recorded {})", entered.number, clock::for_people(entered.recorded))
}

pub fn entered_json(entered: &Entered) -> Json {
    json!({"entry": entered.number, "recorded": stamp(entered.recorded), "receipt": entered.receipt.to_string()})
}

pub fn gaps_json<'a>(gaps: impl IntoIterator<Item = &'a Gap>) -> Json {
    let gap = |gap: &Gap| {
        let level = match gap.level {
            GapLevel::Error => "error",
            GapLevel::Always => "always",
            GapLevel::BeforeAct => "before_act",
        };
        json!({"field": gap.field, "what": gap.what, "next": gap.next, "level": level})
    };
    gaps.into_iter().map(gap).collect()
}

/// What a flag means, in the pack's words.
pub fn flag<'a>(pack: &'a Pack, code: &'a str) -> &'a str {
    pack.list("FLAG").and_then(|list| list.find(code)).map_or(code, |code| &code.text)
}

/// What a pack says where an entry is to be completed; how that is done goes into its place.
const COMPLETE: &str = "complete the entry";

/// What to do next about an item, with the numbers and days that its command takes.
pub fn next(step: &Step, item: &Item) -> String {
    let said = step.next.replace("`back N`", &format!("`back {}`", item.entry));
    match &item.about {
        About::Unclosed(first, last) => {
            let day = |at: i64| clock::london_day(at).to_string();
            said.replace("`close-day`", &format!("`close-day --from {} --to {}`", day(*first), day(*last)))
        }
        About::Gap(gap) => {
            let field = match gap.field.as_str() {
                "refs" => " --ref RELATION=N".to_owned(),
                field => format!(" --field {}=...", plain(&field.replace('[', ".").replace(']', ""))),
            };
            let how = format!("{COMPLETE}, by one more of its kind with `--ref completes={}{field}`", item.entry);
            // A setting's own pack may say it in other words.
            if said.contains(COMPLETE) { said.replace(COMPLETE, &how) } else { format!("{said}; {how}") }
        }
        _ => said,
    }
}

/// An item of a review for scripts, as far as the pack and the structure say.
pub fn item_json(pack: &Pack, item: &Item, now: i64) -> Map<String, Json> {
    let (known, step) = item.meaning(pack).unzip();
    let field = match &item.about {
        About::Gap(gap) => Some(&gap.field),
        _ => None,
    };
    let json = json!({
        "flag": item.flag, "step": item.step, "entry": item.entry, "state": item.state(now).name(),
        "severity": item.severity.name(), "due": item.due.map(stamp), "field": field,
        "closed": item.closed.map(|closed| json!({"by": closed.by, "at": stamp(closed.at)})),
        "rule": known.map(|known| &known.rule), "source": known.map(|known| &known.source),
        "what": step.map(|step| &step.what), "next": step.map(|step| next(step, item)), "unsure": item.unsure,
    });
    json.as_object().cloned().unwrap_or_default()
}

/// A person's handle; the id where the roll has none.
pub fn person(desk: &Desk, person: PersonId) -> String {
    desk.roll().person(person).map_or_else(|| person.to_string(), |line| line.handle().to_owned())
}

/// A case's handle; the tag where the roll has none.
pub fn case(desk: &Desk, case: CaseTag) -> String {
    desk.roll().case(case).map_or_else(|| desk.tag(case), |line| line.handle().to_owned())
}

/// A moment for people.
pub fn when(moment: &Moment) -> Option<String> {
    moment.for_people()
}

/// Who oversees: `maria (dsl), jon (deputy_dsl)`.
pub fn overseers(desk: &Desk) -> String {
    overseers_but(desk, |_| false).join(", ")
}

/// Whom to ask for what this reader cannot see: the overseers, but never the reader. Who else is kept out of something is not
/// known to a device that cannot open it; so it is said that whoever it may be about is not the one to ask.
pub fn whom_to_ask(desk: &Desk) -> String {
    let own = desk.identity().person();
    let all = overseers_but(desk, |person| person == own).join(", ");
    let outside = "the chair or the local authority's LADO";
    match (all.is_empty(), desk.is_overseer()) {
        (true, _) => format!("ask {outside}"),
        (false, true) => format!("ask {all}, but nobody whom it may be about, or {outside}"),
        (false, false) => format!("ask {all}, but nobody whom it may be about"),
    }
}

fn overseers_but(desk: &Desk, out: impl Fn(PersonId) -> bool) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let all = desk.roster().overseers(desk.roster().latest());
    let others = all.filter(|who| !out(who.person) && seen.insert(who.person));
    others.map(|who| format!("{} ({})", person(desk, who.person), who.role.code())).collect()
}

/// Finds a person by handle or id.
pub fn find_person(desk: &Desk, typed: &str) -> Result<PersonId, Failure> {
    match desk.person(typed) {
        Found::One(person) => Ok(person),
        _ => Err(Failure::new("there is no person of that name here", "see `indelible person list`")),
    }
}

/// Reads a time as people type it, in milliseconds UTC; a date is its midnight in London.
pub fn moment(typed: Option<&str>) -> Result<Option<i64>, Failure> {
    let read = |typed: &str| {
        let next = "give it as 2026-10-08, or 2026-10-08 15:40";
        Moment::parse(typed).map(|moment| moment.milliseconds).map_err(|_| Failure::new("this is no time", next))
    };
    typed.map(read).transpose()
}

/// Reads the time at which something ends, in milliseconds UTC; a date is the last day, to its end in London.
pub fn until(typed: Option<&str>) -> Result<Option<i64>, Failure> {
    let Some(at) = moment(typed)? else { return Ok(None) };
    let day = typed.and_then(|typed| Moment::parse(typed).ok()).is_some_and(|one| one.precision == Precision::Date);
    Ok(Some(if day { clock::end_of_day(clock::london_day(at)) } else { at }))
}

/// Reads a folder's name.
pub fn folder(typed: &str) -> Result<Folder, Failure> {
    let names: Vec<&str> = Folder::ALL.iter().map(|folder| folder.name()).collect();
    let next = || format!("give one of: {}", names.join(", "));
    Folder::from_name(typed).ok_or_else(|| Failure::new("there is no folder of that name", next()))
}

/// Checks a code of a list.
pub fn code(pack: &Pack, list: &str, typed: &str) -> Result<(), Failure> {
    let Some(known) = pack.list(list) else { return Ok(()) };
    match known.find(typed) {
        Some(_) => Ok(()),
        None => Err(Failure::new("this code is not known", format!("give one of: {}", known.spelled()))),
    }
}

/// Says that an entry waits for a second person, and what they do.
pub fn waits(door: &mut Door<'_>, entry: u64) -> Result<(), Failure> {
    writeln!(
        door.out,
        "It does not count yet. A second leading person (dsl, deputy_dsl, leader, chair or owner) runs:"
    )?;
    writeln!(door.out, "  indelible --ledger DIR --identity THEIR.id confirm {entry}")?;
    Ok(())
}

/// Reads a role.
pub fn role(typed: &str, pack: &Pack) -> Result<Role, Failure> {
    Role::from_code(typed).ok_or_else(|| {
        let known = pack.list("ROLE").map(|list| list.spelled()).unwrap_or_default();
        Failure::new("this role is not known", format!("give one of: {known}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use indelible::rules::obligation::Severity;
    use indelible::rules::pack::BUILT_IN;

    #[test]
    fn how_an_entry_is_completed_is_said_in_whatever_words_the_pack_has() {
        let gap = Gap::new("items[0].what", GapLevel::BeforeAct, "not answered", "answer it");
        let item = |flag, step| Item {
            flag,
            step,
            entry: 12,
            author: PersonId::new([1; 16]),
            case: None,
            since: 0,
            due: None,
            severity: Severity::Item,
            closed: None,
            about: About::Gap(gap.clone()),
            unsure: false,
        };
        let how = "complete the entry, by one more of its kind with `--ref completes=12 --field items.0.what=...`";
        let pack = Pack::parse(BUILT_IN).unwrap();
        for (flag, name) in [("NO-BASIS", "basis"), ("INCOMPLETE", "fields"), ("INCOMPLETE", "requester_told")] {
            let mut step = pack.obligation(flag).and_then(|known| known.step(name)).unwrap().clone();
            let said = next(&step, &item(flag, name));
            assert_eq!(said, step.next.replace(COMPLETE, how), "{flag}/{name}");
            assert!(said.contains(how), "{flag}/{name} no longer says `{COMPLETE}`");
            step.next = "fill it in".to_owned();
            assert_eq!(next(&step, &item(flag, name)), format!("fill it in; {how}"));
        }
    }

    #[test]
    fn nothing_that_is_shown_steers_a_terminal() {
        assert_eq!(plain("Zo\u{eb} A."), "Zo\u{eb} A.");
        assert_eq!(plain("a\u{1b}[2Jb\u{7}\u{9b}c\u{202e}"), "a\\u{1b}[2Jb\\u{7}\\u{9b}c\\u{202e}");
        assert_eq!(plain_lines("one\r\ntwo\tx\n").collect::<Vec<_>>(), ["one", "two    x"]);
    }
}
