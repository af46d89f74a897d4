//! A rule pack: a dated TOML document that says which kinds there are and what each may hold.
//!
//! The document's own head describes its keys; [`BUILT_IN`] is the pack that ships. Reading is strict: an unknown key,
//! a number or name that stands twice, or a name that leads nowhere refuses the whole pack, with the line. Kind and
//! relation numbers are the format's and never a pack's; field numbers are the pack's, and a later pack keeps them.
//!
//! | table | keys |
//! |---|---|
//! | top | `name` `version` `in_force` `sources` `holidays` `common` |
//! | `never_held_up` | `agencies` `duties` |
//! | `emergency` | `kinds` `codes` |
//! | `late` | `working_days` |
//! | `groups` | a name and the kinds it stands for |
//! | `lists` | `name` `title` `source` `in_force` `codes` = `code` `text` `source` `in_force` `gap` |
//! | `fields` | `id` `name` `label` `type` `layer` `codes` `list` `none` `need` `outside` `name_id` `subfields` |
//! | `relations` | `name` `label` `to` |
//! | `kinds` | `name` `label` `is` `folder` `case` `held_up` `second` `counts` `protection` `opens` `closes` |
//! | (fields) | `always` `softened` `before_act` `optional` `many` `conditions` `labels` |
//! | (relations) | `relations` `always_relations` `before_act_relations` |

use chrono::NaiveDate;
use serde_json::{Map, Value as Json, json};

use super::clock::Calendar;
use super::codes::{Code, CodeList};
use super::kind::{CaseRule, Effect, Field, FieldType, FolderRule, HeldUp, Kind, KindField, Layer, Level, Second};
use super::read;
use crate::codec::{KindNumber, RelationNumber};

/// The text of the pack that ships with this program.
pub const BUILT_IN: &str = include_str!("packs/england-2026.toml");

/// Why a text is no pack.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct PackError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

/// A relation of the pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// Its number in the format.
    pub number: RelationNumber,
    /// Its name.
    pub name: String,
    /// How people say it: "this entry ... that entry".
    pub label: String,
}

/// A pack that was read and followed through: every name in it leads somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pack {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) in_force: NaiveDate,
    pub(super) sources: Vec<String>,
    pub(super) calendar: Calendar,
    pub(super) late_after: u16,
    pub(super) lists: Vec<CodeList>,
    pub(super) fields: Vec<Field>,
    pub(super) relations: Vec<Relation>,
    pub(super) kinds: Vec<Kind>,
    pub(super) free_agencies: Vec<String>,
    pub(super) free_duties: Vec<String>,
    pub(super) emergency_kinds: Vec<KindNumber>,
    pub(super) emergency_codes: Vec<String>,
}

impl Pack {
    /// Reads a pack.
    ///
    /// # Errors
    /// [`PackError`] with the first line that cannot stand.
    pub fn parse(text: &str) -> Result<Pack, PackError> {
        read::pack(text)
    }

    /// Returns the pack's name, such as `england-2026`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the pack's version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Returns the day since which the pack holds.
    #[must_use]
    pub fn in_force(&self) -> NaiveDate {
        self.in_force
    }

    /// Returns what the pack was written from.
    #[must_use]
    pub fn sources(&self) -> &[String] {
        &self.sources
    }

    /// Returns the working days.
    #[must_use]
    pub fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// Returns after how many working days an entry counts as late.
    #[must_use]
    pub fn late_after(&self) -> u16 {
        self.late_after
    }

    /// Returns every kind, in the pack's order.
    #[must_use]
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// Returns every field, in the pack's order.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Returns every code list, in the pack's order.
    #[must_use]
    pub fn lists(&self) -> &[CodeList] {
        &self.lists
    }

    /// Returns the agencies to which nothing holds up a share.
    #[must_use]
    pub fn free_agencies(&self) -> &[String] {
        &self.free_agencies
    }

    /// Returns the duties under which nothing holds up an answer.
    #[must_use]
    pub fn free_duties(&self) -> &[String] {
        &self.free_duties
    }

    /// Whether a kind with this code carries the badge of an emergency.
    #[must_use]
    pub fn is_emergency(&self, kind: KindNumber, code: &str) -> bool {
        self.emergency_kinds.contains(&kind) && self.emergency_codes.iter().any(|known| known == code)
    }

    /// Returns a kind by name.
    #[must_use]
    pub fn kind(&self, name: &str) -> Option<&Kind> {
        self.kinds.iter().find(|kind| kind.name == name)
    }

