//! The golden ledgers: good ones and damaged ones, each with the verdict it must get.

use indelible::codec::context::TAIL;
use indelible::codec::{Bytes, Digest, Folder, FolderKeyId, LedgerId, Link, RelationNumber};
use indelible::decision::decision::{Decision, Reference};
use indelible::decision::people::Role;
use indelible::decision::value::{Content, FieldId, Moment, Precision, field};
use indelible::entry::authored::Authored;
use indelible::entry::envelope::{self, Envelope};
use indelible::entry::statement::{Body, Seen};
use indelible::frame::write::{Write, WriteBuilder};
use indelible::frame::{Frame, Next, Void, next_frame};
use indelible::head::checkpoint::Checkpoint;
use indelible::head::cosignature;
use indelible::head::note::Note;
use indelible::head::receipt::Receipt;
use indelible::keys::SigningKey;
use indelible::keys::name::{KeyKind, SignerKey};
use indelible::ledger::LedgerError;
use indelible::ledger::open::Ledger;
use indelible::store::faulty::Fault;
use indelible::store::log_file::LogFile;
use indelible::tree::{EntryNumber, Frontier, Hash, TreeSize, leaf_hash};
use indelible::verify::report::Code;
use serde_json::{Value as Json, json};

use super::forge::{Forger, Item, items, parts_of, scroll, write_of};
use super::play::{KEYS_PACK, Play, SHARE_PACK, SMALL_PACK, START, Stream, code, concern, hex, one, signer};
use super::share;

/// What one layer must find: the verdict on history, and findings in order. In a damaged ledger only the first is fixed
/// by hand; how a reader goes on after it is its own affair.
pub type Layer = (&'static str, Vec<(&'static str, u64)>);

/// A ledger for others to try.
pub struct Vector {
    pub name: &'static str,
    pub about: &'static str,
    pub log: Vec<u8>,
    pub log_key: String,
    pub keys: Json,
    pub known: Option<String>,
    pub receipt: Option<String>,
    pub trust: Option<String>,
    pub now: Option<&'static str>,
    pub skeleton: Layer,
    pub structure: Layer,
}

pub const FOUNDER: (&str, u64) = ("ONE-FOUNDER", 0);

impl Vector {
    pub fn of(play: &Play, name: &'static str, about: &'static str, log: Vec<u8>) -> Self {
        Vector {
            name,
            about,
            log,
            log_key: play.log.public().to_string(),
            keys: play.keys_json(),
            known: None,
            receipt: None,
            trust: None,
            now: None,
            skeleton: ("unaltered", vec![FOUNDER]),
            structure: ("unaltered", vec![FOUNDER]),
        }
    }

    /// Found with and without structure.
    fn both(mut self, history: &'static str, code: &'static str, entry: u64) -> Self {
        self.skeleton = (history, vec![(code, entry)]);
        self.structure = (history, vec![(code, entry)]);
        self
    }

    /// Found with structure only.
    fn inside(mut self, code: &'static str, entry: u64) -> Self {
        self.structure = ("invalid", vec![(code, entry)]);
        self
    }
}

/// All of them.
pub fn all() -> Vec<Vector> {
    let mut vectors = good();
    vectors.extend(noted());
    vectors.extend(set_aside_wrongly());
    vectors.extend(witnessed());
    vectors.extend(bytes_changed());
    vectors.extend(rewritten());
    vectors.extend(signed_wrongly());
    vectors.extend(confirmations());
    vectors.extend(outside());
    vectors.extend(log_keys());
    vectors.extend(super::retired::all());
    vectors.extend(super::closings::all());
    vectors
}

/// Entries 0 to 9: the setting, its people and a case, then sam, sam, jon, maria, sam.
fn base() -> Play {
    let mut play = Play::new("base", SMALL_PACK);
    for (who, text) in WORRIES {
        play.worry(who, text);
    }
    play
}

const WORRIES: [(&str, &str); 5] = [
    ("sam", "He came without a coat. It was raining."),
    ("sam", "Still no coat today."),
    ("jon", "He told me that he had walked here alone."),
    ("maria", "I have asked his mother to come in."),
    ("sam", "He had a coat today."),
];

fn good() -> Vec<Vector> {
    let mut alone = Play::founded("alone", SMALL_PACK);
    alone.open_case("theo");
    alone.worry("maria", "He has a bruise on one knee. He says he fell.");
    alone.worry("maria", "The bruise is fading.");

    let mut share = Play::new("share", SHARE_PACK);
    share::play(&mut share);

    let mut confirmed = base();
    confirmed.confirm("jon", 0);

    let mut together = Play::new("together", SMALL_PACK);
    let three: Vec<_> = ["One.", "Two.", "Three."].map(|text| together.concern("sam", text)).into();
    together.append("sam", &three);
    together.worry("jon", "Four.");

    let good = vec![
        Vector::of(&alone, "one-person", "one person, a write for each entry", alone.bytes()),
        Vector::of(&share, "three-people", "three people; the share of the worked example is entry 7", share.bytes()),
        Vector::of(&together, "one-write", "three entries in one write (5 to 7)", together.bytes()),
    ];
    let mut confirmed = Vector::of(&confirmed, "confirmed", "a second person confirmed genesis", confirmed.bytes());
    (confirmed.skeleton.1, confirmed.structure.1) = (vec![], vec![]);
    good.into_iter().chain([confirmed, set_aside(), restricted()]).collect()
}

