//! Random operations of the whole clerk against a `Vec` of statement digests.

use std::path::Path;

use indelible::codec::Digest;
use indelible::decision::draft::Draft;
use indelible::head::cosignature;
use indelible::keys::SigningKey;
use indelible::keys::name::{KeyKind, KeyName, SignerKey};
use indelible::ledger::LedgerError;
use indelible::store::durable;
use indelible::store::faulty::{Fault, FaultyDisk};

use crate::crash::Shaky;
use crate::forge::concern;
use crate::tamper::deep;

/// A source of choices, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) % sides
    }

    fn fault(&mut self) -> Fault {
        match self.below(5) {
            0 => Fault::NotDone,
            1 => Fault::Done,
            2 => Fault::Lost,
            3 => Fault::Torn(self.below(2500) as usize),
            _ => Fault::Pages(self.below(64)),
        }
    }
}

fn witness(shaky: &Shaky) -> Result<(), LedgerError> {
    let mut desk = shaky.desk("maria")?;
    let mut note = desk.ledger.checkpoint()?.clone();
    let name = KeyName::new("witness.example/w").unwrap();
    let key = SignerKey::new(name, KeyKind::Cosigner, SigningKey::from_seed(&[1; 32]));
    note.add(cosignature::sign(note.text(), &key, 1_791_273_600).unwrap()).unwrap();
    desk.ledger.join(note.to_string().as_bytes()).map(|_| ())
}

fn batch(shaky: &Shaky, who: &str, count: u64) -> Result<(), LedgerError> {
    let drafts: Vec<Draft> =
        (0..count).map(|n| Draft::from_json(&concern("ezra", &format!("Batch {n}."))).unwrap()).collect();
    let tick = || shaky.world.tick();
    shaky.desk(who)?.record_all(&drafts, true, &tick, &mut durable::entropy(), &mut |_, _| ()).map(|_| ())
}

fn garbage(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
        if entry.path().is_file() {
            std::fs::write(entry.path(), [7; 1000]).unwrap();
        }
    }
}

/// Only errors of the disk are expected, and torn bytes that a person has to set aside first.
fn expected<T>(result: Result<T, LedgerError>, what: &str) {
    match result {
        Ok(_) | Err(LedgerError::Store(_) | LedgerError::TornTail | LedgerError::Io { .. }) => {}
        Err(other) => panic!("{what}: {other}"),
    }
}

#[test]
fn the_clerk_holds_what_the_model_holds() {
    let (rounds, operations) = if deep() { (60, 60) } else { (3, 14) };
    for seed in 1..=rounds {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let mut shaky = Shaky::new();
        let mut model: Vec<Digest> = shaky.digests();
        let index = shaky.world.book().join("index");
        let mut story = Vec::new();
        for _ in 0..operations {
            let who = ["sam", "jon", "maria"][dice.below(3) as usize];
            let (choice, number) = (dice.below(10), dice.below(6));
            story.push((choice, who, number));
            let what = format!("seed {seed}: {story:?}");
            match choice {
                0..=3 => expected(shaky.record(who), &what),
                4 => expected(batch(&shaky, who, 1 + number), &what),
                5 | 6 => shaky.disk.fail_after(number, dice.fault()),
                7 => match number {
                    0..=2 => drop(std::fs::remove_dir_all(&index)),
                    _ => garbage(&index),
                },
                8 => expected(witness(&shaky), &what),
                _ => {
                    // The power goes during an append.
                    if shaky.disk.armed() {
                        continue;
                    }
                    shaky.disk.fail_after(2, Fault::NotDone);
                    expected(shaky.record(who), &what);
                    let (from, to) = (shaky.disk.synced().len(), shaky.disk.bytes().len());
                    let mask = dice.below(64);
                    // A write that began less than 16 bytes before the end of its sector cannot be told from damage.
                    let mask = if 512 - from % 512 < 16 { 63 } else { mask };
                    let length = from + (to - from) * dice.below(257) as usize / 256;
                    let image = shaky.disk.crash_image(length, |sector| mask >> (sector % 6) & 1 == 1);
                    shaky.disk = FaultyDisk::with(image);
                }
            }
            let digests = shaky.digests();
            assert!(digests.starts_with(&model), "{what}: an entry is gone");
            model = digests;
            assert!(shaky.disk.bytes().starts_with(&shaky.disk.synced()), "{what}");
        }
        // At last everyone who waits is served.
        shaky.disk = FaultyDisk::with(shaky.disk.bytes());
        for who in ["sam", "jon", "maria"] {
            shaky.record(who).unwrap_or_else(|error| panic!("seed {seed}: {story:?}: {error}"));
            assert_eq!(shaky.waiting(who), [], "seed {seed}: {story:?}");
        }
        shaky.check(&format!("seed {seed}: {story:?}"));
        assert!(shaky.told.len() >= 3);
    }
}
