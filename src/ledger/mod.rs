//! The clerk: opening a ledger, the order of steps when something is entered, reading it back.

pub mod accused;
pub mod adopt;
pub mod append;
mod author;
pub mod beside;
pub mod cards;
mod case_map;
mod checked;
pub mod closing;
pub mod consent;
pub mod continues;
pub mod desk;
pub mod drafts;
pub mod facts;
pub mod form;
pub mod grants;
pub mod init;
pub mod known;
pub mod late;
pub mod log_key;
pub mod misfiled;
pub mod open;
pub mod people;
mod periods;
pub mod proofs;
pub mod read;
pub mod record;
pub mod recover;
pub mod retire;
mod second;
pub mod show;
pub mod witness;
pub mod wraps;

use std::io;

use crate::cabinet::CabinetError;
use crate::entry::EntryError;
use crate::head::HeadError;
use crate::keys::KeyError;
use crate::keys::card::CardError;
use crate::review::retiring::Obstacle;
use crate::rules::pack::PackError;
use crate::seal::SealError;
use crate::store::StoreError;
use crate::tree::ProofError;
use crate::verify::report::Code;

/// Items from which on it pays to share the work among the cores.
const MANY: usize = 8;

/// Works on each item, on every core where there are many.
fn parallel<T: Send, U: Send>(items: Vec<T>, work: impl Fn(T) -> U + Sync + Send) -> Vec<U> {
    use rayon::iter::{IntoParallelIterator, ParallelIterator};
    if items.len() < MANY { items.into_iter().map(work).collect() } else { items.into_par_iter().map(work).collect() }
}

