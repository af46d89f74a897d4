//! Every kind of the built-in pack: a draft with no more than is always wanted goes all the way to an entry and back.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use indelible::codec::{
    CaseTag, Digest, Folder, KindNumber, LedgerId, Link, PersonId, Publicity, RelationNumber, ShortText,
};
use indelible::decision::draft::Draft;
use indelible::decision::gap::GapLevel;
use indelible::decision::people::Role;
use indelible::decision::render::{Named, render};
use indelible::decision::value::{Content, FieldId, Moment, Value};
use indelible::decision::view::{Found, Referenced, View};
use indelible::entry::authored::{Author, Authored};
use indelible::entry::statement::{Seen, Unverified};
use indelible::keys::SigningKey;
use indelible::ledger::record::{Outcome, by_hand};
use indelible::review::book::Book;
use indelible::review::fact::{Fact, ask};
use indelible::review::gate::{self, Before};
use indelible::review::values::Values;
use indelible::rules::kind::{CaseRule, Field, FieldType, FolderRule, Kind, Level};
use indelible::rules::pack::{BUILT_IN, Pack};
use indelible::rules::policy::CleanCopyCheck;
use indelible::rules::rulebook::Rulebook;
use indelible::seal::sealed::Sealed;
use indelible::seal::structure::{self, StructureKey, StructurePart};
use indelible::seal::words::{self, FolderPrivate};
use indelible::store::durable;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value as Json, json};

use crate::world::World;

const PEOPLE: [&str; 3] = ["maria", "jon", "sam"];
const CASES: [&str; 2] = ["theo", "ezra"];
const NOW: &str = "2026-11-06T12:00:00+00:00";

fn person(handle: &str) -> Option<PersonId> {
    let at = PEOPLE.iter().position(|known| *known == handle)?;
    Some(PersonId::new([u8::try_from(at + 1).unwrap(); 16]))
}

fn tag(handle: &str) -> Option<CaseTag> {
    let at = CASES.iter().position(|known| *known == handle)?;
    Some(CaseTag::new([u8::try_from(at + 1).unwrap(); 16]))
}

fn handle(named: Named) -> Option<String> {
    let known = match named {
        Named::Person(id) => PEOPLE.iter().find(|known| person(known) == Some(id)),
        Named::Case(id) => CASES.iter().find(|known| tag(known) == Some(id)),
    };
    known.map(|known| (*known).to_owned())
}

struct Device {
    entries: BTreeMap<u64, Referenced>,
}

impl View for Device {
    fn case(&self, typed: &str) -> Found<CaseTag> {
        tag(typed).map_or(Found::Nothing, Found::One)
    }

    fn person(&self, typed: &str) -> Found<PersonId> {
        person(typed).map_or(Found::Nothing, Found::One)
    }

    fn author(&self) -> PersonId {
        PersonId::new([1; 16])
    }

    fn roles(&self) -> Vec<Role> {
        vec![Role::Dsl]
    }

    fn entry(&self, number: u64) -> Option<Referenced> {
        self.entries.get(&number).cloned()
    }
}

/// Words that are no handle of the roll.
fn text() -> BoxedStrategy<String> {
    "[ -~\u{e9}\u{4e2d}]{1,60}".prop_map(|text| format!("{text}.")).boxed()
}

