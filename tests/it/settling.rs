//! Settling who may read, broken off at each step, and with each call of the disk failing: never a reader too many, and
//! everyone who should read does afterwards.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::SystemTime;

use indelible::cabinet::CabinetError;
use indelible::cabinet::identity::side_folder;
use indelible::cabinet::recovery::RecoverySheet;
use indelible::cabinet::roll::Roll;
use indelible::cabinet::wrap::AgeSecret;
use indelible::cabinet::{folder_keys, structure_keys};
use indelible::codec::{Folder, FolderKeyId};
use indelible::decision::draft::Draft;
use indelible::decision::people::Role;
use indelible::keys::name::SignerKey;
use indelible::ledger::LedgerError;
use indelible::ledger::desk::{Desk, keys_of};
use indelible::ledger::grants::Granting;
use indelible::ledger::late::waiting;
use indelible::ledger::open::{Ledger, read_origin};
use indelible::ledger::recover;
use indelible::store::disk::Disk;
use indelible::store::durable;
use indelible::store::faulty::{Fault, FaultyDisk, FaultyFiles};
use indelible::store::log_file::LogFile;
use indelible::verify::entry::Keys;
use indelible::verify::report::Code;

use crate::forge::concern;
use crate::people::{confirm, enrol, person, with_chair};
use crate::secrets::files;
use crate::tamper::deep;
use crate::world::World;

/// A cabinet's files: content, and when it was written.
type Files = BTreeMap<PathBuf, (Vec<u8>, SystemTime)>;

/// What lay on the disk at one moment.
#[derive(Clone, PartialEq)]
struct State {
    cabinet: Files,
    log: Vec<u8>,
}

/// Looks at the disk whenever the log is asked for something: between the calls of the cabinet.
#[derive(Clone)]
struct Watched {
    disk: FaultyDisk,
    cabinet: PathBuf,
    states: Rc<RefCell<Vec<State>>>,
}

impl Watched {
    fn look(&self) {
        let mut cabinet = Files::new();
        let mut all = Vec::new();
        files(&self.cabinet, &mut all);
        for path in all.into_iter().filter(|path| path.extension().is_some_and(|end| end == "age")) {
            let written = std::fs::metadata(&path).unwrap().modified().unwrap();
            let content = (std::fs::read(&path).unwrap(), written);
            cabinet.insert(path.strip_prefix(&self.cabinet).unwrap().to_owned(), content);
        }
        let log = self.disk.bytes();
        let mut states = self.states.borrow_mut();
        // Of what was written between two looks, each file by itself, in the order in which they were written.
        if let Some(mut last) = states.last().cloned() {
            let mut changed: Vec<_> =
                cabinet.iter().filter(|(path, file)| last.cabinet.get(*path) != Some(file)).collect();
            changed.sort_by_key(|(_, (_, written))| *written);
            for (path, file) in changed {
                last.cabinet.insert(path.clone(), file.clone());
                states.push(last.clone());
            }
        }
        if states.last().is_none_or(|last| last.cabinet != cabinet || last.log != log) {
            states.push(State { cabinet, log });
        }
    }
}

impl Disk for Watched {
    fn len(&self) -> io::Result<u64> {
        self.look();
        self.disk.len()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.look();
        self.disk.read_at(offset, buffer)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.look();
        let done = self.disk.append(bytes);
        self.look();
        done
    }

    fn sync(&mut self) -> io::Result<()> {
        self.look();
        self.disk.sync()
    }
}

const PEOPLE: [&str; 6] = ["maria", "jon", "sam", "ruth", "lea", "ana"];

