//! Drafts: what was typed and could not be entered yet. `cabinet/drafts/<draft id>.age`, for its author's device only.
//!
//! Content version 1 is the draft id 4, when it was saved (i64 ms UTC), a u64 length and the bytes as given.

use std::fmt;
use std::path::{Path, PathBuf};

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::cabinet::wrap::{AgeSecret, Recipient};
use crate::cabinet::{self, CabinetError, Durable, Opened};
use crate::codec::context::parse_hex;
use crate::codec::{Bytes, CodecError};
use crate::store::durable;

/// Largest draft in bytes (2 MiB: the words of one entry and what goes with them).
pub const DRAFT_LIMIT: usize = 1 << 21;

/// Names a draft: 8 hex digits, short enough to be typed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DraftId(Bytes<4>);

impl DraftId {
    /// Parses 8 lowercase hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        parse_hex(text).map(|bytes| DraftId(Bytes(bytes)))
    }
}

impl fmt::Display for DraftId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Debug for DraftId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A draft of one's own, in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DraftLine {
    /// Its id.
    pub id: DraftId,
    /// When it was saved, in ms UTC.
    pub saved_ms: i64,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct Content {
    #[zeroize(skip)]
    id: DraftId,
    saved_ms: i64,
    bytes: Vec<u8>,
}

/// A draft of anybody's: what its file shows to whoever holds the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DraftFile {
    /// Its id.
    pub id: DraftId,
    /// When the file was last written, in ms UTC, as the file system has it.
    pub written_ms: i64,
}

/// Seals a draft to its author and returns its new id; durable when it returns.
///
/// # Errors
/// `Content` for more than [`DRAFT_LIMIT`] bytes; `Wrap` and `Disk`.
pub fn save(
    cabinet: &Path,
    bytes: &[u8],
    now_ms: i64,
    author: Recipient,
    rng: &mut impl CryptoRng,
) -> Result<DraftId, CabinetError> {
    let mut id = DraftId(Bytes([0; 4]));
    loop {
        rng.fill_bytes(&mut id.0.0);
        if !durable::exists(&path(cabinet, id)) {
            break;
        }
    }
    save_again(cabinet, id, bytes, now_ms, author)?;
    Ok(id)
}

/// Seals a draft under an id that it has, in the place of what was kept under it. A power cut leaves the old or the new.
///
/// # Errors
/// As [`save`].
pub fn save_again(
    cabinet: &Path,
    id: DraftId,
    bytes: &[u8],
    now_ms: i64,
    author: Recipient,
) -> Result<(), CabinetError> {
    if bytes.len() > DRAFT_LIMIT {
        return Err(CodecError::TooLong { length: bytes.len(), limit: DRAFT_LIMIT }.into());
    }
    let content = Content { id, saved_ms: now_ms, bytes: bytes.to_vec() };
    cabinet::put(&path(cabinet, id), &cabinet::seal(&content, &[author])?, Durable::Now)
}

