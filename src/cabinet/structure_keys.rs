//! Structure keys: `cabinet/structure/<author key>.<epoch>.age`, for the author's devices, the overseers and recovery.
//!
//! Content version 1 is the author's public key 32, the epoch u32, what is held of the key (0: the structure key 32; 1, a
//! *punctured* epoch: a list of entry number u64, statement digest 32 and content key 32, rising, and a list of what was
//! retired: entry number u64, statement digest 32, and the entries that proposed it and that say it is done, u64 each,
//! rising), and the age recipients 32 each that the file is wrapped for, rising; author and epoch must
//! be those of the file's name.

use std::path::{Path, PathBuf};

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::cabinet::wrap::{AgeSecret, Recipient};
use crate::cabinet::{self, CabinetError, Durable, Opened};
use crate::codec::context::{hex, parse_hex};
use crate::codec::{Bytes, CodecError, Digest};
use crate::keys::PublicKey;
use crate::seal::structure::{ContentKey, StructureKey};
use crate::store::durable;

/// What is held of an author's structure key.
#[derive(Clone)]
pub enum Held {
    /// The key: it opens the structure of every entry sealed with it.
    Whole(StructureKey),
    /// The content keys of the entries that remain; all else is gone.
    Punctured {
        /// The entries that remain, by number.
        kept: Vec<Kept>,
        /// Those that were retired, by number.
        retired: Vec<Gone>,
    },
}

/// What a punctured epoch holds of one entry.
#[derive(Clone, PartialEq, Eq)]
pub struct Kept {
    /// The entry's number.
    pub entry: u64,
    /// The digest of its statement.
    pub digest: Digest,
    /// The key of its structure part.
    pub key: ContentKey,
}

/// What a punctured epoch says of an entry that was retired: under which entries, for its author too, who cannot open them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone {
    /// The entry's number.
    pub entry: u64,
    /// The digest of its statement.
    pub digest: Digest,
    /// The entries that proposed to retire it and that say it is done.
    pub under: (u64, u64),
}

/// One author's structure key in one epoch.
pub struct HeldStructureKey {
    /// The author's public key.
    pub author: PublicKey,
    /// The epoch, from 0.
    pub epoch: u32,
    /// What is held of the key.
    pub held: Held,
    /// Whom its file is wrapped for, recovery included.
    pub readers: Vec<Recipient>,
}

impl HeldStructureKey {
    /// Returns the key, if the epoch was not punctured.
    #[must_use]
    pub fn key(&self) -> Option<&StructureKey> {
        match &self.held {
            Held::Whole(key) => Some(key),
            Held::Punctured { .. } => None,
        }
    }

    /// Returns the content keys of a punctured epoch.
    #[must_use]
    pub fn kept(&self) -> &[Kept] {
        match &self.held {
            Held::Whole(_) => &[],
            Held::Punctured { kept, .. } => kept,
        }
    }

    /// Returns what was retired of a punctured epoch.
    #[must_use]
    pub fn gone(&self) -> &[Gone] {
        match &self.held {
            Held::Whole(_) => &[],
            Held::Punctured { retired, .. } => retired,
        }
    }
}

impl std::fmt::Debug for HeldStructureKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "structure key {:?}.{}", self.author, self.epoch)
    }
}

#[derive(Serialize, Deserialize)]
struct Content {
    author: Bytes<32>,
    epoch: u32,
    held: RawHeld,
    readers: Vec<Bytes<32>>,
}

#[derive(Serialize, Deserialize)]
enum RawHeld {
    Whole(Bytes<32>),
    Punctured(Vec<(u64, Digest, Bytes<32>)>, Vec<(u64, Digest, (u64, u64))>),
}

impl Drop for Content {
    fn drop(&mut self) {
        match &mut self.held {
            RawHeld::Whole(key) => key.0.zeroize(),
            RawHeld::Punctured(kept, _) => kept.iter_mut().for_each(|(_, _, key)| key.0.zeroize()),
        }
    }
}

