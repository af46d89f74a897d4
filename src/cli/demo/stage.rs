//! The stage: an invented setting in a folder of its own, its people, its witnesses, and a clock that the story sets.

use std::path::{Path, PathBuf};

use indelible::cabinet::identity::{CosignerIdentity, Identity, side_folder};
use indelible::cabinet::wrap::AgeSecret;
use indelible::decision::draft::Draft;
use indelible::decision::gap::Flag;
use indelible::decision::people::Role;
use indelible::decision::value::Moment;
use indelible::head::trust::Trust;
use indelible::keys::name::KeyName;
use indelible::ledger::desk::Desk;
use indelible::ledger::init::{Beginning, card, init};
use indelible::ledger::open::Ledger;
use indelible::ledger::people::Enrolling;
use indelible::ledger::record::Outcome;
use indelible::ledger::recover;
use indelible::ledger::witness::{Witness, WitnessError};
use indelible::ledger::{LOG, ORIGIN};
use indelible::store::durable;
use serde_json::Value as Json;

use crate::cli::failure::Failure;

/// Largest file of the stage.
const FILE: usize = 64 << 20;
/// Who plays: handle, name, role; the first founds the setting.
const PEOPLE: [(&str, &str, Role); 3] = [
    ("maria", "Maria Okafor", Role::Dsl),
    ("jon", "Jon Pell", Role::DeputyDsl),
    ("sam", "Sam Leigh", Role::Practitioner),
];
/// The children: handle and name in the roll.
const CASES: [(&str, &str); 2] = [("theo", "Theo A."), ("ezra", "Ezra M.")];
/// The witnesses of other organisations: name in the trust file, name of the key.
pub const WITNESSES: [(&str, &str); 2] = [("chair", "chair.example/witness"), ("library", "library.example/witness")];
/// The setting's origin.
const ORIGIN_NAME: &str = "willowbrook.example/decisions";

/// A setting: its ledger, its people's devices, its log key.
pub struct Stage {
    root: PathBuf,
    /// What the founder wrote down from the recovery sheet.
    sheet: Option<AgeSecret>,
}

/// An entry that was made on the stage.
pub struct Played {
    pub number: u64,
    pub flags: Vec<Flag>,
}

impl Stage {
    /// Founds the setting: people enrolled, cases opened, entries 0 to 5.
    pub fn found(root: &Path, at: &str) -> Result<Self, Failure> {
        let mut stage = Stage { root: root.to_owned(), sheet: None };
        let now = clock(at)?;
        durable::create_dir(root).map_err(disk)?;
        let beginning = Beginning {
            setting: "Willowbrook Pre-School",
            origin: ORIGIN_NAME,
            setting_type: "committee",
            urn: "",
            role: Role::Dsl,
        };
        let [(founder, ..), others @ ..] = &PEOPLE;
        for (handle, name, _) in PEOPLE {
            let identity = Identity::new(name, handle, &mut durable::entropy()).map_err(broken)?;
            durable::create_private(&stage.id(handle), &identity.seal(None).map_err(broken)?).map_err(disk)?;
        }
        let identity = stage.identity(founder)?;
        let begun = init(
            &stage.book(),
            &stage.config(),
            &identity,
            &side_folder(&stage.id(founder)),
            &beginning,
            now,
            &mut durable::entropy(),
        )?;

        stage.sheet = Some(begun.recovery.secret().map_err(broken)?);
        let mut desk = stage.desk(founder)?;
        for (handle, _, role) in others {
            let card = card(&stage.identity(handle)?)?;
            let enrolling = Enrolling { role: *role, handle: None, renews: None };
            desk.enrol(&card, enrolling, &|| now, &mut durable::entropy())?;
        }
        for (handle, label) in CASES {
            desk.open_case(handle, label, &|| now, &mut durable::entropy())?;
        }
        Ok(stage)
    }

    /// Copies the whole setting with all its keys, as somebody with the whole computer can.
    pub fn copy(&self, root: &Path) -> Result<Self, Failure> {
        copy(&self.root, root)?;
        Ok(Stage { root: root.to_owned(), sheet: self.sheet.clone() })
    }

    pub fn book(&self) -> PathBuf {
        self.root.join("book")
    }

    pub fn config(&self) -> PathBuf {
        self.root.join("config")
    }

    fn id(&self, handle: &str) -> PathBuf {
        self.root.join(format!("{handle}.id"))
    }

    pub fn identity(&self, handle: &str) -> Result<Identity, Failure> {
        let bytes = durable::read(&self.id(handle), FILE).map_err(disk)?;
        Identity::open(&bytes, &mut || None).map_err(broken)
    }

    /// Loses the machine with the log's key, and somebody's identity on it.
    pub fn lose(&self, handle: &str) -> Result<(), Failure> {
        durable::remove_all(&self.config()).map_err(disk)?;
        durable::remove_all(&side_folder(&self.id(handle))).map_err(disk)?;
        durable::remove(&self.id(handle)).map_err(disk)
    }

    /// Brings back reading and the log's key with the recovery sheet.
    pub fn recover(&self, now: i64) -> Result<(), Failure> {
        let sheet = self.sheet.as_ref().ok_or_else(|| broken("no recovery sheet"))?;
        recover::recover(&self.book(), &self.config(), sheet, now)?;
        Ok(())
    }

