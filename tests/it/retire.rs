//! Putting right and forgetting: what two people may make unreadable, when, and what stays.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use indelible::cabinet::identity::side_folder;
use indelible::cabinet::wrap::{self, AgeSecret};
use indelible::cabinet::{folder_keys, retiring, structure_keys};
use indelible::codec::context::hex;
use indelible::codec::{Bytes, CaseTag, Digest, Folder, KindNumber, RelationNumber, ShortText};
use indelible::decision::decision::{Decision, Reference};
use indelible::decision::draft::Draft;
use indelible::decision::value::{Content, FieldId, Moment, Value, field};
use indelible::keys::PublicKey;
use indelible::ledger::LedgerError;
use indelible::ledger::desk::Desk;
use indelible::ledger::record::Outcome;
use indelible::ledger::retire::Approved;
use indelible::review::retiring::{Obstacle, Target};
use indelible::seal::structure::{self, StructureKey, StructurePart};
use indelible::seal::words;
use indelible::store::durable;
use indelible::store::faulty::{Fault, FaultyDisk};
use indelible::verify::entry::Keys;
use indelible::verify::report::{Code, History, Layer, Report};
use indelible::verify::retired::Ground;
use serde_json::{Value as Json, json};

use crate::crash::Shaky;
use crate::forge::{concern, noshare};
use crate::tamper::deep;
use crate::world::World;

pub fn confirm(world: &World, by: &str, entry: u64) -> Result<u64, LedgerError> {
    Ok(world.desk(by).confirm(entry, "agrees", &|| world.tick(), &mut durable::entropy())?.number)
}

pub fn propose(world: &World, by: &str, targets: &[Target], misfiled: Option<u64>) -> Result<u64, LedgerError> {
    let cause = if misfiled.is_some() { "misfiled" } else { "retention" };
    let mut desk = world.desk(by);
    let (entered, _) = desk.propose_retiring(targets, cause, misfiled, &|| world.tick(), &mut durable::entropy())?;
    Ok(entered.number)
}

pub fn approve(world: &World, by: &str, proposal: u64) -> Result<Approved, LedgerError> {
    world.desk(by).approve_retiring(proposal, "agrees", &|| world.tick(), &mut durable::entropy())
}

pub fn words_of(world: &World, who: &str, entry: u64) -> Result<Json, LedgerError> {
    let mut desk = world.desk(who);
    let shown = desk.show(entry, Some("own_work"), &|| world.tick(), &mut durable::entropy())?;
    Ok(Json::Object(shown.fields))
}

pub fn review(case: &str, folder: &str, class: &str, outcome: Option<&str>, at: Option<&str>) -> Json {
    json!({"kind": "retention.review", "case": case, "folder": folder, "learned_at": "2026-10-06T09:00:00+01:00",
           "retention_class": class, "reasons": "She left in July.", "outcome": outcome, "review_at": at})
}

/// A misfiled entry of Sam's in Theo's case that belongs in Ezra's: confirmed by Jon, and proposed by him. Returns the
/// entry, the one that calls it misfiled, and the proposal.
pub fn misfiled(world: &World) -> (u64, u64, u64) {
    let wrong = world.record("sam", concern("theo", "Bruises on the left arm."));
    let ezra = world.desk("maria").find_case("ezra").unwrap();
    let mut maria = world.desk("maria");
    let outcome = maria.misfiled(wrong, Some(ezra), "It is about Ezra.", &|| world.tick(), &mut durable::entropy());
    let Outcome::Entered { entered, .. } = outcome.unwrap() else { panic!("not entered") };
    confirm(world, "jon", entered.number).unwrap();
    let proposal = propose(world, "jon", &[Target::Entry(wrong)], Some(entered.number)).unwrap();
    (wrong, entered.number, proposal)
}

fn verified(world: &World) -> Report {
    world.verify(world.desk("maria").keys())
}

fn codes(report: &Report) -> Vec<(Code, u64)> {
    report.findings.iter().map(|finding| (finding.code, finding.entry)).collect()
}

fn kept(done: Result<u64, LedgerError>) -> Vec<Obstacle> {
    match done {
        Err(LedgerError::Kept(obstacles)) => obstacles,
        other => panic!("{other:?}"),
    }
}

pub fn theo(world: &World) -> CaseTag {
    world.desk("maria").find_case("theo").unwrap()
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &target) } else { assert!(std::fs::copy(&path, &target).is_ok()) }
    }
}

