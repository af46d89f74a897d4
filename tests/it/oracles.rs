//! Our tree, notes and keys against other people's implementations, in both directions.
//!
//! `tlog_tiles` and `ct-merkle` know RFC 6962 trees, `signed_note` notes and Ed25519 keys. Cosignatures, which none of
//! them knows, are checked against bytes laid out here from the specification and signed by `ed25519-dalek` itself.
#![allow(clippy::unwrap_used)]

use std::cell::RefCell;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use ed25519_dalek::Signer as _;
use sha2::{Digest, Sha256};
use signed_note::{Signer as _, StandardSigner, StandardVerifier, Verifier as _, VerifierList};
use tlog_tiles::HashReader;

use indelible::head::checkpoint::{Checkpoint, SignedCheckpoint};
use indelible::head::cosignature;
use indelible::head::note::Note;
use indelible::keys::SigningKey;
use indelible::keys::name::{KeyKind, KeyName, SignerKey, VerifierKey};
use indelible::tree::{
    EntryNumber, Frontier, Hash, NodeId, ReadError, ReadHashes, TreeSize, check_consistency, check_inclusion,
    leaf_hash, prove_consistency, prove_inclusion, root_from,
};

/// Every size up to this one is compared with every entry and every smaller size.
const EVERY: u64 = 256;
/// One proof in so many is also corrupted, in several ways (the tree's own tests corrupt all of the small ones).
const CORRUPT: u64 = 5;
/// The larger sizes are drawn below this.
const LARGE: u64 = 5_000;

/// Complete subtrees as a list for each level.
#[derive(Default)]
struct Levels(Vec<Vec<Hash>>);

impl ReadHashes for Levels {
    fn read_hashes(&self, nodes: &[NodeId]) -> Result<Vec<Hash>, ReadError> {
        let hash = |node: &NodeId| self.0.get(usize::from(node.level))?.get(node.index as usize).copied();
        nodes.iter().map(|node| hash(node).ok_or(ReadError(*node))).collect()
    }
}

/// The stored hashes of `tlog_tiles`.
#[derive(Default)]
struct Theirs(RefCell<Vec<tlog_tiles::Hash>>);

impl HashReader for Theirs {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|index| self.0.borrow()[*index as usize]).collect())
    }
}

/// The same growing tree three times.
#[derive(Default)]
struct Trio {
    ours: Levels,
    frontier: Frontier,
    roots: Vec<Hash>,
    tlog: Theirs,
    ct: MemoryBackedTree<Sha256, Vec<u8>>,
}

impl Trio {
    fn new() -> Self {
        let mut trio = Trio { ct: MemoryBackedTree::new(), ..Trio::default() };
        trio.roots.push(trio.frontier.root());
        trio
    }

    fn size(&self) -> u64 {
        self.frontier.size().0
    }

    fn grow(&mut self) {
        let number = self.size();
        let levels = &mut self.ours.0;
        self.frontier.append_with(leaf_hash(&data(number)), |node, hash| {
            levels.resize_with(levels.len().max(usize::from(node.level) + 1), Vec::new);
            let level = &mut levels[usize::from(node.level)];
            assert_eq!(level.len() as u64, node.index, "subtrees are finished from left to right");
            level.push(hash);
        });
        self.roots.push(self.frontier.root());
        let stored = tlog_tiles::stored_hashes(number, &data(number), &self.tlog).unwrap();
        self.tlog.0.borrow_mut().extend(stored);
        self.ct.push(data(number));
    }

    fn root(&self, size: u64) -> Hash {
        self.roots[size as usize]
    }

    fn compare_roots(&self) {
        let size = self.size();
        let root = self.root(size);
        assert_eq!(root_from(&self.ours, TreeSize(size)), Ok(root));
        assert_eq!(tlog_tiles::tree_hash(size, &self.tlog).unwrap().0, root.0);
        assert_eq!(self.ct.root().as_bytes()[..], root.0);
    }

