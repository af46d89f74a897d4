//! Verifying a whole ledger: a stream of bytes, checked on every core, judged in order, without stopping at a finding.
// Long because: the order of judging stands in one place; what can be judged alone is in entry, chains, past and signatures.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read, Seek};

use crate::codec::{Digest, Link};
use crate::decision::value::Content;
use crate::entry::envelope::{ENVELOPE, Envelope};
use crate::entry::statement::{UNKNOWN, Unverified};
use crate::frame::reader::{Event, Tail, WriteReader};
use crate::frame::tail::{Remains, examine};
use crate::frame::write::Fault;
use crate::frame::{VOID_LIST_LIMIT, Void};
use crate::head::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::head::note::Note;
use crate::head::receipt::Receipt;
use crate::head::trust::Trust;
use crate::keys::PublicKey;
use crate::keys::name::{KeyKind, KeyName, VerifierKey};
use crate::tree::{Frontier, Hash, TreeSize, check_inclusion, leaf_hash};
use crate::verify::chains::Chains;
use crate::verify::entry::{self, Checked, Hashed, Keys, Parts};
use crate::verify::log_keys::Speakers;
use crate::verify::past::{Known, Past};
use crate::verify::record::Record;
use crate::verify::report::{
    Code, Counts, EnrolledKey, FINDINGS_LIMIT, Finding, History, Layer, RecordKeeping, Report, WITNESSED_DAYS,
    Witnessed, altered,
};
use crate::verify::retired::{Judged, Retirements};
use crate::verify::roots::Roots;
use crate::verify::roster::{Enrolment, Roster};
use crate::verify::signatures::{GROUP, Signatures};

/// Entries that are checked together.
const CHUNK_ENTRIES: usize = 1024;
/// Bytes that are checked together, at least one entry.
const CHUNK_BYTES: usize = 4 << 20;
/// Items that one core looks at together, so that their hashes are made side by side.
const TOGETHER: usize = 32;

/// Places of damage after which reading goes on: each costs a look through the rest of the log.
const DAMAGES: usize = 16;
/// Bytes of the smallest entry frame: so many entries at most are missing where bytes cannot be read.
const SMALLEST_ENTRY: u64 = 174;

/// What the verifier brings.
pub struct Options<'a> {
    /// Keys that open structure.
    pub keys: Keys,
    /// The verifier's own trust file.
    pub trust: Option<&'a Trust>,
    /// The digest of that file, for the record that is saved; zero for none.
    pub trust_digest: Digest,
    /// Checkpoints that the verifier holds; the ledger must extend each.
    pub known: &'a [Note],
    /// Receipts that the verifier holds; the ledger must honour each.
    pub receipts: &'a [Receipt],
    /// What this program saved after an earlier verify, checked by [`Record::check`]. If the ledger still has that root at
    /// that size, structure and signatures up to there are not looked at again; all hashes are. Without keys for structure
    /// it is only one more checkpoint that the ledger must extend.
    pub since: Option<&'a Record>,
    /// The time, in milliseconds UTC.
    pub now: i64,
    /// Told the bytes read so far, every chunk.
    pub progress: &'a dyn Fn(u64),
}

/// Verifies a log.
///
/// `open` gives a new reader of the log's bytes each time; two are used.
///
/// # Errors
/// Those of the source: "could not look". What is found is never an error.
pub fn verify<R: Read + Seek + Send>(
    open: &dyn Fn() -> io::Result<R>,
    options: &Options<'_>,
) -> io::Result<(Report, Record)> {
    // A record is of structure: without keys for it, everything new would be hidden behind what was seen before.
    // One that does not fit this verify is none.
    let fits = |record: &&Record| record.check(&options.trust_digest).is_ok() && !options.keys.structure.is_empty();
    let since = options.since.filter(fits);
    if let Some(record) = since {
        let walk = walk_through(open, Walk::new(options, Past::new(open()?), since, record.size))?;
        if walk.extends_record && !walk.retired.needs_whole() {
            return walk.finish(open);
        }
        // Not the history that was verified, or something was retired, which rests on earlier entries: everything is looked
        // at again, so that the entry can be named.
    }
    walk_through(open, Walk::new(options, Past::new(open()?), since, 0))?.finish(open)
}

fn walk_through<'a, R: Read + Seek + Send>(
    open: &dyn Fn() -> io::Result<R>,
    mut walk: Walk<'a, R>,
) -> io::Result<Walk<'a, R>> {
    let mut reader = WriteReader::new(open()?);
    let (mut chunk, mut next) = (Chunk::default(), Chunk::default());
    let mut damages = 0;
    loop {
        let mut stop = chunk.fill(&mut reader, walk.pending.is_some())?;
        while let Stop::Full = stop {
            // The next writes are read while these are checked.
            walk.last_write = chunk.last_write;
            next.last_write = chunk.last_write;
            let (read, checked) = beside(|| next.fill(&mut reader, false), || walk.process(&mut chunk));
            checked?;
            stop = read?;
            std::mem::swap(&mut chunk, &mut next);
        }
        match stop {
            Stop::Full => {}
            Stop::Write { entries } => {
                if let Some(void) = walk.pending.take() {
                    walk.set_aside(&void, entries, open)?;
                }
            }
            Stop::Void(void) => {
                chunk.drop_unfinished();
                walk.process(&mut chunk)?;
                walk.past.break_off();
                walk.pending = Some(void);
            }
            Stop::Tail(tail) => {
                walk.process(&mut chunk)?;
                let remains = examine(open()?, &tail)?;
                walk.tail(&tail, &chunk, &remains)?;
                chunk = Chunk { last_write: chunk.last_write, ..Chunk::default() };
                damages += 1;
                // Behind a torn write there is nothing; behind damage there may be, and it is looked at, up to a point.
                if remains.torn || damages > DAMAGES || reader.skip_damage()?.is_none() {
                    break;
                }
            }
            Stop::End { size } => {
                walk.process(&mut chunk)?;
                walk.counts.bytes = size;
                break;
            }
        }
        walk.last_write = chunk.last_write;
    }
    Ok(walk)
}

