//! What closings say, compared with the entries they speak of: a closing is one overseer's word, and this is what holds them
//! to it.
//!
//! Of each entry the minute in which it was recorded and its sort are kept (8 bytes), of each closing what it says; all is
//! judged at the end, since what is known of an entry that was retired stands behind it. Running hashes are kept by folder,
//! and the digests for them are looked up again.
//!
//! Nobody is accused of what cannot be seen here: where it takes an entry that could not be opened to say that a closing is
//! wrong, the closing is named as one that could not be compared.

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
