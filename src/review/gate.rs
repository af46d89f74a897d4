//! The gate: what stops an act that is about to be done, and the way past it. What has happened meets no stop.
//!
//! Seven things are stopped and no others. What nothing may hold up is never stopped: what was seen or heard, refusals and
//! complaints, and whatever goes to the agencies that protect children, or to anybody "for safety, because ...".

use crate::codec::Digest;
use crate::decision::decision::Decision;
use crate::decision::gap::{Gap, GapLevel};
use crate::decision::people::Role;
use crate::decision::value::{Content, FieldId, Precision};
use crate::decision::view::View;
use crate::review::book::Book;
use crate::review::fact::{Fact, ask};
use crate::review::ground::NO_SERIOUS_CRIME;
use crate::review::item::Standing;
use crate::rules::clock;
use crate::rules::pack::Pack;
use crate::rules::policy::CleanCopyCheck;

/// A stop, in the form's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// The code of the pack's list RULE.
    pub rule: &'static str,
    /// What stands in the way.
    pub says: String,
    /// How to go on.
    pub way_past: String,
    /// The entry that stands in the way, if one does.
    pub by: Option<(u64, Digest)>,
}

/// What a decision is held against.
pub struct Before<'a> {
    /// The rule pack in force.
    pub pack: &'a Pack,
    /// The entries around it: those of its case, and those of no case.
    pub book: &'a Book<'a>,
    /// The ledger as its author sees it.
    pub view: &'a dyn View,
    /// Who checks a copy before it is handed over, and whether that is only advised.
    pub copies: &'a CleanCopyCheck,
    /// The time, in milliseconds UTC.
    pub now: i64,
}

/// Whether the gate looks at earlier entries for a decision.
#[must_use]
pub fn looks_back(pack: &Pack, decision: &Decision) -> bool {
    let release = decision.kind().name() == Some("access.released");
    let proposed = !decision.happened() && (release || !decision.facts().never_held_up(pack));
    let named = |name: &str| decision.references().iter().any(|one| one.relation.name() == Some(name));
    proposed
        && match decision.kind().name() {
            Some("consent.asked" | "family.told" | "access.released") => true,
            Some("decision.share" | "share.done" | "override") => {
                code(decision, ask::BASIS) == Some("LB-A")
                    || named("relies_on")
                    || named("carries_out")
                    || codes(decision, ask::ITEM_CLASS).any(|class| class == "photo")
            }
            _ => false,
        }
}

/// Lets a decision through, or says what stops it.
///
/// A second look by the same person (whatever the key) is stopped unless a safety reason is given; it then counts for one
/// person. An entry whose author cannot be read stops nothing, and neither does what this device cannot read.
///
/// # Errors
/// The first [`Stop`].
pub fn gate(decision: &Decision, before: &Before<'_>) -> Result<(), Stop> {
    // No child is safer because a copy leaves unchecked: a safety reason does not pass over that.
    if decision.kind().name() == Some("access.released") && !decision.happened() {
        return unchecked_copy(decision, before);
    }
    if decision.facts().never_held_up(before.pack) {
        return Ok(());
    }
    same_person(decision, before.view)?;
    if decision.happened() {
        return Ok(());
    }
    match decision.kind().name() {
        Some("consent.asked" | "family.told") => hold_talk(decision, before),
        Some("decision.share" | "share.done") => {
            contact_details(decision)?;
            photo_purpose(decision, before)?;
            consent_gone(decision, before)
        }
        Some("override" | "enquiry.answered") => {
            contact_details(decision)?;
            photo_purpose(decision, before)
        }
        _ => Ok(()),
    }
}

