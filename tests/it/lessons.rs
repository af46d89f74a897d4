//! What went wrong in other ledgers, and does not here. The numbers are those under which the lessons were noted.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT as B;
use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity;
use indelible::cabinet::identity::{Identity, side_folder};
use indelible::codec::{Bytes, KindNumber};
use indelible::decision::draft::Draft;
use indelible::decision::value::{Content, Value, field};
use indelible::entry::envelope::{Envelope, link};
use indelible::frame::{EntryFrame, Frame};
use indelible::head::note::Note;
use indelible::head::receipt::Receipt;
use indelible::head::trust::Trust;
use indelible::head::{cosignature, note::SignatureLine};
use indelible::keys::SigningKey;
use indelible::keys::name::{KeyKind, KeyName, SignerKey};
use indelible::ledger::LedgerError;
use indelible::ledger::desk::Desk;
use indelible::ledger::open::{Ledger, read_origin};
use indelible::ledger::record::Outcome;
use indelible::store::StoreError;
use indelible::store::disk::Disk;
use indelible::store::durable;
use indelible::store::faulty::FaultyDisk;
use indelible::store::log_file::LogFile;
use indelible::tree::leaf_hash;
use indelible::verify::entry::Keys;
use indelible::verify::ledger::Options;
use indelible::verify::report::{Code, History, Report, Verdict};
use sha2::{Digest as _, Sha512};

use crate::crash::Shaky;
use crate::forge::{self, Piece, build, noshare, sample, writes};
use crate::tamper::torsion;
use crate::world::{START, World, options, verify_bytes};

fn has(report: &Report, entry: u64, code: Code) -> bool {
    report.findings.iter().any(|finding| (finding.entry, finding.code) == (entry, code))
}

#[test]
fn l1_every_element_of_the_chain_is_bound_in_the_tree() {
    let sample = sample();
    for write in writes(&sample.bytes) {
        for piece in write.pieces {
            // One byte string is link input and leaf: nothing in it can change without changing both.
            let bytes = piece.envelope.encode();
            for at in 0..bytes.len() {
                let mut changed = bytes;
                changed[at] ^= 1;
                assert!(link(&changed) != link(&bytes) && leaf_hash(&changed) != leaf_hash(&bytes));
            }
        }
    }
}

#[test]
fn l2_stored_hashes_are_never_believed() {
    let sample = sample();
    let all = writes(&sample.bytes);
    for piece in all.iter().flat_map(|write| &write.pieces) {
        // A part is changed, and the frame around it made whole again.
        let mut structure = piece.structure.clone();
        *structure.last_mut().unwrap() ^= 1;
        let envelope = piece.envelope.encode();
        let mut frame = Vec::new();
        Frame::Entry(EntryFrame { envelope: &envelope, structure: &structure, words: &piece.words })
            .encode(&mut frame)
            .unwrap();
        let mut bytes = sample.bytes.clone();
        bytes[piece.place.clone()].copy_from_slice(&frame);
        let report = verify_bytes(&bytes, &options(Keys::default(), START));
        assert!(has(&report, piece.envelope.number.0, Code::Sealed), "{:?}", report.findings);
    }
    // The root in a checkpoint is recomputed, whoever signed it.
    let mut forged = all.clone();
    forged[4].note = all[3].note.clone();
    let report = verify_bytes(&build(&forged, None), &options(Keys::default(), START));
    assert!(has(&report, 5, Code::Checkpoint), "{:?}", report.findings);
}

#[test]
fn l4_a_key_counts_from_its_enrolment_to_its_revocation() {
    let world = forge::busy();
    let before = forge::Sample::of(&world);
    let (maria, sam) = (before.author("maria"), before.author("sam"));
    let revoke = before.body(&maria, |body| {
        body.kind = KindNumber::of("key.revoke").unwrap();
        let content = Content::Key(Bytes(*sam.identity.author().as_bytes()));
        body.values = vec![Value { field: field::AUTHOR_KEY, position: 0, content }];
    });
    let revoke = before.authored(&maria, true, vec![], revoke);
    let mut desk = world.desk("maria");
    let mut roster = desk.ledger.roster().unwrap();
    let entered = desk.ledger.append(&[revoke], &maria.structure_key, &mut roster, &|| START + 1).unwrap();
    assert_eq!(entered[0].number, 12);
    drop(desk);
    // The clerk refuses what sam signs now, and keeps it.
    let draft = Draft::from_json(&noshare("theo", "Too late.")).unwrap();
    let refused = world.desk("sam").record(&draft, &|| world.tick(), &mut durable::entropy());
    assert!(
        matches!(refused, Err(LedgerError::Refused(Code::KeyNotEnrolled)) | Err(LedgerError::NotEnrolled)),
        "{refused:?}"
    );
    // Whoever has the log's key and enters it all the same is found; what sam signed before stays good.
    let after = forge::Sample::of(&world);
    let sam = after.author("sam");
    let late = Piece::of(&after.authored(&sam, false, vec![], after.body(&sam, |_| ())));
    let bytes = forge::extend(&after.bytes, vec![late], &after.log_key());
    let report = verify_bytes(&bytes, &options(after.keys.clone(), START));
    let found: Vec<_> = report.findings.iter().filter(|f| f.code == Code::KeyNotEnrolled).map(|f| f.entry).collect();
    assert_eq!(found, [13]);
    assert!(verify_bytes(&after.bytes, &options(after.keys.clone(), START)).history == History::Unaltered);
}

