//! Who may read: `cabinet/readers.age`, for the overseers and recovery. It says nothing that the ledger does not say; an
//! overseer who finds none, or one that does not open, makes it anew from the entries.
//!
//! Content version 2: how many entries were read (u64), up to how many every wrap is as the entries say (u64), the
//! overseers' age recipients 32 each at that time, and the grants. A file of version 1, which may hold grants that no
//! overseer signed, is made anew too.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::cabinet::wrap::{AgeSecret, Recipient};
use crate::cabinet::{self, CabinetError, Durable};
use crate::codec::{Bytes, CaseTag, Folder, PersonId};

/// A grant to read one folder; an entry may make several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The entry that made it.
    pub entry: u64,
    /// Who may read.
    pub person: PersonId,
    /// The case; none for a folder of the setting.
    pub case: Option<CaseTag>,
    folder: u8,
    /// When it ends by itself, in milliseconds UTC.
    pub until: Option<i64>,
    /// The entry that ended it.
    pub ended: Option<u64>,
}

impl Grant {
    /// Makes a grant that stands.
    #[must_use]
    pub fn new(entry: u64, person: PersonId, case: Option<CaseTag>, folder: Folder, until: Option<i64>) -> Self {
        Grant { entry, person, case, folder: folder as u8, until, ended: None }
    }

    /// Returns the folder.
    #[must_use]
    pub fn folder(&self) -> Folder {
        Folder::from_number(self.folder).unwrap_or(Folder::None)
    }

    /// Whether it stands at a time in milliseconds UTC.
    #[must_use]
    pub fn stands(&self, at: i64) -> bool {
        self.ended.is_none() && self.until.is_none_or(|until| at < until)
    }
}

/// The table of readers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readers {
    /// How many entries were read for it.
    pub upto: u64,
    /// Up to how many entries every wrap is as the entries say.
    pub settled: u64,
    overseers: Vec<Bytes<32>>,
    /// The grants, in order of entry, ended ones too.
    pub grants: Vec<Grant>,
}

impl Readers {
    /// Opens the table; an empty one if there is none that this secret opens.
    ///
    /// # Errors
    /// `Disk`.
    pub fn load(cabinet: &Path, secret: &AgeSecret) -> Result<Self, CabinetError> {
        match cabinet::load_as(VERSION, &cabinet.join(FILE), secret) {
            Ok(table) => Ok(table),
            Err(error @ CabinetError::Disk(_)) => Err(error),
            Err(_) => Ok(Readers::default()),
        }
    }

    /// Puts the table into the cabinet. What a power cut takes from it is made anew.
    ///
    /// # Errors
    /// `Wrap` and `Disk`.
    pub fn save(&self, cabinet: &Path, recipients: &[Recipient]) -> Result<(), CabinetError> {
        cabinet::put(&cabinet.join(FILE), &cabinet::seal_as(VERSION, self, recipients)?, Durable::Later)
    }

    /// Whether every wrap was last made for just these overseers.
    #[must_use]
    pub fn settled_for(&self, overseers: &[Recipient]) -> bool {
        self.overseers == sorted(overseers)
    }

    /// Says that every wrap is as the first `entries` entries say, for these overseers.
    pub fn settle(&mut self, entries: u64, overseers: &[Recipient]) {
        (self.settled, self.overseers) = (entries, sorted(overseers));
    }

    /// Returns the persons with a grant to a folder that stands at a time.
    pub fn granted(&self, case: Option<CaseTag>, folder: Folder, at: i64) -> impl Iterator<Item = &Grant> {
        let fits = move |grant: &&Grant| grant.case == case && grant.folder() == folder && grant.stands(at);
        self.grants.iter().filter(fits)
    }
}

fn sorted(recipients: &[Recipient]) -> Vec<Bytes<32>> {
    let mut bytes: Vec<[u8; 32]> = recipients.iter().map(|recipient| *recipient.as_bytes()).collect();
    bytes.sort_unstable();
    bytes.dedup();
    bytes.into_iter().map(Bytes).collect()
}

const FILE: &str = "readers.age";
const VERSION: u8 = 2;

#[cfg(test)]
mod tests {
    use crate::cabinet::tests::{recipients, secret};
    use crate::store::durable;

    use super::*;

    #[test]
    fn overseers_read_the_table_and_others_begin_with_none() {
        let folder = tempfile::tempdir().unwrap();
        let (person, case) = (PersonId::new([1; 16]), Some(CaseTag::new([2; 16])));
        let mut table = Readers { upto: 9, ..Readers::default() };
        table.grants.push(Grant::new(4, person, case, Folder::General, Some(1000)));
        table.settle(9, &recipients(&[8, 7, 8]));
        assert!(table.settled_for(&recipients(&[7, 8])) && !table.settled_for(&recipients(&[7])));
        table.save(folder.path(), &recipients(&[7, 8, 9])).unwrap();
        assert_eq!(Readers::load(folder.path(), &secret(9)).unwrap(), table);
        assert_eq!(Readers::load(folder.path(), &secret(1)).unwrap(), Readers::default());
        let older = cabinet::seal(&table, &recipients(&[9])).unwrap();
        durable::replace(&folder.path().join(FILE), &older).unwrap();
        assert_eq!(Readers::load(folder.path(), &secret(9)).unwrap(), Readers::default());
        let granted = |case, folder, at| table.granted(case, folder, at).count();
        assert_eq!(granted(case, Folder::General, 999), 1);
        assert_eq!(granted(case, Folder::General, 1000), 0);
        assert_eq!(granted(case, Folder::Protection, 999) + granted(None, Folder::General, 999), 0);
    }
}
