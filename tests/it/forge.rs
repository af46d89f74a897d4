//! A liar's workshop: takes a log apart and puts it together again, with as many of its keys as the liar has.

use std::ops::Range;
use std::sync::OnceLock;

use indelible::cabinet::identity::Identity;
use indelible::cabinet::structure_keys;
use indelible::codec::{Bytes, Digest, FolderKeyId, KindNumber, LedgerId, Link, ShortText, StatementId};
use indelible::decision::people::Role;
use indelible::decision::value::{Content, Moment, Value, field};
use indelible::entry::authored::Authored;
use indelible::entry::envelope::{self, Envelope};
use indelible::entry::statement::{Body, Seen, Statement};
use indelible::frame::write::{Built, WriteBuilder};
use indelible::frame::{Frame, Next, next_frame};
use indelible::head::checkpoint::Checkpoint;
use indelible::head::note::Note;
use indelible::keys::SigningKey;
use indelible::keys::card::Card;
use indelible::keys::name::SignerKey;
use indelible::rules::pack::BUILT_IN;
use indelible::seal::sealed::document_hash;
use indelible::seal::structure::{self, ContentKey, StructureKey};
use indelible::store::durable;
use indelible::tree::{EntryNumber, Frontier, leaf_hash};
use indelible::verify::entry::Keys;
use serde_json::json;

use crate::world::World;

/// One entry, to be changed.
#[derive(Clone)]
pub struct Piece {
    pub envelope: Envelope,
    pub structure: Vec<u8>,
    pub words: Vec<u8>,
    /// Its frame in the log it was read from.
    pub place: Range<usize>,
}

impl Piece {
    /// Makes the envelope name the parts that are there.
    pub fn name_parts(&mut self) {
        let digest = envelope::part_digest;
        self.envelope.parts = envelope::parts_digest(&digest(&self.structure), &digest(&self.words));
    }

    /// The piece of a statement; number, time and link come when it is put in.
    pub fn of(authored: &Authored) -> Self {
        let (statement, commitment) = (authored.statement.digest(), authored.statement.commitment());
        Self::new(statement, commitment, authored.structure.clone(), authored.words.clone())
    }

    pub fn new(statement: Digest, commitment: Digest, structure: Vec<u8>, words: Vec<u8>) -> Self {
        let (number, previous, parts) = (EntryNumber(0), Link::ZERO, Digest::ZERO);
        let recorded = crate::world::START + 3_600_000;
        let envelope = Envelope { number, recorded, previous, statement, commitment, parts };
        let mut piece = Piece { envelope, structure, words, place: 0..0 };
        piece.name_parts();
        piece
    }
}

/// One write, to be changed.
#[derive(Clone)]
pub struct Write {
    pub pieces: Vec<Piece>,
    pub note: Vec<u8>,
    pub cosigned: bool,
    /// All its frames in the log it was read from.
    pub place: Range<usize>,
}

/// Takes an untouched log apart.
pub fn writes(bytes: &[u8]) -> Vec<Write> {
    let (mut at, mut start, mut pieces, mut writes) = (0, 0, Vec::new(), Vec::new());
    while let Next::Frame(framed) = next_frame(&bytes[at..]) {
        let place = at..at + framed.length;
        at = place.end;
        match framed.frame {
            Frame::Entry(entry) => {
                let envelope = Envelope::decode(entry.envelope).unwrap();
                let (structure, words) = (entry.structure.to_vec(), entry.words.to_vec());
                pieces.push(Piece { envelope, structure, words, place });
            }
            Frame::Own(frame) | Frame::Cosigned(frame) => {
                let cosigned = pieces.is_empty();
                let pieces = std::mem::take(&mut pieces);
                writes.push(Write { pieces, note: frame.note.to_vec(), cosigned, place: start..at });
                start = at;
            }
            Frame::Void(_) => panic!("a void frame"),
        }
    }
    assert_eq!(at, bytes.len());
    writes
}

/// Puts writes together: numbers, links, check values, offsets and hashes of writes are made to fit; with a log key the
/// checkpoints too, without one they stay as they are.
pub fn build(writes: &[Write], log_key: Option<&SignerKey>) -> Vec<u8> {
    let (mut bytes, mut hash, mut link, mut frontier) = (Vec::new(), [0; 32], Link::ZERO, Frontier::new());
    for write in writes {
        let built = build_write(write, log_key, bytes.len() as u64, hash, &mut link, &mut frontier);
        bytes.extend(built.bytes);
        hash = built.hash;
    }
    bytes
}

