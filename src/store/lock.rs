//! One writer at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use super::{StoreError, durable};

/// The ledger's lock, held until dropped (or until the process ends, however it ends).
///
/// It is advisory and lies on a file of its own, so that the log can be read, copied and verified at any time.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "the lock is the open file")] File);

impl Lock {
    /// Takes the lock in the file at `path` (made if it is not there), waiting for whoever holds it.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn acquire(path: &Path) -> Result<Self, StoreError> {
        let file = open(path)?;
        file.lock().map_err(StoreError::io("lock"))?;
        Ok(Lock(file))
    }

    /// Takes the lock if nobody holds it.
    ///
    /// # Errors
    /// `Busy` if somebody does; those of the operating system.
    pub fn try_acquire(path: &Path) -> Result<Self, StoreError> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Lock(file)),
            Err(TryLockError::WouldBlock) => Err(StoreError::Busy),
            Err(TryLockError::Error(error)) => Err(StoreError::io("lock")(error)),
        }
    }
}

fn open(path: &Path) -> Result<File, StoreError> {
    let mut options = OpenOptions::new();
    durable::private(options.read(true).write(true).create(true).truncate(false))
        .open(path)
        .map_err(StoreError::io("lock"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_writer_is_told_and_gets_the_lock_after_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = Lock::acquire(&path).unwrap();
        assert!(matches!(Lock::try_acquire(&path), Err(StoreError::Busy)));
        drop(first);
        Lock::try_acquire(&path).unwrap();
        assert!(matches!(Lock::acquire(&folder.path().join("none").join("lock")), Err(StoreError::Io { .. })));
    }
}
