//! The desk: one person's device at one ledger. What both doors use to write and read.
// Long because: who sits down, with which keys, and how they are read anew is told in one place.

use std::cell::{OnceCell, RefCell};
use std::io;
use std::path::{Path, PathBuf};

use crate::cabinet::folder_keys::{self, FolderFile};
use crate::cabinet::identity::Identity;
use crate::cabinet::own::OwnCopy;
use crate::cabinet::roll::{self, Roll};
use crate::cabinet::second::Shown;
use crate::cabinet::structure_keys::{self, HeldStructureKey};
use crate::cabinet::tray::Tray;
use crate::cabinet::wrap::Recipient;
use crate::cabinet::{CabinetError, Opened, receipts};
use crate::codec::{CaseTag, Digest, FolderKeyId, LedgerId, PersonId};
use crate::decision::people::Role;
use crate::decision::view::{Found, Referenced, View};
use crate::entry::statement::Unverified;
use crate::head::checkpoint::SignedCheckpoint;
use crate::head::receipt::Receipt;
use crate::keys::name::SignerKey;
use crate::ledger::open::{Ledger, log_key_path};
use crate::ledger::read::{Stored, open_restricted};
use crate::ledger::{LedgerError, facts, log_key};
use crate::rules::pack::{BUILT_IN, Pack};
use crate::rules::rulebook::Rulebook;
use crate::seal::sealed::document_hash;
use crate::seal::structure::StructureKey;
use crate::seal::words::{self, WordsPart};
use crate::store::disk::{Disk, RealFile};
use crate::store::durable;
use crate::verify::entry::Keys;
use crate::verify::report::Code;
use crate::verify::roster::{Enrolment, Roster};

/// One person's device at one ledger.
pub struct Desk<D: Disk = RealFile> {
    /// The ledger.
    pub ledger: Ledger<D>,
    pub(super) identity: Identity,
    /// The folder beside the identity file: outbox, receipts, chain.
    pub(super) side: PathBuf,
    pub(super) roster: Roster,
    pub(super) roll: Roll,
    pub(super) held: Vec<HeldStructureKey>,
    /// How the disk refused to give a structure key that is there.
    unread: Option<io::ErrorKind>,
    pub(super) pack: Pack,
    /// The author's own copy, opened at its first use.
    pub(super) own: Option<OwnCopy>,
    /// Where what is signed lies while it is sent.
    pub(super) tray: Tray,
    /// The time that roles are judged by, in milliseconds UTC: that of the newest entry or, later, of what is done here.
    pub(super) time: i64,
    /// The rules that the ledger has had, once they were asked for.
    pub(super) rules: OnceCell<Rulebook>,
    /// What the rules know of the entries, once they were asked.
    pub(super) known: RefCell<Option<facts::Known>>,
    /// Folder keys that were opened, at their first use.
    pub(super) ring: OnceCell<Vec<FolderFile>>,
    /// What is shown to this device as a second person's, at its first use.
    pub(super) shown: OnceCell<Vec<Shown>>,
}

/// A person of the roster, with what the roll says of them.
#[derive(Debug, Clone)]
pub struct Person {
    /// The handle staff type; none if the roll is closed to the reader.
    pub handle: Option<String>,
    /// The name; none if the roll is closed to the reader.
    pub name: Option<String>,
    /// The enrolment of one key.
    pub enrolment: Enrolment,
}

impl Desk<RealFile> {
    /// Sits down at the ledger in a folder. `config` is the user's configuration folder, where the log's key may lie.
    ///
    /// # Errors
    /// `NotEnrolled`, `NoRoll`, and as [`Ledger::open_append`].
    pub fn open(dir: &Path, config: &Path, identity: Identity, side: &Path) -> Result<Self, LedgerError> {
        let mut ledger = Ledger::open_append(dir, None)?;
        let roster = ledger.roster_for(&identity)?;
        log_key::take_keys(&mut ledger, &roster, config)?;
        ledger.config = Some(config.to_owned());
        Self::at(ledger, roster, identity, side)
    }

    /// Sits down to read only: nothing is synced, and the folder may be one that cannot be written.
    ///
    /// # Errors
    /// As [`Desk::open`].
    pub fn open_read(dir: &Path, identity: Identity, side: &Path) -> Result<Self, LedgerError> {
        let ledger = Ledger::open(dir)?;
        let roster = ledger.roster_for(&identity)?;
        Self::at(ledger, roster, identity, side)
    }
}

