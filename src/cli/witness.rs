//! `witness`: cosigning other settings' ledgers by carried file, and bringing cosignatures home.

use std::path::Path;

use indelible::cabinet::identity::{CosignerIdentity, side_folder};
use indelible::head::HeadError;
use indelible::head::checkpoint::SignedCheckpoint;
use indelible::head::request::format_conflict;
use indelible::head::trust::Trust;
use indelible::keys::name::KeyName;
use indelible::ledger::open::Ledger;
use indelible::ledger::witness::{Witness, WitnessError, read_cosigned};
use indelible::ledger::{LedgerError, TRUST};
use indelible::store::durable;
use serde_json::json;

use crate::cli::args::WitnessCommand;
use crate::cli::door::Door;
use crate::cli::failure::Failure;
use crate::cli::verdict::count;

/// Largest trust file in bytes.
const TRUST_FILE: usize = indelible::head::trust::TRUST_LIMIT;

pub fn run(door: &mut Door<'_>, command: WitnessCommand) -> Result<u8, Failure> {
    match command {
        WitnessCommand::New { name, no_passphrase } => new(door, &name, no_passphrase),
        WitnessCommand::Sign { request, log } => sign(door, &request, log.as_deref()),
        WitnessCommand::Add { cosigned } => add(door, &cosigned),
    }
}

fn new(door: &mut Door<'_>, name: &str, no_passphrase: bool) -> Result<u8, Failure> {
    let path = door.identity_path()?;
    let name = KeyName::new(name).map_err(|error| {
        Failure::new(
            format!("this cannot be a witness's name: {error}"),
            "give something like an address of your own, without https:// and spaces: chair.example/witness",
        )
    })?;
    let cosigner = CosignerIdentity::new(name, &mut durable::entropy());
    let passphrase = door.new_passphrase(no_passphrase)?;
    let sealed = cosigner
        .seal(passphrase.as_ref())
        .map_err(|error| Failure::new(format!("the key could not be sealed: {error}"), "choose another passphrase"))?;
    door.write_private(&path, &sealed)?;
    let witness = Witness::open(&side_folder(&path), &cosigner).map_err(|error| failure(&error, None))?;
    if door.global.json {
        door.json("witness-new", json!({"name": cosigner.name().as_str(), "vkey": witness.key().to_string()}))?;
    } else {
        writeln!(door.out, "{}", witness.key())?;
    }
    Ok(0)
}

fn sign(door: &mut Door<'_>, request: &Path, log: Option<&Path>) -> Result<u8, Failure> {
    let side = side_folder(&door.identity_path()?);
    let cosigner = door.cosigner()?;
    let bytes = door.read(request)?;
    let origin = log.map(|path| door.read(path)).transpose()?;
    let witness = Witness::open(&side, &cosigner).map_err(|error| failure(&error, None))?;
    let now = u64::try_from((door.now)() / 1000).unwrap_or(0);
    match witness.sign(&bytes, origin.as_deref(), now) {
        Ok(signed) => {
            if door.global.json {
                let lines: Vec<String> = signed.lines.iter().map(ToString::to_string).collect();
                let origin = signed.origin.as_str();
                let content = json!({"origin": origin, "size": signed.size.0, "note": signed.note, "lines": lines});
                door.json("witness-sign", content)?;
            } else {
                write!(door.out, "{}", signed.note)?;
            }
            writeln!(door.err, "cosigned {} of {}", count(signed.size.0, "entry"), signed.origin)?;
            Ok(0)
        }
        Err(WitnessError::WrongOld { latest }) => {
            if door.global.json {
                door.json("witness-sign", json!({"latest": latest.0}))?;
            } else {
                write!(door.out, "{}", format_conflict(latest))?;
            }
            Err(failure(&WitnessError::WrongOld { latest }, Some(request)))
        }
        Err(error) => Err(failure(&error, Some(request))),
    }
}

