//! Sessions at the command line, one file a story, in `tests/transcripts/`.
//!
//! ```text
//! # A comment. The clock (UTC) stands at this time for the commands that follow:
//! FAKETIME 2026-03-04 10:00:00
//! # Makes a file of the lines up to END:
//! file draft.json <<END
//! {"kind":"x"}
//! END
//! $ indelible record --from draft.json > receipt.txt
//! # Lines for standard input, lines of output ([..] is anything, ... any lines or none), of the error output, and
//! # the exit code if it is not 0:
//! $ NAME=value indelible show 3
//! < typed by the reader
//! entry 3 of [..]
//! ...
//! 2> error: [..]
//! ? 1
//! # Standard input from a file; the last line of output into a variable, and the variable used:
//! $ ID=$(indelible case open < answers.txt)
//! $ indelible case show $ID
//! exists receipt.txt
//! ! exists draft.tmp
//! ```
//!
//! Output that is not expected fails, in both streams. A backslash before an expected line that looks like a step
//! makes it one of output. Each story runs in a new folder, which is also its home; `STORY=name` runs only that one.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;

/// Programs that a story may run beside ours.
const OTHERS: &[&str] = &["age", "cat", "chmod", "cmp", "cp", "date", "mkdir", "mv", "rm", "sed"];
/// Stories at a time: a passphrase costs 256 MiB.
const WORKERS: usize = 2;

type Variables = BTreeMap<String, String>;

#[test]
fn stories() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let wanted = std::env::var("STORY").unwrap_or_default();
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "txt") && file.to_string_lossy().contains(&wanted));
    assert!(!files.is_empty(), "no story is called {wanted}");
    let (left, failures) = (Mutex::new(files), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(file) = { left.lock().unwrap().pop() } {
                    if let Err(why) = tell(&fs::read_to_string(&file).unwrap()) {
                        failures.lock().unwrap().push(format!("{}:{why}", file.display()));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} stories failed\n\n{}", failures.len(), failures.join("\n\n"));
}

#[derive(Debug, PartialEq)]
enum Step {
    Time(String),
    File { name: String, text: String },
    Exists { name: String, wanted: bool },
    Run(Run),
}

#[derive(Debug, Default, PartialEq)]
struct Run {
    command: String,
    /// The variable that takes the last line of output.
    capture: Option<String>,
    input: String,
    output: Vec<String>,
    errors: Vec<String>,
    code: i32,
}

/// Reads a story: its steps and their line numbers.
fn parse(story: &str) -> Result<Vec<(usize, Step)>, String> {
    let mut steps: Vec<(usize, Step)> = Vec::new();
    let mut lines = story.lines().enumerate();
    let mut blanks = 0;
    while let Some((at, line)) = lines.next() {
        let number = at + 1;
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let step = match word {
            "#" => continue,
            "FAKETIME" => Step::Time(rest.to_owned()),
            "file" => {
                let (name, end) = rest.split_once(" <<").ok_or(format!("{number}: file NAME <<END"))?;
                let text: Vec<&str> = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != end).collect();
                Step::File { name: name.to_owned(), text: text.join("\n") + "\n" }
            }
            "exists" => Step::Exists { name: rest.to_owned(), wanted: true },
            "!" if rest.starts_with("exists ") => Step::Exists { name: rest[7..].to_owned(), wanted: false },
            "$" => {
                let captured = rest.split_once("=$(").and_then(|(name, rest)| Some((name, rest.strip_suffix(')')?)));
                let (capture, command) = captured.map_or((None, rest), |(name, rest)| (Some(name.to_owned()), rest));
                Step::Run(Run { command: command.to_owned(), capture, ..Run::default() })
            }
            _ => {
                let Some((_, Step::Run(run))) = steps.last_mut() else {
                    if line.is_empty() {
                        continue;
                    }
                    return Err(format!("{number}: not a step"));
                };
                match word {
                    "<" => run.input += &format!("{rest}\n"),
                    "?" => run.code = rest.parse().map_err(|_| format!("{number}: not an exit code"))?,
                    "2>" => run.errors.push(rest.to_owned()),
                    "" if line.is_empty() => blanks += 1,
                    _ => {
                        run.output.extend(std::iter::repeat_n(String::new(), blanks));
                        run.output.push(line.strip_prefix('\\').unwrap_or(line).to_owned());
                        blanks = 0;
                    }
                }
                continue;
            }
        };
        blanks = 0;
        steps.push((number, step));
    }
    Ok(steps)
}

