//! Bucket `key`: revision, live keys and HashKV, from memos and rows.
//!
//! # Counting keys with and without a set of them
//!
//! Where memory allows, as etcdutl does: the last record of every key decides. Else, when a compaction to revision F has ended, the records up to F are one put for each key alive at F, and deletions at
//! exactly F, which newer servers leave (3.4.34 and 3.5.16 on). What follows is whole. So the live keys are the puts up
//! to F, plus the creations after it (puts with version 1), minus the deletions after it. While a compaction is under
//! way, some of what it will remove is gone and some is not: then there is no way around the set.
//!
//! # HashKV
//!
//! `kvHasher.WriteKeyValue` (`server/storage/mvcc/hash.go`) hashes every record after the compact revision C, and of those
//! up to C only what a compaction to the present would keep: the last record of a key, if it is a put. A deletion at C
//! never counts. Nothing of that needs a key when no key that was alive at C has changed since. Otherwise the records that
//! were overtaken have to be found by their keys.

use std::collections::HashSet;

use etcd_backup_bolt::scan::LeafMemo;

use super::compaction::Compaction;
use super::memo::{Kind, Mark, Memo, Shape};
use super::rows::{Keep, Rows};
use crate::crc32c::Joined;
use crate::error::VerifyError;
use crate::report::HashKv;
use crate::schema::KEY;

/// What bucket `key` says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct History {
    /// Main revision of the last record, 0 if there is none.
    pub(super) revision: i64,
    pub(super) total_keys: u64,
    pub(super) hash_kv: Option<HashKv>,
}

/// Memory that is left.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// Bytes of [`Limits::ample`](crate::Limits::ample) that nothing takes yet.
    pub(super) ample: u64,
    /// [`Limits::keys`](crate::Limits::keys).
    pub(super) keys: u64,
}

impl Room {
    /// A `HashSet` of 8-byte hashes takes 18 bytes an entry at worst, and half as much again while it grows.
    fn for_a_set_of(&self, keys: u64) -> bool {
        keys.saturating_mul(27) <= self.ample
    }
}

/// Sums over all records, in one pass over the leaves.
#[derive(Debug, Default)]
struct Sums {
    revision: u64,
    puts_before: u64,
    creations_after: u64,
    updates_after: u64,
    deletions_after: u64,
    deletions_at: u64,
}

/// Which records up to the compact revision were overtaken by a later one of the same key.
#[derive(Debug, Default)]
struct Overtaken {
    rows: Vec<u64>,
    alive: u64,
}

/// Reads the history. `leaves` gives the leaves of bucket `key` in order, as often as it is asked.
pub(super) fn read<'a, L, I>(
    leaves: L,
    rows: &Rows,
    compaction: &Compaction,
    room: &Room,
) -> Result<History, VerifyError>
where
    L: Fn() -> I,
    I: DoubleEndedIterator<Item = LeafMemo<'a>>,
{
    let compacted = compaction.effective();
    let sums = Sums::of(leaves(), u64::try_from(compacted).unwrap_or(0))?;
    let revision = i64::try_from(sums.revision).unwrap_or(i64::MAX);

    let by_set = compaction.under_way() || (rows.kept() >= Keep::Keys && room.for_a_set_of(sums.records()));
    if by_set && rows.kept() < Keep::Keys {
        return Err(VerifyError::TooManyKeys { limit: room.keys });
    }
    let overtaken = by_set.then(|| Overtaken::among_all(leaves(), rows, compacted));
    let total_keys = overtaken
        .as_ref()
        .map_or_else(|| sums.keys(), |found| found.alive);

    let hash = if compacted < 0 || (!compaction.under_way() && sums.all_count(total_keys)) {
        Some(joined(leaves()))
    } else if rows.kept() < Keep::Pieces {
        None
    } else {
        let overtaken = overtaken.unwrap_or_else(|| Overtaken::by_the_changed(leaves(), rows, compacted));
        hash_counted(leaves(), rows, compacted, (total_keys > 0).then_some(&overtaken))
    };
    let hash_kv = hash.map(|hash| HashKv {
        hash,
        // A member starts at 1, and is never behind its compact revision (`store.restore`).
        revision: revision.max(compacted).max(1),
        compact_revision: compacted,
    });
    Ok(History {
        revision,
        total_keys,
        hash_kv,
    })
}

