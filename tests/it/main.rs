//! The one test binary.

mod stock_age;
