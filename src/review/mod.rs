//! What the safeguarding lead sees: the gate before an act, and the flags of an entry.
//!
//! Pure functions of decisions, facts, the pack and times that are given; no clock, no disk, no keys.

pub mod findings;
pub mod gate;
pub mod retiring;
