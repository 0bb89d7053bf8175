//! From a flow of bytes to parts of one size, with the digests of the whole.

use std::io::{self, Write};

use bytes::Bytes;
use etcd_backup_store::checksum::Crc64;
use sha2::Digest;
use thiserror::Error;
use tokio::sync::mpsc::Sender;

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
    parts: Sender<Part>,
    part_size: usize,
    buffer: Vec<u8>,
    number: u32,
    size: u64,
    sha256: Option<sha2::Sha256>,
    crc: Crc64,
}

impl PartWriter {
    pub(super) fn new(parts: Sender<Part>, part_size: usize, sha256: bool) -> Self {
        let sha256 = sha256.then(sha2::Sha256::new);
        Self {
            parts,
            part_size,
            buffer: Vec::new(),
            number: 0,
            size: 0,
            sha256,
            crc: Crc64::new(),
        }
    }

    /// Hands on the last part.
    pub(super) fn finish(mut self) -> io::Result<Sent> {
        if !self.buffer.is_empty() {
            self.hand_on()?;
        }
        let sha256 = self.sha256.map(|digest| Sha256(digest.finalize().into()));
        Ok(Sent {
            size: self.size,
            sha256,
            crc64nvme: Crc64Nvme(self.crc.value()),
        })
    }

    fn hand_on(&mut self) -> io::Result<()> {
        if self.number == MAX_PARTS {
            return Err(io::Error::other(PartError::TooMany));
        }
        self.number += 1;
        let part = Part {
            number: self.number,
            body: std::mem::take(&mut self.buffer).into(),
        };
        self.parts
            .blocking_send(part)
            .map_err(|_| io::Error::other(PartError::ReceiverGone))
    }
}

impl Write for PartWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.capacity() == 0 {
            // Pages that are never touched cost nothing, and a buffer that grows would be copied each time.
            self.buffer.reserve_exact(self.part_size);
        }
        let taken = bytes.len().min(self.part_size - self.buffer.len());
        let bytes = &bytes[..taken];
        self.buffer.extend_from_slice(bytes);
        if let Some(digest) = &mut self.sha256 {
            digest.update(bytes);
        }
        self.crc.update(bytes);
        self.size += taken as u64;
        if self.buffer.len() == self.part_size {
            self.hand_on()?;
        }
        Ok(taken)
    }

    /// Parts are handed on when they are full, not before.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
