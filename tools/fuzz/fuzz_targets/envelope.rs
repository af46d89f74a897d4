//! An envelope has one spelling.
#![no_main]

use libfuzzer_sys::fuzz_target;

use indelible::entry::envelope::Envelope;

fuzz_target!(|data: &[u8]| {
    if let Ok(envelope) = Envelope::decode(data) {
        assert_eq!(envelope.encode(), data);
    }
});
