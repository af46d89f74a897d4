//! Asking on a terminal for what a draft lacks, in the questions of its form.

use std::io::{self, IsTerminal};

use indelible::cabinet::drafts::DraftId;
use indelible::decision::draft::Draft;
use indelible::decision::gap::{Gap, GapLevel};
use indelible::ledger::desk::Desk;
use indelible::rules::kind::{CaseRule, Field, FieldType, Kind};
use indelible::rules::pack::Pack;
use indelible::rules::policy::Policy;
use indelible::rules::words::{Words, looked_at};
use indelible::store::durable;
use serde_json::{Map, Value as Json};
use zeroize::Zeroizing;

use crate::cli::door::Door;
use crate::cli::failure::Failure;
use crate::cli::record::{draft, set, typed_value};
use crate::cli::say::plain;
use crate::cli::terminal::{End, read_line};

/// Whether somebody is there to be asked.
pub fn possible() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for everything that is missing, then whether to enter it. `false` if it is to be kept as a draft.
///
/// After every answer all of them are kept, in the one draft `kept`, which is made at the first.
pub fn complete(
    door: &mut Door<'_>,
    desk: &Desk,
    object: &mut Map<String, Json>,
    kept: &mut Option<DraftId>,
) -> Result<bool, Failure> {
    let before = object.clone();
    let words = words(door, desk);
    let mut asking = Asking { door, desk, object, kept, words, asked: Vec::new(), warned: false };
    let mut here = true;
    if !asking.object.contains_key("kind") {
        here = asking.head("kind", "What kind of entry is it? (`indelible kinds` lists them)")?;
    }
    let kind = asking.object.get("kind").and_then(Json::as_str).and_then(|kind| desk.pack().kind(kind.trim())).cloned();
    if let Some(kind) = &kind {
        here = here && asking.opening(kind)?;
    }
    while here {
        let Some(gap) = asking.next_gap()? else { break };
        asking.asked.push(gap.field.clone());
        if gap.level == GapLevel::Error {
            writeln!(asking.door.err, "{}: {}\n  {}", plain(&gap.field), plain(&gap.what), plain(&gap.next))?;
        }
        here = asking.one(kind.as_ref(), &gap)?;
    }
    if door.interrupted {
        return Ok(false);
    }
    // What still lacks something needed is kept as a draft by itself, with all that it lacks.
    let ready = Draft::from_json(&Json::Object(object.clone()));
    let ready = ready.is_ok_and(|draft| draft.check(desk.pack(), desk, (door.now)()).is_ok());
    if *object == before || !ready {
        return Ok(true);
    }
    yes(door, "Enter it now? It cannot be changed afterwards.")
}

/// Asks a question that is answered with yes by pressing Enter.
pub fn yes(door: &mut Door<'_>, question: &str) -> Result<bool, Failure> {
    let answer = line(door, &format!("{question} [Y/n] "))?;
    Ok(answer.is_some_and(|answer| !answer.trim().to_lowercase().starts_with('n')))
}

/// A draft while it is asked for.
struct Asking<'a, 'd> {
    door: &'a mut Door<'d>,
    desk: &'a Desk,
    object: &'a mut Map<String, Json>,
    kept: &'a mut Option<DraftId>,
    words: Words,
    /// The paths that were asked for.
    asked: Vec<String>,
    /// Whether it was said that nothing can be kept.
    warned: bool,
}

/// What became of a question.
#[derive(PartialEq, Eq)]
enum Answered {
    /// There is an answer, and it is kept.
    Filled,
    /// The answer is that there is none of it.
    NoneOfIt,
    /// It was left open.
    Open,
    /// Nobody answers any more.
    Gone,
}

const HEAD: [&str; 8] = ["kind", "case", "folder", "learned_at", "occurred_at", "decided_at", "happened", "id"];

