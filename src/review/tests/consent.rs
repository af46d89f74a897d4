//! Consents, row by row of the table of flags and of the states.

use serde_json::{Value as Json, json};

use super::{Story, consent, parent, share, to, with};
use crate::review::item::Standing;

fn withdrawn(learned: &str, purpose: &str) -> Json {
    json!({ "kind": "consent.withdrawn", "case": "ezra", "learned_at": learned, "giver": "priya", "purpose": purpose, "method": "M-PHONE" })
}

fn on_consent(occurred: &str, yes: u64) -> Json {
    let more = json!({ "occurred_at": occurred, "basis": "LB-A", "special": "SC-A", "refs": to("relies_on", yes) });
    with(share(occurred), more)
}

#[test]
fn a_consent_that_lacks_something_does_not_count_until_it_is_filled_in() {
    let mut story = Story::new();
    story.enter("sam", "2026-10-05 09:00", parent("2026-10-05 09:00", "priya", "PR-1"));
    let part = with(
        consent("2026-10-05 09:00", "PU-HEALTH"),
        json!({ "assured": { "capacity": "yes", "freely_given": "yes", "no_coercion": "not_known", "withdrawal_explained": "yes" } }),
    );
    let yes = story.enter("sam", "2026-10-05 09:10", part);
    let name = "CONSENT-INVALID/consent";
    story.check("2026-10-05 10:00", &[(yes, name, "open, due Mon 12 Oct 2026 23:59"), (yes, "NO-PR/shown", "nothing")]);
    assert!(matches!(story.standing(yes, "2026-10-05 10:00"), Standing::NotValid(_)));
    let shared = story.enter("maria", "2026-10-06 11:00", on_consent("2026-10-06 10:00", yes));
    story.check("2026-10-06 12:00", &[(shared, "CONSENT-INVALID/share", "open")]);
    assert!(
        story
            .review_at(super::at("2026-10-06 12:00"))
            .of(shared)
            .any(|item| item.name() == "CONSENT-INVALID/share" && item.is_red(0))
    );
    // Decided again on another ground, it is made good, and stays to be seen.
    let again = with(share("2026-10-06 13:00"), json!({ "refs": to("reviews", shared) }));
    let again = story.enter("maria", "2026-10-06 13:00", again);
    story.check("2026-10-06 14:00", &[(shared, "CONSENT-INVALID/share", &format!("closed, by {again}"))]);
    let new = story.enter("sam", "2026-10-07 09:10", consent("2026-10-07 09:00", "PU-HEALTH"));
    story.check("2026-10-07 10:00", &[(yes, name, &format!("closed, due Mon 12 Oct 2026 23:59, by {new}"))]);
    assert_eq!(story.standing(new, "2026-10-07 10:00"), Standing::Valid { noted: false });
}

#[test]
fn no_pr_until_it_is_shown() {
    let mut story = Story::new();
    let yes = story.enter("sam", "2026-10-05 09:10", consent("2026-10-05 09:00", "PU-HEALTH"));
    story.check("2026-10-05 10:00", &[(yes, "NO-PR/shown", "open, due Mon 12 Oct 2026 23:59")]);
    story.enter("sam", "2026-10-06 09:00", parent("2026-10-06 09:00", "priya", "PR-0"));
    story.check("2026-10-13 00:00", &[(yes, "NO-PR/shown", "overdue, due Mon 12 Oct 2026 23:59")]);
    let shown = story.enter("sam", "2026-10-07 09:00", parent("2026-10-07 09:00", "priya", "PR-5"));
    story.check("2026-10-13 00:00", &[(yes, "NO-PR/shown", &format!("closed, due Mon 12 Oct 2026 23:59, by {shown}"))]);
    assert_eq!(story.standing(yes, "2026-10-13 00:00"), Standing::Valid { noted: false });
    let end = json!({ "kind": "relation.end", "case": "ezra", "learned_at": "2026-10-20 09:00", "person": "priya", "other_person": { "name": "Ezra" },
        "ends_at": "2026-10-20", "reasons": "order", "refs": to("ends", shown) });
    story.enter("sam", "2026-10-20 09:10", end);
    assert!(matches!(story.standing(yes, "2026-10-21 00:00"), Standing::NotValid(_)));
    assert!(story.standing(yes, "2026-10-19 00:00").counts());
}

