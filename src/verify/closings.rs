//! What closings say, compared with the entries they speak of: a closing is one overseer's word, and this is what holds them
//! to it.
//!
//! Of each entry the minute in which it was recorded and its sort are kept (8 bytes), of each closing what it says; all is
//! judged at the end, since what is known of an entry that was retired stands behind it. Running hashes are kept by folder,
//! and the digests for them are looked up again.
//!
//! Nobody is accused of what cannot be seen here: where it takes an entry that could not be opened to say that a closing is
//! wrong, the closing is named as one that could not be compared.
// Long because: almost half of it are tests, by a model of a clerk who says what is so.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::rc::Rc;

use crate::codec::{Digest, KindNumber, PersonId};
use crate::entry::statement::Body;
use crate::review::closings::NO_WRITING;
use crate::review::retiring::{Row, kind_class, structure_stays};
use crate::review::says::{Says, Unopened};
use crate::rules::clock;
use crate::seal::case_map::{CaseFolder, CaseMap};
use crate::tree::Hash;
use crate::verify::report::Code;

/// Entries of which the earliest and latest minute are kept together.
const PAGE: usize = 1024;
/// How many different sets of entries may be left out of maps: each costs another look at all digests.
const LOOKS: usize = 16;
/// Milliseconds of a minute: days begin with one.
const MINUTE: i64 = 60_000;

/// A closing as it was signed.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Its entry.
    pub entry: u64,
    /// Who signed it.
    pub person: PersonId,
    /// Whether that person oversaw then: nobody else's closing counts.
    pub oversees: bool,
    /// How many entries its author had seen.
    pub size: u64,
    /// The root of those, where the walk had it at hand.
    pub root: Option<Hash>,
    /// The structure seed.
    pub seed: [u8; 32],
    /// What it says.
    pub says: Says,
}

/// Why something that a closing says was not compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Left {
    /// History was altered: what is here may not be what its signer saw.
    Altered,
    /// Entries before it were looked at in an earlier verify, and not opened again.
    Continued,
    /// Its signer was no overseer then: it closes nothing.
    NoOverseer,
    /// It would take entries that could not be opened here.
    Unopened,
    /// The clock had gone back, so that the days do not lie one after the other.
    Clock,
    /// Too many different lists of entries that could not be opened.
    TooMany,
}

/// What came of comparing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Compared {
    /// Closings of which everything that can be compared was.
    pub compared: u64,
    /// The others, in order of entry, each with the reason.
    pub left: Vec<(u64, Left)>,
}

/// What closings ask of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Sort {
    Hidden,
    Opened { kind: KindNumber, folder: Option<CaseFolder>, restricted: bool },
}

/// Entries that follow each other: the minute in which each was recorded, and its sort.
struct Page {
    earliest: u32,
    latest: u32,
    entries: Vec<(u32, u32)>,
}

/// What the rows of retirements keep of an entry, and the entry that says so.
pub type Rows = BTreeMap<u64, (Row, u64)>;

/// A closing, and what its signer's closings name as unopened.
type OfOne<'c> = (&'c Claim, Rc<BTreeSet<u64>>);

/// Every entry, as far as closings ask, and every closing.
#[derive(Default)]
pub struct Closings {
    pages: Vec<Page>,
    sorts: Vec<Sort>,
    places: HashMap<Sort, u32>,
    claims: Vec<Claim>,
}

impl Closings {
    /// Takes in the next entry: when it was recorded, in milliseconds UTC, and what its structure says if it was opened.
    pub fn note(&mut self, recorded: i64, body: Option<&Body>) {
        let sort = body.map_or(Sort::Hidden, |body| {
            let folder = body.folder();
            let restricted = folder.is_some_and(|folder| folder.restricted());
            Sort::Opened { kind: body.kind, folder: CaseFolder::new(body.case, folder), restricted }
        });
        let next = u32::try_from(self.sorts.len()).unwrap_or(u32::MAX);
        let place = *self.places.entry(sort).or_insert_with(|| {
            self.sorts.push(sort);
            next
        });
        let minute = minute(recorded);
        match self.pages.last_mut().filter(|page| page.entries.len() < PAGE) {
            Some(page) => {
                (page.earliest, page.latest) = (page.earliest.min(minute), page.latest.max(minute));
                page.entries.push((minute, place));
            }
            None => {
                let mut entries = Vec::with_capacity(PAGE);
                entries.push((minute, place));
                self.pages.push(Page { earliest: minute, latest: minute, entries });
            }
        }
    }

