//! Who may read: grants, their ends, and what each person can open at each moment.

use indelible::cabinet::folder_keys;
use indelible::codec::{CaseTag, Folder, KindNumber, RelationNumber, ShortText};
use indelible::decision::decision::Reference;
use indelible::decision::people::Role;
use indelible::decision::value::{Content, FieldId, Moment, Value, field};
use indelible::ledger::LedgerError;
use indelible::ledger::grants::Granting;
use indelible::ledger::people::Post;
use indelible::store::durable;
use indelible::verify::entry::Keys;
use indelible::verify::ledger::{Options, verify};
use indelible::verify::report::Code;
use serde_json::json;

use crate::forge::{self, Piece, Sample, concern};
use crate::town::{output, program};
use crate::world::{World, options};

/// What a person gets of an entry: nothing, its structure, or its words too.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Clone, Copy)]
pub enum Gets {
    Nothing,
    Structure,
    Words,
}
use Gets::{Nothing, Structure, Words};

fn gets(world: &World, who: &str, entry: u64) -> Gets {
    let Ok(mut desk) = world.try_desk(who) else { return Nothing };
    desk.at_time(world.tick());
    match desk.show(entry, Some("own_work"), &|| world.tick(), &mut durable::entropy()) {
        Ok(shown) if shown.opened => Words,
        Ok(shown) if shown.body.is_some() => Structure,
        Ok(_) => Nothing,
        Err(LedgerError::NotReader) => Structure,
        // Somebody whose key has ended opens nothing through this door.
        Err(LedgerError::Refused(Code::KeyNotEnrolled)) => Nothing,
        Err(other) => panic!("{other:?}"),
    }
}

fn case(world: &World, handle: &str) -> CaseTag {
    world.desk("maria").find_case(handle).unwrap()
}

fn grant(world: &World, who: &str, case: Option<CaseTag>, folders: &[Folder], until: Option<i64>) -> u64 {
    let mut desk = world.desk("maria");
    let person = world.identity(who).person();
    let granting = Granting { person, case, folders, profile: "cover", until };
    desk.grant(granting, &|| world.tick(), &mut durable::entropy()).unwrap().number
}

fn protected(case: &str, text: &str) -> serde_json::Value {
    let mut draft = concern(case, text);
    draft["folder"] = json!("protection");
    draft
}

fn general(case: &str, text: &str) -> serde_json::Value {
    let mut draft = concern(case, text);
    draft["folder"] = json!("general");
    draft
}

#[test]
fn a_grant_opens_one_folder_until_it_ends() {
    let world = World::new();
    let theo = case(&world, "theo");
    let (a, b) = (world.record("maria", general("theo", "one")), world.record("maria", protected("theo", "two")));
    let c = world.record("maria", general("ezra", "three"));
    let all = |who: &str| [a, b, c].map(|entry| gets(&world, who, entry));
    assert_eq!(all("sam"), [Nothing, Nothing, Nothing]);
    assert_eq!(all("jon"), [Words, Words, Words]);
    let granted = grant(&world, "sam", Some(theo), &[Folder::General], None);
    // What was there before the grant opens, too: a grant is to the folder.
    assert_eq!(all("sam"), [Words, Nothing, Nothing]);
    let readings = world.desk("maria").readings(theo).unwrap();
    let by_sam: Vec<_> = readings.iter().filter(|one| one.person == world.identity("sam").person()).collect();
    assert_eq!((by_sam.len(), by_sam[0].of, by_sam[0].under), (1, a, Some(granted)));
    assert!(readings.iter().filter(|one| one.under.is_none()).count() >= 2);
    // The end of it: a new key, and the old one is no longer wrapped for sam.
    let epoch = world.desk("maria").roster().current_folder(Some(theo), Folder::General).unwrap().key.id();
    let tick = || world.tick();
    world.desk("maria").end_grant(granted, "grant_ended", &tick, &mut durable::entropy()).unwrap();
    let roster = world.desk("maria").roster().clone();
    assert_ne!(roster.current_folder(Some(theo), Folder::General).unwrap().key.id(), epoch);
    let cabinet = world.book().join("cabinet");
    assert!(folder_keys::load_all(&cabinet, world.identity("sam").secret()).unwrap().opened.is_empty());
    let d = world.record("maria", general("theo", "four"));
    assert_eq!([a, b, c, d].map(|entry| gets(&world, "sam", entry)), [Nothing; 4]);
    assert_eq!([a, b, c, d].map(|entry| gets(&world, "jon", entry)), [Words; 4]);
    assert!(matches!(
        world.desk("maria").end_grant(granted, "grant_ended", &tick, &mut durable::entropy()),
        Err(LedgerError::NoGrant)
    ));
    // Nobody but an overseer grants.
    let granting = Granting {
        person: world.identity("sam").person(),
        case: Some(theo),
        folders: &[Folder::General],
        profile: "cover",
        until: None,
    };
    assert!(matches!(world.desk("sam").grant(granting, &tick, &mut durable::entropy()), Err(LedgerError::NotAllowed)));
    assert!(world.verify(Keys::default()).findings.iter().all(|finding| finding.code == Code::OneFounder));
}