/// Returns what there is to say about a decision that stops nothing: a consent that does not count, a guest who does not
/// belong at the table.
#[must_use]
pub fn hints(decision: &Decision, before: &Before<'_>) -> Vec<Gap> {
    let mut hints = Vec::new();
    let hint = |field: &str, what: String, next: &str| Gap::new(field, GapLevel::BeforeAct, what, next);
    let at = time_of(decision, before.now);
    for consent in related(decision, before, "relies_on").filter(|on| on.name() == "consent.given") {
        match before.book.standing(consent, at) {
            Standing::NotValid(_) => {
                let what = format!(
                    "the consent in entry {} does not count: something was missing when it was given",
                    consent.entry
                );
                hints.push(hint("refs", what, "ask anew, or name another basis"));
            }
            Standing::Expired => {
                let what = format!("the consent in entry {} has run out", consent.entry);
                hints.push(hint("refs", what, "ask anew, or name another basis"));
            }
            _ => {}
        }
    }
    if code(decision, ask::CRIME).is_some_and(|crime| NO_SERIOUS_CRIME.contains(&crime)) {
        let what = "theft and fraud are no serious crime here, and not ours to report".to_owned();
        let next = "leave it out, or name another reason; answer truthfully if somebody who investigates asks";
        hints.push(hint("crime", what, next));
    }
    if decision.kind().name() == Some("access.released") && !before.copies.must {
        let hash = copy_hash(decision);
        if !related(decision, before, "releases").any(|copy| checked(copy, hash, before)) {
            let what = "nobody else has looked at this copy yet".to_owned();
            hints.push(hint("refs", what, "your policy advises a second look: access.cleancopy.checked"));
        }
    }
    if decision.kind().name() == Some("access.meeting") {
        let guest = |role: &str| !["pr_holder", "legal_representative", "interpreter", "staff"].contains(&role);
        if codes(decision, ask::ATTENDEE_ROLE).any(guest) {
            let what =
                "somebody is there who neither holds parental responsibility nor speaks for or translates for one"
                    .to_owned();
            hints.push(hint("attendees", what, "go through the file without them, or say why they are there"));
        }
    }
    hints
}

fn same_person(decision: &Decision, view: &dyn View) -> Result<(), Stop> {
    let own = |entry: u64| view.entry(entry).is_some_and(|entry| entry.author_person == Some(view.author()));
    let second = |name: &str| match decision.kind().name() {
        Some("backing") => name == "backs",
        Some("access.cleancopy.checked") => name == "checks",
        Some("confirmation" | "retire.approved") => name == "confirms",
        _ => false,
    };
    let mut references = decision.references().iter();
    if references.any(|reference| reference.relation.name().is_some_and(second) && own(reference.entry)) {
        return stop(
            "same_person",
            "you made this one; somebody else has to look",
            "ask another person in role, or, for a lead who is alone, enter the local authority's advice; \
             with \"for safety, because ...\" it is entered and counts for one person",
            None,
        );
    }
    Ok(())
}

/// A share on a consent that was refused, taken back, or is disputed.
fn consent_gone(decision: &Decision, before: &Before<'_>) -> Result<(), Stop> {
    let carried = related(decision, before, "carries_out").next();
    let basis = code(decision, ask::BASIS).or_else(|| carried.and_then(|fact| fact.code(ask::BASIS)));
    if basis.is_some_and(|basis| basis != "LB-A") {
        return Ok(());
    }
    let at = time_of(decision, before.now);
    let own = related(decision, before, "relies_on");
    let behind = carried.into_iter().flat_map(|fact| before.book.to(fact, "relies_on").collect::<Vec<_>>());
    let mut named = own.chain(behind).filter(|on| matches!(on.name(), "consent.given" | "consent.refused")).peekable();
    let newest = match (named.peek().is_some(), code(decision, ask::PURPOSE)) {
        (false, Some(purpose)) if basis == Some("LB-A") => before.book.newest_word(decision.case(), purpose, at),
        _ => None,
    };
    for consent in named.chain(newest) {
        let (says, by) = match before.book.standing(consent, at) {
            Standing::Refused => (format!("this was refused on {}", moment(consent)), Some(consent)),
            Standing::Withdrawn(by) => {
                let by = before.book.fact(by);
                (format!("the consent was taken back on {}", by.map_or_else(String::new, moment)), by)
            }
            Standing::Disputed(by) => {
                let by = before.book.fact(by);
                let when = by.map_or_else(String::new, moment);
                (format!("another holder of parental responsibility objected on {when}, and that is not settled"), by)
            }
            _ => continue,
        };
        let way =
            "leave it; or share on another ground, which you name; or ask anew; or write \"for safety, because ...\"";
        return stop("consent_gone", &says, way, by);
    }
    Ok(())
}

