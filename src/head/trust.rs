//! Trust files (C2SP tlog-policy): which logs and witnesses a verifier knows, and how many must have cosigned.
//!
//! A trust file belongs to the verifier, never to the ledger that is verified. It is written by hand, so white space
//! and comments are free; all else is strict. Narrower than the specification in two things: names and addresses must
//! be UTF-8, and a key stands in one line only, be it a log's or a witness's (one key, one role).
// Long because: a small language, its strict parser and its table of faults.

use std::fmt;

use super::HeadError;
use super::checkpoint::SignedCheckpoint;
use super::note::Note;
use crate::keys::KeyError;
use crate::keys::name::{KeyKind, VerifierKey};
use crate::tree::parse_decimal;

/// Largest trust file in bytes.
pub const TRUST_LIMIT: usize = 1 << 16;

/// Why a trust file was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// More than [`TRUST_LIMIT`] bytes.
    #[error("more than {TRUST_LIMIT} bytes")]
    TooLong,
    /// A line that cannot be accepted.
    #[error("line {line}: {fault}")]
    Line {
        /// From 1.
        line: usize,
        /// What is wrong with it.
        fault: TrustFault,
    },
    /// No quorum line.
    #[error("there is no quorum line")]
    NoQuorum,
}

/// What is wrong with a line of a trust file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TrustFault {
    /// A control character (a carriage return is one), or text that is not UTF-8.
    #[error("not plain text")]
    NotText,
    /// The last line does not end in a line feed: the file may be cut short.
    #[error("not ended by a line feed")]
    Unended,
    /// Not log, witness, group or quorum, or too few or too many words after it.
    #[error("not a log, witness, group or quorum line")]
    Form,
    /// A key that does not parse, is weak, or cannot be used in this role.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A key that already stands in another line.
    #[error("the key stands in an earlier line")]
    KeyTwice,
    /// A name that is already defined, or `none`.
    #[error("the name is taken")]
    NameTaken,
    /// A name that no line above defines.
    #[error("the name is not defined above")]
    Unknown,
    /// A name that already is a member of a group: it would count twice.
    #[error("the name is already a member of a group")]
    MemberTwice,
    /// Neither `all`, `any` nor a number from 1 to the number of members.
    #[error("not a threshold that the group can reach")]
    Threshold,
    /// A second quorum line.
    #[error("a second quorum line")]
    QuorumTwice,
}

/// Whom a verifier trusts. Two are equal if they mean the same in the same order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    logs: Vec<Log>,
    /// Witnesses and groups, in the order of their definition.
    named: Vec<Named>,
    /// None: no cosignature is needed.
    quorum: Option<usize>,
}

/// A log that a verifier knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Its key, named after its origin.
    pub key: VerifierKey,
    /// Where it can be reached, as written.
    pub url: Option<String>,
}

/// A witness that a verifier knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// Its cosigner key.
    pub key: VerifierKey,
    /// Where it can be reached, as written: the submission prefix of tlog-witness.
    pub url: Option<String>,
}

/// A name in a trust file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    name: String,
    rule: Rule,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    Witness(Box<Witness>),
    /// At least so many of these members, which all stand above.
    Group {
        threshold: usize,
        members: Vec<usize>,
    },
}

impl Trust {
    /// Trusts one log and needs no cosignatures: what a new ledger starts with.
    ///
    /// # Errors
    /// `WrongKind` for a cosigner's key.
    pub fn of_log(key: VerifierKey) -> Result<Self, KeyError> {
        if key.kind() != KeyKind::LogKey {
            return Err(KeyError::WrongKind);
        }
        Ok(Trust { logs: vec![Log { key, url: None }], named: Vec::new(), quorum: None })
    }

    /// Parses a trust file of at most [`TRUST_LIMIT`] bytes.
    ///
    /// # Errors
    /// The first line that cannot be accepted, and why.
    pub fn parse(bytes: &[u8]) -> Result<Self, TrustError> {
        if bytes.len() > TRUST_LIMIT {
            return Err(TrustError::TooLong);
        }
        let mut reading = Reading::default();
        for (line, number) in bytes.split_inclusive(|b| *b == b'\n').zip(1..) {
            reading.line(line).map_err(|fault| TrustError::Line { line: number, fault })?;
        }
        let Some(quorum) = reading.quorum else { return Err(TrustError::NoQuorum) };
        Ok(Trust { logs: reading.logs, named: reading.named, quorum })
    }

