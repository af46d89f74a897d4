//! What a second person is to judge who oversees nothing: `cabinet/second/<statement digest>.age`, for the devices of chair and
//! owner. It opens the structure of the entry that waits for their word, and of those that it rests on; no words.
//!
//! Content version 1: for each entry the digest of its statement 32 and the content key of its structure part 32, behind a
//! u64 count. It is destroyed when the word is said.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::cabinet::wrap::{AgeSecret, Recipient};
use crate::cabinet::{self, CabinetError, Durable, Opened};
use crate::codec::{Bytes, Digest};
use crate::seal::structure::ContentKey;
use crate::store::durable;

/// What opens the structure of one entry.
pub type Shown = (Digest, ContentKey);

#[derive(Serialize, Deserialize)]
struct Content(Vec<(Digest, Bytes<32>)>);

impl Drop for Content {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(|(_, key)| key.0.zeroize());
    }
}

/// Shows the structure of entries to others, for the entry of that digest, which waits; durable when it returns.
///
/// # Errors
/// `Wrap`, `Content` and `Disk`.
pub fn show(cabinet: &Path, waits: &Digest, shown: &[Shown], to: &[Recipient]) -> Result<(), CabinetError> {
    let content = Content(shown.iter().map(|(digest, key)| (*digest, Bytes(*key.as_bytes()))).collect());
    cabinet::put(&path(cabinet, waits), &cabinet::seal(&content, to)?, Durable::Now)
}

/// Returns which entries are shown to somebody, by the digests of their statements, from the file names alone.
///
/// # Errors
/// `Disk`.
pub fn waiting(cabinet: &Path) -> Result<Vec<Digest>, CabinetError> {
    let files = cabinet::files(&cabinet.join("second"), ".age", Digest::parse)?;
    Ok(files.into_iter().map(|(digest, _)| digest).collect())
}

/// Opens all that is shown to this secret.
///
/// # Errors
/// `Disk` only: what does not open is counted or named.
pub fn load_all(cabinet: &Path, secret: &AgeSecret) -> Result<Opened<Vec<Shown>>, CabinetError> {
    let files = cabinet::files(&cabinet.join("second"), ".age", Digest::parse)?;
    Ok(cabinet::open_all(files, |_, path| {
        let content: Content = cabinet::load(path, secret)?;
        Ok(content.0.iter().map(|(digest, key)| (*digest, ContentKey::new(key.0))).collect())
    }))
}

/// Shows nothing any more for the entry of that digest: the file is overwritten, removed, and its folder synced. Nothing
/// happens if there is none.
///
/// # Errors
/// `Disk`.
pub fn take_back(cabinet: &Path, waits: &Digest) -> Result<(), CabinetError> {
    let path = path(cabinet, waits);
    if durable::exists(&path) {
        durable::destroy(&path)?;
    }
    Ok(())
}

fn path(cabinet: &Path, waits: &Digest) -> PathBuf {
    cabinet.join("second").join(format!("{waits}.age"))
}

#[cfg(test)]
mod tests {
    use crate::cabinet::tests::{recipients, secret};
    use crate::cabinet::wrap::WRAP_LIMIT;

    use super::*;

    #[test]
    fn only_whom_it_is_for_opens_it_and_only_until_it_is_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (Digest::new([1; 32]), Digest::new([2; 32]));
        let shown = [(one, ContentKey::new([3; 32])), (other, ContentKey::new([4; 32]))];
        assert!(waiting(folder.path()).unwrap().is_empty());
        show(folder.path(), &one, &shown, &recipients(&[7])).unwrap();
        assert_eq!(waiting(folder.path()).unwrap(), [one]);
        let opened = load_all(folder.path(), &secret(7)).unwrap().opened;
        assert!(opened.len() == 1 && opened[0] == shown);
        let closed = load_all(folder.path(), &secret(8)).unwrap();
        assert_eq!((closed.opened.len(), closed.closed), (0, 1));
        take_back(folder.path(), &one).unwrap();
        take_back(folder.path(), &one).unwrap();
        assert!(waiting(folder.path()).unwrap().is_empty());
    }

    #[test]
    fn files_of_other_names_and_damaged_ones_show_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let one = Digest::new([1; 32]);
        show(folder.path(), &one, &[(one, ContentKey::new([3; 32]))], &recipients(&[7])).unwrap();
        let whole = durable::read(&path(folder.path(), &one), WRAP_LIMIT).unwrap();
        durable::replace(&folder.path().join("second/readme.age"), &whole).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            durable::replace(&path(folder.path(), &one), &bytes).unwrap();
            assert!(load_all(folder.path(), &secret(7)).unwrap().opened.is_empty(), "{at}");
        }
    }
}
