//! The one test binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::disallowed_methods)]

mod crash_store;
mod forge;
mod model;
mod oracles;
mod stock_age;
mod story;
mod strict;
mod tamper;
mod world;
