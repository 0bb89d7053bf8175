//! Which snapshot a restore restores: looked up once, and then never again.

mod wanted;

use chrono::{DateTime, Utc};
use etcd_backup_api::{EtcdSpec, PinnedSource, StorageSpec};
use etcd_backup_backup::catalogue::{self, Broken, CatalogueError, Entry};
use etcd_backup_backup::layout::{Location, PlanKey};
use etcd_backup_store::Store;

pub(super) use self::wanted::Wanted;
use self::wanted::Which;
use super::InUse;
use crate::connect::{Connector, Failure, refused};
use crate::listing::{lies_elsewhere, part};

/// What a restore found.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// The snapshot.
    pub source: PinnedSource,
    /// The oldest revision that its history goes back to: what was compacted is gone.
    pub oldest: i64,
    /// The etcd of the plan that it is of, if there is such a plan.
    pub etcd: Option<EtcdSpec>,
    /// What to know of it before it is used.
    pub warning: Option<String>,
}

/// Finds the snapshot in its store and marks it as in use by this restore.
pub(super) async fn resolve(
    connector: &Connector,
    wanted: Wanted,
    in_use: &InUse,
    uid: &str,
    now: DateTime<Utc>,
) -> Result<Resolved, Failure> {
    let wanted = wanted.by_plan_as_it_is(connector).await?;
    let store = connector
        .store_of(&wanted.namespace, &for_reading(&wanted.storage), now)
        .await?;
    let (entry, caution) = find(&*store, &wanted.which, now).await?;
    // From here on nobody removes it. Somebody may have, just before: so it is looked for once more.
    in_use.hold(uid, &entry.location.run.to_string());
    let entry = match again(&*store, &entry.location).await {
        Ok(entry) => entry,
        Err(failure) => {
            in_use.release(uid);
            return Err(failure);
        }
    };
    let meta = match store.head(&entry.snapshot_key()).await {
        Ok(meta) => meta,
        Err(error) => {
            in_use.release(uid);
            return Err(refused(&error));
        }
    };
    let warnings: Vec<String> = entry.degraded_warning().into_iter().chain(caution).collect();
    Ok(Resolved {
        warning: (!warnings.is_empty()).then(|| warnings.join("; ")),
        source: pinned(&entry, &store.location(), &wanted.storage, meta.version_id),
        oldest: entry.manifest.compact_revision.max(1),
        etcd: wanted.etcd.clone(),
    })
}

/// Object Lock is for writing; reading needs no date.
fn for_reading(storage: &StorageSpec) -> StorageSpec {
    let mut storage = storage.clone();
    if let Some(s3) = &mut storage.s3 {
        s3.object_lock = None;
    }
    storage
}

/// The backup, and what to say of the times of those that it was chosen from.
async fn find(
    store: &dyn Store,
    which: &Which,
    now: DateTime<Utc>,
) -> Result<(Entry, Option<String>), Failure> {
    match which {
        Which::At(location) => Ok((again(store, location).await?, None)),
        Which::Run { plan, run, at } => {
            let listed = catalogue::list(store, plan)
                .await
                .map_err(|error| unlisted(&error))?;
            let found = listed
                .backups
                .into_iter()
                .find(|entry| entry.location.run == *run);
            found.map(|entry| (entry, None)).ok_or_else(|| {
                let location = store.location();
                let part = part(&location, plan.namespace(), plan.name());
                let moved = at.as_ref().filter(|at| lies_elsewhere(at, &part));
                let moved = moved.map_or_else(String::new, |at| {
                    format!(
                        ". Its EtcdSnapshot says that it is {at}, in a store that the plan does not name any more: name that as source.storage"
                    )
                });
                Failure::lasting(
                    "SourceDeleted",
                    format!("{location} holds no backup {run} of {plan} any more{moved}"),
                )
            })
        }
        Which::Newest { plan, before } => {
            let plan = match plan {
                Some(plan) => plan.clone(),
                None => only(store).await?,
            };
            let mut listed = catalogue::list(store, &plan)
                .await
                .map_err(|error| unlisted(&error))?;
            let fits = |entry: &Entry| before.is_none_or(|before| entry.manifest.times.started <= before);
            listed.backups.retain(fits);
            let fits = |broken: &Broken| before.is_none_or(|before| broken.location.run.started() <= before);
            listed.broken.retain(fits);
            let newest = listed.newest(now).cloned();
            newest.map(|entry| (entry, listed.caution(now))).ok_or_else(|| {
                let when = before.map_or_else(String::new, |before| format!(" from {before} or before"));
                Failure::lasting(
                    "NoSnapshot",
                    format!("{} holds no usable backup of {plan}{when}", store.location()),
                )
            })
        }
    }
}

pub(crate) async fn again(store: &dyn Store, location: &Location) -> Result<Entry, Failure> {
    match catalogue::find(store, location).await {
        Ok(Some(Ok(entry))) => Ok(entry),
        Ok(Some(Err(broken))) => Err(unusable(&broken)),
        Ok(None) => Err(Failure::lasting(
            "SourceDeleted",
            format!("{} holds no backup {location}", store.location()),
        )),
        Err(error) => Err(unlisted(&error)),
    }
}

async fn only(store: &dyn Store) -> Result<PlanKey, Failure> {
    let mut plans = catalogue::plans(store).await.map_err(|error| unlisted(&error))?;
    match (plans.pop(), plans.is_empty()) {
        (Some(plan), true) => Ok(plan),
        (None, _) => Err(Failure::lasting(
            "NoSnapshot",
            format!("{} holds no backups", store.location()),
        )),
        (Some(last), false) => {
            let names: Vec<_> = plans.iter().chain([&last]).map(ToString::to_string).collect();
            Err(Failure::lasting(
                "AmbiguousSource",
                format!(
                    "{} holds backups of several plans: set source.storage.plan to one of {}",
                    store.location(),
                    names.join(", ")
                ),
            ))
        }
    }
}

fn unlisted(error: &CatalogueError) -> Failure {
    Failure::of(error.reason(), error.is_transient(), error)
}

fn unusable(broken: &Broken) -> Failure {
    Failure::lasting(
        "SourceBroken",
        format!("the backup {} cannot be used: {}", broken.location, broken.reason),
    )
}

/// What a restore, or a drill, is told of a backup of the store `storage`, whose location is `place`.
pub(crate) fn pinned(
    entry: &Entry,
    place: &str,
    storage: &StorageSpec,
    version_id: Option<String>,
) -> PinnedSource {
    let manifest = &entry.manifest;
    let key = entry.snapshot_key();
    PinnedSource {
        url: format!("{}/{key}", place.trim_end_matches('/')),
        key,
        storage: storage.clone(),
        run_id: entry.location.run.to_string(),
        version_id,
        sha256: manifest.object.sha256.to_string(),
        size: manifest.object.size,
        snapshot_size: manifest.snapshot.size,
        snapshot_sha256: manifest.snapshot.sha256.to_string(),
        revision: manifest.revision,
        cluster_id: manifest.etcd.cluster_id.to_string(),
        taken: manifest.times.started,
        encrypted: manifest.object.form().age,
    }
}

#[cfg(test)]
mod tests;
