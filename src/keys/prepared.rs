//! Many signatures by few keys: the verdict of `verify_strict` from precomputed tables.
//!
//! `verify_strict` of ed25519-dalek 3 accepts a signature (R, S) over M by the key A when
//!
//! 1. S is below the group order L,
//! 2. R decodes to a point of the curve,
//! 3. neither R nor A is of small order, and
//! 4. the encoding of P = \[S\]B - \[k\]A, k = SHA-512(R || A || M) mod L, is R byte for byte.
//!
//! Here 1 and 4 are done as they stand; A of small order is no [`PublicKey`]. The rest follows from 4: an encoding that
//! the curve library wrote for a point of the curve decodes, and to that same point, so 2 holds and R in 3 may be asked
//! of P. No R is decoded, which would cost a square root. Nothing is multiplied by the cofactor and nothing is combined
//! with random weights, so torsion in A or R counts as it does in 4: k and S act as whole numbers below L, and the
//! tables hold multiples of A itself.
//!
//! All of it runs in variable time: keys, messages and signatures under verification are public.

use std::sync::{LazyLock, OnceLock};

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::Identity;
use sha2::{Digest, Sha512};

use crate::keys::{KeyError, PublicKey, Signature};

/// Memory of one key's table in bytes (640 KiB).
pub const TABLE_BYTES: usize = windows(KEY_WIDTH) * (1 << (KEY_WIDTH - 1)) * size_of::<EdwardsPoint>();

/// A public key that can be given a table, for a verifier that meets it again and again.
///
/// Threads share it by reference.
pub struct PreparedKey {
    key: PublicKey,
    table: OnceLock<Comb>,
}

impl PreparedKey {
    /// Takes the key, without a table.
    #[must_use]
    pub fn new(key: &PublicKey) -> Self {
        PreparedKey { key: key.clone(), table: OnceLock::new() }
    }

    /// Returns the key.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Builds the table of [`TABLE_BYTES`], unless it is there.
    ///
    /// This costs as much as some 30 verifications by `verify_strict` and pays from about 60 signatures on. The first
    /// call in a process also builds the table that all keys share, of 2 MiB.
    pub fn prepare(&self) {
        LazyLock::force(&BASE);
        self.table.get_or_init(|| Comb::new(&self.key.0.to_edwards(), KEY_WIDTH));
    }

    /// Tells whether the table is there.
    #[must_use]
    pub fn is_prepared(&self) -> bool {
        self.table.get().is_some()
    }

    /// Verifies strictly, with the verdict of [`PublicKey::verify`], with or without a table.
    ///
    /// # Errors
    /// `BadSignature` where `verify_strict` refuses.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), KeyError> {
        let started = self.start(message, signature)?;
        started.verdict(started.point.compress())
    }

    /// Does the part of a verification that each signature needs for itself; [`Unsettled::settle`] does the rest.
    ///
    /// # Errors
    /// `BadSignature` if S is not below the group order.
    pub fn start(&self, message: &[u8], signature: &Signature) -> Result<Unsettled, KeyError> {
        let (mut r, mut s) = ([0; 32], [0; 32]);
        r.copy_from_slice(&signature.0[..32]);
        s.copy_from_slice(&signature.0[32..]);
        let s = Option::<Scalar>::from(Scalar::from_canonical_bytes(s)).ok_or(KeyError::BadSignature)?;
        let hash = Sha512::new().chain_update(r).chain_update(self.key.as_bytes()).chain_update(message).finalize();
        let k = Scalar::from_bytes_mod_order_wide(&hash.into());
        let point = match self.table.get() {
            Some(table) => {
                let mut terms = Vec::with_capacity(windows(BASE_WIDTH) + windows(KEY_WIDTH));
                BASE.collect(&s, false, &mut terms);
                table.collect(&k, true, &mut terms);
                sum(&terms)
            }
            None => EdwardsPoint::vartime_double_scalar_mul_basepoint(&k, &-self.key.0.to_edwards(), &s),
        };
        Ok(Unsettled { r, point })
    }
}

