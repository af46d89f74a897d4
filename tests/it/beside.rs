//! What stands beside an entry: corrections, views, completions; and an author's own entries in restricted folders.

use indelible::codec::Folder;
use indelible::ledger::beside::Link;
use indelible::ledger::grants::Granting;
use indelible::ledger::show::Shown;
use indelible::store::durable;
use serde_json::{Value as Json, json};

use crate::forge::concern;
use crate::world::{World, index_of};

const LEARNED: &str = "2026-10-06T08:30:00+01:00";

fn correction(of: u64, right: &str) -> Json {
    json!({"kind": "correction.fact", "learned_at": LEARNED, "reasons": "I mixed them up.",
        "statements": [{"type": "fact", "words": right}], "refs": [{"relation": "corrects", "entry": of}]})
}

fn view(of: u64) -> Json {
    json!({"kind": "view.recorded", "learned_at": LEARNED, "parents_side": "He had eaten.", "person": "sam",
        "refs": [{"relation": "comments_on", "entry": of}]})
}

fn show(world: &World, who: &str, number: u64) -> Shown {
    world.desk(who).show(number, Some("review"), &|| world.tick(), &mut durable::entropy()).unwrap()
}

/// What this person sees beside an entry: which entry, how, and whether its words are open.
fn beside(world: &World, who: &str, number: u64) -> Vec<(u64, &'static str, bool)> {
    let shown = show(world, who, number);
    let words = |fields: &serde_json::Map<String, Json>| {
        ["reasons", "parents_side"].iter().any(|name| fields.get(*name).is_some_and(Json::is_string))
    };
    let one =
        |one: &indelible::ledger::show::Beside| (one.link.entry, one.link.relation.name().unwrap(), words(&one.fields));
    shown.beside.unwrap().iter().map(one).collect()
}

fn links(world: &World, who: &str) -> Vec<(u64, u64)> {
    world.desk(who).beside_all().unwrap().iter().map(|Link { of, entry, .. }| (*of, *entry)).collect()
}

#[test]
fn a_correction_and_a_view_stand_beside_the_original_for_those_who_can_open_them() {
    let world = World::new();
    let mut gapped = concern("theo", "hungry");
    gapped["concern_type"] = Json::Null;
    let first = world.record("sam", gapped);
    let other = world.record("sam", concern("ezra", "tired"));
    assert_eq!(beside(&world, "jon", first), []);
    let corrected = world.record("sam", correction(first, "It was Tuesday."));
    let seen = world.record("jon", view(first));
    let filled = world.record(
        "sam",
        json!({"kind": "concern.observed", "case": "theo", "learned_at": LEARNED,
        "concern_type": "neglect", "refs": [{"relation": "completes", "entry": first}]}),
    );
    let all = [(corrected, "corrects", true), (seen, "comments_on", true), (filled, "completes", false)];
    for _ in 0..2 {
        assert_eq!(beside(&world, "maria", first), all);
        assert_eq!(beside(&world, "jon", first), all);
        // Its author sees what the author can open: not what a colleague wrote.
        assert_eq!(beside(&world, "sam", first), [all[0], all[2]]);
        assert_eq!(beside(&world, "maria", other), []);
    }
    let corrects = vec![(first, corrected), (first, seen), (first, filled)];
    assert_eq!(links(&world, "maria"), corrects);
    assert_eq!(links(&world, "sam"), [(first, corrected), (first, filled)]);
    // Without the words, they are not beside it either.
    let shown = world.desk("jon").show(first, None, &|| world.tick(), &mut durable::entropy()).unwrap();
    let fields = &shown.beside.unwrap()[0].fields;
    assert_eq!(fields["reasons"], json!({"sealed": true}));
    // The lists may be burnt.
    std::fs::remove_dir_all(world.book().join("index")).unwrap();
    assert_eq!(links(&world, "maria"), corrects);
    assert_eq!(beside(&world, "jon", first), all);
}

#[test]
fn in_a_restricted_folder_too_and_for_its_author() {
    let world = World::new();
    let allegation = world.record(
        "sam",
        json!({"kind": "staff.allegation", "learned_at": LEARNED, "person": {"name": "Alex"}, "narrative": "She shouted.",
            "source": {"role": "staff", "person": "Sam"}}),
    );
    let own = world.record("sam", correction(allegation, "It was in the hall."));
    let his = world.record("jon", view(allegation));
    assert_eq!(links(&world, "maria"), [(allegation, own), (allegation, his)]);
    // For a member of staff only what they wrote.
    assert_eq!(links(&world, "sam"), [(allegation, own)]);
    assert_eq!(beside(&world, "jon", allegation), [(own, "corrects", true), (his, "comments_on", true)]);
    assert_eq!(beside(&world, "sam", allegation), [(own, "corrects", true)]);
    // The author's own list of entries has them as well.
    let desk = world.desk("sam");
    let opener = desk.opener();
    let stored = desk.ledger.entry(allegation).unwrap();
    let opened = |number: u64| {
        let stored = desk.ledger.entry(number).unwrap();
        opener.open(&stored.envelope().statement, stored.structure(), stored.words()).is_some()
    };
    assert!(stored.statement(&desk.keys()).is_none(), "no key of sam's opens it");
    assert_eq!((opened(allegation), opened(own), opened(his)), (true, true, false));
}

#[test]
fn a_list_closes_with_the_keys_of_what_it_lists() {
    let world = World::new();
    let (tick, mut rng) = (|| world.tick(), durable::entropy());
    let first = world.record("maria", concern("theo", "hungry"));
    let second = world.record("maria", correction(first, "It was Tuesday."));
    let theo = world.desk("maria").find_case("theo").unwrap();
    let (person, folders) = (world.identity("sam").person(), &[Folder::General, Folder::Protection]);
    let granting = Granting { person, case: Some(theo), folders, profile: "cover", until: None };
    let grant = world.desk("maria").grant(granting, &tick, &mut rng).unwrap().number;
    assert_eq!(links(&world, "sam"), [(first, second)]);
    let sam = world.desk("sam");
    let own = sam.structure_key().unwrap().clone();
    let ids: Vec<_> = sam.roster().folder_ids().copied().collect();
    drop(sam);
    world.desk("maria").end_grant(grant, "grant_ended", &tick, &mut rng).unwrap();
    assert_eq!(links(&world, "sam"), []);
    // With what Sam has still, nothing tells of the links; the list of what is everybody's is there.
    let index = index_of(&world.book());
    assert!(index.sealed(&own, b"reader").is_some());
    assert!(ids.iter().all(|id| index.sealed(&own, id.as_bytes()).is_none()));
}
