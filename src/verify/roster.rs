//! The roster: who may speak from which entry on, folded out of the public entries and nothing else.
//!
//! The clerk asks it before appending and the inspector while verifying, so that both judge alike.

use std::collections::HashMap;
use std::io::{self, Read, Seek};

use crate::codec::context::DOCUMENT;

use crate::codec::{CaseTag, Digest, Folder, FolderKeyId, KindNumber, LedgerId, PersonId};
use crate::decision::people::Role;
use crate::decision::value::{Content, FieldId, field};
use crate::entry::statement::{Body, UNKNOWN, Unverified};
use crate::frame::reader::{Event, WriteReader};
use crate::keys::card;
use crate::keys::{PublicKey, Signature};
use crate::seal::structure::{self, StructurePart};
use crate::seal::words::FolderPublic;
use crate::verify::report::Code;

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
    /// The entry that replaced it.
    pub replaced: Option<u64>,
}

/// A policy that was adopted.
#[derive(Debug, Clone)]
struct Policy {
    entry: u64,
    hash: Digest,
    adopted_by: PersonId,
    /// The entry from which it is in force: a second person's confirmation; none while it waits.
    in_force: Option<u64>,
}

/// A finding about a public entry: its code and whether it was refused.
pub type Judgement = Result<(), Code>;

/// Everything that the public entries up to some point establish.
#[derive(Debug, Clone, Default)]
pub struct Roster {
    ledger: Option<LedgerId>,
    origin: String,
    setting: String,
    log_key: Option<PublicKey>,
    recovery: String,
    founder: Option<PersonId>,
    founder_confirmed: bool,
    founder_spent: bool,
    enrolments: Vec<Enrolment>,
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
        let (mut roster, mut number) = (Roster::default(), 0);
        let mut reader = WriteReader::new(source);
        loop {
            match reader.next_event()? {
                Event::Entry { frame, .. } => {
                    if let Ok(StructurePart::Clear { statement, signature }) = structure::parse(frame.structure)
                        && let Ok(statement) = Unverified::decode(statement, signature)
                    {
                        // An entry without effect is verify's to report.
                        let _ = roster.admit(number, &statement, frame.words);
                    }
                    number += 1;
                }
                Event::Tail(_) | Event::End { .. } => return Ok(roster),
                Event::Void { .. } | Event::Checkpoint { .. } => {}
            }
        }
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

    /// Returns the log's key that genesis names.
    #[must_use]
    pub fn log_key(&self) -> Option<&PublicKey> {
        self.log_key.as_ref()
    }

    /// Returns the age recipient of the recovery sheet.
    #[must_use]
    pub fn recovery(&self) -> &str {
        &self.recovery
    }

