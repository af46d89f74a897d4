//! The end of the walk: what was set aside, how the log ends, and what vouches for it from inside and outside.

use std::io::{self, Read, Seek};

use crate::codec::Digest;
use crate::entry::envelope::Envelope;
use crate::frame::reader::{Event, Tail, WriteReader};
use crate::frame::tail::{Remains, examine};
use crate::frame::write::Fault;
use crate::frame::{VOID_LIST_LIMIT, Void};
use crate::head::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::head::note::Note;
use crate::head::receipt::Receipt;
use crate::tree::{Frontier, TreeSize, check_inclusion, leaf_hash};
use crate::verify::closings::{Compared, Left};
use crate::verify::entry::{self};
use crate::verify::ledger::chunk::{Chunk, Item};
use crate::verify::ledger::{Cosigned, DAMAGES, Walk, keep_newest, vouches};
use crate::verify::record::Record;
use crate::verify::report::{
    Code, EnrolledKey, History, Layer, RecordKeeping, Report, WITNESSED_DAYS, Witnessed, altered,
};
use crate::verify::retired::Judged;
use crate::verify::roster::Enrolment;

impl<'a, R: Read + Seek> Walk<'a, R> {
    /// Judges bytes that a write set aside: the log as it was before that write must end in a tail that is torn, and every
    /// checkpoint in it must be listed, as far as there is room. One that the verifier holds is compared with the tree like any other.
    pub(super) fn set_aside(&mut self, void: &Void, entries: u64, open: &dyn Fn() -> io::Result<R>) -> io::Result<()> {
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
    pub(super) fn tail(&mut self, tail: &Tail, chunk: &Chunk, remains: &Remains) -> io::Result<()> {
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

    pub(super) fn finish(mut self, open: &dyn Fn() -> io::Result<R>) -> io::Result<(Report, Record)> {
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
        let closings = self.judge_closings()?;
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
        let gone: Vec<u64> = retired.iter().flat_map(|one| one.entries.iter().copied()).collect();
        let (record_keeping, review) = self.review(&gone, layer);
        let false_closing = self.findings.iter().any(|finding| finding.code.of_closing());
        let record_keeping = if false_closing { RecordKeeping::Findings } else { record_keeping };
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
            review,
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
            closings,
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

    /// Compares closings with the entries they speak of, and says which could not be compared.
    fn judge_closings(&mut self) -> io::Result<Compared> {
        let closings = std::mem::take(&mut self.closings);
        if closings.is_empty() {
            return Ok(Compared::default());
        }
        if altered(&self.findings).is_some() || !self.whole() {
            return Ok(closings.leave(Left::Altered));
        }
        if self.checked_before > 0 {
            return Ok(closings.leave(Left::Continued));
        }
        let (past, asked) = (&mut self.past, &self.asked);
        let mut digest = |entry| Ok(past.entry(entry)?.map(|known| known.digest));
        let root = |size| asked.get(&size).copied().flatten();
        let (compared, found) = closings.judge(&self.retired.rows(), &root, &mut digest)?;
        found.into_iter().for_each(|(entry, code)| self.find(entry, code));
        Ok(compared)
    }

    /// Recomputes the roots of cosigned checkpoints of sizes that were no longer kept when they came, and of sizes that
    /// closings ask for.
    fn judge_wanted(&mut self, open: &dyn Fn() -> io::Result<R>) -> io::Result<()> {
        let wanted = std::mem::take(&mut self.wanted);
        if (wanted.is_empty() && self.asked.is_empty()) || !self.whole() {
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
                        if let Some(asked) = self.asked.get_mut(&size) {
                            *asked = Some(frontier.root());
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

    pub(super) fn witnessed(&mut self) -> Option<Witnessed> {
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