#[test]
fn a_grant_with_an_end_ends_when_the_next_overseer_sits_down() {
    let world = World::new();
    let theo = case(&world, "theo");
    let a = world.record("maria", general("theo", "one"));
    let until = world.tick() + 3_600_000;
    grant(&world, "sam", Some(theo), &[Folder::General, Folder::Protection], Some(until));
    assert_eq!(gets(&world, "sam", a), Words);
    let epochs = |folder| world.desk("maria").roster().epochs_of(Some(theo), folder).count();
    let settle = |at: i64| world.desk("jon").settle(&|| at, &mut durable::entropy()).unwrap();
    settle(until - 1);
    assert_eq!((epochs(Folder::General), epochs(Folder::Protection)), (1, 1));
    settle(until);
    assert_eq!((epochs(Folder::General), epochs(Folder::Protection)), (2, 2));
    let before = world.bytes();
    settle(until + 5);
    assert_eq!(world.bytes(), before, "settled is settled");
    assert_eq!(gets(&world, "sam", a), Nothing);
}

#[test]
fn the_key_person_reads_general_while_the_role_lasts() {
    let world = World::new();
    let theo = case(&world, "theo");
    let sam = world.identity("sam").person();
    let (a, b) = (world.record("maria", general("theo", "one")), world.record("maria", protected("theo", "two")));
    let tick = || world.tick();
    let post = Post { role: Role::KeyPerson, case: Some(theo), starts: world.tick(), until: None };
    let change = world.desk("maria").assign_role(sam, post, &tick, &mut durable::entropy()).unwrap();
    assert!(!change.waits);
    assert_eq!([a, b].map(|entry| gets(&world, "sam", entry)), [Words, Nothing]);
    world.desk("maria").end_role(sam, Role::KeyPerson, Some(theo), &tick, &mut durable::entropy()).unwrap();
    assert_eq!([a, b].map(|entry| gets(&world, "sam", entry)), [Nothing, Nothing]);
    assert_eq!(world.desk("maria").roster().epochs_of(Some(theo), Folder::General).count(), 2);
    assert_eq!(world.desk("maria").roster().epochs_of(Some(theo), Folder::Protection).count(), 1);
}

#[test]
fn whoever_stops_overseeing_opens_nothing_new() {
    let world = World::new();
    crate::people::with_chair(&world);
    let theo = case(&world, "theo");
    let a = world.record("sam", general("theo", "one"));
    assert_eq!(gets(&world, "jon", a), Words);
    let jon = world.identity("jon").person();
    let tick = || world.tick();
    let change = world.desk("maria").end_role(jon, Role::DeputyDsl, None, &tick, &mut durable::entropy()).unwrap();
    crate::people::confirm(&world, "ruth", change.entered.number, "agrees").unwrap();
    world.desk("maria").settle(&tick, &mut durable::entropy()).unwrap();
    let roster = world.desk("maria").roster().clone();
    for folder in [Folder::General, Folder::Protection, Folder::Legal] {
        assert_eq!(roster.epochs_of(Some(theo), folder).count(), 2, "{folder:?}");
    }
    for folder in [Folder::Staff, Folder::Intake, Folder::Access] {
        assert_eq!(roster.epochs_of(None, folder).count(), 2, "{folder:?}");
    }
    // Sam's structure is sealed with a key that jon never had, and the words to folders that jon cannot open.
    let b = world.record("sam", general("theo", "two"));
    assert_eq!([a, b].map(|entry| gets(&world, "jon", entry)), [Nothing, Nothing]);
    assert_eq!([a, b].map(|entry| gets(&world, "maria", entry)), [Words, Words]);
    assert_eq!(gets(&world, "sam", a), Words);
    let report = world.verify(world.desk("maria").keys());
    assert!(report.findings.iter().all(|one| one.code == Code::OneFounder), "{:?}", report.findings);
}

fn allegation(against: &str, text: &str) -> serde_json::Value {
    json!({"kind": "staff.allegation", "learned_at": "2026-10-06T08:10:00+01:00", "person": against, "hold_check": "no",
           "source": {"role": "staff", "person": "a colleague", "verified": "V-KNOWN"}, "narrative": text})
}

