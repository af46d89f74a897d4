//! Beginning a ledger: one write, signed by its founder.

use std::path::{Path, PathBuf};

use rand_core::CryptoRng;

use crate::cabinet::chain::Chain;
use crate::cabinet::identity::Identity;
use crate::cabinet::recovery::RecoverySheet;
use crate::cabinet::roll::{PersonLine, Roll};
use crate::cabinet::{CabinetError, Durable, folder_keys, log_copy, receipts, structure_keys};
use crate::codec::{Bytes, Digest, Folder, KindNumber, LedgerId, ShortText};
use crate::decision::decision::Decision;
use crate::decision::people::Role;
use crate::decision::value::{Content, FieldId, Moment, Value, field};
use crate::entry::authored::{Author, Authored};
use crate::entry::statement::{Body, Seen};
use crate::head::trust::Trust;
use crate::keys::SigningKey;
use crate::keys::card::Card;
use crate::keys::name::{KeyKind, KeyName, SignerKey};
use crate::ledger::append::Entered;
use crate::ledger::open::{Ledger, log_key_path};
use crate::ledger::{CABINET, CHECKPOINT, LOG, LedgerError, ORIGIN, TRUST};
use crate::rules::pack::{BUILT_IN, Pack};
use crate::seal::random;
use crate::seal::sealed::{Sealed, document_hash};
use crate::seal::words::FolderPrivate;
use crate::store::disk::{Disk, RealFile};
use crate::store::durable;
use crate::store::log_file::LogFile;
use crate::verify::roster::Roster;

/// What a ledger is begun with.
pub struct Beginning<'a> {
    /// The setting's name.
    pub setting: &'a str,
    /// The origin: a schema-less URL of the setting's own.
    pub origin: &'a str,
    /// The type of setting (code list SETTING).
    pub setting_type: &'a str,
    /// The registration number, or nothing.
    pub urn: &'a str,
    /// The founder's role: one that oversees.
    pub role: Role,
}

/// A ledger that was begun.
pub struct Begun {
    /// Its id.
    pub ledger: LedgerId,
    /// The receipts of its first entries.
    pub entered: Vec<Entered>,
    /// The recovery sheet, to be shown once.
    pub recovery: RecoverySheet,
    /// Where the log's key lies on this machine.
    pub log_key: PathBuf,
}

/// Begins a ledger in a folder that is empty or not there.
///
/// # Errors
/// `Occupied` if something is there; `NotAllowed` for a founder whose role does not oversee; those of cabinet and store.
pub fn init(
    dir: &Path,
    config: &Path,
    founder: &Identity,
    side: &Path,
    beginning: &Beginning<'_>,
    now: i64,
    rng: &mut impl CryptoRng,
) -> Result<Begun, LedgerError> {
    if durable::exists(dir) && !durable::list(dir).map_err(LedgerError::io("the ledger's folder"))?.is_empty() {
        return Err(LedgerError::Occupied);
    }
    let setup = Setup::new(founder, beginning, rng)?;
    let path = log_key_path(config, setup.ledger);
    if let Some(folder) = path.parent() {
        durable::create_dir(folder).map_err(LedgerError::io("the folder of log keys"))?;
    }
    durable::create_private(&path, setup.log.format()?.as_bytes()).map_err(LedgerError::io("the log's key"))?;
    durable::create_dir(dir).map_err(LedgerError::io("the ledger's folder"))?;
    // Cabinet and names first: a crash here leaves a folder without a log, which is no ledger yet.
    let entered = setup.write_folder(dir, founder, beginning, rng)?;
    let disk = RealFile::create(&dir.join(LOG)).map_err(LedgerError::io("ledger.log"))?;
    durable::sync_dir(dir).map_err(LedgerError::io("the ledger's folder"))?;
    let entered = setup.begin(dir, disk, founder, side, entered, now)?;
    Ok(Begun { ledger: setup.ledger, entered, recovery: setup.recovery, log_key: path })
}

/// Everything drawn and signed before the first byte is written.
pub struct Setup {
    /// The ledger's id.
    pub ledger: LedgerId,
    /// The log's key.
    pub log: SignerKey,
    /// The recovery sheet.
    pub recovery: RecoverySheet,
    folders: Vec<FolderPrivate>,
    genesis: Decision,
    pack: Pack,
}

