//! The recovery sheet: 32 random bytes as 24 English words (BIP 39), and the age secret behind them.
//!
//! The secret is `RECOVERY.hash` over the 32 bytes; its recipient is one of those of every wrap, so that whoever holds
//! the sheet opens the whole cabinet with this program or with the stock `age` program.

use bip39::{Language, Mnemonic};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::cabinet::wrap::{AgeSecret, WrapError};
use crate::codec::context::RECOVERY;

/// Words on a sheet.
pub const WORDS: usize = 24;

/// Why words are not a recovery sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecoveryError {
    /// Another number of words.
    #[error("{0} words where a recovery sheet has {WORDS}")]
    Count(usize),
    /// A word that is not in the list; its place on the sheet, from 1. The word itself is not repeated.
    #[error("word {0} is not in the list of words")]
    UnknownWord(usize),
    /// Each word is in the list, but they do not belong together: one is wrong, or two stand in each other's place.
    #[error("the words do not belong together: the check over them fails")]
    Check,
}

/// The 32 bytes of a recovery sheet; leave memory when dropped, and cannot be printed.
pub struct RecoverySheet(Zeroizing<[u8; 32]>);

impl RecoverySheet {
    /// Draws a sheet.
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        let mut entropy = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *entropy);
        RecoverySheet(entropy)
    }

    /// Reads the words of a sheet, in capitals or not, with any white space between them.
    ///
    /// # Errors
    /// `Count`, `UnknownWord` or `Check`, in this order.
    pub fn from_words(words: &str) -> Result<Self, RecoveryError> {
        let count = words.split_whitespace().count();
        if count != WORDS {
            return Err(RecoveryError::Count(count));
        }
        let words = Zeroizing::new(words.to_ascii_lowercase());
        let mnemonic = Mnemonic::parse_in_normalized(Language::English, &words).map_err(|error| match error {
            bip39::Error::UnknownWord(index) => RecoveryError::UnknownWord(index + 1),
            _ => RecoveryError::Check,
        })?;
        let (bytes, _) = mnemonic.to_entropy_array();
        let bytes = Zeroizing::new(bytes);
        let (entropy, _) = bytes.split_first_chunk::<32>().ok_or(RecoveryError::Check)?;
        Ok(RecoverySheet(Zeroizing::new(*entropy)))
    }

    /// Returns the 24 words, with one space between them.
    ///
    /// # Errors
    /// `Check` does not happen: 32 bytes are always 24 words.
    pub fn words(&self) -> Result<Zeroizing<String>, RecoveryError> {
        let mnemonic = Mnemonic::from_entropy_in(Language::English, &*self.0).map_err(|_| RecoveryError::Check)?;
        // The longest word of the list has eight letters: the text is never moved while it grows.
        let mut words = Zeroizing::new(String::with_capacity(WORDS * 9));
        for word in mnemonic.words() {
            if !words.is_empty() {
                words.push(' ');
            }
            words.push_str(word);
        }
        Ok(words)
    }

    /// Returns the age secret that opens what was wrapped for recovery.
    ///
    /// # Errors
    /// As [`AgeSecret::from_bytes`].
    pub fn secret(&self) -> Result<AgeSecret, WrapError> {
        AgeSecret::from_bytes(&Zeroizing::new(RECOVERY.hash(&[&*self.0])))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::cabinet::folder_keys;
    use crate::cabinet::tests::stream;
    use crate::seal::words::FolderPrivate;

    use super::*;

    #[test]
    fn the_words_are_those_of_bip_39() {
        // Vectors of BIP 39 for 256 bits: all zeros, and all ones.
        let zeros = format!("{}art", "abandon ".repeat(23));
        assert_eq!(*RecoverySheet(Zeroizing::new([0; 32])).words().unwrap(), zeros);
        let ones = format!("{}vote", "zoo ".repeat(23));
        assert_eq!(*RecoverySheet(Zeroizing::new([255; 32])).words().unwrap(), ones);
        assert_eq!(*RecoverySheet::from_words(&ones.to_uppercase().replace(' ', "\n ")).unwrap().0, [255; 32]);
    }

    #[test]
    fn mistakes_are_told_apart() {
        let sheet = RecoverySheet::random(&mut stream(1));
        let words = sheet.words().unwrap();
        let mut list: Vec<&str> = words.split(' ').collect();
        assert_eq!(RecoverySheet::from_words(&list[..23].join(" ")).err(), Some(RecoveryError::Count(23)));
        assert_eq!(RecoverySheet::from_words(&list[..12].join(" ")).err(), Some(RecoveryError::Count(12)));
        list.swap(0, 1);
        assert_eq!(RecoverySheet::from_words(&list.join(" ")).err(), Some(RecoveryError::Check));
        list[6] = "safeguarding";
        let unknown = RecoverySheet::from_words(&list.join(" ")).err().unwrap();
        assert_eq!(unknown, RecoveryError::UnknownWord(7));
        assert!(!unknown.to_string().contains("safeguarding"));
    }

    #[test]
    fn the_sheet_opens_the_cabinet() {
        let folder = tempfile::tempdir().unwrap();
        let sheet = RecoverySheet::random(&mut stream(2));
        let recipient = sheet.secret().unwrap().recipient();
        let key = FolderPrivate::generate(&mut stream(3));
        let id = folder_keys::save(folder.path(), &key, &[recipient], &[]).unwrap();
        let typed = RecoverySheet::from_words(&sheet.words().unwrap()).unwrap();
        let again = folder_keys::load(folder.path(), id, &typed.secret().unwrap()).unwrap();
        assert_eq!(again.private().unwrap().as_bytes(), key.as_bytes());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,200}", words in proptest::collection::vec("[a-z]{3,8}", 24)) {
            prop_assert!(RecoverySheet::from_words(&text).is_err());
            prop_assert!(RecoverySheet::from_words(&words.join(" ")).is_err());
        }

        #[test]
        fn words_and_bytes_are_the_same(seed in any::<u64>()) {
            let sheet = RecoverySheet::random(&mut stream(seed));
            prop_assert_eq!(&*RecoverySheet::from_words(&sheet.words().unwrap()).unwrap().0, &*sheet.0);
        }
    }
}
