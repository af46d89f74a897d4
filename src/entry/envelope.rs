//! The envelope: what is clear of every entry, linked and hashed into the tree (145 bytes).
//!
//! Version u8 = 1, number u64, recorded i64 (ms UTC), previous link 32, statement digest 32, commitment root 32, parts
//! digest 32, all big-endian. The same bytes are the input of the link and the leaf data of the tree.

use crate::codec::context::{LINK, PART, PARTS};
use crate::codec::{Digest, Link};
use crate::entry::EntryError;
use crate::tree::EntryNumber;

/// Bytes of an envelope.
pub const ENVELOPE: usize = 145;

/// What an envelope says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope {
    /// The entry's number, from 0.
    pub number: EntryNumber,
    /// When the ledger recorded it, in milliseconds UTC by its machine's clock.
    pub recorded: i64,
    /// The link of the entry before it; zero for genesis.
    pub previous: Link,
    /// The digest of the statement and its signature.
    pub statement: Digest,
    /// The commitment root over structure and words.
    pub commitment: Digest,
    /// The digest over the digests of structure part and words part.
    pub parts: Digest,
}

impl Envelope {
    /// Returns the 145 bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; ENVELOPE] {
        let mut bytes = [0; ENVELOPE];
        let pieces: [&[u8]; 7] = [
            &[1],
            &self.number.0.to_be_bytes(),
            &self.recorded.to_be_bytes(),
            self.previous.as_bytes(),
            self.statement.as_bytes(),
            self.commitment.as_bytes(),
            self.parts.as_bytes(),
        ];
        bytes.iter_mut().zip(pieces.into_iter().flatten()).for_each(|(to, from)| *to = *from);
        bytes
    }

    /// Reads the 145 bytes.
    ///
    /// # Errors
    /// `Envelope` for another length or version.
    pub fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        let bytes: &[u8; ENVELOPE] = bytes.try_into().map_err(|_| EntryError::Envelope)?;
        let mut reader = Fields(bytes);
        if reader.take::<1>()? != [1] {
            return Err(EntryError::Envelope);
        }
        Ok(Envelope {
            number: EntryNumber(u64::from_be_bytes(reader.take()?)),
            recorded: i64::from_be_bytes(reader.take()?),
            previous: Link::new(reader.take()?),
            statement: Digest::new(reader.take()?),
            commitment: Digest::new(reader.take()?),
            parts: Digest::new(reader.take()?),
        })
    }
}

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], EntryError> {
        let (field, rest) = self.0.split_first_chunk().ok_or(EntryError::Envelope)?;
        self.0 = rest;
        Ok(*field)
    }
}

/// Returns the link of an entry: the hash of its envelope, which holds the link before it.
#[must_use]
pub fn link(envelope: &[u8; ENVELOPE]) -> Link {
    Link::new(LINK.hash(&[envelope]))
}

/// Returns the digest of one part as it lies in the entry; an absent part is the empty string.
#[must_use]
pub fn part_digest(part: &[u8]) -> Digest {
    PART.digest(&[part])
}

/// Returns the parts digest of an envelope from the digests of its two parts.
#[must_use]
pub fn parts_digest(structure: &Digest, words: &Digest) -> Digest {
    PARTS.digest(&[structure.as_bytes(), words.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelopes_have_one_spelling() {
        let envelope = Envelope {
            number: EntryNumber(0x0102),
            recorded: -2,
            previous: Link::new([1; 32]),
            statement: Digest::new([2; 32]),
            commitment: Digest::new([3; 32]),
            parts: Digest::new([4; 32]),
        };
        let bytes = envelope.encode();
        assert_eq!(bytes[..17], [1, 0, 0, 0, 0, 0, 0, 1, 2, 255, 255, 255, 255, 255, 255, 255, 254]);
        assert_eq!(Envelope::decode(&bytes), Ok(envelope));
        assert!(Envelope::decode(&bytes[..144]).is_err());
        let mut other = bytes;
        other[0] = 2;
        assert!(Envelope::decode(&other).is_err());
        for at in 1..ENVELOPE {
            let mut flipped = bytes;
            flipped[at] ^= 1;
            assert_ne!(Envelope::decode(&flipped), Ok(envelope));
            assert_ne!(link(&flipped), link(&bytes));
        }
    }
}
