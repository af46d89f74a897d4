//! The one test binary.

mod oracles;
