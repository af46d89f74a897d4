//! What a closing says, as it stands in its values: the clerk reads earlier closings by it, and the inspector judges each.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::codec::{Digest, PersonId};
use crate::decision::value::{Content, FieldId, Value, field};
use crate::rules::clock;

/// What a closing says of its days and of the ledger; what it leaves out is none or empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Says {
    /// The first and the last day.
    pub days: Option<(NaiveDate, NaiveDate)>,
    /// Whether nothing was written in them.
    pub nil: Option<bool>,
    /// Entries recorded in them.
    pub entries: Option<u64>,
    /// Those of each kind that its signer could open, by name, as listed.
    pub kinds: Vec<(String, u64)>,
    /// Entries that its signer could not open, as listed.
    pub unopened: Vec<u64>,
    /// How many entries it speaks of.
    pub size: Option<u64>,
    /// Their root.
    pub root: Option<Digest>,
    /// The root of the case map.
    pub case_map: Option<Digest>,
}

impl Says {
    /// Reads it out of the values of a closing.
    #[must_use]
    pub fn of(values: &[Value]) -> Says {
        let mut says = Says::default();
        let (mut from, mut to): (Option<NaiveDate>, Option<NaiveDate>) = (None, None);
        let count = |position: u16| {
            let same = |value: &&Value| (value.field, value.position) == (field::KIND_COUNTS_COUNT, position);
            values.iter().find(same).and_then(|value| match value.content {
                Content::Count(count) => Some(count),
                _ => None,
            })
        };
        for Value { field: of, position, content } in values {
            match (*of, content) {
                (field::STARTS_AT, Content::Time(at)) => from = Some(clock::london_day(at.milliseconds)),
                (field::ENDS_AT, Content::Time(at)) => to = Some(clock::london_day(at.milliseconds)),
                (field::NIL, Content::Code(code)) => says.nil = Some(code.as_str() == "yes"),
                (field::ENTRIES_COUNT, Content::Count(count)) => says.entries = Some(*count),
                (field::KIND_COUNTS_KIND, Content::Text(kind)) => {
                    says.kinds.push((kind.as_str().to_owned(), count(*position).unwrap_or_default()));
                }
                (field::UNOPENED, Content::Entry(entry)) => says.unopened.push(*entry),
                (field::TREE_SIZE, Content::Count(size)) => says.size = Some(*size),
                (field::ROOT_HASH, Content::Hash(root)) => says.root = Some(*root),
                (field::CASE_MAP_ROOT, Content::Hash(root)) => says.case_map = Some(*root),
                _ => {}
            }
        }
        says.days = from.zip(to);
        says
    }

    /// Whether it is of the day on which an entry was recorded, at a time in milliseconds UTC, and speaks of that entry.
    #[must_use]
    pub fn covers(&self, entry: u64, recorded: i64) -> bool {
        let within = |(from, to)| (from..=to).contains(&clock::london_day(recorded));
        self.size.is_some_and(|size| entry < size) && self.days.is_some_and(within)
    }
}

/// The entries that each overseer's closings name as sealed to them: they stand in none of that person's case maps, until
/// the same person closes the days they are of again and does not name them any more.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unopened(BTreeMap<PersonId, BTreeSet<u64>>);

impl Unopened {
    /// Takes in the next closing of an overseer. `recorded` gives when an entry was recorded, in milliseconds UTC.
    pub fn close(&mut self, by: PersonId, says: &Says, recorded: &mut dyn FnMut(u64) -> Option<i64>) {
        let named = self.0.entry(by).or_default();
        named.retain(|entry| !recorded(*entry).is_some_and(|at| says.covers(*entry, at)));
        named.extend(&says.unopened);
    }

    /// Returns the entries that stand in none of this person's maps.
    #[must_use]
    pub fn of(&self, person: PersonId) -> BTreeSet<u64> {
        self.0.get(&person).cloned().unwrap_or_default()
    }
}