/// Why reading into a chunk stopped.
enum Stop {
    /// It holds enough whole writes.
    Full,
    /// A write ended that sets bytes aside.
    Write {
        /// Its entries.
        entries: u64,
    },
    /// As the event.
    Void(Void),
    /// As the event.
    Tail(Tail),
    /// As the event.
    End {
        /// The log's bytes.
        size: u64,
    },
}

/// Finished writes to be checked, and one unfinished one behind them.
#[derive(Default)]
struct Chunk {
    bytes: Vec<u8>,
    items: Vec<Item>,
    /// How many items belong to finished writes.
    finished: usize,
    /// Where the last checking write ends, and its hash.
    last_write: (u64, [u8; 32]),
}

enum Item {
    Entry { offset: u64, at: usize, structure: usize, words: usize },
    Checkpoint { cosigned: bool, at: usize, length: usize, end: u64 },
}

#[expect(clippy::large_enum_variant, reason = "nearly all are entries; a box for each would cost an allocation each")]
enum Outcome {
    Entry(Checked),
    Checkpoint(Option<(Note, Checkpoint)>),
}

impl Chunk {
    /// Reads writes until there are enough, or something comes that cannot wait; with `aside` also at the next write's end.
    fn fill<R: Read + Seek>(&mut self, reader: &mut WriteReader<R>, aside: bool) -> io::Result<Stop> {
        while !self.is_full() {
            match reader.next_event()? {
                Event::Entry { offset, frame } => self.entry(offset, frame.envelope, frame.structure, frame.words),
                Event::Checkpoint { frame, cosigned, write, .. } => {
                    self.checkpoint(frame.note, cosigned, write.end);
                    self.last_write = (write.end, write.hash);
                    if aside {
                        return Ok(Stop::Write { entries: write.entries });
                    }
                }
                Event::Void { void, .. } => return Ok(Stop::Void(void)),
                Event::Tail(tail) => return Ok(Stop::Tail(tail)),
                Event::End { size } => return Ok(Stop::End { size }),
            }
        }
        Ok(Stop::Full)
    }

    fn entry(&mut self, offset: u64, envelope: &[u8; ENVELOPE], structure: &[u8], words: &[u8]) {
        let at = self.bytes.len();
        [envelope, structure, words].iter().for_each(|part| self.bytes.extend_from_slice(part));
        self.items.push(Item::Entry { offset, at, structure: structure.len(), words: words.len() });
    }

    fn checkpoint(&mut self, note: &[u8], cosigned: bool, end: u64) {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(note);
        self.items.push(Item::Checkpoint { cosigned, at, length: note.len(), end });
        self.finished = self.items.len();
    }

    fn drop_unfinished(&mut self) {
        self.items.truncate(self.finished);
    }

    /// Empties it; the memory stays for the next ones.
    fn clear(&mut self) {
        self.bytes.clear();
        self.items.clear();
        self.finished = 0;
    }

    fn is_full(&self) -> bool {
        self.finished == self.items.len() && (self.items.len() >= CHUNK_ENTRIES || self.bytes.len() >= CHUNK_BYTES)
    }

    fn parts(&self, item: &Item) -> Option<Parts<'_>> {
        let Item::Entry { at, structure, words, .. } = item else { return None };
        let (envelope, rest) = self.bytes.get(*at..)?.split_first_chunk()?;
        let (structure, rest) = rest.split_at_checked(*structure)?;
        Some(Parts { envelope, structure, words: rest.get(..*words)? })
    }

    /// Looks at items that stand together: the entries among them are hashed side by side.
    fn look_at(&self, items: &[Item], keys: &Keys, opened_before: u64) -> Vec<Outcome> {
        let parts: Vec<Parts<'_>> = items.iter().filter_map(|item| self.parts(item)).collect();
        let mut hashed = Hashed::of_each(&parts).into_iter();
        let look = |item| match self.parts(item).and_then(|parts| Some((parts, hashed.next()?))) {
            Some((parts, hashed)) => Outcome::Entry(entry::check_hashed(parts, &hashed, keys, opened_before)),
            None => self.look_at_checkpoint(item),
        };
        items.iter().map(look).collect()
    }

    fn look_at_checkpoint(&self, item: &Item) -> Outcome {
        let Item::Checkpoint { at, length, .. } = item else { return Outcome::Checkpoint(None) };
        let note = self.bytes.get(*at..*at + *length).and_then(|bytes| Note::parse(bytes).ok());
        Outcome::Checkpoint(note.and_then(|note| {
            let checkpoint = Checkpoint::parse(note.text()).ok()?;
            Some((note, checkpoint))
        }))
    }
}

/// A witness's name, the tree size it cosigned, and when (seconds since 1970).
type Cosigned = (String, u64, u64);

struct Walk<'a, R> {
    options: &'a Options<'a>,
    keys: Keys,
    past: Past<R>,
    roster: Roster,
    chains: Chains,
    speakers: Speakers,
    /// The number that the next entry must have.
    next: u64,
    /// The tree over all entries, as long as none is missing.
    frontier: Frontier,
    /// The link of the entry before; none where it could not be read.
    link: Option<Link>,
    recorded: i64,
    findings: Vec<Finding>,
    /// How many of them say that history was altered.
    altering: usize,
    counts: Counts,
    /// Where the last damage begins, in bytes.
    damage: Option<u64>,
    /// For how many entries checkpoints vouch that are legible in damaged bytes: those entries are not cut off.
    reaches: u64,
    /// The first entry of which something could not be read: what rests on it is not held against later ones.
    hole: Option<u64>,
    /// How many entries could not be read.
    unread: u64,
    /// Where the last checking write ends, and its hash.
    last_write: (u64, [u8; 32]),
    /// The void frame of the write that is being read.
    pending: Option<Void>,
    /// Writes that set bytes aside: first entry, last entry, hash of the bytes.
    voids: Vec<(u64, u64, [u8; 32])>,
    /// Entries that say so.
    accounts: Vec<(u64, Vec<Digest>)>,
    /// Own checkpoints whose roots fitted: the newest ones, for cosignatures of an earlier size.
    heads: VecDeque<(u64, Hash)>,
    /// Size and root of every checkpoint that the verifier holds.
    outside: Roots,
    /// Our own roots at those sizes.
    reached: BTreeMap<u64, Hash>,
    /// Cosigned checkpoints of a size that was no longer kept.
    wanted: Roots,
    /// Witnesses' newest cosignatures: name, size, time.
    cosigned: Vec<Cosigned>,
    /// Tree sizes that a quorum vouched for, rising.
    quorums: Vec<u64>,
    last_note: Option<Note>,
    /// Leaves that receipts ask for.
    leaves: BTreeMap<u64, Option<Hash>>,
    signatures: Signatures,
    /// What was retired, and what that rests on.
    retired: Retirements,
    /// What was verified before, up to [`Walk::checked_before`].
    /// What an earlier verify found: the ledger must extend it.
    since: Option<&'a Record>,
    /// Entries before this one are not opened again.
    checked_before: u64,
    /// Whether the root at that size is the one of the record.
    extends_record: bool,
}