/// A witness, and its line over a note.
fn cosign(seed: u8, note: &Note, time: u64) -> (SignerKey, SignatureLine) {
    let name = KeyName::new(&format!("witness{seed}.example/w")).unwrap();
    let key = SignerKey::new(name, KeyKind::Cosigner, SigningKey::from_seed(&[seed; 32]));
    let line = cosignature::sign(note.text(), &key, time).unwrap();
    (key, line)
}

#[test]
fn l5_a_ledger_without_a_quorum_is_never_plainly_good() {
    let world = World::new();
    let mut desk = world.desk("maria");
    let mut note = desk.ledger.checkpoint().unwrap().clone();
    let seconds = START as u64 / 1000;
    let (first, line) = cosign(1, &note, seconds);
    note.add(line).unwrap();
    desk.ledger.join(note.to_string().as_bytes()).unwrap();
    let (log, other) = (desk.ledger.log_key().to_string(), cosign(2, &note, seconds).0);
    let head = format!("log {log}\nwitness a {}\nwitness b {}\n", first.public(), other.public());
    let bytes = world.bytes();
    let judge = |rest: &str, now: i64| {
        let trust = Trust::parse(format!("{head}{rest}").as_bytes()).unwrap();
        let options = Options { trust: Some(&trust), ..options(desk.keys(), now) };
        let report = verify_bytes(&bytes, &options);
        assert!(report.findings.iter().all(|finding| finding.code == Code::OneFounder), "{:?}", report.findings);
        (report.history, report.exit_code())
    };
    let day = 86_400_000;
    assert_eq!(judge("quorum a\n", START), (History::Witnessed, 0));
    assert_eq!(judge("quorum a\n", START + 8 * day), (History::Witnessed, 0));
    assert_eq!(judge("quorum a\n", START + 9 * day), (History::Unaltered, 1));
    assert_eq!(judge("quorum b\n", START), (History::Unaltered, 1));
    assert_eq!(judge("group both all a b\nquorum both\n", START), (History::Unaltered, 1));
    assert_eq!(judge("quorum none\n", START), (History::Unaltered, 1));
    // Without a trust file, whatever stands in the ledger.
    let report = verify_bytes(&bytes, &options(desk.keys(), START));
    assert_eq!((report.history, report.exit_code(), report.trusted), (History::Unaltered, 1, false));
    // And what is new since then is not witnessed yet.
    drop(desk);
    world.record("sam", noshare("theo", "New."));
    let trust = Trust::parse(format!("{head}quorum a\n").as_bytes()).unwrap();
    let report = verify_bytes(&world.bytes(), &Options { trust: Some(&trust), ..options(Keys::default(), START) });
    assert_eq!((report.history, report.not_witnessed()), (History::Witnessed, 1));
}

#[test]
fn l6_nothing_waits_for_a_clean_end() {
    let world = World::new();
    let mut desk = world.desk("sam");
    let draft = Draft::from_json(&noshare("theo", "The machine dies now.")).unwrap();
    let outcome = desk.record(&draft, &|| world.tick(), &mut durable::entropy()).unwrap();
    let Outcome::Entered { entered, .. } = outcome else { panic!("{outcome:?}") };
    // No destructor of the desk has run: what lies in the log is all there is, and all that is needed.
    let bytes = world.bytes();
    let receipts = [entered.receipt];
    let keys = desk.keys();
    let report = verify_bytes(&bytes, &Options { receipts: &receipts, ..options(keys, START) });
    assert_eq!((report.history, report.size.0), (History::Unaltered, 7));
    std::mem::forget(desk);
    for name in ["index", "checkpoint", "trust", "lock"] {
        let path = world.book().join(name);
        drop(std::fs::remove_file(&path).or_else(|_| std::fs::remove_dir_all(&path)));
    }
    assert_eq!(world.record("sam", noshare("theo", "And goes on.")), 7);
}

