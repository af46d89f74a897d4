//! An invented setting in a temporary folder: the people, devices and clock that the other tests use.

use std::cell::Cell;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use indelible::cabinet::identity::{Identity, side_folder};
use indelible::decision::draft::Draft;
use indelible::decision::people::Role;
use indelible::index::{Index, IndexError};
use indelible::ledger::LedgerError;
use indelible::ledger::desk::Desk;
use indelible::ledger::init::{self, Beginning, Begun};
use indelible::ledger::people::Enrolling;
use indelible::ledger::record::Outcome;
use indelible::store::durable;
use indelible::verify::entry::Keys;
use indelible::verify::ledger::{Options, verify};
use indelible::verify::report::Report;
use serde_json::Value as Json;

/// Willowbrook Pre-School: Maria (dsl, founder), Jon (deputy_dsl), Sam (practitioner), cases theo and ezra.
pub struct World {
    pub folder: tempfile::TempDir,
    pub begun: Rc<Begun>,
    clock: Cell<i64>,
}

/// The moment at which tests begin: 2026-10-06T09:00:00+01:00.
pub const START: i64 = 1_791_273_600_000;

impl World {
    /// Founds the setting with Maria alone.
    pub fn founded() -> Self {
        Self::founded_at(START, "committee")
    }

    /// Founds a setting of this type with Maria alone, at a time in milliseconds UTC.
    pub fn founded_at(start: i64, setting_type: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let maria = Identity::new("Maria Okafor", "maria", &mut durable::entropy()).unwrap();
        std::fs::write(folder.path().join("maria.id"), &*maria.seal(None).unwrap()).unwrap();
        let beginning = Beginning {
            setting: "Willowbrook Pre-School",
            origin: "willowbrook.example/decisions",
            setting_type,
            urn: "",
            role: Role::Dsl,
        };
        let (dir, config) = (folder.path().join("book"), folder.path().join("config"));
        let side = side_folder(&folder.path().join("maria.id"));
        let begun = init::init(&dir, &config, &maria, &side, &beginning, start, &mut durable::entropy()).unwrap();
        World { folder, begun: Rc::new(begun), clock: Cell::new(start) }
    }

    /// The setting once more, as it is now; its index is made again. Nobody may sit at a desk.
    pub fn copy(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy_folder(self.folder.path(), folder.path());
        World { folder, begun: Rc::clone(&self.begun), clock: self.clock.clone() }
    }

    /// Founds the setting and brings in Jon, Sam and the two cases: entries 0 to 5.
    pub fn new() -> Self {
        let world = Self::founded();
        let mut desk = world.desk("maria");
        for (name, handle, role) in [("Jon Pell", "jon", Role::DeputyDsl), ("Sam Leigh", "sam", Role::Practitioner)] {
            world.enrol(&mut desk, name, handle, role);
        }
        for (handle, label) in [("theo", "Theo A."), ("ezra", "Ezra M.")] {
            desk.open_case(handle, label, &|| world.tick(), &mut durable::entropy()).unwrap();
        }
        world
    }

