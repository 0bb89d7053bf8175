//! Stands beside one run: deadline, cancellation, panic, progress.

use std::sync::Arc;

use etcd_backup_backup::write::Progress;
use tokio::task::JoinError;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error, info, info_span, warn};

use super::pool::Pool;
use super::request::{RunFailure, RunRequest, RunResult};
use super::state::Stop;
use super::ticks::Ticks;
use crate::metrics::Stage;

/// The ways to end the following of a run from outside.
pub(super) struct Ways {
    /// The run is to end.
    pub(super) cancel: CancellationToken,
    /// The run is a Job, and goes on without us.
    pub(super) let_go: CancellationToken,
}

/// Runs `request` in a task of its own, so that a panic ends only that task, and reports its end to the pool.
pub(super) async fn supervise(
    pool: Arc<Pool>,
    request: Arc<RunRequest>,
    progress: Arc<Progress>,
    ways: Ways,
) {
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
        .in_scope(|| attend(&pool, &request, &progress, ways))
        .instrument(span.clone())
        .await;
    let Some(result) = result else {
        span.in_scope(|| info!("its Job goes on without this process"));
        return pool.finish(&request, None);
    };
    let took = began.elapsed();
    span.in_scope(|| match &result {
        Ok(manifest) => info!(
            revision = manifest.revision,
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
    pool.metrics.stage_took(Stage::Total, took);
    if let Some(series) = pool.metrics.plan(&snapshot.namespace, plan) {
        let failure = result.as_ref().err().map(|failure| failure.reason.as_str());
        series.run_ended((pool.clock)(), took, failure);
    }
    pool.finish(&request, Some(result));
}

async fn attend(
    pool: &Arc<Pool>,
    request: &Arc<RunRequest>,
    progress: &Arc<Progress>,
    Ways { cancel, let_go }: Ways,
) -> Option<RunResult> {
    let mut job = {
        let (execute, request, progress) = (
            Arc::clone(&pool.execute),
            Arc::clone(request),
            Arc::clone(progress),
        );
        let token = cancel.clone();
        tokio::spawn(async move { execute.execute(&request, progress, token).await }.in_current_span())
    };
    let uid = request.snapshot.uid.as_str();
    let mut ticks = Ticks::new(pool.limits.progress_every);
    let deadline = sleep(request.deadline);
    tokio::pin!(deadline);
    let grace = if request.is_job() {
        pool.limits.job_grace
    } else {
        pool.limits.cancel_grace
    };
    let give_up = async {
        cancel.cancelled().await;
        sleep(grace).await;
    };
    tokio::pin!(give_up);
    let ended = loop {
        tokio::select! {
            ended = &mut job => break ended,
            () = &mut deadline, if !cancel.is_cancelled() => pool.expire(uid),
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
            () = ticks.moved(progress) => pool.wake(request),
        }
    };
    let result = ended.unwrap_or_else(|error| Err(crashed(&error)));
    Some(match (result, pool.stop_reason(uid)) {
        // It was stopped: that is why it failed, whatever the failure it reports.
        (Err(_), Some(why)) => Err(stopped(why, request)),
        (result, _) => result,
    })
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

/// The failure of a run that was told to stop.
pub(super) fn stopped(why: Stop, request: &RunRequest) -> RunFailure {
    match why {
        Stop::Cancelled => RunFailure::lasting("Cancelled", "the run was cancelled"),
        Stop::Deadline => RunFailure::transient(
            "DeadlineExceeded",
            format!(
                "the run took longer than its timeout of {}s",
                request.deadline.as_secs()
            ),
        ),
        Stop::ShuttingDown => {
            RunFailure::transient("Interrupted", "the operator was shut down during the run")
        }
        Stop::LeadershipLost => {
            RunFailure::transient("LeadershipLost", "another operator took over during the run")
        }
    }
}
