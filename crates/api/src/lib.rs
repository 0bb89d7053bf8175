//! The custom resources as users write them: types, bounds, rules, columns. No behaviour.
//!
//! What the API server can refuse, it refuses: bounds and CEL rules are part of the schema, and
//! `crds/` is generated from these types (see [`crds`]).

#![expect(
    clippy::duplicated_attributes,
    reason = "two columns of one type are no repetition; the lint does not know kube's derive"
)]
#![expect(
    unreachable_pub,
    reason = "fires on what kube's derive writes when the module of a type is private"
)]

mod backup;
mod backup_status;
#[cfg(feature = "cases")]
pub mod cases;
pub mod conditions;
mod crd;
mod drill;
mod duration;
mod etcd;
mod job;
pub mod labels;
pub mod manifests;
mod policy;
mod restore;
mod restore_member;
mod restore_source;
mod restore_status;
mod runner;
pub mod secret;
mod snapshot;
mod snapshot_status;
mod storage;
mod time;

pub use backup::{DeletionPolicy, EtcdBackup, EtcdBackupSpec, Verification};
pub use backup_status::{
    AttemptResult, EtcdBackupStatus, LastAttempt, LastSuccess, ObservedEtcd, RetentionCandidate,
    RetentionStatus,
};
pub use crd::crds;
pub use drill::{Drill, DrillResult, DrillStatus, LastDrill, LastRestorable, RunningDrill};
pub use duration::{Duration, ParseDurationError};
pub use etcd::{EtcdSpec, EtcdTls};
pub use job::{Amounts, ClaimReference, JobShape, Resources, TaintEffect, Toleration, TolerationOperator};
pub use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
pub use policy::{AgeEncryption, Compression, CompressionType, Encryption, Retention};
pub use restore::{
    DEFAULT_BUMP, EtcdRestore, EtcdRestoreSpec, ExistingData, HostPathTarget, RestoreMember,
    RestoreStatefulSet, RestoreTarget, RestoreVerify,
};
pub use restore_member::{MemberPhase, MemberStatus, RestoreProgress, RestoreStage};
pub use restore_source::{BackupSource, RestoreSource, StorageSource};
pub use restore_status::{EtcdRestoreStatus, PinnedSource, PinnedStatefulSet, RestoreFailure, RestorePhase};
pub use runner::{Runner, RunnerType};
pub use secret::SecretReference;
pub use snapshot::{EtcdSnapshot, EtcdSnapshotSpec};
pub use snapshot_status::{
    EncryptionType, EtcdSnapshotStatus, Progress, SnapshotEtcd, SnapshotFacts, SnapshotPhase, StoredObject,
    Verified,
};
pub use storage::{
    ChecksumPolicy, LocalStorage, ObjectLock, ObjectLockMode, S3Storage, ServerSideEncryption,
    ServerSideEncryptionType, StorageSpec,
};

/// The API group of every kind.
pub const GROUP: &str = "etcdbackup.dev";

/// The version of every kind.
pub const VERSION: &str = "v1alpha1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_few_plans_have_costs_the_others_no_memory() {
        // An operator holds every plan. Drills and Jobs have a dozen fields, some of which are whole stores.
        let (plan, rare) = (
            size_of::<EtcdBackup>(),
            size_of::<DrillStatus>() + size_of::<Drill>(),
        );
        println!(
            "EtcdBackup {plan}, EtcdSnapshot {}, drills {rare}",
            size_of::<EtcdSnapshot>()
        );
        assert!(
            plan < 2_000,
            "a plan takes {plan} bytes, and drills would take {rare}"
        );
    }
}
