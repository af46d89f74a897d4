//! A log's bytes, through four calls.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::durable;

/// Bytes that only grow.
pub trait Disk {
    /// Returns how many bytes there are.
    ///
    /// # Errors
    /// Those of the operating system.
    fn len(&self) -> io::Result<u64>;

    /// Whether there are none.
    ///
    /// # Errors
    /// Those of [`Disk::len`].
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Reads bytes at a place; returns how many, fewer than asked for only where the bytes end or the system likes it.
    ///
    /// # Errors
    /// Those of the operating system.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Puts all of `bytes` at the end. On an error any part of them may have been written.
    ///
    /// # Errors
    /// Those of the operating system.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Returns once all that was appended is on the medium.
    ///
    /// # Errors
    /// Those of the operating system. Nothing that was appended since the last sync is then known to be there.
    fn sync(&mut self) -> io::Result<()>;
}

/// A file. Appending goes through `O_APPEND`, so it works under `chattr +a`.
#[derive(Debug)]
pub struct RealFile(File);

impl RealFile {
    /// Makes a new, empty file (0600) and makes its name durable.
    ///
    /// # Errors
    /// `AlreadyExists`, and those of the operating system.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = durable::private(OpenOptions::new().read(true).append(true).create_new(true)).open(path)?;
        file.sync_all()?;
        durable::sync_parent(path)?;
        Ok(RealFile(file))
    }

    /// Opens a file for reading.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn open_read(path: &Path) -> io::Result<Self> {
        durable::open_read(path).map(RealFile)
    }

    /// Opens a file for reading and appending.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn open_append(path: &Path) -> io::Result<Self> {
        OpenOptions::new().read(true).append(true).open(path).map(RealFile)
    }
}

impl Disk for RealFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        #[cfg(unix)]
        return std::os::unix::fs::FileExt::read_at(&self.0, buffer, offset);
        #[cfg(windows)]
        return std::os::windows::fs::FileExt::seek_read(&self.0, buffer, offset);
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        // One `write` where the system takes all at once; what it leaves over follows at the end of the file.
        self.0.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}

/// A disk as a source of bytes, for `frame`.
#[derive(Debug)]
pub struct DiskReader<'a, D> {
    disk: &'a D,
    at: u64,
}

impl<'a, D: Disk> DiskReader<'a, D> {
    /// Reads a disk from its first byte.
    pub fn new(disk: &'a D) -> Self {
        DiskReader { disk, at: 0 }
    }
}

impl<D: Disk> Read for DiskReader<'_, D> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.disk.read_at(self.at, buffer)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl<D: Disk> Seek for DiskReader<'_, D> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.disk.len()?.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
