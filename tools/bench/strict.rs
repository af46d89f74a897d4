//! Prints the rate of `keys::prepared` against bare `verify_strict`: 12 keys in turn, one thread, one run.
//!
//! `cargo bench --bench strict [-- BYTES]`; messages are 600 bytes unless told. The ways take turns on the same
//! signatures, and the best slice of each counts, so that other work on the machine does not decide.

use std::hint::black_box;
use std::time::Instant;

use ed25519_dalek::Verifier as _;
use indelible::keys::prepared::{PreparedKey, Unsettled};
use indelible::keys::{PublicKey, Signature, SigningKey};

const KEYS: usize = 12;
/// So many that between two uses of one of them the tables leave the nearer caches.
const SIGNATURES: usize = 1920;
const ROUNDS: usize = 20;
/// Signatures between two looks at the clock: few, for the scheduler to leave some slices alone.
const SLICE: usize = 48;

struct Signed {
    key: usize,
    message: Vec<u8>,
    signature: Signature,
}

/// Names a way and tells whether it accepts all of the signatures.
type Way<'a> = (&'static str, Box<dyn Fn(&[Signed]) -> bool + 'a>);

fn main() {
    let length = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(600);
    let signers: Vec<SigningKey> = (1..=KEYS as u8).map(|i| SigningKey::from_seed(&[i; 32])).collect();
    let public: Vec<PublicKey> = signers.iter().map(SigningKey::public).collect();
    let signed: Vec<Signed> = (0..SIGNATURES)
        .map(|i| {
            let (key, message) = ((i * 7 + i / 5) % KEYS, vec![i as u8; length]);
            let signature = signers[key].sign(&message).unwrap_or_else(|error| panic!("{error}"));
            Signed { key, message, signature }
        })
        .collect();

    let bare: Vec<PreparedKey> = public.iter().map(PreparedKey::new).collect();
    let prepared: Vec<PreparedKey> = public.iter().map(PreparedKey::new).collect();
    prepared[0].prepare();
    let start = Instant::now();
    prepared.iter().for_each(PreparedKey::prepare);
    println!("a table: {:.0} us", start.elapsed().as_secs_f64() * 1e6 / (KEYS - 1) as f64);

    let theirs: Vec<ed25519_dalek::VerifyingKey> =
        public.iter().filter_map(|key| ed25519_dalek::VerifyingKey::from_bytes(key.as_bytes()).ok()).collect();
    let dalek = |one: &Signed| ed25519_dalek::Signature::from_bytes(&one.signature.0);
    let ways: [Way; 5] = [
        (
            "verify_strict",
            Box::new(|all| all.iter().all(|one| theirs[one.key].verify_strict(&one.message, &dalek(one)).is_ok())),
        ),
        (
            "verify (not strict)",
            Box::new(|all| all.iter().all(|one| theirs[one.key].verify(&one.message, &dalek(one)).is_ok())),
        ),
        (
            "PreparedKey, no table",
            Box::new(|all| all.iter().all(|one| bare[one.key].verify(&one.message, &one.signature).is_ok())),
        ),
        (
            "PreparedKey",
            Box::new(|all| all.iter().all(|one| prepared[one.key].verify(&one.message, &one.signature).is_ok())),
        ),
        (
            "PreparedKey, settled",
            Box::new(|all| {
                let start = |one: &Signed| prepared[one.key].start(&one.message, &one.signature);
                let started: Result<Vec<Unsettled>, _> = all.iter().map(start).collect();
                started.is_ok_and(|started| Unsettled::settle(&started).iter().all(Result::is_ok))
            }),
        ),
    ];
    let mut best = [f64::INFINITY; 5];
    for _ in 0..ROUNDS {
        for ((_, way), best) in ways.iter().zip(&mut best) {
            for some in signed.chunks_exact(SLICE) {
                let start = Instant::now();
                assert!(black_box(way(black_box(some))));
                *best = best.min(start.elapsed().as_secs_f64() * 1e6 / SLICE as f64);
            }
        }
    }
    for ((name, _), time) in ways.iter().zip(best) {
        println!("{name:22} {time:6.2} us  {:.2}x verify_strict", best[0] / time);
    }
}
