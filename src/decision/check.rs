//! From a draft to a decision: every question of the form asked once, every answer understood or named.
// Long because: every question of a draft is asked in one order.

use serde_json::{Map, Value as Json};

use crate::codec::{CaseTag, Folder, KindNumber, Publicity, RelationNumber, StatementId, WORDS_LIMIT};
use crate::decision::decision::{Decision, Reference, sort};
use crate::decision::fields::{Reader, blank, echo, meant};
use crate::decision::gap::{Gap, GapLevel, TIME_HINT, not_answered, part_path};
use crate::decision::value::{Content, Moment, Value};
use crate::decision::view::{Found, Referenced, View};
use crate::rules::kind::{CaseRule, FolderRule, Kind, Protection};
use crate::rules::pack::Pack;

/// Keys of every draft that are no fields of the kind.
pub(super) const HEAD: [&str; 8] = ["kind", "case", "folder", "learned_at", "occurred_at", "happened", "refs", "id"];
/// The relation of an entry that fills in what an earlier one left open.
const COMPLETES: &str = "completes";
/// What another ground for a share is named by: it may be given although one stands there.
const GROUND: [&str; 3] = ["basis", "basis_limb", "special"];
/// Most references of one entry.
const REFERENCES: usize = 200;
/// Most bytes of structural values, so that the statement stays within its limit.
const VALUES_LIMIT: usize = 40_000;
/// Bytes kept free in the words part for what stands beside the texts.
pub(super) const WORDS_ROOM: usize = 16 * 1024;

pub(super) fn check(
    object: &Map<String, Json>,
    pack: &Pack,
    view: &dyn View,
    now_ms: i64,
) -> Result<Decision, Vec<Gap>> {
    let kind = kind_of(object, pack).map_err(|gap| vec![gap])?;
    let reader = Reader {
        pack,
        view,
        has_words: kind.has_words(),
        names: kind.has_words() && !kind.on_roll(),
        completes: completes(object),
        values: Vec::new(),
        words: Vec::new(),
        gaps: Vec::new(),
    };
    let mut checker =
        Checker { object, kind, now_ms, reader, referenced: Vec::new(), references: Vec::new(), beside: Vec::new() };
    let decision = checker.decision();
    let mut gaps = checker.reader.gaps;
    // An answer that was not understood is not missing besides.
    let wrong: Vec<String> = gaps.iter().map(|gap| gap.field.clone()).collect();
    let mut open = decision.facts().gaps(pack);
    open.retain(|gap| !wrong.iter().any(|field| within(field, &gap.field) || within(&gap.field, field)));
    if gaps.is_empty() && open.iter().all(|gap| gap.level == GapLevel::BeforeAct) {
        let mut decision = decision;
        decision.close(pack, open);
        return Ok(decision);
    }
    gaps.extend(open);
    gaps.sort_by_key(|gap| gap.level);
    Err(gaps)
}

/// Whether a draft says that it completes an entry.
fn completes(object: &Map<String, Json>) -> bool {
    let refs = object.get("refs").and_then(Json::as_array).into_iter().flatten();
    refs.filter_map(|reference| reference.get("relation")?.as_str()).any(|relation| relation.trim() == COMPLETES)
}

/// Whether a path is another one or a part of it.
fn within(inner: &str, outer: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn kind_of<'p>(object: &Map<String, Json>, pack: &'p Pack) -> Result<&'p Kind, Gap> {
    let typed = object.get("kind").and_then(Json::as_str).map_or("", str::trim);
    if typed.is_empty() {
        let next = "see the kinds with `kinds`";
        return Err(Gap::new("kind", GapLevel::Always, "not answered: What kind of entry is it?", next));
    }
    if KindNumber::of(typed).is_some() && pack.kind(typed).is_none() {
        let what = format!("the rule pack {} {} has no form for {typed} yet", pack.name(), pack.version());
        return Err(Gap::new("kind", GapLevel::Error, what, "see the kinds with `kinds`"));
    }
    pack.kind(typed).ok_or_else(|| {
        let names = pack.kinds().iter().map(|kind| kind.name.as_str());
        Gap::new("kind", GapLevel::Error, format!("there is no kind {}", echo(typed)), meant(typed, names))
    })
}

