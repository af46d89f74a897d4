//! The program at a terminal: questions that are broken off lose nothing.
#![cfg(unix)]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{SpecialCodeIndex, Termios, tcgetattr};

use crate::world::World;

/// Reads what the program says until it has said `wanted` so many times.
fn wait_for(said: &Receiver<Vec<u8>>, wanted: &str, times: usize) {
    let mut all = Vec::new();
    while String::from_utf8_lossy(&all).matches(wanted).count() < times {
        match said.recv_timeout(Duration::from_secs(60)) {
            Ok(bytes) => all.extend(bytes),
            Err(why) => panic!("{why}: {}", String::from_utf8_lossy(&all)),
        }
    }
}

/// Types into `record` and returns its exit code and what it printed.
fn record(world: &World, options: &[&str], typed: &str) -> (Option<i32>, String) {
    let (child, before, terminal, _said, _master) = begin(world, options, typed);
    let output = child.wait_with_output().unwrap();
    let after = tcgetattr(&terminal).unwrap();
    for code in [SpecialCodeIndex::VINTR, SpecialCodeIndex::VEOL] {
        assert_eq!(before.special_codes[code], after.special_codes[code]);
    }
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

/// Starts `record` on a terminal of its own and types once it asks.
fn begin(world: &World, options: &[&str], typed: &str) -> (Child, Termios, File, Receiver<Vec<u8>>, OwnedFd) {
    let args: Vec<&str> = std::iter::once("record").chain(options.iter().copied()).collect();
    at_terminal(world, "sam", &args, "> ", typed)
}

/// Starts the program as somebody on a terminal of its own and types once it has said `asks`.
fn at_terminal(
    world: &World,
    who: &str,
    args: &[&str],
    asks: &str,
    typed: &str,
) -> (Child, Termios, File, Receiver<Vec<u8>>, OwnedFd) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let terminal = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    let before = tcgetattr(&terminal).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_indelible"));
    command.arg("--ledger").arg(world.book()).arg("--identity").arg(world.path(&format!("{who}.id")));
    command.env("XDG_CONFIG_HOME", world.path("config")).env_remove("INDELIBLE_PASSPHRASE_FILE");
    command.args(args);
    command.stdin(terminal.try_clone().unwrap()).stderr(terminal.try_clone().unwrap()).stdout(Stdio::piped());
    let child = command.spawn().unwrap();
    drop(command);
    let (send, said) = channel();
    let mut from = File::from(master.try_clone().unwrap());
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        // The terminal's end is an error on some systems.
        while let Ok(read @ 1..) = from.read(&mut bytes) {
            if send.send(bytes[..read].to_vec()).is_err() {
                return;
            }
        }
    });
    // The first question is asked when the terminal is set.
    wait_for(&said, asks, 1);
    File::from(master.try_clone().unwrap()).write_all(typed.as_bytes()).unwrap();
    (child, before, terminal, said, master)
}

#[test]
fn ctrl_c_keeps_what_was_typed_as_a_sealed_draft() {
    let world = World::new();
    let size = world.desk("sam").ledger.size();
    // Broken off in the middle of an answer, where the form is not whole.
    let typed = "theo\n2024-10-08 08:10\nHungry on arrival.\nThe sev\x03";
    let (code, said) = record(&world, &["concern.observed"], typed);
    assert_eq!(code, Some(1), "{said}");
    let desk = world.desk("sam");
    let drafts = desk.drafts().unwrap();
    assert_eq!((drafts.len(), desk.ledger.size()), (1, size));
    assert!(said.contains(&format!("kept as draft {}", drafts[0].id)), "{said}");
    let draft = desk.draft(drafts[0].id).unwrap().to_json();
    assert_eq!((&draft["case"], &draft["narrative"]), (&"theo".into(), &"Hungry on arrival.".into()));
    assert_eq!(draft["reasons"], "The sev");
    drop(desk);

    // Nothing that was whole before the question goes in by itself.
    let fields = ["concern.observed", "--case", "theo", "--field", "learned_at=2024-10-08 08:10"];
    let more = ["--field", "narrative=Tired.", "--field", "reasons=Again."];
    let (code, said) = record(&world, &[&fields[..], &more[..]].concat(), "\x03");
    assert_eq!(code, Some(1), "{said}");
    let desk = world.desk("sam");
    assert_eq!((desk.drafts().unwrap().len(), desk.ledger.size()), (2, size), "{said}");
}

#[test]
fn the_end_of_input_keeps_it_too() {
    let world = World::new();
    let (code, said) = record(&world, &["concern.observed"], "theo\n2024-10-08 08:10\nHungry on arrival.\n\x04");
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(world.desk("sam").drafts().unwrap().len(), 1);
}

