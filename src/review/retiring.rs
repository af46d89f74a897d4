//! Retiring: what was proposed, approved and done, and what stands in the way of it. The clerk asks before anything is
//! destroyed, the inspector afterwards, and both get the same answer from the same entries.
// Long because: what is read out of the entries and how it is judged belong together.

use crate::codec::{CaseTag, Digest, Folder, KindNumber, PersonId};
use crate::decision::value::{Content, Moment, Value, field};
use crate::entry::statement::Body;

/// Something that is to become unreadable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// One entry.
    Entry(u64),
    /// Every entry in one folder of a case; one of the setting's folders: those there that are about the case.
    Folder(CaseTag, Folder),
    /// A case: its three folders, and what has no words.
    Case(CaseTag),
}

impl Target {
    /// Whether an entry is meant. What says that and why something is retired never is: nobody could judge it any more.
    #[must_use]
    pub fn means(&self, entry: u64, body: &Body) -> bool {
        let folder = body.folder();
        let sealed = body.kind.publicity() == Some(crate::codec::Publicity::Sealed) && !says_so(body.kind);
        sealed
            && match self {
                Target::Entry(number) => *number == entry,
                Target::Folder(case, of) => body.case == Some(*case) && folder == Some(*of),
                Target::Case(case) => {
                    body.case == Some(*case) && folder.is_some_and(|of| of == Folder::None || of.of_case())
                }
            }
    }

    /// Whether what is kept of an entry says that it was meant.
    #[must_use]
    pub fn fits(&self, row: &Row) -> bool {
        match self {
            Target::Entry(number) => *number == row.entry,
            Target::Folder(case, of) => row.case == Some(*case) && row.folder == *of,
            Target::Case(case) => row.case == Some(*case) && (row.folder == Folder::None || row.folder.of_case()),
        }
    }

    /// Returns the case, where one is named.
    #[must_use]
    pub fn case(&self) -> Option<CaseTag> {
        match self {
            Target::Folder(case, _) | Target::Case(case) => Some(*case),
            Target::Entry(_) => None,
        }
    }

    /// Returns the folders whose words it takes as a whole.
    #[must_use]
    pub fn folders(&self) -> &[Folder] {
        match self {
            Target::Entry(_) => &[],
            Target::Folder(_, folder) => std::slice::from_ref(folder),
            Target::Case(_) => &[Folder::General, Folder::Protection, Folder::Legal],
        }
    }
}

/// Whether the words of an entry of this kind may go while its structure stays, because others are judged by it.
#[must_use]
pub fn structure_stays(kind: KindNumber) -> bool {
    matches!(kind.name(), Some("retention.review" | "hold.placed" | "hold.released" | "misfiled"))
}

fn says_so(kind: KindNumber) -> bool {
    matches!(kind.name(), Some("retire.proposed" | "retire.approved" | "retire.done" | "mirror.deleted"))
}

/// What is kept of an entry that was retired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Its number.
    pub entry: u64,
    /// Its author's key.
    pub key: [u8; 32],
    /// Its number in its author's own count.
    pub sequence: u64,
    /// The digest of its author's statement before it.
    pub previous: Digest,
    /// Its case.
    pub case: Option<CaseTag>,
    /// Its folder.
    pub folder: Folder,
    /// What sort of entry it was (code of the list KIND_CLASS).
    pub class: &'static str,
    /// When its time was over; none for a misfiled one.
    pub due: Option<Moment>,
}

/// A proposal to retire something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The entry.
    pub entry: u64,
    /// Who proposed it.
    pub by: PersonId,
    /// Whether they were in a leading role.
    pub leads: bool,
    /// The case that it names.
    pub case: Option<CaseTag>,
    /// What is meant.
    pub targets: Vec<Target>,
    /// The reviews that it rests on.
    pub reviews: Vec<u64>,
    /// The entries by which it was misfiled.
    pub misfiled: Vec<u64>,
}

