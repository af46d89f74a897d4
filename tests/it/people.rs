//! Who may speak: roles with periods, the second person's word, keys over time.

use indelible::cabinet::identity::Identity;
use indelible::codec::PersonId;
use indelible::decision::people::Role;
use indelible::decision::value::Content;
use indelible::decision::view::View;
use indelible::entry::statement::Body;
use indelible::ledger::LedgerError;
use indelible::ledger::init;
use indelible::ledger::people::{Enrolling, Outsider, Post};
use indelible::store::durable;
use indelible::verify::entry::Keys;
use indelible::verify::report::{Code, Report};
use serde_json::json;

use crate::world::World;

/// Makes a person with an identity file; returns nothing yet known to the ledger.
pub fn person(world: &World, name: &str, handle: &str) -> Identity {
    let identity = Identity::new(name, handle, &mut durable::entropy()).unwrap();
    std::fs::write(world.path(&format!("{handle}.id")), &*identity.seal(None).unwrap()).unwrap();
    identity
}

pub fn enrol(world: &World, by: &str, identity: &Identity, role: Role, renews: Option<u64>) -> (u64, bool) {
    let card = init::card(identity).unwrap();
    let enrolling = Enrolling { role, handle: None, renews };
    let (change, _) = world.desk(by).enrol(&card, enrolling, &|| world.tick(), &mut durable::entropy()).unwrap();
    (change.entered.number, change.waits)
}

pub fn confirm(world: &World, by: &str, entry: u64, view: &str) -> Result<u64, LedgerError> {
    let entered = world.desk(by).confirm(entry, view, &|| world.tick(), &mut durable::entropy())?;
    Ok(entered.number)
}

/// Adds Ruth, chair, enrolled by Maria and confirmed by Jon.
pub fn with_chair(world: &World) {
    let ruth = person(world, "Ruth Amis", "ruth");
    let (entry, waits) = enrol(world, "maria", &ruth, Role::Chair, None);
    assert!(waits);
    confirm(world, "jon", entry, "agrees").unwrap();
}

fn verified(world: &World) -> Report {
    world.verify(Keys::default())
}

fn codes(report: &Report) -> Vec<(Code, u64)> {
    report.findings.iter().map(|finding| (finding.code, finding.entry)).collect()
}

#[test]
fn a_leading_person_counts_from_the_second_persons_word_on() {
    let world = World::new();
    let ruth = person(&world, "Ruth Amis", "ruth");
    let (entry, waits) = enrol(&world, "maria", &ruth, Role::Chair, None);
    assert!(waits);
    assert_eq!(codes(&verified(&world)), [(Code::OneFounder, 0), (Code::Unconfirmed, entry)]);
    // Neither who entered it, nor whom it is about, nor somebody who leads nothing.
    assert!(matches!(confirm(&world, "maria", entry, "agrees"), Err(LedgerError::SamePerson)));
    assert!(matches!(confirm(&world, "sam", entry, "agrees"), Err(LedgerError::NotLeading)));
    assert!(matches!(world.try_desk("ruth"), Err(LedgerError::EnrolmentWaits(e)) if e == entry));
    assert!(matches!(confirm(&world, "jon", 4, "agrees"), Err(LedgerError::NotWaiting(4))));
    confirm(&world, "jon", entry, "agrees_if").unwrap();
    assert_eq!(world.desk("jon").roster().waiting().len(), 1);
    let confirmed = confirm(&world, "jon", entry, "agrees").unwrap();
    let desk = world.desk("ruth");
    let enrolment = desk.roster().enrolment(ruth.author().as_bytes()).unwrap();
    assert_eq!((enrolment.in_force, desk.roles()), (Some(confirmed), vec![Role::Chair]));
    drop(desk);
    // Genesis too: by somebody who is not the founder.
    assert!(matches!(confirm(&world, "maria", 0, "agrees"), Err(LedgerError::SamePerson)));
    confirm(&world, "ruth", 0, "agrees").unwrap();
    assert_eq!(codes(&verified(&world)), []);
    assert!(matches!(confirm(&world, "ruth", 0, "agrees"), Err(LedgerError::NotWaiting(0))));
}

