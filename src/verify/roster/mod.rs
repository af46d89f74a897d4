//! The roster: who may speak from which entry on, folded out of the public entries and nothing else.
//!
//! The clerk asks it before appending and the inspector while verifying, so that both judge alike.

mod admit;
mod documents;
mod folders;

use std::collections::{HashMap, HashSet};
use std::io::{self, Read, Seek};

use serde::{Deserialize, Serialize};

use crate::codec::{self, CaseTag, CodecError, Digest, Folder, FolderKeyId, KindNumber, LedgerId, PersonId};
use crate::decision::people::Role;
use crate::entry::envelope::Envelope;
use crate::entry::statement::{Body, UNKNOWN, Unverified};
use crate::frame::reader::{Event, WriteReader};
use crate::keys::PublicKey;
use crate::review::fact::Fact;
use crate::seal::structure::{self, StructurePart};
use crate::seal::words::FolderPublic;
use crate::verify::log_keys::LogKeys;
use crate::verify::report::Code;
use crate::verify::roster::documents::Documents;
use crate::verify::roster::folders::Folders;
use crate::verify::tenure::{Tenure, Waiting};

/// A key and what it may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// Whose key it is.
    pub person: PersonId,
    /// The key, checked: canonical and not weak.
    pub key: PublicKey,
    /// The age recipient of the same device.
    pub recipient: String,
    /// The role it was enrolled with.
    pub role: Role,
    /// The entry that enrolled it.
    pub entry: u64,
    /// The person who enrolled it.
    pub enrolled_by: PersonId,
    /// The entry that enrolled the key which this one replaces once it counts.
    pub renews: Option<u64>,
    /// The entry from which it counts: its own, or its confirmation's; none while it waits.
    pub in_force: Option<u64>,
    /// The entry from which it no longer counts.
    pub ended: Option<u64>,
}

/// One epoch of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderEpoch {
    /// The case, or none for a folder of the setting.
    pub case: Option<CaseTag>,
    /// The folder.
    pub folder: Folder,
    /// The epoch, from 0.
    pub epoch: u64,
    /// The public key.
    pub key: FolderPublic,
    /// The entry that published it.
    pub entry: u64,
    /// When that entry was recorded, in milliseconds UTC.
    pub recorded: i64,
    /// The entry that replaced it.
    pub replaced: Option<u64>,
}

/// A policy that was adopted.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Policy {
    entry: u64,
    hash: Digest,
    /// The entry from which it is in force, a second person's confirmation, and when that was recorded, in milliseconds UTC;
    /// none while it waits.
    in_force: Option<(u64, i64)>,
}

/// A calendar that was adopted.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Adopted {
    entry: u64,
    hash: Digest,
    /// The pack in force where it was adopted, against which it is read.
    pack: Digest,
    /// From when on it counts, in milliseconds UTC: no earlier than it was recorded.
    since: i64,
}

/// Another ledger that this one goes on from: a `restore` entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Continues {
    /// The entry that says so.
    pub entry: u64,
    /// The origin of the ledger before, if it is named.
    pub origin: Option<String>,
    /// That log's Ed25519 key, if it is named.
    pub log_key: Option<[u8; 32]>,
    /// How many entries it had in the checkpoint that is bound here.
    pub size: u64,
    /// Their root.
    pub root: Digest,
    /// The entry from which it counts: a second person's confirmation.
    pub in_force: Option<u64>,
}

/// Largest roster that is kept, in bytes: some hundred thousand folder keys.
pub const KEPT_LIMIT: usize = 64 << 20;

/// A finding about a public entry: its code and whether it was refused.
pub type Judgement = Result<(), Code>;

/// Everything that the public entries up to some point establish.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Roster {
    ledger: Option<LedgerId>,
    origin: String,
    setting: String,
    log: LogKeys,
    continues: Vec<Continues>,
    founder: Option<PersonId>,
    founder_confirmed: bool,
    founder_spent: bool,
    enrolments: Vec<Enrolment>,
    tenures: Vec<Tenure>,
    waiting: Vec<Waiting>,
    latest: i64,
    changed: u64,
    upto: u64,
    /// The public entries that were read, with effect or without.
    public: Vec<u64>,
    /// Entries that a clerk could not read, and that may have been public.
    unread: Vec<u64>,
    #[serde(skip)]
    by_key: HashMap<[u8; 32], usize>,
    folders: Folders,
    cases: Vec<(CaseTag, u64)>,
    #[serde(skip)]
    opened: HashSet<CaseTag>,
    packs: Vec<(u64, Digest)>,
    policies: Vec<Policy>,
    calendars: Vec<Adopted>,
    #[serde(skip)]
    documents: Documents,
}

