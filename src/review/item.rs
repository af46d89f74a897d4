//! What a review says: flags, and the items that wait, each with the entry it comes from and what closed it.

use crate::codec::{CaseTag, PersonId};
use crate::decision::gap::Gap;
use crate::rules::clock;
use crate::rules::obligation::{Obligation, Severity, Step};
use crate::rules::pack::Pack;

/// How an item was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed {
    /// The entry that closes it.
    pub by: u64,
    /// When what closes it was, in milliseconds UTC: the act, not when it was written down.
    pub at: i64,
}

/// Where an item stands at the time of the review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// Its time has run out.
    Overdue,
    /// It waits, or is shown and can still be made good.
    Open,
    /// Shown, and asks for nothing.
    Shown,
    /// Closed after its time.
    ClosedLate,
    /// Closed in time, or it had no time.
    Closed,
}

impl State {
    /// Returns its name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            State::Overdue => "overdue",
            State::Open => "open",
            State::Shown => "shown",
            State::ClosedLate => "closed_late",
            State::Closed => "closed",
        }
    }

    /// Whether somebody still has to do something.
    #[must_use]
    pub fn waits(self) -> bool {
        matches!(self, State::Overdue | State::Open)
    }
}

/// Why a consent does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unsound {
    /// Why it is wanted was not explained.
    Why,
    /// What would be shared was not explained.
    What,
    /// Who would see it was not explained.
    WhoSees,
    /// What it would be used for was not explained.
    Purpose,
    /// What may follow from yes or no was not explained.
    Implications,
    /// Not known to be able to decide.
    Capacity,
    /// Not known to be of their own free will.
    FreelyGiven,
    /// Not known to be without pressure.
    NoCoercion,
    /// Not told that it may be taken back.
    Withdrawal,
    /// The giver is not shown to hold parental responsibility.
    NoParentalResponsibility,
}

/// What more there is to say about an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// Nothing.
    Nothing,
    /// Of INCOMPLETE and NO-BASIS: what is open.
    Gap(Gap),
    /// Of LATE: on how many days after it was learned it was written.
    DaysLate(u64),
    /// Of CONSENT-INVALID: why.
    Unsound(Vec<Unsound>),
    /// Of CONSENT-INVALID for a share: the consent, and where it stood.
    Rests(u64, Standing),
    /// Of WITHDRAWAL-FOLLOW-UP/tell: the agency to be told (code of the list AGENCY; empty for none).
    Agency(String),
    /// Of SAR-DUE/release: its dates.
    Access(Box<AccessDates>),
    /// Of UNBACKED: entries in which somebody did not agree.
    Declined(Vec<u64>),
    /// Of EPOCH-OLD: whether its author could have known.
    CouldKnow(bool),
    /// Of POLICY-BEYOND-LAW: on how many days of receipt.
    Days(u64),
    /// Of NIL-GAP: the first and the last day that nobody closed, in milliseconds UTC.
    Unclosed(i64, i64),
    /// Of CONFLICT: who is party to it, and in which roles somebody stands in for them by the policy, first choice first.
    Party(PersonId, Vec<String>),
    /// Of CONCERN-UNDECIDED and REQUEST-UNDECIDED: a decision that is planned, and closes it once it is done.
    Planned(u64),
}

/// The dates of a request for a file, in milliseconds UTC, and what its clock waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessDates {
    /// The last moment by law.
    pub legal_due: i64,
    /// The last moment by the setting's own promise.
    pub policy_due: Option<i64>,
    /// Since when it stands still, waiting to hear what they mean.
    pub paused_since: Option<i64>,
    /// Since when it waits to know who they are.
    pub waiting_since: Option<i64>,
    /// The last moment if every day of the pauses counted; shown only.
    pub inclusive_due: i64,
    /// The days before it on which the policy wants people reminded, each as its beginning.
    pub reminders: Vec<i64>,
}

/// Where a consent stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It counts; with a note if parental responsibility was only declared.
    Valid {
        /// Declared, and no paper seen.
        noted: bool,
    },
    /// It does not count.
    NotValid(Vec<Unsound>),
    /// It was asked for and refused.
    Refused,
    /// Taken back by that entry.
    Withdrawn(u64),
    /// Its time is over.
    Expired,
    /// Another holder of parental responsibility objects, in that entry.
    Disputed(u64),
    /// A later consent took its place.
    Renewed(u64),
}

