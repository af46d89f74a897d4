//! The fields of a draft, from JSON as typed to structural values and words.

use serde_json::{Map, Value as Json};
use zeroize::Zeroizing;

use crate::codec::context::parse_hex;
use crate::codec::{Bytes, Digest, ShortText};
use crate::decision::gap::{Gap, GapLevel, TIME_HINT, hint};
use crate::decision::value::{Content, FieldId, Moment, Value, WordField};
use crate::decision::view::{Found, View};
use crate::rules::clock::TimeError;
use crate::rules::kind::{Field, FieldType, KindField, Outside};
use crate::rules::pack::Pack;

/// Most elements of one list.
const LIST_LIMIT: usize = 200;
/// The answer that there is nothing, where the form takes it; an empty list says the same.
const NONE: &str = "none";
/// The part of a party that names somebody of the roll.
const ON_ROLL: &str = "on_roll";
/// The part of a party that says which agency it is.
const AGENCY: &str = "agency";

/// Collects values, words and errors while a draft is read.
pub(super) struct Reader<'a> {
    pub pack: &'a Pack,
    pub view: &'a dyn View,
    /// Whether entries of this kind may hold words.
    pub has_words: bool,
    /// Whether people may be named in them who are not on the roll.
    pub names: bool,
    /// Whether it completes another entry: elements of a list may then be passed over.
    pub completes: bool,
    pub values: Vec<Value>,
    pub words: Vec<WordField>,
    pub gaps: Vec<Gap>,
}

/// A party's agency as its code, and what goes into another part of the party.
struct Detailed<'f> {
    agency: &'f Field,
    code: &'f str,
    part: &'f Field,
    /// The detail, with what was typed for that part.
    words: Zeroizing<String>,
}

impl<'p> Reader<'p> {
    /// Reads one field of the kind.
    pub fn field(&mut self, used: &KindField, field: &Field, json: &Json) {
        let nothing = match json {
            Json::Array(elements) => elements.is_empty(),
            Json::String(text) => text.trim() == NONE,
            _ => false,
        };
        if field.none && nothing {
            return self.value(field.id, 0, Content::Count(0));
        }
        if blank(json) {
            return;
        }
        if !used.many {
            // A list of one is that one.
            let one = match json.as_array().map(Vec::as_slice) {
                Some([one]) => one,
                Some(_) => {
                    let next = "give one; what else there is goes into an entry of its own";
                    return self.error(&field.name, "takes one answer, and there are several", next);
                }
                None => json,
            };
            return self.one(field, one, 0, &field.name);
        }
        let single = std::slice::from_ref(json);
        let elements = json.as_array().map_or(single, Vec::as_slice);
        if elements.len() > LIST_LIMIT {
            return self.error(&field.name, "has too many elements", &format!("give at most {LIST_LIMIT}"));
        }
        for (at, element) in elements.iter().enumerate() {
            let path = format!("{}[{at}]", field.name);
            if blank(element) && self.completes {
                continue;
            }
            if blank(element) {
                self.error(&path, "is empty", "fill it in or leave it out");
            } else {
                self.one(field, element, u16::try_from(at).unwrap_or(u16::MAX), &path);
            }
        }
        self.refuse_repeats(field);
    }

    /// Records that something typed is not understood.
    pub fn error(&mut self, path: &str, what: &str, next: &str) {
        self.gaps.push(Gap::new(path, GapLevel::Error, what, next));
    }

    /// Reads a time; none for an empty answer or one that is not understood.
    pub fn time(&mut self, json: &Json, path: &str) -> Moment {
        if blank(json) {
            return Moment::NONE;
        }
        let parsed = json.as_str().ok_or(TimeError::Unreadable).and_then(|text| Moment::parse(text.trim()));
        parsed.unwrap_or_else(|error| {
            self.error(path, &error.to_string(), TIME_HINT);
            Moment::NONE
        })
    }

