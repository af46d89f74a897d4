//! The structure part: a statement and its signature, in clear for public kinds, else sealed to author and overseers.
//!
//! Clear: suite u8 = 0, statement length u32, statement, signature 64.
//! Sealed: suite u8 = 1, key slot 48, hint 16, ciphertext. The ciphertext holds, padded to whole buckets of 256 bytes,
//! the statement and its signature under a random content key; the slot holds that content key under a key derived from
//! the author's structure key and the statement digest. In the restricted folders (`legal`, `staff`) slot and hint are
//! random bytes: the content key is then found in the words part only.

use rand_core::CryptoRng;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::codec::context::{STRUCTURE_HINT, STRUCTURE_SLOT};
use crate::codec::{self, Digest, STATEMENT_LIMIT, STRUCTURE_LIMIT};
use crate::seal::{SealError, TAG, decrypt, encrypt};

/// Bytes of a slot: a content key and its tag.
pub const SLOT: usize = 32 + TAG;
/// Bytes of a hint.
pub const HINT: usize = 16;
/// Bytes of an Ed25519 signature.
const SIGNATURE: usize = 64;

/// A structure key: of one author in one epoch (32 bytes).
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct StructureKey([u8; 32]);

/// The key of one structure part (32 bytes).
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct ContentKey([u8; 32]);

impl StructureKey {
    /// Takes 32 bytes as a structure key.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        StructureKey(bytes)
    }

    /// Returns the bytes, for wrapping and for keys derived from this one.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the hint that parts sealed with this key carry for that statement.
    #[must_use]
    pub fn hint(&self, digest: &Digest) -> [u8; HINT] {
        let mut hint = [0; HINT];
        hint.copy_from_slice(&STRUCTURE_HINT.keyed(&self.0, digest.as_bytes())[..HINT]);
        hint
    }

    fn slot_key(&self, digest: &Digest) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(STRUCTURE_SLOT.keyed(&self.0, digest.as_bytes()))
    }
}

impl ContentKey {
    /// Takes 32 bytes as a content key.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        ContentKey(bytes)
    }

    /// Draws a content key.
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        ContentKey(bytes)
    }

    /// Returns the bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A structure part as it lies in an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StructurePart<'a> {
    /// A public kind.
    Clear {
        /// The statement's exact bytes.
        statement: &'a [u8],
        /// The author's signature.
        signature: &'a [u8; SIGNATURE],
    },
    /// Any other kind.
    Sealed(SealedStructure<'a>),
}

/// A sealed structure part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedStructure<'a> {
    slot: &'a [u8; SLOT],
    hint: &'a [u8; HINT],
    ciphertext: &'a [u8],
}

/// A statement and its signature, out of a sealed part.
pub struct OpenedStructure {
    content: Zeroizing<Vec<u8>>,
    start: usize,
    end: usize,
}

impl OpenedStructure {
    /// Returns the statement's exact bytes.
    #[must_use]
    pub fn statement(&self) -> &[u8] {
        self.content.get(self.start..self.end).unwrap_or_default()
    }

    /// Returns the author's signature.
    #[must_use]
    pub fn signature(&self) -> [u8; SIGNATURE] {
        let after = self.content.get(self.end..).unwrap_or_default();
        after.first_chunk().copied().unwrap_or([0; SIGNATURE])
    }
}

/// Writes the structure part of a public kind.
#[must_use]
pub fn clear(statement: &[u8], signature: &[u8; SIGNATURE]) -> Vec<u8> {
    let length = u32::try_from(statement.len()).unwrap_or(u32::MAX);
    [&[0][..], &length.to_be_bytes(), statement, signature].concat()
}

/// Seals a statement and its signature.
///
/// Without a structure key (restricted folders) slot and hint are random bytes.
///
/// # Errors
/// `TooLong` for a statement over 65,535 bytes.
pub fn seal(
    statement: &[u8],
    signature: &[u8; SIGNATURE],
    digest: &Digest,
    key: Option<&StructureKey>,
    content_key: &ContentKey,
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, SealError> {
    if statement.len() > STATEMENT_LIMIT {
        return Err(SealError::TooLong);
    }
    let mut part = vec![0; 1 + SLOT + HINT];
    match key {
        Some(key) => {
            let slot = encrypt(&key.slot_key(digest), &[], content_key.0.to_vec())?;
            part[1..=SLOT].copy_from_slice(&slot);
            part[1 + SLOT..].copy_from_slice(&key.hint(digest));
        }
        None => rng.fill_bytes(&mut part[1..]),
    }
    part[0] = 1;
    let content = codec::pad(&[statement, signature].concat());
    part.extend_from_slice(&encrypt(&content_key.0, &[], content)?);
    Ok(part)
}

/// Reads a structure part without opening it.
///
/// # Errors
/// `Malformed` if it is cut short, too long, not whole buckets, or of an unknown suite.
pub fn parse(part: &[u8]) -> Result<StructurePart<'_>, SealError> {
    if part.len() > STRUCTURE_LIMIT {
        return Err(SealError::Malformed);
    }
    let (suite, rest) = part.split_first().ok_or(SealError::Malformed)?;
    match suite {
        0 => {
            let (length, rest) = rest.split_first_chunk::<4>().ok_or(SealError::Malformed)?;
            let length = u32::from_be_bytes(*length) as usize;
            let (statement, signature) = rest.split_at_checked(length).ok_or(SealError::Malformed)?;
            let signature = signature.try_into().map_err(|_| SealError::Malformed)?;
            Ok(StructurePart::Clear { statement, signature })
        }
        1 => {
            let (slot, rest) = rest.split_first_chunk::<SLOT>().ok_or(SealError::Malformed)?;
            let (hint, ciphertext) = rest.split_first_chunk::<HINT>().ok_or(SealError::Malformed)?;
            let padded = ciphertext.len().checked_sub(TAG).ok_or(SealError::Malformed)?;
            if padded == 0 || padded % codec::BUCKET != 0 {
                return Err(SealError::Malformed);
            }
            Ok(StructurePart::Sealed(SealedStructure { slot, hint, ciphertext }))
        }
        _ => Err(SealError::Malformed),
    }
}

