//! What a device checked before is believed from its own hand alone, and only about a history that is still there.

use std::io::Cursor;
use std::path::Path;

use indelible::codec::context::CHECKED;
use indelible::decision::people::Role;
use indelible::index::Update;
use indelible::ledger::LedgerError;
use indelible::ledger::open::Ledger;
use indelible::ledger::read::open_statement;
use indelible::seal::structure::StructureKey;
use indelible::store::durable;
use indelible::tree::{Hash, NodeId, TreeSize};
use indelible::verify::entry::Keys;
use indelible::verify::report::{Code, History};
use indelible::verify::roster::Roster;

use crate::forge::concern;
use crate::world::{World, index_of};

const LABEL: &[u8] = b"roster 2";

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
    let desk = world.desk("jon");
    assert!(desk.roster().enrolments().iter().any(|one| one.entry > 260));
    assert_eq!(desk.roster().to_kept(), desk.ledger.roster().unwrap().to_kept());
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
    plant(&world, &own, Vec::new());
    for key in [key_of(&world, "sam"), StructureKey::new(*world.identity("jon").signing().seed())] {
        plant(&world, &key, false_one.clone());
        assert!(world.try_desk("jon").is_ok());
        assert_eq!(kept(&world, &key), Some(false_one.clone()), "it was there to be believed");
        plant(&world, &own, Vec::new());
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

/// Flips a bit of an entry's frame in the log: of its structure part's first byte, or of its last sealed byte.
fn rot(world: &World, entry: u64, first: bool) {
    let stored = Ledger::open(&world.book()).unwrap().entry(entry).unwrap();
    let begins = stored.offset() as usize + 9 + 145;
    let at = if first { begins } else { begins + stored.structure().len() + stored.words().len() - 1 };
    let mut bytes = world.bytes();
    bytes[at] ^= 1;
    std::fs::write(world.book().join("ledger.log"), bytes).unwrap();
}

fn refuses(done: Result<impl Sized, LedgerError>, at: u64) -> bool {
    matches!(done, Err(LedgerError::Damaged { entry, code: Code::Sealed, .. }) if entry == at)
}

#[test]
fn one_rotten_entry_keeps_nobody_from_writing_and_burns_no_index() {
    let world = World::new();
    let rotten = world.record("sam", concern("theo", "it will rot"));
    world.record_batch("sam", &vec![concern("theo", "and this not"); 2]);
    world.record("sam", concern("theo", "nor this"));
    rot(&world, rotten, false);
    world.record("sam", concern("theo", "as ever"));
    assert!(refuses(world.desk("maria").ledger.entry(rotten), rotten));
    assert!(index_of(&world.book()).head().is_some(), "the index was right");
    // Who may read is left as it is until the entry is brought back: it might have been the one that ends something.
    let (tick, mut rng) = (|| world.tick(), durable::entropy());
    assert!(refuses(world.desk("maria").settle(&tick, &mut rng), rotten));
    assert!(refuses(world.desk("maria").open_case("ezra", "Ezra Lind", &tick, &mut rng), rotten));
}

#[test]
fn a_revocation_that_is_made_to_look_sealed_is_not_passed_over() {
    let world = World::new();
    let (tick, mut rng) = (|| world.tick(), durable::entropy());
    let enrolled =
        world.desk("maria").roster().enrolments().iter().find(|one| one.role == Role::Practitioner).unwrap().entry;
    let revoked = world.desk("maria").revoke(enrolled, "lost", world.now(), &tick, &mut rng).unwrap().entered.number;
    world.record("jon", concern("theo", "behind it"));
    world.record("jon", concern("theo", "and behind that"));
    rot(&world, revoked, true);
    std::fs::remove_dir_all(world.book().join("index")).unwrap();
    assert!(refuses(world.desk("maria").settle(&tick, &mut rng), revoked));
    assert_eq!(world.verify(world.desk("jon").keys()).history, History::Invalid);
}

#[test]
fn what_is_noted_after_the_index_proved_wrong_is_found_again() {
    let world = World::new();
    world.record_batch("sam", &vec![concern("theo", "one of many"); 260]);
    let index = index_of(&world.book());
    let mut tile = Update::default();
    (0..256).for_each(|index| tile.node(NodeId { level: 0, index }, Hash([7; 32])));
    index.extend(TreeSize(0), &tile, &index.head().unwrap()).unwrap();
    drop(index);
    let key = world.desk("sam").structure_key().unwrap().clone();
    let author = *world.identity("sam").author().as_bytes();
    let mut ledger = Ledger::open_append(&world.book(), None).unwrap();
    assert!(ledger.entry(3).is_ok(), "the log is asked");
    let keys = Keys { structure: vec![key.clone()], ..Keys::default() };
    let mut open = |digest: &_, structure: &[u8], words: &[u8]| open_statement(digest, structure, words, &keys);
    let head = ledger.author_head(&key, &author, &mut open).unwrap();
    assert!(head.is_some_and(|head| head.entry + 1 == ledger.size()));
    assert_eq!(ledger.known_author(&key), head);
}

#[test]
fn a_roster_that_holds_or_judges_something_else_is_kept_under_another_label() {
    let mut all = blake3::Hasher::new();
    for name in
        ["confirmed", "closings", "author-fork", "bad-signature-public", "log-key-rotated", "policy-unknown", "retired"]
    {
        let log = std::fs::File::open(Path::new("tests/vectors/ledgers").join(name).join("ledger.log")).unwrap();
        all.update(&Roster::read(log).unwrap().to_kept().unwrap());
    }
    let known = (LABEL, "587299bfe1feae8a");
    assert_eq!(
        (LABEL, &all.finalize().to_hex()[..16]),
        known,
        "raise LABEL in ledger/checked.rs and here; the hash alone if only the vectors are new"
    );
}
