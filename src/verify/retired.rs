//! What was retired: whether two people could lawfully do it, and whether what they kept of each entry fits its author's
//! own count, as far as the statements around it show.

use std::collections::{BTreeMap, HashMap};
use std::io;

use crate::codec::{CaseTag, Digest};
use crate::decision::people::Role;
use crate::entry::statement::Body;
use crate::review::retiring::{Done, Obstacle, Register, Row};
use crate::verify::chains::{Chain, Chains};
use crate::verify::report::Code;
use crate::verify::roster::Roster;

/// Why something could be retired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// It was misfiled: the entry that says so, and the one that confirms it.
    Misfiled(u64, u64),
    /// A review says that its time is over: the review, and the date in milliseconds UTC.
    Review(u64, i64),
}

/// That something was retired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retirement {
    /// The entry that says it is done.
    pub done: u64,
    /// The proposal.
    pub proposed: Option<u64>,
    /// The second person's approval.
    pub approved: Option<u64>,
    /// The entries that became unreadable.
    pub entries: Vec<u64>,
    /// Why it was lawful; none if it was not, or that could not be seen.
    pub ground: Option<Ground>,
    /// Whether what it rests on could be read.
    pub judged: bool,
    /// Of how many entries the statements around them show their place in their author's count. The rest, and of all
    /// entries case, folder, sort and date, rests on the two signers.
    pub shown: usize,
}

/// What was found about everything that was retired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Each retirement, in order of entry.
    pub retirements: Vec<Retirement>,
    /// What is wrong, with the entry that says that it is done.
    pub found: Vec<(u64, Code)>,
    /// How many of the entries that could not be opened were retired.
    pub accounted: u64,
}

/// A stretch of an author's count of which no statement could be opened.
struct Gap {
    from: u64,
    to: u64,
    /// The digest of the statement before it.
    before: Digest,
    /// What the statement behind it says it follows.
    after: Digest,
    /// The entries of those two statements; none before the first.
    since: Option<u64>,
    entry: u64,
}

/// Everything that is needed to judge what was retired, read along with the entries.
#[derive(Default)]
pub struct Retirements {
    register: Register,
    gaps: HashMap<[u8; 32], Vec<Gap>>,
    /// The newest entry of each author that was opened.
    newest: HashMap<[u8; 32], u64>,
    /// Numbers of entries that could not be opened: from, to (exclusive).
    hidden: Vec<(u64, u64)>,
    needs_whole: bool,
}

impl Retirements {
    /// Notes an entry whose structure is sealed to keys that the verifier does not have.
    pub fn hide(&mut self, entry: u64) {
        match self.hidden.last_mut() {
            Some((_, to)) if *to == entry => *to += 1,
            _ => self.hidden.push((entry, entry + 1)),
        }
    }

    /// Notes a statement, where its author's chain stood before it. `checked_before` is the number up to which statements
    /// are not judged again.
    pub fn note(
        &mut self,
        entry: u64,
        recorded: i64,
        body: &Body,
        chain: Option<&Chain>,
        roster: &Roster,
        checked_before: u64,
    ) {
        let (next, last) = chain.map_or((0, Digest::ZERO), |chain| (chain.next, chain.last));
        let since = self.newest.insert(body.author.0, entry);
        if body.sequence > next {
            let gap = Gap { from: next, to: body.sequence, before: last, after: body.previous, since, entry };
            self.gaps.entry(body.author.0).or_default().push(gap);
        }
        let leads = || roster.roles(body.person, entry, recorded).into_iter().any(Role::needs_second_person);
        self.register.note(entry, recorded, body, &leads);
        self.needs_whole |= checked_before > 0 && body.kind.name() == Some("retire.done");
    }

    /// Whether something was retired that rests on statements which were not opened again.
    #[must_use]
    pub fn needs_whole(&self) -> bool {
        self.needs_whole
    }

    /// Returns what is kept of each entry that was retired, with the entry that says so; the first word on an entry counts.
    #[must_use]
    pub fn rows(&self) -> BTreeMap<u64, (Row, u64)> {
        let mut rows = BTreeMap::new();
        for (row, done) in self.register.done().iter().flat_map(|done| done.rows.iter().map(|row| (*row, done.entry))) {
            rows.entry(row.entry).or_insert((row, done));
        }
        rows
    }

    /// Judges everything that was retired. `digest` gives the statement digest of an entry.
    ///
    /// # Errors
    /// Those of looking.
    pub fn judge(
        &self,
        chains: &Chains,
        roster: &Roster,
        digest: &mut dyn FnMut(u64) -> io::Result<Option<Digest>>,
    ) -> io::Result<Judged> {
        let (mut retirements, mut found, mut accounted) = (Vec::new(), Vec::new(), 0);
        let mut digests = HashMap::new();
        let hidden = |row: &&Row| self.is_hidden(row.entry);
        for row in self.register.done().iter().flat_map(|done| &done.rows).filter(hidden) {
            if let Some(known) = digest(row.entry)? {
                digests.insert(row.entry, known);
            }
        }
        let places = self.places(&digests);
        let mut before = BTreeMap::new();
        for done in self.register.done() {
            let mut retirement = self.retirement(done, &mut found);
            for row in &done.rows {
                let twice = before.insert(row.entry, done.entry).is_some();
                let enrolled = roster.enrolment(&row.key).is_some_and(|one| one.entry <= row.entry);
                let named = retirement.proposed.and_then(|entry| self.register.proposal(entry));
                let meant = named.is_none_or(|proposal| proposal.targets.iter().any(|target| target.fits(row)));
                let early = row.due.is_some_and(|due| due.milliseconds > done.recorded);
                let mut wrong = twice || !enrolled || !meant || early || row.entry >= done.entry;
                if self.is_hidden(row.entry) {
                    match self.place(row, chains, &places, &digests) {
                        Place::Wrong => wrong = true,
                        Place::Shown => retirement.shown += 1,
                        Place::NotShown => {}
                    }
                    accounted += u64::from(!wrong);
                }
                if wrong {
                    found.push((done.entry, Code::RetireFacts));
                }
            }
            retirements.push(retirement);
        }
        Ok(Judged { retirements, found, accounted })
    }

