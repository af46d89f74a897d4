//! The statement: what an author signs. Its bytes are kept as they are and never written again.
// Long because: one third of it are tests of what has no spelling; the layout and its checks stand together.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::codec::context::{LEDGER_ID, STATEMENT_DIGEST, STATEMENT_SIGNATURE};
use crate::codec::{
    self, Bytes, CaseTag, CodecError, Digest, Folder, FolderKeyId, KindNumber, LedgerId, Link, PersonId,
    STATEMENT_LIMIT, StatementId,
};
use crate::decision::decision::Reference;
use crate::decision::value::{Content, Moment, Precision, Value};
use crate::entry::EntryError;
use crate::keys::prepared::{PreparedKey, Unsettled};
use crate::keys::{PublicKey, Signature, SigningKey};
use crate::seal::commitment::{self, NodeHash};

/// The version of the statement's layout.
pub const VERSION: u8 = 1;
/// "Not yet known": an entry number of all ones.
pub const UNKNOWN: u64 = u64::MAX;

/// The newest entry that the author's device knew to be durable (40 bytes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Its number; [`UNKNOWN`] before there was one.
    pub number: u64,
    /// Its link; zero before there was one.
    pub link: Link,
}

impl Seen {
    /// Nothing was durable yet: the first write of a ledger.
    pub const NOTHING: Seen = Seen { number: UNKNOWN, link: Link::ZERO };
}

/// What a statement says, in the order of its bytes (`manual/format.md`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// The layout's version, 1.
    pub version: u8,
    /// The ledger it is for.
    pub ledger: LedgerId,
    /// Its own id (random).
    pub id: StatementId,
    /// Who says it.
    pub person: PersonId,
    /// The key that signs it: of one device of that person.
    pub author: Bytes<32>,
    /// The number of this key's statement in this ledger, from 0.
    pub sequence: u64,
    /// The digest of this key's previous statement; zero for the first.
    pub previous: Digest,
    /// Its kind.
    pub kind: KindNumber,
    /// The case it belongs to, if any.
    pub case: Option<CaseTag>,
    /// The folder its words are sealed to; 0 for none.
    pub folder: u8,
    /// The folder key its words are sealed to; zero for none.
    pub folder_key: FolderKeyId,
    /// When the act was, or is to be, done.
    pub occurred: Moment,
    /// When its author learned of it.
    pub learned: Moment,
    /// When it was decided.
    pub decided: Moment,
    /// When it was signed, by the author's clock.
    pub signed: Moment,
    /// An act (else a report).
    pub act: bool,
    /// It has happened (else it is proposed).
    pub happened: bool,
    /// The structural values, in order of field and position.
    pub values: Vec<Value>,
    /// The references to earlier entries.
    pub references: Vec<Reference>,
    /// The rule pack in force; zero in genesis.
    pub pack: Digest,
    /// The policy in force; zero for none.
    pub policy: Digest,
    /// The seed of the structure branch of the commitment.
    pub structure_seed: Bytes<32>,
    /// The root of the words branch of the commitment; zero without words.
    pub words_root: Digest,
    /// The digest of the words part.
    pub words_digest: Digest,
    /// The length of the words part in bytes.
    pub words_length: u32,
    /// The newest entry its author's device knew to be durable.
    pub seen: Seen,
}

impl Body {
    /// Returns the folder.
    #[must_use]
    pub fn folder(&self) -> Option<Folder> {
        Folder::from_number(self.folder)
    }

    /// Returns the contents of a field, in order of position.
    pub fn values_of(&self, field: crate::decision::value::FieldId) -> impl Iterator<Item = &Content> {
        self.values.iter().filter(move |value| value.field == field).map(|value| &value.content)
    }

    /// Returns the hash of the values: of a genesis statement, this is the ledger's id.
    ///
    /// # Errors
    /// `TooLong` if the values have no spelling within a statement's limit.
    pub fn ledger_id(values: &[Value]) -> Result<LedgerId, EntryError> {
        let bytes = codec::encode(&values, STATEMENT_LIMIT).map_err(|_| EntryError::TooLong)?;
        Ok(LedgerId::new(LEDGER_ID.hash(&[&bytes])))
    }

