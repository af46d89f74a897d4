//! Identities: the file in which a person's device keeps its keys, and the one of a witness.
//!
//! An identity is a short text, in clear or in an age passphrase file (scrypt). A person's is at the same time an age
//! identity file: our lines are comments to age, so `age -d -i sam.id FILE` opens what the cabinet holds for Sam.
//!
//! ```text
//! # indelible identity 1
//! # person: <32 hex digits>
//! # handle: sam
//! # name: Sam Okafor
//! # name salt: <64 hex digits>
//! # signing key: <64 hex digits: the Ed25519 seed>
//! AGE-SECRET-KEY-1...
//! ```
//!
//! A witness's has `# indelible cosigner 1`, `# name: <key name>` and `# cosigner key: <64 hex digits>`.
// Long because: one file form with its strict reader, and the two kinds of identity that share it.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use age::secrecy::SecretString;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::cabinet::check_text;
use crate::cabinet::wrap::{self, AgeSecret, Recipient, WrapError};
use crate::codec::PersonId;
use crate::codec::context::parse_hex;
use crate::keys::card::is_handle;
use crate::keys::name::KeyName;
use crate::keys::{PublicKey, SigningKey};

/// Largest identity file in bytes.
pub const IDENTITY_LIMIT: usize = 16 << 10;
/// The scrypt work factor of passphrase files: 2 to this power, as the stock `age` program uses (256 MiB of memory).
pub const WORK_FACTOR: u8 = 18;
/// The largest scrypt work factor that is accepted (1 GiB of memory): a file must not be able to hold up its reader.
pub const WORK_FACTOR_LIMIT: u8 = 20;
/// Largest name in bytes.
pub const NAME_LIMIT: usize = 255;

/// Why an identity was not made or not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// A name that is empty, longer than 255 bytes, or holds control characters or white space at its ends.
    #[error("the name is empty, too long, or holds a character that may not stand there")]
    BadName,
    /// A handle that is not 1 to 32 lowercase letters, digits and hyphens, or begins with a hyphen.
    #[error("the handle is not 1 to 32 lowercase letters, digits and hyphens, the first no hyphen")]
    BadHandle,
    /// A passphrase of no characters.
    #[error("an empty passphrase")]
    EmptyPassphrase,
    /// The file is sealed and no passphrase was given.
    #[error("the identity is sealed with a passphrase, and none was given")]
    PassphraseNeeded,
    /// The passphrase does not open the file.
    #[error("the passphrase does not open the identity")]
    WrongPassphrase,
    /// The file asks for more work than [`WORK_FACTOR_LIMIT`].
    #[error("the file asks for scrypt work factor {0} where at most {WORK_FACTOR_LIMIT} is accepted")]
    TooMuchWork(u8),
    /// Longer than [`IDENTITY_LIMIT`], not an identity, cut short or altered.
    #[error("not an identity file of this program, or a damaged one")]
    NotAnIdentity,
    /// An identity of the other kind.
    #[error("an identity, but of the other kind")]
    OtherKind,
    /// The age library refused.
    #[error(transparent)]
    Wrap(#[from] WrapError),
}

/// A person on one device: who they are, their signing key, and the secret that opens what is wrapped for them.
///
/// Leaves memory when dropped, and cannot be printed.
pub struct Identity {
    person: PersonId,
    name: Zeroizing<String>,
    name_salt: Zeroizing<[u8; 32]>,
    handle: Zeroizing<String>,
    signing: SigningKey,
    secret: AgeSecret,
}

/// A witness: its key name and its own signing key, which is never an author's.
pub struct CosignerIdentity {
    name: KeyName,
    key: SigningKey,
}

/// What an identity file turned out to be.
#[derive(Debug)]
pub enum IdentityFile {
    /// A person's.
    Person(Identity),
    /// A witness's.
    Cosigner(CosignerIdentity),
}

impl Identity {
    /// Makes the first identity of a new person.
    ///
    /// # Errors
    /// `BadName` and `BadHandle`.
    pub fn new(name: &str, handle: &str, rng: &mut impl CryptoRng) -> Result<Self, IdentityError> {
        let (mut person, mut salt) = ([0; 16], Zeroizing::new([0; 32]));
        rng.fill_bytes(&mut person);
        rng.fill_bytes(&mut *salt);
        Self::for_person(PersonId::new(person), name, &salt, handle, rng)
    }

