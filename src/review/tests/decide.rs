//! Decisions, row by row of the table of flags.

use serde_json::json;

use super::{Story, backing, concern, consent, parent, referral, share, to, with};
use crate::codec::ShortText;
use crate::decision::value::Content;
use crate::review::fact::ask;
use crate::review::item::About;

#[test]
fn pictures_for_a_use_that_was_asked_about_on_paper_are_made_good_and_not_forgotten() {
    let mut story = Story::new();
    let picture = with(
        share("2026-10-06 10:00"),
        json!({ "occurred_at": "2026-10-06 10:05", "basis": "LB-E", "special": "SC-0", "purpose": "PH-1",
            "items": [{ "class": "photo", "what": "a" }] }),
    );
    let shared = story.enter("sam", "2026-10-06 11:00", picture);
    let name = "NO-BASIS/basis";
    story.check("2026-10-06 12:00", &[(shared, name, "open, due Wed 7 Oct 2026 23:59")]);
    let yes = story.enter("sam", "2026-10-06 14:00", consent("2026-10-05 15:00", "PH-1"));
    story.check("2026-10-08 12:00", &[(shared, name, &format!("closed, due Wed 7 Oct 2026 23:59, by {yes}"))]);
}

#[test]
fn a_share_on_a_consent_that_nobody_entered_has_no_basis() {
    let on_consent = with(
        share("2026-10-06 10:00"),
        json!({ "occurred_at": "2026-10-06 10:05", "basis": "LB-A", "special": "SC-A", "purpose": "PU-HEALTH" }),
    );
    let name = "NO-BASIS/basis";
    let mut story = Story::new();
    let shared = story.enter("sam", "2026-10-06 11:00", on_consent.clone());
    story.check("2026-10-06 12:00", &[(shared, name, "open, due Wed 7 Oct 2026 23:59")]);
    // A yes to something else, and one that came after it, make nothing good.
    story.enter("sam", "2026-10-06 12:10", consent("2026-10-06 09:00", "PU-SEND"));
    story.enter("sam", "2026-10-06 12:20", consent("2026-10-06 12:15", "PU-HEALTH"));
    story.check("2026-10-06 13:00", &[(shared, name, "open, due Wed 7 Oct 2026 23:59")]);
    let yes = story.enter("sam", "2026-10-06 14:00", consent("2026-10-05 15:00", "PU-HEALTH"));
    story.check("2026-10-08 12:00", &[(shared, name, &format!("closed, due Wed 7 Oct 2026 23:59, by {yes}"))]);
    // With the consent entered first there is nothing to say, and for safety neither.
    let mut story = Story::new();
    story.enter("sam", "2026-10-05 15:10", consent("2026-10-05 15:00", "PU-HEALTH"));
    let shared = story.enter("sam", "2026-10-06 11:00", on_consent.clone());
    let safe = with(on_consent, json!({ "for_safety": "because he was in danger", "purpose": "PU-SAFE" }));
    let safe = story.enter("sam", "2026-10-06 11:10", safe);
    story.check("2026-10-06 12:00", &[(shared, name, "nothing"), (safe, name, "nothing")]);
}

#[test]
fn incomplete_and_no_basis_until_a_completing_entry() {
    let mut story = Story::new();
    let draft = with(share("2026-10-06 10:00"), json!({ "occurred_at": "2026-10-06 10:05", "basis": "" }));
    let shared = story.enter("maria", "2026-10-06 11:00", draft);
    let due = "open, due Wed 7 Oct 2026 23:59";
    story.check("2026-10-06 12:00", &[(shared, "INCOMPLETE/fields", due), (shared, "NO-BASIS/basis", due)]);
    story.check("2026-10-08 00:00", &[(shared, "NO-BASIS/basis", "overdue, due Wed 7 Oct 2026 23:59")]);
    let more = json!({ "kind": "decision.share", "case": "ezra", "folder": "protection", "decided_at": "2026-10-06 10:00",
        "basis": "LB-E", "refs": to("completes", shared) });
    let more = story.enter("maria", "2026-10-07 09:00", more);
    let closed = format!("closed, due Wed 7 Oct 2026 23:59, by {more}");
    story.check("2026-10-08 00:00", &[(shared, "INCOMPLETE/fields", &closed), (shared, "NO-BASIS/basis", &closed)]);
    // What completes has no items of its own.
    assert_eq!(story.review_at(super::at("2026-10-08 00:00")).of(more).count(), 0);
}