struct Checker<'a> {
    object: &'a Map<String, Json>,
    kind: &'a Kind,
    now_ms: i64,
    reader: Reader<'a>,
    references: Vec<Reference>,
    referenced: Vec<Referenced>,
    /// Which of the references name a draft of the same form, and which.
    beside: Vec<(usize, usize)>,
}

/// When it happened, was learned and decided, and whether it has happened.
struct Times {
    occurred: Moment,
    learned: Moment,
    decided: Moment,
    happened: bool,
}

impl<'a> Checker<'a> {
    /// Reads everything; what is wrong or missing lands among the reader's gaps.
    fn decision(&mut self) -> Decision {
        let (pack, object) = (self.reader.pack, self.object);
        for (key, json) in object {
            match pack.field_of(self.kind, key) {
                Some((used, field)) => self.reader.field(used, field, json),
                None if self.is_head(key) => {}
                None => self.unknown(key),
            }
        }
        self.references();
        let statement_id = self.statement_id();
        let mut values = std::mem::take(&mut self.reader.values);
        sort(&mut values);
        let mut words = std::mem::take(&mut self.reader.words);
        words.sort_by_key(|word| (word.field, word.position));
        let mut decision = Decision {
            kind: self.kind.number,
            case: None,
            folder: Folder::None,
            act: self.kind.act,
            happened: !self.kind.act,
            occurred: Moment::NONE,
            learned: Moment::NONE,
            decided: Moment::NONE,
            values,
            words,
            references: std::mem::take(&mut self.references),
            beside: std::mem::take(&mut self.beside),
            behind: Vec::new(),
            gaps: Vec::new(),
            flags: Vec::new(),
            statement_id,
            public: self.kind.number.publicity() == Some(Publicity::Public),
            document: None,
        };
        self.sizes(&decision);
        let free = decision.facts().never_held_up(pack);
        let times = self.times(free);
        decision.occurred = times.occurred;
        decision.learned = times.learned;
        decision.decided = times.decided;
        decision.happened = times.happened;
        decision.case = self.case(free, &decision);
        decision.folder = self.folder(&decision);
        decision.behind = self.behind(&decision);
        decision.public |= self.confirms_public(&decision);
        self.completes(&decision);
        decision
    }

