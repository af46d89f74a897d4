//! Drafts: what somebody typed, as a JSON object. It may be nonsense, and it is never thrown away for that.
//!
//! | key | holds |
//! |---|---|
//! | `kind` | the kind's name |
//! | `case` | a child's handle, or the beginning of a case tag (4 characters or more) |
//! | `folder` | where the author picks one |
//! | `learned_at` `occurred_at` `decided_at` | times, in the forms of [`crate::rules::clock::parse`] |
//! | `happened` | `true` where it has happened though no time says so |
//! | `refs` | list of `{relation, entry, kind?}`; the kind is compared with the entry's |
//! | `id` | 32 hexadecimal digits, the statement id, so that sending it twice enters it once |
//! | a field of the kind | text, code, number, time or handle; an object for a group; a list where several may stand |
//!
//! An answer that is `null`, blank, or an empty group or list is no answer, except where the pack says that an empty
//! list is one.

use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value as Json};
use toml::Spanned;
use zeroize::Zeroize;

use crate::codec::{StatementId, WORDS_LIMIT};
use crate::decision::check;
use crate::decision::decision::Decision;
use crate::decision::gap::Gap;
use crate::decision::strict::{self, What, Wrong};
use crate::decision::view::View;
use crate::rules::pack::Pack;

/// What somebody typed. `Debug` shows nothing of it, and it leaves memory when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Draft {
    pub(super) object: Map<String, Json>,
}

/// Why something is not even a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// Not JSON, or not TOML.
    #[error("line {line}: cannot be read")]
    Syntax {
        /// The line, from 1.
        line: usize,
    },
    /// A key stands twice in one object: two answers to one question.
    #[error("line {line}: a key stands twice")]
    Twice {
        /// The line, from 1.
        line: usize,
    },
    /// A number with a fraction: no field takes one.
    #[error("line {line}: a number that is not whole")]
    Fraction {
        /// The line, from 1.
        line: usize,
    },
    /// A list, text or number where an object is needed.
    #[error("is not an object with fields")]
    NotAnObject,
    /// More text than an entry may hold.
    #[error("longer than an entry may be")]
    TooLong,
}

/// One draft of a text, and the line on which it begins (from 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The line on which it begins.
    pub number: usize,
    /// The draft.
    pub draft: Result<Draft, DraftError>,
}

impl Draft {
    /// Takes a JSON object. Keys that stand twice can only be seen in text: see [`Draft::from_json_text`].
    ///
    /// # Errors
    /// `NotAnObject`, and `TooLong` above [`WORDS_LIMIT`] bytes of JSON.
    pub fn from_json(json: &Json) -> Result<Draft, DraftError> {
        let object = json.as_object().ok_or(DraftError::NotAnObject)?;
        if size(json) > WORDS_LIMIT {
            return Err(DraftError::TooLong);
        }
        Ok(Draft { object: object.clone() })
    }

    /// Reads a text that holds one JSON object, or a list of them.
    #[must_use]
    pub fn from_json_text(text: &str) -> Vec<Line> {
        match strict::read(text) {
            Err(wrong) => vec![Line { number: wrong.line, draft: Err(wrong.into()) }],
            Ok(Json::Array(mut elements)) => {
                let drafts: Vec<Line> = elements
                    .iter()
                    .zip(strict::element_lines(text))
                    .map(|(json, number)| Line { number, draft: Draft::from_json(json) })
                    .collect();
                elements.iter_mut().for_each(wipe);
                drafts
            }
            Ok(mut json) => {
                let number = 1 + text.bytes().take_while(u8::is_ascii_whitespace).filter(|b| *b == b'\n').count();
                let draft = Draft::from_json(&json);
                wipe(&mut json);
                vec![Line { number, draft }]
            }
        }
    }

