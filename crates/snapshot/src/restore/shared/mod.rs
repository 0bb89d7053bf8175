//! The snapshot's file, read once for two: one thread hashes it from its beginning to its end, another builds from it in
//! the order of keys, which in most files is nearly the same.
//!
//! The pieces that either has read last are kept, and the other takes them from there. Whoever is ahead by as many as are
//! kept waits for the other, as long as that one follows: waiting costs less than reading everything twice. Where building
//! goes another way, it reads what it wants by itself, and hashing waits no more.

use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use etcd_backup_bolt::walk::ReadAt;

use super::error::RestoreError;
use crate::verify::{Hash, Hashes, PIECE, Piece};

/// Bytes of a piece.
const SIZE: u64 = PIECE as u64;
/// Pieces that are kept: 8 MiB.
const PLACES: usize = 32;
/// As many.
const KEPT: u64 = PLACES as u64;
/// Who has waited goes on for so many pieces, as being woken takes longer than a piece does.
const AT_ONCE: u64 = KEPT / 2;
/// Pages read elsewhere, one after the other, that say that building does not follow. A branch on the way is one or two.
const ASTRAY: u32 = 64;

/// A file that is hashed while it is read.
#[derive(Debug)]
pub(super) struct Shared<R = File> {
    source: R,
    length: u64,
    kept: Mutex<Kept>,
    moved: Condvar,
}

/// What was read last, and where the two are.
#[derive(Debug, Default)]
struct Kept {
    /// Each piece has its place: its number modulo [`PLACES`].
    pieces: [Option<Numbered>; PLACES],
    /// The piece that is hashed now; none before and afterwards.
    hashing: Option<u64>,
    /// The piece that is built from, while building follows.
    building: Option<u64>,
}

/// A piece and which one of the file it is.
#[derive(Debug, Clone)]
struct Numbered {
    number: u64,
    piece: Arc<Piece>,
}

impl Kept {
    fn place(&mut self, number: u64) -> Option<&mut Option<Numbered>> {
        self.pieces.get_mut(usize::try_from(number % KEPT).ok()?)
    }

    fn find(&mut self, number: u64) -> Option<Arc<Piece>> {
        let found = self.place(number)?.as_ref()?;
        (found.number == number).then(|| Arc::clone(&found.piece))
    }

    /// A buffer to read a piece into: the one in its place, if nobody uses that any more.
    fn buffer(&mut self, number: u64) -> Piece {
        let before = self.place(number).and_then(Option::take);
        before
            .and_then(|before| Arc::into_inner(before.piece))
            .unwrap_or_else(Piece::new)
    }

    fn keep(&mut self, number: u64, piece: &Arc<Piece>) {
        if let Some(place) = self.place(number) {
            let piece = Arc::clone(piece);
            *place = Some(Numbered { number, piece });
        }
    }

    /// Whether hashing is more than so many pieces ahead of building, which follows.
    fn hash_leads(&self, number: u64, by: u64) -> bool {
        self.building
            .is_some_and(|building| building.saturating_add(by) < number)
    }

    /// Whether building is at least so many pieces ahead of hashing, which goes on.
    fn build_leads(&self, number: u64, by: u64) -> bool {
        self.hashing
            .is_some_and(|hashing| hashing.saturating_add(by) <= number)
    }

    /// Whether a piece is among those that may be kept, or the one behind them.
    fn is_near(&self, number: u64) -> bool {
        self.hashing.is_some_and(|hashing| {
            number >= hashing.saturating_sub(KEPT) && number <= hashing.saturating_add(KEPT)
        })
    }
}

impl<R: ReadAt> Shared<R> {
    pub(super) fn new(source: R) -> io::Result<Self> {
        let length = source.size()?;
        Ok(Self {
            source,
            length,
            kept: Mutex::default(),
            moved: Condvar::new(),
        })
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing that is done under the lock leaves it half done.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while<'k>(
        &self,
        kept: MutexGuard<'k, Kept>,
        condition: impl Fn(&mut Kept) -> bool,
    ) -> MutexGuard<'k, Kept> {
        self.moved
            .wait_while(kept, condition)
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Hashes the whole file. `halted` says that nobody wants to know any more, which ends in [`RestoreError::Cancelled`].
    pub(super) fn hash(&self, halted: impl Fn() -> bool) -> Result<Hashes, RestoreError> {
        let _end = End(self);
        let mut hash = Hash::default();
        for number in 0..self.length.div_ceil(SIZE) {
            if halted() {
                return Err(RestoreError::Cancelled);
            }
            hash.update(&self.next_to_hash(number).map_err(RestoreError::ReadSource)?);
        }
        Ok(hash.finish())
    }

