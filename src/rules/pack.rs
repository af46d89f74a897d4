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
//! | `emergency` | `kinds` `codes` `through` |
//! | `switches` | `name` `title` `source` `in_force` `on` |
//! | `groups` | a name and the kinds it stands for |
//! | `lists` | `name` `title` `source` `in_force` `codes` = `code` `text` `source` `in_force` `gap` `unsaid`; or `of` |
//! | `fields` | `id` `name` `label` `type` `layer` `codes` `list` `none` `outside` `name_id` `subfields` |
//! | (parts of a group) | `need` `need_if` = `part` `is` |
//! | `relations` | `name` `label` `to` |
//! | `kinds` | `name` `label` `is` `folder` `case` `held_up` `goes_to` `second` `counts` `opens` `closes` |
//! | (folder) | `protection` `places` = `folder` `is` |
//! | (fields) | `always` `softened` `before_act` `optional` `many` `conditions` `asks` `labels` |
//! | (relations) | `relations` `always_relations` `before_act_relations` |
//! | `late` | `working_days` (in packs without obligations) |
//! | `obligations` | `flag` `rule` `source` `severity` `seen_by` `steps` = `name` `within` `law` `severity` `what` `next` |
//! | `routes` | `name` `label` `questions` `statements` |
//! | (questions) | `name` `ask` `to` `default` `choices` = `is` `text` `set`; `when` |
//! | (statements) | `name` `kind` `when` `set` `refs` |

use std::sync::OnceLock;

use chrono::NaiveDate;

use super::clock::{Calendar, Clock};
use super::codes::{CodeList, Switch};
use super::kind::{Field, Kind, KindField};
use super::obligation::Obligation;
use super::read;
use super::route::Route;
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
    pub(super) switches: Vec<Switch>,
    pub(super) lists: Vec<CodeList>,
    pub(super) fields: Vec<Field>,
    pub(super) relations: Vec<Relation>,
    pub(super) kinds: Vec<Kind>,
    pub(super) routes: Vec<Route>,
    pub(super) free_agencies: Vec<String>,
    pub(super) free_duties: Vec<String>,
    pub(super) emergency_kinds: Vec<KindNumber>,
    pub(super) emergency_codes: Vec<String>,
    pub(super) emergency_through: Vec<RelationNumber>,
    pub(super) obligations: Vec<Obligation>,
}

