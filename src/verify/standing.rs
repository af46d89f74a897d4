//! Where an author stood: what a statement says of rules and folder, against what its author had seen.

use crate::codec::{Digest, Folder};
use crate::entry::statement::{Body, UNKNOWN};
use crate::verify::report::Code;
use crate::verify::roster::Roster;

impl Roster {
    /// Judges what a statement at that entry says of rules and folder against what its author had seen: nothing that was
    /// published later can have been meant. The clerk refuses what alters history.
    ///
    /// `hole` is the first entry that could not be read: what is not known behind it may have been published there.
    pub fn judge(&self, number: u64, body: &Body, hole: Option<u64>) -> impl Iterator<Item = Code> {
        let unread = hole.is_some_and(|hole| hole < number);
        let rules = if unread { None } else { self.judge_rules(number, body) };
        rules.into_iter().chain(self.judge_folder(number, body, unread))
    }

    /// `Pack` for hashes that were adopted here and are not those in force at `seen`; `PackUnknown` for any other.
    ///
    /// In the first write, of which nobody had seen anything, an entry stands under what was adopted up to itself.
    fn judge_rules(&self, number: u64, body: &Body) -> Option<Code> {
        let at = if body.seen.number == UNKNOWN { number } else { body.seen.number };
        if (body.pack, body.policy) == (self.pack_at(at), self.policy_at(at)) {
            return None;
        }
        let pack = match number {
            0 => body.pack == Digest::ZERO,
            _ => self.has_pack(&body.pack, number),
        };
        let policy = body.policy == Digest::ZERO || self.has_policy(&body.policy, number);
        Some(if pack && policy { Code::Pack } else { Code::PackUnknown })
    }

    /// `FolderKey` for a key that was not published for that folder at or before `seen`; `EpochOld` for one that was
    /// replaced before the entry.
    fn judge_folder(&self, number: u64, body: &Body, unread: bool) -> Option<Code> {
        if body.folder() == Some(Folder::None) {
            return None;
        }
        let Some(epoch) = self.folder_key(&body.folder_key) else { return (!unread).then_some(Code::FolderKey) };
        let seen = body.seen.number != UNKNOWN && epoch.entry <= body.seen.number;
        let fits = Some(epoch.folder) == body.folder() && (epoch.case == body.case || !epoch.folder.of_case());
        if !seen || !fits {
            return Some(Code::FolderKey);
        }
        epoch.replaced.is_some_and(|replaced| replaced < number).then_some(Code::EpochOld)
    }
}
