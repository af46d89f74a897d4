//! The worked example, followed by hand: every block is read out of the manual and computed from the ones before it with
//! general-purpose libraries and nothing of ours. If this fails and nothing else does, the manual is wrong.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use ed25519_dalek::{Signer, SigningKey};
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, Serializable};
use sha2::{Digest, Sha256};

use super::manual::{block, chapter};

/// A table of the example: name and bytes of each row.
type Rows = Vec<(String, Vec<u8>)>;

struct Example(BTreeMap<String, String>);

impl Example {
    fn read() -> Self {
        let example = block(&chapter("format.md"), "example");
        let mut sections = BTreeMap::new();
        for section in example.split("\n### E: ").skip(1) {
            let (name, rest) = section.split_once('\n').unwrap();
            let (_, rest) = rest.split_once("```").unwrap();
            let (_, rest) = rest.split_once('\n').unwrap();
            let (content, _) = rest.split_once("\n```").unwrap();
            sections.insert(name.to_owned(), content.to_owned());
        }
        Example(sections)
    }

    fn text(&self, section: &str) -> String {
        self.0.get(section).unwrap_or_else(|| panic!("no section {section}")).replace("\\u{2014}", "\u{2014}")
    }

    /// The rows of a table, whose offsets must add up.
    fn rows(&self, section: &str) -> Rows {
        let mut rows: Rows = Vec::new();
        let mut places = Vec::new();
        for line in self.text(section).lines() {
            let (head, digits) = line.split_at(line.len().min(50));
            let bytes = (0..digits.len() / 2).map(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).unwrap());
            if head.trim().is_empty() {
                rows.last_mut().unwrap().1.extend(bytes);
                continue;
            }
            let number = |range: std::ops::Range<usize>| head[range].trim().parse::<usize>().unwrap();
            places.push((number(0..6), number(7..12)));
            rows.push((head[14..].trim().to_owned(), bytes.collect()));
        }
        let mut at = 0;
        for ((_, bytes), (offset, length)) in rows.iter().zip(places) {
            assert_eq!((offset, length), (at, bytes.len()), "{section}");
            at += length;
        }
        rows
    }

    fn row(&self, section: &str, name: &str) -> Vec<u8> {
        let rows = self.rows(section);
        rows.into_iter().find(|(row, _)| row == name).unwrap_or_else(|| panic!("no row {name} in {section}")).1
    }

    fn bytes(&self, section: &str) -> Vec<u8> {
        concat(&self.rows(section))
    }
}

fn concat(rows: &Rows) -> Vec<u8> {
    rows.iter().flat_map(|(_, bytes)| bytes.clone()).collect()
}

fn key(bytes: &[u8]) -> [u8; 32] {
    bytes.try_into().unwrap()
}

fn derive(context: &str, input: &[u8]) -> Vec<u8> {
    blake3::derive_key(&format!("indelible/v1 {context}"), input).to_vec()
}

fn keyed(context: &str, with: &[u8], input: &[u8]) -> blake3::Hasher {
    let mut hasher = blake3::Hasher::new_keyed(&key(with));
    hasher.update(format!("indelible/v1 {context}\0").as_bytes()).update(input);
    hasher
}

fn seeds(seed: &[u8], count: usize) -> Vec<Vec<u8>> {
    let mut out = vec![0; 32 * count];
    keyed("commitment seeds", seed, b"").finalize_xof().fill(&mut out);
    out.chunks(32).map(<[u8]>::to_vec).collect()
}

fn leaf(seed: &[u8], value: &[u8]) -> Vec<u8> {
    keyed("commitment leaf", seed, value).finalize().as_bytes().to_vec()
}

fn node(level: u8, name: &[u8], children: &[Vec<u8>]) -> Vec<u8> {
    let count = u32::try_from(children.len()).unwrap().to_be_bytes();
    derive("commitment node", &[&[level], name, &count, &children.concat()].concat())
}

