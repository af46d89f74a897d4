//! What verifying found: facts with entry numbers, the two verdicts, and the one table of finding codes.

use std::fmt;

use crate::codec::{Digest, LedgerId, PersonId};
use crate::review::item::Review;
use crate::rules::pack::Pack;
use crate::tree::{Hash, TreeSize};
use crate::verify::closings::Compared;
use crate::verify::retired::Retirement;
use crate::verify::roster::Continues;

/// What a finding says about which verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// History was altered.
    Invalid,
    /// History stops before something that vouches for more.
    Truncated,
    /// Two histories exist.
    Forked,
    /// Record keeping has a gap; history is as it was written.
    Record,
    /// Worth knowing; changes no verdict.
    Note,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident, $code:literal, $verdict:ident, $words:literal, $next:literal;)*) => {
        /// What a finding is about. The names are stable: scripts may rely on them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code, in the order of the manual's table.
            pub const ALL: &[Code] = &[$(Code::$name,)*];

            /// Returns the stable name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Code::$name => $code,)* }
            }

            /// Returns which verdict it changes.
            #[must_use]
            pub fn verdict(self) -> Verdict {
                match self { $(Code::$name => Verdict::$verdict,)* }
            }

            /// Returns what it says, about "entry n".
            #[must_use]
            pub fn words(self) -> &'static str {
                match self { $(Code::$name => $words,)* }
            }

            /// Returns what the reader can do.
            #[must_use]
            pub fn next(self) -> &'static str {
                match self { $(Code::$name => $next,)* }
            }
        }
    };
}

