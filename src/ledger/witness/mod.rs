//! A witness: on a machine of its own it cosigns a log's checkpoints, each of which must extend the one before.
//!
//! It answers as C2SP tlog-witness says, to requests that people carry. Its memory lies beside its identity, in
//! `witness/<SHA-256 of the origin>/`: `checkpoint`, the newest whole note it cosigned, with its own line; `log`, the
//! key of the log; `evidence/`, each request that did not fit. That memory is all that keeps a witness from vouching
//! for two histories: it is never brought back from a copy. A witness that lost it takes a new key.

pub mod evidence;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::cabinet::identity::CosignerIdentity;
use crate::codec::NOTE_LIMIT;
use crate::codec::context::hex;
use crate::head::HeadError;
use crate::head::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::head::cosignature;
use crate::head::note::{Note, SignatureLine};
use crate::head::request::AddCheckpoint;
use crate::keys::SigningKey;
use crate::keys::name::{KeyKind, KeyName, SignerKey, VerifierKey};
use crate::ledger::witness::evidence::Evidence;
use crate::store::durable;
use crate::tree::{EMPTY_ROOT, Hash, ProofError, TreeSize, check_consistency};

/// Largest `origin` file and largest `log` file in bytes.
pub const ORIGIN_FILE_LIMIT: usize = 1024;

/// Bytes of a type 4 cosignature after the key id: a time and an Ed25519 signature.
const COSIGNATURE_LENGTH: usize = 72;

const CHECKPOINT: &str = "checkpoint";
const LOG: &str = "log";
const EVIDENCE: &str = "evidence";
const LOCK: &str = "lock";

/// Why a witness did not sign, or why what it is said to have signed was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// Not a request, or not of a checkpoint (400).
    #[error("not a request for a cosignature: {0}")]
    Malformed(HeadError),
    /// The request claims to lead from a larger size to a smaller one (400).
    #[error("the request leads from size {old} back to size {size}")]
    OldAboveSize {
        /// The old size that the request names.
        old: TreeSize,
        /// The size of its checkpoint.
        size: TreeSize,
    },
    /// Nothing was ever signed for this origin, and the log's key was not given (404).
    #[error("nothing was cosigned for {origin} before, and the key of its log was not given")]
    UnknownOrigin {
        /// The origin that the request names.
        origin: KeyName,
    },
    /// The log's key did not sign the checkpoint, or its signature is not valid (403).
    #[error("not a checkpoint of this log: {0}")]
    NotSigned(HeadError),
    /// The request starts from another size than the newest that was cosigned (409).
    #[error("the newest checkpoint that was cosigned has size {latest}")]
    WrongOld {
        /// The size to start from; 0 before the first signature.
        latest: TreeSize,
    },
    /// A proof that no tree could make good: not empty where it must be, or an empty tree with a root (422).
    #[error("the proof cannot be right: {0}")]
    BadProof(ProofError),
    /// The log signed another root for the size that was cosigned (422). The evidence proves it by itself.
    #[error("two histories: for size {size} the log signed {remembered} before and now {offered}")]
    Fork {
        /// The file that holds the [`Evidence`].
        evidence: PathBuf,
        /// The size of both checkpoints.
        size: TreeSize,
        /// The root hash that was cosigned.
        remembered: Hash,
        /// The other root hash.
        offered: Hash,
    },
    /// The proof does not lead from the newest checkpoint to this one: a wrong proof, or two histories (422).
    #[error("it is not proven that size {offered} begins with size {remembered} as it was cosigned")]
    ProofFails {
        /// The file that holds the [`Evidence`].
        evidence: PathBuf,
        /// The newest size that was cosigned.
        remembered: TreeSize,
        /// The size of the new checkpoint.
        offered: TreeSize,
    },
    /// The content of the `origin` file cannot be used.
    #[error("the origin file {fault}")]
    OriginFile {
        /// What is wrong with it.
        fault: &'static str,
    },
    /// The `origin` file names another key than the remembered one, and not both signed the checkpoint.
    #[error("the log's key is remembered as {remembered}, and given as {given}")]
    OtherKey {
        /// The key under which checkpoints were cosigned.
        remembered: Box<VerifierKey>,
        /// The key in the `origin` file.
        given: Box<VerifierKey>,
    },
    /// The clock shows an earlier time than the newest cosignature for this origin.
    #[error("the clock shows {now}, before the newest cosignature at {newest} (seconds since 1970)")]
    ClockBack {
        /// Seconds since 1970 (UTC), as given.
        now: u64,
        /// Seconds since 1970 (UTC) in the newest cosignature.
        newest: u64,
    },
    /// The cosignature could not be made: not a time that can stand in one, or no room in the note.
    #[error("the cosignature could not be made: {0}")]
    NotMade(HeadError),
    /// Something in the memory of the witness is not what it wrote there.
    #[error("{} is not what this witness wrote there", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// What should be a cosigned note has no cosignature.
    #[error("no cosignature on the checkpoint")]
    NotCosigned,
    /// The disk refused; nothing was signed.
    #[error("{what} could not be read or written: {source}")]
    Io {
        /// What of the witness's memory.
        what: &'static str,
        /// What the operating system says.
        source: io::Error,
    },
}

