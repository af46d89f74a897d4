//! Each author's own chain, and what the author had seen: who would have to help to rewrite an entry.

use std::collections::BTreeMap;

use crate::codec::Digest;
use crate::decision::value::field;
use crate::entry::statement::{Body, UNKNOWN};
use crate::verify::report::{Code, Rewrite};

/// Where one author's key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Chain {
    /// The number its next statement must have.
    pub next: u64,
    /// The digest of its last statement.
    pub last: Digest,
    /// The newest entry it had seen; all ones for none.
    pub seen: u64,
}

/// Every author's chain, by key; and the statements of each that others entered as `statement.late`, by digest: they are
/// missing in the chain and yet accounted for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chains(pub BTreeMap<[u8; 32], Chain>, pub BTreeMap<[u8; 32], Vec<Digest>>);

impl Chains {
    /// Takes in the next statement of an author, and says how it continues that author's chain.
    ///
    /// `hidden` is how many entries before it could not be opened: they may be the ones that are missing.
    pub fn apply(&mut self, body: &Body, digest: Digest, hidden: u64) -> Result<(), Code> {
        let before = self.0.get(&body.author.0).copied();
        let start = Chain { next: 0, last: Digest::ZERO, seen: UNKNOWN };
        let chain = before.unwrap_or(start);
        let verdict = if body.sequence < chain.next {
            Err(Code::Duplicate)
        } else if body.sequence > chain.next {
            let hidden = hidden.saturating_add(self.late(body));
            if hidden >= body.sequence - chain.next { Ok(()) } else { Err(Code::AuthorGap) }
        } else if body.previous != chain.last {
            Err(Code::AuthorFork)
        } else if chain.seen != UNKNOWN && (body.seen.number == UNKNOWN || body.seen.number < chain.seen) {
            Err(Code::Seen)
        } else {
            Ok(())
        };
        if !matches!(verdict, Err(Code::Duplicate)) {
            let seen = if body.seen.number == UNKNOWN { chain.seen } else { body.seen.number };
            self.0.insert(body.author.0, Chain { next: body.sequence.saturating_add(1), last: digest, seen });
        }
        verdict
    }

    /// How many of this author's statements were entered as late, where the one before this statement is among them.
    fn late(&self, body: &Body) -> u64 {
        let late = self.1.get(&body.author.0).filter(|late| late.contains(&body.previous));
        late.map_or(0, |late| late.len() as u64)
    }

    /// Takes in a `statement.late`: the digest and author it names are accounted for from now on.
    pub fn account(&mut self, body: &Body) {
        if let (Some(digest), Some(author)) = (body.hash_of(field::STATEMENT_HASH), body.key_of(field::AUTHOR_KEY)) {
            let late = self.1.entry(author).or_default();
            if !late.contains(&digest) {
                late.push(digest);
            }
        }
    }

