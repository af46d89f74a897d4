//! `verify`: the inspector's command, over a ledger's folder, a bare log, or one receipt.

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use indelible::cabinet::folder_keys::FolderFile;
use indelible::cabinet::roll::Roll;
use indelible::cabinet::{folder_keys, structure_keys};
use indelible::codec::context::DOCUMENT;
use indelible::codec::{Digest, FolderKeyId, LedgerId, NOTE_LIMIT};
use indelible::head::checkpoint::{Checkpoint, SignedCheckpoint};
use indelible::head::note::Note;
use indelible::head::receipt::{RECEIPT_LIMIT, Receipt};
use indelible::head::trust::Trust;
use indelible::keys::name::VerifierKey;
use indelible::ledger::desk::keys_of;
use indelible::ledger::open::parse_origin;
use indelible::ledger::{CABINET, CHECKPOINT, LOG, ORIGIN};
use indelible::store::durable;
use indelible::verify::entry::Keys;
use indelible::verify::ledger::{Options, verify};
use indelible::verify::record::Record;
use indelible::verify::report::{Code, Finding, Report};
use indelible::verify::roster::Roster;

use crate::cli::args::VerifyArgs;
use crate::cli::door::Door;
use crate::cli::failure::Failure;
use crate::cli::receipt;
use crate::cli::verdict::{Verdict, count};

/// The folder with the checkpoints that closings keep.
const CHECKPOINTS: &str = "checkpoints";
/// How a receipt begins.
const RECEIPT: &[u8] = b"c2sp.org/tlog-proof@";

pub fn run(door: &mut Door<'_>, args: VerifyArgs) -> Result<u8, Failure> {
    let path = match &args.what {
        Some(path) => path.clone(),
        None => door.ledger_dir()?,
    };
    if path.is_dir() {
        return ledger(door, &args, &path.join(LOG), Some(&path));
    }
    let mut start = Vec::new();
    let read = durable::open_read(&path).and_then(|file| file.take(RECEIPT.len() as u64).read_to_end(&mut start));
    read.map_err(|error| {
        Failure::new(
            format!("this could not be opened: {error}"),
            "name a ledger's folder, its ledger.log, or a receipt (.tlog-proof)",
        )
        .at(path.display())
    })?;
    if start == RECEIPT { receipt::verify(door, &args, &path) } else { ledger(door, &args, &path, None) }
}

/// The verifier's own trust file, and the digest of its bytes.
pub struct Trusted {
    pub trust: Trust,
    pub digest: Digest,
}

/// Reads the trust file that was named.
pub fn read_trust(door: &Door<'_>, path: Option<&PathBuf>) -> Result<Option<Trusted>, Failure> {
    let Some(path) = path else { return Ok(None) };
    let bytes = door.read(path)?;
    let trust = Trust::parse(&bytes).map_err(|error| {
        Failure::new(
            format!("this trust file cannot be used: {error}"),
            "each line is `log VKEY`, `witness NAME VKEY`, `group NAME N MEMBERS` or `quorum NAME`; quorum is needed",
        )
        .at(path.display())
    })?;
    Ok(Some(Trusted { trust, digest: DOCUMENT.digest(&[&bytes]) }))
}

/// What is held against the log, and what opens it.
struct Brought {
    trusted: Option<Trusted>,
    known: Vec<Note>,
    receipts: Vec<Receipt>,
    keys: Keys,
    roll: Option<Roll>,
    since: Option<Record>,
    rules: bool,
    /// What the `origin` file of the folder says: nothing to compare, a key, or something illegible.
    origin: Option<Option<VerifierKey>>,
}

fn ledger(door: &mut Door<'_>, args: &VerifyArgs, log: &Path, folder: Option<&Path>) -> Result<u8, Failure> {
    // The copy is read before the log: a writer beside us only makes the log longer.
    let brought = bring(door, args, log, folder)?;
    let (report, record) = judge(door, &brought, log)?;
    if let Some(path) = &args.save {
        durable::replace(path, record.to_json().as_bytes()).map_err(|error| {
            let next = "check that the folder is there and that you may write in it";
            Failure::new(format!("the record could not be saved: {error}"), next).at(path.display())
        })?;
    }
    let verdict = Verdict { report: &report, roll: brought.roll.as_ref() };
    if door.global.json {
        door.json("verify", verdict.json())?;
    } else {
        write!(door.out, "{}", verdict.text())?;
    }
    Ok(report.exit_code())
}

