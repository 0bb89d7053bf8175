//! A database without the SHA-256 behind it, read back to see that it holds what was written.

use std::io::Read;

use etcd_backup_bolt::{BoltError, Limits, Scanner};

use super::ahead::read_ahead;
use super::conclude::{Settings, hash_all};
use super::notes::Notes;
use super::rows::Keep;
use crate::error::VerifyError;
use crate::schema::{META, Setting};

/// What a database holds, as far as it can be told without looking at single keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Content {
    /// As `etcdutl snapshot status` computes it.
    pub(crate) hash: u32,
    /// Entries of all buckets.
    pub(crate) items: u64,
    /// `consistent_index`.
    pub(crate) raft_index: u64,
    /// `term`.
    pub(crate) raft_term: u64,
}

/// Reads a database file to its end and proves its structure. Memory: the notes on its leaves.
pub(crate) fn read_content(reader: impl Read + Send) -> Result<Content, VerifyError> {
    let mut notes = Notes::new();
    notes.rows.keep_at_most(Keep::Nothing);
    let mut scanner = Scanner::new(notes, Limits::default());
    let read = read_ahead(reader, |piece| {
        let taken = scanner.push(piece).map_err(VerifyError::Structure)?;
        if taken < piece.len() {
            let end = scanner.meta().map_or(0, etcd_backup_bolt::Meta::database_bytes);
            return Err(VerifyError::TrailingBytes { end });
        }
        Ok(())
    });
    read?;
    let (_, tree) = scanner
        .finish()
        .map_err(|error: BoltError| VerifyError::Structure(error))?;
    let (hash, items) = hash_all(&tree);
    let meta = Settings {
        tree: &tree,
        bucket: tree.bucket(META),
    };
    Ok(Content {
        hash,
        items,
        raft_index: meta.number(Setting::ConsistentIndex)?,
        raft_term: meta.number(Setting::Term)?,
    })
}
