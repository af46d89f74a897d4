//! The roster: who may speak from which entry on, folded out of the public entries and nothing else.
//!
//! The clerk asks it before appending and the inspector while verifying, so that both judge alike.
// Long because: whatever public entries change is folded in one place.

use std::collections::HashMap;
use std::io::{self, Read, Seek};

use crate::codec::context::DOCUMENT;

use crate::codec::{CaseTag, Digest, Folder, FolderKeyId, KindNumber, LedgerId, PersonId};
use crate::decision::decision::Reference;
use crate::decision::people::Role;
use crate::decision::value::{Content, FieldId, field};
use crate::entry::envelope::Envelope;
use crate::entry::statement::{Body, Unverified};
use crate::frame::reader::{Event, WriteReader};
use crate::keys::card;
use crate::keys::{PublicKey, Signature};
use crate::seal::structure::{self, StructurePart};
use crate::seal::words::FolderPublic;
use crate::verify::log_keys::LogKeys;
use crate::verify::report::Code;
use crate::verify::tenure::{Change, Tenure, Waiting};

/// A key and what it may do.
#[derive(Debug, Clone)]
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
#[derive(Debug, Clone)]
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
#[derive(Debug, Clone)]
struct Policy {
    entry: u64,
    hash: Digest,
    /// The entry from which it is in force: a second person's confirmation; none while it waits.
    in_force: Option<u64>,
}

/// Another ledger that this one goes on from: a `restore` entry.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// A finding about a public entry: its code and whether it was refused.
pub type Judgement = Result<(), Code>;

