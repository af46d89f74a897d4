//! The log's own key over time: a new one is made on the machine that appends, and counts once a second person agrees.

use std::path::Path;

use rand_core::CryptoRng;

use crate::cabinet::recovery::RecoverySheet;
use crate::cabinet::wrap::Recipient;
use crate::cabinet::{CabinetError, log_copy};
use crate::codec::{Bytes, ShortText};
use crate::decision::value::{Content, Value, field};
use crate::keys::SigningKey;
use crate::keys::name::{KeyKind, SignerKey};
use crate::ledger::LedgerError;
use crate::ledger::desk::{Desk, read_signer};
use crate::ledger::open::{Ledger, log_key_path, next_log_key_path};
use crate::ledger::people::{Change, time_value};
use crate::ledger::record::code;
use crate::seal::random;
use crate::store::disk::Disk;
use crate::store::durable;
use crate::verify::report::Code;
use crate::verify::roster::Roster;
use crate::verify::tenure;

impl<D: Disk> Desk<D> {
    /// Makes a new key for the log and enters it; it waits for a second person's [`Desk::confirm`] on this machine. With
    /// `sheet`, that recovery sheet takes the place of the one in force at the same moment.
    ///
    /// The new key lies beside the old one in the configuration folder, and its copy for recovery in the cabinet, before the
    /// entry is made: a crash between them leaves a key that nobody knows of, and the next call makes another.
    ///
    /// # Errors
    /// `NotLeading`; `NoLogKey` if this machine does not append; `StillWaits` for one that waits already; those of cabinet
    /// and store.
    pub fn rotate_log_key(
        &mut self,
        config: &Path,
        cause: &str,
        sheet: Option<&RecoverySheet>,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Change, LedgerError> {
        self.catch_up(now())?;
        self.need_leading()?;
        if !self.ledger.can_append() {
            return Err(self.ledger.no_log_key());
        }
        let mut waiting = self.roster.waiting().iter();
        if let Some(one) = waiting.find(|one| matches!(one.change, tenure::Change::LogKey(_))) {
            return Err(LedgerError::StillWaits(one.entry));
        }
        let name = self.ledger.log_key().name().clone();
        let next = SignerKey::new(name, KeyKind::LogKey, SigningKey::from_seed(&random(rng)));
        let recovery = match sheet {
            Some(sheet) => sheet.secret().map_err(CabinetError::from)?.recipient(),
            None => Recipient::parse(self.roster.recovery()).map_err(CabinetError::from)?,
        };
        let path = next_log_key_path(config, self.ledger_id());
        log_copy::save_next(&self.ledger.cabinet(), &next.format()?, recovery)?;
        durable::replace(&path, next.format()?.as_bytes()).map_err(LedgerError::io("the log's new key"))?;
        let mut values = vec![
            Value { field: field::LOG_KEY, position: 0, content: Content::Key(Bytes(*next.public().key().as_bytes())) },
            self.value("cause", code(cause)?)?,
            time_value(field::STARTS_AT, self.time),
        ];
        if sheet.is_some() {
            let text = ShortText::new(&recovery.to_string()).map_err(|_| LedgerError::Refused(Code::Statement))?;
            values.push(Value { field: field::RECOVERY_RECIPIENT, position: 0, content: Content::Text(text) });
        }
        self.ledger.hold_next(next);
        let references = vec![self.reference("renews", self.roster.log_key_entry())?];
        self.change("log.key", None, values, references, now, rng)
    }

    /// Whoever agrees to a new key needs it here: it signs together with the old one.
    pub(super) fn need_next_key(&self, entry: u64) -> Result<(), LedgerError> {
        let Some(key) = self.roster.log_key_of(entry).filter(|key| self.roster.log_key() != Some(key)) else {
            return Ok(());
        };
        let here = self.ledger.next_signer.as_ref().is_some_and(|next| next.public().key() == key);
        let unread = self.ledger.unread.map(LedgerError::LogKeyUnread);
        if here { Ok(()) } else { Err(unread.unwrap_or(LedgerError::NoNextKey)) }
    }

    /// The copy of the log's key, for recovery: only who holds the sheet can open it, so it is made anew.
    pub(super) fn copy_log_key(&self) -> Result<(), LedgerError> {
        let Some(signer) = &self.ledger.signer else { return Ok(()) };
        let recovery = Recipient::parse(self.roster.recovery()).map_err(CabinetError::from)?;
        Ok(log_copy::save(&self.ledger.cabinet(), &signer.format()?, recovery)?)
    }

    /// After a confirmation: where it was of a new key, the copy for recovery is of that key, whoever confirmed it.
    pub(super) fn keep_log_key(&self) -> Result<(), LedgerError> {
        let waits = |one: &tenure::Waiting| matches!(one.change, tenure::Change::LogKey(_));
        if self.ledger.can_append() && !self.roster.waiting().iter().any(waits) && self.ledger.next_signer.is_none() {
            self.copy_log_key()?;
            log_copy::drop_next(&self.ledger.cabinet())?;
        }
        Ok(())
    }
}

/// Gives a ledger the log's keys that are on this machine. A key that has come into force takes the older one's place, and
/// the older one is destroyed.
///
/// # Errors
/// `Io` if the files cannot be changed.
pub(super) fn take_keys<D: Disk>(ledger: &mut Ledger<D>, roster: &Roster, config: &Path) -> Result<(), LedgerError> {
    let Some(id) = roster.ledger() else { return Ok(()) };
    let (path, next_path) = (log_key_path(config, id), next_log_key_path(config, id));
    // One that cannot be read is none for now: what is signed meanwhile waits in its author's outbox.
    ledger.unread = None;
    let mut read = |path: &Path| read_signer(path).map_err(|error| ledger.unread = Some(error.kind())).ok().flatten();
    let (signer, next) = (read(&path), read(&next_path));
    let counts = |key: &Option<SignerKey>| key.as_ref().is_some_and(|key| roster.log_key() == Some(key.public().key()));
    let failed = || LedgerError::io("the log's key");
    if counts(&next) {
        if let Some(next) = &next {
            // A crash between the steps leaves the new key, here or there.
            if signer.is_some() {
                durable::destroy(&path).map_err(failed())?;
            }
            durable::replace(&path, next.format()?.as_bytes()).map_err(failed())?;
        }
        durable::destroy(&next_path).map_err(failed())?;
        (ledger.signer, ledger.next_signer) = (next, None);
    } else {
        (ledger.signer, ledger.next_signer) = (signer, next);
    }
    ledger.speak_with(roster);
    if !counts(&ledger.signer) {
        ledger.signer = None;
    }
    Ok(())
}
