//! The verifying commands, as scripts use them: checkpoint, receipt, witness, verify, demo.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use indelible::head::trust::Trust;
use indelible::verify::entry::Keys;
use indelible::verify::ledger::verify;
use indelible::verify::report::{Code, History};
use serde_json::{Value as Json, json};

use crate::town::{output, program};
use crate::world::{START, World, options, verify_bytes};

/// Entries 0 to 8: the setting, and three decisions of Sam's and Maria's.
fn world() -> World {
    let world = World::new();
    for (who, case, reasons) in
        [("sam", "theo", "They could not say who they were."), ("maria", "ezra", "b"), ("sam", "ezra", "c")]
    {
        record(&world, who, case, reasons);
    }
    world
}

fn record(world: &World, who: &str, case: &str, reasons: &str) -> u64 {
    world.record(who, noshare(case, reasons))
}

fn noshare(case: &str, reasons: &str) -> Json {
    let decided = "2026-10-06T08:40:00+01:00";
    json!({"kind": "decision.noshare", "case": case, "decided_at": decided, "reasons": reasons})
}

struct Run {
    code: i32,
    out: String,
    err: String,
}

/// Runs the program in the world's folder.
fn run(world: &World, args: &[&str]) -> Run {
    let Output { status, stdout, stderr } = output(program(world.folder.path(), args, None), "");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { code: status.code().unwrap(), out: text(stdout), err: text(stderr) }
}

fn done(world: &World, args: &[&str]) -> String {
    let run = run(world, args);
    assert_eq!(run.code, 0, "{args:?}: {}{}", run.out, run.err);
    run.out
}

/// Verifies with `--json` and returns exit code and document.
fn verdict(world: &World, args: &[&str]) -> (i32, Json) {
    let run = run(world, &[&["verify", "--json"], args].concat());
    let document: Json = serde_json::from_str(&run.out).unwrap_or_else(|_| panic!("{args:?}: {}{}", run.out, run.err));
    assert_eq!(document["schema"], "indelible/verify/1");
    (run.code, document)
}

fn findings(document: &Json) -> Vec<(u64, String)> {
    let list = document["findings"].as_array().unwrap();
    list.iter().map(|f| (f["entry"].as_u64().unwrap(), f["code"].as_str().unwrap().to_owned())).collect()
}

fn save(world: &World, name: &str, content: &str) {
    std::fs::write(world.path(name), content).unwrap();
}

/// Makes a witness and returns its vkey.
fn witness(world: &World, name: &str) -> String {
    let id = format!("{name}.id");
    let out =
        done(world, &["witness", "new", &format!("{name}.example/witness"), "--identity", &id, "--no-passphrase"]);
    out.lines().last().unwrap().to_owned()
}

fn trust(world: &World, name: &str, witnesses: &[String], quorum: &str) {
    let origin = std::fs::read_to_string(world.book().join("origin")).unwrap();
    let mut text = format!("log {}\n", origin.lines().nth(1).unwrap());
    for (at, vkey) in witnesses.iter().enumerate() {
        text += &format!("witness w{} {vkey}\n", at + 1);
    }
    save(world, name, &(text + quorum));
}

const TWO: &str = "group q 2 w1 w2\nquorum q\n";

/// Lets two witnesses cosign by carried file, and writes `trust.txt` of a quorum of both.
fn cosigned_by_two(world: &World) {
    let vkeys = [witness(world, "chair"), witness(world, "library")];
    trust(world, "trust.txt", &vkeys, TWO);
    save(world, "head.request", &done(world, &["--ledger", "book", "checkpoint", "--old", "0"]));
    for name in ["chair", "library"] {
        let id = format!("{name}.id");
        let cosigned = done(world, &["witness", "sign", "head.request", "--log", "book/origin", "--identity", &id]);
        save(world, "head.cosigned", &cosigned);
        done(world, &["--ledger", "book", "witness", "add", "head.cosigned"]);
    }
}

