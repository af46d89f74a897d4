//! The key cabinet: identities, wraps, epochs, the roll, drafts, outbox. The only room in which anything is deleted.
//!
//! Every file in `cabinet/` and in an outbox is an age v1 file, but for lists that are sealed under a key that stands in
//! one ([`own`], [`tray`]). Its content is four bytes of length, a version byte,
//! the fields in the codec's fixed-width form, and zeros up to a whole bucket of 256 bytes ([`crate::codec::pad`]), so
//! that a file's length tells little. What a file is stands in its content too, wherever a file under another's name
//! could do harm. No name, word, seed or key is ever in clear on the disk, in an error or in a `Debug` text.

pub mod chain;
pub mod drafts;
pub mod folder_keys;
pub mod identity;
pub mod late;
pub mod log_copy;
pub mod outbox;
pub mod own;
pub mod readers;
pub mod receipts;
pub mod recovery;
pub mod retiring;
pub mod roll;
pub mod second;
pub mod sitting;
pub mod structure_keys;
pub mod tray;
pub mod wrap;

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::cabinet::wrap::{AgeSecret, Recipient, WRAP_LIMIT, WrapError};
use crate::codec::{self, CodecError};
use crate::keys::card::is_handle;
use crate::store::durable;

/// The version of every content that this program writes, but for those that say another.
const VERSION: u8 = 1;

/// Why the cabinet could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum CabinetError {
    /// The disk refused.
    #[error("a file of the cabinet could not be read or written: {0}")]
    Disk(io::Error),
    /// There is no such file or line.
    #[error("there is none of that name")]
    Missing,
    /// There is one already.
    #[error("there is one of that name already")]
    Taken,
    /// Not wrapped, not opened.
    #[error(transparent)]
    Wrap(#[from] WrapError),
    /// Opened, but the content does not parse.
    #[error("the content of the file: {0}")]
    Content(#[from] CodecError),
    /// Opened, but written by a later version of this program.
    #[error("the content of the file has version {0}, which this program does not know")]
    Version(u8),
    /// Opened, but the content belongs to a file of another name.
    #[error("the content of the file does not belong under its name")]
    Misplaced,
    /// A name or label that is empty, too long or holds a control character, or a handle that is none.
    #[error("a text that is empty, too long, or holds a character that may not stand there")]
    BadText,
    /// What the device has seen of a ledger does not fit what it is shown now.
    #[error("entry {0} has another link than the one this device has seen")]
    SeenOtherwise(u64),
    /// A sequence number that would be used twice.
    #[error("sequence number {0} was used before")]
    SequenceUsed(u64),
}

impl From<io::Error> for CabinetError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => CabinetError::Missing,
            io::ErrorKind::AlreadyExists => CabinetError::Taken,
            _ => CabinetError::Disk(error),
        }
    }
}

/// Whether a write must survive a power cut before it is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durable {
    /// Yes: synced with its folder before the call returns.
    Now,
    /// When the system gets to it: what it holds can be had again from elsewhere.
    Later,
}

/// What a folder of wraps showed to one secret.
#[derive(Debug)]
pub struct Opened<T> {
    /// What opened, in order of file name.
    pub opened: Vec<T>,
    /// Files that are not wrapped for this secret.
    pub closed: usize,
    /// Names of files that could not be read as what they should be.
    pub damaged: Vec<String>,
    /// How the disk refused to give a file, which is among the damaged: it may be read another time. What is too large, or
    /// no file at all, is damaged and nothing else.
    pub unread: Option<io::ErrorKind>,
}

impl<T> Opened<T> {
    /// Returns what opened, if the disk gave every file: for whoever has to see all of it.
    ///
    /// # Errors
    /// `Disk`.
    pub fn all(self) -> Result<Vec<T>, CabinetError> {
        self.unread.map_or(Ok(self.opened), |kind| Err(CabinetError::Disk(kind.into())))
    }
}

/// Writes a content: version, fields, padding.
fn content<T: Serialize>(value: &T) -> Result<Zeroizing<Vec<u8>>, CabinetError> {
    content_as(VERSION, value)
}

fn content_as<T: Serialize>(version: u8, value: &T) -> Result<Zeroizing<Vec<u8>>, CabinetError> {
    let content = Zeroizing::new(codec::encode(&(version, value), wrap::CONTENT_LIMIT - codec::BUCKET)?);
    Ok(Zeroizing::new(codec::pad(&content)))
}

/// Reads a content.
fn read<T: Serialize + DeserializeOwned>(padded: &[u8]) -> Result<T, CabinetError> {
    read_as(VERSION, padded)
}

fn read_as<T: Serialize + DeserializeOwned>(version: u8, padded: &[u8]) -> Result<T, CabinetError> {
    let (found, fields) = codec::unpad(padded)?.split_first().ok_or(CodecError::Malformed)?;
    if *found == version { Ok(codec::decode(fields, wrap::CONTENT_LIMIT)?) } else { Err(CabinetError::Version(*found)) }
}

