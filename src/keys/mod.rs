//! Who is speaking: Ed25519 keys, strict verification, the text forms of keys, and cards.
//!
//! [`PublicKey::verify`] is `verify_strict` (RFC 8032 with the checks of ed25519-dalek's strict mode) and is the only
//! definition of a valid signature in this program; [`prepared`] comes to the same verdict faster.

pub mod card;
pub mod name;
pub mod prepared;

use std::fmt;

use ed25519_dalek::{Signer, VerifyingKey};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::codec::Bytes;

/// Why a key or signature was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The 32 bytes are not a point of the curve in its one spelling.
    #[error("not an Ed25519 public key")]
    NotAKey,
    /// A key of small order: anyone can sign for it.
    #[error("a weak key, for which anyone can sign")]
    Weak,
    /// `verify_strict` refused.
    #[error("the signature is not valid")]
    BadSignature,
    /// A text form that does not parse.
    #[error("the text is not a key in the expected form")]
    BadText,
    /// A key name that is empty, too long, or holds white space, a plus sign or a control character.
    #[error("not a key name")]
    BadName,
    /// The key id in the text is not the one that follows from name, type and key.
    #[error("the key id does not fit the name and key")]
    WrongId,
    /// A signature type other than the two in use (1 and 4), or one of them where the other is needed.
    #[error("a key of another signature type")]
    WrongKind,
}

/// A signature (64 bytes: R and S, RFC 8032).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

/// A public key that was checked: on the curve, canonical, not of small order.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Bytes<32>", into = "Bytes<32>")]
pub struct PublicKey(VerifyingKey);

impl TryFrom<Bytes<32>> for PublicKey {
    type Error = KeyError;

    fn try_from(bytes: Bytes<32>) -> Result<Self, KeyError> {
        Self::from_bytes(&bytes.0)
    }
}

impl From<PublicKey> for Bytes<32> {
    fn from(key: PublicKey) -> Self {
        Bytes(*key.as_bytes())
    }
}

impl PublicKey {
    /// Takes 32 bytes as a public key.
    ///
    /// # Errors
    /// `NotAKey` for bytes that are no canonical point; `Weak` for a key of small order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::NotAKey)?;
        if key.to_edwards().compress().as_bytes() != bytes {
            return Err(KeyError::NotAKey);
        }
        if key.is_weak() { Err(KeyError::Weak) } else { Ok(PublicKey(key)) }
    }

    /// Returns the 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Verifies strictly.
    ///
    /// # Errors
    /// `BadSignature` where `verify_strict` refuses.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), KeyError> {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        self.0.verify_strict(message, &signature).map_err(|_| KeyError::BadSignature)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

/// A signing key; leaves memory when dropped, and cannot be printed.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// Makes the key of a 32-byte seed (RFC 8032 section 5.1.5).
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        SigningKey(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// Returns the seed, for its owner's sealed file only.
    #[must_use]
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// Returns the public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs and verifies the result (a fault in signing must not leak the key).
    ///
    /// # Errors
    /// `BadSignature` if the fresh signature does not verify.
    pub fn sign(&self, message: &[u8]) -> Result<Signature, KeyError> {
        let signature = self.sign_unproved(message);
        self.public().verify(message, &signature)?;
        Ok(signature)
    }

    /// Signs; whoever calls it verifies the result before it leaves this process, as [`SigningKey::sign`] does.
    pub(crate) fn sign_unproved(&self, message: &[u8]) -> Signature {
        Signature(self.0.sign(message).to_bytes())
    }
}
