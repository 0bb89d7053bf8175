//! A Job that was made before its plan named another store, followed by the next process.

use std::path::Path;

use axum::body::Body;
use axum::http::{Request, Response};
use etcd_backup_backup::layout::{Form, Location, PlanKey};
use etcd_backup_backup::write::Progress;
use etcd_backup_store::{LocalStore, PutMode, Store};
use kube::Client;
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::connect::Connector;
use crate::events::Events;
use crate::jobs::Listener;
use crate::lease::Leadership;
use crate::metrics::Metrics;
use crate::runs::{Execute, JobExecutor, RunResult};
use crate::settings::Settings;

const UID: &str = "0a1b2c3d-4e5f";

/// The attempt, by a plan that stores in `path`.
fn storing(path: &Path) -> RunRequest {
    let mut request = request(json!({}));
    let storage = json!({"local": {"path": path}});
    Arc::make_mut(&mut request.plan).spec.storage = serde_json::from_value(storage).unwrap();
    RunRequest {
        adopt: true,
        ..request
    }
}

/// An API server that has these Jobs and these pods.
fn server(jobs: Vec<Value>, pods: Vec<Value>) -> Client {
    let service = tower::service_fn(move |request: Request<kube::client::Body>| {
        let items = match request.uri().path().rsplit('/').next() {
            Some("jobs") => jobs.clone(),
            Some("pods") => pods.clone(),
            _ => Vec::new(),
        };
        let list = json!({"kind": "List", "metadata": {}, "items": items});
        let response = Response::new(Body::from(list.to_string()));
        async move { Ok::<_, std::convert::Infallible>(response) }
    });
    Client::new(service, "ns")
}

/// What the next process makes of the attempt, whose plan stores in `now`, below `root`.
async fn followed(root: &Path, now: &Path, jobs: Vec<Value>, pods: Vec<Value>) -> RunResult {
    let client = server(jobs, pods);
    let settings = Settings {
        local_store_roots: vec![root.to_owned()],
        ..Settings::for_tests()
    };
    let metrics = Arc::new(Metrics::new(Leadership::always()));
    let executor = JobExecutor {
        listener: Listener::new(client.clone()),
        connector: Connector::new(client.clone(), &settings, Arc::clone(&metrics)),
        job_policy: Arc::default(),
        spool: SpoolOfPods::default(),
        metrics,
        events: Events::new(client.clone(), "pod-b_1"),
        waits: Waits::default(),
        wake: unbounded_channel().0,
        clock: Arc::new(|| fixtures::at("07:00:00")),
        client,
    };
    let progress = Arc::new(Progress::default());
    executor
        .execute(&storing(now), progress, CancellationToken::new())
        .await
}

/// The Job as the process before made it, over.
fn made_for(path: &Path) -> Value {
    let job_policy = JobPolicy {
        jobs: true,
        image: OnceLock::from("registry/etcd-backup:v1".to_owned()),
        ..JobPolicy::default()
    };
    let spool = SpoolOfPods::default();
    let job = job(&storing(path), "cluster-uid".to_owned(), &job_policy, spool).unwrap();
    let mut job = serde_json::to_value(job).unwrap();
    job["status"] =
        json!({"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]});
    job
}

/// Puts what the Job stored into the store at `path`, and says under which key.
async fn stored_in(path: &Path) -> String {
    let manifest = fixtures::manifest(Some(("prod-1", UID)));
    let location = Location {
        plan: PlanKey::new("ns", "prod").unwrap(),
        cluster: manifest.etcd.cluster_id,
        run: manifest.run_id,
    };
    let store = LocalStore::new(path).unwrap();
    let plain = Form {
        zstd: false,
        age: false,
    };
    let key = location.snapshot_key(plain);
    let size = usize::try_from(manifest.object.size).unwrap();
    for (key, bytes) in [
        (key.clone(), vec![0; size]),
        (location.manifest_key(), manifest.to_bytes().unwrap()),
    ] {
        store.put(&key, bytes.into(), PutMode::Create).await.unwrap();
    }
    key
}

#[tokio::test]
async fn what_a_job_stored_before_its_plan_named_another_store_is_found_where_it_is() {
    let root = tempfile::tempdir().unwrap();
    let [before, now] = ["before", "now"].map(|name| root.path().join(name));
    for path in [&before, &now] {
        std::fs::create_dir(path).unwrap();
    }
    let key = stored_in(&before).await;
    let too_long = AgentResult::Stored {
        key,
        manifest: None,
        location: None,
        taken_over: None,
    };
    let too_long = too_long.encode();
    for status in [
        ended(137, "OOMKilled", None),
        ended(0, "Completed", Some(&too_long)),
    ] {
        let pod = json!({"metadata": {"name": "p"}, "status": status});
        let taken = followed(root.path(), &now, vec![made_for(&before)], vec![pod]).await;
        let taken = taken.unwrap();
        assert_eq!(taken.manifest, fixtures::manifest(Some(("prod-1", UID))));
        let location = taken.location.clone().unwrap();
        assert!(location.trim_end_matches('/').ends_with("/before"), "{location}");
    }
}

#[tokio::test]
async fn of_a_job_that_is_gone_nothing_is_said_of_a_store_that_was_not_looked_at() {
    let root = tempfile::tempdir().unwrap();
    let now = root.path().join("now");
    std::fs::create_dir(&now).unwrap();
    let failure = followed(root.path(), &now, vec![], vec![]).await.unwrap_err();
    assert_eq!((&*failure.reason, failure.transient), ("JobGone", true));
    assert!(
        failure.message.trim_end_matches('/').ends_with("/now"),
        "{failure:?}"
    );
    let failure = followed(root.path(), &root.path().join("away"), vec![], vec![]).await;
    let failure = failure.unwrap_err();
    assert_eq!(failure.reason, "JobGone");
    assert!(!failure.message.contains("nothing complete"), "{failure:?}");
    assert!(failure.message.contains("is not known"), "{failure:?}");
}

#[test]
fn only_the_task_of_this_very_attempt_says_where_it_stored() {
    let path = Path::new("/backups/before");
    let asked = storing(Path::new("/backups/now"));
    let made: Job = serde_json::from_value(made_for(path)).unwrap();
    assert_eq!(
        storage_of(&made, &asked),
        Some(storing(path).plan.spec.storage.clone())
    );
    let mut other = asked;
    other.snapshot.uid = "another".to_owned();
    assert_eq!(storage_of(&made, &other), None);
    assert_eq!(storage_of(&Job::default(), &other), None);
}
