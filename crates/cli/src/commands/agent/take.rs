//! `snapshot`: takes one, as the operator does in its own process.

use std::{convert::Infallible, path::Path, sync::Arc};

use etcd_backup_backup::write::{Control, Progress};
use etcd_backup_operator::agent::{AgentResult, PROGRESS_EVERY, Said, SnapshotTask};
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

use super::{error::AgentError, tell::Teller};
use crate::{clock, interrupt};

/// Takes the snapshot of the task. When the pod is asked to end, the run ends and cleans up after itself.
pub(super) async fn take(task: &SnapshotTask, secrets: &Path) -> Result<AgentResult, AgentError> {
    let cancel = CancellationToken::new();
    let progress = Arc::new(Progress::default());
    let control = Control {
        cancel: cancel.clone(),
        progress: Arc::clone(&progress),
        ..Control::unattended()
    };
    let taken = task.take(secrets, control, &clock::now);
    tokio::pin!(taken);
    let taken = tokio::select! {
        taken = &mut taken => taken,
        never = told(&progress) => match never {},
        _ = interrupt::asked() => {
            cancel.cancel();
            // What was stored and proved before the signal counts.
            return taken.await.map_err(|_| AgentError::Interrupted);
        }
    };
    taken.map_err(AgentError::Snapshot)
}

/// Tells how far it is, for ever.
async fn told(progress: &Progress) -> Infallible {
    let teller = Teller::default();
    // More often than it is told, so that none is left out for a moment's sake.
    let mut ticks = interval(PROGRESS_EVERY / 4);
    loop {
        ticks.tick().await;
        if let Some(said) = Said::of_run(progress.now()) {
            teller.tell(said);
        }
    }
}