/// Any answer to a field that is not a list, as it comes back. `words`: whether the kind may hold words.
fn one(pack: &Pack, field: &Field, words: bool) -> BoxedStrategy<Json> {
    if let Some(list) = pack.codes(field) {
        let codes: Vec<String> = list.codes.iter().map(|code| code.code.clone()).collect();
        let count = field.answer == FieldType::Count;
        let answer = move |code: String| if count { json!(code.parse::<u64>().unwrap()) } else { json!(code) };
        return select(codes).prop_map(answer).boxed();
    }
    let hex = |bytes: usize| proptest::collection::vec(any::<u8>(), bytes);
    let spelled = |bytes: Vec<u8>| json!(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    match field.answer {
        FieldType::Text | FieldType::Fixed => text().prop_map(Json::from).boxed(),
        FieldType::Count | FieldType::Entry => any::<u64>().prop_map(Json::from).boxed(),
        FieldType::Time => (1_600_000_000i64..2_400_000_000)
            .prop_map(|seconds| json!(Moment::in_london(seconds * 1000).typed().unwrap()))
            .boxed(),
        FieldType::Person if words && field.name_id.is_some() => {
            prop_oneof![select(&PEOPLE[..]).prop_map(Json::from), text().prop_map(|name| json!({ "name": name }))]
                .boxed()
        }
        FieldType::Person => select(&PEOPLE[..]).prop_map(Json::from).boxed(),
        FieldType::Case => select(&CASES[..]).prop_map(Json::from).boxed(),
        FieldType::Key | FieldType::Hash => hex(32).prop_map(spelled).boxed(),
        FieldType::Proof => hex(64).prop_map(spelled).boxed(),
        FieldType::FieldName => select(vec!["reasons", "items[2].what"]).prop_map(Json::from).boxed(),
        FieldType::Group => {
            // Needed parts always, the others now and then; one at least.
            let parts = field.subfields.iter().filter(|sub| words || !sub.wordy());
            let mut group = Just(Map::new()).boxed();
            for (at, sub) in parts.enumerate() {
                let (name, must) = (sub.name.clone(), sub.need || at == 0);
                group = (group, one(pack, sub, words), any::<bool>())
                    .prop_map(move |(mut group, answer, also)| {
                        if must || also {
                            group.insert(name.clone(), answer);
                        }
                        group
                    })
                    .boxed();
            }
            group.prop_map(Json::Object).boxed()
        }
        FieldType::Code => unreachable!(),
    }
}

/// Any answer to a field as the kind uses it.
fn answer(pack: &Pack, kind: &Kind, field: &Field, many: bool) -> BoxedStrategy<Json> {
    let single = one(pack, field, kind.has_words() && !kind.on_roll());
    if !many {
        return single;
    }
    let listed = field.list;
    proptest::collection::vec(single, 1..3)
        .prop_map(move |mut answers| {
            answers.dedup();
            if listed || answers.len() > 1 { Json::Array(answers) } else { answers.remove(0) }
        })
        .boxed()
}

/// A draft of a kind with its always fields, and the ledger that it speaks of.
fn minimal(pack: &Pack, kind: &Kind) -> (BoxedStrategy<Map<String, Json>>, Map<String, Json>, Device) {
    let mut fields = Just(Map::new()).boxed();
    for (used, field) in pack.fields_of(kind).filter(|(used, _)| used.level == Level::Always) {
        let name = field.name.clone();
        fields = (fields, answer(pack, kind, field, used.many))
            .prop_map(move |(mut fields, answer)| {
                fields.insert(name.clone(), answer);
                fields
            })
            .boxed();
    }
    let mut device = Device { entries: BTreeMap::new() };
    let mut refs = Vec::new();
    for (at, relation) in kind.relations.iter().enumerate().filter(|(_, relation)| relation.level == Level::Always) {
        let to = relation.to.as_ref().map_or(KindNumber::of("concern.observed").unwrap(), |to| to[0]);
        let entry = Referenced {
            digest: Digest::new([7; 32]),
            kind: Some(to),
            case: tag("ezra"),
            folder: Some(Folder::General),
            author_person: person("sam"),
            values: Vec::new(),
        };
        device.entries.insert(at as u64, entry);
        refs.push(json!({ "relation": relation.number.name(), "entry": at }));
    }
    let mut head = Map::new();
    head.insert("kind".into(), json!(kind.name));
    head.insert("refs".into(), json!(refs));
    if kind.case == CaseRule::Needed {
        head.insert("case".into(), json!("ezra"));
    }
    let when = if kind.act { "decided_at" } else { "learned_at" };
    head.insert(when.into(), json!("2026-11-06T10:15:00+00:00"));
    (fields, head, device)
}

fn draft(head: &Map<String, Json>, fields: &Map<String, Json>) -> Draft {
    let object = head.iter().chain(fields).map(|(name, answer)| (name.clone(), answer.clone())).collect();
    Draft::from_json(&Json::Object(object)).unwrap()
}

/// Seals and signs a draft, opens what was made, and returns its fields as they are shown.
fn there_and_back(pack: &Pack, kind: &Kind, draft: &Draft, device: &Device) -> Map<String, Json> {
    let now = Moment::parse(NOW).unwrap();
    let decision = draft.check(pack, device, now.milliseconds).unwrap_or_else(|gaps| panic!("{}: {gaps:?}", kind.name));
    assert!(decision.gaps().iter().all(|gap| gap.level == GapLevel::BeforeAct));
    let (folder, public) = (decision.folder(), decision.is_public());
    let mut rng = durable::entropy();
    let (ledger, signing) = (LedgerId::new([9; 32]), SigningKey::from_seed(&[1; 32]));
    let private = FolderPrivate::generate(&mut rng);
    let folder_key = (folder != Folder::None).then(|| private.public().unwrap());
    let sealed = Sealed::new(decision, ledger, signing.public().as_bytes(), folder_key.as_ref(), &mut rng).unwrap();
    let structure_key = StructureKey::new([3; 32]);
    let author = Author {
        person: person("maria").unwrap(),
        key: &signing,
        structure_key: &structure_key,
        sequence: 0,
        previous: Digest::ZERO,
        seen: Seen { number: 3, link: Link::new([4; 32]) },
        pack: Digest::new([5; 32]),
        policy: Digest::ZERO,
        signed: now,
    };
    let authored = Authored::sign(sealed, &author, &mut rng).unwrap();
    let digest = authored.statement.digest();
    let (bytes, signature) = match structure::parse(&authored.structure).unwrap() {
        StructurePart::Clear { statement, signature } => {
            assert!(public);
            (statement.to_vec(), *signature)
        }
        StructurePart::Sealed(part) => {
            assert!(!public && part.fits(&structure_key, &digest) != folder.restricted());
            let key = match folder.restricted() {
                true => words::content_key(&authored.words, &private, &ledger).unwrap(),
                false => part.content_key(&structure_key, &digest).unwrap(),
            };
            let opened = part.open(&key).unwrap();
            (opened.statement().to_vec(), opened.signature())
        }
    };
    let statement = Unverified::decode(&bytes, &signature).unwrap();
    statement.check_signature(&signing.public()).unwrap();
    let body = statement.body();
    assert_eq!((body.kind, body.folder(), body.act), (kind.number, Some(folder), kind.act));
    let fields = match folder {
        Folder::None => Vec::new(),
        _ => {
            let key = words::words_key(&authored.words, &private).unwrap();
            words::open(&authored.words, &key, &ledger, &body.folder_key).unwrap().fields
        }
    };
    render(pack, &body.values, &fields, &handle)
}

#[test]
fn a_draft_of_every_kind_with_what_is_always_wanted_goes_into_the_ledger_and_back() {
    let pack = Pack::parse(BUILT_IN).unwrap();
    for kind in pack.kinds() {
        let (fields, head, device) = minimal(&pack, kind);
        let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(6) });
        let done = runner.run(&fields, |fields| {
            let shown = there_and_back(&pack, kind, &draft(&head, &fields), &device);
            prop_assert_eq!(Json::Object(shown), Json::Object(fields), "{}", kind.name);
            Ok(())
        });
        done.unwrap_or_else(|why| panic!("{}: {why}", kind.name));
    }
}

