//! What a statement says, by field and by relation. A field that holds several values is asked for its first; one whose value
//! is of another type than was asked for holds none.

use crate::codec::{CaseTag, Digest, PersonId};
use crate::decision::decision::Reference;
use crate::decision::value::{Content, FieldId, Moment, field};
use crate::entry::statement::Body;

impl Body {
    /// Returns the code of a field.
    #[must_use]
    pub fn code_of(&self, field: FieldId) -> Option<&str> {
        match self.values_of(field).next() {
            Some(Content::Code(code)) => Some(code.as_str()),
            _ => None,
        }
    }

    /// Returns the text of a field that is kept in clear.
    #[must_use]
    pub fn text_of(&self, field: FieldId) -> Option<&str> {
        match self.values_of(field).next() {
            Some(Content::Text(text)) => Some(text.as_str()),
            _ => None,
        }
    }

    /// Returns the person of a field.
    #[must_use]
    pub fn person_of(&self, field: FieldId) -> Option<PersonId> {
        match self.values_of(field).next() {
            Some(Content::Person(person)) => Some(*person),
            _ => None,
        }
    }

    /// Returns the entries that a `retire.done` says were retired; none of any other kind.
    pub fn retires(&self) -> impl Iterator<Item = u64> {
        let says = self.kind.name() == Some("retire.done");
        self.values_of(field::RETIRED_ENTRY).filter_map(move |content| match content {
            Content::Entry(entry) if says => Some(*entry),
            _ => None,
        })
    }

    /// Returns the case of a field.
    #[must_use]
    pub fn case_of(&self, field: FieldId) -> Option<CaseTag> {
        match self.values_of(field).next() {
            Some(Content::Case(case)) => Some(*case),
            _ => None,
        }
    }

    /// Returns the time of a field, if it says one.
    #[must_use]
    pub fn time_of(&self, field: FieldId) -> Option<Moment> {
        match self.values_of(field).next() {
            Some(Content::Time(moment)) if moment.is_some() => Some(*moment),
            _ => None,
        }
    }

    /// Returns the 32 bytes of the key of a field.
    #[must_use]
    pub fn key_of(&self, field: FieldId) -> Option<[u8; 32]> {
        match self.values_of(field).next() {
            Some(Content::Key(key)) => Some(key.0),
            _ => None,
        }
    }

    /// Returns the hash of a field.
    #[must_use]
    pub fn hash_of(&self, field: FieldId) -> Option<Digest> {
        match self.values_of(field).next() {
            Some(Content::Hash(hash)) => Some(*hash),
            _ => None,
        }
    }

    /// Returns the references with a relation, in their order.
    pub fn related(&self, relation: &str) -> impl Iterator<Item = &Reference> {
        self.references.iter().filter(move |reference| reference.relation.name() == Some(relation))
    }
}
