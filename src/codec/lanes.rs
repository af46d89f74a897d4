//! Many short messages hashed side by side: BLAKE3 takes one short message block after block, and a processor has room
//! for several of them at once.
//!
//! The crate does this for the pieces of one long message only. Here its own routines are called for one piece of each of
//! many messages; they are outside its stable interface, so the version is pinned in `Cargo.toml`, and a test compares
//! every length with the stable one.

use blake3::hazmat::ContextKey;
use blake3::platform::{Platform, le_bytes_from_words_32, words_from_le_bytes_32};
use blake3::{BLOCK_LEN, CHUNK_LEN, IncrementCounter};

/// Bytes of a hash.
const OUT: usize = 32;
/// The flags of BLAKE3 (section 2.2 of its specification).
const CHUNK_START: u8 = 1;
const CHUNK_END: u8 = 1 << 1;
const ROOT: u8 = 1 << 3;
const DERIVE_KEY_MATERIAL: u8 = 1 << 6;

/// Whether a message has blocks before its last one and is no longer than one chunk: only these are for [`derive`].
pub(super) fn fits(message: &[u8]) -> bool {
    (BLOCK_LEN + 1..=CHUNK_LEN).contains(&message.len())
}

/// Returns `derive_key` of each message under the key that a context gives; all have to [`fits`], and to have as many
/// blocks as the first.
pub(super) fn derive(key: &ContextKey, messages: &[&[u8]]) -> Vec<[u8; OUT]> {
    let platform = Platform::detect();
    let Some(length) = messages.first().map(|message| message.len()) else { return Vec::new() };
    let leading = (length - 1) / BLOCK_LEN;
    let mut values = vec![[0; OUT]; messages.len()];
    match leading {
        1 => lead::<64>(platform, key, messages, &mut values),
        2 => lead::<128>(platform, key, messages, &mut values),
        3 => lead::<192>(platform, key, messages, &mut values),
        4 => lead::<256>(platform, key, messages, &mut values),
        5 => lead::<320>(platform, key, messages, &mut values),
        6 => lead::<384>(platform, key, messages, &mut values),
        7 => lead::<448>(platform, key, messages, &mut values),
        8 => lead::<512>(platform, key, messages, &mut values),
        9 => lead::<576>(platform, key, messages, &mut values),
        10 => lead::<640>(platform, key, messages, &mut values),
        11 => lead::<704>(platform, key, messages, &mut values),
        12 => lead::<768>(platform, key, messages, &mut values),
        13 => lead::<832>(platform, key, messages, &mut values),
        14 => lead::<896>(platform, key, messages, &mut values),
        15 => lead::<960>(platform, key, messages, &mut values),
        _ => panic!("lanes::derive: a message that does not fit"),
    }
    for (message, value) in messages.iter().zip(&mut values) {
        let last = message.get(leading * BLOCK_LEN..).unwrap_or_default();
        let mut block = [0; BLOCK_LEN];
        block.iter_mut().zip(last).for_each(|(to, from)| *to = *from);
        let mut words = words_from_le_bytes_32(value);
        let flags = DERIVE_KEY_MATERIAL | CHUNK_END | ROOT;
        platform.compress_in_place(&mut words, &block, last.len() as u8, 0, flags);
        *value = le_bytes_from_words_32(&words);
    }
    values
}

/// The chaining values after the first `N` bytes of each message.
fn lead<const N: usize>(platform: Platform, key: &ContextKey, messages: &[&[u8]], values: &mut [[u8; OUT]]) {
    let inputs: Vec<&[u8; N]> = messages.iter().filter_map(|message| message.first_chunk::<N>()).collect();
    assert_eq!(inputs.len(), values.len(), "lanes::lead: a message that does not fit");
    let (words, no) = (words_from_le_bytes_32(key), IncrementCounter::No);
    platform.hash_many(&inputs, &words, 0, no, DERIVE_KEY_MATERIAL, CHUNK_START, 0, values.as_flattened_mut());
}
