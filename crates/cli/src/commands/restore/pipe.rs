//! A source that may fall silent: standard input, or a pipe.

use std::{
    io::{self, Read},
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    thread,
    time::Duration,
};

use tokio_util::sync::CancellationToken;

/// Bytes read at once.
const PIECE: usize = 1 << 20;
/// Pieces that are read ahead.
const AHEAD: usize = 4;
/// How often whoever waits looks up.
const LOOK_UP: Duration = Duration::from_millis(100);

/// Reads from a thread of its own, so that nobody who wants to end has to wait for a writer that says nothing: nothing else wakes a thread out
/// of its reading. That thread ends with the source, or with the process.
#[derive(Debug)]
pub(super) struct Pipe {
    pieces: Receiver<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
    taken: usize,
    ended: bool,
    cancelled: CancellationToken,
}

impl Pipe {
    /// `cancelled` ends the next read, which fails then.
    pub(super) fn new(
        mut source: impl Read + Send + 'static,
        cancelled: CancellationToken,
    ) -> io::Result<Self> {
        let (give, pieces) = sync_channel(AHEAD);
        thread::Builder::new().name("pipe".to_owned()).spawn(move || {
            loop {
                let mut piece = vec![0; PIECE];
                let read = match source.read(&mut piece) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    read => read.map(|length| {
                        piece.truncate(length);
                        piece
                    }),
                };
                let last = !matches!(&read, Ok(piece) if !piece.is_empty());
                if give.send(read).is_err() || last {
                    return;
                }
            }
        })?;
        Ok(Self {
            pieces,
            piece: Vec::new(),
            taken: 0,
            ended: false,
            cancelled,
        })
    }

    fn next(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if self.cancelled.is_cancelled() {
                return Err(io::Error::other("interrupted"));
            }
            match self.pieces.recv_timeout(LOOK_UP) {
                Ok(piece) => return piece,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err(io::ErrorKind::BrokenPipe.into()),
            }
        }
    }
}

impl Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.piece.len() && !self.ended {
            self.piece = self.next()?;
            self.taken = 0;
            self.ended = self.piece.is_empty();
        }
        let mut left = self.piece.get(self.taken..).unwrap_or_default();
        let length = left.read(into)?;
        self.taken += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_is_what_was_written_to_its_end() {
        let bytes: Vec<u8> = (0..3 * PIECE + 7).map(|index| (index % 251) as u8).collect();
        let mut pipe = Pipe::new(io::Cursor::new(bytes.clone()), CancellationToken::new()).unwrap();
        let mut read = Vec::new();
        pipe.read_to_end(&mut read).unwrap();
        assert!(read == bytes);
        assert_eq!(pipe.read(&mut [0; 8]).unwrap(), 0);
    }

    #[test]
    fn nobody_waits_for_a_writer_that_says_nothing_when_it_is_to_end() {
        let (silent, _writer) = io::pipe().unwrap();
        let cancelled = CancellationToken::new();
        cancelled.cancel();
        let mut pipe = Pipe::new(silent, cancelled).unwrap();
        assert!(pipe.read(&mut [0; 8]).is_err());
    }
}
