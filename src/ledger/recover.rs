//! Recovery: with the sheet and a copy of the folder, reading is brought back on a new machine.
//!
//! Nobody signs and nothing is entered. What the sheet opens is wrapped for the devices that are in force by the ledger,
//! and the log's key comes back where it is missing. Nobody is taken out of a wrap: whoever could open it before stays
//! named in it, so that the next overseer who sits down replaces the keys that a lost device could open.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::cabinet::folder_keys::{self, FolderFile};
use crate::cabinet::readers::Readers;
use crate::cabinet::roll::Roll;
use crate::cabinet::structure_keys;
use crate::cabinet::wrap::{AgeSecret, Recipient, WrapError};
use crate::cabinet::{CabinetError, late, log_copy};
use crate::codec::{LedgerId, PersonId};
use crate::keys::name::SignerKey;
use crate::ledger::LedgerError;
use crate::ledger::desk::{keys_of, read_signer};
use crate::ledger::open::{Ledger, log_key_path, next_log_key_path};
use crate::ledger::wraps::{read_on, readers_of, rising};
use crate::store::durable;
use crate::verify::roster::{Enrolment, Roster};

/// What a sheet opens in a cabinet, in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opens {
    /// Folder keys that it opens.
    pub folder_keys: usize,
    /// Of these, epochs that were punctured: what was made unreadable in them stays so.
    pub punctured: usize,
    /// Structure keys that it opens.
    pub structure_keys: usize,
    /// Persons and cases on the roll; none if it does not open the roll.
    pub roll: Option<(usize, usize)>,
    /// Whether it opens the copy of the log's key, and that copy is of the key in force.
    pub log_key: bool,
    /// Wraps that it does not open: they were made for another sheet.
    pub closed: usize,
    /// Wraps that cannot be read at all.
    pub damaged: usize,
}

impl Opens {
    fn nothing(&self) -> bool {
        self.folder_keys + self.structure_keys == 0 && self.roll.is_none() && !self.log_key
    }
}

/// What became of the log's key on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogKey {
    /// It was here already.
    Here,
    /// It was brought back, to this file.
    Restored(PathBuf),
    /// There is no copy that this sheet opens: this machine can read, and not enter.
    NoCopy,
}

/// What recovery did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// What the sheet opened.
    pub opens: Opens,
    /// Wraps that were made anew for more devices.
    pub wrapped: usize,
    /// Devices in force that can open something now: everyone's.
    pub devices: usize,
    /// Of these, devices of overseers.
    pub overseers: usize,
    /// The log's key on this machine.
    pub log_key: LogKey,
}

/// Says what a sheet opens, and changes nothing.
///
/// # Errors
/// `OtherSheet` if it opens nothing; as [`Ledger::open`].
pub fn show(dir: &Path, secret: &AgeSecret) -> Result<Opens, LedgerError> {
    let ledger = Ledger::open(dir)?;
    let sheet = Sheet::open(&ledger, secret)?;
    if sheet.opens.nothing() { Err(LedgerError::OtherSheet) } else { Ok(sheet.opens) }
}

/// Wraps what the sheet opens for the devices that are in force at `now` (milliseconds UTC), and brings the log's key back
/// into the configuration folder if it is not there.
///
/// A crash on the way leaves readers too few; it can be done again at any time.
///
/// # Errors
/// `OtherSheet` if it opens nothing; those of cabinet and store.
pub fn recover(dir: &Path, config: &Path, secret: &AgeSecret, now: i64) -> Result<Recovered, LedgerError> {
    let ledger = Ledger::open(dir)?;
    let _lock = ledger.lock()?;
    let sheet = Sheet::open(&ledger, secret)?;
    if sheet.opens.nothing() {
        return Err(LedgerError::OtherSheet);
    }
    let log_key = sheet.restore_log_key(config)?;
    let (roster, cabinet) = (&sheet.roster, ledger.cabinet());
    let overseers = devices(roster, roster.overseers(now))?;
    let mut wrapped = 0;
    if let Some(roll) = &sheet.roll {
        roll.save(&cabinet, &devices(roster, roster.current())?)?;
        wrapped += 1;
    }
    for held in &sheet.structure {
        let author = roster.enrolment(held.author.as_bytes()).map(|enrolment| enrolment.person);
        let own = devices(roster, roster.current().filter(|one| Some(one.person) == author))?;
        let readers = join([&held.readers, &own, &overseers]);
        if readers != held.readers {
            structure_keys::rewrap(&cabinet, &held.author, held.epoch, secret, &readers)?;
            wrapped += 1;
        }
    }
    let mut table = Readers::load(&cabinet, secret)?;
    if table.upto > ledger.size() {
        table = Readers::default();
    }
    let keys = keys_of(sheet.structure.iter(), LedgerId::ZERO);
    read_on(&mut table, &ledger, roster, &keys)?;
    let rules = roster.rulebook().ok_or(LedgerError::NoPack)?;
    for file in sheet.folders {
        let Some(epoch) = roster.folder_key(&file.id) else { continue };
        let mut persons: BTreeSet<PersonId> = readers_of(roster, &rules, now, epoch.case, epoch.folder, &table);
        persons.retain(|person| !file.kept_out.contains(person));
        let may = devices(roster, roster.current().filter(|one| persons.contains(&one.person)))?;
        let readers = join([&file.readers, &may]);
        if readers != file.readers {
            folder_keys::write(&cabinet, &FolderFile { readers, ..file })?;
            wrapped += 1;
        }
    }
    for (author, digest, statement) in late::load_all(&cabinet, secret)?.opened {
        late::keep(&cabinet, &author, &digest, &statement, &overseers)?;
        wrapped += 1;
    }
    // Nothing counts as settled: the next overseer looks at every wrap.
    table.settle(0, &[]);
    table.save(&cabinet, &overseers)?;
    let (all, of_overseers) = (roster.current().count(), roster.overseers(now).count());
    Ok(Recovered { opens: sheet.opens, wrapped, devices: all, overseers: of_overseers, log_key })
}

