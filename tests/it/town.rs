//! Running the program itself in a folder of its own, which is also its home.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use indelible::rules::clock;

/// Begins the ledger `book` of Willowbrook Pre-School, as Maria, without a passphrase.
pub const INIT: [&str; 12] = [
    "init",
    "book",
    "--setting",
    "Willowbrook Pre-School",
    "--origin",
    "willowbrook.example/decisions",
    "--founder",
    "Maria Okafor",
    "--role",
    "dsl",
    "--no-passphrase",
    "--json",
];

/// The program in this folder; at a time, under `faketime`.
pub fn program(folder: &Path, args: &[&str], now: Option<i64>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_indelible"));
    if let Some(now) = now {
        let utc = clock::rfc3339(now - now.rem_euclid(1000), 0).replace('T', " ").replace("+00:00", "");
        command = Command::new("faketime");
        command.args(["-f", &format!("@{utc}"), env!("CARGO_BIN_EXE_indelible")]).env("TZ", "UTC");
    }
    command.args(args).current_dir(folder);
    command.env("XDG_CONFIG_HOME", folder.join("config")).env("HOME", folder);
    for name in ["INDELIBLE_LEDGER", "INDELIBLE_IDENTITY", "INDELIBLE_PASSPHRASE_FILE"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub fn start(mut command: Command, stdin: &str) -> Child {
    let mut child = command.spawn().unwrap_or_else(|error| {
        let program = command.get_program().to_string_lossy().into_owned();
        panic!("{program} cannot be run ({error}); faketime comes with: apt-get install -y faketime")
    });
    // A program that stops before it reads everything is no failure of the test.
    drop(child.stdin.take().unwrap().write_all(stdin.as_bytes()));
    child
}

pub fn output(command: Command, stdin: &str) -> Output {
    start(command, stdin).wait_with_output().unwrap()
}
