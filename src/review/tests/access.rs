//! Requests for a file, complaints and breaches, row by row of the table of flags.

use serde_json::{Value as Json, json};

use super::{Story, parent, with};

fn request(received: &str) -> Json {
    json!({ "kind": "access.received", "case": "ezra", "occurred_at": received, "learned_at": received, "channel": "e-mail", "identity": "known",
        "requester": { "on_roll": "priya", "verified": "V-KNOWN" }, "items_asked": [{ "what": "a" }], "pr_status": "PR-1", "legal_check": "no" })
}

fn part(kind: &str, of: u64, more: Json) -> Json {
    let mut refs = vec![json!({ "relation": "part_of", "entry": of })];
    let mut more = more;
    refs.extend(more.get_mut("refs").map(Json::take).and_then(|refs| refs.as_array().cloned()).unwrap_or_default());
    with(with(json!({ "kind": kind, "case": "ezra" }), more), json!({ "refs": refs }))
}

fn asked(kind: &str, of: u64, occurred: &str) -> Json {
    part(
        kind,
        of,
        json!({ "occurred_at": occurred, "reasons": "a", "question": "b", "method": "M-POST", "letter_hash": "11".repeat(32) }),
    )
}

const RELEASE: &str = "SAR-DUE/release";

#[test]
fn a_request_is_acknowledged_and_answered() {
    let mut story = Story::new();
    let asked = story.enter("maria", "2026-11-25 08:10", request("2026-11-24 18:50"));
    story.check(
        "2026-11-25 09:00",
        &[
            (asked, "SAR-DUE/ack", "open, due Thu 26 Nov 2026 23:59"),
            (asked, RELEASE, "open, due Thu 24 Dec 2026 23:59"),
        ],
    );
    story.check("2026-11-25 09:00", &[(asked, "NO-PR/shown", "nothing")]);
    let refused = part(
        "access.refused",
        asked,
        json!({ "occurred_at": "2026-11-26 10:00", "ex_code": "EX-SH", "reasons": "a", "requester_told": { "how": "told" } }),
    );
    let refused = story.enter("maria", "2026-11-26 10:10", refused);
    story.check(
        "2026-12-27 09:00",
        &[
            (asked, "SAR-DUE/ack", &format!("closed, due Thu 26 Nov 2026 23:59, by {refused}")),
            (asked, RELEASE, &format!("closed, due Thu 24 Dec 2026 23:59, by {refused}")),
        ],
    );
}

#[test]
fn pauses_identity_and_extension_move_it() {
    // Asked within two working days who they are, the day of the answer begins it; of a known parent nothing does.
    for (identity, due) in [("not_shown", "Mon 4 Jan 2027 23:59"), ("known", "Tue 29 Dec 2026 23:59")] {
        let mut story = Story::new();
        let one = story.enter(
            "maria",
            "2026-11-27 10:00",
            with(request("2026-11-27 09:00"), json!({ "identity": identity })),
        );
        let who = story.enter("maria", "2026-12-01 10:00", asked("access.id_asked", one, "2026-12-01 09:00"));
        let seen = json!({ "learned_at": "2026-12-02 09:00", "identity": "id_seen", "evidence_seen": "passport", "refs": [{ "relation": "answers", "entry": who }] });
        story.enter("maria", "2026-12-02 10:00", part("access.id_received", one, seen));
        story.check("2026-12-03 10:00", &[(one, RELEASE, &format!("open, due {due}"))]);
    }
    let mut story = Story::new();
    let one = story.enter("maria", "2026-11-03 10:00", request("2026-11-03 09:00"));
    let unclear = story.enter("maria", "2026-11-10 10:00", asked("access.clarify_asked", one, "2026-11-10 09:00"));
    story.check("2026-11-11 10:00", &[(one, RELEASE, "open, due Thu 3 Dec 2026 23:59")]);
    let clear = json!({ "learned_at": "2026-11-17 09:00", "reply": "narrowed", "narrative": "a", "refs": [{ "relation": "answers", "entry": unclear }] });
    story.enter("maria", "2026-11-17 10:00", part("access.clarify_received", one, clear));
    story.check("2026-11-18 10:00", &[(one, RELEASE, "open, due Thu 10 Dec 2026 23:59")]);
    let longer = |day: &str| {
        part("access.extended", one, json!({ "occurred_at": day, "reasons": "a", "requester_told": { "how": "told" } }))
    };
    let mut late = story.clone();
    story.enter("maria", "2026-12-10 17:00", longer("2026-12-10 16:00"));
    story.check("2026-12-10 18:00", &[(one, RELEASE, "open, due Wed 10 Feb 2027 23:59")]);
    let too_late = late.enter("maria", "2026-12-11 10:00", longer("2026-12-11 09:00"));
    late.check(
        "2026-12-11 18:00",
        &[(one, RELEASE, "overdue, due Thu 10 Dec 2026 23:59"), (too_late, "SAR-DUE/extension", "open")],
    );
}