    /// Takes in a closing.
    pub fn claim(&mut self, claim: Claim) {
        self.claims.push(claim);
    }

    /// Whether there is no closing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.claims.is_empty()
    }

    /// Leaves every closing aside, for one reason.
    #[must_use]
    pub fn leave(&self, why: Left) -> Compared {
        Compared { compared: 0, left: self.claims.iter().map(|claim| (claim.entry, why)).collect() }
    }

    /// Compares every closing with the entries. `root` gives the root at a size that the walk had not at hand, `digest` an
    /// entry's statement digest. Returns what could be compared, and what is wrong.
    ///
    /// # Errors
    /// Those of looking.
    pub fn judge(
        &self,
        rows: &Rows,
        root: &dyn Fn(u64) -> Option<Hash>,
        digest: &mut dyn FnMut(u64) -> io::Result<Option<Digest>>,
    ) -> io::Result<(Compared, Vec<(u64, Code)>)> {
        let (mut left, mut found) = (BTreeMap::new(), Vec::new());
        let mut named = Unopened::default();
        let mut maps: BTreeMap<Vec<u64>, Vec<OfOne<'_>>> = BTreeMap::new();
        let mut newest: HashMap<PersonId, Rc<BTreeSet<u64>>> = HashMap::new();
        for claim in &self.claims {
            if !claim.oversees {
                left.insert(claim.entry, Left::NoOverseer);
                continue;
            }
            let says = &claim.says;
            let ours = claim.root.or_else(|| root(claim.size)).map(|root| Digest::new(root.0));
            if says.size != Some(claim.size) || ours.is_some_and(|ours| says.root != Some(ours)) {
                found.push((claim.entry, Code::ClosingHead));
            }
            if says.unopened.iter().any(|entry| self.opens(*entry, claim.size, rows)) {
                found.push((claim.entry, Code::ClosingUnopened));
            }
            if !self.counts_fit(claim, rows) {
                match self.clock_went_back(claim) {
                    true => drop(left.insert(claim.entry, Left::Clock)),
                    false => found.push((claim.entry, Code::ClosingCounts)),
                }
            }
            named.close(claim.person, says, &mut |entry| self.recorded(entry));
            if says.case_map.is_some() {
                // The lists of one person hardly ever differ: they are kept once.
                let now = named.of(claim.person);
                let kept = newest.entry(claim.person).or_default();
                if **kept != now {
                    *kept = Rc::new(now);
                }
                let named = Rc::clone(kept);
                let out = named.iter().filter(|entry| **entry < claim.size && self.folder(**entry, rows).is_some());
                maps.entry(out.copied().collect()).or_default().push((claim, named));
            }
        }
        for (at, (out, mut claims)) in maps.into_iter().enumerate() {
            if at >= LOOKS {
                left.extend(claims.iter().map(|(claim, _)| (claim.entry, Left::TooMany)));
                continue;
            }
            claims.sort_by_key(|(claim, _)| claim.size);
            for (claim, fits) in claims.iter().zip(self.maps_fit(&out, &claims, rows, digest)?) {
                let (claim, named) = claim;
                match fits {
                    Some(true) => {}
                    Some(false) if !self.hides(claim.size, named, rows) => found.push((claim.entry, Code::CaseMap)),
                    Some(false) => drop(left.insert(claim.entry, Left::Unopened)),
                    // What lay in the log has changed since it was walked over.
                    None => drop(left.insert(claim.entry, Left::Altered)),
                }
            }
        }
        let compared = (self.claims.len() - left.len()) as u64;
        Ok((Compared { compared, left: left.into_iter().collect() }, found))
    }

    /// Says of each closing whether its case map is the one that the entries give, `out` left out; none where an entry cannot
    /// be looked up again. They come in order of size.
    fn maps_fit(
        &self,
        out: &[u64],
        claims: &[OfOne<'_>],
        rows: &Rows,
        digest: &mut dyn FnMut(u64) -> io::Result<Option<Digest>>,
    ) -> io::Result<Vec<Option<bool>>> {
        let (mut map, mut next, mut whole, mut fit) = (CaseMap::default(), 0, true, Vec::new());
        for (claim, _) in claims {
            for entry in next..claim.size {
                if let Some(folder) = self.folder(entry, rows).filter(|_| out.binary_search(&entry).is_err()) {
                    let digest = digest(entry)?;
                    whole &= digest.is_some();
                    map.add(folder, &digest.unwrap_or(Digest::ZERO));
                }
            }
            next = next.max(claim.size);
            fit.push(whole.then(|| claim.says.case_map == Some(map.root(&claim.seed))));
        }
        Ok(fit)
    }

    /// Whether what a closing says of its days fits the entries recorded in them, as far as these can be seen.
    fn counts_fit(&self, claim: &Claim, rows: &Rows) -> bool {
        let Some((from, to)) = claim.says.days else { return true };
        let (begin, end) = (minute(clock::begin_of_day(from)), minute(clock::end_of_day(to)));
        let listed: BTreeSet<u64> = claim.says.unopened.iter().copied().collect();
        let mut days = Days::default();
        for (at, page) in self.pages.iter().enumerate() {
            let first = (at * PAGE) as u64;
            if first >= claim.size {
                break;
            }
            if page.latest < begin || page.earliest > end {
                continue;
            }
            let within = (first..claim.size).zip(&page.entries).filter(|(_, (at, _))| (begin..=end).contains(at));
            for (entry, (_, place)) in within {
                days.entries += 1;
                let (sort, row) = (self.sorts.get(*place as usize), rows.get(&entry));
                match self.gone(sort, row, claim.size) {
                    _ if listed.contains(&entry) => days.listed += 1,
                    true => days.gone += 1,
                    false => days.add(sort, row.map(|(row, _)| row)),
                }
            }
        }
        claim.says.entries.is_none_or(|entries| entries == days.entries)
            && days.kinds_fit(&claim.says.kinds)
            && days.nil().is_none_or(|nil| claim.says.nil.is_none_or(|said| said == nil))
    }

    /// Whether an entry had been retired when a ledger had so many, so that nobody could open it.
    fn gone(&self, sort: Option<&Sort>, row: Option<&(Row, u64)>, size: u64) -> bool {
        let stays = matches!(sort, Some(Sort::Opened { kind, .. }) if structure_stays(*kind));
        row.is_some_and(|(_, done)| *done < size) && !stays
    }

    /// Whether an entry certainly opened to every overseer when the ledger had so many, or was not there.
    fn opens(&self, entry: u64, size: u64, rows: &Rows) -> bool {
        let (sort, row) = (self.sort(entry), rows.get(&entry));
        let open = match (sort, row) {
            (Some(Sort::Opened { restricted, .. }), _) => !restricted,
            (Some(Sort::Hidden), Some((row, _))) => !row.folder.restricted(),
            _ => false,
        };
        entry >= size || (open && !self.gone(sort.as_ref(), row, size))
    }

    /// Whether there are entries below a size that could not be opened here, were not retired, and are not among those named.
    fn hides(&self, size: u64, named: &BTreeSet<u64>, rows: &Rows) -> bool {
        let hidden = |entry: &u64| self.sort(*entry) == Some(Sort::Hidden);
        (0..size).filter(hidden).any(|entry| !rows.contains_key(&entry) && !named.contains(&entry))
    }

    /// Whether an entry that a closing speaks of was recorded in its days or later, and one behind it before them.
    fn clock_went_back(&self, claim: &Claim) -> bool {
        let Some((from, _)) = claim.says.days else { return false };
        let begin = minute(clock::begin_of_day(from));
        let entries = self.pages.iter().flat_map(|page| &page.entries);
        let mut within = entries.take(usize::try_from(claim.size).unwrap_or(usize::MAX)).map(|(at, _)| *at >= begin);
        within.any(|within| within) && within.any(|within| !within)
    }

    /// Returns the folder by which an entry stands in case maps: as it says itself, or as is kept of it.
    fn folder(&self, entry: u64, rows: &Rows) -> Option<CaseFolder> {
        match self.sort(entry)? {
            Sort::Opened { folder, .. } => folder,
            Sort::Hidden => rows.get(&entry).and_then(|(row, _)| CaseFolder::new(row.case, Some(row.folder))),
        }
    }

    fn recorded(&self, entry: u64) -> Option<i64> {
        self.place(entry).map(|(minute, _)| i64::from(minute) * MINUTE)
    }

    fn sort(&self, entry: u64) -> Option<Sort> {
        self.sorts.get(self.place(entry)?.1 as usize).copied()
    }

    fn place(&self, entry: u64) -> Option<(u32, u32)> {
        let entry = usize::try_from(entry).ok()?;
        self.pages.get(entry / PAGE)?.entries.get(entry % PAGE).copied()
    }
}