/// A second person's word on a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The entry.
    pub entry: u64,
    /// Who says it.
    pub by: PersonId,
    /// Whether they were in a leading role.
    pub leads: bool,
    /// What they say (code of the list VIEW).
    pub view: String,
    /// The proposal.
    pub proposal: u64,
}

/// That something was retired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// The entry.
    pub entry: u64,
    /// When it was recorded, in milliseconds UTC.
    pub recorded: i64,
    /// Who says so.
    pub by: PersonId,
    /// The approval that it carries out.
    pub approval: Option<u64>,
    /// What it names.
    pub rows: Vec<Row>,
}

/// A look at how long a folder is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// The entry.
    pub entry: u64,
    /// The case.
    pub case: Option<CaseTag>,
    /// Where its own words lie.
    pub folder: Folder,
    /// How long it is kept (code of the list RETENTION).
    pub class: String,
    /// Whether it says that the folder is to be retired.
    pub retire: bool,
    /// When it is looked at again, or its time is over.
    pub review_at: Option<Moment>,
}

/// That an entry was filed in the wrong place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfiled {
    /// The entry that says so.
    pub entry: u64,
    /// Who says so.
    pub by: PersonId,
    /// The wrong case.
    pub case: Option<CaseTag>,
    /// What was filed there.
    pub of: Vec<u64>,
    /// The right case, if it is known.
    pub other_case: Option<CaseTag>,
    /// A second person's confirmation.
    pub confirmed: Option<u64>,
    /// Whether a second person did not agree.
    pub dropped: bool,
    /// The entry that says the same in the right case.
    pub refiled: Option<u64>,
}

/// What stands in the way, with the entry that does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// A hold that was not released.
    Held(u64),
    /// An access request that runs.
    Guarded(u64),
    /// No review says that it is to be retired.
    NoReview,
    /// The review is of another case, of another folder's class, or a later one took its place; or it says keep.
    WrongReview(u64),
    /// No review names a date.
    NoDate(u64),
    /// The date was not reached: milliseconds UTC.
    Early(u64, i64),
    /// A single entry that no entry calls misfiled.
    NotMisfiled(u64),
    /// The entry that calls it misfiled was not confirmed by a second person.
    NotConfirmed(u64),
    /// What the misfiled entry says does not stand in the right case yet.
    NotRefiled(u64),
}

impl Obstacle {
    /// Whether something keeps it for now, whatever its time.
    #[must_use]
    pub fn holds(&self) -> bool {
        matches!(self, Obstacle::Held(_) | Obstacle::Guarded(_))
    }
}

/// Why no second person has approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alone {
    /// There is no such proposal, or by somebody who leads nothing.
    NotProposed,
    /// Nobody else in a leading role has said anything that decides.
    NotApproved,
    /// A second person does not agree.
    Dropped(u64),
}

#[derive(Debug, Clone)]
struct Hold {
    entry: u64,
    case: Option<CaseTag>,
    of: Vec<u64>,
    released: Option<u64>,
}

#[derive(Debug, Clone)]
struct Guard {
    entry: u64,
    case: Option<CaseTag>,
    ended: Option<u64>,
}

/// Everything in the ledger that bears on retiring, in order of entry.
#[derive(Debug, Clone, Default)]
pub struct Register {
    holds: Vec<Hold>,
    guards: Vec<Guard>,
    reviews: Vec<Review>,
    misfiled: Vec<Misfiled>,
    proposals: Vec<Proposal>,
    approvals: Vec<Approval>,
    done: Vec<Done>,
}

