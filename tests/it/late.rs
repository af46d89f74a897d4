//! Statements that the ledger refuses for good: they do not stand in their author's way, and are not lost.

use indelible::cabinet::identity::{Identity, side_folder};
use indelible::cabinet::{Durable, outbox};
use indelible::decision::draft::Draft;
use indelible::decision::people::Role;
use indelible::ledger::LedgerError;
use indelible::ledger::late::{export, waiting};
use indelible::ledger::open::Ledger;
use indelible::ledger::record::Outcome;
use indelible::store::durable;
use indelible::verify::ledger::{Options, verify};
use indelible::verify::report::{Code, Report};

use crate::forge::concern;
use crate::people::enrol;
use crate::world::{START, World, options};

/// Signs on a machine that does not hold the log's key.
fn sign_away(world: &World, who: &str, text: &str) {
    std::fs::rename(world.path("config"), world.path("aside")).unwrap();
    let outcome = world.try_record(who, concern("theo", text));
    std::fs::rename(world.path("aside"), world.path("config")).unwrap();
    assert!(matches!(outcome, Outcome::Waiting { .. }), "{outcome:?}");
}

/// What a person carries to an overseer: the first statement that waits.
fn carry(world: &World, who: &str) -> Vec<u8> {
    let ledger = Ledger::open(&world.book()).unwrap();
    let side = side_folder(&world.path(&format!("{who}.id")));
    let all = waiting(&ledger, &world.identity(who), &side).unwrap();
    export(&ledger, &all[0], world.tick()).unwrap()
}

fn enter(world: &World, who: &str, file: &[u8], cause: &str) -> Result<u64, LedgerError> {
    let entered = world.desk(who).enter_late(file, cause, &|| world.tick(), &mut durable::entropy())?;
    Ok(entered.number)
}

fn alters(report: &Report) -> Vec<(Code, u64)> {
    report.findings.iter().filter(|one| one.code.alters()).map(|one| (one.code, one.entry)).collect()
}

#[test]
fn what_was_signed_before_the_key_was_revoked_is_entered_by_another() {
    let world = World::new();
    world.record("sam", concern("theo", "in time"));
    sign_away(&world, "sam", "on the lost tablet");
    let old = world.identity("sam");
    let new =
        Identity::for_person(old.person(), old.name(), old.name_salt(), old.handle(), &mut durable::entropy()).unwrap();
    let enrolled = world.desk("maria").roster().enrolment(old.author().as_bytes()).unwrap().entry;
    enrol(&world, "maria", &new, Role::Practitioner, Some(enrolled));
    std::fs::write(world.path("sam2.id"), &*new.seal(None).unwrap()).unwrap();
    world.record("sam2", concern("theo", "with the new device"));
    let file = carry(&world, "sam");
    // Nobody but the overseers opens what is carried, and it says what it said.
    assert!(matches!(enter(&world, "sam2", &file, "key_revoked"), Err(LedgerError::NotAllowed)));
    let mut cut = file.clone();
    *cut.last_mut().unwrap() ^= 1;
    assert!(enter(&world, "maria", &cut, "key_revoked").is_err());
    let entry = enter(&world, "maria", &file, "key_revoked").unwrap();
    assert!(matches!(enter(&world, "jon", &file, "key_revoked"), Err(LedgerError::Refused(Code::Duplicate))));
    let body = world.desk("jon").statement(entry).unwrap().1.unwrap().body().clone();
    assert_eq!(body.kind.name(), Some("statement.late"));
    assert_eq!(alters(&world.verify(world.desk("maria").keys())), []);
    // An overseer's own is for another one.
    sign_away(&world, "maria", "by an overseer");
    let file = carry(&world, "maria");
    assert!(matches!(enter(&world, "maria", &file, "out_of_sequence"), Err(LedgerError::SamePerson)));
}