    fn check(&self) -> Result<(), EntryError> {
        let ordered = self.values.windows(2).all(|pair| match pair {
            [a, b] => (a.field, a.position) < (b.field, b.position),
            _ => true,
        });
        let folder = self.folder().ok_or(EntryError::Statement)?;
        let keyed = (folder == Folder::None) == (self.folder_key == FolderKeyId::ZERO);
        // What is reported was there to be reported.
        let happened = self.act || self.happened;
        let well_formed = self.version == VERSION && ordered && keyed && happened && self.signed.is_some();
        if well_formed && self.times_are_whole() && self.references_are_known() {
            Ok(())
        } else {
            Err(EntryError::Statement)
        }
    }

    /// Whether every date is the midnight with which its day begins at its zone: one day, one spelling.
    fn times_are_whole(&self) -> bool {
        let in_values = self.values.iter().filter_map(|value| match &value.content {
            Content::Time(time) => Some(time),
            _ => None,
        });
        let own = [&self.occurred, &self.learned, &self.decided, &self.signed];
        let mut dates = own.into_iter().chain(in_values).filter(|time| time.precision == Precision::Date);
        dates.all(|date| {
            let civil = i128::from(date.milliseconds) + i128::from(date.zone) * 60_000;
            civil.rem_euclid(86_400_000) == 0
        })
    }

    /// Whether every relation has a number of the format and no entry is referred to twice by the same one. Their order is
    /// the author's.
    fn references_are_known(&self) -> bool {
        let mut given = BTreeSet::new();
        self.references.iter().all(|reference| {
            let known = reference.relation.name().is_some();
            known && given.insert((reference.relation, *reference.digest.as_bytes()))
        })
    }

    /// Returns the named byte ranges of the statement's bytes: the leaves of the structure commitment, in order.
    ///
    /// Names: 1 version, 2 ledger, 3 id, 4 person, 5 author key, 6 sequence, 7 previous, 8 kind, 9 case, 10 folder, 11
    /// folder key, 12 occurred, 13 learned, 14 decided, 15 signed, 16 act and happened, 17 one value, 18 one reference,
    /// 19 pack, 20 policy, 21 sealed words, 22 seen. Seed and words root are no leaves.
    fn leaves<'a>(&self, bytes: &'a [u8]) -> Option<Vec<(u8, &'a [u8])>> {
        let mut rest = bytes;
        let mut leaves = Vec::with_capacity(21 + self.values.len() + self.references.len());
        let mut take = |length: usize| {
            let (range, after) = rest.split_at_checked(length)?;
            rest = after;
            Some(range)
        };
        let case = if self.case.is_some() { 17 } else { 1 };
        let fixed = [1, 32, 16, 16, 32, 8, 32, 2, case, 1, 32, 11, 11, 11, 11, 2];
        for (name, length) in (1..).zip(fixed) {
            leaves.push((name, take(length)?));
        }
        take(8)?;
        for value in &self.values {
            leaves.push((17, take(value_length(value))?));
        }
        take(8)?;
        for _ in &self.references {
            leaves.push((18, take(42)?));
        }
        leaves.push((19, take(32)?));
        leaves.push((20, take(32)?));
        take(64)?;
        leaves.push((21, take(36)?));
        leaves.push((22, take(40)?));
        rest.is_empty().then_some(leaves)
    }
}

fn value_length(value: &Value) -> usize {
    5 + match &value.content {
        Content::Filled | Content::Present => 0,
        Content::Code(text) | Content::Text(text) => 1 + text.as_str().len(),
        Content::Time(_) => 11,
        Content::Count(_) | Content::Entry(_) => 8,
        Content::Person(_) | Content::Case(_) => 16,
        Content::Key(_) | Content::Hash(_) => 32,
        Content::Proof(_) => 64,
    }
}