impl<'a, R: Read + Seek> Walk<'a, R> {
    fn new(options: &'a Options<'a>, past: Past<R>, since: Option<&'a Record>, checked_before: u64) -> Self {
        Walk {
            options,
            keys: options.keys.clone(),
            past,
            roster: Roster::default(),
            chains: since.filter(|_| checked_before > 0).map(Record::chains).unwrap_or_default(),
            speakers: Speakers::default(),
            next: 0,
            frontier: Frontier::new(),
            link: Some(Link::ZERO),
            recorded: i64::MIN,
            findings: Vec::new(),
            altering: 0,
            counts: Counts::default(),
            damage: None,
            reaches: 0,
            hole: None,
            unread: 0,
            last_write: (0, [0; 32]),
            pending: None,
            voids: Vec::new(),
            accounts: Vec::new(),
            heads: VecDeque::new(),
            outside: outside(options),
            reached: BTreeMap::new(),
            wanted: Roots::default(),
            cosigned: Vec::new(),
            quorums: Vec::new(),
            last_note: None,
            leaves: options.receipts.iter().map(|receipt| (receipt.number().0, None)).collect(),
            signatures: Signatures::default(),
            retired: Retirements::default(),
            since,
            checked_before,
            extends_record: false,
        }
    }

    fn find(&mut self, entry: u64, code: Code) {
        let finding = Finding { entry, code };
        let alters = altered(std::slice::from_ref(&finding)).is_some();
        // Each sort has its own room: nobody can fill the list with trifles so that what matters finds none.
        let sort = if alters { self.altering } else { self.findings.len() - self.altering };
        if sort < FINDINGS_LIMIT {
            self.findings.push(finding);
            self.altering += usize::from(alters);
        } else {
            self.counts.more_findings += 1;
        }
    }

    fn size(&self) -> u64 {
        self.next
    }

    /// Whether the tree holds all entries so far.
    fn whole(&self) -> bool {
        self.frontier.size().0 == self.next
    }

    /// Checks the finished writes of a chunk on every core, then judges them in order.
    fn process(&mut self, chunk: &mut Chunk) -> io::Result<()> {
        let keys = &self.keys;
        let finished = chunk.items.get(..chunk.finished).unwrap_or_default();
        let before = self.checked_before;
        let together: Vec<&[Item]> = finished.chunks(TOGETHER).collect();
        let looked = parallel(&together, |items| chunk.look_at(items, keys, before));
        let numbered = self.number(finished, looked.into_iter().flatten().collect())?;
        self.apply_public(chunk, &numbered);
        let signatures = self.check_signatures(&numbered);
        for ((item, (number, outcome)), signed) in finished.iter().zip(numbered).zip(signatures) {
            match (item, outcome) {
                (Item::Entry { offset, .. }, Outcome::Entry(checked)) => {
                    self.entry(number, *offset, checked, signed)?
                }
                (Item::Checkpoint { cosigned, end, .. }, Outcome::Checkpoint(note)) => {
                    self.counts.bytes = *end;
                    self.checkpoint(note, *cosigned);
                }
                _ => {}
            }
        }
        (self.options.progress)(self.counts.bytes);
        let unfinished = chunk.items.split_off(chunk.finished);
        if unfinished.is_empty() {
            chunk.clear();
            return Ok(());
        }
        let mut rest = Chunk { last_write: chunk.last_write, ..Chunk::default() };
        for item in &unfinished {
            if let (Item::Entry { offset, .. }, Some(parts)) = (item, chunk.parts(item)) {
                rest.entry(*offset, parts.envelope, parts.structure, parts.words);
            }
        }
        *chunk = rest;
        Ok(())
    }

    /// Gives every entry its number: the next one, or behind damage the one it claims; and notes the first that could not
    /// be read.
    fn number(&mut self, items: &[Item], looked: Vec<Outcome>) -> io::Result<Vec<(u64, Outcome)>> {
        let mut next = self.next;
        let mut links = Vec::new();
        let mut numbered = Vec::with_capacity(looked.len());
        for (item, outcome) in items.iter().zip(looked) {
            if let (Outcome::Entry(checked), Item::Entry { offset, .. }) = (&outcome, item) {
                let claimed = checked.envelope.map_or(next, |envelope| envelope.number.0);
                if self.may_jump(next, claimed, *offset) {
                    next = claimed;
                } else if claimed != next {
                    let named = self.misplaced(next, claimed, checked.link, &links)?;
                    self.find(named, Code::Order);
                }
                links.push((next, checked.link));
                if !checked.codes.is_empty() {
                    self.hole = self.hole.or(Some(next));
                }
                numbered.push((next, outcome));
                next += 1;
            } else {
                numbered.push((next, outcome));
            }
        }
        Ok(numbered)
    }

    /// Says which entry is out of order where another one stands: the one that stands twice, else the one whose place it is.
    fn misplaced(&mut self, at: u64, claimed: u64, link: Link, newest: &[(u64, Link)]) -> io::Result<u64> {
        let twice = newest.contains(&(claimed, link))
            || (claimed < self.next && self.past.entry(claimed)?.is_some_and(|known| known.link == link));
        Ok(if twice { claimed } else { at })
    }

