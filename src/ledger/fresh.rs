//! What a device has to look at before it seals or publishes anything more.

use crate::cabinet::{Durable, structure_keys};
use crate::entry::authored::Authored;
use crate::entry::statement::UNKNOWN;
use crate::index::AuthorHead;
use crate::ledger::LedgerError;
use crate::ledger::desk::Desk;
use crate::store::disk::Disk;

impl<D: Disk> Desk<D> {
    /// Opens the structure keys again if this author has got a newer one since: what is sealed under an older one may be
    /// lost to everybody.
    pub(super) fn renew_structure_key(&mut self) -> Result<(), LedgerError> {
        let (cabinet, author) = (self.ledger.cabinet(), self.identity.author());
        let newest = self.held.iter().filter(|held| held.author == author).map(|held| held.epoch).max();
        if newest.is_some_and(|newest| structure_keys::has_epoch(&cabinet, &author, newest + 1)) {
            self.held = structure_keys::load_all(&cabinet, self.identity.secret())?.opened;
        }
        Ok(())
    }

    /// Notes where this author stands if that is further than any key shows: what waits first says which statement it
    /// follows, and that one may have been retired.
    pub(super) fn stands_before(
        &mut self,
        first: Option<&Authored>,
        head: Option<&AuthorHead>,
    ) -> Result<(), LedgerError> {
        let Some(body) = first.map(|first| first.statement.body()) else { return Ok(()) };
        let (from, next) = head.map_or((0, 0), |head| (head.entry + 1, head.sequence + 1));
        if body.sequence <= next {
            return Ok(());
        }
        let mut found = None;
        self.ledger.walk_from(from, &mut |number, digest, _, _| {
            if *digest == body.previous {
                found = Some(number);
            }
        })?;
        if let Some(entry) = found {
            let (upto, seen) = (self.ledger.size(), head.map_or(UNKNOWN, |head| head.seen));
            let head = AuthorHead { upto, entry, sequence: body.sequence - 1, digest: body.previous, seen };
            let key = self.structure_key()?.clone();
            self.ledger.note_head(&key, &head);
        }
        Ok(())
    }

    /// Sends what waits in the outbox: a folder key among it is the folder's before a newer one can be drawn.
    pub(super) fn send_waiting(&mut self, now: &dyn Fn() -> i64) -> Result<(), LedgerError> {
        Ok(self.take_chain(now)?.save(Durable::Later)?)
    }
}
