//! A file used as a ring, so that it never grows past its bound however much passes through it.

use std::{
    fs::File,
    os::unix::fs::FileExt,
    path::PathBuf,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;

use super::SpoolError;

/// One appends, one takes; each keeps its own position. Neither checks the other: the spool knows how many bytes wait.
#[derive(Debug)]
pub(super) struct Ring {
    directory: PathBuf,
    capacity: u64,
    file: OnceLock<File>,
    /// Bytes ever appended, and ever taken: positions in the file once reduced by the capacity.
    appended: AtomicU64,
    taken: AtomicU64,
}

impl Ring {
    pub(super) fn new(directory: PathBuf, capacity: u64) -> Self {
        Self {
            directory,
            capacity,
            file: OnceLock::new(),
            appended: AtomicU64::new(0),
            taken: AtomicU64::new(0),
        }
    }

    /// Appends chunks; there must be room for them. Blocks.
    pub(super) fn append(&self, chunks: &[Bytes]) -> Result<(), SpoolError> {
        let file = self.file()?;
        let mut at = self.appended.load(Ordering::Relaxed);
        for chunk in chunks {
            let until_end = usize::try_from(self.capacity - at % self.capacity).unwrap_or(usize::MAX);
            let (first, second) = chunk.split_at(chunk.len().min(until_end));
            file.write_all_at(first, at % self.capacity)
                .and_then(|()| file.write_all_at(second, 0))
                .map_err(|source| SpoolError::File {
                    operation: "write",
                    source,
                })?;
            at += chunk.len() as u64;
        }
        self.appended.store(at, Ordering::Relaxed);
        Ok(())
    }

    /// Takes `length` bytes; so many must have been appended. Blocks.
    pub(super) fn take(&self, length: u64) -> Result<Bytes, SpoolError> {
        let file = self.file()?;
        let at = self.taken.load(Ordering::Relaxed);
        let until_end = (self.capacity - at % self.capacity).min(length);
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        let (first, second) = bytes.split_at_mut(usize::try_from(until_end).unwrap_or(usize::MAX));
        file.read_exact_at(first, at % self.capacity)
            .and_then(|()| file.read_exact_at(second, 0))
            .map_err(|source| SpoolError::File {
                operation: "read",
                source,
            })?;
        self.taken.store(at + length, Ordering::Relaxed);
        Ok(bytes.into())
    }

    /// The file, created when it is first needed: mode 0600 and without a name (`O_TMPFILE`, or unlinked at once), so that
    /// nobody else can open it and nothing is left of it.
    fn file(&self) -> Result<&File, SpoolError> {
        if let Some(file) = self.file.get() {
            return Ok(file);
        }
        let file = tempfile::tempfile_in(&self.directory).map_err(|source| SpoolError::File {
            operation: "create",
            source,
        })?;
        Ok(self.file.get_or_init(|| file))
    }
}
