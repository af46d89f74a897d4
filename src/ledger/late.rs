//! Statements that the ledger refuses for good: their author's key was revoked, or they came out of sequence. Another
//! enrolled person enters them as evidence, and the author goes on.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use rand_core::CryptoRng;

use crate::cabinet::identity::Identity;
use crate::cabinet::late::{self, LateStatement};
use crate::cabinet::wrap::Recipient;
use crate::cabinet::{CabinetError, outbox};
use crate::codec::{Bytes, Digest, KindNumber, StatementId};
use crate::decision::value::{Content, Moment, Value, field};
use crate::entry::statement::Unverified;
use crate::ledger::LedgerError;
use crate::ledger::append::Entered;
use crate::ledger::desk::Desk;
use crate::ledger::open::Ledger;
use crate::ledger::read::open_statement;
use crate::ledger::record::code;
use crate::store::disk::Disk;
use crate::verify::report::Code;
use crate::verify::roster::Roster;

/// A statement that waits in an outbox.
#[derive(Debug, Clone)]
pub struct Waits {
    /// Its id.
    pub id: StatementId,
    /// Its number in its author's count.
    pub sequence: u64,
    /// Its digest.
    pub digest: Digest,
    /// What kind of entry it would be.
    pub kind: KindNumber,
    /// When it was signed.
    pub signed: Moment,
    /// Whether somebody else has entered it as `statement.late`.
    pub late: bool,
    statement: LateStatement,
}

/// Lists what waits in an identity's outbox for this ledger, in its order. The identity need not be enrolled any more.
///
/// # Errors
/// Those of cabinet and store.
pub fn waiting(ledger: &Ledger, identity: &Identity, side: &Path) -> Result<Vec<Waits>, LedgerError> {
    let id = ledger.id()?;
    let known = late::of_author(&ledger.cabinet(), identity.author().as_bytes())?;
    let mut all = Vec::new();
    for (_, items) in outbox::list(side, id, identity.secret())?.opened {
        for item in items {
            let unverified = Unverified::decode(&item.statement, &item.signature.0)?;
            let (digest, body) = (unverified.digest(), unverified.body());
            let (signature, structure_part) = (Bytes(item.signature.0), item.structure_part);
            all.push(Waits {
                id: item.id,
                sequence: item.sequence,
                digest,
                kind: body.kind,
                signed: body.signed,
                late: known.contains(&digest),
                statement: LateStatement {
                    signature,
                    statement: item.statement,
                    structure_part,
                    words_part: item.words_part,
                },
            });
        }
    }
    Ok(all)
}

/// Seals a waiting statement for the devices of the overseers at `now` (milliseconds UTC), to be carried to one of them.
///
/// # Errors
/// Those of the cabinet.
pub fn export(ledger: &Ledger, waits: &Waits, now: i64) -> Result<Vec<u8>, LedgerError> {
    Ok(late::seal(&waits.statement, &overseers(&ledger.roster()?, now)?)?)
}

fn overseers(roster: &Roster, now: i64) -> Result<Vec<Recipient>, LedgerError> {
    let texts = roster.overseers(now).map(|one| one.recipient.as_str()).chain(Some(roster.recovery()));
    Ok(texts.map(Recipient::parse).collect::<Result<Vec<_>, _>>().map_err(CabinetError::from)?)
}

/// What the log says beside a statement that comes late, as far as a device can open it.
#[derive(Default)]
struct Known {
    /// Whether it is an entry itself.
    entered: bool,
    /// Whether an entry names it as late: a crash may have left its file alone.
    named: bool,
    /// The numbers of its author's own count that are there.
    numbers: BTreeSet<u64>,
    /// How many entries behind the author's enrolment did not open.
    unopened: u64,
}

impl Known {
    /// Returns how many numbers of a key's own count are nowhere, neither in the ledger nor among what `came` late, below the
    /// newest that came late. What this device cannot open may be one of them, and is not held against anybody.
    fn missing(&self, came: &BTreeSet<u64>) -> u64 {
        let Some(newest) = came.last().copied() else { return 0 };
        let known = self.numbers.union(came).filter(|number| **number <= newest).count() as u64;
        newest.saturating_add(1).saturating_sub(known).saturating_sub(self.unopened)
    }
}