#[test]
fn where_a_consent_stands_over_time() {
    let mut story = Story::new();
    story.enter("sam", "2026-10-05 09:00", parent("2026-10-05 09:00", "priya", "PR-1"));
    story.enter("sam", "2026-10-05 09:00", parent("2026-10-05 09:00", "rob", "PR-3"));
    let first = story.enter(
        "sam",
        "2026-10-05 09:10",
        with(consent("2026-10-05 09:00", "PU-HEALTH"), json!({ "ends_at": "2026-10-31" })),
    );
    assert!(story.standing(first, "2026-10-31 23:59").counts());
    assert_eq!(story.standing(first, "2026-11-01 00:00"), Standing::Expired);
    let new = with(consent("2026-11-02 09:00", "PU-HEALTH"), json!({ "refs": to("renews", first) }));
    let new = story.enter("sam", "2026-11-02 09:10", new);
    assert_eq!(story.standing(first, "2026-11-02 10:00"), Standing::Renewed(new));
    // The other parent says no, without naming her yes.
    let no = json!({ "kind": "consent.refused", "case": "ezra", "learned_at": "2026-11-03 09:00", "giver": "rob", "purpose": ["PU-HEALTH"] });
    let no = story.enter("sam", "2026-11-03 09:10", no);
    assert!(story.standing(new, "2026-11-03 08:59").counts());
    assert_eq!(story.standing(new, "2026-11-03 10:00"), Standing::Disputed(no));
    let dispute = json!({ "kind": "dispute.open", "case": "ezra", "learned_at": "2026-11-03 11:00", "person": "rob", "narrative": "a", "refs": to("disputes", new) });
    let dispute = story.enter("maria", "2026-11-03 11:10", dispute);
    story.check("2026-11-03 12:00", &[(dispute, "DISPUTE/review", "open, due Tue 10 Nov 2026 23:59")]);
    let closed = json!({ "kind": "dispute.closed", "case": "ezra", "learned_at": "2026-11-09 11:00", "reasons": "a", "decided_by": "maria", "refs": to("ends", dispute) });
    let closed = story.enter("maria", "2026-11-09 11:10", closed);
    story.check(
        "2026-11-12 12:00",
        &[(dispute, "DISPUTE/review", &format!("closed, due Tue 10 Nov 2026 23:59, by {closed}"))],
    );
    assert!(story.standing(new, "2026-11-10 10:00").counts());
    // Taken back without naming it: from that minute on, and the one before it rests on it too.
    let end = story.enter("sam", "2026-11-12 16:31", withdrawn("2026-11-12 16:20", "PU-HEALTH"));
    assert!(story.standing(new, "2026-11-12 16:19").counts());
    assert_eq!(story.standing(new, "2026-11-12 16:20"), Standing::Withdrawn(end));
    assert!(!story.standing(first, "2026-11-12 16:20").counts());
    // A refusal by somebody without responsibility disputes nothing.
    let mut story = Story::new();
    story.enter("sam", "2026-10-05 09:00", parent("2026-10-05 09:00", "priya", "PR-1"));
    let yes = story.enter("sam", "2026-10-05 09:10", consent("2026-10-05 09:00", "PU-HEALTH"));
    let no = json!({ "kind": "consent.refused", "case": "ezra", "learned_at": "2026-11-03 09:00", "giver": "edith", "purpose": ["PU-HEALTH"] });
    story.enter("sam", "2026-11-03 09:10", no);
    assert!(story.standing(yes, "2026-11-04 10:00").counts());
}

