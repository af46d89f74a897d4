//! A log that grows or is forged at some entry, and what a witness answers it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Barrier;

use proptest::prelude::*;

use super::*;
use crate::cabinet::tests::stream;
use crate::head::request::{format_conflict, format_cosignatures, parse_cosignatures};
use crate::ledger::witness::evidence::Verdict;
use crate::tree::{Frontier, NodeId, ReadError, ReadHashes, leaf_hash, prove_consistency};

/// A log with all its hashes.
pub(super) struct Log {
    pub(super) key: SignerKey,
    nodes: BTreeMap<NodeId, Hash>,
    roots: Vec<Hash>,
}

impl ReadHashes for Log {
    fn read_hashes(&self, nodes: &[NodeId]) -> Result<Vec<Hash>, ReadError> {
        nodes.iter().map(|node| self.nodes.get(node).copied().ok_or(ReadError(*node))).collect()
    }
}

pub(super) fn signer(name: &str, seed: u8) -> SignerKey {
    SignerKey::new(KeyName::new(name).unwrap(), KeyKind::LogKey, SigningKey::from_seed(&[seed; 32]))
}

/// Makes a log of `size` entries whose history is another one from entry `forged` on.
pub(super) fn log(origin: &str, size: u64, forged: u64) -> Log {
    let (mut nodes, mut frontier) = (BTreeMap::new(), Frontier::new());
    let mut roots = vec![frontier.root()];
    for number in 0..size {
        let leaf = leaf_hash(&[&number.to_be_bytes()[..], &[u8::from(number >= forged)]].concat());
        frontier.append_with(leaf, |node, hash| {
            nodes.insert(node, hash);
        });
        roots.push(frontier.root());
    }
    Log { key: signer(origin, 1), nodes, roots }
}

impl Log {
    fn checkpoint(&self, size: u64) -> Checkpoint {
        Checkpoint::new(self.key.public().name(), TreeSize(size), self.roots[size as usize])
    }

    pub(super) fn note(&self, size: u64) -> Note {
        self.checkpoint(size).sign(&[&self.key]).unwrap()
    }

    pub(super) fn request(&self, old: u64, new: u64) -> String {
        self.request_of(old, new, self.note(new))
    }

    fn request_of(&self, old: u64, new: u64, note: Note) -> String {
        let proof = prove_consistency(TreeSize(old), TreeSize(new), self).unwrap_or_default();
        AddCheckpoint::new(TreeSize(old), proof, note).unwrap().to_string()
    }

    fn origin_file(&self) -> Vec<u8> {
        format!("{}\n{}\n", self.key.public().name(), self.key.public()).into_bytes()
    }
}

/// A witness in a folder of its own.
struct Place {
    side: tempfile::TempDir,
    witness: Witness,
}

fn cosigner() -> CosignerIdentity {
    CosignerIdentity::new(KeyName::new("chair.example/w1").unwrap(), &mut stream(1))
}

fn place() -> Place {
    let side = tempfile::tempdir().unwrap();
    let witness = Witness::open(side.path(), &cosigner()).unwrap();
    Place { side, witness }
}

impl Place {
    /// Asks without naming the log's key.
    fn ask(&self, request: &str, now: u64) -> Result<Signed, WitnessError> {
        self.witness.sign(request.as_bytes(), None, now)
    }

    /// Has the first checkpoint of a log cosigned, at time 100.
    fn begin(&self, log: &Log, size: u64) -> Signed {
        self.witness.sign(log.request(0, size).as_bytes(), Some(&log.origin_file()), 100).unwrap()
    }

    fn file(&self, origin: &str, name: &str) -> PathBuf {
        self.side.path().join("witness").join(hex(&Sha256::digest(origin))).join(name)
    }

    fn state(&self, origin: &str) -> Option<String> {
        durable::read(&self.file(origin, CHECKPOINT), NOTE_LIMIT).ok().map(|bytes| String::from_utf8(bytes).unwrap())
    }

    fn kept(&self, origin: &str) -> Vec<PathBuf> {
        durable::list(&self.file(origin, EVIDENCE)).unwrap_or_default()
    }
}

fn evidence(path: &Path) -> Evidence {
    Evidence::parse(&durable::read(path, evidence::EVIDENCE_LIMIT).unwrap()).unwrap()
}

