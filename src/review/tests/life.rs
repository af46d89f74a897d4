//! Around the file, row by row of the table of flags.

use serde_json::{Value as Json, json};

use super::{Story, concern, parent, share, to, with};
use crate::codec::ShortText;
use crate::decision::value::{Content, FieldId};
use crate::review::fact::ask;

fn school() -> Json {
    json!({ "agency": "AG-SCH", "verified": "V-CALLBACK", "reference": "a" })
}

fn prepared(first_day: &str) -> Json {
    json!({ "kind": "transfer.prepared", "case": "ezra", "folder": "protection", "learned_at": "2026-09-03 09:00", "decided_at": "2026-09-03 09:00",
        "recipient": school(), "items": [{ "class": "other", "what": "a" }], "folders": ["protection"], "first_day": first_day, "bundle_hash": "11".repeat(32),
        "persons_told": ["priya"] })
}

fn sent(of: u64) -> Json {
    json!({ "kind": "transfer.sent", "case": "ezra", "folder": "protection", "occurred_at": "2026-09-04 08:20", "recipient": school(),
        "bundle_hash": "11".repeat(32), "root_hash": "33".repeat(32), "entries_count": 4, "method": "M-LINK", "refs": to("carries_out", of) })
}

fn arrived(of: u64, learned: &str, root: &str) -> Json {
    json!({ "kind": "transfer.received", "case": "ezra", "folder": "protection", "learned_at": learned, "source": { "agency": "AG-SCH" },
        "root_hash": root.repeat(32), "refs": to("acknowledges", of) })
}

#[test]
fn a_file_goes_by_the_first_day_and_its_receipt_is_chased() {
    let mut story = Story::new();
    let unknown = story.enter("maria", "2026-09-03 09:10", prepared(""));
    let known = story.enter("maria", "2026-09-03 09:10", prepared("2026-09-07"));
    let name = "TRANSFER-SENT/send";
    story.check(
        "2026-09-03 10:00",
        &[(unknown, name, "open, due Thu 10 Sep 2026 23:59"), (known, name, "open, due Mon 7 Sep 2026 23:59")],
    );
    let gone = story.enter("maria", "2026-09-04 08:30", sent(known));
    story.check("2026-09-08 10:00", &[(known, name, &format!("closed, due Mon 7 Sep 2026 23:59, by {gone}"))]);
    let (receipt, open) = ("TRANSFER-RECEIPT/receipt", "open, due Fri 11 Sep 2026 23:59");
    story.check("2026-09-08 10:00", &[(gone, receipt, open)]);
    // Another file arrived: that closes nothing.
    story.enter("maria", "2026-09-08 11:00", arrived(gone, "2026-09-08 10:30", "44"));
    story.check("2026-09-08 12:00", &[(gone, receipt, open)]);
    story.check(
        "2026-09-12 00:00",
        &[
            (gone, receipt, "overdue, due Fri 11 Sep 2026 23:59"),
            (gone, "CHASE/next", "open, due Mon 14 Sep 2026 23:59"),
        ],
    );
    let chased = json!({ "kind": "referral.chased", "case": "ezra", "learned_at": "2026-09-14 10:00", "recipient": school(), "method": "M-PHONE", "refs": to("chases", gone) });
    let chased = story.enter("maria", "2026-09-14 10:10", chased);
    let whole = story.enter("maria", "2026-09-15 09:10", arrived(gone, "2026-09-15 09:00", "33"));
    story.check(
        "2026-09-20 12:00",
        &[
            (gone, receipt, &format!("closed_late, due Fri 11 Sep 2026 23:59, by {whole}")),
            (
                gone,
                "CHASE/next",
                &format!(
                    "closed, due Mon 14 Sep 2026 23:59, by {chased} | closed, due Tue 15 Sep 2026 23:59, by {whole}"
                ),
            ),
        ],
    );
}

