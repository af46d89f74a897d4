//! The review: every rule over every entry, as one pure function.

use std::borrow::Borrow;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

use crate::review::access::Running;
use crate::review::book::{Book, Roles};
use crate::review::decide::SHARES;
use crate::review::fact::{Fact, ask};
use crate::review::item::{Item, Review};
use crate::review::values::Held;
use crate::rules::kind::{CaseRule, FolderRule, Kind};
use crate::rules::obligation::Severity;
use crate::rules::rulebook::Rulebook;

/// What a review is made of.
pub struct Look<'a, F = Fact> {
    /// The entries that could be read, in order.
    pub facts: &'a [F],
    /// Numbers of those that could not.
    pub unseen: &'a [u64],
    /// The rules.
    pub rules: &'a Rulebook,
    /// Who was in which role.
    pub roles: &'a Roles<'a>,
    /// Whether the overseers' entries open to whoever looks: else a closing may be among those that could not be read, and
    /// no day is called unclosed.
    pub oversees: bool,
    /// The time of the review, in milliseconds UTC.
    pub now: i64,
}

/// The rules that speak of entries in folders which not everybody opens who oversees: with one entry unread, they may have
/// missed something.
const HIDDEN_RULES: [&str; 4] = ["R20", "R26", "R28", "R31"];
/// The rule by which days are closed.
const CLOSINGS_RULE: &str = "R29";
/// The broken rule that public entries alone decide.
const CERTAIN: &str = "ROLE-INVALID";
/// Every rule that entries are judged by.
const ALL_RULES: [&str; 31] = [
    "R01", "R02", "R03", "R04", "R05", "R06", "R07", "R08", "R09", "R10", "R11", "R12", "R13", "R14", "R15", "R16",
    "R17", "R18", "R19", "R20", "R21", "R22", "R23", "R24", "R25", "R26", "R27", "R28", "R29", "R31", "R32",
];

/// Looks at every entry and says what is owed, by when, and what was broken. The same entries, rules, roles and time give
/// the same review.
#[must_use]
pub fn review<F: Borrow<Fact>>(look: &Look<'_, F>) -> Review {
    let book = Book::open(look.facts, look.rules, look.roles);
    let mut lists = items(&book, look.now);
    if look.oversees {
        let mut unclosed = Vec::new();
        book.unclosed(look.now, &mut unclosed);
        unclosed.sort_by_key(key);
        lists.push(unclosed);
    }
    let mut items = together(lists);
    book.filed_anew(&mut items);
    doubt(look, &mut items);
    let public_only =
        look.facts.iter().all(|fact| fact.borrow().kind.publicity() != Some(crate::codec::Publicity::Sealed));
    let mut unseen_rules = match (look.unseen.is_empty(), public_only) {
        (true, _) => Vec::new(),
        (false, true) => ALL_RULES.to_vec(),
        (false, false) => HIDDEN_RULES.to_vec(),
    };
    if !look.oversees && !unseen_rules.contains(&CLOSINGS_RULE) {
        unseen_rules.push(CLOSINGS_RULE);
        unseen_rules.sort_unstable();
    }
    Review { now: look.now, items, unseen: look.unseen.to_vec(), unseen_rules }
}

/// Marks what looks owed or broken, and may have been done, or made lawful beforehand, in an entry that could not be read.
///
/// To whoever oversees only the folders that open to few are closed: what no kind closes from there is certain. To others
/// nearly nothing is; but who was in which role stands in public entries.
fn doubt<F>(look: &Look<'_, F>, items: &mut [Item]) {
    if look.unseen.is_empty() {
        return;
    }
    let pack = look.rules.current();
    // What only speaks of something there lies with the child else: no more is to be looked for there than that.
    let few = |kind: &&Kind| match &kind.folder {
        FolderRule::Among(folders) => {
            let first = folders.first().is_some_and(|folder| folder.restricted());
            folders.iter().any(|folder| folder.restricted()) && (first || kind.case != CaseRule::Needed)
        }
        _ => false,
    };
    let from_there: HashSet<&str> =
        pack.kinds().iter().filter(few).flat_map(|kind| &kind.closes).map(|effect| effect.flag.as_str()).collect();
    for item in items.iter_mut().filter(|item| item.closed.is_none()) {
        item.unsure = match look.oversees {
            true => from_there.contains(item.flag),
            false => item.severity != Severity::Info && item.flag != CERTAIN,
        };
    }
}

/// Entries that one core looks at in one go.
const PART: usize = 1024;

/// What items are put in order by.
fn key(item: &Item) -> (u64, &'static str, &'static str, i64) {
    (item.entry, item.flag, item.step, item.since)
}

/// Lays lists of items that are in order together; those that are alike stay in the order of their lists.
fn together(lists: Vec<Vec<Item>>) -> Vec<Item> {
    let mut all = Vec::with_capacity(lists.iter().map(Vec::len).sum());
    let mut rows: Vec<_> = lists.into_iter().map(Vec::into_iter).collect();
    let heads = rows.iter().enumerate().filter_map(|(at, row)| Some(Reverse((key(row.as_slice().first()?), at))));
    let mut next: BinaryHeap<_> = heads.collect();
    while let Some(Reverse((_, at))) = next.pop() {
        let Some(row) = rows.get_mut(at) else { continue };
        // As far as a list goes on before the others, in one piece.
        let before = |item: &Item| next.peek().is_none_or(|Reverse(other)| (key(item), at) < *other);
        let count = row.as_slice().partition_point(before);
        all.extend(row.by_ref().take(count));
        next.extend(row.as_slice().first().map(|head| Reverse((key(head), at))));
    }
    all
}

