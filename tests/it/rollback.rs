//! L10: a ledger that went back to an older copy is not gone on with while anything vouches for more.

use indelible::cabinet::identity::side_folder;
use indelible::head::cosignature;
use indelible::head::note::Note;
use indelible::index::Update;
use indelible::keys::SigningKey;
use indelible::keys::name::{KeyKind, KeyName, SignerKey};
use indelible::ledger::LedgerError;
use indelible::ledger::open::Ledger;
use indelible::tree::{Frontier, Hash, NodeId, TreeSize, leaf_hash};

use crate::forge::{self, concern};
use crate::world::{World, index_of};

/// What an older backup leaves: the log as it was, and no copies beside it.
fn go_back(world: &World, log: &[u8]) {
    std::fs::write(world.book().join("ledger.log"), log).unwrap();
    drop(std::fs::remove_file(world.book().join("checkpoint")));
    std::fs::remove_dir_all(world.book().join("index")).unwrap();
}

/// The newest checkpoint with a line that has the form of a cosignature: whose it is does not matter here.
fn cosigned(world: &World) -> Note {
    let mut note = Ledger::open(&world.book()).unwrap().checkpoint().unwrap().clone();
    let name = KeyName::new("chair.example/witness").unwrap();
    let witness = SignerKey::new(name, KeyKind::Cosigner, SigningKey::from_seed(&[7; 32]));
    note.add(cosignature::sign(note.text(), &witness, 1_791_280_000).unwrap()).unwrap();
    note
}

fn refuses(world: &World, who: &str) -> bool {
    matches!(world.try_desk(who), Err(LedgerError::Evidence { .. }))
}

#[test]
fn l10_the_newest_receipt_beside_the_identity_keeps_an_older_copy_from_going_on() {
    let world = World::new();
    let old = world.bytes();
    world.record("sam", concern("theo", "lost in the backup"));
    let whole = world.bytes();
    go_back(&world, &old);
    assert!(refuses(&world, "sam"));
    // Whoever has seen no more does not know; and what is entered then is another history, for ever.
    world.record("jon", concern("theo", "instead of it"));
    assert!(refuses(&world, "sam"));
    // The lawful way: the lost entries are brought back.
    go_back(&world, &whole);
    std::fs::remove_dir_all(side_folder(&world.path("jon.id"))).unwrap();
    world.record("sam", concern("theo", "and on"));
}

#[test]
fn l10_every_checkpoint_brought_by_file_is_honoured_before_anything_is_entered() {
    let world = World::new();
    let old = world.bytes();
    world.record("sam", concern("theo", "one"));
    let note = cosigned(&world);
    let mut ledger = Ledger::open_append(&world.book(), None).unwrap();
    ledger.keep_known(&note).unwrap();
    ledger.join(note.to_string().as_bytes()).unwrap();
    drop(ledger);
    world.record("sam", concern("theo", "two"));
    let whole = world.bytes();
    // Jon's identity knows nothing of it, and the log went back behind it; the file says so.
    go_back(&world, &old);
    assert!(refuses(&world, "jon") && refuses(&world, "maria"));
    go_back(&world, &whole);
    world.record("jon", concern("theo", "three"));
    // A checkpoint that comes only after the log went back is refused and kept: from then on nothing is entered.
    let later = cosigned(&world);
    let newest = world.bytes();
    std::fs::remove_dir_all(world.book().join("checkpoints")).unwrap();
    std::fs::remove_dir_all(side_folder(&world.path("jon.id"))).unwrap();
    go_back(&world, &whole);
    assert!(!refuses(&world, "jon"));
    let mut ledger = Ledger::open_append(&world.book(), None).unwrap();
    ledger.keep_known(&later).unwrap();
    assert!(matches!(ledger.join(later.to_string().as_bytes()), Err(LedgerError::Evidence { .. })));
    drop(ledger);
    assert!(refuses(&world, "jon"));
    go_back(&world, &newest);
    world.record("jon", concern("theo", "four"));
}

#[test]
fn a_stray_file_or_another_log_s_checkpoint_holds_nothing_up() {
    let world = World::new();
    let folder = world.book().join("checkpoints");
    std::fs::create_dir_all(folder.join("folder")).unwrap();
    std::fs::write(folder.join("torn.note"), b"willowbrook.example/decisions\n99\n").unwrap();
    std::fs::write(folder.join("other.note"), forge::sample().note.to_string()).unwrap();
    let ledger = Ledger::open(&world.book()).unwrap();
    assert!(ledger.keep_known(&forge::sample().note).is_err());
    drop(ledger);
    world.record("sam", concern("theo", "as ever"));
}

/// The leaf hashes of a ledger's entries, read from its log.
fn leaves(world: &World) -> Vec<Hash> {
    let ledger = Ledger::open(&world.book()).unwrap();
    (0..ledger.size()).map(|number| leaf_hash(&ledger.entry(number).unwrap().envelope_bytes())).collect()
}

#[test]
fn an_index_that_remembers_another_history_vouches_for_nothing() {
    let world = World::new();
    let old = world.bytes();
    let drafts = |words: &str, many: usize| vec![concern("theo", words); many];
    world.record_batch("sam", &drafts("lost", 20));
    let (lost, whole) = (leaves(&world), world.bytes());
    // Another history grows in its place until a whole tile of the tree is full, with an index that folds to its root.
    go_back(&world, &old);
    world.record_batch("jon", &drafts("instead", 260));
    let mut forged = leaves(&world);
    forged[..lost.len()].copy_from_slice(&lost);
    let index = index_of(&world.book());
    let mut update = Update::default();
    (0..).zip(&forged[..256]).for_each(|(index, hash)| update.node(NodeId { level: 0, index }, *hash));
    index.extend(TreeSize(0), &update, &index.head().unwrap()).unwrap();
    index.flush().unwrap();
    drop(index);
    assert!(refuses(&world, "sam"));
    // A ledger that does extend the receipt is not refused for an index that is wrong, and builds it anew.
    go_back(&world, &whole);
    std::fs::remove_dir_all(side_folder(&world.path("jon.id"))).unwrap();
    world.record_batch("jon", &drafts("after it", 260));
    let index = index_of(&world.book());
    let mut update = Update::default();
    (0..).zip(&leaves(&world)[1..257]).for_each(|(index, hash)| update.node(NodeId { level: 0, index }, *hash));
    index.extend(TreeSize(0), &update, &index.head().unwrap()).unwrap();
    index.flush().unwrap();
    drop(index);
    world.record("sam", concern("theo", "and on"));
    drop(world.desk("maria"));
    let (mut tree, leaves) = (Frontier::new(), leaves(&world));
    leaves.iter().for_each(|leaf| tree.append(*leaf));
    assert_eq!(index_of(&world.book()).leaf(0, &tree), Some(leaves[0]), "it was built anew");
}
