//! Calendars (RFC 5545): one event for each date, in UTC.

use std::fmt::Write;

use indelible::rules::clock;

/// Something that is due.
pub struct Event {
    /// What it is known by: the same one again takes the place of the one before.
    pub id: String,
    /// Until when, in milliseconds UTC.
    pub due: i64,
    pub title: String,
    pub text: String,
}

/// Octets of a line before it is folded (RFC 5545, section 3.1).
const FOLD: usize = 75;

/// Returns a calendar of events, made at a time in milliseconds UTC.
pub fn calendar(events: impl Iterator<Item = Event>, now: i64) -> String {
    let mut text = String::new();
    line(&mut text, "BEGIN:VCALENDAR");
    line(&mut text, "VERSION:2.0");
    line(&mut text, "PRODID:-//Indelible//due//EN");
    for event in events {
        line(&mut text, "BEGIN:VEVENT");
        line(&mut text, &format!("UID:{}", escaped(&event.id)));
        line(&mut text, &format!("DTSTAMP:{}", stamp(now)));
        line(&mut text, &format!("DTSTART:{}", stamp(event.due)));
        line(&mut text, &format!("SUMMARY:{}", escaped(&event.title)));
        line(&mut text, &format!("DESCRIPTION:{}", escaped(&event.text)));
        for alarm in ["-PT24H", "-PT2H"] {
            line(&mut text, "BEGIN:VALARM");
            line(&mut text, "ACTION:DISPLAY");
            line(&mut text, &format!("DESCRIPTION:{}", escaped(&event.title)));
            line(&mut text, &format!("TRIGGER:{alarm}"));
            line(&mut text, "END:VALARM");
        }
        line(&mut text, "END:VEVENT");
    }
    line(&mut text, "END:VCALENDAR");
    text
}

fn stamp(milliseconds: i64) -> String {
    let text = clock::rfc3339(milliseconds - milliseconds.rem_euclid(1000), 0);
    let digits: String = text.chars().take(19).filter(|c| c.is_ascii_digit() || *c == 'T').collect();
    format!("{digits}Z")
}

/// Text as section 3.3.11 writes it.
fn escaped(text: &str) -> String {
    let plain = text.replace('\\', "\\\\").replace(';', "\\;").replace(',', "\\,");
    plain.replace("\r\n", "\\n").replace('\n', "\\n")
}

/// A content line, folded where it is too long, never inside a character.
fn line(text: &mut String, content: &str) {
    let mut width = 0;
    for c in content.chars() {
        if width + c.len_utf8() > FOLD {
            text.push_str("\r\n ");
            width = 1;
        }
        width += c.len_utf8();
        // Writing to a string does not fail.
        let _ = write!(text, "{c}");
    }
    text.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calendar_is_what_the_rfc_says() {
        let event = Event {
            id: "1-UNBACKED".to_owned(),
            due: 1_791_366_360_000,
            title: "a, b; c".to_owned(),
            text: "x".repeat(100),
        };
        let text = calendar(std::iter::once(event), 1_791_279_720_999);
        assert!(text.starts_with("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n") && text.ends_with("END:VCALENDAR\r\n"));
        assert!(text.contains("DTSTART:20261007T094600Z\r\n") && text.contains("DTSTAMP:20261006T094200Z\r\n"));
        assert!(text.contains("SUMMARY:a\\, b\\; c\r\n"));
        assert!(text.split("\r\n").all(|line| line.len() <= FOLD));
    }
}
