//! Routes: one form in plain words that becomes several linked entries.
//!
//! A route asks a few questions and says where each answer goes, what stands in the entries beside the answers (agency,
//! basis, condition, codes), which entries come out, in which order, and how the later ones refer to the earlier. The
//! head of the pack describes the keys; reading is as strict as that of the rest of the pack.

use serde_json::{Value as Json, json};
use toml::Spanned;

use super::codes::Code;
use super::kind::{Field, FieldType, Kind};
use super::pack::{Pack, PackError};
use super::raw::{Name, RawChoice, RawQuestion, RawRoute, RawSet, RawStatement};
use super::read::Reader;
use crate::codec::{KindNumber, RelationNumber};

/// Most questions of one route, and most of its statements.
pub const LIMIT: usize = 32;

/// The answer that stands for the time of writing.
pub const NOW: &str = "@now";
/// The answer that stands for the end of the day of writing.
pub const TODAY: &str = "@today";
/// The answer that stands for the person who writes.
pub const ME: &str = "@me";

/// A form that becomes several entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Its name, as typed.
    pub name: String,
    /// Its title.
    pub label: String,
    /// What it asks, in order.
    pub questions: Vec<Question>,
    /// What comes out, in order: each refers to earlier ones only.
    pub statements: Vec<Statement>,
}

/// A question of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Its name: the key of its answer.
    pub name: String,
    /// The question, in plain words.
    pub ask: String,
    /// Where the answer goes; nowhere for a question that only decides what else is asked and entered.
    pub to: Vec<Target>,
    /// What counts as the answer where none is given: a code, [`NOW`], [`TODAY`] or [`ME`].
    pub default: Option<String>,
    /// The answers to choose from, in words; empty where the field's own list, or any text, is meant.
    pub choices: Vec<Choice>,
    /// It is asked only if all of these hold.
    pub when: Vec<When>,
}

/// A place in a statement of the route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Which statement; none for every one of the route.
    pub statement: Option<usize>,
    /// The place in it, such as `reasons`, `recipient.agency`, `items.*.what`, `case` or `refs.answers`.
    pub path: String,
}

/// One answer to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The answer as it is kept.
    pub is: String,
    /// What it means, in words.
    pub text: String,
    /// What it sets beside itself.
    pub set: Vec<(Target, Json)>,
}

/// A condition on an earlier answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct When {
    /// The place of the question among those of the route.
    pub question: usize,
    /// The answers with which it holds; with none, any answer does.
    pub is: Vec<String>,
}

/// An entry that may come out of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// What the route calls it.
    pub name: String,
    /// Its kind.
    pub kind: KindNumber,
    /// It comes out only if all of these hold.
    pub when: Vec<When>,
    /// What stands in it where no answer does.
    pub set: Vec<(String, Json)>,
    /// How it refers to earlier statements of the route.
    pub refs: Vec<(RelationNumber, usize)>,
}

impl Route {
    /// Returns a question by name.
    #[must_use]
    pub fn question(&self, name: &str) -> Option<&Question> {
        self.questions.iter().find(|question| question.name == name)
    }

