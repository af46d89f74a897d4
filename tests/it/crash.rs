//! What the clerk keeps when calls of the disk fail and when the power goes: every receipt, every byte, every statement.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use indelible::cabinet::identity::side_folder;
use indelible::cabinet::outbox;
use indelible::codec::Digest;
use indelible::decision::draft::Draft;
use indelible::frame::reader::{Event, WriteReader};
use indelible::head::checkpoint::Checkpoint;
use indelible::head::cosignature;
use indelible::head::receipt::Receipt;
use indelible::keys::SigningKey;
use indelible::keys::name::{KeyKind, KeyName, SignerKey};
use indelible::ledger::desk::Desk;
use indelible::ledger::open::{Ledger, read_origin};
use indelible::ledger::record::Outcome;
use indelible::ledger::{LedgerError, init};
use indelible::store::durable;
use indelible::store::faulty::{Fault, FaultyDisk};
use indelible::store::log_file::LogFile;
use indelible::tree::TreeSize;
use indelible::verify::entry::Keys;
use indelible::verify::ledger::Options;
use indelible::verify::report::{Code, History, Layer, Report};

use crate::forge::{concern, noshare};
use crate::tamper::deep;
use crate::world::{START, World, options, verify_bytes};

/// A setting whose log lies on a disk that fails, and what its people were told.
pub struct Shaky {
    pub world: World,
    pub disk: FaultyDisk,
    keys: Keys,
    receipts: Vec<Receipt>,
    /// Digests of what was receipted, in order of entry.
    pub told: Vec<Digest>,
    count: u64,
}

impl Shaky {
    pub fn new() -> Self {
        let world = World::new();
        world.at("2026-10-06T12:00:00+01:00");
        let disk = FaultyDisk::with(world.bytes());
        let keys = world.desk("maria").keys();
        Shaky { world, disk, keys, receipts: vec![], told: vec![], count: 0 }
    }

    /// Sits down as a new process would.
    pub fn desk(&self, who: &str) -> Result<Desk<FaultyDisk>, LedgerError> {
        let book = self.world.book();
        let signer = SignerKey::parse(&std::fs::read_to_string(&self.world.begun.log_key).unwrap()).unwrap();
        let file = LogFile::open_append(self.disk.clone())?;
        let ledger = Ledger::over(&book, file, read_origin(&book)?, Some(signer))?;
        let roster = ledger.roster()?;
        Desk::at(ledger, roster, self.world.identity(who), &self.side(who))
    }

    pub fn side(&self, who: &str) -> PathBuf {
        side_folder(&self.world.path(&format!("{who}.id")))
    }

    /// Records something new in a new process; keeps the receipt if there is one.
    pub fn record(&mut self, who: &str) -> Result<u64, LedgerError> {
        self.count += 1;
        let draft = noshare("theo", &format!("Reason {}.", self.count));
        let mut desk = self.desk(who)?;
        let tick = || self.world.tick();
        match desk.record(&Draft::from_json(&draft).unwrap(), &tick, &mut durable::entropy())? {
            Outcome::Entered { entered, .. } => {
                self.told.push(desk.ledger.entry(entered.number)?.envelope().statement);
                self.receipts.push(entered.receipt);
                Ok(entered.number)
            }
            Outcome::Waiting { why } => Err(*why),
            other => panic!("{other:?}"),
        }
    }

    /// The digests of what this person signed and has no receipt for.
    pub fn waiting(&self, who: &str) -> Vec<Digest> {
        let identity = self.world.identity(who);
        let items = outbox::list(&self.side(who), self.world.begun.ledger, identity.secret()).unwrap().opened;
        let digest = |item: &outbox::OutboxItem| {
            let statement = indelible::entry::statement::Unverified::decode(&item.statement, &item.signature.0);
            statement.unwrap().digest()
        };
        items.iter().flat_map(|(_, items)| items).map(digest).collect()
    }