/// Pictures without a consent for that very use.
fn photo_purpose(decision: &Decision, before: &Before<'_>) -> Result<(), Stop> {
    if !codes(decision, ask::ITEM_CLASS).any(|class| class == "photo") {
        return Ok(());
    }
    let purpose = code(decision, ask::PURPOSE).unwrap_or_default();
    let at = time_of(decision, before.now);
    let newest = before.book.newest_word(decision.case(), purpose, at);
    let standing = newest.map(|consent| before.book.standing(consent, at));
    let use_of = before.pack.list("PURPOSE").and_then(|list| list.find(purpose)).map_or("this use", |code| &code.text);
    let way = "leave the pictures out; or ask for this very use; or write \"for safety, because ...\"";
    let (says, by) = match (standing, newest) {
        (Some(standing), _) if standing.counts() => return Ok(()),
        (Some(Standing::Refused), Some(no)) => (format!("pictures, {use_of}: refused on {}", day(no)), Some(no)),
        (Some(Standing::Withdrawn(by)), _) => {
            let by = before.book.fact(by);
            (format!("pictures, {use_of}: taken back on {}", by.map_or_else(String::new, moment)), by)
        }
        (Some(Standing::Disputed(by)), _) => {
            (format!("pictures, {use_of}: the parents disagree"), before.book.fact(by))
        }
        (Some(Standing::Expired), _) => (format!("pictures, {use_of}: the consent has run out"), None),
        (Some(_), _) => (format!("pictures, {use_of}: the consent does not count"), None),
        (None, _) => (format!("pictures, {use_of}: never asked"), None),
    };
    stop("photo_purpose", &says, way, by)
}

/// Addresses and numbers to somebody who is no agency.
fn contact_details(decision: &Decision) -> Result<(), Stop> {
    let given = codes(decision, ask::ITEM_CLASS).any(|class| class == "contact_details");
    let agency = code(decision, ask::RECIPIENT_AGENCY).or_else(|| code(decision, ask::REQUESTER_AGENCY));
    // What is only carried out names its items where it was decided.
    if given && agency.is_none_or(|agency| agency == "AG-OTHER") {
        return stop(
            "contact_details",
            "addresses and numbers go to agencies and the next school only",
            "leave them out; or write \"for safety, because ...\"",
            None,
        );
    }
    Ok(())
}

/// A copy of a file that nobody else looked at, before the last day.
fn unchecked_copy(decision: &Decision, before: &Before<'_>) -> Result<(), Stop> {
    let hash = copy_hash(decision);
    let copies: Vec<&Fact> = related(decision, before, "releases").collect();
    if !before.copies.must || copies.iter().any(|copy| checked(copy, hash, before)) {
        return Ok(());
    }
    let of_matter =
        copies.iter().flat_map(|copy| before.book.to(copy, "part_of")).chain(related(decision, before, "part_of"));
    let request = of_matter.into_iter().find(|one| one.name() == "access.received").map(|one| before.book.running(one));
    let last_day = request.as_ref().map(|running| running.clock.legal_due);
    let today = clock::london_day(time_of(decision, before.now));
    let reasons = decision.values().iter().any(|value| value.field == ask::REASONS);
    match last_day {
        Some(last) if today >= last && reasons => Ok(()),
        Some(last) if today >= last => stop(
            "unchecked_copy",
            "a second person has not looked at this copy yet, and today is the last day",
            "have it checked now; or hand it over and write down why nobody could (reasons)",
            request.map(|running| running.from),
        ),
        Some(last) => stop(
            "unchecked_copy",
            &format!(
                "a second person has not looked at this copy yet; the last day is {}",
                last.format("%a %-d %b %Y")
            ),
            "have somebody else check it: access.cleancopy.checked",
            request.map(|running| running.from),
        ),
        None => stop(
            "unchecked_copy",
            "a second person has not looked at this copy yet",
            "have somebody else check it: access.cleancopy.checked",
            None,
        ),
    }
}

/// Whether somebody else whom the policy names has looked at a copy and agrees.
fn checked(copy: &Fact, hash: Option<Digest>, before: &Before<'_>) -> bool {
    before.book.by(copy, "checks").any(|check| {
        let named = |role: Role| before.copies.by.iter().any(|code| code == role.code());
        check.person != copy.person
            && check.hash(ask::COPY_HASH) == hash
            && copy.hash(ask::COPY_HASH) == hash
            && check.says(ask::VIEW, "agrees")
            && before.book.in_role(check.person, check, named)
    })
}

