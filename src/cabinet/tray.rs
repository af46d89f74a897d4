//! The tray: what its author signed and is sending at this moment. `<identity>.d/outbox/<ledger id>.tray`, one file that
//! is written over, so that a statement that the ledger takes at once costs no file of its own.
//!
//! The file is a length u32 and as many bytes of an age file for the author, whose content version 1 is ledger id 32 and
//! a random key 32, drawn once for each sitting; then a length u32 and as many bytes of what lies in the tray, 0 and no
//! more for nothing: a random salt 16, then content padded as in a file of the outbox, under ChaCha20-Poly1305 with
//! `OUTBOX_TRAY.keyed(key, salt)` and nonce zero. Nothing is synced before it is known that the statements have to wait.
//! A tray that a crash tore holds nothing: what lay in it was not acknowledged. Whoever calls `lay` or
//! `clear` holds the lock of the author's chain ([`crate::cabinet::chain::Chain`]).

use std::io;
use std::path::{Path, PathBuf};

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::cabinet::wrap::{AgeSecret, WRAP_LIMIT, WrapError};
use crate::cabinet::{self, CabinetError, Durable};
use crate::codec::context::OUTBOX_TRAY;
use crate::codec::{Bytes, CodecError, LedgerId};
use crate::seal::{self, TAG};
use crate::store::durable;

/// Bytes of a length.
const LENGTH: usize = 4;
/// Bytes of the salt.
const SALT: usize = 16;
/// Largest file in bytes.
const FILE_LIMIT: usize = 2 * WRAP_LIMIT;
/// Bytes that are read first: an age file for one recipient, and whether anything lies behind it.
const BEGINNING: usize = 4096;

/// The tray of one author for one ledger.
pub struct Tray {
    path: PathBuf,
    ledger: LedgerId,
    secret: AgeSecret,
    /// This sitting's key, and the beginning of the file that it made.
    sitting: Option<(Vec<u8>, Zeroizing<[u8; 32]>)>,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct Content {
    #[zeroize(skip)]
    ledger: LedgerId,
    key: Bytes<32>,
}

impl Tray {
    /// Names the tray; nothing is read or written.
    #[must_use]
    pub fn new(side: &Path, ledger: LedgerId, secret: AgeSecret) -> Self {
        Tray { path: side.join("outbox").join(format!("{ledger}.tray")), ledger, secret, sitting: None }
    }

    /// Lays content into the tray, unsynced. Returns false, and changes nothing, if something lies there that may still
    /// be opened by somebody.
    ///
    /// # Errors
    /// `Wrap` and `Disk`.
    pub(super) fn lay(&mut self, padded: &[u8], rng: &mut impl CryptoRng) -> Result<bool, CabinetError> {
        let beginning = self.beginning()?;
        if let Some((header, key)) = self.sitting.as_ref().filter(|(header, _)| beginning.starts_with(header)) {
            if lies(&beginning, header.len()) != Some(0) {
                return Ok(false);
            }
            durable::overwrite_unsynced(&self.path, header.len() as u64, &record(key, padded, rng)?)?;
            return Ok(true);
        }
        match self.open() {
            // What cannot be opened any more was torn.
            Ok(None) | Err(CabinetError::Content(_) | CabinetError::Wrap(WrapError::Damaged)) => {}
            Ok(Some(_)) | Err(_) => return Ok(false),
        }
        let key = Zeroizing::new(seal::random(rng));
        let wrapped = cabinet::seal(&Content { ledger: self.ledger, key: Bytes(*key) }, &[self.secret.recipient()])?;
        let header = with_length(wrapped)?;
        cabinet::put(&self.path, &[&header[..], &record(&key, padded, rng)?].concat(), Durable::Later)?;
        self.sitting = Some((header, key));
        Ok(true)
    }

