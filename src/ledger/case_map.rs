//! What stands in the case map of a closing, and what its signer names as unopened.

use std::collections::{BTreeMap, BTreeSet};

use crate::decision::people::Role;
use crate::ledger::LedgerError;
use crate::ledger::desk::Desk;
use crate::review::retiring::{self, Row};
use crate::review::says::{Says, Unopened};
use crate::seal::case_map::{CaseFolder, CaseMap};
use crate::store::disk::Disk;

impl<D: Disk> Desk<D> {
    /// Returns what is kept of every entry that was retired, as far as this device can open what says so; the first word on
    /// an entry counts.
    pub(super) fn retired_rows(&self) -> Result<BTreeMap<u64, Row>, LedgerError> {
        self.with_facts(|known| {
            let mut all = BTreeMap::new();
            for fact in known.facts.iter().filter(|fact| fact.name() == "retire.done") {
                for row in retiring::rows(&fact.values) {
                    all.entry(row.entry).or_insert(row);
                }
            }
            all
        })
    }

    /// Returns the entries that this person's closings name as sealed to them, with one more closing behind the ledger's own.
    pub(super) fn named_unopened(&self, next: Option<&Says>) -> Result<BTreeSet<u64>, LedgerError> {
        let person = self.identity.person();
        let closings: Vec<Says> = self.with_facts(|known| {
            let own = known.facts.iter().filter(|fact| fact.name() == "closing" && fact.person == person);
            let oversees = |entry, at| self.roster.roles(person, entry, at).into_iter().any(Role::is_overseer);
            own.filter(|fact| oversees(fact.entry, fact.recorded)).map(|fact| Says::of(&fact.values)).collect()
        })?;
        let mut named = Unopened::default();
        let mut recorded = |entry| Some(self.ledger.entry(entry).ok()?.envelope().recorded);
        closings.iter().chain(next).for_each(|says| named.close(person, says, &mut recorded));
        Ok(named.of(person))
    }

    /// Returns the case map over all entries but those named: what this device opens, and what was retired as it is kept of
    /// it. All that it cannot open has to be among those named.
    pub(super) fn case_map(
        &self,
        without: &BTreeSet<u64>,
        retired: &BTreeMap<u64, Row>,
    ) -> Result<CaseMap, LedgerError> {
        let mut entries: BTreeMap<u64, (CaseFolder, crate::codec::Digest)> = self.with_facts(|known| {
            let stands = |fact: &crate::review::fact::Fact| CaseFolder::new(fact.case, Some(fact.folder()));
            known.facts.iter().filter_map(|fact| Some((fact.entry, (stands(fact)?, fact.digest)))).collect()
        })?;
        let (opener, size) = (self.opener(), self.ledger.size());
        for (entry, row) in retired.iter().filter(|(entry, _)| **entry < size) {
            let stored = self.ledger.entry(*entry)?;
            let digest = stored.envelope().statement;
            // Of some that were retired the structure stays; what it says itself comes first.
            let folder = match opener.open(&digest, stored.structure(), stored.words()) {
                Some(statement) => CaseFolder::new(statement.body().case, statement.body().folder()),
                None => CaseFolder::new(row.case, Some(row.folder)),
            };
            if let Some(folder) = folder {
                entries.insert(*entry, (folder, digest));
            }
        }
        let mut map = CaseMap::default();
        for (_, (folder, digest)) in entries.iter().filter(|(entry, _)| !without.contains(entry)) {
            map.add(*folder, digest);
        }
        Ok(map)
    }
}
