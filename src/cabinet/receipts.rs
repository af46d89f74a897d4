//! Receipts that the author keeps: `<identity>.d/receipts/<ledger id>/<entry number>.tlog-proof`.
//!
//! A receipt is C2SP tlog-proof text and public; this room keeps its bytes and does not read them.

use std::path::{Path, PathBuf};

use crate::cabinet::{self, CabinetError, Durable};
use crate::codec::{CodecError, LedgerId, NOTE_LIMIT};
use crate::store::durable;

/// Largest receipt in bytes: a checkpoint note, at most 63 lines of proof, and the lines around them.
pub const RECEIPT_LIMIT: usize = NOTE_LIMIT + 8192;

/// Keeps a receipt; one for the same entry is replaced, since a later one has more cosignatures.
///
/// `Durable::Later` is enough where it can be had from the ledger again; a torn one then reads as no receipt.
///
/// # Errors
/// `Content` for more than [`RECEIPT_LIMIT`] bytes; `Disk`.
pub fn save(side: &Path, ledger: LedgerId, entry: u64, receipt: &[u8], when: Durable) -> Result<(), CabinetError> {
    if receipt.len() > RECEIPT_LIMIT {
        return Err(CodecError::TooLong { length: receipt.len(), limit: RECEIPT_LIMIT }.into());
    }
    cabinet::put(&path(side, ledger, entry), receipt, when)
}

/// Returns a receipt's bytes.
///
/// # Errors
/// `Missing`; `Disk`.
pub fn load(side: &Path, ledger: LedgerId, entry: u64) -> Result<Vec<u8>, CabinetError> {
    Ok(durable::read(&path(side, ledger, entry), RECEIPT_LIMIT)?)
}

/// Returns the numbers of the entries that have a receipt here, rising.
///
/// # Errors
/// `Disk`.
pub fn list(side: &Path, ledger: LedgerId) -> Result<Vec<u64>, CabinetError> {
    let number = |name: &str| name.parse().ok().filter(|number: &u64| number.to_string() == name);
    let files = cabinet::files(&folder(side, ledger), ".tlog-proof", number)?;
    let mut numbers: Vec<u64> = files.into_iter().map(|(number, _)| number).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Returns the receipt of the highest entry number.
///
/// # Errors
/// `Disk`.
pub fn newest(side: &Path, ledger: LedgerId) -> Result<Option<(u64, Vec<u8>)>, CabinetError> {
    match list(side, ledger)?.last() {
        Some(entry) => Ok(Some((*entry, load(side, ledger, *entry)?))),
        None => Ok(None),
    }
}

fn folder(side: &Path, ledger: LedgerId) -> PathBuf {
    side.join("receipts").join(ledger.to_string())
}

fn path(side: &Path, ledger: LedgerId, entry: u64) -> PathBuf {
    folder(side, ledger).join(format!("{entry}.tlog-proof"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_the_one_of_the_highest_number() {
        let folder = tempfile::tempdir().unwrap();
        let (side, ledger) = (folder.path(), LedgerId::new([7; 32]));
        assert_eq!(newest(side, ledger).unwrap(), None);
        for (entry, when) in [(9, Durable::Now), (10, Durable::Later), (2, Durable::Later)] {
            save(side, ledger, entry, format!("receipt {entry}").as_bytes(), when).unwrap();
        }
        save(side, ledger, 10, b"with more cosignatures", Durable::Later).unwrap();
        save(side, LedgerId::ZERO, 99, b"another ledger's", Durable::Now).unwrap();
        for stray in ["010.tlog-proof", "+11.tlog-proof", "12.tmp", "x.tlog-proof"] {
            durable::replace(&self::folder(side, ledger).join(stray), b"").unwrap();
        }
        assert_eq!(list(side, ledger).unwrap(), [2, 9, 10]);
        assert_eq!(newest(side, ledger).unwrap(), Some((10, b"with more cosignatures".to_vec())));
        assert!(matches!(load(side, ledger, 11), Err(CabinetError::Missing)));
        assert!(save(side, ledger, 11, &vec![0; RECEIPT_LIMIT + 1], Durable::Now).is_err());
    }
}