impl<D: Disk> Desk<D> {
    /// Sits down at an open ledger.
    ///
    /// # Errors
    /// `NotEnrolled` if no entry enrols the identity's key; `EnrolmentWaits`, `KeyEnded` or `NoRoll` if the roll is closed to
    /// it; `NoPack`; `Evidence` if a receipt beside the identity, or a checkpoint that was brought by file, is not honoured by
    /// this ledger.
    pub fn at(ledger: Ledger<D>, roster: Roster, identity: Identity, side: &Path) -> Result<Self, LedgerError> {
        ledger.know_keys(&roster);
        let enrolment = roster.enrolment(identity.author().as_bytes()).ok_or(LedgerError::NotEnrolled)?;
        let cabinet = ledger.cabinet();
        let secret = identity.secret();
        // Most ledgers have the pack that ships; it is read while the cabinet is opened, which stays on this thread.
        let mut ships = None;
        let opened = rayon::in_place_scope(|scope| {
            scope.spawn(|_| ships = Some(Pack::parse(BUILT_IN)));
            (structure_keys::load_all(&cabinet, secret), Roll::load(&cabinet, secret))
        });
        let Opened { opened: held, unread, .. } = opened.0?;
        let roll = opened.1.map_err(|error| match error {
            CabinetError::Wrap(_) | CabinetError::Missing => match (enrolment.ended, enrolment.in_force) {
                (Some(entry), _) => LedgerError::KeyEnded(entry),
                (None, None) => LedgerError::EnrolmentWaits(enrolment.entry),
                (None, Some(_)) => LedgerError::NoRoll,
            },
            other => other.into(),
        })?;
        let ships = ships.and_then(Result::ok).filter(|_| ships_with_us(&roster));
        let pack = ships.map_or_else(|| read_pack(&ledger, &roster), Ok)?;
        let tray = Tray::new(side, roster.ledger().unwrap_or(LedgerId::ZERO), identity.secret().clone());
        let (time, ring, shown) = (roster.latest(), OnceCell::new(), OnceCell::new());
        let mut desk = Desk {
            ledger,
            identity,
            side: side.to_owned(),
            roster,
            roll,
            held,
            unread,
            pack,
            own: None,
            tray,
            time,
            known: RefCell::default(),
            rules: OnceCell::new(),
            ring,
            shown,
        };
        desk.compare_receipt()?;
        desk.ledger.compare_known()?;
        Ok(desk)
    }

    /// The newest receipt beside the identity must be of a history that this ledger extends (L10).
    fn compare_receipt(&mut self) -> Result<(), LedgerError> {
        let keys = self.ledger.log_keys().to_vec();
        let signed = |bytes: &[u8]| {
            let receipt = Receipt::parse(bytes).ok()?;
            SignedCheckpoint::open_note(receipt.note().clone(), &keys).ok()
        };
        let Some((_, signed)) = receipts::newest(&self.side, self.ledger_id(), signed)? else { return Ok(()) };
        self.ledger.extends_now(signed.checkpoint(), "a receipt beside this identity")
    }

    /// Returns the ledger's id.
    #[must_use]
    pub fn ledger_id(&self) -> LedgerId {
        self.roster.ledger().unwrap_or(LedgerId::ZERO)
    }

    /// Returns the roster.
    #[must_use]
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// Returns the roll.
    #[must_use]
    pub fn roll(&self) -> &Roll {
        &self.roll
    }

    /// Returns the rule pack in force.
    #[must_use]
    pub fn pack(&self) -> &Pack {
        &self.pack
    }

    /// Returns every pack, policy and calendar that the ledger adopted, as far as this desk has read it.
    #[must_use]
    pub fn rules(&self) -> &Rulebook {
        self.rules.get_or_init(|| self.roster.rulebook_under(self.pack.clone()))
    }

    /// Reads the pack and the rules anew if something was adopted, or came into force, since the roster had so many
    /// adoptions: what is signed from here on names what it has now, so it is asked and judged by that.
    pub(super) fn renew_rules(&mut self, adoptions: usize) -> Result<(), LedgerError> {
        if self.roster.adoptions() == adoptions {
            return Ok(());
        }
        self.rules.take();
        if self.roster.pack() != Digest::ZERO {
            self.pack = read_pack(&self.ledger, &self.roster)?;
        }
        Ok(())
    }