/// A verification without a verdict yet: R as signed, and the point that R must be the encoding of.
#[must_use = "there is no verdict before it is settled"]
pub struct Unsettled {
    r: [u8; 32],
    point: EdwardsPoint,
}

impl Unsettled {
    /// Gives each verification its own verdict, in order, those of [`PreparedKey::verify`].
    ///
    /// Only the division that ends each encoding is shared (one inversion for 16 points); no signature has a part in
    /// another's verdict. Saves about a sixth of each verification; whole sixteens are best.
    #[must_use]
    pub fn settle(started: &[Unsettled]) -> Vec<Result<(), KeyError>> {
        let mut verdicts = Vec::with_capacity(started.len());
        for group in started.chunks(GROUP) {
            let points: [EdwardsPoint; GROUP] =
                std::array::from_fn(|i| group.get(i).map_or_else(EdwardsPoint::identity, |one| one.point));
            let encodings = EdwardsPoint::compress_batch(&points);
            verdicts.extend(group.iter().zip(encodings).map(|(one, encoding)| one.verdict(encoding)));
        }
        verdicts
    }

    /// Compares R with the encoding of the point, and refuses the small orders.
    fn verdict(&self, encoding: CompressedEdwardsY) -> Result<(), KeyError> {
        if encoding.0 == self.r && !self.point.is_small_order() { Ok(()) } else { Err(KeyError::BadSignature) }
    }
}

/// Multiples of one point Q: d 2^(width i) Q for each window i and each d from 1 to 2^(width - 1).
struct Comb {
    width: usize,
    points: Box<[EdwardsPoint]>,
}

impl Comb {
    fn new(point: &EdwardsPoint, width: usize) -> Self {
        let half = 1 << (width - 1);
        let mut points = Vec::with_capacity(windows(width) * half);
        let mut unit = *point;
        for _ in 0..windows(width) {
            let mut multiple = unit;
            points.push(multiple);
            for _ in 1..half {
                multiple += unit;
                points.push(multiple);
            }
            unit = multiple + multiple;
        }
        Comb { width, points: points.into() }
    }

    /// Adds the terms whose sum is \[scalar\]Q (\[-scalar\]Q if `minus`), each with whether it is to be subtracted.
    ///
    /// Copying the points out before adding them up lets the processor fetch them all at once: the tables are larger
    /// than its nearer caches.
    fn collect(&self, scalar: &Scalar, minus: bool, terms: &mut Vec<(EdwardsPoint, bool)>) {
        for (digit, window) in digits(scalar, self.width).zip(self.points.chunks_exact(1 << (self.width - 1))) {
            if let Some(index) = (digit.unsigned_abs() as usize).checked_sub(1) {
                terms.push((window[index], (digit < 0) != minus));
            }
        }
    }
}

/// Returns the sum of all terms.
fn sum(terms: &[(EdwardsPoint, bool)]) -> EdwardsPoint {
    terms.iter().fold(EdwardsPoint::identity(), |sum, (point, minus)| if *minus { sum - point } else { sum + point })
}

/// Writes a scalar below L as a sum of d 2^(width i), -2^(width - 1) < d <= 2^(width - 1), for the windows i from 0.
///
/// A width of 3 to 16 bits. The windows cover at least 254 bits, L has 253: the last digit takes the last carry.
fn digits(scalar: &Scalar, width: usize) -> impl Iterator<Item = i32> {
    let mut bytes = [0_u8; 35];
    bytes[..32].copy_from_slice(scalar.as_bytes());
    let mut carry = 0;
    (0..windows(width)).map(move |window| {
        let (byte, bit) = (window * width / 8, window * width % 8);
        let three = bytes[byte..byte + 3].iter().rev().fold(0, |value, byte| value << 8 | i32::from(*byte));
        let digit = (three >> bit & ((1 << width) - 1)) + carry;
        carry = i32::from(digit > 1 << (width - 1));
        digit - (carry << width)
    })
}

/// The number of windows of so many bits in a scalar and its last carry.
const fn windows(width: usize) -> usize {
    254_usize.div_ceil(width)
}