impl Roster {
    /// Reads the roster out of a log's public entries and checks nothing else: to find the right keys before verifying.
    ///
    /// # Errors
    /// Those of the source.
    pub fn read<R: Read + Seek>(source: R) -> io::Result<Self> {
        Self::read_writes(WriteReader::new(source))
    }

    /// Reads the roster as [`Roster::read`], out of a reader that stands at the log's first byte.
    ///
    /// # Errors
    /// Those of the source.
    pub fn read_writes<R: Read + Seek>(mut reader: WriteReader<R>) -> io::Result<Self> {
        let (mut roster, mut number) = (Roster::default(), 0);
        loop {
            match reader.next_event()? {
                Event::Entry { frame, .. } => {
                    if let Ok(StructurePart::Clear { statement, signature }) = structure::parse(frame.structure)
                        && let Ok(statement) = Unverified::decode(statement, signature)
                    {
                        // An entry without effect is verify's to report.
                        let recorded = Envelope::decode(frame.envelope).map_or(0, |envelope| envelope.recorded);
                        let _ = roster.admit(number, recorded, &statement, frame.words);
                    }
                    number += 1;
                }
                Event::Tail(_) | Event::End { .. } => return Ok(roster),
                Event::Void { .. } | Event::Checkpoint { .. } => {}
            }
        }
    }

    /// Returns what has to be kept to have the same roster again without reading its entries: all but the documents.
    ///
    /// # Errors
    /// `TooLong` above [`KEPT_LIMIT`] bytes.
    pub fn to_kept(&self) -> Result<Vec<u8>, CodecError> {
        codec::encode(self, KEPT_LIMIT)
    }

    /// Takes what [`Roster::to_kept`] gave. Nothing of it is checked against any log: it has to come from where nobody else
    /// could have written it. Its documents are missing until each was given to [`Roster::keep_document`].
    ///
    /// # Errors
    /// `Malformed` for bytes that are no roster.
    pub fn from_kept(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut roster: Roster = codec::decode(bytes, KEPT_LIMIT)?;
        roster.by_key = (0..).zip(&roster.enrolments).map(|(at, one)| (*one.key.as_bytes(), at)).collect();
        roster.opened = roster.cases.iter().map(|(case, _)| *case).collect();
        Ok(roster)
    }

    /// Returns the keys of the folders whose structure only those open who open the words.
    pub fn restricted_folders(&self) -> impl Iterator<Item = &FolderKeyId> {
        self.folders.ids_of(|epoch| epoch.folder.restricted())
    }

    /// Returns the ledger's id, once genesis was read.
    #[must_use]
    pub fn ledger(&self) -> Option<LedgerId> {
        self.ledger
    }

    /// Returns the origin that genesis names.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Returns the setting's name.
    #[must_use]
    pub fn setting(&self) -> &str {
        &self.setting
    }

    /// Returns the log's key that counts after all entries read: the one that genesis names, or a confirmed `log.key`.
    #[must_use]
    pub fn log_key(&self) -> Option<&PublicKey> {
        self.log.current().0
    }

    /// Returns the log's keys in their order, each with the entry from which it counts: genesis, or the confirmation of a
    /// `log.key`. The checkpoint of the write that holds that entry is signed by this key and the one before.
    #[must_use]
    pub fn log_keys(&self) -> Vec<(u64, PublicKey)> {
        self.log.all()
    }

    /// Whether the log may have more keys than so many.
    pub(super) fn has_log_keys_beyond(&self, count: usize) -> bool {
        self.log.more_than(count)
    }

    /// Returns the entry that the next `log.key` renews.
    #[must_use]
    pub fn log_key_entry(&self) -> u64 {
        self.log.current().1
    }

    /// Returns the key that a `log.key` entry names, whether it counts or not.
    #[must_use]
    pub fn log_key_of(&self, entry: u64) -> Option<&PublicKey> {
        self.log.key_of(entry)
    }

    /// Returns the age recipient of the recovery sheet in force.
    #[must_use]
    pub fn recovery(&self) -> &str {
        self.log.recovery()
    }

    /// Returns the ledgers that this one goes on from, in order of entry, confirmed or not.
    #[must_use]
    pub fn continues(&self) -> &[Continues] {
        &self.continues
    }

    /// Whether the ledger still rests on its founder alone (ONE-FOUNDER).
    #[must_use]
    pub fn one_founder(&self) -> bool {
        self.founder.is_some() && !self.founder_confirmed
    }

