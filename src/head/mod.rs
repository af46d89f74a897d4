//! What the setting vouches for: signed notes, checkpoints, cosignatures, receipts, and whom a verifier trusts.
//!
//! The formats are those of C2SP: signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof, tlog-policy and
//! tlog-witness. Parsing is strict: whatever parses is printed again as the same bytes (a trust file, which people write
//! by hand, as the same meaning).

pub mod checkpoint;
pub mod cosignature;
pub mod note;
pub mod receipt;
pub mod request;
pub mod trust;

use crate::keys::KeyError;
use crate::keys::name::{KeyId, KeyName};
use crate::tree::ProofError;

/// Why a note, checkpoint, receipt or request was not made or not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// More bytes, signatures or hashes than are allowed.
    #[error("more than {limit} {what}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many are allowed.
        limit: usize,
    },
    /// Not UTF-8, or a control character other than the line feed.
    #[error("not plain text")]
    NotText,
    /// A line is not what the format wants in its place.
    #[error("line {line} is not {wanted}")]
    Line {
        /// From 1, within the text that was being read.
        line: usize,
        /// What should stand there.
        wanted: &'static str,
    },
    /// No line was signed by a known key.
    #[error("not signed by a known key")]
    NotSigned,
    /// A line names a known key, but its signature is not valid: the whole note is refused.
    #[error("the signature of {name} ({id}) is not valid")]
    BadSignature {
        /// The name of the known key.
        name: KeyName,
        /// The id of the known key.
        id: KeyId,
    },
    /// Two different known keys have the same name and id.
    #[error("two known keys are called {name} ({id})")]
    Ambiguous {
        /// The name of both.
        name: KeyName,
        /// The id of both.
        id: KeyId,
    },
    /// A signature was to be added to, or compared with, a note of another text.
    #[error("a note of another checkpoint")]
    OtherNote,
    /// A log key was to sign a checkpoint whose origin is not the key's name.
    #[error("the key is not named after the origin")]
    WrongOrigin,
    /// A cosignature's time of zero or above 2^63 - 1.
    #[error("not a time for a cosignature")]
    BadTime,
    /// A key that cannot be used, or not for this.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A proof that does not hold.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

/// Takes bytes as text, after a look at their number: UTF-8 without control characters other than the line feed.
fn text(bytes: &[u8], limit: usize) -> Result<&str, HeadError> {
    if bytes.len() > limit {
        return Err(HeadError::TooMany { what: "bytes", limit });
    }
    let text = std::str::from_utf8(bytes).map_err(|_| HeadError::NotText)?;
    if text.bytes().any(|b| b < 0x20 && b != b'\n') { Err(HeadError::NotText) } else { Ok(text) }
}

impl HeadError {
    /// Counts lines from the beginning of a text in which `before` lines stand above the part that was refused.
    fn below(self, before: usize) -> Self {
        match self {
            HeadError::Line { line, wanted } => HeadError::Line { line: line + before, wanted },
            other => other,
        }
    }
}
