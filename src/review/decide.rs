//! Decisions: whether a second person agreed, what they left open, and what still waits for one.

use std::collections::BTreeSet;

use crate::codec::{CaseTag, PersonId, Publicity};
use crate::decision::gap::{Gap, GapLevel};
use crate::decision::people::Role;
use crate::review::book::{Book, News};
use crate::review::fact::{Fact, ask, until};
use crate::review::family::day_end;
use crate::review::findings;
use crate::review::item::{About, Closed, Item};
use crate::rules::clock;
use crate::rules::obligation::Severity;

/// Kinds that decide to give something away.
pub(super) const SHARES: [&str; 3] = ["decision.share", "override", "referral.made"];
/// Agencies that decide on children's protection themselves: children's social care, by day and by night.
pub(super) const SOCIAL_CARE: [&str; 2] = ["AG-CSC", "AG-EDT"];
/// Ways to make a referral that are followed by the written form.
const BY_MOUTH: [&str; 3] = ["M-PHONE", "M-FACE", "M-MEETING"];
/// What brings a decision not to share, or to watch, forward.
const NEWS: [&str; 4] = ["info.received", "concern.observed", "disclosure.heard", "request.received"];

impl<'a> Book<'a> {
    /// INCOMPLETE, NO-BASIS, LATE, EMERGENCY, CLOCK-BACK and EPOCH-OLD of one entry.
    pub(super) fn of_itself(&self, fact: &'a Fact, out: &mut Vec<Item>) {
        let pack = self.rules.pack(&fact.pack);
        // Whoever does something knows of it then. What only fills something in repeats the time of the act.
        let known = fact.learned.is_some() || fact.act && fact.happened && !fact.carries("completes");
        if let Some(late) = self.due(fact, "LATE", "written", fact.known())
            && known
            && clock::is_after(fact.recorded, late)
        {
            let days = findings::days_between(fact.known(), fact.recorded);
            let item = self.item_due(fact, "LATE", "written", fact.recorded, None);
            out.push(item.about(About::DaysLate(days)));
        }
        if fact.clock_back {
            out.push(self.item_due(fact, "CLOCK-BACK", "shown", fact.recorded, None));
        }
        if let Some(could_know) = fact.epoch_old {
            let item = self.item_due(fact, "EPOCH-OLD", "shown", fact.recorded, None);
            out.push(item.about(About::CouldKnow(could_know)));
        }
        if self.is_emergency(fact) {
            out.push(self.item_due(fact, "EMERGENCY", "shown", fact.when(), None));
        }
        // What the clerk writes itself is whole when it is entered; its keys and proofs are not kept here.
        let by_clerk = fact.kind.publicity() == Some(Publicity::Public) || fact.name() == "retire.done";
        let gapless = fact.gapless && self.rules.knows_pack(&fact.pack);
        let gaps = if by_clerk || gapless { Vec::new() } else { fact.gaps(pack) };
        if gaps.is_empty() {
            return;
        }
        // What a later entry fills in closes the gaps it fills, each on its own.
        let mut open: Vec<(Gap, Option<Closed>)> = gaps.into_iter().map(|gap| (gap, None)).collect();
        let mut filled: Vec<&Fact> = Vec::new();
        for later in self.by(fact, "completes").filter(|later| later.kind == fact.kind) {
            filled.push(later);
            let whole = fact.completed(filled.iter().copied());
            let still: BTreeSet<String> = whole.gaps(pack).into_iter().map(|gap| gap.field).collect();
            for (gap, closed) in &mut open {
                if closed.is_none() && !still.contains(&gap.field) {
                    *closed = Some(Closed { by: later.entry, at: later.recorded });
                }
            }
        }
        for (mut gap, closed) in open {
            gap.level = GapLevel::BeforeAct;
            let told = gap.field.starts_with("requester_told");
            let closed = if told { closed.or_else(|| self.requester_told(fact)) } else { closed };
            let step = if told { "requester_told" } else { "fields" };
            let ground = SHARES.contains(&fact.name()) && ["basis", "special"].contains(&gap.field.as_str());
            if ground && let Some(done) = self.done(fact) {
                let started = done.by.recorded;
                let carried = self.carried_out(fact);
                let carried =
                    carried.filter(|decision| !decision.gaps(pack).iter().any(|other| other.field == gap.field));
                let closed = closed.or_else(|| carried.map(|fact| Closed { by: fact.entry, at: fact.recorded }));
                let item = self.item(fact, "NO-BASIS", "basis", started);
                out.push(item.closed(closed).about(About::Gap(gap.clone())));
            }
            let item = self.item(fact, "INCOMPLETE", step, fact.recorded);
            out.push(item.closed(closed).about(About::Gap(gap)));
        }
    }

