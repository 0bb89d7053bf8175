use std::collections::HashSet;

use etcd_backup_store::{Lock, Store, StoreError};

use super::{Catalogue, Entry};
use crate::{
    layout::RunId,
    retention::{Candidate, Removal, Standing},
};

/// Asks what keeps a backup from being removed: of its manifest's lock and its snapshot's the one that holds longer, in
/// the past when it is over. None where there is no lock, or the store does not tell us of it: Amazon does so only with the
/// permissions `s3:GetObjectRetention` and `s3:GetObjectLegalHold`.
pub async fn lock(store: &dyn Store, entry: &Entry) -> Result<Option<Lock>, StoreError> {
    let mut longest = None;
    for key in [entry.location.manifest_key(), entry.snapshot_key()] {
        let found = match store.head(&key).await {
            Ok(object) => object.lock,
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error),
        };
        longest = match (longest, found) {
            (Some(Lock::Held), _) | (_, Some(Lock::Held)) => Some(Lock::Held),
            (Some(Lock::Until(one)), Some(Lock::Until(other))) => Some(Lock::Until(one.max(other))),
            (one, other) => one.or(other),
        };
    }
    Ok(longest)
}

/// Fills in the locks of the `candidates` that are to be removed, for a retention that is then planned anew. `candidates`
/// are those of all of the catalogue's backups, in its order.
pub async fn ask_locks(
    store: &dyn Store,
    catalogue: &Catalogue,
    doomed: &[Removal],
    candidates: &mut [Candidate],
) -> Result<(), StoreError> {
    let doomed: HashSet<RunId> = doomed.iter().map(|removal| removal.id).collect();
    for (candidate, entry) in candidates.iter_mut().zip(&catalogue.backups) {
        if doomed.contains(&candidate.id) && candidate.standing == Standing::Verified {
            candidate.lock = lock(store, entry).await?;
        }
    }
    Ok(())
}
