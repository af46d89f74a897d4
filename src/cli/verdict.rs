//! What verifying found, in words: two sentences, findings by entry, and who would be needed to rewrite it.
// Long because: both verdicts, and both their texts and JSON, are put into words in one place.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use indelible::cabinet::roll::Roll;
use indelible::decision::value::Moment;
use indelible::review::item::{About, Item, State};
use indelible::rules::clock;
use indelible::rules::obligation::Severity;
use indelible::verify::closings::{Compared, Left};
use indelible::verify::report::{Finding, History, Layer, RecordKeeping, Report, Reviewed, Rewrite, WITNESSED_DAYS};
use indelible::verify::retired::{Ground, Retirement};
use indelible::verify::roster::Continues;
use serde_json::{Value as Json, json};

use crate::cli::say::{self, item_json, plain, stamp};

/// Findings that are printed; more are counted.
const PRINTED: usize = 50;

/// A report and what helps to put it into words.
pub struct Verdict<'a> {
    pub report: &'a Report,
    /// The roll, where the reader may open it: handles in the place of "staff n".
    pub roll: Option<&'a Roll>,
}

impl Verdict<'_> {
    /// The two sentences.
    pub fn sentences(&self) -> [String; 2] {
        [format!("History: {}", self.history()), format!("Record keeping: {}", self.record_keeping())]
    }

    fn history(&self) -> String {
        let report = self.report;
        match report.history {
            History::Invalid => format!("invalid. {} was altered: {}. {}", self.subject(), self.first(), self.how()),
            History::Truncated => {
                format!("truncated. {} ends too early: {}. {}", self.subject(), self.first(), self.how())
            }
            History::Forked => format!(
                "forked. {} is not the history that is vouched for outside: {}. {}",
                self.subject(),
                self.first(),
                self.how()
            ),
            History::Witnessed | History::Unaltered => format!(
                "{}. {} is unaltered from entry 0 to entry {}. {} {}",
                report.history.name(),
                self.subject(),
                report.size.0.saturating_sub(1),
                self.how(),
                self.witnesses()
            ),
        }
    }

    fn subject(&self) -> String {
        let Report { setting, origin, .. } = self.report;
        match (setting.is_empty(), origin.is_empty()) {
            (false, false) => format!("The ledger of {setting} ({origin})"),
            _ => "The ledger".to_owned(),
        }
    }

    /// The first finding that makes the history altered.
    fn first(&self) -> String {
        let altering = |finding: &&Finding| indelible::verify::report::altered(std::slice::from_ref(finding)).is_some();
        let mut altering = self.report.findings.iter().filter(altering);
        match altering.next() {
            Some(first) => match 1 + altering.count() {
                1 => format!("it shows at entry {}", first.entry),
                several => format!("{}, the first at entry {}", count(several, "finding"), first.entry),
            },
            None => "see the findings".to_owned(),
        }
    }

    /// Against which keys, in which layer.
    fn how(&self) -> String {
        let report = self.report;
        let layer = match report.layer {
            Layer::Skeleton => "in the skeleton (numbers, times, hashes, checkpoints, public entries)".to_owned(),
            Layer::Part => {
                format!("in the skeleton, and in the structure of all but {}", count(report.counts.not_opened, "entry"))
            }
            Layer::Structure => "in the skeleton and the structure (authors, roles, signatures, references)".to_owned(),
        };
        let keys = if report.trusted {
            "against the keys of your trust file"
        } else {
            "against keys as vouched for by this ledger alone"
        };
        format!("Checked {layer}, {keys}.{}", self.continues())
    }

    /// From which older ledger it goes on, as it says itself.
    fn continues(&self) -> String {
        let one = |before: &Continues| {
            let origin = before.origin.as_deref().unwrap_or("a ledger that is not named");
            let confirmed = match before.in_force {
                Some(entry) => format!("entry {entry} confirms it"),
                None => "no second person has confirmed it".to_owned(),
            };
            let (entry, size) = (before.entry, count(before.size, "entry"));
            format!(" Entry {entry} says that it goes on from {}, {size}; {confirmed}.", plain(origin))
        };
        self.report.continues.iter().map(one).collect()
    }

    fn witnesses(&self) -> String {
        let report = self.report;
        let open = report.not_witnessed();
        let Some(witnessed) = &report.witnessed else {
            return match report.trusted {
                true => format!(
                    "The quorum of your trust file has cosigned none of it: {} not yet witnessed. \
                     A setting without witnesses is not failing.",
                    count(open, "entry")
                ),
                false => format!(
                    "{} not yet witnessed by anybody you named. A setting without witnesses is not failing; \
                     --trust FILE names yours.",
                    count(open, "entry")
                ),
            };
        };
        let when = day(witnessed.time);
        let names = list(witnessed.names.clone());
        let covered = match open {
            0 => "every entry is witnessed".to_owned(),
            _ => {
                format!("up to entry {}; {} not yet witnessed", witnessed.size.saturating_sub(1), count(open, "entry"))
            }
        };
        match report.history {
            History::Witnessed => format!("Cosigned by {names}, last on {when}: {covered}."),
            _ => format!(
                "Cosigned by {names}, but last on {when}, {} days ago ({WITNESSED_DAYS} count as lately): {covered}.",
                report.witnessed_days.unwrap_or_default()
            ),
        }
    }

    fn record_keeping(&self) -> String {
        match self.report.record_keeping {
            RecordKeeping::NotSeen if self.report.review.is_none() => {
                "not seen. The structure was not opened, so nothing is said about what was written \
                                       down or left out; --identity FILE opens what you may read."
                    .to_owned()
            }
            RecordKeeping::NotAsked => {
                "not asked. The rules were not looked at: that takes a verify without --without-rules.".to_owned()
            }
            RecordKeeping::Complete => format!("complete. {}", self.counted()),
            RecordKeeping::NotSeen => {
                format!("not seen in whole. {} {}", self.hidden().unwrap_or_default(), self.counted())
            }
            RecordKeeping::Findings => {
                let closings = self.report.findings.iter().filter(|finding| finding.code.of_closing());
                let mut false_ones: Vec<u64> = closings.map(|finding| finding.entry).collect();
                false_ones.dedup();
                let closings = match false_ones.len() {
                    0 => String::new(),
                    1 => "1 closing does not fit what was entered.".to_owned(),
                    several => format!("{several} closings do not fit what was entered."),
                };
                let parts = [closings, self.counted(), self.hidden().unwrap_or_default()];
                let parts: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
                format!("findings. {}", parts.join(" "))
            }
        }
    }

    /// How many items there are of each sort.
    fn counted(&self) -> String {
        let Some(Reviewed { found: review, .. }) = &self.report.review else { return String::new() };
        let number = |such: &dyn Fn(&Item) -> bool| review.items.iter().filter(|item| such(item)).count();
        let overdue = number(&|item| item.state(review.now) == State::Overdue);
        let broken = number(&|item| item.severity == Severity::Red && item.closed.is_none());
        let open = number(&|item| item.state(review.now) == State::Open && item.severity != Severity::Red);
        let late = number(&|item| item.state(review.now) == State::ClosedLate);
        let good = number(&|item| item.severity == Severity::Red && item.closed.is_some());
        let mut parts = vec![
            format!("{} overdue", count(overdue, "item")),
            format!("{} broken", count(broken, "rule")),
            format!("{} open and not yet due", count(open, "item")),
        ];
        if late > 0 {
            parts.push(format!("{} closed late", count(late, "item")));
        }
        if good > 0 {
            parts.push(format!("{} broken and made good", count(good, "rule")));
        }
        format!("{}, as of {}.", parts.join(", "), clock::for_people(review.now))
    }

    /// What could not be judged.
    fn hidden(&self) -> Option<String> {
        let review = self.report.review.as_ref().map(|one| &one.found).filter(|found| !found.unseen.is_empty())?;
        let entries = count(review.unseen.len(), "entry");
        let rules = review.unseen_rules.join(", ");
        let doubt = match review.unsure() {
            0 => String::new(),
            some => format!(" Of what looks owed or broken, {} may have been put right there.", count(some, "item")),
        };
        Some(format!("{entries} could not be opened; rules that may need them: {rules}.{doubt}"))
    }

    /// What is overdue or broken, by entry, with the rule, where it stands, and what to do next.
    fn owed(&self) -> Vec<(String, String)> {
        let Some(Reviewed { found, pack }) = &self.report.review else { return Vec::new() };
        let line = |item: &Item| {
            let (known, step) = item.meaning(pack).unzip();
            let due = item.due.map(|due| format!("; due {}", clock::for_people(due))).unwrap_or_default();
            let rule = known.map(|known| format!("; rule {}: {}", known.rule, known.source)).unwrap_or_default();
            let what = step.map_or("", |step| &step.what);
            let field = match &item.about {
                About::Gap(gap) => format!(" ({})", gap.field),
                _ => String::new(),
            };
            let unsure = if item.unsure { "; perhaps put right in an entry that could not be opened" } else { "" };
            (
                format!("entry {}: {what}{field} ({}){due}{rule}{unsure}", item.entry, item.name()),
                step.map(|step| say::next(step, item)).unwrap_or_default(),
            )
        };
        found.items.iter().filter(|item| item.counts_against(found.now)).map(line).collect()
    }

    /// The whole report for people, each line at most 100 columns wide.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for sentence in self.sentences() {
            text += &wrap(&sentence, "");
        }
        let report = self.report;
        if !report.findings.is_empty() {
            text += "\n";
        }
        for finding in report.findings.iter().take(PRINTED) {
            let Finding { entry, code } = finding;
            text += &wrap(&format!("entry {entry}: {} ({code})", code.words()), "    ");
            text += &wrap(&format!("    next: {}", code.next()), "          ");
        }
        let more = report.findings.len().saturating_sub(PRINTED) as u64 + report.counts.more_findings;
        if more > 0 {
            let _ = writeln!(text, "... and {} more; --json lists them", count(more, "finding"));
        }
        let owed = self.owed();
        if !owed.is_empty() {
            text += "\n";
        }
        for (what, next) in owed.iter().take(PRINTED) {
            text += &wrap(what, "    ");
            text += &wrap(&format!("    next: {next}"), "          ");
        }
        if owed.len() > PRINTED {
            let _ = writeln!(text, "... and {} more; --json lists them", count(owed.len() - PRINTED, "item"));
        }
        let retired: Vec<String> = report.retired.iter().map(retired).collect();
        for line in &retired {
            text += "\n";
            text += &wrap(line, "");
        }
        if let Some(closings) = self.closings() {
            text += "\n";
            text += &wrap(&closings, "");
        }
        if !report.history.altered()
            && let Some(needed) = self.needed()
        {
            text += "\n";
            text += &wrap(&needed, "");
        }
        text
    }

    /// How many closings were compared with what they are of, and which could not be.
    fn closings(&self) -> Option<String> {
        let Compared { compared, left } = &self.report.closings;
        let wrong: Vec<u64> = self
            .report
            .findings
            .iter()
            .filter(|finding| finding.code.of_closing())
            .map(|finding| finding.entry)
            .collect();
        if *compared == 0 && left.is_empty() {
            return None;
        }
        let mut text = match (*compared, wrong.is_empty()) {
            (0, true) => String::new(),
            (all, right) => {
                let of = if all == 1 { "it is of" } else { "they are of" };
                let how = if right { "counts, root and folders fit" } else { "see the findings" };
                format!("{} compared with the entries {of}: {how}.", count(all, "closing"))
            }
        };
        let mut reasons: BTreeMap<Left, Vec<u64>> = BTreeMap::new();
        left.iter().for_each(|(entry, why)| reasons.entry(*why).or_default().push(*entry));
        for (why, entries) in reasons {
            let shown = entries.iter().take(5).map(u64::to_string).collect::<Vec<_>>().join(", ");
            let more = if entries.len() > 5 { format!(" and {} more", entries.len() - 5) } else { String::new() };
            let _ = write!(text, " Not compared in whole: closing {shown}{more}, because {}.", left_because(why));
        }
        Some(text.trim_start().to_owned())
    }

    /// Who would be needed to rewrite what is here: the oldest stretch, and the newest.
    fn needed(&self) -> Option<String> {
        let stretches = &self.report.needed_to_rewrite;
        let pinned = |stretch: &&Rewrite| !stretch.authors.is_empty() || !stretch.witnesses.is_empty();
        let first = stretches.iter().find(pinned)?;
        let mut text = format!(
            "To change {} and keep what followed needs at least the log's key and {}.",
            span(first.from, first.to),
            self.helpers(first)
        );
        if let Some(last) = stretches.iter().rev().find(pinned).filter(|last| last.from > first.from) {
            let _ = write!(text, " For {}: the log's key and {}.", span(last.from, last.to), self.helpers(last));
        }
        if let Some(last) = stretches.last().filter(|last| !pinned(last)) {
            let _ = write!(text, " For {}: the log's key and the author's.", span(last.from, last.to));
        }
        text += &match stretches.iter().find(|stretch| !stretch.independent.is_empty()) {
            None => " None of these people's keys counts as independent of whoever runs the ledger: that takes a \
                     checkpoint cosigned by witnesses of your trust file after their enrolment and before the entry."
                .to_owned(),
            Some(stretch) => {
                let mut keys: Vec<[u8; 32]> = stretches.iter().flat_map(|other| other.independent.clone()).collect();
                keys.sort_unstable();
                keys.dedup();
                let names = list(self.names(&keys));
                format!(" From entry {} on these are independent of whoever runs the ledger: {names}.", stretch.from)
            }
        };
        Some(text)
    }

    fn helpers(&self, stretch: &Rewrite) -> String {
        let mut parts = Vec::new();
        match stretch.authors.len() {
            0 => {}
            1 => parts.push(format!("the key of {}", list(self.names(&stretch.authors)))),
            _ => parts.push(format!("the keys of {}", list(self.names(&stretch.authors)))),
        }
        match stretch.witnesses.len() {
            0 => {}
            1 => parts.push(format!("the witness {}", list(stretch.witnesses.clone()))),
            _ => parts.push(format!("the witnesses {}", list(stretch.witnesses.clone()))),
        }
        parts.join(", and ")
    }

    fn names(&self, keys: &[[u8; 32]]) -> Vec<String> {
        let mut names: Vec<(usize, String)> = keys.iter().map(|key| self.name(key)).collect();
        names.sort();
        names.dedup();
        names.into_iter().map(|(_, name)| name).collect()
    }

    /// The handle, else "staff n" in order of enrolment, else the beginning of the key.
    fn name(&self, key: &[u8; 32]) -> (usize, String) {
        let Some(own) = self.report.keys.iter().find(|enrolled| enrolled.key == *key) else {
            return (usize::MAX, format!("key {}", hex(&key[..4])));
        };
        let mut people = Vec::new();
        for enrolled in &self.report.keys {
            if !people.contains(&enrolled.person) {
                people.push(enrolled.person);
            }
        }
        let at = people.iter().position(|person| *person == own.person).unwrap_or_default() + 1;
        let handle = self.roll.and_then(|roll| roll.person(own.person)).map(|line| line.handle().to_owned());
        (at, handle.unwrap_or_else(|| format!("staff {at}")))
    }

    /// The whole report for programs.
    pub fn json(&self) -> Json {
        let report = self.report;
        let counts = &report.counts;
        let needed = report.needed_to_rewrite.iter().map(|stretch| {
            let author = |key: &[u8; 32]| {
                json!({"key": hex(key), "name": self.name(key).1, "independent": stretch.independent.contains(key)})
            };
            let authors: Vec<Json> = stretch.authors.iter().map(author).collect();
            json!({"from": stretch.from, "to": stretch.to, "authors": authors,
                   "witnesses": stretch.witnesses})
        });
        json!({
            "history": report.history.name(),
            "record_keeping": report.record_keeping.name(),
            "layer": report.layer.name(),
            "size": report.size.0,
            "root": report.root.to_string(),
            "sentences": self.sentences(),
            "findings": findings_json(&report.findings),
            "review": report.review.as_ref().map(review_json),
            "counts": {
                "entries": counts.entries, "writes": counts.writes, "bytes": counts.bytes, "public": counts.public,
                "signatures": counts.signatures, "not_opened": counts.not_opened, "clock_back": counts.clock_back,
                "cosignatures": counts.cosignatures, "more_findings": counts.more_findings, "retired": counts.retired,
            },
            "retired": report.retired.iter().map(retired_json).collect::<Vec<_>>(),
            "closings": {
                "compared": report.closings.compared,
                "not_compared": report.closings.left.iter().map(left_json).collect::<Vec<_>>(),
            },
            "needed_to_rewrite": needed.collect::<Vec<_>>(),
            "ledger": report.ledger.map(|ledger| ledger.to_string()),
            "origin": report.origin,
            "setting": report.setting,
            "log_key": report.log_key,
            "earlier_log_keys": report.earlier_log_keys,
            "continues": report.continues.iter().map(|before| json!({
                "entry": before.entry, "origin": before.origin, "size": before.size, "root": before.root.to_string(),
                "log_key": before.log_key.as_ref().map(|key| hex(key)), "confirmed": before.in_force,
            })).collect::<Vec<_>>(),
            "trusted": report.trusted,
            "witnessed_size": report.witnessed.as_ref().map(|witnessed| witnessed.size),
            "witnessed_by": report.witnessed.as_ref().map(|witnessed| witnessed.names.clone()),
            "witnessed_days": report.witnessed_days,
            "not_witnessed": report.not_witnessed(),
            "pack": report.pack.to_string(),
        })
    }
}

