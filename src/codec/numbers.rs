//! Kind, relation and folder numbers: fixed by the format, never by a pack, never reused.

use std::collections::HashMap;
use std::sync::OnceLock;

/// Who may read the structure of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publicity {
    /// Structure in clear; a sealed one is refused.
    Public,
    /// Structure sealed; one in clear is refused.
    Sealed,
    /// As the entry it confirms.
    AsConfirmed,
}

/// The number of a kind of entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct KindNumber(pub u16);

/// The number of a relation from a later entry to an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct RelationNumber(pub u16);

impl KindNumber {
    /// Returns the number of a kind by its name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        static NUMBERS: OnceLock<HashMap<&str, KindNumber>> = OnceLock::new();
        let numbers =
            NUMBERS.get_or_init(|| KINDS.iter().map(|(number, known, _)| (*known, KindNumber(*number))).collect());
        numbers.get(name).copied()
    }

    /// Returns the kind's name, or none for a number that this version does not know.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        self.row().map(|(_, name, _)| *name)
    }

    /// Returns who may read its structure, or none for a number that this version does not know.
    #[must_use]
    pub fn publicity(self) -> Option<Publicity> {
        self.row().map(|(.., publicity)| *publicity)
    }

    fn row(self) -> Option<&'static (u16, &'static str, Publicity)> {
        let at = *PLACES.get(usize::from(self.0))?;
        KINDS.get(usize::from(at))
    }
}

impl RelationNumber {
    /// Returns the number of a relation by its name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        RELATIONS.iter().find(|(_, known)| *known == name).map(|(number, _)| RelationNumber(*number))
    }

    /// Returns the relation's name, or none for a number that this version does not know.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        // The numbers follow each other from 1 on; a test says so.
        let at = usize::from(self.0).checked_sub(1)?;
        RELATIONS.get(at).map(|(_, name)| *name)
    }
}

/// A folder: who reads the words in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[repr(u8)]
pub enum Folder {
    /// No words: structure only.
    None = 0,
    /// The everyday folder of a case.
    General = 1,
    /// Child protection, of a case.
    Protection = 2,
    /// Legal advice and orders, of a case.
    Legal = 3,
    /// Allegations against staff, of the setting.
    Staff = 4,
    /// What belongs to no case yet, of the setting.
    Intake = 5,
    /// Access requests and complaints, of the setting.
    Access = 6,
}

impl Folder {
    /// Every folder that has keys, in order of number.
    pub const ALL: [Folder; 6] =
        [Folder::General, Folder::Protection, Folder::Legal, Folder::Staff, Folder::Intake, Folder::Access];

    /// Reads a folder's number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Folder::None),
            _ => Self::ALL.into_iter().find(|folder| *folder as u8 == number),
        }
    }

    /// Reads a folder's name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|folder| folder.name() == name)
    }

    /// Returns the folder's name; `-` for none.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Folder::None => "-",
            Folder::General => "general",
            Folder::Protection => "protection",
            Folder::Legal => "legal",
            Folder::Staff => "staff",
            Folder::Intake => "intake",
            Folder::Access => "access",
        }
    }

    /// Whether the folder belongs to a case (else to the setting).
    #[must_use]
    pub fn of_case(self) -> bool {
        matches!(self, Folder::General | Folder::Protection | Folder::Legal)
    }

    /// Whether structure is readable only by those who read the words: the key slot is random bytes.
    #[must_use]
    pub fn restricted(self) -> bool {
        matches!(self, Folder::Legal | Folder::Staff)
    }
}

