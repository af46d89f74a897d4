//! Sittings: which folders somebody has open, so that reading on is not entered again. `<identity>.d/<ledger id>.sitting`
//! is an age file for the identity itself; without it a reading is entered once more, no more harm than that.
//!
//! Content version 1: a list of case (`u8` 0, or 1 and tag 16), folder u8, the entry that says so u64, begun and last seen
//! (i64 milliseconds UTC).

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cabinet::wrap::{AgeSecret, Recipient};
use crate::cabinet::{self, CabinetError, Durable};
use crate::codec::{CaseTag, Folder, LedgerId};

/// After so long without opening anything in a folder, a sitting is over: 30 minutes, in milliseconds.
pub const PAUSE: i64 = 30 * 60 * 1000;
/// So long is the longest sitting: four hours, in milliseconds.
pub const LONGEST: i64 = 4 * 60 * 60 * 1000;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Open {
    case: Option<CaseTag>,
    folder: u8,
    entry: u64,
    begun: i64,
    last: i64,
}

/// The folders that one person has open on one device.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sittings(Vec<Open>);

impl Sittings {
    /// Reads the sittings; none if there is no file that opens.
    #[must_use]
    pub fn load(side: &Path, ledger: LedgerId, secret: &AgeSecret) -> Self {
        cabinet::load(&path(side, ledger), secret).unwrap_or_default()
    }

    /// Keeps the sittings that are not over.
    ///
    /// # Errors
    /// `Wrap` and `Disk`.
    pub fn save(mut self, side: &Path, ledger: LedgerId, recipient: Recipient, now: i64) -> Result<(), CabinetError> {
        self.0.retain(|open| open.goes_on(now));
        cabinet::put(&path(side, ledger), &cabinet::seal(&self, &[recipient])?, Durable::Later)
    }

    /// Returns the entry under which a folder is open, and goes on with that sitting; none if it is over.
    pub fn goes_on(&mut self, case: Option<CaseTag>, folder: Folder, now: i64) -> Option<u64> {
        let is = |open: &&mut Open| (open.case, open.folder) == (case, folder as u8) && open.goes_on(now);
        let open = self.0.iter_mut().find(is)?;
        open.last = now;
        Some(open.entry)
    }

    /// Begins a sitting, under the entry that says so.
    pub fn begin(&mut self, case: Option<CaseTag>, folder: Folder, entry: u64, now: i64) {
        self.0.retain(|open| (open.case, open.folder) != (case, folder as u8));
        self.0.push(Open { case, folder: folder as u8, entry, begun: now, last: now });
    }
}

impl Open {
    /// A clock that was set back ends a sitting, too.
    fn goes_on(&self, now: i64) -> bool {
        (self.last..self.last.saturating_add(PAUSE)).contains(&now) && now < self.begun.saturating_add(LONGEST)
    }
}

fn path(side: &Path, ledger: LedgerId) -> PathBuf {
    side.join(format!("{ledger}.sitting"))
}

#[cfg(test)]
mod tests {
    use crate::cabinet::tests::secret;

    use super::*;

    #[test]
    fn a_sitting_ends_after_a_pause_or_four_hours() {
        let (mut sittings, case) = (Sittings::default(), Some(CaseTag::new([1; 16])));
        assert_eq!(sittings.goes_on(case, Folder::General, 0), None);
        sittings.begin(case, Folder::General, 7, 0);
        assert_eq!(sittings.goes_on(case, Folder::Protection, 1), None);
        assert_eq!(sittings.goes_on(None, Folder::General, 1), None);
        for step in 1..8 {
            assert_eq!(sittings.goes_on(case, Folder::General, step * (PAUSE - 1)), Some(7), "{step}");
        }
        assert_eq!(sittings.goes_on(case, Folder::General, 8 * (PAUSE - 1)), Some(7));
        assert_eq!(sittings.goes_on(case, Folder::General, LONGEST), None);
        sittings.begin(case, Folder::General, 9, 100);
        assert_eq!(sittings.goes_on(case, Folder::General, 99), None);
        assert_eq!(sittings.goes_on(case, Folder::General, 100 + PAUSE), None);
        assert_eq!(sittings.goes_on(case, Folder::General, 99 + PAUSE), Some(9));
    }

    #[test]
    fn it_is_kept_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let mut sittings = Sittings::default();
        sittings.begin(None, Folder::Intake, 3, 0);
        sittings.begin(None, Folder::Staff, 4, PAUSE);
        sittings.save(folder.path(), LedgerId::ZERO, secret(1).recipient(), PAUSE).unwrap();
        let mut kept = Sittings::load(folder.path(), LedgerId::ZERO, &secret(1));
        assert_eq!(kept.0.len(), 1);
        assert_eq!(kept.goes_on(None, Folder::Staff, PAUSE + 1), Some(4));
        assert_eq!(Sittings::load(folder.path(), LedgerId::ZERO, &secret(2)), Sittings::default());
    }
}
