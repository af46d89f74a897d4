//! What closings say held against the entries: the case map, counts, root, and what their signers could not open.

use chrono::NaiveDate;
use indelible::cabinet::structure_keys;
use indelible::cabinet::wrap::Recipient;
use indelible::codec::{Digest, Folder, ShortText};
use indelible::decision::value::{Content, FieldId, Value, field};
use indelible::entry::envelope;
use indelible::entry::statement::{Body, Seen};
use indelible::ledger::closing::Closed;
use indelible::review::retiring::Target;
use indelible::review::says::Says;
use indelible::seal::case_map::{CaseFolder, CaseMap, CasePath};
use indelible::store::durable;
use indelible::tree::{Frontier, leaf_hash};
use indelible::verify::closings::Left;
use indelible::verify::entry::Keys;
use indelible::verify::ledger::{Options, verify};
use indelible::verify::report::{Code, History, Layer, RecordKeeping, Report};
use serde_json::json;

use crate::forge::{self, Piece, Sample, concern, noshare, writes};
use crate::retire;
use crate::town::{output, program};
use crate::world::{World, options, verify_bytes};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn close(world: &World, who: &str, from: &str, to: &str) -> Closed {
    world.desk(who).close_day(day(from), day(to), &|| world.tick(), &mut durable::entropy()).unwrap()
}

fn today(world: &World, who: &str, date: &str) -> Closed {
    world.at(&format!("{date}T16:00:00Z"));
    close(world, who, date, date)
}

fn in_folder(case: &str, folder: &str) -> serde_json::Value {
    let mut draft = concern(case, "He was hungry.");
    draft["folder"] = json!(folder);
    draft
}

fn folder(world: &World, case: &str, folder: Folder) -> CaseFolder {
    CaseFolder::new(Some(world.desk("maria").find_case(case).unwrap()), Some(folder)).unwrap()
}

fn verified(world: &World, who: &str) -> Report {
    world.verify(world.desk(who).keys())
}

/// The findings that hold closings against somebody.
fn wrong(report: &Report) -> Vec<(u64, Code)> {
    let of = report.findings.iter().filter(|finding| finding.code.of_closing());
    of.map(|finding| (finding.entry, finding.code)).collect()
}

fn assert_fits(report: &Report, closings: u64) {
    assert_eq!((wrong(report), &report.closings.left[..]), (vec![], &[][..]));
    assert_eq!((report.closings.compared, report.history), (closings, History::Unaltered));
}

fn body(world: &World, who: &str, entry: u64) -> Body {
    world.desk(who).statement(entry).unwrap().1.unwrap().body().clone()
}

/// The case map by the words of the format, over the first entries of a ledger that somebody opens whole.
fn by_hand(world: &World, who: &str, size: u64, out: &[u64]) -> CaseMap {
    let desk = world.desk(who);
    let mut map = CaseMap::default();
    for entry in (0..size).filter(|entry| !out.contains(entry)) {
        let (stored, statement) = desk.statement(entry).unwrap();
        let body = statement.unwrap().body().clone();
        if let Some(folder) = CaseFolder::new(body.case, body.folder()) {
            map.add(folder, &stored.envelope().statement);
        }
    }
    map
}

