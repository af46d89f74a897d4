//! People and cases: enrolling a key, opening a case, and the wraps that go with each.

use rand_core::CryptoRng;

use crate::cabinet::roll::{CaseLine, PersonLine, Roll};
use crate::cabinet::wrap::Recipient;
use crate::cabinet::{CabinetError, folder_keys, structure_keys};
use crate::codec::{CaseTag, Folder, KindNumber};
use crate::decision::people::Role;
use crate::decision::value::{Content, Value, field};
use crate::keys::card::Card;
use crate::ledger::LedgerError;
use crate::ledger::append::Entered;
use crate::ledger::desk::Desk;
use crate::ledger::init::{enrolment_values, folder_values};
use crate::seal::words::FolderPrivate;
use crate::store::disk::Disk;
use crate::verify::report::Code;

impl<D: Disk> Desk<D> {
    /// Enrols a person's key by the card. Returns the receipt and the handle that was given.
    ///
    /// A practitioner is enrolled by one overseer; the first other leading person by the founder alone, once. The new
    /// key gets the roll and a structure key; an overseer's key gets also everyone's structure keys and the folder keys
    /// that the enroller can open.
    ///
    /// # Errors
    /// `NotAllowed`, `NeedsSecond`, `Refused` for a key that is enrolled already, and those of cabinet and store.
    pub fn enrol(
        &mut self,
        card: &Card,
        role: Role,
        handle: Option<&str>,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<(Entered, String), LedgerError> {
        self.need_overseer()?;
        if self.roster.enrolment(card.author_key().as_bytes()).is_some() {
            return Err(LedgerError::Refused(Code::KeyNotEnrolled));
        }
        if role.needs_second_person() && !self.roster.founder_may_enrol(self.identity.person(), card.person()) {
            return Err(LedgerError::NeedsSecond);
        }
        let recipient = Recipient::parse(card.recipient()).map_err(CabinetError::from)?;
        let lock = self.ledger.lock()?;
        let cabinet = self.ledger.cabinet();
        let mut roll = Roll::load(&cabinet, self.identity.secret())?;
        let handle = match handle {
            Some(handle) => handle.to_owned(),
            None => roll.free_person_handle(card.handle()).to_string(),
        };
        if roll.person(card.person()).is_none() {
            roll.add_person(PersonLine::new(card.person(), &handle, card.name(), card.salt())?)?;
        }
        drop(lock);
        let kind = KindNumber::of("key.enrol").ok_or(LedgerError::NoPack)?;
        let decision = self.decide(kind, None, enrolment_values(card, role)?, Vec::new(), now())?;
        // Wraps first: a crash after them leaves wraps for a key that is not enrolled, which an overseer can see and
        // enrol again; a crash before them would leave an enrolled person who cannot write.
        let overseers = self.recipients(self.roster.overseers())?;
        let own: Vec<Recipient> = overseers.iter().copied().chain(Some(recipient)).collect();
        let author = card.author_key();
        let epoch = structure_keys::newest_epoch(&cabinet, author)?.map_or(0, |epoch| epoch + 1);
        structure_keys::create(&cabinet, author, epoch, &own, rng)?;
        if role.is_overseer() {
            self.share_with(recipient, &overseers)?;
        }
        let everyone = self.recipients(self.roster.current())?;
        roll.save(&cabinet, &everyone.into_iter().chain(Some(recipient)).collect::<Vec<_>>())?;
        let entered = self.enter(decision, now, rng)?;
        self.roll = roll;
        self.held = structure_keys::load_all(&cabinet, self.identity.secret())?.opened;
        Ok((entered, handle))
    }

    /// Wraps every structure key and every folder key that we can open for a new overseer too.
    fn share_with(&self, recipient: Recipient, overseers: &[Recipient]) -> Result<(), LedgerError> {
        let cabinet = self.ledger.cabinet();
        for held in &self.held {
            let Some(enrolment) = self.roster.enrolment(held.author.as_bytes()) else { continue };
            let author = Recipient::parse(&enrolment.recipient).map_err(CabinetError::from)?;
            let readers: Vec<Recipient> = overseers.iter().copied().chain([author, recipient]).collect();
            structure_keys::rewrap(&cabinet, &held.author, held.epoch, self.identity.secret(), &readers)?;
        }
        for (id, _) in folder_keys::load_all(&cabinet, self.identity.secret())?.opened {
            // Who opened the case reads too; the overseers and the recovery sheet always do.
            let opener = self.roster.folder_key(&id).and_then(|epoch| self.opener(epoch.entry));
            let readers: Vec<Recipient> = overseers.iter().copied().chain(opener).chain(Some(recipient)).collect();
            folder_keys::rewrap(&cabinet, id, self.identity.secret(), &readers)?;
        }
        Ok(())
    }

    fn opener(&self, entry: u64) -> Option<Recipient> {
        let (_, statement) = self.statement(entry).ok()?;
        let author = statement?.body().author;
        Recipient::parse(&self.roster.enrolment(&author.0)?.recipient).ok()
    }

    /// Opens a case: a line of the roll, keys of its three folders, a public entry without a name. Returns the receipt
    /// and the tag.
    ///
    /// # Errors
    /// `NotAllowed`, `Cabinet(Taken)` for a handle in use, and those of cabinet and store.
    pub fn open_case(
        &mut self,
        handle: &str,
        label: &str,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<(Entered, CaseTag), LedgerError> {
        self.need_overseer()?;
        let cabinet = self.ledger.cabinet();
        let line = CaseLine::new(handle, label, rng)?;
        let (tag, commitment) = (line.tag(), line.commitment());
        let lock = self.ledger.lock()?;
        let mut roll = Roll::load(&cabinet, self.identity.secret())?;
        roll.add_case(line)?;
        // The opener, the DSL and deputies read (and the leader, who oversees); grants at large come later.
        let own = self.identity.recipient();
        let readers: Vec<Recipient> = self.recipients(self.roster.overseers())?.into_iter().chain(Some(own)).collect();
        let folders = [Folder::General, Folder::Protection, Folder::Legal];
        let keys: Vec<FolderPrivate> = folders.iter().map(|_| FolderPrivate::generate(rng)).collect();
        for key in &keys {
            folder_keys::save(&cabinet, key, &readers)?;
        }
        // The roll before the entry: a crash between them leaves a line that names no case yet.
        roll.save(&cabinet, &self.recipients(self.roster.current())?)?;
        drop(lock);
        let mut values = folder_values(&folders, &keys, 0)?;
        values.push(self.value("epoch", Content::Count(0))?);
        values.push(Value { field: field::ROLL_COMMITMENT, position: 0, content: Content::Hash(commitment) });
        let kind = KindNumber::of("case.opened").ok_or(LedgerError::NoPack)?;
        let decision = self.decide(kind, Some(tag), values, Vec::new(), now())?;
        let entered = self.enter(decision, now, rng)?;
        self.roll = roll;
        Ok((entered, tag))
    }
}
