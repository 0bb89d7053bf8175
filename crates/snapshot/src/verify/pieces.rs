//! What is read once and used twice: hashed on another thread, and whatever else here.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};
use std::{panic, thread};

use etcd_backup_bolt::walk::ReadAt;

use super::hash::{Hash, Hashes};

/// How much is read at once, and used while it is still in the processor's cache.
pub(crate) const PIECE: usize = 256 << 10;
/// Pieces that may wait to be hashed.
const AHEAD: usize = 4;

/// The next bytes of what is read: [`PIECE`] of them, but for the last.
#[derive(Debug)]
pub(crate) struct Piece {
    /// Always of full length, so that it is made of zeros but once.
    buffer: Vec<u8>,
    length: usize,
}

impl Piece {
    pub(crate) fn new() -> Self {
        Self {
            buffer: vec![0; PIECE],
            length: 0,
        }
    }

    /// Reads so many bytes at a place; [`PIECE`] at most.
    pub(crate) fn fill_at(&mut self, source: &impl ReadAt, offset: u64, length: usize) -> io::Result<()> {
        self.length = length.min(PIECE);
        let room = self.buffer.get_mut(..self.length).unwrap_or_default();
        source.read_exact_at(room, offset)
    }

    /// Reads until it is full or the reader at its end, so that pages lie whole in it.
    pub(crate) fn fill(&mut self, reader: &mut impl Read) -> io::Result<()> {
        self.length = 0;
        while let Some(rest) = self.buffer.get_mut(self.length..).filter(|rest| !rest.is_empty()) {
            match reader.read(rest) {
                Ok(0) => break,
                Ok(read) => self.length = self.length.saturating_add(read),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Deref for Piece {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.buffer.get(..self.length).unwrap_or_default()
    }
}

/// Pieces that a second thread hashes, in buffers that are used again. Takes 2 MiB.
pub(crate) struct Pieces<'scope> {
    waiting: SyncSender<Arc<Piece>>,
    hashing: ScopedJoinHandle<'scope, Hashes>,
    /// Used before; the oldest first.
    used: VecDeque<Arc<Piece>>,
}

impl<'scope> Pieces<'scope> {
    pub(crate) fn hashed_in<'env>(scope: &'scope Scope<'scope, 'env>) -> Self {
        let (waiting, pieces) = sync_channel(AHEAD);
        Self {
            waiting,
            hashing: scope.spawn(move || hash(&pieces)),
            used: VecDeque::new(),
        }
    }

    /// Reads the next piece and has it hashed; an empty one at the end. To be let go of before the next is asked for.
    pub(crate) fn next(&mut self, reader: &mut impl Read) -> io::Result<Arc<Piece>> {
        let mut piece = self.unused();
        // Nobody else holds it, see there.
        if let Some(piece) = Arc::get_mut(&mut piece) {
            piece.fill(reader)?;
        }
        if !piece.is_empty() {
            // The other thread ends before this one only by a panic, which is passed on.
            let _ = self.waiting.send(Arc::clone(&piece));
        }
        self.used.push_back(Arc::clone(&piece));
        Ok(piece)
    }

    /// The buffer that was used the longest time ago if it is hashed, or a new one. There are never more than wait, and
    /// one on either thread, and one.
    fn unused(&mut self) -> Arc<Piece> {
        let hashed = self.used.pop_front_if(|oldest| Arc::get_mut(oldest).is_some());
        hashed.unwrap_or_else(|| Arc::new(Piece::new()))
    }

    /// Waits until all are hashed.
    pub(crate) fn finish(self) -> Hashes {
        // That is how the other thread knows the end.
        drop(self.waiting);
        let hashes: thread::Result<Hashes> = self.hashing.join();
        hashes.unwrap_or_else(|died| panic::resume_unwind(died))
    }
}

fn hash(pieces: &Receiver<Arc<Piece>>) -> Hashes {
    let mut hash = Hash::default();
    for piece in pieces {
        hash.update(&piece);
    }
    hash.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives few bytes at a time.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let most = buffer.len().min(100_000);
            (&mut self.0).read(&mut buffer[..most])
        }
    }

    #[test]
    fn a_slow_reader_is_hashed_whole_and_in_few_buffers() {
        let bytes: Vec<u8> = (0..20 * PIECE + 40).map(|at| (at / 7) as u8).collect();
        let mut reader = Slow(&bytes);
        let (read, buffers, hashes) = thread::scope(|scope| {
            let mut pieces = Pieces::hashed_in(scope);
            let mut read = Vec::new();
            loop {
                let piece = pieces.next(&mut reader).unwrap();
                if piece.is_empty() {
                    break;
                }
                read.extend_from_slice(&piece);
            }
            (read, pieces.used.len(), pieces.finish())
        });
        assert!(read == bytes);
        assert!(buffers <= AHEAD + 3, "{buffers} buffers");
        let mut alone = Hash::default();
        alone.update(&bytes);
        assert_eq!(hashes.whole, alone.finish().whole);
    }
}
