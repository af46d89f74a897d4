//! `receipt` and `receipts`: the proof that something was entered, for whoever entered it; and verifying one.

use std::path::Path;

use indelible::cabinet::identity::side_folder;
use indelible::cabinet::receipts;
use indelible::decision::value::Moment;
use indelible::entry::carried::Carried;
use indelible::entry::envelope::ENVELOPE;
use indelible::head::HeadError;
use indelible::head::checkpoint::SignedCheckpoint;
use indelible::head::receipt::Receipt;
use indelible::head::trust::Trust;
use indelible::ledger::LedgerError;
use indelible::ledger::open::{Ledger, read_origin};
use indelible::verify::receipt::{ReceiptError, ReceiptReport};
use indelible::verify::report::{Code, Finding};
use serde_json::{Value as Json, json};

use crate::cli::args::{ReceiptArgs, VerifyArgs};
use crate::cli::door::Door;
use crate::cli::failure::Failure;
use crate::cli::verdict::{count, day, findings_json, list as list_of, wrap};
use crate::cli::verify::read_trust;

pub fn run(door: &mut Door<'_>, args: ReceiptArgs) -> Result<u8, Failure> {
    let ledger = door.reader()?;
    let receipt = ledger.receipt(args.entry)?.to_string();
    if let Some(path) = &args.entry_out {
        let stored = ledger.entry(args.entry)?;
        let envelope = stored.envelope_bytes();
        let envelope: &[u8; ENVELOPE] = envelope.as_slice().try_into().map_err(|_| LedgerError::NoEntry(args.entry))?;
        let carried = Carried { envelope, structure: stored.structure(), words: stored.words() };
        door.write_private(path, &carried.encode().map_err(LedgerError::from)?)?;
    }
    if door.global.json {
        door.json("receipt", json!({"entry": args.entry, "receipt": receipt}))?;
    } else {
        write!(door.out, "{receipt}")?;
    }
    Ok(0)
}

/// Lists the receipts beside the identity, each with whether this ledger honours it.
pub fn list(door: &mut Door<'_>) -> Result<u8, Failure> {
    let side = side_folder(&door.identity_path()?);
    let ledger = door.reader()?;
    let id = ledger.id()?;
    let (mut rows, mut code) = (Vec::new(), 0);
    for number in receipts::list(&side, id).map_err(LedgerError::from)? {
        let bytes = receipts::load(&side, id, number).map_err(LedgerError::from)?;
        let state = honoured(&ledger, number, &bytes);
        code = match state {
            Honoured::Yes { .. } => code,
            Honoured::Torn => code.max(1),
            Honoured::No => 3,
        };
        rows.push((number, state));
    }
    if door.global.json {
        let row = |(number, state): &(u64, Honoured)| match state {
            Honoured::Yes { size, cosigned } => {
                json!({"entry": number, "honoured": true, "size": size, "cosignatures": cosigned})
            }
            Honoured::Torn => json!({"entry": number, "honoured": null}),
            Honoured::No => json!({"entry": number, "honoured": false}),
        };
        door.json("receipts", json!({"receipts": rows.iter().map(row).collect::<Vec<Json>>()}))?;
        return Ok(code);
    }
    for (number, state) in &rows {
        match state {
            Honoured::Yes { size, cosigned: 0 } => {
                writeln!(door.out, "entry {number}: honoured ({})", count(*size, "entry"))?
            }
            Honoured::Yes { size, cosigned } => {
                writeln!(
                    door.out,
                    "entry {number}: honoured ({}, {})",
                    count(*size, "entry"),
                    count(*cosigned, "cosignature")
                )?;
            }
            Honoured::Torn => {
                writeln!(door.out, "entry {number}: a damaged receipt; `indelible receipt {number}` gives it again")?;
            }
            Honoured::No => {
                writeln!(door.out, "entry {number}: NOT honoured: this ledger holds something else (RECEIPT)")?
            }
        }
    }
    match rows.len() {
        0 => writeln!(door.out, "no receipts of this ledger beside this identity")?,
        _ if code == 3 => writeln!(
            door.out,
            "keep the receipts and run `indelible verify --receipts {}`",
            side.join("receipts").display()
        )?,
        _ => {}
    }
    Ok(code)
}

enum Honoured {
    Yes { size: u64, cosigned: u64 },
    No,
    Torn,
}

fn honoured(ledger: &Ledger, number: u64, bytes: &[u8]) -> Honoured {
    let Ok(receipt) = Receipt::parse(bytes) else { return Honoured::Torn };
    let known = ledger.log_keys();
    let Ok(signed) = SignedCheckpoint::open_note(receipt.note().clone(), known) else { return Honoured::No };
    if ledger.extends(signed.checkpoint(), "a receipt").is_err() {
        return Honoured::No;
    }
    // The checkpoint is this ledger's own: a proof that fails is the receipt's fault.
    let Ok(stored) = ledger.entry(number) else { return Honoured::No };
    match receipt.check(&stored.envelope_bytes(), known) {
        Ok(signed) if receipt.number().0 == number => {
            let cosigned = receipt.note().signatures().len() as u64 - 1;
            Honoured::Yes { size: signed.checkpoint().size().0, cosigned }
        }
        _ => Honoured::Torn,
    }
}

/// What became of verifying one receipt.
struct Judged {
    number: Option<u64>,
    finding: Option<Code>,
    why: String,
    report: Option<ReceiptReport>,
}

