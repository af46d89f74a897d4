//! Every rule that a ledger has had: its packs, policies and calendars, by the hashes that entries pin.

use std::collections::BTreeMap;

use crate::codec::Digest;
use crate::rules::clock::{Calendar, Clock};
use crate::rules::pack::Pack;

/// The rules of a ledger.
#[derive(Debug, Clone)]
pub struct Rulebook {
    current: Pack,
    packs: BTreeMap<Digest, Pack>,
}

impl Rulebook {
    /// Begins with the pack in force.
    #[must_use]
    pub fn new(current: Pack) -> Self {
        Rulebook { current, packs: BTreeMap::new() }
    }

    /// Returns the pack with this hash, or the one in force.
    #[must_use]
    pub fn pack(&self, hash: &Digest) -> &Pack {
        self.packs.get(hash).unwrap_or(&self.current)
    }

    /// Returns the pack in force.
    #[must_use]
    pub fn current(&self) -> &Pack {
        &self.current
    }

    /// Returns how long there is for a step of a flag, for what began under this pack and policy.
    #[must_use]
    pub fn clock(&self, pack: &Digest, policy: &Digest, flag: &str, step: &str) -> Option<Clock> {
        let _ = policy;
        self.pack(pack).within(flag, step)
    }

    /// Returns the working days.
    #[must_use]
    pub fn working_days(&self) -> &Calendar {
        self.current.calendar()
    }
}
