//! The bytes of one entry: the author's statement, the envelope that numbers it, the link between envelopes.

pub mod authored;
pub mod carried;
pub mod envelope;
pub mod statement;
pub mod values;

/// Why the bytes of an entry were not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// The envelope is not 145 bytes of version 1.
    #[error("the envelope does not follow the format")]
    Envelope,
    /// The statement's bytes are not the one spelling of a statement of version 1.
    #[error("the statement does not follow the format")]
    Statement,
    /// The statement is longer than 65,535 bytes.
    #[error("the statement is longer than an entry may be")]
    TooLong,
    /// The author's signature does not verify strictly under the key that the statement names.
    #[error("the author's signature is not valid")]
    Signature,
    /// The signer's key is not the one that the statement names.
    #[error("the statement names another author key")]
    OtherKey,
    /// A file that is not exactly an envelope and two parts within their limits.
    #[error("the file is not an entry file")]
    Carried,
}
