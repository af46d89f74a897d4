//! The one test binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::disallowed_methods)]

mod clerk_model;
mod cli_record;
mod cli_verify;
mod crash;
mod crash_store;
mod forge;
mod golden;
mod kinds;
mod lessons;
mod model;
mod oracles;
mod people;
mod readme;
mod retire;
mod stock_age;
mod story;
mod strict;
mod tamper;
mod tidy;
mod transcript;
mod world;
