//! How long things are kept: a class of the pack's list RETENTION, years, and from what they are counted.
//!
//! What ends a period is a review, never the destruction of anything: see [`crate::review::retiring`].

use chrono::NaiveDate;

use super::clock;
use crate::codec::Folder;

/// From what years are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// The child's last day at the setting.
    Leaving,
    /// The child's birthday.
    Birth,
    /// The last entry about it; those that retire or review do not count.
    LastEntry,
    /// The last review.
    Review,
}

/// How long one class is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keep {
    /// A code of the list RETENTION.
    pub class: String,
    /// The folders that it speaks of.
    pub folders: Vec<Folder>,
    /// For how many years.
    pub years: u32,
    /// From what; from the latest of several.
    pub since: Vec<Since>,
    /// Where that comes from.
    pub source: String,
}

/// What is known of a file's life; none for what is not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Life {
    /// The last day at the setting.
    pub leaving: Option<NaiveDate>,
    /// The birthday.
    pub birth: Option<NaiveDate>,
    /// The day of the last entry.
    pub last_entry: Option<NaiveDate>,
    /// The day of the last review.
    pub review: Option<NaiveDate>,
}

impl Keep {
    /// Returns what a class of the pack speaks of and is counted from, unless a policy says otherwise; none for a class that
    /// this program does not know.
    #[must_use]
    pub fn usual(class: &str, years: u32, source: &str) -> Option<Keep> {
        let (_, folders, since) = USUAL.iter().find(|(known, ..)| *known == class)?;
        let (folders, since) = (folders.to_vec(), since.to_vec());
        Some(Keep { class: class.to_owned(), folders, years, since, source: source.to_owned() })
    }

    /// Returns it in words: `3 years after the child's last day here`.
    #[must_use]
    pub fn words(&self) -> String {
        let said: Vec<&str> = self
            .since
            .iter()
            .map(|since| match since {
                Since::Leaving => "the child's last day here",
                Since::Birth => "the child's birth",
                Since::LastEntry => "the last entry",
                Since::Review => "the last review",
            })
            .collect();
        let years = if self.years == 1 { "1 year".to_owned() } else { format!("{} years", self.years) };
        match said.as_slice() {
            [one] => format!("{years} after {one}"),
            several => format!("{years} after the latest of {}", several.join(" and ")),
        }
    }

    /// Returns the day on which a review is due; none while something that it is counted from is not known.
    #[must_use]
    pub fn date(&self, life: &Life) -> Option<NaiveDate> {
        let known = self.since.iter().map(|since| match since {
            Since::Leaving => life.leaving,
            Since::Birth => life.birth,
            Since::LastEntry => life.last_entry,
            Since::Review => life.review,
        });
        let latest = known.collect::<Option<Vec<NaiveDate>>>()?.into_iter().max()?;
        Some(clock::years_after(latest, self.years))
    }
}

const CASE: &[Folder] = &[Folder::General, Folder::Protection, Folder::Legal];
/// The classes of the list RETENTION: the folders that each speaks of, and from what its years are counted.
const USUAL: &[(&str, &[Folder], &[Since])] = &[
    ("general", &[Folder::General], &[Since::Leaving]),
    ("child_protection", CASE, &[Since::Birth]),
    ("abuse_allegation", CASE, &[Since::Birth, Since::LastEntry]),
    ("staff_allegation", &[Folder::Staff], &[Since::LastEntry]),
    ("complaint", &[Folder::Access], &[Since::LastEntry]),
    ("indefinite", CASE, &[Since::Review]),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Option<NaiveDate> {
        NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()
    }

    #[test]
    fn years_are_counted_from_the_latest_and_only_when_all_is_known() {
        let keep = |years, since: &[Since]| Keep {
            class: "general".to_owned(),
            folders: vec![Folder::General],
            years,
            since: since.to_vec(),
            source: String::new(),
        };
        let life = Life { leaving: day("2026-07-17"), birth: day("2022-03-14"), ..Life::default() };
        assert_eq!(keep(3, &[Since::Leaving]).date(&life), day("2029-07-17"));
        assert_eq!(keep(25, &[Since::Birth]).date(&life), day("2047-03-14"));
        let long = keep(75, &[Since::Birth, Since::LastEntry]);
        assert_eq!(long.date(&life), None);
        let life = Life { last_entry: day("2026-09-04"), review: day("2026-02-28"), ..life };
        assert_eq!(long.date(&life), day("2101-09-04"));
        assert_eq!(keep(1, &[Since::Review]).date(&life), day("2027-02-28"));
        assert_eq!(keep(25, &[Since::Birth]).date(&Life { birth: day("2024-02-29"), ..life }), day("2049-03-01"));
        assert_eq!(keep(1, &[]).date(&life), None);
    }
}
