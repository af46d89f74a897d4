//! What a later entry fills in counts with the first as one, also where it opens something.

use serde_json::{Value as Json, json};

use super::{Story, concern, consent, parent, share, to, with};
use crate::codec::ShortText;
use crate::decision::value::Content;
use crate::review::fact::ask;

/// The rest of a draft of this kind about Ezra.
fn rest(kind: &str, of: u64, more: Json) -> Json {
    with(json!({ "kind": kind, "case": "ezra", "refs": to("completes", of) }), more)
}

fn told(occurred: &str) -> Json {
    json!({ "kind": "family.told", "case": "ezra", "folder": "protection", "occurred_at": occurred, "persons_told": ["priya"],
        "narrative": "a", "hold_check": "no" })
}

#[test]
fn a_hold_check_that_is_answered_later_holds_the_talk_from_then_on() {
    let mut story = Story::new();
    let bare = with(concern("2026-10-05 08:50"), json!({ "hold_check": "", "concern_type": "" }));
    let seen = story.enter("sam", "2026-10-05 09:00", bare);
    story.enter("sam", "2026-10-05 09:35", told("2026-10-05 09:30"));
    let name = "PREVENT-HOLD/review";
    story.check("2026-10-05 10:00", &[(seen, name, "nothing")]);
    let more = rest("concern.observed", seen, json!({ "learned_at": "2026-10-05 08:50", "hold_check": "yes" }));
    story.enter("sam", "2026-10-05 10:10", more);
    story.check("2026-10-05 10:30", &[(seen, name, "open, due Tue 6 Oct 2026 23:59")]);
    // Whoever talked before it was answered knew nothing of it; whoever talks now does.
    let after = story.enter("sam", "2026-10-05 11:05", told("2026-10-05 11:00"));
    story.check(
        "2026-10-05 12:00",
        &[(after - 2, "PREVENT-HOLD/talked", "nothing"), (after, "PREVENT-HOLD/talked", "open")],
    );
    let released =
        json!({ "kind": "hold.released", "learned_at": "2026-10-05 13:00", "reasons": "a", "refs": to("ends", seen) });
    let released = story.enter("maria", "2026-10-05 13:10", released);
    story.check("2026-10-05 14:00", &[(seen, name, &format!("closed, due Tue 6 Oct 2026 23:59, by {released}"))]);
}

#[test]
fn a_prevent_concern_that_is_named_as_one_later_is_one() {
    let mut story = Story::new();
    let bare = with(concern("2026-10-05 08:50"), json!({ "concern_type": "" }));
    let seen = story.enter("sam", "2026-10-05 09:00", bare);
    let more = json!({ "learned_at": "2026-10-05 08:50", "concern_type": "Prevent" });
    story.enter("sam", "2026-10-05 10:10", rest("concern.observed", seen, more));
    story.check("2026-10-05 10:30", &[(seen, "PREVENT-HOLD/review", "open, due Tue 6 Oct 2026 23:59")]);
}

#[test]
fn what_was_heard_and_is_called_a_worry_later_waits_for_a_decision() {
    let mut story = Story::new();
    let heard = json!({ "kind": "info.received", "case": "ezra", "learned_at": "2026-10-05 08:50", "narrative": "a",
        "source": { "agency": "AG-HV" }, "confidential": "no", "source_wishes": "none" });
    let heard = story.enter("sam", "2026-10-05 09:00", heard);
    let name = "CONCERN-UNDECIDED/concern";
    story.check("2026-10-05 10:00", &[(heard, name, "nothing")]);
    let more = json!({ "learned_at": "2026-10-05 08:50", "concern_type": "neglect" });
    story.enter("sam", "2026-10-05 10:10", rest("info.received", heard, more));
    story.check("2026-10-05 10:30", &[(heard, name, "open, due Tue 6 Oct 2026 23:59")]);
}

