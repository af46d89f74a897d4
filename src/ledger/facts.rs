//! What the rules know of a ledger's entries, as far as a device opens them, and the review over it.
//!
//! Opening every entry anew would take seconds in a large ledger. So what was read is kept in the index, sealed under the very
//! structure key that opens the entries it tells of: who has that key may read both, and when the key is destroyed both are gone.
//! Of entries that open by other keys only the numbers are kept. The pages are cards: burnt, they are made anew.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::codec::{self, CaseTag, Digest, KindNumber, PersonId};
use crate::decision::value::{Content, Value, field};
use crate::entry::envelope::Envelope;
use crate::entry::statement::Body;
use crate::ledger::LedgerError;
use crate::ledger::desk::{Desk, keys_of};
use crate::ledger::read::open_statement;
use crate::review::fact::Fact;
use crate::review::item::Review;
use crate::review::look::{Look, review};
use crate::seal::structure::{self, StructureKey, StructurePart};
use crate::store::disk::Disk;
use crate::verify::entry::Keys;
use crate::verify::roster::Roster;

/// Facts in one page.
const PAGE: usize = 512;
/// Most bytes of one page: as many statements of the largest size.
const PAGE_LIMIT: usize = PAGE << 16;

/// What is known of the entries of a ledger.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The entries that could be read and that rules may ask for, in order.
    pub facts: Vec<Fact>,
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