#[test]
fn the_first_signature_needs_the_key_of_the_log() {
    let (place, a) = (place(), log("a.example", 9, 99));
    let refused = place.ask(&a.request(0, 5), 100).unwrap_err();
    assert!(matches!(&refused, WitnessError::UnknownOrigin { origin } if origin.as_str() == "a.example"));
    assert_eq!(refused.status(), 404);
    let ask = |file: &[u8]| place.witness.sign(a.request(0, 5).as_bytes(), Some(file), 100);
    let key = a.key.public();
    for bad in [
        String::new(),
        format!("a.example\n{key}"),
        format!("a.example\n{key}\n\n"),
        format!("b.example\n{key}\n"),
        format!("a.example\n{}\n", signer("b.example", 1).public()),
        format!("a.example\n{}\n", place.witness.key()),
        format!("a.example\n{key}\n{}", " ".repeat(ORIGIN_FILE_LIMIT)),
    ] {
        assert!(matches!(ask(bad.as_bytes()), Err(WitnessError::OriginFile { .. })), "{bad:?}");
    }
    let other = format!("a.example\n{}\n", signer("a.example", 2).public());
    assert_eq!(ask(other.as_bytes()).unwrap_err().status(), 403);
    assert!(place.state("a.example").is_none());

    let signed = ask(&a.origin_file()).unwrap();
    assert_eq!((signed.origin.as_str(), signed.size), ("a.example", TreeSize(5)));
    assert_eq!(place.state("a.example"), Some(signed.note));
    assert!(matches!(ask(other.as_bytes()), Err(WitnessError::OtherKey { .. })));
    assert_eq!(place.ask(&a.request(5, 9), 100).unwrap().size, TreeSize(9));
}

#[test]
fn a_growing_log_is_cosigned_and_the_answer_merges() {
    let (place, a) = (place(), log("a.example", 20, 99));
    place.begin(&a, 1);
    for (old, new, now) in [(1, 2, 100), (2, 7, 101), (7, 7, 105), (7, 20, 105)] {
        let signed = place.ask(&a.request(old, new), now).unwrap();
        let (note, checkpoint) = read_cosigned(signed.note.as_bytes(), std::slice::from_ref(a.key.public())).unwrap();
        assert_eq!((&checkpoint, signed.size.0), (&a.checkpoint(new), new));
        assert_eq!(note.signatures().len(), 2);
        assert_eq!(cosignature::verify(note.text(), place.witness.key(), &signed.lines[0]), Ok(now));
        let known = [a.key.public().clone()];
        let mut own = SignedCheckpoint::open_note(a.note(new), &known).unwrap();
        assert_eq!(own.merge(note.signatures(), &[place.witness.key().clone()]), Ok(1));
        assert_eq!(own.cosigners().map(|(_, time)| time).collect::<Vec<_>>(), [now]);
        assert_eq!(own.note(), &note);
        assert_eq!(parse_cosignatures(format_cosignatures(&signed.lines).as_bytes()), Ok(signed.lines));
        let newest = place.witness.newest(&signed.origin).unwrap().unwrap();
        assert_eq!(newest.note(), &note);
    }
    assert!(place.witness.newest(&KeyName::new("b.example").unwrap()).unwrap().is_none());
    let unsigned = read_cosigned(a.note(5).to_string().as_bytes(), std::slice::from_ref(a.key.public()));
    assert!(matches!(unsigned, Err(WitnessError::NotCosigned)));
    let other = read_cosigned(a.note(5).to_string().as_bytes(), std::slice::from_ref(signer("a.example", 9).public()));
    assert!(matches!(other, Err(WitnessError::NotSigned(_))));
}

#[test]
fn an_empty_log_can_be_cosigned_and_grow() {
    let (place, a) = (place(), log("a.example", 9, 99));
    assert_eq!(place.begin(&a, 0).size, TreeSize(0));
    assert_eq!(place.ask(&a.request(0, 9), 100).unwrap().size, TreeSize(9));
}