/// Draws the structure key of an author and epoch and wraps it for the author's devices, the overseers and recovery;
/// durable when it returns.
///
/// # Errors
/// `Taken` if there is a key of this epoch: replacing it would lose what was sealed with it. `Wrap` and `Disk`.
pub fn create(
    cabinet: &Path,
    author: &PublicKey,
    epoch: u32,
    recipients: &[Recipient],
    rng: &mut impl CryptoRng,
) -> Result<StructureKey, CabinetError> {
    if durable::exists(&path(cabinet, author, epoch)) {
        return Err(CabinetError::Taken);
    }
    let mut bytes = Zeroizing::new([0; 32]);
    rng.fill_bytes(&mut *bytes);
    let key = StructureKey::new(*bytes);
    let (held, readers) = (Held::Whole(key.clone()), recipients.to_vec());
    write(cabinet, &HeldStructureKey { author: author.clone(), epoch, held, readers })?;
    Ok(key)
}

/// Opens one structure key.
///
/// # Errors
/// `Missing`; `Wrap` if it is not for this secret; `Misplaced` if the file holds another's key.
pub fn load(
    cabinet: &Path,
    author: &PublicKey,
    epoch: u32,
    secret: &AgeSecret,
) -> Result<HeldStructureKey, CabinetError> {
    open((author.clone(), epoch), &path(cabinet, author, epoch), secret)
}

/// Returns the newest epoch of which an author has a key, from the file names alone.
///
/// # Errors
/// `Disk`.
pub fn newest_epoch(cabinet: &Path, author: &PublicKey) -> Result<Option<u32>, CabinetError> {
    let files = cabinet::files(&cabinet.join("structure"), ".age", parse_name)?;
    Ok(files.into_iter().filter(|((key, _), _)| key == author).map(|((_, epoch), _)| epoch).max())
}

/// Whether an author has a key of this epoch.
#[must_use]
pub fn has_epoch(cabinet: &Path, author: &PublicKey, epoch: u32) -> bool {
    durable::exists(&path(cabinet, author, epoch))
}

/// Opens every structure key that this secret opens.
///
/// # Errors
/// `Disk` only: what does not open is counted or named.
pub fn load_all(cabinet: &Path, secret: &AgeSecret) -> Result<Opened<HeldStructureKey>, CabinetError> {
    let files = cabinet::files(&cabinet.join("structure"), ".age", parse_name)?;
    Ok(cabinet::open_all(files, |name, path| open(name, path, secret)))
}

/// Wraps a structure key again for a new overseer or device, by one who can open it. Give *all* who shall open it:
/// the file does not say whom it was for. Whoever wraps again holds the ledger's lock, or a key that is being destroyed
/// meanwhile would come back.
///
/// # Errors
/// As [`load`] and [`create`].
pub fn rewrap(
    cabinet: &Path,
    author: &PublicKey,
    epoch: u32,
    overseer: &AgeSecret,
    recipients: &[Recipient],
) -> Result<(), CabinetError> {
    let held = load(cabinet, author, epoch, overseer)?;
    write(cabinet, &HeldStructureKey { readers: recipients.to_vec(), ..held })
}

/// Puts what remains of an epoch beside its file and reads it back; durable when it returns. Nothing is destroyed yet.
///
/// # Errors
/// `Wrap` and `Disk`.
pub fn leave(cabinet: &Path, held: &HeldStructureKey, secret: &AgeSecret) -> Result<HeldStructureKey, CabinetError> {
    let beside = cabinet::left(&path(cabinet, &held.author, held.epoch));
    put(&beside, held)?;
    decode((held.author.clone(), held.epoch), &cabinet::load(&beside, secret)?)
}

/// Destroys the file of an epoch for what remains of it, which [`leave`] put beside it; does nothing where nothing was.
///
/// # Errors
/// `Disk`; the call can be made again.
pub fn give_way(cabinet: &Path, author: &PublicKey, epoch: u32) -> Result<(), CabinetError> {
    cabinet::give_way(&path(cabinet, author, epoch))
}

fn write(cabinet: &Path, held: &HeldStructureKey) -> Result<(), CabinetError> {
    put(&path(cabinet, &held.author, held.epoch), held)
}

