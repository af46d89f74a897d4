//! Closing a day or a week, and what verify says of days that nobody closed.

use chrono::NaiveDate;
use indelible::codec::Digest;
use indelible::decision::value::{Content, field};
use indelible::ledger::LedgerError;
use indelible::ledger::closing::Closed;
use indelible::review::item::{About, Review, State};
use indelible::rules::policy::Policy;
use indelible::store::durable;
use indelible::verify::ledger::{Options, verify};
use indelible::verify::report::{History, Report};
use serde_json::json;

use crate::world::{World, options};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn close(world: &World, who: &str, from: &str, to: &str) -> Closed {
    world.desk(who).close_day(day(from), day(to), &|| world.tick(), &mut durable::entropy()).unwrap()
}

fn concern(world: &World) -> u64 {
    world.record(
        "sam",
        json!({"kind": "concern.observed", "case": "theo", "folder": "general", "learned_at": "2026-10-06T08:00:00+01:00",
               "narrative": "He was hungry.", "reasons": "Third time."}),
    )
}

fn review(world: &World, who: &str, now: &str) -> Review {
    world.at(now);
    world.desk(who).review(world.tick()).unwrap()
}

/// The gaps: entry, state and what closed it.
fn gaps(found: &Review) -> Vec<(u64, State, Option<u64>)> {
    let gaps = found.items.iter().filter(|item| matches!(item.about, About::Unclosed(..)));
    gaps.map(|item| (item.entry, item.state(found.now), item.closed.map(|closed| closed.by))).collect()
}

fn inspected(world: &World, who: &str) -> Report {
    let keys = world.desk(who).keys();
    let file = || std::fs::File::open(world.book().join("ledger.log"));
    let options = Options { rules: true, ..options(keys, world.tick()) };
    verify(&file, &options).unwrap().0
}

#[test]
fn a_closing_says_what_was_entered_and_what_waits() {
    let world = World::new();
    let entry = concern(&world);
    let closed = close(&world, "maria", "2026-10-06", "2026-10-06");
    let says = &closed.closing;
    assert_eq!((says.nil, says.entries, says.size), (false, entry + 1, entry + 1));
    assert_eq!((says.kinds["concern.observed"], says.kinds["case.opened"], says.kinds["genesis"]), (1, 2, 1));
    assert_eq!((says.open["CONCERN-UNDECIDED"], says.open["ONE-FOUNDER"]), ((1, 0), (1, 0)));
    assert_eq!((says.unopened.len(), says.before, says.unclosed.len()), (0, None, 0));
    // The same stands in the entry, which saw what it speaks of.
    let statement = world.desk("jon").statement(closed.entered.number).unwrap().1.unwrap();
    let body = statement.body();
    assert_eq!((body.seen.number + 1, body.kind.name(), body.case), (says.size, Some("closing"), None));
    let one = |field| body.values_of(field).next().cloned();
    assert_eq!(one(field::TREE_SIZE), Some(Content::Count(says.size)));
    assert_eq!(one(field::ENTRIES_COUNT), Some(Content::Count(says.entries)));
    assert_eq!(one(field::ROOT_HASH), Some(Content::Hash(Digest::new(says.root.0))));
    assert!(world.desk("sam").statement(closed.entered.number).unwrap().1.is_none());
    // Its checkpoint is kept, covers it, and the next opening compares it.
    let kept = durable::list(&world.book().join("checkpoints")).unwrap();
    let [copy] = &kept[..] else { panic!("{kept:?}") };
    assert!(closed.kept && copy.file_name().unwrap().to_string_lossy().starts_with(&format!("{}-", entry + 2)));
    // Closed again: both stand, and the second says so.
    let again = close(&world, "jon", "2026-10-06", "2026-10-06");
    assert_eq!((again.closing.before, again.closing.entries), (Some(closed.entered.number), entry + 2));
    assert_eq!(durable::list(&world.book().join("checkpoints")).unwrap().len(), 2);
    assert_eq!(inspected(&world, "maria").history, History::Unaltered);
}

#[test]
fn a_quiet_day_is_a_nil_return_and_readings_do_not_break_it() {
    let world = World::new();
    let entry = concern(&world);
    close(&world, "maria", "2026-10-06", "2026-10-06");
    world.at("2026-10-07T16:00:00+01:00");
    let before = world.desk("maria").ledger.size();
    world.desk("maria").show(entry, Some("own_work"), &|| world.tick(), &mut durable::entropy()).unwrap();
    let read = world.desk("maria").ledger.size() - before;
    assert_eq!(read, 1);
    let quiet = close(&world, "maria", "2026-10-07", "2026-10-07");
    assert!(quiet.closing.nil && quiet.closing.entries == read, "{quiet:?}");
    let statement = world.desk("maria").statement(quiet.entered.number).unwrap().1.unwrap();
    let nil = statement.body().values.iter().find(|value| value.field.0 == 188).unwrap();
    assert!(matches!(&nil.content, Content::Code(code) if code.as_str() == "yes"));
}