/// What opens an entry: words, their key, the key of the structure, and the keys that these can be had from.
fn secrets(world: &World, entry: u64, text: &str) -> Vec<Vec<u8>> {
    let maria = world.desk("maria");
    let (cabinet, secret) = (maria.ledger.cabinet(), maria.identity().secret().clone());
    let (stored, statement) = maria.statement(entry).unwrap();
    let body = statement.unwrap().body().clone();
    let folder = folder_keys::load(&cabinet, body.folder_key, &secret).unwrap();
    let private = folder.private().unwrap();
    let key = words::words_key(stored.words(), private).unwrap();
    let content = words::content_key(stored.words(), private, &maria.ledger_id()).unwrap();
    let author = PublicKey::from_bytes(&body.author.0).unwrap();
    let structure = structure_keys::load(&cabinet, &author, 0, &secret).unwrap();
    vec![
        text.as_bytes().to_vec(),
        key.as_bytes().to_vec(),
        content.as_bytes().to_vec(),
        private.as_bytes().to_vec(),
        structure.key().unwrap().as_bytes().to_vec(),
    ]
}

/// Looks for secrets in every file of the setting: as it lies there, and opened with each key that anybody holds.
fn found_in_files(world: &World, secrets: &[Vec<u8>]) -> BTreeSet<String> {
    let mut keys: Vec<AgeSecret> =
        ["maria", "jon", "sam"].iter().map(|who| world.identity(who).secret().clone()).collect();
    keys.push(world.begun.recovery.secret().unwrap());
    let mut all = Vec::new();
    files(world.folder.path(), &mut all);
    let mut found = BTreeSet::new();
    for path in all {
        let bytes = std::fs::read(&path).unwrap();
        let mut contents: Vec<Vec<u8>> =
            keys.iter().filter_map(|key| Some(wrap::unwrap(&bytes, key).ok()?.to_vec())).collect();
        contents.push(bytes);
        for (at, secret) in secrets.iter().enumerate() {
            let spellings = [secret.clone(), hex(secret).into_bytes(), hex(secret).to_uppercase().into_bytes()];
            let holds = |content: &Vec<u8>| {
                spellings.iter().any(|text| content.windows(text.len()).any(|window| window == text))
            };
            if contents.iter().any(holds) {
                found.insert(format!("{}: secret {at}", path.strip_prefix(world.folder.path()).unwrap().display()));
            }
        }
    }
    found
}

#[test]
fn a_misfiled_entry_is_said_again_in_the_right_case_and_gone_from_the_wrong_one() {
    let world = World::new();
    let other = world.record("sam", concern("theo", "Hungry on arrival."));
    let (wrong, misfiled, proposal) = misfiled(&world);
    // Confirming entered it in the right case, with who wrote it.
    let again = misfiled + 2;
    let said = words_of(&world, "maria", again).unwrap();
    assert_eq!(said["narrative"], json!("Bruises on the left arm."));
    assert_eq!(said["reported_by"]["name"], json!("Sam Leigh"));
    let shown = world.desk("maria").show(again, None, &|| 0, &mut durable::entropy()).unwrap();
    assert_eq!(shown.body.unwrap().case, Some(world.desk("maria").find_case("ezra").unwrap()));
    // Whoever proposed it is not the second person; the other one is.
    assert!(matches!(approve(&world, "jon", proposal), Err(LedgerError::SamePerson)));
    let by_sam = approve(&world, "sam", proposal);
    assert!(matches!(by_sam, Err(LedgerError::NotLeading)), "{by_sam:?}");
    let approved = approve(&world, "maria", proposal).unwrap();
    assert_eq!((approved.entries, approved.done.len()), (1, 1));
    for who in ["maria", "jon", "sam"] {
        let desk = world.desk(who);
        assert!(desk.statement(wrong).unwrap().1.is_none(), "{who}");
        assert_eq!(words_of(&world, who, other).unwrap()["narrative"], json!("Hungry on arrival."), "{who}");
    }
    assert!(matches!(approve(&world, "maria", proposal), Err(LedgerError::NotWaiting(_))));
    // Everybody goes on writing, and history is unaltered.
    for who in ["sam", "maria", "jon"] {
        let entry = world.record(who, noshare("theo", "One more."));
        assert_eq!(words_of(&world, "jon", entry).unwrap()["reasons"], json!("One more."));
    }
    let report = verified(&world);
    assert_eq!(codes(&report), [(Code::OneFounder, 0)]);
    assert_eq!((report.history, report.layer, report.counts.retired), (History::Unaltered, Layer::Structure, 1));
    let retired = &report.retired[0];
    assert_eq!((retired.proposed, retired.done), (Some(proposal), approved.done[0]));
    assert_eq!((retired.ground, retired.shown), (Some(Ground::Misfiled(misfiled, misfiled + 1)), 1));
    assert_eq!(world.verify(Keys::default()).history, History::Unaltered);
}

