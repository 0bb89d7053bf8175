//! Which snapshot a restore restores: looked up once, and then never again.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use etcd_backup_api::conditions::reason;
use etcd_backup_api::{
    EtcdBackup, EtcdRestore, EtcdSnapshot, EtcdSpec, PinnedSource, SnapshotPhase, StorageSource, StorageSpec,
};
use etcd_backup_backup::catalogue::{self, Broken, CatalogueError, Entry};
use etcd_backup_backup::layout::{Location, PlanKey, RunId};
use etcd_backup_store::Store;
use kube::ResourceExt;

use super::InUse;
use crate::agent::location_of;
use crate::cache::Cache;
use crate::connect::{Connector, Failure, refused};
use crate::snapshot::decide::run_id_of;

/// What a restore found.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// The snapshot.
    pub source: PinnedSource,
    /// The etcd of the plan that it is of, if there is such a plan.
    pub etcd: Option<EtcdSpec>,
    /// What to know of it before it is used.
    pub warning: Option<String>,
}

/// What is to be looked up.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wanted {
    namespace: String,
    storage: StorageSpec,
    which: Which,
    etcd: Option<EtcdSpec>,
}

#[derive(Debug, Clone, PartialEq)]
enum Which {
    /// The newest of this plan, or of the only one, begun at a time or before.
    Newest {
        plan: Option<PlanKey>,
        before: Option<DateTime<Utc>>,
    },
    /// This run of this plan.
    Run { plan: PlanKey, run: RunId },
    /// Exactly this one.
    At(Location),
}

impl Wanted {
    /// What the specification asks for, with what it names filled in.
    ///
    /// # Errors
    /// Something that it names is not there (yet).
    pub(super) fn of(restore: &EtcdRestore, cache: &Cache) -> Result<Self, Failure> {
        let namespace = restore.namespace().unwrap_or_default();
        let source = &restore.spec.source;
        if let Some(name) = &source.snapshot_name {
            let snapshot = cache.snapshot(&namespace, name).ok_or_else(|| {
                Failure::transient("SnapshotNotFound", format!("there is no EtcdSnapshot {name}"))
            })?;
            let plan = plan(cache, &namespace, &snapshot.spec.backup_name)?;
            return of_snapshot(&namespace, &plan, &snapshot);
        }
        if let Some(backup) = &source.backup {
            let plan = plan(cache, &namespace, &backup.name)?;
            return Ok(Self {
                storage: plan.spec.storage.clone(),
                which: Which::Newest {
                    plan: Some(key(&namespace, &backup.name)?),
                    before: backup.before,
                },
                etcd: Some(plan.spec.etcd.clone()),
                namespace,
            });
        }
        match &source.storage {
            Some(storage) => Ok(Self {
                namespace,
                storage: storage.storage(),
                which: of_storage(storage)?,
                etcd: None,
            }),
            None => Err(Failure::lasting(reason::INVALID_SPEC, "the source names nothing")),
        }
    }
}

fn plan(cache: &Cache, namespace: &str, name: &str) -> Result<Arc<EtcdBackup>, Failure> {
    cache.plan(namespace, name).ok_or_else(|| {
        Failure::transient(
            reason::PLAN_NOT_FOUND,
            format!("there is no EtcdBackup {name}: create it, or name its store as source.storage"),
        )
    })
}

fn key(namespace: &str, name: &str) -> Result<PlanKey, Failure> {
    PlanKey::new(namespace, name).map_err(|error| Failure::lasting(reason::INVALID_SPEC, error.to_string()))
}

fn of_snapshot(namespace: &str, plan: &EtcdBackup, snapshot: &EtcdSnapshot) -> Result<Wanted, Failure> {
    let name = snapshot.name_any();
    let phase = snapshot
        .status
        .as_ref()
        .map(|status| status.phase)
        .unwrap_or_default();
    match phase {
        SnapshotPhase::Succeeded => {}
        SnapshotPhase::Pending | SnapshotPhase::Running => {
            return Err(Failure::transient(
                "SnapshotNotReady",
                format!("the EtcdSnapshot {name} is still {}", phase.as_str()),
            ));
        }
        SnapshotPhase::Failed | SnapshotPhase::Missing => {
            return Err(Failure::lasting(
                "SnapshotUnusable",
                format!("the EtcdSnapshot {name} is {}: name another one", phase.as_str()),
            ));
        }
    }
    let run = run_id_of(snapshot)
        .and_then(|run| run.parse().ok())
        .ok_or_else(|| {
            Failure::lasting(
                "SnapshotUnusable",
                format!("the EtcdSnapshot {name} does not say which run stored it"),
            )
        })?;
    Ok(Wanted {
        namespace: namespace.to_owned(),
        storage: plan.spec.storage.clone(),
        which: Which::Run {
            plan: key(namespace, &plan.name_any())?,
            run,
        },
        etcd: Some(plan.spec.etcd.clone()),
    })
}

fn of_storage(source: &StorageSource) -> Result<Which, Failure> {
    if let Some(key) = &source.key {
        return Ok(Which::At(location(key)?));
    }
    let plan = match source.plan.as_deref().map(|plan| plan.split_once('/')) {
        Some(Some((namespace, name))) => Some(key(namespace, name)?),
        Some(None) => {
            return Err(Failure::lasting(
                reason::INVALID_SPEC,
                "source.storage.plan is not namespace/name",
            ));
        }
        None => None,
    };
    Ok(Which::Newest {
        plan,
        before: source.before,
    })
}

/// Where a key, or the folder that it is in, lies.
fn location(text: &str) -> Result<Location, Failure> {
    location_of(text).ok_or_else(|| {
        Failure::lasting(
            reason::INVALID_SPEC,
            "source.storage.key is not namespace/plan/cluster-id/run, with or without the name of a file",
        )
    })
}

/// Finds the snapshot in its store and marks it as in use by this restore.
pub(super) async fn resolve(
    connector: &Connector,
    wanted: &Wanted,
    in_use: &InUse,
    uid: &str,
    now: DateTime<Utc>,
) -> Result<Resolved, Failure> {
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
        Which::Run { plan, run } => {
            let listed = catalogue::list(store, plan)
                .await
                .map_err(|error| unlisted(&error))?;
            let found = listed
                .backups
                .into_iter()
                .find(|entry| entry.location.run == *run);
            found.map(|entry| (entry, None)).ok_or_else(|| {
                Failure::lasting(
                    "SourceDeleted",
                    format!("{} holds no backup {run} of {plan} any more", store.location()),
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