/// Wraps a value.
fn seal<T: Serialize>(value: &T, recipients: &[Recipient]) -> Result<Vec<u8>, CabinetError> {
    seal_as(VERSION, value, recipients)
}

/// Wraps a value whose content has a version of its own.
fn seal_as<T: Serialize>(version: u8, value: &T, recipients: &[Recipient]) -> Result<Vec<u8>, CabinetError> {
    Ok(wrap::wrap(&content_as(version, value)?, recipients)?)
}

/// Opens a wrapped value.
fn open<T: Serialize + DeserializeOwned>(file: &[u8], secret: &AgeSecret) -> Result<T, CabinetError> {
    read(&wrap::unwrap(file, secret)?)
}

/// Reads a wrapped value from a file.
fn load<T: Serialize + DeserializeOwned>(path: &Path, secret: &AgeSecret) -> Result<T, CabinetError> {
    open(&durable::read(path, WRAP_LIMIT)?, secret)
}

/// Reads a wrapped value whose content has a version of its own from a file.
fn load_as<T: Serialize + DeserializeOwned>(version: u8, path: &Path, secret: &AgeSecret) -> Result<T, CabinetError> {
    read_as(version, &wrap::unwrap(&durable::read(path, WRAP_LIMIT)?, secret)?)
}

/// Reads a wrapped value from a file or, where its puncture was broken off, from what was to take its place.
fn load_or_left<T: Serialize + DeserializeOwned>(path: &Path, secret: &AgeSecret) -> Result<T, CabinetError> {
    // Nothing is taken from the old file before the new one was read back, so one of the two is whole.
    load(path, secret).or_else(|error| load(&left(path), secret).map_err(|_| error))
}

/// The file that holds what remains of a punctured one, until it takes its place.
fn left(path: &Path) -> PathBuf {
    path.with_extension(LEFT)
}

/// Lets what remains, which lies beside it and was read back, take the place of a file: the old bytes are overwritten,
/// removed, and their folder synced first. May be called again after a crash at any step.
fn give_way(path: &Path) -> Result<(), CabinetError> {
    if !durable::exists(&left(path)) {
        return Ok(());
    }
    if durable::exists(path) {
        durable::destroy(path)?;
    }
    Ok(durable::rename(&left(path), path)?)
}

/// How the name of a file ends that holds what remains of a punctured one.
const LEFT: &str = "left";

/// Whether a file was overwritten and is only still there because its destruction was broken off: what it was for is done.
fn is_overwritten(path: &Path) -> Result<bool, CabinetError> {
    let bytes = durable::read(path, WRAP_LIMIT)?;
    // A power cut leaves empty files too: nothing was done with these.
    Ok(!bytes.is_empty() && bytes.iter().all(|byte| *byte == 0))
}

/// Puts a file in its place, with the folders on the way.
fn put(path: &Path, bytes: &[u8], when: Durable) -> Result<(), CabinetError> {
    let folder = path.parent().ok_or(CabinetError::Missing)?;
    match when {
        Durable::Now => {
            durable::create_dir(folder)?;
            durable::replace(path, bytes)?;
            // The folder may have been made without a sync before.
            if let Some(above) = folder.parent() {
                durable::sync_dir(above)?;
            }
        }
        // A power cut may leave an empty or half file: it then reads as damaged.
        Durable::Later => {
            durable::create_dir_unsynced(folder)?;
            durable::copy_unsynced(path, bytes)?;
        }
    }
    Ok(())
}

