//! A person's card: what someone hands over to be enrolled, with proof that the key is theirs.
//!
//! The public entry of an enrolment shows author key, recipient, proof and the commitment to the name; the name and its
//! salt go to the roll only. So [`check_proof`] needs nothing that is not public.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::{KeyError, PublicKey, Signature, SigningKey};
use crate::codec::context::{CARD, ROLL};
use crate::codec::{self, Bytes, Digest, PersonId, ShortText};

/// How the text of a card begins; the number is the version of what follows.
pub const PREFIX: &str = "indelible-card/1:";

/// Largest card in bytes: ids, key, salt and proof, and three short texts.
const LIMIT: usize = 16 + 32 + 3 * 256 + 32 + 64;
/// Longest text of a card.
const TEXT_LIMIT: usize = PREFIX.len() + LIMIT.div_ceil(3) * 4;
/// Longest handle in characters.
const HANDLE_LIMIT: usize = 32;

/// Why a card was not made or not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CardError {
    /// Not the text of a card, or cut short or altered.
    #[error("the text is not a card")]
    BadText,
    /// A name that is empty, longer than 255 bytes, begins or ends with white space, or holds a control character.
    #[error("the name on the card cannot be used")]
    BadName,
    /// A handle that is not 1 to 32 lowercase letters, digits and hyphens, or begins with a hyphen.
    #[error("the handle on the card cannot be used")]
    BadHandle,
    /// A recipient that is not `age1` and lowercase letters and digits.
    #[error("the recipient on the card is not an age recipient")]
    BadRecipient,
    /// The author key is unusable, or the proof is not by this key over this card.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// A person's card. Every one that exists has a valid proof and a key that is not weak.
#[derive(Clone, PartialEq, Eq)]
pub struct Card {
    fields: Fields,
    author_key: PublicKey,
}

/// The bytes of a card, in this order.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Fields {
    person: PersonId,
    author_key: Bytes<32>,
    recipient: ShortText,
    name: ShortText,
    handle: ShortText,
    salt: Bytes<32>,
    proof: Bytes<64>,
}

impl Card {
    /// Makes the card of a person and signs its proof.
    ///
    /// `recipient` is the person's age recipient, `salt` 32 fresh random bytes.
    ///
    /// # Errors
    /// `BadName`, `BadHandle`, `BadRecipient`, or `Key` if signing fails.
    pub fn new(
        person: PersonId,
        key: &SigningKey,
        recipient: &str,
        name: &str,
        handle: &str,
        salt: [u8; 32],
    ) -> Result<Self, CardError> {
        let author_key = key.public();
        let recipient = ShortText::new(recipient).map_err(|_| CardError::BadRecipient)?;
        let name = ShortText::new(name).map_err(|_| CardError::BadName)?;
        let handle = ShortText::new(handle).map_err(|_| CardError::BadHandle)?;
        let proof = key.sign(&message(&author_key, recipient.as_str(), &commitment(&salt, name.as_str())))?;
        let author_bytes = Bytes(*author_key.as_bytes());
        let (salt, proof) = (Bytes(salt), Bytes(proof.0));
        Card::check(Fields { person, author_key: author_bytes, recipient, name, handle, salt, proof })
    }

    /// Parses the one line that [`Display`](fmt::Display) prints, and verifies the proof.
    ///
    /// # Errors
    /// `BadText` if the text was altered or cut; else as [`Card::new`].
    pub fn parse(text: &str) -> Result<Self, CardError> {
        if text.len() > TEXT_LIMIT {
            return Err(CardError::BadText);
        }
        let digits = text.strip_prefix(PREFIX).ok_or(CardError::BadText)?;
        let bytes = URL_SAFE_NO_PAD.decode(digits).map_err(|_| CardError::BadText)?;
        Card::check(codec::decode(&bytes, LIMIT).map_err(|_| CardError::BadText)?)
    }

