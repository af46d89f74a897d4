//! What never arrived, row by row of the table of flags.

use super::Story;
use crate::codec::ShortText;
use crate::decision::value::Content;
use crate::review::fact::ask;

/// A statement that came late, of the key that entry `key` enrolled.
fn late(story: &mut Story, recorded: &str, key: u64, gaps: u64) -> u64 {
    story.set_up("maria", recorded, "statement.late", vec![(ask::GAPS, Content::Count(gaps))], &[("about", key)])
}

fn enrolled(story: &mut Story) -> u64 {
    story.set_up("maria", "2026-10-05 09:00", "key.enrol", Vec::new(), &[])
}

const FLAG: &str = "AUTHOR-GAP/found";

#[test]
fn numbers_below_what_came_late_are_looked_for_until_they_are_found() {
    let mut story = Story::new();
    let (key, other) = (enrolled(&mut story), enrolled(&mut story));
    let first = late(&mut story, "2026-10-06 10:00", key, 2);
    let open = "open, due Thu 8 Oct 2026 23:59";
    story.check("2026-10-06 11:00", &[(first, FLAG, open)]);
    // One of two is found; another key's statement finds nothing.
    let second = late(&mut story, "2026-10-07 10:00", key, 1);
    let whole = late(&mut story, "2026-10-07 10:30", other, 0);
    story.check("2026-10-07 11:00", &[(first, FLAG, open), (second, FLAG, "nothing"), (whole, FLAG, "nothing")]);
    story.check("2026-10-09 00:00", &[(first, FLAG, "overdue, due Thu 8 Oct 2026 23:59")]);
    let third = late(&mut story, "2026-10-09 10:00", key, 0);
    let closed = format!("closed_late, due Thu 8 Oct 2026 23:59, by {third}");
    story.check("2026-10-09 11:00", &[(first, FLAG, &closed), (third, FLAG, "nothing")]);
}

#[test]
fn a_key_that_is_ended_as_lost_takes_with_it_what_it_had_signed() {
    for (cause, closes) in [("lost", true), ("left", false)] {
        let mut story = Story::new();
        let key = enrolled(&mut story);
        let first = late(&mut story, "2026-10-06 10:00", key, 1);
        let cause = vec![(ask::CAUSE, Content::Code(ShortText::new(cause).unwrap()))];
        let ended = story.set_up("maria", "2026-10-07 10:00", "key.revoke", cause, &[("ends", key)]);
        let closed = format!("closed, due Thu 8 Oct 2026 23:59, by {ended}");
        let said = if closes { closed.as_str() } else { "open, due Thu 8 Oct 2026 23:59" };
        story.check("2026-10-07 11:00", &[(first, FLAG, said)]);
    }
    // A device that writes no reference: nothing is known, and nobody is accused.
    let mut story = Story::new();
    let alone = story.set_up("maria", "2026-10-06 10:00", "statement.late", vec![(ask::GAPS, Content::Count(3))], &[]);
    story.check("2026-10-07 11:00", &[(alone, FLAG, "nothing")]);
}
