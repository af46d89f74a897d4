//! The log's own keys over time, and the recovery sheet that is in force: `log.key` entries that two persons agreed to.
//!
//! A new key counts from the checkpoint of the write that holds the confirmation. That one is signed by the old and the
//! new key, which proves both that the old one agreed and that somebody holds the new one; before it only the old key
//! counts, after it only the new.

use serde::{Deserialize, Serialize};

use crate::decision::value::field;
use crate::entry::statement::Body;
use crate::head::checkpoint::SignedCheckpoint;
use crate::head::note::Note;
use crate::keys::PublicKey;
use crate::keys::name::{KeyKind, KeyName, VerifierKey};
use crate::verify::report::Code;
use crate::verify::roster::Roster;

/// A `log.key` entry.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct LogChange {
    entry: u64,
    key: PublicKey,
    /// The age recipient of a new recovery sheet.
    recovery: Option<String>,
    in_force: Option<u64>,
}

/// The log's keys and the recovery sheet's recipient, as genesis names them and `log.key` entries change them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct LogKeys {
    first: Option<PublicKey>,
    recovery: String,
    changes: Vec<LogChange>,
}

impl LogKeys {
    pub(super) fn begin(&mut self, key: PublicKey, recovery: String) {
        (self.first, self.recovery) = (Some(key), recovery);
    }

    /// Returns the newest key that counts, and the entry that a later `log.key` has to renew.
    pub(super) fn current(&self) -> (Option<&PublicKey>, u64) {
        match self.in_force().last() {
            Some(change) => (Some(&change.key), change.entry),
            None => (self.first.as_ref(), 0),
        }
    }

    pub(super) fn recovery(&self) -> &str {
        let changed = self.in_force().filter_map(|change| change.recovery.as_deref());
        changed.last().unwrap_or(&self.recovery)
    }

    /// Whether there are more keys than this: a quick look, for every write.
    pub(super) fn more_than(&self, count: usize) -> bool {
        // A change that renews the sheet alone is counted too: it costs a look at the list.
        usize::from(self.first.is_some()) + self.changes.len() > count
    }

    /// Returns each key with the entry from which it counts: genesis, or a confirmation.
    pub(super) fn all(&self) -> Vec<(u64, PublicKey)> {
        let mut all: Vec<(u64, PublicKey)> = self.first.iter().map(|key| (0, key.clone())).collect();
        for change in self.in_force() {
            if all.last().is_none_or(|(_, before)| *before != change.key) {
                all.push((change.in_force.unwrap_or(change.entry), change.key.clone()));
            }
        }
        all
    }

    /// Changes that count, in the order in which each renewed the one before.
    fn in_force(&self) -> impl Iterator<Item = &LogChange> {
        self.changes.iter().filter(|change| change.in_force.is_some())
    }

    /// Returns the key that a waiting entry names.
    pub(super) fn key_of(&self, entry: u64) -> Option<&PublicKey> {
        self.changes.iter().find(|change| change.entry == entry).map(|change| &change.key)
    }

    /// Takes in a `log.key` entry, which waits for a second person; returns its place.
    ///
    /// # Errors
    /// `Statement` for a key that is weak or was the log's before, and where another entry is renewed than the one that
    /// named the key in force.
    pub(super) fn propose(&mut self, entry: u64, body: &Body) -> Result<usize, Code> {
        let key = body.key_of(field::LOG_KEY).ok_or(Code::Statement)?;
        let key = PublicKey::from_bytes(&key).map_err(|_| Code::Statement)?;
        let (current, renewed) = self.current();
        if body.related("renews").next().map(|reference| reference.entry) != Some(renewed) {
            return Err(Code::Statement);
        }
        let earlier = self.all().iter().any(|(_, known)| *known == key);
        if earlier && current != Some(&key) {
            return Err(Code::Statement);
        }
        let recovery = body.text_of(field::RECOVERY_RECIPIENT).map(str::to_owned);
        self.changes.push(LogChange { entry, key, recovery, in_force: None });
        Ok(self.changes.len() - 1)
    }

    /// Puts a change into force. Others that were to renew the same key never can be.
    pub(super) fn enforce(&mut self, place: usize, entry: u64) {
        if let Some(change) = self.changes.get_mut(place) {
            change.in_force = Some(entry);
        }
    }
}

/// Which of the log's keys speaks at which tree size, as its own checkpoints prove.
#[derive(Debug, Default)]
pub(super) struct Speakers(Vec<(u64, VerifierKey)>);

impl Speakers {
    /// Takes in the own checkpoint of a write that leads to this size. One whose write puts a new key into force has to be
    /// signed by the old and the new key.
    ///
    /// # Errors
    /// `LogKey` if it is not; the new key speaks all the same, since the log says so.
    pub(super) fn own(&mut self, roster: &Roster, note: &Note, size: u64) -> Result<(), Code> {
        if !roster.has_log_keys_beyond(self.0.len()) {
            return Ok(());
        }
        let Ok(name) = KeyName::new(roster.origin()) else { return Ok(()) };
        let mut verdict = Ok(());
        let known = self.0.len();
        for (_, key) in roster.log_keys().into_iter().skip(known).take_while(|(entry, _)| *entry < size) {
            let key = VerifierKey::new(name.clone(), KeyKind::LogKey, key);
            match self.0.last() {
                None => self.0.push((0, key)),
                Some((_, before)) => {
                    if !signs(note, before) || !signs(note, &key) {
                        verdict = Err(Code::LogKey);
                    }
                    self.0.push((size, key));
                }
            }
        }
        verdict
    }

    /// Returns the keys of which one has to have signed a checkpoint of this size: one, or where a new key came into force
    /// both.
    pub(super) fn at(&self, size: u64) -> Vec<VerifierKey> {
        let next = self.0.partition_point(|(from, _)| *from <= size).max(1);
        let (spoke, _) = self.0.split_at(next.min(self.0.len()));
        let both = |(from, _): &&(u64, VerifierKey)| *from == size;
        let before = spoke.len().saturating_sub(if spoke.last().filter(both).is_some() { 2 } else { 1 });
        spoke.iter().skip(before).map(|(_, key)| key.clone()).collect()
    }

    /// Returns every key that ever spoke.
    pub(super) fn all(&self) -> impl Iterator<Item = &VerifierKey> {
        self.0.iter().map(|(_, key)| key)
    }

    /// Says what it means that none of the keys that count there signed this note: `LogKey` if another key of this log did.
    pub(super) fn wrong(&self, note: &Note) -> Code {
        if self.all().any(|key| signs(note, key)) { Code::LogKey } else { Code::Checkpoint }
    }
}

fn signs(note: &Note, key: &VerifierKey) -> bool {
    SignedCheckpoint::open_note(note.clone(), std::slice::from_ref(key)).is_ok()
}
