//! A database with any changes: both readers agree on whether it is sound and on what it holds.

use etcd_backup_bolt::read::Database;
use etcd_backup_bolt::varint::{Reader, write};
use etcd_backup_bolt::{Leaf, LeafVisitor, Limits, Scanner};

use super::base;

struct Everything;

impl LeafVisitor for Everything {
    fn leaf(&mut self, leaf: &Leaf<'_>, memo: &mut Vec<u8>) {
        write(memo, leaf.payload().len() as u64);
        memo.extend_from_slice(leaf.payload());
    }
}

type Contents = Vec<(Vec<u8>, Vec<u8>)>;

fn scan(file: &[u8], piece: usize) -> Option<Contents> {
    let mut scanner = Scanner::new(Everything, Limits::default());
    for bytes in file.chunks(piece) {
        scanner.push(bytes).ok()?;
    }
    let (_, tree) = scanner.finish().ok()?;
    let buckets = tree.buckets().iter().map(|bucket| {
        let mut payload = Vec::new();
        for leaf in tree.leaves(bucket) {
            let mut reader = Reader(leaf.memo);
            let length = reader.size().unwrap();
            payload.extend_from_slice(reader.bytes(length).unwrap());
        }
        (bucket.name().to_vec(), payload)
    });
    Some(buckets.collect())
}

fn read(file: &[u8]) -> Option<Contents> {
    let buckets = Database::open(file, &Limits::default()).ok()?.load().ok()?;
    let contents = buckets.iter().map(|bucket| {
        let payload = bucket
            .items
            .iter()
            .flat_map(|item| [item.key, item.value].concat());
        (bucket.name.to_vec(), payload.collect())
    });
    Some(contents.collect())
}

pub(crate) fn run(data: &[u8]) {
    if let Some((file, piece)) = base::database(data) {
        assert_eq!(scan(&file, piece), read(&file));
    }
}
