//! The command line: a thin door over the library. A file a command; this file finds the right one.

mod agreement;
mod args;
mod back;
mod calendar;
mod case;
mod checkpoint;
mod close_day;
mod consent;
mod demo;
mod door;
mod drafts;
mod failure;
mod form;
mod grant;
mod ics;
mod init;
mod kinds;
mod late;
mod log;
mod log_key;
mod manual;
mod misfiled;
mod pack;
mod person;
mod policy;
mod prompt;
mod qr;
mod receipt;
mod record;
mod recover;
mod report;
mod retire;
mod review;
mod role;
mod say;
mod show;
mod terminal;
mod usage;
mod verdict;
mod verify;
mod witness;

use std::ffi::OsString;
use std::io::{ErrorKind, Write};
use std::path::Path;

use clap::Parser;

use args::{Args, Command};
use door::Door;
use failure::Failure;

/// Runs one command and returns its exit code.
pub fn run(
    args: impl Iterator<Item = OsString>,
    config: &Path,
    now: &dyn Fn() -> i64,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> u8 {
    let args: Vec<OsString> = args.collect();
    let json = args.iter().any(|arg| arg == "--json");
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => {
            // Help and version are no errors; all else is "could not run".
            if error.use_stderr() {
                drop(usage::failure(&error).write(json, err));
                return 2;
            }
            drop(error.print());
            return 0;
        }
    };
    let Args { global, command } = args;
    let mut door = Door { global, config, now, out, err, interrupt: None, interrupted: false };
    let done = dispatch(&mut door, command).and_then(|code| door.out.flush().map(|()| code).map_err(Failure::from));
    match done {
        Ok(code) => code,
        Err(failure) if failure.is_broken_pipe() => 0,
        Err(failure) => {
            // What was already said comes first; a closed error stream changes nothing.
            drop(door.out.flush());
            drop(failure.write(door.global.json, door.err));
            failure.code
        }
    }
}

fn dispatch(door: &mut Door<'_>, command: Command) -> Result<u8, Failure> {
    match command {
        Command::Init(args) => init::run(door, args),
        Command::Person(command) => person::run(door, command),
        Command::Role(command) => role::run(door, command),
        Command::Confirm(args) => role::confirm(door, &args),
        Command::Recover(args) => recover::run(door, &args),
        Command::LogKey(command) => log_key::run(door, command),
        Command::Case(command) => case::run(door, command),
        Command::Grant(args) => grant::run(door, args),
        Command::Misfiled(args) => misfiled::run(door, &args),
        Command::Retire(command) => retire::run(door, command),
        Command::Kinds(args) => kinds::run(door, args),
        Command::Policy(command) => policy::run(door, command),
        Command::Pack(command) => pack::run(door, command),
        Command::Agreement(args) => agreement::run(door, &args),
        Command::Calendar(command) => calendar::run(door, command),
        Command::Record(args) => record::run(door, args),
        Command::Drafts(args) => drafts::run(door, args),
        Command::Outbox(args) => late::outbox(door, args),
        Command::Late { file, cause } => late::late(door, &file, &cause),
        Command::Log(args) => log::run(door, args),
        Command::Show(args) => show::run(door, args),
        Command::Review(args) => review::run(door, &args),
        Command::Due(args) => review::due(door, &args),
        Command::Back(args) => back::run(door, &args),
        Command::CloseDay(args) => close_day::run(door, &args),
        Command::Report(args) => report::run(door, &args),
        Command::Verify(args) => verify::run(door, args),
        Command::Checkpoint(args) => checkpoint::run(door, args),
        Command::Receipt(args) => receipt::run(door, args),
        Command::Receipts => receipt::list(door),
        Command::Consent(command) => consent::run(door, command),
        Command::Witness(command) => witness::run(door, command),
        Command::Demo(args) => demo::run(door, args),
        Command::Completions(args) => manual::completions(door, args),
        Command::Man(args) => manual::man(door, args),
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        let broken = error.kind() == ErrorKind::BrokenPipe;
        Failure::new(
            format!("the output could not be written: {error}"),
            "look at the disk or the program you piped into",
        )
        .broken_pipe(broken)
    }
}
