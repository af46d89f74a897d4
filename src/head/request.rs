//! What log and witness send each other (C2SP tlog-witness): bodies of add-checkpoint and of its answers.

use std::fmt;

use sha2::{Digest, Sha256};

use super::checkpoint::Checkpoint;
use super::note::{Note, SignatureLine, parse_lines};
use super::{HeadError, text};
use crate::codec::{NOTE_LIMIT, context::hex};
use crate::tree::{Hash, PROOF_LIMIT, TreeSize};

/// Largest body of an add-checkpoint request in bytes.
pub const REQUEST_LIMIT: usize = NOTE_LIMIT + PROOF_LIMIT * 45 + 64;

/// The content type of the body that [`format_conflict`] prints.
pub const CONFLICT_TYPE: &str = "text/x.tlog.size";

/// A checkpoint for a witness to cosign, and the proof that it extends the one the witness saw last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    old: TreeSize,
    proof: Vec<Hash>,
    note: Note,
}

impl AddCheckpoint {
    /// Puts a request together; `old` is the size that the witness cosigned last, as far as the sender knows (else 0).
    ///
    /// # Errors
    /// `TooMany` for more than [`PROOF_LIMIT`] hashes; as [`Checkpoint::parse`] if the note is no checkpoint.
    pub fn new(old: TreeSize, proof: Vec<Hash>, note: Note) -> Result<Self, HeadError> {
        if proof.len() > PROOF_LIMIT {
            return Err(HeadError::TooMany { what: "hashes", limit: PROOF_LIMIT });
        }
        Checkpoint::parse(note.text())?;
        Ok(AddCheckpoint { old, proof, note })
    }

    /// Parses a body of at most [`REQUEST_LIMIT`] bytes, exactly as [`Display`](fmt::Display) prints it.
    ///
    /// Sizes, roots and proof are not compared here: their failures have answers of their own (400, 409, 422).
    ///
    /// # Errors
    /// `TooMany`, `NotText` or `Line`, whose number counts from the beginning of the body.
    pub fn parse(bytes: &[u8]) -> Result<Self, HeadError> {
        let whole = text(bytes, REQUEST_LIMIT)?;
        let (above, note) =
            whole.split_once("\n\n").ok_or(HeadError::Line { line: 1, wanted: "above a blank line" })?;
        let mut lines = above.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(TreeSize::parse);
        let old = old.ok_or(HeadError::Line { line: 1, wanted: "an old size" })?;
        let mut proof = Vec::new();
        for (line, at) in lines.zip(2..) {
            if proof.len() == PROOF_LIMIT {
                return Err(HeadError::TooMany { what: "hashes", limit: PROOF_LIMIT });
            }
            proof.push(Hash::parse(line).ok_or(HeadError::Line { line: at, wanted: "a hash" })?);
        }
        let before = proof.len() + 2;
        let note = Note::parse(note.as_bytes()).map_err(|error| error.below(before))?;
        AddCheckpoint::new(old, proof, note).map_err(|error| error.below(before))
    }

    /// Returns the size that the sender believes the witness cosigned last.
    #[must_use]
    pub fn old(&self) -> TreeSize {
        self.old
    }

    /// Returns the consistency proof from the old size; must be empty where that is 0.
    #[must_use]
    pub fn proof(&self) -> &[Hash] {
        &self.proof
    }

    /// Returns the note of the new checkpoint.
    #[must_use]
    pub fn note(&self) -> &Note {
        &self.note
    }
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.note)
    }
}

/// Returns the body of a 409 answer: the size that the witness cosigned last.
#[must_use]
pub fn format_conflict(latest: TreeSize) -> String {
    format!("{latest}\n")
}

/// Parses the body of a 409 answer.
///
/// # Errors
/// `Line` if it is not one decimal number and a line feed.
pub fn parse_conflict(bytes: &[u8]) -> Result<TreeSize, HeadError> {
    let size = text(bytes, 20)?.strip_suffix('\n').and_then(TreeSize::parse);
    size.ok_or(HeadError::Line { line: 1, wanted: "a tree size" })
}

