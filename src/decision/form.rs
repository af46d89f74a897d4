//! Forms: the answers to a route's questions, and the linked drafts that come out of them.
//!
//! An answer sheet is kept as a [`Draft`] is: a JSON object that may be nonsense and is never thrown away.
//!
//! | key | holds |
//! |---|---|
//! | `route` | the route's name |
//! | `answers` | an object: question and answer; a code or a chosen answer by its name |
//! | `fields` | an object: statement and fields of its kind that the questions do not reach; they stand above the answers |
//! | `id` | 32 hexadecimal digits; the statements' ids come from it, so that sending it twice enters it once |
//!
//! A statement refers to an earlier one of the same sheet by its place: `{"relation": ..., "draft": 0}`.
// Long because: the way from answers to drafts, and from gaps back to the questions, stands in one place.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};

use crate::codec::{Digest, KindNumber, PersonId, StatementId};
use crate::decision::decision::Decision;
use crate::decision::draft::Draft;
use crate::decision::fields::{blank, echo, meant};
use crate::decision::gap::{Gap, GapLevel};
use crate::decision::people::Role;
use crate::decision::view::{Found, Referenced, View};
use crate::rules::clock;
use crate::rules::kind::FieldType;
use crate::rules::pack::Pack;
use crate::rules::route::{LIMIT, ME, NOW, Question, Route, TODAY};

/// Keys of every sheet.
const HEAD: [&str; 4] = ["route", "answers", "fields", "id"];

/// Most statements of one form.
pub const STATEMENTS: usize = LIMIT;

/// The drafts that come out of an answer sheet, in the order in which they are signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    route: Route,
    parts: Vec<Part>,
}

/// One draft of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Which statement of the route it is.
    statement: usize,
    /// Its kind.
    kind: KindNumber,
    /// What stands in it.
    draft: Draft,
}

impl Part {
    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> KindNumber {
        self.kind
    }

    /// Returns the draft.
    #[must_use]
    pub fn draft(&self) -> &Draft {
        &self.draft
    }

    /// Returns the draft as one of its own, with numbers in the place of what it says of other drafts of its form:
    /// `number` gives the entry of each. A reference to one that has none is left out.
    #[must_use]
    pub fn alone(&self, number: impl Fn(usize) -> Option<u64>) -> Draft {
        self.referring(|draft| number(draft).map(|entry| ("entry", entry)))
    }

    fn referring(&self, to: impl Fn(usize) -> Option<(&'static str, u64)>) -> Draft {
        let mut object = self.draft.object.clone();
        if let Some(Json::Array(refs)) = object.get_mut("refs") {
            refs.retain_mut(|reference| {
                let Some(draft) = draft_of(reference) else { return true };
                match (to(draft), reference.as_object_mut()) {
                    (Some((key, place)), Some(reference)) => {
                        reference.remove("draft");
                        reference.insert(key.to_owned(), place.into());
                        true
                    }
                    _ => false,
                }
            });
        }
        Draft { object }
    }
}

fn draft_of(reference: &Json) -> Option<usize> {
    reference.get("draft")?.as_u64().and_then(|draft| usize::try_from(draft).ok())
}

/// Returns the route of an answer sheet; none for a draft of one entry.
#[must_use]
pub fn route_of(draft: &Draft) -> Option<&str> {
    let alone = draft.object.contains_key("kind");
    draft.object.get("route").filter(|_| !alone)?.as_str()
}

/// Returns the id of a statement of a sheet that has this id.
#[must_use]
pub fn statement_id(sheet: StatementId, statement: usize) -> StatementId {
    let mut bytes = *sheet.as_bytes();
    if let (Some(last), Ok(place)) = (bytes.last_mut(), u8::try_from(statement)) {
        *last ^= place.wrapping_add(1);
    }
    StatementId::new(bytes)
}

/// Makes the drafts of an answer sheet, as written by `me` at `now_ms` (milliseconds since 1970, UTC).
///
/// A question that is left open takes its default. An answer for an entry that does not come out is kept with the first
/// one that does.
///
/// # Errors
/// What cannot be understood, in the route's own words, all at once.
pub fn form(sheet: &Draft, pack: &Pack, me: PersonId, now_ms: i64) -> Result<Form, Vec<Gap>> {
    let name = route_of(sheet).unwrap_or_default().trim();
    let Some(route) = pack.route(name) else {
        let names = pack.routes().iter().map(|route| route.name.as_str());
        let next = format!("give one of: {}", names.collect::<Vec<_>>().join(", "));
        return Err(vec![Gap::new("route", GapLevel::Error, format!("there is no route {}", echo(name)), next)]);
    };
    let mut maker = Maker { route, pack, sheet: &sheet.object, me, now_ms, given: Vec::new(), gaps: Vec::new() };
    maker.answers();
    let parts = maker.parts();
    if parts.is_empty() && maker.gaps.is_empty() {
        maker.nothing_comes_out();
    }
    if maker.gaps.is_empty() { Ok(Form { route: route.clone(), parts }) } else { Err(maker.gaps) }
}

impl Form {
    /// Returns the drafts in their order.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Returns the route.
    #[must_use]
    pub fn route(&self) -> &Route {
        &self.route
    }

