//! Going on from another ledger, whose log key or last entries are lost: a new one binds its last checkpoint.

use rand_core::CryptoRng;

use crate::codec::{Bytes, Digest, ShortText};
use crate::decision::value::{Content, Value, field};
use crate::head::checkpoint::SignedCheckpoint;
use crate::ledger::desk::Desk;
use crate::ledger::people::{Change, time_value};
use crate::ledger::record::code;
use crate::ledger::{CONTINUES, LedgerError};
use crate::store::disk::Disk;
use crate::store::durable;
use crate::verify::report::Code;

impl<D: Disk> Desk<D> {
    /// Enters that this ledger goes on from the one that this checkpoint is of: its origin, log key, size and root. It waits
    /// for a second person. The checkpoint with all its signatures is kept in the folder, where it proves itself.
    ///
    /// # Errors
    /// `NotLeading`; `Refused` for a checkpoint under this ledger's own origin; those of cabinet and store.
    pub fn continue_from(
        &mut self,
        before: &SignedCheckpoint,
        cause: &str,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Change, LedgerError> {
        self.catch_up(now())?;
        self.need_leading()?;
        let checkpoint = before.checkpoint();
        let Some(key) = before.log_keys().last().filter(|_| checkpoint.origin() != self.roster.origin()) else {
            return Err(LedgerError::Refused(Code::Statement));
        };
        let origin = ShortText::new(checkpoint.origin()).map_err(|_| LedgerError::Refused(Code::Statement))?;
        let one = |field, content| Value { field, position: 0, content };
        let values = vec![
            one(field::TREE_SIZE, Content::Count(checkpoint.size().0)),
            one(field::ROOT_HASH, Content::Hash(Digest::new(checkpoint.root().0))),
            one(field::ORIGIN, Content::Text(origin)),
            one(field::LOG_KEY, Content::Key(Bytes(*key.key().as_bytes()))),
            self.value("cause", code(cause)?)?,
            time_value(field::STARTS_AT, self.time),
        ];
        let (path, note) = (self.ledger.dir().join(CONTINUES), before.note().to_string());
        durable::replace(&path, note.as_bytes()).map_err(LedgerError::io("the older ledger's checkpoint"))?;
        self.change("restore", None, values, Vec::new(), now, rng)
    }
}