    /// Whether the ledger still rests on its founder alone (ONE-FOUNDER).
    #[must_use]
    pub fn one_founder(&self) -> bool {
        self.founder.is_some() && !self.founder_confirmed
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

    /// Returns the devices that overseers hold now: every key in force whose role is dsl, deputy_dsl or leader.
    pub fn overseers(&self) -> impl Iterator<Item = &Enrolment> {
        self.current().filter(|enrolment| enrolment.role.is_overseer())
    }

    /// Returns every enrolment that counts now.
    pub fn current(&self) -> impl Iterator<Item = &Enrolment> {
        self.enrolments.iter().filter(|enrolment| enrolment.in_force.is_some() && enrolment.ended.is_none())
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

    fn pack_at(&self, entry: u64) -> Digest {
        let adopted = self.packs.iter().rev().find(|(at, _)| *at <= entry);
        adopted.map_or(Digest::ZERO, |(_, hash)| *hash)
    }

    fn policy_at(&self, entry: u64) -> Digest {
        let in_force = self.policies.iter().filter(|policy| policy.in_force.is_some_and(|from| from <= entry));
        in_force.max_by_key(|policy| (policy.in_force, policy.entry)).map_or(Digest::ZERO, |policy| policy.hash)
    }

    /// Judges what a statement at that entry says of rules and folder against what its author had seen: nothing that was
    /// published later can have been meant. The clerk refuses what alters history.
    ///
    /// `hole` is the first entry that could not be read: what is not known behind it may have been published there.
    pub fn judge(&self, number: u64, body: &Body, hole: Option<u64>) -> impl Iterator<Item = Code> {
        let unread = hole.is_some_and(|hole| hole < number);
        let rules = if unread { None } else { self.judge_rules(number, body) };
        rules.into_iter().chain(self.judge_folder(number, body, unread))
    }

    /// `Pack` for hashes that were adopted here and are not those in force at `seen`; `PackUnknown` for any other.
    ///
    /// In the first write, of which nobody had seen anything, an entry stands under what was adopted up to itself.
    fn judge_rules(&self, number: u64, body: &Body) -> Option<Code> {
        let at = if body.seen.number == UNKNOWN { number } else { body.seen.number };
        if (body.pack, body.policy) == (self.pack_at(at), self.policy_at(at)) {
            return None;
        }
        let pack = match number {
            0 => body.pack == Digest::ZERO,
            _ => self.packs.iter().any(|(entry, hash)| *entry <= number && *hash == body.pack),
        };
        let policy = body.policy == Digest::ZERO
            || self.policies.iter().any(|policy| policy.entry <= number && policy.hash == body.policy);
        Some(if pack && policy { Code::Pack } else { Code::PackUnknown })
    }

    /// `FolderKey` for a key that was not published for that folder at or before `seen`; `EpochOld` for one that was
    /// replaced before the entry.
    fn judge_folder(&self, number: u64, body: &Body, unread: bool) -> Option<Code> {
        if body.folder() == Some(Folder::None) {
            return None;
        }
        let Some(epoch) = self.folder_key(&body.folder_key) else { return (!unread).then_some(Code::FolderKey) };
        let seen = body.seen.number != UNKNOWN && epoch.entry <= body.seen.number;
        let fits = Some(epoch.folder) == body.folder() && (epoch.case == body.case || !epoch.folder.of_case());
        if !seen || !fits {
            return Some(Code::FolderKey);
        }
        epoch.replaced.is_some_and(|replaced| replaced < number).then_some(Code::EpochOld)
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
    pub fn admit(&mut self, number: u64, statement: &Unverified, words_part: &[u8]) -> Judgement {
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
        if changes_trust(body.kind) { self.apply(number, body, words_part) } else { Ok(()) }
    }

    /// Judges what a signed public entry says: `RoleInvalid`, `KeyNotEnrolled` (weak key, no proof of possession, key
    /// enrolled already) and `Statement` (fields missing or impossible) leave it without effect.
    fn apply(&mut self, number: u64, body: &Body, words_part: &[u8]) -> Judgement {
        match body.kind.name() {
            Some("genesis") => self.genesis(number, body),
            Some("key.enrol") => self.enrol(number, body),
            Some("key.revoke") => self.revoke(number, body),
            Some("confirmation") => self.confirm(number, body),
            Some("case.opened") => self.case_opened(number, body),
            Some("folder.key") => self.folder_key_renewed(number, body),
            Some(name) if name.ends_with(".adopt") => self.adopt(number, body, words_part),
            _ => self.by_overseer(number, body),
        }
    }

    fn genesis(&mut self, number: u64, body: &Body) -> Judgement {
        if number != 0 || self.ledger.is_some() {
            return Err(Code::Statement);
        }
        let id = Body::ledger_id(&body.values).map_err(|_| Code::Statement)?;
        if id != body.ledger {
            return Err(Code::Statement);
        }
        let enrolment = self.read_enrolment(number, body, body.person)?;
        if enrolment.key.as_bytes() != &body.author.0 {
            return Err(Code::KeyNotEnrolled);
        }
        let text = |id| text(body, id).ok_or(Code::Statement);
        (self.origin, self.setting, self.recovery) =
            (text(field::ORIGIN)?, text(field::TITLE)?, text(field::RECOVERY_RECIPIENT)?);
        let log_key = key(body, field::LOG_KEY).ok_or(Code::Statement)?;
        self.log_key = Some(PublicKey::from_bytes(&log_key).map_err(|_| Code::Statement)?);
        self.ledger = Some(id);
        self.founder = Some(body.person);
        self.add(Enrolment { in_force: Some(number), ..enrolment });
        self.publish_folders(number, body, None)
    }

    fn enrol(&mut self, number: u64, body: &Body) -> Judgement {
        let enroller = self.by_overseer(number, body).map(|()| body.person)?;
        let enrolment = self.read_enrolment(number, body, enroller)?;
        let leading = enrolment.role.needs_second_person();
        let first_by_founder = self.founder_may_enrol(enroller, enrolment.person);
        self.founder_spent |= leading && first_by_founder;
        let in_force = (!leading || first_by_founder).then_some(number);
        self.add(Enrolment { in_force, ..enrolment });
        Ok(())
    }

    fn read_enrolment(&self, number: u64, body: &Body, enrolled_by: PersonId) -> Result<Enrolment, Code> {
        let bytes = key(body, field::AUTHOR_KEY).ok_or(Code::Statement)?;
        let recipient = text(body, field::SEALING_KEY).ok_or(Code::Statement)?;
        let Some(Content::Person(person)) = body.values_of(field::PERSON).next() else { return Err(Code::Statement) };
        let Some(Content::Hash(commitment)) = body.values_of(field::ROLL_COMMITMENT).next() else {
            return Err(Code::Statement);
        };
        let Some(Content::Proof(proof)) = body.values_of(field::KEY_PROOF).next() else { return Err(Code::Statement) };
        let role = code(body, field::ROLE).and_then(|code| Role::from_code(&code)).ok_or(Code::Statement)?;
        let key = PublicKey::from_bytes(&bytes).map_err(|_| Code::KeyNotEnrolled)?;
        if self.by_key.contains_key(&bytes) {
            return Err(Code::KeyNotEnrolled);
        }
        card::check_proof(&key, &recipient, commitment, &Signature(proof.0)).map_err(|_| Code::KeyNotEnrolled)?;
        Ok(Enrolment { person: *person, key, recipient, role, entry: number, enrolled_by, in_force: None, ended: None })
    }

    fn add(&mut self, enrolment: Enrolment) {
        self.by_key.insert(*enrolment.key.as_bytes(), self.enrolments.len());
        self.enrolments.push(enrolment);
    }

    fn revoke(&mut self, number: u64, body: &Body) -> Judgement {
        self.by_overseer(number, body)?;
        let revoked = key(body, field::AUTHOR_KEY).ok_or(Code::Statement)?;
        let at = *self.by_key.get(&revoked).ok_or(Code::KeyNotEnrolled)?;
        let enrolment = self.enrolments.get_mut(at).ok_or(Code::KeyNotEnrolled)?;
        // A leading person's key ends at a second person's confirmation.
        if !enrolment.role.needs_second_person() && enrolment.ended.is_none() {
            enrolment.ended = Some(number);
        }
        Ok(())
    }

    fn confirm(&mut self, number: u64, body: &Body) -> Judgement {
        let signer = self.in_force(&body.author.0, number).ok_or(Code::KeyNotEnrolled)?;
        if !signer.role.needs_second_person() {
            return Err(Code::RoleInvalid);
        }
        let person = body.person;
        for reference in body.references.iter().filter(|reference| reference.relation.name() == Some("confirms")) {
            if reference.entry == 0 {
                if Some(person) == self.founder {
                    return Err(Code::RoleInvalid);
                }
                self.founder_confirmed = true;
            }
            let waiting = self.enrolments.iter_mut().find(|enrolment| enrolment.entry == reference.entry);
            if let Some(enrolment) = waiting.filter(|enrolment| enrolment.in_force.is_none()) {
                if person == enrolment.enrolled_by || person == enrolment.person {
                    return Err(Code::RoleInvalid);
                }
                enrolment.in_force = Some(number);
            }
            let waiting = self.policies.iter_mut().find(|policy| policy.entry == reference.entry);
            if let Some(policy) = waiting.filter(|policy| policy.in_force.is_none()) {
                if person == policy.adopted_by {
                    return Err(Code::RoleInvalid);
                }
                policy.in_force = Some(number);
            }
        }
        Ok(())
    }

    fn case_opened(&mut self, number: u64, body: &Body) -> Judgement {
        self.by_overseer(number, body)?;
        let case = body.case.ok_or(Code::Statement)?;
        if self.cases.iter().any(|(known, _)| *known == case) {
            return Err(Code::Statement);
        }
        self.publish_folders(number, body, Some(case))?;
        self.cases.push((case, number));
        Ok(())
    }

    fn folder_key_renewed(&mut self, number: u64, body: &Body) -> Judgement {
        self.by_overseer(number, body)?;
        self.publish_folders(number, body, body.case)
    }

    fn publish_folders(&mut self, number: u64, body: &Body, case: Option<CaseTag>) -> Judgement {
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
                old.replaced = Some(number);
            }
            self.folders
                .insert(key.id(), FolderEpoch { case, folder, epoch: *epoch, key, entry: number, replaced: None });
            published += 1;
        }
        if published == 0 { Err(Code::Statement) } else { Ok(()) }
    }

    fn adopt(&mut self, number: u64, body: &Body, words_part: &[u8]) -> Judgement {
        self.by_overseer(number, body)?;
        let Some(Content::Hash(hash)) = body.values_of(field::DOCUMENT_HASH).next() else {
            return Err(Code::Statement);
        };
        let document = words_part.split_first().map_or(&[][..], |(_, document)| document);
        if DOCUMENT.digest(&[document]) != *hash {
            return Err(Code::Sealed);
        }
        match body.kind.name() {
            Some("rulepack.adopt") => self.packs.push((number, *hash)),
            Some("policy.adopt") => {
                self.policies.push(Policy { entry: number, hash: *hash, adopted_by: body.person, in_force: None })
            }
            _ => {}
        }
        Ok(())
    }

    fn by_overseer(&self, number: u64, body: &Body) -> Judgement {
        let signer = self.in_force(&body.author.0, number).ok_or(Code::KeyNotEnrolled)?;
        if signer.role.is_overseer() { Ok(()) } else { Err(Code::RoleInvalid) }
    }
}

impl Enrolment {
    fn in_force_at(&self, entry: u64) -> bool {
        self.in_force.is_some_and(|from| from <= entry) && self.ended.is_none_or(|end| entry < end)
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

fn key(body: &Body, id: FieldId) -> Option<[u8; 32]> {
    match body.values_of(id).next() {
        Some(Content::Key(key)) => Some(key.0),
        _ => None,
    }
}
