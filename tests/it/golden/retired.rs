//! Golden ledgers about forgetting: one where two people could, and one where somebody did it alone, early and while it
//! was held.

use indelible::codec::{Bytes, Digest};
use indelible::decision::decision::{Decision, Reference};
use indelible::decision::value::{Content, Moment, Value, field};
use serde_json::json;

use super::ledgers::{FOUNDER, Vector};
use super::play::{Play, concern, kind, one};

const RETIRE_PACK: &str =
    concat!(include_str!("../../vectors/packs/small.toml"), include_str!("../../vectors/packs/retire.toml"));

/// An entry that was retired.
struct Gone {
    entry: u64,
    key: [u8; 32],
    sequence: u64,
    previous: Digest,
}

pub fn all() -> Vec<Vector> {
    vec![lawfully(), wrongly()]
}

/// Sam's one entry lies in the wrong case: it is said again in the right one and retired. Nobody has Sam's structure key any
/// more.
fn lawfully() -> Vector {
    let mut play = Play::new("retired", RETIRE_PACK);
    play.open_case("ezra");
    let gone = worry(&mut play);
    let learned = Moment::in_london(play.now).typed();
    let draft = json!({ "kind": "misfiled", "reasons": "It is about Ezra.", "other_case": "ezra", "learned_at": learned,
                        "refs": [{ "relation": "misplaced", "entry": gone.entry }] });
    let misfiled = play.record("maria", &draft);
    let (view, confirms) = (super::play::code("agrees"), play.reference("confirms", misfiled));
    play.wait(60_000);
    let said = play.decide("confirmation", None, vec![one(field::VIEW, view)], vec![confirms]).of_sealed();
    let said = play.sign_as("jon", said, |_| ());
    play.append("jon", &[said]);
    let mut again = concern("He came without a coat.", play.now);
    again["case"] = json!("ezra");
    again["refs"] = json!([{ "relation": "about", "entry": misfiled }]);
    play.record("jon", &again);
    let misplaced = play.reference("misplaced", misfiled);
    let proposed = act(&mut play, "jon", "retire.proposed", vec![scope(gone.entry)], vec![misplaced]);
    retire(&mut play, "maria", proposed, &gone);
    let about =
        "entry 6 was misfiled, and retired by two people under entries 10 and 12; its author's key is not there";
    let mut vector = Vector::of(&play, "retired", about, play.bytes());
    if let Some(people) = vector.keys["people"].as_array_mut() {
        people.retain(|person| person["handle"] != "sam");
    }
    vector
}

/// Maria proposes and approves, nobody called the entry misfiled, a hold stands, and what she keeps of it is not true.
fn wrongly() -> Vector {
    let mut play = Play::new("retired-wrongly", RETIRE_PACK);
    let gone = worry(&mut play);
    let learned = Moment::in_london(play.now).typed();
    let hold = json!({ "kind": "hold.placed", "case": "theo", "reasons": "A court case.", "learned_at": learned });
    play.record("jon", &hold);
    let proposed = act(&mut play, "maria", "retire.proposed", vec![scope(gone.entry)], vec![]);
    let wrong = Gone { key: [7; 32], ..gone };
    let done = retire(&mut play, "maria", proposed, &wrong);
    let about = "entry 9 says that entry 5 was retired: by one person, without a ground, while it was held, and of another author";
    let mut vector = Vector::of(&play, "retired-wrongly", about, play.bytes());
    vector.structure = ("unaltered", [FOUNDER].into_iter().chain(NAMES.map(|code| (code, done))).collect());
    vector
}

const NAMES: [&str; 4] = ["RETIRE-ALONE", "RETIRE-EARLY", "RETIRE-HELD", "RETIRE-FACTS"];

fn worry(play: &mut Play) -> Gone {
    let (sequence, previous) = (play.people["sam"].sequence, play.people["sam"].previous);
    let entry = play.worry("sam", "He came without a coat.");
    Gone { entry, key: *play.people["sam"].identity.author().as_bytes(), sequence, previous }
}

fn scope(entry: u64) -> Value {
    one(field::RETIRE_SCOPE_ENTRY, Content::Entry(entry))
}

fn act(play: &mut Play, who: &str, name: &str, values: Vec<Value>, refs: Vec<Reference>) -> u64 {
    play.wait(60_000);
    let at = Moment::in_london(play.now);
    let decision = Decision::act(&play.pack, kind(name), None, at, Some(at), values, refs).unwrap();
    let authored = play.sign_as(who, decision, |_| ());
    play.append(who, &[authored])[0].number
}

/// Somebody approves a proposal and says that it is done.
fn retire(play: &mut Play, who: &str, proposed: u64, gone: &Gone) -> u64 {
    let confirms = play.reference("confirms", proposed);
    let approved =
        act(play, who, "retire.approved", vec![one(field::VIEW, super::play::code("agrees"))], vec![confirms]);
    let values = vec![
        scope(gone.entry),
        one(field::EPOCH, Content::Count(1)),
        one(field::ENTRIES_COUNT, Content::Count(1)),
        one(field::RETIRED_ENTRY, Content::Entry(gone.entry)),
        one(field::RETIRED_AUTHOR_KEY, Content::Key(Bytes(gone.key))),
        one(field::RETIRED_SEQUENCE, Content::Count(gone.sequence)),
        one(field::RETIRED_PREVIOUS, Content::Hash(gone.previous)),
        one(field::RETIRED_CASE, Content::Case(play.cases["theo"])),
        one(field::RETIRED_FOLDER, super::play::code("general")),
        one(field::RETIRED_KIND_CLASS, super::play::code("input")),
    ];
    let carries_out = play.reference("carries_out", approved);
    act(play, who, "retire.done", values, vec![carries_out])
}