/// An entry of a case in which everything stands in the way.
fn hostile(entry: u64, digest: Digest, kind: &str, codes: &[(FieldId, &str)]) -> Fact {
    let values: Vec<Value> = codes
        .iter()
        .enumerate()
        .map(|(position, (field, code))| Value {
            field: *field,
            position: u16::try_from(position).unwrap(),
            content: Content::Code(ShortText::new(code).unwrap()),
        })
        .collect();
    let at = Moment::parse("2026-10-01T09:00:00+01:00").unwrap();
    Fact {
        entry,
        recorded: at.milliseconds,
        clock_back: false,
        epoch_old: None,
        digest,
        person: person("sam").unwrap(),
        kind: KindNumber::of(kind).unwrap(),
        case: tag("ezra"),
        folder: 1,
        occurred: Moment::NONE,
        learned: at,
        decided: Moment::NONE,
        signed: at,
        act: false,
        happened: true,
        values: Values::of(&values),
        references: Vec::new(),
        pack: Digest::ZERO,
        policy: Digest::ZERO,
        gapless: false,
    }
}

#[test]
fn the_gate_stops_what_it_may_and_never_what_nothing_may_hold_up() {
    const MAY: [(&str, &[&str]); 11] = [
        ("decision.share", &["consent_gone", "photo_purpose", "contact_details"]),
        ("share.done", &["consent_gone", "photo_purpose", "contact_details"]),
        ("override", &["photo_purpose", "contact_details"]),
        ("enquiry.answered", &["photo_purpose", "contact_details"]),
        ("consent.asked", &["hold_talk"]),
        ("family.told", &["hold_talk"]),
        ("access.released", &["unchecked_copy"]),
        ("backing", &["same_person"]),
        ("confirmation", &["same_person"]),
        ("access.cleancopy.checked", &["same_person"]),
        ("retire.approved", &["same_person"]),
    ];
    let pack = Pack::parse(BUILT_IN).unwrap();
    let rules = Rulebook::new(pack.clone());
    let roles = |_, _, _| Vec::new();
    let copies = CleanCopyCheck::default();
    let now = Moment::parse(NOW).unwrap().milliseconds;
    let (mut stops, mut free_ones) = (BTreeSet::new(), 0);
    for kind in pack.kinds() {
        let (fields, head, mut device) = minimal(&pack, kind);
        // Whoever writes made everything that is spoken of, so that every second look is one's own.
        device.entries.values_mut().for_each(|entry| entry.author_person = person("maria"));
        let purposes = pack.list("PURPOSE").unwrap();
        let refused: Vec<(FieldId, &str)> =
            purposes.codes.iter().map(|code| (ask::PURPOSE, code.code.as_str())).collect();
        let mut facts: Vec<Fact> = device
            .entries
            .iter()
            .map(|(number, entry)| hostile(*number, entry.digest, entry.kind.unwrap().name().unwrap(), &[]))
            .collect();
        facts.push(hostile(100, Digest::new([8; 32]), "disclosure.heard", &[(ask::HOLD_CHECK, "yes")]));
        facts.push(hostile(101, Digest::new([9; 32]), "consent.refused", &refused));
        let book = Book::open(&facts, &rules, &roles);
        let safety = proptest::option::of(Just("for safety"));
        let basis = proptest::option::of(select(vec!["LB-A", "LB-EA"]));
        let purpose = select(vec!["PH-5", "PU-HEALTH"]);
        let class = proptest::option::of(select(vec!["photo", "contact_details", "identity"]));
        let more = (fields, safety, basis, purpose, class, any::<bool>());
        // Enough that each stop comes, and always the same ones.
        let cases = if MAY.iter().any(|(name, _)| *name == kind.name) { 200 } else { 8 };
        let config = Config { failure_persistence: None, ..Config::with_cases(cases) };
        let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        let found = RefCell::new(Vec::new());
        let done = runner.run(&more, |(mut fields, safety, basis, purpose, class, past)| {
            let takes = |name: &str| pack.field_of(kind, name).is_some();
            if takes("for_safety")
                && let Some(words) = safety
            {
                fields.insert("for_safety".into(), json!(words));
            }
            if takes("basis")
                && let Some(basis) = basis
            {
                fields.insert("basis".into(), json!(basis));
            }
            if takes("purpose") && !fields.contains_key("purpose") {
                fields.insert("purpose".into(), json!(purpose));
            }
            if let Some(class) = class.filter(|_| takes("items")) {
                fields.insert("items".into(), json!([{ "class": class, "what": "it" }]));
                let to = if takes("recipient") { "recipient" } else { "requester" };
                fields.insert(to.into(), json!({ "agency": "AG-OTHER", "person": "somebody" }));
            }
            if kind.act && past {
                fields.insert("occurred_at".into(), json!("2026-11-06T10:00:00+00:00"));
            }
            let Ok(decision) = draft(&head, &fields).check(&pack, &device, now) else { return Ok(()) };
            let free = decision.facts().never_held_up(&pack);
            let before = Before { pack: &pack, book: &book, view: &device, copies: &copies, now };
            match gate::gate(&decision, &before) {
                Ok(()) => found.borrow_mut().push((free, None)),
                Err(stop) => {
                    let may = MAY.iter().find(|(name, _)| *name == kind.name).map_or(&[][..], |(_, rules)| rules);
                    prop_assert!(may.contains(&stop.rule), "{}: {}", kind.name, stop.rule);
                    prop_assert!(!free || kind.name == "access.released", "{}", kind.name);
                    prop_assert!(!decision.happened() || stop.rule == "same_person", "{}", kind.name);
                    prop_assert!(!stop.says.is_empty() && !stop.way_past.is_empty());
                    found.borrow_mut().push((free, Some(stop.rule)));
                }
            }
            Ok(())
        });
        done.unwrap_or_else(|why| panic!("{}: {why}", kind.name));
        let found = found.into_inner();
        free_ones += found.iter().filter(|(free, _)| *free).count();
        stops.extend(found.into_iter().filter_map(|(_, rule)| rule));
    }
    let every = ["consent_gone", "contact_details", "hold_talk", "photo_purpose", "same_person", "unchecked_copy"];
    assert_eq!(stops.into_iter().collect::<Vec<_>>(), every);
    assert!(free_ones > 500, "{free_ones}");
}

