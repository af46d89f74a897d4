//! What the rules know of a ledger's entries, as far as a device opens them, and the review over it.
//!
//! Opening every entry anew would take seconds in a large ledger. So what was read is kept in the index, sealed under the very
//! structure key that opens the entries it tells of: who has that key may read both, and when the key is destroyed both are gone.
//! Of entries that open by other keys only the numbers are kept. The pages are cards: burnt, they are made anew.
// Long because: pages, what opens elsewhere and what was entered since have to come to the same facts, in one place.

#![expect(clippy::vec_box, reason = "facts are large, and are laid in order after they were read")]

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use serde::{Deserialize, Serialize};

use crate::cabinet::folder_keys;
use crate::codec::{self, CaseTag, Digest, FolderKeyId, PersonId};
use crate::decision::value::field;
use crate::entry::envelope::Envelope;
use crate::entry::statement::Body;
use crate::index::Index;
use crate::ledger::LedgerError;
use crate::ledger::desk::{Desk, keys_of};
use crate::ledger::read::open_statement;
use crate::review::fact::{Fact, may_be_asked};
use crate::review::item::Review;
use crate::review::look::{Look, review};
use crate::review::values::Held;
use crate::seal::structure::{self, StructureKey, StructurePart};
use crate::store::disk::Disk;
use crate::verify::entry::Keys;

/// What the pages stand under: what they say is worked out by this program, so another version reads the log anew.
const LABEL: &[u8] = concat!("facts, ", env!("CARGO_PKG_VERSION"), ", 4").as_bytes();
/// What the list of those in no page stands under.
const ELSEWHERE: &[u8] = b"facts elsewhere, 4";
/// Facts in one page.
const PAGE: usize = 512;
/// Most bytes of one page: as many statements of the largest size.
const PAGE_LIMIT: usize = PAGE << 16;

/// What is known of the entries of a ledger.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The entries that could be read and that rules may ask for, in order.
    pub facts: Vec<Box<Fact>>,
    /// The numbers of those that could not be read and were not retired.
    pub unseen: Vec<u64>,
    upto: u64,
}

/// How far the pages of one key have come.
#[derive(Serialize, Deserialize)]
struct PageHead {
    upto: u64,
    count: u64,
}

/// A page: facts, and for each the pack and the policy that it names, by their place among those which the page names.
#[derive(Serialize, Deserialize)]
struct Page {
    rules: Vec<(Digest, Digest)>,
    by: Vec<u32>,
    facts: Vec<Box<Fact>>,
}

/// Entries in no page of a structure key, up to some entry.
#[derive(Serialize, Deserialize)]
struct Elsewhere {
    upto: u64,
    /// Those that open by other keys.
    entries: Vec<u64>,
    /// The public ones that rules ask for.
    public: Vec<u64>,
    /// Which keys there were: with others, other entries open.
    keys: Digest,
}

/// The pages of one structure key while they are brought up to the log.
struct Pages<'a> {
    key: &'a StructureKey,
    opens: Keys,
    upto: u64,
    /// Whole pages, which stay as they are.
    whole: Vec<Vec<Box<Fact>>>,
    /// What the last page has, and what comes after it.
    facts: Vec<Box<Fact>>,
}

impl<D: Disk> Desk<D> {
    /// Hands over what the rules know of every entry, brought up to the log.
    ///
    /// # Errors
    /// Those of the store.
    pub fn with_facts<R>(&self, use_them: impl FnOnce(&Known) -> R) -> Result<R, LedgerError> {
        let mut known = self.known.borrow_mut();
        match known.as_mut() {
            Some(known) => self.read_on_facts(known)?,
            None => *known = Some(self.load_facts()?),
        }
        let empty = Known::default();
        Ok(use_them(known.as_ref().unwrap_or(&empty)))
    }

    /// Forgets what was read: after keys changed.
    pub(super) fn forget_facts(&self) {
        *self.known.borrow_mut() = None;
    }

    /// Looks at the whole ledger by every rule, at a time in milliseconds UTC.
    ///
    /// # Errors
    /// Those of the store.
    pub fn review(&self, now: i64) -> Result<Review, LedgerError> {
        self.with_facts(|known| {
            let roster = &self.roster;
            let roles = |person: PersonId, entry: u64, at: i64| roster.roles(person, entry, at);
            let (facts, unseen, oversees) = (&known.facts, &known.unseen, self.is_overseer());
            review(&Look { facts, unseen, rules: self.rules(), roles: &roles, oversees, now })
        })
    }

