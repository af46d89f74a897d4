//! Wraps: the cabinet made to fit what the entries say of who may read. It is done after the entries, again after a crash,
//! and costs nothing where nothing changed.
// Long because: who gets a wrap, who loses it, and which key is drawn anew then are one order of steps.

use std::collections::BTreeSet;
use std::io::ErrorKind;

use rand_core::CryptoRng;

use crate::cabinet::folder_keys::{self, FolderFile};
use crate::cabinet::log_copy;
use crate::cabinet::readers::{Grant, Readers};
use crate::cabinet::roll::Roll;
use crate::cabinet::structure_keys::{self, HeldStructureKey};
use crate::cabinet::wrap::{Recipient, WrapError};
use crate::cabinet::{CabinetError, Opened};
use crate::codec::{CaseTag, Folder, FolderKeyId, KindNumber, PersonId};
use crate::decision::decision::Decision;
use crate::decision::people::Role;
use crate::decision::value::{Content, field};
use crate::entry::statement::Body;
use crate::ledger::LedgerError;
use crate::ledger::append::Entered;
use crate::ledger::desk::Desk;
use crate::ledger::init::folder_values;
use crate::ledger::open::Ledger;
use crate::ledger::read::open_statement;
use crate::ledger::record::code;
use crate::rules::rulebook::Rulebook;
use crate::seal::words::FolderPrivate;
use crate::store::disk::Disk;
use crate::verify::entry::Keys;
use crate::verify::roster::Roster;

/// A folder whose key is to be replaced, and for what reason (code of the list CAUSE).
struct Renewal {
    case: Option<CaseTag>,
    folder: Folder,
    cause: &'static str,
    adding: Adding,
}

/// Whom a wrap may be made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Adding {
    /// Whoever may read.
    All,
    /// Of these only who could read before: it is not certain who is kept out.
    Nobody,
}

impl<D: Disk> Desk<D> {
    /// Makes every wrap fit what the ledger says of who may read: the roll for everyone enrolled, each structure key for
    /// its author's devices and the overseers, each folder key for its readers, recovery always. Where somebody may no
    /// longer read what they could, the folder gets a new key, published by a `folder.key` entry.
    ///
    /// Done by overseers, who can open what has to be wrapped; for others it does nothing. A crash or an error on the way
    /// gives nobody what they may not read, and the next overseer who sits down goes on. A file that the disk does not give
    /// keeps the others from nothing, but that nobody is added to `staff` before all of its files were seen.
    ///
    /// # Errors
    /// Those of cabinet and store.
    pub fn settle(&mut self, now: &dyn Fn() -> i64, rng: &mut impl CryptoRng) -> Result<(), LedgerError> {
        self.time = now();
        if !self.ledger.can_append() {
            // The machine that appends is another one, or the disk does not give the key now.
            return match self.ledger.no_log_key() {
                LedgerError::NoLogKey => Ok(()),
                error => Err(error),
            };
        }
        self.catch_up(self.time)?;
        if !self.is_overseer() {
            return Ok(());
        }
        self.need_whole_roster()?;
        self.finish_retiring(rng)?;
        // A device that has no key of its own yet gets one below, and does this the next time.
        if self.structure_key().is_ok() {
            self.end_periods(false, rng)?;
        }
        let table = self.readers()?;
        let overseers = self.recipients(self.roster.overseers(self.time))?;
        let expired = self.expired(&table);
        let settled = self.is_settled(&table, None) && table.settled_for(&overseers) && expired.is_empty();
        if settled && log_copy::is_there(&self.ledger.cabinet()) {
            return Ok(());
        }
        self.copy_log_key()?;
        // A file that the disk does not give now is wrapped the next time: all others are before it is said.
        let mut unread = self.wrap_late(&overseers)?;
        self.wrap_roll()?;
        unread = unread.or(self.wrap_structure(&overseers, rng)?);
        // A device that had none may have its own key now, and needs it to publish anything.
        self.read_keys()?;
        self.settle_shown()?;
        let (mut renewals, closed) = self.wrap_folders(&table)?;
        for grant in expired {
            let known = renewals.iter().any(|one| (one.case, one.folder) == (grant.case, grant.folder()));
            if !known {
                let adding = adding_to(grant.folder(), closed);
                renewals.push(Renewal { case: grant.case, folder: grant.folder(), cause: "grant_ended", adding });
            }
        }
        self.renew(&renewals, &table, now, rng)?;
        self.ring = std::cell::OnceCell::new();
        match unread.or(closed) {
            Some(kind) => Err(CabinetError::Disk(kind.into()).into()),
            None => self.save_settled(table),
        }
    }

