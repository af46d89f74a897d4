//! Whole files: made, replaced and destroyed so that a power cut leaves the old or the new, and nothing half.
//!
//! Names end in `_unsynced` where a power cut may undo the call. New files are readable by their owner alone (0600).
//! Before each thing that is asked of the operating system a test may let it fail ([`FaultyFiles`](super::faulty::FaultyFiles)).

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rand_core::{CryptoRng, UnwrapErr};
use tempfile::NamedTempFile;

use super::faulty;

/// Returns the bytes of a file of at most `limit` bytes.
///
/// # Errors
/// `FileTooLarge` before anything is read, and those of the operating system.
pub fn read(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let file = open_read(path)?;
    let length = file.metadata()?.len();
    let mut bytes = Vec::new();
    if length <= limit as u64 {
        // The file may grow while it is read.
        file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    }
    if length > limit as u64 || bytes.len() > limit { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}

/// Returns the bytes of a file from `from` on, at most `limit` of them.
///
/// # Errors
/// Those of the operating system.
pub fn read_from(path: &Path, from: u64, limit: usize) -> io::Result<Vec<u8>> {
    let mut file = open_read(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::with_capacity(limit.min(1 << 16));
    file.take(limit as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Puts a file in place of another, or where none was.
///
/// # Errors
/// Those of the operating system; the old file is then still there, or the new one.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = beside(path, bytes)?;
    faulty::step()?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    sync_parent(path)
}

/// Makes a file where none is.
///
/// # Errors
/// `AlreadyExists`, and those of the operating system; no half-written file stays.
pub fn create_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = beside(path, bytes)?;
    faulty::step()?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path)?;
    sync_parent(path)
}

/// Overwrites a file with zeros, then removes it; each step is on the medium before the next.
///
/// What the medium keeps of it elsewhere (copies on write, worn blocks, backups) is out of reach.
///
/// # Errors
/// Those of the operating system; the call can be made again.
pub fn destroy(path: &Path) -> io::Result<()> {
    faulty::step()?;
    let mut file = OpenOptions::new().write(true).open(path)?;
    let length = file.metadata()?.len();
    io::copy(&mut io::repeat(0).take(length), &mut file)?;
    faulty::step()?;
    file.sync_all()?;
    faulty::step()?;
    fs::remove_file(path)?;
    sync_parent(path)
}

/// Gives a file another name in the same folder, in place of what has it; on the medium when it returns.
///
/// # Errors
/// Those of the operating system.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    faulty::step()?;
    fs::rename(from, to)?;
    sync_parent(to)
}

/// Removes a file; after a power cut it may be there again.
///
/// # Errors
/// Those of the operating system.
pub fn remove(path: &Path) -> io::Result<()> {
    faulty::step()?;
    fs::remove_file(path)
}

/// Makes a folder (0700) and those above it that are not there, each synced. One that is there already stays as it is.
///
/// # Errors
/// Those of the operating system.
pub fn create_dir(path: &Path) -> io::Result<()> {
    make_dir(path, true)
}

/// As [`create_dir`], for what need not survive a power cut: nothing is synced.
///
/// # Errors
/// Those of the operating system.
pub fn create_dir_unsynced(path: &Path) -> io::Result<()> {
    make_dir(path, false)
}

fn make_dir(path: &Path, sync: bool) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        make_dir(parent, sync)?;
    }
    faulty::step()?;
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists || !path.is_dir() => Err(error),
        _ if sync => sync_parent(path),
        _ => Ok(()),
    }
}

/// Returns the paths of all that lies in a folder, in order.
///
/// # Errors
/// Those of the operating system.
pub fn list(dir: &Path) -> io::Result<Vec<PathBuf>> {
    faulty::step()?;
    let mut paths = fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// Puts bytes at the end of a file, which is made if it is not there.
///
/// # Errors
/// Those of the operating system.
pub fn append_unsynced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = private(OpenOptions::new().append(true).create(true)).open(path)?;
    write_all(&mut file, bytes)
}

