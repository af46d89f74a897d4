//! Two stories of one pre-school: a child who is hurt, and a refusal that is respected, looked at again and overridden.
//! All people and words are invented.

use serde_json::{Value as Json, json};

/// One entry of the story.
pub struct Step {
    /// When it is recorded.
    pub at: &'static str,
    /// Who records it.
    pub who: &'static str,
    /// What happens, in a few words.
    pub what: &'static str,
    /// What is typed.
    pub draft: Json,
}

/// The entry that somebody would like to have said otherwise.
pub const ALTERED: u64 = 18;

/// Makes one.
pub fn step(at: &'static str, who: &'static str, what: &'static str, draft: Json) -> Step {
    Step { at, who, what, draft }
}

/// Theo is hurt; nobody can be asked; it is backed afterwards. Entries 6 to 10.
pub fn hurt() -> Vec<Step> {
    vec![
        step(
            "2026-10-06T12:05:00+01:00",
            "sam",
            "Theo collapses after eating; 999 is called",
            json!({
            "kind": "info.received", "case": "theo", "folder": "general",
            "learned_at": "2026-10-06T10:42:00+01:00",
            "source": {"on_roll": "sam", "verified": "V-KNOWN"}, "confidential": "no",
            "source_wishes": "none, I saw it myself", "risk_level": "RL-4",
            "narrative": "Theo went pale and fell two minutes after snack. Adrenaline given at 10:45."}),
        ),
        step(
            "2026-10-06T12:05:00+01:00",
            "sam",
            "his mother could not be asked in time",
            json!({
            "kind": "consent.notsought", "case": "theo", "folder": "general",
            "learned_at": "2026-10-06T10:44:00+01:00", "ns_code": "NS-1",
            "reasons": "He needed an ambulance at once. His mother was rung at 10:49 and 10:53.",
            "refs": [{"relation": "decides", "entry": 6, "kind": "info.received"}]}),
        ),
        step(
            "2026-10-06T12:05:00+01:00",
            "sam",
            "five facts go to ambulance control by telephone",
            json!({
            "kind": "decision.share", "case": "theo", "folder": "general",
            "learned_at": "2026-10-06T10:42:00+01:00", "occurred_at": "2026-10-06T10:46:00+01:00",
            "decided_at": "2026-10-06T10:44:00+01:00", "decided_by": "sam", "took_part": ["sam"],
            "recipient": {"agency": "AG-HOSP", "person": "ambulance control", "verified": "V-KNOWN",
                          "reference": "call 4471", "contact": "999"},
            "items": [{"class": "identity", "what": "name", "statement_type": "fact"},
                      {"class": "identity", "what": "date of birth", "statement_type": "fact"},
                      {"class": "health", "what": "nut allergy", "statement_type": "fact"},
                      {"class": "health", "what": "adrenaline given at 10:45", "statement_type": "fact"},
                      {"class": "contact_details", "what": "mother's telephone number", "statement_type": "fact"}],
            "items_withheld": [], "purpose": "PU-HEALTH", "purpose_words": "so that the crew could treat him",
            "basis": "LB-D", "special": "SC-C", "confidence": "CF-2", "risk_level": "RL-4", "method": "M-PHONE",
            "reasons": "He could not wait, and nobody could be asked in time.",
            "refs": [{"relation": "decides", "entry": 6}, {"relation": "relies_on", "entry": 7}]}),
        ),
        step(
            "2026-10-06T12:05:00+01:00",
            "sam",
            "his mother is reached and told at 10:58",
            json!({
            "kind": "family.told", "case": "theo", "folder": "general",
            "learned_at": "2026-10-06T10:58:00+01:00", "occurred_at": "2026-10-06T10:58:00+01:00",
            "persons_told": ["Ada A., mother"], "hold_check": "no", "method": "M-PHONE",
            "narrative": "Told her what happened, what we gave him and what we told the ambulance.",
            "refs": [{"relation": "tells_of", "entry": 8}]}),
        ),
        step(
            "2026-10-06T12:14:00+01:00",
            "maria",
            "a second person agrees, as she said at 11:20",
            json!({
            "kind": "backing", "case": "theo", "folder": "general",
            "learned_at": "2026-10-06T11:20:00+01:00", "view": "agrees",
            "reasons": "Everything that was said was needed to treat him.",
            "refs": [{"relation": "backs", "entry": 8}]}),
        ),
    ]
}

/// Ezra's mother says no, and is heard; four weeks later it is no longer safe. Entries 11 to 24.
pub fn refused(altered: bool) -> Vec<Step> {
    let mut steps = no();
    steps.extend(again(altered));
    steps.extend(although());
    steps
}

