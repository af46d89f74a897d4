//! What a device checked before: the roster as this identity folded it once, kept in the index.
//!
//! Whoever sits down folds the roster out of the public entries, each with its signature. An identity keeps what came of it,
//! with the size and root up to which it had read, under a key that is made from its signing key and that nobody else has.
//! The next time it is believed where this ledger extends that root, and only what came after it is read. So it is
//! worth what a receipt beside the identity is worth: its holder's own word about a history that is still there. It cannot be
//! made, or replaced by one of another person or ledger, by somebody without the identity; it can be deleted, or put back to
//! an older one, which costs time. Verifying never looks at it.
//!
//! The content is the size u64 (big-endian), the root 32, and the roster as [`Roster::to_kept`] gives it.

use crate::cabinet::identity::Identity;
use crate::codec::context::CHECKED;
use crate::ledger::LedgerError;
use crate::ledger::open::Ledger;
use crate::seal::structure::StructureKey;
use crate::seal::words::{self, WordsPart};
use crate::store::disk::Disk;
use crate::tree::TreeSize;
use crate::verify::roster::Roster;

/// The name of what is kept. Raised whenever a roster holds something else, or judges an entry in another way.
const LABEL: &[u8] = b"roster 2";
/// Entries read anew from which on it is worth keeping again.
const WORTH: u64 = 256;

impl<D: Disk> Ledger<D> {
    /// Returns the roster, on from where this identity has read before.
    ///
    /// # Errors
    /// As [`Ledger::roster`].
    pub fn roster_for(&self, identity: &Identity) -> Result<Roster, LedgerError> {
        let key = StructureKey::new(CHECKED.keyed(&identity.signing().seed(), env!("CARGO_PKG_VERSION").as_bytes()));
        let mut roster = self.checked_before(&key).unwrap_or_default();
        let before = roster.upto();
        self.extend_roster(&mut roster)?;
        // What could not be read may be brought back, and is looked for again.
        if roster.upto() - before >= WORTH && roster.unread().is_empty() {
            self.keep_checked(&key, &roster);
        }
        Ok(roster)
    }

    fn checked_before(&self, key: &StructureKey) -> Option<Roster> {
        let content = self.cards().sealed(key, LABEL)?;
        let (size, rest) = content.split_first_chunk()?;
        let (root, bytes) = rest.split_first_chunk::<32>()?;
        let size = u64::from_be_bytes(*size);
        if size > self.size() || self.root_at(TreeSize(size)).ok()?.0 != *root {
            return None;
        }
        let mut roster = Roster::from_kept(bytes).ok()?;
        for entry in roster.adopted() {
            let stored = self.entry(entry).ok()?;
            if let Ok(WordsPart::Document(text)) = words::parse(stored.words()) {
                roster.keep_document(text);
            }
        }
        Some(roster)
    }

    fn keep_checked(&self, key: &StructureKey, roster: &Roster) {
        // What cannot be kept is read again.
        let Ok(bytes) = roster.to_kept() else { return };
        self.cards().set_sealed(key, LABEL, [&self.size().to_be_bytes(), &self.root().0[..], &bytes].concat());
    }
}
