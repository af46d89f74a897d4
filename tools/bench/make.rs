//! Ledgers to measure: made through the library, kept under `target/bench`, found again by their parameters.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use indelible::cabinet::identity::{Identity, side_folder};
use indelible::cabinet::structure_keys;
use indelible::codec::{CaseTag, Digest, LedgerId, PersonId, StatementId};
use indelible::decision::draft::Draft;
use indelible::decision::people::Role;
use indelible::decision::value::Moment;
use indelible::decision::view::{Found, Referenced, View};
use indelible::entry::authored::{Author, Authored};
use indelible::ledger::desk::{Desk, read_log_key};
use indelible::ledger::init::{self, Beginning};
use indelible::ledger::open::{Ledger, read_origin};
use indelible::ledger::people::Enrolling;
use indelible::ledger::read::open_statement;
use indelible::rules::pack::{BUILT_IN, Pack};
use indelible::seal::sealed::Sealed;
use indelible::seal::structure::{ContentKey, StructureKey};
use indelible::seal::words::FolderPublic;
use indelible::store::disk::{Disk, RealFile};
use indelible::store::durable;
use indelible::store::log_file::LogFile;
use indelible::verify::entry::Keys;
use indelible::verify::roster::Roster;
use rand_core::Rng;
use rayon::prelude::*;
use serde_json::json;
use zeroize::Zeroizing;

/// The moment at which the ledgers begin: 2026-10-06T09:00:00+01:00.
pub const START: i64 = 1_791_273_600_000;
/// Who writes.
pub const AUTHORS: usize = 12;

/// What a ledger is like.
#[derive(Clone, Copy)]
pub struct Shape {
    /// Entries, not counting those that set it up.
    pub entries: u64,
    /// Entries of one write.
    pub per_write: usize,
    /// Whether each entry has words of its own; else those of one HPKE seal per author are laid into all.
    pub own_words: bool,
}

/// A ledger on disk.
pub struct Made {
    /// Where everything lies: `book`, `config`, identities.
    pub folder: PathBuf,
}

/// A log file that is not synced: for making ledgers only.
pub struct Unsynced(RealFile);