#[test]
fn whoever_is_accused_never_reads_the_allegation() {
    let world = World::new();
    crate::people::with_chair(&world);
    // By an overseer against another one.
    let a = world.record("maria", allegation("jon", "He shouted at a child."));
    assert_eq!([gets(&world, "maria", a), gets(&world, "jon", a), gets(&world, "sam", a)], [Words, Nothing, Nothing]);
    // By a member of staff against the DSL: nobody holds it up.
    let b = world.record("sam", allegation("maria", "She was rough."));
    assert_eq!([gets(&world, "maria", b), gets(&world, "jon", b), gets(&world, "sam", b)], [Nothing, Words, Words]);
    // The next overseers who sit down keep both out of what follows, whoever of them it is.
    for who in ["jon", "maria", "jon"] {
        world.desk(who).settle(&|| world.tick(), &mut durable::entropy()).unwrap();
    }
    assert_eq!([gets(&world, "maria", b), gets(&world, "jon", a)], [Nothing, Nothing]);
    let c = world.record("sam", allegation("sam", "I was late to tell."));
    assert_eq!(gets(&world, "sam", c), Words, "the author's own copy");
    // The index lost, the author's count goes on behind entries that only the words open.
    std::fs::remove_dir_all(world.book().join("index")).unwrap();
    world.record("sam", concern("theo", "after"));
    // The other folders are as they were, and nobody finds anything altered.
    let d = world.record("sam", general("theo", "four"));
    assert_eq!([gets(&world, "maria", d), gets(&world, "jon", d)], [Words, Words]);
    let report = world.verify(world.desk("jon").keys());
    assert!(report.findings.iter().all(|one| one.code == Code::OneFounder), "{:?}", report.findings);
    // A grant of the folder to somebody who is kept out is refused.
    let granting = Granting {
        person: world.identity("jon").person(),
        case: None,
        folders: &[Folder::Staff],
        profile: "cover",
        until: None,
    };
    let refused = world.desk("maria").grant(granting, &|| world.tick(), &mut durable::entropy());
    assert!(matches!(refused, Err(LedgerError::KeptOut | LedgerError::NotReader)), "{refused:?}");
}

#[test]
fn a_grant_counts_only_if_somebody_who_oversees_signed_it() {
    let world = World::new();
    let theo = case(&world, "theo");
    let entry = world.record("jon", general("theo", "one"));
    world.desk("maria").settle(&|| world.tick(), &mut durable::entropy()).unwrap();
    let one = |field, position, content| Value { field, position, content };
    // Somebody who oversees nothing signs it with tools of their own.
    let forge = |kind: &str, references: Vec<Reference>| {
        let sample = Sample::of(&world);
        let author = sample.author("sam");
        let sam = author.identity.person();
        let profile = world.desk("maria").pack().field("grant_profile").unwrap().id;
        let body = sample.body(&author, |body| {
            (body.kind, body.case, body.references) = (KindNumber::of(kind).unwrap(), Some(theo), references);
            body.values = vec![
                one(field::PERSON, 0, Content::Person(sam)),
                one(field::FOLDERS, 0, Content::Code(ShortText::new("general").unwrap())),
                one(FieldId(profile), 0, Content::Code(ShortText::new("cover").unwrap())),
            ];
            body.values.sort_by_key(|value| (value.field, value.position));
            body.signed = Moment::instant(world.now(), 60);
        });
        let piece = Piece::of(&sample.authored(&author, false, Vec::new(), body));
        let log = forge::extend(&sample.bytes, vec![piece], &sample.log_key());
        std::fs::write(world.book().join("ledger.log"), log).unwrap();
        sample.size()
    };
    let refused = |entry: u64| {
        let review = world.desk("maria").review(world.now()).unwrap();
        review.of(entry).any(|item| item.flag == "ROLE-INVALID")
    };
    let made = forge("grant.made", Vec::new());
    world.desk("maria").settle(&|| world.tick(), &mut durable::entropy()).unwrap();
    assert_eq!(gets(&world, "sam", entry), Nothing);
    assert!(world.desk("maria").readers().unwrap().grants.is_empty() && refused(made));
    // Nor can they end one.
    let folders = &[Folder::General];
    let person = world.identity("sam").person();
    let granting = Granting { person, case: Some(theo), folders, profile: "cover", until: None };
    let granted = world.desk("maria").grant(granting, &|| world.tick(), &mut durable::entropy()).unwrap().number;
    let ends = RelationNumber::of("ends").unwrap();
    let digest = world.desk("maria").ledger.entry(granted).unwrap().envelope().statement;
    let ended = forge("grant.ended", vec![Reference { relation: ends, entry: granted, digest }]);
    world.desk("maria").settle(&|| world.tick(), &mut durable::entropy()).unwrap();
    assert_eq!(gets(&world, "sam", entry), Words);
    assert!(refused(ended) && !refused(granted));
    // An inspector is told the same.
    let keys = world.desk("maria").keys();
    let file = || std::fs::File::open(world.book().join("ledger.log"));
    let inspected = verify(&file, &Options { rules: true, ..options(keys, world.now()) }).unwrap().0;
    let found = inspected.review.unwrap().found;
    assert!([made, ended].iter().all(|entry| found.of(*entry).any(|item| item.flag == "ROLE-INVALID")));
    assert!(!world.verify(world.desk("jon").keys()).history.altered());
}