/// Sentences of words, by the rule as the manual puts it, character by character.
fn sentences(text: &str) -> Vec<Vec<String>> {
    let mut words: Vec<(String, String)> = Vec::new();
    for c in text.chars() {
        let white = c.is_whitespace();
        match words.last_mut() {
            Some((_, space)) if white => space.push(c),
            Some((word, space)) if space.is_empty() => word.push(c),
            None if white => words.push((String::new(), c.to_string())),
            _ => words.push((c.to_string(), String::new())),
        }
    }
    let mut all = vec![Vec::new()];
    for (word, space) in words {
        let ends = word.ends_with(['.', '!', '?']) || space.contains('\n');
        all.last_mut().unwrap().push(word + &space);
        if ends {
            all.push(Vec::new());
        }
    }
    all.retain(|sentence: &Vec<String>| !sentence.is_empty());
    all
}

fn padded(content: &[u8]) -> Vec<u8> {
    let mut bytes = [&u32::try_from(content.len()).unwrap().to_be_bytes(), content].concat();
    bytes.resize(bytes.len().next_multiple_of(256), 0);
    bytes
}

fn sealed(with: &[u8], associated: &[u8], content: &[u8]) -> Vec<u8> {
    let payload = Payload { msg: content, aad: associated };
    ChaCha20Poly1305::new(&key(with).into()).encrypt(&Nonce::default(), payload).unwrap()
}

#[test]
fn the_words_of_the_example_lead_to_the_words_root_and_the_words_part() {
    let example = Example::read();
    let plain = example.rows("words plaintext");
    let texts: Vec<(&[u8], &[u8])> = plain[5..].chunks(3).map(|rows| (&rows[0].1[..], &rows[2].1[..])).collect();
    for rows in plain[5..].chunks(3) {
        assert_eq!(rows[1].1, (rows[2].1.len() as u64).to_be_bytes());
    }
    assert_eq!(plain[4].1, (texts.len() as u64).to_be_bytes());
    // What counts: the four random values and the key material of HPKE.
    let count = |from: u8, length: usize| (from..).take(length).collect::<Vec<u8>>();
    assert_eq!((&plain[2].1, &plain[0].1, &plain[1].1), (&count(0, 16), &count(16, 32), &count(80, 32)));
    assert_eq!(example.row("statement", "[-] structure seed"), count(48, 32));
    // The words are those that were listed.
    for (line, (id, text)) in example.text("words").lines().zip(&texts) {
        let mut cells = line.split_whitespace();
        let (field, position) = cells.next().unwrap().split_once('.').unwrap();
        let number = |text: &str| text.parse::<u16>().unwrap().to_be_bytes();
        assert_eq!(*id, [number(field), number(position)].concat());
        let typed: String = serde_json::from_str(line[38..].trim()).unwrap();
        assert_eq!(typed.as_bytes(), *text);
    }
    // Commitments.
    let nodes = example.rows("words root");
    let mut fields = Vec::new();
    for (((id, text), seed), (_, expected)) in texts.iter().zip(seeds(&plain[1].1, texts.len())).zip(&nodes) {
        let sentences = sentences(std::str::from_utf8(text).unwrap());
        let hashes: Vec<Vec<u8>> = sentences
            .iter()
            .zip(seeds(&seed, sentences.len()))
            .map(|(words, seed)| {
                let leaves: Vec<Vec<u8>> = words
                    .iter()
                    .zip(seeds(&seed, words.len()))
                    .map(|(word, seed)| leaf(&seed, word.as_bytes()))
                    .collect();
                node(4, b"", &leaves)
            })
            .collect();
        fields.push(node(3, id, &hashes));
        assert_eq!(fields.last(), Some(expected));
    }
    assert_eq!(node(2, b"", &fields), nodes.last().unwrap().1);
    assert_eq!(example.row("statement", "[-] words root"), nodes.last().unwrap().1);
    // HPKE: the ephemeral key from the counted bytes, the words key from the folder's private key.
    let part = example.rows("words part");
    let (_, ephemeral) = X25519HkdfSha256::derive_keypair(&count(112, 32));
    assert_eq!(ephemeral.to_bytes().as_slice(), part[1].1);
    let private =
        <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(&example.row("inputs", "folder private key")).unwrap();
    let public = X25519HkdfSha256::sk_to_pk(&private).to_bytes();
    assert_eq!(public.as_slice(), example.row("inputs", "folder public key"));
    assert_eq!(derive("folder key id", &public), example.row("inputs", "folder key id"));
    let encapsulated = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&part[1].1).unwrap();
    let context = hpke::setup_receiver::<hpke::aead::ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &private,
        &encapsulated,
        b"indelible/v1 words",
    );
    let mut words_key = [0; 32];
    context.unwrap().export(b"indelible/v1 words key", &mut words_key).unwrap();
    assert_eq!(words_key.to_vec(), example.row("words key", "words key"));
    let associated = [example.row("inputs", "ledger id"), example.row("inputs", "folder key id")].concat();
    assert_eq!(sealed(&words_key, &associated, &padded(&concat(&plain))), part[2].1);
    assert_eq!(part[0].1, [1]);
}

