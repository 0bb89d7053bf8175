//! The rules of the pool, with runs that do nothing but obey the test, on paused time.

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
    let fake = Arc::new(Fake::default());
    let (wake, wakes) = unbounded_channel();
    let metrics = Arc::new(Metrics::new(Leadership::always()));
    let clock = Arc::new(|| DateTime::from_timestamp(1_795_000_000, 0).unwrap());
    let runs = Runs::new(
        Arc::clone(&fake) as Arc<dyn Execute>,
        Limits::default(),
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

#[tokio::test(start_paused = true)]
async fn no_more_than_the_limit_run_at_once_and_all_run_in_the_end() {
    let bench = bench();
    for number in 0..20 {
        bench.runs.submit(alone("a", &format!("s{number}")));
    }
    assert_eq!(bench.runs.counts(), (4, 16));
    bench.failure("s19").await;
    assert_eq!(bench.fake.started().len(), 20);
    assert_eq!(bench.fake.most.load(Ordering::SeqCst), 4);
    assert_eq!(bench.runs.counts(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_namespace_with_many_runs_does_not_hold_up_another() {
    let bench = bench();
    for number in 0..100 {
        bench.runs.submit(alone("greedy", &format!("g{number}")));
    }
    bench.runs.submit(alone("modest", "m0"));
    bench.runs.submit(alone("modest", "m1"));
    bench.failure("m1").await;
    let place = bench.fake.started().iter().position(|name| name == "m1").unwrap();
    assert!(
        place < 4 + 4,
        "the second of the modest namespace started as number {place}"
    );
}

#[tokio::test(start_paused = true)]
async fn one_cluster_is_read_by_one_run_at_a_time_whoever_asks_and_however_it_is_spelled() {
    let bench = bench();
    for (namespace, name, endpoint) in [
        ("a", "a1", "https://etcd:2379"),
        ("a", "a2", "https://ETCD:2379/"),
        ("b", "b1", "https://etcd:2379"),
        ("b", "b2", "https://other:2379"),
    ] {
        bench.runs.submit(request(namespace, name, endpoint));
    }
    tokio::task::yield_now().await;
    assert_eq!(bench.runs.counts(), (2, 2));
    for uid in ["a1", "a2", "b1", "b2"] {
        bench.failure(uid).await;
    }
    assert_eq!(bench.fake.clash.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_known_cluster_id_counts_even_when_the_endpoints_differ() {
    let bench = bench();
    for (name, endpoint) in [("s1", "https://one:2379"), ("s2", "https://two:2379")] {
        let mut request = request("a", name, endpoint);
        Arc::make_mut(&mut request.plan).spec.etcd.cluster_id = Some("cdf818194e3a8c32".into());
        bench.runs.submit(request);
    }
    assert_eq!(bench.runs.counts(), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn asking_twice_is_asking_once_and_a_higher_attempt_runs_again() {
    let bench = bench();
    for _ in 0..5 {
        bench.runs.submit(alone("a", "s"));
    }
    bench.failure("s").await;
    bench.runs.submit(alone("a", "s"));
    sleep(Duration::from_secs(30)).await;
    assert_eq!(bench.fake.started().len(), 1);
    bench.runs.submit(RunRequest {
        attempt: 2,
        ..alone("a", "s")
    });
    assert!(matches!(bench.runs.state("s"), Some(RunState::Running { .. })));
    bench.failure("s").await;
    assert_eq!(bench.fake.started().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_submits_are_cheap_even_when_none_of_them_can_start() {
    let bench = bench();
    let before = std::time::Instant::now();
    for number in 0..10_000 {
        bench.runs.submit(request(
            &format!("ns{}", number % 100),
            &format!("s{number}"),
            "https://etcd:2379",
        ));
    }
    assert_eq!(bench.runs.counts(), (1, 9_999));
    // Searching the queue at each submit would be 50 million steps.
    assert!(
        before.elapsed() < Duration::from_secs(5),
        "{:?}",
        before.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_panic_fails_that_run_and_the_others_go_on() {
    let bench = bench();
    let series = bench.metrics.track_plan("a", "plan");
    bench.fake.set("bad", Act::Panic);
    bench.runs.submit(alone("a", "bad"));
    for number in 0..10 {
        bench.runs.submit(alone("a", &format!("s{number}")));
    }
    let failure = bench.failure("bad").await;
    assert_eq!((failure.reason.as_str(), failure.transient), ("Internal", true));
    assert!(!failure.message.contains("secret"));
    for number in 0..10 {
        assert_eq!(bench.failure(&format!("s{number}")).await.reason, "Fake");
    }
    drop(series);
    assert!(
        bench
            .metrics
            .encode()
            .unwrap()
            .contains(r#"result="Failed",reason="Internal"} 1"#)
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_beyond_its_deadline_is_told_to_stop_and_says_so() {
    let bench = bench();
    bench
        .fake
        .set("slow", Act::UntilCancelled(Duration::from_secs(3)));
    let began = Instant::now();
    bench.runs.submit(RunRequest {
        deadline: Duration::from_mins(1),
        ..alone("a", "slow")
    });
    let failure = bench.failure("slow").await;
    assert_eq!(
        (failure.reason.as_str(), failure.transient),
        ("DeadlineExceeded", true)
    );
    assert!(began.elapsed() >= Duration::from_secs(63) && began.elapsed() < Duration::from_secs(64));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_does_not_stop_is_dropped_and_frees_its_place() {
    let bench = bench();
    bench.fake.set("deaf", Act::Deaf);
    bench.runs.submit(RunRequest {
        deadline: Duration::from_mins(1),
        ..request("a", "deaf", "https://etcd:2379")
    });
    bench.runs.submit(request("a", "next", "https://etcd:2379"));
    let began = Instant::now();
    assert_eq!(bench.failure("deaf").await.reason, "DeadlineExceeded");
    assert!(began.elapsed() < Duration::from_secs(72));
    tokio::task::yield_now().await;
    assert!(matches!(bench.runs.state("next"), Some(RunState::Running { .. })));
}

#[tokio::test(start_paused = true)]
async fn cancelling_ends_what_waits_at_once_and_what_runs_after_its_cleanup() {
    let bench = bench();
    bench
        .fake
        .set("running", Act::UntilCancelled(Duration::from_secs(5)));
    bench.runs.submit(request("a", "running", "https://etcd:2379"));
    bench.runs.submit(request("a", "waiting", "https://etcd:2379"));
    tokio::task::yield_now().await;
    bench.runs.cancel("waiting");
    assert!(
        matches!(bench.runs.state("waiting"), Some(RunState::Done(Err(failure))) if failure.reason == "Cancelled")
    );
    bench.runs.cancel("running");
    assert!(matches!(
        bench.runs.state("running"),
        Some(RunState::Running { .. })
    ));
    let failure = bench.failure("running").await;
    assert_eq!((failure.reason.as_str(), failure.transient), ("Cancelled", false));
    assert_eq!(bench.fake.started(), ["running"]);
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_run_is_stopped_and_leaves_nothing() {
    let bench = bench();
    bench
        .fake
        .set("running", Act::UntilCancelled(Duration::from_secs(5)));
    bench.runs.submit(request("a", "running", "https://etcd:2379"));
    bench.runs.submit(request("a", "waiting", "https://etcd:2379"));
    tokio::task::yield_now().await;
    bench.runs.forget("running");
    bench.runs.forget("waiting");
    assert!(bench.runs.state("waiting").is_none());
    sleep(Duration::from_secs(6)).await;
    assert!(bench.runs.state("running").is_none());
    assert_eq!(bench.runs.counts(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn draining_lets_short_runs_finish_and_stops_long_ones_within_the_grace() {
    let bench = bench();
    bench.fake.set("short", Act::Take(Duration::from_secs(5)));
    bench
        .fake
        .set("long", Act::UntilCancelled(Duration::from_secs(2)));
    for name in ["short", "long", "deaf", "s3", "waiting"] {
        bench.runs.submit(alone("a", name));
    }
    bench.fake.set("deaf", Act::Deaf);
    tokio::task::yield_now().await;
    let began = Instant::now();
    bench.runs.drain(Duration::from_secs(20)).await;
    assert!(
        began.elapsed() <= Duration::from_secs(21),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(bench.failure("short").await.reason, "Fake");
    assert_eq!(bench.failure("long").await.reason, "Interrupted");
    assert_eq!(bench.failure("deaf").await.reason, "Interrupted");
    assert!(
        bench.runs.state("waiting").is_none(),
        "it stays Pending for the next leader"
    );
    bench.runs.submit(alone("a", "late"));
    assert!(bench.runs.state("late").is_none());
    assert!(!bench.fake.started().contains(&"waiting".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn draining_an_idle_pool_takes_no_time() {
    let bench = bench();
    assert!(
        timeout(
            Duration::from_millis(1),
            bench.runs.drain(Duration::from_secs(20))
        )
        .await
        .is_ok()
    );
}

#[tokio::test(start_paused = true)]
async fn a_lost_lead_stops_everything_and_a_later_term_starts_afresh() {
    let bench = bench();
    bench.fake.set("s", Act::UntilCancelled(Duration::ZERO));
    bench.runs.submit(alone("a", "s"));
    tokio::task::yield_now().await;
    bench.runs.stand_down();
    let failure = bench.failure("s").await;
    assert_eq!(
        (failure.reason.as_str(), failure.transient),
        ("LeadershipLost", true)
    );
    bench.runs.submit(alone("a", "again"));
    assert!(matches!(
        bench.runs.state("again"),
        Some(RunState::Running { .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn the_reconcile_is_woken_at_the_start_and_at_the_end_of_a_run_that_does_not_move() {
    let mut bench = bench();
    bench.runs.submit(alone("a", "silent"));
    bench.failure("silent").await;
    let mut woken = Vec::new();
    while let Ok(object) = bench.wakes.try_recv() {
        woken.push((object.namespace.unwrap(), object.name));
    }
    assert_eq!(woken, vec![("a".to_owned(), "silent".to_owned()); 2]);
}

#[tokio::test(start_paused = true)]
async fn jobs_have_places_of_their_own_and_share_the_clusters() {
    let bench = bench();
    for number in 0..Limits::default().max_concurrent {
        bench.runs.submit(alone("a", &format!("here-{number}")));
    }
    bench.runs.submit(alone("a", "waits"));
    bench.runs.submit(by_job(alone("a", "job")));
    bench
        .runs
        .submit(by_job(request("a", "same-etcd", "https://here-0:2379")));
    assert!(matches!(bench.runs.state("waits"), Some(RunState::Queued)));
    assert!(matches!(bench.runs.state("job"), Some(RunState::Running { .. })));
    assert!(matches!(bench.runs.state("same-etcd"), Some(RunState::Queued)));
    assert_eq!(bench.failure("same-etcd").await.reason, "Fake");
    assert_eq!(bench.fake.clash.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn jobs_do_not_take_more_than_their_own_places() {
    let bench = bench();
    let most = Limits::default().max_jobs;
    for number in 0..=most {
        bench.runs.submit(by_job(alone("a", &format!("job-{number}"))));
    }
    assert_eq!(bench.runs.counts(), (most, 1));
    bench.runs.submit(alone("a", "here"));
    assert_eq!(bench.runs.counts(), (most + 1, 1));
    assert_eq!(bench.failure(&format!("job-{most}")).await.reason, "Fake");
}

#[tokio::test(start_paused = true)]
async fn a_process_that_ends_or_leads_no_more_lets_jobs_go_on() {
    let bench = bench();
    bench.fake.set("job", Act::Deaf);
    bench
        .fake
        .set("here", Act::UntilCancelled(Duration::from_secs(1)));
    bench.runs.submit(by_job(alone("a", "job")));
    bench.runs.submit(alone("a", "here"));
    bench.runs.stand_down();
    assert_eq!(bench.failure("here").await.reason, "LeadershipLost");
    assert!(bench.runs.state("job").is_none());
    bench.runs.submit(by_job(alone("a", "job")));
    let began = Instant::now();
    bench.runs.drain(Duration::from_secs(20)).await;
    assert!(began.elapsed() < Duration::from_secs(1));
    assert!(bench.runs.state("job").is_none());
}
