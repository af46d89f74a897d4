//! The entries of a ledger as the rules look at them: each with what refers to it, and every case in its order.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use crate::codec::{CaseTag, Digest, KindNumber, PersonId, RelationNumber};
use crate::decision::people::Role;
use crate::decision::value::Value;
use crate::entry::statement::UNKNOWN;
use crate::review::fact::{Fact, ask};
use crate::review::item::{About, Closed, Item};
use crate::rules::obligation::Severity;
use crate::rules::rulebook::Rulebook;

/// Says in which roles a person is, in an entry that was recorded at a time (milliseconds UTC).
pub type Roles<'a> = dyn Fn(PersonId, u64, i64) -> Vec<Role> + 'a;

/// A hold, by the number of its entry.
pub(super) type HeldBack = (u64, bool, Option<Closed>);

/// News of a case: its entry, when it wants a decision looked at, and the earliest of that from there on.
pub(super) type News = (u64, i64, i64);

/// The entries, and the rules they are judged by.
pub struct Book<'a> {
    pub(super) facts: &'a [Fact],
    pub(super) rules: &'a Rulebook,
    pub(super) roles: &'a Roles<'a>,
    places: HashMap<u64, usize>,
    /// For each entry: what refers to it, by which relation, in order.
    later: Vec<Vec<(RelationNumber, usize)>>,
    cases: BTreeMap<CaseTag, Vec<usize>>,
    /// The entries of a case by kind, in order.
    kinds: HashMap<(CaseTag, KindNumber), Vec<usize>>,
    /// The entry of a statement, where some reference was signed before it had a number.
    digests: HashMap<Digest, usize>,
    /// The holds of cases of which somebody asked: entry, whether a Prevent matter, what ended it.
    pub(super) held: RefCell<HashMap<CaseTag, Vec<HeldBack>>>,
    /// What is new in cases of which somebody asked.
    pub(super) news: RefCell<HashMap<CaseTag, Vec<News>>>,
    /// For each person of the roll: what says whose relative they are.
    related: HashMap<PersonId, Vec<usize>>,
}

impl<'a> Book<'a> {
    /// Opens the book. The facts are in order of entry, each entry once.
    #[must_use]
    pub fn open(facts: &'a [Fact], rules: &'a Rulebook, roles: &'a Roles<'a>) -> Self {
        let places: HashMap<u64, usize> = facts.iter().enumerate().map(|(at, fact)| (fact.entry, at)).collect();
        // Statements of one act refer to each other before they have numbers: only then is the digest asked for.
        let unnamed = facts.iter().flat_map(|fact| &fact.references).any(|reference| reference.entry == UNKNOWN);
        let digests: HashMap<Digest, usize> = match unnamed {
            true => facts.iter().enumerate().map(|(at, fact)| (fact.digest, at)).collect(),
            false => HashMap::new(),
        };
        let mut kinds: HashMap<(CaseTag, KindNumber), Vec<usize>> = HashMap::new();
        let mut later = vec![Vec::new(); facts.len()];
        let mut cases: BTreeMap<CaseTag, Vec<usize>> = BTreeMap::new();
        let mut related: HashMap<PersonId, Vec<usize>> = HashMap::new();
        for (at, fact) in facts.iter().enumerate() {
            for reference in &fact.references {
                let place = match reference.entry {
                    UNKNOWN => digests.get(&reference.digest).copied(),
                    entry => places.get(&entry).copied(),
                };
                // A reference runs to an earlier entry, and to the statement that it names.
                if let Some(place) = place
                    && place < at
                    && facts.get(place).is_some_and(|earlier| earlier.digest == reference.digest)
                    && let Some(list) = later.get_mut(place)
                {
                    list.push((reference.relation, at));
                }
            }
            if let Some(case) = fact.case {
                cases.entry(case).or_default().push(at);
                kinds.entry((case, fact.kind)).or_default().push(at);
            }
            if fact.name() == "relation.assert" {
                for person in fact.persons(ask::PERSON).chain(fact.persons(ask::OTHER_PERSON)) {
                    related.entry(person).or_default().push(at);
                }
            }
        }
        let (held, news) = (RefCell::default(), RefCell::default());
        Book { facts, rules, roles, places, later, cases, kinds, digests, held, news, related }
    }

