//! A term of four people: who gets what at each moment, by our doors and with any other tool, and that nobody gets more.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use indelible::cabinet::identity::Identity;
use indelible::cabinet::roll::Roll;
use indelible::cabinet::wrap::{self, AgeSecret};
use indelible::cabinet::{drafts, folder_keys, own, structure_keys};
use indelible::codec::{CaseTag, Folder};
use indelible::decision::people::Role;
use indelible::ledger::LedgerError;
use indelible::ledger::desk::keys_of;
use indelible::ledger::facts::kept_under;
use indelible::ledger::grants::Granting;
use indelible::ledger::open::Ledger;
use indelible::ledger::read::{open_restricted, open_statement};
use indelible::ledger::record::Outcome;
use indelible::ledger::recover;
use indelible::review::retiring::Target;
use indelible::seal::structure::StructureKey;
use indelible::seal::words::{self, WordsKey};
use indelible::store::durable;
use indelible::verify::entry::Keys;
use indelible::verify::report::Code;
use serde_json::{Value as Json, json};

use crate::grants::Gets;
use crate::people::{confirm, enrol, person};
use crate::recovery::{lose_laptop, new_device, sheet};
use crate::retire::copy;
use crate::secrets::{Search, files};
use crate::tamper::deep;
use crate::town::{output, program};
use crate::world::{World, index_of};

/// Who gets what. A word stands for an entry whose words and structure they get, in brackets for the structure alone. Of the
/// cases it is the child's name in the roll, of the draft its text.
///
/// hungry: Sam's, in Theo's general folder. talk, after: Maria's, protection. court: Maria's, legal. tablet: Sam's, from the
/// second device. wrong: Sam's, in Theo's file, belongs to Ezra. right: the same, entered in Ezra's. last: Jon's, general.
const TERM: &str = "
  moment        | who    | by our doors                                    | the folder as it is, any tool

  begun         | maria  | hungry talk court theo ezra                     | hungry talk court theo ezra
  begun         | jon    | hungry talk court theo ezra                     | hungry talk court theo ezra
  begun         | sam    | hungry draft theo ezra                          | hungry draft theo ezra
  begun         | sheet  |                                                 | hungry talk court theo ezra

  waiting       | ruth   |                                                 |
  joined        | ruth   | theo ezra                                       | theo ezra

  second device | sam    | hungry (tablet) draft theo ezra                 | hungry (tablet) draft theo ezra
  second device | tablet | (hungry) tablet theo ezra                       | (hungry) tablet theo ezra
  second device | maria  | hungry talk court tablet theo ezra              | hungry talk court tablet theo ezra

  granted       | ruth   | talk theo ezra                                  | talk theo ezra
  granted       | sam    | hungry (tablet) draft theo ezra                 | hungry (tablet) draft theo ezra

  grant ended   | ruth   | theo ezra                                       | theo ezra
  grant ended   | jon    | hungry talk court tablet after theo ezra        | hungry talk court tablet after theo ezra

  key lost      | tablet |                                                 | tablet
  key lost      | sam    | hungry (tablet) draft theo ezra                 | hungry (tablet) draft theo ezra

  misfiled      | maria  | hungry talk court tablet after right theo ezra  | hungry talk court tablet after right theo ezra
  misfiled      | jon    | hungry talk court tablet after right theo ezra  | hungry talk court tablet after right theo ezra
  misfiled      | sam    | hungry (tablet) draft theo ezra                 | hungry (tablet) draft theo ezra
  misfiled      | ruth   | theo ezra                                       | theo ezra
  misfiled      | tablet |                                                 | tablet
  misfiled      | sheet  |                                                 | hungry talk court tablet after right theo ezra

  leaver        | sam    |                                                 | hungry draft
  leaver        | jon    | hungry talk court tablet after right last theo ezra | hungry talk court tablet after right last theo ezra

  new machine   | maria  |                                                 | talk court after
  new machine   | maria2 | hungry talk court tablet after right last theo ezra | hungry talk court tablet after right last theo ezra
  new machine   | jon    | hungry talk court tablet after right last theo ezra | hungry talk court tablet after right last theo ezra

  retired       | maria2 | hungry talk court tablet after last theo        | hungry talk court tablet after last theo
  retired       | jon    | hungry talk court tablet after last theo        | hungry talk court tablet after last theo
  retired       | ruth   | theo                                            | theo
  retired       | maria  |                                                 |
  retired       | sam    |                                                 | hungry draft
  retired       | tablet |                                                 | tablet
  retired       | sheet  |                                                 | hungry talk court tablet after last theo