#[test]
fn a_proposed_share_lacks_no_basis_before_it_is_done() {
    let mut story = Story::new();
    let proposed = story.enter("maria", "2026-10-06 11:00", with(share("2026-10-06 10:00"), json!({ "basis": "" })));
    story.check(
        "2026-10-06 12:00",
        &[(proposed, "INCOMPLETE/fields", "open, due Wed 7 Oct 2026 23:59"), (proposed, "NO-BASIS/basis", "nothing")],
    );
}

#[test]
fn a_public_authority_does_not_use_recognised_legitimate_interest() {
    let setting = |code: &str| vec![(ask::SETTING_TYPE, Content::Code(ShortText::new(code).unwrap()))];
    for (kind, said) in [("maintained_nursery", "open, due Wed 7 Oct 2026 23:59"), ("committee", "nothing")] {
        let mut story = Story::new();
        story.set_up("maria", "2026-10-01 09:00", "genesis", setting(kind), &[]);
        let draft = with(share("2026-10-06 10:00"), json!({ "occurred_at": "2026-10-06 10:05" }));
        let shared = story.enter("maria", "2026-10-06 11:00", draft);
        story.check("2026-10-06 12:00", &[(shared, "NO-BASIS/basis", said)]);
    }
}

#[test]
fn late_clock_back_and_an_old_epoch_are_shown() {
    let mut story = Story::new();
    let late = story.enter("sam", "2026-11-05 10:00", concern("2026-11-03 11:25"));
    let back = story.enter("sam", "2026-11-05 09:59", concern("2026-11-05 09:00"));
    story.facts[1].epoch_old = Some(true);
    let now = "2026-11-05 10:01";
    story.check(
        now,
        &[(late, "LATE/written", "shown"), (back, "CLOCK-BACK/shown", "shown"), (back, "EPOCH-OLD/shown", "shown")],
    );
    let review = story.review_at(super::at(now));
    assert_eq!(review.of(late).find(|item| item.flag == "LATE").unwrap().about, About::DaysLate(2));
    story.check(now, &[(back, "LATE/written", "nothing"), (late, "CLOCK-BACK/shown", "nothing")]);
}

#[test]
fn an_emergency_is_a_badge() {
    let mut story = Story::new();
    for more in [json!({ "basis": "LB-D" }), json!({ "special": "SC-C" }), json!({ "risk_level": "RL-4" })] {
        let shared = story.enter("maria", "2026-10-06 11:00", with(share("2026-10-06 10:00"), more));
        story.check("2027-10-06 12:00", &[(shared, "EMERGENCY/shown", "shown")]);
    }
    let shared = story.enter("maria", "2026-10-06 11:00", share("2026-10-06 10:00"));
    story.check("2026-10-06 12:00", &[(shared, "EMERGENCY/shown", "nothing")]);
}

#[test]
fn unbacked_stands_from_the_decision_and_is_due_after_the_act() {
    let mut story = Story::new();
    let proposed = story.enter("maria", "2026-10-06 10:00", share("2026-10-06 10:00"));
    story.check("2026-10-20 12:00", &[(proposed, "UNBACKED/backing", "open")]);
    let done = json!({ "kind": "share.done", "case": "ezra", "folder": "protection", "occurred_at": "2026-10-20 13:00",
        "recipient": { "agency": "AG-HV", "verified": "V-KNOWN", "reference": "c" }, "method": "M-PORTAL", "refs": to("carries_out", proposed) });
    story.enter("maria", "2026-10-20 13:05", done);
    story.check("2026-10-21 13:00", &[(proposed, "UNBACKED/backing", "open, due Wed 21 Oct 2026 13:00")]);
    story.check("2026-10-21 13:01", &[(proposed, "UNBACKED/backing", "overdue, due Wed 21 Oct 2026 13:00")]);
    // No is no backing; the second yes counts.
    story.enter("jon", "2026-10-21 14:00", with(backing("2026-10-21 14:00", proposed), json!({ "view": "does_not" })));
    let yes = story.enter("ruth", "2026-10-21 15:00", backing("2026-10-21 15:00", proposed));
    let said = format!("closed_late, due Wed 21 Oct 2026 13:00, by {yes}");
    story.check("2026-10-21 16:00", &[(proposed, "UNBACKED/backing", &said)]);
}