/// Runs a story in a folder of its own.
///
/// # Errors
/// The line at which it went another way, and how.
fn tell(story: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mut variables = Variables::new();
    let mut time = None;
    for (number, step) in parse(story)? {
        let done = match step {
            Step::Time(text) => {
                time = Some(text);
                Ok(())
            }
            Step::File { name, text } => write_file(folder.path(), &name, fill(&text, &variables).as_bytes()),
            Step::Exists { name, wanted } => {
                let name = fill(&name, &variables);
                let there = folder.path().join(&name).exists();
                if there == wanted {
                    Ok(())
                } else {
                    Err(format!("{name} {}", if there { "exists" } else { "is missing" }))
                }
            }
            Step::Run(run) => run.check(folder.path(), time.as_deref(), &mut variables),
        };
        done.map_err(|why| format!("{number}: {why}"))?;
    }
    Ok(())
}

impl Run {
    fn check(&self, folder: &Path, time: Option<&str>, variables: &mut Variables) -> Result<(), String> {
        let words = split(&self.command, variables)?;
        let settings = words.iter().take_while(|word| word.is_setting()).count();
        let (settings, words) = words.split_at(settings);
        let (mut args, mut to, mut from) = (Vec::new(), None, None);
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            match word.text.as_str() {
                ">" if !word.quoted => to = rest.next(),
                "<" if !word.quoted => from = rest.next(),
                text => args.push(text),
            }
        }
        let program = match args.first() {
            Some(&"indelible") => env!("CARGO_BIN_EXE_indelible"),
            Some(other) if OTHERS.contains(other) => other,
            _ => return Err(format!("a story does not run `{}`", self.command)),
        };
        let mut command = match time {
            Some(time) => {
                let mut faketime = Command::new("faketime");
                faketime.args(["--exclude-monotonic", "-f", time, program]);
                faketime
            }
            None => Command::new(program),
        };
        command.args(&args[1..]).current_dir(folder).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", folder).env("XDG_CONFIG_HOME", folder.join(".config"));
        command.envs([("NO_COLOR", "1"), ("TZ", "UTC"), ("LANG", "C.UTF-8")]);
        command.envs(settings.iter().filter_map(|setting| setting.text.split_once('=')));
        let input = match from {
            Some(file) => fs::read(folder.join(&file.text)).map_err(|error| format!("{}: {error}", file.text))?,
            None => fill(&self.input, variables).into_bytes(),
        };
        let result = feed(command, &input)?;

        let (mut output, errors) = (lines(&result.stdout), lines(&result.stderr));
        let last = output.last().cloned();
        if let Some(file) = to {
            write_file(folder, &file.text, &result.stdout)?;
            output.clear();
        }
        if self.capture.is_some() {
            output.clear();
        }
        let expected = |texts: &[String]| texts.iter().map(|text| fill(text, variables)).collect::<Vec<_>>();
        let code = result.status.code().unwrap_or(-1);
        let as_told = lines_match(&expected(&self.output), &output) && lines_match(&expected(&self.errors), &errors);
        if !as_told || code != self.code {
            return Err(self.describe(&output, &errors, code));
        }
        if let Some(name) = &self.capture {
            variables.insert(name.clone(), last.ok_or("no output to keep")?);
        }
        Ok(())
    }

    /// Shows what was expected, and what came in the words of a story.
    fn describe(&self, output: &[String], errors: &[String], code: i32) -> String {
        let mut text = format!("$ {}\n", self.command);
        for (title, output, errors, code) in
            [("--- expected", &self.output[..], &self.errors[..], self.code), ("--- came", output, errors, code)]
        {
            let _ = writeln!(text, "{title}");
            output.iter().for_each(|line| text.extend([line, "\n"]));
            errors.iter().for_each(|line| text.extend(["2> ", line, "\n"]));
            let _ = writeln!(text, "? {code}");
        }
        text
    }
}

