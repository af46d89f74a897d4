//! The recovery sheet: a lost laptop, a copy of the folder, and what can be read afterwards.

use std::path::Path;

use indelible::cabinet::identity::{Identity, side_folder};
use indelible::cabinet::wrap::AgeSecret;
use indelible::cabinet::{folder_keys, log_copy};
use indelible::decision::people::Role;
use indelible::ledger::LedgerError;
use indelible::ledger::desk::read_log_key;
use indelible::ledger::record::Outcome;
use indelible::ledger::recover::{self, LogKey};
use indelible::store::durable;
use indelible::verify::entry::Keys;
use indelible::verify::report::Code;
use zeroize::Zeroizing;

use crate::forge::concern;
use crate::people::{confirm, enrol, person, with_chair};
use crate::world::World;

pub fn sheet(world: &World) -> AgeSecret {
    world.begun.recovery.secret().unwrap()
}

/// Another identity of the same person, of whom only the id is at hand, as `person new --person ID` makes it.
pub fn new_device(world: &World, of: &Identity, file: &str) -> Identity {
    let mut rng = durable::entropy();
    let made = Identity::new(of.name(), of.handle(), &mut rng).unwrap();
    let device = Identity::for_person(of.person(), made.name(), made.name_salt(), made.handle(), &mut rng).unwrap();
    std::fs::write(world.path(&format!("{file}.id")), &*device.seal(None).unwrap()).unwrap();
    device
}

/// The machine is gone: the configuration with the log's key, and one identity with all that lies beside it.
pub fn lose_laptop(world: &World, who: &str) -> Identity {
    let lost = world.identity(who);
    let id = world.path(&format!("{who}.id"));
    std::fs::remove_dir_all(world.path("config")).unwrap();
    std::fs::remove_dir_all(side_folder(&id)).unwrap();
    std::fs::remove_file(&id).unwrap();
    lost
}

/// How many folder keys in force a secret opens.
fn opens_now(world: &World, secret: &AgeSecret, who: &str) -> usize {
    let desk = world.desk(who);
    let opened = folder_keys::load_all(&world.book().join("cabinet"), secret).unwrap().opened;
    let current = |id| desk.roster().folder_key(id).is_some_and(|epoch| epoch.replaced.is_none());
    opened.iter().filter(|file| current(&file.id)).count()
}

fn narrative(world: &World, who: &str, entry: u64) -> String {
    let mut desk = world.desk(who);
    let shown = desk.show(entry, Some("review"), &|| world.tick(), &mut durable::entropy()).unwrap();
    assert!(shown.opened);
    shown.fields["narrative"].as_str().unwrap().to_owned()
}

fn alters(world: &World) -> Vec<(Code, u64)> {
    let report = world.verify(Keys::default());
    report.findings.iter().filter(|one| one.code.alters()).map(|one| (one.code, one.entry)).collect()
}

#[test]
fn a_dead_laptop_with_a_copy_of_the_folder_loses_nothing() {
    let world = World::new();
    with_chair(&world);
    let by_sam = world.record("sam", concern("theo", "before the laptop was lost"));
    let by_maria = world.record("maria", concern("ezra", "by the one who lost it"));
    let maria = lose_laptop(&world, "maria");
    // Without the log's key nothing can be entered, by anybody.
    assert!(!world.desk("jon").ledger.can_append());
    let done = recover::recover(&world.book(), &world.path("config"), &sheet(&world), world.tick()).unwrap();
    assert!(matches!(&done.log_key, LogKey::Restored(path) if path.is_file()), "{done:?}");
    assert_eq!((done.opens.roll, done.opens.closed, done.opens.damaged), (Some((4, 2)), 0, 0));
    // A second time changes nothing.
    let again = recover::recover(&world.book(), &world.path("config"), &sheet(&world), world.tick()).unwrap();
    assert_eq!((again.log_key, again.opens), (LogKey::Here, done.opens));
    let maria2 = new_device(&world, &maria, "maria2");
    let (renewal, waits) = enrol(&world, "jon", &maria2, Role::Dsl, Some(0));
    assert!(waits && world.try_desk("maria2").is_err());
    confirm(&world, "ruth", renewal, "agrees").unwrap();
    world.desk("jon").settle(&|| world.tick(), &mut durable::entropy()).unwrap();
    assert!(narrative(&world, "maria2", by_sam).contains("before the laptop was lost"));
    assert!(narrative(&world, "maria2", by_maria).contains("by the one who lost it"));
    world.record("maria2", concern("theo", "from the new laptop"));
    // Whoever found the old one opens no folder that is written to now.
    assert_eq!(opens_now(&world, maria.secret(), "jon"), 0);
    assert!(opens_now(&world, maria2.secret(), "jon") > 0);
    assert_eq!(alters(&world), []);
}