    /// Returns a kind by its number in the format.
    #[must_use]
    pub fn kind_numbered(&self, number: KindNumber) -> Option<&Kind> {
        self.kinds.iter().find(|kind| kind.number == number)
    }

    /// Returns a field (not a subfield) by name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Returns the field, and the subfield if it is one, that a number belongs to; of the number of a person's name,
    /// the person's field.
    #[must_use]
    pub fn field_numbered(&self, id: u16) -> Option<(&Field, Option<&Field>)> {
        let field = self.fields.iter().find(|field| field.owns(id))?;
        Some((field, field.subfields.iter().find(|sub| sub.id == id)))
    }

    /// Returns the number of a field by name, or of a subfield by `field.subfield`.
    #[must_use]
    pub fn id_of(&self, path: &str) -> Option<u16> {
        match path.split_once('.') {
            None => self.field(path).map(|field| field.id),
            Some((field, sub)) => self.field(field)?.subfield(sub).map(|sub| sub.id),
        }
    }

    /// Returns a code list by name.
    #[must_use]
    pub fn list(&self, name: &str) -> Option<&CodeList> {
        self.lists.iter().find(|list| list.name == name)
    }

    /// Returns the list that a field is answered from.
    #[must_use]
    pub fn codes(&self, field: &Field) -> Option<&CodeList> {
        self.list(field.codes.as_deref()?)
    }

    /// Returns a relation by its number.
    #[must_use]
    pub fn relation(&self, number: RelationNumber) -> Option<&Relation> {
        self.relations.iter().find(|relation| relation.number == number)
    }

    /// Returns the field as this kind uses it, by name.
    #[must_use]
    pub fn field_of<'a>(&'a self, kind: &'a Kind, name: &str) -> Option<(&'a KindField, &'a Field)> {
        self.fields_of(kind).find(|(_, field)| field.name == name)
    }

    /// Returns the fields of a kind, the most wanted first.
    pub fn fields_of<'a>(&'a self, kind: &'a Kind) -> impl Iterator<Item = (&'a KindField, &'a Field)> {
        kind.fields.iter().filter_map(|used| self.fields.get(used.index).map(|field| (used, field)))
    }

    /// Returns the question of a field, or of a part of the statement's head, in the kind's words.
    #[must_use]
    pub fn label<'a>(&'a self, kind: &'a Kind, name: &str) -> &'a str {
        let own = kind.labels.iter().find(|(known, _)| known == name).map(|(_, label)| label);
        own.or_else(|| self.field(name).map(|field| &field.label)).map_or("", String::as_str)
    }

    /// Returns all that is needed to draw the form of a kind: fields with questions, types and codes, relations,
    /// effects.
    #[must_use]
    pub fn kind_json(&self, kind: &Kind) -> Json {
        let head = |name: &str, level| json!({ "name": name, "label": self.label(kind, name), "level": level });
        let mut times = vec![head("learned_at", if kind.act { "optional" } else { "always" })];
        times.push(head("occurred_at", if kind.act && !kind.decision_counts { "when" } else { "optional" }));
        if kind.act {
            times.push(head("decided_at", "when"));
        }
        let relations: Vec<Json> = kind.relations.iter().map(|relation| self.relation_json(relation)).collect();
        json!({
            "kind": kind.name,
            "number": kind.number.0,
            "label": kind.label,
            "is": if kind.act { "act" } else { "report" },
            "folder": folder_name(kind.folder),
            "case": case_name(kind.case),
            "held_up": held_up_name(kind.held_up),
            "second_person": second_name(kind.second),
            "times": times,
            "fields": self.fields_of(kind).map(|(used, field)| self.used_json(kind, used, field)).collect::<Vec<_>>(),
            "relations": relations,
            "opens": kind.opens.iter().map(effect_json).collect::<Vec<_>>(),
            "closes": kind.closes.iter().map(effect_json).collect::<Vec<_>>(),
        })
    }

    fn relation_json(&self, relation: &super::kind::KindRelation) -> Json {
        let known = self.relation(relation.number);
        let kinds = relation.to.as_ref().map(|to| to.iter().filter_map(|kind| kind.name()).collect::<Vec<_>>());
        json!({
            "name": relation.number.name(),
            "label": known.map(|known| known.label.as_str()),
            "to": kinds,
            "level": level_name(relation.level),
        })
    }

    fn used_json(&self, kind: &Kind, used: &KindField, field: &Field) -> Json {
        let mut object = self.field_json(field);
        object.insert("label".into(), self.label(kind, &field.name).into());
        object.insert("level".into(), level_name(used.level).into());
        object.insert("list".into(), used.many.into());
        object.insert("none_is_an_answer".into(), field.none.into());
        if let Some((of, codes)) = &used.condition {
            let of = self.field_numbered(*of).map(|(field, sub)| match sub {
                Some(sub) => format!("{}.{}", field.name, sub.name),
                None => field.name.clone(),
            });
            object.insert("only_if".into(), json!({ "field": of, "is": codes }));
        }
        Json::Object(object)
    }

    fn field_json(&self, field: &Field) -> Map<String, Json> {
        let mut object = Map::new();
        object.insert("id".into(), field.id.into());
        object.insert("name".into(), field.name.as_str().into());
        object.insert("label".into(), field.label.as_str().into());
        object.insert("type".into(), type_name(field.answer).into());
        object.insert("layer".into(), layer_name(field.layer).into());
        if let Some(list) = self.codes(field) {
            let code = |code: &Code| {
                let Code { code, text, source, in_force, .. } = code;
                json!({ "code": code, "text": text, "source": source, "in_force": in_force })
            };
            object.insert("codes".into(), list.codes.iter().map(code).collect());
        }
        if field.name_id.is_some() {
            object.insert("may_be_named".into(), true.into());
        }
        if !field.subfields.is_empty() {
            let subfield = |sub: &Field| {
                let mut object = self.field_json(sub);
                object.insert("needed".into(), sub.need.into());
                Json::Object(object)
            };
            object.insert("subfields".into(), field.subfields.iter().map(subfield).collect());
        }
        object
    }
}