fn add(door: &mut Door<'_>, cosigned: &Path) -> Result<u8, Failure> {
    let dir = door.ledger_dir()?;
    let bytes = door.read(cosigned)?;
    let mut ledger = Ledger::open_append(&dir, None)?;
    let (note, _) = read_cosigned(&bytes, ledger.log_keys()).map_err(|error| failure(&error, Some(cosigned)))?;
    // Where the ledger's own trust file names the witness, its cosignature is checked before it is kept.
    if let Some(trust) = durable::read(&dir.join(TRUST), TRUST_FILE).ok().and_then(|bytes| Trust::parse(&bytes).ok()) {
        let mut keys = trust.keys();
        keys.retain(|key| !ledger.log_keys().contains(key));
        keys.extend_from_slice(ledger.log_keys());
        let signed = SignedCheckpoint::open_note(note.clone(), &keys).map_err(LedgerError::from)?;
        if let Some(key) = signed.failed().next() {
            return Err(LedgerError::from(HeadError::BadSignature { name: key.name().clone(), id: key.id() }).into());
        }
    }
    // Kept first: if this ledger does not extend it, nothing is entered any more until it does.
    ledger.keep_known(&note)?;
    let checkpoint = ledger.join(note.to_string().as_bytes())?;
    let names: Vec<String> = note
        .signatures()
        .iter()
        .filter(|line| !ledger.log_keys().iter().any(|key| (line.name(), line.id()) == (key.name(), key.id())))
        .map(|line| line.name().to_string())
        .collect();
    if door.global.json {
        door.json("witness-add", json!({"size": checkpoint.size().0, "cosigned_by": names}))?;
    } else {
        let by = crate::cli::verdict::list(names);
        writeln!(door.out, "{} of {} are now cosigned by {by}", checkpoint.size(), count(ledger.size(), "entry"))?;
    }
    Ok(0)
}

/// Why a witness did not sign, as people meet it.
fn failure(error: &WitnessError, place: Option<&Path>) -> Failure {
    let (what, next, code) = match error {
        WitnessError::WrongOld { latest } => (
            format!(
                "this witness has seen {} of this ledger, and the request starts elsewhere",
                count(latest.0, "entry")
            ),
            format!("ask the setting for `indelible checkpoint --old {latest}`, and sign that"),
            1,
        ),
        WitnessError::UnknownOrigin { origin } => (
            format!("this witness has not cosigned {origin} before and does not know its key"),
            "add --log FILE: the ledger's `origin` file, from somebody you know".to_owned(),
            2,
        ),
        WitnessError::Fork { evidence, size, .. } => (
            format!(
                "two histories: the setting's log signed another history of {} than the one cosigned here",
                count(size.0, "entry")
            ),
            fork_next(evidence),
            3,
        ),
        WitnessError::ProofFails { evidence, remembered, offered } => (
            format!("it is not proven that the {offered} entries begin with the {remembered} that were cosigned here"),
            format!(
                "ask once more for `indelible checkpoint --old {remembered}`; if that fails as well, {}",
                fork_next(evidence)
            ),
            3,
        ),
        WitnessError::OtherKey { .. } => (
            error.to_string(),
            "sign nothing; ask the setting by another way which key is right, and show both to the committee"
                .to_owned(),
            3,
        ),
        WitnessError::NotSigned(_) | WitnessError::NotCosigned => (
            error.to_string(),
            "ask for the file again: it may be of another ledger, or damaged on the way".to_owned(),
            2,
        ),
        WitnessError::Malformed(_) | WitnessError::OldAboveSize { .. } | WitnessError::BadProof(_) => {
            (error.to_string(), "ask for a new request: `indelible checkpoint --old N` writes it".to_owned(), 2)
        }
        WitnessError::OriginFile { .. } => {
            (error.to_string(), "name the file `origin` out of the ledger's folder, unchanged".to_owned(), 2)
        }
        WitnessError::ClockBack { .. } => {
            (error.to_string(), "set the computer's clock right, then sign".to_owned(), 2)
        }
        WitnessError::Damaged { .. } => (
            error.to_string(),
            "sign nothing with this key any more: make a new one with `indelible witness new`, and tell the settings"
                .to_owned(),
            2,
        ),
        WitnessError::NotMade(_) | WitnessError::Io { .. } => {
            (error.to_string(), "look at the disk and the clock; nothing was signed".to_owned(), 2)
        }
    };
    let failure = Failure::new(what, next).code(code);
    match place {
        Some(place) => failure.at(place.display()),
        None => failure,
    }
}

fn fork_next(evidence: &Path) -> String {
    format!(
        "sign nothing; keep {} and give a copy to the committee, the local authority or the inspector: \
         it proves itself, by the log's own signatures",
        evidence.display()
    )
}
