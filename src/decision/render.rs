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
/// `handle` gives the handles of people and cases; without one a person shows as 32 hexadecimal digits and a case as
/// its whole tag. A word field that is filled but whose text is not among `words` shows as `{"sealed": true}`. Fields
/// that the pack does not know show under their number.
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
    // By field in the pack's terms, then by position: list elements stand in order, and need not be counted without
    // gaps.
    let mut slots: BTreeMap<u16, Slot<'_>> = BTreeMap::new();
    for ((id, position), content) in all {
        let value = leaf(&content, texts.get(&(id, position)).copied(), handle);
        let (key, field, sub) = match pack.field_numbered(id.0) {
            Some((field, sub)) => (field.id, Some(field), sub),
            None => (id.0, None, None),
        };
        let slot = slots.entry(key).or_insert_with(|| Slot { field, elements: BTreeMap::new() });
        slot.put(sub, id, position, &content, value);
    }
    slots.into_iter().map(|(id, slot)| slot.gathered(id)).collect()
}

/// What has been found of one field, or of one number that the pack does not know.
struct Slot<'a> {
    field: Option<&'a Field>,
    elements: BTreeMap<u16, Json>,
}

impl Slot<'_> {
    fn put(&mut self, sub: Option<&Field>, id: FieldId, position: u16, content: &Content, value: Json) {
        let name_id = self.field.and_then(|field| field.name_id);
        match (sub, self.field) {
            (Some(sub), _) => {
                let element = self.elements.entry(position).or_insert_with(|| Json::Object(Map::new()));
                if let Json::Object(object) = element {
                    object.insert(sub.name.clone(), value);
                }
            }
            // An empty list is kept as the count 0 under the list's own number.
            (None, Some(field)) if field.answer == FieldType::Group => {}
            (None, Some(_)) if name_id == Some(id.0) => {
                self.elements.insert(position, json!({ "name": value }));
            }
            (None, Some(_)) if *content == Content::Present => {
                self.elements.insert(position, json!({ "name": sealed() }));
            }
            (None, _) => {
                self.elements.insert(position, value);
            }
        }
    }

    fn gathered(self, id: u16) -> (String, Json) {
        let name = self.field.map_or_else(|| format!("#{id}"), |field| field.name.clone());
        let listed = self.field.is_some_and(|field| field.list) || self.elements.len() != 1;
        let mut elements = self.elements.into_values();
        (name, if listed { elements.collect() } else { elements.next().unwrap_or(Json::Null) })
    }
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
