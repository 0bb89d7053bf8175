//! The run in the operator's own process.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use etcd_backup_api::EtcdBackup;
use etcd_backup_backup::owner::Claimed;
use etcd_backup_backup::write::{self, Fenced, Limits, Progress};
use etcd_backup_etcd::Choice;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Resource;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::recipe;
use super::request::{Execute, RunRequest, RunResult};
use super::stop::leadership_lost;
use super::take::{Ends, Take, Witness};
use crate::connect::{Connector, Failure};
use crate::events::{Events, Note, reason as event};
use crate::lease::{Leadership, Tenure};
use crate::metrics::{Flow, Metrics, Stage};
use crate::settings::Settings;

/// How long a run may clean up after the lead was lost. Its side effects are fenced from the first moment on.
const CLEANUP: Duration = Duration::from_secs(10);

/// Takes snapshots for real.
pub struct Executor {
    connector: Connector,
    leadership: Leadership,
    metrics: Arc<Metrics>,
    events: Events,
    limits: Limits,
    clock: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
}

impl std::fmt::Debug for Executor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Executor")
            .field("connector", &self.connector)
            .finish_non_exhaustive()
    }
}

impl Executor {
    /// An executor within the bounds that `settings` give each run.
    pub fn new(
        connector: Connector,
        settings: &Settings,
        leadership: Leadership,
        metrics: Arc<Metrics>,
        events: Events,
        clock: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    ) -> Self {
        Self {
            connector,
            leadership,
            metrics,
            events,
            limits: recipe::limits(settings),
            clock,
        }
    }

    async fn run(&self, request: &RunRequest, control: write::Control) -> RunResult {
        let take = Take {
            request,
            limits: &self.limits,
            clock: &*self.clock,
            witness: &Notes {
                executor: self,
                request,
            },
        };
        let claimed = async |claimed: &Claimed| self.tell(&request.plan, claimed).await;
        take.run(control, self.open(&request.plan), claimed).await
    }

    async fn open(&self, plan: &EtcdBackup) -> Result<Ends, Failure> {
        Ok(Ends {
            kubernetes_uid: self.connector.kubernetes_uid().await?,
            store: self.connector.store(plan, (self.clock)()).await?,
            etcd: self.connector.etcd(plan).await?,
        })
    }

    /// Somebody may wonder why what an earlier plan wrote is never pruned.
    async fn tell(&self, plan: &EtcdBackup, claimed: &Claimed) {
        if let Claimed::TakenOver { from } = claimed {
            let note = taken_over(&from.to_string());
            self.events.publish(&plan.object_ref(&()), &[note]).await;
        }
    }
}

/// Takes notes of a run.
struct Notes<'a> {
    executor: &'a Executor,
    request: &'a RunRequest,
}

impl Witness for Notes<'_> {
    fn took(&self, stage: Stage, time: Duration) {
        self.executor.metrics.stage_took(stage, time);
    }

    fn failed(&self, stage: Stage, reason: &str) {
        self.executor.metrics.stage_failed(stage, reason);
    }

    fn chose(&self, choice: &Choice) {
        let snapshot = &self.request.snapshot;
        let reference = ObjectReference {
            uid: Some(snapshot.uid.clone()),
            ..snapshot.object_ref().into()
        };
        let note = started(self.request, &choice.why);
        let events = self.executor.events.clone();
        // Beside the run: an API server that does not answer must not hold it up.
        tokio::spawn(async move { events.publish(&reference, &[note]).await }.in_current_span());
    }
}

/// What is to be told when a member was chosen.
fn started(request: &RunRequest, why: &str) -> Note {
    let (attempt, tries) = (request.attempt, request.plan.spec.retries + 1);
    let message = format!("attempt {attempt} of at most {tries}: {why}");
    Note::normal(event::SNAPSHOT_STARTED, "TakeSnapshot", message)
}

/// What is to be told of a place in the store that was `from`'s.
pub(super) fn taken_over(from: &str) -> Note {
    let message = format!(
        "the place in the store was claimed by {from}, which had this name before, and is this plan's now. Backups of that plan stay; retention does not remove them"
    );
    Note::normal(event::PREFIX_TAKEN_OVER, "Claim", message)
}

#[async_trait]
impl Execute for Executor {
    async fn execute(
        &self,
        request: &RunRequest,
        progress: Arc<Progress>,
        cancel: CancellationToken,
    ) -> RunResult {
        let Ok(tenure) = self.leadership.tenure() else {
            return Err(leadership_lost());
        };
        let stop = cancel.child_token();
        let control = write::Control {
            progress: Arc::clone(&progress),
            cancel: stop.clone(),
            fence: fence(&tenure),
            confirm: None,
            steps: None,
        };
        let run = self.run(request, control);
        tokio::pin!(run);
        let result = tokio::select! {
            result = &mut run => result,
            () = tenure.lost() => {
                stop.cancel();
                // Whatever it still manages to say, the reason is this.
                let ended = timeout(CLEANUP, run).await;
                ended.ok().and_then(Result::ok).ok_or_else(leadership_lost)
            }
        };
        let (read, stored) = progress.passed();
        self.metrics.bytes_passed(Flow::Etcd, read);
        self.metrics.bytes_passed(Flow::Store, stored);
        result
    }
}

fn fence(tenure: &Tenure) -> Arc<dyn Fn() -> Result<(), Fenced> + Send + Sync> {
    let tenure = tenure.clone();
    Arc::new(move || tenure.fence().map_err(|error| Fenced(error.to_string())))
}
