//! Reading a pack: TOML with no unknown key, then every name in it followed to what it names.

use std::collections::HashSet;

use chrono::NaiveDate;
use toml::Spanned;

use super::clock::{Calendar, Clock};
use super::codes::{Code, CodeList, Switch};
use super::kind::{Field, FieldType, Layer, Outside};
use super::obligation::{LegalLimit, Obligation, Severity, Step};
use super::pack::{Pack, PackError, Relation};
use super::raw::{Name, RawField, RawList, RawObligation, RawPack, RawStep, RawSwitch};
use crate::codec::{KindNumber, RelationNumber, ShortText, WORDS_LIMIT};

/// Reads a whole pack.
pub(super) fn pack(text: &str) -> Result<Pack, PackError> {
    let raw: RawPack = document(text)?;
    let mut reader = Reader::new(text);
    let lists = reader.lists(&raw.lists)?;
    let fields = reader.fields(&raw.fields, &lists, false)?;
    let relations = reader.relations(&raw)?;
    let mut pack = Pack {
        name: raw.name.clone(),
        version: raw.version.clone(),
        in_force: reader.day(&raw.in_force)?,
        sources: raw.sources.clone(),
        calendar: Calendar::new(raw.holidays.iter().map(|day| reader.day(day)).collect::<Result<_, _>>()?),
        switches: reader.switches(&raw)?,
        lists,
        fields,
        relations,
        kinds: Vec::new(),
        routes: Vec::new(),
        free_agencies: Vec::new(),
        free_duties: Vec::new(),
        emergency_kinds: Vec::new(),
        emergency_codes: Vec::new(),
        emergency_through: Vec::new(),
        obligations: Vec::new(),
    };
    for kind in &raw.kinds {
        let kind = reader.kind(kind, &raw, &pack)?;
        pack.kinds.push(kind);
    }
    pack.free_agencies = reader.codes_of(&raw.never_held_up.agencies, &pack)?;
    pack.free_duties = reader.codes_of(&raw.never_held_up.duties, &pack)?;
    pack.emergency_codes = reader.codes_of(&raw.emergency.codes, &pack)?;
    for name in &raw.emergency.kinds {
        let kind = pack.kind(name.get_ref()).ok_or_else(|| reader.error(name, "is no kind of this pack"))?;
        pack.emergency_kinds.push(kind.number);
    }
    for name in &raw.emergency.through {
        let relation = pack.relations.iter().find(|relation| relation.name == *name.get_ref());
        let relation = relation.ok_or_else(|| reader.error(name, "is no relation of this pack"))?;
        pack.emergency_through.push(relation.number);
    }
    pack.obligations = match &raw.late {
        Some(late) => vec![only_late(late.working_days)],
        None => reader.obligations(&raw.obligations, &pack)?,
    };
    reader.unique(raw.routes.iter().map(|route| &route.name))?;
    pack.routes = raw.routes.iter().map(|route| reader.route(route, &pack)).collect::<Result<_, _>>()?;
    Ok(pack)
}

/// Reads the TOML of a document that is adopted, as it stands.
pub(super) fn document<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Result<T, PackError> {
    if text.len() > WORDS_LIMIT {
        return Err(PackError { line: 1, what: format!("longer than {WORDS_LIMIT} bytes") });
    }
    toml::from_str(text).map_err(|error| PackError {
        line: error.span().map_or(1, |span| line_of(text, span.start)),
        what: error.message().to_owned(),
    })
}

/// The one obligation of a pack without any: after how many working days something was written late.
fn only_late(working_days: u16) -> Obligation {
    let step = Step {
        name: "written".to_owned(),
        within: Some(Clock::WorkingDays(working_days)),
        law: None,
        severity: Severity::Info,
        what: String::new(),
        next: String::new(),
    };
    let (flag, none) = ("LATE".to_owned(), String::new());
    Obligation { flag, rule: none.clone(), source: none, seen_by: Vec::new(), steps: vec![step] }
}

/// Returns the line, from 1, on which the byte at `offset` stands.
fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

