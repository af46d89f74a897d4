//! People and cases: enrolling a key, opening a case, and the wraps that go with each.

use rand_core::CryptoRng;

use crate::cabinet::readers::Readers;
use crate::cabinet::roll::{CaseLine, PersonLine, Roll};
use crate::cabinet::wrap::Recipient;
use crate::cabinet::{CabinetError, folder_keys};
use crate::codec::{Bytes, CaseTag, Folder, KindNumber, PersonId, RelationNumber};
use crate::decision::decision::Reference;
use crate::decision::people::Role;
use crate::decision::value::{Content, FieldId, Moment, Value, field};
use crate::keys::card::{Card, default_handle};
use crate::ledger::LedgerError;
use crate::ledger::append::Entered;
use crate::ledger::desk::Desk;
use crate::ledger::init::{enrolment_values, folder_values};
use crate::ledger::record::code;
use crate::ledger::wraps::unsettled;
use crate::seal::words::FolderPrivate;
use crate::store::disk::Disk;
use crate::verify::report::Code;
use crate::verify::tenure::Waiting;

/// What somebody is enrolled with beside the card.
#[derive(Debug, Clone, Copy)]
pub struct Enrolling<'a> {
    /// The role that the key gives.
    pub role: Role,
    /// Another handle than the card's.
    pub handle: Option<&'a str>,
    /// The entry that enrolled the key which this one replaces.
    pub renews: Option<u64>,
}

/// Somebody who is put on the roll without a key: a parent, a relative, somebody of an agency.
#[derive(Clone, Copy)]
pub struct Outsider<'a> {
    /// The name; it goes to the roll only.
    pub name: &'a str,
    /// The handle that staff will type; a number is put behind it where it is taken. None for the first name.
    pub handle: Option<&'a str>,
    /// What sort of person (code of the list PERSON).
    pub person_type: &'a str,
}

/// A role for somebody: which, for which case, from when and until when, in milliseconds UTC.
#[derive(Debug, Clone, Copy)]
pub struct Post {
    /// The role.
    pub role: Role,
    /// The one case it is held for; none for the whole setting.
    pub case: Option<CaseTag>,
    /// When it begins.
    pub starts: i64,
    /// When it ends by itself.
    pub until: Option<i64>,
}

/// Something that was entered, and whether it waits for a second person before it counts.
#[derive(Debug)]
pub struct Change {
    /// The entry.
    pub entered: Entered,
    /// Whether it waits.
    pub waits: bool,
}

impl<D: Disk> Desk<D> {
    /// While an entry cannot be read nobody is given anything to read: it may be the one that ended what they may.
    pub(super) fn need_whole_roster(&self) -> Result<(), LedgerError> {
        let Some(entry) = self.roster.unread().first().copied() else { return Ok(()) };
        let offset = self.ledger.cards().offset(entry).unwrap_or(0);
        Err(LedgerError::Damaged { entry, offset, code: Code::Sealed })
    }

    /// Enrols a person's key by the card. Returns the receipt and the handle that was given.
    ///
    /// A key with another role than the leading ones counts at once; the first other leading person by the founder alone,
    /// once; every other leading key waits for a second person's [`Desk::confirm`]. Wraps follow the entry: a crash between
    /// them leaves an enrolled person without keys, which the next overseer's [`Desk::settle`] makes good.
    ///
    /// # Errors
    /// `NotAllowed`, `Refused` for a key that is enrolled already or renews another person's, and those of cabinet and store.
    pub fn enrol(
        &mut self,
        card: &Card,
        enrolling: Enrolling<'_>,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<(Change, String), LedgerError> {
        self.catch_up(now())?;
        self.need_overseer()?;
        self.need_whole_roster()?;
        if self.roster.enrolment(card.author_key().as_bytes()).is_some() {
            return Err(LedgerError::Refused(Code::KeyNotEnrolled));
        }
        // Checked before anybody wraps for it.
        let _ = Recipient::parse(card.recipient()).map_err(CabinetError::from)?;
        let mut references = Vec::new();
        if let Some(entry) = enrolling.renews {
            references.push(self.reference("renews", entry)?);
        }
        let handle = self.enter_in_roll(card, enrolling.handle)?;
        let values = enrolment_values(card, enrolling.role)?;
        let change = self.change("key.enrol", None, values, references, now, rng)?;
        self.settle(now, rng).map_err(unsettled(&change.entered))?;
        Ok((change, handle))
    }