fn build_write(
    write: &Write,
    log_key: Option<&SignerKey>,
    start: u64,
    hash: [u8; 32],
    link: &mut Link,
    frontier: &mut Frontier,
) -> Built {
    if write.cosigned {
        return WriteBuilder::cosigned(start, hash, &write.note).unwrap();
    }
    let mut builder = WriteBuilder::new(start, hash);
    for piece in &write.pieces {
        let number = EntryNumber(frontier.size().0);
        let bytes = Envelope { number, previous: *link, ..piece.envelope }.encode();
        builder.entry(&bytes, &piece.structure, &piece.words).unwrap();
        *link = envelope::link(&bytes);
        frontier.append(leaf_hash(&bytes));
    }
    let note = log_key.map_or_else(|| write.note.clone(), |key| sign(key, frontier).to_string().into_bytes());
    builder.own(&note).unwrap()
}

fn sign(key: &SignerKey, frontier: &Frontier) -> Note {
    Checkpoint::new(key.public().name(), frontier.size(), frontier.root()).sign(&[key]).unwrap()
}

/// Adds one write of these pieces, signed with the log key.
pub fn extend(bytes: &[u8], pieces: Vec<Piece>, log_key: &SignerKey) -> Vec<u8> {
    let mut writes = writes(bytes);
    writes.push(Write { pieces, note: vec![], cosigned: false, place: 0..0 });
    build(&writes, Some(log_key))
}

/// A ledger of 12 entries, with every key there is.
#[derive(Clone)]
pub struct Sample {
    pub bytes: Vec<u8>,
    pub keys: Keys,
    pub note: Note,
    pub ledger: LedgerId,
    log_key: String,
    people: Vec<(&'static str, Vec<u8>, StructureKey)>,
}

/// Everyone's keys at a ledger.
pub struct Author {
    pub identity: Identity,
    pub structure_key: StructureKey,
    pub sequence: u64,
    pub previous: Digest,
}

/// A ledger with mixed authors, public and sealed entries, words, and a write of three entries (8 to 10).
pub fn sample() -> &'static Sample {
    static SAMPLE: OnceLock<Sample> = OnceLock::new();
    SAMPLE.get_or_init(|| Sample::of(&busy()))
}

/// The same in its folder, to be gone on with.
pub fn busy() -> World {
    let world = World::new();
    world.at("2026-10-06T12:00:00+01:00");
    world.record("maria", concern("theo", "Hungry on arrival."));
    world.record("sam", noshare("theo", "The asker could not say who they were."));
    let batch = [noshare("ezra", "One."), concern("ezra", "Two."), noshare("theo", "Three.")];
    world.record_batch("sam", &batch);
    world.record("jon", concern("theo", "The same again."));
    world
}

pub fn concern(case: &str, text: &str) -> serde_json::Value {
    json!({"kind": "concern.observed", "case": case, "learned_at": "2026-10-06T08:10:00+01:00", "narrative": text,
           "reasons": "It may matter."})
}

pub fn noshare(case: &str, text: &str) -> serde_json::Value {
    json!({"kind": "decision.noshare", "case": case, "learned_at": "2026-10-06T08:10:00+01:00",
           "decided_at": "2026-10-06T08:40:00+01:00", "reasons": text})
}

