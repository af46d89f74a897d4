//! The structural values of an entry as rules look them up: in the bytes in which a statement spells them, read where they
//! lie. A large ledger has millions of them, and a rule asks for few.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::codec::{self, CaseTag, Digest, PersonId, ShortText};
use crate::decision::value::{Content, FieldId, Moment, Value};

/// Largest value in bytes: field, position, type, and a short text or a hash.
const LONGEST: usize = 5 + 256;

/// Structural values in order of field and position, without keys and proofs.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Values(Box<[u8]>);

/// What a value holds, read in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held<'a> {
    /// A word field that is filled.
    Filled,
    /// A code of a list.
    Code(&'a str),
    /// A time.
    Time(Moment),
    /// A count.
    Count(u64),
    /// A person of the roll.
    Person(PersonId),
    /// A case.
    Case(CaseTag),
    /// A hash.
    Hash(Digest),
    /// Fixed words that name no person.
    Text(&'a str),
    /// An entry number.
    Entry(u64),
    /// Somebody who is not enrolled, or an item of which nothing is known but that it is there.
    Present,
}

/// One value in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed<'a> {
    /// The field.
    pub field: FieldId,
    /// The position in its list, from 0.
    pub position: u16,
    kind: u8,
    bytes: &'a [u8],
}

impl Values {
    /// Takes values, in whatever order; keys and proofs are left out.
    #[must_use]
    pub fn of<'a>(values: impl IntoIterator<Item = &'a Value>) -> Self {
        let kept = |value: &&Value| !matches!(value.content, Content::Key(_) | Content::Proof(_));
        let mut kept: Vec<&Value> = values.into_iter().filter(kept).collect();
        kept.sort_by_key(|value| (value.field, value.position));
        // No value that was read or checked is longer; one that could not be spelled says nothing.
        Values(kept.into_iter().flat_map(|value| codec::encode(value, LONGEST).unwrap_or_default()).collect())
    }

    /// Returns each value in its place, in order.
    pub fn iter(&self) -> impl Iterator<Item = Placed<'_>> {
        Walk(&self.0)
    }

    /// Returns what a field holds, in order of position.
    pub fn contents(&self, field: FieldId) -> impl Iterator<Item = Held<'_>> {
        let there = self.iter().skip_while(move |placed| placed.field < field);
        there.take_while(move |placed| placed.field == field).filter_map(|placed| placed.held())
    }

    /// Returns the values each on its own.
    #[must_use]
    pub fn to_vec(&self) -> Vec<Value> {
        let own = |placed: Placed<'_>| {
            let content = placed.held()?.content()?;
            Some(Value { field: placed.field, position: placed.position, content })
        };
        self.iter().filter_map(own).collect()
    }
}

impl<'a> Placed<'a> {
    /// Returns what it holds.
    #[must_use]
    pub fn held(&self) -> Option<Held<'a>> {
        let bytes = self.bytes;
        let number = || Some(u64::from_be_bytes(bytes.try_into().ok()?));
        Some(match self.kind {
            1 => Held::Filled,
            2 => Held::Code(std::str::from_utf8(bytes.get(1..)?).ok()?),
            3 => Held::Time(codec::decode(bytes, 11).ok()?),
            4 => Held::Count(number()?),
            5 => Held::Person(PersonId::new(bytes.try_into().ok()?)),
            6 => Held::Case(CaseTag::new(bytes.try_into().ok()?)),
            8 => Held::Hash(Digest::new(bytes.try_into().ok()?)),
            9 => Held::Text(std::str::from_utf8(bytes.get(1..)?).ok()?),
            10 => Held::Entry(number()?),
            12 => Held::Present,
            _ => return None,
        })
    }
}