fn bring(door: &mut Door<'_>, args: &VerifyArgs, log: &Path, folder: Option<&Path>) -> Result<Brought, Failure> {
    let trusted = read_trust(door, args.trust.as_ref())?;
    let mut known = Vec::new();
    for path in &args.known {
        let note = Note::parse(&door.read(path)?).and_then(|note| Checkpoint::parse(note.text()).map(|_| note));
        known.push(note.map_err(|error| {
            let next = "name a checkpoint as `indelible checkpoint` prints it";
            Failure::new(format!("this is no checkpoint: {error}"), next).at(path.display())
        })?);
    }
    let since = match &args.since {
        Some(path) => read_since(door, path, trusted.as_ref())?,
        None => None,
    };
    let origin = folder.and_then(|folder| durable::read(&folder.join(ORIGIN), NOTE_LIMIT).ok());
    let origin = origin.map(|bytes| parse_origin(&bytes));
    if let (Some(folder), Some(Some(key))) = (folder, &origin) {
        known.extend(copies(folder, key, trusted.as_ref()));
    }
    let receipts = match &args.receipts {
        Some(dir) => read_receipts(door, dir, origin.as_ref().and_then(Option::as_ref))?,
        None => Vec::new(),
    };
    let (keys, roll) = open_structure(door, log)?;
    Ok(Brought { trusted, known, receipts, keys, roll, since, rules: !args.without_rules, origin })
}

/// Reads the record of an earlier verify; one that does not fit means a whole verify.
fn read_since(door: &mut Door<'_>, path: &Path, trusted: Option<&Trusted>) -> Result<Option<Record>, Failure> {
    let digest = trusted.map_or(Digest::ZERO, |trusted| trusted.digest);
    let record = Record::parse(&door.read(path)?).and_then(|record| record.check(&digest).map(|()| record));
    match record {
        Ok(record) => Ok(Some(record)),
        Err(error) => {
            writeln!(door.err, "{error} ({}): everything is verified", path.display())?;
            Ok(None)
        }
    }
}

/// The checkpoints that lie in the folder count as known where the log's key signed them.
fn copies(folder: &Path, key: &VerifierKey, trusted: Option<&Trusted>) -> Vec<Note> {
    let mut keys = vec![key.clone()];
    keys.extend(trusted.iter().flat_map(|trusted| trusted.trust.keys()).filter(|other| other != key));
    let mut paths = vec![folder.join(CHECKPOINT)];
    let kept = durable::list(&folder.join(CHECKPOINTS)).unwrap_or_default();
    paths.extend(kept.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "note")));
    let open = |path: PathBuf| SignedCheckpoint::open(&durable::read(&path, NOTE_LIMIT).ok()?, &keys).ok();
    paths.into_iter().filter_map(open).map(|signed| signed.note().clone()).collect()
}

/// Reads the receipts of this ledger in a folder and in the folders in it: of ledgers, and in these of thousands.
fn read_receipts(door: &mut Door<'_>, dir: &Path, log: Option<&VerifierKey>) -> Result<Vec<Receipt>, Failure> {
    let failed = |error| {
        let next = "name a folder with receipts (.tlog-proof), such as `sam.id.d/receipts`";
        Failure::new(format!("the receipts could not be read: {error}"), next).at(dir.display())
    };
    let mut paths = Vec::new();
    let mut folders = vec![(dir.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for path in durable::list(&folder).map_err(failed)? {
            if path.is_dir() && depth < 2 { folders.push((path, depth + 1)) } else { paths.push(path) }
        }
    }
    paths.sort();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "tlog-proof"));
    let (mut receipts, mut others) = (Vec::new(), 0_u64);
    for path in paths {
        let receipt = durable::read(&path, RECEIPT_LIMIT).ok().and_then(|bytes| Receipt::parse(&bytes).ok());
        let origin = receipt.as_ref().and_then(|receipt| Checkpoint::parse(receipt.note().text()).ok());
        let ours = |head: &Checkpoint| log.is_none_or(|log| log.name().as_str() == head.origin());
        match (receipt, origin.filter(ours)) {
            (Some(receipt), Some(_)) => receipts.push(receipt),
            _ => others += 1,
        }
    }
    if others > 0 {
        writeln!(door.err, "{} left aside: not whole, or of another ledger", count(others, "receipt"))?;
    }
    Ok(receipts)
}