fn no() -> Vec<Step> {
    vec![
        step(
            "2026-10-08T11:08:00+01:00",
            "maria",
            "the health visitor asks about Ezra, and names no law",
            json!({
            "kind": "request.received", "case": "ezra", "folder": "general",
            "learned_at": "2026-10-08T11:00:00+01:00",
            "requester": {"agency": "AG-HV", "person": "Dana F.", "verified": "V-CALLBACK"},
            "items_asked": [{"class": "development", "what": "any concern of ours", "statement_type": "unknown"}],
            "purpose": "PU-HELP", "channel": "phone", "duty": "D-0"}),
        ),
        step(
            "2026-10-08T15:20:00+01:00",
            "maria",
            "his mother says no",
            json!({
            "kind": "consent.refused", "case": "ezra", "folder": "general",
            "learned_at": "2026-10-08T15:10:00+01:00", "giver": "Chloe M., mother", "purpose": ["PU-HELP"],
            "method": "M-FACE", "narrative": "\"I don't want social services.\""}),
        ),
        step(
            "2026-10-08T15:42:00+01:00",
            "maria",
            "not shared: below the threshold, her no is respected",
            json!({
            "kind": "decision.noshare", "case": "ezra", "folder": "general",
            "learned_at": "2026-10-08T15:10:00+01:00", "decided_at": "2026-10-08T15:40:00+01:00",
            "decided_by": "maria", "no_code": "NO-1", "review_at": "2026-11-06",
            "requester_told": {"how": "not_yet", "words": "Dana F. is rung tomorrow morning"},
            "reasons": "Nothing we have seen is beyond what early help could meet. He is no less safe today.",
            "refs": [{"relation": "answers", "entry": 11}, {"relation": "relies_on", "entry": 12}]}),
        ),
        step(
            "2026-10-08T15:55:00+01:00",
            "jon",
            "the deputy agrees",
            json!({
            "kind": "backing", "case": "ezra", "folder": "general",
            "learned_at": "2026-10-08T15:50:00+01:00", "view": "agrees",
            "reasons": "I would respect her answer too, and look again in four weeks.",
            "refs": [{"relation": "backs", "entry": 13}]}),
        ),
        step(
            "2026-10-09T09:36:00+01:00",
            "maria",
            "the health visitor is told, and why",
            json!({
            "kind": "discussion", "case": "ezra", "folder": "general",
            "learned_at": "2026-10-09T09:30:00+01:00", "identified": "yes",
            "attendees": [{"name": "Dana F., health visitor", "role": "agency"}],
            "narrative": "Told her that his mother refused, and that we look again on 6 November.",
            "refs": [{"relation": "follows", "entry": 11}]}),
        ),
        step(
            "2026-10-22T15:20:00+01:00",
            "maria",
            "early help is offered again, and declined",
            json!({
            "kind": "discussion", "case": "ezra", "folder": "general",
            "learned_at": "2026-10-22T15:00:00+01:00", "identified": "yes",
            "attendees": [{"name": "Chloe M., mother", "role": "pr_holder"}],
            "narrative": "Offered early help a second time. She thanked us and declined."}),
        ),
    ]
}

fn again(altered: bool) -> Vec<Step> {
    let heard = match altered {
        false => "Three appointments missed, 12, 20 and 29 October. She says that his weight has fallen.",
        true => "She says that all is well.",
    };
    vec![
        step(
            "2026-11-05T09:45:00+00:00",
            "sam",
            "Sam sees the pattern: hungry at 7 of 10 sessions",
            json!({
            "kind": "concern.observed", "case": "ezra", "folder": "protection",
            "learned_at": "2026-11-05T09:20:00+00:00", "hold_check": "no", "concern_type": "neglect",
            "narrative": "Hungry on arrival at 7 of the last 10 sessions; the daily notes give the dates.",
            "reasons": "It is a pattern now, and he is two."}),
        ),
        step(
            "2026-11-06T10:02:00+00:00",
            "maria",
            "the health visitor rings: three missed appointments",
            json!({
            "kind": "info.received", "case": "ezra", "folder": "protection",
            "learned_at": "2026-11-06T09:50:00+00:00",
            "source": {"agency": "AG-HV", "person": "Dana F.", "verified": "V-KNOWN"}, "confidential": "no",
            "source_wishes": "that we act on it", "concern_type": "neglect", "narrative": heard}),
        ),
        step(
            "2026-11-06T10:20:00+00:00",
            "maria",
            "the no-share of 8 October is looked at again",
            json!({
            "kind": "discussion", "case": "ezra", "folder": "protection",
            "learned_at": "2026-11-06T10:15:00+00:00", "identified": "yes",
            "attendees": [{"person": "maria", "role": "staff"}, {"person": "jon", "role": "staff"}],
            "narrative": "What we hoped help at home would change has got worse.",
            "refs": [{"relation": "reviews", "entry": 13}, {"relation": "follows", "entry": 17}]}),
        ),
    ]
}