    /// Makes an identity with new keys for a person who is known already: another device, or after a lost one.
    ///
    /// # Errors
    /// `BadName` and `BadHandle`.
    pub fn for_person(
        person: PersonId,
        name: &str,
        name_salt: &[u8; 32],
        handle: &str,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, IdentityError> {
        check_text(name, NAME_LIMIT).map_err(|_| IdentityError::BadName)?;
        if !is_handle(handle) {
            return Err(IdentityError::BadHandle);
        }
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *seed);
        Ok(Identity {
            person,
            name: Zeroizing::new(name.to_owned()),
            name_salt: Zeroizing::new(*name_salt),
            handle: Zeroizing::new(handle.to_owned()),
            signing: SigningKey::from_seed(&seed),
            secret: AgeSecret::random(rng)?,
        })
    }

    /// Returns the person's id, the same on all their devices.
    #[must_use]
    pub fn person(&self) -> PersonId {
        self.person
    }

    /// Returns the person's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the salt of the commitment to the name (32 bytes).
    #[must_use]
    pub fn name_salt(&self) -> &[u8; 32] {
        &self.name_salt
    }

    /// Returns the handle the person would like; the roll has the one they got.
    #[must_use]
    pub fn handle(&self) -> &str {
        &self.handle
    }

    /// Returns the key that signs statements.
    #[must_use]
    pub fn signing(&self) -> &SigningKey {
        &self.signing
    }

    /// Returns the public half of the signing key: the author key.
    #[must_use]
    pub fn author(&self) -> PublicKey {
        self.signing.public()
    }

    /// Returns the secret that opens what is wrapped for this device.
    #[must_use]
    pub fn secret(&self) -> &AgeSecret {
        &self.secret
    }

    /// Returns whom to wrap for so that this device can open it.
    #[must_use]
    pub fn recipient(&self) -> Recipient {
        self.secret.recipient()
    }

    /// Returns the bytes of an identity file: sealed with the passphrase, or in clear without one.
    ///
    /// # Errors
    /// `EmptyPassphrase`.
    pub fn seal(&self, passphrase: Option<&Zeroizing<String>>) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
        self.seal_with(passphrase, WORK_FACTOR)
    }

    /// Seals as [`Identity::seal`] does, with another scrypt work factor from 1 to [`WORK_FACTOR_LIMIT`].
    ///
    /// # Errors
    /// `EmptyPassphrase`; `TooMuchWork` for another work factor.
    pub fn seal_with(
        &self,
        passphrase: Option<&Zeroizing<String>>,
        work: u8,
    ) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
        seal_text(&self.text(), passphrase, work)
    }

    /// Opens a person's identity file; `ask` is called once, and only for a sealed file.
    ///
    /// # Errors
    /// As [`IdentityFile::open`]; `OtherKind` for a witness's.
    pub fn open(bytes: &[u8], ask: &mut dyn FnMut() -> Option<Zeroizing<String>>) -> Result<Self, IdentityError> {
        match IdentityFile::open(bytes, ask)? {
            IdentityFile::Person(identity) => Ok(identity),
            IdentityFile::Cosigner(_) => Err(IdentityError::OtherKind),
        }
    }

    fn text(&self) -> Zeroizing<String> {
        let mut text = Text::new(PERSON_HEADER);
        text.hex("person", self.person.as_bytes());
        text.line("handle", &self.handle);
        text.line("name", &self.name);
        text.hex("name salt", &*self.name_salt);
        text.hex("signing key", &*self.signing.seed());
        text.0.push_str(&self.secret.text());
        text.0.push('\n');
        text.0
    }

    fn parse(text: &str) -> Result<Self, IdentityError> {
        let mut lines = Lines::new(text, PERSON_HEADER)?;
        let identity = Identity {
            person: PersonId::new(lines.hex("person")?),
            handle: Zeroizing::new(lines.value("handle")?.to_owned()),
            name: Zeroizing::new(lines.value("name")?.to_owned()),
            name_salt: Zeroizing::new(lines.hex("name salt")?),
            signing: SigningKey::from_seed(&Zeroizing::new(lines.hex("signing key")?)),
            secret: AgeSecret::parse(lines.last()?).map_err(|_| IdentityError::NotAnIdentity)?,
        };
        let sound = is_handle(&identity.handle) && check_text(&identity.name, NAME_LIMIT).is_ok();
        if sound && *identity.text() == *text { Ok(identity) } else { Err(IdentityError::NotAnIdentity) }
    }
}

