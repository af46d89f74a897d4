//! What is said of items while some entries cannot be read.

use serde_json::json;

use super::{Story, at, backing, concern, share, to, with};
use crate::codec::Folder;
use crate::review::fact::Fact;
use crate::review::item::Review;

fn marks(review: &Review) -> Vec<(u64, String, bool)> {
    let against = review.items.iter().filter(|item| item.counts_against(review.now));
    against.map(|item| (item.entry, item.name(), item.unsure)).collect()
}

#[test]
fn who_reads_a_part_is_told_what_may_have_been_put_right_elsewhere() {
    let mut story = Story::new();
    let concern = story.enter("sam", "2026-10-06 09:00", concern("2026-10-06 08:50"));
    let decided =
        with(share("2026-10-06 11:00"), json!({ "occurred_at": "2026-10-06 11:00", "refs": to("decides", concern) }));
    let share = story.enter("maria", "2026-10-06 11:05", decided);
    let now = at("2026-10-09 09:00");
    // To Sam alone the concern stays undecided; it was decided.
    let part = story.seen_at(now, false, |fact| fact.entry == concern);
    let seen = marks(&part);
    assert_eq!(seen.first(), Some(&(concern, "CONCERN-UNDECIDED/concern".to_owned(), true)));
    assert!(seen.iter().all(|(_, _, unsure)| *unsure) && part.unsure() == seen.len());
    // Who reads all is sure of all.
    let whole = story.review_at(now);
    assert!(whole.unsure() == 0 && whole.of(concern).any(|item| item.closed.is_some_and(|closed| closed.by == share)));
}

#[test]
fn who_oversees_doubts_only_what_is_put_right_in_folders_that_open_to_few() {
    let mut story = Story::new();
    let emergency = with(share("2026-10-06 10:46"), json!({ "occurred_at": "2026-10-06 10:46", "risk_level": "RL-4" }));
    let share = story.enter("sam", "2026-10-06 11:00", emergency);
    let told = json!({ "kind": "ofsted.notified", "case": "ezra", "folder": "staff", "occurred_at": "2026-10-07 10:00", "notifiable": "no",
        "reasons": "a", "method": "M-PHONE", "recipient": { "agency": "AG-OFSTED", "verified": "V-KNOWN", "reference": "b" }, "refs": to("decides", share) });
    story.enter("jon", "2026-10-07 10:10", told);
    let now = at("2026-10-21 09:00");
    let seen = marks(&story.seen_at(now, true, |fact| fact.folder() != Folder::Staff));
    let of = |name: &str| seen.iter().find(|(_, known, _)| known == name).map(|(_, _, unsure)| *unsure);
    assert_eq!((of("OFSTED-DUE/ofsted"), of("UNBACKED/backing")), (Some(true), Some(false)));
    assert!(marks(&story.review_at(now)).iter().all(|(_, name, _)| name != "OFSTED-DUE/ofsted"));
}

#[test]
fn a_wrong_role_is_certain_whatever_cannot_be_read() {
    let mut story = Story::new();
    let share = story.enter("maria", "2026-10-06 11:05", share("2026-10-06 11:00"));
    let backed = story.enter("sam", "2026-10-06 12:00", backing("2026-10-06 11:50", share));
    let sees = |fact: &Fact| fact.entry == backed || fact.entry == share;
    story.enter("maria", "2026-10-06 13:00", concern("2026-10-06 12:50"));
    let seen = marks(&story.seen_at(at("2026-10-06 14:00"), false, sees));
    assert!(seen.contains(&(backed, "ROLE-INVALID/shown".to_owned(), false)), "{seen:?}");
}
