//! On what ground a share stands in law, and where that ground does not count.

use crate::decision::gap::{Gap, GapLevel};
use crate::review::book::{Book, Done};
use crate::review::consent::{PHOTOS, Words, recorded};
use crate::review::decide::SOCIAL_CARE;
use crate::review::fact::{Fact, ask};
use crate::review::item::{About, Item};

/// Codes of the list CRIME that are no reason to share anything.
pub(super) const NO_SERIOUS_CRIME: [&str; 3] = ["theft", "benefit_fraud", "tax_fraud"];

impl<'a> Book<'a> {
    /// NO-BASIS for a basis that a public authority cannot use: it does its own tasks on LB-C or LB-E.
    pub(super) fn basis(&self, fact: &'a Fact, public_authority: bool, out: &mut Vec<Item>) {
        let Some(done) = self.done(fact) else { return };
        self.no_crime(fact, &done, out);
        let before = out.len();
        self.pictures(fact, &done, out);
        if out.len() == before {
            self.no_consent(fact, &done, out);
        }
        let unfit =
            |fact: &Fact| public_authority && fact.codes(ask::BASIS).any(|code| code == "LB-EA" || code == "LB-F");
        // What is filled in has to fit as well.
        let named = |one: &&Fact| one.has(ask::BASIS);
        if !std::iter::once(fact).chain(self.by(fact, "completes")).find(named).is_some_and(unfit) {
            return;
        }
        let better = self.by(fact, "completes").find(|later| later.has(ask::BASIS) && !unfit(later));
        let says = ("basis", "a public authority does not do its own tasks on this ground", "give LB-C or LB-E");
        out.push(self.without_basis(fact, &done, says, better));
    }

    /// NO-BASIS of a share whose ground does not count: the field, what is the matter and what to do next; what makes it good.
    fn without_basis(&self, fact: &'a Fact, done: &Done<'a>, says: (&str, &str, &str), good: Option<&Fact>) -> Item {
        let gap = Gap::new(says.0, GapLevel::BeforeAct, says.1, says.2);
        self.item(fact, "NO-BASIS", "basis", done.by.recorded).closed(good.map(recorded)).about(About::Gap(gap))
    }

    /// NO-BASIS where theft or fraud was the reason: for anybody but the police and social care that is none.
    fn no_crime(&self, fact: &'a Fact, done: &Done<'a>, out: &mut Vec<Item>) {
        let none = |fact: &Fact| fact.codes(ask::CRIME).any(|crime| NO_SERIOUS_CRIME.contains(&crime));
        let may_ask = |agency: &str| agency == "AG-POL" || SOCIAL_CARE.contains(&agency);
        if !none(fact) || fact.codes(ask::RECIPIENT_AGENCY).any(may_ask) || fact.has(ask::FOR_SAFETY) {
            return;
        }
        let better = self.by(fact, "completes").find(|later| later.has(ask::BASIS));
        let what = "theft and fraud are no serious crime here, and not ours to report";
        let next = "name another basis; if there is none, ask whether it was a breach";
        out.push(self.without_basis(fact, done, ("crime", what, next), better));
    }

    /// NO-BASIS of a share on consent of which no entry speaks: neither of a yes nor of a no to this purpose. What is entered
    /// later, of a time before the share, makes it good.
    fn no_consent(&self, fact: &'a Fact, done: &Done<'a>, out: &mut Vec<Item>) {
        if fact.has(ask::FOR_SAFETY) {
            return;
        }
        let stages = self.stages(fact).into_iter();
        let stages: Vec<_> = stages.map(|(by, so_far)| (by, self.words_under(&so_far, done.at))).collect();
        let nobody = |(_, words): &&(Option<&Fact>, Words<'a>)| match words {
            Words::OfPurpose(said) => said.first().is_none_or(|first| first.entry > fact.entry),
            _ => false,
        };
        let mut after = stages.iter().skip_while(|stage| !nobody(stage)).peekable();
        if after.peek().is_none() {
            return;
        }
        let named = after.find(|stage| !nobody(stage)).and_then(|(by, _)| *by);
        let said = stages.last().and_then(|(_, words)| match words {
            Words::OfPurpose(said) => said.first().copied(),
            _ => None,
        });
        let said = said.filter(|first| first.entry > fact.entry);
        let other = |later: &&Fact| later.code(ask::BASIS).is_some_and(|basis| basis != "LB-A");
        let good = self.by(fact, "completes").find(other).into_iter().chain(said).chain(named);
        let good = good.min_by_key(|one| one.entry);
        let what = "it rests on consent, and no entry says that anybody gave one for this purpose";
        let next = "enter the consent as it was given; or name the basis that counts, with `completes`";
        out.push(self.without_basis(fact, done, ("basis", what, next), good));
    }

    /// NO-BASIS of pictures that went out for a use that nobody was asked about.
    fn pictures(&self, fact: &'a Fact, done: &Done<'a>, out: &mut Vec<Item>) {
        let purpose = fact.code(ask::PURPOSE).filter(|purpose| purpose.starts_with(PHOTOS));
        let Some(purpose) = purpose.filter(|_| fact.codes(ask::ITEM_CLASS).any(|class| class == "photo")) else {
            return;
        };
        let pack = self.rules.pack(&fact.pack);
        let protects = |agency: &str| pack.free_agencies().iter().any(|known| known == agency);
        let free = fact.has(ask::FOR_SAFETY) || fact.codes(ask::RECIPIENT_AGENCY).any(protects);
        let mut said = self.words_on(fact.case, purpose, done.at).peekable();
        if free || said.peek().is_some_and(|first| first.entry < fact.entry) {
            return;
        }
        let of_case = fact.case.into_iter().flat_map(|case| self.of_kinds(case, &["consent.given"]));
        let asked = of_case.filter(|yes| yes.says(ask::PURPOSE, purpose)).find(|yes| self.lacks(yes).is_empty());
        // A no that was written down later makes nothing good.
        let yes = said.find(|word| word.name() == "consent.given");
        let good = yes.into_iter().chain(asked).min_by_key(|one| one.entry);
        let what = "pictures went out for a use that nobody was asked about";
        out.push(self.without_basis(fact, done, ("items", what, "take them back; ask for this very use"), good));
    }
}
