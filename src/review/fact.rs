//! What the rules know of an entry: its structure, without the bytes that only prove something.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::codec::{CaseTag, Digest, Folder, KindNumber, PersonId, Publicity, RelationNumber};
use crate::decision::decision::Reference;
use crate::decision::gap::{Facts, Gap};
use crate::decision::value::{Content, FieldId, Moment, Precision, Value};
use crate::entry::statement::Body;
use crate::review::values::{Held, Values};
use crate::rules::clock;
use crate::rules::pack::Pack;

/// The numbers of the fields that rules ask for. A pack keeps its field numbers for ever; a test compares these with the
/// built-in pack.
pub mod ask {
    use crate::decision::value::FieldId;

    macro_rules! fields {
        ($($name:ident $number:literal $path:literal)*) => {
            $(
                #[doc = concat!("`", $path, "`.")]
                pub const $name: FieldId = FieldId($number);
            )*
            /// Each with its path in the pack.
            pub const ALL: &[(FieldId, &str)] = &[$(($name, $path)),*];
        };
    }

    fields! {
        FOR_SAFETY 10 "for_safety"
        TOOK_PART 11 "took_part"
        PERSON 40 "person"
        DECIDED_BY 42 "decided_by"
        GIVER 44 "giver"
        PERSONS_TOLD 46 "persons_told"
        OTHER_PERSON 50 "other_person"
        PR_STATUS 56 "pr_status"
        LOOKED_AFTER 57 "looked_after"
        IDENTITY 59 "identity"
        RECIPIENT_AGENCY 81 "recipient.agency"
        RECIPIENT_PERSON 84 "recipient.on_roll"
        RECIPIENT_REFERENCE 86 "recipient.reference"
        REQUESTER_AGENCY 91 "requester.agency"
        REQUESTER_PERSON 94 "requester.on_roll"
        SOURCE_PERSON 104 "source.on_roll"
        ADVISER_AGENCY 111 "adviser.agency"
        ADVISER_ROLE 112 "adviser.role"
        ADVISER_PERSON 114 "adviser.on_roll"
        ADVISER_REFERENCE 116 "adviser.reference"
        ATTENDEE_PERSON 121 "attendees.person"
        ATTENDEE_ROLE 123 "attendees.role"
        ITEM_CLASS 131 "items.class"
        PURPOSE 160 "purpose"
        BASIS 162 "basis"
        SPECIAL 164 "special"
        DUTY 166 "duty"
        NS_CODE 167 "ns_code"
        NO_CODE 168 "no_code"
        METHOD 170 "method"
        CONCERN_TYPE 172 "concern_type"
        RISK_LEVEL 173 "risk_level"
        CRIME 419 "crime"
        ADVICE_CODE 174 "advice_code"
        OUTCOME 175 "outcome"
        VIEW 176 "view"
        CAUSE 177 "cause"
        HOLD_CHECK 179 "hold_check"
        CONFIDENTIAL 181 "confidential"
        TOLD_LIMITS 182 "told_limits"
        NOTIFIABLE 187 "notifiable"
        REPLY 191 "reply"
        HOLD_CODE 192 "hold_code"
        BREACH_RISK 193 "breach_risk"
        COMPLAINT_TYPE 194 "complaint_type"
        RETENTION_CLASS 196 "retention_class"
        REASONS 201 "reasons"
        EVIDENCE_SEEN 214 "evidence_seen"
        REMEDY 221 "remedy"
        WHY 271 "explained.why"
        WHAT 272 "explained.what"
        WHO_SEES 273 "explained.who_sees"
        FOR_WHAT 274 "explained.purpose"
        IMPLICATIONS 275 "explained.implications"
        CAPACITY 291 "assured.capacity"
        FREELY_GIVEN 293 "assured.freely_given"
        NO_COERCION 295 "assured.no_coercion"
        WITHDRAWAL_EXPLAINED 297 "assured.withdrawal_explained"
        STARTS_AT 300 "starts_at"
        ENDS_AT 301 "ends_at"
        REVIEW_AT 302 "review_at"
        REPLY_BY 303 "reply_by"
        AUTHOR_TOLD 304 "author_told"
        FIRST_DAY 305 "first_day"
        SETTING_TYPE 322 "setting_type"
        BEYOND_LAW 337 "beyond_law"
        ROOT_HASH 361 "root_hash"
        COPY_HASH 367 "copy_hash"
        GAPS 372 "gaps"
        NIL 188 "nil"
    }
}

