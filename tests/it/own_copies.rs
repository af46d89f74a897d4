//! Own copies: authors read their own words until the next closing, and after it by a grant alone.

use std::path::PathBuf;

use chrono::NaiveDate;
use indelible::cabinet::own;
use indelible::codec::Folder;
use indelible::decision::draft::Draft;
use indelible::decision::people::Role;
use indelible::ledger::LedgerError;
use indelible::ledger::desk::Desk;
use indelible::ledger::grants::Granting;
use indelible::ledger::record::Outcome;
use indelible::store::disk::Disk;
use indelible::store::durable;
use indelible::store::faulty::{Fault, FaultyDisk};

use crate::crash::Shaky;
use crate::forge::concern;
use crate::retire::{approve, copy, misfiled, words_of};
use crate::world::World;

const DAY: &str = "2026-10-06";

fn try_close<D: Disk>(world: &World, desk: &mut Desk<D>) -> Result<bool, LedgerError> {
    let day: NaiveDate = DAY.parse().unwrap();
    desk.close_day(day, day, &|| world.tick(), &mut durable::entropy()).map(|closed| closed.ended)
}

fn close(world: &World, who: &str) {
    assert!(try_close(world, &mut world.desk(who)).unwrap());
}

fn settle(world: &World, who: &str) {
    world.desk(who).settle(&|| world.tick(), &mut durable::entropy()).unwrap();
}

fn closed_to(world: &World, who: &str, entry: u64) -> bool {
    match words_of(world, who, entry) {
        Err(LedgerError::NotReader) => true,
        Ok(_) => false,
        Err(other) => panic!("{other}"),
    }
}

