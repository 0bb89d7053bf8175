//! Reading on a thread of its own.

use std::io::Read;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::{io, panic, thread};

use super::pieces::Piece;
use crate::error::VerifyError;

/// Pieces that may wait to be used.
const AHEAD: usize = 2;

/// Reads to the end, a few pieces ahead of whoever uses them one after the other. Takes 1 MiB, and a second thread.
pub(super) fn read_ahead(
    reader: impl Read + Send,
    mut user: impl FnMut(&[u8]) -> Result<(), VerifyError>,
) -> Result<(), VerifyError> {
    let (filled, pieces) = sync_channel(AHEAD);
    let (give_back, empty) = channel();
    thread::scope(|scope| {
        let reading = scope.spawn(move || fill(reader, &filled, &empty));
        let using = pieces.iter().try_for_each(|piece: Piece| {
            user(&piece)?;
            // The other thread may be at the end already.
            let _ = give_back.send(piece);
            Ok(())
        });
        // That is how the other thread knows that nobody wants more.
        drop(pieces);
        let read = reading.join().unwrap_or_else(|died| panic::resume_unwind(died));
        using.and(read.map_err(|source| VerifyError::Read { source }))
    })
}

fn fill(mut reader: impl Read, filled: &SyncSender<Piece>, empty: &Receiver<Piece>) -> io::Result<()> {
    loop {
        let mut piece = empty.try_recv().unwrap_or_else(|_| Piece::new());
        piece.fill(&mut reader)?;
        if piece.is_empty() || filled.send(piece).is_err() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::PIECE;

    #[test]
    fn everything_is_used_in_order() {
        let bytes: Vec<u8> = (0..9 * PIECE + 40).map(|at| (at / 7) as u8).collect();
        let mut read = Vec::new();
        read_ahead(bytes.as_slice(), |piece| {
            read.extend_from_slice(piece);
            Ok(())
        })
        .unwrap();
        assert!(read == bytes);
    }

    #[test]
    fn an_error_of_the_user_ends_the_reading() {
        let mut calls = 0;
        let end = read_ahead(io::repeat(1), |_| {
            calls += 1;
            Err(VerifyError::Ended)
        });
        assert!(matches!(end, Err(VerifyError::Ended)), "{end:?}");
        assert_eq!(calls, 1);
    }

    /// Fails behind so many bytes.
    struct Breaking(usize);

    impl Read for Breaking {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = buffer.len().min(self.0);
            self.0 -= length;
            if length == 0 {
                Err(io::Error::other("broken"))
            } else {
                Ok(length)
            }
        }
    }

    #[test]
    fn an_error_of_the_reader_is_told_and_nothing_half_read_is_used() {
        let mut used = 0;
        let end = read_ahead(Breaking(PIECE + 1), |piece| {
            used += piece.len();
            Ok(())
        });
        assert!(matches!(end, Err(VerifyError::Read { .. })), "{end:?}");
        assert_eq!(used, PIECE);
    }
}