";

/// What copies of the folder open at the end, with the keys of those who had them: one from when the grant stood, and one
/// from before anything was retired (keys.md, threats.md).
///
/// At "retired" Maria's lost laptop opens its own copies no more: she had read in Ezra's file, so they were made anew, and
/// for devices in force alone.
const COPIES: &str = "
  copy          | who    |     | with any tool

  granted       | ruth   |     | talk theo ezra
  granted       | tablet |     | (hungry) tablet theo ezra
  not retired   | ruth   |     | theo ezra
  not retired   | sam    |     | hungry (tablet) wrong draft theo ezra
  not retired   | tablet |     | tablet
  not retired   | maria  |     | hungry talk court tablet after wrong right (last) theo ezra
  not retired   | jon    |     | hungry talk court tablet after wrong right (last) theo ezra
  not retired   | sheet  |     | hungry talk court tablet after wrong right (last) theo ezra
  not retired   | maria2 |     |
";

type Cell = BTreeMap<String, Gets>;

/// The rows of a table for one moment: who, and the two cells.
fn rows(table: &str, moment: &str) -> Vec<(String, Cell, Cell)> {
    let cell = |text: &str| -> Cell {
        let word = |word: &str| match word.strip_prefix('(') {
            Some(rest) => (rest.trim_end_matches(')').to_owned(), Gets::Structure),
            None => (word.to_owned(), Gets::Words),
        };
        text.split_whitespace().map(word).collect()
    };
    let mut found = Vec::new();
    for line in table.lines().filter(|line| !line.trim().is_empty()).skip(1) {
        let parts: Vec<&str> = line.split('|').map(str::trim).collect();
        assert_eq!(parts.len(), 4, "{line}");
        if parts[0] == moment {
            found.push((parts[1].to_owned(), cell(parts[2]), cell(parts[3])));
        }
    }
    assert!(!found.is_empty(), "no row of {moment}");
    found
}

/// Something that not everybody may get.
struct Thing {
    name: &'static str,
    entry: u64,
    text: &'static str,
    /// What opens its words, and what opens its structure, as bytes.
    to_words: Vec<Vec<u8>>,
    to_structure: Vec<Vec<u8>>,
}

struct Term {
    world: World,
    things: Vec<Thing>,
    draft: Option<drafts::DraftId>,
    theo: CaseTag,
    ezra: CaseTag,
    /// Everyone who ever had an identity, with its name.
    people: Vec<(String, Identity)>,
}

const NAMES: [(&str, &str); 2] = [("theo", "Theo A."), ("ezra", "Ezra M.")];
const DRAFT: &str = "handover to Nan Treadwell";

impl Term {
    fn new() -> Self {
        let world = World::new();
        // Where the program makes its temporary files.
        std::fs::create_dir_all(world.path("tmp")).unwrap();
        let case = |handle: &str| world.desk("maria").find_case(handle).unwrap();
        let (theo, ezra) = (case("theo"), case("ezra"));
        let mut term = Term { world, things: Vec::new(), draft: None, theo, ezra, people: Vec::new() };
        ["maria", "jon", "sam"].iter().for_each(|who| term.known(who));
        term
    }

    fn known(&mut self, who: &str) {
        self.people.push((who.to_owned(), self.world.identity(who)));
    }

    fn cabinet(&self) -> PathBuf {
        self.world.book().join("cabinet")
    }

    fn secret(&self, who: &str) -> AgeSecret {
        match self.people.iter().find(|(name, _)| name == who) {
            Some((_, identity)) => identity.secret().clone(),
            None => sheet(&self.world),
        }
    }

    fn settle(&self, who: &str) {
        self.world.desk(who).settle(&|| self.world.tick(), &mut durable::entropy()).unwrap();
    }