impl SealedStructure<'_> {
    /// Whether the hint says that `key` opens this part.
    #[must_use]
    pub fn fits(&self, key: &StructureKey, digest: &Digest) -> bool {
        *self.hint == key.hint(digest)
    }

    /// Opens the slot with a structure key.
    ///
    /// # Errors
    /// `NotOpened` if it is another key's, or the slot is damaged.
    pub fn content_key(&self, key: &StructureKey, digest: &Digest) -> Result<ContentKey, SealError> {
        let opened = decrypt(&key.slot_key(digest), &[], self.slot)?;
        opened.as_slice().try_into().map(ContentKey).map_err(|_| SealError::Malformed)
    }

    /// Opens the statement and signature with the content key.
    ///
    /// # Errors
    /// `NotOpened` under another key; `Malformed` for content that is not padded as the format says.
    pub fn open(&self, key: &ContentKey) -> Result<OpenedStructure, SealError> {
        let content = decrypt(&key.0, &[], self.ciphertext)?;
        let length = codec::unpad(&content)?.len();
        let statement = length.checked_sub(SIGNATURE).ok_or(SealError::Malformed)?;
        if statement > STATEMENT_LIMIT {
            return Err(SealError::Malformed);
        }
        Ok(OpenedStructure { content, start: 4, end: 4 + statement })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::words::tests::Counter;

    #[test]
    fn clear_parts_round_trip() {
        let part = clear(b"statement", &[3; 64]);
        assert_eq!(parse(&part), Ok(StructurePart::Clear { statement: b"statement", signature: &[3; 64] }));
        for cut in 0..part.len() {
            assert!(parse(&part[..cut]).is_err());
        }
    }

    #[test]
    fn sealed_parts_open_under_their_key_only_and_any_flip_is_noticed() {
        let (key, other) = (StructureKey::new([1; 32]), StructureKey::new([2; 32]));
        let content_key = ContentKey::new([9; 32]);
        let digest = Digest::new([5; 32]);
        let part = seal(b"statement", &[3; 64], &digest, Some(&key), &content_key, &mut Counter(0)).unwrap();
        let Ok(StructurePart::Sealed(sealed)) = parse(&part) else { panic!("not sealed") };
        assert!(sealed.fits(&key, &digest) && !sealed.fits(&other, &digest));
        assert!(sealed.content_key(&other, &digest).is_err());
        assert!(sealed.content_key(&key, &Digest::ZERO).is_err());
        let opened = sealed.open(&sealed.content_key(&key, &digest).unwrap()).unwrap();
        assert_eq!((opened.statement(), opened.signature()), (&b"statement"[..], [3; 64]));
        for at in 0..part.len() {
            let mut flipped = part.clone();
            flipped[at] ^= 1;
            let still = match parse(&flipped) {
                Ok(StructurePart::Sealed(sealed)) => {
                    sealed.fits(&key, &digest)
                        && sealed.content_key(&key, &digest).and_then(|key| sealed.open(&key)).is_ok()
                }
                _ => false,
            };
            assert!(!still, "byte {at}");
        }
    }

    #[test]
    fn restricted_parts_have_a_slot_that_no_structure_key_opens() {
        let key = StructureKey::new([1; 32]);
        let content_key = ContentKey::new([9; 32]);
        let digest = Digest::new([5; 32]);
        let part = seal(b"s", &[3; 64], &digest, None, &content_key, &mut Counter(0)).unwrap();
        let Ok(StructurePart::Sealed(sealed)) = parse(&part) else { panic!("not sealed") };
        assert!(!sealed.fits(&key, &digest));
        assert!(sealed.content_key(&key, &digest).is_err());
        assert_eq!(sealed.open(&content_key).unwrap().statement(), b"s");
    }
}
