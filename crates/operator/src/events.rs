//! Events: what an on-call person reads in `kubectl describe`.
//!
//! One is published for each change of state, after the status that says the same was written, and never for a
//! state that merely lasts. An event that cannot be published is logged and forgotten: it must not hold up a
//! backup.

use std::sync::Arc;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use tracing::{info, warn};

use crate::explain::api_error;
use crate::status::shortened;

/// Longest note that the events API takes: 1 kB (`events.k8s.io/v1`, field `note`).
const MAX_NOTE: usize = 1024;

/// Reasons of our events. Alert rules match them, so they change like an API changes.
pub mod reason {
    /// A slot of the schedule came due and an EtcdSnapshot was created for it.
    pub const SNAPSHOT_SCHEDULED: &str = "SnapshotScheduled";
    /// Somebody asked for a snapshot by annotation and it was created.
    pub const SNAPSHOT_REQUESTED: &str = "SnapshotRequested";
    /// A slot was left out because the run before it was not over.
    pub const SLOT_SKIPPED: &str = "SlotSkipped";
    /// Slots passed while nobody could run them.
    pub const SLOTS_MISSED: &str = "SlotsMissed";
    /// The name of a scheduled snapshot is taken by an object that is not ours.
    pub const NAME_TAKEN: &str = "NameTaken";
    /// The specification cannot be used.
    pub const NOT_ACCEPTED: &str = "NotAccepted";
    /// No success within the schedule's own expectation.
    pub const OVERDUE: &str = "Overdue";
    /// A backup is stamped with a time to come.
    pub const BACKUP_IN_THE_FUTURE: &str = "BackupInTheFuture";
    /// Backups are fresh again.
    pub const FRESH_AGAIN: &str = "FreshAgain";
    /// The store could not be read.
    pub const STORE_UNREACHABLE: &str = "StoreUnreachable";
    /// The store can be read again.
    pub const STORE_REACHABLE_AGAIN: &str = "StoreReachableAgain";
    /// Retention removed stored snapshots.
    pub const PRUNED: &str = "Pruned";
    /// The plan took its part of the store over from an earlier plan of its name.
    pub const PREFIX_TAKEN_OVER: &str = "PrefixTakenOver";
    /// Retention was about to remove snapshots that somebody wanted by then.
    pub const SPARED: &str = "Spared";
    /// A snapshot that was deleted stays, because it is pinned.
    pub const KEPT_PINNED: &str = "KeptPinned";
    /// What retention would remove.
    pub const RETENTION_DRY_RUN: &str = "RetentionDryRun";
    /// Retention could not remove what it should.
    pub const RETENTION_FAILED: &str = "RetentionFailed";
    /// Snapshots were found in the store that had no EtcdSnapshot.
    pub const FOUND_IN_STORE: &str = "FoundInStore";
    /// An object goes although something of it is left in the store.
    pub const LEFT_IN_STORE: &str = "LeftInStore";
    /// An attempt to take a snapshot began: from which member, and why from that one. Of a Job: that it began.
    pub const SNAPSHOT_STARTED: &str = "SnapshotStarted";
    /// A snapshot is stored and proved.
    pub const SNAPSHOT_SUCCEEDED: &str = "SnapshotSucceeded";
    /// An attempt failed and another follows.
    pub const ATTEMPT_FAILED: &str = "AttemptFailed";
    /// A snapshot was given up.
    pub const SNAPSHOT_FAILED: &str = "SnapshotFailed";
    /// The stored object of a snapshot is gone.
    pub const SNAPSHOT_MISSING: &str = "SnapshotMissing";
    /// The source of a restore is known and its members are being prepared.
    pub const RESTORE_STARTED: &str = "RestoreStarted";
    /// What is restored may not be what was wanted.
    pub const RESTORE_SOURCE_DOUBTFUL: &str = "RestoreSourceDoubtful";
    /// The restored data is in place.
    pub const RESTORE_SUCCEEDED: &str = "RestoreSucceeded";
    /// A restore was given up.
    pub const RESTORE_FAILED: &str = "RestoreFailed";
    /// A snapshot is being restored in a drill.
    pub const DRILL_STARTED: &str = "DrillStarted";
    /// A snapshot was restored in a drill.
    pub const DRILL_SUCCEEDED: &str = "DrillSucceeded";
    /// A snapshot could not be restored in a drill.
    pub const DRILL_FAILED: &str = "DrillFailed";
    /// No drill can begin.
    pub const DRILL_REFUSED: &str = "DrillRefused";
    /// The Job of a snapshot waits for something that somebody may have to put right.
    pub const JOB_WAITS: &str = "JobWaits";
    /// The stored object of a snapshot is back.
    pub const SNAPSHOT_FOUND_AGAIN: &str = "SnapshotFoundAgain";
}

/// Whether somebody should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// As it should be.
    Normal,
    /// Worth a look.
    Warning,
}

/// An event that a decision asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Note {
    /// Whether somebody should look.
    pub severity: Severity,
    /// One of [`reason`].
    pub reason: &'static str,
    /// What we were doing, in one word.
    pub action: &'static str,
    /// What happened and what can be done about it.
    pub message: String,
}

impl Note {
    /// Something went as it should.
    pub fn normal(reason: &'static str, action: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Normal,
            reason,
            action,
            message: message.into(),
        }
    }

    /// Something went wrong.
    pub fn warning(reason: &'static str, action: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            reason,
            action,
            message: message.into(),
        }
    }
}

/// Publishes events through `events.k8s.io/v1`.
#[derive(Clone)]
pub struct Events {
    client: Client,
    reporter: Arc<Reporter>,
}

impl Events {
    /// `instance` tells replicas apart: the identity of this process.
    pub fn new(client: Client, instance: &str) -> Self {
        let reporter = Reporter {
            controller: "etcdbackup.dev/operator".to_owned(),
            instance: Some(shortened(instance.to_owned(), 128)),
        };
        Self {
            client,
            reporter: Arc::new(reporter),
        }
    }

    /// Publishes `notes` about `regarding`, in order.
    pub async fn publish(&self, regarding: &ObjectReference, notes: &[Note]) {
        // A recorder of its own for each call: kube's aggregates by reason and keeps the first text, and two
        // failed attempts within minutes have the same reason and different things to say.
        let recorder = Recorder::new(self.client.clone(), (*self.reporter).clone());
        for note in notes {
            info!(reason = note.reason, object = regarding.name, "{}", note.message);
            if let Err(error) = recorder.publish(&event(note), regarding).await {
                let error = api_error(&error);
                warn!(
                    %error,
                    reason = note.reason,
                    object = regarding.name,
                    "Could not publish an event"
                );
            }
        }
    }
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events")
            .field("reporter", &self.reporter)
            .finish_non_exhaustive()
    }
}

fn event(note: &Note) -> Event {
    Event {
        type_: match note.severity {
            Severity::Normal => EventType::Normal,
            Severity::Warning => EventType::Warning,
        },
        reason: note.reason.to_owned(),
        note: Some(shortened(note.message.clone(), MAX_NOTE)),
        action: note.action.to_owned(),
        secondary: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_longer_than_the_api_takes_is_cut() {
        let note = Note::warning(reason::SNAPSHOT_FAILED, "Snapshot", "x".repeat(5000));
        assert_eq!(event(&note).note.map(|text| text.len()), Some(MAX_NOTE));
    }
}
