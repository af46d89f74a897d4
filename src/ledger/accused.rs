//! Who is named in an allegation against staff never reads it, whatever their role (R31).
//!
//! The `staff` folder gets a new key before such an entry is sealed to it, wrapped for the overseers but for whoever is
//! named. Anybody enrolled may publish that one folder's key, since an allegation is never held up: a member of staff cannot
//! see who was kept out before, so the next overseer who sits down joins the lists and renews the key where they differ.

use std::collections::BTreeSet;

use rand_core::CryptoRng;

use crate::cabinet::readers::Readers;
use crate::codec::{Folder, PersonId};
use crate::decision::decision::Decision;
use crate::decision::people::Role;
use crate::decision::value::{Content, field};
use crate::ledger::LedgerError;
use crate::ledger::desk::Desk;
use crate::store::disk::Disk;

impl<D: Disk> Desk<D> {
    /// Returns the entry that must come before a decision, so that nobody whom it accuses can read it: a new key of the
    /// staff folder. None where they cannot read it as it is, or if it was renewed for this decision by the entry `first`.
    pub(super) fn keep_out(
        &mut self,
        decision: &Decision,
        first: Option<u64>,
        now: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<Decision>, LedgerError> {
        let named = accused(decision);
        let Some(epoch) = self.roster.current_folder(None, Folder::Staff).filter(|_| !named.is_empty()) else {
            return Ok(None);
        };
        if first == Some(epoch.entry) {
            return Ok(None);
        }
        self.time = now;
        let file = self.folder_file(epoch.key.id())?;
        let oversees = |person: &PersonId| self.roster.holds_now(*person, now, Role::is_overseer);
        let reads = match &file {
            Some(file) => {
                let devices = self.devices(&named)?;
                let recovery = self.recipients(std::iter::empty())?;
                file.readers.iter().any(|reader| devices.contains(reader) && !recovery.contains(reader))
            }
            // We cannot look into it: whoever oversees may read it.
            None => named.iter().any(oversees),
        };
        if reads {
            let table = if self.is_overseer() { self.readers()? } else { Readers::default() };
            let out: Vec<PersonId> = named.into_iter().collect();
            return self.new_epoch(None, Folder::Staff, "renewal", &out, &table, now, rng).map(Some);
        }
        // They do not read it now, and shall not if they come to oversee one day.
        if file.is_some_and(|file| !named.iter().all(|person| file.kept_out.contains(person))) {
            self.change_folder_file(epoch.key.id(), |file| {
                let kept_out: BTreeSet<PersonId> = file.kept_out.iter().copied().chain(named).collect();
                file.kept_out = kept_out.into_iter().collect();
            })?;
        }
        Ok(None)
    }
}

fn accused(decision: &Decision) -> BTreeSet<PersonId> {
    if decision.kind().name() != Some("staff.allegation") {
        return BTreeSet::new();
    }
    let person = |content: &Content| match content {
        Content::Person(person) => Some(*person),
        _ => None,
    };
    let values = decision.values().iter().filter(|value| value.field == field::PERSON);
    values.filter_map(|value| person(&value.content)).collect()
}
