//! What upkeep is asked for, and what it reports.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use etcd_backup_api::{EtcdBackup, Retention};
use etcd_backup_backup::catalogue::Catalogue;
use etcd_backup_backup::retention::Candidate;
use etcd_backup_store::CreateOnly;

use super::work::Tended;
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

/// What upkeep last found out about a plan, all of it about the store and the etcd that `plan` names.
#[derive(Debug, Clone)]
pub struct UpkeepResult {
    /// The plan as it was when the last job was done.
    pub plan: Arc<EtcdBackup>,
    /// When the last job ended.
    pub at: DateTime<Utc>,
    /// Where the plan's store is, safe to show: `s3://bucket/prefix`. `None` when it could not be opened.
    pub location: Option<String>,
    /// What the store held at the end of the last job, or why that is not known.
    pub catalogue: Result<Arc<Catalogue>, Failure>,
    /// Whether the plan's etcd can be asked, as far as that shows without asking it: the Secrets that the plan names for it, and
    /// its endpoints. `None` as long as nobody has looked.
    pub etcd: Option<Result<(), Failure>>,
    /// Whether the store refuses to create where something is. `None` as long as that is not known.
    pub create_only: Option<CreateOnly>,
    /// What the last retention did. Kept until the next one; `None` before the first.
    pub retention: Option<Result<RetentionOutcome, Failure>>,
    /// What the last deletion did. Kept until the next one; `None` before the first.
    pub deletion: Option<Result<Deletion, Failure>>,
}

impl UpkeepResult {
    /// What is known after `plan` was looked after at `at`. What was not looked at this time stays as it was, unless the plan
    /// names another store or etcd than it did then.
    pub(super) fn after(
        earlier: Option<&Self>,
        plan: &Arc<EtcdBackup>,
        tended: Tended,
        at: DateTime<Utc>,
    ) -> Self {
        let of_store = earlier.filter(|earlier| earlier.is_of_store(plan));
        let of_etcd = earlier.filter(|earlier| earlier.is_of_etcd(plan));
        Self {
            plan: Arc::clone(plan),
            at,
            location: tended
                .location
                .or_else(|| of_store.and_then(|earlier| earlier.location.clone())),
            catalogue: tended.catalogue,
            etcd: tended
                .etcd
                .or_else(|| of_etcd.and_then(|earlier| earlier.etcd.clone())),
            create_only: tended
                .create_only
                .or_else(|| of_store.and_then(|earlier| earlier.create_only)),
            retention: tended
                .retention
                .or_else(|| of_store.and_then(|earlier| earlier.retention.clone())),
            deletion: tended
                .deletion
                .or_else(|| of_store.and_then(|earlier| earlier.deletion.clone())),
        }
    }

    /// Whether what is said of the store is said of the one that `plan` names.
    pub fn is_of_store(&self, plan: &EtcdBackup) -> bool {
        self.plan.spec.storage == plan.spec.storage
    }

    /// Whether what is said of etcd is said of the one that `plan` names.
    pub fn is_of_etcd(&self, plan: &EtcdBackup) -> bool {
        self.plan.spec.etcd == plan.spec.etcd
    }
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
}

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
