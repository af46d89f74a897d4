//! What a verifier saves after verifying, so that the next time only what is new has its signatures checked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::codec::{Bytes, Digest};
use crate::head::note::Note;
use crate::tree::Hash;
use crate::verify::chains::{Chain, Chains};
use crate::verify::report::{Code, Finding, Layer, Report};

/// The layout of the record; another one means a whole verify.
pub const SCHEMA: &str = "indelible/verified/1";
/// Largest record in bytes.
pub const RECORD_LIMIT: usize = 16 << 20;

/// A record of a finished verify. It belongs to the verifier and is believed only by the verifier's own program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The layout.
    pub schema: String,
    /// The program's version.
    pub program: String,
    /// The origin of the ledger.
    pub origin: String,
    /// Entries verified.
    pub size: u64,
    /// Their root (hexadecimal).
    pub root: String,
    /// The last checkpoint, as a note.
    pub checkpoint: String,
    /// The hash of the trust file that was used (hexadecimal); zero for none.
    pub trust: String,
    /// The layer that was checked.
    pub layer: String,
    /// What was found.
    pub findings: Vec<(u64, String)>,
    /// Where each author's chain stands: key, next number, last digest, newest entry seen.
    pub chains: Vec<(String, u64, String, u64)>,
    /// Statements that were entered as late: their author's key, their digest.
    #[serde(default)]
    pub late: Vec<(String, String)>,
}

/// Why a record cannot be used: a whole verify is done instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It does not parse.
    #[error("the file is no record of an earlier verify")]
    Malformed,
    /// It was made by another version, for another ledger, with another trust file or layer, or found something altered.
    #[error("the record does not fit this verify")]
    DoesNotFit,
}

impl Record {
    /// Makes the record of a report.
    #[must_use]
    pub fn of(report: &Report, checkpoint: Option<&Note>, chains: &Chains, trust: &Digest) -> Self {
        Record {
            schema: SCHEMA.to_owned(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            origin: report.origin.clone(),
            size: report.size.0,
            root: Digest::new(report.root.0).to_string(),
            checkpoint: checkpoint.map(ToString::to_string).unwrap_or_default(),
            trust: trust.to_string(),
            layer: report.layer.name().to_owned(),
            findings: report.findings.iter().map(|finding| (finding.entry, finding.code.name().to_owned())).collect(),
            chains: chains
                .0
                .iter()
                .map(|(key, chain)| (Digest::new(*key).to_string(), chain.next, chain.last.to_string(), chain.seen))
                .collect(),
            late: chains
                .1
                .iter()
                .flat_map(|(key, all)| all.iter().map(|late| (Digest::new(*key).to_string(), late.to_string())))
                .collect(),
        }
    }

    /// Reads a record.
    ///
    /// # Errors
    /// `Malformed` for anything that this program did not write.
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordError> {
        if bytes.len() > RECORD_LIMIT {
            return Err(RecordError::Malformed);
        }
        let record: Record = serde_json::from_slice(bytes).map_err(|_| RecordError::Malformed)?;
        let hex = |text: &String| Digest::parse(text).is_some();
        let chains = record.chains.iter().all(|(key, _, last, _)| hex(key) && hex(last));
        let codes = record.findings.iter().all(|(_, name)| code(name).is_some());
        let late = record.late.iter().all(|(key, digest)| hex(key) && hex(digest));
        if hex(&record.root) && hex(&record.trust) && chains && late && codes {
            Ok(record)
        } else {
            Err(RecordError::Malformed)
        }
    }

    /// Writes the record as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Checks that a verify with this trust file may build on the record.
    ///
    /// # Errors
    /// `DoesNotFit` for another layout, version or trust file, or an altered history: then everything is verified again.
    pub fn check(&self, trust: &Digest) -> Result<(), RecordError> {
        let altered = crate::verify::report::altered(&self.findings()).is_some();
        let fits = self.schema == SCHEMA
            && self.program == env!("CARGO_PKG_VERSION")
            && self.trust == trust.to_string()
            && self.layer == Layer::Structure.name()
            && !altered;
        if fits { Ok(()) } else { Err(RecordError::DoesNotFit) }
    }

    /// Returns what was found.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let finding = |(entry, name): &(u64, String)| Some(Finding { entry: *entry, code: code(name)? });
        self.findings.iter().filter_map(finding).collect()
    }

    /// Returns the root.
    #[must_use]
    pub fn root(&self) -> Hash {
        Hash(*Digest::parse(&self.root).unwrap_or(Digest::ZERO).as_bytes())
    }

    /// Returns where each author's chain stood.
    #[must_use]
    pub fn chains(&self) -> Chains {
        let chain = |(key, next, last, seen): &(String, u64, String, u64)| {
            let key = *Digest::parse(key)?.as_bytes();
            Some((Bytes(key).0, Chain { next: *next, last: Digest::parse(last)?, seen: *seen }))
        };
        let mut chains = Chains(self.chains.iter().filter_map(chain).collect(), BTreeMap::new());
        for (key, late) in &self.late {
            if let (Some(key), Some(late)) = (Digest::parse(key), Digest::parse(late)) {
                chains.1.entry(*key.as_bytes()).or_default().push(late);
            }
        }
        chains
    }
}

fn code(name: &str) -> Option<Code> {
    Code::ALL.iter().copied().find(|code| code.name() == name)
}
