//! Showing entries: structure to whoever holds a key, words to whoever may read them, and the reading entered.

use rand_core::CryptoRng;
use serde_json::{Map, Value as Json};

use crate::cabinet::own;
use crate::cabinet::sitting::Sittings;
use crate::codec::{Digest, Folder, KindNumber, StatementId};
use crate::decision::gap::Facts;
use crate::decision::render::{Named, render};
use crate::decision::value::{Content, Value};
use crate::decision::view::View;
use crate::entry::statement::Body;
use crate::index::AuthorHead;
use crate::ledger::LedgerError;
use crate::ledger::append::Entered;
use crate::ledger::beside::Link;
use crate::ledger::desk::Desk;
use crate::ledger::open::Ledger;
use crate::ledger::read::Stored;
use crate::ledger::record::code;
use crate::review::findings::{self, Finding, Under};
use crate::seal::SealError;
use crate::seal::commitment::words_root;
use crate::seal::structure::StructureKey;
use crate::seal::words::{self, Words};
use crate::store::disk::Disk;

/// An entry, as far as this device can show it.
pub struct Shown {
    /// The entry as it lies in the log.
    pub stored: Stored,
    /// What its structure says, if this device can open it.
    pub body: Option<Body>,
    /// The fields, rebuilt as they were typed; words only where they were opened.
    pub fields: Map<String, Json>,
    /// Whether its words were opened.
    pub opened: bool,
    /// Whether it has words at all.
    pub has_words: bool,
    /// The flags that follow from the entry itself.
    pub findings: Vec<Finding>,
    /// The entry that says that words of this folder were opened in this sitting; none if it waits in the outbox.
    pub read: Option<u64>,
    /// Later entries that correct it, see it otherwise, complete it or say that it was misfiled, in their order; none if
    /// a later entry is damaged, so that this cannot be known.
    pub beside: Option<Vec<Beside>>,
}

/// A later entry that stands beside the one that is shown.
pub struct Beside {
    /// Which entry, and how it refers to the one shown.
    pub link: Link,
    /// When it was recorded, in milliseconds UTC.
    pub recorded: i64,
    /// What its structure says.
    pub body: Body,
    /// Its fields; words only where those of the entry shown were opened, and it lies in the same folder.
    pub fields: Map<String, Json>,
}