fn effect_json(effect: &Effect) -> Json {
    json!({ "flag": effect.flag, "step": effect.step, "when": effect.when })
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::Always => "always",
        Level::BeforeAct => "before_act",
        Level::Optional => "optional",
    }
}

fn folder_name(rule: FolderRule) -> &'static str {
    match rule {
        FolderRule::Public => "public",
        FolderRule::NoWords => "-",
        FolderRule::Case => "case",
        FolderRule::CaseOrIntake => "case/intake",
        FolderRule::Fixed(folder) => folder.name(),
    }
}

fn case_name(rule: CaseRule) -> &'static str {
    match rule {
        CaseRule::Needed => "needed",
        CaseRule::Optional => "optional",
        CaseRule::None => "none",
    }
}

fn held_up_name(rule: HeldUp) -> &'static str {
    match rule {
        HeldUp::Never => "never",
        HeldUp::ByRecipient => "recipient",
        HeldUp::Gate => "gate",
    }
}

fn second_name(rule: Second) -> &'static str {
    match rule {
        Second::No => "no",
        Second::Roles => "roles",
        Second::Always => "always",
    }
}

fn layer_name(layer: Layer) -> &'static str {
    match layer {
        Layer::Header => "h",
        Layer::Structure => "s",
        Layer::Words => "w",
        Layer::Both => "b",
    }
}