/// A talk with the family while that may put somebody at risk.
fn hold_talk(decision: &Decision, before: &Before<'_>) -> Result<(), Stop> {
    let hold = decision.case().and_then(|case| before.book.standing_hold(case, before.now));
    let Some(hold) = hold else { return Ok(()) };
    let (says, way) = match hold.prevent {
        true => (
            "this is a Prevent matter: ask your line manager before anybody speaks with the family",
            "enter their advice (advice.given); or release the hold; or write \"for safety, because ...\"",
        ),
        false => (
            "telling them may put somebody at risk: ask your line manager or the lead first",
            "enter their advice (advice.given); or release the hold; or write \"for safety, because ...\"",
        ),
    };
    stop("hold_talk", says, way, Some(hold.from))
}

fn related<'b>(
    decision: &'b Decision,
    before: &'b Before<'_>,
    relation: &'static str,
) -> impl Iterator<Item = &'b Fact> {
    let named = decision.references().iter().filter(move |one| one.relation.name() == Some(relation));
    named.filter_map(|one| before.book.fact(one.entry).filter(|fact| fact.digest == one.digest))
}

fn copy_hash(decision: &Decision) -> Option<Digest> {
    decision.values().iter().find_map(|value| match &value.content {
        Content::Hash(hash) if value.field == ask::COPY_HASH => Some(*hash),
        _ => None,
    })
}

fn time_of(decision: &Decision, now: i64) -> i64 {
    let occurred = decision.occurred();
    if occurred.is_some() { occurred.milliseconds.max(now) } else { now }
}

fn codes(decision: &Decision, field: FieldId) -> impl Iterator<Item = &str> {
    decision.values().iter().filter(move |value| value.field == field).filter_map(|value| match &value.content {
        Content::Code(code) => Some(code.as_str()),
        _ => None,
    })
}

fn code(decision: &Decision, field: FieldId) -> Option<&str> {
    codes(decision, field).next()
}

fn moment(fact: &Fact) -> String {
    let known = [fact.occurred, fact.learned].into_iter().find(|time| time.is_some());
    match known.map(|time| time.precision) {
        Some(Precision::Date) => day(fact),
        _ => clock::for_people(fact.when()),
    }
}

fn day(fact: &Fact) -> String {
    clock::day_for_people(fact.when(), clock::london_offset(fact.when()))
}

fn stop(rule: &'static str, says: &str, way_past: &str, by: Option<&Fact>) -> Result<(), Stop> {
    let by = by.map(|fact| (fact.entry, fact.digest));
    Err(Stop { rule, says: says.to_owned(), way_past: way_past.to_owned(), by })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::codec::Folder;
    use crate::decision::draft::Draft;
    use crate::decision::value::Moment;
    use crate::decision::view::fake::FakeView;
    use crate::rules::pack::BUILT_IN;
    use crate::rules::rulebook::Rulebook;

    fn backed(author: &str, safety: &str) -> Result<(), Stop> {
        let pack = Pack::parse(BUILT_IN).unwrap();
        let view = FakeView::of(author).with(214, "decision.share", "theo", Folder::General, "sam");
        let draft = json!({ "kind": "backing", "case": "theo", "learned_at": "2026-10-06 11:20", "view": "agrees",
            "reasons": "right", "for_safety": safety, "refs": [{ "relation": "backs", "entry": 214 }] });
        let now = Moment::parse("2026-10-06 12:14").unwrap().milliseconds;
        let decision = Draft::from_json(&draft).unwrap().check(&pack, &view, now).unwrap();
        let (rules, roles) = (Rulebook::new(pack.clone()), |_, _, _| Vec::new());
        let book = Book::open::<Fact>(&[], &rules, &roles);
        let copies = CleanCopyCheck::default();
        gate(&decision, &Before { pack: &pack, book: &book, view: &view, copies: &copies, now })
    }

    #[test]
    fn nobody_is_their_own_second_person_unless_for_safety() {
        assert_eq!(backed("maria", ""), Ok(()));
        assert_eq!(backed("sam", "").unwrap_err().rule, "same_person");
        assert_eq!(backed("sam", "nobody else is in the building"), Ok(()));
        let pack = Pack::parse(BUILT_IN).unwrap();
        for rule in ["consent_gone", "photo_purpose", "contact_details", "unchecked_copy", "same_person", "hold_talk"] {
            assert!(pack.list("RULE").unwrap().find(rule).is_some());
        }
    }
}