    /// Returns what lies in the tray, still padded; nothing if there is no tray or it is empty.
    ///
    /// # Errors
    /// `Content` and `Wrap` for a tray that was torn or is not the author's, `Misplaced` for one of another ledger;
    /// `Version`; `Disk`.
    pub(super) fn open(&self) -> Result<Option<Zeroizing<Vec<u8>>>, CabinetError> {
        let beginning = self.beginning()?;
        if beginning.is_empty() || header(&beginning).and_then(|header| lies(&beginning, header)) == Some(0) {
            return Ok(None);
        }
        let file = durable::read(&self.path, FILE_LIMIT)?;
        let header = header(&file).ok_or(CodecError::Malformed)?;
        let content: Content = cabinet::open(file.get(LENGTH..header).unwrap_or_default(), &self.secret)?;
        if content.ledger != self.ledger {
            return Err(CabinetError::Misplaced);
        }
        let length = lies(&file, header).ok_or(CodecError::Malformed)?;
        let record = file.get(header + LENGTH..).and_then(|rest| rest.get(..length)).ok_or(CodecError::Malformed)?;
        let (salt, sealed) = record.split_first_chunk::<SALT>().ok_or(CodecError::Malformed)?;
        let key = Zeroizing::new(OUTBOX_TRAY.keyed(&content.key.0, salt));
        Ok(Some(seal::decrypt(&key, &[], sealed).map_err(|_| CodecError::Malformed)?))
    }

    /// Makes what lies in the tray survive a power cut, since it has to wait after all.
    ///
    /// # Errors
    /// `Missing` if there is no tray; `Disk`.
    pub(super) fn sync(&self) -> Result<(), CabinetError> {
        Ok(durable::sync_file(&self.path)?)
    }

    /// Overwrites what lies in the tray with zeros.
    ///
    /// # Errors
    /// `Disk`.
    pub(super) fn clear(&self, when: Durable) -> Result<(), CabinetError> {
        let beginning = self.beginning()?;
        let Some(header) = header(&beginning) else { return Ok(()) };
        let Some(length) = lies(&beginning, header).filter(|length| *length > 0) else { return Ok(()) };
        let behind = usize::try_from(durable::length(&self.path)?).unwrap_or(FILE_LIMIT).saturating_sub(header);
        // The length goes last: a tray that was half emptied still says that it is to be emptied.
        let zeros = vec![0; length.min(behind.saturating_sub(LENGTH))];
        durable::overwrite_unsynced(&self.path, (header + LENGTH) as u64, &zeros)?;
        durable::overwrite_unsynced(&self.path, header as u64, &[0; LENGTH])?;
        if when == Durable::Now { self.sync() } else { Ok(()) }
    }

    fn beginning(&self) -> Result<Vec<u8>, CabinetError> {
        match durable::read_from(&self.path, 0, BEGINNING) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            other => Ok(other?),
        }
    }
}

/// Returns where the age file ends, if the file says so.
fn header(file: &[u8]) -> Option<usize> {
    let length = usize::try_from(u32::from_be_bytes(*file.first_chunk()?)).ok()?;
    (length <= BEGINNING - 2 * LENGTH).then_some(LENGTH + length)
}

/// Returns how many bytes lie in the tray.
fn lies(file: &[u8], header: usize) -> Option<usize> {
    usize::try_from(u32::from_be_bytes(*file.get(header..)?.first_chunk()?)).ok()
}

fn record(key: &[u8; 32], padded: &[u8], rng: &mut impl CryptoRng) -> Result<Vec<u8>, CabinetError> {
    let salt: [u8; SALT] = seal::random(rng);
    let key = Zeroizing::new(OUTBOX_TRAY.keyed(key, &salt));
    // Room for the tag, so that the clear bytes are not left behind where the vector grows.
    let mut content = Vec::with_capacity(padded.len() + TAG);
    content.extend_from_slice(padded);
    let sealed = seal::encrypt(&key, &[], content).map_err(|_| CodecError::Malformed)?;
    with_length([&salt[..], &sealed].concat())
}

