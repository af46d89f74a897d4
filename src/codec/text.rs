//! Byte strings of fixed length and short texts, as serde types for the codec.

use std::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::ser::SerializeTuple;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroize;

/// Exactly `N` bytes, written without a length.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bytes<const N: usize>(pub [u8; N]);

impl<const N: usize> fmt::Debug for Bytes<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl<const N: usize> Zeroize for Bytes<N> {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

/// Sixteen bytes at a time: the codec is big-endian, so a u128 is written as its sixteen bytes, at a sixteenth of the calls.
impl<const N: usize> Serialize for Bytes<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (blocks, rest) = self.0.as_chunks::<16>();
        let mut tuple = serializer.serialize_tuple(blocks.len() + rest.len())?;
        for block in blocks {
            tuple.serialize_element(&u128::from_be_bytes(*block))?;
        }
        for byte in rest {
            tuple.serialize_element(byte)?;
        }
        tuple.end()
    }
}

impl<'de, const N: usize> Deserialize<'de> for Bytes<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fixed<const N: usize>;
        impl<'de, const N: usize> Visitor<'de> for Fixed<N> {
            type Value = Bytes<N>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{N} bytes")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Bytes<N>, A::Error> {
                let cut = || A::Error::custom("cut short");
                let mut bytes = [0; N];
                let (blocks, rest) = bytes.as_chunks_mut::<16>();
                for block in blocks {
                    *block = seq.next_element::<u128>()?.ok_or_else(cut)?.to_be_bytes();
                }
                for byte in rest {
                    *byte = seq.next_element()?.ok_or_else(cut)?;
                }
                Ok(Bytes(bytes))
            }
        }
        deserializer.deserialize_tuple(N / 16 + N % 16, Fixed::<N>)
    }
}

/// UTF-8 text of at most 255 bytes, written as one length byte and the text.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShortText(String);

/// A text of more than 255 bytes where a short one is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("longer than 255 bytes")]
pub struct TooLong;

impl ShortText {
    /// Takes a text of at most 255 bytes.
    ///
    /// # Errors
    /// [`TooLong`] otherwise.
    pub fn new(text: &str) -> Result<Self, TooLong> {
        if text.len() > 255 { Err(TooLong) } else { Ok(ShortText(text.to_owned())) }
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ShortText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for ShortText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = self.0.as_bytes();
        let length = u8::try_from(bytes.len()).map_err(|_| serde::ser::Error::custom(TooLong))?;
        let mut tuple = serializer.serialize_tuple(bytes.len() + 1)?;
        tuple.serialize_element(&length)?;
        for byte in bytes {
            tuple.serialize_element(byte)?;
        }
        tuple.end()
    }
}

impl<'de> Deserialize<'de> for ShortText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Short;
        impl<'de> Visitor<'de> for Short {
            type Value = ShortText;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a short text")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<ShortText, A::Error> {
                let cut = || A::Error::custom("cut short");
                let length: u8 = seq.next_element()?.ok_or_else(cut)?;
                let mut bytes = Vec::with_capacity(usize::from(length));
                for _ in 0..length {
                    bytes.push(seq.next_element()?.ok_or_else(cut)?);
                }
                String::from_utf8(bytes).map(ShortText).map_err(A::Error::custom)
            }
        }
        // One length byte and at most 255 more: the visitor takes what the length says and leaves the rest.
        deserializer.deserialize_tuple(256, Short)
    }
}
