//! Moments as people type and read them.

use crate::decision::value::{Moment, Precision};
use crate::rules::clock::{self, TimeError};

impl Moment {
    /// Reads a time in one of the forms of [`clock::parse`].
    ///
    /// # Errors
    /// As [`clock::parse`].
    pub fn parse(text: &str) -> Result<Moment, TimeError> {
        let time = clock::parse(text)?;
        let precision = if time.date_only { Precision::Date } else { Precision::Instant };
        Ok(Moment { precision, milliseconds: time.milliseconds, zone: time.zone })
    }

    /// Returns this instant with the offset that London keeps then.
    #[must_use]
    pub fn in_london(milliseconds: i64) -> Moment {
        Moment::instant(milliseconds, clock::london_offset(milliseconds))
    }

    /// Returns `2026-10-06T10:42:00+01:00` or `2026-10-06`, as [`Moment::parse`] reads it; none for no time.
    #[must_use]
    pub fn typed(&self) -> Option<String> {
        match self.precision {
            Precision::None => None,
            Precision::Date => Some(clock::iso_day(self.milliseconds, self.zone)),
            Precision::Instant => Some(clock::rfc3339(self.milliseconds, self.zone)),
        }
    }

    /// Returns `Tue 6 Oct 2026 10:42` or `Tue 6 Oct 2026`, in London; none for no time.
    #[must_use]
    pub fn for_people(&self) -> Option<String> {
        match self.precision {
            Precision::None => None,
            Precision::Date => Some(clock::day_for_people(self.milliseconds, self.zone)),
            Precision::Instant => Some(clock::for_people(self.milliseconds)),
        }
    }

    /// Whether the time lies after `now_ms`; a day does so only from its midnight on. No time is not in the future.
    #[must_use]
    pub fn is_after(&self, now_ms: i64) -> bool {
        self.is_some() && self.milliseconds > now_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_read_what_they_write() {
        for text in ["2026-10-06T10:42:00+01:00", "2026-11-06", "2026-07-06", "2026-07-06T00:00:00+00:00"] {
            assert_eq!(Moment::parse(text).unwrap().typed().as_deref(), Some(text));
        }
        let day = Moment::parse("2026-10-06").unwrap();
        assert_eq!(day.for_people().as_deref(), Some("Tue 6 Oct 2026"));
        assert_eq!(
            Moment::parse("2026-10-06T09:42:00Z").unwrap().for_people().as_deref(),
            Some("Tue 6 Oct 2026 10:42")
        );
        assert_eq!(Moment::NONE.typed(), None);
        assert!(day.is_after(day.milliseconds - 1) && !day.is_after(day.milliseconds));
        assert_eq!(Moment::in_london(day.milliseconds).zone, 60);
    }
}
