//! Answer sheets: what comes out of them, what they lack, and that nothing typed gets lost.

use std::collections::BTreeSet;

use proptest::prelude::{ProptestConfig, Strategy, prop, prop_assert, prop_assert_eq, proptest};
use serde_json::{Value as Json, json};

use crate::codec::{Folder, StatementId};
use crate::decision::decision::Decision;
use crate::decision::draft::Draft;
use crate::decision::form::{Form, form, route_of, statement_id};
use crate::decision::gap::{Flag, Gap, GapLevel};
use crate::decision::value::{Content, Moment};
use crate::decision::view::fake::{FakeView, person};
use crate::rules::pack::{BUILT_IN, Pack};
use crate::rules::route::Route;

fn pack() -> &'static Pack {
    static PACK: std::sync::OnceLock<Pack> = std::sync::OnceLock::new();
    PACK.get_or_init(|| Pack::parse(BUILT_IN).unwrap())
}

fn now() -> i64 {
    Moment::parse("2026-10-06 12:05").unwrap().milliseconds
}

fn made(sheet: &Json) -> Result<Form, Vec<Gap>> {
    form(&Draft::from_json(sheet).unwrap(), pack(), person("sam"), now())
}

fn decided(sheet: &Json) -> Vec<Decision> {
    let checked = made(sheet).unwrap().check(pack(), &FakeView::of("sam"), now());
    checked.into_iter().map(|one| one.unwrap_or_else(|gaps| panic!("{gaps:?}"))).collect()
}

fn gaps(sheet: &Json) -> Vec<Gap> {
    match made(sheet) {
        Err(gaps) => gaps,
        Ok(form) => form.gaps(pack(), &form.check(pack(), &FakeView::of("sam"), now())),
    }
}

fn kinds(decisions: &[Decision]) -> Vec<&str> {
    decisions.iter().filter_map(|decision| decision.kind().name()).collect()
}

fn codes(decision: &Decision) -> Vec<&str> {
    let code = decision.values().iter().filter_map(|value| match &value.content {
        Content::Code(code) => Some(code.as_str()),
        _ => None,
    });
    code.collect()
}

/// Each reference as its relation and the place of the draft that it names.
fn refs(decision: &Decision) -> Vec<(&str, usize)> {
    let names = decision.references().iter().filter_map(|reference| reference.relation.name());
    names.zip(decision.beside()).collect()
}

fn emergency() -> Json {
    json!({"route": "999", "id": "00112233445566778899aabbccddeeff",
        "answers": {"child": "theo", "what": "He collapsed after eating.", "when": "2026-10-06 10:46",
            "reference": "call 4471", "said": "name, nut allergy, adrenaline at 10:45", "family": "yes", "whom": "Priya A.",
            "told": "That he is on his way to hospital."}})
}

#[test]
fn an_emergency_becomes_four_linked_entries() {
    let decisions = decided(&emergency());
    assert_eq!(kinds(&decisions), ["info.received", "consent.notsought", "decision.share", "family.told"]);
    let [seen, unasked, share, told] = &decisions[..] else { panic!("four") };
    assert!(decisions.iter().all(|decision| decision.gaps().is_empty()), "{:?}", gaps(&emergency()));
    assert!(decisions.iter().all(|decision| decision.happened()));
    assert_eq!(refs(unasked), [("decides", 0)]);
    assert_eq!(refs(share), [("decides", 0), ("relies_on", 1)]);
    assert_eq!(refs(told), [("tells_of", 2)]);
    assert_eq!((seen.folder(), share.folder()), (Folder::General, Folder::General));
    assert_eq!(codes(unasked), ["NS-1"]);
    for code in ["AG-HOSP", "LB-D", "SC-C", "RL-4", "CF-2", "M-PHONE", "PU-HEALTH"] {
        assert!(codes(share).contains(&code), "{code}");
    }
    assert_eq!(share.flags(), [Flag::Emergency]);
    assert_eq!(share.occurred(), Moment::parse("2026-10-06 10:46").unwrap());
    let decided_by = pack().id_of("decided_by").unwrap();
    let by = share.values().iter().find(|value| value.field.0 == decided_by).unwrap();
    assert_eq!(by.content, Content::Person(person("sam")));
    let ids: BTreeSet<StatementId> = decisions.iter().filter_map(Decision::statement_id).collect();
    assert_eq!(ids.len(), 4, "each has an id of its own");
}