#[test]
fn another_old_size_is_answered_with_the_right_one() {
    let (place, a) = (place(), log("a.example", 20, 99));
    let latest = |asked: Result<Signed, WitnessError>, right| match asked.unwrap_err() {
        error @ WitnessError::WrongOld { latest } => {
            assert_eq!((error.status(), format_conflict(latest)), (409, format!("{right}\n")));
        }
        other => panic!("{other}"),
    };
    latest(place.witness.sign(a.request(3, 5).as_bytes(), Some(&a.origin_file()), 100), 0);
    place.begin(&a, 10);
    latest(place.ask(&a.request(0, 20), 100), 10);
    latest(place.ask(&a.request(9, 20), 100), 10);
    latest(place.ask(&a.request(11, 20), 100), 10);
    latest(place.ask(&a.request(9, 10), 100), 10);
    // A replay of what was cosigned before, or of anything older, gets no second signature.
    latest(place.ask(&a.request(0, 10), 100), 10);
    latest(place.ask(&a.request(0, 7), 100), 10);
    latest(place.ask(&a.request(7, 7), 100), 10);
    let back = place.ask(&a.request_of(10, 7, a.note(7)), 100).unwrap_err();
    assert!(matches!(back, WitnessError::OldAboveSize { .. }) && back.status() == 400);
    assert!(place.kept("a.example").is_empty());
}

#[test]
fn a_fork_at_the_same_size_is_refused_and_proves_itself() {
    let (place, a, forged) = (place(), log("a.example", 20, 99), log("a.example", 20, 4));
    let before = place.begin(&a, 10).note;
    for old in [10, 0, 4] {
        match place.ask(&forged.request(old, 10), 100).unwrap_err() {
            WitnessError::Fork { evidence: path, size, remembered, offered } => {
                assert_eq!((size, remembered, offered), (TreeSize(10), a.roots[10], forged.roots[10]));
                let fork = Verdict::Fork { size: TreeSize(10) };
                assert_eq!(evidence(&path).check(a.key.public()), fork);
            }
            other => panic!("{other}"),
        }
    }
    assert_eq!(place.kept("a.example").len(), 1);
    assert_eq!(place.state("a.example"), Some(before));
    place.ask(&a.request(10, 20), 100).unwrap();
}

#[test]
fn a_forged_history_of_a_larger_size_is_refused_with_evidence() {
    let (place, a, forged) = (place(), log("a.example", 20, 99), log("a.example", 20, 4));
    let before = place.begin(&a, 10).note;
    let honest_proof = prove_consistency(TreeSize(10), TreeSize(20), &a).unwrap();
    let borrowed = AddCheckpoint::new(TreeSize(10), honest_proof, forged.note(20)).unwrap().to_string();
    let none = AddCheckpoint::new(TreeSize(10), Vec::new(), forged.note(20)).unwrap().to_string();
    for request in [forged.request(10, 20), borrowed, none] {
        let refused = place.ask(&request, 100).unwrap_err();
        assert_eq!(refused.status(), 422);
        let WitnessError::ProofFails { evidence: path, remembered, offered } = refused else { panic!("{refused}") };
        assert_eq!((remembered, offered), (TreeSize(10), TreeSize(20)));
        let verdict = evidence(&path).check(a.key.public());
        assert_eq!(verdict, Verdict::Unproven { remembered: TreeSize(10), offered: TreeSize(20) });
    }
    // One file for the pair, however many wrong proofs.
    assert_eq!(place.kept("a.example").len(), 1);
    assert_eq!(place.state("a.example"), Some(before));
}

/// L8: a witness keeps the whole checkpoint that it signed, and the request that offended.
#[test]
fn l8_the_whole_checkpoint_and_the_offending_request_are_kept() {
    let (place, a, forged) = (place(), log("a.example", 20, 99), log("a.example", 20, 4));
    let signed = place.begin(&a, 10);
    assert_eq!(place.state("a.example").as_deref(), Some(&*signed.note));
    for request in [forged.request(10, 10), forged.request(10, 20)] {
        let (WitnessError::Fork { evidence: path, .. } | WitnessError::ProofFails { evidence: path, .. }) =
            place.ask(&request, 100).unwrap_err()
        else {
            panic!("not kept")
        };
        let evidence = evidence(&path);
        assert_eq!(evidence.remembered().to_string(), signed.note);
        assert_eq!(evidence.request().to_string(), request);
    }
    assert_eq!(place.kept("a.example").len(), 2);
}