#[test]
fn what_the_right_case_got_may_be_retired_later() {
    let world = World::new();
    let (_, _, proposal) = misfiled(&world);
    approve(&world, "maria", proposal).unwrap();
    world.record("maria", review("ezra", "general", "general", Some("retire"), Some("2026-10-06")));
    world.record("maria", review("ezra", "protection", "child_protection", Some("retire"), Some("2026-10-06")));
    let ezra = world.desk("maria").find_case("ezra").unwrap();
    let proposal = propose(&world, "maria", &[Target::Case(ezra)], None).unwrap();
    approve(&world, "jon", proposal).unwrap();
    let report = verified(&world);
    assert_eq!(codes(&report), [(Code::OneFounder, 0)]);
    assert_eq!(report.retired.len(), 2);
}

#[test]
fn an_author_whose_newest_entry_was_retired_counts_on() {
    let world = World::new();
    let (wrong, _, proposal) = misfiled(&world);
    let approved = approve(&world, "maria", proposal).unwrap();
    // The chain's own file is lost too, and the index: the key file says how to count.
    let entry = world.record("sam", noshare("theo", "After it."));
    std::fs::remove_dir_all(world.book().join("index")).unwrap();
    world.record("sam", noshare("theo", "And after that."));
    let report = verified(&world);
    assert_eq!(codes(&report), [(Code::OneFounder, 0)]);
    assert_eq!((report.retired[0].shown, report.retired[0].entries.as_slice()), (1, &[wrong][..]));
    let body = |number| world.desk("maria").statement(number).unwrap().1.unwrap().body().clone();
    assert_eq!(body(entry).sequence, 1);
    assert!(approved.done[0] < entry);
}

#[test]
fn nothing_opens_what_was_retired_but_a_copy_from_before() {
    let world = World::new();
    let stays = world.record("sam", concern("theo", "Hungry on arrival."));
    let (wrong, _, proposal) = misfiled(&world);
    // Sam read it once more, and everybody else did.
    assert!(["maria", "jon", "sam"].iter().all(|who| words_of(&world, who, wrong).is_ok()));
    let secrets = secrets(&world, wrong, "no file holds it in clear");
    assert!(!found_in_files(&world, &secrets).is_empty());
    let (before, keys) = (world.folder.path().join("copy"), world.desk("maria").keys());
    copy(&world.book(), &before);
    approve(&world, "maria", proposal).unwrap();
    let old = tempfile::tempdir().unwrap();
    std::fs::rename(&before, old.path().join("copy")).unwrap();
    assert_eq!(found_in_files(&world, &secrets), BTreeSet::new());
    // What was copied before still opens the log as it is now (threats.md).
    let maria = world.desk("maria");
    let (cabinet, secret) = (old.path().join("copy").join("cabinet"), maria.identity().secret().clone());
    let stored = maria.ledger.entry(wrong).unwrap();
    let body = stored.statement(&keys).unwrap().body().clone();
    let folder = folder_keys::load(&cabinet, body.folder_key, &secret).unwrap();
    let key = words::words_key(stored.words(), folder.private().unwrap()).unwrap();
    assert!(words::open(stored.words(), &key, &maria.ledger_id(), &folder.id).is_ok());
    assert_eq!(words_of(&world, "jon", stays).unwrap()["narrative"], json!("Hungry on arrival."));
}