    /// Makes a new person's identity.
    pub fn join(&self, name: &str, handle: &str) -> Result<Identity, Failure> {
        let identity = Identity::new(name, handle, &mut durable::entropy()).map_err(broken)?;
        self.keep(handle, identity)
    }

    /// Makes another device's identity of the same person.
    pub fn join_as(&self, person: &Identity, file: &str) -> Result<Identity, Failure> {
        let salt = person.name_salt();
        let identity =
            Identity::for_person(person.person(), person.name(), salt, person.handle(), &mut durable::entropy());
        self.keep(file, identity.map_err(broken)?)
    }

    fn keep(&self, file: &str, identity: Identity) -> Result<Identity, Failure> {
        durable::create_private(&self.id(file), &identity.seal(None).map_err(broken)?).map_err(disk)?;
        Ok(identity)
    }

    /// Sits a person down at the ledger.
    pub fn desk(&self, handle: &str) -> Result<Desk, Failure> {
        Ok(Desk::open(&self.book(), &self.config(), self.identity(handle)?, &side_folder(&self.id(handle)))?)
    }

    /// Enters a draft as this person at this time.
    pub fn enter(&self, who: &str, at: &str, draft: &Json) -> Result<Played, Failure> {
        let now = clock(at)?;
        let draft = Draft::from_json(draft).map_err(broken)?;
        match self.desk(who)?.record(&draft, &|| now, &mut durable::entropy())? {
            Outcome::Entered { entered, flags, .. } => Ok(Played { number: entered.number, flags }),
            other => Err(broken(format!("{other:?}"))),
        }
    }

    pub fn ledger(&self) -> Result<Ledger, Failure> {
        Ok(Ledger::open(&self.book())?)
    }

    /// The bytes of the log.
    pub fn log(&self) -> Result<Vec<u8>, Failure> {
        durable::read(&self.book().join(LOG), FILE).map_err(disk)
    }

    pub fn origin(&self) -> Result<Vec<u8>, Failure> {
        durable::read(&self.book().join(ORIGIN), FILE).map_err(disk)
    }

    /// Lets a witness cosign everything after the `old` entries that it has seen, and brings the cosignature home.
    pub fn cosign(&self, witness: &Witness, old: u64, at: &str) -> Result<u64, Failure> {
        let signed = self.ask(witness, old, at)?.map_err(broken)?;
        let mut ledger = Ledger::open_append(&self.book(), None)?;
        Ok(ledger.join(signed.as_bytes())?.size().0)
    }

    /// Carries a request to a witness and returns its answer: a cosigned note, or why not.
    pub fn ask(&self, witness: &Witness, old: u64, at: &str) -> Result<Result<String, WitnessError>, Failure> {
        let request = self.ledger()?.request(old)?.to_string();
        let seconds = u64::try_from(clock(at)? / 1000).unwrap_or(0);
        Ok(witness.sign(request.as_bytes(), Some(&self.origin()?), seconds).map(|signed| signed.note))
    }
}

/// Makes the witnesses, each on a computer of its own.
pub fn witnesses(root: &Path) -> Result<Vec<Witness>, Failure> {
    let make = |(short, name): (&str, &str)| {
        let cosigner = CosignerIdentity::new(KeyName::new(name).map_err(broken)?, &mut durable::entropy());
        let side = root.join(format!("elsewhere-{short}"));
        Witness::open(&side, &cosigner).map_err(broken)
    };
    WITNESSES.into_iter().map(make).collect()
}

/// Writes the trust file of an inspector who knows the log's key and both witnesses, and wants both.
pub fn trust(stage: &Stage, witnesses: &[Witness]) -> Result<(String, Trust), Failure> {
    let mut text = format!("log {}\n", stage.ledger()?.log_key());
    for ((short, _), witness) in WITNESSES.iter().zip(witnesses) {
        text += &format!("witness {short} {}\n", witness.key());
    }
    text += "group both 2 chair library\nquorum both\n";
    let trust = Trust::parse(text.as_bytes()).map_err(broken)?;
    Ok((text, trust))
}

/// A time of the story, in milliseconds.
pub fn clock(at: &str) -> Result<i64, Failure> {
    Moment::parse(at).map(|moment| moment.milliseconds).map_err(broken)
}

/// Copies a folder; the index is left behind, it may be burnt at any time.
fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    durable::create_dir(to).map_err(disk)?;
    for path in durable::list(from).map_err(disk)? {
        let Some(name) = path.file_name().filter(|name| *name != "index") else { continue };
        if path.is_dir() {
            copy(&path, &to.join(name))?;
        } else {
            durable::copy_unsynced(&to.join(name), &durable::read(&path, FILE).map_err(disk)?).map_err(disk)?;
        }
    }
    Ok(())
}

pub fn disk(error: std::io::Error) -> Failure {
    Failure::new(
        format!("the demonstration could not use its folder: {error}"),
        "look at the disk, or name another folder with --keep DIR",
    )
}

/// Something that must not happen: the program is wrong, and says so.
pub fn broken(error: impl std::fmt::Display) -> Failure {
    Failure::new(
        format!("the demonstration went wrong: {error}"),
        "do not use this build of the program; run its tests and report what you see",
    )
}
