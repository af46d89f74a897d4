//! Drafts: what was typed stays until an entry says what became of it.

use indelible::cabinet::drafts::DraftId;
use indelible::decision::draft::Draft;
use indelible::decision::value::Content;
use indelible::entry::statement::Body;
use indelible::ledger::LedgerError;
use indelible::ledger::record::Outcome;
use indelible::store::durable;
use serde_json::{Value as Json, json};

use crate::forge::concern;
use crate::world::World;

fn backing(of: u64) -> Json {
    json!({"kind": "backing", "case": "theo", "learned_at": "2026-10-06T08:30:00+01:00", "view": "agrees",
        "reasons": "It is right.", "refs": [{"relation": "backs", "entry": of}]})
}

fn noshare(world: &World) -> u64 {
    world.record(
        "maria",
        json!({"kind": "decision.noshare", "case": "theo", "decided_at": "2026-10-06T08:20:00+01:00",
            "reasons": "Nobody asked whom we know."}),
    )
}

/// Every `rule.blocked` of the ledger, as an overseer sees it.
fn blocked(world: &World) -> Vec<(u64, Body)> {
    let desk = world.desk("jon");
    let bodies = (0..desk.ledger.size()).filter_map(|number| Some((number, desk.statement(number).unwrap().1?)));
    let bodies = bodies.map(|(number, statement)| (number, statement.body().clone()));
    bodies.filter(|(_, body)| body.kind.name() == Some("rule.blocked")).collect()
}

fn says(body: &Body) -> Vec<String> {
    let text = |content: &Content| match content {
        Content::Code(text) | Content::Text(text) => Some(text.as_str().to_owned()),
        _ => None,
    };
    body.values.iter().filter_map(|value| text(&value.content)).collect()
}

fn again(world: &World, who: &str, id: DraftId, change: (&str, &str)) -> Outcome {
    let mut desk = world.desk(who);
    let mut json = desk.draft(id).unwrap().to_json();
    json[change.0] = change.1.into();
    let draft = Draft::from_json(&json).unwrap();
    desk.record_kept(Some(id), &draft, &|| world.tick(), &mut durable::entropy()).unwrap()
}

fn discard(world: &World, who: &str, id: DraftId) -> Result<u64, LedgerError> {
    world.desk(who).discard_draft(id, &|| world.tick(), &mut durable::entropy())
}

