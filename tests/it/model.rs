//! Random operations against a `Vec`, with a countdown to an error of the disk or a power cut.

use indelible::frame::reader::Event;
use indelible::store::StoreError;
use indelible::store::faulty::{Fault, FaultyDisk, SECTOR};
use indelible::store::log_file::{LogFile, TailState};
use proptest::prelude::*;

use crate::crash_store::{append, head};

/// One thing that happens to a ledger.
#[derive(Debug, Clone)]
enum Operation {
    Append(Vec<usize>),
    FailAfter(u64, Fault),
    FailRead(u64),
    /// The power goes before the last append was synced: its sectors by a mask, the length in parts of 256.
    PowerCut(u64, usize),
}

fn operation() -> impl Strategy<Value = Operation> {
    let fault = prop_oneof![
        Just(Fault::NotDone),
        Just(Fault::Done),
        Just(Fault::Lost),
        (0usize..3000).prop_map(Fault::Torn),
        any::<u64>().prop_map(Fault::Pages),
    ];
    prop_oneof![
        4 => prop::collection::vec(0usize..1500, 1..4).prop_map(Operation::Append),
        2 => (0u64..6, fault).prop_map(|(calls, fault)| Operation::FailAfter(calls, fault)),
        1 => (0u64..12).prop_map(Operation::FailRead),
        2 => (any::<u64>(), 0usize..=256).prop_map(|(mask, part)| Operation::PowerCut(mask, part)),
    ]
}

/// Returns the entry numbers and envelopes that the log holds.
fn entries(disk: &FaultyDisk) -> Vec<[u8; 145]> {
    let log = LogFile::open_read(FaultyDisk::with(disk.bytes()));
    let mut reader = log.reader().unwrap();
    let (mut done, mut pending) = (vec![], vec![]);
    loop {
        match reader.next_event().unwrap() {
            Event::Entry { frame, .. } => {
                assert!(frame.number() == (done.len() + pending.len()) as u64);
                pending.push(*frame.envelope);
            }
            Event::Checkpoint { .. } => done.append(&mut pending),
            Event::Void { .. } | Event::Tail(_) => pending.clear(),
            Event::End { .. } => return done,
        }
    }
}

/// Whether a power cut can leave what nobody can tell from damage: a write that began less than 16 bytes before the end of
/// its sector, behind bytes that were set aside, lost that sector and its own end.
fn undecidable(log_length: usize) -> bool {
    SECTOR - log_length % SECTOR < 16
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_log_holds_what_the_model_holds(operations in prop::collection::vec(operation(), 1..25)) {
        let mut disk = FaultyDisk::default();
        let mut model: Vec<[u8; 145]> = vec![];
        for operation in operations {
            let durable = disk.synced();
            match operation {
                Operation::FailAfter(calls, fault) => disk.fail_after(calls, fault),
                Operation::FailRead(calls) => disk.fail_read_after(calls),
                Operation::Append(sizes) => match append(disk.clone(), &sizes) {
                    Ok(count) => {
                        let now = entries(&disk);
                        prop_assert_eq!(now.len() as u64, count);
                        prop_assert!(now.starts_with(&model));
                        model = now;
                    }
                    Err(StoreError::Io { .. }) => {}
                    Err(other) => panic!("{other}"),
                },
                Operation::PowerCut(mask, part) => {
                    // An append whose sync never comes, unless another fault is due first.
                    if undecidable(disk.bytes().len()) || disk.armed() {
                        continue;
                    }
                    disk.fail_after(2, Fault::NotDone);
                    prop_assert!(append(disk.clone(), &[800]).is_err());
                    let (from, to) = (disk.synced().len(), disk.bytes().len());
                    let image = disk.crash_image(from + (to - from) * part / 256, |sector| mask >> (sector % 64) & 1 == 1);
                    disk = FaultyDisk::with(image);
                }
            }
            let now = entries(&disk);
            prop_assert!(now.starts_with(&model), "an acknowledged entry is gone");
            prop_assert!(disk.bytes().starts_with(&disk.synced()));
            prop_assert!(disk.synced().starts_with(&durable), "synced bytes changed or were cut off");
            let found = head(disk.bytes());
            prop_assert_eq!(found.next_entry(), now.len() as u64);
            prop_assert!(!matches!(found.tail, TailState::Corrupt { .. }), "{:?}", found.tail);
        }
    }
}