impl Sample {
    pub fn of(world: &World) -> Self {
        let maria = world.desk("maria");
        let held = structure_keys::load_all(&maria.ledger.cabinet(), maria.identity().secret()).unwrap().opened;
        let person = |who: &'static str| {
            let author = world.identity(who).author();
            let key = held.iter().find(|held| held.author == author).unwrap().key().unwrap().clone();
            (who, std::fs::read(world.path(&format!("{who}.id"))).unwrap(), key)
        };
        Sample {
            bytes: world.bytes(),
            keys: maria.keys(),
            note: maria.ledger.checkpoint().unwrap().clone(),
            ledger: maria.ledger_id(),
            log_key: std::fs::read_to_string(&world.begun.log_key).unwrap(),
            people: ["maria", "jon", "sam"].map(person).into(),
        }
    }

    pub fn log_key(&self) -> SignerKey {
        SignerKey::parse(&self.log_key).unwrap()
    }

    /// The person's keys, and where their own chain stands.
    pub fn author(&self, who: &str) -> Author {
        let (_, identity, key) = self.people.iter().find(|(name, ..)| *name == who).unwrap();
        let identity = Identity::open(identity, &mut || None).unwrap();
        let (mut sequence, mut previous) = (0, Digest::ZERO);
        for write in writes(&self.bytes) {
            for piece in write.pieces {
                let digest = piece.envelope.statement;
                let opened =
                    indelible::ledger::read::open_statement(&digest, &piece.structure, &piece.words, &self.keys);
                let statement = opened.unwrap();
                if statement.body().author.0 == *identity.author().as_bytes() {
                    (sequence, previous) = (statement.body().sequence + 1, digest);
                }
            }
        }
        Author { identity, structure_key: key.clone(), sequence, previous }
    }

    /// Entry and link that a device has seen.
    pub fn seen(&self, number: u64) -> Seen {
        let pieces: Vec<Piece> = writes(&self.bytes).into_iter().flat_map(|write| write.pieces).collect();
        Seen { number, link: envelope::link(&pieces[number as usize].envelope.encode()) }
    }

    pub fn size(&self) -> u64 {
        writes(&self.bytes).iter().map(|write| write.pieces.len() as u64).sum()
    }

    /// What this person would say next: that a body was read. `change` makes it something else.
    pub fn body(&self, author: &Author, change: impl FnOnce(&mut Body)) -> Body {
        let mut body = Body {
            version: 1,
            ledger: self.ledger,
            id: StatementId::new([7; 16]),
            person: author.identity.person(),
            author: Bytes(*author.identity.author().as_bytes()),
            sequence: author.sequence,
            previous: author.previous,
            kind: KindNumber::of("body.read").unwrap(),
            case: None,
            folder: 0,
            folder_key: FolderKeyId::ZERO,
            occurred: Moment::NONE,
            learned: Moment::NONE,
            decided: Moment::NONE,
            signed: Moment::instant(crate::world::START, 60),
            act: false,
            happened: true,
            values: vec![],
            references: vec![],
            pack: document_hash(BUILT_IN.as_bytes()),
            policy: Digest::ZERO,
            structure_seed: Bytes([9; 32]),
            words_root: Digest::ZERO,
            words_digest: envelope::part_digest(b""),
            words_length: 0,
            seen: self.seen(self.size() - 1),
        };
        change(&mut body);
        body
    }

    /// Signs and seals what this person says; in clear if `clear`.
    pub fn authored(&self, author: &Author, clear: bool, words: Vec<u8>, body: Body) -> Authored {
        self.signed_with(author, author.identity.signing(), clear, words, body)
    }

    /// The same with another signing key.
    pub fn signed_with(&self, author: &Author, key: &SigningKey, clear: bool, words: Vec<u8>, body: Body) -> Authored {
        let statement = Statement::sign(body, key).unwrap();
        let content_key = ContentKey::random(&mut durable::entropy());
        let (bytes, signature, digest) = (statement.as_bytes(), &statement.signature().0, statement.digest());
        let structure = if clear {
            structure::clear(bytes, signature)
        } else {
            let key = Some(&author.structure_key);
            structure::seal(bytes, signature, &digest, key, &content_key, &mut durable::entropy()).unwrap()
        };
        Authored { statement, structure, words, words_key: None, content_key }
    }
}

/// The values with which `key.enrol` says what a card says.
pub fn enrolment(card: &Card, role: Role) -> Vec<Value> {
    let one = |field, content| Value { field, position: 0, content };
    let mut values = vec![
        one(field::PERSON, Content::Person(card.person())),
        one(field::ROLE, Content::Code(ShortText::new(role.code()).unwrap())),
        one(field::AUTHOR_KEY, Content::Key(Bytes(*card.author_key().as_bytes()))),
        one(field::SEALING_KEY, Content::Text(ShortText::new(card.recipient()).unwrap())),
        one(field::KEY_PROOF, Content::Proof(Bytes(card.proof().0))),
        one(field::ROLL_COMMITMENT, Content::Hash(card.commitment())),
    ];
    values.sort_by_key(|value| value.field);
    values
}