/// Lists a folder's files whose name before `suffix` reads as a `T`, in order of name; none if it is not there.
fn files<T>(folder: &Path, suffix: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Vec<(T, PathBuf)>, CabinetError> {
    if !durable::exists(folder) {
        return Ok(Vec::new());
    }
    let mut paths = durable::list(folder)?;
    paths.sort();
    // A file whose puncture was broken off between two steps counts under its own name.
    let alone = |path: &PathBuf| path.extension().is_some_and(|end| end == LEFT) && suffix == ".age";
    for path in paths.iter_mut().filter(|path| alone(path)) {
        let own = path.with_extension("age");
        if !durable::exists(&own) {
            *path = own;
        }
    }
    let read = |path: PathBuf| Some((parse(path.file_name()?.to_str()?.strip_suffix(suffix)?)?, path));
    Ok(paths.into_iter().filter_map(read).collect())
}

/// Opens each file of a folder, and goes on where one does not open.
fn open_all<K, T>(files: Vec<(K, PathBuf)>, open: impl Fn(K, &Path) -> Result<T, CabinetError>) -> Opened<T> {
    let mut all = Opened { opened: Vec::new(), closed: 0, damaged: Vec::new(), unread: None };
    for (key, path) in files {
        match open(key, &path) {
            Ok(value) => all.opened.push(value),
            Err(CabinetError::Wrap(WrapError::NotForThis)) => all.closed += 1,
            // Removed by somebody else since the folder was listed.
            Err(CabinetError::Missing) => {}
            Err(error) => {
                if let CabinetError::Disk(error) = error
                    && !matches!(error.kind(), io::ErrorKind::FileTooLarge | io::ErrorKind::IsADirectory)
                {
                    all.unread = Some(error.kind());
                }
                all.damaged.push(path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default());
            }
        }
    }
    all
}

/// Checks a text that people typed: 1 to `limit` bytes, no control character, no white space at either end.
fn check_text(text: &str, limit: usize) -> Result<(), CabinetError> {
    let good = !text.is_empty() && text.len() <= limit && text.trim() == text && !text.chars().any(char::is_control);
    if good { Ok(()) } else { Err(CabinetError::BadText) }
}

/// Checks a handle.
fn check_handle(handle: &str) -> Result<(), CabinetError> {
    if is_handle(handle) { Ok(()) } else { Err(CabinetError::BadText) }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::convert::Infallible;

    use rand_core::{TryCryptoRng, TryRng};

    use super::*;

    /// A reproducible stream of bytes for tests.
    pub(crate) struct Stream(blake3::OutputReader);

    /// Makes the stream of a number.
    pub(crate) fn stream(number: u64) -> Stream {
        Stream(blake3::Hasher::new().update(&number.to_be_bytes()).finalize_xof())
    }

    impl TryRng for Stream {
        type Error = Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            let mut bytes = [0; 4];
            self.try_fill_bytes(&mut bytes)?;
            Ok(u32::from_be_bytes(bytes))
        }
        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            let mut bytes = [0; 8];
            self.try_fill_bytes(&mut bytes)?;
            Ok(u64::from_be_bytes(bytes))
        }
        fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
            self.0.fill(out);
            Ok(())
        }
    }
    impl TryCryptoRng for Stream {}

    /// Makes the age secret of a number.
    pub(crate) fn secret(number: u8) -> AgeSecret {
        AgeSecret::from_bytes(&[number; 32]).unwrap()
    }

    /// Makes the recipients of some numbers.
    pub(crate) fn recipients(numbers: &[u8]) -> Vec<Recipient> {
        numbers.iter().map(|number| secret(*number).recipient()).collect()
    }

    #[test]
    fn contents_are_versioned_and_padded() {
        let file = seal(&7u64, &recipients(&[1])).unwrap();
        assert_eq!(open::<u64>(&file, &secret(1)).unwrap(), 7);
        assert_eq!(wrap::unwrap(&file, &secret(1)).unwrap().len(), codec::BUCKET);
        let later = wrap::wrap(&codec::pad(&[2, 0]), &recipients(&[1])).unwrap();
        assert!(matches!(open::<u8>(&later, &secret(1)), Err(CabinetError::Version(2))));
        let long = wrap::wrap(&codec::pad(&[1, 0, 0]), &recipients(&[1])).unwrap();
        assert!(matches!(open::<u8>(&long, &secret(1)), Err(CabinetError::Content(_))));
    }

    #[test]
    fn a_file_of_zeros_is_overwritten_and_an_empty_one_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one.age");
        let overwritten = |bytes: &[u8]| {
            durable::replace(&path, bytes).unwrap();
            is_overwritten(&path).unwrap()
        };
        assert!(overwritten(&[0; 300]) && !overwritten(&[0, 0, 1]) && !overwritten(&[]));
    }

    #[test]
    fn what_can_never_be_read_is_damaged_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        durable::create_dir_unsynced(&path("folder.age")).unwrap();
        durable::create_unsynced(&path("long.age"), &vec![0; WRAP_LIMIT + 1]).unwrap();
        let opened = |names: &[&str]| {
            let files = names.iter().map(|name| ((), path(name))).collect();
            open_all(files, |(), path| load::<u64>(path, &secret(1)))
        };
        let all = opened(&["folder.age", "long.age", "none.age"]);
        assert_eq!((all.damaged.len(), all.unread), (2, None));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(path("loop.age"), path("loop.age")).unwrap();
            let all = opened(&["folder.age", "loop.age"]);
            assert_eq!((all.damaged.len(), all.unread.is_some()), (2, true));
        }
    }

    #[test]
    fn texts_and_handles_are_checked() {
        for bad in ["", " sam", "sam ", "s\nam", "s\u{0}m", &"x".repeat(256)] {
            assert!(check_text(bad, 255).is_err(), "{bad:?}");
            assert!(check_handle(bad).is_err(), "{bad:?}");
        }
        assert!(check_text("Zo\u{eb} Ann O'Neil", 255).is_ok());
        assert!(check_handle("zoe-2").is_ok());
        assert!(["Sam", "sam a", "zo\u{eb}"].iter().all(|bad| check_handle(bad).is_err()));
    }
}
