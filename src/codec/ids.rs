//! Ids: a type for each byte string with a meaning, so that none is taken for another.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Bytes;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $bytes:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name(pub Bytes<$bytes>);

        impl $name {
            /// All zeros: "absent" in the format.
            pub const ZERO: $name = $name(Bytes([0; $bytes]));

            /// Takes the bytes as they are.
            #[must_use]
            pub const fn new(bytes: [u8; $bytes]) -> Self {
                $name(Bytes(bytes))
            }

            /// Returns the bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0.0
            }

            /// Parses lowercase hexadecimal digits, exactly as [`Display`](fmt::Display) prints them.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                super::context::parse_hex(text).map(Self::new)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

id!(
    /// Names a ledger: the hash of what its genesis entry says (32 bytes).
    LedgerId,
    32
);
id!(
    /// Names a statement before it has an entry number (16 random bytes).
    StatementId,
    16
);
id!(
    /// Names a person across all their devices and keys (16 random bytes; the roll says who).
    PersonId,
    16
);
id!(
    /// Stands for a child's case (16 random bytes; the roll says which child).
    CaseTag,
    16
);
id!(
    /// Names one epoch of a folder's key pair: the hash of its public half (32 bytes).
    FolderKeyId,
    32
);
id!(
    /// A BLAKE3 hash under a context: of a statement, a document, a part, a commitment (32 bytes).
    Digest,
    32
);
id!(
    /// The BLAKE3 link of an entry: the hash of its envelope, which holds the link before it (32 bytes).
    Link,
    32
);

impl CaseTag {
    /// Returns the tag in Crockford's base 32 (26 letters and digits).
    #[must_use]
    pub fn base32(&self) -> String {
        const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
        let mut value = u128::from_be_bytes(*self.as_bytes());
        // 128 bits are 25 digits of 5 bits and one of 3: the digits are taken from the top.
        (0..26)
            .map(|_| {
                let digit = (value >> 123) as usize;
                value <<= 5;
                char::from(DIGITS[digit & 31])
            })
            .collect()
    }

    /// Returns the shortest beginning of [`CaseTag::base32`], of at least four characters, that no other tag shares.
    #[must_use]
    pub fn short(&self, others: &[CaseTag]) -> String {
        let own = self.base32();
        let shared = |other: &CaseTag| {
            let other = other.base32();
            own.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count()
        };
        let longest = others.iter().filter(|other| *other != self).map(shared).max().unwrap_or(0);
        own.chars().take((longest + 1).max(4)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_shown_as_short_as_they_can_be() {
        let one = CaseTag::new([0; 16]);
        let mut near = [0; 16];
        near[3] = 0x10;
        let two = CaseTag::new(near);
        assert_eq!(one.base32().len(), 26);
        assert_eq!(one.short(&[one]), "0000");
        assert_eq!(one.short(&[one, two]).len(), 6);
        assert_eq!(CaseTag::new([255; 16]).base32(), "zzzzzzzzzzzzzzzzzzzzzzzzzw");
    }

    #[test]
    fn hex_has_one_spelling() {
        let id = StatementId::new([0xab; 16]);
        assert_eq!(StatementId::parse(&id.to_string()), Some(id));
        assert_eq!(StatementId::parse(&id.to_string().to_uppercase()), None);
        assert_eq!(StatementId::parse("ab"), None);
    }
}
