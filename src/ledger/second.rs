//! What a second person is to judge who oversees nothing. Chair and owner are asked about a misfiled entry, a checked file, a
//! proposal to retire, and none of these opens to them by their own keys; so its structure is shown to them, and that of what
//! it rests on, until somebody has said the second word.

use std::collections::{BTreeMap, BTreeSet};

use crate::cabinet::CabinetError;
use crate::cabinet::second::{self, Shown};
use crate::cabinet::wrap::Recipient;
use crate::codec::{Digest, KindNumber, PersonId, Publicity};
use crate::decision::people::Role;
use crate::entry::authored::Authored;
use crate::ledger::LedgerError;
use crate::ledger::desk::Desk;
use crate::review::fact::{Fact, ask};
use crate::rules::kind::Second;
use crate::seal::structure::{self, ContentKey, StructurePart};
use crate::store::disk::Disk;

/// An entry that waits for a second person: its number, its author, and the numbers of what it rests on.
type Waiting = (u64, PersonId, BTreeSet<u64>);

impl<D: Disk> Desk<D> {
    /// Shows what this author just entered, and what waits for a second person, to those who could not open it else.
    pub(super) fn show_waiting(&self, authored: &[Authored]) -> Result<(), LedgerError> {
        if !authored.iter().any(|one| self.waits_sealed(one.kind())) || self.lead_without_keys().is_empty() {
            return Ok(());
        }
        let entered: BTreeSet<Digest> = authored.iter().map(|one| one.statement.digest()).collect();
        let waiting = self.with_facts(|known| {
            let waits = self.waiting_sealed(&known.facts);
            let new = |(entry, _, _): &Waiting| {
                known.facts.iter().rev().any(|fact| fact.entry == *entry && entered.contains(&fact.digest))
            };
            waits.into_iter().filter(new).collect::<Vec<_>>()
        })?;
        waiting.iter().try_for_each(|waits| self.show_to_leading(waits))
    }

    /// Takes back what was shown for an entry, whose second person has said their word.
    pub(super) fn shown_no_more(&self, entry: u64) -> Result<(), LedgerError> {
        let digest = self.ledger.entry(entry)?.envelope().statement;
        Ok(second::take_back(&self.ledger.cabinet(), &digest)?)
    }

    /// Makes what is shown fit who leads now and what still waits. Costs nothing where nobody leads who oversees nothing.
    pub(super) fn settle_shown(&self) -> Result<(), LedgerError> {
        let cabinet = self.ledger.cabinet();
        let shown = second::waiting(&cabinet)?;
        if shown.is_empty() && self.lead_without_keys().is_empty() {
            return Ok(());
        }
        let waiting = self.with_facts(|known| self.waiting_sealed(&known.facts))?;
        let mut still = BTreeSet::new();
        for waits in &waiting {
            still.insert(self.ledger.entry(waits.0)?.envelope().statement);
            self.show_to_leading(waits)?;
        }
        for digest in shown.iter().filter(|digest| !still.contains(digest)) {
            second::take_back(&cabinet, digest)?;
        }
        Ok(())
    }

    /// Returns what is shown to this device.
    pub(super) fn shown_here(&self) -> Result<Vec<Shown>, LedgerError> {
        if !self.is_leading() || self.is_overseer() {
            return Ok(Vec::new());
        }
        let opened = second::load_all(&self.ledger.cabinet(), self.identity.secret())?.opened;
        Ok(opened.into_iter().flatten().collect())
    }

    /// Whether an entry of this kind is sealed and waits for a second person.
    fn waits_sealed(&self, kind: KindNumber) -> bool {
        let second = self.pack.kind_numbered(kind).is_some_and(|kind| kind.second == Second::Always);
        kind.publicity() == Some(Publicity::Sealed) && (second || kind.name() == Some("retire.proposed"))
    }

    /// Returns what is sealed and waits, with what a proposal to retire rests on: reviews, and what was called misfiled and
    /// confirmed.
    fn waiting_sealed(&self, facts: &[Box<Fact>]) -> Vec<Waiting> {
        let mut waiting: BTreeMap<u64, Waiting> = BTreeMap::new();
        let mut words: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
        for fact in facts {
            let refers = || fact.references.iter().map(|to| to.entry);
            if self.waits_sealed(fact.kind) {
                let mut rests: BTreeSet<u64> = BTreeSet::new();
                if fact.name() == "retire.proposed" {
                    rests.extend(refers());
                    let confirmed: Vec<u64> = rests.iter().filter_map(|on| words.get(on)).flatten().copied().collect();
                    rests.extend(confirmed);
                }
                waiting.insert(fact.entry, (fact.entry, fact.person, rests));
            } else if matches!(fact.name(), "confirmation" | "retire.approved") {
                for to in refers() {
                    words.entry(to).or_default().insert(fact.entry);
                    let other = waiting.get(&to).is_some_and(|(_, author, _)| *author != fact.person);
                    if other && !fact.says(ask::VIEW, "agrees_if") {
                        waiting.remove(&to);
                    }
                }
            }
        }
        waiting.into_values().collect()
    }

    fn show_to_leading(&self, (entry, author, rests): &Waiting) -> Result<(), LedgerError> {
        let to: Vec<Recipient> = self
            .lead_without_keys()
            .into_iter()
            .filter(|(person, _)| person != author)
            .map(|(_, recipient)| Recipient::parse(recipient))
            .collect::<Result<_, _>>()
            .map_err(CabinetError::from)?;
        let digest = self.ledger.entry(*entry)?.envelope().statement;
        if to.is_empty() {
            return Ok(second::take_back(&self.ledger.cabinet(), &digest)?);
        }
        let mut shown = Vec::new();
        for number in std::iter::once(entry).chain(rests) {
            // What does not open here cannot be shown either: whoever carries it out judges by all of it.
            shown.extend(self.content_key(*number)?);
        }
        Ok(second::show(&self.ledger.cabinet(), &digest, &shown, &to)?)
    }

    /// Returns the devices of those who lead and oversee nothing: chair and owner.
    fn lead_without_keys(&self) -> Vec<(PersonId, &str)> {
        let holds = |person, such: fn(Role) -> bool| self.roster.holds_now(person, self.time, such);
        let leads = |person| holds(person, Role::needs_second_person) && !holds(person, Role::is_overseer);
        let current = self.roster.current().filter(|one| leads(one.person));
        current.map(|one| (one.person, one.recipient.as_str())).collect()
    }

    /// Returns what opens the structure of an entry, if this device has it.
    fn content_key(&self, number: u64) -> Result<Option<Shown>, LedgerError> {
        let stored = self.ledger.entry(number)?;
        let digest = stored.envelope().statement;
        let Ok(StructurePart::Sealed(sealed)) = structure::parse(stored.structure()) else { return Ok(None) };
        let keys = self.structure_keys();
        let own = keys.structure.iter().find(|key| sealed.fits(key, &digest));
        let key: Option<ContentKey> = match own {
            Some(key) => sealed.content_key(key, &digest).ok(),
            None => keys.content.get(&digest).cloned(),
        };
        Ok(key.map(|key| (digest, key)))
    }
}
