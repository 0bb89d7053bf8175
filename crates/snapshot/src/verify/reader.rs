//! Verification of what can be read, on two threads: hashing takes as long as everything else together.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::{panic, thread};

use super::hash::{Hash, Hashes};
use super::{PIECE, Verifier};
use crate::error::VerifyError;
use crate::report::Report;

/// Pieces that may wait to be hashed.
const AHEAD: usize = 4;

/// Verifies a snapshot that is read to its end, in pieces of 256 KiB. Takes 2 MiB more than [`Verifier`], and a second
/// thread, which hashes.
///
/// # Errors
///
/// As [`Verifier`], and [`VerifyError::Read`] when the reader fails.
pub fn verify_reader(reader: impl Read) -> Result<Report, VerifyError> {
    thread::scope(|scope| {
        let (pieces, waiting) = sync_channel(AHEAD);
        let hashing = scope.spawn(move || hash(&waiting));
        let read = read(reader, &pieces);
        // That is how the other thread knows the end.
        drop(pieces);
        let hashes = hashing.join().unwrap_or_else(|died| panic::resume_unwind(died));
        read?.finish_with(&hashes)
    })
}

fn hash(pieces: &Receiver<Arc<Vec<u8>>>) -> Hashes {
    let mut hash = Hash::default();
    for piece in pieces {
        hash.update(&piece);
    }
    hash.finish()
}

/// Everything but the hash.
fn read(mut reader: impl Read, pieces: &SyncSender<Arc<Vec<u8>>>) -> Result<Verifier, VerifyError> {
    let mut verifier = Verifier::without_hash();
    let mut buffers: VecDeque<Arc<Vec<u8>>> = VecDeque::new();
    loop {
        let mut piece = empty(&mut buffers);
        // Nobody else holds it, see there.
        let Some(buffer) = Arc::get_mut(&mut piece) else {
            continue;
        };
        fill(&mut reader, buffer).map_err(|source| VerifyError::Read { source })?;
        if piece.is_empty() {
            return Ok(verifier);
        }
        // The other thread ends before this one only by a panic, which is passed on.
        let _ = pieces.send(Arc::clone(&piece));
        verifier.push(&piece)?;
        buffers.push_back(piece);
    }
}

/// The buffer that was used the longest time ago if it is hashed, or a new one. There are never more than wait, and
/// one on either thread, and one.
fn empty(buffers: &mut VecDeque<Arc<Vec<u8>>>) -> Arc<Vec<u8>> {
    let hashed = buffers.pop_front_if(|oldest| Arc::get_mut(oldest).is_some());
    hashed.unwrap_or_else(|| Arc::new(Vec::with_capacity(PIECE)))
}

/// Reads until the buffer is full or the reader at its end, so that pages lie whole in it.
pub(super) fn fill(reader: &mut impl Read, buffer: &mut Vec<u8>) -> std::io::Result<()> {
    buffer.clear();
    reader.take(PIECE as u64).read_to_end(buffer).map(drop)
}