    /// Whether the entries between are missing because bytes before this place could not be read.
    fn may_jump(&self, next: u64, claimed: u64, offset: u64) -> bool {
        let room = self.damage.map_or(0, |damage| offset.saturating_sub(damage) / SMALLEST_ENTRY);
        claimed > next && claimed - next <= room
    }

    /// Checks the signatures of the statements that were opened; none where there is nothing to check, or it was checked
    /// before.
    fn check_signatures(&mut self, looked: &[(u64, Outcome)]) -> Vec<Option<Result<(), Code>>> {
        let mut verdicts = vec![None; looked.len()];
        let mut waiting = Vec::with_capacity(looked.len());
        for (at, ((number, outcome), verdict)) in looked.iter().zip(&mut verdicts).enumerate() {
            let Outcome::Entry(Checked { statement: Some(statement), .. }) = outcome else {
                continue;
            };
            let number = *number;
            if number < self.checked_before || excused(self.hole, number, &self.roster, statement) {
                continue;
            }
            match signer(statement, number, &self.roster) {
                Some(key) => waiting.push((at, (statement, key))),
                None => *verdict = Some(Err(Code::KeyNotEnrolled)),
            }
        }
        self.signatures.expect(waiting.iter().map(|(_, (_, key))| *key));
        let (places, waiting): (Vec<usize>, Vec<_>) = waiting.into_iter().unzip();
        let groups: Vec<_> = waiting.chunks(GROUP).collect();
        let signatures = &self.signatures;
        let checked = parallel(&groups, |group| signatures.check(group));
        for (at, signed) in places.into_iter().zip(checked.into_iter().flatten()) {
            if let Some(verdict) = verdicts.get_mut(at) {
                *verdict = Some(signed);
            }
        }
        verdicts
    }

    /// Takes the public entries into the roster, in order, each with its signature checked.
    fn apply_public(&mut self, chunk: &Chunk, looked: &[(u64, Outcome)]) {
        let mut codes = Vec::new();
        for (item, (number, outcome)) in chunk.items.iter().zip(looked) {
            let Outcome::Entry(Checked { statement: Some(statement), public: true, envelope, .. }) = outcome else {
                continue;
            };
            let number = *number;
            let words = chunk.parts(item).map_or(&[][..], |parts| parts.words);
            // A wrong signature is found with all the others; here it only keeps the entry from having an effect.
            let recorded = envelope.map_or(0, |envelope| envelope.recorded);
            match self.roster.admit(number, recorded, statement, words) {
                Ok(()) | Err(Code::Signature) => {}
                Err(Code::KeyNotEnrolled) if excused(self.hole, number, &self.roster, statement) => {}
                Err(code) => codes.push((number, code)),
            }
            if let (0, Some(ledger)) = (number, self.roster.ledger()) {
                self.keys.ledger = ledger;
            }
        }
        codes.into_iter().for_each(|(number, code)| self.find(number, code));
    }

    fn entry(
        &mut self,
        number: u64,
        offset: u64,
        checked: Checked,
        signed: Option<Result<(), Code>>,
    ) -> io::Result<()> {
        if number != self.next {
            self.unread += number - self.next;
            self.next = number;
            self.link = None;
            self.past.jump(number);
        }
        checked.codes.iter().for_each(|code| self.find(number, *code));
        if let Some(envelope) = checked.envelope {
            if self.link.is_some_and(|link| link != envelope.previous) {
                self.find(number, Code::Link);
            }
            if envelope.recorded < self.recorded {
                self.counts.clock_back += 1;
                self.find(number, Code::ClockBack);
            }
            self.recorded = envelope.recorded;
        }
        self.link = Some(checked.link);
        self.unread += u64::from(checked.statement.is_none() && !checked.codes.is_empty());
        self.counts.public += u64::from(checked.public);
        self.counts.not_opened += u64::from(checked.not_opened);
        if checked.not_opened && !self.keys.structure.is_empty() {
            self.retired.hide(number);
        }
        if let Some(Err(code)) = signed {
            self.find(number, code);
        }
        self.counts.signatures += u64::from(signed.is_some());
        if let Some(statement) = checked.statement.as_ref().filter(|_| number >= self.checked_before) {
            self.statement(number, statement, checked.digest, checked.public)?;
        }
        let digest = checked.envelope.map_or(Digest::ZERO, |envelope| envelope.statement);
        self.past.push(offset, Known { digest, link: checked.link, public: checked.public });
        if let Some(leaf) = self.leaves.get_mut(&number) {
            *leaf = Some(checked.leaf);
        }
        if self.whole() {
            self.frontier.append(checked.leaf);
        }
        self.next += 1;
        self.reached();
        Ok(())
    }

    /// Judges a statement against the entries before it.
    fn statement(&mut self, number: u64, statement: &Unverified, digest: Digest, clear: bool) -> io::Result<()> {
        let body = statement.body();
        if self.roster.ledger().is_some_and(|ledger| ledger != body.ledger) {
            self.find(number, Code::Statement);
        }
        let chain = self.chains.0.get(&body.author.0);
        self.retired.note(number, self.recorded, body, chain, &self.roster, self.checked_before);
        if number >= self.checked_before
            && let Err(code) = self.chains.apply(body, digest, self.counts.not_opened + self.unread)
        {
            self.find(number, code);
        }
        let seen = body.seen;
        let seen_fits = match seen.number {
            // Nothing was durable yet: the first write only, which genesis begins.
            UNKNOWN => self.heads.is_empty() && seen.link == Link::ZERO,
            earlier if earlier >= number => false,
            earlier if self.past.is_missing(earlier) => true,
            earlier => self.past.entry(earlier)?.is_some_and(|known| known.link == seen.link),
        };
        if !seen_fits {
            self.find(number, Code::Seen);
        }
        for reference in body.references.iter().filter(|reference| reference.entry != UNKNOWN) {
            let fits = reference.entry < number
                && self.past.entry(reference.entry)?.is_some_and(|known| known.digest == reference.digest);
            if !fits && !self.past.is_missing(reference.entry) {
                self.find(number, Code::Reference);
            }
        }
        // Behind damage it may be that what is confirmed could not be read.
        let past = &mut self.past;
        let mut public = |entry| Ok::<_, io::Error>(past.entry(entry)?.map(|known| known.public));
        if !entry::confirmation_fits(body, clear, &mut public)? && self.hole.is_none_or(|hole| hole >= number) {
            self.find(number, Code::Sealed);
        }
        let judged: Vec<Code> = self.roster.judge(number, body, self.hole).collect();
        judged.into_iter().for_each(|code| self.find(number, code));
        if body.kind.name() == Some("statement.late") {
            self.chains.account(body);
        }
        if body.kind.name() == Some("tail.set_aside") {
            self.find(number, Code::SetAside);
            let hashes = body.values.iter().filter_map(|value| match &value.content {
                Content::Hash(hash) => Some(*hash),
                _ => None,
            });
            self.accounts.push((number, hashes.collect()));
        }
        Ok(())
    }