    /// Checks every draft, each in sight of those before it.
    #[must_use]
    pub fn check(&self, pack: &Pack, view: &dyn View, now_ms: i64) -> Vec<Result<Decision, Vec<Gap>>> {
        let mut sight = Sight { view, drafts: Vec::new() };
        let mut checked = Vec::new();
        for (place, part) in self.parts.iter().enumerate() {
            let one = part.draft.check(pack, &sight, now_ms);
            let decision = one.as_ref().ok();
            sight.drafts.push(Referenced {
                digest: unsigned(place),
                kind: Some(part.kind),
                case: decision.and_then(Decision::case),
                folder: decision.map(Decision::folder),
                author_person: Some(view.author()),
                values: decision.map(|decision| decision.values().to_vec()).unwrap_or_default(),
            });
            checked.push(one);
        }
        checked
    }

    /// Returns everything that keeps the form from being entered, in the route's own words: each question once.
    #[must_use]
    pub fn gaps(&self, pack: &Pack, checked: &[Result<Decision, Vec<Gap>>]) -> Vec<Gap> {
        let mut gaps: Vec<Gap> = Vec::new();
        for (part, one) in self.parts.iter().zip(checked) {
            let found = match one {
                Ok(decision) => decision.gaps(),
                Err(gaps) => gaps,
            };
            for gap in found.iter().map(|gap| self.in_words(pack, part, gap)) {
                match gaps.iter_mut().find(|known| known.field == gap.field) {
                    Some(known) if known.level > gap.level => *known = gap,
                    Some(_) => {}
                    None => gaps.push(gap),
                }
            }
        }
        let asked = |gap: &Gap| self.route.questions.iter().position(|question| question.name == gap.field);
        gaps.sort_by_key(|gap| (gap.level, asked(gap).unwrap_or(usize::MAX)));
        gaps
    }

