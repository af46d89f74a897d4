//! Cosignatures (C2SP tlog-cosignature, type 4): a witness says when it saw a checkpoint that extends all it saw before.

use super::HeadError;
use super::note::SignatureLine;
use crate::keys::name::{KeyKind, SignerKey, VerifierKey};
use crate::keys::{KeyError, Signature};

/// Signs the text of a checkpoint as of `time`, in seconds since 1970 (UTC).
///
/// # Errors
/// `BadTime` for zero (tlog-witness forbids it) and above 2^63 - 1; `Key` if the key is no cosigner's.
pub fn sign(text: &str, key: &SignerKey, time: u64) -> Result<SignatureLine, HeadError> {
    if key.public().kind() != KeyKind::Cosigner {
        return Err(KeyError::WrongKind.into());
    }
    if time == 0 || i64::try_from(time).is_err() {
        return Err(HeadError::BadTime);
    }
    let signature = key.sign(&message(text, time))?;
    Ok(SignatureLine::new(key.public(), [&time.to_be_bytes()[..], &signature.0].concat()))
}

/// Verifies a cosignature over the text of a checkpoint and returns its time, in seconds since 1970 (UTC).
///
/// # Errors
/// `Key` if the line is not this key's, has another length, or the signature fails; `BadTime` above 2^63 - 1.
pub fn verify(text: &str, key: &VerifierKey, line: &SignatureLine) -> Result<u64, HeadError> {
    if key.kind() != KeyKind::Cosigner || (key.name(), key.id()) != (line.name(), line.id()) {
        return Err(KeyError::WrongKind.into());
    }
    let (time, signature) = line.bytes().split_first_chunk::<8>().ok_or(KeyError::BadSignature)?;
    let time = u64::from_be_bytes(*time);
    if i64::try_from(time).is_err() {
        return Err(HeadError::BadTime);
    }
    let signature = Signature(signature.try_into().map_err(|_| KeyError::BadSignature)?);
    key.key().verify(&message(text, time), &signature)?;
    Ok(time)
}

/// Returns what is signed. It does not hold the cosigner's name: hence one key for each cosigner.
fn message(text: &str, time: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {time}\n{text}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::note::Note;
    use crate::keys::SigningKey;
    use crate::keys::name::KeyName;

    const TEXT: &str = "nursery.example/ledger\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    fn key(name: &str, kind: KeyKind, seed: u8) -> SignerKey {
        SignerKey::new(KeyName::new(name).unwrap(), kind, SigningKey::from_seed(&[seed; 32]))
    }

    #[test]
    fn a_cosignature_holds_for_its_text_time_and_key_only() {
        let witness = key("witness.example", KeyKind::Cosigner, 1);
        let line = sign(TEXT, &witness, 1_679_315_147).unwrap();
        assert_eq!(line.bytes().len(), 72);
        assert_eq!(verify(TEXT, witness.public(), &line), Ok(1_679_315_147));
        assert!(verify(&TEXT.replace("\n1\n", "\n2\n"), witness.public(), &line).is_err());
        assert!(verify(TEXT, key("witness.example", KeyKind::Cosigner, 2).public(), &line).is_err());
        for at in 0..72 {
            let mut bytes = line.bytes().to_vec();
            bytes[at] ^= 1;
            assert!(verify(TEXT, witness.public(), &SignatureLine::new(witness.public(), bytes)).is_err());
        }
        for length in [0, 7, 8, 71, 73] {
            let mut bytes = line.bytes().to_vec();
            bytes.resize(length, 0);
            assert!(verify(TEXT, witness.public(), &SignatureLine::new(witness.public(), bytes)).is_err());
        }
    }

    #[test]
    fn times_and_kinds_are_checked() {
        let witness = key("witness.example", KeyKind::Cosigner, 1);
        assert_eq!(sign(TEXT, &witness, 0), Err(HeadError::BadTime));
        assert_eq!(sign(TEXT, &witness, 1 << 63), Err(HeadError::BadTime));
        let late = [&(1u64 << 63).to_be_bytes()[..], &[0; 64]].concat();
        assert_eq!(
            verify(TEXT, witness.public(), &SignatureLine::new(witness.public(), late)),
            Err(HeadError::BadTime)
        );
        let log = key("nursery.example/ledger", KeyKind::LogKey, 1);
        assert_eq!(sign(TEXT, &log, 1), Err(HeadError::Key(KeyError::WrongKind)));
    }

    #[test]
    fn a_note_gives_the_newest_time_of_a_witness_that_signed_twice() {
        let log = key("nursery.example/ledger", KeyKind::LogKey, 1);
        let witness = key("witness.example", KeyKind::Cosigner, 2);
        let note = Note::sign(TEXT, &[&log]).unwrap();
        let line = |time| sign(TEXT, &witness, time).unwrap();
        let twice = format!("{note}{}\n{}\n{}\n", line(5), line(9), line(7));
        let opened = Note::parse(twice.as_bytes()).unwrap().open(&[witness.public().clone()]).unwrap();
        assert_eq!(opened.len(), 1);
        assert_eq!(opened[0].time, Some(9));
    }
}
