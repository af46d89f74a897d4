//! The program itself: the forms that scripts rely on, from `init` to `log --json`, and its bad days.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use indelible::cabinet::identity::{Identity, side_folder};
use indelible::cabinet::outbox;
use indelible::cabinet::recovery::RecoverySheet;
use indelible::codec::context::hex;
use indelible::decision::value::Moment;
use indelible::head::receipt::Receipt;
use indelible::ledger::desk::Desk;
use indelible::rules::pack::BUILT_IN;
use indelible::verify::report::{Code, History};
use serde_json::{Value as Json, json};

use crate::town::{INIT, output, program, start};
use crate::world::verify_file;

/// A temporary folder in which the program is run as `maria`, `jon` or `sam`.
struct Town {
    folder: tempfile::TempDir,
}

impl Town {
    fn empty() -> Self {
        Town { folder: tempfile::tempdir().unwrap() }
    }

    /// Entries 0 to 5: Maria founds, Jon and Sam are enrolled, the cases theo and ezra opened.
    fn settled() -> Self {
        Town::settled_at(None)
    }

    fn settled_at(time: Option<&str>) -> Self {
        let town = Town::empty();
        let mut clock = time.map(|time| Moment::parse(time).unwrap().milliseconds);
        let mut step = |args: &[&str]| {
            clock = clock.map(|now| now + 60_000);
            town.good(&output(town.command(args, clock), ""))
        };
        step(&[&INIT[..], &["--identity", "maria.id"]].concat());
        for (name, file, role) in [("Jon Pell", "jon.id", "deputy_dsl"), ("Sam Leigh", "sam.id", "practitioner")] {
            let said = step(&["person", "new", name, "--identity", file, "--no-passphrase"]);
            let card = said.lines().last().unwrap().to_owned();
            step(&[&MARIA[..], &["person", "enrol", &card, "--role", role]].concat());
        }
        step(&[&MARIA[..], &["case", "open", "theo", "--label", "Theo A."]].concat());
        step(&[&MARIA[..], &["case", "open", "ezra", "--label", "Ezra M."]].concat());
        town
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program in this folder; at a time, under `faketime`.
    fn command(&self, args: &[&str], now: Option<i64>) -> Command {
        program(self.folder.path(), args, now)
    }

    fn run(&self, args: &[&str], stdin: &str) -> Output {
        output(self.command(args, None), stdin)
    }

    fn good(&self, output: &Output) -> String {
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout)
    }

    fn json(&self, args: &[&str]) -> Json {
        serde_json::from_str(&self.good(&self.run(args, ""))).unwrap()
    }

    /// Records drafts, one a line, and returns the exit code and the lines of JSON.
    fn record(&self, who: &[&str], drafts: &str) -> (i32, Vec<Json>) {
        let output = self.run(&[who, &["record", "--from", "-", "--json"]].concat(), drafts);
        (output.status.code().unwrap(), lines(&output))
    }

    fn log(&self) -> Vec<Json> {
        let log = self.json(&[&MARIA[..], &["log", "--json"]].concat());
        assert_eq!(log["schema"], "indelible/log/1");
        log["entries"].as_array().unwrap().clone()
    }

    fn identity(&self, who: &str) -> Identity {
        Identity::open(&fs::read(self.path(&format!("{who}.id"))).unwrap(), &mut || None).unwrap()
    }

    fn desk(&self, who: &str) -> Desk {
        let side = side_folder(&self.path(&format!("{who}.id")));
        Desk::open_read(&self.path("book"), self.identity(who), &side).unwrap()
    }
}

const MARIA: [&str; 4] = ["--ledger", "book", "--identity", "maria.id"];
const JON: [&str; 4] = ["--ledger", "book", "--identity", "jon.id"];
const SAM: [&str; 4] = ["--ledger", "book", "--identity", "sam.id"];
const NOBODY: [&str; 2] = ["--ledger", "book"];
/// The smallest draft.
const SMALLEST: &str = r#"{"kind":"decision.noshare","case":"theo","learned_at":"2026-10-08T15:10:00+01:00","decided_at":"2026-10-08T15:40:00+01:00","reasons":"Nobody could say who was asking."}"#;

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn lines(output: &Output) -> Vec<Json> {
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The three lines of a failure, without the third's words.
fn is_failure(output: &Output, code: i32) -> String {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.lines().any(|line| line.starts_with("error: ")), "{said}");
    assert!(said.lines().last().unwrap().starts_with("next:  "), "{said}");
    said
}