/// A power cut takes sam's write; jon's next one sets the bytes aside; sam's statement is sent again.
fn set_aside() -> Vector {
    let mut play = base();
    let sams = play.concern("sam", "He was collected late.");
    play.disk.fail_after(0, Fault::Torn(700));
    let key = play.people["sam"].structure.clone();
    let now = play.now;
    assert!(play.ledger.append(std::slice::from_ref(&sams), &key, &mut play.roster, &|| now).is_err());
    let file = LogFile::open_append(play.disk.clone()).unwrap();
    let signer = SignerKey::parse(&play.log.format().unwrap()).unwrap();
    play.ledger = Ledger::over(play.ledger.dir(), file, play.log.public().clone(), Some(signer)).unwrap();
    let torn = play.ledger.torn().unwrap().clone();
    play.wait(60_000);
    let account = account(&play, torn.hash, torn.length);
    let account = play.sign_as("jon", account, |_| ());
    assert_eq!(play.append("jon", &[account])[0].number, 10);
    play.append("sam", &[sams]);
    let about = "a torn write before entry 10, set aside by a void frame and a tail.set_aside entry";
    let mut vector = Vector::of(&play, "set-aside", about, play.bytes());
    vector.skeleton.1.push(("TAIL-SET-ASIDE", 10));
    vector.structure.1.push(("TAIL-SET-ASIDE", 10));
    vector
}

/// Somebody damages the last write and sets it aside as if it had been torn; and somebody sets torn bytes aside and enters
/// something else than an account of it.
fn set_aside_wrongly() -> Vec<Vector> {
    let mut play = Play::new("base", SMALL_PACK);
    for (who, text) in WORRIES.into_iter().take(4) {
        play.worry(who, text);
    }
    let (log, whole) = (play.bytes(), base().bytes());
    let mut damaged = whole[log.len()..].to_vec();
    damaged[200] ^= 1;
    play.wait(60_000);
    let hash = TAIL.hash(&[&damaged]);
    let account = account(&play, hash, damaged.len() as u64);
    let account = play.sign_as("jon", account, |_| ());
    let mut silent = Play::new("base", SMALL_PACK);
    for (who, text) in WORRIES.into_iter().take(4) {
        silent.worry(who, text);
    }
    silent.wait(60_000);
    let other = silent.concern("jon", "Nothing about the bytes before it.");
    let listed = Checkpoint::parse(base().ledger.checkpoint().unwrap().text()).unwrap();
    let behind = |bytes: &[u8], authored: &Authored, checkpoints: Vec<(u64, [u8; 32])>| {
        let (offset, previous) = end_of(&log);
        let mut tree = Frontier::new();
        let mut link = Link::ZERO;
        for (range, _) in scroll(&log) {
            let write = &log[range];
            let mut at = 0;
            while let Next::Frame(framed) = next_frame(&write[at..]) {
                if let Frame::Entry(entry) = &framed.frame {
                    tree.append(leaf_hash(entry.envelope));
                    link = envelope::link(entry.envelope);
                }
                at += framed.length;
            }
        }
        let item = Item::of(authored, play.now);
        let parts = |part: &[u8]| envelope::part_digest(part);
        let envelope = Envelope {
            number: EntryNumber(tree.size().0),
            recorded: item.recorded,
            previous: link,
            statement: item.statement,
            commitment: item.commitment,
            parts: envelope::parts_digest(&parts(&item.structure), &parts(&item.words)),
        };
        let envelope = envelope.encode();
        tree.append(leaf_hash(&envelope));
        let mut builder = WriteBuilder::new(offset + bytes.len() as u64, previous);
        let (length, hash) = (bytes.len() as u64, TAIL.hash(&[bytes]));
        builder.void(&Void { offset, length, hash, checkpoints }).unwrap();
        builder.entry(&envelope, &item.structure, &item.words).unwrap();
        let note = Checkpoint::new(play.log.public().name(), tree.size(), tree.root()).sign(&[&play.log]).unwrap();
        [&log, bytes, &builder.own(note.to_string().as_bytes()).unwrap().bytes].concat()
    };
    let changed = behind(&damaged, &account, vec![(listed.size().0, listed.root().0)]);
    let torn = &whole[log.len()..log.len() + 700];
    let unexplained = behind(torn, &other, vec![]);
    let about = "a whole write was changed and set aside as if it were torn";
    let first = Vector::of(&play, "set-aside-changed", about, changed).both("invalid", "TAIL", 9);
    let about = "torn bytes were set aside, and the entry behind them says nothing of it";
    let mut second = Vector::of(&silent, "set-aside-silently", about, unexplained).inside("TAIL", 9);
    second.skeleton.1.push(("TAIL-SET-ASIDE", 9));
    vec![first, second]
}