    /// Whether this is the person who began the ledger.
    #[must_use]
    pub fn is_founder(&self, person: PersonId) -> bool {
        self.founder == Some(person)
    }

    /// Returns the enrolments in order of entry.
    #[must_use]
    pub fn enrolments(&self) -> &[Enrolment] {
        &self.enrolments
    }

    /// Returns the enrolment of a key, in force or not.
    #[must_use]
    pub fn enrolment(&self, key: &[u8; 32]) -> Option<&Enrolment> {
        self.by_key.get(key).and_then(|at| self.enrolments.get(*at))
    }

    /// Returns the enrolment of a key if it counts at that entry.
    #[must_use]
    pub fn in_force(&self, key: &[u8; 32], entry: u64) -> Option<&Enrolment> {
        self.enrolment(key).filter(|enrolment| enrolment.in_force_at(entry))
    }

    /// Returns the devices that overseers hold at a time: every key in force of whoever is dsl, deputy_dsl or leader then.
    pub fn overseers(&self, at: i64) -> impl Iterator<Item = &Enrolment> {
        self.current().filter(move |enrolment| self.holds_now(enrolment.person, at, Role::is_overseer))
    }

    /// Returns every enrolment that counts now.
    pub fn current(&self) -> impl Iterator<Item = &Enrolment> {
        self.enrolments.iter().filter(|enrolment| enrolment.is_current())
    }

    /// Returns every role that was given, waiting and ended ones too, in order of entry.
    #[must_use]
    pub fn tenures(&self) -> &[Tenure] {
        &self.tenures
    }

    /// Returns what waits for a second person, in order of entry.
    #[must_use]
    pub fn waiting(&self) -> &[Waiting] {
        &self.waiting
    }

    /// Returns when the newest public entry was recorded, in milliseconds UTC.
    #[must_use]
    pub fn latest(&self) -> i64 {
        self.latest
    }

    /// Returns how many entries were read for it, by a clerk who reads on.
    #[must_use]
    pub fn upto(&self) -> u64 {
        self.upto
    }

    /// Returns the numbers of the public entries that were read, in order.
    #[must_use]
    pub fn public(&self) -> &[u64] {
        &self.public
    }

    /// Returns the entries that a clerk could not read, in order: one of them may end what somebody may do.
    #[must_use]
    pub fn unread(&self) -> &[u64] {
        &self.unread
    }

    /// Notes entries that a clerk could not read.
    pub fn note_unread(&mut self, entries: Vec<u64>) {
        self.unread.extend(entries);
    }

    /// Says that the public ones of so many entries were read.
    pub fn read_to(&mut self, entries: u64) {
        self.upto = self.upto.max(entries);
    }

    /// Returns the newest entry that changed who is enrolled or in role.
    #[must_use]
    pub fn changed(&self) -> u64 {
        self.changed
    }

    /// Returns the roles that a person holds in an entry recorded at `at`, each once, those of one case left out.
    #[must_use]
    pub fn roles(&self, person: PersonId, entry: u64, at: i64) -> Vec<Role> {
        let mut roles: Vec<Role> = self
            .tenures
            .iter()
            .filter(|tenure| tenure.person == person && tenure.case.is_none() && self.counts(tenure, entry, at))
            .map(|tenure| tenure.role)
            .collect();
        roles.sort_unstable();
        roles.dedup();
        roles
    }

    /// Returns the persons who hold a role for one case at a time, such as its key person.
    pub fn roles_of_case(&self, case: CaseTag, at: i64) -> impl Iterator<Item = (PersonId, Role)> {
        let held = move |tenure: &&Tenure| tenure.case == Some(case) && self.counts(tenure, u64::MAX, at);
        self.tenures.iter().filter(held).map(|tenure| (tenure.person, tenure.role))
    }

    /// Whether a person holds some such role at a time, after all entries read.
    #[must_use]
    pub fn holds_now(&self, person: PersonId, at: i64, such: impl Fn(Role) -> bool) -> bool {
        self.holds(person, u64::MAX, at, such)
    }

    fn holds(&self, person: PersonId, entry: u64, at: i64, such: impl Fn(Role) -> bool) -> bool {
        self.roles(person, entry, at).into_iter().any(such)
    }

    /// Whether a tenure counts: held, and its key in force if it came with one.
    fn counts(&self, tenure: &Tenure, entry: u64, at: i64) -> bool {
        tenure.holds(entry, at) && tenure.key.is_none_or(|key| self.in_force(&key, entry).is_some())
    }

