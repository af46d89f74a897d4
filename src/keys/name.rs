//! Names, ids and text forms of the keys that sign notes (C2SP signed-note and tlog-cosignature).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{KeyError, PublicKey, SigningKey};
use crate::codec::context::parse_hex;

/// Longest key name in bytes (C2SP tlog-cosignature gives names one length byte).
pub const NAME_LIMIT: usize = 255;

/// Longest text of a key of ours: prefix, name, id, type and key, and the signs between.
const TEXT_LIMIT: usize = PRIVATE.len() + NAME_LIMIT + 1 + 8 + 1 + KEY_DIGITS;
/// Base64 digits of one type byte and 32 bytes of key.
const KEY_DIGITS: usize = 44;
const PRIVATE: &str = "PRIVATE+KEY+";

/// The name of a key: for a log its origin, for a cosigner the name it goes by.
///
/// Not empty, at most [`NAME_LIMIT`] bytes, without Unicode white space, plus signs and control characters (C2SP
/// signed-note, "Format").
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyName(String);

/// The first four bytes of SHA-256 over name, line feed, type and key: a label, not a proof.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub [u8; 4]);

/// What a key signs: the signature types of C2SP signed-note that this program knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyKind {
    /// Type 1: Ed25519 over the text of the note. The key of a log.
    LogKey = 0x01,
    /// Type 4: Ed25519 cosignature/v1, with a time. The key of a witness.
    Cosigner = 0x04,
}

/// A public key that signs notes, with its name: C2SP's *vkey*.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: KeyName,
    id: KeyId,
    kind: KeyKind,
    key: PublicKey,
}

/// The secret half of a [`VerifierKey`]; leaves memory when dropped, and cannot be printed by accident.
pub struct SignerKey {
    public: VerifierKey,
    key: SigningKey,
}

impl KeyName {
    /// Takes a name that keeps the rules.
    ///
    /// # Errors
    /// `BadName` otherwise.
    pub fn new(name: &str) -> Result<Self, KeyError> {
        let foul = |c: char| c.is_whitespace() || c.is_control() || c == '+';
        if name.is_empty() || name.len() > NAME_LIMIT || name.contains(foul) {
            return Err(KeyError::BadName);
        }
        Ok(KeyName(name.to_owned()))
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl KeyKind {
    fn from_byte(byte: u8) -> Result<Self, KeyError> {
        match byte {
            0x01 => Ok(KeyKind::LogKey),
            0x04 => Ok(KeyKind::Cosigner),
            _ => Err(KeyError::WrongKind),
        }
    }
}

impl VerifierKey {
    /// Names a public key.
    #[must_use]
    pub fn new(name: KeyName, kind: KeyKind, key: PublicKey) -> Self {
        let id = key_id(&name, kind, &key);
        VerifierKey { name, id, kind, key }
    }

    /// Parses `name+id+base64(type, key)` exactly as [`Display`](fmt::Display) prints it.
    ///
    /// # Errors
    /// `BadText`, `BadName`, `WrongKind`, `NotAKey`, `Weak` or `WrongId`.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let parts = Parts::parse(text)?;
        let public = VerifierKey::new(parts.name, parts.kind, PublicKey::from_bytes(&parts.bytes)?);
        if public.id == parts.id { Ok(public) } else { Err(KeyError::WrongId) }
    }

    /// Pretends that a search over 2^32 keys had found this id.
    #[cfg(test)]
    pub(crate) fn under_id_of(self, other: &VerifierKey) -> Self {
        VerifierKey { id: other.id, ..self }
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// Returns the key id.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Returns what the key signs.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Returns the key.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        &self.key
    }
}

impl SignerKey {
    /// Names a signing key.
    #[must_use]
    pub fn new(name: KeyName, kind: KeyKind, key: SigningKey) -> Self {
        SignerKey { public: VerifierKey::new(name, kind, key.public()), key }
    }

    /// Parses `PRIVATE+KEY+name+id+base64(type, seed)`, the form of Go's `note` package; one line feed may follow.
    ///
    /// # Errors
    /// `BadText`, `BadName`, `WrongKind` or `WrongId`.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.strip_suffix('\n').unwrap_or(text);
        let parts = Parts::parse(text.strip_prefix(PRIVATE).ok_or(KeyError::BadText)?)?;
        let signer = SignerKey::new(parts.name, parts.kind, SigningKey::from_seed(&parts.bytes));
        if signer.public.id == parts.id { Ok(signer) } else { Err(KeyError::WrongId) }
    }

