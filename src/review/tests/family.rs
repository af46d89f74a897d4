//! The family, row by row of the table of flags.

use serde_json::{Value as Json, json};

use super::{Story, concern, consent, parent, share, to, with};

fn deferred(learned: &str, review: &str, of: u64) -> Json {
    json!({ "kind": "family.tell.deferred", "case": "ezra", "folder": "protection", "learned_at": learned, "reasons": "a", "ns_code": "NS-2",
        "review_at": review, "refs": to("tells_of", of) })
}

fn told(occurred: &str, of: u64) -> Json {
    json!({ "kind": "family.told", "case": "ezra", "folder": "protection", "occurred_at": occurred, "persons_told": ["priya"], "narrative": "a",
        "hold_check": "no", "refs": to("tells_of", of) })
}

#[test]
fn the_family_is_told_that_day_and_a_deferral_only_moves_the_date() {
    let mut story = Story::new();
    let shared = with(share("2026-10-06 10:00"), json!({ "occurred_at": "2026-10-06 10:05" }));
    let shared = story.enter("maria", "2026-10-06 11:00", shared);
    let name = "FAMILY-TELL/tell";
    story.check("2026-10-06 12:00", &[(shared, name, "open, due Tue 6 Oct 2026 23:59")]);
    story.enter("maria", "2026-10-06 12:10", deferred("2026-10-06 12:00", "2026-10-08 16:00", shared));
    story.check("2026-10-08 16:00", &[(shared, name, "open, due Thu 8 Oct 2026 16:00")]);
    story.check("2026-10-08 16:01", &[(shared, name, "overdue, due Thu 8 Oct 2026 16:00")]);
    // Without a date it is that day's end again.
    story.enter("maria", "2026-10-08 16:10", deferred("2026-10-08 16:05", "", shared));
    story.check("2026-10-08 17:00", &[(shared, name, "open, due Thu 8 Oct 2026 23:59")]);
    let talk = story.enter("maria", "2026-10-08 18:10", told("2026-10-08 18:00", shared));
    story.check("2026-10-09 17:00", &[(shared, name, &format!("closed, due Thu 8 Oct 2026 23:59, by {talk}"))]);
    // A talk that is only planned closes nothing.
    let other = with(share("2026-10-12 10:00"), json!({ "occurred_at": "2026-10-12 10:05" }));
    let other = story.enter("maria", "2026-10-12 11:00", other);
    story.enter("maria", "2026-10-12 11:10", told("2026-10-12 18:00", other));
    story.check("2026-10-12 12:00", &[(other, name, "open, due Mon 12 Oct 2026 23:59")]);
}

#[test]
fn what_rests_on_a_valid_consent_needs_no_telling() {
    let mut story = Story::new();
    story.enter("sam", "2026-10-05 09:00", parent("2026-10-05 09:00", "priya", "PR-1"));
    let yes = story.enter("sam", "2026-10-05 09:10", consent("2026-10-05 09:00", "PU-HEALTH"));
    let more =
        json!({ "occurred_at": "2026-10-06 10:05", "basis": "LB-A", "special": "SC-A", "refs": to("relies_on", yes) });
    let shared = story.enter("maria", "2026-10-06 11:00", with(share("2026-10-06 10:00"), more));
    story.check(
        "2026-10-06 12:00",
        &[(shared, "FAMILY-TELL/tell", "nothing"), (shared, "CONSENT-INVALID/share", "nothing")],
    );
}

fn advice(learned: &str, role: &str, code: &str) -> Json {
    json!({ "kind": "advice.given", "case": "ezra", "folder": "protection", "learned_at": learned, "adviser": { "role": role }, "advice": "a", "advice_code": code })
}