    /// Returns the identity.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Returns the keys with which this device opens structure.
    #[must_use]
    pub fn keys(&self) -> Keys {
        let mut keys = self.structure_keys();
        for file in self.ring() {
            keys.restricted.extend(file.private().cloned());
            keys.kept.extend(file.kept());
        }
        keys
    }

    /// Returns the structure keys alone.
    pub(super) fn structure_keys(&self) -> Keys {
        let mut keys = keys_of(self.held.iter(), self.ledger_id());
        keys.content.extend(self.shown().iter().cloned());
        keys
    }

    /// Returns what is shown to this device as a second person's. A cabinet that cannot be read shows nothing.
    pub(super) fn shown(&self) -> &[Shown] {
        self.shown.get_or_init(|| self.shown_here().unwrap_or_default())
    }

    /// Reads on in the log. Under the lock: what another program is writing just now is not torn.
    pub(super) fn read_on_log(&mut self) -> Result<(), LedgerError> {
        let lock = self.ledger.lock()?;
        self.ledger.refresh()?;
        drop(lock);
        let adoptions = self.roster.adoptions();
        self.ledger.extend_roster(&mut self.roster)?;
        self.renew_rules(adoptions)
    }

    /// Reads what others entered since this desk looked, and the keys and names that came with it: what a command names
    /// is found, and nothing is wrapped for whom the ledger does not say now. Roles are judged by `now` from here on.
    pub(super) fn catch_up(&mut self, now: i64) -> Result<(), LedgerError> {
        self.time = now;
        let before = self.ledger.size();
        self.read_on_log()?;
        if self.ledger.size() == before {
            return Ok(());
        }
        self.read_keys()?;
        // Where it is closed by now, the ledger says why as soon as something is entered.
        if let Ok(roll) = Roll::load(&self.ledger.cabinet(), self.identity.secret()) {
            self.roll = roll;
        }
        let config = self.ledger.config.clone();
        config.map_or(Ok(()), |config| log_key::take_keys(&mut self.ledger, &self.roster, &config))
    }

    /// Reads the keys of the cabinet anew: who reads what may have changed.
    pub(super) fn read_keys(&mut self) -> Result<(), LedgerError> {
        let loaded = structure_keys::load_all(&self.ledger.cabinet(), self.identity.secret())?;
        (self.held, self.unread) = (loaded.opened, loaded.unread);
        (self.ring, self.shown) = (OnceCell::new(), OnceCell::new());
        self.forget_facts();
        Ok(())
    }

    /// As [`Desk::read_keys`], for whoever destroys keys: nothing may be missed because the disk did not give it.
    pub(super) fn read_all_keys(&mut self) -> Result<(), LedgerError> {
        let (cabinet, secret) = (self.ledger.cabinet(), self.identity.secret());
        let held = structure_keys::load_all(&cabinet, secret)?.all()?;
        let mut ring = folder_keys::load_all(&cabinet, secret)?.all()?;
        ring.retain(|file| !self.is_overseer() || self.is_restricted(&file.id));
        (self.held, self.unread) = (held, None);
        (self.ring, self.shown) = (OnceCell::from(ring), OnceCell::new());
        self.forget_facts();
        Ok(())
    }

    fn is_restricted(&self, id: &FolderKeyId) -> bool {
        self.roster.folder_key(id).is_some_and(|one| one.folder.restricted())
    }

    /// Returns the folder keys that this device opens and that show it more than its structure keys do: an overseer's of
    /// the restricted folders, everyone else's all. A cabinet that cannot be read shows nothing more.
    pub(super) fn ring(&self) -> &[FolderFile] {
        self.ring.get_or_init(|| {
            let cabinet = self.ledger.cabinet();
            if self.is_overseer() {
                let ids = self.roster.folder_ids().filter(|id| self.is_restricted(id));
                return ids.filter_map(|id| self.folder_file(*id).ok().flatten()).collect();
            }
            let memo = self.side.join(format!("{}.closed", self.ledger_id()));
            folder_keys::load_ring(&cabinet, self.identity.secret(), &memo).unwrap_or_default()
        })
    }

