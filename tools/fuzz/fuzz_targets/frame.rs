//! A frame has one spelling, and a write is no longer than its bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

use indelible::frame::write::Write;
use indelible::frame::{Next, next_frame};

fuzz_target!(|data: &[u8]| {
    match next_frame(data) {
        Next::Frame(framed) => {
            let mut again = Vec::new();
            assert_eq!(framed.frame.encode(&mut again), Ok(framed.check));
            assert_eq!(Some(&again[..]), data.get(..framed.length));
        }
        Next::NeedMore(need) => assert!(need > data.len()),
        Next::Bad(_) => {}
    }
    if let Ok(write) = Write::parse(data, 0, [0; 32]) {
        assert!(write.length <= data.len());
        let _ = write.check_parts();
    }
});
