//! The author's chain on this device: `<identity>.d/<ledger id>.state`, and the lock that keeps it to one process.
//!
//! The state is a run of records, of which the last whole one counts: version u8 = 1, author key 32, next sequence u64,
//! digest of the newest statement 32, newest entry number seen u64 (all ones: none), its link 32, and a check value,
//! the first 16 bytes of `CHAIN_STATE.hash` over ledger id and record. Another author's record, left by a key that had
//! the same file name before, is no state of this key's. So a statement that the ledger itself has made durable costs
//! one append and no sync; a record that a power cut tore or lost is made up for from the ledger ([`Chain::signed`]).

use std::fs::File;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cabinet::{CabinetError, Durable};
use crate::codec::context::CHAIN_STATE;
use crate::codec::{self, Bytes, CodecError, Digest, LedgerId, Link};
use crate::keys::PublicKey;
use crate::store::durable;

/// Bytes of a record.
const RECORD: usize = 129;
/// Records after which the file is written anew with one.
const RECORDS_LIMIT: usize = 4096;
/// Bytes at the end of the file that are read first: nearly always the last record is whole.
const END: usize = 4 * RECORD;
/// Most bytes that are looked through for a whole record.
const LOOK_LIMIT: usize = 2 * RECORDS_LIMIT * RECORD;

/// The newest entry that this device knew to be durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Its number.
    pub number: u64,
    /// Its link.
    pub link: Link,
}

/// The state of one author key's chain in one ledger, with the lock on it.
///
/// Held from taking a sequence number until the receipt; dropping it gives the lock back and saves nothing.
#[derive(Debug)]
pub struct Chain {
    _lock: File,
    path: PathBuf,
    ledger: LedgerId,
    author: PublicKey,
    next: u64,
    previous: Digest,
    seen: Option<Seen>,
    /// Records in the file; `None` if the next record may not be appended.
    records: Option<u64>,
    /// The last record of the file, as it was read or written.
    saved: Option<Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
struct Record {
    version: u8,
    author: Bytes<32>,
    next: u64,
    previous: Digest,
    seen: u64,
    link: Link,
    check: Bytes<16>,
}

impl Chain {
    /// Waits for the lock and reads the state; a key that has signed nothing for this ledger begins at sequence 0 with
    /// a previous digest of zeros.
    ///
    /// A file without a whole record counts as none: whoever goes on asks the ledger and the outbox first.
    ///
    /// # Errors
    /// `Disk`; also for a file that holds no whole record and is longer than any that is written here.
    pub fn take(side: &Path, ledger: LedgerId, author: PublicKey) -> Result<Self, CabinetError> {
        durable::create_dir(side)?;
        let lock = durable::lock_exclusive(&side.join(format!("{ledger}.lock")))?;
        let path = side.join(format!("{ledger}.state"));
        let (next, previous) = (0, Digest::ZERO);
        let fresh = Chain { _lock: lock, path, ledger, author, next, previous, seen: None, records: None, saved: None };
        let length = match durable::length(&fresh.path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(fresh),
            other => other?,
        };
        match fresh.newest(length)? {
            // No whole record: a power cut took it. What was signed is in the ledger or the outbox, which say so.
            None => Ok(fresh),
            Some((bytes, last)) => Ok(fresh.with(bytes, &last, length)),
        }
    }

    /// Finds the last whole record, from the end of the file backwards.
    fn newest(&self, length: u64) -> Result<Option<(Vec<u8>, Record)>, CabinetError> {
        let whole = |bytes: &[u8]| {
            let record: Record = codec::decode(bytes, RECORD).ok()?;
            let good = record.version == 1 && record.check == check(&self.ledger, bytes);
            good.then(|| (bytes.to_vec(), record))
        };
        let (mut reach, mut end) = (END, length);
        loop {
            let from = end.saturating_sub(reach as u64) / RECORD as u64 * RECORD as u64;
            let bytes = durable::read_from(&self.path, from, usize::try_from(end - from).unwrap_or(usize::MAX))?;
            let found = bytes.chunks(RECORD).rev().find_map(whole);
            if found.is_some() || from == 0 {
                return Ok(found);
            }
            if length - from > LOOK_LIMIT as u64 {
                return Err(std::io::Error::from(std::io::ErrorKind::FileTooLarge).into());
            }
            (reach, end) = ((reach * 4).min(RECORDS_LIMIT / 4 * RECORD), from);
        }
    }