    /// Makes somebody an identity and enrols it, at the desk of somebody who may.
    pub fn enrol(&self, desk: &mut Desk, name: &str, handle: &str, role: Role) -> u64 {
        let identity = Identity::new(name, handle, &mut durable::entropy()).unwrap();
        std::fs::write(self.path(&format!("{handle}.id")), &*identity.seal(None).unwrap()).unwrap();
        let card = init::card(&identity).unwrap();
        let enrolling = Enrolling { role, handle: None, renews: None };
        let (change, _) = desk.enrol(&card, enrolling, &|| self.tick(), &mut durable::entropy()).unwrap();
        change.entered.number
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn book(&self) -> PathBuf {
        self.path("book")
    }

    /// One second later each time.
    pub fn tick(&self) -> i64 {
        self.clock.set(self.clock.get() + 1000);
        self.clock.get()
    }

    /// The clock, in milliseconds UTC.
    pub fn now(&self) -> i64 {
        self.clock.get()
    }

    /// Sets the clock, in milliseconds UTC.
    pub fn set(&self, now: i64) {
        self.clock.set(now);
    }

    /// Sets the clock (RFC 3339).
    pub fn at(&self, time: &str) {
        let moment = indelible::decision::value::Moment::parse(time).unwrap();
        self.clock.set(moment.milliseconds);
    }

    pub fn identity(&self, who: &str) -> Identity {
        Identity::open(&std::fs::read(self.path(&format!("{who}.id"))).unwrap(), &mut || None).unwrap()
    }

    pub fn desk(&self, who: &str) -> Desk {
        self.try_desk(who).unwrap()
    }

    pub fn try_desk(&self, who: &str) -> Result<Desk, LedgerError> {
        let side = side_folder(&self.path(&format!("{who}.id")));
        Desk::open(&self.book(), &self.path("config"), self.identity(who), &side)
    }

    /// Records a draft as this person and returns its entry number.
    pub fn record(&self, who: &str, draft: Json) -> u64 {
        match self.try_record(who, draft) {
            Outcome::Entered { entered, .. } => entered.number,
            other => panic!("{other:?}"),
        }
    }

    pub fn try_record(&self, who: &str, draft: Json) -> Outcome {
        let draft = Draft::from_json(&draft).unwrap();
        self.desk(who).record(&draft, &|| self.tick(), &mut durable::entropy()).unwrap()
    }

    /// Records drafts as this person, in as few writes as there may be; all have to be entered.
    pub fn record_batch(&self, who: &str, drafts: &[Json]) {
        let drafts: Vec<Draft> = drafts.iter().map(|draft| Draft::from_json(draft).unwrap()).collect();
        let (tick, mut rng) = (|| self.tick(), durable::entropy());
        let outcomes = self.desk(who).record_all(&drafts, true, &tick, &mut rng, &mut |_, _| ()).unwrap();
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Entered { .. })), "{outcomes:?}");
    }

    /// The bytes of the log.
    pub fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.book().join("ledger.log")).unwrap()
    }

    /// Verifies the ledger with these keys, and nothing else in hand.
    pub fn verify(&self, keys: Keys) -> Report {
        verify_file(&self.book().join("ledger.log"), keys)
    }
}

fn copy_folder(from: &Path, to: &Path) {
    for file in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(file.file_name());
        if !file.file_type().unwrap().is_dir() {
            std::fs::copy(file.path(), to).unwrap();
        } else if file.file_name() != "index" {
            std::fs::create_dir(&to).unwrap();
            copy_folder(&file.path(), &to);
        }
    }
}

/// The options of a verifier who brings nothing.
pub fn options<'a>(keys: Keys, now: i64) -> Options<'a> {
    Options {
        keys,
        trust: None,
        trust_digest: indelible::codec::Digest::ZERO,
        known: &[],
        receipts: &[],
        since: None,
        now,
        rules: false,
        progress: &|_| (),
    }
}

pub fn verify_file(path: &Path, keys: Keys) -> Report {
    verify(&|| File::open(path), &options(keys, START)).unwrap().0
}

/// Verifies bytes, with known checkpoints.
pub fn verify_bytes(bytes: &[u8], options: &Options<'_>) -> Report {
    verify(&|| Ok(std::io::Cursor::new(bytes)), options).unwrap().0
}

/// Opens a ledger's index. A program that has just ended may still hold it for a moment.
pub fn index_of(book: &Path) -> Index {
    for _ in 0..200 {
        match Index::open(&book.join("index"), &|_| panic!("the index is damaged")) {
            Err(IndexError::Busy) => std::thread::sleep(std::time::Duration::from_millis(50)),
            opened => return opened.unwrap(),
        }
    }
    panic!("somebody keeps the index");
}