/// Returns the body of a 200 answer: signature lines, each ended by a line feed.
#[must_use]
pub fn format_cosignatures(lines: &[SignatureLine]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// Parses the body of a 200 answer, to be given to [`super::checkpoint::SignedCheckpoint::merge`].
///
/// # Errors
/// `TooMany`, `NotText`, or `Line` if there is no line or one is not a signature line.
pub fn parse_cosignatures(bytes: &[u8]) -> Result<Vec<SignatureLine>, HeadError> {
    parse_lines(text(bytes, NOTE_LIMIT)?, 0)
}

/// Returns the path, below a witness's monitoring prefix, of the newest checkpoint it cosigned for an origin.
#[must_use]
pub fn monitor_path(origin: &str) -> String {
    format!("{}/checkpoint", hex(&Sha256::digest(origin)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::cosignature;
    use super::*;
    use crate::keys::SigningKey;
    use crate::keys::name::{KeyKind, KeyName, SignerKey};
    use crate::tree::leaf_hash;

    fn key(kind: KeyKind) -> SignerKey {
        SignerKey::new(KeyName::new("nursery.example/ledger").unwrap(), kind, SigningKey::from_seed(&[1; 32]))
    }

    fn request(hashes: usize) -> AddCheckpoint {
        let log = key(KeyKind::LogKey);
        let checkpoint = Checkpoint::new(log.public().name(), TreeSize(9), leaf_hash(b""));
        AddCheckpoint::new(TreeSize(5), vec![leaf_hash(b"x"); hashes], checkpoint.sign(&[&log]).unwrap()).unwrap()
    }

    #[test]
    fn requests_are_read_back() {
        for hashes in [0, 1, 63] {
            let text = request(hashes).to_string();
            assert!(text.starts_with("old 5\n"));
            assert_eq!(AddCheckpoint::parse(text.as_bytes()), Ok(request(hashes)));
        }
    }

    #[test]
    fn malformed_requests_are_refused_with_the_line() {
        let good = request(2).to_string();
        for (from, to, at) in [
            ("old 5", "old 05", 1),
            ("old 5", "old  5", 1),
            ("old 5", "Old 5", 1),
            ("old 5\n", "", 1),
            ("old 5\n", "old 5\nx\n", 2),
            ("old 5\n", "old 5\n\n", 4),
            ("\n9\n", "\n09\n", 6),
            ("\u{2014} nursery", "\u{2014}nursery", 9),
        ] {
            let bad = good.replacen(from, to, 1);
            let refused = AddCheckpoint::parse(bad.as_bytes());
            assert!(matches!(refused, Err(HeadError::Line { line, .. }) if line == at), "{bad:?} {refused:?}");
        }
        let one_more = request(63).to_string().replace("old 5\n", &format!("old 5\n{}\n", leaf_hash(b"")));
        let too_many = Err(HeadError::TooMany { what: "hashes", limit: 63 });
        assert_eq!(AddCheckpoint::parse(one_more.as_bytes()), too_many);
        assert!(AddCheckpoint::parse(&vec![b'a'; REQUEST_LIMIT + 1]).is_err());
    }

    #[test]
    fn conflicts_and_answers_are_read_back() {
        assert_eq!(format_conflict(TreeSize(12)), "12\n");
        assert_eq!(parse_conflict(b"12\n"), Ok(TreeSize(12)));
        for bad in ["", "\n", "12", "012\n", "12\n\n", "12 \n", "9223372036854775808\n", "000000000000000000000000\n"] {
            assert!(parse_conflict(bad.as_bytes()).is_err(), "{bad:?}");
        }
        let line = cosignature::sign(request(0).note().text(), &key(KeyKind::Cosigner), 5).unwrap();
        let body = format_cosignatures(&[line.clone(), line.clone()]);
        assert_eq!(parse_cosignatures(body.as_bytes()), Ok(vec![line.clone(), line]));
        for bad in ["", "\n", body.trim_end(), &format!("{body}\n"), &format!("\n{body}")] {
            assert!(matches!(parse_cosignatures(bad.as_bytes()), Err(HeadError::Line { .. })), "{bad:?}");
        }
    }

    #[test]
    fn origins_are_looked_up_by_their_hash() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855/checkpoint";
        assert_eq!(monitor_path(""), empty);
    }

    proptest! {
        #[test]
        fn what_parses_is_printed_again(at in 0usize..400, with: u8, junk: Vec<u8>, hashes in 0usize..4) {
            let mut altered = request(hashes).to_string().into_bytes();
            let length = altered.len();
            altered[at % length] = with;
            for bytes in [altered, junk] {
                if let Ok(read) = AddCheckpoint::parse(&bytes) {
                    prop_assert_eq!(read.to_string().into_bytes(), &bytes[..]);
                }
                if let Ok(size) = parse_conflict(&bytes) {
                    prop_assert_eq!(format_conflict(size).into_bytes(), &bytes[..]);
                }
                if let Ok(lines) = parse_cosignatures(&bytes) {
                    prop_assert_eq!(format_cosignatures(&lines).into_bytes(), &bytes[..]);
                }
            }
        }
    }
}