/// Whether a rule may ask for an entry of this kind: of the public ones only some.
#[must_use]
pub fn may_be_asked(kind: KindNumber) -> bool {
    match kind.name() {
        Some("genesis" | "policy.adopt" | "confirmation" | "key.revoke") => true,
        _ => kind.publicity() == Some(Publicity::Sealed),
    }
}

/// An entry as the rules see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// Its number.
    pub entry: u64,
    /// When it was recorded, in milliseconds UTC.
    pub recorded: i64,
    /// Whether the entry before it was recorded later.
    pub clock_back: bool,
    /// If its words were sealed to a folder key that had been replaced: whether its author could have known.
    pub epoch_old: Option<bool>,
    /// The digest of its statement.
    pub digest: Digest,
    /// Who wrote it.
    pub person: PersonId,
    /// Its kind.
    pub kind: KindNumber,
    /// Its case.
    pub case: Option<CaseTag>,
    /// The number of its folder.
    pub folder: u8,
    /// When it was, or is to be, done.
    pub occurred: Moment,
    /// When its author learned of it.
    pub learned: Moment,
    /// When it was decided.
    pub decided: Moment,
    /// When it was signed.
    pub signed: Moment,
    /// Whether it is an act (else a report).
    pub act: bool,
    /// Whether it had happened when it was signed.
    pub happened: bool,
    /// Its structural values, without keys and proofs.
    pub values: Values,
    /// The references to earlier entries.
    pub references: Vec<Reference>,
    /// The rule pack that it was written under. Kept apart where facts are kept: few differ.
    #[serde(skip, default = "no_digest")]
    pub pack: Digest,
    /// The policy that it was written under; zero for none. Kept apart as the pack.
    #[serde(skip, default = "no_digest")]
    pub policy: Digest,
    /// Whether it is known that it has no gaps by that pack; else they are looked for.
    pub gapless: bool,
}

fn no_digest() -> Digest {
    Digest::ZERO
}

impl Fact {
    /// Takes what the rules ask for out of a statement.
    #[must_use]
    pub fn of(entry: u64, recorded: i64, clock_back: bool, digest: Digest, body: &Body) -> Fact {
        Fact {
            entry,
            recorded,
            clock_back,
            epoch_old: None,
            digest,
            person: body.person,
            kind: body.kind,
            case: body.case,
            folder: body.folder,
            occurred: body.occurred,
            learned: body.learned,
            decided: body.decided,
            signed: body.signed,
            act: body.act,
            happened: body.happened,
            values: Values::of(&body.values),
            references: body.references.clone(),
            pack: body.pack,
            policy: body.policy,
            gapless: false,
        }
    }