#[test]
fn the_forms_work_in_their_order() {
    let town = Town::empty();
    let plain = ["--founder", "Maria Okafor", "--role", "dsl", "--identity", "maria.id", "--no-passphrase"];
    let begun = town.run(&[&INIT[..6], &plain].concat(), "");
    let said = town.good(&begun);
    assert!(text(&begun.stderr).starts_with("warning: "), "{}", text(&begun.stderr));
    assert_eq!(sheet(&said), 1);
    assert!(said.contains("willowbrook.example/decisions") && said.contains("/config/indelible/logs/"));
    assert!(is_failure(&town.run(&[&INIT[..6], &plain].concat(), ""), 2).contains("something in this folder already"));

    let card = town.good(&town.run(&["person", "new", "Sam Leigh", "--identity", "sam.id", "--no-passphrase"], ""));
    let card = card.lines().last().unwrap();
    let before = fs::read(town.path("sam.id")).unwrap();
    is_failure(&town.run(&["person", "new", "Sam Two", "--identity", "sam.id", "--no-passphrase"], ""), 2);
    assert_eq!(fs::read(town.path("sam.id")).unwrap(), before);
    let enrolled =
        town.good(&town.run(&[&MARIA[..], &["person", "enrol", card, "--role", "practitioner"]].concat(), ""));
    assert!(enrolled.starts_with("sam is enrolled as practitioner: entry 2 "), "{enrolled}");
    is_failure(&town.run(&[&MARIA[..], &["person", "enrol", card, "--role", "practitioner"]].concat(), ""), 2);
    town.good(&town.run(&[&MARIA[..], &["case", "open", "theo", "--label", "Theo A."]].concat(), ""));

    fs::write(town.path("drafts.jsonl"), format!("{SMALLEST}\n{SMALLEST}\n")).unwrap();
    let recorded = town.run(&[&SAM[..], &["record", "--from", "drafts.jsonl", "--json"]].concat(), "");
    assert_eq!(recorded.status.code(), Some(0));
    let recorded = lines(&recorded);
    assert_eq!(
        recorded.iter().map(|line| (&line["line"], &line["entry"])).collect::<Vec<_>>(),
        [(&json!(1), &json!(4)), (&json!(2), &json!(5))]
    );
    for line in &recorded {
        Receipt::parse(line["receipt"].as_str().unwrap().as_bytes()).unwrap();
        assert_eq!(line["flags"].as_array().unwrap()[0], "INCOMPLETE");
    }

    let log = town.log();
    assert_eq!(log.len(), 6);
    let last = &log[5];
    let named = |key: &str| last[key].as_str().unwrap().to_owned();
    assert_eq!(
        [named("kind"), named("case"), named("folder"), named("author")],
        ["decision.noshare", "theo", "general", "sam"]
    );
    assert_eq!(last["times"]["decided_at"], "2026-10-08T15:40:00+01:00");
    assert_eq!(last["refs"], json!([]));
    assert!(Moment::parse(&named("recorded")).is_ok());

    let skeleton = town.json(&[&NOBODY[..], &["log", "--json"]].concat());
    for (bare, full) in skeleton["entries"].as_array().unwrap().iter().zip(&log) {
        let keys: Vec<&String> = bare.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["entry", "recorded", "link", "statement_digest"]);
        assert!(keys.iter().all(|key| bare[*key] == full[*key]));
    }
    let report = verify_file(&town.path("book/ledger.log"), town.desk("maria").keys());
    assert_eq!(report.history, History::Unaltered);
    assert_eq!(report.findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), [Code::OneFounder]);
}