#[test]
fn a_closing_shows_of_each_folder_how_many_entries_it_has_and_which() {
    let world = World::new();
    let first = world.record("sam", in_folder("theo", "general"));
    world.record("jon", in_folder("theo", "protection"));
    world.record("sam", in_folder("ezra", "general"));
    world.record("maria", in_folder("theo", "general"));
    let closed = today(&world, "maria", "2026-10-06");
    let map = closed.closing.case_map.clone().unwrap();
    assert_eq!((map.folders(), map.entries()), (3, 4));
    let theo = folder(&world, "theo", Folder::General);
    assert_eq!(map.standing(&theo).unwrap().entries, 2);
    let said = body(&world, "jon", closed.entered.number);
    assert_eq!(Says::of(&said.values).case_map, closed.case_map_root);
    assert_eq!(
        closed.case_map_root,
        Some(by_hand(&world, "jon", closed.closing.size, &[]).root(&said.structure_seed.0))
    );
    // The path of one folder, out of its bytes, leads to the root that the closing names; it names no other folder.
    let path = world.desk("jon").folder_path(closed.entered.number, &theo).unwrap().unwrap();
    let bytes = path.encode().unwrap();
    assert!(CasePath::decode(&bytes).unwrap().check(&closed.case_map_root.unwrap()));
    let ezra = folder(&world, "ezra", Folder::General).case();
    assert!(!bytes.windows(16).any(|window| window == ezra.as_bytes()));
    // Later entries change nothing of it; another closing has a path of its own.
    world.record("sam", in_folder("theo", "general"));
    let later = today(&world, "jon", "2026-10-07");
    assert!(world.desk("maria").folder_path(closed.entered.number, &theo).unwrap().unwrap() == path);
    let next = world.desk("maria").folder_path(later.entered.number, &theo).unwrap().unwrap();
    assert_eq!(next.standing().entries, 3);
    assert!(!next.check(&closed.case_map_root.unwrap()) && !path.check(&later.case_map_root.unwrap()));
    assert!(world.desk("maria").folder_path(first, &theo).unwrap().is_none());
    let ezras = folder(&world, "ezra", Folder::Protection);
    assert!(world.desk("maria").folder_path(later.entered.number, &ezras).unwrap().is_none());
    // Sam does not open closings.
    assert!(world.desk("sam").folder_path(later.entered.number, &theo).unwrap().is_none());
    assert_fits(&verified(&world, "maria"), 2);
    assert_eq!(verified(&world, "sam").closings.compared, 0);
    assert_eq!(world.verify(Keys::default()).closings, verified(&world, "sam").closings);
}

#[test]
fn with_the_index_burnt_the_map_is_the_same() {
    let world = World::new();
    world.record("sam", in_folder("theo", "general"));
    let map = |world: &World| {
        world.desk("maria").closing(day("2026-10-06"), day("2026-10-06"), world.tick()).unwrap().case_map.unwrap()
    };
    let before = map(&world);
    std::fs::remove_dir_all(world.book().join("index")).unwrap();
    assert_eq!((map(&world), before.entries()), (before, 1));
}

/// A ledger, what a closing of its day says, and everything it takes to say something else.
struct Stage {
    world: World,
    sample: Sample,
    body: Body,
}

impl Stage {
    fn new() -> Self {
        let world = World::new();
        world.record("sam", in_folder("theo", "general"));
        world.record("jon", in_folder("ezra", "protection"));
        world.record_batch("sam", &[noshare("ezra", "One."), noshare("theo", "Two.")]);
        let sample = Sample::of(&world);
        retire::copy(&world.book(), &world.path("before"));
        let closed = today(&world, "maria", "2026-10-06");
        let body = body(&world, "maria", closed.entered.number);
        Stage { world, sample, body }
    }

    /// The number that the closing has.
    fn number(&self) -> u64 {
        self.sample.size()
    }

    /// The log in which this person says it with a change.
    fn log(&self, who: &str, change: impl FnOnce(&mut Body)) -> Vec<u8> {
        let author = self.sample.author(who);
        let mut body = self.body.clone();
        (body.person, body.author.0) = (author.identity.person(), *author.identity.author().as_bytes());
        (body.sequence, body.previous) = (author.sequence, author.previous);
        change(&mut body);
        let authored = self.sample.authored(&author, false, vec![], body);
        forge::extend(&self.sample.bytes, vec![Piece::of(&authored)], &self.sample.log_key())
    }

    fn report(&self, log: &[u8], keys: &Keys) -> Report {
        verify_bytes(log, &options(keys.clone(), self.world.now()))
    }

    fn codes(&self, change: impl FnOnce(&mut Body)) -> Vec<Code> {
        let report = self.report(&self.log("maria", change), &self.sample.keys);
        assert_eq!((report.history, &report.closings.left[..]), (History::Unaltered, &[][..]));
        let wrong = wrong(&report);
        assert!(wrong.iter().all(|(entry, _)| *entry == self.number()), "{wrong:?}");
        assert_eq!(report.record_keeping == RecordKeeping::Findings, !wrong.is_empty());
        assert_eq!(report.exit_code(), 1);
        wrong.into_iter().map(|(_, code)| code).collect()
    }
}

fn set(body: &mut Body, of: FieldId, content: Content) {
    let value = body.values.iter_mut().find(|value| value.field == of).unwrap();
    value.content = content;
}

fn put(body: &mut Body, of: FieldId, position: u16, content: Content) {
    body.values.push(Value { field: of, position, content });
    body.values.sort_by_key(|value| (value.field, value.position));
}

