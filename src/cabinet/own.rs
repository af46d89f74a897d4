//! The author's own copy: staff can read and correct their own words until the next closing.
//!
//! A period is known by its number: how many closings came before it. Staff cannot open closings, so the newest period is the
//! highest number in the name of any author's file: whoever closes begins the next one with a file of their own, durable,
//! and then destroys what is of earlier ones, everybody's. Nobody opens or adds to the copy of a period that is not the newest.
//!
//! `cabinet/own/<author key>.<period>.age` holds a random key for one closing period, for the author's devices; content
//! version 1 is the author's public key 32, the period u64 and the key 32. Beside it `<author key>.<period>.keys` is a
//! run of 96-byte records, appended and not synced: a random salt 16, then statement digest 32 and words key 32 under
//! ChaCha20-Poly1305 with `OWN_COPY.keyed(period key, salt)` and nonce zero. The salt is random because a counter would
//! give one key to two records where a power cut took the first; the digest is sealed because it would name the author
//! of an entry. A record that is torn or lost costs itself only.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::cabinet::wrap::{AgeSecret, Recipient};
use crate::cabinet::{self, CabinetError, Durable};
use crate::codec::context::{OWN_COPY, hex, parse_hex};
use crate::codec::{Bytes, CodecError, Digest};
use crate::keys::PublicKey;
use crate::seal::words::WordsKey;
use crate::store::durable;

/// Bytes of the salt of a record.
const SALT: usize = 16;
/// Bytes of a record: salt, digest, words key and tag.
const RECORD: usize = SALT + 32 + 32 + 16;
/// Largest file of records in bytes (64 MiB: about 700,000 statements of one author in one period).
const RECORDS_LIMIT: usize = 1 << 26;

/// The words keys of one author in one closing period.
pub struct OwnCopy {
    period: u64,
    records: PathBuf,
    key: Zeroizing<[u8; 32]>,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct Content {
    author: Bytes<32>,
    period: u64,
    key: Bytes<32>,
}

impl OwnCopy {
    /// Draws the key of a period for the author's devices; not synced, like the records under it, unless it begins the
    /// period.
    ///
    /// # Errors
    /// `Taken` if the period has one; `Wrap` and `Disk`.
    pub fn create(
        cabinet: &Path,
        author: &PublicKey,
        period: u64,
        devices: &[Recipient],
        when: Durable,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, CabinetError> {
        let file = path(cabinet, author, period, ".age");
        if durable::exists(&file) {
            return Err(CabinetError::Taken);
        }
        let mut key = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *key);
        let content = Content { author: Bytes(*author.as_bytes()), period, key: Bytes(*key) };
        cabinet::put(&file, &cabinet::seal(&content, devices)?, when)?;
        Ok(OwnCopy { period, records: path(cabinet, author, period, ".keys"), key })
    }

    /// Opens the copy of a period.
    ///
    /// # Errors
    /// `Missing` before [`OwnCopy::create`] and after the closing; `Wrap` if it is another's; `Misplaced`.
    pub fn open(cabinet: &Path, author: &PublicKey, period: u64, secret: &AgeSecret) -> Result<Self, CabinetError> {
        let content: Content = cabinet::load(&path(cabinet, author, period, ".age"), secret)?;
        if content.author.0 != *author.as_bytes() || content.period != period {
            return Err(CabinetError::Misplaced);
        }
        Ok(OwnCopy { period, records: path(cabinet, author, period, ".keys"), key: Zeroizing::new(content.key.0) })
    }

    /// Returns its period.
    #[must_use]
    pub fn period(&self) -> u64 {
        self.period
    }

    /// Appends the words keys of statements, unsynced: the words are durable in the ledger, this copy is a convenience.
    ///
    /// # Errors
    /// `Disk`.
    pub fn append<'k>(
        &mut self,
        keys: impl Iterator<Item = (Digest, &'k WordsKey)>,
        rng: &mut impl CryptoRng,
    ) -> Result<(), CabinetError> {
        // Zeros step over a record that was torn.
        let length = if durable::exists(&self.records) { durable::length(&self.records)? } else { 0 };
        let torn = usize::try_from(length % RECORD as u64).unwrap_or(0);
        let mut records = vec![0; (RECORD - torn) % RECORD];
        for (statement, words) in keys {
            let mut salt = [0; SALT];
            rng.fill_bytes(&mut salt);
            let mut sealed = Zeroizing::new(Vec::with_capacity(RECORD));
            sealed.extend_from_slice(statement.as_bytes());
            sealed.extend_from_slice(words.as_bytes());
            let cipher = self.cipher(&salt);
            cipher.encrypt_in_place(&Nonce::default(), &[], &mut *sealed).map_err(|_| CodecError::Malformed)?;
            records.extend_from_slice(&salt);
            records.extend_from_slice(&sealed);
        }
        Ok(durable::append_unsynced(&self.records, &records)?)
    }