impl Register {
    /// Takes in an entry. `leads` says whether its author held a leading role when it was recorded; it is asked only where
    /// it matters.
    pub fn note(&mut self, entry: u64, recorded: i64, body: &Body, leads: &dyn Fn() -> bool) {
        self.note_refiled(entry, body);
        match body.kind.name() {
            Some("hold.placed") => {
                self.holds.push(Hold { entry, case: body.case, of: to(body, "holds"), released: None })
            }
            Some("hold.released") => {
                for ended in to(body, "ends") {
                    let hold = self.holds.iter_mut().find(|hold| hold.entry == ended);
                    hold.into_iter().for_each(|hold| hold.released = hold.released.or(Some(entry)));
                }
            }
            Some("access.received") => self.guards.push(Guard { entry, case: body.case, ended: None }),
            Some("access.released" | "access.refused") => self.unguard(entry, body),
            Some("access.clarify_received") if body.code_of(field::REPLY) == Some("request_withdrawn") => {
                self.unguard(entry, body)
            }
            Some("retention.review") => self.reviews.push(Review {
                entry,
                case: body.case,
                folder: body.folder().unwrap_or(Folder::None),
                class: body.code_of(field::RETENTION_CLASS).unwrap_or_default().to_owned(),
                retire: body.code_of(field::OUTCOME) == Some("retire"),
                review_at: body.time_of(field::REVIEW_AT),
            }),
            Some("misfiled") => self.misfiled.push(Misfiled {
                entry,
                by: body.person,
                case: body.case,
                of: to(body, "misplaced"),
                other_case: body.case_of(field::OTHER_CASE),
                confirmed: None,
                dropped: false,
                refiled: None,
            }),
            Some("confirmation") => self.confirm(entry, body, leads),
            Some("retire.proposed") => self.proposals.push(Proposal {
                entry,
                by: body.person,
                leads: leads(),
                case: body.case,
                targets: targets(body),
                reviews: to(body, "reviews"),
                misfiled: to(body, "misplaced"),
            }),
            Some("retire.approved") => {
                let view = body.code_of(field::VIEW).unwrap_or_default().to_owned();
                let word = |proposal| Approval { entry, by: body.person, leads: leads(), view: view.clone(), proposal };
                self.approvals.extend(to(body, "confirms").into_iter().map(word));
            }
            Some("retire.done") => {
                let approval = to(body, "carries_out").first().copied();
                self.done.push(Done { entry, recorded, by: body.person, approval, rows: rows(&body.values) });
            }
            _ => {}
        }
    }

    fn unguard(&mut self, entry: u64, body: &Body) {
        for ended in to(body, "part_of") {
            let guard = self.guards.iter_mut().find(|guard| guard.entry == ended);
            guard.into_iter().for_each(|guard| guard.ended = guard.ended.or(Some(entry)));
        }
    }

    fn confirm(&mut self, entry: u64, body: &Body, leads: &dyn Fn() -> bool) {
        for of in to(body, "confirms") {
            let open = |one: &&mut Misfiled| one.entry == of && one.confirmed.is_none() && !one.dropped;
            let Some(one) = self.misfiled.iter_mut().find(open) else { continue };
            if one.by == body.person || !leads() {
                continue;
            }
            match body.code_of(field::VIEW) {
                Some("agrees") => one.confirmed = Some(entry),
                Some("does_not") => one.dropped = true,
                _ => {}
            }
        }
    }

    fn note_refiled(&mut self, entry: u64, body: &Body) {
        if self.misfiled.is_empty() || body.case.is_none() {
            return;
        }
        for about in to(body, "about") {
            for one in self.misfiled.iter_mut().filter(|one| one.entry == about && one.other_case == body.case) {
                one.refiled = one.refiled.or(Some(entry));
            }
        }
    }

    /// Returns a proposal.
    #[must_use]
    pub fn proposal(&self, entry: u64) -> Option<&Proposal> {
        self.proposals.iter().find(|proposal| proposal.entry == entry)
    }

    /// Returns every proposal.
    #[must_use]
    pub fn proposals(&self) -> &[Proposal] {
        &self.proposals
    }

    /// Returns what an entry says of another that was misfiled.
    #[must_use]
    pub fn misfiled(&self, entry: u64) -> Option<&Misfiled> {
        self.misfiled.iter().find(|one| one.entry == entry)
    }

