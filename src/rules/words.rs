//! Words that judge instead of telling, and a kinder way to say it: advice beside a field, and nothing else.
//!
//! What is found is shown to whoever types and then forgotten: it stops nothing, and no entry, draft or log holds it.
//! A setting may bring a list of its own, laid out like [`BUILT_IN`].

use std::collections::BTreeMap;

use serde::Deserialize;

/// The list that ships with this program.
pub const BUILT_IN: &str = include_str!("words.toml");

/// What to write instead of a word for which nobody gave advice.
const PLAINLY: &str = "what was seen or heard";

/// A list of judgemental words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words(BTreeMap<String, String>);

/// A judgemental word in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Where it begins, in bytes.
    pub at: usize,
    /// The word or words, as the list has them.
    pub word: String,
    /// What to write in their place.
    pub instead: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    words: BTreeMap<String, String>,
}

impl Words {
    /// Reads a list; none if it cannot be read.
    #[must_use]
    pub fn parse(text: &str) -> Option<Words> {
        let raw: Raw = toml::from_str(text).ok()?;
        let small = |word: &String| !word.trim().is_empty() && *word == word.to_lowercase();
        raw.words.keys().all(small).then_some(Words(raw.words))
    }

    /// Returns the list that ships with this program.
    #[must_use]
    pub fn built_in() -> Words {
        Words::parse(BUILT_IN).unwrap_or(Words(BTreeMap::new()))
    }

    /// The same list with words that a setting's policy adds, in small letters; for those it knows already its own advice stays.
    #[must_use]
    pub fn with(mut self, more: &[String]) -> Words {
        for word in more.iter().filter(|word| !word.trim().is_empty()) {
            self.0.entry(word.clone()).or_insert_with(|| PLAINLY.to_owned());
        }
        self
    }

    /// Finds the judgemental words of a text, in their order: whole words, in capitals or not, and nothing that stands
    /// between quotation marks, for those are somebody's own words.
    #[must_use]
    pub fn judgemental(&self, text: &str) -> Vec<Hit> {
        let spoken = quoted(text);
        // One lower-case letter for each letter, so that places stay what they are.
        let small: Vec<(usize, char)> = text.char_indices().map(|(at, c)| (at, lower(c))).collect();
        let mut hits: Vec<Hit> = Vec::new();
        for (word, instead) in &self.0 {
            let wanted: Vec<char> = word.chars().collect();
            for (start, window) in small.windows(wanted.len()).enumerate() {
                let same = window.iter().zip(&wanted).all(|((_, c), wanted)| c == wanted);
                let before = start.checked_sub(1).and_then(|at| small.get(at));
                let after = small.get(start + wanted.len());
                let whole = [before, after].into_iter().flatten().all(|(_, c)| !inside(*c));
                let Some((at, _)) = window.first().filter(|_| same && whole) else { continue };
                if !spoken.iter().any(|range| range.contains(at)) {
                    hits.push(Hit { at: *at, word: word.clone(), instead: instead.clone() });
                }
            }
        }
        // Of words that lie within longer ones of the list, only the longer ones.
        let within = |inner: &Hit, outer: &Hit| {
            inner.word.len() < outer.word.len()
                && outer.at <= inner.at
                && inner.at + inner.word.len() <= outer.at + outer.word.len()
        };
        let all = hits.clone();
        hits.retain(|hit| !all.iter().any(|outer| within(hit, outer)));
        hits.sort_by_key(|hit| hit.at);
        hits
    }
}

/// Whether a form looks at the words of a field, or of a part of one: not at somebody's own words, names or references.
#[must_use]
pub fn looked_at(field: &str, part: Option<&str>) -> bool {
    let spoken = ["verbatim", "recipient", "requester", "source", "adviser", "reported_by", "attendees", "attachments"];
    let named = ["speaker", "language", "person", "reference", "contact", "name"];
    !spoken.contains(&field) && part.is_none_or(|part| !named.contains(&part))
}

/// Finds judgemental words by the list that ships with this program: see [`Words::judgemental`].
#[must_use]
pub fn judgemental(text: &str) -> Vec<Hit> {
    Words::built_in().judgemental(text)
}

fn lower(c: char) -> char {
    let mut small = c.to_lowercase();
    match (small.next(), small.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

/// Whether a character goes on with a word.
fn inside(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

/// What stands between quotation marks: straight or curved double ones, and curved single ones, which are also apostrophes
/// and so open only behind white space. An open quotation without an end goes to the end of its line.
fn quoted(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut ranges = Vec::new();
    let mut open: Option<(usize, char)> = None;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match open {
            Some((from, end)) if c == end || c == '\n' => {
                ranges.push(from..at);
                open = None;
            }
            Some(_) => {}
            None => {
                let begins = !before.is_alphanumeric();
                let end = match c {
                    '"' => Some('"'),
                    '\u{201c}' => Some('\u{201d}'),
                    '\u{ab}' => Some('\u{bb}'),
                    '\u{2018}' if begins => Some('\u{2019}'),
                    _ => None,
                };
                open = end.map(|end| (at, end));
            }
        }
        before = c;
    }
    ranges.extend(open.map(|(from, _)| from..text.len()));
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        judgemental(text).into_iter().map(|hit| hit.word).collect()
    }

    #[test]
    fn a_policy_adds_words_of_its_own() {
        let words = Words::built_in().with(&["cheeky".to_owned(), "lazy".to_owned(), " ".to_owned()]);
        let hits = words.judgemental("A cheeky and lazy boy.");
        let said: Vec<(&str, bool)> = hits.iter().map(|hit| (hit.word.as_str(), hit.instead == PLAINLY)).collect();
        assert_eq!(said, [("cheeky", true), ("lazy", false)]);
    }

    #[test]
    fn whole_words_are_found_in_capitals_or_not() {
        assert!(Words::built_in().0.len() > 30);
        assert_eq!(found("He was NAUGHTY today, and Lazy."), ["naughty", "lazy"]);
        assert_eq!(found("A badge. Badly. Bade. naughtyish, un-lazy, lazy_x"), Vec::<String>::new());
        assert_eq!(found("bad behaviour again"), ["bad behaviour"]);
        assert_eq!(found("She is attention-seeking"), ["attention-seeking"]);
        let [hit] = &judgemental("\u{e9}\u{130} lazy")[..] else { panic!("one hit") };
        assert_eq!((hit.at, hit.instead.as_str()), (5, "what was not done"));
    }

    #[test]
    fn what_somebody_said_is_left_alone() {
        assert_eq!(found("Mother said \"he is naughty\"."), Vec::<String>::new());
        assert_eq!(found("Mother said \u{201c}he is naughty\u{201d}; he is lazy."), ["lazy"]);
        assert_eq!(found("said \u{2018}you are lazy\u{2019}. The child\u{2019}s lazy"), ["lazy"]);
        assert_eq!(found("\"he is naughty\nand lazy"), ["lazy"]);
    }

    #[test]
    fn a_list_of_ones_own_can_be_read() {
        let own = Words::parse("[words]\n\"cheeky\" = \"what was said\"\n").unwrap();
        assert_eq!((own.judgemental("Cheeky!").len(), own.judgemental("naughty").len()), (1, 0));
        assert!(Words::parse("[words]\nNaughty = \"x\"\n").is_none() && Words::parse("words = 1").is_none());
        assert!(Words::parse("[words]\n\" \" = \"x\"\n").is_none());
    }
}