/// What a `tail.set_aside` says.
fn account(play: &Play, hash: [u8; 32], length: u64) -> Decision {
    let field = |name| FieldId(play.pack.id_of(name).unwrap());
    let values = vec![
        one(field("tail_hash"), Content::Hash(Digest::new(hash))),
        one(field("byte_count"), Content::Count(length)),
        one(field("cause"), code("torn_write")),
    ];
    play.decide("tail.set_aside", None, values, vec![])
}

/// An entry in the staff folder, which structure keys do not open.
fn restricted() -> Vector {
    let mut play = base();
    let learned = "2026-10-06T08:00:00+01:00";
    let draft = json!({ "kind": "staff.allegation", "learned_at": learned, "narrative": "A parent complained.",
        "reasons": "It was about how he was spoken to." });
    assert_eq!(play.record("jon", &draft), 10);
    let mut vector = Vector::of(&play, "restricted", "entry 10 opens with the staff folder's key only", play.bytes());
    vector.keys["restricted"] = json!([hex(play.folders[0].as_bytes())]);
    vector
}

fn noted() -> Vec<Vector> {
    let mut old = base();
    let case = old.cases["theo"];
    let waiting = old.concern("sam", "Written before the folder had a new key.");
    assert_eq!(old.renew(Some(case), Folder::General), 10);
    old.append("sam", &[waiting]);
    let mut epoch = Vector::of(&old, "epoch-old", "entry 11 is sealed to a key that entry 10 replaced", old.bytes());
    epoch.structure.1.push(("EPOCH-OLD", 11));

    let mut back = base();
    back.now -= 3_600_000;
    back.worry("sam", "The clock of the machine was set back.");
    let mut clock = Vector::of(&back, "clock-back", "entry 10 was recorded before entry 9", back.bytes());
    clock.skeleton.1.push(("CLOCK-BACK", 10));
    clock.structure.1.push(("CLOCK-BACK", 10));

    let (mut cut_off, away) = (base(), 73 * 3_600_000);
    cut_off.now += away;
    let waiting = cut_off.concern("sam", "Signed three days later, without having looked.");
    cut_off.now -= away;
    cut_off.worry("maria", "Entered while the tablet was away.");
    cut_off.now += away;
    cut_off.append("sam", &[waiting]);
    let about = "entry 11 was signed 73 hours after entry 10, which its device had not seen";
    let mut stale = Vector::of(&cut_off, "seen-stale", about, cut_off.bytes());
    stale.structure.1.push(("SEEN-STALE", 11));

    let mut third = base();
    third.enrol("Ruth Amis", "ruth", Role::DeputyDsl);
    let about = "entry 10 enrols a second deputy, which the founder cannot do alone";
    let mut waiting = Vector::of(&third, "unconfirmed", about, third.bytes());
    waiting.skeleton.1.push(("UNCONFIRMED", 10));
    waiting.structure.1.push(("UNCONFIRMED", 10));

    let mut adopted = base();
    let old = adopted.roster.pack();
    let before = adopted.concern("sam", "Written before the new rules.");
    assert_eq!(adopted.adopt(SHARE_PACK), 10);
    adopted.append("sam", &[before]);
    adopted.worry("sam", "Written under the new rules.");
    adopted.wait(60_000);
    let decision = adopted.check("sam", &concern("Written under the old rules.", adopted.now));
    let late = adopted.sign_as("sam", decision, |author| author.pack = old);
    adopted.append("sam", &[late]);
    let about = "entry 10 adopts another pack; 11 had not seen it; 13 had, and names the old one";
    let mut outdated = Vector::of(&adopted, "pack-outdated", about, adopted.bytes());
    outdated.structure.1.push(("PACK", 13));

    let mut torn = base();
    let before = torn.bytes().len();
    torn.worry("sam", "This never reached the disk.");
    let mut tail = Vector::of(&torn, "torn-tail", "the last write is cut short", torn.bytes()[..before + 700].to_vec());
    tail.skeleton.1.push(("TORN", 10));
    tail.structure.1.push(("TORN", 10));
    vec![epoch, clock, stale, waiting, outdated, tail]
}

/// Two witnesses of other settings.
fn witnesses() -> [SignerKey; 2] {
    ["chair.example/witness", "council.example/witness"].map(|name| signer(name, KeyKind::Cosigner, name))
}

fn trust(log: &SignerKey) -> String {
    let [one, two] = witnesses().map(|key| key.public().to_string());
    format!("log {}\nwitness w1 {one}\nwitness w2 {two}\ngroup q 2 w1 w2\nquorum q\n", log.public())
}