    /// A gap of one draft as the form says it: by the question whose answer it is.
    fn in_words(&self, pack: &Pack, part: &Part, gap: &Gap) -> Gap {
        let path = gap.field.replace('[', ".").replace(']', "");
        let goes_there = |question: &&Question| {
            question.to.iter().any(|target| {
                let whole =
                    target.path.strip_prefix(&path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
                whole && target.statement.is_none_or(|statement| statement == part.statement)
            })
        };
        let Some(question) = self.route.questions.iter().find(goes_there) else {
            let name = self.route.statements.get(part.statement).map_or("", |statement| &statement.name);
            return Gap { field: format!("{name}.{}", gap.field), ..gap.clone() };
        };
        let what = match gap.level {
            GapLevel::Error => gap.what.clone(),
            _ => format!("not answered: {}", question.ask),
        };
        let answers = self.route.answers(pack, question);
        let words = self.route.field(pack, question).is_some_and(|field| field.answer == FieldType::Text);
        let next = match answers.is_empty() {
            true if words && gap.level != GapLevel::Error => "write it down".to_owned(),
            true => gap.next.clone(),
            false => one_of(&answers),
        };
        Gap::new(&question.name, gap.level, what, next)
    }

    /// Returns the form without some of its drafts; what the others say of them is left out.
    #[must_use]
    pub fn without(&self, held: &BTreeSet<usize>) -> Form {
        let stays = |place: &usize| !held.contains(place);
        let place_of = |old: usize| {
            let before = (0..old).filter(stays).count();
            stays(&old).then_some(("draft", before as u64))
        };
        let parts = self.parts.iter().enumerate().filter(|(place, _)| stays(place));
        let parts = parts.map(|(_, part)| Part { draft: part.referring(place_of), ..part.clone() }).collect();
        Form { route: self.route.clone(), parts }
    }
}

fn one_of(answers: &[(&str, &str)]) -> String {
    let words: Vec<String> = answers.iter().map(|(is, text)| format!("{is} ({text})")).collect();
    format!("give one of: {}", words.join(", "))
}

/// What stands for the digest of a draft that is not signed yet.
fn unsigned(place: usize) -> Digest {
    let mut bytes = [0xff; 32];
    if let (Some(tail), Ok(place)) = (bytes.last_chunk_mut::<4>(), u32::try_from(place)) {
        *tail = place.to_be_bytes();
    }
    Digest::new(bytes)
}

/// The ledger, and the drafts of a form that come before the one that is checked.
struct Sight<'a> {
    view: &'a dyn View,
    drafts: Vec<Referenced>,
}

impl View for Sight<'_> {
    fn case(&self, typed: &str) -> Found<crate::codec::CaseTag> {
        self.view.case(typed)
    }

    fn person(&self, typed: &str) -> Found<PersonId> {
        self.view.person(typed)
    }

    fn author(&self) -> PersonId {
        self.view.author()
    }

    fn roles(&self) -> Vec<Role> {
        self.view.roles()
    }

    fn entry(&self, number: u64) -> Option<Referenced> {
        self.view.entry(number)
    }

    fn beside(&self, draft: usize) -> Option<Referenced> {
        self.drafts.get(draft).cloned()
    }
}

struct Maker<'a> {
    route: &'a Route,
    pack: &'a Pack,
    sheet: &'a Map<String, Json>,
    me: PersonId,
    now_ms: i64,
    /// The answers, by the question's place.
    given: Vec<Option<Json>>,
    gaps: Vec<Gap>,
}