fn put(path: &Path, held: &HeldStructureKey) -> Result<(), CabinetError> {
    let mut readers: Vec<[u8; 32]> = held.readers.iter().map(|reader| *reader.as_bytes()).collect();
    readers.sort_unstable();
    readers.dedup();
    let readers = readers.into_iter().map(Bytes).collect();
    let raw = match &held.held {
        Held::Whole(key) => RawHeld::Whole(Bytes(*key.as_bytes())),
        Held::Punctured { kept, retired } => {
            let kept = kept.iter().map(|kept| (kept.entry, kept.digest, Bytes(*kept.key.as_bytes())));
            let gone = retired.iter().map(|gone| (gone.entry, gone.digest, gone.under));
            RawHeld::Punctured(kept.collect(), gone.collect())
        }
    };
    let content = Content { author: Bytes(*held.author.as_bytes()), epoch: held.epoch, held: raw, readers };
    cabinet::put(path, &cabinet::seal(&content, &held.readers)?, Durable::Now)
}

fn open(name: (PublicKey, u32), path: &Path, secret: &AgeSecret) -> Result<HeldStructureKey, CabinetError> {
    decode(name, &cabinet::load_or_left(path, secret)?)
}

fn decode(name: (PublicKey, u32), content: &Content) -> Result<HeldStructureKey, CabinetError> {
    let (author, epoch) = name;
    if content.author.0 != *author.as_bytes() || content.epoch != epoch {
        return Err(CabinetError::Misplaced);
    }
    let held = match &content.held {
        RawHeld::Whole(key) => Held::Whole(StructureKey::new(key.0)),
        RawHeld::Punctured(kept, gone) => {
            if !kept.is_sorted_by(|(a, ..), (b, ..)| a < b) || !gone.is_sorted_by(|(a, ..), (b, ..)| a < b) {
                return Err(CodecError::Malformed.into());
            }
            let one = |(entry, digest, key): &(u64, Digest, Bytes<32>)| Kept {
                entry: *entry,
                digest: *digest,
                key: ContentKey::new(key.0),
            };
            let gone_one = |(entry, digest, under): &(u64, Digest, (u64, u64))| Gone {
                entry: *entry,
                digest: *digest,
                under: *under,
            };
            Held::Punctured { kept: kept.iter().map(one).collect(), retired: gone.iter().map(gone_one).collect() }
        }
    };
    let readers = content.readers.iter().map(|bytes| Recipient::from_bytes(bytes.0)).collect::<Result<_, _>>()?;
    Ok(HeldStructureKey { author, epoch, held, readers })
}

fn path(cabinet: &Path, author: &PublicKey, epoch: u32) -> PathBuf {
    cabinet.join("structure").join(format!("{}.{epoch}.age", hex(author.as_bytes())))
}