/// What a witness gives back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The log.
    pub origin: KeyName,
    /// The size that was cosigned.
    pub size: TreeSize,
    /// The whole note: text, the log's signature and the witness's.
    pub note: String,
    /// The witness's line alone, for [`crate::head::request::format_cosignatures`].
    pub lines: Vec<SignatureLine>,
}

/// A witness with its key and the place of its memory.
pub struct Witness {
    folder: PathBuf,
    key: SignerKey,
}

/// What is remembered of one origin: nothing, both, or the checkpoint alone if a crash cut the first signature off.
struct Memory {
    origin: KeyName,
    folder: PathBuf,
    log: Option<VerifierKey>,
    newest: Option<Newest>,
}

/// The newest checkpoint that was cosigned, and when (seconds since 1970, UTC).
struct Newest {
    signed: SignedCheckpoint,
    time: u64,
}

/// Puts a file in place of another, durably.
type Replace<'a> = &'a dyn Fn(&Path, &[u8]) -> io::Result<()>;

impl Witness {
    /// Opens the witness of an identity; `side` is the folder beside it ([`crate::cabinet::identity::side_folder`]).
    ///
    /// # Errors
    /// `Io` if the folder of its memory cannot be made.
    pub fn open(side: &Path, cosigner: &CosignerIdentity) -> Result<Self, WitnessError> {
        let folder = side.join("witness");
        durable::create_dir(&folder).map_err(io("the memory"))?;
        let key = SigningKey::from_seed(&cosigner.key().seed());
        Ok(Witness { folder, key: SignerKey::new(cosigner.name().clone(), KeyKind::Cosigner, key) })
    }

    /// Returns the public key of the witness.
    #[must_use]
    pub fn key(&self) -> &VerifierKey {
        self.key.public()
    }

    /// Cosigns the checkpoint of an add-checkpoint request if it extends the newest one cosigned for its origin.
    ///
    /// `log` is the content of the ledger's `origin` file. It is needed until something was cosigned for the origin,
    /// and names the same key afterwards; a new key is followed through a checkpoint that the old and the new one
    /// signed. The newest checkpoint may be cosigned again. What is returned is in the memory first.
    ///
    /// # Errors
    /// Each of [`WitnessError`] but `NotCosigned`; nothing was signed then. A second root for the size last cosigned is
    /// a `Fork` whatever old size the request names (tlog-witness would answer some of these with 409).
    pub fn sign(&self, request: &[u8], log: Option<&[u8]>, now_seconds: u64) -> Result<Signed, WitnessError> {
        self.sign_through(&durable::replace, request, log, now_seconds)
    }

    /// Returns the newest checkpoint that was cosigned for an origin, with the lines of the log and of this witness.
    ///
    /// # Errors
    /// `Damaged`; `UnknownOrigin` where a crash cut the first signature off, until it is asked for again; `Io`.
    pub fn newest(&self, origin: &KeyName) -> Result<Option<SignedCheckpoint>, WitnessError> {
        Ok(self.remember(origin, None)?.newest.map(|newest| newest.signed))
    }

    fn sign_through(
        &self,
        replace: Replace,
        request: &[u8],
        log: Option<&[u8]>,
        now: u64,
    ) -> Result<Signed, WitnessError> {
        let request = AddCheckpoint::parse(request).map_err(WitnessError::Malformed)?;
        let checkpoint = Checkpoint::parse(request.note().text()).map_err(WitnessError::Malformed)?;
        let origin = KeyName::new(checkpoint.origin()).map_err(|error| WitnessError::Malformed(error.into()))?;
        let given = log.map(|content| parse_origin_file(content, &origin)).transpose()?;

        // From here to the end nobody else compares or writes.
        let _lock = durable::lock_exclusive(&self.folder.join(LOCK)).map_err(io("the lock"))?;
        let memory = self.remember(&origin, given.as_ref())?;
        let offered = memory.open(&request, given.as_ref())?;
        memory.compare(&request, offered.checkpoint())?;
        if let Some(newest) = memory.newest.as_ref().filter(|newest| now < newest.time) {
            return Err(WitnessError::ClockBack { now, newest: newest.time });
        }
        let (note, line) = self.cosign(&offered, now).map_err(WitnessError::NotMade)?;
        memory.persist(replace, &note, given.as_ref())?;
        Ok(Signed { origin, size: checkpoint.size(), note, lines: vec![line] })
    }

