//! The worked example: a share of scenario S1, with every value on its way from the draft to the receipt.

use indelible::codec::context::{FRAMES, STRUCTURE_SLOT};
use indelible::codec::{Digest, encode};
use indelible::decision::decision::Decision;
use indelible::decision::value::{Content, Moment, Value};
use indelible::entry::authored::Authored;
use indelible::entry::envelope;
use indelible::frame::write::Write;
use indelible::keys::name::SignerKey;
use indelible::seal::commitment;
use indelible::seal::sealed::document_hash;
use indelible::seal::words::{self, FolderPublic};
use indelible::tree::leaf_hash;
use serde_json::{Value as Json, json};

use super::forge::write_of;
use super::play::{Counting, Play, SHARE_PACK, hex};

/// The draft of the share in scenario S1.
const DRAFT: &str = include_str!("../../vectors/drafts/share.json");
/// The entry of the example.
const ENTRY: usize = 7;

/// What the share leads to.
pub struct Shared {
    decision: Decision,
    authored: Authored,
    previous: Digest,
    folder: FolderPublic,
}

/// The draft, pointing at the entries of this ledger.
pub fn draft() -> Json {
    let mut draft: Json = serde_json::from_str(DRAFT).unwrap();
    draft["refs"][0]["entry"] = json!(5);
    draft["refs"][1]["entry"] = json!(6);
    draft
}

/// Enters what was heard, why consent was not asked, and the share: entries 5, 6 and 7.
pub fn play(play: &mut Play) -> Shared {
    play.at("2026-10-06T12:02:00+01:00");
    let heard = json!({ "kind": "info.received", "case": "theo", "folder": "general",
        "learned_at": "2026-10-06T10:42:00+01:00", "source": { "role": "practitioner", "person": "Priya N., lunch room" },
        "narrative": "Theo collapsed after eating. His lips were swollen. Priya gave him his adrenaline." });
    assert_eq!(play.record("sam", &heard), 5);
    let notsought = json!({ "kind": "consent.notsought", "case": "theo", "folder": "general", "ns_code": "NS-1",
        "learned_at": "2026-10-06T10:44:00+01:00", "reasons": "His mother could not be reached in time.",
        "refs": [{ "relation": "decides", "entry": 5 }] });
    assert_eq!(play.record("sam", &notsought), 6);
    play.at("2026-10-06T12:05:00+01:00");
    let decision = play.check("sam", &draft());
    // Only what this one statement draws is counted out, so that a reader can follow it.
    let sealed = play.seal("sam", decision.clone(), &mut Counting(0));
    let folder = sealed.folder.unwrap();
    let previous = play.people["sam"].previous;
    let authored = play.sign("sam", sealed, |_| ());
    let entered = play.append("sam", std::slice::from_ref(&authored));
    assert_eq!(entered[0].number, ENTRY as u64);
    Shared { decision, authored, previous, folder }
}

/// Bytes, taken apart and named.
struct Table(Vec<(String, Vec<u8>)>);

impl Table {
    fn new() -> Self {
        Table(Vec::new())
    }

    fn row(mut self, name: &str, bytes: &[u8]) -> Self {
        self.0.push((name.to_owned(), bytes.to_vec()));
        self
    }

    fn bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|(_, bytes)| bytes.clone()).collect()
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut offset = 0;
        for (name, bytes) in &self.0 {
            let mut lines = bytes.chunks(24).map(hex);
            writeln!(f, "{offset:>6} {:>5}  {name:<34}  {}", bytes.len(), lines.next().unwrap_or_default())?;
            for line in lines {
                writeln!(f, "{:50}{line}", "")?;
            }
            offset += bytes.len();
        }
        Ok(())
    }
}

/// Returns the whole example as Markdown.
pub fn markdown() -> String {
    let mut play = Play::new("share", SHARE_PACK);
    let shared = self::play(&mut play);
    let sections = [
        inputs(&play, &shared),
        draft_sections(&play, &shared),
        words_sections(&shared),
        statement_sections(&play, &shared),
        entry_sections(&play),
    ];
    sections.concat()
}