#[test]
fn a_machine_that_stops_in_the_middle_loses_no_answer() {
    let world = World::new();
    // As far as the second part of the second item, which is half typed.
    let typed = "theo\n\n2026-10-06 10:44\nidentity\nhis name\nfact\n\n\nhealth\nnut all";
    let (mut child, _, terminal, said, master) = begin(&world, &["decision.share"], typed);
    // Two times, five parts of the first item, two of the second.
    wait_for(&said, "\n> ", 9);
    // No signal is sent that could be caught: this is what a power cut leaves.
    child.kill().unwrap();
    child.wait().unwrap();
    drop((terminal, master));
    let desk = world.desk("sam");
    let [line] = desk.drafts().unwrap()[..] else { panic!("one draft") };
    let draft = desk.draft(line.id).unwrap().to_json();
    assert_eq!((&draft["case"], &draft["decided_at"]), (&"theo".into(), &"2026-10-06 10:44".into()), "{draft}");
    let items =
        serde_json::json!([{"class": "identity", "what": "his name", "statement_type": "fact"}, {"class": "health"}]);
    assert_eq!(draft["items"], items, "{draft}");
    // It goes on where it was, in the same draft, and is entered as one entry.
    let size = desk.ledger.size();
    drop(desk);
    let id = line.id.to_string();
    let (code, said) = record(
        &world,
        &[
            "--draft",
            &id,
            "--field",
            "items=[{\"class\":\"identity\",\"what\":\"his name\",\"statement_type\":\"fact\"}]",
        ],
        "\x04",
    );
    assert_eq!((code, world.desk("sam").drafts().unwrap().len()), (Some(1), 1), "{said}");
    assert!(said.contains(&format!("kept as draft {id}")), "{said}");
    assert_eq!(world.desk("sam").ledger.size(), size);
}

#[test]
fn a_terminal_that_is_closed_loses_no_answer() {
    let world = World::new();
    let (mut child, _, terminal, said, master) =
        begin(&world, &["concern.observed"], "theo\n2024-10-08 08:10\nHungry.\n");
    wait_for(&said, "Why does it worry you?", 1);
    // What the system sends to whoever was on it.
    let hung_up = Command::new("kill").args(["-HUP", &child.id().to_string()]).status().unwrap();
    // Where these tests run detached the first is ignored by everybody.
    Command::new("kill").args(["-TERM", &child.id().to_string()]).stderr(Stdio::null()).status().unwrap();
    assert!(hung_up.success() && !child.wait().unwrap().success());
    drop((terminal, master));
    let desk = world.desk("sam");
    let [line] = desk.drafts().unwrap()[..] else { panic!("one draft") };
    assert_eq!(desk.draft(line.id).unwrap().to_json()["narrative"], "Hungry.");
}

#[test]
fn an_emergency_is_typed_in_nine_answers() {
    let world = World::new();
    let size = world.desk("sam").ledger.size();
    // Child, what, when (Enter), whom (Enter), reference, what was said, family, whom, what; and one to enter it.
    let typed = "theo\nHe collapsed after eating.\n\n\ncall 4471\nname, nut allergy\n1\nPriya A.\nWhere he is.\n\n";
    assert_eq!(typed.lines().count(), 10);
    let (code, said) = record(&world, &["--route", "999"], typed);
    assert_eq!(code, Some(0), "{said}");
    let desk = world.desk("sam");
    assert_eq!((desk.ledger.size(), desk.drafts().unwrap().len()), (size + 4, 0), "{said}");
    assert!(said.contains("EMERGENCY") && !said.contains("Still open"), "{said}");
}

#[test]
fn a_form_that_is_broken_off_is_kept_and_goes_on() {
    let world = World::new();
    let size = world.desk("sam").ledger.size();
    // A child who is not there is asked for again at once.
    let (code, said) = record(&world, &["--route", "999"], "thoe\ntheo\nHe fell.\n00:00\n\x03");
    assert_eq!(code, Some(1), "{said}");
    let desk = world.desk("sam");
    let [line] = desk.drafts().unwrap()[..] else { panic!("one draft") };
    let sheet = desk.draft(line.id).unwrap().to_json();
    assert_eq!((&sheet["route"], &sheet["answers"]["child"]), (&"999".into(), &"theo".into()), "{sheet}");
    assert!(sheet["answers"]["when"].as_str().unwrap().ends_with(" 00:00"), "{sheet}");
    assert_eq!(desk.ledger.size(), size);
    drop(desk);
    let (code, said) = record(&world, &["--draft", &line.id.to_string()], "\n4471\nhis name\n2\n\n");
    assert_eq!(code, Some(0), "{said}");
    let desk = world.desk("sam");
    assert_eq!((desk.ledger.size(), desk.drafts().unwrap().len()), (size + 3, 0), "{said}");
}