/// How many recovery sheets a text shows.
fn sheet(said: &str) -> usize {
    let words = |line: &str| {
        let parts: Vec<&str> = line.split_whitespace().collect();
        let numbered = parts.len() == 8 && parts.iter().step_by(2).all(|part| part.parse::<u8>().is_ok());
        numbered.then(|| parts.iter().skip(1).step_by(2).map(|word| (*word).to_owned()).collect::<Vec<_>>())
    };
    let words: Vec<String> = said.lines().filter_map(words).flatten().collect();
    if words.is_empty() {
        return 0;
    }
    RecoverySheet::from_words(&words.join(" ")).unwrap();
    words.len() / 24
}

#[test]
fn no_json_holds_the_recovery_sheet_and_an_identity_serves_for_two_ledgers() {
    let town = Town::empty();
    let begun = town.run(&[&INIT[..], &["--identity", "maria.id"]].concat(), "");
    let document: Json = serde_json::from_str(&town.good(&begun)).unwrap();
    assert_eq!((document["schema"].as_str(), sheet(&text(&begun.stderr))), (Some("indelible/init/1"), 1));
    assert_eq!(document["entries"].as_array().unwrap().len(), 2);
    let origin = fs::read_to_string(town.path("book/origin")).unwrap();
    assert_eq!(document["log"], origin.lines().nth(1).unwrap());
    let again = [&INIT[..1], &["second"], &INIT[2..], &["--identity", "maria.id"]].concat();
    town.good(&town.run(&again, ""));
    town.json(&["--ledger", "second", "--identity", "maria.id", "log", "--json"]);
}

#[test]
fn the_scenarios_are_entered_and_nothing_of_them_stands_in_clear() {
    let town = Town::settled_at(Some("2026-10-06T09:00:00+01:00"));
    let mut drafts = Vec::new();
    for story in ["s1", "s4"] {
        let (who, said) = (scenario(&format!("{story}.who")), scenario(&format!("{story}.jsonl")));
        assert_eq!(who.lines().count(), said.lines().count());
        for ((second, who), draft) in (0..).zip(who.lines()).zip(said.lines()) {
            let (who, time) = who.split_once(char::is_whitespace).unwrap();
            let now = Moment::parse(time.trim()).unwrap().milliseconds + second * 2000;
            let file = format!("{who}.id");
            let args = ["--ledger", "book", "--identity", &file, "record", "--from", "-", "--json"];
            let output = output(town.command(&args, Some(now)), draft);
            assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
            let draft: Json = serde_json::from_str(draft).unwrap();
            drafts.push((draft, lines(&output).remove(0), now));
        }
    }
    let log = town.log();
    assert_eq!(log.len(), 24);
    for ((draft, line, now), entry) in drafts.iter().zip(&log[6..]) {
        assert_eq!((&line["entry"], &draft["kind"]), (&entry["entry"], &entry["kind"]));
        let recorded = Moment::parse(entry["recorded"].as_str().unwrap()).unwrap().milliseconds;
        assert!((0..2000).contains(&(recorded - now)), "{entry}");
        let flags = match entry["entry"].as_u64() {
            Some(8) => json!(["EMERGENCY"]),
            Some(11 | 13) => json!(["INCOMPLETE"]),
            _ => json!([]),
        };
        assert_eq!(entry["flags"], flags, "{entry}");
    }
    assert_eq!(log[8]["happened"], true);
    assert_eq!(log[19]["happened"], false);
    let report = verify_file(&town.path("book/ledger.log"), town.desk("maria").keys());
    assert_eq!((report.history, report.counts.signatures, report.counts.not_opened), (History::Unaltered, 24, 0));
    assert_eq!(report.findings.len(), 1, "{:?}", report.findings);

    let mut secrets: Vec<String> =
        ["Theo A.", "Ezra M.", "Sam Leigh", "Jon Pell", "Maria Okafor"].map(str::to_owned).to_vec();
    drafts.iter().for_each(|(draft, ..)| strings(draft, &mut secrets));
    secrets.sort();
    secrets.dedup();
    assert!(secrets.len() > 150, "{}", secrets.len());
    assert_not_in_clear(&town.path("book"), &secrets);
}

fn scenario(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios").join(name)).unwrap()
}

