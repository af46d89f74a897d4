//! The outbox: signed statements that have no receipt yet. `<identity>.d/outbox/<statement id>`, for their author
//! alone; statements that are sent together lie together, under the id of the first. What the ledger is expected to take
//! at once lies in the [`Tray`] instead.
//!
//! A statement is signed once and sent again byte for byte, so what was signed must outlive a crash between signing and
//! receipt. Content version 1 is the number of statements u64 and for each ledger id 32, statement id 16, author sequence
//! u64, signature 64, then statement, structure part and words part (each a u64 length and the bytes), then the content key
//! and the words key (each a byte 0, or 1 and 32 bytes).

use std::fmt;
use std::path::{Path, PathBuf};

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::cabinet::tray::Tray;
use crate::cabinet::wrap::{self, AgeSecret, Recipient, WRAP_LIMIT, WrapError};
use crate::cabinet::{self, CabinetError, Durable, Opened};
use crate::codec::{Bytes, CodecError, LedgerId, STATEMENT_LIMIT, STRUCTURE_LIMIT, StatementId, WORDS_PART_LIMIT};
use crate::keys::Signature;
use crate::seal::structure::ContentKey;
use crate::seal::words::WordsKey;
use crate::store::durable;

/// A signed statement with all that the ledger needs to append it.
#[derive(Clone, PartialEq, Eq)]
pub struct OutboxItem {
    /// The ledger it is for.
    pub ledger: LedgerId,
    /// The statement's own id.
    pub id: StatementId,
    /// Its place in the author's chain.
    pub sequence: u64,
    /// What was signed.
    pub statement: Vec<u8>,
    /// The author's signature.
    pub signature: Signature,
    /// The structure part as it goes into the entry.
    pub structure_part: Vec<u8>,
    /// The words part as it goes into the entry; empty where there is none.
    pub words_part: Vec<u8>,
    /// The key of the structure part, where it is sealed.
    pub content_key: Option<ContentKey>,
    /// The key of the words part, where there is one.
    pub words_key: Option<WordsKey>,
}

impl fmt::Debug for OutboxItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "statement {}", self.id)
    }
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct Content {
    #[zeroize(skip)]
    ledger: LedgerId,
    #[zeroize(skip)]
    id: StatementId,
    sequence: u64,
    signature: Bytes<64>,
    statement: Vec<u8>,
    structure_part: Vec<u8>,
    words_part: Vec<u8>,
    content_key: Option<Bytes<32>>,
    words_key: Option<Bytes<32>>,
}

/// Bytes of statements and parts that one file holds at most: a file over the limit of a wrap could not be opened.
const FILE_LIMIT: usize = 3 << 20;

/// Where statements lie in an outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In a file of this name.
    File(StatementId),
    /// In the tray.
    Tray,
}

/// Lays statements into the tray, sealed to their author and unsynced: the ledger's own sync makes them durable, and if
/// the power fails before, they were not acknowledged. Returns false, and changes nothing, if there is no room for them.
///
/// # Errors
/// `Content` if a part is longer than an entry allows; `Wrap` and `Disk`.
pub fn lay(tray: &mut Tray, items: &[OutboxItem], rng: &mut impl CryptoRng) -> Result<bool, CabinetError> {
    if items.iter().map(bytes_of).sum::<usize>() > FILE_LIMIT {
        return Ok(false);
    }
    let contents: Vec<Content> = items.iter().map(Content::of).collect();
    contents.iter().try_for_each(check_lengths)?;
    tray.lay(&cabinet::content(&contents)?, rng)
}

/// Puts statements into files of the outbox, sealed to their author, in their order. Returns the place of each file.
///
/// `Durable::Later` is for statements that are appended at once: the ledger's own sync makes them durable, and if the
/// power fails before, they were not acknowledged. Those that have to wait need `Durable::Now` before their author is
/// told that they are kept.
///
/// # Errors
/// `Content` if a part is longer than an entry allows; `Wrap` and `Disk`.
pub fn put(side: &Path, items: &[OutboxItem], author: Recipient, when: Durable) -> Result<Vec<Place>, CabinetError> {
    let mut places = Vec::new();
    let mut rest = items;
    while let Some(first) = rest.first() {
        let mut bytes = 0;
        let fits = rest.iter().take_while(|item| {
            bytes += bytes_of(item);
            bytes <= FILE_LIMIT
        });
        let (together, after) = rest.split_at(fits.count().max(1));
        let contents: Vec<Content> = together.iter().map(Content::of).collect();
        contents.iter().try_for_each(check_lengths)?;
        cabinet::put(&path(side, first.id), &cabinet::seal(&contents, &[author])?, when)?;
        places.push(Place::File(first.id));
        rest = after;
    }
    Ok(places)
}