    fn enter(&mut self, name: &'static str, who: &str, text: &'static str, mut draft: Json) -> u64 {
        draft["case"] = json!(draft.get("case").cloned().unwrap_or(json!("theo")));
        draft["learned_at"] = json!("2026-10-06T08:10:00+01:00");
        let entry = self.world.record(who, draft);
        self.note(name, entry, text);
        entry
    }

    fn concern(&mut self, name: &'static str, who: &str, folder: &str, text: &'static str) -> u64 {
        let draft = json!({"kind": "concern.observed", "folder": folder, "narrative": text, "reasons": "It may matter.",
                           "hold_check": "no", "concern_type": "neglect"});
        self.enter(name, who, text, draft)
    }

    /// Notes an entry, with every secret that opens it, as Jon's keys give them.
    fn note(&mut self, name: &'static str, entry: u64, text: &'static str) {
        let jon = self.world.desk("jon");
        let (stored, statement) = jon.statement(entry).unwrap();
        let (body, digest) = (statement.unwrap().body().clone(), stored.envelope().statement);
        let folder = folder_keys::load(&self.cabinet(), body.folder_key, &self.secret("jon")).unwrap();
        let private = folder.private().unwrap();
        let key = words::words_key(stored.words(), private).unwrap();
        let content = words::content_key(stored.words(), private, &jon.ledger_id()).unwrap();
        let to_words = vec![text.as_bytes().to_vec(), key.as_bytes().to_vec(), private.as_bytes().to_vec()];
        let mut to_structure = vec![content.as_bytes().to_vec()];
        for held in structure_keys::load_all(&self.cabinet(), &self.secret("jon")).unwrap().opened {
            let keys = Keys { structure: held.key().cloned().into_iter().collect(), ..Keys::default() };
            if open_statement(&digest, stored.structure(), &[], &keys).is_some() {
                to_structure.push(held.key().unwrap().as_bytes().to_vec());
            }
        }
        self.things.push(Thing { name, entry, text, to_words, to_structure });
    }

    /// What somebody gets by sitting down at the ledger.
    fn by_doors(&self, who: &str) -> Cell {
        let mut cell = Cell::new();
        let Ok(mut desk) = self.world.try_desk(who) else { return cell };
        for (name, label) in NAMES {
            let tag = if name == "theo" { self.theo } else { self.ezra };
            if desk.roll().case(tag).is_some_and(|line| line.label() == label) {
                cell.insert(name.to_owned(), Gets::Words);
            }
        }
        if self.draft.is_some_and(|draft| desk.draft(draft).is_ok()) {
            cell.insert("draft".to_owned(), Gets::Words);
        }
        for thing in &self.things {
            let got = match desk.show(thing.entry, Some("own_work"), &|| self.world.tick(), &mut durable::entropy()) {
                Ok(shown) if shown.opened => Gets::Words,
                Ok(shown) if shown.body.is_none() => continue,
                Ok(_) | Err(LedgerError::NotReader) => Gets::Structure,
                Err(other) => panic!("{who} {}: {other}", thing.name),
            };
            cell.insert(thing.name.to_owned(), got);
        }
        cell
    }

    /// What somebody gets with all the keys that they hold and a cabinet, whatever program they use.
    fn with_keys(&self, who: &str, cabinet: &Path) -> Cell {
        let (mut cell, secret) = (Cell::new(), self.secret(who));
        let ledger = Ledger::open(&self.world.book()).unwrap();
        let roster = ledger.roster().unwrap();
        let id = roster.ledger().unwrap();
        let structure = structure_keys::load_all(cabinet, &secret).unwrap().opened;
        let folders = folder_keys::load_all(cabinet, &secret).unwrap().opened;
        let author = self.people.iter().find(|(name, _)| name == who).map(|(_, identity)| identity.author());
        let copies = author.map(|author| own::all_of(cabinet, &author, &secret)).unwrap_or_default();
        let mut keys = keys_of(structure.iter(), id);
        for file in &folders {
            keys.restricted.extend(file.private().cloned());
            keys.kept.extend(file.kept());
        }
        for thing in &self.things {
            let stored = ledger.entry(thing.entry).unwrap();
            let digest = stored.envelope().statement;
            let own_key = copies.get(&digest);
            let any =
                |key: &WordsKey| roster.folder_ids().any(|id_| words::open(stored.words(), key, &id, id_).is_ok());
            let by_folder = folders.iter().any(|file| {
                let key = file.private().and_then(|private| words::words_key(stored.words(), private).ok());
                key.or_else(|| file.words_key(thing.entry).cloned()).is_some_and(|key| any(&key))
            });
            let by_own = own_key.and_then(|key| {
                open_restricted(&digest, stored.structure(), stored.words(), key, &id, roster.folder_ids())
            });
            let got = if by_folder || own_key.is_some_and(any) {
                assert!(by_own.is_some() || stored.statement(&keys).is_some(), "{who}: words without structure");
                Gets::Words
            } else if stored.statement(&keys).is_some() {
                Gets::Structure
            } else {
                continue;
            };
            cell.insert(thing.name.to_owned(), got);
        }
        if let Ok(roll) = Roll::load(cabinet, &secret) {
            for (name, label) in NAMES {
                if roll.cases().iter().any(|line| line.label() == label) {
                    cell.insert(name.to_owned(), Gets::Words);
                }
            }
        }
        if self.draft.is_some_and(|draft| drafts::load(cabinet, draft, &secret).is_ok()) {
            cell.insert("draft".to_owned(), Gets::Words);
        }
        cell
    }

