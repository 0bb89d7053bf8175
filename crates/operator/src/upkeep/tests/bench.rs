//! A plan's place in a store in memory, and what the tests of upkeep put there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use etcd_backup_api::EtcdBackup;
use etcd_backup_backup::layout::{ClusterId, Form, Location, PlanKey, RunId};
use etcd_backup_backup::manifest::{
    Compression, Crc64Nvme, Etcd, FormatVersion, Level, Manifest, Object, Plan, Sha256, Snapshot, Times,
    Tool, Trigger, Verification,
};
use etcd_backup_backup::owner::{self, Owner};
use etcd_backup_backup::write::Fenced;
use etcd_backup_store::{
    Context, GetObject, GetRange, Listing, Lock, MemoryStore, ObjectMeta, Operation, PutMode, Store,
    StoreError, Upload, UploadMeta, list_all,
};
use serde_json::json;

use crate::connect::Failure;
use crate::fixtures::{plan, snapshot};
use crate::snapshot::Identity;
use crate::upkeep::care::work_through;
use crate::upkeep::place::Place;
use crate::upkeep::{Deletion, Job, Live, Pins, RetentionOutcome, Tended, Work};

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

/// Something that happens once.
type Event = Box<dyn FnOnce() + Send>;

/// A store that may refuse to delete, and tells of locks.
pub(super) struct Guarded {
    pub(super) store: MemoryStore,
    pub(super) locks: Mutex<BTreeMap<String, Lock>>,
    pub(super) locked: AtomicBool,
    pub(super) deletes: AtomicUsize,
    /// Its clock minus ours, in seconds.
    pub(super) ahead: Mutex<Option<i64>>,
    /// What happens when something is deleted next.
    pub(super) at_delete: Mutex<Option<Event>>,
}

impl std::fmt::Debug for Guarded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.store.fmt(f)
    }
}

/// What has become of a plan.
#[derive(Clone, Default)]
pub(super) enum Now {
    #[default]
    Unchanged,
    Changed(Box<EtcdBackup>),
    Gone,
}

/// What people say.
#[derive(Default)]
pub(super) struct Said {
    /// The runs that they pinned.
    pub(super) pinned: Mutex<BTreeSet<String>>,
    /// What has become of the plan that was handed to upkeep.
    pub(super) plan: Mutex<Now>,
    /// What of this the watches have not shown yet: the pins.
    pub(super) unseen: AtomicBool,
    /// The API server does not answer.
    pub(super) silent: AtomicBool,
}

impl Said {
    pub(super) fn pin(&self, run_id: &str) {
        self.pinned.lock().unwrap().insert(run_id.to_owned());
    }

    pub(super) fn change(&self, plan: Now) {
        *self.plan.lock().unwrap() = plan;
    }
}

impl Said {
    fn all_pins(&self) -> Pins {
        let pinned = self.pinned.lock().unwrap();
        let identity = |run_id| {
            Identity::of(&snapshot(
                json!({"status": {"phase": "Succeeded", "runID": run_id}}),
            ))
        };
        pinned.iter().map(identity).collect()
    }

    fn answers(&self) -> Result<(), Failure> {
        if self.silent.load(Ordering::SeqCst) {
            return Err(Failure::transient("Silent", "the API server does not answer"));
        }
        Ok(())
    }
}

#[async_trait]
impl Live for Said {
    async fn plan(&self, plan: &EtcdBackup) -> Result<Option<Arc<EtcdBackup>>, Failure> {
        self.answers()?;
        let now = self.plan.lock().unwrap().clone();
        Ok(match now {
            Now::Unchanged => Some(Arc::new(plan.clone())),
            Now::Changed(plan) => Some(Arc::new(*plan)),
            Now::Gone => None,
        })
    }

    async fn is_pinned(&self, _: &EtcdBackup, manifest: &Manifest) -> Result<bool, Failure> {
        self.answers()?;
        Ok(self.all_pins().hold(manifest))
    }

    fn pins(&self, _: &EtcdBackup) -> Pins {
        if self.unseen.load(Ordering::SeqCst) {
            return Pins::default();
        }
        self.all_pins()
    }

    fn under_way_since(&self, _: &EtcdBackup) -> Option<DateTime<Utc>> {
        None
    }
}

#[async_trait]
impl Store for Guarded {
    fn location(&self) -> String {
        self.store.location()
    }
    fn clock_offset(&self) -> Option<i64> {
        *self.ahead.lock().unwrap()
    }
    async fn put(&self, key: &str, body: Bytes, mode: PutMode) -> Result<ObjectMeta, StoreError> {
        self.store.put(key, body, mode).await
    }
    async fn upload(&self, key: &str) -> Result<Box<dyn Upload>, StoreError> {
        self.store.upload(key).await
    }
    async fn get(&self, key: &str, range: GetRange) -> Result<GetObject, StoreError> {
        self.store.get(key, range).await
    }
    async fn head(&self, key: &str) -> Result<ObjectMeta, StoreError> {
        let lock = self.locks.lock().unwrap().get(key).copied();
        let meta = self.store.head(key).await?;
        Ok(ObjectMeta { lock, ..meta })
    }
    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing, StoreError> {
        self.store.list(prefix, after).await
    }
    async fn list_prefixes(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.store.list_prefixes(prefix).await
    }
    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.deletes.fetch_add(1, Ordering::SeqCst);
        let event = self.at_delete.lock().unwrap().take();
        if let Some(event) = event {
            event();
        }
        if self.locked.load(Ordering::SeqCst) {
            return Err(StoreError::Locked {
                at: Context::new(Operation::Delete).key(key).boxed(),
                until: None,
            });
        }
        self.store.delete(key).await
    }
    async fn list_uploads(&self, prefix: &str) -> Result<Vec<UploadMeta>, StoreError> {
        self.store.list_uploads(prefix).await
    }
    async fn abort_upload(&self, upload: &UploadMeta) -> Result<(), StoreError> {
        self.store.abort_upload(upload).await
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

pub(super) fn manifest(run: RunId, started: DateTime<Utc>, plan_uid: &str, cluster: ClusterId) -> Manifest {
    let size = SNAPSHOT.len() as u64;
    Manifest {
        format: FormatVersion::CURRENT,
        run_id: run,
        plan: Plan {
            namespace: "ns".into(),
            name: "prod".into(),
            uid: Some(plan_uid.into()),
        },
        kubernetes_cluster_uid: Some("cluster-uid".into()),
        etcd: Etcd {
            cluster_id: cluster,
            member_id: ClusterId(1),
            member_name: "m0".into(),
            version: "3.6.14".into(),
            storage_version: None,
            raft_index: 1,
            raft_term: 1,
            members: None,
            corrupt_alarm: false,
        },
        revision: 1 + started.timestamp() / 3600,
        compact_revision: 0,
        times: Times {
            scheduled: None,
            started,
            finished: started,
        },
        snapshot: Snapshot {
            size,
            sha256: Sha256([0; 32]),
            hash: 0,
            total_keys: 0,
            hash_kv: None,
        },
        object: Object {
            file: FORM.file_name().into(),
            size,
            sha256: Sha256([0; 32]),
            crc64nvme: Crc64Nvme(0),
            compression: Compression::None,
            encryption: None,
            version_id: None,
        },
        tool: Tool {
            name: "test".into(),
            version: "0".into(),
        },
        verification: Verification {
            level: Level::Readback,
            time: started,
        },
        degraded: false,
        trigger: Trigger::Schedule,
        etcd_snapshot: None,
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
