//! Indelible: an append-only audit ledger for information-sharing decisions about children.

pub mod codec;
pub mod decision;
pub mod frame;
pub mod keys;
#[cfg(feature = "desk")]
pub mod store;
pub mod tree;
