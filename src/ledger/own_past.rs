//! What a device knows of its own author's past, whatever became of the keys: so that it counts on where it stood.

use std::collections::HashMap;

use crate::cabinet::Durable;
use crate::cabinet::chain::Chain;
use crate::cabinet::structure_keys;
use crate::codec::Digest;
use crate::entry::envelope::Envelope;
use crate::index::AuthorHead;
use crate::ledger::LedgerError;
use crate::ledger::desk::{Desk, keys_of};
use crate::ledger::open::Ledger;
use crate::store::disk::Disk;
use crate::verify::entry::Keys;

/// Every key of an author's structure, older ones too, and what of theirs was retired.
#[derive(Default)]
pub struct OwnPast {
    /// The author's key; none before anybody sat down.
    pub author: Option<[u8; 32]>,
    /// What opens the author's statements.
    pub keys: Keys,
    /// The author's statements that were retired: digest and place in the author's count.
    pub gone: HashMap<Digest, u64>,
}

impl<D: Disk> Desk<D> {
    /// Tells the ledger which statements are this author's, whatever key they were sealed under.
    pub(super) fn know_own_past(&mut self) {
        let author = self.identity.author();
        let own = || self.held.iter().filter(|held| held.author == author);
        let gone = own().flat_map(|held| held.gone()).map(|gone| (gone.digest, gone.sequence)).collect();
        let mut keys = keys_of(&[], self.ledger_id());
        keys.structure = own().filter_map(|held| held.key()).cloned().collect();
        keys.content = own().flat_map(|held| held.kept()).map(|kept| (kept.digest, kept.key.clone())).collect();
        self.ledger.own = OwnPast { author: Some(*author.as_bytes()), keys, gone };
    }

    /// Opens the structure keys again if this author has got a newer one since: what is sealed under an older one may be
    /// lost to everybody.
    pub(super) fn renew_structure_key(&mut self) -> Result<(), LedgerError> {
        let (cabinet, author) = (self.ledger.cabinet(), self.identity.author());
        let newest = self.held.iter().filter(|held| held.author == author).map(|held| held.epoch).max();
        if newest.is_some_and(|newest| structure_keys::has_epoch(&cabinet, &author, newest + 1)) {
            self.held = structure_keys::load_all(&cabinet, self.identity.secret())?.opened;
            self.know_own_past();
        }
        Ok(())
    }

    /// Sends what waits in the outbox: a folder key among it is the folder's before a newer one can be drawn.
    pub(super) fn send_waiting(&mut self, now: &dyn Fn() -> i64) -> Result<(), LedgerError> {
        Ok(self.take_chain(now)?.save(Durable::Later)?)
    }

    /// Returns where the author stands by the ledger or, where the device has signed more, by the statement that it signed
    /// last, if that is in the ledger: none of the keys may open it any more.
    pub(super) fn stands_at(
        &mut self,
        head: Option<AuthorHead>,
        chain: &Chain,
    ) -> Result<Option<AuthorHead>, LedgerError> {
        let known = head.as_ref().map_or(0, |head| head.sequence + 1);
        if chain.next() <= known {
            return Ok(head);
        }
        let Some(entry) = self.ledger.find_digest(&chain.previous())? else { return Ok(head) };
        let (sequence, digest) = (chain.next() - 1, chain.previous());
        let head = AuthorHead { upto: self.ledger.size(), entry, sequence, digest };
        let key = self.structure_key()?.clone();
        self.ledger.cards.set_author(&key, &head);
        Ok(Some(head))
    }
}

impl<D: Disk> Ledger<D> {
    /// Returns the entry whose statement has this digest.
    fn find_digest(&self, digest: &Digest) -> Result<Option<u64>, LedgerError> {
        let mut found = None;
        self.walk(&mut |number, _, frame| {
            if Envelope::decode(frame.envelope).is_ok_and(|envelope| envelope.statement == *digest) {
                found = Some(number);
            }
            found.is_none()
        })?;
        Ok(found)
    }
}
