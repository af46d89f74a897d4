//! Reading a pack: TOML with no unknown key, then every name in it followed to what it names.

use std::collections::HashSet;

use chrono::NaiveDate;
use toml::Spanned;

use super::clock::Calendar;
use super::codes::{Code, CodeList};
use super::kind::{
    CaseRule, Effect, Field, FieldType, FolderRule, HeldUp, Kind, KindField, KindRelation, Layer, Level, Outside,
    Protection, Second,
};
use super::pack::{Pack, PackError, Relation};
use super::raw::{Name, RawField, RawKind, RawList, RawPack};
use crate::codec::{Folder, KindNumber, Publicity, RelationNumber, ShortText, WORDS_LIMIT};

/// Reads a whole pack.
pub(super) fn pack(text: &str) -> Result<Pack, PackError> {
    if text.len() > WORDS_LIMIT {
        return Err(PackError { line: 1, what: format!("longer than {WORDS_LIMIT} bytes") });
    }
    let raw: RawPack = toml::from_str(text).map_err(|error| PackError {
        line: error.span().map_or(1, |span| line_of(text, span.start)),
        what: error.message().to_owned(),
    })?;
    let mut reader = Reader { text, ids: HashSet::new() };
    let lists = reader.lists(&raw.lists)?;
    let fields = reader.fields(&raw.fields, &lists, false)?;
    let relations = reader.relations(&raw)?;
    let mut pack = Pack {
        name: raw.name.clone(),
        version: raw.version.clone(),
        in_force: reader.day(&raw.in_force)?,
        sources: raw.sources.clone(),
        calendar: Calendar::new(raw.holidays.iter().map(|day| reader.day(day)).collect::<Result<_, _>>()?),
        late_after: raw.late.working_days,
        lists,
        fields,
        relations,
        kinds: Vec::new(),
        free_agencies: Vec::new(),
        free_duties: Vec::new(),
        emergency_kinds: Vec::new(),
        emergency_codes: Vec::new(),
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
    Ok(pack)
}

/// Returns the line, from 1, on which the byte at `offset` stands.
fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

struct Reader<'a> {
    text: &'a str,
    ids: HashSet<u16>,
}

