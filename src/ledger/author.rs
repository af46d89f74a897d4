//! The author's own place: where this author's count stands, what was signed and waits to be sent, and what the author keeps
//! of it. Whoever signs anything at this desk comes through here first.

use std::collections::HashMap;

use rand_core::CryptoRng;

use crate::cabinet::chain::Chain;
use crate::cabinet::outbox::{self, OutboxItem, Place};
use crate::cabinet::own::{self, OwnCopy};
use crate::cabinet::{CabinetError, Durable, late, receipts, structure_keys};
use crate::codec::{Digest, FolderKeyId, KindNumber};
use crate::decision::decision::Reference;
use crate::decision::value::Content;
use crate::entry::authored::Authored;
use crate::entry::statement::{Seen, UNKNOWN, Unverified};
use crate::frame::WRITE_ENTRIES;
use crate::frame::tail::Remains;
use crate::index::AuthorHead;
use crate::ledger::LedgerError;
use crate::ledger::desk::{Desk, keys_of};
use crate::ledger::read::{open_restricted, open_statement};
use crate::ledger::record::code;
use crate::seal::structure::StructureKey;
use crate::seal::words::WordsKey;
use crate::store::disk::Disk;
use crate::store::durable;

impl<D: Disk> Desk<D> {
    /// Takes the author's chain with its lock, brings it up to the ledger, sends the outbox, and enters
    /// `tail.set_aside` where torn bytes wait.
    pub(super) fn take_chain(&mut self, now: &dyn Fn() -> i64) -> Result<Chain, LedgerError> {
        self.renew_structure_key()?;
        let author = self.identity.author();
        let key = self.structure_key()?.clone();
        let mut chain = Chain::take(&self.side, self.ledger_id(), author.clone())?;
        self.read_on_log()?;
        let head = self.author_head(&key)?;
        let restricted = self.restricted_head(&chain, head)?;
        if let Some(head) = &restricted {
            self.ledger.note_head(&key, head);
        }
        let head = restricted.or(head);
        if let Some(head) = head.filter(|head| head.sequence >= chain.next()) {
            chain.signed(head.sequence, head.digest)?;
        }
        let (waiting, places) = self.waiting(&mut chain)?;
        // The newest that was signed may be one that somebody else entered as late: its number stays used.
        let late = late::of_author(&self.ledger.cabinet(), author.as_bytes())?;
        self.stands_before(waiting.first(), head.as_ref())?;
        let newest = waiting.last().map(|one| (one.statement.body().sequence, one.statement.digest()));
        let newest = newest.or(head.map(|head| (head.sequence, head.digest)));
        let (next, previous) = newest.map_or((0, Digest::ZERO), |(sequence, digest)| (sequence + 1, digest));
        if chain.next() > next && !late.contains(&chain.previous()) {
            // Signed and then lost, ledger and outbox alike: in a power cut, unless the ledger went back behind what
            // this device has seen.
            self.honours(&chain)?;
            chain.lost_after(next, previous);
        }
        if self.ledger.can_append() {
            let adoptions = self.roster.adoptions();
            self.send(waiting, places, &mut chain, now)?;
            self.renew_rules(adoptions)?;
        }
        let seen = self.ledger.seen();
        if seen != Seen::NOTHING {
            chain.saw(seen.number, seen.link)?;
        }
        Ok(chain)
    }

    /// Sends what waits in the outbox: a folder key among it is the folder's before a newer one can be drawn.
    pub(super) fn send_waiting(&mut self, now: &dyn Fn() -> i64) -> Result<(), LedgerError> {
        Ok(self.take_chain(now)?.save(Durable::Later)?)
    }