impl Asking<'_, '_> {
    /// Child and time, which every form begins with. `false` if nobody answers any more.
    fn opening(&mut self, kind: &Kind) -> Result<bool, Failure> {
        let pack = self.desk.pack();
        writeln!(self.door.err, "{}", kind.label)?;
        writeln!(self.door.err, "Enter alone leaves a question open. Times are typed as 2026-10-06 10:42.\n")?;
        let mut here = true;
        if kind.case != CaseRule::None && !self.object.contains_key("case") {
            let left = if kind.case == CaseRule::Optional { " (handle; Enter if none)" } else { " (handle)" };
            here = self.head("case", &format!("{}{left}", pack.label(kind, "case")))?;
        }
        let times: &[(&str, &str)] = match (kind.act, kind.decision_counts) {
            (false, _) => &[("learned_at", "")],
            (true, true) => &[("decided_at", "")],
            (true, false) => &[("occurred_at", " (Enter if it has not happened yet)"), ("decided_at", "")],
        };
        for (name, left) in times {
            if here && !self.object.contains_key(*name) {
                here = self.head(name, &format!("{}{left}", pack.label(kind, name)))?;
            }
        }
        Ok(here)
    }

    fn head(&mut self, name: &str, question: &str) -> Result<bool, Failure> {
        let Some(answer) = line(self.door, &format!("{question}\n> "))? else { return Ok(false) };
        if !answer.trim().is_empty() {
            self.object.insert(name.to_owned(), answer.trim().into());
            self.keep()?;
        }
        Ok(true)
    }

    /// The first gap that was not asked for yet; what was not understood is asked for a second time.
    fn next_gap(&self) -> Result<Option<Gap>, Failure> {
        let Ok(draft) = Draft::from_json(&Json::Object(self.object.clone())) else { return Ok(None) };
        let gaps = match draft.check(self.desk.pack(), self.desk, (self.door.now)()) {
            Ok(decision) => decision.gaps().to_vec(),
            Err(gaps) => gaps,
        };
        let limit = |gap: &Gap| if gap.level == GapLevel::Error { 3 } else { 1 };
        Ok(gaps.into_iter().find(|gap| self.asked.iter().filter(|path| **path == gap.field).count() < limit(gap)))
    }

    /// Asks for what one gap lacks. `false` if nobody answers any more.
    fn one(&mut self, kind: Option<&Kind>, gap: &Gap) -> Result<bool, Failure> {
        if gap.field == "refs" {
            return self.reference(gap);
        }
        let pack = self.desk.pack();
        let level = if gap.level == GapLevel::BeforeAct { "" } else { " (needed)" };
        let parts = gap.field.split(['.', '[', ']']);
        let mut parts = parts.filter(|part| !part.is_empty() && part.parse::<usize>().is_err());
        let top = parts.next().unwrap_or_default();
        let Some(field) = pack.field(top).filter(|_| !HEAD.contains(&top)) else {
            let label = kind.map(|kind| pack.label(kind, top)).filter(|label| !label.is_empty()).unwrap_or(top);
            return self.head(top, &format!("{label}{level}"));
        };
        let label = kind.map_or("", |kind| pack.label(kind, top));
        if let Some(sub) = parts.next().and_then(|name| field.subfield(name)) {
            let question = format!("{label} {}{level}", sub.label);
            return match answer(self.door, pack, sub, &question)? {
                Some(Some(value)) => self.put(&gap.field, value).map(|()| true),
                Some(None) => Ok(true),
                None => Ok(false),
            };
        }
        let many = kind.and_then(|kind| pack.field_of(kind, top)).is_some_and(|(used, _)| used.many);
        self.whole(field, &format!("{label}{level}"), many)
    }

    fn reference(&mut self, gap: &Gap) -> Result<bool, Failure> {
        let relation =
            gap.what.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map_or("overrides", |(name, _)| name);
        let question = format!("{}\n  {} ({relation})\n> ", plain(&gap.what), plain(&gap.next));
        let Some(typed) = line(self.door, &question)? else { return Ok(false) };
        if let Ok(entry) = typed.trim().parse::<u64>() {
            let refs = self.object.entry("refs").or_insert_with(|| Json::Array(Vec::new()));
            if let Json::Array(refs) = refs {
                refs.push(serde_json::json!({"relation": relation, "entry": entry}));
            }
            self.keep()?;
        }
        Ok(true)
    }

