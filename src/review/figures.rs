//! Figures for those who govern a setting: how often what was done in a stretch of time, and how much of it on time. No
//! person, no child and no entry can be told from them, and nothing is counted per person.

use std::borrow::Borrow;

use crate::review::fact::{Fact, ask};
use crate::review::item::{Review, State};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Figure {
    /// Concerns, disclosures, and news that worried somebody.
    Concerns,
    /// Requests for information by others.
    Requests,
    /// Decisions to share, overrides and referrals included.
    Shared,
    /// Of these, in an emergency.
    Emergencies,
    /// Decisions not to share.
    NotShared,
    /// Decisions to watch.
    Watched,
    /// Shares in spite of a refusal.
    Overridden,
    /// Referrals.
    Referrals,
    /// Consents given.
    Consents,
    /// Consents refused.
    Refusals,
    /// Consents withdrawn.
    Withdrawals,
    /// Requests for a file.
    Access,
    /// Complaints.
    Complaints,
    /// Breaches.
    Breaches,
    /// Disclosures at which the limits of secrecy were not explained.
    LimitsNotTold,
    /// News of which nobody asked whether it was meant to stay with us.
    SecrecyNotAsked,
    /// Entries written after the next working day.
    Late,
    /// Drafts that a rule stopped, or that were discarded.
    Stopped,
    /// Closings.
    Closings,
    /// Of these, nil returns.
    NilReturns,
    /// What was owed and done in time.
    InTime,
    /// What was owed and done late.
    DoneLate,
    /// What is overdue now.
    Overdue,
}

impl Figure {
    /// Every figure, in the order in which they are shown.
    pub const ALL: [Figure; 23] = [
        Figure::Concerns,
        Figure::Requests,
        Figure::Shared,
        Figure::Emergencies,
        Figure::NotShared,
        Figure::Watched,
        Figure::Overridden,
        Figure::Referrals,
        Figure::Consents,
        Figure::Refusals,
        Figure::Withdrawals,
        Figure::Access,
        Figure::Complaints,
        Figure::Breaches,
        Figure::LimitsNotTold,
        Figure::SecrecyNotAsked,
        Figure::Late,
        Figure::Stopped,
        Figure::Closings,
        Figure::NilReturns,
        Figure::InTime,
        Figure::DoneLate,
        Figure::Overdue,
    ];
}

/// Returns how often each figure occurs in entries recorded from `from` to `to`, both in milliseconds UTC.
#[must_use]
pub fn figures<F: Borrow<Fact>>(facts: &[F], review: &Review, from: i64, to: i64) -> Vec<(Figure, u64)> {
    let within = |at: i64| (from..=to).contains(&at);
    let facts: Vec<&Fact> = facts.iter().map(Borrow::borrow).collect();
    let first: Vec<&Fact> =
        facts.iter().copied().filter(|fact| within(fact.recorded) && !fact.carries("completes")).collect();
    let recorded = |entry: u64| {
        let at = facts.binary_search_by_key(&entry, |fact| fact.entry).ok();
        at.and_then(|at| facts.get(at)).is_some_and(|fact| within(fact.recorded))
    };
    let of_kinds = |kinds: &[&str]| count(first.iter().filter(|fact| kinds.contains(&fact.name())));
    let such = |test: &dyn Fn(&Fact) -> bool| count(first.iter().filter(|fact| test(fact)));
    let items = |test: &dyn Fn(&crate::review::item::Item) -> bool| {
        count(review.items.iter().filter(|item| recorded(item.entry) && test(item)))
    };
    let number = |figure: Figure| match figure {
        Figure::Concerns => such(&crate::review::decide::is_concern),
        Figure::Requests => of_kinds(&["request.received"]),
        Figure::Shared => {
            such(&|fact| crate::review::decide::SHARES.contains(&fact.name()) && !fact.carries("carries_out"))
        }
        Figure::Emergencies => items(&|item| item.flag == "EMERGENCY"),
        Figure::NotShared => of_kinds(&["decision.noshare"]),
        Figure::Watched => of_kinds(&["decision.monitor"]),
        Figure::Overridden => of_kinds(&["override"]),
        Figure::Referrals => of_kinds(&["referral.made"]),
        Figure::Consents => of_kinds(&["consent.given"]),
        Figure::Refusals => of_kinds(&["consent.refused"]),
        Figure::Withdrawals => of_kinds(&["consent.withdrawn"]),
        Figure::Access => of_kinds(&["access.received"]),
        Figure::Complaints => of_kinds(&["complaint.received"]),
        Figure::Breaches => of_kinds(&["breach.found"]),
        Figure::LimitsNotTold => such(&|fact| fact.says(ask::TOLD_LIMITS, "no")),
        Figure::SecrecyNotAsked => such(&|fact| fact.says(ask::CONFIDENTIAL, "not_asked")),
        Figure::Late => items(&|item| item.flag == "LATE"),
        Figure::Stopped => of_kinds(&["rule.blocked"]),
        Figure::Closings => of_kinds(&["closing"]),
        Figure::NilReturns => such(&|fact| fact.name() == "closing" && fact.says(ask::NIL, "yes")),
        Figure::InTime => items(&|item| item.due.is_some() && item.state(review.now) == State::Closed),
        Figure::DoneLate => items(&|item| item.state(review.now) == State::ClosedLate),
        Figure::Overdue => items(&|item| item.state(review.now) == State::Overdue),
    };
    Figure::ALL.into_iter().map(|figure| (figure, number(figure))).collect()
}

