//! What a witness keeps of a request that does not fit what it signed before, for others to check by themselves.
//!
//! ```text
//! indelible-evidence/1
//! remembered <length in bytes>
//! <the newest whole note that the witness had cosigned>
//! request <length in bytes>
//! <the add-checkpoint request as it came: old size, proof, blank line, whole note>
//! ```
//!
//! Lengths are decimal; each part begins on the line after its length and the next follows its last line feed.

use std::fmt;

use crate::codec::NOTE_LIMIT;
use crate::head::HeadError;
use crate::head::checkpoint::SignedCheckpoint;
use crate::head::note::Note;
use crate::head::request::{AddCheckpoint, REQUEST_LIMIT};
use crate::keys::name::VerifierKey;
use crate::tree::{TreeSize, check_consistency, parse_decimal};

/// Largest evidence in bytes: a note, a request, and the lines around them.
pub const EVIDENCE_LIMIT: usize = NOTE_LIMIT + REQUEST_LIMIT + 128;

const HEADER: &str = "indelible-evidence/1\n";
const REMEMBERED: &str = "remembered ";
const REQUEST: &str = "request ";

/// Two notes of one log, and the proof that was offered to lead from the first to the second.
///
/// That it parsed says nothing about whether it shows anything: [`Evidence::check`] does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    remembered: Note,
    request: AddCheckpoint,
}

/// What evidence shows about the holder of a log key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The key signed two root hashes for one size: history was forked, and nothing else is needed to prove it.
    Fork {
        /// The size of both.
        size: TreeSize,
    },
    /// The key signed both checkpoints, and the proof does not lead from one to the other. A right proof would clear
    /// this up; a holder who cannot give one has forked history.
    Unproven {
        /// The size that the witness had cosigned.
        remembered: TreeSize,
        /// The size that it was asked to cosign.
        offered: TreeSize,
    },
    /// Both checkpoints are the key's and fit together.
    Consistent,
    /// Nothing against this key: one of the notes is not a checkpoint with a valid signature of it.
    NotSigned(HeadError),
}

impl Evidence {
    /// Puts evidence together.
    #[must_use]
    pub fn new(remembered: Note, request: AddCheckpoint) -> Self {
        Evidence { remembered, request }
    }

    /// Parses evidence of at most [`EVIDENCE_LIMIT`] bytes, exactly as [`Display`](fmt::Display) prints it.
    ///
    /// # Errors
    /// `TooMany`, `NotText` or `Line`, whose number counts within the note or request that was refused.
    pub fn parse(bytes: &[u8]) -> Result<Self, HeadError> {
        if bytes.len() > EVIDENCE_LIMIT {
            return Err(HeadError::TooMany { what: "bytes", limit: EVIDENCE_LIMIT });
        }
        let text = std::str::from_utf8(bytes).map_err(|_| HeadError::NotText)?;
        let wrong = |rest: &str, wanted| HeadError::Line { line: line_of(text, rest), wanted };
        let rest = text.strip_prefix(HEADER).ok_or(wrong(text, "the first line of evidence"))?;
        let (remembered, next) = part(rest, REMEMBERED).ok_or(wrong(rest, "the length of the remembered note"))?;
        let (request, end) = part(next, REQUEST).ok_or(wrong(next, "the length of the request"))?;
        if !end.is_empty() {
            return Err(wrong(end, "the end"));
        }
        Ok(Evidence::new(Note::parse(remembered.as_bytes())?, AddCheckpoint::parse(request.as_bytes())?))
    }

    /// Tells what the evidence shows about the holder of this log key, from nothing but the evidence itself.
    #[must_use]
    pub fn check(&self, log: &VerifierKey) -> Verdict {
        let open = |note: &Note| SignedCheckpoint::open_note(note.clone(), std::slice::from_ref(log));
        let (remembered, offered) = match (open(&self.remembered), open(self.request.note())) {
            (Ok(remembered), Ok(offered)) => (remembered, offered),
            (Err(error), _) | (_, Err(error)) => return Verdict::NotSigned(error),
        };
        let (remembered, offered) = (remembered.checkpoint(), offered.checkpoint());
        let (old, new) = (remembered.size(), offered.size());
        if old == new {
            return if remembered.root() == offered.root() { Verdict::Consistent } else { Verdict::Fork { size: new } };
        }
        // A proof from another size says nothing about the note that was remembered.
        let proof = self.request.proof();
        let proven = self.request.old() == old
            && check_consistency(old, new, proof, &remembered.root(), &offered.root()).is_ok();
        if proven { Verdict::Consistent } else { Verdict::Unproven { remembered: old, offered: new } }
    }

    /// Returns the newest note that the witness had cosigned.
    #[must_use]
    pub fn remembered(&self) -> &Note {
        &self.remembered
    }

    /// Returns the request that was refused.
    #[must_use]
    pub fn request(&self) -> &AddCheckpoint {
        &self.request
    }
}