/// Makes a file where none is, without waiting for the medium. A crash may leave it empty or half written.
///
/// # Errors
/// `AlreadyExists`, and those of the operating system; no half-written file stays.
pub fn create_unsynced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = private(OpenOptions::new().write(true).create_new(true)).open(path)?;
    write_all(&mut file, bytes).inspect_err(|_| drop(fs::remove_file(path)))
}

/// Puts a file in place of another at once for all readers, without waiting for the medium.
///
/// # Errors
/// Those of the operating system.
pub fn copy_unsynced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = beside(path, bytes)?;
    faulty::step()?;
    file.persist(path)?;
    Ok(())
}

/// Writes bytes over those that a file holds from `at` on, and behind its end; a file is made if there is none.
///
/// A crash may leave some of the old bytes and some of the new.
///
/// # Errors
/// Those of the operating system.
pub fn overwrite_unsynced(path: &Path, at: u64, bytes: &[u8]) -> io::Result<()> {
    let mut file = private(OpenOptions::new().write(true).create(true).truncate(false)).open(path)?;
    file.seek(SeekFrom::Start(at))?;
    write_all(&mut file, bytes)
}

/// Returns once the names in a folder are on the medium.
///
/// # Errors
/// Those of the operating system.
pub fn sync_dir(path: &Path) -> io::Result<()> {
    faulty::step()?;
    // Elsewhere a folder cannot be opened as a file.
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

/// Returns the bytes of a file.
///
/// # Errors
/// Those of the operating system.
pub fn length(path: &Path) -> io::Result<u64> {
    faulty::step()?;
    Ok(fs::metadata(path)?.len())
}

/// Returns when a file was last written to, in milliseconds UTC, as the file system has it.
///
/// # Errors
/// Those of the operating system.
pub fn written_ms(path: &Path) -> io::Result<i64> {
    faulty::step()?;
    let since = fs::metadata(path)?.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Ok(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Returns a number that is another one once a file was put in its place or written to: of its length and its time.
///
/// # Errors
/// Those of the operating system.
pub fn stamp(path: &Path) -> io::Result<u64> {
    faulty::step()?;
    let data = fs::metadata(path)?;
    let since = data.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Ok(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX).wrapping_mul(1_000_003) ^ data.len())
}

/// Returns once a file and its name are on the medium.
///
/// # Errors
/// Those of the operating system.
pub fn sync_file(path: &Path) -> io::Result<()> {
    faulty::step()?;
    File::open(path)?.sync_all()?;
    sync_parent(path)
}

/// Opens a file, making it if there is none, and waits until this process alone holds its lock; dropping it gives it back.
///
/// # Errors
/// Those of the operating system.
pub fn lock_exclusive(path: &Path) -> io::Result<File> {
    faulty::step()?;
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
    file.lock()?;
    Ok(file)
}

/// Removes a folder with all that is in it.
///
/// # Errors
/// Those of the operating system.
pub fn remove_all(path: &Path) -> io::Result<()> {
    faulty::step()?;
    fs::remove_dir_all(path)
}

/// Whether something has this name.
#[must_use]
pub fn exists(path: &Path) -> bool {
    path.exists()
}

/// Opens a file for reading.
///
/// # Errors
/// Those of the operating system.
pub fn open_read(path: &Path) -> io::Result<File> {
    faulty::step()?;
    File::open(path)
}

/// Returns the randomness of the operating system. It panics where the system has none: nothing secret may be made then.
#[must_use]
pub fn entropy() -> impl CryptoRng {
    UnwrapErr(getrandom::SysRng)
}

/// Returns the time of the operating system's clock, in milliseconds since 1970 (UTC).
#[must_use]
pub fn now_ms() -> i64 {
    let millis = |time: std::time::Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => millis(since),
        Err(before) => -millis(before.duration()),
    }
}

/// Lets the files that `options` make be for their owner alone.
pub(super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// Syncs the folder that a file lies in.
pub(super) fn sync_parent(path: &Path) -> io::Result<()> {
    sync_dir(folder_of(path))
}

/// Writes a file with a name of its own beside `path` (0600); it goes away unless it is given a name.
fn beside(path: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(folder_of(path))?;
    write_all(file.as_file_mut(), bytes)?;
    Ok(file)
}

fn write_all(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    if let Err(fault) = faulty::step() {
        // A disk that fills up takes some of it.
        file.write_all(bytes.get(..bytes.len() / 2).unwrap_or_default())?;
        return Err(fault);
    }
    file.write_all(bytes)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use rand_core::Rng;

    use super::*;

    #[cfg(unix)]
    fn mode(path: &Path) -> u32 {
        use std::os::unix::fs::PermissionsExt;
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn files_are_made_replaced_listed_and_destroyed() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a").join("b");
        create_dir(&deep).unwrap();
        create_dir(&deep).unwrap();
        let (one, two) = (deep.join("one"), deep.join("two"));
        create_private(&two, b"second").unwrap();
        assert_eq!(create_private(&two, b"again").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        replace(&one, b"first").unwrap();
        replace(&one, b"first, replaced").unwrap();
        append_unsynced(&one, b" and more").unwrap();
        assert_eq!(read(&one, 24).unwrap(), b"first, replaced and more");
        assert_eq!(read(&one, 23).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(read_from(&one, 7, 8).unwrap(), b"replaced");
        assert_eq!(read_from(&one, 16, 100).unwrap(), b"and more");
        assert_eq!(read_from(&one, 30, 100).unwrap(), b"");
        copy_unsynced(&one, b"copy").unwrap();
        assert_eq!(read(&one, 4).unwrap(), b"copy");
        assert_eq!(create_unsynced(&one, b"again").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        let three = deep.join("three");
        create_unsynced(&three, b"third").unwrap();
        assert_eq!(read(&three, 5).unwrap(), b"third");
        #[cfg(unix)]
        assert_eq!(mode(&three), 0o600);
        remove(&three).unwrap();
        overwrite_unsynced(&one, 2, b"verwritten").unwrap();
        assert_eq!(read(&one, 20).unwrap(), b"coverwritten");
        overwrite_unsynced(&one, 0, b"C").unwrap();
        assert_eq!(read(&one, 20).unwrap(), b"Coverwritten");
        assert_eq!(list(&deep).unwrap(), [one.clone(), two.clone()]);
        #[cfg(unix)]
        assert_eq!((mode(&deep), mode(&one), mode(&two)), (0o700, 0o600, 0o600));
        rename(&two, &one).unwrap();
        assert!(!exists(&two) && read(&one, 6).unwrap() == b"second");
        create_private(&two, b"second").unwrap();
        destroy(&one).unwrap();
        remove(&two).unwrap();
        assert!(!exists(&one) && list(&deep).unwrap().is_empty());
        assert_eq!(destroy(&one).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(create_dir(&folder.path().join("a").join("b")).is_ok());
        replace(&one, b"a file").unwrap();
        assert!(create_dir(&one).is_err());
    }

    #[test]
    fn a_destroyed_file_is_overwritten_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        create_private(&path, b"secret").unwrap();
        let mut before = open_read(&path).unwrap();
        destroy(&path).unwrap();
        let mut left = Vec::new();
        before.read_to_end(&mut left).unwrap();
        assert_eq!(left, [0; 6]);
    }

    #[test]
    fn the_system_gives_randomness_and_time() {
        let (mut a, mut b) = ([0; 32], [0; 32]);
        entropy().fill_bytes(&mut a);
        entropy().fill_bytes(&mut b);
        assert_ne!(a, b);
        assert!(now_ms() > 1_600_000_000_000);
    }
}