/// Returns the items of each part of the ledger, each list in order.
fn items(book: &Book<'_>, now: i64) -> Vec<Vec<Item>> {
    let genesis = book.facts.first().filter(|fact| fact.name() == "genesis");
    let public_authority = genesis.is_some_and(|fact| fact.says(ask::SETTING_TYPE, "maintained_nursery"));
    let requests = book.all_of(&["access.received"]);
    let requests: Vec<_> = requests.into_iter().map(|fact| book.running(fact)).collect();
    let desk = Around { book, requests: &requests, public_authority, now };
    let facts: Vec<&[&Fact]> = book.facts.chunks(PART).collect();
    let cases: Vec<_> = book.cases().collect();
    let cases: Vec<_> = cases.chunks(PART).collect();
    let of_facts = parallel(&facts, |part| {
        let mut out = Vec::with_capacity(2 * part.len());
        part.iter().for_each(|fact| desk.look(fact, &mut out));
        out.sort_by_key(key);
        out
    });
    let of_cases = parallel(&cases, |part| {
        let mut out = Vec::new();
        part.iter().for_each(|case| book.held_back(*case, &mut out));
        out.sort_by_key(key);
        out
    });
    of_facts.into_iter().chain(of_cases).collect()
}

/// Does the same with each, on every core; the answers are in order.
#[cfg(feature = "desk")]
fn parallel<T: Sync, U: Send>(all: &[T], work: impl Fn(&T) -> U + Sync + Send) -> Vec<U> {
    use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
    all.par_iter().map(work).collect()
}

/// Does the same with each, in order.
#[cfg(not(feature = "desk"))]
fn parallel<T: Sync, U: Send>(all: &[T], work: impl Fn(&T) -> U + Sync + Send) -> Vec<U> {
    all.iter().map(work).collect()
}

/// What every entry is looked at beside.
struct Around<'b, 'a> {
    book: &'b Book<'a>,
    /// Every request for a file.
    requests: &'b [Running<'a>],
    public_authority: bool,
    now: i64,
}

impl<'a> Around<'_, 'a> {
    /// Every rule that asks something of one entry.
    fn look(&self, fact: &'a Fact, out: &mut Vec<Item>) {
        let (book, now) = (self.book, self.now);
        book.of_itself(fact, out);
        if fact.carries("completes") {
            return;
        }
        if SHARES.contains(&fact.name()) {
            book.basis(fact, self.public_authority, out);
            book.backing(fact, out);
            book.referral(fact, now, out);
            book.family(fact, out);
            book.rests(fact, out);
            book.consulted(fact, out);
            book.badly_hurt(fact, out);
        }
        if book.is_concern(fact) {
            book.concern(fact, out);
        }
        match fact.name() {
            "genesis" => book.founded(fact, out),
            "policy.adopt" => book.policy(fact, out),
            "request.received" => book.request(fact, out),
            "request.made" => book.our_request(fact, now, out),
            "advice.identified" => book.pending(fact, now, out),
            "decision.noshare" => {
                book.backing(fact, out);
                book.noshare_review(fact, out);
            }
            "decision.monitor" => book.noshare_review(fact, out),
            "consent.given" => book.consent(fact, out),
            "consent.withdrawn" => book.withdrawal(fact, out),
            "dispute.open" => book.dispute(fact, out),
            "access.received" => book.access(fact, out),
            "access.thirdparty.asked" => book.third_party(fact, out),
            "complaint.received" => book.complaint(fact, out),
            "breach.found" => book.breach(fact, out),
            "transfer.prepared" => book.transfer(fact, out),
            "transfer.sent" => book.sent(fact, now, out),
            "retention.review" => book.retention(fact, out),
            "staff.allegation" => book.allegation(fact, out),
            "statement.late" => book.missing_numbers(fact, out),
            "lado.referral" => book.referral(fact, now, out),
            "grant.made" | "grant.ended" => book.grant(fact, out),
            "access.cleancopy.made" | "access.cleancopy.checked" | "retire.approved" | "confirmation" => {
                book.second_look(fact, out);
            }
            _ => {}
        }
        match fact.name() {
            "correction.fact" | "misfiled" | "retire.proposed" | "retire.approved" | "retire.done"
            | "body.unreadable" => {
                let spoken_of = ["corrects", "misplaced", "about", "confirms", "carries_out"];
                let of = spoken_of.iter().flat_map(|relation| book.to(fact, relation).filter_map(|of| of.case));
                let named = fact.values.iter().filter_map(|placed| match placed.held()? {
                    Held::Case(case) => Some(case),
                    _ => None,
                });
                let cases: Vec<_> = fact.case.into_iter().chain(of).chain(named).collect();
                book.guarded(fact, self.requests, &cases, out);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::PersonId;
    use crate::review::item::About;
    use crate::rules::obligation::Severity;

    fn item(entry: u64, step: &'static str, list: i64) -> Item {
        let (flag, author, case, due, closed) = ("LATE", PersonId::ZERO, None, Some(list), None);
        let (severity, about) = (Severity::Item, About::Nothing);
        Item { flag, step, entry, author, case, since: 0, due, severity, closed, about, unsure: false }
    }

    #[test]
    fn lists_are_laid_together_as_one_sort_would() {
        let lists = vec![
            vec![item(1, "a", 0), item(2, "b", 0), item(9, "a", 0)],
            Vec::new(),
            vec![item(2, "a", 2), item(2, "b", 2), item(3, "a", 2)],
            vec![item(0, "z", 3), item(2, "b", 3)],
        ];
        let mut sorted: Vec<Item> = lists.clone().into_iter().flatten().collect();
        sorted.sort_by_key(key);
        assert_eq!(together(lists), sorted);
        assert_eq!(together(Vec::new()), []);
    }
}