#[test]
fn a_withdrawal_is_followed_up_with_everybody_who_was_served() {
    let mut story = Story::new();
    story.enter("sam", "2026-10-05 09:00", parent("2026-10-05 09:00", "priya", "PR-1"));
    let yes = story.enter("sam", "2026-10-05 09:10", consent("2026-10-05 09:00", "PU-HEALTH"));
    let photos = story.enter("sam", "2026-10-05 09:10", consent("2026-10-05 09:00", "PH-2"));
    story.enter("maria", "2026-10-06 11:00", on_consent("2026-10-06 10:00", yes));
    let end = with(withdrawn("2026-11-12 16:20", "PU-HEALTH"), json!({ "refs": to("withdraws", yes) }));
    let end = story.enter("sam", "2026-11-12 16:31", end);
    let taken = with(withdrawn("2026-11-12 16:20", "PH-2"), json!({ "refs": to("withdraws", photos) }));
    let taken = story.enter("sam", "2026-11-12 16:31", taken);
    let (tell, remove) = ("WITHDRAWAL-FOLLOW-UP/tell", "WITHDRAWAL-FOLLOW-UP/remove");
    let open = "open, due Thu 19 Nov 2026 23:59";
    story.check(
        "2026-11-13 10:00",
        &[(end, tell, open), (end, remove, "nothing"), (taken, remove, open), (taken, tell, "nothing")],
    );
    // Another share with the same agency tells them nothing.
    let other = story.enter("maria", "2026-11-16 09:00", share("2026-11-16 09:00"));
    let done = |occurred: &str, refs: Json| {
        json!({ "kind": "share.done", "case": "ezra", "folder": "protection", "occurred_at": occurred, "method": "M-PORTAL",
            "recipient": { "agency": "AG-HV", "verified": "V-KNOWN", "reference": "c" }, "refs": refs })
    };
    story.enter("maria", "2026-11-16 10:10", done("2026-11-16 10:00", to("carries_out", other)));
    story.check("2026-11-16 11:00", &[(end, tell, open)]);
    let told = story.enter("maria", "2026-11-17 10:10", done("2026-11-17 10:00", to("about", end)));
    let removed = json!({ "kind": "consent.withdrawn", "case": "ezra", "learned_at": "2026-11-17 10:00", "remedy": "taken out", "refs": to("completes", taken) });
    let removed = story.enter("sam", "2026-11-17 10:20", removed);
    let closed = |by: u64| format!("closed, due Thu 19 Nov 2026 23:59, by {by}");
    story.check("2026-11-17 11:00", &[(end, tell, &closed(told)), (taken, remove, &closed(removed))]);
    // What was shared before stays good; what is shared after does not rest on it.
    let after = story.enter("maria", "2026-11-18 11:00", on_consent("2026-11-18 10:00", yes));
    story.check(
        "2026-11-18 12:00",
        &[(3, "CONSENT-INVALID/share", "nothing"), (after, "CONSENT-INVALID/share", "open")],
    );
}

#[test]
fn a_looked_after_childs_authority_is_asked_first() {
    let mut story = Story::new();
    let carer = with(
        parent("2026-10-05 09:00", "lee", "PR-0"),
        json!({ "relationship": "foster_carer", "looked_after": "s31" }),
    );
    story.enter("sam", "2026-10-05 09:00", carer);
    let missing = story.enter(
        "maria",
        "2026-10-06 11:00",
        with(share("2026-10-06 10:00"), json!({ "occurred_at": "2026-10-06 10:05" })),
    );
    let social_care = json!({ "occurred_at": "2026-10-06 10:05", "recipient": { "agency": "AG-CSC", "verified": "V-CALLBACK", "reference": "c" } });
    let social_care = story.enter("maria", "2026-10-06 11:00", with(share("2026-10-06 10:00"), social_care));
    let name = "LA-CONSULT-MISSING/consult";
    story.check("2026-10-06 12:00", &[(missing, name, "open"), (social_care, name, "nothing")]);
    let asked = json!({ "kind": "la.consulted", "case": "ezra", "learned_at": "2026-10-07 09:00", "adviser": { "agency": "AG-CSC" }, "narrative": "a", "looked_after": "s31" });
    let asked = story.enter("maria", "2026-10-07 09:10", asked);
    let after = story.enter(
        "maria",
        "2026-10-08 11:00",
        with(share("2026-10-08 10:00"), json!({ "occurred_at": "2026-10-08 10:05" })),
    );
    story.check("2026-10-08 12:00", &[(missing, name, &format!("closed, by {asked}")), (after, name, "nothing")]);
}

