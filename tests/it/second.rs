//! The second person who oversees nothing: chair and owner see what they are asked about, and only until they have said it.

use indelible::ledger::LedgerError;
use indelible::ledger::record::Outcome;
use indelible::review::retiring::Target;
use indelible::store::durable;
use indelible::verify::entry::Keys;
use indelible::verify::report::{Code, Report};
use serde_json::json;

use crate::forge::concern;
use crate::people::{confirm, with_chair};
use crate::world::World;

/// Whether somebody's device opens the structure of an entry.
fn opens(world: &World, who: &str, entry: u64) -> bool {
    world.desk(who).statement(entry).unwrap().1.is_some()
}

fn shown(world: &World) -> usize {
    std::fs::read_dir(world.book().join("cabinet/second")).map_or(0, Iterator::count)
}

/// An entry of Sam's that Maria calls misfiled: both numbers.
fn misfiled(world: &World) -> (u64, u64) {
    let wrong = world.record("sam", concern("theo", "Bruises on the left arm."));
    let ezra = world.desk("maria").find_case("ezra").unwrap();
    let said =
        world.desk("maria").misfiled(wrong, Some(ezra), "It is Ezra's.", &|| world.tick(), &mut durable::entropy());
    let Outcome::Entered { entered, .. } = said.unwrap() else { panic!("not entered") };
    (wrong, entered.number)
}

fn verified(world: &World) -> Report {
    world.verify(world.desk("maria").keys())
}

fn only_founded_alone(report: &Report) {
    assert!(report.findings.iter().all(|one| one.code == Code::OneFounder), "{:?}", report.findings);
}

#[test]
fn a_chair_is_the_second_person_for_what_was_misfiled_and_for_forgetting_it() {
    let world = World::new();
    with_chair(&world);
    let (tick, mut rng) = (|| world.tick(), durable::entropy());
    let (wrong, said) = misfiled(&world);
    assert_eq!(shown(&world), 1);
    // She sees that it was called misfiled, and neither its words nor what was misfiled; nobody else sees more than before.
    assert!(opens(&world, "ruth", said) && !opens(&world, "ruth", wrong) && !opens(&world, "sam", said));
    let read = world.desk("ruth").show(said, None, &tick, &mut rng).unwrap();
    assert!(!read.opened && read.body.unwrap().kind.name() == Some("misfiled"));
    let word = confirm(&world, "ruth", said, "agrees").unwrap();
    assert!(shown(&world) == 0 && !opens(&world, "ruth", said) && opens(&world, "ruth", word));
    // What she approves she sees with what it rests on; somebody who oversees then carries it out.
    let mut maria = world.desk("maria");
    let (proposal, _) =
        maria.propose_retiring(&[Target::Entry(wrong)], "misfiled", Some(said), &tick, &mut rng).unwrap();
    drop(maria);
    assert!([proposal.number, said, word].iter().all(|entry| opens(&world, "ruth", *entry)));
    let mut ruth = world.desk("ruth");
    let approved = ruth.approve_retiring(proposal.number, "agrees", &tick, &mut rng).unwrap();
    assert!(approved.entered.is_some() && approved.entries == 0 && shown(&world) == 0);
    let done = world.desk("maria").approve_retiring(proposal.number, "agrees", &tick, &mut rng).unwrap();
    assert_eq!((done.entered.is_none(), done.entries), (true, 1));
    assert!(!opens(&world, "ruth", proposal.number) && !opens(&world, "maria", wrong));
    let report = verified(&world);
    only_founded_alone(&report);
    assert!(report.retired.len() == 1 && report.retired[0].ground.is_some());
    only_founded_alone(&world.verify(Keys::default()));
}

#[test]
fn a_chair_approves_by_the_review_that_it_rests_on() {
    let world = World::new();
    with_chair(&world);
    let (tick, mut rng) = (|| world.tick(), durable::entropy());
    let noted = world.record("sam", concern("theo", "Hungry on arrival."));
    let review = |at: &str| {
        json!({"kind": "retention.review", "case": "theo", "folder": "general", "learned_at": "2026-10-06T09:00:00+01:00",
        "retention_class": "general", "reasons": "He left in July.", "outcome": "retire", "review_at": at})
    };
    world.record("maria", review("2026-10-06"));
    let theo = world.desk("maria").find_case("theo").unwrap();
    let target = Target::Folder(theo, indelible::codec::Folder::General);
    let (proposal, _) = world.desk("maria").propose_retiring(&[target], "retention", None, &tick, &mut rng).unwrap();
    world.desk("ruth").approve_retiring(proposal.number, "agrees", &tick, &mut rng).unwrap();
    let done = world.desk("maria").approve_retiring(proposal.number, "agrees", &tick, &mut rng).unwrap();
    assert!(done.entries >= 1 && !opens(&world, "maria", noted));
    only_founded_alone(&verified(&world));
}

#[test]
fn a_chair_checks_a_file_with_the_lead() {
    let world = World::new();
    with_chair(&world);
    let asked = world.record("sam", json!({"kind": "access.received", "case": "theo", "learned_at": "2026-10-06T09:00:00+01:00", "identity": "known",
        "channel": "spoken", "requester": {"person": "Hannah Wood", "verified": "V-KNOWN"}, "items_asked": [{"class": "whole_file", "what": "all"}]}));
    let checked = world.record(
        "maria",
        json!({"kind": "access.filecheck", "case": "theo", "learned_at": "2026-10-06T09:00:00+01:00",
        "first_entry": 0, "last_entry": asked, "gaps": 0, "entries_count": 3, "paper_pages": 0, "refs": [{"relation": "part_of", "entry": asked}]}),
    );
    assert!(opens(&world, "ruth", checked) && !opens(&world, "ruth", asked));
    confirm(&world, "ruth", checked, "agrees").unwrap();
    assert!(matches!(confirm(&world, "jon", checked, "agrees"), Err(LedgerError::NotWaiting(_))));
    assert_eq!(shown(&world), 0);
}

#[test]
fn what_waits_is_shown_to_who_leads_now() {
    let world = World::new();
    let (tick, mut rng) = (|| world.tick(), durable::entropy());
    let (_, said) = misfiled(&world);
    assert_eq!(shown(&world), 0);
    // Somebody comes to lead while it waits.
    with_chair(&world);
    world.desk("maria").settle(&tick, &mut rng).unwrap();
    assert!(shown(&world) == 1 && opens(&world, "ruth", said));
    // A word that leaves it waiting leaves it shown.
    confirm(&world, "ruth", said, "agrees_if").unwrap();
    assert!(opens(&world, "ruth", said));
    // Who leaves is shown nothing more.
    let ruth = world.identity("ruth");
    let before = indelible::cabinet::second::load_all(&world.book().join("cabinet"), ruth.secret()).unwrap();
    assert_eq!(before.opened.len(), 1);
    let changes = world.desk("maria").end_person(ruth.person(), "left", &tick, &mut rng).unwrap();
    for change in changes.iter().filter(|change| change.waits) {
        confirm(&world, "jon", change.entered.number, "agrees").unwrap();
    }
    world.desk("maria").settle(&tick, &mut rng).unwrap();
    let after = indelible::cabinet::second::load_all(&world.book().join("cabinet"), ruth.secret()).unwrap();
    assert_eq!((after.opened.len(), shown(&world)), (0, 0));
    // It waits still, and somebody else may say the word.
    confirm(&world, "jon", said, "agrees").unwrap();
}