    /// Every secret that somebody may not get who gets `allowed`, with its name.
    fn closed(&self, allowed: &Cell) -> Vec<(String, Vec<u8>)> {
        let mut closed = Vec::new();
        let got = |name: &str| allowed.get(name).copied().unwrap_or(Gets::Nothing);
        for thing in &self.things {
            if got(thing.name) == Gets::Words {
                continue;
            }
            let elsewhere = self.things.iter().any(|one| one.text == thing.text && got(one.name) == Gets::Words);
            let words = thing.to_words.iter().skip(usize::from(elsewhere));
            closed.extend(words.map(|secret| (format!("the words of {}", thing.name), secret.clone())));
            if got(thing.name) == Gets::Nothing {
                let structure = thing.to_structure.iter();
                closed.extend(structure.map(|secret| (format!("the structure of {}", thing.name), secret.clone())));
            }
        }
        let texts = NAMES.iter().copied().chain([("draft", DRAFT)]);
        let texts = texts.filter(|(name, _)| got(name) == Gets::Nothing);
        closed.extend(texts.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec())));
        closed
    }

    /// Looks through every file of the setting, as it lies there and opened with this person's key, for what they may not get.
    fn search_files(&self, who: &str, allowed: &Cell) {
        let closed = self.closed(allowed);
        let search = Search::new(closed.iter().map(|(_, secret)| secret.as_slice()));
        let secret = self.secret(who);
        let mut all = Vec::new();
        files(self.world.folder.path(), &mut all);
        let others =
            |path: &Path| path.extension().is_some_and(|end| end == "id") && !path.ends_with(format!("{who}.id"));
        for path in all.into_iter().filter(|path| !others(path)) {
            let bytes = std::fs::read(&path).unwrap();
            let opened = wrap::unwrap(&bytes, &secret).map(|opened| opened.to_vec()).unwrap_or_default();
            for content in [bytes, opened] {
                let found: Vec<&String> = search.find(&content).into_iter().map(|at| &closed[at].0).collect();
                assert!(found.is_empty(), "{who} finds {found:?} in {}", path.display());
            }
        }
    }

    /// Every command that shows something.
    fn commands(&self) -> Vec<Vec<String>> {
        let mut all: Vec<String> = [
            "log",
            "log --last 5",
            "case list",
            "case show theo",
            "case show ezra",
            "review --all",
            "due",
            "due --ics -",
            "drafts",
            "drafts --all",
            "outbox",
            "grant list",
            "person list",
            "receipts",
            "report",
            "report --csv",
            "kinds",
            "verify",
            "checkpoint",
            "checkpoint --old 0",
        ]
        .map(str::to_owned)
        .to_vec();
        for (tag, draft) in [(self.theo, self.draft), (self.ezra, None)] {
            all.push(format!("case show {}", tag.base32()));
            all.extend(draft.map(|draft| format!("drafts {draft}")));
        }
        for Thing { name, entry, .. } in &self.things {
            all.push(format!("show {entry}"));
            // Without words every entry is alike to these: two are enough but for a deep run.
            if deep() || ["wrong", "talk"].contains(name) {
                all.push(format!("show {entry} --structure"));
                all.push(format!("receipt {entry} --entry-out tmp/entry"));
                all.push(format!("consent receipt {entry}"));
            }
        }
        all.iter().map(|line| line.split(' ').map(str::to_owned).collect()).collect()
    }

    /// Runs every command as this person, or as nobody, and looks through all that it says and writes.
    fn search_commands(&self, who: &str, allowed: &Cell) {
        let closed = self.closed(allowed);
        let search = Search::new(closed.iter().map(|(_, secret)| secret.as_slice()));
        let got = |thing: &&Thing| !allowed.contains_key(thing.name);
        let hidden: BTreeSet<u64> = self.things.iter().filter(got).map(|thing| thing.entry).collect();
        for args in self.commands() {
            for json in [true, false].into_iter().filter(|json| *json || deep()) {
                let mut args: Vec<&str> = args.iter().map(String::as_str).collect();
                args.extend(json.then_some("--json").filter(|_| !args.contains(&"-") && !args.contains(&"--csv")));
                let mut command = program(self.world.folder.path(), &args, Some(self.world.tick()));
                command.env("TMPDIR", self.world.path("tmp"));
                command.env("INDELIBLE_LEDGER", "book");
                if who != "nobody" {
                    command.env("INDELIBLE_IDENTITY", format!("{who}.id"));
                }
                let said = output(command, "");
                assert!(said.status.code().is_some_and(|code| code != 101), "{who} {args:?} {said:?}");
                // What they may get is shown: the search would find it.
                let shown = self.things.iter().find(|thing| args.starts_with(&["show", &thing.entry.to_string()]));
                if let Some(thing) = shown.filter(|_| !args.contains(&"--structure")) {
                    let found = !Search::new([thing.text.as_bytes()]).find(&said.stdout).is_empty();
                    assert_eq!(found, allowed.get(thing.name) == Some(&Gets::Words), "{who} {args:?}");
                }
                for text in [&said.stdout, &said.stderr] {
                    let found: Vec<&String> = search.find(text).into_iter().map(|at| &closed[at].0).collect();
                    assert!(found.is_empty(), "{who} is shown {found:?} by {args:?}");
                    // Whoever retires has to say what; the report of a verify names it.
                    if let Ok(document) = serde_json::from_slice::<Json>(text)
                        && args[0] != "verify"
                    {
                        let told = tells(&document, &hidden);
                        assert!(told.is_none(), "{who} {args:?}: {told:?}");
                    }
                }
            }
        }
    }

    /// Compares a moment with the table.
    fn moment(&self, moment: &str, every_command: bool) {
        for (who, by_doors, with_keys) in rows(TERM, moment) {
            if who != "sheet" {
                assert_eq!(self.by_doors(&who), by_doors, "{moment}: {who} by our doors");
            }
            assert_eq!(self.with_keys(&who, &self.cabinet()), with_keys, "{moment}: {who} with any tool");
            if (every_command || deep()) && who != "sheet" {
                self.search_commands(&who, &by_doors);
            }
            self.search_files(&who, &with_keys);
        }
        if deep() || moment == "retired" {
            self.search_commands("nobody", &Cell::new());
        }
    }

    /// The entries of which the cache of opened structure tells whoever has these keys.
    fn cached(&self, keys: &[StructureKey]) -> BTreeSet<u64> {
        let index = index_of(&self.world.book());
        keys.iter().flat_map(|key| kept_under(&index, key)).map(|fact| fact.entry).collect()
    }

    /// Every structure key that a secret opens in a cabinet.
    fn structure_keys(cabinet: &Path, secret: &AgeSecret) -> Vec<StructureKey> {
        let held = structure_keys::load_all(cabinet, secret).unwrap().opened;
        held.iter().filter_map(|held| held.key().cloned()).collect()
    }

    fn entry(&self, name: &str) -> u64 {
        self.things.iter().find(|thing| thing.name == name).unwrap().entry
    }
}

