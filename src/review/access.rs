//! Rights: requests for a file with their clock, third parties, the guard while a request runs, complaints and breaches.

use chrono::NaiveDate;

use crate::codec::CaseTag;
use crate::decision::gap::{Gap, GapLevel};
use crate::review::book::Book;
use crate::review::fact::{Fact, ask};
use crate::review::family::day_end;
use crate::review::item::{About, Closed, Item};
use crate::rules::access::{AccessClock, Asked, Request};
use crate::rules::clock::{self, Clock};
use crate::rules::policy::CleanCopyCheck;

/// Where a request for a file stands.
#[derive(Debug, Clone)]
pub struct Running<'a> {
    /// The entry that received it.
    pub from: &'a Fact,
    /// When it was received, in milliseconds UTC.
    pub received: i64,
    /// Its clock.
    pub clock: AccessClock,
    /// What ended it.
    pub ended: Option<Closed>,
}

impl Running<'_> {
    /// Whether it ran when an entry was recorded at a time: from the minute they asked, also where that was written down
    /// later.
    #[must_use]
    pub fn ran(&self, entry: u64, at: i64) -> bool {
        self.received <= at && self.ended.is_none_or(|end| end.by > entry)
    }

    /// Returns the last moment by law, in milliseconds UTC.
    #[must_use]
    pub fn legal_due(&self) -> i64 {
        clock::end_of_day(self.clock.legal_due)
    }
}

