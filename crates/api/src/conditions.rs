//! Types and reasons of conditions. Scripts wait for them, so they change like an API changes.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// What `conditions` say about `kind`, of which they have one at most.
pub fn find<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == kind)
}

/// Condition types of an EtcdBackup.
pub mod backup {
    /// The specification makes sense and its Secrets are there.
    pub const ACCEPTED: &str = "Accepted";
    /// Accepted, the store answers, and the last run succeeded: the one to look at first.
    pub const READY: &str = "Ready";
    /// How the last run ended. Unknown before the first.
    pub const LAST_RUN_SUCCEEDED: &str = "LastRunSucceeded";
    /// The newest verified snapshot is as young as the schedule promises.
    pub const FRESH: &str = "Fresh";
    /// The last pruning removed what the policy says.
    pub const RETENTION_SUCCEEDED: &str = "RetentionSucceeded";
    /// The store could be read when it was last asked.
    pub const STORE_REACHABLE: &str = "StoreReachable";
    /// The last drill restored what was backed up. Only with `verification: Restore`.
    pub const RESTORABLE: &str = "Restorable";
}

/// Condition types of an EtcdSnapshot.
pub mod snapshot {
    /// Stored, with its manifest.
    pub const COMPLETE: &str = "Complete";
    /// Given up.
    pub const FAILED: &str = "Failed";
    /// What was stored has been proved.
    pub const VERIFIED: &str = "Verified";
    /// It was deleted and stays, because it is pinned. Only there once that has happened.
    pub const DELETION_HELD: &str = "DeletionHeld";
}

/// Condition types of an EtcdRestore.
pub mod restore {
    /// The new data is in place, and what was to be asked was answered well.
    pub const COMPLETE: &str = "Complete";
    /// Given up.
    pub const FAILED: &str = "Failed";
    /// Something is being done.
    pub const PROGRESSING: &str = "Progressing";
}

/// Reasons shared by conditions, events and the field `reason`. The data path adds its own (such as
/// `NoSuchBucket` or `TrailerMismatch`), as its errors name them.
pub mod reason {
    /// The specification was checked and taken.
    pub const ACCEPTED: &str = "Accepted";
    /// The specification has a mistake that only its author can put right.
    pub const INVALID_SPEC: &str = "InvalidSpec";
    /// The schedule or the time zone cannot be understood, or never comes due.
    pub const INVALID_SCHEDULE: &str = "InvalidSchedule";
    /// A Secret is not there, or not readable.
    pub const SECRET_NOT_FOUND: &str = "SecretNotFound";
    /// A Secret lacks a key or holds nonsense.
    pub const INVALID_SECRET: &str = "SecretInvalid";
    /// Someone else writes to this place of the store.
    pub const PREFIX_IN_USE: &str = "PrefixInUse";
    /// Not known yet: what the specification names is being looked at.
    pub const CHECKING: &str = "Checking";
    /// It worked.
    pub const SUCCEEDED: &str = "Succeeded";
    /// It did not work.
    pub const FAILED: &str = "Failed";
    /// Waiting for its turn.
    pub const PENDING: &str = "Pending";
    /// Being taken now.
    pub const RUNNING: &str = "Running";
    /// Nothing has been tried yet.
    pub const NO_RUN_YET: &str = "NoRunYet";
    /// There is a snapshot, young enough.
    pub const WITHIN_SCHEDULE: &str = "WithinSchedule";
    /// No snapshot is young enough.
    pub const OVERDUE: &str = "Overdue";
    /// There is no schedule to measure against.
    pub const NO_SCHEDULE: &str = "NoSchedule";
    /// The plan is suspended.
    pub const SUSPENDED: &str = "Suspended";
    /// The plan that the snapshot names does not exist.
    pub const PLAN_NOT_FOUND: &str = "PlanNotFound";
    /// The process that ran it is gone.
    pub const OWNER_GONE: &str = "OwnerGone";
    /// It took longer than `timeout` allows.
    pub const DEADLINE_EXCEEDED: &str = "DeadlineExceeded";
    /// A slot came while the run before it was not over.
    pub const OVERLAP: &str = "Overlap";
    /// A slot was too long ago to be made up for.
    pub const MISSED: &str = "Missed";
    /// The stored object is gone.
    pub const OBJECT_MISSING: &str = "ObjectMissing";
    /// Found in the store, without having been taken by this object.
    pub const FOUND_IN_STORE: &str = "FoundInStore";
    /// Nothing is to be pruned: the plan has no retention.
    pub const NO_RETENTION: &str = "NoRetention";
    /// Nothing was pruned on purpose; the status shows what would have gone.
    pub const DRY_RUN: &str = "DryRun";
    /// Nothing has been restored in a drill yet.
    pub const NO_DRILL_YET: &str = "NoDrillYet";
    /// The operator's administrator allows no Jobs, so no drill either.
    pub const DRILLS_DISABLED: &str = "DrillsDisabled";
    /// Snapshots are encrypted, and nothing is named to decrypt them with.
    pub const IDENTITY_NEEDED: &str = "IdentityNeeded";
    /// Snapshots are in a directory, and the pods of Jobs are not given it.
    pub const LOCAL_STORE_NOT_MOUNTED: &str = "LocalStoreNotMounted";
    /// A person said never to remove it.
    pub const PINNED: &str = "Pinned";
    /// It was pinned, and is not any more.
    pub const UNPINNED: &str = "Unpinned";
    /// The store refuses to delete before a date.
    pub const LOCKED: &str = "Locked";
}