/// Makes what was put with `Durable::Later` or laid into the tray survive a power cut, since it has to wait after all.
///
/// # Errors
/// `Missing` if it is not there; `Disk`.
pub fn sync(side: &Path, tray: &Tray, place: Place) -> Result<(), CabinetError> {
    match place {
        Place::File(name) => Ok(durable::sync_file(&path(side, name))?),
        Place::Tray => tray.sync(),
    }
}

/// Opens what waits for a ledger, each place with its statements, in the order of their sequence numbers.
///
/// # Errors
/// `Disk` only: what does not open is counted or named. A file or tray that a crash tore is among the damaged.
pub fn list(
    side: &Path,
    ledger: LedgerId,
    secret: &AgeSecret,
) -> Result<Opened<(Place, Vec<OutboxItem>)>, CabinetError> {
    let files = cabinet::files(&side.join("outbox"), "", StatementId::parse)?;
    let mut all = cabinet::open_all(files, |id, path| Ok((Place::File(id), open(id, path, secret)?)));
    match Tray::new(side, ledger, secret.clone()).open().and_then(|padded| padded.map(|p| items(&p)).transpose()) {
        Ok(None) => {}
        Ok(Some(items)) => all.opened.push((Place::Tray, items)),
        Err(CabinetError::Wrap(WrapError::NotForThis)) => all.closed += 1,
        Err(_) => all.damaged.push(format!("{ledger}.tray")),
    }
    all.opened.retain(|(_, items)| items.iter().all(|item| item.ledger == ledger));
    all.opened.sort_by_key(|(_, items)| items.first().map(|item| item.sequence));
    Ok(all)
}

/// Removes statements that have their receipts: with `Durable::Now` overwritten and gone for good; with `Durable::Later`
/// as the system sees fit, for what was put so and has hardly reached the disk. What a power cut brings back is sent
/// again and gets the same receipts.
///
/// # Errors
/// `Missing` if a file is not there; `Disk`.
pub fn remove(side: &Path, tray: &Tray, place: Place, when: Durable) -> Result<(), CabinetError> {
    match (place, when) {
        (Place::File(name), Durable::Now) => Ok(durable::destroy(&path(side, name))?),
        (Place::File(name), Durable::Later) => Ok(durable::remove(&path(side, name))?),
        (Place::Tray, when) => tray.clear(when),
    }
}

impl Content {
    fn of(item: &OutboxItem) -> Self {
        Content {
            ledger: item.ledger,
            id: item.id,
            sequence: item.sequence,
            signature: Bytes(item.signature.0),
            statement: item.statement.clone(),
            structure_part: item.structure_part.clone(),
            words_part: item.words_part.clone(),
            content_key: item.content_key.as_ref().map(|key| Bytes(*key.as_bytes())),
            words_key: item.words_key.as_ref().map(|key| Bytes(*key.as_bytes())),
        }
    }

    fn item(mut self) -> OutboxItem {
        OutboxItem {
            ledger: self.ledger,
            id: self.id,
            sequence: self.sequence,
            statement: std::mem::take(&mut self.statement),
            signature: Signature(self.signature.0),
            structure_part: std::mem::take(&mut self.structure_part),
            words_part: std::mem::take(&mut self.words_part),
            content_key: self.content_key.map(|key| ContentKey::new(key.0)),
            words_key: self.words_key.map(|key| WordsKey::new(key.0)),
        }
    }
}

fn open(name: StatementId, path: &Path, secret: &AgeSecret) -> Result<Vec<OutboxItem>, CabinetError> {
    let items = items(&wrap::unwrap(&durable::read(path, WRAP_LIMIT)?, secret)?)?;
    if items.first().map(|item| item.id) != Some(name) {
        return Err(CabinetError::Misplaced);
    }
    Ok(items)
}

fn items(padded: &[u8]) -> Result<Vec<OutboxItem>, CabinetError> {
    let contents: Vec<Content> = cabinet::read(padded)?;
    contents.iter().try_for_each(check_lengths)?;
    Ok(contents.into_iter().map(Content::item).collect())
}