/// A checkpoint of a play, cosigned at some second after its start.
fn cosigned(play: &Play, by: &[SignerKey], time: u64) -> Note {
    let mut note = play.ledger.checkpoint().unwrap().clone();
    for key in by {
        let line = cosignature::sign(note.text(), key, START as u64 / 1000 + time).unwrap();
        note.add(line).unwrap();
    }
    note
}

fn witnessed() -> Vec<Vector> {
    let mut play = base();
    let note = cosigned(&play, &witnesses(), 7_200);
    play.ledger.append_cosigned(&note).unwrap();
    play.worry("jon", "After the witnesses had signed.");
    let make = |name, about, now, history| {
        let mut vector = Vector::of(&play, name, about, play.bytes());
        (vector.trust, vector.now) = (Some(trust(&play.log)), Some(now));
        (vector.skeleton.0, vector.structure.0) = (history, history);
        vector
    };
    let fresh = make("witnessed", "two of two witnesses cosigned 10 entries", "2026-10-08T09:00:00Z", "witnessed");
    let stale = make("witnessed-long-ago", "the same, looked at ten days later", "2026-10-16T12:00:00Z", "unaltered");

    let mut half = base();
    let note = cosigned(&half, &witnesses()[..1], 7_200);
    half.ledger.append_cosigned(&note).unwrap();
    let mut missed = Vector::of(&half, "quorum-missed", "one of two witnesses cosigned", half.bytes());
    (missed.trust, missed.now) = (Some(trust(&half.log)), Some("2026-10-08T09:00:00Z"));

    // The frame's own check holds, but the witness signed something else.
    let forged = base();
    let mut note = cosigned(&forged, &witnesses()[..1], 7_200);
    let other = cosignature::sign("another text\n1\n", &witnesses()[1], START as u64 / 1000).unwrap();
    note.add(other).unwrap();
    let mut bad = Vector::of(
        &forged,
        "bad-cosignature",
        "a line under a trusted witness's name fails: it does not count",
        with_cosigned(&forged, &note),
    );
    (bad.trust, bad.now) = (Some(trust(&forged.log)), Some("2026-10-08T09:00:00Z"));
    for layer in [&mut bad.skeleton, &mut bad.structure] {
        layer.1.push(("COSIGNATURE", 9));
    }
    // The log's own line fails.
    let mut note = cosigned(&forged, &witnesses(), 7_200).to_string();
    let signature = note.lines().nth(4).unwrap().to_owned();
    let other = Note::sign("another text\n1\n", &[&forged.log]).unwrap().signatures()[0].to_string();
    note = note.replace(&signature, &other);
    let note = Note::parse(note.as_bytes()).unwrap();
    let about = "two witnesses cosigned what the log did not sign";
    let mut unsigned =
        Vector::of(&forged, "cosigned-unsigned", about, with_cosigned(&forged, &note)).both("invalid", "CHECKPOINT", 9);
    (unsigned.trust, unsigned.now) = (Some(trust(&forged.log)), Some("2026-10-08T09:00:00Z"));

    let text = Checkpoint::new(forged.log.public().name(), TreeSize(10), Hash([7; 32]));
    let mut note = text.sign(&[&forged.log]).unwrap();
    note.add(cosignature::sign(note.text(), &witnesses()[0], START as u64 / 1000).unwrap()).unwrap();
    let root =
        Vector::of(&forged, "cosigned-other-root", "a cosigned frame of another root", with_cosigned(&forged, &note))
            .both("invalid", "CHECKPOINT", 9);
    vec![fresh, stale, missed, bad, unsigned, root]
}

/// A log with one more write: a cosigned frame that nobody looked at.
fn with_cosigned(play: &Play, note: &Note) -> Vec<u8> {
    let log = play.bytes();
    let (at, hash) = end_of(&log);
    let built = WriteBuilder::cosigned(at, hash, note.to_string().as_bytes()).unwrap();
    [log, built.bytes].concat()
}

/// Where a log ends, and the hash of its last write.
fn end_of(log: &[u8]) -> (u64, [u8; 32]) {
    let (mut at, mut hash) = (0, [0; 32]);
    while at < log.len() {
        let write = Write::parse(&log[at..], at as u64, hash).unwrap();
        (at, hash) = (at + write.length, write.hash);
    }
    (at as u64, hash)
}