impl<D: Disk> Desk<D> {
    /// Shows an entry. With `cause`, its words are opened too and the reading is entered as `body.read`; words that do
    /// not lead to the entry's commitment are entered as `body.unreadable`. Reading on in the same folder and sitting is not
    /// entered again.
    ///
    /// Where this machine cannot append, the reading is signed and waits in the outbox; the words are shown all the same.
    ///
    /// # Errors
    /// `NotReader` if words are asked for and not open to this device; those of [`Ledger::entry`].
    pub fn show(
        &mut self,
        number: u64,
        cause: Option<&str>,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Shown, LedgerError> {
        let (stored, statement) = self.statement(number)?;
        let body = statement.map(|statement| statement.body().clone());
        let (mut opened, mut read, mut words) = (false, None, Vec::new());
        let has_words = stored.words().first() == Some(&1);
        if let (Some(cause), Some(body), true) = (cause, &body, has_words) {
            match self.open_words(&stored, body) {
                Ok(found) => {
                    // Entered before it is shown: whoever reads through this door leaves a trace.
                    read = match self.enter_reading(number, body, cause, now, rng) {
                        Ok(reading) => Some(reading),
                        Err(LedgerError::NoLogKey | LedgerError::LogKeyUnread(_)) => None,
                        Err(other) => return Err(other),
                    };
                    (opened, words) = (true, found.fields);
                }
                Err(LedgerError::Seal(SealError::Foreign)) => {
                    self.enter_unreadable(&stored, now, rng)?;
                    return Err(SealError::Foreign.into());
                }
                Err(other) => return Err(other),
            }
        }
        let previous = match number.checked_sub(1) {
            Some(before) => Some(self.ledger.entry(before)?.envelope().recorded),
            None => None,
        };
        let findings = body.as_ref().map(|body| self.findings(number, body, stored.envelope().recorded, previous));
        let fields = body.as_ref().map(|body| self.fields(body, &words)).unwrap_or_default();
        let beside = match &body {
            Some(body) => match self.stand_beside(number, &stored, body, opened) {
                Err(LedgerError::Damaged { .. }) => None,
                beside => Some(beside?),
            },
            None => Some(Vec::new()),
        };
        Ok(Shown { stored, body, fields, opened, has_words, findings: findings.unwrap_or_default(), read, beside })
    }

    /// What stands beside an entry. With `opened`, its words too: the reading of the entry shown is of the whole folder.
    fn stand_beside(&self, number: u64, shown: &Stored, body: &Body, opened: bool) -> Result<Vec<Beside>, LedgerError> {
        let mut all = Vec::new();
        for (link, later) in self.beside(number, body, &shown.envelope().statement)? {
            let stored = self.ledger.entry(link.entry)?;
            let same = later.case == body.case && later.folder() == body.folder();
            let words = if opened && same { self.open_words(&stored, &later).ok() } else { None };
            let fields = self.fields(&later, words.as_ref().map(|words| &words.fields[..]).unwrap_or_default());
            all.push(Beside { link, recorded: stored.envelope().recorded, body: later, fields });
        }
        Ok(all)
    }

    /// Returns the flags that follow from an entry itself.
    #[must_use]
    pub fn findings(&self, number: u64, body: &Body, recorded: i64, previous: Option<i64>) -> Vec<Finding> {
        let under = Under { rules: self.rules(), pack: &body.pack, policy: &body.policy };
        let pack = under.rules.pack(under.pack);
        let through = body.references.iter().filter(|to| pack.emergency_through(to.relation));
        let behind: Vec<Value> = through
            .filter_map(|to| self.entry(self.number_of(number, body, to)?))
            .flat_map(|entry| entry.values)
            .collect();
        let facts = Facts {
            kind: body.kind,
            happened: body.happened,
            occurred: body.occurred,
            learned: body.learned,
            values: &body.values,
            relations: body.references.iter().map(|reference| reference.relation).collect(),
            behind: &behind,
        };
        findings::flags(under, &facts, recorded, previous)
    }

    /// Returns the fields as they were typed.
    #[must_use]
    pub fn fields(&self, body: &Body, words: &[crate::decision::value::WordField]) -> Map<String, Json> {
        let handle = |named: Named| match named {
            Named::Person(person) => self.roll.person(person).map(|line| line.handle().to_owned()),
            Named::Case(case) => self.roll.case(case).map(|line| line.handle().to_owned()),
        };
        render(&self.pack, &body.values, words, &handle)
    }

    /// Opens an entry's words: by the author's own copy, else by a folder key.
    ///
    /// # Errors
    /// `NotReader`; `Seal(Foreign)` if they do not lead to the entry's commitment or belong to another statement.
    pub fn open_words(&self, stored: &Stored, body: &Body) -> Result<Words, LedgerError> {
        let ledger = self.ledger_id();
        let own = self.own_words_key(&stored.envelope().statement)?;
        let key = match own {
            Some(key) => key,
            None => {
                let file = self.folder_file(body.folder_key)?.ok_or(LedgerError::NotReader)?;
                match file.private() {
                    Some(private) => words::words_key(stored.words(), private)?,
                    None => file.words_key(stored.envelope().number.0).cloned().ok_or(LedgerError::Retired)?,
                }
            }
        };
        let words = words::open(stored.words(), &key, &ledger, &body.folder_key)?;
        let root = Digest::new(words_root(&words.seed, &words.fields));
        if words.statement != body.id || words.author != body.author.0 || root != body.words_root {
            return Err(SealError::Foreign.into());
        }
        Ok(words)
    }

    pub(super) fn own_words_key(&self, digest: &Digest) -> Result<Option<words::WordsKey>, LedgerError> {
        let own = own::newest(&self.ledger.cabinet(), &self.identity.author(), self.identity.secret())?;
        Ok(own.map(|own| own.find(digest)).transpose()?.flatten())
    }

    /// Enters that words of a folder are opened, once for a sitting; returns that entry.
    fn enter_reading(
        &mut self,
        number: u64,
        body: &Body,
        cause: &str,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<u64, LedgerError> {
        let folder = body.folder().unwrap_or(Folder::None);
        let case = body.case.filter(|_| folder.of_case());
        let mut sittings = Sittings::load(&self.side, self.ledger_id(), self.identity.secret());
        let known = sittings.goes_on(case, folder, now()).filter(|entry| *entry < self.ledger.size());
        let entry = match known {
            Some(entry) => entry,
            None => {
                let kind = KindNumber::of("body.read").ok_or(LedgerError::NoPack)?;
                let values = vec![self.value("cause", code(cause)?)?];
                let decision = self.decide(kind, body.case, values, vec![self.reference("reads", number)?], now())?;
                let entry = self.enter(decision, now, rng)?.number;
                sittings.begin(case, folder, entry, now());
                entry
            }
        };
        sittings.save(&self.side, self.ledger_id(), self.identity.recipient(), now())?;
        Ok(entry)
    }

    fn enter_unreadable(
        &mut self,
        stored: &Stored,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Entered, LedgerError> {
        let kind = KindNumber::of("body.unreadable").ok_or(LedgerError::NoPack)?;
        let values = vec![
            self.value("statement_hash", Content::Hash(stored.envelope().statement))?,
            self.value("cause", code("root_differs")?)?,
        ];
        let decision = self.decide(kind, None, values, Vec::new(), now())?;
        self.enter(decision, now, rng)
    }
}

impl<D: Disk> Ledger<D> {
    /// Finds an author's statement by its id: in the cards, which know every statement of that author.
    ///
    /// # Errors
    /// Those of the store.
    pub fn find_statement(&mut self, key: &StructureKey, id: &StatementId) -> Result<Option<u64>, LedgerError> {
        Ok(self.cards().statement(key, id).filter(|entry| *entry < self.size()))
    }

    /// Returns an entry's number, time and receipt again.
    ///
    /// # Errors
    /// As [`Ledger::receipt`].
    pub fn entered(&self, number: u64) -> Result<Entered, LedgerError> {
        let recorded = self.entry(number)?.envelope().recorded;
        Ok(Entered { number, recorded, receipt: self.receipt(number)? })
    }

    /// Returns where an author stands, if the cards know.
    #[must_use]
    pub fn known_author(&self, key: &StructureKey) -> Option<AuthorHead> {
        self.cards().author(key)
    }
}