#[test]
fn two_people_one_of_them_designated_need_no_backing() {
    let mut story = Story::new();
    let seen = story.enter("sam", "2026-10-06 09:00", concern("2026-10-06 09:00"));
    let decided = with(share("2026-10-06 10:00"), json!({ "refs": to("decides", seen) }));
    let both = story.enter("maria", "2026-10-06 10:00", decided.clone());
    story.check("2026-10-06 11:00", &[(both, "UNBACKED/backing", &format!("closed, by {both}"))]);
    // One who wrote both is one, whoever is named.
    let own = with(decided, json!({ "took_part": ["sam", "maria"] }));
    let alone = story.enter("sam", "2026-10-06 10:30", own);
    story.check("2026-10-06 11:00", &[(alone, "UNBACKED/backing", "open")]);
}

#[test]
fn a_lead_alone_has_the_authoritys_advice() {
    let mut story = Story::new();
    let advice = json!({ "kind": "advice.given", "case": "ezra", "learned_at": "2026-10-06 09:30", "advice": "share it", "advice_code": "refer",
        "adviser": { "agency": "AG-CSC", "verified": "V-CALLBACK" } });
    let advice = story.enter("maria", "2026-10-06 09:30", advice);
    let advised = with(share("2026-10-06 10:00"), json!({ "refs": to("advised_by", advice) }));
    let led = story.enter("maria", "2026-10-06 10:00", advised.clone());
    let other = story.enter("sam", "2026-10-06 10:00", advised);
    story.check(
        "2026-10-06 11:00",
        &[(led, "UNBACKED/backing", &format!("closed, by {advice}")), (other, "UNBACKED/backing", "open")],
    );
}

#[test]
fn a_backer_out_of_role_does_not_count_and_somebody_in_role_makes_it_good() {
    let mut story = Story::new();
    let proposed = story.enter("maria", "2026-10-06 10:00", share("2026-10-06 10:00"));
    let bad = story.enter("sam", "2026-10-06 10:10", backing("2026-10-06 10:10", proposed));
    story.check("2026-10-06 11:00", &[(bad, "ROLE-INVALID/shown", "open"), (proposed, "UNBACKED/backing", "open")]);
    assert!(story.review_at(super::at("2026-10-06 11:00")).of(bad).all(|item| item.is_red(0)));
    let good = story.enter("jon", "2026-10-06 12:00", backing("2026-10-06 12:00", proposed));
    let said = format!("closed, by {good}");
    story.check("2026-10-06 13:00", &[(bad, "ROLE-INVALID/shown", &said), (proposed, "UNBACKED/backing", &said)]);
}

#[test]
fn a_relative_of_the_child_is_in_conflict() {
    let mut story = Story::new();
    story.enter("maria", "2026-10-05 10:00", parent("2026-10-05 10:00", "jon", "PR-0"));
    let proposed = story.enter("maria", "2026-10-06 10:00", share("2026-10-06 10:00"));
    let uncle = story.enter("jon", "2026-10-06 10:10", backing("2026-10-06 10:10", proposed));
    story.check("2026-10-06 11:00", &[(uncle, "CONFLICT/shown", "open"), (proposed, "UNBACKED/backing", "open")]);
    let chair = story.enter("ruth", "2026-10-06 12:00", backing("2026-10-06 12:00", proposed));
    let said = format!("closed, by {chair}");
    story.check("2026-10-06 13:00", &[(uncle, "CONFLICT/shown", &said), (proposed, "UNBACKED/backing", &said)]);
    // In another child's matter he is nobody's relative.
    let theos = with(share("2026-10-06 10:00"), json!({ "case": "theo" }));
    let theos = story.enter("maria", "2026-10-06 13:00", theos);
    let backed = with(backing("2026-10-06 13:10", theos), json!({ "case": "theo" }));
    let backed = story.enter("jon", "2026-10-06 13:10", backed);
    story.check("2026-10-06 14:00", &[(backed, "CONFLICT/shown", "nothing")]);
}