#[test]
fn nothing_is_retired_while_something_keeps_it() {
    let world = World::new();
    let first = world.record("sam", concern("theo", "Hungry on arrival."));
    let kept_entry = world.record("sam", json!({"kind": "disclosure.heard", "case": "theo",
        "learned_at": "2026-10-06T08:10:00+01:00", "verbatim": {"speaker": "Theo", "words": "It hurts."}, "narrative": "n"}));
    let general = [Target::Folder(theo(&world), Folder::General)];
    assert_eq!(kept(propose(&world, "maria", &general, None)), [Obstacle::NoReview]);
    assert_eq!(kept(propose(&world, "maria", &[Target::Entry(first)], None)), [Obstacle::NotMisfiled(first)]);
    // Class and outcome have to fit, and the date has to be reached, whatever the later review says.
    world.record("maria", review("theo", "protection", "child_protection", None, Some("2047-03-14")));
    world.record("maria", review("theo", "general", "general", Some("keep"), Some("2029-07-17")));
    assert_eq!(kept(propose(&world, "maria", &general, None)), [Obstacle::NoReview]);
    let early = world.record("maria", review("theo", "general", "general", Some("retire"), Some("2026-10-01")));
    let due = Moment::parse("2029-07-17").unwrap().milliseconds;
    assert_eq!(kept(propose(&world, "maria", &general, None)), [Obstacle::Early(early, due)]);
    world.at("2029-07-17T09:00:00+01:00");
    let hold = world.record(
        "maria",
        json!({"kind": "hold.placed", "case": "theo", "folder": "legal",
        "learned_at": "2029-07-17T08:00:00+01:00", "hold_code": "HT-LEGAL", "reasons": "A court case."}),
    );
    let asked = world.record("jon", json!({"kind": "access.received", "case": "theo",
        "learned_at": "2029-07-17T08:00:00+01:00", "requester": {"person": "His mother", "role": "staff"}, "channel": "letter",
        "items_asked": [{"class": "whole_file", "what": "all"}]}));
    assert_eq!(kept(propose(&world, "maria", &general, None)), [Obstacle::Held(hold), Obstacle::Guarded(asked)]);
    world.record(
        "maria",
        json!({"kind": "hold.released", "learned_at": "2029-07-17T08:30:00+01:00",
        "reasons": "It is over.", "refs": [{"relation": "ends", "entry": hold}]}),
    );
    world.record(
        "jon",
        json!({"kind": "access.refused", "case": "theo", "decided_at": "2029-07-17T08:30:00+01:00",
        "ex_code": "EX-LP", "reasons": "r", "refs": [{"relation": "part_of", "entry": asked}]}),
    );
    let proposal = propose(&world, "maria", &general, None).unwrap();
    // What comes between proposal and approval counts too.
    let again = world.record(
        "jon",
        json!({"kind": "hold.placed", "case": "theo", "folder": "protection",
        "learned_at": "2029-07-17T09:00:00+01:00", "hold_code": "HT-TELL", "reasons": "Wait."}),
    );
    let size = world.desk("jon").ledger.size();
    for _ in 0..2 {
        assert!(matches!(approve(&world, "jon", proposal), Err(LedgerError::Kept(o)) if o == [Obstacle::Held(again)]));
    }
    // That it was stopped is entered, once, with what stood in the way.
    assert_eq!(world.desk("jon").ledger.size(), size + 1);
    let stopped = world.desk("maria").statement(size).unwrap().1.unwrap();
    let body = stopped.body();
    let by: Vec<_> = body.references.iter().map(|to| (to.relation.name(), to.entry)).collect();
    assert_eq!((body.kind.name(), by), (Some("rule.blocked"), vec![(Some("stopped_by"), again)]));
    world.record(
        "jon",
        json!({"kind": "hold.released", "learned_at": "2029-07-17T09:00:00+01:00",
        "reasons": "It is over.", "refs": [{"relation": "ends", "entry": again}]}),
    );
    let approved = approve(&world, "jon", proposal).unwrap();
    // The review that says so stays readable in its structure; its words went with the folder.
    assert_eq!(approved.entries, 3);
    assert!(world.desk("jon").statement(first).unwrap().1.is_none());
    assert!(world.desk("jon").statement(early).unwrap().1.is_some());
    assert!(matches!(words_of(&world, "maria", early), Err(LedgerError::Retired)));
    assert_eq!(words_of(&world, "jon", kept_entry).unwrap()["narrative"], json!("n"));
    assert_eq!(world.desk("maria").roll().case(theo(&world)).unwrap().handle(), "theo");
    let report = verified(&world);
    assert_eq!(codes(&report), [(Code::OneFounder, 0)]);
    assert_eq!(report.retired[0].ground, Some(Ground::Review(early, due)));
}

