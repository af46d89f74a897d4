//! What the safeguarding lead sees: the gate before an act, the flags of an entry, and what is owed.
//!
//! Pure functions of decisions, facts, the rules and times that are given; no clock, no disk, no keys.

mod access;
pub mod book;
pub mod closings;
pub mod consent;
mod decide;
pub mod fact;
mod family;
pub mod figures;
pub mod findings;
pub mod gate;
mod ground;
pub mod item;
mod late;
mod life;
pub mod look;
pub mod retiring;
pub mod says;
#[cfg(test)]
mod tests;
pub mod values;