fn feed(mut command: Command, input: &[u8]) -> Result<std::process::Output, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let fails = |error| format!("{name} (tools/check installs what stories need): {error}");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(fails)?;
    let pipe = child.stdin.take();
    std::thread::scope(|scope| {
        // A program that does not read its input closes the pipe; that is its right.
        scope.spawn(|| pipe.and_then(|mut pipe| pipe.write_all(input).ok()));
        child.wait_with_output().map_err(fails)
    })
}

fn write_file(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), String> {
    let path = folder.join(name);
    let parent = path.parent().unwrap_or(folder);
    fs::create_dir_all(parent).and_then(|()| fs::write(&path, bytes)).map_err(|error| format!("{name}: {error}"))
}

fn lines(bytes: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(bytes).trim_end_matches('\n').lines().map(str::to_owned).collect()
}

/// Whether lines are as expected, where `...` stands for any number of them.
fn lines_match(expected: &[String], lines: &[String]) -> bool {
    match expected.split_first() {
        None => lines.is_empty(),
        Some((first, rest)) if first == "..." => (0..=lines.len()).any(|skip| lines_match(rest, &lines[skip..])),
        Some((first, rest)) => {
            lines.split_first().is_some_and(|(line, lines)| line_matches(first, line) && lines_match(rest, lines))
        }
    }
}

/// Whether a line is as expected, where `[..]` stands for any text.
fn line_matches(expected: &str, line: &str) -> bool {
    match expected.split_once("[..]") {
        None => expected == line,
        Some((before, after)) => line.strip_prefix(before).is_some_and(|rest| {
            let mut ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
            ends.any(|at| line_matches(after, &rest[at..]))
        }),
    }
}

/// One word of a command.
#[derive(Debug, PartialEq)]
struct Word {
    text: String,
    quoted: bool,
}

impl Word {
    fn is_setting(&self) -> bool {
        let name = self.text.split_once('=').map(|(name, _)| name);
        name.is_some_and(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
    }
}

/// Splits a command at white space, as a shell does: '...' as it stands, "..." with variables.
fn split(command: &str, variables: &Variables) -> Result<Vec<Word>, String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<Word>, None);
    let mut rest = command;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        let space = quote.is_none() && c == ' ';
        if space {
            words.extend(word.take());
            continue;
        }
        let word = word.get_or_insert(Word { text: String::new(), quoted: false });
        match (quote, c) {
            (None, '\'' | '"') => {
                quote = Some(c);
                word.quoted = true;
            }
            (Some(open), _) if open == c => quote = None,
            (None | Some('"'), '$') if name_length(rest) > 0 => {
                let (name, after) = rest.split_at(name_length(rest));
                word.text += variables.get(name).ok_or(format!("${name} was never set"))?;
                rest = after;
            }
            _ => word.text.push(c),
        }
    }
    words.extend(word);
    if quote.is_some() { Err(format!("a quote is not closed: {command}")) } else { Ok(words) }
}

/// Puts variables into a text; what looks like one and is none stays.
fn fill(text: &str, variables: &Variables) -> String {
    let mut pieces = text.split('$');
    let mut filled = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, after) = piece.split_at(name_length(piece));
        match variables.get(name) {
            Some(value) => filled.extend([value, after]),
            None => filled.extend(["$", piece]),
        }
    }
    filled
}

fn name_length(text: &str) -> usize {
    text.find(|c: char| !(c.is_ascii_uppercase() || c == '_')).unwrap_or(text.len())
}

