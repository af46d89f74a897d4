//! A policy: a setting's own numbers, names and procedures, as a dated document that it adopts.
//!
//! The chapter [`crate::manual::policies`] describes its keys; one policy ships for each of five sorts of setting. Reading
//! is as strict as a pack's. A policy may promise less time than the pack gives, or more: where it gives more than the law
//! does, [`conflicts`] says on which days, and adopting it is still possible, since a rule that cannot be entered is kept
//! on paper instead.

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate, NaiveTime, TimeZone};
use chrono_tz::Europe::London;

use super::access;
use super::clock::{self, Clock};
use super::obligation::LegalLimit;
use super::pack::{Pack, PackError};
use super::read_policy;
use super::retention::Keep;
use crate::codec::{Folder, KindNumber};

/// The policies that ship with this program, by name.
pub const BUILT_IN: [(&str, &str); 5] = [
    ("policy-000", include_str!("policies/policy-000.toml")),
    ("policy-001", include_str!("policies/policy-001.toml")),
    ("policy-002", include_str!("policies/policy-002.toml")),
    ("policy-003", include_str!("policies/policy-003.toml")),
    ("policy-004", include_str!("policies/policy-004.toml")),
];

/// The days of receipt that are looked at when a policy is compared with the law.
pub const LOOKED_AHEAD: u32 = 400;

/// After so many hours what a device has seen is old, unless the policy says otherwise.
pub const SEEN_STALE_HOURS: u32 = 72;

/// The step whose clock is a promise beside the law's own, which is counted by [`crate::rules::access`].
pub const RELEASE: (&str, &str) = ("SAR-DUE", "release");
/// The flag whose steps are classes: a policy says under `retention` how long each is kept.
pub const RETENTION: &str = "RETENTION-REVIEW";

/// A step of an obligation with the clock that the policy gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnClock {
    /// The flag, such as `UNBACKED`.
    pub flag: String,
    /// The step, such as `backing`.
    pub step: String,
    /// How long there is.
    pub clock: Clock,
}

/// How access requests are handled. Roles are codes of the pack's list ROLE.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessRules {
    /// On which days after receipt the people in charge are reminded, rising.
    pub reminder_days: Vec<u32>,
    /// Who is told of a request.
    pub told: Vec<String>,
    /// Who prepares the file.
    pub prepares: Vec<String>,
    /// Who looks whether the file is whole.
    pub checks: Vec<String>,
    /// Who hands the copy over; nobody named: whoever may.
    pub releases: Vec<String>,
    /// The second look at a clean copy.
    pub clean_copy: CleanCopyCheck,
}

/// The second look at a clean copy before it is handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CleanCopyCheck {
    /// Who looks: one of these roles, and never whoever made it.
    pub by: Vec<String>,
    /// Whether release waits for it (though never beyond the legal date), or it is only advised.
    pub must: bool,
}

impl Default for CleanCopyCheck {
    /// What holds without a policy: somebody else in a leading role has to look.
    fn default() -> Self {
        let by = ["dsl", "deputy_dsl", "leader", "chair", "owner"];
        CleanCopyCheck { by: by.map(str::to_owned).to_vec(), must: true }
    }
}

/// How often a setting closes its book.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Closings {
    /// Each opening day.
    #[default]
    Day,
    /// Each week with an opening day.
    Week,
}

/// A folder's readers by role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultGrant {
    /// The role.
    pub role: String,
    /// What is opened to whoever holds it.
    pub folders: Vec<Folder>,
}

/// What somebody does in a procedure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Does it, or sees to it.
    Does,
    /// Prepares it.
    Prepares,
    /// Checks what somebody else did.
    Checks,
    /// Is told of it.
    Told,
}

/// One line of a procedure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Procedure {
    /// The kind of entry that the step ends in.
    pub kind: KindNumber,
    /// Who: codes of the pack's list ROLE.
    pub who: Vec<String>,
    /// What they do.
    pub part: Part,
    /// In plain words.
    pub text: String,
    /// Where the setting's own text says so.
    pub source: String,
}

/// Where the text of a policy itself departs from law, whatever its numbers are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    /// What the text says.
    pub what: String,
    /// What the law says, and where.
    pub law: String,
    /// Since when, as a day or in words.
    pub since: String,
    /// What to do.
    pub next: String,
    /// Where the setting's own text says so.
    pub source: String,
}