#[test]
fn l7_wiping_is_recorded_or_found() {
    let mut shaky = Shaky::new();
    shaky.record("sam").unwrap();
    shaky.disk.fail_after(1, indelible::store::faulty::Fault::Torn(800));
    assert!(shaky.record("sam").is_err());
    // The clerk has no way to take bytes away: what is set aside stays, named by an entry.
    let torn = shaky.disk.bytes();
    shaky.record("maria").unwrap();
    assert!(shaky.disk.bytes().starts_with(&torn));
    assert!(shaky.check("set aside").findings.iter().any(|finding| finding.code == Code::SetAside));
    // A wiped ledger: the checkpoint that lies elsewhere says what is missing, from the first entry on.
    let sample = sample();
    let known = std::slice::from_ref(&sample.note);
    for kept in [0, writes(&sample.bytes)[0].place.end] {
        let report = verify_bytes(&sample.bytes[..kept], &Options { known, ..options(Keys::default(), START) });
        assert!(report.history.altered());
        assert!(has(&report, if kept == 0 { 0 } else { 2 }, Code::Truncated), "{:?}", report.findings);
    }
}

#[test]
fn l12_a_verdict_names_the_entry_in_words() {
    for code in Code::ALL {
        assert!(!code.words().is_empty() && !code.next().is_empty(), "{code}");
        if matches!(code.verdict(), Verdict::Invalid | Verdict::Truncated | Verdict::Forked) {
            let words = code.words();
            assert!(
                words.contains("entry") || words.contains("ledger") || words.contains("history"),
                "{code}: {words}"
            );
        }
    }
    let sample = sample();
    let mut bytes = sample.bytes.clone();
    let place = writes(&bytes)[7].pieces[0].place.clone();
    bytes[place.start + 300] ^= 1;
    let report = verify_bytes(&bytes, &options(Keys::default(), START));
    assert_eq!(report.exit_code(), 3);
    assert!(has(&report, 8 + 3, Code::Sealed) || has(&report, 8, Code::Sealed), "{:?}", report.findings);
}

#[test]
fn a_signature_that_a_batch_may_accept_is_refused() {
    let sample = sample();
    let sam = sample.author("sam");
    let honest = sample.authored(&sam, false, vec![], sample.body(&sam, |_| ()));
    let statement = honest.statement.as_unverified();
    let signature = torsion(sam.identity.signing(), statement);
    // The equation that batches check, times the cofactor, holds; the strict one does not.
    let [r, s]: [[u8; 32]; 2] = [signature[..32].try_into().unwrap(), signature[32..].try_into().unwrap()];
    let public = sam.identity.author();
    let hash = Sha512::new().chain_update(r).chain_update(public.as_bytes()).chain_update(statement.message());
    let challenge = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
    let point = |bytes: [u8; 32]| CompressedEdwardsY(bytes).decompress().unwrap();
    let s = Option::<Scalar>::from(Scalar::from_canonical_bytes(s)).unwrap();
    let rest = s * B - point(r) - challenge * point(*public.as_bytes());
    assert!(!rest.is_identity() && rest.mul_by_cofactor().is_identity());
    assert!(public.verify(&statement.message(), &indelible::keys::Signature(signature)).is_err());
}

/// Sits down in a thread of its own, as another program would.
struct Place {
    book: PathBuf,
    config: PathBuf,
    identity: PathBuf,
}

impl Place {
    fn of(world: &World, who: &str) -> Self {
        Place { book: world.book(), config: world.path("config"), identity: world.path(&format!("{who}.id")) }
    }

    fn desk(&self) -> Desk {
        let identity = Identity::open(&std::fs::read(&self.identity).unwrap(), &mut || None).unwrap();
        Desk::open(&self.book, &self.config, identity, &side_folder(&self.identity)).unwrap()
    }

    /// Records so many decisions, half of them at one desk, and returns the receipts.
    fn work(&self, name: &str, count: usize, clock: &AtomicI64) -> Vec<(u64, Receipt)> {
        let mut kept = Vec::new();
        let mut desk = self.desk();
        for n in 0..count {
            if n % 3 == 2 {
                drop(desk);
                desk = self.desk();
            }
            let draft = Draft::from_json(&noshare("theo", &format!("{name} {n}."))).unwrap();
            let now = || clock.fetch_add(1000, Ordering::Relaxed);
            match desk.record(&draft, &now, &mut durable::entropy()).unwrap() {
                Outcome::Entered { entered, .. } => kept.push((entered.number, entered.receipt)),
                other => panic!("{other:?}"),
            }
        }
        kept
    }
}

