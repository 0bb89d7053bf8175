//! What is asked of a run, and what comes back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use etcd_backup_api::{EtcdBackup, EtcdSnapshot};
use etcd_backup_backup::manifest::Manifest;
use etcd_backup_backup::write::Progress;
use kube::runtime::reflector::ObjectRef;
use tokio_util::sync::CancellationToken;

/// Which EtcdSnapshot a run belongs to. The UID tells a re-created object from the old one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SnapshotId {
    /// Namespace of the EtcdSnapshot, and of its plan.
    pub namespace: String,
    /// Name of the EtcdSnapshot.
    pub name: String,
    /// UID of the EtcdSnapshot: the key of a run in the pool.
    pub uid: String,
}

impl SnapshotId {
    /// The reference that wakes the reconcile of this EtcdSnapshot.
    pub fn object_ref(&self) -> ObjectRef<EtcdSnapshot> {
        ObjectRef::new(&self.name).within(&self.namespace)
    }
}

pub use etcd_backup_backup::manifest::Trigger;

/// One attempt to take one snapshot.
#[derive(Debug, Clone)]
pub struct RunRequest {
    /// The EtcdSnapshot that waits for it.
    pub snapshot: SnapshotId,
    /// The plan as it was when the run was asked for: a later edit does not change a run under way.
    pub plan: Arc<EtcdBackup>,
    /// The slot of the schedule, `None` for a run by hand.
    pub scheduled: Option<DateTime<Utc>>,
    /// Why it runs.
    pub trigger: Trigger,
    /// 1 for the first attempt. A higher number replaces a finished run of the same snapshot.
    pub attempt: u32,
    /// The longest the run may take from its start, waiting in the queue not counted.
    pub deadline: Duration,
    /// The attempt was under way before: its Job is to be found again, and nothing is to be begun in its place.
    pub adopt: bool,
}

impl RunRequest {
    /// Whether a Job takes it, and not this process.
    pub fn is_job(&self) -> bool {
        self.adopt || self.plan.spec.runner.is_job()
    }

    /// What identifies the etcd cluster of this run.
    pub fn cluster_keys(&self) -> ClusterKeys {
        ClusterKeys::of(&self.plan)
    }
}

/// The names under which a plan's etcd cluster is known. Two plans that share a name read the same cluster.
///
/// Both the cluster id and the endpoints count: a plan that never succeeded knows no id, and must still not
/// run beside another that does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClusterKeys(BTreeSet<String>);

impl ClusterKeys {
    /// The names that the plan's spec and status give.
    pub fn of(plan: &EtcdBackup) -> Self {
        let pinned = plan.spec.etcd.cluster_id.clone();
        let learnt = plan
            .status
            .as_ref()
            .and_then(|status| status.etcd.as_ref())
            .map(|etcd| etcd.cluster_id.clone());
        let id = pinned
            .or(learnt)
            .map(|id| format!("id:{}", id.to_ascii_lowercase()));
        let endpoints = plan.spec.etcd.endpoints.iter();
        Self(
            id.into_iter()
                .chain(endpoints.map(|endpoint| normalised(endpoint)))
                .collect(),
        )
    }

    /// The names themselves.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// `HTTPS://Etcd:2379/` and `https://etcd:2379` are one endpoint.
fn normalised(endpoint: &str) -> String {
    endpoint.trim().trim_end_matches('/').to_ascii_lowercase()
}

/// What a run stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    /// The manifest that was written.
    pub manifest: Manifest,
    /// The location of the store that it was written to, safe to show: `s3://bucket/prefix`. The plan may name another one by
    /// now. `None` where an agent of an older release did not say.
    pub location: Option<String>,
}

/// How a run ended: what was stored, or why nothing was.
pub type RunResult = Result<Arc<Taken>, RunFailure>;

/// Why a run ended without a backup.
pub use crate::connect::Failure as RunFailure;

/// Where a run stands.
#[derive(Debug, Clone)]
pub enum RunState {
    /// Waiting for a free place, or for another run on the same etcd cluster.
    Queued {
        /// The plan as it was when the run was asked for.
        plan: Arc<EtcdBackup>,
    },
    /// Under way.
    Running {
        /// When it left the queue.
        started: DateTime<Utc>,
        /// Bytes so far; shared with the run.
        progress: Arc<Progress>,
    },
    /// Over. Stays until [`super::Runs::forget`].
    Done(RunResult),
}

/// Takes one snapshot. The pool is written against this, so that its rules are tested without an etcd.
#[async_trait]
pub trait Execute: Send + Sync + 'static {
    /// Runs `request` to its end. `cancel` asks it to stop and to leave nothing behind; a run that does not
    /// follow within the pool's grace is dropped.
    async fn execute(
        &self,
        request: &RunRequest,
        progress: Arc<Progress>,
        cancel: CancellationToken,
    ) -> RunResult;
}