/// The record-keeping side: everything that is overdue, broken or open, by entry.
fn review_json(Reviewed { found, pack }: &Reviewed) -> Json {
    let told =
        |one: &&Item| !matches!(one.state(found.now), State::Closed | State::Shown) || one.severity == Severity::Red;
    let items: Vec<_> = found.items.iter().filter(told).map(|item| item_json(pack, item, found.now)).collect();
    json!({"items": items, "unseen": found.unseen, "unseen_rules": found.unseen_rules})
}

/// Why a closing was not compared, and what to do about it.
fn left_because(why: Left) -> &'static str {
    match why {
        Left::Altered => "history was altered: what is here may not be what its signer saw",
        Left::Continued => "it takes a whole verify, without --since",
        Left::NoOverseer => "its signer was no overseer then, and it closes nothing",
        Left::Unopened => "entries before it do not open to you; somebody to whom all of them open can compare it",
        Left::Clock => "the clock went back from its days to earlier ones; compare its counts with `log`",
        Left::TooMany => "too many different lists of entries are named as not opened",
    }
}

fn left_json((entry, why): &(u64, Left)) -> Json {
    json!({"entry": entry, "why": left_because(*why)})
}

/// What was retired, under what, and whether it was lawful.
fn retired(one: &Retirement) -> String {
    let entries = count(one.entries.len(), "entry");
    let named = match one.entries.as_slice() {
        [only] => format!("Entry {only} was"),
        [first, .., last] => format!("{entries} from {first} to {last} were"),
        [] => "Nothing was".to_owned(),
    };
    let under = one.proposed.map_or_else(|| format!("entry {}", one.done), |p| format!("entries {p} and {}", one.done));
    let lawful = match one.ground {
        Some(Ground::Misfiled(misfiled, confirmed)) => {
            format!("lawful because entry {misfiled} calls it misfiled and entry {confirmed} confirms that")
        }
        Some(Ground::Review(review, due)) => {
            let day = clock::day_for_people(due, clock::london_offset(due));
            format!("lawful because entry {review} let it go from {day} on")
        }
        None if !one.judged => "whether lawfully could not be seen: what it rests on is closed to you".to_owned(),
        None => "not lawfully: see the findings".to_owned(),
    };
    let places = match (one.shown, one.entries.len()) {
        (0, 1) => "Its place in its author's count too rests on them alone".to_owned(),
        (_, 1) => "Its place in its author's count is shown by the statements around it".to_owned(),
        (shown, all) => {
            format!("Of {shown} of {all} the statements around them show their place in their author's count")
        }
    };
    format!(
        "{named} retired under {under}, {lawful}; words and structure are gone, the proof stays. What is said of case, \
         folder, sort and date rests on the two who signed. {places}."
    )
}