impl Held<'_> {
    fn content(self) -> Option<Content> {
        let text = |text: &str| ShortText::new(text).ok();
        Some(match self {
            Held::Filled => Content::Filled,
            Held::Code(code) => Content::Code(text(code)?),
            Held::Time(time) => Content::Time(time),
            Held::Count(count) => Content::Count(count),
            Held::Person(person) => Content::Person(person),
            Held::Case(case) => Content::Case(case),
            Held::Hash(hash) => Content::Hash(hash),
            Held::Text(words) => Content::Text(text(words)?),
            Held::Entry(entry) => Content::Entry(entry),
            Held::Present => Content::Present,
        })
    }
}

/// Goes from value to value; ends where the bytes do not follow the format.
struct Walk<'a>(&'a [u8]);

impl<'a> Iterator for Walk<'a> {
    type Item = Placed<'a>;

    fn next(&mut self) -> Option<Placed<'a>> {
        let ([a, b, c, d, kind], rest) = self.0.split_first_chunk::<5>()?;
        let length = match kind {
            1 | 12 => 0,
            2 | 9 => usize::from(*rest.first()?) + 1,
            3 => 11,
            4 | 10 => 8,
            5 | 6 => 16,
            8 => 32,
            _ => return None,
        };
        let (bytes, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        let (field, position) = (FieldId(u16::from_be_bytes([*a, *b])), u16::from_be_bytes([*c, *d]));
        Some(Placed { field, position, kind: *kind, bytes })
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|placed| (placed.field, placed.position, placed.held()))).finish()
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Values;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("structural values")
            }
            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Values, E> {
                Ok(Values(bytes.into()))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop};
    use proptest::{prop_assert_eq, proptest};

    use super::*;
    use crate::codec::Bytes;

    fn value(field: u16, position: u16, content: Content) -> Value {
        Value { field: FieldId(field), position, content }
    }

    fn some_of_each() -> Vec<Value> {
        let text = |text: &str| ShortText::new(text).unwrap();
        vec![
            value(1, 0, Content::Filled),
            value(2, 0, Content::Code(text("LB-D"))),
            value(2, 1, Content::Code(text(&"x".repeat(255)))),
            value(3, 0, Content::Time(Moment::instant(-5, 60))),
            value(3, 1, Content::Time(Moment::NONE)),
            value(4, 0, Content::Count(7)),
            value(5, 0, Content::Person(PersonId::new([5; 16]))),
            value(6, 0, Content::Case(CaseTag::new([6; 16]))),
            value(8, 0, Content::Hash(Digest::new([8; 32]))),
            value(9, 0, Content::Text(text(""))),
            value(10, 0, Content::Entry(u64::MAX)),
            value(600, 3, Content::Present),
        ]
    }

    #[test]
    fn each_type_is_read_where_it_lies() {
        let all = some_of_each();
        let values = Values::of(&all);
        assert_eq!(values.to_vec(), all);
        assert_eq!(values.contents(FieldId(2)).collect::<Vec<_>>(), [Held::Code("LB-D"), Held::Code(&"x".repeat(255))]);
        assert_eq!(values.contents(FieldId(3)).next(), Some(Held::Time(Moment::instant(-5, 60))));
        assert_eq!(values.contents(FieldId(7)).next(), None);
        assert_eq!(Values::default().iter().next(), None);
    }

    #[test]
    fn they_stand_in_order_and_keys_and_proofs_are_left_out() {
        let mut all = some_of_each();
        all.push(value(7, 0, Content::Key(Bytes([1; 32]))));
        all.push(value(11, 0, Content::Proof(Bytes([2; 64]))));
        all.reverse();
        assert_eq!(Values::of(&all).to_vec(), some_of_each());
    }

    #[test]
    fn they_are_kept_as_they_are() {
        let values = Values::of(&some_of_each());
        let bytes = codec::encode(&values, 10_000).unwrap();
        assert_eq!(codec::decode::<Values>(&bytes, 10_000), Ok(values));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let values = Values(bytes.into());
            prop_assert_eq!(values.to_vec().len(), values.iter().filter(|placed| placed.held().is_some()).count());
        }
    }
}