impl Maker<'_> {
    fn error(&mut self, path: &str, what: impl Into<String>, next: impl Into<String>) {
        self.gaps.push(Gap::new(path, GapLevel::Error, what, next));
    }

    fn object(&mut self, key: &str) -> Map<String, Json> {
        match self.sheet.get(key) {
            Some(Json::Object(object)) => object.clone(),
            None | Some(Json::Null) => Map::new(),
            Some(_) => {
                self.error(key, "is not an object", "give {\"name\": ...}");
                Map::new()
            }
        }
    }

    fn answers(&mut self) {
        let unknown: Vec<&String> = self.sheet.keys().filter(|key| !HEAD.contains(&key.as_str())).collect();
        for key in unknown {
            self.error(echo(key), "is no part of an answer sheet", meant(key, HEAD.into_iter()));
        }
        let answers = self.object("answers");
        let route = self.route;
        for key in answers.keys().filter(|key| route.question(key).is_none()) {
            let next = meant(key, route.questions.iter().map(|question| question.name.as_str()));
            self.error(echo(key), format!("there is no question {} in {}", echo(key), route.name), next);
        }
        for question in &route.questions {
            let typed = answers.get(&question.name).filter(|json| !blank(json));
            let asked = route.holds(&question.when, |place| self.given(place));
            let given = match (typed, asked) {
                (Some(json), true) => self.chosen(question, json),
                (Some(_), false) => {
                    let next = "leave it out, or look at the answers before it";
                    self.error(&question.name, "is not asked with these answers", next);
                    None
                }
                (None, true) => question.default.as_deref().map(|default| self.meant(&default.into())),
                (None, false) => None,
            };
            self.given.push(given);
        }
    }

    /// What was answered to a question, as conditions look at it.
    fn given(&self, place: usize) -> Option<&str> {
        self.given.get(place)?.as_ref().map(|json| json.as_str().unwrap_or(""))
    }

    fn chosen(&mut self, question: &Question, json: &Json) -> Option<Json> {
        let text = json.as_str().map(str::trim);
        if question.choices.is_empty() {
            return Some(text.map_or_else(|| json.clone(), Json::from));
        }
        let known = question.choices.iter().find(|choice| Some(choice.is.as_str()) == text);
        if known.is_none() {
            let next = one_of(&self.route.answers(self.pack, question));
            self.error(&question.name, "is none of the answers", next);
        }
        known.map(|choice| choice.is.as_str().into())
    }

    /// What the pack's own marks stand for.
    fn meant(&self, json: &Json) -> Json {
        let time = |at: i64| Json::from(clock::rfc3339(at, clock::london_offset(at)));
        match json.as_str() {
            Some(NOW) => time(self.now_ms),
            Some(TODAY) => time(clock::end_of_day(clock::london_day(self.now_ms))),
            Some(ME) => self.me.to_string().into(),
            _ => json.clone(),
        }
    }

    fn parts(&mut self) -> Vec<Part> {
        let route = self.route;
        let out: Vec<usize> = (0..route.statements.len())
            .filter(|place| {
                let when = route.statements.get(*place).map(|statement| statement.when.as_slice());
                when.is_some_and(|when| route.holds(when, |place| self.given(place)))
            })
            .collect();
        let mut fields = self.object("fields");
        let id = self.sheet.get("id").and_then(Json::as_str).and_then(StatementId::parse);
        let mut parts = Vec::new();
        for place in &out {
            let Some(statement) = route.statements.get(*place) else { continue };
            let mut object = Map::new();
            object.insert("kind".to_owned(), statement.kind.name().unwrap_or_default().into());
            object.extend(id.map(|id| ("id".to_owned(), statement_id(id, *place).to_string().into())));
            for (path, json) in statement.set.iter().filter(|(path, _)| !path.contains('*')) {
                put(&mut object, path, self.meant(json));
            }
            self.fill(*place, &mut object);
            for (relation, to) in &statement.refs {
                let to = out.iter().position(|place| place == to);
                let name = relation.name().unwrap_or_default();
                to.into_iter().for_each(|to| refer(&mut object, json!({ "relation": name, "draft": to })));
            }
            if let Some(more) = fields.remove(&statement.name) {
                self.more(&statement.name, more, &mut object);
            }
            for (path, json) in statement.set.iter().filter(|(path, _)| path.contains('*')) {
                each(&mut object, path, &self.meant(json));
            }
            if parts.is_empty() {
                self.left_over(&out, &mut object);
            }
            parts.push(Part { statement: *place, kind: statement.kind, draft: Draft { object } });
        }
        for name in fields.keys() {
            let what = match route.statements.iter().any(|statement| statement.name == *name) {
                true => "does not come out with these answers",
                false => "is no statement of this route",
            };
            let names = route.statements.iter().map(|statement| statement.name.as_str());
            self.error(&format!("fields.{}", echo(name)), what, meant(name, names));
        }
        parts
    }

    /// Names the open questions on which it hangs whether anything is entered.
    fn nothing_comes_out(&mut self) {
        let route = self.route;
        for (place, question) in route.questions.iter().enumerate() {
            let decides =
                route.statements.iter().flat_map(|statement| &statement.when).any(|when| when.question == place);
            if decides && self.given(place).is_none() {
                let answers = route.answers(self.pack, question);
                let next = if answers.is_empty() { "write it down".to_owned() } else { one_of(&answers) };
                let what = format!("not answered: {}", question.ask);
                self.gaps.push(Gap::new(&question.name, GapLevel::Always, what, next));
            }
        }
        if self.gaps.is_empty() {
            self.error("route", "nothing is entered with these answers", "look at the answers again");
        }
    }

    /// Puts the answers, and what chosen ones set, into a statement.
    fn fill(&self, place: usize, object: &mut Map<String, Json>) {
        let here = |statement: Option<usize>| statement.is_none_or(|statement| statement == place);
        for (question, given) in self.route.questions.iter().zip(&self.given) {
            let Some(given) = given else { continue };
            let chosen = question.choices.iter().find(|choice| Some(choice.is.as_str()) == given.as_str());
            for (target, json) in chosen.iter().flat_map(|choice| &choice.set) {
                if here(target.statement) {
                    put(object, &target.path, self.meant(json));
                }
            }
            for target in question.to.iter().filter(|target| here(target.statement)) {
                let top = target.path.split('.').next().unwrap_or_default();
                let none = given.as_str().is_some_and(|text| text.eq_ignore_ascii_case("none"));
                if none && self.pack.field(top).is_some_and(|field| field.none) {
                    object.insert(top.to_owned(), json!([]));
                } else {
                    put(object, &target.path, given.clone());
                }
            }
        }
    }

    fn more(&mut self, name: &str, more: Json, object: &mut Map<String, Json>) {
        let Json::Object(more) = more else {
            return self.error(&format!("fields.{name}"), "is not an object with fields", "give {\"field\": ...}");
        };
        for (key, json) in more {
            match (key.as_str(), json) {
                ("refs", Json::Array(refs)) => refs.into_iter().for_each(|one| refer(object, one)),
                ("kind" | "id", _) => {
                    let next = "leave it out: the route says it";
                    self.error(&format!("fields.{name}.{key}"), "cannot be given here", next);
                }
                (_, json) => drop(object.insert(key, json)),
            }
        }
    }

    /// Keeps answers whose entry does not come out among the statements of this one: nothing typed is lost.
    fn left_over(&self, out: &[usize], object: &mut Map<String, Json>) {
        let here = |statement: Option<usize>| statement.is_none_or(|statement| out.contains(&statement));
        for (question, given) in self.route.questions.iter().zip(&self.given) {
            let typed = given.as_ref().and_then(Json::as_str).filter(|_| question.choices.is_empty());
            let lost = !question.to.is_empty() && !question.to.iter().any(|target| here(target.statement));
            let default = question.default.is_some();
            if let Some(typed) = typed.filter(|_| lost && !default) {
                let one = json!({ "type": "fact", "words": format!("{} {typed}", question.ask) });
                let list = object.entry("statements").or_insert_with(|| json!([]));
                list.as_array_mut().into_iter().for_each(|list| list.push(one.clone()));
            }
        }
    }
}

