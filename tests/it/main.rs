//! The one test binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::disallowed_methods)]

mod cli_record;
mod crash_store;
mod golden;
mod model;
mod oracles;
mod stock_age;
mod story;
mod strict;
mod tidy;
mod transcript;
mod world;