    /// The statement digests that the log holds.
    pub fn digests(&self) -> Vec<Digest> {
        let bytes = self.disk.bytes();
        let mut reader = WriteReader::new(std::io::Cursor::new(&bytes));
        let (mut done, mut pending) = (vec![], vec![]);
        loop {
            match reader.next_event().unwrap() {
                Event::Entry { frame, .. } => {
                    pending.push(indelible::entry::envelope::Envelope::decode(frame.envelope).unwrap().statement);
                }
                Event::Checkpoint { .. } => done.append(&mut pending),
                Event::Void { .. } | Event::Tail(_) => pending.clear(),
                Event::End { .. } => return done,
            }
        }
    }

    /// Verifies with structure and with every receipt in hand.
    pub fn verify(&self) -> Report {
        verify_bytes(&self.disk.bytes(), &Options { receipts: &self.receipts, ..options(self.keys.clone(), START) })
    }

    /// All that may be asked after any trouble: unaltered, receipts honoured, nothing entered twice.
    pub fn check(&self, what: &str) -> Report {
        let report = self.verify();
        assert!(!report.history.altered(), "{what}: {:?}", report.findings);
        assert_eq!(report.layer, Layer::Structure, "{what}");
        let digests = self.digests();
        assert_eq!(digests.iter().collect::<BTreeSet<_>>().len(), digests.len(), "{what}: entered twice");
        let mut rest = digests.iter();
        assert!(self.told.iter().all(|told| rest.any(|digest| digest == told)), "{what}: a receipt is not honoured");
        report
    }
}

fn faults() -> Vec<Fault> {
    let mut faults = vec![Fault::NotDone, Fault::Done, Fault::Lost, Fault::Torn(0), Fault::Torn(1), Fault::Torn(400)];
    faults.extend([Fault::Torn(1600), Fault::Pages(0b1), Fault::Pages(0b1010), Fault::Pages(0b101)]);
    if deep() {
        faults.extend((0..1700).step_by(17).map(Fault::Torn));
        faults.extend((0..16).map(Fault::Pages));
    }
    faults
}

#[test]
fn each_call_of_an_append_fails_and_every_receipt_is_honoured() {
    let mut shaky = Shaky::new();
    // Opening is a sync, an append is a write and a sync.
    for call in 0..3 {
        for fault in faults() {
            let what = format!("call {call}, {fault:?}");
            let before = shaky.disk.synced();
            let entered = shaky.told.len();
            shaky.disk.fail_after(call, fault);
            let tried = shaky.record("sam");
            assert!(!shaky.disk.armed() && matches!(tried, Err(LedgerError::Store(_))), "{what}: {tried:?}");
            assert_eq!(shaky.told.len(), entered, "{what}: no receipt without a sync");
            assert!(shaky.disk.bytes().starts_with(&before), "{what}: cut off or changed");
            // What was signed waits; the next process sends it, byte for byte, and goes on.
            let waiting = shaky.waiting("sam");
            assert_eq!(waiting.len(), usize::from(call > 0), "{what}");
            let number = shaky.record("sam").unwrap();
            let digests = shaky.digests();
            assert_eq!(number + 1, digests.len() as u64, "{what}");
            let sent = |digest: &Digest| digests.iter().filter(|entered| *entered == digest).count();
            assert!(waiting.iter().all(|digest| sent(digest) == 1), "{what}: not sent once");
            assert_eq!(shaky.waiting("sam"), [], "{what}");
            shaky.check(&what);
        }
    }
    let report = shaky.check("all");
    let aside = report.findings.iter().filter(|finding| finding.code == Code::SetAside).count();
    assert!(aside > 0 && report.history == History::Unaltered);
    // Others go on where it was left.
    shaky.record("jon").unwrap();
    shaky.record("maria").unwrap();
    shaky.check("others");
}