/// A ledger in which everything is left for the next overseer: Jon oversees no more, Lea does now, Sam's grant has run out, Ana
/// joins. Only Ruth, who holds no keys, has been there since.
fn unsettled() -> (World, i64) {
    let world = World::new();
    with_chair(&world);
    let tick = || world.tick();
    let mut rng = durable::entropy();
    world.record("sam", concern("theo", "one"));
    let (lea, ana) = (person(&world, "Lea Burr", "lea"), person(&world, "Ana Reyes", "ana"));
    let (leads, _) = enrol(&world, "maria", &lea, Role::Leader, None);
    enrol(&world, "maria", &ana, Role::Practitioner, None);
    let theo = world.desk("maria").find_case("theo").unwrap();
    let until = world.tick() + 3_600_000;
    let person = world.identity("sam").person();
    let folders = &[Folder::General, Folder::Protection];
    let granting = Granting { person, case: Some(theo), folders, profile: "cover", until: Some(until) };
    world.desk("maria").grant(granting, &tick, &mut rng).unwrap();
    let jon = world.identity("jon").person();
    let ended = world.desk("maria").end_role(jon, Role::DeputyDsl, None, &tick, &mut rng).unwrap();
    confirm(&world, "ruth", ended.entered.number, "agrees").unwrap();
    confirm(&world, "ruth", leads, "agrees").unwrap();
    (world, until)
}

/// Which folder keys each person opens.
fn opens(world: &World, cabinet: &Path) -> BTreeMap<&'static str, BTreeSet<FolderKeyId>> {
    let of = |who: &&'static str| {
        let opened = folder_keys::load_all(cabinet, world.identity(who).secret()).unwrap().opened;
        (*who, opened.into_iter().map(|file| file.id).collect())
    };
    PEOPLE.iter().map(of).collect()
}

/// How many structure keys of others somebody opens.
fn of_others(world: &World, who: &str, secret: &AgeSecret) -> usize {
    let own = world.identity(who).author();
    let held = structure_keys::load_all(&world.book().join("cabinet"), secret).unwrap().opened;
    held.iter().filter(|held| held.author != own).count()
}

fn place(world: &World, state: &State) {
    let (book, cabinet) = (world.book(), world.book().join("cabinet"));
    drop(std::fs::remove_dir_all(book.join("index")));
    drop(std::fs::remove_file(book.join("checkpoint")));
    let mut all = Vec::new();
    files(&cabinet, &mut all);
    all.into_iter().filter(|path| path.extension().is_some_and(|end| end == "age")).for_each(|path| {
        std::fs::remove_file(path).unwrap();
    });
    for (path, (content, _)) in &state.cabinet {
        std::fs::create_dir_all(cabinet.join(path).parent().unwrap()).unwrap();
        std::fs::write(cabinet.join(path), content).unwrap();
    }
    std::fs::write(book.join("ledger.log"), &state.log).unwrap();
}

/// Everything beside people's identities, as it was before.
fn forget(world: &World, before: &Path) {
    for who in PEOPLE {
        let side = side_folder(&world.path(&format!("{who}.id")));
        drop(std::fs::remove_dir_all(&side));
        if before.join(who).is_dir() {
            crate::retire::copy(&before.join(who), &side);
        }
    }
}