    /// Returns the words key of a statement, if this copy has it.
    ///
    /// # Errors
    /// `Disk`.
    pub fn find(&self, statement: &Digest) -> Result<Option<WordsKey>, CabinetError> {
        Ok(self.all()?.into_iter().rev().find(|(digest, _)| digest == statement).map(|(_, key)| key))
    }

    /// Returns every statement digest and words key that can be read, in the order in which they were appended.
    ///
    /// # Errors
    /// `Disk`.
    pub fn all(&self) -> Result<Vec<(Digest, WordsKey)>, CabinetError> {
        let bytes = read(&self.records)?;
        Ok(bytes.chunks_exact(RECORD).filter_map(|record| self.open_record(record)).collect())
    }

    fn open_record(&self, record: &[u8]) -> Option<(Digest, WordsKey)> {
        let (salt, sealed) = record.split_first_chunk::<SALT>()?;
        let mut content = Zeroizing::new(sealed.to_vec());
        self.cipher(salt).decrypt_in_place(&Nonce::default(), &[], &mut *content).ok()?;
        let (digest, words) = content.split_first_chunk::<32>()?;
        Some((Digest::new(*digest), WordsKey::new(words.try_into().ok()?)))
    }

    fn cipher(&self, salt: &[u8; SALT]) -> ChaCha20Poly1305 {
        let key = Zeroizing::new(OWN_COPY.keyed(&self.key, salt));
        ChaCha20Poly1305::new((&*key).into())
    }
}

/// Returns the periods of which an author has a copy, rising.
///
/// # Errors
/// `Disk`.
pub fn periods(cabinet: &Path, author: &PublicKey) -> Result<Vec<u64>, CabinetError> {
    let files = cabinet::files(&cabinet.join("own"), ".age", parse_name)?;
    let mut periods: Vec<u64> =
        files.into_iter().filter(|((key, _), _)| key == author.as_bytes()).map(|((_, period), _)| period).collect();
    periods.sort_unstable();
    Ok(periods)
}

/// Returns the newest period: the highest that any author has a copy of, 0 before there is one.
///
/// # Errors
/// `Disk`.
pub fn newest_period(cabinet: &Path) -> Result<u64, CabinetError> {
    let files = cabinet::files(&cabinet.join("own"), ".age", parse_name)?;
    Ok(files.into_iter().map(|((_, period), _)| period).max().unwrap_or(0))
}

/// Makes an author's copy of a period anew with these words keys alone, for the author's devices: the old one is destroyed
/// first. An author without a copy gets none.
///
/// # Errors
/// `Wrap` and `Disk`; the call can be made again.
pub fn rewrite(
    cabinet: &Path,
    author: &PublicKey,
    period: u64,
    devices: &[Recipient],
    keys: &[(Digest, WordsKey)],
    rng: &mut impl CryptoRng,
) -> Result<(), CabinetError> {
    let files = [".age", ".keys"].map(|suffix| path(cabinet, author, period, suffix));
    if !files.iter().any(|file| durable::exists(file)) {
        return Ok(());
    }
    // The key first: without it the records are noise.
    for file in files.iter().filter(|file| durable::exists(file)) {
        durable::destroy(file)?;
    }
    if !devices.is_empty() {
        let mut own = OwnCopy::create(cabinet, author, period, devices, Durable::Later, rng)?;
        own.append(keys.iter().map(|(digest, key)| (*digest, key)), rng)?;
    }
    Ok(())
}

/// Opens an author's copy of the newest period, if there is one.
///
/// # Errors
/// `Disk`. A copy that does not open is none.
pub fn newest(cabinet: &Path, author: &PublicKey, secret: &AgeSecret) -> Result<Option<OwnCopy>, CabinetError> {
    Ok(OwnCopy::open(cabinet, author, newest_period(cabinet)?, secret).ok())
}

/// Returns what an author's own copy of the newest period holds: words keys by statement digest. What does not open is left
/// out.
#[must_use]
pub fn all_of(cabinet: &Path, author: &PublicKey, secret: &AgeSecret) -> HashMap<Digest, WordsKey> {
    let copy = newest(cabinet, author, secret).ok().flatten();
    copy.map(|copy| copy.all().unwrap_or_default().into_iter().collect()).unwrap_or_default()
}

/// Destroys every author's copies of the periods before this one, as a closing does. Returns how many files there were.
///
/// # Errors
/// `Disk`; what was destroyed until then stays destroyed, and a second call does the rest.
pub fn destroy_before(cabinet: &Path, period: u64) -> Result<usize, CabinetError> {
    let mut destroyed = 0;
    // Keys first: without them the records beside them are noise.
    for suffix in [".age", ".keys"] {
        for ((_, of), path) in cabinet::files(&cabinet.join("own"), suffix, parse_name)? {
            if of < period {
                durable::destroy(&path)?;
                destroyed += 1;
            }
        }
    }
    Ok(destroyed)
}

fn read(records: &Path) -> Result<Vec<u8>, CabinetError> {
    if durable::exists(records) { Ok(durable::read(records, RECORDS_LIMIT)?) } else { Ok(Vec::new()) }
}

fn path(cabinet: &Path, author: &PublicKey, period: u64, suffix: &str) -> PathBuf {
    cabinet.join("own").join(format!("{}.{period}{suffix}", hex(author.as_bytes())))
}

fn parse_name(name: &str) -> Option<([u8; 32], u64)> {
    let (author, period) = name.split_once('.')?;
    let number: u64 = period.parse().ok().filter(|number: &u64| number.to_string() == period)?;
    Some((parse_hex(author)?, number))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::cabinet::tests::{recipients, secret, stream};
    use crate::keys::SigningKey;

    use super::*;

    fn author(number: u8) -> PublicKey {
        SigningKey::from_seed(&[number; 32]).public()
    }

    fn digest(number: u8) -> Digest {
        Digest::new([number; 32])
    }

    fn found(copy: &OwnCopy, number: u8) -> bool {
        copy.find(&digest(number)).unwrap().is_some_and(|key| *key.as_bytes() == [number; 32])
    }

    fn append(copy: &mut OwnCopy, number: u8, seed: u64) {
        copy.append([(digest(number), &WordsKey::new([number; 32]))].into_iter(), &mut stream(seed)).unwrap();
    }

    #[test]
    fn authors_read_their_own_until_the_closing() {
        let folder = tempfile::tempdir().unwrap();
        let cabinet = folder.path();
        let (sam, ana) = (author(1), author(2));
        assert!(matches!(OwnCopy::open(cabinet, &sam, 3, &secret(1)), Err(CabinetError::Missing)));
        let mut copy = OwnCopy::create(cabinet, &sam, 3, &recipients(&[1]), Durable::Later, &mut stream(1)).unwrap();
        assert!(matches!(
            OwnCopy::create(cabinet, &sam, 3, &recipients(&[1]), Durable::Later, &mut stream(1)),
            Err(CabinetError::Taken)
        ));
        (1..=3).for_each(|number| append(&mut copy, number, u64::from(number) + 10));
        let again = OwnCopy::open(cabinet, &sam, 3, &secret(1)).unwrap();
        assert!((1..=3).all(|number| found(&again, number)) && !found(&again, 4));
        assert!(OwnCopy::open(cabinet, &sam, 3, &secret(2)).is_err());
        OwnCopy::create(cabinet, &sam, 4, &recipients(&[1]), Durable::Later, &mut stream(2)).unwrap();
        OwnCopy::create(cabinet, &ana, 2, &recipients(&[2]), Durable::Later, &mut stream(3)).unwrap();
        assert_eq!(periods(cabinet, &sam).unwrap(), [3, 4]);
        // The newest is the newest of all authors: of that one Ana has none, and of hers she opens nothing any more.
        assert_eq!(newest_period(cabinet).unwrap(), 4);
        assert_eq!(newest(cabinet, &sam, &secret(1)).unwrap().map(|copy| copy.period()), Some(4));
        assert!(newest(cabinet, &ana, &secret(2)).unwrap().is_none() && all_of(cabinet, &sam, &secret(1)).is_empty());
        // The skeleton shows statement digests: none may stand here in clear.
        let file = durable::read(&path(cabinet, &sam, 3, ".keys"), 1 << 20).unwrap();
        assert_eq!(file.len(), 3 * RECORD);
        assert!(!file.windows(32).any(|window| window == [1; 32]));
        assert_eq!(destroy_before(cabinet, 4).unwrap(), 3);
        assert!(matches!(OwnCopy::open(cabinet, &sam, 3, &secret(1)), Err(CabinetError::Missing)));
        assert!(!durable::exists(&path(cabinet, &sam, 3, ".keys")));
        assert_eq!(periods(cabinet, &sam).unwrap(), [4]);
        assert_eq!(destroy_before(cabinet, 4).unwrap(), 0);
    }

    #[test]
    fn a_torn_record_costs_itself_only() {
        let folder = tempfile::tempdir().unwrap();
        let sam = author(1);
        let mut copy =
            OwnCopy::create(folder.path(), &sam, 0, &recipients(&[1]), Durable::Later, &mut stream(1)).unwrap();
        append(&mut copy, 1, 11);
        append(&mut copy, 2, 12);
        let whole = durable::read(&copy.records, 1 << 20).unwrap();
        for cut in [RECORD, RECORD + 1, 2 * RECORD - 1] {
            durable::replace(&copy.records, &whole[..cut]).unwrap();
            let mut again = OwnCopy::open(folder.path(), &sam, 0, &secret(1)).unwrap();
            assert!(found(&again, 1) && !found(&again, 2));
            append(&mut again, 3, 13);
            append(&mut again, 4, 14);
            assert!(found(&again, 1) && found(&again, 3) && found(&again, 4));
        }
    }

    #[test]
    fn a_copy_made_anew_holds_what_it_is_given_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let (cabinet, sam, ana) = (folder.path(), author(1), author(2));
        let mut copy = OwnCopy::create(cabinet, &sam, 0, &recipients(&[1]), Durable::Later, &mut stream(1)).unwrap();
        (1..=3).for_each(|number| append(&mut copy, number, u64::from(number)));
        let old = durable::read(&copy.records, 1 << 20).unwrap();
        let keys = [(digest(1), WordsKey::new([1; 32])), (digest(3), WordsKey::new([3; 32]))];
        rewrite(cabinet, &sam, 0, &recipients(&[1, 7]), &keys, &mut stream(9)).unwrap();
        for number in [1, 7] {
            let again = OwnCopy::open(cabinet, &sam, 0, &secret(number)).unwrap();
            assert!(found(&again, 1) && !found(&again, 2) && found(&again, 3));
            // The new key opens nothing of the old records.
            durable::copy_unsynced(&folder.path().join("old"), &old).unwrap();
            assert!(
                OwnCopy { period: 0, records: folder.path().join("old"), key: again.key }.all().unwrap().is_empty()
            );
        }
        rewrite(cabinet, &ana, 0, &recipients(&[2]), &keys, &mut stream(9)).unwrap();
        assert!(periods(cabinet, &ana).unwrap().is_empty());
        // Nobody to wrap for: the key was revoked.
        rewrite(cabinet, &sam, 0, &[], &keys, &mut stream(9)).unwrap();
        assert_eq!(durable::list(&cabinet.join("own")).unwrap().len(), 0);
    }

    #[test]
    fn the_same_key_twice_gives_records_that_share_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut copy =
            OwnCopy::create(folder.path(), &author(1), 0, &recipients(&[1]), Durable::Later, &mut stream(1)).unwrap();
        append(&mut copy, 1, 11);
        append(&mut copy, 1, 12);
        let file = durable::read(&copy.records, 1 << 20).unwrap();
        assert!(file[..RECORD].iter().zip(&file[RECORD..]).filter(|(a, b)| a == b).count() < 8);
        assert_eq!(copy.all().unwrap().len(), 2);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..500), name in "\\PC{0,80}") {
            let folder = tempfile::tempdir().unwrap();
            let copy = OwnCopy::create(folder.path(), &author(1), 0, &recipients(&[1]), Durable::Later, &mut stream(1)).unwrap();
            durable::replace(&copy.records, &bytes).unwrap();
            prop_assert!(copy.all().unwrap().is_empty());
            durable::replace(&path(folder.path(), &author(1), 0, ".age"), &bytes).unwrap();
            prop_assert!(OwnCopy::open(folder.path(), &author(1), 0, &secret(1)).is_err());
            let _ = parse_name(&name);
        }
    }
}
