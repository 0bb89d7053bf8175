//! A restore that shows how far it is, and ends when that is asked.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use etcd_backup_snapshot::restore::{
    Control, Progress as Told, Request, RestoreError, Restored, Source, Stage, restore,
};
use tokio::task::spawn_blocking;

use crate::{interrupt, progress::Progress};

/// Restores on a thread of its own. On Ctrl-C or SIGTERM it is cancelled, and waited for.
pub(in crate::commands) async fn watched(
    source: Source<'static>,
    request: Request,
) -> Result<Restored, RestoreError> {
    let watch = Arc::new(Watch::default());
    let shared = Arc::clone(&watch);
    let mut work = spawn_blocking(move || {
        let told = |progress| shared.tell(progress);
        let cancelled = || shared.is_cancelled();
        let control = Control {
            cancelled: Some(&cancelled),
            progress: Some(&told),
            ..Control::default()
        };
        restore(source, &request, control)
    });
    let done = tokio::select! {
        done = &mut work => done,
        _ = interrupt::asked() => {
            watch.cancel();
            work.await
        }
    };
    watch.end();
    done.unwrap_or(Err(RestoreError::Internal("the restoring thread failed")))
}

/// What the restoring thread and the one that waits for it share.
#[derive(Debug, Default)]
struct Watch {
    cancelled: AtomicBool,
    shown: Mutex<Option<(Stage, Progress)>>,
}

impl Watch {
    fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    fn tell(&self, told: Told) {
        // Only showing could have failed while it was held, and that is no reason to stop.
        let mut shown = self
            .shown
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        match &mut *shown {
            Some((stage, progress)) if *stage == told.stage => progress.at(told.bytes),
            shown => {
                *shown = Some((
                    told.stage,
                    Progress::of(word(told.stage), told.total.unwrap_or(0)),
                ));
            }
        }
    }

    /// Clears the line.
    fn end(&self) {
        let mut shown = self
            .shown
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *shown = None;
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
