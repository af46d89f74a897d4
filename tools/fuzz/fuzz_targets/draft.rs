//! Drafts as typed: any text gives lines or facts about what is wrong with them.
#![no_main]

use libfuzzer_sys::fuzz_target;

use indelible::decision::draft::Draft;

fuzz_target!(|text: &str| {
    for line in Draft::from_json_lines(text).into_iter().chain(Draft::from_json_text(text)) {
        drop(line);
    }
    let _ = Draft::from_toml_text(text);
});