/// Everything that a sheet opens.
struct Sheet {
    roster: Roster,
    opens: Opens,
    roll: Option<Roll>,
    structure: Vec<structure_keys::HeldStructureKey>,
    folders: Vec<FolderFile>,
    log_key: Option<SignerKey>,
}

impl Sheet {
    fn open(ledger: &Ledger, secret: &AgeSecret) -> Result<Self, LedgerError> {
        let (roster, cabinet) = (ledger.roster()?, ledger.cabinet());
        let structure = structure_keys::load_all(&cabinet, secret)?;
        let folders = folder_keys::load_all(&cabinet, secret)?;
        let mut opens = Opens {
            folder_keys: folders.opened.len(),
            punctured: folders.opened.iter().filter(|file| file.private().is_none()).count(),
            structure_keys: structure.opened.len(),
            closed: folders.closed + structure.closed,
            damaged: folders.damaged.len() + structure.damaged.len(),
            ..Opens::default()
        };
        let roll = opens.note(Roll::load(&cabinet, secret))?;
        opens.roll = roll.as_ref().map(|roll| (roll.persons().len(), roll.cases().len()));
        let copies =
            [opens.note(log_copy::load(&cabinet, secret))?, opens.note(log_copy::load_next(&cabinet, secret))?];
        let mut copies = copies.into_iter().flatten().filter_map(|text| SignerKey::parse(&text).ok());
        // While a new key waits the older one is in force; where a crash came after its confirmation, the newer one is.
        let log_key = copies.find(|key| roster.log_key() == Some(key.public().key()));
        opens.log_key = log_key.is_some();
        let (structure, folders) = (structure.opened, folders.opened);
        Ok(Sheet { roster, opens, roll, structure, folders, log_key })
    }

    /// The key that is here already is left as it is, if it is the one in force.
    fn restore_log_key(&self, config: &Path) -> Result<LogKey, LedgerError> {
        let id = self.roster.ledger().ok_or(LedgerError::NoLedger)?;
        let (path, next) = (log_key_path(config, id), next_log_key_path(config, id));
        let held = [&path, &next].into_iter().filter_map(|path| read_signer(path).ok().flatten());
        if held.into_iter().any(|key| self.roster.log_key() == Some(key.public().key())) {
            return Ok(LogKey::Here);
        }
        let Some(key) = &self.log_key else { return Ok(LogKey::NoCopy) };
        let failed = || LedgerError::io("the folder of log keys");
        if let Some(folder) = path.parent() {
            durable::create_dir(folder).map_err(failed())?;
        }
        durable::replace(&path, key.format()?.as_bytes()).map_err(LedgerError::io("the log's key"))?;
        Ok(LogKey::Restored(path))
    }
}

impl Opens {
    /// Takes what opened; counts what did not.
    fn note<T>(&mut self, loaded: Result<T, CabinetError>) -> Result<Option<T>, LedgerError> {
        match loaded {
            Ok(value) => return Ok(Some(value)),
            Err(CabinetError::Wrap(WrapError::NotForThis)) => self.closed += 1,
            Err(CabinetError::Missing) => {}
            Err(error @ CabinetError::Disk(_)) => return Err(error.into()),
            Err(_) => self.damaged += 1,
        }
        Ok(None)
    }
}

/// Returns the recipients of some devices, and the recovery sheet's that is in force, rising.
fn devices<'a>(
    roster: &Roster,
    enrolments: impl Iterator<Item = &'a Enrolment>,
) -> Result<Vec<Recipient>, LedgerError> {
    let texts = enrolments.map(|enrolment| enrolment.recipient.as_str()).chain(Some(roster.recovery()));
    let parsed = texts.map(Recipient::parse).collect::<Result<Vec<_>, _>>();
    Ok(rising(parsed.map_err(CabinetError::from)?))
}

fn join<const N: usize>(all: [&Vec<Recipient>; N]) -> Vec<Recipient> {
    rising(all.into_iter().flatten().copied().collect())
}
