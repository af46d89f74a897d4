//! Random operations on roster and cabinet against a plain model: after each, who can open which folder key is what the
//! model says; never a reader too many, never one too few.

use std::collections::{BTreeMap, BTreeSet};

use indelible::cabinet::folder_keys;
use indelible::cabinet::identity::Identity;
use indelible::codec::{CaseTag, Folder};
use indelible::decision::people::Role;
use indelible::ledger::LedgerError;
use indelible::ledger::grants::Granting;
use indelible::ledger::init;
use indelible::ledger::people::{Enrolling, Post};
use indelible::store::durable;
use indelible::verify::report::Code;

use crate::world::World;

/// What waits for a second person in the model.
#[derive(Debug, Clone)]
enum Waits {
    Enrol { who: usize, role: Role },
    Revoke { who: usize },
    Assign { who: usize, role: Role },
    End { who: usize, role: Role },
}

/// A person of the model.
#[derive(Debug, Clone, Default)]
struct Member {
    /// The role of the key in force; none without one.
    key: Option<Role>,
    enrolled_at: u64,
    enrolled: bool,
    roles: BTreeSet<Role>,
    key_role_ended: bool,
}

struct Model {
    world: World,
    members: Vec<Member>,
    waiting: BTreeMap<u64, (usize, usize, Waits)>,
    grants: Vec<(u64, usize, CaseTag, Folder)>,
    cases: Vec<CaseTag>,
    key_persons: BTreeSet<(usize, CaseTag)>,
    spent: bool,
    state: u64,
}

const NAMES: [&str; 6] = ["maria", "jon", "sam", "ruth", "ana", "li"];

impl Model {
    fn new(seed: u64) -> Self {
        let world = World::founded();
        for name in &NAMES[1..] {
            let identity = Identity::new(&format!("{name} of the model"), name, &mut durable::entropy()).unwrap();
            std::fs::write(world.path(&format!("{name}.id")), &*identity.seal(None).unwrap()).unwrap();
        }
        let mut members = vec![Member::default(); NAMES.len()];
        members[0] = Member { key: Some(Role::Dsl), enrolled: true, ..Member::default() };
        let mut model = Model {
            world,
            members,
            waiting: BTreeMap::new(),
            grants: Vec::new(),
            cases: Vec::new(),
            key_persons: BTreeSet::new(),
            spent: false,
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
        };
        model.open_case("theo");
        model.open_case("ezra");
        model
    }