#[test]
fn without_one_of_them_it_is_not_entered() {
    let pack = Pack::parse(BUILT_IN).unwrap();
    let now = Moment::parse(NOW).unwrap().milliseconds;
    for kind in pack.kinds() {
        let (fields, head, device) = minimal(&pack, kind);
        let fields = fields.new_tree(&mut TestRunner::deterministic()).unwrap().current();
        for name in fields.keys() {
            let (used, _) = pack.field_of(kind, name).unwrap();
            let comes_with_the_line = kind.on_roll() && ["person", "roll_commitment"].contains(&name.as_str());
            let mut short = fields.clone();
            short.remove(name);
            match draft(&head, &short).check(&pack, &device, now) {
                Ok(_) => assert!(used.softened || comes_with_the_line, "{} without {name}", kind.name),
                Err(gaps) => {
                    let named =
                        |gap: &indelible::decision::gap::Gap| gap.field == *name && gap.level == GapLevel::Always;
                    assert!(gaps.iter().any(named), "{} without {name}: {gaps:?}", kind.name);
                }
            }
        }
        for relation in kind.relations.iter().filter(|relation| relation.level == Level::Always) {
            let mut head = head.clone();
            let kept = |element: &Json| element["relation"].as_str() != relation.number.name();
            let refs = head["refs"].as_array().unwrap().iter().filter(|element| kept(element)).cloned().collect();
            head.insert("refs".into(), Json::Array(refs));
            let gaps = draft(&head, &fields).check(&pack, &device, now).unwrap_err();
            assert!(gaps.iter().any(|gap| gap.field == "refs" && gap.level == GapLevel::Always), "{}", kind.name);
        }
    }
}