    fn checkpoint(&mut self, note: Option<(Note, Checkpoint)>, cosigned: bool) {
        let last = self.size().saturating_sub(1);
        let Some((note, checkpoint)) = note else { return self.find(last, Code::Checkpoint) };
        let origin = self.roster.origin();
        let named = origin.is_empty() || checkpoint.origin() == origin;
        if cosigned {
            let size = checkpoint.size().0;
            // Sizes only rise.
            let at = self.heads.partition_point(|(known, _)| *known < size);
            let ours = self.heads.get(at).filter(|(known, _)| *known == size).map(|(_, root)| *root);
            if !named || ours.is_some_and(|root| root != checkpoint.root()) || size > self.size() {
                return self.find(size.saturating_sub(1).min(last), Code::Checkpoint);
            }
            if ours.is_none() {
                self.wanted.insert(size, checkpoint.root());
            }
            self.open(note, size);
        } else {
            self.counts.writes += 1;
            let root = self.frontier.root();
            if !named || checkpoint.size().0 != self.next || (self.whole() && checkpoint.root() != root) {
                self.find(last, Code::Checkpoint);
            }
            if let Err(code) = self.speakers.own(&self.roster, &note, self.next) {
                self.find(last, code);
            }
            if self.heads.len() >= 1 << 16 {
                self.heads.pop_front();
            }
            self.heads.push_back((self.next, if self.whole() { root } else { checkpoint.root() }));
            self.last_note = Some(note);
        }
    }

    /// Compares the root with every checkpoint from outside that has this size.
    fn reached(&mut self) {
        let size = self.size();
        if self.whole() && self.outside.has(size) {
            let root = self.frontier.root();
            self.reached.insert(size, root);
            if self.outside.differ(size, || root) {
                self.find(size - 1, Code::Fork);
            }
        }
        if let Some(record) = self.since.filter(|record| record.size == size) {
            self.extends_record = record.root() == self.frontier.root();
        }
    }

    fn log_key(&self) -> Option<VerifierKey> {
        let key = self.roster.log_key()?.clone();
        Some(VerifierKey::new(KeyName::new(self.roster.origin()).ok()?, KeyKind::LogKey, key))
    }

    fn earlier_log_keys(&self) -> Vec<String> {
        let all: Vec<String> = self.speakers.all().map(ToString::to_string).collect();
        all.split_last().map(|(_, earlier)| earlier.to_vec()).unwrap_or_default()
    }

    /// The keys that may speak for this log at a size: the one in force there, and those of the trust file that never
    /// were this log's.
    fn log_keys(&self, size: u64) -> Vec<VerifierKey> {
        let trusted = self.options.trust.iter().flat_map(|trust| trust.logs().iter().map(|log| log.key.clone()));
        let mut keys = self.speakers.at(size);
        keys.extend(trusted.filter(|key| self.speakers.all().all(|known| known != key)));
        keys
    }

    /// Verifies a note's signatures: the log's, which must hold, and those of trusted witnesses, which count if they do.
    fn open(&mut self, note: Note, size: u64) {
        let mut known = self.log_keys(size);
        let witnesses: Vec<(String, VerifierKey)> = self.options.trust.map_or_else(Vec::new, |trust| {
            trust.witnesses().map(|(name, witness)| (name.to_owned(), witness.key.clone())).collect()
        });
        known.extend(witnesses.iter().map(|(_, key)| key.clone()));
        let Ok(signed) = SignedCheckpoint::open_note(note.clone(), &known) else {
            return self.find(size.saturating_sub(1), self.speakers.wrong(&note));
        };
        // A false line under a witness's name does not count, and takes nothing from what the log itself signed.
        if signed.failed().next().is_some() {
            self.find(size.saturating_sub(1), Code::Cosignature);
        }
        for (key, time) in signed.cosigners() {
            let Some((name, _)) = witnesses.iter().find(|(_, witness)| witness == key) else { continue };
            self.counts.cosignatures += 1;
            self.cosigned.push((name.clone(), size, time));
        }
        if let Some(witnessed) = self.witnessed()
            && self.quorums.last().is_none_or(|last| *last < witnessed.size)
        {
            self.quorums.push(witnessed.size);
        }
    }

    /// Judges bytes that a write set aside: the log as it was before that write must end in a tail that is torn, and every
    /// checkpoint in it must be listed, as far as there is room. One that the verifier holds is compared with the tree like any other.
    fn set_aside(&mut self, void: &Void, entries: u64, open: &dyn Fn() -> io::Result<R>) -> io::Result<()> {
        let first = self.next;
        self.voids.push((first, first + entries.saturating_sub(1), void.hash));
        if self.damage.is_some() {
            return Ok(());
        }
        let (end, hash) = self.last_write;
        let limit = void.offset + void.length;
        let mut reader = WriteReader::limited(open()?, end, hash, limit);
        let remains = loop {
            match reader.next_event()? {
                Event::Tail(tail) => break Some(examine(open()?, &tail)?),
                Event::End { .. } => break None,
                _ => {}
            }
        };
        let listed = |note: &Vec<u8>| {
            let checkpoint = Note::parse(note).ok().and_then(|note| Checkpoint::parse(note.text()).ok());
            checkpoint.is_none_or(|c| void.checkpoints.contains(&(c.size().0, c.root().0)))
        };
        let explained = remains.is_some_and(|r| r.torn && r.notes.iter().take(VOID_LIST_LIMIT).all(listed));
        if !explained {
            self.find(first, Code::Tail);
        }
        Ok(())
    }