/// The entries of a closing's days.
#[derive(Default)]
struct Days {
    entries: u64,
    /// Those that the closing names as unopened.
    listed: u64,
    /// Those that were retired before it.
    gone: u64,
    /// Those that its signer opened, by kind.
    kinds: HashMap<KindNumber, u64>,
    /// Those that were retired since, by sort.
    classes: BTreeMap<&'static str, u64>,
    /// Those of which nothing is known here.
    unknown: u64,
}

impl Days {
    fn add(&mut self, sort: Option<&Sort>, row: Option<&Row>) {
        match (sort, row) {
            (Some(Sort::Opened { kind, .. }), _) => *self.kinds.entry(*kind).or_default() += 1,
            (_, Some(row)) if !row.class.is_empty() => *self.classes.entry(row.class).or_default() += 1,
            _ => self.unknown += 1,
        }
    }

    /// Whether the counts by kind are those of what is known, and leave exactly as many as are not.
    fn kinds_fit(&self, said: &[(String, u64)]) -> bool {
        // Counts by kind may be left out.
        if said.is_empty() {
            return true;
        }
        let mut more: BTreeMap<&str, u64> = BTreeMap::new();
        let mut left = self.kinds.clone();
        for (name, count) in said {
            let Some(kind) = KindNumber::of(name) else { return false };
            let Some(extra) = count.checked_sub(left.remove(&kind).unwrap_or_default()) else { return false };
            if extra > 0 {
                let sum = more.entry(kind_class(kind)).or_default();
                *sum = sum.saturating_add(extra);
            }
        }
        if !left.is_empty() {
            return false;
        }
        let retired = |class: &str| self.classes.get(class).copied().unwrap_or_default();
        let enough = self.classes.iter().all(|(class, count)| more.get(class).is_some_and(|more| more >= count));
        let beyond = more.iter().map(|(class, more)| more.saturating_sub(retired(class)));
        enough && beyond.fold(0, u64::saturating_add) <= self.unknown
    }

