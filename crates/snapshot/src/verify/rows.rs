//! What is kept of single records, in the order in which they pass.

use std::collections::BTreeMap;

/// How much is kept of each record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Keep {
    /// Nothing: rows only count on.
    Nothing,
    /// A hash of the user's key.
    Keys,
    /// That, and CRC and length of the record.
    Pieces,
}

/// In the column of lengths: it is among the long ones.
const LONG: u16 = u16::MAX;
/// About what an entry of a `BTreeMap` takes.
const LONG_COST: u64 = 32;

/// Columns: 8 bytes a record for its key, 6 for its piece.
#[derive(Debug)]
pub(super) struct Rows {
    keep: Keep,
    count: usize,
    keys: Column<u64>,
    crcs: Column<u32>,
    lengths: Column<u16>,
    /// Lengths that do not fit into 16 bits, by row.
    long: BTreeMap<usize, u32>,
}

/// CRC and length of one record's key and value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) crc: u32,
    pub(super) length: u32,
}

impl Rows {
    pub(super) fn new() -> Self {
        Self {
            keep: Keep::Pieces,
            count: 0,
            keys: Column::default(),
            crcs: Column::default(),
            lengths: Column::default(),
            long: BTreeMap::new(),
        }
    }

    pub(super) fn kept(&self) -> Keep {
        self.keep
    }

    /// Keeps less from now on, and forgets what was kept beyond it.
    pub(super) fn keep_at_most(&mut self, keep: Keep) {
        self.keep = self.keep.min(keep);
        if self.keep < Keep::Pieces {
            self.crcs = Column::default();
            self.lengths = Column::default();
            self.long = BTreeMap::new();
        }
        if self.keep < Keep::Keys {
            self.keys = Column::default();
        }
    }

    /// The row of the next record.
    pub(super) fn next(&self) -> usize {
        self.count
    }

    /// Adds a record; `key` and `piece` are asked for what is kept.
    pub(super) fn push(&mut self, key: impl FnOnce() -> u64, piece: impl FnOnce() -> Piece) {
        if self.keep >= Keep::Keys {
            self.keys.push(key());
        }
        if self.keep >= Keep::Pieces {
            let Piece { crc, length } = piece();
            self.crcs.push(crc);
            let short = u16::try_from(length).unwrap_or(LONG);
            self.lengths.push(short);
            if short == LONG {
                self.long.insert(self.count, length);
            }
        }
        self.count = self.count.saturating_add(1);
    }

    pub(super) fn key(&self, row: usize) -> Option<u64> {
        self.keys.get(row)
    }

    pub(super) fn piece(&self, row: usize) -> Option<Piece> {
        let crc = self.crcs.get(row)?;
        let length = match self.lengths.get(row)? {
            LONG => *self.long.get(&row)?,
            short => u32::from(short),
        };
        Some(Piece { crc, length })
    }

    /// Bytes held in all, and by the keys alone.
    pub(super) fn bytes(&self) -> (u64, u64) {
        let keys = self.keys.bytes();
        let long = u64::try_from(self.long.len())
            .unwrap_or(u64::MAX)
            .saturating_mul(LONG_COST);
        let pieces = self
            .crcs
            .bytes()
            .saturating_add(self.lengths.bytes())
            .saturating_add(long);
        (keys.saturating_add(pieces), keys)
    }
}

/// A list in blocks: growing copies nothing and doubles nothing.
#[derive(Debug)]
struct Column<T>(Vec<Vec<T>>);

impl<T> Default for Column<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Copy> Column<T> {
    const BLOCK: usize = 1 << 14;

    fn push(&mut self, item: T) {
        match self.0.last_mut() {
            Some(block) if block.len() < Self::BLOCK => block.push(item),
            _ => {
                let mut block = Vec::with_capacity(Self::BLOCK);
                block.push(item);
                self.0.push(block);
            }
        }
    }

    fn get(&self, index: usize) -> Option<T> {
        self.0.get(index / Self::BLOCK)?.get(index % Self::BLOCK).copied()
    }

    fn bytes(&self) -> u64 {
        let block = Self::BLOCK.saturating_mul(size_of::<T>());
        u64::try_from(self.0.len().saturating_mul(block)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_up_stays_given_up() {
        let mut rows = Rows::new();
        let piece = Piece {
            crc: 1,
            length: 70_000,
        };
        for number in 0..40_000 {
            rows.push(|| number, || piece);
        }
        assert_eq!((rows.key(39_999), rows.piece(0)), (Some(39_999), Some(piece)));
        rows.keep_at_most(Keep::Keys);
        rows.push(|| 7, || unreachable!("nobody asks for it"));
        assert_eq!((rows.key(40_000), rows.piece(0)), (Some(7), None));
        rows.keep_at_most(Keep::Pieces);
        assert_eq!(rows.kept(), Keep::Keys);
        rows.keep_at_most(Keep::Nothing);
        assert_eq!((rows.key(0), rows.next(), rows.bytes()), (None, 40_001, (0, 0)));
    }
}
