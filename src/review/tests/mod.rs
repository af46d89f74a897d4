//! A small setting in memory: drafts become facts as they would in a ledger, and a review says what is owed.

mod access;
mod consent;
mod decide;
mod family;
mod late;
mod life;
mod properties;
mod unseen;
mod whole;

use serde_json::{Value as Json, json};

use crate::codec::{CaseTag, Digest, Folder, KindNumber, PersonId, RelationNumber};
use crate::decision::decision::Reference;
use crate::decision::draft::Draft;
use crate::decision::people::Role;
use crate::decision::value::{Content, FieldId, Moment, Value};
use crate::decision::view::{Found, Referenced, View};
use crate::review::book::Book;
use crate::review::fact::Fact;
use crate::review::item::{Item, Review, Standing};
use crate::review::look::{Look, review};
use crate::review::values::Values;
use crate::rules::clock;
use crate::rules::pack::{BUILT_IN, Pack};
use crate::rules::rulebook::Rulebook;

/// Handles; the first four are staff: dsl, deputy_dsl, chair and practitioner. The last is a line manager.
const PEOPLE: [&str; 8] = ["maria", "jon", "ruth", "sam", "priya", "rob", "edith", "lee"];
const CASES: [&str; 2] = ["theo", "ezra"];

/// What was entered so far.
#[derive(Clone)]
pub(super) struct Story {
    pub(super) facts: Vec<Fact>,
    rules: Rulebook,
    /// Who is in no role any more.
    pub(super) without_role: Vec<&'static str>,
}

/// The ledger as one author sees it.
struct Seen<'a>(&'a Story, &'a str);

pub(super) fn person(handle: &str) -> PersonId {
    let at = PEOPLE.iter().position(|known| *known == handle).unwrap();
    PersonId::new([u8::try_from(at + 1).unwrap(); 16])
}

fn case(handle: &str) -> CaseTag {
    let at = CASES.iter().position(|known| *known == handle).unwrap();
    CaseTag::new([u8::try_from(at + 1).unwrap(); 16])
}

/// A local time such as `2026-10-06 10:42`, in milliseconds UTC.
pub(super) fn at(text: &str) -> i64 {
    Moment::parse(text).unwrap().milliseconds
}

impl View for Seen<'_> {
    fn case(&self, typed: &str) -> Found<CaseTag> {
        CASES.iter().find(|known| **known == typed).map_or(Found::Nothing, |known| Found::One(case(known)))
    }

    fn person(&self, typed: &str) -> Found<PersonId> {
        PEOPLE.iter().find(|known| **known == typed).map_or(Found::Nothing, |known| Found::One(person(known)))
    }

    fn author(&self) -> PersonId {
        person(self.1)
    }

    fn roles(&self) -> Vec<Role> {
        role_of(person(self.1))
    }

    fn entry(&self, number: u64) -> Option<Referenced> {
        let fact = self.0.facts.iter().find(|fact| fact.entry == number)?;
        Some(Referenced {
            digest: fact.digest,
            kind: Some(fact.kind),
            case: fact.case,
            folder: Some(fact.folder()),
            author_person: Some(fact.person),
            values: fact.values.to_vec(),
        })
    }
}

fn role_of(who: PersonId) -> Vec<Role> {
    let roles = [
        ("maria", Role::Dsl),
        ("jon", Role::DeputyDsl),
        ("ruth", Role::Chair),
        ("sam", Role::Practitioner),
        ("lee", Role::LineManager),
    ];
    roles.into_iter().filter(|(handle, _)| person(handle) == who).map(|(_, role)| role).collect()
}

impl Story {
    pub(super) fn new() -> Self {
        static RULES: std::sync::OnceLock<Rulebook> = std::sync::OnceLock::new();
        let rules = RULES.get_or_init(|| Rulebook::new(Pack::parse(BUILT_IN).unwrap()));
        let rules = rules.clone();
        Story { facts: Vec::new(), rules, without_role: Vec::new() }
    }

