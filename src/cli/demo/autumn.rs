//! The rest of the term: a consent that is taken back, a question without a name that becomes a referral, somebody's request
//! for a file, and what is owed at the end of it. All people and words are invented.

use indelible::decision::draft::Draft;
use indelible::ledger::people::Outsider;
use indelible::ledger::record::Outcome;
use indelible::rules::clock::london_day;
use indelible::store::durable;
use serde_json::json;

use crate::cli::demo::Demo;
use crate::cli::demo::stage::{Stage, broken, clock};
use crate::cli::demo::story::{Step, step};
use crate::cli::failure::Failure;
use crate::cli::review;
use crate::cli::verdict::wrap;

/// When the review is made.
pub const REVIEWED: &str = "2026-11-27T16:00:00+00:00";
const STOPPED: &str = "2026-11-16T10:00:00+00:00";

impl Stage {
    /// Opens the cases of the rest of the term: entries 25 to 27, the last of which is a mother on the roll.
    pub fn more_cases(&self) -> Result<(), Failure> {
        let now = clock("2026-11-09T09:00:00+00:00")?;
        let mut desk = self.desk("maria")?;
        for (handle, label) in [("arun", "Arun R."), ("noor", "Noor B.")] {
            desk.open_case(handle, label, &|| now, &mut durable::entropy())?;
        }
        let mother = Outsider { name: "Priya R.", handle: Some("priya"), person_type: "parent" };
        desk.add_person(mother, &|| now, &mut durable::entropy())?;
        Ok(())
    }

    /// Closes a day on which nothing was entered: entry 41.
    pub fn nil_return(&self) -> Result<(), Failure> {
        let now = clock("2026-11-27T15:20:00+00:00")?;
        let day = london_day(now);
        self.desk("maria")?.close_day(day, day, &|| now, &mut durable::entropy())?;
        Ok(())
    }

    /// Tries to share what the withdrawn consent was for: stopped, and entered as `rule.blocked`, entry 33.
    pub fn try_to_share(&self) -> Result<(String, String), Failure> {
        let draft = json!({"kind": "decision.share", "case": "arun", "learned_at": STOPPED, "decided_at": STOPPED,
            "decided_by": "sam", "recipient": {"agency": "AG-SALT", "person": "speech and language team",
            "verified": "V-KNOWN", "reference": "S-118"}, "items": [{"class": "development", "what": "progress note",
            "statement_type": "fact"}], "items_withheld": [], "purpose": "PU-HEALTH", "basis": "LB-A", "special": "SC-A",
            "method": "M-SECMAIL", "reasons": "They asked how he gets on.",
            "refs": [{"relation": "relies_on", "entry": 29}]});
        let now = clock(STOPPED)?;
        let draft = Draft::from_json(&draft).map_err(broken)?;
        match self.desk("maria")?.record(&draft, &|| now, &mut durable::entropy())? {
            Outcome::Stopped { stop, .. } => Ok((stop.says, stop.way_past)),
            other => Err(broken(format!("{other:?}"))),
        }
    }
}

impl Demo<'_, '_> {
    /// The rest of the term.
    pub(super) fn autumn(&mut self) -> Result<(), Failure> {
        self.say(
            "\nArun's mother says yes, and later: not any more. (25 to 27: two cases, and she is put on the roll.)\n",
        )?;
        self.stage.more_cases()?;
        self.enter(28, consent())?;
        let (says, way) = self.stage.try_to_share()?;
        self.say(&wrap(
            &format!("  33  Mon 16 Nov 2026 10:00  maria would share once more, and is stopped: {says}."),
            "      ",
        ))?;
        self.say(&wrap(&format!("      The way on: {way}."), "      "))?;
        self.say("\nMaria asks for advice without a name; then she gives it, and it is a referral.\n")?;
        self.enter(34, advice())?;
        self.say("\nTheo's mother asks for his file.\n")?;
        self.enter(38, access())?;
        self.say("\nAnd one thing of October is settled, late.\n")?;
        self.enter(40, notified())?;
        self.say("\nFriday was quiet, and that is entered too.\n")?;
        self.stage.nil_return()?;
        self.say("  41  Fri 27 Nov 2026 15:20  maria  the day is closed: nothing to enter (a nil return)\n")
    }

