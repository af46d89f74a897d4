//! Statements that could not be entered under their own key any more: `cabinet/late/<author key>.<digest>.age`, for the
//! overseers and recovery. The entry `statement.late` names the digest; the bytes themselves stand here.
//!
//! Content version 1: signature 64, then statement, structure part and words part (each a u64 length and the bytes). The
//! words stay sealed to their folder. What an author exports out of the outbox is a file of the same form.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cabinet::wrap::{AgeSecret, Recipient, WRAP_LIMIT};
use crate::cabinet::{self, CabinetError, Durable, Opened};
use crate::codec::context::{hex, parse_hex};
use crate::codec::{Bytes, Digest};
use crate::store::durable;

/// A statement as its author signed it, with its parts.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateStatement {
    /// The author's signature.
    pub signature: Bytes<64>,
    /// What was signed.
    pub statement: Vec<u8>,
    /// The structure part as it would have gone into the entry.
    pub structure_part: Vec<u8>,
    /// The words part as it would have gone into the entry; empty where there is none.
    pub words_part: Vec<u8>,
}

impl std::fmt::Debug for LateStatement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a late statement of {} bytes", self.statement.len())
    }
}

/// Seals a statement for others.
///
/// # Errors
/// `Content` for more than a wrap may hold; `Wrap`.
pub fn seal(late: &LateStatement, recipients: &[Recipient]) -> Result<Vec<u8>, CabinetError> {
    cabinet::seal(late, recipients)
}

/// Opens what [`seal`] made.
///
/// # Errors
/// `Wrap` if it is not for this secret or damaged; `Content`.
pub fn open(file: &[u8], secret: &AgeSecret) -> Result<LateStatement, CabinetError> {
    cabinet::open(file, secret)
}

/// Keeps a statement in the cabinet; durable when it returns.
///
/// # Errors
/// `Wrap` and `Disk`.
pub fn keep(
    cabinet: &Path,
    author: &[u8; 32],
    digest: &Digest,
    late: &LateStatement,
    recipients: &[Recipient],
) -> Result<(), CabinetError> {
    cabinet::put(&path(cabinet, author, digest), &seal(late, recipients)?, Durable::Now)
}

/// Returns the digests of an author's late statements, from the file names alone.
///
/// # Errors
/// `Disk`.
pub fn of_author(cabinet: &Path, author: &[u8; 32]) -> Result<Vec<Digest>, CabinetError> {
    let files = cabinet::files(&cabinet.join("late"), ".age", parse_name)?;
    Ok(files.into_iter().filter(|((key, _), _)| key == author).map(|((_, digest), _)| digest).collect())
}

/// A late statement with its author's key and its digest, as its file's name has them.
pub type Kept = ([u8; 32], Digest, LateStatement);

/// Opens every late statement that this secret opens.
///
/// # Errors
/// `Disk` only: what does not open is counted or named.
pub fn load_all(cabinet: &Path, secret: &AgeSecret) -> Result<Opened<Kept>, CabinetError> {
    let files = cabinet::files(&cabinet.join("late"), ".age", parse_name)?;
    Ok(cabinet::open_all(files, |(author, digest), path| {
        Ok((author, digest, open(&durable::read(path, WRAP_LIMIT)?, secret)?))
    }))
}

fn path(cabinet: &Path, author: &[u8; 32], digest: &Digest) -> PathBuf {
    cabinet.join("late").join(format!("{}.{digest}.age", hex(author)))
}

fn parse_name(name: &str) -> Option<([u8; 32], Digest)> {
    let (author, digest) = name.split_once('.')?;
    Some((parse_hex(author)?, Digest::parse(digest)?))
}

#[cfg(test)]
mod tests {
    use crate::cabinet::tests::{recipients, secret};

    use super::*;

    #[test]
    fn overseers_open_what_anybody_can_count() {
        let folder = tempfile::tempdir().unwrap();
        let (statement, structure_part, words_part) = (vec![1; 300], vec![2; 400], vec![]);
        let late = LateStatement { signature: Bytes([3; 64]), statement, structure_part, words_part };
        let digest = Digest::new([4; 32]);
        assert!(of_author(folder.path(), &[5; 32]).unwrap().is_empty());
        keep(folder.path(), &[5; 32], &digest, &late, &recipients(&[1, 9])).unwrap();
        assert_eq!(of_author(folder.path(), &[5; 32]).unwrap(), [digest]);
        assert!(of_author(folder.path(), &[6; 32]).unwrap().is_empty());
        assert_eq!(load_all(folder.path(), &secret(9)).unwrap().opened, [([5; 32], digest, late)]);
        let closed = load_all(folder.path(), &secret(2)).unwrap();
        assert_eq!((closed.opened.len(), closed.closed), (0, 1));
    }
}
