//! The roll: which child a case tag stands for, and who a person id is. `cabinet/roll.age`, for all enrolled staff.
//!
//! The ledger holds a salted commitment to each line and never the line. Content version 1 is a u64 count and the cases
//! (tag 16, handle, label, salt 32), then a u64 count and the persons (person id 16, handle, name, salt 32); a text is
//! its length in bytes (u64) and the text. A line is never changed once it is in, since the ledger commits to it.

use std::path::Path;

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::cabinet::wrap::{AgeSecret, Recipient};
use crate::cabinet::{self, CabinetError, Durable, check_handle, check_text};
use crate::codec::context::ROLL;
use crate::codec::{Bytes, CaseTag, CodecError, Digest, PersonId};
use crate::keys::card;

/// Largest label or name in bytes.
pub const TEXT_LIMIT: usize = 255;
/// Fewest characters of a case tag that find a case.
pub const TAG_PREFIX: usize = 4;
/// Characters of a whole tag.
const TAG_DIGITS: usize = 26;

/// What stands in the place of the label of a case that was retired.
pub const FORGOTTEN: &str = "(retired)";

/// Most characters of a handle ([`card::is_handle`]).
const HANDLE_LIMIT: usize = 32;

/// A child's case: what staff call it, and for which child it is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct CaseLine {
    #[zeroize(skip)]
    tag: CaseTag,
    handle: String,
    label: String,
    salt: Bytes<32>,
}

/// A person: what the others call them, and their name.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct PersonLine {
    #[zeroize(skip)]
    person: PersonId,
    handle: String,
    name: String,
    salt: Bytes<32>,
}

/// The whole roll; leaves memory when dropped, and cannot be printed.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roll {
    cases: Vec<CaseLine>,
    persons: Vec<PersonLine>,
}

/// What a typed handle or tag stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Found<'a> {
    /// Nothing.
    None,
    /// One case.
    One(&'a CaseLine),
    /// As many cases as this: it must be typed in full.
    Several(usize),
}

impl CaseLine {
    /// Makes the line of a new case, with a random tag and salt.
    ///
    /// # Errors
    /// `BadText`.
    pub fn new(handle: &str, label: &str, rng: &mut impl CryptoRng) -> Result<Self, CabinetError> {
        let (mut tag, mut salt) = ([0; 16], [0; 32]);
        rng.fill_bytes(&mut tag);
        rng.fill_bytes(&mut salt);
        check_handle(handle)?;
        check_text(label, TEXT_LIMIT)?;
        Ok(CaseLine { tag: CaseTag::new(tag), handle: handle.to_owned(), label: label.to_owned(), salt: Bytes(salt) })
    }

    /// Returns the tag that stands for the case in the ledger.
    #[must_use]
    pub fn tag(&self) -> CaseTag {
        self.tag
    }

    /// Returns what staff type for the case.
    #[must_use]
    pub fn handle(&self) -> &str {
        &self.handle
    }

    /// Returns for whom the case is.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Returns the commitment that `case.opened` holds: over the length of the handle (u32), handle and label.
    #[must_use]
    pub fn commitment(&self) -> Digest {
        let mut message = Zeroizing::new(Vec::with_capacity(4 + self.handle.len() + self.label.len()));
        message.extend_from_slice(&u32::try_from(self.handle.len()).unwrap_or(u32::MAX).to_be_bytes());
        message.extend_from_slice(self.handle.as_bytes());
        message.extend_from_slice(self.label.as_bytes());
        Digest::new(ROLL.keyed(&self.salt.0, &message))
    }
}

impl PersonLine {
    /// Makes the line of a person, with the salt that their card carries.
    ///
    /// # Errors
    /// `BadText`.
    pub fn new(person: PersonId, handle: &str, name: &str, salt: &[u8; 32]) -> Result<Self, CabinetError> {
        check_handle(handle)?;
        check_text(name, TEXT_LIMIT)?;
        Ok(PersonLine { person, handle: handle.to_owned(), name: name.to_owned(), salt: Bytes(*salt) })
    }

    /// Returns the person's id.
    #[must_use]
    pub fn person(&self) -> PersonId {
        self.person
    }

    /// Returns what the others type for the person.
    #[must_use]
    pub fn handle(&self) -> &str {
        &self.handle
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the commitment that the card carries and `key.enrol` holds: over the bytes of the name.
    #[must_use]
    pub fn commitment(&self) -> Digest {
        card::commitment(&self.salt.0, &self.name)
    }
}

impl Roll {
    /// Opens the roll.
    ///
    /// # Errors
    /// `Missing` before the first [`Roll::save`]; `Wrap` if it is not for this secret; `Content`.
    pub fn load(cabinet: &Path, secret: &AgeSecret) -> Result<Self, CabinetError> {
        let roll: Roll = cabinet::load(&cabinet.join("roll.age"), secret)?;
        roll.check()?;
        Ok(roll)
    }

