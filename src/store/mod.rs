//! The disk: the only room that touches it. Bytes go in and come out; what they mean is not known here.
//!
//! [`LogFile`](log_file::LogFile) keeps the log over a [`Disk`](disk::Disk); [`durable`] is everything that is done with whole
//! files; [`lock`] keeps two writers apart; [`faulty`] lets a test's disk fail where the test wants it to.
//!
//! Assumed of the medium: a sector of 512 bytes is written wholly or not at all; a sync that returned has put on the medium
//! what was written before it; bytes that were synced stay when later ones are appended behind them in the same sector.
#![allow(clippy::disallowed_methods)]

pub mod disk;
pub mod durable;
pub mod faulty;
pub mod lock;
pub mod log_file;

use std::io;

/// Why the store refuses or fails.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system failed a call.
    #[error("{call} failed: {source}")]
    Io {
        /// Which call of the disk.
        call: &'static str,
        /// What the operating system says.
        source: io::Error,
    },
    /// A write or sync failed before: nothing is trusted until the log is opened again.
    #[error("a write failed before; the log has to be opened again")]
    Latched,
    /// The log was opened for reading.
    #[error("the log is open for reading only")]
    ReadOnly,
    /// The write was made for another place than the end of the log.
    #[error("a write for byte {start} where the log has {length} bytes")]
    Moved {
        /// Where the write says that it begins.
        start: u64,
        /// The bytes of the log.
        length: u64,
    },
    /// A new log was asked for where bytes are.
    #[error("the log is not empty")]
    NotEmpty,
    /// No entry frame begins there.
    #[error("no frame at byte {offset}")]
    NoFrame {
        /// The place asked for.
        offset: u64,
    },
    /// Somebody else holds the lock.
    #[error("another program holds the lock")]
    Busy,
}

impl StoreError {
    fn io(call: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| StoreError::Io { call, source }
    }
}