#[test]
fn a_whole_case_leaves_its_tag_and_nothing_else() {
    let world = World::new();
    let theo = theo(&world);
    world.record("sam", concern("theo", "Hungry on arrival."));
    world.record(
        "jon",
        json!({"kind": "disclosure.heard", "case": "theo", "learned_at": "2026-10-06T08:10:00+01:00",
        "verbatim": {"speaker": "Theo", "words": "It hurts."}, "narrative": "n"}),
    );
    let ezra = world.record("sam", concern("ezra", "Quiet today."));
    words_of(&world, "jon", ezra).unwrap();
    world.record("maria", review("theo", "protection", "child_protection", Some("retire"), Some("2026-10-06")));
    let proposal = propose(&world, "maria", &[Target::Case(theo)], None).unwrap();
    approve(&world, "jon", proposal).unwrap();
    for who in ["maria", "jon", "sam"] {
        let desk = world.desk(who);
        let line = desk.roll().case(theo).unwrap().clone();
        assert_eq!((line.handle(), line.label()), (theo.base32().to_lowercase().as_str(), "(retired)"), "{who}");
        assert!(desk.find_case("theo").is_err() && desk.find_case(&desk.tag(theo)).unwrap() == theo);
        assert_eq!(words_of(&world, who, ezra).unwrap()["narrative"], json!("Quiet today."));
    }
    assert_eq!(found_in_files(&world, &[b"Theo A.".to_vec()]), BTreeSet::new());
    assert_eq!(codes(&verified(&world)), [(Code::OneFounder, 0)]);
}

/// Enters an act of the clerk's as this person would who has every key and no scruples.
fn forced(world: &World, who: &str, kind: &str, values: Vec<Value>, refs: &[(&str, u64)]) -> u64 {
    let mut desk = world.desk(who);
    let reference = |(relation, entry): &(&str, u64)| Reference {
        relation: RelationNumber::of(relation).unwrap(),
        entry: *entry,
        digest: desk.ledger.entry(*entry).unwrap().envelope().statement,
    };
    let (kind, at) = (KindNumber::of(kind).unwrap(), Moment::in_london(world.tick()));
    let references = refs.iter().map(reference).collect();
    let decision = Decision::act(desk.pack(), kind, None, at, Some(at), values, references).unwrap();
    desk.enter(decision, &|| world.tick(), &mut durable::entropy()).unwrap().number
}

fn value(field: FieldId, content: Content) -> Value {
    Value { field, position: 0, content }
}

fn code(text: &str) -> Content {
    Content::Code(ShortText::new(text).unwrap())
}

/// Says that an entry of Sam's was retired, with what is true of it but for `change`.
fn done(world: &World, who: &str, entry: u64, approval: u64, change: impl FnOnce(&mut Vec<Value>)) -> u64 {
    let body = world.desk("maria").statement(entry).unwrap().1.unwrap().body().clone();
    let mut values = vec![
        value(field::RETIRE_SCOPE_ENTRY, Content::Entry(entry)),
        value(field::EPOCH, Content::Count(1)),
        value(field::ENTRIES_COUNT, Content::Count(1)),
        value(field::RETIRED_ENTRY, Content::Entry(entry)),
        value(field::RETIRED_AUTHOR_KEY, Content::Key(body.author)),
        value(field::RETIRED_SEQUENCE, Content::Count(body.sequence)),
        value(field::RETIRED_PREVIOUS, Content::Hash(body.previous)),
        value(field::RETIRED_KIND_CLASS, code("input")),
        value(field::RETIRED_CASE, Content::Case(body.case.unwrap())),
        value(field::RETIRED_FOLDER, code("general")),
    ];
    change(&mut values);
    forced(world, who, "retire.done", values, &[("carries_out", approval)])
}

fn proposed(world: &World, who: &str, target: Value, refs: &[(&str, u64)]) -> u64 {
    forced(world, who, "retire.proposed", vec![target, value(field::CAUSE, code("retention"))], refs)
}

fn approved(world: &World, who: &str, proposal: u64, view: &str) -> u64 {
    forced(world, who, "retire.approved", vec![value(field::VIEW, code(view))], &[("confirms", proposal)])
}

