//! Signed notes (C2SP signed-note): text, a blank line, and a line for each signature.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{HeadError, cosignature, text};
use crate::codec::NOTE_LIMIT;
use crate::keys::Signature;
use crate::keys::name::{KeyId, KeyKind, KeyName, SignerKey, VerifierKey};

/// Most signature lines in a note.
pub const SIGNATURE_LIMIT: usize = 64;

/// How a signature line begins: an em dash and a space.
const DASH: &str = "\u{2014} ";

/// A note with at least one signature line. That it parsed says nothing about whether any signature is valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<SignatureLine>,
}

/// One signature line: whose it claims to be, and bytes whose meaning the key decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureLine {
    name: KeyName,
    id: KeyId,
    bytes: Vec<u8>,
}

/// A known key whose signature on a note is valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The key.
    pub key: VerifierKey,
    /// For a cosigner: when it says it signed, in seconds since 1970 (UTC); the newest if it signed twice.
    pub time: Option<u64>,
}

impl Note {
    /// Signs a text with log keys.
    ///
    /// # Errors
    /// `NotText` or `Line` if the text has a control character or does not end in a line feed; `NotSigned` without keys;
    /// `Key` for a key of another kind; `TooMany`.
    pub fn sign(text: &str, keys: &[&SignerKey]) -> Result<Self, HeadError> {
        check_text(text)?;
        let mut note = Note { text: text.to_owned(), signatures: Vec::new() };
        for key in keys {
            if key.public().kind() != KeyKind::LogKey {
                return Err(crate::keys::KeyError::WrongKind.into());
            }
            note.add(SignatureLine::new(key.public(), key.sign(text.as_bytes())?.0.to_vec()))?;
        }
        if note.signatures.is_empty() { Err(HeadError::NotSigned) } else { Ok(note) }
    }

    /// Parses a note of at most [`NOTE_LIMIT`] bytes and [`SIGNATURE_LIMIT`] signature lines, exactly as
    /// [`Display`](fmt::Display) prints it.
    ///
    /// # Errors
    /// `TooMany`, `NotText` or `Line`.
    pub fn parse(bytes: &[u8]) -> Result<Self, HeadError> {
        let whole = text(bytes, NOTE_LIMIT)?;
        let total = whole.bytes().filter(|b| *b == b'\n').count();
        // The last blank line divides; the text keeps its own line feed.
        let divided = whole.rfind("\n\n").map(|at| whole.split_at(at + 1));
        let Some((text, lines)) = divided else {
            return Err(HeadError::Line { line: total + 1, wanted: "a blank line before signatures" });
        };
        let lines = lines.strip_prefix('\n').unwrap_or(lines);
        let before = text.bytes().filter(|b| *b == b'\n').count() + 1;
        Ok(Note { text: text.to_owned(), signatures: parse_lines(lines, before)? })
    }

    /// Returns the text that is signed, with its final line feed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the signature lines, of known and unknown keys alike.
    #[must_use]
    pub fn signatures(&self) -> &[SignatureLine] {
        &self.signatures
    }

    /// Adds a signature line at the end, in the place of earlier ones of the same name and id.
    ///
    /// Whether it is valid is for the caller to know.
    ///
    /// # Errors
    /// `TooMany` if the note would pass its limits, and then it is unchanged.
    pub fn add(&mut self, line: SignatureLine) -> Result<(), HeadError> {
        let stays = |other: &SignatureLine| (&other.name, other.id) != (&line.name, line.id);
        let kept: Vec<&SignatureLine> = self.signatures.iter().filter(|other| stays(other)).collect();
        if kept.len() >= SIGNATURE_LIMIT {
            return Err(HeadError::TooMany { what: "signatures", limit: SIGNATURE_LIMIT });
        }
        let lines = kept.iter().map(|line| line.length()).sum::<usize>() + line.length();
        if self.text.len() + 1 + lines > NOTE_LIMIT {
            return Err(HeadError::TooMany { what: "bytes", limit: NOTE_LIMIT });
        }
        self.signatures.retain(stays);
        self.signatures.push(line);
        Ok(())
    }

    /// Verifies the signature lines of the known keys and returns each known key that signed, once, in order of lines.
    ///
    /// Lines whose name and id are not known are ignored.
    ///
    /// # Errors
    /// `BadSignature` if any line of a known key fails: the whole note is refused; `NotSigned` if no known key signed;
    /// `Ambiguous` if a line fits two different known keys.
    pub fn open(&self, known: &[VerifierKey]) -> Result<Vec<Verified>, HeadError> {
        let mut verified: Vec<Verified> = Vec::new();
        for line in &self.signatures {
            let Some((key, time)) = verify_line(&self.text, line, known)? else { continue };
            match verified.iter_mut().find(|earlier| earlier.key == *key) {
                Some(earlier) => earlier.time = earlier.time.max(time),
                None => verified.push(Verified { key: key.clone(), time }),
            }
        }
        if verified.is_empty() { Err(HeadError::NotSigned) } else { Ok(verified) }
    }
}