#[test]
fn an_emergency_asks_for_next_to_nothing() {
    let sheet = json!({"route": "999", "answers": {"what": "Somebody fell."}});
    let decisions = decided(&sheet);
    // Without a child: what can be said without one, in intake, with the rest open.
    assert_eq!(kinds(&decisions), ["info.received", "decision.share"]);
    assert!(decisions.iter().all(|decision| decision.folder() == Folder::Intake));
    let open: Vec<String> = gaps(&sheet).into_iter().map(|gap| gap.field).collect();
    assert_eq!(open, ["reference", "said"]);
    let unsafe_to_tell = json!({"route": "999", "answers": {"child": "theo", "what": "Hit.", "family": "unsafe",
        "danger": "He said his father did it."}});
    assert_eq!(kinds(&decided(&unsafe_to_tell))[3], "family.tell.deferred");
    let fire = json!({"route": "999", "answers": {"what": "A fire.", "service": "fire"}});
    assert!(decided(&fire)[1].facts().never_held_up(pack()));
}

#[test]
fn every_gap_is_told_at_once_in_the_words_of_the_form() {
    let all = gaps(&json!({"route": "999", "answers": {"child": "nobody"}}));
    let told: Vec<(&str, GapLevel)> = all.iter().map(|gap| (gap.field.as_str(), gap.level)).collect();
    let expected = [
        ("child", GapLevel::Error),
        ("what", GapLevel::Always),
        ("reference", GapLevel::BeforeAct),
        ("said", GapLevel::BeforeAct),
    ];
    assert_eq!(told, expected, "{all:?}");
    assert_eq!(all[1].what, "not answered: What happened?");
    let all = gaps(&json!({"route": "health_visitor", "answers": {"child": "ezra", "who": "Dana F.", "want": "weight",
        "decide": "noshare"}}));
    let why = all.iter().find(|gap| gap.field == "why").unwrap();
    assert_eq!((why.level, why.what.as_str()), (GapLevel::Always, "not answered: Why?"));
    let reason = all.iter().find(|gap| gap.field == "reason").unwrap();
    assert!(reason.next.contains("NO-3 (Not relevant or not needed)"), "{}", reason.next);
}

#[test]
fn what_a_sheet_cannot_mean_is_named_and_no_name_is_repeated() {
    let fields = |sheet: Json| gaps(&sheet).into_iter().map(|gap| (gap.field, gap.what)).collect::<Vec<_>>();
    let one = |field: &str, what: &str| vec![(field.to_owned(), what.to_owned())];
    assert_eq!(fields(json!({"route": "99"})), one("route", "there is no route 99"));
    let none = one("answer", "not answered: What did they say?");
    assert_eq!(fields(json!({"route": "parent", "answers": {"child": "theo"}})), none);
    assert_eq!(fields(json!({"route": "Theo A."})), one("route", "there is no route (not shown)"));
    let sheet = |answers: Json| json!({"route": "999", "answers": answers});
    assert_eq!(fields(sheet(json!({"what": "x", "whatt": 1}))), one("whatt", "there is no question whatt in 999"));
    assert_eq!(fields(sheet(json!({"what": "x", "whom": "y"}))), one("whom", "is not asked with these answers"));
    assert_eq!(fields(sheet(json!({"what": "x", "service": "taxi"}))), one("service", "is none of the answers"));
    assert_eq!(fields(json!({"route": "999", "answers": []})), one("answers", "is not an object"));
    let more = |fields: Json| json!({"route": "999", "answers": {"what": "x"}, "fields": fields});
    assert_eq!(fields(more(json!({"told": {}}))), one("fields.told", "does not come out with these answers"));
    assert_eq!(fields(more(json!({"tell": {}}))), one("fields.tell", "is no statement of this route"));
    assert_eq!(fields(more(json!({"share": {"id": "x"}}))), one("fields.share.id", "cannot be given here"));
    let kinds = Draft::from_json(&json!({"route": "999", "kind": "discussion"})).unwrap();
    assert_eq!(route_of(&kinds), None);
}

