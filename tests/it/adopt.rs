//! Policies, calendars and packs that a setting adopts: what they change, and from which entry on.

use chrono::NaiveDate;
use indelible::codec::Digest;
use indelible::decision::draft::Draft;
use indelible::ledger::LedgerError;
use indelible::rules::pack::BUILT_IN;
use indelible::rules::policy::{self, Closings, Conflict, Policy};
use indelible::seal::sealed::document_hash;
use indelible::store::durable;
use indelible::verify::report::Code;
use indelible::verify::roster::Roster;
use serde_json::json;

use crate::world::World;

fn day(text: &str) -> NaiveDate {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").unwrap()
}

fn concern(world: &World) -> u64 {
    world.record(
        "sam",
        json!({"kind": "concern.observed", "case": "theo", "folder": "general", "learned_at": "2026-10-06T08:00:00+01:00",
               "narrative": "He was hungry.", "reasons": "Third time."}),
    )
}

/// The policy hash that an entry names.
fn pinned(world: &World, entry: u64) -> Digest {
    world.desk("maria").statement(entry).unwrap().1.unwrap().body().policy
}

fn read(world: &World) -> Roster {
    Roster::read(std::fs::File::open(world.book().join("ledger.log")).unwrap()).unwrap()
}

#[test]
fn each_policy_that_ships_is_adopted_with_its_conflicts() {
    for (name, text) in policy::BUILT_IN {
        let world = World::new();
        world.at("2026-11-01T09:00:00+00:00");
        let (change, conflicts) =
            world.desk("maria").adopt_policy(text, &|| world.tick(), &mut durable::entropy()).unwrap();
        assert!(change.waits);
        let beyond: usize = conflicts.iter().map(|one| one.days().len()).sum();
        assert_eq!(beyond, if name == "policy-000" { 23 } else { 0 }, "{name}");
        assert!(conflicts.iter().filter(|one| matches!(one, Conflict::Text(_))).count() >= 5, "{name}");
        let adopted = world.desk("maria").statement(change.entered.number).unwrap().1.unwrap();
        let pack = world.desk("maria").pack().clone();
        let count = adopted.body().values.iter().find(|value| Some(value.field.0) == pack.id_of("beyond_law")).unwrap();
        assert_eq!(count.content, indelible::decision::value::Content::Count(beyond as u64));
        world.desk("jon").confirm(change.entered.number, "agrees", &|| world.tick(), &mut durable::entropy()).unwrap();
        let book = world.desk("sam").rules().clone();
        assert_eq!(book.policy(&document_hash(text.as_bytes())).map(Policy::name), Some(name));
    }
}

#[test]
fn an_entry_names_the_policy_that_a_second_person_confirmed_and_keeps_its_clocks() {
    let world = World::new();
    let first =
        Policy::built_in("policy-000").unwrap().replace("[clocks]", "[clocks]\n\"UNBACKED/backing\" = \"h 12\"");
    let second = Policy::built_in("policy-001").unwrap();
    let (pack, hash) = (document_hash(BUILT_IN.as_bytes()), |text: &str| document_hash(text.as_bytes()));
    let mut rng = durable::entropy();
    let before = concern(&world);
    let (change, _) = world.desk("maria").adopt_policy(&first, &|| world.tick(), &mut rng).unwrap();
    let waiting = concern(&world);
    // Neither by whoever entered it, nor twice while it waits.
    let again = world.desk("maria").adopt_policy(&first, &|| world.tick(), &mut rng);
    assert!(matches!(again, Err(LedgerError::AdoptedAlready(entry)) if entry == change.entered.number));
    let alone = world.desk("maria").confirm(change.entered.number, "agrees", &|| world.tick(), &mut rng);
    assert!(matches!(alone, Err(LedgerError::SamePerson)));
    world.desk("jon").confirm(change.entered.number, "agrees", &|| world.tick(), &mut rng).unwrap();
    let under_first = concern(&world);
    let (later, _) = world.desk("jon").adopt_policy(second, &|| world.tick(), &mut rng).unwrap();
    world.desk("maria").confirm(later.entered.number, "agrees", &|| world.tick(), &mut rng).unwrap();
    let under_second = concern(&world);
    let named = [before, waiting, under_first, under_second].map(|entry| pinned(&world, entry));
    assert_eq!(named, [Digest::ZERO, Digest::ZERO, hash(&first), hash(second)]);
    // Clerk and inspector read the same rulebook.
    for book in [world.desk("sam").rules().clone(), read(&world).rulebook().unwrap()] {
        let backing = |policy| book.clock(&pack, policy, "UNBACKED", "backing").unwrap().to_string();
        assert_eq!(named.each_ref().map(backing), ["h 24", "h 24", "h 12", "h 24"]);
        let release = |policy| book.clock(&pack, policy, "SAR-DUE", "release").map(|clock| clock.to_string());
        assert_eq!(release(&named[2]).as_deref(), Some("d 30"));
        assert_eq!((release(&named[3]).as_deref(), release(&named[0])), (Some("d 14"), None));
        assert_eq!(book.policy_at(i64::MAX).map(Policy::name), Some("policy-001"));
    }
    let report = world.verify(world.desk("maria").keys());
    let rules = |code| matches!(code, Code::Pack | Code::PackUnknown | Code::Unconfirmed);
    assert!(report.findings.iter().all(|finding| !rules(finding.code)), "{:?}", report.findings);
}