#[test]
fn an_author_goes_on_behind_a_statement_that_is_refused_for_good() {
    let world = World::new();
    world.record("sam", concern("theo", "first"));
    sign_away(&world, "sam", "damaged in the outbox");
    // A bit of the sealed words is lost on the device: the ledger will never take it.
    let (side, sam) = (side_folder(&world.path("sam.id")), world.identity("sam"));
    let mut items = outbox::list(&side, world.begun.ledger, sam.secret()).unwrap().opened.pop().unwrap().1;
    *items[0].words_part.last_mut().unwrap() ^= 1;
    outbox::put(&side, &items, sam.recipient(), Durable::Now).unwrap();
    let draft = Draft::from_json(&concern("theo", "after it")).unwrap();
    let record = || world.desk("sam").record(&draft, &|| world.tick(), &mut durable::entropy());
    let refused = record();
    assert!(matches!(refused, Err(LedgerError::Refused(Code::Statement))), "{refused:?}");
    let before = world.bytes().len();
    let file = carry(&world, "sam");
    let entry = enter(&world, "maria", &file, "out_of_sequence").unwrap();
    let keys = || world.desk("maria").keys();
    let first = Options { since: None, ..options(keys(), START) };
    let book = world.book().join("ledger.log");
    let (_, saved) = verify(&|| std::fs::File::open(&book), &first).unwrap();
    for text in ["after it", "and again"] {
        let number = world.record("sam", concern("theo", text));
        assert!(number > entry);
    }
    let side = side_folder(&world.path("sam.id"));
    let left = waiting(&Ledger::open(&world.book()).unwrap(), &world.identity("sam"), &side).unwrap();
    assert!(left.is_empty());
    assert_eq!(alters(&world.verify(keys())), []);
    // One who verifies on from before knows it too.
    let again = Options { since: Some(&saved), ..options(keys(), START) };
    assert_eq!(alters(&verify(&|| std::fs::File::open(&book), &again).unwrap().0), []);
    // Without the entry that accounts for it, the statement is missing: so says whoever sees the author's entries alone.
    let cut = crate::forge::writes(&world.bytes());
    let kept: Vec<_> = cut.iter().filter(|write| write.pieces[0].envelope.number.0 != entry).cloned().collect();
    let key = indelible::ledger::desk::read_log_key(&world.path("config"), world.begun.ledger).unwrap();
    let bytes = crate::forge::build(&kept, Some(&key));
    let report = crate::world::verify_bytes(&bytes, &options(keys(), START));
    assert!(before < bytes.len() && report.findings.iter().any(|one| one.code == Code::AuthorGap), "{report:?}");
}

#[test]
fn numbers_that_never_arrived_are_looked_for_until_they_are_there() {
    let world = World::new();
    world.record("sam", concern("theo", "in time"));
    for text in ["one", "two", "three"] {
        sign_away(&world, "sam", text);
    }
    let sam = world.identity("sam");
    let enrolled = world.desk("maria").roster().enrolment(sam.author().as_bytes()).unwrap().entry;
    let mut maria = world.desk("maria");
    maria.revoke(enrolled, "left", world.tick(), &|| world.tick(), &mut durable::entropy()).unwrap();
    drop(maria);
    let ledger = Ledger::open(&world.book()).unwrap();
    let all = waiting(&ledger, &sam, &side_folder(&world.path("sam.id"))).unwrap();
    let files: Vec<Vec<u8>> = all.iter().map(|one| export(&ledger, one, world.tick()).unwrap()).collect();
    drop(ledger);
    let gap = |of: u64| {
        let review = world.desk("jon").review(world.now()).unwrap();
        let item = review.of(of).find(|item| item.flag == "AUTHOR-GAP").cloned();
        item.map(|item| item.closed.map(|closed| closed.by))
    };
    let last = enter(&world, "maria", &files[2], "key_revoked").unwrap();
    assert_eq!(gap(last), Some(None));
    let first = enter(&world, "maria", &files[0], "key_revoked").unwrap();
    assert_eq!((gap(last), gap(first)), (Some(None), None));
    let second = enter(&world, "jon", &files[1], "key_revoked").unwrap();
    assert_eq!((gap(last), gap(second)), (Some(Some(second)), None));
    assert_eq!(alters(&world.verify(world.desk("maria").keys())), []);
}