#[test]
fn what_one_person_retires_alone_or_early_is_named() {
    let world = World::new();
    let first = world.record("sam", concern("theo", "Hungry on arrival."));
    let entry = |entry| value(field::RETIRE_SCOPE_ENTRY, Content::Entry(entry));
    let own = proposed(&world, "maria", entry(first), &[]);
    let word = approved(&world, "maria", own, "agrees");
    let alone = done(&world, "maria", first, word, |_| ());
    // Without the leading role, and against the second person's no.
    let by_sam = approved(&world, "sam", own, "agrees");
    let also = done(&world, "maria", first, by_sam, |_| ());
    let no = proposed(&world, "maria", entry(first), &[]);
    approved(&world, "jon", no, "does_not");
    let second = approved(&world, "jon", no, "agrees");
    let against = done(&world, "maria", first, second, |_| ());
    let named = |report: &Report, code| -> Vec<u64> {
        report.findings.iter().filter(|finding| finding.code == code).map(|finding| finding.entry).collect()
    };
    let report = verified(&world);
    assert_eq!(named(&report, Code::RetireAlone), [alone, also, against]);
    assert_eq!(named(&report, Code::RetireEarly), [alone, also, against]);
    assert_eq!((report.history, report.exit_code()), (History::Unaltered, 1));
    assert!(report.retired.iter().all(|one| one.ground.is_none() && one.judged));
    // By two, with a review, but before its date and while it is held.
    let review = world.record("maria", review("theo", "general", "general", Some("retire"), Some("2029-07-17")));
    world.record(
        "maria",
        json!({"kind": "hold.placed", "case": "theo", "folder": "protection",
        "learned_at": "2026-10-06T08:00:00+01:00", "hold_code": "HT-TELL", "reasons": "Wait."}),
    );
    let folder = vec![
        value(field::RETIRE_SCOPE_CASE, Content::Case(theo(&world))),
        value(field::RETIRE_SCOPE_FOLDER, code("general")),
        value(field::CAUSE, code("retention")),
    ];
    let by_two = forced(&world, "maria", "retire.proposed", folder, &[("reviews", review)]);
    let word = approved(&world, "jon", by_two, "agrees");
    let early = done(&world, "jon", first, word, |_| ());
    let report = verified(&world);
    assert_eq!(named(&report, Code::RetireAlone), [alone, also, against]);
    assert_eq!(named(&report, Code::RetireHeld), [early]);
    assert_eq!(named(&report, Code::RetireEarly).last(), Some(&early));
}

#[test]
fn what_is_kept_of_an_entry_has_to_fit_its_author_s_count() {
    type Change = fn(&mut Vec<Value>);
    let changes: [(&str, Change); 5] = [
        ("sequence", |values| change(values, field::RETIRED_SEQUENCE, Content::Count(0))),
        ("behind", |values| change(values, field::RETIRED_SEQUENCE, Content::Count(7))),
        ("previous", |values| change(values, field::RETIRED_PREVIOUS, Content::Hash(Digest::new([7; 32])))),
        ("key", |values| change(values, field::RETIRED_AUTHOR_KEY, Content::Key(Bytes([7; 32])))),
        ("entry", |values| change(values, field::RETIRED_ENTRY, Content::Entry(u64::MAX))),
    ];
    for (what, change) in changes {
        let world = World::new();
        world.record("sam", noshare("theo", "Before it."));
        let entry = world.record("sam", concern("theo", "Hungry on arrival."));
        world.record("sam", noshare("theo", "After it."));
        let own = proposed(&world, "maria", value(field::RETIRE_SCOPE_ENTRY, Content::Entry(entry)), &[]);
        let word = approved(&world, "jon", own, "agrees");
        let wrong = done(&world, "jon", entry, word, change);
        // The verifier cannot open the entry, as if its key were gone.
        let mut keys = world.desk("maria").keys();
        let desk = world.desk("maria");
        let mut content = std::collections::HashMap::new();
        for number in 0..desk.ledger.size() {
            let stored = desk.ledger.entry(number).unwrap();
            if let (Ok(StructurePart::Sealed(sealed)), true) = (structure::parse(stored.structure()), number != entry) {
                let digest = stored.envelope().statement;
                let key = keys.structure.iter().find(|key| sealed.fits(key, &digest)).unwrap();
                content.insert(digest, sealed.content_key(key, &digest).unwrap());
            }
        }
        keys.content = content;
        keys.structure = vec![StructureKey::new([9; 32])];
        let report = world.verify(keys);
        let facts = report.findings.iter().find(|finding| finding.code == Code::RetireFacts);
        assert_eq!(facts.map(|finding| finding.entry), Some(wrong), "{what}: {:?}", report.findings);
        assert_eq!((report.history, report.layer), (History::Unaltered, Layer::Part), "{what}");
    }
}

fn change(values: &mut [Value], id: FieldId, content: Content) {
    values.iter_mut().filter(|value| value.field == id).for_each(|value| value.content = content.clone());
}