    /// Hands over the facts of one case and of the setting's own folders: what the gate asks before an act.
    ///
    /// # Errors
    /// Those of the store.
    pub fn facts_around(&self, case: Option<CaseTag>) -> Result<Vec<Box<Fact>>, LedgerError> {
        self.with_facts(|known| {
            known.facts.iter().filter(|fact| fact.case.is_none() || fact.case == case).cloned().collect()
        })
    }

    /// Reads the pages, and the log from where they end.
    fn load_facts(&self) -> Result<Known, LedgerError> {
        let size = self.ledger.size();
        let own = self.structure_key()?;
        let mut pages = self.load_pages(size);
        let mut others = self.load_elsewhere(own, size);
        let public = self.roster.public().to_vec();
        let (from, others_from) = (pages.iter().map(|page| page.upto).min().unwrap_or(size), others.upto);
        let opener = self.opener();
        let mut found: Vec<Box<Fact>> = Vec::new();
        if from.min(others_from) < size {
            let from = from.min(others_from);
            let mut before = self.recorded_before(from)?;
            self.ledger.envelopes_from(from, &mut |envelope, structure, words| {
                let (number, digest) = (envelope.number.0, envelope.statement);
                let back = before.replace(envelope.recorded).is_some_and(|before| envelope.recorded < before);
                let Ok(StructurePart::Sealed(sealed)) = structure::parse(structure) else { return };
                if let Some(page) = pages.iter_mut().find(|page| sealed.fits(page.key, &digest)) {
                    if number >= page.upto
                        && let Some(statement) = open_statement(&digest, structure, words, &page.opens)
                    {
                        page.facts.push(self.fact_of(envelope, back, statement.body()));
                    }
                } else if number >= others_from
                    && let Some(statement) = opener.open(&digest, structure, words)
                {
                    others.entries.push(number);
                    found.push(self.fact_of(envelope, back, statement.body()));
                }
            })?;
        }
        let there: BTreeSet<u64> = found.iter().map(|fact| fact.entry).collect();
        let new = public.iter().copied().filter(|number| *number >= others_from);
        let wanted: Vec<u64> = others.public.iter().chain(&others.entries).copied().chain(new).collect();
        for number in wanted.into_iter().filter(|number| !there.contains(number)) {
            let stored = self.ledger.entry(number)?;
            let clear = stored.statement(&Keys::default());
            let is_public = clear.is_some();
            let statement =
                clear.or_else(|| opener.open(&stored.envelope().statement, stored.structure(), stored.words()));
            if let Some(statement) = statement.filter(|one| may_be_asked(one.body().kind)) {
                if is_public && number >= others_from {
                    others.public.push(number);
                }
                let back = self.recorded_before(number)?.is_some_and(|before| stored.envelope().recorded < before);
                found.push(self.fact_of(stored.envelope(), back, statement.body()));
            }
        }
        for page in &mut pages {
            self.keep_pages(page, size);
        }
        if others_from < size {
            let kept = Elsewhere { upto: size, ..others };
            if let Ok(content) = codec::encode(&kept, PAGE_LIMIT) {
                self.ledger.cards().set_sealed(own, ELSEWHERE, content);
            }
        }
        found.sort_by_key(|fact| fact.entry);
        let rows = pages.into_iter().map(|page| page.whole.into_iter().chain([page.facts]).flatten());
        let mut rows: Vec<Box<dyn Iterator<Item = Box<Fact>>>> = rows.map(|row| Box::new(row) as Box<_>).collect();
        rows.push(Box::new(found.into_iter()));
        let facts = in_order(rows, usize::try_from(size).unwrap_or(0));
        let unseen = unseen(&facts, &public, size);
        Ok(Known { facts, unseen, upto: size })
    }

    /// Reads what was entered since.
    fn read_on_facts(&self, known: &mut Known) -> Result<(), LedgerError> {
        let size = self.ledger.size();
        if known.upto >= size {
            return Ok(());
        }
        let opener = self.opener();
        let mut before = self.recorded_before(known.upto)?;
        let mut unseen = Vec::new();
        let mut retired = BTreeSet::new();
        self.ledger.envelopes_from(known.upto, &mut |envelope, structure, words| {
            let back = before.replace(envelope.recorded).is_some_and(|before| envelope.recorded < before);
            match opener.open(&envelope.statement, structure, words) {
                Some(statement) => {
                    let body = statement.body();
                    retired.extend(body.retires());
                    if may_be_asked(body.kind) {
                        known.facts.push(self.fact_of(envelope, back, body));
                    }
                }
                None => unseen.push(envelope.number.0),
            }
        })?;
        known.unseen.extend(unseen);
        if !retired.is_empty() {
            known.facts.retain(|fact| !retired.contains(&fact.entry));
            known.unseen.retain(|entry| !retired.contains(entry));
        }
        known.upto = size;
        Ok(())
    }