/// Lists everybody's drafts by what their files show, the oldest first: no author, no kind, no word.
///
/// # Errors
/// `Disk`.
pub fn everybodys(cabinet: &Path) -> Result<Vec<DraftFile>, CabinetError> {
    let mut all = Vec::new();
    for (id, path) in cabinet::files(&cabinet.join("drafts"), ".age", DraftId::parse)? {
        match durable::written_ms(&path) {
            Ok(written_ms) => all.push(DraftFile { id, written_ms }),
            // Entered or discarded since the folder was listed.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    all.sort_by_key(|file| (file.written_ms, file.id));
    Ok(all)
}

/// Lists the drafts that this secret opens, the oldest first; those of others are counted.
///
/// # Errors
/// `Disk`.
pub fn list(cabinet: &Path, secret: &AgeSecret) -> Result<Opened<DraftLine>, CabinetError> {
    let files = cabinet::files(&cabinet.join("drafts"), ".age", DraftId::parse)?;
    let mut all = cabinet::open_all(files, |id, path| Ok(DraftLine { id, saved_ms: open(id, path, secret)?.saved_ms }));
    all.opened.sort_by_key(|line| (line.saved_ms, line.id));
    Ok(all)
}

/// Opens a draft of one's own.
///
/// # Errors
/// `Missing`; `Wrap` if it is another's; `Misplaced` if the file holds another draft.
pub fn load(cabinet: &Path, id: DraftId, secret: &AgeSecret) -> Result<Zeroizing<Vec<u8>>, CabinetError> {
    let mut content = open(id, &path(cabinet, id), secret)?;
    Ok(Zeroizing::new(std::mem::take(&mut content.bytes)))
}

/// Destroys a draft of one's own: overwritten, then removed.
///
/// # Errors
/// As [`load`]: what does not open is not destroyed.
pub fn discard(cabinet: &Path, id: DraftId, secret: &AgeSecret) -> Result<(), CabinetError> {
    open(id, &path(cabinet, id), secret)?;
    Ok(durable::destroy(&path(cabinet, id))?)
}

fn open(id: DraftId, path: &Path, secret: &AgeSecret) -> Result<Content, CabinetError> {
    let content: Content = cabinet::load(path, secret)?;
    if content.id == id { Ok(content) } else { Err(CabinetError::Misplaced) }
}

fn path(cabinet: &Path, id: DraftId) -> PathBuf {
    cabinet.join("drafts").join(format!("{id}.age"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::cabinet::tests::{recipients, secret, stream};
    use crate::cabinet::wrap::wrap;
    use crate::codec::pad;

    use super::*;

    #[test]
    fn drafts_are_their_authors_alone() {
        let folder = tempfile::tempdir().unwrap();
        let cabinet = folder.path();
        let (sam, ana) = (recipients(&[1])[0], recipients(&[2])[0]);
        let late = save(cabinet, b"late", 200, sam, &mut stream(1)).unwrap();
        let early = save(cabinet, b"early", 100, sam, &mut stream(2)).unwrap();
        let hers = save(cabinet, b"hers", 150, ana, &mut stream(3)).unwrap();
        let all = list(cabinet, &secret(1)).unwrap();
        assert_eq!(all.opened.iter().map(|d| (d.id, d.saved_ms)).collect::<Vec<_>>(), [(early, 100), (late, 200)]);
        assert_eq!((all.closed, all.damaged.len()), (1, 0));
        assert_eq!(late.to_string().len(), 8);
        assert_eq!(**load(cabinet, DraftId::parse(&late.to_string()).unwrap(), &secret(1)).unwrap(), *b"late");
        assert!(load(cabinet, hers, &secret(1)).is_err());
        assert!(discard(cabinet, hers, &secret(1)).is_err());
        discard(cabinet, late, &secret(1)).unwrap();
        assert!(matches!(load(cabinet, late, &secret(1)), Err(CabinetError::Missing)));
        assert_eq!(list(cabinet, &secret(1)).unwrap().opened.len(), 1);
        assert!(load(cabinet, hers, &secret(2)).is_ok());
    }

    #[test]
    fn a_draft_is_kept_again_in_its_place_and_everybody_can_count() {
        let folder = tempfile::tempdir().unwrap();
        let (sam, ana) = (recipients(&[1])[0], recipients(&[2])[0]);
        let id = save(folder.path(), b"hungry", 1, sam, &mut stream(1)).unwrap();
        save_again(folder.path(), id, b"hungry, and tired", 2, sam).unwrap();
        assert_eq!(**load(folder.path(), id, &secret(1)).unwrap(), *b"hungry, and tired");
        assert_eq!(list(folder.path(), &secret(1)).unwrap().opened, [DraftLine { id, saved_ms: 2 }]);
        assert!(save_again(folder.path(), id, &vec![0; DRAFT_LIMIT + 1], 3, sam).is_err());
        let hers = save(folder.path(), b"hers", 3, ana, &mut stream(2)).unwrap();
        let all = everybodys(folder.path()).unwrap();
        let mut ids: Vec<DraftId> = all.iter().map(|file| file.id).collect();
        ids.sort_unstable();
        let mut expected = vec![id, hers];
        expected.sort_unstable();
        assert_eq!(ids, expected);
        // The time is the file system's, not that of the content.
        assert!(all.iter().all(|file| file.written_ms > 1_600_000_000_000));
    }

    #[test]
    fn an_id_that_is_taken_is_not_given_again() {
        let folder = tempfile::tempdir().unwrap();
        let sam = recipients(&[1])[0];
        let first = save(folder.path(), b"one", 1, sam, &mut stream(1)).unwrap();
        let second = save(folder.path(), b"two", 2, sam, &mut stream(1)).unwrap();
        assert_ne!(first, second);
        let file = durable::read(&path(folder.path(), first), 1 << 20).unwrap();
        durable::replace(&path(folder.path(), second), &file).unwrap();
        assert!(matches!(load(folder.path(), second, &secret(1)), Err(CabinetError::Misplaced)));
        assert!(save(folder.path(), &vec![0; DRAFT_LIMIT + 1], 1, sam, &mut stream(2)).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_content_panics(content in proptest::collection::vec(any::<u8>(), 0..300), name in "\\PC{0,12}") {
            let folder = tempfile::tempdir().unwrap();
            let mut versioned = vec![1];
            versioned.extend_from_slice(&content);
            let id = DraftId(Bytes([0; 4]));
            let file = wrap(&pad(&versioned), &recipients(&[1])).unwrap();
            cabinet::put(&path(folder.path(), id), &file, Durable::Now).unwrap();
            let _ = load(folder.path(), id, &secret(1));
            let _ = DraftId::parse(&name);
        }
    }
}
