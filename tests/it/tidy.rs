//! The house rules that no compiler checks: who may import whom, and what must not stand in a file.
//!
//! Every check is a function from a path and its text to complaints, so that the tests at the bottom can show each of
//! them failing. Code is looked at with comments and literals blanked out ([`blank`]).

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Every room and the rooms that it may import. All may import themselves and, but for `manual`, `codec`.
const ROOMS: &[(&str, &str)] = &[
    ("manual", ""),
    ("codec", ""),
    ("rules", ""),
    ("decision", "rules"),
    ("seal", "decision"),
    ("keys", ""),
    ("entry", "decision seal keys tree"),
    ("tree", ""),
    ("head", "keys tree"),
    ("frame", ""),
    ("store", "frame"),
    ("cabinet", "keys seal store"),
    ("index", "entry tree seal"),
    ("ledger", "rules decision seal keys entry tree head frame store cabinet index review verify"),
    ("review", "rules decision entry tree"),
    ("verify", "rules decision seal keys entry tree head frame review"),
];
/// Modules of the binary: they see the library from outside, as `indelible::`, and each only itself.
const DOORS: &[&str] = &["cli", "web"];
/// What may stand at the top of the repository; the last is written by failing property tests and ignored by git.
const TOP: &str = "Cargo.toml Cargo.lock src tests tools README.md LICENSE target .cargo .ci .git .gitignore \
                   .rustfmt.toml .clippy.toml .deny.toml proptest-regressions";
/// Folders that are made by tools, or whose bytes are frozen and checked by the tests that read them.
const NOT_OURS: &[&str] = &["tests/vectors", "tools/fuzz/target", "tools/fuzz/corpus", "tools/fuzz/artifacts"];
const LONGEST: usize = 500;

#[test]
fn the_house_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut complaints = Vec::new();
    for name in names(root) {
        if !TOP.split_whitespace().any(|allowed| allowed == name) {
            complaints.push(format!("{name}: has no place at the top of the repository"));
        }
    }
    let mut files = Vec::new();
    for top in ["src", "tests", "tools", "README.md"] {
        collect(root, top, &mut files);
    }
    assert!(files.len() > 20, "no files were found");
    for (path, text) in &files {
        complaints.extend(check(path, text));
    }
    let main = files.iter().find(|(path, _)| path == "tests/it/main.rs").map_or("", |(_, text)| text);
    complaints.extend(undeclared(main, files.iter().map(|(path, _)| path.as_str())));
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

/// Returns all complaints about one file.
fn check(path: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut complain = |line: usize, what: &str| complaints.push(format!("{path}:{line}: {what}"));
    let is_rust = path.ends_with(".rs");
    let tests_from = if path.starts_with("tests/") { 0 } else { first_test_line(path, text) };

    let strings_blanked = if is_rust { blank(text, false) } else { text.to_owned() };
    for (at, (raw, code)) in text.lines().zip(strings_blanked.lines()).enumerate() {
        let looked_at = if at >= tests_from { code } else { raw };
        if !looked_at.is_ascii() {
            complain(at + 1, "not ASCII");
        }
        let marks = [concat!("TO", "DO"), concat!("FIX", "ME")];
        if raw.split(|c: char| !c.is_alphanumeric()).any(|word| marks.contains(&word)) {
            complain(at + 1, "left to do");
        }
    }
    if !is_rust {
        return complaints;
    }
    let code = blank(text, true);
    for (at, line) in code.lines().enumerate() {
        if calls(line, &["todo", "unimplemented"]) {
            complain(at + 1, "left to do");
        }
        if in_library(path) && calls(line, &["println", "eprintln", "print", "eprint"]) {
            complain(at + 1, "a library room prints");
        }
        if line.contains("disallowed_methods") && path.starts_with("src/") && !may_allow_methods(path, line, &code, at)
        {
            complain(at + 1, "only store and main may allow disallowed methods");
        }
        let plain = line.trim_start();
        if path == "src/lib.rs" && !plain.is_empty() && !plain.starts_with("pub mod ") && !plain.starts_with('#') {
            complain(at + 1, "lib.rs holds `pub mod` lines and nothing else: no logic, no re-exports");
        }
    }
    if path.starts_with("src/") && text.lines().count() > LONGEST {
        let reason = text.lines().take(40).any(|line| line.starts_with("// Long because: "));
        if !reason {
            complain(1, "over 500 lines without a line `// Long because: ...` near the top");
        }
    }
    for import in imports(&code) {
        if let Some(what) = wrong_import(path, &import, import.line > tests_from) {
            complain(import.line, &what);
        }
    }
    complaints
}