/// Splits a part off: its label and length, a line feed, and that many bytes.
fn part<'a>(rest: &'a str, label: &str) -> Option<(&'a str, &'a str)> {
    let (length, rest) = rest.strip_prefix(label)?.split_once('\n')?;
    rest.split_at_checked(usize::try_from(parse_decimal(length)?).ok()?)
}

/// Returns the number, from 1, of the line on which the end part `rest` of a text begins.
fn line_of(text: &str, rest: &str) -> usize {
    let above = text.len() - rest.len();
    text.bytes().take(above).filter(|b| *b == b'\n').count() + 1
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (remembered, request) = (self.remembered.to_string(), self.request.to_string());
        write!(f, "{HEADER}{REMEMBERED}{}\n{remembered}", remembered.len())?;
        write!(f, "{REQUEST}{}\n{request}", request.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ledger::witness::tests::{Log, log};

    fn evidence(before: &Log, size: u64, after: &Log, old: u64, new: u64) -> Evidence {
        let request = AddCheckpoint::parse(after.request(old, new).as_bytes()).unwrap();
        Evidence::new(before.note(size), request)
    }

    #[test]
    fn verdicts_follow_from_the_two_notes_and_the_proof() {
        let (honest, forged) = (log("a.example", 20, 99), log("a.example", 20, 3));
        let key = honest.key.public();
        let unproven =
            |remembered, offered| Verdict::Unproven { remembered: TreeSize(remembered), offered: TreeSize(offered) };
        for (shown, verdict) in [
            (evidence(&honest, 9, &forged, 9, 9), Verdict::Fork { size: TreeSize(9) }),
            (evidence(&honest, 9, &forged, 4, 9), Verdict::Fork { size: TreeSize(9) }),
            (evidence(&honest, 9, &forged, 9, 20), unproven(9, 20)),
            (evidence(&honest, 9, &honest, 4, 20), unproven(9, 20)),
            (evidence(&honest, 9, &forged, 4, 4), unproven(9, 4)),
            (evidence(&honest, 9, &honest, 9, 20), Verdict::Consistent),
            (evidence(&honest, 9, &honest, 9, 9), Verdict::Consistent),
            // Both histories are the same up to entry 3.
            (evidence(&honest, 3, &forged, 3, 20), Verdict::Consistent),
        ] {
            assert_eq!(shown.check(key), verdict, "{shown}");
            assert_eq!(Evidence::parse(shown.to_string().as_bytes()), Ok(shown));
        }
    }

    #[test]
    fn nobody_is_accused_by_notes_they_did_not_sign() {
        let (honest, mut other) = (log("a.example", 9, 99), log("a.example", 9, 3));
        other.key = crate::ledger::witness::tests::signer("a.example", 77);
        let nothing = evidence(&honest, 9, &other, 9, 9);
        assert_eq!(nothing.check(honest.key.public()), Verdict::NotSigned(HeadError::NotSigned));
        assert_eq!(nothing.check(other.key.public()), Verdict::NotSigned(HeadError::NotSigned));
        let altered = evidence(&honest, 9, &log("a.example", 9, 3), 9, 9).to_string().replacen("\n9\n", "\n8\n", 1);
        let altered = Evidence::parse(altered.as_bytes()).unwrap();
        assert!(matches!(altered.check(honest.key.public()), Verdict::NotSigned(HeadError::BadSignature { .. })));
    }

    #[test]
    fn malformed_evidence_is_refused_with_the_line() {
        let good = evidence(&log("a.example", 9, 99), 9, &log("a.example", 9, 3), 9, 9).to_string();
        for (from, to, at) in [
            ("evidence/1", "evidence/2", 1),
            ("remembered ", "remembered 0", 2),
            ("remembered ", "remembered 9999999", 2),
            ("request ", "Request ", 8),
            ("request ", "request 9", 8),
        ] {
            let bad = good.replacen(from, to, 1);
            let refused = Evidence::parse(bad.as_bytes());
            assert!(matches!(refused, Err(HeadError::Line { line, .. }) if line == at), "{bad} {refused:?}");
        }
        assert!(Evidence::parse(format!("{good}\n").as_bytes()).is_err());
        assert!((0..good.len()).all(|end| Evidence::parse(&good.as_bytes()[..end]).is_err()));
        assert!(Evidence::parse(&vec![b'a'; EVIDENCE_LIMIT + 1]).is_err());
    }

    proptest! {
        #[test]
        fn what_parses_is_printed_again(at: prop::sample::Index, with: u8, junk: Vec<u8>) {
            let good = evidence(&log("a.example", 9, 99), 5, &log("a.example", 9, 3), 5, 9);
            let mut altered = good.to_string().into_bytes();
            let at = at.index(altered.len());
            altered[at] = with;
            for bytes in [altered, junk] {
                if let Ok(read) = Evidence::parse(&bytes) {
                    prop_assert_eq!(read.to_string().into_bytes(), bytes);
                }
            }
        }
    }
}