#[test]
fn every_kind_that_people_write_is_recorded_and_shown() {
    let pack = Pack::parse(BUILT_IN).unwrap();
    let world = World::new();
    // Entries of one kind each, for those that refer to them; the case's opening is entry 5.
    let mut numbers: BTreeMap<RelationNumber, u64> = BTreeMap::new();
    let mut entered: BTreeMap<KindNumber, u64> = BTreeMap::new();
    let mut left: Vec<&Kind> = pack.kinds().iter().filter(|kind| by_hand(kind)).collect();
    while !left.is_empty() {
        let before = left.len();
        left.retain(|kind| !enter(&world, &pack, kind, &mut numbers, &mut entered));
        assert!(left.len() < before, "{:?}", left.iter().map(|kind| &kind.name).collect::<Vec<_>>());
    }
    let report = world.verify(world.desk("maria").keys());
    let codes: Vec<_> = report.findings.iter().map(|finding| finding.code.to_string()).collect();
    assert!(codes.iter().all(|code| code == "ONE-FOUNDER"), "{codes:?}");
}

/// Records and shows one entry of a kind, if what it must refer to is there.
fn enter(
    world: &World,
    pack: &Pack,
    kind: &Kind,
    numbers: &mut BTreeMap<RelationNumber, u64>,
    entered: &mut BTreeMap<KindNumber, u64>,
) -> bool {
    let (fields, mut head, _) = minimal(pack, kind);
    let mut refs = Vec::new();
    for relation in kind.relations.iter().filter(|relation| relation.level == Level::Always) {
        let known = |to: &Vec<KindNumber>| to.iter().find_map(|kind| entered.get(kind)).copied();
        let confirmable = |to: &Vec<KindNumber>| to.contains(&KindNumber::of("key.enrol").unwrap()).then_some(2);
        let entry = match &relation.to {
            None => KindNumber::of("concern.observed").and_then(|kind| entered.get(&kind)).copied(),
            Some(to) => known(to).or_else(|| confirmable(to)),
        };
        let Some(entry) = entry else { return false };
        numbers.insert(relation.number, entry);
        refs.push(json!({ "relation": relation.number.name(), "entry": entry }));
    }
    head.insert("refs".into(), json!(refs));
    for time in ["learned_at", "decided_at"].into_iter().filter(|time| kind.act || *time == "learned_at") {
        head.insert(time.into(), json!("2026-10-06T08:15:00+01:00"));
    }
    if kind.act {
        head.insert("occurred_at".into(), json!("2026-10-06T08:15:00+01:00"));
    }
    let fields = fields.new_tree(&mut TestRunner::deterministic()).unwrap().current();
    let typed: Map<String, Json> = head.iter().chain(&fields).map(|(a, b)| (a.clone(), b.clone())).collect();
    // The second look is Jon's.
    let who = if ["backing", "confirmation", "access.cleancopy.checked"].contains(&kind.name.as_str()) {
        "jon"
    } else {
        "maria"
    };
    let number = match world.try_record(who, Json::Object(typed)) {
        Outcome::Entered { entered, .. } => entered.number,
        other => panic!("{}: {other:?}", kind.name),
    };
    entered.insert(kind.number, number);
    let cause = kind.has_words().then_some("review");
    let shown = world.desk(who).show(number, cause, &|| world.tick(), &mut durable::entropy()).unwrap();
    assert_eq!(shown.opened, kind.has_words(), "{}", kind.name);
    assert_eq!(Json::Object(shown.fields), Json::Object(fields), "{}", kind.name);
    true
}

