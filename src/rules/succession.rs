//! What a later pack may change of an earlier one, and what it may not.

use super::kind::Field;
use super::pack::{Pack, PackError};

impl Pack {
    /// Checks that every field number of an earlier pack, if it is here too, means what it meant: same name, type, layer and
    /// list, at the same place. Numbers may be given up; they are never used again, so entries stay readable.
    ///
    /// # Errors
    /// [`PackError`], of the document as a whole, with the first number that means something else.
    pub fn keeps_numbers_of(&self, earlier: &Pack) -> Result<(), PackError> {
        let wrong = |id: u16, before: &str| PackError {
            line: 1,
            what: format!("the field number {id}, which is that of {before}, means something else in this pack"),
        };
        for before in earlier.fields() {
            for id in ids(before) {
                let Some((now, part)) = self.field_numbered(id) else { continue };
                let old = before.subfields.iter().find(|sub| sub.id == id);
                let same_part = match (old, part) {
                    (None, None) => before.name_id == now.name_id || before.id == id,
                    (Some(old), Some(new)) => same(old, new),
                    _ => false,
                };
                if !same(before, now) || !same_part {
                    return Err(wrong(id, &before.name));
                }
            }
        }
        Ok(())
    }
}

fn ids(field: &Field) -> impl Iterator<Item = u16> {
    std::iter::once(field.id).chain(field.name_id).chain(field.subfields.iter().map(|sub| sub.id))
}

fn same(a: &Field, b: &Field) -> bool {
    (&a.name, a.answer, a.layer, a.list, &a.codes) == (&b.name, b.answer, b.layer, b.list, &b.codes)
}

#[cfg(test)]
mod tests {
    use crate::rules::pack::{BUILT_IN, Pack};

    #[test]
    fn a_number_keeps_its_meaning_for_ever() {
        let pack = Pack::parse(BUILT_IN).unwrap();
        let later = |from: &str, to: &str| {
            assert!(BUILT_IN.contains(from), "{from}");
            Pack::parse(&BUILT_IN.replacen(from, to, 1)).unwrap().keeps_numbers_of(&pack)
        };
        assert_eq!(pack.keeps_numbers_of(&pack), Ok(()));
        assert_eq!(later("version = \"2026.1\"", "version = \"2027.1\""), Ok(()));
        // A field under a new number gives its old one up; under the number of another it is refused.
        assert_eq!(later("{ id = 131,", "{ id = 9131,"), later("version = \"2026.1\"", "version = \"2026.2\""));
        let swapped = BUILT_IN.replacen("{ id = 131,", "{ id = 0,", 1).replacen("{ id = 132,", "{ id = 131,", 1);
        let swapped = swapped.replacen("{ id = 0,", "{ id = 132,", 1);
        let refused = Pack::parse(&swapped).unwrap().keeps_numbers_of(&pack).unwrap_err();
        assert!(refused.what.contains("131"), "{refused}");
    }
}