impl CosignerIdentity {
    /// Makes a witness's identity under its key name.
    #[must_use]
    pub fn new(name: KeyName, rng: &mut impl CryptoRng) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *seed);
        CosignerIdentity { name, key: SigningKey::from_seed(&seed) }
    }

    /// Returns the key name.
    #[must_use]
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// Returns the key that signs cosignatures.
    #[must_use]
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// Returns the bytes of an identity file: sealed with the passphrase, or in clear without one.
    ///
    /// # Errors
    /// `EmptyPassphrase`.
    pub fn seal(&self, passphrase: Option<&Zeroizing<String>>) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
        seal_text(&self.text(), passphrase, WORK_FACTOR)
    }

    /// Opens a witness's identity file; `ask` is called once, and only for a sealed file.
    ///
    /// # Errors
    /// As [`IdentityFile::open`]; `OtherKind` for a person's.
    pub fn open(bytes: &[u8], ask: &mut dyn FnMut() -> Option<Zeroizing<String>>) -> Result<Self, IdentityError> {
        match IdentityFile::open(bytes, ask)? {
            IdentityFile::Cosigner(cosigner) => Ok(cosigner),
            IdentityFile::Person(_) => Err(IdentityError::OtherKind),
        }
    }

    fn text(&self) -> Zeroizing<String> {
        let mut text = Text::new(COSIGNER_HEADER);
        text.line("name", self.name.as_str());
        text.hex("cosigner key", &*self.key.seed());
        text.0
    }

    fn parse(text: &str) -> Result<Self, IdentityError> {
        let mut lines = Lines::new(text, COSIGNER_HEADER)?;
        let name = KeyName::new(lines.value("name")?).map_err(|_| IdentityError::NotAnIdentity)?;
        let key = SigningKey::from_seed(&Zeroizing::new(lines.hex("cosigner key")?));
        let cosigner = CosignerIdentity { name, key };
        if *cosigner.text() == *text { Ok(cosigner) } else { Err(IdentityError::NotAnIdentity) }
    }
}

impl IdentityFile {
    /// Opens an identity file of either kind; `ask` is called once, and only for a sealed file.
    ///
    /// # Errors
    /// `NotAnIdentity`, `PassphraseNeeded`, `WrongPassphrase` and `TooMuchWork`.
    pub fn open(bytes: &[u8], ask: &mut dyn FnMut() -> Option<Zeroizing<String>>) -> Result<Self, IdentityError> {
        if bytes.len() > IDENTITY_LIMIT {
            return Err(IdentityError::NotAnIdentity);
        }
        if !bytes.starts_with(b"age-encryption.org/") {
            return Self::parse(bytes);
        }
        let decryptor = age::Decryptor::new_buffered(bytes).map_err(|_| IdentityError::NotAnIdentity)?;
        if !decryptor.is_scrypt() {
            return Err(IdentityError::NotAnIdentity);
        }
        let passphrase = ask().ok_or(IdentityError::PassphraseNeeded)?;
        let mut scrypt = age::scrypt::Identity::new(SecretString::from(passphrase.as_str().to_owned()));
        scrypt.set_max_work_factor(WORK_FACTOR_LIMIT);
        let text = wrap::decrypt(bytes, &scrypt).map_err(|error| match error {
            age::DecryptError::ExcessiveWork { required, .. } => IdentityError::TooMuchWork(required),
            age::DecryptError::KeyDecryptionFailed | age::DecryptError::DecryptionFailed => {
                IdentityError::WrongPassphrase
            }
            _ => IdentityError::NotAnIdentity,
        })?;
        Self::parse(&text)
    }

    fn parse(bytes: &[u8]) -> Result<Self, IdentityError> {
        let text = std::str::from_utf8(bytes).map_err(|_| IdentityError::NotAnIdentity)?;
        if text.starts_with(COSIGNER_HEADER) {
            return Ok(IdentityFile::Cosigner(CosignerIdentity::parse(text)?));
        }
        Ok(IdentityFile::Person(Identity::parse(text)?))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "identity of {:?}", self.author())
    }
}

