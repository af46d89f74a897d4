//! Structural values: what stands in the structure of a statement, each with its field and list position.

use std::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::ser::SerializeTuple;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::codec::{Bytes, CaseTag, Digest, PersonId, ShortText};

/// The pack's number of a field; a subfield (such as the class of an item) has a number of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FieldId(pub u16);

/// The ids of the fields that public entries carry, and of those by which retiring and closings are judged: part of the
/// format, since a verifier reads them without a pack.
pub mod field {
    use super::FieldId;

    /// A person's id.
    pub const PERSON: FieldId = FieldId(40);
    /// A role.
    pub const ROLE: FieldId = FieldId(48);
    /// What the second person says: agrees, agrees_if or does_not.
    pub const VIEW: FieldId = FieldId(176);
    /// Why it is done, from the kind's list.
    pub const CAUSE: FieldId = FieldId(177);
    /// When it begins.
    pub const STARTS_AT: FieldId = FieldId(300);
    /// When it ends.
    pub const ENDS_AT: FieldId = FieldId(301);
    /// The folders that a grant opens.
    pub const FOLDERS: FieldId = FieldId(199);
    /// The ledger's origin.
    pub const ORIGIN: FieldId = FieldId(320);
    /// The setting's name, or a document's title.
    pub const TITLE: FieldId = FieldId(321);
    /// The type of setting.
    pub const SETTING_TYPE: FieldId = FieldId(322);
    /// The setting's registration number.
    pub const URN: FieldId = FieldId(323);
    /// 32 random bytes that make the ledger's id its own.
    pub const NONCE: FieldId = FieldId(324);
    /// The log's Ed25519 key.
    pub const LOG_KEY: FieldId = FieldId(325);
    /// A person's Ed25519 key, of one device.
    pub const AUTHOR_KEY: FieldId = FieldId(326);
    /// The age recipient of the same device.
    pub const SEALING_KEY: FieldId = FieldId(327);
    /// The card's proof of possession.
    pub const KEY_PROOF: FieldId = FieldId(328);
    /// The commitment to a line of the roll.
    pub const ROLL_COMMITMENT: FieldId = FieldId(329);
    /// The folder of a published key.
    pub const FOLDER_KEYS_FOLDER: FieldId = FieldId(331);
    /// The epoch of a published key.
    pub const FOLDER_KEYS_EPOCH: FieldId = FieldId(332);
    /// A published folder key.
    pub const FOLDER_KEYS_KEY: FieldId = FieldId(333);
    /// The age recipient of the recovery sheet.
    pub const RECOVERY_RECIPIENT: FieldId = FieldId(334);
    /// How many entries a checkpoint is of.
    pub const TREE_SIZE: FieldId = FieldId(360);
    /// Their root.
    pub const ROOT_HASH: FieldId = FieldId(361);
    /// The digest of a statement that stands elsewhere.
    pub const STATEMENT_HASH: FieldId = FieldId(362);
    /// The hash of an adopted document.
    pub const DOCUMENT_HASH: FieldId = FieldId(335);
    /// The case in which a misfiled entry belongs.
    pub const OTHER_CASE: FieldId = FieldId(61);
    /// What came of a review: keep or retire.
    pub const OUTCOME: FieldId = FieldId(175);
    /// What somebody answered.
    pub const REPLY: FieldId = FieldId(191);
    /// How long a folder is kept.
    pub const RETENTION_CLASS: FieldId = FieldId(196);
    /// When it is looked at again.
    pub const REVIEW_AT: FieldId = FieldId(302);
    /// The epoch that a folder has got.
    pub const EPOCH: FieldId = FieldId(339);
    /// How many entries an entry speaks of.
    pub const ENTRIES_COUNT: FieldId = FieldId(369);
    /// The case of something that is to be retired.
    pub const RETIRE_SCOPE_CASE: FieldId = FieldId(391);
    /// Its folder; none for the whole case.
    pub const RETIRE_SCOPE_FOLDER: FieldId = FieldId(392);
    /// Or the single entry.
    pub const RETIRE_SCOPE_ENTRY: FieldId = FieldId(393);
    /// The number of an entry that was retired.
    pub const RETIRED_ENTRY: FieldId = FieldId(401);
    /// Its author's key.
    pub const RETIRED_AUTHOR_KEY: FieldId = FieldId(402);
    /// Its number in its author's own count.
    pub const RETIRED_SEQUENCE: FieldId = FieldId(403);
    /// The digest of its author's statement before it.
    pub const RETIRED_PREVIOUS: FieldId = FieldId(404);
    /// Its case.
    pub const RETIRED_CASE: FieldId = FieldId(405);
    /// Its folder.
    pub const RETIRED_FOLDER: FieldId = FieldId(406);
    /// What sort of entry it was.
    pub const RETIRED_KIND_CLASS: FieldId = FieldId(407);
    /// The day on which its time was over.
    pub const RETIRED_DUE: FieldId = FieldId(408);
    /// Whether nothing was written in the days that a closing is of.
    pub const NIL: FieldId = FieldId(188);
    /// A kind that a closing counts.
    pub const KIND_COUNTS_KIND: FieldId = FieldId(411);
    /// How many entries it had.
    pub const KIND_COUNTS_COUNT: FieldId = FieldId(412);
    /// The root of a closing's case map.
    pub const CASE_MAP_ROOT: FieldId = FieldId(416);
    /// An entry that a closing's signer could not open.
    pub const UNOPENED: FieldId = FieldId(417);
}

