//! A decision: a draft that was checked, or an entry that the clerk makes itself.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::codec::{CaseTag, Digest, Folder, KindNumber, Publicity, RelationNumber, ShortText, StatementId};
use crate::decision::gap::{Facts, Flag, Gap, GapLevel};
use crate::decision::value::{Content, FieldId, Moment, Value, WordField};
use crate::rules::kind::{CaseRule, FieldType, FolderRule, Kind};
use crate::rules::pack::Pack;

/// A reference from this entry to an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// What the earlier entry is to this one.
    pub relation: RelationNumber,
    /// The number of the earlier entry; `u64::MAX` where it is not yet known.
    pub entry: u64,
    /// The digest of the earlier entry's statement.
    pub digest: Digest,
}

/// What will be sealed and signed. Made by [`Draft::check`](crate::decision::draft::Draft::check) or
/// [`Decision::setup`] only, so every field is one of its kind's and nothing that is always wanted is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub(super) kind: KindNumber,
    pub(super) case: Option<CaseTag>,
    pub(super) folder: Folder,
    pub(super) act: bool,
    pub(super) happened: bool,
    pub(super) occurred: Moment,
    pub(super) learned: Moment,
    pub(super) decided: Moment,
    pub(super) values: Vec<Value>,
    pub(super) words: Vec<WordField>,
    pub(super) references: Vec<Reference>,
    /// Which references name a draft of the same form, by place, and which draft: its digest is not known before it is
    /// signed.
    pub(super) beside: Vec<(usize, usize)>,
    /// The structural values of what it rests on: see [`Facts::behind`].
    pub(super) behind: Vec<Value>,
    pub(super) gaps: Vec<Gap>,
    pub(super) flags: Vec<Flag>,
    pub(super) statement_id: Option<StatementId>,
    /// Whether the structure is in clear.
    pub(super) public: bool,
    /// The text that an `*.adopt` entry carries in clear.
    pub(super) document: Option<String>,
}

impl Decision {
    /// Makes an entry without words that the clerk writes itself, such as `case.opened`: a report, learned at
    /// `learned`. A confirmation made so is public.
    ///
    /// # Errors
    /// Every field that is missing, not one of the kind's, or of another type than the pack says; a kind that the pack
    /// does not know, holds words, or is an act; a case where there is none, or none where there must be one.
    pub fn setup(
        pack: &Pack,
        kind: KindNumber,
        case: Option<CaseTag>,
        learned: Moment,
        values: Vec<Value>,
        references: Vec<Reference>,
    ) -> Result<Decision, Vec<Gap>> {
        let times = Times { occurred: Moment::NONE, learned, decided: Moment::NONE };
        Self::without_words(pack, kind, case, None, times, values, references)
    }

    /// Makes an act without words that the clerk writes itself, such as `retire.done`, decided now and, with `occurred`,
    /// done then; without it it is proposed. What is checked is what [`Decision::setup`] checks.
    ///
    /// # Errors
    /// As [`Decision::setup`], for a kind that is no act.
    pub fn act(
        pack: &Pack,
        kind: KindNumber,
        case: Option<CaseTag>,
        decided: Moment,
        occurred: Option<Moment>,
        values: Vec<Value>,
        references: Vec<Reference>,
    ) -> Result<Decision, Vec<Gap>> {
        let times = Times { occurred: occurred.unwrap_or(Moment::NONE), learned: Moment::NONE, decided };
        Self::without_words(pack, kind, case, Some(occurred.is_some()), times, values, references)
    }

    /// `done` is none for a report, else whether the act has happened.
    fn without_words(
        pack: &Pack,
        kind: KindNumber,
        case: Option<CaseTag>,
        done: Option<bool>,
        times: Times,
        mut values: Vec<Value>,
        references: Vec<Reference>,
    ) -> Result<Decision, Vec<Gap>> {
        let error = |field: &str, what: &str| Gap::new(field, GapLevel::Error, what, "");
        // The words of a kind on the roll are a line of it, and none of the entry's.
        let fits_kind = |known: &&Kind| (!known.has_words() || known.on_roll()) && known.act == done.is_some();
        let Some(known) = pack.kind_numbered(kind).filter(fits_kind) else {
            let what = if done.is_some() { "is no act without words" } else { "is no report without words" };
            return Err(vec![error("kind", &format!("{what} in this pack"))]);
        };
        let mut gaps = Vec::new();
        if (known.case == CaseRule::Needed && case.is_none()) || (known.case == CaseRule::None && case.is_some()) {
            gaps.push(error("case", "does not fit the kind"));
        }
        for value in &values {
            if !fits(pack, known, value) {
                gaps.push(error(&format!("#{}", value.field.0), "is no field of this kind, or of another type"));
            }
        }
        for reference in &references {
            if known.relation(reference.relation).is_none() {
                gaps.push(error("refs", "is no relation of this kind"));
            }
        }
        sort(&mut values);
        if values.windows(2).any(|pair| matches!(pair, [a, b] if (a.field, a.position) == (b.field, b.position))) {
            gaps.push(error("values", "stand twice"));
        }
        let mut decision = Decision {
            kind,
            case,
            folder: Folder::None,
            act: done.is_some(),
            happened: done.unwrap_or(true),
            occurred: times.occurred,
            learned: times.learned,
            decided: times.decided,
            values,
            words: Vec::new(),
            references,
            beside: Vec::new(),
            behind: Vec::new(),
            gaps: Vec::new(),
            flags: Vec::new(),
            statement_id: None,
            public: kind.publicity() != Some(Publicity::Sealed),
            document: None,
        };
        gaps.extend(decision.facts().gaps(pack));
        if gaps.iter().any(|gap| gap.level != GapLevel::BeforeAct) {
            return Err(gaps);
        }
        decision.close(pack, gaps);
        Ok(decision)
    }

