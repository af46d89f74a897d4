//! The main path, through the public API: a decision is entered, read back and verified.

use indelible::ledger::record::Outcome;
use indelible::store::durable;
use indelible::verify::entry::Keys;
use indelible::verify::report::{Code, History, Layer, RecordKeeping};
use serde_json::json;

use crate::world::World;

#[test]
fn a_decision_becomes_an_entry_that_its_author_reads_and_everyone_verifies() {
    let world = World::new();
    world.at("2026-10-06T12:05:00+01:00");
    let number = world.record(
        "sam",
        json!({"kind": "decision.noshare", "case": "theo", "learned_at": "2026-10-06T10:10:00+01:00",
               "decided_at": "2026-10-06T10:40:00+01:00", "reasons": "The asker could not say who they were."}),
    );
    assert_eq!(number, 6);
    let mut sam = world.desk("sam");
    let shown = sam.show(number, Some("own_work"), &|| world.tick(), &mut durable::entropy()).unwrap();
    assert_eq!(shown.fields["reasons"], json!("The asker could not say who they were."));
    assert_eq!(shown.read, Some(7));

    let skeleton = world.verify(Keys::default());
    assert_eq!((skeleton.history, skeleton.layer), (History::Unaltered, Layer::Skeleton));
    assert_eq!((skeleton.record_keeping, skeleton.exit_code()), (RecordKeeping::NotSeen, 1));
    assert_eq!(skeleton.findings.iter().map(|f| f.code).collect::<Vec<_>>(), [Code::OneFounder]);

    let report = world.verify(world.desk("maria").keys());
    assert_eq!((report.history, report.layer), (History::Unaltered, Layer::Structure));
    assert_eq!((report.record_keeping, report.exit_code()), (RecordKeeping::NotAsked, 1));
    assert_eq!((report.size.0, report.counts.signatures, report.counts.not_opened), (8, 8, 0));
    assert_eq!(report.findings.len(), 1, "{:?}", report.findings);
}

#[test]
fn the_opener_of_a_case_reads_and_others_do_not() {
    let world = World::new();
    let number = world.record(
        "sam",
        json!({"kind": "concern.observed", "case": "ezra", "learned_at": "2026-10-06T08:10:00+01:00",
               "narrative": "Hungry on arrival.", "reasons": "The seventh time."}),
    );
    let show = |who: &str, cause| {
        let mut desk = world.desk(who);
        desk.show(number, cause, &|| world.tick(), &mut durable::entropy())
    };
    for who in ["maria", "jon", "sam"] {
        assert_eq!(show(who, Some("review")).unwrap().fields["narrative"], json!("Hungry on arrival."), "{who}");
    }
    // Without a cause nothing is opened and nothing entered.
    let size = world.desk("maria").ledger.size();
    let shown = show("maria", None).unwrap();
    assert!(!shown.opened && shown.fields["narrative"] == json!({"sealed": true}));
    let unread = show("sam", None).unwrap();
    assert!(unread.body.is_some());
    assert_eq!(world.desk("maria").ledger.size(), size);
    // Sam may not read what Maria wrote.
    let marias = world.record(
        "maria",
        json!({"kind": "concern.observed", "case": "ezra", "narrative": "a", "reasons": "b",
        "learned_at": "2026-10-06T08:10:00+01:00"}),
    );
    let mut sam = world.desk("sam");
    let shown = sam.show(marias, Some("review"), &|| world.tick(), &mut durable::entropy()).unwrap();
    assert!(shown.body.is_none() && !shown.opened);
}

#[test]
fn a_draft_with_a_gap_is_kept_and_an_id_gives_the_same_receipt_twice() {
    let world = World::new();
    let Outcome::Gaps { draft, gaps } = world.try_record("sam", json!({"kind": "decision.noshare", "case": "theo"}))
    else {
        panic!("entered");
    };
    assert!(gaps.iter().any(|gap| gap.field == "reasons"));
    let sam = world.desk("sam");
    assert_eq!(sam.drafts().unwrap().len(), 1);
    assert_eq!(sam.draft(draft).unwrap().kind(), Some("decision.noshare"));
    drop(sam);
    let with_id = |reasons: &str| {
        world.try_record(
            "sam",
            json!({"kind": "decision.noshare", "case": "theo", "id": "000102030405060708090a0b0c0d0e0f",
            "decided_at": "2026-10-06T08:40:00+01:00", "reasons": reasons}),
        )
    };
    let Outcome::Entered { entered: first, again: false, .. } = with_id("a") else { panic!("not entered") };
    let Outcome::Entered { entered: second, again: true, .. } = with_id("a") else { panic!("not again") };
    assert_eq!(first.number, second.number);
    let Outcome::IdUsed { entry, .. } = with_id("b") else { panic!("entered") };
    assert_eq!(entry, first.number);
    // Burning the index changes nothing.
    std::fs::remove_dir_all(world.book().join("index")).unwrap();
    let Outcome::Entered { entered: third, again: true, .. } = with_id("a") else { panic!("not again") };
    assert_eq!((third.number, third.recorded), (first.number, first.recorded));
}