    /// Whether nothing was written in them; none where that is not known.
    fn nil(&self) -> Option<bool> {
        let writing = |kind: &KindNumber| kind.name().is_none_or(|name| !NO_WRITING.contains(&name));
        let readings: [&str; 2] = NO_WRITING.map(|name| KindNumber::of(name).map_or("", kind_class));
        let written = self.classes.keys().any(|class| !readings.contains(class));
        match self.listed > 0 || self.gone > 0 || written || self.kinds.keys().any(writing) {
            true => Some(false),
            false => (self.unknown == 0 && self.classes.is_empty()).then_some(true),
        }
    }
}

fn minute(milliseconds: i64) -> u32 {
    u32::try_from(milliseconds.div_euclid(MINUTE).max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::codec::{CaseTag, Folder};
    use crate::decision::people::Role;
    use crate::entry::statement::tests::body;
    use crate::keys::SigningKey;

    const MARIA: PersonId = PersonId::new([1; 16]);
    const JON: PersonId = PersonId::new([2; 16]);

    /// An entry: the day it was recorded on, kind, case, folder; whether it opens to the verifier, and to each overseer.
    #[derive(Debug, Clone)]
    struct One {
        day: u8,
        kind: &'static str,
        case: u8,
        folder: Folder,
        /// The entry of the `retire.done` that names it; its structure is gone.
        done: Option<u64>,
    }

    fn at(day: u8) -> i64 {
        clock::parse(&format!("2026-10-{:02} 12:00", day + 5)).unwrap().milliseconds
    }

    fn date(day: u8) -> chrono::NaiveDate {
        clock::london_day(at(day))
    }

    fn digest(entry: u64) -> Digest {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&entry.to_be_bytes());
        Digest::new(bytes)
    }

    fn folder_of(one: &One) -> Option<CaseFolder> {
        CaseFolder::new(Some(CaseTag::new([one.case; 16])), Some(one.folder))
    }

    /// Whether it is Maria who looks, or somebody to whom `staff` and `legal` open.
    fn opens(one: &One, by: PersonId) -> bool {
        by != MARIA || !one.folder.restricted()
    }

    fn walk(entries: &[One], by: PersonId) -> (Closings, Rows) {
        let key = SigningKey::from_seed(&[1; 32]);
        let (mut closings, mut rows) = (Closings::default(), Rows::new());
        for (entry, one) in (0..).zip(entries) {
            let mut said = body(&key);
            (said.kind, said.case) = (KindNumber::of(one.kind).unwrap(), Some(CaseTag::new([one.case; 16])));
            said.folder = one.folder as u8;
            let open = one.done.is_none() && opens(one, by);
            closings.note(at(one.day), open.then_some(&said));
            if let Some(done) = one.done {
                let (key, sequence, previous, due) = ([0; 32], 0, Digest::ZERO, None);
                let (case, class) = (Some(CaseTag::new([one.case; 16])), kind_class(said.kind));
                let row = Row { entry, key, sequence, previous, case, folder: one.folder, class, due };
                rows.insert(entry, (row, done));
            }
        }
        (closings, rows)
    }

    /// What an honest overseer signs when the ledger has so many entries, entry by entry.
    fn honest(entries: &[One], size: u64, days: (u8, u8), person: PersonId) -> Claim {
        let entry = size;
        let mut says = Says { days: Some((date(days.0), date(days.1))), size: Some(size), ..Says::default() };
        let (mut kinds, mut map, mut nil, mut count) = (BTreeMap::new(), CaseMap::default(), true, 0);
        for (entry, one) in (0..size).zip(entries) {
            let within = (days.0..=days.1).contains(&one.day);
            count += u64::from(within);
            let gone = one.done.is_some_and(|done| done < size);
            if !gone && !opens(one, person) {
                says.unopened.push(entry);
                nil &= !within;
            } else if within && gone {
                nil = false;
            } else if within {
                nil &= NO_WRITING.contains(&one.kind);
                *kinds.entry(one.kind.to_owned()).or_default() += 1;
            }
            if let Some(folder) = folder_of(one) {
                map.add(folder, &digest(entry));
            }
        }
        (says.entries, says.nil, says.kinds) = (Some(count), Some(nil), kinds.into_iter().collect());
        let seed = [9; 32];
        says.case_map = Some(map.root(&seed));
        says.root = Some(Digest::new([size as u8; 32]));
        let (oversees, root) = (Role::Dsl.is_overseer(), Some(Hash([size as u8; 32])));
        Claim { entry, person, oversees, size, root, seed, says }
    }

    fn judged(entries: &[One], by: PersonId, claims: &[Claim]) -> (Compared, Vec<(u64, Code)>) {
        let (mut closings, rows) = walk(entries, by);
        claims.iter().for_each(|claim| closings.claim(claim.clone()));
        closings.judge(&rows, &|_| None, &mut |entry| Ok(Some(digest(entry)))).unwrap()
    }

    fn entry() -> impl Strategy<Value = (u8, usize, u8, usize, Option<u8>)> {
        (0..2u8, 0..5usize, 0..3u8, 0..5usize, prop::option::weighted(0.2, 0..40u8))
    }

    /// Entries whose days do not fall.
    fn entries() -> impl Strategy<Value = Vec<One>> {
        let kinds = ["concern.observed", "decision.noshare", "closing", "body.read", "discussion"];
        let folders = [Folder::General, Folder::Protection, Folder::Legal, Folder::Staff, Folder::None];
        prop::collection::vec(entry(), 1..40).prop_map(move |drawn| {
            let mut day = 0;
            let one = |(entry, (more, kind, case, folder, done)): (u64, (u8, usize, u8, usize, Option<u8>))| {
                day += u8::from(more > 0 && entry % 4 == 0);
                let done = done.map(|done| entry + 1 + u64::from(done));
                One { day, kind: kinds[kind], case, folder: folders[folder], done }
            };
            (0..).zip(drawn).map(one).collect()
        })
    }

    proptest! {
        #[test]
        fn nobody_who_says_what_is_so_is_accused(
            entries in entries(), sizes in prop::collection::vec((0.0..1.0f64, 0..12u8, 0..4u8), 1..6), by: bool
        ) {
            let by = if by { MARIA } else { JON };
            for person in [MARIA, JON] {
                let claim = |(part, from, more): &(f64, u8, u8)| {
                    let size = (part * entries.len() as f64) as u64;
                    honest(&entries, size, (*from, from + more), person)
                };
                let claims: Vec<Claim> = sizes.iter().map(claim).collect();
                let (compared, found) = judged(&entries, by, &claims);
                prop_assert_eq!(found, vec![]);
                prop_assert_eq!(compared.left, vec![]);
            }
        }

        #[test]
        fn whoever_says_anything_else_is_named(
            entries in entries(), part in 0.0..1.0f64, from in 0..8u8, more in 0..4u8, what in 0..7usize, pick: usize
        ) {
            let size = 1 + (part * (entries.len() - 1) as f64) as u64;
            let mut claim = honest(&entries, size, (from, from + more), JON);
            let says = &mut claim.says;
            let code = match what {
                0 => {
                    says.entries = says.entries.map(|entries| entries + 1);
                    Code::ClosingCounts
                }
                1 if !says.kinds.is_empty() => {
                    let at = pick % says.kinds.len();
                    says.kinds[at].1 += 1;
                    Code::ClosingCounts
                }
                2 if says.kinds.len() > 1 => {
                    let at = pick % says.kinds.len();
                    says.kinds.remove(at);
                    Code::ClosingCounts
                }
                3 => {
                    says.root = Some(Digest::ZERO);
                    Code::ClosingHead
                }
                4 => {
                    let (number, one) = (pick as u64 % size, &entries[pick % size as usize]);
                    let gone = one.done.is_some_and(|done| done < size);
                    prop_assume!(!gone && !one.folder.restricted());
                    says.unopened.push(number);
                    Code::ClosingUnopened
                }
                _ => {
                    // One entry less in its folder.
                    let (number, mut map) = (pick as u64 % size, CaseMap::default());
                    prop_assume!(folder_of(&entries[number as usize]).is_some());
                    for (entry, one) in (0..size).zip(&entries).filter(|(entry, _)| *entry != number) {
                        folder_of(one).into_iter().for_each(|folder| map.add(folder, &digest(entry)));
                    }
                    says.case_map = Some(map.root(&claim.seed));
                    Code::CaseMap
                }
            };
            let (compared, found) = judged(&entries, JON, std::slice::from_ref(&claim));
            prop_assert!(found.contains(&(size, code)), "{:?} {:?}", found, compared);
            prop_assert_eq!(compared.left, vec![]);
        }
    }

    fn one(day: u8, kind: &'static str, folder: Folder) -> One {
        One { day, kind, case: 1, folder, done: None }
    }

    #[test]
    fn retired_entries_count_by_their_sort_alone() {
        let mut entries: Vec<One> = (0..6).map(|_| one(1, "concern.observed", Folder::General)).collect();
        entries.push(one(1, "decision.noshare", Folder::General));
        let before = honest(&entries, 7, (1, 1), JON);
        (entries[1].done, entries[6].done) = (Some(9), Some(9));
        let claims = |change: &dyn Fn(&mut Claim)| {
            let mut claim = before.clone();
            change(&mut claim);
            judged(&entries, JON, &[claim]).1
        };
        assert_eq!(claims(&|_| ()), []);
        // What was of one sort cannot be said to have been of another; of its own sort nobody can tell.
        let kinds = |kinds: &[(&str, u64)]| {
            let kinds: Vec<(String, u64)> = kinds.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
            claims(&move |claim| claim.says.kinds.clone_from(&kinds))
        };
        assert_eq!(kinds(&[("concern.observed", 5), ("discussion", 1), ("decision.monitor", 1)]), []);
        let wrong = [(7, Code::ClosingCounts)];
        assert_eq!(kinds(&[("concern.observed", 7)]), wrong);
        assert_eq!(kinds(&[("concern.observed", 6)]), wrong);
        assert_eq!(kinds(&[("concern.observed", 4), ("discussion", 2), ("decision.noshare", 1)]), wrong);
        // What is kept of a retired entry is held against the closing, too: one of the two is not true.
        entries[1].case = 2;
        assert_eq!(judged(&entries, JON, &[before]).1, [(7, Code::CaseMap)]);
    }

    #[test]
    fn where_the_clock_went_back_counts_are_left_and_nothing_else() {
        let day = |day| one(day, "concern.observed", Folder::General);
        let entries = [day(3), day(1), day(3)];
        let mut claim = honest(&entries, 3, (2, 3), JON);
        assert_eq!(
            judged(&entries, JON, std::slice::from_ref(&claim)),
            (Compared { compared: 1, left: vec![] }, vec![])
        );
        claim.says.entries = Some(1);
        let (compared, found) = judged(&entries, JON, std::slice::from_ref(&claim));
        assert_eq!((compared.left, found), (vec![(3, Left::Clock)], vec![]));
        // Nothing was recorded before these days, and what was so far is in order.
        let mut claim = honest(&entries, 3, (1, 1), JON);
        claim.says.entries = Some(2);
        assert_eq!(judged(&entries, JON, &[claim]).1, [(3, Code::ClosingCounts)]);
        let mut claim = honest(&entries, 1, (3, 3), JON);
        claim.says.entries = Some(2);
        assert_eq!(judged(&entries, JON, &[claim]).1, [(1, Code::ClosingCounts)]);
    }

    #[test]
    fn every_list_costs_a_look_and_there_are_only_so_many() {
        let entries: Vec<One> = (0..30).map(|_| one(1, "concern.observed", Folder::General)).collect();
        // A liar names one more entry each time.
        let claims: Vec<Claim> = (0..30u64)
            .map(|named| {
                let mut claim = honest(&entries, 30, (2, 2), PersonId::new([named as u8; 16]));
                claim.entry = 30 + named;
                claim.says.unopened = vec![named];
                claim
            })
            .collect();
        let (compared, found) = judged(&entries, JON, &claims);
        assert_eq!(found.iter().filter(|(_, code)| *code == Code::ClosingUnopened).count(), 30);
        assert_eq!(found.iter().filter(|(_, code)| *code == Code::CaseMap).count(), LOOKS);
        assert!(compared.left.len() == 30 - LOOKS && compared.left.iter().all(|(_, why)| *why == Left::TooMany));
    }

    #[test]
    fn what_cannot_be_looked_up_again_is_left() {
        let entries = [one(1, "concern.observed", Folder::General)];
        let (mut closings, rows) = walk(&entries, JON);
        closings.claim(honest(&entries, 1, (1, 1), JON));
        let (compared, found) = closings.judge(&rows, &|_| None, &mut |_| Ok(None)).unwrap();
        assert_eq!((compared.left, found), (vec![(1, Left::Altered)], vec![]));
    }
}
