//! Code lists: short stable answers, each with its text, its source, and since when it holds.

/// What is enacted or planned and waits: the rules that hang on it apply only while it is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switch {
    /// Its name.
    pub name: String,
    /// What it is, in plain words.
    pub title: String,
    /// Where it comes from.
    pub source: String,
    /// The day since which it holds (`2026-02-05`), or `not commenced`.
    pub in_force: String,
    /// Whether it is on.
    pub on: bool,
}

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
    /// Whether a copy for the person it is about neither says this nor that there is something to say.
    pub unsaid: bool,
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
