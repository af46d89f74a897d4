//! What stands beside an entry: later entries that correct it, see it otherwise, fill in what it left open, or say that it
//! was filed in the wrong place.
//!
//! References run from the later entry to the earlier, so the way back is looked up in lists: one for each structure key,
//! sealed under it, which all who hold the key share, and one for each reader and folder key, sealed under both. What remains
//! of a punctured key is many keys: the list is sealed under all of them, so that it closes when one more of them goes.
//! Each says up to which entry it knows; what was entered since is looked at and added. The lists are cards: they may
//! be burnt, and are then made anew by one walk over the log.

use std::cell::OnceCell;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::cabinet::own;
use crate::codec::context::INDEX;
use crate::codec::{self, Digest, FolderKeyId, RelationNumber};
use crate::entry::statement::{Body, UNKNOWN, Unverified};
use crate::ledger::LedgerError;
use crate::ledger::desk::{Desk, keys_of};
use crate::ledger::read::{open_restricted, open_statement};
use crate::seal::structure::{self, StructureKey, StructurePart};
use crate::seal::words::WordsKey;
use crate::store::disk::Disk;
use crate::verify::entry::Keys;

/// The relations that put a later entry beside an earlier one.
const BESIDE: [&str; 4] = ["corrects", "comments_on", "completes", "misplaced"];
/// Most bytes of one list.
const LIST_LIMIT: usize = 64 << 20;
/// Entries that were looked at anew from which on a list is kept again, though nothing was found for it.
const WORTH: u64 = 64;

/// A later entry that speaks of an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Link {
    /// The earlier entry.
    pub of: u64,
    /// The later entry.
    pub entry: u64,
    /// How it refers to the earlier one.
    pub relation: RelationNumber,
}

/// Opens statements with all that this device has: structure keys, folder keys, and the author's own copies.
pub struct Opener<'a, D: Disk> {
    desk: &'a Desk<D>,
    keys: Keys,
    /// With the folder keys, which may be thousands: opened where the structure keys do not fit.
    all: OnceCell<Keys>,
    copies: OnceCell<HashMap<Digest, WordsKey>>,
}

impl<D: Disk> Opener<'_, D> {
    /// Opens the statement of an entry out of its parts, if something fits.
    #[must_use]
    pub fn open(&self, digest: &Digest, structure: &[u8], words: &[u8]) -> Option<Unverified> {
        open_statement(digest, structure, words, &self.keys).or_else(|| self.open_by_words(digest, structure, words))
    }

    fn open_by_words(&self, digest: &Digest, structure: &[u8], words: &[u8]) -> Option<Unverified> {
        if words.first() != Some(&1) {
            return None;
        }
        let all = self.all.get_or_init(|| self.desk.keys());
        open_statement(digest, structure, words, all).or_else(|| self.open_own(digest, structure, words))
    }

    /// Opens an entry of the author's own in a restricted folder. The own copies are read once, where there is need.
    fn open_own(&self, digest: &Digest, structure: &[u8], words: &[u8]) -> Option<Unverified> {
        if words.first() != Some(&1) {
            return None;
        }
        let (cabinet, author) = (self.desk.ledger.cabinet(), self.desk.identity.author());
        let copies = self.copies.get_or_init(|| own::all_of(&cabinet, &author, self.desk.identity.secret()));
        let folders = self.desk.roster.restricted_folders();
        open_restricted(digest, structure, words, copies.get(digest)?, &self.desk.ledger_id(), folders)
    }
}

/// A list while it is brought up to the log.
struct Page {
    key: StructureKey,
    label: Vec<u8>,
    /// What opens the entries that it lists; none for the list of what is open to this reader otherwise.
    opens: Option<Keys>,
    known: Known,
    /// How many links were kept.
    kept: usize,
    /// From where on it has to look.
    from: u64,
}

#[derive(Serialize, Deserialize)]
struct Known {
    upto: u64,
    links: Vec<Link>,
}