    /// The only way to a card.
    fn check(fields: Fields) -> Result<Self, CardError> {
        let author_key = PublicKey::from_bytes(&fields.author_key.0)?;
        let (recipient, name) = (fields.recipient.as_str(), fields.name.as_str());
        let body = recipient.strip_prefix("age1").unwrap_or("");
        if body.is_empty() || !body.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) {
            return Err(CardError::BadRecipient);
        }
        if name.is_empty() || name.trim() != name || name.contains(char::is_control) {
            return Err(CardError::BadName);
        }
        if !is_handle(fields.handle.as_str()) {
            return Err(CardError::BadHandle);
        }
        let proof = Signature(fields.proof.0);
        check_proof(&author_key, recipient, &commitment(&fields.salt.0, name), &proof)?;
        Ok(Card { fields, author_key })
    }

    /// Returns the id that the person keeps on every device.
    #[must_use]
    pub fn person(&self) -> PersonId {
        self.fields.person
    }

    /// Returns the key that signs this device's statements.
    #[must_use]
    pub fn author_key(&self) -> &PublicKey {
        &self.author_key
    }

    /// Returns the age recipient, to which keys for this person are sealed.
    #[must_use]
    pub fn recipient(&self) -> &str {
        self.fields.recipient.as_str()
    }

    /// Returns the person's name: for the roll and the screen, never for the log.
    #[must_use]
    pub fn name(&self) -> &str {
        self.fields.name.as_str()
    }

    /// Returns the handle that colleagues type.
    #[must_use]
    pub fn handle(&self) -> &str {
        self.fields.handle.as_str()
    }

    /// Returns the salt of the name's commitment: for the roll, never for the log.
    #[must_use]
    pub fn salt(&self) -> &[u8; 32] {
        &self.fields.salt.0
    }

    /// Returns the salted commitment to the name, which the public entry shows.
    #[must_use]
    pub fn commitment(&self) -> Digest {
        commitment(self.salt(), self.name())
    }

    /// Returns the proof of possession, which the public entry shows.
    #[must_use]
    pub fn proof(&self) -> Signature {
        Signature(self.fields.proof.0)
    }
}

/// Verifies a proof of possession from what is public: a signature by the author key over the key, the age recipient
/// and the commitment to the name.
///
/// # Errors
/// `BadSignature` if it is not.
pub fn check_proof(
    author_key: &PublicKey,
    recipient: &str,
    commitment: &Digest,
    proof: &Signature,
) -> Result<(), KeyError> {
    author_key.verify(&message(author_key, recipient, commitment), proof)
}

/// Returns the commitment to a name under a salt, for whoever compares the roll with the log.
#[must_use]
pub fn commitment(salt: &[u8; 32], name: &str) -> Digest {
    Digest::new(ROLL.keyed(salt, name.as_bytes()))
}

/// Tells whether a text is 1 to 32 lowercase letters, digits and hyphens, the first no hyphen: a command line would take
/// it for an option.
#[must_use]
pub fn is_handle(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=HANDLE_LIMIT).contains(&text.len()) && !text.starts_with('-') && text.bytes().all(fits)
}

/// Returns the handle for a name until someone chooses another: the first name in plain lowercase letters.
///
/// Accents are dropped from Latin letters; what has no plain form is left out; if nothing remains it is `person`.
#[must_use]
pub fn default_handle(name: &str) -> String {
    let first = name.split_whitespace().next().unwrap_or("");
    let handle: String = first.chars().flat_map(char::to_lowercase).flat_map(|c| plain(c).chars()).collect();
    let mut handle = handle.trim_start_matches('-').to_owned();
    handle.truncate(HANDLE_LIMIT);
    if handle.is_empty() { "person".to_owned() } else { handle }
}