    /// Looks for the entry that accounts for each stretch of bytes set aside.
    fn judge_voids(&mut self) {
        for (first, last, hash) in std::mem::take(&mut self.voids) {
            let hash = Digest::new(hash);
            let tells = |(entry, hashes): &(u64, Vec<Digest>)| (first..=last).contains(entry) && hashes.contains(&hash);
            if self.accounts.iter().any(tells) {
                continue;
            }
            let all_opened = self.counts.not_opened == 0 && self.unread == 0 && self.checked_before == 0;
            self.find(first, if all_opened { Code::Tail } else { Code::SetAside });
        }
    }

    /// Judges bytes that are no write: torn at the end, or damage that names an entry.
    fn tail(&mut self, tail: &Tail, chunk: &Chunk, remains: &Remains) -> io::Result<()> {
        self.pending = None;
        self.counts.bytes = tail.offset + tail.length;
        if remains.torn {
            self.find(self.next, Code::Torn);
            return Ok(());
        }
        let mut first = self.next;
        let claimed = chunk.items.iter().find_map(|item| match (item, chunk.parts(item)) {
            (Item::Entry { offset, .. }, Some(parts)) => {
                Envelope::decode(parts.envelope).ok().map(|envelope| (envelope.number.0, *offset))
            }
            _ => None,
        });
        if let Some((claimed, offset)) = claimed
            && self.may_jump(first, claimed, offset)
        {
            (first, self.link) = (claimed, None);
        }
        let (entry, code) = self.blame(first, tail, chunk, remains)?;
        self.find(entry, code);
        self.hole = self.hole.or(Some(first));
        self.reaches = remains.notes.iter().map(|note| vouches(note)).fold(self.reaches, u64::max);
        self.damage = self.damage.or(Some(tail.offset));
        self.link = None;
        self.past.break_off();
        Ok(())
    }

    /// Says which entry of a damaged write it is: those that could be read tell best what happened.
    fn blame(&mut self, first: u64, tail: &Tail, chunk: &Chunk, remains: &Remains) -> io::Result<(u64, Code)> {
        let mut link = self.link;
        let mut links = Vec::new();
        for (at, item) in (first..).zip(&chunk.items) {
            let Some(parts) = chunk.parts(item) else { continue };
            let checked = entry::check(parts, &self.keys, 0);
            let Some(envelope) = checked.envelope.filter(|_| checked.codes.is_empty()) else {
                return Ok((at, checked.codes.first().copied().unwrap_or(Code::Envelope)));
            };
            if envelope.number.0 != at {
                return Ok((self.misplaced(at, envelope.number.0, checked.link, &links)?, Code::Order));
            }
            if link.is_some_and(|link| link != envelope.previous) {
                return Ok((at, Code::Link));
            }
            link = Some(checked.link);
            links.push((at, checked.link));
        }
        let next = first + tail.fault.entry;
        let lacks = match tail.fault.why {
            // A checkpoint that vouches for entries behind those that stand before it, or with none before it.
            Fault::FramesHash => remains.notes.first().is_some_and(|note| vouches(note) > next),
            Fault::OutOfPlace => tail.fault.entry == 0,
            _ => false,
        };
        let named = matches!(tail.fault.why, Fault::Start | Fault::FramesHash | Fault::PreviousWrite);
        let behind = u64::from(!lacks && (remains.at_checkpoint || named));
        Ok((next.saturating_sub(behind), Code::Frame))
    }

    fn finish(mut self, open: &dyn Fn() -> io::Result<R>) -> io::Result<(Report, Record)> {
        let size = self.size();
        self.counts.entries = size;
        self.judge_head(open)?;
        self.judge_wanted(open)?;
        self.judge_outside();
        self.judge_voids();
        if self.roster.one_founder() {
            self.find(0, Code::OneFounder);
        }
        let past = &mut self.past;
        let mut digest = |entry| Ok(past.entry(entry)?.map(|known| known.digest));
        let Judged { retirements: retired, found, accounted } =
            self.retired.judge(&self.chains, &self.roster, &mut digest)?;
        found.into_iter().for_each(|(entry, code)| self.find(entry, code));
        self.counts.retired = retired.iter().map(|one| one.entries.len() as u64).sum();
        let waiting: Vec<u64> = self.roster.waiting().iter().map(|one| one.entry).collect();
        waiting.into_iter().for_each(|entry| self.find(entry, Code::Unconfirmed));
        // What was found before is said again, but for what is judged anew each time.
        let anew = [Code::OneFounder, Code::Unconfirmed, Code::Torn, Code::SetAside];
        let before = self.since.filter(|_| self.checked_before > 0).map(Record::findings).unwrap_or_default();
        self.findings.extend(before.into_iter().filter(|finding| !anew.contains(&finding.code)));
        self.findings.sort_unstable();
        self.findings.dedup();
        let witnessed = self.witnessed();
        let now = u64::try_from(self.options.now / 1000).unwrap_or(0);
        let days = witnessed.as_ref().map(|witnessed| now.saturating_sub(witnessed.time) / 86_400);
        let fresh = days.is_some_and(|days| days <= WITNESSED_DAYS);
        let history = altered(&self.findings).unwrap_or(if fresh { History::Witnessed } else { History::Unaltered });
        let sealed = size - self.counts.public;
        let no_keys = self.options.keys.structure.is_empty() && self.options.keys.restricted.is_empty();
        // What was retired hides nothing: nobody can open it, and what is said of it was looked at.
        let layer = match self.counts.not_opened - accounted {
            _ if no_keys => Layer::Skeleton,
            0 => Layer::Structure,
            hidden if hidden < sealed => Layer::Part,
            _ => Layer::Skeleton,
        };
        let record_keeping = if layer == Layer::Skeleton { RecordKeeping::NotSeen } else { RecordKeeping::NotAsked };
        keep_newest(&mut self.cosigned);
        let covered: Vec<(String, u64)> = self.cosigned.iter().map(|(name, size, _)| (name.clone(), *size)).collect();
        let enrolled = |e: &Enrolment| EnrolledKey { key: *e.key.as_bytes(), person: e.person, entry: e.entry };
        let keys: Vec<EnrolledKey> = self.roster.enrolments().iter().map(enrolled).collect();
        let vouched = |key: &[u8; 32]| {
            let entry = self.roster.enrolment(key)?.entry;
            self.quorums.iter().copied().find(|size| *size > entry)
        };
        let report = Report {
            history,
            record_keeping,
            layer,
            ledger: self.roster.ledger(),
            origin: self.roster.origin().to_owned(),
            setting: self.roster.setting().to_owned(),
            log_key: self.log_key().map(|key| key.to_string()).unwrap_or_default(),
            earlier_log_keys: self.earlier_log_keys(),
            continues: self.roster.continues().to_vec(),
            trusted: self.options.trust.is_some(),
            size: TreeSize(size),
            root: self.frontier.root(),
            findings: std::mem::take(&mut self.findings),
            counts: self.counts,
            witnessed,
            witnessed_days: days,
            needed_to_rewrite: self.chains.needed_to_rewrite(size, &covered, &vouched),
            keys,
            pack: self.roster.pack(),
            retired,
        };
        let record = Record::of(&report, self.last_note.as_ref(), &self.chains, &self.options.trust_digest);
        Ok((report, record))
    }