#[test]
fn a_concern_is_decided_and_its_author_told() {
    let mut story = Story::new();
    let disclosure = json!({ "kind": "disclosure.heard", "case": "ezra", "learned_at": "2026-11-06 16:00", "narrative": "a", "hold_check": "no",
        "verbatim": [{ "words": "b" }], "questions_asked": "none", "told_limits": "yes" });
    let heard = story.enter("sam", "2026-11-06 16:10", disclosure);
    let seen = story.enter("sam", "2026-11-06 16:20", concern("2026-11-06 16:00"));
    let plain = json!({ "kind": "info.received", "case": "ezra", "learned_at": "2026-11-06 16:00", "narrative": "a", "source": { "agency": "AG-HV" },
        "confidential": "no", "source_wishes": "none" });
    let plain = story.enter("sam", "2026-11-06 16:20", plain);
    story.check(
        "2026-11-06 17:00",
        &[
            (heard, "CONCERN-UNDECIDED/disclosure", "open, due Fri 6 Nov 2026 23:59"),
            (seen, "CONCERN-UNDECIDED/concern", "open, due Mon 9 Nov 2026 23:59"),
            (plain, "CONCERN-UNDECIDED/concern", "nothing"),
        ],
    );
    let watch = json!({ "kind": "decision.monitor", "case": "ezra", "decided_at": "2026-11-09 10:00", "decided_by": "maria", "reasons": "a",
        "review_at": "2026-11-20", "refs": to("decides", seen) });
    let watch = story.enter("maria", "2026-11-09 10:05", watch);
    story.check(
        "2026-11-10 12:00",
        &[
            (seen, "CONCERN-UNDECIDED/concern", &format!("closed, due Mon 9 Nov 2026 23:59, by {watch}")),
            (seen, "CONCERN-UNDECIDED/told", "open, due Tue 10 Nov 2026 23:59"),
            (watch, "NOSHARE-REVIEW/review", "open, due Fri 20 Nov 2026 23:59"),
            (heard, "CONCERN-UNDECIDED/disclosure", "overdue, due Fri 6 Nov 2026 23:59"),
        ],
    );
    let told = json!({ "kind": "decision.monitor", "case": "ezra", "decided_at": "2026-11-09 10:00", "author_told": "2026-11-10 12:30",
        "refs": to("completes", watch) });
    story.enter("maria", "2026-11-10 13:00", told);
    let said = format!("closed, due Tue 10 Nov 2026 23:59, by {watch}");
    story.check("2026-11-10 14:00", &[(seen, "CONCERN-UNDECIDED/told", &said)]);
}

#[test]
fn a_proposed_share_decides_nothing_until_it_is_done() {
    let mut story = Story::new();
    let seen = story.enter("sam", "2026-11-06 16:20", concern("2026-11-06 16:00"));
    story.enter("maria", "2026-11-06 17:00", with(share("2026-11-06 17:00"), json!({ "refs": to("decides", seen) })));
    story.check("2026-11-10 12:00", &[(seen, "CONCERN-UNDECIDED/concern", "overdue, due Mon 9 Nov 2026 23:59")]);
}

