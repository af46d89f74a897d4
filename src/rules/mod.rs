//! The rules as data: packs, kinds and their fields, code lists, and civil time.
//!
//! A pack is a dated TOML document; its text is what a setting adopts and what is hashed. This room reads it and
//! answers questions about it. It knows nothing of entries, files or the clock on the wall.

pub mod access;
pub mod calendar;
pub mod clock;
pub mod codes;
mod form;
pub mod kind;
pub mod obligation;
pub mod pack;
pub mod policy;
mod raw;
mod read;
mod read_kind;
mod read_policy;
pub mod retention;
pub mod route;
pub mod rulebook;
mod succession;
pub mod words;