/// Opens what the identity may read of the structure, out of the cabinet beside the log, and the roll for names.
fn open_structure(door: &mut Door<'_>, log: &Path) -> Result<(Keys, Option<Roll>), Failure> {
    if door.global.identity.is_none() {
        return Ok((Keys::default(), None));
    }
    let identity = door.identity()?;
    let cabinet = log.with_file_name(CABINET);
    let held = structure_keys::load_all(&cabinet, identity.secret()).map(|opened| opened.opened).unwrap_or_default();
    let folders = folder_keys::load_all(&cabinet, identity.secret()).map(|opened| opened.opened).unwrap_or_default();
    let mut keys = keys_of(held.iter(), LedgerId::ZERO);
    if !folders.is_empty() {
        // Only the restricted folders' keys: each is tried on every entry that no structure key opens.
        let roster = durable::open_read(log).and_then(Roster::read).map_err(|error| could_not_look(log, &error))?;
        let restricted = |id: &FolderKeyId| roster.folder_key(id).is_some_and(|epoch| epoch.folder.restricted());
        let held = folders.iter().filter(|file| restricted(&file.id));
        keys.restricted = held.filter_map(|file| file.private().cloned()).collect();
        keys.kept = folders.iter().flat_map(FolderFile::kept).collect();
    }
    if keys.structure.is_empty() {
        writeln!(door.err, "the cabinet beside this log opens nothing to this identity: only the skeleton is checked")?;
    }
    Ok((keys, Roll::load(&cabinet, identity.secret()).ok()))
}

/// Verifies, building on the record if there is one that fits.
fn judge(door: &mut Door<'_>, brought: &Brought, log: &Path) -> Result<(Report, Record), Failure> {
    // A record is of one layer: that of the structure.
    let since = brought.since.as_ref().filter(|_| !brought.keys.structure.is_empty());
    if brought.since.is_some() && since.is_none() {
        writeln!(door.err, "the record is of a verify with structure: everything is verified")?;
    }
    if let Some(since) = since {
        let known: Vec<Note> =
            Note::parse(since.checkpoint.as_bytes()).into_iter().chain(brought.known.clone()).collect();
        let whole = known.len() > brought.known.len();
        let (report, record) = pass(door, brought, log, &known, Some(since))?;
        if whole && !report.history.altered() && report.size.0 >= since.size {
            return Ok((report, record));
        }
        writeln!(door.err, "the ledger does not continue what the record saw: everything is verified")?;
        let same = report.origin == since.origin;
        return pass(door, brought, log, if same { &known } else { &brought.known }, None);
    }
    pass(door, brought, log, &brought.known, None)
}

/// Verifies once; again if the log was written to meanwhile and the first look may have met a write half done.
fn pass(
    door: &mut Door<'_>,
    brought: &Brought,
    log: &Path,
    known: &[Note],
    since: Option<&Record>,
) -> Result<(Report, Record), Failure> {
    let length = || durable::open_read(log).and_then(|file| Ok(file.metadata()?.len()));
    let fail = |error: std::io::Error| could_not_look(log, &error);
    let before = length().map_err(fail)?;
    let bar = match std::io::stderr().is_terminal() && !door.global.json {
        true => indicatif::ProgressBar::new(before),
        false => indicatif::ProgressBar::hidden(),
    };
    if let Ok(style) = indicatif::ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}, {eta} left") {
        bar.set_style(style);
    }
    let options = Options {
        keys: brought.keys.clone(),
        trust: brought.trusted.as_ref().map(|trusted| &trusted.trust),
        trust_digest: brought.trusted.as_ref().map_or(Digest::ZERO, |trusted| trusted.digest),
        known,
        receipts: &brought.receipts,
        since,
        now: (door.now)(),
        rules: brought.rules,
        progress: &|bytes| bar.set_position(bytes),
    };
    let look = || verify(&|| durable::open_read(log), &options).map_err(fail);
    let (mut report, mut record) = look()?;
    if (report.history.altered() || !report.findings.is_empty()) && length().map_err(fail)? > before {
        (report, record) = look()?;
    }
    bar.finish_and_clear();
    if let Some(origin) = &brought.origin
        && !report.log_key.is_empty()
        && origin.as_ref().map(ToString::to_string).as_ref() != Some(&report.log_key)
        // A key that was the log's before is one whose second line in `origin` a crash left as it was.
        && !origin.as_ref().is_some_and(|key| report.earlier_log_keys.contains(&key.to_string()))
    {
        report.add(Finding { entry: 0, code: Code::LogKey });
    }
    Ok((report, record))
}

fn could_not_look(log: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        format!("the log could not be read: {error}"),
        "name the folder that `indelible init` made, or its ledger.log",
    )
    .at(log.display())
}
