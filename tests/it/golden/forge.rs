//! Whoever holds the log's key: takes a log apart and writes it again, numbered, linked and signed, with what they like in it.

use indelible::codec::context::{STATEMENT_DIGEST, STATEMENT_SIGNATURE};
use indelible::codec::{self, Digest, Link, STATEMENT_LIMIT};
use indelible::entry::authored::Authored;
use indelible::entry::envelope::{self, Envelope};
use indelible::entry::statement::{Body, Statement};
use indelible::frame::write::{Built, Write, WriteBuilder};
use indelible::head::checkpoint::Checkpoint;
use indelible::keys::SigningKey;
use indelible::keys::name::SignerKey;
use indelible::seal::structure::{self, ContentKey, StructureKey};
use indelible::tree::{EntryNumber, Frontier, Hash, leaf_hash};

use super::play::Counting;

/// An entry without its place.
#[derive(Clone)]
pub struct Item {
    pub recorded: i64,
    pub statement: Digest,
    pub commitment: Digest,
    pub structure: Vec<u8>,
    pub words: Vec<u8>,
}

impl Item {
    /// An entry as the clerk would make it.
    pub fn of(authored: &Authored, recorded: i64) -> Self {
        Item {
            recorded,
            statement: authored.statement.digest(),
            commitment: authored.statement.commitment(),
            structure: authored.structure.clone(),
            words: authored.words.clone(),
        }
    }

    /// An entry whose statement says something else, signed with some key.
    pub fn signed(
        authored: &Authored,
        recorded: i64,
        key: &SigningKey,
        structure_key: &StructureKey,
        change: impl FnOnce(&mut Body),
    ) -> Self {
        let mut body = authored.statement.body().clone();
        change(&mut body);
        let statement = Statement::sign(body, key).unwrap();
        let (bytes, signature) = (statement.as_bytes(), statement.signature().0);
        let mut item = Item::of(authored, recorded);
        (item.statement, item.commitment) = (statement.digest(), statement.commitment());
        item.structure = if authored.structure[0] == 0 {
            structure::clear(bytes, &signature)
        } else {
            seal(bytes, &signature, &item.statement, structure_key)
        };
        item
    }

    /// The same of a statement that nobody else would sign: its bytes do not follow the format.
    pub fn misshapen(
        authored: &Authored,
        recorded: i64,
        key: &SigningKey,
        structure_key: &StructureKey,
        change: impl FnOnce(&mut Body),
    ) -> Self {
        let mut body = authored.statement.body().clone();
        change(&mut body);
        let bytes = codec::encode(&body, STATEMENT_LIMIT).unwrap();
        let signature = key.sign(&STATEMENT_SIGNATURE.message(&[&bytes])).unwrap();
        let statement = STATEMENT_DIGEST.digest(&[&bytes, &signature.0]);
        let structure = seal(&bytes, &signature.0, &statement, structure_key);
        Item { statement, structure, ..Item::of(authored, recorded) }
    }

    /// An entry whose signature has a flipped bit.
    pub fn unsigned(authored: &Authored, recorded: i64, structure_key: &StructureKey) -> Self {
        let bytes = authored.statement.as_bytes();
        let mut signature = authored.statement.signature().0;
        signature[40] ^= 1;
        let digest = STATEMENT_DIGEST.digest(&[bytes, &signature]);
        let clear = authored.structure[0] == 0;
        let structure =
            if clear { structure::clear(bytes, &signature) } else { seal(bytes, &signature, &digest, structure_key) };
        Item { statement: digest, structure, ..Item::of(authored, recorded) }
    }

    /// The same entry with its structure sealed.
    pub fn sealed(authored: &Authored, recorded: i64, structure_key: &StructureKey) -> Self {
        let statement = &authored.statement;
        let structure = seal(statement.as_bytes(), &statement.signature().0, &statement.digest(), structure_key);
        Item { structure, ..Item::of(authored, recorded) }
    }

    /// The same entry with its structure in clear.
    pub fn clear(authored: &Authored, recorded: i64) -> Self {
        let statement = &authored.statement;
        Item {
            structure: structure::clear(statement.as_bytes(), &statement.signature().0),
            ..Item::of(authored, recorded)
        }
    }
}

