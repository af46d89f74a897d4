//! Checkpoints brought by file: `<ledger>/checkpoints/` holds each that was ever brought, one of each closing, and whatever
//! people put there. Before anything is entered, this ledger has to extend every one of them (L10).

use crate::codec::{Digest, NOTE_LIMIT};
use crate::head::checkpoint::SignedCheckpoint;
use crate::head::note::Note;
use crate::ledger::open::Ledger;
use crate::ledger::{CHECKPOINTS, LedgerError};
use crate::store::disk::Disk;
use crate::store::durable;

impl<D: Disk> Ledger<D> {
    /// Keeps a checkpoint that one of this log's keys signed, whether this ledger extends it or not: if it does not, the
    /// file is the evidence. The same note twice is one file.
    ///
    /// # Errors
    /// `Head` if no key of this log signed it; `Io`.
    pub fn keep_known(&self, note: &Note) -> Result<(), LedgerError> {
        let signed = SignedCheckpoint::open_note(note.clone(), self.log_keys())?;
        let folder = self.dir.join(CHECKPOINTS);
        let (size, text) = (signed.checkpoint().size(), note.to_string());
        let hash = Digest::new(*blake3::hash(text.as_bytes()).as_bytes()).to_string();
        let name = format!("{size}-{}.note", hash.get(..16).unwrap_or_default());
        let failed = || LedgerError::io("the folder of checkpoints");
        durable::create_dir(&folder).map_err(failed())?;
        durable::replace(&folder.join(name), text.as_bytes()).map_err(failed())
    }

    /// Checks that this ledger extends every checkpoint in the folder that one of its keys signed. What is no such
    /// checkpoint says nothing.
    ///
    /// # Errors
    /// `Evidence` for the first that it does not extend; those of the store.
    pub fn compare_known(&mut self) -> Result<(), LedgerError> {
        let folder = self.dir.join(CHECKPOINTS);
        if !durable::exists(&folder) {
            return Ok(());
        }
        let mut paths = durable::list(&folder).map_err(LedgerError::io("the folder of checkpoints"))?;
        paths.sort();
        for path in paths {
            let Ok(bytes) = durable::read(&path, NOTE_LIMIT) else { continue };
            let Ok(signed) = SignedCheckpoint::open(&bytes, self.log_keys()) else { continue };
            self.extends_now(signed.checkpoint(), "a checkpoint that was brought by file")?;
        }
        Ok(())
    }
}