    /// Returns the field, or part of one, that a question's answer goes to; none for a question without one, and for
    /// the parts of a statement's head.
    #[must_use]
    pub fn field<'p>(&self, pack: &'p Pack, question: &Question) -> Option<&'p Field> {
        let target = question.to.first()?;
        let mut parts = target.path.split('.').filter(|part| *part != "*" && part.parse::<usize>().is_err());
        let field = pack.field(parts.next()?)?;
        match parts.next() {
            Some(part) => field.subfield(part),
            None => Some(field),
        }
    }

    /// Returns what can be chosen as an answer, each with its words: the route's own choices, else the codes of the
    /// field that it goes to. Empty where anything may be typed.
    #[must_use]
    pub fn answers<'a>(&'a self, pack: &'a Pack, question: &'a Question) -> Vec<(&'a str, &'a str)> {
        if !question.choices.is_empty() {
            return question.choices.iter().map(|choice| (choice.is.as_str(), choice.text.as_str())).collect();
        }
        let list = self.field(pack, question).and_then(|field| pack.codes(field));
        let codes = list.map(|list| list.codes.as_slice()).unwrap_or_default();
        codes.iter().map(|Code { code, text, .. }| (code.as_str(), text.as_str())).collect()
    }

    /// Whether the conditions hold, with the answers that `answer` returns by place.
    pub fn holds<'a>(&self, when: &[When], answer: impl Fn(usize) -> Option<&'a str>) -> bool {
        when.iter().all(|when| {
            answer(when.question).is_some_and(|given| when.is.is_empty() || when.is.iter().any(|one| one == given))
        })
    }

    /// Returns all that a door needs to ask the route's questions.
    #[must_use]
    pub fn json(&self, pack: &Pack) -> Json {
        let when = |when: &[When]| -> Vec<Json> {
            let name = |when: &When| self.questions.get(when.question).map(|question| question.name.as_str());
            when.iter().map(|one| json!({ "question": name(one), "is": one.is })).collect()
        };
        let place = |target: &Target| match target.statement.and_then(|at| self.statements.get(at)) {
            Some(statement) => format!("{}.{}", statement.name, target.path),
            None => format!("*.{}", target.path),
        };
        let question = |one: &Question| {
            let answers = self.answers(pack, one);
            let answers: Vec<Json> = answers.iter().map(|(is, text)| json!({ "is": is, "text": text })).collect();
            json!({
                "name": one.name, "ask": one.ask, "to": one.to.iter().map(place).collect::<Vec<_>>(),
                "default": one.default, "answers": answers, "when": when(&one.when),
            })
        };
        let statement = |one: &Statement| {
            let reference = |(relation, to): &(RelationNumber, usize)| json!({ "relation": relation.name(), "to": self.statements.get(*to).map(|to| to.name.as_str()) });
            let set: serde_json::Map<String, Json> = one.set.iter().cloned().collect();
            json!({
                "name": one.name, "kind": one.kind.name(), "when": when(&one.when), "set": set,
                "refs": one.refs.iter().map(reference).collect::<Vec<_>>(),
            })
        };
        json!({
            "route": self.name, "label": self.label,
            "questions": self.questions.iter().map(question).collect::<Vec<_>>(),
            "statements": self.statements.iter().map(statement).collect::<Vec<_>>(),
        })
    }
}