fn count<T>(all: impl Iterator<Item = T>) -> u64 {
    all.count() as u64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::review::tests::{Story, at};

    #[test]
    fn what_was_entered_in_the_time_is_counted_and_no_more() {
        let mut story = Story::new();
        let concern = |learned: &str| {
            json!({"kind": "concern.observed", "case": "theo", "learned_at": learned, "narrative": "seen",
                   "reasons": "again", "hold_check": "no", "concern_type": "neglect", "parents_side": "asked"})
        };
        story.enter("sam", "2026-08-31 10:00", concern("2026-08-31 09:00"));
        let second = story.enter("sam", "2026-10-06 10:00", concern("2026-10-06 09:00"));
        story.enter("sam", "2026-10-12 10:00", concern("2026-10-06 09:30"));
        story.enter(
            "maria",
            "2026-10-06 11:00",
            json!({"kind": "decision.noshare", "case": "theo", "decided_at": "2026-10-06 10:50", "decided_by": "maria",
                   "no_code": "NO-1", "reasons": "below the threshold", "requester_told": {"how": "told"},
                   "review_at": "2026-11-06", "refs": [{"relation": "decides", "entry": second}]}),
        );
        let found = story.review_at(at("2026-10-13 12:00"));
        let rows = figures(&story.facts, &found, at("2026-09-01"), at("2026-10-31"));
        let number = |figure: Figure| rows.iter().find(|(known, _)| *known == figure).unwrap().1;
        assert_eq!((number(Figure::Concerns), number(Figure::NotShared), number(Figure::Shared)), (2, 1, 0));
        // The third was written late. The second was decided on in time, and nobody told Sam; nobody decided on the third.
        assert_eq!((number(Figure::Late), number(Figure::InTime)), (1, 2));
        assert_eq!(number(Figure::Overdue), 2);
        let all = figures(&story.facts, &found, i64::MIN, i64::MAX);
        assert_eq!(all.iter().find(|(known, _)| *known == Figure::Concerns).unwrap().1, 3);
    }

    #[test]
    fn every_figure_is_shown_once() {
        let mut all = Figure::ALL.to_vec();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), Figure::ALL.len());
        let review = Review { now: 0, items: Vec::new(), unseen: Vec::new(), unseen_rules: Vec::new() };
        assert!(figures::<Fact>(&[], &review, 0, 1).iter().all(|(_, number)| *number == 0));
    }
}