fn id_of(outcome: &Outcome) -> DraftId {
    match outcome {
        Outcome::Gaps { draft, .. } | Outcome::Stopped { draft, .. } => *draft,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_rule_stops_is_entered_once_for_each_draft_and_rule() {
    let world = World::new();
    let decision = noshare(&world);
    let stopped = world.try_record("maria", backing(decision));
    assert!(matches!(stopped, Outcome::Stopped { .. }), "{stopped:?}");
    let id = id_of(&stopped);
    let after = world.desk("jon").ledger.size();
    let [(entry, body)] = &blocked(&world)[..] else { panic!("one entry says so") };
    assert_eq!(*entry, after - 1);
    assert_eq!(says(body), ["same_person", &id.to_string(), "backing"]);
    assert_eq!(body.case, Some(world.desk("maria").find_case("theo").unwrap()));
    // Tried again, changed or not: one draft, one entry.
    for reasons in ["It is right.", "It is still right."] {
        let outcome = again(&world, "maria", id, ("reasons", reasons));
        assert_eq!((id_of(&outcome), world.desk("jon").ledger.size()), (id, after));
    }
    // Another draft is another stop, in the middle of a list too.
    let drafts: Vec<Draft> = [concern("theo", "hungry"), backing(decision), concern("theo", "tired")]
        .iter()
        .map(|json| Draft::from_json(json).unwrap())
        .collect();
    let (tick, mut rng) = (|| world.tick(), durable::entropy());
    let outcomes = world.desk("maria").record_all(&drafts, true, &tick, &mut rng, &mut |_, _| ()).unwrap();
    assert!(matches!(outcomes[..], [Outcome::Entered { .. }, Outcome::Stopped { .. }, Outcome::Entered { .. }]));
    assert_eq!(blocked(&world).len(), 2);
    // For safety it goes in, and the draft is no more; the entry stays.
    let Outcome::Entered { .. } = again(&world, "maria", id, ("for_safety", "nobody else is here")) else { panic!() };
    assert!(matches!(world.desk("maria").draft(id), Err(LedgerError::Cabinet(_))));
    assert_eq!((world.desk("maria").drafts().unwrap().len(), blocked(&world).len()), (1, 2));
}

#[test]
fn a_draft_is_discarded_by_an_entry_that_pins_what_it_said() {
    let world = World::new();
    let decision = noshare(&world);
    // What was stopped has its entry; as it was stopped, it goes without another.
    let id = id_of(&world.try_record("maria", backing(decision)));
    let stop = blocked(&world)[0].0;
    assert_eq!(discard(&world, "maria", id).unwrap(), stop);
    assert_eq!((blocked(&world).len(), world.desk("maria").drafts().unwrap().len()), (1, 0));
    // Changed since, it needs one that pins what is thrown away.
    let id = id_of(&world.try_record("maria", backing(decision)));
    again(&world, "maria", id, ("reasons", "Father hit her with a belt."));
    let gone = discard(&world, "maria", id).unwrap();
    let all = blocked(&world);
    assert_eq!((all.len(), all[2].0), (3, gone));
    assert_eq!(says(&all[2].1), ["discarded", &id.to_string(), "backing"]);
    assert_ne!(all[1].1.values.last(), all[2].1.values.last(), "another hash");
    // What only lacks something, too; nobody discards another's.
    let mut gapped = concern("theo", "hungry");
    gapped.as_object_mut().unwrap().remove("reasons");
    let id = id_of(&world.try_record("sam", gapped));
    assert!(matches!(discard(&world, "maria", id), Err(LedgerError::Cabinet(_))));
    let gone = discard(&world, "sam", id).unwrap();
    assert_eq!(says(&blocked(&world).pop().unwrap().1), ["discarded", &id.to_string(), "concern.observed"]);
    assert_eq!(blocked(&world).pop().unwrap().0, gone);
    assert!(matches!(world.desk("sam").drafts_of_all(), Err(LedgerError::NotAllowed)));
    assert_eq!(world.desk("jon").drafts_of_all().unwrap(), []);
}

#[test]
fn a_draft_about_a_colleague_tells_the_overseers_neither_kind_nor_case() {
    let world = World::new();
    let id = id_of(&world.try_record("sam", json!({"kind": "staff.allegation", "narrative": "She shouted."})));
    discard(&world, "sam", id).unwrap();
    let (_, body) = blocked(&world).pop().unwrap();
    assert_eq!((says(&body), body.case), (vec!["discarded".to_owned(), id.to_string(), "-".to_owned()], None));
}

#[test]
fn a_draft_that_was_entered_before_the_machine_stopped_is_not_entered_twice() {
    let world = World::new();
    let mut desk = world.desk("sam");
    let draft = Draft::from_json(&concern("theo", "hungry")).unwrap();
    let id = desk.keep(&draft, world.tick(), &mut durable::entropy()).unwrap();
    let kept = desk.draft(id).unwrap();
    // The machine stops between the entry and the end of the draft.
    let first = desk.record(&kept, &|| world.tick(), &mut durable::entropy()).unwrap();
    let Outcome::Entered { entered: first, again: false, .. } = first else { panic!("{first:?}") };
    drop(desk);
    // Whatever hands the draft in again without its id.
    let mut desk = world.desk("sam");
    let second = desk.record_kept(Some(id), &draft, &|| world.tick(), &mut durable::entropy()).unwrap();
    let Outcome::Entered { entered: second, again: true, .. } = second else { panic!("{second:?}") };
    assert_eq!((first.number, desk.drafts().unwrap().len()), (second.number, 0));
    // And one that is discarded then leaves by its own entry.
    let id = desk.keep(&kept, world.tick(), &mut durable::entropy()).unwrap();
    drop(desk);
    assert_eq!(discard(&world, "sam", id).unwrap(), first.number);
    assert_eq!(blocked(&world).len(), 0);
}

#[test]
fn where_nothing_can_be_entered_a_stop_waits_and_a_draft_stays() {
    let world = World::new();
    let decision = noshare(&world);
    let keys = world.path("config");
    let away = world.path("away");
    std::fs::rename(&keys, &away).unwrap();
    let id = id_of(&world.try_record("maria", backing(decision)));
    assert_eq!(id_of(&again(&world, "maria", id, ("reasons", "It is right."))), id);
    let mut changed = world.desk("maria").draft(id).unwrap().to_json();
    changed["reasons"] = "Otherwise.".into();
    let changed = Draft::from_json(&changed).unwrap();
    world.desk("maria").keep_as(Some(id), &changed, world.tick(), &mut durable::entropy()).unwrap();
    for _ in 0..2 {
        assert!(matches!(discard(&world, "maria", id), Err(LedgerError::NoLogKey)));
    }
    assert_eq!((blocked(&world).len(), world.desk("maria").drafts().unwrap().len()), (0, 1));
    std::fs::rename(&away, &keys).unwrap();
    discard(&world, "maria", id).unwrap();
    let rules: Vec<String> = blocked(&world).iter().map(|(_, body)| says(body)[0].clone()).collect();
    assert_eq!(
        (rules, world.desk("maria").drafts().unwrap().len()),
        (vec!["same_person".into(), "discarded".into()], 0)
    );
}

#[test]
fn an_id_that_stands_twice_in_a_list_is_entered_once() {
    let world = World::new();
    let with_id = |text: &str| {
        let mut json = concern("theo", text);
        json["id"] = "000102030405060708090a0b0c0d0e0f".into();
        Draft::from_json(&json).unwrap()
    };
    for batch in [false, true] {
        let size = world.desk("sam").ledger.size();
        let drafts = [
            with_id("hungry"),
            Draft::from_json(&concern("theo", "tired")).unwrap(),
            with_id("hungry"),
            with_id("cold"),
        ];
        let (tick, mut rng) = (|| world.tick(), durable::entropy());
        let who = if batch { "sam" } else { "jon" };
        let outcomes = world.desk(who).record_all(&drafts, batch, &tick, &mut rng, &mut |_, _| ()).unwrap();
        let number = |outcome: &Outcome| match outcome {
            Outcome::Entered { entered, again, .. } => (entered.number, *again),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            outcomes[..3].iter().map(number).collect::<Vec<_>>(),
            [(size, false), (size + 1, false), (size, true)]
        );
        assert!(matches!(outcomes[3], Outcome::IdUsed { entry, .. } if entry == size), "{:?}", outcomes[3]);
        assert_eq!(world.desk("sam").ledger.size(), size + 2);
    }
}
