//! An entry carried in a file of its own, beside its receipt.
//!
//! Envelope 145, then twice a length u32 and so many bytes: the structure part and the words part, as they lie in the log.
//! The receipt proves the envelope, the envelope's parts digest proves the two parts, and whoever holds the keys (the
//! author does) opens them.

use crate::codec::{STRUCTURE_LIMIT, WORDS_PART_LIMIT};
use crate::entry::EntryError;
use crate::entry::envelope::{ENVELOPE, Envelope, part_digest, parts_digest};

/// Largest entry file in bytes.
pub const CARRIED_LIMIT: usize = ENVELOPE + 4 + STRUCTURE_LIMIT + 4 + WORDS_PART_LIMIT;

/// An entry's three byte strings, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Carried<'a> {
    /// The envelope.
    pub envelope: &'a [u8; ENVELOPE],
    /// The structure part.
    pub structure: &'a [u8],
    /// The words part.
    pub words: &'a [u8],
}

impl<'a> Carried<'a> {
    /// Takes the bytes of an entry file apart.
    ///
    /// # Errors
    /// `Carried` if they are not exactly an envelope and two parts within their limits.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, EntryError> {
        let decoded = bytes.split_first_chunk::<ENVELOPE>().and_then(|(envelope, rest)| {
            let (structure, rest) = part(rest, STRUCTURE_LIMIT)?;
            let (words, rest) = part(rest, WORDS_PART_LIMIT)?;
            rest.is_empty().then_some(Carried { envelope, structure, words })
        });
        decoded.ok_or(EntryError::Carried)
    }

    /// Returns the bytes of an entry file.
    ///
    /// # Errors
    /// `Carried` for a part above its limit.
    pub fn encode(&self) -> Result<Vec<u8>, EntryError> {
        let mut bytes = self.envelope.to_vec();
        for (part, limit) in [(self.structure, STRUCTURE_LIMIT), (self.words, WORDS_PART_LIMIT)] {
            let length = u32::try_from(part.len()).ok().filter(|_| part.len() <= limit);
            bytes.extend_from_slice(&length.ok_or(EntryError::Carried)?.to_be_bytes());
            bytes.extend_from_slice(part);
        }
        Ok(bytes)
    }

    /// Whether the envelope follows the format and names these parts.
    #[must_use]
    pub fn parts_match(&self) -> bool {
        let digest = parts_digest(&part_digest(self.structure), &part_digest(self.words));
        Envelope::decode(self.envelope).is_ok_and(|envelope| envelope.parts == digest)
    }
}

fn part(bytes: &[u8], limit: usize) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok().filter(|length| *length <= limit)?;
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_written_is_read() {
        let envelope = [7; ENVELOPE];
        let carried = Carried { envelope: &envelope, structure: b"structure", words: b"" };
        let bytes = carried.encode().unwrap();
        assert_eq!((&bytes[..ENVELOPE], Carried::decode(&bytes).unwrap()), (&envelope[..], carried));
        for end in 0..bytes.len() {
            assert!(Carried::decode(&bytes[..end]).is_err(), "{end}");
        }
        let mut long = bytes.clone();
        long.push(0);
        assert!(Carried::decode(&long).is_err());
        long.truncate(ENVELOPE);
        long.extend_from_slice(&[0xff; 64]);
        assert!(Carried::decode(&long).is_err());
        assert!(!carried.parts_match());
    }
}
