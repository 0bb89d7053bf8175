//! What is known of a plan's store and etcd, from one piece of work to the next.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use etcd_backup_api::{EtcdBackup, EtcdSpec, StorageSpec};
use etcd_backup_backup::catalogue::Catalogue;
use etcd_backup_store::CreateOnly;

use super::result::{Deletion, RetentionOutcome};
use super::work::Tended;
use crate::connect::Failure;

/// What upkeep last found out about a plan, and of which store and etcd. The plan itself is not kept: there are thousands.
#[derive(Debug, Clone)]
pub struct UpkeepResult {
    /// The store that the plan named when the last job was done.
    storage: StorageSpec,
    /// The etcd that it named then.
    cluster: EtcdSpec,
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
        plan: &EtcdBackup,
        tended: Tended,
        at: DateTime<Utc>,
    ) -> Self {
        let of_store = earlier.filter(|earlier| earlier.is_of_store(plan));
        let of_etcd = earlier.filter(|earlier| earlier.is_of_etcd(plan));
        Self {
            storage: plan.spec.storage.clone(),
            cluster: plan.spec.etcd.clone(),
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
        self.storage == plan.spec.storage
    }

    /// Whether what is said of etcd is said of the one that `plan` names.
    pub fn is_of_etcd(&self, plan: &EtcdBackup) -> bool {
        self.cluster == plan.spec.etcd
    }
}
