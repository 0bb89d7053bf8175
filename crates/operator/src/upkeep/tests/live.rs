//! What the caches say of pins and runs.

use std::sync::Arc;

use etcd_backup_api::{EtcdBackup, EtcdSnapshot};
use kube::core::DeserializeGuard;
use kube::runtime::watcher::Event;
use serde_json::{Value, json};

use crate::cache::{Cache, Key, SnapshotObject, Writers};
use crate::context::Scope;
use crate::fixtures::{at, manifest, merge, plan, snapshot};
use crate::upkeep::{Live, Watched};
use crate::wake::Wake;

struct Bench {
    writers: Writers,
    scope: Arc<Scope>,
    watched: Watched,
}

impl Bench {
    fn new() -> Self {
        let writers = Writers::default();
        let scope = Arc::new(Scope {
            namespace: Some("ns".to_owned()),
            cache: Cache::new(&writers),
            plans: Wake::default(),
            snapshots: Wake::default(),
            restores: Wake::default(),
        });
        let watched = Watched(vec![Arc::clone(&scope)]);
        Self {
            writers,
            scope,
            watched,
        }
    }

    fn show_plan(&mut self, plan: &EtcdBackup) {
        let object = DeserializeGuard(Ok(plan.clone()));
        self.writers.plans.apply_watcher_event(&Event::Apply(object));
    }

    fn show(&mut self, object: SnapshotObject) {
        self.scope.cache.index().put(&Key::of(&object));
        self.writers.snapshots.apply_watcher_event(&Event::Apply(object));
    }

    fn show_snapshot(&mut self, changes: Value) {
        self.show(DeserializeGuard(Ok(snapshot(changes))));
    }

    fn holds(&self, of: Option<(&str, &str)>) -> bool {
        self.watched.pins(&plan(json!({}))).hold(&manifest(of))
    }
}

#[test]
fn a_pin_holds_what_its_snapshot_stored_from_the_moment_that_the_manifest_is_written() {
    let mut bench = Bench::new();
    let ours = Some(("prod-1", "snapshot-uid"));
    let running = json!({"phase": "Running", "attempts": 1, "startTime": "2026-11-23T06:00:00Z"});
    bench.show_snapshot(json!({"spec": {"pin": false}, "status": running}));
    assert!(!bench.holds(ours));
    bench.show_snapshot(json!({"spec": {"pin": true}, "status": running}));
    assert!(bench.holds(ours), "its status names no run yet");
    assert!(!bench.holds(Some(("prod-1", "another-uid"))));
    let known = json!({"phase": "Succeeded", "runID": "20261123T060000Z-k3v7qa2m"});
    bench.show_snapshot(json!({"spec": {"pin": true}, "status": known}));
    assert!(bench.holds(ours) && bench.holds(None));
    bench.show_snapshot(json!({"spec": {"pin": false}, "status": known}));
    assert!(!bench.holds(ours));
}

#[test]
fn a_snapshot_that_cannot_be_understood_may_be_pinned() {
    let mut bench = Bench::new();
    let mut object = serde_json::to_value(snapshot(json!({}))).unwrap();
    merge(
        &mut object,
        json!({"metadata": {"labels": {"etcdbackup.dev/plan": "prod"}}, "spec": {"pin": "yes"}}),
    );
    let object: DeserializeGuard<EtcdSnapshot> = serde_json::from_value(object).unwrap();
    assert!(object.0.is_err());
    bench.show(object);
    assert!(bench.holds(Some(("prod-1", "snapshot-uid"))) && !bench.holds(None));
}

#[test]
fn a_plan_is_known_as_it_is_now_and_a_later_one_of_its_name_is_not_it() {
    let mut bench = Bench::new();
    let asked = plan(json!({}));
    assert!(bench.watched.plan(&asked).is_none());
    let annotated = json!({"metadata": {"annotations": {"etcdbackup.dev/dry-run-retention": "true"}}});
    bench.show_plan(&plan(annotated.clone()));
    assert_eq!(*bench.watched.plan(&asked).unwrap(), plan(annotated));
    bench.show_plan(&plan(json!({"metadata": {"uid": "another"}})));
    assert!(bench.watched.plan(&asked).is_none());
    let elsewhere = plan(json!({"metadata": {"namespace": "elsewhere"}}));
    assert!(bench.watched.plan(&elsewhere).is_none());
}

#[test]
fn the_oldest_run_that_is_not_over_says_since_when_runs_are_under_way() {
    let mut bench = Bench::new();
    let since = |bench: &Bench| bench.watched.under_way_since(&plan(json!({})));
    assert_eq!(since(&bench), None);
    for (name, phase, start) in [
        ("over", "Succeeded", "2026-11-23T04:00:00Z"),
        ("given-up", "Failed", "2026-11-23T03:00:00Z"),
        ("young", "Running", "2026-11-23T09:00:00Z"),
        ("old", "Running", "2026-11-23T06:00:00Z"),
    ] {
        let metadata = json!({"name": name, "uid": name});
        bench.show_snapshot(json!({"metadata": metadata, "status": {"phase": phase, "startTime": start}}));
    }
    assert_eq!(since(&bench), Some(at("06:00:00")));
}