    /// Returns each reference with the entry that it points at.
    fn pointed<'d>(&'d self, decision: &'d Decision) -> impl Iterator<Item = (&'d Reference, &'d Referenced)> {
        decision.references.iter().zip(&self.referenced)
    }

    /// Whether this confirms public entries and no other: it is then public as they are.
    fn confirms_public(&self, decision: &Decision) -> bool {
        let public = |entry: &Referenced| entry.kind.and_then(KindNumber::publicity) == Some(Publicity::Public);
        let mut confirmed = self.pointed(decision).filter(|(to, _)| to.relation.name() == Some("confirms")).peekable();
        self.kind.number.publicity() == Some(Publicity::AsConfirmed)
            && confirmed.peek().is_some()
            && confirmed.all(|(_, entry)| public(entry))
    }

    fn behind(&self, decision: &Decision) -> Vec<Value> {
        let through = |reference: &Reference| self.reader.pack.emergency_through(reference.relation);
        let entries = self.pointed(decision).filter(|(reference, _)| through(reference));
        entries.flat_map(|(_, entry)| entry.values.iter().cloned()).collect()
    }

    fn is_head(&self, key: &str) -> bool {
        HEAD.contains(&key) || (key == "decided_at" && self.kind.act)
    }

    fn typed(&self, key: &str) -> &'a Json {
        self.object.get(key).unwrap_or(&Json::Null)
    }

    fn error(&mut self, path: &str, what: impl Into<String>, next: impl Into<String>) {
        self.reader.gaps.push(Gap::new(path, GapLevel::Error, what, next));
    }

    fn unknown(&mut self, key: &str) {
        let pack = self.reader.pack;
        let fields = pack.fields_of(self.kind).map(|(_, field)| field.name.as_str());
        let next = meant(key, fields.chain(HEAD));
        let what = format!("there is no field {} in {}", echo(key), self.kind.name);
        self.error(echo(key), what, next);
    }

    fn sizes(&mut self, decision: &Decision) {
        let words: usize = decision.words.iter().map(|word| word.text.len() + 16).sum();
        if words > WORDS_LIMIT - WORDS_ROOM {
            self.error("words", "are longer than one entry may hold", "put part of it into an attachment");
        }
        let length = |content: &Content| match content {
            Content::Code(text) | Content::Text(text) => text.as_str().len() + 1,
            Content::Proof(_) => 64,
            _ => 32,
        };
        let values: usize = decision.values.iter().map(|value| 5 + length(&value.content)).sum();
        if values > VALUES_LIMIT {
            self.error("fields", "are more than one entry may hold", "make two entries of it");
        }
    }

    fn times(&mut self, free: bool) -> Times {
        let mut learned = self.reader.time(self.typed("learned_at"), "learned_at");
        let occurred = self.reader.time(self.typed("occurred_at"), "occurred_at");
        let mut decided = Moment::NONE;
        if self.kind.act {
            decided = self.reader.time(self.typed("decided_at"), "decided_at");
        }
        let forced = match self.typed("happened") {
            Json::Bool(yes) => *yes,
            json if blank(json) => false,
            _ => {
                self.error("happened", "is neither true nor false", "give true if it has happened");
                false
            }
        };
        let future = "lies in the future";
        if learned.is_after(self.now_ms) {
            self.error("learned_at", future, "give the time at which you learned of it");
        }
        if occurred.is_after(self.now_ms) && (!self.kind.act || forced) {
            self.error("occurred_at", future, "give the time at which it happened");
        }
        if decided.is_after(self.now_ms) && (!self.kind.decision_counts || forced) {
            self.error("decided_at", future, "give the time at which it was decided");
        }
        // What nothing may hold up, and what a machine writes by itself, is dated now where nobody gave a time.
        let fills = free || !self.kind.has_words();
        let now = Moment::in_london(self.now_ms);
        let untimed = if self.kind.act { !occurred.is_some() && !decided.is_some() } else { !learned.is_some() };
        let understood = |name: &str| !self.reader.gaps.iter().any(|gap| gap.field == name);
        if untimed && fills {
            *(if self.kind.act { &mut decided } else { &mut learned }) = now;
        } else if untimed && ["learned_at", "occurred_at", "decided_at"].into_iter().all(understood) {
            // Of an act it is asked when it was done; only what is still to come is dated by its decision.
            let (name, more) = match (self.kind.act, self.kind.decision_counts) {
                (true, true) => ("decided_at", ""),
                (true, false) => ("occurred_at", "; if it is still to be done, give decided_at instead"),
                (false, _) => ("learned_at", ""),
            };
            let label = self.reader.pack.label(self.kind, name);
            self.reader.gaps.push(not_answered(name, label, GapLevel::Always, &format!("{TIME_HINT}{more}")));
        }
        let counts = if self.kind.decision_counts && decided.is_some() { decided } else { occurred };
        let past = counts.is_some() && !counts.is_after(self.now_ms);
        Times { occurred, learned, decided, happened: !self.kind.act || forced || past }
    }

    fn case(&mut self, free: bool, decision: &Decision) -> Option<CaseTag> {
        let json = self.typed("case");
        let hint = "give the child's handle, or at least 4 characters of the tag";
        let pointed = self.same_as(decision).map(|(number, entry)| (number, entry.case));
        if blank(json) {
            if let Some((_, case)) = pointed {
                return case;
            }
            if self.kind.case == CaseRule::Needed && !(free && self.kind.has_words()) {
                let label = self.reader.pack.label(self.kind, "case");
                self.reader.gaps.push(not_answered("case", label, GapLevel::Always, hint));
            }
            return None;
        }
        if self.kind.case == CaseRule::None {
            self.error("case", format!("{} belongs to the setting, not to a child", self.kind.name), "leave it out");
            return None;
        }
        match json.as_str().map(|typed| self.reader.view.case(typed.trim())) {
            Some(Found::One(case)) => {
                if let Some((number, own)) = pointed.filter(|(_, own)| *own != Some(case)) {
                    let whose = if own.is_some() { "another child's" } else { "no child's" };
                    self.error("case", format!("entry {number} is {whose}"), "leave it out, or look for the number");
                }
                return Some(case);
            }
            Some(Found::Several) => self.error("case", "fits more than one child's case", "give more of it"),
            Some(Found::Nothing) => self.error("case", "is no case of this ledger", hint),
            None => self.error("case", "is not a text", hint),
        }
        None
    }

    /// The entry that this one takes folder and case from, where the kind says so and it can be read.
    fn same_as(&self, decision: &Decision) -> Option<(u64, &Referenced)> {
        let FolderRule::As(relation) = self.kind.folder else { return None };
        let refs = if decision.references.is_empty() { &self.references } else { &decision.references };
        let mut pointed = refs.iter().zip(&self.referenced);
        let (reference, entry) = pointed.find(|(reference, _)| reference.relation == relation)?;
        entry.kind.is_some().then_some((reference.entry, entry))
    }

    /// Returns the folders that the words may go to.
    fn folders(&self, decision: &Decision, in_case: bool) -> Vec<Folder> {
        let open = |folder: &Folder| match folder {
            Folder::Intake => !in_case,
            folder => in_case || !folder.of_case(),
        };
        let mut folders: Vec<Folder> = match &self.kind.folder {
            FolderRule::Public | FolderRule::NoWords | FolderRule::Roll => return vec![Folder::None],
            FolderRule::Among(folders) => folders.iter().copied().filter(open).collect(),
            FolderRule::As(_) => match self.same_as(decision).and_then(|(_, entry)| entry.folder) {
                Some(folder) if folder != Folder::None => return vec![folder],
                _ => Folder::ALL.into_iter().filter(open).collect(),
            },
        };
        // What waits for its child lies in intake, and elsewhere only where it is told to, or what it speaks of lies there.
        let waits = !in_case && self.kind.case == CaseRule::Needed && !folders.contains(&Folder::Intake);
        if waits || folders.is_empty() {
            folders.insert(0, Folder::Intake);
        }
        folders
    }

    /// Picks the folder: what was typed, if the kind allows it; else the kind's own, or the form's suggestion.
    fn folder(&mut self, decision: &Decision) -> Folder {
        let in_case = decision.case.is_some() || !blank(self.typed("case"));
        let allowed = self.folders(decision, in_case);
        let json = self.typed("folder");
        if !blank(json) {
            let typed = json.as_str().map_or("", str::trim);
            match allowed.iter().find(|folder| folder.name() == typed) {
                Some(folder) => return *folder,
                None => {
                    let names = allowed.iter().map(|folder| folder.name()).collect::<Vec<_>>().join(", ");
                    let what = format!(
                        "is not a folder for {} {}",
                        self.kind.name,
                        if in_case { "of a case" } else { "without a case" }
                    );
                    self.error("folder", what, format!("give one of: {names}"));
                }
            }
        }
        let suggested = self.suggested(decision).into_iter().find(|folder| allowed.contains(folder));
        suggested.or(allowed.first().copied()).unwrap_or(Folder::None)
    }

    /// The folders that something speaks for: a code, the kind, or an entry there that the words speak of. What few
    /// may read comes first.
    fn suggested(&self, decision: &Decision) -> Vec<Folder> {
        let given = |codes: &[String]| {
            decision.values.iter().any(|value| match &value.content {
                Content::Code(code) => codes.iter().any(|known| known == code.as_str()),
                _ => false,
            })
        };
        let mut folders: Vec<Folder> =
            self.kind.places.iter().filter(|(_, codes)| given(codes)).map(|(folder, _)| *folder).collect();
        let by_rule = match &self.kind.protection {
            Protection::Always => true,
            Protection::Codes(codes) => given(codes),
        };
        let there = |folder: Folder| {
            let same = |entry: &Referenced| !folder.of_case() || entry.case == decision.case;
            self.referenced.iter().any(|entry| entry.folder == Some(folder) && same(entry))
        };
        let few = [Folder::Staff, Folder::Legal, Folder::Protection];
        folders.extend(few.into_iter().filter(|folder| *folder == Folder::Protection && by_rule || there(*folder)));
        folders
    }

    fn statement_id(&mut self) -> Option<StatementId> {
        let json = self.typed("id");
        if blank(json) {
            return None;
        }
        let id = json.as_str().and_then(|typed| StatementId::parse(&typed.trim().to_ascii_lowercase()));
        if id.is_none() {
            self.error("id", "is no statement id", "give 32 hexadecimal digits, or leave it out");
        }
        id
    }

    fn references(&mut self) {
        let json = self.typed("refs");
        if blank(json) {
            return;
        }
        let Some(elements) = json.as_array().filter(|elements| elements.len() <= REFERENCES) else {
            let next = format!("give a list of at most {REFERENCES} times {{\"relation\": ..., \"entry\": ...}}");
            return self.error("refs", "is not a list of references", next);
        };
        for (at, element) in elements.iter().enumerate() {
            self.reference(element, &format!("refs[{at}]"));
        }
    }

    fn reference(&mut self, json: &Json, path: &str) {
        let Some(object) = json.as_object() else {
            return self.error(path, "is not a reference", "give {\"relation\": ..., \"entry\": ...}");
        };
        for key in object.keys().filter(|key| !["relation", "entry", "kind", "draft"].contains(&key.as_str())) {
            let next = meant(key, ["relation", "entry", "kind"].into_iter());
            self.error(&format!("{path}.{}", echo(key)), "is no part of a reference", next);
        }
        let part = |name: &str| object.get(name).unwrap_or(&Json::Null);
        let Some((relation, to)) = self.relation(part("relation"), path) else { return };
        if !part("draft").is_null() {
            return self.reference_beside(relation, to, part("draft"), path);
        }
        let count = |text: &str| text.parse().ok().filter(|number: &u64| number.to_string() == text);
        let number = part("entry").as_u64().or_else(|| part("entry").as_str().map(str::trim).and_then(count));
        let Some(number) = number else {
            return self.error(&format!("{path}.entry"), "is no entry number", "give the number of an earlier entry");
        };
        let Some(entry) = self.reader.view.entry(number) else {
            let what = format!("there is no entry {number}");
            return self.error(&format!("{path}.entry"), what, "give the number of an earlier entry");
        };
        if !blank(part("kind")) {
            let typed = part("kind").as_str().map_or("", str::trim);
            let Some(expected) = KindNumber::of(typed) else {
                return self.error(&format!("{path}.kind"), "is no kind", "leave it out, or give the kind's name");
            };
            if entry.kind.is_some_and(|kind| kind != expected) {
                let what = format!("entry {number} is not of the kind {typed}");
                return self.error(&format!("{path}.kind"), what, "look for the number you mean");
            }
        }
        if let (Some(kind), Some(to)) = (entry.kind, to)
            && !to.contains(&kind)
        {
            let what = format!(
                "{} cannot point at entry {number}, which is {}",
                relation.name().unwrap_or("it"),
                kind.name().unwrap_or("of a kind that is not known here")
            );
            let names = to.iter().filter_map(|kind| kind.name()).collect::<Vec<_>>().join(", ");
            return self.error(&format!("{path}.entry"), what, format!("it points at: {names}"));
        }
        let reference = Reference { relation, entry: number, digest: entry.digest };
        if self.references.contains(&reference) {
            return self.error(path, "is given twice", "leave one of them out");
        }
        self.references.push(reference);
        self.referenced.push(entry);
    }

    /// A reference to an earlier draft of the same form, which has neither number nor digest yet.
    fn reference_beside(&mut self, relation: RelationNumber, to: Option<&[KindNumber]>, draft: &Json, path: &str) {
        let place = draft.as_u64().and_then(|place| usize::try_from(place).ok());
        let Some((place, entry)) = place.and_then(|place| Some((place, self.reader.view.beside(place)?))) else {
            return self.error(&format!("{path}.draft"), "is no earlier draft of this form", "give an entry number");
        };
        if let (Some(kind), Some(to)) = (entry.kind, to)
            && !to.contains(&kind)
        {
            let what = format!("{} cannot point there", relation.name().unwrap_or("it"));
            return self.error(&format!("{path}.draft"), what, "leave it out");
        }
        let reference = Reference { relation, entry: u64::MAX, digest: entry.digest };
        if self.references.contains(&reference) {
            return self.error(path, "is given twice", "leave one of them out");
        }
        self.beside.push((self.references.len(), place));
        self.references.push(reference);
        self.referenced.push(entry);
    }

    fn relation(&mut self, json: &Json, path: &str) -> Option<(RelationNumber, Option<&'a [KindNumber]>)> {
        let typed = json.as_str().map_or("", str::trim);
        let kind = self.kind;
        let known = RelationNumber::of(typed).and_then(|number| kind.relation(number));
        if known.is_none() {
            let names =
                kind.relations.iter().filter_map(|relation| relation.number.name()).collect::<Vec<_>>().join(", ");
            let what = format!("{} carries no such relation", kind.name);
            self.error(&format!("{path}.relation"), what, format!("give one of: {names}"));
        }
        known.map(|relation| (relation.number, relation.to.as_deref()))
    }

    /// An entry that completes another fills in something of the same case that was left open there, and changes
    /// nothing.
    fn completes(&mut self, decision: &Decision) {
        let completed = |(reference, _): &(&Reference, &Referenced)| reference.relation.name() == Some(COMPLETES);
        let entries: Vec<(u64, Referenced)> =
            self.pointed(decision).filter(completed).map(|(to, entry)| (to.entry, entry.clone())).collect();
        let Some((number, entry)) = entries.first() else { return };
        if entries.len() > 1 {
            self.error("refs", "completes more than one entry", "make an entry for each");
        }
        let names = |reference: &Reference| reference.relation.name() != Some(COMPLETES);
        if decision.values.is_empty() && !decision.references.iter().any(names) {
            self.error("refs", "completes an entry and fills in nothing", "fill in what was left open");
        }
        // Where the structure cannot be read, whoever can will see it.
        if entry.kind.is_none() {
            return;
        }
        if entry.case != decision.case {
            self.error("case", format!("is not that of entry {number}"), "give the case of the entry it completes");
        }
        // Another ground stands beside the one that does not count, and changes nothing of it.
        let pack = self.reader.pack;
        let ground = |value: &&Value| {
            let field = pack.field_numbered(value.field.0).map(|(field, _)| field.name.as_str());
            field.is_some_and(|name| GROUND.contains(&name))
        };
        let others = decision.values.iter().filter(|value| !ground(value));
        let mut filled: Vec<String> = others.filter_map(|value| answered(pack, &entry.values, value)).collect();
        filled.dedup();
        for path in filled {
            let what = format!("is answered in entry {number} and stays as it is");
            self.error(&path, what, "to put right what stands there, make a correction.fact");
        }
    }
}

