//! What upkeep is asked for, and what it reports.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use etcd_backup_api::Retention;
use etcd_backup_backup::retention::Candidate;

use crate::connect::Failure;

/// Work on the part of the store that belongs to one plan. Jobs of one plan never overlap; the same job asked
/// for twice before it starts is done once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Job {
    /// List what is there.
    Sync,
    /// List what is there, then remove what the plan's retention does not keep. For right after a success. What is pinned and
    /// whether the plan is in a dry run is asked when that is done, and again before each removal.
    Prune {
        /// Say what would go, and remove nothing.
        dry_run: bool,
        /// What EtcdSnapshots stand for and the store has no more, as far as is known.
        missing: Vec<Candidate>,
    },
    /// Remove one backup, because its EtcdSnapshot was deleted and the plan says `deletionPolicy: Delete`.
    DeleteRun {
        /// The run that wrote it.
        run_id: String,
    },
    /// Remove all of the plan's backups, because the plan was deleted and says `deletionPolicy: Delete`.
    DeleteAll,
}

/// What retention did, or would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionOutcome {
    /// When.
    pub at: DateTime<Utc>,
    /// Nothing was removed: this is what would have been.
    pub dry_run: bool,
    /// The policy that was applied.
    pub rules: Option<Retention>,
    /// The time zone by whose days it was applied, as the plan names it.
    pub time_zone: Option<String>,
    /// How many snapshots stay, and were meant to: those of `spared` too.
    pub kept: usize,
    /// What was removed (or would be), oldest first, and why.
    pub removed: Vec<Removal>,
    /// Why nothing of `removed`, or not all, would go as things stand; without a dry run, why some stay that the policy does not keep. A
    /// retention that is held as a whole fails.
    pub held: Option<Failure>,
    /// What the policy would remove, were it not locked, oldest first, and until when. It is among those `kept`.
    pub locked: Vec<Removal>,
    /// What was about to go when somebody wanted it: it was pinned, say, or the plan put into a dry run.
    pub spared: Vec<Refusal>,
    /// What was meant to go and could not: a lock, a policy, a store in trouble. Backups go on regardless.
    pub refused: Vec<Refusal>,
}

impl RetentionOutcome {
    /// Whether everything that was meant to go is gone.
    pub fn is_complete(&self) -> bool {
        self.refused.is_empty()
    }

    /// Whether something stays only because nobody could say whether it is wanted.
    pub(super) fn is_unasked(&self) -> bool {
        self.refused
            .iter()
            .any(|refusal| refusal.failure.reason == UNASKED)
    }
}

/// The reason of [`etcd_backup_backup::catalogue::RemoveError::Unasked`].
const UNASKED: &str = "Unasked";

/// A backup that went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The run that wrote it.
    pub run_id: String,
    /// Why retention did not keep it, for people.
    pub why: String,
}

/// A backup that should have gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The run that wrote it.
    pub run_id: String,
    /// Why it is still there.
    pub failure: Failure,
}

/// What a deletion did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// When.
    pub at: DateTime<Utc>,
    /// Run ids that are gone from the store, whether this deletion removed them or somebody before.
    pub gone: BTreeSet<String>,
    /// What could not be removed.
    pub refused: Vec<Refusal>,
    /// Whether everything that was asked for is gone.
    pub complete: bool,
}