    /// Replaces the roll as a whole for these recipients: all enrolled staff and recovery. Durable when it returns.
    ///
    /// Whoever adds a line holds the ledger's lock from [`Roll::load`] to here, or another's line could be lost.
    ///
    /// # Errors
    /// `Wrap` and `Disk`.
    pub fn save(&self, cabinet: &Path, recipients: &[Recipient]) -> Result<(), CabinetError> {
        cabinet::put(&cabinet.join("roll.age"), &cabinet::seal(self, recipients)?, Durable::Now)
    }

    /// Adds a case.
    ///
    /// # Errors
    /// `Taken` if the tag or the handle is on the roll.
    pub fn add_case(&mut self, line: CaseLine) -> Result<(), CabinetError> {
        if self.cases.iter().any(|case| case.tag == line.tag || case.handle == line.handle) {
            return Err(CabinetError::Taken);
        }
        self.cases.push(line);
        Ok(())
    }

    /// Takes handle, label and salt out of a case's line: what stays is the tag, whose commitment in the ledger then leads
    /// nowhere. Returns whether there was anything to take out.
    pub fn forget_case(&mut self, tag: CaseTag) -> bool {
        let handle = tag.base32().to_lowercase();
        let Some(line) = self.cases.iter_mut().find(|line| line.tag == tag && line.handle != handle) else {
            return false;
        };
        *line = CaseLine { tag, handle, label: FORGOTTEN.to_owned(), salt: Bytes([0; 32]) };
        true
    }

    /// Adds a person; one who is on the roll already needs no second line for another device.
    ///
    /// # Errors
    /// `Taken` if the person or the handle is on the roll.
    pub fn add_person(&mut self, line: PersonLine) -> Result<(), CabinetError> {
        if self.persons.iter().any(|person| person.person == line.person || person.handle == line.handle) {
            return Err(CabinetError::Taken);
        }
        self.persons.push(line);
        Ok(())
    }

    /// Returns the handle for a new person: the wanted one, or with the first free number from 2 behind it.
    #[must_use]
    pub fn free_person_handle(&self, wanted: &str) -> Zeroizing<String> {
        free(wanted, |handle| self.persons.iter().any(|person| person.handle == handle))
    }

    /// Returns the handle for a new case: the wanted one, or with the first free number from 2 behind it.
    #[must_use]
    pub fn free_case_handle(&self, wanted: &str) -> Zeroizing<String> {
        free(wanted, |handle| self.cases.iter().any(|case| case.handle == handle))
    }

    /// Returns the cases in the order in which they were added.
    #[must_use]
    pub fn cases(&self) -> &[CaseLine] {
        &self.cases
    }

    /// Returns the persons in the order in which they were added.
    #[must_use]
    pub fn persons(&self) -> &[PersonLine] {
        &self.persons
    }

    /// Returns the case of a tag.
    #[must_use]
    pub fn case(&self, tag: CaseTag) -> Option<&CaseLine> {
        self.cases.iter().find(|case| case.tag == tag)
    }

    /// Returns the person of an id.
    #[must_use]
    pub fn person(&self, person: PersonId) -> Option<&PersonLine> {
        self.persons.iter().find(|line| line.person == person)
    }

    /// Returns the person of a handle, typed in capitals or not.
    #[must_use]
    pub fn person_by_handle(&self, handle: &str) -> Option<&PersonLine> {
        let handle = Zeroizing::new(handle.to_lowercase());
        self.persons.iter().find(|line| line.handle == *handle)
    }

    /// Finds the case of a handle, or of a tag in base 32 of which at least [`TAG_PREFIX`] characters are given.
    ///
    /// Whoever types a handle as it stands means that case: it wins over tags of which it happens to be the beginning. Only a
    /// text that is one case's handle and the whole tag of another is `Several`.
    #[must_use]
    pub fn find_case(&self, text: &str) -> Found<'_> {
        let (tag, handle) = (tag_digits(text), Zeroizing::new(text.to_lowercase()));
        let named = self.cases.iter().find(|case| case.handle == *handle);
        let tag = tag.filter(|tag| named.is_none() || tag.len() == TAG_DIGITS);
        let fits = |case: &&CaseLine| {
            case.handle == *handle || tag.as_ref().is_some_and(|tag| case.tag.base32().starts_with(tag.as_str()))
        };
        let mut fitting = self.cases.iter().filter(fits);
        match (fitting.next(), fitting.count()) {
            (None, _) => Found::None,
            (Some(case), 0) => Found::One(case),
            (Some(_), more) => Found::Several(more + 1),
        }
    }

