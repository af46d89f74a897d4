//! The form of a kind as JSON: all that a door needs to ask its questions.

use serde_json::{Map, Value as Json, json};

use super::codes::Code;
use super::kind::{
    CaseRule, Effect, Field, FieldType, FolderRule, HeldUp, Kind, KindField, KindRelation, Layer, Level, Second,
};
use super::obligation::{LegalLimit, Obligation, Step};
use super::pack::Pack;
use crate::codec::Folder;

impl Pack {
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
            "folder": folder_name(&kind.folder),
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

    /// Returns what each flag means: rule, source, who sees it, and its steps with their clocks and next steps.
    #[must_use]
    pub fn obligations_json(&self) -> Json {
        let step = |step: &Step| {
            let law = step.law.map(|law| match law {
                LegalLimit::Month => "month".to_owned(),
                LegalLimit::Clock(clock) => clock.to_string(),
            });
            json!({"step": step.name, "within": step.within.map(|clock| clock.to_string()), "law": law,
                   "severity": step.severity.name(), "what": step.what, "next": step.next})
        };
        let one = |known: &Obligation| {
            json!({"flag": known.flag, "rule": known.rule, "source": known.source, "seen_by": known.seen_by,
                   "steps": known.steps.iter().map(step).collect::<Vec<_>>()})
        };
        self.obligations().iter().map(one).collect()
    }

    fn relation_json(&self, relation: &KindRelation) -> Json {
        let known = self.relation(relation.number);
        let kinds = relation.to.as_ref().map(|to| to.iter().filter_map(|kind| kind.name()).collect::<Vec<_>>());
        json!({
            "name": relation.number.name(),
            "label": known.map(|known| known.label.as_str()),
            "to": kinds,
            "level": level_name(relation.level),
            "only_if": relation.condition.as_ref().map(|condition| self.condition_json(condition)),
        })
    }

    fn condition_json(&self, (of, codes): &(u16, Vec<String>)) -> Json {
        let of = self.field_numbered(*of).map(|(field, sub)| match sub {
            Some(sub) => format!("{}.{}", field.name, sub.name),
            None => field.name.clone(),
        });
        json!({ "field": of, "is": codes })
    }

    fn used_json(&self, kind: &Kind, used: &KindField, field: &Field) -> Json {
        let mut object = self.field_json(field);
        object.insert("label".into(), self.label(kind, &field.name).into());
        object.insert("level".into(), level_name(used.level).into());
        object.insert("list".into(), used.many.into());
        object.insert("none_is_an_answer".into(), field.none.into());
        if let Some(condition) = &used.condition {
            object.insert("only_if".into(), self.condition_json(condition));
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
                if let Some(condition) = &sub.need_if {
                    object.insert("needed_if".into(), self.condition_json(condition));
                }
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

fn folder_name(rule: &FolderRule) -> String {
    match rule {
        FolderRule::Public => "public".to_owned(),
        FolderRule::NoWords => "-".to_owned(),
        FolderRule::Roll => "roll".to_owned(),
        FolderRule::As(relation) => format!("as {}", relation.name().unwrap_or("?")),
        FolderRule::Among(folders) => {
            let names = folders.iter().map(|folder| folder.name()).collect::<Vec<_>>().join("/");
            let case = [Folder::General, Folder::Protection].map(Folder::name).join("/");
            names.replace(&case, "case")
        }
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
        FieldType::FieldName => "field",
        FieldType::Group => "group",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::pack::BUILT_IN;

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
        let obligations = pack.obligations_json();
        let unbacked = &obligations.as_array().unwrap()[0];
        assert_eq!((&unbacked["flag"], &unbacked["steps"][0]["within"]), (&json!("UNBACKED"), &json!("h 24")));
        assert!(form["opens"].as_array().unwrap().iter().any(|effect| effect["flag"] == "FAMILY-TELL"));
        assert!(form["relations"].as_array().unwrap().iter().any(|relation| relation["to"].is_null()));
    }
}
