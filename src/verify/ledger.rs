//! Verifying a whole ledger: a stream of bytes, checked on every core, judged in order, without stopping at a finding.

use std::collections::VecDeque;
use std::io::{self, Read, Seek};

use crate::codec::{Digest, Link};
use crate::entry::envelope::ENVELOPE;
use crate::entry::statement::{UNKNOWN, Unverified};
use crate::frame::reader::{Event, Tail, WriteReader};
use crate::frame::tail::examine;
use crate::frame::write::Fault;
use crate::head::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::head::note::Note;
use crate::head::receipt::Receipt;
use crate::head::trust::Trust;
use crate::keys::name::{KeyKind, KeyName, VerifierKey};
use crate::tree::{Frontier, Hash, TreeSize, check_inclusion, leaf_hash};
use crate::verify::chains::Chains;
use crate::verify::entry::{self, Checked, Keys, Parts};
use crate::verify::past::{Known, Past};
use crate::verify::record::Record;
use crate::verify::report::{
    Code, Counts, EnrolledKey, FINDINGS_LIMIT, Finding, History, Layer, RecordKeeping, Report, WITNESSED_DAYS,
    Witnessed, altered,
};
use crate::verify::roster::{Enrolment, Roster};

/// Entries that are checked together.
const CHUNK_ENTRIES: usize = 1024;
/// Bytes that are checked together, at least one entry.
const CHUNK_BYTES: usize = 4 << 20;

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
    /// What this program saved after an earlier verify: signatures up to there are not checked again.
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
pub fn verify<R: Read + Seek>(open: &dyn Fn() -> io::Result<R>, options: &Options<'_>) -> io::Result<(Report, Record)> {
    let mut reader = WriteReader::new(open()?);
    let mut walk = Walk::new(options, Past::new(open()?));
    let mut chunk = Chunk::default();
    loop {
        match reader.next_event()? {
            Event::Entry { offset, frame } => {
                chunk.entry(offset, frame.envelope, frame.structure, frame.words);
            }
            Event::Checkpoint { frame, cosigned, write, .. } => {
                chunk.checkpoint(frame.note, cosigned, write.end);
            }
            Event::Void { void, .. } => {
                chunk.drop_unfinished();
                walk.process(&mut chunk)?;
                walk.voided(&void.checkpoints);
            }
            Event::Tail(tail) => {
                walk.process(&mut chunk)?;
                walk.tail(&tail, &chunk, examine(open()?, &tail)?.torn);
                chunk = Chunk::default();
                if reader.skip_damage()?.is_none() {
                    break;
                }
            }
            Event::End { size } => {
                walk.process(&mut chunk)?;
                walk.counts.bytes = size;
                break;
            }
        }
        if chunk.is_full() {
            walk.process(&mut chunk)?;
        }
    }
    walk.finish(open)
}

/// Finished writes to be checked, and one unfinished one behind them.
#[derive(Default)]
struct Chunk {
    bytes: Vec<u8>,
    items: Vec<Item>,
    /// How many items belong to finished writes.
    finished: usize,
}

enum Item {
    Entry { offset: u64, at: usize, structure: usize, words: usize },
    Checkpoint { cosigned: bool, at: usize, length: usize, end: u64 },
}

enum Outcome {
    Entry(Checked),
    Checkpoint(Option<(Note, Checkpoint)>),
}

impl Chunk {
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

    fn is_full(&self) -> bool {
        self.finished == self.items.len() && (self.items.len() >= CHUNK_ENTRIES || self.bytes.len() >= CHUNK_BYTES)
    }

    fn parts(&self, item: &Item) -> Option<Parts<'_>> {
        let Item::Entry { at, structure, words, .. } = item else { return None };
        let (envelope, rest) = self.bytes.get(*at..)?.split_first_chunk()?;
        let (structure, rest) = rest.split_at_checked(*structure)?;
        Some(Parts { envelope, structure, words: rest.get(..*words)? })
    }

    fn look(&self, item: &Item, keys: &Keys) -> Outcome {
        if let Some(parts) = self.parts(item) {
            return Outcome::Entry(entry::check(parts, keys));
        }
        let Item::Checkpoint { at, length, .. } = item else { return Outcome::Checkpoint(None) };
        let note = self.bytes.get(*at..*at + *length).and_then(|bytes| Note::parse(bytes).ok());
        Outcome::Checkpoint(note.and_then(|note| {
            let checkpoint = Checkpoint::parse(note.text()).ok()?;
            Some((note, checkpoint))
        }))
    }
}

