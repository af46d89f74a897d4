//! A receipt has one spelling, and none is good without a key.
#![no_main]

use libfuzzer_sys::fuzz_target;

use indelible::head::receipt::Receipt;

fuzz_target!(|data: &[u8]| {
    if let Ok(receipt) = Receipt::parse(data) {
        assert_eq!(receipt.to_string().as_bytes(), data);
        assert!(receipt.check(b"", &[]).is_err());
    }
});