#[test]
fn the_statement_of_the_example_is_signed_sealed_and_committed_to() {
    let example = Example::read();
    let statement = example.rows("statement");
    let bytes = concat(&statement);
    let input = |name: &str| example.row("inputs", name);
    for (row, value) in [
        ("[2] ledger id", "ledger id"),
        ("[4] person id", "person id of sam"),
        ("[5] author key", "author key of sam"),
        ("[6] author sequence", "sequence"),
        ("[7] previous statement digest", "previous statement digest"),
        ("[11] folder key id", "folder key id"),
        ("[19] pack hash", "pack hash"),
    ] {
        assert_eq!(example.row("statement", row), input(value), "{row}");
    }
    assert_eq!(example.row("statement", "[9] case tag"), [vec![1], input("case tag of theo")].concat());
    assert_eq!(example.row("statement", "[22] seen"), [input("seen number"), input("seen link")].concat());
    assert_eq!(derive("document", super::play::SHARE_PACK.as_bytes()), input("pack hash"));
    // Each value of the list stands there.
    let values: Vec<&(String, Vec<u8>)> = statement.iter().filter(|(name, _)| name.starts_with("[17]")).collect();
    let listed = example.text("values");
    assert_eq!(values.len(), listed.lines().count());
    for ((_, bytes), line) in values.iter().zip(listed.lines()) {
        let (field, position) = line.split_whitespace().next().unwrap().split_once('.').unwrap();
        let number = |text: &str| text.parse::<u16>().unwrap().to_be_bytes();
        let mut cells = line[38..].split_whitespace();
        let kind: u8 = cells.next().unwrap().parse().unwrap();
        let _ = cells.next();
        let content = match kind {
            1 | 12 => vec![],
            2 => cells.next().map(|code| [&[code.len() as u8], code.as_bytes()].concat()).unwrap(),
            4 => cells.next().unwrap().parse::<u64>().unwrap().to_be_bytes().to_vec(),
            _ => indelible::codec::context::parse_hex::<16>(cells.next().unwrap()).unwrap().to_vec(),
        };
        assert_eq!(*bytes, [&number(field)[..], &number(position), &[kind], &content].concat(), "{line}");
    }
    // Times: what was typed, and when it was entered.
    let draft: serde_json::Value = serde_json::from_str(&example.text("draft")).unwrap();
    for (row, typed) in
        [("[12] occurred", "occurred_at"), ("[13] learned", "learned_at"), ("[14] decided", "decided_at")]
    {
        let time = chrono::DateTime::parse_from_rfc3339(draft[typed].as_str().unwrap()).unwrap();
        let zone = (time.offset().local_minus_utc() / 60) as i16;
        let moment = [&[2][..], &time.timestamp_millis().to_be_bytes(), &zone.to_be_bytes()].concat();
        assert_eq!(example.row("statement", row), moment, "{row}");
    }
    // Signature and digest.
    let seed = SigningKey::from_bytes(&key(&input("signing seed of sam")));
    assert_eq!(seed.verifying_key().to_bytes().to_vec(), input("author key of sam"));
    let signature = seed.sign(&[b"indelible/v1 statement signature\0", &bytes[..]].concat()).to_bytes();
    let signed = |name: &str| example.row("signature and digests", name);
    assert_eq!(signature.to_vec(), signed("signature"));
    let digest = derive("statement digest", &[&bytes[..], &signature].concat());
    assert_eq!(digest, signed("statement digest"));
    // The structure branch: the rows with a name in brackets are the leaves.
    let leaves: Vec<(u8, &Vec<u8>)> = statement
        .iter()
        .filter_map(|(name, bytes)| Some((name.strip_prefix('[')?.split_once(']')?.0.parse().ok()?, bytes)))
        .collect();
    let structure_seed = example.row("statement", "[-] structure seed");
    let hashes: Vec<Vec<u8>> = leaves
        .iter()
        .zip(seeds(&structure_seed, leaves.len()))
        .map(|((name, bytes), seed)| leaf(&seed, &[&[*name], &bytes[..]].concat()))
        .collect();
    let structure = node(1, b"", &hashes);
    assert_eq!(structure, signed("structure node"));
    let words_root = example.row("statement", "[-] words root");
    assert_eq!(node(0, b"", &[structure, words_root]), signed("commitment root"));
    // The structure part.
    let part = example.rows("structure part");
    let slot_key = keyed("structure slot", &input("structure key of sam"), &digest).finalize().as_bytes().to_vec();
    assert_eq!(slot_key, signed("slot key"));
    let content_key = example.row("words plaintext", "content key");
    assert_eq!(part[0].1, [1]);
    assert_eq!(part[1].1, sealed(&slot_key, b"", &content_key));
    assert_eq!(part[2].1, keyed("structure hint", &input("structure key of sam"), &digest).finalize().as_bytes()[..16]);
    assert_eq!(part[3].1, sealed(&content_key, b"", &padded(&[&bytes[..], &signature].concat())));
    // The words part is bound.
    let words = example.bytes("words part");
    let bound = [derive("part", &words), u32::try_from(words.len()).unwrap().to_be_bytes().to_vec()].concat();
    assert_eq!(example.row("statement", "[21] sealed words digest, length"), bound);
}

