//! What somebody with the whole computer can write past the program: an entry that it refuses, signed, numbered, linked and
//! vouched for with the real keys.

use indelible::cabinet::structure_keys;
use indelible::codec::{KindNumber, Link, RelationNumber};
use indelible::decision::decision::{Decision, Reference};
use indelible::decision::value::{Content, Moment, Value, field};
use indelible::entry::authored::{Author, Authored};
use indelible::entry::envelope::{self, Envelope};
use indelible::entry::statement::Seen;
use indelible::frame::reader::{Event, WriteReader};
use indelible::frame::write::WriteBuilder;
use indelible::head::checkpoint::Checkpoint;
use indelible::ledger::CABINET;
use indelible::ledger::desk::read_log_key;
use indelible::rules::pack::Pack;
use indelible::seal::sealed::Sealed;
use indelible::store::durable;
use indelible::tree::{EntryNumber, Frontier, leaf_hash};

use crate::cli::demo::stage::{Stage, broken, disk};
use crate::cli::failure::Failure;

/// A log with one entry more, and that entry's number.
pub struct Forged {
    pub log: Vec<u8>,
    pub entry: u64,
}

/// Where a log ends.
struct End {
    frontier: Frontier,
    link: Link,
    write: [u8; 32],
    end: u64,
}

impl Forged {
    /// Somebody confirms an entry, whatever the program says.
    pub fn confirmation(stage: &Stage, who: &str, entry: u64, now: i64) -> Result<Self, Failure> {
        let digest = stage.ledger()?.entry(entry)?.envelope().statement;
        let relation = RelationNumber::of("confirms").ok_or_else(|| broken("no such relation"))?;
        let agrees = indelible::codec::ShortText::new("agrees").map_err(broken)?;
        let values = vec![Value { field: field::VIEW, position: 0, content: Content::Code(agrees) }];
        Self::make(stage, who, "confirmation", values, vec![Reference { relation, entry, digest }], now)
    }

    /// Somebody writes with a key that was revoked.
    pub fn with_old_key(stage: &Stage, who: &str, now: i64) -> Result<Self, Failure> {
        let hash = Content::Hash(indelible::codec::Digest::new([7; 32]));
        let pack = stage.desk("maria")?.pack().clone();
        let value = |name: &str, content| {
            let id = pack.id_of(name).ok_or_else(|| broken("no such field"))?;
            Ok::<_, Failure>(Value { field: indelible::decision::value::FieldId(id), position: 0, content })
        };
        let cause = indelible::codec::ShortText::new("cannot_open").map_err(broken)?;
        let values = vec![value("statement_hash", hash)?, value("cause", Content::Code(cause))?];
        Self::make(stage, who, "body.unreadable", values, Vec::new(), now)
    }

    fn make(
        stage: &Stage,
        who: &str,
        kind: &str,
        values: Vec<Value>,
        references: Vec<Reference>,
        now: i64,
    ) -> Result<Self, Failure> {
        let mut log = stage.log()?;
        let End { mut frontier, link, write, end } = read_end(&log)?;
        let (desk, identity) = (stage.desk("maria")?, stage.identity(who)?);
        let (pack, ledger): (&Pack, _) = (desk.pack(), desk.ledger_id());
        let kind = KindNumber::of(kind).ok_or_else(|| broken("no such kind"))?;
        let decision = Decision::setup(pack, kind, None, Moment::in_london(now), values, references)
            .map_err(|gaps| broken(format!("{gaps:?}")))?;
        let cabinet = stage.book().join(CABINET);
        // Whoever has every identity on the computer has every structure key.
        let maria = stage.identity("maria")?;
        let held = structure_keys::load_all(&cabinet, maria.secret()).map_err(broken)?.opened;
        let mine = held.into_iter().filter(|held| held.author == identity.author());
        let key = mine.max_by_key(|held| held.epoch).ok_or_else(|| broken("no structure key"))?;
        let (mut sequence, mut previous) = (0, indelible::codec::Digest::ZERO);
        for number in 0..desk.ledger.size() {
            let (stored, statement) = desk.statement(number)?;
            if let Some(statement) = statement.filter(|one| one.body().author.0 == *identity.author().as_bytes()) {
                (sequence, previous) = (statement.body().sequence + 1, stored.envelope().statement);
            }
        }
        let newest = desk.ledger.size() - 1;
        let author = Author {
            person: identity.person(),
            key: identity.signing(),
            structure_key: key.key().ok_or_else(|| broken("a structure key that was punctured"))?,
            sequence,
            previous,
            seen: Seen { number: newest, link },
            pack: desk.roster().pack(),
            policy: desk.roster().policy(),
            signed: Moment::in_london(now),
        };
        let mut rng = durable::entropy();
        let sealed = Sealed::new(decision, ledger, identity.author().as_bytes(), None, &mut rng).map_err(broken)?;
        let authored = Authored::sign(sealed, &author, &mut rng).map_err(broken)?;
        let parts = [&authored.structure, &authored.words].map(|part| envelope::part_digest(part));
        let [structure, words] = &parts;
        let envelope = Envelope {
            number: EntryNumber(newest + 1),
            recorded: now,
            previous: link,
            statement: authored.statement.digest(),
            commitment: authored.statement.commitment(),
            parts: envelope::parts_digest(structure, words),
        }
        .encode();
        frontier.append(leaf_hash(&envelope));
        let signer = read_log_key(&stage.config(), ledger).ok_or_else(|| broken("no log key"))?;
        let checkpoint = Checkpoint::new(signer.public().name(), frontier.size(), frontier.root());
        let note = checkpoint.sign(&[&signer]).map_err(broken)?.to_string();
        let mut builder = WriteBuilder::new(end, write);
        builder.entry(&envelope, &authored.structure, &authored.words).map_err(|fault| broken(format!("{fault:?}")))?;
        let built = builder.own(note.as_bytes()).map_err(|fault| broken(format!("{fault:?}")))?;
        log.extend_from_slice(&built.bytes);
        Ok(Forged { log, entry: newest + 1 })
    }
}

fn read_end(log: &[u8]) -> Result<End, Failure> {
    let mut at = End { frontier: Frontier::new(), link: Link::ZERO, write: [0; 32], end: 0 };
    let mut reader = WriteReader::new(std::io::Cursor::new(log));
    loop {
        match reader.next_event().map_err(disk)? {
            Event::Entry { frame, .. } => {
                at.frontier.append(leaf_hash(frame.envelope));
                at.link = envelope::link(frame.envelope);
            }
            Event::Checkpoint { write, .. } => (at.write, at.end) = (write.hash, write.end),
            Event::Void { .. } => {}
            Event::End { .. } => return Ok(at),
            Event::Tail(_) => return Err(broken("the log has a tail")),
        }
    }
}