    fn one(&mut self, field: &Field, json: &Json, position: u16, path: &str) {
        match field.answer {
            FieldType::Group => self.group(field, json, position, path),
            FieldType::Person => self.person(field, json, position, path),
            FieldType::Text => match json.as_str() {
                Some(text) => self.word(field.id, position, text),
                None => self.error(path, "is not a text", &hint(self.pack, field)),
            },
            FieldType::Time => match self.time(json, path) {
                Moment::NONE => {}
                time => self.value(field.id, position, Content::Time(time)),
            },
            _ => match self.content(field, json) {
                Ok(content) => self.value(field.id, position, content),
                Err(what) => {
                    let detailed = json.as_str().and_then(|text| after_a_code(self.pack, field, text));
                    let next = match detailed {
                        Some((code, _)) => format!("give {code} alone here, and write the rest into a field of words"),
                        None => hint(self.pack, field),
                    };
                    self.error(path, what, &next);
                }
            },
        }
    }

    /// Reads an answer that is one structural value.
    fn content(&self, field: &Field, json: &Json) -> Result<Content, &'static str> {
        let text = json.as_str().map(str::trim);
        match field.answer {
            FieldType::Code => self.code(field, json).map(Content::Code),
            FieldType::Count | FieldType::Entry => {
                let typed = |text: &str| text.parse().ok().filter(|count: &u64| count.to_string() == text);
                let count = json.as_u64().or_else(|| text.and_then(typed)).ok_or("is not a whole number")?;
                let list = self.pack.codes(field);
                if list.is_some_and(|list| list.find(&count.to_string()).is_none()) {
                    return Err("is not one of its codes");
                }
                Ok(if field.answer == FieldType::Entry { Content::Entry(count) } else { Content::Count(count) })
            }
            FieldType::Case => match text.map(|text| self.view.case(text)) {
                Some(Found::One(case)) => Ok(Content::Case(case)),
                Some(Found::Several) => Err("fits more than one child's case"),
                _ => Err("is no case of this ledger"),
            },
            FieldType::Fixed => {
                let text = json.as_str().ok_or("is not a text")?;
                ShortText::new(text).map(Content::Text).map_err(|_| "is longer than 255 bytes")
            }
            FieldType::FieldName => {
                let name = text.filter(|name| self.pack.id_of(&without_places(name)).is_some());
                name.and_then(|name| ShortText::new(name).ok()).map(Content::Text).ok_or("is not the name of a field")
            }
            FieldType::Key => text.and_then(parse_hex).map(|key| Content::Key(Bytes(key))).ok_or("is not a key"),
            FieldType::Hash => {
                text.and_then(parse_hex).map(|hash| Content::Hash(Digest::new(hash))).ok_or("is not a hash")
            }
            FieldType::Proof => {
                text.and_then(parse_hex).map(|proof| Content::Proof(Bytes(proof))).ok_or("is not a signature")
            }
            FieldType::Group | FieldType::Person | FieldType::Text | FieldType::Time => Err("is not one value"),
        }
    }

    fn code(&self, field: &Field, json: &Json) -> Result<ShortText, &'static str> {
        let typed = match json {
            Json::String(text) => text.trim().to_owned(),
            Json::Number(number) => number.to_string(),
            Json::Bool(yes) => (if *yes { "yes" } else { "no" }).to_owned(),
            _ => return Err("is not one of its codes"),
        };
        let known = self.pack.codes(field).and_then(|list| list.find(&typed)).ok_or("is not one of its codes")?;
        ShortText::new(&known.code).map_err(|_| "is not one of its codes")
    }

    fn group(&mut self, field: &Field, json: &Json, position: u16, path: &str) {
        let Some(object) = json.as_object() else {
            let parts = field.subfields.iter().map(|sub| sub.name.as_str()).collect::<Vec<_>>().join(", ");
            return self.error(path, "is not a group of answers", &format!("give an object with any of: {parts}"));
        };
        let detailed = self.detailed(field, object);
        if let Some(Detailed { agency, code, part, words }) = &detailed {
            self.one(agency, &Json::from(*code), position, &format!("{path}.{}", agency.name));
            match self.has_words {
                // Words as they are: what reads like somebody of the roll in them is nobody that was named.
                true => self.word(part.id, position, words),
                false => self.no_words(&format!("{path}.{}", part.name)),
            }
        }
        let read = |name: &str| detailed.as_ref().is_some_and(|one| name == one.agency.name || name == one.part.name);
        for (name, json) in object.iter().filter(|(name, _)| !read(name)) {
            let path = format!("{path}.{}", echo(name));
            let on_roll = field.subfield(ON_ROLL).filter(|_| name == "person" && self.is_on_roll(object, json));
            match on_roll.or_else(|| field.subfield(name)) {
                Some(_) if blank(json) => {}
                Some(sub) if sub.wordy() && !self.has_words => self.no_words(&path),
                Some(sub) => self.one(sub, json, position, &path),
                None => {
                    let names = field.subfields.iter().map(|sub| sub.name.as_str());
                    self.error(
                        &path,
                        &format!("there is no part {} in {}", echo(name), field.name),
                        &meant(name, names),
                    );
                }
            }
        }
    }

    fn no_words(&mut self, path: &str) {
        self.error(path, "holds words, which this kind has no folder for", "leave it out");
    }

    /// Reads a party whose agency was typed as a code with a detail behind a slash (`AG-HOSP/ambulance`): the code alone, and
    /// the detail before the name of whom was spoken to; where that is somebody of the roll, before number or address.
    fn detailed<'f>(&self, field: &'f Field, object: &'f Map<String, Json>) -> Option<Detailed<'f>>
    where
        'p: 'f,
    {
        let agency = field.subfield(AGENCY)?;
        let (code, detail) = after_a_code(self.pack, agency, object.get(AGENCY)?.as_str()?)?;
        let person = object.get("person").filter(|json| !blank(json));
        let on_roll = object.get(ON_ROLL).is_some_and(|json| !blank(json))
            || person.is_some_and(|typed| self.is_on_roll(object, typed));
        let part = field.subfield(if on_roll { "contact" } else { "person" })?;
        let words = Zeroizing::new(match object.get(&part.name).filter(|json| !blank(json)) {
            None => detail.to_owned(),
            // In one piece, so that no half of it is left behind.
            Some(typed) => [detail, ": ", typed.as_str()?].concat(),
        });
        (part.answer == FieldType::Text).then_some(Detailed { agency, code, part, words })
    }

    /// Whether what stands for a person's name is just a handle, or a name, of the roll: then it means that person.
    fn is_on_roll(&self, group: &Map<String, Json>, typed: &Json) -> bool {
        let given = group.get(ON_ROLL).is_some_and(|json| !blank(json));
        let known = |typed: &str| matches!(self.view.person(typed.trim()), Found::One(_));
        !given && !blank(typed) && typed.as_str().is_some_and(known)
    }

    fn person(&mut self, field: &Field, json: &Json, position: u16, path: &str) {
        let name_id = field.name_id.filter(|_| self.names);
        if let Json::Object(object) = json {
            let name = object.get("name").and_then(Json::as_str).filter(|name| !name.trim().is_empty());
            return match (name_id, name, object.len()) {
                (Some(id), Some(name), 1) => self.named(field, id, name, position),
                (None, ..) => self.error(path, "can only be a person of the roll", "give a handle of the roll"),
                _ => self.error(path, "is not a name", "give {\"name\": \"...\"} and nothing else"),
            };
        }
        let Some(text) = json.as_str() else {
            return self.error(path, "is not a person", "give a handle of the roll");
        };
        match (self.view.person(text.trim()), name_id) {
            (Found::One(person), _) => self.value(field.id, position, Content::Person(person)),
            (Found::Several, _) => self.error(path, "fits more than one person", "give more of the handle"),
            (Found::Nothing, Some(id)) if field.outside == Outside::Typed => self.named(field, id, text, position),
            (Found::Nothing, Some(_)) => {
                let next = "give a handle of the roll, or {\"name\": \"...\"} for somebody who is not on it";
                self.error(path, "is nobody on the roll", next);
            }
            (Found::Nothing, None) => self.error(path, "is nobody on the roll", "give a handle of the roll"),
        }
    }

    /// Keeps the name of somebody outside the roll in the words.
    fn named(&mut self, field: &Field, name_id: u16, name: &str, position: u16) {
        self.value(field.id, position, Content::Present);
        self.word(name_id, position, name);
    }

    fn word(&mut self, id: u16, position: u16, text: &str) {
        self.value(id, position, Content::Filled);
        self.words.push(WordField { field: FieldId(id), position, text: Zeroizing::new(text.to_owned()) });
    }

    fn value(&mut self, id: u16, position: u16, content: Content) {
        self.values.push(Value { field: FieldId(id), position, content });
    }

    fn refuse_repeats(&mut self, field: &Field) {
        let own: Vec<&Value> = self.values.iter().filter(|value| value.field.0 == field.id).collect();
        let repeated = |(at, value): (usize, &&Value)| {
            let earlier = own.iter().take(at).any(|other| other.content == value.content);
            (earlier && value.content != Content::Present).then_some(value.position)
        };
        let repeats: Vec<u16> = own.iter().enumerate().filter_map(repeated).collect();
        for position in repeats {
            self.error(&format!("{}[{position}]", field.name), "is given twice", "leave one of them out");
        }
    }
}

