//! With the checkpoint in hand, whatever is done to the log is found, and the entry is named.

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT as B, EIGHT_TORSION};
use curve25519_dalek::scalar::Scalar;
use indelible::codec::{Bytes, Digest, FolderKeyId, KindNumber, LedgerId, Link, RelationNumber, ShortText};
use indelible::decision::decision::Reference;
use indelible::decision::people::Role;
use indelible::decision::value::{Content, Value, field};
use indelible::entry::authored::Authored;
use indelible::entry::statement::{Body, Seen, UNKNOWN, Unverified};
use indelible::frame::write::WriteBuilder;
use indelible::frame::{CheckpointFrame, EntryFrame, Frame, Next, VOID_LIST_LIMIT, WRITE_ENTRIES, next_frame};
use indelible::head::cosignature;
use indelible::head::note::Note;
use indelible::head::receipt::Receipt;
use indelible::head::trust::Trust;
use indelible::keys::SigningKey;
use indelible::keys::name::{KeyKind, KeyName, SignerKey};
use indelible::ledger::LedgerError;
use indelible::ledger::init;
use indelible::seal::sealed::document_hash;
use indelible::seal::structure;
use indelible::seal::words::{self, FolderPrivate, Words};
use indelible::store::durable;
use indelible::tree::{EntryNumber, NodeId, ReadHashes, TreeSize, prove_inclusion};
use indelible::verify::entry::Keys;
use indelible::verify::ledger::{Options, verify};
use indelible::verify::report::{Code, History, Layer, Report, Verdict, altered};
use sha2::{Digest as _, Sha512};
use zeroize::Zeroizing;

use crate::forge::{self, Author, Piece, Sample, Write, build, sample, writes};
use crate::world::{START, World, options, verify_bytes};

/// Whether the long form is asked for.
pub fn deep() -> bool {
    std::env::var_os("INDELIBLE_DEEP").is_some()
}

/// Verifies as someone who holds the newest checkpoint.
fn with_note(bytes: &[u8], note: &Note, keys: Keys) -> Report {
    let known = std::slice::from_ref(note);
    verify_bytes(bytes, &Options { known, ..options(keys, START) })
}

fn skeleton(sample: &Sample, bytes: &[u8]) -> Report {
    with_note(bytes, &sample.note, Keys::default())
}

fn structure(sample: &Sample, bytes: &[u8]) -> Report {
    with_note(bytes, &sample.note, sample.keys.clone())
}

/// The findings that say that history was altered.
fn named(report: &Report) -> Vec<(u64, Code)> {
    let alters = |code: Code| altered(&[indelible::verify::report::Finding { entry: 0, code }]).is_some();
    report.findings.iter().filter(|f| alters(f.code)).map(|f| (f.entry, f.code)).collect()
}

/// The entries that are named, each once.
fn entries(report: &Report) -> Vec<u64> {
    let mut entries: Vec<u64> = named(report).into_iter().map(|(entry, _)| entry).collect();
    entries.dedup();
    entries
}

/// Altered, and the first entry named is this one.
fn assert_first(report: &Report, entry: u64, what: &str) {
    assert!(report.history.altered() && report.exit_code() == 3, "{what}: {:?}", report.history);
    assert_eq!(entries(report).first(), Some(&entry), "{what}: {:?}", report.findings);
}

fn has(report: &Report, entry: u64, code: Code) -> bool {
    report.findings.iter().any(|finding| (finding.entry, finding.code) == (entry, code))
}

/// Where each frame of the log stands, with the entry to which its bytes belong and whether it is an entry frame.
fn frames(bytes: &[u8]) -> Vec<(std::ops::Range<usize>, u64, bool)> {
    let mut frames = Vec::new();
    for write in writes(bytes) {
        for piece in &write.pieces {
            frames.push((piece.place.clone(), piece.envelope.number.0, true));
        }
        let last = write.pieces.last().unwrap();
        frames.push((last.place.end..write.place.end, last.envelope.number.0, false));
    }
    frames
}

/// Whether a byte is tried in the short form: around the borders of some frames each, of the others here and there.
fn chosen(place: &std::ops::Range<usize>, entry: u64, at: usize) -> bool {
    let border = at < place.start + 155 || at + 25 > place.end;
    let whole = matches!(entry, 0 | 2 | 9 | 10 | 11);
    deep()
        || (border && (whole || at.is_multiple_of(7)))
        || (at.is_multiple_of(23) && place.len() < 5_000)
        || at.is_multiple_of(997)
}

#[test]
fn the_sample_is_unaltered() {
    let sample = sample();
    for (report, layer) in
        [(skeleton(sample, &sample.bytes), Layer::Skeleton), (structure(sample, &sample.bytes), Layer::Structure)]
    {
        assert_eq!((report.history, report.layer, report.size.0), (History::Unaltered, layer, 12));
        assert_eq!(report.findings.iter().map(|f| f.code).collect::<Vec<_>>(), [Code::OneFounder]);
    }
    // Taken apart and put together it is the same.
    assert_eq!(build(&writes(&sample.bytes), None), sample.bytes);
    assert_eq!(build(&writes(&sample.bytes), Some(&sample.log_key())), sample.bytes);
}

#[test]
fn every_flipped_byte_names_its_entry() {
    let sample = sample();
    let mut bytes = sample.bytes.clone();
    let mut flips = 0usize;
    for (place, entry, _) in frames(&sample.bytes) {
        for at in place.clone() {
            if !chosen(&place, entry, at) {
                continue;
            }
            let bits: &[u8] = if deep() { &[0x01, 0x80] } else { &[[0x01, 0x80, 0x02, 0x10][at % 4]] };
            for bit in bits {
                flips += 1;
                bytes[at] ^= bit;
                let report = if flips.is_multiple_of(8) || deep() {
                    structure(sample, &bytes)
                } else {
                    skeleton(sample, &bytes)
                };
                bytes[at] ^= bit;
                let what = format!("byte {at} ({} of the frame), bit {bit}", at - place.start);
                assert_first(&report, entry, &what);
                assert_eq!(entries(&report), [entry], "{what}: {:?}", report.findings);
            }
        }
    }
    assert_eq!(bytes, sample.bytes);
    assert!(flips > 1_500);
}

#[test]
fn every_cut_names_the_first_entry_that_is_missing() {
    let sample = sample();
    let frames = frames(&sample.bytes);
    let ends: Vec<(usize, u64)> = frames.iter().filter(|f| !f.2).map(|(place, entry, _)| (place.end, *entry)).collect();
    let tried = |cut: &usize| {
        let (place, entry, _) = frames.iter().find(|(place, ..)| place.contains(cut)).unwrap();
        chosen(place, *entry, *cut)
    };
    for cut in (0..sample.bytes.len()).filter(tried) {
        let missing = ends.iter().rev().find(|(end, _)| *end <= cut).map_or(0, |(_, entry)| *entry + 1);
        let report =
            if cut % 8 == 0 { structure(sample, &sample.bytes[..cut]) } else { skeleton(sample, &sample.bytes[..cut]) };
        assert_first(&report, missing, &format!("cut at {cut}"));
        assert_eq!(entries(&report), [missing], "cut at {cut}: {:?}", report.findings);
        assert!(has(&report, missing, Code::Truncated), "cut at {cut}: {:?}", report.findings);
        let between = cut == 0 || ends.iter().any(|(end, _)| *end == cut);
        assert_eq!(has(&report, missing, Code::Torn), !between, "cut at {cut}: {:?}", report.findings);
        // Without a genesis there is nothing that could be called cut off.
        if missing > 0 {
            assert_eq!(report.history, History::Truncated, "cut at {cut}");
        }
    }
}