/// Every text of a draft, and every longer word of it.
fn strings(json: &Json, found: &mut Vec<String>) {
    match json {
        Json::String(text) => {
            let words = text.split(|c: char| !c.is_alphanumeric()).chain(Some(text.as_str()));
            // What the public entries say stands in clear: the origin, and in what role whoever is enrolled.
            let public = [INIT.join(" "), "practitioner deputy_dsl general protection".to_owned()].concat();
            found.extend(words.filter(|word| word.len() >= 6 && !public.contains(word)).map(str::to_owned));
        }
        Json::Array(elements) => elements.iter().for_each(|json| strings(json, found)),
        Json::Object(fields) => fields.values().for_each(|json| strings(json, found)),
        _ => {}
    }
}

/// Searches every file for every text: as it is, in hexadecimal and in base64 at each of its three alignments.
fn assert_not_in_clear(folder: &Path, secrets: &[String]) {
    let mut forms: Vec<(String, Vec<u8>)> = Vec::new();
    for secret in secrets {
        let mut form = |bytes: &[u8]| forms.push((secret.clone(), bytes.to_vec()));
        form(secret.as_bytes());
        form(secret.to_lowercase().as_bytes());
        form(hex(secret.as_bytes()).as_bytes());
        form(hex(secret.as_bytes()).to_uppercase().as_bytes());
        for shift in 0..3 {
            let padded = [&[b' '; 3][..shift], secret.as_bytes()].concat();
            let encoded = STANDARD_NO_PAD.encode(&padded);
            // Without the characters that hold bits of what stands before or after.
            let whole = encoded.get(if shift == 0 { 0 } else { shift + 1 }..encoded.len() - 1).unwrap();
            form(whole.as_bytes());
            form(whole.replace('+', "-").replace('/', "_").as_bytes());
        }
    }
    let mut folders = vec![folder.to_owned()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let mut bytes = fs::read(&path).unwrap();
            // The rule pack is public, and adopted with its whole text.
            if let Some(at) = find(&bytes, BUILT_IN.as_bytes()) {
                bytes.drain(at..at + BUILT_IN.len());
            }
            for (secret, form) in &forms {
                assert!(find(&bytes, form).is_none(), "{secret} stands in {}", path.display());
            }
        }
    }
    assert!(files > 10, "{files}");
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    let first = *part.first()?;
    let mut from = 0;
    while let Some(at) = bytes.get(from..)?.iter().position(|byte| *byte == first) {
        if bytes[from + at..].starts_with(part) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

#[test]
fn all_gaps_come_at_once_and_a_kept_draft_goes_on() {
    let town = Town::settled();
    let drafts =
        format!("{}\nnonsense\n{SMALLEST}\n", r#"{"kind":"decision.noshare","case":"nobody","review_at":"soon"}"#);
    let (code, told) = town.record(&SAM, &drafts);
    assert_eq!(code, 1);
    let fields: Vec<&str> =
        told[0]["gaps"].as_array().unwrap().iter().map(|gap| gap["field"].as_str().unwrap()).collect();
    for field in ["case", "review_at", "reasons", "no_code", "requester_told", "decided_by"] {
        assert!(fields.contains(&field), "{fields:?}");
    }
    assert!(told[0]["gaps"].as_array().unwrap().iter().all(|gap| gap["what"].is_string() && gap["next"].is_string()));
    assert_eq!(
        (&told[1]["line"], &told[1]["gaps"][0]["field"], told[1].get("draft")),
        (&json!(2), &json!("draft"), None)
    );
    assert_eq!(told[2]["entry"], 6);

    let id = told[0]["draft"].as_str().unwrap();
    let listed = town.json(&[&SAM[..], &["drafts", "--json"]].concat());
    assert_eq!((&listed["drafts"][0]["id"], &listed["drafts"][0]["kind"]), (&json!(id), &json!("decision.noshare")));
    assert_eq!(town.json(&[&SAM[..], &["drafts", id]].concat())["review_at"], "soon");
    assert_eq!(town.json(&[&MARIA[..], &["drafts", "--json"]].concat())["drafts"], json!([]));
    is_failure(&town.run(&[&MARIA[..], &["drafts", id]].concat(), ""), 2);

    let fix = ["record", "--draft", id, "--field", "review_at=2026-11-06", "--field", "decided_at=2026-10-08 15:40"];
    let more = [
        "--field",
        "case=theo",
        "--field",
        "requester_told.how=told",
        "--field",
        "took_part=sam",
        "--field",
        "took_part=maria",
    ];
    let kept = town.run(&[&SAM[..], &fix].concat(), "");
    assert_eq!(kept.status.code(), Some(1));
    let listed = town.json(&[&SAM[..], &["drafts", "--json"]].concat());
    assert_eq!(listed["drafts"].as_array().unwrap().len(), 1, "one draft stays one");
    let id = listed["drafts"][0]["id"].as_str().unwrap();
    let reasons = ["record", "--draft", id, "--field", "reasons=Not ours to give."];
    let entered = town.good(&town.run(&[&SAM[..], &reasons, &more].concat(), ""));
    assert!(entered.starts_with("entered as entry 7 (recorded "), "{entered}");
    assert_eq!(town.json(&[&SAM[..], &["drafts", "--json"]].concat())["drafts"], json!([]));

    let stopped = r#"{"kind":"backing","case":"theo","learned_at":"2026-10-08","view":"agrees","reasons":"mine","refs":[{"relation":"backs","entry":7}]}"#;
    let (code, told) = town.record(&SAM, stopped);
    assert_eq!((code, &told[0]["blocked"], told[0]["draft"].is_string()), (1, &json!(["same_person"]), true));
    let (code, told) = town.record(&SAM, r#"{"kind":"key.enrol"}"#);
    assert_eq!((code, &told[0]["gaps"][0]["field"]), (1, &json!("kind")));
    assert_eq!(town.record(&SAM, "nonsense").0, 2);
    is_failure(&town.run(&[&SAM[..], &["record", "--from", "-"]].concat(), " \n"), 2);
}

#[test]
fn words_are_shown_to_whoever_may_read_and_the_reading_is_entered() {
    let town = Town::settled();
    let (_, told) = town.record(&SAM, SMALLEST);
    assert_eq!(told[0]["entry"], 6);
    let reasons = "Nobody could say who was asking.";
    let sealed = town.good(&town.run(&[&MARIA[..], &["show", "6", "--structure"]].concat(), ""));
    assert!(sealed.contains("(sealed)") && !sealed.contains(reasons));
    assert_eq!(town.log().len(), 7);
    let shown = town.run(&[&MARIA[..], &["show", "6", "--cause", "review"]].concat(), "");
    assert!(town.good(&shown).contains(reasons) && text(&shown.stderr).contains("your reading is entry 7"));
    assert_eq!(town.json(&[&JON[..], &["show", "6", "--json"]].concat())["fields"]["reasons"], reasons);
    assert_eq!(town.log()[8]["kind"], "body.read");
    let others = town.run(&[&SAM[..], &["show", "7"]].concat(), "");
    town.good(&others);
    assert!(text(&others.stderr).contains("ask maria (dsl), jon (deputy_dsl)"), "{}", text(&others.stderr));
    let bare = town.json(&[&NOBODY[..], &["show", "6", "--json"]].concat());
    assert!(bare.get("kind").is_none() && bare["link"].is_string());
    is_failure(&town.run(&[&MARIA[..], &["show", "99"]].concat(), ""), 2);
    is_failure(&town.run(&[&MARIA[..], &["show", "6", "--cause", "curiosity"]].concat(), ""), 2);

    let case = town.json(&[&MARIA[..], &["case", "show", "theo", "--json"]].concat());
    assert_eq!((&case["opener"], case["entries"].as_array().unwrap().len()), (&json!("maria"), 4));
    let names = |args: &[&str]| town.good(&town.run(args, ""));
    assert!(names(&[&MARIA[..], &["case", "list"]].concat()).contains("Theo A."));
    let bare = names(&[&NOBODY[..], &["case", "list"]].concat());
    assert!(!bare.contains("theo") && !bare.contains("Theo") && bare.lines().count() == 2);
    let people = names(&[&NOBODY[..], &["person", "list"]].concat());
    assert!(people.starts_with("staff 1  dsl") && !people.contains("Maria") && !people.contains("maria"));
    assert!(names(&[&SAM[..], &["person", "list"]].concat()).contains("Jon Pell"));
}

#[test]
fn without_its_index_every_command_says_the_same() {
    let town = Town::settled();
    town.record(&SAM, SMALLEST);
    let commands: [Vec<&str>; 8] = [
        [&MARIA[..], &["log", "--json"]].concat(),
        [&MARIA[..], &["log", "--case", "theo", "--last", "1"]].concat(),
        [&NOBODY[..], &["log"]].concat(),
        [&MARIA[..], &["show", "6", "--structure"]].concat(),
        [&MARIA[..], &["case", "show", "theo"]].concat(),
        [&MARIA[..], &["case", "list", "--json"]].concat(),
        [&SAM[..], &["person", "list"]].concat(),
        [&MARIA[..], &["kinds", "backing", "--json"]].concat(),
    ];
    for args in &commands {
        let before = town.good(&town.run(args, ""));
        fs::remove_dir_all(town.path("book/index")).unwrap();
        assert_eq!(town.good(&town.run(args, "")), before, "{args:?}");
    }
    fs::remove_dir_all(town.path("book/index")).unwrap();
    let (code, told) = town.record(&SAM, SMALLEST);
    assert_eq!((code, &told[0]["entry"]), (0, &json!(7)));
    // And with something else in its place.
    fs::remove_dir_all(town.path("book/index")).unwrap();
    fs::write(town.path("book/index"), "no index").unwrap();
    assert_eq!(town.record(&JON, SMALLEST).1[0]["entry"], 8);
    let report = verify_file(&town.path("book/ledger.log"), town.desk("maria").keys());
    assert_eq!((report.history, report.size.0), (History::Unaltered, 9));
}

#[test]
fn many_programs_record_at_once() {
    let town = Town::settled();
    let started: Vec<Child> = (0..12)
        .map(|at| {
            let who = [MARIA, JON, SAM][at % 3];
            let command = town.command(&[&who[..], &["record", "--from", "-", "--json"]].concat(), None);
            start(command, &format!("{SMALLEST}\n{SMALLEST}\n"))
        })
        .collect();
    let mut entries: Vec<u64> = Vec::new();
    for child in started {
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
        entries.extend(lines(&output).iter().map(|line| line["entry"].as_u64().unwrap()));
    }
    entries.sort_unstable();
    assert_eq!(entries, (6..30).collect::<Vec<_>>());
    let report = verify_file(&town.path("book/ledger.log"), town.desk("maria").keys());
    assert_eq!((report.history, report.size.0, report.findings.len()), (History::Unaltered, 30, 1));
}

#[test]
fn without_the_logs_key_statements_wait_and_are_sent_byte_for_byte() {
    let town = Town::settled();
    let (keys, away) = (town.path("config/indelible/logs"), town.path("away"));
    fs::rename(&keys, &away).unwrap();
    let (code, told) = town.record(&SAM, &format!("{SMALLEST}\n{SMALLEST}\n"));
    assert_eq!((code, told.len()), (1, 2));
    assert!(told.iter().all(|line| line["waiting"]["what"].is_string() && line.get("entry").is_none()));
    let shown = town.run(
        &[&MARIA[..], &["record", "concern.observed", "--field", "narrative=a", "--field", "reasons=b"]].concat(),
        "",
    );
    assert!(text(&shown.stdout).contains("next:  do not give it again"), "{}", text(&shown.stdout));
    assert_eq!(town.log().len(), 6);

    let identity = town.identity("sam");
    let ledger = town.desk("sam").ledger_id();
    let waiting = outbox::list(&side_folder(&town.path("sam.id")), ledger, identity.secret()).unwrap().opened;
    let statements: Vec<(Vec<u8>, [u8; 64])> =
        waiting.iter().flat_map(|(_, items)| items).map(|item| (item.statement.clone(), item.signature.0)).collect();
    assert_eq!(statements.len(), 2);
    fs::rename(&away, &keys).unwrap();
    let (code, told) = town.record(&SAM, SMALLEST);
    assert_eq!((code, &told[0]["entry"]), (0, &json!(8)));
    let desk = town.desk("maria");
    for (number, (statement, signature)) in (6..).zip(&statements) {
        let entered = desk.statement(number).unwrap().1.unwrap();
        assert_eq!((entered.as_bytes(), entered.signature().0), (statement.as_slice(), *signature));
    }
    assert!(outbox::list(&side_folder(&town.path("sam.id")), ledger, identity.secret()).unwrap().opened.is_empty());
}

#[test]
fn a_full_disk_loses_nothing_that_was_signed() {
    let town = Town::settled();
    let long = SMALLEST.replace("Nobody", &"word ".repeat(2000));
    let size = fs::metadata(town.path("book/ledger.log")).unwrap().len();
    // No file may grow beyond 4 KiB more than the log has: the write is cut short as on a full disk.
    let limit = size.div_ceil(1024) + 4;
    let script = format!("trap '' XFSZ; ulimit -f {limit}; exec \"$0\" \"$@\"");
    let args = [&SAM[..], &["record", "--from", "-", "--json"]].concat();
    let full = |drafts: &str| {
        let mut command = town.command(&args, None);
        let program = command.get_program().to_owned();
        let mut shell = Command::new("bash");
        shell.args(["-c", &script]).arg(program).args(command.get_args()).current_dir(town.folder.path());
        shell.env("XDG_CONFIG_HOME", town.path("config")).env("HOME", town.folder.path());
        command = shell;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        output(command, drafts)
    };
    let first = full(&format!("{long}\n{SMALLEST}\n"));
    let told = lines(&first);
    assert_eq!(told.len(), 1, "{}{}", text(&first.stdout), text(&first.stderr));
    assert!(told[0]["waiting"]["what"].is_string(), "{}{}", text(&first.stdout), text(&first.stderr));
    assert!(is_failure_json(&first, 1).contains("from line 2 on, were not tried"));
    // Still full: nothing more is signed, and it says so.
    let second = full(SMALLEST);
    assert!(second.status.code() != Some(0) && lines(&second).is_empty(), "{}", text(&second.stdout));
    // Room again: what waited is entered as it was signed, the torn bytes are set aside.
    let (code, told) = town.record(&SAM, SMALLEST);
    assert_eq!(code, 0, "{told:?}");
    let kinds: Vec<String> = town.log()[6..].iter().map(|entry| entry["kind"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds.first().map(String::as_str), Some("decision.noshare"));
    assert_eq!(kinds.iter().filter(|kind| *kind == "decision.noshare").count(), 2, "{kinds:?}");
    assert!(kinds.iter().any(|kind| kind == "tail.set_aside"), "{kinds:?}");
    let report = verify_file(&town.path("book/ledger.log"), town.desk("maria").keys());
    assert_eq!(report.history, History::Unaltered, "{:?}", report.findings);
}

fn is_failure_json(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{}", text(&output.stderr));
    let said: Json = serde_json::from_str(text(&output.stderr).lines().last().unwrap()).unwrap();
    assert_eq!(said["schema"], "indelible/error/1");
    said["error"]["what"].as_str().unwrap().to_owned()
}

#[test]
fn a_read_only_folder_is_read_and_not_written() {
    let town = Town::settled();
    town.record(&SAM, SMALLEST);
    let log = fs::read(town.path("book/ledger.log")).unwrap();
    // Permissions do not bind root: the program then runs as somebody else.
    let root = fs::metadata("/proc/self").unwrap().uid() == 0;
    if root {
        town.good(&Command::new("chown").args(["-R", "65534:65534"]).arg(town.folder.path()).output().unwrap());
    }
    town.good(&Command::new("chmod").args(["-R", "a-w"]).arg(town.path("book")).output().unwrap());
    let run = |args: &[&str], stdin: &str| {
        let mut command = town.command(args, None);
        if root {
            let program = town.path("indelible");
            fs::copy(env!("CARGO_BIN_EXE_indelible"), &program).unwrap();
            let mut other = Command::new("setpriv");
            other.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(program).args(args);
            other.current_dir(town.folder.path());
            other.env("XDG_CONFIG_HOME", town.path("config")).env("HOME", town.folder.path());
            command = other;
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        }
        output(command, stdin)
    };
    for args in [&["log"][..], &["show", "6", "--structure"], &["case", "list"], &["drafts"]] {
        let read = run(&[&MARIA[..], args].concat(), "");
        assert_eq!(read.status.code(), Some(0), "{args:?} {}", text(&read.stderr));
    }
    let refused = run(&[&SAM[..], &["record", "--from", "-"]].concat(), SMALLEST);
    let said = is_failure(&refused, 2);
    assert!(said.contains("ermission denied"), "{said}");
    is_failure(&run(&[&MARIA[..], &["case", "open", "lena", "--label", "Lena K."]].concat(), ""), 2);
    assert_eq!(fs::read(town.path("book/ledger.log")).unwrap(), log);
    town.good(&Command::new("chmod").args(["-R", "u+w"]).arg(town.path("book")).output().unwrap());
    assert_eq!(run(&[&SAM[..], &["record", "--from", "-"]].concat(), SMALLEST).status.code(), Some(0));
}

#[test]
fn failures_say_what_and_what_next_and_repeat_nothing_typed() {
    let town = Town::settled();
    let cases: [&[&str]; 9] = [
        &["show", "Theo Hurt"],
        &["--Theo", "log"],
        &["Theo"],
        &["record", "decision.noshare", "Theo Hurt"],
        &["--ledger", "book", "--identity", "sam.id", "record", "decision.noshare", "--field", "Theo Hurt"],
        &["--ledger", "book", "--identity", "sam.id", "record", "decision.noshare", "--ref", "Theo Hurt"],
        &["--ledger", "book", "--identity", "sam.id", "case", "show", "Theo Hurt"],
        &["--ledger", "book", "--identity", "maria.id", "person", "enrol", "Theo Hurt", "--role", "staff"],
        &["--ledger", "book", "--identity", "maria.id", "log", "--kind", "Theo Hurt"],
    ];
    for args in cases {
        let output = town.run(args, "");
        let said = is_failure(&output, 2);
        assert!(!said.contains("Theo") && output.stdout.is_empty(), "{said}");
    }
    for args in [&["log"][..], &["--ledger", "nowhere", "log"], &["--ledger", "book", "record", "backing"]] {
        is_failure(&town.run(args, ""), 2);
    }
    let output = town.run(&["--json", "--ledger", "no\u{1b}[31mwhere", "log"], "");
    is_failure_json(&output, 2);
    let output = town.run(&["--identity", "no\u{1b}[31m.id", "--ledger", "book", "log"], "");
    assert!(!is_failure(&output, 2).contains('\u{1b}'));
    let (_, told) = town.record(&SAM, r#"{"kind":"Theo Hurt","Theo Hurt":1}"#);
    assert!(!told[0].to_string().contains("Theo"), "{}", told[0]);
}

#[test]
fn the_manual_and_the_forms_describe_themselves() {
    let town = Town::empty();
    for shell in ["bash", "zsh", "fish"] {
        assert!(town.good(&town.run(&["completions", shell], "")).contains("indelible"));
    }
    assert!(town.good(&town.run(&["man"], "")).contains(".TH indelible"));
    town.good(&town.run(&["man", "--out", "pages"], ""));
    assert!(town.path("pages/indelible-case-open.1").exists());
    let forms = town.json(&["kinds", "--json"]);
    let share = forms["kinds"].as_array().unwrap().iter().find(|kind| kind["kind"] == "decision.share").unwrap();
    assert_eq!(share["by_hand"], true);
    assert_eq!(town.json(&["kinds", "decision.share", "--json"])["fields"], share["fields"]);
    let form = town.good(&town.run(&["kinds", "decision.share"], ""));
    assert!(form.contains("Why is it shared?") && form.contains("AG-HOSP") && form.contains("decides"));
}
