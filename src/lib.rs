//! Indelible: an append-only audit ledger for information-sharing decisions about children.

#[cfg(feature = "desk")]
pub mod cabinet;
pub mod codec;
pub mod decision;
pub mod entry;
pub mod frame;
pub mod head;
#[cfg(feature = "desk")]
pub mod index;
pub mod keys;
#[cfg(feature = "desk")]
pub mod ledger;
pub mod manual;
pub mod review;
pub mod rules;
pub mod seal;
#[cfg(feature = "desk")]
pub mod store;
pub mod tree;
pub mod verify;
