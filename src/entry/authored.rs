//! A signed statement with its two parts: what an author hands to the ledger, and what is resent until it is receipted.

use rand_core::CryptoRng;

use crate::codec::{Bytes, CaseTag, Digest, FolderKeyId, KindNumber, LedgerId, PersonId};
use crate::decision::value::Moment;
use crate::entry::EntryError;
use crate::entry::statement::{Body, Seen, Statement, Unverified, VERSION};
use crate::keys::{PublicKey, SigningKey};
use crate::seal::sealed::Sealed;
use crate::seal::structure::{self, StructureKey};
use crate::seal::words::WordsKey;

/// Who signs, and where that author stands.
pub struct Author<'a> {
    /// The person.
    pub person: PersonId,
    /// The device's signing key.
    pub key: &'a SigningKey,
    /// The author's structure key of the current epoch.
    pub structure_key: &'a StructureKey,
    /// The number of this statement in the key's own count.
    pub sequence: u64,
    /// The digest of the key's previous statement.
    pub previous: Digest,
    /// The newest entry the device knows to be durable.
    pub seen: Seen,
    /// The rule pack in force.
    pub pack: Digest,
    /// The policy in force; zero for none.
    pub policy: Digest,
    /// The time of signing.
    pub signed: Moment,
}

/// A statement, signed once, and its parts as they will lie in the entry.
pub struct Authored {
    /// The statement.
    pub statement: Statement,
    /// The structure part.
    pub structure: Vec<u8>,
    /// The words part.
    pub words: Vec<u8>,
    /// The key that opens the words part.
    pub words_key: Option<WordsKey>,
    /// The key that opens the structure part.
    pub content_key: structure::ContentKey,
}

/// A statement that was signed, and what its parts are made of: the next one of its author can name its digest, and nothing
/// has left this process yet.
pub struct Signed {
    unproved: Unverified,
    digest: Digest,
    sealed: Sealed,
}

impl Signed {
    /// Signs a sealed decision.
    ///
    /// # Errors
    /// As [`Statement::sign`].
    pub fn new(sealed: Sealed, author: &Author<'_>) -> Result<Self, EntryError> {
        let decision = &sealed.decision;
        let body = Body {
            version: VERSION,
            ledger: sealed.ledger,
            id: sealed.id,
            person: author.person,
            author: Bytes(*author.key.public().as_bytes()),
            sequence: author.sequence,
            previous: author.previous,
            kind: decision.kind(),
            case: decision.case(),
            folder: decision.folder() as u8,
            folder_key: sealed.folder.map_or(FolderKeyId::ZERO, |key| key.id()),
            occurred: decision.occurred(),
            learned: decision.learned(),
            decided: decision.decided(),
            signed: author.signed,
            act: decision.is_act(),
            happened: decision.happened(),
            values: decision.values().to_vec(),
            references: decision.references().to_vec(),
            pack: author.pack,
            policy: author.policy,
            structure_seed: Bytes(*sealed.structure_seed),
            words_root: sealed.words_root,
            words_digest: sealed.words_digest(),
            words_length: u32::try_from(sealed.words.len()).map_err(|_| EntryError::TooLong)?,
            seen: author.seen,
        };
        let unproved = Statement::sign_unproved(body, author.key)?;
        Ok(Signed { digest: unproved.digest(), unproved, sealed })
    }

    /// Returns the statement's digest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Verifies the signature and makes the parts. Public kinds keep their structure in clear, restricted folders hide
    /// the slot.
    ///
    /// # Errors
    /// `Signature` if the fresh signature does not verify; `TooLong`.
    pub fn finish(
        self,
        key: &PublicKey,
        structure_key: &StructureKey,
        rng: &mut impl CryptoRng,
    ) -> Result<Authored, EntryError> {
        let Signed { unproved, digest, sealed } = self;
        let statement = unproved.verify(key)?;
        let folder = sealed.decision.folder();
        let public = sealed.decision.is_public();
        let (bytes, signature) = (statement.as_bytes(), &statement.signature().0);
        let structure = if public {
            structure::clear(bytes, signature)
        } else {
            let key = (!folder.restricted()).then_some(structure_key);
            structure::seal(bytes, signature, &digest, key, &sealed.content_key, rng)
                .map_err(|_| EntryError::TooLong)?
        };
        let Sealed { words, words_key, content_key, .. } = sealed;
        Ok(Authored { statement, structure, words, words_key, content_key })
    }
}

impl Authored {
    /// Signs a sealed decision and makes its parts.
    ///
    /// # Errors
    /// As [`Signed::new`] and [`Signed::finish`].
    pub fn sign(sealed: Sealed, author: &Author<'_>, rng: &mut impl CryptoRng) -> Result<Self, EntryError> {
        Signed::new(sealed, author)?.finish(&author.key.public(), author.structure_key, rng)
    }

    /// Takes what was signed before, to be sent again byte for byte.
    #[must_use]
    pub fn resent(
        statement: Statement,
        structure: Vec<u8>,
        words: Vec<u8>,
        words_key: Option<WordsKey>,
        content_key: Option<structure::ContentKey>,
    ) -> Self {
        let content_key = content_key.unwrap_or_else(|| structure::ContentKey::new([0; 32]));
        Authored { statement, structure, words, words_key, content_key }
    }

    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> KindNumber {
        self.statement.body().kind
    }

    /// Returns the case.
    #[must_use]
    pub fn case(&self) -> Option<CaseTag> {
        self.statement.body().case
    }

    /// Returns the ledger it is for.
    #[must_use]
    pub fn ledger(&self) -> LedgerId {
        self.statement.body().ledger
    }
}