impl Pack {
    /// Reads a pack.
    ///
    /// # Errors
    /// [`PackError`] with the first line that cannot stand.
    pub fn parse(text: &str) -> Result<Pack, PackError> {
        // The pack that ships is the one of nearly every ledger: it is read once.
        static SHIPPED: OnceLock<Pack> = OnceLock::new();
        if text != BUILT_IN {
            return read::pack(text);
        }
        if let Some(pack) = SHIPPED.get() {
            return Ok(pack.clone());
        }
        let pack = read::pack(text)?;
        Ok(SHIPPED.get_or_init(|| pack).clone())
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

    /// Returns what each flag means, in the pack's order.
    #[must_use]
    pub fn obligations(&self) -> &[Obligation] {
        &self.obligations
    }

    /// Returns what a flag means.
    #[must_use]
    pub fn obligation(&self, flag: &str) -> Option<&Obligation> {
        self.obligations.iter().find(|obligation| obligation.flag == flag)
    }

    /// Returns how long there is for a step of a flag, where it has a clock.
    #[must_use]
    pub fn within(&self, flag: &str, step: &str) -> Option<Clock> {
        self.obligation(flag)?.step(step)?.within
    }

    /// Returns the switches for what is enacted or planned and waits.
    #[must_use]
    pub fn switches(&self) -> &[Switch] {
        &self.switches
    }

    /// Whether a switch is on.
    #[must_use]
    pub fn is_on(&self, switch: &str) -> bool {
        self.switches.iter().any(|known| known.name == switch && known.on)
    }

    /// Returns every kind, in the pack's order.
    #[must_use]
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// Returns the routes: forms that become several entries, in the pack's order.
    #[must_use]
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// Returns a route by name.
    #[must_use]
    pub fn route(&self, name: &str) -> Option<&Route> {
        self.routes.iter().find(|route| route.name == name)
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

    /// Whether entries of a kind may carry the badge of an emergency.
    #[must_use]
    pub fn knows_emergencies(&self, kind: KindNumber) -> bool {
        self.emergency_kinds.contains(&kind)
    }

    /// Whether the codes of an entry that a relation points at count for the badge of an emergency.
    #[must_use]
    pub fn emergency_through(&self, relation: RelationNumber) -> bool {
        self.emergency_through.contains(&relation)
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
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rules::codes::Code;
    use crate::rules::kind::{Layer, Level};

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
            let parts = |field: &Field| field.subfields.iter().any(|sub| !sub.wordy());
            let fits = |field: &Field| kind.has_words() || !field.wordy() || parts(field);
            assert!(pack.fields_of(kind).all(|(_, field)| fits(field)), "{}", kind.name);
            let common = ["about", "completes"].map(|name| RelationNumber::of(name).unwrap());
            assert!(common.iter().all(|relation| kind.relation(*relation).is_some()));
        }
        for name in ["for_safety", "reported_by", "took_part", "medium", "paper_ref", "attachments", "statements"] {
            assert!(pack.field_of(share, name).is_some_and(|(used, _)| used.level == Level::Optional), "{name}");
        }
    }

    /// Everything that an entry may be asked for.
    const FIELDS: &str = "
        case other_case person other_person giver decided_by discussed_with persons_told took_part
        occurred_at learned_at decided_at review_at starts_at ends_at reply_by first_day author_told chair_told
        basis basis_limb special confidence duty ns_code no_code override_of tp_code ex_code purpose purpose_collected
        role person_type relationship pr_status looked_after residence identity setting_type order_type
        method channel medium concern_type risk_level advice_code outcome reply view hold_code breach_risk
        complaint_type notice_type retention_class cause course rule folder grant_profile agencies folders
        confidential told_limits hold_check legal_check letter_check ca_question anonymous identified notifiable nil
        document_hash roll_commitment letter_hash bundle_hash copy_hash attachment_hash statement_hash tail_hash
        root_hash author_key author_keys key_proof sealing_key log_key
        folder_keys.folder folder_keys.epoch folder_keys.key
        tree_size entries_count first_entry last_entry gaps paper_pages affected byte_count epoch beyond_law
        origin version title draft_id kind_stopped draft_hash
        narrative reasons for_safety purpose_words compatibility cite threshold parents_side source_wishes
        subject_wishes questions_asked question advice effect order_ref evidence_seen restriction full_name
        date_of_birth contact handle where_held remedy
        recipient.agency recipient.role recipient.person recipient.verified recipient.reference recipient.contact
        requester.agency requester.role requester.person requester.verified requester.reference requester.contact
        source.agency source.role source.person source.verified source.reference source.contact
        adviser.agency adviser.role adviser.person adviser.verified adviser.reference adviser.contact
        items.class items.what items.statement_type items.speaker items.as_of
        items_asked.class items_asked.what items_asked.statement_type items_asked.speaker items_asked.as_of
        items_withheld.class items_withheld.what items_withheld.statement_type items_withheld.speaker
        items_withheld.as_of items_withheld.why
        statements.type statements.words statements.speaker statements.as_of
        verbatim.speaker verbatim.language verbatim.words verbatim.as_spoken
        attachments.hash attachments.size attachments.pages attachments.where_held
        paper_ref.hash paper_ref.size paper_ref.pages paper_ref.where_held
        attendees.person attendees.name attendees.role
        redactions.entry redactions.field redactions.reason redactions.letter
        retire_scope.case retire_scope.folder retire_scope.entry
        requester_told.how requester_told.at requester_told.words reported_by.name reported_by.role
        seven_tests.necessary seven_tests.proportionate seven_tests.relevant seven_tests.adequate seven_tests.accurate
        seven_tests.timely seven_tests.secure
        pi_test.aim pi_test.vuln pi_test.alt pi_test.crime pi_test.others pi_test.balance
        explained.why explained.what explained.who_sees explained.purpose explained.implications
        assured.capacity assured.capacity_how assured.freely_given assured.freely_given_how assured.no_coercion
        assured.no_coercion_how assured.withdrawal_explained assured.withdrawal_explained_how";

    #[test]
    fn the_built_in_pack_is_whole() {
        use crate::codec::numbers::{KINDS, RELATIONS};
        let pack = Pack::parse(BUILT_IN).unwrap();
        let missing = |known: bool, name: &&str| (!known).then(|| (*name).to_owned());
        let mut left: Vec<String> = Vec::new();
        left.extend(KINDS.iter().filter_map(|(_, name, _)| missing(pack.kind(name).is_some(), name)));
        let carried = |number| pack.kinds().iter().any(|kind| kind.relation(RelationNumber(number)).is_some());
        let known = |number| pack.relation(RelationNumber(number)).is_some() && carried(number);
        left.extend(RELATIONS.iter().filter_map(|(number, name)| missing(known(*number), name)));
        left.extend(FIELDS.split_whitespace().filter_map(|name| missing(pack.id_of(name).is_some(), &name)));
        assert_eq!(left, Vec::<String>::new());
        // Every list is asked from, and every field but the keys of other authors is asked by some kind.
        let all = || pack.fields().iter().flat_map(|field| std::iter::once(field).chain(&field.subfields));
        let asked = |list: &CodeList| all().any(|field| field.codes.as_ref() == Some(&list.name));
        let part = |list: &CodeList| ["EX", "TP"].contains(&list.name.as_str());
        assert!(pack.lists().iter().all(|list| asked(list) || part(list)));
        let unasked = pack.fields().iter().filter(|field| {
            let by = pack.kinds().iter().any(|kind| pack.field_of(kind, &field.name).is_some());
            field.layer != Layer::Header && !by
        });
        assert_eq!(unasked.map(|field| field.name.as_str()).collect::<Vec<_>>(), ["author_keys"]);
        // It is adopted as the words of one entry.
        assert!(BUILT_IN.len() < crate::codec::WORDS_LIMIT / 4);
    }

    #[test]
    fn what_waits_is_off_and_can_be_turned_on() {
        let pack = Pack::parse(BUILT_IN).unwrap();
        assert!(pack.switches().iter().all(|switch| !switch.on && switch.in_force == "not commenced"));
        assert!(!pack.is_on("D-16LA") && !pack.is_on("LB-A"));
        let on = BUILT_IN.replacen("on = false", "on = true", 1);
        assert!(Pack::parse(&on).unwrap().is_on("D-16LA"));
        let duties = pack.list("DUTY").unwrap();
        let waits = |code: &&Code| code.in_force == "not commenced";
        let waiting: Vec<&str> = duties.codes.iter().filter(waits).map(|code| code.code.as_str()).collect();
        assert_eq!(waiting, pack.switches().iter().map(|switch| switch.name.as_str()).collect::<Vec<_>>());
    }

    #[test]
    fn a_list_may_take_over_others() {
        let pack = Pack::parse(BUILT_IN).unwrap();
        let (left_out, ex, tp) = (pack.list("LEFT_OUT"), pack.list("EX"), pack.list("TP"));
        let all: Vec<&Code> = ex.unwrap().codes.iter().chain(&tp.unwrap().codes).collect();
        assert_eq!(left_out.unwrap().codes.iter().collect::<Vec<_>>(), all);
        let unsaid: Vec<&str> = all.iter().filter(|code| code.unsaid).map(|code| code.code.as_str()).collect();
        assert_eq!(unsaid, ["EX-CA", "EX-SH", "EX-CR", "EX-LP"]);
        assert!(refused("of = [\"EX\", \"TP\"]", "of = [\"EX\", \"EX\"]").what.contains("already"));
        assert!(refused("of = [\"EX\", \"TP\"]", "of = [\"FLAG\"]").what.contains("no list above"));
        assert!(refused("of = [\"EX\", \"TP\"]", "").what.contains("codes of its own"));
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
        assert!(refused("relations = [\"backs\"]", "relations = [\"proves\"]").what.contains("no relation"));
        assert!(refused("flag = \"UNBACKED\"", "flag = \"UNBAKED\"").what.contains("no flag"));
        assert!(refused("flag = \"UNBACKED\"", "flag = \"LATE\"").what.contains("twice"));
        assert!(refused("within = \"h 24\"", "within = \"24 h\"").what.contains("no clock"));
        assert!(refused("law = \"month\"", "law = \"moon\"").what.contains("no clock"));
        assert!(refused("seen_by = [\"dsl\", \"author\"]", "seen_by = [\"dsl\", \"writer\"]").what.contains("no role"));
        assert!(refused("opens = [\"ONE-FOUNDER\"]", "opens = [\"TWO-FOUNDERS\"]").what.contains("no flag"));
        assert!(refused("folder = \"public\"", "folder = \"case\"").what.contains("public"));
        assert!(refused("folder = \"case/intake\"", "folder = \"case/general\"").what.contains("twice"));
        assert!(refused("folder = \"case/intake\"", "folder = \"case/attic\"").what.contains("no folder"));
        assert!(refused("folder = \"as corrects\"", "folder = \"as about\"").what.contains("always wants"));
        assert!(refused("goes_to = \"requester\"", "goes_to = \"reasons\"").what.contains("no field that names"));
        assert!(refused("goes_to = \"requester\"", "goes_to = \"adviser\"").what.contains("does not ask"));
        assert!(refused("switch = \"D-16LA\"", "switch = \"D-17\"").what.contains("no switch"));
        assert!(refused("part = \"statement_type\"", "part = \"speaker\"").what.contains("no code of that part"));
        assert!(refused("part = \"statement_type\"", "part = \"form\"").what.contains("no part"));
        assert!(refused("{ relation = \"advised_by\", ", "{ relation = \"decides\", ").what.contains("wants"));
        assert!(refused("through = [\"relies_on\"]", "through = [\"leans_on\"]").what.contains("no relation"));
        assert!(refused("{ folder = \"staff\", is", "{ folder = \"attic\", is").what.contains("no folder"));
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
