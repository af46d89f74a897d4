//! Structure keys: `cabinet/structure/<author key>.<epoch>.age`, for the author's devices, the overseers and recovery.
//!
//! Content version 1 is the author's public key 32, the epoch u32, the structure key 32, and the age recipients 32 each
//! that the file is wrapped for, rising; author and epoch must be those of the file's name.

use std::path::{Path, PathBuf};

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::cabinet::wrap::{AgeSecret, Recipient};
use crate::cabinet::{self, CabinetError, Durable, Opened};
use crate::codec::Bytes;
use crate::codec::context::{hex, parse_hex};
use crate::keys::PublicKey;
use crate::seal::structure::StructureKey;
use crate::store::durable;

/// One author's structure key in one epoch.
pub struct HeldStructureKey {
    /// The author's public key.
    pub author: PublicKey,
    /// The epoch, from 0.
    pub epoch: u32,
    /// The key.
    pub key: StructureKey,
    /// Whom its file is wrapped for, recovery included.
    pub readers: Vec<Recipient>,
}

impl std::fmt::Debug for HeldStructureKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "structure key {:?}.{}", self.author, self.epoch)
    }
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct Content {
    author: Bytes<32>,
    epoch: u32,
    key: Bytes<32>,
    readers: Vec<Bytes<32>>,
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
    write(cabinet, author, epoch, &key, recipients)?;
    Ok(key)
}

/// Opens one structure key.
///
/// # Errors
/// `Missing`; `Wrap` if it is not for this secret; `Misplaced` if the file holds another's key.
pub fn load(cabinet: &Path, author: &PublicKey, epoch: u32, secret: &AgeSecret) -> Result<StructureKey, CabinetError> {
    Ok(open((author.clone(), epoch), &path(cabinet, author, epoch), secret)?.key)
}

/// Returns the newest epoch of which an author has a key, from the file names alone.
///
/// # Errors
/// `Disk`.
pub fn newest_epoch(cabinet: &Path, author: &PublicKey) -> Result<Option<u32>, CabinetError> {
    let files = cabinet::files(&cabinet.join("structure"), ".age", parse_name)?;
    Ok(files.into_iter().filter(|((key, _), _)| key == author).map(|((_, epoch), _)| epoch).max())
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
/// the file does not say whom it was for.
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
    write(cabinet, author, epoch, &load(cabinet, author, epoch, overseer)?, recipients)
}

fn write(
    cabinet: &Path,
    author: &PublicKey,
    epoch: u32,
    key: &StructureKey,
    recipients: &[Recipient],
) -> Result<(), CabinetError> {
    let mut readers: Vec<[u8; 32]> = recipients.iter().map(|reader| *reader.as_bytes()).collect();
    readers.sort_unstable();
    readers.dedup();
    let readers = readers.into_iter().map(Bytes).collect();
    let content = Content { author: Bytes(*author.as_bytes()), epoch, key: Bytes(*key.as_bytes()), readers };
    let file = cabinet::seal(&content, recipients)?;
    cabinet::put(&path(cabinet, author, epoch), &file, Durable::Now)
}

fn open(name: (PublicKey, u32), path: &Path, secret: &AgeSecret) -> Result<HeldStructureKey, CabinetError> {
    let content: Content = cabinet::load(path, secret)?;
    let (author, epoch) = name;
    if content.author.0 != *author.as_bytes() || content.epoch != epoch {
        return Err(CabinetError::Misplaced);
    }
    let readers = content.readers.iter().map(|bytes| Recipient::from_bytes(bytes.0)).collect::<Result<_, _>>()?;
    Ok(HeldStructureKey { author, epoch, key: StructureKey::new(content.key.0), readers })
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
        assert_eq!(load(cabinet, &sam, 0, &secret(1)).unwrap().as_bytes(), key.as_bytes());
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
        assert_eq!(all.opened[0].key.as_bytes(), key.as_bytes());
        assert!(!format!("{all:?}").contains(&hex(key.as_bytes())));
        // One author's file under another's name.
        let file = durable::read(&path(cabinet, &sam, 0), 1 << 20).unwrap();
        durable::replace(&path(cabinet, &ana, 0), &file).unwrap();
        assert!(matches!(load(cabinet, &ana, 0, &secret(7)), Err(CabinetError::Misplaced)));
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
