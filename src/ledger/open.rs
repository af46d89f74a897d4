//! Opening a ledger: from its end, with everything that is believed checked against the log's own signature.

use std::cell::OnceCell;
use std::io;
use std::path::{Path, PathBuf};

use crate::codec::{LedgerId, Link};
use crate::entry::envelope::{self, Envelope};
use crate::entry::statement::Seen;
use crate::frame::tail::Remains;
use crate::head::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::head::note::Note;
use crate::index::Index;
use crate::keys::name::{KeyKind, SignerKey, VerifierKey};
use crate::ledger::cards::Cards;
use crate::ledger::{CABINET, CHECKPOINT, INDEX, LOG, LedgerError, ORIGIN};
use crate::store::disk::{Disk, RealFile};
use crate::store::durable;
use crate::store::log_file::{LogFile, TailState};
use crate::tree::{Frontier, Hash, TreeSize, check_consistency, prove_consistency, root_from};
use crate::verify::report::Code;
use crate::verify::roster::Roster;

/// A ledger that was opened and leads to its newest checkpoint.
pub struct Ledger<D: Disk = RealFile> {
    pub(super) dir: PathBuf,
    pub(super) file: LogFile<D>,
    pub(super) log_key: VerifierKey,
    pub(super) signer: Option<SignerKey>,
    /// The key that is to be the log's next one, while it waits for a second person.
    pub(super) next_signer: Option<SignerKey>,
    /// The configuration folder in which the log's keys lie on this machine, where they were looked for.
    pub(super) config: Option<PathBuf>,
    /// How the disk refused to give a key of the log that is there.
    pub(super) unread: Option<io::ErrorKind>,
    /// Every key that the log ever had, oldest first; read at their first use.
    pub(super) log_keys: OnceCell<Vec<VerifierKey>>,
    pub(super) cards: Cards,
    /// The cards as the log alone has them, once those of the index proved wrong.
    pub(super) afresh: OnceCell<Cards>,
    pub(super) at: At,
    pub(super) torn: Option<Remains>,
}

/// Where a ledger stands.
#[derive(Debug, Clone)]
pub struct At {
    /// The tree over all entries.
    pub frontier: Frontier,
    /// The link of the last entry; zero before the first.
    pub link: Link,
    /// Where the last write ends, in bytes.
    pub end: u64,
    /// Its hash.
    pub write: [u8; 32],
    /// The newest own checkpoint; none before the first write.
    pub note: Option<Note>,
    /// One more than the offset of the best cosigned checkpoint; 0 for none.
    pub cosigned: u64,
    /// Its signatures.
    pub cosigners: u32,
}

impl At {
    /// Before the first write.
    #[must_use]
    pub fn nowhere() -> Self {
        At {
            frontier: Frontier::new(),
            link: Link::ZERO,
            end: 0,
            write: [0; 32],
            note: None,
            cosigned: 0,
            cosigners: 0,
        }
    }

    /// Returns how many entries there are.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.frontier.size().0
    }

    /// Returns what a statement signed now has seen.
    #[must_use]
    pub fn seen(&self) -> Seen {
        match self.size().checked_sub(1) {
            Some(number) => Seen { number, link: self.link },
            None => Seen::NOTHING,
        }
    }
}

impl Ledger<RealFile> {
    /// Opens the ledger in a folder for reading.
    ///
    /// # Errors
    /// `NoLedger`, `Damaged`, `Evidence`, and those of the store.
    pub fn open(dir: &Path) -> Result<Self, LedgerError> {
        let disk = RealFile::open_read(&dir.join(LOG)).map_err(no_ledger)?;
        Self::over(dir, LogFile::open_read(disk), read_origin(dir)?, None)?.begun()
    }

    /// Opens the ledger in a folder for appending, with the log's key if it is on this machine. Syncs the log first.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn open_append(dir: &Path, signer: Option<SignerKey>) -> Result<Self, LedgerError> {
        let disk = RealFile::open_append(&dir.join(LOG)).map_err(no_ledger)?;
        Self::over(dir, LogFile::open_append(disk)?, read_origin(dir)?, signer)?.begun()
    }

    /// A log without a first write is no ledger: the power went while it was made.
    fn begun(self) -> Result<Self, LedgerError> {
        if self.size() == 0 { Err(LedgerError::NoLedger) } else { Ok(self) }
    }
}

