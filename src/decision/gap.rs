//! Gaps and flags: what an entry lacks, found from its structure alone.
//!
//! The structure says of each word field whether it is filled, so the same functions serve a draft that is being typed
//! and an entry that was read back from the ledger.

use crate::codec::{KindNumber, RelationNumber};
use crate::decision::value::{Content, FieldId, Moment, Value};
use crate::rules::kind::{Field, FieldType, HeldUp, Kind, KindField, Level};
use crate::rules::pack::Pack;

/// How much a gap matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GapLevel {
    /// Something that was typed cannot be understood.
    Error,
    /// Nothing can be entered without it.
    Always,
    /// The entry can be made and keeps an open item.
    BeforeAct,
}

/// One thing that is missing or wrong, in the form's words; never what was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The field as typed, such as `items[2].class`.
    pub field: String,
    /// How much it matters.
    pub level: GapLevel,
    /// The fact.
    pub what: String,
    /// What the writer can do.
    pub next: String,
}

impl Gap {
    /// Makes a gap.
    #[must_use]
    pub fn new(field: impl Into<String>, level: GapLevel, what: impl Into<String>, next: impl Into<String>) -> Self {
        Gap { field: field.into(), level, what: what.into(), next: next.into() }
    }
}

/// A flag that needs nothing but the entry itself and when it was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Flag {
    /// Written after the end of the next working day.
    Late,
    /// Something that is asked before the act is open.
    Incomplete,
    /// Done in an emergency.
    Emergency,
    /// Recorded earlier than the entry before it.
    ClockBack,
}

impl Flag {
    /// Returns the flag's code in the pack's list FLAG.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Flag::Late => "LATE",
            Flag::Incomplete => "INCOMPLETE",
            Flag::Emergency => "EMERGENCY",
            Flag::ClockBack => "CLOCK-BACK",
        }
    }
}

/// What the structure of an entry says, as far as gaps and flags ask.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// Its kind.
    pub kind: KindNumber,
    /// Whether it has happened.
    pub happened: bool,
    /// When it was done.
    pub occurred: Moment,
    /// When the writer learned of it.
    pub learned: Moment,
    /// The structural values.
    pub values: &'a [Value],
    /// The relations that it carries.
    pub relations: Vec<RelationNumber>,
    /// The structural values of the entries that it rests on (those that the pack's badge of an emergency looks
    /// through to), as far as they can be read.
    pub behind: &'a [Value],
}

