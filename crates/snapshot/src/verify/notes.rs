//! Looking at each leaf as it passes.

use std::hash::{DefaultHasher, Hasher};

use etcd_backup_bolt::varint::write;
use etcd_backup_bolt::{Leaf, LeafVisitor};

use super::compaction::Compaction;
use super::memo::{Kind, Mark, Shape, write_head, write_mark, write_setting};
use super::rows::{Piece, Rows};
use crate::crc32c;
use crate::record::Record;
use crate::revision::Revision;
use crate::schema::{META, Setting};

/// Writes the memos. Whether a leaf is stale, and of which bucket it is, is not known here.
#[derive(Debug)]
pub(super) struct Notes {
    pub(super) rows: Rows,
    /// How far compaction had come, once the leaf with bucket `meta` has passed.
    pub(super) compaction: Option<Compaction>,
    marks: Vec<u8>,
}

impl Notes {
    pub(super) fn new() -> Self {
        Self {
            rows: Rows::new(),
            compaction: None,
            marks: Vec::new(),
        }
    }

    /// Reads the records of a leaf: marks for the memo, a row for each. False if one is malformed.
    fn records(&mut self, leaf: &Leaf<'_>) -> bool {
        let mut before = 0;
        let mut payload = leaf.payload();
        for item in leaf.items() {
            let length = item.key.len().saturating_add(item.value.len());
            let (bytes, rest) = payload.split_at_checked(length).unwrap_or((payload, &[]));
            payload = rest;
            let (Some((revision, deletion)), Some(record)) =
                (Revision::of_record(item.key), Record::parse(item.value))
            else {
                return false;
            };
            let kind = match (deletion, record.version) {
                (true, _) => Kind::Delete,
                (false, 1) => Kind::Create,
                (false, _) => Kind::Update,
            };
            let main = revision.main.unsigned_abs();
            if !write_mark(&mut self.marks, before, Mark { main, kind }) {
                return false;
            }
            before = main;
            self.rows.push(|| key_hash(record.key), || piece(bytes));
        }
        true
    }
}

impl LeafVisitor for Notes {
    fn leaf(&mut self, leaf: &Leaf<'_>, memo: &mut Vec<u8>) {
        let payload = leaf.payload();
        let crc = crc32c::checksum(payload);
        if leaf
            .items()
            .next()
            .is_some_and(|item| Revision::is_shape_of(item.key))
        {
            let row = self.rows.next();
            self.marks.clear();
            if self.records(leaf) {
                write_head(memo, Shape::Records, crc, payload);
                write(memo, u64::try_from(row).unwrap_or(u64::MAX));
                memo.extend_from_slice(&self.marks);
            } else {
                write_head(memo, Shape::Malformed, crc, payload);
            }
            return;
        }
        write_head(memo, Shape::Plain, crc, payload);
        for item in leaf.items() {
            if let Some(setting) = Setting::of_key(item.key) {
                write_setting(memo, setting, item.value);
            }
        }
    }

    fn settled(&mut self, name: &[u8], leaf: &Leaf<'_>) {
        if name == META {
            let value = |wanted: Setting| {
                leaf.items()
                    .find(|item| item.key == wanted.name().as_bytes())
                    .map(|item| item.value)
            };
            self.compaction = Compaction::read(value).ok();
        }
    }
}

/// 64 bits that stand for a user's key. The same for all of a run; two of a million keys have the same with a chance of
/// 1 in 30 million.
fn key_hash(key: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(key);
    hasher.finish()
}

fn piece(bytes: &[u8]) -> Piece {
    Piece {
        crc: crc32c::checksum(bytes),
        length: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
    }
}
