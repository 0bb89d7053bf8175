//! The run in a Kubernetes Job: make it, follow it, take its result.
//!
//! An attempt has one Job, named after it, with one pod that is never replaced: trying again is a new attempt with another
//! Job and other keys in the store. So whoever leads finds the Job of an attempt again, and no attempt leaves two backups.

mod build;
mod follow;
mod patience;
mod result;
mod seen;
#[cfg(test)]
mod tests;
mod waits;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use etcd_backup_api::EtcdSnapshot;
use etcd_backup_backup::write::Progress;
use kube::Client;
use kube::runtime::reflector::ObjectRef;
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use super::execute::Executor;
use super::request::{Execute, RunRequest, RunResult, SnapshotId};
use crate::connect::Connector;
use crate::events::Events;
use crate::jobs;
use crate::jobs::{JobPolicy, Listener};
use crate::metrics::{Flow, Metrics};
pub use build::SpoolOfPods;
pub use waits::Waits;

/// The name of the Job of an attempt.
pub fn job_name(snapshot: &str, uid: &str, attempt: u32) -> String {
    jobs::name(snapshot, uid, &format!("attempt-{attempt}"))
}

/// The name of the Job of a request.
fn name_of(request: &RunRequest) -> String {
    let SnapshotId { name, uid, .. } = &request.snapshot;
    job_name(name, uid, request.attempt)
}

/// Runs each request where its plan says.
#[derive(Debug)]
pub struct Dispatch {
    /// In this process.
    pub operator: Executor,
    /// In Jobs.
    pub jobs: JobExecutor,
}

#[async_trait]
impl Execute for Dispatch {
    async fn execute(
        &self,
        request: &RunRequest,
        progress: Arc<Progress>,
        cancel: CancellationToken,
    ) -> RunResult {
        if request.is_job() {
            self.jobs.execute(request, progress, cancel).await
        } else {
            self.operator.execute(request, progress, cancel).await
        }
    }
}

/// Lets Jobs take snapshots.
pub struct JobExecutor {
    /// Speaks to the API server.
    pub client: Client,
    /// Hears how far pods are.
    pub listener: Listener,
    /// Opens the store, when a Job left no result.
    pub connector: Connector,
    /// The image of the pods, and what they may dial.
    pub job_policy: Arc<JobPolicy>,
    /// What the pods may keep of what the store does not take at once.
    pub spool: SpoolOfPods,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// Tells people.
    pub events: Events,
    /// What each Job waits for.
    pub waits: Waits,
    /// Wakes the snapshot when that changes.
    pub wake: UnboundedSender<ObjectRef<EtcdSnapshot>>,
    /// Tells the time.
    pub clock: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
}

impl std::fmt::Debug for JobExecutor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JobExecutor")
            .field("job_policy", &self.job_policy)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Execute for JobExecutor {
    async fn execute(
        &self,
        request: &RunRequest,
        progress: Arc<Progress>,
        cancel: CancellationToken,
    ) -> RunResult {
        let result = self.follow(request, &progress, &cancel).await;
        self.waits.clear(&request.snapshot.uid);
        if let Ok(taken) = &result {
            self.metrics
                .bytes_passed(Flow::Etcd, taken.manifest.snapshot.size);
            self.metrics.bytes_passed(Flow::Store, taken.manifest.object.size);
        }
        result
    }
}
