//! Drafts checked as people type them: the two worked drafts, and every way in which one can be short or wrong.
// Long because: every kind and field of the pack is filled in, checked and shown again.

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

use crate::codec::{Folder, KindNumber, PersonId, WORDS_LIMIT};
use crate::decision::check::{HEAD, WORDS_ROOM};
use crate::decision::decision::Decision;
use crate::decision::draft::Draft;
use crate::decision::gap::{Flag, Gap, GapLevel};
use crate::decision::render::{Named, render};
use crate::decision::value::{Content, Moment};
use crate::decision::view::View;
use crate::decision::view::fake::{CASES, FakeView, PEOPLE, person, tag};
use crate::rules::kind::{CaseRule, Field, FieldType};
use crate::rules::pack::{BUILT_IN, Pack};

/// A happened share in an emergency.
const SHARE: &str = include_str!("../../tests/vectors/drafts/share.json");

/// A proposed override.
const OVERRIDE: &str = include_str!("../../tests/vectors/drafts/override.json");

fn pack() -> &'static Pack {
    static PACK: std::sync::OnceLock<Pack> = std::sync::OnceLock::new();
    PACK.get_or_init(|| Pack::parse(BUILT_IN).unwrap())
}

fn at(text: &str) -> i64 {
    Moment::parse(text).unwrap().milliseconds
}

fn sam() -> FakeView {
    let view = FakeView::of("sam").with(212, "info.received", "theo", Folder::General, "sam");
    view.with(213, "consent.notsought", "theo", Folder::General, "sam")
}

fn maria() -> FakeView {
    FakeView::of("maria")
        .with(341, "consent.refused", "ezra", Folder::General, "sam")
        .with(342, "decision.noshare", "ezra", Folder::General, "maria")
        .with(387, "info.received", "ezra", Folder::General, "sam")
        .with(388, "discussion", "ezra", Folder::Protection, "maria")
}

fn checked(text: &str, view: &FakeView, now: &str) -> Result<Decision, Vec<Gap>> {
    Draft::from_json_text(text).remove(0).draft.unwrap().check(pack(), view, at(now))
}

fn share(change: impl FnOnce(&mut Json)) -> Result<Decision, Vec<Gap>> {
    let mut json: Json = serde_json::from_str(SHARE).unwrap();
    change(&mut json);
    Draft::from_json(&json).unwrap().check(pack(), &sam(), at("2026-10-06 12:05"))
}

fn paths(gaps: &[Gap]) -> Vec<(&str, GapLevel)> {
    gaps.iter().map(|gap| (gap.field.as_str(), gap.level)).collect()
}

fn handle(named: Named) -> Option<String> {
    let handles = match named {
        Named::Person(id) => PEOPLE.iter().find(|known| person(known) == id),
        Named::Case(id) => CASES.iter().find(|known| tag(known) == id),
    };
    handles.map(|handle| (*handle).to_owned())
}

fn comes_back(text: &str, decision: &Decision) {
    let mut typed: Json = serde_json::from_str(text).unwrap();
    let object = typed.as_object_mut().unwrap();
    for key in HEAD.into_iter().chain(["decided_at"]) {
        object.remove(key);
    }
    let rendered = render(pack(), decision.values(), decision.words(), &handle);
    assert_eq!(Json::Object(rendered), typed);
}

#[test]
fn the_share_in_an_emergency_checks_cleanly_and_comes_back() {
    let decision = checked(SHARE, &sam(), "2026-10-06 12:05").unwrap();
    assert_eq!(decision.kind().name(), Some("decision.share"));
    assert_eq!((decision.case(), decision.folder()), (Some(tag("theo")), Folder::General));
    assert!(decision.is_act() && decision.happened());
    assert_eq!((decision.gaps(), decision.flags()), (&[][..], &[Flag::Emergency][..]));
    assert_eq!(decision.occurred(), Moment::instant(at("2026-10-06 10:46"), 60));
    let references: Vec<u64> = decision.references().iter().map(|reference| reference.entry).collect();
    assert_eq!(references, [212, 213]);
    assert_eq!(decision.references()[0].digest, sam().entry(212).unwrap().digest);
    assert!(decision.values().is_sorted_by_key(|value| (value.field, value.position)));
    assert!(decision.words().is_sorted_by_key(|word| (word.field, word.position)));
    let filled = decision.values().iter().filter(|value| value.content == Content::Filled).count();
    assert_eq!(filled, decision.words().len());
    comes_back(SHARE, &decision);
}

#[test]
fn the_proposed_override_checks_cleanly_and_comes_back() {
    let decision = checked(OVERRIDE, &maria(), "2026-11-06 11:02").unwrap();
    assert!(decision.is_act() && !decision.happened() && !decision.occurred().is_some());
    assert_eq!((decision.folder(), decision.flags()), (Folder::Protection, &[][..]));
    assert_eq!(decision.references().len(), 4);
    comes_back(OVERRIDE, &decision);
}