#[test]
fn what_the_signer_cannot_open_is_listed_once_and_is_no_nil_return() {
    let world = World::new();
    let allegation = world.record(
        "sam",
        json!({"kind": "staff.allegation", "learned_at": "2026-10-06T08:10:00+01:00", "person": "maria", "hold_check": "no",
               "source": {"role": "staff", "person": "a colleague", "verified": "V-KNOWN"}, "narrative": "She shouted."}),
    );
    let last = world.desk("sam").ledger.size();
    let unseen = review(&world, "maria", "2026-10-06T16:00:00+01:00").unseen;
    assert!(unseen.contains(&allegation), "{unseen:?}");
    let closed = close(&world, "maria", "2026-10-06", "2026-10-06");
    assert_eq!(closed.closing.unopened, unseen);
    world.at("2026-10-07T16:00:00+01:00");
    let next = close(&world, "maria", "2026-10-07", "2026-10-07");
    assert!(next.closing.unopened.is_empty() && next.closing.nil, "{last}");
    // The day again: what was of it is listed again.
    assert_eq!(close(&world, "maria", "2026-10-06", "2026-10-07").closing.unopened, unseen);
}

#[test]
fn days_that_nobody_closed_are_seen_by_overseers_and_inspectors_and_by_nobody_else() {
    let world = World::new();
    let entry = concern(&world);
    let maria = review(&world, "maria", "2026-10-12T09:00:00+01:00");
    // The sixth is the founding day; the seventh to the ninth are not closed.
    assert_eq!(gaps(&maria), [(entry, State::Overdue, None)]);
    let sam = review(&world, "sam", "2026-10-12T09:00:00+01:00");
    assert!(gaps(&sam).is_empty() && sam.unseen_rules.contains(&"R29"));
    assert_eq!(gaps(&inspected(&world, "jon").review.as_ref().unwrap().found), gaps(&maria));
    let today = close(&world, "jon", "2026-10-12", "2026-10-12");
    assert_eq!(today.closing.unclosed, [(day("2026-10-07"), day("2026-10-09"))]);
    assert_eq!(today.closing.open["NIL-GAP"], (1, 1));
    let late = close(&world, "jon", "2026-10-07", "2026-10-09");
    assert!(!late.closing.open.contains_key("NIL-GAP"));
    let expected = [(entry, State::ClosedLate, Some(late.entered.number))];
    assert_eq!(gaps(&review(&world, "maria", "2026-10-12T10:00:00+01:00")), expected);
    assert_eq!(gaps(&inspected(&world, "jon").review.as_ref().unwrap().found), expected);
    // Closings do not open to staff: for all that they see, there may be one.
    assert!(gaps(&inspected(&world, "sam").review.as_ref().unwrap().found).is_empty());
    // With the index burnt the same.
    std::fs::remove_dir_all(world.book().join("index")).unwrap();
    assert_eq!(gaps(&review(&world, "maria", "2026-10-12T11:00:00+01:00")), expected);
}

#[test]
fn by_the_week_where_the_policy_says_so_and_by_overseers_only() {
    let (world, mut rng) = (World::new(), durable::entropy());
    assert_eq!(world.desk("maria").closing_period(day("2026-10-09")), (day("2026-10-09"), day("2026-10-09")));
    let weekly = Policy::built_in("policy-000").unwrap().replace("\"day\"", "\"week\"");
    let (change, _) = world.desk("maria").adopt_policy(&weekly, &|| world.tick(), &mut rng).unwrap();
    world.desk("jon").confirm(change.entered.number, "agrees", &|| world.tick(), &mut rng).unwrap();
    assert_eq!(world.desk("maria").closing_period(day("2026-10-09")), (day("2026-10-05"), day("2026-10-09")));
    world.at("2026-10-09T16:00:00+01:00");
    let size = world.bytes().len();
    let by_sam = world.desk("sam").close_day(day("2026-10-05"), day("2026-10-09"), &|| world.tick(), &mut rng);
    assert!(matches!(by_sam, Err(LedgerError::NotAllowed)));
    let turned = world.desk("maria").close_day(day("2026-10-09"), day("2026-10-05"), &|| world.tick(), &mut rng);
    assert!(matches!(turned, Err(LedgerError::Incomplete(_))));
    assert_eq!(world.bytes().len(), size);
    close(&world, "maria", "2026-10-05", "2026-10-09");
    assert!(gaps(&review(&world, "maria", "2026-10-16T12:00:00+01:00")).is_empty());
    assert_eq!(gaps(&review(&world, "maria", "2026-10-17T12:00:00+01:00")).len(), 1);
}

#[test]
fn a_verify_that_builds_on_a_record_asks_every_rule_all_the_same() {
    let world = World::new();
    let entry = concern(&world);
    let keys = world.desk("maria").keys();
    let file = || std::fs::File::open(world.book().join("ledger.log"));
    world.at("2026-10-06T09:00:00+01:00");
    let first = Options { rules: true, ..options(keys.clone(), world.tick()) };
    let (_, record) = verify(&file, &first).unwrap();
    concern(&world);
    // Nobody decided about what stands before the record, and by now that is overdue.
    world.at("2026-10-16T09:00:00+01:00");
    let now = world.tick();
    let seen = |since| {
        let options = Options { rules: true, since, ..options(keys.clone(), now) };
        verify(&file, &options).unwrap().0
    };
    let (whole, again) = (seen(None), seen(Some(&record)));
    assert!(again.counts.signatures < whole.counts.signatures, "what was checked is not checked again");
    let said = |report: &Report| {
        let found = &report.review.as_ref().unwrap().found;
        let overdue = found.items.iter().filter(|item| item.state(found.now) == State::Overdue);
        let overdue: Vec<(u64, String)> = overdue.map(|item| (item.entry, format!("{:?}", item.about))).collect();
        (report.history, report.record_keeping, report.layer, overdue, found.unseen.len())
    };
    assert_eq!(said(&again), said(&whole));
    assert!(said(&again).3.iter().any(|(of, _)| *of == entry), "{:?}", said(&again));
}
