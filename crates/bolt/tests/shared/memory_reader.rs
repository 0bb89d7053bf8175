//! The reader in memory, which everything else is held against.

use etcd_backup_bolt::read::Database;
use etcd_backup_bolt::{BoltError, Limits};

/// Keys with their values.
pub(crate) type Pairs = Vec<(Vec<u8>, Vec<u8>)>;
/// Buckets: name, sequence, keys and values.
pub(crate) type Contents = Vec<(Vec<u8>, u64, Pairs)>;

/// What the reader in memory says.
pub(crate) fn read(file: &[u8]) -> Result<Contents, BoltError> {
    let buckets = Database::open(file, &Limits::default())?.load()?;
    let contents = buckets.iter().map(|bucket| {
        let pairs = bucket
            .items
            .iter()
            .map(|item| (item.key.to_vec(), item.value.to_vec()));
        (bucket.name.to_vec(), bucket.sequence, pairs.collect())
    });
    Ok(contents.collect())
}