#[test]
fn taken_back_in_an_answer_it_is_over() {
    let mut story = Story::new();
    let one = story.enter("maria", "2026-11-03 10:00", request("2026-11-03 09:00"));
    let unclear = story.enter("maria", "2026-11-10 10:00", asked("access.clarify_asked", one, "2026-11-10 09:00"));
    let never_mind = json!({ "learned_at": "2026-11-17 09:00", "reply": "request_withdrawn", "narrative": "a", "refs": [{ "relation": "answers", "entry": unclear }] });
    let end = story.enter("maria", "2026-11-17 10:00", part("access.clarify_received", one, never_mind));
    assert!(story.says("2026-12-30 10:00", one, RELEASE).ends_with(&format!("by {end}")));
}

#[test]
fn somebody_without_responsibility_asks() {
    let mut story = Story::new();
    let none = with(
        request("2026-11-24 18:50"),
        json!({ "requester": { "on_roll": "edith", "verified": "V-KNOWN" }, "pr_status": "PR-0" }),
    );
    let one = story.enter("maria", "2026-11-25 08:10", none);
    story.check("2026-11-25 09:00", &[(one, "NO-PR/shown", "open, due Tue 1 Dec 2026 23:59")]);
    let shown = story.enter("maria", "2026-11-26 09:00", parent("2026-11-26 09:00", "edith", "PR-6"));
    story.check("2026-11-26 10:00", &[(one, "NO-PR/shown", &format!("closed, due Tue 1 Dec 2026 23:59, by {shown}"))]);
}

#[test]
fn a_third_party_is_waited_for_eleven_days_and_moves_nothing() {
    let mut story = Story::new();
    let one = story.enter("maria", "2026-11-25 08:10", request("2026-11-24 18:50"));
    let letter = json!({ "occurred_at": "2026-11-26 10:00", "letter_check": "no", "letter_hash": "11".repeat(32), "items": [{ "class": "other", "what": "a" }],
        "recipient": { "on_roll": "rob", "verified": "V-KNOWN", "reference": "b" } });
    let letter = story.enter("maria", "2026-11-26 10:10", part("access.thirdparty.asked", one, letter));
    let name = "TP-OUTSTANDING/reply";
    story.check(
        "2026-12-07 23:59",
        &[(letter, name, "open, due Mon 7 Dec 2026 23:59"), (one, RELEASE, "open, due Thu 24 Dec 2026 23:59")],
    );
    story.check("2026-12-08 00:00", &[(letter, name, "overdue, due Mon 7 Dec 2026 23:59")]);
    let decided = json!({ "occurred_at": "2026-12-10 10:00", "tp_code": "TP-9", "reasons": "a", "discussed_with": "jon", "refs": [{ "relation": "decides", "entry": letter }] });
    let decided = story.enter("maria", "2026-12-10 10:10", part("access.thirdparty.decided", one, decided));
    story.check("2026-12-11 00:00", &[(letter, name, &format!("closed_late, due Mon 7 Dec 2026 23:59, by {decided}"))]);
}

