//! `keys::prepared` against `verify_strict` of ed25519-dalek: the same verdict on every signature.
//!
//! The crafted ones follow "Taming the many EdDSAs" (Chalkias, Garillot, Nikolaenko, 2020), whose cases tell apart the
//! checks that libraries make: small and mixed orders, cofactored and cofactorless equations, encodings that are not
//! canonical, S out of range. Each is built here for many keys and messages, not copied.
#![allow(clippy::unwrap_used)]

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT as B, EIGHT_TORSION};
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use ed25519_dalek::{Verifier as _, VerifyingKey};
use sha2::{Digest, Sha512};

use indelible::keys::prepared::{PreparedKey, Unsettled};
use indelible::keys::{KeyError, PublicKey, Signature, SigningKey};

/// L, little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// One key in every form, and what was asked of it.
struct Trial {
    strict: VerifyingKey,
    public: PublicKey,
    bare: PreparedKey,
    prepared: PreparedKey,
    started: Vec<(Unsettled, bool)>,
    counts: Counts,
}

/// Verdicts given.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    accepted: usize,
    refused: usize,
    /// Refused, though the lax `verify` accepts.
    strictly: usize,
}

impl Trial {
    fn new(key: &[u8; 32]) -> Result<Self, KeyError> {
        let public = PublicKey::from_bytes(key)?;
        let (bare, prepared) = (PreparedKey::new(&public), PreparedKey::new(&public));
        prepared.prepare();
        assert!(prepared.is_prepared() && !bare.is_prepared());
        let strict = VerifyingKey::from_bytes(key).unwrap();
        Ok(Trial { strict, public, bare, prepared, started: Vec::new(), counts: Counts::default() })
    }

    /// Asks all of them, and returns what `verify_strict` says.
    fn ask(&mut self, message: &[u8], r: [u8; 32], s: [u8; 32]) -> bool {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&r);
        bytes[32..].copy_from_slice(&s);
        let theirs = ed25519_dalek::Signature::from_bytes(&bytes);
        let verdict = self.strict.verify_strict(message, &theirs).is_ok();
        let expected = if verdict { Ok(()) } else { Err(KeyError::BadSignature) };
        let signature = Signature(bytes);
        for (name, ours) in [
            ("plain", self.public.verify(message, &signature)),
            ("bare", self.bare.verify(message, &signature)),
            ("prepared", self.prepared.verify(message, &signature)),
        ] {
            assert_eq!(ours, expected, "{name}: key {:?}, message {message:?}, signature {signature:?}", self.public);
        }
        for key in [&self.bare, &self.prepared] {
            match key.start(message, &signature) {
                Ok(started) => self.started.push((started, verdict)),
                Err(error) => assert_eq!((Err(error), false), (expected, verdict)),
            }
        }
        self.counts.accepted += usize::from(verdict);
        self.counts.refused += usize::from(!verdict);
        self.counts.strictly += usize::from(!verdict && self.strict.verify(message, &theirs).is_ok());
        verdict
    }

    /// Settles all that was started, good and bad mixed, in groups of every small size.
    fn end(self) -> Counts {
        let (started, verdicts): (Vec<Unsettled>, Vec<bool>) = self.started.into_iter().unzip();
        let (mut rest, mut size) = ((&started[..], &verdicts[..]), 0);
        while !rest.0.is_empty() {
            size = (size + 1) % 40;
            let here = size.min(rest.0.len());
            let settled = Unsettled::settle(&rest.0[..here]);
            assert_eq!(settled.iter().map(Result::is_ok).collect::<Vec<_>>(), rest.1[..here]);
            rest = (&rest.0[here..], &rest.1[here..]);
        }
        self.counts
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.strictly += other.strictly;
    }
}

/// Bytes that look random and are the same in every run.
fn noise(label: &str, number: usize) -> [u8; 64] {
    Sha512::new().chain_update(label).chain_update(number.to_be_bytes()).finalize().into()
}

fn scalar(label: &str, number: usize) -> Scalar {
    Scalar::from_bytes_mod_order_wide(&noise(label, number))
}

fn half(label: &str, number: usize) -> [u8; 32] {
    noise(label, number)[..32].try_into().unwrap()
}

/// k of RFC 8032.
fn challenge(r: &[u8; 32], key: &[u8; 32], message: &[u8]) -> Scalar {
    let hash = Sha512::new().chain_update(r).chain_update(key).chain_update(message).finalize();
    Scalar::from_bytes_mod_order_wide(&hash.into())
}

/// Adds two numbers of 256 bits; `None` if the sum has more.
fn plus(a: &[u8; 32], b: &[u8; 32]) -> Option<[u8; 32]> {
    let (mut sum, mut carry) = ([0; 32], 0_u16);
    for i in 0..32 {
        carry += u16::from(a[i]) + u16::from(b[i]);
        sum[i] = carry.to_be_bytes()[1];
        carry >>= 8;
    }
    (carry == 0).then_some(sum)
}