    /// Makes the whole note to keep and return, without lines that were not verified.
    fn cosign(&self, offered: &SignedCheckpoint, now: u64) -> Result<(String, SignatureLine), HeadError> {
        let text = offered.note().text();
        let line = cosignature::sign(text, &self.key, now)?;
        let mut note = format!("{text}\n");
        for key in offered.log_keys() {
            let mut lines = offered.note().signatures().iter();
            if let Some(line) = lines.find(|line| (line.name(), line.id()) == (key.name(), key.id())) {
                note += &format!("{line}\n");
            }
        }
        note += &format!("{line}\n");
        // What is written must be readable again.
        Note::parse(note.as_bytes())?;
        Ok((note, line))
    }

    /// Reads what is remembered of an origin, and verifies it as if it came from outside.
    fn remember(&self, origin: &KeyName, given: Option<&VerifierKey>) -> Result<Memory, WitnessError> {
        let folder = self.folder.join(hex(&Sha256::digest(origin.as_str())));
        let damaged = |name| WitnessError::Damaged { path: folder.join(name) };
        let log = match read(&folder.join(LOG), ORIGIN_FILE_LIMIT)? {
            Some(bytes) => Some(parse_key_line(&bytes, origin).ok_or_else(|| damaged(LOG))?),
            None => None,
        };
        let newest = match (read(&folder.join(CHECKPOINT), NOTE_LIMIT)?, &log) {
            (None, None) => None,
            // The key is written last: a checkpoint was there, and to begin anew could vouch for two histories.
            (None, Some(_)) => return Err(damaged(CHECKPOINT)),
            (Some(note), log) => {
                let log =
                    log.as_ref().or(given).ok_or_else(|| WitnessError::UnknownOrigin { origin: origin.clone() })?;
                let known = [log.clone(), self.key().clone()];
                let signed = SignedCheckpoint::open(&note, &known).map_err(|_| damaged(CHECKPOINT))?;
                let own = signed.cosigners().find(|(key, _)| *key == self.key()).map(|(_, time)| time);
                Some(Newest { time: own.ok_or_else(|| damaged(CHECKPOINT))?, signed })
            }
        };
        Ok(Memory { origin: origin.clone(), folder, log, newest })
    }
}

impl Memory {
    /// Opens the checkpoint of a request with the remembered key or the given one: where they differ, with both.
    fn open(&self, request: &AddCheckpoint, given: Option<&VerifierKey>) -> Result<SignedCheckpoint, WitnessError> {
        let known: Vec<VerifierKey> = self.log.iter().chain(given).cloned().collect();
        if known.is_empty() {
            return Err(WitnessError::UnknownOrigin { origin: self.origin.clone() });
        }
        let other = match (&self.log, given) {
            (Some(remembered), Some(given)) if remembered != given => Some(WitnessError::OtherKey {
                remembered: Box::new(remembered.clone()),
                given: Box::new(given.clone()),
            }),
            _ => None,
        };
        match (SignedCheckpoint::open_note(request.note().clone(), &known), other) {
            (Ok(offered), Some(other)) if offered.log_keys().count() < 2 => Err(other),
            (Err(HeadError::NotSigned), Some(other)) => Err(other),
            (opened, _) => opened.map_err(WitnessError::NotSigned),
        }
    }

    /// Compares a checkpoint that the log signed with the newest that was cosigned; keeps evidence if they do not fit.
    fn compare(&self, request: &AddCheckpoint, offered: &Checkpoint) -> Result<(), WitnessError> {
        let (old, size) = (request.old(), offered.size());
        let newest = self.newest.as_ref().map(|newest| newest.signed.checkpoint());
        let (latest, root) = newest.map_or((TreeSize(0), EMPTY_ROOT), |newest| (newest.size(), newest.root()));
        if newest.is_some() && size == latest && offered.root() != root {
            let evidence = self.keep(request)?;
            return Err(WitnessError::Fork { evidence, size, remembered: root, offered: offered.root() });
        }
        if old > size {
            return Err(WitnessError::OldAboveSize { old, size });
        }
        if old != latest {
            return Err(WitnessError::WrongOld { latest });
        }
        match check_consistency(old, size, request.proof(), &root, &offered.root()) {
            Ok(()) => Ok(()),
            Err(_) if old.0 > 0 && old < size => {
                let evidence = self.keep(request)?;
                Err(WitnessError::ProofFails { evidence, remembered: old, offered: size })
            }
            Err(error) => Err(WitnessError::BadProof(error)),
        }
    }