fn bytes_changed() -> Vec<Vector> {
    let play = base();
    let log = play.bytes();
    let [frame, structure, words, trailer] = parts_of(&log, 6);
    let flipped = |name, about, at: usize| {
        let mut log = log.clone();
        log[at] ^= 1;
        Vector::of(&play, name, about, log)
    };
    let (six, seven) = (write_of(&log, 6), write_of(&log, 7));
    let without = [&log[..six.start], &log[six.end..]].concat();
    let swapped = [&log[..six.start], &log[seven.clone()], &log[six.clone()], &log[seven.end..]].concat();
    let twice = [&log[..six.end], &log[six.clone()], &log[six.end..]].concat();
    let [last, .., last_words, _] = parts_of(&log, 9);

    let mut one_write = Play::new("together", SMALL_PACK);
    let three: Vec<_> = ["One.", "Two.", "Three."].map(|text| one_write.concern("sam", text)).into();
    one_write.append("sam", &three);
    let whole = one_write.bytes();
    let ([a, ..], [b, ..], [c, ..]) = (parts_of(&whole, 5), parts_of(&whole, 6), parts_of(&whole, 7));
    let inside = [&whole[..a], &whole[b..c], &whole[a..b], &whole[c..]].concat();

    vec![
        flipped("flipped-envelope", "a bit of entry 6's recorded time", frame + 9 + 12).both("invalid", "FRAME", 6),
        flipped("flipped-length", "a bit of the length of entry 6's words part", frame + 8).both("invalid", "FRAME", 6),
        flipped("flipped-structure", "a bit of entry 6's structure part", structure + 100).both("invalid", "SEALED", 6),
        flipped("flipped-words", "a bit of entry 6's words part", words + 50).both("invalid", "SEALED", 6),
        flipped("flipped-check", "a bit of the check value of entry 6's frame", trailer).both("invalid", "FRAME", 6),
        flipped("flipped-last-words", "a bit of the last entry's words part", last_words + 50)
            .both("invalid", "SEALED", 9),
        flipped("corrupt-tail", "a bit of the last entry's envelope", last + 9 + 20).both("invalid", "FRAME", 9),
        Vector::of(&play, "dropped", "the write of entry 6 is missing", without).both("invalid", "ORDER", 6),
        Vector::of(&play, "swapped", "the writes of entries 6 and 7 in the other order", swapped)
            .both("invalid", "ORDER", 6),
        Vector::of(&play, "repeated", "the write of entry 6 stands twice", twice).both("invalid", "ORDER", 6),
        Vector::of(&one_write, "swapped-in-write", "the frames of entries 5 and 6 of one write", inside)
            .both("invalid", "ORDER", 5),
        Vector::of(&play, "empty", "a log of no bytes", vec![]).both("invalid", "FRAME", 0),
        Vector::of(&play, "garbage", "text where a log should be", b"this is no ledger\n".repeat(40))
            .both("invalid", "FRAME", 0),
    ]
}

/// What the holder of the log's key can do alone: everything is numbered, linked and signed again.
fn rewritten() -> Vec<Vector> {
    let play = base();
    let mut writes = items(&play.bytes());
    let honest = Forger::honest(&play.log);
    assert_eq!(honest.write(&writes), play.bytes(), "the clerk writes what a second writer writes");
    // Entry 6 is the sixth write: 0 and 1 are one.
    let mut without = writes.clone();
    without.remove(5);
    let mut swapped = writes.clone();
    swapped.swap(5, 6);
    (swapped[5][0].recorded, swapped[6][0].recorded) = (swapped[6][0].recorded, swapped[5][0].recorded);
    let link = Forger {
        envelope: &|envelope| {
            if envelope.number.0 == 6 {
                envelope.previous = Link::new([9; 32]);
            }
        },
        ..Forger::honest(&play.log)
    };
    let number = Forger {
        envelope: &|envelope| envelope.number.0 += u64::from(envelope.number.0 == 6),
        ..Forger::honest(&play.log)
    };
    let version = Forger { bytes: &|bytes| bytes[0] += u8::from(bytes[8] == 6), ..Forger::honest(&play.log) };
    let root = Forger { root: &|size, root| if size == 7 { Hash([7; 32]) } else { root }, ..Forger::honest(&play.log) };
    let other = super::play::log_key("another log");
    let make = |name, about, log| Vector::of(&play, name, about, log);
    let mut vectors =
        vec![
            make("dropped-rewritten", "entry 6 is gone and all after it was written again", honest.write(&without))
                .inside("SEEN", 6),
            make("swapped-rewritten", "entries 6 and 7 exchanged and all written again", honest.write(&swapped))
                .inside("SEEN", 6),
            make("wrong-link", "entry 6 links to something else", link.write(&writes)).both("invalid", "LINK", 6),
            make("wrong-number", "entry 6 calls itself 7", number.write(&writes)).both("invalid", "ORDER", 6),
            make("envelope-version-2", "entry 6 has an envelope of version 2", version.write(&writes))
                .both("invalid", "ENVELOPE", 6),
            make("wrong-root", "the checkpoint of 7 entries has another root", root.write(&writes)).both(
                "invalid",
                "CHECKPOINT",
                6,
            ),
            make("wrong-log-key", "every checkpoint is signed by another key", Forger::honest(&other).write(&writes))
                .both("invalid", "CHECKPOINT", 1),
        ];
    writes[5][0].commitment = Digest::new([9; 32]);
    vectors.push(
        make("wrong-commitment", "entry 6 commits to something else", honest.write(&writes)).inside("STATEMENT", 6),
    );
    vectors
}