#[test]
fn what_the_questions_do_not_reach_can_be_given_and_stands_above_them() {
    let mut sheet = emergency();
    sheet["fields"] = json!({"seen": {"learned_at": "2026-10-06 10:42"}, "share": {"cite": "our plan", "method": "M-FACE",
        "items": [{"class": "identity", "what": "name"}, {"class": "health", "what": "allergy"}],
        "refs": [{"relation": "decides", "entry": 7}]}});
    let form = made(&sheet).unwrap();
    let view = FakeView::of("sam").with(7, "concern.observed", "theo", Folder::General, "sam");
    let decisions: Vec<Decision> = form.check(pack(), &view, now()).into_iter().map(Result::unwrap).collect();
    assert_eq!(decisions[0].learned(), Moment::parse("2026-10-06 10:42").unwrap());
    assert!(codes(&decisions[2]).contains(&"M-FACE") && codes(&decisions[2]).contains(&"identity"));
    let numbers: Vec<u64> = decisions[2].references().iter().map(|reference| reference.entry).collect();
    assert_eq!(numbers, [u64::MAX, u64::MAX, 7]);
}

#[test]
fn an_answer_without_its_entry_is_kept_with_the_first() {
    let mut sheet = emergency();
    sheet["answers"].as_object_mut().unwrap().remove("child");
    let decisions = decided(&sheet);
    assert_eq!(kinds(&decisions), ["info.received", "decision.share"]);
    let words: Vec<&str> = decisions[0].words().iter().map(|word| word.text.as_str()).collect();
    assert!(words.contains(&"Whom did you tell? (handle or name) Priya A."), "{words:?}");
    assert!(words.contains(&"What did you say to them? That he is on his way to hospital."));
}

#[test]
fn the_other_routes_come_out_as_people_expect() {
    let care = |how: &str, family: Json| {
        let mut answers = json!({"how": how, "child": "theo", "what": "A mark on his leg.", "reference": "duty, M-2093",
            "said": "what he said, and the mark"});
        answers.as_object_mut().unwrap().extend(family.as_object().unwrap().clone());
        if how == "child" {
            answers["words"] = "Daddy did hit me.".into();
            (answers["asked"], answers["limits"]) = ("Can you tell me more?".into(), "yes".into());
        } else {
            answers["concern"] = "physical".into();
        }
        json!({"route": "social_care", "answers": answers})
    };
    let decisions = decided(&care("child", json!({"family": "unsafe", "why_later": "It could hurt him."})));
    let expected = ["disclosure.heard", "consent.notsought", "referral.made", "family.tell.deferred"];
    assert_eq!(kinds(&decisions), expected);
    assert!(decisions.iter().all(|decision| decision.folder() == Folder::Protection), "where it was heard");
    assert!(decisions[2].facts().never_held_up(pack()) && codes(&decisions[0]).contains(&"yes"));
    assert_eq!((refs(&decisions[2]), refs(&decisions[3])), (vec![("decides", 0)], vec![("tells_of", 2)]));
    assert_eq!(codes(&decisions[1]), ["NS-2"]);
    let told = json!({"family": "yes", "whom": "Ann", "told": "that we ring"});
    let expected = ["concern.observed", "consent.notsought", "referral.made", "family.told"];
    assert_eq!(kinds(&decided(&care("noticed", told))), expected);

    let visitor = json!({"route": "health_visitor", "answers": {"child": "ezra", "who": "Dana F.", "known": "V-CALLBACK",
        "channel": "phone", "want": "how he eats", "decide": "noshare", "why": "Nothing we saw.", "reason": "NO-3",
        "told": "told", "review": "2026-11-06"}});
    let decisions = decided(&visitor);
    assert_eq!(kinds(&decisions), ["request.received", "decision.noshare"]);
    assert_eq!(refs(&decisions[1]), [("answers", 0)]);
    assert!(decisions.iter().all(|decision| decision.gaps().is_empty()), "{:?}", gaps(&visitor));

    let yes = json!({"route": "parent", "answers": {"child": "theo", "who": "Priya", "answer": "yes",
        "purpose": "PH-2", "method": "M-FACE", "why": "w", "what": "x", "sees": "y", "used": "z", "follows": "f", "able": "yes",
        "free": "yes", "pressed": "yes", "reminded": "yes"}});
    let decisions = decided(&yes);
    assert_eq!((kinds(&decisions), decisions[0].gaps()), (vec!["consent.given"], &[][..]));
    let no =
        json!({"route": "parent", "answers": {"child": "theo", "who": "Priya", "answer": "no", "purpose": "PH-5"}});
    assert_eq!(kinds(&decided(&no)), ["consent.refused"]);
    let back = json!({"route": "parent", "answers": {"child": "theo", "who": "Priya", "answer": "back",
        "purpose": "PH-2", "method": "M-PHONE", "entry": 9}});
    let view = FakeView::of("sam").with(9, "consent.given", "theo", Folder::General, "sam");
    let checked = made(&back).unwrap().check(pack(), &view, now());
    let decision = checked[0].as_ref().unwrap();
    assert_eq!((decision.kind().name(), decision.references()[0].entry), (Some("consent.withdrawn"), 9));
}