/// The lowercase letters with accents in Latin-1 and Latin Extended-A, in runs with the same plain form.
const PLAIN: &[(char, char, &str)] = &[
    ('\u{df}', '\u{df}', "ss"),
    ('\u{e0}', '\u{e5}', "a"),
    ('\u{e6}', '\u{e6}', "ae"),
    ('\u{e7}', '\u{e7}', "c"),
    ('\u{e8}', '\u{eb}', "e"),
    ('\u{ec}', '\u{ef}', "i"),
    ('\u{f0}', '\u{f0}', "d"),
    ('\u{f1}', '\u{f1}', "n"),
    ('\u{f2}', '\u{f6}', "o"),
    ('\u{f8}', '\u{f8}', "o"),
    ('\u{f9}', '\u{fc}', "u"),
    ('\u{fd}', '\u{fd}', "y"),
    ('\u{fe}', '\u{fe}', "th"),
    ('\u{ff}', '\u{ff}', "y"),
    ('\u{100}', '\u{105}', "a"),
    ('\u{106}', '\u{10d}', "c"),
    ('\u{10e}', '\u{111}', "d"),
    ('\u{112}', '\u{11b}', "e"),
    ('\u{11c}', '\u{123}', "g"),
    ('\u{124}', '\u{127}', "h"),
    ('\u{128}', '\u{131}', "i"),
    ('\u{132}', '\u{133}', "ij"),
    ('\u{134}', '\u{135}', "j"),
    ('\u{136}', '\u{138}', "k"),
    ('\u{139}', '\u{142}', "l"),
    ('\u{143}', '\u{14b}', "n"),
    ('\u{14c}', '\u{151}', "o"),
    ('\u{152}', '\u{153}', "oe"),
    ('\u{154}', '\u{159}', "r"),
    ('\u{15a}', '\u{161}', "s"),
    ('\u{162}', '\u{167}', "t"),
    ('\u{168}', '\u{173}', "u"),
    ('\u{174}', '\u{175}', "w"),
    ('\u{176}', '\u{178}', "y"),
    ('\u{179}', '\u{17e}', "z"),
    ('\u{218}', '\u{219}', "s"),
    ('\u{21a}', '\u{21b}', "t"),
];

/// Plain letters, digits and the hyphen, for slicing one out as text.
const ASCII: &str = "abcdefghijklmnopqrstuvwxyz0123456789-";

fn plain(c: char) -> &'static str {
    if let Some(at) = ASCII.find(c) {
        return ASCII.get(at..=at).unwrap_or("");
    }
    PLAIN.iter().find(|(first, last, _)| (*first..=*last).contains(&c)).map_or("", |(_, _, letters)| letters)
}

fn message(author_key: &PublicKey, recipient: &str, commitment: &Digest) -> Vec<u8> {
    // One piece has no fixed length; the others are 32 bytes each, so the pieces cannot be moved.
    CARD.message(&[author_key.as_bytes(), recipient.as_bytes(), commitment.as_bytes()])
}