/// What gets into a ledger if the clerk does not refuse it: one more entry, 10.
fn signed_wrongly() -> Vec<Vector> {
    let mut play = base();
    play.wait(60_000);
    let now = play.now;
    let fine = play.concern("sam", "As it should be.");
    let mut again = base();
    again.wait(60_000);
    let opened = again.case_opened("sam", "ezra");
    let sam = SigningKey::from_seed(&play.people["sam"].identity.signing().seed());
    let maria = SigningKey::from_seed(&play.people["maria"].identity.signing().seed());
    let eve = SigningKey::from_seed(&Stream::new("eve").bytes());
    let (sams, marias) = (play.people["sam"].structure.clone(), play.people["maria"].structure.clone());
    let forged = |change: &dyn Fn(&mut Body)| Item::signed(&fine, now, &sam, &sams, change);
    let misshapen = |change: &dyn Fn(&mut Body)| Item::misshapen(&fine, now, &sam, &sams, change);
    let five = play.reference("follows", 5);
    let seen = |number, link| Seen { number, link };
    let first = items(&play.bytes());
    let add = |name, about, item: Item| {
        let mut writes = first.clone();
        writes.push(vec![item]);
        Vector::of(&play, name, about, Forger::honest(&play.log).write(&writes))
    };
    let enrol = |change: &dyn Fn(&mut Body)| {
        let mut maker = base();
        maker.wait(60_000);
        Item::signed(&maker.enrolment("Eve Shaw", "eve", Role::Practitioner), now, &maria, &marias, change)
    };
    vec![
        add("bad-signature", "a bit of the signature on entry 10", Item::unsigned(&fine, now, &sams))
            .inside("SIGNATURE", 10),
        add("unenrolled", "entry 10 is signed by a key that nobody enrolled", {
            Item::signed(&fine, now, &eve, &sams, |body| {
                (body.author, body.sequence) = (Bytes(*eve.public().as_bytes()), 0);
                body.previous = Digest::ZERO;
            })
        })
        .inside("KEY-NOT-ENROLLED", 10),
        add("other-person", "entry 10 is signed by sam's key in maria's name", {
            let maria = play.people["maria"].identity.person();
            forged(&|body| body.person = maria)
        })
        .inside("KEY-NOT-ENROLLED", 10),
        add("other-ledger", "the statement of entry 10 is for another ledger", {
            forged(&|body| body.ledger = LedgerId::new([9; 32]))
        })
        .inside("STATEMENT", 10),
        add("seen-another", "sam had seen another entry 9", forged(&|body| body.seen = seen(9, Link::new([9; 32]))))
            .inside("SEEN", 10),
        add("seen-itself", "sam had seen entry 10 before it was there", {
            forged(&|body| body.seen = seen(10, body.seen.link))
        })
        .inside("SEEN", 10),
        add("duplicate", "sam's count stands still", forged(&|body| body.sequence -= 1)).inside("DUPLICATE", 10),
        add("author-gap", "sam's count misses one", forged(&|body| body.sequence += 1)).inside("AUTHOR-GAP", 10),
        add("author-fork", "sam goes on from another statement", {
            forged(&|body| body.previous = Digest::new([9; 32]))
        })
        .inside("AUTHOR-FORK", 10),
        add("wrong-reference", "entry 10 refers to another entry 5", {
            forged(&|body| {
                body.references = vec![Reference {
                    relation: RelationNumber::of("follows").unwrap(),
                    entry: 5,
                    digest: Digest::new([9; 32]),
                }];
            })
        })
        .inside("REFERENCE", 10),
        add("unknown-relation", "entry 10 refers to entry 5 by a relation that has no number", {
            misshapen(&|body| body.references = vec![Reference { relation: RelationNumber(31), ..five }])
        })
        .inside("STATEMENT", 10),
        add("repeated-reference", "entry 10 refers to entry 5 twice by the same relation", {
            misshapen(&|body| body.references = vec![five, five])
        })
        .inside("STATEMENT", 10),
        add("date-not-midnight", "entry 10 gives a date that begins an hour after midnight", {
            misshapen(&|body| body.occurred = Moment { precision: Precision::Date, milliseconds: 3_600_000, zone: 0 })
        })
        .inside("STATEMENT", 10),
        add("report-of-nothing", "entry 10 reports what has not happened", {
            misshapen(&|body| (body.act, body.happened) = (false, false))
        })
        .inside("STATEMENT", 10),
        add("pack-unknown", "entry 10 names a rule pack that nobody adopted", {
            forged(&|body| body.pack = Digest::new([9; 32]))
        })
        .inside("PACK-UNKNOWN", 10),
        add("policy-unknown", "entry 10 names a policy that nobody adopted", {
            forged(&|body| body.policy = Digest::new([9; 32]))
        })
        .inside("PACK-UNKNOWN", 10),
        unseen_folder_key(),
        add("unknown-folder-key", "the words are said to be sealed to a key that was never published", {
            forged(&|body| body.folder_key = FolderKeyId::new([9; 32]))
        })
        .inside("FOLDER-KEY", 10),
        add("wrong-folder", "the key is the general folder's, the folder said is protection", {
            forged(&|body| body.folder = Folder::Protection as u8)
        })
        .inside("FOLDER-KEY", 10),
        add("wrong-words-length", "the statement gives another length of the words part", {
            forged(&|body| body.words_length += 1)
        })
        .inside("STATEMENT", 10),
        add("clear-sealed-kind", "a concern whose structure is in clear", Item::clear(&fine, now))
            .both("invalid", "SEALED", 10),
        add("role-invalid", "sam, a practitioner, opens a case", Item::of(&opened, now)).both(
            "invalid",
            "ROLE-INVALID",
            10,
        ),
        add("sealed-public-kind", "a case.opened whose structure is sealed", Item::sealed(&opened, now, &sams))
            .inside("SEALED", 10),
        add("no-proof", "an enrolment whose key did not sign its card", {
            enrol(&|body| {
                for value in &mut body.values {
                    if let Content::Proof(proof) = &mut value.content {
                        proof.0[5] ^= 1;
                    }
                }
            })
        })
        .both("invalid", "KEY-NOT-ENROLLED", 10),
        add("weak-key", "an enrolment of a key of small order", {
            enrol(&|body| {
                for value in &mut body.values {
                    if value.field == field::AUTHOR_KEY {
                        let mut weak = [0; 32];
                        weak[0] = 1;
                        value.content = Content::Key(Bytes(weak));
                    }
                }
            })
        })
        .both("invalid", "KEY-NOT-ENROLLED", 10),
        public_signature(),
    ]
}