/// Why the clerk could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// There is no ledger in that folder.
    #[error("there is no ledger in this folder")]
    NoLedger,
    /// A ledger is to be made where there is something already.
    #[error("there is something in this folder already")]
    Occupied,
    /// The ledger is damaged: the entry named is where reading stops.
    #[error("the ledger is damaged at entry {entry}")]
    Damaged {
        /// The entry that is, or would be, there.
        entry: u64,
        /// Where in `ledger.log`, in bytes.
        offset: u64,
        /// What was found.
        code: Code,
    },
    /// Something vouches for another history: a checkpoint copy or a receipt that this ledger does not extend.
    #[error("something outside vouches for {size} entries that this ledger does not hold")]
    Evidence {
        /// The tree size that is vouched for.
        size: u64,
        /// What vouches: a file of the ledger's folder or of the identity's.
        by: &'static str,
    },
    /// The log key is not on this machine.
    #[error("the key of this ledger's log is not on this computer")]
    NoLogKey,
    /// Something was entered, and the files beside the log could not be made to fit it: the author's next entry, or the next
    /// overseer's settling, does it.
    #[error("entry {entry} stands, but the files that go with it are not all in order: {why}")]
    Unsettled {
        /// The entry; of several in one write the first.
        entry: u64,
        /// What failed.
        why: Box<LedgerError>,
    },
    /// The log key is on this machine, and the disk does not give it.
    #[error("the key of this ledger's log could not be read: {}", std::io::Error::from(*.0))]
    LogKeyUnread(std::io::ErrorKind),
    /// The key that is to be the log's next one is not on this machine.
    #[error("the log's new key is not on this computer")]
    NoNextKey,
    /// Something of the same sort waits for a second person already.
    #[error("entry {0} waits for a second person already")]
    StillWaits(u64),
    /// The identity is not enrolled, or no longer.
    #[error("this identity is not enrolled in this ledger")]
    NotEnrolled,
    /// The identity's role may not do this.
    #[error("this needs the role of dsl, deputy_dsl or leader")]
    NotAllowed,
    /// The identity's role is none of the leading ones.
    #[error("this needs the role of dsl, deputy_dsl, leader, chair or owner")]
    NotLeading,
    /// The identity's key was enrolled and does not count before a second person confirms that entry.
    #[error("the enrolment of this identity, entry {0}, waits for a second person")]
    EnrolmentWaits(u64),
    /// The identity's key was ended.
    #[error("this identity's key was ended by entry {0}")]
    KeyEnded(u64),
    /// The identity has no structure key in the cabinet.
    #[error("the cabinet holds no structure key for this identity")]
    NoStructureKey,
    /// The identity cannot open the roll.
    #[error("the roll is not open to this identity")]
    NoRoll,
    /// Append refuses what verify would find.
    #[error("entering this would break the ledger: {0}")]
    Refused(Code),
    /// A statement id that stands for something else already.
    #[error("this id was used for another entry: {entry}")]
    IdUsed {
        /// The entry it was used for.
        entry: u64,
    },
    /// There is no such entry.
    #[error("there is no entry {0}")]
    NoEntry(u64),
    /// There is no such case.
    #[error("there is no case of that name")]
    NoCase,
    /// More than one case begins so.
    #[error("more than one case begins like this")]
    SeveralCases,
    /// Nothing waits for a second person under that number.
    #[error("entry {0} does not wait for a second person")]
    NotWaiting(u64),
    /// The second person must be another one than who entered it and whom it is about.
    #[error("the second person has to be somebody else")]
    SamePerson,
    /// There is no such person, or none enrolled.
    #[error("there is no person of that name")]
    NoPerson,
    /// The person holds no such role that could be ended.
    #[error("this person holds no such role")]
    NoRole,
    /// Somebody who must not read a folder is to be given it.
    #[error("this person is kept out of this folder")]
    KeptOut,
    /// There is no such grant, or it ended.
    #[error("there is no such grant that stands")]
    NoGrant,
    /// Something keeps what is to be retired.
    #[error("something stands in the way of retiring this")]
    Kept(Vec<Obstacle>),
    /// Nothing in the ledger is meant by what is to be retired, or nothing that could be.
    #[error("nothing that is still readable is meant")]
    NothingMeant,
    /// More entries remain than the file of one key can hold.
    #[error("{0} entries remain under one key: more than its file can hold")]
    TooManyRemain(usize),
    /// The entry's words were retired: their keys are gone.
    #[error("the words of this entry were retired")]
    Retired,
    /// The entry is of another kind than the one that is needed.
    #[error("entry {entry} is no {kind}, as far as this identity can read it")]
    OtherKind {
        /// The entry.
        entry: u64,
        /// The kind that is needed.
        kind: &'static str,
    },
    /// The folder's words are not open to this identity.
    #[error("the words of this entry are not open to this identity")]
    NotReader,
    /// The words of a recovery sheet that opens nothing here.
    #[error("this recovery sheet opens nothing in this ledger")]
    OtherSheet,
    /// Torn bytes have to be set aside first, by someone enrolled.
    #[error("the ledger ends in bytes of a write that was cut short")]
    TornTail,
    /// A draft or setup entry that does not hold together: our own mistake or a pack that lacks a kind.
    #[error("the entry lacks {0}")]
    Incomplete(String),
    /// A pack, policy or calendar that cannot stand.
    #[error("the document cannot be adopted: {0}")]
    Document(#[from] PackError),
    /// The same document is the newest one already.
    #[error("this very document was adopted already, by entry {0}")]
    AdoptedAlready(u64),
    /// The pack in force cannot be read.
    #[error("the rule pack in force cannot be read")]
    NoPack,
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The cabinet refused or failed.
    #[error(transparent)]
    Cabinet(#[from] CabinetError),
    /// Sealing or opening failed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A statement could not be made or read.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// A note, receipt or request is not what it should be.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// A key is not usable.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A card is not usable.
    #[error(transparent)]
    Card(#[from] CardError),
    /// A proof could not be made.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The operating system failed a call.
    #[error("{what}: {source}")]
    Io {
        /// Which file or step.
        what: &'static str,
        /// What the operating system says.
        source: io::Error,
    },
}

impl LedgerError {
    /// Wraps an error of the operating system.
    pub fn io(what: &'static str) -> impl FnOnce(io::Error) -> LedgerError {
        move |source| LedgerError::Io { what, source }
    }
}

/// The log.
pub const LOG: &str = "ledger.log";
/// Origin and vkey of the log, a line each.
pub const ORIGIN: &str = "origin";
/// The newest checkpoint: an unsynced copy.
pub const CHECKPOINT: &str = "checkpoint";
/// Checkpoints that closings kept, or that were brought by file.
pub const CHECKPOINTS: &str = "checkpoints";
/// The key cabinet.
pub const CABINET: &str = "cabinet";
/// The index.
pub const INDEX: &str = "index";
/// The trust file that `init` writes.
pub const TRUST: &str = "trust";
/// The last checkpoint of the ledger that this one goes on from, if it does.
pub const CONTINUES: &str = "continues";
/// The lock held per append.
pub const LOCK: &str = "lock";
