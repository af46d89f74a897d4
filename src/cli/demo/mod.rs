//! `demo`: a whole story on a temporary ledger, then everything that a person with the whole computer might try.

mod autumn;
mod forge;
mod people;
mod stage;
mod story;
mod tamper;

use std::path::{Path, PathBuf};

use comfy_table::{ContentArrangement, Table, presets};
use indelible::decision::value::Moment;
use indelible::head::note::Note;
use indelible::head::receipt::Receipt;
use indelible::head::trust::Trust;
use indelible::ledger::witness::Witness;
use indelible::store::durable;
use indelible::verify::entry::Keys;
use indelible::verify::ledger::{Options, verify};
use indelible::verify::report::{History, Report};
use serde_json::{Value as Json, json};

use crate::cli::args::{DemoArgs, Story};
use crate::cli::door::Door;
use crate::cli::failure::Failure;
use crate::cli::verdict::{Verdict, wrap};

use stage::{Stage, broken, clock, disk};
use story::Step;

const FOUNDED: &str = "2026-09-01T09:00:00+01:00";
const FIRST_COSIGNED: &str = "2026-10-06T17:00:00+01:00";
const THEN_COSIGNED: &str = "2026-11-06T15:00:00+00:00";
const LAST_COSIGNED: &str = "2026-11-27T15:30:00+00:00";
const LOOKED: &str = "2026-11-27T17:00:00+00:00";

const END: &str = "
Everything that was tried was named. To begin a ledger of your own:

  indelible init book --setting \"Your Setting\" --origin your-setting.example/decisions \\
      --founder \"Your Name\" --role dsl --identity you.id
  indelible --ledger book --identity you.id case open
  indelible --ledger book --identity you.id record decision.share
  indelible --ledger book --identity you.id log
  indelible --ledger book --identity you.id verify

Another organisation can witness it: see `indelible witness --help`.
";

/// The demonstration: the stage, whoever watches from outside, and what was shown.
struct Demo<'a, 'b> {
    door: &'a mut Door<'b>,
    root: PathBuf,
    stage: Stage,
    witnesses: Vec<Witness>,
    trust_text: String,
    trust: Trust,
    tried: Vec<Json>,
}

/// What an inspector holds when looking at a log.
#[derive(Default)]
struct Held<'a> {
    keys: Keys,
    trust: Option<&'a Trust>,
    known: &'a [Note],
    receipts: &'a [Receipt],
}

pub fn run(door: &mut Door<'_>, args: DemoArgs) -> Result<u8, Failure> {
    let Some(dir) = args.keep else {
        let folder = tempfile::tempdir().map_err(disk)?;
        return play(door, args.story, folder.path(), false);
    };
    if durable::exists(&dir) && !durable::list(&dir).map_err(disk)?.is_empty() {
        let next = "name a folder that is empty or not there yet";
        return Err(Failure::new("there is something in this folder already", next).at(dir.display()));
    }
    play(door, args.story, &dir, true)
}

fn play(door: &mut Door<'_>, story: Story, root: &Path, kept: bool) -> Result<u8, Failure> {
    let stage = Stage::found(&root.join("willowbrook"), FOUNDED)?;
    let witnesses = stage::witnesses(root)?;
    let (trust_text, trust) = stage::trust(&stage, &witnesses)?;
    let mut demo = Demo { door, root: root.to_owned(), stage, witnesses, trust_text, trust, tried: Vec::new() };
    match story {
        Story::Sharing => {
            demo.tell()?;
            demo.log()?;
            demo.receipt()?;
            demo.owed()?;
            demo.inspect()?;
            demo.tamper()?;
        }
        Story::People => demo.term()?,
    }
    demo.say(END)?;
    if kept {
        durable::create_private(&root.join("trust.txt"), demo.trust_text.as_bytes()).map_err(disk)?;
        demo.say(&format!("Everything is kept in {}.\n", root.display()))?;
    }
    let entries = demo.stage.ledger()?.size();
    if demo.door.global.json {
        let tried = std::mem::take(&mut demo.tried);
        demo.door.json("demo", json!({"entries": entries, "tried": tried}))?;
    }
    Ok(0)
}

impl Demo<'_, '_> {
    fn say(&mut self, text: &str) -> Result<(), Failure> {
        if !self.door.global.json {
            write!(self.door.out, "{text}")?;
            self.door.out.flush()?;
        }
        Ok(())
    }

    /// Begins a part of what is shown.
    fn part(&mut self, text: &str) -> Result<(), Failure> {
        self.say(&format!("\n{}\n", wrap(text, "")))
    }

    fn tell(&mut self) -> Result<(), Failure> {
        self.say(
            "Willowbrook Pre-School, invented: Maria is safeguarding lead, Jon her deputy, Sam a practitioner.\n\
             Entries 0 to 5 begin the ledger: its rules, its three people, two children's cases.\n\n\
             Theo is hurt, and nobody can be asked.\n",
        )?;
        self.enter(6, story::hurt())?;
        self.cosign(0, FIRST_COSIGNED)?;
        self.say("\nEzra's mother says no. She is heard; four weeks later it is no longer safe.\n")?;
        self.enter(11, story::refused(false))?;
        self.cosign(11, THEN_COSIGNED)?;
        self.autumn()?;
        self.cosign(25, LAST_COSIGNED)
    }

