//! What a practitioner may say: drafts as typed, decisions as checked.
//!
//! A [`draft::Draft`] may be nonsense and is never lost; [`draft::Draft::check`] turns it into a
//! [`decision::Decision`] or into every [`gap::Gap`] at once, in the form's words. Words never show in `Debug` output
//! or in a gap.

mod check;
#[expect(clippy::module_inception, reason = "the room and the thing it makes have one name: a decision")]
pub mod decision;
pub mod draft;
mod fields;
pub mod form;
#[cfg(test)]
mod form_tests;
pub mod gap;
pub mod people;
pub mod render;
mod strict;
#[cfg(test)]
mod tests;
pub mod times;
pub mod value;
pub mod view;