#[test]
fn a_correction_while_the_guard_is_on_is_red_and_no_other() {
    let mut story = Story::new();
    let note = |story: &mut Story, case: &str| {
        let talk = json!({ "kind": "discussion", "case": case, "learned_at": "2026-11-20 09:00", "attendees": [{ "person": "sam", "role": "staff" }],
            "narrative": "a", "identified": "yes" });
        story.enter("sam", "2026-11-20 10:00", talk)
    };
    let (ezras, theos) = (note(&mut story, "ezra"), note(&mut story, "theo"));
    let correct = |of: u64| {
        json!({ "kind": "correction.fact", "learned_at": "2026-11-20 09:00", "reasons": "a", "evidence_seen": "b", "statements": [{ "type": "fact", "words": "c" }],
            "refs": super::to("corrects", of) })
    };
    let before = story.enter("sam", "2026-11-24 10:00", correct(ezras));
    story.enter("maria", "2026-11-25 08:10", request("2026-11-24 18:50"));
    let during = story.enter("sam", "2026-11-26 10:00", correct(ezras));
    let other = story.enter("sam", "2026-11-26 10:00", correct(theos));
    let name = "S173-RISK/shown";
    story.check("2026-11-27 10:00", &[(before, name, "nothing"), (during, name, "open"), (other, name, "nothing")]);
    assert!(
        story.review_at(super::at("2026-11-27 10:00")).of(during).any(|item| item.name() == name && item.is_red(0))
    );
}

#[test]
fn handed_over_with_nobodys_second_look() {
    let hash = "22".repeat(32);
    let mut story = Story::new();
    let one = story.enter("maria", "2026-11-25 08:10", request("2026-11-24 18:50"));
    let copy = json!({ "learned_at": "2026-12-11 10:00", "copy_hash": hash, "redactions": [], "folders": ["general"], "ca_question": "no" });
    let copy = story.enter("maria", "2026-12-11 10:10", part("access.cleancopy.made", one, copy));
    let out = json!({ "occurred_at": "2026-12-24 15:00", "copy_hash": hash, "recipient": { "on_roll": "priya", "verified": "V-KNOWN", "reference": "a" },
        "method": "M-HAND", "reasons": "the last day", "refs": [{ "relation": "releases", "entry": copy }] });
    let out = story.enter("maria", "2026-12-24 15:10", part("access.released", one, out));
    story.check("2026-12-24 16:00", &[(out, "INCOMPLETE/fields", "open, due Tue 29 Dec 2026 23:59")]);
    let look = |learned: &str| json!({ "learned_at": learned, "copy_hash": hash, "view": "agrees", "refs": [{ "relation": "checks", "entry": copy }] });
    story.enter("maria", "2026-12-29 09:00", part("access.cleancopy.checked", one, look("2026-12-29 09:00")));
    story.check("2026-12-29 10:00", &[(out, "INCOMPLETE/fields", "open, due Tue 29 Dec 2026 23:59")]);
    let second =
        story.enter("jon", "2026-12-29 11:00", part("access.cleancopy.checked", one, look("2026-12-29 11:00")));
    story.check(
        "2026-12-29 12:00",
        &[(out, "INCOMPLETE/fields", &format!("closed, due Tue 29 Dec 2026 23:59, by {second}"))],
    );
}

#[test]
fn complaints_are_acknowledged_and_care_is_answered() {
    let complaint = |kind: &str| {
        json!({ "kind": "complaint.received", "folder": "access", "learned_at": "2027-01-05 11:00", "complaint_type": kind, "channel": "letter", "narrative": "a",
            "source": { "on_roll": "priya" } })
    };
    let mut story = Story::new();
    let data = story.enter("ruth", "2027-01-05 11:15", complaint("data_protection"));
    let care = story.enter("ruth", "2027-01-05 11:15", complaint("eyfs"));
    story.check(
        "2027-01-05 12:00",
        &[
            (data, "COMPLAINT-ACK/ack", "open, due Thu 4 Feb 2027 23:59"),
            (data, "COMPLAINT-ACK/outcome", "open"),
            (care, "COMPLAINT-ACK/ack", "open, due Thu 7 Jan 2027 23:59"),
            (care, "COMPLAINT-ACK/outcome", "open, due Tue 2 Feb 2027 23:59"),
        ],
    );
    let ack = json!({ "kind": "complaint.acknowledged", "folder": "access", "occurred_at": "2027-01-06 10:00", "method": "M-POST", "refs": super::to("acknowledges", data) });
    let ack = story.enter("ruth", "2027-01-06 10:10", ack);
    let outcome = json!({ "kind": "complaint.outcome", "folder": "access", "occurred_at": "2027-02-03 10:00", "reasons": "a", "remedy": "b",
        "requester_told": { "how": "told" }, "refs": super::to("part_of", care) });
    let outcome = story.enter("ruth", "2027-02-03 10:10", outcome);
    story.check(
        "2027-02-10 12:00",
        &[
            (data, "COMPLAINT-ACK/ack", &format!("closed, due Thu 4 Feb 2027 23:59, by {ack}")),
            (data, "COMPLAINT-ACK/outcome", "open"),
            (care, "COMPLAINT-ACK/outcome", &format!("closed_late, due Tue 2 Feb 2027 23:59, by {outcome}")),
        ],
    );
}

