//! The chapters of the manual that state what the code states: generated blocks, and tables that are compared.

use std::fs;

use indelible::codec::context::ALL;
use indelible::codec::numbers::{KINDS, RELATIONS};
use indelible::codec::{Folder, Publicity};
use indelible::rules::pack::{BUILT_IN, Pack};
use indelible::verify::report::{Code, Verdict};

use super::{file, share, write_wanted};

/// The chapters, by file name.
const CHAPTERS: [&str; 7] =
    ["architecture.md", "changes.md", "findings.md", "format.md", "glossary.md", "keys.md", "threats.md"];

pub fn chapter(name: &str) -> String {
    fs::read_to_string(file("src/manual").join(name)).unwrap()
}

/// Returns what stands between the marks of a generated block.
pub fn block(text: &str, name: &str) -> String {
    let (begin, end) = marks(name);
    let (_, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("no mark {begin}"));
    rest.split_once(&end).unwrap_or_else(|| panic!("no mark {end}")).0.to_owned()
}

fn marks(name: &str) -> (String, String) {
    (format!("<!-- {name}: generated, see tests/it/golden.rs -->\n"), format!("<!-- end of {name} -->"))
}

fn kinds() -> String {
    let row = |(number, name, publicity): &(u16, &str, Publicity)| {
        let publicity = match publicity {
            Publicity::Public => "clear",
            Publicity::Sealed => "sealed",
            Publicity::AsConfirmed => "as what it confirms",
        };
        format!("| {number} | `{name}` | {publicity} |\n")
    };
    format!("\n| number | kind | structure |\n|---|---|---|\n{}\n", KINDS.iter().map(row).collect::<String>())
}

fn relations() -> String {
    let row = |(number, name): &(u16, &str)| format!("| {number} | `{name}` |\n");
    format!("\n| number | relation |\n|---|---|\n{}\n", RELATIONS.iter().map(row).collect::<String>())
}

fn folders() -> String {
    let row = |folder: &Folder| {
        let of = if folder.of_case() { "case" } else { "setting" };
        let slot = if folder.restricted() { "random bytes" } else { "holds the content key" };
        format!("| {} | `{}` | {of} | {slot} |\n", *folder as u8, folder.name())
    };
    let rows: String = Folder::ALL.iter().map(row).collect();
    format!("\n| number | folder | belongs to | key slot and hint |\n|---|---|---|---|\n| 0 | none | | |\n{rows}\n")
}

fn codes() -> String {
    let row = |code: &Code| {
        let (verdict, exit) = match code.verdict() {
            Verdict::Invalid => ("history: invalid", "3"),
            Verdict::Truncated => ("history: truncated", "3"),
            Verdict::Forked => ("history: forked", "3"),
            Verdict::Record if code.of_closing() => ("record keeping: findings", "1"),
            Verdict::Record => ("record keeping", "unchanged yet"),
            Verdict::Note => ("none", "unchanged"),
        };
        format!("| `{}` | {verdict} | {exit} | {} | {} |\n", code.name(), code.words(), code.next())
    };
    let rows: String = Code::ALL.iter().map(row).collect();
    format!("\n| code | verdict | exit | words | next |\n|---|---|---|---|---|\n{rows}\n")
}

#[test]
fn generated_blocks_are_as_the_code_makes_them() {
    let blocks = [
        ("format.md", "kinds", kinds()),
        ("format.md", "relations", relations()),
        ("format.md", "folders", folders()),
        ("format.md", "example", share::markdown() + "\n"),
        ("findings.md", "codes", codes()),
    ];
    for (name, mark, content) in blocks {
        let old = chapter(name);
        if write_wanted() {
            let (begin, end) = marks(mark);
            let (head, rest) = old.split_once(&begin).unwrap();
            let (_, tail) = rest.split_once(&end).unwrap();
            fs::write(file("src/manual").join(name), format!("{head}{begin}{content}{end}{tail}")).unwrap();
        }
        assert!(block(&chapter(name), mark) == content, "{name}: the block {mark} is not what the code says");
    }
}

/// The cells of a table's rows that begin with a cell in back quotes.
fn rows(text: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("|---")).map(cells).collect()
}

#[test]
fn the_table_of_contexts_is_the_one_of_the_code() {
    let format = chapter("format.md");
    let of_text = rows(&format).into_iter().filter(|row| row[0].starts_with("`indelible/v1 "));
    let listed: Vec<String> = of_text.map(|row| row[0].trim_matches('`').to_owned()).collect();
    let known: Vec<&str> = ALL.iter().map(|context| context.as_str()).collect();
    assert_eq!(listed, known);
}

#[test]
fn the_fields_of_public_entries_have_the_numbers_of_the_pack() {
    let pack = Pack::parse(BUILT_IN).unwrap();
    let format = chapter("format.md");
    let (_, rest) = format.split_once("## Fields of public entries").unwrap();
    let (section, _) = rest.split_once("\n## ").unwrap();
    let mut count = 0;
    for row in rows(section).into_iter().skip(1) {
        let (number, name) = (row[0].parse::<u16>().unwrap(), row[1].trim_matches('`').to_owned());
        assert_eq!(pack.id_of(&name), Some(number), "{name}");
        count += 1;
    }
    assert_eq!(count, 21);
}

#[test]
fn the_changes_speak_of_this_version() {
    let wanted = format!("## {}", env!("CARGO_PKG_VERSION"));
    assert!(chapter("changes.md").lines().any(|line| line.starts_with(&wanted)), "no {wanted}");
}

/// A claim in the chapter on threats names the test that holds it as `` `test: name` ``.
#[test]
fn every_test_that_the_threats_rest_on_is_there() {
    let mut sources = String::new();
    let mut folders = vec![file("src"), file("tests/it")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap() {
            let path = path.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                sources.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    let threats = chapter("threats.md");
    let named: Vec<&str> = threats.split("`test: ").skip(1).map(|rest| rest.split('`').next().unwrap()).collect();
    assert!(named.len() > 30, "{}", named.len());
    for name in named {
        assert!(sources.contains(&format!("fn {name}(")), "there is no test {name}");
    }
}

#[test]
fn the_manual_is_plain_ascii_and_lists_every_chapter() {
    let listed = fs::read_to_string(file("src/manual/mod.rs")).unwrap();
    for name in CHAPTERS {
        let text = chapter(name);
        let line = text.lines().position(|line| !line.is_ascii());
        assert_eq!(line, None, "{name}");
        assert!(listed.contains(name), "{name}");
    }
}