impl fmt::Display for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = codec::encode(&self.fields, LIMIT).map_err(|_| fmt::Error)?;
        write!(f, "{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Card({}, {:?})", self.fields.person, self.author_key)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RECIPIENT: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

    fn card() -> Card {
        let key = SigningKey::from_seed(&[3; 32]);
        Card::new(PersonId::new([1; 16]), &key, RECIPIENT, "Sam O'Neil", "sam", [9; 32]).unwrap()
    }

    #[test]
    fn a_card_is_read_back_with_all_it_says() {
        let text = card().to_string();
        let digits = text.strip_prefix(PREFIX).unwrap();
        assert!(digits.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        let read = Card::parse(&text).unwrap();
        assert_eq!(read, card());
        assert_eq!((read.name(), read.handle(), read.recipient()), ("Sam O'Neil", "sam", RECIPIENT));
        assert_eq!((read.person(), read.salt()), (PersonId::new([1; 16]), &[9; 32]));
        assert_eq!(read.author_key(), &SigningKey::from_seed(&[3; 32]).public());
        assert_eq!(check_proof(read.author_key(), RECIPIENT, &read.commitment(), &read.proof()), Ok(()));
    }

    #[test]
    fn what_the_proof_covers_cannot_be_changed() {
        let good = card();
        let other = SigningKey::from_seed(&[4; 32]).public();
        let proof = good.proof();
        assert!(check_proof(&other, RECIPIENT, &good.commitment(), &proof).is_err());
        assert!(check_proof(good.author_key(), "age1other", &good.commitment(), &proof).is_err());
        assert!(check_proof(good.author_key(), RECIPIENT, &commitment(&[8; 32], "Sam O'Neil"), &proof).is_err());
        let change = |change: fn(&mut Fields)| {
            let mut fields = good.fields.clone();
            change(&mut fields);
            Card::check(fields)
        };
        let bad_signature = Err(CardError::Key(KeyError::BadSignature));
        assert_eq!(change(|f| f.name = ShortText::new("Sam Oneil").unwrap()), bad_signature);
        assert_eq!(change(|f| f.salt.0[0] ^= 1), bad_signature);
        assert_eq!(change(|f| f.recipient = ShortText::new("age1other").unwrap()), bad_signature);
        assert_eq!(change(|f| f.author_key = Bytes([0; 32])), Err(CardError::Key(KeyError::Weak)));
        assert_eq!(change(|f| f.author_key = Bytes([0xff; 32])), Err(CardError::Key(KeyError::NotAKey)));
        assert_eq!(change(|f| f.handle = ShortText::new("Sam").unwrap()), Err(CardError::BadHandle));
        assert_eq!(change(|f| f.recipient = ShortText::new("sam").unwrap()), Err(CardError::BadRecipient));
    }

    #[test]
    fn names_that_would_break_a_line_are_refused() {
        let key = SigningKey::from_seed(&[3; 32]);
        for bad in ["", " ", " Sam", "Sam\n", "Sa\u{1b}m", "Sam\u{a0}", &"x".repeat(256)] {
            let made = Card::new(PersonId::ZERO, &key, RECIPIENT, bad, "sam", [9; 32]);
            assert_eq!(made, Err(CardError::BadName), "{bad:?}");
        }
    }

    #[test]
    fn debug_shows_neither_name_nor_salt() {
        let shown = format!("{:?}", card());
        assert!(!shown.contains("Sam") && !shown.contains("sam") && !shown.contains("0909"));
    }

    #[test]
    fn handles_are_first_names_in_plain_letters() {
        for (name, handle) in [
            ("Sam O'Neil", "sam"),
            ("  Mary-Jane  Watson", "mary-jane"),
            ("Zo\u{eb} Smith", "zoe"),
            ("\u{141}ukasz", "lukasz"),
            ("\u{c6}thelflaed", "aethelflaed"),
            ("O\u{2019}Brien", "obrien"),
            ("\u{738b} \u{5c0f}\u{660e}", "person"),
            ("- x", "person"),
            ("", "person"),
        ] {
            assert_eq!(default_handle(name), handle);
        }
        assert_eq!(default_handle(&"a".repeat(50)).len(), 32);
        assert!(is_handle("a-") && !is_handle("-a") && !is_handle("-"));
        assert!(is_handle("a-1") && !is_handle("") && !is_handle("A") && !is_handle(&"a".repeat(33)));
    }

    #[test]
    fn every_altered_character_is_refused_or_keeps_the_proof() {
        let text = card().to_string();
        for at in 0..text.len() {
            assert!(Card::parse(&text[..at]).is_err());
            let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
            let altered = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            // Person id and handle are not under the proof: the roll is where they are vouched for.
            if let Ok(read) = Card::parse(&altered) {
                assert_eq!(read.commitment(), card().commitment());
                assert_eq!(read.to_string(), altered);
            }
        }
        assert!(Card::parse(&format!("{text}A")).is_err());
        assert!(Card::parse(&format!("{text}=")).is_err());
        assert!(Card::parse(&format!("{text}\n")).is_err());
    }

    proptest! {
        #[test]
        fn cards_round_trip(name in "[A-Za-z][a-z ']{0,20}[a-z]", salt: [u8; 32], junk: Vec<u8>) {
            let key = SigningKey::from_seed(&salt);
            let card = Card::new(PersonId::new([5; 16]), &key, RECIPIENT, &name, &default_handle(&name), salt).unwrap();
            prop_assert_eq!(Card::parse(&card.to_string()).unwrap(), card);
            let junk = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(junk));
            prop_assert!(Card::parse(&junk).is_err());
        }

        #[test]
        fn every_default_handle_is_a_handle(name in "\\PC{0,40}") {
            prop_assert!(is_handle(&default_handle(&name)));
        }
    }
}