fn section(name: &str, prose: &str, language: &str, content: &str) -> String {
    let content = content.trim_end_matches('\n').replace('\u{2014}', "\\u{2014}");
    assert!(content.is_ascii(), "{name}");
    let content: Vec<&str> = content.lines().map(str::trim_end).collect();
    let prose = if prose.is_empty() { String::new() } else { format!("{prose}\n\n") };
    format!("\n### E: {name}\n\n{prose}```{language}\n{}\n```\n", content.join("\n"))
}

fn inputs(play: &Play, shared: &Shared) -> String {
    let sam = &play.people["sam"];
    let body = shared.authored.statement.body();
    let public = shared.folder;
    let private = play.folders.iter().find(|key| key.public().unwrap() == public).unwrap();
    let log = SignerKey::parse(&play.log.format().unwrap()).unwrap();
    let table = Table::new()
        .row("ledger id", body.ledger.as_bytes())
        .row("person id of sam", body.person.as_bytes())
        .row("signing seed of sam", &*sam.identity.signing().seed())
        .row("author key of sam", &body.author.0)
        .row("structure key of sam", sam.structure.as_bytes())
        .row("sequence", &body.sequence.to_be_bytes())
        .row("previous statement digest", shared.previous.as_bytes())
        .row("case tag of theo", body.case.unwrap().as_bytes())
        .row("folder private key", private.as_bytes())
        .row("folder public key", &public.0)
        .row("folder key id", public.id().as_bytes())
        .row("seen number", &body.seen.number.to_be_bytes())
        .row("seen link", body.seen.link.as_bytes())
        .row("pack hash", document_hash(play.pack_text.as_bytes()).as_bytes())
        .row("recorded", &play.now.to_be_bytes());
    let prose = "What is there before: keys, ids and where the author's chain and the ledger stand. Offsets mean nothing \
        here. The log's key is below in the two forms of C2SP; nobody else ever sees the private one.";
    let keys = format!("{}\n{}", *log.format().unwrap(), log.public());
    section("inputs", prose, "text", &table.to_string()) + &section("log key", "", "text", &keys)
}

fn draft_sections(play: &Play, shared: &Shared) -> String {
    let draft = serde_json::to_string_pretty(&draft()).unwrap();
    let name = |id: u16| {
        let (field, sub) = play.pack.field_numbered(id).unwrap();
        sub.map_or(field.name.clone(), |sub| format!("{}.{}", field.name, sub.name))
    };
    let values: Vec<String> = shared
        .decision
        .values()
        .iter()
        .map(|value| {
            let id = format!("{}.{}", value.field.0, value.position);
            let text = match &value.content {
                Content::Filled => "1 filled".to_owned(),
                Content::Code(code) => format!("2 code {}", code.as_str()),
                Content::Count(count) => format!("4 count {count}"),
                Content::Person(person) => format!("5 person {person}"),
                Content::Present => "12 present".to_owned(),
                other => panic!("{other:?}"),
            };
            format!("{id:<8}{:<30}{text}", name(value.field.0))
        })
        .collect();
    let words: Vec<String> = shared
        .decision
        .words()
        .iter()
        .map(|word| {
            let id = format!("{}.{}", word.field.0, word.position);
            format!("{id:<8}{:<30}{}", name(word.field.0), serde_json::to_string(word.text.as_str()).unwrap())
        })
        .collect();
    let prose = "Times, case, folder and references go to places of their own in the statement.";
    section("draft", "The draft as it was typed.", "json", &draft)
        + &section(
            "values",
            &format!("The structural values: field and position, type, content. {prose}"),
            "text",
            &values.join("\n"),
        )
        + &section("words", "The word fields: field and position, text.", "text", &words.join("\n"))
}

