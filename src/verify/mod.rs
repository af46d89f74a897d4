//! The inspector: bytes and trusted keys in, a report out. Nothing here touches the index, the store, a clock or a network.

pub mod chains;
pub mod closings;
pub mod entry;
pub mod ledger;
mod log_keys;
pub mod past;
pub mod receipt;
pub mod record;
pub mod report;
pub mod retired;
pub mod roots;
pub mod roster;
pub mod signatures;
pub mod standing;
pub mod tenure;