    /// Returns the entries that say that something was retired.
    #[must_use]
    pub fn done(&self) -> &[Done] {
        &self.done
    }

    /// Returns a second person's word.
    #[must_use]
    pub fn approval(&self, entry: u64) -> Option<&Approval> {
        self.approvals.iter().find(|approval| approval.entry == entry)
    }

    /// Returns the entries that say that what was proposed there is done.
    pub fn done_under(&self, proposal: u64) -> impl Iterator<Item = &Done> {
        let of = move |done: &&Done| {
            done.approval.and_then(|entry| self.approval(entry)).is_some_and(|one| one.proposal == proposal)
        };
        self.done.iter().filter(of)
    }

    /// Returns the proposal and the doing by which an entry was retired.
    #[must_use]
    pub fn retired(&self, entry: u64) -> Option<(u64, u64)> {
        let done = self.done.iter().find(|done| done.rows.iter().any(|row| row.entry == entry))?;
        let proposal = done.approval.and_then(|entry| self.approval(entry)).map(|approval| approval.proposal);
        Some((proposal.unwrap_or(done.entry), done.entry))
    }

    /// Returns the newest review that would let these targets be retired, whatever its date.
    #[must_use]
    pub fn review_for(&self, targets: &[Target]) -> Option<u64> {
        let fits = |review: &&Review| self.wrong(review, targets, u64::MAX).is_none();
        self.reviews.iter().rev().find(fits).map(|review| review.entry)
    }

    /// Returns the second person's approval of a proposal as it stood before an entry.
    ///
    /// # Errors
    /// Why there is none. What decides is the first word of somebody else in a leading role that does not put it off.
    pub fn approved(&self, proposal: u64, before: u64) -> Result<&Approval, Alone> {
        let proposed = self.proposal(proposal).filter(|proposed| proposed.leads).ok_or(Alone::NotProposed)?;
        let counts = |word: &&Approval| {
            word.proposal == proposal
                && word.entry < before
                && word.by != proposed.by
                && word.leads
                && word.view != "agrees_if"
        };
        match self.approvals.iter().find(counts) {
            None => Err(Alone::NotApproved),
            Some(word) if word.view == "agrees" => Ok(word),
            Some(word) => Err(Alone::Dropped(word.entry)),
        }
    }

    /// Returns everything that stood in the way of a proposal before an entry, at a time in milliseconds UTC. `of` are the
    /// cases of single entries that are meant, as far as they are known.
    #[must_use]
    pub fn obstacles(&self, proposal: &Proposal, of: &[CaseTag], before: u64, now: i64) -> Vec<Obstacle> {
        let mut found = Vec::new();
        let mut cases: Vec<Option<CaseTag>> = of.iter().copied().map(Some).collect();
        let mut entries: Vec<u64> = Vec::new();
        let by_review: Vec<Target> =
            proposal.targets.iter().filter(|target| !matches!(target, Target::Entry(_))).copied().collect();
        for target in &proposal.targets {
            match target {
                Target::Folder(case, _) | Target::Case(case) => cases.push(Some(*case)),
                Target::Entry(entry) => {
                    entries.push(*entry);
                    match self.misfiled_by(*entry, proposal) {
                        None => found.push(Obstacle::NotMisfiled(*entry)),
                        Some(one) => {
                            cases.push(one.case);
                            found.extend(self.misfiled_obstacle(one, before));
                        }
                    }
                }
            }
        }
        for hold in self.holds.iter().filter(|hold| hold.entry < before && hold.released.is_none_or(|by| by >= before))
        {
            let all = hold.case.is_none() && hold.of.is_empty();
            let on_case = hold.case.is_some() && cases.contains(&hold.case);
            if all || on_case || hold.of.iter().any(|entry| entries.contains(entry)) {
                found.push(Obstacle::Held(hold.entry));
            }
        }
        for guard in self.guards.iter().filter(|one| one.entry < before && one.ended.is_none_or(|by| by >= before)) {
            if guard.case.is_none() || cases.contains(&guard.case) {
                found.push(Obstacle::Guarded(guard.entry));
            }
        }
        if !by_review.is_empty() {
            found.extend(self.review_obstacle(proposal, &by_review, before, now));
        }
        found
    }