#[test]
fn a_share_that_names_consent_and_no_entry_rests_on_the_newest_yes() {
    let mut story = Story::new();
    story.enter("sam", "2026-10-05 09:00", parent("2026-10-05 09:00", "priya", "PR-1"));
    story.enter("sam", "2026-10-05 09:10", consent("2026-10-05 09:00", "PU-HEALTH"));
    let health =
        json!({ "occurred_at": "2026-10-06 10:00", "basis": "LB-A", "special": "SC-A", "purpose": "PU-HEALTH" });
    let shared = story.enter("maria", "2026-10-06 11:00", with(share("2026-10-06 10:00"), health.clone()));
    let other = with(with(share("2026-10-06 10:00"), health), json!({ "purpose": "PU-SEND" }));
    let other = story.enter("maria", "2026-10-06 11:10", other);
    story.check(
        "2026-10-06 12:00",
        &[(shared, "FAMILY-TELL/tell", "nothing"), (other, "FAMILY-TELL/tell", "open, due Tue 6 Oct 2026 23:59")],
    );
    // Who was served under it is to be told that it is taken back.
    let back = story.enter("sam", "2026-11-12 16:31", withdrawn("2026-11-12 16:20", "PU-HEALTH"));
    story.check("2026-11-12 17:00", &[(back, "WITHDRAWAL-FOLLOW-UP/tell", "open, due Thu 19 Nov 2026 23:59")]);
}

#[test]
fn what_another_parent_takes_back_is_their_objection() {
    let mut story = Story::new();
    story.enter("sam", "2026-10-05 09:00", parent("2026-10-05 09:00", "priya", "PR-1"));
    let yes = story.enter("sam", "2026-10-05 09:10", consent("2026-10-05 09:00", "PU-HEALTH"));
    let no = with(withdrawn("2026-10-07 10:00", "PU-HEALTH"), json!({ "giver": "rob" }));
    let no = story.enter("sam", "2026-10-07 10:10", no);
    // Nothing says yet that he may.
    assert!(story.standing(yes, "2026-10-07 12:00").counts());
    story.enter("sam", "2026-10-08 09:00", parent("2026-10-05 09:00", "rob", "PR-2"));
    assert!(story.standing(yes, "2026-10-07 09:59").counts());
    assert_eq!(story.standing(yes, "2026-10-08 12:00"), Standing::Disputed(no));
    // Another purpose is another matter.
    let other = story.enter("sam", "2026-10-08 10:10", consent("2026-10-05 09:00", "PU-SEND"));
    assert!(story.standing(other, "2026-10-08 12:00").counts());
}

/// A share for health that Ezra's mother agreed to, and that names no ground.
fn groundless() -> (Story, u64, u64) {
    let mut story = Story::new();
    story.enter("sam", "2026-10-05 09:00", parent("2026-10-05 09:00", "priya", "PR-1"));
    let yes = story.enter("sam", "2026-10-05 09:10", consent("2026-10-05 09:00", "PU-HEALTH"));
    let bare =
        json!({ "occurred_at": "2026-10-06 10:00", "basis": "", "basis_limb": "", "special": "SC-A", "purpose": "" });
    let shared = story.enter("maria", "2026-10-06 11:00", with(share("2026-10-06 10:00"), bare));
    (story, yes, shared)
}

fn filled_in(story: &mut Story, recorded: &str, of: u64, more: Json) -> u64 {
    let draft = json!({ "kind": "decision.share", "case": "ezra", "folder": "protection",
        "occurred_at": "2026-10-06 10:00", "refs": to("completes", of) });
    story.enter("maria", recorded, with(draft, more))
}

const TELL: &str = "WITHDRAWAL-FOLLOW-UP/tell";
const FAMILY: &str = "FAMILY-TELL/tell";

#[test]
fn a_share_rests_on_consent_also_where_its_ground_is_filled_in_later() {
    let (mut story, _, shared) = groundless();
    story.check("2026-10-06 12:00", &[(shared, FAMILY, "open, due Tue 6 Oct 2026 23:59")]);
    let ground = json!({ "basis": "LB-A", "purpose": "PU-HEALTH" });
    let more = filled_in(&mut story, "2026-10-06 12:10", shared, ground);
    let closed = format!("closed, due Tue 6 Oct 2026 23:59, by {more}");
    story.check("2026-10-06 12:30", &[(shared, FAMILY, &closed), (shared, "CONSENT-INVALID/share", "nothing")]);
    let back = story.enter("sam", "2026-11-12 16:31", withdrawn("2026-11-12 16:20", "PU-HEALTH"));
    story.check("2026-11-12 17:00", &[(back, TELL, "open, due Thu 19 Nov 2026 23:59"), (more, TELL, "nothing")]);
    // Filled in only after the withdrawal, it was served under the consent all the same.
    let (mut story, _, shared) = groundless();
    let back = story.enter("sam", "2026-11-12 16:31", withdrawn("2026-11-12 16:20", "PU-HEALTH"));
    story.check("2026-11-12 17:00", &[(back, TELL, "nothing")]);
    filled_in(&mut story, "2026-11-13 09:00", shared, json!({ "basis": "LB-A", "purpose": "PU-HEALTH" }));
    story.check("2026-11-13 10:00", &[(back, TELL, "open, due Thu 19 Nov 2026 23:59")]);
}

