//! Wraps: age v1 files (c2sp.org/age) for X25519 recipients, which the stock `age` program opens.
//!
//! An X25519 stanza does not name its recipient, so a wrap shows how many can open it and nothing of who they are; the
//! stanzas stand in the order of the recipients' bytes, so that their order tells nothing either.

use std::fmt;
use std::io::{Read, Write};

use age::secrecy::ExposeSecret;
use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32, Hrp};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

/// Largest content of a wrap in bytes (4 MiB).
pub const CONTENT_LIMIT: usize = 1 << 22;
/// Most recipients of one wrap.
pub const RECIPIENTS_LIMIT: usize = 1024;
/// Largest wrap in bytes: the content, 16 bytes for each 64 KiB of it, and a header of 1,024 stanzas.
pub const WRAP_LIMIT: usize = CONTENT_LIMIT + (1 << 18);

const SECRET_PREFIX: Hrp = Hrp::parse_unchecked("age-secret-key-");
const RECIPIENT_PREFIX: Hrp = Hrp::parse_unchecked("age");

/// Why something was not wrapped or not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WrapError {
    /// Text or bytes that are no X25519 recipient, or one whose wraps anyone could open.
    #[error("not an age X25519 recipient that can be used")]
    BadRecipient,
    /// Text that is no age X25519 secret key.
    #[error("not an age X25519 secret key")]
    BadSecret,
    /// Nobody, or more than [`RECIPIENTS_LIMIT`], to wrap for.
    #[error("{0} recipients where 1 to {RECIPIENTS_LIMIT} are allowed")]
    Recipients(usize),
    /// More bytes than a wrap may have.
    #[error("{length} bytes where at most {limit} are allowed")]
    TooLong {
        /// Bytes given.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// No stanza opens with this key. A stanza of ours that was altered looks the same.
    #[error("not wrapped for this key")]
    NotForThis,
    /// Not an age file, or one that was altered or cut.
    #[error("the age file is damaged")]
    Damaged,
    /// The age library failed to write.
    #[error("the age file could not be made")]
    NotMade,
}

/// Whom something is wrapped for: an age X25519 recipient that was checked (32 bytes, shown as `age1...`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Recipient([u8; 32]);

impl Recipient {
    /// Takes the 32 bytes of an X25519 public key.
    ///
    /// # Errors
    /// `BadRecipient` for a point of small order, whose wraps anyone could open (RFC 7748 section 6.1), and for bytes
    /// that are a second spelling of a key.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, WrapError> {
        let twice_spelt = bytes[31] == 0x7f && bytes[1..31] == [0xff; 30] && bytes[0] >= 0xed;
        if bytes[31] & 0x80 != 0 || twice_spelt || SMALL_ORDER.contains(&bytes) {
            return Err(WrapError::BadRecipient);
        }
        Ok(Recipient(bytes))
    }

    /// Parses `age1...`, exactly as [`Display`](fmt::Display) prints it.
    ///
    /// # Errors
    /// `BadRecipient` for any other text.
    pub fn parse(text: &str) -> Result<Self, WrapError> {
        let checked = CheckedHrpstring::new::<Bech32>(text).map_err(|_| WrapError::BadRecipient)?;
        let bytes: Vec<u8> = checked.byte_iter().take(33).collect();
        let recipient = Self::from_bytes(bytes.try_into().map_err(|_| WrapError::BadRecipient)?)?;
        if recipient.to_string() == text { Ok(recipient) } else { Err(WrapError::BadRecipient) }
    }

    /// Returns the 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        bech32::encode_lower_to_fmt::<Bech32, _>(f, RECIPIENT_PREFIX, &self.0).map_err(|_| fmt::Error)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The X25519 secret that opens wraps; leaves memory when dropped, and cannot be printed.
#[derive(Clone)]
pub struct AgeSecret {
    secret: age::x25519::Identity,
    recipient: Recipient,
}