#[test]
fn a_law_that_is_named_later_shortens_the_time() {
    let mut story = Story::new();
    let asked = json!({ "kind": "request.received", "case": "ezra", "learned_at": "2026-10-05 08:50", "channel": "phone",
        "purpose": "PU-SAFE", "requester": { "agency": "AG-CSC", "verified": "V-CALLBACK" }, "items_asked": [{ "what": "a" }] });
    let asked = story.enter("maria", "2026-10-05 09:00", asked);
    story.check("2026-10-05 10:00", &[(asked, "REQUEST-UNDECIDED/other", "open, due Mon 12 Oct 2026 23:59")]);
    let more = json!({ "learned_at": "2026-10-05 08:50", "duty": "D-S47" });
    story.enter("maria", "2026-10-05 10:10", rest("request.received", asked, more));
    story.check("2026-10-05 10:30", &[(asked, "REQUEST-UNDECIDED/s47", "open, due Mon 5 Oct 2026 23:59")]);
}

#[test]
fn a_basis_that_is_filled_in_has_to_fit_the_setting() {
    let mut story = Story::new();
    let nursery = Content::Code(ShortText::new("maintained_nursery").unwrap());
    story.set_up("maria", "2026-09-01 09:00", "genesis", vec![(ask::SETTING_TYPE, nursery)], &[]);
    let bare =
        with(share("2026-10-06 10:00"), json!({ "occurred_at": "2026-10-06 10:05", "basis": "", "basis_limb": "" }));
    let shared = story.enter("maria", "2026-10-06 11:00", bare);
    let basis = |code: &str| {
        let more = json!({ "folder": "protection", "occurred_at": "2026-10-06 10:05", "basis": code });
        rest("decision.share", shared, more)
    };
    let (name, due) = ("NO-BASIS/basis", "due Wed 7 Oct 2026 23:59");
    story.check("2026-10-06 12:00", &[(shared, name, &format!("open, {due}"))]);
    let unfit = story.enter("maria", "2026-10-06 12:10", basis("LB-EA"));
    story.check("2026-10-06 12:30", &[(shared, name, &format!("closed, {due}, by {unfit} | open, {due}"))]);
    let fits = story.enter("maria", "2026-10-06 13:10", basis("LB-C"));
    let both = format!("closed, {due}, by {unfit} | closed, {due}, by {fits}");
    story.check("2026-10-06 13:30", &[(shared, name, &both)]);
}

#[test]
fn consent_that_is_named_later_as_the_ground_has_to_be_there_and_to_count() {
    let bare = with(
        share("2026-10-06 10:00"),
        json!({ "occurred_at": "2026-10-06 10:05", "basis": "", "basis_limb": "", "special": "SC-A", "purpose": "PU-HEALTH" }),
    );
    let consented = json!({ "folder": "protection", "occurred_at": "2026-10-06 10:05", "basis": "LB-A" });
    let mut story = Story::new();
    let shared = story.enter("maria", "2026-10-06 11:00", bare.clone());
    story.enter("maria", "2026-10-06 12:10", rest("decision.share", shared, consented.clone()));
    assert!(story.says("2026-10-06 12:30", shared, "NO-BASIS/basis").contains("open"));
    // She had taken it back.
    let mut story = Story::new();
    story.enter("sam", "2026-10-05 09:00", parent("2026-10-05 09:00", "priya", "PR-1"));
    let yes = story.enter("sam", "2026-10-05 09:10", consent("2026-10-05 09:00", "PU-HEALTH"));
    let back = json!({ "kind": "consent.withdrawn", "case": "ezra", "learned_at": "2026-10-05 16:00", "giver": "priya",
        "purpose": "PU-HEALTH", "method": "M-PHONE", "refs": to("withdraws", yes) });
    story.enter("sam", "2026-10-05 16:10", back);
    let shared = story.enter("maria", "2026-10-06 11:00", bare);
    let name = "CONSENT-INVALID/share";
    story.check("2026-10-06 12:00", &[(shared, name, "nothing")]);
    story.enter("maria", "2026-10-06 12:10", rest("decision.share", shared, consented));
    story.check("2026-10-06 12:30", &[(shared, name, "open")]);
}