/// Everything that the public entries up to some point establish.
#[derive(Debug, Clone, Default)]
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
    by_key: HashMap<[u8; 32], usize>,
    folders: HashMap<FolderKeyId, FolderEpoch>,
    cases: Vec<(CaseTag, u64)>,
    packs: Vec<(u64, Digest)>,
    policies: Vec<Policy>,
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

    /// Returns the keys of the folders whose structure only those open who open the words.
    pub fn restricted_folders(&self) -> impl Iterator<Item = &FolderKeyId> {
        self.folders.iter().filter(|(_, epoch)| epoch.folder.restricted()).map(|(id, _)| id)
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

    /// Returns the current epoch of a folder.
    #[must_use]
    pub fn current_folder(&self, case: Option<CaseTag>, folder: Folder) -> Option<&FolderEpoch> {
        self.folders.values().find(|epoch| epoch.case == case && epoch.folder == folder && epoch.replaced.is_none())
    }

    /// Returns the ids of every folder key that was published, in no order.
    pub fn folder_ids(&self) -> impl Iterator<Item = &FolderKeyId> {
        self.folders.keys()
    }

    /// Returns every epoch of a folder, in no order.
    pub fn epochs_of(&self, case: Option<CaseTag>, folder: Folder) -> impl Iterator<Item = &FolderEpoch> {
        self.folders.values().filter(move |epoch| epoch.case == case && epoch.folder == folder)
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
        let in_force = self.policies.iter().filter(|policy| policy.in_force.is_some_and(|from| from <= entry));
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

    /// Takes in a public entry: checks its signature, then what it says. A genesis vouches for its own key.
    ///
    /// # Errors
    /// The finding, if the entry has no effect.
    pub fn admit(&mut self, number: u64, recorded: i64, statement: &Unverified, words_part: &[u8]) -> Judgement {
        let body = statement.body();
        let key = if number == 0 {
            PublicKey::from_bytes(&body.author.0).map_err(|_| Code::KeyNotEnrolled)?
        } else {
            let enrolment = self.in_force(&body.author.0, number).ok_or(Code::KeyNotEnrolled)?;
            if enrolment.person != body.person {
                return Err(Code::KeyNotEnrolled);
            }
            enrolment.key.clone()
        };
        statement.check_signature(&key).map_err(|_| Code::Signature)?;
        if !changes_trust(body.kind) {
            return Ok(());
        }
        // The entries themselves are in order; the machine's clock may not be.
        self.latest = self.latest.max(recorded);
        self.apply(At { entry: number, recorded }, body, words_part)
    }

    /// Judges what a signed public entry says: `RoleInvalid`, `KeyNotEnrolled` (weak key, no proof of possession, key
    /// enrolled already) and `Statement` (fields missing or impossible) leave it without effect.
    fn apply(&mut self, at: At, body: &Body, words_part: &[u8]) -> Judgement {
        match body.kind.name() {
            Some("genesis") => self.genesis(at, body),
            Some("key.enrol") => self.enrol(at, body),
            Some("key.revoke") => self.revoke(at, body),
            Some("role.assign") => self.assign(at, body),
            Some("role.end") => self.end_role(at, body),
            Some("confirmation") => self.confirm(at, body),
            Some("case.opened") => self.case_opened(at, body),
            Some("restore") => self.restore(at, body),
            Some("log.key") => self.log_key_renewed(at, body),
            Some("folder.key") => self.folder_key_renewed(at, body),
            Some(name) if name.ends_with(".adopt") => self.adopt(at, body, words_part),
            _ => self.by_overseer(at, body),
        }
    }

    fn genesis(&mut self, at: At, body: &Body) -> Judgement {
        if at.entry != 0 || self.ledger.is_some() {
            return Err(Code::Statement);
        }
        let id = Body::ledger_id(&body.values).map_err(|_| Code::Statement)?;
        if id != body.ledger {
            return Err(Code::Statement);
        }
        let enrolment = self.read_enrolment(at.entry, body, body.person)?;
        if enrolment.key.as_bytes() != &body.author.0 {
            return Err(Code::KeyNotEnrolled);
        }
        let text = |id| text(body, id).ok_or(Code::Statement);
        (self.origin, self.setting) = (text(field::ORIGIN)?, text(field::TITLE)?);
        let log_key = key(body, field::LOG_KEY).ok_or(Code::Statement)?;
        let log_key = PublicKey::from_bytes(&log_key).map_err(|_| Code::Statement)?;
        self.log.begin(log_key, text(field::RECOVERY_RECIPIENT)?);
        self.ledger = Some(id);
        self.founder = Some(body.person);
        let _ = self.add(Enrolment { in_force: Some(at.entry), ..enrolment });
        self.publish_folders(at, body, None)
    }

    fn enrol(&mut self, at: At, body: &Body) -> Judgement {
        self.by_overseer(at, body)?;
        let enroller = body.person;
        let enrolment = self.read_enrolment(at.entry, body, enroller)?;
        let (mut leading, about) = (enrolment.role.needs_second_person(), enrolment.person);
        if let Some(renews) = enrolment.renews {
            // Whoever replaces a key ends it: another person's cannot be, and a leading one's needs a second person too.
            let old = self.enrolments.iter().find(|old| old.entry == renews && old.person == about);
            leading |= old.ok_or(Code::KeyNotEnrolled)?.role.needs_second_person();
        }
        let first_by_founder = leading && self.founder_may_enrol(enroller, about);
        self.founder_spent |= first_by_founder;
        let in_force = (!leading || first_by_founder).then_some(at.entry);
        let place = self.add(Enrolment { in_force: None, ..enrolment });
        self.changed = at.entry;
        if in_force.is_some() {
            self.make(at.entry, Change::Enrol(place));
        } else {
            self.waiting.push(Waiting { entry: at.entry, by: enroller, about, change: Change::Enrol(place) });
        }
        Ok(())
    }

    fn read_enrolment(&self, number: u64, body: &Body, enrolled_by: PersonId) -> Result<Enrolment, Code> {
        let bytes = key(body, field::AUTHOR_KEY).ok_or(Code::Statement)?;
        let recipient = text(body, field::SEALING_KEY).ok_or(Code::Statement)?;
        let person = person(body)?;
        let Some(Content::Hash(commitment)) = body.values_of(field::ROLL_COMMITMENT).next() else {
            return Err(Code::Statement);
        };
        let Some(Content::Proof(proof)) = body.values_of(field::KEY_PROOF).next() else { return Err(Code::Statement) };
        let role = role(body)?;
        let key = PublicKey::from_bytes(&bytes).map_err(|_| Code::KeyNotEnrolled)?;
        if self.by_key.contains_key(&bytes) {
            return Err(Code::KeyNotEnrolled);
        }
        card::check_proof(&key, &recipient, commitment, &Signature(proof.0)).map_err(|_| Code::KeyNotEnrolled)?;
        let renewed = |reference: &&Reference| reference.relation.name() == Some("renews");
        let renews = body.references.iter().find(renewed).map(|reference| reference.entry);
        Ok(Enrolment { person, key, recipient, role, entry: number, enrolled_by, renews, in_force: None, ended: None })
    }

    /// Takes in an enrolment and the role that comes with it; returns its place.
    fn add(&mut self, enrolment: Enrolment) -> usize {
        let place = self.enrolments.len();
        self.by_key.insert(*enrolment.key.as_bytes(), place);
        self.tenures.push(Tenure {
            person: enrolment.person,
            role: enrolment.role,
            case: None,
            key: Some(*enrolment.key.as_bytes()),
            entry: enrolment.entry,
            in_force: enrolment.in_force,
            starts: i64::MIN,
            until: None,
            ended: None,
        });
        self.enrolments.push(enrolment);
        place
    }

    fn revoke(&mut self, at: At, body: &Body) -> Judgement {
        self.by_leader(at, body)?;
        let revoked = key(body, field::AUTHOR_KEY).ok_or(Code::Statement)?;
        let place = *self.by_key.get(&revoked).ok_or(Code::KeyNotEnrolled)?;
        let enrolment = self.enrolments.get(place).ok_or(Code::KeyNotEnrolled)?;
        if enrolment.ended.is_some() {
            return Err(Code::Statement);
        }
        let about = enrolment.person;
        let leads = enrolment.is_current() && self.holds(about, at.entry, at.recorded, Role::needs_second_person);
        self.change(at, body.person, about, leads, Change::Revoke(place));
        Ok(())
    }

    fn assign(&mut self, at: At, body: &Body) -> Judgement {
        self.by_leader(at, body)?;
        let (person, role) = (person(body)?, role(body)?);
        if !self.enrolments.iter().any(|enrolment| enrolment.person == person) {
            return Err(Code::KeyNotEnrolled);
        }
        let starts = time(body, field::STARTS_AT).ok_or(Code::Statement)?;
        let until = time(body, field::ENDS_AT);
        if until.is_some_and(|until| until <= starts) {
            return Err(Code::Statement);
        }
        let place = self.tenures.len();
        self.tenures.push(Tenure {
            person,
            role,
            case: body.case,
            key: None,
            entry: at.entry,
            in_force: None,
            starts,
            until,
            ended: None,
        });
        self.change(at, body.person, person, role.needs_second_person(), Change::Assign(place));
        Ok(())
    }

    fn end_role(&mut self, at: At, body: &Body) -> Judgement {
        self.by_leader(at, body)?;
        let (person, role) = (person(body)?, role(body)?);
        let from = time(body, field::ENDS_AT).ok_or(Code::Statement)?;
        let is =
            |tenure: &Tenure| (tenure.person, tenure.role, tenure.case) == (person, role, body.case) && tenure.open();
        let places: Vec<usize> = (0..).zip(&self.tenures).filter(|(_, tenure)| is(tenure)).map(|(at, _)| at).collect();
        if places.is_empty() {
            return Err(Code::Statement);
        }
        for place in places {
            self.change(at, body.person, person, role.needs_second_person(), Change::End(place, from));
        }
        Ok(())
    }

    /// Makes a change at once, or lets it wait for a second person.
    fn change(&mut self, at: At, by: PersonId, about: PersonId, second: bool, change: Change) {
        if second {
            self.waiting.push(Waiting { entry: at.entry, by, about, change });
        } else {
            self.make(at.entry, change);
        }
    }

    fn make(&mut self, entry: u64, change: Change) {
        // A policy changes neither who is enrolled nor who is in role; nor does an older ledger.
        if !matches!(change, Change::Policy(_) | Change::Restore(_)) {
            self.changed = entry;
        }
        match change {
            Change::Enrol(place) => {
                let Some(enrolment) = self.enrolments.get_mut(place) else { return };
                enrolment.in_force = Some(entry);
                let (key, person, renews) = (Some(*enrolment.key.as_bytes()), enrolment.person, enrolment.renews);
                let old = |one: &&mut Enrolment| Some(one.entry) == renews && one.person == person;
                if let Some(old) = self.enrolments.iter_mut().find(old) {
                    old.ended = old.ended.or(Some(entry));
                }
                for tenure in self.tenures.iter_mut().filter(|tenure| tenure.key == key) {
                    tenure.in_force = Some(entry);
                }
            }
            Change::Revoke(place) => {
                if let Some(enrolment) = self.enrolments.get_mut(place) {
                    enrolment.ended = Some(entry);
                }
                // Nobody can confirm any more what enrolled it.
                self.waiting.retain(|one| one.change != Change::Enrol(place));
            }
            Change::Assign(place) => {
                if let Some(tenure) = self.tenures.get_mut(place) {
                    tenure.in_force = Some(entry);
                }
            }
            Change::Policy(place) => {
                if let Some(policy) = self.policies.get_mut(place) {
                    policy.in_force = Some(entry);
                }
            }
            Change::Restore(place) => {
                if let Some(continues) = self.continues.get_mut(place) {
                    continues.in_force = Some(entry);
                }
            }
            Change::LogKey(place) => {
                self.log.enforce(place, entry);
                self.waiting.retain(|one| !matches!(one.change, Change::LogKey(_)));
            }
            Change::End(place, from) => {
                if let Some(tenure) = self.tenures.get_mut(place) {
                    tenure.ended = Some((entry, from));
                }
            }
        }
    }

    /// A second person's word: `agrees` puts what waits into force, `does_not` drops it, `agrees_if` leaves it waiting.
    fn confirm(&mut self, at: At, body: &Body) -> Judgement {
        self.by_leader(at, body)?;
        let person = body.person;
        let view = code(body, field::VIEW).ok_or(Code::Statement)?;
        let confirms = |reference: &&Reference| reference.relation.name() == Some("confirms");
        for reference in body.references.iter().filter(confirms) {
            if reference.entry == 0 {
                if Some(person) == self.founder {
                    return Err(Code::RoleInvalid);
                }
                self.founder_confirmed |= view == "agrees";
            }
            if self.waiting.iter().any(|one| one.entry == reference.entry && !one.may_confirm(person)) {
                return Err(Code::RoleInvalid);
            }
            let all = std::mem::take(&mut self.waiting);
            let (these, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| one.entry == reference.entry);
            self.waiting = others;
            match view.as_str() {
                "agrees" => these.into_iter().for_each(|one| self.make(at.entry, one.change)),
                "does_not" => {}
                _ => self.waiting.extend(these),
            }
            self.waiting.sort_by_key(|one| one.entry);
        }
        Ok(())
    }

    fn case_opened(&mut self, at: At, body: &Body) -> Judgement {
        self.by_overseer(at, body)?;
        let case = body.case.ok_or(Code::Statement)?;
        if self.cases.iter().any(|(known, _)| *known == case) {
            return Err(Code::Statement);
        }
        self.publish_folders(at, body, Some(case))?;
        self.cases.push((case, at.entry));
        Ok(())
    }

    /// By an overseer; the key of `staff` by anybody in force, so that an allegation against an overseer is not held up.
    fn restore(&mut self, at: At, body: &Body) -> Judgement {
        self.by_leader(at, body)?;
        time(body, field::STARTS_AT).ok_or(Code::Statement)?;
        let (Some(Content::Count(size)), Some(Content::Hash(root))) =
            (body.values_of(field::TREE_SIZE).next(), body.values_of(field::ROOT_HASH).next())
        else {
            return Err(Code::Statement);
        };
        let (place, size, root) = (self.continues.len(), *size, *root);
        let (origin, log_key) = (text(body, field::ORIGIN), key(body, field::LOG_KEY));
        self.continues.push(Continues { entry: at.entry, origin, log_key, size, root, in_force: None });
        self.change(at, body.person, body.person, true, Change::Restore(place));
        Ok(())
    }

    fn log_key_renewed(&mut self, at: At, body: &Body) -> Judgement {
        self.by_leader(at, body)?;
        time(body, field::STARTS_AT).ok_or(Code::Statement)?;
        let place = self.log.propose(at.entry, body)?;
        self.change(at, body.person, body.person, true, Change::LogKey(place));
        Ok(())
    }

    fn folder_key_renewed(&mut self, at: At, body: &Body) -> Judgement {
        let staff = |content: &Content| matches!(content, Content::Code(code) if code.as_str() == Folder::Staff.name());
        if body.case.is_some() || !body.values_of(field::FOLDER_KEYS_FOLDER).all(staff) {
            self.by_overseer(at, body)?;
        }
        self.publish_folders(at, body, body.case)
    }

    fn publish_folders(&mut self, at: At, body: &Body, case: Option<CaseTag>) -> Judgement {
        let (folders, epochs, keys) = (field::FOLDER_KEYS_FOLDER, field::FOLDER_KEYS_EPOCH, field::FOLDER_KEYS_KEY);
        let rows = body.values_of(folders).zip(body.values_of(epochs)).zip(body.values_of(keys));
        let mut published = 0;
        for row in rows {
            let ((Content::Code(name), Content::Count(epoch)), Content::Key(key)) = row else {
                return Err(Code::Statement);
            };
            let folder = Folder::from_name(name.as_str()).ok_or(Code::Statement)?;
            let current = self.current_folder(case, folder).map(|epoch| (epoch.key.id(), epoch.epoch + 1));
            let key = FolderPublic(key.0);
            // A key that is published already would move earlier words into another folder.
            let again = self.folders.contains_key(&key.id());
            if again || folder.of_case() != case.is_some() || *epoch != current.map_or(0, |(_, next)| next) {
                return Err(Code::Statement);
            }
            if let Some(old) = current.and_then(|(id, _)| self.folders.get_mut(&id)) {
                old.replaced = Some(at.entry);
            }
            let (entry, recorded) = (at.entry, at.recorded);
            let epoch = FolderEpoch { case, folder, epoch: *epoch, key, entry, recorded, replaced: None };
            self.folders.insert(epoch.key.id(), epoch);
            published += 1;
        }
        if published == 0 { Err(Code::Statement) } else { Ok(()) }
    }

    fn adopt(&mut self, at: At, body: &Body, words_part: &[u8]) -> Judgement {
        self.by_overseer(at, body)?;
        let Some(Content::Hash(hash)) = body.values_of(field::DOCUMENT_HASH).next() else {
            return Err(Code::Statement);
        };
        let document = words_part.split_first().map_or(&[][..], |(_, document)| document);
        if DOCUMENT.digest(&[document]) != *hash {
            return Err(Code::Sealed);
        }
        match body.kind.name() {
            Some("rulepack.adopt") => self.packs.push((at.entry, *hash)),
            Some("policy.adopt") => {
                let place = self.policies.len();
                self.policies.push(Policy { entry: at.entry, hash: *hash, in_force: None });
                self.change(at, body.person, body.person, true, Change::Policy(place));
            }
            _ => {}
        }
        Ok(())
    }

    fn by_overseer(&self, at: At, body: &Body) -> Judgement {
        self.by(at, body, Role::is_overseer)
    }

    /// Whoever may be the second person may be the first.
    fn by_leader(&self, at: At, body: &Body) -> Judgement {
        self.by(at, body, Role::needs_second_person)
    }

    fn by(&self, at: At, body: &Body, such: impl Fn(Role) -> bool) -> Judgement {
        let signer = self.in_force(&body.author.0, at.entry).ok_or(Code::KeyNotEnrolled)?;
        if self.holds(signer.person, at.entry, at.recorded, such) { Ok(()) } else { Err(Code::RoleInvalid) }
    }
}

/// Where an entry stands: its number, and when it was recorded in milliseconds UTC.
#[derive(Clone, Copy)]
struct At {
    entry: u64,
    recorded: i64,
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

fn text(body: &Body, id: FieldId) -> Option<String> {
    match body.values_of(id).next() {
        Some(Content::Text(text)) => Some(text.as_str().to_owned()),
        _ => None,
    }
}

fn code(body: &Body, id: FieldId) -> Option<String> {
    match body.values_of(id).next() {
        Some(Content::Code(code)) => Some(code.as_str().to_owned()),
        _ => None,
    }
}

fn person(body: &Body) -> Result<PersonId, Code> {
    match body.values_of(field::PERSON).next() {
        Some(Content::Person(person)) => Ok(*person),
        _ => Err(Code::Statement),
    }
}

fn role(body: &Body) -> Result<Role, Code> {
    code(body, field::ROLE).and_then(|code| Role::from_code(&code)).ok_or(Code::Statement)
}

fn time(body: &Body, id: FieldId) -> Option<i64> {
    match body.values_of(id).next() {
        Some(Content::Time(moment)) if moment.is_some() => Some(moment.milliseconds),
        _ => None,
    }
}

fn key(body: &Body, id: FieldId) -> Option<[u8; 32]> {
    match body.values_of(id).next() {
        Some(Content::Key(key)) => Some(key.0),
        _ => None,
    }
}