    fn retirement(&self, done: &Done, found: &mut Vec<(u64, Code)>) -> Retirement {
        let register = &self.register;
        let approval = done.approval.and_then(|entry| register.approval(entry));
        let proposal = approval.and_then(|approval| register.proposal(approval.proposal));
        let rests = proposal.into_iter().flat_map(|one| one.reviews.iter().chain(&one.misfiled)).copied();
        let rests = rests.chain(done.approval).chain(approval.map(|approval| approval.proposal));
        let judged = !rests.into_iter().any(|entry| self.is_hidden(entry));
        let mut retirement = Retirement {
            done: done.entry,
            proposed: proposal.map(|proposal| proposal.entry),
            approved: done.approval,
            entries: done.rows.iter().map(|row| row.entry).collect(),
            ground: None,
            judged,
            shown: 0,
        };
        if !judged {
            return retirement;
        }
        let agreed = proposal.map(|proposal| register.approved(proposal.entry, done.entry));
        let by_two = matches!(agreed, Some(Ok(one)) if Some(one.entry) == done.approval);
        let cases: Vec<CaseTag> = done.rows.iter().filter_map(|row| row.case).collect();
        let obstacles = proposal.map(|proposal| register.obstacles(proposal, &cases, done.entry, done.recorded));
        let obstacles = obstacles.unwrap_or_default();
        let held = obstacles.iter().any(Obstacle::holds);
        let early = obstacles.iter().any(|obstacle| !obstacle.holds());
        let codes = [(!by_two, Code::RetireAlone), (held, Code::RetireHeld), (early, Code::RetireEarly)];
        found.extend(codes.into_iter().filter(|(is, _)| *is).map(|(_, code)| (done.entry, code)));
        if let Some(proposal) = proposal.filter(|_| by_two && obstacles.is_empty()) {
            let misfiled = proposal.misfiled.iter().find_map(|entry| register.misfiled(*entry));
            let misfiled = misfiled.and_then(|one| Some(Ground::Misfiled(one.entry, one.confirmed?)));
            let review = register.ground(proposal).and_then(|(review, due)| Some((review, due?.milliseconds)));
            retirement.ground = misfiled.or(review.map(|(review, due)| Ground::Review(review, due)));
        }
        retirement
    }

    /// Which retired entry stands at which place of its author's count.
    fn places(&self, digests: &HashMap<u64, Digest>) -> HashMap<([u8; 32], u64), Row> {
        let rows = self.register.done().iter().flat_map(|done| &done.rows);
        rows.filter(|row| digests.contains_key(&row.entry)).map(|row| ((row.key, row.sequence), *row)).collect()
    }

    /// Compares what is kept of an entry with its author's statements before and behind it.
    fn place(
        &self,
        row: &Row,
        chains: &Chains,
        places: &HashMap<([u8; 32], u64), Row>,
        digests: &HashMap<u64, Digest>,
    ) -> Place {
        let own = digests.get(&row.entry).copied();
        let neighbour = |sequence: Option<u64>| sequence.and_then(|at| places.get(&(row.key, at)));
        if neighbour(Some(row.sequence)).is_some_and(|other| other.entry != row.entry) {
            return Place::Wrong;
        }
        let end = chains.0.get(&row.key).map_or((0, Digest::ZERO), |chain| (chain.next, chain.last));
        let gaps = self.gaps.get(&row.key).map(Vec::as_slice).unwrap_or_default();
        let gap = gaps.iter().find(|gap| (gap.from..gap.to).contains(&row.sequence));
        let newest = self.newest.get(&row.key).copied();
        let (from, before, behind) = match gap {
            Some(gap) if row.entry < gap.entry && gap.since.is_none_or(|since| since < row.entry) => {
                (gap.from, gap.before, Some(gap))
            }
            None if row.sequence >= end.0 && newest.is_none_or(|newest| newest < row.entry) => (end.0, end.1, None),
            // Another statement stands at this place, or this one on the wrong side of those around it.
            _ => return Place::Wrong,
        };
        let previous = match row.sequence.checked_sub(1) {
            None => Some(Digest::ZERO),
            Some(_) if row.sequence == from => Some(before),
            at => neighbour(at).and_then(|other| digests.get(&other.entry)).copied(),
        };
        let follows = match behind.filter(|gap| row.sequence + 1 == gap.to) {
            Some(gap) => Some(gap.after),
            None => neighbour(row.sequence.checked_add(1)).map(|other| other.previous),
        };
        let fits = previous.map(|previous| previous == row.previous);
        let followed = follows.map(|follows| Some(follows) == own);
        match (fits, followed) {
            (Some(false), _) | (_, Some(false)) => Place::Wrong,
            (Some(true), _) | (_, Some(true)) => Place::Shown,
            (None, None) => Place::NotShown,
        }
    }

    fn is_hidden(&self, entry: u64) -> bool {
        let at = self.hidden.partition_point(|(from, _)| *from <= entry);
        at.checked_sub(1).and_then(|at| self.hidden.get(at)).is_some_and(|(_, to)| entry < *to)
    }
}

/// What the statements around an entry say of its place.
enum Place {
    Shown,
    NotShown,
    Wrong,
}