#[test]
fn the_sheet_opens_the_cabinet_where_no_device_can_any_more() {
    let world = World::founded();
    let ruth = person(&world, "Ruth Amis", "ruth");
    enrol(&world, "maria", &ruth, Role::Chair, None);
    let tick = || world.tick();
    world.desk("maria").open_case("theo", "Theo A.", &tick, &mut durable::entropy()).unwrap();
    let entry = world.record("maria", concern("theo", "while all was well"));
    let maria = world.identity("maria");
    let maria2 = new_device(&world, &maria, "maria2");
    let (renewal, waits) = enrol(&world, "maria", &maria2, Role::Dsl, Some(0));
    assert!(waits);
    lose_laptop(&world, "maria");
    recover::recover(&world.book(), &world.path("config"), &sheet(&world), world.tick()).unwrap();
    // The chair confirms and has no keys to share: now nobody's device opens the cabinet.
    confirm(&world, "ruth", renewal, "agrees").unwrap();
    assert!(matches!(world.try_desk("maria2"), Err(LedgerError::NoRoll)));
    let done = recover::recover(&world.book(), &world.path("config"), &sheet(&world), world.tick()).unwrap();
    assert_eq!((done.devices, done.overseers), (2, 1));
    // The wraps still name the lost device, so that its keys are replaced.
    world.desk("maria2").settle(&tick, &mut durable::entropy()).unwrap();
    assert_eq!(opens_now(&world, maria.secret(), "maria2"), 0);
    assert!(narrative(&world, "maria2", entry).contains("while all was well"));
    assert_eq!(alters(&world), []);
}

#[test]
fn a_lost_passphrase_costs_what_was_sealed_to_its_owner_alone() {
    let world = World::new();
    let (tick, mut rng) = (|| world.tick(), durable::entropy());
    let before = world.record("sam", concern("theo", "signed with the old key"));
    let unfinished = serde_json::json!({"kind": "decision.noshare", "case": "theo", "narrative": "half a sentence"});
    assert!(matches!(world.try_record("sam", unfinished), Outcome::Gaps { .. }));
    let sam = world.identity("sam");
    let sealed = sam.seal_with(Some(&Zeroizing::new("a pass phrase that is forgotten".to_owned())), 4).unwrap();
    std::fs::write(world.path("sam.id"), &*sealed).unwrap();
    let guess = |text: &str| Identity::open(&sealed, &mut || Some(Zeroizing::new(text.to_owned())));
    assert!(guess("another pass phrase").is_err() && Identity::open(&sealed, &mut || None).is_err());
    // A new identity for the same person, in place of the old one.
    let sam2 = new_device(&world, &sam, "sam2");
    let enrolled = world.desk("maria").roster().enrolment(sam.author().as_bytes()).unwrap().entry;
    let (renewal, waits) = enrol(&world, "maria", &sam2, Role::Practitioner, Some(enrolled));
    assert!(!waits);
    let after = world.record("sam2", concern("theo", "signed with the new key"));
    // What the old key signed stays valid and readable to the overseers; the author sees that it is there.
    assert_eq!(alters(&world), []);
    for (entry, text) in [(before, "signed with the old key"), (after, "signed with the new key")] {
        assert!(narrative(&world, "jon", entry).contains(text));
    }
    assert!(renewal < after);
    let mut desk = world.desk("sam2");
    assert!(desk.statement(before).unwrap().1.is_some());
    assert!(matches!(desk.show(before, Some("own_work"), &tick, &mut rng), Err(LedgerError::NotReader)));
    // The draft is nobody's any more; the overseers see that there is one.
    assert!(desk.drafts().unwrap().is_empty());
    let left = world.desk("maria").drafts_of_all().unwrap();
    assert_eq!(left.len(), 1);
    assert!(["maria", "jon", "sam2"].iter().all(|who| world.desk(who).draft(left[0].id).is_err()));
    // Nobody goes on with the old key, should somebody find the passphrase.
    std::fs::write(world.path("sam.id"), &*sam.seal(None).unwrap()).unwrap();
    assert!(world.try_desk("sam").is_err());
}

#[test]
fn another_sheet_opens_nothing_and_showing_changes_nothing() {
    let world = World::new();
    let files = || {
        let mut all = Vec::new();
        collect(&world.book().join("cabinet"), &mut all);
        all
    };
    let before = files();
    let other = AgeSecret::random(&mut durable::entropy()).unwrap();
    assert!(matches!(recover::show(&world.book(), &other), Err(LedgerError::OtherSheet)));
    let refused = recover::recover(&world.book(), &world.path("config"), &other, world.tick());
    assert!(matches!(refused, Err(LedgerError::OtherSheet)));
    let opens = recover::show(&world.book(), &sheet(&world)).unwrap();
    // Three folders of the setting and three of each case; a structure key each.
    assert_eq!((opens.folder_keys, opens.structure_keys, opens.roll), (9, 3, Some((3, 2))));
    assert!(opens.log_key && opens.closed == 0 && opens.punctured == 0);
    assert_eq!(files(), before);
}

#[test]
fn the_copy_of_the_log_key_is_made_where_it_is_missing() {
    let world = World::new();
    let copy = world.book().join("cabinet").join("log-key.age");
    std::fs::remove_file(&copy).unwrap();
    assert!(!recover::show(&world.book(), &sheet(&world)).unwrap().log_key);
    world.desk("jon").settle(&|| world.tick(), &mut durable::entropy()).unwrap();
    let text = log_copy::load(&world.book().join("cabinet"), &sheet(&world)).unwrap();
    let key = read_log_key(&world.path("config"), world.begun.ledger).unwrap();
    assert_eq!(*text, *key.format().unwrap());
}

fn collect(dir: &Path, all: &mut Vec<(std::path::PathBuf, Vec<u8>)>) {
    let mut paths: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() { collect(&path, all) } else { all.push((path.clone(), std::fs::read(&path).unwrap())) }
    }
}
