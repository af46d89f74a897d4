//! What the store keeps when calls of the disk fail and when the power goes: every acknowledged write, and every byte.

use indelible::frame::parts_digest;
use indelible::frame::reader::Event;
use indelible::frame::write::{Built, WriteBuilder};
use indelible::store::disk::{Disk, RealFile};
use indelible::store::faulty::{Fault, FaultyDisk, SECTOR};
use indelible::store::log_file::{Head, LogFile, TailState};
use indelible::store::{StoreError, durable};

/// Bytes without runs of zeros, as ciphertexts are.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8 | 1
        })
        .collect()
}

/// Builds the write that a clerk would append at this head: it sets a torn tail aside first.
pub fn next_write(head: &Head, log_length: u64, sizes: &[usize]) -> Built {
    let mut builder = WriteBuilder::new(log_length, head.hash);
    let mut number = head.next_entry();
    if let Some(remains) = head.tail.remains() {
        builder.void(&remains.void(vec![])).unwrap();
    }
    for size in sizes {
        let (structure, words) = (noise(number, 300), noise(number + 1000, *size));
        let mut envelope: [u8; 145] = noise(number + 2000, 145).try_into().unwrap();
        envelope[1..9].copy_from_slice(&number.to_be_bytes());
        envelope[113..].copy_from_slice(&parts_digest(&structure, &words));
        builder.entry(&envelope, &structure, &words).unwrap();
        number += 1;
    }
    builder.own(format!("origin\n{number}\nroot\n").as_bytes()).unwrap()
}

/// Opens the log and appends one write as a clerk would; returns the entries that are acknowledged then.
pub fn append<D: Disk>(disk: D, sizes: &[usize]) -> Result<u64, StoreError> {
    let mut log = LogFile::open_append(disk)?;
    let head = log.head(|_| true)?;
    assert!(!matches!(head.tail, TailState::Corrupt { .. }), "{:?}", head.tail);
    let built = next_write(&head, log.len()?, sizes);
    log.append(built.start, &built.bytes)?;
    Ok(head.next_entry() + sizes.len() as u64)
}

/// The head of a log, by both ways of reading, which have to agree.
pub fn head(bytes: Vec<u8>) -> Head {
    let log = LogFile::open_read(FaultyDisk::with(bytes));
    let forward = log.head_forward().unwrap();
    assert_eq!(log.head(|_| true).unwrap(), forward);
    forward
}

const FAULTS: [Fault; 9] = [
    Fault::NotDone,
    Fault::Done,
    Fault::Torn(0),
    Fault::Torn(1),
    Fault::Torn(200),
    Fault::Torn(1300),
    Fault::Pages(0b0101),
    Fault::Pages(0b1010),
    Fault::Lost,
];

#[test]
fn each_call_fails_in_each_way_and_nothing_acknowledged_is_lost() {
    // An opening and an append are three calls: sync, write, sync.
    for call in 0..9 {
        for fault in FAULTS {
            let disk = FaultyDisk::default();
            disk.fail_after(call, fault);
            let mut acknowledged = 0;
            let mut failures = 0;
            for round in 0..6 {
                let before = disk.synced();
                match append(disk.clone(), &[700, round * 100]) {
                    Ok(entries) => {
                        assert!(entries >= acknowledged + 2);
                        acknowledged = entries;
                        assert_eq!(disk.synced(), disk.bytes());
                    }
                    Err(error) => {
                        assert!(matches!(error, StoreError::Io { .. }), "{error}");
                        failures += 1;
                    }
                }
                assert!(disk.bytes().starts_with(&before), "nothing is ever cut off or changed");
                let head = head(disk.bytes());
                assert!(head.next_entry() >= acknowledged, "call {call}, {fault:?}");
                assert!(!matches!(head.tail, TailState::Corrupt { .. }), "call {call}, {fault:?}: {:?}", head.tail);
            }
            assert_eq!((failures, disk.armed()), (1, false));
            assert!(acknowledged >= 10);
        }
    }
}

#[test]
fn after_a_failure_the_log_latches_until_it_is_opened_again() {
    for (call, fault) in [(1, Fault::NotDone), (1, Fault::Torn(10)), (2, Fault::NotDone), (2, Fault::Done)] {
        let disk = FaultyDisk::default();
        let mut log = LogFile::create(disk.clone()).unwrap();
        let built = next_write(&log.head(|_| true).unwrap(), 0, &[50]);
        disk.fail_after(call - 1, fault);
        assert!(matches!(log.append(0, &built.bytes), Err(StoreError::Io { .. })));
        let calls = disk.calls();
        assert!(matches!(log.append(0, &built.bytes), Err(StoreError::Latched)));
        assert!(matches!(log.len(), Err(StoreError::Latched)));
        assert!(matches!(log.head(|_| true), Err(StoreError::Latched)));
        assert!(matches!(log.head_forward(), Err(StoreError::Latched)));
        assert!(matches!(log.frame_at(0), Err(StoreError::Latched)));
        assert!(matches!(log.reader().map(|_| ()), Err(StoreError::Latched)));
        assert_eq!(disk.calls(), calls, "a latched log leaves the disk alone");
        append(disk, &[50]).unwrap();
    }
}

#[test]
fn one_write_and_one_sync_for_each_append() {
    let disk = FaultyDisk::default();
    let mut log = LogFile::create(disk.clone()).unwrap();
    let opened = disk.calls();
    let built = next_write(&log.head(|_| true).unwrap(), 0, &[50, 60, 70]);
    log.append(0, &built.bytes).unwrap();
    assert_eq!((disk.calls().appends, disk.calls().syncs), (1, opened.syncs + 1));
    assert!(matches!(log.append(0, &built.bytes), Err(StoreError::Moved { start: 0, .. })));
    assert_eq!(disk.calls().appends, 1);
    assert!(matches!(LogFile::create(disk.clone()), Err(StoreError::NotEmpty)));
    assert!(matches!(LogFile::open_read(disk).append(0, b"x"), Err(StoreError::ReadOnly)));
}