    fn enter(&mut self, first: u64, steps: Vec<Step>) -> Result<(), Failure> {
        for (number, step) in (first..).zip(steps) {
            let played = self.stage.enter(step.who, step.at, &step.draft)?;
            if played.number != number {
                return Err(broken(format!("entry {} stands where {number} should", played.number)));
            }
            let flags: Vec<&str> = played.flags.iter().map(|flag| flag.code()).collect();
            let time = Moment::in_london(clock(step.at)?).for_people().unwrap_or_default();
            let line = format!("  {number:>2}  {time:<20}  {:<5}  {}  {}", step.who, step.what, flags.join(" "));
            self.say(&format!("{}\n", line.trim_end()))?;
        }
        Ok(())
    }

    /// Both witnesses cosign, each on a computer of their own.
    fn cosign(&mut self, old: u64, at: &str) -> Result<(), Failure> {
        let mut size = 0;
        for witness in &self.witnesses {
            size = self.stage.cosign(witness, old, at)?;
        }
        let time = Moment::in_london(clock(at)?).for_people().unwrap_or_default();
        self.say(&wrap(
            &format!(
                "      {time}  two other organisations, the committee's chair and the library, cosign \
                 all {size} entries. \
                 They see numbers and hashes, no words."
            ),
            "      ",
        ))
    }

    fn log(&mut self) -> Result<(), Failure> {
        let desk = self.stage.desk("maria")?;
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(100);
        table.set_header(["entry", "recorded", "by", "kind", "child"]);
        for number in 0..desk.ledger.size() {
            let (stored, statement) = desk.statement(number)?;
            let body = statement.as_ref().map(|statement| statement.body());
            let by = body.and_then(|body| desk.roll().person(body.person)).map(|line| line.handle().to_owned());
            let child = body.and_then(|body| desk.roll().case(body.case?)).map(|line| line.handle().to_owned());
            table.add_row([
                number.to_string(),
                Moment::in_london(stored.envelope().recorded).for_people().unwrap_or_default(),
                by.unwrap_or_default(),
                body.and_then(|body| body.kind.name()).unwrap_or_default().to_owned(),
                child.unwrap_or_default(),
            ]);
        }
        let table: String = table.lines().map(|line| format!("{}\n", line.trim_end())).collect();
        self.say(&format!("\nThe log, as Maria sees it (`indelible log`). Sam would see only what Sam wrote.\n{table}"))
    }

    fn receipt(&mut self) -> Result<(), Failure> {
        let receipt = self.stage.ledger()?.receipt(8)?.to_string();
        let cut = |line: &str| match line.chars().count() {
            0 => "\n".to_owned(),
            1..=96 => format!("  {line}\n"),
            _ => format!("  {}...\n", line.chars().take(93).collect::<String>()),
        };
        let lines: String = receipt.lines().map(cut).collect();
        self.part(
            "Sam's receipt for entry 8 (`indelible receipt 8`), with long lines cut here. Whoever holds it can prove \
             that the entry was made, without the ledger:",
        )?;
        self.say(&lines)
    }

    fn inspect(&mut self) -> Result<(), Failure> {
        let log = self.stage.log()?;
        let roll = self.stage.desk("maria")?;
        let trust = self.trust.clone();
        let keys = Held { keys: roll.keys(), trust: Some(&trust), ..Held::default() };
        let report = look(&log, keys)?;
        let text = Verdict { report: &report, roll: Some(roll.roll()) }.text();
        self.part(&format!(
            "An inspector verifies, with a trust file of her own (the log's key, both witnesses, both wanted) and the \
             structure opened to her. Exit code {}:",
            report.exit_code()
        ))?;
        self.say(&text)?;
        if report.history != History::Witnessed || report.exit_code() > 1 {
            return Err(broken("the untouched ledger is not witnessed"));
        }
        let report = look(&log, Held { trust: Some(&trust), ..Held::default() })?;
        let [history, record_keeping] = Verdict { report: &report, roll: None }.sentences();
        self.part(&format!(
            "The same without structure: what a stolen disk shows is enough for the history. Exit code {}:",
            report.exit_code()
        ))?;
        self.say(&(wrap(&history, "") + &wrap(&record_keeping, "")))?;
        if (report.history, report.exit_code()) != (History::Witnessed, 1) {
            return Err(broken("the untouched ledger is not witnessed in its skeleton"));
        }
        Ok(())
    }
}

/// Verifies the bytes of a log.
fn look(log: &[u8], held: Held<'_>) -> Result<Report, Failure> {
    let options = Options {
        keys: held.keys,
        trust: held.trust,
        trust_digest: indelible::codec::Digest::ZERO,
        known: held.known,
        receipts: held.receipts,
        since: None,
        now: clock(LOOKED)?,
        rules: true,
        progress: &|_| (),
    };
    Ok(verify(&|| Ok(std::io::Cursor::new(log)), &options).map_err(disk)?.0)
}
