//! The words part: names and narratives, sealed to one epoch of one folder.
//!
//! Suite u8 = 1, HPKE encapsulation 32, ciphertext. HPKE (RFC 9180, base mode) is DHKEM(X25519, HKDF-SHA256) with
//! HKDF-SHA256 and ChaCha20-Poly1305; the words key is exported from it (section 5.3), so that one entry's key can be
//! kept when the folder's private key is destroyed. The ciphertext is ChaCha20-Poly1305 under the words key with nonce
//! zero; ledger id and folder key id are its associated data. The plaintext is padded to whole buckets of 256 bytes.
//! Suite u8 = 0: a document in clear (`*.adopt` only).

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::codec::context::{FOLDER_KEY, WORDS_INFO, WORDS_KEY};
use crate::codec::{self, BUCKET, Bytes, FolderKeyId, LedgerId, StatementId, WORDS_LIMIT, WORDS_PART_LIMIT};
use crate::decision::value::{FieldId, WordField};
use crate::seal::structure::ContentKey;
use crate::seal::{SealError, TAG, decrypt, encrypt};

/// Bytes of an HPKE encapsulation: an X25519 public key.
const ENCAPSULATION: usize = 32;

/// The public half of a folder key (32 bytes, X25519).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderPublic(pub [u8; 32]);

/// The private half of a folder key (32 bytes, X25519).
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct FolderPrivate([u8; 32]);

/// The key of one words part (32 bytes).
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct WordsKey([u8; 32]);

impl WordsKey {
    /// Takes 32 bytes as a words key.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        WordsKey(bytes)
    }

    /// Returns the bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FolderPublic {
    /// Returns the id that stands in statements: the hash of this key.
    #[must_use]
    pub fn id(&self) -> FolderKeyId {
        FolderKeyId::new(FOLDER_KEY.hash(&[&self.0]))
    }
}

impl FolderPrivate {
    /// Makes a key pair.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let (private, _) = X25519HkdfSha256::gen_keypair_with_rng(rng);
        FolderPrivate(private.to_bytes().into())
    }

    /// Takes 32 bytes as a private key.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        FolderPrivate(bytes)
    }

    /// Returns the bytes, for its cabinet file only.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the public half.
    ///
    /// # Errors
    /// `BadFolderKey` if the bytes are no private key.
    pub fn public(&self) -> Result<FolderPublic, SealError> {
        let private = <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(&self.0);
        let private = private.map_err(|_| SealError::BadFolderKey)?;
        Ok(FolderPublic(X25519HkdfSha256::sk_to_pk(&private).to_bytes().into()))
    }
}

/// What a words part holds: the content key of the structure, the seed of the commitments, whose it is, and the fields.
#[derive(Clone, PartialEq, Eq)]
pub struct Words {
    /// The key of the same entry's structure part.
    pub content_key: ContentKey,
    /// The seed at the top of the words branch of the commitment.
    pub seed: Zeroizing<[u8; 32]>,
    /// The statement these words belong to.
    pub statement: StatementId,
    /// The author who wrote them.
    pub author: [u8; 32],
    /// The word fields, in order of field and position.
    pub fields: Vec<WordField>,
}

#[derive(Serialize, Deserialize)]
struct Plain {
    content_key: Bytes<32>,
    seed: Bytes<32>,
    statement: StatementId,
    author: Bytes<32>,
    fields: Vec<(FieldId, u16, String)>,
}

impl Drop for Plain {
    fn drop(&mut self) {
        self.content_key.0.zeroize();
        self.seed.0.zeroize();
        self.fields.iter_mut().for_each(|(_, _, text)| text.zeroize());
    }
}

impl Words {
    fn encode(&self) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let plain = Plain {
            content_key: Bytes(*self.content_key.as_bytes()),
            seed: Bytes(*self.seed),
            statement: self.statement,
            author: Bytes(self.author),
            fields: self.fields.iter().map(|f| (f.field, f.position, f.text.to_string())).collect(),
        };
        codec::encode(&plain, WORDS_LIMIT).map(Zeroizing::new).map_err(|_| SealError::TooLong)
    }

    fn decode(bytes: &[u8]) -> Result<Self, SealError> {
        let mut plain: Plain = codec::decode(bytes, WORDS_LIMIT)?;
        let ordered = plain.fields.windows(2).all(|pair| (pair[0].0, pair[0].1) < (pair[1].0, pair[1].1));
        if !ordered {
            return Err(SealError::Malformed);
        }
        let fields = std::mem::take(&mut plain.fields);
        Ok(Words {
            content_key: ContentKey::new(plain.content_key.0),
            seed: Zeroizing::new(plain.seed.0),
            statement: plain.statement,
            author: plain.author.0,
            fields: fields
                .into_iter()
                .map(|(field, position, text)| WordField { field, position, text: Zeroizing::new(text) })
                .collect(),
        })
    }
}

