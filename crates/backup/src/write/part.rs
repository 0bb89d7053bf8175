//! From a flow of bytes to parts of one size, with the digests of the whole.

use std::io::{self, Write};

use bytes::{Bytes, BytesMut};
use etcd_backup_store::checksum::Crc64;
use sha2::Digest;
use thiserror::Error;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::manifest::{Crc64Nvme, Sha256};

/// The most parts of an S3 upload (docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html).
pub(super) const MAX_PARTS: u32 = 10_000;

/// One part on its way to the store.
#[derive(Debug)]
pub(super) struct Part {
    /// From 1.
    pub(super) number: u32,
    pub(super) body: Bytes,
}

/// Between the thread that fills parts and the task that sends them: full ones go there, empty ones come back. As many as
/// fly at once and one more, which is being filled meanwhile.
#[derive(Debug)]
pub(super) struct Belt {
    pub(super) full: Receiver<Part>,
    pub(super) empty: Sender<BytesMut>,
}

/// The other end of a [`Belt`].
#[derive(Debug)]
pub(super) struct Loader {
    full: Sender<Part>,
    empty: Receiver<BytesMut>,
}

/// A belt for so many parts in flight.
pub(super) fn belt(at_once: usize) -> (Loader, Belt) {
    let buffers = at_once.max(1) + 1;
    // Room for all of them on either way: only the number of buffers makes anybody wait.
    let (full_in, full_out) = channel(buffers);
    let (empty_in, empty_out) = channel(buffers);
    for _ in 0..buffers {
        // Not allocated before it is filled for the first time. There is room, see above.
        let _ = empty_in.try_send(BytesMut::new());
    }
    let loader = Loader {
        full: full_in,
        empty: empty_out,
    };
    let belt = Belt {
        full: full_out,
        empty: empty_in,
    };
    (loader, belt)
}

impl Belt {
    /// Takes the buffer of a part back that is stored. If the store still holds on to the bytes, there is a new one
    /// instead.
    pub(super) fn take_back(&self, body: Bytes) {
        let mut buffer = body.try_into_mut().unwrap_or_default();
        buffer.clear();
        // There is room for every buffer; and whoever fills them may have ended.
        let _ = self.empty.try_send(buffer);
    }
}

/// What was sent, altogether.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) size: u64,
    /// None if it was not asked for, because somebody else computes it.
    pub(super) sha256: Option<Sha256>,
    pub(super) crc64nvme: Crc64Nvme,
}

/// Why a [`PartWriter`] does not go on. Travels inside an `io::Error`, through whatever wraps the writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum PartError {
    /// Nobody takes parts any more, and says itself why.
    #[error("nobody takes parts any more")]
    ReceiverGone,
    /// A store takes no more.
    #[error("more than {MAX_PARTS} parts")]
    TooMany,
}

/// Cuts what is written to it into parts and hands them on, waiting when they are not taken. For a thread of its own.
pub(super) struct PartWriter {
    loader: Loader,
    part_size: usize,
    /// What is being filled, if anything is.
    buffer: Option<BytesMut>,
    number: u32,
    size: u64,
    sha256: Option<sha2::Sha256>,
    crc: Crc64,
}

impl PartWriter {
    pub(super) fn new(loader: Loader, part_size: usize, sha256: bool) -> Self {
        let sha256 = sha256.then(sha2::Sha256::new);
        Self {
            loader,
            part_size,
            buffer: None,
            number: 0,
            size: 0,
            sha256,
            crc: Crc64::new(),
        }
    }

    /// Hands on the last part.
    pub(super) fn finish(mut self) -> io::Result<Sent> {
        if let Some(buffer) = self.buffer.take() {
            self.hand_on(buffer)?;
        }
        let sha256 = self.sha256.map(|digest| Sha256(digest.finalize().into()));
        Ok(Sent {
            size: self.size,
            sha256,
            crc64nvme: Crc64Nvme(self.crc.value()),
        })
    }

    fn hand_on(&mut self, buffer: BytesMut) -> io::Result<()> {
        if self.number == MAX_PARTS {
            return Err(io::Error::other(PartError::TooMany));
        }
        self.number += 1;
        let part = Part {
            number: self.number,
            body: buffer.freeze(),
        };
        self.loader
            .full
            .blocking_send(part)
            .map_err(|_| io::Error::other(PartError::ReceiverGone))
    }

    /// The buffer that was begun, or an empty one as soon as there is one.
    fn begun(&mut self) -> io::Result<BytesMut> {
        if let Some(buffer) = self.buffer.take() {
            return Ok(buffer);
        }
        let empty = self.loader.empty.blocking_recv();
        let mut buffer = empty.ok_or_else(|| io::Error::other(PartError::ReceiverGone))?;
        // Pages that are never touched cost nothing, and a buffer that grows would be copied each time.
        buffer.reserve(self.part_size);
        Ok(buffer)
    }
}

impl Write for PartWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let mut buffer = self.begun()?;
        let taken = bytes.len().min(self.part_size - buffer.len());
        let bytes = &bytes[..taken];
        buffer.extend_from_slice(bytes);
        if let Some(digest) = &mut self.sha256 {
            digest.update(bytes);
        }
        self.crc.update(bytes);
        self.size += taken as u64;
        if buffer.len() == self.part_size {
            self.hand_on(buffer)?;
        } else {
            self.buffer = Some(buffer);
        }
        Ok(taken)
    }

    /// Parts are handed on when they are full, not before.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two parts in flight make three buffers. Blocks for ever if there were fewer.
    #[test]
    fn there_are_as_many_buffers_as_fly_and_one_more_and_they_are_used_again() {
        let (loader, mut belt) = belt(2);
        let mut writer = PartWriter::new(loader, 4, false);
        writer.write_all(b"aaaabbbbcccc").unwrap();
        assert!(writer.loader.empty.try_recv().is_err(), "a fourth buffer");
        let stored = belt.full.try_recv().unwrap().body;
        belt.take_back(stored);
        let again = writer.loader.empty.try_recv().unwrap();
        assert!(again.is_empty());
        assert!(again.capacity() >= 4, "the buffer was not kept");
    }

    /// A store in memory keeps what it is given.
    #[test]
    fn bytes_that_somebody_still_holds_are_not_written_over() {
        let (loader, mut belt) = belt(1);
        let mut writer = PartWriter::new(loader, 4, false);
        writer.write_all(b"aaaabbbb").unwrap();
        let first = belt.full.try_recv().unwrap().body;
        let held = first.clone();
        belt.take_back(first);
        writer.write_all(b"cccc").unwrap();
        assert_eq!(held, &b"aaaa"[..]);
    }
}
