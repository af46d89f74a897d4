//! Closing periods: a closing ends the time in which authors read their own words without a grant.
//!
//! Staff cannot open a closing, so whoever can makes the cabinet fit: the overseer who closes, and every overseer who sits
//! down, for a closing that was entered elsewhere or whose machine stopped behind it.

use rand_core::CryptoRng;

use crate::cabinet::{Durable, own};
use crate::codec;
use crate::decision::people::Role;
use crate::ledger::LedgerError;
use crate::ledger::desk::Desk;
use crate::ledger::read::open_statement;
use crate::store::disk::Disk;

/// The name under which the index keeps how many closings there are.
const CARD: &[u8] = b"closings";

/// The closings among the first entries, as far as somebody opens them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Periods {
    /// Entries looked at.
    upto: u64,
    /// How many closings of overseers are among them.
    pub(super) count: u64,
    /// The newest of them, plus one; 0 for none.
    pub(super) begins: u64,
}

impl<D: Disk> Desk<D> {
    /// Counts the closings in the ledger, on from where the index ends.
    pub(super) fn periods(&self) -> Result<Periods, LedgerError> {
        let (key, keys, size) = (self.structure_key()?, self.structure_keys(), self.ledger.size());
        let card =
            self.ledger.cards().sealed(key, CARD).and_then(|card| codec::decode::<(u64, u64, u64)>(&card, 24).ok());
        let (upto, count, begins) = card.filter(|(upto, ..)| *upto <= size).unwrap_or_default();
        let mut periods = Periods { upto, count, begins };
        if upto == size {
            return Ok(periods);
        }
        self.ledger.envelopes_from(upto, &mut |envelope, structure, words| {
            let statement = open_statement(&envelope.statement, structure, words, &keys);
            let Some(statement) = statement.filter(|one| one.body().kind.name() == Some("closing")) else { return };
            let (person, entry) = (statement.body().person, envelope.number.0);
            if self.roster.roles(person, entry, envelope.recorded).into_iter().any(Role::is_overseer) {
                (periods.count, periods.begins) = (periods.count + 1, entry + 1);
            }
        })?;
        periods.upto = size;
        if let Ok(card) = codec::encode(&(size, periods.count, periods.begins), 24) {
            self.ledger.cards().set_sealed(key, CARD, card);
        }
        Ok(periods)
    }

    /// Makes the own copies in the cabinet fit the closings: where one has no period yet, the next one begins, and every
    /// copy of an earlier one is destroyed. After a closing of this desk's own, `closed`, a new one begins in any case:
    /// others may open closings that this desk does not.
    ///
    /// Done by overseers; each step can be made again.
    ///
    /// # Errors
    /// Those of cabinet and store.
    pub(super) fn end_periods(&mut self, closed: bool, rng: &mut impl CryptoRng) -> Result<(), LedgerError> {
        let (cabinet, wanted) = (self.ledger.cabinet(), self.periods()?.count);
        let newest = own::newest_period(&cabinet)?;
        let period = wanted.max(newest + u64::from(closed));
        // 1. The new period has a file: nobody adds to an older one from here on. A crash before it leaves the old period,
        //    which the next overseer ends.
        if period > newest {
            self.own = Some(self.own_copy(period, Durable::Now, rng)?);
        }
        // 2. The keys of the older ones go, each overwritten, removed, and its folder synced. A crash on the way leaves
        //    some of them, which no door opens any more, and which the next overseer destroys.
        let _lock = self.ledger.lock()?;
        own::destroy_before(&cabinet, period)?;
        Ok(())
    }
}
