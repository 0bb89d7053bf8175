//! The objects of this API as the API server last showed them.
//!
//! One watch per kind and scope, however many readers: both controllers, the index and the wake-ups hang on the
//! same streams. Watches run on standby replicas too, so that a new leader begins with a warm cache.

mod follow;
mod index;

use std::collections::BTreeSet;
use std::sync::Arc;

use etcd_backup_api::{EtcdBackup, EtcdRestore, EtcdSnapshot};
use kube::core::DeserializeGuard;
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{ObjectRef, Store};

pub(crate) use follow::report;
pub use follow::{Seen, WatchTrouble, follow};
pub use index::{Index, Key};

/// A plan as it was read: one that does not decode must not stop the others.
pub type PlanObject = DeserializeGuard<EtcdBackup>;

/// A snapshot as it was read.
pub type SnapshotObject = DeserializeGuard<EtcdSnapshot>;

/// A restore as it was read.
pub type RestoreObject = DeserializeGuard<EtcdRestore>;

/// The cache of one namespace, or of all.
#[derive(Debug)]
pub struct Cache {
    plans: Store<PlanObject>,
    snapshots: Store<SnapshotObject>,
    restores: Store<RestoreObject>,
    index: Index,
}

/// The ends that a watch writes to.
#[derive(Debug, Default)]
pub struct Writers {
    /// Of plans.
    pub plans: Writer<PlanObject>,
    /// Of snapshots.
    pub snapshots: Writer<SnapshotObject>,
    /// Of restores.
    pub restores: Writer<RestoreObject>,
}

impl Cache {
    /// An empty cache, to be filled through `writers`.
    pub fn new(writers: &Writers) -> Self {
        Self {
            plans: writers.plans.as_reader(),
            snapshots: writers.snapshots.as_reader(),
            restores: writers.restores.as_reader(),
            index: Index::default(),
        }
    }

    /// All plans.
    pub const fn plans(&self) -> &Store<PlanObject> {
        &self.plans
    }

    /// All snapshots.
    pub const fn snapshots(&self) -> &Store<SnapshotObject> {
        &self.snapshots
    }

    /// All restores.
    pub const fn restores(&self) -> &Store<RestoreObject> {
        &self.restores
    }

    /// Which snapshots belong to which plan.
    pub const fn index(&self) -> &Index {
        &self.index
    }

    /// The plan of that name, if it is there and can be understood.
    pub fn plan(&self, namespace: &str, name: &str) -> Option<Arc<EtcdBackup>> {
        let object = self.plans.get(&ObjectRef::new(name).within(namespace))?;
        object.0.as_ref().ok().map(|plan| Arc::new(plan.clone()))
    }

    /// The snapshot of that name, if it is there and can be understood.
    pub fn snapshot(&self, namespace: &str, name: &str) -> Option<Arc<EtcdSnapshot>> {
        let object = self.snapshots.get(&ObjectRef::new(name).within(namespace))?;
        object.0.as_ref().ok().map(|one| Arc::new(one.clone()))
    }

    /// The snapshots that name `plan` as theirs, those that do not decode left out.
    pub fn snapshots_of(&self, namespace: &str, plan: &str) -> Vec<Arc<SnapshotObject>> {
        let mut found = self.objects_of(namespace, plan);
        found.retain(|object| object.0.is_ok());
        found
    }

    /// The snapshots that name `plan` as theirs, or are labelled so and do not decode.
    pub fn objects_of(&self, namespace: &str, plan: &str) -> Vec<Arc<SnapshotObject>> {
        let names = self.index.of_plan(namespace, plan);
        let found = names
            .iter()
            .map(|name| self.snapshots.get(&ObjectRef::new(name).within(namespace)));
        found.flatten().collect()
    }

    /// Names of snapshots in `namespace` that begin as the children of `plan` do, whoever they belong to.
    pub fn names_like(&self, namespace: &str, plan: &str) -> BTreeSet<String> {
        self.index.beginning_with(namespace, &format!("{plan}-"))
    }
}
