//! Golden ledgers about closings: one whose closings say what is so, and one whose closing does not.

use std::collections::BTreeMap;

use indelible::codec::{Digest, ShortText};
use indelible::decision::value::{Content, Moment, Value, field};
use indelible::seal::case_map::{CaseFolder, CaseMap};
use serde_json::json;
use zeroize::Zeroizing;

use super::ledgers::{FOUNDER, Vector};
use super::play::{Play, code, concern, one};

const CLOSING_PACK: &str =
    concat!(include_str!("../../vectors/packs/small.toml"), include_str!("../../vectors/packs/closing.toml"));
/// The allegation, in a folder that no structure key opens.
const ALLEGATION: u64 = 9;

pub fn all() -> Vec<Vector> {
    let mut play = setting("closings");
    close(&mut play, "maria", |_| ());
    close(&mut play, "jon", |_| ());
    let about = "entries 10 and 11 close the day: counts, root, what did not open, and the map of three case folders";
    let honest = Vector::of(&play, "closings", about, play.bytes());

    let mut play = setting("closing-false");
    let entry = close(&mut play, "maria", |says| {
        says.out.push(8);
        says.entries += 1;
        says.size -= 1;
        says.unopened.push(6);
    });
    let about = "entry 10 closes the day: one entry too many, one less in the map, another size, and an entry named as closed to its \
                 signer that is not";
    let mut wrong = Vector::of(&play, "closing-false", about, play.bytes());
    let codes = ["CASE-MAP", "CLOSING-HEAD", "CLOSING-COUNTS", "CLOSING-UNOPENED"];
    wrong.structure = ("unaltered", [FOUNDER].into_iter().chain(codes.map(|code| (code, entry))).collect());
    vec![honest, wrong]
}

/// Entries 0 to 9: the setting, a second case, three folders with four entries, and an allegation.
fn setting(seed: &str) -> Play {
    let mut play = Play::new(seed, CLOSING_PACK);
    play.open_case("ezra");
    for (who, case, folder) in [("sam", "theo", "general"), ("jon", "theo", "protection"), ("sam", "ezra", "general")] {
        let mut draft = concern("He came without a coat.", play.now);
        (draft["case"], draft["folder"]) = (json!(case), json!(folder));
        play.record(who, &draft);
    }
    let learned = Moment::in_london(play.now).typed();
    let draft =
        json!({ "kind": "staff.allegation", "learned_at": learned, "narrative": "She shouted.", "reasons": "Twice." });
    assert_eq!(play.record("sam", &draft), ALLEGATION);
    play
}

/// What a closing is about to say.
struct Says {
    entries: u64,
    size: u64,
    unopened: Vec<u64>,
    /// Entries that its map leaves out.
    out: Vec<u64>,
}

fn close(play: &mut Play, who: &str, change: impl FnOnce(&mut Says)) -> u64 {
    play.wait(60_000);
    let size = play.ledger.size();
    let mut says = Says { entries: size, size, unopened: vec![ALLEGATION], out: vec![] };
    change(&mut says);
    let (mut map, mut kinds) = (CaseMap::default(), BTreeMap::new());
    for number in 0..size {
        let stored = play.ledger.entry(number).unwrap();
        let Some(statement) = stored.statement(&play.keys()) else { continue };
        let body = statement.body();
        *kinds.entry(body.kind.name().unwrap()).or_insert(0) += 1;
        if let Some(folder) = CaseFolder::new(body.case, body.folder()).filter(|_| !says.out.contains(&number)) {
            map.add(folder, &stored.envelope().statement);
        }
    }
    let seed: [u8; 32] = play.rng.bytes();
    let day = Moment::parse("2026-10-06").unwrap();
    let mut values = vec![
        one(field::STARTS_AT, Content::Time(day)),
        one(field::ENDS_AT, Content::Time(day)),
        one(field::NIL, code("no")),
        one(field::ENTRIES_COUNT, Content::Count(says.entries)),
        one(field::TREE_SIZE, Content::Count(says.size)),
        one(field::ROOT_HASH, Content::Hash(Digest::new(play.ledger.root().0))),
        one(field::CASE_MAP_ROOT, Content::Hash(map.root(&seed))),
    ];
    let mut list = |of, position, content| values.push(Value { field: of, position, content });
    for (position, (kind, count)) in (0..).zip(&kinds) {
        list(field::KIND_COUNTS_KIND, position, Content::Text(ShortText::new(kind).unwrap()));
        list(field::KIND_COUNTS_COUNT, position, Content::Count(*count));
    }
    says.unopened.sort_unstable();
    for (position, entry) in (0..).zip(&says.unopened) {
        list(field::UNOPENED, position, Content::Entry(*entry));
    }
    let decision = play.decide("closing", None, values, vec![]);
    let mut rng = super::play::Stream::new("closing");
    let mut sealed = play.seal(who, decision, &mut rng);
    sealed.id = indelible::codec::StatementId::new(play.rng.bytes());
    sealed.structure_seed = Zeroizing::new(seed);
    let authored = play.sign(who, sealed, |_| ());
    play.append(who, &[authored])[0].number
}
