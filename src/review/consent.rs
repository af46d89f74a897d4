//! Consents: where each stands at a time, worked out from the entries and never stored; and what follows from it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::codec::{CaseTag, PersonId};
use crate::decision::value::FieldId;
use crate::review::book::{Book, Done};
use crate::review::decide::SHARES;
use crate::review::fact::{Fact, ask};
use crate::review::item::{About, Closed, Item, Standing, Unsound};

/// What shows, or does not show, that somebody holds parental responsibility for a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Responsibility<'a> {
    /// Shown, with evidence that was seen.
    Shown(&'a Fact),
    /// Only declared.
    Declared(&'a Fact),
    /// Nothing shows it.
    Nothing,
}

/// The parts of an explanation, and of what was made sure of, with what their absence means.
const EXPLAINED: [(FieldId, Unsound); 5] = [
    (ask::WHY, Unsound::Why),
    (ask::WHAT, Unsound::What),
    (ask::WHO_SEES, Unsound::WhoSees),
    (ask::FOR_WHAT, Unsound::Purpose),
    (ask::IMPLICATIONS, Unsound::Implications),
];
const ASSURED: [(FieldId, Unsound); 4] = [
    (ask::CAPACITY, Unsound::Capacity),
    (ask::FREELY_GIVEN, Unsound::FreelyGiven),
    (ask::NO_COERCION, Unsound::NoCoercion),
    (ask::WITHDRAWAL_EXPLAINED, Unsound::Withdrawal),
];
/// The words, a yes or a no, that a share rests on.
pub(super) enum Words<'a> {
    /// Those that it names.
    Named(Vec<&'a Fact>),
    /// It names consent as its ground, and none: all that were said of its purpose up to the share, in order of entry.
    OfPurpose(Vec<&'a Fact>),
    /// None: it stands on another ground, or on none yet.
    Nothing,
}

/// Purposes of pictures: what was shown under them has to be taken down.
pub(super) const PHOTOS: &str = "PH-";

impl<'a> Book<'a> {
    /// Returns what shows that a person holds parental responsibility for the child of a case at a time.
    #[must_use]
    pub fn responsibility(&self, case: CaseTag, person: PersonId, at: i64) -> Responsibility<'a> {
        let Some(relation) = self.relation_of(case, person, at) else { return Responsibility::Nothing };
        let whole = self.whole(relation);
        match whole.code(ask::PR_STATUS) {
            Some("PR-0") | None => Responsibility::Nothing,
            Some("PR-?") => Responsibility::Declared(relation),
            Some(_) if !whole.has(ask::EVIDENCE_SEEN) => Responsibility::Declared(relation),
            Some(_) => Responsibility::Shown(relation),
        }
    }

    /// Returns the newest word on how somebody is related to the child of a case that stood at a time.
    fn relation_of(&self, case: CaseTag, person: PersonId, at: i64) -> Option<&'a Fact> {
        let of_person = |fact: &&'a Fact| {
            fact.name() == "relation.assert"
                && !fact.carries("completes")
                && fact.persons(ask::PERSON).chain(fact.persons(ask::OTHER_PERSON)).any(|one| one == person)
        };
        let stands = |fact: &&'a Fact| {
            let ended = self.by(fact, "ends").any(|end| {
                end.name() == "relation.end" && end.time(ask::ENDS_AT).is_none_or(|time| time.milliseconds <= at)
            });
            let begun = fact.time(ask::STARTS_AT).is_none_or(|time| time.milliseconds <= at);
            begun && !ended
        };
        let relations = self.of_kinds(case, &["relation.assert"]);
        relations.into_iter().filter(of_person).rfind(stands)
    }

    /// Whether a refusal comes from somebody who is known to hold no parental responsibility. Where nothing is known of
    /// them, it counts.
    fn may_not_refuse(&self, refusal: &Fact, at: i64) -> bool {
        let giver = refusal.case.zip(self.whole(refusal).persons(ask::GIVER).next());
        giver.is_some_and(|(case, giver)| self.holds_none(case, giver, at))
    }

    /// Whether somebody is known to hold no parental responsibility for the child of a case.
    pub(super) fn holds_none(&self, case: CaseTag, person: PersonId, at: i64) -> bool {
        self.relation_of(case, person, at).is_some_and(|known| self.whole(known).says(ask::PR_STATUS, "PR-0"))
    }

    /// Returns the newest consent, refusal included, that was given for a purpose up to a time.
    #[must_use]
    pub fn newest_word(&self, case: Option<CaseTag>, purpose: &str, at: i64) -> Option<&'a Fact> {
        newest(self.words_on(case, purpose, at))
    }

    /// Returns the consents, refusals included, that were given for a purpose up to a time, in order of entry.
    pub(super) fn words_on(&self, case: Option<CaseTag>, purpose: &str, at: i64) -> impl Iterator<Item = &'a Fact> {
        let of_case = case.into_iter().flat_map(|case| self.of_kinds(case, &["consent.given", "consent.refused"]));
        of_case.filter(move |fact| fact.when() <= at && !fact.carries("completes") && fact.says(ask::PURPOSE, purpose))
    }

    /// Returns what a consent lacks in itself.
    #[must_use]
    pub fn lacks(&self, consent: &Fact) -> Vec<Unsound> {
        let whole = self.whole(consent);
        let explained = EXPLAINED.iter().filter(|(field, _)| !whole.has(*field));
        let assured = ASSURED.iter().filter(|(field, _)| !whole.says(*field, "yes"));
        explained.chain(assured).map(|(_, lack)| *lack).collect()
    }

    fn giver_responsibility(&self, consent: &Fact, at: i64) -> Responsibility<'a> {
        let given = consent.case.zip(self.whole(consent).persons(ask::GIVER).next());
        given.map_or(Responsibility::Nothing, |(case, giver)| self.responsibility(case, giver, at))
    }

    /// Returns where a consent stood at a time, as far as the entries up to `before` say. What was learned later of an
    /// earlier time counts for that time: a withdrawal counts from the minute it was said.
    #[must_use]
    pub fn standing(&self, consent: &'a Fact, at: i64) -> Standing {
        if consent.name() == "consent.refused" {
            return Standing::Refused;
        }
        let by = |relation, kind: &'static str| self.by(consent, relation).filter(move |fact| fact.name() == kind);
        if let Some(end) = self.withdrawals(consent).find(|end| end.when() <= at) {
            return Standing::Withdrawn(end.entry);
        }
        let renewal = by("renews", "consent.given").filter(|new| new.entry > consent.entry && new.when() <= at).last();
        if let Some(new) = renewal {
            let standing = self.standing(new, at);
            return if standing.counts() { Standing::Renewed(new.entry) } else { standing };
        }
        let whole = self.whole(consent);
        if whole.time(ask::ENDS_AT).is_some_and(|end| crate::review::fact::until(end) < at) {
            return Standing::Expired;
        }
        let refusals = by("disputes", "consent.refused").filter(|no| !self.may_not_refuse(no, at));
        let objections = refusals.chain(by("disputes", "dispute.open"));
        let stands = |one: &&'a Fact| {
            let settled = self.by(one, "ends").find(|end| end.name() == "dispute.closed").map(Fact::when);
            one.when() <= at && settled.is_none_or(|settled| settled > at)
        };
        if let Some(dispute) = objections.into_iter().find(stands) {
            return Standing::Disputed(dispute.entry);
        }
        if let Some(objection) = self.others_refusal(consent, at) {
            return Standing::Disputed(objection.entry);
        }
        let mut lacks = self.lacks(consent);
        let responsibility = self.giver_responsibility(consent, at);
        if responsibility == Responsibility::Nothing {
            lacks.push(Unsound::NoParentalResponsibility);
        }
        match lacks.is_empty() {
            true => Standing::Valid { noted: matches!(responsibility, Responsibility::Declared(_)) },
            false => Standing::NotValid(lacks),
        }
    }

    /// What takes a consent back: the entries that name it, and those that name none and speak of its purpose and giver.
    fn withdrawals(&self, consent: &'a Fact) -> impl Iterator<Item = &'a Fact> {
        let of_case = consent.case.into_iter().flat_map(|case| self.of_kinds(case, &["consent.withdrawn"]));
        of_case.filter(|end| self.taken_back(end).any(|on| on.entry == consent.entry))
    }

    /// The consents that an entry takes back.
    fn taken_back(&self, end: &'a Fact) -> impl Iterator<Item = &'a Fact> {
        let named: Vec<&Fact> = self.to(end, "withdraws").collect();
        let meant = match named.is_empty() && !end.carries("completes") {
            false => named,
            true => {
                let same = |given: &&'a Fact| {
                    given.entry < end.entry
                        && given.code(ask::PURPOSE) == end.code(ask::PURPOSE)
                        && given.persons(ask::GIVER).next() == end.persons(ask::GIVER).next()
                };
                end.case.into_iter().flat_map(|case| self.of_kinds(case, &["consent.given"])).filter(same).collect()
            }
        };
        meant.into_iter()
    }

    /// Another holder of parental responsibility has refused the same thing, or taken back their own yes to it, has not said
    /// yes since, and nobody has settled it.
    fn others_refusal(&self, consent: &'a Fact, at: i64) -> Option<&'a Fact> {
        let (case, purpose) = (consent.case?, consent.code(ask::PURPOSE)?);
        let giver = consent.persons(ask::GIVER).next();
        let settled = |since: &Fact| {
            let disputes = self.by(consent, "disputes").chain(self.by(since, "follows"));
            disputes
                .flat_map(|dispute| self.by(dispute, "ends"))
                .any(|end| end.name() == "dispute.closed" && end.when() >= since.when() && end.when() <= at)
        };
        let said_yes = self.of_kinds(case, &["consent.given"]);
        self.of_kinds(case, &["consent.refused", "consent.withdrawn"]).into_iter().find(|no| {
            let Some(other) = no.persons(ask::GIVER).next() else { return false };
            let yes = |later: &&Fact| {
                later.persons(ask::GIVER).next() == Some(other)
                    && later.code(ask::PURPOSE) == Some(purpose)
                    && later.when() >= no.when()
                    && later.when() <= at
            };
            no.codes(ask::PURPOSE).any(|code| code == purpose)
                && no.when() <= at
                && giver != Some(other)
                && self.responsibility(case, other, at) != Responsibility::Nothing
                && !said_yes.iter().any(yes)
                && !settled(no)
        })
    }

    /// What a share rests on that was made at a time. To see what was filled in as well, it is asked of [`Book::stages`].
    pub(super) fn words_under(&self, share: &Fact, at: i64) -> Words<'a> {
        let word = |on: &&'a Fact| {
            // What was entered after the share is named by what fills it in, and has to have been said before.
            matches!(on.name(), "consent.given" | "consent.refused") && (on.entry < share.entry || on.when() <= at)
        };
        let named: Vec<&Fact> = self.to(share, "relies_on").filter(word).collect();
        if !named.is_empty() {
            return Words::Named(named);
        }
        if share.code(ask::BASIS) != Some("LB-A") {
            return Words::Nothing;
        }
        let purpose = share.code(ask::PURPOSE);
        Words::OfPurpose(purpose.into_iter().flat_map(|purpose| self.words_on(share.case, purpose, at)).collect())
    }

    /// Whether a share rests on a consent that counted when it was made.
    pub(super) fn rests_on_consent(&self, share: &Fact, at: i64) -> bool {
        let consents = match self.words_under(share, at) {
            Words::Named(named) => named.into_iter().filter(|on| on.name() == "consent.given").collect(),
            words => self.served_under(share, words),
        };
        !consents.is_empty() && consents.into_iter().all(|consent| self.standing(consent, at).counts())
    }

    /// The words that count as those a share was made under: of its purpose, the newest that was there when it was entered.
    fn served_under(&self, share: &Fact, words: Words<'a>) -> Vec<&'a Fact> {
        match words {
            Words::Named(named) => named,
            Words::OfPurpose(said) => {
                newest(said.into_iter().filter(|word| word.entry < share.entry)).into_iter().collect()
            }
            Words::Nothing => Vec::new(),
        }
    }

    /// CONSENT-INVALID and NO-PR of a consent.
    pub(super) fn consent(&self, fact: &'a Fact, out: &mut Vec<Item>) {
        if fact.carries("completes") {
            return;
        }
        let purpose = fact.code(ask::PURPOSE);
        let same = |new: &&'a Fact| {
            new.name() == "consent.given" && new.entry > fact.entry && new.code(ask::PURPOSE) == purpose
        };
        let new = || {
            let of_case = |case| self.of_kinds(case, &["consent.given"]);
            let later = fact.case.into_iter().flat_map(of_case).filter(same);
            let renewing = self.by(fact, "renews").filter(same);
            renewing.chain(later).find(|new| self.lacks(new).is_empty())
        };
        // As it was given; what fills it in later closes the item.
        let explained = EXPLAINED.iter().filter(|(field, _)| !fact.has(*field));
        let assured = ASSURED.iter().filter(|(field, _)| !fact.says(*field, "yes"));
        let lacked: Vec<Unsound> = explained.chain(assured).map(|(_, lack)| *lack).collect();
        if !lacked.is_empty() {
            let mended = self.lacks(fact).is_empty();
            let last = self.by(fact, "completes").last().filter(|_| mended);
            let withdrawn = self.by(fact, "withdraws").next();
            let closing = last.or_else(new).or(withdrawn);
            let item = self.item(fact, "CONSENT-INVALID", "consent", fact.when());
            out.push(item.closed(closing.map(recorded)).about(About::Unsound(lacked)));
        }
        if let Some(case) = fact.case {
            let giver = self.whole(fact).persons(ask::GIVER).next();
            let before = out.len();
            self.no_pr(fact, giver, case, out);
            // Somebody else has said yes to the same who holds it.
            let holds = |new: &&'a Fact| {
                let other = new.persons(ask::GIVER).next().filter(|other| Some(*other) != giver);
                other.is_some_and(|other| self.responsibility(case, other, new.when()) != Responsibility::Nothing)
            };
            if let Some(item) = out.get_mut(before)
                && item.closed.is_none()
            {
                item.closed =
                    self.of_kinds(case, &["consent.given"]).into_iter().filter(same).find(holds).map(recorded);
            }
        }
    }

    /// NO-PR, unless the roster of the child shows or showed that this person holds it.
    pub(super) fn no_pr(&self, fact: &'a Fact, person: Option<PersonId>, case: CaseTag, out: &mut Vec<Item>) {
        let before = |shown: &Fact| shown.entry < fact.entry;
        let now = person.map_or(Responsibility::Nothing, |person| self.responsibility(case, person, i64::MAX));
        let closed = match now {
            Responsibility::Shown(by) | Responsibility::Declared(by) if before(by) => return,
            Responsibility::Shown(by) | Responsibility::Declared(by) => Some(by),
            Responsibility::Nothing => self.turned_down(fact),
        };
        out.push(self.item(fact, "NO-PR", "shown", fact.when()).closed(closed.map(recorded)));
    }

    /// A refusal, or a decision not to share because they are not entitled.
    fn turned_down(&self, fact: &'a Fact) -> Option<&'a Fact> {
        let later = self.later(fact).map(|(_, later)| later);
        let mut later = later.filter(|later| later.entry > fact.entry);
        later.find(|later| match later.name() {
            "access.refused" => later.done(),
            "decision.noshare" => later.says(ask::NO_CODE, "NO-5"),
            "consent.refused" | "consent.withdrawn" => true,
            _ => false,
        })
    }

    /// CONSENT-INVALID of a share that rests on a consent which did not count when it was made.
    pub(super) fn rests(&self, fact: &'a Fact, out: &mut Vec<Item>) {
        let Some(done) = self.done(fact) else { return };
        // A share on another ground that only mentions the consent does not rest on it.
        if fact.has(ask::FOR_SAFETY) || fact.code(ask::BASIS).is_some_and(|basis| basis != "LB-A") {
            return;
        }
        // Whoever names consent as the ground, and none, rests on the newest word that was said of this purpose.
        let rested = |(by, so_far): (Option<&'a Fact>, Cow<'_, Fact>)| match self.words_under(&so_far, done.at) {
            Words::Named(named) => (by, named),
            Words::OfPurpose(said) => (by, newest(said.into_iter()).into_iter().collect()),
            Words::Nothing => (by, Vec::new()),
        };
        let stages: Vec<(Option<&Fact>, Vec<&Fact>)> = self.stages(fact).into_iter().map(rested).collect();
        let consents: BTreeMap<u64, &Fact> = stages.iter().flat_map(|(_, on)| on).map(|on| (on.entry, *on)).collect();
        for consent in consents.into_values() {
            let standing = self.standing(consent, done.at);
            if standing.counts() {
                continue;
            }
            let other = |later: &&'a Fact| later.code(ask::BASIS).is_some_and(|basis| basis != "LB-A");
            // Filled in where it was left open, or decided again on another ground.
            let again = self.by(fact, "reviews").filter(|later| SHARES.contains(&later.name()));
            let better = self.by(fact, "completes").chain(again).find(other);
            // Or the one that was meant was named instead.
            let on_it = |(_, on): &&(Option<&Fact>, Vec<&Fact>)| on.iter().any(|one| one.entry == consent.entry);
            let after = stages.iter().skip_while(|stage| !on_it(stage));
            let better = better.or_else(|| after.filter(|stage| !on_it(stage)).find_map(|(by, _)| *by));
            let item = self.item(fact, "CONSENT-INVALID", "share", done.at);
            out.push(item.closed(better.map(recorded)).about(About::Rests(consent.entry, standing)));
        }
    }

    /// WITHDRAWAL-FOLLOW-UP: each recipient served under the consent is told, and what was shown is taken down.
    pub(super) fn withdrawal(&self, fact: &'a Fact, out: &mut Vec<Item>) {
        if fact.carries("completes") {
            return;
        }
        let at = fact.when();
        let mut served: BTreeSet<String> = BTreeSet::new();
        // What was filled in counts as if it had been said at once, and takes nobody away who was served.
        let under = |share: &'a Fact| {
            let done = self.done(share).filter(|done| done.at <= at)?;
            let stages = self.stages(share).into_iter();
            let words = stages.flat_map(|(_, so_far)| self.served_under(share, self.words_under(&so_far, done.at)));
            Some((share, done, words.map(|word| word.entry).collect::<Vec<_>>()))
        };
        let agency = |share: &'a Fact, done: &Done<'a>| {
            let said = |one: &'a Fact| self.whole(one).code(ask::RECIPIENT_AGENCY).map(str::to_owned);
            said(done.by).or_else(|| said(share)).unwrap_or_default()
        };
        let completed = |share: &'a Fact| self.to(share, "completes").next().unwrap_or(share);
        let shares = fact.case.into_iter().flat_map(|case| self.of_kinds(case, &["decision.share"]));
        let of_case: Vec<_> = shares.filter(|share| !share.carries("completes")).filter_map(under).collect();
        for consent in self.taken_back(fact) {
            // A share may be of another case.
            let naming = self.by(consent, "relies_on").filter(|share| share.name() == "decision.share");
            let naming: Vec<_> = naming.map(completed).filter_map(under).collect();
            let on_it = of_case.iter().chain(&naming).filter(|(.., words)| words.contains(&consent.entry));
            served.extend(on_it.map(|(share, done, _)| agency(share, done)));
            let about = self.by(consent, "about").filter(|share| share.name() == "share.done");
            let about = about.filter_map(|share| Some((share, self.done(share).filter(|done| done.at <= at)?)));
            served.extend(about.map(|(share, done)| agency(share, &done)));
        }
        for agency in served {
            let of_case = || fact.case.into_iter().flat_map(|case| self.of_kinds(case, &["share.done"]));
            let tells = |later: &&'a Fact| {
                let about = self.to(later, "about").any(|on| on.entry == fact.entry);
                later.name() == "share.done"
                    && later.entry > fact.entry
                    && later.done()
                    && (about || !["about", "carries_out", "writes_up"].iter().any(|name| later.carries(name)))
                    && later.code(ask::RECIPIENT_AGENCY).unwrap_or_default() == agency
            };
            let told = of_case().find(tells);
            let item = self.item(fact, "WITHDRAWAL-FOLLOW-UP", "tell", at);
            out.push(item.closed_by(told).about(About::Agency(agency)));
        }
        if fact.codes(ask::PURPOSE).any(|purpose| purpose.starts_with(PHOTOS)) {
            let item = self.item(fact, "WITHDRAWAL-FOLLOW-UP", "remove", at);
            let removed = match fact.has(ask::REMEDY) {
                true => Some(Closed { by: fact.entry, at }),
                false => self.by(fact, "completes").find(|later| later.has(ask::REMEDY)).map(recorded),
            };
            out.push(item.closed(removed));
        }
    }

    /// DISPUTE.
    pub(super) fn dispute(&self, fact: &'a Fact, out: &mut Vec<Item>) {
        let closed = self.by(fact, "ends").find(|end| end.name() == "dispute.closed");
        let mut item = self.item(fact, "DISPUTE", "review", fact.known());
        if let Some(date) = self.whole(fact).time(ask::REVIEW_AT) {
            item.due = Some(crate::review::fact::until(date));
        }
        out.push(item.closed_by(closed));
    }

    /// LA-CONSULT-MISSING: a share about a looked-after child, and nobody had asked the local authority.
    pub(super) fn consulted(&self, fact: &'a Fact, out: &mut Vec<Item>) {
        let (Some(done), Some(case)) = (self.done(fact), fact.case) else { return };
        let to_social_care = |fact: &Fact| fact.says(ask::RECIPIENT_AGENCY, "AG-CSC");
        if to_social_care(fact) || to_social_care(done.by) {
            return;
        }
        let said = self.of_kinds(case, &["relation.assert", "order.noted", "la.consulted"]);
        let known = said.iter().filter(|fact| fact.known() <= done.at);
        let status = known.filter_map(|fact| fact.code(ask::LOOKED_AFTER)).next_back();
        if status.is_none_or(|status| status == "LAC-0") {
            return;
        }
        let consulted = self.of_kinds(case, &["la.consulted"]);
        if consulted.iter().any(|fact| fact.when() <= done.at) {
            return;
        }
        let later = consulted.first().copied();
        out.push(self.item(fact, "LA-CONSULT-MISSING", "consult", done.at).closed_by(later));
    }
}

/// The newest of some words.
fn newest<'a>(words: impl Iterator<Item = &'a Fact>) -> Option<&'a Fact> {
    words.max_by_key(|word| (word.when(), word.entry))
}

/// As what closes an item from when it was written down on: what was missing till then.
pub(super) fn recorded(fact: &Fact) -> Closed {
    Closed { by: fact.entry, at: fact.recorded }
}
