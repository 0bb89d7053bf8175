//! The rules of the pool, with runs that do nothing but obey the test, on paused time.

mod ends;
mod places;
mod process;

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::DateTime;
use etcd_backup_api::{EtcdBackup, EtcdSnapshot};
use etcd_backup_backup::write::Progress;
use kube::runtime::reflector::ObjectRef;
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{Execute, Limits, RunFailure, RunRequest, RunResult, RunState, Runs, SnapshotId, Trigger};
use crate::lease::Leadership;
use crate::metrics::Metrics;

/// What a fake run does.
#[derive(Clone, Copy)]
enum Act {
    /// Takes this long, then fails in its own way.
    Take(Duration),
    /// Goes on until cancelled, then cleans up for this long.
    UntilCancelled(Duration),
    /// Takes no notice of being cancelled.
    Deaf,
    Panic,
}

#[derive(Default)]
struct Fake {
    acts: Mutex<BTreeMap<String, Act>>,
    started: Mutex<Vec<String>>,
    active: Mutex<Vec<String>>,
    most: AtomicUsize,
    clash: AtomicUsize,
}

impl Fake {
    fn act(&self, name: &str) -> Act {
        self.acts
            .lock()
            .unwrap()
            .get(name)
            .copied()
            .unwrap_or(Act::Take(Duration::from_secs(10)))
    }

    fn set(&self, name: &str, act: Act) {
        self.acts.lock().unwrap().insert(name.to_owned(), act);
    }

    fn started(&self) -> Vec<String> {
        self.started.lock().unwrap().clone()
    }
}

#[async_trait]
impl Execute for Fake {
    async fn execute(
        &self,
        request: &RunRequest,
        _progress: Arc<Progress>,
        cancel: CancellationToken,
    ) -> RunResult {
        let name = request.snapshot.name.clone();
        self.started.lock().unwrap().push(name.clone());
        {
            let mut active = self.active.lock().unwrap();
            active.extend(request.cluster_keys().iter().map(str::to_owned));
            let different: HashSet<&String> = active.iter().collect();
            self.clash
                .fetch_add(active.len() - different.len(), Ordering::SeqCst);
            self.most.fetch_max(active.len(), Ordering::SeqCst);
        }
        match self.act(&name) {
            Act::Take(time) => sleep(time).await,
            Act::UntilCancelled(cleanup) => {
                cancel.cancelled().await;
                sleep(cleanup).await;
            }
            Act::Deaf => std::future::pending().await,
            Act::Panic => panic!("a bug with a secret"),
        }
        let mut active = self.active.lock().unwrap();
        for key in request.cluster_keys().iter() {
            let place = active.iter().position(|busy| busy == key).unwrap();
            active.remove(place);
        }
        Err(RunFailure::transient("Fake", "this run only ever fails"))
    }
}

struct Bench {
    fake: Arc<Fake>,
    runs: Runs,
    metrics: Arc<Metrics>,
    wakes: UnboundedReceiver<ObjectRef<EtcdSnapshot>>,
}

fn bench() -> Bench {
    bench_within(Limits::default())
}

fn bench_within(limits: Limits) -> Bench {
    let fake = Arc::new(Fake::default());
    let (wake, wakes) = unbounded_channel();
    let metrics = Arc::new(Metrics::new(Leadership::always()));
    let clock = Arc::new(|| DateTime::from_timestamp(1_795_000_000, 0).unwrap());
    let runs = Runs::new(
        Arc::clone(&fake) as Arc<dyn Execute>,
        limits,
        wake,
        Arc::clone(&metrics),
        clock,
    );
    Bench {
        fake,
        runs,
        metrics,
        wakes,
    }
}

fn plan(namespace: &str, endpoints: &[&str]) -> Arc<EtcdBackup> {
    let object = json!({
        "apiVersion": "etcdbackup.dev/v1alpha1", "kind": "EtcdBackup",
        "metadata": {"namespace": namespace, "name": "plan", "uid": "plan-uid"},
        "spec": {"etcd": {"endpoints": endpoints}, "storage": {"local": {"path": "/backups"}}},
    });
    Arc::new(serde_json::from_value(object).unwrap())
}

fn request(namespace: &str, name: &str, endpoint: &str) -> RunRequest {
    RunRequest {
        snapshot: SnapshotId {
            namespace: namespace.into(),
            name: name.into(),
            uid: name.into(),
        },
        plan: plan(namespace, &[endpoint]),
        scheduled: None,
        trigger: Trigger::Manual,
        attempt: 1,
        deadline: Duration::from_hours(1),
        adopt: false,
    }
}

/// A run on a cluster of its own.
fn alone(namespace: &str, name: &str) -> RunRequest {
    request(namespace, name, &format!("https://{name}:2379"))
}

/// The same by a Job.
fn by_job(mut request: RunRequest) -> RunRequest {
    let mut plan = EtcdBackup::clone(&request.plan);
    plan.spec.runner.kind = etcd_backup_api::RunnerType::Job;
    request.plan = Arc::new(plan);
    request
}

/// A run called `running`, which takes five seconds to clean up once it is cancelled, and one called `waiting` for the same cluster.
async fn one_runs_and_one_waits() -> Bench {
    let bench = bench();
    bench
        .fake
        .set("running", Act::UntilCancelled(Duration::from_secs(5)));
    bench.runs.submit(request("a", "running", "https://etcd:2379"));
    bench.runs.submit(request("a", "waiting", "https://etcd:2379"));
    tokio::task::yield_now().await;
    bench
}

impl Bench {
    async fn failure(&self, uid: &str) -> RunFailure {
        let end = Instant::now() + Duration::from_hours(24);
        while Instant::now() < end {
            if let Some(RunState::Done(Err(failure))) = self.runs.state(uid) {
                return failure;
            }
            sleep(Duration::from_millis(50)).await;
        }
        panic!("{uid} never ended");
    }
}