/// Bits in a window of a key's table: 32 additions.
const KEY_WIDTH: usize = 8;
/// Bits in a window of the base point's table, which all keys share: 26 additions.
const BASE_WIDTH: usize = 10;
/// Points that share one inversion.
const GROUP: usize = 16;

/// The table of the base point.
static BASE: LazyLock<Comb> = LazyLock::new(|| Comb::new(&ED25519_BASEPOINT_POINT, BASE_WIDTH));

#[cfg(test)]
mod tests {
    use curve25519_dalek::constants::EIGHT_TORSION;

    use super::*;

    /// Scalars at the edges of digits, carries and the group order, and a thousand others.
    fn scalars() -> Vec<Scalar> {
        let mut scalars = vec![Scalar::ZERO, Scalar::ONE, -Scalar::ONE, -Scalar::from(2_u8)];
        for fill in [0x7f, 0x80, 0x81, 0xff, 0x55, 0xaa] {
            scalars.push(Scalar::from_bytes_mod_order([fill; 32]));
            let mut low = [fill; 32];
            low[31] = 0x0f;
            scalars.push(Scalar::from_canonical_bytes(low).unwrap());
        }
        let mut power = Scalar::ONE;
        for _ in 0..253 {
            scalars.extend([power, power - Scalar::ONE, -power]);
            power += power;
        }
        let wide = |i: u16| Scalar::from_bytes_mod_order_wide(&Sha512::digest(i.to_be_bytes()).into());
        scalars.extend((0..1000).map(wide));
        scalars
    }

    #[test]
    fn digits_add_up_and_keep_their_bounds() {
        for width in 3..=16 {
            let radix = Scalar::from(1_u32 << width);
            for scalar in scalars() {
                let digits: Vec<i32> = digits(&scalar, width).collect();
                let half = 1 << (width - 1);
                assert!(digits.iter().all(|digit| (-half + 1..=half).contains(digit)), "{scalar:?}");
                // As an exact number, not modulo L: torsion sees the difference.
                let (mut exact, mut carry) = ([0_u8; 40], 0_i64);
                let mut bit = 0;
                let mut at = 0;
                for digit in &digits {
                    carry += i64::from(*digit) << bit;
                    bit += width;
                    while bit >= 8 {
                        exact[at] = carry.rem_euclid(256) as u8;
                        (carry, at, bit) = (carry.div_euclid(256), at + 1, bit - 8);
                    }
                }
                exact[at] = carry.rem_euclid(256) as u8;
                assert_eq!(carry.div_euclid(256), 0);
                assert_eq!(exact[..32], scalar.as_bytes()[..], "width {width}");
                assert!(exact[32..].iter().all(|byte| *byte == 0));
                let modular = digits.iter().rev().fold(Scalar::ZERO, |sum, digit| {
                    let size = Scalar::from(digit.unsigned_abs());
                    sum * radix + if *digit < 0 { -size } else { size }
                });
                assert_eq!(modular, scalar);
            }
        }
    }

    #[test]
    fn tables_multiply_points_of_every_order() {
        for (i, torsion) in EIGHT_TORSION.iter().enumerate() {
            for point in [*torsion, ED25519_BASEPOINT_POINT * Scalar::from(77_u8 + i as u8) + torsion] {
                let table = Comb::new(&point, 5);
                for scalar in scalars().iter().step_by(7) {
                    for minus in [false, true] {
                        let mut terms = Vec::new();
                        table.collect(scalar, minus, &mut terms);
                        let product = if minus { -(point * scalar) } else { point * scalar };
                        assert_eq!(sum(&terms), product);
                    }
                }
            }
        }
    }

    #[test]
    fn table_sizes_are_as_stated() {
        let table = Comb::new(&ED25519_BASEPOINT_POINT, KEY_WIDTH);
        assert_eq!(size_of_val(&*table.points), TABLE_BYTES);
        assert_eq!(TABLE_BYTES, 640 << 10);
        assert!(size_of_val(&*BASE.points) <= 2100 << 10);
    }
}