fn retired_json(one: &Retirement) -> Json {
    let ground = one.ground.map(|ground| match ground {
        Ground::Misfiled(misfiled, confirmed) => json!({"misfiled": misfiled, "confirmed": confirmed}),
        Ground::Review(review, due) => json!({"review": review, "due": stamp(due)}),
    });
    json!({"done": one.done, "proposed": one.proposed, "approved": one.approved, "entries": one.entries,
           "lawful": one.ground.is_some(), "judged": one.judged, "because": ground, "places_shown": one.shown})
}

/// Findings as every command prints them.
pub fn findings_json(findings: &[Finding]) -> Vec<Json> {
    let one = |finding: &Finding| {
        let code = finding.code;
        json!({"code": code.name(), "entry": finding.entry, "what": code.words(), "next": code.next()})
    };
    findings.iter().map(one).collect()
}

/// Breaks a text into lines of at most 100 columns; all but the first begin with `indent`. Nothing in them steers a
/// terminal.
pub fn wrap(text: &str, indent: &str) -> String {
    let lead = text.len() - text.trim_start().len();
    let (mut out, mut line) = (String::new(), text.get(..lead).unwrap_or_default().to_owned());
    let mut fresh = true;
    for word in text.split_whitespace() {
        let word = plain(word);
        if !fresh && line.chars().count() + 1 + word.chars().count() > 100 {
            out += &line;
            out.push('\n');
            line = indent.to_owned();
            fresh = true;
        }
        if !fresh {
            line.push(' ');
        }
        line += &word;
        fresh = false;
    }
    out + &line + "\n"
}