    /// Returns an entry.
    #[must_use]
    pub fn fact(&self, entry: u64) -> Option<&'a Fact> {
        self.facts.get(*self.places.get(&entry)?)
    }

    fn place(&self, fact: &Fact) -> Option<usize> {
        self.places.get(&fact.entry).copied()
    }

    /// Returns the later entries that refer to one, with their relations, in order.
    pub fn later(&self, fact: &Fact) -> impl Iterator<Item = (&'static str, &'a Fact)> {
        let list = self.place(fact).and_then(|place| self.later.get(place)).map_or(&[][..], Vec::as_slice);
        list.iter().filter_map(|(relation, at)| Some((relation.name()?, self.facts.get(*at)?)))
    }

    /// Returns the later entries that refer to one by a relation, in order.
    pub fn by(&self, fact: &Fact, relation: &'static str) -> impl Iterator<Item = &'a Fact> {
        self.later(fact).filter(move |(name, _)| *name == relation).map(|(_, later)| later)
    }

    /// Returns the earlier entries that one refers to by a relation, as far as they can be read.
    pub fn to<'s>(&'s self, fact: &'s Fact, relation: &'static str) -> impl Iterator<Item = &'a Fact> + 's {
        let named =
            move |reference: &&crate::decision::decision::Reference| reference.relation.name() == Some(relation);
        fact.references.iter().filter(named).filter_map(|reference| self.named(reference))
    }

    fn named(&self, reference: &crate::decision::decision::Reference) -> Option<&'a Fact> {
        match reference.entry {
            UNKNOWN => self.facts.get(*self.digests.get(&reference.digest)?),
            entry => self.fact(entry).filter(|fact| fact.digest == reference.digest),
        }
    }

    /// Returns the entries of a case, in order.
    pub fn of_case(&self, case: CaseTag) -> impl DoubleEndedIterator<Item = &'a Fact> {
        let list = self.cases.get(&case).map_or(&[][..], Vec::as_slice);
        list.iter().filter_map(|at| self.facts.get(*at))
    }

    /// Returns the entries of a case of some kinds, in order.
    pub(super) fn of_kinds(&self, case: CaseTag, names: &[&str]) -> Vec<&'a Fact> {
        let numbers = names.iter().filter_map(|name| KindNumber::of(name));
        let lists = numbers.filter_map(|kind| self.kinds.get(&(case, kind)));
        let mut places: Vec<usize> = lists.flatten().copied().collect();
        places.sort_unstable();
        places.into_iter().filter_map(|at| self.facts.get(at)).collect()
    }

    /// Returns what was entered of a person's relations to others.
    pub(super) fn relations_of(&self, person: PersonId) -> impl Iterator<Item = &'a Fact> {
        let list = self.related.get(&person).map_or(&[][..], Vec::as_slice);
        list.iter().filter_map(|at| self.facts.get(*at))
    }

    /// Returns the cases.
    pub fn cases(&self) -> impl Iterator<Item = CaseTag> {
        self.cases.keys().copied()
    }

    /// Returns an entry with all that later ones filled in.
    #[must_use]
    pub fn whole(&self, fact: &Fact) -> Fact {
        fact.completed(self.by(fact, "completes"))
    }

    /// Returns what an entry's badge of an emergency looks through to.
    pub(super) fn behind(&self, fact: &Fact) -> Vec<Value> {
        let pack = self.rules.pack(&fact.pack);
        let looks = |reference: &&crate::decision::decision::Reference| pack.emergency_through(reference.relation);
        let earlier = fact.references.iter().filter(looks).filter_map(|reference| self.named(reference));
        earlier.flat_map(|earlier| earlier.values.iter().cloned()).collect()
    }

    /// Whether a person was in one of these roles when an entry was recorded.
    pub(super) fn in_role(&self, person: PersonId, fact: &Fact, such: impl Fn(Role) -> bool) -> bool {
        (self.roles)(person, fact.entry, fact.recorded).into_iter().any(such)
    }

    /// Returns the entry that did what a decision proposed: itself, if it had happened when it was signed, or was completed
    /// with a time; else the first that carries it out and has happened.
    #[must_use]
    pub fn done(&self, fact: &Fact) -> Option<Done<'a>> {
        let own = self.fact(fact.entry)?;
        if fact.done() || matches!(fact.name(), "decision.noshare" | "decision.monitor") {
            return Some(Done { by: own, at: fact.when() });
        }
        let completed = self.whole(fact);
        if completed.happened {
            return Some(Done { by: own, at: completed.when() });
        }
        let carried = self.by(fact, "carries_out").find(|later| later.done());
        carried.map(|by| Done { by, at: by.when() })
    }

    /// Returns when a step that began with an entry is due, by the rules that it was written under.
    pub(super) fn due(&self, fact: &Fact, flag: &'static str, step: &'static str, start: i64) -> Option<i64> {
        let clock = self.rules.clock(&fact.pack, &fact.policy, flag, step)?;
        // A calendar that was adopted later moves nothing that runs.
        Some(clock.due(self.rules.working_days_at(fact.recorded), start))
    }

    /// Makes an item that an entry opens, due by the clock of its step from `start` on.
    pub(super) fn item(&self, fact: &Fact, flag: &'static str, step: &'static str, start: i64) -> Item {
        let due = self.due(fact, flag, step, start);
        self.item_due(fact, flag, step, start, due)
    }

    /// Makes an item that is due at a given time.
    pub(super) fn item_due(
        &self,
        fact: &Fact,
        flag: &'static str,
        step: &'static str,
        since: i64,
        due: Option<i64>,
    ) -> Item {
        let pack = self.rules.pack(&fact.pack);
        let known = pack.obligation(flag).and_then(|obligation| obligation.step(step));
        let severity = known.map_or(Severity::Item, |step| step.severity);
        let (entry, author, case) = (fact.entry, fact.person, fact.case);
        Item {
            flag,
            step,
            entry,
            author,
            case,
            since,
            due,
            severity,
            closed: None,
            about: About::Nothing,
            unsure: false,
        }
    }
}

/// That something was done: by which entry it is told, and when it was, in milliseconds UTC.
#[derive(Debug, Clone, Copy)]
pub struct Done<'a> {
    /// The entry.
    pub by: &'a Fact,
    /// When it was done.
    pub at: i64,
}

impl Done<'_> {
    /// Returns it as what closes an item.
    #[must_use]
    pub fn closes(&self) -> Closed {
        Closed { by: self.by.entry, at: self.at }
    }
}

impl Item {
    /// The same, closed by an entry at the time of what it tells.
    pub(super) fn closed_by(mut self, fact: Option<&Fact>) -> Item {
        self.closed = fact.map(|fact| Closed { by: fact.entry, at: fact.when() });
        self
    }

    /// The same, closed.
    pub(super) fn closed(mut self, closed: Option<Closed>) -> Item {
        self.closed = closed;
        self
    }

    /// The same with something to say.
    pub(super) fn about(mut self, about: About) -> Item {
        self.about = about;
        self
    }
}
