//! What the caches say of pins and runs, and what the API server says of plans and pins.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::{Request, Response};
use etcd_backup_api::{EtcdBackup, EtcdSnapshot};
use etcd_backup_backup::manifest::Manifest;
use kube::Client;
use kube::core::DeserializeGuard;
use kube::runtime::watcher::Event;
use serde_json::{Value, json};

use crate::cache::{Cache, Key, SnapshotObject, Writers};
use crate::context::Scope;
use crate::fixtures::{at, manifest, merge, plan, snapshot};
use crate::upkeep::{Live, Watched};
use crate::wake::Wake;

/// Objects by the end of their path, with the code that the API server answers with; 404 for all others.
type Objects = Arc<Mutex<BTreeMap<String, (u16, Value)>>>;

fn server(objects: Objects) -> Client {
    let service = tower::service_fn(move |request: Request<kube::client::Body>| {
        let path = request.uri().path().rsplit("/namespaces/").next().unwrap();
        let found = objects.lock().unwrap().get(path).cloned();
        let (code, object) = found.unwrap_or_else(|| (404, refusal(404)));
        let response = Response::builder().status(code);
        let response = response.body(Body::from(object.to_string())).unwrap();
        async move { Ok::<_, std::convert::Infallible>(response) }
    });
    Client::new(service, "ns")
}

fn refusal(code: u16) -> Value {
    let reason = if code == 404 { "NotFound" } else { "No" };
    json!({"kind": "Status", "status": "Failure", "reason": reason, "message": "no", "code": code})
}

struct Bench {
    writers: Writers,
    scope: Arc<Scope>,
    watched: Watched,
    objects: Objects,
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
        let objects = Objects::default();
        let watched = Watched {
            scopes: vec![Arc::clone(&scope)],
            client: server(Arc::clone(&objects)),
        };
        Self {
            writers,
            scope,
            watched,
            objects,
        }
    }

    /// The API server has this, whatever was shown.
    fn has(&self, path: &str, code: u16, object: Value) {
        let path = format!("ns/{path}");
        self.objects.lock().unwrap().insert(path, (code, object));
    }

    fn has_plan(&self, plan: &EtcdBackup) {
        self.has("etcdbackups/prod", 200, serde_json::to_value(plan).unwrap());
    }

    fn has_snapshot(&self, changes: Value) {
        let object = serde_json::to_value(snapshot(changes)).unwrap();
        self.has("etcdsnapshots/prod-1", 200, object);
    }

    async fn is_pinned(&self, manifest: &Manifest) -> bool {
        let asked = self.watched.is_pinned(&plan(json!({})), manifest).await;
        asked.unwrap()
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

#[tokio::test]
async fn a_pin_holds_what_its_snapshot_stored_from_the_moment_that_the_manifest_is_written() {
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

#[tokio::test]
async fn a_snapshot_that_cannot_be_understood_may_be_pinned() {
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

#[tokio::test]
async fn a_pin_that_the_watch_has_not_shown_yet_counts_and_one_that_is_gone_does_not() {
    let mut bench = Bench::new();
    let (pinned, let_go) = (json!({"spec": {"pin": true}}), json!({"spec": {"pin": false}}));
    let ours = manifest(Some(("prod-1", "snapshot-uid")));
    bench.show_snapshot(let_go.clone());
    bench.has_snapshot(pinned.clone());
    assert!(bench.is_pinned(&ours).await);
    assert!(
        !bench.is_pinned(&manifest(Some(("prod-2", "another-uid")))).await,
        "nobody pinned that one"
    );
    bench.show_snapshot(pinned.clone());
    bench.has_snapshot(let_go);
    assert!(!bench.is_pinned(&ours).await);
    // One that was never shown is known by the manifest, and another one of its name is not it.
    let bench = Bench::new();
    bench.has_snapshot(pinned);
    assert!(bench.is_pinned(&ours).await);
    bench.has_snapshot(json!({"metadata": {"uid": "another-uid"}, "spec": {"pin": true}}));
    assert!(!bench.is_pinned(&ours).await);
    assert!(!Bench::new().is_pinned(&ours).await, "it is gone");
}

#[tokio::test]
async fn whatever_stands_for_a_backup_is_asked_whether_it_is_pinned() {
    let mut bench = Bench::new();
    let known = json!({"phase": "Succeeded", "runID": "20261123T060000Z-k3v7qa2m"});
    bench.show_snapshot(json!({"status": known}));
    bench.has_snapshot(json!({"spec": {"pin": true}, "status": known}));
    assert!(
        bench.is_pinned(&manifest(None)).await,
        "it was made to show what was found"
    );
    let mut unclear = serde_json::to_value(snapshot(json!({}))).unwrap();
    merge(&mut unclear, json!({"spec": {"pin": "yes"}}));
    bench.has("etcdsnapshots/prod-1", 200, unclear);
    assert!(bench.is_pinned(&manifest(Some(("prod-1", "snapshot-uid")))).await);
}

#[tokio::test]
async fn what_the_api_server_does_not_say_is_not_known() {
    let bench = Bench::new();
    let asked = plan(json!({}));
    let ours = manifest(Some(("prod-1", "snapshot-uid")));
    for code in [403, 500] {
        bench.has("etcdsnapshots/prod-1", code, refusal(code));
        bench.has("etcdbackups/prod", code, refusal(code));
        let failure = bench.watched.is_pinned(&asked, &ours).await.unwrap_err();
        assert_eq!(
            (&*failure.reason, failure.transient),
            ("SnapshotUnreadable", true)
        );
        let failure = bench.watched.plan(&asked).await.unwrap_err();
        assert_eq!((&*failure.reason, failure.transient), ("PlanUnreadable", true));
    }
}

#[tokio::test]
async fn a_plan_is_known_as_it_is_now_and_a_later_one_of_its_name_is_not_it() {
    let bench = Bench::new();
    let asked = plan(json!({}));
    assert!(bench.watched.plan(&asked).await.unwrap().is_none());
    let annotated = json!({"metadata": {"annotations": {"etcdbackup.dev/dry-run-retention": "true"}}});
    bench.has_plan(&plan(annotated.clone()));
    let now = bench.watched.plan(&asked).await.unwrap();
    assert_eq!(*now.unwrap(), plan(annotated));
    bench.has_plan(&plan(json!({"metadata": {"uid": "another"}})));
    assert!(bench.watched.plan(&asked).await.unwrap().is_none());
    let elsewhere = plan(json!({"metadata": {"namespace": "elsewhere"}}));
    assert!(bench.watched.plan(&elsewhere).await.unwrap().is_none());
}

#[tokio::test]
async fn the_oldest_run_that_is_not_over_says_since_when_runs_are_under_way() {
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