/// Looks for an object that tells of a hidden entry more than that there is one.
fn tells(document: &Json, hidden: &BTreeSet<u64>) -> Option<Json> {
    match document {
        Json::Array(all) => all.iter().find_map(|one| tells(one, hidden)),
        Json::Object(fields) => {
            let of = fields.get("entry").and_then(Json::as_u64).filter(|entry| hidden.contains(entry));
            let says = ["kind", "flag", "author", "case", "folder", "times"].iter();
            let says = says.filter_map(|name| fields.get(*name)).any(|value| !value.is_null());
            if of.is_some() && says {
                return Some(document.clone());
            }
            fields.values().find_map(|value| tells(value, hidden))
        }
        _ => None,
    }
}

#[test]
fn a_term_of_four_people() {
    let mut term = Term::new();
    let mut rng = durable::entropy();

    // Maria, Jon and Sam write; Sam leaves a draft.
    term.concern("hungry", "sam", "general", "Quillfeather hungry on arrival");
    term.concern("talk", "maria", "protection", "bruise like a crescent moon");
    let noted = json!({"kind": "order.noted", "folder": "legal", "order_type": "prohibited_steps",
        "effect": "the court at Alderbrook asks"});
    term.enter("court", "maria", "the court at Alderbrook asks", noted);
    let draft = json!({"kind": "decision.noshare", "case": "theo", "narrative": DRAFT});
    let Outcome::Gaps { draft, .. } = term.world.try_record("sam", draft) else { panic!("entered") };
    term.draft = Some(draft);
    term.moment("begun", false);

    // Ruth joins as chair: at the second person's word.
    let ruth = person(&term.world, "Ruth Amis", "ruth");
    term.known("ruth");
    let (entry, waits) = enrol(&term.world, "maria", &ruth, Role::Chair, None);
    assert!(waits);
    term.moment("waiting", false);
    confirm(&term.world, "jon", entry, "agrees").unwrap();
    term.moment("joined", false);

    // Sam takes a tablet besides.
    let sam = term.world.identity("sam");
    let tablet = Identity::for_person(sam.person(), sam.name(), sam.name_salt(), sam.handle(), &mut rng).unwrap();
    std::fs::write(term.world.path("tablet.id"), &*tablet.seal(None).unwrap()).unwrap();
    term.known("tablet");
    let (tablet_enrolled, _) = enrol(&term.world, "maria", &tablet, Role::Practitioner, None);
    term.concern("tablet", "tablet", "general", "seen by the garden gate twice");
    term.moment("second device", false);

    // Ruth may read Theo's protection folder, and then no more.
    let theo = term.theo;
    let granting = Granting {
        person: ruth.person(),
        case: Some(theo),
        folders: &[Folder::Protection],
        profile: "cover",
        until: None,
    };
    let grant = term.world.desk("maria").grant(granting, &|| term.world.tick(), &mut rng).unwrap().number;
    term.moment("granted", false);
    // Her own review leaves nothing in the cache that her keys open later.
    term.world.desk("ruth").review(term.world.tick()).unwrap();
    let while_granted = tempfile::tempdir().unwrap();
    copy(&term.world.book(), while_granted.path());
    term.world.desk("maria").end_grant(grant, "grant_ended", &|| term.world.tick(), &mut rng).unwrap();
    term.concern("after", "maria", "protection", "after the grant had ended");
    term.moment("grant ended", false);
    let told = term.cached(&Term::structure_keys(&term.cabinet(), ruth.secret()));
    assert!(term.things.iter().all(|thing| !told.contains(&thing.entry)), "{told:?}");

    // The tablet is lost.
    let since = term.world.tick();
    term.world.desk("jon").revoke(tablet_enrolled, "lost", since, &|| term.world.tick(), &mut rng).unwrap();
    term.settle("jon");
    term.moment("key lost", true);

    // Misfiled: said again in Ezra's file, gone from Theo's.
    let wrong = term.concern("wrong", "sam", "general", "Yellowhammer scratches on the left arm");
    let ezra = term.ezra;
    // Everybody's cache knows it.
    ["maria", "jon", "sam"].iter().for_each(|who| drop(term.world.desk(who).review(term.world.tick()).unwrap()));
    let not_retired = tempfile::tempdir().unwrap();
    copy(&term.world.book(), not_retired.path());
    let old_keys = Term::structure_keys(&not_retired.path().join("cabinet"), sam.secret());
    assert!(term.cached(&old_keys).contains(&wrong));
    let mut maria = term.world.desk("maria");
    let said = maria.misfiled(wrong, Some(ezra), "About Ezra.", &|| term.world.tick(), &mut rng).unwrap();
    drop(maria);
    let Outcome::Entered { entered, .. } = said else { panic!("not entered") };
    confirm(&term.world, "jon", entered.number, "agrees").unwrap();
    term.note("right", entered.number + 2, "Yellowhammer scratches on the left arm");
    let retire = |term: &Term, by: [&str; 2], targets: &[Target], misfiled: Option<u64>| {
        let cause = if misfiled.is_some() { "misfiled" } else { "retention" };
        let (tick, mut rng) = (|| term.world.tick(), durable::entropy());
        let (proposed, _) = term.world.desk(by[0]).propose_retiring(targets, cause, misfiled, &tick, &mut rng).unwrap();
        term.world.desk(by[1]).approve_retiring(proposed.number, "agrees", &tick, &mut rng).unwrap();
    };
    retire(&term, ["jon", "maria"], &[Target::Entry(wrong)], Some(entered.number));
    term.moment("misfiled", false);
    let nowhere = |term: &Term, name: &str| {
        let everyone = term.people.iter().map(|(who, _)| who.as_str()).chain(["sheet"]);
        for who in everyone {
            assert_eq!(term.with_keys(who, &term.cabinet()).get(name), None, "{who}");
            let told = term.cached(&Term::structure_keys(&term.cabinet(), &term.secret(who)));
            assert!(!told.contains(&term.entry(name)), "{who}: the cache tells of {name}");
        }
    };
    // The caches were made anew since, and tell of the others.
    ["maria", "jon", "sam"].iter().for_each(|who| drop(term.world.desk(who).review(term.world.tick()).unwrap()));
    nowhere(&term, "wrong");

    // Sam leaves.
    term.world.desk("jon").end_person(sam.person(), "left", &|| term.world.tick(), &mut rng).unwrap();
    term.concern("last", "jon", "general", "collected by his aunt on Friday");
    term.moment("leaver", false);

    // Maria's laptop is gone. Whoever has it now has her identity, without a passphrase, and the folder.
    let lost = lose_laptop(&term.world, "maria");
    std::fs::write(term.world.path("maria.id"), &*lost.seal(None).unwrap()).unwrap();
    recover::recover(&term.world.book(), &term.world.path("config"), &sheet(&term.world), term.world.tick()).unwrap();
    let maria2 = new_device(&term.world, &lost, "maria2");
    term.known("maria2");
    let (renewal, waits) = enrol(&term.world, "jon", &maria2, Role::Dsl, Some(0));
    assert!(waits);
    confirm(&term.world, "ruth", renewal, "agrees").unwrap();
    term.settle("jon");
    term.moment("new machine", false);

    // Ezra's file is done with.
    let review = json!({"kind": "retention.review", "case": "ezra", "folder": "protection", "retention_class": "child_protection",
        "learned_at": "2026-10-06T09:00:00+01:00", "reasons": "He left.", "outcome": "retire", "review_at": "2026-10-06"});
    term.world.record("jon", review);
    retire(&term, ["jon", "maria2"], &[Target::Case(ezra)], None);
    ["maria2", "jon"].iter().for_each(|who| drop(term.world.desk(who).review(term.world.tick()).unwrap()));
    term.moment("retired", true);
    nowhere(&term, "wrong");
    nowhere(&term, "right");
    let report = term.world.verify(term.world.desk("jon").keys());
    assert!(report.findings.iter().all(|one| one.code == Code::OneFounder), "{:?}", report.findings);

    // What old copies of the folder still open of the log as it is.
    for (name, folder) in [("granted", &while_granted), ("not retired", &not_retired)] {
        let expected: Vec<_> = rows(COPIES, name).into_iter().map(|(who, _, cell)| (who, cell)).collect();
        let cabinet = folder.path().join("cabinet");
        let opened: Vec<_> = expected.iter().map(|(who, _)| (who.clone(), term.with_keys(who, &cabinet))).collect();
        assert_eq!(opened, expected, "the copy {name}");
    }
    // With the keys of an old copy the cache is as open as the log.
    assert!(term.cached(&old_keys).contains(&wrong));
}