#[test]
fn whoever_tries_to_be_the_second_person_to_their_own_is_named_once() {
    let world = World::new();
    with_chair(&world);
    let eve = person(&world, "Eve Stone", "eve");
    let (entry, _) = enrol(&world, "maria", &eve, Role::Leader, None);
    let own = world.record("maria", crate::forge::concern("theo", "In the wrong place."));
    let ezra = world.desk("maria").find_case("ezra").unwrap();
    let (tick, mut rng) = (|| world.tick(), durable::entropy());
    world.desk("maria").misfiled(own, Some(ezra), "It is about Ezra.", &tick, &mut rng).unwrap();
    let misfiled = own + 1;
    let blocked = || -> Vec<(u64, PersonId, Vec<String>)> {
        let desk = world.desk("jon");
        let bodies = (0..desk.ledger.size()).filter_map(|number| Some((number, desk.statement(number).unwrap().1?)));
        let said = bodies.filter(|(_, one)| one.body().kind.name() == Some("rule.blocked"));
        let text = |content: &Content| match content {
            Content::Code(text) | Content::Text(text) => Some(text.as_str().to_owned()),
            _ => None,
        };
        let texts = |body: &Body| body.values.iter().filter_map(|value| text(&value.content)).collect();
        said.map(|(number, one)| (number, one.body().person, texts(one.body()))).collect()
    };
    // Once for each entry, whatever the word and however often it is tried, from another device too.
    let maria = world.identity("maria").person();
    for (tries, of) in [(1, entry), (2, misfiled), (3, 0)] {
        for view in ["agrees", "agrees", "agrees_if"] {
            assert!(matches!(confirm(&world, "maria", of, view), Err(LedgerError::SamePerson)), "{of}");
        }
        let said = blocked();
        assert_eq!(said.len(), tries, "{of}: {said:?}");
        let (_, person, texts) = &said[tries - 1];
        assert_eq!(*person, maria);
        assert!(texts.contains(&"same_person".to_owned()) && texts.contains(&"confirmation".to_owned()), "{texts:?}");
    }
    // It stands in nobody's way: the second person says their word, and then there is nothing more to refuse.
    for of in [entry, misfiled, 0] {
        confirm(&world, "jon", of, "agrees").unwrap();
        assert!(matches!(confirm(&world, "maria", of, "agrees"), Err(LedgerError::NotWaiting(_))));
    }
    assert_eq!(blocked().len(), 3);
    assert_eq!(codes(&verified(&world)), []);
}

#[test]
fn what_the_second_person_does_not_agree_to_never_counts() {
    let world = World::new();
    let eve = person(&world, "Eve Stone", "eve");
    let (entry, _) = enrol(&world, "maria", &eve, Role::Leader, None);
    confirm(&world, "jon", entry, "does_not").unwrap();
    assert!(matches!(confirm(&world, "jon", entry, "agrees"), Err(LedgerError::NotWaiting(_))));
    assert!(world.try_desk("eve").is_err());
    assert_eq!(codes(&verified(&world)), [(Code::OneFounder, 0)]);
}