    /// Returns this author's current structure key.
    ///
    /// # Errors
    /// `NoStructureKey`; `Cabinet` if the disk does not give a newer one that is there: somebody may open the older who must
    /// not read any longer.
    pub fn structure_key(&self) -> Result<&StructureKey, LedgerError> {
        let own = self.identity.author();
        let mine = self.held.iter().filter(|held| held.author == own).max_by_key(|held| held.epoch);
        if let Some(kind) = self.unread {
            let newest = structure_keys::newest_epoch(&self.ledger.cabinet(), &own)?;
            if newest > mine.map(|held| held.epoch) {
                return Err(CabinetError::Disk(kind.into()).into());
            }
        }
        mine.and_then(HeldStructureKey::key).ok_or(LedgerError::NoStructureKey)
    }

    /// Whether this identity is an overseer (dsl, deputy_dsl, leader) now.
    #[must_use]
    pub fn is_overseer(&self) -> bool {
        self.roles().iter().any(|role| role.is_overseer())
    }

    /// Whether this identity may be one of the two persons that a change among the leading ones needs.
    #[must_use]
    pub fn is_leading(&self) -> bool {
        self.roles().iter().any(|role| role.needs_second_person())
    }

    /// Judges roles by this time, in milliseconds UTC, from now on.
    pub fn at_time(&mut self, now: i64) {
        self.time = now;
    }

    pub(super) fn need_leading(&self) -> Result<(), LedgerError> {
        if self.is_leading() { Ok(()) } else { Err(LedgerError::NotLeading) }
    }

    pub(super) fn need_overseer(&self) -> Result<(), LedgerError> {
        if self.is_overseer() { Ok(()) } else { Err(LedgerError::NotAllowed) }
    }

    /// Returns everyone enrolled, in order of entry, one line a key.
    #[must_use]
    pub fn people(&self) -> Vec<Person> {
        let person = |enrolment: &Enrolment| {
            let line = self.roll.person(enrolment.person);
            Person {
                handle: line.map(|line| line.handle().to_owned()),
                name: line.map(|line| line.name().to_owned()),
                enrolment: enrolment.clone(),
            }
        };
        self.roster.enrolments().iter().map(person).collect()
    }

    /// Returns the age recipients of enrolments.
    pub(super) fn recipients<'a>(
        &self,
        enrolments: impl Iterator<Item = &'a Enrolment>,
    ) -> Result<Vec<Recipient>, LedgerError> {
        let recovery = self.roster.recovery();
        let texts = enrolments.map(|enrolment| enrolment.recipient.as_str()).chain(Some(recovery));
        let parsed = texts.map(Recipient::parse).collect::<Result<Vec<_>, _>>();
        Ok(parsed.map_err(CabinetError::from)?)
    }

    /// Opens the statement of an entry, if this device can.
    ///
    /// # Errors
    /// As [`Ledger::entry`].
    pub fn statement(&self, number: u64) -> Result<(Stored, Option<Unverified>), LedgerError> {
        let stored = self.ledger.entry(number)?;
        // The folder keys only where they are needed: there may be thousands of them.
        let statement = stored.statement(&self.structure_keys());
        let sealed = statement.is_none() && stored.words().first() == Some(&1);
        let statement =
            if sealed { stored.statement(&self.keys()).or_else(|| self.own_by_words(&stored)) } else { statement };
        Ok((stored, statement))
    }

    /// Opens the statement of an entry by its author's own copy of the words' key: of a restricted folder, whose structure
    /// only those open who open its words, or one that arrived after the keys it was sealed to were destroyed.
    fn own_by_words(&self, stored: &Stored) -> Option<Unverified> {
        let digest = stored.envelope().statement;
        let key = self.own_words_key(&digest).ok().flatten()?;
        let ids = self.roster.folder_ids();
        open_restricted(&digest, stored.structure(), stored.words(), &key, &self.ledger_id(), ids)
    }

    /// Returns the shortest form of a tag that is unique in this ledger.
    #[must_use]
    pub fn tag(&self, case: CaseTag) -> String {
        let all: Vec<CaseTag> = self.roster.cases().iter().map(|(tag, _)| *tag).collect();
        case.short(&all)
    }

    /// Finds a case by handle or tag.
    ///
    /// # Errors
    /// `NoCase`, `SeveralCases`.
    pub fn find_case(&self, typed: &str) -> Result<CaseTag, LedgerError> {
        match self.case(typed) {
            Found::One(tag) => Ok(tag),
            Found::Several => Err(LedgerError::SeveralCases),
            Found::Nothing => Err(LedgerError::NoCase),
        }
    }
}