    /// The decision that an entry carries out.
    pub(super) fn carried_out(&self, fact: &Fact) -> Option<&'a Fact> {
        self.to(fact, "carries_out").next()
    }

    /// Whoever asked was told why not: in a talk that comes out of their request, or is about the decision.
    fn requester_told(&self, fact: &'a Fact) -> Option<Closed> {
        let asked: Vec<&Fact> = self.to(fact, "answers").collect();
        let around = asked.into_iter().chain(Some(fact)).flat_map(|of| self.later(of));
        let talk = |(relation, later): &(&'static str, &'a Fact)| {
            later.name() == "discussion"
                && later.entry > fact.entry
                && ["follows", "about"].contains(relation)
                && later.codes(ask::ATTENDEE_ROLE).any(|role| role != "staff")
        };
        around
            .filter(talk)
            .map(|(_, later)| Closed { by: later.entry, at: later.when() })
            .min_by_key(|closed| closed.by)
    }

    /// UNBACKED, and what is wrong with those who backed.
    pub(super) fn backing(&self, fact: &'a Fact, out: &mut Vec<Item>) {
        if fact.carries("carries_out") || fact.carries("completes") {
            return;
        }
        let done = self.done(fact);
        let emergency = self.is_emergency(fact);
        // In an emergency the act comes first.
        let since = if emergency { done.map_or(fact.decided(), |done| done.at) } else { fact.decided() };
        // What is planned for a time is to be backed by a day after that; what has no time yet has no date either.
        let acts = done.map(|done| done.at).or(fact.occurred.is_some().then_some(fact.occurred.milliseconds));
        let mut item = match acts {
            Some(at) => self.item(fact, "UNBACKED", "backing", at),
            None => self.item_due(fact, "UNBACKED", "backing", since, None),
        };
        item.since = since;
        let (mut counting, mut wrong) = (Vec::new(), Vec::new());
        for backing in self.by(fact, "backs") {
            let agrees = backing.says(ask::VIEW, "agrees");
            let same = backing.person == fact.person;
            let in_role = self.in_role(backing.person, backing, Role::needs_second_person);
            if !in_role {
                wrong.push(self.item_due(backing, "ROLE-INVALID", "shown", backing.recorded, None));
            }
            let party = self.party(backing.person, fact);
            if party {
                let about = self.stands_in(backing);
                wrong.push(self.item_due(backing, "CONFLICT", "shown", backing.recorded, None).about(about));
            }
            if agrees && !same && in_role && !party {
                counting.push(Closed { by: backing.entry, at: backing.when() });
            }
        }
        let first = counting.first().copied();
        // Somebody who counts makes good what stood before.
        out.extend(wrong.into_iter().map(|item: Item| {
            let closed = first.filter(|closed: &Closed| closed.by > item.entry);
            item.closed(closed)
        }));
        let two = self.two_took_part(fact).then_some(Closed { by: fact.entry, at: since });
        // What was not done after all needs nobody's word.
        let not_done = self.by(fact, "reviews").find(|later| done.is_none() && later.name() == "decision.noshare");
        let not_done = not_done.map(|later| Closed { by: later.entry, at: later.when() });
        let all = first.into_iter().chain(two).chain(self.advised(fact)).chain(not_done);
        item.closed = all.min_by_key(|closed| closed.at);
        let declined: Vec<u64> = self.by(fact, "declines").map(|no| no.entry).collect();
        if !declined.is_empty() {
            item.about = About::Declined(declined);
        }
        out.push(item);
    }

    /// Whether two people took part, one of them designated: each signed something, the decision itself or what it decides.
    /// A name that somebody else typed counts for nobody.
    fn two_took_part(&self, fact: &'a Fact) -> bool {
        let mut signed: Vec<&Fact> = self.to(fact, "decides").collect();
        signed.push(fact);
        let people: BTreeSet<PersonId> = signed.iter().map(|fact| fact.person).collect();
        let designated =
            |fact: &&Fact| self.in_role(fact.person, fact, |role| matches!(role, Role::Dsl | Role::DeputyDsl));
        people.len() > 1 && signed.iter().any(designated)
    }

    /// For a designated person alone: the local authority's advice, or the reference that it gave for the referral.
    fn advised(&self, fact: &'a Fact) -> Option<Closed> {
        if !self.in_role(fact.person, fact, |role| matches!(role, Role::Dsl | Role::DeputyDsl | Role::Leader)) {
            return None;
        }
        let authority = |code: &str| SOCIAL_CARE.contains(&code) || code == "AG-LADO";
        let theirs = |advice: &&Fact| match advice.name() {
            "la.consulted" => true,
            "advice.given" => advice.codes(ask::ADVISER_AGENCY).any(authority),
            _ => false,
        };
        // Advice that it names, or that came out of the same question as the name it follows.
        let named = self.to(fact, "advised_by").find(theirs);
        let of_question = || {
            let questions = self.to(fact, "follows").flat_map(|from| self.to(from, "follows").collect::<Vec<_>>());
            questions.flat_map(|question| self.by(question, "answers")).find(theirs)
        };
        if let Some(advice) = named.or_else(of_question) {
            return Some(Closed { by: advice.entry, at: advice.when() });
        }
        let gave = |fact: &Fact| fact.codes(ask::RECIPIENT_AGENCY).any(authority) && fact.has(ask::RECIPIENT_REFERENCE);
        if self.whole(fact).done() && gave(&self.whole(fact)) {
            return Some(Closed { by: fact.entry, at: fact.when() });
        }
        let carried = self.by(fact, "carries_out").find(|later| gave(later));
        carried.map(|later| Closed { by: later.entry, at: later.when() })
    }

    /// CONCERN-UNDECIDED: a concern that nobody decided on, and whose author was not told.
    pub(super) fn concern(&self, fact: &'a Fact, out: &mut Vec<Item>) {
        let step = if fact.name() == "disclosure.heard" { "disclosure" } else { "concern" };
        let item = self.item(fact, "CONCERN-UNDECIDED", step, fact.known());
        let decided = self.decided_by(fact, 0);
        let closed = decided.map(|(_, closed)| closed);
        let planned = self.by(fact, "decides").filter(|later| decides(later)).find(|later| self.done(later).is_none());
        out.push(item.closed(closed).planned(planned));
        let Some((decision, closed)) = decided else { return };
        let told = self.item(fact, "CONCERN-UNDECIDED", "told", closed.at);
        let whole = self.whole(decision);
        let knows = decision.person == fact.person || whole.persons(ask::DECIDED_BY).any(|one| one == fact.person);
        let knows = knows.then_some(closed);
        let said = whole.time(ask::AUTHOR_TOLD).map(|at| Closed { by: decision.entry, at: at.milliseconds });
        // Their own later word on it, or a talk with them, shows that they know.
        let later = self.later(decision).chain(self.later(fact)).filter(|(_, later)| later.entry > decision.entry);
        let heard = later.filter(|(_, later)| {
            later.person == fact.person
                || later.name() == "discussion" && later.persons(ask::ATTENDEE_PERSON).any(|one| one == fact.person)
        });
        let heard = heard.map(|(_, later)| Closed { by: later.entry, at: later.when() }).min_by_key(|closed| closed.by);
        out.push(told.closed(knows.or(said).or(heard)));
    }

    /// Returns the decision on a concern, and when it took effect. A concern out of the intake folder goes on in the case that a later
    /// entry brings it into.
    fn decided_by(&self, fact: &'a Fact, depth: u8) -> Option<(&'a Fact, Closed)> {
        let own = self.by(fact, "decides").filter(|later| decides(later)).find_map(|decision| {
            // The decision is what was owed; what was only proposed decides nothing until it is done.
            let done = self.done(decision)?;
            Some((decision, Closed { by: decision.entry, at: done.at }))
        });
        if own.is_some() || depth > 3 {
            return own;
        }
        let into_case = |later: &&'a Fact| fact.case.is_none() && later.case.is_some();
        self.by(fact, "follows").filter(into_case).find_map(|later| match later.name() {
            "referral.made" => self.done(later).map(|done| (later, done.closes())),
            _ => self.decided_by(later, depth + 1),
        })
    }

    /// What was called misfiled by two people and written anew in the right case is owed there, and no longer where it was.
    pub(super) fn filed_anew(&self, out: &mut [Item]) {
        let misplaced = self.facts.iter().filter(|fact| fact.name() == "misfiled");
        for wrong in misplaced.flat_map(|misfiled| self.to(misfiled, "misplaced").collect::<Vec<_>>()) {
            let Some(closed) = self.belongs_elsewhere(wrong) else { continue };
            let open = |item: &&mut Item| {
                item.entry == wrong.entry && item.closed.is_none() && item.severity == Severity::Item
            };
            out.iter_mut().filter(open).for_each(|item| item.closed = Some(closed));
        }
    }

    /// Returns what says that an entry stands in the wrong case: two people's word, once it is written anew in the right one.
    pub(super) fn belongs_elsewhere(&self, wrong: &'a Fact) -> Option<Closed> {
        let said = self.by(wrong, "misplaced").filter(|fact| fact.name() == "misfiled");
        said.into_iter().find_map(|misfiled| {
            let word = self.by(misfiled, "confirms").find(|word| {
                let role = self.in_role(word.person, word, Role::needs_second_person);
                word.person != misfiled.person && word.says(ask::VIEW, "agrees") && role
            })?;
            let anew = |later: &'a Fact| later.kind == wrong.kind && later.case != wrong.case;
            let closed = Closed { by: misfiled.entry, at: word.when() };
            self.by(misfiled, "about").any(anew).then_some(closed)
        })
    }

    /// REQUEST-UNDECIDED.
    pub(super) fn request(&self, fact: &'a Fact, out: &mut Vec<Item>) {
        let whole = self.whole(fact);
        let step = match whole.code(ask::DUTY) {
            Some("D-S47") => "s47",
            Some("D-S17") => "s17",
            _ => "other",
        };
        let answers = |later: &&'a Fact| {
            matches!(
                later.name(),
                "decision.share" | "decision.noshare" | "override" | "enquiry.answered" | "referral.made"
            )
        };
        let closed = self.by(fact, "answers").filter(answers).find_map(|later| {
            let done = self.done(later)?;
            Some(Closed { by: later.entry, at: done.at })
        });
        let planned = self.by(fact, "answers").filter(answers).find(|later| self.done(later).is_none());
        out.push(self.item(fact, "REQUEST-UNDECIDED", step, fact.known()).closed(closed).planned(planned));
    }

    /// NOSHARE-REVIEW: from the decision to the first look at it; a talk that keeps it with a new date begins anew.
    pub(super) fn noshare_review(&self, fact: &'a Fact, out: &mut Vec<Item>) {
        let Some(done) = self.done(fact) else { return };
        let mut from = (fact, done.at, self.whole(fact).time(ask::REVIEW_AT));
        let mut looks: Vec<&Fact> = self.by(fact, "reviews").collect();
        looks.sort_by_key(|look| look.entry);
        let mut looks = looks.into_iter();
        loop {
            let (began, at, review_at) = from;
            let look = looks.by_ref().find_map(|look| match look.name() {
                "discussion" => look.has(ask::REVIEW_AT).then_some((look, look.when())),
                _ => self.done(look).map(|done| (look, done.at)),
            });
            let planned = match review_at {
                Some(date) => Some(day_end(until(date))),
                None => self.due(fact, "NOSHARE-REVIEW", "review", at),
            };
            let sooner =
                fact.case.and_then(|case| self.soonest_news(case, began.entry, look.map(|(look, _)| look.entry)));
            let moved = sooner.filter(|sooner| planned.is_none_or(|planned| *sooner < planned));
            let step = if moved.is_some() { "sooner" } else { "review" };
            let closed = look.map(|(look, at)| Closed { by: look.entry, at });
            out.push(self.item_due(began, "NOSHARE-REVIEW", step, at, moved.or(planned)).closed(closed));
            match look {
                Some((look, at)) if look.name() == "discussion" => from = (look, at, look.time(ask::REVIEW_AT)),
                _ => return,
            }
        }
    }

    /// Returns the earliest time by which news of a case, behind one entry and before another, wants a decision looked at.
    fn soonest_news(&self, case: CaseTag, behind: u64, before: Option<u64>) -> Option<i64> {
        let list = self.news(case, || {
            let news = self.of_kinds(case, &NEWS).into_iter().filter(|news| !news.carries("completes"));
            let due = |news: &Fact| Some((news.entry, self.due(news, "NOSHARE-REVIEW", "sooner", news.known())?));
            let mut list: Vec<News> = news.filter_map(due).map(|(entry, due)| (entry, due, due)).collect();
            let mut least = i64::MAX;
            for (_, due, from_here) in list.iter_mut().rev() {
                least = least.min(*due);
                *from_here = least;
            }
            list
        });
        let rest = list.get(list.partition_point(|(entry, ..)| *entry <= behind)..).unwrap_or_default();
        match before {
            None => rest.first().map(|(.., least)| *least),
            Some(before) => rest.iter().take_while(|(entry, ..)| *entry < before).map(|(_, due, _)| *due).min(),
        }
    }

    /// REFERRAL-PENDING, and ADVICE-BECAME-REFERRAL once its day has run out.
    pub(super) fn pending(&self, fact: &'a Fact, now: i64, out: &mut Vec<Item>) {
        let made = self.by(fact, "follows").filter(|later| later.name() == "referral.made");
        let closed = made.filter_map(|made| Some(self.done(made)?.closes())).min_by_key(|closed| closed.at);
        let item = self.item(fact, "REFERRAL-PENDING", "referral", fact.when()).closed(closed);
        let due = item.due.unwrap_or(i64::MAX);
        let ran_out = clock::is_after(closed.map_or(now, |closed| closed.at), due);
        if ran_out {
            let red = self.item_due(fact, "ADVICE-BECAME-REFERRAL", "shown", due + 1000, None);
            out.push(red.closed(closed));
        } else {
            out.push(item);
        }
    }

    /// LA-DECISION, WRITTEN-CONFIRMATION and CHASE of a referral, or of a concern that was shared with social care.
    pub(super) fn referral(&self, fact: &'a Fact, now: i64, out: &mut Vec<Item>) {
        let Some(done) = self.done(fact) else { return };
        let lado = fact.name() == "lado.referral";
        let to = |fact: &Fact| fact.codes(ask::RECIPIENT_AGENCY).any(|agency| SOCIAL_CARE.contains(&agency));
        let social_care = to(fact) || to(done.by);
        if !matches!(fact.name(), "referral.made" | "lado.referral") {
            // A share counts as one if it decides on a concern, and no referral carries it out, which has its own.
            let concerned = self.to(fact, "decides").any(|on| self.is_concern(on));
            if !social_care || !concerned || done.by.name() == "referral.made" {
                return;
            }
        }
        let whole = self.whole(fact);
        let method = done.by.code(ask::METHOD).or(whole.code(ask::METHOD));
        let of_both = |relation: &'static str| {
            let mut all: Vec<&'a Fact> = self.by(fact, relation).collect();
            if done.by.entry != fact.entry {
                all.extend(self.by(done.by, relation));
            }
            all.sort_by_key(|later| later.entry);
            all
        };
        if method.is_some_and(|method| BY_MOUTH.contains(&method)) {
            let form = of_both("writes_up").into_iter().find(|later| later.done());
            out.push(self.item(fact, "WRITTEN-CONFIRMATION", "form", done.at).closed_by(form));
        }
        if lado || !social_care {
            return;
        }
        let outcome = of_both("answers").into_iter().find(|later| later.name() == "referral.outcome");
        let item = self.item(fact, "LA-DECISION", "answer", done.at).closed_by(outcome);
        let due = item.due;
        let closed = item.closed;
        out.push(item);
        self.chase(fact, due, closed, &of_both("chases"), now, out);
    }

    /// CHASE: once an answer is overdue, by the end of the next working day and of each one after, until it comes.
    pub(super) fn chase(
        &self,
        fact: &'a Fact,
        due: Option<i64>,
        answered: Option<Closed>,
        chases: &[&'a Fact],
        now: i64,
        out: &mut Vec<Item>,
    ) {
        let Some(due) = due else { return };
        let end = answered.map_or(now, |closed| closed.at);
        if !clock::is_after(end, due) {
            return;
        }
        let mut since = due;
        for chased in chases.iter().filter(|chased| chased.when() > due && chased.when() <= end) {
            let item = self.item(fact, "CHASE", "next", since);
            out.push(item.closed_by(Some(chased)));
            since = chased.when();
        }
        out.push(self.item(fact, "CHASE", "next", since).closed(answered));
    }

    /// CHASE of our own question to somebody, once the day by which they were to answer has passed.
    pub(super) fn our_request(&self, fact: &'a Fact, now: i64, out: &mut Vec<Item>) {
        let Some(by) = self.whole(fact).time(ask::REPLY_BY) else { return };
        if self.done(fact).is_none() {
            return;
        }
        let reply = self.by(fact, "answers").next().map(|reply| Closed { by: reply.entry, at: reply.when() });
        let day = day_end(by.milliseconds);
        let chases: Vec<&Fact> = self.by(fact, "chases").collect();
        self.chase(fact, Some(day), reply, &chases, now, out);
    }

    /// Whether an entry, with what was filled in later, tells of a worry about a child.
    pub(super) fn is_concern(&self, fact: &Fact) -> bool {
        is_concern(fact) || fact.name() == "info.received" && is_concern(&self.whole(fact))
    }
}

/// Whether an entry settles what becomes of a concern.
fn decides(later: &Fact) -> bool {
    SHARES.contains(&later.name()) || matches!(later.name(), "decision.noshare" | "decision.monitor")
}

/// Whether an entry tells of a worry about a child.
pub(super) fn is_concern(fact: &Fact) -> bool {
    match fact.name() {
        "disclosure.heard" | "concern.observed" => true,
        "info.received" => fact.has(ask::CONCERN_TYPE),
        _ => false,
    }
}