    /// Checks what the codec does not: texts, and that nothing stands twice.
    fn check(&self) -> Result<(), CabinetError> {
        let bad = |_| CabinetError::Content(CodecError::NotCanonical);
        let texts = self.cases.iter().map(|c| (&c.handle, &c.label));
        for (handle, text) in texts.chain(self.persons.iter().map(|p| (&p.handle, &p.name))) {
            check_handle(handle).and_then(|()| check_text(text, TEXT_LIMIT)).map_err(bad)?;
        }
        let unique = all_differ(self.cases.iter().map(|c| &c.tag))
            && all_differ(self.cases.iter().map(|c| &c.handle))
            && all_differ(self.persons.iter().map(|p| &p.person))
            && all_differ(self.persons.iter().map(|p| &p.handle));
        if unique { Ok(()) } else { Err(CodecError::NotCanonical.into()) }
    }
}

fn all_differ<T: Ord>(values: impl Iterator<Item = T>) -> bool {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values.windows(2).all(|pair| matches!(pair, [a, b] if a != b))
}

/// Reads a beginning of a tag as people type it: in capitals or not, with `o`, `i` and `l` for the digits they look
/// like (Crockford's base 32).
fn tag_digits(text: &str) -> Option<String> {
    let digit = |c: char| match c.to_ascii_lowercase() {
        'o' => Some('0'),
        'i' | 'l' => Some('1'),
        'u' => None,
        c if c.is_ascii_alphanumeric() => Some(c),
        _ => None,
    };
    if !(TAG_PREFIX..=TAG_DIGITS).contains(&text.len()) {
        return None;
    }
    text.chars().map(digit).collect()
}

