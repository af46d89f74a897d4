//! Receipts (C2SP tlog-proof, `.tlog-proof`): an entry number, its inclusion proof and the checkpoint it leads to.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::checkpoint::{Checkpoint, SignedCheckpoint};
use super::note::Note;
use super::{HeadError, text};
use crate::codec::{NOTE_LIMIT, STRUCTURE_LIMIT};
use crate::keys::name::VerifierKey;
use crate::tree::{EntryNumber, Hash, PROOF_LIMIT, check_inclusion, leaf_hash};

/// Most bytes of extra data in a receipt: room for an envelope, a statement and its signature.
pub const EXTRA_LIMIT: usize = STRUCTURE_LIMIT;
/// Largest text of a receipt in bytes.
pub const RECEIPT_LIMIT: usize = NOTE_LIMIT + EXTRA_LIMIT.div_ceil(3) * 4 + PROOF_LIMIT * 45 + 128;

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// What an author keeps: proof that an entry stands under a number, once [`Receipt::check`] says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    extra: Option<Vec<u8>>,
    number: EntryNumber,
    proof: Vec<Hash>,
    note: Note,
}

impl Receipt {
    /// Puts a receipt together. `extra` is for the holder's convenience; no signature covers it.
    ///
    /// # Errors
    /// `TooMany` for more than [`PROOF_LIMIT`] hashes or [`EXTRA_LIMIT`] bytes; `Line` for extra data of no bytes; as
    /// [`Checkpoint::parse`] if the note is no checkpoint.
    pub fn new(number: EntryNumber, proof: Vec<Hash>, note: Note, extra: Option<Vec<u8>>) -> Result<Self, HeadError> {
        if proof.len() > PROOF_LIMIT {
            return Err(HeadError::TooMany { what: "hashes", limit: PROOF_LIMIT });
        }
        Checkpoint::parse(note.text())?;
        match extra.as_ref().map(Vec::len) {
            Some(0) => Err(HeadError::Line { line: 2, wanted: "extra data" }),
            Some(length) if length > EXTRA_LIMIT => Err(HeadError::TooMany { what: "bytes", limit: EXTRA_LIMIT }),
            _ => Ok(Receipt { extra, number, proof, note }),
        }
    }

    /// Parses a receipt of at most [`RECEIPT_LIMIT`] bytes, exactly as [`Display`](fmt::Display) prints it.
    ///
    /// # Errors
    /// `TooMany`, `NotText` or `Line`, whose number counts from the beginning of the receipt.
    pub fn parse(bytes: &[u8]) -> Result<Self, HeadError> {
        let whole = text(bytes, RECEIPT_LIMIT)?;
        // No line above the first blank line is empty.
        let (above, note) =
            whole.split_once("\n\n").ok_or(HeadError::Line { line: 1, wanted: "above a blank line" })?;
        let mut lines = above.split('\n').zip(1..).peekable();
        let wrong = |line, wanted| HeadError::Line { line, wanted };
        if lines.next().is_none_or(|(line, _)| line != FIRST_LINE) {
            return Err(wrong(1, "the first line of a tlog-proof"));
        }
        let extra = match lines.next_if(|(line, _)| line.starts_with("extra ")) {
            Some((line, at)) => {
                let decoded = line.strip_prefix("extra ").and_then(|digits| STANDARD.decode(digits).ok());
                Some(decoded.filter(|extra| !extra.is_empty()).ok_or(wrong(at, "extra data"))?)
            }
            None => None,
        };
        let at = if extra.is_some() { 3 } else { 2 };
        let number = lines.next().and_then(|(line, _)| line.strip_prefix("index ")).and_then(EntryNumber::parse);
        let number = number.ok_or(wrong(at, "an entry number"))?;
        let mut proof = Vec::new();
        for (line, at) in lines {
            if proof.len() == PROOF_LIMIT {
                return Err(HeadError::TooMany { what: "hashes", limit: PROOF_LIMIT });
            }
            proof.push(Hash::parse(line).ok_or(wrong(at, "a hash"))?);
        }
        let before = at + proof.len() + 1;
        let note = Note::parse(note.as_bytes()).map_err(|error| error.below(before))?;
        Receipt::new(number, proof, note, extra).map_err(|error| error.below(before))
    }