    /// Seals a confirmation of what is sealed: it is as public as what it confirms. Changes no other kind.
    #[must_use]
    pub fn of_sealed(mut self) -> Self {
        self.public &= self.kind.publicity() != Some(Publicity::AsConfirmed);
        self
    }

    /// Makes an entry that says again, in the right case, what a misfiled one says: the same kind, times, values and words,
    /// with who wrote it first as `reported_by` where nobody is named there.
    ///
    /// # Errors
    /// `kind` if the pack does not know it, `case` if it takes none, `folder` if its words may not go there.
    pub fn refiled(pack: &Pack, from: Refiled, case: CaseTag, folder: Folder) -> Result<Decision, Vec<Gap>> {
        let error = |field: &str, what: &str| vec![Gap::new(field, GapLevel::Error, what, "")];
        let Some(known) = pack.kind_numbered(from.kind).filter(|known| known.has_words() && !known.on_roll()) else {
            return Err(error("kind", "is no kind with words in this pack"));
        };
        if known.case == CaseRule::None {
            return Err(error("case", "belongs to no case"));
        }
        let allowed = match &known.folder {
            FolderRule::Among(folders) => folders.contains(&folder),
            FolderRule::As(_) => folder != Folder::None,
            _ => false,
        };
        if !allowed {
            return Err(error("folder", "is no folder for this kind"));
        }
        let Refiled { kind, act, happened, occurred, learned, decided, mut values, mut words, references, reporter } =
            from;
        let reported = pack.field("reported_by").filter(|_| pack.field_of(known, "reported_by").is_some());
        if let (Some(field), Some((name, role))) = (reported, reporter)
            && !values.iter().any(|value| field.owns(value.field.0))
        {
            let id = |part: &str| field.subfield(part).map(|sub| FieldId(sub.id));
            if let Some(id) = id("name") {
                values.push(Value { field: id, position: 0, content: Content::Filled });
                words.push(WordField { field: id, position: 0, text: name });
            }
            if let (Some(id), Ok(role)) = (id("role"), ShortText::new(&role)) {
                values.push(Value { field: id, position: 0, content: Content::Code(role) });
            }
        }
        sort(&mut values);
        words.sort_by_key(|word| (word.field, word.position));
        let mut decision = Decision {
            kind,
            case: Some(case),
            folder,
            act,
            happened,
            occurred,
            learned,
            decided,
            values,
            words,
            references,
            beside: Vec::new(),
            behind: Vec::new(),
            gaps: Vec::new(),
            flags: Vec::new(),
            statement_id: None,
            public: false,
            document: None,
        };
        let gaps = decision.facts().gaps(pack);
        decision.close(pack, gaps);
        Ok(decision)
    }

    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> KindNumber {
        self.kind
    }

    /// Returns the case; none for the setting's own entries and intake.
    #[must_use]
    pub fn case(&self) -> Option<CaseTag> {
        self.case
    }

    /// Returns the folder that the words go to; [`Folder::None`] for no words.
    #[must_use]
    pub fn folder(&self) -> Folder {
        self.folder
    }

    /// Whether it is an act (else a report).
    #[must_use]
    pub fn is_act(&self) -> bool {
        self.act
    }

    /// Whether it has happened (else it is proposed).
    #[must_use]
    pub fn happened(&self) -> bool {
        self.happened
    }

    /// Returns when it was done.
    #[must_use]
    pub fn occurred(&self) -> Moment {
        self.occurred
    }

    /// Returns when the writer learned of it.
    #[must_use]
    pub fn learned(&self) -> Moment {
        self.learned
    }

    /// Returns when it was decided.
    #[must_use]
    pub fn decided(&self) -> Moment {
        self.decided
    }

    /// Returns the structural values, by field and position.
    #[must_use]
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// Returns the words, by field and position; each has its `Filled` among the values.
    #[must_use]
    pub fn words(&self) -> &[WordField] {
        &self.words
    }

    /// Adds the text that an `*.adopt` entry carries in clear, whose hash it names.
    #[must_use]
    pub fn with_document(mut self, text: String) -> Self {
        self.document = Some(text);
        self
    }

