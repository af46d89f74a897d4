//! The log's own key over time: two persons, one checkpoint with two signatures, and a new recovery sheet.

use indelible::cabinet::recovery::RecoverySheet;
use indelible::cabinet::{folder_keys, log_copy, structure_keys};
use indelible::head::checkpoint::{Checkpoint, SignedCheckpoint};
use indelible::head::note::Note;
use indelible::head::receipt::Receipt;
use indelible::head::trust::Trust;
use indelible::keys::name::{SignerKey, VerifierKey};
use indelible::ledger::LedgerError;
use indelible::ledger::desk::read_log_key;
use indelible::ledger::open::{Ledger, next_log_key_path, read_origin};
use indelible::ledger::people::Change;
use indelible::ledger::record::Outcome;
use indelible::ledger::recover;
use indelible::store::durable;
use indelible::verify::entry::Keys;
use indelible::verify::ledger::Options;
use indelible::verify::report::{Code, History, Report};

use crate::forge::{self, concern};
use crate::people::{confirm, with_chair};
use crate::world::{START, World, options, verify_bytes};

fn rotate(world: &World, who: &str, sheet: Option<&RecoverySheet>) -> Result<Change, LedgerError> {
    let (tick, config) = (|| world.tick(), world.path("config"));
    world.desk(who).rotate_log_key(&config, "renewal", sheet, &tick, &mut durable::entropy())
}

fn signer(world: &World) -> SignerKey {
    read_log_key(&world.path("config"), world.begun.ledger).unwrap()
}

fn by(note: &Note, key: &VerifierKey) -> bool {
    SignedCheckpoint::open_note(note.clone(), std::slice::from_ref(key)).is_ok()
}

fn newest(world: &World) -> Note {
    Ledger::open(&world.book()).unwrap().checkpoint().unwrap().clone()
}

fn alters(report: &Report) -> Vec<(Code, u64)> {
    report.findings.iter().filter(|one| one.code.alters()).map(|one| (one.code, one.entry)).collect()
}

/// Verifies with a trust file that names this key, and what else the verifier brings.
fn trusting(bytes: &[u8], key: &VerifierKey, known: &[Note], receipts: &[Receipt]) -> Report {
    let trust = Trust::parse(format!("log {key}\nquorum none\n").as_bytes()).unwrap();
    verify_bytes(bytes, &Options { trust: Some(&trust), known, receipts, ..options(Keys::default(), START) })
}

#[test]
fn the_key_changes_at_the_checkpoint_that_both_signed() {
    let world = World::new();
    with_chair(&world);
    let (old, before) = (signer(&world), newest(&world));
    let early = Ledger::open(&world.book()).unwrap().receipt(2).unwrap();
    let change = rotate(&world, "maria", None).unwrap();
    assert!(change.waits);
    let entry = change.entered.number;
    assert!(matches!(rotate(&world, "jon", None), Err(LedgerError::StillWaits(at)) if at == entry));
    // While it waits the old key speaks.
    world.record("sam", concern("theo", "while it waits"));
    assert!(by(&newest(&world), old.public()));
    assert!(matches!(confirm(&world, "maria", entry, "agrees"), Err(LedgerError::SamePerson)));
    let confirmed = confirm(&world, "ruth", entry, "agrees").unwrap();
    let both = newest(&world);
    let new = read_origin(&world.book()).unwrap();
    assert_ne!(new, *old.public());
    assert!(by(&both, old.public()) && by(&both, &new) && both.signatures().len() == 2);
    assert_eq!(Checkpoint::parse(both.text()).unwrap().size().0, confirmed + 1);
    let last = world.record("sam", concern("theo", "afterwards"));
    let after = newest(&world);
    assert!(by(&after, &new) && !by(&after, old.public()));
    // The new key has taken the older one's place on this machine.
    assert_eq!(*signer(&world).public(), new);
    assert!(!next_log_key_path(&world.path("config"), world.begun.ledger).exists());
    let late = Ledger::open(&world.book()).unwrap().receipt(last).unwrap();
    let (known, receipts) = ([before, both, after], [early, late]);
    for key in [old.public(), &new] {
        let report = trusting(&world.bytes(), key, &known, &receipts);
        assert_eq!((report.history, alters(&report)), (History::Unaltered, vec![]), "{key}");
        assert_eq!(
            (report.log_key.clone(), report.earlier_log_keys),
            (new.to_string(), vec![old.public().to_string()])
        );
    }
    // Once more: each hands on to the next, and whoever trusts the first still follows.
    let second = rotate(&world, "jon", None).unwrap().entered.number;
    confirm(&world, "maria", second, "agrees").unwrap();
    world.record("sam", concern("theo", "under the third key"));
    let report = trusting(&world.bytes(), old.public(), &known, &receipts);
    assert_eq!((report.history, alters(&report), report.earlier_log_keys.len()), (History::Unaltered, vec![], 2));
    let stranger = forge::sample().log_key().public().clone();
    assert_eq!(alters(&trusting(&world.bytes(), &stranger, &[], &[])), [(Code::LogKey, 0)]);
}