#[test]
fn settling_that_is_broken_off_at_any_step_is_made_good() {
    let (world, until) = unsettled();
    let (book, cabinet) = (world.book(), world.book().join("cabinet"));
    let sides = tempfile::tempdir().unwrap();
    for who in PEOPLE {
        let side = side_folder(&world.path(&format!("{who}.id")));
        if side.is_dir() {
            crate::retire::copy(&side, &sides.path().join(who));
        }
    }
    let before = opens(&world, &cabinet);
    assert!(!before["jon"].is_empty() && before["sam"].len() == 2 && before["lea"].is_empty());
    let signer = || SignerKey::parse(&std::fs::read_to_string(&world.begun.log_key).unwrap()).unwrap();
    let watched = Watched { disk: FaultyDisk::with(world.bytes()), cabinet: cabinet.clone(), states: Rc::default() };
    let desk = |disk: Watched, who: &str| {
        let file = LogFile::open_append(disk).unwrap();
        let ledger = Ledger::over(&book, file, read_origin(&book).unwrap(), Some(signer())).unwrap();
        let roster = ledger.roster().unwrap();
        let side = side_folder(&world.path(&format!("{who}.id")));
        Desk::at(ledger, roster, world.identity(who), &side).unwrap()
    };
    watched.look();
    desk(watched.clone(), "maria").settle(&|| until + 1000, &mut durable::entropy()).unwrap();
    watched.look();
    let states = watched.states.take();
    let after = opens(&world, &cabinet);
    assert!(after["sam"].is_empty() && after["jon"].is_empty() && after["lea"] == after["maria"]);
    assert!(states.len() > 30, "{}", states.len());
    // Those who might read before, and those who may now: nobody else at any step, and of the new keys only these.
    let new: BTreeSet<FolderKeyId> = after["maria"].difference(&before["maria"]).copied().collect();
    assert!(new.len() >= 9);
    let step = if deep() { 1 } else { states.len() / 12 };
    let every = states.iter().enumerate().filter(|(at, _)| at % step == 0 || *at == states.len() - 1);
    for ((at, state), fault) in
        every.flat_map(|one| [(one, None), (one, Some(Fault::NotDone)), (one, Some(Fault::Done))])
    {
        // The log itself fails once more in the next settling; the whole of these only in a deep run.
        if fault.is_some() && !deep() && at % (2 * step) != 0 {
            continue;
        }
        place(&world, state);
        forget(&world, sides.path());
        let what = format!("step {at} of {}, {fault:?}", states.len());
        for (who, found) in opens(&world, &cabinet) {
            let may: BTreeSet<FolderKeyId> = before[who].union(&after[who]).copied().collect();
            let drawn: Vec<_> = found.difference(&may).collect();
            // A key that is drawn and not published yet is nobody's but the overseers'.
            assert!(drawn.is_empty(), "{what}: {who} opens {drawn:?}");
        }
        let again =
            Watched { disk: FaultyDisk::with(state.log.clone()), cabinet: cabinet.clone(), states: Rc::default() };
        if let Some(fault) = fault {
            let mut desk = desk(again.clone(), "maria");
            again.disk.fail_after(0, fault);
            drop(desk.settle(&|| until + 2000, &mut durable::entropy()));
        }
        let again = Watched { disk: FaultyDisk::with(again.disk.bytes()), ..again };
        desk(again.clone(), "maria").settle(&|| until + 3000, &mut durable::entropy()).unwrap();
        std::fs::write(book.join("ledger.log"), again.disk.bytes()).unwrap();
        check(&world, until + 4000, &what);
    }
}

/// Who reads is whom the entries say, all can go on, and nothing is altered.
fn check(world: &World, now: i64, what: &str) {
    let roster = world.desk("maria").roster().clone();
    let ids: BTreeSet<FolderKeyId> = roster.folder_ids().copied().collect();
    for (who, found) in opens(world, &world.book().join("cabinet")) {
        let oversees = ["maria", "lea"].contains(&who);
        let found: BTreeSet<FolderKeyId> = found.intersection(&ids).copied().collect();
        assert_eq!(found, if oversees { ids.clone() } else { BTreeSet::new() }, "{what}: {who}");
        assert!(Roll::load(&world.book().join("cabinet"), world.identity(who).secret()).is_ok(), "{what}: {who}");
        let others = of_others(world, who, world.identity(who).secret());
        assert_eq!(others > 0, oversees, "{what}: {who} opens {others} structure keys of others");
    }
    // Nobody who may not read opens what is sealed from here on.
    for folder in [Folder::Staff, Folder::Intake, Folder::Access] {
        let newest = roster.current_folder(None, folder).unwrap();
        assert!(newest.epoch >= 1, "{what}: {folder:?}");
    }
    let draft = Draft::from_json(&concern("theo", "two")).unwrap();
    for who in ["sam", "ana", "jon"] {
        let entered = world.desk(who).record(&draft, &|| now, &mut durable::entropy()).unwrap();
        assert!(matches!(entered, indelible::ledger::record::Outcome::Entered { .. }), "{what}: {who}");
    }
    let report = world.verify(Keys::default());
    let known = [Code::OneFounder, Code::ClockBack];
    assert!(report.findings.iter().all(|one| known.contains(&one.code)), "{what}: {:?}", report.findings);
}