/// All encodings that dalek decodes and would write otherwise: y from p to 2^255 - 1, and x = 0 with the sign of minus.
fn uncanonical() -> Vec<[u8; 32]> {
    let mut encodings = Vec::new();
    for sign in [0, 0x80] {
        for last in 0xed..=0xff {
            let mut bytes = [0xff; 32];
            (bytes[0], bytes[31]) = (last, 0x7f | sign);
            encodings.push(bytes);
        }
    }
    for point in [EIGHT_TORSION[0], EIGHT_TORSION[4]] {
        let mut bytes = point.compress().0;
        bytes[31] |= 0x80;
        encodings.push(bytes);
    }
    encodings.retain(|bytes| CompressedEdwardsY(*bytes).decompress().is_some_and(|p| p.compress().0 != *bytes));
    encodings
}

#[test]
fn honest_signatures_and_every_flipped_bit() {
    let mut all = Counts::default();
    for i in 0..6 {
        let signer = SigningKey::from_seed(&half("honest", i));
        let mut trial = Trial::new(signer.public().as_bytes()).unwrap();
        for length in [0, 1, 31, 32, 47, 48, 63, 64, 111, 112, 200, 1000] {
            let message: Vec<u8> = (0..length).map(|at| half("text", i + at)[0]).collect();
            let signature = signer.sign(&message).unwrap().0;
            let (r, s) = (signature[..32].try_into().unwrap(), signature[32..].try_into().unwrap());
            assert!(trial.ask(&message, r, s));
            assert!(!trial.ask(&[&message[..], b"x"].concat(), r, s));
            if length != 48 {
                continue;
            }
            for bit in 0..256 {
                let flip = |mut bytes: [u8; 32]| {
                    bytes[bit / 8] ^= 1 << (bit % 8);
                    bytes
                };
                assert!(!trial.ask(&message, flip(r), s));
                assert!(!trial.ask(&message, r, flip(s)));
            }
            for bit in 0..8 * length {
                let mut other = message.clone();
                other[bit / 8] ^= 1 << (bit % 8);
                assert!(!trial.ask(&other, r, s));
            }
        }
        all += trial.end();
    }
    assert_eq!((all.accepted, all.strictly), (72, 0));
}

#[test]
fn flipped_bits_in_the_key() {
    let signer = SigningKey::from_seed(&half("honest", 0));
    let signature = signer.sign(b"message").unwrap().0;
    let (r, s) = (signature[..32].try_into().unwrap(), signature[32..].try_into().unwrap());
    let mut points = 0;
    for bit in 0..256 {
        let mut key = *signer.public().as_bytes();
        key[bit / 8] ^= 1 << (bit % 8);
        if let Ok(mut trial) = Trial::new(&key) {
            points += 1;
            assert!(!trial.ask(b"message", r, s));
            trial.end();
        }
    }
    assert!(points > 64);
}

#[test]
fn noise_is_refused() {
    let mut trial = Trial::new(SigningKey::from_seed(&[5; 32]).public().as_bytes()).unwrap();
    for i in 0..1500 {
        let mut s = half("s", i);
        s[31] &= 0x0f;
        let r = if i % 2 == 0 { half("r", i) } else { (B * scalar("r", i)).compress().0 };
        assert!(!trial.ask(&noise("message", i), r, s));
    }
    trial.end();
}

/// A = aB + T, R = rB + T', S = r + ka: the cofactored equation always holds, the cofactorless if T' = -kT.
#[test]
fn torsion_in_key_and_nonce() {
    let mut all = Counts::default();
    for (i, in_key) in EIGHT_TORSION.iter().enumerate() {
        let a = scalar("a", i);
        let key = (B * a + in_key).compress().0;
        let mut trial = Trial::new(&key).unwrap();
        for round in 0..40 {
            let message = noise("message", round);
            // The first rounds know no r: R is of small order, the identity among them.
            let r = if round < 16 { Scalar::ZERO } else { scalar("nonce", round) };
            for in_nonce in EIGHT_TORSION {
                let nonce = B * r + in_nonce;
                let encoded = nonce.compress().0;
                let k = challenge(&encoded, &key, &message);
                let s = r + k * a;
                assert!((B * s - nonce - (B * a + in_key) * k).mul_by_cofactor() == EIGHT_TORSION[0]);
                let holds = in_nonce == -(in_key * k);
                assert_eq!(trial.ask(&message, encoded, s.to_bytes()), holds && round >= 16);
                // The other sign of x, and the answer for another point of the same nonce.
                let mut negated = encoded;
                negated[31] ^= 0x80;
                trial.ask(&message, negated, s.to_bytes());
                let k = challenge(&negated, &key, &message);
                trial.ask(&message, negated, (k * a - r).to_bytes());
            }
        }
        let counts = trial.end();
        assert!(counts.accepted >= 24 && counts.refused > 300 && counts.strictly > 0, "{i}: {counts:?}");
        all += counts;
    }
    assert!(all.accepted + all.refused >= 7000, "{all:?}");
}