    /// Returns the text that [`SignerKey::parse`] reads, without a line feed: for the owner's key file only.
    ///
    /// # Errors
    /// None in practice; `BadText` if the digits were not text.
    pub fn format(&self) -> Result<Zeroizing<String>, KeyError> {
        // Written in place, so that no copy of the seed is left behind by growing.
        let mut text = Zeroizing::new(String::with_capacity(TEXT_LIMIT));
        for piece in [PRIVATE, self.public.name.as_str(), "+", &self.public.id.to_string(), "+"] {
            text.push_str(piece);
        }
        let mut bytes = Zeroizing::new([0; 33]);
        bytes[0] = self.public.kind as u8;
        bytes[1..].copy_from_slice(&*self.key.seed());
        let mut digits = Zeroizing::new([0; KEY_DIGITS]);
        STANDARD.encode_slice(*bytes, &mut *digits).map_err(|_| KeyError::BadText)?;
        text.push_str(std::str::from_utf8(&*digits).map_err(|_| KeyError::BadText)?);
        Ok(text)
    }

    /// Returns the public half.
    #[must_use]
    pub fn public(&self) -> &VerifierKey {
        &self.public
    }

    /// Signs bytes that a format of rooms above has laid out.
    ///
    /// # Errors
    /// As [`SigningKey::sign`].
    pub fn sign(&self, message: &[u8]) -> Result<super::Signature, KeyError> {
        self.key.sign(message)
    }
}

fn key_id(name: &KeyName, kind: KeyKind, key: &PublicKey) -> KeyId {
    let hash = Sha256::new()
        .chain_update(name.as_str())
        .chain_update([b'\n', kind as u8])
        .chain_update(key.as_bytes())
        .finalize();
    KeyId([hash[0], hash[1], hash[2], hash[3]])
}

/// What stands in the text of either half.
struct Parts {
    name: KeyName,
    id: KeyId,
    kind: KeyKind,
    bytes: Zeroizing<[u8; 32]>,
}