#[test]
fn an_unconfirmed_key_never_speaks() {
    let world = World::new();
    with_chair(&world);
    let old = signer(&world);
    let entry = rotate(&world, "maria", None).unwrap().entered.number;
    confirm(&world, "ruth", entry, "does_not").unwrap();
    world.record("sam", concern("theo", "as before"));
    assert_eq!(read_origin(&world.book()).unwrap(), *old.public());
    assert!(by(&newest(&world), old.public()) && newest(&world).signatures().len() == 1);
    // A machine without the new key cannot put it into force, and nothing is signed there.
    let entry = rotate(&world, "maria", None).unwrap().entered.number;
    std::fs::remove_file(next_log_key_path(&world.path("config"), world.begun.ledger)).unwrap();
    let size = world.desk("ruth").ledger.size();
    assert!(matches!(confirm(&world, "ruth", entry, "agrees"), Err(LedgerError::NoNextKey)));
    assert_eq!(world.desk("ruth").ledger.size(), size);
    confirm(&world, "ruth", entry, "does_not").unwrap();
    assert_eq!(alters(&world.verify(Keys::default())), []);
}

#[test]
fn a_crash_after_the_confirmation_loses_neither_key_nor_ledger() {
    let world = World::new();
    with_chair(&world);
    let old = signer(&world);
    // Programs that sat down before, one of them before there was a new key, and go on after.
    let mut earlier = world.desk("jon");
    let entry = rotate(&world, "maria", None).unwrap().entered.number;
    let mut beside = world.desk("sam");
    let (origin, config) = (world.book().join("origin"), world.path("config"));
    let next = next_log_key_path(&config, world.begun.ledger);
    let before = [&origin, &next].map(|path| std::fs::read(path).unwrap());
    let old_file = indelible::ledger::open::log_key_path(&config, world.begun.ledger);
    let old_bytes = std::fs::read(&old_file).unwrap();
    confirm(&world, "ruth", entry, "agrees").unwrap();
    // As if nothing behind the write had been done.
    let put_back = || {
        std::fs::write(&origin, &before[0]).unwrap();
        std::fs::write(&next, &before[1]).unwrap();
        std::fs::write(&old_file, &old_bytes).unwrap();
    };
    put_back();
    let draft = indelible::decision::draft::Draft::from_json(&concern("theo", "by the one beside")).unwrap();
    let tick = || world.tick();
    let outcome = beside.record(&draft, &tick, &mut durable::entropy()).unwrap();
    assert!(matches!(outcome, Outcome::Entered { .. }), "{outcome:?}");
    let outcome = earlier.record(&draft, &tick, &mut durable::entropy()).unwrap();
    assert!(matches!(&outcome, Outcome::Waiting { why } if matches!(**why, LedgerError::NoLogKey)), "{outcome:?}");
    drop(earlier);
    drop(beside);
    put_back();
    let last = world.record("sam", concern("theo", "the next one"));
    let new = read_origin(&world.book()).unwrap();
    assert!(new != *old.public() && by(&newest(&world), &new) && !by(&newest(&world), old.public()));
    assert_eq!(*signer(&world).public(), new);
    // `origin` alone is as it was, and the newest checkpoint is of the new key only.
    std::fs::write(&origin, &before[0]).unwrap();
    assert_eq!(Ledger::open(&world.book()).unwrap().size(), last + 1);
    assert_eq!(read_origin(&world.book()).unwrap(), new);
    // What waited is sent.
    world.record("jon", concern("theo", "and what waited"));
    assert_eq!(alters(&world.verify(Keys::default())), []);
}