impl Facts<'_> {
    /// Returns the contents under a field number, in order of position.
    pub fn contents(&self, id: u16) -> impl Iterator<Item = &Content> {
        self.values.iter().filter(move |value| value.field == FieldId(id)).map(|value| &value.content)
    }

    /// Returns the codes of a field or `field.subfield`, in order of position.
    pub fn codes<'a>(&'a self, pack: &Pack, path: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let id = pack.id_of(path);
        let own = move |value: &&Value| Some(value.field.0) == id;
        self.values.iter().filter(own).filter_map(|value| match &value.content {
            Content::Code(code) => Some(code.as_str()),
            _ => None,
        })
    }

    /// Whether a field is answered, wholly or in part.
    #[must_use]
    pub fn filled(&self, field: &Field) -> bool {
        self.values.iter().any(|value| field.owns(value.field.0))
    }

    /// Whether nothing may hold the entry up: by its kind, its recipient, the duty it answers, or its safety reason.
    #[must_use]
    pub fn never_held_up(&self, pack: &Pack) -> bool {
        let Some(kind) = pack.kind_numbered(self.kind) else { return false };
        let among = |path: &str, free: &[String]| self.codes(pack, path).any(|code| free.iter().any(|f| f == code));
        kind.held_up == HeldUp::Never
            || pack.field("for_safety").is_some_and(|field| self.filled(field))
            || kind.held_up == HeldUp::ByRecipient
                && (among(&format!("{}.agency", kind.goes_to), pack.free_agencies())
                    || among("duty", pack.free_duties()))
    }

    /// Whether the entry carries the badge of an emergency: by a code of its own, or of what it rests on.
    #[must_use]
    pub fn is_emergency(&self, pack: &Pack) -> bool {
        self.values.iter().chain(self.behind).any(|value| match &value.content {
            Content::Code(code) => pack.is_emergency(self.kind, code.as_str()),
            _ => false,
        })
    }

    /// Returns every gap of the levels `Always` and `BeforeAct`, in the form's order.
    ///
    /// An entry that completes another counts with it as one and has no gaps of its own. Kinds that the pack does not
    /// know have none.
    #[must_use]
    pub fn gaps(&self, pack: &Pack) -> Vec<Gap> {
        let Some(kind) = pack.kind_numbered(self.kind) else { return Vec::new() };
        if self.relations.iter().any(|relation| relation.name() == Some("completes")) {
            return Vec::new();
        }
        let free = self.never_held_up(pack);
        let mut gaps = Vec::new();
        for (used, field) in pack.fields_of(kind) {
            let level = match used.level {
                Level::Always if used.softened && free => Some(GapLevel::BeforeAct),
                Level::Always => Some(GapLevel::Always),
                Level::BeforeAct => Some(GapLevel::BeforeAct),
                Level::Optional => None,
            };
            // The person and the commitment of a line of the roll come with the line.
            let comes =
                kind.on_roll() && !field.wordy() && ["person", "roll_commitment"].contains(&field.name.as_str());
            if let Some(level) = level.filter(|_| self.applies(used.condition.as_ref()) && !comes) {
                self.wanted(pack, kind, field, level, &mut gaps);
            }
            self.needed_parts(pack, field, &mut gaps);
            self.open_answers(pack, used, field, &mut gaps);
        }
        for relation in &kind.relations {
            let level = match relation.level {
                Level::Always => GapLevel::Always,
                Level::BeforeAct => GapLevel::BeforeAct,
                Level::Optional => continue,
            };
            if !self.relations.contains(&relation.number) && self.applies(relation.condition.as_ref()) {
                let name = relation.number.name().unwrap_or("");
                gaps.push(missing_relation(name, level));
            }
        }
        for ask in kind.asks.iter().filter(|ask| pack.is_on(&ask.switch)) {
            let enough = |content: &Content| match content {
                Content::Code(code) => ask.among.iter().any(|known| known == code.as_str()),
                _ => false,
            };
            let name = pack.field_numbered(ask.field).map_or("", |(field, _)| &field.name);
            if !self.contents(ask.field).any(enough) && !gaps.iter().any(|gap| gap.field == *name) {
                gaps.push(Gap::new(name, GapLevel::BeforeAct, &ask.what, &ask.next));
            }
        }
        if kind.act && !kind.decision_counts && self.happened && !self.occurred.is_some() {
            gaps.push(not_answered("occurred_at", pack.label(kind, "occurred_at"), GapLevel::BeforeAct, TIME_HINT));
        }
        gaps
    }

    fn applies(&self, condition: Option<&(u16, Vec<String>)>) -> bool {
        condition.is_none_or(|(of, codes)| {
            self.contents(*of).any(|content| match content {
                Content::Code(code) => codes.iter().any(|wanted| wanted == code.as_str()),
                _ => false,
            })
        })
    }

    /// The gap of a wanted field that is empty, or those of its needed parts.
    fn wanted(&self, pack: &Pack, kind: &Kind, field: &Field, level: GapLevel, gaps: &mut Vec<Gap>) {
        if !self.filled(field) {
            return gaps.push(not_answered(&field.name, pack.label(kind, &field.name), level, &hint(pack, field)));
        }
        if field.answer != FieldType::Group || self.contents(field.id).any(|own| *own == Content::Count(0)) {
            return;
        }
        let mut positions: Vec<u16> =
            self.values.iter().filter(|value| field.owns(value.field.0)).map(|value| value.position).collect();
        positions.sort_unstable();
        positions.dedup();
        for position in positions {
            for sub in field.subfields.iter().filter(|sub| sub.need && (kind.has_words() || !sub.wordy())) {
                let there = |value: &Value| value.field.0 == sub.id && value.position == position;
                if !self.values.iter().any(there) {
                    let path = part_path(field, sub, position);
                    gaps.push(not_answered(&path, &sub.label, GapLevel::BeforeAct, &hint(pack, sub)));
                }
            }
        }
    }

    /// The gaps of parts that are needed because of what another part says, such as the date of what is historical.
    fn needed_parts(&self, pack: &Pack, field: &Field, gaps: &mut Vec<Gap>) {
        for (sub, (of, codes)) in field.subfields.iter().filter_map(|sub| Some((sub, sub.need_if.as_ref()?))) {
            for value in self.values.iter().filter(|value| value.field.0 == *of) {
                let asked = matches!(&value.content, Content::Code(code) if codes.iter().any(|c| c == code.as_str()));
                let there = |other: &Value| other.field.0 == sub.id && other.position == value.position;
                if asked && !self.values.iter().any(there) {
                    let path = part_path(field, sub, value.position);
                    gaps.push(not_answered(&path, &sub.label, GapLevel::BeforeAct, &hint(pack, sub)));
                }
            }
        }
    }

    /// The gaps of answers that leave one open, such as "not checked".
    fn open_answers(&self, pack: &Pack, used: &KindField, field: &Field, gaps: &mut Vec<Gap>) {
        for part in std::iter::once(field).chain(&field.subfields) {
            let Some(list) = pack.codes(part) else { continue };
            for value in self.values.iter().filter(|value| value.field.0 == part.id) {
                let Content::Code(code) = &value.content else { continue };
                let Some(code) = list.find(code.as_str()).filter(|code| code.gap) else { continue };
                let path = match (part.id == field.id, used.many) {
                    (true, true) => format!("{}[{}]", field.name, value.position),
                    (true, false) => field.name.clone(),
                    (false, _) => part_path(field, part, value.position),
                };
                let what = format!("left open: {} ({})", part.label, code.text);
                gaps.push(Gap::new(path, GapLevel::BeforeAct, what, "say so once it is done"));
            }
        }
    }
}

