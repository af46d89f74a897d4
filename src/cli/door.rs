//! What every command needs: options, streams, clock, passphrases, the desk.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use indelible::cabinet::identity::{CosignerIdentity, Identity, IdentityError, side_folder};
use indelible::cabinet::recovery::RecoverySheet;
use indelible::ledger::desk::Desk;
use indelible::ledger::open::Ledger;
use indelible::store::durable;
use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

use crate::cli::args::Global;
use crate::cli::failure::Failure;

/// A command's surroundings.
pub struct Door<'a> {
    pub global: Global,
    pub config: &'a Path,
    pub now: &'a dyn Fn() -> i64,
    pub out: &'a mut dyn Write,
    pub err: &'a mut dyn Write,
    /// The byte that Ctrl-C gives while questions are asked; none while it ends the program.
    pub interrupt: Option<u8>,
    /// Whether Ctrl-C ended the asking: nothing more is asked.
    pub interrupted: bool,
}

/// Most bytes of a file that somebody names.
const FILE_LIMIT: usize = 64 << 20;

impl Door<'_> {
    /// Returns the ledger's folder.
    pub fn ledger_dir(&self) -> Result<PathBuf, Failure> {
        self.global
            .ledger
            .clone()
            .ok_or_else(|| Failure::new("no ledger was named", "add --ledger DIR, or set INDELIBLE_LEDGER"))
    }

    /// Returns the path of the identity file.
    pub fn identity_path(&self) -> Result<PathBuf, Failure> {
        self.global
            .identity
            .clone()
            .ok_or_else(|| Failure::new("no identity was named", "add --identity FILE, or set INDELIBLE_IDENTITY"))
    }

    /// Opens the identity file, asking for its passphrase where it has one.
    pub fn identity(&mut self) -> Result<Identity, Failure> {
        let path = self.identity_path()?;
        self.identity_at(&path)
    }

    /// Opens an identity file, asking for its passphrase where it has one.
    pub fn identity_at(&mut self, path: &Path) -> Result<Identity, Failure> {
        let bytes = Zeroizing::new(self.read(path)?);
        let mut asked = self.passphrase_file()?;
        Identity::open(&bytes, &mut || asked.take().or_else(|| ask_secret("Passphrase of the identity: ")))
            .map_err(|error| identity_failure(path, &error))
    }

    /// Opens a cosigner's key file.
    pub fn cosigner(&mut self) -> Result<CosignerIdentity, Failure> {
        let path = self.identity_path()?;
        let bytes = Zeroizing::new(self.read(&path)?);
        let mut asked = self.passphrase_file()?;
        CosignerIdentity::open(&bytes, &mut || asked.take().or_else(|| ask_secret("Passphrase of the cosigner key: ")))
            .map_err(|error| identity_failure(&path, &error))
    }

    /// Sits down at the ledger with the identity.
    pub fn desk(&mut self) -> Result<Desk, Failure> {
        let dir = self.ledger_dir()?;
        let identity = self.identity()?;
        let side = side_folder(&self.identity_path()?);
        let mut desk = Desk::open(&dir, self.config, identity, &side)?;
        // Whoever may read is settled before anything else is done; that it fails holds nothing up.
        if let Err(error) = desk.settle(self.now, &mut durable::entropy()) {
            writeln!(
                self.err,
                "warning: who may read what could not be settled: {error}; the next overseer's command tries again"
            )?;
        }
        Ok(desk)
    }

    /// Sits down at the ledger to read only, which needs no right to write in its folder.
    pub fn desk_read(&mut self) -> Result<Desk, Failure> {
        let dir = self.ledger_dir()?;
        let identity = self.identity()?;
        let side = side_folder(&self.identity_path()?);
        let mut desk = Desk::open_read(&dir, identity, &side)?;
        desk.at_time((self.now)());
        Ok(desk)
    }

    /// Opens the ledger without an identity.
    pub fn reader(&self) -> Result<Ledger, Failure> {
        Ok(Ledger::open(&self.ledger_dir()?)?)
    }

    /// Reads a file that somebody named; `-` is standard input.
    pub fn read(&self, path: &Path) -> Result<Vec<u8>, Failure> {
        if path == Path::new("-") {
            let mut bytes = Vec::new();
            io::Read::read_to_end(&mut io::Read::take(io::stdin().lock(), FILE_LIMIT as u64), &mut bytes)?;
            return Ok(bytes);
        }
        durable::read(path, FILE_LIMIT).map_err(|error| {
            Failure::new(format!("this file could not be read: {error}"), "check the name and whether you may read it")
                .at(path.display())
        })
    }

    /// Writes a new file that only its owner reads; refuses to overwrite.
    pub fn write_private(&self, path: &Path, bytes: &[u8]) -> Result<(), Failure> {
        durable::create_private(path, bytes).map_err(|error| {
            let next = match error.kind() {
                io::ErrorKind::AlreadyExists => "choose another name, or move the old file away first",
                _ => "check that the folder is there and that you may write in it",
            };
            Failure::new(format!("this file could not be written: {error}"), next).at(path.display())
        })
    }

    /// Asks a question on the terminal.
    pub fn ask(&mut self, question: &str) -> Result<String, Failure> {
        if !io::stdin().is_terminal() {
            return Err(Failure::new(
                format!("{question} was not given"),
                "give it as an option, or run in a terminal to be asked",
            ));
        }
        write!(self.err, "{question}: ")?;
        self.err.flush()?;
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line)?;
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// Asks for a new passphrase, twice; none with `--no-passphrase`, which warns.
    pub fn new_passphrase(&mut self, none: bool) -> Result<Option<Zeroizing<String>>, Failure> {
        if none {
            writeln!(self.err, "warning: without a passphrase, whoever has this file can sign as you")?;
            return Ok(None);
        }
        if let Some(passphrase) = self.passphrase_file()? {
            return Ok(Some(passphrase));
        }
        let wrong = || Failure::new("no passphrase was given", "run in a terminal to be asked, or add --no-passphrase");
        let first = ask_secret("New passphrase: ").filter(|passphrase| !passphrase.is_empty()).ok_or_else(wrong)?;
        let second = ask_secret("The same again: ").ok_or_else(wrong)?;
        if first == second { Ok(Some(first)) } else { Err(Failure::new("the two passphrases differ", "try again")) }
    }

    /// Reads a recovery sheet: its words from a file, or asked for without showing them.
    pub fn recovery_sheet(&mut self, from: Option<&Path>) -> Result<RecoverySheet, Failure> {
        let words = match from {
            Some(path) => {
                let bytes = Zeroizing::new(self.read(path)?);
                Zeroizing::new(std::str::from_utf8(&bytes).unwrap_or_default().to_owned())
            }
            None => ask_secret("The 24 words of the recovery sheet, in one line: ").ok_or_else(|| {
                Failure::new("the words were not given", "run in a terminal to be asked, or add --words-from FILE")
            })?,
        };
        RecoverySheet::from_words(&words).map_err(|error| {
            Failure::new(
                format!("this is not a recovery sheet: {error}"),
                "compare with the paper, word by word, and try again",
            )
        })
    }

    fn passphrase_file(&self) -> Result<Option<Zeroizing<String>>, Failure> {
        let Some(path) = &self.global.passphrase_file else { return Ok(None) };
        let bytes = Zeroizing::new(self.read(path)?);
        let text = std::str::from_utf8(&bytes).unwrap_or_default();
        Ok(Some(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned())))
    }

    /// Prints a JSON document with its schema in front.
    pub fn json(&mut self, command: &str, mut content: Json) -> Result<(), Failure> {
        let schema = format!("indelible/{command}/1");
        let document = match content.as_object_mut() {
            Some(fields) => {
                fields.shift_insert(0, "schema".to_owned(), json!(schema));
                content
            }
            None => json!({ "schema": schema, "content": content }),
        };
        writeln!(self.out, "{document}")?;
        Ok(())
    }
}

fn ask_secret(prompt: &str) -> Option<Zeroizing<String>> {
    // The answer comes from the terminal itself: standard input may be a file of drafts.
    if !io::stdin().is_terminal() && !io::stderr().is_terminal() {
        return None;
    }
    rpassword::prompt_password(prompt).ok().map(Zeroizing::new)
}

fn identity_failure(path: &Path, error: &IdentityError) -> Failure {
    let next = match error {
        IdentityError::PassphraseNeeded => "run in a terminal to be asked, or set INDELIBLE_PASSPHRASE_FILE",
        IdentityError::WrongPassphrase => "try again; nobody can read the file without it",
        IdentityError::OtherKind => {
            "a person's identity and a witness's cosigner key are different files: name the other one"
        }
        _ => "name the identity file that `person new`, `init` or `witness new` made",
    };
    Failure::new(format!("this identity could not be opened: {error}"), next).at(path.display())
}
