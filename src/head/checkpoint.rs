//! Checkpoints (C2SP tlog-checkpoint): origin, tree size and root hash, as the text of a signed note.

use std::fmt;

use super::note::{Note, SignatureLine, Verified, verify_line};
use super::{HeadError, text};
use crate::codec::NOTE_LIMIT;
use crate::keys::name::{KeyKind, KeyName, SignerKey, VerifierKey};
use crate::tree::{Hash, TreeSize};

/// What a log vouches for at one size. It carries no time, and one that we make carries no extension lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: TreeSize,
    root: Hash,
    extensions: Vec<String>,
}

/// A checkpoint with its note, of which a known key of the log named by the origin has a valid signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
    verified: Vec<Verified>,
    failed: Vec<VerifierKey>,
}

impl Checkpoint {
    /// Makes the checkpoint of a log whose key is named after its origin.
    #[must_use]
    pub fn new(origin: &KeyName, size: TreeSize, root: Hash) -> Self {
        Checkpoint { origin: origin.to_string(), size, root, extensions: Vec::new() }
    }

    /// Parses the text of a note, exactly as [`Display`](fmt::Display) prints it.
    ///
    /// Whether a root fits its size (size 0 has only the empty root) is for the caller to check.
    ///
    /// # Errors
    /// `TooMany`, `NotText`, or `Line` for a line that is empty, not ended, or not what belongs there.
    pub fn parse(own: &str) -> Result<Self, HeadError> {
        text(own.as_bytes(), NOTE_LIMIT)?;
        let mut lines = own.split_inclusive('\n').map(|line| line.strip_suffix('\n').filter(|line| !line.is_empty()));
        let mut next = || lines.next().flatten();
        let wrong = |line, wanted| HeadError::Line { line, wanted };
        let origin = next().ok_or(wrong(1, "an origin"))?;
        let size = next().and_then(TreeSize::parse).ok_or(wrong(2, "a tree size"))?;
        let root = next().and_then(Hash::parse).ok_or(wrong(3, "a root hash"))?;
        let mut extensions = Vec::new();
        for (at, line) in lines.enumerate() {
            extensions.push(line.ok_or(wrong(at + 4, "an extension line"))?.to_owned());
        }
        Ok(Checkpoint { origin: origin.to_owned(), size, root, extensions })
    }

    /// Signs with the log's keys: one, or at a rotation the old and the new.
    ///
    /// # Errors
    /// `WrongOrigin` if a key is not named after the origin; else as [`Note::sign`].
    pub fn sign(&self, keys: &[&SignerKey]) -> Result<Note, HeadError> {
        if keys.iter().any(|key| key.public().name().as_str() != self.origin) {
            return Err(HeadError::WrongOrigin);
        }
        Note::sign(&self.to_string(), keys)
    }

    /// Returns the name of the log.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Returns how many entries the log vouches for.
    #[must_use]
    pub fn size(&self) -> TreeSize {
        self.size
    }

    /// Returns the root hash at that size.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.root
    }

    /// Returns lines that some other software added; nothing that we do rests on them.
    #[must_use]
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }
}

impl SignedCheckpoint {
    /// Opens a note as a checkpoint that one of the known log keys signed, named after the checkpoint's origin.
    ///
    /// Log keys of other names are not looked at. Known cosigners are; a line under a cosigner's name that fails does not
    /// count and refuses nothing ([`SignedCheckpoint::failed`] tells of it): signed-note would refuse the note, but then
    /// anybody could take a checkpoint's word away by adding a line to it.
    ///
    /// # Errors
    /// As [`Note::parse`] and [`Checkpoint::parse`]; as [`Note::open`] for the log's keys; `NotSigned` if only cosigners
    /// signed.
    pub fn open(note: &[u8], known: &[VerifierKey]) -> Result<Self, HeadError> {
        SignedCheckpoint::open_note(Note::parse(note)?, known)
    }