fn text(text: &str) -> ShortText {
    ShortText::new(text).unwrap()
}

/// Adds so many to the count of a kind.
fn miscount(body: &mut Body, kind: &str, by: i64) {
    let named = Content::Text(text(kind));
    let at = body.values.iter().find(|value| value.field == field::KIND_COUNTS_KIND && value.content == named).unwrap();
    let place = (field::KIND_COUNTS_COUNT, at.position);
    let value = body.values.iter_mut().find(|value| (value.field, value.position) == place).unwrap();
    let Content::Count(count) = value.content else { panic!("{value:?}") };
    value.content = Content::Count(count.checked_add_signed(by).unwrap());
}

#[test]
fn whoever_signs_a_false_closing_is_named_by_its_entry_and_by_what_differs() {
    let stage = Stage::new();
    assert_eq!(stage.codes(|_| ()), []);
    let count = |count| Content::Count(count);
    let size = stage.number();
    for (what, codes, change) in [
        (
            "one entry more",
            vec![Code::ClosingCounts],
            Box::new(|body: &mut Body| set(body, field::ENTRIES_COUNT, count(size + 1))) as Box<dyn Fn(&mut Body)>,
        ),
        (
            "nothing happened",
            vec![Code::ClosingCounts],
            Box::new(|body| set(body, field::NIL, Content::Code(text("yes")))),
        ),
        ("one of a kind more", vec![Code::ClosingCounts], Box::new(|body| miscount(body, "concern.observed", 1))),
        ("one of a kind less", vec![Code::ClosingCounts], Box::new(|body| miscount(body, "decision.noshare", -1))),
        (
            "one kind for another",
            vec![Code::ClosingCounts],
            Box::new(|body| {
                miscount(body, "decision.noshare", -1);
                miscount(body, "concern.observed", 1);
            }),
        ),
        (
            "a kind that there is not",
            vec![Code::ClosingCounts],
            Box::new(|body| set(body, field::KIND_COUNTS_KIND, Content::Text(text("nothing.known")))),
        ),
        (
            "fewer days",
            vec![Code::ClosingCounts],
            Box::new(|body| {
                let at = indelible::decision::value::Moment::parse("2026-10-05").unwrap();
                set(body, field::STARTS_AT, Content::Time(at));
                set(body, field::ENDS_AT, Content::Time(at));
            }),
        ),
        ("another size", vec![Code::ClosingHead], Box::new(|body| set(body, field::TREE_SIZE, count(size - 1)))),
        (
            "another root",
            vec![Code::ClosingHead],
            Box::new(|body| set(body, field::ROOT_HASH, Content::Hash(Digest::new([1; 32])))),
        ),
        (
            "another map",
            vec![Code::CaseMap],
            Box::new(|body| set(body, field::CASE_MAP_ROOT, Content::Hash(Digest::new([1; 32])))),
        ),
        ("the map of another seed", vec![Code::CaseMap], Box::new(|body| body.structure_seed.0 = [3; 32])),
        // It names the entry as unopened, and yet its map and its counts hold it.
        (
            "an entry that opens",
            vec![Code::CaseMap, Code::ClosingCounts, Code::ClosingUnopened],
            Box::new(|body| put(body, field::UNOPENED, 0, Content::Entry(6))),
        ),
        (
            "a public entry",
            vec![Code::ClosingCounts, Code::ClosingUnopened],
            Box::new(|body| put(body, field::UNOPENED, 0, Content::Entry(0))),
        ),
        (
            "an entry that is not there",
            vec![Code::ClosingUnopened],
            Box::new(|body| put(body, field::UNOPENED, 0, Content::Entry(size))),
        ),
        // What is left out says nothing: closings from before had no map.
        ("no map", vec![], Box::new(|body| body.values.retain(|value| value.field != field::CASE_MAP_ROOT))),
        (
            "no kinds",
            vec![],
            Box::new(|body| {
                body.values.retain(|value| ![field::KIND_COUNTS_KIND, field::KIND_COUNTS_COUNT].contains(&value.field));
            }),
        ),
    ] {
        assert_eq!(stage.codes(change), codes, "{what}");
    }
}

