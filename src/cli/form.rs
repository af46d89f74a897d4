//! `record --route`: one form in plain words, several entries.

use std::path::Path;

use indelible::cabinet::drafts::DraftId;
use indelible::decision::draft::Draft;
use indelible::decision::form::{self, Form};
use indelible::decision::gap::{Gap, GapLevel};
use indelible::decision::value::Moment;
use indelible::decision::view::{Found, View};
use indelible::ledger::desk::Desk;
use indelible::ledger::form::{FormOutcome, Held};
use indelible::ledger::record::Outcome;
use indelible::rules::clock;
use indelible::rules::kind::FieldType;
use indelible::rules::pack::Pack;
use indelible::rules::route::{ME, NOW, Question, Route, TODAY};
use indelible::rules::words::{Words, looked_at};
use indelible::store::durable;
use serde_json::{Map, Value as Json, json};
use zeroize::Zeroizing;

use crate::cli::args::RecordArgs;
use crate::cli::door::Door;
use crate::cli::failure::Failure;
use crate::cli::prompt;
use crate::cli::record::{draft, keep, outcome_json, outcome_lines, set};
use crate::cli::say::plain;
use crate::cli::terminal::Watch;

/// How often a question is asked whose answer cannot be left as it is.
const TIMES: usize = 3;

/// Begins a form, out of a file or of answers.
pub fn run(door: &mut Door<'_>, args: &RecordArgs) -> Result<u8, Failure> {
    let name = args.route.clone().unwrap_or_default();
    let mut object = match &args.from {
        Some(path) => sheet(door, path)?,
        None => Map::new(),
    };
    let other = object.get("route").and_then(Json::as_str).is_some_and(|route| route != name);
    if other {
        return Err(Failure::new("this sheet is of another route", "give that route, or leave it out of the sheet"));
    }
    object.insert("route".to_owned(), name.into());
    let desk = door.desk()?;
    go_on(door, desk, args, None, draft(object)?)
}

fn sheet(door: &Door<'_>, path: &Path) -> Result<Map<String, Json>, Failure> {
    let bytes = Zeroizing::new(door.read(path)?);
    let wrong = || {
        let next = "give {\"answers\": {\"QUESTION\": \"...\"}}; see `indelible kinds --routes --json`";
        Failure::new("this is no answer sheet", next).at(path.display())
    };
    let text = std::str::from_utf8(&bytes).map_err(|_| wrong())?;
    let line = Draft::from_json_text(text.trim_start_matches('\u{feff}')).into_iter().next().ok_or_else(wrong)?;
    let sheet = line.draft.map_err(|_| wrong())?;
    sheet.to_json().as_object().cloned().ok_or_else(wrong)
}

