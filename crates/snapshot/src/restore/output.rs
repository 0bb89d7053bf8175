//! The new database on its way to the file, and what it takes to recognise it there.

use std::io::Write;

use crc_fast::{CrcAlgorithm, Digest};
use etcd_backup_bolt::write::{Head, WriteError, Writer};

use super::error::RestoreError;

/// A database being written, with a checksum over all that goes in.
#[derive(Debug)]
pub(super) struct Output<W> {
    writer: Writer<W>,
    digest: Digest,
    items: u64,
}

/// What a database holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Content {
    /// As `etcdutl snapshot status` computes it: CRC-32C over every bucket's name, keys and values.
    pub(super) hash: u32,
    /// Entries of all buckets.
    pub(super) items: u64,
}

impl<W: Write> Output<W> {
    pub(super) fn new(sink: W, page_size: u32) -> Result<Self, RestoreError> {
        Ok(Self {
            writer: Writer::new(sink, page_size).map_err(failed)?,
            digest: Digest::new(CrcAlgorithm::Crc32Iscsi),
            items: 0,
        })
    }

    pub(super) fn bucket(&mut self, name: &[u8], sequence: u64) -> Result<(), RestoreError> {
        self.digest.update(name);
        self.writer.bucket(name, sequence).map_err(failed)
    }

    pub(super) fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), RestoreError> {
        self.digest.update(key);
        self.digest.update(value);
        self.items = self.items.saturating_add(1);
        self.writer.put(key, value).map_err(failed)
    }

    pub(super) fn finish(self) -> Result<(W, Head, Content), RestoreError> {
        let (sink, head) = self.writer.finish().map_err(failed)?;
        let content = Content {
            hash: u32::try_from(self.digest.finalize()).unwrap_or(0),
            items: self.items,
        };
        Ok((sink, head, content))
    }
}

fn failed(error: WriteError) -> RestoreError {
    RestoreError::Build(error)
}