    /// Opens a note that was parsed, as [`SignedCheckpoint::open`] does.
    ///
    /// # Errors
    /// As [`SignedCheckpoint::open`].
    pub fn open_note(note: Note, known: &[VerifierKey]) -> Result<Self, HeadError> {
        let checkpoint = Checkpoint::parse(note.text())?;
        let speaks = |key: &&VerifierKey| key.kind() == KeyKind::LogKey && key.name().as_str() == checkpoint.origin;
        let logs: Vec<VerifierKey> = known.iter().filter(speaks).cloned().collect();
        let mut verified = note.open(&logs)?;
        let mut failed: Vec<VerifierKey> = Vec::new();
        for key in known.iter().filter(|key| key.kind() == KeyKind::Cosigner) {
            let one = std::slice::from_ref(key);
            let mut newest = None;
            for line in note.signatures() {
                match verify_line(note.text(), line, one) {
                    Ok(signed) => newest = newest.max(signed.and_then(|(_, time)| time)),
                    Err(_) if failed.contains(key) => {}
                    Err(_) => failed.push(key.clone()),
                }
            }
            if newest.is_some() && verified.iter().all(|earlier| earlier.key != *key) {
                verified.push(Verified { key: key.clone(), time: newest });
            }
        }
        Ok(SignedCheckpoint { checkpoint, note, verified, failed })
    }

    /// Takes over the cosignatures of known witnesses and returns how many were new or newer than what was here.
    ///
    /// # Errors
    /// `BadSignature` if a line of a known witness fails, and `TooMany`: then nothing is taken over.
    pub fn merge(&mut self, lines: &[SignatureLine], witnesses: &[VerifierKey]) -> Result<usize, HeadError> {
        let mut merged = self.clone();
        let mut count = 0;
        for line in lines {
            // Only cosigners have a time.
            let Some((key, Some(time))) = verify_line(self.note.text(), line, witnesses)? else { continue };
            match merged.verified.iter_mut().find(|earlier| earlier.key == *key) {
                Some(earlier) if earlier.time >= Some(time) => continue,
                Some(earlier) => earlier.time = Some(time),
                None => merged.verified.push(Verified { key: key.clone(), time: Some(time) }),
            }
            merged.note.add(line.clone())?;
            count += 1;
        }
        *self = merged;
        Ok(count)
    }

    /// Returns what is vouched for.
    #[must_use]
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Returns the note, with the lines of unknown keys too.
    #[must_use]
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// Returns the log keys whose signatures were valid: at least one.
    pub fn log_keys(&self) -> impl Iterator<Item = &VerifierKey> {
        self.verified.iter().filter(|signer| signer.time.is_none()).map(|signer| &signer.key)
    }

    /// Returns the known witnesses under whose name a line stands that is not their signature. That line does not count;
    /// another line of theirs may.
    pub fn failed(&self) -> impl Iterator<Item = &VerifierKey> {
        self.failed.iter()
    }

    /// Returns the witnesses whose cosignatures were valid, and when each says it signed (seconds since 1970, UTC).
    pub fn cosigners(&self) -> impl Iterator<Item = (&VerifierKey, u64)> {
        self.verified.iter().filter_map(|signer| signer.time.map(|time| (&signer.key, time)))
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, self.root)?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::head::cosignature;
    use crate::keys::SigningKey;

    const TEXT: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    fn key(name: &str, kind: KeyKind, seed: u8) -> SignerKey {
        SignerKey::new(KeyName::new(name).unwrap(), kind, SigningKey::from_seed(&[seed; 32]))
    }

    #[test]
    fn the_example_of_the_specification_parses() {
        let checkpoint = Checkpoint::parse(TEXT).unwrap();
        assert_eq!((checkpoint.origin(), checkpoint.size().0), ("example.com/behind-the-sofa", 20_852_163));
        assert_eq!(checkpoint.to_string(), TEXT);
        let extended = format!("{TEXT}one\n two\n");
        assert_eq!(Checkpoint::parse(&extended).unwrap().extensions(), ["one", " two"]);
        assert_eq!(Checkpoint::parse(&extended).unwrap().to_string(), extended);
    }