fn free(wanted: &str, taken: impl Fn(&str) -> bool) -> Zeroizing<String> {
    // Handles are ASCII and have at most 32 characters: a long one gives up its end for the number.
    let numbered = (2u32..).map(|number| {
        let number = number.to_string();
        format!("{}{number}", wanted.get(..HANDLE_LIMIT - number.len()).unwrap_or(wanted))
    });
    let free = std::iter::once(wanted.to_owned()).chain(numbered).find(|handle| !taken(handle));
    Zeroizing::new(free.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::cabinet::tests::{recipients, secret, stream};
    use crate::cabinet::wrap::{WrapError, wrap};
    use crate::codec::pad;

    use super::*;

    fn case(handle: &str, tag: [u8; 4]) -> CaseLine {
        let mut line = CaseLine::new(handle, "Maya B", &mut stream(u64::from(u32::from_be_bytes(tag)))).unwrap();
        let mut bytes = *line.tag.as_bytes();
        bytes[..4].copy_from_slice(&tag);
        line.tag = CaseTag::new(bytes);
        line
    }

    fn person(number: u8, handle: &str) -> PersonLine {
        PersonLine::new(PersonId::new([number; 16]), handle, "Sam Okafor", &[number; 32]).unwrap()
    }

    #[test]
    fn staff_open_it_and_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Roll::load(folder.path(), &secret(1)), Err(CabinetError::Missing)));
        let mut roll = Roll::default();
        roll.add_case(case("maya", [1, 2, 3, 4])).unwrap();
        roll.add_person(person(1, "sam")).unwrap();
        roll.save(folder.path(), &recipients(&[1, 9])).unwrap();
        assert!(Roll::load(folder.path(), &secret(9)).unwrap() == roll);
        let refused = Roll::load(folder.path(), &secret(2)).err().unwrap();
        assert!(matches!(refused, CabinetError::Wrap(WrapError::NotForThis)));
        roll.save(folder.path(), &recipients(&[1, 2, 9])).unwrap();
        assert!(Roll::load(folder.path(), &secret(2)).unwrap() == roll);
        let file = crate::store::durable::read(&folder.path().join("roll.age"), 1 << 20).unwrap();
        assert!(!file.windows(4).any(|w| w == b"maya"));
    }

    #[test]
    fn handles_are_unique_and_get_numbers() {
        let mut roll = Roll::default();
        assert_eq!(*roll.free_person_handle("sam"), "sam");
        roll.add_person(person(1, "sam")).unwrap();
        assert_eq!(*roll.free_person_handle("sam"), "sam2");
        assert!(matches!(roll.add_person(person(2, "sam")), Err(CabinetError::Taken)));
        roll.add_person(person(2, "sam2")).unwrap();
        assert_eq!(*roll.free_person_handle("sam"), "sam3");
        assert!(matches!(roll.add_person(person(1, "other")), Err(CabinetError::Taken)));
        assert_eq!(roll.person_by_handle("sam2").map(PersonLine::person), Some(PersonId::new([2; 16])));
        let long = "a".repeat(32);
        roll.add_person(person(3, &long)).unwrap();
        let numbered = roll.free_person_handle(&long);
        assert_eq!(*numbered, format!("{}2", "a".repeat(31)));
        roll.add_person(person(4, &numbered)).unwrap();
        // Cases have handles of their own.
        assert_eq!(*roll.free_case_handle("sam"), "sam");
        assert!(PersonLine::new(PersonId::ZERO, "sam", "two\nlines", &[0; 32]).is_err());
    }

    #[test]
    fn cases_are_found_by_handle_and_by_the_beginning_of_their_tag() {
        let mut roll = Roll::default();
        // In base 32, [0, 0, ..] begins 0000, and b7 2b .. begins pwmq.
        roll.add_case(case("maya", [0, 0, 0, 0])).unwrap();
        roll.add_case(case("0000", [0xb7, 0x2b, 0, 0])).unwrap();
        roll.add_case(case("third", [0, 0, 0, 0x10])).unwrap();
        let found = |text: &str| match roll.find_case(text) {
            Found::None => "none".to_owned(),
            Found::One(case) => case.handle().to_owned(),
            Found::Several(count) => count.to_string(),
        };
        assert_eq!((found("maya"), found("Maya")), ("maya".to_owned(), "maya".to_owned()));
        let second = roll.cases()[1].tag().base32();
        assert_eq!(found(&second[..4]), "0000");
        assert_eq!(found(&second.to_uppercase()), "0000");
        assert_eq!(found(&second[..3]), "none");
        assert_eq!(found("OOOO"), "2");
        // A handle typed as it stands is meant, even where tags begin like it.
        assert_eq!(found("0000"), "0000");
        assert_eq!(found("000000"), "maya");
        assert_eq!(found("000004"), "third");
        assert_eq!(found(&format!("{second}0")), "none");
        assert_eq!(found("Zo\u{eb}!"), "none");
    }

    #[test]
    fn a_handle_that_is_the_whole_tag_of_another_case_is_no_guess() {
        let mut roll = Roll::default();
        let maya = case("maya", [1, 2, 3, 4]);
        let tag = maya.tag().base32();
        roll.add_case(maya).unwrap();
        roll.add_case(case(&tag, [5, 6, 7, 8])).unwrap();
        assert!(matches!(roll.find_case(&tag), Found::Several(2)));
        assert!(matches!(roll.find_case(&tag[..25]), Found::One(case) if case.handle() == "maya"));
    }

    #[test]
    fn commitments_bind_every_text_of_a_line() {
        let line = case("maya", [1, 2, 3, 4]);
        let mut moved = line.clone();
        (moved.handle, moved.label) = ("may".to_owned(), "aMaya B".to_owned());
        let mut resalted = line.clone();
        resalted.salt = Bytes([9; 32]);
        assert_ne!(line.commitment(), moved.commitment());
        assert_ne!(line.commitment(), resalted.commitment());
        let sam = person(1, "sam");
        assert_eq!(sam.commitment(), Digest::new(ROLL.keyed(&[1; 32], b"Sam Okafor")));
        assert_eq!(sam.commitment(), person(1, "sam9").commitment());
    }

    #[test]
    fn a_roll_with_a_line_twice_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let line = case("maya", [1, 2, 3, 4]);
        Roll { cases: vec![line.clone(), line], persons: Vec::new() }.save(folder.path(), &recipients(&[1])).unwrap();
        assert!(matches!(Roll::load(folder.path(), &secret(1)), Err(CabinetError::Content(_))));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_content_panics(content in proptest::collection::vec(any::<u8>(), 0..300), text in "\\PC{0,30}") {
            let folder = tempfile::tempdir().unwrap();
            let mut versioned = vec![1];
            versioned.extend_from_slice(&content);
            let file = wrap(&pad(&versioned), &recipients(&[1])).unwrap();
            cabinet::put(&folder.path().join("roll.age"), &file, Durable::Now).unwrap();
            if let Ok(roll) = Roll::load(folder.path(), &secret(1)) {
                let _ = roll.find_case(&text);
            }
            let _ = Roll::default().find_case(&text);
        }
    }
}