    /// Checks the receipt for the entry whose leaf data (the envelope) is given, against known keys, and returns the
    /// checkpoint with the log keys and witnesses whose signatures hold. Whether those suffice is for the trust file.
    ///
    /// # Errors
    /// As [`SignedCheckpoint::open`]; `Proof` if the entry does not lead to the root.
    pub fn check(&self, leaf_data: &[u8], known: &[VerifierKey]) -> Result<SignedCheckpoint, HeadError> {
        let signed = SignedCheckpoint::open_note(self.note.clone(), known)?;
        let head = signed.checkpoint();
        check_inclusion(self.number, head.size(), &leaf_hash(leaf_data), &self.proof, &head.root())?;
        Ok(signed)
    }

    /// Puts another note of the same checkpoint in the place of the old: one with more cosignatures.
    ///
    /// # Errors
    /// `OtherNote` if the texts differ.
    pub fn with_note(self, note: Note) -> Result<Self, HeadError> {
        if note.text() == self.note.text() { Ok(Receipt { note, ..self }) } else { Err(HeadError::OtherNote) }
    }

    /// Returns the extra data, which nothing vouches for.
    #[must_use]
    pub fn extra(&self) -> Option<&[u8]> {
        self.extra.as_deref()
    }

    /// Returns the entry number.
    #[must_use]
    pub fn number(&self) -> EntryNumber {
        self.number
    }

    /// Returns the hashes from the leaf's sibling up to the root's child.
    #[must_use]
    pub fn proof(&self) -> &[Hash] {
        &self.proof
    }