    /// Returns the review that a proposal rests on, and the date from which it lets the targets go.
    #[must_use]
    pub fn ground(&self, proposal: &Proposal) -> Option<(u64, Option<Moment>)> {
        let review = proposal.reviews.iter().find_map(|entry| self.reviews.iter().find(|one| one.entry == *entry))?;
        Some((review.entry, self.due(review)))
    }

    fn misfiled_by(&self, entry: u64, proposal: &Proposal) -> Option<&Misfiled> {
        let of = |number: &u64| self.misfiled(*number).filter(|one| one.of.contains(&entry));
        proposal.misfiled.iter().find_map(of)
    }

    fn review_obstacle(&self, proposal: &Proposal, targets: &[Target], before: u64, now: i64) -> Option<Obstacle> {
        let named = |entry: &u64| self.reviews.iter().find(|review| review.entry == *entry);
        let Some(review) = proposal.reviews.iter().find_map(named) else { return Some(Obstacle::NoReview) };
        if let Some(wrong) = self.wrong(review, targets, before) {
            return Some(wrong);
        }
        match self.due(review) {
            None => Some(Obstacle::NoDate(review.entry)),
            Some(due) if now < due.milliseconds => Some(Obstacle::Early(review.entry, due.milliseconds)),
            Some(_) => None,
        }
    }

    /// Whether a review does not let these targets be retired: it says keep, is of another case or class, or a later one
    /// of the same class, or in the same folder, took its place.
    fn wrong(&self, review: &Review, targets: &[Target], before: u64) -> Option<Obstacle> {
        let of_case = |target: &Target| match target {
            Target::Folder(case, _) | Target::Case(case) => review.case == Some(*case),
            Target::Entry(_) => false,
        };
        let covered = targets.iter().flat_map(Target::folders).all(|folder| covers(&review.class, *folder));
        let later = |other: &Review| {
            other.entry > review.entry
                && other.entry < before
                && other.case == review.case
                && (other.class == review.class || other.folder == review.folder)
        };
        let stands = review.retire && covered && targets.iter().all(of_case) && !self.reviews.iter().any(later);
        (!stands).then_some(Obstacle::WrongReview(review.entry))
    }

    /// What the right case got may have been retired since: its row then says that something of that case stood there.
    fn misfiled_obstacle(&self, one: &Misfiled, before: u64) -> Option<Obstacle> {
        let confirmed = one.confirmed.is_some_and(|entry| entry < before);
        if !confirmed {
            return Some(Obstacle::NotConfirmed(one.entry));
        }
        let stood = |row: &Row| row.case == one.other_case && (one.entry..before).contains(&row.entry);
        let refiled = one.other_case.is_none()
            || one.refiled.is_some_and(|entry| entry < before)
            || self.done.iter().flat_map(|done| &done.rows).any(stood);
        (!refiled).then_some(Obstacle::NotRefiled(one.entry))
    }

    /// The later of the review's own date and that of the review of the same class before it: a review cannot bring the
    /// date forward that it is itself the end of.
    fn due(&self, review: &Review) -> Option<Moment> {
        let before = self
            .reviews
            .iter()
            .rev()
            .find(|other| other.entry < review.entry && other.case == review.case && other.class == review.class);
        let dates = [review.review_at, before.and_then(|before| before.review_at)];
        dates.into_iter().flatten().max_by_key(|date| date.milliseconds)
    }
}

/// Whether a class of retention speaks of a folder.
fn covers(class: &str, folder: Folder) -> bool {
    match class {
        "general" => folder == Folder::General,
        "child_protection" | "abuse_allegation" | "indefinite" => folder.of_case(),
        "staff_allegation" => folder == Folder::Staff,
        "complaint" => folder == Folder::Access,
        _ => false,
    }
}

