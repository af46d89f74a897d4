//! Verifying a whole ledger: a stream of bytes, checked on every core, judged in order, without stopping at a finding.
// Long because: the order of judging stands in one place; what can be judged alone is in entry, chains, past and signatures.

mod chunk;
mod judge;
mod rules;
mod stale;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::{self, Read, Seek};

use crate::codec::{Digest, Link};
use crate::decision::people::Role;
use crate::decision::value::Content;
use crate::entry::statement::{Body, UNKNOWN, Unverified};
use crate::frame::Void;
use crate::frame::reader::WriteReader;
use crate::frame::tail::examine;
use crate::head::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::head::note::Note;
use crate::head::receipt::Receipt;
use crate::head::trust::Trust;
use crate::keys::PublicKey;
use crate::keys::name::{KeyKind, KeyName, VerifierKey};
use crate::review::says::Says;
use crate::tree::{Frontier, Hash};
use crate::verify::chains::Chains;
use crate::verify::closings::{Claim, Closings};
use crate::verify::entry::{self, Checked, Keys};
use crate::verify::ledger::chunk::{Chunk, Item, Outcome, Stop, TOGETHER};
use crate::verify::ledger::rules::Kept;
use crate::verify::log_keys::Speakers;
use crate::verify::past::{Known, Past};
use crate::verify::record::Record;
use crate::verify::report::{Code, Counts, FINDINGS_LIMIT, Finding, Report, altered};
use crate::verify::retired::Retirements;
use crate::verify::roots::Roots;
use crate::verify::roster::Roster;
use crate::verify::signatures::{GROUP, Signatures};

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
    /// that size, signatures and statements up to there are not judged again; all hashes are, and the rules are asked of
    /// everything. Without keys for structure it is only one more checkpoint that the ledger must extend.
    pub since: Option<&'a Record>,
    /// Whether the rules are looked at, too, where structure is opened: this holds what rules ask for in memory.
    pub rules: bool,
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

/// A witness's name, the tree size it cosigned, and when (seconds since 1970).
type Cosigned = (String, u64, u64);

struct Walk<'a, R> {
    options: &'a Options<'a>,
    keys: Keys,
    past: Past<R>,
    roster: Roster,
    chains: Chains,
    speakers: Speakers,
    /// For how many hours a device may not have looked, by each policy.
    stale_hours: HashMap<Digest, u32>,
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
    /// What the rules ask for.
    kept: Kept,
    /// What closings say, and what they are compared with.
    closings: Closings,
    /// The roots at sizes that closings speak of and that were not at hand then.
    asked: BTreeMap<u64, Option<Hash>>,
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
            stale_hours: HashMap::new(),
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
            kept: Kept::default(),
            closings: Closings::default(),
            asked: BTreeMap::new(),
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
        // The rules ask for what stands before the record, too; signatures there were checked when it was made.
        let before = if self.judges_rules() { 0 } else { self.checked_before };
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
        let mut clock_back = false;
        if let Some(envelope) = checked.envelope {
            if self.link.is_some_and(|link| link != envelope.previous) {
                self.find(number, Code::Link);
            }
            if envelope.recorded < self.recorded {
                self.counts.clock_back += 1;
                clock_back = true;
                self.find(number, Code::ClockBack);
            }
            self.recorded = envelope.recorded;
        }
        self.link = Some(checked.link);
        self.unread += u64::from(checked.statement.is_none() && !checked.codes.is_empty());
        self.counts.public += u64::from(checked.public);
        // What stands before the record was opened then, or said to be retired.
        let not_opened = checked.not_opened && number >= self.checked_before;
        self.counts.not_opened += u64::from(not_opened);
        if not_opened && !self.keys.structure.is_empty() {
            self.retired.hide(number);
        }
        if self.judges_rules() {
            match &checked.statement {
                Some(statement) => self.keep(number, clock_back, checked.digest, statement.body()),
                None => self.keep_unseen(number),
            }
        }
        if !self.keys.structure.is_empty() && self.checked_before == 0 {
            self.closings.note(self.recorded, checked.statement.as_ref().map(Unverified::body));
        }
        if let Some(Err(code)) = signed {
            self.find(number, code);
        }
        self.counts.signatures += u64::from(signed.is_some());
        if let Some(statement) = checked.statement.as_ref().filter(|_| number >= self.checked_before) {
            self.statement(number, statement, checked.digest, checked.public)?;
        }
        let said = checked.envelope.map(|envelope| (envelope.statement, envelope.recorded));
        let (digest, recorded) = said.unwrap_or((Digest::ZERO, 0));
        self.past.push(offset, Known { digest, link: checked.link, public: checked.public, recorded });
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
        } else if self.stale(number, body)? {
            self.find(number, Code::SeenStale);
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
        match body.kind.name() {
            Some("statement.late") => self.chains.account(body),
            Some("closing") => self.closing(number, body),
            _ => {}
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

    /// Keeps what a closing says, to be compared at the end.
    fn closing(&mut self, entry: u64, body: &Body) {
        let oversees = self.roster.roles(body.person, entry, self.recorded).into_iter().any(Role::is_overseer);
        let size = body.seen.number.checked_add(1).unwrap_or(0);
        // What an author has seen ends with a write.
        let at = self.heads.partition_point(|(known, _)| *known < size);
        let head = self.heads.get(at).filter(|(known, _)| *known == size && self.whole());
        let root = head.map(|(_, root)| *root);
        if root.is_none() {
            self.asked.insert(size, None);
        }
        let (person, seed, says) = (body.person, body.structure_seed.0, Says::of(&body.values));
        self.closings.claim(Claim { entry, person, oversees, size, root, seed, says });
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
    use crate::verify::report::History;

    #[test]
    fn trifles_do_not_crowd_out_what_matters() {
        let options = Options {
            keys: Keys::default(),
            trust: None,
            trust_digest: Digest::ZERO,
            known: &[],
            receipts: &[],
            since: None,
            rules: false,
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
