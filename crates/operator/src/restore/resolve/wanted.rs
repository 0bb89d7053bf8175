//! What a restore asks for: which store, and what of it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use etcd_backup_api::conditions::reason;
use etcd_backup_api::{
    EtcdBackup, EtcdRestore, EtcdSnapshot, EtcdSpec, SnapshotPhase, StorageSource, StorageSpec,
};
use etcd_backup_backup::layout::{Location, PlanKey, RunId};
use kube::ResourceExt;

use crate::agent::location_of;
use crate::cache::Cache;
use crate::connect::{Connector, Failure};
use crate::snapshot::decide::run_id_of;

/// What is to be looked up.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::restore) struct Wanted {
    pub(super) namespace: String,
    /// The plan that names the store, where one does.
    pub(super) plan: Option<String>,
    pub(super) storage: StorageSpec,
    pub(super) which: Which,
    pub(super) etcd: Option<EtcdSpec>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Which {
    /// The newest of this plan, or of the only one, begun at a time or before.
    Newest {
        plan: Option<PlanKey>,
        before: Option<DateTime<Utc>>,
    },
    /// This run of this plan, whose EtcdSnapshot says that it is `at` this URL.
    Run {
        plan: PlanKey,
        run: RunId,
        at: Option<String>,
    },
    /// Exactly this one.
    At(Location),
}

impl Wanted {
    /// What the specification asks for, with what it names filled in.
    ///
    /// # Errors
    /// Something that it names is not there (yet).
    pub(in crate::restore) fn of(restore: &EtcdRestore, cache: &Cache) -> Result<Self, Failure> {
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
                plan: Some(backup.name.clone()),
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
                plan: None,
                storage: storage.storage(),
                which: of_storage(storage)?,
                etcd: None,
            }),
            None => Err(Failure::lasting(reason::INVALID_SPEC, "the source names nothing")),
        }
    }

    /// The same by what its plan says now. The watch of plans may be behind that of restores, and what is looked up is never
    /// looked up again.
    ///
    /// # Errors
    /// The plan is gone, or cannot be read.
    pub(super) async fn by_plan_as_it_is(mut self, connector: &Connector) -> Result<Self, Failure> {
        let Some(name) = &self.plan else {
            return Ok(self);
        };
        let plan = connector.plan(&self.namespace, name).await?;
        let plan = plan.ok_or_else(|| no_plan(name))?;
        self.storage = plan.spec.storage;
        self.etcd = Some(plan.spec.etcd);
        Ok(self)
    }
}

fn plan(cache: &Cache, namespace: &str, name: &str) -> Result<Arc<EtcdBackup>, Failure> {
    cache.plan(namespace, name).ok_or_else(|| no_plan(name))
}

fn no_plan(name: &str) -> Failure {
    Failure::transient(
        reason::PLAN_NOT_FOUND,
        format!("there is no EtcdBackup {name}: create it, or name its store as source.storage"),
    )
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
    let object = snapshot.status.as_ref().and_then(|status| status.object.as_ref());
    Ok(Wanted {
        namespace: namespace.to_owned(),
        plan: Some(plan.name_any()),
        storage: plan.spec.storage.clone(),
        which: Which::Run {
            plan: key(namespace, &plan.name_any())?,
            run,
            at: object.map(|object| object.url.clone()),
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
