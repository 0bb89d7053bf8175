//! Showing how far a restore is, and ending it.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};

use etcd_backup_snapshot::restore::{Progress as Told, Stage};

use crate::progress::Progress;

/// What the restoring thread and the one that waits for it share.
#[derive(Debug, Default)]
pub(in crate::commands) struct Watch {
    cancelled: AtomicBool,
    shown: Mutex<Option<(Stage, Progress)>>,
}

impl Watch {
    pub(in crate::commands) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    pub(in crate::commands) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    pub(in crate::commands) fn tell(&self, told: Told) {
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
    pub(in crate::commands) fn end(&self) {
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