    #[test]
    fn malformed_checkpoints_are_refused_with_the_line() {
        let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
        for (bad, at) in [
            (String::new(), 1),
            (format!("\n1\n{root}\n"), 1),
            ("a".to_owned(), 1),
            ("a\n".to_owned(), 2),
            (format!("a\n01\n{root}\n"), 2),
            (format!("a\n+1\n{root}\n"), 2),
            (format!("a\n-1\n{root}\n"), 2),
            (format!("a\n1 \n{root}\n"), 2),
            (format!("a\n9223372036854775808\n{root}\n"), 2),
            (format!("a\n1\n{root}"), 3),
            (format!("a\n1\n {root}\n"), 3),
            (format!("a\n1\n{}\n", root.replace('=', "")), 3),
            (format!("a\n1\n{root}\n\n"), 4),
            (format!("a\n1\n{root}\nx\n\ny\n"), 5),
            (format!("a\n1\n{root}\nx"), 4),
        ] {
            let refused = Checkpoint::parse(&bad);
            assert!(matches!(refused, Err(HeadError::Line { line, .. }) if line == at), "{bad:?} {refused:?}");
        }
        assert_eq!(Checkpoint::parse(&TEXT.replace('\n', "\r\n")), Err(HeadError::NotText));
    }

    #[test]
    fn only_a_log_key_named_after_the_origin_opens_a_checkpoint() {
        let log = key("nursery.example/ledger", KeyKind::LogKey, 1);
        let next = key("nursery.example/ledger", KeyKind::LogKey, 2);
        let checkpoint = Checkpoint::new(log.public().name(), TreeSize(3), Hash([7; 32]));
        let note = checkpoint.sign(&[&log, &next]).unwrap();
        let open = |known: &[&SignerKey]| {
            let known: Vec<_> = known.iter().map(|key| key.public().clone()).collect();
            SignedCheckpoint::open(note.to_string().as_bytes(), &known)
        };
        assert_eq!(open(&[&log, &next]).unwrap().log_keys().count(), 2);
        assert_eq!(open(&[&log]).unwrap().checkpoint(), &checkpoint);
        assert_eq!(open(&[&key("other.example", KeyKind::LogKey, 1)]), Err(HeadError::NotSigned));
        assert_eq!(checkpoint.sign(&[&key("other.example", KeyKind::LogKey, 1)]), Err(HeadError::WrongOrigin));

        // A key of another log, even with a valid signature on the note, does not speak for this origin.
        let other = key("other.example", KeyKind::LogKey, 5);
        let foreign = Note::sign(&checkpoint.to_string(), &[&other]).unwrap();
        let known = [other.public().clone()];
        assert_eq!(SignedCheckpoint::open(foreign.to_string().as_bytes(), &known), Err(HeadError::NotSigned));
        // Nor does a witness alone.
        let witness = key("witness.example", KeyKind::Cosigner, 6);
        let mut cosigned = foreign;
        cosigned.add(cosignature::sign(&checkpoint.to_string(), &witness, 5).unwrap()).unwrap();
        let known = [witness.public().clone()];
        assert_eq!(SignedCheckpoint::open(cosigned.to_string().as_bytes(), &known), Err(HeadError::NotSigned));
    }

    #[test]
    fn cosignatures_are_merged_once_verified() {
        let log = key("nursery.example/ledger", KeyKind::LogKey, 1);
        let (first, second) = (key("w1", KeyKind::Cosigner, 2), key("w2", KeyKind::Cosigner, 3));
        let known = [first.public().clone(), second.public().clone()];
        let checkpoint = Checkpoint::new(log.public().name(), TreeSize(3), Hash([7; 32]));
        let note = checkpoint.sign(&[&log]).unwrap();
        let mut signed = SignedCheckpoint::open_note(note, &[log.public().clone()]).unwrap();
        let line = |key: &SignerKey, time| cosignature::sign(&checkpoint.to_string(), key, time).unwrap();
        let unknown = line(&key("w3", KeyKind::Cosigner, 4), 1);

        assert_eq!(signed.merge(&[line(&first, 5), unknown], &known), Ok(1));
        assert_eq!(signed.merge(&[line(&first, 5), line(&first, 4)], &known), Ok(0));
        assert_eq!(signed.merge(&[line(&first, 6), line(&second, 7)], &known), Ok(2));
        assert_eq!(signed.note().signatures().len(), 3);
        let times: Vec<_> = signed.cosigners().map(|(key, time)| (key.name().as_str(), time)).collect();
        assert_eq!(times, [("w1", 6), ("w2", 7)]);

        let other = cosignature::sign("nursery.example/ledger\n4\n", &first, 9).unwrap();
        let before = signed.clone();
        assert!(matches!(signed.merge(&[line(&second, 8), other], &known), Err(HeadError::BadSignature { .. })));
        assert_eq!(signed, before);
        let all = [&[log.public().clone()][..], &known].concat();
        let reopened = SignedCheckpoint::open(signed.note().to_string().as_bytes(), &all).unwrap();
        assert_eq!(reopened.cosigners().count(), 2);
    }

