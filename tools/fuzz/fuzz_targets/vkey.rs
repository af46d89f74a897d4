//! Keys as text: a verifier key has one spelling, a signer key one but for a line feed at its end.
#![no_main]

use libfuzzer_sys::fuzz_target;

use indelible::keys::name::{KeyName, SignerKey, VerifierKey};

fuzz_target!(|text: &str| {
    if let Ok(key) = VerifierKey::parse(text) {
        assert_eq!(key.to_string(), text);
    }
    if let Ok(key) = SignerKey::parse(text) {
        assert_eq!(key.format().unwrap().trim_end(), text.trim_end());
    }
    if let Ok(name) = KeyName::new(text) {
        assert_eq!(name.as_str(), text);
    }
});