impl Standing {
    /// Whether somebody may rely on it.
    #[must_use]
    pub fn counts(&self) -> bool {
        matches!(self, Standing::Valid { .. } | Standing::Renewed(_))
    }

    /// Returns its name in JSON.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Standing::Valid { .. } => "valid",
            Standing::NotValid(_) => "not_valid",
            Standing::Refused => "refused",
            Standing::Withdrawn(_) => "withdrawn",
            Standing::Expired => "expired",
            Standing::Disputed(_) => "disputed",
            Standing::Renewed(_) => "renewed",
        }
    }
}

/// A flag, or a step of one, that an entry opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The flag.
    pub flag: &'static str,
    /// Its step.
    pub step: &'static str,
    /// The entry that opened it.
    pub entry: u64,
    /// Who wrote that entry.
    pub author: PersonId,
    /// The case, if it belongs to one.
    pub case: Option<CaseTag>,
    /// Since when it stands, in milliseconds UTC.
    pub since: i64,
    /// Until when, in milliseconds UTC; none where it is only shown with its age.
    pub due: Option<i64>,
    /// How much it asks for.
    pub severity: Severity,
    /// What closed it.
    pub closed: Option<Closed>,
    /// What more there is to say.
    pub about: About,
    /// Whether it may have been closed, or made lawful beforehand, in an entry that could not be read.
    pub unsure: bool,
}

impl Item {
    /// Returns the flag with its step, as policies name it.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.flag, self.step)
    }

    /// Returns where it stands at a time, in milliseconds UTC. The last second belongs to its day, whatever its
    /// milliseconds.
    #[must_use]
    pub fn state(&self, now: i64) -> State {
        let after = |time: i64| self.due.is_some_and(|due| clock::is_after(time, due));
        match (self.closed, self.severity) {
            (Some(closed), _) if after(closed.at) => State::ClosedLate,
            (Some(_), _) => State::Closed,
            (None, Severity::Info) => State::Shown,
            (None, _) if after(now) => State::Overdue,
            (None, _) => State::Open,
        }
    }

    /// Returns what it means by a pack, if that knows it.
    #[must_use]
    pub fn meaning<'p>(&self, pack: &'p Pack) -> Option<(&'p Obligation, &'p Step)> {
        let known = pack.obligation(self.flag)?;
        Some((known, known.step(self.step)?))
    }

    /// Whether it speaks against the record keeping at a time: overdue, or a broken rule that nobody has made good; whether
    /// for certain, [`Item::unsure`] says.
    #[must_use]
    pub fn counts_against(&self, now: i64) -> bool {
        let state = self.state(now);
        state == State::Overdue || self.severity == Severity::Red && state == State::Open
    }

    /// Whether it is red at a time: a broken rule, made good or not, or an item whose time has run out.
    #[must_use]
    pub fn is_red(&self, now: i64) -> bool {
        self.severity == Severity::Red || self.state(now) == State::Overdue
    }
}

/// What a review found, at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// The time, in milliseconds UTC.
    pub now: i64,
    /// Every flag and item, closed ones too, in order of entry, flag and step.
    pub items: Vec<Item>,
    /// Entries that could not be read.
    pub unseen: Vec<u64>,
    /// The rules that could not be judged for that reason.
    pub unseen_rules: Vec<&'static str>,
}

impl Review {
    /// Returns what waits for somebody: the most urgent first.
    #[must_use]
    pub fn waiting(&self) -> Vec<&Item> {
        let mut waiting: Vec<&Item> = self.items.iter().filter(|item| item.state(self.now).waits()).collect();
        waiting.sort_by_cached_key(|item| (!item.is_red(self.now), item.due.unwrap_or(i64::MAX), item.entry));
        waiting
    }

    /// Returns how many items speak against the record keeping, and may have been put right in an entry that could not be
    /// read.
    #[must_use]
    pub fn unsure(&self) -> usize {
        self.items.iter().filter(|item| item.unsure && item.counts_against(self.now)).count()
    }

    /// Returns the flags of an entry.
    pub fn of(&self, entry: u64) -> impl Iterator<Item = &Item> {
        let from = self.items.partition_point(|item| item.entry < entry);
        self.items.get(from..).unwrap_or_default().iter().take_while(move |item| item.entry == entry)
    }
}
