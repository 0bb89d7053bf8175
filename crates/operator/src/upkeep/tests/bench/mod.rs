//! A plan's place in a store in memory, and what the tests of upkeep put there.

mod guarded;
mod manifest;
mod said;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use etcd_backup_api::EtcdBackup;
use etcd_backup_backup::layout::{ClusterId, Form, Location, PlanKey, RunId};
use etcd_backup_backup::owner::{self, Owner};
use etcd_backup_backup::write::Fenced;
use etcd_backup_store::{Lock, MemoryStore, PutMode, Store, list_all};
use serde_json::json;

use self::guarded::Guarded;
use self::manifest::manifest;
pub(super) use self::said::{Now, Said};
use crate::connect::Failure;
use crate::fixtures::plan;
use crate::upkeep::care::work_through;
use crate::upkeep::place::Place;
use crate::upkeep::{Deletion, Job, Live, RetentionOutcome, Tended, Work};

pub(super) const CLUSTER: ClusterId = ClusterId(0xa);
pub(super) const SNAPSHOT: &[u8] = b"a snapshot";
pub(super) const FORM: Form = Form {
    zstd: false,
    age: false,
};

pub(super) fn now() -> DateTime<Utc> {
    crate::fixtures::at("12:00:00")
}

pub(super) fn key() -> PlanKey {
    PlanKey::new("ns", "prod").unwrap()
}

pub(super) fn owner(plan_uid: &str) -> Owner {
    Owner {
        kubernetes_cluster_uid: Some("cluster-uid".into()),
        plan_uid: Some(plan_uid.into()),
    }
}

pub(super) struct Bench {
    pub(super) store: Arc<Guarded>,
    pub(super) place: Place,
    pub(super) fenced: Arc<AtomicBool>,
    pub(super) said: Arc<Said>,
}

impl Bench {
    pub(super) async fn new() -> Self {
        let bench = Self::unclaimed();
        owner::claim(&*bench.store, &key(), &owner("plan-uid"), now())
            .await
            .unwrap();
        bench
    }

    pub(super) fn unclaimed() -> Self {
        let store = Arc::new(Guarded {
            store: MemoryStore::new(),
            locks: Mutex::default(),
            locked: AtomicBool::default(),
            deletes: AtomicUsize::default(),
            ahead: Mutex::default(),
            at_delete: Mutex::default(),
        });
        let fenced = Arc::new(AtomicBool::new(false));
        let closed = Arc::clone(&fenced);
        let fence = move || {
            if closed.load(Ordering::SeqCst) {
                Err(Fenced("not the leader".into()))
            } else {
                Ok(())
            }
        };
        let said = Arc::new(Said::default());
        let place = Place {
            plan: key(),
            owner: owner("plan-uid"),
            store: Arc::clone(&store) as Arc<dyn Store>,
            in_use: Arc::default(),
            live: Arc::clone(&said) as Arc<dyn Live>,
            fence: Box::new(fence),
        };
        Self {
            store,
            place,
            fenced,
            said,
        }
    }

    /// A backup taken so many hours ago.
    pub(super) async fn backup(&self, hours_ago: i64, plan_uid: &str, cluster: ClusterId) -> String {
        let started = now() - TimeDelta::hours(hours_ago);
        let run = RunId::new(started, [1; 5]).unwrap();
        let location = Location {
            plan: key(),
            cluster,
            run,
        };
        let manifest = manifest(run, started, plan_uid, cluster);
        let bytes = Bytes::from(manifest.to_bytes().unwrap());
        self.store
            .put(
                &location.snapshot_key(FORM),
                Bytes::from_static(SNAPSHOT),
                PutMode::Create,
            )
            .await
            .unwrap();
        self.store
            .put(&location.manifest_key(), bytes, PutMode::Create)
            .await
            .unwrap();
        run.to_string()
    }

    pub(super) async fn daily(&self, days: i64) -> Vec<String> {
        let mut runs = Vec::new();
        for day in (0..days).rev() {
            runs.push(self.backup(day * 24, "plan-uid", CLUSTER).await);
        }
        runs
    }

    pub(super) async fn work(&self, jobs: impl IntoIterator<Item = Job>, plan: &EtcdBackup) -> Tended {
        let mut work = Work::default();
        jobs.into_iter().for_each(|job| work.add(job));
        work_through(&self.place, plan, &work, now()).await
    }

    /// Prunes, and says what became of that.
    pub(super) async fn pruned(&self, dry_run: bool, plan: &EtcdBackup) -> Result<RetentionOutcome, Failure> {
        let tended = self.work([prune(dry_run)], plan).await;
        tended.retention.unwrap()
    }

    /// Removes everything of the plan and says what became of it.
    pub(super) async fn delete_all(&self) -> Deletion {
        let tended = self.work([Job::DeleteAll], &keeping(9)).await;
        tended.deletion.unwrap().unwrap()
    }

    /// `event` happens when the first object is deleted.
    pub(super) fn meanwhile(&self, event: impl FnOnce(&Said) + Send + 'static) {
        let said = Arc::clone(&self.said);
        *self.store.at_delete.lock().unwrap() = Some(Box::new(move || event(&said)));
    }

    /// The store says that this object of a backup taken so many days ago is locked.
    pub(super) fn lock(&self, days_ago: i64, object: impl Fn(&Location) -> String, lock: Lock) {
        let location = Location {
            plan: key(),
            cluster: CLUSTER,
            run: RunId::new(now() - TimeDelta::days(days_ago), [1; 5]).unwrap(),
        };
        self.store.locks.lock().unwrap().insert(object(&location), lock);
    }

    /// Run ids that still have a manifest, oldest first.
    pub(super) async fn left(&self) -> Vec<String> {
        let listed = self.place.list().await.unwrap();
        listed
            .backups
            .iter()
            .map(|entry| entry.location.run.to_string())
            .collect()
    }

    pub(super) async fn keys(&self) -> Vec<String> {
        list_all(&*self.store, "", 1000)
            .await
            .unwrap()
            .into_iter()
            .map(|object| object.key)
            .collect()
    }
}

pub(super) fn keeping(last: u32) -> EtcdBackup {
    plan(json!({"spec": {"retention": {"keepLast": last}, "deletionPolicy": "Delete"}}))
}

pub(super) fn prune(dry_run: bool) -> Job {
    Job::Prune {
        dry_run,
        missing: Vec::new(),
    }
}
