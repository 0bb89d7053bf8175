//! Which backup is found.

use bytes::Bytes;
use chrono::TimeDelta;
use etcd_backup_backup::layout::RunId;
use etcd_backup_store::{MemoryStore, PutMode};

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
