//! What a device checked before is believed from its own hand alone, and only about a history that is still there.

use std::io::Cursor;

use indelible::codec::context::CHECKED;
use indelible::decision::people::Role;
use indelible::ledger::LedgerError;
use indelible::ledger::open::Ledger;
use indelible::seal::structure::StructureKey;
use indelible::verify::roster::Roster;

use crate::forge::concern;
use crate::world::{World, index_of};

const LABEL: &[u8] = b"roster 1";

/// A setting with so many entries that what was read is kept by whoever sits down.
fn long() -> World {
    let world = World::new();
    world.record_batch("sam", &vec![concern("theo", "one of many"); 260]);
    drop(world.desk("jon"));
    world
}

/// The key under which somebody keeps it.
fn key_of(world: &World, who: &str) -> StructureKey {
    let seed = world.identity(who).signing().seed();
    StructureKey::new(CHECKED.keyed(&seed, env!("CARGO_PKG_VERSION").as_bytes()))
}

fn kept(world: &World, key: &StructureKey) -> Option<Vec<u8>> {
    index_of(&world.book()).sealed(key, LABEL)
}

fn plant(world: &World, key: &StructureKey, content: Vec<u8>) {
    let index = index_of(&world.book());
    index.set_sealed(key, LABEL, content).unwrap();
}

/// What would be kept by somebody who wants nobody but the founder to be enrolled, with the root of the ledger as it is.
fn false_content(world: &World, root: impl Fn(&mut [u8; 32])) -> Vec<u8> {
    let ledger = Ledger::open(&world.book()).unwrap();
    let begins = usize::try_from(ledger.entry(2).unwrap().offset()).unwrap();
    let mut roster = Roster::read(Cursor::new(&world.bytes()[..begins])).unwrap();
    roster.read_to(ledger.size());
    let mut at = ledger.root().0;
    root(&mut at);
    [&ledger.size().to_be_bytes()[..], &at, &roster.to_kept().unwrap()].concat()
}

#[test]
fn the_roster_goes_on_from_where_this_identity_has_read() {
    let world = long();
    let key = key_of(&world, "jon");
    assert!(kept(&world, &key).is_some(), "kept when jon sat down");
    assert_eq!(kept(&world, &key_of(&world, "maria")), None, "and for him alone");
    // What comes after it is read on, and it comes to the same as reading all.
    world.enrol(&mut world.desk("maria"), "Ada Ray", "ada", Role::Practitioner);
    let shown = |roster: &Roster| {
        let enrolments: Vec<_> = roster.enrolments().iter().map(|one| format!("{one:?}")).collect();
        let mut folders: Vec<_> = roster.folder_ids().map(|id| format!("{:?}", roster.folder_key(id))).collect();
        folders.sort();
        let more = (roster.policy(), roster.pack(), roster.upto(), roster.latest(), roster.changed());
        format!("{enrolments:?} {folders:?} {:?} {:?} {:?} {more:?}", roster.cases(), roster.tenures(), roster.public())
    };
    let desk = world.desk("jon");
    assert!(desk.roster().enrolments().iter().any(|one| one.entry > 260));
    assert_eq!(shown(desk.roster()), shown(&desk.ledger.roster().unwrap()));
    assert_eq!(format!("{:?}", desk.rules().current()), format!("{:?}", world.desk("sam").rules().current()));
}

#[test]
fn what_was_kept_counts_only_under_the_own_key_and_for_a_root_of_this_ledger() {
    let world = long();
    let (own, false_one) = (key_of(&world, "jon"), false_content(&world, |_| ()));
    // Whoever holds the identity can lie to it; that is all they can.
    plant(&world, &own, false_one.clone());
    assert!(matches!(world.try_desk("jon"), Err(LedgerError::NotEnrolled)));
    drop(world.desk("maria"));
    // The same under another person's key, under none of this version, about another root, and cut short.
    for key in [key_of(&world, "sam"), StructureKey::new(*world.identity("jon").signing().seed())] {
        let index = index_of(&world.book());
        index.clear().unwrap();
        drop(index);
        plant(&world, &key, false_one.clone());
        assert!(world.try_desk("jon").is_ok());
    }
    for content in [false_content(&world, |root| root[7] ^= 1), false_one[..30].to_vec(), false_one[..200].to_vec()] {
        plant(&world, &own, content);
        assert!(world.try_desk("jon").is_ok());
    }
}

#[test]
fn what_was_kept_of_another_history_is_not_believed() {
    let world = World::new();
    let short = world.bytes();
    world.enrol(&mut world.desk("maria"), "Ada Ray", "ada", Role::Practitioner);
    world.record_batch("sam", &vec![concern("theo", "one of many"); 260]);
    drop(world.desk("jon"));
    let key = key_of(&world, "jon");
    let content = kept(&world, &key).unwrap();
    // The log goes back to before, and grows into something longer in which nobody enrolled Ada.
    std::fs::write(world.book().join("ledger.log"), short).unwrap();
    drop(std::fs::remove_file(world.book().join("checkpoint")));
    std::fs::remove_dir_all(world.book().join("index")).unwrap();
    std::fs::remove_dir_all(indelible::cabinet::identity::side_folder(&world.path("sam.id"))).unwrap();
    world.record_batch("sam", &vec![concern("theo", "one of many more"); 300]);
    plant(&world, &key, content);
    assert_eq!(world.desk("jon").roster().enrolments().len(), 3);
}