/// `verify` for a receipt: the entry's bytes, the proof, the checkpoint, its signatures.
pub fn verify(door: &mut Door<'_>, args: &VerifyArgs, path: &Path) -> Result<u8, Failure> {
    let Some(entry) = &args.entry else {
        return Err(Failure::new(
            "a receipt proves an entry, and the entry was not given",
            "add --entry FILE, as `indelible receipt N --entry-out FILE` wrote it",
        ));
    };
    let own = read_trust(door, args.trust.as_ref())?.map(|trusted| trusted.trust);
    let trusted = own.is_some();
    let trust = match (own, &door.global.ledger) {
        (Some(trust), _) => trust,
        (None, Some(dir)) => Trust::of_log(read_origin(dir)?).map_err(LedgerError::from)?,
        (None, None) => {
            return Err(Failure::new(
                "there are no keys to check the receipt with",
                "add --trust FILE: a line `log VKEY` (line 2 of the ledger's `origin` file) and a line `quorum none`; or --ledger DIR",
            ));
        }
    };
    let judged = judge(&door.read(path)?, &door.read(entry)?, &trust);
    let (history, code) = match &judged {
        Judged { finding: Some(_), .. } => ("invalid", 3),
        Judged { report: Some(report), .. } if trusted && report.cosigned => ("witnessed", 0),
        _ => ("unaltered", 1),
    };
    let sentences = sentences(&judged, history, trusted);
    if door.global.json {
        door.json("verify", to_json(&judged, history, trusted, &sentences))?;
        return Ok(code);
    }
    for sentence in &sentences {
        write!(door.out, "{}", wrap(sentence, ""))?;
    }
    if let Some(code) = judged.finding {
        let entry = judged.number.map_or("receipt".to_owned(), |number| format!("entry {number}"));
        write!(door.out, "\n{}", wrap(&format!("{entry}: {} ({code})", judged.why), "    "))?;
        write!(door.out, "{}", wrap(&format!("    next: {}", code.next()), "          "))?;
    }
    Ok(code)
}

fn judge(receipt: &[u8], entry: &[u8], trust: &Trust) -> Judged {
    let found = |number, code, why: String| Judged { number, finding: Some(code), why, report: None };
    let receipt = match Receipt::parse(receipt) {
        Ok(receipt) => receipt,
        Err(error) => return found(None, Code::Receipt, format!("the receipt is damaged: {error}")),
    };
    let number = Some(receipt.number().0);
    // The envelope alone is enough for the proof; what comes with it has to be what it names.
    let (envelope, whole) = match Carried::decode(entry) {
        Ok(carried) => (carried.envelope.as_slice(), carried.parts_match()),
        Err(_) if entry.len() == ENVELOPE => (entry, true),
        Err(_) => return found(number, Code::Receipt, "the entry file is damaged, or is none".to_owned()),
    };
    match indelible::verify::receipt::verify(&receipt, envelope, trust) {
        Ok(report) if whole => Judged { number, finding: None, why: String::new(), report: Some(report) },
        Ok(_) => found(number, Code::Sealed, Code::Sealed.words().to_owned()),
        Err(ReceiptError::NotProven(HeadError::NotSigned)) => {
            found(number, Code::LogKey, "no key that you trust signed this receipt".to_owned())
        }
        Err(error) => found(number, Code::Receipt, error.to_string()),
    }
}

fn sentences(judged: &Judged, history: &str, trusted: bool) -> [String; 2] {
    let keys = match trusted {
        true => "against the keys of your trust file",
        false => "against keys as vouched for by this ledger alone",
    };
    let said = match &judged.report {
        None => format!("this receipt does not prove this entry. Checked {keys}."),
        Some(report) => {
            let head = report.checkpoint.checkpoint();
            let recorded = Moment::in_london(report.recorded).for_people().unwrap_or_default();
            let newest = report.witnesses.iter().map(|(_, time)| *time).max();
            let names = report.witnesses.iter().map(|(name, _)| name.clone()).collect();
            let witnesses = match newest {
                Some(newest) => format!("cosigned by {}, last on {}", list_of(names), day(newest)),
                None => "not yet witnessed; a setting without witnesses is not failing".to_owned(),
            };
            format!(
                "entry {} of {}, recorded {recorded}, stands unaltered among the first {} entries: {witnesses}. \
                 Checked the entry's bytes, the proof and the checkpoint, {keys}; what the entry says was not opened.",
                report.entry,
                head.origin(),
                head.size()
            )
        }
    };
    [
        format!("History: {history}. {}", capital(&said)),
        "Record keeping: not asked. A receipt speaks of one entry.".to_owned(),
    ]
}

fn to_json(judged: &Judged, history: &str, trusted: bool, sentences: &[String; 2]) -> Json {
    let head = judged.report.as_ref().map(|report| report.checkpoint.checkpoint());
    let log_key =
        judged.report.as_ref().and_then(|report| report.checkpoint.log_keys().next().map(ToString::to_string));
    let mut findings = Vec::new();
    if let Some(code) = judged.finding {
        findings = findings_json(&[Finding { entry: judged.number.unwrap_or(0), code }]);
        for finding in &mut findings {
            finding["entry"] = json!(judged.number);
            finding["what"] = json!(judged.why);
        }
    }
    json!({
        "history": history, "record_keeping": "not asked", "layer": "receipt",
        "size": head.map(|head| head.size().0), "root": head.map(|head| head.root().to_string()),
        "sentences": sentences, "findings": findings, "counts": {}, "needed_to_rewrite": [],
        "origin": head.map(|head| head.origin()), "log_key": log_key, "trusted": trusted,
        "entry": judged.number, "recorded": judged.report.as_ref().and_then(|r| Moment::in_london(r.recorded).typed()),
        "witnessed_by": judged.report.as_ref().map(|report| {
            report.witnesses.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>()
        }),
    })
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().collect::<String>() + letters.as_str())
}
