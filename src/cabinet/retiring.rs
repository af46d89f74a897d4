//! What is being retired: `cabinet/retiring.age`, for the overseers and recovery, from before the ledger says that keys
//! are destroyed until they are. Whoever finds it goes on where a crash broke off.
//!
//! Content version 1 is the number u64 of the entry that approved it.

use std::path::Path;

use crate::cabinet::wrap::{AgeSecret, Recipient, WrapError};
use crate::cabinet::{self, CabinetError, Durable};
use crate::store::durable;

/// Says that what an entry approved is being carried out; durable when it returns.
///
/// # Errors
/// `Wrap` and `Disk`.
pub fn begin(cabinet: &Path, approved: u64, recipients: &[Recipient]) -> Result<(), CabinetError> {
    cabinet::put(&cabinet.join(FILE), &cabinet::seal(&approved, recipients)?, Durable::Now)
}

/// Returns the entry whose approval is being carried out; none if nothing is, or it is not for this secret.
///
/// # Errors
/// `Disk`, and `Wrap` for a damaged file.
pub fn pending(cabinet: &Path, secret: &AgeSecret) -> Result<Option<u64>, CabinetError> {
    let path = cabinet.join(FILE);
    match cabinet::load(&path, secret) {
        Ok(approved) => Ok(Some(approved)),
        // Broken off in `end`, between overwriting and removing: all of it is done.
        Err(CabinetError::Wrap(WrapError::Damaged)) if cabinet::is_overwritten(&path)? => {
            end(cabinet)?;
            Ok(None)
        }
        Err(CabinetError::Missing | CabinetError::Wrap(WrapError::NotForThis)) => Ok(None),
        Err(other) => Err(other),
    }
}

/// Says that all of it is done.
///
/// # Errors
/// `Disk`.
pub fn end(cabinet: &Path) -> Result<(), CabinetError> {
    match durable::destroy(&cabinet.join(FILE)).map_err(CabinetError::from) {
        Err(CabinetError::Missing) => Ok(()),
        other => other,
    }
}

const FILE: &str = "retiring.age";

#[cfg(test)]
mod tests {
    use crate::cabinet::tests::{recipients, secret};
    use crate::store::faulty::FaultyFiles;

    use super::*;

    #[test]
    fn it_is_there_from_the_beginning_to_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let cabinet = folder.path();
        assert_eq!(pending(cabinet, &secret(1)).unwrap(), None);
        begin(cabinet, 12, &recipients(&[1, 9])).unwrap();
        assert_eq!(pending(cabinet, &secret(1)).unwrap(), Some(12));
        assert_eq!(pending(cabinet, &secret(2)).unwrap(), None);
        end(cabinet).unwrap();
        end(cabinet).unwrap();
        assert_eq!(pending(cabinet, &secret(1)).unwrap(), None);
        // An end that is broken off: not begun, overwritten, removed.
        for (steps, still) in [(0, true), (1, false), (2, false), (3, false)] {
            begin(cabinet, 12, &recipients(&[1, 9])).unwrap();
            let files = FaultyFiles::fail_after(steps);
            assert!(matches!(end(cabinet), Err(CabinetError::Disk(_))));
            drop(files);
            assert_eq!(pending(cabinet, &secret(1)).unwrap(), still.then_some(12), "{steps}");
        }
        // Zeros are an end; anything else that does not open is damage.
        durable::replace(&cabinet.join(FILE), &[1; 500]).unwrap();
        assert!(pending(cabinet, &secret(1)).is_err());
    }
}
