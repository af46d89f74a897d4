//! A decision whose words are committed to and sealed: what its author signs next.

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::codec::context::{DOCUMENT, PART};
use crate::codec::{Digest, Folder, LedgerId, StatementId};
use crate::decision::decision::Decision;
use crate::seal::commitment::words_root;
use crate::seal::structure::ContentKey;
use crate::seal::words::{self, FolderPublic, Words, WordsKey};
use crate::seal::{SealError, random};

/// A decision, committed to word by word, with its words sealed. The clear words are gone.
pub struct Sealed {
    /// The structural half of the decision; its words are empty.
    pub decision: Decision,
    /// The ledger it is for.
    pub ledger: LedgerId,
    /// The statement's id.
    pub id: StatementId,
    /// The folder key that the words are sealed to.
    pub folder: Option<FolderPublic>,
    /// The words part; empty for no words.
    pub words: Vec<u8>,
    /// The key that opens the words part.
    pub words_key: Option<WordsKey>,
    /// The key of the structure part to come.
    pub content_key: ContentKey,
    /// The seed of the structure branch of the commitment.
    pub structure_seed: Zeroizing<[u8; 32]>,
    /// The root of the words branch; zero without words.
    pub words_root: Digest,
}

impl Sealed {
    /// Commits to the words of a decision and seals them to a folder.
    ///
    /// # Errors
    /// `BadFolderKey` if the decision's folder has words and no usable key is given; `TooLong` for more than 1 MiB.
    pub fn new(
        mut decision: Decision,
        ledger: LedgerId,
        author: &[u8; 32],
        folder: Option<&FolderPublic>,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, SealError> {
        let id = decision.statement_id().unwrap_or_else(|| StatementId::new(random(rng)));
        let content_key = ContentKey::random(rng);
        let structure_seed = Zeroizing::new(random(rng));
        let (fields, document) = (decision.take_words(), decision.take_document());
        let mut sealed = Sealed {
            ledger,
            id,
            folder: None,
            words: Vec::new(),
            words_key: None,
            content_key,
            structure_seed,
            words_root: Digest::ZERO,
            decision,
        };
        if sealed.decision.folder() != Folder::None {
            let folder = folder.ok_or(SealError::BadFolderKey)?;
            let seed = Zeroizing::new(random(rng));
            sealed.words_root = Digest::new(words_root(&seed, &fields));
            let content =
                Words { content_key: sealed.content_key.clone(), seed, statement: id, author: *author, fields };
            let (part, key) = words::seal(&content, &ledger, folder, rng)?;
            (sealed.words, sealed.words_key, sealed.folder) = (part, Some(key), Some(*folder));
        }
        match document {
            Some(text) => sealed.with_document(text.as_bytes()),
            None => Ok(sealed),
        }
    }

    /// Adds the document that an `*.adopt` entry carries in clear.
    ///
    /// # Errors
    /// `TooLong` for a document over 1 MiB.
    pub fn with_document(mut self, document: &[u8]) -> Result<Self, SealError> {
        self.words = words::document(document)?;
        Ok(self)
    }

    /// Returns the digest of the words part.
    #[must_use]
    pub fn words_digest(&self) -> Digest {
        PART.digest(&[&self.words])
    }
}

/// Returns the hash by which a document is adopted.
#[must_use]
pub fn document_hash(document: &[u8]) -> Digest {
    DOCUMENT.digest(&[document])
}