#[test]
fn a_map_without_one_entry_of_one_folder_is_another_map() {
    let stage = Stage::new();
    let theo = folder(&stage.world, "theo", Folder::General);
    for gone in [6, 7, 8, 9] {
        let map = by_hand(&stage.world, "maria", stage.number(), &[gone]);
        let kept = map.standing(&theo).map_or(0, |standing| standing.entries);
        assert_eq!(kept, if [6, 9].contains(&gone) { 1 } else { 2 });
        let root = Content::Hash(map.root(&stage.body.structure_seed.0));
        assert_eq!(stage.codes(|body| set(body, field::CASE_MAP_ROOT, root)), [Code::CaseMap], "{gone}");
    }
}

#[test]
fn a_closing_is_judged_by_what_its_signer_had_seen() {
    let stage = Stage::new();
    // Sam enters something between the signature and the entry; and the closing says what was so before.
    let sam = stage.sample.author("sam");
    let between = Piece::of(&stage.sample.authored(&sam, false, vec![], stage.sample.body(&sam, |_| ())));
    let maria = stage.sample.author("maria");
    let closing = Piece::of(&stage.sample.authored(&maria, false, vec![], stage.body.clone()));
    let log = forge::extend(&stage.sample.bytes, vec![between], &stage.sample.log_key());
    let log = forge::extend(&log, vec![closing], &stage.sample.log_key());
    assert_fits(&stage.report(&log, &stage.sample.keys), 1);
    // In the middle of a write there is no checkpoint: the root is recomputed.
    let pieces: Vec<Piece> = writes(&stage.sample.bytes).into_iter().flat_map(|write| write.pieces).collect();
    let mut frontier = Frontier::new();
    pieces.iter().take(9).for_each(|piece| frontier.append(leaf_hash(&piece.envelope.encode())));
    let seen = Seen { number: 8, link: envelope::link(&pieces[8].envelope.encode()) };
    let earlier = |root: Digest| {
        move |body: &mut Body| {
            body.seen = seen;
            set(body, field::TREE_SIZE, Content::Count(9));
            set(body, field::ENTRIES_COUNT, Content::Count(9));
            set(body, field::ROOT_HASH, Content::Hash(root));
            miscount(body, "decision.noshare", -1);
            body.values.retain(|value| value.field != field::CASE_MAP_ROOT);
        }
    };
    let jon = |change: &dyn Fn(&mut Body)| stage.report(&stage.log("jon", change), &stage.sample.keys);
    assert_fits(&jon(&earlier(Digest::new(frontier.root().0))), 1);
    assert_eq!(wrong(&jon(&earlier(Digest::new([1; 32])))), [(stage.number(), Code::ClosingHead)]);
}

#[test]
fn nobody_is_accused_of_what_cannot_be_seen_and_a_practitioner_closes_nothing() {
    let stage = Stage::new();
    let lies = |body: &mut Body| set(body, field::CASE_MAP_ROOT, Content::Hash(Digest::new([1; 32])));
    // Sam's closing closes nothing, whatever it says.
    let by_sam = stage.report(&stage.log("sam", lies), &stage.sample.keys);
    let left = [(stage.number(), Left::NoOverseer)];
    assert_eq!((wrong(&by_sam), &by_sam.closings.left[..], by_sam.closings.compared), (vec![], &left[..], 0));
    // Who does not open what Sam wrote cannot say that the map is false; who reads only the skeleton sees no closing.
    let mut keys = stage.sample.keys.clone();
    let sams = stage.sample.author("sam").structure_key;
    keys.structure.retain(|key| key.as_bytes() != sams.as_bytes());
    let (log, honest) = (stage.log("maria", lies), stage.log("maria", |_| ()));
    let report = stage.report(&log, &keys);
    let left = [(stage.number(), Left::Unopened)];
    assert_eq!((wrong(&report), &report.closings.left[..], report.layer), (vec![], &left[..], Layer::Part));
    // Nor that it is true.
    let report = stage.report(&honest, &keys);
    assert_eq!((wrong(&report), &report.closings.left[..]), (vec![], &left[..]));
    assert_eq!(stage.report(&log, &Keys::default()).closings.left, []);
    // The counts are wrong whatever the hidden entries are.
    let more = stage.log("maria", |body| miscount(body, "genesis", 9));
    assert_eq!(wrong(&stage.report(&more, &keys)), [(stage.number(), Code::ClosingCounts)]);
    // Where history was altered nobody's closing is compared.
    let mut damaged = log.clone();
    let at = damaged.len() / 2;
    damaged[at] ^= 1;
    let report = stage.report(&damaged, &stage.sample.keys);
    assert!(report.history.altered() && wrong(&report).is_empty() && report.closings.compared == 0);
    // What was verified before is not opened again: a closing behind it is left for a whole verify.
    let before = |bytes: &[u8]| {
        let bytes = bytes.to_vec();
        let open = move || Ok(std::io::Cursor::new(bytes.clone()));
        verify(&open, &options(stage.sample.keys.clone(), stage.world.now())).unwrap().1
    };
    let record = before(&stage.sample.bytes);
    let since = Options { since: Some(&record), ..options(stage.sample.keys.clone(), stage.world.now()) };
    let report = verify_bytes(&log, &since);
    assert_eq!((wrong(&report), &report.closings.left[..]), (vec![], &[(stage.number(), Left::Continued)][..]));
    // And what was found before is said again.
    let record = before(&log);
    let since = Options { since: Some(&record), ..options(stage.sample.keys.clone(), stage.world.now()) };
    let report = verify_bytes(&log, &since);
    assert_eq!(wrong(&report), [(stage.number(), Code::CaseMap)]);
    assert_eq!(report.record_keeping, RecordKeeping::Findings);
}