    fn recorded_before(&self, number: u64) -> Result<Option<i64>, LedgerError> {
        let before = number.checked_sub(1).filter(|before| *before < self.ledger.size());
        before.map(|before| Ok(self.ledger.entry(before)?.envelope().recorded)).transpose()
    }

    /// Takes what the rules ask out of a statement, and notes whether it leaves nothing open: that stays so.
    fn fact_of(&self, envelope: &Envelope, clock_back: bool, body: &Body) -> Box<Fact> {
        let (number, digest, rules) = (envelope.number.0, envelope.statement, self.rules());
        let mut fact = self.roster.fact(number, envelope.recorded, clock_back, digest, body);
        fact.gapless = rules.knows_pack(&fact.pack) && fact.gaps(rules.pack(&fact.pack)).is_empty();
        Box::new(fact)
    }

    /// Reads the pages of every structure key that is held, all of one key or none.
    fn load_pages(&self, size: u64) -> Vec<Pages<'_>> {
        let cards = self.ledger.cards();
        let mut all = Vec::new();
        let mut wanted = Vec::new();
        for held in &self.held {
            let Some(key) = held.key() else { continue };
            let opens = keys_of(std::iter::once(held), self.ledger_id());
            // Nobody signs before the entry that enrols the key.
            let begins = self.roster.enrolment(held.author.as_bytes()).map_or(0, |enrolment| enrolment.entry);
            let head = cards.sealed(key, LABEL).and_then(|content| codec::decode::<PageHead>(&content, 64).ok());
            let head = head.filter(|head| head.upto <= size).unwrap_or(PageHead { upto: 0, count: 0 });
            let count = usize::try_from(head.count).unwrap_or(0);
            wanted.extend((0..count.div_ceil(PAGE)).map(|page| (key, page_label(page))));
            all.push((Pages { key, opens, upto: begins, whole: Vec::new(), facts: Vec::new() }, head, count));
        }
        let read = |content: &[u8]| codec::decode::<Page>(content, PAGE_LIMIT).ok().and_then(Page::facts);
        let mut read = cards.sealed_lists(&wanted, read).into_iter();
        let pages = all.into_iter().map(|(mut pages, head, count)| {
            let own: Vec<Option<Vec<Box<Fact>>>> = read.by_ref().take(count.div_ceil(PAGE)).collect();
            let own = own.into_iter().collect::<Option<Vec<_>>>();
            if let Some(mut whole) = own.filter(|own| fills(own, count)) {
                let last = if count.is_multiple_of(PAGE) { None } else { whole.pop() };
                let mut last = last.unwrap_or_default();
                last.truncate(count % PAGE);
                (pages.upto, pages.whole, pages.facts) = (head.upto.max(pages.upto), whole, last);
            }
            pages
        });
        pages.collect()
    }

    fn keep_pages(&self, pages: &mut Pages<'_>, size: u64) {
        if pages.upto >= size {
            return;
        }
        let cards = self.ledger.cards();
        // The last page and those after it are written, and then how many facts there are.
        for (at, page) in (pages.whole.len()..).zip(pages.facts.chunks(PAGE)) {
            let Ok(content) = codec::encode(&Page::of(page), PAGE_LIMIT) else { return };
            cards.set_sealed(pages.key, &page_label(at), content);
        }
        let count = pages.whole.len() * PAGE + pages.facts.len();
        let head = PageHead { upto: size, count: count as u64 };
        if let Ok(content) = codec::encode(&head, 64) {
            cards.set_sealed(pages.key, LABEL, content);
        }
    }

    fn load_elsewhere(&self, own: &StructureKey, size: u64) -> Elsewhere {
        let content = self.ledger.cards().sealed(own, ELSEWHERE);
        let kept = content.and_then(|content| codec::decode::<Elsewhere>(&content, PAGE_LIMIT).ok());
        let keys = self.key_print();
        let kept = kept.filter(|kept| kept.upto <= size && kept.keys == keys);
        kept.unwrap_or(Elsewhere { upto: 0, entries: Vec::new(), public: Vec::new(), keys })
    }

    /// Returns a hash over which keys there are: with others, other entries open. No file is opened for it.
    fn key_print(&self) -> Digest {
        let (cabinet, oversees) = (self.ledger.cabinet(), self.is_overseer());
        let restricted = |id: &FolderKeyId| self.roster.folder_key(id).is_some_and(|one| one.folder.restricted());
        let mut ids: Vec<&FolderKeyId> = self.roster.folder_ids().filter(|id| !oversees || restricted(id)).collect();
        ids.sort_unstable();
        let mut hasher = blake3::Hasher::new();
        for id in ids {
            let stamp = folder_keys::stamp(&cabinet, *id).unwrap_or(0);
            hasher.update(id.as_bytes()).update(&stamp.to_be_bytes());
        }
        for (digest, _) in self.shown() {
            hasher.update(digest.as_bytes());
        }
        for held in &self.held {
            hasher.update(held.author.as_bytes()).update(&held.epoch.to_be_bytes());
            hasher.update(&[u8::from(held.key().is_some())]);
        }
        Digest::new(*hasher.finalize().as_bytes())
    }
}

