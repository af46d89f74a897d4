//! A words part, and what a holder of its key finds inside.
#![no_main]

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use libfuzzer_sys::fuzz_target;

use indelible::codec::{self, FolderKeyId, LedgerId};
use indelible::seal::words::{self, WordsKey, WordsPart};

fuzz_target!(|data: &[u8]| {
    let (key, ledger, folder) = (WordsKey::new([7; 32]), LedgerId::new([1; 32]), FolderKeyId::new([2; 32]));
    match words::parse(data) {
        Ok(WordsPart::Document(text)) => assert_eq!(words::document(text).unwrap(), data),
        Ok(WordsPart::Absent) => assert!(data.is_empty()),
        Ok(WordsPart::Sealed { .. }) => assert!(words::open(data, &key, &ledger, &folder).is_err()),
        Err(_) => {}
    }
    // The same bytes as content, padded by the rules and sealed by someone who has the key.
    let cipher = ChaCha20Poly1305::new(&[7; 32].into());
    let aad = [&ledger.as_bytes()[..], folder.as_bytes()].concat();
    for content in [codec::pad(data), data.to_vec()] {
        let Ok(sealed) = cipher.encrypt(&Nonce::default(), Payload { msg: &content, aad: &aad }) else { return };
        let part = [&[1][..], &[0; 32], &sealed].concat();
        if let Ok(words) = words::open(&part, &key, &ledger, &folder) {
            assert!(words.fields.is_sorted_by_key(|word| (word.field, word.position)));
        }
    }
});