/// Wraps Sam's structure key for Sam and these overseers alone, by Maria.
fn wrap_sams(world: &World, overseers: &[&str]) {
    let recipients: Vec<Recipient> =
        overseers.iter().chain(&["sam"]).map(|who| world.identity(who).recipient()).collect();
    let (maria, sam) = (world.desk("maria"), world.identity("sam").author());
    let mut readers: Vec<Recipient> = recipients;
    readers.sort();
    structure_keys::rewrap(&maria.ledger.cabinet(), &sam, 0, maria.identity().secret(), &readers).unwrap();
}

#[test]
fn what_an_overseer_cannot_open_is_named_and_left_out_until_its_day_is_closed_again() {
    let world = World::new();
    let sams = world.record("sam", in_folder("theo", "general"));
    world.record("maria", in_folder("theo", "general"));
    wrap_sams(&world, &["maria"]);
    let blind = today(&world, "jon", "2026-10-06");
    assert_eq!(blind.closing.unopened, [sams]);
    assert_eq!(blind.closing.case_map.as_ref().unwrap().entries(), 1);
    let whole = close(&world, "maria", "2026-10-06", "2026-10-06");
    assert_eq!(whole.closing.case_map.as_ref().unwrap().entries(), 2);
    // The next day it is named already, and still left out; also once it opens.
    let next = today(&world, "jon", "2026-10-07");
    assert!(next.closing.unopened.is_empty() && next.closing.case_map.as_ref().unwrap().entries() == 1);
    wrap_sams(&world, &["maria", "jon"]);
    let opens = today(&world, "jon", "2026-10-08");
    assert_eq!(opens.closing.case_map.as_ref().unwrap().entries(), 1);
    let again = close(&world, "jon", "2026-10-06", "2026-10-06");
    assert!(again.closing.unopened.is_empty() && again.closing.case_map.as_ref().unwrap().entries() == 2);
    // All of them say what is so; that Sam's entry did not open is what is wrong.
    let report = verified(&world, "maria");
    assert_eq!(wrong(&report), [(blind.entered.number, Code::ClosingUnopened)]);
    assert_eq!((report.closings.compared, &report.closings.left[..]), (5, &[][..]));
    // Each has its paths.
    let theo = folder(&world, "theo", Folder::General);
    for (closed, entries) in [(&blind, 1), (&whole, 2), (&next, 1), (&opens, 1), (&again, 2)] {
        let path = world.desk("maria").folder_path(closed.entered.number, &theo).unwrap().unwrap();
        assert_eq!(path.standing().entries, entries);
    }
}

