//! What a practitioner may say: drafts as typed, decisions as checked.

pub mod value;
