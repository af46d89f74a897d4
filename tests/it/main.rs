//! The one test binary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::disallowed_methods)]

mod adopt;
mod beside;
mod cabinet_model;
mod clerk_model;
mod cli_keys;
mod cli_record;
mod cli_terminal;
mod cli_verify;
mod closings;
mod crash;
mod crash_store;
mod drafts;
mod forge;
mod golden;
mod grants;
mod kinds;
mod late;
mod lessons;
mod log_key;
mod model;
mod oracles;
mod people;
mod readme;
mod recovery;
mod retire;
mod rollback;
mod secrets;
mod stock_age;
mod story;
mod strict;
mod tamper;
mod tidy;
mod town;
mod transcript;
mod world;