    /// Asks for a whole field, and for more of it where several may stand. `false` if nobody answers any more.
    fn whole(&mut self, field: &Field, question: &str, many: bool) -> Result<bool, Failure> {
        let top = &field.name;
        let more = format!("{question} Another one? (Enter if not)");
        let mut at = 0;
        let here = loop {
            let path = if many { format!("{top}.{at}") } else { top.clone() };
            let question = if at == 0 { question } else { &more };
            let answered = match field.answer {
                FieldType::Group => self.group(field, question, &path, at == 0)?,
                _ => match answer(self.door, self.desk.pack(), field, question)? {
                    None => Answered::Gone,
                    Some(None) => Answered::Open,
                    Some(Some(Json::Array(none))) if none.is_empty() => Answered::NoneOfIt,
                    Some(Some(value)) => {
                        self.begin(top, at == 0);
                        self.put(&path, value)?;
                        self.weigh(field, &path, None)?;
                        Answered::Filled
                    }
                },
            };
            match answered {
                Answered::NoneOfIt if at == 0 => {
                    self.put(top, Json::Array(Vec::new()))?;
                    break true;
                }
                Answered::Filled if many => at += 1,
                Answered::Gone => break false,
                _ => break true,
            }
        };
        // Parts that were left open just now are not asked for again.
        if self.object.contains_key(top) {
            for sub in &field.subfields {
                self.asked.push(format!("{top}.{}", sub.name));
                self.asked.extend((0..at.max(1)).map(|at| format!("{top}[{at}].{}", sub.name)));
            }
        }
        Ok(here)
    }

    /// The parts of a group; the first, left open, leaves the whole open.
    fn group(&mut self, field: &Field, question: &str, path: &str, first: bool) -> Result<Answered, Failure> {
        let none = if field.none { " (none if there is none)" } else { "" };
        writeln!(self.door.err, "{question}{none}")?;
        let mut answered = Answered::Open;
        for (at, sub) in field.subfields.iter().enumerate() {
            match answer(self.door, self.desk.pack(), sub, &format!("  {}", sub.label))? {
                None => return Ok(Answered::Gone),
                Some(None) if at == 0 && sub.need => return Ok(Answered::Open),
                Some(None) => {}
                Some(Some(value)) => {
                    if at == 0 && field.none && value.as_str().is_some_and(|text| text.trim() == "none") {
                        return Ok(Answered::NoneOfIt);
                    }
                    self.begin(&field.name, first && answered == Answered::Open);
                    self.put(&format!("{path}.{}", sub.name), value)?;
                    answered = Answered::Filled;
                }
            }
        }
        // Only now: what kind of statement it is may be asked behind its words.
        for sub in &field.subfields {
            self.weigh(sub, &format!("{path}.{}", sub.name), Some((field, path)))?;
        }
        Ok(answered)
    }

    /// Asks of a text that judges whether it is meant so. What is quoted or reported is left as it was said.
    fn weigh(&mut self, field: &Field, path: &str, of: Option<(&Field, &str)>) -> Result<(), Failure> {
        let whole = Json::Object(self.object.clone());
        let at = |path: &str| whole.pointer(&format!("/{}", path.replace('.', "/")));
        let reported = of.is_some_and(|(_, group)| {
            let said = |part: &str| at(&format!("{group}.{part}")).and_then(Json::as_str) == Some("reported_words");
            said("statement_type") || said("type")
        });
        let top = of.map_or(field.name.as_str(), |(top, _)| &top.name);
        let part = of.map(|_| field.name.as_str());
        let Some(text) = at(path).and_then(Json::as_str) else { return Ok(()) };
        if field.answer != FieldType::Text || reported || !looked_at(top, part) {
            return Ok(());
        }
        let kept = weigh(self.door, &self.words, Zeroizing::new(text.to_owned()))?;
        if *kept != *text { self.put(path, kept.as_str().into()) } else { Ok(()) }
    }

    /// A field that is answered as a whole does not keep what stood there before.
    fn begin(&mut self, name: &str, first: bool) {
        if first {
            self.object.remove(name);
        }
    }

