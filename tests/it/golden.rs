//! Golden vectors: what they are is made here, from fixed seeds, and what they say is compared here.
//!
//! `INDELIBLE_WRITE_VECTORS=1 cargo test --test it golden` writes `tests/vectors/{ledgers,receipts}` and the generated
//! blocks of `src/manual/*.md` anew. Without it the same test fails where a file differs from what would be written.

mod closings;
mod example;
mod forge;
mod ledgers;
mod manual;
mod play;
mod receipts;
mod retired;
mod share;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use indelible::codec::{Digest, LedgerId};
use indelible::decision::value::Moment;
use indelible::head::note::Note;
use indelible::head::receipt::Receipt;
use indelible::head::trust::Trust;
use indelible::ledger::open::parse_origin;
use indelible::seal::structure::StructureKey;
use indelible::seal::words::FolderPrivate;
use indelible::verify::entry::Keys;
use indelible::verify::ledger::{Options, verify};
use indelible::verify::receipt::{self, ReceiptError};
use indelible::verify::report::{Finding, Report, Verdict};
use serde_json::{Value as Json, json};

use crate::world::options;

/// The file of this repository at `path`.
pub fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn text(path: &Path) -> Option<String> {
    fs::read(path).ok().map(|bytes| String::from_utf8(bytes).unwrap())
}

/// Every file of the vectors, as it is to be; written first where that is wanted.
fn files() -> &'static BTreeMap<PathBuf, Vec<u8>> {
    static FILES: OnceLock<BTreeMap<PathBuf, Vec<u8>>> = OnceLock::new();
    FILES.get_or_init(|| {
        let files = make();
        for (path, bytes) in files.iter().filter(|_| write_wanted()) {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        files
    })
}

fn make() -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for vector in ledgers::all() {
        let folder = file("tests/vectors/ledgers").join(vector.name);
        let mut put = |name: &str, bytes: Vec<u8>| drop(files.insert(folder.join(name), bytes));
        let origin = format!("{}\n{}\n", play::ORIGIN, vector.log_key);
        put("ledger.log", vector.log.clone());
        put("origin", origin.into_bytes());
        put("keys.json", pretty(&vector.keys));
        let optional = [("known.note", &vector.known), ("held.tlog-proof", &vector.receipt), ("trust", &vector.trust)];
        for (name, content) in optional {
            content.iter().for_each(|content| put(name, content.clone().into_bytes()));
        }
        vector.now.iter().for_each(|now| put("now", format!("{now}\n").into_bytes()));
        let told = Told::from(&vector);
        put("expected.json", pretty(&expected(&vector, &told)));
    }
    for vector in receipts::all() {
        let folder = file("tests/vectors/receipts").join(vector.name);
        files.insert(folder.join("receipt.tlog-proof"), vector.receipt.into_bytes());
        files.insert(folder.join("entry"), vector.entry);
        files.insert(folder.join("trust"), vector.trust.into_bytes());
        files
            .insert(folder.join("expected.json"), pretty(&json!({ "about": vector.about, "verdict": vector.verdict })));
    }
    files
}

fn pretty(json: &Json) -> Vec<u8> {
    (serde_json::to_string_pretty(json).unwrap() + "\n").into_bytes()
}

/// What a verifier is told beside the log.
struct Told {
    keys: Json,
    known: Option<String>,
    receipt: Option<String>,
    trust: Option<String>,
    now: Option<String>,
}

impl Told {
    fn from(vector: &ledgers::Vector) -> Self {
        let (known, receipt, trust) = (vector.known.clone(), vector.receipt.clone(), vector.trust.clone());
        Told { keys: vector.keys.clone(), known, receipt, trust, now: vector.now.map(str::to_owned) }
    }

    fn read(folder: &Path) -> Self {
        Told {
            keys: serde_json::from_str(&text(&folder.join("keys.json")).unwrap()).unwrap(),
            known: text(&folder.join("known.note")),
            receipt: text(&folder.join("held.tlog-proof")),
            trust: text(&folder.join("trust")),
            now: text(&folder.join("now")),
        }
    }

    /// The keys of a layer: none for the skeleton.
    fn keys(&self, layer: &str) -> Keys {
        let key = |json: &Json| indelible::codec::context::parse_hex::<32>(json.as_str().unwrap()).unwrap();
        let list = |name: &str| self.keys[name].as_array().cloned().unwrap_or_default();
        let mut keys =
            Keys { ledger: LedgerId::parse(self.keys["ledger"].as_str().unwrap()).unwrap(), ..Keys::default() };
        if layer != "skeleton" {
            keys.structure = list("people").iter().map(|p| StructureKey::new(key(&p["structure_key"]))).collect();
        }
        if layer == "restricted" {
            keys.restricted = list("restricted").iter().map(|k| FolderPrivate::new(key(k))).collect();
        }
        keys
    }

    fn verify(&self, log: &[u8], layer: &str) -> Report {
        let trust = self.trust.as_ref().map(|trust| Trust::parse(trust.as_bytes()).unwrap());
        let known: Vec<Note> = self.known.iter().map(|note| Note::parse(note.as_bytes()).unwrap()).collect();
        let receipts: Vec<Receipt> = self.receipt.iter().map(|text| Receipt::parse(text.as_bytes()).unwrap()).collect();
        let now = self.now.as_ref().map_or(play::START, |now| Moment::parse(now.trim()).unwrap().milliseconds);
        let options = Options {
            trust: trust.as_ref(),
            trust_digest: Digest::ZERO,
            known: &known,
            receipts: &receipts,
            ..options(self.keys(layer), now)
        };
        verify(&|| Ok(std::io::Cursor::new(log)), &options).unwrap().0
    }