#[test]
fn a_statement_that_arrives_after_its_keys_were_destroyed_stays_its_author_s_to_read() {
    let world = World::new();
    let (_, _, proposal) = misfiled(&world);
    // Sam signs on a machine that cannot append.
    let side = side_folder(&world.path("sam.id"));
    let mut away = Desk::open(&world.book(), &world.path("nowhere"), world.identity("sam"), &side).unwrap();
    let draft = Draft::from_json(&concern("theo", "Signed on the way.")).unwrap();
    let outcome = away.record(&draft, &|| world.tick(), &mut durable::entropy()).unwrap();
    assert!(matches!(outcome, Outcome::Waiting { .. }), "{outcome:?}");
    drop(away);
    approve(&world, "maria", proposal).unwrap();
    let next = world.record("sam", noshare("theo", "Back at the desk."));
    assert_eq!(words_of(&world, "sam", next - 1).unwrap()["narrative"], json!("Signed on the way."));
    assert!(matches!(words_of(&world, "sam", next), Ok(fields) if fields["reasons"] == json!("Back at the desk.")));
    // The overseers cannot read it; it is counted, and Sam's count goes on.
    let report = verified(&world);
    assert_eq!(codes(&report), [(Code::OneFounder, 0)]);
    assert_eq!((report.layer, report.counts.not_opened), (Layer::Part, 2));
}

/// Everything of one setting, as it lay on the disk at some moment.
struct Moments {
    world: World,
    wrong: u64,
    stays: Vec<u64>,
    proposal: u64,
    approval: u64,
    /// The folder before it was approved, and when it was done.
    before: tempfile::TempDir,
    after: tempfile::TempDir,
}

fn moments() -> Moments {
    let world = World::new();
    let mut stays: Vec<u64> = ["One.", "Two."].map(|text| world.record("sam", concern("theo", text))).to_vec();
    stays.push(world.record("jon", concern("theo", "Three.")));
    let (wrong, _, proposal) = misfiled(&world);
    stays.push(world.record("sam", concern("theo", "Four.")));
    let (before, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    copy(&world.book(), before.path());
    let approval = approve(&world, "maria", proposal).unwrap().entered.unwrap().number;
    copy(&world.book(), after.path());
    Moments { world, wrong, stays, proposal, approval, before, after }
}

impl Moments {
    /// Puts a file of the cabinet back as it was before.
    fn restore(&self, what: &str) -> Vec<PathBuf> {
        let (from, to) = (self.before.path().join("cabinet").join(what), self.world.book().join("cabinet").join(what));
        let mut back = Vec::new();
        for entry in std::fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            let target = to.join(path.file_name().unwrap());
            if !target.exists() || std::fs::read(&path).unwrap() != std::fs::read(&target).unwrap() {
                std::fs::copy(&path, &target).unwrap();
                back.push(target);
            }
        }
        back
    }

    fn begun(&self) {
        let maria = self.world.desk("maria");
        let recovery = self.world.begun.recovery.secret().unwrap().recipient();
        let recipients = [maria.identity().recipient(), self.world.identity("jon").recipient(), recovery];
        retiring::begin(&maria.ledger.cabinet(), self.approval, &recipients).unwrap();
    }

    /// After any crash: the next overseer makes it good, what was retired is gone, and nothing else.
    fn check(&self, what: &str) {
        let mut jon = self.world.desk("jon");
        jon.settle(&|| self.world.tick(), &mut durable::entropy()).unwrap_or_else(|error| panic!("{what}: {error}"));
        drop(jon);
        for who in ["maria", "jon", "sam"] {
            assert!(self.world.desk(who).statement(self.wrong).unwrap().1.is_none(), "{what}: {who}");
        }
        for (entry, text) in self.stays.iter().zip(["One.", "Two.", "Three.", "Four."]) {
            let words = words_of(&self.world, "jon", *entry).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(words["narrative"], json!(text), "{what}");
        }
        let cabinet = self.world.book().join("cabinet");
        let mut all = Vec::new();
        files(&cabinet, &mut all);
        let odd = |path: &&PathBuf| path.extension().is_some_and(|end| end == "left") || path.ends_with("retiring.age");
        assert_eq!(all.iter().find(odd), None, "{what}");
        self.world.record("sam", noshare("theo", "Sam goes on."));
        assert_eq!(codes(&verified(&self.world)), [(Code::OneFounder, 0)], "{what}");
    }
}