#[test]
fn whoever_is_kept_out_is_told_to_ask_others_and_never_themself() {
    let world = World::new();
    let told = |who: &str, entry: u64| {
        let mut command = program(world.folder.path(), &["show", &entry.to_string()], Some(world.tick()));
        command.env("INDELIBLE_LEDGER", "book").env("INDELIBLE_IDENTITY", format!("{who}.id"));
        String::from_utf8(output(command, "").stderr).unwrap()
    };
    let a = world.record("maria", allegation("jon", "He shouted at a child."));
    let jon = told("jon", a);
    assert!(jon.contains("is not open to you; ask maria (dsl)") && jon.contains("LADO"), "{jon}");
    assert!(!jon.contains("jon"), "{jon}");
    // Somebody who oversees nothing cannot know whom it is about: the names, and the warning.
    let sam = told("sam", a);
    assert!(sam.contains("ask maria (dsl), jon (deputy_dsl), but nobody whom it may be about"), "{sam}");
    // Where nobody else oversees, somebody outside is named.
    let alone = World::founded();
    let mut desk = alone.desk("maria");
    alone.enrol(&mut desk, "Sam Leigh", "sam", Role::Practitioner);
    drop(desk);
    let b = alone.record("sam", allegation("maria", "She was rough."));
    let mut command = program(alone.folder.path(), &["show", &b.to_string()], Some(alone.tick()));
    command.env("INDELIBLE_LEDGER", "book").env("INDELIBLE_IDENTITY", "maria.id");
    let maria = String::from_utf8(output(command, "").stderr).unwrap();
    assert!(maria.contains("ask the chair or the local authority's LADO") && !maria.contains("maria"), "{maria}");
}

#[test]
fn a_policy_says_who_reads_by_role_from_its_second_word_on() {
    let world = World::new();
    let theo = case(&world, "theo");
    let (tick, mut rng) = (|| world.tick(), durable::entropy());
    let sam = world.identity("sam").person();
    let post = |role, case| Post { role, case, starts: world.tick(), until: None };
    world.desk("maria").assign_role(sam, post(Role::KeyPerson, Some(theo)), &tick, &mut rng).unwrap();
    let ana = crate::people::person(&world, "Ana Reyes", "ana");
    crate::people::enrol(&world, "maria", &ana, Role::Practitioner, None);
    world.desk("maria").assign_role(ana.person(), post(Role::Manager, None), &tick, &mut rng).unwrap();
    let (a, b) = (world.record("maria", general("theo", "one")), world.record("maria", protected("theo", "two")));
    let all = |who: &str| [a, b].map(|entry| gets(&world, who, entry));
    // Without a policy: the key person reads the general folder of that child.
    assert_eq!((all("sam"), all("ana")), ([Words, Nothing], [Nothing, Nothing]));
    let adopt = |grants: &str| {
        let text = indelible::rules::policy::Policy::built_in("policy-000").unwrap();
        let (head, rest) = text.split_once("[[grants]]").unwrap();
        let rest = rest.split_once("[[procedures]]").unwrap().1;
        let text = format!("{head}{grants}\n[[procedures]]{rest}");
        let (change, _) = world.desk("maria").adopt_policy(&text, &tick, &mut durable::entropy()).unwrap();
        change.entered.number
    };
    let adopted = adopt("[[grants]]\nrole = \"manager\"\nfolders = [\"general\", \"protection\"]\n");
    world.desk("maria").settle(&tick, &mut rng).unwrap();
    assert_eq!((all("sam"), all("ana")), ([Words, Nothing], [Nothing, Nothing]));
    crate::people::confirm(&world, "jon", adopted, "agrees").unwrap();
    // Who reads no longer gets no new words: the folder has another key; who reads now reads what was there, too.
    assert_eq!(all("ana"), [Words, Words]);
    let after = world.record("jon", general("theo", "three"));
    assert_eq!([gets(&world, "sam", after), gets(&world, "ana", after)], [Nothing, Words]);
    // A case that is opened under it.
    world.desk("maria").open_case("lena", "Lena P.", &tick, &mut rng).unwrap();
    let new = world.record("jon", protected("lena", "four"));
    assert_eq!((gets(&world, "ana", new), gets(&world, "sam", new)), (Words, Nothing));
    assert!(world.verify(Keys::default()).findings.iter().all(|one| one.code == Code::OneFounder));
}
