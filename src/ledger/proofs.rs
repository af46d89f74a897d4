//! Proofs that leave the building: receipts, requests to witnesses, cosigned checkpoints brought back.

use crate::frame::reader::Event;
use crate::frame::{Frame, Next, next_frame};
use crate::head::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::head::note::{Note, SignatureLine};
use crate::head::receipt::Receipt;
use crate::head::request::AddCheckpoint;
use crate::ledger::LedgerError;
use crate::ledger::cards::Cards;
use crate::ledger::open::Ledger;
use crate::store::disk::Disk;
use crate::tree::{EntryNumber, TreeSize, prove_consistency, prove_inclusion};

impl<D: Disk> Ledger<D> {
    /// Returns the newest own checkpoint.
    ///
    /// # Errors
    /// `NoEntry` before the first entry.
    pub fn checkpoint(&self) -> Result<&Note, LedgerError> {
        self.at.note.as_ref().ok_or(LedgerError::NoEntry(0))
    }

    /// Returns the own checkpoint that covers this entry and that the most witnesses cosigned, the largest of those; else
    /// the newest. For the last entry that is the newest checkpoint, with the cosignatures it has: an older one never
    /// stands in its way, however many signed it.
    ///
    /// # Errors
    /// `NoEntry`, and those of the store.
    pub fn best_note(&self, number: u64) -> Result<Note, LedgerError> {
        let size = |note: &Note| Checkpoint::parse(note.text()).map_or(0, |checkpoint| checkpoint.size().0);
        // The cards know the one that the most witnesses cosigned of all; what covers more stands behind the entry.
        let Some(most) = self.cosigned_note() else { return self.checkpoint().cloned() };
        if size(&most) > number {
            return Ok(most);
        }
        let behind = self.cosigned_behind(number)?.into_iter().filter(|note| size(note) > number);
        match behind.max_by_key(|note| (note.signatures().len(), size(note))) {
            Some(note) => Ok(note),
            None => self.checkpoint().cloned(),
        }
    }

    /// Returns the cosigned checkpoints that were entered behind an entry, in order: those of our log key that are ours.
    fn cosigned_behind(&self, number: u64) -> Result<Vec<Note>, LedgerError> {
        let ours = |bytes: &[u8]| {
            let signed = SignedCheckpoint::open(bytes, self.log_keys()).ok()?;
            self.extends(signed.checkpoint(), "the cosigned checkpoint").ok()?;
            Some(signed.note().clone())
        };
        let (mut at, mut notes) = (self.entry(number)?.offset(), Vec::new());
        while at < self.at.end {
            let Ok(bytes) = self.file.frame_at(at) else { return self.cosigned_among_all(&ours) };
            if let Next::Frame(framed) = next_frame(&bytes)
                && let Frame::Cosigned(checkpoint) = framed.frame
            {
                notes.extend(ours(checkpoint.note));
            }
            at += bytes.len() as u64;
        }
        Ok(notes)
    }

    /// The same of the whole log: where bytes were set aside, frames cannot be followed one by one.
    fn cosigned_among_all(&self, ours: &dyn Fn(&[u8]) -> Option<Note>) -> Result<Vec<Note>, LedgerError> {
        let (mut reader, mut notes) = (self.file.reader()?, Vec::new());
        loop {
            match reader.next_event().map_err(LedgerError::io("ledger.log"))? {
                Event::Checkpoint { frame, cosigned: true, .. } => notes.extend(ours(frame.note)),
                Event::Tail(_) | Event::End { .. } => return Ok(notes),
                _ => {}
            }
        }
    }

    fn cosigned_note(&self) -> Option<Note> {
        let bytes = self.file.frame_at(self.at.cosigned.checked_sub(1)?).ok()?;
        match next_frame(&bytes) {
            Next::Frame(framed) => match framed.frame {
                Frame::Cosigned(checkpoint) => Note::parse(checkpoint.note).ok(),
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns the receipt of an entry, under the checkpoint that [`Ledger::best_note`] picks.
    ///
    /// # Errors
    /// `NoEntry`, `Damaged` if the entry is not the one in the tree, and those of the store.
    pub fn receipt(&self, number: u64) -> Result<Receipt, LedgerError> {
        let stored = self.entry(number)?;
        let note = self.best_note(number)?;
        let size = Checkpoint::parse(note.text())?.size();
        let made = |cards: &Cards| {
            let proof = prove_inclusion(EntryNumber(number), size, cards)?;
            let receipt = Receipt::new(EntryNumber(number), proof, note.clone(), None)?;
            // What is handed out is checked the way its reader will: the cards are believed for nothing.
            receipt.check(&stored.envelope_bytes(), self.log_keys())?;
            Ok(receipt)
        };
        made(self.cards()).or_else(|error: LedgerError| self.try_afresh(|cards| made(cards).ok()).ok_or(error))
    }

    /// Returns what a witness that knows `old` entries is asked to cosign: the newest checkpoint and its proof.
    ///
    /// # Errors
    /// `NoEntry` if `old` is beyond the ledger; those of the store.
    pub fn request(&self, old: u64) -> Result<AddCheckpoint, LedgerError> {
        let size = self.at.frontier.size();
        if old > size.0 {
            return Err(LedgerError::NoEntry(old));
        }
        // Proven first: what leaves leads from there to the newest root.
        self.root_at(TreeSize(old))?;
        let proof = prove_consistency(TreeSize(old), size, self.cards())?;
        Ok(AddCheckpoint::new(TreeSize(old), proof, self.checkpoint()?.clone())?)
    }

    /// Takes in a note that witnesses cosigned: its root must be ours at its size. Cosignatures of the same checkpoint
    /// that came before join it, so that one note, and the receipts made with it, carry them all.
    ///
    /// # Errors
    /// `Evidence` if it is of another history; `Head` if our own log key did not sign it or nobody cosigned it.
    pub fn join(&mut self, note: &[u8]) -> Result<Checkpoint, LedgerError> {
        let signed = SignedCheckpoint::open(note, self.log_keys())?;
        if signed.note().signatures().len() < 2 {
            return Err(crate::head::HeadError::NotSigned.into());
        }
        self.refresh()?;
        self.extends(signed.checkpoint(), "the cosigned checkpoint")?;
        let mut note = signed.note().clone();
        let same = |earlier: &Note| earlier.text() == note.text();
        let earlier = match self.cosigned_note() {
            Some(most) if !same(&most) => {
                let behind = self.cosigned_behind(signed.checkpoint().size().0.saturating_sub(1))?;
                behind.into_iter().filter(same).max_by_key(|note| note.signatures().len())
            }
            most => most,
        };
        if let Some(earlier) = earlier {
            let named = |line: &SignatureLine| (line.name().clone(), line.id());
            let here: Vec<_> = note.signatures().iter().map(named).collect();
            let others = earlier.signatures().iter().filter(|line| !here.contains(&named(line)));
            others.cloned().try_for_each(|line| note.add(line))?;
        }
        self.append_cosigned(&note)?;
        Ok(signed.checkpoint().clone())
    }
}