    /// Returns the sequence number of the next statement.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Returns the digest of the newest statement; zeros before the first.
    #[must_use]
    pub fn previous(&self) -> Digest {
        self.previous
    }

    /// Returns the newest entry this device has seen.
    #[must_use]
    pub fn seen(&self) -> Option<Seen> {
        self.seen
    }

    /// Takes note of a statement of this key: one signed now, or one found in the ledger or outbox that the state does
    /// not know because a power cut took its record.
    ///
    /// # Errors
    /// `SequenceUsed` if its number lies before [`Chain::next`].
    pub fn signed(&mut self, sequence: u64, digest: Digest) -> Result<(), CabinetError> {
        let next = sequence.checked_add(1).filter(|next| *next > self.next);
        self.next = next.ok_or(CabinetError::SequenceUsed(sequence))?;
        self.previous = digest;
        Ok(())
    }

    /// Goes back to the number after the newest statement that ledger and outbox know: what was signed behind it was lost
    /// in a power cut, before anybody was told that it is kept.
    pub fn lost_after(&mut self, next: u64, previous: Digest) {
        if next < self.next {
            (self.next, self.previous) = (next, previous);
            // The file is written anew, so that no older record is taken for the newest.
            self.records = None;
        }
    }

    /// Takes note of the newest durable entry; an older one than seen before changes nothing.
    ///
    /// # Errors
    /// `SeenOtherwise` if it is the one seen before, with another link: evidence that history was rewritten.
    pub fn saw(&mut self, number: u64, link: Link) -> Result<(), CabinetError> {
        match self.seen {
            Some(seen) if seen.number == number && seen.link != link => Err(CabinetError::SeenOtherwise(number)),
            Some(seen) if seen.number >= number => Ok(()),
            _ => {
                self.seen = Some(Seen { number, link });
                Ok(())
            }
        }
    }

    /// Saves the state. `Durable::Later` is enough where the ledger holds the statement already; a state that stands in
    /// the file is then not written again.
    ///
    /// # Errors
    /// `Disk`.
    pub fn save(&mut self, when: Durable) -> Result<(), CabinetError> {
        let record = self.record()?;
        if when == Durable::Later && self.records.is_some() && self.saved.as_ref() == Some(&record) {
            return Ok(());
        }
        match self.records {
            Some(records) if when == Durable::Later && records < RECORDS_LIMIT as u64 => {
                // Until it is known to be whole: what follows a half-written record could not be read.
                self.records = None;
                durable::append_unsynced(&self.path, &record)?;
                self.records = Some(records + 1);
            }
            _ => {
                match when {
                    Durable::Now => durable::replace(&self.path, &record)?,
                    Durable::Later => durable::copy_unsynced(&self.path, &record)?,
                }
                self.records = Some(1);
            }
        }
        self.saved = Some(record);
        Ok(())
    }

    fn record(&self) -> Result<Vec<u8>, CodecError> {
        let (seen, link) = self.seen.map_or((u64::MAX, Link::ZERO), |seen| (seen.number, seen.link));
        let (author, check_value) = (Bytes(*self.author.as_bytes()), Bytes([0; 16]));
        let (next, previous) = (self.next, self.previous);
        let mut record = Record { version: 1, author, next, previous, seen, link, check: check_value };
        let bytes = codec::encode(&record, RECORD)?;
        record.check = check(&self.ledger, &bytes);
        codec::encode(&record, RECORD)
    }

