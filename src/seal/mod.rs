//! Who may read an entry later: commitments, the sealed structure part and the sealed words part.

pub mod case_map;
pub mod commitment;
pub mod sealed;
pub mod structure;
pub mod words;

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use zeroize::Zeroizing;

use crate::codec::CodecError;

/// Bytes that the authentication tag of ChaCha20-Poly1305 adds (RFC 8439 section 2.8).
pub const TAG: usize = 16;

/// Why sealed bytes could not be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Cut short, too long, or of a suite that this version does not know.
    #[error("the sealed part does not follow the format")]
    Malformed,
    /// The key does not open these bytes.
    #[error("the key does not open this part")]
    NotOpened,
    /// The content does not belong to the statement it came with.
    #[error("the opened content belongs to another statement")]
    Foreign,
    /// The folder's public key is not usable.
    #[error("the folder key is not an X25519 public key that can be used")]
    BadFolderKey,
    /// More text than one entry may hold.
    #[error("the words are longer than one entry may hold")]
    TooLong,
}

impl From<CodecError> for SealError {
    fn from(_: CodecError) -> Self {
        SealError::Malformed
    }
}

/// Draws `N` random bytes.
pub(crate) fn random<const N: usize>(rng: &mut impl rand_core::CryptoRng) -> [u8; N] {
    let mut bytes = [0; N];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// Encrypts in place with ChaCha20-Poly1305 and nonce zero, and appends the tag.
///
/// Each key given here is random or derived for this one message, so that the nonce is never used twice with it.
pub(crate) fn encrypt(key: &[u8; 32], associated: &[u8], mut content: Vec<u8>) -> Result<Vec<u8>, SealError> {
    let cipher = ChaCha20Poly1305::new(&(*key).into());
    cipher.encrypt_in_place(&Nonce::default(), associated, &mut content).map_err(|_| SealError::TooLong)?;
    Ok(content)
}

/// Decrypts what [`encrypt`] made.
pub(crate) fn decrypt(key: &[u8; 32], associated: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let cipher = ChaCha20Poly1305::new(&(*key).into());
    let mut content = Zeroizing::new(sealed.to_vec());
    cipher.decrypt_in_place(&Nonce::default(), associated, &mut *content).map_err(|_| SealError::NotOpened)?;
    Ok(content)
}