#[test]
fn proofs_that_cannot_be_right_are_refused_without_accusing_anybody() {
    let (place, a) = (place(), log("a.example", 9, 99));
    let with = |old, size, proof: &[Hash]| {
        let request = AddCheckpoint::new(TreeSize(old), proof.to_vec(), a.note(size)).unwrap().to_string();
        let refused = place.witness.sign(request.as_bytes(), Some(&a.origin_file()), 100).unwrap_err();
        assert!(matches!(refused, WitnessError::BadProof(_)) && refused.status() == 422, "{refused}");
    };
    with(0, 5, &[a.roots[1]]);
    let nothing = Checkpoint::new(a.key.public().name(), TreeSize(0), a.roots[3]).sign(&[&a.key]).unwrap();
    let request = AddCheckpoint::new(TreeSize(0), Vec::new(), nothing).unwrap().to_string();
    let refused = place.witness.sign(request.as_bytes(), Some(&a.origin_file()), 100);
    assert!(matches!(refused, Err(WitnessError::BadProof(ProofError::WrongRoot))));
    place.begin(&a, 5);
    with(5, 5, &[a.roots[1]]);
    assert!(place.kept("a.example").is_empty());
}

#[test]
fn only_lines_that_were_verified_are_taken_over() {
    let (place, a) = (place(), log("a.example", 9, 99));
    place.begin(&a, 5);
    let mut note = a.note(9);
    note.add(signer_line(&signer("stranger.example", 7), note.text())).unwrap();
    let signed = place.ask(&a.request_of(5, 9, note), 100).unwrap();
    assert!(!signed.note.contains("stranger.example"));
    // A line under the log's name that fails refuses the note.
    let forged = a.request(9, 9).replacen("\n9\n", "\n8\n", 1);
    assert_eq!(place.ask(&forged, 100).unwrap_err().status(), 403);
    assert_eq!(place.state("a.example"), Some(signed.note));
}

fn signer_line(key: &SignerKey, text: &str) -> SignatureLine {
    Note::sign(text, &[key]).unwrap().signatures()[0].clone()
}

#[test]
fn the_time_never_goes_back() {
    let (place, a, b) = (place(), log("a.example", 9, 99), log("b.example", 9, 99));
    let before = place.begin(&a, 5).note;
    let refused = place.ask(&a.request(5, 9), 99).unwrap_err();
    assert!(matches!(refused, WitnessError::ClockBack { now: 99, newest: 100 }));
    assert_eq!(place.state("a.example"), Some(before));
    assert_eq!(place.ask(&a.request(5, 5), 200).unwrap().size, TreeSize(5));
    assert!(matches!(place.ask(&a.request(5, 9), 199), Err(WitnessError::ClockBack { newest: 200, .. })));
    place.ask(&a.request(5, 9), 200).unwrap();
    // Each origin has its own time; no time at all is no time for a cosignature.
    let first = |now| place.witness.sign(b.request(0, 5).as_bytes(), Some(&b.origin_file()), now);
    assert!(matches!(first(0), Err(WitnessError::NotMade(HeadError::BadTime))));
    assert!(matches!(first(1 << 63), Err(WitnessError::NotMade(HeadError::BadTime))));
    first(1).unwrap();
}

#[test]
fn two_origins_are_kept_apart() {
    let (place, a, b) = (place(), log("a.example", 9, 99), log("b.example", 9, 2));
    place.begin(&a, 5);
    assert!(matches!(place.ask(&b.request(0, 7), 100), Err(WitnessError::UnknownOrigin { .. })));
    place.begin(&b, 7);
    assert_eq!(place.ask(&a.request(5, 9), 100).unwrap().size, TreeSize(9));
    assert_eq!(place.ask(&b.request(7, 9), 100).unwrap().size, TreeSize(9));
    assert_ne!(place.state("a.example"), place.state("b.example"));
}