/// How exactly a time is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// No time.
    None,
    /// A civil date; the instant is its midnight at the zone's offset.
    Date,
    /// An instant to the millisecond.
    Instant,
}

/// A time as it was given (11 bytes: precision u8, milliseconds UTC i64, zone offset in minutes i16).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// None, a date, or an instant.
    pub precision: Precision,
    /// Milliseconds since 1970-01-01T00:00:00Z; 0 for none.
    pub milliseconds: i64,
    /// The offset from UTC in minutes that was in force for the writer, from -1439 to 1439; 0 for none.
    pub zone: i16,
}

impl Moment {
    /// No time.
    pub const NONE: Moment = Moment { precision: Precision::None, milliseconds: 0, zone: 0 };

    /// An instant, with the offset in minutes it is shown in.
    #[must_use]
    pub fn instant(milliseconds: i64, zone: i16) -> Self {
        Moment { precision: Precision::Instant, milliseconds, zone }
    }

    /// Whether there is a time.
    #[must_use]
    pub fn is_some(&self) -> bool {
        self.precision != Precision::None
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let precision: u8 = match self.precision {
            Precision::None => 0,
            Precision::Date => 1,
            Precision::Instant => 2,
        };
        (precision, self.milliseconds, self.zone).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (precision, milliseconds, zone) = <(u8, i64, i16)>::deserialize(deserializer)?;
        let precision = match precision {
            0 if milliseconds == 0 && zone == 0 => Precision::None,
            1 => Precision::Date,
            2 => Precision::Instant,
            _ => return Err(D::Error::custom("not a time")),
        };
        if !(-1439..=1439).contains(&zone) {
            return Err(D::Error::custom("zone out of range"));
        }
        Ok(Moment { precision, milliseconds, zone })
    }
}

/// What a structural value holds. The number in front is its type byte in the format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// 1: a word field that is filled; its text is in the words part.
    Filled,
    /// 2: a code of a list.
    Code(ShortText),
    /// 3: a time.
    Time(Moment),
    /// 4: a count.
    Count(u64),
    /// 5: a person of the roll.
    Person(PersonId),
    /// 6: a case.
    Case(CaseTag),
    /// 7: a public key (32 bytes).
    Key(Bytes<32>),
    /// 8: a hash (32 bytes).
    Hash(Digest),
    /// 9: fixed words that name no person.
    Text(ShortText),
    /// 10: an entry number.
    Entry(u64),
    /// 11: a signature (64 bytes).
    Proof(Bytes<64>),
    /// 12: a person who is not enrolled or an item counted by its position only (no bytes).
    Present,
}

/// One structural value: field id u16, list position u16 (0 where the field is no list), type u8, content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// The field.
    pub field: FieldId,
    /// The position in its list, from 0.
    pub position: u16,
    /// What it holds.
    pub content: Content,
}

