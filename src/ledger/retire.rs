//! Retiring: proposed by one person, approved by another, and then keys are destroyed. The log is not touched.
//!
//! What an entry cannot lose is said before anything is destroyed: `retire.done` is durable, with all that is kept of each
//! entry, before the first key goes. A crash after that is made good by the next overseer ([`Desk::finish_retiring`]);
//! a crash before it leaves new keys and nothing else.
// Long because: the order in which keys are destroyed stands in one place.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use rand_core::CryptoRng;

use crate::cabinet::folder_keys::{self, FolderFile};
use crate::cabinet::roll::Roll;
use crate::cabinet::structure_keys::{self, Gone, HeldStructureKey};
use crate::cabinet::wrap::{CONTENT_LIMIT, Recipient};
use crate::cabinet::{CabinetError, own, retiring};
use crate::codec::{Bytes, CaseTag, Digest, Folder, FolderKeyId, KindNumber};
use crate::decision::decision::{Decision, Reference};
use crate::decision::people::Role;
use crate::decision::value::{Content, FieldId, Moment, Value, field};
use crate::entry::statement::Body;
use crate::frame::EntryFrame;
use crate::keys::PublicKey;
use crate::ledger::LedgerError;
use crate::ledger::append::Entered;
use crate::ledger::desk::Desk;
use crate::ledger::read::open_statement;
use crate::ledger::record::code;
use crate::review::retiring::{Alone, Obstacle, Proposal, Register, Row, Target, kind_class, structure_stays};
use crate::seal::structure::{self, ContentKey, StructurePart};
use crate::seal::words::{self, WordsKey};
use crate::store::disk::Disk;
use crate::verify::entry::Keys;

/// Entries that one `retire.done` names at most: a statement has room for that many.
const ROWS: usize = 200;
/// Bytes that a punctured file holds of one entry at most, and bytes kept free in it for everything else.
const KEPT: usize = 72;
const ROOM: usize = 1 << 17;

/// What became of a second person's word.
#[derive(Debug)]
pub struct Approved {
    /// The entry with that word; none if it was said before.
    pub entered: Option<Entered>,
    /// The entries that say that it is done; none if it was not agreed to, or waits for an overseer.
    pub done: Vec<u64>,
    /// How many entries were retired.
    pub entries: usize,
}

/// What is found of the entries that are meant, while they can still be read.
#[derive(Default)]
struct Plan {
    rows: Vec<Row>,
    /// Folders whose words go, with the keys that words of theirs are sealed to.
    folders: BTreeMap<(Option<CaseTag>, u8), HashSet<FolderKeyId>>,
    /// Authors whose newest structure key goes.
    newest: BTreeSet<[u8; 32]>,
}

/// What remains of the keys that go, and what is copied from them for authors.
#[derive(Default)]
struct Remains {
    words: HashMap<FolderKeyId, Vec<folder_keys::Kept>>,
    structure: HashMap<([u8; 32], u32), Vec<structure_keys::Kept>>,
    gone: HashMap<([u8; 32], u32), Vec<Gone>>,
    own: HashMap<[u8; 32], Vec<(Digest, WordsKey)>>,
}

impl<D: Disk> Desk<D> {
    /// Reads everything in the ledger that bears on retiring, as far as this device can open it.
    ///
    /// # Errors
    /// `Damaged` at the first entry that is not the one in the tree; those of the store.
    pub fn retiring_register(&self) -> Result<Register, LedgerError> {
        let mut register = Register::default();
        let leads = |body: &Body, entry, recorded| {
            let roles = self.roster.roles(body.person, entry, recorded);
            roles.into_iter().any(Role::needs_second_person)
        };
        self.each_opened(&self.keys(), &mut |entry, recorded, _, _, body| {
            if let Some(body) = body {
                register.note(entry, recorded, body, &|| leads(body, entry, recorded));
            }
        })?;
        Ok(register)
    }