#[test]
fn a_torn_write_is_set_aside_by_whoever_comes_next() {
    for (length, next) in [(1, "sam"), (300, "jon"), (1500, "maria"), (900, "sam")] {
        let mut shaky = Shaky::new();
        shaky.record("sam").unwrap();
        shaky.disk.fail_after(1, Fault::Torn(length));
        assert!(shaky.record("sam").is_err());
        let torn = shaky.disk.bytes();
        let report = shaky.verify();
        assert_eq!(report.history, History::Unaltered);
        assert!(report.findings.iter().any(|finding| (finding.entry, finding.code) == (7, Code::Torn)));
        let number = shaky.record(next).unwrap();
        assert!(shaky.disk.bytes().starts_with(&torn));
        let report = shaky.check("set aside");
        assert!(report.findings.iter().any(|finding| finding.code == Code::SetAside), "{:?}", report.findings);
        let void = |bytes: &[u8]| {
            let mut reader = WriteReader::new(std::io::Cursor::new(bytes.to_vec()));
            loop {
                match reader.next_event().unwrap() {
                    Event::Void { void, .. } => return void,
                    Event::End { .. } => panic!("no void frame"),
                    _ => {}
                }
            }
        };
        // Whoever reads the log from its beginning passes over what was set aside.
        let (desk, mut walked) = (shaky.desk("maria").unwrap(), 0);
        desk.ledger
            .walk(0, &mut |envelope, _| {
                assert_eq!(envelope.number.0, walked);
                walked += 1;
                true
            })
            .unwrap();
        assert_eq!(walked, desk.ledger.size());
        let named = void(&shaky.disk.bytes());
        assert_eq!(named.offset + named.length, torn.len() as u64);
        // The one who was interrupted gets the entry after all.
        shaky.record("sam").unwrap();
        assert_eq!(shaky.waiting("sam"), []);
        // tail.set_aside, the interrupted one, the ones since.
        let expected = if next == "sam" { number + 2 } else { number + 3 };
        assert_eq!(shaky.digests().len() as u64, expected, "{length} {next}");
        shaky.check("after all");
    }
}

#[test]
fn the_power_goes_during_an_append() {
    let rounds: &[(usize, u64)] = if deep() {
        &[
            (0, 0),
            (1, 1),
            (40, 7),
            (64, 5),
            (100, 2),
            (128, 1),
            (128, 6),
            (200, 3),
            (250, 5),
            (255, 0),
            (256, 6),
            (256, 7),
        ]
    } else {
        &[(1, 1), (128, 6), (256, 5), (256, 7)]
    };
    let mut shaky = Shaky::new();
    shaky.record("sam").unwrap();
    for (part, mask) in rounds {
        for outbox_lost in [false, true] {
            let what = format!("{part} of 256, sectors {mask:b}, outbox lost: {outbox_lost}");
            shaky.disk.fail_after(2, Fault::NotDone);
            assert!(shaky.record("sam").is_err());
            let (from, to) = (shaky.disk.synced().len(), shaky.disk.bytes().len());
            let image = shaky.disk.crash_image(from + (to - from) * part / 256, |sector| mask >> (sector % 3) & 1 == 1);
            shaky.disk = FaultyDisk::with(image);
            if outbox_lost {
                // Nobody was told anything: what was not synced may be gone too.
                std::fs::remove_dir_all(shaky.side("sam").join("outbox")).unwrap();
            }
            shaky.record("sam").unwrap();
            shaky.check(&what);
        }
    }
}