    /// Opens the structure keys again if this author has got a newer one since: what is sealed under an older one may be
    /// lost to everybody.
    fn renew_structure_key(&mut self) -> Result<(), LedgerError> {
        let (cabinet, author) = (self.ledger.cabinet(), self.identity.author());
        let newest = self.held.iter().filter(|held| held.author == author).map(|held| held.epoch).max();
        if newest.is_some_and(|newest| structure_keys::has_epoch(&cabinet, &author, newest + 1)) {
            self.read_keys()?;
        }
        Ok(())
    }

    /// Returns where this author stands, by every structure key the author had and, in restricted folders, by the own copy.
    fn author_head(&mut self, key: &StructureKey) -> Result<Option<AuthorHead>, LedgerError> {
        let author = self.identity.author();
        let keys = keys_of(self.held.iter().filter(|held| held.author == author), self.ledger_id());
        let folders: Vec<FolderKeyId> = self.roster.restricted_folders().copied().collect();
        let (cabinet, secret) = (self.ledger.cabinet(), self.identity.secret());
        let mut copies: Option<HashMap<Digest, WordsKey>> = None;
        let mut open = |digest: &Digest, structure: &[u8], words: &[u8]| {
            if let Some(statement) = open_statement(digest, structure, words, &keys) {
                return Some(statement);
            }
            // Read once, and only where somebody entered something sealed since.
            let copies = copies.get_or_insert_with(|| own::all_of(&cabinet, &author, secret));
            let key = copies.get(digest)?;
            open_restricted(digest, structure, words, key, &keys.ledger, folders.iter())
        };
        self.ledger.author_head(key, author.as_bytes(), &mut open)
    }

    /// Returns where this author stands behind an entry in a restricted folder that neither the cards nor the own copy know
    /// after a power cut: the chain's own file names its digest, which stands in clear.
    fn restricted_head(&self, chain: &Chain, head: Option<AuthorHead>) -> Result<Option<AuthorHead>, LedgerError> {
        let (from, next) = head.as_ref().map_or((0, 0), |head| (head.entry + 1, head.sequence + 1));
        if chain.next() <= next {
            return Ok(None);
        }
        let found = self.ledger.find_digest(from, &chain.previous())?;
        let sequence = chain.next() - 1;
        let seen = chain.seen().map_or(UNKNOWN, |seen| seen.number);
        let head = |entry| AuthorHead { upto: self.ledger.size(), entry, sequence, digest: chain.previous(), seen };
        Ok(found.map(head))
    }

    /// Notes where this author stands if that is further than any key shows: what waits first says which statement it
    /// follows, and that one may have been retired.
    fn stands_before(&mut self, first: Option<&Authored>, head: Option<&AuthorHead>) -> Result<(), LedgerError> {
        let Some(body) = first.map(|first| first.statement.body()) else { return Ok(()) };
        let (from, next) = head.map_or((0, 0), |head| (head.entry + 1, head.sequence + 1));
        if body.sequence <= next {
            return Ok(());
        }
        if let Some(entry) = self.ledger.find_digest(from, &body.previous)? {
            let (upto, seen) = (self.ledger.size(), head.map_or(UNKNOWN, |head| head.seen));
            let head = AuthorHead { upto, entry, sequence: body.sequence - 1, digest: body.previous, seen };
            let key = self.structure_key()?.clone();
            self.ledger.note_head(&key, &head);
        }
        Ok(())
    }

    /// Checks that the ledger holds the newest entry that this device has seen.
    fn honours(&self, chain: &Chain) -> Result<(), LedgerError> {
        let Some(seen) = chain.seen() else { return Ok(()) };
        let held = seen.number < self.ledger.size() && self.ledger.entry(seen.number)?.link() == seen.link;
        let by = "what this device has seen";
        if held { Ok(()) } else { Err(LedgerError::Evidence { size: seen.number + 1, by }) }
    }