/// Every kind: number, name, who may read its structure. In order of number.
pub const KINDS: &[(u16, &str, Publicity)] = &[
    // setup
    (1, "genesis", Publicity::Public),
    (2, "key.enrol", Publicity::Public),
    (3, "key.revoke", Publicity::Public),
    (4, "role.assign", Publicity::Public),
    (5, "role.end", Publicity::Public),
    (6, "confirmation", Publicity::AsConfirmed),
    (7, "rulepack.adopt", Publicity::Public),
    (8, "calendar.adopt", Publicity::Public),
    (9, "trust.adopt", Publicity::Public),
    (10, "policy.adopt", Publicity::Public),
    (11, "agreement.adopt", Publicity::Public),
    (12, "case.opened", Publicity::Public),
    (13, "folder.key", Publicity::Public),
    (14, "log.key", Publicity::Public),
    (15, "restore", Publicity::Public),
    (16, "training.done", Publicity::Sealed),
    // people
    (32, "person.add", Publicity::Sealed),
    (33, "relation.assert", Publicity::Sealed),
    (34, "relation.end", Publicity::Sealed),
    (35, "order.noted", Publicity::Sealed),
    (36, "siblings.link", Publicity::Sealed),
    // input
    (48, "info.received", Publicity::Sealed),
    (49, "concern.observed", Publicity::Sealed),
    (50, "disclosure.heard", Publicity::Sealed),
    (51, "discussion", Publicity::Sealed),
    (52, "request.received", Publicity::Sealed),
    (53, "request.made", Publicity::Sealed),
    (54, "request.replied", Publicity::Sealed),
    (55, "enquiry.answered", Publicity::Sealed),
    (56, "advice.sought", Publicity::Sealed),
    (57, "advice.given", Publicity::Sealed),
    (58, "advice.identified", Publicity::Sealed),
    (59, "legal.advice", Publicity::Sealed),
    (60, "la.consulted", Publicity::Sealed),
    (61, "note.elsewhere_declared", Publicity::Sealed),
    (62, "attachment.add", Publicity::Sealed),
    // consent
    (80, "notice.given", Publicity::Sealed),
    (81, "consent.asked", Publicity::Sealed),
    (82, "consent.given", Publicity::Sealed),
    (83, "consent.refused", Publicity::Sealed),
    (84, "consent.withdrawn", Publicity::Sealed),
    (85, "consent.notsought", Publicity::Sealed),
    // decision
    (96, "decision.share", Publicity::Sealed),
    (97, "decision.noshare", Publicity::Sealed),
    (98, "decision.monitor", Publicity::Sealed),
    (99, "override", Publicity::Sealed),
    (100, "backing", Publicity::Sealed),
    (101, "backing.declined", Publicity::Sealed),
    (102, "escalated", Publicity::Sealed),
    (103, "share.done", Publicity::Sealed),
    (104, "share.receipt", Publicity::Sealed),
    (105, "referral.made", Publicity::Sealed),
    (106, "referral.outcome", Publicity::Sealed),
    (107, "referral.chased", Publicity::Sealed),
    (108, "family.told", Publicity::Sealed),
    (109, "family.tell.deferred", Publicity::Sealed),
    (110, "dispute.open", Publicity::Sealed),
    (111, "dispute.closed", Publicity::Sealed),
    // subject access
    (128, "access.received", Publicity::Sealed),
    (129, "access.acknowledged", Publicity::Sealed),
    (130, "access.id_asked", Publicity::Sealed),
    (131, "access.clarify_asked", Publicity::Sealed),
    (132, "access.id_received", Publicity::Sealed),
    (133, "access.clarify_received", Publicity::Sealed),
    (134, "access.extended", Publicity::Sealed),
    (135, "access.thirdparty.asked", Publicity::Sealed),
    (136, "access.thirdparty.replied", Publicity::Sealed),
    (137, "access.thirdparty.decided", Publicity::Sealed),
    (138, "access.filecheck", Publicity::Sealed),
    (139, "access.cleancopy.made", Publicity::Sealed),
    (140, "access.cleancopy.checked", Publicity::Sealed),
    (141, "access.meeting", Publicity::Sealed),
    (142, "access.released", Publicity::Sealed),
    (143, "access.refused", Publicity::Sealed),
    // repair
    (160, "correction.fact", Publicity::Sealed),
    (161, "view.recorded", Publicity::Sealed),
    (162, "misfiled", Publicity::Sealed),
    (163, "complaint.received", Publicity::Sealed),
    (164, "complaint.acknowledged", Publicity::Sealed),
    (165, "complaint.outcome", Publicity::Sealed),
    // breach
    (176, "breach.found", Publicity::Sealed),
    (177, "breach.assessed", Publicity::Sealed),
    (178, "breach.reported", Publicity::Sealed),
    (179, "breach.subjects_told", Publicity::Sealed),
    // life of the file
    (192, "transfer.prepared", Publicity::Sealed),
    (193, "transfer.sent", Publicity::Sealed),
    (194, "transfer.received", Publicity::Sealed),
    (195, "retention.review", Publicity::Sealed),
    (196, "hold.placed", Publicity::Sealed),
    (197, "hold.released", Publicity::Sealed),
    (198, "retire.proposed", Publicity::Sealed),
    (199, "retire.approved", Publicity::Sealed),
    (200, "retire.done", Publicity::Sealed),
    (201, "mirror.deleted", Publicity::Sealed),
    // staff
    (224, "staff.allegation", Publicity::Sealed),
    (225, "lado.referral", Publicity::Sealed),
    (226, "ofsted.notified", Publicity::Sealed),
    // access to the file
    (240, "grant.made", Publicity::Sealed),
    (241, "grant.ended", Publicity::Sealed),
    (242, "body.read", Publicity::Sealed),
    // assurance
    (256, "closing", Publicity::Sealed),
    (257, "rule.blocked", Publicity::Sealed),
    (258, "inspection.opened", Publicity::Sealed),
    (259, "verification.done", Publicity::Sealed),
    (260, "tail.set_aside", Publicity::Sealed),
    (261, "statement.late", Publicity::Sealed),
    (262, "body.unreadable", Publicity::Sealed),
];