#[test]
fn requests_have_the_time_that_their_duty_leaves() {
    for (duty, step, due) in [
        ("D-S47", "s47", "Fri 6 Nov 2026 23:59"),
        ("D-S17", "s17", "Mon 9 Nov 2026 23:59"),
        ("D-0", "other", "Fri 13 Nov 2026 23:59"),
    ] {
        let mut story = Story::new();
        let asked = json!({ "kind": "request.received", "case": "ezra", "learned_at": "2026-11-06 10:00", "duty": duty, "channel": "phone",
            "purpose": "PU-SAFE", "requester": { "agency": "AG-CSC", "verified": "V-CALLBACK" }, "items_asked": [{ "what": "a" }] });
        let asked = story.enter("sam", "2026-11-06 10:10", asked);
        let name = format!("REQUEST-UNDECIDED/{step}");
        story.check("2026-11-06 11:00", &[(asked, &name, &format!("open, due {due}"))]);
        let answer = json!({ "kind": "enquiry.answered", "case": "ezra", "occurred_at": "2026-11-06 12:00", "basis": "LB-C", "duty": duty, "cite": "s47",
            "requester": { "agency": "AG-CSC", "verified": "V-CALLBACK" }, "items": [{ "class": "attendance", "what": "a" }], "reasons": "b",
            "method": "M-PHONE", "refs": to("answers", asked) });
        let answer = story.enter("maria", "2026-11-06 12:10", answer);
        story.check("2026-11-14 11:00", &[(asked, &name, &format!("closed, due {due}, by {answer}"))]);
    }
}

#[test]
fn a_name_given_to_an_adviser_is_a_referral_that_day() {
    let mut story = Story::new();
    let sought = json!({ "kind": "advice.sought", "learned_at": "2026-11-03 11:00", "adviser": { "agency": "AG-CSC" }, "question": "a", "anonymous": "yes" });
    let sought = story.enter("maria", "2026-11-03 11:00", sought);
    let named = json!({ "kind": "advice.identified", "case": "ezra", "learned_at": "2026-11-03 11:20", "adviser": { "agency": "AG-CSC" },
        "person": { "name": "Ezra" }, "refs": to("follows", sought) });
    let named = story.enter("maria", "2026-11-03 11:20", named);
    let (pending, became) = ("REFERRAL-PENDING/referral", "ADVICE-BECAME-REFERRAL/shown");
    story.check("2026-11-03 23:59", &[(named, pending, "open, due Tue 3 Nov 2026 23:59"), (named, became, "nothing")]);
    story.check("2026-11-04 00:00", &[(named, pending, "nothing"), (named, became, "open")]);
    let made = story.enter(
        "maria",
        "2026-11-05 09:30",
        with(referral("2026-11-05 09:20"), json!({ "refs": to("follows", named) })),
    );
    story.check("2026-11-05 10:00", &[(named, became, &format!("closed, by {made}"))]);
    assert!(
        story
            .review_at(super::at("2026-11-05 10:00"))
            .of(named)
            .any(|item| item.flag == "ADVICE-BECAME-REFERRAL" && item.is_red(0))
    );
}

#[test]
fn a_referral_is_written_up_answered_and_chased_day_by_day() {
    let mut story = Story::new();
    let made = story.enter("maria", "2026-11-18 10:30", referral("2026-11-18 10:20"));
    story.check(
        "2026-11-19 23:59",
        &[
            (made, "WRITTEN-CONFIRMATION/form", "overdue, due Thu 19 Nov 2026 10:20"),
            (made, "LA-DECISION/answer", "open, due Thu 19 Nov 2026 23:59"),
            (made, "CHASE/next", "nothing"),
        ],
    );
    story.check("2026-11-20 00:00", &[(made, "CHASE/next", "open, due Fri 20 Nov 2026 23:59")]);
    let chase = |day: &str| {
        json!({ "kind": "referral.chased", "case": "ezra", "learned_at": day, "recipient": { "agency": "AG-CSC", "verified": "V-CALLBACK", "reference": "M-1" },
            "method": "M-PHONE", "refs": to("chases", made) })
    };
    let first = story.enter("maria", "2026-11-20 15:10", chase("2026-11-20 15:00"));
    let closed = format!("closed, due Fri 20 Nov 2026 23:59, by {first}");
    story.check("2026-11-20 16:00", &[(made, "CHASE/next", &format!("{closed} | open, due Mon 23 Nov 2026 23:59"))]);
    let second = story.enter("maria", "2026-11-24 09:10", chase("2026-11-24 09:00"));
    let late = format!("closed_late, due Mon 23 Nov 2026 23:59, by {second}");
    let both = format!("{closed} | {late}");
    story.check("2026-11-24 10:00", &[(made, "CHASE/next", &format!("{both} | open, due Wed 25 Nov 2026 23:59"))]);
    let outcome = json!({ "kind": "referral.outcome", "case": "ezra", "learned_at": "2026-11-24 14:00", "source": { "agency": "AG-CSC" }, "outcome": "s47",
        "refs": to("answers", made) });
    let outcome = story.enter("maria", "2026-11-24 14:10", outcome);
    story.check(
        "2026-12-24 10:00",
        &[
            (made, "LA-DECISION/answer", &format!("closed_late, due Thu 19 Nov 2026 23:59, by {outcome}")),
            (made, "CHASE/next", &format!("{both} | closed, due Wed 25 Nov 2026 23:59, by {outcome}")),
        ],
    );
}

