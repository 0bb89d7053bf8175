//! `snapshot`: takes one, as the operator does in its own process.

use std::{path::Path, sync::Arc};

use etcd_backup_backup::write::Control;
use etcd_backup_operator::agent::{AgentResult, SnapshotTask};
use tokio_util::sync::CancellationToken;

use super::error::AgentError;
use crate::{clock, interrupt};

/// Takes the snapshot of the task. When the pod is asked to end, the run ends and cleans up after itself.
pub(super) async fn take(task: &SnapshotTask, secrets: &Path) -> Result<AgentResult, AgentError> {
    let cancel = CancellationToken::new();
    let control = Control {
        cancel: cancel.clone(),
        progress: Arc::default(),
        ..Control::unattended()
    };
    let taken = task.take(secrets, control, &clock::now);
    tokio::pin!(taken);
    let taken = tokio::select! {
        taken = &mut taken => taken,
        _ = interrupt::asked() => {
            cancel.cancel();
            // What was stored and proved before the signal counts.
            return taken.await.map_err(|_| AgentError::Interrupted);
        }
    };
    taken.map_err(AgentError::Store)
}