#[test]
fn words_without_a_key_show_as_sealed() {
    let decision = checked(SHARE, &sam(), "2026-10-06 12:05").unwrap();
    let rendered = render(pack(), decision.values(), &[], &|_| None);
    assert_eq!(rendered["reasons"], json!({ "sealed": true }));
    assert_eq!(rendered["recipient"]["agency"], "AG-HOSP");
    assert_eq!(rendered["decided_by"], person("sam").to_string());
    let rendered = render(pack(), &[], decision.words(), &|_| None);
    assert_eq!(rendered["items"][4]["what"], "mother's telephone number");
}

#[test]
fn an_emergency_with_reference_and_items_left_open_is_accepted_with_two_open_items() {
    let decision = share(|json| {
        json["items"] = json!([]);
        json["recipient"]["reference"] = json!("");
    });
    let decision = decision.unwrap();
    let open = [("items", GapLevel::BeforeAct), ("recipient.reference", GapLevel::BeforeAct)];
    assert_eq!(paths(decision.gaps()), open);
    assert_eq!(decision.flags(), [Flag::Incomplete, Flag::Emergency]);
    // To somebody who can wait, what is shared must be said.
    let gaps = share(|json| {
        json["items"] = json!([]);
        json["recipient"]["agency"] = json!("AG-SCH");
    });
    assert_eq!(paths(&gaps.unwrap_err()), [("items", GapLevel::Always)]);
}

#[test]
fn every_gap_and_error_shows_at_once_and_no_words_do() {
    let gaps = share(|json| {
        json["reasons"] = json!("  ");
        json["reson"] = json!("He collapsed");
        json["Theo hurt"] = json!(1);
        json["basis"] = json!("LB-Z");
        json["purpose"] = json!(null);
        json["learned_at"] = json!("2026-10-06 13:00");
        json["occurred_at"] = json!("yesterday");
        json["items"][2]["class"] = json!("blood");
        json["items"][1]["clas"] = json!("x");
        json["case"] = json!("the");
        json["decided_by"] = json!("Sam Leigh");
        json["refs"][0]["entry"] = json!(999);
        json["refs"][1]["kind"] = json!("discussion");
        json["folder"] = json!("staff");
        json["id"] = json!("12");
    })
    .unwrap_err();
    let shown = format!("{gaps:?}");
    for word in ["collapsed", "Theo", "Leigh", "LB-Z", "blood", "yesterday"] {
        assert!(!shown.contains(word), "{word}");
    }
    for field in ["reson", "(not shown)", "basis", "learned_at", "occurred_at", "items[2].class", "items[1].clas"]
        .into_iter()
        .chain(["case", "decided_by", "refs[0].entry", "refs[1].kind", "folder", "id"])
    {
        assert!(paths(&gaps).contains(&(field, GapLevel::Error)), "{field}");
    }
    assert!(paths(&gaps).contains(&("reasons", GapLevel::Always)));
    assert!(paths(&gaps).contains(&("purpose", GapLevel::BeforeAct)));
    let find = |field: &str| gaps.iter().find(|gap| gap.field == field).unwrap();
    assert_eq!(find("reson").what, "there is no field reson in decision.share");
    assert_eq!(find("reson").next, "did you mean reasons?");
    assert_eq!(find("basis").next, "give one of: LB-A, LB-B, LB-C, LB-D, LB-E, LB-EA, LB-F");
    assert_eq!(find("case").what, "fits more than one child's case");
    assert_eq!(find("reasons").what, "not answered: Why is it shared?");
    assert_eq!(gaps.iter().filter(|gap| gap.field == "basis").count(), 1);
}

#[test]
fn special_category_is_asked_only_where_an_item_is_one() {
    let without = |class: &str| {
        share(|json| {
            json["special"] = json!(null);
            json["items"] = json!([{ "class": class, "what": "x" }]);
        })
        .unwrap()
    };
    assert_eq!(paths(without("health").gaps()), [("special", GapLevel::BeforeAct)]);
    assert!(without("attendance").gaps().is_empty());
}

