//! Fields and kinds: what an entry of each kind may say, and how much each answer is wanted.

use crate::codec::{Folder, KindNumber, RelationNumber};

/// The type of a field's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// Free text, sealed as words.
    Text,
    /// Fixed words in clear that name no person (at most 255 bytes).
    Fixed,
    /// A code of the field's list.
    Code,
    /// A day or an instant.
    Time,
    /// A whole number, from 0; with a list, one of its numbers.
    Count,
    /// A person of the roll, or (where the field allows it) a name.
    Person,
    /// A case.
    Case,
    /// A public key, 64 hexadecimal digits.
    Key,
    /// A hash, 64 hexadecimal digits.
    Hash,
    /// A signature, 128 hexadecimal digits.
    Proof,
    /// The number of an entry.
    Entry,
    /// The name of a field of the pack, or of a part of one: `reasons`, `items[2].what`.
    FieldName,
    /// A group of subfields.
    Group,
}

/// Where a field's answer is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// In a place of its own in the statement (case, folder, times).
    Header,
    /// Among the structural values.
    Structure,
    /// In the sealed words; the structure says only that it is filled.
    Words,
    /// Some subfields in one, some in the other.
    Both,
}

/// Whether a person may be named who is not on the roll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outside {
    /// Only people of the roll.
    Never,
    /// Somebody else as `{"name": "..."}`.
    Named,
    /// Any text that is no handle is such a name, too.
    Typed,
}

/// A field of the pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its number, fixed for ever.
    pub id: u16,
    /// Its name, as typed.
    pub name: String,
    /// The question on a form.
    pub label: String,
    /// The type of the answer.
    pub answer: FieldType,
    /// Where the answer is kept.
    pub layer: Layer,
    /// Whether there may be several.
    pub list: bool,
    /// Whether an empty list is an answer.
    pub none: bool,
    /// The name of the code list it is answered from.
    pub codes: Option<String>,
    /// The parts of a group.
    pub subfields: Vec<Field>,
    /// Of a subfield: whether a wanted group is incomplete without it.
    pub need: bool,
    /// Of a subfield: wanted wherever the part of this number has one of these codes, however much the group is wanted.
    pub need_if: Option<(u16, Vec<String>)>,
    /// Whether people outside the roll may be named.
    pub outside: Outside,
    /// The number under which such a name is kept.
    pub name_id: Option<u16>,
}

impl Field {
    /// Whether a value under this number belongs to the field, as its own, a name's or a subfield's.
    #[must_use]
    pub fn owns(&self, id: u16) -> bool {
        self.id == id || self.name_id == Some(id) || self.subfields.iter().any(|sub| sub.owns(id))
    }

    /// Returns the subfield with this name.
    #[must_use]
    pub fn subfield(&self, name: &str) -> Option<&Field> {
        self.subfields.iter().find(|sub| sub.name == name)
    }

    /// Whether its answer, or a part of it, is kept in the words.
    #[must_use]
    pub fn wordy(&self) -> bool {
        matches!(self.layer, Layer::Words) || self.subfields.iter().any(Field::wordy)
    }
}

/// How much an answer is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing can be entered without it.
    Always,
    /// Shown as a gap before the act, and an open item after it.
    BeforeAct,
    /// Worth asking, never missed.
    Optional,
}

/// A field as one kind uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindField {
    /// Where the field stands in [`Pack::fields`](super::pack::Pack::fields).
    pub index: usize,
    /// How much it is wanted.
    pub level: Level,
    /// Whether it may stay open in an entry that nothing holds up, though its level is `Always`.
    pub softened: bool,
    /// Whether it may be given several times here.
    pub many: bool,
    /// Wanted only where the field of this number has one of these codes.
    pub condition: Option<(u16, Vec<String>)>,
}

