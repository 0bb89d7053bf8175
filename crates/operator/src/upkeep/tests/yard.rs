//! The rules of the yard, with work that does nothing but obey the test, on paused time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::DateTime;
use etcd_backup_api::EtcdBackup;
use etcd_backup_backup::catalogue::Catalogue;
use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, sleep, timeout};

use crate::connect::Failure;
use crate::upkeep::{Bounds, Job, Tend, Tended, Upkeep, Work};

#[derive(Clone)]
enum Act {
    Succeed,
    Fail(Failure),
    /// The store answers, and etcd cannot be asked.
    NoEtcd(Failure),
    Hang,
    Panic,
}

/// What was done for a plan, and when.
type Done = (String, Work, Instant);

#[derive(Default)]
struct Fake {
    acts: Mutex<BTreeMap<String, Act>>,
    done: Mutex<Vec<Done>>,
    active: AtomicUsize,
    most: AtomicUsize,
}

#[async_trait]
impl Tend for Fake {
    async fn tend(&self, plan: &EtcdBackup, work: &Work) -> Tended {
        self.most
            .fetch_max(self.active.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        self.done
            .lock()
            .unwrap()
            .push((plan.name_any(), work.clone(), Instant::now()));
        let act = self
            .acts
            .lock()
            .unwrap()
            .get(&plan.name_any())
            .cloned()
            .unwrap_or(Act::Succeed);
        if matches!(act, Act::Hang) {
            std::future::pending::<()>().await;
        }
        sleep(Duration::from_secs(1)).await;
        self.active.fetch_sub(1, Ordering::SeqCst);
        match act {
            Act::Fail(failure) => Tended::failed(work, &failure),
            Act::Panic => panic!("a bug"),
            act @ (Act::Succeed | Act::Hang | Act::NoEtcd(_)) => Tended {
                location: Some("memory:".into()),
                catalogue: Ok(Arc::new(Catalogue::default())),
                etcd: Some(match act {
                    Act::NoEtcd(failure) => Err(failure),
                    _ => Ok(()),
                }),
                create_only: None,
                retention: None,
                deletion: None,
            },
        }
    }
}

struct Bench {
    fake: Arc<Fake>,
    upkeep: Upkeep,
    wakes: UnboundedReceiver<ObjectRef<EtcdBackup>>,
}

fn bench() -> Bench {
    let fake = Arc::new(Fake::default());
    let (wake, wakes) = unbounded_channel();
    let clock = Arc::new(|| DateTime::from_timestamp(1_795_000_000, 0).unwrap());
    let upkeep = Upkeep::new(Arc::clone(&fake) as Arc<dyn Tend>, Bounds::default(), wake, clock);
    Bench { fake, upkeep, wakes }
}

fn plan(name: &str, generation: i64) -> Arc<EtcdBackup> {
    plan_of("prod", name, generation)
}

fn plan_of(namespace: &str, name: &str, generation: i64) -> Arc<EtcdBackup> {
    let object = json!({
        "apiVersion": "etcdbackup.dev/v1alpha1", "kind": "EtcdBackup",
        "metadata": {"namespace": namespace, "name": name, "uid": format!("uid-{name}"), "generation": generation},
        "spec": {"etcd": {"endpoints": ["https://etcd:2379"]}, "storage": {"local": {"path": "/backups"}}},
    });
    Arc::new(serde_json::from_value(object).unwrap())
}

fn prune(dry_run: bool) -> Job {
    Job::Prune {
        dry_run,
        missing: Vec::new(),
    }
}

impl Bench {
    fn acts(&self, name: &str, act: Act) {
        self.fake.acts.lock().unwrap().insert(name.to_owned(), act);
    }

    async fn woken(&mut self) -> String {
        timeout(Duration::from_hours(2), self.wakes.recv())
            .await
            .unwrap()
            .unwrap()
            .name
    }