    /// Returns the note of the checkpoint.
    #[must_use]
    pub fn note(&self) -> &Note {
        &self.note
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.number)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.note)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::cosignature;
    use super::*;
    use crate::keys::SigningKey;
    use crate::keys::name::{KeyKind, KeyName, SignerKey};
    use crate::tree::{ProofError, TreeSize, node_hash};

    fn key(name: &str, kind: KeyKind, seed: u8) -> SignerKey {
        SignerKey::new(KeyName::new(name).unwrap(), kind, SigningKey::from_seed(&[seed; 32]))
    }

    fn log() -> SignerKey {
        key("nursery.example/ledger", KeyKind::LogKey, 1)
    }

    /// The receipt of the second of two entries.
    fn receipt(extra: Option<&[u8]>) -> Receipt {
        let (first, second) = (leaf_hash(b"first"), leaf_hash(b"second"));
        let checkpoint = Checkpoint::new(log().public().name(), TreeSize(2), node_hash(&first, &second));
        let note = checkpoint.sign(&[&log()]).unwrap();
        Receipt::new(EntryNumber(1), vec![first], note, extra.map(<[u8]>::to_vec)).unwrap()
    }

    #[test]
    fn a_receipt_holds_for_its_entry_and_no_other() {
        let known = [log().public().clone()];
        let read = Receipt::parse(receipt(Some(b"x")).to_string().as_bytes()).unwrap();
        assert_eq!(read, receipt(Some(b"x")));
        assert_eq!(read.check(b"second", &known).unwrap().checkpoint().size(), TreeSize(2));
        assert_eq!(read.check(b"first", &known), Err(HeadError::Proof(ProofError::WrongRoot)));
        assert_eq!(read.check(b"second", &[]), Err(HeadError::NotSigned));
        let outside = Receipt { number: EntryNumber(2), ..read };
        assert_eq!(outside.check(b"second", &known), Err(HeadError::Proof(ProofError::OutOfRange)));
    }

    #[test]
    fn cosignatures_come_later() {
        let witness = key("witness.example", KeyKind::Cosigner, 2);
        let known = [log().public().clone(), witness.public().clone()];
        let receipt = receipt(None);
        let mut signed = receipt.check(b"second", &known).unwrap();
        assert_eq!(signed.cosigners().count(), 0);
        let line = cosignature::sign(receipt.note().text(), &witness, 5).unwrap();
        signed.merge(&[line], &known).unwrap();
        let later = receipt.with_note(signed.note().clone()).unwrap();
        assert_eq!(later.check(b"second", &known).unwrap().cosigners().count(), 1);
        let other = Checkpoint::new(log().public().name(), TreeSize(3), leaf_hash(b"")).sign(&[&log()]).unwrap();
        assert_eq!(later.with_note(other), Err(HeadError::OtherNote));
    }

    #[test]
    fn malformed_receipts_are_refused_with_the_line() {
        let good = receipt(Some(b"xy")).to_string();
        for (from, to, at) in [
            ("@v1", "@v2", 1),
            ("c2sp", " c2sp", 1),
            ("extra ", "Extra ", 2),
            ("extra eHk=", "extra eHk", 2),
            ("extra eHk=", "extra ", 2),
            ("extra eHk=\n", "extra eHk=\nextra eHk=\n", 3),
            ("index 1", "index 01", 3),
            ("index 1", "index -1", 3),
            ("index 1", "index 1 ", 3),
            ("index 1\n", "", 3),
            ("index 1\n", "index 1\n=\n", 4),
            ("nursery.example/ledger\n2\n", "nursery.example/ledger\n02\n", 7),
            ("\u{2014} nursery", "- nursery", 10),
        ] {
            let bad = good.replacen(from, to, 1);
            let refused = Receipt::parse(bad.as_bytes());
            assert!(matches!(refused, Err(HeadError::Line { line, .. }) if line == at), "{bad:?} {refused:?}");
        }
        assert!(Receipt::parse(b"").is_err());
        let hash = format!("{}\n", leaf_hash(b""));
        let long = good.replace("index 1\n", &format!("index 1\n{}", hash.repeat(63)));
        assert_eq!(Receipt::parse(long.as_bytes()), Err(HeadError::TooMany { what: "hashes", limit: 63 }));
        let big = Receipt::new(EntryNumber(0), vec![], receipt(None).note, Some(vec![0; EXTRA_LIMIT + 1]));
        assert!(big.is_err());
    }

    #[test]
    fn the_largest_receipt_is_within_the_limit() {
        let mut big = receipt(Some(&[7; EXTRA_LIMIT]));
        big.number = EntryNumber(i64::MAX as u64);
        big.proof = vec![leaf_hash(b""); 63];
        let text = big.to_string();
        assert!(text.len() - big.note.to_string().len() + NOTE_LIMIT <= RECEIPT_LIMIT);
        assert_eq!(Receipt::parse(text.as_bytes()), Ok(big));
    }

    proptest! {
        #[test]
        fn what_parses_is_printed_again(at in 0usize..300, with: u8, junk: Vec<u8>, extra: Option<Vec<u8>>) {
            let extra = extra.filter(|extra| !extra.is_empty());
            let good = receipt(extra.as_deref());
            prop_assert_eq!(&Receipt::parse(good.to_string().as_bytes()).unwrap(), &good);
            let mut altered = good.to_string().into_bytes();
            let length = altered.len();
            altered[at % length] = with;
            for bytes in [altered, junk] {
                if let Ok(read) = Receipt::parse(&bytes) {
                    let again = read.to_string();
                    prop_assert_eq!(again.as_bytes(), &bytes[..]);
                    // Nothing but the extra data may differ in a receipt that still holds.
                    if read.check(b"second", &[log().public().clone()]).is_ok() {
                        prop_assert_eq!((read.number(), read.proof(), read.note()), (good.number(), good.proof(), good.note()));
                    }
                }
            }
        }
    }
}