#[test]
fn frames_and_writes_out_of_place_are_named() {
    let sample = sample();
    let bytes = &sample.bytes;
    let writes = writes(bytes);
    let all: Vec<(std::ops::Range<usize>, u64)> =
        frames(bytes).into_iter().filter(|frame| frame.2).map(|(place, entry, _)| (place, entry)).collect();
    let check = |forged: &[u8], entry: u64, what: &str| {
        assert_first(&skeleton(sample, forged), entry, what);
        assert_first(&structure(sample, forged), entry, what);
    };
    let swapped = |a: &std::ops::Range<usize>, b: &std::ops::Range<usize>| {
        [&bytes[..a.start], &bytes[b.clone()], &bytes[a.end..b.start], &bytes[a.clone()], &bytes[b.end..]].concat()
    };
    for (i, (a, first)) in all.iter().enumerate() {
        for (b, second) in &all[i + 1..] {
            check(&swapped(a, b), *first, &format!("entries {first} and {second} exchanged"));
        }
        check(&[&bytes[..a.start], &bytes[a.end..]].concat(), *first, &format!("entry {first} dropped"));
        check(&[&bytes[..a.end], &bytes[a.start..]].concat(), *first, &format!("entry {first} repeated"));
    }
    let other = World::new().bytes();
    let foreign = forge::writes(&other);
    for (i, write) in writes.iter().enumerate() {
        let (place, first) = (&write.place, write.pieces[0].envelope.number.0);
        for later in &writes[i + 1..] {
            check(&swapped(place, &later.place), first, &format!("writes of {first} and later exchanged"));
        }
        check(&[&bytes[..place.start], &bytes[place.end..]].concat(), first, &format!("write of {first} dropped"));
        check(&[&bytes[..place.end], &bytes[place.start..]].concat(), first, &format!("write of {first} repeated"));
        for inserted in &foreign {
            let forged = [&bytes[..place.start], &other[inserted.place.clone()], &bytes[place.start..]].concat();
            check(&forged, first, &format!("a foreign write before {first}"));
        }
        // Where the liar makes offsets, links and numbers fit, but cannot sign checkpoints.
        let mut without = writes.clone();
        without.remove(i);
        let forged = build(&without, None);
        for report in [skeleton(sample, &forged), structure(sample, &forged)] {
            // The numbers fit again: it is the next checkpoint that does not.
            let last = without.get(i).map_or(first, |next| first + next.pieces.len() as u64 - 1);
            let named = entries(&report).first().copied();
            assert!(named.is_some_and(|entry| (first..=last).contains(&entry)), "{first}: {:?}", report.findings);
        }
    }
}