    fn done(&self) -> Vec<Done> {
        self.fake.done.lock().unwrap().clone()
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_is_done_and_wakes_its_plan_with_the_result() {
    let mut bench = bench();
    bench.upkeep.request(plan("main", 1), Job::Sync);
    assert!(bench.upkeep.is_busy("uid-main") && bench.upkeep.result("uid-main").is_none());
    assert_eq!(bench.woken().await, "main");
    let result = bench.upkeep.result("uid-main").unwrap();
    assert!(result.found.catalogue.is_ok() && result.found.location.as_deref() == Some("memory:"));
    sleep(Duration::from_secs(1)).await;
    assert!(!bench.upkeep.is_busy("uid-main"));
}

#[tokio::test(start_paused = true)]
async fn jobs_of_one_plan_never_overlap_and_are_folded_into_one() {
    let mut bench = bench();
    bench.upkeep.request(plan("main", 1), Job::Sync);
    tokio::task::yield_now().await;
    for (run_id, dry_run) in [("a", true), ("b", false)] {
        bench.upkeep.request(plan("main", 1), Job::Sync);
        bench.upkeep.request(plan("main", 1), prune(dry_run));
        bench.upkeep.request(
            plan("main", 1),
            Job::DeleteRun {
                run_id: run_id.into(),
            },
        );
    }
    bench.woken().await;
    bench.woken().await;
    sleep(Duration::from_mins(1)).await;
    let done = bench.done();
    assert_eq!(done.len(), 2);
    assert!(!done[1].1.prune.as_ref().unwrap().dry_run, "the later one counts");
    assert_eq!(done[1].1.delete_runs.len(), 2);
    assert_eq!(bench.fake.most.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn plans_are_worked_on_side_by_side_up_to_the_limit() {
    let mut bench = bench();
    for number in 0..40 {
        let namespace = ["prod", "test"][number % 2];
        bench
            .upkeep
            .request(plan_of(namespace, &format!("p{number}"), 1), Job::Sync);
    }
    for _ in 0..40 {
        bench.woken().await;
    }
    assert_eq!(bench.fake.most.load(Ordering::SeqCst), 16);
}

#[tokio::test(start_paused = true)]
async fn slow_stores_of_one_namespace_leave_a_place_for_another() {
    let mut bench = bench();
    for number in 0..20 {
        let name = format!("slow{number}");
        bench.acts(&name, Act::Hang);
        bench.upkeep.request(plan_of("greedy", &name, 1), Job::Sync);
    }
    tokio::task::yield_now().await;
    bench.upkeep.request(plan_of("modest", "quick", 1), Job::Sync);
    let began = Instant::now();
    assert_eq!(bench.woken().await, "quick");
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_secret_of_etcd_that_is_missing_is_looked_for_again_without_being_asked_to() {
    let mut bench = bench();
    bench.acts("main", Act::NoEtcd(Failure::transient("SecretNotFound", "none")));
    bench.upkeep.request(plan("main", 1), Job::Sync);
    assert_eq!(bench.woken().await, "main");
    let result = bench.upkeep.result("uid-main").unwrap();
    assert!(matches!(&result.found.etcd, Some(Err(failure)) if failure.reason == "SecretNotFound"));
    bench.acts("main", Act::Succeed);
    assert_eq!(bench.woken().await, "main");
    let result = bench.upkeep.result("uid-main").unwrap();
    assert_eq!(result.found.etcd, Some(Ok(())));
    sleep(Duration::from_hours(1)).await;
    assert_eq!(bench.done().len(), 2, "and then no more");
}

#[tokio::test(start_paused = true)]
async fn a_passing_failure_is_tried_again_at_growing_intervals_until_it_passes() {
    let mut bench = bench();
    bench.acts("main", Act::Fail(Failure::transient("StoreUnavailable", "down")));
    bench.upkeep.request(plan("main", 1), prune(false));
    for _ in 0..8 {
        bench.woken().await;
        assert_eq!(
            bench
                .upkeep
                .result("uid-main")
                .unwrap()
                .found
                .retention
                .clone()
                .unwrap()
                .unwrap_err()
                .reason,
            "StoreUnavailable"
        );
    }
    let times: Vec<Instant> = bench.done().iter().map(|done| done.2).collect();
    let pauses: Vec<u64> = times
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).as_secs())
        .collect();
    assert_eq!(pauses, [6, 11, 21, 41, 81, 161, 301]);
    assert!(
        bench.done().iter().all(|done| done.1.prune.is_some()),
        "what was asked for is not forgotten"
    );
    bench.acts("main", Act::Succeed);
    bench.woken().await;
    sleep(Duration::from_hours(1)).await;
    assert_eq!(bench.done().len(), 9);
    assert!(!bench.upkeep.is_busy("uid-main"));
}

#[tokio::test(start_paused = true)]
async fn a_lasting_failure_waits_for_the_next_request() {
    let mut bench = bench();
    bench.acts(
        "main",
        Act::Fail(Failure::lasting("PrefixInUse", "somebody else's")),
    );
    bench.upkeep.request(plan("main", 1), prune(false));
    bench.woken().await;
    sleep(Duration::from_hours(1)).await;
    assert_eq!(bench.done().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_changed_spec_does_not_wait_for_the_old_ones_pause() {
    let mut bench = bench();
    bench.acts("main", Act::Fail(Failure::transient("StoreUnavailable", "down")));
    bench.upkeep.request(plan("main", 1), Job::Sync);
    for _ in 0..7 {
        bench.woken().await;
    }
    let changed = Instant::now();
    bench.acts("main", Act::Succeed);
    bench.upkeep.request(plan("main", 2), Job::Sync);
    bench.woken().await;
    assert!(bench.upkeep.result("uid-main").unwrap().found.catalogue.is_ok());
    assert!(
        changed.elapsed() <= Duration::from_secs(2),
        "{:?}",
        changed.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn work_that_hangs_ends_at_its_deadline_and_work_that_panics_does_not_take_others_along() {
    let mut bench = bench();
    bench.acts("hangs", Act::Hang);
    bench.acts("panics", Act::Panic);
    for name in ["hangs", "panics", "works"] {
        bench.upkeep.request(plan(name, 1), Job::Sync);
    }
    let mut woken = BTreeSet::new();
    while woken.len() < 3 {
        woken.insert(bench.woken().await);
    }
    let reason = |uid: &str| {
        bench
            .upkeep
            .result(uid)
            .unwrap()
            .found
            .catalogue
            .as_ref()
            .unwrap_err()
            .reason
            .clone()
    };
    assert_eq!(reason("uid-hangs"), "DeadlineExceeded");
    assert_eq!(reason("uid-panics"), "Internal");
    assert!(bench.upkeep.result("uid-works").unwrap().found.catalogue.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_plan_is_not_worked_on_and_not_woken() {
    let mut bench = bench();
    bench.upkeep.request(plan("main", 1), Job::DeleteAll);
    tokio::task::yield_now().await;
    bench.upkeep.forget("uid-main");
    sleep(Duration::from_hours(1)).await;
    assert!(bench.wakes.try_recv().is_err() && bench.upkeep.result("uid-main").is_none());
    bench.upkeep.request(plan("main", 1), Job::Sync);
    bench.upkeep.request(plan("other", 1), Job::Sync);
    bench.upkeep.stand_down();
    sleep(Duration::from_hours(1)).await;
    assert!(bench.wakes.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn an_earlier_retention_stays_in_the_result_of_a_later_listing() {
    let mut bench = bench();
    bench.acts(
        "main",
        Act::Fail(Failure::lasting("PrefixInUse", "somebody else's")),
    );
    bench.upkeep.request(plan("main", 1), prune(false));
    bench.woken().await;
    bench.acts("main", Act::Succeed);
    bench.upkeep.request(plan("main", 1), Job::Sync);
    bench.woken().await;
    let result = bench.upkeep.result("uid-main").unwrap();
    assert!(result.found.catalogue.is_ok() && result.found.retention.as_ref().unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn what_was_found_in_another_store_does_not_stay() {
    let mut bench = bench();
    bench.upkeep.request(plan("main", 1), prune(false));
    bench.woken().await;
    let denied = Failure::lasting("InvalidCredentials", "no");
    bench.acts("main", Act::Fail(denied));
    let mut moved = EtcdBackup::clone(&plan("main", 2));
    let elsewhere = |plan: &mut EtcdBackup, path: &str| {
        path.clone_into(&mut plan.spec.storage.local.as_mut().unwrap().path);
    };
    // What cannot be opened has no place of its own.
    for (path, location) in [("/backups", Some("memory:")), ("/elsewhere", None)] {
        elsewhere(&mut moved, path);
        bench.upkeep.request(Arc::new(moved.clone()), Job::Sync);
        bench.woken().await;
        let result = bench.upkeep.result("uid-main").unwrap();
        assert_eq!(result.found.location.as_deref(), location, "{path}");
        assert_eq!(result.found.etcd, Some(Ok(())), "the etcd is the same: {path}");
        assert!(result.is_of_store(&moved) && result.is_of_etcd(&moved));
    }
    moved.spec.etcd.endpoints = vec!["https://another:2379".to_owned()];
    assert!(!bench.upkeep.result("uid-main").unwrap().is_of_etcd(&moved));
    bench.upkeep.request(Arc::new(moved), Job::Sync);
    bench.woken().await;
    assert_eq!(bench.upkeep.result("uid-main").unwrap().found.etcd, None);
}
