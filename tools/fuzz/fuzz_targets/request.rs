//! A request to a witness and its answers have one spelling.
#![no_main]

use libfuzzer_sys::fuzz_target;

use indelible::head::request::{
    AddCheckpoint, format_conflict, format_cosignatures, parse_conflict, parse_cosignatures,
};

fuzz_target!(|data: &[u8]| {
    if let Ok(request) = AddCheckpoint::parse(data) {
        assert_eq!(request.to_string().as_bytes(), data);
    }
    if let Ok(size) = parse_conflict(data) {
        assert_eq!(format_conflict(size).as_bytes(), data);
    }
    if let Ok(lines) = parse_cosignatures(data) {
        assert_eq!(format_cosignatures(&lines).as_bytes(), data);
    }
});