#[test]
fn a_breach_has_seventy_two_hours_and_a_high_risk_is_told() {
    let found = json!({ "kind": "breach.found", "folder": "access", "learned_at": "2026-10-23 09:00", "narrative": "a", "cause": "wrong_recipient",
        "items": [{ "class": "identity", "what": "b" }] });
    let assessed = |of: u64, risk: &str| json!({ "kind": "breach.assessed", "folder": "access", "learned_at": "2026-10-23 15:00", "breach_risk": risk, "reasons": "a", "refs": super::to("part_of", of) });
    let mut story = Story::new();
    let high = story.enter("maria", "2026-10-23 09:10", found.clone());
    let low = story.enter("maria", "2026-10-23 09:10", found);
    // The clocks go back on the 25th: an hour more on the wall.
    let due = "Mon 26 Oct 2026 08:00";
    story.check(
        "2026-10-23 10:00",
        &[(high, "BREACH-72H/ico", &format!("open, due {due}")), (high, "BREACH-72H/people", "nothing")],
    );
    let harmless = story.enter("maria", "2026-10-23 15:10", assessed(low, "unlikely"));
    story.enter("maria", "2026-10-23 15:10", assessed(high, "high_risk"));
    story.check(
        "2026-10-23 16:00",
        &[
            (low, "BREACH-72H/ico", &format!("closed, due {due}, by {harmless}")),
            (low, "BREACH-72H/people", "nothing"),
            (high, "BREACH-72H/ico", &format!("open, due {due}")),
            (high, "BREACH-72H/people", "open, due Mon 26 Oct 2026 23:59"),
        ],
    );
    let told = json!({ "kind": "breach.subjects_told", "folder": "access", "occurred_at": "2026-10-26 07:00", "persons_told": ["priya"], "narrative": "a",
        "refs": super::to("part_of", high) });
    let told = story.enter("maria", "2026-10-26 07:10", told);
    let reported = json!({ "kind": "breach.reported", "folder": "access", "occurred_at": "2026-10-26 08:30", "method": "M-LINK",
        "recipient": { "agency": "AG-ICO", "verified": "V-DOMAIN", "reference": "IC-1" }, "refs": super::to("part_of", high) });
    let reported = story.enter("maria", "2026-10-26 08:40", reported);
    story.check(
        "2026-10-27 16:00",
        &[
            (high, "BREACH-72H/ico", &format!("closed_late, due {due}, by {reported}")),
            (high, "BREACH-72H/people", &format!("closed, due Mon 26 Oct 2026 23:59, by {told}")),
        ],
    );
}

#[test]
fn people_are_reminded_on_the_policy_s_days_before_it_is_due() {
    use crate::codec::Digest;
    use crate::review::item::About;
    use crate::rules::{clock, policy::Policy};

    let mut story = Story::new();
    let text = Policy::built_in("policy-001").unwrap();
    let policy = Policy::parse(text, story.rules.current()).unwrap();
    let hash = Digest::new([9; 32]);
    story.rules.add_policy(hash, policy);
    let asked = story.enter("maria", "2026-11-25 08:10", request("2026-11-24 18:50"));
    story.facts.last_mut().unwrap().policy = hash;
    story.check("2026-11-25 09:00", &[(asked, RELEASE, "open, due Tue 8 Dec 2026 23:59")]);
    let review = story.review_at(super::at("2026-11-25 09:00"));
    let item = review.of(asked).find(|item| item.name() == RELEASE).unwrap();
    let About::Access { reminders, .. } = &item.about else { panic!("{item:?}") };
    let days: Vec<String> = reminders.iter().map(|at| clock::for_people(*at)).collect();
    assert_eq!(days, ["Fri 4 Dec 2026 00:00", "Mon 7 Dec 2026 00:00"]);
}

