//! One form, several entries: signed in one act, entered in one write, kept whole if it cannot be.

use indelible::cabinet::drafts::DraftId;
use indelible::decision::draft::Draft;
use indelible::entry::statement::UNKNOWN;
use indelible::frame::reader::{Event, WriteReader};
use indelible::ledger::LedgerError;
use indelible::ledger::desk::Desk;
use indelible::ledger::form::FormOutcome;
use indelible::store::disk::Disk;
use indelible::store::durable;
use indelible::store::faulty::Fault;
use indelible::verify::report::{Code, History};
use serde_json::{Value as Json, json};

use crate::crash::Shaky;
use crate::world::World;

/// An emergency in which the family was told: four entries.
fn emergency() -> Json {
    json!({"route": "999", "answers": {"child": "theo", "what": "He collapsed after eating.",
        "when": "2026-10-06 08:46", "reference": "call 4471", "said": "name, nut allergy", "family": "yes",
        "whom": "Priya A.", "told": "That he is on his way to hospital."}})
}

fn try_form<D: Disk>(
    desk: &mut Desk<D>,
    world: &World,
    kept: Option<DraftId>,
    sheet: &Json,
) -> Result<FormOutcome, LedgerError> {
    desk.record_form(kept, &Draft::from_json(sheet).unwrap(), &|| world.tick(), &mut durable::entropy())
}

fn form(world: &World, who: &str, sheet: &Json) -> FormOutcome {
    try_form(&mut world.desk(who), world, None, sheet).unwrap()
}

fn numbers(outcome: &FormOutcome) -> Vec<u64> {
    match outcome {
        FormOutcome::Entered { entries, .. } => entries.iter().map(|entry| entry.entered.number).collect(),
        other => panic!("{other:?}"),
    }
}

/// How many entries each write holds.
fn writes(bytes: &[u8]) -> Vec<usize> {
    let mut reader = WriteReader::new(std::io::Cursor::new(bytes.to_vec()));
    let (mut writes, mut open) = (Vec::new(), 0);
    loop {
        match reader.next_event().unwrap() {
            Event::Entry { .. } => open += 1,
            Event::Checkpoint { .. } => writes.push(std::mem::take(&mut open)),
            Event::Void { .. } | Event::Tail(_) => {}
            Event::End { .. } => return writes,
        }
    }
}

#[test]
fn an_emergency_is_one_write_of_linked_entries() {
    let world = World::new();
    let before = writes(&world.bytes()).len();
    let outcome = form(&world, "sam", &emergency());
    let entered = numbers(&outcome);
    assert_eq!(entered.len(), 4);
    assert_eq!(writes(&world.bytes())[before..], [4]);
    let FormOutcome::Entered { entries, held, again } = outcome else { panic!() };
    assert!(held.is_empty() && !again && entries.iter().all(|entry| entry.gaps.is_empty()));

    // Each says which of the others it speaks of; their numbers were not known when it was signed.
    let desk = world.desk("maria");
    let bodies: Vec<_> =
        entered.iter().map(|number| desk.statement(*number).unwrap().1.unwrap().body().clone()).collect();
    let leads = |at: usize| -> Vec<(&str, u64)> {
        let number = |to| desk.number_of(entered[at], &bodies[at], to).unwrap();
        bodies[at].references.iter().map(|to| (to.relation.name().unwrap(), number(to))).collect()
    };
    assert!(bodies.iter().flat_map(|body| &body.references).all(|to| to.entry == UNKNOWN));
    assert_eq!(leads(1), [("decides", entered[0])]);
    assert_eq!(leads(2), [("decides", entered[0]), ("relies_on", entered[1])]);
    assert_eq!(leads(3), [("tells_of", entered[2])]);
    let report = world.verify(desk.keys());
    assert_eq!(report.history, History::Unaltered);
    assert!(report.findings.iter().all(|finding| finding.code == Code::OneFounder), "{:?}", report.findings);
    // What shows only through a reference shows here too.
    let previous = desk.ledger.entry(entered[1]).unwrap().envelope().recorded;
    let findings = desk.findings(entered[2], &bodies[2], previous, Some(previous));
    assert!(findings.iter().any(|finding| finding.flag.code() == "EMERGENCY"));
}