#[test]
fn a_power_cut_leaves_any_sectors_and_any_length() {
    // The first write ends at different places of a sector, so that the second begins there.
    for first in (0..SECTOR).step_by(37) {
        let disk = FaultyDisk::default();
        append(disk.clone(), &[first]).unwrap();
        disk.fail_after(2, Fault::NotDone);
        append(disk.clone(), &[900]).unwrap_err();
        let (from, to) = (disk.synced().len(), disk.bytes().len());
        let sectors = disk.unsynced_sectors();
        for mask in 0..1usize << sectors {
            for length in [from, from + 1, from + 400, (from + to) / 2, to - 1, to] {
                let image = disk.crash_image(length, |sector| mask >> sector & 1 == 1);
                let found = head(image.clone());
                let state = format!("first {first}, mask {mask:b}, length {length} of {from}..{to}: {:?}", found.tail);
                assert!(!matches!(found.tail, TailState::Corrupt { .. }), "{state}");
                assert_eq!(found.next_entry() == 2, image == disk.bytes(), "{state}");
                // The next append sets it aside; all bytes stay.
                let next = FaultyDisk::with(image.clone());
                assert_eq!(append(next.clone(), &[10]).unwrap(), found.next_entry() + 1, "{state}");
                assert!(next.bytes().starts_with(&image));
                let after = head(next.bytes());
                assert_eq!((after.next_entry(), after.tail), (found.next_entry() + 1, TailState::Clean));
            }
        }
    }
}

#[test]
fn a_tail_names_its_place_and_what_is_legible() {
    let disk = FaultyDisk::default();
    append(disk.clone(), &[100, 100]).unwrap();
    let before = disk.bytes().len();
    append(disk.clone(), &[100, 200, 300]).unwrap();
    let mut bytes = disk.bytes();
    let second = before + 9 + 145 + 300 + 100 + 20;
    bytes[second + 30] ^= 4;
    match head(bytes.clone()).tail {
        TailState::Corrupt { fault, entry, remains } => {
            assert_eq!((fault.offset, fault.entry, entry), (second as u64, 1, 3));
            assert_eq!((remains.offset, remains.length), (before as u64, (bytes.len() - before) as u64));
            assert_eq!((remains.entries.len(), remains.notes.len()), (2, 1));
            let log = LogFile::open_read(FaultyDisk::with(bytes.clone()));
            let frame = log.frame_at(remains.entries[1].start).unwrap();
            assert_eq!(frame.len() as u64, remains.entries[1].end - remains.entries[1].start);
            assert!(matches!(log.frame_at(second as u64), Err(StoreError::NoFrame { .. })));
        }
        other => panic!("{other:?}"),
    }
    // Wrong parts in a write that others follow: damage, not a tail, and named.
    let mut bytes = disk.bytes();
    bytes[9 + 145 + 10] ^= 1;
    let log = LogFile::open_read(FaultyDisk::with(bytes));
    match log.head_forward().unwrap().tail {
        TailState::Corrupt { entry, .. } => assert_eq!(entry, 0),
        other => panic!("{other:?}"),
    }
    // A hint that the caller does not vouch for is not taken, and reading forward finds the same.
    let log = LogFile::open_read(disk);
    assert_eq!(log.head(|_| false).unwrap(), log.head(|_| true).unwrap());
}

#[test]
fn cosigned_writes_are_passed_over_from_the_end() {
    let disk = FaultyDisk::default();
    append(disk.clone(), &[100]).unwrap();
    append(disk.clone(), &[100, 100]).unwrap();
    let newest = head(disk.bytes()).newest;
    for _ in 0..3 {
        let mut log = LogFile::open_append(disk.clone()).unwrap();
        let found = log.head(|_| true).unwrap();
        let built = WriteBuilder::cosigned(found.end, found.hash, b"origin\n3\nroot\n").unwrap();
        log.append(built.start, &built.bytes).unwrap();
    }
    let found = head(disk.bytes());
    assert_eq!((found.newest, found.end), (newest, disk.bytes().len() as u64));
    let log = LogFile::open_read(disk);
    let mut cosigned_writes = 0;
    let mut reader = log.reader().unwrap();
    loop {
        match reader.next_event().unwrap() {
            Event::Checkpoint { cosigned, .. } => cosigned_writes += usize::from(cosigned),
            Event::End { .. } => break,
            _ => {}
        }
    }
    assert_eq!(cosigned_writes, 3);
}

#[test]
fn a_real_file_keeps_the_same_bytes_as_the_disk_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.log");
    drop(LogFile::create(RealFile::create(&path).unwrap()).unwrap());
    assert!(RealFile::create(&path).is_err());
    let memory = FaultyDisk::default();
    for sizes in [&[10][..], &[2000, 3], &[0]] {
        let entries = append(RealFile::open_append(&path).unwrap(), sizes).unwrap();
        assert_eq!(append(memory.clone(), sizes).unwrap(), entries);
    }
    assert_eq!(durable::read(&path, 1 << 20).unwrap(), memory.bytes());
    let log = LogFile::open_read(RealFile::open_read(&path).unwrap());
    assert_eq!(log.head(|_| true).unwrap(), head(memory.bytes()));
    // A torn tail on a real file: cut where a power cut would.
    let torn = memory.bytes();
    durable::replace(&path, &torn[..torn.len() - 5]).unwrap();
    assert_eq!(append(RealFile::open_append(&path).unwrap(), &[7]).unwrap(), 4);
}
