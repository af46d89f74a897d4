//! The private halves of folder keys: `cabinet/folders/<folder key id>.age`, for the holders of a grant and recovery.
//!
//! Content version 1 is the 32 bytes of the X25519 private key. A punctured epoch will have a version of its own. The
//! file's name is the hash of the public half, so a key under another's name is noticed.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::cabinet::wrap::{AgeSecret, Recipient};
use crate::cabinet::{self, CabinetError, Durable, Opened};
use crate::codec::{Bytes, CodecError, FolderKeyId};
use crate::seal::words::FolderPrivate;
use crate::store::durable;

/// Wraps a folder's private key for its holders and recovery; durable when it returns. Returns its id.
///
/// # Errors
/// `Taken` if this key has a file already; `Wrap` and `Disk`.
pub fn save(cabinet: &Path, key: &FolderPrivate, recipients: &[Recipient]) -> Result<FolderKeyId, CabinetError> {
    let id = id_of(key)?;
    if durable::exists(&path(cabinet, id)) {
        return Err(CabinetError::Taken);
    }
    write(cabinet, id, key, recipients)?;
    Ok(id)
}

/// Opens one folder key.
///
/// # Errors
/// `Missing`; `Wrap` if it is not for this secret; `Misplaced` if the file holds another key.
pub fn load(cabinet: &Path, id: FolderKeyId, secret: &AgeSecret) -> Result<FolderPrivate, CabinetError> {
    open(id, &path(cabinet, id), secret)
}

/// Opens every folder key that this secret opens.
///
/// # Errors
/// `Disk` only: what does not open is counted or named.
pub fn load_all(cabinet: &Path, secret: &AgeSecret) -> Result<Opened<(FolderKeyId, FolderPrivate)>, CabinetError> {
    let files = cabinet::files(&cabinet.join("folders"), ".age", FolderKeyId::parse)?;
    Ok(cabinet::open_all(files, |id, path| Ok((id, open(id, path, secret)?))))
}

/// Wraps a folder key again, by one who holds it. An age file does not say whom it is for: give *all* who shall hold
/// the key from now on. Whoever opened the old file keeps the key: ending a grant needs a new epoch.
///
/// # Errors
/// As [`load`] and [`save`].
pub fn rewrap(
    cabinet: &Path,
    id: FolderKeyId,
    holder: &AgeSecret,
    recipients: &[Recipient],
) -> Result<(), CabinetError> {
    write(cabinet, id, &load(cabinet, id, holder)?, recipients)
}

fn write(cabinet: &Path, id: FolderKeyId, key: &FolderPrivate, recipients: &[Recipient]) -> Result<(), CabinetError> {
    let content = Zeroizing::new(Bytes(*key.as_bytes()));
    cabinet::put(&path(cabinet, id), &cabinet::seal(&*content, recipients)?, Durable::Now)
}

fn open(id: FolderKeyId, path: &Path, secret: &AgeSecret) -> Result<FolderPrivate, CabinetError> {
    let content = Zeroizing::new(cabinet::load::<Bytes<32>>(path, secret)?);
    let key = FolderPrivate::new(content.0);
    if id_of(&key)? == id { Ok(key) } else { Err(CabinetError::Misplaced) }
}

fn id_of(key: &FolderPrivate) -> Result<FolderKeyId, CabinetError> {
    Ok(key.public().map_err(|_| CodecError::Malformed)?.id())
}

fn path(cabinet: &Path, id: FolderKeyId) -> PathBuf {
    cabinet.join("folders").join(format!("{id}.age"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::cabinet::tests::{recipients, secret, stream};
    use crate::cabinet::wrap::WrapError;

    use super::*;

    #[test]
    fn holders_open_and_can_wrap_for_more() {
        let folder = tempfile::tempdir().unwrap();
        let cabinet = folder.path();
        assert!(load_all(cabinet, &secret(1)).unwrap().opened.is_empty());
        let key = FolderPrivate::generate(&mut stream(1));
        let id = save(cabinet, &key, &recipients(&[1, 9])).unwrap();
        let other = save(cabinet, &FolderPrivate::generate(&mut stream(2)), &recipients(&[9])).unwrap();
        assert!(matches!(save(cabinet, &key, &recipients(&[1])), Err(CabinetError::Taken)));
        assert_eq!(load(cabinet, id, &secret(1)).unwrap().as_bytes(), key.as_bytes());
        assert!(matches!(load(cabinet, id, &secret(2)), Err(CabinetError::Wrap(WrapError::NotForThis))));
        assert!(matches!(load(cabinet, FolderKeyId::ZERO, &secret(1)), Err(CabinetError::Missing)));
        assert!(rewrap(cabinet, id, &secret(2), &recipients(&[2])).is_err());
        rewrap(cabinet, id, &secret(1), &recipients(&[1, 2, 9])).unwrap();
        assert_eq!(load(cabinet, id, &secret(2)).unwrap().as_bytes(), key.as_bytes());
        let all = load_all(cabinet, &secret(2)).unwrap();
        assert_eq!((all.opened.len(), all.closed, all.damaged.len()), (1, 1, 0));
        // A key put under another's name is not taken for it, and does not stop the rest.
        let file = durable::read(&path(cabinet, id), 1 << 20).unwrap();
        durable::replace(&path(cabinet, other), &file).unwrap();
        assert!(matches!(load(cabinet, other, &secret(2)), Err(CabinetError::Misplaced)));
        let all = load_all(cabinet, &secret(2)).unwrap();
        assert_eq!((all.opened.len(), all.closed, all.damaged), (1, 0, vec![format!("{other}.age")]));
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