#[test]
fn nothing_of_a_form_with_a_gap_is_entered_and_nothing_typed_is_lost() {
    let world = World::new();
    let size = world.desk("sam").ledger.size();
    let mut sheet = json!({"route": "health_visitor", "answers": {"child": "ezra", "who": "Dana F.", "known": "V-KNOWN",
        "channel": "phone", "want": "how he eats", "decide": "noshare"}});
    let FormOutcome::Gaps { draft, gaps } = form(&world, "sam", &sheet) else { panic!("entered") };
    assert!(gaps.iter().any(|gap| gap.field == "why"));
    let mut desk = world.desk("sam");
    assert_eq!(desk.ledger.size(), size);
    let kept = desk.draft(draft).unwrap().to_json();
    assert_eq!(kept["answers"], sheet["answers"]);
    // It goes on where it was, and then is a draft no longer.
    sheet = kept;
    sheet["answers"]["why"] = "Nothing was seen.".into();
    let outcome = try_form(&mut desk, &world, Some(draft), &sheet).unwrap();
    assert_eq!((numbers(&outcome).len(), desk.drafts().unwrap().len()), (2, 0));

    // Or it is discarded, which leaves an entry without its words.
    let FormOutcome::Gaps { draft, .. } = form(&world, "sam", &json!({"route": "parent", "answers": {}})) else {
        panic!("entered")
    };
    let entry = world.desk("sam").discard_draft(draft, &|| world.tick(), &mut durable::entropy()).unwrap();
    let body = world.desk("maria").statement(entry).unwrap().1.unwrap().body().clone();
    assert_eq!(body.kind.name(), Some("rule.blocked"));
}

#[test]
fn sent_twice_it_is_entered_once() {
    let world = World::new();
    let mut sheet = emergency();
    sheet["id"] = "00112233445566778899aabbccddeeff".into();
    let first = numbers(&form(&world, "sam", &sheet));
    let again = form(&world, "sam", &sheet);
    assert_eq!(numbers(&again), first);
    assert!(matches!(again, FormOutcome::Entered { again: true, .. }));
    sheet["answers"]["what"] = "Something else.".into();
    let other = form(&world, "sam", &sheet);
    assert!(matches!(other, FormOutcome::IdUsed { entry, .. } if entry == first[0]), "{other:?}");
    // A sheet that was entered just before the machine stopped leaves no other entry when it is thrown away.
    let desk = world.desk("sam");
    sheet["answers"]["what"] = "He collapsed after eating.".into();
    let kept = desk.keep(&Draft::from_json(&sheet).unwrap(), world.tick(), &mut durable::entropy()).unwrap();
    drop(desk);
    let entry = world.desk("sam").discard_draft(kept, &|| world.tick(), &mut durable::entropy()).unwrap();
    assert_eq!(entry, first[0]);
}