/// Jon confirms an entry: in clear or sealed, and as public as that entry or not.
fn confirmations() -> Vec<Vector> {
    let make = |name, about, entry, clear: bool| {
        let mut play = base();
        play.wait(60_000);
        let view = FieldId(play.pack.id_of("view").unwrap());
        let reference = play.reference("confirms", entry);
        let decision = play.decide("confirmation", None, vec![one(view, code("agrees"))], vec![reference]);
        let authored = play.sign_as("jon", decision, |_| ());
        let (now, key) = (play.now, play.people["jon"].structure.clone());
        let item = if clear { Item::of(&authored, now) } else { Item::sealed(&authored, now, &key) };
        let mut writes = items(&play.bytes());
        writes.push(vec![item]);
        Vector::of(&play, name, about, Forger::honest(&play.log).write(&writes))
    };
    vec![
        make("confirmation-sealed", "entry 10 is a sealed confirmation of a sealed entry", 5, false),
        make("confirmation-in-clear", "entry 10 is a confirmation in clear of a sealed entry", 5, true)
            .both("invalid", "SEALED", 10),
        make("confirmation-hidden", "entry 10 is a sealed confirmation of an entry in clear", 0, false)
            .inside("SEALED", 10),
    ]
}

/// Words for a case of which the author had not seen that it was opened.
fn unseen_folder_key() -> Vector {
    let mut play = base();
    let seen = play.ledger.seen();
    play.open_case("ezra");
    play.wait(60_000);
    let mut draft = concern("He came alone.", play.now);
    draft["case"] = json!("ezra");
    let decision = play.check("sam", &draft);
    let authored = play.sign_as("sam", decision, |author| author.seen = seen);
    let (key, now) = (play.people["sam"].structure.clone(), play.now);
    let refused = play.ledger.append(std::slice::from_ref(&authored), &key, &mut play.roster, &|| now);
    assert!(matches!(refused, Err(LedgerError::Refused(Code::FolderKey))), "{refused:?}");
    let mut writes = items(&play.bytes());
    writes.push(vec![Item::of(&authored, play.now)]);
    let about = "entry 11 is sealed to a key of entry 10, and its author had seen no more than entry 9";
    Vector::of(&play, "folder-key-unseen", about, Forger::honest(&play.log).write(&writes)).inside("FOLDER-KEY", 11)
}

/// The signature on the entry that opened the case has a flipped bit.
fn public_signature() -> Vector {
    let mut play = Play::founded("base", SMALL_PACK);
    let opened = play.case_opened("maria", "theo");
    let mut writes = items(&play.bytes());
    writes.push(vec![Item::unsigned(&opened, play.now, &play.people["maria"].structure)]);
    let log = Forger::honest(&play.log).write(&writes);
    Vector::of(&play, "bad-signature-public", "a bit of the signature on the entry that opens a case", log).both(
        "invalid",
        "SIGNATURE",
        2,
    )
}