#[test]
fn a_retirement_that_is_broken_off_at_any_step_is_made_good() {
    let m = moments();
    // What every file of the old keys became.
    let punctured = |path: &Path| {
        let rest = path.strip_prefix(m.world.book()).unwrap();
        (m.after.path().join(rest), path.with_extension("left"))
    };
    // Said to be done, and nothing destroyed; nothing but some of what remains laid beside; the own copies first.
    for (what, own) in [("nothing destroyed", true), ("own copies made anew", false)] {
        m.restore("folders");
        m.restore("structure");
        if own {
            m.restore("own");
        }
        m.begun();
        m.check(what);
    }
    let all = m.restore("folders").into_iter().chain(m.restore("structure")).collect::<Vec<_>>();
    assert!(all.len() >= 2, "{all:?}");
    let originals: Vec<Vec<u8>> = all.iter().map(|path| std::fs::read(path).unwrap()).collect();
    for cut in 0..all.len() {
        for step in ["laid beside", "half overwritten", "overwritten", "removed"] {
            // The ones before it are finished, this one is at the step, those behind it lie as they did, with or without.
            for ((at, path), original) in all.iter().enumerate().zip(&originals) {
                let (done, left) = punctured(path);
                std::fs::write(path, original).unwrap();
                if at < cut {
                    std::fs::copy(&done, path).unwrap();
                } else {
                    std::fs::copy(&done, &left).unwrap();
                }
                let zeros = |n: usize| [&vec![0; n][..], &original[n..]].concat();
                match step {
                    "half overwritten" if at == cut => std::fs::write(path, zeros(original.len() / 2)).unwrap(),
                    "overwritten" if at == cut => std::fs::write(path, zeros(original.len())).unwrap(),
                    "removed" if at == cut => std::fs::remove_file(path).unwrap(),
                    _ => {}
                }
            }
            m.begun();
            m.check(&format!("{step}, file {cut}"));
        }
    }
    assert!(matches!(approve(&m.world, "maria", m.proposal), Err(LedgerError::NotWaiting(_))));
}

#[test]
fn a_write_that_fails_during_a_retirement_destroys_nothing_that_is_not_said_to_be_gone() {
    // Calls of the disk that holds the log: each fails once, before or after it was done; in a deep run both.
    for fault in [Fault::NotDone, Fault::Done] {
        for call in (1..).filter(|call| deep() || (call % 2 == 0) == (fault == Fault::Done)) {
            let mut shaky = Shaky::new();
            let wrong = shaky.world.record("sam", concern("theo", "Bruises."));
            let maria = shaky.world.desk("maria");
            let (ezra, tick) = (maria.find_case("ezra").unwrap(), || shaky.world.tick());
            drop(maria);
            let mut maria = shaky.world.desk("maria");
            let said = maria.misfiled(wrong, Some(ezra), "It is about Ezra.", &tick, &mut durable::entropy()).unwrap();
            let Outcome::Entered { entered, .. } = said else { panic!("not entered") };
            confirm(&shaky.world, "jon", entered.number).unwrap();
            let proposal = propose(&shaky.world, "jon", &[Target::Entry(wrong)], Some(entered.number)).unwrap();
            shaky.disk = FaultyDisk::with(shaky.world.bytes());
            let mut desk = shaky.desk("maria").unwrap();
            shaky.disk.fail_after(call, fault);
            let tried = desk.approve_retiring(proposal, "agrees", &tick, &mut durable::entropy());
            drop(desk);
            if shaky.disk.armed() {
                assert!(call > 5 && tried.is_ok());
                break;
            }
            let what = format!("{fault:?} {call}: {tried:?}");
            // Again in a new process, as often as it takes.
            shaky.disk = FaultyDisk::with(shaky.disk.bytes());
            let mut desk = shaky.desk("maria").unwrap();
            desk.settle(&tick, &mut durable::entropy()).unwrap();
            match desk.approve_retiring(proposal, "agrees", &tick, &mut durable::entropy()) {
                Ok(_) | Err(LedgerError::NotWaiting(_)) => {}
                Err(other) => panic!("{what}: {other}"),
            }
            drop(desk);
            let jon = shaky.desk("jon").unwrap();
            assert!(jon.statement(wrong).unwrap().1.is_none(), "{what}");
            let (again, statement) = jon.statement(entered.number + 2).unwrap();
            assert!(jon.open_words(&again, statement.unwrap().body()).is_ok(), "{what}");
            let report = shaky.verify();
            assert!(!report.history.altered(), "{what}: {:?}", report.findings);
        }
    }
}
