//! `init`: begins a ledger.

use std::io::IsTerminal;
use std::path::Path;

use indelible::cabinet::identity::{Identity, side_folder};
use indelible::cabinet::recovery::RecoverySheet;
use indelible::codec::PersonId;
use indelible::head::checkpoint::SignedCheckpoint;
use indelible::keys::card::default_handle;
use indelible::keys::name::KeyName;
use indelible::ledger::LedgerError;
use indelible::ledger::desk::Desk;
use indelible::ledger::init::{Beginning, Begun, init};
use indelible::ledger::open::read_origin;
use indelible::ledger::people::Change;
use indelible::rules::clock;
use indelible::rules::pack::{BUILT_IN, Pack};
use indelible::store::durable;
use serde_json::{Value as Json, json};

use crate::cli::args::InitArgs;
use crate::cli::door::Door;
use crate::cli::failure::Failure;
use crate::cli::qr;
use crate::cli::say::{self, plain};

pub fn run(door: &mut Door<'_>, args: InitArgs) -> Result<u8, Failure> {
    let dir = match &args.dir {
        Some(dir) => dir.clone(),
        None => door.ledger_dir()?,
    };
    // Everything that can be wrong is found before anything is made.
    let pack = Pack::parse(BUILT_IN).map_err(|_| LedgerError::NoPack)?;
    let role = say::role(&args.role, &pack)?;
    if !role.is_overseer() {
        return Err(Failure::new("a founder oversees the ledger", "give --role dsl, deputy_dsl or leader"));
    }
    if let Some(list) = pack.list("SETTING").filter(|list| list.find(&args.setting_type).is_none()) {
        return Err(Failure::new("this type of setting is not known", format!("give one of: {}", list.spelled())));
    }
    KeyName::new(&args.origin).map_err(|_| {
        let next = "give an address of your own without https://, spaces and plus signs, such as willowbrook.example/decisions";
        Failure::new("this origin cannot be used", next)
    })?;
    if [&args.setting, &args.urn].iter().any(|text| text.len() > 255) || args.setting.trim().is_empty() {
        return Err(Failure::new(
            "the setting's name or number is empty or longer than 255 bytes",
            "give a shorter one",
        ));
    }
    if durable::exists(&dir) && !durable::list(&dir)?.is_empty() {
        return Err(Failure::from(LedgerError::Occupied).at(dir.display()));
    }
    let before = args.continues.as_deref().map(|path| earlier(door, path, &args.origin)).transpose()?;
    let path = door.identity_path()?;
    let founder = match durable::exists(&path) {
        true => door.identity()?,
        false => new_identity(door, &path, args.founder.as_deref(), None, &NewIdentity::Nobody, args.no_passphrase)?,
    };
    let beginning = Beginning {
        setting: &args.setting,
        origin: &args.origin,
        setting_type: &args.setting_type,
        urn: &args.urn,
        role,
    };
    let begun =
        init(&dir, door.config, &founder, &side_folder(&path), &beginning, (door.now)(), &mut durable::entropy())?;
    let name = path.display().to_string();
    let says = format!("{} ({}), {}, identity {name}", founder.name(), founder.handle(), args.role);
    let bound = match &before {
        None => None,
        Some(before) => {
            let mut desk = Desk::open(&dir, door.config, founder, &side_folder(&path))?;
            Some(desk.continue_from(before, &args.cause, door.now, &mut durable::entropy())?)
        }
    };
    if door.global.json {
        sheet(door, &begun.recovery, true)?;
        return as_json(door, &dir, &args, &begun, bound.as_ref());
    }
    let shown = dir.display().to_string();
    writeln!(door.out, "The ledger of {} has begun.", plain(&args.setting))?;
    let log_key = begun.log_key.display().to_string();
    let rows = [
        ("folder", shown.as_str()),
        ("origin", &args.origin),
        ("ledger id", &begun.ledger.to_string()),
        ("founder", &says),
        ("log key", &log_key),
    ];
    for (name, text) in rows {
        writeln!(door.out, "  {name:<11}{}", plain(text))?;
    }
    writeln!(
        door.out,
        "             The log key signs what is entered. It stays on this computer, apart from the ledger."
    )?;
    for entered in &begun.entered {
        writeln!(door.out, "  {:<11}{}", "entered", say::entry(entered))?;
    }
    if let (Some(before), Some(bound)) = (&before, &bound) {
        let (number, from) = (bound.entered.number, plain(before.checkpoint().origin()).to_string());
        writeln!(door.out, "  {:<11}it goes on from {from}, {} entries", "", before.checkpoint().size())?;
        writeln!(
            door.out,
            "  {:<11}entry {number} says so, and waits for a second person: `indelible confirm {number}`",
            ""
        )?;
    }
    sheet(door, &begun.recovery, false)?;
    let form = format!("indelible --ledger {} --identity {}", plain(&shown), plain(&name));
    writeln!(door.out, "\nNext:")?;
    writeln!(door.out, "  a colleague makes an identity and gives you the card that it prints:")?;
    writeln!(door.out, "    indelible person new --identity THEIR.id")?;
    writeln!(door.out, "  you enrol them by that card, first of all a second leading person:")?;
    writeln!(door.out, "    {form} person enrol \"CARD\" --role deputy_dsl")?;
    writeln!(door.out, "  you open a child's case:")?;
    writeln!(door.out, "    {form} case open")?;
    Ok(0)
}

/// Whose a new identity is.
pub enum NewIdentity {
    /// A new person's.
    Nobody,
    /// A person's of whom only the id is at hand: the older device is gone.
    Person(PersonId),
    /// Another device's of the same person.
    Device(Box<Identity>),
}

