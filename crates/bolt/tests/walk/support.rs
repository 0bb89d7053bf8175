//! Reading whole databases, by walking and in memory.

use etcd_backup_bolt::walk::{Bolt, ReadAt, Walk};
use etcd_backup_bolt::{BoltError, Limits};

pub(crate) use crate::memory_reader::{Contents, Pairs, read};

/// A full pass, in which no page may be reached twice.
pub(crate) fn walk(file: &[u8]) -> Result<Contents, BoltError> {
    walk_within(file, Limits::default())
}

/// Likewise, within limits.
pub(crate) fn walk_within(file: &[u8], limits: Limits) -> Result<Contents, BoltError> {
    let bolt = Bolt::open(file, limits)?;
    let mut reached = bolt.reached()?;
    let mut contents = Vec::new();
    for bucket in bolt.buckets()? {
        let pairs = rest(&mut bucket.walk_once(&mut reached))?;
        contents.push((bucket.name().to_vec(), bucket.sequence(), pairs));
    }
    reached.finish(&bolt)?;
    Ok(contents)
}

/// What a walk still has to lend.
pub(crate) fn rest<R: ReadAt>(walk: &mut Walk<'_, R>) -> Result<Pairs, BoltError> {
    let mut pairs = Vec::new();
    while let Some((key, value)) = walk.next()? {
        pairs.push((key.to_vec(), value.to_vec()));
    }
    Ok(pairs)
}