    /// Returns the kind's name; empty for one that this program does not know.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.kind.name().unwrap_or_default()
    }

    /// Returns its folder.
    #[must_use]
    pub fn folder(&self) -> Folder {
        Folder::from_number(self.folder).unwrap_or(Folder::None)
    }

    /// Returns the codes of a field, in order of position.
    pub fn codes(&self, field: FieldId) -> impl Iterator<Item = &str> {
        self.values.contents(field).filter_map(|held| match held {
            Held::Code(code) => Some(code),
            _ => None,
        })
    }

    /// Returns the first code of a field.
    #[must_use]
    pub fn code(&self, field: FieldId) -> Option<&str> {
        self.codes(field).next()
    }

    /// Whether a field has this code.
    #[must_use]
    pub fn says(&self, field: FieldId, code: &str) -> bool {
        self.codes(field).any(|known| known == code)
    }

    /// Returns the persons of a field.
    pub fn persons(&self, field: FieldId) -> impl Iterator<Item = PersonId> {
        self.values.contents(field).filter_map(|held| match held {
            Held::Person(person) => Some(person),
            _ => None,
        })
    }

    /// Returns the time of a field, if it says one.
    #[must_use]
    pub fn time(&self, field: FieldId) -> Option<Moment> {
        self.values.contents(field).find_map(|held| match held {
            Held::Time(time) if time.is_some() => Some(time),
            _ => None,
        })
    }

    /// Returns the hash of a field.
    #[must_use]
    pub fn hash(&self, field: FieldId) -> Option<Digest> {
        self.values.contents(field).find_map(|held| match held {
            Held::Hash(hash) => Some(hash),
            _ => None,
        })
    }

    /// Returns the number of a field.
    #[must_use]
    pub fn count(&self, field: FieldId) -> Option<u64> {
        self.values.contents(field).find_map(|held| match held {
            Held::Count(count) => Some(count),
            _ => None,
        })
    }

    /// Whether a field is filled.
    #[must_use]
    pub fn has(&self, field: FieldId) -> bool {
        self.values.contents(field).next().is_some()
    }

    /// Returns the relations that it carries.
    #[must_use]
    pub fn relations(&self) -> Vec<RelationNumber> {
        self.references.iter().map(|reference| reference.relation).collect()
    }

    /// Whether it carries a relation.
    #[must_use]
    pub fn carries(&self, relation: &str) -> bool {
        self.references.iter().any(|reference| reference.relation.name() == Some(relation))
    }

    /// Returns when what it tells of was, in milliseconds UTC: the act itself, else the decision, else when it was learned,
    /// else when it was signed. A decision not to share, or to watch, is itself the act.
    #[must_use]
    pub fn when(&self) -> i64 {
        let decides = matches!(self.name(), "decision.noshare" | "decision.monitor");
        let order = match (decides, self.act) {
            (true, _) => [self.decided, self.occurred, self.learned],
            (false, true) => [self.occurred, self.decided, self.learned],
            (false, false) => [self.occurred, self.learned, self.decided],
        };
        order.into_iter().find(Moment::is_some).unwrap_or(self.signed).milliseconds
    }

    /// Returns when it was learned, or else when it was.
    #[must_use]
    pub fn known(&self) -> i64 {
        if self.learned.is_some() { self.learned.milliseconds } else { self.when() }
    }

    /// Returns when it was decided, or else learned.
    #[must_use]
    pub fn decided(&self) -> i64 {
        if self.decided.is_some() { self.decided.milliseconds } else { self.known() }
    }

    /// Whether its own time says that it had happened.
    #[must_use]
    pub fn done(&self) -> bool {
        !self.act || self.happened
    }

    /// Returns the same with what later entries filled in: only what was left empty.
    #[must_use]
    pub fn completed<'a>(&self, later: impl Iterator<Item = &'a Fact>) -> Fact {
        let mut whole = self.clone();
        let mut values = self.values.to_vec();
        for fact in later {
            let more = fact.values.to_vec();
            // An answer that leaves its question open counts as none, and so does a bare name beside somebody of the roll.
            values.retain(|value| {
                let open = match &value.content {
                    Content::Code(code) => OPEN_ANSWERS.contains(&code.as_str()),
                    Content::Present => true,
                    _ => false,
                };
                let anew = |new: &Value| {
                    (new.field, new.position) == (value.field, value.position)
                        && (value.content != Content::Present || matches!(new.content, Content::Person(_)))
                };
                !(open && more.iter().any(anew))
            });
            let there: HashSet<(FieldId, u16)> = values.iter().map(|value| (value.field, value.position)).collect();
            values.extend(more.into_iter().filter(|value| !there.contains(&(value.field, value.position))));
            if !whole.occurred.is_some() && fact.occurred.is_some() {
                (whole.occurred, whole.happened) = (fact.occurred, fact.happened);
            }
            if !whole.decided.is_some() {
                whole.decided = fact.decided;
            }
            let completes = |reference: &&Reference| reference.relation.name() != Some("completes");
            whole.references.extend(fact.references.iter().filter(completes).copied());
        }
        whole.values = Values::of(&values);
        whole
    }

    /// Returns what it leaves open, by a pack.
    #[must_use]
    pub fn gaps(&self, pack: &Pack) -> Vec<Gap> {
        let (kind, happened, relations) = (self.kind, self.happened, self.relations());
        let (occurred, learned, values) = (self.occurred, self.learned, &self.values.to_vec()[..]);
        Facts { kind, happened, occurred, learned, values, relations, behind: &[] }.gaps(pack)
    }

    /// Returns every code, whatever its field.
    pub fn all_codes(&self) -> impl Iterator<Item = &str> {
        self.values.iter().filter_map(|placed| match placed.held()? {
            Held::Code(code) => Some(code),
            _ => None,
        })
    }
}

/// Returns until when something is due that somebody gave a time for: that instant, or the end of that day.
#[must_use]
pub fn until(moment: Moment) -> i64 {
    match moment.precision {
        Precision::Date => clock::end_of_day(clock::london_day(moment.milliseconds)),
        _ => moment.milliseconds,
    }
}

/// The codes that leave their question open.
const OPEN_ANSWERS: [&str; 2] = ["V-NONE", "not_yet"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::pack::{BUILT_IN, Pack};

    #[test]
    fn the_field_numbers_are_those_of_the_pack() {
        let pack = Pack::parse(BUILT_IN).unwrap();
        for (field, path) in ask::ALL {
            assert_eq!(pack.id_of(path), Some(field.0), "{path}");
        }
        let open = pack.lists().iter().flat_map(|list| &list.codes).filter(|code| code.gap).map(|code| &code.code);
        assert_eq!(open.collect::<Vec<_>>(), OPEN_ANSWERS);
    }
}
