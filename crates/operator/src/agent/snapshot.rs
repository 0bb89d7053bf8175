//! Taking a snapshot in a pod: what the operator does in its own process, with Secrets from files.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use etcd_backup_api::EtcdBackup;
use etcd_backup_backup::owner::Claimed;
use etcd_backup_backup::write::{Control, Limits, SpoolLimits};
use etcd_backup_etcd::Choice;
use serde::{Deserialize, Serialize};

use super::task::parse;
use super::{AgentResult, StoreAccess, TaskError, open_store};
use crate::connect::{Failure, Secrets, etcd_config};
use crate::metrics::Stage;
use crate::runs::{Ends, RunRequest, SnapshotId, Take, Taken, Trigger, Witness};

/// One attempt to take one snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SnapshotTask {
    /// The plan: who it is, what it says, and which etcd it has learnt to expect.
    pub plan: EtcdBackup,
    /// Name of the EtcdSnapshot.
    pub snapshot: String,
    /// Its UID.
    pub uid: String,
    /// Which attempt it is, from 1.
    pub attempt: u32,
    /// The slot of the schedule that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled: Option<DateTime<Utc>>,
    /// Why it runs.
    pub trigger: Trigger,
    /// UID of the Kubernetes cluster.
    pub kubernetes_uid: String,
    /// What may be dialled.
    pub store: StoreAccess,
    /// Memory for what the store does not take as fast as etcd gives it, in bytes.
    pub spool_memory: u64,
    /// Where more of it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spool: Option<Spool>,
}

/// A directory for what the store does not take as fast as etcd gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spool {
    /// Where it is.
    pub directory: PathBuf,
    /// The most that may be in it, in bytes.
    pub bytes: u64,
}

impl SnapshotTask {
    /// Reads what an environment variable held.
    ///
    /// # Errors
    /// When it is no task.
    pub fn parse(text: &str) -> Result<Self, TaskError> {
        parse(text)
    }

    /// The plan, as much of it as a run reads: what other people write into an object can be long.
    pub fn essence(plan: &EtcdBackup) -> EtcdBackup {
        let mut essence = EtcdBackup::new("", plan.spec.clone());
        essence.metadata.name.clone_from(&plan.metadata.name);
        essence.metadata.namespace.clone_from(&plan.metadata.namespace);
        essence.metadata.uid.clone_from(&plan.metadata.uid);
        essence.status = plan
            .status
            .as_ref()
            .map(|status| etcd_backup_api::EtcdBackupStatus {
                etcd: status.etcd.clone(),
                ..etcd_backup_api::EtcdBackupStatus::default()
            });
        essence
    }

    /// Takes the snapshot. `secrets` is where Secrets are mounted.
    ///
    /// # Errors
    /// Why there is no backup.
    pub async fn take(
        &self,
        secrets: &Path,
        control: Control,
        clock: &(dyn Fn() -> DateTime<Utc> + Send + Sync),
    ) -> Result<AgentResult, NotTaken> {
        let request = RunRequest {
            snapshot: SnapshotId {
                namespace: self.plan.metadata.namespace.clone().unwrap_or_default(),
                name: self.snapshot.clone(),
                uid: self.uid.clone(),
            },
            plan: Arc::new(self.plan.clone()),
            scheduled: self.scheduled,
            trigger: self.trigger,
            attempt: self.attempt,
            deadline: self.plan.spec.timeout.as_std(),
            adopt: false,
        };
        let (limits, log) = (self.limits(), Log::default());
        let take = Take {
            request: &request,
            limits: &limits,
            clock,
            witness: &log,
        };
        let mut taken_over = None;
        let claimed = async |claimed: &Claimed| {
            if let Claimed::TakenOver { from } = claimed {
                taken_over = Some(from.to_string());
            }
        };
        let taken = take.run(control, self.open(secrets, clock), claimed).await;
        let taken = taken.map_err(|failure| NotTaken {
            failure,
            stage: log.failed_last(),
        })?;
        told(&taken, taken_over).map_err(|failure| NotTaken { failure, stage: None })
    }

    async fn open(
        &self,
        secrets: &Path,
        clock: &(dyn Fn() -> DateTime<Utc> + Send + Sync),
    ) -> Result<Ends, Failure> {
        let spec = &self.plan.spec;
        Ok(Ends {
            kubernetes_uid: self.kubernetes_uid.clone(),
            store: open_store(&spec.storage, &self.store, secrets, clock()).await?,
            etcd: etcd_config(&Secrets::Mounted(secrets), &spec.etcd, &self.store.policy()?).await?,
        })
    }

    fn limits(&self) -> Limits {
        let (directory, disk) = self.spool.as_ref().map_or_else(
            || (PathBuf::new(), 0),
            |spool| (spool.directory.clone(), spool.bytes),
        );
        Limits {
            spool: SpoolLimits {
                memory: usize::try_from(self.spool_memory).unwrap_or(usize::MAX),
                disk,
                directory,
            },
            ..Limits::default()
        }
    }
}

/// Why there is no backup.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .failure.message)]
pub struct NotTaken {
    /// Why.
    pub failure: Failure,
    /// The stage in which that showed, as the metrics name it.
    pub stage: Option<&'static str>,
}

/// Tells the log what is not told there anyway, and remembers what failed.
#[derive(Default)]
struct Log {
    failed: Mutex<Option<Stage>>,
}

impl Log {
    /// The stage that failed last: the one in which a run ends that fails.
    fn failed_last(&self) -> Option<&'static str> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.map(Stage::as_str)
    }
}

impl Witness for Log {
    fn took(&self, stage: Stage, time: Duration) {
        tracing::debug!(?stage, seconds = time.as_secs_f64(), "done");
    }

    fn failed(&self, stage: Stage, reason: &str) {
        tracing::debug!(?stage, reason, "failed");
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(stage);
    }

    fn chose(&self, _: &Choice) {}
}

fn told(taken: &Taken, taken_over: Option<String>) -> Result<AgentResult, Failure> {
    let manifest = &taken.manifest;
    let location = manifest
        .location()
        .map_err(|error| Failure::of("Internal", true, &error))?;
    let value = serde_json::to_value(manifest).map_err(|error| Failure::of("Internal", true, &error))?;
    Ok(AgentResult::Stored {
        key: location.manifest_key(),
        manifest: Some(value),
        location: taken.location.clone(),
        taken_over,
    })
}