/// A relation as one kind may carry it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindRelation {
    /// The relation.
    pub number: RelationNumber,
    /// The kinds it may point at; none for any.
    pub to: Option<Vec<KindNumber>>,
    /// How much it is wanted.
    pub level: Level,
    /// Wanted only where the field of this number has one of these codes.
    pub condition: Option<(u16, Vec<String>)>,
}

/// A question that is asked only while a switch is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The switch.
    pub switch: String,
    /// The number of the field that must be answered with one of the codes.
    pub field: u16,
    /// The codes that need no more.
    pub among: Vec<String>,
    /// The gap, in words.
    pub what: String,
    /// What the writer can do.
    pub next: String,
}

/// Which folder the words of a kind go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FolderRule {
    /// Structure in clear, no words.
    Public,
    /// Sealed structure, no words.
    NoWords,
    /// No words in the ledger: they go to the roll, and the entry commits to the line.
    Roll,
    /// One of these, the first where nothing speaks for another. Without a case only those of the setting are open, and
    /// if there is none, intake; intake is for entries without a case alone.
    Among(Vec<Folder>),
    /// Folder and case of the entry that this relation points at.
    As(RelationNumber),
}

/// Whether a kind names a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseRule {
    /// It must.
    Needed,
    /// It may.
    Optional,
    /// It must not.
    None,
}

/// What may hold an entry of this kind up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldUp {
    /// Nothing, ever.
    Never,
    /// Nothing, if it goes to one of the pack's agencies.
    ByRecipient,
    /// The gate.
    Gate,
}

/// Whether it takes effect only once another person confirms it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Second {
    /// At once.
    No,
    /// Where it concerns one of the leading roles.
    Roles,
    /// Always after confirmation.
    Always,
}

/// When the protection folder is the default of a case kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protection {
    /// Always.
    Always,
    /// Where one of these codes is given.
    Codes(Vec<String>),
}

/// A flag that a kind opens or closes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// The flag's code.
    pub flag: String,
    /// The step of the flag, where it has several.
    pub step: Option<String>,
    /// On what condition, in words; none for always.
    pub when: Option<String>,
}

/// A kind of entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind {
    /// Its number in the format.
    pub number: KindNumber,
    /// Its name.
    pub name: String,
    /// Its title on a form.
    pub label: String,
    /// Whether it is an act (else a report).
    pub act: bool,
    /// Where its words go.
    pub folder: FolderRule,
    /// Whether it names a case.
    pub case: CaseRule,
    /// What may hold it up.
    pub held_up: HeldUp,
    /// Whether a second person must confirm it.
    pub second: Second,
    /// Its fields, the most wanted first.
    pub fields: Vec<KindField>,
    /// Questions in this kind's own words, by field name.
    pub labels: Vec<(String, String)>,
    /// The relations it may carry.
    pub relations: Vec<KindRelation>,
    /// What is asked while a switch is on.
    pub asks: Vec<Ask>,
    /// The field that names whom it goes to, for [`HeldUp::ByRecipient`].
    pub goes_to: String,
    /// The folder that is the default where one of these codes is given.
    pub places: Vec<(Folder, Vec<String>)>,
    /// When its words belong in the protection folder.
    pub protection: Protection,
    /// Whether the decision is itself the act: `decided_at` counts.
    pub decision_counts: bool,
    /// The flags that it opens.
    pub opens: Vec<Effect>,
    /// The flags that it closes.
    pub closes: Vec<Effect>,
}

impl Kind {
    /// Whether somebody writing an entry of this kind may write words, for a folder or for the roll.
    #[must_use]
    pub fn has_words(&self) -> bool {
        !matches!(self.folder, FolderRule::Public | FolderRule::NoWords)
    }

    /// Whether its words are a line of the roll: the person and the commitment come with the line.
    #[must_use]
    pub fn on_roll(&self) -> bool {
        self.folder == FolderRule::Roll
    }

    /// Returns the relation as this kind may carry it.
    #[must_use]
    pub fn relation(&self, number: RelationNumber) -> Option<&KindRelation> {
        self.relations.iter().find(|relation| relation.number == number)
    }
}
