//! Running a scanner so that what it saw can be compared.

use etcd_backup_bolt::varint::{Reader, write};
use etcd_backup_bolt::{BoltError, Leaf, LeafVisitor, Limits, Scanner};

pub(crate) use crate::memory_reader::{Contents, read};

/// Remembers everything, which no real visitor would.
#[derive(Debug, Default)]
pub(crate) struct Everything {
    pub(crate) settled: Vec<Vec<u8>>,
}

impl LeafVisitor for Everything {
    fn leaf(&mut self, leaf: &Leaf<'_>, memo: &mut Vec<u8>) {
        let mut payload = Vec::new();
        for item in leaf.items() {
            for part in [item.key, item.value] {
                write(memo, part.len() as u64);
                memo.extend_from_slice(part);
                payload.extend_from_slice(part);
            }
        }
        assert_eq!(payload, leaf.payload());
        assert_eq!(leaf.items().count(), leaf.count());
        let bounds = leaf.items().next().zip(leaf.items().last());
        assert_eq!(leaf.bounds(), bounds.map(|(first, last)| (first.key, last.key)));
    }

    fn settled(&mut self, name: &[u8], _leaf: &Leaf<'_>) {
        self.settled.push(name.to_vec());
    }
}

/// Scans in pieces of the sizes given, over and over.
pub(crate) fn scan(file: &[u8], pieces: &[usize], limits: Limits) -> Result<Contents, BoltError> {
    let mut scanner = Scanner::new(Everything::default(), limits);
    let mut rest = file;
    for length in pieces.iter().cycle() {
        if rest.is_empty() || scanner.is_complete() {
            break;
        }
        let (now, later) = rest.split_at((*length).clamp(1, rest.len()));
        let taken = scanner.push(now)?;
        assert!(taken == now.len() || scanner.is_complete());
        rest = later;
    }
    let (_, tree) = scanner.finish()?;
    let leaves = |bucket| {
        let mut pairs = Vec::new();
        for leaf in tree.leaves(bucket) {
            let mut reader = Reader(leaf.memo);
            let mut part = || {
                let length = reader.size().unwrap();
                reader.bytes(length).unwrap().to_vec()
            };
            for _ in 0..leaf.items {
                pairs.push((part(), part()));
            }
        }
        pairs
    };
    Ok(tree
        .buckets()
        .iter()
        .map(|bucket| (bucket.name().to_vec(), bucket.sequence(), leaves(bucket)))
        .collect())
}

/// Scans in one piece.
pub(crate) fn scan_whole(file: &[u8]) -> Result<Contents, BoltError> {
    scan(file, &[file.len().max(1)], Limits::default())
}
