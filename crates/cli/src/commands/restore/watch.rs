//! A restore that tells how far it is, and ends when that is asked.

use std::sync::{Mutex, PoisonError};

use etcd_backup_snapshot::restore::{
    Control, Progress as Told, Request, RestoreError, Restored, Source, Stage, restore,
};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use crate::{interrupt, progress::Progress};

/// Restores on a thread of its own, where `tell` is told of progress. On Ctrl-C or SIGTERM it is cancelled by this token, and waited for.
pub(in crate::commands) async fn watched(
    source: Source<'static>,
    request: Request,
    cancel: CancellationToken,
    tell: impl Fn(Told) + Send + Sync + 'static,
) -> Result<Restored, RestoreError> {
    let asked = cancel.clone();
    let mut work = spawn_blocking(move || {
        let cancelled = || asked.is_cancelled();
        let control = Control {
            cancelled: Some(&cancelled),
            progress: Some(&tell),
            ..Control::default()
        };
        restore(source, &request, control)
    });
    let done = tokio::select! {
        done = &mut work => done,
        _ = interrupt::asked() => {
            cancel.cancel();
            work.await
        }
    };
    match done.unwrap_or(Err(RestoreError::Internal("the restoring thread failed"))) {
        // A source that was told to end.
        Err(RestoreError::ReadSource(_)) if cancel.is_cancelled() => Err(RestoreError::Cancelled),
        done => done,
    }
}

/// Shows it on standard error, stage by stage. Dropping it clears the line.
pub(in crate::commands) fn shown() -> impl Fn(Told) + Send + Sync + 'static {
    let shown: Mutex<Option<(Stage, Progress)>> = Mutex::default();
    move |told| {
        // Only showing could have failed while it was held, and that is no reason to stop.
        let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *shown {
            Some((stage, progress)) if *stage == told.stage => progress.at(told.bytes),
            shown => {
                *shown = Some((told.stage, Progress::of(word(told.stage), told.total)));
            }
        }
    }
}

fn word(stage: Stage) -> &'static str {
    match stage {
        Stage::Receiving => "reading",
        Stage::Building => "building",
        Stage::Copying => "copying",
        Stage::Checking => "checking",
        Stage::Placing => "placing",
    }
}
