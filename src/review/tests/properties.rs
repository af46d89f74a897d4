//! What holds of every review, whatever was entered.

use proptest::prelude::{ProptestConfig, Strategy, any, prop};
use proptest::{prop_assert, prop_assert_eq, proptest};
use serde_json::{Value as Json, json};

use super::{Story, backing, concern, consent, parent, referral, share, to, with};
use crate::review::fact::ask;
use crate::review::item::{Item, Review};
use crate::rules::clock;

/// The minutes of a story begin here: Mon 5 Oct 2026 08:00.
const BEGIN: &str = "2026-10-05 08:00";

fn text(minute: i64) -> String {
    let moment = super::at(BEGIN) + minute * 60_000;
    clock::rfc3339(moment, clock::london_offset(moment))
}

fn earlier(story: &Story, pick: u64, kinds: &[&str]) -> Option<u64> {
    let fitting: Vec<u64> =
        story.facts.iter().filter(|fact| kinds.contains(&fact.name())).map(|fact| fact.entry).collect();
    let at = usize::try_from(pick).unwrap_or(0).checked_rem(fitting.len())?;
    fitting.get(at).copied()
}

/// A share that names no basis yet.
fn without_basis(story: &Story) -> Option<u64> {
    let completed =
        |entry: u64| story.facts.iter().any(|fact| fact.carries("completes") && fact.references[0].entry == entry);
    let open = story.facts.iter().find(|fact| {
        fact.name() == "decision.share" && !fact.has(ask::BASIS) && !fact.carries("completes") && !completed(fact.entry)
    });
    open.map(|fact| fact.entry)
}

/// Some draft of many sorts, learned a while before it is recorded; none where nothing earlier fits it.
fn any_draft(story: &Story, sort: u8, pick: u64, time: &str) -> Option<Json> {
    let of = |kinds: &[&str]| earlier(story, pick, kinds);
    let when = |key: &str| json!({ key: time });
    let party = json!({ "agency": "AG-CSC", "verified": "V-CALLBACK", "reference": "a" });
    Some(match sort {
        0 => concern(time),
        1 => with(concern(time), json!({ "hold_check": "yes" })),
        2 => with(concern(time), json!({ "concern_type": "Prevent" })),
        3 => with(share(time), when("occurred_at")),
        4 => with(share(time), json!({ "refs": to("decides", of(&["concern.observed"])?) })),
        5 => with(
            with(share(time), when("occurred_at")),
            json!({ "basis": "", "refs": to("decides", of(&["concern.observed"])?) }),
        ),
        6 => backing(time, of(&["decision.share", "decision.noshare"])?),
        7 => {
            json!({ "kind": "share.done", "case": "ezra", "folder": "protection", "occurred_at": time, "recipient": party, "method": "M-PHONE",
            "refs": to("carries_out", of(&["decision.share"])?) })
        }
        8 => with(referral(time), json!({ "refs": to("decides", of(&["concern.observed"])?) })),
        9 => {
            json!({ "kind": "referral.outcome", "case": "ezra", "learned_at": time, "source": { "agency": "AG-CSC" }, "outcome": "s17",
            "refs": to("answers", of(&["referral.made"])?) })
        }
        10 => {
            json!({ "kind": "referral.chased", "case": "ezra", "learned_at": time, "recipient": party, "method": "M-PHONE",
            "refs": to("chases", of(&["referral.made"])?) })
        }
        11 => {
            json!({ "kind": "decision.noshare", "case": "ezra", "decided_at": time, "reasons": "a", "refs": to("decides", of(&["concern.observed"])?) })
        }
        12 => {
            json!({ "kind": "discussion", "case": "ezra", "learned_at": time, "attendees": [{ "person": "jon", "role": "staff" }], "narrative": "a",
            "identified": "yes", "review_at": "2026-12-01", "refs": to("reviews", of(&["decision.noshare"])?) })
        }
        13 => {
            json!({ "kind": "family.told", "case": "ezra", "folder": "protection", "occurred_at": time, "persons_told": ["priya"], "narrative": "a", "hold_check": "no",
            "refs": to("tells_of", of(&["decision.share", "referral.made"])?) })
        }
        14 => {
            json!({ "kind": "family.tell.deferred", "case": "ezra", "learned_at": time, "reasons": "a", "ns_code": "NS-2", "review_at": "2026-11-01",
            "refs": to("tells_of", of(&["decision.share", "referral.made"])?) })
        }
        15 => parent(time, "priya", "PR-1"),
        16 => consent(time, "PH-2"),
        17 => {
            json!({ "kind": "consent.withdrawn", "case": "ezra", "learned_at": time, "giver": "priya", "purpose": "PH-2", "method": "M-PHONE",
            "refs": to("withdraws", of(&["consent.given"])?) })
        }
        18 => {
            json!({ "kind": "decision.share", "case": "ezra", "folder": "protection", "decided_at": time, "basis": "LB-E",
            "refs": to("completes", without_basis(story)?) })
        }
        19 => {
            json!({ "kind": "hold.released", "learned_at": time, "reasons": "a", "refs": to("ends", of(&["concern.observed"])?) })
        }
        20 => {
            json!({ "kind": "request.received", "case": "ezra", "learned_at": time, "duty": "D-S17", "channel": "phone", "purpose": "PU-SAFE",
            "requester": { "agency": "AG-CSC", "verified": "V-CALLBACK" }, "items_asked": [{ "what": "a" }] })
        }
        21 => {
            json!({ "kind": "complaint.received", "folder": "access", "learned_at": time, "complaint_type": "both", "channel": "letter", "narrative": "a",
            "source": { "on_roll": "priya" } })
        }
        _ => {
            json!({ "kind": "breach.found", "folder": "access", "learned_at": time, "narrative": "a", "cause": "theft", "items": [{ "class": "identity", "what": "b" }] })
        }
    })
}

