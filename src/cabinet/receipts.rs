//! Receipts that the author keeps: `<identity>.d/receipts/<ledger id>/<thousand>/<entry number>.tlog-proof`, where the
//! thousand is the entry number with its last three digits as zeros. Earlier versions had no folder of the thousand; what
//! they kept is read where it lies.
//!
//! A receipt is C2SP tlog-proof text and public; this room keeps its bytes and does not read them.

use std::io;
use std::path::{Path, PathBuf};

use crate::cabinet::{self, CabinetError, Durable};
use crate::codec::{CodecError, LedgerId, NOTE_LIMIT};
use crate::store::durable;

/// Largest receipt in bytes: a checkpoint note, at most 63 lines of proof, and the lines around them.
pub const RECEIPT_LIMIT: usize = NOTE_LIMIT + 8192;
/// Entry numbers whose receipts share a folder, so that the newest is found without looking at all.
const THOUSAND: u64 = 1000;
/// How the names of receipts end.
const SUFFIX: &str = ".tlog-proof";

/// Keeps a receipt; one for the same entry is replaced, since a later one has more cosignatures.
///
/// `Durable::Later` is enough where it can be had from the ledger again; one that a crash tore reads as no receipt.
///
/// # Errors
/// `Content` for more than [`RECEIPT_LIMIT`] bytes; `Disk`.
pub fn save(side: &Path, ledger: LedgerId, entry: u64, receipt: &[u8], when: Durable) -> Result<(), CabinetError> {
    if receipt.len() > RECEIPT_LIMIT {
        return Err(CodecError::TooLong { length: receipt.len(), limit: RECEIPT_LIMIT }.into());
    }
    let path = path(side, ledger, entry);
    if when == Durable::Later {
        // Only what is there already has to be replaced at once.
        let thousand = path.parent().ok_or(CabinetError::Missing)?;
        durable::create_dir_unsynced(thousand)?;
        match durable::create_unsynced(&path, receipt) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => return Ok(other?),
        }
    }
    cabinet::put(&path, receipt, when)
}

/// Returns a receipt's bytes.
///
/// # Errors
/// `Missing`; `Disk`.
pub fn load(side: &Path, ledger: LedgerId, entry: u64) -> Result<Vec<u8>, CabinetError> {
    match durable::read(&path(side, ledger, entry), RECEIPT_LIMIT) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Ok(durable::read(&folder(side, ledger).join(name(entry)), RECEIPT_LIMIT)?)
        }
        other => Ok(other?),
    }
}