/// `1 entry`, `3 entries`.
pub fn count(number: impl TryInto<u64>, of: &str) -> String {
    match (number.try_into().unwrap_or(u64::MAX), of.strip_suffix('y')) {
        (1, _) => format!("1 {of}"),
        (number, Some(stem)) => format!("{number} {stem}ies"),
        (number, None) => format!("{number} {of}s"),
    }
}

/// `a`, `a and b`, `a, b and c`.
pub fn list(mut names: Vec<String>) -> String {
    match names.pop() {
        None => "nobody".to_owned(),
        Some(last) if names.is_empty() => last,
        Some(last) => format!("{} and {last}", names.join(", ")),
    }
}

/// A moment in seconds since 1970, for people.
pub fn day(seconds: u64) -> String {
    let milliseconds = i64::try_from(seconds).unwrap_or(0).saturating_mul(1000);
    Moment::in_london(milliseconds).for_people().unwrap_or_default()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn span(from: u64, to: u64) -> String {
    if from == to { format!("entry {from}") } else { format!("an entry from {from} to {to}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_keep_their_lead() {
        assert_eq!(wrap("a b", "  "), "a b\n");
        assert_eq!(wrap("    next: a", "  "), "    next: a\n");
        let long = wrap(&"word ".repeat(50), "  ");
        assert!(long.lines().all(|line| line.len() <= 100) && long.lines().skip(1).all(|line| line.starts_with("  w")));
        assert_eq!(long.split_whitespace().count(), 50);
    }

    #[test]
    fn numbers_and_names_read_like_speech() {
        assert_eq!(
            [count(1_u64, "entry"), count(0_u64, "entry"), count(2_u64, "finding")],
            ["1 entry", "0 entries", "2 findings"]
        );
        assert_eq!(list(vec!["a".into(), "b".into(), "c".into()]), "a, b and c");
    }
}
