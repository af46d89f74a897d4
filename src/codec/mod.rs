//! Fixed-width bytes, their limits, ids, and the one table of context strings.
//!
//! Every stored structure of our own goes through [`encode`] and [`decode`]: `bincode` 1.3.3 with big-endian fixed-width
//! integers, trailing bytes refused, and a limit that is checked before anything is read. The layout is described in
//! `manual/format.md` and does not depend on the crate.

pub mod context;
pub mod ids;
mod lanes;
pub mod numbers;
mod text;

use std::io::{self, Write};

use bincode::Options;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use ids::{CaseTag, Digest, FolderKeyId, LedgerId, Link, PersonId, StatementId};
pub use numbers::{Folder, KindNumber, Publicity, RelationNumber};
pub use text::{Bytes, ShortText, TooLong};

/// Largest statement in bytes (C2SP tlog-tiles: an entry bundle has 16-bit lengths).
pub const STATEMENT_LIMIT: usize = 65_535;
/// Largest structure part in bytes: a statement, its signature, slot, hint, tag and padding.
pub const STRUCTURE_LIMIT: usize = 66_560;
/// Largest plaintext of a words part in bytes (1 MiB).
pub const WORDS_LIMIT: usize = 1 << 20;
/// Largest words part in bytes: the plaintext, one more padding bucket, encapsulation and tag.
pub const WORDS_PART_LIMIT: usize = WORDS_LIMIT + 512;
/// Largest checkpoint note in bytes, with room for well over 16 signatures.
pub const NOTE_LIMIT: usize = 1 << 16;
/// Plaintexts are padded with zeros to a multiple of this many bytes.
pub const BUCKET: usize = 256;

/// Why bytes were not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// More bytes than this structure may have.
    #[error("{length} bytes where at most {limit} are allowed")]
    TooLong {
        /// Bytes found.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The bytes do not spell a value: cut short, followed by something else, or out of range.
    #[error("the bytes do not follow the format")]
    Malformed,
    /// The bytes spell a value, but not in its one accepted spelling.
    #[error("the bytes are not in their canonical form")]
    NotCanonical,
}

/// Returns the one accepted spelling of `value`.
///
/// # Errors
/// `TooLong` if it would be longer than `limit` bytes; `Malformed` if the value has no spelling.
pub fn encode<T: Serialize>(value: &T, limit: usize) -> Result<Vec<u8>, CodecError> {
    let bytes = options(limit).serialize(value).map_err(|_| CodecError::Malformed)?;
    if bytes.len() > limit {
        return Err(CodecError::TooLong { length: bytes.len(), limit });
    }
    Ok(bytes)
}

/// Reads a value from exactly these bytes.
///
/// # Errors
/// `TooLong` before anything is read; `Malformed` for short, long or impossible bytes; `NotCanonical` if writing the
/// value again would give other bytes.
pub fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8], limit: usize) -> Result<T, CodecError> {
    if bytes.len() > limit {
        return Err(CodecError::TooLong { length: bytes.len(), limit });
    }
    let value: T = options(limit).deserialize(bytes).map_err(|_| CodecError::Malformed)?;
    // Written again, piece by piece, over the bytes that it was read from; no copy is made.
    let mut compare = Compare(bytes);
    match options(limit).with_no_limit().serialize_into(&mut compare, &value) {
        Ok(()) if compare.0.is_empty() => Ok(value),
        _ => Err(CodecError::NotCanonical),
    }
}

/// Takes what is written as long as it is what lies there.
struct Compare<'a>(&'a [u8]);

impl Write for Compare<'_> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.0 = self.0.strip_prefix(piece).ok_or(io::ErrorKind::InvalidData)?;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn options(limit: usize) -> impl Options {
    bincode::DefaultOptions::new()
        .with_big_endian()
        .with_fixint_encoding()
        .reject_trailing_bytes()
        .with_limit(limit as u64)
}

/// Pads `content` with zeros to a whole number of [`BUCKET`]s, with its length in the first four bytes (big-endian).
#[must_use]
pub fn pad(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    let mut padded = Vec::with_capacity((content.len() + 4).next_multiple_of(BUCKET));
    padded.extend_from_slice(&length.to_be_bytes());
    padded.extend_from_slice(content);
    padded.resize((content.len() + 4).next_multiple_of(BUCKET), 0);
    padded
}

/// Returns what [`pad`] was given.
///
/// # Errors
/// `NotCanonical` if the padding is not zeros, not needed, or the length does not fit.
pub fn unpad(padded: &[u8]) -> Result<&[u8], CodecError> {
    let (length, rest) = padded.split_first_chunk::<4>().ok_or(CodecError::Malformed)?;
    let length = u32::from_be_bytes(*length) as usize;
    let content = rest.get(..length).ok_or(CodecError::Malformed)?;
    let padding = rest.get(length..).ok_or(CodecError::Malformed)?;
    if padded.len() != (length + 4).next_multiple_of(BUCKET) || padding.iter().any(|b| *b != 0) {
        return Err(CodecError::NotCanonical);
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_round_trips_and_is_strict() {
        for length in [0, 1, 251, 252, 253, 508, 509] {
            let content = vec![7u8; length];
            let padded = pad(&content);
            assert_eq!(padded.len() % BUCKET, 0);
            assert_eq!(unpad(&padded), Ok(&content[..]));
            let mut longer = padded.clone();
            longer.resize(padded.len() + BUCKET, 0);
            assert!(unpad(&longer).is_err());
        }
        let mut dirty = pad(b"x");
        dirty[200] = 1;
        assert_eq!(unpad(&dirty), Err(CodecError::NotCanonical));
        assert!(unpad(&[0, 0]).is_err());
        assert!(unpad(&[255; 256]).is_err());
    }

    #[test]
    fn trailing_short_and_long_bytes_are_refused() {
        let bytes = encode(&(1u16, true), 16).unwrap_or_default();
        assert_eq!(bytes, [0, 1, 1]);
        assert_eq!(decode::<(u16, bool)>(&bytes, 16), Ok((1, true)));
        assert!(decode::<(u16, bool)>(&[0, 1, 1, 0], 16).is_err());
        assert!(decode::<(u16, bool)>(&[0, 1], 16).is_err());
        assert!(decode::<(u16, bool)>(&[0, 1, 2], 16).is_err());
        assert!(decode::<(u16, bool)>(&bytes, 2).is_err());
    }
}