#[test]
fn roles_are_judged_by_period_and_by_person() {
    let world = World::new();
    with_chair(&world);
    let sam = world.identity("sam").person();
    let (tick, mut rng) = (|| world.tick(), durable::entropy());
    let now = world.tick();
    let day = 86_400_000;
    let post = Post { role: Role::DeputyDsl, case: None, starts: now + day, until: Some(now + 3 * day) };
    assert!(matches!(world.desk("sam").assign_role(sam, post, &tick, &mut rng), Err(LedgerError::NotLeading)));
    let change = world.desk("maria").assign_role(sam, post, &tick, &mut rng).unwrap();
    assert!(change.waits && !world.desk("maria").roster().holds_now(sam, now + 2 * day, Role::is_overseer));
    assert!(matches!(confirm(&world, "sam", change.entered.number, "agrees"), Err(LedgerError::NotLeading)));
    confirm(&world, "ruth", change.entered.number, "agrees").unwrap();
    let roster = world.desk("maria").roster().clone();
    for (at, holds) in [(now, false), (now + day, true), (now + 3 * day - 1, true), (now + 3 * day, false)] {
        assert_eq!(roster.holds_now(sam, at, Role::is_overseer), holds, "{at}");
    }
    // While it holds, sam enrols a colleague; before and after, nothing that sam enters counts.
    let ana = person(&world, "Ana Reyes", "ana");
    let card = init::card(&ana).unwrap();
    let enrolling = Enrolling { role: Role::Practitioner, handle: None, renews: None };
    let enrol_at = |at: i64| world.desk("sam").enrol(&card, enrolling, &|| at, &mut durable::entropy());
    assert!(matches!(enrol_at(now + day - 1), Err(LedgerError::NotAllowed)));
    assert!(matches!(enrol_at(now + 3 * day), Err(LedgerError::NotAllowed)));
    enrol_at(now + 2 * day).unwrap();
    // Wraps come with the next overseer's settling: sam held no keys to share.
    world.desk("maria").settle(&|| now + 2 * day, &mut durable::entropy()).unwrap();
    assert_eq!(world.try_desk("ana").unwrap().roles(), [Role::Practitioner]);
    assert!(verified(&world).findings.iter().all(|finding| matches!(finding.code, Code::OneFounder | Code::ClockBack)));
}

#[test]
fn a_role_and_a_key_end_where_two_say_so_if_they_lead() {
    let world = World::new();
    with_chair(&world);
    let (jon, sam) = (world.identity("jon").person(), world.identity("sam").person());
    let (tick, mut rng) = (|| world.tick(), durable::entropy());
    // A practitioner's key ends at one leading person's word.
    let change = world.desk("ruth").end_person(sam, "left", &tick, &mut rng).unwrap();
    assert!(!change[0].waits);
    assert!(matches!(
        world.desk("sam").record(
            &indelible::decision::draft::Draft::from_json(&json!({"kind": "concern.observed", "case": "theo",
                "learned_at": "2026-10-06T09:00:00+01:00", "narrative": "n", "reasons": "r"}))
            .unwrap(),
            &tick,
            &mut rng
        ),
        Err(LedgerError::Refused(Code::KeyNotEnrolled) | LedgerError::NoStructureKey)
    ));
    // A deputy's at that of a second one, who is not the deputy.
    let waiting = world.desk("maria").end_role(jon, Role::DeputyDsl, None, &tick, &mut rng).unwrap();
    assert!(waiting.waits);
    assert!(matches!(confirm(&world, "jon", waiting.entered.number, "agrees"), Err(LedgerError::SamePerson)));
    assert!(world.desk("jon").is_overseer());
    confirm(&world, "ruth", waiting.entered.number, "agrees").unwrap();
    assert_eq!(world.desk("jon").roles(), []);
    assert!(matches!(
        world.desk("maria").end_role(jon, Role::DeputyDsl, None, &tick, &mut rng),
        Err(LedgerError::NoRole)
    ));
    assert_eq!(codes(&verified(&world)), [(Code::OneFounder, 0)]);
}

