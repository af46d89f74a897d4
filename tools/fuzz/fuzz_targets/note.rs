//! A signed note, and each of its signature lines, has one spelling.
#![no_main]

use libfuzzer_sys::fuzz_target;

use indelible::head::note::{Note, SignatureLine};

fuzz_target!(|data: &[u8]| {
    if let Ok(note) = Note::parse(data) {
        assert_eq!(note.to_string().as_bytes(), data);
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Some(line) = SignatureLine::parse(text)
    {
        assert_eq!(line.to_string(), text);
    }
});