impl Reader<'_> {
    pub(super) fn route(&self, raw: &RawRoute, pack: &Pack) -> Result<Route, PackError> {
        if raw.questions.len() > LIMIT || raw.statements.len() > LIMIT || raw.statements.is_empty() {
            return Err(self.error(&raw.name, &format!("has no statement, or more than {LIMIT} of them or questions")));
        }
        self.unique(raw.questions.iter().map(|question| &question.name))?;
        self.unique(raw.statements.iter().map(|statement| &statement.name))?;
        let mut kinds = Vec::new();
        for statement in &raw.statements {
            self.plain(&statement.name)?;
            let kind = pack.kind(statement.kind.get_ref());
            kinds.push(kind.ok_or_else(|| self.error(&statement.kind, "is no kind of this pack"))?);
        }
        let scope = Scope { raw, kinds, pack };
        let mut questions = Vec::new();
        for (at, question) in raw.questions.iter().enumerate() {
            questions.push(self.question(question, at, &scope)?);
        }
        let statements = raw.statements.iter().enumerate();
        let statements = statements.map(|(at, one)| self.statement(one, at, &scope)).collect::<Result<_, _>>()?;
        let route = Route { name: raw.name.get_ref().clone(), label: raw.label.clone(), questions, statements };
        for (question, raw) in route.questions.iter().zip(&raw.questions) {
            self.defaults(&route, question, raw, pack)?;
        }
        Ok(route)
    }

    fn question(&self, raw: &RawQuestion, at: usize, scope: &Scope<'_>) -> Result<Question, PackError> {
        self.plain(&raw.name)?;
        if raw.to.is_empty() && raw.choices.is_empty() {
            return Err(self.error(&raw.name, "goes nowhere and offers no choices"));
        }
        self.unique(raw.choices.iter().map(|choice| &choice.is))?;
        let to = raw.to.iter().map(|name| self.target(name.get_ref(), name.span().start, None, scope));
        Ok(Question {
            name: raw.name.get_ref().clone(),
            ask: raw.ask.clone(),
            to: to.collect::<Result<_, _>>()?,
            default: raw.default.as_ref().map(|name| name.get_ref().clone()),
            choices: raw.choices.iter().map(|choice| self.choice(choice, raw, scope)).collect::<Result<_, _>>()?,
            when: self.whens(&raw.when, at, scope)?,
        })
    }

    fn choice(&self, raw: &RawChoice, of: &RawQuestion, scope: &Scope<'_>) -> Result<Choice, PackError> {
        for name in &of.to {
            let value = Json::String(raw.is.get_ref().clone());
            self.target(name.get_ref(), raw.is.span().start, Some(&value), scope)?;
        }
        let mut set = Vec::new();
        for (path, value) in &raw.set {
            let json = self.plain_json(value)?;
            set.push((self.target(path, value.span().start, Some(&json), scope)?, json));
        }
        Ok(Choice { is: raw.is.get_ref().clone(), text: raw.text.clone(), set })
    }

    fn statement(&self, raw: &RawStatement, at: usize, scope: &Scope<'_>) -> Result<Statement, PackError> {
        let kind = self.any_kind(&raw.kind)?;
        let set = self.set(&raw.set, raw.name.get_ref(), scope)?;
        let mut refs = Vec::new();
        for name in &raw.refs {
            let (relation, to) = name.get_ref().split_once(": ").unwrap_or((name.get_ref(), ""));
            let place = scope.raw.statements.iter().take(at).position(|earlier| earlier.name.get_ref() == to);
            let place = place.ok_or_else(|| self.error(name, "leads to no earlier statement of the route"))?;
            let known = RelationNumber::of(relation)
                .and_then(|number| scope.kinds.get(at).and_then(|kind| kind.relation(number)));
            let target = scope.kinds.get(place).map(|kind| kind.number);
            let fits = known.filter(|known| known.to.as_ref().is_none_or(|to| target.is_some_and(|t| to.contains(&t))));
            let known = fits.ok_or_else(|| self.error(name, "is no relation between these kinds"))?;
            refs.push((known.number, place));
        }
        Ok(Statement {
            name: raw.name.get_ref().clone(),
            kind,
            when: self.whens(&raw.when, scope.raw.questions.len(), scope)?,
            set,
            refs,
        })
    }

    fn set(&self, raw: &RawSet, statement: &str, scope: &Scope<'_>) -> Result<Vec<(String, Json)>, PackError> {
        let mut set = Vec::new();
        for (path, value) in raw {
            let json = self.plain_json(value)?;
            self.target(&format!("{statement}.{path}"), value.span().start, Some(&json), scope)?;
            set.push((path.clone(), json));
        }
        Ok(set)
    }

    /// `family`, or `family=yes|no`: an answer to a question before the one at `at`.
    fn whens(&self, raw: &[Name], at: usize, scope: &Scope<'_>) -> Result<Vec<When>, PackError> {
        let mut whens = Vec::new();
        for name in raw {
            let (question, is) = name.get_ref().split_once('=').unwrap_or((name.get_ref(), ""));
            let place = scope.raw.questions.iter().take(at).position(|earlier| earlier.name.get_ref() == question);
            let place = place.ok_or_else(|| self.error(name, "leads to no earlier question of the route"))?;
            let is: Vec<String> = is.split('|').filter(|one| !one.is_empty()).map(str::to_owned).collect();
            let choices =
                scope.raw.questions.get(place).map(|question| question.choices.as_slice()).unwrap_or_default();
            let offered = |one: &String| choices.is_empty() || choices.iter().any(|choice| choice.is.get_ref() == one);
            if !is.iter().all(offered) {
                return Err(self.error(name, "waits for an answer that is not offered"));
            }
            whens.push(When { question: place, is });
        }
        Ok(whens)
    }

    /// Follows a path such as `share.recipient.agency` and, with a value, checks that it may stand there.
    fn target(&self, path: &str, at: usize, value: Option<&Json>, scope: &Scope<'_>) -> Result<Target, PackError> {
        let wrong = |what: &str| self.wrong(at..at, &format!("\"{path}\" {what}"));
        let (statement, inside) = path.split_once('.').ok_or_else(|| wrong("names no place in a statement"))?;
        let place = scope.raw.statements.iter().position(|known| known.name.get_ref() == statement);
        if statement != "*" && place.is_none() {
            return Err(wrong("names no statement of the route"));
        }
        let kinds = scope.kinds.iter().enumerate().filter(|(number, _)| place.is_none_or(|place| place == *number));
        for (_, kind) in kinds {
            scope.follow(kind, inside, value).map_err(wrong)?;
        }
        Ok(Target { statement: place, path: inside.to_owned() })
    }

    /// A default is one of the answers, or stands for the time or the writer where such an answer goes.
    fn defaults(&self, route: &Route, question: &Question, raw: &RawQuestion, pack: &Pack) -> Result<(), PackError> {
        let Some(default) = &raw.default else { return Ok(()) };
        let answers = route.answers(pack, question);
        let field = route.field(pack, question);
        let head = question.to.iter().any(|target| TIMES.contains(&target.path.as_str()));
        let fits = match default.get_ref().as_str() {
            NOW | TODAY => head || field.is_some_and(|field| field.answer == FieldType::Time),
            ME => field.is_some_and(|field| field.answer == FieldType::Person),
            other => answers.is_empty() && field.is_none() || answers.iter().any(|(is, _)| *is == other),
        };
        if fits { Ok(()) } else { Err(self.error(default, "is no answer to this question")) }
    }

    fn plain_json(&self, value: &Spanned<toml::Value>) -> Result<Json, PackError> {
        let one = |value: &toml::Value| match value {
            toml::Value::String(text) => Some(Json::from(text.as_str())),
            toml::Value::Integer(number) => Some(Json::from(*number)),
            toml::Value::Boolean(yes) => Some(Json::from(*yes)),
            _ => None,
        };
        let read = match value.get_ref() {
            toml::Value::Array(elements) => elements.iter().map(one).collect::<Option<Vec<_>>>().map(Json::Array),
            other => one(other),
        };
        read.ok_or_else(|| self.wrong(value.span(), "is no text, number or list of them"))
    }
}