#[test]
fn a_tray_that_is_torn_lost_or_comes_back_changes_nothing() {
    let mut shaky = Shaky::new();
    shaky.record("sam").unwrap();
    let tray = shaky.side("sam").join("outbox").join(format!("{}.tray", shaky.world.begun.ledger));
    let empty = std::fs::read(&tray).unwrap();
    // Killed between laying the statement in and writing it: the write fails and nothing of it is there.
    let begun = shaky.disk.bytes();
    shaky.disk.fail_after(1, Fault::NotDone);
    assert!(shaky.record("sam").is_err());
    let laid = std::fs::read(&tray).unwrap();
    let waiting = shaky.waiting("sam");
    assert_eq!((shaky.disk.bytes(), waiting.len()), (begun, 1));
    for cut in (0..laid.len()).step_by(if deep() { 7 } else { 300 }) {
        // Whoever tore it: the old bytes, the new ones, or none behind the cut.
        let other = [&laid[..cut], empty.get(cut..).unwrap_or_default()].concat();
        for torn in [laid[..cut].to_vec(), other, [&laid[..cut], &vec![0; laid.len() - cut][..]].concat()] {
            if torn == laid {
                continue;
            }
            std::fs::write(&tray, torn).unwrap();
            assert_eq!(shaky.waiting("sam"), [], "{cut}");
            // Nobody was told of what lay in it: it did not happen.
            let before = shaky.digests().len();
            shaky.record("sam").unwrap();
            assert_eq!(shaky.digests().len(), before + 1, "{cut}");
            shaky.check(&format!("cut at {cut}"));
        }
    }
    // What was entered comes back in the tray: it is not entered again, and the tray is emptied.
    shaky.disk.fail_after(2, Fault::Done);
    assert!(shaky.record("sam").is_err());
    let (kept, count) = (std::fs::read(&tray).unwrap(), shaky.digests().len());
    shaky.record("sam").unwrap();
    for _ in 0..2 {
        std::fs::write(&tray, &kept).unwrap();
        assert_eq!(shaky.waiting("sam").len(), 1);
        shaky.record("sam").unwrap();
        assert_eq!(shaky.waiting("sam"), []);
    }
    assert_eq!(shaky.digests().len(), count + 3);
    shaky.check("came back");
}

#[test]
fn a_crash_while_setting_aside_is_set_aside_too() {
    let mut shaky = Shaky::new();
    shaky.record("sam").unwrap();
    for fault in [Fault::Torn(700), Fault::Torn(30), Fault::Torn(200), Fault::Pages(0b101), Fault::NotDone] {
        shaky.disk.fail_after(1, fault);
        assert!(shaky.record("sam").is_err(), "{fault:?}");
        shaky.check(&format!("{fault:?}"));
    }
    shaky.record("sam").unwrap();
    assert_eq!(shaky.waiting("sam"), []);
    shaky.check("at last");
}

#[test]
fn a_batch_that_was_torn_is_sent_again_as_a_whole() {
    let mut shaky = Shaky::new();
    let drafts: Vec<Draft> = (0..5).map(|n| Draft::from_json(&concern("ezra", &format!("{n}"))).unwrap()).collect();
    shaky.disk.fail_after(1, Fault::Torn(4000));
    let tick = || shaky.world.tick();
    let mut desk = shaky.desk("sam").unwrap();
    let outcomes = desk.record_all(&drafts, true, &tick, &mut durable::entropy(), &mut |_, _| ());
    let waits = |outcome: &Outcome| matches!(outcome, Outcome::Waiting { .. });
    assert!(outcomes.is_err() || outcomes.unwrap().iter().all(waits));
    drop(desk);
    let waiting = shaky.waiting("sam");
    assert_eq!(waiting.len(), 5);
    shaky.record("sam").unwrap();
    let digests = shaky.digests();
    let places: Vec<_> = waiting.iter().map(|one| digests.iter().position(|digest| digest == one)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}");
    shaky.check("batch");
}

