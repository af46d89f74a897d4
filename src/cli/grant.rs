//! `grant`: who may read a folder beside those whose role lets them.

use indelible::codec::Folder;
use indelible::decision::people::Role;
use indelible::ledger::grants::Granting;
use indelible::rules::clock;
use indelible::store::durable;
use serde_json::{Value as Json, json};

use crate::cli::args::{GrantArgs, GrantCommand};
use crate::cli::door::Door;
use crate::cli::failure::Failure;
use crate::cli::say::{self, plain};
use crate::cli::verdict::list as list_of;

pub fn run(door: &mut Door<'_>, args: GrantArgs) -> Result<u8, Failure> {
    match &args.command {
        Some(GrantCommand::End { grant, cause }) => end(door, *grant, cause),
        Some(GrantCommand::List { case }) => list(door, case.as_deref()),
        None => make(door, &args),
    }
}

fn make(door: &mut Door<'_>, args: &GrantArgs) -> Result<u8, Failure> {
    let mut desk = door.desk()?;
    let Some(person) = &args.person else {
        return Err(Failure::new(
            "nobody was named",
            "give a person and a case: `indelible grant sam theo --why cover`",
        ));
    };
    let person = say::find_person(&desk, person)?;
    let mut folders = args.folders.iter().map(|folder| say::folder(folder)).collect::<Result<Vec<_>, _>>()?;
    if folders.is_empty() {
        folders.push(Folder::General);
    }
    folders.sort_unstable();
    folders.dedup();
    let of_case = folders.iter().all(|folder| folder.of_case());
    if !of_case && folders.iter().any(|folder| folder.of_case()) {
        let next = "make one grant for the case and another for the setting";
        return Err(Failure::new("these folders do not belong together", next));
    }
    let case = match (&args.case, of_case) {
        (Some(case), true) => Some(desk.find_case(case)?),
        (None, false) => None,
        (None, true) => {
            return Err(Failure::new("no case was named", "give the case after the person: its handle or tag"));
        }
        (Some(_), false) => {
            let next = "leave the case out: staff, intake and access belong to the setting";
            return Err(Failure::new("this folder belongs to no case", next));
        }
    };
    let Some(profile) = &args.why else {
        let known = desk.pack().list("PROFILE").map(|list| list.spelled()).unwrap_or_default();
        return Err(Failure::new("it was not said why", format!("add --why with one of: {known}")));
    };
    say::code(desk.pack(), "PROFILE", profile)?;
    let until = say::until(args.until.as_deref())?;
    let granting = Granting { person, case, folders: &folders, profile, until };
    let entered = desk.grant(granting, door.now, &mut durable::entropy())?;
    if door.global.json {
        door.json("grant", say::entered_json(&entered))?;
        return Ok(0);
    }
    let until = until.map(|until| format!(" until {}", clock::for_people(until))).unwrap_or_default();
    let who = say::person(&desk, person);
    let names: Vec<&str> = folders.iter().map(|folder| folder.name()).collect();
    writeln!(door.out, "{} may read {}{until}: {}", plain(&who), names.join(" and "), say::entry(&entered))?;
    Ok(0)
}

fn end(door: &mut Door<'_>, grant: u64, cause: &str) -> Result<u8, Failure> {
    let mut desk = door.desk()?;
    say::code(desk.pack(), "CAUSE", cause)?;
    let entered = desk.end_grant(grant, cause, door.now, &mut durable::entropy())?;
    if door.global.json {
        door.json("grant-end", say::entered_json(&entered))?;
        return Ok(0);
    }
    writeln!(door.out, "The grant of entry {grant} is ended: {}", say::entry(&entered))?;
    writeln!(door.out, "The folder has a new key. What was open to the person before, they may have copied.")?;
    Ok(0)
}

fn list(door: &mut Door<'_>, case: Option<&str>) -> Result<u8, Failure> {
    let desk = door.desk_read()?;
    if !desk.is_overseer() {
        let next = format!("ask {}", plain(&say::overseers(&desk)));
        return Err(Failure::new("grants are shown to the overseers", next));
    }
    let case = case.map(|case| desk.find_case(case)).transpose()?;
    let (table, now) = (desk.readers()?, (door.now)());
    let grants = table.grants.iter().filter(|grant| case.is_none() || grant.case == case);
    if door.global.json {
        let grants: Vec<Json> = grants
            .map(|grant| {
                let until = grant.until.map(say::stamp);
                json!({"entry": grant.entry, "person": say::person(&desk, grant.person),
                       "case": grant.case.map(|case| say::case(&desk, case)), "folder": grant.folder().name(),
                       "until": until, "ended": grant.ended, "stands": grant.stands(now)})
            })
            .collect();
        let by_role: Vec<Json> = desk
            .rules()
            .grants_at(now)
            .iter()
            .map(|one| json!({"role": one.role, "folders": one.folders.iter().map(|folder| folder.name()).collect::<Vec<_>>()}))
            .collect();
        door.json("grant-list", json!({ "grants": grants, "by_role": by_role }))?;
        return Ok(0);
    }
    writeln!(door.out, "By role, every folder that is not about them: {}.", plain(&say::overseers(&desk)))?;
    let policy = desk.rules().policy_at(now);
    for by_role in desk.rules().grants_at(now) {
        let role = Role::from_code(&by_role.role).filter(|role| !role.is_overseer());
        let Some(role) = role.filter(|_| !by_role.folders.is_empty()) else { continue };
        let name = policy.map_or(role.code(), |policy| policy.role_name(role.code()));
        let of = if role == Role::KeyPerson { "their own child" } else { "every child" };
        let folders = list_of(by_role.folders.iter().map(|folder| folder.name().to_owned()).collect());
        writeln!(door.out, "By role, of {of}, {}: {folders}.", plain(name))?;
    }
    for grant in grants {
        let who = say::person(&desk, grant.person);
        let of = grant.case.map(|case| format!("{} ", plain(&say::case(&desk, case)))).unwrap_or_default();
        let state = match (grant.ended, grant.until) {
            (Some(entry), _) => format!("ended by entry {entry}"),
            (None, Some(until)) if until <= now => format!("ended on {}", clock::for_people(until)),
            (None, Some(until)) => format!("until {}", clock::for_people(until)),
            (None, None) => "stands".to_owned(),
        };
        writeln!(door.out, "entry {}: {} reads {of}{}, {state}", grant.entry, plain(&who), grant.folder().name())?;
    }
    Ok(0)
}
