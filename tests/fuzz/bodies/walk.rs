//! A database with any changes: a walk through its file agrees with the reader in memory on whether it is sound and on what it
//! holds, and looking things up in it ends.

use etcd_backup_bolt::read::{BucketItems, Database};
use etcd_backup_bolt::walk::Bolt;
use etcd_backup_bolt::{BoltError, Limits};

use super::base;

type Contents = Vec<(Vec<u8>, Vec<(Vec<u8>, Vec<u8>)>)>;

fn walk(file: &[u8]) -> Result<Contents, BoltError> {
    let bolt = Bolt::open(file, Limits::default())?;
    let mut reached = bolt.reached()?;
    let mut contents = Vec::new();
    for bucket in bolt.buckets()? {
        let mut pairs = Vec::new();
        let mut walk = bucket.walk_once(&mut reached);
        while let Some((key, value)) = walk.next()? {
            pairs.push((key.to_vec(), value.to_vec()));
        }
        drop(walk);
        contents.push((bucket.name().to_vec(), pairs));
    }
    reached.finish(&bolt)?;
    Ok(contents)
}

fn read(file: &[u8]) -> Option<Contents> {
    let buckets = Database::open(file, &Limits::default()).ok()?.load().ok()?;
    let pairs = |bucket: &BucketItems<'_>| {
        let items = bucket.items.iter();
        items
            .map(|item| (item.key.to_vec(), item.value.to_vec()))
            .collect()
    };
    let contents = buckets.iter().map(|bucket| (bucket.name.to_vec(), pairs(bucket)));
    Some(contents.collect())
}

/// Walks that do not ask whether a page was reached before.
fn poke(file: &[u8], key: &[u8]) -> Result<(), BoltError> {
    let bolt = Bolt::open(file, Limits::default())?;
    for bucket in bolt.buckets()? {
        let _ = bucket.last();
        let mut walk = bucket.seek(key)?;
        while walk.next()?.is_some() {}
    }
    Ok(())
}

pub(crate) fn run(data: &[u8]) {
    if let Some((file, _)) = base::database(data) {
        assert_eq!(walk(&file).ok(), read(&file));
        let _ = poke(&file, &data[..data.len().min(17)]);
    }
}
