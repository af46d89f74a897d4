//! What somebody signed and the ledger never got: numbers that are missing in the count of one key.

use crate::review::book::Book;
use crate::review::fact::{Fact, ask};
use crate::review::item::{Closed, Item};

impl<'a> Book<'a> {
    /// AUTHOR-GAP of a statement that came late: numbers below it are nowhere. It stands until what came late after it leaves
    /// none missing, or the key is ended as lost, with what it had signed.
    pub(super) fn missing_numbers(&self, fact: &'a Fact, out: &mut Vec<Item>) {
        let gaps = |late: &Fact| late.count(ask::GAPS).unwrap_or(0);
        let Some(key) = named(fact, "about").filter(|_| gaps(fact) > 0) else { return };
        let mut lates = self.all_of(&["statement.late"]);
        lates.retain(|late| named(late, "about") == Some(key));
        let before = lates.iter().rev().find(|late| late.entry < fact.entry);
        if before.is_some_and(|late| gaps(late) > 0) {
            return;
        }
        let found = lates.into_iter().find(|late| late.entry > fact.entry && gaps(late) == 0);
        let lost = |one: &&Fact| one.says(ask::CAUSE, "lost") && named(one, "ends") == Some(key);
        let lost = self.all_of(&["key.revoke"]).into_iter().find(lost);
        let closed = found.into_iter().chain(lost).min_by_key(|one| one.entry);
        let closed = closed.map(|one| Closed { by: one.entry, at: one.recorded.max(fact.recorded) });
        out.push(self.item(fact, "AUTHOR-GAP", "found", fact.recorded).closed(closed));
    }
}

/// The entry to which one refers by a relation.
fn named(fact: &Fact, relation: &str) -> Option<u64> {
    fact.references.iter().find(|to| to.relation.name() == Some(relation)).map(|to| to.entry)
}