/// The place of each kind in [`KINDS`] by its number, since rules ask millions of times.
static PLACES: [u8; 512] = {
    let mut places = [u8::MAX; 512];
    let mut at = 0;
    while at < KINDS.len() {
        places[KINDS[at].0 as usize] = at as u8;
        at += 1;
    }
    places
};

/// Every relation: number and name.
pub const RELATIONS: &[(u16, &str)] = &[
    (1, "about"),
    (2, "completes"),
    (3, "follows"),
    (4, "answers"),
    (5, "decides"),
    (6, "reviews"),
    (7, "relies_on"),
    (8, "advised_by"),
    (9, "overrides"),
    (10, "backs"),
    (11, "declines"),
    (12, "confirms"),
    (13, "carries_out"),
    (14, "writes_up"),
    (15, "acknowledges"),
    (16, "tells_of"),
    (17, "chases"),
    (18, "withdraws"),
    (19, "disputes"),
    (20, "ends"),
    (21, "renews"),
    (22, "holds"),
    (23, "stopped_by"),
    (24, "part_of"),
    (25, "checks"),
    (26, "releases"),
    (27, "corrects"),
    (28, "comments_on"),
    (29, "misplaced"),
    (30, "reads"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_rise_and_names_are_unique() {
        assert!(KINDS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(RELATIONS.iter().zip(1..).all(|((number, _), at)| *number == at));
        assert!(KINDS.len() < 255);
        assert_eq!(KindNumber(u16::MAX).name(), None);
        for (number, name, _) in KINDS {
            assert_eq!(KindNumber::of(name), Some(KindNumber(*number)));
            assert_eq!(KindNumber(*number).name(), Some(*name));
        }
        for (number, name) in RELATIONS {
            assert_eq!(RelationNumber::of(name), Some(RelationNumber(*number)));
        }
        for folder in Folder::ALL {
            assert_eq!(Folder::from_number(folder as u8), Some(folder));
            assert_eq!(Folder::from_name(folder.name()), Some(folder));
        }
        assert_eq!(Folder::from_number(7), None);
    }
}