    fn next_to_hash(&self, number: u64) -> io::Result<Arc<Piece>> {
        let mut kept = self.kept();
        kept.hashing = Some(number);
        self.moved.notify_all();
        if kept.hash_leads(number, KEPT) {
            kept = self.wait_while(kept, |kept| kept.hash_leads(number, KEPT - AT_ONCE));
        }
        let found = kept.find(number);
        drop(kept);
        found.map_or_else(|| self.read(number), Ok)
    }

    /// A piece to build from; none if it is far from what is hashed.
    fn next_to_build(&self, number: u64) -> io::Result<Option<Arc<Piece>>> {
        let mut kept = self.kept();
        if kept.is_near(number) {
            // Before waiting: of two that wait for each other one would have to be wrong.
            kept.building = Some(number);
            self.moved.notify_all();
            if kept.build_leads(number, KEPT) {
                kept = self.wait_while(kept, |kept| kept.build_leads(number, KEPT - AT_ONCE));
            }
        }
        let found = kept.find(number);
        let ahead = kept.hashing.is_some_and(|hashing| number >= hashing);
        let near = kept.is_near(number);
        drop(kept);
        match found {
            None if ahead && near => self.read(number).map(Some),
            found => Ok(found),
        }
    }

    /// Building goes another way, or ends.
    fn leave(&self) {
        self.kept().building = None;
        self.moved.notify_all();
    }

    /// Reads a piece of the file, and keeps it.
    fn read(&self, number: u64) -> io::Result<Arc<Piece>> {
        let offset = number.saturating_mul(SIZE);
        let length = usize::try_from(self.length.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut piece = self.kept().buffer(number);
        piece.fill_at(&self.source, offset, length)?;
        let piece = Arc::new(piece);
        self.kept().keep(number, &piece);
        Ok(piece)
    }
}

/// Lets nobody wait for a hash that ended, however it did.
struct End<'a, R: ReadAt>(&'a Shared<R>);

impl<R: ReadAt> Drop for End<'_, R> {
    fn drop(&mut self) {
        self.0.kept().hashing = None;
        self.0.moved.notify_all();
    }
}

/// Reads pages of a [`Shared`] file, in any order.
#[derive(Debug)]
pub(super) struct Reader<R: ReadAt = File> {
    shared: Arc<Shared<R>>,
    hand: RefCell<Hand>,
}

/// What is built from.
#[derive(Debug, Default)]
struct Hand {
    /// What the last page was in, as the next one mostly is too.
    piece: Option<Numbered>,
    /// Pages read elsewhere since.
    astray: u32,
}

impl<R: ReadAt> Reader<R> {
    pub(super) fn of(shared: &Arc<Shared<R>>) -> Self {
        Self {
            shared: Arc::clone(shared),
            hand: RefCell::default(),
        }
    }

    /// Copies from one piece, as far as it goes; how much that was, and none if there is no such piece.
    fn copy(&self, buf: &mut [u8], offset: u64) -> io::Result<Option<usize>> {
        let number = offset / SIZE;
        let mut hand = self.hand.borrow_mut();
        if hand.piece.as_ref().is_none_or(|piece| piece.number != number) {
            let Some(piece) = self.shared.next_to_build(number)? else {
                hand.astray = hand.astray.saturating_add(1);
                if hand.astray == ASTRAY {
                    self.shared.leave();
                }
                return Ok(None);
            };
            hand.piece = Some(Numbered { number, piece });
            hand.astray = 0;
        }
        let piece = hand.piece.as_ref().map_or(&[][..], |hand| &hand.piece);
        let start = usize::try_from(offset % SIZE).unwrap_or(usize::MAX);
        let there = piece.get(start..).unwrap_or_default();
        let length = there.len().min(buf.len());
        if let (Some(buf), Some(there)) = (buf.get_mut(..length), there.get(..length)) {
            buf.copy_from_slice(there);
        }
        Ok(Some(length))
    }
}

impl<R: ReadAt> Drop for Reader<R> {
    fn drop(&mut self) {
        self.shared.leave();
    }
}

impl<R: ReadAt> ReadAt for Reader<R> {
    fn read_exact_at(&self, mut buf: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !buf.is_empty() {
            match self.copy(buf, offset)? {
                None => return self.shared.source.read_exact_at(buf, offset),
                Some(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Some(length) => {
                    buf = buf.get_mut(length..).unwrap_or_default();
                    offset = offset.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
                }
            }
        }
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.shared.length)
    }
}

#[cfg(test)]
mod tests;
