//! A review that goes on from what the index keeps says what one from nothing says, whoever asks, when, and in whatever order.

use indelible::decision::draft::Draft;
use indelible::decision::people::Role;
use indelible::ledger::desk::Desk;
use indelible::ledger::people::Enrolling;
use indelible::ledger::record::Outcome;
use indelible::review::item::Review;
use indelible::rules::policy::Policy;
use indelible::store::durable;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::world::World;

const PEOPLE: [&str; 3] = ["maria", "jon", "sam"];

/// What one writes, about which earlier entry, who, how many minutes later, and whether they look before and after.
type Move = (u8, u64, usize, i64, bool, bool);

/// A draft of one of several sorts; none where nothing earlier fits it.
fn draft(world: &World, sort: u8, of: Option<u64>) -> Option<Json> {
    let moment = indelible::rules::clock::rfc3339(world.now() - 3_600_000, 60);
    let to = |relation: &str| Some(json!([{ "relation": relation, "entry": of? }]));
    Some(match sort {
        0 | 1 => json!({"kind": "concern.observed", "case": "theo", "folder": "general", "learned_at": moment,
                        "narrative": "He was hungry.", "reasons": "Third time.", "hold_check": "no"}),
        2 => json!({"kind": "concern.observed", "case": "ezra", "folder": "protection", "learned_at": moment,
                    "narrative": "A bruise.", "reasons": "New.", "hold_check": "yes", "concern_type": "neglect"}),
        3 => {
            json!({"kind": "decision.noshare", "case": "theo", "decided_at": moment, "decided_by": "maria", "no_code": "NO-1",
                    "reasons": "below the threshold", "refs": to("decides")?})
        }
        4 => {
            json!({"kind": "staff.allegation", "learned_at": moment, "person": {"name": "Alex"}, "narrative": "She shouted.",
                    "source": {"role": "staff", "person": "a colleague"}})
        }
        5 => {
            json!({"kind": "order.noted", "case": "theo", "folder": "legal", "learned_at": moment, "narrative": "An order.",
                    "order_type": "prohibited_steps"})
        }
        6 => {
            json!({"kind": "concern.observed", "folder": "intake", "learned_at": moment, "narrative": "Somebody called.",
                    "reasons": "No name."})
        }
        _ => return None,
    })
}

/// The review of somebody whose index is held by another program: from nothing.
fn from_nothing(world: &World, who: &str, now: i64) -> Review {
    world.desk(who).review(now).unwrap()
}

/// Where an open desk and a new one, which finds the index taken, differ.
fn differ(world: &World, desk: &Desk, who: &str) -> Option<String> {
    let now = world.now();
    let (going_on, anew) = (desk.review(now).unwrap(), from_nothing(world, who, now));
    (going_on != anew).then(|| format!("{who}: {going_on:?}\nfrom nothing: {anew:?}"))
}

fn write(world: &World, desk: &mut Desk, who: &str, sort: u8, of: Option<u64>) -> Option<u64> {
    let (tick, mut rng) = (|| world.tick(), durable::entropy());
    match sort {
        7 if who == "maria" => {
            let text = Policy::built_in("policy-000").unwrap().replacen(
                "[clocks]",
                "[clocks]\n\"UNBACKED/backing\" = \"h 12\"",
                1,
            );
            let (change, _) = desk.adopt_policy(&text, &tick, &mut rng).ok()?;
            return Some(change.entered.number);
        }
        8 if who == "jon" => {
            let waiting = desk.roster().waiting().first()?.entry;
            desk.confirm(waiting, "agrees", &tick, &mut rng).ok()?;
            return None;
        }
        9 if who != "sam" => {
            let name = format!("extra{}", world.now());
            let identity = indelible::cabinet::identity::Identity::new("Lee", &name, &mut rng).unwrap();
            let card = indelible::ledger::init::card(&identity).unwrap();
            let enrolling = Enrolling { role: Role::Practitioner, handle: None, renews: None };
            desk.enrol(&card, enrolling, &tick, &mut rng).unwrap();
            return None;
        }
        _ => {}
    }
    let draft = Draft::from_json(&draft(world, sort, of)?).unwrap();
    match desk.record(&draft, &tick, &mut rng).unwrap() {
        Outcome::Entered { entered, .. } => Some(entered.number),
        _ => None,
    }
}

fn play(moves: &[Move]) -> Result<(), TestCaseError> {
    let world = World::new();
    let mut concerns = Vec::new();
    for (sort, pick, who, minutes, before, after) in moves {
        let who = PEOPLE[*who % PEOPLE.len()];
        world.set(world.now() + minutes * 60_000);
        let mut desk = world.desk(who);
        if *before {
            prop_assert_eq!(differ(&world, &desk, who), None);
        }
        let of = concerns.get(usize::try_from(*pick).unwrap_or(0) % concerns.len().max(1)).copied();
        let entered = write(&world, &mut desk, who, *sort, of);
        if *sort < 2 {
            concerns.extend(entered);
        }
        if *after {
            prop_assert_eq!(differ(&world, &desk, who), None);
        }
    }
    for who in PEOPLE {
        prop_assert_eq!(differ(&world, &world.desk(who), who), None);
        prop_assert_eq!(differ(&world, &world.desk(who), who), None);
    }
    // Burnt, and asked in the other order.
    std::fs::remove_dir_all(world.book().join("index")).unwrap();
    for who in ["sam", "jon", "maria"] {
        prop_assert_eq!(differ(&world, &world.desk(who), who), None);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, max_shrink_iters: 8, ..ProptestConfig::default() })]

    #[test]
    fn going_on_says_what_beginning_anew_says(
        moves in prop::collection::vec((0..10u8, any::<u64>(), 0..3usize, 1..3000i64, any::<bool>(), any::<bool>()), 4..14)
    ) {
        play(&moves)?;
    }
}