impl fmt::Debug for CosignerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cosigner {:?}", self.key.public())
    }
}

/// Returns the folder beside an identity file: its path with `.d` at the end.
#[must_use]
pub fn side_folder(identity: &Path) -> PathBuf {
    let mut path = OsString::from(identity);
    path.push(".d");
    PathBuf::from(path)
}

fn seal_text(
    text: &str,
    passphrase: Option<&Zeroizing<String>>,
    work: u8,
) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
    let Some(passphrase) = passphrase else { return Ok(Zeroizing::new(text.as_bytes().to_vec())) };
    if passphrase.is_empty() {
        return Err(IdentityError::EmptyPassphrase);
    }
    if work == 0 || work > WORK_FACTOR_LIMIT {
        return Err(IdentityError::TooMuchWork(work));
    }
    let mut recipient = age::scrypt::Recipient::new(SecretString::from(passphrase.as_str().to_owned()));
    recipient.set_work_factor(work);
    let encryptor = age::Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient));
    Ok(Zeroizing::new(wrap::encrypt(encryptor.map_err(|_| WrapError::NotMade)?, text.as_bytes())?))
}

/// A text that is written line by line into memory that was taken at once, so that no copies are left behind.
struct Text(Zeroizing<String>);

impl Text {
    fn new(header: &str) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(2048));
        text.push_str(header);
        Text(text)
    }

    fn line(&mut self, key: &str, value: &str) {
        for piece in ["# ", key, ": ", value, "\n"] {
            self.0.push_str(piece);
        }
    }

    fn hex(&mut self, key: &str, bytes: &[u8]) {
        self.line(key, "");
        // Back over the line feed: the digits are written straight into the text.
        self.0.pop();
        for byte in bytes {
            for digit in [byte >> 4, byte & 15] {
                self.0.push(char::from_digit(u32::from(digit), 16).unwrap_or_default());
            }
        }
        self.0.push('\n');
    }
}

/// Reads what [`Text`] wrote. Callers write the value again and compare, so there is one spelling.
struct Lines<'a>(std::str::Split<'a, char>);

impl<'a> Lines<'a> {
    fn new(text: &'a str, header: &str) -> Result<Self, IdentityError> {
        Ok(Lines(text.strip_prefix(header).ok_or(IdentityError::NotAnIdentity)?.split('\n')))
    }

    fn value(&mut self, key: &str) -> Result<&'a str, IdentityError> {
        let line = self.last()?.strip_prefix("# ").and_then(|line| line.strip_prefix(key));
        line.and_then(|line| line.strip_prefix(": ")).ok_or(IdentityError::NotAnIdentity)
    }

    fn hex<const N: usize>(&mut self, key: &str) -> Result<[u8; N], IdentityError> {
        parse_hex(self.value(key)?).ok_or(IdentityError::NotAnIdentity)
    }

    fn last(&mut self) -> Result<&'a str, IdentityError> {
        self.0.next().ok_or(IdentityError::NotAnIdentity)
    }
}

