//! One entry on its own: everything that can be checked without knowing the entries around it, on any core.

use std::collections::HashMap;

use crate::codec::context::{LINK, PART};
use crate::codec::{Digest, Folder, FolderKeyId, LedgerId, Link, Publicity};
use crate::entry::envelope::{self, ENVELOPE, Envelope};
use crate::entry::statement::{Body, Unverified};
use crate::seal::SealError;
use crate::seal::structure::{self, ContentKey, OpenedStructure, SealedStructure, StructureKey, StructurePart};
use crate::seal::words::{self, FolderPrivate, WordsKey, WordsPart};
use crate::tree::{Hash, leaf_hash};
use crate::verify::report::Code;

/// The keys with which structure is opened; none of them are needed for the skeleton.
#[derive(Clone)]
pub struct Keys {
    /// Structure keys of authors, in any order.
    pub structure: Vec<StructureKey>,
    /// The ledger that restricted words were sealed for.
    pub ledger: LedgerId,
    /// Private keys of folders: those of `legal` and `staff` alone open what lies there, and the others what no structure
    /// key here opens. Each is tried on every entry that nothing else opens.
    pub restricted: Vec<FolderPrivate>,
    /// Words keys of single entries, by statement digest, with the folder key that they were sealed to.
    pub kept: HashMap<Digest, (WordsKey, FolderKeyId)>,
    /// Content keys of the structure of single entries, by statement digest.
    pub content: HashMap<Digest, ContentKey>,
}

impl Default for Keys {
    fn default() -> Self {
        let (kept, content) = (HashMap::new(), HashMap::new());
        Keys { structure: Vec::new(), ledger: LedgerId::ZERO, restricted: Vec::new(), kept, content }
    }
}

impl Keys {
    /// Opens a sealed structure part; none if no key fits.
    ///
    /// # Errors
    /// Those of sealing where a key fits and yet does not open the part: it is not the one that was entered.
    pub fn open(
        &self,
        digest: &Digest,
        sealed: &SealedStructure<'_>,
        words_part: &[u8],
    ) -> Result<Option<OpenedStructure>, SealError> {
        if let Some(key) = self.structure.iter().find(|key| sealed.fits(key, digest)) {
            return sealed.open(&sealed.content_key(key, digest)?).map(Some);
        }
        if let Some(key) = self.content.get(digest) {
            return sealed.open(key).map(Some);
        }
        if let Some((key, folder)) = self.kept.get(digest)
            && let Ok(words) = words::open(words_part, key, &self.ledger, folder)
        {
            return sealed.open(&words.content_key).map(Some);
        }
        let content_key = |key| words::content_key(words_part, key, &self.ledger);
        self.restricted.iter().find_map(content_key).map(|key| sealed.open(&key)).transpose()
    }
}

/// An entry's three byte strings, as they lie in the log.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// The envelope.
    pub envelope: &'a [u8; ENVELOPE],
    /// The structure part.
    pub structure: &'a [u8],
    /// The words part.
    pub words: &'a [u8],
}

/// What was found about one entry.
#[derive(Debug)]
pub struct Checked {
    /// The envelope, if it follows the format.
    pub envelope: Option<Envelope>,
    /// The link over it.
    pub link: Link,
    /// Its leaf hash.
    pub leaf: Hash,
    /// The statement, if it was in clear or could be opened, and follows the format.
    pub statement: Option<Unverified>,
    /// The digest of that statement; zero without one.
    pub digest: Digest,
    /// Whether the structure part is in clear.
    pub public: bool,
    /// Whether the structure part is sealed and no key opened it.
    pub not_opened: bool,
    /// What is wrong.
    pub codes: Vec<Code>,
}

/// Checks an entry's envelope, parts, statement and commitment, but not its signature.
///
/// The sealed statement of an entry before number `opened_before` is not opened again: it was, in an earlier verify.
#[must_use]
pub fn check(parts: Parts<'_>, keys: &Keys, opened_before: u64) -> Checked {
    check_hashed(parts, &Hashed::of(&parts), keys, opened_before)
}

/// The BLAKE3 hashes of an entry's byte strings.
#[derive(Debug, Clone, Copy)]
pub struct Hashed {
    link: Link,
    structure: Digest,
    words: Digest,
}

impl Hashed {
    fn of(parts: &Parts<'_>) -> Self {
        let (structure, words) = (envelope::part_digest(parts.structure), envelope::part_digest(parts.words));
        Hashed { link: envelope::link(parts.envelope), structure, words }
    }

