//! Desks that stay open while others enter: what a command names is found, and who reads is judged by what holds now.

use indelible::cabinet::folder_keys;
use indelible::cabinet::identity::{Identity, side_folder};
use indelible::cabinet::roll::Roll;
use indelible::codec::Folder;
use indelible::decision::draft::Draft;
use indelible::decision::people::Role;
use indelible::ledger::LedgerError;
use indelible::ledger::desk::Desk;
use indelible::ledger::grants::Granting;
use indelible::ledger::late;
use indelible::ledger::open::Ledger;
use indelible::ledger::people::Outsider;
use indelible::ledger::record::Outcome;
use indelible::review::retiring::Target;
use indelible::store::durable;
use indelible::verify::entry::Keys;
use indelible::verify::report::Code;

use crate::forge::concern;
use crate::people::{enrol, person, with_chair};
use crate::world::World;

fn misfiled(world: &World, who: &str, entry: u64) -> u64 {
    let ezra = world.desk("maria").find_case("ezra").unwrap();
    let said = world.desk(who).misfiled(entry, Some(ezra), "About Ezra.", &|| world.tick(), &mut durable::entropy());
    let Outcome::Entered { entered, .. } = said.unwrap() else { panic!("not entered") };
    entered.number
}

fn unaltered(world: &World) {
    let report = world.verify(Keys::default());
    assert!(report.findings.iter().all(|one| one.code == Code::OneFounder), "{:?}", report.findings);
}

#[test]
fn a_word_is_said_on_what_was_entered_since_the_desk_was_opened() {
    let world = World::new();
    let (tick, mut rng) = (|| world.tick(), durable::entropy());
    let mut jon = world.desk("jon");
    // Public: a chair who waits.
    let (entry, waits) = enrol(&world, "maria", &person(&world, "Ruth Amis", "ruth"), Role::Chair, None);
    assert!(waits);
    jon.confirm(entry, "agrees", &tick, &mut rng).unwrap();
    // Sealed, by somebody whose keys this desk has never seen.
    enrol(&world, "maria", &person(&world, "Ana Reyes", "ana"), Role::Practitioner, None);
    let wrong = world.record("ana", concern("theo", "Bruises."));
    let said = misfiled(&world, "ana", wrong);
    jon.confirm(said, "agrees", &tick, &mut rng).unwrap();
    // What it says was entered in the right case, in the name that the roll has got since.
    let shown = jon.show(said + 2, Some("review"), &tick, &mut rng).unwrap();
    assert_eq!(shown.fields["reported_by"]["name"], serde_json::json!("Ana Reyes"));
    // Proposed and approved on two desks that were open all the time.
    let mut maria = world.desk("maria");
    let (proposal, _) = jon.propose_retiring(&[Target::Entry(wrong)], "misfiled", Some(said), &tick, &mut rng).unwrap();
    assert_eq!(maria.approve_retiring(proposal.number, "agrees", &tick, &mut rng).unwrap().entries, 1);
    // The log's next key was made on this computer after the desk was opened.
    let rotated = world.desk("maria").rotate_log_key(&world.path("config"), "renewal", None, &tick, &mut rng).unwrap();
    let again = maria.rotate_log_key(&world.path("config"), "renewal", None, &tick, &mut rng);
    assert!(matches!(again, Err(LedgerError::StillWaits(entry)) if entry == rotated.entered.number), "{again:?}");
    jon.confirm(rotated.entered.number, "agrees", &tick, &mut rng).unwrap();
    world.record("sam", concern("theo", "Under the new key."));
    unaltered(&world);
}

#[test]
fn a_closing_opens_what_was_entered_since_the_desk_was_opened() {
    let world = World::new();
    let (tick, mut rng) = (|| world.tick(), durable::entropy());
    let mut jon = world.desk("jon");
    enrol(&world, "maria", &person(&world, "Ana Reyes", "ana"), Role::Practitioner, None);
    world.record("ana", concern("theo", "Bruises."));
    let today = indelible::rules::clock::london_day(world.now());
    let closed = jon.close_day(today, today, &tick, &mut rng).unwrap();
    assert_eq!(closed.closing.unopened, [0; 0]);
    assert!(!closed.closing.nil && closed.closing.kinds["concern.observed"] == 1);
}