/// Runs something on copies of a setting, with each step of the calls for whole files failing once (some of them, but in a deep
/// run), and lets `judge` look at each: at what came of it, and before anybody else sat down.
fn failing_at_each_step(
    world: &World,
    act: impl Fn(&World) -> Result<(), LedgerError>,
    judge: impl Fn(&World, &Result<(), LedgerError>, &str),
) {
    let all = {
        let copy = world.copy();
        let files = FaultyFiles::fail_after(u64::MAX);
        act(&copy).unwrap();
        files.steps()
    };
    assert!(all > 12, "{all}");
    let wanted = if deep() { all } else { 25 };
    for nth in 0..wanted {
        let step = nth * all / wanted + (all / wanted).min(nth % 7);
        let copy = world.copy();
        let files = FaultyFiles::fail_after(step);
        let done = act(&copy);
        let fired = !files.armed();
        drop(files);
        let what = format!("step {step} of {all}: {done:?}");
        // What is drawn at random may make one run a few steps shorter than another.
        assert!(fired || step + 20 > all, "{what}");
        judge(&copy, &done, &what);
    }
}

/// Every folder and structure key that the overseer and the sheet opened before is still there, and all words can be read.
fn nothing_is_lost(before: &World, now: &World, sheet: &AgeSecret, what: &str) {
    for secret in [before.identity("maria").secret(), sheet] {
        let held = |world: &World| {
            let cabinet = world.book().join("cabinet");
            let folders = folder_keys::load_all(&cabinet, secret).unwrap();
            let structure = structure_keys::load_all(&cabinet, secret).unwrap();
            assert_eq!((folders.damaged.len(), structure.damaged.len()), (0, 0), "{what}");
            let folders: BTreeSet<FolderKeyId> = folders.opened.into_iter().map(|file| file.id).collect();
            let structure: BTreeSet<([u8; 32], u32)> =
                structure.opened.into_iter().map(|held| (*held.author.as_bytes(), held.epoch)).collect();
            (folders, structure)
        };
        let ((folders, structure), (folders_now, structure_now)) = (held(before), held(now));
        assert!(folders_now.is_superset(&folders), "{what}");
        assert!(structure_now.is_superset(&structure), "{what}");
    }
}

/// The disk is named as what failed, and nothing else.
fn told_of_the_disk(done: &Result<(), LedgerError>, what: &str) {
    let Err(mut error) = done.as_ref() else { return };
    if let LedgerError::Unsettled { why, .. } = error {
        error = why;
    }
    let disk = matches!(
        error,
        LedgerError::Cabinet(CabinetError::Disk(_))
            | LedgerError::Io { .. }
            | LedgerError::LogKeyUnread(_)
            | LedgerError::Store(_)
    );
    assert!(disk, "{what}");
}

/// Whoever is told of a failure is told what stands all the same.
fn told_what_stands(before: &World, now: &World, done: &Result<(), LedgerError>, what: &str) {
    let size = |world: &World| Ledger::open(&world.book()).unwrap().size();
    let Err(error) = done else { return };
    if size(now) > size(before) {
        assert!(matches!(error, LedgerError::Unsettled { entry, .. } if *entry == size(before)), "{what}");
    }
}

/// Keeps a file from being read: the disk refuses it, and does not say that there is none.
#[cfg(unix)]
fn withhold(world: &World, path: &Path) {
    std::fs::rename(path, world.path("withheld")).unwrap();
    std::os::unix::fs::symlink(path, path).unwrap();
}

#[cfg(unix)]
fn give_back(world: &World, path: &Path) {
    std::fs::remove_file(path).unwrap();
    std::fs::rename(world.path("withheld"), path).unwrap();
}

fn can_open(world: &World, who: &str) -> BTreeSet<FolderKeyId> {
    let opened = folder_keys::load_all(&world.book().join("cabinet"), world.identity(who).secret()).unwrap().opened;
    opened.into_iter().map(|file| file.id).collect()
}

#[test]
fn settling_in_which_a_call_fails_lets_nobody_read_and_is_made_good() {
    let (world, until) = unsettled();
    let sheet = world.begun.recovery.secret().unwrap();
    let before = opens(&world, &world.book().join("cabinet"));
    let settle = |world: &World, at: i64| world.desk("maria").settle(&|| at, &mut durable::entropy());
    let act = |world: &World| world.try_desk("maria")?.settle(&|| until + 1000, &mut durable::entropy());
    failing_at_each_step(&world, act, |copy, done, what| {
        told_of_the_disk(done, what);
        nothing_is_lost(&world, copy, &sheet, what);
        for (who, found) in opens(copy, &copy.book().join("cabinet")) {
            let gained: Vec<_> = found.difference(&before[who]).collect();
            assert!(gained.is_empty() || ["maria", "lea"].contains(&who), "{what}: {who} opens {gained:?}");
        }
        if done.is_err() {
            settle(copy, until + 2000).unwrap_or_else(|error| panic!("{what}: then {error}"));
        }
        check(copy, until + 3000, what);
    });
}