impl<D: Disk> View for Desk<D> {
    fn case(&self, typed: &str) -> Found<CaseTag> {
        match self.roll.find_case(typed) {
            roll::Found::One(line) => Found::One(line.tag()),
            roll::Found::Several(_) => Found::Several,
            roll::Found::None => Found::Nothing,
        }
    }

    fn person(&self, typed: &str) -> Found<PersonId> {
        let known =
            |id: &PersonId| self.roll.person(*id).is_some() || self.roster.enrolments().iter().any(|e| e.person == *id);
        let by_id = PersonId::parse(typed).filter(known);
        let found = self.roll.person_by_handle(typed).map(|line| line.person()).or(by_id);
        if let Some(person) = found {
            return Found::One(person);
        }
        // Or the whole name as it stands on the roll, if one person has it.
        let mut named = self.roll.persons().iter().filter(|line| line.name() == typed);
        match (named.next(), named.next()) {
            (Some(line), None) => Found::One(line.person()),
            (Some(_), Some(_)) => Found::Several,
            (None, _) => Found::Nothing,
        }
    }

    fn author(&self) -> PersonId {
        self.identity.person()
    }

    fn roles(&self) -> Vec<Role> {
        self.roster.roles(self.identity.person(), u64::MAX, self.time)
    }

    fn entry(&self, number: u64) -> Option<Referenced> {
        let (stored, statement) = self.statement(number).ok()?;
        let digest = stored.envelope().statement;
        let Some(statement) = statement else {
            let (kind, case, folder, author_person) = (None, None, None, None);
            return Some(Referenced { digest, kind, case, folder, author_person, values: Vec::new() });
        };
        let body = statement.body();
        Some(Referenced {
            digest,
            kind: Some(body.kind),
            case: body.case,
            folder: body.folder(),
            author_person: Some(body.person),
            values: body.values.clone(),
        })
    }
}

/// Returns the keys with which structure opens that somebody holds.
#[must_use]
pub fn keys_of<'a>(held: impl Iterator<Item = &'a HeldStructureKey> + Clone, ledger: LedgerId) -> Keys {
    let structure = held.clone().filter_map(HeldStructureKey::key).cloned().collect();
    let content = held.flat_map(HeldStructureKey::kept).map(|kept| (kept.digest, kept.key.clone())).collect();
    Keys { structure, content, ledger, ..Keys::default() }
}

/// Reads the log's key of a ledger from this machine, if it is there.
#[must_use]
pub fn read_log_key(config: &Path, ledger: LedgerId) -> Option<SignerKey> {
    read_signer(&log_key_path(config, ledger)).ok().flatten()
}

/// Reads a file that holds a log's key; none where there is no such file or no such key in it.
///
/// # Errors
/// Those of the operating system.
pub(super) fn read_signer(path: &Path) -> io::Result<Option<SignerKey>> {
    let bytes = match durable::read(path, 4096) {
        Ok(bytes) => zeroize::Zeroizing::new(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(std::str::from_utf8(&bytes).ok().and_then(|text| SignerKey::parse(text).ok()))
}

/// Whether the pack in force is the one that ships with this program.
fn ships_with_us(roster: &Roster) -> bool {
    roster.pack() == document_hash(BUILT_IN.as_bytes())
}

/// Reads the pack in force: the built-in one by its hash, else the text that was adopted.
///
/// # Errors
/// `NoPack` if none is in force or it cannot be read; `Damaged`.
pub fn read_pack<D: Disk>(ledger: &Ledger<D>, roster: &Roster) -> Result<Pack, LedgerError> {
    let hash = roster.pack();
    if ships_with_us(roster) {
        return Pack::parse(BUILT_IN).map_err(|_| LedgerError::NoPack);
    }
    let adopted = roster.pack_entry().ok_or(LedgerError::NoPack)?;
    let stored = ledger.entry(adopted)?;
    let Ok(WordsPart::Document(text)) = words::parse(stored.words()) else { return Err(LedgerError::NoPack) };
    if document_hash(text) != hash {
        return Err(LedgerError::Damaged { entry: adopted, offset: stored.offset(), code: Code::Sealed });
    }
    std::str::from_utf8(text).ok().and_then(|text| Pack::parse(text).ok()).ok_or(LedgerError::NoPack)
}
