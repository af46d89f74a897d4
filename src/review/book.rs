//! The entries of a ledger as the rules look at them: each with what refers to it, and every case in its order.

use std::borrow::{Borrow, Cow};
use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use crate::codec::{CaseTag, Digest, KindNumber, PersonId, RelationNumber};
use crate::decision::decision::Reference;
use crate::decision::people::Role;
use crate::entry::statement::UNKNOWN;
use crate::review::fact::{Fact, ask};
use crate::review::item::{About, Closed, Item};
use crate::rules::obligation::Severity;
use crate::rules::rulebook::Rulebook;

/// Says in which roles a person is, in an entry that was recorded at a time (milliseconds UTC).
pub type Roles<'a> = dyn Fn(PersonId, u64, i64) -> Vec<Role> + Sync + 'a;

/// A hold, by the number of its entry and of what says so.
pub(super) type HeldBack = (u64, u64, bool, Option<Closed>);

/// News of a case: its entry, when it wants a decision looked at, and the earliest of that from there on.
pub(super) type News = (u64, i64, i64);

/// The entries, and the rules they are judged by.
pub struct Book<'a> {
    pub(super) facts: Vec<&'a Fact>,
    pub(super) rules: &'a Rulebook,
    pub(super) roles: &'a Roles<'a>,
    /// The place of each entry from the first one's number on, where they lie close enough together.
    places: Vec<u32>,
    /// For each entry: what refers to it, by which relation, in order.
    later: Rows<(RelationNumber, u32)>,
    /// The cases in order of tag, and where each stands there.
    tags: Vec<CaseTag>,
    numbers: HashMap<CaseTag, u32>,
    /// The entries of each case, in order.
    cases: Rows<u32>,
    /// The same by kind, in order within a kind.
    kinds: Rows<(KindNumber, u32)>,
    /// The entry of a statement, where some reference was signed before it had a number.
    digests: HashMap<Digest, u32>,
    /// The holds of each case, once somebody asked: entry, what says so, whether a Prevent matter, what ended it.
    held: Vec<OnceLock<Vec<HeldBack>>>,
    /// What is new in each case, once somebody asked.
    news: Vec<OnceLock<Vec<News>>>,
    /// The entries of the kinds in [`RARE`].
    rare: HashMap<KindNumber, Vec<u32>>,
    /// For each person of the roll: what says whose relative they are.
    related: HashMap<PersonId, Vec<u32>>,
}

/// Kinds that are looked for in the whole ledger.
const RARE: [&str; 7] = [
    "access.received",
    "closing",
    "key.revoke",
    "misfiled",
    "note.elsewhere_declared",
    "policy.adopt",
    "statement.late",
];

/// No entry has this place.
const NOWHERE: u32 = u32::MAX;

/// Lists that lie one behind the other.
struct Rows<T> {
    begins: Vec<u32>,
    all: Vec<T>,
}

impl<T: Copy> Rows<T> {
    /// Makes so many lists out of pairs of list and content; within a list they keep their order.
    fn new(count: usize, pairs: &[(u32, T)]) -> Self {
        let mut begins = vec![0_u32; count + 1];
        for (list, _) in pairs {
            if let Some(begin) = begins.get_mut(*list as usize + 1) {
                *begin += 1;
            }
        }
        let mut sum = 0;
        for begin in &mut begins {
            sum += *begin;
            *begin = sum;
        }
        let mut next = begins.clone();
        let mut all: Vec<T> = pairs.iter().map(|(_, content)| *content).collect();
        for (list, content) in pairs {
            if let Some(at) = next.get_mut(*list as usize) {
                if let Some(place) = all.get_mut(*at as usize) {
                    *place = *content;
                }
                *at += 1;
            }
        }
        Rows { begins, all }
    }

    /// Sorts one list, if its content has an order.
    fn sort(&mut self, list: usize)
    where
        T: Ord,
    {
        let bounds = self.begins.get(list).copied().zip(self.begins.get(list + 1).copied());
        let row = bounds.and_then(|(from, to)| self.all.get_mut(from as usize..to as usize));
        row.unwrap_or_default().sort_unstable();
    }

    fn of(&self, list: usize) -> &[T] {
        let bounds = self.begins.get(list).zip(self.begins.get(list + 1));
        let row = bounds.and_then(|(from, to)| self.all.get(*from as usize..*to as usize));
        row.unwrap_or_default()
    }
}