#[test]
fn a_grant_in_which_a_call_fails_is_made_good_or_was_never_made() {
    let world = World::new();
    with_chair(&world);
    world.record("sam", concern("theo", "one"));
    let entry = world.record("jon", concern("theo", "two"));
    let (sheet, sam) = (world.begun.recovery.secret().unwrap(), world.identity("sam").person());
    let theo = world.desk("maria").find_case("theo").unwrap();
    let now = world.now();
    let settle = |world: &World| world.desk("jon").settle(&|| now + 9000, &mut durable::entropy());
    settle(&world).unwrap();
    let grants = |world: &World| -> Vec<(u64, bool)> {
        let table = world.desk("jon").readers().unwrap();
        table.grants.iter().map(|grant| (grant.entry, grant.ended.is_some())).collect()
    };
    let act = |world: &World| {
        let mut desk = world.try_desk("maria")?;
        let folders = &[Folder::General, Folder::Protection];
        let granting = Granting { person: sam, case: Some(theo), folders, profile: "cover", until: None };
        desk.grant(granting, &|| now + 5000, &mut durable::entropy()).map(drop)
    };
    failing_at_each_step(&world, act, |copy, done, what| {
        told_of_the_disk(done, what);
        told_what_stands(&world, copy, done, what);
        nothing_is_lost(&world, copy, &sheet, what);
        settle(copy).unwrap_or_else(|error| panic!("{what}: then {error}"));
        copy.set(now + 10_000);
        let made = grants(copy);
        assert!(done.is_err() || made.len() == 2, "{what}");
        assert_eq!(can_open(copy, "sam").len(), made.len(), "{what}");
        let read = crate::retire::words_of(copy, "sam", entry);
        let reads = read.as_ref().is_ok_and(|fields| fields["narrative"] == "two");
        assert_eq!(reads, !made.is_empty(), "{what}: {read:?}");
        assert_eq!(codes(copy), [Code::OneFounder], "{what}");
    });
    // And the end of it.
    act(&world).unwrap();
    let grant = grants(&world)[0].0;
    let act = |world: &World| {
        let mut desk = world.try_desk("maria")?;
        desk.end_grant(grant, "grant_ended", &|| now + 6000, &mut durable::entropy()).map(drop)
    };
    failing_at_each_step(&world, act, |copy, done, what| {
        told_of_the_disk(done, what);
        told_what_stands(&world, copy, done, what);
        nothing_is_lost(&world, copy, &sheet, what);
        assert!(can_open(copy, "sam").is_subset(&can_open(&world, "sam")), "{what}");
        settle(copy).unwrap_or_else(|error| panic!("{what}: then {error}"));
        copy.set(now + 10_000);
        let ended = grants(copy).iter().all(|(_, ended)| *ended);
        assert!(done.is_err() || ended, "{what}");
        assert_eq!(can_open(copy, "sam").len(), if ended { 0 } else { 2 }, "{what}");
        let roster = copy.desk("jon").roster().clone();
        for folder in [Folder::General, Folder::Protection] {
            assert_eq!(roster.current_folder(Some(theo), folder).unwrap().epoch, u64::from(ended), "{what}");
        }
        assert!(crate::retire::words_of(copy, "maria", entry).is_ok(), "{what}");
        assert_eq!(codes(copy), [Code::OneFounder], "{what}");
    });
}

