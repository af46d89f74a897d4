//! The README's session is run: every command, in order, in an empty folder; what it shows must be what comes.

use std::process::{Command, Stdio};

/// What differs from run to run is masked on both sides: times, tags, hashes.
fn mask(line: &str) -> String {
    let words: Vec<String> = line
        .split(' ')
        .map(|word| {
            let core = word.trim_matches(|c: char| !c.is_alphanumeric());
            let digits = core.chars().filter(char::is_ascii_digit).count();
            let weekday = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].contains(&core);
            let month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
            if weekday || month.contains(&core) || core.contains(':') || (core.len() == 4 && digits == 4) {
                word.replace(core, "#")
            } else {
                word.to_owned()
            }
        })
        .collect();
    words.join(" ").trim_end().to_owned()
}

/// Whether a shown line came: word for word, but for what is masked; of a line with a time, the numbers of one or two
/// digits and the spaces between the columns do not count either.
fn came(shown: &str, output: &str) -> bool {
    let plain = |line: &str| {
        let masked = mask(line);
        let day = |word: &&str| !(word.len() <= 2 && word.chars().all(|c| c.is_ascii_digit())) && !word.contains('#');
        if masked.contains('#') { masked.split_whitespace().filter(day).collect::<Vec<_>>().join(" ") } else { masked }
    };
    // The tag of a case is drawn anew each time.
    let tagless = |line: String| line.split(" tag ").next().unwrap_or_default().to_owned();
    output.lines().any(|line| tagless(plain(line)) == tagless(plain(shown)))
}

#[test]
fn the_readme_session_runs_and_shows_what_comes() {
    let readme = include_str!("../../README.md");
    let folder = tempfile::tempdir().unwrap();
    let mut commands = 0;
    for block in readme.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next()) {
        for session in block.split("$ ").skip(1) {
            let (command, shown) = session.split_once('\n').unwrap();
            let script = command.replacen("indelible", "\"$INDELIBLE\"", 1);
            let ran = Command::new("sh")
                .args(["-c", &format!("{script} 2>&1")])
                .current_dir(folder.path())
                .env("INDELIBLE", env!("CARGO_BIN_EXE_indelible"))
                .env("XDG_CONFIG_HOME", folder.path().join("config"))
                .env("NO_COLOR", "1")
                .stdin(Stdio::null())
                .output()
                .unwrap();
            let output = String::from_utf8(ran.stdout).unwrap();
            assert!(matches!(ran.status.code(), Some(0 | 1)), "{command}\n{output}");
            for line in shown.lines().filter(|line| !line.trim().is_empty()) {
                assert!(came(line, &output), "{command}\nshown: {line}\ncame:\n{output}");
            }
            commands += 1;
        }
    }
    assert!(commands >= 12, "{commands}");
}

#[test]
fn the_readme_gives_the_two_commands() {
    let readme = include_str!("../../README.md");
    assert!(readme.contains("\ncargo run --release -- demo\n") && readme.contains("\ntools/check\n"));
}
