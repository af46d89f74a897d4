//! The family: whether they were told, and where telling them is held back.

use crate::decision::people::Role;
use crate::review::book::{Book, HeldBack};
use crate::review::consent::recorded;
use crate::review::fact::{Fact, ask, until};
use crate::review::item::{Closed, Item};
use crate::rules::clock;

/// A hold on talking with the family.
#[derive(Debug, Clone, Copy)]
pub struct Hold<'a> {
    /// The entry it comes from.
    pub from: &'a Fact,
    /// The entry that says so: that one, or what filled it in later.
    pub said: u64,
    /// Whether only the line manager's or the Prevent lead's word lets the talk go on.
    pub prevent: bool,
    /// What let it go on.
    pub ended: Option<Closed>,
}

impl Hold<'_> {
    /// Whether it stood at a time, in milliseconds UTC.
    #[must_use]
    pub fn stood(&self, at: i64) -> bool {
        self.from.known() <= at && self.ended.is_none_or(|closed| closed.at > at)
    }
}

impl<'a> Book<'a> {
    /// FAMILY-TELL: what was shared without a consent that counts, until the family is told.
    pub(super) fn family(&self, fact: &'a Fact, out: &mut Vec<Item>) {
        let Some(done) = self.done(fact) else { return };
        // A referral that carries a decision out is what the family is told of.
        if done.by.entry != fact.entry && done.by.name() == "referral.made" || self.rests_on_consent(fact, done.at) {
            return;
        }
        let mut matter: Vec<u64> = vec![fact.entry, done.by.entry];
        matter.extend(self.to(fact, "carries_out").map(|decision| decision.entry));
        let decided: Vec<u64> = self.to(fact, "decides").map(|on| on.entry).collect();
        let carried = self.carried_out(fact).into_iter().flat_map(|decision| self.to(decision, "decides"));
        matter.extend(decided.into_iter().chain(carried.map(|on| on.entry).collect::<Vec<_>>()));
        let of_matter = |talk: &&'a Fact| {
            let mut to = self.to(talk, "tells_of").peekable();
            match to.peek() {
                None => talk.case.is_some() && talk.case == fact.case && talk.when() >= done.at,
                Some(_) => to.any(|on| matter.contains(&on.entry)),
            }
        };
        let of_case = |case| self.of_kinds(case, &["family.told", "family.tell.deferred"]);
        let talks: Vec<&Fact> = fact.case.into_iter().flat_map(of_case).filter(of_matter).collect();
        let told = talks.iter().find(|talk| talk.name() == "family.told" && talk.done());
        let put_off = talks
            .iter()
            .rev()
            .find(|talk| talk.name() == "family.tell.deferred" && told.is_none_or(|told| talk.entry < told.entry));
        let mut item = self.item(fact, "FAMILY-TELL", "tell", done.at);
        if let Some(deferral) = put_off {
            let date = self.whole(deferral).time(ask::REVIEW_AT).map(until);
            item.due = date.or_else(|| self.due(deferral, "FAMILY-TELL", "tell", deferral.when()));
        } else if let (Some(case), Some(own)) = (fact.case, item.due) {
            // While it is held back nobody is late; after that, the day on which it was let go is left for it.
            let later = self.holds(case).into_iter().filter_map(|hold| match hold.ended {
                None => self.hold_due(hold.from),
                Some(end) if hold.stood(own) => {
                    let day = day_end(end.at);
                    Some(self.hold_due(hold.from).map_or(day, |due| due.min(day)))
                }
                Some(_) => None,
            });
            item.due = later.chain([own]).max();
        }
        // Where only what was filled in names the consent that it rests on, that closes it, and what was owed stays to be seen.
        let stages = self.stages(fact).into_iter();
        let consented = stages.filter(|(_, so_far)| self.rests_on_consent(so_far, done.at)).find_map(|(by, _)| by);
        let before_talk = |by: &&Fact| told.is_none_or(|told| by.entry < told.entry);
        out.push(match consented.filter(before_talk) {
            Some(by) => item.closed(Some(recorded(by))),
            None => item.closed_by(told.copied()),
        });
    }

    /// Returns the holds on talking with the family of a case, in order.
    pub fn holds(&self, case: crate::codec::CaseTag) -> Vec<Hold<'a>> {
        let flat = |hold: &Hold<'a>| (hold.from.entry, hold.said, hold.prevent, hold.ended);
        let find = || self.find_holds(case).iter().map(flat).collect();
        let again = |(entry, said, prevent, ended): &HeldBack| {
            Some(Hold { from: self.fact(*entry)?, said: *said, prevent: *prevent, ended: *ended })
        };
        self.held(case, find).iter().filter_map(again).collect()
    }

    fn find_holds(&self, case: crate::codec::CaseTag) -> Vec<Hold<'a>> {
        const KINDS: [&str; 6] =
            ["concern.observed", "disclosure.heard", "info.received", "hold.placed", "consent.asked", "family.told"];
        let mut holds = Vec::new();
        for fact in self.of_kinds(case, &KINDS) {
            let prevents =
                |fact: &Fact| fact.says(ask::CONCERN_TYPE, "Prevent") || fact.says(ask::HOLD_CODE, "HT-PREVENT");
            let holding = |fact: &Fact| match fact.name() {
                "consent.asked" | "family.told" => fact.says(ask::HOLD_CHECK, "yes"),
                _ => prevents(fact) || fact.says(ask::HOLD_CHECK, "yes") || fact.says(ask::HOLD_CODE, "HT-TELL"),
            };
            let whole = self.whole(fact);
            let (prevent, holds_back) = (prevents(&whole), holding(&whole));
            let later = || self.by(fact, "completes").find(|later| holding(later)).map(|later| later.entry);
            let said = if holding(fact) { fact.entry } else { later().unwrap_or(fact.entry) };
            let prolongs = fact.name() == "hold.placed"
                && holds.iter().any(|hold: &Hold<'a>| self.prolongs(fact, hold.from) && hold.stood(fact.known()));
            if holds_back && !prolongs && !fact.carries("completes") {
                let ended = self.let_go(fact, said, prevent, case);
                holds.push(Hold { from: fact, said, prevent, ended });
            }
        }
        holds
    }

    /// Returns a hold of a case that stood at a time.
    #[must_use]
    pub fn standing_hold(&self, case: crate::codec::CaseTag, at: i64) -> Option<Hold<'a>> {
        self.holds(case).into_iter().find(|hold| hold.stood(at))
    }

    /// What lets the talk go on.
    fn let_go(&self, hold: &'a Fact, said: u64, prevent: bool, case: crate::codec::CaseTag) -> Option<Closed> {
        let close = |fact: &Fact| Closed { by: fact.entry, at: fact.when() };
        let released = self.by(hold, "ends").find(|later| later.name() == "hold.released").map(close);
        let talks = self.of_kinds(case, &["advice.given", "family.told", "family.tell.deferred"]);
        let after = || talks.iter().copied().filter(|later| later.entry > said);
        let advice = after().find(|later| later.name() == "advice.given" && self.lets_talk(later, prevent)).map(close);
        // With an agency in the lead (NS-8) the family may be told; not so in a Prevent matter.
        let led = |told: &&'a Fact| {
            told.name() == "family.told"
                && told.done()
                && after().any(|later| {
                    later.name() == "family.tell.deferred"
                        && later.entry < told.entry
                        && later.says(ask::NS_CODE, "NS-8")
                })
        };
        let told = if prevent { None } else { after().find(led).map(close) };
        let elsewhere = self.belongs_elsewhere(hold);
        released.into_iter().chain(advice).chain(told).chain(elsewhere).min_by_key(|closed| closed.at)
    }

    /// When a hold is looked at again. "Not yet" begins the time anew, and a later entry that names the hold may give a date.
    fn hold_due(&self, hold: &'a Fact) -> Option<i64> {
        let date = |fact: &Fact| self.whole(fact).time(ask::REVIEW_AT).map(until);
        let first = date(hold).or_else(|| self.due(hold, "PREVENT-HOLD", "review", hold.known()));
        let of_case = |case| self.of_kinds(case, &["advice.given", "hold.placed"]);
        let later: Vec<&Fact> =
            hold.case.into_iter().flat_map(of_case).filter(|fact| fact.entry > hold.entry).collect();
        let mut anew = later.into_iter().filter_map(|fact| match fact.name() {
            "advice.given" if self.whole(fact).says(ask::ADVICE_CODE, "do_not_tell_yet") => {
                self.due(hold, "PREVENT-HOLD", "review", fact.known())
            }
            "hold.placed" if self.prolongs(fact, hold) => date(fact),
            _ => None,
        });
        anew.next_back().or(first)
    }

    /// Whether a hold that was placed only keeps another one standing.
    fn prolongs(&self, placed: &'a Fact, hold: &Fact) -> bool {
        self.to(placed, "holds").any(|on| on.entry == hold.entry)
    }

    /// PREVENT-HOLD of a case: each hold, and each talk in spite of one.
    pub(super) fn held_back(&self, case: crate::codec::CaseTag, out: &mut Vec<Item>) {
        let holds = self.holds(case);
        if holds.is_empty() {
            return;
        }
        for hold in &holds {
            let due = self.hold_due(hold.from);
            let item = self.item_due(hold.from, "PREVENT-HOLD", "review", hold.from.known(), due);
            out.push(item.closed(hold.ended));
        }
        for talk in self.of_kinds(case, &["family.told", "consent.asked"]) {
            let in_spite = |hold: &Hold<'a>| {
                hold.said < talk.entry && hold.stood(talk.when()) && hold.ended.is_none_or(|by| by.by != talk.entry)
            };
            let knowing = talk.says(ask::HOLD_CHECK, "yes");
            if talk.done() && !talk.has(ask::FOR_SAFETY) && (knowing || holds.iter().any(in_spite)) {
                out.push(self.item_due(talk, "PREVENT-HOLD", "talked", talk.when(), None));
            }
        }
    }

    /// Whether advice says that the talk may go on, from somebody whose word counts for it.
    fn lets_talk(&self, advice: &'a Fact, prevent: bool) -> bool {
        // Whoever is named by their handle advises in the roles that they have.
        let mut roles: Vec<Role> = advice.code(ask::ADVISER_ROLE).and_then(Role::from_code).into_iter().collect();
        let named = advice.persons(ask::ADVISER_PERSON);
        roles.extend(named.flat_map(|person| (self.roles)(person, advice.entry, advice.recorded)));
        let agency = advice.code(ask::ADVISER_AGENCY).unwrap_or_default();
        let manager = roles.contains(&Role::LineManager) || agency == "AG-PREV";
        let lead = roles.iter().any(|role| role.is_overseer()) || ["AG-CSC", "AG-EDT", "AG-POL"].contains(&agency);
        let says = advice.code(ask::ADVICE_CODE);
        match prevent {
            true => manager && says.is_some_and(|code| code != "do_not_tell_yet"),
            false => (manager || lead) && says.is_some_and(|code| ["tell_family", "ask_consent"].contains(&code)),
        }
    }
}

/// Returns the end of a day in London.
pub(super) fn day_end(milliseconds: i64) -> i64 {
    clock::end_of_day(clock::london_day(milliseconds))
}