/// The pages of one structure key while they are brought up to the log.
struct Pages<'a> {
    key: &'a StructureKey,
    opens: Keys,
    upto: u64,
    facts: Vec<Fact>,
    stored: usize,
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
            let roles = |person: PersonId, entry: u64, at: i64| self.roster.roles(person, entry, at);
            let (facts, unseen, oversees) = (&known.facts, &known.unseen, self.is_overseer());
            review(&Look { facts, unseen, rules: self.rules(), roles: &roles, oversees, now })
        })
    }

    /// Hands over the facts of one case and of the setting's own folders: what the gate asks before an act.
    ///
    /// # Errors
    /// Those of the store.
    pub fn facts_around(&self, case: Option<CaseTag>) -> Result<Vec<Fact>, LedgerError> {
        self.with_facts(|known| {
            known.facts.iter().filter(|fact| fact.case.is_none() || fact.case == case).cloned().collect()
        })
    }

    /// Reads the pages, and the log from where they end.
    fn load_facts(&self) -> Result<Known, LedgerError> {
        let size = self.ledger.size();
        let own = self.structure_key()?;
        let mut pages: Vec<Pages<'_>> = Vec::new();
        for held in &self.held {
            let Some(key) = held.key() else { continue };
            let opens = keys_of(std::iter::once(held), self.ledger_id());
            // Nobody signs before the entry that enrols the key.
            let begins = self.roster.enrolment(held.author.as_bytes()).map_or(0, |enrolment| enrolment.entry);
            pages.push(self.load_pages(key, opens, b"facts", size, begins));
        }
        let mut others = self.load_others(own, size);
        let public = self.ledger.cards.public().unwrap_or_default();
        let from = pages.iter().map(|page| page.upto).chain(Some(others.0)).min().unwrap_or(0);
        let mut elsewhere: Vec<u64> = std::mem::take(&mut others.1);
        let mut found: BTreeMap<u64, Fact> = BTreeMap::new();
        if from < size {
            let opener = self.opener();
            let mut before = self.recorded_before(from)?;
            self.ledger.envelopes_from(from, &mut |envelope, structure, words| {
                let (number, digest) = (envelope.number.0, envelope.statement);
                let back = before.replace(envelope.recorded).is_some_and(|before| envelope.recorded < before);
                let sealed = match structure::parse(structure) {
                    Ok(StructurePart::Sealed(sealed)) => sealed,
                    _ => return,
                };
                if let Some(page) = pages.iter_mut().find(|page| sealed.fits(page.key, &digest)) {
                    if number >= page.upto
                        && let Some(statement) = open_statement(&digest, structure, words, &page.opens)
                    {
                        page.facts.push(fact_of(&self.roster, envelope, back, statement.body()));
                    }
                } else if number >= others.0
                    && let Some(statement) = opener.open(&digest, structure, words)
                {
                    elsewhere.push(number);
                    found.insert(number, fact_of(&self.roster, envelope, back, statement.body()));
                }
            })?;
        }
        let opener = self.opener();
        for number in public.iter().chain(&elsewhere).copied() {
            if found.contains_key(&number) {
                continue;
            }
            let stored = self.ledger.entry(number)?;
            let statement = match stored.statement(&Keys::default()) {
                None => opener.open(&stored.envelope().statement, stored.structure(), stored.words()),
                some => some,
            };
            if let Some(statement) = statement.filter(|one| asked_for(one.body())) {
                let back = self.recorded_before(number)?.is_some_and(|before| stored.envelope().recorded < before);
                found.insert(number, fact_of(&self.roster, stored.envelope(), back, statement.body()));
            }
        }
        for page in &mut pages {
            self.keep_pages(page, b"facts", size);
        }
        if others.0 < size {
            let kept = (size, elsewhere, self.key_print());
            if let Ok(content) = codec::encode(&kept, PAGE_LIMIT) {
                self.ledger.cards.set_sealed(own, b"facts elsewhere", content);
            }
        }
        let mut facts: Vec<Fact> = pages.into_iter().flat_map(|page| page.facts).chain(found.into_values()).collect();
        facts.sort_unstable_by_key(|fact| fact.entry);
        facts.dedup_by_key(|fact| fact.entry);
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
                    retired.extend(retired_in(body.kind, &body.values));
                    if asked_for(statement.body()) {
                        known.facts.push(fact_of(&self.roster, envelope, back, statement.body()));
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

    fn load_pages<'a>(&self, key: &'a StructureKey, opens: Keys, label: &[u8], size: u64, begins: u64) -> Pages<'a> {
        let cards = &self.ledger.cards;
        let head = cards.sealed(key, label).and_then(|content| codec::decode::<PageHead>(&content, 64).ok());
        let mut pages = Pages { key, opens, upto: begins, facts: Vec::new(), stored: 0 };
        let Some(head) = head.filter(|head| head.upto <= size) else { return pages };
        let count = usize::try_from(head.count).unwrap_or(0);
        let mut facts: Vec<Fact> = Vec::with_capacity(count.min(1 << 20));
        for page in 0..count.div_ceil(PAGE) {
            let content = cards.sealed(key, &page_label(label, page));
            match content.and_then(|content| codec::decode::<Vec<Fact>>(&content, PAGE_LIMIT).ok()) {
                Some(mut more) => facts.append(&mut more),
                None => return pages,
            }
        }
        facts.truncate(count);
        if facts.len() == count {
            (pages.upto, pages.stored, pages.facts) = (head.upto.max(begins), count, facts);
        }
        pages
    }

    fn keep_pages(&self, pages: &mut Pages<'_>, label: &[u8], size: u64) {
        if pages.upto >= size {
            return;
        }
        let cards = &self.ledger.cards;
        // Whole pages stay as they are; the last one and those after it are written, and then how many there are.
        let first = pages.stored / PAGE;
        for (at, page) in pages.facts.chunks(PAGE).enumerate().skip(first) {
            if (at + 1) * PAGE <= pages.stored {
                continue;
            }
            let Ok(content) = codec::encode(&page, PAGE_LIMIT) else { return };
            cards.set_sealed(pages.key, &page_label(label, at), content);
        }
        let head = PageHead { upto: size, count: pages.facts.len() as u64 };
        if let Ok(content) = codec::encode(&head, 64) {
            cards.set_sealed(pages.key, label, content);
        }
    }

    fn load_others(&self, own: &StructureKey, size: u64) -> (u64, Vec<u64>) {
        let content = self.ledger.cards.sealed(own, b"facts elsewhere");
        let kept = content.and_then(|content| codec::decode::<(u64, Vec<u64>, Digest)>(&content, PAGE_LIMIT).ok());
        let kept = kept.filter(|(upto, _, keys)| *upto <= size && *keys == self.key_print());
        kept.map_or((0, Vec::new()), |(upto, entries, _)| (upto, entries))
    }

    /// Returns a hash over which keys there are: with others, other entries open.
    fn key_print(&self) -> Digest {
        let mut hasher = blake3::Hasher::new();
        for file in self.ring() {
            hasher.update(file.id.as_bytes()).update(&[u8::from(file.private().is_some())]);
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

fn page_label(label: &[u8], page: usize) -> Vec<u8> {
    [label, &u32::try_from(page).unwrap_or(u32::MAX).to_be_bytes()].concat()
}

/// Whether a rule may ask for an entry of this kind: of the public ones only some.
fn asked_for(body: &Body) -> bool {
    match body.kind.name() {
        Some("genesis" | "policy.adopt" | "confirmation") => true,
        _ => body.kind.publicity() == Some(crate::codec::Publicity::Sealed),
    }
}

fn fact_of(roster: &Roster, envelope: &Envelope, clock_back: bool, body: &Body) -> Fact {
    roster.fact(envelope.number.0, envelope.recorded, clock_back, envelope.statement, body)
}

/// Returns the entries that a statement of this kind says were retired.
fn retired_in(kind: KindNumber, values: &[Value]) -> impl Iterator<Item = u64> {
    let says = kind.name() == Some("retire.done");
    values.iter().filter(move |value| says && value.field == field::RETIRED_ENTRY).filter_map(|value| {
        match value.content {
            Content::Entry(entry) => Some(entry),
            _ => None,
        }
    })
}

/// Returns the entries of which nothing is known, and which were not retired.
fn unseen(facts: &[Fact], public: &[u64], size: u64) -> Vec<u64> {
    let mut seen: BTreeSet<u64> = facts.iter().map(|fact| fact.entry).collect();
    seen.extend(public);
    seen.extend(facts.iter().flat_map(|fact| retired_in(fact.kind, &fact.values)));
    (0..size).filter(|entry| !seen.contains(entry)).collect()
}
