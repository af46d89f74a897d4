//! Indelible: an append-only audit ledger for information-sharing decisions about children.

#[cfg(feature = "desk")]
pub mod cabinet;
pub mod codec;
pub mod decision;
pub mod frame;
pub mod keys;
pub mod review;
pub mod rules;
pub mod tree;
pub mod verify;