/// R spelt otherwise than the curve library would: the hash is taken over the bytes as spelt.
#[test]
fn nonces_in_other_spellings() {
    let encodings = uncanonical();
    let small = encodings.iter().filter(|bytes| CompressedEdwardsY(**bytes).decompress().unwrap().is_small_order());
    assert!(small.count() >= 6 && encodings.len() > 15);
    for (i, in_key) in EIGHT_TORSION.iter().enumerate() {
        let a = scalar("a", i);
        let key = (B * a + in_key).compress().0;
        let mut trial = Trial::new(&key).unwrap();
        for encoded in &encodings {
            let nonce = CompressedEdwardsY(*encoded).decompress().unwrap();
            for round in 0..8 {
                let message = noise("message", round);
                for hashed in [*encoded, nonce.compress().0] {
                    let s = (challenge(&hashed, &key, &message) * a).to_bytes();
                    assert!(!trial.ask(&message, *encoded, s));
                    assert!(!trial.ask(&message, nonce.compress().0, s));
                }
            }
        }
        trial.end();
    }
}

#[test]
fn answers_out_of_range() {
    let mut all = Counts::default();
    for i in 0..8 {
        let signer = SigningKey::from_seed(&half("range", i));
        let mut trial = Trial::new(signer.public().as_bytes()).unwrap();
        for round in 0..8 {
            let message = noise("message", round);
            let signature = signer.sign(&message).unwrap().0;
            let (r, s): ([u8; 32], [u8; 32]) =
                (signature[..32].try_into().unwrap(), signature[32..].try_into().unwrap());
            assert!(trial.ask(&message, r, s));
            // S + L, S + 2L and on, to 2^256.
            let (mut higher, mut multiples) = (plus(&s, &ORDER), 0);
            while let Some(s) = higher {
                assert!(!trial.ask(&message, r, s));
                (higher, multiples) = (plus(&s, &ORDER), multiples + 1);
            }
            assert!(multiples >= 14);
            for bit in [0x20, 0x40, 0x80, 0xe0] {
                let mut high = s;
                high[31] |= bit;
                assert!(!trial.ask(&message, r, high));
            }
            let below = (-Scalar::ONE).to_bytes();
            let mut power = [0; 32];
            power[31] = 0x20;
            let mut last = [0xff; 32];
            for s in [[0; 32], Scalar::ONE.to_bytes(), below, ORDER, power, last, (-scalar("s", i)).to_bytes()] {
                for r in [r, EIGHT_TORSION[0].compress().0, B.compress().0, (-B).compress().0, [0; 32], last] {
                    assert!(!trial.ask(&message, r, s));
                }
            }
            last[31] = 0x1f;
            assert!(!trial.ask(&message, r, last));
        }
        all += trial.end();
    }
    assert_eq!(all.accepted, 64);
}

/// With the identity as R and S = ka the equation holds, and the small order alone refuses it. Then keys made for S = 0
/// and S = 1, for the hash under another key: refused.
#[test]
fn the_identity_as_nonce() {
    let identity = EIGHT_TORSION[0].compress().0;
    let signer = scalar("a", 0);
    let key = (B * signer).compress().0;
    let mut trial = Trial::new(&key).unwrap();
    for round in 0..200 {
        let message = noise("message", round);
        let k = challenge(&identity, &key, &message);
        assert!(!trial.ask(&message, identity, (k * signer).to_bytes()));
        assert!(!trial.ask(&message, identity, [0; 32]));
    }
    let counts = trial.end();
    assert_eq!((counts.accepted, counts.strictly), (0, 200));

    for round in 0..8 {
        let message = noise("message", round);
        let nonce = B * scalar("nonce", round);
        for s in [Scalar::ZERO, Scalar::ONE] {
            let k = challenge(&nonce.compress().0, &key, &message);
            let key: EdwardsPoint = (B * s - nonce) * k.invert();
            let mut trial = Trial::new(&key.compress().0).unwrap();
            assert!(!trial.ask(&message, nonce.compress().0, s.to_bytes()));
            trial.end();
        }
    }
}

#[test]
fn keys_of_small_order_and_other_spellings_are_no_keys() {
    for point in EIGHT_TORSION {
        assert_eq!(PublicKey::from_bytes(&point.compress().0).err(), Some(KeyError::Weak));
    }
    for bytes in uncanonical() {
        assert_eq!(PublicKey::from_bytes(&bytes).err(), Some(KeyError::NotAKey));
    }
}