/// A policy that was read and followed through: every name in it leads somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) version: String,
    pub(super) in_force: NaiveDate,
    pub(super) sources: Vec<String>,
    pub(super) roles: Vec<(String, String)>,
    pub(super) designated: Vec<String>,
    pub(super) clocks: Vec<OwnClock>,
    pub(super) access: AccessRules,
    pub(super) substitutes: Vec<(String, Vec<String>)>,
    pub(super) closings: Closings,
    pub(super) retention: Vec<Keep>,
    pub(super) grants: Vec<DefaultGrant>,
    pub(super) seen_stale_hours: u32,
    pub(super) judgemental_words: Vec<String>,
    pub(super) procedures: Vec<Procedure>,
    pub(super) departures: Vec<Departure>,
}

impl Policy {
    /// Reads a policy against the pack that it goes with.
    ///
    /// # Errors
    /// [`PackError`] with the first line that cannot stand: an unknown key, a role, kind, folder, code or step that is not
    /// the pack's, a clock that cannot be read, anything that stands twice.
    pub fn parse(text: &str, pack: &Pack) -> Result<Policy, PackError> {
        read_policy::policy(text, pack)
    }

    /// Returns the text of a policy that ships with this program.
    #[must_use]
    pub fn built_in(name: &str) -> Option<&'static str> {
        BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
    }

    /// Returns the policy's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns what sort of setting it was written for.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Returns the policy's version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Returns the day from which the setting means it.
    #[must_use]
    pub fn in_force(&self) -> NaiveDate {
        self.in_force
    }

    /// Returns what it was written from.
    #[must_use]
    pub fn sources(&self) -> &[String] {
        &self.sources
    }

    /// Returns the setting's own name of a role, or the code where it has none.
    #[must_use]
    pub fn role_name<'a>(&'a self, code: &'a str) -> &'a str {
        self.roles.iter().find(|(known, _)| known == code).map_or(code, |(_, name)| name)
    }

    /// Returns the roles that have names of the setting's own, with those names, in order of code.
    #[must_use]
    pub fn roles(&self) -> &[(String, String)] {
        &self.roles
    }

    /// Returns the roles that are designated for safeguarding.
    #[must_use]
    pub fn designated(&self) -> &[String] {
        &self.designated
    }

    /// Returns the clocks that differ from the pack's, in order of flag and step.
    #[must_use]
    pub fn clocks(&self) -> &[OwnClock] {
        &self.clocks
    }

    /// Returns the clock that this policy gives a step; none where the pack's holds.
    #[must_use]
    pub fn clock(&self, flag: &str, step: &str) -> Option<Clock> {
        if flag == RETENTION {
            return self.retention.iter().find(|keep| keep.class == step).map(|keep| Clock::Years(keep.years));
        }
        self.clocks.iter().find(|own| own.flag == flag && own.step == step).map(|own| own.clock)
    }

    /// Returns within how many days of receipt an access request is promised to be answered; none without a promise.
    #[must_use]
    pub fn access_days(&self) -> Option<u32> {
        match self.clock(RELEASE.0, RELEASE.1) {
            Some(Clock::Days(days)) => Some(days),
            _ => None,
        }
    }

    /// Returns how access requests are handled.
    #[must_use]
    pub fn access(&self) -> &AccessRules {
        &self.access
    }

    /// Returns who stands in for a role whose holder is involved themselves, first choice first.
    #[must_use]
    pub fn substitutes(&self, role: &str) -> &[String] {
        self.substitutes.iter().find(|(known, _)| known == role).map_or(&[], |(_, by)| by)
    }

    /// Returns how often the book is closed.
    #[must_use]
    pub fn closings(&self) -> Closings {
        self.closings
    }

    /// Returns how long things are kept, where that differs from the pack.
    #[must_use]
    pub fn retention(&self) -> &[Keep] {
        &self.retention
    }

    /// Returns which folders of a case open by role.
    #[must_use]
    pub fn grants(&self) -> &[DefaultGrant] {
        &self.grants
    }

    /// Returns after how many hours what a device has seen of the ledger is old.
    #[must_use]
    pub fn seen_stale_hours(&self) -> u32 {
        self.seen_stale_hours
    }

    /// Returns words that draw a hint beside those of the program; small letters.
    #[must_use]
    pub fn judgemental_words(&self) -> &[String] {
        &self.judgemental_words
    }

    /// Returns the procedures, in the policy's order.
    #[must_use]
    pub fn procedures(&self) -> &[Procedure] {
        &self.procedures
    }

    /// Returns where the policy's own text departs from law, in its order.
    #[must_use]
    pub fn departures(&self) -> &[Departure] {
        &self.departures
    }
}