/// Makes an identity and its file. Refuses to overwrite.
pub fn new_identity(
    door: &mut Door<'_>,
    path: &Path,
    name: Option<&str>,
    handle: Option<&str>,
    of: &NewIdentity,
    no_passphrase: bool,
) -> Result<Identity, Failure> {
    if durable::exists(path) {
        let next = "choose another name with --identity, or move the old file away first";
        return Err(Failure::new("there is a file of this name already", next).at(path.display()));
    }
    let refused = |error: indelible::cabinet::identity::IdentityError| {
        Failure::new(format!("this identity could not be made: {error}"), "try another name, handle or passphrase")
    };
    let mut rng = durable::entropy();
    let identity = match of {
        NewIdentity::Device(known) => {
            Identity::for_person(known.person(), known.name(), known.name_salt(), known.handle(), &mut rng)
        }
        NewIdentity::Nobody | NewIdentity::Person(_) => {
            let name = match name {
                Some(name) => name.to_owned(),
                None => door.ask("The person's name")?,
            };
            let handle = handle.map_or_else(|| default_handle(&name), str::to_owned);
            let made = Identity::new(&name, &handle, &mut rng).map_err(refused)?;
            match of {
                NewIdentity::Person(person) => {
                    Identity::for_person(*person, made.name(), made.name_salt(), made.handle(), &mut rng)
                }
                _ => Ok(made),
            }
        }
    };
    let identity = identity.map_err(refused)?;
    let passphrase = door.new_passphrase(no_passphrase)?;
    let bytes = identity.seal(passphrase.as_ref()).map_err(refused)?;
    door.write_private(path, &bytes)?;
    Ok(identity)
}

/// Shows the recovery sheet: on standard output, or with `--json` on standard error, so that no program keeps it.
pub fn sheet(door: &mut Door<'_>, recovery: &RecoverySheet, json: bool) -> Result<(), Failure> {
    let words = recovery.words().map_err(|_| LedgerError::Incomplete("a recovery sheet".to_owned()))?;
    let words: Vec<&str> = words.split(' ').collect();
    let rule = "-".repeat(76);
    let mut text = zeroize::Zeroizing::new(String::with_capacity(1 << 14));
    text.push_str(&format!(
        "\n{rule}\nRECOVERY SHEET. Write these {} words on paper now: they are shown only now.\n\n",
        words.len()
    ));
    for (row, four) in words.chunks(4).enumerate() {
        for (column, word) in four.iter().enumerate() {
            text.push_str(&format!("  {:>2} {word:<12}", row * 4 + column + 1));
        }
        text.push('\n');
    }
    // To a screen only: a file or a pipe keeps what it gets.
    if !json
        && std::io::stdout().is_terminal()
        && let Some(code) = qr::code(zeroize::Zeroizing::new(words.join(" ")).as_bytes())
    {
        text.push_str("\nThe same words as a code, if you print this screen:\n\n");
        text.push_str(&code);
    }
    text.push_str("\nWhoever holds the sheet can open every word in this ledger; without it and without\n");
    text.push_str("an overseer's identity nobody can. Keep the paper locked away, outside this computer:\n");
    text.push_str(&format!("no photograph, no file, no printer that others share.\n{rule}\n"));
    // If one stream is gone the other still shows it: there is no second time.
    let shown = match json {
        true => door.err.write_all(text.as_bytes()).and_then(|()| door.err.flush()),
        false => door.out.write_all(text.as_bytes()).and_then(|()| door.out.flush()),
    };
    if shown.is_err() {
        door.err.write_all(text.as_bytes())?;
    }
    Ok(())
}

/// Opens the last checkpoint of the ledger before: the key that signed it stands in the `origin` file beside it.
fn earlier(door: &Door<'_>, path: &Path, origin: &str) -> Result<SignedCheckpoint, Failure> {
    let bytes = door.read(path)?;
    // Beside it, or above it where it lies in the folder of checkpoints.
    let folders = path.ancestors().skip(1).take(2);
    let key = folders.map(read_origin).find_map(Result::ok).ok_or_else(|| {
        Failure::new("there is no `origin` file beside this checkpoint", "put the old ledger's `origin` beside it")
            .at(path.display())
    })?;
    if key.name().as_str() == origin {
        let next = format!("give another --origin, such as {origin}/2: two histories under one name are a fork");
        return Err(Failure::new("the new ledger cannot have the old one's origin", next));
    }
    SignedCheckpoint::open(&bytes, std::slice::from_ref(&key)).map_err(|error| {
        let next = "give the file `checkpoint` out of the old ledger's folder, or a cosigned copy of it";
        Failure::new(format!("this is not a checkpoint of the old ledger: {error}"), next).at(path.display())
    })
}

fn as_json(
    door: &mut Door<'_>,
    dir: &Path,
    args: &InitArgs,
    begun: &Begun,
    bound: Option<&Change>,
) -> Result<u8, Failure> {
    let entered = begun.entered.iter().chain(bound.map(|bound| &bound.entered));
    let entries: Vec<Json> = entered.map(say::entered_json).collect();
    let document = json!({
        "ledger": begun.ledger.to_string(),
        "folder": dir.display().to_string(),
        "setting": args.setting,
        "origin": args.origin,
        "log": read_origin(dir)?.to_string(),
        "log_key": begun.log_key.display().to_string(),
        "begun": begun.entered.first().map(|first| clock::rfc3339(first.recorded, clock::london_offset(first.recorded))),
        "entries": entries,
    });
    door.json("init", document)?;
    Ok(0)
}