    /// Tells whether witnesses of these names, whose cosignatures were verified, are enough. Other names count nothing.
    #[must_use]
    pub fn quorum_met(&self, verified: &[&str]) -> bool {
        let mut met: Vec<bool> = Vec::with_capacity(self.named.len());
        for named in &self.named {
            met.push(match &named.rule {
                Rule::Witness(_) => verified.contains(&named.name.as_str()),
                Rule::Group { threshold, members } => {
                    members.iter().filter(|member| met.get(**member) == Some(&true)).count() >= *threshold
                }
            });
        }
        self.quorum.is_none_or(|at| met.get(at) == Some(&true))
    }

    /// Tells whether a quorum is asked for at all (`quorum none` does not).
    #[must_use]
    pub fn needs_witnesses(&self) -> bool {
        self.quorum.is_some()
    }

    /// Returns the logs.
    #[must_use]
    pub fn logs(&self) -> &[Log] {
        &self.logs
    }

    /// Returns the witnesses with their names, in the order of the file.
    pub fn witnesses(&self) -> impl Iterator<Item = (&str, &Witness)> {
        self.named.iter().filter_map(|named| match &named.rule {
            Rule::Witness(witness) => Some((named.name.as_str(), &**witness)),
            Rule::Group { .. } => None,
        })
    }

    /// Returns every key of the file, logs first, for [`SignedCheckpoint::open`].
    #[must_use]
    pub fn keys(&self) -> Vec<VerifierKey> {
        let logs = self.logs.iter().map(|log| log.key.clone());
        logs.chain(self.witnesses().map(|(_, witness)| witness.key.clone())).collect()
    }

    /// Opens a checkpoint's note with every key of the file. Whether the quorum is met is asked of [`Trust::cosigned`].
    ///
    /// # Errors
    /// As [`SignedCheckpoint::open`].
    pub fn open(&self, note: &[u8]) -> Result<SignedCheckpoint, HeadError> {
        SignedCheckpoint::open_note(Note::parse(note)?, &self.keys())
    }

    /// Returns the names of this file's witnesses among the cosigners of a checkpoint, and when each says it signed
    /// (seconds since 1970, UTC).
    #[must_use]
    pub fn cosigners(&self, signed: &SignedCheckpoint) -> Vec<(&str, u64)> {
        let time = |key: &VerifierKey| signed.cosigners().find(|(signer, _)| *signer == key).map(|(_, time)| time);
        self.witnesses().filter_map(|(name, witness)| Some((name, time(&witness.key)?))).collect()
    }

    /// Tells whether the quorum of this file cosigned a checkpoint.
    #[must_use]
    pub fn cosigned(&self, signed: &SignedCheckpoint) -> bool {
        let names: Vec<&str> = self.cosigners(signed).into_iter().map(|(name, _)| name).collect();
        self.quorum_met(&names)
    }
}

/// A trust file of which some lines were read.
#[derive(Default)]
struct Reading {
    logs: Vec<Log>,
    named: Vec<Named>,
    members: Vec<usize>,
    quorum: Option<Option<usize>>,
}

impl Reading {
    fn line(&mut self, line: &[u8]) -> Result<(), TrustFault> {
        let line = line.strip_suffix(b"\n").ok_or(TrustFault::Unended)?;
        if line.iter().any(|b| (*b < 0x20 && *b != b'\t') || *b == 0x7f) {
            return Err(TrustFault::NotText);
        }
        let blank = |b: &u8| *b == b' ' || *b == b'\t';
        // A comment need not be UTF-8: nothing is read from it.
        if line.iter().find(|b| !blank(b)).is_none_or(|b| *b == b'#') {
            return Ok(());
        }
        let line = std::str::from_utf8(line).map_err(|_| TrustFault::NotText)?;
        let words: Vec<&str> = line.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
        match words[..] {
            ["log", key] => self.log(key, None),
            ["log", key, url] => self.log(key, Some(url)),
            ["witness", name, key] => self.witness(name, key, None),
            ["witness", name, key, url] => self.witness(name, key, Some(url)),
            ["group", name, threshold, ref members @ ..] if !members.is_empty() => self.group(name, threshold, members),
            ["quorum", name] => self.quorum(name),
            _ => Err(TrustFault::Form),
        }
    }

