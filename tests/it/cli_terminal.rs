//! The program at a terminal: questions that are broken off lose nothing.
#![cfg(unix)]

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{SpecialCodeIndex, tcgetattr};

use crate::world::World;

/// Reads what the program says until it has said `wanted`.
fn wait_for(said: &Receiver<Vec<u8>>, wanted: &str) {
    let mut all = Vec::new();
    while !String::from_utf8_lossy(&all).contains(wanted) {
        match said.recv_timeout(Duration::from_secs(60)) {
            Ok(bytes) => all.extend(bytes),
            Err(why) => panic!("{why}: {}", String::from_utf8_lossy(&all)),
        }
    }
}

/// Types into `record` and returns its exit code and what it printed.
fn record(world: &World, options: &[&str], typed: &str) -> (Option<i32>, String) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let terminal = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    let before = tcgetattr(&terminal).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_indelible"));
    command.arg("--ledger").arg(world.book()).arg("--identity").arg(world.path("sam.id"));
    command.env("XDG_CONFIG_HOME", world.path("config")).env_remove("INDELIBLE_PASSPHRASE_FILE");
    command.arg("record").args(options);
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
    wait_for(&said, "> ");
    File::from(master).write_all(typed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let after = tcgetattr(&terminal).unwrap();
    for code in [SpecialCodeIndex::VINTR, SpecialCodeIndex::VEOL] {
        assert_eq!(before.special_codes[code], after.special_codes[code]);
    }
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
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