#[test]
fn each_class_has_its_date_and_the_next_review_closes_it() {
    let review = |class: &str, at: &str| json!({ "kind": "retention.review", "case": "ezra", "folder": "protection", "learned_at": "2026-07-17 15:00", "retention_class": class, "reasons": "a", "review_at": at });
    for (class, date, said) in [
        ("general", "", "open, due Tue 17 Jul 2029 23:59"),
        ("complaint", "", "open, due Tue 17 Jul 2029 23:59"),
        ("staff_allegation", "", "open, due Thu 17 Jul 2036 23:59"),
        ("indefinite", "", "open, due Sat 17 Jul 2027 23:59"),
        ("child_protection", "2047-03-14", "open, due Thu 14 Mar 2047 23:59"),
        // Without the date of birth there is no date.
        ("child_protection", "", "open"),
    ] {
        let mut story = Story::new();
        let one = story.enter("maria", "2026-07-17 15:10", review(class, date));
        let name = format!("RETENTION-REVIEW/{class}");
        story.check("2026-07-18 10:00", &[(one, &name, said)]);
        let next = story.enter(
            "maria",
            "2026-07-20 10:00",
            with(review(class, "2030-01-01"), json!({ "learned_at": "2026-07-20 09:00" })),
        );
        assert!(story.says("2026-07-21 10:00", one, &name).ends_with(&format!("by {next}")));
    }
    // 75 years from the last entry about the child.
    let mut story = Story::new();
    let one = story.enter("maria", "2026-07-17 15:10", review("abuse_allegation", ""));
    story.enter("sam", "2026-09-04 10:00", concern("2026-09-04 09:40"));
    story.check("2026-09-05 10:00", &[(one, "RETENTION-REVIEW/abuse_allegation", "open, due Sun 4 Sep 2101 23:59")]);
}

#[test]
fn an_allegation_goes_to_the_designated_officer_and_to_ofsted() {
    let mut story = Story::new();
    let allegation = json!({ "kind": "staff.allegation", "learned_at": "2026-11-06 10:00", "person": "sam", "source": { "on_roll": "jon" }, "narrative": "a", "hold_check": "yes" });
    let one = story.enter("maria", "2026-11-06 10:10", allegation);
    let due = "Fri 20 Nov 2026 23:59";
    story.check(
        "2026-11-06 11:00",
        &[
            (one, "LADO-DUE/refer", "open, due Mon 9 Nov 2026 23:59"),
            (one, "OFSTED-DUE/ofsted", &format!("open, due {due}")),
            (one, "OFSTED-DUE/agency", &format!("open, due {due}")),
        ],
    );
    let lado = json!({ "kind": "lado.referral", "occurred_at": "2026-11-06 11:30", "items": [{ "class": "other", "what": "a" }], "reasons": "b", "method": "M-PHONE",
        "recipient": { "agency": "AG-LADO", "verified": "V-CALLBACK", "reference": "L-1" }, "refs": to("decides", one) });
    let lado = story.enter("maria", "2026-11-06 11:40", lado);
    let no = json!({ "kind": "ofsted.notified", "occurred_at": "2026-11-10 10:00", "notifiable": "no", "reasons": "not about harm", "method": "M-PHONE",
        "recipient": { "agency": "AG-OFSTED", "verified": "V-KNOWN", "reference": "a" }, "refs": to("decides", one) });
    let no = story.enter("maria", "2026-11-10 10:10", no);
    story.check(
        "2026-11-21 11:00",
        &[
            (one, "LADO-DUE/refer", &format!("closed, due Mon 9 Nov 2026 23:59, by {lado}")),
            (lado, "WRITTEN-CONFIRMATION/form", "overdue, due Sat 7 Nov 2026 11:30"),
            (one, "OFSTED-DUE/ofsted", &format!("closed, due {due}, by {no}")),
            (one, "OFSTED-DUE/agency", &format!("closed, due {due}, by {no}")),
        ],
    );
}