    fn log(&mut self, key: &str, url: Option<&str>) -> Result<(), TrustFault> {
        let key = self.key(key, KeyKind::LogKey)?;
        self.logs.push(Log { key, url: url.map(str::to_owned) });
        Ok(())
    }

    fn witness(&mut self, name: &str, key: &str, url: Option<&str>) -> Result<(), TrustFault> {
        let key = self.key(key, KeyKind::Cosigner)?;
        self.define(name, Rule::Witness(Box::new(Witness { key, url: url.map(str::to_owned) })))
    }

    fn group(&mut self, name: &str, threshold: &str, members: &[&str]) -> Result<(), TrustFault> {
        let mut found = Vec::with_capacity(members.len());
        for member in members {
            let at = self.find(member)?;
            // Once in the whole file, so that no witness counts twice by way of two groups.
            if self.members.contains(&at) {
                return Err(TrustFault::MemberTwice);
            }
            self.members.push(at);
            found.push(at);
        }
        let threshold = match threshold {
            "all" => members.len(),
            "any" => 1,
            number => parse_decimal(number).and_then(|k| usize::try_from(k).ok()).ok_or(TrustFault::Threshold)?,
        };
        if threshold == 0 || threshold > members.len() {
            return Err(TrustFault::Threshold);
        }
        self.define(name, Rule::Group { threshold, members: found })
    }

    fn quorum(&mut self, name: &str) -> Result<(), TrustFault> {
        if self.quorum.is_some() {
            return Err(TrustFault::QuorumTwice);
        }
        self.quorum = Some(if name == "none" { None } else { Some(self.find(name)?) });
        Ok(())
    }

    /// Parses a key of the right kind that no line above holds, under whatever name.
    fn key(&self, text: &str, kind: KeyKind) -> Result<VerifierKey, TrustFault> {
        let key = VerifierKey::parse(text)?;
        if key.kind() != kind {
            return Err(KeyError::WrongKind.into());
        }
        let witness_keys = self.named.iter().filter_map(|named| match &named.rule {
            Rule::Witness(witness) => Some(&witness.key),
            Rule::Group { .. } => None,
        });
        let mut known = self.logs.iter().map(|log| &log.key).chain(witness_keys);
        if known.any(|other| other.key() == key.key()) { Err(TrustFault::KeyTwice) } else { Ok(key) }
    }

    fn define(&mut self, name: &str, rule: Rule) -> Result<(), TrustFault> {
        if name == "none" || self.find(name).is_ok() {
            return Err(TrustFault::NameTaken);
        }
        self.named.push(Named { name: name.to_owned(), rule });
        Ok(())
    }

    fn find(&self, name: &str) -> Result<usize, TrustFault> {
        self.named.iter().position(|named| named.name == name).ok_or(TrustFault::Unknown)
    }
}

impl fmt::Display for Trust {
    /// Prints the file without comments, with one space between words and thresholds as numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |at: usize| self.named.get(at).map_or("none", |named| named.name.as_str());
        let url = |url: &Option<String>| url.as_ref().map_or(String::new(), |url| format!(" {url}"));
        for log in &self.logs {
            writeln!(f, "log {}{}", log.key, url(&log.url))?;
        }
        for named in &self.named {
            match &named.rule {
                Rule::Witness(witness) => {
                    writeln!(f, "witness {} {}{}", named.name, witness.key, url(&witness.url))?;
                }
                Rule::Group { threshold, members } => {
                    write!(f, "group {} {threshold}", named.name)?;
                    members.iter().try_for_each(|member| write!(f, " {}", name(*member)))?;
                    writeln!(f)?;
                }
            }
        }
        writeln!(f, "quorum {}", self.quorum.map_or("none", name))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::head::checkpoint::Checkpoint;
    use crate::head::cosignature;
    use crate::keys::SigningKey;
    use crate::keys::name::{KeyName, SignerKey};
    use crate::tree::{EMPTY_ROOT, TreeSize};

