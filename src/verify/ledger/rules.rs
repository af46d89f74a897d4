//! The rules over what a verifier could open: what the walk keeps for them, and the verdict on record keeping.

use std::collections::BTreeSet;
use std::io::{Read, Seek};

use crate::codec::{Digest, PersonId};
use crate::entry::statement::Body;
use crate::review::closings::UNASKED;
use crate::review::fact::{Fact, may_be_asked};
use crate::review::look::{Look, review};
use crate::verify::ledger::Walk;
use crate::verify::report::{Layer, RecordKeeping, Reviewed};

/// What is kept of the entries while they pass by.
#[derive(Default)]
pub(super) struct Kept {
    /// Those that rules may ask for.
    facts: Vec<Fact>,
    /// The numbers of those that could not be opened.
    unseen: Vec<u64>,
    /// Of those before the record, what was said to be retired: that was judged then.
    retired: Vec<u64>,
}

impl<R: Read + Seek> Walk<'_, R> {
    /// Whether the rules are looked at: by a verifier who opens structure.
    pub(super) fn judges_rules(&self) -> bool {
        self.options.rules && !self.keys.structure.is_empty()
    }

    /// Keeps what rules may ask of an entry.
    pub(super) fn keep(&mut self, number: u64, clock_back: bool, digest: Digest, body: &Body) {
        if number < self.checked_before {
            self.kept.retired.extend(body.retires());
        }
        if !may_be_asked(body.kind) || body.kind.name().is_some_and(|name| UNASKED.contains(&name)) {
            return;
        }
        let fact = self.roster.fact(number, self.recorded, clock_back, digest, body);
        self.kept.facts.push(fact);
    }

    /// Notes an entry that could not be opened.
    pub(super) fn keep_unseen(&mut self, number: u64) {
        self.kept.unseen.push(number);
    }

    /// Looks at everything by every rule.
    pub(super) fn review(&mut self, retired: &[u64], layer: Layer) -> (RecordKeeping, Option<Reviewed>) {
        if layer == Layer::Skeleton {
            return (RecordKeeping::NotSeen, None);
        }
        if !self.judges_rules() {
            return (RecordKeeping::NotAsked, None);
        }
        let mut kept = std::mem::take(&mut self.kept);
        let gone: BTreeSet<u64> = retired.iter().chain(&kept.retired).copied().collect();
        kept.unseen.retain(|entry| !gone.contains(entry));
        let Some(rules) = self.roster.rulebook() else { return (RecordKeeping::NotAsked, None) };
        let roster = &self.roster;
        let roles = |person: PersonId, entry: u64, at: i64| roster.roles(person, entry, at);
        let now = self.options.now;
        // What opens to nobody here is restricted if there is a key for every author; else it may be a closing.
        let oversees = kept.unseen.is_empty() || self.keys.structure.len() >= self.roster.enrolments().len();
        let (facts, unseen) = (&kept.facts, &kept.unseen);
        let found = review(&Look { facts, unseen, rules: &rules, roles: &roles, oversees, now });
        let bad = found.items.iter().any(|item| item.counts_against(now) && !item.unsure);
        let verdict = match (bad, found.unseen.is_empty()) {
            (true, _) => RecordKeeping::Findings,
            (false, false) => RecordKeeping::NotSeen,
            (false, true) => RecordKeeping::Complete,
        };
        (verdict, Some(Reviewed { found, pack: rules.current().clone() }))
    }
}