/// The text of one word field, in clear only on its way to or from the sealed words.
#[derive(Clone, PartialEq, Eq)]
pub struct WordField {
    /// The field.
    pub field: FieldId,
    /// The position in its list, from 0.
    pub position: u16,
    /// The text as typed.
    pub text: Zeroizing<String>,
}

impl fmt::Debug for WordField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WordField {{ field: {}, position: {}, text: <hidden> }}", self.field.0, self.position)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(4)?;
        tuple.serialize_element(&self.field)?;
        tuple.serialize_element(&self.position)?;
        match &self.content {
            Content::Filled => tuple.serialize_element(&1u8)?,
            Content::Code(code) => tuple.serialize_element(&(2u8, code))?,
            Content::Time(time) => tuple.serialize_element(&(3u8, time))?,
            Content::Count(count) => tuple.serialize_element(&(4u8, count))?,
            Content::Person(person) => tuple.serialize_element(&(5u8, person))?,
            Content::Case(case) => tuple.serialize_element(&(6u8, case))?,
            Content::Key(key) => tuple.serialize_element(&(7u8, key))?,
            Content::Hash(hash) => tuple.serialize_element(&(8u8, hash))?,
            Content::Text(text) => tuple.serialize_element(&(9u8, text))?,
            Content::Entry(entry) => tuple.serialize_element(&(10u8, entry))?,
            Content::Proof(proof) => tuple.serialize_element(&(11u8, proof))?,
            Content::Present => tuple.serialize_element(&12u8)?,
        }
        tuple.end()
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Parts;
        impl<'de> Visitor<'de> for Parts {
            type Value = Value;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a structural value")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
                let field = next(&mut seq)?;
                let position = next(&mut seq)?;
                let content = match next::<u8, A>(&mut seq)? {
                    1 => Content::Filled,
                    2 => Content::Code(next(&mut seq)?),
                    3 => Content::Time(next(&mut seq)?),
                    4 => Content::Count(next(&mut seq)?),
                    5 => Content::Person(next(&mut seq)?),
                    6 => Content::Case(next(&mut seq)?),
                    7 => Content::Key(next(&mut seq)?),
                    8 => Content::Hash(next(&mut seq)?),
                    9 => Content::Text(next(&mut seq)?),
                    10 => Content::Entry(next(&mut seq)?),
                    11 => Content::Proof(next(&mut seq)?),
                    12 => Content::Present,
                    _ => return Err(A::Error::custom("not a type of value")),
                };
                Ok(Value { field, position, content })
            }
        }
        fn next<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(seq: &mut A) -> Result<T, A::Error> {
            seq.next_element()?.ok_or_else(|| A::Error::custom("cut short"))
        }
        // Field, position, type, content: the visitor takes three or four.
        deserializer.deserialize_tuple(4, Parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{decode, encode};

    #[test]
    fn each_type_of_value_round_trips() {
        let text = ShortText::new("LB-D").unwrap();
        for content in [
            Content::Filled,
            Content::Code(text.clone()),
            Content::Time(Moment::instant(-5, 60)),
            Content::Count(7),
            Content::Person(PersonId::ZERO),
            Content::Case(CaseTag::ZERO),
            Content::Key(Bytes([1; 32])),
            Content::Hash(Digest::ZERO),
            Content::Text(text),
            Content::Entry(u64::MAX),
            Content::Proof(Bytes([2; 64])),
            Content::Present,
        ] {
            let values = vec![Value { field: FieldId(3), position: 2, content }];
            let bytes = encode(&values, 1000).unwrap();
            assert_eq!(decode::<Vec<Value>>(&bytes, 1000), Ok(values));
        }
        let code = Value { field: FieldId(258), position: 1, content: Content::Code(ShortText::new("ab").unwrap()) };
        assert_eq!(encode(&code, 100).unwrap(), [1, 2, 0, 1, 2, 2, b'a', b'b']);
    }

    #[test]
    fn impossible_values_are_refused() {
        assert!(decode::<Value>(&[0, 1, 0, 0, 13], 100).is_err());
        assert!(decode::<Value>(&[0, 1, 0, 0, 2, 3, b'a'], 100).is_err());
        assert!(decode::<Moment>(&[0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0], 11).is_err());
        assert!(decode::<Moment>(&[3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 11).is_err());
        assert!(decode::<Moment>(&[2, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 0], 11).is_err());
    }
}
