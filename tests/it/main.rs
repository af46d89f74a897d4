//! The one test binary.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod crash_store;
mod model;
