//! The one integration test binary.

mod stock_age;