    /// Puts the person of a card into the roll, if they are not there; returns the handle.
    fn enter_in_roll(&mut self, card: &Card, handle: Option<&str>) -> Result<String, LedgerError> {
        let cabinet = self.ledger.cabinet();
        let _lock = self.ledger.lock()?;
        let mut roll = Roll::load(&cabinet, self.identity.secret())?;
        let known = roll.person(card.person()).map(|line| line.handle().to_owned());
        let handle = match (known, handle) {
            (Some(known), _) => known,
            (None, Some(handle)) => handle.to_owned(),
            (None, None) => roll.free_person_handle(card.handle()).to_string(),
        };
        if roll.person(card.person()).is_none() {
            roll.add_person(PersonLine::new(card.person(), &handle, card.name(), card.salt())?)?;
            // Before the entry: a crash between them leaves a line for somebody who is not enrolled.
            roll.save(&cabinet, &self.recipients(self.roster.current())?)?;
        }
        self.roll = roll;
        Ok(handle)
    }

    /// Puts somebody on the roll who does not write in this ledger, and enters `person.add`: a random id, what sort of person,
    /// and a salted commitment to the name. From then on forms take the handle. Anybody enrolled may do so.
    ///
    /// # Errors
    /// `Cabinet(BadText)` for a name or handle that cannot be used, `Cabinet(Taken)` for a handle that was asked for and is
    /// in use, `Incomplete` for a type that the pack does not know, and those of cabinet and store.
    pub fn add_person(
        &mut self,
        who: Outsider<'_>,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<(Entered, PersonId, String), LedgerError> {
        self.catch_up(now())?;
        let (mut id, mut salt) = ([0; 16], [0; 32]);
        rng.fill_bytes(&mut id);
        rng.fill_bytes(&mut salt);
        let (person, kind) = (PersonId::new(id), KindNumber::of("person.add").ok_or(LedgerError::NoPack)?);
        let cabinet = self.ledger.cabinet();
        let lock = self.ledger.lock()?;
        let mut roll = Roll::load(&cabinet, self.identity.secret())?;
        let handle = match who.handle {
            Some(handle) => handle.to_owned(),
            None => roll.free_person_handle(&default_handle(who.name)).to_string(),
        };
        let line = PersonLine::new(person, &handle, who.name, &salt)?;
        let values = vec![
            Value { field: field::PERSON, position: 0, content: Content::Person(person) },
            self.value("person_type", code(who.person_type)?)?,
            Value { field: field::ROLL_COMMITMENT, position: 0, content: Content::Hash(line.commitment()) },
        ];
        // Before anything is written: a line that no entry names can be, but not for an answer that is none.
        let decision = self.decide(kind, None, values, Vec::new(), self.time)?;
        roll.add_person(line)?;
        // The roll before the entry: a crash between them leaves a line that nothing speaks of.
        roll.save(&cabinet, &self.recipients(self.roster.current())?)?;
        drop(lock);
        self.roll = roll;
        Ok((self.enter(decision, now, rng)?, person, handle))
    }

