//! Folder keys: `cabinet/folders/<folder key id>.age`, for the holders of a grant and recovery.
//!
//! Content version 1: the folder key id 32, what is held of the key (0: the X25519 private key 32; 1, a *punctured* epoch:
//! a list of entry number u64, statement digest 32 and words key 32, rising), the age recipients 32 each that the file is wrapped for, rising,
//! and the persons 16 each that are to be kept out. An age file does not say whom it is for; so it says so inside, and
//! whoever wraps it again knows who read it before. The file's name is the id, so a key under another's name is noticed.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::cabinet::wrap::{AgeSecret, Recipient, WrapError};
use crate::cabinet::{self, CabinetError, Durable, Opened};
use crate::codec::{Bytes, CodecError, Digest, FolderKeyId, PersonId};
use crate::seal::words::{FolderPrivate, WordsKey};
use crate::store::durable;

/// What is held of a folder's key.
#[derive(Clone)]
pub enum Held {
    /// The private key: it opens every entry sealed to the folder key.
    Whole(FolderPrivate),
    /// The words keys of the entries that remain, by number: all else is gone.
    Punctured(Vec<Kept>),
}

/// What a punctured epoch holds of one entry.
#[derive(Clone, PartialEq, Eq)]
pub struct Kept {
    /// The entry's number.
    pub entry: u64,
    /// The digest of its statement.
    pub digest: Digest,
    /// The key of its words part.
    pub key: WordsKey,
}

/// A folder key as its file holds it.
#[derive(Clone)]
pub struct FolderFile {
    /// The folder key's id.
    pub id: FolderKeyId,
    /// What is held of the key.
    pub held: Held,
    /// Whom the file is wrapped for, recovery included.
    pub readers: Vec<Recipient>,
    /// Persons who must not get a wrap, whatever their role: accused in what the folder holds.
    pub kept_out: Vec<PersonId>,
}

impl FolderFile {
    /// Returns the private key, if the epoch was not punctured.
    #[must_use]
    pub fn private(&self) -> Option<&FolderPrivate> {
        match &self.held {
            Held::Whole(key) => Some(key),
            Held::Punctured(_) => None,
        }
    }

    /// Returns the words keys of a punctured epoch by statement digest, with the folder key they were sealed to.
    pub fn kept(&self) -> impl Iterator<Item = (Digest, (WordsKey, FolderKeyId))> {
        let all = match &self.held {
            Held::Whole(_) => &[][..],
            Held::Punctured(all) => all,
        };
        all.iter().map(|kept| (kept.digest, (kept.key.clone(), self.id)))
    }

    /// Returns the words key of one entry, if the epoch was punctured and the entry remains.
    #[must_use]
    pub fn words_key(&self, entry: u64) -> Option<&WordsKey> {
        let Held::Punctured(keys) = &self.held else { return None };
        let at = keys.binary_search_by_key(&entry, |kept| kept.entry).ok()?;
        keys.get(at).map(|kept| &kept.key)
    }
}

impl std::fmt::Debug for FolderFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let held = match &self.held {
            Held::Whole(_) => "whole".to_owned(),
            Held::Punctured(keys) => format!("{} entries", keys.len()),
        };
        write!(f, "folder key {}: {held}, {} readers", self.id, self.readers.len())
    }
}

#[derive(Serialize, Deserialize)]
struct Content {
    id: FolderKeyId,
    held: RawHeld,
    readers: Vec<Bytes<32>>,
    kept_out: Vec<PersonId>,
}

#[derive(Serialize, Deserialize)]
enum RawHeld {
    Whole(Bytes<32>),
    Punctured(Vec<(u64, Digest, Bytes<32>)>),
}

impl Drop for Content {
    fn drop(&mut self) {
        match &mut self.held {
            RawHeld::Whole(key) => key.0.zeroize(),
            RawHeld::Punctured(keys) => keys.iter_mut().for_each(|(_, _, key)| key.0.zeroize()),
        }
    }
}

/// Wraps a folder's new private key for its holders and recovery; durable when it returns. Returns its id.
///
/// # Errors
/// `Taken` if this key has a file already; `Wrap` and `Disk`.
pub fn save(
    cabinet: &Path,
    key: &FolderPrivate,
    readers: &[Recipient],
    kept_out: &[PersonId],
) -> Result<FolderKeyId, CabinetError> {
    let id = id_of(key)?;
    if durable::exists(&path(cabinet, id)) {
        return Err(CabinetError::Taken);
    }
    let held = Held::Whole(key.clone());
    write(cabinet, &FolderFile { id, held, readers: readers.to_vec(), kept_out: kept_out.to_vec() })?;
    Ok(id)
}