/// Returns the sort of an entry of a kind (code of the list KIND_CLASS), by the groups of the format's numbers.
#[must_use]
pub fn kind_class(kind: KindNumber) -> &'static str {
    match kind.0 {
        0..48 => "people",
        48..80 => "input",
        80..96 => "consent",
        96..128 => "decision",
        128..160 => "access",
        160..176 => "repair",
        176..192 => "breach",
        192..224 => "life",
        224..240 => "staff",
        240..256 => "reading",
        _ => "assurance",
    }
}

const CLASSES: [&str; 11] =
    ["people", "input", "consent", "decision", "access", "repair", "breach", "life", "staff", "reading", "assurance"];

fn to(body: &Body, relation: &str) -> Vec<u64> {
    body.related(relation).map(|reference| reference.entry).collect()
}

fn targets(body: &Body) -> Vec<Target> {
    let ids = [field::RETIRE_SCOPE_CASE, field::RETIRE_SCOPE_FOLDER, field::RETIRE_SCOPE_ENTRY];
    let mut positions: Vec<u16> =
        body.values.iter().filter(|value| ids.contains(&value.field)).map(|value| value.position).collect();
    positions.dedup();
    positions.sort_unstable();
    positions.dedup();
    let target = |position: u16| {
        let (mut case, mut folder) = (None, None);
        for value in body.values.iter().filter(|value| value.position == position) {
            match (value.field, &value.content) {
                (field::RETIRE_SCOPE_ENTRY, Content::Entry(entry)) => return Some(Target::Entry(*entry)),
                (field::RETIRE_SCOPE_CASE, Content::Case(tag)) => case = Some(*tag),
                (field::RETIRE_SCOPE_FOLDER, Content::Code(name)) => folder = Some(Folder::from_name(name.as_str())?),
                _ => {}
            }
        }
        match (case, folder) {
            (Some(case), Some(folder)) => Some(Target::Folder(case, folder)),
            (Some(case), None) => Some(Target::Case(case)),
            _ => None,
        }
    };
    positions.into_iter().filter_map(target).collect()
}

/// Returns what a `retire.done` keeps of each entry that it names, out of its values; a key that is left out there is zero.
#[must_use]
pub fn rows(values: &[Value]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    // Values stand in order of field, then position: the numbers first, and every other part goes to its number's row.
    let mut places = std::collections::HashMap::new();
    for value in values {
        if let (field::RETIRED_ENTRY, Content::Entry(entry)) = (value.field, &value.content) {
            places.insert(value.position, rows.len());
            let (key, sequence, previous) = ([0; 32], 0, Digest::ZERO);
            let (case, folder, class, due) = (None, Folder::None, "", None);
            rows.push(Row { entry: *entry, key, sequence, previous, case, folder, class, due });
        }
    }
    for value in values {
        let Some(row) = places.get(&value.position).and_then(|at| rows.get_mut(*at)) else { continue };
        match (value.field, &value.content) {
            (field::RETIRED_AUTHOR_KEY, Content::Key(key)) => row.key = key.0,
            (field::RETIRED_SEQUENCE, Content::Count(sequence)) => row.sequence = *sequence,
            (field::RETIRED_PREVIOUS, Content::Hash(digest)) => row.previous = *digest,
            (field::RETIRED_CASE, Content::Case(case)) => row.case = Some(*case),
            (field::RETIRED_FOLDER, Content::Code(name)) => {
                row.folder = Folder::from_name(name.as_str()).unwrap_or(Folder::None);
            }
            (field::RETIRED_KIND_CLASS, Content::Code(class)) => {
                row.class = CLASSES.iter().find(|known| **known == class.as_str()).copied().unwrap_or_default();
            }
            (field::RETIRED_DUE, Content::Time(due)) => row.due = Some(*due),
            _ => {}
        }
    }
    rows
}