#[test]
fn restricted_entries_may_be_unopened_and_stand_in_no_map() {
    let world = World::new();
    world.record(
        "sam",
        json!({"kind": "staff.allegation", "learned_at": "2026-10-06T08:10:00+01:00", "person": "maria", "hold_check": "no",
               "source": {"role": "staff", "person": "a colleague", "verified": "V-KNOWN"}, "narrative": "She shouted."}),
    );
    world.record(
        "jon",
        json!({"kind": "order.noted", "case": "theo", "learned_at": "2026-10-06T08:10:00+01:00",
               "order_type": "other", "effect": "No contact.", "order_ref": "1", "evidence_seen": "the paper"}),
    );
    let hers = today(&world, "maria", "2026-10-06");
    let his = close(&world, "jon", "2026-10-06", "2026-10-06");
    assert!(!hers.closing.unopened.is_empty() && his.closing.unopened.is_empty());
    assert_eq!((hers.closing.case_map.unwrap().folders(), his.closing.case_map.unwrap().folders()), (0, 0));
    for who in ["maria", "jon"] {
        assert_fits(&verified(&world, who), 2);
    }
}

#[test]
fn what_was_retired_still_counts_in_the_maps_before_and_behind_it() {
    let world = World::new();
    let theo = retire::theo(&world);
    world.record("sam", in_folder("theo", "general"));
    world.record("sam", in_folder("ezra", "general"));
    world.record("jon", in_folder("theo", "protection"));
    retire::words_of(&world, "jon", 6).unwrap();
    let (_, _, proposal) = retire::misfiled(&world);
    let before = today(&world, "maria", "2026-10-06");
    retire::approve(&world, "maria", proposal).unwrap();
    let misfiled = close(&world, "maria", "2026-10-06", "2026-10-06");
    world.record("maria", retire::review("theo", "protection", "child_protection", Some("retire"), Some("2026-10-06")));
    let proposal = retire::propose(&world, "maria", &[Target::Case(theo)], None).unwrap();
    retire::approve(&world, "jon", proposal).unwrap();
    let gone = close(&world, "jon", "2026-10-06", "2026-10-06");
    let of = |closed: &Closed| closed.closing.case_map.as_ref().unwrap().entries();
    assert_eq!((of(&before), of(&misfiled)), (of(&misfiled), of(&before)));
    assert_eq!(of(&gone), of(&before) + 1, "the review stands in a folder, too");
    for closed in [&before, &misfiled, &gone] {
        let general = CaseFolder::new(Some(theo), Some(Folder::General)).unwrap();
        let path = world.desk("maria").folder_path(closed.entered.number, &general).unwrap().unwrap();
        // Sam's, the misfiled one, and the one that says so.
        assert_eq!(path.standing().entries, 3);
    }
    for who in ["maria", "jon"] {
        let report = verified(&world, who);
        assert_fits(&report, 3);
        assert!(report.counts.retired > 3);
    }
    // In a sitting that goes on while it happens, and with the index burnt.
    std::fs::remove_dir_all(world.book().join("index")).unwrap();
    assert_eq!(of(&today(&world, "maria", "2026-10-07")), of(&gone));
    assert_fits(&verified(&world, "jon"), 4);
}

#[test]
fn the_program_says_who_signed_a_false_closing_and_what_to_do_next() {
    let stage = Stage::new();
    let run = |name: &str, args: &[&str]| {
        let at = ["--ledger", name, "--identity", "maria.id"];
        let done = output(program(stage.world.folder.path(), &[&at[..], args].concat(), None), "");
        (done.status.code(), String::from_utf8(done.stdout).unwrap())
    };
    let honest = run("book", &["verify", "--without-rules"]);
    assert!(
        honest.1.contains("1 closing compared with the entries it is of: counts, root and folders fit."),
        "{}",
        honest.1
    );
    let log = stage.log("maria", |body| {
        miscount(body, "concern.observed", -1);
        set(body, field::CASE_MAP_ROOT, Content::Hash(Digest::new([1; 32])));
    });
    std::fs::write(stage.world.path("before").join("ledger.log"), log).unwrap();
    let (code, said) = run("before", &["verify"]);
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let number = stage.number();
    for expected in [
        "Record keeping: findings. 1 closing does not fit what was entered.".to_owned(),
        format!(
            "entry {number}: the map of case folders in this closing is not the one that the entries up to it give (CASE-MAP)"
        ),
        format!("entry {number}: this closing counts other entries in its days than were entered"),
        "next: ask who signed it".to_owned(),
        "1 closing compared with the entries it is of: see the findings.".to_owned(),
    ] {
        assert!(said.contains(&expected), "{expected}: {said}");
    }
    assert_eq!(code, Some(1));
    let (_, json) = run("before", &["--json", "verify"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["closings"]["compared"], &json["record_keeping"]), (&json!(1), &json!("findings")));
}