impl<'a> Book<'a> {
    /// Opens the book. The facts are in order of entry, each entry once.
    #[must_use]
    pub fn open<F: Borrow<Fact>>(facts: &'a [F], rules: &'a Rulebook, roles: &'a Roles<'a>) -> Self {
        let facts: Vec<&'a Fact> = facts.iter().map(Borrow::borrow).collect();
        let places = places(&facts);
        let mut book = Book {
            facts: Vec::new(),
            rules,
            roles,
            places,
            later: Rows::new(0, &[]),
            tags: Vec::new(),
            numbers: HashMap::new(),
            cases: Rows::new(0, &[]),
            kinds: Rows::new(0, &[]),
            digests: digests(&facts),
            held: Vec::new(),
            news: Vec::new(),
            rare: RARE.iter().filter_map(|name| Some((KindNumber::of(name)?, Vec::new()))).collect(),
            related: HashMap::new(),
        };
        let met = met(&facts);
        book.tags = met.order.clone();
        book.tags.sort_unstable();
        book.numbers = book.tags.iter().copied().zip(0..).collect();
        let numbers: Vec<u32> = met.order.iter().filter_map(|case| book.numbers.get(case)).copied().collect();
        let mut later = Vec::new();
        let mut cases = Vec::new();
        book.facts = facts;
        for (at, fact) in (0_u32..).zip(&book.facts) {
            for reference in &fact.references {
                // A reference runs to an earlier entry, and to the statement that it names.
                if let Some(place) = book.place_named(reference)
                    && place < at
                {
                    later.push((place, (reference.relation, at)));
                }
            }
            let met = met.of.get(at as usize).filter(|met| **met != NOWHERE);
            if let Some(number) = met.and_then(|met| numbers.get(*met as usize)) {
                cases.push((*number, at));
            }
            if let Some(rare) = book.rare.get_mut(&fact.kind) {
                rare.push(at);
            }
            if fact.name() == "relation.assert" {
                for person in fact.persons(ask::PERSON).chain(fact.persons(ask::OTHER_PERSON)) {
                    book.related.entry(person).or_default().push(at);
                }
            }
        }
        book.later = Rows::new(book.facts.len(), &later);
        let of_kind = |(case, at): &(u32, u32)| Some((*case, (book.facts.get(*at as usize)?.kind, *at)));
        book.kinds = Rows::new(book.tags.len(), &cases.iter().filter_map(of_kind).collect::<Vec<_>>());
        for case in 0..book.tags.len() {
            book.kinds.sort(case);
        }
        book.cases = Rows::new(book.tags.len(), &cases);
        book.held = book.tags.iter().map(|_| OnceLock::new()).collect();
        book.news = book.tags.iter().map(|_| OnceLock::new()).collect();
        book
    }