#[test]
fn one_blank_answer_of_the_public_interest_test_is_named_and_stops_nothing() {
    let text = OVERRIDE.replace("a baby at home", "").replace("V-CALLBACK", "V-NONE");
    let decision = checked(&text, &maria(), "2026-11-06 11:02").unwrap();
    let open = [("recipient.verified", GapLevel::BeforeAct), ("pi_test.others", GapLevel::BeforeAct)];
    assert_eq!(paths(decision.gaps()), open);
    let text = OVERRIDE.replace(r#"{"relation":"overrides","entry":341,"kind":"consent.refused"},"#, "");
    let decision = checked(&text, &maria(), "2026-11-06 11:02").unwrap();
    assert_eq!(paths(decision.gaps()), [("refs", GapLevel::BeforeAct)]);
    assert!(decision.gaps()[0].next.contains("consent was not asked"));
}

#[test]
fn an_agency_with_a_detail_behind_a_slash_is_its_code_and_words() {
    let with = |change: &dyn Fn(&mut Json)| {
        let decision = share(|json| {
            json["recipient"]["agency"] = json!("AG-HOSP/ambulance");
            change(json);
        })
        .unwrap();
        render(pack(), decision.values(), decision.words(), &handle)["recipient"].clone()
    };
    let as_typed = with(&|_| ());
    assert_eq!((&as_typed["agency"], &as_typed["reference"]), (&json!("AG-HOSP"), &json!("call 4471")));
    assert_eq!(as_typed["person"], "ambulance: ambulance control, call taker");
    assert_eq!(with(&|json| json["recipient"]["person"] = Json::Null)["person"], "ambulance");
    assert_eq!(
        with(&|json| json["recipient"]["agency"] = json!("AG-HOSP / A&E / desk"))["person"].as_str().unwrap(),
        "A&E / desk: ambulance control, call taker"
    );
    // Somebody of the roll stays who they are.
    let known = with(&|json| json["recipient"]["person"] = json!("maria"));
    assert_eq!((&known["on_roll"], &known["contact"]), (&json!("maria"), &json!("ambulance: 999")));
    // What stands behind the slash is words, also where it reads like a handle of the roll.
    for typed in ["AG-HOSP/maria", "AG-HOSP/ maria "] {
        let alike = with(&|json| {
            json["recipient"]["agency"] = json!(typed);
            json["recipient"]["person"] = Json::Null;
        });
        assert_eq!((&alike["agency"], &alike["person"]), (&json!("AG-HOSP"), &json!("maria")), "{typed}");
        assert_eq!(alike.get("on_roll"), None, "{typed}");
    }
    // Nothing is guessed: no code before the slash, nothing behind it.
    for agency in ["AG-NONE/ambulance", "AG-HOSP/", "/ambulance", "ambulance/AG-HOSP"] {
        let gaps = share(|json| json["recipient"]["agency"] = json!(agency)).unwrap_err();
        assert_eq!(paths(&gaps), [("recipient.agency", GapLevel::Error)], "{agency}");
        assert!(gaps[0].next.contains("AG-CSC"), "{}", gaps[0].next);
    }
    // Where there is no place for words, it is said what to write.
    let gaps = share(|json| json["items"][0]["class"] = json!("identity/name")).unwrap_err();
    assert_eq!(gaps[0].next, "give identity alone here, and write the rest into a field of words");
}

#[test]
fn when_and_whether_it_happened() {
    let when = |occurred: Json, decided: Json, happened: Json| {
        share(|json| {
            json["occurred_at"] = occurred;
            json["decided_at"] = decided;
            json["happened"] = happened;
        })
    };
    let no = Json::Null;
    assert!(!when(no.clone(), json!("2026-10-06 10:44"), no.clone()).unwrap().happened());
    assert!(!when(json!("2026-10-07 10:44"), no.clone(), no.clone()).unwrap().happened());
    assert!(when(json!("2026-10-06"), no.clone(), no.clone()).unwrap().happened());
    let forced = when(no.clone(), json!("2026-10-06 10:44"), json!(true)).unwrap();
    assert!(forced.happened());
    assert_eq!(paths(forced.gaps()), [("occurred_at", GapLevel::BeforeAct)]);
    let error = when(json!("2026-10-07 10:44"), no.clone(), json!(true)).unwrap_err();
    assert_eq!(paths(&error), [("occurred_at", GapLevel::Error)]);
    assert!(when(no.clone(), json!("2026-10-07"), no.clone()).is_err());
    // Nothing holds a share with the ambulance up: without any time it is proposed as decided now.
    let now = when(no.clone(), no.clone(), no.clone()).unwrap();
    assert_eq!((now.happened(), now.decided()), (false, Moment::instant(at("2026-10-06 12:05"), 60)));
    let gaps = share(|json| {
        (json["occurred_at"], json["decided_at"]) = (Json::Null, Json::Null);
        json["recipient"]["agency"] = json!("AG-SCH");
    });
    let gaps = gaps.unwrap_err();
    assert_eq!(paths(&gaps), [("occurred_at", GapLevel::Always)]);
    assert!(gaps[0].next.ends_with("; if it is still to be done, give decided_at instead"), "{:?}", gaps[0]);
}

#[test]
fn a_decision_not_to_share_happens_when_it_is_decided() {
    let draft = json!({ "kind": "decision.noshare", "case": "ezra", "decided_at": "2026-10-08 15:40",
        "reasons": "below the threshold", "no_code": "NO-1", "requester_told": { "how": "told" },
        "review_at": "2026-11-06", "decided_by": "maria" });
    let decision = Draft::from_json(&draft).unwrap().check(pack(), &maria(), at("2026-10-08 15:42")).unwrap();
    assert!(decision.happened() && decision.gaps().is_empty());
    assert_eq!(decision.folder(), Folder::General);
}

#[test]
fn folders_follow_the_kind_the_risk_and_what_is_spoken_of() {
    let concern = |change: Json| {
        let mut draft = json!({ "kind": "concern.observed", "narrative": "hungry again", "reasons": "a pattern",
            "case": "ezra", "learned_at": "2026-11-05 09:20" });
        draft.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        Draft::from_json(&draft).unwrap().check(pack(), &maria(), at("2026-11-06 11:00")).map(|d| d.folder())
    };
    assert_eq!(concern(json!({})), Ok(Folder::General));
    assert_eq!(concern(json!({ "risk_level": "RL-3" })), Ok(Folder::Protection));
    assert_eq!(concern(json!({ "risk_level": "RL-3", "folder": "general" })), Ok(Folder::General));
    assert_eq!(concern(json!({ "refs": [{ "relation": "follows", "entry": 388 }] })), Ok(Folder::Protection));
    assert_eq!(concern(json!({ "case": null })), Ok(Folder::Intake));
    assert!(concern(json!({ "case": null, "folder": "general" })).is_err());
    assert!(concern(json!({ "folder": "intake" })).is_err());
    // A referral cannot wait for a case to be opened.
    let referral = json!({ "kind": "referral.made", "recipient": { "agency": "AG-CSC" }, "reasons": "C-551" });
    let decision = Draft::from_json(&referral).unwrap().check(pack(), &maria(), at("2026-11-03 11:36")).unwrap();
    assert_eq!((decision.case(), decision.folder(), decision.happened()), (None, Folder::Intake, false));
}

#[test]
fn people_outside_the_roll_are_words() {
    let told = json!({ "kind": "family.told", "case": "theo", "occurred_at": "2026-10-06 10:58",
        "persons_told": ["Hannah, the mother", { "name": "her sister" }, "jon"], "narrative": "all of it",
        "hold_check": false, "took_part": [{ "name": "Alex of the agency" }],
        "refs": [{ "relation": "tells_of", "entry": "212" }] });
    let decision = Draft::from_json(&told).unwrap().check(pack(), &sam(), at("2026-10-06 12:05")).unwrap();
    let structure = format!("{:?}", decision);
    assert!(!structure.contains("Hannah") && !structure.contains("sister") && !structure.contains("Alex"));
    let rendered = render(pack(), decision.values(), decision.words(), &handle);
    let expected = json!([{ "name": "Hannah, the mother" }, { "name": "her sister" }, "jon"]);
    assert_eq!(rendered["persons_told"], expected);
    assert_eq!(rendered["hold_check"], "no");
    let training = json!({ "kind": "training.done", "person": "Hannah", "course": "prevent" });
    let gaps = Draft::from_json(&training).unwrap().check(pack(), &sam(), 0).unwrap_err();
    assert_eq!(paths(&gaps), [("person", GapLevel::Error)]);
}

#[test]
fn an_entry_that_completes_another_needs_only_what_it_fills_in() {
    let fills = json!({ "kind": "decision.share", "case": "theo", "decided_at": "2026-10-06 12:00", "basis": "LB-D",
        "refs": [{ "relation": "completes", "entry": 214 }] });
    let view = sam().with(214, "decision.share", "theo", Folder::General, "sam");
    let decision = Draft::from_json(&fills).unwrap().check(pack(), &view, at("2026-10-06 13:00")).unwrap();
    assert!(decision.gaps().is_empty() && decision.flags().contains(&Flag::Emergency));
    let mut nothing = fills.clone();
    nothing["basis"] = Json::Null;
    assert!(Draft::from_json(&nothing).unwrap().check(pack(), &view, at("2026-10-06 13:00")).is_err());
    // What an entry rests on is filled in by naming it.
    let consents = sam().with(214, "decision.share", "theo", Folder::General, "sam");
    let consents = consents.with(215, "consent.given", "theo", Folder::General, "sam");
    nothing["refs"] = json!([{ "relation": "completes", "entry": 214 }, { "relation": "relies_on", "entry": 215 }]);
    assert!(Draft::from_json(&nothing).unwrap().check(pack(), &consents, at("2026-10-06 13:00")).is_ok());
    let mut twice = fills.clone();
    twice["refs"] = json!([{ "relation": "completes", "entry": 214 }, { "relation": "completes", "entry": 215 }]);
    let more = sam().with(214, "decision.share", "theo", Folder::General, "sam").with(
        215,
        "decision.share",
        "theo",
        Folder::General,
        "sam",
    );
    let gaps = Draft::from_json(&twice).unwrap().check(pack(), &more, at("2026-10-06 13:00")).unwrap_err();
    assert_eq!(paths(&gaps), [("refs", GapLevel::Error)]);
    let mut elsewhere = fills.clone();
    elsewhere["case"] = json!("ezra");
    let gaps = Draft::from_json(&elsewhere).unwrap().check(pack(), &view, at("2026-10-06 13:00")).unwrap_err();
    assert_eq!(paths(&gaps), [("case", GapLevel::Error)]);
    let mut other = fills.clone();
    other["refs"][0]["entry"] = json!(212);
    let gaps = Draft::from_json(&other).unwrap().check(pack(), &view, at("2026-10-06 13:00")).unwrap_err();
    assert!(gaps.iter().any(|gap| gap.what.contains("completes cannot point at entry 212")));
}

#[test]
fn what_was_filled_is_not_changed_by_completing_it() {
    let earlier = share(|json| {
        json["basis"] = Json::Null;
        json["recipient"]["reference"] = Json::Null;
        json["recipient"]["verified"] = json!("V-NONE");
        json["items"][2]["statement_type"] = json!("historical");
        json["took_part"] = Json::Null;
    })
    .unwrap();
    assert!(paths(earlier.gaps()).contains(&("items[2].as_of", GapLevel::BeforeAct)));
    let view = sam().with(214, "decision.share", "theo", Folder::General, "sam").saying(214, earlier.values());
    let fill = |fields: Json| {
        let mut draft = json!({ "kind": "decision.share", "case": "theo", "decided_at": "2026-10-06 12:30",
            "refs": [{ "relation": "completes", "entry": 214 }] });
        draft.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        Draft::from_json(&draft).unwrap().check(pack(), &view, at("2026-10-06 13:00"))
    };
    let open = json!({ "basis": "LB-D", "recipient": { "reference": "call 4471", "verified": "V-KNOWN" },
        "items": [null, null, { "as_of": "2026-09-01" }], "took_part": ["jon"] });
    assert!(fill(open).is_ok());
    let changed = [
        (json!({ "method": "M-PHONE" }), "method"),
        (json!({ "reasons": "It was worse than that." }), "reasons"),
        (json!({ "recipient": { "agency": "AG-POL" } }), "recipient.agency"),
        (json!({ "items": [{ "what": "another name" }] }), "items[0].what"),
        (json!({ "items": [null, null, null, null, null, { "class": "family" }] }), "items[5]"),
        (json!({ "items_withheld": [{ "class": "family", "what": "x" }] }), "items_withheld[0]"),
        (json!({ "items_withheld": [] }), "items_withheld"),
        (json!({ "decided_by": { "name": "Alex" } }), "decided_by"),
    ];
    for (fields, path) in changed {
        let gaps = fill(fields).unwrap_err();
        assert_eq!(paths(&gaps), [(path, GapLevel::Error)]);
        assert!(gaps[0].what.contains("entry 214") && gaps[0].next.contains("correction.fact"));
    }
}

#[test]
fn a_share_that_rests_on_not_asking_in_an_emergency_is_one() {
    let rests = |code: &str| {
        let draft = json!({ "kind": "consent.notsought", "case": "theo", "learned_at": "2026-10-06 10:44",
            "ns_code": code, "reasons": "He could not wait." });
        let ground = Draft::from_json(&draft).unwrap().check(pack(), &sam(), at("2026-10-06 12:00")).unwrap();
        let mut share: Json = serde_json::from_str(SHARE).unwrap();
        for (field, answer) in [("basis", "LB-E"), ("special", "SC-H"), ("risk_level", "RL-2")] {
            share[field] = json!(answer);
        }
        let view = sam().saying(213, ground.values());
        let decision = Draft::from_json(&share).unwrap().check(pack(), &view, at("2026-10-06 12:05")).unwrap();
        (decision.flags().to_vec(), paths(ground.gaps()) == [("refs", GapLevel::BeforeAct)])
    };
    assert_eq!(rests("NS-1"), (vec![Flag::Emergency], false));
    assert_eq!(rests("NS-5"), (vec![], false));
    // Who gave the advice is asked for only where advice is the reason.
    assert_eq!(rests("NS-8"), (vec![], true));
}

#[test]
fn a_request_that_names_no_law_can_say_so() {
    let request = |duty: Json| {
        let draft = json!({ "kind": "request.received", "case": "theo", "learned_at": "2026-10-06 10:44",
            "requester": { "agency": "AG-HV", "person": "Dana F.", "verified": "V-KNOWN" }, "duty": duty,
            "items_asked": [{ "what": "how he is" }], "purpose": "PU-HEALTH", "channel": "phone" });
        Draft::from_json(&draft).unwrap().check(pack(), &sam(), at("2026-10-06 12:00")).unwrap()
    };
    assert_eq!(paths(request(Json::Null).gaps()), [("duty", GapLevel::BeforeAct)]);
    assert!(request(json!("D-0")).gaps().is_empty());
    // Nothing holds up an answer under these duties, whoever asks; one to a family's friend waits for what is said.
    let answer = |agency: &str, duty: &str| {
        let draft = json!({ "kind": "enquiry.answered", "case": "theo", "reasons": "They asked.", "duty": duty,
            "requester": { "agency": agency } });
        let view = sam();
        Draft::from_json(&draft).unwrap().check(pack(), &view, at("2026-10-06 12:00")).is_ok()
    };
    let held = [("AG-CSC", "D-0"), ("AG-OTHER", "D-S47"), ("AG-OTHER", "D-0"), ("AG-SCH", "D-0")];
    assert_eq!(held.map(|(agency, duty)| answer(agency, duty)), [true, true, false, false]);
}

#[test]
fn while_the_duty_to_disclose_is_in_force_not_sharing_says_why_it_would_be_worse() {
    let on = Pack::parse(&BUILT_IN.replacen("on = false", "on = true", 1)).unwrap();
    let noshare = |pack: &Pack, code: Json| {
        let draft = json!({ "kind": "decision.noshare", "case": "ezra", "decided_at": "2026-10-08 15:40",
            "reasons": "below the threshold", "no_code": code, "requester_told": { "how": "told" },
            "review_at": "2026-11-06", "decided_by": "maria" });
        let decision = Draft::from_json(&draft).unwrap().check(pack, &maria(), at("2026-10-08 15:42")).unwrap();
        decision.gaps().iter().map(|gap| (gap.field.clone(), gap.what.contains("duty to disclose"))).collect::<Vec<_>>()
    };
    assert!(noshare(pack(), json!("NO-1")).is_empty());
    assert_eq!(noshare(&on, json!("NO-1")), [("no_code".to_owned(), true)]);
    assert!(noshare(&on, json!("NO-6")).is_empty());
    assert_eq!(noshare(&on, Json::Null), [("no_code".to_owned(), false)]);
}

#[test]
fn the_folder_follows_what_is_said_and_what_is_spoken_of() {
    let folder = |draft: Json, view: &FakeView| {
        let mut draft = draft;
        draft["learned_at"] = json!("2026-11-06 10:15");
        Draft::from_json(&draft).unwrap().check(pack(), view, at("2026-11-06 11:02")).unwrap().folder()
    };
    let hold = |code: &str, case: Json| {
        folder(json!({ "kind": "hold.placed", "case": case, "hold_code": code, "reasons": "r" }), &maria())
    };
    let ezra = || json!("ezra");
    assert_eq!(
        ["HT-TELL", "HT-PREVENT", "HT-LEGAL", "HT-ACCUSED", "HT-ACCESS"].map(|code| hold(code, ezra())),
        [Folder::Protection, Folder::Protection, Folder::Legal, Folder::Staff, Folder::Access]
    );
    // Without a child only the setting's folders are open.
    assert_eq!(["HT-LEGAL", "HT-ACCUSED"].map(|code| hold(code, Json::Null)), [Folder::Access, Folder::Staff]);
    let view = maria().with(400, "staff.allegation", "ezra", Folder::Staff, "maria");
    let told = |entry: u64| {
        let refs = json!([{ "relation": "decides", "entry": entry }]);
        folder(
            json!({ "kind": "ofsted.notified", "case": "ezra", "notifiable": "yes", "reasons": "r", "refs": refs,
            "recipient": { "agency": "AG-OFSTED" }, "decided_at": "2026-11-06 10:20" }),
            &view,
        )
    };
    assert_eq!([told(400), told(387)], [Folder::Staff, Folder::General]);
    let heard = |case: Json| {
        let spoken = json!([{ "words": "It was on my leg." }]);
        folder(json!({ "kind": "disclosure.heard", "case": case, "verbatim": spoken, "narrative": "n" }), &maria())
    };
    assert_eq!([heard(ezra()), heard(Json::Null)], [Folder::Protection, Folder::Intake]);
}

#[test]
fn relations_point_where_they_may_and_unread_structure_is_let_be() {
    let wrong = share(|json| json["refs"] = json!([{ "relation": "backs", "entry": 212 }])).unwrap_err();
    assert_eq!(paths(&wrong), [("refs[0].relation", GapLevel::Error)]);
    let wrong = share(|json| json["refs"] = json!([{ "relation": "overrides", "entry": 1, "x": 1 }])).unwrap_err();
    assert_eq!(wrong.len(), 2);
    let twice = json!([{ "relation": "decides", "entry": 212 }, { "relation": "decides", "entry": 212 }]);
    assert_eq!(share(|json| json["refs"] = twice).unwrap_err()[0].what, "is given twice");
    let mut view = sam();
    view.entries.get_mut(&212).unwrap().kind = None;
    assert!(checked(SHARE, &view, "2026-10-06 12:05").is_ok());
}

#[test]
fn lists_are_bounded_whole_and_without_repeats() {
    let gaps = share(|json| json["took_part"] = json!(["sam", "", "sam"])).unwrap_err();
    assert_eq!(paths(&gaps), [("took_part[1]", GapLevel::Error), ("took_part[2]", GapLevel::Error)]);
    let gaps = share(|json| json["items"] = json!(vec![json!({"class": "other"}); 201])).unwrap_err();
    assert_eq!(paths(&gaps), [("items", GapLevel::Error)]);
    assert!(share(|json| json["took_part"] = json!("jon")).is_ok());
    let long = share(|json| json["reasons"] = json!("x".repeat(WORDS_LIMIT - WORDS_ROOM))).unwrap_err();
    assert_eq!(paths(&long), [("words", GapLevel::Error)]);
    assert!(share(|json| json["purpose"] = json!(["PU-SAFE", "PU-HEALTH"])).is_err());
    let refused = json!({ "kind": "consent.refused", "case": "ezra", "giver": "Chloe", "purpose": ["PU-SAFE", "PH-5"],
        "learned_at": "2026-10-08 15:10" });
    let decision = Draft::from_json(&refused).unwrap().check(pack(), &maria(), at("2026-10-08 15:20")).unwrap();
    let rendered = render(pack(), decision.values(), decision.words(), &handle);
    assert_eq!(rendered["purpose"], json!(["PU-SAFE", "PH-5"]));
}

#[test]
fn backing_needs_what_it_backs() {
    let backing = json!({ "kind": "backing", "case": "ezra", "learned_at": "2026-11-06 11:20", "view": "agrees",
        "reasons": "right" });
    let gaps = Draft::from_json(&backing).unwrap().check(pack(), &maria(), at("2026-11-06 11:20")).unwrap_err();
    assert_eq!(paths(&gaps), [("refs", GapLevel::Always)]);
}

#[test]
fn the_clerk_makes_entries_of_its_own() {
    use crate::codec::{Bytes, Digest, ShortText};
    use crate::decision::value::{FieldId, Value};
    let value =
        |path: &str, position, content| Value { field: FieldId(pack().id_of(path).unwrap()), position, content };
    let kind = KindNumber::of("case.opened").unwrap();
    let mut values = vec![
        value("epoch", 0, Content::Count(1)),
        value("folder_keys.folder", 0, Content::Code(ShortText::new("general").unwrap())),
        value("folder_keys.epoch", 0, Content::Count(1)),
        value("folder_keys.key", 0, Content::Key(Bytes([7; 32]))),
    ];
    let learned = Moment::in_london(0);
    let setup = |values: &[Value], case| Decision::setup(pack(), kind, case, learned, values.to_vec(), vec![]);
    let gaps = setup(&values, Some(tag("theo"))).unwrap_err();
    assert_eq!(paths(&gaps), [("roll_commitment", GapLevel::Always)]);
    values.push(value("roll_commitment", 0, Content::Hash(Digest::ZERO)));
    let decision = setup(&values, Some(tag("theo"))).unwrap();
    assert!(decision.happened() && !decision.is_act() && decision.folder() == Folder::None);
    assert!(decision.values().is_sorted_by_key(|value| (value.field, value.position)));
    assert!(setup(&values, None).is_err());
    values.push(value("person", 0, Content::Person(PersonId::ZERO)));
    assert!(setup(&values, Some(tag("theo"))).is_err());
    values.pop();
    values.push(value("epoch", 0, Content::Count(2)));
    assert!(setup(&values, Some(tag("theo"))).is_err());
    let share = KindNumber::of("decision.share").unwrap();
    assert!(Decision::setup(pack(), share, None, learned, vec![], vec![]).is_err());
}

/// An answer to any field, as it comes back; without words where the kind has no folder for them.
fn sample(field: &Field, words: bool) -> Json {
    if let Some(list) = pack().codes(field) {
        let code = &list.codes.iter().rfind(|code| !code.gap).unwrap().code;
        return if field.answer == FieldType::Count { json!(code.parse::<u64>().unwrap()) } else { json!(code) };
    }
    match field.answer {
        FieldType::Text | FieldType::Fixed => json!("as typed,\n with  spaces "),
        FieldType::Count | FieldType::Entry => json!(u64::MAX),
        FieldType::Time => json!("2026-11-06T10:15:00+00:00"),
        FieldType::Person => json!("ruth"),
        FieldType::Case => json!("ezra"),
        FieldType::Key | FieldType::Hash => json!("0f".repeat(32)),
        FieldType::Proof => json!("a1".repeat(64)),
        FieldType::FieldName => json!("items[2].what"),
        FieldType::Group => {
            let parts = field.subfields.iter().filter(|sub| words || !sub.wordy());
            parts.map(|sub| (sub.name.clone(), sample(sub, words))).collect()
        }
        FieldType::Code => unreachable!(),
    }
}

#[test]
fn every_kind_wholly_filled_in_has_no_gap_and_comes_back() {
    for kind in pack().kinds() {
        let mut fields = Map::new();
        for (_, field) in pack().fields_of(kind) {
            let answer = sample(field, kind.has_words());
            fields.insert(field.name.clone(), if field.list { json!([answer]) } else { answer });
        }
        let mut view = FakeView::of("maria");
        let mut refs = Vec::new();
        for (at, relation) in kind.relations.iter().enumerate() {
            let name = relation.number.name().unwrap();
            let to = relation.to.as_ref().map_or("genesis", |to| to[0].name().unwrap());
            view = view.with(at as u64, to, "ezra", Folder::General, "sam");
            if name != "completes" {
                refs.push(json!({ "relation": name, "entry": at, "kind": to }));
            }
        }
        let mut draft = fields.clone();
        draft.insert("kind".into(), json!(kind.name));
        draft.insert("refs".into(), json!(refs));
        draft.insert("id".into(), json!("0123456789ABCDEF0123456789abcdef"));
        if kind.case != CaseRule::None {
            draft.insert("case".into(), json!("ezra"));
        }
        for time in ["learned_at", "occurred_at"] {
            draft.insert(time.into(), json!("2026-11-06 10:15"));
        }
        let draft = Draft::from_json(&Json::Object(draft)).unwrap();
        let decision = draft.check(pack(), &view, at("2026-11-06 11:00")).unwrap_or_else(|gaps| panic!("{gaps:?}"));
        assert_eq!(decision.gaps(), [], "{}", kind.name);
        assert_eq!(decision.references().len(), refs.len());
        assert_eq!(decision.statement_id().unwrap().to_string(), "0123456789abcdef0123456789abcdef");
        assert_eq!(decision.words().is_empty(), !kind.has_words(), "{}", kind.name);
        assert_eq!(Json::Object(render(pack(), decision.values(), decision.words(), &handle)), Json::Object(fields));
    }
}

/// Any JSON, of depth up to four.
fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        "\\PC{0,12}".prop_map(Json::from),
        prop::sample::select(vec!["sam", "theo", "LB-D", "2026-10-06", "override", "completes", "fact"])
            .prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        let keys = prop::sample::select(KEYS.to_vec());
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::Array),
            prop::collection::vec((keys, inner), 0..6)
                .prop_map(|pairs| Json::Object(pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}

const KEYS: &[&str] = &[
    "kind",
    "case",
    "folder",
    "learned_at",
    "occurred_at",
    "decided_at",
    "happened",
    "refs",
    "id",
    "items",
    "recipient",
    "reasons",
    "class",
    "what",
    "agency",
    "name",
    "relation",
    "entry",
    "took_part",
    "pi_test",
    "basis",
    "basis_limb",
    "attachments",
    "hash",
    "x",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_answer_in_any_place_is_understood_or_named(
        which in any::<bool>(), key in prop::sample::select(KEYS.to_vec()), answer in any_json(), now in any::<i64>(),
    ) {
        let mut json: Json = serde_json::from_str(if which { SHARE } else { OVERRIDE }).unwrap();
        json[key] = answer;
        if let Ok(draft) = Draft::from_json(&json) {
            prop_assert_eq!(draft.to_json(), json);
            match draft.check(pack(), &sam(), now) {
                Ok(decision) => {
                    prop_assert!(!render(pack(), decision.values(), decision.words(), &handle).is_empty());
                }
                Err(gaps) => prop_assert!(!gaps.is_empty()),
            }
        }
    }

    #[test]
    fn changed_text_is_read_or_refused(at in 0usize..SHARE.len(), length in 0usize..9, with in "[ -~\n]{0,4}") {
        let mut text = SHARE.to_owned();
        text.replace_range(at..(at + length).min(SHARE.len()), &with);
        for lines in [Draft::from_json_text(&text), Draft::from_json_lines(&text), Draft::from_toml_text(&text)] {
            for draft in lines.into_iter().filter_map(|line| line.draft.ok()) {
                let _ = draft.check(pack(), &sam(), 1_791_284_700_000);
            }
        }
    }

    #[test]
    fn any_kind_takes_any_answers(kind in 0usize..40, answers in any_json()) {
        let mut json = answers;
        if let (Some(object), Some(kind)) = (json.as_object_mut(), pack().kinds().get(kind)) {
            object.insert("kind".into(), kind.name.as_str().into());
        }
        if let Ok(draft) = Draft::from_json(&json) {
            let _ = draft.check(pack(), &sam(), 1_791_284_700_000);
        }
    }
}

#[test]
fn a_list_of_one_is_that_one_and_of_several_one_is_to_be_picked() {
    let one = share(|json| json["basis"] = json!(["LB-D"])).unwrap();
    assert_eq!(one.values(), share(|_| ()).unwrap().values());
    let several = share(|json| json["basis"] = json!(["LB-D", "LB-C"])).unwrap_err();
    assert_eq!(paths(&several), [("basis", GapLevel::Error)]);
    assert_eq!(several[0].what, "takes one answer, and there are several");
}

#[test]
fn only_agencies_that_protect_children_give_a_reference() {
    let without = |agency: &str| {
        share(|json| {
            json["recipient"]["agency"] = json!(agency);
            json["recipient"]["reference"] = json!("");
        })
    };
    let gaps = |agency: &str| without(agency).unwrap().gaps().iter().map(|gap| gap.field.clone()).collect::<Vec<_>>();
    assert_eq!(gaps("AG-HOSP"), ["recipient.reference"]);
    assert_eq!(gaps("AG-CSC"), ["recipient.reference"]);
    assert_eq!(gaps("AG-HV"), [""; 0]);
    assert_eq!(gaps("AG-SCH"), [""; 0]);
}
