//! The one test binary.

mod oracles;
mod strict;