/// What a route's names are followed in.
struct Scope<'a> {
    raw: &'a RawRoute,
    kinds: Vec<&'a Kind>,
    pack: &'a Pack,
}

const TIMES: [&str; 3] = ["learned_at", "occurred_at", "decided_at"];

impl Scope<'_> {
    fn follow(&self, kind: &Kind, path: &str, value: Option<&Json>) -> Result<(), &'static str> {
        let mut parts = path.split('.').peekable();
        let first = parts.next().unwrap_or_default();
        match first {
            "case" | "folder" | "happened" | "learned_at" | "occurred_at" => return Ok(()),
            "decided_at" if kind.act => return Ok(()),
            "refs" => {
                let known = parts.next().and_then(RelationNumber::of).and_then(|number| kind.relation(number));
                return known.map(|_| ()).ok_or("is no relation of this kind");
            }
            _ => {}
        }
        let (used, field) = self.pack.field_of(kind, first).ok_or("is no field of this kind")?;
        let listed = |part: &&str| *part == "*" || part.parse::<usize>().is_ok();
        if parts.next_if(listed).is_some() && !used.many {
            return Err("is no list in this kind");
        }
        let leaf = match parts.next() {
            Some(part) => field.subfield(part).ok_or("is no part of this field")?,
            None => field,
        };
        if parts.next().is_some() {
            return Err("leads further than the field goes");
        }
        let text = value.and_then(Json::as_str).filter(|text| ![NOW, TODAY, ME].contains(text));
        match (self.pack.codes(leaf), text) {
            (Some(list), Some(code)) if list.find(code).is_none() => Err("is set to no code of its list"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::pack::BUILT_IN;

    #[test]
    fn every_route_asks_a_few_plain_questions_and_its_parts_hang_together() {
        let pack = Pack::parse(BUILT_IN).unwrap();
        let names: Vec<&str> = pack.routes().iter().map(|route| route.name.as_str()).collect();
        assert_eq!(names, ["999", "social_care", "health_visitor", "next_setting", "parent"]);
        for route in pack.routes() {
            let always = route.questions.iter().filter(|question| question.when.is_empty()).count();
            assert!(always <= 8, "{}: {always} questions for everybody", route.name);
            for question in &route.questions {
                let answers = route.answers(&pack, question);
                let coded = route.field(&pack, question).is_some_and(|field| field.codes.is_some());
                assert!(!coded || !answers.is_empty(), "{}: {}", route.name, question.name);
                assert!(answers.len() <= 12, "{}: {} offers too much", route.name, question.name);
            }
            for (at, statement) in route.statements.iter().enumerate() {
                assert!(at == 0 || !statement.refs.is_empty() || !statement.when.is_empty(), "{}", statement.name);
            }
        }
        let json = pack.route("999").unwrap().json(&pack);
        assert_eq!(json["statements"][0]["kind"], "info.received");
        assert_eq!(json["questions"][0]["to"][0], "*.case");
    }

    #[test]
    fn a_name_that_leads_nowhere_refuses_the_pack() {
        let line = |text: &str| Pack::parse(text).map(|_| ()).map_err(|error| error.what);
        assert_eq!(line(BUILT_IN), Ok(()));
        let routes = BUILT_IN.find("[[routes]]").unwrap();
        for (from, to, what) in [
            ("to = [\"*.case\"]", "to = [\"*.casse\"]", "is no field of this kind"),
            ("refs = [\"decides: seen\"]", "refs = [\"decides: told\"]", "leads to no earlier statement"),
            ("refs = [\"decides: seen\"]", "refs = [\"backs: seen\"]", "is no relation between these kinds"),
            ("basis = \"LB-D\"", "basis = \"LB-X\"", "is set to no code of its list"),
            ("default = \"ambulance\"", "default = \"taxi\"", "is no answer to this question"),
            ("when = [\"family=yes\"]", "when = [\"family=perhaps\"]", "waits for an answer that is not offered"),
            ("when = [\"family=yes\"]", "whenn = []", "unknown field"),
        ] {
            let (head, tail) = BUILT_IN.split_at(routes);
            let changed = tail.replacen(from, to, 1);
            assert!(changed != tail, "{from}");
            let said = line(&format!("{head}{changed}")).unwrap_err();
            assert!(said.contains(what), "{from}: {said}");
        }
    }
}
