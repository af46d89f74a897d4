//! The way back: from structural values and words to the nested JSON that was typed.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value as Json, json};

use crate::codec::{CaseTag, PersonId};
use crate::decision::value::{Content, FieldId, Value, WordField};
use crate::rules::kind::{Field, FieldType};
use crate::rules::pack::Pack;

/// Somebody or something that the roll has a handle for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// A person.
    Person(PersonId),
    /// A child's case.
    Case(CaseTag),
}

/// Rebuilds the fields as they were typed.
///
/// `handle` gives the handles of people and cases; without one a person shows as 32 hexadecimal digits and a case as its
/// whole tag. A word field that is filled but whose text is not among `words` shows as `{"sealed": true}`. Fields that
/// the pack does not know show under their number.
#[must_use]
pub fn render(
    pack: &Pack,
    values: &[Value],
    words: &[WordField],
    handle: &dyn Fn(Named) -> Option<String>,
) -> Map<String, Json> {
    let texts: HashMap<(FieldId, u16), &str> =
        words.iter().map(|word| ((word.field, word.position), word.text.as_str())).collect();
    // Words that came without their structure (a clean copy) are shown as if the structure named them.
    let mut all: BTreeMap<(FieldId, u16), Content> = texts.keys().map(|place| (*place, Content::Filled)).collect();
    all.extend(values.iter().map(|value| ((value.field, value.position), value.content.clone())));
    // By field in the pack's terms, then by position: list elements stand in order, and need not be counted without gaps.
    let mut fields: BTreeMap<u16, (String, Option<&Field>, BTreeMap<u16, Json>)> = BTreeMap::new();
    for ((id, position), content) in all {
        let text = texts.get(&(id, position)).copied();
        match pack.field_numbered(id.0) {
            None => {
                let slot = fields.entry(id.0).or_insert_with(|| (format!("#{}", id.0), None, BTreeMap::new()));
                slot.2.insert(position, leaf(&content, text, handle));
            }
            Some((field, sub)) => {
                let new = || (field.name.clone(), Some(field), BTreeMap::new());
                let elements = &mut fields.entry(field.id).or_insert_with(new).2;
                put(elements, field, sub, id, position, &content, text, handle);
            }
        }
    }
    fields.into_values().map(|(name, field, elements)| (name, gathered(field, elements))).collect()
}

#[expect(clippy::too_many_arguments, reason = "one place, taken apart for the two callers above")]
fn put(
    elements: &mut BTreeMap<u16, Json>,
    field: &Field,
    sub: Option<&Field>,
    id: FieldId,
    position: u16,
    content: &Content,
    text: Option<&str>,
    handle: &dyn Fn(Named) -> Option<String>,
) {
    let value = leaf(content, text, handle);
    match sub {
        // An empty list is kept as the count 0 under the list's own number.
        None if field.answer == FieldType::Group => {}
        None if field.name_id == Some(id.0) => {
            elements.insert(position, json!({ "name": value }));
        }
        None if *content == Content::Present => {
            elements.insert(position, json!({ "name": sealed() }));
        }
        None => {
            elements.insert(position, value);
        }
        Some(sub) => {
            let element = elements.entry(position).or_insert_with(|| Json::Object(Map::new()));
            if let Json::Object(object) = element {
                object.insert(sub.name.clone(), value);
            }
        }
    }
}

fn gathered(field: Option<&Field>, elements: BTreeMap<u16, Json>) -> Json {
    let listed = field.is_some_and(|field| field.list) || elements.len() != 1;
    let mut elements = elements.into_values();
    if listed { elements.collect() } else { elements.next().unwrap_or(Json::Null) }
}

fn leaf(content: &Content, text: Option<&str>, handle: &dyn Fn(Named) -> Option<String>) -> Json {
    match content {
        Content::Filled => text.map_or_else(sealed, Json::from),
        Content::Code(text) | Content::Text(text) => text.as_str().into(),
        Content::Time(time) => time.typed().into(),
        Content::Count(count) => (*count).into(),
        Content::Person(person) => handle(Named::Person(*person)).unwrap_or_else(|| person.to_string()).into(),
        Content::Case(case) => handle(Named::Case(*case)).unwrap_or_else(|| case.base32()).into(),
        Content::Key(key) => format!("{key:?}").into(),
        Content::Hash(hash) => hash.to_string().into(),
        Content::Entry(entry) => (*entry).into(),
        Content::Proof(proof) => format!("{proof:?}").into(),
        Content::Present => true.into(),
    }
}

fn sealed() -> Json {
    json!({ "sealed": true })
}
