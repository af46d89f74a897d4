//! The one table of context strings, and the only way our own hashes and signatures are made.
//!
//! RFC 6962 hashes and C2SP signatures bring their own separation and are not here. Each string is used in one mode and
//! for one purpose, and is never reused.

use std::sync::OnceLock;

use blake3::Hasher;
use blake3::hazmat::{ContextKey, HasherExt, hash_derive_key_context};

use super::{Digest, lanes};

/// A context string, which says what a hash, key or signature is for, and its place in [`ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context(&'static str, usize);

/// What `derive_key` makes of each string before it comes to the message: worked out once, not once for each hash.
static KEYS: [OnceLock<ContextKey>; ALL.len()] = [const { OnceLock::new() }; ALL.len()];
/// Bytes of a keyed message that is put together on the stack.
const SHORT: usize = 256;

/// The link of an entry (`derive_key` over its envelope).
pub const LINK: Context = Context("indelible/v1 entry link", 0);
/// The digest of a statement (`derive_key` over statement and signature).
pub const STATEMENT_DIGEST: Context = Context("indelible/v1 statement digest", 1);
/// What an author signs (prefix of the statement).
pub const STATEMENT_SIGNATURE: Context = Context("indelible/v1 statement signature", 2);
/// What a card's proof of possession signs (prefix).
pub const CARD: Context = Context("indelible/v1 card", 3);
/// The digest of one sealed or clear part (`derive_key`).
pub const PART: Context = Context("indelible/v1 part", 4);
/// The parts digest of an envelope (`derive_key` over two part digests).
pub const PARTS: Context = Context("indelible/v1 parts", 5);
/// The seeds of a commitment node's children (keyed, extendable output).
pub const COMMITMENT_SEEDS: Context = Context("indelible/v1 commitment seeds", 6);
/// A commitment leaf (keyed by its seed).
pub const COMMITMENT_LEAF: Context = Context("indelible/v1 commitment leaf", 7);
/// An inner commitment node (`derive_key`).
pub const COMMITMENT_NODE: Context = Context("indelible/v1 commitment node", 8);
/// The key that seals the content key in a structure part's slot (keyed by the structure key).
pub const STRUCTURE_SLOT: Context = Context("indelible/v1 structure slot", 9);
/// The hint that tells a holder which structure key fits (keyed by the structure key).
pub const STRUCTURE_HINT: Context = Context("indelible/v1 structure hint", 10);
/// The `info` of HPKE for a words part.
pub const WORDS_INFO: Context = Context("indelible/v1 words", 11);
/// The exporter context of HPKE for the words key.
pub const WORDS_KEY: Context = Context("indelible/v1 words key", 12);
/// The id of a folder key (`derive_key` over its public half).
pub const FOLDER_KEY: Context = Context("indelible/v1 folder key id", 13);
/// The id of a ledger (`derive_key` over the genesis values).
pub const LEDGER_ID: Context = Context("indelible/v1 ledger id", 14);
/// The hash of an adopted document: pack, policy, agreement (`derive_key`).
pub const DOCUMENT: Context = Context("indelible/v1 document", 15);
/// A commitment to a line of the roll (keyed by its salt).
pub const ROLL: Context = Context("indelible/v1 roll line", 16);
/// The check value of a frame (`derive_key`, first 16 bytes).
pub const FRAME: Context = Context("indelible/v1 frame check", 17);
/// The hash over the check values of a write's frames (`derive_key`).
pub const FRAMES: Context = Context("indelible/v1 frames of a write", 18);
/// The hash of a whole write (`derive_key`).
pub const WRITE: Context = Context("indelible/v1 write", 19);
/// The hash of bytes that were set aside (`derive_key`).
pub const TAIL: Context = Context("indelible/v1 tail set aside", 20);
/// The X25519 secret of the recovery recipient (`derive_key` over the 32 bytes of the 24 words).
pub const RECOVERY: Context = Context("indelible/v1 recovery key", 21);
/// The key that seals an author's own lists in the index (keyed by a structure key).
pub const INDEX: Context = Context("indelible/v1 index list", 22);
/// The key for one line of an author's own copies (keyed by the period's key).
pub const OWN_COPY: Context = Context("indelible/v1 own copy", 23);
/// The check value of one record of an author's chain state (`derive_key`, first 16 bytes).
pub const CHAIN_STATE: Context = Context("indelible/v1 author chain state", 24);
/// The key for one filling of an author's tray (keyed by the sitting's key).
pub const OUTBOX_TRAY: Context = Context("indelible/v1 outbox tray", 25);
/// What pins a draft that was stopped or discarded (`derive_key` over its text, which holds its random id).
pub const DRAFT: Context = Context("indelible/v1 draft", 26);
/// The id of the statement that says so (`derive_key` over the draft's pin or text of its id, and the rule; first 16 bytes).
pub const DRAFT_STOP: Context = Context("indelible/v1 stop of a draft", 27);
/// The seeds of a case map's leaves (keyed by the structure seed of its closing, extendable output).
pub const CASE_MAP_SEEDS: Context = Context("indelible/v1 case map seeds", 28);
/// A leaf of a case map (keyed by its seed).
pub const CASE_MAP_LEAF: Context = Context("indelible/v1 case map leaf", 29);
/// An inner node of a case map (`derive_key` over two children).
pub const CASE_MAP_NODE: Context = Context("indelible/v1 case map node", 30);
/// The root of a case map (`derive_key` over the number of leaves and the topmost node).
pub const CASE_MAP_ROOT: Context = Context("indelible/v1 case map root", 31);
/// The running hash over the statement digests of one folder of a case (`derive_key` over the one before and the next digest).
pub const CASE_MAP_ENTRIES: Context = Context("indelible/v1 case map entries", 32);
/// The key under which an identity keeps in an index what it checked of a ledger (keyed by the seed of its signing key).
pub const CHECKED: Context = Context("indelible/v1 checked before", 33);