#[test]
fn the_demo_names_each_tampering() {
    let folder = tempfile::tempdir().unwrap();
    let demo = |args: &[&str]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_indelible")).args(args).env("TMPDIR", folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let document: Json = serde_json::from_str(&demo(&["demo", "--json"])).unwrap();
    let tried: Vec<(&str, &str, Json)> = document["tried"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tried| (tried["what"].as_str().unwrap(), tried["history"].as_str().unwrap(), tried["findings"].clone()))
        .collect();
    assert_eq!(document["entries"], 42);
    assert_eq!(
        tried,
        [
            ("flip", "invalid", json!([{"entry": 13, "code": "SEALED"}])),
            ("drop", "truncated", json!([{"entry": 41, "code": "TRUNCATED"}])),
            ("swap", "invalid", json!([{"entry": 12, "code": "ORDER"}])),
            ("write_again", "forked", json!([{"entry": 0, "code": "LOG-KEY"}, {"entry": 41, "code": "FORK"}])),
            ("fork", "forked", json!([{"entry": 42, "code": "FORK"}])),
        ]
    );
    let document: Json = serde_json::from_str(&demo(&["demo", "--story", "people", "--json"])).unwrap();
    let tried: Vec<&str> =
        document["tried"].as_array().unwrap().iter().map(|one| one["what"].as_str().unwrap()).collect();
    assert_eq!(tried, ["confirm_alone", "revoked_key"]);
    let text = demo(&["demo", "--story", "people"]);
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    let kept = folder.path().join("kept");
    let text = demo(&["demo", "--keep", kept.to_str().unwrap()]);
    let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(widest <= 100, "{widest}");
    assert!(text.contains("History: witnessed.") && text.contains("indelible init"));
    let book = kept.join("willowbrook/book");
    let verify = ["verify", book.to_str().unwrap(), "--json"];
    let output = Command::new(env!("CARGO_BIN_EXE_indelible")).args(verify).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn an_untouched_ledger_is_unaltered_in_either_layer() {
    let world = world();
    save(&world, "head.note", &done(&world, &["--ledger", "book", "checkpoint"]));
    let (code, skeleton) = verdict(&world, &["--ledger", "book", "--known", "head.note"]);
    assert_eq!((code, &skeleton["history"], &skeleton["record_keeping"]), (1, &json!("unaltered"), &json!("not seen")));
    assert_eq!(
        (&skeleton["layer"], &skeleton["size"], &skeleton["not_witnessed"]),
        (&json!("skeleton"), &json!(9), &json!(9))
    );
    let (code, structure) = verdict(&world, &["--ledger", "book", "--identity", "maria.id", "--known", "head.note"]);
    assert_eq!(
        (code, &structure["history"], &structure["record_keeping"]),
        (1, &json!("unaltered"), &json!("findings"))
    );
    assert_eq!((&structure["layer"], &structure["counts"]["signatures"]), (&json!("structure"), &json!(9)));
    assert_eq!(findings(&structure), [(0, "ONE-FOUNDER".to_owned())]);
    let authors = &structure["needed_to_rewrite"][0]["authors"];
    let names: Vec<_> =
        authors.as_array().unwrap().iter().map(|a| (a["name"].clone(), a["independent"].clone())).collect();
    assert!(
        names.contains(&(json!("sam"), json!(false))) && names.contains(&(json!("maria"), json!(false))),
        "{names:?}"
    );
    // Sam reads Sam's own.
    let (code, part) = verdict(&world, &["book", "--identity", "sam.id"]);
    assert_eq!((code, &part["layer"]), (1, &json!("part of structure")));
    // A bare log, and a human reader.
    let (code, bare) = verdict(&world, &["book/ledger.log"]);
    assert_eq!((code, &bare["root"]), (1, &skeleton["root"]));
    let human = run(&world, &["verify", "book"]);
    assert_eq!(human.code, 1);
    let sentences: Vec<&str> =
        human.out.lines().filter(|l| l.starts_with("History: ") || l.starts_with("Record keeping: ")).collect();
    assert_eq!(sentences.len(), 2, "{}", human.out);
    assert!(
        human.out.contains("vouched for by this ledger alone") && human.out.contains("not failing"),
        "{}",
        human.out
    );
    assert!(!human.out.contains("OK") && human.out.lines().all(|line| line.chars().count() <= 100));
}

#[test]
fn what_cannot_be_looked_at_is_exit_2_and_what_does_not_parse_exit_3() {
    let world = world();
    save(&world, "nothing", "not a ledger\n");
    for args in [
        &["verify"][..],
        &["verify", "nowhere"],
        &["verify", "config"],
        &["verify", "book", "--trust", "nothing"],
        &["verify", "book", "--known", "nothing"],
        &["verify", "book", "--receipts", "nowhere"],
        &["verify", "book", "--identity", "nothing"],
        &["--ledger", "book", "checkpoint", "--old", "10"],
        &["--ledger", "book", "receipt", "9"],
        &["--ledger", "book", "witness", "add", "nothing"],
    ] {
        let run = run(&world, args);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{args:?} {}", run.err);
        assert!(run.err.contains("next: "), "{args:?} {}", run.err);
    }
    save(&world, "empty", "");
    for name in ["nothing", "empty"] {
        assert_eq!(verdict(&world, &[name]).0, 3, "{name}");
    }
}

#[test]
fn a_quorum_of_two_witnesses_makes_it_witnessed() {
    let world = world();
    let (one, two) = (witness(&world, "chair"), witness(&world, "library"));
    assert!(one.starts_with("chair.example/witness+"));
    trust(&world, "trust.txt", &[one.clone(), two], TWO);
    let cosign = |id: &str, old: &str| {
        save(&world, "head.request", &done(&world, &["--ledger", "book", "checkpoint", "--old", old]));
        if old == "0" {
            let unknown = run(&world, &["witness", "sign", "head.request", "--identity", id]);
            assert_eq!((unknown.code, unknown.out.as_str()), (2, ""));
            assert!(unknown.err.contains("--log"), "{}", unknown.err);
        }
        let cosigned = done(&world, &["witness", "sign", "head.request", "--log", "book/origin", "--identity", id]);
        save(&world, "head.cosigned", &cosigned);
        let added = done(&world, &["--ledger", "book", "witness", "add", "head.cosigned"]);
        assert!(added.contains(".example/witness"), "{added}");
    };
    let with = ["--ledger", "book", "--identity", "maria.id", "--trust", "trust.txt", "--without-rules"];
    let (code, none) = verdict(&world, &with);
    assert_eq!((code, &none["history"], &none["not_witnessed"]), (1, &json!("unaltered"), &json!(9)));
    cosign("chair.id", "0");
    let (code, half) = verdict(&world, &with);
    assert_eq!((code, &half["history"], &half["not_witnessed"]), (1, &json!("unaltered"), &json!(9)));
    cosign("library.id", "0");
    let (code, whole) = verdict(&world, &with);
    assert_eq!((code, &whole["history"], &whole["not_witnessed"]), (0, &json!("witnessed"), &json!(0)), "{whole}");
    assert_eq!((&whole["witnessed_size"], &whole["witnessed_by"]), (&json!(9), &json!(["w1", "w2"])));
    assert_eq!(verdict(&world, &["book", "--trust", "trust.txt"]).0, 1, "structure was not seen");

    // The newest checkpoint is now the cosigned one, with both lines.
    let head = done(&world, &["--ledger", "book", "checkpoint"]);
    assert_eq!(head.lines().filter(|line| line.starts_with('\u{2014}')).count(), 3, "{head}");
    // What comes after is not yet witnessed, and keys enrolled before count as independent from there on.
    for who in ["sam", "maria", "sam"] {
        record(&world, who, "theo", "d");
    }
    let (code, later) = verdict(&world, &with);
    assert_eq!((code, &later["history"], &later["not_witnessed"]), (0, &json!("witnessed"), &json!(3)));
    let stretches = later["needed_to_rewrite"].as_array().unwrap();
    let independent = |stretch: &&Json| stretch["authors"].as_array().unwrap().iter().any(|a| a["independent"] == true);
    assert_eq!(stretches.iter().find(independent).unwrap()["from"], 9, "{stretches:?}");

    // A request that starts elsewhere is answered with the right size.
    save(&world, "head.request", &done(&world, &["--ledger", "book", "checkpoint", "--old", "3"]));
    let wrong = run(&world, &["witness", "sign", "head.request", "--identity", "chair.id"]);
    assert_eq!((wrong.code, wrong.out.as_str()), (1, "9\n"));
    assert!(wrong.err.contains("--old 9"), "{}", wrong.err);
    cosign("chair.id", "9");
    cosign("library.id", "9");
    assert_eq!(verdict(&world, &with).1["not_witnessed"], 0);
}

/// The size of a checkpoint's text and how many lines sign it.
fn size_and_lines(text: &str) -> (u64, usize) {
    let note = text.split("\n\n").last().map(|lines| lines.lines().count()).unwrap();
    let at = text.lines().position(|line| line.contains("willowbrook") && !line.contains('+')).unwrap();
    (text.lines().nth(at + 1).unwrap().parse().unwrap(), note)
}

#[test]
fn a_newer_checkpoint_is_not_held_up_by_an_older_one_that_more_witnesses_cosigned() {
    let world = world();
    cosigned_by_two(&world);
    let cosign = |name: &str, old: &str| {
        let id = format!("{name}.id");
        save(&world, "head.request", &done(&world, &["--ledger", "book", "checkpoint", "--old", old]));
        save(&world, "head.cosigned", &done(&world, &["witness", "sign", "head.request", "--identity", &id]));
        done(&world, &["--ledger", "book", "witness", "add", "head.cosigned"]);
    };
    let receipt = |entry: u64| size_and_lines(&done(&world, &["--ledger", "book", "receipt", &entry.to_string()]));
    let copy = || size_and_lines(&std::fs::read_to_string(world.book().join("checkpoint")).unwrap());
    assert_eq!((receipt(3), receipt(8), copy()), ((9, 3), (9, 3), (9, 3)));
    let later = record(&world, "sam", "theo", "Later.");
    // Nobody cosigned it yet: the newest of our own.
    assert_eq!((receipt(3), receipt(later), copy()), ((9, 3), (10, 1), (10, 1)));
    cosign("chair", "9");
    assert_eq!((receipt(3), receipt(later), copy()), ((9, 3), (10, 2), (10, 2)));
    let last = record(&world, "sam", "theo", "Last.");
    assert_eq!((receipt(later), receipt(last), copy()), ((10, 2), (11, 1), (11, 1)));
    // Both come to one checkpoint, one after the other: their lines stand together in it, and it is the largest of those.
    save(&world, "head.request", &done(&world, &["--ledger", "book", "checkpoint", "--old", "10"]));
    save(&world, "late.request", &done(&world, &["--ledger", "book", "checkpoint", "--old", "9"]));
    for (request, name) in [("head.request", "chair"), ("late.request", "library")] {
        let id = format!("{name}.id");
        save(&world, "head.cosigned", &done(&world, &["witness", "sign", request, "--identity", &id]));
        done(&world, &["--ledger", "book", "witness", "add", "head.cosigned"]);
    }
    assert_eq!((receipt(3), receipt(later), receipt(last), copy()), ((11, 3), (11, 3), (11, 3), (11, 3)));
    // The same without the cards.
    std::fs::remove_dir_all(world.book().join("index")).unwrap();
    assert_eq!((receipt(3), receipt(last)), ((11, 3), (11, 3)));
}

#[test]
fn a_false_cosignature_is_not_taken_in() {
    let world = world();
    let chair = witness(&world, "chair");
    trust(&world, "book/trust", &[chair], "quorum none\n");
    save(&world, "head.request", &done(&world, &["--ledger", "book", "checkpoint", "--old", "0"]));
    let signed = done(&world, &["witness", "sign", "head.request", "--log", "book/origin", "--identity", "chair.id"]);
    let at = signed.len() - 20;
    let other = if &signed[at..=at] == "A" { "B" } else { "A" };
    save(&world, "false.cosigned", &format!("{}{other}{}", &signed[..at], &signed[at + 1..]));
    let before = std::fs::read(world.book().join("ledger.log")).unwrap();
    let refused = run(&world, &["--ledger", "book", "witness", "add", "false.cosigned"]);
    assert_ne!(refused.code, 0, "{}", refused.out);
    assert_eq!(std::fs::read(world.book().join("ledger.log")).unwrap(), before);
    save(&world, "head.cosigned", &signed);
    done(&world, &["--ledger", "book", "witness", "add", "head.cosigned"]);
}

#[test]
fn cosignatures_older_than_eight_days_no_longer_witness() {
    let world = world();
    cosigned_by_two(&world);
    let trust = Trust::parse(&std::fs::read(world.path("trust.txt")).unwrap()).unwrap();
    let bytes = std::fs::read(world.book().join("ledger.log")).unwrap();
    let at = |now| {
        let mut options = options(world.desk("maria").keys(), now);
        options.trust = Some(&trust);
        verify_bytes(&bytes, &options)
    };
    let signed = i64::try_from(at(START).witnessed.unwrap().time).unwrap() * 1000;
    let day = 86_400_000;
    let outcomes: Vec<_> = [signed, signed + 9 * day - 1, signed + 9 * day]
        .map(at)
        .into_iter()
        .map(|r| (r.history, r.exit_code()))
        .collect();
    assert_eq!(outcomes, [(History::Witnessed, 0), (History::Witnessed, 0), (History::Unaltered, 1)]);
}

#[test]
fn a_receipt_proves_its_entry_and_nothing_else() {
    let world = world();
    cosigned_by_two(&world);
    trust(&world, "alone.txt", &[], "quorum none\n");
    let receipt = done(&world, &["--ledger", "book", "receipt", "6", "--entry-out", "6.entry"]);
    save(&world, "6.tlog-proof", &receipt);
    save(&world, "7.tlog-proof", &done(&world, &["--ledger", "book", "receipt", "7"]));
    let check =
        |receipt: &str, entry: &str, trust: &str| verdict(&world, &[receipt, "--entry", entry, "--trust", trust]);
    let (code, document) = check("6.tlog-proof", "6.entry", "trust.txt");
    assert_eq!(
        (code, &document["history"], &document["record_keeping"]),
        (0, &json!("witnessed"), &json!("not asked")),
        "{document}"
    );
    assert_eq!((&document["entry"], &document["witnessed_by"]), (&json!(6), &json!(["w1", "w2"])));
    let (code, document) = check("6.tlog-proof", "6.entry", "alone.txt");
    assert_eq!((code, &document["history"]), (1, &json!("unaltered")));
    let (code, document) = verdict(&world, &["6.tlog-proof", "--entry", "6.entry", "--ledger", "book"]);
    assert_eq!((code, &document["trusted"]), (1, &json!(false)));
    let (code, document) = check("7.tlog-proof", "6.entry", "trust.txt");
    assert_eq!(
        (code, &document["history"], findings(&document)),
        (3, &json!("invalid"), vec![(7, "RECEIPT".to_owned())])
    );
    for args in [&["verify", "6.tlog-proof"][..], &["verify", "6.tlog-proof", "--entry", "6.entry"]] {
        assert_eq!(run(&world, args).code, 2);
    }
    // Each part of the entry file and of the receipt is proven.
    let entry = std::fs::read(world.path("6.entry")).unwrap();
    for at in (0..entry.len()).step_by(97).chain([145, entry.len() - 1]) {
        let mut altered = entry.clone();
        altered[at] ^= 4;
        std::fs::write(world.path("x.entry"), altered).unwrap();
        assert_eq!(check("6.tlog-proof", "x.entry", "trust.txt").0, 3, "byte {at}");
    }
    for at in
        (24..receipt.len()).step_by(41).filter(|at| receipt.is_char_boundary(*at) && receipt.is_char_boundary(at + 1))
    {
        let with = if receipt.as_bytes()[at] == b'A' { "B" } else { "A" };
        save(&world, "x.tlog-proof", &format!("{}{with}{}", &receipt[..at], &receipt[at + 1..]));
        let (code, document) = check("x.tlog-proof", "6.entry", "trust.txt");
        // A cosignature under a name that nobody knows is no cosignature.
        assert!(code == 3 || document["history"] == "unaltered", "byte {at}: {document}");
    }
}

#[test]
fn receipts_are_listed_with_whether_the_ledger_honours_them() {
    let world = world();
    let list = run(&world, &["--ledger", "book", "--identity", "sam.id", "receipts", "--json"]);
    let document: Json = serde_json::from_str(&list.out).unwrap();
    assert_eq!((list.code, &document["schema"]), (0, &json!("indelible/receipts/1")));
    let entries: Vec<_> =
        document["receipts"].as_array().unwrap().iter().map(|r| (r["entry"].clone(), r["honoured"].clone())).collect();
    assert_eq!(entries, [(json!(6), json!(true)), (json!(8), json!(true))]);
    let (code, _) = verdict(&world, &["book", "--receipts", "sam.id.d/receipts"]);
    assert_eq!(code, 1);
    // A receipt whose proof is damaged is no word against the ledger.
    let (good, file) = (receipt_file(&world, "sam", 6), "damaged/6.tlog-proof");
    let text = std::fs::read_to_string(&good).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.swap(2, 3);
    std::fs::create_dir(world.path("damaged")).unwrap();
    save(&world, file, &(lines.join("\n") + "\n"));
    let (code, document) = verdict(&world, &["book", "--receipts", "damaged"]);
    assert_eq!((code, &document["history"]), (1, &json!("unaltered")));
    assert!(findings(&document).contains(&(6, "RECEIPT-DAMAGED".to_owned())), "{document}");
    std::fs::copy(world.path(file), &good).unwrap();
    let list = run(&world, &["--ledger", "book", "--identity", "sam.id", "receipts"]);
    assert_eq!(list.code, 1, "{}{}", list.out, list.err);
    assert!(list.out.contains("entry 6: a damaged receipt"), "{}", list.out);
    std::fs::write(&good, &text).unwrap();
    // The receipt of another history of the same ledger.
    let other = copy(&world, "other");
    record(&world, "sam", "theo", "here");
    let kept = receipt_file(&world, "sam", 9);
    let there = in_copy(&world, &other, "sam", "there");
    assert_eq!(there, 9);
    std::fs::copy(&kept, kept.to_str().unwrap().replace("sam.id.d", "other/sam.id.d")).unwrap();
    let list = run(&world, &["--ledger", "other/book", "--identity", "other/sam.id", "receipts"]);
    assert_eq!(list.code, 3, "{}{}", list.out, list.err);
    assert!(list.out.contains("entry 9: NOT honoured"), "{}", list.out);
    let (code, document) = verdict(&world, &["other/book", "--receipts", "other/sam.id.d/receipts"]);
    let findings = findings(&document);
    assert_eq!((code, &document["history"]), (3, &json!("forked")));
    assert!(
        findings.contains(&(9, "RECEIPT".to_owned())) && findings.contains(&(9, "FORK".to_owned())),
        "{findings:?}"
    );
}

fn receipt_file(world: &World, who: &str, entry: u64) -> PathBuf {
    let folder = world.path(&format!("{who}.id.d/receipts/{}", world.begun.ledger));
    folder.join((entry / 1000 * 1000).to_string()).join(format!("{entry}.tlog-proof"))
}

/// Copies the setting with all its keys into a folder of the world.
fn copy(world: &World, name: &str) -> PathBuf {
    fn all(from: &Path, to: &Path, not: &str) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name();
            if name == not || name == "index" {
                continue;
            }
            if entry.path().is_dir() {
                all(&entry.path(), &to.join(name), not);
            } else {
                std::fs::copy(entry.path(), to.join(name)).unwrap();
            }
        }
    }
    all(world.folder.path(), &world.path(name), name);
    world.path(name)
}

