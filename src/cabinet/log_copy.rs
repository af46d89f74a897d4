//! The copy of the log's key for recovery: `cabinet/log-key.age`, for the recovery sheet alone; and while a new key waits
//! for a second person `cabinet/log-key.next.age`, for the sheet that will be in force with it.
//!
//! Content version 1 is the key's text as it stands in the key file of the machine that appends (a text: u64 length and
//! the bytes). Only who holds the sheet can open it, so whoever has the key makes it anew and never reads it.

use std::path::Path;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::cabinet::wrap::{AgeSecret, Recipient, WrapError};
use crate::cabinet::{self, CabinetError, Durable};
use crate::store::durable;

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct Content {
    key: String,
}

/// Puts the copy into the cabinet, in place of an older one; durable when it returns.
///
/// # Errors
/// `Wrap` and `Disk`.
pub fn save(cabinet: &Path, key: &str, recovery: Recipient) -> Result<(), CabinetError> {
    let content = Content { key: key.to_owned() };
    cabinet::put(&cabinet.join(FILE), &cabinet::seal(&content, &[recovery])?, Durable::Now)
}

/// Puts the copy of a key that waits into the cabinet, as [`save`] does.
///
/// # Errors
/// As [`save`].
pub fn save_next(cabinet: &Path, key: &str, recovery: Recipient) -> Result<(), CabinetError> {
    let content = Content { key: key.to_owned() };
    cabinet::put(&cabinet.join(NEXT), &cabinet::seal(&content, &[recovery])?, Durable::Now)
}

/// Destroys the copy of a key that waits, if there is one: it counts now, or never will.
///
/// # Errors
/// `Disk`.
pub fn drop_next(cabinet: &Path) -> Result<(), CabinetError> {
    match durable::destroy(&cabinet.join(NEXT)).map_err(CabinetError::from) {
        Err(CabinetError::Missing) => Ok(()),
        other => other,
    }
}

/// Opens the copy.
///
/// # Errors
/// `Missing`, also for one whose destruction was broken off; `Wrap` if it is not for this secret; `Content` if it is no such
/// file.
pub fn load(cabinet: &Path, secret: &AgeSecret) -> Result<Zeroizing<String>, CabinetError> {
    open(&cabinet.join(FILE), secret)
}

/// Opens the copy of a key that waits.
///
/// # Errors
/// As [`load`].
pub fn load_next(cabinet: &Path, secret: &AgeSecret) -> Result<Zeroizing<String>, CabinetError> {
    open(&cabinet.join(NEXT), secret)
}

fn open(path: &Path, secret: &AgeSecret) -> Result<Zeroizing<String>, CabinetError> {
    let mut content: Content = match cabinet::load(path, secret) {
        Err(CabinetError::Wrap(WrapError::Damaged)) if cabinet::is_overwritten(path)? => {
            return Err(CabinetError::Missing);
        }
        other => other?,
    };
    Ok(Zeroizing::new(std::mem::take(&mut content.key)))
}

/// Whether there is a copy, whoever can open it.
#[must_use]
pub fn is_there(cabinet: &Path) -> bool {
    durable::exists(&cabinet.join(FILE))
}

const FILE: &str = "log-key.age";
const NEXT: &str = "log-key.next.age";

#[cfg(test)]
mod tests {
    use crate::cabinet::tests::secret;
    use crate::store::faulty::FaultyFiles;

    use super::*;

    #[test]
    fn only_the_sheet_opens_the_newest_copy() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_there(folder.path()));
        assert!(matches!(load(folder.path(), &secret(1)), Err(CabinetError::Missing)));
        save(folder.path(), "first", secret(1).recipient()).unwrap();
        assert_eq!(&**load(folder.path(), &secret(1)).unwrap(), "first");
        save(folder.path(), "second", secret(2).recipient()).unwrap();
        assert!(matches!(load(folder.path(), &secret(1)), Err(CabinetError::Wrap(WrapError::NotForThis))));
        assert_eq!(&**load(folder.path(), &secret(2)).unwrap(), "second");
        assert!(is_there(folder.path()));
        save_next(folder.path(), "third", secret(3).recipient()).unwrap();
        assert_eq!(&**load_next(folder.path(), &secret(3)).unwrap(), "third");
        drop_next(folder.path()).unwrap();
        drop_next(folder.path()).unwrap();
        assert!(matches!(load_next(folder.path(), &secret(3)), Err(CabinetError::Missing)));
        // Broken off between overwriting and removing.
        save_next(folder.path(), "third", secret(3).recipient()).unwrap();
        let files = FaultyFiles::fail_after(2);
        assert!(matches!(drop_next(folder.path()), Err(CabinetError::Disk(_))));
        drop(files);
        assert!(matches!(load_next(folder.path(), &secret(3)), Err(CabinetError::Missing)));
    }
}
