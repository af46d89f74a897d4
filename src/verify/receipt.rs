//! Verifying one receipt, without a ledger: the entry's envelope, the log's signature, the witnesses.

use crate::entry::envelope::{ENVELOPE, Envelope};
use crate::head::HeadError;
use crate::head::checkpoint::SignedCheckpoint;
use crate::head::receipt::Receipt;
use crate::head::trust::Trust;
use crate::keys::name::VerifierKey;

/// What a receipt proves.
#[derive(Debug, Clone)]
pub struct ReceiptReport {
    /// The entry's number.
    pub entry: u64,
    /// When the ledger recorded it (ms UTC, by the ledger's clock).
    pub recorded: i64,
    /// The envelope it proves.
    pub envelope: Envelope,
    /// The checkpoint it leads to.
    pub checkpoint: SignedCheckpoint,
    /// The trusted witnesses that cosigned it, and when (seconds since 1970).
    pub witnesses: Vec<(String, u64)>,
    /// Whether the trust file's quorum cosigned it.
    pub cosigned: bool,
}

/// Why a receipt proves nothing about an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// The entry file does not begin with an envelope.
    #[error("the entry file does not hold an entry")]
    Entry,
    /// The envelope names another number than the receipt.
    #[error("the receipt is for another entry")]
    OtherEntry,
    /// The log's signature fails, or the proof does not lead to the checkpoint.
    #[error("the receipt does not prove this entry: {0}")]
    NotProven(#[from] HeadError),
}

/// Checks a receipt for the entry whose envelope is given, against the keys of a trust file.
///
/// # Errors
/// Why it proves nothing.
pub fn verify(receipt: &Receipt, envelope: &[u8], trust: &Trust) -> Result<ReceiptReport, ReceiptError> {
    let bytes: &[u8; ENVELOPE] =
        envelope.get(..ENVELOPE).and_then(|bytes| bytes.try_into().ok()).ok_or(ReceiptError::Entry)?;
    let decoded = Envelope::decode(bytes).map_err(|_| ReceiptError::Entry)?;
    if decoded.number != receipt.number() {
        return Err(ReceiptError::OtherEntry);
    }
    let keys: Vec<VerifierKey> = trust.keys();
    let checkpoint = receipt.check(bytes, &keys)?;
    let witnesses = trust.cosigners(&checkpoint).into_iter().map(|(name, time)| (name.to_owned(), time)).collect();
    let cosigned = trust.needs_witnesses() && trust.cosigned(&checkpoint);
    Ok(ReceiptReport {
        entry: decoded.number.0,
        recorded: decoded.recorded,
        envelope: decoded,
        checkpoint,
        witnesses,
        cosigned,
    })
}