#[test]
fn a_batch_that_every_core_works_on_keeps_the_order_of_its_author() {
    let mut shaky = Shaky::new();
    let words = |n: u64| format!("{} {n}.", "word ".repeat(n as usize * 13 % 200));
    let drafts: Vec<Draft> = (0..40).map(|n| Draft::from_json(&concern("ezra", &words(n))).unwrap()).collect();
    let (before, tick) = (shaky.digests().len(), || shaky.world.tick());
    let mut told = Vec::new();
    let outcomes =
        shaky.desk("sam").unwrap().record_all(&drafts, true, &tick, &mut durable::entropy(), &mut |at, _| {
            told.push(at);
        });
    assert_eq!(outcomes.unwrap().len(), 40);
    assert_eq!((told, shaky.digests().len()), ((0..40).collect(), before + 40));
    assert_eq!(shaky.waiting("sam"), []);
    let mut desk = shaky.desk("sam").unwrap();
    let mut sequences = Vec::new();
    for (entry, n) in (before as u64..).zip(0..40) {
        let shown = desk.show(entry, Some("own_work"), &tick, &mut durable::entropy()).unwrap();
        assert!(shown.fields.values().any(|text| format!("{text:?}").contains(&words(n))), "{n}: {:?}", shown.fields);
        sequences.push(desk.statement(entry).unwrap().1.unwrap().body().sequence);
    }
    assert!(sequences.windows(2).all(|two| two[0] + 1 == two[1]), "{sequences:?}");
    drop(desk);
    shaky.record("sam").unwrap();
    shaky.check("after the batch");
}

#[test]
fn changed_bytes_at_the_end_are_refused_and_named() {
    let mut shaky = Shaky::new();
    shaky.record("sam").unwrap();
    let start = shaky.disk.bytes().len();
    shaky.record("sam").unwrap();
    let bytes = shaky.disk.bytes();
    for at in (start..bytes.len()).step_by(if deep() { 1 } else { 61 }) {
        let mut changed = bytes.clone();
        changed[at] ^= 0x20;
        shaky.disk = FaultyDisk::with(changed.clone());
        for who in ["sam", "jon"] {
            match shaky.record(who) {
                Err(LedgerError::Damaged { entry: 7, .. }) => {}
                other => panic!("byte {at}: {other:?}"),
            }
        }
        assert_eq!(shaky.disk.bytes(), changed, "nothing is written behind damage");
    }
    // Bytes that are gone while a receipt vouches for them are no torn write.
    for cut in [start, start + 1, bytes.len() - 1] {
        shaky.disk = FaultyDisk::with(bytes[..cut].to_vec());
        assert!(matches!(shaky.record("sam"), Err(LedgerError::Evidence { size: 8, .. })), "cut at {cut}");
    }
    shaky.disk = FaultyDisk::with(bytes);
    shaky.record("sam").unwrap();
    shaky.check("as it was");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target)
        } else {
            let _ = std::fs::copy(&path, &target).unwrap();
        }
    }
}

fn restore(from: &Path, to: &Path) {
    drop(std::fs::remove_dir_all(to));
    copy(from, to);
}

#[test]
fn the_index_may_be_burnt_stale_ahead_or_garbage() {
    let mut shaky = Shaky::new();
    let (index, kept) = (shaky.world.book().join("index"), shaky.world.path("kept"));
    for n in 0..4 {
        shaky.record("sam").unwrap();
        if n == 1 {
            copy(&index, &kept);
        }
    }
    let burn = |shaky: &mut Shaky, how: &dyn Fn()| {
        for trouble in [None, Some(Fault::Torn(500)), Some(Fault::Done), Some(Fault::NotDone)] {
            if let Some(fault) = trouble {
                shaky.disk.fail_after(1, fault);
                assert!(shaky.record("sam").is_err());
            }
            how();
            let before = shaky.digests().len();
            for who in ["sam", "jon"] {
                shaky.record(who).unwrap();
            }
            assert!(shaky.digests().len() >= before + 2);
            assert_eq!(shaky.waiting("sam"), []);
        }
    };
    burn(&mut shaky, &|| std::fs::remove_dir_all(&index).unwrap());
    burn(&mut shaky, &|| restore(&kept, &index));
    burn(&mut shaky, &|| {
        for entry in std::fs::read_dir(&index).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
            std::fs::write(entry.path(), [0xa5; 3000]).unwrap();
        }
    });
    shaky.check("burnt");
    // An index of a longer log than the one that is here: it does not fold to this log's root.
    let longer = (index.clone(), shaky.disk.bytes());
    shaky.record("maria").unwrap();
    let ahead = shaky.world.path("ahead");
    copy(&longer.0, &ahead);
    shaky.disk = FaultyDisk::with(longer.1);
    shaky.told.pop();
    shaky.receipts.pop();
    std::fs::remove_dir_all(shaky.side("maria")).unwrap();
    std::fs::remove_file(shaky.world.book().join("checkpoint")).ok();
    restore(&ahead, &index);
    shaky.record("jon").unwrap();
    shaky.check("ahead");
}