/// The names of the own copies that lie in the cabinet, without the authors' keys.
fn files(world: &World) -> Vec<String> {
    let all = durable::list(&world.book().join("cabinet/own")).unwrap();
    let mut names: Vec<String> = all
        .iter()
        .map(|path| path.file_name().unwrap().to_string_lossy().split_once('.').unwrap().1.to_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_closing_ends_the_time_in_which_authors_read_their_own_words() {
    let world = World::new();
    world.enrol(&mut world.desk("maria"), "Ana Rees", "ana", Role::Practitioner);
    let [sams, anas] = ["sam", "ana"].map(|who| world.record(who, concern("theo", "He was hungry.")));
    let hers = world.record("maria", concern("theo", "The same."));
    assert!(!closed_to(&world, "sam", sams) && !closed_to(&world, "ana", anas));
    // A desk that was open before the closing and stays open.
    let mut open = world.desk("sam");
    close(&world, "jon");
    assert_eq!(files(&world), ["1.age"], "Jon's own, which begins the period");
    assert!(closed_to(&world, "sam", sams) && closed_to(&world, "ana", anas));
    assert!(!closed_to(&world, "maria", hers) && !closed_to(&world, "jon", sams), "by role");
    // What is written from here on is theirs again, from the open desk too.
    let draft = Draft::from_json(&concern("theo", "Again.")).unwrap();
    let outcome = open.record(&draft, &|| world.tick(), &mut durable::entropy()).unwrap();
    let Outcome::Entered { entered, .. } = outcome else { panic!("{outcome:?}") };
    let next = world.record("ana", concern("ezra", "Tired."));
    assert!(!closed_to(&world, "sam", entered.number) && !closed_to(&world, "ana", next));
    assert!(closed_to(&world, "sam", sams));
    // The structure stays their own, and a grant opens the words.
    assert!(world.desk("sam").statement(sams).unwrap().1.is_some());
    let maria = &mut world.desk("maria");
    let (case, person) = (Some(maria.find_case("theo").unwrap()), world.identity("sam").person());
    let granting = Granting { person, case, folders: &[Folder::General], profile: "cover", until: None };
    maria.grant(granting, &|| world.tick(), &mut durable::entropy()).unwrap();
    assert!(!closed_to(&world, "sam", sams) && !closed_to(&world, "sam", anas));
    // Each closing ends one, whoever enters it.
    close(&world, "maria");
    close(&world, "jon");
    assert_eq!(files(&world), ["3.age"]);
    assert!(closed_to(&world, "ana", next));
    settle(&world, "maria");
    assert_eq!(files(&world), ["3.age"]);
}

#[test]
fn a_closing_that_was_entered_elsewhere_ends_it_when_the_next_overseer_sits_down() {
    let world = World::new();
    let before = world.record("sam", concern("theo", "He was hungry."));
    let own = world.book().join("cabinet/own");
    copy(&own, &world.path("own before"));
    close(&world, "maria");
    let after = world.record("sam", concern("theo", "Again."));
    // Here lies the log with the closing, and the own copies as they were before it.
    std::fs::remove_dir_all(&own).unwrap();
    copy(&world.path("own before"), &own);
    assert!(!closed_to(&world, "sam", before) && closed_to(&world, "sam", after));
    settle(&world, "sam");
    assert!(!closed_to(&world, "sam", before), "a practitioner does not open closings");
    settle(&world, "jon");
    assert!(closed_to(&world, "sam", before));
    let next = world.record("sam", concern("theo", "Once more."));
    assert!(!closed_to(&world, "sam", next));
    assert_eq!(files(&world), ["1.age", "1.age", "1.keys"]);
}

#[test]
fn an_end_that_is_broken_off_at_any_step_is_made_good() {
    let world = World::new();
    world.enrol(&mut world.desk("maria"), "Ana Rees", "ana", Role::Practitioner);
    let mut entries =
        ["sam", "ana", "maria"].map(|who| (who, world.record(who, concern("theo", "He was hungry.")))).to_vec();
    entries.retain(|(who, _)| *who != "maria");
    let own = world.book().join("cabinet/own");
    let old: Vec<(PathBuf, Vec<u8>)> = {
        let mut paths = durable::list(&own).unwrap();
        // The order in which they go: keys first.
        paths.sort_by_key(|path| (path.extension().is_some_and(|end| end == "keys"), path.clone()));
        paths.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
    };
    assert_eq!(old.len(), 6);
    close(&world, "maria");
    let begun: Vec<PathBuf> = durable::list(&own).unwrap();
    let new = (begun[0].clone(), std::fs::read(&begun[0]).unwrap());
    // The machine stopped with the new file there or not, and, once it was there, so many of the old ones gone.
    for (gone, step) in
        (0..old.len()).flat_map(|gone| ["whole", "half overwritten", "overwritten"].map(|step| (gone, step)))
    {
        for there in [true, false].into_iter().take(if (gone, step) == (0, "whole") { 2 } else { 1 }) {
            std::fs::remove_dir_all(&own).unwrap();
            std::fs::create_dir(&own).unwrap();
            if there {
                std::fs::write(&new.0, &new.1).unwrap();
            }
            for (at, (path, bytes)) in old.iter().enumerate().skip(gone) {
                let zeros = match step {
                    "half overwritten" if at == gone => bytes.len() / 2,
                    "overwritten" if at == gone => bytes.len(),
                    _ => 0,
                };
                std::fs::write(path, [&vec![0; zeros], &bytes[zeros..]].concat()).unwrap();
            }
            let what = format!("{step}, {gone} gone, new file {there}");
            // Once the new period has begun no door opens the old one.
            for (who, entry) in entries.iter().filter(|_| there) {
                assert!(closed_to(&world, who, *entry), "{what}: {who}");
            }
            settle(&world, "jon");
            for (who, entry) in &entries {
                assert!(closed_to(&world, who, *entry), "{what}: {who}");
            }
            assert_eq!(files(&world), ["1.age"], "{what}");
        }
    }
    let next = world.record("sam", concern("theo", "Again."));
    assert!(!closed_to(&world, "sam", next));
}

#[test]
fn a_write_that_fails_during_a_closing_ends_the_period_if_it_was_entered_and_not_if_it_was_not() {
    for fault in [Fault::NotDone, Fault::Done, Fault::Lost] {
        for call in 0.. {
            let mut shaky = Shaky::new();
            let entry = shaky.world.record("sam", concern("theo", "He was hungry."));
            shaky.disk = FaultyDisk::with(shaky.world.bytes());
            let size = shaky.desk("maria").unwrap().ledger.size();
            let mut desk = shaky.desk("maria").unwrap();
            shaky.disk.fail_after(call, fault);
            let tried = try_close(&shaky.world, &mut desk);
            drop(desk);
            let what = format!("{fault:?} {call}: {tried:?}");
            if shaky.disk.armed() {
                assert!(call > 1 && tried.unwrap(), "{call}");
                break;
            }
            // In a new process, from what lies on the disk; the closing may wait in Maria's outbox.
            shaky.disk = FaultyDisk::with(shaky.disk.bytes());
            let mut jon = shaky.desk("jon").unwrap();
            jon.settle(&|| shaky.world.tick(), &mut durable::entropy()).unwrap();
            let closings = (size..jon.ledger.size()).filter(|entry| {
                let statement = jon.statement(*entry).unwrap().1;
                statement.is_some_and(|one| one.body().kind.name() == Some("closing"))
            });
            let entered = closings.count() == 1;
            drop(jon);
            let sam = shaky.desk("sam").unwrap();
            let (stored, statement) = sam.statement(entry).unwrap();
            let opened = sam.open_words(&stored, statement.unwrap().body());
            assert_eq!(opened.is_err(), entered, "{what}");
            assert!(tried.is_err() || entered, "{what}");
        }
    }
}

#[test]
fn retiring_gives_nothing_back_that_a_closing_took() {
    let world = World::new();
    let before = world.record("sam", concern("theo", "He was hungry."));
    close(&world, "maria");
    let after = world.record("sam", concern("theo", "Again."));
    let (wrong, _, proposal) = misfiled(&world);
    assert!(!closed_to(&world, "sam", wrong));
    approve(&world, "maria", proposal).unwrap();
    // The copy was made anew, and holds what is of this period and was not retired.
    assert!(closed_to(&world, "sam", before) && !closed_to(&world, "sam", after));
    let sam = world.identity("sam");
    let copy = own::all_of(&world.book().join("cabinet"), &sam.author(), sam.secret());
    let digest = |entry| world.desk("maria").ledger.entry(entry).unwrap().envelope().statement;
    assert!(copy.len() == 1 && copy.contains_key(&digest(after)) && !copy.contains_key(&digest(wrong)));
}