/// Returns the path of a new value's question if an earlier entry's values answer it. An answer that leaves a gap open,
/// such as "not checked", is none.
fn answered(pack: &Pack, earlier: &[Value], value: &Value) -> Option<String> {
    let (field, sub) = pack.field_numbered(value.field.0)?;
    let open = |known: &Value| match (&known.content, pack.field_numbered(known.field.0)) {
        (Content::Code(code), Some((field, sub))) => {
            let list = pack.codes(sub.unwrap_or(field));
            list.and_then(|list| list.find(code.as_str())).is_some_and(|code| code.gap)
        }
        _ => false,
    };
    // Somebody who was only named may be told later by the roll: it is the same person.
    let by_name = |known: &Value| {
        known.field == value.field
            && known.position == value.position
            && known.content == Content::Present
            && matches!(value.content, Content::Person(_))
    };
    if sub.is_none() && earlier.iter().any(by_name) {
        return None;
    }
    let own: Vec<&Value> = earlier.iter().filter(|known| field.owns(known.field.0) && !open(known)).collect();
    if own.is_empty() {
        return None;
    }
    let Some(sub) = sub else { return Some(field.name.clone()) };
    if own.iter().any(|known| known.field == value.field && known.position == value.position) {
        return Some(part_path(field, sub, value.position));
    }
    // Another element changes the list that was given; so does the first where "none" was the answer.
    let part = |known: &&Value| known.field.0 != field.id && known.position == value.position;
    let more = field.list && !earlier.iter().filter(|known| field.owns(known.field.0)).any(|known| part(&known));
    more.then(|| format!("{}[{}]", field.name, value.position))
}