struct Walk<'a, R> {
    options: &'a Options<'a>,
    keys: Keys,
    past: Past<R>,
    roster: Roster,
    chains: Chains,
    frontier: Frontier,
    link: Link,
    recorded: i64,
    findings: Vec<Finding>,
    counts: Counts,
    /// Own checkpoints whose roots fitted: the newest ones, for cosignatures of an earlier size.
    heads: VecDeque<(u64, Hash)>,
    /// Size and root of every checkpoint that the verifier holds.
    outside: Vec<(u64, Hash)>,
    /// Cosigned checkpoints of a size that was no longer kept.
    wanted: Vec<(u64, Hash)>,
    /// Witnesses' newest cosignatures: name, size, time.
    cosigned: Vec<(String, u64, u64)>,
    /// Tree sizes that a quorum vouched for, rising.
    quorums: Vec<u64>,
    last_note: Option<Note>,
    /// Leaves that receipts ask for.
    leaves: Vec<(u64, Hash)>,
    checked_before: u64,
    damaged: bool,
}

impl<'a, R: Read + Seek> Walk<'a, R> {
    fn new(options: &'a Options<'a>, past: Past<R>) -> Self {
        Walk {
            options,
            keys: options.keys.clone(),
            past,
            roster: Roster::default(),
            chains: options.since.map_or_else(Chains::default, Record::chains),
            frontier: Frontier::new(),
            link: Link::ZERO,
            recorded: i64::MIN,
            findings: Vec::new(),
            counts: Counts::default(),
            heads: VecDeque::new(),
            outside: outside(options),
            wanted: Vec::new(),
            cosigned: Vec::new(),
            quorums: Vec::new(),
            last_note: None,
            leaves: Vec::new(),
            checked_before: options.since.map_or(0, |record| record.size),
            damaged: false,
        }
    }

    fn find(&mut self, entry: u64, code: Code) {
        if self.findings.len() < FINDINGS_LIMIT {
            self.findings.push(Finding { entry, code });
        } else {
            self.counts.more_findings += 1;
        }
    }

    fn size(&self) -> u64 {
        self.frontier.size().0
    }

    /// Checks the finished writes of a chunk on every core, then judges them in order.
    fn process(&mut self, chunk: &mut Chunk) -> io::Result<()> {
        let keys = &self.keys;
        let finished = chunk.items.get(..chunk.finished).unwrap_or_default();
        let looked = parallel(finished, |item| chunk.look(item, keys));
        self.apply_public(chunk, &looked);
        let signatures = {
            let (roster, before) = (&self.roster, self.checked_before);
            parallel(&looked, |outcome| signature(outcome, roster, before))
        };
        for ((item, outcome), signed) in finished.iter().zip(looked).zip(signatures) {
            match (item, outcome) {
                (Item::Entry { offset, .. }, Outcome::Entry(checked)) => self.entry(*offset, checked, signed)?,
                (Item::Checkpoint { cosigned, end, .. }, Outcome::Checkpoint(note)) => {
                    self.counts.bytes = *end;
                    self.checkpoint(note, *cosigned);
                }
                _ => {}
            }
        }
        (self.options.progress)(self.counts.bytes);
        let unfinished = chunk.items.split_off(chunk.finished);
        let mut rest = Chunk::default();
        for item in &unfinished {
            if let (Item::Entry { offset, .. }, Some(parts)) = (item, chunk.parts(item)) {
                rest.entry(*offset, parts.envelope, parts.structure, parts.words);
            }
        }
        *chunk = rest;
        Ok(())
    }