/// Returns the code and the detail of what was typed as a code of the field's list with a detail behind a slash.
fn after_a_code<'a>(pack: &'a Pack, field: &Field, typed: &'a str) -> Option<(&'a str, &'a str)> {
    let list = pack.codes(field)?;
    let (code, detail) = typed.split_once('/').filter(|_| list.find(typed.trim()).is_none())?;
    let known = list.find(code.trim())?;
    let detail = detail.trim();
    (!detail.is_empty()).then_some((known.code.as_str(), detail))
}

/// Returns the name of a field without the places in its lists: `items.what` for `items[2].what`.
fn without_places(name: &str) -> String {
    let mut plain = String::new();
    let mut rest = name;
    while let Some((before, after)) = rest.split_once('[') {
        let place = after
            .split_once(']')
            .filter(|(place, _)| (1..=4).contains(&place.len()) && place.bytes().all(|digit| digit.is_ascii_digit()));
        let Some((_, after)) = place else { break };
        plain.push_str(before);
        rest = after;
    }
    plain.push_str(rest);
    plain
}

/// Whether an answer is empty: null, blank text, or a list or group of nothing but empty answers.
pub(super) fn blank(json: &Json) -> bool {
    match json {
        Json::Null => true,
        Json::String(text) => text.trim().is_empty(),
        Json::Array(elements) => elements.iter().all(blank),
        Json::Object(object) => object.values().all(blank),
        Json::Bool(_) | Json::Number(_) => false,
    }
}