/// A path that code uses: `a::b::c`, or `a::b::*`.
#[derive(Debug, PartialEq)]
struct Import {
    line: usize,
    path: String,
    /// How many `mod name { ... }` stand around it.
    inside: usize,
}

/// Says what is wrong with an import, if anything is.
fn wrong_import(file: &str, import: &Import, in_tests: bool) -> Option<String> {
    let path = import.path.as_str();
    if path.ends_with("::*") {
        let fine = in_tests && ["super::*", "proptest::prelude::*"].contains(&path);
        return (!fine).then(|| format!("glob import `{path}`"));
    }
    let parts: Vec<&str> = path.split("::").collect();
    let supers = parts.iter().filter(|part| **part == "super").count();
    if supers > 1 {
        return Some("`super::super`: name the path from the room".to_owned());
    }
    if !file.starts_with("src/") {
        return None;
    }
    let room = room_of(file);
    let door = DOORS.contains(&room) || room == "main";
    if supers == 1 && import.inside == 0 && is_top_module(file) {
        return Some(format!("`{path}` leaves {room} through `super`"));
    }
    if parts[0] == "indelible" && !door {
        return Some(format!("{room} names its own crate as `{path}`"));
    }
    if parts[0] != "crate" {
        return None;
    }
    let other = parts.get(1).copied().unwrap_or("");
    let may = match room {
        "main" => DOORS.contains(&other),
        _ if door => other == room,
        _ => {
            let own = ROOMS.iter().find(|(name, _)| *name == room)?;
            other == room
                || (other == "codec" && room != "manual")
                || own.1.split_whitespace().any(|allowed| allowed == other)
        }
    };
    (!may).then(|| format!("{room} may not import {other} (`{path}`)"))
}

/// Finds every path in `use` declarations (groups taken apart), and elsewhere every path from `crate` or `super`.
fn imports(code: &str) -> Vec<Import> {
    let (mut found, mut modules, mut using) = (Vec::new(), Vec::<usize>::new(), None::<(usize, String)>);
    for (at, line) in code.lines().enumerate() {
        let plain = line.trim();
        let indent = line.len() - line.trim_start().len();
        let words: Vec<&str> = plain.split(' ').collect();
        if let Some((_, tree)) = using.as_mut() {
            tree.push_str(plain);
        } else if let Some(tree) = words.iter().position(|word| *word == "use")
            && (tree == 0 || plain.starts_with("pub"))
        {
            using = Some((at + 1, words[tree + 1..].join(" ")));
        } else if words.contains(&"mod") && plain.ends_with('{') {
            modules.push(indent);
        } else if plain == "}" && modules.last() == Some(&indent) {
            modules.pop();
        } else {
            let inside = modules.len();
            found.extend(paths_in(line).map(|path| Import { line: at + 1, path, inside }));
        }
        if let Some((line, tree)) = using.take_if(|(_, tree)| tree.ends_with(';')) {
            let inside = modules.len();
            let spread = spread("", tree.trim_end_matches(';'));
            found.extend(spread.into_iter().map(|path| Import { line, path, inside }));
        }
    }
    found
}

/// Takes a `use` tree apart: `a::{b, c::{self, d}}` is `a::b`, `a::c::self`, `a::c::d`.
fn spread(prefix: &str, tree: &str) -> Vec<String> {
    let Some((before, group)) = tree.split_once('{') else {
        let name = tree.split(" as ").next().unwrap_or(tree).trim();
        return vec![format!("{prefix}{name}")];
    };
    let prefix = format!("{prefix}{}", before.trim());
    let group = group.trim_end().strip_suffix('}').unwrap_or(group);
    let (mut depth, mut begin, mut items) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                items.push(&group[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    items.push(&group[begin..]);
    items.into_iter().filter(|item| !item.trim().is_empty()).flat_map(|item| spread(&prefix, item.trim())).collect()
}

/// Finds the paths in a line that begin with `crate`, `super` or `indelible`.
fn paths_in(line: &str) -> impl Iterator<Item = String> {
    let words = line.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
    let path = |word: &str| ["crate::", "super::", "indelible::"].iter().any(|root| word.starts_with(root));
    words.filter(move |word| path(word)).map(str::to_owned)
}

fn room_of(file: &str) -> &str {
    let inside = file.trim_start_matches("src/");
    inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs")
}

fn is_top_module(file: &str) -> bool {
    let inside = file.trim_start_matches("src/");
    !inside.contains('/') || inside.ends_with("/mod.rs") && inside.matches('/').count() == 1
}

fn in_library(file: &str) -> bool {
    file.starts_with("src/") && !DOORS.contains(&room_of(file)) && room_of(file) != "main"
}

fn may_allow_methods(file: &str, line: &str, code: &str, at: usize) -> bool {
    if line.trim_start().starts_with("#![") {
        return file == "src/store/mod.rs" || file == "src/main.rs";
    }
    let next = code.lines().skip(at + 1).find(|line| !line.trim_start().starts_with("#["));
    next.is_some_and(|line| line.trim_start().starts_with("mod tests"))
}

/// Whether a line calls one of these macros.
fn calls(line: &str, macros: &[&str]) -> bool {
    let words: Vec<&str> = line.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '!')).collect();
    words.iter().any(|word| word.strip_suffix('!').is_some_and(|name| macros.contains(&name)))
}

