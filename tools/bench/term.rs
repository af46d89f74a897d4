//! A term in a large setting: many cases, each with a concern, a request, consents, shares and what follows from them.

use std::fs;

use indelible::decision::draft::Draft;
use indelible::ledger::record::Outcome;
use indelible::store::durable;
use serde_json::{Value as Json, json};

use crate::make::{Made, START, base};

/// When the review is made: some weeks after the term began.
pub const NOW: i64 = START + 90 * 86_400_000;
/// Entries of one round of a case.
const ROUND: u64 = 10;

/// Returns a ledger of so many entries in so many cases, made once and kept.
pub fn of(entries: u64, cases: u64) -> Made {
    let made = Made { folder: base().join(format!("term-{entries}-{cases}")) };
    let done = made.folder.join("done");
    if done.exists() {
        return made;
    }
    println!("making a term of {entries} entries in {cases} cases, in {}", made.folder.display());
    drop(fs::remove_dir_all(&made.folder));
    made.set_up();
    let mut rng = durable::entropy();
    let mut desk = made.desk(0);
    for case in 0..cases {
        desk.open_case(&handle(case), "A child", &|| START + 1000, &mut rng).unwrap();
    }
    let mut first = desk.ledger.size();
    let mut drafts: Vec<Draft> = Vec::new();
    let rounds = entries / ROUND;
    for round in 0..rounds {
        let number = first + drafts.len() as u64;
        let all = story(&handle(round % cases), number, round).into_iter();
        drafts.extend(all.map(|draft| Draft::from_json(&draft).unwrap()));
        if drafts.len() as u64 >= 1000 * ROUND || round + 1 == rounds {
            let now = START + 30 * 86_400_000 + i64::try_from(round).unwrap() * 1000;
            let outcomes = desk.record_all(&drafts, true, &|| now, &mut rng, &mut |_, _| ()).unwrap();
            let entered = |outcome: &Outcome| matches!(outcome, Outcome::Entered { .. });
            assert!(outcomes.iter().all(entered), "{:?}", outcomes.iter().find(|outcome| !entered(outcome)));
            drafts.clear();
            first = desk.ledger.size();
        }
    }
    fs::write(done, "").unwrap();
    made
}

fn handle(case: u64) -> String {
    format!("c{case}")
}

/// Ten entries of one case, the first of which gets this number.
fn story(case: &str, n: u64, round: u64) -> Vec<Json> {
    let day = format!("2026-10-{:02}", 6 + round % 20);
    let at = |hour: &str| format!("{day} {hour}");
    let party =
        json!({"agency": "AG-HV", "person": "Dana F.", "verified": "V-CALLBACK", "reference": "r", "contact": "c"});
    let item = json!([{"class": "development", "what": "what we saw", "statement_type": "fact"}]);
    vec![
        json!({"kind": "concern.observed", "case": case, "learned_at": at("08:10"), "narrative": "seen", "reasons": "a pattern",
               "hold_check": "no", "concern_type": "neglect", "parents_side": "asked"}),
        json!({"kind": "request.received", "case": case, "learned_at": at("08:20"), "requester": party, "items_asked": item,
               "purpose": "PU-HEALTH", "channel": "phone", "duty": "D-0"}),
        json!({"kind": "consent.given", "case": case, "learned_at": at("08:30"), "giver": {"name": "Mother"},
               "purpose": "PU-HEALTH", "method": "M-FACE",
               "explained": {"why": "a", "what": "b", "who_sees": "c", "purpose": "d", "implications": "e"},
               "assured": {"capacity": "yes", "freely_given": "yes", "no_coercion": "yes", "withdrawal_explained": "yes"}}),
        json!({"kind": "decision.share", "case": case, "decided_at": at("08:40"), "occurred_at": at("08:50"), "decided_by": "p0",
               "recipient": party, "items": item, "items_withheld": [], "purpose": "PU-HEALTH", "basis": "LB-A",
               "method": "M-PHONE", "reasons": "asked for it", "refs": [{"relation": "answers", "entry": n + 1},
               {"relation": "relies_on", "entry": n + 2}, {"relation": "decides", "entry": n}]}),
        json!({"kind": "discussion", "case": case, "learned_at": at("09:00"), "attendees": [{"person": "p0", "role": "staff"}],
               "narrative": "talked it over", "identified": "yes", "refs": [{"relation": "follows", "entry": n}]}),
        json!({"kind": "concern.observed", "case": case, "learned_at": at("09:10"), "narrative": "again", "reasons": "again",
               "hold_check": "no", "concern_type": "neglect", "parents_side": "asked"}),
        json!({"kind": "decision.noshare", "case": case, "decided_at": at("09:20"), "decided_by": "p0", "no_code": "NO-1",
               "reasons": "below the threshold", "requester_told": {"how": "told"}, "review_at": "2026-11-06",
               "refs": [{"relation": "decides", "entry": n + 5}]}),
        json!({"kind": "discussion", "case": case, "learned_at": at("09:30"), "attendees": [{"person": "p0", "role": "staff"}],
               "narrative": "looked again", "identified": "yes", "review_at": "2026-12-01",
               "refs": [{"relation": "reviews", "entry": n + 6}]}),
        json!({"kind": "family.told", "case": case, "occurred_at": at("09:40"), "persons_told": [{"name": "Mother"}],
               "narrative": "told her", "hold_check": "no", "refs": [{"relation": "tells_of", "entry": n + 3}]}),
        json!({"kind": "info.received", "case": case, "learned_at": at("09:50"), "source": party, "narrative": "news",
               "confidential": "no", "source_wishes": "none"}),
    ]
}