    /// Returns what was signed and is not in the ledger, in its order, and where it lies. The sequence numbers
    /// are used, whatever a power cut took from the chain's own file.
    fn waiting(&mut self, chain: &mut Chain) -> Result<(Vec<Authored>, Vec<Place>), LedgerError> {
        let opened = outbox::list(&self.side, self.ledger_id(), self.identity.secret())?.opened;
        let key = self.structure_key()?.clone();
        let (mut waiting, mut places) = (Vec::new(), Vec::new());
        let late = late::of_author(&self.ledger.cabinet(), self.identity.author().as_bytes())?;
        for (place, items) in opened {
            places.push(place);
            for item in items {
                let unverified = Unverified::decode(&item.statement, &item.signature.0)?;
                let statement = unverified.verify(&self.identity.author())?;
                if let Some(entry) = self.ledger.find_statement(&key, &item.id)? {
                    self.keep_receipt(entry)?;
                    // It was entered and the machine stopped: its author's own way back to the words is not kept yet.
                    if item.words_key.is_some() && self.own_words_key(&statement.digest())?.is_none() {
                        let OutboxItem { structure_part, words_part, words_key, content_key, .. } = item;
                        let one = Authored::resent(statement, structure_part, words_part, words_key, content_key);
                        self.keep_own(&[one])?;
                    }
                    continue;
                }
                if item.sequence >= chain.next() {
                    chain.signed(item.sequence, statement.digest())?;
                }
                if late.contains(&statement.digest()) {
                    continue;
                }
                let OutboxItem { structure_part, words_part, words_key, content_key, .. } = item;
                waiting.push(Authored::resent(statement, structure_part, words_part, words_key, content_key));
            }
        }
        Ok((waiting, places))
    }

    /// Sends what waits, byte for byte. Torn bytes are set aside first or, since a key's statements come in their order,
    /// in one write with what waits.
    fn send(
        &mut self,
        mut waiting: Vec<Authored>,
        mut places: Vec<Place>,
        chain: &mut Chain,
        now: &dyn Fn() -> i64,
    ) -> Result<(), LedgerError> {
        let torn = self.ledger.torn().cloned();
        let all_in_one = torn.is_some();
        let says = |one: &Authored, torn: &Remains| {
            let hash = Content::Hash(Digest::new(torn.hash));
            one.kind().name() == Some("tail.set_aside")
                && one.statement.body().values.iter().any(|value| value.content == hash)
        };
        if let Some(torn) = torn.filter(|torn| !waiting.iter().any(|one| says(one, torn))) {
            let says = self.sets_aside(&torn, chain, now)?;
            places.extend(self.put_out(std::slice::from_ref(&says), chain)?);
            waiting.push(says);
        }
        let key = self.structure_key()?.clone();
        let mut rest = waiting.as_slice();
        while !rest.is_empty() {
            let together = if all_in_one { WRITE_ENTRIES } else { signed_together(rest) };
            let (write, later) = rest.split_at(together.min(rest.len()));
            rest = later;
            let entered = match self.ledger.append(write, &key, &mut self.roster, now) {
                Err(why) => {
                    // Signed in this call or before: it must outlive a power cut now.
                    places.iter().try_for_each(|place| outbox::sync(&self.side, &self.tray, *place))?;
                    return Err(why);
                }
                Ok(entered) => entered,
            };
            self.keep_own(write)?;
            entered.iter().try_for_each(|entered| self.keep_receipt(entered.number))?;
        }
        for place in places {
            outbox::remove(&self.side, &self.tray, place, Durable::Now)?;
        }
        Ok(())
    }

    fn sets_aside(
        &mut self,
        torn: &Remains,
        chain: &mut Chain,
        now: &dyn Fn() -> i64,
    ) -> Result<Authored, LedgerError> {
        let kind = KindNumber::of("tail.set_aside").ok_or(LedgerError::NoPack)?;
        let values = vec![
            self.value("tail_hash", Content::Hash(Digest::new(torn.hash)))?,
            self.value("byte_count", Content::Count(torn.length))?,
            self.value("cause", code("torn_write")?)?,
        ];
        let decision = self.decide(kind, None, values, Vec::new(), now())?;
        let folder = self.folder_key(&decision)?;
        let ready = vec![(decision, folder, now())];
        let (mut authored, failed) = self.author(ready, chain, &mut durable::entropy())?;
        authored.pop().ok_or(failed.unwrap_or(LedgerError::NoPack))
    }