    /// Hashes the byte strings of many entries side by side.
    #[must_use]
    pub fn of_each(entries: &[Parts<'_>]) -> Vec<Self> {
        let parts: Vec<&[u8]> = entries.iter().flat_map(|parts| [parts.structure, parts.words]).collect();
        let envelopes: Vec<&[u8]> = entries.iter().map(|parts| &parts.envelope[..]).collect();
        let (links, parts) = (LINK.hash_each(&envelopes), PART.hash_each(&parts));
        let hashed = |(link, parts): ([u8; 32], &[[u8; 32]; 2])| Hashed {
            link: Link::new(link),
            structure: Digest::new(parts[0]),
            words: Digest::new(parts[1]),
        };
        links.into_iter().zip(parts.as_chunks().0).map(hashed).collect()
    }
}

/// As [`check`], with hashes that were made of these parts.
#[must_use]
pub fn check_hashed(parts: Parts<'_>, hashed: &Hashed, keys: &Keys, opened_before: u64) -> Checked {
    let link = hashed.link;
    let leaf = leaf_hash(parts.envelope);
    let decoded = Envelope::decode(parts.envelope).ok();
    let mut checked = Checked {
        envelope: decoded,
        link,
        leaf,
        statement: None,
        digest: Digest::ZERO,
        public: false,
        not_opened: false,
        codes: Vec::new(),
    };
    let Some(envelope) = decoded else {
        checked.codes.push(Code::Envelope);
        return checked;
    };
    if envelope.parts != envelope::parts_digest(&hashed.structure, &hashed.words) {
        checked.codes.push(Code::Sealed);
        return checked;
    }
    if envelope.number.0 < opened_before && parts.structure.first() == Some(&1) {
        return checked;
    }
    match open(parts, &envelope, keys, &mut checked) {
        Ok(Some(statement)) => judge(statement, &envelope, parts, &hashed.words, &mut checked),
        Ok(None) => {}
        Err(code) => checked.codes.push(code),
    }
    checked
}

fn open(parts: Parts<'_>, envelope: &Envelope, keys: &Keys, checked: &mut Checked) -> Result<Option<Unverified>, Code> {
    words::parse(parts.words).map_err(|_| Code::Sealed)?;
    let decoded = match structure::parse(parts.structure).map_err(|_| Code::Sealed)? {
        StructurePart::Clear { statement, signature } => {
            checked.public = true;
            Unverified::decode(statement, signature)
        }
        StructurePart::Sealed(sealed) => {
            match keys.open(&envelope.statement, &sealed, parts.words).map_err(|_| Code::Sealed)? {
                Some(opened) => Unverified::decode(opened.statement(), &opened.signature()),
                None => {
                    checked.not_opened = true;
                    return Ok(None);
                }
            }
        }
    };
    decoded.map(Some).map_err(|_| Code::Statement)
}

/// Whether a confirmation is in clear if what it confirms is, and sealed if that is; one in clear confirms something. Other
/// kinds fit. `public` tells of an earlier entry whether it is in clear; none for one that is not there or has no number.
///
/// # Errors
/// Those of looking.
pub fn confirmation_fits<E>(
    body: &Body,
    clear: bool,
    public: &mut dyn FnMut(u64) -> Result<Option<bool>, E>,
) -> Result<bool, E> {
    if body.kind.publicity() != Some(Publicity::AsConfirmed) {
        return Ok(true);
    }
    let mut confirmed = body.related("confirms").peekable();
    let mut fits = !clear || confirmed.peek().is_some();
    for reference in confirmed {
        fits &= public(reference.entry)? == Some(clear);
    }
    Ok(fits)
}

fn judge(statement: Unverified, envelope: &Envelope, parts: Parts<'_>, words: &Digest, checked: &mut Checked) {
    let body = statement.body();
    checked.digest = statement.digest();
    let fits = checked.digest == envelope.statement
        && statement.commitment() == envelope.commitment
        && body.words_digest == *words
        && usize::try_from(body.words_length).ok() == Some(parts.words.len());
    if !fits {
        checked.codes.push(Code::Statement);
    }
    let adopts = body.kind.name().is_some_and(|name| name.ends_with(".adopt"));
    let folder = body.folder();
    let words_fit = match words::parse(parts.words) {
        Ok(WordsPart::Absent) => folder == Some(Folder::None),
        Ok(WordsPart::Document(_)) => adopts && folder == Some(Folder::None),
        Ok(WordsPart::Sealed { .. }) => folder.is_some_and(|folder| folder != Folder::None),
        Err(_) => false,
    };
    // A confirmation is public where what it confirms is; `confirmation_fits` is for whoever knows the other entry.
    let publicity_fits = match body.kind.publicity() {
        Some(Publicity::Public) => checked.public,
        Some(Publicity::Sealed) => !checked.public,
        Some(Publicity::AsConfirmed) => true,
        None => false,
    };
    if !words_fit || !publicity_fits {
        checked.codes.push(Code::Sealed);
    }
    checked.statement = Some(statement);
}
