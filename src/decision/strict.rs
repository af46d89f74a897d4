//! JSON read strictly: no key twice, whole numbers only; and the places where the drafts of a text begin.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value as Json};

/// What is wrong with a text, and on which of its lines (from 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wrong {
    pub line: usize,
    pub what: What,
}

/// Why a text is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Syntax,
    Twice,
    Fraction,
}

/// Reads one JSON value that fills the whole text.
pub(super) fn read(text: &str) -> Result<Json, Wrong> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let wrong = |error: serde_json::Error| {
        let message = error.to_string();
        let what = [(TWICE, What::Twice), (FRACTION, What::Fraction)].into_iter().find(|(m, _)| message.starts_with(m));
        Wrong { line: error.line().max(1), what: what.map_or(What::Syntax, |(_, what)| what) }
    };
    let value = Strict.deserialize(&mut deserializer).map_err(wrong)?;
    deserializer.end().map_err(wrong)?;
    Ok(value)
}

/// Returns the line on which each element of a well-formed JSON array begins.
pub(super) fn element_lines(text: &str) -> Vec<usize> {
    let (mut lines, mut line, mut depth) = (Vec::new(), 1, 0usize);
    let (mut inside, mut escaped, mut expected) = (false, false, false);
    for byte in text.bytes() {
        line += usize::from(byte == b'\n');
        if inside {
            inside = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        if expected && !byte.is_ascii_whitespace() && byte != b']' {
            lines.push(line);
            expected = false;
        }
        match byte {
            b'"' => inside = true,
            b'[' | b'{' => {
                expected |= depth == 0;
                depth += 1;
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' => expected |= depth == 1,
            _ => {}
        }
    }
    lines
}

const TWICE: &str = "a key stands twice";
const FRACTION: &str = "a number that is not whole";

struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Json, E> {
        Err(E::custom(FRACTION))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element_seed(Strict)? {
            elements.push(element);
        }
        Ok(Json::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if object.contains_key(&key) {
                return Err(A::Error::custom(TWICE));
            }
            object.insert(key, map.next_value_seed(Strict)?);
        }
        Ok(Json::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_stands_twice_is_refused_at_any_depth() {
        assert_eq!(read(r#"{"a":1,"b":[true,null,"x"]}"#).unwrap()["b"][2], "x");
        assert_eq!(read("{\"a\":1,\n\"a\":1}"), Err(Wrong { line: 2, what: What::Twice }));
        assert_eq!(read(r#"{"a":[{"b":1,"b":2}]}"#), Err(Wrong { line: 1, what: What::Twice }));
        assert_eq!(read("1.5"), Err(Wrong { line: 1, what: What::Fraction }));
        assert_eq!(read("{} {}").unwrap_err().what, What::Syntax);
        assert_eq!(read("\n\n{").unwrap_err().line, 3);
        assert!(read(&"[".repeat(100_000)).is_err());
    }

    #[test]
    fn elements_are_found_on_their_lines() {
        assert_eq!(element_lines("[\n {\"a\": \"],[\\\"\"},\n\n {\"b\": [1,\n2]}, {}]"), [2, 4, 5]);
        assert!(element_lines("[ ]").is_empty());
    }
}
