//! What a device had not seen although it had been there for long.

use std::io::{self, Read, Seek};

use crate::entry::statement::{Body, UNKNOWN};
use crate::rules::policy::SEEN_STALE_HOURS;
use crate::verify::ledger::Walk;

/// Milliseconds of an hour.
const HOUR: i64 = 3_600_000;

impl<R: Read + Seek> Walk<'_, R> {
    /// Whether the entry after the newest one that its author's device had seen was recorded longer before it was signed than
    /// the policy, or without one this program, allows. What a batch brings together its author could not see.
    pub(super) fn stale(&mut self, number: u64, body: &Body) -> io::Result<bool> {
        let next = match body.seen.number {
            UNKNOWN => return Ok(false),
            seen => seen + 1,
        };
        if next >= number || !body.signed.is_some() || self.past.is_missing(next) {
            return Ok(false);
        }
        let Some(unseen) = self.past.entry(next)? else { return Ok(false) };
        let allowed = match self.stale_hours.get(&body.policy) {
            Some(hours) => *hours,
            None => {
                let rules = self.roster.rulebook();
                let own = rules.as_ref().and_then(|rules| rules.policy(&body.policy));
                let hours = own.map_or(SEEN_STALE_HOURS, |policy| policy.seen_stale_hours());
                self.stale_hours.insert(body.policy, hours);
                hours
            }
        };
        Ok(body.signed.milliseconds.saturating_sub(unseen.recorded) > i64::from(allowed) * HOUR)
    }
}