    fn with(mut self, bytes: Vec<u8>, last: &Record, length: u64) -> Self {
        if last.author.0 != *self.author.as_bytes() {
            return self;
        }
        self.next = last.next;
        self.previous = last.previous;
        self.seen = (last.seen != u64::MAX).then_some(Seen { number: last.seen, link: last.link });
        let whole = length.is_multiple_of(RECORD as u64);
        (self.records, self.saved) = (whole.then_some(length / RECORD as u64), Some(bytes));
        self
    }
}

/// Returns the check value over all of a record but its last 16 bytes.
fn check(ledger: &LedgerId, record: &[u8]) -> Bytes<16> {
    let covered = record.split_last_chunk::<16>().map_or(record, |(covered, _)| covered);
    let hash = CHAIN_STATE.hash(&[ledger.as_bytes(), covered]);
    let mut check = Bytes([0; 16]);
    check.0.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    check
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::keys::SigningKey;

    use super::*;

    const LEDGER: LedgerId = LedgerId::new([7; 32]);

    fn key(number: u8) -> PublicKey {
        SigningKey::from_seed(&[number; 32]).public()
    }

    fn digest(number: u8) -> Digest {
        Digest::new([number; 32])
    }

    #[test]
    fn the_chain_goes_on_where_it_was_saved() {
        let folder = tempfile::tempdir().unwrap();
        let side = folder.path().join("sam.id.d");
        let mut chain = Chain::take(&side, LEDGER, key(1)).unwrap();
        assert_eq!((chain.next(), chain.previous(), chain.seen()), (0, Digest::ZERO, None));
        for number in 0..5 {
            chain.signed(u64::from(number), digest(number)).unwrap();
            chain.saw(u64::from(number) * 10, Link::new([number; 32])).unwrap();
            chain.save(Durable::Later).unwrap();
        }
        assert_eq!(durable::read(&chain.path, 1 << 20).unwrap().len(), 5 * RECORD);
        drop(chain);
        let mut chain = Chain::take(&side, LEDGER, key(1)).unwrap();
        assert_eq!((chain.next(), chain.previous()), (5, digest(4)));
        assert_eq!(chain.seen(), Some(Seen { number: 40, link: Link::new([4; 32]) }));
        chain.save(Durable::Now).unwrap();
        assert_eq!(durable::read(&chain.path, 1 << 20).unwrap().len(), RECORD);
        drop(chain);
        assert_eq!(Chain::take(&side, LEDGER, key(1)).unwrap().next(), 5);
        assert_eq!(Chain::take(&side, LedgerId::new([8; 32]), key(1)).unwrap().next(), 0);
    }

    #[test]
    fn sequence_and_seen_never_fall() {
        let folder = tempfile::tempdir().unwrap();
        let mut chain = Chain::take(folder.path(), LEDGER, key(1)).unwrap();
        chain.signed(6, digest(1)).unwrap();
        assert!(matches!(chain.signed(6, digest(2)), Err(CabinetError::SequenceUsed(6))));
        assert!(matches!(chain.signed(u64::MAX, digest(2)), Err(CabinetError::SequenceUsed(u64::MAX))));
        assert_eq!((chain.next(), chain.previous()), (7, digest(1)));
        chain.saw(9, Link::new([1; 32])).unwrap();
        chain.saw(8, Link::new([2; 32])).unwrap();
        chain.saw(9, Link::new([1; 32])).unwrap();
        assert!(matches!(chain.saw(9, Link::new([2; 32])), Err(CabinetError::SeenOtherwise(9))));
        assert_eq!(chain.seen().map(|seen| seen.number), Some(9));
    }

    #[test]
    fn a_torn_record_costs_itself_only() {
        let folder = tempfile::tempdir().unwrap();
        let mut chain = Chain::take(folder.path(), LEDGER, key(1)).unwrap();
        for number in 0..3 {
            chain.signed(u64::from(number), digest(number)).unwrap();
            chain.save(Durable::Later).unwrap();
        }
        let path = chain.path.clone();
        drop(chain);
        let whole = durable::read(&path, 1 << 20).unwrap();
        for cut in 0..whole.len() {
            durable::replace(&path, &whole[..cut]).unwrap();
            let mut chain = Chain::take(folder.path(), LEDGER, key(1)).unwrap();
            assert_eq!(chain.next(), (cut / RECORD) as u64);
            if cut.is_multiple_of(40) {
                chain.signed(9, digest(9)).unwrap();
                chain.save(Durable::Later).unwrap();
                drop(chain);
                assert_eq!(Chain::take(folder.path(), LEDGER, key(1)).unwrap().next(), 10);
            }
        }
        // A record of another ledger does not count.
        durable::replace(&folder.path().join(format!("{}.state", LedgerId::ZERO)), &whole).unwrap();
        assert_eq!(Chain::take(folder.path(), LedgerId::ZERO, key(1)).unwrap().next(), 0);
    }

    #[test]
    fn the_end_of_a_long_file_is_enough_and_goes_back_as_far_as_it_must() {
        let folder = tempfile::tempdir().unwrap();
        let mut chain = Chain::take(folder.path(), LEDGER, key(1)).unwrap();
        let path = chain.path.clone();
        chain.signed(0, digest(1)).unwrap();
        chain.save(Durable::Later).unwrap();
        chain.save(Durable::Later).unwrap();
        drop(chain);
        let one = durable::read(&path, RECORD).unwrap();
        // Longer than what is looked through: the end alone is read.
        let long = [vec![0xff; LOOK_LIMIT + 50 * RECORD], one.clone()].concat();
        durable::replace(&path, &long).unwrap();
        let mut chain = Chain::take(folder.path(), LEDGER, key(1)).unwrap();
        assert_eq!((chain.next(), chain.previous()), (1, digest(1)));
        chain.signed(1, digest(2)).unwrap();
        chain.save(Durable::Later).unwrap();
        drop(chain);
        assert_eq!(durable::length(&path).unwrap(), RECORD as u64);
        assert_eq!(Chain::take(folder.path(), LEDGER, key(1)).unwrap().next(), 2);
        // Behind it nothing but torn records, whole ones in number and not.
        for torn in (0..60 * RECORD).step_by(RECORD / 2 + 7) {
            durable::replace(&path, &[&one[..], &vec![0; torn]].concat()).unwrap();
            assert_eq!(Chain::take(folder.path(), LEDGER, key(1)).unwrap().next(), 1, "{torn}");
        }
        durable::replace(&path, &vec![0; LOOK_LIMIT + 2 * RECORDS_LIMIT * RECORD]).unwrap();
        assert!(matches!(Chain::take(folder.path(), LEDGER, key(1)), Err(CabinetError::Disk(_))));
    }

    #[test]
    fn a_state_that_was_saved_is_not_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut chain = Chain::take(folder.path(), LEDGER, key(1)).unwrap();
        chain.signed(0, digest(1)).unwrap();
        for _ in 0..3 {
            chain.save(Durable::Later).unwrap();
        }
        assert_eq!(durable::length(&chain.path).unwrap(), RECORD as u64);
        let path = chain.path.clone();
        drop(chain);
        let mut chain = Chain::take(folder.path(), LEDGER, key(1)).unwrap();
        chain.save(Durable::Later).unwrap();
        assert_eq!(durable::length(&path).unwrap(), RECORD as u64);
        // One that has to survive a power cut is synced, whatever was written before.
        durable::append_unsynced(&path, &[0; 5]).unwrap();
        chain.save(Durable::Now).unwrap();
        assert_eq!(durable::length(&path).unwrap(), RECORD as u64);
        // A number that was lost is taken back in the file too.
        chain.lost_after(0, Digest::ZERO);
        chain.save(Durable::Later).unwrap();
        drop(chain);
        assert_eq!(Chain::take(folder.path(), LEDGER, key(1)).unwrap().next(), 0);
    }

