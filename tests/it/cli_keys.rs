//! The program's commands for keys over time: the wire from the command line to what `recovery`, `log_key` and `late` test.

use std::path::PathBuf;
use std::process::Output;

use serde_json::Value as Json;

use crate::town::{INIT, output, program};

/// A temporary folder in which the program is run.
pub struct Town {
    folder: tempfile::TempDir,
    /// The words of the recovery sheet, as `init` printed them.
    words: String,
}

impl Town {
    /// Maria founds; Jon (deputy_dsl) and Sam (practitioner) are enrolled; the case theo is opened: entries 0 to 4.
    pub fn settled() -> Self {
        let mut town = Town { folder: tempfile::tempdir().unwrap(), words: String::new() };
        let begun = town.run("maria", &INIT, "");
        assert_eq!(begun.status.code(), Some(0), "{begun:?}");
        town.words = sheet(&String::from_utf8(begun.stderr).unwrap());
        for (name, who, role) in [("Jon Pell", "jon", "deputy_dsl"), ("Sam Leigh", "sam", "practitioner")] {
            let said = town.good(who, &["person", "new", name, "--no-passphrase"]);
            town.good("maria", &["person", "enrol", said.lines().last().unwrap(), "--role", role]);
        }
        town.good("maria", &["case", "open", "theo", "--label", "Theo A."]);
        town
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn run(&self, who: &str, args: &[&str], input: &str) -> Output {
        let mut command = program(self.folder.path(), args, None);
        command.env("INDELIBLE_LEDGER", "book").env("INDELIBLE_IDENTITY", format!("{who}.id"));
        output(command, input)
    }

    pub fn good(&self, who: &str, args: &[&str]) -> String {
        let output = self.run(who, args, "");
        assert_eq!(output.status.code(), Some(0), "{args:?} {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn json(&self, who: &str, args: &[&str], input: &str) -> (i32, Json) {
        let output = self.run(who, &[args, &["--json"]].concat(), input);
        let said = if output.stdout.is_empty() { &output.stderr } else { &output.stdout };
        (output.status.code().unwrap(), serde_json::from_slice(said).unwrap())
    }
}

/// The 24 words out of a printed sheet.
fn sheet(printed: &str) -> String {
    let mut parts = printed.split_whitespace().skip_while(|part| *part != "1");
    let mut words = Vec::new();
    for number in 1..=24 {
        assert_eq!(parts.next(), Some(number.to_string().as_str()));
        words.push(parts.next().unwrap());
    }
    words.join(" ")
}

#[test]
fn the_sheet_is_read_from_a_file_and_never_repeated() {
    let town = Town::settled();
    let (code, said) = town.json("nobody", &["recover", "--show", "--words-from", "-"], &town.words);
    assert_eq!((code, &said["opens"]["folder_keys"], &said["opens"]["log_key"]), (0, &6.into(), &true.into()));
    std::fs::remove_dir_all(town.path("config")).unwrap();
    let output = town.run("nobody", &["recover", "--words-from", "-"], &town.words);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("The log's key is back"), "{said}");
    // One word of the sheet may be one of ours; two neighbours are not.
    let words: Vec<&str> = town.words.split_whitespace().collect();
    assert!(words.windows(2).all(|pair| !said.contains(&pair.join(" "))), "{said}");
    town.good("maria", &["case", "open", "ezra", "--label", "Ezra M."]);
    let (code, said) = town.json("nobody", &["recover", "--words-from", "-"], "some other words");
    assert_eq!(code, 2);
    assert!(!said.to_string().contains("some other"), "{said}");
}

#[test]
fn a_new_log_key_and_a_new_sheet_wait_for_the_second_person() {
    let town = Town::settled();
    let (code, said) = town.json("maria", &["log-key", "rotate"], "");
    assert_eq!((code, &said["waiting"]), (0, &serde_json::json!([5])));
    town.good("jon", &["confirm", "5"]);
    let output = town.run("maria", &["recover", "renew"], "");
    let renewed = sheet(&String::from_utf8(output.stdout).unwrap());
    assert_eq!(output.status.code(), Some(0));
    town.good("jon", &["confirm", "7"]);
    let show = ["recover", "--show", "--words-from", "-"];
    assert_eq!(town.json("nobody", &show, &town.words).0, 2);
    let (code, said) = town.json("nobody", &show, &renewed);
    assert_eq!((code, &said["opens"]["closed"]), (0, &0.into()));
    let (code, said) = town.json("maria", &["verify"], "");
    assert_eq!((code, &said["history"]), (1, &"unaltered".into()), "{said}");
    assert_eq!(said["earlier_log_keys"].as_array().unwrap().len(), 2);
}

#[test]
fn a_new_ledger_goes_on_from_one_whose_log_key_is_lost() {
    let town = Town::settled();
    std::fs::remove_dir_all(town.path("config")).unwrap();
    let begin = |origin: &str, dir: &str| {
        let args = ["init", dir, "--setting", "Willowbrook Pre-School", "--origin", origin];
        town.run("maria", &[&args[..], &["--continues", "book/checkpoint", "--cause", "lost"]].concat(), "")
    };
    // Never under the same name.
    let refused = begin("willowbrook.example/decisions", "again");
    assert_eq!(refused.status.code(), Some(2));
    assert!(!town.path("again").exists());
    let output = begin("willowbrook.example/decisions/2", "book2");
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("it goes on from willowbrook.example/decisions, 5 entries"), "{said}");
    let (code, said) = town.json("maria", &["--ledger", "book2", "verify"], "");
    assert_eq!((code, &said["history"]), (1, &"unaltered".into()));
    let before = &said["continues"][0];
    assert_eq!((&before["size"], &before["entry"], &before["confirmed"]), (&5.into(), &2.into(), &Json::Null));
    let old = town.json("maria", &["verify"], "").1;
    assert_eq!(before["origin"], old["origin"]);
    let kept = std::fs::read(town.path("book2").join("continues")).unwrap();
    assert_eq!(kept, std::fs::read(town.path("book").join("checkpoint")).unwrap());
    let card = town.good("jon", &["person", "new", "Jon Pell", "--no-passphrase", "--identity", "jon2.id"]);
    let enrol = ["--ledger", "book2", "person", "enrol", card.lines().last().unwrap(), "--role", "deputy_dsl"];
    town.good("maria", &enrol);
    town.good("jon2", &["--ledger", "book2", "confirm", "2"]);
    let said = town.run("maria", &["--ledger", "book2", "verify"], "");
    let said = String::from_utf8(said.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("goes on from willowbrook.example/decisions, 5 entries; entry 4 confirms it"), "{said}");
}