/// What only something from outside shows.
fn outside() -> Vec<Vector> {
    let mut play = base();
    let short = play.bytes();
    let held = play.ledger.checkpoint().unwrap().to_string();
    play.worry("sam", "One more.");
    let known = play.ledger.checkpoint().unwrap().to_string();
    let honest = play.ledger.receipt(10).unwrap();
    let receipt = honest.to_string();
    // The proof of entry 9, under the number 10.
    let proof = play.ledger.receipt(9).unwrap().proof().to_vec();
    let swapped = Receipt::new(EntryNumber(10), proof, honest.note().clone(), None).unwrap().to_string();
    let about = "the proof of a receipt fails, and its checkpoint is the ledger's own";
    let mut damaged = Vector::of(&play, "receipt-damaged", about, play.bytes());
    for layer in [&mut damaged.skeleton, &mut damaged.structure] {
        layer.1.push(("RECEIPT-DAMAGED", 10));
    }
    damaged.receipt = Some(swapped);
    let mut cut = Vector::of(&play, "truncated", "a known checkpoint vouches for entry 10", short.clone()).both(
        "truncated",
        "TRUNCATED",
        10,
    );
    cut.known = Some(known.clone());
    let mut gone = Vector::of(&play, "truncated-receipt", "a receipt vouches for entry 10", short).both(
        "truncated",
        "TRUNCATED",
        10,
    );
    gone.receipt = Some(receipt);

    let mut other = base();
    other.worry("sam", "Something else.");
    let mut forked = Vector::of(&other, "forked", "a known checkpoint has another root at 11 entries", other.bytes())
        .both("forked", "FORK", 10);
    forked.known = Some(known);
    let mut honoured = Vector::of(&other, "known", "a known checkpoint that the ledger extends", other.bytes());
    honoured.known = Some(held);

    let [there, here] = [["Here.", "And here."], ["There.", "And there."]].map(|texts| {
        let mut play = base();
        for text in texts {
            play.worry("sam", text);
        }
        play
    });
    let about = "a receipt is of another entry 10, under a checkpoint of 12 entries";
    let mut strangers = Vector::of(&here, "receipt-elsewhere", about, here.bytes()).both("forked", "RECEIPT", 10);
    strangers.receipt = Some(there.ledger.receipt(10).unwrap().to_string());

    let mut dropped = items(&base().bytes());
    dropped.remove(5);
    let base = base();
    let log = Forger::honest(&base.log).write(&dropped);
    let mut named =
        Vector::of(&base, "dropped-rewritten-known", "as dropped-rewritten, with a checkpoint from before", log).both(
            "truncated",
            "TRUNCATED",
            9,
        );
    named.known = Some(base.ledger.checkpoint().unwrap().to_string());
    named.structure = ("invalid", vec![("SEEN", 6)]);

    let mut strange = Vector::of(&base, "other-log-trusted", "the trust file names another log key", base.bytes())
        .both("forked", "LOG-KEY", 0);
    strange.trust = Some(trust(&super::play::log_key("another log")));
    strange.now = Some("2026-10-08T09:00:00Z");
    vec![cut, gone, damaged, strangers, forked, honoured, named, strange]
}

/// The log's key changes at entry 7, the confirmation of entry 6; entry 8 comes after.
fn log_keys() -> Vec<Vector> {
    let mut play = Play::new("keys", KEYS_PACK);
    play.worry("sam", "Under the old key.");
    let trusted = format!("log {}\nquorum none\n", play.log.public());
    let (entry, next) = play.new_log_key("keys log 2");
    assert_eq!((entry, play.confirm("jon", entry)), (6, 7));
    let confirmed = play.bytes();
    play.worry("sam", "Under the new key.");
    let make = |name, about, log| {
        let mut vector = Vector::of(&play, name, about, log);
        vector.log_key = next.public().to_string();
        vector.trust = Some(trusted.clone());
        vector
    };
    let about = "the log's key changes at entry 7, whose checkpoint both keys signed; the trust file names the old one";
    let good = make("log-key-rotated", about, play.bytes());
    let about = "the checkpoint at which the log's key changes is signed by the new key alone";
    let alone = make("log-key-new-alone", about, signed_by(&confirmed, &[&next])).both("forked", "LOG-KEY", 7);
    let about = "entry 8 is under a checkpoint of the key that was replaced";
    let stale = make("log-key-replaced", about, signed_by(&play.bytes(), &[&play.log])).both("forked", "LOG-KEY", 8);
    vec![good, alone, stale]
}

/// The same log with the checkpoint of its last write signed by these keys.
fn signed_by(log: &[u8], keys: &[&SignerKey]) -> Vec<u8> {
    let (mut at, mut before, mut previous) = (0, 0, [0; 32]);
    let mut hash = previous;
    while at < log.len() {
        let write = Write::parse(&log[at..], at as u64, hash).unwrap();
        (before, previous, hash) = (at, hash, write.hash);
        at += write.length;
    }
    let write = Write::parse(&log[before..], before as u64, previous).unwrap();
    let mut builder = WriteBuilder::new(before as u64, previous);
    for entry in &write.entries {
        builder.entry(entry.envelope, entry.structure, entry.words).unwrap();
    }
    let checkpoint = Checkpoint::parse(Note::parse(write.checkpoint.note).unwrap().text()).unwrap();
    let note = checkpoint.sign(keys).unwrap().to_string();
    [&log[..before], &builder.own(note.as_bytes()).unwrap().bytes].concat()
}