/// Every context string, for the check that no two are alike.
pub const ALL: &[Context] = &[
    LINK,
    STATEMENT_DIGEST,
    STATEMENT_SIGNATURE,
    CARD,
    PART,
    PARTS,
    COMMITMENT_SEEDS,
    COMMITMENT_LEAF,
    COMMITMENT_NODE,
    STRUCTURE_SLOT,
    STRUCTURE_HINT,
    WORDS_INFO,
    WORDS_KEY,
    FOLDER_KEY,
    LEDGER_ID,
    DOCUMENT,
    ROLL,
    FRAME,
    FRAMES,
    WRITE,
    TAIL,
    RECOVERY,
    INDEX,
    OWN_COPY,
    CHAIN_STATE,
    OUTBOX_TRAY,
    DRAFT,
    DRAFT_STOP,
    CASE_MAP_SEEDS,
    CASE_MAP_LEAF,
    CASE_MAP_NODE,
    CASE_MAP_ROOT,
    CASE_MAP_ENTRIES,
    CHECKED,
];

impl Context {
    /// Returns the string itself.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// Returns BLAKE3 in `derive_key` mode over the pieces, one after the other (32 bytes).
    ///
    /// The pieces are not separated: give at most one of a length that is not fixed.
    #[must_use]
    pub fn hash(self, pieces: &[&[u8]]) -> [u8; 32] {
        let mut hasher = self.deriving();
        for piece in pieces {
            hasher.update(piece);
        }
        *hasher.finalize().as_bytes()
    }

    /// Returns [`Context::hash`] of each message. Short messages of like lengths are hashed side by side.
    #[must_use]
    pub fn hash_each(self, messages: &[&[u8]]) -> Vec<[u8; 32]> {
        let mut hashes = vec![[0; 32]; messages.len()];
        let mut order: Vec<(usize, usize)> = Vec::with_capacity(messages.len());
        for (at, (message, hash)) in messages.iter().zip(&mut hashes).enumerate() {
            match lanes::fits(message) {
                true => order.push((message.len().div_ceil(blake3::BLOCK_LEN), at)),
                false => *hash = self.hash(&[message]),
            }
        }
        order.sort_unstable();
        for alike in order.chunk_by(|a, b| a.0 == b.0) {
            let of: Vec<&[u8]> = alike.iter().filter_map(|(_, at)| messages.get(*at).copied()).collect();
            for ((_, at), value) in alike.iter().zip(lanes::derive(&self.key(), &of)) {
                if let Some(hash) = hashes.get_mut(*at) {
                    *hash = value;
                }
            }
        }
        hashes
    }

    /// Begins a [`Context::hash`] over bytes that come in pieces.
    #[must_use]
    pub fn running(self) -> Running {
        Running(self.deriving())
    }

    /// Returns [`Context::hash`] as a [`Digest`].
    #[must_use]
    pub fn digest(self, pieces: &[&[u8]]) -> Digest {
        Digest::new(self.hash(pieces))
    }

    /// Returns BLAKE3 keyed with `key` over the context string, a zero byte and `message` (32 bytes).
    #[must_use]
    pub fn keyed(self, key: &[u8; 32], message: &[u8]) -> [u8; 32] {
        let context = self.0.as_bytes();
        let mut short = [0; SHORT];
        // A hasher of its own costs a short message as much as the hashing.
        if let Some((place, rest)) = short.split_at_mut_checked(context.len())
            && let Some(to) = rest.get_mut(1..=message.len())
        {
            place.copy_from_slice(context);
            to.copy_from_slice(message);
            let whole = short.get(..context.len() + 1 + message.len()).unwrap_or_default();
            return *blake3::keyed_hash(key, whole).as_bytes();
        }
        *self.keyed_hasher(key, message).finalize().as_bytes()
    }

