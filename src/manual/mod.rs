//! The manual: what the bytes are, what they protect against, and how the house is built.

#[doc = include_str!("architecture.md")]
pub mod architecture {}

#[doc = include_str!("changes.md")]
pub mod changes {}

#[doc = include_str!("findings.md")]
pub mod findings {}

#[doc = include_str!("format.md")]
pub mod format {}

#[doc = include_str!("glossary.md")]
pub mod glossary {}

#[doc = include_str!("keys.md")]
pub mod keys {}

#[doc = include_str!("policies.md")]
pub mod policies {}

#[doc = include_str!("rules.md")]
pub mod rules {}

#[doc = include_str!("threats.md")]
pub mod threats {}
