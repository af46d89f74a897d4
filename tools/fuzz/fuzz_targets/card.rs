//! A card has one spelling.
#![no_main]

use libfuzzer_sys::fuzz_target;

use indelible::keys::card::{Card, PREFIX};

fuzz_target!(|text: &str| {
    for text in [text.to_owned(), format!("{PREFIX}{text}")] {
        if let Ok(card) = Card::parse(&text) {
            assert_eq!(card.to_string(), text);
        }
    }
});
