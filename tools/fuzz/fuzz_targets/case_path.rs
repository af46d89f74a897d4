//! A path in a case map has one spelling.
#![no_main]

use libfuzzer_sys::fuzz_target;

use indelible::seal::case_map::CasePath;

fuzz_target!(|data: &[u8]| {
    if let Ok(path) = CasePath::decode(data) {
        assert_eq!(path.encode().unwrap(), data);
    }
});
