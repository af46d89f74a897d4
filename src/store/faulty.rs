//! A disk in memory that fails where a test wants it to, and shows what a power cut may leave; and the calls for whole
//! files, made to fail on the thread of a test.

use std::cell::Cell;
use std::io;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::disk::Disk;

/// Bytes that a disk writes wholly or not at all.
pub const SECTOR: usize = 512;

/// How a call fails. A fault of another call than the one that comes is an error that did nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// `append`, `sync` or `read_at`: an error, and nothing was done.
    NotDone,
    /// `append` or `sync`: an error, but all was done.
    Done,
    /// `append`: an error after this many bytes.
    Torn(usize),
    /// `append`: an error, with only some of its sectors written and zeros for the others (bit n of the mask, counted in
    /// sectors from the one that the append begins in, n up to 63).
    Pages(u64),
    /// `sync`: an error, and all that was not synced is gone.
    Lost,
}

/// Which calls a [`FaultyDisk`] has had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Calls {
    /// Calls of `append`.
    pub appends: u64,
    /// Calls of `sync`.
    pub syncs: u64,
}

/// A disk in memory. Clones share the bytes, so that a log can be opened again after it failed.
#[derive(Debug, Clone, Default)]
pub struct FaultyDisk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// What reading gives.
    content: Vec<u8>,
    /// What is on the medium for sure.
    synced: Vec<u8>,
    /// How many appends and syncs still go well, and what happens then.
    fault: Option<(u64, Fault)>,
    read_fault: Option<u64>,
    calls: Calls,
}

impl FaultyDisk {
    /// Makes a disk that holds these bytes, synced.
    #[must_use]
    pub fn with(bytes: Vec<u8>) -> Self {
        FaultyDisk(Arc::new(Mutex::new(State { synced: bytes.clone(), content: bytes, ..State::default() })))
    }

    /// Lets `calls` further appends and syncs go well and the one after them fail, once.
    pub fn fail_after(&self, calls: u64, fault: Fault) {
        self.state().fault = Some((calls, fault));
    }

    /// Lets `calls` further reads go well and the one after them fail, once.
    pub fn fail_read_after(&self, calls: u64) {
        self.state().read_fault = Some(calls);
    }

    /// Whether a fault is still to come.
    #[must_use]
    pub fn armed(&self) -> bool {
        let state = self.state();
        state.fault.is_some() || state.read_fault.is_some()
    }

    /// Returns the bytes as reading gives them.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.state().content.clone()
    }

    /// Returns the bytes that are on the medium for sure.
    #[must_use]
    pub fn synced(&self) -> Vec<u8> {
        self.state().synced.clone()
    }

    /// Returns the calls so far.
    #[must_use]
    pub fn calls(&self) -> Calls {
        self.state().calls
    }

    /// Returns how many sectors hold bytes that were not synced.
    #[must_use]
    pub fn unsynced_sectors(&self) -> usize {
        let state = self.state();
        let first = state.synced.len() / SECTOR;
        if state.content.len() == state.synced.len() { 0 } else { state.content.len().div_ceil(SECTOR) - first }
    }

    /// Returns what a power cut may leave: a file of `length` bytes (at least those synced, at most those written) in which
    /// of the sectors that were not synced only those are written that `kept` says (numbered from 0); the others hold what
    /// was synced of them, and zeros.
    #[must_use]
    pub fn crash_image(&self, length: usize, kept: impl Fn(usize) -> bool) -> Vec<u8> {
        let state = self.state();
        let length = length.clamp(state.synced.len().min(state.content.len()), state.content.len());
        let mut image = state.synced.clone();
        image.resize(length, 0);
        let first = state.synced.len() / SECTOR;
        let sectors = image.chunks_mut(SECTOR).zip(state.content.chunks(SECTOR)).skip(first);
        for (_, (old, new)) in sectors.enumerate().filter(|(number, _)| kept(*number)) {
            old.iter_mut().zip(new).for_each(|(old, new)| *old = *new);
        }
        image
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn due(&mut self) -> Option<Fault> {
        match self.fault {
            Some((0, fault)) => {
                self.fault = None;
                Some(fault)
            }
            Some((left, fault)) => {
                self.fault = Some((left - 1, fault));
                None
            }
            None => None,
        }
    }
}

impl Disk for FaultyDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().content.len() as u64)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.state();
        match state.read_fault {
            Some(0) => {
                state.read_fault = None;
                return Err(failed());
            }
            Some(left) => state.read_fault = Some(left - 1),
            None => {}
        }
        let rest = usize::try_from(offset).ok().and_then(|offset| state.content.get(offset..)).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        Ok(length)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        state.calls.appends += 1;
        let fault = state.due();
        match fault {
            None | Some(Fault::Done) => state.content.extend_from_slice(bytes),
            Some(Fault::Torn(length)) => state.content.extend(bytes.iter().take(length)),
            Some(Fault::Pages(mask)) => {
                let first = state.content.len() / SECTOR;
                for byte in bytes {
                    let sector = state.content.len() / SECTOR - first;
                    state.content.push(if mask >> sector.min(63) & 1 == 1 { *byte } else { 0 });
                }
            }
            Some(Fault::NotDone | Fault::Lost) => {}
        }
        if fault.is_some() { Err(failed()) } else { Ok(()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.state();
        state.calls.syncs += 1;
        let fault = state.due();
        match fault {
            None | Some(Fault::Done) => state.synced = state.content.clone(),
            Some(Fault::Lost) => state.content = state.synced.clone(),
            Some(_) => {}
        }
        if fault.is_some() { Err(failed()) } else { Ok(()) }
    }
}

/// Lets the calls of [`durable`](super::durable) fail, as long as it lives and on the thread that made it.
///
/// A step is one thing that is asked of the operating system; the one that fails is not done, but for bytes that are written:
/// half of these are.
#[derive(Debug)]
pub struct FaultyFiles(PhantomData<*const ()>);

impl FaultyFiles {
    /// Lets `steps` further steps go well and the one after them fail, once, with `StorageFull`.
    #[must_use]
    pub fn fail_after(steps: u64) -> Self {
        STEPS.set(Some((0, steps)));
        FaultyFiles(PhantomData)
    }

    /// Whether the fault is still to come.
    #[must_use]
    pub fn armed(&self) -> bool {
        STEPS.get().is_some_and(|(done, wanted)| done <= wanted)
    }

    /// Returns the steps so far, the one that failed included.
    #[must_use]
    pub fn steps(&self) -> u64 {
        STEPS.get().map_or(0, |(done, _)| done)
    }
}

impl Drop for FaultyFiles {
    fn drop(&mut self) {
        STEPS.set(None);
    }
}

/// Fails where a [`FaultyFiles`] of this thread says so.
pub(super) fn step() -> io::Result<()> {
    let Some((done, wanted)) = STEPS.get() else { return Ok(()) };
    STEPS.set(Some((done + 1, wanted)));
    if done == wanted { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
}

fn failed() -> io::Error {
    io::Error::other("a fault that the test asked for")
}

thread_local! {
    /// The steps so far, and how many go well; none where nothing is to fail.
    static STEPS: Cell<Option<(u64, u64)>> = const { Cell::new(None) };
}
