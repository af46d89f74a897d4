//! The rules as data: packs, kinds and their fields, code lists, and civil time.
//!
//! A pack is a dated TOML document; its text is what a setting adopts and what is hashed. This room reads it and
//! answers questions about it. It knows nothing of entries, files or the clock on the wall.

pub mod access;
pub mod clock;
pub mod codes;
mod form;
pub mod kind;
pub mod pack;
mod raw;
mod read;
mod read_kind;
pub mod route;
pub mod words;