impl Page {
    fn of(facts: &[Box<Fact>]) -> Page {
        let mut rules: Vec<(Digest, Digest)> = Vec::new();
        let mut place = |fact: &Fact| {
            let own = (fact.pack, fact.policy);
            let at = rules.iter().position(|known| *known == own).unwrap_or_else(|| {
                rules.push(own);
                rules.len() - 1
            });
            u32::try_from(at).unwrap_or(u32::MAX)
        };
        let by = facts.iter().map(|fact| place(fact)).collect();
        Page { rules, by, facts: facts.to_vec() }
    }

    /// Returns the facts, each with its pack and policy.
    fn facts(mut self) -> Option<Vec<Box<Fact>>> {
        if self.by.len() != self.facts.len() {
            return None;
        }
        for (fact, at) in self.facts.iter_mut().zip(&self.by) {
            (fact.pack, fact.policy) = *self.rules.get(*at as usize)?;
        }
        Some(self.facts)
    }
}

/// Whether these are the pages of so many facts.
fn fills(pages: &[Vec<Box<Fact>>], count: usize) -> bool {
    let Some((last, whole)) = pages.split_last() else { return count == 0 };
    let rest = count.checked_sub(whole.len() * PAGE);
    whole.iter().all(|page| page.len() == PAGE) && rest.is_some_and(|rest| (1..=PAGE.min(last.len())).contains(&rest))
}

/// Lays rows of facts together in order of entry, each entry once; each row is in order. There are about so many.
fn in_order(mut rows: Vec<Box<dyn Iterator<Item = Box<Fact>> + '_>>, about: usize) -> Vec<Box<Fact>> {
    let mut all: Vec<Box<Fact>> = Vec::with_capacity(about);
    let mut heads: Vec<Option<Box<Fact>>> = rows.iter_mut().map(Iterator::next).collect();
    let entries = heads.iter().enumerate().filter_map(|(row, head)| Some(Reverse((head.as_ref()?.entry, row))));
    let mut next: BinaryHeap<Reverse<(u64, usize)>> = entries.collect();
    while let Some(Reverse((_, row))) = next.pop() {
        let limit = next.peek().map_or(u64::MAX, |Reverse((entry, _))| *entry);
        let (Some(rest), Some(head)) = (rows.get_mut(row), heads.get_mut(row)) else { continue };
        // As long as the row goes on before the others, without asking them.
        while let Some(fact) = head.take_if(|fact| fact.entry <= limit) {
            if all.last().is_none_or(|last| last.entry < fact.entry) {
                all.push(fact);
            }
            *head = rest.next();
        }
        if let Some(head) = head {
            next.push(Reverse((head.entry, row)));
        }
    }
    all
}

/// Returns what an index tells of entries under a structure key, whether it is still believed or not.
#[must_use]
pub fn kept_under(index: &Index, key: &StructureKey) -> Vec<Box<Fact>> {
    let page = |page| codec::decode::<Page>(&index.sealed(key, &page_label(page))?, PAGE_LIMIT).ok();
    (0..).map_while(page).flat_map(|page| page.facts).collect()
}

fn page_label(page: usize) -> Vec<u8> {
    [LABEL, &u32::try_from(page).unwrap_or(u32::MAX).to_be_bytes()].concat()
}

