//! What a draft is checked against: the ledger as its author's device sees it.

use crate::codec::{CaseTag, Digest, Folder, KindNumber, PersonId};
use crate::decision::people::Role;
use crate::decision::value::Value;

/// What a typed handle or tag stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found<T> {
    /// Exactly one.
    One(T),
    /// More than one: more must be typed.
    Several,
    /// Nothing.
    Nothing,
}

/// An earlier entry, as far as this device can read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referenced {
    /// The digest of its statement.
    pub digest: Digest,
    /// Its kind; none where its structure cannot be read.
    pub kind: Option<KindNumber>,
    /// Its case.
    pub case: Option<CaseTag>,
    /// Its folder.
    pub folder: Option<Folder>,
    /// The person who wrote it (not the key).
    pub author_person: Option<PersonId>,
    /// Its structural values; empty where its structure cannot be read.
    pub values: Vec<Value>,
}

/// The ledger as the author's device sees it.
pub trait View {
    /// Finds a case by its handle, or by the beginning of its tag.
    fn case(&self, typed: &str) -> Found<CaseTag>;

    /// Finds a person of the roll by handle, or by the 32 hexadecimal digits of the id.
    fn person(&self, typed: &str) -> Found<PersonId>;

    /// Returns the person who writes.
    fn author(&self) -> PersonId;

    /// Returns the roles in which that person is now.
    fn roles(&self) -> Vec<Role>;

    /// Returns an earlier entry, or none if there is none of this number.
    fn entry(&self, number: u64) -> Option<Referenced>;

    /// Returns an earlier draft of the form that is being checked; none outside of forms.
    fn beside(&self, draft: usize) -> Option<Referenced> {
        let _ = draft;
        None
    }
}

/// A view for tests: Willowbrook's people and children, and entries that are put in by hand.
#[cfg(test)]
pub(crate) mod fake {
    use std::collections::BTreeMap;

    use super::*;

    /// Handles of people; their ids are 1, 2, 3 ...
    pub(crate) const PEOPLE: [&str; 4] = ["maria", "jon", "ruth", "sam"];
    /// Handles of cases; their tags begin with 1, 2, 3 ...
    pub(crate) const CASES: [&str; 3] = ["theo", "ezra", "theresa"];

    /// The view of one author.
    pub(crate) struct FakeView {
        pub(crate) author: PersonId,
        pub(crate) entries: BTreeMap<u64, Referenced>,
    }

    impl FakeView {
        /// The ledger as somebody of [`PEOPLE`] sees it.
        pub(crate) fn of(author: &str) -> Self {
            FakeView { author: person(author), entries: BTreeMap::new() }
        }

        /// Puts an entry in.
        pub(crate) fn with(mut self, number: u64, kind: &str, case: &str, folder: Folder, author: &str) -> Self {
            let digest = Digest::new([u8::try_from(number % 251).unwrap(); 32]);
            let entry = Referenced {
                digest,
                kind: KindNumber::of(kind),
                case: Some(tag(case)),
                folder: Some(folder),
                author_person: Some(person(author)),
                values: Vec::new(),
            };
            self.entries.insert(number, entry);
            self
        }
    }

    impl FakeView {
        /// Gives an entry structural values.
        pub(crate) fn saying(mut self, number: u64, values: &[Value]) -> Self {
            self.entries.get_mut(&number).unwrap().values = values.to_vec();
            self
        }
    }

    /// The id behind a handle of [`PEOPLE`].
    pub(crate) fn person(handle: &str) -> PersonId {
        let at = PEOPLE.iter().position(|known| *known == handle).unwrap();
        PersonId::new([u8::try_from(at + 1).unwrap(); 16])
    }

    /// The tag behind a handle of [`CASES`].
    pub(crate) fn tag(handle: &str) -> CaseTag {
        let at = CASES.iter().position(|known| *known == handle).unwrap();
        CaseTag::new([u8::try_from(at + 1).unwrap(); 16])
    }

    impl View for FakeView {
        fn case(&self, typed: &str) -> Found<CaseTag> {
            let mut fitting =
                CASES.iter().filter(|known| **known == typed || typed == "the" && known.starts_with("the"));
            match (fitting.next(), fitting.next()) {
                (Some(case), None) => Found::One(tag(case)),
                (Some(_), Some(_)) => Found::Several,
                (None, _) => Found::Nothing,
            }
        }

        fn person(&self, typed: &str) -> Found<PersonId> {
            let fits = |known: &&&str| **known == typed || PersonId::parse(typed) == Some(person(known));
            PEOPLE.iter().find(fits).map_or(Found::Nothing, |handle| Found::One(person(handle)))
        }

        fn author(&self) -> PersonId {
            self.author
        }

        fn roles(&self) -> Vec<Role> {
            vec![Role::Staff]
        }

        fn entry(&self, number: u64) -> Option<Referenced> {
            self.entries.get(&number).cloned()
        }
    }
}