/// A change that a liar makes to an entry, and its name.
type Change = (&'static str, fn(&mut Piece));

/// What a liar changes in an entry.
fn changes() -> Vec<Change> {
    vec![
        ("a byte of the structure", |piece| *piece.structure.last_mut().unwrap() ^= 1),
        ("a byte of the words", |piece| match piece.words.last_mut() {
            Some(byte) => *byte ^= 1,
            None => piece.words = vec![0, b'x'],
        }),
        ("the statement digest", |piece| piece.envelope.statement = Digest::new([5; 32])),
        ("the commitment", |piece| piece.envelope.commitment = Digest::new([5; 32])),
    ]
}

#[test]
fn a_changed_entry_with_everything_made_to_fit_is_named() {
    let sample = sample();
    for (what, change) in changes() {
        for number in 0..12 {
            let mut forged = writes(&sample.bytes);
            let write = forged.iter_mut().find(|w| w.pieces.last().unwrap().envelope.number.0 >= number).unwrap();
            let last = write.pieces.last().unwrap().envelope.number.0;
            let piece = write.pieces.iter_mut().find(|piece| piece.envelope.number.0 == number).unwrap();
            change(piece);
            piece.name_parts();
            // Without any key: the ledger's own signature stops to fit at the end of that write.
            let unsigned = build(&forged, None);
            let report = skeleton(sample, &unsigned);
            if number > 1 {
                assert_first(&report, last, &format!("{what} of {number}, no key, skeleton"));
                assert!(has(&report, last, Code::Checkpoint) && has(&report, 11, Code::Fork));
            }
            let report = structure(sample, &unsigned);
            let what = format!("{what} of {number}");
            if what.contains("digest") && number > 5 {
                // A sealed part whose hint fits nothing any more cannot be read: the checkpoint names it.
                assert_first(&report, last, &what);
            } else {
                assert_first(&report, number, &what);
            }
            // With the log's key, but not the authors'.
            let signed = build(&forged, Some(&sample.log_key()));
            let report = skeleton(sample, &signed);
            assert!(report.history.altered() && entries(&report).contains(&11), "{what}: {:?}", report.findings);
            if number > 5 {
                assert_eq!(named(&report), [(11, Code::Fork)], "{what}");
            }
            let report = structure(sample, &signed);
            assert!(has(&report, 11, Code::Fork), "{what}: {:?}", report.findings);
            let at = named(&report).into_iter().find(|(entry, _)| *entry == number).map(|(_, code)| code);
            if what.contains("digest") && number > 5 {
                assert_eq!(report.layer, Layer::Part, "{what}");
            } else {
                let codes = [Code::Statement, Code::Signature, Code::Sealed];
                assert!(at.is_some_and(|code| codes.contains(&code)), "{what}: {:?}", report.findings);
                // And without anything in hand.
                let report = verify_bytes(&signed, &options(sample.keys.clone(), START));
                assert_first(&report, number, &what);
            }
            // Whoever saw the entry says so too.
            if number < 11 && !what.contains("digest") {
                assert!(report.findings.iter().any(|f| f.code == Code::Seen && f.entry > number), "{what}");
            }
        }
    }
}

#[test]
fn history_signed_again_with_new_keys_is_another_ledger() {
    let sample = sample();
    let other = World::new();
    let bytes = other.bytes();
    let report = with_note(&bytes, &sample.note, other.desk("maria").keys());
    assert!(has(&report, 0, Code::LogKey) && report.history == History::Forked, "{:?}", report.findings);
    let trust = Trust::of_log(sample.log_key().public().clone()).unwrap();
    let report = verify_bytes(&bytes, &Options { trust: Some(&trust), ..options(Keys::default(), START) });
    assert!(has(&report, 0, Code::LogKey) && report.history == History::Forked, "{:?}", report.findings);
    // As long as the old one, so that roots can be compared.
    let early = World::new().desk("maria").ledger.checkpoint().unwrap().clone();
    let report = with_note(&bytes, &early, Keys::default());
    assert!(has(&report, 0, Code::LogKey) && has(&report, 5, Code::Fork), "{:?}", report.findings);
    // The same genesis, the checkpoints signed with another key of the same name.
    let name = sample.log_key().public().name().clone();
    let key = SignerKey::new(name, KeyKind::LogKey, SigningKey::from_seed(&[7; 32]));
    let report = skeleton(sample, &build(&writes(&sample.bytes), Some(&key)));
    assert_first(&report, 1, "checkpoints signed with another key");
    assert!(has(&report, 1, Code::Checkpoint));
    // Only the last ones: the first that is not the log's own is named.
    let mut mixed = writes(&sample.bytes);
    let forged = writes(&build(&mixed, Some(&key)));
    for at in mixed.len() - 2..mixed.len() {
        mixed[at].note = forged[at].note.clone();
    }
    let report = skeleton(sample, &build(&mixed, None));
    assert_eq!(named(&report), [(10, Code::Checkpoint)]);
}

/// A lie in a statement that a key of an author signed, what verify says of it, and whether append says the same.
struct Lie {
    what: &'static str,
    code: Code,
    piece: Piece,
    authored: Option<Authored>,
}

/// Says `change` of the next thing that this person says.
fn lie(what: &'static str, code: Code, who: &str, change: impl FnOnce(&Sample, &Author, &mut Body)) -> Lie {
    let sample = sample();
    let author = sample.author(who);
    let body = sample.body(&author, |body| change(sample, &author, body));
    let clear = body.kind.publicity() != Some(indelible::codec::Publicity::Sealed);
    let authored = sample.authored(&author, clear, vec![], body);
    Lie { what, code, piece: Piece::of(&authored), authored: Some(authored) }
}

fn lies() -> Vec<Lie> {
    let kind = |name| KindNumber::of(name).unwrap();
    let mut lies = vec![
        lie("seen a link that is not there", Code::Seen, "sam", |_, _, body| body.seen.link = Link::new([1; 32])),
        lie("seen an entry of the future", Code::Seen, "sam", |_, _, body| body.seen.number = 12),
        lie("seen nothing", Code::Seen, "sam", |_, _, body| body.seen = Seen::NOTHING),
        lie("seen less than before", Code::Seen, "sam", |sample, _, body| body.seen = sample.seen(2)),
        lie("seen less than before, in clear", Code::Seen, "maria", |sample, _, body| {
            body.seen = sample.seen(1);
            (body.kind, body.case) = (kind("log.key"), None);
        }),
        lie("the number of an earlier statement", Code::Duplicate, "sam", |_, author, body| {
            body.sequence = author.sequence - 1;
        }),
        lie("a number left out", Code::AuthorGap, "sam", |_, author, body| body.sequence = author.sequence + 1),
        lie("the last number there is", Code::AuthorGap, "sam", |_, _, body| body.sequence = u64::MAX),
        lie("another statement before it", Code::AuthorFork, "sam", |_, _, body| body.previous = Digest::new([3; 32])),
        lie("another ledger", Code::Statement, "sam", |_, _, body| body.ledger = LedgerId::new([3; 32])),
        lie("another person", Code::KeyNotEnrolled, "sam", |sample, _, body| {
            body.person = sample.author("maria").identity.person();
        }),
        lie("rules that nobody adopted", Code::PackUnknown, "sam", |_, _, body| body.pack = Digest::new([3; 32])),
        lie("no rules at all", Code::PackUnknown, "sam", |_, _, body| body.pack = Digest::ZERO),
        lie("a policy that nobody adopted", Code::PackUnknown, "sam", |_, _, body| body.policy = Digest::new([3; 32])),
        lie("a reference to another statement", Code::Reference, "sam", |_, _, body| {
            let digest = Digest::new([3; 32]);
            body.references = vec![Reference { relation: RelationNumber(4), entry: 7, digest }];
        }),
        lie("a reference to the future", Code::Reference, "sam", |_, _, body| {
            body.references = vec![Reference { relation: RelationNumber(4), entry: 12, digest: Digest::ZERO }];
        }),
        lie("an enrolment by a practitioner", Code::RoleInvalid, "sam", |_, _, body| {
            let new = indelible::cabinet::identity::Identity::new("Eve", "eve", &mut durable::entropy()).unwrap();
            body.kind = kind("key.enrol");
            body.values = forge::enrolment(&init::card(&new).unwrap(), Role::Practitioner);
        }),
        lie("an enrolment without proof of the key", Code::KeyNotEnrolled, "maria", |_, _, body| {
            let new = indelible::cabinet::identity::Identity::new("Eve", "eve", &mut durable::entropy()).unwrap();
            body.kind = kind("key.enrol");
            body.values = forge::enrolment(&init::card(&new).unwrap(), Role::Practitioner);
            let proof = body.values.iter_mut().find(|value| value.field == field::KEY_PROOF).unwrap();
            proof.content = Content::Proof(Bytes([5; 64]));
        }),
        lie("a second genesis", Code::Statement, "maria", |_, _, body| body.kind = kind("genesis")),
        lie("words where there are none", Code::Statement, "sam", |_, _, body| body.words_length = 300),
        lie("the founder confirms genesis alone", Code::RoleInvalid, "maria", |sample, _, body| {
            body.kind = kind("confirmation");
            let genesis = writes(&sample.bytes)[0].pieces[0].envelope.statement;
            let relation = RelationNumber::of("confirms").unwrap();
            body.values = agrees();
            body.references = vec![Reference { relation, entry: 0, digest: genesis }];
        }),
    ];
    lies.extend(lies_about_keys());
    lies.extend(lies_about_parts());
    lies
}

fn lies_about_keys() -> Vec<Lie> {
    let sample = sample();
    let sam = sample.author("sam");
    // A key that nobody enrolled, with sam's name and structure key.
    let key = SigningKey::from_seed(&[8; 32]);
    let body = sample.body(&sam, |body| {
        body.author = Bytes(*key.public().as_bytes());
        (body.sequence, body.previous) = (0, Digest::ZERO);
    });
    let stranger = sample.signed_with(&sam, &key, false, vec![], body);
    // Words for a folder key that was never published.
    let folder = FolderPrivate::generate(&mut durable::entropy()).public().unwrap();
    let mut unpublished = sample.body(&sam, |_| ());
    let content = Words {
        content_key: structure::ContentKey::new([4; 32]),
        seed: Zeroizing::new([5; 32]),
        statement: unpublished.id,
        author: unpublished.author.0,
        fields: vec![],
    };
    let (part, _) = words::seal(&content, &sample.ledger, &folder, &mut durable::entropy()).unwrap();
    let maria = sample.author("maria");
    let opened = forge::writes(&sample.bytes)[3].pieces[0].clone();
    let case =
        indelible::ledger::read::open_statement(&opened.envelope.statement, &opened.structure, &[], &Keys::default());
    (unpublished.kind, unpublished.case) = (KindNumber::of("concern.observed").unwrap(), case.unwrap().body().case);
    (unpublished.folder, unpublished.folder_key) = (1, folder.id());
    unpublished.words_digest = indelible::entry::envelope::part_digest(&part);
    unpublished.words_length = part.len() as u32;
    assert!(unpublished.case.is_some() && folder.id() != FolderKeyId::ZERO);
    let unpublished = sample.authored(&sam, false, part, unpublished);
    // The folder key of one case published again for another.
    let republished = {
        let statement = indelible::ledger::read::open_statement(
            &opened.envelope.statement,
            &opened.structure,
            &[],
            &Keys::default(),
        );
        let values = statement.unwrap().body().values.clone();
        let body = sample.body(&maria, |body| {
            body.kind = KindNumber::of("case.opened").unwrap();
            body.case = Some(indelible::codec::CaseTag::new([9; 16]));
            body.values = values;
        });
        sample.authored(&maria, true, vec![], body)
    };
    let lie =
        |what, code, authored: Authored| Lie { what, code, piece: Piece::of(&authored), authored: Some(authored) };
    vec![
        lie("a key that nobody enrolled", Code::KeyNotEnrolled, stranger),
        lie("words for a key that was not published", Code::FolderKey, unpublished),
        lie("a folder key published twice", Code::Statement, republished),
    ]
}

fn lies_about_parts() -> Vec<Lie> {
    let sample = sample();
    let (sam, maria) = (sample.author("sam"), sample.author("maria"));
    let public = sample.body(&maria, |body| {
        body.kind = KindNumber::of("key.revoke").unwrap();
        let content = Content::Key(Bytes(*sam.identity.author().as_bytes()));
        body.values = vec![Value { field: field::AUTHOR_KEY, position: 0, content }];
    });
    let sealed = sample.body(&sam, |_| ());
    let whole = sample.authored(&sam, false, vec![], sample.body(&sam, |_| ()));
    let mut parts: Vec<(&str, Code, Authored)> = vec![
        ("a public kind sealed", Code::Sealed, sample.authored(&maria, false, vec![], public)),
        ("a sealed kind in clear", Code::Sealed, sample.authored(&sam, true, vec![], sealed)),
        ("words that the statement does not name", Code::Statement, Authored { words: vec![0, 1], ..whole }),
    ];
    let mut damaged = sample.authored(&sam, false, vec![], sample.body(&sam, |_| ()));
    *damaged.structure.last_mut().unwrap() ^= 1;
    parts.push(("a part that its key does not open", Code::Sealed, damaged));
    let mut lies: Vec<Lie> = parts
        .into_iter()
        .map(|(what, code, authored)| Lie { what, code, piece: Piece::of(&authored), authored: Some(authored) })
        .collect();
    // A signature that a batch may accept and strict verification refuses: it cannot even be handed to append.
    let honest = sample.authored(&sam, false, vec![], sample.body(&sam, |_| ()));
    let signature = torsion(sam.identity.signing(), honest.statement.as_unverified());
    let bytes = honest.statement.as_bytes();
    let crafted = Unverified::decode(bytes, &signature).unwrap();
    assert!(crafted.clone().verify(&sam.identity.author()).is_err());
    let key = structure::ContentKey::new([1; 32]);
    let mut rng = durable::entropy();
    let part = structure::seal(bytes, &signature, &crafted.digest(), Some(&sam.structure_key), &key, &mut rng).unwrap();
    let piece = Piece::new(crafted.digest(), crafted.commitment(), part, vec![]);
    lies.push(Lie { what: "a signature with torsion", code: Code::Signature, piece, authored: None });
    lies
}

/// Signs so that S*B = R + k*A holds but for a point of order 8 in R.
pub fn torsion(key: &SigningKey, statement: &Unverified) -> [u8; 64] {
    let secret = Sha512::digest(key.seed().as_slice());
    let mut half: [u8; 32] = secret[..32].try_into().unwrap();
    half[0] &= 248;
    half[31] = half[31] & 63 | 64;
    let secret = Scalar::from_bytes_mod_order(half);
    let nonce = Scalar::from(0x5eed_u64);
    let r = (nonce * B + EIGHT_TORSION[1]).compress();
    let hash = Sha512::new().chain_update(r.as_bytes()).chain_update(key.public().as_bytes());
    let challenge: [u8; 64] = hash.chain_update(statement.message()).finalize().into();
    let s = nonce + Scalar::from_bytes_mod_order_wide(&challenge) * secret;
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(r.as_bytes());
    signature[32..].copy_from_slice(s.as_bytes());
    signature
}

#[test]
fn lies_that_an_author_signs_are_found_with_structure() {
    let sample = sample();
    for lie in lies() {
        let forged = forge::extend(&sample.bytes, vec![lie.piece], &sample.log_key());
        let report = structure(sample, &forged);
        assert_eq!(entries(&report), [12], "{}: {:?}", lie.what, report.findings);
        assert!(has(&report, 12, lie.code), "{}: {:?}", lie.what, report.findings);
        assert_eq!(report.exit_code(), 3, "{}", lie.what);
        assert_eq!(report.size.0, 13);
    }
    // The base of all of them is no lie.
    let sam = sample.author("sam");
    let honest = Piece::of(&sample.authored(&sam, false, vec![], sample.body(&sam, |_| ())));
    let report = structure(sample, &forge::extend(&sample.bytes, vec![honest], &sample.log_key()));
    assert_eq!((report.history, named(&report)), (History::Unaltered, vec![]));
}

#[test]
fn a_device_that_has_not_looked_for_days_is_noted_and_accused_of_nothing() {
    let sample = sample();
    let hours = 3_600_000;
    // Entry 11 is the newest.
    let says = |seen: u64, signed: i64| {
        let author = sample.author("sam");
        let body = sample.body(&author, |body| {
            (body.seen, body.signed) = (sample.seen(seen), indelible::decision::value::Moment::instant(signed, 60));
        });
        let piece = Piece::of(&sample.authored(&author, false, vec![], body));
        structure(sample, &forge::extend(&sample.bytes, vec![piece], &sample.log_key()))
    };
    let recorded = writes(&sample.bytes).into_iter().flat_map(|write| write.pieces).nth(11).unwrap().envelope.recorded;
    let stale = |report: &Report| has(report, 12, Code::SeenStale);
    assert!(!stale(&says(10, recorded + 72 * hours)));
    let late = says(10, recorded + 72 * hours + 1000);
    assert!(stale(&late) && late.history == History::Unaltered && named(&late).is_empty());
    // Who had seen the newest is never behind, whenever they sign.
    assert!(!stale(&says(11, recorded + 400 * hours)));
}

/// A sample that goes on through the clerk, with every statement made by hand.
struct Hand {
    sample: Sample,
    folder: tempfile::TempDir,
}

impl Hand {
    fn new() -> Self {
        let hand = Hand { sample: sample().clone(), folder: tempfile::tempdir().unwrap() };
        hand.lay();
        hand
    }

    /// Puts the log in its folder.
    fn lay(&self) {
        std::fs::write(self.folder.path().join("ledger.log"), &self.sample.bytes).unwrap();
        let key = self.sample.log_key();
        let origin = format!("{}\n{}\n", key.public().name(), key.public());
        std::fs::write(self.folder.path().join("origin"), origin).unwrap();
    }

    /// Enters what somebody says next, in clear or sealed; what the clerk refuses is written all the same by a liar, and
    /// the refusal is returned.
    fn says(
        &mut self,
        who: &str,
        clear: bool,
        words: &[u8],
        change: impl FnOnce(&Sample, &mut Body),
    ) -> (u64, Option<Code>) {
        let author = self.sample.author(who);
        let body = self.sample.body(&author, |body| change(&self.sample, body));
        let authored = self.sample.authored(&author, clear, words.to_vec(), body);
        let piece = Piece::of(&authored);
        let number = self.sample.size();
        let log = self.folder.path().join("ledger.log");
        let mut ledger =
            indelible::ledger::open::Ledger::open_append(self.folder.path(), Some(self.sample.log_key())).unwrap();
        let mut roster = ledger.roster().unwrap();
        let refused = match ledger.append(&[authored], &author.structure_key, &mut roster, &|| START) {
            Ok(_) => None,
            Err(LedgerError::Refused(code)) => Some(code),
            Err(other) => panic!("{other}"),
        };
        if refused.is_some() {
            std::fs::write(&log, forge::extend(&self.sample.bytes, vec![piece], &self.sample.log_key())).unwrap();
        }
        self.sample.bytes = std::fs::read(&log).unwrap();
        (number, refused)
    }

    /// What verify says of the entries behind the first twelve.
    fn found(&self) -> Vec<(u64, Code)> {
        let report = verify_bytes(&self.sample.bytes, &options(self.sample.keys.clone(), START));
        let new = report.findings.iter().filter(|f| f.entry > 11 && f.code != Code::ClockBack);
        new.map(|f| (f.entry, f.code)).collect()
    }

    fn digest(&self, entry: u64) -> Digest {
        let pieces = writes(&self.sample.bytes).into_iter().flat_map(|write| write.pieces);
        pieces.map(|piece| piece.envelope.statement).nth(entry as usize).unwrap()
    }
}

/// Makes a statement the adoption of a document.
fn adopts(body: &mut Body, kind: &str, document: &[u8]) {
    let part = [&[0], document].concat();
    body.kind = KindNumber::of(kind).unwrap();
    let content = Content::Hash(document_hash(document));
    body.values = vec![Value { field: field::DOCUMENT_HASH, position: 0, content }];
    (body.words_digest, body.words_length) = (indelible::entry::envelope::part_digest(&part), part.len() as u32);
}

fn agrees() -> Vec<Value> {
    let agrees = Content::Code(ShortText::new("agrees").unwrap());
    vec![Value { field: field::VIEW, position: 0, content: agrees }]
}

fn confirms(entry: u64, digest: Digest) -> Vec<Reference> {
    vec![Reference { relation: RelationNumber::of("confirms").unwrap(), entry, digest }]
}

#[test]
fn rules_and_policies_are_those_in_force_where_the_author_stood() {
    let mut hand = Hand::new();
    let old = document_hash(indelible::rules::pack::BUILT_IN.as_bytes());
    let (pack, policy) = (document_hash(b"new rules"), document_hash(b"days"));
    // From the adoption of a pack on the new one counts, for whoever has seen it.
    let clear = |text: &str| [&[0], text.as_bytes()].concat();
    assert_eq!(
        hand.says("maria", true, &clear("new rules"), |_, body| adopts(body, "rulepack.adopt", b"new rules")).1,
        None
    );
    assert_eq!(hand.says("sam", false, &[], |sample, body| body.seen = sample.seen(11)).1, None);
    assert_eq!(hand.says("sam", false, &[], |_, body| body.pack = pack).1, None);
    assert_eq!(hand.found(), []);
    assert_eq!(hand.says("sam", false, &[], |_, body| body.pack = old), (15, None));
    assert_eq!(
        hand.says("jon", false, &[], |sample, body| (body.pack, body.seen) = (pack, sample.seen(11))),
        (16, None)
    );
    assert_eq!(hand.found(), [(15, Code::Pack), (16, Code::Pack)]);
    // A policy is in force from the word of a second person on, which its adopter cannot give.
    let adopted = hand.says("maria", true, &clear("days"), |_, body| {
        adopts(body, "policy.adopt", b"days");
        body.pack = pack;
    });
    assert_eq!(adopted, (17, None));
    assert_eq!(hand.says("sam", false, &[], |_, body| body.pack = pack), (18, None));
    assert_eq!(hand.says("sam", false, &[], |_, body| (body.pack, body.policy) = (pack, policy)), (19, None));
    let digest = hand.digest(17);
    let confirm = |hand: &mut Hand, who| {
        hand.says(who, true, &[], |_, body| {
            (body.kind, body.pack) = (KindNumber::of("confirmation").unwrap(), pack);
            (body.values, body.references) = (agrees(), confirms(17, digest));
        })
    };
    assert_eq!(confirm(&mut hand, "maria"), (20, Some(Code::RoleInvalid)));
    assert_eq!(confirm(&mut hand, "jon"), (21, None));
    assert_eq!(hand.says("sam", false, &[], |_, body| (body.pack, body.policy) = (pack, policy)), (22, None));
    assert_eq!(hand.says("sam", false, &[], |_, body| body.pack = pack), (23, None));
    assert_eq!(
        hand.says("sam", false, &[], |_, body| (body.pack, body.policy) = (pack, old)),
        (24, Some(Code::PackUnknown))
    );
    let late = [(15, Code::Pack), (16, Code::Pack), (19, Code::Pack)];
    let last = [(20, Code::RoleInvalid), (23, Code::Pack), (24, Code::PackUnknown)];
    assert_eq!(hand.found(), [&late[..], &last[..]].concat());
    // A document that is not the one named changes nothing.
    let other = hand.says("maria", true, &clear("other"), |_, body| {
        adopts(body, "policy.adopt", b"days");
        (body.pack, body.policy) = (pack, policy);
        let part = clear("other");
        (body.words_digest, body.words_length) = (indelible::entry::envelope::part_digest(&part), part.len() as u32);
    });
    assert_eq!(other, (25, Some(Code::Sealed)));
}

#[test]
fn a_confirmation_is_as_public_as_what_it_confirms() {
    let mut hand = Hand::new();
    let confirm = |hand: &mut Hand, clear, entries: &[u64]| {
        let digests: Vec<Digest> =
            entries.iter().map(|e| if *e == UNKNOWN { Digest::ZERO } else { hand.digest(*e) }).collect();
        hand.says("jon", clear, &[], |_, body| {
            (body.kind, body.values) = (KindNumber::of("confirmation").unwrap(), agrees());
            body.references =
                entries.iter().zip(digests).flat_map(|(entry, digest)| confirms(*entry, digest)).collect();
        })
    };
    let sealed = Some(Code::Sealed);
    // Entry 0 is in clear, entry 6 is sealed.
    for (clear, entries, refused) in [
        (true, &[0][..], None),
        (false, &[6], None),
        (false, &[], None),
        (true, &[6], sealed),
        (false, &[0], sealed),
        (true, &[0, 6], sealed),
        (false, &[0, 6], sealed),
        (true, &[], sealed),
        (true, &[UNKNOWN], sealed),
    ] {
        let mut hand = Hand { sample: hand.sample.clone(), folder: tempfile::tempdir().unwrap() };
        hand.lay();
        assert_eq!(confirm(&mut hand, clear, entries), (12, refused), "{clear} {entries:?}");
        let expected: Vec<(u64, Code)> = refused.into_iter().map(|code| (12, code)).collect();
        assert_eq!(hand.found(), expected, "{clear} {entries:?}");
    }
    // What is in clear is seen without any key.
    confirm(&mut hand, true, &[6]);
    let skeleton = verify_bytes(&hand.sample.bytes, &options(Keys::default(), START));
    assert!(has(&skeleton, 12, Code::Sealed), "{:?}", skeleton.findings);
}

#[test]
fn append_refuses_what_verify_would_find() {
    let world = forge::busy();
    let sample = Sample::of(&world);
    // The lies are told at the shared sample; here they are told again at a ledger on disk.
    let before = world.bytes();
    let shared = forge::sample();
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("book")).unwrap();
    let book = folder.path().join("book");
    std::fs::write(book.join("ledger.log"), &shared.bytes).unwrap();
    let origin = format!("{}\n{}\n", shared.log_key().public().name(), shared.log_key().public());
    std::fs::write(book.join("origin"), origin).unwrap();
    for lie in lies() {
        let Some(authored) = lie.authored else { continue };
        let who = authored.statement.body().author;
        let key = ["maria", "jon", "sam"]
            .map(|who| shared.author(who))
            .into_iter()
            .find(|author| *author.identity.author().as_bytes() == who.0)
            .unwrap_or_else(|| shared.author("sam"))
            .structure_key;
        let mut ledger = indelible::ledger::open::Ledger::open_append(&book, Some(shared.log_key())).unwrap();
        let mut roster = ledger.roster().unwrap();
        match ledger.append(&[authored], &key, &mut roster, &|| START) {
            Err(LedgerError::Refused(code)) => assert_eq!(code, lie.code, "{}", lie.what),
            other => panic!("{}: {other:?}", lie.what),
        }
    }
    assert_eq!(std::fs::read(book.join("ledger.log")).unwrap(), shared.bytes);
    let sam = shared.author("sam");
    let honest = shared.authored(&sam, false, vec![], shared.body(&sam, |_| ()));
    let mut ledger = indelible::ledger::open::Ledger::open_append(&book, Some(shared.log_key())).unwrap();
    let mut roster = ledger.roster().unwrap();
    ledger.append(&[honest], &sam.structure_key, &mut roster, &|| START).unwrap();
    // In one batch each stands on the one before it.
    let second = shared.authored(&sam, false, vec![], shared.body(&sam, |_| ()));
    assert!(matches!(
        ledger.append(&[second], &sam.structure_key, &mut roster, &|| START),
        Err(LedgerError::Refused(Code::Duplicate))
    ));
    assert_eq!(world.bytes(), before);
    assert_eq!(sample.size(), 12);
}

