//! Failures as people meet them: what is wrong, where, what to do next.

use std::fmt::Display;
use std::io::{self, Write};

use indelible::cabinet::CabinetError;
use indelible::ledger::LedgerError;
use indelible::store::StoreError;
use serde_json::{Value as Json, json};

use crate::cli::retire;
use crate::cli::say::plain;

/// Why a command did not do what was asked, in plain words.
#[derive(Debug)]
pub struct Failure {
    what: String,
    place: Option<String>,
    next: String,
    /// The exit code: 1 stopped with nothing lost, 2 could not run, 3 the ledger is damaged.
    pub code: u8,
    broken_pipe: bool,
}

impl Failure {
    /// A command that could not run.
    pub fn new(what: impl Into<String>, next: impl Into<String>) -> Self {
        Failure { what: what.into(), place: None, next: next.into(), code: 2, broken_pipe: false }
    }

    /// Says where.
    pub fn at(mut self, place: impl Display) -> Self {
        self.place = Some(place.to_string());
        self
    }

    /// Sets the exit code.
    pub fn code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }

    pub fn broken_pipe(mut self, broken: bool) -> Self {
        self.broken_pipe = broken;
        self
    }

    pub fn is_broken_pipe(&self) -> bool {
        self.broken_pipe
    }

    /// Says what else can be done.
    pub fn then(mut self, next: &str) -> Self {
        self.next = format!("{}; {next}", self.next);
        self
    }

    /// Returns what is wrong and what to do next.
    pub fn as_json(&self) -> Json {
        json!({"what": self.what, "where": self.place, "next": self.next, "exit": self.code})
    }

    /// Prints the failure: three lines, or JSON.
    pub fn write(&self, json: bool, err: &mut dyn Write) -> io::Result<()> {
        if json {
            return writeln!(err, "{}", json!({"schema": "indelible/error/1", "error": self.as_json()}));
        }
        writeln!(err, "error: {}", plain(&self.what))?;
        if let Some(place) = &self.place {
            writeln!(err, "where: {}", plain(place))?;
        }
        writeln!(err, "next:  {}", plain(&self.next))
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        let what = error.to_string();
        match error {
            LedgerError::Damaged { entry, offset, code } => {
                Failure::new(format!("entry {entry}: {}", code.words()), format!("{}; run `indelible verify` for the whole report", code.next()))
                    .at(format!("ledger.log, byte {offset} (finding {code})"))
                    .code(3)
            }
            LedgerError::Evidence { size, by } => Failure::new(
                format!("this ledger does not hold the history that {by} vouches for ({size} entries)"),
                "enter nothing, and show both to the DSL. Put back a copy of the folder that holds the missing entries; only if there is none any more, begin a new ledger that says so: `indelible init --continues CHECKPOINT`",
            )
            .at(by)
            .code(3),
            LedgerError::NoLedger => Failure::new(what, "name the folder that `indelible init` made, with --ledger"),
            LedgerError::Occupied => Failure::new(what, "choose an empty folder, or one that is not there yet"),
            LedgerError::NoLogKey => Failure::new(
                what,
                "it is signed and kept beside your identity: enter anything on the computer that holds the log's key and it is sent",
            )
            .code(1),
            LedgerError::Unsettled { .. } => Failure::new(
                what,
                "do not enter it again; look at the disk: is it full, read-only or unplugged? your next entry, or the next command of any overseer, does the rest",
            )
            .code(1),
            LedgerError::LogKeyUnread(_) => Failure::new(
                what,
                "look at the disk that holds your settings folder; what was signed is kept beside your identity, and is sent when you enter anything once the key can be read",
            )
            .code(1),
            LedgerError::NoNextKey => Failure::new(
                what,
                "confirm it on the computer on which the new key was made: it signs together with the old one",
            ),
            LedgerError::StillWaits(entry) => Failure::new(
                what,
                format!("let a second person confirm it, or decline it: `indelible confirm {entry} --view does_not`"),
            ),
            LedgerError::NotEnrolled => Failure::new(what, "give your card (`indelible person new` printed it) to the DSL to be enrolled"),
            LedgerError::NotAllowed => Failure::new(what, "ask the DSL, a deputy or the leader to do it"),
            LedgerError::NotLeading => Failure::new(what, "ask the DSL, a deputy, the leader, the chair or the owner to do it"),
            LedgerError::EnrolmentWaits(entry) => Failure::new(
                what,
                format!("ask another dsl, deputy_dsl, leader, chair or owner to run `indelible confirm {entry}`"),
            ),
            LedgerError::KeyEnded(_) => {
                Failure::new(what, "if it should not have been, ask an overseer to enrol a new identity of yours")
            }
            LedgerError::NotWaiting(entry) => Failure::new(
                format!("entry {entry} does not wait for a second person"),
                "see what waits: `indelible person list`",
            ),
            LedgerError::SamePerson => Failure::new(
                "the second person has to be somebody else than who entered it and whom it is about",
                "ask another dsl, deputy_dsl, leader, chair or owner to confirm it",
            ),
            LedgerError::NoPerson => Failure::new("there is no such person here", "see `indelible person list`"),
            LedgerError::NoRole => Failure::new("this person holds no such role", "see `indelible person list`"),
            LedgerError::KeptOut => Failure::new(
                "this person must not read this folder: something in it is about them",
                "give the grant to somebody else, or ask the chair or the local authority's LADO",
            ),
            LedgerError::NoGrant => Failure::new("there is no such grant that stands", "see `indelible grant list`"),
            LedgerError::Retired => Failure::new(
                "the words of this entry were retired: the key to them was destroyed",
                "the entry itself and its proof are still there: `indelible log`",
            ),
            LedgerError::Kept(obstacles) => retire::kept(&obstacles),
            LedgerError::NothingMeant => Failure::new(
                "nothing is meant that can still be read",
                "look at the case with `indelible case show`; what was retired before is gone already",
            ),
            LedgerError::Document(_) => Failure::new(
                what,
                "put the line right; the chapter on policies in the manual says what each key means",
            ),
            LedgerError::AdoptedAlready(entry) => Failure::new(
                what,
                format!("nothing was entered; if it waits for a second person, they run `indelible confirm {entry}`"),
            ),
            LedgerError::TooManyRemain(_) => Failure::new(
                what,
                "give the folder a new key (`indelible grant end` does), and retire what lies under the old one later",
            ),
            LedgerError::OtherSheet => Failure::new(
                what,
                "look for the sheet of this ledger, or the one that was in force when this copy of the folder was made",
            ),
            LedgerError::NoStructureKey | LedgerError::NoRoll => Failure::new(what, "ask an overseer to enrol this device again"),
            LedgerError::NoEntry(_) => Failure::new(what, "see `indelible log` for the numbers"),
            LedgerError::NoCase => Failure::new(what, "see `indelible case list`, or open the case with `indelible case open`"),
            LedgerError::SeveralCases => Failure::new(what, "type more of the tag, or the handle"),
            LedgerError::OtherKind { .. } => Failure::new(what, "look for its number: `indelible log`"),
            LedgerError::NotReader => Failure::new(
                what,
                "ask somebody who may read it: the DSL, a deputy or the leader, but nobody whom it may be about; `--structure` shows the entry without its words",
            ),
            LedgerError::TornTail => Failure::new(what, "enter anything with an identity: the torn bytes are then set aside first"),
            LedgerError::IdUsed { .. } => Failure::new(what, "use a new id for something new").code(1),
            LedgerError::Cabinet(CabinetError::Taken) => Failure::new("this handle is taken", "choose another one"),
            LedgerError::Cabinet(CabinetError::SeenOtherwise(entry)) => Failure::new(
                format!("entry {entry} is not the one that this device has seen before"),
                "enter nothing; run `indelible verify` and show the report to somebody outside the setting",
            )
            .code(3),
            LedgerError::Store(StoreError::Latched) => Failure::new(what, "run the command again; the ledger is then read anew"),
            LedgerError::Store(StoreError::Io { .. }) | LedgerError::Io { .. } | LedgerError::Cabinet(_) => Failure::new(
                what,
                "look at the disk: is it full, read-only or unplugged? what was signed is kept beside your identity and sent again",
            ),
            _ => Failure::new(what, "nothing was entered; if this stays, keep the folder as it is and ask for help"),
        }
    }
}
