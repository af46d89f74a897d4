//! What stands in the case map of a closing, and what its signer names as unopened.

use std::collections::{BTreeMap, BTreeSet};

use crate::codec::{Digest, PersonId};
use crate::decision::people::Role;
use crate::ledger::LedgerError;
use crate::ledger::desk::Desk;
use crate::review::retiring::{self, Row};
use crate::review::says::{Says, Unopened};
use crate::seal::case_map::{CaseFolder, CaseMap, CasePath};
use crate::store::disk::Disk;

impl<D: Disk> Desk<D> {
    /// Returns what is kept of every entry that was retired, as far as this device can open what says so; the first word on
    /// an entry counts.
    pub(super) fn retired_rows(&self) -> Result<BTreeMap<u64, Row>, LedgerError> {
        self.with_facts(|known| {
            let mut all = BTreeMap::new();
            for fact in known.facts.iter().filter(|fact| fact.name() == "retire.done") {
                for row in retiring::rows(&fact.values.to_vec()) {
                    all.entry(row.entry).or_insert(row);
                }
            }
            all
        })
    }

    /// Proves how a folder stood according to a closing: the path from its leaf to the root that the closing names. None for
    /// what is no closing, one without a map, a folder without entries, or where this device does not open all that it
    /// takes to come to that root.
    ///
    /// # Errors
    /// As [`crate::ledger::open::Ledger::entry`].
    pub fn folder_path(&self, closing: u64, folder: &CaseFolder) -> Result<Option<CasePath>, LedgerError> {
        let (_, statement) = self.statement(closing)?;
        let Some(statement) = statement.filter(|one| one.body().kind.name() == Some("closing")) else {
            return Ok(None);
        };
        let (body, says) = (statement.body(), Says::of(&statement.body().values));
        let (Some(root), Some(size)) = (says.case_map, says.size) else { return Ok(None) };
        let named = self.named_unopened(body.person, closing + 1, None)?;
        let map = self.case_map(&named, &self.retired_rows()?, size)?;
        Ok(map.prove(&body.structure_seed.0, folder).filter(|path| path.check(&root)))
    }

    /// Returns the entries that a person's closings below an entry name as sealed to them, with one more closing behind them.
    pub(super) fn named_unopened(
        &self,
        person: PersonId,
        below: u64,
        next: Option<&Says>,
    ) -> Result<BTreeSet<u64>, LedgerError> {
        let closings: Vec<Says> = self.with_facts(|known| {
            let all = known.facts.iter().take_while(|fact| fact.entry < below);
            let own = all.filter(|fact| fact.name() == "closing" && fact.person == person);
            let oversees = |entry, at| self.roster.roles(person, entry, at).into_iter().any(Role::is_overseer);
            own.filter(|fact| oversees(fact.entry, fact.recorded)).map(|fact| Says::of(&fact.values.to_vec())).collect()
        })?;
        let mut named = Unopened::default();
        let mut recorded = |entry| Some(self.ledger.entry(entry).ok()?.envelope().recorded);
        closings.iter().chain(next).for_each(|says| named.close(person, says, &mut recorded));
        Ok(named.of(person))
    }

    /// Returns the case map over the first `size` entries but those named: what this device opens, and what was retired as it
    /// is kept of it. All that it cannot open has to be among those named.
    pub(super) fn case_map(
        &self,
        without: &BTreeSet<u64>,
        retired: &BTreeMap<u64, Row>,
        size: u64,
    ) -> Result<CaseMap, LedgerError> {
        let mut entries: BTreeMap<u64, (CaseFolder, Digest)> = self.with_facts(|known| {
            let stands = |fact: &crate::review::fact::Fact| CaseFolder::new(fact.case, Some(fact.folder()));
            let facts = known.facts.iter().take_while(|fact| fact.entry < size);
            facts.filter_map(|fact| Some((fact.entry, (stands(fact)?, fact.digest)))).collect()
        })?;
        let opener = self.opener();
        for (entry, row) in retired.range(..size.min(self.ledger.size())) {
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