/// Opens one folder key.
///
/// # Errors
/// `Missing`; `Wrap` if it is not for this secret; `Misplaced` if the file holds another key.
pub fn load(cabinet: &Path, id: FolderKeyId, secret: &AgeSecret) -> Result<FolderFile, CabinetError> {
    open(id, &path(cabinet, id), secret)
}

/// Opens every folder key that this secret opens.
///
/// # Errors
/// `Disk` only: what does not open is counted or named.
pub fn load_all(cabinet: &Path, secret: &AgeSecret) -> Result<Opened<FolderFile>, CabinetError> {
    let files = cabinet::files(&cabinet.join("folders"), ".age", FolderKeyId::parse)?;
    Ok(cabinet::open_all(files, |id, path| open(id, path, secret)))
}

/// Opens every folder key that this secret opens, and notes in the file `memo` which it did not: they are tried again only
/// when they changed. The memo names folder key ids, which are public, and nothing else.
///
/// # Errors
/// `Disk`.
pub fn load_ring(cabinet: &Path, secret: &AgeSecret, memo: &Path) -> Result<Vec<FolderFile>, CabinetError> {
    let known = durable::read(memo, MEMO_LIMIT).unwrap_or_default();
    let known: HashSet<&str> = std::str::from_utf8(&known).unwrap_or_default().lines().collect();
    let (mut ring, mut closed) = (Vec::new(), Vec::new());
    for (id, path) in cabinet::files(&cabinet.join("folders"), ".age", FolderKeyId::parse)? {
        let Ok(stamp) = durable::stamp(&path).or_else(|_| durable::stamp(&cabinet::left(&path))) else { continue };
        let line = format!("{id} {stamp:x}");
        if !known.contains(line.as_str()) {
            match open(id, &path, secret) {
                Ok(file) => {
                    ring.push(file);
                    continue;
                }
                Err(CabinetError::Wrap(WrapError::NotForThis)) => {}
                Err(_) => continue,
            }
        }
        closed.push(line);
    }
    if closed.len() != known.len() || closed.iter().any(|line| !known.contains(line.as_str())) {
        cabinet::put(memo, closed.join("\n").as_bytes(), Durable::Later)?;
    }
    Ok(ring)
}

/// Returns a number that is another one once the file of a folder key was put there, replaced or written to; none where
/// there is none.
#[must_use]
pub fn stamp(cabinet: &Path, id: FolderKeyId) -> Option<u64> {
    let path = path(cabinet, id);
    durable::stamp(&path).or_else(|_| durable::stamp(&cabinet::left(&path))).ok()
}

/// Puts a file in the place of the one that is there, for the readers it names; durable when it returns. Whoever opened
/// the old file keeps what it held: ending a grant needs a new epoch.
///
/// # Errors
/// `Wrap` and `Disk`.
pub fn write(cabinet: &Path, file: &FolderFile) -> Result<(), CabinetError> {
    put(&path(cabinet, file.id), file)
}

/// Puts what remains of an epoch beside its file and reads it back; durable when it returns. Nothing is destroyed yet.
///
/// # Errors
/// `Wrap` and `Disk`.
pub fn leave(cabinet: &Path, file: &FolderFile, secret: &AgeSecret) -> Result<FolderFile, CabinetError> {
    let beside = cabinet::left(&path(cabinet, file.id));
    put(&beside, file)?;
    decode(file.id, &cabinet::load(&beside, secret)?)
}

/// Destroys the file of an epoch for what remains of it, which [`leave`] put beside it; does nothing where nothing was.
///
/// # Errors
/// `Disk`; the call can be made again.
pub fn give_way(cabinet: &Path, id: FolderKeyId) -> Result<(), CabinetError> {
    cabinet::give_way(&path(cabinet, id))
}

fn put(path: &Path, file: &FolderFile) -> Result<(), CabinetError> {
    let mut readers: Vec<[u8; 32]> = file.readers.iter().map(|reader| *reader.as_bytes()).collect();
    readers.sort_unstable();
    readers.dedup();
    let held = match &file.held {
        Held::Whole(key) => RawHeld::Whole(Bytes(*key.as_bytes())),
        Held::Punctured(keys) => {
            let kept = |kept: &Kept| (kept.entry, kept.digest, Bytes(*kept.key.as_bytes()));
            RawHeld::Punctured(keys.iter().map(kept).collect())
        }
    };
    let readers = readers.into_iter().map(Bytes).collect();
    let content = Content { id: file.id, held, readers, kept_out: file.kept_out.clone() };
    cabinet::put(path, &cabinet::seal(&content, &file.readers)?, Durable::Now)
}

