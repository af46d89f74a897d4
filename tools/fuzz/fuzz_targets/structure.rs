//! A structure part, and what a holder of its key finds inside.
#![no_main]

use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use libfuzzer_sys::fuzz_target;

use indelible::codec;
use indelible::seal::structure::{self, ContentKey, HINT, SLOT, StructurePart};

fuzz_target!(|data: &[u8]| {
    let key = ContentKey::new([7; 32]);
    match structure::parse(data) {
        Ok(StructurePart::Clear { statement, signature }) => {
            assert_eq!(structure::clear(statement, signature), data);
        }
        Ok(StructurePart::Sealed(sealed)) => assert!(sealed.open(&key).is_err()),
        Err(_) => {}
    }
    // The same bytes as content, padded by the rules and sealed by someone who has the key.
    let cipher = ChaCha20Poly1305::new(key.as_bytes().into());
    for content in [codec::pad(data), data.to_vec()] {
        let Ok(sealed) = cipher.encrypt(&Nonce::default(), &content[..]) else { return };
        let part = [&[1][..], &[0; SLOT + HINT], &sealed].concat();
        if let Ok(StructurePart::Sealed(sealed)) = structure::parse(&part)
            && let Ok(opened) = sealed.open(&key)
        {
            let found = [opened.statement(), &opened.signature()].concat();
            assert_eq!(codec::pad(&found), content);
        }
    }
});
