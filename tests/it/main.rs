//! The one test binary.

mod oracles;
mod stock_age;