    /// Keeps the newest note and the whole request, durably, and returns where; once for each pair of checkpoints, so
    /// that wrong proofs for one checkpoint do not fill the disk.
    fn keep(&self, request: &AddCheckpoint) -> Result<PathBuf, WitnessError> {
        let folder = self.folder.join(EVIDENCE);
        let remembered = self.newest.as_ref().map_or(request.note(), |newest| newest.signed.note());
        let pair = Sha256::new().chain_update(remembered.text()).chain_update([0]).chain_update(request.note().text());
        let path = folder.join(hex(&pair.finalize()));
        let evidence = Evidence::new(remembered.clone(), request.clone()).to_string();
        let kept = durable::create_dir(&folder).and_then(|()| durable::create_private(&path, evidence.as_bytes()));
        match kept {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(io("evidence of two histories")(error)),
            _ => Ok(path),
        }
    }

    /// Takes a cosigned note as the newest. Nothing of it may leave before this has returned.
    fn persist(&self, replace: Replace, note: &str, given: Option<&VerifierKey>) -> Result<(), WitnessError> {
        durable::create_dir(&self.folder).map_err(io("the memory"))?;
        replace(&self.folder.join(CHECKPOINT), note.as_bytes()).map_err(io("the memory"))?;
        // A crash here leaves the note with no key beside it, or with the old one, which signed the note as well. The
        // answer is lost: asked again in the same way, the same checkpoint is cosigned again and the key follows.
        if let Some(key) = given.filter(|key| self.log.as_ref() != Some(key)) {
            replace(&self.folder.join(LOG), format!("{key}\n").as_bytes()).map_err(io("the memory"))?;
        }
        Ok(())
    }
}

impl WitnessError {
    /// Returns the HTTP status with which tlog-witness answers this; 500 for what it does not know.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            WitnessError::Malformed(_) | WitnessError::OldAboveSize { .. } => 400,
            WitnessError::NotSigned(_) => 403,
            WitnessError::UnknownOrigin { .. } => 404,
            WitnessError::WrongOld { .. } => 409,
            WitnessError::BadProof(_) | WitnessError::Fork { .. } | WitnessError::ProofFails { .. } => 422,
            WitnessError::OriginFile { .. }
            | WitnessError::OtherKey { .. }
            | WitnessError::ClockBack { .. }
            | WitnessError::NotMade(_)
            | WitnessError::Damaged { .. }
            | WitnessError::NotCosigned
            | WitnessError::Io { .. } => 500,
        }
    }
}

/// Reads the whole note that a witness returned: signed by one of the log's keys, and with a line that has the form of a cosignature.
///
/// Whose cosignature it is, and whether it is valid, [`SignedCheckpoint::merge`] finds with the witnesses' keys.
///
/// # Errors
/// `NotSigned` if it is no note of a checkpoint with the log's valid signature; `NotCosigned`.
pub fn read_cosigned(bytes: &[u8], log: &[VerifierKey]) -> Result<(Note, Checkpoint), WitnessError> {
    let signed = SignedCheckpoint::open(bytes, log).map_err(WitnessError::NotSigned)?;
    let (note, checkpoint) = (signed.note().clone(), signed.checkpoint().clone());
    let cosigned = note.signatures().iter().any(|line| line.bytes().len() == COSIGNATURE_LENGTH);
    if cosigned { Ok((note, checkpoint)) } else { Err(WitnessError::NotCosigned) }
}

/// Parses the two lines of an `origin` file, for the origin that is asked about.
fn parse_origin_file(content: &[u8], origin: &KeyName) -> Result<VerifierKey, WitnessError> {
    let fault = |fault| WitnessError::OriginFile { fault };
    let text = std::str::from_utf8(content).ok().filter(|text| text.len() <= ORIGIN_FILE_LIMIT);
    let (name, key) =
        text.and_then(|text| text.split_once('\n')).ok_or(fault("has not the two lines it should have"))?;
    if name != origin.as_str() {
        return Err(fault("is of another ledger than the request"));
    }
    parse_key_line(key.as_bytes(), origin).ok_or(fault("does not hold a key of this log in its second line"))
}

/// Parses the key of a log under its origin's name, with a line feed.
fn parse_key_line(line: &[u8], origin: &KeyName) -> Option<VerifierKey> {
    let key = VerifierKey::parse(std::str::from_utf8(line).ok()?.strip_suffix('\n')?).ok()?;
    (key.kind() == KeyKind::LogKey && key.name() == origin).then_some(key)
}

/// Reads a file of the memory; none if there is none, and an error wherever that is not certain.
fn read(path: &Path, limit: usize) -> Result<Option<Vec<u8>>, WitnessError> {
    match durable::read(path, limit) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io("the memory")(error)),
    }
}

fn io(what: &'static str) -> impl FnOnce(io::Error) -> WitnessError {
    move |source| WitnessError::Io { what, source }
}