    fn put(&mut self, path: &str, value: Json) -> Result<(), Failure> {
        set(self.object, path, value)?;
        self.keep()
    }

    /// Keeps all that was answered. Where that fails it is said once, and the asking goes on.
    fn keep(&mut self) -> Result<(), Failure> {
        let draft = draft(self.object.clone())?;
        match self.desk.keep_as(*self.kept, &draft, (self.door.now)(), &mut durable::entropy()) {
            Ok(id) => *self.kept = Some(id),
            Err(error) if !self.warned => {
                self.warned = true;
                writeln!(self.door.err, "warning: what you type cannot be kept meanwhile: {error}")?;
            }
            Err(_) => {}
        }
        Ok(())
    }
}

/// One answer: none if nobody answers any more, `Some(None)` if it is left open. A code is asked for until it is one.
pub fn answer(
    door: &mut Door<'_>,
    pack: &Pack,
    field: &Field,
    question: &str,
) -> Result<Option<Option<Json>>, Failure> {
    let list = pack.codes(field);
    writeln!(door.err, "{question}")?;
    for code in list.iter().flat_map(|list| &list.codes) {
        writeln!(door.err, "    {:<14} {}", code.code, code.text)?;
    }
    loop {
        let Some(typed) = line(door, "> ")? else { return Ok(None) };
        let typed = typed.trim();
        if typed.is_empty() {
            return Ok(Some(None));
        }
        let none = field.none && typed == "none";
        // "none" for a list whose first part is a code: its group takes it.
        if none || typed == "none" || list.is_none_or(|list| list.find(typed).is_some()) {
            return Ok(Some(Some(typed_value(Some(field), typed))));
        }
        writeln!(door.err, "  This is none of the codes above; Enter leaves it open.")?;
    }
}

/// The list of judgemental words: the setting's own beside its configuration, else the one that ships; and what its policy adds.
pub fn words(door: &Door<'_>, desk: &Desk) -> Words {
    let own = durable::read(&door.config.join("indelible").join("words.toml"), 1 << 20).ok();
    let own = own.and_then(|bytes| Words::parse(std::str::from_utf8(&bytes).ok()?));
    let policy = desk.rules().policy_at((door.now)());
    own.unwrap_or_else(Words::built_in).with(policy.map_or(&[], Policy::judgemental_words))
}

/// Asks of a text that judges whether it is meant so, and returns the text that the author wants. Nothing of this is kept.
pub fn weigh(door: &mut Door<'_>, words: &Words, mut text: Zeroizing<String>) -> Result<Zeroizing<String>, Failure> {
    loop {
        let hits = words.judgemental(&text);
        if hits.is_empty() {
            return Ok(text);
        }
        for hit in &hits {
            writeln!(door.err, "  \"{}\" judges. You could write {}.", plain(&hit.word), plain(&hit.instead))?;
        }
        match line(door, "  Enter keeps your words; or type them again: > ")? {
            Some(again) if !again.trim().is_empty() => text = Zeroizing::new(again.trim().to_owned()),
            _ => return Ok(text),
        }
    }
}

/// One line; none if nobody answers any more. What was half typed at Ctrl-C is an answer, the last.
pub fn line(door: &mut Door<'_>, prompt: &str) -> Result<Option<Zeroizing<String>>, Failure> {
    while !door.interrupted {
        write!(door.err, "{prompt}")?;
        door.err.flush()?;
        let (line, end) = read_line(&mut io::stdin().lock(), door.interrupt)?;
        if end != End::Line {
            writeln!(door.err)?;
        }
        door.interrupted = end == End::Interrupt;
        if end == End::Input || (door.interrupted && line.iter().all(u8::is_ascii_whitespace)) {
            return Ok(None);
        }
        match std::str::from_utf8(&line) {
            Ok(line) => return Ok(Some(Zeroizing::new(line.to_owned()))),
            Err(_) => writeln!(door.err, "  This is not UTF-8 text; please type it again.")?,
        }
    }
    Ok(None)
}