const PERSON_HEADER: &str = "# indelible identity 1\n";
const COSIGNER_HEADER: &str = "# indelible cosigner 1\n";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::cabinet::tests::stream;

    use super::*;

    fn sam() -> Identity {
        Identity::new("Sam Okafor", "sam", &mut stream(1)).unwrap()
    }

    fn passphrase(text: &str) -> Zeroizing<String> {
        Zeroizing::new(text.to_owned())
    }

    fn never() -> Option<Zeroizing<String>> {
        panic!("asked for a passphrase")
    }

    #[test]
    fn a_clear_identity_opens_without_asking() {
        let file = sam().seal(None).unwrap();
        let again = Identity::open(&file, &mut never).unwrap();
        assert_eq!((again.name(), again.handle(), again.person()), ("Sam Okafor", "sam", sam().person()));
        assert_eq!((again.name_salt(), again.author()), (sam().name_salt(), sam().author()));
        assert_eq!(again.recipient(), sam().recipient());
        assert_eq!(again.seal(None).unwrap(), file);
    }

    #[test]
    fn a_sealed_identity_opens_with_its_passphrase_alone() {
        let file = sam().seal_with(Some(&passphrase("oak and ash")), 2).unwrap();
        assert!(file.starts_with(b"age-encryption.org/v1\n-> scrypt "));
        let opened = Identity::open(&file, &mut || Some(passphrase("oak and ash"))).unwrap();
        assert_eq!(opened.author(), sam().author());
        let wrong = Identity::open(&file, &mut || Some(passphrase("oak"))).unwrap_err();
        assert_eq!(wrong, IdentityError::WrongPassphrase);
        assert_eq!(Identity::open(&file, &mut || None).unwrap_err(), IdentityError::PassphraseNeeded);
        assert_eq!(sam().seal(Some(&passphrase(""))).unwrap_err(), IdentityError::EmptyPassphrase);
        assert_eq!(sam().seal_with(Some(&passphrase("x")), 21).unwrap_err(), IdentityError::TooMuchWork(21));
    }

    #[test]
    fn a_file_cannot_ask_for_more_work_than_the_limit() {
        let file = sam().seal_with(Some(&passphrase("x")), 2).unwrap();
        let at = file.windows(3).position(|w| w == b" 2\n").unwrap();
        for (work, outcome) in [("21", IdentityError::TooMuchWork(21)), ("63", IdentityError::TooMuchWork(63))] {
            let mut costly = file.clone();
            costly.splice(at + 1..at + 2, work.bytes());
            assert_eq!(Identity::open(&costly, &mut || Some(passphrase("x"))).unwrap_err(), outcome);
        }
    }

    #[test]
    fn the_two_kinds_are_told_apart() {
        let chair = CosignerIdentity::new(KeyName::new("chair.example.org/w1").unwrap(), &mut stream(2));
        let file = chair.seal(None).unwrap();
        assert!(matches!(IdentityFile::open(&file, &mut never), Ok(IdentityFile::Cosigner(_))));
        assert_eq!(Identity::open(&file, &mut never).unwrap_err(), IdentityError::OtherKind);
        let again = CosignerIdentity::open(&file, &mut never).unwrap();
        assert_eq!((again.name(), again.key().public()), (chair.name(), chair.key().public()));
        let person = sam().seal(None).unwrap();
        assert!(matches!(IdentityFile::open(&person, &mut never), Ok(IdentityFile::Person(_))));
        assert_eq!(CosignerIdentity::open(&person, &mut never).unwrap_err(), IdentityError::OtherKind);
    }

    #[test]
    fn another_device_is_the_same_person_with_other_keys() {
        let one = sam();
        let two = Identity::for_person(one.person(), one.name(), one.name_salt(), "sam", &mut stream(9)).unwrap();
        assert_eq!((one.person(), one.name_salt()), (two.person(), two.name_salt()));
        assert_ne!(one.author(), two.author());
        assert_ne!(one.recipient(), two.recipient());
    }

    #[test]
    fn nothing_private_is_shown() {
        let shown = format!("{:?} {:?}", sam(), CosignerIdentity::new(KeyName::new("w").unwrap(), &mut stream(4)));
        assert!(!shown.to_lowercase().contains("sam"));
        assert!(!shown.contains(&crate::codec::context::hex(&*sam().signing().seed())));
    }

    #[test]
    fn names_handles_and_folders() {
        assert!(Identity::new("Sam\nX", "sam", &mut stream(1)).is_err());
        assert!(Identity::new("Sam", "Sam", &mut stream(1)).is_err());
        assert_eq!(side_folder(Path::new("/a/sam.id")), Path::new("/a/sam.id.d"));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(IdentityFile::open(&bytes, &mut never).is_err());
        }

        #[test]
        fn an_altered_text_is_refused_or_is_another_identity(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut file = sam().seal(None).unwrap();
            let at = at.index(file.len());
            file[at] = byte;
            if let Ok(identity) = Identity::open(&file, &mut never) {
                prop_assert_eq!(identity.seal(None).unwrap(), file);
            }
        }

        #[test]
        fn an_altered_sealed_file_is_refused(at in any::<prop::sample::Index>(), flip in 1u8..) {
            let mut file = sam().seal_with(Some(&passphrase("x")), 1).unwrap();
            let at = at.index(file.len());
            file[at] ^= flip;
            prop_assert!(Identity::open(&file, &mut || Some(passphrase("x"))).is_err());
        }
    }
}