/// A words part as it lies in an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WordsPart<'a> {
    /// No words.
    Absent,
    /// A document in clear.
    Document(&'a [u8]),
    /// Words sealed to a folder.
    Sealed {
        /// The HPKE encapsulation.
        encapsulation: &'a [u8; ENCAPSULATION],
        /// The ciphertext and its tag.
        ciphertext: &'a [u8],
    },
}

/// Reads a words part without opening it.
///
/// # Errors
/// `Malformed` if it is cut short, too long, not whole buckets, or of an unknown suite.
pub fn parse(part: &[u8]) -> Result<WordsPart<'_>, SealError> {
    if part.len() > WORDS_PART_LIMIT {
        return Err(SealError::Malformed);
    }
    match part.split_first() {
        None => Ok(WordsPart::Absent),
        Some((0, document)) => Ok(WordsPart::Document(document)),
        Some((1, rest)) => {
            let (encapsulation, ciphertext) = rest.split_first_chunk().ok_or(SealError::Malformed)?;
            let padded = ciphertext.len().checked_sub(TAG).ok_or(SealError::Malformed)?;
            if padded == 0 || padded % BUCKET != 0 {
                return Err(SealError::Malformed);
            }
            Ok(WordsPart::Sealed { encapsulation, ciphertext })
        }
        Some(_) => Err(SealError::Malformed),
    }
}

/// Writes the words part of an adopted document.
///
/// # Errors
/// `TooLong` for a document over 1 MiB.
pub fn document(text: &[u8]) -> Result<Vec<u8>, SealError> {
    if text.len() >= WORDS_LIMIT {
        return Err(SealError::TooLong);
    }
    Ok([&[0], text].concat())
}

/// Seals words to a folder; returns the part and the key that opens it.
///
/// # Errors
/// `BadFolderKey` if nothing can be sealed to that key; `TooLong` for more than 1 MiB.
pub fn seal(
    words: &Words,
    ledger: &LedgerId,
    folder: &FolderPublic,
    rng: &mut impl CryptoRng,
) -> Result<(Vec<u8>, WordsKey), SealError> {
    let public = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&folder.0).map_err(|_| SealError::BadFolderKey)?;
    let (encapsulation, context) = hpke::setup_sender_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeS::Base,
        &public,
        WORDS_INFO.as_str().as_bytes(),
        rng,
    )
    .map_err(|_| SealError::BadFolderKey)?;
    let mut key = WordsKey([0; 32]);
    context.export(WORDS_KEY.as_str().as_bytes(), &mut key.0).map_err(|_| SealError::BadFolderKey)?;
    let ciphertext = encrypt(&key.0, &associated(ledger, &folder.id()), codec::pad(&words.encode()?))?;
    Ok(([&[1][..], encapsulation.to_bytes().as_slice(), &ciphertext].concat(), key))
}

/// Returns the key of a sealed words part, with the folder's private key.
///
/// Any private key gives some key; whether it is the right one shows when [`open`] succeeds.
///
/// # Errors
/// `Malformed` for a part that holds nothing sealed; `NotOpened` if the encapsulation cannot be used.
pub fn words_key(part: &[u8], private: &FolderPrivate) -> Result<WordsKey, SealError> {
    let WordsPart::Sealed { encapsulation, .. } = parse(part)? else { return Err(SealError::Malformed) };
    let private = <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(&private.0).map_err(|_| SealError::NotOpened)?;
    let encapsulation =
        <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(encapsulation).map_err(|_| SealError::NotOpened)?;
    let context = hpke::setup_receiver::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &private,
        &encapsulation,
        WORDS_INFO.as_str().as_bytes(),
    )
    .map_err(|_| SealError::NotOpened)?;
    let mut key = WordsKey([0; 32]);
    context.export(WORDS_KEY.as_str().as_bytes(), &mut key.0).map_err(|_| SealError::NotOpened)?;
    Ok(key)
}

