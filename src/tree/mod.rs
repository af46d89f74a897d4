//! Merkle arithmetic (RFC 6962 section 2.1, SHA-256): leaf, node, prove, check.
//!
//! [`Frontier`] grows a tree and knows its root. [`prove_inclusion`] and [`prove_consistency`] read stored hashes through
//! [`ReadHashes`]; [`check_inclusion`] and [`check_consistency`] need nothing but the proof.

mod frontier;
mod proof;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

pub use frontier::{Frontier, frontier_nodes, root_from};
pub use proof::{check_consistency, check_inclusion, prove_consistency, prove_inclusion};

/// The number of an entry, from 0 (genesis): the C2SP index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct EntryNumber(pub u64);

/// How many entries a tree holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct TreeSize(pub u64);

/// A SHA-256 hash in the tree (32 bytes). Its text is standard base64 with padding (44 characters).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; 32]);

/// The root hash of the tree that holds nothing: SHA-256 of the empty string.
pub const EMPTY_ROOT: Hash = Hash([
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41,
    0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
]);

/// Most hashes in one proof (C2SP tlog-witness), and so the reason why a size is below 2^63.
pub const PROOF_LIMIT: usize = 63;

/// Returns the leaf hash of an entry: SHA-256 of a zero byte and `data` (RFC 6962 section 2.1).
#[must_use]
pub fn leaf_hash(data: &[u8]) -> Hash {
    Hash(Sha256::new().chain_update([0]).chain_update(data).finalize().into())
}

/// Returns the hash of an inner node: SHA-256 of a one byte and its two children (RFC 6962 section 2.1).
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Hash(Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0).finalize().into())
}

/// A complete subtree: it spans the entries from `index * 2^level` up to, not including, `(index + 1) * 2^level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId {
    /// How far above the leaves (0) it stands.
    pub level: u8,
    /// How many subtrees of this level stand to its left.
    pub index: u64,
}

/// Where the hashes of complete subtrees are kept.
pub trait ReadHashes {
    /// Returns the hashes of `nodes`, in the same order and number.
    ///
    /// # Errors
    /// [`ReadError`] names the first node whose hash cannot be had.
    fn read_hashes(&self, nodes: &[NodeId]) -> Result<Vec<Hash>, ReadError>;
}

/// A node whose hash could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the hash of node {} at level {} is not there", .0.index, .0.level)]
pub struct ReadError(pub NodeId);

/// Why a proof was not made or not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// An entry number that is not below the size, a size above the newer one, or a size of 2^63 and more.
    #[error("the entry or size lies outside the tree")]
    OutOfRange,
    /// More or fewer hashes than the numbers need.
    #[error("the proof has the wrong number of hashes")]
    WrongLength,
    /// The hashes lead to another root.
    #[error("the proof leads to another root hash")]
    WrongRoot,
    /// A stored hash was missing.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl EntryNumber {
    /// Parses a decimal number without sign or leading zeros, below 2^63.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        parse_decimal(text).map(EntryNumber)
    }
}

impl TreeSize {
    /// Parses a decimal number without sign or leading zeros, below 2^63.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        parse_decimal(text).map(TreeSize)
    }
}

impl Hash {
    /// Parses base64 exactly as [`Display`](fmt::Display) prints it: standard alphabet, padded, no stray bits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 44 {
            return None;
        }
        STANDARD.decode(text).ok()?.try_into().ok().map(Hash)
    }
}

/// Parses a decimal number in its one spelling, at most 2^63 - 1.
pub(crate) fn parse_decimal(text: &str) -> Option<u64> {
    let canonical = text == "0" || (!text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit()));
    if !canonical {
        return None;
    }
    text.parse().ok().filter(|number| i64::try_from(*number).is_ok())
}

impl fmt::Display for EntryNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for TreeSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_empty_root_and_the_first_leaf_are_those_of_certificate_transparency() {
        assert_eq!(EMPTY_ROOT.0, <[u8; 32]>::from(Sha256::digest(b"")));
        assert_eq!(format!("{:?}", leaf_hash(b"")), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
        assert_ne!(node_hash(&EMPTY_ROOT, &leaf_hash(b"")), node_hash(&leaf_hash(b""), &EMPTY_ROOT));
    }

    #[test]
    fn numbers_have_one_spelling() {
        assert_eq!(TreeSize::parse("0"), Some(TreeSize(0)));
        assert_eq!(EntryNumber::parse("9223372036854775807"), Some(EntryNumber(i64::MAX as u64)));
        for bad in ["", "00", "01", "+1", "-1", " 1", "1 ", "1_0", "0x1", "9223372036854775808", "99999999999999999999"]
        {
            assert_eq!(TreeSize::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn hashes_have_one_spelling() {
        let text = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        assert_eq!(EMPTY_ROOT.to_string(), text);
        assert_eq!(Hash::parse(text), Some(EMPTY_ROOT));
        // A stray bit in the last digit, no padding, the other alphabet, white space, another length.
        for bad in [
            text.replace("U=", "V="),
            text.replace('=', ""),
            text.replace('+', "-"),
            format!("{text}\n"),
            format!(" {text}"),
            "AAAA".to_owned(),
            String::new(),
        ] {
            assert_eq!(Hash::parse(&bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn texts_round_trip(bytes: [u8; 32], text in "\\PC{0,50}", number in 0..=i64::MAX as u64) {
            prop_assert_eq!(Hash::parse(&Hash(bytes).to_string()), Some(Hash(bytes)));
            prop_assert_eq!(TreeSize::parse(&number.to_string()), Some(TreeSize(number)));
            if let Some(hash) = Hash::parse(&text) {
                prop_assert_eq!(hash.to_string(), text.clone());
            }
            if let Some(number) = EntryNumber::parse(&text) {
                prop_assert_eq!(number.to_string(), text);
            }
        }
    }
}
