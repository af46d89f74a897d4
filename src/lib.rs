//! Indelible: an append-only audit ledger for information-sharing decisions about children.

pub mod codec;
pub mod decision;
pub mod keys;
pub mod review;
pub mod rules;
pub mod tree;