codes! {
    /// Bytes that are no frame, or whose check value does not hold.
    Frame, "FRAME", Invalid, "the stored bytes of this entry, or right after it, were changed",
        "keep the folder as it is and compare with a copy or a mirror";
    /// An envelope that does not follow the format.
    Envelope, "ENVELOPE", Invalid, "the envelope of this entry does not follow the format",
        "keep the folder as it is and compare with a copy or a mirror";
    /// A part that is not the one the envelope names, or clear where it must be sealed, or the other way round.
    Sealed, "SEALED", Invalid, "the sealed parts of this entry are not those that were entered",
        "keep the folder as it is and compare with a copy or a mirror";
    /// An entry that does not follow the one before it.
    Link, "LINK", Invalid, "this entry does not follow the entry before it",
        "keep the folder as it is and compare with a copy or a mirror";
    /// An entry number out of order: missing, repeated or exchanged.
    Order, "ORDER", Invalid, "this entry is missing, stands twice, or stands in another's place",
        "keep the folder as it is and look for the entry in a copy, a mirror or a receipt";
    /// A statement that does not parse or does not lead to what the envelope says.
    Statement, "STATEMENT", Invalid, "the statement of this entry is not the one that was entered",
        "keep the folder as it is and ask the author for the receipt";
    /// An author's signature that is not valid.
    Signature, "SIGNATURE", Invalid, "the author's signature on this entry is not valid",
        "keep the folder as it is and ask the author whether they wrote it";
    /// A statement that pins a history other than this one.
    Seen, "SEEN", Invalid, "the author of this entry had seen another history than the one that is here",
        "keep the folder as it is and compare with the author's receipts";
    /// A statement entered twice.
    Duplicate, "DUPLICATE", Invalid, "this entry repeats a statement that was entered before",
        "keep the folder as it is and ask the author";
    /// Numbers missing in an author's own count.
    AuthorGap, "AUTHOR-GAP", Invalid, "before this entry, statements of the same author are missing",
        "ask the author for the receipts of the missing statements";
    /// Two statements of one author after the same one.
    AuthorFork, "AUTHOR-FORK", Invalid, "this entry continues its author's statements from another one than the last",
        "ask the author whether their identity file was copied or stolen";
    /// A key that nobody enrolled, or that no longer counts.
    KeyNotEnrolled, "KEY-NOT-ENROLLED", Invalid, "the key that signed this entry was not enrolled when it was entered",
        "ask the DSL who this key belongs to";
    /// A reference to an entry that says something else.
    Reference, "REFERENCE", Invalid, "this entry refers to another entry than the one that is here",
        "keep the folder as it is and look at both entries";
    /// Words sealed to a key that was not published for that folder.
    FolderKey, "FOLDER-KEY", Invalid, "the words of this entry are sealed to a key that is not the folder's",
        "ask the author's DSL to open the entry and enter what could not be read";
    /// A rule pack or policy that was never adopted here.
    PackUnknown, "PACK-UNKNOWN", Invalid, "this entry names a rule pack or policy that was never adopted in this ledger",
        "ask the author which program wrote it; by which rules it was checked is not known";
    /// A change of people, keys or trust by someone who may not make it.
    RoleInvalid, "ROLE-INVALID", Invalid, "this entry changes who may speak or read, and its author had no right to",
        "ask the DSL and the committee or owner; until then it does not count";
    /// The root or signature of a checkpoint that does not fit.
    Checkpoint, "CHECKPOINT", Invalid, "the ledger's own signature does not fit the entries up to this one",
        "keep the folder as it is and compare with a checkpoint from outside";
    /// Something that vouches for more entries than are here.
    Truncated, "TRUNCATED", Truncated, "this entry and all after it are missing: something outside vouches for them",
        "keep the folder as it is and look for a copy, a mirror or receipts";
    /// A checkpoint from outside with another root.
    Fork, "FORK", Forked, "the history up to this entry is not the one that was vouched for outside",
        "keep both checkpoints: together they prove that there are two histories";
    /// A ledger whose log key is not the one the verifier trusts.
    LogKey, "LOG-KEY", Forked, "this ledger speaks with another key than the one you trust",
        "ask for the key by another way; if yours is right, this is another ledger under the same name";
    /// A receipt that the ledger does not honour.
    Receipt, "RECEIPT", Forked, "the ledger does not hold this entry as the receipt says",
        "keep the receipt: it proves what was entered";
    /// Bytes that are not a whole write, and not torn either: at the end, or set aside without the right.
    Tail, "TAIL", Invalid, "bytes before this entry were set aside that are not what a power cut leaves",
        "keep the folder as it is and compare with a copy or a mirror";
    /// A torn write at the end: it did not happen.
    Torn, "TORN", Note, "a write was cut short at the end of the ledger; nothing in it was acknowledged",
        "enter something: the ledger then sets the torn bytes aside by itself";
    /// Bytes that were set aside and not yet explained.
    SetAside, "TAIL-SET-ASIDE", Record, "bytes of a torn write were set aside at this entry",
        "enter again what was lost, if anything was";
    /// A rule pack or policy that was adopted here but not in force for the author.
    Pack, "PACK", Record, "this entry names another rule pack or policy than those in force when its author wrote it",
        "look at the entry again under the rules that were in force";
    /// Genesis still rests on one person.
    OneFounder, "ONE-FOUNDER", Record, "this ledger was begun by one person and no second person has confirmed it",
        "let a second leading person confirm entry 0";
    /// An enrolment that waits for a second person.
    Unconfirmed, "UNCONFIRMED", Record, "this entry waits for a second person and does not count yet",
        "let a second leading person confirm it";
    /// Retired without a second person in role.
    RetireAlone, "RETIRE-ALONE", Record, "entries were retired under this one without the approval of a second leading person",
        "ask both who signed; a copy of the cabinet from before may still open what was retired";
    /// Retired without a ground, or before the date.
    RetireEarly, "RETIRE-EARLY", Record,
        "entries were retired under this one before their time was over, or without a review or misfiling that lets them go",
        "ask both who signed; a copy of the cabinet from before may still open what was retired";
    /// Retired while a hold or an access request kept it.
    RetireHeld, "RETIRE-HELD", Record, "entries were retired under this one while a hold or an access request kept them",
        "ask both who signed, and tell whoever placed the hold or made the request";
    /// What is kept of a retired entry does not fit.
    RetireFacts, "RETIRE-FACTS", Record,
        "what this entry keeps of an entry that was retired does not fit the proposal or its author's own count",
        "ask both who signed, and the author for the receipt of the entry that was retired";
    /// A closing whose case map is another one.
    CaseMap, "CASE-MAP", Record,
        "the map of case folders in this closing is not the one that the entries up to it give",
        "ask who signed it; show no copy of a folder as complete by it, and close the day again";
    /// A closing that names another size or root.
    ClosingHead, "CLOSING-HEAD", Record,
        "this closing names another size or root of the ledger than its signer had seen",
        "ask who signed it, and with which program; close the day again";
    /// A closing that counts otherwise than was entered.
    ClosingCounts, "CLOSING-COUNTS", Record,
        "this closing counts other entries in its days than were entered, or calls days empty that were not",
        "ask who signed it, look at the entries of those days, and close them again";
    /// A closing that names as closed to its signer what was open.
    ClosingUnopened, "CLOSING-UNOPENED", Record,
        "this closing says that its signer could not open an entry that opens to every overseer, or that was not there",
        "ask who signed it; if it is true, let another overseer open the ledger once, and close those days again";
    /// Recorded earlier than the entry before it.
    ClockBack, "CLOCK-BACK", Note, "this entry was recorded at an earlier time than the entry before it",
        "ask whether the clock of the computer was set back";
    /// A receipt whose proof fails though its checkpoint is ours.
    ReceiptDamaged, "RECEIPT-DAMAGED", Note,
        "a receipt of this entry is damaged: its checkpoint is the ledger's own, and its proof does not lead there",
        "ask for the receipt again: `indelible receipt` gives it";
    /// A line under a trusted witness's name that is not its signature.
    Cosignature, "COSIGNATURE", Note,
        "a checkpoint up to this entry has a line under a trusted witness's name that is not its signature; it does not count",
        "ask the witness for its newest checkpoint, and who brought in the one that is here";
    /// Signed by a device that had not looked at the ledger for longer than the policy allows.
    SeenStale, "SEEN-STALE", Note,
        "the device on which this entry was signed had not seen what had stood in the ledger for longer than the policy allows",
        "ask its author whether the device was away; if not, compare its receipts with the ledger: it may have been shown an old copy";
    /// Sealed to an epoch that had been replaced.
    EpochOld, "EPOCH-OLD", Note, "the words of this entry are sealed to a folder key that had been replaced",
        "nothing needs doing; the newer readers may not be able to open it";
}