    #[test]
    fn another_key_under_the_same_file_name_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let mut chain = Chain::take(folder.path(), LEDGER, key(1)).unwrap();
        chain.signed(4, digest(1)).unwrap();
        chain.save(Durable::Later).unwrap();
        drop(chain);
        let mut chain = Chain::take(folder.path(), LEDGER, key(2)).unwrap();
        assert_eq!((chain.next(), chain.previous(), chain.seen()), (0, Digest::ZERO, None));
        chain.signed(0, digest(2)).unwrap();
        chain.save(Durable::Later).unwrap();
        drop(chain);
        assert_eq!(Chain::take(folder.path(), LEDGER, key(2)).unwrap().next(), 1);
    }

    #[test]
    fn the_lock_keeps_others_out_until_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let mut chain = Chain::take(folder.path(), LEDGER, key(1)).unwrap();
        let side = folder.path().to_owned();
        let other = std::thread::spawn(move || Chain::take(&side, LEDGER, key(1)).unwrap().next());
        chain.signed(0, digest(1)).unwrap();
        chain.save(Durable::Later).unwrap();
        drop(chain);
        assert_eq!(other.join().unwrap(), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let folder = tempfile::tempdir().unwrap();
            durable::replace(&folder.path().join(format!("{LEDGER}.state")), &bytes).unwrap();
            prop_assert_eq!(Chain::take(folder.path(), LEDGER, key(1)).unwrap().next(), 0);
        }
    }
}