fn in_copy(world: &World, root: &Path, who: &str, reasons: &str) -> u64 {
    use indelible::cabinet::identity::side_folder;
    use indelible::ledger::record::Outcome;
    let side = side_folder(&root.join(format!("{who}.id")));
    let mut desk =
        indelible::ledger::desk::Desk::open(&root.join("book"), &root.join("config"), world.identity(who), &side)
            .unwrap();
    let draft = indelible::decision::draft::Draft::from_json(&noshare("theo", reasons)).unwrap();
    let outcome = desk.record(&draft, &|| world.tick(), &mut indelible::store::durable::entropy()).unwrap();
    let Outcome::Entered { entered, .. } = outcome else { panic!("{outcome:?}") };
    entered.number
}

#[test]
fn a_fork_is_refused_by_the_witness_and_kept_as_evidence() {
    let world = world();
    cosigned_by_two(&world);
    let other = copy(&world, "other");
    record(&world, "maria", "theo", "here");
    in_copy(&world, &other, "maria", "there");
    for (book, name) in [("book", "here.request"), ("other/book", "there.request")] {
        save(&world, name, &done(&world, &["--ledger", book, "checkpoint", "--old", "9"]));
    }
    save(&world, "here.cosigned", &done(&world, &["witness", "sign", "here.request", "--identity", "chair.id"]));
    let refused = run(&world, &["witness", "sign", "there.request", "--identity", "chair.id"]);
    assert_eq!((refused.code, refused.out.as_str()), (3, ""), "{}", refused.err);
    let evidence = refused.err.split_whitespace().find(|word| word.contains("/evidence/")).unwrap();
    assert!(std::fs::read_to_string(world.path(evidence)).unwrap().starts_with("indelible-evidence/1\n"));
    // The other ledger does not take the cosignature in, and is forked to whoever holds it.
    let add = run(&world, &["--ledger", "other/book", "witness", "add", "here.cosigned"]);
    assert_eq!(add.code, 3, "{}", add.err);
    let (code, document) = verdict(&world, &["other/book", "--known", "here.cosigned"]);
    assert_eq!(
        (code, &document["history"], findings(&document).last()),
        (3, &json!("forked"), Some(&(9, "FORK".to_owned())))
    );
}