impl<D: Disk> Desk<D> {
    /// Returns what opens every statement that this device can open.
    #[must_use]
    pub fn opener(&self) -> Opener<'_, D> {
        Opener { desk: self, keys: self.structure_keys(), all: OnceCell::new(), copies: OnceCell::new() }
    }

    /// Returns what stands beside every entry of the ledger, in order, as far as this device can open it.
    ///
    /// # Errors
    /// Those of the store.
    pub fn beside_all(&self) -> Result<Vec<Link>, LedgerError> {
        let ring = self.ring().iter().map(|file| file.id).collect();
        self.links(ring)
    }

    /// Returns what stands beside an entry: later entries of its own folder that refer to it, as far as this device can
    /// open them, each with its structure.
    ///
    /// # Errors
    /// As [`crate::ledger::open::Ledger::entry`].
    pub(super) fn beside(&self, number: u64, body: &Body, digest: &Digest) -> Result<Vec<(Link, Body)>, LedgerError> {
        let folder = body.folder().filter(|folder| folder.restricted() || !self.is_overseer());
        let case = body.case.filter(|_| folder.is_some_and(|folder| folder.of_case()));
        let epochs = folder.into_iter().flat_map(|folder| self.roster.epochs_of(case, folder));
        let links = self.links(epochs.map(|epoch| epoch.key.id()).collect())?;
        let mut found = Vec::new();
        for link in links.into_iter().filter(|link| link.of == number) {
            let Some(statement) = self.statement(link.entry)?.1 else { continue };
            let refers =
                |to: &&crate::decision::decision::Reference| to.digest == *digest && to.relation == link.relation;
            if statement.body().references.iter().any(|reference| refers(&reference)) {
                found.push((link, statement.body().clone()));
            }
        }
        Ok(found)
    }

    /// Reads the lists, those of these folder keys too, and brings them up to the log.
    fn links(&self, folders: Vec<FolderKeyId>) -> Result<Vec<Link>, LedgerError> {
        let mut pages = self.pages(folders)?;
        let size = self.ledger.size();
        let from = pages.iter().map(|page| page.from).min().unwrap_or(size);
        if from < size {
            let (keys, all, copies) = (Keys::default(), OnceCell::new(), OnceCell::new());
            let opener = Opener { desk: self, keys, all, copies };
            self.ledger.walk_from(from, &mut |number, digest, structure, words| {
                look(&mut pages, &opener, (number, digest, structure, words));
            })?;
        }
        let mut all = Vec::new();
        for page in pages {
            let mut known = page.known;
            let worth = known.upto == 0 || known.upto + WORTH <= size || known.links.len() > page.kept;
            if worth && known.upto < size {
                known.upto = size;
                // A list that cannot be kept costs the next one who asks a walk.
                if let Ok(content) = codec::encode(&known, LIST_LIMIT) {
                    self.ledger.cards().set_sealed(&page.key, &page.label, content);
                }
            }
            all.append(&mut known.links);
        }
        all.sort_unstable();
        all.dedup();
        Ok(all)
    }

    /// The lists as the cards have them.
    fn pages(&self, folders: Vec<FolderKeyId>) -> Result<Vec<Page>, LedgerError> {
        let size = self.ledger.size();
        let page = |key: &StructureKey, label: Vec<u8>, opens: Option<Keys>, begins: u64| {
            let known = Known { upto: 0, links: Vec::new() };
            Page { key: key.clone(), label, opens, known, kept: 0, from: begins }
        };
        let own = self.structure_key()?;
        let mut pages = vec![page(own, b"reader".to_vec(), None, 0)];
        for held in &self.held {
            // Nobody signs before the entry that enrols the key.
            let begins = self.roster.enrolment(held.author.as_bytes()).map_or(0, |enrolment| enrolment.entry);
            let opens = keys_of(std::iter::once(held), self.ledger_id());
            // What remains of a punctured epoch has no key of its own: the list is the reader's.
            let (key, label) = match held.key() {
                Some(key) => (key.clone(), b"author".to_vec()),
                None => {
                    let label = [&held.author.as_bytes()[..], &held.epoch.to_be_bytes()].concat();
                    (under(own, held.kept().iter().map(|kept| kept.key.as_bytes())), label)
                }
            };
            pages.push(page(&key, label, Some(opens), begins));
        }
        for id in folders {
            let Some(file) = self.folder_file(id)? else { continue };
            let begins = self.roster.folder_key(&id).map_or(0, |epoch| epoch.entry);
            let key = match file.private() {
                Some(private) => under(own, std::iter::once(private.as_bytes())),
                None => {
                    let kept: Vec<_> = file.kept().collect();
                    under(own, kept.iter().map(|(_, (key, _))| key.as_bytes()))
                }
            };
            let (restricted, kept) = (file.private().cloned().into_iter().collect(), file.kept().collect());
            let opens = Keys { ledger: self.ledger_id(), restricted, kept, ..Keys::default() };
            pages.push(page(&key, id.as_bytes().to_vec(), Some(opens), begins));
        }
        let wanted: Vec<_> = pages.iter().map(|page| (&page.key, page.label.clone())).collect();
        let read = |content: &[u8]| codec::decode::<Known>(content, LIST_LIMIT).ok();
        let lists = self.ledger.cards().sealed_lists(&wanted, read);
        for (page, known) in pages.iter_mut().zip(lists) {
            let Some(known) = known.filter(|known| known.upto <= size) else { continue };
            (page.from, page.kept, page.known) = (page.from.max(known.upto), known.links.len(), known);
        }
        Ok(pages)
    }
}