    /// Reads a text with one JSON object on each line; blank lines are passed over, and a bad line stops no other.
    #[must_use]
    pub fn from_json_lines(text: &str) -> Vec<Line> {
        let filled = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let read = |(at, line): (usize, &str)| {
            let draft = match strict::read(line) {
                Ok(mut json) => {
                    let draft = Draft::from_json(&json);
                    wipe(&mut json);
                    draft
                }
                Err(wrong) => Err(Wrong { line: at + 1, ..wrong }.into()),
            };
            Line { number: at + 1, draft }
        };
        filled.map(read).collect()
    }

    /// Reads a TOML document: one draft, or several as `[[draft]]` tables and nothing else.
    #[must_use]
    pub fn from_toml_text(text: &str) -> Vec<Line> {
        let syntax = |error: &toml::de::Error| {
            let line = 1 + error.span().map_or(0, |span| newlines(text, span.start));
            vec![Line { number: line, draft: Err(DraftError::Syntax { line }) }]
        };
        if let Ok(several) = toml::from_str::<Several>(text) {
            let read = |table: Spanned<toml::Table>| {
                let number = 1 + newlines(text, table.span().start);
                Line { number, draft: from_toml(table.into_inner(), number) }
            };
            return several.draft.into_iter().map(read).collect();
        }
        match toml::from_str::<toml::Table>(text) {
            Ok(table) => vec![Line { number: 1, draft: from_toml(table, 1) }],
            Err(error) => syntax(&error),
        }
    }

    /// Returns the object as it was typed, to be kept sealed.
    #[must_use]
    pub fn to_json(&self) -> Json {
        Json::Object(self.object.clone())
    }

    /// Returns the entry numbers that its references name.
    pub fn entries(&self) -> impl Iterator<Item = u64> {
        let refs = self.object.get("refs").and_then(Json::as_array).into_iter().flatten();
        refs.filter_map(|reference| reference.get("entry").and_then(Json::as_u64))
    }

    /// Returns the draft with a statement id, if it had none: whatever becomes of the machine, it is entered once.
    #[must_use]
    pub fn identified(&self, id: StatementId) -> Draft {
        let mut object = self.object.clone();
        let has =
            object.get("id").is_some_and(|id| id.as_str().is_none_or(|text| !text.trim().is_empty()) && !id.is_null());
        if !has {
            object.insert("id".to_owned(), id.to_string().into());
        }
        Draft { object }
    }

    /// Returns what was typed as the statement id.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.object.get("id")?.as_str()
    }

    /// Returns what was typed as the kind.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        self.object.get("kind")?.as_str()
    }

    /// Checks the draft against the pack and the ledger at `now_ms` (milliseconds since 1970, UTC).
    ///
    /// Gaps that are only asked before the act never refuse: they stay with the decision, which is then INCOMPLETE.
    ///
    /// # Errors
    /// Everything that is wrong or missing at once, in the order of the form, with the gaps that would remain. The
    /// draft is to be kept.
    pub fn check(&self, pack: &Pack, view: &dyn View, now_ms: i64) -> Result<Decision, Vec<Gap>> {
        check::check(&self.object, pack, view, now_ms)
    }
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Draft {{ {} fields, hidden }}", self.object.len())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        self.object.values_mut().for_each(wipe);
    }
}