impl<D: Disk> Desk<D> {
    /// Enters somebody's statement as `statement.late`: its exact bytes are kept in the cabinet, sealed to the overseers,
    /// before the entry names their digest. It is evidence that this was signed with that key; when is not proven.
    ///
    /// # Errors
    /// `NotAllowed`; `SamePerson` for one's own; `Refused` for a statement of another ledger, by a key that was never
    /// enrolled, with a signature that fails, or that is entered already; those of cabinet and store.
    pub fn enter_late(
        &mut self,
        file: &[u8],
        cause: &str,
        now: &dyn Fn() -> i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Entered, LedgerError> {
        self.catch_up(now())?;
        self.need_overseer()?;
        let late = late::open(file, self.identity.secret())?;
        let unverified = Unverified::decode(&late.statement, &late.signature.0)?;
        let (digest, body) = (unverified.digest(), unverified.body().clone());
        if body.ledger != self.ledger_id() {
            return Err(LedgerError::Refused(Code::Statement));
        }
        let enrolment = self.roster.enrolment(&body.author.0).filter(|one| one.person == body.person);
        let enrolment = enrolment.ok_or(LedgerError::Refused(Code::KeyNotEnrolled))?;
        let key = enrolment.key.clone();
        unverified.check_signature(&key).map_err(|_| LedgerError::Refused(Code::Signature))?;
        if body.person == self.identity.person() {
            return Err(LedgerError::SamePerson);
        }
        let (cabinet, enrolled) = (self.ledger.cabinet(), enrolment.entry);
        let known = self.look_for(&digest, &body.author.0, enrolled)?;
        if known.entered || known.named {
            return Err(LedgerError::Refused(Code::Duplicate));
        }
        late::keep(&cabinet, &body.author.0, &digest, &late, &overseers(&self.roster, self.time)?)?;
        let mut came = BTreeSet::new();
        for (key, _, late) in late::load_all(&cabinet, self.identity.secret())?.all()? {
            if key == body.author.0 {
                came.insert(Unverified::decode(&late.statement, &late.signature.0)?.body().sequence);
            }
        }
        let gaps = known.missing(&came);
        let kind = KindNumber::of("statement.late").ok_or(LedgerError::NoPack)?;
        let values = vec![
            Value { field: field::STATEMENT_HASH, position: 0, content: Content::Hash(digest) },
            Value { field: field::AUTHOR_KEY, position: 0, content: Content::Key(body.author) },
            self.value("cause", code(cause)?)?,
            self.value("gaps", Content::Count(gaps))?,
        ];
        let references = vec![self.reference("about", enrolled)?];
        let decision = self.decide(kind, body.case, values, references, now())?;
        self.enter(decision, now, rng)
    }

    /// Reads the log once for what has to be known of a statement that comes late.
    fn look_for(&self, digest: &Digest, author: &[u8; 32], enrolled: u64) -> Result<Known, LedgerError> {
        let (keys, mut known) = (self.structure_keys(), Known::default());
        self.ledger.walk_from(0, &mut |number, statement, structure, words| {
            known.entered |= statement == digest;
            match open_statement(statement, structure, words, &keys) {
                Some(statement) => {
                    let body = statement.body();
                    let names = || body.values_of(field::STATEMENT_HASH).any(|hash| *hash == Content::Hash(*digest));
                    known.named |= body.kind.name() == Some("statement.late") && names();
                    if body.author.0 == *author {
                        known.numbers.insert(body.sequence);
                    }
                }
                None => known.unopened += u64::from(number >= enrolled),
            }
        })?;
        Ok(known)
    }

    /// Seals every late statement for the overseers there are now. Returns how the disk refused to give one.
    pub(super) fn wrap_late(&self, overseers: &[Recipient]) -> Result<Option<ErrorKind>, LedgerError> {
        let cabinet = self.ledger.cabinet();
        let late = late::load_all(&cabinet, self.identity.secret())?;
        for (author, digest, statement) in late.opened {
            late::keep(&cabinet, &author, &digest, &statement, overseers)?;
        }
        Ok(late.unread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_nowhere_are_counted_below_the_newest_that_came() {
        let known = |numbers: &[u64], unopened| Known {
            numbers: numbers.iter().copied().collect(),
            unopened,
            ..Known::default()
        };
        let came = |numbers: &[u64]| numbers.iter().copied().collect();
        assert_eq!(known(&[0, 1], 0).missing(&came(&[])), 0);
        assert_eq!(known(&[0, 1], 0).missing(&came(&[2])), 0);
        assert_eq!(known(&[0, 1, 9], 0).missing(&came(&[3, 5])), 2);
        // One that is in the ledger and came late is one, and what did not open may be any of them.
        assert_eq!(known(&[0, 1], 1).missing(&came(&[1, 4])), 1);
        assert_eq!(known(&[0], 7).missing(&came(&[4])), 0);
        // The number is the author's own word.
        assert_eq!(known(&[0], 0).missing(&came(&[u64::MAX])), u64::MAX - 2);
    }
}