    /// Returns what a rewrite of each stretch of `size` entries needs, from these pins and the witnesses' newest sizes.
    ///
    /// `vouched` gives, for a key, the smallest tree size that a quorum cosigned and that holds the key's enrolment:
    /// from the entry of that number on the key counts as independent of whoever runs the ledger.
    #[must_use]
    pub fn needed_to_rewrite(
        &self,
        size: u64,
        witnesses: &[(String, u64)],
        vouched: &dyn Fn(&[u8; 32]) -> Option<u64>,
    ) -> Vec<Rewrite> {
        let pinned = self.0.iter().filter(|(_, chain)| chain.seen != UNKNOWN);
        let authors: Vec<(u64, [u8; 32], Option<u64>)> =
            pinned.map(|(key, chain)| (chain.seen + 1, *key, vouched(key))).collect();
        let mut ends: Vec<u64> = authors.iter().map(|(end, ..)| *end).collect();
        ends.extend(authors.iter().filter_map(|(.., from)| *from));
        ends.extend(witnesses.iter().map(|(_, covered)| *covered));
        ends.push(size);
        ends.retain(|end| (1..=size).contains(end));
        ends.sort_unstable();
        ends.dedup();
        let mut from = 0;
        let mut stretches = Vec::new();
        for end in ends {
            let needed = || authors.iter().filter(|(pin, ..)| *pin >= end);
            let independent = |vouched: Option<u64>| vouched.is_some_and(|size| size <= from);
            stretches.push(Rewrite {
                from,
                to: end - 1,
                authors: needed().map(|(_, key, _)| *key).collect(),
                independent: needed().filter(|(.., v)| independent(*v)).map(|(_, key, _)| *key).collect(),
                witnesses: witnesses
                    .iter()
                    .filter(|(_, covered)| *covered >= end)
                    .map(|(name, _)| name.clone())
                    .collect(),
            });
            from = end;
        }
        stretches
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Link;
    use crate::entry::statement::{Seen, tests::body};
    use crate::keys::SigningKey;

    fn statement(sequence: u64, previous: Digest, seen: u64) -> Body {
        let mut body = body(&SigningKey::from_seed(&[1; 32]));
        (body.sequence, body.previous, body.seen) = (sequence, previous, Seen { number: seen, link: Link::ZERO });
        body
    }

    #[test]
    fn gaps_forks_repeats_and_falling_sight_are_told_apart() {
        let digest = |n: u8| Digest::new([n; 32]);
        let mut chains = Chains::default();
        assert_eq!(chains.apply(&statement(0, Digest::ZERO, 4), digest(1), 0), Ok(()));
        assert_eq!(chains.clone().apply(&statement(0, Digest::ZERO, 4), digest(1), 0), Err(Code::Duplicate));
        assert_eq!(chains.clone().apply(&statement(1, digest(9), 4), digest(2), 0), Err(Code::AuthorFork));
        assert_eq!(chains.clone().apply(&statement(2, digest(9), 4), digest(2), 0), Err(Code::AuthorGap));
        assert_eq!(chains.clone().apply(&statement(2, digest(9), 4), digest(2), 1), Ok(()));
        assert_eq!(chains.clone().apply(&statement(1, digest(1), 3), digest(2), 0), Err(Code::Seen));
        assert_eq!(chains.clone().apply(&statement(1, digest(1), UNKNOWN), digest(2), 0), Err(Code::Seen));
        let mut late = chains.clone();
        late.1.insert(statement(0, digest(1), 4).author.0, vec![digest(9)]);
        assert_eq!(late.clone().apply(&statement(2, digest(9), 4), digest(2), 0), Ok(()));
        assert_eq!(late.clone().apply(&statement(2, digest(8), 4), digest(2), 0), Err(Code::AuthorGap));
        assert_eq!(late.clone().apply(&statement(3, digest(9), 4), digest(2), 0), Err(Code::AuthorGap));
        assert_eq!(chains.apply(&statement(1, digest(1), 4), digest(2), 0), Ok(()));
        assert_eq!(chains.apply(&statement(2, digest(2), 7), digest(3), 0), Ok(()));
    }

    #[test]
    fn a_rewrite_needs_whoever_saw_the_entry_or_cosigned_it() {
        let mut chains = Chains::default();
        chains.0.insert([1; 32], Chain { next: 3, last: Digest::ZERO, seen: 4 });
        chains.0.insert([2; 32], Chain { next: 1, last: Digest::ZERO, seen: 7 });
        chains.0.insert([3; 32], Chain { next: 1, last: Digest::ZERO, seen: UNKNOWN });
        let vouched = |key: &[u8; 32]| (*key == [2; 32]).then_some(3);
        let needed = chains.needed_to_rewrite(10, &[("w".into(), 6)], &vouched);
        let stretches: Vec<_> = needed.iter().map(|r| (r.from, r.to, r.authors.len(), r.witnesses.len())).collect();
        assert_eq!(stretches, [(0, 2, 2, 1), (3, 4, 2, 1), (5, 5, 1, 1), (6, 7, 1, 0), (8, 9, 0, 0)]);
        let independent: Vec<_> = needed.iter().map(|r| r.independent.len()).collect();
        assert_eq!(independent, [0, 1, 1, 1, 0]);
    }
}