#[test]
fn nothing_is_signed_that_is_not_durable_first() {
    let (place, a) = (place(), log("a.example", 9, 99));
    let (request, file) = (a.request(0, 5), a.origin_file());
    let broken = || io::Error::from(io::ErrorKind::StorageFull);
    for (fails_at, written) in [(CHECKPOINT, false), (CHECKPOINT, true), (LOG, false), (LOG, true)] {
        let replace = |path: &Path, bytes: &[u8]| {
            if !path.ends_with(fails_at) {
                return durable::replace(path, bytes);
            }
            if written {
                durable::replace(path, bytes)?;
            }
            Err(broken())
        };
        let refused = place.witness.sign_through(&replace, request.as_bytes(), Some(&file), 100);
        assert!(matches!(refused, Err(WitnessError::Io { .. })));
        // Whatever was written, the same request is signed later, and no other history is.
        let fork = log("a.example", 9, 2);
        let refused = place.witness.sign(fork.request(0, 5).as_bytes(), Some(&file), 100);
        assert_eq!(refused.is_err(), (fails_at, written) != (CHECKPOINT, false));
        let again = if refused.is_ok() { &fork } else { &a };
        let signed = place.witness.sign(again.request(5, 5).as_bytes(), Some(&file), 100).unwrap();
        assert_eq!(place.state("a.example"), Some(signed.note));
        for name in [CHECKPOINT, LOG] {
            durable::remove(&place.file("a.example", name)).unwrap();
        }
    }
    // The order of what is written, and that it all is before the answer.
    let order = RefCell::new(Vec::new());
    let replace = |path: &Path, bytes: &[u8]| {
        order.borrow_mut().push(path.file_name().unwrap().to_str().unwrap().to_owned());
        durable::replace(path, bytes)
    };
    place.witness.sign_through(&replace, request.as_bytes(), Some(&file), 100).unwrap();
    place.witness.sign_through(&replace, a.request(5, 9).as_bytes(), Some(&file), 100).unwrap();
    assert_eq!(*order.borrow(), [CHECKPOINT, LOG, CHECKPOINT]);
}

#[test]
fn a_memory_that_cannot_be_made_or_read_gives_no_signature() {
    let (place, a) = (place(), log("a.example", 9, 99));
    let folder = place.file("a.example", "").parent().unwrap().join(hex(&Sha256::digest("a.example")));
    durable::replace(&folder, b"in the way").unwrap();
    let ask = || place.witness.sign(a.request(0, 5).as_bytes(), Some(&a.origin_file()), 100);
    assert!(matches!(ask(), Err(WitnessError::Io { .. })));
    durable::remove(&folder).unwrap();
    ask().unwrap();
    let side = place.side.path().join("witness");
    assert!(matches!(Witness::open(&side.join(LOCK), &cosigner()), Err(WitnessError::Io { .. })));
}

#[test]
fn an_answer_that_was_lost_is_given_again() {
    let (place, a) = (place(), log("a.example", 9, 99));
    place.begin(&a, 5);
    place.ask(&a.request(5, 9), 100).unwrap();
    // The sender believes that nothing happened, asks again, is told the size, and asks from there.
    assert!(matches!(place.ask(&a.request(5, 9), 101), Err(WitnessError::WrongOld { latest: TreeSize(9) })));
    let witness = Witness::open(place.side.path(), &cosigner()).unwrap();
    let signed = witness.sign(a.request(9, 9).as_bytes(), None, 101).unwrap();
    assert_eq!(cosignature::verify(a.note(9).text(), witness.key(), &signed.lines[0]), Ok(101));
}

#[test]
fn a_damaged_memory_signs_nothing() {
    let (place, a) = (place(), log("a.example", 9, 99));
    let good = place.begin(&a, 5).note;
    let ask = || place.witness.sign(a.request(5, 9).as_bytes(), Some(&a.origin_file()), 100);
    let path = place.file("a.example", CHECKPOINT);
    let no_line_of_ours = a.note(5).to_string();
    let lower = format!("{}{}", a.note(3), good.lines().last().unwrap().to_owned() + "\n");
    for bad in ["", "x\n", &good[..good.len() - 1], &good.replacen("\n5\n", "\n4\n", 1), &no_line_of_ours, &lower] {
        durable::replace(&path, bad.as_bytes()).unwrap();
        assert!(matches!(ask(), Err(WitnessError::Damaged { path: named }) if named == path), "{bad:?}");
    }
    durable::remove(&path).unwrap();
    assert!(matches!(ask(), Err(WitnessError::Damaged { .. })), "begins anew");
    durable::replace(&path, good.as_bytes()).unwrap();
    let log = place.file("a.example", LOG);
    for bad in [String::new(), format!("{}\n", signer("a.example", 9).public()), a.key.public().to_string()] {
        durable::replace(&log, bad.as_bytes()).unwrap();
        assert!(ask().is_err(), "{bad:?}");
    }
    durable::remove(&log).unwrap();
    // As after a crash between the two: the key is asked for again.
    assert!(matches!(place.ask(&a.request(5, 9), 100), Err(WitnessError::UnknownOrigin { .. })));
    ask().unwrap();
    place.ask(&a.request(9, 9), 100).unwrap();
}