    /// Takes the public entries into the roster, in order, each with its signature checked.
    fn apply_public(&mut self, chunk: &Chunk, looked: &[Outcome]) {
        let mut codes = Vec::new();
        for (item, outcome) in chunk.items.iter().zip(looked) {
            let Outcome::Entry(Checked { envelope: Some(envelope), statement: Some(statement), public: true, .. }) =
                outcome
            else {
                continue;
            };
            let number = envelope.number.0;
            let words = chunk.parts(item).map_or(&[][..], |parts| parts.words);
            // A wrong signature is found with all the others; here it only keeps the entry from having an effect.
            match self.roster.admit(number, statement, words) {
                Ok(()) | Err(Code::Signature) => {}
                Err(code) => codes.push((number, code)),
            }
            if let (0, Some(ledger)) = (number, self.roster.ledger()) {
                self.keys.ledger = ledger;
            }
        }
        codes.into_iter().for_each(|(number, code)| self.find(number, code));
    }

    fn entry(&mut self, offset: u64, checked: Checked, signed: Option<Result<(), Code>>) -> io::Result<()> {
        let expected = self.size();
        let number = match checked.envelope {
            Some(envelope) if envelope.number.0 == expected => expected,
            Some(envelope) => {
                self.find(expected, Code::Order);
                if self.damaged && envelope.number.0 > expected {
                    self.damaged = false;
                }
                expected
            }
            None => expected,
        };
        checked.codes.iter().for_each(|code| self.find(number, *code));
        if let Some(envelope) = checked.envelope {
            if envelope.previous != self.link {
                self.find(number, Code::Link);
            }
            if envelope.recorded < self.recorded {
                self.counts.clock_back += 1;
                self.find(number, Code::ClockBack);
            }
            self.recorded = envelope.recorded;
        }
        self.link = checked.link;
        self.counts.public += u64::from(checked.public);
        self.counts.not_opened += u64::from(checked.not_opened);
        if let Some(Err(code)) = signed {
            self.find(number, code);
        }
        self.counts.signatures += u64::from(signed.is_some());
        if let Some(statement) = &checked.statement {
            self.statement(number, statement)?;
        }
        let digest = checked.envelope.map_or(Digest::ZERO, |envelope| envelope.statement);
        self.past.push(number, offset, Known { digest, link: checked.link });
        if self.options.receipts.iter().any(|receipt| receipt.number().0 == number) {
            self.leaves.push((number, checked.leaf));
        }
        self.frontier.append(checked.leaf);
        self.reached();
        Ok(())
    }

    /// Judges a statement against the entries before it.
    fn statement(&mut self, number: u64, statement: &Unverified) -> io::Result<()> {
        let (body, digest) = (statement.body(), statement.digest());
        if self.roster.ledger().is_some_and(|ledger| ledger != body.ledger) {
            self.find(number, Code::Statement);
        }
        if number >= self.checked_before
            && let Err(code) = self.chains.apply(body, digest, self.counts.not_opened)
        {
            self.find(number, code);
        }
        let seen = body.seen;
        let seen_fits = match seen.number {
            // Nothing was durable yet: the first write only, which genesis begins.
            UNKNOWN => self.heads.is_empty() && seen.link == Link::ZERO,
            earlier if earlier >= number => false,
            earlier => self.past.entry(earlier)?.is_some_and(|known| known.link == seen.link),
        };
        if !seen_fits {
            self.find(number, Code::Seen);
        }
        for reference in body.references.iter().filter(|reference| reference.entry != UNKNOWN) {
            let fits = reference.entry < number
                && self.past.entry(reference.entry)?.is_some_and(|known| known.digest == reference.digest);
            if !fits {
                self.find(number, Code::Reference);
            }
        }
        if body.folder != 0 {
            match self.roster.folder_key(&body.folder_key) {
                Some(epoch) if epoch.entry < number => {
                    let fits =
                        Some(epoch.folder) == body.folder() && (epoch.case == body.case || !epoch.folder.of_case());
                    if !fits {
                        self.find(number, Code::FolderKey);
                    } else if epoch.replaced.is_some_and(|replaced| replaced < number) {
                        self.find(number, Code::EpochOld);
                    }
                }
                _ => self.find(number, Code::FolderKey),
            }
        }
        if body.kind.name() == Some("tail.set_aside") {
            self.find(number, Code::SetAside);
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
            let ours = self.heads.iter().rev().find(|(known, _)| *known == size).map(|(_, root)| *root);
            if !named || ours.is_some_and(|root| root != checkpoint.root()) || size > self.size() {
                return self.find(size.saturating_sub(1).min(last), Code::Checkpoint);
            }
            if ours.is_none() {
                self.wanted.push((size, checkpoint.root()));
            }
            self.open(note, size);
        } else {
            self.counts.writes += 1;
            let (size, root) = (self.frontier.size(), self.frontier.root());
            if !named || checkpoint.size() != size || checkpoint.root() != root {
                self.find(last, Code::Checkpoint);
            }
            if self.heads.len() >= 1 << 16 {
                self.heads.pop_front();
            }
            self.heads.push_back((size.0, root));
            self.last_note = Some(note);
        }
    }