/// Bytes that a statement takes in a file, and some more.
fn bytes_of(item: &OutboxItem) -> usize {
    item.statement.len() + item.structure_part.len() + item.words_part.len() + 512
}

fn check_lengths(content: &Content) -> Result<(), CodecError> {
    let parts = [
        (content.statement.len(), STATEMENT_LIMIT),
        (content.structure_part.len(), STRUCTURE_LIMIT),
        (content.words_part.len(), WORDS_PART_LIMIT),
    ];
    match parts.into_iter().find(|(length, limit)| length > limit) {
        Some((length, limit)) => Err(CodecError::TooLong { length, limit }),
        None => Ok(()),
    }
}

fn path(side: &Path, id: StatementId) -> PathBuf {
    side.join("outbox").join(id.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::cabinet::tests::{recipients, secret, stream};
    use crate::cabinet::wrap::wrap;
    use crate::codec::pad;

    use super::*;

    fn item(number: u8, ledger: u8, sequence: u64) -> OutboxItem {
        OutboxItem {
            ledger: LedgerId::new([ledger; 32]),
            id: StatementId::new([number; 16]),
            sequence,
            statement: vec![number; 300],
            signature: Signature([number; 64]),
            structure_part: vec![1; 600],
            words_part: vec![2; 700],
            content_key: Some(ContentKey::new([3; 32])),
            words_key: number.is_multiple_of(2).then(|| WordsKey::new([4; 32])),
        }
    }

    #[test]
    fn statements_wait_in_their_order_until_receipted() {
        let folder = tempfile::tempdir().unwrap();
        let side = folder.path().join("sam.id.d");
        let me = recipients(&[1])[0];
        let ledger = LedgerId::new([7; 32]);
        assert!(list(&side, ledger, &secret(1)).unwrap().opened.is_empty());
        for (item, when) in
            [(item(1, 7, 2), Durable::Now), (item(2, 7, 1), Durable::Later), (item(3, 8, 0), Durable::Now)]
        {
            assert_eq!(put(&side, std::slice::from_ref(&item), me, when).unwrap(), [Place::File(item.id)]);
        }
        // Put again, as after a stop between signing and sending.
        put(&side, &[item(2, 7, 1)], me, Durable::Later).unwrap();
        let all = list(&side, ledger, &secret(1)).unwrap();
        let alone = |item: OutboxItem| (Place::File(item.id), vec![item]);
        let file = |number| Place::File(StatementId::new([number; 16]));
        let tray = Tray::new(&side, ledger, secret(1));
        assert!(all.opened == [alone(item(2, 7, 1)), alone(item(1, 7, 2))]);
        assert_eq!((all.closed, all.damaged.len()), (0, 0));
        assert_eq!(list(&side, ledger, &secret(2)).unwrap().closed, 3);
        remove(&side, &tray, file(2), Durable::Later).unwrap();
        remove(&side, &tray, file(1), Durable::Now).unwrap();
        assert!(matches!(remove(&side, &tray, file(1), Durable::Now), Err(CabinetError::Missing)));
        assert!(list(&side, ledger, &secret(1)).unwrap().opened.is_empty());
    }

    #[test]
    fn statements_sent_together_lie_together_as_far_as_a_file_goes() {
        let folder = tempfile::tempdir().unwrap();
        let (me, ledger) = (recipients(&[1])[0], LedgerId::new([7; 32]));
        let items: Vec<OutboxItem> = (1..=9)
            .map(|number| OutboxItem { words_part: vec![number; 900_000], ..item(number, 7, u64::from(number)) })
            .collect();
        let names = put(folder.path(), &items, me, Durable::Later).unwrap();
        assert_eq!(names, [0, 3, 6].map(|first| Place::File(items[first].id)));
        let all = list(folder.path(), ledger, &secret(1)).unwrap().opened;
        assert_eq!(all.iter().map(|(name, _)| *name).collect::<Vec<_>>(), names);
        assert!(all.into_iter().flat_map(|(_, items)| items).collect::<Vec<_>>() == items);
    }

    #[test]
    fn the_tray_is_part_of_the_outbox() {
        let folder = tempfile::tempdir().unwrap();
        let (side, me, ledger) = (folder.path(), recipients(&[1])[0], LedgerId::new([7; 32]));
        let mut tray = Tray::new(side, ledger, secret(1));
        assert!(lay(&mut tray, &[item(1, 7, 2), item(2, 7, 3)], &mut stream(1)).unwrap());
        // What does not fit beside it lies in a file.
        assert!(!lay(&mut tray, &[item(3, 7, 4)], &mut stream(2)).unwrap());
        put(side, &[item(3, 7, 1)], me, Durable::Later).unwrap();
        let all = list(side, ledger, &secret(1)).unwrap();
        let file = (Place::File(StatementId::new([3; 16])), vec![item(3, 7, 1)]);
        assert!(all.opened == [file, (Place::Tray, vec![item(1, 7, 2), item(2, 7, 3)])]);
        assert_eq!((all.closed, all.damaged.len()), (0, 0));
        assert_eq!(list(side, ledger, &secret(2)).unwrap().closed, 2);
        assert!(list(side, LedgerId::ZERO, &secret(1)).unwrap().opened.is_empty(), "another ledger's tray is another");
        sync(side, &tray, Place::Tray).unwrap();
        remove(side, &tray, Place::Tray, Durable::Now).unwrap();
        assert_eq!(list(side, ledger, &secret(1)).unwrap().opened.len(), 1);
        assert!(lay(&mut tray, &[item(4, 7, 5)], &mut stream(3)).unwrap());
        let file = side.join("outbox").join(format!("{ledger}.tray"));
        let bytes = durable::read(&file, 1 << 20).unwrap();
        durable::replace(&file, &bytes[..bytes.len() / 2]).unwrap();
        let all = list(side, ledger, &secret(1)).unwrap();
        assert_eq!((all.opened.len(), all.damaged), (1, vec![format!("{ledger}.tray")]));
        let much = OutboxItem { words_part: vec![1; 1_000_000], ..item(5, 7, 6) };
        assert!(!lay(&mut tray, &vec![much; 4], &mut stream(4)).unwrap());
        let long = OutboxItem { statement: vec![0; STATEMENT_LIMIT + 1], ..item(5, 7, 1) };
        assert!(matches!(lay(&mut tray, &[long], &mut stream(4)), Err(CabinetError::Content(_))));
    }

    #[test]
    fn torn_and_misplaced_files_are_named_and_the_rest_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let (me, ledger) = (recipients(&[1])[0], LedgerId::new([7; 32]));
        put(folder.path(), &[item(1, 7, 0)], me, Durable::Now).unwrap();
        let file = durable::read(&path(folder.path(), StatementId::new([1; 16])), 1 << 20).unwrap();
        durable::replace(&path(folder.path(), StatementId::new([2; 16])), &file[..file.len() / 2]).unwrap();
        durable::replace(&path(folder.path(), StatementId::new([3; 16])), &file).unwrap();
        durable::replace(&path(folder.path(), StatementId::new([4; 16])), &[]).unwrap();
        let all = list(folder.path(), ledger, &secret(1)).unwrap();
        assert_eq!((all.opened.len(), all.closed, all.damaged.len()), (1, 0, 3));
        let long = OutboxItem { statement: vec![0; STATEMENT_LIMIT + 1], ..item(5, 7, 1) };
        assert!(matches!(put(folder.path(), &[long], me, Durable::Now), Err(CabinetError::Content(_))));
        let longest = OutboxItem {
            statement: vec![0; STATEMENT_LIMIT],
            structure_part: vec![0; STRUCTURE_LIMIT],
            words_part: vec![0; WORDS_PART_LIMIT],
            ..item(6, 7, 1)
        };
        put(folder.path(), std::slice::from_ref(&longest), me, Durable::Now).unwrap();
        assert!(
            list(folder.path(), ledger, &secret(1)).unwrap().opened.contains(&(Place::File(longest.id), vec![longest]))
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_content_panics(content in proptest::collection::vec(any::<u8>(), 0..500)) {
            let folder = tempfile::tempdir().unwrap();
            let mut versioned = vec![1];
            versioned.extend_from_slice(&content);
            let file = wrap(&pad(&versioned), &recipients(&[1])).unwrap();
            cabinet::put(&path(folder.path(), StatementId::ZERO), &file, Durable::Now).unwrap();
            prop_assert_eq!(list(folder.path(), LedgerId::ZERO, &secret(1)).unwrap().damaged.len(), 1);
        }
    }
}