impl Disk for Unsynced {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(offset, buffer)
    }
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.append(bytes)
    }
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Made {
    /// Returns the ledger of this shape, made now or before.
    pub fn of(shape: Shape) -> Made {
        let Shape { entries, per_write, own_words } = shape;
        let words = if own_words { "" } else { "-shared" };
        let folder = base().join(format!("ledger-{entries}-by-{per_write}{words}"));
        let made = Made { folder };
        if !made.folder.join("made").exists() {
            drop(fs::remove_dir_all(&made.folder));
            eprintln!("making {entries} entries, {per_write} to a write, in {}", made.folder.display());
            made.set_up();
            made.fill(shape);
            fs::write(made.folder.join("made"), "").unwrap();
        }
        made
    }

    /// Makes a copy that may be written to.
    pub fn copy(&self, name: &str) -> Made {
        let copy = Made { folder: base().join(name) };
        drop(fs::remove_dir_all(&copy.folder));
        copy_all(&self.folder, &copy.folder);
        copy
    }

    /// Returns the ledger's folder.
    pub fn book(&self) -> PathBuf {
        self.folder.join("book")
    }

    /// Returns the log.
    pub fn log(&self) -> PathBuf {
        self.book().join("ledger.log")
    }

    /// Opens an identity: `p0` (dsl, founder) to `p11`.
    pub fn identity(&self, author: usize) -> Identity {
        let bytes = fs::read(self.folder.join(format!("p{author}.id"))).unwrap();
        Identity::open(&bytes, &mut || None).unwrap()
    }

    /// Sits down as an author.
    pub fn desk(&self, author: usize) -> Desk {
        let side = self.side(author);
        Desk::open(&self.book(), &self.folder.join("config"), self.identity(author), &side).unwrap()
    }

    /// Returns the folder beside an identity.
    pub fn side(&self, author: usize) -> PathBuf {
        side_folder(&self.folder.join(format!("p{author}.id")))
    }

    /// Returns every structure key, as an overseer has them.
    pub fn structure_keys(&self) -> Vec<StructureKey> {
        let founder = self.identity(0);
        let held = structure_keys::load_all(&self.book().join("cabinet"), founder.secret()).unwrap();
        held.opened.iter().filter_map(|held| held.key().cloned()).collect()
    }

    /// Opens the ledger for appending over some disk.
    pub fn over<D: Disk>(&self, disk: D) -> Ledger<D> {
        let (book, config) = (self.book(), self.folder.join("config"));
        let id = Ledger::open(&book).unwrap().roster().unwrap().ledger().unwrap();
        let key = read_log_key(&config, id);
        Ledger::over(&book, LogFile::open_append(disk).unwrap(), read_origin(&book).unwrap(), key).unwrap()
    }

    pub(crate) fn set_up(&self) {
        fs::create_dir_all(&self.folder).unwrap();
        let mut rng = durable::entropy();
        let identities: Vec<Identity> = (0..AUTHORS)
            .map(|author| {
                let handle = format!("p{author}");
                let identity = Identity::new(&format!("Person {author}"), &handle, &mut rng).unwrap();
                fs::write(self.folder.join(format!("{handle}.id")), &*identity.seal(None).unwrap()).unwrap();
                identity
            })
            .collect();
        let beginning = Beginning {
            setting: "Willowbrook Pre-School",
            origin: "willowbrook.example/decisions",
            setting_type: "committee",
            urn: "",
            role: Role::Dsl,
        };
        let (book, config) = (self.book(), self.folder.join("config"));
        init::init(&book, &config, &identities[0], &self.side(0), &beginning, START, &mut rng).unwrap();
        let mut desk = self.desk(0);
        for (author, identity) in identities.iter().enumerate().skip(1) {
            let role = if author == 1 { Role::DeputyDsl } else { Role::Practitioner };
            let enrolling = Enrolling { role, handle: None, renews: None };
            desk.enrol(&init::card(identity).unwrap(), enrolling, &|| START, &mut rng).unwrap();
        }
        desk.open_case("theo", "Theo A.", &|| START, &mut rng).unwrap();
    }

    fn fill(&self, shape: Shape) {
        let mut ledger = self.over(Unsynced(RealFile::open_append(&self.log()).unwrap()));
        let mut roster = ledger.roster().unwrap();
        let mut writers = self.writers(&roster, shape.own_words);
        for writer in &mut writers {
            let keys = Keys { structure: vec![writer.key.clone()], ..Keys::default() };
            let mut own = |digest: &Digest, a: &[u8], b: &[u8]| open_statement(digest, a, b, &keys);
            let head = ledger.author_head(&writer.key, writer.identity.author().as_bytes(), &mut own).unwrap();
            if let Some(head) = head {
                (writer.sequence, writer.previous) = (head.sequence + 1, head.digest);
            }
        }
        let first = ledger.size();
        let mut digests: Vec<Digest> =
            (0..first).map(|number| ledger.entry(number).unwrap().envelope().statement).collect();
        let target = first + shape.entries;
        while ledger.size() < target {
            let (seen, size) = (ledger.seen(), ledger.size());
            let now = START + 3_600_000 + i64::try_from(size).unwrap() * 37;
            let pack = roster.pack();
            let groups: Vec<Vec<Authored>> = writers
                .par_iter_mut()
                .enumerate()
                .map(|(at, writer)| {
                    let begin = size + (at * shape.per_write) as u64;
                    let count = target.saturating_sub(begin).min(shape.per_write as u64);
                    (begin..begin + count)
                        .map(|number| writer.write(number, &digests, first, now, seen, pack))
                        .collect()
                })
                .collect();
            for (group, writer) in groups.iter().zip(&writers).filter(|(group, _)| !group.is_empty()) {
                ledger.append(group, &writer.key, &mut roster, &|| now).unwrap();
                digests.extend(group.iter().map(|authored| authored.statement.digest()));
            }
        }
    }

    fn writers(&self, roster: &Roster, own_words: bool) -> Vec<Writer> {
        let founder = self.identity(0);
        let held = structure_keys::load_all(&self.book().join("cabinet"), founder.secret()).unwrap().opened;
        let (case, _) = roster.cases()[0];
        let folder = roster.current_folder(Some(case), indelible::codec::Folder::General).unwrap().key;
        (0..AUTHORS)
            .map(|author| {
                let identity = self.identity(author);
                let key = held.iter().find(|held| held.author == identity.author()).unwrap().key().unwrap().clone();
                let ledger = roster.ledger().unwrap();
                let pack = Pack::parse(BUILT_IN).unwrap();
                let (sequence, previous) = (0, Digest::ZERO);
                Writer { identity, key, case, folder, ledger, pack, own_words, shared: None, sequence, previous }
            })
            .collect()
    }
}

/// One author while a ledger is made.
struct Writer {
    identity: Identity,
    key: StructureKey,
    case: CaseTag,
    folder: FolderPublic,
    ledger: LedgerId,
    pack: Pack,
    own_words: bool,
    shared: Option<Shared>,
    sequence: u64,
    previous: Digest,
}