    /// Puts what was signed into the outbox before it is sent: synced, with the chain, if it has to wait there.
    pub(super) fn put_out(&mut self, group: &[Authored], chain: &mut Chain) -> Result<Vec<Place>, LedgerError> {
        let items: Vec<OutboxItem> = group.iter().map(item).collect();
        let mut rng = durable::entropy();
        let when = if self.ledger.can_append() { Durable::Later } else { Durable::Now };
        if when == Durable::Later && outbox::lay(&mut self.tray, &items, &mut rng)? {
            return Ok(vec![Place::Tray]);
        }
        let places = outbox::put(&self.side, &items, self.identity.recipient(), when)?;
        if when == Durable::Now {
            chain.save(when)?;
        }
        Ok(places)
    }

    /// The author's own way back to the words, unsynced: without it the words are still in the folder. It goes to the period
    /// that runs now: somebody may have closed the day since the last one was kept.
    pub(super) fn keep_own(&mut self, authored: &[Authored]) -> Result<(), LedgerError> {
        if authored.iter().all(|authored| authored.words_key.is_none()) {
            return Ok(());
        }
        let mut rng = durable::entropy();
        let period = own::newest_period(&self.ledger.cabinet())?;
        let mut own = match self.own.take().filter(|own| own.period() == period) {
            Some(own) => own,
            None => self.own_copy(period, Durable::Later, &mut rng)?,
        };
        let keys =
            authored.iter().filter_map(|authored| Some((authored.statement.digest(), authored.words_key.as_ref()?)));
        own.append(keys, &mut rng)?;
        self.own = Some(own);
        Ok(())
    }

    /// Opens the author's own copy of a period, or begins one.
    pub(super) fn own_copy(
        &self,
        period: u64,
        when: Durable,
        rng: &mut impl CryptoRng,
    ) -> Result<OwnCopy, LedgerError> {
        let (cabinet, author) = (self.ledger.cabinet(), self.identity.author());
        match OwnCopy::open(&cabinet, &author, period, self.identity.secret()) {
            Err(CabinetError::Missing) => {
                Ok(OwnCopy::create(&cabinet, &author, period, &[self.identity.recipient()], when, rng)?)
            }
            other => Ok(other?),
        }
    }

    fn keep_receipt(&self, entry: u64) -> Result<(), LedgerError> {
        let text = self.ledger.receipt(entry)?.to_string();
        receipts::save(&self.side, self.ledger_id(), entry, text.as_bytes(), Durable::Later)?;
        Ok(())
    }
}

/// How many of these belong into one write: those of a form name each other by digest alone, and are entered all or not at
/// all. At least 1, unless there are none.
fn signed_together(waiting: &[Authored]) -> usize {
    let mut end = 1;
    let mut before: Vec<Digest> = Vec::new();
    for (at, one) in waiting.iter().take(WRITE_ENTRIES).enumerate() {
        let names = |reference: &Reference| reference.entry == UNKNOWN && before.contains(&reference.digest);
        if one.statement.body().references.iter().any(names) {
            end = at + 1;
        }
        before.push(one.statement.digest());
    }
    end.min(waiting.len())
}

fn item(authored: &Authored) -> OutboxItem {
    OutboxItem {
        ledger: authored.ledger(),
        id: authored.statement.body().id,
        sequence: authored.statement.body().sequence,
        statement: authored.statement.as_bytes().to_vec(),
        signature: *authored.statement.signature(),
        structure_part: authored.structure.clone(),
        words_part: authored.words.clone(),
        content_key: Some(authored.content_key.clone()),
        words_key: authored.words_key.clone(),
    }
}