#[test]
fn our_own_question_is_chased_from_its_date_on() {
    let mut story = Story::new();
    let asked = json!({ "kind": "request.made", "case": "ezra", "occurred_at": "2026-11-02 10:00", "items_asked": [{ "what": "a" }], "reasons": "b",
        "recipient": { "agency": "AG-GP", "verified": "V-CALLBACK", "reference": "c" }, "purpose": "PU-HEALTH", "basis": "LB-EA", "method": "M-POST",
        "reply_by": "2026-11-13" });
    let asked = story.enter("maria", "2026-11-02 10:10", asked);
    story.check("2026-11-13 23:59", &[(asked, "CHASE/next", "nothing")]);
    story.check("2026-11-14 00:00", &[(asked, "CHASE/next", "open, due Mon 16 Nov 2026 23:59")]);
    let reply = json!({ "kind": "request.replied", "case": "ezra", "learned_at": "2026-11-16 10:00", "source": { "agency": "AG-GP" }, "narrative": "a",
        "refs": to("answers", asked) });
    let reply = story.enter("maria", "2026-11-16 10:10", reply);
    story
        .check("2026-11-18 00:00", &[(asked, "CHASE/next", &format!("closed, due Mon 16 Nov 2026 23:59, by {reply}"))]);
}

#[test]
fn a_no_share_is_looked_at_again_and_kept_only_with_a_new_date() {
    let mut story = Story::new();
    let no = json!({ "kind": "decision.noshare", "case": "ezra", "decided_at": "2026-10-08 15:40", "decided_by": "maria", "no_code": "NO-1", "reasons": "a",
        "requester_told": { "how": "told", "at": "2026-10-08 16:00" } });
    let no = story.enter("maria", "2026-10-08 15:42", no);
    let name = "NOSHARE-REVIEW/review";
    story.check(
        "2026-10-09 10:00",
        &[(no, name, "open, due Thu 5 Nov 2026 23:59"), (no, "UNBACKED/backing", "open, due Fri 9 Oct 2026 15:40")],
    );
    let talk = |day: &str, review: &str| {
        json!({ "kind": "discussion", "case": "ezra", "learned_at": day, "attendees": [{ "person": "jon", "role": "staff" }], "narrative": "a",
            "identified": "yes", "review_at": review, "refs": to("reviews", no) })
    };
    story.enter("maria", "2026-10-20 10:00", talk("2026-10-20 10:00", ""));
    story.check("2026-10-20 11:00", &[(no, name, "open, due Thu 5 Nov 2026 23:59")]);
    let kept = story.enter("maria", "2026-10-21 10:00", talk("2026-10-21 10:00", "2026-12-01"));
    story.check(
        "2026-10-21 11:00",
        &[
            (no, name, &format!("closed, due Thu 5 Nov 2026 23:59, by {kept}")),
            (kept, name, "open, due Tue 1 Dec 2026 23:59"),
        ],
    );
    // Something new brings it forward.
    story.enter("sam", "2026-10-26 10:00", concern("2026-10-26 09:50"));
    story.check(
        "2026-10-26 11:00",
        &[(kept, "NOSHARE-REVIEW/sooner", "open, due Tue 27 Oct 2026 23:59"), (kept, name, "nothing")],
    );
    let done = with(share("2026-10-27 10:00"), json!({ "occurred_at": "2026-10-27 10:00", "refs": to("reviews", no) }));
    let done = story.enter("maria", "2026-10-27 10:10", done);
    let said = format!("closed, due Tue 27 Oct 2026 23:59, by {done}");
    story.check("2026-10-28 11:00", &[(kept, "NOSHARE-REVIEW/sooner", &said)]);
}

