//! Durable files. (Stand-in of the cabinet's branch; replaced when branches meet.)
#![allow(clippy::disallowed_methods)]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Reads a file of at most `limit` bytes.
///
/// # Errors
/// As the system reports them; `InvalidData` for a longer file.
pub fn read(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > limit { Err(io::ErrorKind::InvalidData.into()) } else { Ok(bytes) }
}

/// Replaces a file as a whole; durable when it returns.
///
/// # Errors
/// As the system reports them.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_dir(folder)
}

/// Creates a file that only its owner reads; refuses to overwrite.
///
/// # Errors
/// As the system reports them.
pub fn create_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    sync_dir(path.parent().ok_or(io::ErrorKind::InvalidInput)?)
}

/// Overwrites a file, syncs it, removes it and syncs its folder.
///
/// # Errors
/// As the system reports them.
pub fn destroy(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    let length = usize::try_from(file.metadata()?.len()).map_err(|_| io::ErrorKind::InvalidData)?;
    file.write_all(&vec![0; length])?;
    file.sync_all()?;
    remove(path)?;
    sync_dir(path.parent().ok_or(io::ErrorKind::InvalidInput)?)
}

/// Removes a file; after a power cut it may be there again.
///
/// # Errors
/// As the system reports them.
pub fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path)
}

/// Makes a folder and those above it that are not there.
///
/// # Errors
/// As the system reports them.
pub fn create_dir(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// Puts a file in place of another at once for all readers, without waiting for the medium.
///
/// # Errors
/// As the system reports them.
pub fn copy_unsynced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(path.parent().ok_or(io::ErrorKind::InvalidInput)?)?;
    file.write_all(bytes)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Lists a folder's files.
///
/// # Errors
/// As the system reports them.
pub fn list(dir: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(dir)?.map(|file| Ok(file?.path())).collect()
}

/// Appends without syncing.
///
/// # Errors
/// As the system reports them.
pub fn append_unsynced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)?.write_all(bytes)
}

/// Returns whether there is something at this path.
#[must_use]
pub fn exists(path: &Path) -> bool {
    path.exists()
}

/// Syncs a folder.
///
/// # Errors
/// As the system reports them.
pub fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Opens a lock file and waits until nobody else holds its lock; dropping the file gives it back.
///
/// # Errors
/// As the system reports them.
pub fn lock_exclusive(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.lock()?;
    Ok(file)
}
