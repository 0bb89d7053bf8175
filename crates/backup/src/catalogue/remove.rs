use etcd_backup_store::{GetRange, Store};

use super::{Entry, RemoveError};
use crate::{
    manifest::{MAX_BYTES, Manifest},
    write::Fenced,
};

/// Removes a backup: its manifest, then its snapshot. `fence` is asked before each, and `spare` is awaited right before the first,
/// after the store has answered: whether anybody wants the backup by now.
///
/// The manifest is read again first: only the very backup that was decided on is removed. One whose manifest is gone
/// already is one that was half removed, and its snapshot is removed now.
pub async fn remove(
    store: &dyn Store,
    entry: &Entry,
    fence: &(dyn Fn() -> Result<(), Fenced> + Send + Sync),
    spare: impl Future<Output = Result<(), RemoveError>> + Send,
) -> Result<(), RemoveError> {
    let key = entry.location.manifest_key();
    let there = confirm(store, entry, &key).await?;
    spare.await?;
    if there {
        fence()?;
        store.delete(&key).await.map_err(RemoveError::RemoveManifest)?;
        // Some stores answer a delete that a policy forbids as if it had been done.
        match store.head(&key).await {
            Ok(_) => return Err(RemoveError::StillThere),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(RemoveError::RemoveManifest(error)),
        }
    }
    fence()?;
    store
        .delete(&entry.snapshot_key())
        .await
        .map_err(RemoveError::RemoveSnapshot)
}

/// Is the manifest still the one that was decided on? `false` if there is none.
async fn confirm(store: &dyn Store, entry: &Entry, key: &str) -> Result<bool, RemoveError> {
    let object = match store.get(key, GetRange::all()).await {
        Ok(object) if object.meta.size > MAX_BYTES as u64 => return Err(RemoveError::Changed),
        Ok(object) => object,
        Err(error) if error.is_not_found() => return Ok(false),
        Err(error) => return Err(RemoveError::ReadManifest(error)),
    };
    let bytes = object.bytes(MAX_BYTES).await.map_err(RemoveError::ReadManifest)?;
    match Manifest::parse_at(&bytes, &entry.location) {
        Ok(manifest) if manifest == entry.manifest => Ok(true),
        _ => Err(RemoveError::Changed),
    }
}
