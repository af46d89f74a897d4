//! The outbox: signed statements that have no receipt yet. `<identity>.d/outbox/<statement id>`, for their author
//! alone.
//!
//! A statement is signed once and sent again byte for byte, so what was signed must outlive a crash between signing and
//! receipt. Content version 1 is ledger id 32, statement id 16, author sequence u64, signature 64, then statement,
//! structure part and words part (each a u64 length and the bytes), then the content key and the words key (each a byte
//! 0, or 1 and 32 bytes).

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::cabinet::wrap::{AgeSecret, Recipient};
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

/// Puts a statement into the outbox, sealed to its author.
///
/// `Durable::Later` is for a statement that is appended at once: the ledger's own sync makes it durable, and if the
/// power fails before, it was not acknowledged. One that has to wait needs `Durable::Now` before its author is told
/// that it is kept.
///
/// # Errors
/// `Content` if a part is longer than an entry allows; `Wrap` and `Disk`.
pub fn put(side: &Path, item: &OutboxItem, author: Recipient, when: Durable) -> Result<(), CabinetError> {
    let content = Content {
        ledger: item.ledger,
        id: item.id,
        sequence: item.sequence,
        signature: Bytes(item.signature.0),
        statement: item.statement.clone(),
        structure_part: item.structure_part.clone(),
        words_part: item.words_part.clone(),
        content_key: item.content_key.as_ref().map(|key| Bytes(*key.as_bytes())),
        words_key: item.words_key.as_ref().map(|key| Bytes(*key.as_bytes())),
    };
    check_lengths(&content)?;
    cabinet::put(&path(side, item.id), &cabinet::seal(&content, &[author])?, when)
}

/// Makes a statement that was put with `Durable::Later` survive a power cut, since it has to wait after all.
///
/// # Errors
/// `Missing` if it is not there; `Disk`.
pub fn sync(side: &Path, id: StatementId) -> Result<(), CabinetError> {
    Ok(durable::sync_file(&path(side, id))?)
}

/// Opens the statements for a ledger in the order of their sequence numbers.
///
/// # Errors
/// `Disk` only: what does not open is counted or named. A file that a power cut tore is among the damaged.
pub fn list(side: &Path, ledger: LedgerId, secret: &AgeSecret) -> Result<Opened<OutboxItem>, CabinetError> {
    let files = cabinet::files(&side.join("outbox"), "", StatementId::parse)?;
    let mut all = cabinet::open_all(files, |id, path| open(id, path, secret));
    all.opened.retain(|item| item.ledger == ledger);
    all.opened.sort_by_key(|item| item.sequence);
    Ok(all)
}

/// Removes a statement that has its receipt: with `Durable::Now` overwritten and removed for good; with
/// `Durable::Later` as the system sees fit, for a file that was put so and has hardly reached the disk. One that a
/// power cut brings back is sent again and gets the same receipt.
///
/// # Errors
/// `Missing` if it is not there; `Disk`.
pub fn remove(side: &Path, id: StatementId, when: Durable) -> Result<(), CabinetError> {
    match when {
        Durable::Now => Ok(durable::destroy(&path(side, id))?),
        Durable::Later => Ok(durable::remove(&path(side, id))?),
    }
}

fn open(id: StatementId, path: &Path, secret: &AgeSecret) -> Result<OutboxItem, CabinetError> {
    let mut content: Content = cabinet::load(path, secret)?;
    check_lengths(&content)?;
    if content.id != id {
        return Err(CabinetError::Misplaced);
    }
    Ok(OutboxItem {
        ledger: content.ledger,
        id: content.id,
        sequence: content.sequence,
        statement: std::mem::take(&mut content.statement),
        signature: Signature(content.signature.0),
        structure_part: std::mem::take(&mut content.structure_part),
        words_part: std::mem::take(&mut content.words_part),
        content_key: content.content_key.map(|key| ContentKey::new(key.0)),
        words_key: content.words_key.map(|key| WordsKey::new(key.0)),
    })
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

    use crate::cabinet::tests::{recipients, secret};
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
            put(&side, &item, me, when).unwrap();
        }
        // Put again, as after a stop between signing and sending.
        put(&side, &item(2, 7, 1), me, Durable::Later).unwrap();
        let all = list(&side, ledger, &secret(1)).unwrap();
        assert!(all.opened == [item(2, 7, 1), item(1, 7, 2)]);
        assert_eq!((all.closed, all.damaged.len()), (0, 0));
        assert_eq!(list(&side, ledger, &secret(2)).unwrap().closed, 3);
        remove(&side, StatementId::new([2; 16]), Durable::Later).unwrap();
        remove(&side, StatementId::new([1; 16]), Durable::Now).unwrap();
        assert!(matches!(remove(&side, StatementId::new([1; 16]), Durable::Now), Err(CabinetError::Missing)));
        assert!(list(&side, ledger, &secret(1)).unwrap().opened.is_empty());
    }

    #[test]
    fn torn_and_misplaced_files_are_named_and_the_rest_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let (me, ledger) = (recipients(&[1])[0], LedgerId::new([7; 32]));
        put(folder.path(), &item(1, 7, 0), me, Durable::Now).unwrap();
        let file = durable::read(&path(folder.path(), StatementId::new([1; 16])), 1 << 20).unwrap();
        durable::replace(&path(folder.path(), StatementId::new([2; 16])), &file[..file.len() / 2]).unwrap();
        durable::replace(&path(folder.path(), StatementId::new([3; 16])), &file).unwrap();
        durable::replace(&path(folder.path(), StatementId::new([4; 16])), &[]).unwrap();
        let all = list(folder.path(), ledger, &secret(1)).unwrap();
        assert_eq!((all.opened.len(), all.closed, all.damaged.len()), (1, 0, 3));
        let long = OutboxItem { statement: vec![0; STATEMENT_LIMIT + 1], ..item(5, 7, 1) };
        assert!(matches!(put(folder.path(), &long, me, Durable::Now), Err(CabinetError::Content(_))));
        let longest = OutboxItem {
            statement: vec![0; STATEMENT_LIMIT],
            structure_part: vec![0; STRUCTURE_LIMIT],
            words_part: vec![0; WORDS_PART_LIMIT],
            ..item(6, 7, 1)
        };
        put(folder.path(), &longest, me, Durable::Now).unwrap();
        assert!(list(folder.path(), ledger, &secret(1)).unwrap().opened.contains(&longest));
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