fn with_length(bytes: Vec<u8>) -> Result<Vec<u8>, CabinetError> {
    let limit = u32::MAX as usize;
    let length = u32::try_from(bytes.len()).map_err(|_| CodecError::TooLong { length: bytes.len(), limit })?;
    Ok([&length.to_be_bytes()[..], &bytes].concat())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::cabinet::tests::{secret, stream};

    use super::*;

    const LEDGER: LedgerId = LedgerId::new([7; 32]);

    fn tray(side: &Path, author: u8) -> Tray {
        Tray::new(side, LEDGER, secret(author))
    }

    fn opened(tray: &Tray) -> Option<Vec<u8>> {
        tray.open().unwrap().map(|content| content.to_vec())
    }

    #[test]
    fn what_is_laid_in_is_there_until_it_is_cleared() {
        let folder = tempfile::tempdir().unwrap();
        let mut rng = stream(1);
        let mut mine = tray(folder.path(), 1);
        assert_eq!(opened(&mine), None);
        mine.clear(Durable::Later).unwrap();
        let mut beginnings = Vec::new();
        for (round, size) in [700, 3000, 5, 100_000, 1].into_iter().enumerate() {
            let content = vec![round as u8 + 1; size];
            assert!(mine.lay(&content, &mut rng).unwrap());
            assert_eq!(opened(&tray(folder.path(), 1)), Some(content.clone()));
            assert!(!mine.lay(b"more", &mut rng).unwrap(), "one thing at a time");
            assert!(!tray(folder.path(), 1).lay(b"more", &mut rng).unwrap(), "nor from another sitting");
            let file = durable::read(&mine.path, 1 << 20).unwrap();
            assert!(!file.windows(8).any(|window| content.len() >= 8 && window == &content[..8]));
            let end = header(&file).unwrap();
            beginnings.push(file[..end].to_vec());
            mine.clear(if round % 2 == 0 { Durable::Later } else { Durable::Now }).unwrap();
            assert_eq!(opened(&mine), None);
            assert!(durable::read(&mine.path, 1 << 20).unwrap()[end..].iter().all(|byte| *byte == 0));
        }
        assert!(beginnings.windows(2).all(|two| two[0] == two[1]), "one key a sitting");
        // Another sitting takes the empty tray over, and the first one takes it back.
        for who in [&mut tray(folder.path(), 1), &mut mine] {
            assert!(who.lay(b"next", &mut rng).unwrap());
            assert_eq!(opened(who), Some(b"next".to_vec()));
            who.clear(Durable::Later).unwrap();
        }
        assert!(!durable::read(&mine.path, 1 << 20).unwrap().starts_with(&beginnings[0]));
    }

    #[test]
    fn a_torn_tray_holds_nothing_and_another_authors_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mut rng = stream(1);
        let mut mine = tray(folder.path(), 1);
        assert!(mine.lay(&[9; 600], &mut rng).unwrap());
        let whole = durable::read(&mine.path, 1 << 20).unwrap();
        for cut in (0..whole.len()).chain([whole.len() + 1]) {
            let torn = match cut {
                cut if cut < whole.len() => whole[..cut].to_vec(),
                // In number all there, but not what was written.
                _ => [&whole[..whole.len() - 100], &[0; 100]].concat(),
            };
            durable::replace(&mine.path, &torn).unwrap();
            let mut next = tray(folder.path(), 1);
            assert!(!matches!(next.open(), Ok(Some(_))), "{cut}");
            if cut % 40 == 1 || cut > whole.len() {
                assert!(next.lay(b"next", &mut rng).unwrap(), "{cut}");
                assert_eq!(opened(&tray(folder.path(), 1)), Some(b"next".to_vec()));
            }
        }
        durable::replace(&mine.path, &whole).unwrap();
        let mut other = tray(folder.path(), 2);
        assert!(matches!(other.open(), Err(CabinetError::Wrap(WrapError::NotForThis))));
        assert!(!other.lay(b"other", &mut rng).unwrap());
        assert_eq!(durable::read(&mine.path, 1 << 20).unwrap(), whole);
        durable::replace(&folder.path().join("outbox").join(format!("{}.tray", LedgerId::ZERO)), &whole).unwrap();
        let mut foreign = Tray::new(folder.path(), LedgerId::ZERO, secret(1));
        assert!(matches!(foreign.open(), Err(CabinetError::Misplaced)));
        assert!(!foreign.lay(b"foreign", &mut rng).unwrap());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600), length in 0u32..700) {
            let folder = tempfile::tempdir().unwrap();
            let tray = tray(folder.path(), 1);
            for file in [bytes.clone(), [&length.to_be_bytes()[..], &bytes].concat()] {
                durable::create_dir(&folder.path().join("outbox")).unwrap();
                durable::replace(&tray.path, &file).unwrap();
                prop_assert!(!matches!(tray.open(), Ok(Some(_))));
                tray.clear(Durable::Later).unwrap();
            }
        }
    }
}