    /// What is owed, at the end.
    pub(super) fn owed(&mut self) -> Result<(), Failure> {
        let desk = self.stage.desk("maria")?;
        let found = desk.review(clock(REVIEWED)?)?;
        self.part(
            "Maria's review (`indelible review`), Friday 27 November at four. Each item names its entry, its rule and where that \
             stands, when it is due, and what to do next:",
        )?;
        let mut text = String::new();
        for item in found.waiting() {
            text += "\n";
            for line in review::lines(&desk, item, found.now)? {
                text += &wrap(&format!("  {line}"), "      ");
            }
        }
        self.say(&text)
    }
}

/// Entries 28 to 32.
pub fn consent() -> Vec<Step> {
    let team =
        json!({"agency": "AG-SALT", "person": "speech and language team", "verified": "V-KNOWN", "reference": "S-118"});
    vec![
        step(
            "2026-11-09T09:20:00+00:00",
            "maria",
            "his mother shows his birth certificate",
            json!({
            "kind": "relation.assert", "case": "arun", "learned_at": "2026-11-09T09:05:00+00:00", "person": "priya",
            "other_person": {"name": "Arun R."}, "relationship": "mother", "pr_status": "PR-1", "residence": "resident",
            "evidence_seen": "birth certificate"}),
        ),
        step(
            "2026-11-09T09:25:00+00:00",
            "maria",
            "his mother agrees to a speech referral, well informed",
            json!({
            "kind": "consent.given", "case": "arun", "learned_at": "2026-11-09T09:10:00+00:00",
            "giver": "priya", "purpose": "PU-HEALTH", "method": "M-FACE",
            "explained": {"why": "he says few words", "what": "two observations and the hearing form",
                "who_sees": "the speech and language team", "purpose": "to see whether he needs help",
                "implications": "they may invite him; no is no disadvantage"},
            "assured": {"capacity": "yes", "freely_given": "yes", "no_coercion": "yes", "withdrawal_explained": "yes"}}),
        ),
        step(
            "2026-11-10T14:10:00+00:00",
            "maria",
            "shared with the team, on that consent",
            json!({
            "kind": "decision.share", "case": "arun", "learned_at": "2026-11-10T13:50:00+00:00",
            "decided_at": "2026-11-10T13:50:00+00:00", "occurred_at": "2026-11-10T14:00:00+00:00", "decided_by": "maria",
            "recipient": team, "items": [{"class": "development", "what": "two observations", "statement_type": "fact"}],
            "items_withheld": [], "purpose": "PU-HEALTH", "basis": "LB-A", "special": "SC-A", "method": "M-SECMAIL",
            "reasons": "She asked for it, and it may help him.", "refs": [{"relation": "relies_on", "entry": 29}]}),
        ),
        step(
            "2026-11-10T15:00:00+00:00",
            "jon",
            "the deputy agrees",
            json!({
            "kind": "backing", "case": "arun", "learned_at": "2026-11-10T14:55:00+00:00", "view": "agrees",
            "reasons": "What she agreed to, and no more.", "refs": [{"relation": "backs", "entry": 30}]}),
        ),
        step(
            "2026-11-12T16:31:00+00:00",
            "maria",
            "she takes it back, at 16:20 by telephone",
            json!({
            "kind": "consent.withdrawn", "case": "arun", "learned_at": "2026-11-12T16:20:00+00:00",
            "giver": "priya", "purpose": "PU-HEALTH", "method": "M-PHONE",
            "narrative": "She would rather wait until after Christmas.", "refs": [{"relation": "withdraws", "entry": 29}]}),
        ),
    ]
}