#[test]
fn any_flipped_byte_of_an_entry_names_the_entry_without_an_identity() {
    let world = world();
    let bytes = std::fs::read(world.book().join("ledger.log")).unwrap();
    let ledger = indelible::ledger::open::Ledger::open(&world.book()).unwrap();
    for number in 0..ledger.size() {
        let stored = ledger.entry(number).unwrap();
        let start = stored.offset() as usize;
        let length = 9 + 145 + stored.structure().len() + stored.words().len() + 20;
        let step = (length / 40).max(1);
        for at in (start..start + length).step_by(step).chain([start, start + length - 1]) {
            let mut altered = bytes.clone();
            altered[at] ^= 1 << (at % 8);
            let report = verify_bytes(&altered, &options(Keys::default(), START));
            let alters = |finding| indelible::verify::report::altered(std::slice::from_ref(finding)).is_some();
            let named = report.findings.iter().any(|finding| finding.entry == number && alters(finding));
            assert!(named && report.exit_code() == 3, "entry {number}, byte {}: {:?}", at - start, report.findings);
        }
    }
    // And through the program.
    let at = ledger.entry(7).unwrap().offset() as usize + 300;
    let mut altered = bytes.clone();
    altered[at] ^= 1;
    std::fs::write(world.path("altered.log"), altered).unwrap();
    let (code, document) = verdict(&world, &["altered.log"]);
    assert_eq!((code, &document["history"], &document["layer"]), (3, &json!("invalid"), &json!("skeleton")));
    assert_eq!(findings(&document), [(0, "ONE-FOUNDER".to_owned()), (7, "SEALED".to_owned())]);
    let human = run(&world, &["verify", "altered.log"]);
    assert_eq!(human.code, 3);
    assert!(human.out.contains("entry 7: ") && human.out.contains("    next: "), "{}", human.out);
}