#[test]
fn a_confirmation_is_public_only_where_what_it_confirms_is() {
    let pack = Pack::parse(BUILT_IN).unwrap();
    let kind = pack.kind("confirmation").unwrap();
    assert_eq!(kind.number.publicity(), Some(Publicity::AsConfirmed));
    let (fields, head, mut device) = minimal(&pack, kind);
    let fields = fields.new_tree(&mut TestRunner::deterministic()).unwrap().current();
    let now = Moment::parse(NOW).unwrap().milliseconds;
    for (confirmed, public) in [("key.enrol", true), ("misfiled", false), ("access.filecheck", false)] {
        device.entries.values_mut().for_each(|entry| entry.kind = KindNumber::of(confirmed));
        let decision = draft(&head, &fields).check(&pack, &device, now).unwrap();
        assert_eq!(decision.is_public(), public, "{confirmed}");
    }
    device.entries.values_mut().for_each(|entry| entry.kind = None);
    assert!(!draft(&head, &fields).check(&pack, &device, now).unwrap().is_public());
}

#[test]
fn what_is_said_beside_an_entry_stands_in_its_case_and_folder() {
    let pack = Pack::parse(BUILT_IN).unwrap();
    let now = Moment::parse(NOW).unwrap().milliseconds;
    for name in ["correction.fact", "view.recorded", "misfiled", "hold.released"] {
        let kind = pack.kind(name).unwrap();
        assert!(matches!(kind.folder, FolderRule::As(_)));
        let (fields, head, mut device) = minimal(&pack, kind);
        let fields = fields.new_tree(&mut TestRunner::deterministic()).unwrap().current();
        for (folder, case) in [(Folder::Staff, None), (Folder::Legal, tag("theo")), (Folder::Access, tag("ezra"))] {
            device.entries.values_mut().for_each(|entry| (entry.folder, entry.case) = (Some(folder), case));
            let decision = draft(&head, &fields).check(&pack, &device, now).unwrap();
            assert_eq!((decision.folder(), decision.case()), (folder, case), "{name}");
        }
        let mut other = head.clone();
        other.insert("case".into(), json!("theo"));
        let gaps = draft(&other, &fields).check(&pack, &device, now).unwrap_err();
        assert!(gaps.iter().any(|gap| gap.field == "case" && gap.what.contains("another child's")), "{name}");
        other.insert("case".into(), json!("ezra"));
        other.insert("folder".into(), json!("general"));
        let gaps = draft(&other, &fields).check(&pack, &device, now).unwrap_err();
        assert!(gaps.iter().any(|gap| gap.field == "folder"), "{name}");
    }
}

