//! Indelible: an append-only audit ledger for information-sharing decisions about children.

#[cfg(feature = "desk")]
pub mod cabinet;
pub mod codec;
pub mod decision;
pub mod frame;
pub mod keys;
#[cfg(feature = "desk")]
pub mod store;
pub mod tree;
pub mod verify;
