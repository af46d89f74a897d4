//! Grants: who may read a folder beside those whose role lets them, and who did read.

use rand_core::CryptoRng;

use crate::cabinet::readers::Grant;
use crate::codec::{CaseTag, Folder, KindNumber, PersonId};
use crate::decision::value::{Content, Value, field};
use crate::ledger::LedgerError;
use crate::ledger::append::Entered;
use crate::ledger::desk::Desk;
use crate::ledger::read::open_statement;
use crate::ledger::record::code;
use crate::ledger::wraps::unsettled;
use crate::store::disk::Disk;

/// A grant that is to be made.
#[derive(Debug, Clone, Copy)]
pub struct Granting<'a> {
    /// Who shall read.
    pub person: PersonId,
    /// The case; none for a folder of the setting.
    pub case: Option<CaseTag>,
    /// The folders: all of the case, or all of the setting.
    pub folders: &'a [Folder],
    /// Why (code of the list PROFILE).
    pub profile: &'a str,
    /// When it ends by itself, in milliseconds UTC.
    pub until: Option<i64>,
}

/// That somebody opened words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The entry that says so.
    pub entry: u64,
    /// Who read.
    pub person: PersonId,
    /// When, in milliseconds UTC, as the ledger's machine had it.
    pub recorded: i64,
    /// The entry whose words were opened; the folder was open to the reader for the whole sitting.
    pub of: u64,
    /// Why (code of the list CAUSE).
    pub cause: String,
    /// The grant under which, if it was not by role.
    pub under: Option<u64>,
}

impl<D: Disk> Desk<D> {
    /// Lets a person read folders: one entry, and the folders' keys wrapped for the person's devices too. It costs the
    /// same however many entries they have. Returns the receipt.
    ///
    /// # Errors
    /// `NotAllowed`; `NoPerson`; `NoCase`; `KeptOut` for somebody whom the folder is about; `NotReader` if we cannot open
    /// it ourselves; those of cabinet and store.
    pub fn grant(
        &mut self,
        granting: Granting<'_>,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Entered, LedgerError> {
        self.catch_up(now())?;
        self.need_overseer()?;
        self.need_whole_roster()?;
        let Granting { person, case, folders, profile, until } = granting;
        if !self.roster.current().any(|enrolment| enrolment.person == person) {
            return Err(LedgerError::NoPerson);
        }
        for folder in folders {
            let epoch = self.roster.current_folder(case, *folder).ok_or(LedgerError::NoCase)?.key.id();
            let file = self.folder_file(epoch)?.ok_or(LedgerError::NotReader)?;
            if file.kept_out.contains(&person) {
                return Err(LedgerError::KeptOut);
            }
        }
        let mut values = grant_values(person, folders)?;
        values.push(self.value("grant_profile", code(profile)?)?);
        if let Some(until) = until {
            let at = Content::Time(crate::decision::value::Moment::in_london(until));
            values.push(Value { field: field::ENDS_AT, position: 0, content: at });
        }
        let kind = KindNumber::of("grant.made").ok_or(LedgerError::NoPack)?;
        let decision = self.decide(kind, case, values, Vec::new(), now())?;
        let entered = self.enter(decision, now, rng)?;
        self.settle_grant(entered.number, case, folders, now, rng).map_err(unsettled(&entered))?;
        Ok(entered)
    }

    /// Ends a grant. The folder gets a new key, which the person's devices cannot open; what they could open before, they
    /// may have copied.
    ///
    /// # Errors
    /// `NotAllowed`; `NoGrant`; those of cabinet and store.
    pub fn end_grant(
        &mut self,
        grant: u64,
        cause: &str,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Entered, LedgerError> {
        self.catch_up(now())?;
        self.need_overseer()?;
        let table = self.readers()?;
        let standing: Vec<&Grant> =
            table.grants.iter().filter(|one| one.entry == grant && one.ended.is_none()).collect();
        let Some(Grant { person, case, .. }) = standing.first() else { return Err(LedgerError::NoGrant) };
        let (person, case) = (*person, *case);
        let folders: Vec<Folder> = standing.iter().map(|one| one.folder()).collect();
        let mut values = grant_values(person, &folders)?;
        values.push(self.value("cause", code(cause)?)?);
        let kind = KindNumber::of("grant.ended").ok_or(LedgerError::NoPack)?;
        let references = vec![self.reference("ends", grant)?];
        let decision = self.decide(kind, case, values, references, now())?;
        let entered = self.enter(decision, now, rng)?;
        self.settle_grant(entered.number, case, &folders, now, rng).map_err(unsettled(&entered))?;
        Ok(entered)
    }

    /// Returns who opened words of a case, in order of entry, as far as this device can open the structure.
    ///
    /// # Errors
    /// Those of the store.
    pub fn readings(&self, case: CaseTag) -> Result<Vec<Reading>, LedgerError> {
        let (keys, table) = (self.structure_keys(), self.readers()?);
        let mut found = Vec::new();
        self.ledger.walk_from(0, &mut |number, digest, structure, words| {
            let Some(statement) = open_statement(digest, structure, words, &keys) else { return };
            let body = statement.body();
            if body.kind.name() != Some("body.read") || body.case != Some(case) {
                return;
            }
            found.push(Reading {
                entry: number,
                person: body.person,
                recorded: 0,
                of: body.related("reads").next().map_or(number, |reference| reference.entry),
                cause: body.code_of(field::CAUSE).unwrap_or_default().to_owned(),
                under: None,
            });
        })?;
        for reading in &mut found {
            reading.recorded = self.ledger.entry(reading.entry)?.envelope().recorded;
            let folder = self.statement(reading.of)?.1.and_then(|statement| statement.body().folder());
            let stood = |grant: &&Grant| {
                grant.person == reading.person
                    && grant.case == Some(case)
                    && Some(grant.folder()) == folder
                    && grant.entry < reading.entry
                    && grant.ended.is_none_or(|ended| reading.entry < ended)
            };
            reading.under = table.grants.iter().find(stood).map(|grant| grant.entry);
        }
        Ok(found)
    }
}

fn grant_values(person: PersonId, folders: &[Folder]) -> Result<Vec<Value>, LedgerError> {
    let mut values = vec![Value { field: field::PERSON, position: 0, content: Content::Person(person) }];
    for (position, folder) in (0..).zip(folders) {
        values.push(Value { field: field::FOLDERS, position, content: code(folder.name())? });
    }
    Ok(values)
}