#[test]
fn a_folder_whose_log_was_never_written_is_no_ledger() {
    let world = World::founded();
    let log = world.book().join("ledger.log");
    let whole = std::fs::read(&log).unwrap();
    // The power went before the log was made, before a byte of it, and in the middle of its first write.
    std::fs::remove_file(&log).unwrap();
    std::fs::remove_file(world.book().join("checkpoint")).unwrap();
    assert!(matches!(world.try_desk("maria"), Err(LedgerError::NoLedger)));
    for cut in [0, 1, 1000, whole.len() - 1] {
        std::fs::write(&log, &whole[..cut]).unwrap();
        let found = world.try_desk("maria").map(|_| ());
        assert!(matches!(found, Err(LedgerError::NoLedger)), "cut at {cut}: {found:?}");
        assert_eq!(std::fs::read(&log).unwrap(), whole[..cut]);
    }
    // The folder is not begun anew over what is there.
    let beginning = init::Beginning {
        setting: "Willowbrook Pre-School",
        origin: "willowbrook.example/decisions",
        setting_type: "committee",
        urn: "",
        role: indelible::decision::people::Role::Dsl,
    };
    let (maria, config) = (world.identity("maria"), world.path("config"));
    let side = side_folder(&world.path("maria.id"));
    let again = init::init(&world.book(), &config, &maria, &side, &beginning, START, &mut durable::entropy());
    assert!(matches!(again.map(|_| ()), Err(LedgerError::Occupied)));
    std::fs::write(&log, &whole).unwrap();
    world.desk("maria");
}

#[test]
fn a_cosigned_checkpoint_of_a_size_behind_a_torn_write_fits() {
    let mut shaky = Shaky::new();
    // Whole entries stand in what is set aside: they are not those of the tree.
    let drafts: Vec<Draft> = (0..5).map(|n| Draft::from_json(&concern("ezra", &format!("{n}"))).unwrap()).collect();
    shaky.disk.fail_after(1, Fault::Torn(4000));
    let tick = || shaky.world.tick();
    let mut desk = shaky.desk("sam").unwrap();
    drop(desk.record_all(&drafts, true, &tick, &mut durable::entropy(), &mut |_, _| ()));
    drop(desk);
    shaky.record("sam").unwrap();
    let mut desk = shaky.desk("maria").unwrap();
    let signer = SignerKey::parse(&std::fs::read_to_string(&shaky.world.begun.log_key).unwrap()).unwrap();
    let witness =
        SignerKey::new(KeyName::new("witness.example/w").unwrap(), KeyKind::Cosigner, SigningKey::from_seed(&[1; 32]));
    // A size inside the write that set the bytes aside.
    let size = TreeSize(8);
    let root = desk.ledger.root_at(size).unwrap();
    let mut note = Checkpoint::new(signer.public().name(), size, root).sign(&[&signer]).unwrap();
    note.add(cosignature::sign(note.text(), &witness, START as u64 / 1000).unwrap()).unwrap();
    desk.ledger.join(note.to_string().as_bytes()).unwrap();
    drop(desk);
    shaky.check("cosigned");
}
