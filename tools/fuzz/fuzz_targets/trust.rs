//! A trust file, which people write by hand, means the same when it is printed again.
#![no_main]

use libfuzzer_sys::fuzz_target;

use indelible::head::trust::Trust;

fuzz_target!(|data: &[u8]| {
    if let Ok(trust) = Trust::parse(data) {
        assert_eq!(Trust::parse(trust.to_string().as_bytes()).as_ref(), Ok(&trust));
        let _ = (trust.quorum_met(&[]), trust.keys());
    }
});