fn although() -> Vec<Step> {
    let recipient = json!({"agency": "AG-CSC", "person": "MASH, duty social worker", "verified": "V-CALLBACK",
        "reference": "M-2207", "contact": "the number on our own list"});
    let items = json!([
        {"class": "attendance", "what": "appointments missed on 12, 20 and 29 October", "statement_type": "fact"},
        {"class": "care_observed", "what": "hungry at 7 of the last 10 sessions", "statement_type": "fact"},
        {"class": "health", "what": "weight has fallen", "statement_type": "reported_words", "speaker": "Dana F."}]);
    vec![
        step(
            "2026-11-06T11:02:00+00:00",
            "maria",
            "her no is overridden, for his sake, with reasons",
            json!({
            "kind": "override", "case": "ezra", "folder": "protection",
            "learned_at": "2026-11-06T10:15:00+00:00", "decided_at": "2026-11-06T11:00:00+00:00",
            "decided_by": "maria", "took_part": ["maria"], "override_of": "parent_refusal",
            "recipient": recipient, "items": items,
            "items_withheld": [{"class": "development", "what": "learning journal", "statement_type": "fact",
                                "why": "not needed to judge this"}],
            "purpose": "PU-SAFE", "purpose_words": "so that neglect can be assessed", "basis": "LB-EA",
            "basis_limb": 5, "special": "SC-G18b", "confidence": "CF-2", "risk_level": "RL-3", "method": "M-PHONE",
            "threshold": "significant harm suspected",
            "reasons": "It has got worse in four weeks; he is two and cannot speak for himself.",
            "pi_test": {"aim": "to have neglect assessed", "vuln": "aged two, cannot report",
                "alt": "early help offered 8 and 22 October, declined", "crime": "none known",
                "others": "a baby at home", "balance": "only appointments, meals, and weight as it was told to us"},
            "refs": [{"relation": "overrides", "entry": 12}, {"relation": "reviews", "entry": 13},
                     {"relation": "decides", "entry": 17}, {"relation": "decides", "entry": 18},
                     {"relation": "decides", "entry": 19}]}),
        ),
        step(
            "2026-11-06T11:20:00+00:00",
            "jon",
            "the deputy agrees, before anything is said",
            json!({
            "kind": "backing", "case": "ezra", "folder": "protection",
            "learned_at": "2026-11-06T11:15:00+00:00", "view": "agrees",
            "reasons": "Three facts, each needed; I see no gentler way left.",
            "refs": [{"relation": "backs", "entry": 20}]}),
        ),
        step(
            "2026-11-06T11:38:00+00:00",
            "maria",
            "referred to MASH by telephone at 11:30",
            json!({
            "kind": "referral.made", "case": "ezra", "folder": "protection",
            "learned_at": "2026-11-06T11:30:00+00:00", "occurred_at": "2026-11-06T11:30:00+00:00",
            "decided_by": "maria", "recipient": recipient, "items": items, "method": "M-PHONE", "basis": "LB-EA",
            "basis_limb": 5, "special": "SC-G18b", "risk_level": "RL-3", "reasons": "As decided at 11:00.",
            "refs": [{"relation": "carries_out", "entry": 20}]}),
        ),
        step(
            "2026-11-06T13:36:00+00:00",
            "maria",
            "his mother is told; nobody is less safe for it",
            json!({
            "kind": "family.told", "case": "ezra", "folder": "protection",
            "learned_at": "2026-11-06T13:30:00+00:00", "occurred_at": "2026-11-06T13:30:00+00:00",
            "persons_told": ["Chloe M., mother"], "hold_check": "no", "method": "M-FACE",
            "narrative": "Told her what we passed on, to whom and why.",
            "refs": [{"relation": "tells_of", "entry": 22}]}),
        ),
        step(
            "2026-11-06T14:12:00+00:00",
            "maria",
            "the written form follows, through the portal",
            json!({
            "kind": "share.done", "case": "ezra", "folder": "protection",
            "learned_at": "2026-11-06T14:10:00+00:00", "occurred_at": "2026-11-06T14:10:00+00:00",
            "recipient": recipient, "method": "M-PORTAL",
            "refs": [{"relation": "writes_up", "entry": 22}]}),
        ),
    ]
}

/// What social care answered: two tellings, for two histories.
pub fn answer(told_otherwise: bool) -> Step {
    let (outcome, narrative) = match told_otherwise {
        false => ("s47", "They open an enquiry today."),
        true => ("no_action", "They do nothing further."),
    };
    step(
        "2026-11-27T16:30:00+00:00",
        "maria",
        "social care answers",
        json!({
        "kind": "referral.outcome", "case": "ezra", "folder": "protection",
        "learned_at": "2026-11-27T16:20:00+00:00",
        "source": {"agency": "AG-CSC", "person": "MASH, duty social worker", "verified": "V-CALLBACK"},
        "outcome": outcome, "narrative": narrative,
        "refs": [{"relation": "answers", "entry": 22}]}),
    )
}