#[test]
fn a_new_key_is_followed_through_a_checkpoint_that_both_signed() {
    let (place, a) = (place(), log("a.example", 20, 99));
    place.begin(&a, 5);
    let mut next = log("a.example", 20, 99);
    next.key = signer("a.example", 2);
    let with_file = |request: String, log: &Log| place.witness.sign(request.as_bytes(), Some(&log.origin_file()), 100);
    let both = || a.checkpoint(9).sign(&[&a.key, &next.key]).unwrap();
    for request in [next.request(5, 9), a.request(5, 9)] {
        assert!(matches!(with_file(request, &next), Err(WitnessError::OtherKey { .. })));
    }
    assert!(matches!(place.ask(&next.request(5, 9), 100), Err(WitnessError::NotSigned(HeadError::NotSigned))));
    // A crash before the key was replaced: asked again, it follows.
    let replace = |path: &Path, bytes: &[u8]| match path.ends_with(LOG) {
        true => Err(io::ErrorKind::StorageFull.into()),
        false => durable::replace(path, bytes),
    };
    let request = a.request_of(5, 9, both());
    let file = next.origin_file();
    assert!(place.witness.sign_through(&replace, request.as_bytes(), Some(&file), 100).is_err());
    assert_eq!(place.ask(&a.request(9, 9), 100).unwrap().size, TreeSize(9));
    with_file(a.request_of(9, 9, both()), &next).unwrap();
    assert_eq!(place.ask(&next.request(9, 20), 100).unwrap().size, TreeSize(20));
    assert!(matches!(with_file(a.request(20, 20), &a), Err(WitnessError::OtherKey { .. })));
    assert!(matches!(place.ask(&a.request(20, 20), 100), Err(WitnessError::NotSigned(_))));
}

#[test]
fn of_two_histories_that_come_at_once_one_is_signed() {
    let (place, a) = (place(), log("a.example", 9, 99));
    place.begin(&a, 4);
    let start = Barrier::new(4);
    let ask = &|forged| {
        let witness = Witness::open(place.side.path(), &cosigner()).unwrap();
        let request = log("a.example", 9, forged).request(4, 9);
        start.wait();
        usize::from(witness.sign(request.as_bytes(), None, 100).is_ok())
    };
    let signed: usize = std::thread::scope(|scope| {
        let asked: Vec<_> = (4..8).map(|forged| scope.spawn(move || ask(forged))).collect();
        asked.into_iter().map(|asked| asked.join().unwrap()).sum()
    });
    assert_eq!((signed, place.kept("a.example").len()), (1, 3));
}

proptest! {
    #[test]
    fn garbage_is_refused(at: prop::sample::Index, with: u8, junk: Vec<u8>, file: Vec<u8>, now: u64) {
        let (place, a) = (place(), log("a.example", 9, 99));
        place.begin(&a, 5);
        let mut altered = a.request(5, 9).into_bytes();
        let at = at.index(altered.len());
        altered[at] = with;
        for request in [&altered, &junk] {
            prop_assert!(place.witness.sign(request, Some(&file), now).is_err());
            let signed = place.witness.sign(request, None, now);
            // Only a request that was not altered, or in a line that is nobody's.
            prop_assert!(signed.is_err() || signed.unwrap().note.starts_with(a.note(9).text()));
            let _ = read_cosigned(request, std::slice::from_ref(a.key.public()));
        }
        prop_assert!(read_cosigned(&junk, std::slice::from_ref(a.key.public())).is_err());
    }
}