#[test]
fn a_new_sheet_in_which_a_call_fails_counts_wholly_or_not_at_all() {
    let world = World::new();
    with_chair(&world);
    world.record("sam", concern("theo", "one"));
    let now = world.now();
    world.desk("maria").settle(&|| now, &mut durable::entropy()).unwrap();
    let (old, new) = (world.begun.recovery.secret().unwrap(), RecoverySheet::random(&mut durable::entropy()));
    let act = |world: &World| {
        let mut maria = world.try_desk("maria")?;
        let (config, tick) = (world.path("config"), || now + 1000);
        let change = maria.rotate_log_key(&config, "renewal", Some(&new), &tick, &mut durable::entropy())?;
        drop(maria);
        let mut jon = world.try_desk("jon")?;
        jon.confirm(change.entered.number, "agrees", &|| now + 2000, &mut durable::entropy()).map(drop)
    };
    let theirs = new.secret().unwrap();
    failing_at_each_step(&world, act, |copy, done, what| {
        told_of_the_disk(done, what);
        copy.desk("maria").settle(&|| now + 3000, &mut durable::entropy()).unwrap();
        copy.set(now + 10_000);
        let roster = copy.desk("maria").roster().clone();
        let renewed = roster.recovery() == theirs.recipient().to_string();
        assert!(done.is_err() || renewed, "{what}");
        // The sheet in force opens everything, the log's key in force too.
        let sheet = if renewed { &theirs } else { &old };
        nothing_is_lost(&world, copy, world.identity("maria").secret(), what);
        let opened = recover::show(&copy.book(), sheet).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(opened.log_key && opened.roll.is_some() && opened.damaged == 0, "{what}: {opened:?}");
        // But for the copy of the log's next key, as long as that waits.
        assert!(opened.closed <= usize::from(!renewed), "{what}: {opened:?}");
        // And the ledger goes on, under the key that counts.
        copy.record("sam", concern("theo", "two"));
        let report = copy.verify(Keys::default());
        let known = [Code::OneFounder, Code::Unconfirmed];
        assert!(report.findings.iter().all(|one| known.contains(&one.code)), "{what}: {:?}", report.findings);
    });
}

fn codes(world: &World) -> Vec<Code> {
    world.verify(Keys::default()).findings.iter().map(|finding| finding.code).collect()
}

#[test]
fn a_retirement_in_which_a_call_fails_is_carried_out_wholly() {
    let world = World::new();
    let (wrong, _, proposal) = crate::retire::misfiled(&world);
    let stays = world.record("jon", concern("theo", "two"));
    let now = world.now();
    let act = |world: &World| {
        let mut desk = world.try_desk("maria")?;
        desk.approve_retiring(proposal, "agrees", &|| now + 1000, &mut durable::entropy()).map(drop)
    };
    failing_at_each_step(&world, act, |copy, done, what| {
        told_of_the_disk(done, what);
        copy.desk("jon").settle(&|| now + 2000, &mut durable::entropy()).unwrap_or_else(|e| panic!("{what}: then {e}"));
        copy.set(now + 10_000);
        match act(copy) {
            Ok(()) => assert!(done.is_err(), "{what}"),
            Err(LedgerError::NotWaiting(_)) => {}
            Err(other) => panic!("{what}: again {other}"),
        }
        for who in ["maria", "jon", "sam"] {
            assert!(copy.desk(who).statement(wrong).unwrap().1.is_none(), "{what}: {who}");
        }
        assert!(crate::retire::words_of(copy, "maria", stays).is_ok(), "{what}");
        let mut left = Vec::new();
        files(&copy.book().join("cabinet"), &mut left);
        left.retain(|path| path.extension().is_some_and(|end| end == "left") || path.ends_with("retiring.age"));
        assert!(left.is_empty(), "{what}: {left:?}");
        assert_eq!(codes(copy), [Code::OneFounder], "{what}");
    });
}

#[test]
fn a_record_in_which_a_call_fails_says_whether_it_stands() {
    let world = World::new();
    world.record("sam", concern("theo", "one"));
    let (now, draft) = (world.now(), Draft::from_json(&concern("theo", "two")).unwrap());
    let act = |world: &World| {
        let mut desk = world.try_desk("sam")?;
        desk.record(&draft, &|| now + 1000, &mut durable::entropy()).map(drop)
    };
    failing_at_each_step(&world, act, |copy, done, what| {
        told_of_the_disk(done, what);
        told_what_stands(&world, copy, done, what);
        copy.set(now + 2000);
        let next = copy.record("sam", concern("theo", "three"));
        let before = Ledger::open(&world.book()).unwrap().size();
        assert!(next > before || done.is_err(), "{what}");
        assert_eq!(codes(copy), [Code::OneFounder], "{what}");
    });
}