#[test]
fn ids_come_from_the_sheet_s_and_differ() {
    let sheet = StatementId::new([7; 16]);
    let ids: BTreeSet<StatementId> = (0..crate::decision::form::STATEMENTS).map(|at| statement_id(sheet, at)).collect();
    assert_eq!(ids.len(), crate::decision::form::STATEMENTS);
    assert!(!ids.contains(&sheet));
}

/// Answers to a route: for each question none, nonsense, or one of the answers.
fn answered(route: &'static Route) -> impl Strategy<Value = Json> {
    let one = |question: &'static crate::rules::route::Question| {
        let offered: Vec<Json> = route.answers(pack(), question).iter().map(|(is, _)| json!(is)).collect();
        let mut some =
            vec![Json::Null, json!("theo"), json!("text"), json!(7), json!(["a"]), json!({"x": null}), json!("")];
        some.extend(offered);
        prop::sample::select(some).prop_map(|json| (question.name.clone(), json))
    };
    let all: Vec<_> = route.questions.iter().map(one).collect();
    all.prop_map(|answers| {
        let answers: serde_json::Map<String, Json> = answers.into_iter().collect();
        json!({"route": route.name, "answers": answers})
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn no_sheet_panics_and_each_draft_names_earlier_ones_only(
        sheet in (0..pack().routes().len()).prop_flat_map(|at| answered(&pack().routes()[at])),
        junk in "[a-z0-9._@*]{0,20}",
    ) {
        let mut sheet = sheet;
        sheet["fields"] = json!({"share": {junk: 1}});
        for sheet in [sheet.clone(), json!({"route": sheet["route"], "answers": sheet["answers"]})] {
            let Ok(form) = made(&sheet) else { continue };
            let checked = form.check(pack(), &FakeView::of("sam"), now());
            prop_assert_eq!(checked.len(), form.parts().len());
            for (at, one) in checked.iter().enumerate() {
                if let Ok(decision) = one {
                    prop_assert!(decision.beside().all(|draft| draft < at));
                }
            }
            let held: BTreeSet<usize> = (0..form.parts().len()).step_by(2).collect();
            let rest = form.without(&held);
            prop_assert_eq!(rest.parts().len(), form.parts().len() - held.len());
            for (at, one) in rest.check(pack(), &FakeView::of("sam"), now()).iter().enumerate() {
                if let Ok(decision) = one {
                    prop_assert!(decision.beside().all(|draft| draft < at));
                }
            }
        }
    }
}