#[test]
fn a_child_who_was_badly_hurt_is_told_to_both() {
    let mut story = Story::new();
    let hurt = json!({ "occurred_at": "2026-10-06 10:46", "learned_at": "2026-10-06 10:42", "risk_level": "RL-4",
        "recipient": { "agency": "AG-CSC", "verified": "V-CALLBACK", "reference": "a" } });
    let one = story.enter("maria", "2026-10-06 11:00", with(share("2026-10-06 10:44"), hurt));
    // Social care was told by it.
    story.check(
        "2026-10-06 12:00",
        &[
            (one, "OFSTED-DUE/ofsted", "open, due Tue 20 Oct 2026 23:59"),
            (one, "OFSTED-DUE/agency", &format!("closed, due Tue 20 Oct 2026 23:59, by {one}")),
        ],
    );
    let told = json!({ "kind": "ofsted.notified", "case": "ezra", "occurred_at": "2026-10-07 10:00", "notifiable": "yes", "reasons": "serious", "method": "M-PHONE",
        "recipient": { "agency": "AG-OFSTED", "verified": "V-KNOWN", "reference": "a" }, "refs": to("decides", one) });
    let told = story.enter("maria", "2026-10-07 10:10", told);
    story.check(
        "2026-10-08 12:00",
        &[(one, "OFSTED-DUE/ofsted", &format!("closed, due Tue 20 Oct 2026 23:59, by {told}"))],
    );
}

#[test]
fn one_founder_until_a_second_leading_person_confirms() {
    let agrees = || vec![(ask::VIEW, Content::Code(ShortText::new("agrees").unwrap()))];
    let mut story = Story::new();
    let genesis = story.set_up("maria", "2026-10-06 09:00", "genesis", Vec::new(), &[]);
    let name = "ONE-FOUNDER/second";
    story.check(
        "2026-10-06 10:00",
        &[(genesis, name, "open, due Tue 3 Nov 2026 23:59"), (genesis, "INCOMPLETE/fields", "nothing")],
    );
    let sams = story.set_up("sam", "2026-10-06 10:00", "confirmation", agrees(), &[("confirms", genesis)]);
    story.check(
        "2026-11-04 00:00",
        &[(genesis, name, "overdue, due Tue 3 Nov 2026 23:59"), (sams, "ROLE-INVALID/shown", "open")],
    );
    let jons = story.set_up("jon", "2026-10-07 10:00", "confirmation", agrees(), &[("confirms", genesis)]);
    story.check(
        "2026-11-04 00:00",
        &[
            (genesis, name, &format!("closed, due Tue 3 Nov 2026 23:59, by {jons}")),
            (sams, "ROLE-INVALID/shown", &format!("closed, by {jons}")),
        ],
    );
}

#[test]
fn a_policy_beyond_the_law_until_one_within_it_is_confirmed() {
    let policy = |days: u64| -> Vec<(FieldId, Content)> { vec![(ask::BEYOND_LAW, Content::Count(days))] };
    let agrees = || vec![(ask::VIEW, Content::Code(ShortText::new("agrees").unwrap()))];
    let mut story = Story::new();
    let wide = story.set_up("maria", "2026-10-06 09:00", "policy.adopt", policy(23), &[]);
    let name = "POLICY-BEYOND-LAW/change";
    story.check("2026-10-06 10:00", &[(wide, name, "open, due Tue 3 Nov 2026 23:59")]);
    let narrow = story.set_up("maria", "2026-10-07 09:00", "policy.adopt", policy(0), &[]);
    story.check("2026-10-08 10:00", &[(wide, name, "open, due Tue 3 Nov 2026 23:59"), (narrow, name, "nothing")]);
    let word = story.set_up("jon", "2026-10-08 09:00", "confirmation", agrees(), &[("confirms", narrow)]);
    story.check("2026-10-08 10:00", &[(wide, name, &format!("closed, due Tue 3 Nov 2026 23:59, by {word}"))]);
}