fn parse_name(name: &str) -> Option<(PublicKey, u32)> {
    let (author, epoch) = name.split_once('.')?;
    let number: u32 = epoch.parse().ok().filter(|number: &u32| number.to_string() == epoch)?;
    Some((PublicKey::from_bytes(&parse_hex(author)?).ok()?, number))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::cabinet::tests::{recipients, secret, stream};
    use crate::cabinet::wrap::WrapError;
    use crate::keys::SigningKey;

    use super::*;

    fn author(number: u8) -> PublicKey {
        SigningKey::from_seed(&[number; 32]).public()
    }

    #[test]
    fn authors_open_their_own_and_overseers_all() {
        let folder = tempfile::tempdir().unwrap();
        let cabinet = folder.path();
        let (sam, ana) = (author(1), author(2));
        assert_eq!(newest_epoch(cabinet, &sam).unwrap(), None);
        let key = create(cabinet, &sam, 0, &recipients(&[1, 8, 9]), &mut stream(1)).unwrap();
        create(cabinet, &sam, 10, &recipients(&[1, 8, 9]), &mut stream(2)).unwrap();
        create(cabinet, &ana, 0, &recipients(&[2, 8, 9]), &mut stream(3)).unwrap();
        assert!(matches!(create(cabinet, &sam, 0, &recipients(&[1]), &mut stream(4)), Err(CabinetError::Taken)));
        let opened = |held: &HeldStructureKey| *held.key().unwrap().as_bytes();
        assert_eq!(opened(&load(cabinet, &sam, 0, &secret(1)).unwrap()), *key.as_bytes());
        assert!(has_epoch(cabinet, &sam, 10) && !has_epoch(cabinet, &sam, 1));
        assert_eq!(newest_epoch(cabinet, &sam).unwrap(), Some(10));
        let counts = |number| {
            let all = load_all(cabinet, &secret(number)).unwrap();
            (all.opened.len(), all.closed, all.damaged.len())
        };
        assert_eq!((counts(1), counts(2), counts(8), counts(7)), ((2, 1, 0), (1, 2, 0), (3, 0, 0), (0, 3, 0)));
        let refused = rewrap(cabinet, &sam, 0, &secret(2), &recipients(&[2]));
        assert!(matches!(refused, Err(CabinetError::Wrap(WrapError::NotForThis))));
        rewrap(cabinet, &sam, 0, &secret(8), &recipients(&[1, 7, 8, 9])).unwrap();
        let all = load_all(cabinet, &secret(7)).unwrap();
        assert_eq!((&all.opened[0].author, all.opened[0].epoch), (&sam, 0));
        assert_eq!(opened(&all.opened[0]), *key.as_bytes());
        assert!(!format!("{all:?}").contains(&hex(key.as_bytes())));
        // One author's file under another's name.
        let file = durable::read(&path(cabinet, &sam, 0), 1 << 20).unwrap();
        durable::replace(&path(cabinet, &ana, 0), &file).unwrap();
        assert!(matches!(load(cabinet, &ana, 0, &secret(7)), Err(CabinetError::Misplaced)));
    }

    #[test]
    fn a_punctured_epoch_holds_what_remains_and_names_what_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let (cabinet, sam) = (folder.path(), author(1));
        let key = create(cabinet, &sam, 0, &recipients(&[1, 8, 9]), &mut stream(1)).unwrap();
        let kept = |entry| Kept { entry, digest: Digest::ZERO, key: ContentKey::new([entry as u8; 32]) };
        let gone = Gone { entry: 5, digest: Digest::new([5; 32]), under: (9, 11) };
        let held = Held::Punctured { kept: vec![kept(4), kept(6)], retired: vec![gone] };
        let whole = load(cabinet, &sam, 0, &secret(8)).unwrap();
        let left = leave(cabinet, &HeldStructureKey { held, ..whole }, &secret(8)).unwrap();
        assert!((left.kept(), left.gone()) == (&[kept(4), kept(6)][..], &[gone][..]));
        // Until the old file gives way it is the one that counts.
        assert!(load(cabinet, &sam, 0, &secret(1)).unwrap().key().is_some());
        give_way(cabinet, &sam, 0).unwrap();
        let read = load(cabinet, &sam, 0, &secret(9)).unwrap();
        assert!(read.key().is_none() && read.gone() == [gone]);
        rewrap(cabinet, &sam, 0, &secret(8), &recipients(&[1, 7, 8, 9])).unwrap();
        assert_eq!(load(cabinet, &sam, 0, &secret(7)).unwrap().kept().len(), 2);
        let bytes = durable::read(&path(cabinet, &sam, 0), 1 << 20).unwrap();
        let content = crate::cabinet::wrap::unwrap(&bytes, &secret(1)).unwrap();
        assert!(!content.windows(32).any(|window| window == key.as_bytes()));
    }

    #[test]
    fn names_have_one_spelling() {
        let name = format!("{}.3", hex(author(1).as_bytes()));
        assert_eq!(parse_name(&name), Some((author(1), 3)));
        for bad in [name.replace(".3", ".03"), name.replace(".3", ".+3"), name.to_uppercase(), format!("{name}.3")] {
            assert!(parse_name(&bad).is_none(), "{bad}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn no_content_panics(content in proptest::collection::vec(any::<u8>(), 0..300), name in "\\PC{0,80}") {
            let folder = tempfile::tempdir().unwrap();
            let file = crate::cabinet::wrap::wrap(&content, &recipients(&[1])).unwrap();
            cabinet::put(&path(folder.path(), &author(1), 0), &file, Durable::Now).unwrap();
            prop_assert!(load(folder.path(), &author(1), 0, &secret(1)).is_err());
            prop_assert_eq!(load_all(folder.path(), &secret(1)).unwrap().damaged.len(), 1);
            let _ = parse_name(&name);
        }
    }
}