impl<D: Disk> Ledger<D> {
    /// Takes an open log as the ledger of a folder, which holds the cabinet, the index and the copies.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn over(
        dir: &Path,
        file: LogFile<D>,
        log_key: VerifierKey,
        signer: Option<SignerKey>,
    ) -> Result<Self, LedgerError> {
        let cards = match Index::open(&dir.join(INDEX), &|path| drop(durable::remove_all(path))) {
            Ok(index) => Cards::Index(Box::new(index)),
            Err(_) => Cards::Memory(Box::default()),
        };
        let signer = signer.filter(|signer| *signer.public() == log_key);
        let at = At::nowhere();
        let mut ledger = Ledger {
            dir: dir.to_owned(),
            file,
            log_key,
            signer,
            next_signer: None,
            config: None,
            unread: None,
            log_keys: OnceCell::new(),
            cards,
            afresh: OnceCell::new(),
            at,
            torn: None,
        };
        ledger.refresh()?;
        ledger.compare_copy()?;
        Ok(ledger)
    }

    /// Reads the log's end again, if it is not where it was.
    ///
    /// # Errors
    /// `Damaged`, and those of the store.
    pub fn refresh(&mut self) -> Result<(), LedgerError> {
        if self.at.end > 0 && self.file.len()? == self.at.end {
            return Ok(());
        }
        let key = std::slice::from_ref(&self.log_key);
        let head = self.file.head(|note| SignedCheckpoint::open(note, key).is_ok())?;
        self.torn = match head.tail {
            TailState::Clean => None,
            TailState::Torn(remains) => Some(remains),
            TailState::Corrupt { fault, entry, .. } => {
                return Err(LedgerError::Damaged { entry, offset: fault.offset, code: Code::Frame });
            }
        };
        let Some(newest) = head.newest else {
            self.at = At { end: head.end, write: head.hash, ..At::nowhere() };
            return Ok(());
        };
        let entry = Envelope::decode(&newest.envelope).map(|envelope| envelope.number.0);
        let damaged = |code| LedgerError::Damaged { entry: entry.unwrap_or(0), offset: newest.entry, code };
        let signed = match SignedCheckpoint::open(&newest.note, key) {
            Ok(signed) => signed,
            Err(_) => self.follow(&newest.note)?.ok_or(damaged(Code::Checkpoint))?,
        };
        let size = entry.map_err(|_| damaged(Code::Envelope))? + 1;
        if signed.checkpoint().size() != TreeSize(size) {
            return Err(damaged(Code::Checkpoint));
        }
        // What was read afresh is gone on with.
        self.cards_mut();
        let indexed = self.cards.follow(&self.file, head.end, size, signed.checkpoint().root())?;
        self.at = At {
            frontier: indexed.frontier,
            link: envelope::link(&newest.envelope),
            end: head.end,
            write: head.hash,
            note: Some(signed.note().clone()),
            cosigned: indexed.head.cosigned,
            cosigners: indexed.head.cosigners,
        };
        Ok(())
    }

    /// The log may have got a new key since `origin` was read or written: opens the newest checkpoint with the key that the
    /// log itself says is in force. Whether it says so rightly is for whoever verifies.
    fn follow(&mut self, note: &[u8]) -> Result<Option<SignedCheckpoint>, LedgerError> {
        let roster = Roster::read_writes(self.file.reader()?).map_err(LedgerError::io("ledger.log"))?;
        let known = roster.log_keys().iter().any(|(_, key)| key == self.log_key.key());
        let Some(key) = roster.log_key().filter(|_| known) else { return Ok(None) };
        let key = VerifierKey::new(self.log_key.name().clone(), KeyKind::LogKey, key.clone());
        let opened = SignedCheckpoint::open(note, std::slice::from_ref(&key)).ok();
        if opened.is_some() {
            self.speak_as(key);
        }
        Ok(opened)
    }

    /// Holds the key that is to be the log's next one, for the write that puts it into force.
    pub fn hold_next(&mut self, next: SignerKey) {
        self.next_signer = Some(next);
    }

    /// Takes this key as the log's from now on, with the private half if it is on this machine, and names it in `origin`.
    pub(super) fn speak_as(&mut self, key: VerifierKey) {
        let held = [self.signer.take(), self.next_signer.take()].into_iter().flatten();
        self.signer = held.into_iter().find(|signer| *signer.public() == key);
        self.log_keys = OnceCell::new();
        let origin = format!("{}\n{key}\n", key.name());
        self.log_key = key;
        // If that fails, whoever opens the ledger next follows the log's own word again.
        drop(durable::replace(&self.dir.join(ORIGIN), origin.as_bytes()));
    }

    /// Speaks with the key that a roster of this log says is in force.
    pub(super) fn speak_with(&mut self, roster: &Roster) {
        if let Some(key) = roster.log_key().filter(|key| *key != self.log_key.key()) {
            self.speak_as(VerifierKey::new(self.log_key.name().clone(), KeyKind::LogKey, key.clone()));
        }
    }

    /// Returns every key that this log ever had, oldest first: what earlier checkpoints were signed with.
    pub fn log_keys(&self) -> &[VerifierKey] {
        self.log_keys.get_or_init(|| self.named_keys(&self.roster().unwrap_or_default()))
    }

    /// Takes the log's keys from a roster of this log that was read already.
    pub(super) fn know_keys(&self, roster: &Roster) {
        self.log_keys.get_or_init(|| self.named_keys(roster));
    }

    fn named_keys(&self, roster: &Roster) -> Vec<VerifierKey> {
        let name = |(_, key)| VerifierKey::new(self.log_key.name().clone(), KeyKind::LogKey, key);
        let all: Vec<VerifierKey> = roster.log_keys().into_iter().map(name).collect();
        if all.contains(&self.log_key) { all } else { vec![self.log_key.clone()] }
    }

    /// The checkpoint copy must be of a history that this log extends; a missing or illegible copy says nothing.
    fn compare_copy(&mut self) -> Result<(), LedgerError> {
        let Some(copy) = self.copy() else { return Ok(()) };
        self.extends_now(&copy, CHECKPOINT)
    }

    /// As [`Ledger::extends`], but what goes beyond us may be what another program entered since we looked: it was
    /// durable before anything vouched for it, so a second look finds it.
    ///
    /// # Errors
    /// As [`Ledger::extends`] and [`Ledger::refresh`].
    pub(super) fn extends_now(&mut self, checkpoint: &Checkpoint, by: &'static str) -> Result<(), LedgerError> {
        if checkpoint.size() > self.at.frontier.size() {
            self.refresh()?;
        }
        self.extends(checkpoint, by)
    }

    /// Checks that this ledger extends a checkpoint that its log key signed.
    ///
    /// # Errors
    /// `Evidence` if it does not; as [`Ledger::root_at`].
    pub fn extends(&self, checkpoint: &Checkpoint, by: &'static str) -> Result<(), LedgerError> {
        let evidence = LedgerError::Evidence { size: checkpoint.size().0, by };
        if checkpoint.size() > self.at.frontier.size() {
            return Err(evidence);
        }
        if self.root_at(checkpoint.size())? == checkpoint.root() { Ok(()) } else { Err(evidence) }
    }

    /// Returns the root of the first entries, so many of them, as the newest root proves it.
    ///
    /// # Errors
    /// `Damaged` if neither the cards nor the log itself lead from it to the newest root.
    pub fn root_at(&self, size: TreeSize) -> Result<Hash, LedgerError> {
        let (now, root) = (self.at.frontier.size(), self.at.frontier.root());
        let proven = |cards: &Cards| {
            let old = root_from(cards, size).ok()?;
            let proof = prove_consistency(size, now, cards).ok()?;
            check_consistency(size, now, &proof, &old, &root).ok().map(|()| old)
        };
        let damaged = LedgerError::Damaged { entry: size.0, offset: self.at.end, code: Code::Checkpoint };
        proven(self.cards()).or_else(|| self.try_afresh(proven)).ok_or(damaged)
    }

    /// Returns the cards: those of the index, or those that were read afresh since it proved wrong.
    pub(super) fn cards(&self) -> &Cards {
        self.afresh.get().unwrap_or(&self.cards)
    }

    /// Tries with cards that are read from the log alone, where those of the index did not serve. If they serve, the index is
    /// wrong: it is emptied, and built anew by whoever opens it next. None if they do not, so that the index may well be right, or
    /// if there is no index.
    pub(super) fn try_afresh<T>(&self, use_them: impl FnOnce(&Cards) -> Option<T>) -> Option<T> {
        let Cards::Index(index) = self.cards() else { return None };
        let mut cards = Cards::Memory(Box::default());
        cards.follow(&self.file, self.at.end, self.size(), self.root()).ok()?;
        let found = use_them(&cards)?;
        // A failure is made good by the next who finds it wrong.
        index.clear().ok();
        self.afresh.get_or_init(|| cards);
        Some(found)
    }

    /// Returns the cards to be written to: those that were read afresh, if they were.
    pub(super) fn cards_mut(&mut self) -> &mut Cards {
        if let Some(cards) = self.afresh.take() {
            self.cards = cards;
        }
        &mut self.cards
    }

    fn copy(&self) -> Option<Checkpoint> {
        let bytes = durable::read(&self.dir.join(CHECKPOINT), crate::codec::NOTE_LIMIT).ok()?;
        let signed = SignedCheckpoint::open(&bytes, std::slice::from_ref(&self.log_key)).ok()?;
        Some(signed.checkpoint().clone())
    }

    /// Returns the ledger's folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the cabinet's folder.
    #[must_use]
    pub fn cabinet(&self) -> PathBuf {
        self.dir.join(CABINET)
    }

    /// Returns the log's key.
    #[must_use]
    pub fn log_key(&self) -> &VerifierKey {
        &self.log_key
    }

    /// Returns how many entries there are.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.at.size()
    }

    /// Returns the root hash.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.at.frontier.root()
    }

    /// Returns what a statement signed now has seen.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.at.seen()
    }

    /// Whether bytes of a torn write wait to be set aside.
    #[must_use]
    pub fn torn(&self) -> Option<&Remains> {
        self.torn.as_ref()
    }

    /// Whether this machine can append.
    #[must_use]
    pub fn can_append(&self) -> bool {
        self.signer.is_some()
    }

    /// Why this machine cannot append: it has no key of the log, or the disk does not give it.
    pub(super) fn no_log_key(&self) -> LedgerError {
        match self.unread {
            Some(kind) => LedgerError::LogKeyUnread(kind),
            None => LedgerError::NoLogKey,
        }
    }
}