#[test]
fn a_consent_that_is_named_later_is_what_the_share_rests_on() {
    // Named for a purpose of its own, it is found by the name alone.
    let named = |yes: u64, of: u64| json!([{ "relation": "completes", "entry": of }, { "relation": "relies_on", "entry": yes }]);
    let (mut story, yes, shared) = groundless();
    let ground = json!({ "basis": "LB-A", "purpose": "PU-SEND", "refs": named(yes, shared) });
    let more = filled_in(&mut story, "2026-10-06 12:10", shared, ground);
    let closed = format!("closed, due Tue 6 Oct 2026 23:59, by {more}");
    story.check("2026-10-06 12:30", &[(shared, FAMILY, &closed)]);
    let back = with(withdrawn("2026-11-12 16:20", "PU-HEALTH"), json!({ "refs": to("withdraws", yes) }));
    let back = story.enter("sam", "2026-11-12 16:31", back);
    story.check("2026-11-12 17:00", &[(back, TELL, "open, due Thu 19 Nov 2026 23:59")]);
    // One that did not count is seen, and stays to be seen when the one that was meant is named.
    let mut story = Story::new();
    story.enter("sam", "2026-10-05 09:00", parent("2026-10-05 09:00", "priya", "PR-1"));
    let yes = story.enter("sam", "2026-10-05 09:10", consent("2026-10-05 09:00", "PU-SEND"));
    let no = json!({ "kind": "consent.refused", "case": "ezra", "learned_at": "2026-10-05 10:00", "giver": "priya", "purpose": ["PU-HEALTH"] });
    story.enter("sam", "2026-10-05 10:10", no);
    let health = json!({ "occurred_at": "2026-10-06 10:00", "basis": "LB-A", "special": "", "purpose": "PU-HEALTH" });
    let shared = story.enter("maria", "2026-10-06 11:00", with(share("2026-10-06 10:00"), health));
    let name = "CONSENT-INVALID/share";
    story.check("2026-10-06 12:00", &[(shared, name, "open")]);
    let more =
        filled_in(&mut story, "2026-10-06 12:10", shared, json!({ "special": "SC-A", "refs": named(yes, shared) }));
    story.check("2026-10-06 12:30", &[(shared, name, &format!("closed, by {more}"))]);
    // What was said only after the share is no ground of it, whoever names it.
    let (mut story, _, shared) = groundless();
    let late = story.enter("sam", "2026-10-07 09:10", consent("2026-10-07 09:00", "PU-SEND"));
    let ground = json!({ "basis": "LB-A", "purpose": "PU-SEND", "refs": named(late, shared) });
    filled_in(&mut story, "2026-10-07 09:20", shared, ground);
    story.check("2026-10-06 12:30", &[(shared, FAMILY, "open, due Tue 6 Oct 2026 23:59")]);
    assert!(story.says("2026-10-07 10:00", shared, "NO-BASIS/basis").contains("open"));
    // Named later, one that was said before makes good that none was named, and what was missing stays to be seen.
    let (mut story, yes, _) = groundless();
    let send = json!({ "occurred_at": "2026-10-06 10:00", "basis": "LB-A", "special": "", "purpose": "PU-SEND" });
    let shared = story.enter("maria", "2026-10-06 11:10", with(share("2026-10-06 10:00"), send));
    let due = "due Wed 7 Oct 2026 23:59";
    story.check("2026-10-06 12:00", &[(shared, "NO-BASIS/basis", &format!("open, {due}"))]);
    let more =
        filled_in(&mut story, "2026-10-06 12:10", shared, json!({ "special": "SC-A", "refs": named(yes, shared) }));
    story.check("2026-10-06 12:30", &[(shared, "NO-BASIS/basis", &format!("closed, {due}, by {more}"))]);
}