/// Returns the path of a group's part as typed.
pub(super) fn part_path(field: &Field, part: &Field, position: u16) -> String {
    match field.list {
        true => format!("{}[{position}].{}", field.name, part.name),
        false => format!("{}.{}", field.name, part.name),
    }
}

/// Returns the gap of a question without an answer.
pub(super) fn not_answered(path: &str, label: &str, level: GapLevel, next: &str) -> Gap {
    Gap::new(path, level, format!("not answered: {label}"), next)
}

fn missing_relation(name: &str, level: GapLevel) -> Gap {
    let what = match name {
        "overrides" => "nobody's no is named that this goes ahead in spite of".to_owned(),
        _ => format!("no earlier entry is named ({name})"),
    };
    let next = match name {
        "overrides" => "give the number of their refusal; if nobody refused, say why consent was not asked instead",
        _ => "give the number of the entry",
    };
    Gap::new("refs", level, what, next)
}

/// Returns what can be typed into a field.
pub(super) fn hint(pack: &Pack, field: &Field) -> String {
    if let Some(list) = pack.codes(field) {
        return format!("give one of: {}", list.spelled());
    }
    match field.answer {
        FieldType::Code | FieldType::Count => "give a whole number".to_owned(),
        FieldType::Time => TIME_HINT.to_owned(),
        FieldType::Person => "give a handle of the roll".to_owned(),
        FieldType::Case => "give the child's handle or the beginning of the tag".to_owned(),
        FieldType::Group if field.none => "say what, or give an empty list for none".to_owned(),
        FieldType::Group => {
            let parts = field.subfields.iter().map(|sub| sub.name.as_str()).collect::<Vec<_>>();
            format!("fill in {}", parts.join(", "))
        }
        FieldType::Key | FieldType::Hash => "give 64 hexadecimal digits".to_owned(),
        FieldType::Proof => "give 128 hexadecimal digits".to_owned(),
        FieldType::Entry => "give the number of an entry".to_owned(),
        FieldType::FieldName => "give the name of a field, such as reasons or items[2].what".to_owned(),
        FieldType::Text | FieldType::Fixed => "write it down".to_owned(),
    }
}

/// What a time looks like.
pub(super) const TIME_HINT: &str = "give a time such as 2026-10-06 10:42, or a day such as 2026-10-06";