    /// Fills `out` with the extendable output of [`Context::keyed`].
    pub fn expand(self, key: &[u8; 32], message: &[u8], out: &mut [u8]) {
        self.keyed_hasher(key, message).finalize_xof().fill(out);
    }

    /// Returns what is signed: the context string, a zero byte and the pieces.
    #[must_use]
    pub fn message(self, pieces: &[&[u8]]) -> Vec<u8> {
        let mut message = Vec::with_capacity(self.0.len() + 1 + pieces.iter().map(|p| p.len()).sum::<usize>());
        message.extend_from_slice(self.0.as_bytes());
        message.push(0);
        pieces.iter().for_each(|piece| message.extend_from_slice(piece));
        message
    }

    /// Begins `Hasher::new_derive_key` with the string.
    fn deriving(self) -> Hasher {
        Hasher::new_from_context_key(&self.key())
    }

    fn key(self) -> ContextKey {
        let make = || hash_derive_key_context(self.0);
        KEYS.get(self.1).map_or_else(make, |key| *key.get_or_init(make))
    }

    fn keyed_hasher(self, key: &[u8; 32], message: &[u8]) -> Hasher {
        let mut hasher = Hasher::new_keyed(key);
        hasher.update(self.0.as_bytes()).update(&[0]).update(message);
        hasher
    }
}

/// A [`Context::hash`] under way, in constant memory.
#[derive(Clone)]
pub struct Running(Hasher);

impl Running {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the hash of all bytes so far (32 bytes); more may follow.
    #[must_use]
    pub fn value(&self) -> [u8; 32] {
        *self.0.finalize().as_bytes()
    }
}

/// Returns lowercase hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Reads exactly `N` bytes of lowercase hexadecimal digits.
#[must_use]
pub fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let digit = |b: u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_side_by_side_give_the_hashes_that_they_give_alone() {
        let bytes: Vec<u8> = (0..3000u32).map(|at| ((at * at) >> 3) as u8).collect();
        // Every length that has a path of its own, alone and among others, in numbers that fill the lanes and do not.
        for length in (0..=1100).chain([2048, 3000]) {
            let messages: Vec<&[u8]> = (0..37).map(|n| &bytes[n % 7..][..length.min(3000 - n % 7)]).collect();
            let alone: Vec<[u8; 32]> = messages.iter().map(|message| PART.hash(&[message])).collect();
            let count = [1, 3, 16, 17, 37][length % 5];
            assert_eq!(PART.hash_each(&messages[..count]), alone[..count], "{length}");
        }
        let mixed: Vec<&[u8]> = (0..200).map(|n| &bytes[..n * 7919 % 1500]).collect();
        let alone: Vec<[u8; 32]> = mixed.iter().map(|message| LINK.hash(&[message])).collect();
        assert_eq!(LINK.hash_each(&mixed), alone);
        assert_eq!(LINK.hash_each(&[]), [[0; 32]; 0]);
    }

    #[test]
    fn no_two_contexts_are_alike_or_begin_alike_up_to_a_zero() {
        for (i, a) in ALL.iter().enumerate() {
            assert!(!a.0.contains('\0'));
            assert_eq!(a.1, i, "{} has another place", a.0);
            assert_eq!(a.hash(&[b"m"]), blake3::derive_key(a.0, b"m"));
            for length in [0, 31, 200, SHORT - a.0.len() - 1, SHORT - a.0.len(), SHORT, 2000] {
                let message = vec![7; length];
                let whole = [a.0.as_bytes(), &[0], &message].concat();
                assert_eq!(a.keyed(&[3; 32], &message), *blake3::keyed_hash(&[3; 32], &whole).as_bytes());
            }
            assert!(ALL.iter().skip(i + 1).all(|b| a != b), "{} stands twice", a.0);
        }
    }

    #[test]
    fn modes_and_contexts_give_different_hashes() {
        assert_ne!(LINK.hash(&[b"x"]), PART.hash(&[b"x"]));
        assert_ne!(LINK.keyed(&[0; 32], b"x"), PART.keyed(&[0; 32], b"x"));
        assert_ne!(LINK.keyed(&[0; 32], b"x"), LINK.keyed(&[1; 32], b"x"));
        let mut running = LINK.running();
        [&b"a"[..], b"", b"bc"].iter().for_each(|piece| running.update(piece));
        assert_eq!(running.value(), LINK.hash(&[b"abc"]));
        let mut long = [0; 64];
        LINK.expand(&[0; 32], b"x", &mut long);
        assert_eq!(long[..32], LINK.keyed(&[0; 32], b"x"));
        assert_eq!(CARD.message(&[b"a", b"b"]), b"indelible/v1 card\0ab");
    }
}
