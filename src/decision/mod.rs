//! What a practitioner may say: drafts as typed, decisions as checked.

pub mod people;
pub mod value;