#[test]
fn words_that_judge_are_asked_about_and_leave_no_trace() {
    let world = World::new();
    let size = world.desk("sam").ledger.size();
    // Kept as they are in one answer, typed again in the next; somebody's own words are not looked at.
    let typed = "theo\n2024-10-08 08:10\nHe was naughty.\n\nHe is lazy.\nHe did not eat.\n4\x03";
    let (code, said) = record(&world, &["concern.observed"], typed);
    assert_eq!(code, Some(1), "{said}");
    let desk = world.desk("sam");
    let [line] = desk.drafts().unwrap()[..] else { panic!("one draft") };
    let draft = desk.draft(line.id).unwrap().to_json();
    assert_eq!((&draft["narrative"], &draft["reasons"]), (&"He was naughty.".into(), &"He did not eat.".into()));
    let known = ["kind", "case", "learned_at", "narrative", "reasons", "hold_check", "concern_type", "id"];
    assert!(draft.as_object().unwrap().keys().all(|key| known.contains(&key.as_str())), "{draft}");
    drop(desk);

    // In a form, to its end; nothing of the advice is in what was entered or printed, or in any file.
    let typed = "theo\nHe was naughty and fell.\n\n\n\n4471\nhe is \"naughty\"\n2\n\n";
    let (code, said) = record(&world, &["--route", "999"], typed);
    assert_eq!(code, Some(0), "{said}");
    let mut desk = world.desk("sam");
    let mut rng = indelible::store::durable::entropy();
    assert_eq!(desk.ledger.size(), size + 3);
    for number in size..size + 3 {
        let shown = desk.show(number, Some("own_work"), &|| world.tick(), &mut rng).unwrap();
        let fields = serde_json::Value::Object(shown.fields).to_string();
        assert!(!fields.contains("judges") && !fields.contains("what the child did"), "{fields}");
        assert!(number > size || fields.contains("He was naughty and fell."), "{fields}");
    }
    assert!(!said.contains("judges") && !said.contains("naughty"), "{said}");
    let mut files = vec![world.folder.path().to_owned()];
    while let Some(path) = files.pop() {
        match std::fs::read_dir(&path) {
            Ok(inside) => files.extend(inside.map(|file| file.unwrap().path())),
            Err(_) => {
                let bytes = std::fs::read(&path).unwrap();
                let holds = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
                assert!(!holds("naughty") && !holds("what the child did"), "{}", path.display());
            }
        }
    }
}

/// Types into `back` as Maria and returns its exit code and what it printed.
fn back(world: &World, entry: u64, typed: &str) -> (Option<i32>, String) {
    let entry = entry.to_string();
    let (child, _, _terminal, _said, _master) = at_terminal(world, "maria", &["back", &entry], "ground in law?", typed);
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn who_backs_confirms_the_ground_and_fills_in_the_tests() {
    let world = World::new();
    let size = world.desk("sam").ledger.size();
    let typed = "theo\nHe collapsed after eating.\n\n\ncall 4471\nname, nut allergy\n1\nPriya A.\nWhere he is.\n\n";
    assert_eq!(record(&world, &["--route", "999"], typed).0, Some(0));
    let share = (size..size + 4).find(|entry| {
        world.desk("sam").statement(*entry).unwrap().1.unwrap().body().kind.name() == Some("decision.share")
    });
    let share = share.unwrap();
    let size = world.desk("maria").ledger.size();
    // The ground is not the right one: nothing is entered.
    let (code, said) = back(&world, share, "n\n");
    assert_eq!((code, world.desk("maria").ledger.size()), (Some(1), size), "{said}");
    // Enter says yes to the ground; of the seven tests two are answered.
    let (code, said) = back(&world, share, "\nNeeded to treat him.\n\n\n\n\n\nWe rang 999.\nIt was right.\n");
    assert_eq!(code, Some(0), "{said}");
    let mut desk = world.desk("maria");
    assert_eq!(desk.ledger.size(), size + 2, "{said}");
    let shown = desk.show(size, Some("review"), &|| world.tick(), &mut indelible::store::durable::entropy()).unwrap();
    assert_eq!(shown.body.unwrap().kind.name(), Some("decision.share"));
    let tests = serde_json::json!({"necessary": "Needed to treat him.", "secure": "We rang 999."});
    assert_eq!(shown.fields["seven_tests"], tests);
    assert!(desk.review(world.now()).unwrap().of(share).any(|item| item.flag == "UNBACKED" && item.closed.is_some()));
}
