//! Which backup is found.

use bytes::Bytes;
use chrono::TimeDelta;
use etcd_backup_backup::layout::RunId;
use etcd_backup_store::{MemoryStore, PutMode};
use serde_json::json;

use super::*;
use crate::fixtures;

/// Stores a backup that was begun then.
async fn take(store: &MemoryStore, started: DateTime<Utc>, degraded: bool) -> RunId {
    let mut manifest = fixtures::manifest(None);
    let run = RunId::new(started, [1; 5]).unwrap();
    let location = Location {
        plan: PlanKey::new("ns", "prod").unwrap(),
        cluster: manifest.etcd.cluster_id,
        run,
    };
    (manifest.run_id, manifest.degraded) = (run, degraded);
    (manifest.times.started, manifest.times.finished) = (started, started);
    manifest.verification.time = started;
    let bytes = Bytes::from(vec![0; usize::try_from(manifest.object.size).unwrap()]);
    let key = location.snapshot_key(manifest.object.form());
    store.put(&key, bytes, PutMode::Create).await.unwrap();
    let manifest = Bytes::from(manifest.to_bytes().unwrap());
    store
        .put(&location.manifest_key(), manifest, PutMode::Create)
        .await
        .unwrap();
    run
}

async fn newest(store: &MemoryStore, before: Option<DateTime<Utc>>) -> (RunId, Option<String>) {
    let which = Which::Newest { plan: None, before };
    let (entry, caution) = find(store, &which, fixtures::at("12:00:00")).await.unwrap();
    (entry.location.run, caution)
}

#[tokio::test]
async fn before_is_at_this_time_or_before() {
    let store = MemoryStore::new();
    let (first, second) = (fixtures::at("06:00:00"), fixtures::at("07:00:00"));
    let runs = (take(&store, first, false).await, take(&store, second, true).await);
    assert_eq!(newest(&store, Some(second)).await.0, runs.1);
    assert_eq!(
        newest(&store, Some(second - TimeDelta::seconds(1))).await.0,
        runs.0
    );
    assert_eq!(newest(&store, None).await, (runs.1, None));
    let entry = find(
        &store,
        &Which::Newest {
            plan: None,
            before: None,
        },
        second,
    )
    .await
    .unwrap()
    .0;
    assert!(entry.degraded_warning().unwrap().contains("degraded"));
}

#[tokio::test]
async fn a_backup_of_the_future_is_restored_only_where_there_is_no_other_and_never_without_a_word() {
    let store = MemoryStore::new();
    let wrong = take(&store, fixtures::on("2036-11-23", "06:00:00"), false).await;
    let (chosen, caution) = newest(&store, None).await;
    assert_eq!(chosen, wrong);
    assert!(caution.unwrap().contains("there is no other"));
    let right = take(&store, fixtures::at("06:00:00"), false).await;
    let (chosen, caution) = newest(&store, None).await;
    assert_eq!(chosen, right);
    let caution = caution.unwrap();
    assert!(
        caution.contains("passed over") && caution.contains(&wrong.to_string()),
        "{caution}"
    );
}

#[tokio::test]
async fn a_backup_that_is_where_its_plan_stores_no_more_is_said_to_be_there() {
    let store = MemoryStore::new();
    let run = RunId::new(fixtures::at("06:00:00"), [1; 5]).unwrap();
    let missed = async |at: String| {
        let (plan, at) = (PlanKey::new("ns", "prod").unwrap(), Some(at));
        let which = Which::Run { plan, run, at };
        find(&store, &which, fixtures::at("12:00:00")).await.unwrap_err()
    };
    let elsewhere = missed("s3://before/ns/prod/c/r/snapshot.db".to_owned()).await;
    assert_eq!(elsewhere.reason, "SourceDeleted");
    assert!(elsewhere.message.contains("s3://before/ns/prod"), "{elsewhere}");
    let here = format!(
        "{}/ns/prod/c/r/snapshot.db",
        store.location().trim_end_matches('/')
    );
    let gone = missed(here).await;
    assert!(gone.message.ends_with("any more"), "{gone}");
}

/// What the API server has of a plan.
fn connector(code: u16, plan: serde_json::Value) -> Connector {
    let service = tower::service_fn(move |request: axum::http::Request<kube::client::Body>| {
        assert!(request.uri().path().ends_with("/namespaces/ns/etcdbackups/prod"));
        let answer = axum::http::Response::builder().status(code);
        let answer = answer.body(axum::body::Body::from(plan.to_string())).unwrap();
        async move { Ok::<_, std::convert::Infallible>(answer) }
    });
    let settings = crate::settings::Settings::for_tests();
    let leadership = crate::lease::Leadership::always();
    let metrics = std::sync::Arc::new(crate::metrics::Metrics::new(leadership));
    Connector::new(kube::Client::new(service, "ns"), &settings, metrics)
}

#[tokio::test]
async fn what_is_looked_up_is_looked_up_by_what_the_plan_says_now() {
    let shown = fixtures::plan(json!({}));
    let wanted = || Wanted {
        namespace: "ns".to_owned(),
        plan: Some("prod".to_owned()),
        storage: shown.spec.storage.clone(),
        which: Which::Newest {
            plan: None,
            before: None,
        },
        etcd: None,
    };
    let now = fixtures::plan(json!({"spec": {"storage": {"s3": {"bucket": "others"}}}}));
    let read = connector(200, serde_json::to_value(&now).unwrap());
    let found = wanted().by_plan_as_it_is(&read).await.unwrap();
    assert_eq!(
        (found.storage, found.etcd),
        (now.spec.storage, Some(now.spec.etcd))
    );
    let status = |code: u16, reason: &str| json!({"kind": "Status", "status": "Failure", "reason": reason, "message": reason, "code": code});
    for (code, answer, reason) in [(404, "NotFound", "PlanNotFound"), (503, "Ill", "PlanUnreadable")] {
        let failed = wanted()
            .by_plan_as_it_is(&connector(code, status(code, answer)))
            .await;
        let failure = failed.unwrap_err();
        assert_eq!((&*failure.reason, failure.transient), (reason, true));
    }
}