impl<'a> Book<'a> {
    /// Returns the entries that belong to the same matter as the one that began it, in order.
    pub fn matter(&self, fact: &Fact) -> impl Iterator<Item = &'a Fact> {
        self.by(fact, "part_of")
    }

    /// Returns where a request for a file stands.
    #[must_use]
    pub fn running(&self, fact: &'a Fact) -> Running<'a> {
        let received = if fact.occurred.is_some() { fact.occurred.milliseconds } else { fact.known() };
        let parts: Vec<&Fact> = self.matter(fact).filter(|part| part.done()).collect();
        let asked = |question: &'static str, answer: &'static str| -> Vec<Asked> {
            let questions = parts.iter().filter(|part| part.name() == question);
            questions
                .map(|one| {
                    let answered = self.by(one, "answers").find(|later| later.name() == answer);
                    let answered = answered.map(|later| clock::london_day(later.when()));
                    Asked { asked: clock::london_day(one.when()), answered }
                })
                .collect()
        };
        let days = match self.rules.clock(&fact.pack, &fact.policy, "SAR-DUE", "release") {
            Some(Clock::Days(days) | Clock::DaysRolled(days)) => Some(days),
            _ => None,
        };
        let request = Request {
            identity: asked("access.id_asked", "access.id_received"),
            known: self.whole(fact).says(ask::IDENTITY, "known"),
            clarified: asked("access.clarify_asked", "access.clarify_received"),
            extended: parts.iter().find(|part| part.name() == "access.extended").map(|part| self.told_on(part)),
            policy_days: days,
        };
        let clock = AccessClock::read(clock::london_day(received), &request, self.rules.working_days_at(fact.recorded));
        let ends = |part: &&&Fact| match part.name() {
            "access.released" | "access.refused" => true,
            "access.clarify_received" => part.says(ask::REPLY, "request_withdrawn"),
            _ => false,
        };
        let ended = parts.iter().find(ends).map(|part| Closed { by: part.entry, at: part.when() });
        Running { from: fact, received, clock, ended }
    }

    /// The day on which an extension counts as told: it has to stand in the ledger by the last day.
    fn told_on(&self, extended: &Fact) -> NaiveDate {
        clock::london_day(extended.recorded)
    }

    /// SAR-DUE and NO-PR of a request for a file.
    pub(super) fn access(&self, fact: &'a Fact, out: &mut Vec<Item>) {
        let running = self.running(fact);
        let parts = || self.matter(fact).filter(|part| part.done());
        let of = |name: &'static str| move |part: &&'a Fact| part.name() == name;
        let acknowledged = self.by(fact, "acknowledges").filter(|part| part.done());
        let acknowledged = acknowledged.chain(parts()).find(of("access.acknowledged"));
        let ack = self.item(fact, "SAR-DUE", "ack", running.received);
        // An answer within the time to acknowledge needs no acknowledgement of its own.
        let ack_closed = acknowledged.map(|part| Closed { by: part.entry, at: part.when() });
        out.push(ack.closed(ack_closed.or(running.ended)));

        let day = |day: NaiveDate| clock::end_of_day(day);
        let mut item = self.item_due(fact, "SAR-DUE", "release", running.received, Some(day(running.clock.due())));
        let policy = self.rules.policy(&fact.policy);
        let wanted = policy.map_or(&[][..], |policy| &policy.access().reminder_days);
        let reminders = wanted.iter().map(|days| clock::days_after(clock::london_day(running.received), *days));
        let reminders = reminders.filter(|day| *day < running.clock.due()).map(clock::begin_of_day).collect();
        item.about = About::Access {
            legal_due: day(running.clock.legal_due),
            policy_due: running.clock.policy_due.map(day),
            paused_since: running.clock.paused_since.map(clock::begin_of_day),
            waiting_since: running.clock.waiting_since.map(clock::begin_of_day),
            inclusive_due: day(running.clock.inclusive_due),
            reminders,
        };
        out.push(item.closed(running.ended));
        for released in parts().filter(of("access.released")) {
            self.unchecked(fact, released, out);
        }
        if running.clock.extension_late
            && let Some(extended) = parts().find(of("access.extended"))
        {
            out.push(self.item_due(extended, "SAR-DUE", "extension", extended.recorded, None));
        }
        let whole = self.whole(fact);
        let said = whole.code(ask::PR_STATUS).is_some_and(|status| status != "PR-0");
        let requester = fact.persons(ask::REQUESTER_PERSON).next();
        if let Some(case) = fact.case {
            // Whoever is known to hold none shows a paper, or is not believed.
            let known = requester.is_some_and(|person| self.holds_none(case, person, i64::MAX));
            if !said || known && !whole.has(ask::EVIDENCE_SEEN) {
                self.no_pr(fact, requester, case, out);
            }
        }
    }

    /// INCOMPLETE of a copy that was handed over though nobody but its maker had looked at it.
    fn unchecked(&self, request: &'a Fact, released: &'a Fact, out: &mut Vec<Item>) {
        let Some(hash) = released.hash(ask::COPY_HASH) else { return };
        let usual = CleanCopyCheck::default();
        let rule = self.rules.policy(&released.policy).map_or(&usual, |policy| &policy.access().clean_copy);
        if !rule.must {
            return;
        }
        let copies = self.matter(request).filter(|part| part.name() == "access.cleancopy.made");
        let makers: Vec<_> = copies.filter(|copy| copy.hash(ask::COPY_HASH) == Some(hash)).collect();
        let second = |part: &&'a Fact| {
            part.name() == "access.cleancopy.checked"
                && part.hash(ask::COPY_HASH) == Some(hash)
                && part.says(ask::VIEW, "agrees")
                && makers.iter().all(|copy| copy.person != part.person)
                && self.in_role(part.person, part, |role| rule.by.iter().any(|code| code == role.code()))
        };
        let checks: Vec<&'a Fact> = self.matter(request).filter(second).collect();
        if checks.iter().any(|check| check.entry < released.entry) {
            return;
        }
        let gap = Gap::new(
            "access.cleancopy.checked",
            GapLevel::BeforeAct,
            "the copy was handed over, and no second person had looked at it",
            "let another person look at it now",
        );
        let closed = checks.first().map(|check| Closed { by: check.entry, at: check.recorded });
        let item = self.item(released, "INCOMPLETE", "fields", released.recorded);
        out.push(item.closed(closed).about(About::Gap(gap)));
    }

    /// TP-OUTSTANDING: a third party was asked and has not answered.
    pub(super) fn third_party(&self, fact: &'a Fact, out: &mut Vec<Item>) {
        let Some(done) = self.done(fact) else { return };
        let replied = self.by(fact, "answers").find(|later| later.name() == "access.thirdparty.replied");
        let decided = self.by(fact, "decides").filter(|later| later.name() == "access.thirdparty.decided");
        let closed = replied.into_iter().chain(decided.filter(|later| later.done())).min_by_key(|later| later.entry);
        let mut item = self.item(fact, "TP-OUTSTANDING", "reply", done.at);
        if let Some(by) = self.whole(fact).time(ask::REPLY_BY) {
            item.due = Some(day_end(by.milliseconds));
        }
        out.push(item.closed_by(closed));
    }

    /// S173-RISK: what was entered about a case while somebody's request for its file was running.
    pub(super) fn guarded(&self, fact: &'a Fact, requests: &[Running<'a>], cases: &[CaseTag], out: &mut Vec<Item>) {
        let meant = |running: &&Running<'a>| match running.from.case {
            None => true,
            Some(case) => cases.contains(&case),
        };
        if requests.iter().filter(meant).any(|running| running.ran(fact.entry, fact.recorded)) {
            out.push(self.item_due(fact, "S173-RISK", "shown", fact.recorded, None));
        }
    }

    /// COMPLAINT-ACK.
    pub(super) fn complaint(&self, fact: &'a Fact, out: &mut Vec<Item>) {
        let start = if fact.occurred.is_some() { fact.occurred.milliseconds } else { fact.known() };
        let kind = fact.code(ask::COMPLAINT_TYPE).unwrap_or_default();
        let acknowledged = self.by(fact, "acknowledges").chain(self.matter(fact));
        let acknowledged = acknowledged.filter(|part| part.name() == "complaint.acknowledged").find(|part| part.done());
        let outcome = self.matter(fact).find(|part| part.name() == "complaint.outcome" && part.done());
        // Whoever is told the outcome in time was answered.
        let answered = acknowledged.into_iter().chain(outcome).min_by_key(|part| part.entry);
        // One step to be seen, with two clocks: what is about care, too, has the shorter one.
        let clock = if kind == "data_protection" { "ack" } else { "eyfs_ack" };
        let due = self.due(fact, "COMPLAINT-ACK", clock, start);
        out.push(self.item_due(fact, "COMPLAINT-ACK", "ack", start, due).closed_by(answered));
        let mut item = self.item(fact, "COMPLAINT-ACK", "outcome", start);
        if !matches!(kind, "eyfs" | "both") {
            item.due = None;
        }
        out.push(item.closed_by(outcome));
    }

    /// BREACH-72H.
    pub(super) fn breach(&self, fact: &'a Fact, out: &mut Vec<Item>) {
        let parts = || self.matter(fact).filter(|part| part.done());
        let harmless =
            |part: &&'a Fact| part.says(ask::BREACH_RISK, "unlikely") || self.to(part, "relies_on").next().is_some();
        let assessed = || parts().filter(|part| part.name() == "breach.assessed");
        // Whoever told the insurer has not told the ICO.
        let to_ico = |part: &&'a Fact| part.code(ask::RECIPIENT_AGENCY).is_none_or(|agency| agency == "AG-ICO");
        let reported = parts().filter(|part| part.name() == "breach.reported").find(to_ico);
        // A look that finds it worse than the one before begins anew what that one had closed.
        let mut from = Some((0, fact.known()));
        while let Some((behind, since)) = from.take() {
            let fine = assessed().filter(|part| part.entry > behind).find(harmless);
            let closed = fine.into_iter().chain(reported).min_by_key(|part| part.entry);
            let mut item = self.item(fact, "BREACH-72H", "ico", fact.known());
            item.since = since;
            out.push(item.closed_by(closed));
            if let Some(fine) = fine.filter(|fine| reported.is_none_or(|told| told.entry > fine.entry)) {
                let worse = assessed().find(|part| part.entry > fine.entry && !harmless(part));
                from = worse.map(|worse| (worse.entry, worse.when()));
            }
        }
        let high = parts().find(|part| part.name() == "breach.assessed" && part.says(ask::BREACH_RISK, "high_risk"));
        if let Some(high) = high {
            let told = self.by(fact, "tells_of").chain(self.matter(fact));
            let told = told.filter(|part| part.name() == "breach.subjects_told").find(|part| part.done());
            let mut item = self.item(high, "BREACH-72H", "people", high.when());
            (item.entry, item.author, item.case) = (fact.entry, fact.person, fact.case);
            out.push(item.closed_by(told));
        }
    }
}