fn open(id: FolderKeyId, path: &Path, secret: &AgeSecret) -> Result<FolderFile, CabinetError> {
    decode(id, &cabinet::load_or_left(path, secret)?)
}

fn decode(id: FolderKeyId, content: &Content) -> Result<FolderFile, CabinetError> {
    let held = match &content.held {
        RawHeld::Whole(key) => Held::Whole(FolderPrivate::new(key.0)),
        RawHeld::Punctured(keys) => {
            if !keys.is_sorted_by(|(a, ..), (b, ..)| a < b) {
                return Err(CodecError::Malformed.into());
            }
            let kept = |(entry, digest, key): &(u64, Digest, Bytes<32>)| Kept {
                entry: *entry,
                digest: *digest,
                key: WordsKey::new(key.0),
            };
            Held::Punctured(keys.iter().map(kept).collect())
        }
    };
    let fits = match &held {
        Held::Whole(key) => id_of(key)? == id,
        Held::Punctured(_) => true,
    };
    if content.id != id || !fits {
        return Err(CabinetError::Misplaced);
    }
    let readers = content.readers.iter().map(|bytes| Recipient::from_bytes(bytes.0)).collect::<Result<_, _>>()?;
    Ok(FolderFile { id, held, readers, kept_out: content.kept_out.clone() })
}

fn id_of(key: &FolderPrivate) -> Result<FolderKeyId, CabinetError> {
    Ok(key.public().map_err(|_| CodecError::Malformed)?.id())
}

fn path(cabinet: &Path, id: FolderKeyId) -> PathBuf {
    cabinet.join("folders").join(format!("{id}.age"))
}