    /// Whether every wrap was made since the roster and the grants last changed, but for the change by the entry `but`.
    fn is_settled(&self, table: &Readers, but: Option<u64>) -> bool {
        let seen = |entry: u64| entry < table.settled || Some(entry) == but;
        let grant = |grant: &Grant| seen(grant.entry) && grant.ended.is_none_or(seen);
        table.settled > self.roster.changed() && table.grants.iter().all(grant)
    }

    /// Notes that every wrap is as the ledger says now.
    pub(super) fn save_settled(&mut self, mut table: Readers) -> Result<(), LedgerError> {
        let overseers = self.recipients(self.roster.overseers(self.time))?;
        table.settle(self.ledger.size(), &overseers);
        Ok(table.save(&self.ledger.cabinet(), &overseers)?)
    }

    /// Returns the grants, read on from where the table in the cabinet ends.
    ///
    /// # Errors
    /// Those of cabinet and store.
    pub fn readers(&self) -> Result<Readers, LedgerError> {
        let cabinet = self.ledger.cabinet();
        let mut table = Readers::load(&cabinet, self.identity.secret())?;
        if table.upto > self.ledger.size() {
            table = Readers::default();
        }
        let before = table.upto;
        read_on(&mut table, &self.ledger, &self.roster, &self.structure_keys())?;
        if table.upto > before + 64 && self.is_overseer() {
            table.save(&cabinet, &self.recipients(self.roster.overseers(self.time))?)?;
        }
        Ok(table)
    }

    /// Returns the persons who may read a folder: the overseers, whoever the policy lets read by role (without one, the child's
    /// key person in `general`), and whoever has a grant. Who is kept out of one file is another question.
    #[must_use]
    pub fn readers_of(&self, case: Option<CaseTag>, folder: Folder, table: &Readers) -> BTreeSet<PersonId> {
        readers_of(&self.roster, self.rules(), self.time, case, folder, table)
    }

    /// Returns the devices in force of some persons, and the recovery sheet's recipient, rising.
    pub(super) fn devices(&self, persons: &BTreeSet<PersonId>) -> Result<Vec<Recipient>, LedgerError> {
        let all = self.recipients(self.roster.current().filter(|enrolment| persons.contains(&enrolment.person)))?;
        Ok(rising(all))
    }

    fn wrap_roll(&mut self) -> Result<(), LedgerError> {
        let cabinet = self.ledger.cabinet();
        let _lock = self.ledger.lock()?;
        let roll = Roll::load(&cabinet, self.identity.secret())?;
        roll.save(&cabinet, &self.recipients(self.roster.current())?)?;
        self.roll = roll;
        Ok(())
    }

    /// Each structure key for its author's devices and the overseers; a new one where somebody else could open the old.
    /// Returns how the disk refused to give one.
    fn wrap_structure(
        &mut self,
        overseers: &[Recipient],
        rng: &mut impl CryptoRng,
    ) -> Result<Option<ErrorKind>, LedgerError> {
        let cabinet = self.ledger.cabinet();
        let Opened { opened: held, unread, .. } = structure_keys::load_all(&cabinet, self.identity.secret())?;
        for enrolment in self.roster.current() {
            let author = BTreeSet::from([enrolment.person]);
            let readers = rising(self.devices(&author)?.into_iter().chain(overseers.iter().copied()).collect());
            let files: Vec<&HeldStructureKey> = held.iter().filter(|held| held.author == enrolment.key).collect();
            let newest = structure_keys::newest_epoch(&cabinet, &enrolment.key)?;
            let leaky = |held: &&&HeldStructureKey| held.readers.iter().any(|reader| !readers.contains(reader));
            let leaks = files.iter().any(|held| Some(held.epoch) == newest && leaky(&held));
            if newest.is_none() || leaks {
                let epoch = newest.map_or(0, |newest| newest + 1);
                structure_keys::create(&cabinet, &enrolment.key, epoch, &readers, rng)?;
            }
            for held in files.iter().filter(|held| held.readers != readers) {
                let _lock = self.ledger.lock()?;
                structure_keys::rewrap(&cabinet, &held.author, held.epoch, self.identity.secret(), &readers)?;
            }
        }
        // Keys of devices that are gone: the overseers go on reading what they signed.
        for held in &held {
            let gone = self.roster.enrolment(held.author.as_bytes()).filter(|enrolment| !enrolment.is_current());
            if let Some(enrolment) = gone {
                let author = BTreeSet::from([enrolment.person]);
                let readers = rising(self.devices(&author)?.into_iter().chain(overseers.iter().copied()).collect());
                if held.readers != readers {
                    let _lock = self.ledger.lock()?;
                    structure_keys::rewrap(&cabinet, &held.author, held.epoch, self.identity.secret(), &readers)?;
                }
            }
        }
        Ok(unread)
    }