    /// Compares the inclusion proof of an entry in the tree of the size reached.
    fn compare_inclusion(&self, number: u64) {
        let size = self.size();
        let (root, leaf) = (self.root(size), leaf_hash(&data(number)));
        let check = |proof: &[Hash]| check_inclusion(EntryNumber(number), TreeSize(size), &leaf, proof, &root);
        let ours = prove_inclusion(EntryNumber(number), TreeSize(size), &self.ours).unwrap();

        let tlog = tlog_tiles::prove_record(size, number, &self.tlog).unwrap();
        assert_eq!(check(&from_tlog(&tlog)), Ok(()));
        tlog_tiles::check_record(&to_tlog(&ours), size, theirs(root), number, theirs(leaf)).unwrap();

        let ct = self.ct.prove_inclusion(number as usize);
        assert_eq!(check(&hashes(ct.as_bytes())), Ok(()));
        let sent = InclusionProof::<Sha256>::try_from_bytes(bytes(&ours)).unwrap();
        ct_root(root, size).verify_inclusion(&data(number), number, &sent).unwrap();

        if (number + size).is_multiple_of(CORRUPT) {
            corrupted(&ours, |proof| assert!(check(proof).is_err(), "entry {number} of {size}"));
        }
    }

    /// Compares the consistency proof from an older size (not 0) to the size reached.
    fn compare_consistency(&self, old: u64) {
        let size = self.size();
        let (old_root, root) = (self.root(old), self.root(size));
        let check = |proof: &[Hash]| check_consistency(TreeSize(old), TreeSize(size), proof, &old_root, &root);
        let ours = prove_consistency(TreeSize(old), TreeSize(size), &self.ours).unwrap();

        let tlog = tlog_tiles::prove_tree(size, old, &self.tlog).unwrap();
        assert_eq!(check(&from_tlog(&tlog)), Ok(()));
        tlog_tiles::check_tree(&to_tlog(&ours), size, theirs(root), old, theirs(old_root)).unwrap();

        let ct = self.ct.prove_consistency((size - old) as usize);
        assert_eq!(check(&hashes(ct.as_bytes())), Ok(()));
        let sent = ConsistencyProof::<Sha256>::try_from_bytes(bytes(&ours)).unwrap();
        ct_root(root, size).verify_consistency(&ct_root(old_root, old), &sent).unwrap();

        if (old + size).is_multiple_of(CORRUPT) {
            corrupted(&ours, |proof| assert!(check(proof).is_err(), "from {old} to {size}"));
        }
    }
}

/// Hands over proofs that differ from a good one: a bit changed, a hash left out, doubled, swapped or added.
fn corrupted(proof: &[Hash], mut refused: impl FnMut(&[Hash])) {
    let at = proof.len() / 2;
    refused(&[proof, &[Hash([0; 32])]].concat());
    let Some(hash) = proof.get(at) else { return };
    let mut altered = proof.to_vec();
    altered[at].0[31] ^= 0x80;
    refused(&altered);
    altered[at] = *hash;
    altered.insert(at, *hash);
    refused(&altered);
    refused(&proof[1..]);
    refused(&proof[..proof.len() - 1]);
    if proof.len() > 1 {
        let mut swapped = proof.to_vec();
        swapped.swap(0, proof.len() - 1);
        refused(&swapped);
    }
}

fn data(number: u64) -> Vec<u8> {
    format!("entry {number}").into_bytes()
}

fn hashes(bytes: &[u8]) -> Vec<Hash> {
    bytes.chunks_exact(32).map(|chunk| Hash(chunk.try_into().unwrap())).collect()
}

fn bytes(proof: &[Hash]) -> Vec<u8> {
    proof.iter().flat_map(|hash| hash.0).collect()
}

fn theirs(hash: Hash) -> tlog_tiles::Hash {
    tlog_tiles::Hash(hash.0)
}

fn to_tlog(proof: &[Hash]) -> Vec<tlog_tiles::Hash> {
    proof.iter().map(|hash| theirs(*hash)).collect()
}

fn from_tlog(proof: &[tlog_tiles::Hash]) -> Vec<Hash> {
    proof.iter().map(|hash| Hash(hash.0)).collect()
}