    /// Compares the root with every checkpoint from outside that has this size.
    fn reached(&mut self) {
        let size = self.size();
        if self.outside.iter().any(|(known, root)| *known == size && *root != self.frontier.root()) {
            self.find(size - 1, Code::Fork);
        }
    }

    fn log_key(&self) -> Option<VerifierKey> {
        let key = self.roster.log_key()?.clone();
        Some(VerifierKey::new(KeyName::new(self.roster.origin()).ok()?, KeyKind::LogKey, key))
    }

    /// The keys that may speak for this log: the one genesis names, and those of the trust file.
    fn log_keys(&self) -> Vec<VerifierKey> {
        let trusted = self.options.trust.iter().flat_map(|trust| trust.logs().iter().map(|log| log.key.clone()));
        let mut keys: Vec<VerifierKey> = self.log_key().into_iter().collect();
        keys.extend(trusted.filter(|key| !keys.contains(key)).collect::<Vec<_>>());
        keys
    }

    /// Verifies a note's signatures: the log's and those of trusted witnesses.
    fn open(&mut self, note: Note, size: u64) {
        let mut known = self.log_keys();
        let witnesses: Vec<(String, VerifierKey)> = self.options.trust.map_or_else(Vec::new, |trust| {
            trust.witnesses().map(|(name, witness)| (name.to_owned(), witness.key.clone())).collect()
        });
        known.extend(witnesses.iter().map(|(_, key)| key.clone()));
        let Ok(signed) = SignedCheckpoint::open_note(note, &known) else {
            return self.find(size.saturating_sub(1), Code::Checkpoint);
        };
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

    /// A set-aside checkpoint is explained by the void frame that lists it; it is a fork only where somebody holds it.
    fn voided(&mut self, checkpoints: &[(u64, [u8; 32])]) {
        let held: Vec<u64> = self
            .outside
            .iter()
            .filter(|(size, root)| checkpoints.contains(&(*size, root.0)) && *root != self.frontier.root())
            .map(|(size, _)| size.saturating_sub(1))
            .collect();
        held.into_iter().for_each(|entry| self.find(entry, Code::Fork));
    }

    /// Judges bytes that are no write: torn at the end, or damage that names an entry.
    fn tail(&mut self, tail: &Tail, chunk: &Chunk, torn: bool) {
        let first = self.size();
        self.counts.bytes = tail.offset + tail.length;
        self.damaged = true;
        if torn {
            return self.find(first, Code::Torn);
        }
        // The entries of the damaged write that could be read say best what happened to it.
        let mut link = self.link;
        for (at, item) in (first..).zip(&chunk.items) {
            let Some(parts) = chunk.parts(item) else { continue };
            let checked = entry::check(parts, &self.keys);
            let Some(envelope) = checked.envelope.filter(|_| checked.codes.is_empty()) else {
                return self.find(at, checked.codes.first().copied().unwrap_or(Code::Envelope));
            };
            if envelope.number.0 != at {
                return self.find(at, Code::Order);
            }
            if envelope.previous != link {
                return self.find(at, Code::Link);
            }
            link = checked.link;
        }
        let at_checkpoint = matches!(tail.fault.why, Fault::Start | Fault::FramesHash | Fault::PreviousWrite);
        let entries = tail.fault.entry.saturating_sub(u64::from(at_checkpoint));
        self.find(first + entries, Code::Frame);
    }

    fn finish(mut self, open: &dyn Fn() -> io::Result<R>) -> io::Result<(Report, Record)> {
        let size = self.size();
        self.counts.entries = size;
        self.judge_head(open)?;
        self.judge_wanted(open)?;
        self.judge_outside();
        if self.roster.one_founder() {
            self.find(0, Code::OneFounder);
        }
        let waiting: Vec<u64> =
            self.roster.enrolments().iter().filter(|e| e.in_force.is_none()).map(|e| e.entry).collect();
        waiting.into_iter().for_each(|entry| self.find(entry, Code::Unconfirmed));
        if let Some(since) = self.options.since {
            self.findings.extend(since.findings());
        }
        self.findings.sort_unstable();
        self.findings.dedup();
        let witnessed = self.witnessed();
        let now = u64::try_from(self.options.now / 1000).unwrap_or(0);
        let days = witnessed.as_ref().map(|witnessed| now.saturating_sub(witnessed.time) / 86_400);
        let fresh = days.is_some_and(|days| days <= WITNESSED_DAYS);
        let history = altered(&self.findings).unwrap_or(if fresh { History::Witnessed } else { History::Unaltered });
        let sealed = size - self.counts.public;
        let no_keys = self.options.keys.structure.is_empty() && self.options.keys.restricted.is_empty();
        let layer = match self.counts.not_opened {
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
        };
        let record = Record::of(&report, self.last_note.as_ref(), &self.chains, &self.options.trust_digest);
        Ok((report, record))
    }

    /// Verifies the signature on the last own checkpoint; if it fails, says where signatures stop being good.
    fn judge_head(&mut self, open: &dyn Fn() -> io::Result<R>) -> io::Result<()> {
        let size = self.size();
        let key = self.log_key();
        let (Some(note), Some(key)) = (self.last_note.clone(), key) else {
            if size > 0 {
                self.find(size - 1, Code::Checkpoint);
            } else {
                self.find(0, Code::Frame);
            }
            return Ok(());
        };
        if note.open(std::slice::from_ref(&key)).is_ok() {
            return Ok(());
        }
        let mut reader = WriteReader::new(open()?);
        loop {
            match reader.next_event()? {
                Event::Checkpoint { frame, cosigned: false, .. } => {
                    let note = Note::parse(frame.note).ok();
                    let signed = note.as_ref().is_some_and(|note| note.open(std::slice::from_ref(&key)).is_ok());
                    if !signed {
                        let size = note.and_then(|note| Checkpoint::parse(note.text()).ok()).map(|c| c.size().0);
                        self.find(size.unwrap_or(1).saturating_sub(1), Code::Checkpoint);
                        return Ok(());
                    }
                }
                Event::Tail(_) => {
                    if reader.skip_damage()?.is_none() {
                        return Ok(());
                    }
                }
                Event::End { .. } => return Ok(()),
                _ => {}
            }
        }
    }

    /// Compares the ledger with what the verifier holds: trust file, known checkpoints, receipts.
    fn judge_outside(&mut self) {
        let size = self.size();
        let own = self.log_key();
        if let (Some(trust), Some(own)) = (self.options.trust, &own)
            && !trust.logs().iter().any(|log| log.key == *own)
        {
            self.find(0, Code::LogKey);
        }
        let keys = self.log_keys();
        for note in self.options.known {
            self.judge_note(note, &keys, size);
        }
        for receipt in self.options.receipts {
            self.judge_note(receipt.note(), &keys, size);
            let number = receipt.number();
            let leaf = self.leaves.iter().find(|(of, _)| *of == number.0).map(|(_, leaf)| *leaf);
            let honoured = |leaf: Hash| {
                let head = Checkpoint::parse(receipt.note().text()).ok()?;
                check_inclusion(number, head.size(), &leaf, receipt.proof(), &head.root()).ok()
            };
            if leaf.is_some_and(|leaf| honoured(leaf).is_none()) {
                self.find(receipt.number().0, Code::Receipt);
            }
        }
    }

    /// Recomputes the roots of cosigned checkpoints of sizes that were no longer kept when they came.
    fn judge_wanted(&mut self, open: &dyn Fn() -> io::Result<R>) -> io::Result<()> {
        let wanted = std::mem::take(&mut self.wanted);
        if wanted.is_empty() {
            return Ok(());
        }
        let mut reader = WriteReader::new(open()?);
        let mut frontier = Frontier::new();
        loop {
            match reader.next_event()? {
                Event::Entry { frame, .. } => {
                    frontier.append(leaf_hash(frame.envelope));
                    let size = frontier.size().0;
                    if wanted.iter().any(|(known, root)| *known == size && *root != frontier.root()) {
                        self.find(size - 1, Code::Checkpoint);
                    }
                }
                Event::End { .. } | Event::Tail(_) => return Ok(()),
                _ => {}
            }
        }
    }

    fn judge_note(&mut self, note: &Note, keys: &[VerifierKey], size: u64) {
        let Ok(checkpoint) = Checkpoint::parse(note.text()) else { return };
        let vouched = checkpoint.size().0;
        if note.open(keys).is_err() {
            // Signed by a key that is not this ledger's: another ledger, or this one under a new key.
            return self.find(0, Code::LogKey);
        }
        if vouched > size {
            self.find(size, Code::Truncated);
        }
        if self.options.trust.is_some() && vouched <= size {
            self.open(note.clone(), vouched);
        }
    }

    fn witnessed(&mut self) -> Option<Witnessed> {
        let trust = self.options.trust?;
        keep_newest(&mut self.cosigned);
        let met = |pick: &dyn Fn(&(String, u64, u64)) -> bool| {
            let names: Vec<&str> = self.cosigned.iter().filter(|c| pick(c)).map(|(name, ..)| name.as_str()).collect();
            trust.quorum_met(&names).then(|| names.into_iter().map(str::to_owned).collect::<Vec<_>>())
        };
        if self.cosigned.is_empty() {
            return None;
        }
        let largest = |values: Vec<u64>, pick: &dyn Fn(&(String, u64, u64), u64) -> bool| {
            let mut values = values;
            values.sort_unstable_by(|a, b| b.cmp(a));
            values.into_iter().find_map(|value| met(&|c| pick(c, value)).map(|names| (value, names)))
        };
        let (size, names) = largest(self.cosigned.iter().map(|c| c.1).collect(), &|c, size| c.1 >= size)?;
        let (time, _) = largest(self.cosigned.iter().map(|c| c.2).collect(), &|c, time| c.2 >= time)?;
        Some(Witnessed { size, time, names })
    }
}

/// Keeps, for each witness, the largest size and the newest time.
fn keep_newest(cosigned: &mut Vec<(String, u64, u64)>) {
    let mut kept: Vec<(String, u64, u64)> = Vec::new();
    for (name, size, time) in cosigned.drain(..) {
        match kept.iter_mut().find(|(known, ..)| *known == name) {
            Some((_, most, newest)) => (*most, *newest) = ((*most).max(size), (*newest).max(time)),
            None => kept.push((name, size, time)),
        }
    }
    *cosigned = kept;
}

fn check_signature(statement: &Unverified, number: u64, roster: &Roster) -> Result<(), Code> {
    let author = statement.body().author.0;
    let enrolment = roster.in_force(&author, number).ok_or(Code::KeyNotEnrolled)?;
    if enrolment.person != statement.body().person {
        return Err(Code::KeyNotEnrolled);
    }
    statement.check_signature(&enrolment.key).map_err(entry::signature_code)
}

/// Checks the signature of a statement that was opened; none where there is nothing to check, or it was checked before.
fn signature(outcome: &Outcome, roster: &Roster, checked_before: u64) -> Option<Result<(), Code>> {
    let Outcome::Entry(checked) = outcome else { return None };
    let (statement, envelope) = (checked.statement.as_ref()?, checked.envelope?);
    let number = envelope.number.0;
    (number >= checked_before).then(|| check_signature(statement, number, roster))
}

/// Returns size and root of every checkpoint that the verifier holds.
fn outside(options: &Options<'_>) -> Vec<(u64, Hash)> {
    let notes = options.known.iter().chain(options.receipts.iter().map(Receipt::note));
    let checkpoints = notes.filter_map(|note| Checkpoint::parse(note.text()).ok());
    checkpoints.map(|checkpoint| (checkpoint.size().0, checkpoint.root())).collect()
}

#[cfg(feature = "desk")]
fn parallel<T: Sync, U: Send>(items: &[T], work: impl Fn(&T) -> U + Sync + Send) -> Vec<U> {
    use rayon::prelude::*;
    items.par_iter().with_min_len(8).map(work).collect()
}

#[cfg(not(feature = "desk"))]
fn parallel<T: Sync, U: Send>(items: &[T], work: impl Fn(&T) -> U + Sync + Send) -> Vec<U> {
    items.iter().map(work).collect()
}