/// Opens a words part.
///
/// # Errors
/// `NotOpened` under another key, ledger or folder key; `Malformed` for content that does not follow the format.
pub fn open(part: &[u8], key: &WordsKey, ledger: &LedgerId, folder: &FolderKeyId) -> Result<Words, SealError> {
    let WordsPart::Sealed { ciphertext, .. } = parse(part)? else { return Err(SealError::Malformed) };
    let padded = decrypt(&key.0, &associated(ledger, folder), ciphertext)?;
    Words::decode(codec::unpad(&padded)?)
}

/// Returns the key of the same entry's structure part, for a holder of the folder's private key; none if the part is not sealed to that key.
#[must_use]
pub fn content_key(part: &[u8], private: &FolderPrivate, ledger: &LedgerId) -> Option<ContentKey> {
    let key = words_key(part, private).ok()?;
    let words = open(part, &key, ledger, &private.public().ok()?.id()).ok()?;
    Some(words.content_key.clone())
}

fn associated(ledger: &LedgerId, folder: &FolderKeyId) -> Vec<u8> {
    [&ledger.as_bytes()[..], folder.as_bytes()].concat()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::convert::Infallible;

    use rand_core::{TryCryptoRng, TryRng};

    use super::*;

    /// Bytes that count up: for tests that need the same "randomness" each time.
    pub(crate) struct Counter(pub u8);

    impl TryRng for Counter {
        type Error = Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            let mut bytes = [0; 4];
            self.try_fill_bytes(&mut bytes)?;
            Ok(u32::from_be_bytes(bytes))
        }
        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            let mut bytes = [0; 8];
            self.try_fill_bytes(&mut bytes)?;
            Ok(u64::from_be_bytes(bytes))
        }
        fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
            for byte in out {
                self.0 = self.0.wrapping_add(1);
                *byte = self.0;
            }
            Ok(())
        }
    }
    impl TryCryptoRng for Counter {}

    pub(crate) fn words(fields: &[(u16, u16, &str)]) -> Words {
        Words {
            content_key: ContentKey::new([1; 32]),
            seed: Zeroizing::new([2; 32]),
            statement: StatementId::new([3; 16]),
            author: [4; 32],
            fields: fields
                .iter()
                .map(|(field, position, text)| WordField {
                    field: FieldId(*field),
                    position: *position,
                    text: Zeroizing::new((*text).to_owned()),
                })
                .collect(),
        }
    }

    #[test]
    fn words_open_with_the_folder_key_or_their_own_key_and_no_other() {
        let private = FolderPrivate::generate(&mut Counter(0));
        let public = private.public().unwrap();
        let other = FolderPrivate::generate(&mut Counter(99));
        let (ledger, written) = (LedgerId::new([7; 32]), words(&[(1, 0, "He had collapsed."), (2, 1, "nut allergy")]));
        let (part, key) = seal(&written, &ledger, &public, &mut Counter(5)).unwrap();
        assert_eq!(part.len(), 1 + 32 + 256 + 16);
        assert!(words_key(&part, &private).unwrap() == key);
        assert!(open(&part, &key, &ledger, &public.id()).unwrap() == written);
        let wrong = words_key(&part, &other).unwrap();
        assert!(open(&part, &wrong, &ledger, &public.id()).is_err());
        assert!(open(&part, &key, &LedgerId::ZERO, &public.id()).is_err());
        assert!(open(&part, &key, &ledger, &FolderKeyId::ZERO).is_err());
        for at in 0..part.len() {
            let mut flipped = part.clone();
            flipped[at] ^= 1;
            let opened = words_key(&flipped, &private).and_then(|key| open(&flipped, &key, &ledger, &public.id()));
            // X25519 ignores the top bit of the encapsulated key, but the key schedule does not.
            assert!(opened.is_err(), "byte {at}");
        }
    }

    #[test]
    fn fields_out_of_order_and_garbage_are_refused() {
        let out_of_order = words(&[(2, 0, "b"), (1, 0, "a")]);
        assert!(Words::decode(&out_of_order.encode().unwrap()).is_err());
        assert!(parse(&[2, 0]).is_err());
        assert!(parse(&[1; 40]).is_err());
        assert_eq!(parse(b""), Ok(WordsPart::Absent));
        assert_eq!(parse(b"\0text"), Ok(WordsPart::Document(b"text")));
    }

    #[test]
    fn nothing_can_be_sealed_to_the_zero_key() {
        assert!(seal(&words(&[]), &LedgerId::ZERO, &FolderPublic([0; 32]), &mut Counter(0)).is_err());
    }
}