/// A statement as it was read: well-formed, its signature not yet checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unverified {
    bytes: Vec<u8>,
    body: Body,
    signature: Signature,
}

/// A statement whose signature verified strictly under the key it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement(Unverified);

impl Unverified {
    /// Reads a statement.
    ///
    /// # Errors
    /// `TooLong` over 65,535 bytes; `Statement` for anything but the one spelling of a statement.
    pub fn decode(bytes: &[u8], signature: &[u8; 64]) -> Result<Self, EntryError> {
        let body: Body = codec::decode(bytes, STATEMENT_LIMIT).map_err(|error| match error {
            CodecError::TooLong { .. } => EntryError::TooLong,
            _ => EntryError::Statement,
        })?;
        body.check()?;
        Ok(Unverified { bytes: bytes.to_vec(), body, signature: Signature(*signature) })
    }

    /// Returns what it says; nobody has vouched for it yet.
    #[must_use]
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// Returns its digest: over its bytes and signature.
    #[must_use]
    pub fn digest(&self) -> Digest {
        STATEMENT_DIGEST.digest(&[&self.bytes, &self.signature.0])
    }

    /// Returns the node over its structure leaves.
    #[must_use]
    pub fn structure_node(&self) -> NodeHash {
        let leaves = self.body.leaves(&self.bytes).unwrap_or_default();
        commitment::structure_node(&self.body.structure_seed.0, &leaves)
    }

    /// Returns the commitment root that its envelope must carry.
    #[must_use]
    pub fn commitment(&self) -> Digest {
        Digest::new(commitment::root(&self.structure_node(), self.body.words_root.as_bytes()))
    }

    /// Verifies the signature under the key that the statement names, which the caller has parsed already.
    ///
    /// # Errors
    /// `OtherKey` if `key` is not the key it names; `Signature` where `verify_strict` refuses.
    pub fn verify(self, key: &PublicKey) -> Result<Statement, EntryError> {
        self.check_signature(key)?;
        Ok(Statement(self))
    }

    /// Checks the signature and keeps the statement unverified: for a reader that goes on after a finding.
    ///
    /// # Errors
    /// As [`Unverified::verify`].
    pub fn check_signature(&self, key: &PublicKey) -> Result<(), EntryError> {
        if *key.as_bytes() != self.body.author.0 {
            return Err(EntryError::OtherKey);
        }
        key.verify(&self.message(), &self.signature).map_err(|_| EntryError::Signature)
    }

    /// Begins to check the signature under a key that may have a table; nothing is verified before it is settled.
    ///
    /// # Errors
    /// As [`Unverified::verify`].
    pub fn start_signature(&self, key: &PreparedKey) -> Result<Unsettled, EntryError> {
        if *key.key().as_bytes() != self.body.author.0 {
            return Err(EntryError::OtherKey);
        }
        key.start(&self.message(), &self.signature).map_err(|_| EntryError::Signature)
    }

    /// Returns what was signed: context, a zero byte, the statement.
    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        STATEMENT_SIGNATURE.message(&[&self.bytes])
    }

    /// Returns the statement's exact bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the signature.
    #[must_use]
    pub fn signature(&self) -> &Signature {
        &self.signature
    }
}

impl Statement {
    /// Signs what `body` says.
    ///
    /// # Errors
    /// `OtherKey` if the body names another key; `Statement` or `TooLong` if it has no spelling.
    pub fn sign(body: Body, key: &SigningKey) -> Result<Self, EntryError> {
        Self::sign_unproved(body, key)?.verify(&key.public())
    }

    /// Signs what `body` says; a statement only once it was verified (a fault in signing must not leak the key).
    ///
    /// # Errors
    /// As [`Statement::sign`].
    pub fn sign_unproved(body: Body, key: &SigningKey) -> Result<Unverified, EntryError> {
        if body.author.0 != *key.public().as_bytes() {
            return Err(EntryError::OtherKey);
        }
        body.check()?;
        let bytes = codec::encode(&body, STATEMENT_LIMIT).map_err(|_| EntryError::TooLong)?;
        let signature = key.sign_unproved(&STATEMENT_SIGNATURE.message(&[&bytes]));
        Ok(Unverified { bytes, body, signature })
    }