    /// Verifies the signature on the last own checkpoint; if it fails, says where signatures stop being good.
    fn judge_head(&mut self, open: &dyn Fn() -> io::Result<R>) -> io::Result<()> {
        let size = self.size();
        let (Some(note), Some(_)) = (self.last_note.clone(), self.log_key()) else {
            match size.checked_sub(1) {
                // A genesis that cannot be read was found already, and without it no key is known.
                _ if self.hole.is_some() => {}
                Some(last) => self.find(last, Code::Checkpoint),
                None => self.find(0, Code::Frame),
            }
            return Ok(());
        };
        if note.open(&self.speakers.at(size)).is_ok() {
            return Ok(());
        }
        let mut reader = WriteReader::new(open()?);
        let mut damages = 0;
        loop {
            match reader.next_event()? {
                Event::Checkpoint { frame, cosigned: false, .. } => {
                    let note = Note::parse(frame.note).ok();
                    let size = note.as_ref().map_or(0, |note| vouches(note.to_string().as_bytes()));
                    let signed = note.as_ref().is_some_and(|note| note.open(&self.speakers.at(size)).is_ok());
                    if !signed {
                        let code = note.map_or(Code::Checkpoint, |note| self.speakers.wrong(&note));
                        self.find(size.max(1) - 1, code);
                        return Ok(());
                    }
                }
                Event::Tail(_) => {
                    damages += 1;
                    if damages > DAMAGES || reader.skip_damage()?.is_none() {
                        self.find(size - 1, Code::Checkpoint);
                        return Ok(());
                    }
                }
                Event::End { .. } => {
                    self.find(size - 1, Code::Checkpoint);
                    return Ok(());
                }
                _ => {}
            }
        }
    }

    /// Compares the ledger with what the verifier holds: trust file, known checkpoints, receipts.
    fn judge_outside(&mut self) {
        let size = self.size();
        // Any key that was ever the log's will do: each hands on to the next in a checkpoint that both signed, and where
        // one did not, that was found.
        if let (Some(trust), Some(_)) = (self.options.trust, self.log_key())
            && !trust.logs().iter().any(|log| self.speakers.all().any(|key| log.key == *key))
        {
            self.find(0, Code::LogKey);
        }
        if self.options.since.is_some_and(|record| record.size > size.max(self.reaches)) {
            self.find(size, Code::Truncated);
        }
        for note in self.options.known {
            self.judge_note(note, size);
        }
        for receipt in self.options.receipts {
            self.judge_note(receipt.note(), size);
            self.judge_receipt(receipt);
        }
    }

    /// Judges whether the ledger holds the entry as a receipt says. Where the root that the receipt leads to is ours, the
    /// ledger holds what was vouched for, and a proof that fails is the receipt's own fault.
    fn judge_receipt(&mut self, receipt: &Receipt) {
        let Ok(head) = Checkpoint::parse(receipt.note().text()) else { return };
        let number = receipt.number();
        let ours = self.reached.get(&head.size().0) == Some(&head.root());
        let leaf = self.leaves.get(&number.0).copied().flatten();
        let honoured = match leaf {
            Some(leaf) => check_inclusion(number, head.size(), &leaf, receipt.proof(), &head.root()).is_ok(),
            // There is no such entry here: if more is vouched for than is here, that was found.
            None => number.0 < head.size().0,
        };
        if !honoured {
            self.find(number.0, if ours { Code::ReceiptDamaged } else { Code::Receipt });
        }
    }

    /// Recomputes the roots of cosigned checkpoints of sizes that were no longer kept when they came.
    fn judge_wanted(&mut self, open: &dyn Fn() -> io::Result<R>) -> io::Result<()> {
        let wanted = std::mem::take(&mut self.wanted);
        if wanted.is_empty() || !self.whole() {
            return Ok(());
        }
        let mut reader = WriteReader::new(open()?);
        let mut frontier = Frontier::new();
        let mut leaves = Vec::new();
        loop {
            match reader.next_event()? {
                Event::Entry { frame, .. } => leaves.push(leaf_hash(frame.envelope)),
                // What was set aside did not happen.
                Event::Void { .. } => leaves.clear(),
                Event::Checkpoint { .. } => {
                    for leaf in leaves.drain(..) {
                        frontier.append(leaf);
                        let size = frontier.size().0;
                        if wanted.differ(size, || frontier.root()) {
                            self.find(size - 1, Code::Checkpoint);
                        }
                    }
                }
                Event::End { .. } | Event::Tail(_) => return Ok(()),
            }
        }
    }