    /// Says the second person's word on an entry that waits for one: it counts (`agrees`), is dropped (`does_not`), or
    /// goes on waiting (`agrees_if`). Entry 0 is confirmed by anybody in a leading role but its founder. That somebody tried
    /// to be the second person to an entry of their own is entered, once for each person and entry (`rule.blocked`).
    ///
    /// # Errors
    /// `NotLeading`; `NotWaiting`; `SamePerson`; those of cabinet and store.
    pub fn confirm(
        &mut self,
        entry: u64,
        view: &str,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Entered, LedgerError> {
        self.catch_up(now())?;
        self.need_leading()?;
        let own = self.identity.person();
        let waiting: Vec<&Waiting> = self.roster.waiting().iter().filter(|one| one.entry == entry).collect();
        let founding = entry == 0 && self.roster.one_founder();
        if waiting.is_empty() && !founding {
            return self.confirm_sealed(entry, view, now, rng);
        }
        let first = waiting.iter().any(|one| one.by == own) || (founding && self.roster.is_founder(own));
        let about = waiting.iter().any(|one| !one.may_confirm(own));
        if first {
            self.say_act_stopped("confirmation", &entry.to_be_bytes(), ("same_person", None), now, rng)?;
        }
        if first || about {
            return Err(LedgerError::SamePerson);
        }
        // Before anything is signed: what cannot be entered would stand in the way of all that comes later.
        if view == "agrees" {
            self.need_next_key(entry)?;
        }
        let values = vec![self.value("view", code(view)?)?];
        let references = vec![self.reference("confirms", entry)?];
        let change = self.change("confirmation", None, values, references, now, rng)?;
        self.keep_log_key().map_err(unsettled(&change.entered))?;
        self.settle(now, rng).map_err(unsettled(&change.entered))?;
        Ok(change.entered)
    }

    /// Gives a person a role.
    ///
    /// # Errors
    /// `NotLeading`; `NoPerson`; those of cabinet and store.
    pub fn assign_role(
        &mut self,
        person: PersonId,
        post: Post,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Change, LedgerError> {
        self.catch_up(now())?;
        self.need_leading()?;
        if !self.roster.current().any(|enrolment| enrolment.person == person) {
            return Err(LedgerError::NoPerson);
        }
        let mut values = role_values(person, post.role)?;
        values.push(time_value(field::STARTS_AT, post.starts));
        values.extend(post.until.map(|until| time_value(field::ENDS_AT, until)));
        let change = self.change("role.assign", post.case, values, Vec::new(), now, rng)?;
        self.settle(now, rng).map_err(unsettled(&change.entered))?;
        Ok(change)
    }

    /// Ends a person's role, whether it was assigned or came with a key.
    ///
    /// # Errors
    /// `NotLeading`; `NoRole`; those of cabinet and store.
    pub fn end_role(
        &mut self,
        person: PersonId,
        role: Role,
        case: Option<CaseTag>,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Change, LedgerError> {
        self.catch_up(now())?;
        self.need_leading()?;
        let held = self
            .roster
            .tenures()
            .iter()
            .filter(|tenure| (tenure.person, tenure.role, tenure.case) == (person, role, case) && tenure.open());
        let assigned: Vec<u64> =
            held.clone().filter(|tenure| tenure.key.is_none()).map(|tenure| tenure.entry).collect();
        if held.count() == 0 {
            return Err(LedgerError::NoRole);
        }
        let references = assigned.into_iter().map(|entry| self.reference("ends", entry)).collect::<Result<_, _>>()?;
        let mut values = role_values(person, role)?;
        values.push(time_value(field::ENDS_AT, self.time));
        let change = self.change("role.end", case, values, references, now, rng)?;
        self.settle(now, rng).map_err(unsettled(&change.entered))?;
        Ok(change)
    }

    /// Revokes the key that an entry enrolled: what it signs from the revoking entry on is not valid, what it signed before
    /// stays so.
    ///
    /// # Errors
    /// `NotLeading`; `NoPerson` if that entry enrolled no key that is in force or waits; those of cabinet and store.
    pub fn revoke(
        &mut self,
        enrolled: u64,
        cause: &str,
        since: i64,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Change, LedgerError> {
        self.catch_up(now())?;
        self.need_leading()?;
        let known = self.roster.enrolments().iter().find(|one| one.entry == enrolled && one.ended.is_none());
        let key = *known.ok_or(LedgerError::NoPerson)?.key.as_bytes();
        let values = vec![
            Value { field: field::AUTHOR_KEY, position: 0, content: Content::Key(Bytes(key)) },
            self.value("cause", code(cause)?)?,
            time_value(field::STARTS_AT, since),
        ];
        let genesis = enrolled == 0;
        let references = if genesis { Vec::new() } else { vec![self.reference("ends", enrolled)?] };
        let change = self.change("key.revoke", None, values, references, now, rng)?;
        self.settle(now, rng).map_err(unsettled(&change.entered))?;
        Ok(change)
    }

    /// Ends everything that a person may do here: assigned roles, then every key. Each is an entry of its own.
    ///
    /// # Errors
    /// `NotLeading`; `NoPerson`; those of cabinet and store.
    pub fn end_person(
        &mut self,
        person: PersonId,
        cause: &str,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<Change>, LedgerError> {
        self.catch_up(now())?;
        let open = |key: bool| {
            self.roster
                .tenures()
                .iter()
                .filter(move |tenure| tenure.person == person && tenure.open() && tenure.key.is_some() == key)
        };
        let roles: Vec<(Role, Option<CaseTag>)> = open(false).map(|tenure| (tenure.role, tenure.case)).collect();
        let keys: Vec<u64> = self.roster.current().filter(|one| one.person == person).map(|one| one.entry).collect();
        if roles.is_empty() && keys.is_empty() {
            return Err(LedgerError::NoPerson);
        }
        let mut changes = Vec::new();
        for (role, case) in roles {
            changes.push(self.end_role(person, role, case, now, rng)?);
        }
        for enrolled in keys {
            changes.push(self.revoke(enrolled, cause, self.time, now, rng)?);
        }
        Ok(changes)
    }

    /// Enters a change of the roster; says whether it waits for a second person.
    pub(super) fn change(
        &mut self,
        kind: &str,
        case: Option<CaseTag>,
        values: Vec<Value>,
        references: Vec<Reference>,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Change, LedgerError> {
        let kind = KindNumber::of(kind).ok_or(LedgerError::NoPack)?;
        let decision = self.decide(kind, case, values, references, now())?;
        let entered = self.enter(decision, now, rng)?;
        let waits = self.roster.waiting().iter().any(|one| one.entry == entered.number);
        Ok(Change { entered, waits })
    }

    /// Returns a reference to an entry of this ledger.
    pub(super) fn reference(&self, relation: &str, entry: u64) -> Result<Reference, LedgerError> {
        let relation = RelationNumber::of(relation).ok_or(LedgerError::NoPack)?;
        Ok(Reference { relation, entry, digest: self.ledger.entry(entry)?.envelope().statement })
    }

    /// Opens a case: a line of the roll, keys of its three folders, a public entry without a name. Returns the receipt
    /// and the tag.
    ///
    /// # Errors
    /// `NotAllowed`, `Cabinet(Taken)` for a handle in use, and those of cabinet and store.
    pub fn open_case(
        &mut self,
        handle: &str,
        label: &str,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<(Entered, CaseTag), LedgerError> {
        self.catch_up(now())?;
        self.need_overseer()?;
        self.need_whole_roster()?;
        let cabinet = self.ledger.cabinet();
        let line = CaseLine::new(handle, label, rng)?;
        let (tag, commitment) = (line.tag(), line.commitment());
        let lock = self.ledger.lock()?;
        let mut roll = Roll::load(&cabinet, self.identity.secret())?;
        roll.add_case(line)?;
        let folders = [Folder::General, Folder::Protection, Folder::Legal];
        let keys: Vec<FolderPrivate> = folders.iter().map(|_| FolderPrivate::generate(rng)).collect();
        for (folder, key) in folders.iter().zip(&keys) {
            let readers = self.devices(&self.readers_of(Some(tag), *folder, &Readers::default()))?;
            folder_keys::save(&cabinet, key, &readers, &[])?;
        }
        // The roll before the entry: a crash between them leaves a line that names no case yet.
        roll.save(&cabinet, &self.recipients(self.roster.current())?)?;
        drop(lock);
        let mut values = folder_values(&folders, &keys, 0)?;
        values.push(self.value("epoch", Content::Count(0))?);
        values.push(Value { field: field::ROLL_COMMITMENT, position: 0, content: Content::Hash(commitment) });
        let kind = KindNumber::of("case.opened").ok_or(LedgerError::NoPack)?;
        let decision = self.decide(kind, Some(tag), values, Vec::new(), now())?;
        let entered = self.enter(decision, now, rng)?;
        self.roll = roll;
        Ok((entered, tag))
    }
}

fn role_values(person: PersonId, role: Role) -> Result<Vec<Value>, LedgerError> {
    Ok(vec![
        Value { field: field::PERSON, position: 0, content: Content::Person(person) },
        Value { field: field::ROLE, position: 0, content: code(role.code())? },
    ])
}

pub(super) fn time_value(field: FieldId, at: i64) -> Value {
    Value { field, position: 0, content: Content::Time(Moment::in_london(at)) }
}
