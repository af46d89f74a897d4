//! Code lists: short stable answers, each with its text, its source, and since when it holds.

/// One code of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// The code as typed and stored; never reused for another meaning.
    pub code: String,
    /// What it means, in plain words.
    pub text: String,
    /// Where it comes from: an act, a regulation, guidance, or practice.
    pub source: String,
    /// The day since which it holds (`2026-02-05`), or `not commenced`.
    pub in_force: String,
    /// Whether this answer leaves a gap open (such as "not checked").
    pub gap: bool,
}

/// A list of codes that a field is answered from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeList {
    /// The list's name in the pack.
    pub name: String,
    /// Its title for people.
    pub title: String,
    /// The codes, in the order in which a form shows them.
    pub codes: Vec<Code>,
}

impl CodeList {
    /// Returns the code with exactly this spelling.
    #[must_use]
    pub fn find(&self, code: &str) -> Option<&Code> {
        self.codes.iter().find(|known| known.code == code)
    }

    /// Returns every code, separated by commas.
    #[must_use]
    pub fn spelled(&self) -> String {
        self.codes.iter().map(|code| code.code.as_str()).collect::<Vec<_>>().join(", ")
    }
}