#[test]
fn a_call_that_fails_while_somebody_sits_down_is_noticed() {
    let world = World::new();
    let (sam, cabinet) = (world.identity("sam"), world.book().join("cabinet"));
    let steps = || {
        let files = FaultyFiles::fail_after(u64::MAX);
        drop(world.desk("sam"));
        files.steps()
    };
    drop(world.desk("sam"));
    let before = steps();
    let readers = structure_keys::load(&cabinet, &sam.author(), 0, sam.secret()).unwrap().readers;
    for epoch in 1..=20 {
        structure_keys::create(&cabinet, &sam.author(), epoch, &readers, &mut durable::entropy()).unwrap();
    }
    let all = steps();
    assert_eq!(all, before + 20);
    let refused = (0..all).filter(|step| {
        let files = FaultyFiles::fail_after(*step);
        let sits = world.try_desk("sam");
        drop(files);
        let key = sits.as_ref().map(|desk| desk.structure_key().is_ok());
        matches!(key, Ok(false) | Err(LedgerError::Cabinet(CabinetError::Disk(_))))
    });
    // The roll, the folder of the keys, and the newest of the keys.
    assert!(refused.count() >= 3);
}

#[cfg(unix)]
#[test]
fn who_cannot_read_the_newest_of_their_keys_signs_with_none() {
    let world = World::new();
    world.record("sam", concern("theo", "one"));
    let (sam, cabinet) = (world.identity("sam"), world.book().join("cabinet"));
    let readers = structure_keys::load(&cabinet, &sam.author(), 0, sam.secret()).unwrap().readers;
    structure_keys::create(&cabinet, &sam.author(), 1, &readers, &mut durable::entropy()).unwrap();
    let mut all = Vec::new();
    files(&cabinet.join("structure"), &mut all);
    let newest = all.into_iter().find(|path| path.to_string_lossy().ends_with(".1.age")).unwrap();
    withhold(&world, &newest);
    let (before, draft) = (world.bytes(), Draft::from_json(&concern("theo", "two")).unwrap());
    let refused = world.desk("sam").record(&draft, &|| world.tick(), &mut durable::entropy());
    assert!(matches!(refused, Err(LedgerError::Cabinet(CabinetError::Disk(_)))), "{refused:?}");
    let waits = waiting(&Ledger::open(&world.book()).unwrap(), &sam, &side_folder(&world.path("sam.id"))).unwrap();
    assert!(world.bytes() == before && waits.is_empty());
    give_back(&world, &newest);
    let entry = world.record("sam", concern("theo", "two"));
    // And it was the newest that it was sealed with.
    let held = structure_keys::load(&cabinet, &sam.author(), 1, sam.secret()).unwrap();
    let keys = keys_of([held].iter(), world.begun.ledger);
    assert!(world.desk("sam").statement(entry).unwrap().0.statement(&keys).is_some());
    assert_eq!(codes(&world), [Code::OneFounder]);
}

#[cfg(unix)]
#[test]
fn a_file_that_is_withheld_keeps_nobody_in_staff_who_left() {
    let (world, until) = unsettled();
    let settle = |at: i64| world.desk("maria").settle(&|| at, &mut durable::entropy());
    let theo = world.desk("maria").find_case("theo").unwrap();
    let general = world.desk("maria").roster().current_folder(Some(theo), Folder::General).unwrap().key.id();
    let path = world.book().join("cabinet/folders").join(format!("{general}.age"));
    withhold(&world, &path);
    let done = settle(until + 1000);
    assert!(matches!(done, Err(LedgerError::Cabinet(CabinetError::Disk(_)))), "{done:?}");
    let staff = world.desk("maria").roster().current_folder(None, Folder::Staff).unwrap().clone();
    assert_eq!(staff.epoch, 1);
    assert!(can_open(&world, "maria").contains(&staff.key.id()) && !can_open(&world, "jon").contains(&staff.key.id()));
    // Who is kept out may stand in the file that was not read.
    assert!(!can_open(&world, "lea").contains(&staff.key.id()));
    give_back(&world, &path);
    settle(until + 2000).unwrap();
    check(&world, until + 3000, "given back");
}
