//! HashKV of records that pass in order, before and after revisions are raised.
//!
//! What counts is decided by later records: up to the compact revision, only the last put of a key that still lives
//! (`kvHasher.WriteKeyValue` with `treeIndex.Keep`). So each record leaves its CRC and length, and each living key the place
//! of its last record; the rest is arithmetic at the end.
//!
//! Memory: 8 bytes a record, up to 35 for a living key, together at most [`MEMORY`]. Where that is not enough, the hash is
//! not known.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

use crc_fast::{CrcAlgorithm, Digest};

use crate::crc32c::Joined;
use crate::report::HashKv;
use crate::revision::Revision;
use crate::schema::KEY;

/// What notes may take, in bytes.
const MEMORY: usize = 80 << 20;
/// What a living key takes at worst: 16 bytes and one of control at a load of a half, and as much while the table grows.
const KEY_BYTES: usize = 35;

/// The records of bucket `key`, as far as a hash needs them.
#[derive(Debug)]
pub(super) struct History {
    notes: Option<Notes>,
    memory: usize,
    /// The revision that history is compacted to, -1 if it is not.
    compacted: i64,
    /// The last record's.
    last: i64,
}

#[derive(Debug, Default)]
struct Notes {
    keys: RandomState,
    rows: Vec<Row>,
    /// Row of the last record of each key, if it is a put.
    alive: HashMap<u64, u32, BuildHasherDefault<AsIs>>,
    /// Rows up to the compact revision.
    before: usize,
    /// Deletions at exactly the compact revision.
    deletions_at: Vec<u32>,
}

/// CRC-32C and length of a record's key and value.
#[derive(Debug, Clone, Copy)]
struct Row {
    crc: u32,
    length: u32,
}

/// A record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passing<'a> {
    pub(super) revision: Revision,
    pub(super) deletion: bool,
    /// The user's key.
    pub(super) key: &'a [u8],
    /// The record's own key and value.
    pub(super) stored: (&'a [u8], &'a [u8]),
}

impl History {
    /// `compacted` as [`Compaction::effective`](crate::verify::Compaction::effective) has it.
    pub(super) fn new(compacted: i64) -> Self {
        Self::within(compacted, MEMORY)
    }

    fn within(compacted: i64, memory: usize) -> Self {
        Self {
            notes: Some(Notes::default()),
            memory,
            compacted,
            last: 0,
        }
    }

    /// Takes the next record.
    pub(super) fn push(&mut self, record: &Passing<'_>) {
        self.last = record.revision.main;
        let Some(notes) = &mut self.notes else { return };
        notes.push(record, self.compacted);
        let rows = notes.rows.len().saturating_mul(size_of::<Row>());
        let keys = notes.alive.len().saturating_mul(KEY_BYTES);
        if rows.saturating_add(keys) > self.memory {
            self.notes = None;
        }
    }

    /// What a member with these records answers for its latest revision.
    pub(super) fn hash(&self) -> Option<HashKv> {
        let notes = self.notes.as_ref()?;
        Some(HashKv {
            hash: notes.hash(notes.before),
            revision: self.last.max(self.compacted).max(1),
            compact_revision: self.compacted,
        })
    }

    /// Likewise once everything up to the last record, which is the one that raises the revision, is compacted.
    pub(super) fn hash_when_compacted(&self) -> Option<HashKv> {
        let notes = self.notes.as_ref()?;
        Some(HashKv {
            hash: notes.hash(notes.rows.len()),
            revision: self.last,
            compact_revision: self.last,
        })
    }
}

impl Notes {
    fn push(&mut self, record: &Passing<'_>, compacted: i64) {
        let row = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        let key = self.keys.hash_one(record.key);
        if record.deletion {
            self.alive.remove(&key);
        } else {
            self.alive.insert(key, row);
        }
        let (key, value) = record.stored;
        let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
        digest.update(key);
        digest.update(value);
        self.rows.push(Row {
            crc: u32::try_from(digest.finalize()).unwrap_or(0),
            length: u32::try_from(key.len().saturating_add(value.len())).unwrap_or(u32::MAX),
        });
        if record.revision.main <= compacted {
            self.before = self.rows.len();
            if record.deletion && record.revision.main == compacted {
                self.deletions_at.push(row);
            }
        }
    }

    /// Of the first `compacted` rows those count that are the last of a living key, of the others all. Where nothing lives,
    /// all count; a deletion at the compact revision never does.
    fn hash(&self, compacted: usize) -> u32 {
        let mut counts = vec![self.alive.is_empty(); compacted];
        for row in self.alive.values() {
            let row = usize::try_from(*row).unwrap_or(usize::MAX);
            if let Some(counts) = counts.get_mut(row) {
                *counts = true;
            }
        }
        for row in &self.deletions_at {
            let row = usize::try_from(*row).unwrap_or(usize::MAX);
            if let Some(counts) = counts.get_mut(row) {
                *counts = false;
            }
        }
        let mut joined = Joined::new(KEY);
        for (index, row) in self.rows.iter().enumerate() {
            if counts.get(index).copied().unwrap_or(true) {
                joined.append(row.crc, u64::from(row.length));
            }
        }
        joined.finish()
    }
}

/// Keys are hashes already, with a secret of this process.
#[derive(Debug, Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let bytes = bytes.first_chunk().copied().unwrap_or_default();
        self.0 = u64::from_ne_bytes(bytes);
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}