fn words_sections(shared: &Shared) -> String {
    let (authored, body) = (&shared.authored, shared.authored.statement.body());
    let key = authored.words_key.clone().unwrap();
    let opened = words::open(&authored.words, &key, &body.ledger, &body.folder_key).unwrap();
    let mut plain = Table::new()
        .row("content key", opened.content_key.as_bytes())
        .row("words seed", &*opened.seed)
        .row("statement id", body.id.as_bytes())
        .row("author key", &body.author.0)
        .row("number of fields", &(opened.fields.len() as u64).to_be_bytes());
    for field in &opened.fields {
        let id = format!("{}.{}", field.field.0, field.position);
        let numbers = [field.field.0.to_be_bytes(), field.position.to_be_bytes()].concat();
        plain = plain
            .row(&format!("field and position {id}"), &numbers)
            .row("  length", &(field.text.len() as u64).to_be_bytes())
            .row("  text", field.text.as_bytes());
    }
    let mut nodes = Table::new();
    for field in &opened.fields {
        let hidden = hidden(&opened.seed, &opened.fields, field.field.0, field.position);
        nodes = nodes.row(&format!("field {}.{}", field.field.0, field.position), &hidden);
    }
    let nodes = nodes.row("words root", body.words_root.as_bytes());
    let part = Table::new()
        .row("suite", &authored.words[..1])
        .row("encapsulation", &authored.words[1..33])
        .row("ciphertext and tag", &authored.words[33..]);
    section("words plaintext", "Before padding.", "text", &plain.to_string())
        + &section("words root", "The node of each field, and the root over them.", "text", &nodes.to_string())
        + &section(
            "words key",
            "Exported from HPKE.",
            "text",
            &Table::new().row("words key", key.as_bytes()).to_string(),
        )
        + &section("words part", "", "text", &part.to_string())
}

/// The hash that stands for a field in an opening where everything is hidden.
fn hidden(seed: &[u8; 32], fields: &[indelible::decision::value::WordField], id: u16, position: u16) -> [u8; 32] {
    struct Nothing;
    impl commitment::Choice for Nothing {
        fn field(&self, _: indelible::decision::value::FieldId, _: u16) -> commitment::Part {
            commitment::Part::Hidden
        }
        fn sentence(&self, _: indelible::decision::value::FieldId, _: u16, _: usize) -> commitment::Part {
            commitment::Part::Hidden
        }
        fn word(&self, _: indelible::decision::value::FieldId, _: u16, _: usize, _: usize) -> bool {
            false
        }
    }
    let at = fields.iter().position(|field| (field.field.0, field.position) == (id, position)).unwrap();
    match &commitment::reveal_words(seed, fields, &Nothing)[at] {
        commitment::FieldOpening::Hidden(hash) => *hash,
        _ => unreachable!(),
    }
}

fn moment(moment: Moment) -> Vec<u8> {
    encode(&moment, 11).unwrap()
}

fn value_row(value: &Value) -> Vec<u8> {
    encode(value, 400).unwrap()
}

fn statement_sections(play: &Play, shared: &Shared) -> String {
    let (authored, body) = (&shared.authored, shared.authored.statement.body());
    let mut table = Table::new()
        .row("[1] version", &[body.version])
        .row("[2] ledger id", body.ledger.as_bytes())
        .row("[3] statement id", body.id.as_bytes())
        .row("[4] person id", body.person.as_bytes())
        .row("[5] author key", &body.author.0)
        .row("[6] author sequence", &body.sequence.to_be_bytes())
        .row("[7] previous statement digest", body.previous.as_bytes())
        .row("[8] kind (decision.share)", &body.kind.0.to_be_bytes())
        .row("[9] case tag", &[&[1], &body.case.unwrap().as_bytes()[..]].concat())
        .row("[10] folder (general)", &[body.folder])
        .row("[11] folder key id", body.folder_key.as_bytes())
        .row("[12] occurred", &moment(body.occurred))
        .row("[13] learned", &moment(body.learned))
        .row("[14] decided", &moment(body.decided))
        .row("[15] signed", &moment(body.signed))
        .row("[16] act, happened", &[u8::from(body.act), u8::from(body.happened)])
        .row("[-] number of values", &(body.values.len() as u64).to_be_bytes());
    for value in &body.values {
        table = table.row(&format!("[17] value {}.{}", value.field.0, value.position), &value_row(value));
    }
    table = table.row("[-] number of references", &(body.references.len() as u64).to_be_bytes());
    for reference in &body.references {
        let name = reference.relation.name().unwrap();
        table = table.row(&format!("[18] reference {name} {}", reference.entry), &encode(reference, 42).unwrap());
    }
    let table = table
        .row("[19] pack hash", body.pack.as_bytes())
        .row("[20] policy hash", body.policy.as_bytes())
        .row("[-] structure seed", &body.structure_seed.0)
        .row("[-] words root", body.words_root.as_bytes())
        .row("[21] sealed words digest, length", &encode(&(body.words_digest, body.words_length), 36).unwrap())
        .row("[22] seen", &encode(&body.seen, 40).unwrap());
    assert_eq!(table.bytes(), authored.statement.as_bytes());
    let statement = &authored.statement;
    let digest = statement.digest();
    let structure =
        indelible::entry::statement::Unverified::decode(statement.as_bytes(), &statement.signature().0).unwrap();
    let slot_key = STRUCTURE_SLOT.keyed(play.people["sam"].structure.as_bytes(), digest.as_bytes());
    let signed = Table::new()
        .row("signature", &statement.signature().0)
        .row("statement digest", digest.as_bytes())
        .row("structure node", &structure.structure_node())
        .row("commitment root", statement.commitment().as_bytes())
        .row("slot key", &slot_key);
    let part = Table::new()
        .row("suite", &authored.structure[..1])
        .row("key slot", &authored.structure[1..49])
        .row("hint", &authored.structure[49..65])
        .row("ciphertext and tag", &authored.structure[65..]);
    let prose = "The bytes that are signed. In brackets stands the name of the leaf that a row is in the structure branch \
        of the commitment; `[-]` is no leaf.";
    section("statement", prose, "text", &table.to_string())
        + &section("signature and digests", "", "text", &signed.to_string())
        + &section("structure part", "", "text", &part.to_string())
}