/// Returns a typed key if it looks like the name of a field, so that no name or sentence gets into a message.
pub(super) fn echo(key: &str) -> &str {
    let plain = key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'.'));
    if plain && !key.is_empty() && key.len() <= 40 { key } else { "(not shown)" }
}

/// Returns the advice for a name that is not known: the nearest known one, if any is near.
pub(super) fn meant<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> String {
    let near = known.map(|name| (distance(typed, name), name)).min();
    match near {
        Some((steps, name)) if steps <= 1 + name.len() / 4 => format!("did you mean {name}?"),
        _ => "leave it out, or see the fields of this kind with `kinds`".to_owned(),
    }
}

/// Returns how many letters must be changed, put in or taken out (Levenshtein); both are cut at 64 bytes.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes().iter().take(64), b.as_bytes().iter().take(64).collect::<Vec<_>>());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.enumerate() {
        let mut corner = i;
        let mut last = i + 1;
        let mut next = vec![last];
        for (right, above) in b.iter().zip(row.iter().skip(1)) {
            last = (corner + usize::from(left != *right)).min(last + 1).min(above + 1);
            corner = *above;
            next.push(last);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_offered_and_nothing_far() {
        assert_eq!([distance("reson", "reasons"), distance("", "abc"), distance("abc", "abc")], [2, 3, 0]);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(meant("reson", ["basis", "reasons"].into_iter()), "did you mean reasons?");
        assert!(meant("zzzzzz", ["basis", "reasons"].into_iter()).starts_with("leave it out"));
    }

    #[test]
    fn only_names_of_fields_are_echoed() {
        assert_eq!(echo("items_withheld"), "items_withheld");
        for key in ["Theo A.", "", "theo hurt", "\u{1b}[31m", &"a".repeat(41)] {
            assert_eq!(echo(key), "(not shown)");
        }
    }

    #[test]
    fn places_in_lists_are_no_part_of_a_field_s_name() {
        assert_eq!(without_places("items[2].what"), "items.what");
        assert_eq!(without_places("reasons"), "reasons");
        assert_eq!(["a[x]", "a[", "a[]", "a[12345]"].map(without_places), ["a[x]", "a[", "a[]", "a[12345]"]);
    }

    #[test]
    fn emptiness_is_deep() {
        assert!(blank(&serde_json::json!({"a": [null, "", {"b": "  "}]})));
        assert!(!blank(&serde_json::json!({"a": [false]})));
    }
}