    /// Each folder key for the folder's readers; returns the folders that somebody can open who may not any longer, and how
    /// the disk refused to give one.
    fn wrap_folders(&self, table: &Readers) -> Result<(Vec<Renewal>, Option<ErrorKind>), LedgerError> {
        let mut renewals = Vec::new();
        let Opened { opened: files, unread, .. } =
            folder_keys::load_all(&self.ledger.cabinet(), self.identity.secret())?;
        // Whoever is kept out of one epoch of `staff` is kept out of all of them.
        let staff = |id: &FolderKeyId| self.roster.folder_key(id).is_some_and(|epoch| epoch.folder == Folder::Staff);
        let out: BTreeSet<PersonId> =
            files.iter().filter(|file| staff(&file.id)).flat_map(|file| file.kept_out.iter().copied()).collect();
        for mut file in files {
            let Some(epoch) = self.roster.folder_key(&file.id) else { continue };
            let (case, folder, current) = (epoch.case, epoch.folder, epoch.replaced.is_none());
            let adding = adding_to(folder, unread);
            if folder == Folder::Staff && file.kept_out.len() < out.len() {
                file.kept_out = out.iter().copied().collect();
                self.change_folder_file(file.id, |now| now.kept_out.clone_from(&file.kept_out))?;
            }
            if self.wrap_folder((case, folder, adding), file, table, current)? && current {
                let ended = |grant: &Grant| grant.ended.is_some_and(|entry| entry >= table.settled);
                let grant = table.grants.iter().any(|one| (one.case, one.folder()) == (case, folder) && ended(one));
                let cause = if grant { "grant_ended" } else { "role_ended" };
                renewals.push(Renewal { case, folder, cause, adding });
            }
        }
        Ok((renewals, unread))
    }

    /// Wraps one folder key for its readers; returns whether somebody could open it who may not any longer.
    ///
    /// Whoever could open the current key stays among its readers until the next one is published: after a crash in
    /// between, the file still says that it has to be replaced.
    fn wrap_folder(
        &self,
        (case, folder, adding): (Option<CaseTag>, Folder, Adding),
        file: FolderFile,
        table: &Readers,
        current: bool,
    ) -> Result<bool, LedgerError> {
        let mut persons = self.readers_of(case, folder, table);
        persons.retain(|person| !file.kept_out.contains(person));
        let mut readers = self.devices(&persons)?;
        let leaks = file.readers.iter().any(|reader| !readers.contains(reader));
        if adding == Adding::Nobody {
            readers.retain(|reader| file.readers.contains(reader));
        }
        if current {
            readers = rising(readers.into_iter().chain(file.readers.iter().copied()).collect());
        }
        if file.readers != readers {
            self.change_folder_file(file.id, |now| now.readers = readers)?;
        }
        Ok(leaks)
    }

    /// Changes a folder key's file as it lies there now, under the ledger's lock: a key that was destroyed since it was
    /// looked at must not come back.
    pub(super) fn change_folder_file(
        &self,
        id: FolderKeyId,
        change: impl FnOnce(&mut FolderFile),
    ) -> Result<(), LedgerError> {
        let _lock = self.ledger.lock()?;
        if let Some(mut file) = self.folder_file(id)? {
            change(&mut file);
            folder_keys::write(&self.ledger.cabinet(), &file)?;
        }
        Ok(())
    }