    /// Returns the entries of some kinds, in order; those in [`RARE`] are found without a walk through the ledger.
    pub(super) fn all_of(&self, kinds: &[&str]) -> Vec<&'a Fact> {
        let apart: Option<Vec<&Vec<u32>>> = kinds.iter().map(|name| self.rare.get(&KindNumber::of(name)?)).collect();
        let Some(apart) = apart else {
            return self.facts.iter().copied().filter(|fact| kinds.contains(&fact.name())).collect();
        };
        let mut places: Vec<u32> = apart.into_iter().flatten().copied().collect();
        places.sort_unstable();
        places.into_iter().filter_map(|place| self.at(place)).collect()
    }

    /// Returns an entry.
    #[must_use]
    pub fn fact(&self, entry: u64) -> Option<&'a Fact> {
        self.at(self.place(entry)?)
    }

    fn at(&self, place: u32) -> Option<&'a Fact> {
        self.facts.get(place as usize).copied()
    }

    fn place(&self, entry: u64) -> Option<u32> {
        if self.places.is_empty() {
            let place = self.facts.binary_search_by_key(&entry, |fact| fact.entry).ok()?;
            return u32::try_from(place).ok();
        }
        let from = entry.checked_sub(self.facts.first()?.entry)?;
        self.places.get(usize::try_from(from).ok()?).copied().filter(|place| *place != NOWHERE)
    }

    /// Returns the later entries that refer to one, with their relations, in order.
    pub fn later(&self, fact: &Fact) -> impl Iterator<Item = (&'static str, &'a Fact)> {
        let list = self.place(fact.entry).map_or(&[][..], |place| self.later.of(place as usize));
        list.iter().filter_map(|(relation, at)| Some((relation.name()?, self.at(*at)?)))
    }

    /// Returns the later entries that refer to one by a relation, in order.
    pub fn by(&self, fact: &Fact, relation: &'static str) -> impl Iterator<Item = &'a Fact> {
        self.later(fact).filter(move |(name, _)| *name == relation).map(|(_, later)| later)
    }

    /// Returns the earlier entries that one refers to by a relation, as far as they can be read.
    pub fn to<'s>(&'s self, fact: &'s Fact, relation: &'static str) -> impl Iterator<Item = &'a Fact> + 's {
        let named = move |reference: &&Reference| reference.relation.name() == Some(relation);
        fact.references.iter().filter(named).filter_map(|reference| self.named(reference))
    }

    fn named(&self, reference: &Reference) -> Option<&'a Fact> {
        self.at(self.place_named(reference)?)
    }

    /// The place of the very statement that a reference names.
    fn place_named(&self, reference: &Reference) -> Option<u32> {
        let place = match reference.entry {
            UNKNOWN => self.digests.get(&reference.digest).copied(),
            entry => self.place(entry),
        };
        place.filter(|place| self.at(*place).is_some_and(|fact| fact.digest == reference.digest))
    }

    fn number(&self, case: CaseTag) -> Option<usize> {
        self.numbers.get(&case).map(|number| *number as usize)
    }

    /// Returns the entries of a case, in order.
    pub fn of_case(&self, case: CaseTag) -> impl DoubleEndedIterator<Item = &'a Fact> {
        let list = self.number(case).map_or(&[][..], |number| self.cases.of(number));
        list.iter().filter_map(|at| self.at(*at))
    }

    /// Returns the entries of a case of some kinds, in order.
    pub(super) fn of_kinds(&self, case: CaseTag, names: &[&str]) -> Vec<&'a Fact> {
        let list = self.number(case).map_or(&[][..], |number| self.kinds.of(number));
        let of_kind = |kind: KindNumber| {
            let from = list.get(list.partition_point(|(known, _)| *known < kind)..).unwrap_or_default();
            from.iter().take_while(move |(known, _)| *known == kind).map(|(_, at)| *at)
        };
        let mut places: Vec<u32> = names.iter().filter_map(|name| KindNumber::of(name)).flat_map(of_kind).collect();
        if names.len() > 1 {
            places.sort_unstable();
        }
        places.into_iter().filter_map(|at| self.at(at)).collect()
    }

    /// Returns the holds of a case, found by whoever asks first.
    pub(super) fn held(&self, case: CaseTag, find: impl FnOnce() -> Vec<HeldBack>) -> &[HeldBack] {
        let cell = self.number(case).and_then(|number| self.held.get(number));
        cell.map_or(&[], |cell| cell.get_or_init(find))
    }

    /// Returns the news of a case, found by whoever asks first.
    pub(super) fn news(&self, case: CaseTag, find: impl FnOnce() -> Vec<News>) -> &[News] {
        let cell = self.number(case).and_then(|number| self.news.get(number));
        cell.map_or(&[], |cell| cell.get_or_init(find))
    }

    /// Returns what was entered of a person's relations to others.
    pub(super) fn relations_of(&self, person: PersonId) -> impl Iterator<Item = &'a Fact> {
        let list = self.related.get(&person).map_or(&[][..], Vec::as_slice);
        list.iter().filter_map(|at| self.at(*at))
    }

    /// Returns the cases.
    pub fn cases(&self) -> impl Iterator<Item = CaseTag> {
        self.tags.iter().copied()
    }

    /// Returns an entry with all that later ones filled in.
    #[must_use]
    pub fn whole<'f>(&self, fact: &'f Fact) -> Cow<'f, Fact> {
        let mut later = self.by(fact, "completes").peekable();
        match later.peek() {
            None => Cow::Borrowed(fact),
            Some(_) => Cow::Owned(fact.completed(later)),
        }
    }

    /// Returns an entry as it was signed, and as it was after each later one that filled something in, with that one.
    pub(super) fn stages<'f>(&self, fact: &'f Fact) -> Vec<(Option<&'a Fact>, Cow<'f, Fact>)> {
        let later: Vec<&'a Fact> = self.by(fact, "completes").collect();
        let filled = |(at, by): (usize, &&'a Fact)| {
            let whole = fact.completed(later.iter().take(at + 1).copied());
            (Some(*by), Cow::Owned(whole))
        };
        std::iter::once((None, Cow::Borrowed(fact))).chain(later.iter().enumerate().map(filled)).collect()
    }

    /// Whether an entry carries the badge of an emergency: by a code of its own, or of what it looks through to.
    pub(super) fn is_emergency(&self, fact: &Fact) -> bool {
        let pack = self.rules.pack(&fact.pack);
        let such = |of: &Fact| of.all_codes().any(|code| pack.is_emergency(fact.kind, code));
        let looks = |reference: &&Reference| pack.emergency_through(reference.relation);
        pack.knows_emergencies(fact.kind)
            && (such(fact) || fact.references.iter().filter(looks).filter_map(|one| self.named(one)).any(such))
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

/// Returns the place of each entry from the first one's number on; nothing where they lie far apart.
fn places(facts: &[&Fact]) -> Vec<u32> {
    let (Some(first), Some(last)) = (facts.first(), facts.last()) else { return Vec::new() };
    let span = last.entry.checked_sub(first.entry).and_then(|span| usize::try_from(span).ok());
    let Some(span) = span.filter(|span| span / 8 <= facts.len()) else { return Vec::new() };
    let mut places = vec![NOWHERE; span + 1];
    for (at, fact) in (0_u32..).zip(facts) {
        let from = fact.entry.checked_sub(first.entry).and_then(|from| usize::try_from(from).ok());
        if let Some(place) = from.and_then(|from| places.get_mut(from)) {
            *place = at;
        }
    }
    places
}

/// The cases of a ledger in the order in which they are met, and for each entry which of them it is of.
struct Met {
    order: Vec<CaseTag>,
    of: Vec<u32>,
}

/// Returns the cases as the entries name them; each entry's is looked up once.
fn met(facts: &[&Fact]) -> Met {
    let (mut order, mut known) = (Vec::new(), HashMap::new());
    let mut place = |case: CaseTag| {
        *known.entry(case).or_insert_with(|| {
            order.push(case);
            u32::try_from(order.len() - 1).unwrap_or(NOWHERE)
        })
    };
    let of = facts.iter().map(|fact| fact.case.map_or(NOWHERE, &mut place)).collect();
    Met { order, of }
}

/// Statements of one act refer to each other before they have numbers: returns the places of those that are named so.
fn digests(facts: &[&Fact]) -> HashMap<Digest, u32> {
    let references = facts.iter().flat_map(|fact| &fact.references);
    let named: HashSet<Digest> =
        references.filter(|reference| reference.entry == UNKNOWN).map(|reference| reference.digest).collect();
    if named.is_empty() {
        return HashMap::new();
    }
    let there = (0_u32..).zip(facts).filter(|(_, fact)| named.contains(&fact.digest));
    there.map(|(at, fact)| (fact.digest, at)).collect()
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

    /// The same, if it is open, with what is planned and would close it.
    pub(super) fn planned(self, fact: Option<&Fact>) -> Item {
        match (self.closed, fact) {
            (None, Some(fact)) => self.about(About::Planned(fact.entry)),
            _ => self,
        }
    }

    /// The same with something to say.
    pub(super) fn about(mut self, about: About) -> Item {
        self.about = about;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::tests::{Story, concern, parent};
    use crate::rules::pack::{BUILT_IN, Pack};

    #[test]
    fn a_kind_that_is_not_kept_apart_is_found_all_the_same() {
        let known: Vec<&str> = RARE.into_iter().filter(|name| KindNumber::of(name).is_some()).collect();
        assert_eq!(known, RARE);
        let mut story = Story::new();
        let first = story.enter("sam", "2026-10-05 09:00", concern("2026-10-05 09:00"));
        story.enter("sam", "2026-10-05 09:05", parent("2026-10-05 09:00", "priya", "PR-1"));
        let rare = story.set_up("maria", "2026-10-05 09:10", "statement.late", Vec::new(), &[]);
        let last = story.enter("sam", "2026-10-05 09:20", concern("2026-10-05 09:00"));
        let rules = Rulebook::new(Pack::parse(BUILT_IN).unwrap());
        let book = Book::open(&story.facts, &rules, &|_, _, _| Vec::new());
        let all = |kinds: &[&str]| book.all_of(kinds).iter().map(|fact| fact.entry).collect::<Vec<_>>();
        assert_eq!(all(&["statement.late"]), [rare]);
        assert_eq!(all(&["concern.observed"]), [first, last]);
        assert_eq!(all(&["statement.late", "concern.observed"]), [first, rare, last]);
        assert_eq!(all(&["no.such.kind"]), [0; 0]);
    }
}
