//! Writing the database's file while it is being built: one thread builds, one writes, one has the disk work already.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

use super::error::RestoreError;
use super::output::{Content, Output};
use crate::directory::{Directory, Failed};

/// Bytes handed over at once.
const CHUNK: usize = 1 << 20;
/// Chunks on their way. With the one being filled and the one being written, 6 MiB.
const CHUNKS: usize = 4;
/// After so many bytes the disk is asked to take what it has been given, so that little is left to wait for at the end.
const BETWEEN_SYNCS: usize = 32 << 20;

/// What the builder writes to.
#[derive(Debug)]
pub(super) struct Sink {
    buffer: Vec<u8>,
    full: SyncSender<Vec<u8>>,
    empty: Receiver<Vec<u8>>,
}

impl Sink {
    fn hand_over(&mut self) -> io::Result<()> {
        let mut next = self.empty.try_recv().unwrap_or_default();
        next.clear();
        next.reserve(CHUNK);
        let full = std::mem::replace(&mut self.buffer, next);
        // The writer only goes away with an error of its own, which is told in place of this one.
        self.full.send(full).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK {
            self.hand_over()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hand_over()
    }
}

/// Creates a database file and fills it with what `produce` puts out. The meta pages are written last; it is not synced.
pub(super) fn write_database<T>(
    directory: &Directory,
    name: &str,
    page_size: u32,
    produce: impl FnOnce(&mut Output<Sink>) -> Result<T, RestoreError>,
) -> Result<(T, Content), RestoreError> {
    let path = directory.at(name);
    let file = directory.create_file(name)?;
    let (full, chunks) = sync_channel(CHUNKS);
    let (recycle, empty) = channel();
    let sink = Sink {
        buffer: Vec::with_capacity(CHUNK),
        full,
        empty,
    };
    let mut output = Output::new(sink, page_size)?;
    let start = u64::from(page_size).saturating_mul(2);
    let file = &file;
    let (built, written) = thread::scope(|scope| {
        let (ask, asked) = sync_channel(1);
        let syncing = scope.spawn(move || asked.iter().try_for_each(|()| file.sync_data()));
        let writing = scope.spawn(move || write_chunks(file, start, &chunks, &recycle, &ask));
        let built = produce(&mut output).and_then(|built| {
            let (sink, head, content) = output.finish()?;
            drop(sink);
            Ok((built, head, content))
        });
        let lost = |_| io::Error::other("a thread died");
        let written = writing.join().unwrap_or_else(|died| Err(lost(died)));
        (
            built,
            written.and(syncing.join().unwrap_or_else(|died| Err(lost(died)))),
        )
    });
    written.map_err(Failed::at("write", &path))?;
    let (built, head, content) = built?;
    file.write_all_at(&head.bytes(), 0)
        .map_err(Failed::at("write", &path))?;
    Ok((built, content))
}

fn write_chunks(
    file: &File,
    start: u64,
    chunks: &Receiver<Vec<u8>>,
    recycle: &Sender<Vec<u8>>,
    sync: &SyncSender<()>,
) -> io::Result<()> {
    let mut offset = start;
    let mut unsynced = 0_usize;
    for chunk in chunks {
        file.write_all_at(&chunk, offset)?;
        offset = offset.saturating_add(u64::try_from(chunk.len()).unwrap_or(0));
        unsynced = unsynced.saturating_add(chunk.len());
        if unsynced >= BETWEEN_SYNCS && sync.try_send(()).is_ok() {
            unsynced = 0;
        }
        // Nobody takes it back once the builder is done.
        drop(recycle.send(chunk));
    }
    Ok(())
}