    /// Enters a draft as this person at this time. It has to be understood; gaps stay open as in a ledger.
    pub(super) fn enter(&mut self, who: &str, recorded: &str, draft: Json) -> u64 {
        let draft = Draft::from_json(&draft).unwrap();
        let decision = draft.check(self.rules.current(), &Seen(self, who), at(recorded));
        let decision = decision.unwrap_or_else(|gaps| panic!("{gaps:?}"));
        let folder = decision.folder();
        let fact = Fact {
            happened: decision.happened(),
            act: decision.is_act(),
            case: decision.case(),
            occurred: decision.occurred(),
            learned: decision.learned(),
            decided: decision.decided(),
            values: Values::of(decision.values()),
            references: decision.references().to_vec(),
            ..self.bare(decision.kind(), who, recorded, folder)
        };
        self.put(fact)
    }

    /// Enters what no form makes, with these values and references.
    pub(super) fn set_up(
        &mut self,
        who: &str,
        recorded: &str,
        kind: &str,
        values: Vec<(FieldId, Content)>,
        references: &[(&str, u64)],
    ) -> u64 {
        let mut fact = self.bare(KindNumber::of(kind).unwrap(), who, recorded, Folder::None);
        let value = |(field, content)| Value { field, position: 0, content };
        fact.values = Values::of(&values.into_iter().map(value).collect::<Vec<_>>());
        let to = |(relation, entry): &(&str, u64)| Reference {
            relation: RelationNumber::of(relation).unwrap(),
            entry: *entry,
            digest: self.facts.iter().find(|fact| fact.entry == *entry).unwrap().digest,
        };
        fact.references = references.iter().map(to).collect();
        self.put(fact)
    }

    fn bare(&self, kind: KindNumber, who: &str, recorded: &str, folder: Folder) -> Fact {
        let entry = self.facts.len() as u64;
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&(entry + 1).to_be_bytes());
        Fact {
            entry,
            recorded: at(recorded),
            clock_back: self.facts.last().is_some_and(|before| at(recorded) < before.recorded),
            epoch_old: None,
            digest: Digest::new(digest),
            person: person(who),
            kind,
            case: None,
            folder: folder as u8,
            occurred: Moment::NONE,
            learned: Moment::NONE,
            decided: Moment::NONE,
            signed: Moment::in_london(at(recorded)),
            act: false,
            happened: true,
            values: Values::default(),
            references: Vec::new(),
            pack: Digest::ZERO,
            policy: Digest::ZERO,
            gapless: false,
        }
    }

    fn put(&mut self, fact: Fact) -> u64 {
        self.facts.push(fact);
        self.facts.len() as u64 - 1
    }

    fn with_roles<R>(&self, use_them: impl FnOnce(&crate::review::book::Roles<'_>) -> R) -> R {
        let gone: Vec<PersonId> = self.without_role.iter().map(|handle| person(handle)).collect();
        use_them(&|who, _, _| if gone.contains(&who) { Vec::new() } else { role_of(who) })
    }

    pub(super) fn review_at(&self, now: i64) -> Review {
        self.seen_at(now, false, |_| true)
    }

    /// Reviews only those entries that this lets be seen.
    pub(super) fn seen_at(&self, now: i64, oversees: bool, sees: impl Fn(&Fact) -> bool) -> Review {
        let (facts, unseen): (Vec<Fact>, Vec<Fact>) = self.facts.iter().cloned().partition(sees);
        let unseen: Vec<u64> = unseen.iter().map(|fact| fact.entry).collect();
        self.with_roles(|roles| {
            review(&Look { facts: &facts, unseen: &unseen, rules: &self.rules, roles, oversees, now })
        })
    }

    pub(super) fn standing(&self, consent: u64, time: &str) -> Standing {
        self.with_roles(|roles| {
            let book = Book::open(&self.facts, &self.rules, roles);
            book.standing(book.fact(consent).unwrap(), at(time))
        })
    }

    /// Returns what a review says of a step of an entry: state, due time and what closed it; several with `|` between.
    pub(super) fn says(&self, time: &str, entry: u64, name: &str) -> String {
        let now = at(time);
        let review = self.review_at(now);
        let said: Vec<String> =
            review.of(entry).filter(|item| item.name() == name).map(|item| told(item, now)).collect();
        if said.is_empty() { "nothing".to_owned() } else { said.join(" | ") }
    }

    /// Asserts what a review says of steps of entries.
    #[track_caller]
    pub(super) fn check(&self, time: &str, wanted: &[(u64, &str, &str)]) {
        for (entry, name, said) in wanted {
            assert_eq!(self.says(time, *entry, name), *said, "{name} of {entry} on {time}");
        }
    }
}

