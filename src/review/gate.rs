//! The gate: what stops an entry that is about to be made, and the way past it.
//!
//! This version knows one stop: the second look by the same person. What has happened otherwise meets none.

use crate::decision::decision::Decision;
use crate::decision::value::FieldId;
use crate::decision::view::View;
use crate::rules::pack::Pack;

/// A stop, in the form's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    /// The code of the pack's list RULE.
    pub rule: &'static str,
    /// What stands in the way.
    pub says: &'static str,
    /// How to go on.
    pub way_past: &'static str,
}

/// Lets a decision through, or says what stops it.
///
/// A backing by the person (whatever the key) who made the entry that it backs is stopped, unless a safety reason is
/// given; it then counts for one person. An entry whose author cannot be read stops nothing.
///
/// # Errors
/// The first [`Stop`].
pub fn gate(pack: &Pack, decision: &Decision, view: &dyn View) -> Result<(), Stop> {
    let safety = pack.id_of("for_safety").map(FieldId);
    if decision.values().iter().any(|value| Some(value.field) == safety) {
        return Ok(());
    }
    let own = |entry: u64| view.entry(entry).is_some_and(|entry| entry.author_person == Some(view.author()));
    let backs = |relation: crate::codec::RelationNumber| relation.name() == Some("backs");
    let mut references = decision.references().iter();
    if references.any(|reference| backs(reference.relation) && own(reference.entry)) {
        return Err(SAME_PERSON);
    }
    Ok(())
}

const SAME_PERSON: Stop = Stop {
    rule: "same_person",
    says: "you made this one; somebody else has to look",
    way_past: "ask another person in role, or, for a lead who is alone, enter the local authority's advice; \
               with \"for safety, because ...\" it is entered and counts for one person",
};

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::codec::Folder;
    use crate::decision::draft::Draft;
    use crate::decision::value::Moment;
    use crate::decision::view::fake::FakeView;
    use crate::rules::pack::BUILT_IN;

    fn backed(author: &str, safety: &str) -> Result<(), Stop> {
        let pack = Pack::parse(BUILT_IN).unwrap();
        let view = FakeView::of(author).with(214, "decision.share", "theo", Folder::General, "sam");
        let draft = json!({ "kind": "backing", "case": "theo", "learned_at": "2026-10-06 11:20", "view": "agrees",
            "reasons": "right", "for_safety": safety, "refs": [{ "relation": "backs", "entry": 214 }] });
        let now = Moment::parse("2026-10-06 12:14").unwrap().milliseconds;
        let decision = Draft::from_json(&draft).unwrap().check(&pack, &view, now).unwrap();
        gate(&pack, &decision, &view)
    }

    #[test]
    fn nobody_is_their_own_second_person_unless_for_safety() {
        assert_eq!(backed("maria", ""), Ok(()));
        assert_eq!(backed("sam", ""), Err(SAME_PERSON));
        assert_eq!(backed("sam", "nobody else is in the building"), Ok(()));
        let pack = Pack::parse(BUILT_IN).unwrap();
        assert!(pack.list("RULE").unwrap().find(SAME_PERSON.rule).is_some());
    }
}