impl AgeSecret {
    /// Draws a secret.
    ///
    /// # Errors
    /// As [`AgeSecret::from_bytes`]; does not happen with a working `rng`.
    pub fn random(rng: &mut impl CryptoRng) -> Result<Self, WrapError> {
        let mut bytes = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *bytes);
        Self::from_bytes(&bytes)
    }

    /// Takes the 32 bytes of an X25519 private key.
    ///
    /// # Errors
    /// `BadSecret` if age does not take it.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, WrapError> {
        // The age crate takes its keys as text only. The text is 74 characters: it is never moved while it grows.
        let mut text = Zeroizing::new(String::with_capacity(80));
        bech32::encode_upper_to_fmt::<Bech32, _>(&mut *text, SECRET_PREFIX, bytes).map_err(|_| WrapError::BadSecret)?;
        Self::parse(&text)
    }

    /// Parses `AGE-SECRET-KEY-1...`, exactly as [`AgeSecret::text`] writes it.
    ///
    /// # Errors
    /// `BadSecret` for any other text.
    pub fn parse(text: &str) -> Result<Self, WrapError> {
        let secret: age::x25519::Identity = text.parse().map_err(|_| WrapError::BadSecret)?;
        let secret = AgeSecret { recipient: Recipient::parse(&secret.to_public().to_string())?, secret };
        if *secret.text() == *text { Ok(secret) } else { Err(WrapError::BadSecret) }
    }

    /// Returns `AGE-SECRET-KEY-1...`, for its owner's identity file only.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(self.secret.to_string().expose_secret().to_owned())
    }

    /// Returns the recipient whose wraps this opens.
    #[must_use]
    pub fn recipient(&self) -> Recipient {
        self.recipient
    }
}

/// Returns a binary age v1 file that holds `content` for these recipients; one given twice counts once.
///
/// The file key and the ephemeral shares are drawn by the age library from the operating system.
///
/// # Errors
/// `Recipients` for none or too many; `TooLong` for more than [`CONTENT_LIMIT`] bytes.
pub fn wrap(content: &[u8], recipients: &[Recipient]) -> Result<Vec<u8>, WrapError> {
    if content.len() > CONTENT_LIMIT {
        return Err(WrapError::TooLong { length: content.len(), limit: CONTENT_LIMIT });
    }
    let mut sorted = recipients.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted.is_empty() || sorted.len() > RECIPIENTS_LIMIT {
        return Err(WrapError::Recipients(sorted.len()));
    }
    let parsed: Vec<age::x25519::Recipient> =
        sorted.iter().map(|r| r.to_string().parse().map_err(|_| WrapError::BadRecipient)).collect::<Result<_, _>>()?;
    let encryptor = age::Encryptor::with_recipients(parsed.iter().map(|r| r as &dyn age::Recipient));
    encrypt(encryptor.map_err(|_| WrapError::NotMade)?, content)
}

/// Returns what was wrapped.
///
/// # Errors
/// `TooLong` for more than [`WRAP_LIMIT`] bytes; `NotForThis` where no stanza opens; `Damaged` otherwise.
pub fn unwrap(bytes: &[u8], secret: &AgeSecret) -> Result<Zeroizing<Vec<u8>>, WrapError> {
    if bytes.len() > WRAP_LIMIT {
        return Err(WrapError::TooLong { length: bytes.len(), limit: WRAP_LIMIT });
    }
    decrypt(bytes, &secret.secret).map_err(|error| match error {
        age::DecryptError::NoMatchingKeys => WrapError::NotForThis,
        _ => WrapError::Damaged,
    })
}

/// Writes an age file for a prepared encryptor.
pub(crate) fn encrypt(encryptor: age::Encryptor, content: &[u8]) -> Result<Vec<u8>, WrapError> {
    let mut file = Vec::with_capacity(content.len() + 4096);
    let mut writer = encryptor.wrap_output(&mut file).map_err(|_| WrapError::NotMade)?;
    writer.write_all(content).map_err(|_| WrapError::NotMade)?;
    writer.finish().map_err(|_| WrapError::NotMade)?;
    Ok(file)
}

/// Reads an age file of a checked length with one age identity.
pub(crate) fn decrypt(bytes: &[u8], identity: &dyn age::Identity) -> Result<Zeroizing<Vec<u8>>, age::DecryptError> {
    let mut reader = age::Decryptor::new_buffered(bytes)?.decrypt(std::iter::once(identity))?;
    // The content is shorter than the file, so the vector does not move and leaves no copies behind.
    let mut content = Zeroizing::new(Vec::with_capacity(bytes.len()));
    reader.read_to_end(&mut content)?;
    Ok(content)
}

/// The points of small order on Curve25519 in their one spelling, little-endian (u-coordinates of order 1, 2, 4 and 8).
const SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09,
        0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44,
        0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
    ],
    [
        0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
    ],
];

#[cfg(test)]
mod tests {
    use hpke::kem::X25519HkdfSha256;
    use hpke::{Deserializable, Kem};
    use proptest::prelude::*;

    use crate::cabinet::tests::secret;