impl Setup {
    /// Draws the keys of a new ledger and says what its genesis says.
    ///
    /// # Errors
    /// As [`init`].
    pub fn new(founder: &Identity, beginning: &Beginning<'_>, rng: &mut impl CryptoRng) -> Result<Self, LedgerError> {
        if !beginning.role.is_overseer() {
            return Err(LedgerError::NotAllowed);
        }
        let pack = Pack::parse(BUILT_IN).map_err(|_| LedgerError::NoPack)?;
        let name = KeyName::new(beginning.origin)?;
        let log = SignerKey::new(name, KeyKind::LogKey, SigningKey::from_seed(&random(rng)));
        let recovery = RecoverySheet::random(rng);
        let folders: Vec<FolderPrivate> = (0..3).map(|_| FolderPrivate::generate(rng)).collect();
        let card = card(founder)?;
        let sheet = recovery.secret().map_err(CabinetError::from)?.recipient().to_string();
        let (short, one) = (short_text, |id, content| Value { field: id, position: 0, content });
        let mut values = vec![
            one(field::ORIGIN, Content::Text(short(beginning.origin)?)),
            one(field::TITLE, Content::Text(short(beginning.setting)?)),
            one(field::SETTING_TYPE, Content::Code(short(beginning.setting_type)?)),
            one(field::URN, Content::Text(short(beginning.urn)?)),
            one(field::NONCE, Content::Hash(Digest::new(random(rng)))),
            one(field::LOG_KEY, Content::Key(Bytes(*log.public().key().as_bytes()))),
            one(field::RECOVERY_RECIPIENT, Content::Text(short(&sheet)?)),
        ];
        values.extend(enrolment_values(&card, beginning.role)?);
        values.extend(folder_values(&[Folder::Staff, Folder::Intake, Folder::Access], &folders, 0)?);
        values.sort_by_key(|value| (value.field, value.position));
        let ledger = Body::ledger_id(&values)?;
        let kind = KindNumber::of("genesis").ok_or(LedgerError::NoPack)?;
        let genesis = Decision::setup(&pack, kind, None, Moment::NONE, values, Vec::new()).map_err(incomplete)?;
        Ok(Setup { ledger, log, recovery, folders, genesis, pack })
    }

    /// Writes the cabinet, `origin` and `trust`.
    fn write_folder(
        &self,
        dir: &Path,
        founder: &Identity,
        beginning: &Beginning<'_>,
        rng: &mut impl CryptoRng,
    ) -> Result<structure_keys::HeldStructureKey, LedgerError> {
        let cabinet = dir.join(CABINET);
        durable::create_dir(&cabinet).map_err(LedgerError::io("the cabinet"))?;
        let sheet = self.recovery.secret().map_err(CabinetError::from)?.recipient();
        let readers = [founder.recipient(), sheet];
        for folder in &self.folders {
            folder_keys::save(&cabinet, folder, &readers, &[])?;
        }
        let key = structure_keys::create(&cabinet, &founder.author(), 0, &readers, rng)?;
        let mut roll = Roll::default();
        let (person, handle, name) = (founder.person(), founder.handle(), founder.name());
        roll.add_person(PersonLine::new(person, handle, name, founder.name_salt())?)?;
        roll.save(&cabinet, &readers)?;
        log_copy::save(&cabinet, &self.log.format()?, sheet)?;
        let origin = format!("{}\n{}\n", beginning.origin, self.log.public());
        durable::create_private(&dir.join(ORIGIN), origin.as_bytes()).map_err(LedgerError::io("origin"))?;
        // Parsed once, so that what is written is what others will accept.
        let trust = format!("log {}\nquorum none\n", self.log.public());
        Trust::parse(trust.as_bytes()).map_err(|_| LedgerError::NoLedger)?;
        durable::create_private(&dir.join(TRUST), trust.as_bytes()).map_err(LedgerError::io("trust"))?;
        let held = structure_keys::Held::Whole(key);
        Ok(structure_keys::HeldStructureKey { author: founder.author(), epoch: 0, held, readers: readers.to_vec() })
    }

    /// Signs and appends the first write: genesis, and the adoption of the built-in pack.
    fn begin<D: Disk>(
        &self,
        dir: &Path,
        disk: D,
        founder: &Identity,
        side: &Path,
        held: structure_keys::HeldStructureKey,
        now: i64,
    ) -> Result<Vec<Entered>, LedgerError> {
        let signer = SignerKey::parse(&self.log.format()?)?;
        let file = LogFile::create(disk)?;
        let mut ledger = Ledger::over(dir, file, self.log.public().clone(), Some(signer))?;
        let mut rng = durable::entropy();
        let key = held.key().ok_or(LedgerError::NoStructureKey)?;
        let first = self.first_write(founder, &held, now, &mut rng)?;
        let mut chain = Chain::take(side, self.ledger, founder.author())?;
        let entered = ledger.append(&first, key, &mut Roster::default(), &|| now)?;
        for (authored, entered) in first.iter().zip(&entered) {
            chain.signed(authored.statement.body().sequence, authored.statement.digest())?;
            let text = entered.receipt.to_string();
            receipts::save(side, self.ledger, entered.number, text.as_bytes(), Durable::Later)?;
        }
        let seen = ledger.seen();
        chain.saw(seen.number, seen.link)?;
        chain.save(Durable::Now)?;
        let note = ledger.checkpoint()?.to_string();
        durable::copy_unsynced(&dir.join(CHECKPOINT), note.as_bytes()).map_err(LedgerError::io("checkpoint"))?;
        Ok(entered)
    }