/// Asks for what a sheet lacks, where somebody is there to be asked, and enters it.
pub fn go_on(
    door: &mut Door<'_>,
    mut desk: Desk,
    args: &RecordArgs,
    mut kept: Option<DraftId>,
    sheet: Draft,
) -> Result<u8, Failure> {
    let name = form::route_of(&sheet).unwrap_or_default().trim().to_owned();
    let pack = desk.pack().clone();
    let route = pack.route(&name).ok_or_else(|| {
        let names: Vec<&str> = pack.routes().iter().map(|route| route.name.as_str()).collect();
        Failure::new("there is no such route", format!("give one of: {}", names.join(", ")))
    })?;
    let mut object = sheet.to_json().as_object().cloned().unwrap_or_default();
    fill(&mut object, args, route)?;
    let asking = !door.global.json && args.from.is_none() && prompt::possible();
    let watch = if asking { Watch::begin() } else { None };
    door.interrupt = watch.as_ref().map(Watch::interrupt);
    if asking {
        let words = prompt::words(door, &desk);
        let mut asked = Asking { door, desk: &desk, pack: &pack, route, object: &mut object, kept: &mut kept, words };
        if !asked.complete()? {
            return keep(door, &desk, &draft(object)?, kept);
        }
    }
    let sheet = draft(object)?;
    loop {
        match desk.record_form(kept, &sheet, door.now, &mut durable::entropy()) {
            Ok(outcome) => return tell(door, &pack, outcome),
            Err(error) if asking => {
                Failure::from(error).write(false, door.err)?;
                if !prompt::yes(door, "What you typed is still here. Try again?")? {
                    return keep(door, &desk, &sheet, kept);
                }
                desk = door.desk()?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Puts the options into the sheet: `--case`, and `--field` with a question or STATEMENT.FIELD.
fn fill(object: &mut Map<String, Json>, args: &RecordArgs, route: &Route) -> Result<(), Failure> {
    if let Some(case) = &args.case {
        let question = route.questions.iter().find(|one| one.to.iter().any(|target| target.path == "case"));
        if let Some(question) = question {
            set(object, &format!("answers.{}", question.name), case.as_str().into())?;
        }
    }
    for typed in &args.fields {
        let (name, value) = typed.split_once('=').ok_or_else(|| {
            Failure::new("an answer cannot be read", "give it as QUESTION=ANSWER, such as --field what=\"...\"")
        })?;
        let to = if name.contains('.') { "fields" } else { "answers" };
        let json = match value.trim_start().starts_with(['{', '[']) {
            true => serde_json::from_str(value).unwrap_or_else(|_| value.into()),
            false => value.into(),
        };
        set(object, &format!("{to}.{name}"), json)?;
    }
    Ok(())
}

/// A sheet while it is asked for.
struct Asking<'a, 'd> {
    door: &'a mut Door<'d>,
    desk: &'a Desk,
    pack: &'a Pack,
    route: &'a Route,
    object: &'a mut Map<String, Json>,
    kept: &'a mut Option<DraftId>,
    words: Words,
}

impl Asking<'_, '_> {
    /// Asks every question that is open, then whether to enter it. `false` if it is to be kept as a draft.
    fn complete(&mut self) -> Result<bool, Failure> {
        writeln!(self.door.err, "{}", plain(&self.route.label))?;
        writeln!(self.door.err, "Enter alone takes what stands in brackets, or leaves a question open.\n")?;
        let route = self.route;
        for question in &route.questions {
            let open = self.answer(&question.name).is_none();
            if open && self.is_asked(question) && !self.ask(question)? {
                return Ok(false);
            }
        }
        let mut asked: Vec<String> = Vec::new();
        let ready = loop {
            let checked = self.form()?;
            let (gaps, form) = match checked {
                Err(gaps) => (gaps, None),
                Ok(form) => {
                    let checked = form.check(self.pack, self.desk, (self.door.now)());
                    let refused = checked.iter().any(Result::is_err);
                    (if refused { form.gaps(self.pack, &checked) } else { Vec::new() }, Some(form))
                }
            };
            let open = |gap: &&Gap| gap.level != GapLevel::BeforeAct && route.question(&gap.field).is_some();
            let times = |gap: &&Gap| asked.iter().filter(|name| **name == gap.field).count() < TIMES;
            let Some(gap) = gaps.iter().find(|gap| open(gap) && times(gap)) else {
                break form.filter(|_| gaps.is_empty());
            };
            let Some(question) = route.question(&gap.field) else { break None };
            asked.push(gap.field.clone());
            writeln!(self.door.err, "{}\n  {}", plain(&gap.what), plain(&gap.next))?;
            if !self.ask(question)? {
                return Ok(false);
            }
        };
        if self.door.interrupted {
            return Ok(false);
        }
        match ready {
            Some(form) => self.show(&form)?,
            // It is kept as a draft by itself, with all that it lacks.
            None => return Ok(true),
        }
        prompt::yes(self.door, "Enter it now? It cannot be changed afterwards.")
    }

    fn form(&self) -> Result<Result<Form, Vec<Gap>>, Failure> {
        let sheet = draft(self.object.clone())?;
        Ok(form::form(&sheet, self.pack, self.desk.author(), (self.door.now)()))
    }

    fn answer(&self, name: &str) -> Option<&Json> {
        let answer = self.object.get("answers")?.get(name)?;
        Some(answer).filter(|answer| !answer.as_str().is_some_and(|text| text.trim().is_empty()) && !answer.is_null())
    }

    fn is_asked(&self, question: &Question) -> bool {
        self.route.holds(&question.when, |place| {
            let name = &self.route.questions.get(place)?.name;
            self.answer(name).map(|answer| answer.as_str().unwrap_or(""))
        })
    }

    /// Asks one question, until the answer can be understood. `false` if nobody answers any more.
    fn ask(&mut self, question: &Question) -> Result<bool, Failure> {
        let answers = self.route.answers(self.pack, question);
        let meant = |default: &str| match default {
            NOW => "now".to_owned(),
            TODAY => "today".to_owned(),
            ME => "you".to_owned(),
            code => answers.iter().find(|(is, _)| *is == code).map_or(code, |(_, text)| text).to_owned(),
        };
        let default = question.default.as_deref().map(|default| format!(" [{}]", meant(default))).unwrap_or_default();
        writeln!(self.door.err, "{}{default}", plain(&question.ask))?;
        for (at, (_, text)) in answers.iter().enumerate() {
            writeln!(self.door.err, "    {:>2}  {}", at + 1, plain(text))?;
        }
        loop {
            let Some(typed) = prompt::line(self.door, "> ")? else { return Ok(false) };
            let typed = Zeroizing::new(typed.trim().to_owned());
            let understood = match (typed.is_empty(), &question.default) {
                (true, Some(default)) => Ok(Some(self.default(default))),
                (true, None) => Ok(None),
                (false, _) => self.understood(question, &answers, &typed),
            };
            match understood {
                Ok(None) => return Ok(true),
                Ok(Some(value)) => {
                    let value = self.weighed(question, &answers, value)?;
                    set(self.object, &format!("answers.{}", question.name), value)?;
                    self.keep()?;
                    return Ok(true);
                }
                Err(why) => writeln!(self.door.err, "  {why}")?,
            }
        }
    }

    /// What a default stands for just now, so that the same is entered whenever it is sent.
    fn default(&self, default: &str) -> Json {
        let now = (self.door.now)();
        let time = |at: i64| Json::from(clock::rfc3339(at, clock::london_offset(at)));
        match default {
            NOW => time(now),
            TODAY => time(clock::end_of_day(clock::london_day(now))),
            ME => self.desk.author().to_string().into(),
            other => other.into(),
        }
    }

    /// The answer that was typed, or why it is none.
    fn understood(
        &self,
        question: &Question,
        answers: &[(&str, &str)],
        typed: &str,
    ) -> Result<Option<Json>, &'static str> {
        if !answers.is_empty() {
            let number = typed.parse::<usize>().ok().and_then(|number| answers.get(number.checked_sub(1)?));
            let code = || answers.iter().find(|(is, _)| *is == typed);
            let chosen = number.or_else(code).ok_or("Give the number in front of the answer.")?;
            return Ok(Some(chosen.0.into()));
        }
        let path = question.to.first().map_or("", |target| &target.path);
        let field = self.route.field(self.pack, question);
        let time = path.ends_with("_at") || field.is_some_and(|field| field.answer == FieldType::Time);
        if path.starts_with("refs.") {
            let number = typed.parse::<u64>().map_err(|_| "Give the number of the entry; Enter leaves it open.")?;
            return Ok(Some(number.into()));
        }
        if path == "case" && self.desk.case(typed) != Found::Nothing {
            return Ok(Some(typed.into()));
        }
        if path == "case" {
            return Err("There is no child of that handle here; Enter leaves it open.");
        }
        if time {
            return self.time(typed).map(Some).ok_or("Give a time such as 10:42 or 2026-10-06 10:42.");
        }
        Ok(Some(typed.into()))
    }

    /// A time as it was typed; an hour alone is today's.
    fn time(&self, typed: &str) -> Option<Json> {
        let now = (self.door.now)();
        if typed == "now" {
            return Some(self.default(NOW));
        }
        let today = clock::iso_day(now, clock::london_offset(now));
        let hour = if typed.len() == 4 { format!("{today} 0{typed}") } else { format!("{today} {typed}") };
        let whole = if Moment::parse(typed).is_ok() { typed.to_owned() } else { hour };
        Moment::parse(&whole).is_ok().then(|| whole.into())
    }

    /// Asks of words that judge whether they are meant so.
    fn weighed(&mut self, question: &Question, answers: &[(&str, &str)], value: Json) -> Result<Json, Failure> {
        let mut path = question.to.first().map_or("", |target| target.path.as_str()).split('.');
        let top = path.next().unwrap_or_default();
        let part = path.rfind(|part| part.parse::<usize>().is_err());
        let wordy = self.route.field(self.pack, question).is_some_and(|field| field.answer == FieldType::Text);
        match value.as_str() {
            Some(text) if wordy && answers.is_empty() && looked_at(top, part) => {
                let kept = prompt::weigh(self.door, &self.words, Zeroizing::new(text.to_owned()))?;
                Ok(kept.as_str().into())
            }
            _ => Ok(value),
        }
    }

    /// Says what will be entered, and the words that nobody typed.
    fn show(&mut self, form: &Form) -> Result<(), Failure> {
        writeln!(self.door.err, "\nThis becomes:")?;
        let typed: Vec<&str> =
            self.object.values().filter_map(Json::as_object).flatten().filter_map(|(_, v)| v.as_str()).collect();
        for part in form.parts() {
            let kind = self.pack.kind_numbered(part.kind());
            writeln!(self.door.err, "  {}", plain(kind.map_or("", |kind| &kind.label)))?;
            for (name, words) in said(self.pack, &part.draft().to_json()) {
                if !typed.contains(&words.as_str()) {
                    writeln!(self.door.err, "      {name}: {}", plain(&words))?;
                }
            }
        }
        Ok(())
    }

    fn keep(&mut self) -> Result<(), Failure> {
        let sheet = draft(self.object.clone())?;
        match self.desk.keep_as(*self.kept, &sheet, (self.door.now)(), &mut durable::entropy()) {
            Ok(id) => *self.kept = Some(id),
            Err(error) if self.kept.is_none() => {
                writeln!(self.door.err, "warning: what you type cannot be kept meanwhile: {error}")?;
            }
            Err(_) => {}
        }
        Ok(())
    }
}

/// The texts of a draft, each with the name of its field.
fn said(pack: &Pack, draft: &Json) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    for (name, value) in draft.as_object().into_iter().flatten() {
        let Some(field) = pack.field(name) else { continue };
        if let (FieldType::Text, Some(text)) = (field.answer, value.as_str()) {
            texts.push((name.clone(), text.to_owned()));
        }
        let groups = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for (part, value) in groups.iter().filter_map(Json::as_object).flatten() {
            let wordy = field.subfield(part).is_some_and(|part| part.answer == FieldType::Text);
            texts.extend(value.as_str().filter(|_| wordy).map(|text| (format!("{name}.{part}"), text.to_owned())));
        }
    }
    texts
}

fn tell(door: &mut Door<'_>, pack: &Pack, outcome: FormOutcome) -> Result<u8, Failure> {
    let (outcomes, held) = match outcome {
        FormOutcome::Entered { entries, held, again } => {
            let one = |entry: indelible::ledger::form::FormEntry| {
                let entered = Box::new(entry.entered);
                (Some(entry.kind), Outcome::Entered { entered, gaps: entry.gaps, flags: entry.flags, again })
            };
            (entries.into_iter().map(one).collect::<Vec<_>>(), held)
        }
        FormOutcome::Gaps { draft, gaps } => (vec![(None, Outcome::Gaps { draft, gaps })], Vec::new()),
        FormOutcome::Stopped { draft, stops } => {
            let one = |(kind, stop)| (Some(kind), Outcome::Stopped { draft, stop });
            (stops.into_iter().map(one).collect(), Vec::new())
        }
        FormOutcome::Waiting { why } => (vec![(None, Outcome::Waiting { why })], Vec::new()),
        FormOutcome::IdUsed { draft, entry } => (vec![(None, Outcome::IdUsed { draft, entry })], Vec::new()),
    };
    let done = held.is_empty() && outcomes.iter().all(|(_, outcome)| matches!(outcome, Outcome::Entered { .. }));
    for (at, (kind, outcome)) in outcomes.iter().enumerate() {
        let known = kind.and_then(|kind| pack.kind_numbered(kind));
        if door.global.json {
            let mut json = outcome_json(at + 1, outcome);
            if let (Some(fields), Some(kind)) = (json.as_object_mut(), known) {
                fields.insert("kind".to_owned(), kind.name.as_str().into());
            }
            writeln!(door.out, "{json}")?;
            continue;
        }
        if let Some(kind) = known {
            write!(door.out, "{}: ", plain(&kind.label))?;
        }
        outcome_lines(door, pack, outcome)?;
    }
    for (at, Held { kind, draft, stop }) in held.iter().enumerate() {
        let label = pack.kind_numbered(*kind).map_or("", |kind| &kind.label);
        if door.global.json {
            let rules: Vec<&str> = stop.iter().map(|stop| stop.rule).collect();
            let line = outcomes.len() + at + 1;
            let kind = kind.name();
            let json = json!({"schema": "indelible/record/1", "line": line, "kind": kind, "draft": draft.to_string(), "gaps": [], "blocked": rules});
            writeln!(door.out, "{json}")?;
            continue;
        }
        match stop {
            Some(stop) => {
                writeln!(door.out, "{}: stopped ({}): {}. Kept as draft {draft}.", plain(label), stop.rule, stop.says)?;
                writeln!(door.out, "  The way on: {}", stop.way_past)?;
            }
            None => writeln!(door.out, "{}: kept as draft {draft}, with what it speaks of.", plain(label))?,
        }
    }
    door.out.flush()?;
    Ok(u8::from(!done))
}