impl Parts {
    /// Splits `name+id+base64(type, 32 bytes)`; the digits may hold plus signs of their own.
    fn parse(text: &str) -> Result<Self, KeyError> {
        if text.len() > TEXT_LIMIT {
            return Err(KeyError::BadText);
        }
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(digits)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::BadText);
        };
        let id = KeyId(parse_hex(id).ok_or(KeyError::BadText)?);
        if digits.len() != KEY_DIGITS {
            return Err(KeyError::BadText);
        }
        let mut decoded = Zeroizing::new([0; 33]);
        match STANDARD.decode_slice(digits, &mut *decoded) {
            Ok(33) => (),
            _ => return Err(KeyError::BadText),
        }
        let (kind, key) = decoded.split_first().ok_or(KeyError::BadText)?;
        let mut bytes = Zeroizing::new([0; 32]);
        bytes.copy_from_slice(key);
        Ok(Parts { name: KeyName::new(name)?, id, kind: KeyKind::from_byte(*kind)?, bytes })
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [self.kind as u8; 33];
        bytes[1..].copy_from_slice(self.key.as_bytes());
        write!(f, "{}+{}+{}", self.name, self.id, STANDARD.encode(bytes))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The example of C2SP signed-note, "Verifier keys".
    const VECTOR: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

    fn signer(name: &str, kind: KeyKind, seed: u8) -> SignerKey {
        SignerKey::new(KeyName::new(name).unwrap(), kind, SigningKey::from_seed(&[seed; 32]))
    }

    #[test]
    fn the_example_of_the_specification_parses() {
        let key = VerifierKey::parse(VECTOR).unwrap();
        assert_eq!(key.to_string(), VECTOR);
        assert_eq!(
            (key.name().as_str(), key.kind(), key.id().0),
            ("example.com/foo", KeyKind::LogKey, [0x53, 0x0d, 0x90, 0x3a])
        );
    }

    #[test]
    fn every_altered_character_of_a_verifier_key_is_refused() {
        for at in 0..VECTOR.len() {
            for other in ["A", "b", "0", "+", "=", " ", "\n", ""] {
                let altered = format!("{}{other}{}", &VECTOR[..at], &VECTOR[at + 1..]);
                assert!(altered == VECTOR || VerifierKey::parse(&altered).is_err(), "{altered}");
            }
        }
        for (bad, why) in [
            (VECTOR.replace("530d903a", "530D903A"), KeyError::BadText),
            (VECTOR.replace("530d903a", "530d903b"), KeyError::WrongId),
            (VECTOR.replace("foo", "f o"), KeyError::BadName),
            (VECTOR.replace("+Aek", "+Auk"), KeyError::WrongKind),
            (format!("{VECTOR}="), KeyError::BadText),
            (VECTOR.replace("example", &"e".repeat(300)), KeyError::BadText),
        ] {
            assert_eq!(VerifierKey::parse(&bad), Err(why), "{bad}");
        }
    }

    #[test]
    fn a_weak_key_is_refused_although_its_id_fits() {
        let mut bytes = [1u8; 33];
        bytes[1..].copy_from_slice(&[0; 32]);
        bytes[1] = 1;
        let id = Sha256::new().chain_update("x\n").chain_update(bytes).finalize();
        let text = format!("x+{}+{}", crate::codec::context::hex(&id[..4]), STANDARD.encode(bytes));
        assert_eq!(VerifierKey::parse(&text), Err(KeyError::Weak));
    }

    #[test]
    fn names_keep_the_rules() {
        for bad in ["", "a b", "a\u{a0}b", "a\u{2003}b", "a+b", "a\n", "\t", "a\u{7f}", "a\u{85}", "a\u{0}"] {
            assert_eq!(KeyName::new(bad), Err(KeyError::BadName), "{bad:?}");
        }
        assert!(KeyName::new(&"x".repeat(255)).is_ok());
        assert!(KeyName::new(&"x".repeat(256)).is_err());
        assert!(KeyName::new("nursery.example/\u{e9}toile").is_ok());
    }

    #[test]
    fn the_same_key_has_another_id_in_another_role() {
        let (log, cosigner) = (signer("a", KeyKind::LogKey, 1), signer("a", KeyKind::Cosigner, 1));
        assert_ne!(log.public().id(), cosigner.public().id());
    }

    #[test]
    fn a_private_key_is_read_back_and_nothing_else_is() {
        for kind in [KeyKind::LogKey, KeyKind::Cosigner] {
            let key = signer("nursery.example/ledger", kind, 7);
            let text = key.format().unwrap();
            assert!(text.starts_with("PRIVATE+KEY+nursery.example/ledger+"));
            let again = SignerKey::parse(&format!("{}\n", *text)).unwrap();
            assert_eq!(again.public(), key.public());
            assert_eq!(again.sign(b"x"), key.sign(b"x"));
            assert!(VerifierKey::parse(&text).is_err());
            assert!(SignerKey::parse(&format!("{}\n\n", *text)).is_err());
            assert!(SignerKey::parse(&text.replace("PRIVATE", "private")).is_err());
            let other = text.replace("nursery", "nurseries");
            assert!(matches!(SignerKey::parse(&other), Err(KeyError::WrongId)));
        }
        assert!(matches!(SignerKey::parse(VECTOR), Err(KeyError::BadText)));
    }

    proptest! {
        #[test]
        fn texts_round_trip_and_never_panic(name in "[^+\\s\\pC]{1,40}", seed: [u8; 32], text in "\\PC{0,80}", cosigner: bool) {
            let kind = if cosigner { KeyKind::Cosigner } else { KeyKind::LogKey };
            let signer = SignerKey::new(KeyName::new(&name).unwrap(), kind, SigningKey::from_seed(&seed));
            let public = signer.public().to_string();
            prop_assert_eq!(&VerifierKey::parse(&public).unwrap(), signer.public());
            let parsed = SignerKey::parse(&signer.format().unwrap()).unwrap();
            prop_assert_eq!(parsed.public(), signer.public());
            prop_assert!(VerifierKey::parse(&text).is_err());
            prop_assert!(SignerKey::parse(&(PRIVATE.to_owned() + &text)).is_err());
        }
    }
}
