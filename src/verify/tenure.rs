//! Tenures: who holds which role, from which entry and time on, and what waits for a second person's word.

use serde::{Deserialize, Serialize};

use crate::codec::{CaseTag, PersonId};
use crate::decision::people::Role;

/// A role that a person holds for some time.
///
/// It counts in an entry if it was in force before that entry or at it, and the entry was recorded in its time. An end
/// that lies in the future ends it then; one that lies in the past ends it at the entry that says so, since nothing that
/// stands in the ledger already is judged anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenure {
    /// Whose role it is.
    pub person: PersonId,
    /// The role.
    pub role: Role,
    /// The one case it is held for; none for the whole setting.
    pub case: Option<CaseTag>,
    /// The key whose enrolment gave it: it ends with the key. None for a role that was assigned.
    pub key: Option<[u8; 32]>,
    /// The entry that gave it.
    pub entry: u64,
    /// The entry from which it counts; none while it waits for a second person.
    pub in_force: Option<u64>,
    /// When it begins, in milliseconds UTC.
    pub starts: i64,
    /// When it ends by itself, in milliseconds UTC.
    pub until: Option<i64>,
    /// The entry that ended it, and from when on, in milliseconds UTC.
    pub ended: Option<(u64, i64)>,
}

impl Tenure {
    /// Whether the role is held at an entry that is recorded at `at`; of one that came with a key, whether that key is in
    /// force is another question.
    #[must_use]
    pub fn holds(&self, entry: u64, at: i64) -> bool {
        self.in_force.is_some_and(|from| from <= entry)
            && self.starts <= at
            && self.until.is_none_or(|until| at < until)
            && self.ended.is_none_or(|(ended, from)| entry < ended || at < from)
    }

    /// Whether it was given and has not ended, whatever the time: there is something to end.
    #[must_use]
    pub fn open(&self) -> bool {
        self.in_force.is_some() && self.ended.is_none()
    }
}

/// What an entry changes once a second person has confirmed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// The enrolment at this place counts, and the role that it gives.
    Enrol(usize),
    /// The enrolment at this place ends.
    Revoke(usize),
    /// The tenure at this place counts.
    Assign(usize),
    /// The tenure at this place ends, from when on in milliseconds UTC.
    End(usize, i64),
    /// The policy at this place is in force.
    Policy(usize),
    /// The log's key at this place counts, and the recovery sheet that came with it.
    LogKey(usize),
    /// The ledger goes on from the one at this place.
    Restore(usize),
}

/// An entry that waits for a second person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Its number.
    pub entry: u64,
    /// Who entered it.
    pub by: PersonId,
    /// Whom it is about.
    pub about: PersonId,
    /// What it changes.
    pub change: Change,
}

impl Waiting {
    /// Whether this person may be the second one: neither who entered it nor whom it is about.
    #[must_use]
    pub fn may_confirm(&self, person: PersonId) -> bool {
        person != self.by && person != self.about
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenure_counts_between_its_ends() {
        let whole = Tenure {
            person: PersonId::new([1; 16]),
            role: Role::Dsl,
            case: None,
            key: None,
            entry: 4,
            in_force: Some(6),
            starts: 100,
            until: None,
            ended: None,
        };
        assert!(!whole.holds(5, 200) && whole.holds(6, 100) && !whole.holds(6, 99) && whole.holds(u64::MAX, i64::MAX));
        let limited = Tenure { until: Some(300), ..whole.clone() };
        assert!(limited.holds(9, 299) && !limited.holds(9, 300));
        // Ended in entry 8 from 250 on; and, said too late, from 50 on.
        let ended = Tenure { ended: Some((8, 250)), ..whole.clone() };
        assert!(ended.holds(7, 400) && ended.holds(8, 249) && !ended.holds(8, 250) && !ended.holds(9, 260));
        let at_once = Tenure { ended: Some((8, 50)), ..whole.clone() };
        assert!(at_once.holds(7, 120) && !at_once.holds(8, 120) && !at_once.open());
        assert!(!Tenure { in_force: None, ..whole }.holds(9, 200));
    }

    #[test]
    fn the_second_person_is_another_one() {
        let person = |number| PersonId::new([number; 16]);
        let waiting = Waiting { entry: 3, by: person(1), about: person(2), change: Change::Enrol(0) };
        assert!(!waiting.may_confirm(person(1)) && !waiting.may_confirm(person(2)) && waiting.may_confirm(person(3)));
    }
}