fn seal(statement: &[u8], signature: &[u8; 64], digest: &Digest, key: &StructureKey) -> Vec<u8> {
    let content_key = ContentKey::new([0x33; 32]);
    structure::seal(statement, signature, digest, Some(key), &content_key, &mut Counting(0)).unwrap()
}

/// The writes of a log, each with its place and entries; none in a cosigned one.
pub fn scroll(bytes: &[u8]) -> Vec<(std::ops::Range<usize>, Vec<Item>)> {
    let (mut at, mut previous, mut writes) = (0, [0; 32], Vec::new());
    while at < bytes.len() {
        let write = Write::parse(&bytes[at..], at as u64, previous).unwrap();
        let items = write.entries.iter().map(|entry| {
            let envelope = Envelope::decode(entry.envelope).unwrap();
            Item {
                recorded: envelope.recorded,
                statement: envelope.statement,
                commitment: envelope.commitment,
                structure: entry.structure.to_vec(),
                words: entry.words.to_vec(),
            }
        });
        writes.push((at..at + write.length, items.collect()));
        (at, previous) = (at + write.length, write.hash);
    }
    writes
}

/// The entries of a log, a list for each write.
pub fn items(bytes: &[u8]) -> Vec<Vec<Item>> {
    scroll(bytes).into_iter().map(|(_, items)| items).collect()
}

/// Where the write lies that holds this entry.
pub fn write_of(bytes: &[u8], entry: usize) -> std::ops::Range<usize> {
    let mut first = 0;
    for (range, items) in scroll(bytes) {
        if (first..first + items.len()).contains(&entry) {
            return range;
        }
        first += items.len();
    }
    panic!("no entry {entry}")
}

/// Where frame, structure part, words part and trailer of an entry begin.
pub fn parts_of(bytes: &[u8], entry: usize) -> [usize; 4] {
    let mut at = write_of(bytes, entry).start;
    loop {
        let length = |from: usize| u32::from_be_bytes(bytes[from..from + 4].try_into().unwrap()) as usize;
        let (structure, words) = (length(at + 1), length(at + 5));
        if bytes[at] == 1 {
            let number = u64::from_be_bytes(bytes[at + 10..at + 18].try_into().unwrap()) as usize;
            let parts = at + 9 + 145;
            if number == entry {
                return [at, parts, parts + structure, parts + structure + words];
            }
            at = parts + structure + words + 20;
        } else {
            at += 9 + 48 + 40 * structure + 20;
        }
    }
}

/// How a forger writes: with which key, and what differs from what should stand there.
pub struct Forger<'a> {
    pub key: &'a SignerKey,
    pub envelope: &'a dyn Fn(&mut Envelope),
    pub bytes: &'a dyn Fn(&mut [u8; 145]),
    pub root: &'a dyn Fn(u64, Hash) -> Hash,
}

impl<'a> Forger<'a> {
    /// One who writes what should stand there.
    pub fn honest(key: &'a SignerKey) -> Self {
        Forger { key, envelope: &|_| (), bytes: &|_| (), root: &|_, root| root }
    }

    /// Writes a log.
    pub fn write(&self, writes: &[Vec<Item>]) -> Vec<u8> {
        let (mut log, mut hash, mut link, mut tree) = (Vec::new(), [0; 32], Link::ZERO, Frontier::new());
        for items in writes {
            let mut builder = WriteBuilder::new(log.len() as u64, hash);
            for item in items {
                let mut envelope = Envelope {
                    number: EntryNumber(tree.size().0),
                    recorded: item.recorded,
                    previous: link,
                    statement: item.statement,
                    commitment: item.commitment,
                    parts: envelope::parts_digest(
                        &envelope::part_digest(&item.structure),
                        &envelope::part_digest(&item.words),
                    ),
                };
                (self.envelope)(&mut envelope);
                let mut bytes = envelope.encode();
                (self.bytes)(&mut bytes);
                builder.entry(&bytes, &item.structure, &item.words).unwrap();
                link = envelope::link(&bytes);
                tree.append(leaf_hash(&bytes));
            }
            let root = (self.root)(tree.size().0, tree.root());
            let note = Checkpoint::new(self.key.public().name(), tree.size(), root).sign(&[self.key]).unwrap();
            let Built { bytes, hash: next, .. } = builder.own(note.to_string().as_bytes()).unwrap();
            log.extend(bytes);
            hash = next;
        }
        log
    }
}
