//! A checkpoint has one spelling.
#![no_main]

use libfuzzer_sys::fuzz_target;

use indelible::head::checkpoint::{Checkpoint, SignedCheckpoint};

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(checkpoint) = Checkpoint::parse(text)
    {
        assert_eq!(checkpoint.to_string(), text);
    }
    assert!(SignedCheckpoint::open(data, &[]).is_err());
});