/// Returns the line (from 0) at which a file's tests begin.
fn first_test_line(path: &str, text: &str) -> usize {
    if path.ends_with("/tests.rs") {
        return 0;
    }
    let lines: Vec<&str> = text.lines().collect();
    let module = |line: &str| line.contains("mod ") && line.ends_with('{');
    let begins = |at: &usize| lines[*at] == "#[cfg(test)]" && lines[*at..].iter().take(3).any(|line| module(line));
    (0..lines.len()).find(begins).unwrap_or(lines.len())
}

/// Returns complaints about files of the test binary that its `main.rs` does not declare.
fn undeclared<'a>(main: &str, files: impl Iterator<Item = &'a str>) -> Vec<String> {
    let declared: BTreeSet<&str> =
        main.lines().filter_map(|line| line.trim().strip_prefix("mod ")?.strip_suffix(';')).collect();
    let modules: BTreeSet<&str> = files
        .filter_map(|file| file.strip_prefix("tests/it/")?.split('/').next())
        .map(|name| name.trim_end_matches(".rs"))
        .filter(|name| *name != "main")
        .collect();
    modules.difference(&declared).map(|name| format!("tests/it/{name}.rs: not declared in tests/it/main.rs")).collect()
}

/// Replaces what stands in literals by spaces, and with `comments` comments too; lines stay where they are.
fn blank(source: &str, comments: bool) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    let mut word_before = false;
    while let Some(first) = rest.chars().next() {
        let (length, is_comment) = match first {
            '/' if rest.starts_with("//") => (rest.find('\n').unwrap_or(rest.len()), true),
            '/' if rest.starts_with("/*") => (block_comment(rest), true),
            '"' => (string(rest), false),
            'r' | 'b' | 'c' if !word_before => (prefixed(rest), false),
            '\'' => (character(rest), false),
            _ => (0, false),
        };
        let (piece, after) = rest.split_at(length.max(first.len_utf8()));
        if length == 0 || (is_comment && !comments) {
            out.push_str(piece);
        } else {
            out.extend(piece.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        }
        word_before = length == 0 && (first.is_alphanumeric() || first == '_');
        rest = after;
    }
    out
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        let step = match text.as_bytes().get(at..at + 2) {
            Some(b"/*") => (1, 2),
            Some(b"*/") => (-1, 2),
            _ => (0, 1),
        };
        depth += step.0;
        at += step.1;
        if depth == 0 {
            break;
        }
    }
    at.min(text.len())
}

fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of a literal with a prefix (`b"`, `r#"`, `br"`, `b'`), or 0 if there is none.
fn prefixed(text: &str) -> usize {
    let prefix = text.len() - text.trim_start_matches(['r', 'b', 'c']).len();
    let rest = &text[prefix..];
    let raw = text[..prefix].contains('r');
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    match rest[hashes..].chars().next() {
        _ if prefix > 2 || (hashes > 0 && !raw) => 0,
        Some('"') if raw => {
            let end = format!("\"{}", "#".repeat(hashes));
            let begin = prefix + hashes + 1;
            text[begin..].find(&end).map_or(text.len(), |at| begin + at + end.len())
        }
        Some('"') => prefix + string(rest),
        Some('\'') if hashes == 0 && text.starts_with("b'") => prefix + character(rest),
        _ => 0,
    }
}

