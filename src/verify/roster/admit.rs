//! Taking a public entry into the roster: what each kind changes, at once or at a second person's word, and who may say it.

use crate::codec::context::DOCUMENT;
use crate::codec::{CaseTag, Folder, PersonId};
use crate::decision::people::Role;
use crate::decision::value::{Content, FieldId, field};
use crate::entry::statement::{Body, Unverified};
use crate::keys::card;
use crate::keys::{PublicKey, Signature};
use crate::seal::words::FolderPublic;
use crate::verify::report::Code;
use crate::verify::roster::{Adopted, Continues, Enrolment, FolderEpoch, Judgement, Policy, Roster, changes_trust};
use crate::verify::tenure::{Change, Tenure, Waiting};

impl Roster {
    /// Takes in a public entry: checks its signature, then what it says. A genesis vouches for its own key.
    ///
    /// # Errors
    /// The finding, if the entry has no effect.
    pub fn admit(&mut self, number: u64, recorded: i64, statement: &Unverified, words_part: &[u8]) -> Judgement {
        let check = |key: &PublicKey| statement.check_signature(key).map_err(|_| Code::Signature);
        self.admit_if(number, recorded, statement, words_part, check)
    }

    /// The same where the signature was checked already, under the key that the statement names.
    ///
    /// # Errors
    /// As [`Roster::admit`].
    pub fn admit_checked(
        &mut self,
        number: u64,
        recorded: i64,
        statement: &Unverified,
        words_part: &[u8],
        signature: Judgement,
    ) -> Judgement {
        self.admit_if(number, recorded, statement, words_part, |_| signature)
    }

    fn admit_if(
        &mut self,
        number: u64,
        recorded: i64,
        statement: &Unverified,
        words_part: &[u8],
        check: impl FnOnce(&PublicKey) -> Judgement,
    ) -> Judgement {
        self.public.push(number);
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
        check(&key)?;
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
        let text = |id| body.text_of(id).map(str::to_owned).ok_or(Code::Statement);
        (self.origin, self.setting) = (text(field::ORIGIN)?, text(field::TITLE)?);
        let log_key = body.key_of(field::LOG_KEY).ok_or(Code::Statement)?;
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
        let bytes = body.key_of(field::AUTHOR_KEY).ok_or(Code::Statement)?;
        let recipient = body.text_of(field::SEALING_KEY).map(str::to_owned).ok_or(Code::Statement)?;
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
        let renews = body.related("renews").next().map(|reference| reference.entry);
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
        let revoked = body.key_of(field::AUTHOR_KEY).ok_or(Code::Statement)?;
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
                    policy.in_force = Some((entry, self.latest));
                    // It says who reads by role.
                    self.changed = entry;
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
        let view = body.code_of(field::VIEW).ok_or(Code::Statement)?;
        for reference in body.related("confirms") {
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
            match view {
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
        if self.opened.contains(&case) {
            return Err(Code::Statement);
        }
        self.publish_folders(at, body, Some(case))?;
        self.cases.push((case, at.entry));
        self.opened.insert(case);
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
        let (origin, log_key) = (body.text_of(field::ORIGIN).map(str::to_owned), body.key_of(field::LOG_KEY));
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
            let next = self.current_folder(case, folder).map_or(0, |epoch| epoch.epoch + 1);
            let key = FolderPublic(key.0);
            // A key that is published already would move earlier words into another folder.
            let again = self.folders.get(&key.id()).is_some();
            if again || folder.of_case() != case.is_some() || *epoch != next {
                return Err(Code::Statement);
            }
            let (entry, recorded) = (at.entry, at.recorded);
            let epoch = FolderEpoch { case, folder, epoch: *epoch, key, entry, recorded, replaced: None };
            self.folders.publish(epoch);
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
        let starts = time(body, field::STARTS_AT);
        match body.kind.name() {
            Some("rulepack.adopt") => self.packs.push((at.entry, *hash)),
            Some("policy.adopt") => {
                let place = self.policies.len();
                self.policies.push(Policy { entry: at.entry, hash: *hash, in_force: None });
                self.change(at, body.person, body.person, true, Change::Policy(place));
            }
            Some("calendar.adopt") => {
                let since = starts.unwrap_or(at.recorded).max(at.recorded);
                self.calendars.push(Adopted { entry: at.entry, hash: *hash, pack: self.pack(), since });
            }
            _ => return Ok(()),
        }
        self.documents.keep(*hash, document);
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

fn person(body: &Body) -> Result<PersonId, Code> {
    body.person_of(field::PERSON).ok_or(Code::Statement)
}

fn role(body: &Body) -> Result<Role, Code> {
    body.code_of(field::ROLE).and_then(Role::from_code).ok_or(Code::Statement)
}

fn time(body: &Body, id: FieldId) -> Option<i64> {
    body.time_of(id).map(|moment| moment.milliseconds)
}