    /// Signs genesis and the adoption of the built-in pack.
    ///
    /// # Errors
    /// Those of sealing and signing.
    pub fn first_write(
        &self,
        founder: &Identity,
        held: &structure_keys::HeldStructureKey,
        now: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<Authored>, LedgerError> {
        let pack_hash = document_hash(BUILT_IN.as_bytes());
        let mut author = Author {
            person: founder.person(),
            key: founder.signing(),
            structure_key: held.key().ok_or(LedgerError::NoStructureKey)?,
            sequence: 0,
            previous: Digest::ZERO,
            seen: Seen::NOTHING,
            pack: Digest::ZERO,
            policy: Digest::ZERO,
            signed: Moment::in_london(now),
        };
        let key = founder.author();
        let genesis = Sealed::new(self.genesis.clone(), self.ledger, key.as_bytes(), None, rng)?;
        let genesis = Authored::sign(genesis, &author, rng)?;
        let starts = self.pack.id_of("starts_at").ok_or(LedgerError::NoPack)?;
        let values = vec![
            Value { field: field::DOCUMENT_HASH, position: 0, content: Content::Hash(pack_hash) },
            Value { field: FieldId(starts), position: 0, content: Content::Time(Moment::in_london(now)) },
        ];
        let kind = KindNumber::of("rulepack.adopt").ok_or(LedgerError::NoPack)?;
        let learned = Moment::in_london(now);
        let adopt = Decision::setup(&self.pack, kind, None, learned, values, Vec::new()).map_err(incomplete)?;
        let adopt = Sealed::new(adopt, self.ledger, key.as_bytes(), None, rng)?.with_document(BUILT_IN.as_bytes())?;
        (author.sequence, author.previous, author.pack) = (1, genesis.statement.digest(), pack_hash);
        let adopt = Authored::sign(adopt, &author, rng)?;
        Ok(vec![genesis, adopt])
    }
}

/// Returns the card of an identity.
///
/// # Errors
/// As [`Card::new`].
pub fn card(identity: &Identity) -> Result<Card, LedgerError> {
    let recipient = identity.recipient().to_string();
    let (name, handle) = (identity.name(), identity.handle());
    Ok(Card::new(identity.person(), identity.signing(), &recipient, name, handle, *identity.name_salt())?)
}

/// Returns what an enrolment says of a card: the fields of `key.enrol`, which genesis has too.
pub(super) fn enrolment_values(card: &Card, role: Role) -> Result<Vec<Value>, LedgerError> {
    let one = |id, content| Value { field: id, position: 0, content };
    Ok(vec![
        one(field::PERSON, Content::Person(card.person())),
        one(field::ROLE, Content::Code(short_text(role.code())?)),
        one(field::AUTHOR_KEY, Content::Key(Bytes(*card.author_key().as_bytes()))),
        one(field::SEALING_KEY, Content::Text(short_text(card.recipient())?)),
        one(field::KEY_PROOF, Content::Proof(Bytes(card.proof().0))),
        one(field::ROLL_COMMITMENT, Content::Hash(card.commitment())),
    ])
}

/// Returns the rows that publish one epoch of some folders.
pub(super) fn folder_values(folders: &[Folder], keys: &[FolderPrivate], epoch: u64) -> Result<Vec<Value>, LedgerError> {
    let mut values = Vec::new();
    for ((folder, key), position) in folders.iter().zip(keys).zip(0..) {
        let row = |id, content| Value { field: id, position, content };
        values.push(row(field::FOLDER_KEYS_FOLDER, Content::Code(short_text(folder.name())?)));
        values.push(row(field::FOLDER_KEYS_EPOCH, Content::Count(epoch)));
        values.push(row(field::FOLDER_KEYS_KEY, Content::Key(Bytes(key.public()?.0))));
    }
    Ok(values)
}

fn short_text(text: &str) -> Result<ShortText, LedgerError> {
    ShortText::new(text).map_err(|_| LedgerError::Incomplete("a text of at most 255 bytes".to_owned()))
}

fn incomplete(gaps: Vec<crate::decision::gap::Gap>) -> LedgerError {
    let fields: Vec<&str> = gaps.iter().map(|gap| gap.field.as_str()).collect();
    LedgerError::Incomplete(fields.join(", "))
}
