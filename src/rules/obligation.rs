//! What each flag of the pack means: which rule it comes from, who sees it, and how long there is for each of its steps.
//!
//! When a flag opens and what closes it is the review's; how long that may take, where it stands in law, and what to
//! do next are the pack's. A policy may give a step another clock.

use super::clock::Clock;

/// How much a flag asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Shown; it never needs closing.
    Info,
    /// Waits in the queue, and turns red when it is overdue.
    Item,
    /// A rule was broken: it can be made good, and stays to be seen.
    Red,
}

impl Severity {
    /// Returns the name that packs use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Item => "item",
            Severity::Red => "red",
        }
    }
}

/// The most time that the law leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegalLimit {
    /// A clock like any other.
    Clock(Clock),
    /// The month of Article 12 UK GDPR, which [`super::access`] counts.
    Month,
}

/// One thing that a flag asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its name beside the flag's: `SAR-DUE/ack`.
    pub name: String,
    /// How long there is, unless the policy says otherwise; none where it is shown with its age.
    pub within: Option<Clock>,
    /// The most that the law allows, where it says so.
    pub law: Option<LegalLimit>,
    /// How much it asks for.
    pub severity: Severity,
    /// What is the matter, in plain words.
    pub what: String,
    /// What to do next.
    pub next: String,
}

/// What a flag means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obligation {
    /// The code in the list FLAG.
    pub flag: String,
    /// The rules it comes from, such as `R07`.
    pub rule: String,
    /// Where they stand: an act, guidance, or practice.
    pub source: String,
    /// Who sees it: roles, or `author` for whoever wrote the entry.
    pub seen_by: Vec<String>,
    /// What it asks for; at least one.
    pub steps: Vec<Step>,
}

impl Obligation {
    /// Returns a step by name.
    #[must_use]
    pub fn step(&self, name: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.name == name)
    }
}
