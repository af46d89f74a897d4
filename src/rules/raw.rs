//! The pack's TOML as it stands, before any name in it is followed. [`super::pack`] says what the keys mean.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

/// A text and where it stands, so that an error can say the line.
pub(super) type Name = Spanned<String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPack {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) in_force: Name,
    pub(super) sources: Vec<String>,
    pub(super) holidays: Vec<Name>,
    pub(super) common: Vec<Name>,
    pub(super) never_held_up: RawNever,
    pub(super) emergency: RawEmergency,
    #[serde(default)]
    pub(super) switches: Vec<RawSwitch>,
    #[serde(default)]
    pub(super) groups: BTreeMap<String, Vec<Name>>,
    pub(super) lists: Vec<RawList>,
    pub(super) fields: Vec<RawField>,
    pub(super) relations: Vec<RawRelation>,
    pub(super) kinds: Vec<RawKind>,
    /// Packs before 2026.1 had this one number and no obligations.
    pub(super) late: Option<RawLate>,
    #[serde(default)]
    pub(super) obligations: Vec<RawObligation>,
    #[serde(default)]
    pub(super) routes: Vec<RawRoute>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLate {
    pub(super) working_days: u16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNever {
    pub(super) agencies: Vec<Name>,
    pub(super) duties: Vec<Name>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEmergency {
    pub(super) kinds: Vec<Name>,
    pub(super) codes: Vec<Name>,
    #[serde(default)]
    pub(super) through: Vec<Name>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawObligation {
    pub(super) flag: Name,
    pub(super) rule: String,
    pub(super) source: String,
    pub(super) severity: Name,
    pub(super) seen_by: Vec<Name>,
    pub(super) steps: Vec<RawStep>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStep {
    pub(super) name: Name,
    pub(super) within: Option<Name>,
    pub(super) law: Option<Name>,
    pub(super) severity: Option<Name>,
    pub(super) what: String,
    pub(super) next: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSwitch {
    pub(super) name: Name,
    pub(super) title: String,
    pub(super) source: String,
    pub(super) in_force: Name,
    pub(super) on: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawList {
    pub(super) name: Name,
    pub(super) title: String,
    pub(super) source: String,
    pub(super) in_force: Name,
    #[serde(default)]
    pub(super) codes: Vec<RawCode>,
    #[serde(default)]
    pub(super) of: Vec<Name>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCode {
    pub(super) code: Name,
    pub(super) text: String,
    pub(super) source: Option<String>,
    pub(super) in_force: Option<Name>,
    #[serde(default)]
    pub(super) gap: bool,
    #[serde(default)]
    pub(super) unsaid: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawField {
    pub(super) id: Spanned<u16>,
    pub(super) name: Name,
    pub(super) label: String,
    #[serde(rename = "type")]
    pub(super) answer: Name,
    pub(super) layer: Name,
    pub(super) codes: Option<Name>,
    #[serde(default)]
    pub(super) list: bool,
    #[serde(default)]
    pub(super) none: bool,
    #[serde(default)]
    pub(super) need: bool,
    pub(super) need_if: Option<RawNeed>,
    pub(super) outside: Option<Name>,
    pub(super) name_id: Option<Spanned<u16>>,
    #[serde(default)]
    pub(super) subfields: Vec<RawField>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNeed {
    pub(super) part: Name,
    pub(super) is: Vec<Name>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRelation {
    pub(super) name: Name,
    pub(super) label: String,
    pub(super) to: Vec<Name>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCondition {
    pub(super) field: Option<Name>,
    pub(super) relation: Option<Name>,
    pub(super) of: Name,
    pub(super) is: Vec<Name>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPlace {
    pub(super) folder: Name,
    pub(super) is: Vec<Name>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAsk {
    pub(super) switch: Name,
    pub(super) field: Name,
    pub(super) among: Vec<Name>,
    pub(super) what: String,
    pub(super) next: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawKind {
    pub(super) name: Name,
    pub(super) label: String,
    pub(super) is: Name,
    pub(super) folder: Name,
    pub(super) case: Name,
    pub(super) held_up: Name,
    pub(super) second: Option<Name>,
    pub(super) counts: Option<Name>,
    pub(super) goes_to: Option<Name>,
    #[serde(default)]
    pub(super) always: Vec<Name>,
    #[serde(default)]
    pub(super) softened: Vec<Name>,
    #[serde(default)]
    pub(super) before_act: Vec<Name>,
    #[serde(default)]
    pub(super) optional: Vec<Name>,
    #[serde(default)]
    pub(super) many: Vec<Name>,
    #[serde(default)]
    pub(super) conditions: Vec<RawCondition>,
    #[serde(default)]
    pub(super) asks: Vec<RawAsk>,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) relations: Vec<Name>,
    #[serde(default)]
    pub(super) always_relations: Vec<Name>,
    #[serde(default)]
    pub(super) before_act_relations: Vec<Name>,
    #[serde(default)]
    pub(super) protection: Vec<Name>,
    #[serde(default)]
    pub(super) places: Vec<RawPlace>,
    #[serde(default)]
    pub(super) opens: Vec<Name>,
    #[serde(default)]
    pub(super) closes: Vec<Name>,
}

/// Paths inside a statement and what stands there unless an answer does.
pub(super) type RawSet = BTreeMap<String, Spanned<toml::Value>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRoute {
    pub(super) name: Name,
    pub(super) label: String,
    pub(super) questions: Vec<RawQuestion>,
    pub(super) statements: Vec<RawStatement>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawQuestion {
    pub(super) name: Name,
    pub(super) ask: String,
    #[serde(default)]
    pub(super) to: Vec<Name>,
    pub(super) default: Option<Name>,
    #[serde(default)]
    pub(super) choices: Vec<RawChoice>,
    #[serde(default)]
    pub(super) when: Vec<Name>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawChoice {
    pub(super) is: Name,
    pub(super) text: String,
    #[serde(default)]
    pub(super) set: RawSet,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStatement {
    pub(super) name: Name,
    pub(super) kind: Name,
    #[serde(default)]
    pub(super) when: Vec<Name>,
    #[serde(default)]
    pub(super) set: RawSet,
    #[serde(default)]
    pub(super) refs: Vec<Name>,
}
