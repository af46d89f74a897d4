//! Around the file: its way to the next school, how long it is kept, allegations against staff, accidents, and who looks
//! twice.

use std::collections::BTreeSet;

use crate::codec::{CaseTag, PersonId};
use crate::decision::people::Role;
use crate::review::book::Book;
use crate::review::decide::SOCIAL_CARE;
use crate::review::fact::{Fact, ask};
use crate::review::family::day_end;
use crate::review::item::{About, Closed, Item};

impl<'a> Book<'a> {
    /// TRANSFER-SENT: by the first day at the next school, if it is known.
    pub(super) fn transfer(&self, fact: &'a Fact, out: &mut Vec<Item>) {
        let sent = self.by(fact, "carries_out").find(|later| later.name() == "transfer.sent" && later.done());
        let mut item = self.item(fact, "TRANSFER-SENT", "send", fact.known());
        if let Some(day) = self.whole(fact).time(ask::FIRST_DAY) {
            item.due = Some(day_end(day.milliseconds));
        }
        out.push(item.closed_by(sent));
    }

    /// TRANSFER-RECEIPT and CHASE: the school says that the same file arrived.
    pub(super) fn sent(&self, fact: &'a Fact, now: i64, out: &mut Vec<Item>) {
        let Some(done) = self.done(fact) else { return };
        let root = self.whole(fact).hash(ask::ROOT_HASH);
        let same = |later: &&'a Fact| {
            later.name() == "transfer.received" && root.is_none_or(|root| later.hash(ask::ROOT_HASH) == Some(root))
        };
        let received = self.by(fact, "acknowledges").find(same);
        let item = self.item(fact, "TRANSFER-RECEIPT", "receipt", done.at).closed_by(received);
        let (due, closed) = (item.due, item.closed);
        out.push(item);
        let chases: Vec<&Fact> = self.by(fact, "chases").collect();
        self.chase(fact, due, closed, &chases, now, out);
    }

    /// RETENTION-REVIEW: at the date that the newest look at a class gave, or that its clock gives for when the child
    /// left (the day the look names as its own).
    pub(super) fn retention(&self, fact: &'a Fact, out: &mut Vec<Item>) {
        const STEPS: [&str; 6] =
            ["general", "child_protection", "abuse_allegation", "staff_allegation", "complaint", "indefinite"];
        let class = fact.code(ask::RETENTION_CLASS).unwrap_or_default();
        let Some(step) = STEPS.iter().find(|step| **step == class) else { return };
        let whole = self.whole(fact);
        let of_case = || fact.case.into_iter().flat_map(|case| self.of_case(case));
        let counted = matches!(*step, "general" | "complaint" | "indefinite" | "staff_allegation");
        let due = match whole.time(ask::REVIEW_AT) {
            Some(date) => Some(day_end(date.milliseconds)),
            None if counted => self.due(fact, "RETENTION-REVIEW", step, fact.when()),
            // From the last entry about the child, which is later than the birth.
            None if *step == "abuse_allegation" => {
                let last = of_case().filter(|one| !kept_apart(one.name())).map(Fact::when).max();
                self.due(fact, "RETENTION-REVIEW", step, last.unwrap_or(fact.when()))
            }
            None => None,
        };
        let next = |later: &&'a Fact| {
            later.name() == "retention.review" && later.entry > fact.entry && later.says(ask::RETENTION_CLASS, class)
        };
        let named =
            self.by(fact, "reviews").find(|later| matches!(later.name(), "retention.review" | "retire.proposed"));
        let closed = named.into_iter().chain(of_case().find(next)).min_by_key(|later| later.entry);
        out.push(self.item_due(fact, "RETENTION-REVIEW", step, fact.when(), due).closed_by(closed));
    }

    /// LADO-DUE and OFSTED-DUE of an allegation against somebody of the staff.
    pub(super) fn allegation(&self, fact: &'a Fact, out: &mut Vec<Item>) {
        let referred = self.by(fact, "decides").find(|later| later.name() == "lado.referral" && later.done());
        out.push(self.item(fact, "LADO-DUE", "refer", fact.known()).closed_by(referred));
        self.notify(fact, out);
    }

    /// OFSTED-DUE of a share that says a child was badly hurt: an ambulance or hospital, or immediate danger.
    pub(super) fn badly_hurt(&self, fact: &'a Fact, out: &mut Vec<Item>) {
        let Some(done) = self.done(fact).filter(|_| !fact.carries("carries_out")) else { return };
        let badly = |one: &Fact| {
            let whole = self.whole(one);
            whole.says(ask::RISK_LEVEL, "RL-4") || whole.codes(ask::RECIPIENT_AGENCY).any(|agency| agency == "AG-HOSP")
        };
        // How bad it is may be known only when it is done.
        if badly(fact) || badly(done.by) || self.by(fact, "carries_out").any(|later| later.done() && badly(later)) {
            self.notify(fact, out);
        }
    }

    fn notify(&self, fact: &'a Fact, out: &mut Vec<Item>) {
        let mut matter: Vec<&Fact> = vec![fact];
        matter.extend(self.to(fact, "decides"));
        let told = |such: &dyn Fn(&Fact) -> bool| {
            let all = matter.iter().flat_map(|on| self.by(on, "decides"));
            all.filter(|later| later.entry > fact.entry && later.done() && such(later)).min_by_key(|later| later.entry)
        };
        let notified = |later: &Fact| later.name() == "ofsted.notified";
        let no = |later: &Fact| notified(later) && later.says(ask::NOTIFIABLE, "no");
        let to = |later: &Fact, agency: &str| later.codes(ask::RECIPIENT_AGENCY).any(|code| code == agency);
        let ofsted = told(&|later| {
            no(later) || notified(later) && (to(later, "AG-OFSTED") || !later.has(ask::RECIPIENT_AGENCY))
        });
        let agency = told(&|later| no(later) || SOCIAL_CARE.iter().any(|agency| to(later, agency)));
        // What went to social care itself told them.
        let own = Some(fact).filter(|fact| SOCIAL_CARE.iter().any(|agency| to(fact, agency)));
        let agency = own.or(agency);
        out.push(self.item(fact, "OFSTED-DUE", "ofsted", fact.known()).closed_by(ofsted));
        out.push(self.item(fact, "OFSTED-DUE", "agency", fact.known()).closed_by(agency));
    }

    /// Whether a person is party to the matter of an entry: asked for it, is spoken of as accused, was asked as a third party,
    /// or is related to somebody who is.
    pub(super) fn party(&self, person: PersonId, fact: &'a Fact) -> bool {
        let mut matter: Vec<&'a Fact> = Vec::new();
        matter.extend(self.fact(fact.entry));
        const AROUND: [&str; 9] =
            ["part_of", "releases", "checks", "answers", "decides", "confirms", "about", "overrides", "relies_on"];
        for relation in AROUND {
            let more: Vec<&'a Fact> =
                matter.iter().flat_map(|one| self.to(one, relation).collect::<Vec<_>>()).collect();
            matter.extend(more);
        }
        let begun: Vec<&'a Fact> = matter.iter().filter(|one| one.name() == "access.received").copied().collect();
        matter.extend(begun.into_iter().flat_map(|one| self.matter(one)));
        let mut parties: BTreeSet<PersonId> = BTreeSet::new();
        for one in &matter {
            parties.extend(one.persons(ask::REQUESTER_PERSON));
            match one.name() {
                "staff.allegation" => parties.extend(one.persons(ask::PERSON)),
                "access.thirdparty.asked" => parties.extend(one.persons(ask::RECIPIENT_PERSON)),
                // Whoever said no, or yes, does not look twice at what follows from it.
                "consent.refused" | "consent.given" | "consent.withdrawn" => parties.extend(one.persons(ask::GIVER)),
                "complaint.received" => parties.extend(one.persons(ask::SOURCE_PERSON)),
                _ => {}
            }
        }
        if parties.contains(&person) {
            return true;
        }
        // Whoever is named as somebody's relative, in the child's own case or beside a party in any.
        let cases: BTreeSet<CaseTag> = matter.iter().filter_map(|one| one.case).collect();
        self.relations_of(person).any(|relation| {
            let mut both = relation.persons(ask::PERSON).chain(relation.persons(ask::OTHER_PERSON));
            relation.case.is_some_and(|case| cases.contains(&case)) || both.any(|one| parties.contains(&one))
        })
    }

    /// Who is party to a matter that they looked at, and who stands in for them by the policy that they wrote under.
    pub(super) fn stands_in(&self, fact: &Fact) -> About {
        let policy = self.rules.policy(&fact.policy);
        let roles: Vec<Role> = (self.roles)(fact.person, fact.entry, fact.recorded);
        let mut by: Vec<String> = Vec::new();
        for code in roles.iter().flat_map(|role| policy.map_or(&[][..], |policy| policy.substitutes(role.code()))) {
            if !by.contains(code) && !roles.iter().any(|role| role.code() == code) {
                by.push(code.clone());
            }
        }
        About::Party(fact.person, by)
    }

    /// ROLE-INVALID of somebody who let others read, or took that back, and does not oversee.
    pub(super) fn grant(&self, fact: &'a Fact, out: &mut Vec<Item>) {
        if !self.in_role(fact.person, fact, Role::is_overseer) {
            out.push(self.item_due(fact, "ROLE-INVALID", "shown", fact.recorded, None));
        }
    }

    /// ROLE-INVALID and CONFLICT of somebody who looks twice: at a copy, at what is retired, at what needs a second person.
    pub(super) fn second_look(&self, fact: &'a Fact, out: &mut Vec<Item>) {
        if fact.name() == "access.cleancopy.made" {
            if self.party(fact.person, fact) {
                let item = self.item_due(fact, "CONFLICT", "shown", fact.recorded, None);
                out.push(item.about(self.stands_in(fact)));
            }
            return;
        }
        let relation = match fact.name() {
            "access.cleancopy.checked" => "checks",
            "retire.approved" | "confirmation" => "confirms",
            _ => return,
        };
        let Some(of) = self.to(fact, relation).next() else { return };
        let others = || {
            let valid = |other: &&'a Fact| {
                other.entry > fact.entry
                    && other.person != of.person
                    && self.in_role(other.person, other, Role::needs_second_person)
                    && !self.party(other.person, of)
            };
            self.by(of, relation).find(valid).map(|other| Closed { by: other.entry, at: other.when() })
        };
        if !self.in_role(fact.person, fact, Role::needs_second_person) {
            out.push(self.item_due(fact, "ROLE-INVALID", "shown", fact.recorded, None).closed(others()));
        }
        if self.party(fact.person, of) {
            let item = self.item_due(fact, "CONFLICT", "shown", fact.recorded, None).about(self.stands_in(fact));
            out.push(item.closed(others()));
        }
    }

    /// ONE-FOUNDER.
    pub(super) fn founded(&self, fact: &'a Fact, out: &mut Vec<Item>) {
        let second = self.by(fact, "confirms").find(|later| {
            later.person != fact.person
                && later.says(ask::VIEW, "agrees")
                && self.in_role(later.person, later, Role::needs_second_person)
        });
        out.push(self.item(fact, "ONE-FOUNDER", "second", fact.recorded).closed_by(second));
    }

    /// POLICY-BEYOND-LAW, until a policy that keeps within the law is confirmed.
    pub(super) fn policy(&self, fact: &'a Fact, out: &mut Vec<Item>) {
        let beyond = fact.count(ask::BEYOND_LAW).unwrap_or(0);
        if beyond == 0 {
            return;
        }
        let confirmed = |later: &Fact| {
            self.by(later, "confirms").find(|word| word.person != later.person && word.says(ask::VIEW, "agrees"))
        };
        let better = self.all_of(&["policy.adopt"]).into_iter().filter(|later| later.entry > fact.entry);
        let better = better.filter(|later| later.count(ask::BEYOND_LAW) == Some(0)).find_map(confirmed);
        let item = self.item(fact, "POLICY-BEYOND-LAW", "change", fact.recorded);
        out.push(item.closed_by(better).about(About::Days(beyond)));
    }
}

/// Kinds that say how long a file is kept or who read it: they are no entries about the child.
fn kept_apart(kind: &str) -> bool {
    kind == "retention.review" || kind == "body.read" || kind.starts_with("retire.")
}
