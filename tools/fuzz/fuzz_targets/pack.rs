//! A pack is read whole or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;

use indelible::rules::pack::Pack;

fuzz_target!(|text: &str| {
    if let Ok(pack) = Pack::parse(text) {
        pack.kinds().iter().for_each(|kind| drop(pack.kind_json(kind)));
    }
});