#[test]
fn two_programs_at_once_lose_nothing_and_leave_no_gap() {
    let world = World::new();
    world.at("2026-10-06T12:00:00+01:00");
    let clock = AtomicI64::new(world.tick());
    // Sam writes from two programs at once.
    let places = ["maria", "jon", "sam", "sam"].map(|who| (who, Place::of(&world, who)));
    let kept: Vec<(u64, Receipt)> = std::thread::scope(|scope| {
        let threads: Vec<_> = places.iter().map(|(who, place)| scope.spawn(|| place.work(who, 4, &clock))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let mut numbers: Vec<u64> = kept.iter().map(|(number, _)| *number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (6..22).collect::<Vec<_>>());
    let receipts: Vec<Receipt> = kept.into_iter().map(|(_, receipt)| receipt).collect();
    let keys = world.desk("maria").keys();
    let report = verify_bytes(&world.bytes(), &Options { receipts: &receipts, ..options(keys, START) });
    assert_eq!((report.history, report.size.0), (History::Unaltered, 22), "{:?}", report.findings);
    assert!(report.findings.iter().all(|finding| finding.code != Code::SetAside));
}

/// A disk on which so many bytes fit.
#[derive(Clone)]
struct Small(FaultyDisk, u64);

impl Disk for Small {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(offset, buffer)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let room = usize::try_from(self.1 - self.0.len()?).unwrap();
        self.0.append(&bytes[..bytes.len().min(room)])?;
        if bytes.len() > room { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync()
    }
}

#[test]
fn a_full_disk_is_said_so_and_what_was_signed_is_kept() {
    let mut shaky = Shaky::new();
    shaky.record("sam").unwrap();
    for room in [0, 1, 700, 2000] {
        let small = Small(shaky.disk.clone(), shaky.disk.bytes().len() as u64 + room);
        let book = shaky.world.book();
        let signer = SignerKey::parse(&std::fs::read_to_string(&shaky.world.begun.log_key).unwrap()).unwrap();
        let file = LogFile::open_append(small).unwrap();
        let ledger = Ledger::over(&book, file, read_origin(&book).unwrap(), Some(signer)).unwrap();
        let roster = ledger.roster().unwrap();
        let mut desk = Desk::at(ledger, roster, shaky.world.identity("sam"), &shaky.side("sam")).unwrap();
        let draft = Draft::from_json(&noshare("theo", &"It goes on and on. ".repeat(200))).unwrap();
        let why = match desk.record(&draft, &|| shaky.world.tick(), &mut durable::entropy()) {
            Err(why) => why,
            Ok(Outcome::Waiting { why }) => *why,
            Ok(other) => panic!("{other:?}"),
        };
        let full = |error: &io::Error| error.kind() == io::ErrorKind::StorageFull;
        assert!(matches!(&why, LedgerError::Store(StoreError::Io { source, .. }) if full(source)), "{why}");
        drop(desk);
        assert_eq!(shaky.waiting("sam").len(), 1);
        // With room again, it is entered before anything else.
        let digest = shaky.waiting("sam")[0];
        shaky.record("sam").unwrap();
        assert!(shaky.digests().contains(&digest) && shaky.waiting("sam").is_empty());
        shaky.check("full");
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_read_and_refuses() {
    let world = World::new();
    let number = world.record("sam", noshare("theo", "Before."));
    let log = world.bytes();
    let seal = |mode: u32| {
        use std::os::unix::fs::PermissionsExt;
        let set = |path: PathBuf, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        set(world.book().join("ledger.log"), mode & 0o666);
        set(world.book(), mode);
    };
    seal(0o555);
    // Root writes everywhere: then there is nothing to be seen here.
    let writable = std::fs::write(world.book().join("probe"), b"").is_ok();
    let side = side_folder(&world.path("sam.id"));
    let read = Desk::open_read(&world.book(), world.identity("sam"), &side).map(|desk| desk.ledger.size());
    let written = world.try_desk("sam").map(|_| ());
    seal(0o755);
    assert_eq!(read.unwrap(), number + 1);
    if !writable {
        assert!(matches!(written, Err(LedgerError::Io { .. } | LedgerError::Store(_))), "{written:?}");
    }
    // A log that is open for reading takes nothing, and what was signed is kept.
    let mut desk = Desk::open_read(&world.book(), world.identity("sam"), &side).unwrap();
    let draft = Draft::from_json(&noshare("theo", "Kept.")).unwrap();
    match desk.record(&draft, &|| world.tick(), &mut durable::entropy()) {
        Ok(Outcome::Waiting { .. }) | Err(_) => {}
        other => panic!("{other:?}"),
    }
    drop(desk);
    assert_eq!(world.bytes(), log);
    assert_eq!(world.record("sam", noshare("theo", "After.")), number + 2);
    assert_eq!(Envelope::decode(&[0; 3]).ok(), None);
}