#[test]
fn the_entry_of_the_example_is_numbered_framed_and_receipted() {
    let example = Example::read();
    let envelope = example.rows("envelope");
    let bytes = concat(&envelope);
    assert_eq!(bytes.len(), 145);
    let digests = |name: &str| example.row("signature and digests", name);
    let hashes = |name: &str| example.row("link and leaf", name);
    let (structure, words) = (example.bytes("structure part"), example.bytes("words part"));
    assert_eq!(envelope[0].1, [1]);
    assert_eq!(envelope[1].1, 7u64.to_be_bytes());
    assert_eq!(envelope[2].1, example.row("inputs", "recorded"));
    assert_eq!(envelope[3].1, example.row("inputs", "seen link"), "entry 6 was the newest");
    assert_eq!((&envelope[4].1, &envelope[5].1), (&digests("statement digest"), &digests("commitment root")));
    assert_eq!(hashes("digest of the structure part"), derive("part", &structure));
    assert_eq!(hashes("digest of the words part"), derive("part", &words));
    assert_eq!(envelope[6].1, derive("parts", &[derive("part", &structure), derive("part", &words)].concat()));
    assert_eq!(hashes("link"), derive("entry link", &bytes));
    let leaf_hash = Sha256::new().chain_update([0]).chain_update(&bytes).finalize().to_vec();
    assert_eq!(hashes("leaf hash"), leaf_hash);
    // The entry frame.
    let frame = example.rows("entry frame");
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap().to_be_bytes().to_vec();
    let header = [vec![1], length(&structure), length(&words)].concat();
    let check = derive("frame check", &[&header[..], &bytes].concat())[..16].to_vec();
    let whole = [&header[..], &bytes, &structure, &words, &check, &[0; 4]].concat();
    assert_eq!(concat(&frame), [header, check.clone(), length(&whole)].concat());
    // The checkpoint frame and the write.
    let own = example.rows("checkpoint frame");
    let note = example.text("checkpoint note") + "\n";
    assert_eq!(own[6].1, note.as_bytes());
    assert_eq!((&own[0].1, &own[1].1, &own[2].1), (&vec![2], &length(note.as_bytes()), &vec![0; 4]));
    assert_eq!(own[4].1, derive("frames of a write", &check));
    let covered = concat(&own[..7].to_vec());
    let own_check = derive("frame check", &covered)[..16].to_vec();
    assert_eq!(own[7].1, own_check);
    assert_eq!(own[8].1, length(&[&covered[..], &own_check, &[0; 4]].concat()));
    assert_eq!(own[9].1, derive("write", &[&own[3].1[..], &own[4].1, &own_check].concat()));
    // It is what lies in the vector.
    let log = std::fs::read(super::file("tests/vectors/ledgers/three-people/ledger.log")).unwrap();
    let start = usize::try_from(u64::from_be_bytes(own[3].1.clone().try_into().unwrap())).unwrap();
    assert_eq!(log[start..][..9], concat(&frame)[..9]);
    assert_eq!(log[start + 9..][..145], bytes);
    assert_eq!(log[log.len() - 20 - note.len()..][..note.len() + 16], [note.as_bytes(), &own_check].concat()[..]);
    // The note: origin, size, root; signed by the log.
    let (text, line) = note.split_once("\n\n").unwrap();
    let text = format!("{text}\n");
    let mut lines = text.lines();
    assert_eq!((lines.next(), lines.next()), (Some("willowbrook.example/decisions"), Some("8")));
    let root = STANDARD.decode(lines.next().unwrap()).unwrap();
    let keys = example.text("log key");
    let (private, public) = keys.split_once('\n').unwrap();
    let parts: Vec<&str> = private.splitn(5, '+').collect();
    let seed = STANDARD.decode(parts[4]).unwrap();
    let log_key = SigningKey::from_bytes(&key(&seed[1..]));
    let typed = [&[1][..], &log_key.verifying_key().to_bytes()].concat();
    let id = Sha256::new().chain_update(b"willowbrook.example/decisions\n").chain_update(&typed).finalize();
    assert_eq!(
        public,
        format!("willowbrook.example/decisions+{}+{}", super::play::hex(&id[..4]), STANDARD.encode(&typed))
    );
    let signature = [&id[..4], &log_key.sign(text.as_bytes()).to_bytes()].concat();
    assert_eq!(line, format!("\u{2014} willowbrook.example/decisions {}\n", STANDARD.encode(signature)));
    // The receipt: entry 7 of 8 is the right child all the way up.
    let receipt = example.text("receipt") + "\n";
    let (above, below) = receipt.split_once("\n\n").unwrap();
    assert_eq!(below, note);
    let mut lines = above.lines();
    assert_eq!((lines.next(), lines.next()), (Some("c2sp.org/tlog-proof@v1"), Some("index 7")));
    let mut hash = leaf_hash;
    for sibling in lines {
        let sibling = STANDARD.decode(sibling).unwrap();
        hash = Sha256::new().chain_update([1]).chain_update(sibling).chain_update(hash).finalize().to_vec();
    }
    assert_eq!(hash, root);
}
