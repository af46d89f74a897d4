//! The signatures of a ledger: many statements by few keys, each with the verdict of `verify_strict` and no other.
//!
//! A key that has signed often gets a table ([`PreparedKey`]), as long as all tables together stay within 14 MiB.

use std::collections::HashMap;

use crate::entry::EntryError;
use crate::entry::statement::Unverified;
use crate::keys::PublicKey;
use crate::keys::prepared::{PreparedKey, TABLE_BYTES, Unsettled};
use crate::verify::ledger::parallel;
use crate::verify::report::Code;

/// Memory of all tables together in bytes, without the 2 MiB that all keys share (14 MiB).
const TABLES_LIMIT: usize = 14 << 20;
/// Signatures after which a key gets its table: building it costs about as much as 30 of them.
const OFTEN: u32 = 100;
/// Signatures that are settled together.
pub const GROUP: usize = 16;

/// The keys met so far.
#[derive(Default)]
pub struct Signatures {
    keys: HashMap<[u8; 32], Met>,
    tables: usize,
}

struct Met {
    key: PreparedKey,
    signatures: u32,
}

impl Signatures {
    /// Takes note of the keys under which signatures are about to be checked, one for each, and builds tables for those
    /// that come often.
    pub fn expect<'a>(&mut self, keys: impl Iterator<Item = &'a PublicKey>) {
        let mut wanted = Vec::new();
        for key in keys {
            let name = key.as_bytes();
            let met = self.keys.entry(*name).or_insert_with(|| Met { key: PreparedKey::new(key), signatures: 0 });
            met.signatures = met.signatures.saturating_add(1);
            if met.signatures == OFTEN && (self.tables + 1) * TABLE_BYTES <= TABLES_LIMIT {
                self.tables += 1;
                wanted.push(*name);
            }
        }
        parallel(&wanted, |name| {
            if let Some(met) = self.keys.get(name) {
                met.key.prepare();
            }
        });
    }

    /// Checks the signatures of statements, each under the key that it names itself: whether that key counts is for the
    /// roster to say. On every core.
    #[must_use]
    pub fn check_named(&mut self, statements: &[&Unverified]) -> Vec<Result<(), Code>> {
        let mut known: HashMap<[u8; 32], Option<PublicKey>> = HashMap::new();
        let mut read = |statement: &&Unverified| {
            let bytes = statement.body().author.0;
            known.entry(bytes).or_insert_with(|| PublicKey::from_bytes(&bytes).ok()).clone()
        };
        let keys: Vec<Option<PublicKey>> = statements.iter().map(&mut read).collect();
        self.expect(keys.iter().flatten());
        let named: Vec<(&Unverified, &PublicKey)> =
            statements.iter().zip(&keys).filter_map(|(statement, key)| Some((*statement, key.as_ref()?))).collect();
        let groups: Vec<_> = named.chunks(GROUP).collect();
        let mut checked = parallel(&groups, |group| self.check(group)).into_iter().flatten();
        let verdict =
            |key: &Option<PublicKey>| key.as_ref().and_then(|_| checked.next()).unwrap_or(Err(Code::Signature));
        keys.iter().map(verdict).collect()
    }

    /// Checks the signatures of up to [`GROUP`] statements, each under the key given with it, which [`Signatures::expect`]
    /// was told of.
    #[must_use]
    pub fn check(&self, group: &[(&Unverified, &PublicKey)]) -> Vec<Result<(), Code>> {
        let mut started = Vec::with_capacity(group.len());
        let mut verdicts = Vec::with_capacity(group.len());
        for (statement, key) in group {
            match self.keys.get(key.as_bytes()).map(|met| statement.start_signature(&met.key)) {
                Some(Ok(unsettled)) => {
                    started.push(unsettled);
                    verdicts.push(Ok(()));
                }
                Some(Err(EntryError::OtherKey)) | None => verdicts.push(Err(Code::KeyNotEnrolled)),
                Some(Err(_)) => verdicts.push(Err(Code::Signature)),
            }
        }
        // What was started waits in the same order.
        for (verdict, settled) in verdicts.iter_mut().filter(|verdict| verdict.is_ok()).zip(Unsettled::settle(&started))
        {
            *verdict = settled.map_err(|_| Code::Signature);
        }
        verdicts
    }
}