    #[test]
    fn a_false_line_under_a_witness_name_does_not_count_and_refuses_nothing() {
        let log = key("nursery.example/ledger", KeyKind::LogKey, 1);
        let (first, second) = (key("w1", KeyKind::Cosigner, 2), key("w2", KeyKind::Cosigner, 3));
        let known = [&log, &first, &second].map(|key| key.public().clone());
        let checkpoint = Checkpoint::new(log.public().name(), TreeSize(3), Hash([7; 32]));
        let line = |text: &str, key: &SignerKey, time| cosignature::sign(text, key, time).unwrap();
        let (text, other) = (checkpoint.to_string(), "nursery.example/ledger\n4\n");
        let mut note = checkpoint.sign(&[&log]).unwrap();
        note.add(line(&text, &first, 5)).unwrap();
        note.add(line(other, &second, 6)).unwrap();
        let names = |keys: &mut dyn Iterator<Item = &VerifierKey>| {
            keys.map(|key| key.name().to_string()).collect::<Vec<_>>().join(" ")
        };
        let signed = SignedCheckpoint::open_note(note.clone(), &known).unwrap();
        assert_eq!(names(&mut signed.cosigners().map(|(key, _)| key)), "w1");
        assert_eq!(names(&mut signed.failed()), "w2");
        // Nor does it take away what a line before or behind it says.
        for (before, after) in [(other, text.as_str()), (text.as_str(), other)] {
            let lines = format!("{}\n{}\n", line(before, &first, 8), line(after, &first, 8));
            let twice = format!("{}{lines}", checkpoint.sign(&[&log]).unwrap());
            let signed = SignedCheckpoint::open(twice.as_bytes(), &known).unwrap();
            assert_eq!(signed.cosigners().map(|(_, time)| time).collect::<Vec<_>>(), [8]);
            assert_eq!(names(&mut signed.failed()), "w1");
        }
        // The log's own line speaks for the note: if it fails, or none is there, nothing else helps.
        let forged = Note::sign(other, &[&log]).unwrap().signatures()[0].to_string();
        let valid = checkpoint.sign(&[&log]).unwrap().signatures()[0].to_string();
        let failing = note.to_string().replace(&valid, &forged);
        let refused = SignedCheckpoint::open(failing.as_bytes(), &known);
        assert!(matches!(refused, Err(HeadError::BadSignature { .. })), "{refused:?}");
        let none = note.to_string().replace(&format!("{valid}\n"), "");
        assert_eq!(SignedCheckpoint::open(none.as_bytes(), &known), Err(HeadError::NotSigned));
    }

    proptest! {
        #[test]
        fn checkpoints_round_trip(origin in "[^+\\s\\pC]{1,40}", size in 0..=i64::MAX as u64, root: [u8; 32]) {
            let origin = KeyName::new(&origin).unwrap();
            let checkpoint = Checkpoint::new(&origin, TreeSize(size), Hash(root));
            prop_assert_eq!(Checkpoint::parse(&checkpoint.to_string()).unwrap(), checkpoint);
        }

        #[test]
        fn what_parses_is_printed_again(at in 0..TEXT.len(), with in "[ -~\n]", junk in "[a-z0-9=\n]{0,99}") {
            let altered = format!("{}{with}{}", &TEXT[..at], &TEXT[at + 1..]);
            for text in [altered, junk] {
                if let Ok(checkpoint) = Checkpoint::parse(&text) {
                    prop_assert_eq!(checkpoint.to_string(), text);
                }
            }
        }
    }
}
