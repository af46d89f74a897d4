//! What a draft is checked against: the ledger as its author's device sees it.

use crate::codec::{CaseTag, Digest, Folder, KindNumber, PersonId};
use crate::decision::people::Role;

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
}