#[test]
fn a_new_device_replaces_the_old_one_at_the_second_persons_word() {
    let world = World::new();
    with_chair(&world);
    let old = world.identity("jon");
    let new =
        Identity::for_person(old.person(), old.name(), old.name_salt(), old.handle(), &mut durable::entropy()).unwrap();
    let entry = world.desk("maria").roster().enrolment(old.author().as_bytes()).unwrap().entry;
    let (renewal, waits) = enrol(&world, "maria", &new, Role::DeputyDsl, Some(entry));
    assert!(waits);
    // Neither the old key, which is the same person's, nor the one who entered it.
    assert!(matches!(confirm(&world, "jon", renewal, "agrees"), Err(LedgerError::SamePerson)));
    confirm(&world, "ruth", renewal, "agrees").unwrap();
    let roster = world.desk("maria").roster().clone();
    assert!(!roster.enrolment(old.author().as_bytes()).unwrap().is_current());
    std::fs::write(world.path("jon2.id"), &*new.seal(None).unwrap()).unwrap();
    // The wraps came with the next overseer: ruth has no keys to share.
    world.desk("maria").settle(&|| world.tick(), &mut durable::entropy()).unwrap();
    assert!(world.desk("jon2").is_overseer());
    assert_eq!(codes(&verified(&world)), [(Code::OneFounder, 0)]);
    // Somebody else's key cannot be replaced, and a practitioner's card does not end a deputy's key alone.
    let eve = person(&world, "Eve Stone", "eve");
    let card = init::card(&eve).unwrap();
    let enrolling = Enrolling { role: Role::Practitioner, handle: None, renews: Some(renewal) };
    let refused = world.desk("maria").enrol(&card, enrolling, &|| world.tick(), &mut durable::entropy());
    assert!(matches!(refused, Err(LedgerError::Refused(Code::KeyNotEnrolled))));
}

#[test]
fn l4_a_signature_by_a_revoked_key_fails_from_there_on_and_holds_before() {
    let world = World::new();
    let before = world.record("sam", crate::forge::concern("theo", "before"));
    let sam = world.identity("sam").person();
    let change = world.desk("maria").end_person(sam, "stolen", &|| world.tick(), &mut durable::entropy()).unwrap();
    let revoked = change[0].entered.number;
    assert_eq!(revoked, before + 1);
    assert_eq!(codes(&verified(&world)), [(Code::OneFounder, 0)]);
}

#[test]
fn a_program_that_sat_down_before_judges_by_what_was_entered_since() {
    let world = World::new();
    let mut beside = world.desk("sam");
    let sam = world.identity("sam").person();
    world.desk("maria").end_person(sam, "stolen", &|| world.tick(), &mut durable::entropy()).unwrap();
    let draft = indelible::decision::draft::Draft::from_json(&crate::forge::concern("theo", "too late")).unwrap();
    let refused = beside.record(&draft, &|| world.tick(), &mut durable::entropy());
    assert!(matches!(refused, Err(LedgerError::Refused(Code::KeyNotEnrolled))), "{refused:?}");
    assert_eq!(codes(&verified(&world)), [(Code::OneFounder, 0)]);
}

#[test]
fn a_parent_on_the_roll_is_the_same_person_in_every_entry() {
    let world = World::new();
    let who = Outsider { name: "Priya R.", handle: Some("priya"), person_type: "parent" };
    let (entered, priya, _) = world.desk("maria").add_person(who, &|| world.tick(), &mut durable::entropy()).unwrap();
    // By handle or by the whole name, for everybody; the log holds neither.
    for typed in ["priya", "Priya R."] {
        let draft = json!({"kind": "relation.assert", "case": "theo", "person": typed, "other_person": "Theo A.",
            "relationship": "mother", "pr_status": "PR-1", "learned_at": "2026-10-06T09:00:00+01:00"});
        let relation = world.record("sam", draft);
        let (_, statement) = world.desk("maria").statement(relation).unwrap();
        let values = statement.unwrap().body().values.clone();
        assert!(values.iter().any(|value| value.content == Content::Person(priya)), "{typed}");
    }
    assert!(!world.bytes().windows(5).any(|bytes| bytes == b"Priya" || bytes == b"priya"));
    assert!(world.desk("jon").statement(entered.number).unwrap().1.is_some());
    assert_eq!(codes(&verified(&world)), [(Code::OneFounder, 0)]);
}