#[test]
fn the_copies_in_the_folder_speak_against_a_shortened_log_and_a_foreign_origin() {
    let world = world();
    let ledger = indelible::ledger::open::Ledger::open(&world.book()).unwrap();
    let end = ledger.entry(8).unwrap().offset();
    drop(ledger);
    let log = world.book().join("ledger.log");
    let whole = std::fs::read(&log).unwrap();
    std::fs::write(&log, &whole[..end as usize]).unwrap();
    let (code, document) = verdict(&world, &["book"]);
    assert_eq!(
        (code, &document["history"], findings(&document)[1].clone()),
        (3, &json!("truncated"), (8, "TRUNCATED".to_owned()))
    );
    // Without the copy nothing speaks against it; a kept checkpoint does.
    std::fs::create_dir(world.book().join("checkpoints")).unwrap();
    std::fs::rename(world.book().join("checkpoint"), world.book().join("checkpoints/1.note")).unwrap();
    assert_eq!(verdict(&world, &["book"]).1["history"], "truncated");
    std::fs::remove_file(world.book().join("checkpoints/1.note")).unwrap();
    assert_eq!(verdict(&world, &["book"]).0, 1);
    std::fs::write(&log, &whole).unwrap();
    let other = World::founded();
    std::fs::copy(other.book().join("origin"), world.book().join("origin")).unwrap();
    let (code, document) = verdict(&world, &["book"]);
    assert_eq!((code, &document["history"]), (3, &json!("forked")));
    assert!(findings(&document).contains(&(0, "LOG-KEY".to_owned())));
}

