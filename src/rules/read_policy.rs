//! Reading a policy: TOML with no unknown key, then every name in it followed to what it names in the pack.

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;
use toml::Spanned;

use super::clock::Clock;
use super::pack::{Pack, PackError};
use super::policy::{
    AccessRules, CleanCopyCheck, Closings, DefaultGrant, Departure, OwnClock, Part, Policy, Procedure, RELEASE,
    RETENTION, SEEN_STALE_HOURS, has_clock,
};
use super::raw::Name;
use super::read::{Reader, document};
use super::retention::{Keep, Since};
use crate::codec::{Folder, ShortText};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPolicy {
    name: Name,
    title: String,
    version: Name,
    in_force: Name,
    sources: Vec<String>,
    closings: Option<Name>,
    seen_stale_hours: Option<u32>,
    #[serde(default)]
    judgemental_words: Vec<Name>,
    designated: Vec<Name>,
    #[serde(default)]
    roles: BTreeMap<Name, String>,
    #[serde(default)]
    clocks: BTreeMap<Name, Name>,
    access: RawAccess,
    #[serde(default)]
    substitutes: BTreeMap<Name, Vec<Name>>,
    #[serde(default)]
    retention: Vec<RawKeep>,
    #[serde(default)]
    grants: Vec<RawGrant>,
    #[serde(default)]
    procedures: Vec<RawProcedure>,
    #[serde(default)]
    conflicts: Vec<RawConflict>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAccess {
    reminder_days: Spanned<Vec<u32>>,
    told: Vec<Name>,
    prepares: Vec<Name>,
    #[serde(default)]
    checks: Vec<Name>,
    #[serde(default)]
    releases: Vec<Name>,
    clean_copy_check: RawCheck,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCheck {
    by: Spanned<Vec<Name>>,
    must: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKeep {
    class: Name,
    folders: Vec<Name>,
    years: Spanned<u32>,
    from: Spanned<Vec<Name>>,
    source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGrant {
    role: Name,
    folders: Vec<Name>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProcedure {
    kind: Name,
    who: Vec<Name>,
    part: Name,
    text: Name,
    source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConflict {
    what: Name,
    law: Name,
    since: Name,
    next: Name,
    source: String,
}

/// Reads a whole policy.
pub(super) fn policy(text: &str, pack: &Pack) -> Result<Policy, PackError> {
    let raw: RawPolicy = document(text)?;
    let reader = PolicyReader { reader: Reader::new(text), pack };
    reader.named(&raw.name)?;
    if ShortText::new(raw.version.get_ref()).is_err() {
        return Err(reader.reader.error(&raw.version, "is too long"));
    }
    Ok(Policy {
        in_force: reader.reader.day(&raw.in_force)?,
        roles: reader.role_names(&raw.roles)?,
        designated: reader.designated(&raw.designated)?,
        clocks: reader.clocks(&raw.clocks)?,
        access: reader.access(&raw.access)?,
        substitutes: reader.substitutes(&raw.substitutes)?,
        closings: raw.closings.as_ref().map_or(Ok(Closings::Day), |at| reader.reader.one_of(at, CLOSINGS))?,
        retention: reader.retention(&raw.retention)?,
        grants: reader.grants(&raw.grants)?,
        seen_stale_hours: raw.seen_stale_hours.unwrap_or(SEEN_STALE_HOURS),
        judgemental_words: reader.words(&raw.judgemental_words)?,
        procedures: reader.procedures(&raw.procedures)?,
        departures: reader.departures(&raw.conflicts)?,
        name: raw.name.into_inner(),
        title: raw.title,
        version: raw.version.into_inner(),
        sources: raw.sources,
    })
}

struct PolicyReader<'a> {
    reader: Reader<'a>,
    pack: &'a Pack,
}

impl PolicyReader<'_> {
    /// A name that is typed at a command line: small letters, digits and hyphens, from a letter.
    fn named(&self, name: &Name) -> Result<(), PackError> {
        let text = name.get_ref();
        let fits = text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let fits = fits && ShortText::new(text).is_ok();
        if fits { Ok(()) } else { Err(self.reader.error(name, "is not a name in small letters, digits and hyphens")) }
    }

    fn role(&self, role: &Name) -> Result<String, PackError> {
        let known = self.pack.list("ROLE").is_some_and(|list| list.find(role.get_ref()).is_some());
        if known { Ok(role.get_ref().clone()) } else { Err(self.reader.error(role, "is no role of this pack")) }
    }

    fn roles(&self, roles: &[Name]) -> Result<Vec<String>, PackError> {
        self.reader.unique(roles.iter())?;
        roles.iter().map(|role| self.role(role)).collect()
    }

    fn role_names(&self, raw: &BTreeMap<Name, String>) -> Result<Vec<(String, String)>, PackError> {
        raw.iter().map(|(role, name)| Ok((self.role(role)?, name.clone()))).collect()
    }

    fn designated(&self, raw: &[Name]) -> Result<Vec<String>, PackError> {
        // The program counts nobody else: a policy cannot make somebody designated who is not trained for it.
        let designated = |role: &Name| matches!(role.get_ref().as_str(), "dsl" | "deputy_dsl");
        match raw.iter().find(|role| !designated(role)) {
            Some(role) => {
                Err(self.reader.error(role, "is none of: dsl, deputy_dsl; give the person that role beside theirs"))
            }
            None => self.roles(raw),
        }
    }

    fn clocks(&self, raw: &BTreeMap<Name, Name>) -> Result<Vec<OwnClock>, PackError> {
        let read = |(step, text): (&Name, &Name)| {
            let known = step.get_ref().split_once('/').filter(|(flag, step)| has_clock(self.pack, flag, step));
            let (flag, name) = known.ok_or_else(|| self.reader.error(step, "is no step with a clock in this pack"))?;
            let clock = Clock::parse(text.get_ref())
                .ok_or_else(|| self.reader.error(text, "is no clock: write eod, wd 3, h 24, d 14 or d 30 rolled"))?;
            if flag == RETENTION {
                return Err(self
                    .reader
                    .error(step, "is said under retention, with folders and from what it is counted"));
            }
            if (flag, name) == RELEASE && !matches!(clock, Clock::Days(_)) {
                return Err(self.reader.error(text, "is not counted in days: a promise to release is, such as d 14"));
            }
            Ok(OwnClock { flag: flag.to_owned(), step: name.to_owned(), clock })
        };
        raw.iter().map(read).collect()
    }

    fn access(&self, raw: &RawAccess) -> Result<AccessRules, PackError> {
        let days = raw.reminder_days.get_ref();
        if days.is_empty() || !days.is_sorted_by(|a, b| a < b) {
            return Err(self
                .reader
                .wrong(raw.reminder_days.span(), "reminder_days are days after receipt, rising, one at least"));
        }
        let by = self.roles(raw.clean_copy_check.by.get_ref())?;
        if by.is_empty() {
            return Err(self.reader.wrong(raw.clean_copy_check.by.span(), "clean_copy_check names nobody who looks"));
        }
        Ok(AccessRules {
            reminder_days: days.clone(),
            told: self.roles(&raw.told)?,
            prepares: self.roles(&raw.prepares)?,
            checks: self.roles(&raw.checks)?,
            releases: self.roles(&raw.releases)?,
            clean_copy: CleanCopyCheck { by, must: raw.clean_copy_check.must },
        })
    }

    fn substitutes(&self, raw: &BTreeMap<Name, Vec<Name>>) -> Result<Vec<(String, Vec<String>)>, PackError> {
        let read = |(role, by): (&Name, &Vec<Name>)| {
            if by.is_empty() || by.contains(role) {
                return Err(self.reader.error(role, "needs others who stand in"));
            }
            Ok((self.role(role)?, self.roles(by)?))
        };
        raw.iter().map(read).collect()
    }

    fn folders(&self, raw: &[Name]) -> Result<Vec<Folder>, PackError> {
        self.reader.unique(raw.iter())?;
        let read =
            |name: &Name| Folder::from_name(name.get_ref()).ok_or_else(|| self.reader.error(name, "is no folder"));
        raw.iter().map(read).collect()
    }

    fn retention(&self, raw: &[RawKeep]) -> Result<Vec<Keep>, PackError> {
        self.reader.unique(raw.iter().map(|keep| &keep.class))?;
        let read = |keep: &RawKeep| {
            if self.pack.list("RETENTION").is_none_or(|list| list.find(keep.class.get_ref()).is_none()) {
                return Err(self.reader.error(&keep.class, "is no class of the list RETENTION"));
            }
            if !(1..=LONGEST_YEARS).contains(keep.years.get_ref()) {
                return Err(self.reader.wrong(keep.years.span(), "a class is kept for 1 to 150 years"));
            }
            let from = keep.from.get_ref();
            if from.is_empty() {
                return Err(self.reader.wrong(keep.from.span(), "from says from what the years are counted"));
            }
            self.reader.unique(from.iter())?;
            Ok(Keep {
                class: keep.class.get_ref().clone(),
                folders: self.folders(&keep.folders)?,
                years: *keep.years.get_ref(),
                since: from.iter().map(|at| self.reader.one_of(at, SINCE)).collect::<Result<_, _>>()?,
                source: keep.source.clone(),
            })
        };
        raw.iter().map(read).collect()
    }

    fn grants(&self, raw: &[RawGrant]) -> Result<Vec<DefaultGrant>, PackError> {
        self.reader.unique(raw.iter().map(|grant| &grant.role))?;
        let read = |grant: &RawGrant| {
            let folders = self.folders(&grant.folders)?;
            if let Some(name) = grant.folders.iter().find(|name| name.get_ref() == Folder::Staff.name()) {
                return Err(self.reader.error(name, "opens to nobody by role alone: it may be about them"));
            }
            Ok(DefaultGrant { role: self.role(&grant.role)?, folders })
        };
        raw.iter().map(read).collect()
    }

    fn words(&self, raw: &[Name]) -> Result<Vec<String>, PackError> {
        self.reader.unique(raw.iter())?;
        let small = |word: &&Name| word.get_ref().is_empty() || word.get_ref().to_lowercase() != *word.get_ref();
        match raw.iter().find(small) {
            Some(word) => Err(self.reader.error(word, "is not in small letters")),
            None => Ok(raw.iter().map(|word| word.get_ref().clone()).collect()),
        }
    }

    fn procedures(&self, raw: &[RawProcedure]) -> Result<Vec<Procedure>, PackError> {
        let mut seen = HashSet::new();
        let mut read = |step: &RawProcedure| {
            let kind = self.pack.kind(step.kind.get_ref());
            let kind = kind.ok_or_else(|| self.reader.error(&step.kind, "is no kind of this pack"))?;
            let text = self.said(&step.text)?;
            if !seen.insert((kind.number, text.clone())) {
                return Err(self.reader.error(&step.text, "stands twice"));
            }
            Ok(Procedure {
                kind: kind.number,
                who: self.roles(&step.who)?,
                part: self.reader.one_of(&step.part, PARTS)?,
                text,
                source: step.source.clone(),
            })
        };
        raw.iter().map(&mut read).collect()
    }

    fn departures(&self, raw: &[RawConflict]) -> Result<Vec<Departure>, PackError> {
        self.reader.unique(raw.iter().map(|one| &one.what))?;
        let read = |one: &RawConflict| {
            Ok(Departure {
                what: self.said(&one.what)?,
                law: self.said(&one.law)?,
                since: self.reader.since(&one.since)?,
                next: self.said(&one.next)?,
                source: one.source.clone(),
            })
        };
        raw.iter().map(read).collect()
    }

    fn said(&self, text: &Name) -> Result<String, PackError> {
        let one_line = !text.get_ref().trim().is_empty() && !text.get_ref().contains('\n');
        if one_line { Ok(text.get_ref().clone()) } else { Err(self.reader.error(text, "is not one line of words")) }
    }
}

const CLOSINGS: &[(&str, Closings)] = &[("day", Closings::Day), ("week", Closings::Week)];

const SINCE: &[(&str, Since)] = &[
    ("leaving", Since::Leaving),
    ("birth", Since::Birth),
    ("last_entry", Since::LastEntry),
    ("review", Since::Review),
];

const PARTS: &[(&str, Part)] =
    &[("does", Part::Does), ("prepares", Part::Prepares), ("checks", Part::Checks), ("told", Part::Told)];

const LONGEST_YEARS: u32 = 150;