impl Reader<'_> {
    fn error(&self, at: &Name, what: &str) -> PackError {
        PackError { line: line_of(self.text, at.span().start), what: format!("\"{}\" {what}", at.get_ref()) }
    }

    fn one_of<T: Copy>(&self, at: &Name, choices: &[(&str, T)]) -> Result<T, PackError> {
        let found = choices.iter().find(|(name, _)| name == at.get_ref()).map(|(_, value)| *value);
        let names = || choices.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        found.ok_or_else(|| self.error(at, &format!("is none of: {}", names())))
    }

    fn unique<'n>(&self, names: impl Iterator<Item = &'n Name>) -> Result<(), PackError> {
        let mut seen = HashSet::new();
        for name in names {
            if !seen.insert(name.get_ref()) {
                return Err(self.error(name, "stands twice"));
            }
        }
        Ok(())
    }

    /// Names that are typed on forms and command lines: lowercase letters, digits and underscores, from a letter.
    fn plain(&self, name: &Name) -> Result<(), PackError> {
        let text = name.get_ref();
        let fits = text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if fits { Ok(()) } else { Err(self.error(name, "is not a name in small letters")) }
    }

    fn day(&self, day: &Name) -> Result<NaiveDate, PackError> {
        let parsed = NaiveDate::parse_from_str(day.get_ref(), "%Y-%m-%d").ok();
        parsed
            .filter(|date| date.to_string() == *day.get_ref())
            .ok_or_else(|| self.error(day, "is no day in the form 2026-02-05"))
    }

    fn since(&self, day: &Name) -> Result<String, PackError> {
        if day.get_ref() != "not commenced" {
            self.day(day)?;
        }
        Ok(day.get_ref().clone())
    }

    fn lists(&self, raw: &[RawList]) -> Result<Vec<CodeList>, PackError> {
        self.unique(raw.iter().map(|list| &list.name))?;
        let mut lists = Vec::new();
        for list in raw {
            self.unique(list.codes.iter().map(|code| &code.code))?;
            let since = self.since(&list.in_force)?;
            let mut codes = Vec::new();
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
        Ok(Field {
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
            outside,
            name_id: raw.name_id.as_ref().map(|id| self.number(id)).transpose()?,
        })
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

    fn targets(&self, names: &[Name], raw: &RawPack, own: KindNumber) -> Result<Option<Vec<KindNumber>>, PackError> {
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

    fn any_kind(&self, name: &Name) -> Result<KindNumber, PackError> {
        KindNumber::of(name.get_ref()).ok_or_else(|| self.error(name, "is no kind of the format"))
    }

    fn codes_of(&self, names: &[Name], pack: &Pack) -> Result<Vec<String>, PackError> {
        let known = |name: &Name| pack.lists.iter().any(|list| list.find(name.get_ref()).is_some());
        match names.iter().find(|name| !known(name)) {
            Some(name) => Err(self.error(name, "is no code of this pack")),
            None => Ok(names.iter().map(|name| name.get_ref().clone()).collect()),
        }
    }

    fn kind(&self, raw: &RawKind, whole: &RawPack, pack: &Pack) -> Result<Kind, PackError> {
        let number = self.any_kind(&raw.name)?;
        if pack.kinds.iter().any(|kind| kind.number == number) {
            return Err(self.error(&raw.name, "stands twice"));
        }
        let folder = self.folder(&raw.folder)?;
        if (number.publicity() == Some(Publicity::Public)) != (folder == FolderRule::Public) {
            return Err(self.error(&raw.folder, "does not fit: the format says which kinds are public"));
        }
        if let Some(counts) = &raw.counts {
            self.one_of(counts, &[("decided_at", ())])?;
        }
        let mut kind = Kind {
            number,
            name: raw.name.get_ref().clone(),
            label: raw.label.clone(),
            act: self.one_of(&raw.is, &[("act", true), ("report", false)])?,
            folder,
            case: self.one_of(&raw.case, CASES)?,
            held_up: self.one_of(&raw.held_up, HELD_UP)?,
            second: raw.second.as_ref().map_or(Ok(Second::No), |at| self.one_of(at, SECOND))?,
            fields: self.kind_fields(raw, whole, pack)?,
            labels: Vec::new(),
            relations: self.kind_relations(raw, whole, number)?,
            protection: match raw.protection.as_slice() {
                [only] if only.get_ref() == "always" => Protection::Always,
                codes => Protection::Codes(self.codes_of(codes, pack)?),
            },
            decision_counts: raw.counts.is_some(),
            opens: self.effects(&raw.opens, pack)?,
            closes: self.effects(&raw.closes, pack)?,
        };
        for (name, label) in &raw.labels {
            let field = pack.field(name).ok_or_else(|| self.error(&raw.name, "words a question of no field"))?;
            let used = field.layer == Layer::Header
                || kind.fields.iter().any(|used| pack.fields.get(used.index).is_some_and(|known| known.id == field.id));
            if !used {
                return Err(self.error(&raw.name, &format!("words the question {name}, which it does not ask")));
            }
            kind.labels.push((name.clone(), label.clone()));
        }
        Ok(kind)
    }

    fn folder(&self, at: &Name) -> Result<FolderRule, PackError> {
        match at.get_ref().as_str() {
            "public" => Ok(FolderRule::Public),
            "-" => Ok(FolderRule::NoWords),
            "case" => Ok(FolderRule::Case),
            "case/intake" => Ok(FolderRule::CaseOrIntake),
            name => Folder::from_name(name).map(FolderRule::Fixed).ok_or_else(|| self.error(at, "is no folder")),
        }
    }

    fn kind_fields(&self, raw: &RawKind, whole: &RawPack, pack: &Pack) -> Result<Vec<KindField>, PackError> {
        let levels =
            [(&raw.always, Level::Always), (&raw.before_act, Level::BeforeAct), (&raw.optional, Level::Optional)];
        self.unique(levels.iter().flat_map(|(names, _)| names.iter()).chain(&whole.common))?;
        let has_words = !matches!(raw.folder.get_ref().as_str(), "public" | "-");
        let mut fields: Vec<KindField> = Vec::new();
        for (names, level) in levels.into_iter().chain([(&whole.common, Level::Optional)]) {
            for name in names {
                let index = pack.fields.iter().position(|field| field.name == *name.get_ref());
                let index = index.ok_or_else(|| self.error(name, "is no field of this pack"))?;
                let field = pack.fields.get(index).filter(|field| field.layer != Layer::Header);
                let field = field.ok_or_else(|| self.error(name, "stands in every entry and is not listed"))?;
                if !has_words && field.wordy() {
                    if level != Level::Optional {
                        return Err(self.error(name, "holds words, which this kind has no folder for"));
                    }
                    continue;
                }
                fields.push(KindField { index, level, softened: false, many: field.list, condition: None });
            }
        }
        let find = |fields: &[KindField], name: &Name| {
            let at = fields
                .iter()
                .position(|used| pack.fields.get(used.index).is_some_and(|field| field.name == *name.get_ref()));
            at.ok_or_else(|| self.error(name, "is no field of this kind"))
        };
        for name in &raw.softened {
            let at = find(&fields, name)?;
            if let Some(field) = fields.get_mut(at) {
                field.softened = true;
            }
        }
        for name in &raw.many {
            let at = find(&fields, name)?;
            if let Some(field) = fields.get_mut(at) {
                field.many = true;
            }
        }
        for condition in &raw.conditions {
            let at = find(&fields, &condition.field)?;
            let of = pack.id_of(condition.of.get_ref());
            let of = of.ok_or_else(|| self.error(&condition.of, "is no field of this pack"))?;
            let codes = self.codes_of(&condition.is, pack)?;
            if let Some(field) = fields.get_mut(at) {
                field.condition = Some((of, codes));
            }
        }
        Ok(fields)
    }

    fn kind_relations(&self, raw: &RawKind, whole: &RawPack, own: KindNumber) -> Result<Vec<KindRelation>, PackError> {
        let mut relations: Vec<KindRelation> = Vec::new();
        for text in &raw.relations {
            let (name, to) = match text.get_ref().split_once(':') {
                Some((name, to)) => (name, Some(to)),
                None => (text.get_ref().as_str(), None),
            };
            let known = whole.relations.iter().find(|relation| relation.name.get_ref() == name);
            let known = known.ok_or_else(|| self.error(text, "is no relation of this pack"))?;
            let number = RelationNumber::of(name).ok_or_else(|| self.error(text, "is no relation of the format"))?;
            if relations.iter().any(|relation| relation.number == number) {
                return Err(self.error(text, "stands twice"));
            }
            let to = match to {
                None => self.targets(&known.to, whole, own)?,
                Some(kinds) => {
                    let kinds = kinds.split(',').map(|kind| Spanned::new(text.span(), kind.trim().to_owned()));
                    self.targets(&kinds.collect::<Vec<_>>(), whole, own)?
                }
            };
            let named = |names: &[Name]| names.iter().any(|wanted| wanted.get_ref() == name);
            let level = match (named(&raw.always_relations), named(&raw.before_act_relations)) {
                (true, _) => Level::Always,
                (false, true) => Level::BeforeAct,
                (false, false) => Level::Optional,
            };
            relations.push(KindRelation { number, to, level });
        }
        for wanted in raw.always_relations.iter().chain(&raw.before_act_relations) {
            let number = RelationNumber::of(wanted.get_ref());
            if !relations.iter().any(|relation| Some(relation.number) == number) {
                return Err(self.error(wanted, "is no relation of this kind"));
            }
        }
        // Every kind may speak of any entry, and fill in what an earlier entry of its own kind left open.
        for (name, to) in [("about", None), ("completes", Some(vec![own]))] {
            let Some(number) = RelationNumber::of(name) else { continue };
            if !relations.iter().any(|relation| relation.number == number) {
                relations.push(KindRelation { number, to, level: Level::Optional });
            }
        }
        Ok(relations)
    }

    fn effects(&self, texts: &[Name], pack: &Pack) -> Result<Vec<Effect>, PackError> {
        let mut effects = Vec::new();
        for text in texts {
            let (flag, when) = match text.get_ref().split_once(':') {
                Some((flag, when)) => (flag, Some(when.trim().to_owned())),
                None => (text.get_ref().as_str(), None),
            };
            let (flag, step) = match flag.split_once('/') {
                Some((flag, step)) => (flag, Some(step.to_owned())),
                None => (flag, None),
            };
            if pack.list("FLAG").is_none_or(|list| list.find(flag).is_none()) {
                return Err(self.error(text, "names no flag of this pack"));
            }
            effects.push(Effect { flag: flag.to_owned(), step, when });
        }
        Ok(effects)
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
    ("group", FieldType::Group),
];

const LAYERS: &[(&str, Layer)] =
    &[("h", Layer::Header), ("s", Layer::Structure), ("w", Layer::Words), ("b", Layer::Both)];

const OUTSIDE: &[(&str, Outside)] = &[("named", Outside::Named), ("typed", Outside::Typed)];

const CASES: &[(&str, CaseRule)] =
    &[("needed", CaseRule::Needed), ("optional", CaseRule::Optional), ("none", CaseRule::None)];

const HELD_UP: &[(&str, HeldUp)] =
    &[("never", HeldUp::Never), ("recipient", HeldUp::ByRecipient), ("gate", HeldUp::Gate)];

const SECOND: &[(&str, Second)] = &[("always", Second::Always), ("roles", Second::Roles)];