    /// Returns the folder epoch that a statement names.
    #[must_use]
    pub fn folder_key(&self, id: &FolderKeyId) -> Option<&FolderEpoch> {
        self.folders.get(id)
    }

    /// Returns what the rules ask of an entry, with whether its words went to a folder key that had been replaced.
    #[must_use]
    pub fn fact(&self, entry: u64, recorded: i64, clock_back: bool, digest: Digest, body: &Body) -> Fact {
        let mut fact = Fact::of(entry, recorded, clock_back, digest, body);
        let replaced = self.folder_key(&body.folder_key).and_then(|epoch| epoch.replaced);
        let could_know = |by: u64| body.seen.number != UNKNOWN && body.seen.number >= by;
        fact.epoch_old = replaced.filter(|by| *by < entry).map(could_know);
        fact
    }

    /// Returns the current epoch of a folder.
    #[must_use]
    pub fn current_folder(&self, case: Option<CaseTag>, folder: Folder) -> Option<&FolderEpoch> {
        self.folders.newest(case, folder).filter(|epoch| epoch.replaced.is_none())
    }

    /// Returns the ids of every folder key that was published, in no order.
    pub fn folder_ids(&self) -> impl Iterator<Item = &FolderKeyId> {
        self.folders.ids()
    }

    /// Returns every epoch of a folder, in the order of publication.
    pub fn epochs_of(&self, case: Option<CaseTag>, folder: Folder) -> impl Iterator<Item = &FolderEpoch> {
        self.folders.all().iter().filter(move |epoch| epoch.case == case && epoch.folder == folder)
    }

    /// Returns the cases in order of opening, with the entry that opened each.
    #[must_use]
    pub fn cases(&self) -> &[(CaseTag, u64)] {
        &self.cases
    }

    /// Returns the hash of the rule pack in force after all entries read; zero before one was adopted.
    #[must_use]
    pub fn pack(&self) -> Digest {
        self.packs.last().map_or(Digest::ZERO, |(_, hash)| *hash)
    }

    /// Returns the entry that adopted the pack in force.
    #[must_use]
    pub fn pack_entry(&self) -> Option<u64> {
        self.packs.last().map(|(entry, _)| *entry)
    }

    /// Returns the hash of the policy in force after all entries read; zero before one was confirmed.
    #[must_use]
    pub fn policy(&self) -> Digest {
        self.policy_at(u64::MAX)
    }

    /// Returns the hash of the pack in force after that entry; zero before one was adopted.
    #[must_use]
    pub fn pack_at(&self, entry: u64) -> Digest {
        let adopted = self.packs.iter().rev().find(|(at, _)| *at <= entry);
        adopted.map_or(Digest::ZERO, |(_, hash)| *hash)
    }

    /// Returns the hash of the policy in force after that entry; zero before one was confirmed.
    #[must_use]
    pub fn policy_at(&self, entry: u64) -> Digest {
        let in_force = self.policies.iter().filter(|policy| policy.in_force.is_some_and(|(from, _)| from <= entry));
        in_force.max_by_key(|policy| (policy.in_force, policy.entry)).map_or(Digest::ZERO, |policy| policy.hash)
    }

    /// Whether a pack of this hash was adopted, by that entry or before it.
    #[must_use]
    pub fn has_pack(&self, hash: &Digest, entry: u64) -> bool {
        self.packs.iter().any(|(at, known)| *at <= entry && known == hash)
    }

    /// Whether a policy of this hash was adopted, by that entry or before it, confirmed or not.
    #[must_use]
    pub fn has_policy(&self, hash: &Digest, entry: u64) -> bool {
        self.policies.iter().any(|policy| policy.entry <= entry && policy.hash == *hash)
    }

    /// Whether this person, as the founder, may still enrol the first other leading person alone.
    #[must_use]
    pub fn founder_may_enrol(&self, enroller: PersonId, enrolled: PersonId) -> bool {
        Some(enroller) == self.founder && !self.founder_spent && enrolled != enroller
    }
}

impl Enrolment {
    fn in_force_at(&self, entry: u64) -> bool {
        self.in_force.is_some_and(|from| from <= entry) && self.ended.is_none_or(|end| entry < end)
    }

    /// Whether the key counts after all entries read.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.in_force.is_some() && self.ended.is_none()
    }
}

/// Whether a kind changes who may speak, read or what counts: a finding on it is one of history.
#[must_use]
pub fn changes_trust(kind: KindNumber) -> bool {
    kind.publicity() != Some(crate::codec::Publicity::Sealed)
}