#[test]
fn what_is_ended_may_have_been_made_since_the_desk_was_opened() {
    let world = World::new();
    with_chair(&world);
    let (tick, mut rng) = (|| world.tick(), durable::entropy());
    let (mut jon, mut ruth, mut third) = (world.desk("jon"), world.desk("ruth"), world.desk("jon"));
    let sam = world.identity("sam");
    let theo = world.desk("maria").find_case("theo").unwrap();
    let granting =
        Granting { person: sam.person(), case: Some(theo), folders: &[Folder::General], profile: "cover", until: None };
    let grant = world.desk("maria").grant(granting, &tick, &mut rng).unwrap().number;
    jon.end_grant(grant, "grant_ended", &tick, &mut rng).unwrap();
    // A desk that has not seen that it ended does not give it back.
    let opened = || folder_keys::load_all(&world.book().join("cabinet"), sam.secret()).unwrap().opened.len();
    assert_eq!(opened(), 0);
    third.settle(&tick, &mut rng).unwrap();
    assert_eq!(opened(), 0);
    // A second device: whoever leaves, leaves with both.
    let tablet = Identity::for_person(sam.person(), sam.name(), sam.name_salt(), sam.handle(), &mut rng).unwrap();
    enrol(&world, "maria", &tablet, Role::Practitioner, None);
    assert_eq!(ruth.end_person(sam.person(), "left", &tick, &mut rng).unwrap().len(), 2);
    // A key that is not known here yet.
    let ana = person(&world, "Ana Reyes", "ana");
    let (entry, _) = enrol(&world, "maria", &ana, Role::Practitioner, None);
    jon.grant(Granting { person: ana.person(), ..granting }, &tick, &mut rng).unwrap();
    ruth.revoke(entry, "lost", world.tick(), &tick, &mut rng).unwrap();
    unaltered(&world);
}

#[test]
fn the_roll_is_for_whom_the_ledger_says_now() {
    for by_case in [true, false] {
        let world = World::new();
        let (tick, mut rng) = (|| world.tick(), durable::entropy());
        let mut jon = world.desk("jon");
        let (sam, ana) = (world.identity("sam"), person(&world, "Ana Reyes", "ana"));
        world.desk("maria").end_person(sam.person(), "left", &tick, &mut rng).unwrap();
        enrol(&world, "maria", &ana, Role::Practitioner, None);
        if by_case {
            jon.open_case("lena", "Lena P.", &tick, &mut rng).unwrap();
        } else {
            let outsider = Outsider { name: "Nan Treadwell", handle: None, person_type: "parent" };
            jon.add_person(outsider, &tick, &mut rng).unwrap();
        }
        let cabinet = world.book().join("cabinet");
        assert!(Roll::load(&cabinet, sam.secret()).is_err(), "the leaver");
        assert!(Roll::load(&cabinet, ana.secret()).is_ok(), "the newcomer");
        unaltered(&world);
    }
}

#[test]
fn a_statement_is_entered_late_once_whichever_desk_was_open() {
    let world = World::new();
    let (tick, mut rng) = (|| world.tick(), durable::entropy());
    let mut jon = world.desk("jon");
    let side = side_folder(&world.path("sam.id"));
    let mut away = Desk::open(&world.book(), &world.path("nowhere"), world.identity("sam"), &side).unwrap();
    let draft = Draft::from_json(&concern("theo", "Signed on the way.")).unwrap();
    assert!(matches!(away.record(&draft, &tick, &mut rng).unwrap(), Outcome::Waiting { .. }));
    drop(away);
    let ledger = Ledger::open(&world.book()).unwrap();
    let waits = late::waiting(&ledger, &world.identity("sam"), &side).unwrap();
    let file = late::export(&ledger, &waits[0], world.tick()).unwrap();
    drop(ledger);
    world.desk("maria").end_person(world.identity("sam").person(), "lost", &tick, &mut rng).unwrap();
    world.desk("maria").enter_late(&file, "key_revoked", &tick, &mut rng).unwrap();
    let again = jon.enter_late(&file, "key_revoked", &tick, &mut rng);
    assert!(matches!(again, Err(LedgerError::Refused(Code::Duplicate))), "{again:?}");
    unaltered(&world);
}