fn told(item: &Item, now: i64) -> String {
    let mut text = item.state(now).name().to_owned();
    if let Some(due) = item.due {
        text += &format!(", due {}", clock::for_people(due));
    }
    if let Some(closed) = item.closed {
        text += &format!(", by {}", closed.by);
    }
    text
}

/// One draft with some answers put in the place of others.
pub(super) fn with(mut draft: Json, more: Json) -> Json {
    let (Json::Object(draft_fields), Json::Object(more)) = (&mut draft, more) else { panic!("no objects") };
    draft_fields.extend(more);
    draft
}

pub(super) fn to(relation: &str, entry: u64) -> Json {
    json!([{ "relation": relation, "entry": entry }])
}

/// A concern about Ezra, complete.
pub(super) fn concern(learned: &str) -> Json {
    json!({ "kind": "concern.observed", "case": "ezra", "learned_at": learned, "narrative": "a", "reasons": "b",
        "hold_check": "no", "concern_type": "neglect" })
}

/// A share with an agency, complete and proposed.
pub(super) fn share(decided: &str) -> Json {
    json!({ "kind": "decision.share", "case": "ezra", "folder": "protection", "decided_at": decided, "learned_at": decided,
        "decided_by": "maria", "items": [{ "class": "attendance", "what": "a" }], "items_withheld": [], "reasons": "b",
        "recipient": { "agency": "AG-HV", "verified": "V-KNOWN", "reference": "c" }, "purpose": "PU-SAFE", "basis": "LB-EA",
        "basis_limb": 5, "special": "SC-0", "method": "M-PORTAL" })
}

/// A referral to social care, complete, made by telephone.
pub(super) fn referral(occurred: &str) -> Json {
    json!({ "kind": "referral.made", "case": "ezra", "occurred_at": occurred, "learned_at": occurred, "decided_by": "maria",
        "items": [{ "class": "attendance", "what": "a" }], "reasons": "b", "method": "M-PHONE", "basis": "LB-EA",
        "basis_limb": 5, "special": "SC-0", "risk_level": "RL-2",
        "recipient": { "agency": "AG-CSC", "verified": "V-CALLBACK", "reference": "M-1" } })
}

/// A consent of Priya's, complete.
pub(super) fn consent(learned: &str, purpose: &str) -> Json {
    json!({ "kind": "consent.given", "case": "ezra", "learned_at": learned, "giver": "priya", "purpose": purpose, "method": "M-FACE",
        "explained": { "why": "a", "what": "b", "who_sees": "c", "purpose": "d", "implications": "e" },
        "assured": { "capacity": "yes", "freely_given": "yes", "no_coercion": "yes", "withdrawal_explained": "yes" } })
}

/// That somebody is a parent of Ezra's with parental responsibility.
pub(super) fn parent(learned: &str, who: &str, status: &str) -> Json {
    json!({ "kind": "relation.assert", "case": "ezra", "learned_at": learned, "person": who, "other_person": { "name": "Ezra" },
        "relationship": "mother", "pr_status": status, "evidence_seen": "certificate" })
}

pub(super) fn backing(learned: &str, entry: u64) -> Json {
    json!({ "kind": "backing", "case": "ezra", "folder": "protection", "learned_at": learned, "view": "agrees", "reasons": "a",
        "refs": to("backs", entry) })
}