    /// After the entry of a grant, or of its end: wraps every key of its folders that we can open for their readers, and
    /// replaces the current one if somebody could open it who may not any longer. Costs the same however many entries there
    /// are. A failure on the way leaves the entry and what was wrapped so far; the next [`Desk::settle`] does the rest.
    pub(super) fn settle_grant(
        &mut self,
        entry: u64,
        case: Option<CaseTag>,
        folders: &[Folder],
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<(), LedgerError> {
        self.time = now();
        let table = self.readers()?;
        let settled = self.is_settled(&table, Some(entry));
        let mut renewals = Vec::new();
        for folder in folders {
            let epochs = self.roster.epochs_of(case, *folder);
            let ids: Vec<(FolderKeyId, bool)> =
                epochs.map(|epoch| (epoch.key.id(), epoch.replaced.is_none())).collect();
            for (id, current) in ids {
                let Some(file) = self.folder_file(id)? else { continue };
                if self.wrap_folder((case, *folder, Adding::All), file, &table, current)? && current {
                    renewals.push(Renewal { case, folder: *folder, cause: "grant_ended", adding: Adding::All });
                }
            }
        }
        self.renew(&renewals, &table, now, rng)?;
        if settled {
            self.save_settled(table)?;
        }
        Ok(())
    }

    /// Opens a folder key, if this device can.
    pub(super) fn folder_file(&self, id: FolderKeyId) -> Result<Option<FolderFile>, LedgerError> {
        match folder_keys::load(&self.ledger.cabinet(), id, self.identity.secret()) {
            Ok(file) => Ok(Some(file)),
            Err(CabinetError::Wrap(WrapError::NotForThis) | CabinetError::Missing) => Ok(None),
            Err(other) => Err(other.into()),
        }
    }

    /// Gives folders new keys: wrapped first, since a wrap of a key that nobody published opens nothing; then published.
    fn renew(
        &mut self,
        renewals: &[Renewal],
        table: &Readers,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<(), LedgerError> {
        let (mut decisions, mut failed) = (Vec::new(), None);
        if !renewals.is_empty() {
            self.send_waiting(now)?;
        }
        for renewal in renewals {
            // Whoever cannot open the key in force is kept out of it, or does not know who is: somebody else renews it.
            let current = self.roster.current_folder(renewal.case, renewal.folder).map(|epoch| epoch.key.id());
            let file = match current.map(|id| self.folder_file(id)).transpose() {
                Ok(file) => file.flatten(),
                // It stands in the way of none of the others.
                Err(why) => {
                    failed = failed.or(Some(why));
                    continue;
                }
            };
            let Some(file) = file else { continue };
            let among = (renewal.adding == Adding::Nobody).then_some(&*file.readers);
            let folder = (renewal.case, renewal.folder);
            decisions.push(self.new_epoch_among(folder, renewal.cause, &[], among, table, now(), rng)?);
        }
        if self.enter_all(decisions, now, rng)?.is_empty() {
            return failed.map_or(Ok(()), Err);
        }
        for renewal in renewals {
            let epochs = self.roster.epochs_of(renewal.case, renewal.folder);
            let older: Vec<FolderKeyId> = epochs.filter(|one| one.replaced.is_some()).map(|one| one.key.id()).collect();
            for id in older {
                let Some(file) = self.folder_file(id)? else { continue };
                self.wrap_folder((renewal.case, renewal.folder, renewal.adding), file, table, false)?;
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Draws a folder's next key and wraps it for the readers, but for whom the current one keeps out and `kept_out`;
    /// returns the entry that publishes it.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn new_epoch(
        &self,
        case: Option<CaseTag>,
        folder: Folder,
        cause: &str,
        kept_out: &[PersonId],
        table: &Readers,
        now: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Decision, LedgerError> {
        self.new_epoch_among((case, folder), cause, kept_out, None, table, now, rng)
    }

    /// As [`Desk::new_epoch`], for those of the readers alone who are among these devices, if any are given.
    #[allow(clippy::too_many_arguments)]
    fn new_epoch_among(
        &self,
        (case, folder): (Option<CaseTag>, Folder),
        cause: &str,
        kept_out: &[PersonId],
        among: Option<&[Recipient]>,
        table: &Readers,
        now: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Decision, LedgerError> {
        let current = self.roster.current_folder(case, folder).ok_or(LedgerError::NoCase)?;
        let (id, entry, number) = (current.key.id(), current.entry, current.epoch + 1);
        let mut out: BTreeSet<PersonId> = kept_out.iter().copied().collect();
        out.extend(self.folder_file(id)?.into_iter().flat_map(|file| file.kept_out));
        let mut persons = self.readers_of(case, folder, table);
        persons.retain(|person| !out.contains(person));
        let key = FolderPrivate::generate(rng);
        let out: Vec<PersonId> = out.into_iter().collect();
        let mut devices = self.devices(&persons)?;
        devices.retain(|device| among.is_none_or(|among| among.contains(device)));
        folder_keys::save(&self.ledger.cabinet(), &key, &devices, &out)?;
        let mut values = folder_values(&[folder], &[key], number)?;
        values.push(self.value("epoch", Content::Count(number))?);
        values.push(self.value("cause", code(cause)?)?);
        let kind = KindNumber::of("folder.key").ok_or(LedgerError::NoPack)?;
        self.decide(kind, case, values, vec![self.reference("renews", entry)?], now)
    }

    /// Returns the grants that have ended by themselves while the key that they opened is still the folder's key.
    fn expired(&self, table: &Readers) -> Vec<Grant> {
        let ended = |grant: &&Grant| {
            let until = grant.until.filter(|until| grant.ended.is_none() && *until <= self.time);
            let current = self.roster.current_folder(grant.case, grant.folder());
            until.zip(current).is_some_and(|(until, epoch)| epoch.recorded < until)
        };
        table.grants.iter().filter(ended).cloned().collect()
    }
}

/// Returns whom a folder's wraps may be made for where the disk did not give a file: it may say who is kept out of `staff`.
fn adding_to(folder: Folder, unread: Option<ErrorKind>) -> Adding {
    if folder == Folder::Staff && unread.is_some() { Adding::Nobody } else { Adding::All }
}

/// Returns the persons who may read a folder at a time, as [`Desk::readers_of`].
pub(super) fn readers_of(
    roster: &Roster,
    rules: &Rulebook,
    time: i64,
    case: Option<CaseTag>,
    folder: Folder,
    table: &Readers,
) -> BTreeSet<PersonId> {
    let overseers = roster.overseers(time).map(|enrolment| enrolment.person);
    let granted = table.granted(case, folder, time).map(|grant| grant.person);
    let mut persons: BTreeSet<PersonId> = overseers.chain(granted).collect();
    let by_role = rules.grants_at(time).into_iter().filter(|grant| grant.folders.contains(&folder));
    for role in by_role.filter_map(|grant| Role::from_code(&grant.role)) {
        let of_case = case.into_iter().flat_map(|case| roster.roles_of_case(case, time));
        persons.extend(of_case.filter(|(_, held)| *held == role).map(|(person, _)| person));
        let everywhere = roster.current().filter(|one| roster.holds_now(one.person, time, |held| held == role));
        persons.extend(everywhere.map(|one| one.person));
    }
    persons
}

/// Reads the grants on from where a table ends, as far as these keys open the entries. A grant, or its end, that was not signed
/// by somebody who oversaw then counts for nothing: anybody enrolled can sign one with tools of their own.
pub(super) fn read_on<D: Disk>(
    table: &mut Readers,
    ledger: &Ledger<D>,
    roster: &Roster,
    keys: &Keys,
) -> Result<(), LedgerError> {
    let mut found = Vec::new();
    ledger.envelopes_from(table.upto, &mut |envelope, structure, words| {
        // Public entries grant nothing, and what the overseers cannot open is no grant.
        if structure.first() != Some(&0)
            && let Some(statement) = open_statement(&envelope.statement, structure, words, keys)
            && matches!(statement.body().kind.name(), Some("grant.made" | "grant.ended"))
        {
            found.push((envelope.number.0, envelope.recorded, statement.body().clone()));
        }
    })?;
    for (number, recorded, body) in &found {
        if roster.roles(body.person, *number, *recorded).into_iter().any(Role::is_overseer) {
            note_grant(table, *number, body);
        }
    }
    table.upto = ledger.size();
    Ok(())
}

/// Takes a grant, or the end of one, out of a statement.
fn note_grant(table: &mut Readers, number: u64, body: &Body) {
    match body.kind.name() {
        Some("grant.made") => {
            let folders = body.values_of(field::FOLDERS).filter_map(|content| match content {
                Content::Code(code) => Folder::from_name(code.as_str()),
                _ => None,
            });
            let until = body.time_of(field::ENDS_AT).map(|moment| moment.milliseconds);
            if let Some(person) = body.person_of(field::PERSON) {
                let grant =
                    |folder: Folder| Grant::new(number, person, body.case.filter(|_| folder.of_case()), folder, until);
                table.grants.extend(folders.map(grant));
            }
        }
        Some("grant.ended") => {
            for reference in body.related("ends") {
                for grant in table.grants.iter_mut().filter(|grant| grant.entry == reference.entry) {
                    grant.ended = grant.ended.or(Some(number));
                }
            }
        }
        _ => {}
    }
}

/// Says of an error behind an entry that the entry stands. One that says so of a later entry is told of this one.
pub(super) fn unsettled(entered: &Entered) -> impl FnOnce(LedgerError) -> LedgerError + use<> {
    let entry = entered.number;
    move |why| match why {
        LedgerError::Unsettled { why, .. } => LedgerError::Unsettled { entry, why },
        why => LedgerError::Unsettled { entry, why: Box::new(why) },
    }
}

pub(super) fn rising(mut recipients: Vec<Recipient>) -> Vec<Recipient> {
    recipients.sort_by_key(|recipient| *recipient.as_bytes());
    recipients.dedup();
    recipients
}