fn entry_sections(play: &Play) -> String {
    let log = play.bytes();
    let range = write_of(&log, ENTRY);
    let (mut at, mut previous) = (0, [0; 32]);
    while at < range.start {
        let write = Write::parse(&log[at..], at as u64, previous).unwrap();
        (at, previous) = (at + write.length, write.hash);
    }
    let write = Write::parse(&log[range.clone()], range.start as u64, previous).unwrap();
    let (entry, bytes) = (write.entries[0], &log[range.clone()]);
    let e = entry.envelope;
    let table = Table::new()
        .row("version", &e[..1])
        .row("number", &e[1..9])
        .row("recorded", &e[9..17])
        .row("previous link", &e[17..49])
        .row("statement digest", &e[49..81])
        .row("commitment root", &e[81..113])
        .row("parts digest", &e[113..145]);
    let hashes = Table::new()
        .row("digest of the structure part", envelope::part_digest(entry.structure).as_bytes())
        .row("digest of the words part", envelope::part_digest(entry.words).as_bytes())
        .row("link", envelope::link(e).as_bytes())
        .row("leaf hash", &leaf_hash(e).0);
    let length = entry.frame_length();
    let frame = Table::new()
        .row("type (entry)", &bytes[..1])
        .row("length of the structure part", &bytes[1..5])
        .row("length of the words part", &bytes[5..9])
        .row("check value", &bytes[length - 20..length - 4])
        .row("length of the frame", &bytes[length - 4..length]);
    let own = &bytes[length..];
    let note = write.checkpoint.note;
    let checkpoint = Table::new()
        .row("type (own checkpoint)", &own[..1])
        .row("length of the note", &own[1..5])
        .row("zero", &own[5..9])
        .row("start of the write", &own[9..17])
        .row("frames hash", &own[17..49])
        .row("previous write's hash", &own[49..81])
        .row("note", note)
        .row("check value", &own[own.len() - 20..own.len() - 4])
        .row("length of the frame", &own[own.len() - 4..])
        .row("(not stored) hash of this write", &write.hash);
    assert_eq!(own[17..49], FRAMES.hash(&[&bytes[length - 20..length - 4]]));
    let receipt = play.ledger.receipt(ENTRY as u64).unwrap().to_string();
    let dash = "The em dash, bytes e2 80 94, is written `\\u{2014}` here; all else is as it stands.";
    section("envelope", "", "text", &table.to_string())
        + &section("link and leaf", "", "text", &hashes.to_string())
        + &section(
            "entry frame",
            "Between the header and the check value lie envelope, structure part and words part.",
            "text",
            &frame.to_string(),
        )
        + &section("checkpoint frame", "The write is the entry frame and this one.", "text", &checkpoint.to_string())
        + &section("checkpoint note", dash, "text", std::str::from_utf8(note).unwrap())
        + &section("receipt", dash, "text", &receipt)
}