pub(super) struct Reader<'a> {
    text: &'a str,
    ids: HashSet<u16>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Reader { text, ids: HashSet::new() }
    }

    pub(super) fn error(&self, at: &Name, what: &str) -> PackError {
        PackError { line: line_of(self.text, at.span().start), what: format!("\"{}\" {what}", at.get_ref()) }
    }

    /// As [`Reader::error`], of what is no text.
    pub(super) fn wrong(&self, at: std::ops::Range<usize>, what: &str) -> PackError {
        PackError { line: line_of(self.text, at.start), what: what.to_owned() }
    }

    pub(super) fn one_of<T: Copy>(&self, at: &Name, choices: &[(&str, T)]) -> Result<T, PackError> {
        let found = choices.iter().find(|(name, _)| name == at.get_ref()).map(|(_, value)| *value);
        let names = || choices.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        found.ok_or_else(|| self.error(at, &format!("is none of: {}", names())))
    }

    pub(super) fn unique<'n>(&self, names: impl Iterator<Item = &'n Name>) -> Result<(), PackError> {
        let mut seen = HashSet::new();
        for name in names {
            if !seen.insert(name.get_ref()) {
                return Err(self.error(name, "stands twice"));
            }
        }
        Ok(())
    }

    /// Names that are typed on forms and command lines: lowercase letters, digits and underscores, from a letter.
    pub(super) fn plain(&self, name: &Name) -> Result<(), PackError> {
        let text = name.get_ref();
        let fits = text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if fits { Ok(()) } else { Err(self.error(name, "is not a name in small letters")) }
    }

    pub(super) fn day(&self, day: &Name) -> Result<NaiveDate, PackError> {
        let parsed = NaiveDate::parse_from_str(day.get_ref(), "%Y-%m-%d").ok();
        parsed
            .filter(|date| date.to_string() == *day.get_ref())
            .ok_or_else(|| self.error(day, "is no day in the form 2026-02-05"))
    }

    pub(super) fn since(&self, day: &Name) -> Result<String, PackError> {
        if day.get_ref() != "not commenced" {
            self.day(day)?;
        }
        Ok(day.get_ref().clone())
    }

    fn switches(&self, raw: &RawPack) -> Result<Vec<Switch>, PackError> {
        self.unique(raw.switches.iter().map(|switch| &switch.name))?;
        let read = |switch: &RawSwitch| {
            Ok(Switch {
                name: switch.name.get_ref().clone(),
                title: switch.title.clone(),
                source: switch.source.clone(),
                in_force: self.since(&switch.in_force)?,
                on: switch.on,
            })
        };
        raw.switches.iter().map(read).collect()
    }

    fn lists(&self, raw: &[RawList]) -> Result<Vec<CodeList>, PackError> {
        self.unique(raw.iter().map(|list| &list.name))?;
        let mut lists: Vec<CodeList> = Vec::new();
        for list in raw {
            self.unique(list.codes.iter().map(|code| &code.code))?;
            let since = self.since(&list.in_force)?;
            let mut codes: Vec<Code> = Vec::new();
            if list.codes.is_empty() == list.of.is_empty() {
                return Err(self.error(&list.name, "has codes of its own or those of other lists, one of the two"));
            }
            for other in &list.of {
                let earlier = lists.iter().find(|known| known.name == *other.get_ref());
                let earlier = earlier.ok_or_else(|| self.error(other, "is no list above this one"))?;
                if earlier.codes.iter().any(|code| codes.iter().any(|known| known.code == code.code)) {
                    return Err(self.error(other, "has a code that stands here already"));
                }
                codes.extend(earlier.codes.iter().cloned());
            }
            for code in &list.codes {
                if code.code.get_ref().is_empty() || ShortText::new(code.code.get_ref()).is_err() {
                    return Err(self.error(&code.code, "is empty or too long for a code"));
                }
                codes.push(Code {
                    code: code.code.get_ref().clone(),
                    text: code.text.clone(),
                    source: code.source.clone().unwrap_or_else(|| list.source.clone()),
                    in_force: code.in_force.as_ref().map_or(Ok(since.clone()), |day| self.since(day))?,
                    gap: code.gap,
                    unsaid: code.unsaid,
                });
            }
            lists.push(CodeList { name: list.name.get_ref().clone(), title: list.title.clone(), codes });
        }
        Ok(lists)
    }

    fn number(&mut self, id: &Spanned<u16>) -> Result<u16, PackError> {
        let number = *id.get_ref();
        if number == 0 || !self.ids.insert(number) {
            let what = format!("the field number {number} is zero or stands twice");
            return Err(PackError { line: line_of(self.text, id.span().start), what });
        }
        Ok(number)
    }

    fn fields(&mut self, raw: &[RawField], lists: &[CodeList], inner: bool) -> Result<Vec<Field>, PackError> {
        self.unique(raw.iter().map(|field| &field.name))?;
        raw.iter().map(|field| self.field(field, lists, inner)).collect()
    }

    fn field(&mut self, raw: &RawField, lists: &[CodeList], inner: bool) -> Result<Field, PackError> {
        self.plain(&raw.name)?;
        let answer = self.one_of(&raw.answer, TYPES)?;
        let layer = self.one_of(&raw.layer, LAYERS)?;
        let outside = raw.outside.as_ref().map_or(Ok(Outside::Never), |at| self.one_of(at, OUTSIDE))?;
        let wrong = |what| Err(self.error(&raw.name, what));
        match answer {
            FieldType::Text if layer != Layer::Words => return wrong("is free text, which is kept in layer w"),
            FieldType::Group if layer != Layer::Both => return wrong("is a group, whose layer is b"),
            FieldType::Group if inner => return wrong("is a group inside a group"),
            FieldType::Text | FieldType::Group => {}
            _ if !matches!(layer, Layer::Structure | Layer::Header) => {
                return wrong("is not text; its layer is s or h");
            }
            _ => {}
        }
        if (answer == FieldType::Group) == raw.subfields.is_empty() {
            return wrong("needs subfields if it is a group, and has none if it is not");
        }
        if raw.codes.is_none() && answer == FieldType::Code {
            return wrong("is a code and names no list");
        }
        if (outside == Outside::Never) != raw.name_id.is_none() || (outside != Outside::Never && inner) {
            return wrong("needs both outside and name_id, or neither; a subfield neither");
        }
        if (inner && raw.list) || (raw.none && !raw.list) {
            return wrong("cannot be a list, or answered with none");
        }
        if let Some(codes) = &raw.codes {
            let list = lists.iter().find(|list| list.name == *codes.get_ref());
            let list = list.ok_or_else(|| self.error(codes, "is no list of this pack"))?;
            let counts = answer != FieldType::Count || list.codes.iter().all(|code| code.code.parse::<u64>().is_ok());
            if !matches!(answer, FieldType::Code | FieldType::Count) || !counts {
                return Err(self.error(codes, "is no list for an answer of this type"));
            }
        }
        if !inner && (raw.need || raw.need_if.is_some()) {
            return wrong("is no part of a group, and is needed only by kinds");
        }
        let mut field = Field {
            id: self.number(&raw.id)?,
            name: raw.name.get_ref().clone(),
            label: raw.label.clone(),
            answer,
            layer,
            list: raw.list,
            none: raw.none,
            codes: raw.codes.as_ref().map(|codes| codes.get_ref().clone()),
            subfields: self.fields(&raw.subfields, lists, true)?,
            need: raw.need,
            need_if: None,
            outside,
            name_id: raw.name_id.as_ref().map(|id| self.number(id)).transpose()?,
        };
        for (at, part) in raw.subfields.iter().enumerate() {
            let Some(need) = &part.need_if else { continue };
            let of = field.subfield(need.part.get_ref());
            let of = of.ok_or_else(|| self.error(&need.part, "is no part of this group"))?;
            let list = of.codes.as_ref().and_then(|codes| lists.iter().find(|list| list.name == *codes));
            if let Some(code) = need.is.iter().find(|code| list.is_none_or(|list| list.find(code.get_ref()).is_none()))
            {
                return Err(self.error(code, "is no code of that part"));
            }
            let needed = (of.id, need.is.iter().map(|code| code.get_ref().clone()).collect());
            if let Some(part) = field.subfields.get_mut(at) {
                part.need_if = Some(needed);
            }
        }
        Ok(field)
    }

    fn relations(&self, raw: &RawPack) -> Result<Vec<Relation>, PackError> {
        self.unique(raw.relations.iter().map(|relation| &relation.name))?;
        let mut relations = Vec::new();
        for relation in &raw.relations {
            let number = RelationNumber::of(relation.name.get_ref())
                .ok_or_else(|| self.error(&relation.name, "is no relation of the format"))?;
            relations.push(Relation { number, name: relation.name.get_ref().clone(), label: relation.label.clone() });
            // Followed once here, so that a bad name is found even where no kind carries the relation.
            self.targets(&relation.to, raw, KindNumber(0))?;
        }
        Ok(relations)
    }

    pub(super) fn targets(
        &self,
        names: &[Name],
        raw: &RawPack,
        own: KindNumber,
    ) -> Result<Option<Vec<KindNumber>>, PackError> {
        let mut targets = Vec::new();
        for name in names {
            match name.get_ref().as_str() {
                "*" => return Ok(None),
                "=" => targets.push(own),
                text => match text.strip_prefix('@') {
                    Some(group) => {
                        let members = raw.groups.get(group).ok_or_else(|| self.error(name, "is no group"))?;
                        for member in members {
                            targets.push(self.any_kind(member)?);
                        }
                    }
                    None => targets.push(self.any_kind(name)?),
                },
            }
        }
        Ok(Some(targets))
    }

    pub(super) fn any_kind(&self, name: &Name) -> Result<KindNumber, PackError> {
        KindNumber::of(name.get_ref()).ok_or_else(|| self.error(name, "is no kind of the format"))
    }

    fn obligations(&self, raw: &[RawObligation], pack: &Pack) -> Result<Vec<Obligation>, PackError> {
        self.unique(raw.iter().map(|obligation| &obligation.flag))?;
        let flags = pack.list("FLAG");
        let roles = pack.list("ROLE");
        let mut obligations = Vec::new();
        for one in raw {
            if flags.is_none_or(|list| list.find(one.flag.get_ref()).is_none()) {
                return Err(self.error(&one.flag, "is no flag of this pack"));
            }
            let role = |name: &&Name| {
                name.get_ref() != "author" && roles.is_none_or(|list| list.find(name.get_ref()).is_none())
            };
            if let Some(name) = one.seen_by.iter().find(role) {
                return Err(self.error(name, "is no role of this pack, nor author"));
            }
            if one.steps.is_empty() {
                return Err(self.error(&one.flag, "has no step"));
            }
            self.unique(one.steps.iter().map(|step| &step.name))?;
            let severity = self.one_of(&one.severity, SEVERITIES)?;
            let steps = one.steps.iter().map(|step| self.step(step, severity)).collect::<Result<_, _>>()?;
            obligations.push(Obligation {
                flag: one.flag.get_ref().clone(),
                rule: one.rule.clone(),
                source: one.source.clone(),
                seen_by: one.seen_by.iter().map(|name| name.get_ref().clone()).collect(),
                steps,
            });
        }
        if let Some(code) = flags
            .into_iter()
            .flat_map(|list| &list.codes)
            .find(|code| !obligations.iter().any(|obligation| obligation.flag == code.code))
        {
            return Err(PackError { line: 1, what: format!("the flag {} has no obligation", code.code) });
        }
        Ok(obligations)
    }

    fn step(&self, raw: &RawStep, severity: Severity) -> Result<Step, PackError> {
        self.plain(&raw.name)?;
        let clock = |name: &Name| Clock::parse(name.get_ref()).ok_or_else(|| self.error(name, NO_CLOCK));
        let law = match &raw.law {
            Some(name) if name.get_ref() == "month" => Some(LegalLimit::Month),
            Some(name) => Some(LegalLimit::Clock(clock(name)?)),
            None => None,
        };
        Ok(Step {
            name: raw.name.get_ref().clone(),
            within: raw.within.as_ref().map(clock).transpose()?,
            law,
            severity: raw.severity.as_ref().map_or(Ok(severity), |at| self.one_of(at, SEVERITIES))?,
            what: raw.what.clone(),
            next: raw.next.clone(),
        })
    }

    pub(super) fn codes_of(&self, names: &[Name], pack: &Pack) -> Result<Vec<String>, PackError> {
        let known = |name: &Name| pack.lists.iter().any(|list| list.find(name.get_ref()).is_some());
        match names.iter().find(|name| !known(name)) {
            Some(name) => Err(self.error(name, "is no code of this pack")),
            None => Ok(names.iter().map(|name| name.get_ref().clone()).collect()),
        }
    }
}

const TYPES: &[(&str, FieldType)] = &[
    ("text", FieldType::Text),
    ("fixed", FieldType::Fixed),
    ("code", FieldType::Code),
    ("time", FieldType::Time),
    ("count", FieldType::Count),
    ("person", FieldType::Person),
    ("case", FieldType::Case),
    ("key", FieldType::Key),
    ("hash", FieldType::Hash),
    ("proof", FieldType::Proof),
    ("entry", FieldType::Entry),
    ("field", FieldType::FieldName),
    ("group", FieldType::Group),
];

const LAYERS: &[(&str, Layer)] =
    &[("h", Layer::Header), ("s", Layer::Structure), ("w", Layer::Words), ("b", Layer::Both)];

const SEVERITIES: &[(&str, Severity)] = &[("info", Severity::Info), ("item", Severity::Item), ("red", Severity::Red)];

/// What the texts of clocks look like.
const NO_CLOCK: &str = "is no clock: eod, wd 1, h 24, d 14, d 30 rolled, or y 3";

const OUTSIDE: &[(&str, Outside)] = &[("named", Outside::Named), ("typed", Outside::Typed)];