    /// Returns what it says.
    #[must_use]
    pub fn body(&self) -> &Body {
        &self.0.body
    }

    /// Returns it as it was read, for a reader that judges the two alike.
    #[must_use]
    pub fn as_unverified(&self) -> &Unverified {
        &self.0
    }

    /// Returns its exact bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// Returns its signature.
    #[must_use]
    pub fn signature(&self) -> &Signature {
        &self.0.signature
    }

    /// Returns its digest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.0.digest()
    }

    /// Returns the commitment root that its envelope must carry.
    #[must_use]
    pub fn commitment(&self) -> Digest {
        self.0.commitment()
    }
}

impl Drop for Unverified {
    fn drop(&mut self) {
        self.bytes.zeroize();
        self.body.structure_seed.0.zeroize();
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::codec::{RelationNumber, ShortText};
    use crate::decision::value::FieldId;

    pub(crate) fn body(key: &SigningKey) -> Body {
        let value = |field, content| Value { field: FieldId(field), position: 0, content };
        Body {
            version: VERSION,
            ledger: LedgerId::new([1; 32]),
            id: StatementId::new([2; 16]),
            person: PersonId::new([3; 16]),
            author: Bytes(*key.public().as_bytes()),
            sequence: 4,
            previous: Digest::new([5; 32]),
            kind: KindNumber(96),
            case: Some(CaseTag::new([6; 16])),
            folder: 1,
            folder_key: FolderKeyId::new([7; 32]),
            occurred: Moment::instant(1_000, 60),
            learned: Moment::NONE,
            decided: Moment::NONE,
            signed: Moment::instant(2_000, 60),
            act: true,
            happened: true,
            values: vec![
                value(1, Content::Code(ShortText::new("LB-D").unwrap())),
                value(2, Content::Filled),
                value(3, Content::Proof(Bytes([8; 64]))),
            ],
            references: vec![Reference { relation: RelationNumber(4), entry: 3, digest: Digest::new([9; 32]) }],
            pack: Digest::new([10; 32]),
            policy: Digest::ZERO,
            structure_seed: Bytes([11; 32]),
            words_root: Digest::new([12; 32]),
            words_digest: Digest::new([13; 32]),
            words_length: 305,
            seen: Seen { number: 3, link: Link::new([14; 32]) },
        }
    }

    #[test]
    fn statements_round_trip_and_every_flip_is_noticed() {
        let key = SigningKey::from_seed(&[1; 32]);
        let signed = Statement::sign(body(&key), &key).unwrap();
        let (bytes, signature) = (signed.as_bytes().to_vec(), signed.signature().0);
        let read = Unverified::decode(&bytes, &signature).unwrap();
        assert_eq!(read.body(), signed.body());
        assert_eq!(read.digest(), signed.digest());
        let (digest, commitment) = (read.digest(), read.commitment());
        assert!(read.verify(&key.public()).is_ok());
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            let Ok(read) = Unverified::decode(&flipped, &signature) else { continue };
            assert_ne!(read.digest(), digest);
            assert_ne!(read.commitment(), commitment, "byte {at} is in no leaf");
            assert!(read.check_signature(&key.public()).is_err());
        }
        for cut in 0..bytes.len() {
            assert!(Unverified::decode(&bytes[..cut], &signature).is_err());
        }
    }

    #[test]
    fn leaves_cover_the_statement_but_seed_words_root_and_counts() {
        let key = SigningKey::from_seed(&[1; 32]);
        let signed = Statement::sign(body(&key), &key).unwrap();
        let leaves = signed.body().leaves(signed.as_bytes()).unwrap();
        let covered: usize = leaves.iter().map(|(_, bytes)| bytes.len()).sum();
        assert_eq!(covered, signed.as_bytes().len() - 64 - 16);
        assert!(leaves.iter().all(|(_, bytes)| !bytes.windows(32).any(|w| w == [11; 32] || w == [12; 32])));
    }