mod tests {
    use super::*;

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn a_story_is_parsed() {
        let story = "# a\n\nFAKETIME 2026-03-04 10:00:00\nfile a/b <<END\nx\n\ny\nEND\n$ N=$(indelible log)\n< in\n? 3\n\n\
                     $ indelible show $N\none\n\n...\n\\$ two\n2> error: [..]\n\n! exists a\nexists b\n";
        let run = Run { command: "indelible log".into(), capture: Some("N".into()), ..Run::default() };
        let shown = Run {
            command: "indelible show $N".into(),
            output: strings(&["one", "", "...", "$ two"]),
            errors: strings(&["error: [..]"]),
            ..Run::default()
        };
        let steps = [
            (3, Step::Time("2026-03-04 10:00:00".into())),
            (4, Step::File { name: "a/b".into(), text: "x\n\ny\n".into() }),
            (9, Step::Run(Run { input: "in\n".into(), code: 3, ..run })),
            (13, Step::Run(shown)),
            (20, Step::Exists { name: "a".into(), wanted: false }),
            (21, Step::Exists { name: "b".into(), wanted: true }),
        ];
        assert_eq!(parse(story).unwrap(), steps);
        assert_eq!(parse("out of place\n").unwrap_err(), "1: not a step");
        assert_eq!(parse("$ indelible\n? x\n").unwrap_err(), "2: not an exit code");
    }

    #[test]
    fn wildcards_match_and_fail() {
        assert!(line_matches("entry [..] of [..]", "entry 3 of 9"));
        assert!(line_matches("[..]", "") && line_matches("a[..]a", "aa") && line_matches("[..]b", "abab"));
        assert!(!line_matches("a[..]a", "a") && !line_matches("entry", "entry 3") && !line_matches("[..]b", "ba"));
        let lines = strings(&["a", "b", "c"]);
        for expected in [&["a", "b", "c"][..], &["..."], &["a", "...", "c"], &["...", "b", "...", "[..]"]] {
            assert!(lines_match(&strings(expected), &lines), "{expected:?}");
        }
        for expected in [&["a", "b"][..], &[], &["...", "b"], &["a", "...", "a"], &["a", "b", "c", "d"]] {
            assert!(!lines_match(&strings(expected), &lines), "{expected:?}");
        }
    }

    #[test]
    fn commands_are_split_and_filled() {
        let variables = Variables::from([("N".to_owned(), "3 4".to_owned())]);
        let words = split("a 'b $N'  \"c $N\"d $N '' > \">\"", &variables).unwrap();
        let words: Vec<_> = words.iter().map(|word| (word.text.as_str(), word.quoted)).collect();
        let expected = [("a", false), ("b $N", true), ("c 3 4d", true), ("3 4", false), ("", true)];
        assert_eq!(words, [&expected[..], &[(">", false), (">", true)]].concat());
        assert_eq!(split("$M", &variables).unwrap_err(), "$M was never set");
        assert!(split("a 'b", &variables).is_err());
        assert_eq!(fill("$N, $M, $5", &variables), "3 4, $M, $5");
    }

    #[test]
    fn stories_go_wrong_where_they_should() {
        let good = "file a <<E\nx\nE\n$ cat a - < a\nx\nx\n$ cat a missing\nx\n2> cat: missing: [..]\n? 1\n$ X=$(cat a)\n\
                    $ cat\n< y $X\ny x\n$ cat a > b/$X\n? 1\n";
        let why = tell(good).unwrap_err();
        assert!(why.starts_with("15: $ cat a > b/$X\n") && why.ends_with("--- came\n? 0\n"), "{why}");
        for (story, line) in [
            ("$ cat\n< x\n", "1:"),
            ("$ cat\nx\n", "1:"),
            ("$ cat missing\n? 1\n", "1:"),
            ("# a\nexists b\n", "2: b is missing"),
            ("file b <<E\nE\n! exists b\n", "3: b exists"),
            ("$ sh -c true\n", "1: a story does not run"),
        ] {
            let why = tell(story).unwrap_err();
            assert!(why.starts_with(line), "{why}");
        }
    }
}
