//! Bytes waiting for the store: in memory first, in a bounded file after that.
//!
//! One writer, which is never made to wait for the reader: what does not fit is an error. One reader, which blocks its
//! thread. First in, first out: once bytes are on disk, all further bytes go to disk until the reader has caught up.

mod ring;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use thiserror::Error;

use self::ring::Ring;
use super::SpoolLimits;

/// Bytes read from disk at once.
const PIECE: u64 = 256 * 1024;

/// Why the spool did not take bytes.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SpoolError {
    /// The store is too slow for the space there is.
    #[error(
        "full: {bytes} bytes wait for the store, which is slower than etcd: use a faster one, or let more wait (the operator's --spool-dir and --spool-max-bytes)"
    )]
    Full {
        /// Bytes waiting.
        bytes: u64,
    },
    /// The file could not be created, written or read.
    #[error("{operation} its file: {source}")]
    File {
        /// What was tried.
        operation: &'static str,
        /// What happened.
        source: io::Error,
    },
    /// The reader is gone, and says itself why.
    #[error("its reader has ended")]
    ReaderGone,
}

impl SpoolError {
    /// A stable CamelCase word for conditions, events and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Full { .. } => "SpoolFull",
            Self::File { source, .. } if source.kind() == io::ErrorKind::StorageFull => "DiskFull",
            Self::File { .. } => "SpoolFailed",
            Self::ReaderGone => "Internal",
        }
    }
}

/// How reading can end other than well.
#[derive(Debug)]
pub(super) enum ReadError {
    /// The writer has ended without finishing, and says itself why.
    Interrupted,
    /// The file could not be read.
    File(SpoolError),
}

#[derive(Debug, Default)]
struct State {
    memory: VecDeque<Bytes>,
    memory_bytes: usize,
    disk_bytes: u64,
    /// `Some(true)`: finished. `Some(false)`: given up.
    ended: Option<bool>,
    reader_gone: bool,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No code between lock and unlock can panic half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end that bytes go into. Dropped before [`finish`](Self::finish), it makes the reader fail.
#[derive(Debug)]
pub(super) struct SpoolWriter {
    shared: Arc<Shared>,
    limits: SpoolLimits,
    ring: Arc<Ring>,
}

/// The end that bytes come out of.
#[derive(Debug)]
pub(super) struct SpoolReader {
    shared: Arc<Shared>,
    ring: Arc<Ring>,
}

pub(super) fn spool(limits: SpoolLimits) -> (SpoolWriter, SpoolReader) {
    let shared = Arc::new(Shared {
        state: Mutex::default(),
        changed: Condvar::new(),
    });
    let ring = Arc::new(Ring::new(limits.directory.clone(), limits.disk));
    (
        SpoolWriter {
            shared: shared.clone(),
            limits,
            ring: ring.clone(),
        },
        SpoolReader { shared, ring },
    )
}

impl SpoolWriter {
    /// Takes chunks in order. Waits for the disk if it must, never for the reader.
    pub(super) async fn push(&self, chunks: Vec<Bytes>) -> Result<(), SpoolError> {
        let length: usize = chunks.iter().map(Bytes::len).sum();
        if self.push_to_memory(&chunks, length)? {
            return Ok(());
        }
        let length = length as u64;
        let (on_disk, in_memory) = {
            let state = self.shared.lock();
            (state.disk_bytes, state.memory_bytes as u64)
        };
        if on_disk + length > self.limits.disk {
            return Err(SpoolError::Full {
                bytes: on_disk + in_memory,
            });
        }
        let ring = self.ring.clone();
        let written = tokio::task::spawn_blocking(move || ring.append(&chunks));
        written.await.map_err(|error| SpoolError::File {
            operation: "write",
            source: io::Error::other(error),
        })??;
        self.shared.lock().disk_bytes += length;
        self.shared.changed.notify_one();
        Ok(())
    }

    /// Into memory, if everything before is in memory too and there is room. A chunk always fits into empty memory, so
    /// that no limit is too small to work.
    fn push_to_memory(&self, chunks: &[Bytes], length: usize) -> Result<bool, SpoolError> {
        let mut state = self.shared.lock();
        if state.reader_gone {
            return Err(SpoolError::ReaderGone);
        }
        let fits = state.memory_bytes == 0 || state.memory_bytes + length <= self.limits.memory;
        if state.disk_bytes > 0 || !fits {
            return Ok(false);
        }
        state.memory.extend(chunks.iter().cloned());
        state.memory_bytes += length;
        drop(state);
        self.shared.changed.notify_one();
        Ok(true)
    }

    /// No more bytes will come, and those that came are all.
    pub(super) fn finish(self) {
        self.shared.lock().ended = Some(true);
        // Dropping notifies.
    }
}

impl Drop for SpoolWriter {
    fn drop(&mut self) {
        self.shared.lock().ended.get_or_insert(false);
        self.shared.changed.notify_one();
    }
}

impl SpoolReader {
    /// The next bytes; `None` after the last. Blocks the thread.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, ReadError> {
        let mut state = self.shared.lock();
        loop {
            if let Some(chunk) = state.memory.pop_front() {
                state.memory_bytes -= chunk.len();
                return Ok(Some(chunk));
            }
            // Giving up counts at once: what was written before does not matter any more.
            match (state.disk_bytes, state.ended) {
                (_, Some(false)) => return Err(ReadError::Interrupted),
                (0, Some(true)) => return Ok(None),
                (0, None) => {
                    state = self
                        .shared
                        .changed
                        .wait(state)
                        .unwrap_or_else(PoisonError::into_inner);
                }
                (waiting, _) => {
                    drop(state);
                    return self.take_from_disk(waiting.min(PIECE)).map(Some);
                }
            }
        }
    }

    fn take_from_disk(&mut self, length: u64) -> Result<Bytes, ReadError> {
        let bytes = self.ring.take(length).map_err(ReadError::File)?;
        self.shared.lock().disk_bytes -= length;
        Ok(bytes)
    }
}

impl Drop for SpoolReader {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.reader_gone = true;
        state.memory.clear();
    }
}