#[test]
fn a_crash_leaves_all_of_a_form_or_nothing() {
    let mut faults = vec![Fault::NotDone, Fault::Done, Fault::Lost, Fault::Pages(0b1), Fault::Pages(0b101)];
    faults.extend([0, 1, 700, 2500, 5000].map(Fault::Torn));
    for call in 0..3 {
        for fault in &faults {
            let what = format!("call {call}, {fault:?}");
            let shaky = Shaky::new();
            let before = shaky.digests().len();
            let mut sheet = emergency();
            sheet["id"] = "00112233445566778899aabbccddeeff".into();
            shaky.disk.fail_after(call, *fault);
            let tried = shaky.desk("sam").and_then(|mut desk| try_form(&mut desk, &shaky.world, None, &sheet));
            let entered = matches!(&tried, Ok(FormOutcome::Entered { .. }));
            assert!(!shaky.disk.armed() && !entered, "{what}: {tried:?}");
            let now = shaky.digests().len() - before;
            assert!(now == 0 || now == 4, "{what}: {now} of 4");
            // Whoever comes next sends the rest, in one write too.
            let mut desk = shaky.desk("sam").unwrap();
            let outcome = try_form(&mut desk, &shaky.world, None, &sheet).unwrap();
            assert!(matches!(outcome, FormOutcome::Entered { .. }), "{what}: {now} {outcome:?}");
            let numbers = numbers(&outcome);
            assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{what}: {numbers:?}");
            let sizes = writes(&shaky.disk.bytes());
            assert!(sizes.iter().filter(|size| **size >= 4).count() == 1, "{what}: {sizes:?}");
            assert_eq!(shaky.waiting("sam"), [], "{what}");
            drop(desk);
            shaky.check(&what);
        }
    }
}

#[test]
fn signed_where_the_log_s_key_is_not_it_waits_whole() {
    let world = World::new();
    let key = world.begun.log_key.clone();
    let away = world.path("away");
    std::fs::rename(&key, &away).unwrap();
    let outcome = form(&world, "sam", &emergency());
    assert!(matches!(outcome, FormOutcome::Waiting { .. }), "{outcome:?}");
    std::fs::rename(&away, &key).unwrap();
    let before = writes(&world.bytes()).len();
    world.record("sam", crate::forge::concern("theo", "later"));
    assert_eq!(writes(&world.bytes())[before..], [4, 1]);
    assert_eq!(world.verify(world.desk("maria").keys()).history, History::Unaltered);
}

#[test]
fn what_a_rule_stops_is_kept_and_the_rest_is_entered() {
    let world = World::new();
    let yes = json!({"route": "parent", "answers": {"child": "ezra", "who": "Chloe M.", "answer": "yes",
        "purpose": "PU-HEALTH", "method": "M-FACE", "when": "2026-10-06 08:10", "why": "w", "what": "x", "sees": "y",
        "used": "z", "follows": "f", "able": "yes", "free": "yes", "pressed": "yes", "reminded": "yes"}});
    let [given] = numbers(&form(&world, "maria", &yes))[..] else { panic!("one entry") };
    let back = json!({"route": "parent", "answers": {"child": "ezra", "who": "Chloe M.", "answer": "back",
        "purpose": "PU-HEALTH", "method": "M-PHONE", "when": "2026-10-06 08:20", "entry": given}});
    form(&world, "maria", &back);
    let asks = json!({"route": "health_visitor", "answers": {"child": "ezra", "who": "Dana F.", "known": "V-KNOWN",
        "channel": "phone", "want": "how he eats", "when": "2026-10-06 08:30", "decide": "share", "why": "She asked.",
        "said": "what he eats", "left_out": "none", "ground": "consent", "consent": given, "method": "M-PHONE"}});
    let outcome = form(&world, "maria", &asks);
    let FormOutcome::Entered { entries, held, .. } = &outcome else { panic!("{outcome:?}") };
    let kinds: Vec<_> = entries.iter().filter_map(|entry| entry.kind.name()).collect();
    assert_eq!(kinds, ["request.received"]);
    let [held] = &held[..] else { panic!("one is held") };
    assert_eq!(held.stop.as_ref().map(|stop| stop.rule), Some("consent_gone"));
    // It is a draft of its own now, which names the request by its number.
    let desk = world.desk("maria");
    let kept = desk.draft(held.draft).unwrap().to_json();
    assert_eq!(kept["kind"], "decision.share");
    let request = json!({"relation": "answers", "entry": entries[0].entered.number});
    assert!(kept["refs"].as_array().unwrap().contains(&request), "{kept}");
    let newest = desk.statement(desk.ledger.size() - 1).unwrap().1.unwrap();
    assert_eq!(newest.body().kind.name(), Some("rule.blocked"));
}