#[test]
fn the_maker_of_a_copy_is_no_relative() {
    let mut story = Story::new();
    story.enter("sam", "2026-10-05 09:00", parent("2026-10-05 09:00", "jon", "PR-0"));
    let request = json!({ "kind": "access.received", "case": "ezra", "occurred_at": "2026-11-24 18:50", "learned_at": "2026-11-24 18:50", "channel": "e-mail",
        "requester": { "on_roll": "priya", "verified": "V-KNOWN" }, "items_asked": [{ "what": "a" }], "identity": "known", "pr_status": "PR-1", "legal_check": "no" });
    let request = story.enter("maria", "2026-11-25 08:10", request);
    let copy = json!({ "kind": "access.cleancopy.made", "case": "ezra", "learned_at": "2026-12-11 10:00", "copy_hash": "22".repeat(32), "redactions": [],
        "folders": ["general"], "ca_question": "no", "refs": to("part_of", request) });
    let jons = story.enter("jon", "2026-12-11 10:10", copy.clone());
    let marias = story.enter("maria", "2026-12-11 10:10", copy);
    story.check("2026-12-12 10:00", &[(jons, "CONFLICT/shown", "open"), (marias, "CONFLICT/shown", "nothing")]);
}

#[test]
fn what_the_call_says_of_a_badly_hurt_child_counts_too() {
    let mut story = Story::new();
    let care = json!({ "recipient": { "agency": "AG-CSC", "verified": "V-CALLBACK", "reference": "a" } });
    let decided = story.enter("maria", "2026-10-06 10:10", with(share("2026-10-06 10:00"), care));
    let call =
        with(super::referral("2026-10-06 10:20"), json!({ "risk_level": "RL-4", "refs": to("carries_out", decided) }));
    story.enter("maria", "2026-10-06 10:30", call);
    story.check("2026-10-06 11:00", &[(decided, "OFSTED-DUE/ofsted", "open, due Tue 20 Oct 2026 23:59")]);
}

#[test]
fn who_said_no_does_not_back_going_ahead_in_spite_of_it() {
    let mut story = Story::new();
    let no = json!({ "kind": "consent.refused", "case": "ezra", "learned_at": "2026-10-06 09:00", "giver": "ruth", "purpose": ["PU-SAFE"], "method": "M-FACE" });
    let no = story.enter("maria", "2026-10-06 09:10", no);
    let over = with(
        share("2026-10-06 10:00"),
        json!({ "kind": "override", "override_of": "parent_refusal",
        "pi_test": { "aim": "a", "vuln": "b", "alt": "c", "crime": "d", "others": "e", "balance": "f" }, "refs": to("overrides", no) }),
    );
    let over = story.enter("maria", "2026-10-06 10:10", over);
    let by_ruth = story.enter("ruth", "2026-10-06 11:10", super::backing("2026-10-06 11:00", over));
    story.check("2026-10-06 12:00", &[(by_ruth, "CONFLICT/shown", "open"), (over, "UNBACKED/backing", "open")]);
}

#[test]
fn a_founding_is_confirmed_without_an_if() {
    let mut story = Story::new();
    let code = |code: &str| Content::Code(ShortText::new(code).unwrap());
    let begun = story.set_up("maria", "2026-09-01 09:00", "genesis", vec![], &[]);
    story.set_up(
        "jon",
        "2026-09-02 09:00",
        "confirmation",
        vec![(ask::VIEW, code("agrees_if"))],
        &[("confirms", begun)],
    );
    let name = "ONE-FOUNDER/second";
    story.check("2026-09-03 09:00", &[(begun, name, "open, due Tue 29 Sep 2026 23:59")]);
    let yes = story.set_up(
        "ruth",
        "2026-09-03 09:00",
        "confirmation",
        vec![(ask::VIEW, code("agrees"))],
        &[("confirms", begun)],
    );
    story.check("2026-09-03 10:00", &[(begun, name, &format!("closed, due Tue 29 Sep 2026 23:59, by {yes}"))]);
}