#[test]
fn whoever_signs_with_the_wrong_key_is_named_by_entry() {
    let world = World::new();
    with_chair(&world);
    let old = signer(&world);
    let entry = rotate(&world, "maria", None).unwrap().entered.number;
    let confirmed = confirm(&world, "jon", entry, "agrees").unwrap();
    let last = world.record("sam", concern("theo", "afterwards"));
    let new = signer(&world);
    let bytes = world.bytes();
    let mut writes = forge::writes(&bytes);
    let at = |entry: u64| {
        let holds = |write: &forge::Write| write.pieces.iter().any(|piece| piece.envelope.number.0 == entry);
        writes.iter().position(holds).unwrap()
    };
    let (middle, end) = (at(confirmed), at(last));
    let resign = |note: &[u8], keys: &[&SignerKey]| {
        let checkpoint = Checkpoint::parse(Note::parse(note).unwrap().text()).unwrap();
        checkpoint.sign(keys).unwrap().to_string().into_bytes()
    };
    let honest = writes.clone();
    assert_eq!(forge::build(&writes, None), bytes);
    for keys in [vec![&old], vec![&new]] {
        writes[middle].note = resign(&honest[middle].note, &keys);
        let report = verify_bytes(&forge::build(&writes, None), &options(Keys::default(), START));
        assert_eq!((report.history, alters(&report)), (History::Forked, vec![(Code::LogKey, confirmed)]));
        // Whoever trusts the old key is told as well.
        let report = trusting(&forge::build(&writes, None), old.public(), &[], &[]);
        assert_eq!(alters(&report)[0], (Code::LogKey, confirmed));
    }
    writes = honest.clone();
    writes[end].note = resign(&honest[end].note, &[&old]);
    let report = verify_bytes(&forge::build(&writes, None), &options(Keys::default(), START));
    assert_eq!((report.history, alters(&report)), (History::Forked, vec![(Code::LogKey, last)]));
    // The same outside: the old key signs on after it was replaced, the new one before it counted.
    let outside = |note: &[u8], key: &SignerKey| [Note::parse(&resign(note, &[key])).unwrap()];
    let report = trusting(&bytes, old.public(), &outside(&honest[end].note, &old), &[]);
    assert_eq!(alters(&report), [(Code::LogKey, last)]);
    let report = trusting(&bytes, old.public(), &outside(&honest[middle - 1].note, &new), &[]);
    assert_eq!(alters(&report), [(Code::LogKey, confirmed - 1)]);
}

#[test]
fn a_renewed_sheet_opens_everything_and_the_old_one_nothing_new() {
    let world = World::new();
    with_chair(&world);
    let entry = world.record("sam", concern("theo", "under the old sheet"));
    let copy = world.path("copy");
    copy_dir(&world.book(), &copy);
    let old = world.begun.recovery.secret().unwrap();
    let sheet = RecoverySheet::random(&mut durable::entropy());
    let new = sheet.secret().unwrap();
    let change = rotate(&world, "maria", Some(&sheet)).unwrap();
    assert!(change.waits);
    // Until the second person agrees the old sheet is the one.
    let opens = recover::show(&world.book(), &old).unwrap();
    assert!(opens.log_key && opens.folder_keys == 9);
    assert!(matches!(recover::show(&world.book(), &new), Err(LedgerError::OtherSheet)));
    confirm(&world, "jon", change.entered.number, "agrees").unwrap();
    world.desk("jon").settle(&|| world.tick(), &mut durable::entropy()).unwrap();
    let later = world.record("sam", concern("theo", "under the new sheet"));
    let cabinet = world.book().join("cabinet");
    assert!(matches!(recover::show(&world.book(), &old), Err(LedgerError::OtherSheet)));
    let opens = recover::show(&world.book(), &new).unwrap();
    assert!(opens.log_key && opens.closed == 0 && opens.roll == Some((4, 2)), "{opens:?}");
    // What the old sheet opened in an older copy opens nothing that was written since.
    let stale = folder_keys::load_all(&copy.join("cabinet"), &old).unwrap().opened;
    let roster = world.desk("maria").roster().clone();
    assert_eq!(stale.len(), 9);
    assert!(stale.iter().all(|file| roster.folder_key(&file.id).unwrap().replaced.is_some()));
    let stale = structure_keys::load_all(&copy.join("cabinet"), &old).unwrap().opened;
    let keys = Keys { structure: stale.iter().filter_map(|held| held.key().cloned()).collect(), ..Keys::default() };
    let ledger = Ledger::open(&world.book()).unwrap();
    assert!(ledger.entry(entry).unwrap().statement(&keys).is_some());
    assert!(ledger.entry(later).unwrap().statement(&keys).is_none());
    // Nor does it speak for the log: its copy of the log's key is of the one before.
    let text = log_copy::load(&copy.join("cabinet"), &old).unwrap();
    assert_ne!(SignerKey::parse(&text).unwrap().public(), ledger.log_key());
    assert!(!cabinet.join("log-key.next.age").exists());
    // A lost machine comes back with the new one.
    std::fs::remove_dir_all(world.path("config")).unwrap();
    recover::recover(&world.book(), &world.path("config"), &new, world.tick()).unwrap();
    world.record("sam", concern("theo", "on the new machine"));
    assert_eq!(alters(&world.verify(Keys::default())), []);
}

fn copy_dir(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_dir(&path, &to);
        } else {
            std::fs::copy(&path, &to).unwrap();
        }
    }
}