/// What one writes, when, and how long after it happened.
type Move = (u8, u64, usize, i64, i64);

fn told(moves: &[Move]) -> (Story, Vec<Story>) {
    let mut story = Story::new();
    let mut before = Vec::new();
    let mut minute = 0;
    for (sort, pick, who, passed, ago) in moves {
        minute += passed;
        let Some(draft) = any_draft(&story, *sort, *pick, &text(minute - ago)) else { continue };
        before.push(story.clone());
        story.enter(["maria", "jon", "ruth", "sam"][who % 4], &text(minute), draft);
    }
    (story, before)
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    prop::collection::vec((0..23u8, any::<u64>(), 0..4usize, 1..3000i64, 0..2000i64), 1..14)
}

/// Which obligation an item is, apart from its date: a review that is brought forward, and a referral that was due and was
/// not written, stay what they were.
fn same(item: &Item) -> (u64, &'static str, &'static str) {
    match item.name().as_str() {
        "NOSHARE-REVIEW/sooner" => (item.entry, "NOSHARE-REVIEW", "review"),
        "ADVICE-BECAME-REFERRAL/shown" => (item.entry, "REFERRAL-PENDING", "referral"),
        _ => (item.entry, item.flag, item.step),
    }
}

fn count(review: &Review, of: (u64, &'static str, &'static str)) -> usize {
    review.items.iter().filter(|item| same(item) == of).count()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// An item that is there stays; what closes it is the new entry, or what the new entry completes.
    #[test]
    fn an_entry_removes_no_flag_but_by_closing_it(moves in moves()) {
        let (story, befores) = told(&moves);
        let mut stories = befores;
        stories.push(story);
        for pair in stories.windows(2) {
            let [before, after] = pair else { continue };
            let new = after.facts.last().unwrap();
            let now = new.recorded + 1000;
            let (old, fresh) = (before.review_at(now), after.review_at(now));
            for item in &old.items {
                let there: Vec<&Item> = fresh.items.iter().filter(|other| same(other) == same(item)).collect();
                // How often somebody had to be chased follows from when the answer came.
                let chase = item.flag == "CHASE";
                prop_assert!(chase || there.len() >= count(&old, same(item)), "{} lost {:?}", new.name(), item);
                if item.closed.is_none() {
                    continue;
                }
                // Closed before, closed still.
                prop_assert!(chase || there.iter().any(|other| other.closed.is_some()), "{} opened {:?}", new.name(), item);
            }
            for item in fresh.items.iter().filter(|item| item.closed.is_some() && item.entry != new.entry) {
                // What begins only now may have been done before, such as telling the family before the share.
                let mut stood = old.items.iter().filter(|other| same(other) == same(item)).peekable();
                let was = stood.peek().is_none() || stood.any(|other| other.closed.is_some());
                let by = item.closed.unwrap().by;
                let completed = new.references.iter().any(|to| to.entry == by);
                prop_assert!(was || by == new.entry || completed || item.flag == "CHASE", "{} is no reason for {:?}", new.name(), item);
            }
        }
    }

    /// What is learned later is never due earlier.
    #[test]
    fn deadlines_follow_the_time_of_receipt(sort in prop::sample::select(vec![0u8, 1, 2, 3, 8, 16, 20, 21, 22]), first in 0..200_000i64, later in 0..200_000i64) {
        let (early, late) = (first.min(later), first.max(later));
        let due = |minute: i64| {
            let mut story = Story::new();
            story.enter("sam", &text(0), with(concern(&text(0)), json!({ "case": "ezra" })));
            let draft = any_draft(&story, sort, 0, &text(minute)).unwrap();
            let entry = story.enter("maria", &text(minute), draft);
            let review = story.review_at(super::at(BEGIN) + minute * 60_000);
            review.of(entry).map(|item| (item.name(), item.due)).collect::<Vec<_>>()
        };
        let (before, after) = (due(early), due(late));
        prop_assert!(!before.is_empty());
        for (name, due) in &before {
            let other = after.iter().find(|(other, _)| other == name);
            prop_assert!(other.is_some_and(|(_, later)| due <= later), "{name}: {due:?} {other:?}");
        }
    }

    /// The same entries at the same time give the same review, asked in whatever order.
    #[test]
    fn asking_changes_nothing(moves in moves(), asked in prop::collection::vec(0..60_000i64, 1..6)) {
        let (story, _) = told(&moves);
        let times: Vec<i64> = asked.iter().map(|minute| super::at(BEGIN) + minute * 60_000).collect();
        let forward: Vec<Review> = times.iter().map(|now| story.review_at(*now)).collect();
        let backward: Vec<Review> = times.iter().rev().map(|now| story.clone().review_at(*now)).collect();
        for (one, other) in forward.iter().zip(backward.iter().rev()) {
            prop_assert_eq!(one, other);
        }
    }

    /// What counts for certain while some entries cannot be read counts with all of them too.
    #[test]
    fn nobody_is_accused_of_what_was_done_elsewhere(moves in moves(), hidden in any::<u16>(), wait in 0..100_000i64) {
        let (story, _) = told(&moves);
        let now = story.facts.last().map_or(super::at(BEGIN), |fact| fact.recorded) + wait * 60_000;
        let whole = story.review_at(now);
        let part = story.seen_at(now, false, |fact| hidden & (1 << (fact.entry % 16)) == 0);
        for item in part.items.iter().filter(|item| item.counts_against(now) && !item.unsure) {
            let there = |other: &&Item| same(other) == same(item) && other.counts_against(now);
            prop_assert!(whole.items.iter().any(|other| there(&other)), "{item:?} is made good by what is hidden");
        }
    }

    /// Time alone closes nothing and opens what was closed never again.
    #[test]
    fn time_only_makes_late(moves in moves(), wait in 0..100_000i64) {
        let (story, _) = told(&moves);
        let now = story.facts.last().map_or(super::at(BEGIN), |fact| fact.recorded);
        let (before, after) = (story.review_at(now), story.review_at(now + wait * 60_000));
        for item in before.items.iter().filter(|item| item.flag != "CHASE") {
            let there = after.items.iter().find(|other| same(other) == same(item) && other.since == item.since || same(other) == same(item) && other.flag == "ADVICE-BECAME-REFERRAL");
            prop_assert!(there.is_some_and(|other| other.closed == item.closed), "{item:?} became {there:?}");
        }
    }
}