impl From<Wrong> for DraftError {
    fn from(wrong: Wrong) -> Self {
        let line = wrong.line;
        match wrong.what {
            What::Syntax => DraftError::Syntax { line },
            What::Twice => DraftError::Twice { line },
            What::Fraction => DraftError::Fraction { line },
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Several {
    draft: Vec<Spanned<toml::Table>>,
}

fn newlines(text: &str, before: usize) -> usize {
    text.bytes().take(before).filter(|byte| *byte == b'\n').count()
}

fn from_toml(table: toml::Table, line: usize) -> Result<Draft, DraftError> {
    let mut json = plain(toml::Value::Table(table)).ok_or(DraftError::Fraction { line })?;
    let draft = Draft::from_json(&json);
    wipe(&mut json);
    draft
}

/// TOML as JSON: times as they were written, and no number that is not whole.
fn plain(value: toml::Value) -> Option<Json> {
    Some(match value {
        toml::Value::String(text) => Json::String(text),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(_) => return None,
        toml::Value::Boolean(yes) => yes.into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(elements) => Json::Array(elements.into_iter().map(plain).collect::<Option<_>>()?),
        toml::Value::Table(table) => {
            let fields = table.into_iter().map(|(key, value)| Some((key, plain(value)?)));
            Json::Object(fields.collect::<Option<_>>()?)
        }
    })
}

/// Roughly the bytes of a JSON value, without writing it out.
fn size(json: &Json) -> usize {
    match json {
        Json::Null | Json::Bool(_) | Json::Number(_) => 8,
        Json::String(text) => text.len() + 2,
        Json::Array(elements) => elements.iter().map(size).sum::<usize>() + 2,
        Json::Object(object) => object.iter().map(|(key, value)| key.len() + 4 + size(value)).sum::<usize>() + 2,
    }
}

/// Overwrites every text in a value.
fn wipe(json: &mut Json) {
    match json {
        Json::String(text) => text.zeroize(),
        Json::Array(elements) => elements.iter_mut().for_each(wipe),
        Json::Object(object) => object.values_mut().for_each(wipe),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_split_into_drafts_with_their_lines() {
        let lines =
            Draft::from_json_lines("{\"kind\":\"a\"}\n\n{\"kind\":\"a\",\"kind\":\"b\"}\n[1]\n{\"kind\":1.5}\n{");
        let numbers: Vec<usize> = lines.iter().map(|line| line.number).collect();
        assert_eq!(numbers, [1, 3, 4, 5, 6]);
        assert_eq!(lines[0].draft.as_ref().unwrap().kind(), Some("a"));
        assert_eq!(lines[1].draft, Err(DraftError::Twice { line: 3 }));
        assert_eq!(lines[2].draft, Err(DraftError::NotAnObject));
        assert_eq!(lines[3].draft, Err(DraftError::Fraction { line: 5 }));
        assert_eq!(lines[4].draft, Err(DraftError::Syntax { line: 6 }));

        let array = Draft::from_json_text("[\n {\"kind\": \"a\"},\n\n 7,\n {}]");
        assert_eq!(array.iter().map(|line| line.number).collect::<Vec<_>>(), [2, 4, 5]);
        assert_eq!(array[1].draft, Err(DraftError::NotAnObject));
        assert_eq!(Draft::from_json_text("\n\n{}")[0].number, 3);
        assert!(Draft::from_json_text("[]").is_empty());
        let long = serde_json::json!({ "narrative": "x".repeat(WORDS_LIMIT) });
        assert_eq!(Draft::from_json(&long), Err(DraftError::TooLong));
    }

    #[test]
    fn toml_says_the_same_as_json() {
        let one = "kind = \"discussion\"\nlearned_at = 2026-10-06T10:42:00+01:00\n[[attendees]]\nname = \"Dana\"\n";
        let draft = Draft::from_toml_text(one).remove(0).draft.unwrap();
        let expected = serde_json::json!({
            "kind": "discussion", "learned_at": "2026-10-06T10:42:00+01:00", "attendees": [{ "name": "Dana" }]
        });
        assert_eq!(draft.to_json(), expected);
        let two = Draft::from_toml_text("[[draft]]\nkind = \"a\"\n\n[[draft]]\nkind = 1.5\n");
        assert_eq!(two.iter().map(|line| line.number).collect::<Vec<_>>(), [1, 4]);
        assert_eq!(two[1].draft, Err(DraftError::Fraction { line: 4 }));
        assert!(Draft::from_toml_text(&format!("a = {}", "[".repeat(100_000)))[0].draft.is_err());
        assert_eq!(Draft::from_toml_text("a = 1\na = 2")[0].draft, Err(DraftError::Syntax { line: 2 }));
    }

    #[test]
    fn nothing_typed_shows() {
        let draft = Draft::from_json(&serde_json::json!({ "narrative": "Theo" })).unwrap();
        assert_eq!(format!("{draft:?}"), "Draft { 1 fields, hidden }");
    }
}