struct Shared {
    words: Vec<u8>,
    root: Digest,
}

impl Writer {
    fn write(
        &mut self,
        number: u64,
        digests: &[Digest],
        first: u64,
        now: i64,
        seen: indelible::entry::statement::Seen,
        pack: Digest,
    ) -> Authored {
        let mut rng = durable::entropy();
        // Decisions mostly speak of what was noted not long before, seldom of something years back.
        let known = digests.len() as u64;
        let back = if number.is_multiple_of(1000) { number } else { number.wrapping_mul(0x9e37_79b9) % 2000 + 1 };
        let about = known.checked_sub(back).filter(|about| *about >= first && number % 2 == 1);
        let view = Desktop { case: self.case, person: self.identity.person(), about, digests };
        let decision = draft(number, about).check(&self.pack, &view, now).unwrap_or_else(|gaps| panic!("{gaps:?}"));
        let own = self.identity.author();
        let sealed = match &self.shared {
            Some(shared) if !self.own_words => {
                let mut decision = decision;
                decision.take_words();
                let mut id = [0; 16];
                let mut seed = Zeroizing::new([0; 32]);
                rng.fill_bytes(&mut id);
                rng.fill_bytes(&mut *seed);
                Sealed {
                    decision,
                    ledger: self.ledger,
                    id: StatementId::new(id),
                    folder: Some(self.folder),
                    words: shared.words.clone(),
                    words_key: None,
                    content_key: ContentKey::random(&mut rng),
                    structure_seed: seed,
                    words_root: shared.root,
                }
            }
            _ => Sealed::new(decision, self.ledger, own.as_bytes(), Some(&self.folder), &mut rng).unwrap(),
        };
        self.shared.get_or_insert_with(|| Shared { words: sealed.words.clone(), root: sealed.words_root });
        let author = Author {
            person: self.identity.person(),
            key: self.identity.signing(),
            structure_key: &self.key,
            sequence: self.sequence,
            previous: self.previous,
            seen,
            pack,
            policy: Digest::ZERO,
            signed: Moment::in_london(now),
        };
        let authored = Authored::sign(sealed, &author, &mut rng).unwrap();
        (self.sequence, self.previous) = (self.sequence + 1, authored.statement.digest());
        authored
    }
}

/// What a draft is checked against: one case, and concerns of it wherever an entry is named.
struct Desktop<'a> {
    case: CaseTag,
    person: PersonId,
    about: Option<u64>,
    digests: &'a [Digest],
}

impl View for Desktop<'_> {
    fn case(&self, _: &str) -> Found<CaseTag> {
        Found::One(self.case)
    }
    fn person(&self, _: &str) -> Found<PersonId> {
        Found::One(self.person)
    }
    fn author(&self) -> PersonId {
        self.person
    }
    fn roles(&self) -> Vec<Role> {
        vec![Role::Practitioner]
    }
    fn entry(&self, number: u64) -> Option<Referenced> {
        let digest = *self.digests.get(usize::try_from(number).ok()?)?;
        Some(Referenced {
            digest,
            kind: (Some(number) == self.about).then(|| indelible::codec::KindNumber::of("concern.observed")).flatten(),
            case: Some(self.case),
            folder: Some(indelible::codec::Folder::General),
            author_person: Some(self.person),
            values: Vec::new(),
        })
    }
}

/// A draft with about 600 bytes of words: a concern, or a decision about one.
pub fn draft(number: u64, about: Option<u64>) -> Draft {
    let words = "On arrival he said that he had not eaten since the day before and asked twice when the snack would be. \
        His coat was wet through although it had not rained since the morning; his grandmother brought him. ";
    let more =
        "I asked how the weekend had been and he looked at the floor. We sat together until the others had begun. ";
    let long = format!("{words}{more}{words}{more}{number}");
    let json = match about {
        None => json!({"kind": "concern.observed", "case": "theo", "learned_at": "2026-10-06T08:10:00+01:00",
            "narrative": long.get(..430), "reasons": words.get(..170)}),
        Some(about) => json!({"kind": "decision.noshare", "case": "theo", "decided_at": "2026-10-06T08:40:00+01:00",
            "reasons": long.get(..600), "refs": [{"relation": "decides", "entry": about}]}),
    };
    Draft::from_json(&json).unwrap()
}

/// Where the ledgers are kept.
pub fn base() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench")
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, copy) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy_all(&path, &copy)
        } else {
            let _ = fs::copy(&path, &copy).unwrap();
        }
    }
}