#[test]
fn the_guard_stands_from_the_minute_they_asked_also_where_that_is_written_down_later() {
    let mut story = Story::new();
    let seen = story.enter("sam", "2026-11-23 09:00", super::concern("2026-11-23 08:50"));
    let fixed = |learned: &str| {
        json!({ "kind": "correction.fact", "case": "ezra", "learned_at": learned, "reasons": "a", "evidence_seen": "b",
            "statements": [{ "type": "fact", "words": "c" }], "refs": super::to("corrects", seen) })
    };
    let before = story.enter("maria", "2026-11-24 18:40", fixed("2026-11-24 18:40"));
    let between = story.enter("maria", "2026-11-25 07:50", fixed("2026-11-25 07:45"));
    story.enter("maria", "2026-11-25 08:10", request("2026-11-24 18:50"));
    let after = story.enter("maria", "2026-11-25 09:10", fixed("2026-11-25 09:00"));
    let name = "S173-RISK/shown";
    story.check("2026-11-25 10:00", &[(before, name, "nothing"), (between, name, "open"), (after, name, "open")]);
}

#[test]
fn a_breach_that_turns_out_worse_is_to_be_reported_after_all() {
    let mut story = Story::new();
    let found = json!({ "kind": "breach.found", "case": "ezra", "folder": "general", "learned_at": "2026-10-23 16:00", "narrative": "a",
        "cause": "theft", "items": [{ "class": "identity", "what": "b" }] });
    let found = story.enter("maria", "2026-10-23 17:00", found);
    let assessed = |learned: &str, risk: &str| {
        part(
            "breach.assessed",
            found,
            json!({ "folder": "general", "learned_at": learned, "breach_risk": risk, "reasons": "a" }),
        )
    };
    let (name, due) = ("BREACH-72H/ico", "due Mon 26 Oct 2026 15:00");
    let first = story.enter("maria", "2026-10-24 10:00", assessed("2026-10-24 09:00", "unlikely"));
    story.check("2026-10-24 12:00", &[(found, name, &format!("closed, {due}, by {first}"))]);
    story.enter("maria", "2026-10-25 10:00", assessed("2026-10-25 09:00", "risk"));
    story.check("2026-10-25 12:00", &[(found, name, &format!("closed, {due}, by {first} | open, {due}"))]);
    let told = part(
        "breach.reported",
        found,
        json!({ "folder": "general", "occurred_at": "2026-10-26 16:00", "method": "M-LINK",
        "recipient": { "agency": "AG-ICO", "verified": "V-KNOWN", "reference": "a" } }),
    );
    let told = story.enter("maria", "2026-10-26 16:10", told);
    let late = format!("closed, {due}, by {first} | closed_late, {due}, by {told}");
    story.check("2026-10-26 17:00", &[(found, name, &late)]);
}

#[test]
fn who_is_known_to_hold_no_responsibility_is_not_believed_for_saying_so() {
    let mut story = Story::new();
    story.enter("maria", "2026-11-02 09:00", parent("2026-11-02 09:00", "priya", "PR-0"));
    let said = story.enter("maria", "2026-11-03 09:10", request("2026-11-03 09:00"));
    let shown = story.enter(
        "maria",
        "2026-11-03 09:20",
        with(request("2026-11-03 09:00"), json!({ "evidence_seen": "order" })),
    );
    story.check(
        "2026-11-03 10:00",
        &[(said, "NO-PR/shown", "open, due Tue 10 Nov 2026 23:59"), (shown, "NO-PR/shown", "nothing")],
    );
}