fn refer(object: &mut Map<String, Json>, reference: Json) {
    if let Json::Array(refs) = object.entry("refs").or_insert_with(|| json!([])) {
        refs.push(reference);
    }
}

/// Sets a value by its path: `basis`, `recipient.agency`, `items.0.what`, `refs.answers`.
fn put(object: &mut Map<String, Json>, path: &str, value: Json) {
    if let Some(relation) = path.strip_prefix("refs.") {
        return refer(object, json!({ "relation": relation, "entry": value }));
    }
    let mut parts = path.split('.');
    let mut at = object.entry(parts.next().unwrap_or_default()).or_insert(Json::Null);
    for part in parts {
        at = match part.parse::<usize>() {
            Ok(place) => {
                if !at.is_array() {
                    *at = json!([]);
                }
                let Some(list) = at.as_array_mut() else { return };
                while list.len() <= place.min(LIST) {
                    list.push(Json::Null);
                }
                let Some(element) = list.get_mut(place) else { return };
                element
            }
            Err(_) => {
                if !at.is_object() {
                    *at = json!({});
                }
                let Some(group) = at.as_object_mut() else { return };
                group.entry(part).or_insert(Json::Null)
            }
        };
    }
    *at = value;
}

/// Most elements that a route's paths count.
const LIST: usize = 16;

/// Sets a part of every element of a list, `items.*.class`, where it says nothing of its own.
fn each(object: &mut Map<String, Json>, path: &str, value: &Json) {
    let Some((top, part)) = path.split_once(".*.") else { return };
    let elements = object.get_mut(top).and_then(Json::as_array_mut).into_iter().flatten();
    for element in elements.filter_map(Json::as_object_mut) {
        let own = element.entry(part).or_insert(Json::Null);
        if blank(own) {
            *own = value.clone();
        }
    }
}