#[test]
fn an_act_without_a_time_of_learning_is_late_by_its_own_time() {
    let mut story = Story::new();
    let draft = |occurred: &str| with(share("2026-10-05 09:50"), json!({ "occurred_at": occurred, "learned_at": "" }));
    let late = story.enter("maria", "2026-10-07 00:00", draft("2026-10-05 10:00"));
    let in_time = story.enter("maria", "2026-10-07 23:59", draft("2026-10-06 10:00"));
    let planned =
        story.enter("maria", "2026-10-09 09:00", with(share("2026-10-05 10:00"), json!({ "learned_at": "" })));
    let rest = json!({ "kind": "decision.share", "case": "ezra", "folder": "protection", "occurred_at": "2026-10-05 10:00",
        "refs": to("completes", late), "seven_tests": { "timely": "a" } });
    let rest = story.enter("maria", "2026-10-09 09:10", rest);
    story.check(
        "2026-10-09 12:00",
        &[
            (late, "LATE/written", "shown"),
            (in_time, "LATE/written", "nothing"),
            (planned, "LATE/written", "nothing"),
            (rest, "LATE/written", "nothing"),
        ],
    );
}

#[test]
fn a_planned_act_is_to_be_backed_a_day_after_and_one_that_is_dropped_needs_nobody() {
    let mut story = Story::new();
    let name = "UNBACKED/backing";
    let planned = with(share("2026-10-05 09:50"), json!({ "occurred_at": "2026-10-06 14:00" }));
    let planned = story.enter("maria", "2026-10-05 10:10", planned);
    let plain = story.enter("maria", "2026-10-05 10:20", share("2026-10-05 09:50"));
    story.check("2026-10-05 11:00", &[(planned, name, "open, due Wed 7 Oct 2026 14:00"), (plain, name, "open")]);
    // It went sooner.
    let done = json!({ "kind": "share.done", "case": "ezra", "folder": "protection", "occurred_at": "2026-10-05 11:30",
        "recipient": { "agency": "AG-HV", "verified": "V-KNOWN", "reference": "c" }, "method": "M-PHONE",
        "refs": to("carries_out", planned) });
    story.enter("maria", "2026-10-05 11:40", done);
    story.check("2026-10-05 12:00", &[(planned, name, "open, due Tue 6 Oct 2026 11:30")]);
    // What is not done after all waits for nobody's word.
    let not = json!({ "kind": "decision.noshare", "case": "ezra", "folder": "protection", "decided_at": "2026-10-06 09:00",
        "reasons": "a", "refs": to("reviews", plain) });
    let not = story.enter("maria", "2026-10-06 09:10", not);
    story.check("2026-10-06 10:00", &[(plain, name, &format!("closed, by {not}"))]);
}

#[test]
fn what_waits_for_a_decision_names_the_one_that_is_only_planned() {
    let mut story = Story::new();
    let seen = story.enter("sam", "2026-10-05 09:00", concern("2026-10-05 08:50"));
    let plan = with(share("2026-10-05 10:00"), json!({ "refs": to("decides", seen) }));
    let plan = story.enter("maria", "2026-10-05 10:10", plan);
    let about = |story: &Story, time: &str| {
        let review = story.review_at(super::at(time));
        review.of(seen).find(|item| item.name() == "CONCERN-UNDECIDED/concern").map(|item| item.about.clone())
    };
    assert_eq!(about(&story, "2026-10-05 11:00"), Some(About::Planned(plan)));
    let done = json!({ "kind": "share.done", "case": "ezra", "folder": "protection", "occurred_at": "2026-10-05 11:30",
        "recipient": { "agency": "AG-HV", "verified": "V-KNOWN" }, "method": "M-PHONE", "refs": to("carries_out", plan) });
    story.enter("maria", "2026-10-05 11:40", done);
    assert_eq!(about(&story, "2026-10-05 12:00"), Some(About::Nothing));
}