/// The fields of a closing, each with its path in the pack.
pub const FIELDS: [(FieldId, &str); 10] = [
    (field::STARTS_AT, "starts_at"),
    (field::ENDS_AT, "ends_at"),
    (field::NIL, "nil"),
    (field::ENTRIES_COUNT, "entries_count"),
    (field::KIND_COUNTS_KIND, "kind_counts.kind"),
    (field::KIND_COUNTS_COUNT, "kind_counts.count"),
    (field::UNOPENED, "unopened"),
    (field::TREE_SIZE, "tree_size"),
    (field::ROOT_HASH, "root_hash"),
    (field::CASE_MAP_ROOT, "case_map_root"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::ShortText;
    use crate::decision::value::Moment;
    use crate::rules::pack::{BUILT_IN, Pack};

    fn one(of: FieldId, position: u16, content: Content) -> Value {
        Value { field: of, position, content }
    }

    fn text(text: &str) -> ShortText {
        ShortText::new(text).unwrap()
    }

    fn time(day: &str) -> Content {
        Content::Time(Moment::parse(day).unwrap())
    }

    fn at(time: &str) -> i64 {
        clock::parse(time).unwrap().milliseconds
    }

    #[test]
    fn the_field_numbers_are_those_of_the_pack() {
        let pack = Pack::parse(BUILT_IN).unwrap();
        for (field, path) in FIELDS {
            assert_eq!(pack.id_of(path), Some(field.0), "{path}");
        }
    }

    #[test]
    fn a_closing_is_read_as_it_was_written() {
        let values = [
            one(field::NIL, 0, Content::Code(text("no"))),
            one(field::STARTS_AT, 0, time("2026-10-05")),
            one(field::ENDS_AT, 0, time("2026-10-06")),
            one(field::TREE_SIZE, 0, Content::Count(9)),
            one(field::ROOT_HASH, 0, Content::Hash(Digest::new([1; 32]))),
            one(field::ENTRIES_COUNT, 0, Content::Count(3)),
            one(field::KIND_COUNTS_KIND, 0, Content::Text(text("closing"))),
            one(field::KIND_COUNTS_KIND, 1, Content::Text(text("discussion"))),
            one(field::KIND_COUNTS_COUNT, 0, Content::Count(1)),
            one(field::KIND_COUNTS_COUNT, 1, Content::Count(2)),
            one(field::CASE_MAP_ROOT, 0, Content::Hash(Digest::new([2; 32]))),
            one(field::UNOPENED, 0, Content::Entry(4)),
            one(field::UNOPENED, 1, Content::Entry(7)),
        ];
        let says = Says::of(&values);
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_eq!((says.days, says.nil), (Some((day("2026-10-05"), day("2026-10-06"))), Some(false)));
        assert_eq!((says.entries, says.size, &says.unopened[..]), (Some(3), Some(9), &[4, 7][..]));
        assert_eq!(says.kinds, [("closing".to_owned(), 1), ("discussion".to_owned(), 2)]);
        assert_eq!((says.root, says.case_map), (Some(Digest::new([1; 32])), Some(Digest::new([2; 32]))));
        assert_eq!(Says::of(&[]), Says::default());
        assert!(says.covers(8, at("2026-10-05 00:00")) && says.covers(8, at("2026-10-06 23:59")));
        assert!(!says.covers(8, at("2026-10-04 23:59")) && !says.covers(8, at("2026-10-07 00:00")));
        // Recorded in its days, and behind what it speaks of.
        assert!(!says.covers(9, at("2026-10-06 12:00")));
    }

    #[test]
    fn what_was_named_stays_named_until_its_day_is_closed_again_without_it() {
        let (maria, jon) = (PersonId::new([1; 16]), PersonId::new([2; 16]));
        let day = |day: &str| day.parse::<NaiveDate>().unwrap();
        let says = |of: &str, size, unopened: &[u64]| Says {
            days: Some((day(of), day(of))),
            size: Some(size),
            unopened: unopened.to_vec(),
            ..Says::default()
        };
        let mut recorded = |entry: u64| (entry < 10).then(|| at("2026-10-05 12:00") + 86_400_000 * (entry as i64 / 5));
        let mut named = Unopened::default();
        let mut close = |by, says: &Says| {
            named.close(by, says, &mut recorded);
            named.of(by).into_iter().collect::<Vec<_>>()
        };
        assert_eq!(close(maria, &says("2026-10-05", 5, &[2, 3])), [2, 3]);
        assert_eq!(close(maria, &says("2026-10-06", 9, &[7])), [2, 3, 7]);
        // Another person's word is theirs alone.
        assert_eq!(close(jon, &says("2026-10-05", 9, &[])), [0; 0]);
        assert_eq!(close(maria, &says("2026-10-05", 9, &[3])), [3, 7]);
        // One that does not speak of the entry yet says nothing of it.
        assert_eq!(close(maria, &says("2026-10-06", 7, &[])), [3, 7]);
        assert_eq!(close(maria, &says("2026-10-06", 8, &[])), [3]);
    }
}