#[test]
fn a_prevent_concern_holds_the_talk_until_the_line_manager_lets_it_go_on() {
    let mut story = Story::new();
    let prevent = with(concern("2026-11-02 10:00"), json!({ "concern_type": "Prevent" }));
    let seen = story.enter("sam", "2026-11-02 10:10", prevent);
    let name = "PREVENT-HOLD/review";
    story.check("2026-11-02 11:00", &[(seen, name, "open, due Tue 3 Nov 2026 23:59")]);
    // Not yet: asked again by the next working day, or on the date that a hold gives.
    story.enter("maria", "2026-11-03 10:10", advice("2026-11-03 10:00", "line_manager", "do_not_tell_yet"));
    story.check("2026-11-03 11:00", &[(seen, name, "open, due Wed 4 Nov 2026 23:59")]);
    let until = json!({ "kind": "hold.placed", "case": "ezra", "learned_at": "2026-11-03 10:00", "hold_code": "HT-PREVENT", "reasons": "not before the panel",
        "review_at": "2026-11-12", "refs": to("holds", seen) });
    let until = story.enter("maria", "2026-11-03 10:20", until);
    story.check("2026-11-03 11:00", &[(seen, name, "open, due Thu 12 Nov 2026 23:59"), (until, name, "nothing")]);
    story.check("2026-11-13 00:00", &[(seen, name, "overdue, due Thu 12 Nov 2026 23:59")]);
    // The word of somebody else does not count in a Prevent matter.
    story.enter("maria", "2026-11-13 09:00", advice("2026-11-13 09:00", "dsl", "tell_family"));
    story.check("2026-11-13 09:30", &[(seen, name, "overdue, due Thu 12 Nov 2026 23:59")]);
    let early = story.enter("sam", "2026-11-13 10:10", told("2026-11-13 10:00", seen));
    story.check("2026-11-13 10:30", &[(early, "PREVENT-HOLD/talked", "open")]);
    let go = story.enter("maria", "2026-11-13 11:00", advice("2026-11-13 11:00", "line_manager", "tell_family"));
    let said = format!("closed_late, due Thu 12 Nov 2026 23:59, by {go}");
    let later = story.enter("sam", "2026-11-13 12:10", told("2026-11-13 12:00", seen));
    // It was still too early then.
    story.check(
        "2026-11-14 10:30",
        &[(seen, name, &said), (early, "PREVENT-HOLD/talked", "open"), (later, "PREVENT-HOLD/talked", "nothing")],
    );
}

#[test]
fn telling_that_could_hurt_somebody_is_held_until_it_is_released() {
    let mut story = Story::new();
    let seen = with(concern("2026-11-02 10:00"), json!({ "hold_check": "yes" }));
    let seen = story.enter("sam", "2026-11-02 10:10", seen);
    let name = "PREVENT-HOLD/review";
    // "No" in the talk's own entry releases nothing.
    let early = story.enter("sam", "2026-11-02 11:10", told("2026-11-02 11:00", seen));
    story.check(
        "2026-11-02 12:00",
        &[(early, "PREVENT-HOLD/talked", "open"), (seen, name, "open, due Tue 3 Nov 2026 23:59")],
    );
    let safe = with(told("2026-11-02 11:00", seen), json!({ "for_safety": "she was on her way to the house" }));
    let safe = story.enter("sam", "2026-11-02 11:20", safe);
    story.check("2026-11-02 12:00", &[(safe, "PREVENT-HOLD/talked", "nothing")]);
    let release = json!({ "kind": "hold.released", "learned_at": "2026-11-03 10:00", "reasons": "he has moved out", "refs": to("ends", seen) });
    let release = story.enter("maria", "2026-11-03 10:10", release);
    let talk = story.enter("maria", "2026-11-03 12:00", told("2026-11-03 11:00", seen));
    story.check(
        "2026-11-03 13:00",
        &[
            (seen, name, &format!("closed, due Tue 3 Nov 2026 23:59, by {release}")),
            (talk, "PREVENT-HOLD/talked", "nothing"),
        ],
    );
    let placed = json!({ "kind": "hold.placed", "case": "theo", "learned_at": "2026-11-03 10:00", "hold_code": "HT-TELL", "reasons": "a", "review_at": "2026-11-09" });
    let placed = story.enter("maria", "2026-11-03 14:00", placed);
    story.check("2026-11-03 15:00", &[(placed, name, "open, due Mon 9 Nov 2026 23:59")]);
    let knowing = with(told("2026-11-04 09:00", seen), json!({ "hold_check": "yes" }));
    let knowing = story.enter("sam", "2026-11-04 09:10", knowing);
    story.check("2026-11-04 10:00", &[(knowing, "PREVENT-HOLD/talked", "open")]);
}

#[test]
fn a_line_manager_who_is_named_by_their_handle_is_the_line_manager() {
    let mut story = Story::new();
    let prevent = with(concern("2026-11-02 10:00"), json!({ "concern_type": "Prevent" }));
    let seen = story.enter("sam", "2026-11-02 10:10", prevent);
    let by = |handle: &str| {
        with(advice("2026-11-02 11:00", "staff", "tell_family"), json!({ "adviser": { "on_roll": handle } }))
    };
    let name = "PREVENT-HOLD/review";
    story.enter("maria", "2026-11-02 11:10", by("maria"));
    story.check("2026-11-02 12:00", &[(seen, name, "open, due Tue 3 Nov 2026 23:59")]);
    let said = story.enter("lee", "2026-11-02 12:10", by("lee"));
    story.check("2026-11-02 13:00", &[(seen, name, &format!("closed, due Tue 3 Nov 2026 23:59, by {said}"))]);
}