/// Returns the numbers of the entries that have a receipt here, rising.
///
/// # Errors
/// `Disk`.
pub fn list(side: &Path, ledger: LedgerId) -> Result<Vec<u64>, CabinetError> {
    let (thousands, mut numbers) = contents(side, ledger)?;
    for thousand in thousands {
        numbers.extend(numbers_of(side, ledger, thousand)?);
    }
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

/// Returns what `read` makes of the receipt of the highest entry number of which it makes something.
///
/// # Errors
/// `Disk`.
pub fn newest<T>(
    side: &Path,
    ledger: LedgerId,
    read: impl Fn(&[u8]) -> Option<T>,
) -> Result<Option<(u64, T)>, CabinetError> {
    let (mut thousands, mut rest) = contents(side, ledger)?;
    thousands.sort_unstable();
    loop {
        // Those that lie without a folder belong among the others.
        let thousand = thousands.pop();
        rest.sort_unstable();
        let at = rest.partition_point(|number| thousand.is_some_and(|thousand| *number < thousand));
        let mut numbers = rest.split_off(at);
        if let Some(thousand) = thousand {
            numbers.extend(numbers_of(side, ledger, thousand)?);
        }
        numbers.sort_unstable();
        for number in numbers.into_iter().rev() {
            match load(side, ledger, number) {
                Ok(bytes) => {
                    if let Some(receipt) = read(&bytes) {
                        return Ok(Some((number, receipt)));
                    }
                }
                // Taken away since the folder was listed.
                Err(CabinetError::Missing) => {}
                Err(error) => return Err(error),
            }
        }
        if thousand.is_none() {
            return Ok(None);
        }
    }
}

/// Returns the thousands that have a folder, and the numbers of receipts that lie beside these folders.
fn contents(side: &Path, ledger: LedgerId) -> Result<(Vec<u64>, Vec<u64>), CabinetError> {
    let folder = folder(side, ledger);
    let whole = |number: &u64| number.is_multiple_of(THOUSAND);
    let thousands = cabinet::files(&folder, "", |name| parse(name).filter(whole))?;
    let beside = cabinet::files(&folder, SUFFIX, parse)?;
    let numbers = |files: Vec<(u64, PathBuf)>| files.into_iter().map(|(number, _)| number).collect();
    Ok((numbers(thousands), numbers(beside)))
}

fn numbers_of(side: &Path, ledger: LedgerId, thousand: u64) -> Result<Vec<u64>, CabinetError> {
    let of = |name: &str| parse(name).filter(|number| number - number % THOUSAND == thousand);
    let files = cabinet::files(&folder(side, ledger).join(thousand.to_string()), SUFFIX, of)?;
    Ok(files.into_iter().map(|(number, _)| number).collect())
}

fn parse(name: &str) -> Option<u64> {
    name.parse().ok().filter(|number: &u64| number.to_string() == name)
}

fn folder(side: &Path, ledger: LedgerId) -> PathBuf {
    side.join("receipts").join(ledger.to_string())
}

fn name(entry: u64) -> String {
    format!("{entry}{SUFFIX}")
}

fn path(side: &Path, ledger: LedgerId, entry: u64) -> PathBuf {
    folder(side, ledger).join((entry - entry % THOUSAND).to_string()).join(name(entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A receipt that is not empty.
    fn text(bytes: &[u8]) -> Option<String> {
        Some(String::from_utf8(bytes.to_vec()).unwrap()).filter(|text| !text.is_empty())
    }

    #[test]
    fn the_newest_is_the_one_of_the_highest_number() {
        let folder = tempfile::tempdir().unwrap();
        let (side, ledger) = (folder.path(), LedgerId::new([7; 32]));
        assert_eq!(newest(side, ledger, text).unwrap(), None);
        for (entry, when) in [(9, Durable::Now), (10, Durable::Later), (2, Durable::Later), (2, Durable::Later)] {
            save(side, ledger, entry, format!("receipt {entry}").as_bytes(), when).unwrap();
        }
        save(side, ledger, 10, b"with more cosignatures", Durable::Later).unwrap();
        save(side, LedgerId::ZERO, 99, b"another ledger's", Durable::Now).unwrap();
        for stray in ["0/010.tlog-proof", "0/+11.tlog-proof", "0/12.tmp", "0/1012.tlog-proof", "x.tlog-proof"] {
            durable::replace(&self::folder(side, ledger).join(stray), b"stray").unwrap();
        }
        assert_eq!(list(side, ledger).unwrap(), [2, 9, 10]);
        assert_eq!(newest(side, ledger, text).unwrap(), Some((10, "with more cosignatures".to_owned())));
        assert!(matches!(load(side, ledger, 11), Err(CabinetError::Missing)));
        assert!(save(side, ledger, 11, &vec![0; RECEIPT_LIMIT + 1], Durable::Now).is_err());
    }

    #[test]
    fn receipts_of_earlier_versions_are_found_where_they_lie() {
        let side = tempfile::tempdir().unwrap();
        let (side, ledger) = (side.path(), LedgerId::new([7; 32]));
        durable::create_dir(&folder(side, ledger)).unwrap();
        let old = |entry: u64| durable::replace(&folder(side, ledger).join(name(entry)), b"old").unwrap();
        [5, 999, 2500].into_iter().for_each(old);
        assert_eq!(newest(side, ledger, text).unwrap(), Some((2500, "old".to_owned())));
        save(side, ledger, 1000, b"new", Durable::Later).unwrap();
        assert_eq!(newest(side, ledger, text).unwrap(), Some((2500, "old".to_owned())));
        for entry in [999, 3999, 12_000] {
            save(side, ledger, entry, b"new", Durable::Later).unwrap();
        }
        assert_eq!(list(side, ledger).unwrap(), [5, 999, 1000, 2500, 3999, 12_000]);
        assert_eq!(
            (load(side, ledger, 999).unwrap(), load(side, ledger, 5).unwrap()),
            (b"new".to_vec(), b"old".to_vec())
        );
        // One after the other is torn: the one before is the newest.
        for (torn, then) in [(12_000, 3999), (3999, 2500), (2500, 1000), (1000, 999), (999, 5)] {
            let kept = if torn == 2500 { folder(side, ledger).join(name(torn)) } else { path(side, ledger, torn) };
            durable::replace(&kept, b"").unwrap();
            assert_eq!(newest(side, ledger, text).unwrap().map(|(entry, _)| entry), Some(then));
        }
        durable::replace(&folder(side, ledger).join(name(5)), b"").unwrap();
        assert_eq!(newest(side, ledger, text).unwrap(), None);
    }
}
