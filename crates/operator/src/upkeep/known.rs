//! What is known of a plan's store and etcd, from one piece of work to the next.

use chrono::{DateTime, Utc};
use etcd_backup_api::{EtcdBackup, EtcdSpec, StorageSpec};

use super::work::Tended;

/// What upkeep last found out about a plan, and of which store and etcd. The plan itself is not kept: there are thousands.
#[derive(Debug, Clone)]
pub struct UpkeepResult {
    /// The store that the plan named when the last job was done.
    storage: StorageSpec,
    /// The etcd that it named then.
    cluster: EtcdSpec,
    /// When the last job ended.
    pub at: DateTime<Utc>,
    /// What came of the last job, and what is still known from those before it.
    pub found: Tended,
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
        let of_store = of_store.map(|earlier| &earlier.found);
        let of_etcd = earlier.filter(|earlier| earlier.is_of_etcd(plan));
        let of_etcd = of_etcd.map(|earlier| &earlier.found);
        Self {
            storage: plan.spec.storage.clone(),
            cluster: plan.spec.etcd.clone(),
            at,
            found: Tended {
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
            },
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