impl SignatureLine {
    /// Names signature bytes after their key; [`Note::sign`] and [`cosignature::sign`] make the bytes.
    pub(super) fn new(key: &VerifierKey, bytes: Vec<u8>) -> Self {
        SignatureLine { name: key.name().clone(), id: key.id(), bytes }
    }

    /// Parses one line without its line feed, exactly as [`Display`](fmt::Display) prints it.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        if line.len() > NOTE_LIMIT {
            return None;
        }
        let (name, digits) = line.strip_prefix(DASH)?.split_once(' ')?;
        let decoded = STANDARD.decode(digits).ok()?;
        let (id, bytes) = decoded.split_first_chunk::<4>()?;
        if bytes.is_empty() {
            return None;
        }
        Some(SignatureLine { name: KeyName::new(name).ok()?, id: KeyId(*id), bytes: bytes.to_vec() })
    }

    /// Returns the name of the key that the line claims.
    #[must_use]
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// Returns the id of the key that the line claims.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Returns the signature bytes after the key id.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns how many bytes the line takes, with its line feed.
    fn length(&self) -> usize {
        DASH.len() + self.name.as_str().len() + 1 + (self.bytes.len() + 4).div_ceil(3) * 4 + 1
    }
}

/// Verifies one line over a note's text if it names a known key, and returns the key and, for a cosigner, the time.
///
/// # Errors
/// `BadSignature` or `Ambiguous`.
pub(super) fn verify_line<'k>(
    text: &str,
    line: &SignatureLine,
    known: &'k [VerifierKey],
) -> Result<Option<(&'k VerifierKey, Option<u64>)>, HeadError> {
    let mut fitting = known.iter().filter(|key| (key.name(), key.id()) == (&line.name, line.id));
    let Some(key) = fitting.next() else { return Ok(None) };
    if fitting.any(|other| other != key) {
        return Err(HeadError::Ambiguous { name: line.name.clone(), id: line.id });
    }
    let bad = || HeadError::BadSignature { name: line.name.clone(), id: line.id };
    let time = match key.kind() {
        KeyKind::LogKey => {
            let signature = Signature(line.bytes.as_slice().try_into().map_err(|_| bad())?);
            key.key().verify(text.as_bytes(), &signature).map_err(|_| bad())?;
            None
        }
        KeyKind::Cosigner => Some(cosignature::verify(text, key, line).map_err(|_| bad())?),
    };
    Ok(Some((key, time)))
}

/// Parses signature lines, each ended by a line feed; at least one; `before` lines of other text stand above them.
pub(super) fn parse_lines(text: &str, before: usize) -> Result<Vec<SignatureLine>, HeadError> {
    let wrong = |at: usize| HeadError::Line { line: before + at + 1, wanted: "a signature line" };
    let mut lines = Vec::new();
    for (at, line) in text.split_inclusive('\n').enumerate() {
        if at >= SIGNATURE_LIMIT {
            return Err(HeadError::TooMany { what: "signatures", limit: SIGNATURE_LIMIT });
        }
        let line = line.strip_suffix('\n').and_then(SignatureLine::parse);
        lines.push(line.ok_or_else(|| wrong(at))?);
    }
    if lines.is_empty() { Err(wrong(0)) } else { Ok(lines) }
}

