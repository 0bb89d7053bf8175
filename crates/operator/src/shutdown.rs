//! The end of the process, in order: start nothing more, let runs end, say so in their statuses, give back the
//! lease.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{interval, timeout};
use tracing::{info, warn};

use crate::context::{Scope, Shared};
use crate::error::RunError;

/// How long statuses may take to be written after the last run has ended.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How often it is looked whether they are.
const LOOK: Duration = Duration::from_millis(50);

/// Resolves at SIGTERM or SIGINT.
pub(crate) async fn signalled() -> Result<(), RunError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(RunError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(RunError::Signals)?;
    tokio::select! {
        _ = terminate.recv() => info!("SIGTERM: ending in order"),
        _ = interrupt.recv() => info!("SIGINT: ending in order"),
    }
    Ok(())
}

/// Ends what this process does, while its reconciles still go on and write down what becomes of the runs.
pub(crate) async fn wind_down(shared: &Shared, scopes: &[Arc<Scope>], grace: Duration) {
    shared.stopping.store(true, Ordering::Relaxed);
    let (running, waiting) = shared.runs.counts();
    info!(running, waiting, "Waiting for runs to end");
    shared.runs.drain(grace).await;
    let written = async {
        let mut looks = interval(LOOK);
        while scopes.iter().any(|scope| has_running(shared, scope)) {
            looks.tick().await;
        }
    };
    if timeout(LAST_WORDS, written).await.is_err() {
        warn!("Some statuses could not be written: the next leader finds these runs without an owner");
    }
}

/// Whether a status still says that we run it.
fn has_running(shared: &Shared, scope: &Scope) -> bool {
    let ours = |status: &etcd_backup_api::EtcdSnapshotStatus| {
        status.phase == etcd_backup_api::SnapshotPhase::Running
            && status.owner.as_deref() == Some(&shared.identity)
    };
    let snapshots = scope.cache.snapshots().state();
    snapshots
        .iter()
        .filter_map(|object| object.0.as_ref().ok()?.status.clone())
        .any(|status| ours(&status))
}