impl Sums {
    fn of<'a>(leaves: impl Iterator<Item = LeafMemo<'a>>, compacted: u64) -> Result<Self, VerifyError> {
        let mut sums = Self::default();
        let mut marks = Vec::new();
        for leaf in leaves {
            let after = i64::try_from(sums.revision).unwrap_or(i64::MAX);
            let malformed = |what| VerifyError::Record { what, after };
            let memo = Memo::read(leaf.memo).ok_or(malformed("an unreadable note"))?;
            match memo.shape {
                Shape::Plain if leaf.items > 0 => return Err(malformed("a key that is no revision")),
                Shape::Malformed => {
                    return Err(malformed(
                        "a key that is no revision, or a value that is no mvccpb.KeyValue",
                    ));
                }
                Shape::Plain | Shape::Records => {}
            }
            memo.marks(&mut marks).ok_or(malformed("an unreadable note"))?;
            for mark in &marks {
                sums.add(mark, compacted);
            }
        }
        Ok(sums)
    }

    fn add(&mut self, mark: &Mark, compacted: u64) {
        self.revision = mark.main;
        let sum = match (mark.main > compacted, mark.kind) {
            (false, Kind::Create | Kind::Update) => &mut self.puts_before,
            (true, Kind::Create) => &mut self.creations_after,
            (true, Kind::Update) => &mut self.updates_after,
            (true, Kind::Delete) => &mut self.deletions_after,
            (false, Kind::Delete) => &mut self.deletions_at,
        };
        *sum = sum.saturating_add(1);
    }

    fn records(&self) -> u64 {
        let after = [self.creations_after, self.updates_after, self.deletions_after];
        after
            .iter()
            .fold(self.puts_before.saturating_add(self.deletions_at), |sum, more| {
                sum.saturating_add(*more)
            })
    }

    /// The law above. Saturating, as a forged history may delete more than it creates.
    fn keys(&self) -> u64 {
        self.puts_before
            .saturating_add(self.creations_after)
            .saturating_sub(self.deletions_after)
    }

    /// Whether HashKV is over every record: no deletion at C, and nothing after C that overtakes what lies before. Without
    /// a live key, etcd leaves nothing out either.
    fn all_count(&self, keys: u64) -> bool {
        self.deletions_at == 0
            && (keys == 0 || self.puts_before == 0 || (self.updates_after == 0 && self.deletions_after == 0))
    }
}

impl Overtaken {
    /// Goes through all records from the last to the first, so the first seen of a key decides.
    fn among_all<'a>(
        leaves: impl DoubleEndedIterator<Item = LeafMemo<'a>>,
        rows: &Rows,
        compacted: i64,
    ) -> Self {
        let mut seen = HashSet::new();
        let mut found = Self::default();
        backwards(leaves, rows, |mark, row, key| {
            if !seen.insert(key) {
                if !is_after(mark, compacted) {
                    found.mark(row);
                }
            } else if mark.kind != Kind::Delete {
                found.alive = found.alive.saturating_add(1);
            }
        });
        found
    }

    /// For when no compaction is under way and there is no room for all keys: only a change or deletion after C overtakes,
    /// and what lies before has each key once.
    fn by_the_changed<'a>(
        leaves: impl DoubleEndedIterator<Item = LeafMemo<'a>>,
        rows: &Rows,
        compacted: i64,
    ) -> Self {
        let mut changed = HashSet::new();
        let mut found = Self::default();
        backwards(leaves, rows, |mark, row, key| {
            if is_after(mark, compacted) {
                if mark.kind != Kind::Create {
                    changed.insert(key);
                }
            } else if changed.contains(&key) {
                found.mark(row);
            }
        });
        found
    }

    fn mark(&mut self, row: usize) {
        let (word, bit) = (row / 64, row % 64);
        if self.rows.len() <= word {
            self.rows.resize(word.saturating_add(1), 0);
        }
        if let Some(word) = self.rows.get_mut(word) {
            *word |= 1 << bit;
        }
    }

    fn contains(&self, row: usize) -> bool {
        self.rows
            .get(row / 64)
            .is_some_and(|word| word & (1 << (row % 64)) != 0)
    }
}

fn is_after(mark: Mark, compacted: i64) -> bool {
    i64::try_from(mark.main).unwrap_or(i64::MAX) > compacted
}

/// Goes through all records, last first, with their rows and the hashes of their keys.
fn backwards<'a>(
    leaves: impl DoubleEndedIterator<Item = LeafMemo<'a>>,
    rows: &Rows,
    mut on_record: impl FnMut(Mark, usize, u64),
) {
    let mut marks = Vec::new();
    for leaf in leaves.rev() {
        let first = Memo::read(leaf.memo)
            .and_then(|memo| memo.marks(&mut marks))
            .unwrap_or(0);
        for (place, mark) in marks.iter().enumerate().rev() {
            let row = first.saturating_add(place);
            on_record(*mark, row, rows.key(row).unwrap_or(0));
        }
    }
}

/// The CRC over every record.
fn joined<'a>(leaves: impl Iterator<Item = LeafMemo<'a>>) -> u32 {
    let mut joined = Joined::new(KEY);
    for memo in leaves.filter_map(|leaf| Memo::read(leaf.memo)) {
        joined.append(memo.crc, memo.length);
    }
    joined.finish()
}

/// The CRC over the records that count. `overtaken` is `None` when no key is alive: then etcd leaves nothing out but
/// deletions at C. `None` if a row is missing, which would be a bug.
fn hash_counted<'a>(
    leaves: impl Iterator<Item = LeafMemo<'a>>,
    rows: &Rows,
    compacted: i64,
    overtaken: Option<&Overtaken>,
) -> Option<u32> {
    let counts = |mark: &Mark, row: usize| {
        let deletion_at = mark.kind == Kind::Delete && i64::try_from(mark.main) == Ok(compacted);
        let left_out =
            overtaken.is_some_and(|overtaken| mark.kind == Kind::Delete || overtaken.contains(row));
        is_after(*mark, compacted) || !(deletion_at || left_out)
    };
    let mut joined = Joined::new(KEY);
    let mut marks = Vec::new();
    for leaf in leaves {
        let memo = Memo::read(leaf.memo)?;
        let first = memo.marks(&mut marks)?;
        let numbered = || marks.iter().zip(first..);
        if numbered().all(|(mark, row)| counts(mark, row)) {
            joined.append(memo.crc, memo.length);
            continue;
        }
        for (_, row) in numbered().filter(|(mark, row)| counts(mark, *row)) {
            let piece = rows.piece(row)?;
            joined.append(piece.crc, u64::from(piece.length));
        }
    }
    Some(joined.finish())
}
