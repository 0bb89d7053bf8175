//! Stands beside one run: deadline, cancellation, panic, progress.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use etcd_backup_api::EtcdSnapshot;
use etcd_backup_backup::write::Progress;
use kube::runtime::reflector::ObjectRef;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinError;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error, info, info_span, warn};

use super::limits::Limits;
use super::request::{Execute, RunFailure, RunRequest, RunResult};
use super::stop::{Order, Stop};
use super::ticks::Ticks;
use crate::metrics::{Metrics, Stage};

/// The ways to end the following of a run from outside.
pub(super) struct Ways {
    /// The run is to end.
    pub(super) order: Arc<Order>,
    /// The run is a Job, and goes on without us.
    pub(super) let_go: CancellationToken,
}

/// What standing beside a run takes.
pub(super) struct Supervisor {
    pub(super) execute: Arc<dyn Execute>,
    pub(super) limits: Limits,
    pub(super) metrics: Arc<Metrics>,
    pub(super) clock: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    pub(super) wake: UnboundedSender<ObjectRef<EtcdSnapshot>>,
}

impl Supervisor {
    /// Wakes the reconcile of a snapshot. Nobody listening means that the process ends.
    pub(super) fn wake(&self, request: &RunRequest) {
        let _ = self.wake.send(request.snapshot.object_ref());
    }

    /// Runs `request` in a task of its own, so that a panic ends only that task. Without a result it goes on elsewhere.
    pub(super) async fn supervise(
        &self,
        request: &Arc<RunRequest>,
        progress: &Arc<Progress>,
        ways: Ways,
    ) -> Option<RunResult> {
        let began = Instant::now();
        let snapshot = &request.snapshot;
        let plan = request.plan.metadata.name.as_deref().unwrap_or_default();
        let span = info_span!(
            "run",
            namespace = snapshot.namespace,
            plan,
            snapshot = snapshot.name,
            attempt = request.attempt,
            run = tracing::field::Empty
        );
        let result = span
            .in_scope(|| self.attend(request, progress, ways))
            .instrument(span.clone())
            .await;
        let Some(result) = result else {
            span.in_scope(|| info!("its Job goes on without this process"));
            return None;
        };
        let took = began.elapsed();
        span.in_scope(|| match &result {
            Ok(taken) => info!(
                revision = taken.manifest.revision,
                seconds = took.as_secs_f64(),
                "the snapshot is stored and proved"
            ),
            Err(failure) => warn!(
                reason = failure.reason,
                transient = failure.transient,
                "{}",
                failure.message
            ),
        });
        self.metrics.stage_took(Stage::Total, took);
        let failure = result.as_ref().err().map(|failure| failure.reason.as_str());
        if let Some(reason) = failure {
            self.metrics.stage_failed(Stage::Total, reason);
        }
        if let Some(series) = self.metrics.plan(&snapshot.namespace, plan) {
            series.run_ended((self.clock)(), took, failure);
        }
        Some(result)
    }

    async fn attend(
        &self,
        request: &Arc<RunRequest>,
        progress: &Arc<Progress>,
        Ways { order, let_go }: Ways,
    ) -> Option<RunResult> {
        let cancel = order.token();
        let mut job = {
            let (execute, request, progress) = (
                Arc::clone(&self.execute),
                Arc::clone(request),
                Arc::clone(progress),
            );
            let token = cancel.clone();
            tokio::spawn(async move { execute.execute(&request, progress, token).await }.in_current_span())
        };
        let mut ticks = Ticks::new(self.limits.progress_every);
        let deadline = sleep(request.deadline);
        tokio::pin!(deadline);
        let grace = if request.is_job() {
            self.limits.job_grace
        } else {
            self.limits.cancel_grace
        };
        let give_up = async {
            cancel.cancelled().await;
            sleep(grace).await;
        };
        tokio::pin!(give_up);
        let ended = loop {
            tokio::select! {
                ended = &mut job => break ended,
                () = &mut deadline, if !cancel.is_cancelled() => order.give(Stop::Deadline),
                () = &mut give_up => {
                    // Dropping it closes its connections; what it left in the store is swept later.
                    job.abort();
                    break Ok(Err(RunFailure::transient("Internal", "the run did not stop when it was asked to")));
                }
                () = let_go.cancelled() => {
                    // It only waited and asked: there is nothing to clean up.
                    job.abort();
                    return None;
                }
                () = ticks.moved(progress) => self.wake(request),
            }
        };
        let result = ended.unwrap_or_else(|error| Err(crashed(&error)));
        Some(match (result, order.given()) {
            // It was stopped: that is why it failed, whatever the failure it reports.
            (Err(_), Some(why)) => Err(why.failure(request)),
            (result, _) => result,
        })
    }
}

/// The run panicked. The payload could hold anything, so it goes neither into the status nor into our log.
fn crashed(error: &JoinError) -> RunFailure {
    error!(
        panicked = error.is_panic(),
        "the run ended in a bug of the operator"
    );
    RunFailure::transient(
        "Internal",
        "the run ended in a bug of the operator; other runs go on",
    )
}