/// Entries 34 to 37.
pub fn advice() -> Vec<Step> {
    let line =
        json!({"agency": "AG-CSC", "person": "consultation line", "verified": "V-CALLBACK", "reference": "C-551"});
    let named = json!({"agency": "AG-CSC", "person": "consultation line", "verified": "V-CALLBACK"});
    vec![
        step(
            "2026-11-17T11:06:00+00:00",
            "maria",
            "\"a child, three, says he sleeps in the car\": no name is said",
            json!({
            "kind": "advice.sought", "learned_at": "2026-11-17T11:00:00+00:00", "adviser": named, "anonymous": "yes",
            "question": "A child of three says that he sleeps in the car. What would you want us to do?"}),
        ),
        step(
            "2026-11-17T11:32:00+00:00",
            "maria",
            "the adviser asks for the name, and gets it",
            json!({
            "kind": "advice.identified", "case": "noor", "learned_at": "2026-11-17T11:20:00+00:00",
            "occurred_at": "2026-11-17T11:20:00+00:00", "adviser": named, "person": {"name": "Noor B."},
            "narrative": "Given, as they asked for it.", "refs": [{"relation": "follows", "entry": 34}]}),
        ),
        step(
            "2026-11-17T11:34:00+00:00",
            "maria",
            "they say: treat it as a referral",
            json!({
            "kind": "advice.given", "learned_at": "2026-11-17T11:25:00+00:00", "adviser": line,
            "advice": "Treat this as a referral; form within a day.", "advice_code": "refer",
            "refs": [{"relation": "answers", "entry": 34}]}),
        ),
        step(
            "2026-11-17T11:36:00+00:00",
            "maria",
            "so it is referred, the same day",
            json!({
            "kind": "referral.made", "case": "noor", "learned_at": "2026-11-17T11:25:00+00:00",
            "occurred_at": "2026-11-17T11:25:00+00:00", "decided_by": "maria", "recipient": line,
            "items": [{"class": "words_of_child", "what": "that he sleeps in the car", "statement_type": "reported_words",
                       "speaker": "Noor"}], "items_withheld": [], "method": "M-PHONE", "basis": "LB-EA", "basis_limb": 5,
            "special": "SC-G18b", "risk_level": "RL-2", "reasons": "As they advised.",
            "refs": [{"relation": "follows", "entry": 35}, {"relation": "advised_by", "entry": 36}]}),
        ),
    ]
}

/// Entry 40.
pub fn notified() -> Vec<Step> {
    vec![step(
        "2026-11-26T15:00:00+00:00",
        "maria",
        "Ofsted need not be told, and why",
        json!({
        "kind": "ofsted.notified", "case": "theo", "folder": "general", "learned_at": "2026-11-26T14:50:00+00:00",
        "occurred_at": "2026-11-26T14:50:00+00:00", "notifiable": "no", "method": "M-PHONE",
        "recipient": {"agency": "AG-OFSTED", "person": "helpline", "verified": "V-KNOWN", "reference": "O-77"},
        "reasons": "He was discharged the same evening; they say that no notification is needed.",
        "refs": [{"relation": "decides", "entry": 8}]}),
    )]
}

/// Entries 38 and 39.
pub fn access() -> Vec<Step> {
    vec![
        step(
            "2026-11-25T08:10:00+00:00",
            "maria",
            "an e-mail of last night; the month began when it came",
            json!({
            "kind": "access.received", "case": "theo", "learned_at": "2026-11-25T08:05:00+00:00",
            "occurred_at": "2026-11-24T18:50:00+00:00", "channel": "e-mail", "identity": "known", "pr_status": "PR-1",
            "legal_check": "no", "requester": {"person": "Ada A., mother", "verified": "V-KNOWN"},
            "items_asked": [{"class": "whole_file", "what": "everything about Theo"}]}),
        ),
        step(
            "2026-11-25T09:00:00+00:00",
            "maria",
            "acknowledged, and the chair is told",
            json!({
            "kind": "access.acknowledged", "case": "theo", "learned_at": "2026-11-25T08:55:00+00:00",
            "occurred_at": "2026-11-25T08:55:00+00:00", "method": "M-EMAIL", "chair_told": "2026-11-25T08:58:00+00:00",
            "refs": [{"relation": "acknowledges", "entry": 38}, {"relation": "part_of", "entry": 38}]}),
        ),
    ]
}