    fn signer(name: &str, kind: KeyKind, seed: u8) -> SignerKey {
        SignerKey::new(KeyName::new(name).unwrap(), kind, SigningKey::from_seed(&[seed; 32]))
    }

    fn log(seed: u8) -> String {
        signer("nursery.example/ledger", KeyKind::LogKey, seed).public().to_string()
    }

    fn witness(seed: u8) -> String {
        signer(&format!("w{seed}.example"), KeyKind::Cosigner, seed).public().to_string()
    }

    /// The example of C2SP tlog-policy: two of X and one of Y.
    fn example() -> String {
        let mut text = format!("# whom we trust\n\n \t log {} https://nursery.example/\n", log(1));
        for (at, name) in ["X1", "X2", "X3", "Y1", "Y2", "Y3"].iter().enumerate() {
            text += &format!("witness {name} {}\n", witness(at as u8 + 10));
        }
        text + "group X 2 X1 X2 X3\ngroup Y any Y1 Y2 Y3\ngroup\tall all  X Y \nquorum all\n"
    }

    #[test]
    fn quorums_count_as_the_example_of_the_specification_says() {
        let trust = Trust::parse(example().as_bytes()).unwrap();
        for (names, met) in [
            (&["X1", "X2", "Y1"][..], true),
            (&["X1", "X2", "X3", "Y1", "Y2", "Y3"], true),
            (&["X1", "Y1"], false),
            (&["X1", "X1", "Y1"], false),
            (&["X1", "X2"], false),
            (&["X", "Y"], false),
            (&["all"], false),
            (&["Z", "x1", "X2", "Y1"], false),
            (&[], false),
        ] {
            assert_eq!(trust.quorum_met(names), met, "{names:?}");
        }
        assert_eq!(trust.logs().len(), 1);
        assert_eq!(trust.logs()[0].url.as_deref(), Some("https://nursery.example/"));
        assert_eq!(trust.witnesses().map(|(name, _)| name).collect::<Vec<_>>(), ["X1", "X2", "X3", "Y1", "Y2", "Y3"]);
        assert_eq!(trust.keys().len(), 7);
    }

    #[test]
    fn a_printed_file_means_the_same() {
        let trust = Trust::parse(example().as_bytes()).unwrap();
        let printed = trust.to_string();
        assert_eq!(Trust::parse(printed.as_bytes()), Ok(trust));
        assert_eq!(Trust::parse(printed.as_bytes()).unwrap().to_string(), printed);
        let fresh = Trust::of_log(VerifierKey::parse(&log(1)).unwrap()).unwrap();
        assert_eq!(fresh.to_string(), format!("log {}\nquorum none\n", log(1)));
        assert!(fresh.quorum_met(&[]) && !fresh.needs_witnesses());
        assert!(Trust::of_log(VerifierKey::parse(&witness(1)).unwrap()).is_err());
    }