/// A source that gives its bytes in odd pieces.
struct Crumbs(Cursor<Vec<u8>>, usize);

impl Read for Crumbs {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1 = (self.1 * 7 + 13) % 4099;
        let length = buffer.len().min(self.1 + 1);
        self.0.read(&mut buffer[..length])
    }
}

impl Seek for Crumbs {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn the_verdict_does_not_depend_on_how_the_bytes_come() {
    let world = World::new();
    let drafts: Vec<_> = (0..1030).map(|n| forge::noshare("theo", &format!("Reason {n}."))).collect();
    world.record_batch("sam", &drafts);
    world.record("maria", forge::concern("ezra", "Behind the batch."));
    let large = Sample::of(&world);
    let key = large.log_key();
    assert_eq!(large.size(), 1037);
    // The same entries, a write each: another file, the same tree.
    let mut single: Vec<Write> = Vec::new();
    for write in writes(&large.bytes) {
        let genesis = write.pieces[0].envelope.number.0 == 0;
        let size = if genesis { 2 } else { 1 };
        single.extend(write.pieces.chunks(size).map(|pieces| Write { pieces: pieces.to_vec(), ..write.clone() }));
    }
    let single = build(&single, Some(&key));
    let looked = |bytes: &[u8], keys: &Keys| {
        let mut report = structure_with(&large.note, bytes, keys);
        (report.counts.bytes, report.counts.writes) = (0, 0);
        report
    };
    let whole = looked(&large.bytes, &large.keys);
    assert_eq!((whole.history, whole.counts.signatures), (History::Unaltered, 1037));
    assert_eq!(whole, looked(&single, &large.keys));
    // An entry changed at each border: the same findings in both, however the bytes come.
    let numbers: &[u64] = if deep() { &[0, 6, 1022, 1023, 1024, 1025, 1029, 1036] } else { &[1023, 1024] };
    for number in numbers.iter().copied() {
        let mut reports = Vec::new();
        for bytes in [&large.bytes, &single] {
            let mut forged = writes(bytes);
            let piece = forged.iter_mut().flat_map(|w| &mut w.pieces).find(|p| p.envelope.number.0 == number).unwrap();
            *piece.words.get_or_insert_mut() ^= 1;
            piece.name_parts();
            let forged = build(&forged, Some(&key));
            let report = looked(&forged, &large.keys);
            let crumbs = verify(
                &|| Ok(Crumbs(Cursor::new(forged.clone()), 0)),
                &Options { known: std::slice::from_ref(&large.note), ..options(large.keys.clone(), START) },
            );
            let mut crumbs = crumbs.unwrap().0;
            (crumbs.counts.bytes, crumbs.counts.writes) = (0, 0);
            assert_eq!(report, crumbs);
            reports.push(report);
        }
        assert_eq!(reports[0], reports[1], "entry {number}");
        assert!(named(&reports[0]).iter().any(|(entry, _)| *entry == number), "{:?}", reports[0].findings);
    }
}

fn structure_with(note: &Note, bytes: &[u8], keys: &Keys) -> Report {
    with_note(bytes, note, keys.clone())
}

trait LastByte {
    fn get_or_insert_mut(&mut self) -> &mut u8;
}

impl LastByte for Vec<u8> {
    fn get_or_insert_mut(&mut self) -> &mut u8 {
        if self.is_empty() {
            self.extend([0, 0]);
        }
        self.last_mut().unwrap()
    }
}

#[test]
fn a_write_has_at_most_1024_entries() {
    let sample = sample();
    let start = sample.bytes.len() as u64;
    let mut write = Vec::new();
    let mut checks = indelible::codec::context::FRAMES.running();
    let mut builder = WriteBuilder::new(start, [0; 32]);
    for number in 12..12 + WRITE_ENTRIES as u64 + 1 {
        let mut envelope = [1; 145];
        envelope[1..9].copy_from_slice(&number.to_be_bytes());
        envelope[113..].copy_from_slice(&indelible::frame::parts_digest(b"s", b""));
        let entry = EntryFrame { envelope: &envelope, structure: b"s", words: b"" };
        checks.update(&Frame::Entry(entry).encode(&mut write).unwrap());
        assert_eq!(builder.entry(&envelope, b"s", b"").is_ok(), number < 12 + WRITE_ENTRIES as u64);
    }
    let previous_write = last_write(&sample.bytes);
    let note = sample.note.to_string();
    let frame = CheckpointFrame { start, frames_hash: checks.value(), previous_write, note: note.as_bytes() };
    Frame::Own(frame).encode(&mut write).unwrap();
    let report = skeleton(sample, &[&sample.bytes[..], &write].concat());
    assert!(report.history.altered());
    assert!(entries(&report).iter().all(|entry| *entry >= 12), "{:?}", report.findings);
    assert_eq!(report.size.0, 12);
}

/// The hash of the last write.
fn last_write(bytes: &[u8]) -> [u8; 32] {
    let mut reader = indelible::frame::reader::WriteReader::new(Cursor::new(bytes));
    let mut hash = [0; 32];
    loop {
        match reader.next_event().unwrap() {
            indelible::frame::reader::Event::Checkpoint { write, .. } => hash = write.hash,
            indelible::frame::reader::Event::End { .. } => return hash,
            _ => {}
        }
    }
}

#[test]
fn bytes_set_aside_must_be_torn_listed_and_accounted_for() {
    let sample = sample();
    let all = writes(&sample.bytes);
    let last = all.last().unwrap();
    let (kept, lost) = sample.bytes.split_at(last.place.start);
    // The owner flips a byte of the last write and sets it aside, as if it had been torn.
    let mut flipped = lost.to_vec();
    flipped[40] ^= 1;
    for (bytes, listed, torn, what) in [
        (flipped.clone(), true, false, "a flipped byte"),
        (lost[..lost.len() - 9].to_vec(), true, true, "cut short"),
        ([&lost[..100], &[0; 900], &lost[1000..]].concat(), true, true, "a lost sector"),
        (
            [&lost[..100], &[0; 900], &lost[1000..]].concat(),
            false,
            true,
            "a lost sector whose checkpoint is not listed",
        ),
    ] {
        for accounted in [true, false] {
            let head = indelible::head::checkpoint::Checkpoint::parse(sample.note.text()).unwrap();
            let listed = listed.then_some((head.size().0, head.root().0)).into_iter().collect();
            let forged = set_aside(sample, kept, &bytes, listed, accounted);
            let report = structure(sample, &forged);
            let whole = what == "a lost sector whose checkpoint is not listed";
            let expected = !torn || whole || !accounted;
            assert_eq!(has(&report, 11, Code::Tail), expected, "{what}: {:?}", report.findings);
            assert_eq!(has(&report, 11, Code::SetAside), accounted, "{what}: {:?}", report.findings);
            // Whoever holds the checkpoint of what was set aside is not deceived.
            assert!(has(&report, 11, Code::Fork), "{what}: {:?}", report.findings);
            let without = verify_bytes(&forged, &options(sample.keys.clone(), START));
            assert_eq!(without.history.altered(), expected, "{what}: {:?}", without.findings);
            let skeleton = verify_bytes(&forged, &options(Keys::default(), START));
            assert!(has(&skeleton, 11, Code::SetAside), "{what}: {:?}", skeleton.findings);
        }
    }
}

/// Appends a write that sets these bytes aside.
fn set_aside(
    sample: &Sample,
    kept: &[u8],
    aside: &[u8],
    checkpoints: Vec<(u64, [u8; 32])>,
    accounted: bool,
) -> Vec<u8> {
    let bytes = [kept, aside].concat();
    let hash = indelible::codec::context::TAIL.hash(&[aside]);
    let (offset, length) = (kept.len() as u64, aside.len() as u64);
    let void = indelible::frame::Void { offset, length, hash, checkpoints };
    let mut before = sample.clone();
    before.bytes = kept.to_vec();
    let maria = before.author("maria");
    let body = before.body(&maria, |body| {
        if accounted {
            body.kind = KindNumber::of("tail.set_aside").unwrap();
            let content = Content::Hash(Digest::new(hash));
            body.values = vec![Value { field: indelible::decision::value::FieldId(9000), position: 0, content }];
        }
    });
    let piece = Piece::of(&before.authored(&maria, false, vec![], body));
    let mut frontier = indelible::tree::Frontier::new();
    for write in writes(kept) {
        for piece in write.pieces {
            frontier.append(indelible::tree::leaf_hash(&piece.envelope.encode()));
        }
    }
    let envelope = indelible::entry::envelope::Envelope {
        number: indelible::tree::EntryNumber(frontier.size().0),
        previous: before.seen(before.size() - 1).link,
        ..piece.envelope
    }
    .encode();
    frontier.append(indelible::tree::leaf_hash(&envelope));
    let mut write = WriteBuilder::new(bytes.len() as u64, last_write(kept));
    write.void(&void).unwrap();
    write.entry(&envelope, &piece.structure, &piece.words).unwrap();
    let key = sample.log_key();
    let checkpoint =
        indelible::head::checkpoint::Checkpoint::new(key.public().name(), frontier.size(), frontier.root());
    let built = write.own(checkpoint.sign(&[&key]).unwrap().to_string().as_bytes()).unwrap();
    [bytes, built.bytes].concat()
}

#[test]
fn more_checkpoints_than_a_void_frame_lists_excuse_and_accuse_nobody() {
    let sample = sample();
    let kept = &sample.bytes[..writes(&sample.bytes).last().unwrap().place.start];
    let (key, previous) = (sample.log_key(), last_write(kept));
    // What many power cuts in a row would leave: sectors of zeros, and behind them one legible checkpoint after the other.
    let notes: Vec<Note> = (0..VOID_LIST_LIMIT as u8 + 2)
        .map(|n| {
            let root = indelible::tree::Hash([n; 32]);
            indelible::head::checkpoint::Checkpoint::new(key.public().name(), TreeSize(12), root).sign(&[&key]).unwrap()
        })
        .collect();
    let mut aside = vec![0; 2048];
    for note in &notes {
        let start = (kept.len() + aside.len()) as u64;
        aside.extend(WriteBuilder::cosigned(start, previous, note.to_string().as_bytes()).unwrap().bytes);
    }
    let listed = |numbers: &mut dyn Iterator<Item = u8>| numbers.map(|n| (12, [n; 32])).collect::<Vec<_>>();
    let limit = VOID_LIST_LIMIT as u8;
    for (checkpoints, tail) in [
        (listed(&mut (0..limit)), false),
        (listed(&mut (1..=limit)), true),
        (listed(&mut (0..limit - 1)), true),
        (listed(&mut (0..0)), true),
    ] {
        let forged = set_aside(sample, kept, &aside, checkpoints, true);
        let report = verify_bytes(&forged, &options(sample.keys.clone(), START));
        assert_eq!(has(&report, 11, Code::Tail), tail, "{:?}", report.findings);
        assert_eq!(report.history.altered(), tail, "{:?}", report.findings);
        // Whether listed or not: whoever holds one is told that the ledger went another way.
        for note in [&notes[0], &notes[VOID_LIST_LIMIT + 1]] {
            let known = std::slice::from_ref(note);
            let report = verify_bytes(&forged, &Options { known, ..options(sample.keys.clone(), START) });
            assert!(has(&report, 11, Code::Fork), "{:?}", report.findings);
        }
    }
    // The clerk goes on behind them all the same, and lists as many as there is room for.
    let folder = tempfile::tempdir().unwrap();
    let mut hand = Hand { sample: sample.clone(), folder };
    hand.sample.bytes = [kept, &aside].concat();
    hand.lay();
    hand.sample.bytes = kept.to_vec();
    let hash = Content::Hash(Digest::new(indelible::codec::context::TAIL.hash(&[&aside])));
    let account = Value { field: indelible::decision::value::FieldId(9000), position: 0, content: hash };
    let entered = hand.says("maria", false, &[], |_, body| {
        (body.kind, body.values) = (KindNumber::of("tail.set_aside").unwrap(), vec![account]);
    });
    assert_eq!(entered, (11, None));
    let report = verify_bytes(&hand.sample.bytes, &options(sample.keys.clone(), START));
    assert_eq!((report.history, named(&report)), (History::Unaltered, vec![]), "{:?}", report.findings);
    assert!(has(&report, 11, Code::SetAside), "{:?}", report.findings);
}

#[test]
fn a_zeroed_sector_before_a_later_write_is_damage_and_not_torn() {
    let sample = sample();
    let all = writes(&sample.bytes);
    // The checkpoint of the write before the last is wiped: the last write could be taken for part of a torn one.
    let wiped = &all[all.len() - 2];
    let mut bytes = sample.bytes.clone();
    let from = wiped.pieces.last().unwrap().place.end - 50;
    let end = (from + 100).next_multiple_of(512).min(wiped.place.end);
    bytes[from..end].fill(0);
    let report = verify_bytes(&bytes, &options(Keys::default(), START));
    assert!(report.history.altered(), "{:?}", report.findings);
    assert_eq!(entries(&report), [10], "{:?}", report.findings);
}

#[test]
fn what_was_verified_before_is_compared_and_not_believed() {
    let sample = sample();
    let with_keys = options(sample.keys.clone(), START);
    let (_, record) = verify(&|| Ok(Cursor::new(&sample.bytes[..])), &with_keys).unwrap();
    let again =
        |bytes: &[u8]| verify_bytes(bytes, &Options { since: Some(&record), ..options(sample.keys.clone(), START) });
    let report = again(&sample.bytes);
    assert_eq!((report.history, report.counts.signatures), (History::Unaltered, 0), "{:?}", report.findings);
    // One more statement of an author goes on from where the record left the chain.
    let sam = sample.author("sam");
    let next = Piece::of(&sample.authored(&sam, false, vec![], sample.body(&sam, |_| ())));
    let longer = forge::extend(&sample.bytes, vec![next], &sample.log_key());
    let report = again(&longer);
    assert_eq!((report.history, report.counts.signatures), (History::Unaltered, 1), "{:?}", report.findings);
    // A history before the record that was written anew with the log's key, and one that was cut off.
    let mut forged = writes(&sample.bytes);
    forged[5].pieces[0].envelope.recorded += 1;
    let report = again(&build(&forged, Some(&sample.log_key())));
    assert!(has(&report, 11, Code::Fork), "{:?}", report.findings);
    let report = again(&sample.bytes[..writes(&sample.bytes).last().unwrap().place.start]);
    assert!(has(&report, 11, Code::Truncated), "{:?}", report.findings);
    // A record made with another trust file counts for nothing.
    let trust_digest = Digest::new([1; 32]);
    let options = Options { since: Some(&record), trust_digest, ..options(sample.keys.clone(), START) };
    assert_eq!(verify_bytes(&longer, &options).counts.signatures, 13);
}

/// A note of the log's key about the first `size` entries; with another root if `lie`.
fn note_of(sample: &Sample, size: usize, lie: bool) -> Vec<u8> {
    let mut frontier = indelible::tree::Frontier::new();
    let pieces = writes(&sample.bytes).into_iter().flat_map(|write| write.pieces);
    pieces.take(size).for_each(|piece| frontier.append(indelible::tree::leaf_hash(&piece.envelope.encode())));
    let key = sample.log_key();
    let root = if lie { indelible::tree::Hash([7; 32]) } else { frontier.root() };
    let checkpoint = indelible::head::checkpoint::Checkpoint::new(key.public().name(), frontier.size(), root);
    checkpoint.sign(&[&key]).unwrap().to_string().into_bytes()
}

#[test]
fn a_cosigned_checkpoint_fits_the_tree_whatever_its_size() {
    let sample = sample();
    let key = sample.log_key();
    // At the end of a write, inside one, and before any of them ends.
    for size in [1, 2, 7, 9, 10, 12] {
        for lie in [false, true] {
            let mut all = writes(&sample.bytes);
            all.push(Write { pieces: vec![], note: note_of(sample, size, lie), cosigned: true, place: 0..0 });
            let report = structure(sample, &build(&all, Some(&key)));
            let expected = if lie { vec![(size as u64 - 1, Code::Checkpoint)] } else { vec![] };
            assert_eq!(named(&report), expected, "size {size}");
        }
    }
    // One that vouches for more than there is, and one that the log did not sign.
    let mut all = writes(&sample.bytes);
    let note = all.pop().unwrap().note;
    all.push(Write { pieces: vec![], note: note.clone(), cosigned: true, place: 0..0 });
    let report = verify_bytes(&build(&all, Some(&key)), &options(Keys::default(), START));
    assert_eq!(named(&report), [(10, Code::Checkpoint)]);
    let mut unsigned = String::from_utf8(note).unwrap();
    let at = unsigned.rfind(' ').unwrap() + 20;
    let other = if &unsigned[at..=at] == "A" { "B" } else { "A" };
    unsigned.replace_range(at..=at, other);
    let mut all = writes(&sample.bytes);
    all.push(Write { pieces: vec![], note: unsigned.into_bytes(), cosigned: true, place: 0..0 });
    assert_eq!(named(&skeleton(sample, &build(&all, Some(&key)))), [(11, Code::Checkpoint)]);
}

#[test]
fn a_false_line_under_a_witness_name_alters_nothing() {
    let sample = sample();
    let witness = |name, seed| {
        let key = SigningKey::from_seed(&[seed; 32]);
        SignerKey::new(KeyName::new(name).unwrap(), KeyKind::Cosigner, key)
    };
    let (w1, w2) = (witness("chair.example/witness", 21), witness("council.example/witness", 22));
    let (log, keys) = (sample.log_key(), [w1.public(), w2.public()]);
    let text = format!("log {}\nwitness w1 {}\nwitness w2 {}\nquorum w1\n", log.public(), keys[0], keys[1]);
    let trust = Trust::parse(text.as_bytes()).unwrap();
    let seconds = START as u64 / 1000;
    let mut note = sample.note.clone();
    note.add(cosignature::sign(note.text(), &w1, seconds).unwrap()).unwrap();
    note.add(cosignature::sign("another text\n1\n", &w2, seconds).unwrap()).unwrap();
    let leaves: Vec<_> = writes(&sample.bytes).into_iter().flat_map(|write| write.pieces).map(leaf).collect();
    let held = [receipt(&leaves, 7, &note)];
    let mut all = writes(&sample.bytes);
    all.push(Write { pieces: vec![], note: note.to_string().into_bytes(), cosigned: true, place: 0..0 });
    let cosigned = build(&all, None);
    let known = std::slice::from_ref(&note);
    let plain = || Options { trust: Some(&trust), ..options(sample.keys.clone(), START) };
    for (what, bytes, options) in [
        ("a cosigned frame", &cosigned, plain()),
        ("a known checkpoint", &sample.bytes, Options { known, ..plain() }),
        ("a receipt", &sample.bytes, Options { receipts: &held, ..plain() }),
    ] {
        let report = verify_bytes(bytes, &options);
        assert_eq!((report.history, named(&report)), (History::Witnessed, vec![]), "{what}: {:?}", report.findings);
        assert!(has(&report, 11, Code::Cosignature), "{what}: {:?}", report.findings);
        assert_eq!(report.witnessed.unwrap().names, ["w1"], "{what}");
    }
}

/// The leaf of an entry.
fn leaf(piece: Piece) -> indelible::tree::Hash {
    indelible::tree::leaf_hash(&piece.envelope.encode())
}

#[test]
fn a_folder_full_of_receipts_is_honoured_or_not_one_by_one() {
    let sample = sample();
    let note = sample.note.clone();
    let leaves: Vec<_> = writes(&sample.bytes)
        .into_iter()
        .flat_map(|write| write.pieces)
        .map(|piece| indelible::tree::leaf_hash(&piece.envelope.encode()))
        .collect();
    let receipts: Vec<Receipt> = (0..12).map(|n| receipt(&leaves, n, &note)).collect();
    let judge = |receipts: &[Receipt]| {
        let report = verify_bytes(&sample.bytes, &Options { receipts, ..options(Keys::default(), START) });
        named(&report)
    };
    assert_eq!(judge(&receipts), []);
    // The proof of another entry under this number; too short; of an entry that its own checkpoint does not cover. The
    // checkpoint is ours: it is the receipt that is damaged, and nothing is said against the ledger.
    let other = |number, proof: &[indelible::tree::Hash], note: &Note| {
        Receipt::new(EntryNumber(number), proof.to_vec(), note.clone(), None).unwrap()
    };
    let early = Note::parse(&note_of(sample, 4, false)).unwrap();
    for (what, wrong) in [
        ("another proof", other(5, receipts[4].proof(), &note)),
        ("a short proof", other(5, &receipts[5].proof()[1..], &note)),
        ("an early checkpoint", other(5, &[], &early)),
        ("a number beyond everything", other(500, receipts[5].proof(), &note)),
    ] {
        let held = [receipts[3].clone(), wrong];
        let report = verify_bytes(&sample.bytes, &Options { receipts: &held, ..options(Keys::default(), START) });
        assert_eq!((report.history, named(&report)), (History::Unaltered, vec![]), "{what}: {:?}", report.findings);
        assert!(has(&report, held[1].number().0, Code::ReceiptDamaged), "{what}: {:?}", report.findings);
    }
    // Where the ledger's own root is another, a receipt that does not fit speaks against the ledger.
    let lie = Note::parse(&note_of(sample, 12, true)).unwrap();
    assert_eq!(judge(&[other(5, receipts[5].proof(), &lie)]), [(5, Code::Receipt), (11, Code::Fork)]);
    // Receipts of what is gone.
    let cut = &sample.bytes[..writes(&sample.bytes)[5].place.start];
    let report = verify_bytes(cut, &Options { receipts: &receipts, ..options(Keys::default(), START) });
    assert_eq!(named(&report), [(6, Code::Truncated)]);
}

/// The receipt of an entry among these leaves.
fn receipt(leaves: &[indelible::tree::Hash], number: u64, note: &Note) -> Receipt {
    struct Leaves<'a>(&'a [indelible::tree::Hash]);
    impl ReadHashes for Leaves<'_> {
        fn read_hashes(&self, ids: &[NodeId]) -> Result<Vec<indelible::tree::Hash>, indelible::tree::ReadError> {
            let node = |id: &NodeId| {
                let (first, count) = ((id.index << id.level) as usize, 1usize << id.level);
                let mut frontier = indelible::tree::Frontier::new();
                self.0[first..first + count].iter().for_each(|leaf| frontier.append(*leaf));
                frontier.root()
            };
            Ok(ids.iter().map(node).collect())
        }
    }
    let size = TreeSize(leaves.len() as u64);
    let proof = prove_inclusion(EntryNumber(number), size, &Leaves(leaves)).unwrap();
    Receipt::new(EntryNumber(number), proof, note.clone(), None).unwrap()
}

#[test]
fn noise_behind_a_whole_frame_never_panics() {
    let sample = sample();
    let mut state = 1u64;
    let rounds = if deep() { 5_000 } else { 200 };
    for _ in 0..rounds {
        let mut bytes = sample.bytes.clone();
        for _ in 0..1 + state % 4 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (at, length) = ((state >> 16) as usize % bytes.len(), (state >> 48) as usize % 300);
            match state % 3 {
                0 => bytes[at] = state as u8,
                1 => drop(bytes.drain(at..(at + length).min(bytes.len() - 1))),
                _ => bytes.extend_from_within(at..(at + length).min(sample.bytes.len() / 2).max(at).min(at + 1)),
            }
        }
        if bytes != sample.bytes {
            let report = structure(sample, &bytes);
            // A few bytes behind a whole log may be the beginning of a write that was cut short.
            let begun = bytes.starts_with(&sample.bytes) && has(&report, 12, Code::Torn);
            assert!(report.history.altered() || begun, "{:?}", report.findings);
        }
    }
    assert!(matches!(next_frame(&[]), Next::NeedMore(_)));
    assert_eq!(Code::Frame.verdict(), Verdict::Invalid);
    assert_eq!(Seen::NOTHING.number, UNKNOWN);
}