#[test]
fn an_author_s_count_goes_on_behind_an_entry_that_only_few_can_open() {
    let world = World::new();
    let allegation = |narrative: &str| {
        json!({ "kind": "staff.allegation", "person": { "name": "Alex" }, "source": { "role": "staff" },
            "narrative": narrative, "learned_at": "2026-10-06T08:15:00+01:00" })
    };
    let concern = json!({ "kind": "concern.observed", "case": "theo", "narrative": "a", "reasons": "b",
        "learned_at": "2026-10-06T08:15:00+01:00" });
    let first = world.record("sam", allegation("He shouted."));
    // Nothing but the log and Sam's own files says that there is such an entry; the index is lost, and then the copy.
    for lost in ["index", "cabinet/own"] {
        std::fs::remove_dir_all(world.book().join(lost)).unwrap();
        world.record("sam", concern.clone());
        world.record("sam", allegation("He shouted again."));
    }
    let mut desk = world.desk("sam");
    assert!(desk.statement(first).unwrap().1.is_none());
    let last = desk.ledger.size() - 1;
    let shown = desk.show(last, Some("own_work"), &|| world.tick(), &mut durable::entropy()).unwrap();
    assert_eq!(shown.fields["narrative"], "He shouted again.");
    drop(desk);
    let report = world.verify(world.desk("maria").keys());
    let codes: Vec<_> = report.findings.iter().map(|finding| finding.code.to_string()).collect();
    assert_eq!((codes, report.counts.not_opened), (vec!["ONE-FOUNDER".to_owned()], 0));
}