    /// Proposes that something becomes unreadable. What a misfiled entry says is entered in the right case first, if it is
    /// not there yet. Returns the proposal, and the entry in the right case if it was made now.
    ///
    /// # Errors
    /// `NotAllowed`; `Kept` with all that stands in the way; `NothingMeant`; those of cabinet and store.
    pub fn propose_retiring(
        &mut self,
        targets: &[Target],
        cause: &str,
        misfiled: Option<u64>,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<(Entered, Option<Entered>), LedgerError> {
        self.catch_up(now())?;
        self.need_leading()?;
        self.read_all_keys()?;
        let refiled = match misfiled {
            Some(misfiled) => self.refile(misfiled, now, rng)?,
            None => None,
        };
        let register = self.retiring_register()?;
        let review = register.review_for(targets).filter(|_| misfiled.is_none());
        let proposal = Proposal {
            entry: u64::MAX,
            by: self.identity.person(),
            leads: true,
            case: case_of(targets).or_else(|| register.misfiled(misfiled?)?.case),
            targets: targets.to_vec(),
            reviews: review.into_iter().collect(),
            misfiled: misfiled.into_iter().collect(),
        };
        let obstacles = register.obstacles(&proposal, &[], u64::MAX, self.time);
        if !obstacles.is_empty() {
            return self.kept("retire.proposed", &format!("{targets:?}"), obstacles, now, rng);
        }
        if self.is_overseer() {
            self.plan(&proposal, &register)?;
        }
        let mut values = self.scope_values(targets)?;
        values.push(self.value("cause", code(cause)?)?);
        let mut references = Vec::new();
        for review in &proposal.reviews {
            references.push(self.reference("reviews", *review)?);
        }
        for misfiled in &proposal.misfiled {
            references.push(self.reference("misplaced", *misfiled)?);
        }
        let decision = self.clerks_act("retire.proposed", proposal.case, false, values, references, now())?;
        Ok((self.enter(decision, now, rng)?, refiled))
    }

    /// Says the second person's word on a proposal. If it is agreed to and nothing stands in the way, keys are destroyed
    /// and what was meant is unreadable when this returns; otherwise nothing is. Where the second person is no overseer,
    /// it waits for one to say `agrees` too, whoever that is.
    ///
    /// # Errors
    /// `NotAllowed`; `NotWaiting`; `SamePerson`; `Kept` with all that stands in the way; `NotReader` if a folder that is
    /// meant is closed to this device; those of cabinet and store. After `retire.done` is entered, what is left to do is
    /// done by the next overseer who sits down.
    pub fn approve_retiring(
        &mut self,
        proposal: u64,
        view: &str,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Approved, LedgerError> {
        self.catch_up(now())?;
        self.need_leading()?;
        self.finish_retiring(rng)?;
        self.read_all_keys()?;
        let register = self.retiring_register()?;
        let waits = || LedgerError::NotWaiting(proposal);
        let proposed = register.proposal(proposal).ok_or_else(waits)?.clone();
        if register.done_under(proposal).next().is_some() {
            return Err(waits());
        }
        let judged = |desk: &Self| {
            let mut obstacles = register.obstacles(&proposed, &[], u64::MAX, desk.time);
            // Whether it was said again in the right case, holds, requests: only who oversees sees that, and judges by it
            // before anything is carried out.
            obstacles.retain(|one| desk.is_overseer() || !matches!(one, Obstacle::NotRefiled(_)));
            obstacles
        };
        let (entered, approval) = match register.approved(proposal, u64::MAX) {
            Ok(approval) if view == "agrees" && self.is_overseer() => (None, approval.entry),
            Ok(_) | Err(Alone::NotProposed | Alone::Dropped(_)) => return Err(waits()),
            Err(Alone::NotApproved) if proposed.by == self.identity.person() => {
                self.say_act_stopped("retire.approved", &proposal.to_be_bytes(), ("same_person", None), now, rng)?;
                return Err(LedgerError::SamePerson);
            }
            Err(Alone::NotApproved) => {
                if view == "agrees" {
                    let obstacles = judged(self);
                    if !obstacles.is_empty() {
                        return self.kept("retire.approved", &proposal.to_string(), obstacles, now, rng);
                    }
                    if self.is_overseer() {
                        self.plan(&proposed, &register)?;
                    }
                }
                let entered = self.enter_approval(&proposed, view, now, rng)?;
                if view != "agrees_if" {
                    self.shown_no_more(proposal)?;
                }
                let number = entered.number;
                if view != "agrees" || !self.is_overseer() {
                    return Ok(Approved { entered: Some(entered), done: Vec::new(), entries: 0 });
                }
                (Some(entered), number)
            }
        };
        let obstacles = judged(self);
        if !obstacles.is_empty() {
            return self.kept("retire.done", &proposal.to_string(), obstacles, now, rng);
        }
        let (done, entries) = self.carry_out(&proposed, approval, &register, now, rng)?;
        Ok(Approved { entered, done, entries })
    }

    /// Enters that something may not be retired now, once for each act, and says so.
    fn kept<T>(
        &mut self,
        kind: &str,
        of: &str,
        obstacles: Vec<Obstacle>,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<T, LedgerError> {
        let by = obstacles.iter().find_map(|obstacle| match obstacle {
            Obstacle::Held(entry) | Obstacle::Guarded(entry) => Some(*entry),
            _ => None,
        });
        self.say_act_stopped(kind, of.as_bytes(), ("retire_held", by), now, rng)?;
        Err(LedgerError::Kept(obstacles))
    }

    /// Returns the entries that proposed to retire an entry and that say it is done, as far as this device can tell: of its
    /// own author's by the key file, for the overseers by the ledger.
    ///
    /// # Errors
    /// As [`Ledger::entry`](crate::ledger::open::Ledger::entry).
    pub fn retired_under(&self, entry: u64) -> Result<Option<(u64, u64)>, LedgerError> {
        let known = self.held.iter().flat_map(|held| held.gone()).find(|gone| gone.entry == entry);
        match known {
            Some(gone) => Ok(Some(gone.under)),
            None if self.is_overseer() => Ok(self.retiring_register()?.retired(entry)),
            None => Ok(None),
        }
    }

    fn enter_approval(
        &mut self,
        proposed: &Proposal,
        view: &str,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Entered, LedgerError> {
        let values = vec![self.value("view", code(view)?)?];
        let references = vec![self.reference("confirms", proposed.entry)?];
        let decision = self.clerks_act("retire.approved", proposed.case, true, values, references, now())?;
        self.enter(decision, now, rng)
    }

    /// Destroys what was approved. Each step says what a crash there leaves behind.
    fn carry_out(
        &mut self,
        proposed: &Proposal,
        approval: u64,
        register: &Register,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<(Vec<u64>, usize), LedgerError> {
        self.send_waiting(now)?;
        let plan = self.plan(proposed, register)?;
        // 1. New folder keys, wrapped and published, so that nothing more is sealed to the ones that go. A crash here:
        //    new keys, and nothing was destroyed.
        let table = self.readers()?;
        let mut epochs = Vec::new();
        for ((case, folder), ids) in &plan.folders {
            let folder = Folder::from_number(*folder).unwrap_or(Folder::None);
            let current = self.roster.current_folder(*case, folder).ok_or(LedgerError::NoCase)?;
            if ids.contains(&current.key.id()) {
                epochs.push(self.new_epoch(*case, folder, "puncture", &[], &table, now(), rng)?);
            }
        }
        self.enter_all(epochs, now, rng)?;
        // 2. New structure keys for the authors concerned. A crash here: the same.
        self.new_structure_keys(&plan, rng)?;
        // 3. The note that says what is being done; without the entry of the next step it means nothing.
        let overseers = self.recipients(self.roster.overseers(self.time))?;
        retiring::begin(&self.ledger.cabinet(), approval, &overseers)?;
        // 4. What is kept of each entry is durable: from here on it is done, and whoever comes next finishes it.
        let mut decisions = Vec::new();
        for rows in plan.rows.chunks(ROWS) {
            decisions.push(self.done(proposed, approval, rows, now())?);
        }
        let done: Vec<u64> = self.enter_all(decisions, now, rng)?.iter().map(|entered| entered.number).collect();
        // 5. Keys are destroyed.
        self.finish_retiring(rng)?;
        Ok((done, plan.rows.len()))
    }

    /// Finishes a retirement whose entry says that it is done, if a crash broke it off; does nothing otherwise.
    ///
    /// # Errors
    /// `NotReader` if a folder that was meant is closed to this device; those of cabinet and store.
    pub fn finish_retiring(&mut self, rng: &mut impl CryptoRng) -> Result<(), LedgerError> {
        let cabinet = self.ledger.cabinet();
        if !self.is_overseer() {
            return Ok(());
        }
        let Some(approval) = retiring::pending(&cabinet, self.identity.secret())? else { return Ok(()) };
        let register = self.retiring_register()?;
        let proposal = register.approval(approval).map_or(approval, |approval| approval.proposal);
        let mut under = BTreeMap::new();
        for done in register.done().iter().filter(|done| done.approval == Some(approval)) {
            under.extend(done.rows.iter().map(|row| (row.entry, (*row, (proposal, done.entry)))));
        }
        // The ledger does not say that it was done: nothing was destroyed, and it can be approved again.
        if !under.is_empty() {
            self.puncture(&under, rng)?;
            let targets = register.proposal(proposal).map(|proposal| proposal.targets.clone()).unwrap_or_default();
            self.forget_cases(&targets)?;
        }
        Ok(retiring::end(&cabinet)?)
    }

    /// Finds the entries that are meant, and the keys that have to go with them.
    fn plan(&self, proposal: &Proposal, register: &Register) -> Result<Plan, LedgerError> {
        let due = register.ground(proposal).and_then(|(_, due)| due);
        let mut plan = Plan::default();
        let already: HashSet<u64> = register.done().iter().flat_map(|done| &done.rows).map(|row| row.entry).collect();
        let newest = self.newest_keys();
        let mut remain = HashMap::<Vec<u8>, usize>::new();
        self.each_opened(&self.keys(), &mut |entry, _, envelope, frame, body| {
            let Some(body) = body else { return };
            let folder = body.folder().unwrap_or(Folder::None);
            let meant = proposal.targets.iter().any(|target| target.means(entry, body)) && !already.contains(&entry);
            *remain.entry(body.author.0.to_vec()).or_default() += usize::from(!meant);
            *remain.entry(body.folder_key.as_bytes().to_vec()).or_default() += usize::from(!meant);
            if !meant {
                return;
            }
            if folder != Folder::None {
                let case = body.case.filter(|_| folder.of_case());
                plan.folders.entry((case, folder as u8)).or_default().insert(body.folder_key);
            }
            if let (Some(key), Ok(StructurePart::Sealed(sealed))) =
                (newest.get(&body.author.0), structure::parse(frame.structure))
                && sealed.fits(key, envelope)
                && !structure_stays(body.kind)
            {
                plan.newest.insert(body.author.0);
            }
            plan.rows.push(Row {
                entry,
                key: body.author.0,
                sequence: body.sequence,
                previous: body.previous,
                case: body.case,
                folder,
                class: kind_class(body.kind),
                due,
            });
        })?;
        // Whoever destroys has to see all of it: an epoch that is closed to us may hold what is meant.
        let named = proposal.targets.iter().flat_map(|target| {
            target.folders().iter().map(|folder| (target.case().filter(|_| folder.of_case()), *folder))
        });
        let named = named.flat_map(|(case, folder)| self.roster.epochs_of(case, folder)).map(|epoch| epoch.key.id());
        for id in plan.folders.values().flatten().copied().chain(named) {
            if let Err(CabinetError::Wrap(_)) = folder_keys::load(&self.ledger.cabinet(), id, self.identity.secret()) {
                return Err(LedgerError::NotReader);
            }
        }
        if plan.rows.is_empty() {
            return Err(LedgerError::NothingMeant);
        }
        let ids = plan.folders.values().flatten().map(|id| id.as_bytes().to_vec());
        let concerned = ids.chain(plan.rows.iter().map(|row| row.key.to_vec()));
        let most = concerned.filter_map(|id| remain.get(&id).copied()).max().unwrap_or(0);
        if most * KEPT > CONTENT_LIMIT - ROOM {
            return Err(LedgerError::TooManyRemain(most));
        }
        Ok(plan)
    }

    /// The newest structure key of each author, if it is whole.
    fn newest_keys(&self) -> HashMap<[u8; 32], structure::StructureKey> {
        let mut newest: HashMap<[u8; 32], &HeldStructureKey> = HashMap::new();
        for held in &self.held {
            let known = newest.entry(*held.author.as_bytes()).or_insert(held);
            if known.epoch < held.epoch {
                *known = held;
            }
        }
        newest.into_iter().filter_map(|(author, held)| Some((author, held.key()?.clone()))).collect()
    }

    fn new_structure_keys(&mut self, plan: &Plan, rng: &mut impl CryptoRng) -> Result<(), LedgerError> {
        let cabinet = self.ledger.cabinet();
        let overseers: Vec<_> = self.roster.overseers(self.time).map(|overseer| overseer.person).collect();
        for author in &plan.newest {
            let Some(enrolment) = self.roster.enrolment(author).filter(|enrolment| enrolment.is_current()) else {
                continue;
            };
            let persons: BTreeSet<_> = overseers.iter().copied().chain([enrolment.person]).collect();
            let epoch = structure_keys::newest_epoch(&cabinet, &enrolment.key)?.map_or(0, |newest| newest + 1);
            structure_keys::create(&cabinet, &enrolment.key, epoch, &self.devices(&persons)?, rng)?;
        }
        self.read_keys()?;
        Ok(())
    }

    /// Says of up to [`ROWS`] entries that they were retired.
    fn done(&self, proposed: &Proposal, approval: u64, rows: &[Row], now: i64) -> Result<Decision, LedgerError> {
        let mut values = self.scope_values(&proposed.targets)?;
        let folders = rows.iter().filter_map(|row| {
            let case = row.case.filter(|_| row.folder.of_case());
            self.roster.current_folder(case, row.folder).map(|epoch| epoch.epoch)
        });
        values.push(one(field::EPOCH, 0, Content::Count(folders.max().unwrap_or(0))));
        values.push(one(field::ENTRIES_COUNT, 0, Content::Count(rows.len() as u64)));
        for (position, row) in (0..).zip(rows) {
            values.push(one(field::RETIRED_ENTRY, position, Content::Entry(row.entry)));
            values.push(one(field::RETIRED_AUTHOR_KEY, position, Content::Key(Bytes(row.key))));
            values.push(one(field::RETIRED_SEQUENCE, position, Content::Count(row.sequence)));
            values.push(one(field::RETIRED_PREVIOUS, position, Content::Hash(row.previous)));
            values.push(one(field::RETIRED_KIND_CLASS, position, code(row.class)?));
            values.extend(row.case.map(|case| one(field::RETIRED_CASE, position, Content::Case(case))));
            values.extend(row.due.map(|due| one(field::RETIRED_DUE, position, Content::Time(due))));
            if row.folder != Folder::None {
                values.push(one(field::RETIRED_FOLDER, position, code(row.folder.name())?));
            }
        }
        let references = vec![self.reference("carries_out", approval)?];
        self.clerks_act("retire.done", proposed.case, true, values, references, now)
    }

    /// Destroys the keys of entries, and keeps those of all others that the same keys opened. May be called again after a
    /// crash at any step: what was done stays done.
    fn puncture(
        &mut self,
        under: &BTreeMap<u64, (Row, (u64, u64))>,
        rng: &mut impl CryptoRng,
    ) -> Result<(), LedgerError> {
        let (cabinet, secret) = (self.ledger.cabinet(), self.identity.secret().clone());
        // Under the append lock, so that nothing is sealed to these keys between reading and destroying.
        let _lock = self.ledger.lock()?;
        self.ledger.refresh()?;
        let adoptions = self.roster.adoptions();
        self.ledger.extend_roster(&mut self.roster)?;
        self.renew_rules(adoptions)?;
        self.read_all_keys()?;
        let folders = self.folder_files(under)?;
        let remains = self.remains(under, &folders)?;
        // What remains lies beside each file, read back and compared with the log. A crash here: nothing was destroyed.
        for file in &folders {
            let Some(kept) = remains.words.get(&file.id) else { continue };
            let held = folder_keys::Held::Punctured(kept.clone());
            let left = folder_keys::leave(&cabinet, &FolderFile { held, ..file.clone() }, &secret)?;
            self.opens_words(&left)?;
        }
        let concerned = |held: &&HeldStructureKey| remains.gone.contains_key(&(*held.author.as_bytes(), held.epoch));
        let structure: Vec<&HeldStructureKey> = self.held.iter().filter(concerned).collect();
        for held in &structure {
            let of = (*held.author.as_bytes(), held.epoch);
            let kept = remains.structure.get(&of).cloned().unwrap_or_default();
            let retired = remains.gone.get(&of).cloned().unwrap_or_default();
            let readers = held.readers.clone();
            let held = structure_keys::Held::Punctured { kept, retired };
            let left = HeldStructureKey { author: PublicKey::from_bytes(&of.0)?, epoch: of.1, held, readers };
            self.opens_structure(&structure_keys::leave(&cabinet, &left, &secret)?)?;
        }
        // The old files: words first, since the structure says which keys they were sealed to. A crash between two of them,
        // or in the middle of one: the rest is done again from the beginning.
        // Those too that had gone so far before a crash that only their name was left to do.
        for file in &folders {
            folder_keys::give_way(&cabinet, file.id)?;
        }
        for held in &self.held {
            structure_keys::give_way(&cabinet, &held.author, held.epoch)?;
        }
        // Authors' own copies of the period that runs: made anew without what is gone, out of the keys that remain.
        // Those of earlier periods hold what nobody is to open any more, if a crash has left some.
        let period = own::newest_period(&cabinet)?;
        own::destroy_before(&cabinet, period)?;
        for author in under.values().map(|(row, _)| row.key).collect::<BTreeSet<_>>() {
            let public = PublicKey::from_bytes(&author)?;
            let enrolment = self.roster.enrolment(&author).filter(|enrolment| enrolment.is_current());
            let device = enrolment.map(|enrolment| Recipient::parse(&enrolment.recipient)).transpose();
            let device: Vec<Recipient> = device.map_err(CabinetError::from)?.into_iter().collect();
            let keys = remains.own.get(&author).map(Vec::as_slice).unwrap_or_default();
            own::rewrite(&cabinet, &public, period, &device, keys, rng)?;
        }
        self.own = None;
        self.read_keys()?;
        Ok(())
    }

    /// Opens every epoch of the folders that held the words of these entries.
    fn folder_files(&self, under: &BTreeMap<u64, (Row, (u64, u64))>) -> Result<Vec<FolderFile>, LedgerError> {
        let rows = under.values().map(|(row, _)| row).filter(|row| row.folder != Folder::None);
        let folders: BTreeSet<(Option<CaseTag>, u8)> =
            rows.map(|row| (row.case.filter(|_| row.folder.of_case()), row.folder as u8)).collect();
        let mut files = Vec::new();
        for (case, folder) in folders {
            let folder = Folder::from_number(folder).unwrap_or(Folder::None);
            for epoch in self.roster.epochs_of(case, folder) {
                // One that is closed to us held none of them: that was looked at before anything was said to be done.
                files.extend(self.folder_file(epoch.key.id())?);
            }
        }
        Ok(files)
    }

    /// Reads the log once and takes out of the keys that go what those entries need that stay.
    fn remains(
        &self,
        under: &BTreeMap<u64, (Row, (u64, u64))>,
        folders: &[FolderFile],
    ) -> Result<Remains, LedgerError> {
        let ledger = self.ledger_id();
        let mut remains = Remains::default();
        // Which keys go: those that open one of the entries. A key that was punctured before goes too, if it kept one.
        let mut goes: HashSet<FolderKeyId> = HashSet::new();
        let mut own: HashMap<FolderKeyId, Option<FolderFile>> = HashMap::new();
        // What was entered before the closing that began the period is in nobody's own copy any more.
        let begins = self.periods()?.begins;
        let concerned: HashSet<[u8; 32]> = under.values().map(|(row, _)| row.key).collect();
        let mut authors = HashSet::new();
        for author in &concerned {
            if !own::periods(&self.ledger.cabinet(), &PublicKey::from_bytes(author)?)?.is_empty() {
                authors.insert(*author);
            }
        }
        let of_concerned: Vec<(&HeldStructureKey, HashMap<Digest, &ContentKey>)> = self
            .held
            .iter()
            .filter(|held| concerned.contains(held.author.as_bytes()))
            .map(|held| (held, held.kept().iter().map(|kept| (kept.digest, &kept.key)).collect()))
            .collect();
        let opens = |file: &FolderFile, entry: u64, words: &[u8], body: Option<&Body>| -> Option<WordsKey> {
            if body.is_some_and(|body| body.folder_key != file.id) {
                return None;
            }
            let key = match file.private() {
                Some(private) => words::words_key(words, private).ok()?,
                None => file.words_key(entry)?.clone(),
            };
            words::open(words, &key, &ledger, &file.id).is_ok().then_some(key)
        };
        self.each_opened(&self.keys(), &mut |entry, _, digest, frame, body| {
            let gone = under.get(&entry);
            let stays = body.is_some_and(|body| structure_stays(body.kind));
            let sealed_words = frame.words.first() == Some(&1);
            let mut opened: Option<WordsKey> = None;
            for file in folders.iter().filter(|_| sealed_words) {
                let Some(key) = opens(file, entry, frame.words, body) else { continue };
                opened = Some(key.clone());
                match gone {
                    Some(_) => drop(goes.insert(file.id)),
                    None => {
                        let kept = folder_keys::Kept { entry, digest: *digest, key };
                        remains.words.entry(file.id).or_default().push(kept);
                    }
                }
            }
            let own_copied = |body: &&Body| entry >= begins && authors.contains(&body.author.0);
            if let (None, true, Some(body)) = (gone, sealed_words, body.filter(own_copied)) {
                // Of the folders that are punctured the key is at hand; the author's others are opened.
                let at_hand = folders.iter().any(|file| file.id == body.folder_key);
                let other = |own: &mut HashMap<FolderKeyId, Option<FolderFile>>| {
                    let load = || self.folder_file(body.folder_key).ok().flatten();
                    let file = own.entry(body.folder_key).or_insert_with(load);
                    file.as_ref().and_then(|file| opens(file, entry, frame.words, Some(body)))
                };
                if let Some(key) = if at_hand { opened } else { other(&mut own) } {
                    remains.own.entry(body.author.0).or_default().push((*digest, key));
                }
            }
            let Ok(StructurePart::Sealed(sealed)) = structure::parse(frame.structure) else { return };
            for (held, kept) in &of_concerned {
                let of = (*held.author.as_bytes(), held.epoch);
                let key: Option<ContentKey> = match held.key() {
                    Some(key) if sealed.fits(key, digest) => sealed.content_key(key, digest).ok(),
                    Some(_) => None,
                    None => kept.get(digest).map(|key| (*key).clone()),
                };
                let Some(key) = key else { continue };
                match gone.filter(|_| !stays) {
                    Some((_, under)) => {
                        let one = Gone { entry, digest: *digest, under: *under };
                        remains.gone.entry(of).or_default().push(one);
                    }
                    None => {
                        let one = structure_keys::Kept { entry, digest: *digest, key };
                        remains.structure.entry(of).or_default().push(one);
                    }
                }
            }
        })?;
        remains.words.retain(|id, _| goes.contains(id));
        for id in goes {
            remains.words.entry(id).or_default();
        }
        for held in &self.held {
            // What was retired before stays named.
            if let Some(gone) = remains.gone.get_mut(&(*held.author.as_bytes(), held.epoch)) {
                gone.extend(held.gone());
                gone.sort_unstable_by_key(|gone| gone.entry);
                gone.dedup_by_key(|gone| gone.entry);
            }
        }
        Ok(remains)
    }

    /// Checks what was read back of a folder's keys against the log: each key opens its entry.
    fn opens_words(&self, file: &FolderFile) -> Result<(), LedgerError> {
        let folder_keys::Held::Punctured(kept) = &file.held else { return Err(CabinetError::Misplaced.into()) };
        for kept in kept {
            let stored = self.ledger.entry(kept.entry)?;
            let opened = words::open(stored.words(), &kept.key, &self.ledger_id(), &file.id);
            if stored.envelope().statement != kept.digest || opened.is_err() {
                return Err(CabinetError::Misplaced.into());
            }
        }
        Ok(())
    }

    /// Checks what was read back of an author's structure keys against the log.
    fn opens_structure(&self, held: &HeldStructureKey) -> Result<(), LedgerError> {
        for kept in held.kept() {
            let stored = self.ledger.entry(kept.entry)?;
            let content = HashMap::from([(kept.digest, kept.key.clone())]);
            let keys = Keys { content, ..Keys::default() };
            if stored.envelope().statement != kept.digest || stored.statement(&keys).is_none() {
                return Err(CabinetError::Misplaced.into());
            }
        }
        Ok(())
    }

    /// Takes the names of whole cases out of the roll.
    fn forget_cases(&mut self, targets: &[Target]) -> Result<(), LedgerError> {
        let cases: Vec<CaseTag> = targets
            .iter()
            .filter_map(|target| match target {
                Target::Case(case) => Some(*case),
                _ => None,
            })
            .collect();
        if cases.is_empty() {
            return Ok(());
        }
        let cabinet = self.ledger.cabinet();
        let _lock = self.ledger.lock()?;
        let mut roll = Roll::load(&cabinet, self.identity.secret())?;
        let forgotten = cases.into_iter().filter(|case| roll.forget_case(*case)).count();
        if forgotten > 0 {
            roll.save(&cabinet, &self.recipients(self.roster.current())?)?;
        }
        self.roll = roll;
        Ok(())
    }

    /// Hands over every entry, compared with the tree: number, time, statement digest, frame, and what its structure says
    /// if it opens.
    fn each_opened(&self, keys: &Keys, each: &mut EachOpened<'_>) -> Result<(), LedgerError> {
        self.ledger.walk(0, &mut |envelope, frame| {
            let statement = open_statement(&envelope.statement, frame.structure, frame.words, keys);
            let body = statement.as_ref().map(|statement| statement.body());
            each(envelope.number.0, envelope.recorded, &envelope.statement, frame, body);
            true
        })
    }

    fn scope_values(&self, targets: &[Target]) -> Result<Vec<Value>, LedgerError> {
        let mut values = Vec::new();
        for (position, target) in (0..).zip(targets) {
            match target {
                Target::Entry(entry) => values.push(one(field::RETIRE_SCOPE_ENTRY, position, Content::Entry(*entry))),
                Target::Folder(case, folder) => {
                    values.push(one(field::RETIRE_SCOPE_CASE, position, Content::Case(*case)));
                    values.push(one(field::RETIRE_SCOPE_FOLDER, position, code(folder.name())?));
                }
                Target::Case(case) => values.push(one(field::RETIRE_SCOPE_CASE, position, Content::Case(*case))),
            }
        }
        Ok(values)
    }

    /// Makes an act of the clerk's.
    pub(super) fn clerks_act(
        &self,
        kind: &str,
        case: Option<CaseTag>,
        happened: bool,
        values: Vec<Value>,
        references: Vec<Reference>,
        now: i64,
    ) -> Result<Decision, LedgerError> {
        let kind = KindNumber::of(kind).ok_or(LedgerError::NoPack)?;
        let at = Moment::in_london(now);
        let made = Decision::act(&self.pack, kind, case, at, happened.then_some(at), values, references);
        made.map_err(|gaps| {
            let fields: BTreeSet<&str> = gaps.iter().map(|gap| gap.field.as_str()).collect();
            LedgerError::Incomplete(fields.into_iter().collect::<Vec<_>>().join(", "))
        })
    }
}

/// What is told of each entry: number, recorded time, statement digest, frame, and the body if it opens.
type EachOpened<'a> = dyn FnMut(u64, i64, &Digest, EntryFrame<'_>, Option<&Body>) + 'a;

fn case_of(targets: &[Target]) -> Option<CaseTag> {
    targets.iter().find_map(Target::case)
}

fn one(field: FieldId, position: u16, content: Content) -> Value {
    Value { field, position, content }
}