fn ct_root(root: Hash, size: u64) -> RootHash<Sha256> {
    RootHash::new(root.0.into(), size)
}

/// The next number of a fixed sequence (splitmix64), below a bound.
fn draw(state: &mut u64, below: u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) % below
}

#[test]
fn trees_and_proofs_agree_at_every_small_size() {
    let mut trio = Trio::new();
    assert_eq!(tlog_tiles::tree_hash(0, &trio.tlog).unwrap().0, trio.root(0).0);
    for size in 1..=EVERY {
        trio.grow();
        trio.compare_roots();
        (0..size).for_each(|number| trio.compare_inclusion(number));
        (1..size).for_each(|old| trio.compare_consistency(old));
    }
}

#[test]
fn trees_and_proofs_agree_at_some_large_sizes() {
    let mut state = 2026;
    let mut sizes: Vec<u64> = (0..40).map(|_| EVERY + 1 + draw(&mut state, LARGE - EVERY)).collect();
    sizes.extend([511, 512, 513, 4095, 4096, 4097]);
    sizes.sort_unstable();
    let mut trio = Trio::new();
    for size in sizes {
        while trio.size() < size {
            trio.grow();
        }
        trio.compare_roots();
        for _ in 0..20 {
            trio.compare_inclusion(draw(&mut state, size));
            trio.compare_consistency(1 + draw(&mut state, size - 1));
        }
        trio.compare_inclusion(size - 1);
        trio.compare_consistency(size - 1);
    }
}

const ORIGIN: &str = "nursery.example/ledger";

fn signer(seed: [u8; 32]) -> SignerKey {
    SignerKey::new(KeyName::new(ORIGIN).unwrap(), KeyKind::LogKey, SigningKey::from_seed(&seed))
}

fn seed(state: &mut u64) -> [u8; 32] {
    std::array::from_fn(|_| draw(state, 256) as u8)
}

#[test]
fn log_keys_have_the_texts_that_others_give_them() {
    let mut state = 1;
    for _ in 0..32 {
        let seed = seed(&mut state);
        let ours = signer(seed);
        let public = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key();
        // `signed_note` uses an older ed25519-dalek, whose key type is another one: the text is made here.
        let kind_and_key = [&[1][..], public.as_bytes()].concat();
        let id = signed_note::key_id(ORIGIN, &kind_and_key);
        let text = format!("{ORIGIN}+{id:08x}+{}", STANDARD.encode(kind_and_key));
        assert_eq!(ours.public().to_string(), text);

        let verifier = StandardVerifier::new(&ours.public().to_string()).unwrap();
        assert_eq!((verifier.name(), verifier.key_id().to_be_bytes()), (ORIGIN, ours.public().id().0));
        let theirs = StandardSigner::new(&ours.format().unwrap()).unwrap();
        assert_eq!(theirs.sign(b"message").unwrap(), ours.sign(b"message").unwrap().0);
    }
}

#[test]
fn the_key_of_the_specification_is_read_alike() {
    let text = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    let (ours, theirs) = (VerifierKey::parse(text).unwrap(), StandardVerifier::new(text).unwrap());
    assert_eq!((ours.name().as_str(), ours.id().0), (theirs.name(), theirs.key_id().to_be_bytes()));
}