    fn below(&mut self, limit: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state % limit as u64) as usize
    }

    fn roles(&self, who: usize) -> Vec<Role> {
        let member = &self.members[who];
        if member.key.is_none() {
            return Vec::new();
        }
        member.key.filter(|_| !member.key_role_ended).into_iter().chain(member.roles.iter().copied()).collect()
    }

    fn leads(&self, who: usize) -> bool {
        self.roles(who).into_iter().any(Role::needs_second_person)
    }

    fn oversees(&self, who: usize) -> bool {
        self.roles(who).into_iter().any(Role::is_overseer)
    }

    fn overseer(&mut self) -> usize {
        let all: Vec<usize> = (0..NAMES.len()).filter(|who| self.oversees(*who)).collect();
        all[self.below(all.len())]
    }

    fn case(&mut self) -> CaseTag {
        let at = self.below(2);
        self.cases[at]
    }

    fn leader(&mut self) -> usize {
        let all: Vec<usize> = (0..NAMES.len()).filter(|who| self.leads(*who)).collect();
        all[self.below(all.len())]
    }

    fn open_case(&mut self, handle: &str) {
        let tick = || self.world.tick();
        let (_, tag) = self.world.desk("maria").open_case(handle, handle, &tick, &mut durable::entropy()).unwrap();
        self.cases.push(tag);
    }

    /// Whether ending something of this person would leave fewer than two overseers of whom nothing waits to be ended: the model
    /// does not go there.
    fn needed(&self, who: usize) -> bool {
        let stays = |other: &usize| *other != who && self.oversees(*other) && !self.waits_for(*other);
        self.oversees(who) && (0..NAMES.len()).filter(stays).count() < 2
    }

    fn step(&mut self) -> String {
        let mut rng = durable::entropy();
        let now = self.world.tick();
        let clock = move || now;
        let who = self.below(NAMES.len());
        let person = self.world.identity(NAMES[who]).person();
        match self.below(7) {
            0 => {
                let by = self.overseer();
                if self.members[who].enrolled {
                    return String::new();
                }
                let role = [Role::Practitioner, Role::Chair, Role::DeputyDsl, Role::Leader][self.below(4)];
                let card = init::card(&self.world.identity(NAMES[who])).unwrap();
                let enrolling = Enrolling { role, handle: None, renews: None };
                let (change, _) = self.world.desk(NAMES[by]).enrol(&card, enrolling, &clock, &mut rng).unwrap();
                let alone = by == 0 && !self.spent && role.needs_second_person();
                self.spent |= alone;
                assert_eq!(change.waits, role.needs_second_person() && !alone);
                let entry = change.entered.number;
                (self.members[who].enrolled, self.members[who].enrolled_at) = (true, entry);
                if change.waits {
                    self.waiting.insert(entry, (by, who, Waits::Enrol { who, role }));
                } else {
                    self.members[who].key = Some(role);
                }
                format!("{} enrols {} as {}: {}", NAMES[by], NAMES[who], role.code(), change.waits)
            }
            1 | 2 => {
                let Some((entry, (by, about, waits))) = self.waiting.iter().next().map(|(k, v)| (*k, v.clone())) else {
                    return String::new();
                };
                let second = self.leader();
                let view = ["agrees", "agrees", "does_not"][self.below(3)];
                let done = self.world.desk(NAMES[second]).confirm(entry, view, &clock, &mut rng);
                if second == by || second == about {
                    assert!(matches!(done, Err(LedgerError::SamePerson)), "{done:?}");
                    return String::new();
                }
                done.unwrap();
                self.waiting.remove(&entry);
                if view == "agrees" {
                    self.apply(waits.clone());
                }
                format!("{} confirms {entry}: {view} {waits:?}", NAMES[second])
            }
            3 => {
                let (by, case) = (self.overseer(), self.case());
                if self.members[who].key.is_none() {
                    return String::new();
                }
                let folder = [Folder::General, Folder::Protection][self.below(2)];
                let granting = Granting { person, case: Some(case), folders: &[folder], profile: "cover", until: None };
                let entered = self.world.desk(NAMES[by]).grant(granting, &clock, &mut rng).unwrap();
                self.grants.push((entered.number, who, case, folder));
                format!("{} lets {} read {}", NAMES[by], NAMES[who], folder.name())
            }
            4 => {
                if self.grants.is_empty() {
                    return String::new();
                }
                let (by, at) = (self.overseer(), self.below(self.grants.len()));
                let (entry, ..) = self.grants.remove(at);
                self.world.desk(NAMES[by]).end_grant(entry, "grant_ended", &clock, &mut rng).unwrap();
                format!("{} ends grant {entry}", NAMES[by])
            }
            5 => {
                if self.members[who].key.is_none() {
                    return String::new();
                }
                let by = self.leader();
                let (role, case) = match self.below(3) {
                    0 => (Role::KeyPerson, Some(self.case())),
                    1 => (Role::Leader, None),
                    _ => (Role::Office, None),
                };
                let known = match case {
                    Some(case) => self.key_persons.contains(&(who, case)),
                    None => self.members[who].roles.contains(&role),
                };
                if known || self.needed(who) || self.waits_for(who) {
                    return String::new();
                }
                let post = Post { role, case, starts: now, until: None };
                let change = self.world.desk(NAMES[by]).assign_role(person, post, &clock, &mut rng).unwrap();
                assert_eq!(change.waits, role.needs_second_person());
                match (change.waits, case) {
                    (true, _) => {
                        self.waiting.insert(change.entered.number, (by, who, Waits::Assign { who, role }));
                    }
                    (false, Some(case)) => drop(self.key_persons.insert((who, case))),
                    (false, None) => drop(self.members[who].roles.insert(role)),
                }
                format!("{} makes {} {}", NAMES[by], NAMES[who], role.code())
            }
            _ => {
                if self.members[who].key.is_none() || self.needed(who) || self.waits_for(who) {
                    return String::new();
                }
                let by = self.leader();
                if self.below(2) == 0 {
                    let entry = self.members[who].enrolled_at;
                    let leads = self.leads(who);
                    let change = self.world.desk(NAMES[by]).revoke(entry, "left", now, &clock, &mut rng).unwrap();
                    assert_eq!(change.waits, leads);
                    if leads {
                        self.waiting.insert(change.entered.number, (by, who, Waits::Revoke { who }));
                    } else {
                        self.apply(Waits::Revoke { who });
                    }
                    return format!("{} revokes {}", NAMES[by], NAMES[who]);
                }
                let Some(role) = self.members[who].roles.iter().next().copied() else { return String::new() };
                let change = self.world.desk(NAMES[by]).end_role(person, role, None, &clock, &mut rng).unwrap();
                if change.waits {
                    self.waiting.insert(change.entered.number, (by, who, Waits::End { who, role }));
                } else {
                    self.apply(Waits::End { who, role });
                }
                format!("{} ends {} of {}", NAMES[by], role.code(), NAMES[who])
            }
        }
    }

    fn waits_for(&self, who: usize) -> bool {
        self.waiting.values().any(|(_, about, _)| *about == who)
    }

    fn apply(&mut self, waits: Waits) {
        match waits {
            Waits::Enrol { who, role } => self.members[who].key = Some(role),
            Waits::Revoke { who } => self.members[who].key = None,
            Waits::Assign { who, role } => drop(self.members[who].roles.insert(role)),
            Waits::End { who, role } => {
                self.members[who].roles.remove(&role);
                self.members[who].key_role_ended |= self.members[who].key == Some(role);
            }
        }
    }

    fn reads(&self, who: usize, case: Option<CaseTag>, folder: Folder) -> bool {
        let granted = self.grants.iter().any(|(_, to, of, in_)| (*to, Some(*of), *in_) == (who, case, folder));
        let key_person = folder == Folder::General && case.is_some_and(|case| self.key_persons.contains(&(who, case)));
        self.members[who].key.is_some() && (self.oversees(who) || granted || key_person)
    }

    fn check(&mut self, told: &[String]) {
        // Whoever was confirmed by somebody who holds no keys has no wraps yet: another overseer makes them.
        let sits = |who: &usize| self.oversees(*who) && self.world.try_desk(NAMES[*who]).is_ok();
        let settler = (0..NAMES.len()).find(sits);
        let settler = settler.unwrap_or_else(|| panic!("no overseer can open the cabinet\n{}", told.join("\n")));
        let now = self.world.tick();
        self.world.desk(NAMES[settler]).settle(&|| now, &mut durable::entropy()).unwrap();
        let roster = self.world.desk(NAMES[settler]).roster().clone();
        let cabinet = self.world.book().join("cabinet");
        for (who, name) in NAMES.iter().enumerate() {
            let opened = folder_keys::load_all(&cabinet, self.world.identity(name).secret()).unwrap().opened;
            let opened: BTreeSet<_> = opened.into_iter().map(|file| file.id).collect();
            for id in roster.folder_ids() {
                let epoch = roster.folder_key(id).unwrap();
                let (expected, found) = (self.reads(who, epoch.case, epoch.folder), opened.contains(id));
                assert_eq!(
                    found,
                    expected,
                    "{name}, {} epoch {}\n{}",
                    epoch.folder.name(),
                    epoch.epoch,
                    told.join("\n")
                );
            }
        }
        let waiting: BTreeSet<u64> = roster.waiting().iter().map(|one| one.entry).collect();
        assert_eq!(waiting, self.waiting.keys().copied().collect(), "{}", told.join("\n"));
    }
}

#[test]
fn whoever_opens_a_folder_is_whom_the_entries_say() {
    let deep = std::env::var_os("INDELIBLE_DEEP").is_some();
    for seed in 0..if deep { 40 } else { 3 } {
        let mut model = Model::new(seed + 1);
        let mut told = Vec::new();
        let wanted = if deep { 50 } else { 15 };
        for _ in 0..2000 {
            if told.len() >= wanted {
                break;
            }
            let done = model.step();
            if !done.is_empty() {
                told.push(done);
                model.check(&told);
            }
        }
        assert!(told.len() >= wanted, "too little was done: {told:#?}");
        let overseer = (0..NAMES.len()).find(|who| model.oversees(*who)).unwrap();
        let report = model.world.verify(model.world.desk(NAMES[overseer]).keys());
        let known = [Code::OneFounder, Code::Unconfirmed];
        assert!(report.findings.iter().all(|one| known.contains(&one.code)), "{:?}\n{told:#?}", report.findings);
    }
}