    fn layers(&self) -> Vec<&'static str> {
        let restricted = self.keys.get("restricted").map(|_| "restricted");
        ["skeleton", "structure"].into_iter().chain(restricted).collect()
    }
}

fn alters(finding: &Finding) -> bool {
    !matches!(finding.code.verdict(), Verdict::Record | Verdict::Note)
}

fn pair(finding: &Finding) -> Json {
    json!([finding.code.name(), finding.entry])
}

/// What a report says, in the form of `expected.json`.
fn said(report: &Report) -> Json {
    json!({
        "history": report.history.name(),
        "record_keeping": report.record_keeping.name(),
        "layer": report.layer.name(),
        "exit": report.exit_code(),
        "first": report.findings.iter().find(|finding| alters(finding)).map(pair),
        "findings": report.findings.iter().map(pair).collect::<Vec<_>>(),
    })
}

/// The content of `expected.json`: what was decided by hand stands in the vector and is compared first.
fn expected(vector: &ledgers::Vector, told: &Told) -> Json {
    let mut expected = json!({ "about": vector.about });
    for layer in told.layers() {
        let report = told.verify(&vector.log, layer);
        let (history, findings) = if layer == "skeleton" { &vector.skeleton } else { &vector.structure };
        let name = format!("{}, {layer}", vector.name);
        assert_eq!(report.history.name(), *history, "{name}: {:?}", report.findings);
        let found: Vec<(&str, u64)> = report.findings.iter().map(|f| (f.code.name(), f.entry)).collect();
        if report.history.altered() {
            let first = report.findings.iter().find(|finding| alters(finding)).unwrap();
            assert_eq!((first.code.name(), first.entry), findings[0], "{name}: {found:?}");
        } else {
            assert_eq!(&found, findings, "{name}");
            expected["size"] = json!(report.size.0);
            expected["root"] = json!(Digest::new(report.root.0).to_string());
        }
        expected[layer] = said(&report);
    }
    expected
}

fn write_wanted() -> bool {
    std::env::var_os("INDELIBLE_WRITE_VECTORS").is_some_and(|value| value == "1")
}

#[test]
fn the_generator_gives_the_vectors_as_they_are() {
    let files = files();
    for (path, bytes) in files {
        let same = fs::read(path).is_ok_and(|stored| stored == *bytes);
        assert!(same, "{} is not what the generator makes; see the head of tests/it/golden.rs", path.display());
    }
    for folder in ["ledgers", "receipts"] {
        for vector in fs::read_dir(file("tests/vectors").join(folder)).unwrap() {
            for path in fs::read_dir(vector.unwrap().path()).unwrap() {
                let path = path.unwrap().path();
                assert!(files.contains_key(&path), "{} is made by nobody", path.display());
            }
        }
    }
}

#[test]
fn every_golden_ledger_gets_its_verdict_in_both_layers() {
    let mut seen = 0;
    files();
    for folder in fs::read_dir(file("tests/vectors/ledgers")).unwrap() {
        let folder = folder.unwrap().path();
        let told = Told::read(&folder);
        let log = fs::read(folder.join("ledger.log")).unwrap();
        let expected: Json = serde_json::from_str(&text(&folder.join("expected.json")).unwrap()).unwrap();
        parse_origin(&fs::read(folder.join("origin")).unwrap()).unwrap();
        for layer in told.layers() {
            let report = told.verify(&log, layer);
            assert_eq!(said(&report), expected[layer], "{} {layer}", folder.display());
            if !report.history.altered() {
                assert!(report.size.0 <= 30);
                assert_eq!(json!(report.size.0), expected["size"]);
                assert_eq!(json!(Digest::new(report.root.0).to_string()), expected["root"]);
            }
        }
        // A bare file says the same as bytes in memory.
        let whole = verify(&|| File::open(folder.join("ledger.log")), &options(told.keys("skeleton"), play::START));
        assert_eq!(whole.unwrap().0.size, told.verify(&log, "skeleton").size);
        seen += 1;
    }
    assert!(seen >= 50, "{seen}");
}

#[test]
fn every_finding_that_alters_history_has_a_golden_ledger() {
    let expected = ledgers::all().into_iter().flat_map(|v| v.skeleton.1.into_iter().chain(v.structure.1));
    let shown: Vec<&str> = expected.map(|(code, _)| code).collect();
    let missing: Vec<&str> = indelible::verify::report::Code::ALL
        .iter()
        .map(|code| code.name())
        .filter(|name| !shown.contains(name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_golden_receipt_gets_its_verdict() {
    files();
    for folder in fs::read_dir(file("tests/vectors/receipts")).unwrap() {
        let folder = folder.unwrap().path();
        let read = |name: &str| fs::read(folder.join(name)).unwrap();
        let expected: Json = serde_json::from_slice(&read("expected.json")).unwrap();
        let trust = Trust::parse(&read("trust")).unwrap();
        let verdict = match Receipt::parse(&read("receipt.tlog-proof")) {
            Err(_) => "malformed",
            Ok(receipt) => match receipt::verify(&receipt, &read("entry"), &trust) {
                Ok(report) if report.cosigned => "proven and cosigned",
                Ok(_) => "proven",
                Err(ReceiptError::Entry) => "no entry",
                Err(ReceiptError::OtherEntry) => "other entry",
                Err(ReceiptError::NotProven(_)) => "not proven",
            },
        };
        assert_eq!(json!(verdict), expected["verdict"], "{}", folder.display());
    }
}