/// Most bytes of a memo of closed files.
const MEMO_LIMIT: usize = 1 << 24;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::cabinet::tests::{recipients, secret, stream};
    use crate::cabinet::wrap;

    use super::*;

    #[test]
    fn holders_open_and_can_wrap_for_more() {
        let folder = tempfile::tempdir().unwrap();
        let cabinet = folder.path();
        assert!(load_all(cabinet, &secret(1)).unwrap().opened.is_empty());
        let key = FolderPrivate::generate(&mut stream(1));
        let id = save(cabinet, &key, &recipients(&[9, 1]), &[]).unwrap();
        let other = save(cabinet, &FolderPrivate::generate(&mut stream(2)), &recipients(&[9]), &[]).unwrap();
        assert!(matches!(save(cabinet, &key, &recipients(&[1]), &[]), Err(CabinetError::Taken)));
        let bytes = |number| *load(cabinet, id, &secret(number)).unwrap().private().unwrap().as_bytes();
        assert_eq!(bytes(1), *key.as_bytes());
        let mut expected = recipients(&[1, 9]);
        expected.sort_by_key(|reader| *reader.as_bytes());
        assert_eq!(load(cabinet, id, &secret(1)).unwrap().readers, expected);
        assert!(matches!(load(cabinet, id, &secret(2)), Err(CabinetError::Wrap(WrapError::NotForThis))));
        assert!(matches!(load(cabinet, FolderKeyId::ZERO, &secret(1)), Err(CabinetError::Missing)));
        let file = load(cabinet, id, &secret(1)).unwrap();
        let more = FolderFile { readers: recipients(&[1, 2, 9]), kept_out: vec![PersonId::new([7; 16])], ..file };
        write(cabinet, &more).unwrap();
        assert_eq!(bytes(2), *key.as_bytes());
        assert_eq!(load(cabinet, id, &secret(2)).unwrap().kept_out, [PersonId::new([7; 16])]);
        let all = load_all(cabinet, &secret(2)).unwrap();
        assert_eq!((all.opened.len(), all.closed, all.damaged.len()), (1, 1, 0));
        // A key put under another's name is not taken for it, and does not stop the rest.
        let file = durable::read(&path(cabinet, id), 1 << 20).unwrap();
        durable::replace(&path(cabinet, other), &file).unwrap();
        assert!(matches!(load(cabinet, other, &secret(2)), Err(CabinetError::Misplaced)));
        let all = load_all(cabinet, &secret(2)).unwrap();
        assert_eq!((all.opened.len(), all.closed, all.damaged), (1, 0, vec![format!("{other}.age")]));
    }

    #[test]
    fn what_is_closed_is_tried_again_when_it_changed() {
        let folder = tempfile::tempdir().unwrap();
        let (cabinet, memo) = (folder.path(), folder.path().join("memo"));
        let ids: Vec<FolderKeyId> = (0..3)
            .map(|n| save(cabinet, &FolderPrivate::generate(&mut stream(n)), &recipients(&[9]), &[]).unwrap())
            .collect();
        let ring = || load_ring(cabinet, &secret(1), &memo).unwrap().into_iter().map(|file| file.id);
        assert_eq!(ring().count(), 0);
        assert_eq!(durable::read(&memo, 1 << 20).unwrap().split(|b| *b == b'\n').count(), 3);
        let file = load(cabinet, ids[1], &secret(9)).unwrap();
        write(cabinet, &FolderFile { readers: recipients(&[1, 9]), ..file }).unwrap();
        assert_eq!(ring().collect::<Vec<_>>(), [ids[1]]);
        assert_eq!(ring().collect::<Vec<_>>(), [ids[1]]);
        let file = load(cabinet, ids[1], &secret(9)).unwrap();
        write(cabinet, &FolderFile { readers: recipients(&[9]), ..file }).unwrap();
        assert_eq!(ring().count(), 0);
    }

    #[test]
    fn a_punctured_epoch_holds_the_entries_that_remain() {
        let folder = tempfile::tempdir().unwrap();
        let cabinet = folder.path();
        let key = FolderPrivate::generate(&mut stream(3));
        let id = save(cabinet, &key, &recipients(&[1, 9]), &[]).unwrap();
        let file_id = id;
        let kept = |entry| Kept { entry, digest: Digest::ZERO, key: WordsKey::new([entry as u8; 32]) };
        let keys: Vec<Kept> = (4..9).map(kept).collect();
        let file = FolderFile { held: Held::Punctured(keys), ..load(cabinet, id, &secret(1)).unwrap() };
        write(cabinet, &file).unwrap();
        let read = load(cabinet, id, &secret(9)).unwrap();
        assert!(read.private().is_none() && read.words_key(3).is_none() && read.words_key(9).is_none());
        assert_eq!(read.words_key(5).unwrap().as_bytes(), &[5; 32]);
        assert_eq!(format!("{read:?}"), format!("folder key {id}: 5 entries, 2 readers"));
        // The same through a puncture, which may be broken off at each step: the file opens all the way.
        let other = FolderPrivate::generate(&mut stream(4));
        let id = save(cabinet, &other, &recipients(&[1, 9]), &[]).unwrap();
        let before = durable::read(&path(cabinet, id), 1 << 20).unwrap();
        let whole = load(cabinet, id, &secret(1)).unwrap();
        let left = FolderFile { held: Held::Punctured((4..9).map(kept).collect()), ..whole };
        assert_eq!(leave(cabinet, &left, &secret(1)).unwrap().words_key(8).unwrap().as_bytes(), &[8; 32]);
        assert!(load(cabinet, id, &secret(9)).unwrap().private().is_some());
        let half = |bytes: &[u8]| [&vec![0; bytes.len() / 2], &bytes[bytes.len() / 2..]].concat();
        for old in [half(&before), vec![0; before.len()]] {
            durable::copy_unsynced(&path(cabinet, id), &old).unwrap();
            assert!(load(cabinet, id, &secret(9)).unwrap().words_key(5).is_some());
        }
        durable::remove(&path(cabinet, id)).unwrap();
        let count = |number| load_all(cabinet, &secret(number)).unwrap().opened.len();
        assert_eq!((count(9), load_ring(cabinet, &secret(9), &folder.path().join("memo")).unwrap().len()), (2, 2));
        give_way(cabinet, id).unwrap();
        give_way(cabinet, id).unwrap();
        assert_eq!((count(9), count(1)), (2, 2));
        assert_eq!(durable::list(&cabinet.join("folders")).unwrap().len(), 2);
        let id = file_id;
        // The private key is nowhere in the file, not even for who opens it.
        let bytes = wrap::unwrap(&durable::read(&path(cabinet, id), 1 << 20).unwrap(), &secret(1)).unwrap();
        assert!(!bytes.windows(32).any(|window| window == key.as_bytes()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn no_content_panics(content in proptest::collection::vec(any::<u8>(), 0..300), bare in any::<bool>()) {
            let folder = tempfile::tempdir().unwrap();
            let wrapped = crate::cabinet::wrap::wrap(&content, &recipients(&[1])).unwrap();
            let file = if bare { &content } else { &wrapped };
            cabinet::put(&path(folder.path(), FolderKeyId::ZERO), file, Durable::Now).unwrap();
            prop_assert!(load(folder.path(), FolderKeyId::ZERO, &secret(1)).is_err());
        }
    }
}