#[test]
fn a_record_of_an_earlier_verify_is_built_on_only_where_it_fits() {
    let world = world();
    cosigned_by_two(&world);
    let with = ["book", "--identity", "maria.id", "--trust", "trust.txt", "--without-rules"];
    let (code, _) = verdict(&world, &[&with[..], &["--save", "record"]].concat());
    assert_eq!(code, 0);
    for who in ["sam", "maria", "jon"] {
        record(&world, who, "theo", "later");
    }
    let (_, whole) = verdict(&world, &with);
    let (code, mut since) = verdict(&world, &[&with[..], &["--since", "record"]].concat());
    assert_eq!((code, &since["counts"]["signatures"]), (0, &json!(3)), "{since}");
    since["counts"]["signatures"] = whole["counts"]["signatures"].clone();
    assert_eq!(since, whole);
    // Another trust file, another layer, another history: everything is verified, and said so.
    for (args, says) in [
        (&["book", "--identity", "maria.id"][..], "everything is verified"),
        (&["book", "--trust", "trust.txt"], "everything is verified"),
    ] {
        let again = run(&world, &[&["verify"], args, &["--since", "record"]].concat());
        assert!(again.code == 1 && again.err.contains(says), "{args:?} {} {}", again.code, again.err);
    }
    let log = world.book().join("ledger.log");
    let mut bytes = std::fs::read(&log).unwrap();
    let at = indelible::ledger::open::Ledger::open(&world.book()).unwrap().entry(6).unwrap().offset() as usize + 400;
    bytes[at] ^= 1;
    std::fs::write(&log, bytes).unwrap();
    let (code, document) = verdict(&world, &[&with[..], &["--since", "record"]].concat());
    assert_eq!((code, &document["history"]), (3, &json!("invalid")));
    assert!(findings(&document).iter().any(|(entry, _)| *entry == 6));
}

#[test]
fn a_report_can_be_told_of_what_lies_beside_the_log() {
    let world = World::founded();
    let (mut report, _) =
        verify(&|| std::fs::File::open(world.book().join("ledger.log")), &options(Keys::default(), START)).unwrap();
    let finding = indelible::verify::report::Finding { entry: 0, code: Code::LogKey };
    report.add(finding.clone());
    report.add(finding.clone());
    assert_eq!((report.history, report.exit_code()), (History::Forked, 3));
    assert_eq!(report.findings.iter().filter(|f| **f == finding).count(), 1);
}