/// Returns the entries of which nothing is known, and which were not retired.
fn unseen(facts: &[Box<Fact>], public: &[u64], size: u64) -> Vec<u64> {
    let mut seen = vec![false; usize::try_from(size).unwrap_or(0)];
    let done = facts.iter().filter(|fact| fact.name() == "retire.done");
    let retired = done.flat_map(|fact| fact.values.contents(field::RETIRED_ENTRY)).filter_map(|held| match held {
        Held::Entry(entry) => Some(entry),
        _ => None,
    });
    for entry in facts.iter().map(|fact| fact.entry).chain(public.iter().copied()).chain(retired) {
        if let Some(seen) = usize::try_from(entry).ok().and_then(|at| seen.get_mut(at)) {
            *seen = true;
        }
    }
    (0..size).zip(seen).filter(|(_, seen)| !seen).map(|(entry, _)| entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{KindNumber, RelationNumber, ShortText};
    use crate::decision::decision::Reference;
    use crate::decision::value::{Content, FieldId, Moment, Value};
    use crate::review::values::Values;

    fn fact(entry: u64, kind: &str, content: Content) -> Fact {
        let byte = u8::try_from(entry).unwrap();
        let value = Value { field: field::RETIRED_ENTRY, position: 0, content };
        Fact {
            entry,
            recorded: 1000 * i64::from(byte),
            clock_back: byte.is_multiple_of(3),
            epoch_old: (byte > 3).then_some(byte.is_multiple_of(2)),
            digest: Digest::new([byte; 32]),
            person: PersonId::new([byte; 16]),
            kind: KindNumber::of(kind).unwrap(),
            case: byte.is_multiple_of(2).then_some(CaseTag::new([byte; 16])),
            folder: 1,
            occurred: Moment::NONE,
            learned: Moment::instant(-5, 60),
            decided: Moment::NONE,
            signed: Moment::instant(7, 0),
            act: true,
            happened: false,
            values: Values::of(&[value]),
            references: vec![Reference {
                relation: RelationNumber::of("answers").unwrap(),
                entry: 0,
                digest: Digest::ZERO,
            }],
            pack: Digest::new([byte % 2; 32]),
            policy: Digest::new([byte % 3; 32]),
            gapless: byte.is_multiple_of(2),
        }
    }

    fn some() -> Vec<Box<Fact>> {
        let code = || Content::Code(ShortText::new("LB-D").unwrap());
        (1..9).map(|entry| Box::new(fact(entry, "discussion", code()))).collect()
    }

    #[test]
    fn a_page_gives_back_what_was_laid_into_it() {
        let bytes = codec::encode(&Page::of(&some()), PAGE_LIMIT).unwrap();
        let page: Page = codec::decode(&bytes, PAGE_LIMIT).unwrap();
        assert_eq!(page.rules.len(), 6);
        assert_eq!(page.facts(), Some(some()));
        // A page that names rules which it does not have, or not for each, is none.
        let mut page = Page::of(&some());
        page.by[3] = 6;
        assert_eq!(page.facts(), None);
        let mut page = Page::of(&some());
        page.by.pop();
        assert_eq!(page.facts(), None);
    }

    #[test]
    fn rows_are_laid_together_in_order_and_each_entry_once() {
        let together = |rows: Vec<Vec<Box<Fact>>>| {
            let rows = rows.into_iter().map(|row| Box::new(row.into_iter()) as Box<dyn Iterator<Item = Box<Fact>>>);
            in_order(rows.collect(), 3)
        };
        let (even, odd): (Vec<Box<Fact>>, Vec<Box<Fact>>) =
            some().into_iter().partition(|fact| fact.entry.is_multiple_of(2));
        let twice = some().split_off(6);
        assert_eq!(together(vec![even.clone(), Vec::new(), odd, twice]), some());
        assert_eq!(together(vec![Vec::new(), even.clone()]), even);
        assert_eq!(together(vec![some().split_off(4), some()]), some());
        assert_eq!(together(Vec::new()), []);
    }

    #[test]
    fn pages_are_whole_but_for_the_last() {
        let page = |length: usize| vec![some()[0].clone(); length];
        assert!(fills(&[], 0) && fills(&[page(3)], 3) && fills(&[page(PAGE)], PAGE));
        assert!(fills(&[page(PAGE), page(2)], PAGE + 1));
        assert!(!fills(&[page(3)], 4) && !fills(&[page(PAGE - 1), page(2)], PAGE + 1));
        assert!(!fills(&[page(PAGE)], PAGE + 1) && !fills(&[], 1) && !fills(&[page(1)], 0));
        assert!(!fills(&[page(PAGE), page(2)], 3) && !fills(&[page(2 * PAGE)], PAGE + 1));
    }

    #[test]
    fn what_was_retired_or_is_public_is_not_unseen() {
        let mut facts = some();
        facts.truncate(2);
        facts.push(Box::new(fact(9, "retire.done", Content::Entry(4))));
        // Only the entry that says that something is done says it.
        facts.push(Box::new(fact(8, "discussion", Content::Entry(5))));
        assert_eq!(unseen(&facts, &[0, 3], 12), [5, 6, 7, 10, 11]);
        assert_eq!(field::RETIRED_ENTRY, FieldId(401));
    }
}