impl Code {
    /// Whether the finding holds somebody's closing against them: record keeping is then not complete.
    #[must_use]
    pub fn of_closing(self) -> bool {
        matches!(self, Code::CaseMap | Code::ClosingHead | Code::ClosingCounts | Code::ClosingUnopened)
    }

    /// Whether the finding says that history was altered.
    #[must_use]
    pub fn alters(self) -> bool {
        !matches!(self.verdict(), Verdict::Record | Verdict::Note)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The entry it is about.
    pub entry: u64,
    /// What it is.
    pub code: Code,
}

/// The verdict on history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// Unaltered, and cosigned by the quorum of the verifier's trust file not longer ago than the limit.
    Witnessed,
    /// Unaltered.
    Unaltered,
    /// Altered.
    Invalid,
    /// Cut off.
    Truncated,
    /// One of two histories.
    Forked,
}

impl History {
    /// Returns the stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            History::Witnessed => "witnessed",
            History::Unaltered => "unaltered",
            History::Invalid => "invalid",
            History::Truncated => "truncated",
            History::Forked => "forked",
        }
    }

    /// Whether history was altered.
    #[must_use]
    pub fn altered(self) -> bool {
        matches!(self, History::Invalid | History::Truncated | History::Forked)
    }
}

/// The verdict on record keeping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordKeeping {
    /// Not asked: a receipt, or a verifier who did not want it.
    NotAsked,
    /// The structure was not opened, or not all of it, and what was opened holds nothing against it.
    NotSeen,
    /// Nothing is overdue and no rule stands broken.
    Complete,
    /// Something is overdue, or a rule was broken and not made good.
    Findings,
}

impl RecordKeeping {
    /// Returns the stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            RecordKeeping::NotAsked => "not asked",
            RecordKeeping::NotSeen => "not seen",
            RecordKeeping::Complete => "complete",
            RecordKeeping::Findings => "findings",
        }
    }
}

/// Which layer was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// Numbers, times, hashes, checkpoints, and the public entries.
    Skeleton,
    /// The structure of some entries besides.
    Part,
    /// The structure of every entry that was not retired.
    Structure,
}

impl Layer {
    /// Returns the stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Layer::Skeleton => "skeleton",
            Layer::Part => "part of structure",
            Layer::Structure => "structure",
        }
    }
}

/// How much was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Entries read.
    pub entries: u64,
    /// Writes read.
    pub writes: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Entries whose structure is in clear.
    pub public: u64,
    /// Statements whose signature was checked.
    pub signatures: u64,
    /// Entries whose structure was not opened.
    pub not_opened: u64,
    /// Entries recorded earlier than the one before.
    pub clock_back: u64,
    /// Cosignatures of trusted witnesses that verified.
    pub cosignatures: u64,
    /// Entries that were retired: nobody can open them.
    pub retired: u64,
    /// Findings that were left out of the list because it was full.
    pub more_findings: u64,
}

/// What it takes to change an entry in this stretch and keep what followed: the keys whose later statements pin it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewrite {
    /// First entry of the stretch.
    pub from: u64,
    /// Last entry of the stretch.
    pub to: u64,
    /// The author keys whose later statements have seen it.
    pub authors: Vec<[u8; 32]>,
    /// Those of them that were enrolled under a checkpoint which a quorum of the trust file cosigned before the
    /// stretch: only these cannot have been made up by whoever runs the ledger.
    pub independent: Vec<[u8; 32]>,
    /// The trusted witnesses whose cosignatures cover it.
    pub witnesses: Vec<String>,
}

/// A key of the roster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnrolledKey {
    /// The key.
    pub key: [u8; 32],
    /// Whose it is.
    pub person: PersonId,
    /// The entry that enrolled it.
    pub entry: u64,
}

