//! The documents that were adopted: packs, policies and calendars, which public entries carry in clear.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::codec::{Digest, KindNumber};
use crate::rules::calendar::SettingCalendar;
use crate::rules::pack::{BUILT_IN, Pack};
use crate::rules::policy as rules_policy;
use crate::rules::rulebook::Rulebook;
use crate::seal::sealed::document_hash;
use crate::verify::roster::{Policy, Roster};

/// Bytes of documents that are kept, of which each ledger has a handful: whoever adopts more than this only keeps others
/// from being read.
const KEPT: usize = 8 << 20;

/// Texts by hash. Nobody shares one with another roster but by counting who holds it.
#[derive(Debug, Clone, Default)]
pub(super) struct Documents {
    texts: BTreeMap<Digest, Arc<[u8]>>,
    bytes: usize,
}

impl Documents {
    /// Keeps a document whose hash was checked; the pack that ships with this program is there already.
    pub(super) fn keep(&mut self, hash: Digest, text: &[u8]) {
        let fits = self.bytes + text.len() <= KEPT;
        if fits && text != BUILT_IN.as_bytes() && !self.texts.contains_key(&hash) {
            self.bytes += text.len();
            self.texts.insert(hash, text.into());
        }
    }

    fn text(&self, hash: &Digest) -> Option<&str> {
        std::str::from_utf8(self.texts.get(hash)?).ok()
    }
}

impl Roster {
    /// Returns the entries whose documents were adopted, in order, but for the pack that ships with this program.
    #[must_use]
    pub fn adopted(&self) -> Vec<u64> {
        let ships = document_hash(BUILT_IN.as_bytes());
        let packs = self.packs.iter().filter(|(_, hash)| *hash != ships).map(|(entry, _)| *entry);
        let policies = self.policies.iter().map(|policy| policy.entry);
        let mut entries: Vec<u64> = packs.chain(policies).chain(self.calendars.iter().map(|one| one.entry)).collect();
        entries.sort_unstable();
        entries
    }

    /// Keeps the text of an adopted document, told by its hash; any other is left.
    pub fn keep_document(&mut self, text: &[u8]) {
        let hash = document_hash(text);
        let packs = self.packs.iter().map(|(_, adopted)| adopted);
        let policies = self.policies.iter().map(|policy| &policy.hash);
        let mut adopted = packs.chain(policies).chain(self.calendars.iter().map(|one| &one.hash));
        if adopted.any(|one| *one == hash) {
            self.documents.keep(hash, text);
        }
    }

    /// Returns the rulebook of all that was adopted up to here; none before a pack was adopted, or if the one in force
    /// cannot be read by this program.
    ///
    /// A policy or calendar that cannot be read is left out: the pack's own clocks and days then hold. A policy that waits
    /// for a second person is there by its hash and not in force.
    #[must_use]
    pub fn rulebook(&self) -> Option<Rulebook> {
        Some(self.rulebook_under(self.adopted_pack(&self.pack())?))
    }

    /// Returns the text of the pack in force, to be changed and adopted anew; none if it was not kept.
    #[must_use]
    pub fn pack_text(&self) -> Option<&str> {
        let hash = self.pack();
        self.documents.text(&hash).or_else(|| (hash == document_hash(BUILT_IN.as_bytes())).then_some(BUILT_IN))
    }

    /// As [`Roster::rulebook`], for whoever has read the pack in force already.
    #[must_use]
    pub fn rulebook_under(&self, current: Pack) -> Rulebook {
        let mut book = Rulebook::new(current);
        for (_, hash) in &self.packs {
            let read = if *hash == self.pack() { Some(book.current().clone()) } else { self.adopted_pack(hash) };
            if let Some(pack) = read {
                book.add_pack(*hash, pack);
            }
        }
        for policy in &self.policies {
            let pack = book.pack(&self.pack_at(policy.entry));
            if let Some(read) =
                self.documents.text(&policy.hash).and_then(|text| rules_policy::Policy::parse(text, pack).ok())
            {
                book.add_policy(policy.hash, read);
            }
        }
        let mut in_force: Vec<_> =
            self.policies.iter().filter_map(|one| Some((one.in_force?, one.entry, one.hash))).collect();
        in_force.sort_unstable_by_key(|((confirmed, _), entry, _)| (*confirmed, *entry));
        in_force.into_iter().for_each(|((_, since), _, hash)| book.enforce(hash, since));
        for adopted in &self.calendars {
            let text = self.documents.text(&adopted.hash);
            let pack = book.pack(&adopted.pack);
            if let Some(read) = text.and_then(|text| SettingCalendar::parse(text, pack).ok()) {
                book.add_calendar(adopted.hash, adopted.since, read);
            }
        }
        book
    }

    /// Counts what was adopted and what came into force: while it stays, so do the rules.
    #[must_use]
    pub fn adoptions(&self) -> usize {
        let in_force = self.policies.iter().filter(|policy| policy.in_force.is_some()).count();
        self.packs.len() + self.policies.len() + in_force + self.calendars.len()
    }

    /// Returns the newest entry of an `*.adopt` kind (pack, policy, calendar) and the hash that it names, in force or not; of
    /// policies, those that were declined left out.
    #[must_use]
    pub fn newest_adopted(&self, kind: KindNumber) -> Option<(u64, Digest)> {
        match kind.name()? {
            "rulepack.adopt" => self.packs.last().copied(),
            "policy.adopt" => {
                let waits = |policy: &Policy| self.waiting.iter().any(|one| one.entry == policy.entry);
                let stands = |policy: &&Policy| policy.in_force.is_some() || waits(policy);
                self.policies.iter().rev().find(stands).map(|policy| (policy.entry, policy.hash))
            }
            "calendar.adopt" => self.calendars.last().map(|one| (one.entry, one.hash)),
            _ => None,
        }
    }

    /// Reads a pack that was adopted: the one that ships by its hash, else the text of its entry.
    fn adopted_pack(&self, hash: &Digest) -> Option<Pack> {
        let text = match self.documents.text(hash) {
            Some(text) => text,
            None if *hash == crate::seal::sealed::document_hash(BUILT_IN.as_bytes()) => BUILT_IN,
            None => return None,
        };
        Pack::parse(text).ok()
    }
}