#[test]
fn notes_open_on_both_sides() {
    let mut state = 2;
    for size in 0..32 {
        let (key, other) = (signer(seed(&mut state)), signer(seed(&mut state)));
        let known = [key.public().clone()];
        let verifier = StandardVerifier::new(&key.public().to_string()).unwrap();
        let verifiers = VerifierList::new(vec![Box::new(verifier)]);
        let text = Checkpoint::new(key.public().name(), TreeSize(size), Hash(seed(&mut state))).to_string();

        let ours = Note::sign(&text, &[&key, &other]).unwrap().to_string();
        let read = signed_note::Note::from_bytes(ours.as_bytes()).unwrap();
        let (verified, unverified) = read.verify(&verifiers).unwrap();
        assert_eq!((verified.len(), unverified.len()), (1, 1));
        assert_eq!(read.to_bytes(), ours.as_bytes());
        let checkpoint = tlog_tiles::Checkpoint::from_bytes(read.text()).unwrap();
        assert_eq!((checkpoint.origin(), checkpoint.size(), checkpoint.extension()), (ORIGIN, size, ""));

        let mut made = signed_note::Note::new(text.as_bytes(), &[]).unwrap();
        let signers = [&key, &other].map(|key| StandardSigner::new(&key.format().unwrap()).unwrap());
        made.add_sigs(&[&signers[0], &signers[1]]).unwrap();
        assert_eq!(made.to_bytes(), ours.as_bytes());
        let opened = SignedCheckpoint::open(&made.to_bytes(), &known).unwrap();
        assert_eq!(opened.checkpoint().to_string(), text);

        // Whatever they refuse of an altered note, we refuse too.
        for _ in 0..60 {
            let mut altered = ours.clone().into_bytes();
            let at = draw(&mut state, altered.len() as u64) as usize;
            altered[at] ^= 1 << draw(&mut state, 8);
            let theirs = signed_note::Note::from_bytes(&altered).is_ok_and(|note| note.verify(&verifiers).is_ok());
            let ours = Note::parse(&altered).is_ok_and(|note| note.open(&known).is_ok());
            assert!(theirs || !ours, "{}", String::from_utf8_lossy(&altered));
        }
    }
}

#[test]
fn a_key_for_which_anyone_can_sign_is_refused_by_us_alone() {
    let mut weak = [0; 33];
    (weak[0], weak[1]) = (1, 1);
    let text = format!("x+{:08x}+{}", signed_note::key_id("x", &weak), STANDARD.encode(weak));
    assert!(StandardVerifier::new(&text).is_ok());
    assert!(VerifierKey::parse(&text).is_err());
}

#[test]
fn cosignatures_have_the_bytes_of_the_specification() {
    let (name, seed, time) = ("witness.example/w1", [42; 32], 1_679_315_147u64);
    let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    let dalek = ed25519_dalek::SigningKey::from_bytes(&seed);
    let signature = dalek.sign(format!("cosignature/v1\ntime 1679315147\n{text}").as_bytes());
    let public = dalek.verifying_key();
    let id = Sha256::digest([name.as_bytes(), b"\n\x04", public.as_bytes()].concat());
    let line = [&id[..4], &time.to_be_bytes(), &signature.to_bytes()].concat();
    assert_eq!(line.len(), 76);
    let line = format!("\u{2014} {name} {}", STANDARD.encode(line));

    let key = SignerKey::new(KeyName::new(name).unwrap(), KeyKind::Cosigner, SigningKey::from_seed(&seed));
    let ours = cosignature::sign(text, &key, time).unwrap();
    assert_eq!(ours.to_string(), line);
    // Frozen: this line was made once from the steps above.
    assert_eq!(line, COSIGNATURE);
    let vkey = [&[4][..], public.as_bytes()].concat();
    let vkey =
        format!("{name}+{}+{}", id[..4].iter().map(|b| format!("{b:02x}")).collect::<String>(), STANDARD.encode(vkey));
    assert_eq!((vkey.as_str(), key.public().to_string().as_str()), (COSIGNER, COSIGNER));
    let read = indelible::head::note::SignatureLine::parse(COSIGNATURE).unwrap();
    assert_eq!(cosignature::verify(text, &VerifierKey::parse(COSIGNER).unwrap(), &read), Ok(time));
}

const COSIGNER: &str = "witness.example/w1+18041f2a+BBl/ayPhbIUyxqvIOPrNXqeJvgx2spIDNAOb+os9No1h";
const COSIGNATURE: &str = "\u{2014} witness.example/w1 \
    GAQfKgAAAABkGFDLO3QHuVkoSLXBTFXEZirSXMcqft7KH9IJ/9dNoJmEuYKyHYdwR8Hl82lSBc3HRuL0pix1dLkwMzmSzwYLULbTBA==";