/// How far trusted witnesses vouch for the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witnessed {
    /// The tree size that a quorum of the trust file covers.
    pub size: u64,
    /// The newest time at which that quorum was whole, in seconds since 1970.
    pub time: u64,
    /// The witnesses that vouch for at least that size.
    pub names: Vec<String>,
}

/// What the rules found, and the pack in force at the end, which says what each item means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reviewed {
    /// The flags and items.
    pub found: Review,
    /// The pack.
    pub pack: Pack,
}

/// All that verifying found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The verdict on history.
    pub history: History,
    /// The verdict on record keeping.
    pub record_keeping: RecordKeeping,
    /// What the rules found, where they were looked at.
    pub review: Option<Reviewed>,
    /// The layer that was checked.
    pub layer: Layer,
    /// The ledger's id, if genesis could be read.
    pub ledger: Option<LedgerId>,
    /// The ledger's origin as genesis names it.
    pub origin: String,
    /// The setting's name as genesis names it.
    pub setting: String,
    /// The log key by which checkpoints were judged (vkey text).
    pub log_key: String,
    /// The vkeys that were the log's before, oldest first; each handed on to the next.
    pub earlier_log_keys: Vec<String>,
    /// The ledgers that this one says it goes on from.
    pub continues: Vec<Continues>,
    /// Whether that key, and the witnesses', came from a trust file of the verifier (else from this ledger alone).
    pub trusted: bool,
    /// Entries of the ledger.
    pub size: TreeSize,
    /// Their root hash.
    pub root: Hash,
    /// What was found, in order of entry: at most [`FINDINGS_LIMIT`] that alter history, and as many others.
    pub findings: Vec<Finding>,
    /// How much was checked.
    pub counts: Counts,
    /// How far the quorum of the trust file vouches, if it does.
    pub witnessed: Option<Witnessed>,
    /// Days since the newest quorum, if there is one.
    pub witnessed_days: Option<u64>,
    /// What a rewrite of each stretch would need.
    pub needed_to_rewrite: Vec<Rewrite>,
    /// The keys of the roster, in order of enrolment.
    pub keys: Vec<EnrolledKey>,
    /// The rule pack in force at the end.
    pub pack: Digest,
    /// What was retired, in order of entry.
    pub retired: Vec<Retirement>,
    /// How many closings were compared with the entries, and which were not.
    pub closings: Compared,
}

/// Most findings that are listed; more are counted.
pub const FINDINGS_LIMIT: usize = 10_000;
/// Cosignatures older than this many days no longer make a history "witnessed" (policy default).
pub const WITNESSED_DAYS: u64 = 8;

impl Report {
    /// Returns the exit code (design: 0 good, 1 good but not witnessed or not complete, 3 altered).
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match (self.history, self.record_keeping) {
            (history, _) if history.altered() => 3,
            (History::Witnessed, RecordKeeping::NotAsked | RecordKeeping::Complete) => 0,
            _ => 1,
        }
    }

    /// Adds something that was found beside the log, and judges history again.
    pub fn add(&mut self, finding: Finding) {
        if let Err(at) = self.findings.binary_search(&finding) {
            self.findings.insert(at, finding);
        }
        self.history = altered(&self.findings).unwrap_or(self.history);
    }

    /// Returns how many entries at the end no quorum vouches for.
    #[must_use]
    pub fn not_witnessed(&self) -> u64 {
        self.size.0 - self.witnessed.as_ref().map_or(0, |witnessed| witnessed.size.min(self.size.0))
    }
}

/// Returns the verdict on history that the findings alone make: none if they change nothing.
#[must_use]
pub fn altered(findings: &[Finding]) -> Option<History> {
    let has = |verdict| findings.iter().any(|finding| finding.code.verdict() == verdict);
    if has(Verdict::Forked) {
        Some(History::Forked)
    } else if has(Verdict::Invalid) {
        Some(History::Invalid)
    } else if has(Verdict::Truncated) {
        Some(History::Truncated)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_names_are_unique_and_the_verdicts_rank() {
        for (at, code) in Code::ALL.iter().enumerate() {
            assert!(Code::ALL.iter().skip(at + 1).all(|other| other.name() != code.name()));
        }
        let of =
            |codes: &[Code]| altered(&codes.iter().map(|code| Finding { entry: 1, code: *code }).collect::<Vec<_>>());
        assert_eq!(of(&[Code::ClockBack, Code::OneFounder, Code::Torn]), None);
        assert_eq!(of(&[Code::Truncated, Code::Frame]), Some(History::Invalid));
        assert_eq!(of(&[Code::Truncated, Code::Fork]), Some(History::Forked));
    }
}