    #[test]
    fn impossible_statements_are_not_signed() {
        let key = SigningKey::from_seed(&[1; 32]);
        let other = SigningKey::from_seed(&[2; 32]);
        assert_eq!(Statement::sign(body(&key), &other), Err(EntryError::OtherKey));
        let mut unordered = body(&key);
        unordered.values.swap(0, 1);
        assert_eq!(Statement::sign(unordered, &key), Err(EntryError::Statement));
        let mut keyless = body(&key);
        keyless.folder_key = FolderKeyId::ZERO;
        assert_eq!(Statement::sign(keyless, &key), Err(EntryError::Statement));
        let mut undated = body(&key);
        undated.signed = Moment::NONE;
        assert_eq!(Statement::sign(undated, &key), Err(EntryError::Statement));
    }

    /// A change to a statement, and whether it still is one.
    type Change = (&'static str, bool, fn(&mut Body));

    #[test]
    fn one_spelling_for_dates_references_and_what_has_happened() {
        const MIDNIGHT: i64 = 1_791_241_200_000;
        fn date(milliseconds: i64, zone: i16) -> Moment {
            Moment { precision: Precision::Date, milliseconds, zone }
        }
        fn refer(relation: u16, entry: u64, digest: u8) -> Reference {
            Reference { relation: RelationNumber(relation), entry, digest: Digest::new([digest; 32]) }
        }
        let changes: [Change; 15] = [
            ("a day in summer", true, |body| body.occurred = date(MIDNIGHT, 60)),
            ("a day at zone 0", true, |body| body.learned = date(MIDNIGHT + 3_600_000, 0)),
            ("the hour before it", false, |body| body.learned = date(MIDNIGHT, 0)),
            ("a millisecond after it", false, |body| body.decided = date(MIDNIGHT + 1, 60)),
            ("before 1970", true, |body| body.occurred = date(-86_400_000, 0)),
            ("the last millisecond there is", false, |body| body.signed = date(i64::MAX, 1439)),
            ("a value that is no whole day", false, |body| {
                body.values.push(Value { field: FieldId(9), position: 0, content: Content::Time(date(5, 0)) });
            }),
            ("an instant in a value", true, |body| {
                let content = Content::Time(Moment::instant(5, 0));
                body.values.push(Value { field: FieldId(9), position: 0, content });
            }),
            ("a relation that has no number", false, |body| body.references = vec![refer(31, 3, 9)]),
            ("the relation 0", false, |body| body.references = vec![refer(0, 3, 9)]),
            ("the same reference twice", false, |body| body.references = vec![refer(4, 3, 9), refer(4, 3, 9)]),
            ("the same again without a number", false, |body| {
                body.references = vec![refer(4, 3, 9), refer(5, 3, 9), refer(4, UNKNOWN, 9)];
            }),
            ("two relations to one entry, as given", true, |body| {
                body.references = vec![refer(5, 3, 9), refer(4, 3, 9), refer(4, 1, 8)];
            }),
            ("a proposed act", true, |body| body.happened = false),
            ("a report of what has not happened", false, |body| (body.act, body.happened) = (false, false)),
        ];
        let key = SigningKey::from_seed(&[1; 32]);
        for (what, fits, change) in changes {
            let mut changed = body(&key);
            change(&mut changed);
            let bytes = codec::encode(&changed, STATEMENT_LIMIT).unwrap();
            let signature = key.sign(&STATEMENT_SIGNATURE.message(&[&bytes])).unwrap();
            let read = Unverified::decode(&bytes, &signature.0);
            assert_eq!(read.is_ok(), fits, "{what}");
            assert_eq!(Statement::sign(changed.clone(), &key).is_ok(), fits, "{what}");
            if let Ok(read) = read {
                assert_eq!(codec::encode(read.body(), STATEMENT_LIMIT).unwrap(), bytes, "{what}");
            } else {
                assert_eq!(read, Err(EntryError::Statement), "{what}");
            }
        }
    }
}