#[test]
fn what_a_revoked_key_had_signed_is_exported_and_entered_as_late() {
    let town = Town::settled();
    let config = town.path("config");
    std::fs::rename(&config, town.path("aside")).unwrap();
    let draft = r#"{"kind":"concern.observed","case":"theo","learned_at":"2026-10-06T08:10:00+01:00",
        "narrative":"He had no coat.","reasons":"It was cold."}"#;
    assert_eq!(town.json("sam", &["record", "--from", "-"], &draft.replace('\n', " ")).0, 1);
    std::fs::rename(town.path("aside"), &config).unwrap();
    town.good("maria", &["person", "revoke", "sam", "--cause", "lost"]);
    let (code, said) = town.json("sam", &["outbox"], "");
    assert_eq!((code, &said["waiting"][0]["number"], &said["waiting"][0]["late"]), (1, &0.into(), &false.into()));
    town.good("sam", &["outbox", "export", "0", "carried"]);
    assert_eq!(town.run("sam", &["outbox", "export", "1", "other"], "").status.code(), Some(2));
    let (code, said) = town.json("maria", &["late", "carried"], "");
    assert_eq!((code, &said["entry"]), (0, &6.into()), "{said}");
    assert_eq!(town.json("sam", &["outbox"], "").1["waiting"][0]["late"], true);
    assert_eq!(town.json("jon", &["late", "carried"], "").0, 2);
    assert_eq!(town.json("maria", &["verify"], "").0, 1);
}

#[test]
fn whoever_ends_the_last_one_who_oversees_is_told_what_comes_of_it() {
    let town = Town::settled();
    let warns = |who: &str, args: &[&str]| {
        let output = town.run(who, args, "");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap().contains("nobody oversees any more")
    };
    assert!(!warns("maria", &["role", "end", "jon", "deputy_dsl"]), "maria is left");
    assert!(!warns("maria", &["person", "end", "sam", "--cause", "left"]), "who never oversaw");
    // Before anybody else oversees.
    let town = Town { folder: tempfile::tempdir().unwrap(), words: String::new() };
    assert!(town.run("maria", &INIT, "").status.success());
    let card = town.good("ruth", &["person", "new", "Ruth Amadi", "--no-passphrase"]);
    town.good("maria", &["person", "enrol", card.lines().last().unwrap(), "--role", "chair"]);
    for args in [&["role", "end", "maria", "dsl"][..], &["person", "end", "maria", "--cause", "left"]] {
        let said = String::from_utf8(town.run("ruth", args, "").stderr).unwrap();
        assert!(said.contains("nobody oversees any more"), "{args:?} {said}");
    }
}