    /// Takes that text out.
    pub fn take_document(&mut self) -> Option<String> {
        self.document.take()
    }

    /// Takes the words out, for sealing; what remains says only which are filled.
    pub fn take_words(&mut self) -> Vec<WordField> {
        std::mem::take(&mut self.words)
    }

    /// Returns the references, as typed.
    #[must_use]
    pub fn references(&self) -> &[Reference] {
        &self.references
    }

    /// Returns the drafts of the same form that it refers to, by their places in the form.
    pub fn beside(&self) -> impl Iterator<Item = usize> {
        self.beside.iter().map(|(_, draft)| *draft)
    }

    /// Gives the references to drafts of the same form the digests of their statements, which stand in the form's order.
    /// Returns whether every one was found.
    #[must_use]
    pub fn point(&mut self, digests: &[Digest]) -> bool {
        self.beside.iter().all(|(place, draft)| match (self.references.get_mut(*place), digests.get(*draft)) {
            (Some(reference), Some(digest)) => {
                reference.digest = *digest;
                true
            }
            _ => false,
        })
    }

    /// Returns the gaps that stay open.
    #[must_use]
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// Returns the flags that follow from what it says; those that need the recorded time come from the review.
    #[must_use]
    pub fn flags(&self) -> &[Flag] {
        &self.flags
    }

    /// Returns the statement id that the writer chose, if any.
    #[must_use]
    pub fn statement_id(&self) -> Option<StatementId> {
        self.statement_id
    }

    /// Whether the structure is in clear: of a public kind, or a confirmation of entries that are all public.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.public
    }

    /// Returns the entry under an id of its clerk's choosing, so that it is entered once.
    #[must_use]
    pub fn identified(mut self, id: StatementId) -> Self {
        self.statement_id = Some(id);
        self
    }

    /// Returns what gaps, flags and gates ask about.
    #[must_use]
    pub fn facts(&self) -> Facts<'_> {
        Facts {
            kind: self.kind,
            happened: self.happened,
            occurred: self.occurred,
            learned: self.learned,
            values: &self.values,
            relations: self.references.iter().map(|reference| reference.relation).collect(),
            behind: &self.behind,
        }
    }

    /// Keeps the gaps that remain and the flags that follow.
    pub(super) fn close(&mut self, pack: &Pack, gaps: Vec<Gap>) {
        let incomplete = (!gaps.is_empty()).then_some(Flag::Incomplete);
        let emergency = self.facts().is_emergency(pack).then_some(Flag::Emergency);
        self.flags = incomplete.into_iter().chain(emergency).collect();
        self.gaps = gaps;
    }
}

/// The times of an entry of the clerk's.
struct Times {
    occurred: Moment,
    learned: Moment,
    decided: Moment,
}

/// What a misfiled entry says, read back, to be said again elsewhere.
pub struct Refiled {
    /// Its kind.
    pub kind: KindNumber,
    /// Whether it is an act.
    pub act: bool,
    /// Whether it has happened.
    pub happened: bool,
    /// When it was done.
    pub occurred: Moment,
    /// When it was learned.
    pub learned: Moment,
    /// When it was decided.
    pub decided: Moment,
    /// The structural values.
    pub values: Vec<Value>,
    /// The words.
    pub words: Vec<WordField>,
    /// What it refers to, and the entry that says it was misfiled.
    pub references: Vec<Reference>,
    /// Name and role (code) of who wrote it.
    pub reporter: Option<(Zeroizing<String>, String)>,
}

/// Puts values in their one order: by field, then position.
pub(super) fn sort(values: &mut [Value]) {
    values.sort_by_key(|value| (value.field, value.position));
}

/// Whether a value is one that the kind may hold without words.
fn fits(pack: &Pack, kind: &Kind, value: &Value) -> bool {
    let Some((field, sub)) = pack.field_numbered(value.field.0) else { return false };
    let Some((used, _)) = pack.field_of(kind, &field.name) else { return false };
    let leaf = sub.unwrap_or(field);
    let known = |code: &str| pack.codes(leaf).is_some_and(|list| list.find(code).is_some());
    let content = match (leaf.answer, &value.content) {
        (FieldType::Code, Content::Code(code)) => known(code.as_str()),
        (FieldType::Count, Content::Count(count)) => leaf.codes.is_none() || known(&count.to_string()),
        (FieldType::Time, Content::Time(time)) => time.is_some(),
        (FieldType::Person, Content::Person(_))
        | (FieldType::Case, Content::Case(_))
        | (FieldType::Key, Content::Key(_))
        | (FieldType::Hash, Content::Hash(_))
        | (FieldType::Proof, Content::Proof(_))
        | (FieldType::Fixed | FieldType::FieldName, Content::Text(_))
        | (FieldType::Entry, Content::Entry(_)) => true,
        _ => false,
    };
    content && leaf.id == value.field.0 && (used.many || value.position == 0)
}
