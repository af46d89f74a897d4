//! Roles of people in a setting, and what the leading ones are needed for.

/// A role that the program itself knows; a setting's policy may name more, which have no powers here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Role {
    /// Designated safeguarding lead.
    Dsl,
    /// Deputy safeguarding lead.
    DeputyDsl,
    /// Leader or head.
    Leader,
    /// Chair.
    Chair,
    /// Owner.
    Owner,
    /// Manager.
    Manager,
    /// Line manager.
    LineManager,
    /// Information governance lead.
    IgLead,
    /// Key person of a child.
    KeyPerson,
    /// Office.
    Office,
    /// Staff.
    Staff,
    /// Agency worker.
    AgencyWorker,
    /// Volunteer.
    Volunteer,
    /// Member of the setting's staff who works with children.
    Practitioner,
    /// Inspector.
    Inspector,
}

impl Role {
    /// Reads a code of the list ROLE.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Role> {
        ROLES.iter().find(|(_, known)| *known == code).map(|(role, _)| *role)
    }

    /// Returns the code.
    #[must_use]
    pub fn code(self) -> &'static str {
        ROLES.iter().find(|(role, _)| *role == self).map_or("", |(_, code)| code)
    }

    /// Whether the role reads the structure of every entry (except restricted folders).
    #[must_use]
    pub fn is_overseer(self) -> bool {
        matches!(self, Role::Dsl | Role::DeputyDsl | Role::Leader)
    }

    /// Whether giving, ending or keying the role needs a second person.
    #[must_use]
    pub fn needs_second_person(self) -> bool {
        self.is_overseer() || matches!(self, Role::Chair | Role::Owner)
    }

    /// Whether a person in the role may be the second person on a decision.
    #[must_use]
    pub fn may_back(self) -> bool {
        self.needs_second_person()
    }

    /// Whether a person in the role is designated for safeguarding.
    #[must_use]
    pub fn is_designated(self) -> bool {
        matches!(self, Role::Dsl | Role::DeputyDsl)
    }
}

const ROLES: &[(Role, &str)] = &[
    (Role::Dsl, "dsl"),
    (Role::DeputyDsl, "deputy_dsl"),
    (Role::Leader, "leader"),
    (Role::Chair, "chair"),
    (Role::Owner, "owner"),
    (Role::Manager, "manager"),
    (Role::LineManager, "line_manager"),
    (Role::IgLead, "ig_lead"),
    (Role::KeyPerson, "key_person"),
    (Role::Office, "office"),
    (Role::Staff, "staff"),
    (Role::AgencyWorker, "agency_worker"),
    (Role::Volunteer, "volunteer"),
    (Role::Practitioner, "practitioner"),
    (Role::Inspector, "inspector"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::pack::{BUILT_IN, Pack};

    #[test]
    fn the_pack_and_the_program_know_the_same_roles() {
        let pack = Pack::parse(BUILT_IN).unwrap();
        let codes: Vec<&str> = pack.list("ROLE").unwrap().codes.iter().map(|code| code.code.as_str()).collect();
        assert_eq!(codes, ROLES.iter().map(|(_, code)| *code).collect::<Vec<_>>());
        assert!(ROLES.iter().all(|(role, code)| Role::from_code(code) == Some(*role) && role.code() == *code));
    }

    #[test]
    fn leading_roles_need_two_people() {
        assert!(Role::Chair.needs_second_person() && !Role::Chair.is_overseer());
        assert!(Role::DeputyDsl.is_overseer() && Role::DeputyDsl.may_back());
        assert!(!Role::Staff.may_back() && !Role::Manager.needs_second_person());
    }
}