/// The length of a character literal, or 0 for a lifetime.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some((at, c))) => {
            text[at + c.len_utf8()..].find('\'').map_or(0, |end| at + c.len_utf8() + end + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 0,
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Collects the text files at or under `path`.
fn collect(root: &Path, path: &str, files: &mut Vec<(String, String)>) {
    let full = root.join(path);
    if NOT_OURS.contains(&path) {
        return;
    }
    if full.is_dir() {
        names(&full).iter().for_each(|name| collect(root, &format!("{path}/{name}"), files));
    } else if let Ok(text) = fs::read(&full).map(String::from_utf8)
        && let Ok(text) = text
    {
        files.push((path.to_owned(), text));
    }
}

mod tests {
    use super::*;

    fn complaint(path: &str, text: &str) -> String {
        check(path, text).join("\n")
    }

    #[test]
    fn imports_outside_the_table_name_file_and_rooms() {
        assert_eq!(check("src/entry/link.rs", "use crate::codec::Link;\nuse crate::tree::Hash;\n"), [""; 0]);
        assert_eq!(
            check("src/tree/mod.rs", "\nuse crate::entry::Envelope;\n"),
            ["src/tree/mod.rs:2: tree may not import entry (`crate::entry::Envelope`)"]
        );
        assert!(
            complaint("src/frame.rs", "fn f() { crate::store::disk::x() }\n").contains("frame may not import store")
        );
        assert!(
            complaint("src/keys/card.rs", "use crate::{\n    codec,\n    head::note,\n};\n").contains("import head")
        );
        assert!(complaint("src/seal/mod.rs", "pub use crate::keys as who;\n").contains("seal may not import keys"));
        assert!(complaint("src/seal/mod.rs", "use crate as root;\n").contains("seal may not import"));
        assert!(
            complaint("src/verify/a.rs", "type I = crate::index::Index;\n").contains("verify may not import index")
        );
        assert_eq!(check("src/verify/a.rs", "use crate::{frame, review::gate, head::note};\n"), [""; 0]);
        assert_eq!(check("src/tree/mod.rs", "//! [`crate::entry`]\nconst A: &str = \"crate::entry::x\";\n"), [""; 0]);
    }

    #[test]
    fn doors_see_the_library_from_outside_and_not_each_other() {
        assert_eq!(check("src/cli/log.rs", "use indelible::ledger::Ledger;\nuse crate::cli::words;\n"), [""; 0]);
        assert!(complaint("src/cli/log.rs", "use crate::ledger::Ledger;\n").contains("cli may not import ledger"));
        assert!(complaint("src/web/page.rs", "use crate::cli::words;\n").contains("web may not import cli"));
        assert_eq!(check("src/main.rs", "use crate::web::serve;\n"), [""; 0]);
        assert!(complaint("src/main.rs", "use crate::ledger::x;\n").contains("main may not import ledger"));
        assert!(complaint("src/tree/mod.rs", "use indelible::entry::x;\n").contains("names its own crate"));
    }

    #[test]
    fn nobody_leaves_a_room_through_super() {
        assert!(complaint("src/head/note.rs", "use super::super::entry;\n").contains("super::super"));
        assert!(complaint("src/head/note.rs", "use super::{a, super::entry};\n").contains("super::super"));
        assert!(complaint("src/frame.rs", "use super::entry::x;\n").contains("leaves frame"));
        assert!(complaint("src/head/mod.rs", "fn f() { super::entry::x() }\n").contains("leaves head"));
        assert_eq!(check("src/head/mod.rs", "mod inner {\n    use super::Note;\n}\nuse self::inner::x;\n"), [""; 0]);
        assert!(complaint("src/head/mod.rs", "mod inner {\n}\nuse super::entry;\n").contains("leaves head"));
        assert_eq!(check("src/head/note.rs", "use super::text;\n"), [""; 0]);
    }

    #[test]
    fn globs_only_in_tests() {
        let tests = "#[cfg(test)]\nmod tests {\n    use super::*;\n    use proptest::prelude::*;\n}\n";
        assert_eq!(check("src/head/note.rs", tests), [""; 0]);
        assert!(complaint("src/head/note.rs", "use super::*;\n").contains("glob import"));
        assert!(complaint("src/head/note.rs", "use crate::keys::*;\n").contains("glob import"));
        assert!(complaint("tests/it/x.rs", "use indelible::tree::*;\n").contains("glob import"));
        assert!(complaint("src/head/note.rs", "use std::{fmt, io::{self, prelude::*}};\n").contains("glob import"));
    }

    #[test]
    fn lib_rs_is_a_map() {
        assert_eq!(check("src/lib.rs", "//! Doc.\n\n#[cfg(feature = \"desk\")]\npub mod index;\n"), [""; 0]);
        for line in ["pub use tree::Hash;\n", "pub type H = u8;\n", "fn f() {}\n", "macro_rules! m { () => {} }\n"] {
            assert!(complaint("src/lib.rs", line).contains("nothing else"), "{line}");
        }
    }

    #[test]
    fn only_store_and_main_reach_the_world() {
        let inner = "#![allow(clippy::disallowed_methods)]\n";
        assert_eq!(check("src/store/mod.rs", inner), [""; 0]);
        assert_eq!(check("src/main.rs", inner), [""; 0]);
        assert!(complaint("src/store/disk.rs", inner).contains("only store and main"));
        assert!(complaint("src/cli/mod.rs", inner).contains("only store and main"));
        let outer = "#[allow(clippy::disallowed_methods)]\n";
        assert!(complaint("src/index.rs", &format!("{outer}fn f() {{}}\n")).contains("only store and main"));
        let tests = format!("#[cfg(test)]\n{outer}mod tests {{\n}}\n");
        assert_eq!(check("src/index.rs", &tests), [""; 0]);
    }

    #[test]
    fn nothing_is_printed_or_left_to_do() {
        assert!(complaint("src/head/note.rs", "fn f() { println!(\"x\") }\n").contains("prints"));
        assert_eq!(check("src/cli/log.rs", "fn f() { println!(\"x\") }\n"), [""; 0]);
        assert_eq!(check("src/head/note.rs", "// println!\nconst A: &str = \"print!\"; my_print!();\n"), [""; 0]);
        assert!(complaint("src/cli/log.rs", "fn f() { todo!() }\n").contains("left to do"));
        assert!(complaint("tests/it/x.rs", "fn f() { unimplemented!() }\n").contains("left to do"));
        assert!(complaint("README.md", concat!("TO", "DO: write\n")).contains("left to do"));
        assert!(complaint("tools/check", concat!("# FIX", "ME\n")).contains("left to do"));
    }

    #[test]
    fn ascii_but_for_literals_in_tests() {
        assert!(complaint("src/head/note.rs", "const DASH: &str = \"\u{2014}\";\n").contains("ASCII"));
        assert!(complaint("src/manual/format.md", "a \u{2013} b\n").contains("ASCII"));
        let tests = "#[cfg(test)]\nmod tests {\n    const DASH: &str = \"\u{2014}\";\n}\n";
        assert_eq!(check("src/head/note.rs", tests), [""; 0]);
        assert!(complaint("tests/it/x.rs", "// \u{e9}\n").contains("tests/it/x.rs:1: not ASCII"));
    }

    #[test]
    fn long_files_give_a_reason() {
        let long = "\n".repeat(LONGEST + 1);
        assert!(complaint("src/head/note.rs", &long).contains("500 lines"));
        assert_eq!(check("src/head/note.rs", &format!("// Long because: one table.\n{long}")), [""; 0]);
        assert_eq!(check("src/head/note.rs", &long[1..]), [""; 0]);
    }

    #[test]
    fn forgotten_test_files_are_named() {
        let files = ["tests/it/main.rs", "tests/it/a.rs", "tests/it/b/mod.rs", "src/c.rs"];
        assert_eq!(undeclared("mod a;\nmod b;\n", files.into_iter()), [""; 0]);
        assert_eq!(
            undeclared("mod b;\n// mod a;\n", files.into_iter()),
            ["tests/it/a.rs: not declared in tests/it/main.rs"]
        );
    }

    #[test]
    fn blanking_knows_literals_comments_and_lifetimes() {
        for (source, blanked) in [
            ("a /* b /* c */ */ d", "a                 d"),
            ("x // y\nz", "x     \nz"),
            ("f(\"a\\\"b\") + 1", "f(      ) + 1"),
            ("r#\"a\"b\"# + for_r\"c\"", "         + for_r   "),
            ("&'a str, '\\'', 'b', b'\\\\' c", "&'a str,     ,    ,       c"),
            ("r#type + br\"x\"", "r#type +      "),
        ] {
            assert_eq!(blank(source, true), blanked, "{source}");
        }
        assert_eq!(blank("x // \"y\"", false), "x // \"y\"");
    }

    #[test]
    fn use_trees_are_taken_apart() {
        assert_eq!(spread("", "a::{b, c::{self, d as e}, f}"), ["a::b", "a::c::self", "a::c::d", "a::f"]);
        assert_eq!(spread("", "a::b as c"), ["a::b"]);
    }
}