    use super::*;

    #[test]
    fn each_recipient_opens_and_nobody_else() {
        let (one, two, other) = (secret(1), secret(2), secret(3));
        let recipients = [one.recipient(), two.recipient(), one.recipient()];
        let file = wrap(b"a key", &recipients).unwrap();
        assert!(file.starts_with(b"age-encryption.org/v1\n"));
        assert_eq!(file.windows(9).filter(|w| w == b"-> X25519").count(), 2);
        assert_eq!(unwrap(&file, &one).unwrap()[..], *b"a key");
        assert_eq!(unwrap(&file, &two).unwrap()[..], *b"a key");
        assert_eq!(unwrap(&file, &other).unwrap_err(), WrapError::NotForThis);
        let shown = String::from_utf8_lossy(&file).into_owned();
        assert!(recipients.iter().all(|r| !shown.contains(&r.to_string())));
    }

    #[test]
    fn limits_are_checked_first() {
        let one = secret(1);
        let recipient = one.recipient();
        assert_eq!(wrap(b"x", &[]).unwrap_err(), WrapError::Recipients(0));
        let long = vec![0; CONTENT_LIMIT + 1];
        assert!(matches!(wrap(&long, &[recipient]), Err(WrapError::TooLong { .. })));
        assert!(matches!(unwrap(&vec![0; WRAP_LIMIT + 1], &one), Err(WrapError::TooLong { .. })));
        let key = |number: usize| AgeSecret::from_bytes(&blake3::hash(&number.to_be_bytes()).into()).unwrap();
        let mut many: Vec<Recipient> = (1..RECIPIENTS_LIMIT).map(|number| key(number).recipient()).collect();
        many.push(recipient);
        let most = wrap(&long[1..], &many).unwrap();
        assert!(most.len() <= WRAP_LIMIT);
        assert_eq!(unwrap(&most, &one).unwrap().len(), CONTENT_LIMIT);
        many.push(key(0).recipient());
        assert_eq!(wrap(b"x", &many).unwrap_err(), WrapError::Recipients(RECIPIENTS_LIMIT + 1));
    }

    #[test]
    fn recipients_and_secrets_have_one_spelling() {
        let one = secret(1);
        let text = one.recipient().to_string();
        assert_eq!(Recipient::parse(&text).unwrap(), one.recipient());
        assert!(Recipient::parse(&text.to_uppercase()).is_err());
        assert!(Recipient::parse(&format!(" {text}")).is_err());
        assert!(Recipient::parse(&text[..text.len() - 1]).is_err());
        assert!(AgeSecret::parse(&one.text()).is_ok());
        assert!(AgeSecret::parse(&one.text().to_lowercase()).is_err());
        assert!(Recipient::parse(&one.text()).is_err());
        // From the age specification's own vectors: an all-zero share must be refused, and age would panic on it.
        for point in SMALL_ORDER {
            assert_eq!(Recipient::from_bytes(point), Err(WrapError::BadRecipient));
        }
    }

    #[test]
    fn the_listed_points_are_of_small_order() {
        // HPKE refuses an encapsulation whose Diffie-Hellman result is zero for every clamped secret.
        let (private, _) = X25519HkdfSha256::derive_keypair(&[7; 32]);
        let refused = |bytes: &[u8; 32]| {
            let share = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(bytes).unwrap();
            X25519HkdfSha256::decap(&private, None, &share).is_err()
        };
        assert!(SMALL_ORDER.iter().all(refused));
        let good = secret(1).recipient();
        assert!(!refused(good.as_bytes()));
        for first in 0xed..=0xff {
            let mut second_spelling = [0xff; 32];
            (second_spelling[0], second_spelling[31]) = (first, 0x7f);
            assert!(Recipient::from_bytes(second_spelling).is_err());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600), text in "\\PC{0,100}") {
            prop_assert!(unwrap(&bytes, &secret(1)).is_err());
            prop_assert!(Recipient::parse(&text).is_err());
            prop_assert!(AgeSecret::parse(&text).is_err());
        }

        #[test]
        fn no_altered_byte_opens(at in any::<prop::sample::Index>(), flip in 1u8..) {
            let one = secret(1);
            let mut file = wrap(b"a key", &[one.recipient(), secret(2).recipient()]).unwrap();
            let at = at.index(file.len());
            file[at] ^= flip;
            prop_assert!(matches!(unwrap(&file, &one), Err(WrapError::Damaged | WrapError::NotForThis)));
        }
    }
}
