//! A statement decodes to the same bytes or not at all; whatever decodes can be hashed.
#![no_main]

use libfuzzer_sys::fuzz_target;

use indelible::entry::statement::Unverified;

fuzz_target!(|data: &[u8]| {
    let Some((signature, bytes)) = data.split_first_chunk::<64>() else { return };
    if let Ok(statement) = Unverified::decode(bytes, signature) {
        assert_eq!(statement.as_bytes(), bytes);
        let _ = (statement.digest(), statement.structure_node(), statement.commitment(), statement.message());
    }
});