/// Reads the `origin` file of a ledger's folder: origin and vkey, a line each.
///
/// # Errors
/// `NoLedger` if there is none or it is not two lines that fit together.
pub fn read_origin(dir: &Path) -> Result<VerifierKey, LedgerError> {
    let bytes = durable::read(&dir.join(ORIGIN), 2048).map_err(no_ledger)?;
    parse_origin(&bytes).ok_or(LedgerError::NoLedger)
}

/// Reads the content of an `origin` file.
#[must_use]
pub fn parse_origin(bytes: &[u8]) -> Option<VerifierKey> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (origin, rest) = text.split_once('\n')?;
    let key = VerifierKey::parse(rest.strip_suffix('\n')?).ok()?;
    (key.kind() == KeyKind::LogKey && key.name().as_str() == origin).then_some(key)
}

/// Returns where the next log key of a ledger lies on this machine, until a second person has agreed to it.
#[must_use]
pub fn next_log_key_path(config: &Path, ledger: LedgerId) -> PathBuf {
    config.join("indelible").join("logs").join(format!("{ledger}.next.key"))
}

/// Returns where the log key of a ledger lies on this machine, under the user's configuration folder.
#[must_use]
pub fn log_key_path(config: &Path, ledger: LedgerId) -> PathBuf {
    config.join("indelible").join("logs").join(format!("{ledger}.key"))
}

fn no_ledger(error: std::io::Error) -> LedgerError {
    match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => LedgerError::NoLedger,
        _ => LedgerError::Io { what: "the ledger's folder", source: error },
    }
}