fn type_name(answer: FieldType) -> &'static str {
    match answer {
        FieldType::Text => "text",
        FieldType::Fixed => "fixed",
        FieldType::Code => "code",
        FieldType::Time => "time",
        FieldType::Count => "count",
        FieldType::Person => "person",
        FieldType::Case => "case",
        FieldType::Key => "key",
        FieldType::Hash => "hash",
        FieldType::Proof => "proof",
        FieldType::Entry => "entry",
        FieldType::Group => "group",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_built_in_pack_reads_and_answers() {
        let pack = Pack::parse(BUILT_IN).unwrap();
        assert_eq!(
            (pack.name(), pack.version(), pack.in_force().to_string().as_str()),
            ("england-2026", "2026.1", "2026-09-01")
        );
        assert_eq!(pack.id_of("items.class"), Some(131));
        assert_eq!(pack.field_numbered(12).map(|(field, _)| field.name.as_str()), Some("took_part"));
        let (field, sub) = pack.field_numbered(86).unwrap();
        assert_eq!((field.name.as_str(), sub.unwrap().name.as_str()), ("recipient", "reference"));
        let share = pack.kind("decision.share").unwrap();
        assert_eq!(pack.kind_numbered(share.number), Some(share));
        assert!(pack.field_of(share, "items").is_some() && pack.field_of(share, "view").is_none());
        assert_eq!(pack.list("YNU").unwrap().spelled(), "yes, no, not_asked, not_known");
        assert!(pack.calendar().is_working_day(NaiveDate::from_ymd_opt(2026, 10, 6).unwrap()));
        assert!(!pack.calendar().is_working_day(NaiveDate::from_ymd_opt(2026, 12, 28).unwrap()));
        assert!(pack.is_emergency(share.number, "LB-D") && !pack.is_emergency(share.number, "LB-A"));
        for kind in pack.kinds() {
            assert!(pack.fields_of(kind).all(|(_, field)| !pack.label(kind, &field.name).is_empty()), "{}", kind.name);
            assert!(kind.has_words() || pack.fields_of(kind).all(|(_, field)| !field.wordy()), "{}", kind.name);
            let common = ["about", "completes"].map(|name| RelationNumber::of(name).unwrap());
            assert!(common.iter().all(|relation| kind.relation(*relation).is_some()));
        }
        for name in ["for_safety", "reported_by", "took_part", "medium", "paper_ref", "attachments", "statements"] {
            assert!(pack.field_of(share, name).is_some_and(|(used, _)| used.level == Level::Optional), "{name}");
        }
    }

    #[test]
    fn a_form_can_be_drawn_from_the_json_of_a_kind() {
        let pack = Pack::parse(BUILT_IN).unwrap();
        let form = pack.kind_json(pack.kind("decision.share").unwrap());
        assert_eq!(form["number"], 96);
        let fields = form["fields"].as_array().unwrap();
        let find = |name: &str| fields.iter().find(|field| field["name"] == name).unwrap();
        assert_eq!(find("reasons")["label"], "Why is it shared?");
        assert_eq!(find("items")["subfields"][0]["codes"][2]["code"], "health");
        assert_eq!(find("special")["only_if"]["field"], "items.class");
        assert_eq!(find("items_withheld")["none_is_an_answer"], true);
        assert!(form["opens"].as_array().unwrap().iter().any(|effect| effect["flag"] == "FAMILY-TELL"));
        assert!(form["relations"].as_array().unwrap().iter().any(|relation| relation["to"].is_null()));
    }

    fn refused(from: &str, to: &str) -> PackError {
        assert!(BUILT_IN.contains(from), "{from}");
        Pack::parse(&BUILT_IN.replacen(from, to, 1)).unwrap_err()
    }

    #[test]
    fn what_leads_nowhere_or_stands_twice_is_refused_with_its_line() {
        let line = |text: &str| BUILT_IN.lines().position(|line| line.contains(text)).unwrap() + 1;
        let error = refused("name = \"ART6\"", "nam = \"ART6\"");
        assert!(error.what.contains("nam"), "{error}");
        let error = refused("codes = \"MEDIUM\"", "codes = \"MEDIUMS\"");
        assert_eq!(error.line, line("codes = \"MEDIUM\""));
        assert!(refused("id = 13\n", "id = 12\n").what.contains("12"));
        assert!(refused("name = \"case\"", "name = \"folder\"").what.contains("twice"));
        assert!(refused("name = \"key.enrol\"", "name = \"key.enroll\"").what.contains("no kind"));
        assert!(refused("name = \"key.enrol\"", "name = \"genesis\"").what.contains("twice"));
        assert!(refused("\"origin\", \"title\"", "\"origin\", \"titles\"").what.contains("no field"));
        assert!(refused("\"origin\", \"title\"", "\"origin\", \"narrative\"").what.contains("words"));
        assert!(refused("relations = [\"confirms\"]", "relations = [\"proves\"]").what.contains("no relation"));
        assert!(refused("opens = [\"ONE-FOUNDER\"]", "opens = [\"TWO-FOUNDERS\"]").what.contains("no flag"));
        assert!(refused("folder = \"public\"", "folder = \"case\"").what.contains("public"));
        assert!(refused("\"2024-01-01\"", "\"2024-1-01\"").what.contains("no day"));
        assert!(refused("agencies = [\"AG-CSC\"", "agencies = [\"AG-CSCC\"").what.contains("no code"));
        assert!(Pack::parse(&" ".repeat(2 << 20)).is_err());
        assert!(Pack::parse("").is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn changed_text_is_read_or_refused_and_never_panics(
            at in 0usize..BUILT_IN.len(), length in 0usize..40, with in "[ -~\n]{0,8}",
        ) {
            let mut text = BUILT_IN.to_owned();
            text.replace_range(at..(at + length).min(BUILT_IN.len()), &with);
            let lines = text.lines().count() + 1;
            if let Err(error) = Pack::parse(&text) {
                prop_assert!(error.line >= 1 && error.line <= lines);
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
            prop_assert!(Pack::parse(&text).is_err());
        }
    }
}