#[test]
fn what_two_people_did_not_agree_on_is_never_in_force() {
    let world = World::new();
    let (weekly, mut rng) =
        (Policy::built_in("policy-000").unwrap().replace("\"day\"", "\"week\""), durable::entropy());
    let (change, _) = world.desk("maria").adopt_policy(&weekly, &|| world.tick(), &mut rng).unwrap();
    world.desk("jon").confirm(change.entered.number, "does_not", &|| world.tick(), &mut rng).unwrap();
    assert_eq!(pinned(&world, concern(&world)), Digest::ZERO);
    assert_eq!(world.desk("sam").rules().closings(), Closings::Day);
    // Declined, it may be proposed again.
    let (change, _) = world.desk("maria").adopt_policy(&weekly, &|| world.tick(), &mut rng).unwrap();
    let mut desk = world.desk("jon");
    assert_eq!(desk.rules().closings(), Closings::Day);
    desk.confirm(change.entered.number, "agrees", &|| world.tick(), &mut rng).unwrap();
    // At the desk that was open, too.
    assert_eq!((desk.rules().closings(), world.desk("sam").rules().closings()), (Closings::Week, Closings::Week));
}

#[test]
fn only_an_overseer_adopts_and_only_what_can_be_read() {
    let (world, mut rng) = (World::new(), durable::entropy());
    let text = Policy::built_in("policy-000").unwrap();
    let by_sam = world.desk("sam").adopt_policy(text, &|| world.tick(), &mut rng);
    assert!(matches!(by_sam, Err(LedgerError::NotAllowed)));
    let size = world.bytes().len();
    let wrong = text.replace("\"d 30\"", "\"a month\"");
    let Err(LedgerError::Document(why)) = world.desk("maria").adopt_policy(&wrong, &|| world.tick(), &mut rng) else {
        panic!("entered")
    };
    assert!(why.line > 20 && why.what.contains("a month"), "{why}");
    let calendar = world.desk("maria").adopt_calendar("name = \"x\"", &|| world.tick(), &mut rng);
    assert!(matches!(calendar, Err(LedgerError::Document(_))));
    let swapped = BUILT_IN.replacen("{ id = 131,", "{ id = 0,", 1).replacen("{ id = 132,", "{ id = 131,", 1);
    let swapped = swapped.replacen("{ id = 0,", "{ id = 132,", 1);
    let pack = world.desk("maria").adopt_pack(&swapped, &|| world.tick(), &mut rng);
    assert!(matches!(pack, Err(LedgerError::Document(_))));
    assert_eq!(world.bytes().len(), size);
}

#[test]
fn a_later_calendar_renews_an_earlier_one() {
    let (world, mut rng) = (World::new(), durable::entropy());
    let head = "name = \"Autumn\"\nbegin = \"2026-10-01\"\nend = \"2026-12-18\"\n";
    let open = |on: &str| world.desk("sam").rules().is_open(day(on));
    assert!(open("2026-10-09") && !open("2026-12-28"));
    let first = format!("{head}opening = [\"mon\", \"tue\", \"wed\", \"thu\"]\n");
    let entered = world.desk("maria").adopt_calendar(&first, &|| world.tick(), &mut rng).unwrap();
    assert!(!open("2026-10-09") && open("2026-10-08") && open("2027-01-08"));
    let again = world.desk("jon").adopt_calendar(&first, &|| world.tick(), &mut rng);
    assert!(matches!(again, Err(LedgerError::AdoptedAlready(entry)) if entry == entered.number));
    let later = format!("{head}holidays = [\"2026-10-12\"]\n");
    world.desk("jon").adopt_calendar(&later, &|| world.tick(), &mut rng).unwrap();
    assert!(open("2026-10-09") && !open("2026-10-12"));
    for book in [world.desk("sam").rules().clone(), read(&world).rulebook().unwrap()] {
        assert!(!book.working_days().is_working_day(day("2026-10-12")));
        assert!(book.working_days().is_working_day(day("2026-12-28")), "the list is that of the whole year");
    }
    let report = world.verify(world.desk("maria").keys());
    assert!(report.findings.iter().all(|finding| finding.code == Code::OneFounder), "{:?}", report.findings);
}

#[test]
fn a_later_pack_holds_for_what_comes_after_it() {
    let (world, mut rng) = (World::new(), durable::entropy());
    let before = concern(&world);
    let later = BUILT_IN.replacen("version = \"2026.1\"", "version = \"2027.1\"", 1);
    let later = later.replacen("{ name = \"backing\", within = \"h 24\"", "{ name = \"backing\", within = \"h 6\"", 1);
    let (mut desk, mut open) = (world.desk("maria"), world.desk("sam"));
    desk.adopt_pack(&later, &|| world.tick(), &mut rng).unwrap();
    // A desk that was open meanwhile asks by the new pack as soon as it names it.
    let draft = Draft::from_json(&json!({"kind": "decision.share"})).unwrap();
    open.record(&draft, &|| world.tick(), &mut rng).unwrap();
    assert_eq!((open.pack().version(), open.roster().pack()), ("2027.1", document_hash(later.as_bytes())));
    assert_eq!(desk.pack().version(), "2027.1");
    let after = concern(&world);
    let pack = |entry| world.desk("maria").statement(entry).unwrap().1.unwrap().body().pack;
    assert_eq!((pack(before), pack(after)), (document_hash(BUILT_IN.as_bytes()), document_hash(later.as_bytes())));
    for book in [world.desk("sam").rules().clone(), read(&world).rulebook().unwrap()] {
        let backing = |pack| book.clock(pack, &Digest::ZERO, "UNBACKED", "backing").unwrap().to_string();
        assert_eq!((backing(&pack(before)), backing(&pack(after))), ("h 24".to_owned(), "h 6".to_owned()));
        assert_eq!(book.pack(&Digest::ZERO).version(), "2027.1");
    }
    let report = world.verify(world.desk("maria").keys());
    assert!(report.findings.iter().all(|finding| finding.code == Code::OneFounder), "{:?}", report.findings);
}
