//! The one test binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::disallowed_methods)]

mod beside;
mod clerk_model;
mod cli_record;
mod cli_terminal;
mod cli_verify;
mod crash;
mod crash_store;
mod drafts;
mod forge;
mod golden;
mod grants;
mod kinds;
mod lessons;
mod model;
mod oracles;
mod people;
mod readme;
mod stock_age;
mod story;
mod strict;
mod tamper;
mod tidy;
mod transcript;
mod world;
