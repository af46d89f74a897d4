//! Golden receipts: each with an entry, a trust file and the verdict it must get.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use indelible::head::cosignature;
use indelible::head::receipt::Receipt;
use indelible::keys::name::KeyKind;

use super::play::{Play, SMALL_PACK, START, log_key, signer};

/// A receipt for others to try.
pub struct Vector {
    pub name: &'static str,
    pub about: &'static str,
    pub receipt: String,
    pub entry: Vec<u8>,
    pub trust: String,
    /// `proven`, `proven and cosigned`, `malformed`, `no entry`, `other entry` or `not proven`.
    pub verdict: &'static str,
}

/// All of them.
pub fn all() -> Vec<Vector> {
    let mut play = Play::new("receipts", SMALL_PACK);
    for text in ["One.", "Two.", "Three."] {
        play.worry("sam", text);
    }
    let entry = |number| {
        let stored = play.ledger.entry(number).unwrap();
        [&stored.envelope_bytes(), stored.structure(), stored.words()].concat()
    };
    let good = play.ledger.receipt(6).unwrap();
    let witness = signer("chair.example/witness", KeyKind::Cosigner, "chair.example/witness");
    let mut note = good.note().clone();
    note.add(cosignature::sign(note.text(), &witness, START as u64 / 1000 + 60).unwrap()).unwrap();
    let cosigned = good.clone().with_note(note.clone()).unwrap().to_string();
    let log = play.log.public();
    let trust = format!("log {log}\nquorum none\n");
    let quorum = format!("log {log}\nwitness w1 {}\nquorum w1\n", witness.public());
    let other = format!("log {}\nquorum none\n", log_key("another log").public());
    let text = good.to_string();
    let proof = good.proof()[1].to_string();
    let mut hash = STANDARD.decode(&proof).unwrap();
    hash[7] ^= 1;
    let extra = Receipt::new(good.number(), good.proof().to_vec(), good.note().clone(), Some(b"a note".to_vec()));
    let mut altered = entry(6);
    altered[100] ^= 1;
    let signature = text.trim_end().rsplit(' ').next().unwrap().to_owned();
    let mut bytes = STANDARD.decode(&signature).unwrap();
    bytes[20] ^= 1;
    let vector = |name, about, receipt: &str, entry, trust: &str, verdict| Vector {
        name,
        about,
        receipt: receipt.to_owned(),
        entry,
        trust: trust.to_owned(),
        verdict,
    };
    vec![
        vector("good", "entry 6 of 8", &text, entry(6), &trust, "proven"),
        vector(
            "envelope-alone",
            "the entry file may hold the envelope alone",
            &text,
            entry(6)[..145].to_vec(),
            &trust,
            "proven",
        ),
        vector(
            "extra",
            "with extra data, which proves nothing",
            &extra.unwrap().to_string(),
            entry(6),
            &trust,
            "proven",
        ),
        vector("cosigned", "a witness of the trust file cosigned", &cosigned, entry(6), &quorum, "proven and cosigned"),
        vector("not-cosigned", "the quorum did not sign; the log did", &text, entry(6), &quorum, "proven"),
        vector("wrong-entry", "the file of entry 5", &text, entry(5), &trust, "other entry"),
        vector("altered-entry", "a bit of the commitment root", &text, altered, &trust, "not proven"),
        vector("short-entry", "a file of 144 bytes", &text, entry(6)[..144].to_vec(), &trust, "no entry"),
        vector("wrong-key", "the trust file names another log key", &text, entry(6), &other, "not proven"),
        vector(
            "flipped-hash",
            "a bit of a hash of the proof",
            &text.replace(&proof, &STANDARD.encode(hash)),
            entry(6),
            &trust,
            "not proven",
        ),
        vector(
            "short-proof",
            "a hash of the proof is missing",
            &text.replace(&format!("{proof}\n"), ""),
            entry(6),
            &trust,
            "not proven",
        ),
        vector(
            "bad-signature",
            "a bit of the log's signature",
            &text.replace(&signature, &STANDARD.encode(bytes)),
            entry(6),
            &trust,
            "not proven",
        ),
        vector(
            "other-index",
            "the receipt says entry 5",
            &text.replace("index 6\n", "index 5\n"),
            entry(6),
            &trust,
            "other entry",
        ),
        vector("leading-zero", "index 06", &text.replace("index 6\n", "index 06\n"), entry(6), &trust, "malformed"),
        vector(
            "carriage-returns",
            "lines that end in CR LF",
            &text.replace('\n', "\r\n"),
            entry(6),
            &trust,
            "malformed",
        ),
        vector("cut", "the last byte is missing", &text[..text.len() - 1], entry(6), &trust, "malformed"),
    ]
}