    #[test]
    fn each_fault_is_named_with_its_line() {
        let (one, two) = (witness(1), witness(2));
        let same_key = signer("other.example", KeyKind::Cosigner, 1).public().to_string();
        let base = format!("witness a {one}\nwitness b {two}\n");
        for (lines, fault) in [
            ("quorum none", TrustFault::Unended),
            ("quorum none\r\n", TrustFault::NotText),
            ("quorum \u{7f}\n", TrustFault::NotText),
            ("quorum\n", TrustFault::Form),
            ("quorum a b\n", TrustFault::Form),
            ("Quorum a\n", TrustFault::Form),
            ("quorum a # why\n", TrustFault::Form),
            ("quorum c\n", TrustFault::Unknown),
            ("group g any\n", TrustFault::Form),
            ("group g any c\n", TrustFault::Unknown),
            ("group g any none\n", TrustFault::Unknown),
            ("group g any g\n", TrustFault::Unknown),
            ("group g 0 a\n", TrustFault::Threshold),
            ("group g 3 a b\n", TrustFault::Threshold),
            ("group g 01 a b\n", TrustFault::Threshold),
            ("group g some a b\n", TrustFault::Threshold),
            ("group a any b\n", TrustFault::NameTaken),
            ("group none any b\n", TrustFault::NameTaken),
            ("group g any a a\n", TrustFault::MemberTwice),
            (&format!("witness a {}\n", witness(3)), TrustFault::NameTaken),
            (&format!("witness none {}\n", witness(3)), TrustFault::NameTaken),
            (&format!("witness c {one}\n"), TrustFault::KeyTwice),
            (&format!("witness c {same_key}\n"), TrustFault::KeyTwice),
            (&format!("log {}\n", log(1)), TrustFault::KeyTwice),
            (&format!("log {one}\n"), TrustFault::Key(KeyError::WrongKind)),
            (&format!("witness c {}\n", log(3)), TrustFault::Key(KeyError::WrongKind)),
            ("log x\n", TrustFault::Key(KeyError::BadText)),
            (&format!("log {} u v\n", log(3)), TrustFault::Form),
        ] {
            let refused = Trust::parse(format!("{base}{lines}").as_bytes());
            assert_eq!(refused, Err(TrustError::Line { line: 3, fault }), "{lines:?}");
        }
        let later = |lines: &str| Trust::parse(format!("{base}{lines}").as_bytes());
        let fifth = |fault| Err(TrustError::Line { line: 5, fault });
        assert_eq!(later("group g any a\nquorum g\nquorum g\n"), fifth(TrustFault::QuorumTwice));
        assert_eq!(later("group g any a\nquorum g\ngroup h any a b\n"), fifth(TrustFault::MemberTwice));
        assert_eq!(later(""), Err(TrustError::NoQuorum));
        assert_eq!(Trust::parse(&vec![b'#'; TRUST_LIMIT + 1]), Err(TrustError::TooLong));
        assert_eq!(
            Trust::parse(b"# caf\xe9\nwitness caf\xe9 x\n"),
            Err(TrustError::Line { line: 2, fault: TrustFault::NotText })
        );
    }

    #[test]
    fn a_witness_in_the_log_key_s_place_or_unverified_does_not_count() {
        let text =
            format!("log {}\nwitness a {}\nwitness b {}\ngroup g all a b\nquorum g\n", log(1), witness(2), witness(3));
        let trust = Trust::parse(text.as_bytes()).unwrap();
        let ledger = signer("nursery.example/ledger", KeyKind::LogKey, 1);
        let checkpoint = Checkpoint::new(ledger.public().name(), TreeSize(0), EMPTY_ROOT);
        let mut note = checkpoint.sign(&[&ledger]).unwrap();
        let cosign = |seed, time| {
            let witness = signer(&format!("w{seed}.example"), KeyKind::Cosigner, seed);
            cosignature::sign(&checkpoint.to_string(), &witness, time).unwrap()
        };
        note.add(cosign(2, 100)).unwrap();
        note.add(cosign(4, 300)).unwrap();
        let signed = trust.open(note.to_string().as_bytes()).unwrap();
        assert_eq!(trust.cosigners(&signed), [("a", 100)]);
        assert!(!trust.cosigned(&signed));
        note.add(cosign(3, 200)).unwrap();
        let signed = trust.open(note.to_string().as_bytes()).unwrap();
        assert_eq!(trust.cosigners(&signed), [("a", 100), ("b", 200)]);
        assert!(trust.cosigned(&signed));
    }

    #[test]
    fn thirty_two_of_each_are_read() {
        let mut text = String::new();
        for seed in 0..32 {
            text += &format!("log {}\nwitness w{seed} {}\ngroup g{seed} any w{seed}\n", log(seed + 100), witness(seed));
        }
        assert!(Trust::parse((text + "quorum g31\n").as_bytes()).unwrap().quorum_met(&["w31"]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            at in 0usize..1200,
            with: u8,
            junk: Vec<u8>,
            words in "((log|group|any|a|b|1|quorum|none) ){0,6}\n",
        ) {
            let mut altered = example().into_bytes();
            let length = altered.len();
            altered[at % length] = with;
            for bytes in [altered, junk, words.into_bytes()] {
                if let Ok(trust) = Trust::parse(&bytes) {
                    prop_assert_eq!(Trust::parse(trust.to_string().as_bytes()), Ok(trust));
                }
            }
        }
    }
}
