//! The one test binary.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

mod oracles;
mod tidy;
mod transcript;