/// Returns the key of a list that whoever lacks the reader's own key, or one of these, does not open.
fn under<'a>(own: &StructureKey, keys: impl Iterator<Item = &'a [u8; 32]>) -> StructureKey {
    let fold = |key: StructureKey, next: &[u8; 32]| StructureKey::new(INDEX.keyed(key.as_bytes(), next));
    keys.fold(own.clone(), fold)
}

/// Looks whether an entry stands beside earlier ones, and notes it in the list of what opens it.
fn look<D: Disk>(pages: &mut [Page], opener: &Opener<'_, D>, entry: (u64, &Digest, &[u8], &[u8])) {
    let (number, digest, structure, words) = entry;
    let sealed = match structure::parse(structure) {
        Ok(StructurePart::Sealed(sealed)) => Some(sealed),
        Ok(StructurePart::Clear { .. }) => None,
        Err(_) => return,
    };
    // Whose key fits a structure part is told by its hint; a folder key has to be tried.
    let fits = |page: &Page| {
        let keys = page.opens.as_ref().map(|keys| &keys.structure);
        sealed.as_ref().zip(keys).is_some_and(|(sealed, keys)| keys.iter().any(|key| sealed.fits(key, digest)))
    };
    let hinted = pages.iter().position(fits);
    let candidates = hinted.map_or(0..pages.len(), |at| at..at + 1);
    for page in pages.get_mut(candidates).unwrap_or_default() {
        let keys = page.opens.as_ref();
        let useless = hinted.is_none() && keys.is_some_and(|keys| !keys.structure.is_empty() || sealed.is_none());
        if useless || number < page.from {
            continue;
        }
        let opened = match keys {
            Some(keys) => open_statement(digest, structure, words, keys),
            None if sealed.is_none() => open_statement(digest, structure, words, &Keys::default()),
            None => opener.open_own(digest, structure, words),
        };
        let Some(statement) = opened else { continue };
        for reference in &statement.body().references {
            let beside = reference.relation.name().is_some_and(|name| BESIDE.contains(&name));
            if beside && reference.entry != UNKNOWN {
                page.known.links.push(Link { of: reference.entry, entry: number, relation: reference.relation });
            }
        }
        return;
    }
}