fn check_text(own: &str) -> Result<(), HeadError> {
    text(own.as_bytes(), NOTE_LIMIT)?;
    if own.ends_with('\n') {
        return Ok(());
    }
    Err(HeadError::Line { line: own.bytes().filter(|b| *b == b'\n').count() + 1, wanted: "ended by a line feed" })
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl fmt::Display for SignatureLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{DASH}{} {}", self.name, STANDARD.encode([&self.id.0[..], &self.bytes].concat()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keys::{KeyError, SigningKey};

    /// The example note and key of C2SP signed-note.
    const SPEC_KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    const SPEC_NOTE: &str = "This is an example message.\n\n\u{2014} example.com/foo \
        Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

    fn key(name: &str, kind: KeyKind, seed: u8) -> SignerKey {
        SignerKey::new(KeyName::new(name).unwrap(), kind, SigningKey::from_seed(&[seed; 32]))
    }

    fn signed(text: &str, keys: &[&SignerKey]) -> Note {
        Note::sign(text, keys).unwrap()
    }

    #[test]
    fn the_example_of_the_specification_opens() {
        let note = Note::parse(SPEC_NOTE.as_bytes()).unwrap();
        let known = VerifierKey::parse(SPEC_KEY).unwrap();
        assert_eq!(note.text(), "This is an example message.\n");
        assert_eq!(note.to_string(), SPEC_NOTE);
        assert_eq!(note.open(std::slice::from_ref(&known)), Ok(vec![Verified { key: known, time: None }]));
    }

    #[test]
    fn unknown_lines_are_ignored_and_a_known_one_that_fails_refuses_the_note() {
        let (ours, theirs) = (key("a", KeyKind::LogKey, 1), key("b", KeyKind::LogKey, 2));
        let note = signed("text\n", &[&ours, &theirs]);
        let opened = note.open(&[ours.public().clone()]).unwrap();
        assert_eq!(opened.len(), 1);
        assert_eq!(note.open(&[key("a", KeyKind::LogKey, 3).public().clone()]), Err(HeadError::NotSigned));
        assert_eq!(note.open(&[]), Err(HeadError::NotSigned));

        let forged = note.to_string().replace("text", "test");
        let forged = Note::parse(forged.as_bytes()).unwrap();
        let bad = HeadError::BadSignature { name: ours.public().name().clone(), id: ours.public().id() };
        assert_eq!(forged.open(&[ours.public().clone()]), Err(bad));

        // One good line of ours does not make up for a bad one, be it of another known key or of the same.
        for other in [&ours, &theirs] {
            let mut mixed = signed("text\n", &[&ours]);
            mixed.signatures.push(SignatureLine::new(other.public(), vec![0; 64]));
            assert!(matches!(
                mixed.open(&[ours.public().clone(), theirs.public().clone()]),
                Err(HeadError::BadSignature { .. })
            ));
        }
    }

    #[test]
    fn signatures_of_another_length_fail() {
        let ours = key("a", KeyKind::LogKey, 1);
        for length in [1, 63, 65, 72] {
            let mut note = signed("text\n", &[&ours]);
            note.signatures[0].bytes.resize(length, 0);
            assert!(matches!(note.open(&[ours.public().clone()]), Err(HeadError::BadSignature { .. })));
        }
    }

    #[test]
    fn the_same_key_counts_once() {
        let ours = key("a", KeyKind::LogKey, 1);
        let mut note = signed("text\n", &[&ours]);
        note.signatures.push(note.signatures[0].clone());
        let known = [ours.public().clone(), ours.public().clone()];
        assert_eq!(note.open(&known).unwrap().len(), 1);
        assert_eq!(Note::parse(note.to_string().as_bytes()), Ok(note));
    }

    #[test]
    fn two_different_known_keys_of_one_name_and_id_are_ambiguous() {
        let (ours, other) = (key("a", KeyKind::LogKey, 1), key("a", KeyKind::LogKey, 2));
        let note = signed("text\n", &[&ours]);
        let twin = other.public().clone().under_id_of(ours.public());
        let ambiguous = HeadError::Ambiguous { name: twin.name().clone(), id: twin.id() };
        assert_eq!(note.open(&[ours.public().clone(), twin.clone()]), Err(ambiguous));
        // Alone, the twin is a known key whose signature fails.
        assert!(matches!(note.open(&[twin]), Err(HeadError::BadSignature { .. })));
        assert_eq!(note.open(&[ours.public().clone(), other.public().clone()]).unwrap().len(), 1);
    }

    #[test]
    fn adding_replaces_the_line_of_the_same_key_and_keeps_to_the_limits() {
        let ours = key("a", KeyKind::LogKey, 1);
        let mut note = signed("text\n", &[&ours]);
        note.add(note.signatures[0].clone()).unwrap();
        assert_eq!(note.signatures().len(), 1);
        for seed in 1..64 {
            note.add(SignatureLine::new(key("b", KeyKind::LogKey, seed).public(), vec![seed; 64])).unwrap();
        }
        let one_more = SignatureLine::new(key("c", KeyKind::LogKey, 1).public(), vec![1; 64]);
        assert!(matches!(note.add(one_more.clone()), Err(HeadError::TooMany { limit: 64, .. })));
        assert_eq!(note.signatures().len(), 64);
        assert_eq!(Note::parse(note.to_string().as_bytes()).as_ref(), Ok(&note));
        let too_many = format!("{note}{one_more}\n");
        assert!(matches!(Note::parse(too_many.as_bytes()), Err(HeadError::TooMany { limit: 64, .. })));

        let mut long = signed("text\n", &[&ours]);
        let big = SignatureLine::new(key("c", KeyKind::LogKey, 1).public(), vec![1; NOTE_LIMIT / 4 * 3 - 200]);
        long.add(big).unwrap();
        assert!(long.to_string().len() <= NOTE_LIMIT);
        let before = long.clone();
        let more = SignatureLine::new(key("d", KeyKind::LogKey, 1).public(), vec![1; 200]);
        assert!(matches!(long.add(more), Err(HeadError::TooMany { limit: NOTE_LIMIT, .. })));
        assert_eq!(long, before);
        assert_eq!(long.signatures.iter().map(SignatureLine::length).sum::<usize>() + 6, long.to_string().len());
    }

    #[test]
    fn malformed_notes_are_refused_with_the_line() {
        let line = signed("t\n", &[&key("a", KeyKind::LogKey, 1)]).signatures[0].to_string();
        for (bad, at) in [
            (String::new(), 1),
            ("text\n".to_owned(), 2),
            (format!("text\n{line}\n"), 3),
            ("text\n\n".to_owned(), 3),
            (format!("text\n\n{line}"), 3),
            (format!("text\n\n{line}\n\n"), 5),
            (format!("text\n\n{line}\nx\n"), 4),
            (format!("text\n\n{line}\n {line}\n"), 4),
            (format!("text\n\n{}\n", line.replace("a ", "a  ")), 3),
            (format!("text\n\n{}\n", line.replace("a ", "a+ ")), 3),
            (format!("text\n\n{}\n", line.replace('\u{2014}', "-")), 3),
            (format!("text\n\n{line}=\n"), 3),
            (format!("text\n\n{DASH}a AAAAAA==\n"), 3),
            (format!("text\n\n{DASH}a AAAAAAB=\n"), 3),
        ] {
            let refused = Note::parse(bad.as_bytes());
            assert!(matches!(refused, Err(HeadError::Line { line, .. }) if line == at), "{bad:?} {refused:?}");
        }
        assert_eq!(Note::parse(format!("te\rxt\n\n{line}\n").as_bytes()), Err(HeadError::NotText));
        assert_eq!(Note::parse(b"te\xffxt\n\n"), Err(HeadError::NotText));
        assert_eq!(
            Note::parse(&vec![b'a'; NOTE_LIMIT + 1]),
            Err(HeadError::TooMany { what: "bytes", limit: NOTE_LIMIT })
        );
        let unended = Note::sign("text", &[&key("a", KeyKind::LogKey, 1)]);
        assert_eq!(unended, Err(HeadError::Line { line: 1, wanted: "ended by a line feed" }));
        assert_eq!(Note::sign("text\n", &[]), Err(HeadError::NotSigned));
        let cosigner = Note::sign("text\n", &[&key("a", KeyKind::Cosigner, 1)]);
        assert_eq!(cosigner, Err(HeadError::Key(KeyError::WrongKind)));
    }

    #[test]
    fn the_last_blank_line_divides() {
        let ours = key("a", KeyKind::LogKey, 1);
        for text in ["\n", "\n\n", "a\n\n\n", "a\n\nb\n", "a\n\n\u{2014} x AAAAAAA=\n"] {
            let note = signed(text, &[&ours]);
            let read = Note::parse(note.to_string().as_bytes()).unwrap();
            assert_eq!((read.text(), read.signatures().len()), (text, 1));
        }
    }

    proptest! {
        #[test]
        fn notes_round_trip(text in "([ -~\u{e9}]{0,20}\n){1,5}", seeds in proptest::collection::vec(0u8..9, 1..5)) {
            let keys: Vec<_> = seeds.iter().map(|seed| key("some.example/log", KeyKind::LogKey, *seed)).collect();
            let note = signed(&text, &keys.iter().collect::<Vec<_>>());
            prop_assert_eq!(Note::parse(note.to_string().as_bytes()).unwrap(), note.clone());
            let known: Vec<_> = keys.iter().map(|key| key.public().clone()).collect();
            prop_assert_eq!(note.open(&known).unwrap().len(), note.signatures().len());
        }

        #[test]
        fn what_parses_is_printed_again(at in 0..SPEC_NOTE.len(), with: u8, junk: Vec<u8>, cut in 0..SPEC_NOTE.len()) {
            let mut altered = SPEC_NOTE.as_bytes().to_vec();
            altered[at] = with;
            for bytes in [&altered, &junk, &SPEC_NOTE.as_bytes()[..cut].to_vec()] {
                if let Ok(note) = Note::parse(bytes) {
                    let again = note.to_string();
                    prop_assert_eq!(again.as_bytes(), &bytes[..]);
                    let known = [VerifierKey::parse(SPEC_KEY).unwrap()];
                    prop_assert!(note.open(&known).is_err() || bytes == SPEC_NOTE.as_bytes());
                }
            }
        }
    }
}