/// Where a policy goes beyond the law, or against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conflict {
    /// It gives an access request more days than the law does.
    Access {
        /// The days that it promises, from receipt.
        days: u32,
        /// The days of receipt on which that is too long, rising.
        received: Vec<NaiveDate>,
    },
    /// It gives a step more time than the law does.
    Clock {
        /// The step, with the policy's clock.
        own: OwnClock,
        /// The law's clock.
        law: Clock,
        /// Where the law says so.
        source: String,
        /// The days of beginning on which that is too long, rising.
        begins: Vec<NaiveDate>,
    },
    /// Its text says what the law does not.
    Text(Departure),
}

impl Conflict {
    /// Returns the days on which its numbers pass the law; none for what its text says.
    #[must_use]
    pub fn days(&self) -> &[NaiveDate] {
        match self {
            Conflict::Access { received, .. } => received,
            Conflict::Clock { begins, .. } => begins,
            Conflict::Text(_) => &[],
        }
    }
}

/// Compares a policy with the law: its numbers on each of the next [`LOOKED_AHEAD`] days from `from`, then its text.
#[must_use]
pub fn conflicts(policy: &Policy, pack: &Pack, from: NaiveDate) -> Vec<Conflict> {
    let calendar = pack.calendar();
    let mut found = Vec::new();
    if let Some(days) = policy.access_days() {
        let received = access::beyond_law(days, from, LOOKED_AHEAD, calendar);
        found.extend((!received.is_empty()).then_some(Conflict::Access { days, received }));
    }
    for own in &policy.clocks {
        let Some((law, source)) = law_of(pack, &own.flag, &own.step) else { continue };
        let days = (0..u64::from(LOOKED_AHEAD)).filter_map(|at| from.checked_add_days(Days::new(at)));
        // What begins with the day and what begins at its end run differently, by hours or by days.
        let longer = |begin: i64| own.clock.due(calendar, begin) > law.due(calendar, begin);
        let begins: Vec<NaiveDate> =
            days.filter(|day| longer(beginning(*day)) || longer(clock::end_of_day(*day))).collect();
        if !begins.is_empty() {
            found.push(Conflict::Clock { own: own.clone(), law, source, begins });
        }
    }
    found.extend(policy.departures.iter().cloned().map(Conflict::Text));
    found
}

/// Returns on how many days some number of the policy passes the law: what its adoption states.
#[must_use]
pub fn beyond_law(conflicts: &[Conflict]) -> u64 {
    let days: BTreeSet<&NaiveDate> = conflicts.iter().flat_map(Conflict::days).collect();
    days.len() as u64
}

/// Returns rising days as spans of days that follow each other, each with its first and last.
#[must_use]
pub fn spans(days: &[NaiveDate]) -> Vec<(NaiveDate, NaiveDate)> {
    let mut spans: Vec<(NaiveDate, NaiveDate)> = Vec::new();
    for day in days {
        match spans.last_mut() {
            Some((_, last)) if last.succ_opt() == Some(*day) => *last = *day,
            _ => spans.push((*day, *day)),
        }
    }
    spans
}

/// Whether a policy may give this step a clock of its own: one that has a clock in the pack, or a limit in law.
pub(super) fn has_clock(pack: &Pack, flag: &str, step: &str) -> bool {
    let step = pack.obligation(flag).and_then(|obligation| obligation.step(step));
    step.is_some_and(|step| step.within.is_some() || step.law.is_some())
}

/// Returns the longest time that the law gives a step, and where it says so; none where it says nothing, or counts a month,
/// which [`access`] does.
fn law_of(pack: &Pack, flag: &str, step: &str) -> Option<(Clock, String)> {
    let obligation = pack.obligation(flag)?;
    match obligation.step(step)?.law? {
        LegalLimit::Clock(law) => Some((law, obligation.source.clone())),
        LegalLimit::Month => None,
    }
}

/// Midnight in London, with which the day begins.
fn beginning(day: NaiveDate) -> i64 {
    let midnight = London.from_local_datetime(&day.and_time(NaiveTime::MIN));
    midnight.earliest().map_or_else(|| clock::end_of_day(day), |midnight| midnight.timestamp_millis())
}

#[cfg(test)]
mod tests;