    fn judge_note(&mut self, note: &Note, size: u64) {
        let Ok(checkpoint) = Checkpoint::parse(note.text()) else { return };
        let vouched = checkpoint.size().0;
        // Without a genesis no key is known that could have signed.
        let fits = || {
            let origin = self.roster.origin();
            checkpoint.origin() == origin && SignedCheckpoint::open_note(note.clone(), &self.log_keys(vouched)).is_ok()
        };
        if self.roster.log_key().is_some() && !fits() {
            // Signed by a key that is not this ledger's, or by one that did not count at that size.
            let ours = checkpoint.origin() == self.roster.origin() && self.speakers.wrong(note) == Code::LogKey;
            return self.find(if ours { vouched.min(size).saturating_sub(1) } else { 0 }, Code::LogKey);
        }
        if vouched > size.max(self.reaches) {
            self.find(size, Code::Truncated);
        }
        if self.options.trust.is_some() && vouched <= size {
            self.open(note.clone(), vouched);
        }
    }

    fn witnessed(&mut self) -> Option<Witnessed> {
        let trust = self.options.trust.filter(|trust| trust.needs_witnesses())?;
        keep_newest(&mut self.cosigned);
        let met = |pick: &dyn Fn(&Cosigned) -> bool| {
            let names: Vec<&str> = self.cosigned.iter().filter(|c| pick(c)).map(|(name, ..)| name.as_str()).collect();
            trust.quorum_met(&names).then(|| names.into_iter().map(str::to_owned).collect::<Vec<_>>())
        };
        if self.cosigned.is_empty() {
            return None;
        }
        let largest = |values: Vec<u64>, pick: &dyn Fn(&Cosigned, u64) -> bool| {
            let mut values = values;
            values.sort_unstable_by(|a, b| b.cmp(a));
            values.into_iter().find_map(|value| met(&|c| pick(c, value)).map(|names| (value, names)))
        };
        let (size, names) = largest(self.cosigned.iter().map(|c| c.1).collect(), &|c, size| c.1 >= size)?;
        let (time, _) = largest(self.cosigned.iter().map(|c| c.2).collect(), &|c, time| c.2 >= time)?;
        Some(Witnessed { size, time, names })
    }
}

/// Returns for how many entries a note vouches; none for what is no checkpoint.
fn vouches(note: &[u8]) -> u64 {
    let note = Note::parse(note).ok();
    note.and_then(|note| Checkpoint::parse(note.text()).ok()).map_or(0, |checkpoint| checkpoint.size().0)
}

/// Keeps, for each witness, the largest size and the newest time.
fn keep_newest(cosigned: &mut Vec<Cosigned>) {
    let mut kept: Vec<Cosigned> = Vec::new();
    for (name, size, time) in cosigned.drain(..) {
        match kept.iter_mut().find(|(known, ..)| *known == name) {
            Some((_, most, newest)) => (*most, *newest) = ((*most).max(size), (*newest).max(time)),
            None => kept.push((name, size, time)),
        }
    }
    *cosigned = kept;
}

/// The key that is in force for the author of a statement.
fn signer<'a>(statement: &Unverified, number: u64, roster: &'a Roster) -> Option<&'a PublicKey> {
    let body = statement.body();
    let enrolment = roster.in_force(&body.author.0, number)?;
    (enrolment.person == body.person).then_some(&enrolment.key)
}

/// Whether a key that nobody enrolled may have been enrolled by an entry that could not be read.
fn excused(hole: Option<u64>, number: u64, roster: &Roster, statement: &Unverified) -> bool {
    hole.is_some_and(|hole| hole < number) && roster.enrolment(&statement.body().author.0).is_none()
}

/// Returns size and root of every checkpoint that the verifier holds, and of the ledger as verified before.
fn outside(options: &Options<'_>) -> Roots {
    let notes = options.known.iter().chain(options.receipts.iter().map(Receipt::note));
    let checkpoints = notes.filter_map(|note| Checkpoint::parse(note.text()).ok());
    let before = options.since.map(|record| (record.size, record.root()));
    checkpoints.map(|checkpoint| (checkpoint.size().0, checkpoint.root())).chain(before).collect()
}

/// Works here, and on the other thing meanwhile if a core has time for it.
#[cfg(feature = "desk")]
fn beside<A: Send, B>(other: impl FnOnce() -> A + Send, here: impl FnOnce() -> B) -> (A, B) {
    let mut done = None;
    let worked = rayon::in_place_scope(|scope| {
        scope.spawn(|_| done = Some(other()));
        here()
    });
    match done {
        Some(done) => (done, worked),
        None => unreachable!("beside: a scope ends when all in it has"),
    }
}

#[cfg(not(feature = "desk"))]
fn beside<A: Send, B>(other: impl FnOnce() -> A + Send, here: impl FnOnce() -> B) -> (A, B) {
    let worked = here();
    (other(), worked)
}

#[cfg(feature = "desk")]
pub(super) fn parallel<T: Sync, U: Send>(items: &[T], work: impl Fn(&T) -> U + Sync + Send) -> Vec<U> {
    use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
    items.par_iter().map(work).collect()
}

#[cfg(not(feature = "desk"))]
pub(super) fn parallel<T: Sync, U: Send>(items: &[T], work: impl Fn(&T) -> U + Sync + Send) -> Vec<U> {
    items.iter().map(work).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn trifles_do_not_crowd_out_what_matters() {
        let options = Options {
            keys: Keys::default(),
            trust: None,
            trust_digest: Digest::ZERO,
            known: &[],
            receipts: &[],
            since: None,
            now: 0,
            progress: &|_| (),
        };
        let mut walk = Walk::new(&options, Past::new(Cursor::new(Vec::new())), None, 0);
        (0..=FINDINGS_LIMIT as u64).for_each(|entry| walk.find(entry, Code::ClockBack));
        walk.find(3, Code::Signature);
        assert_eq!((walk.findings.len(), walk.counts.more_findings), (FINDINGS_LIMIT + 1, 1));
        assert_eq!(altered(&walk.findings), Some(History::Invalid));
    }
}
