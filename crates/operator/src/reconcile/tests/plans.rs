//! Looks at plans.

use super::*;

#[tokio::test]
async fn the_child_comes_first_then_the_status_then_the_event() {
    let mut bench = Bench::new();
    bench.list(&due()).await;
    bench.look_at_plan(&due()).await.unwrap();
    let asked = bench.server.asked();
    assert_eq!(
        asked,
        [
            "POST ns/etcdsnapshots",
            "PATCH ns/etcdbackups/prod/status",
            "POST ns/events"
        ]
    );
    let status = bench.server.body("PATCH ns/etcdbackups/prod/status");
    assert_eq!(
        status["metadata"]["resourceVersion"], "7",
        "a status decided from an old object must be refused"
    );
    assert_eq!(status["status"]["lastSlot"], "2026-11-23T06:00:00Z");
    assert_eq!(bench.server.body("POST ns/events")["reason"], "SnapshotScheduled");
}

#[tokio::test]
async fn a_plan_that_needs_nothing_costs_no_request() {
    let mut bench = Bench::new();
    bench.list(&due()).await;
    bench.look_at_plan(&due()).await.unwrap();
    let mut settled = due();
    let written = bench.server.body("PATCH ns/etcdbackups/prod/status")["status"].clone();
    settled.status = Some(serde_json::from_value(written).unwrap());
    let before = bench.server.asked().len();
    for _ in 0..3 {
        bench.look_at_plan(&settled).await.unwrap();
    }
    assert_eq!(bench.server.asked().len(), before);
}

#[tokio::test]
async fn a_child_that_exists_and_is_ours_is_adopted() {
    let mut bench = Bench::new();
    bench.list(&due()).await;
    bench
        .server
        .answers(Method::POST, "/etcdsnapshots", 409, refusal(409, "AlreadyExists"));
    let ours = serde_json::to_value(snapshot(json!({"metadata": {"name": "prod-20261123t0600z"}}))).unwrap();
    bench
        .server
        .answers(Method::GET, "/prod-20261123t0600z", 200, ours);
    bench.look_at_plan(&due()).await.unwrap();
    assert_eq!(
        bench.server.body("PATCH ns/etcdbackups/prod/status")["status"]["lastSlot"],
        "2026-11-23T06:00:00Z"
    );
}

#[tokio::test]
async fn a_child_that_cannot_be_created_keeps_its_slot() {
    let mut bench = Bench::new();
    bench.list(&due()).await;
    bench.server.answers(
        Method::POST,
        "/etcdsnapshots",
        403,
        refusal(403, "User cannot create resource etcdsnapshots"),
    );
    let error = bench.look_at_plan(&due()).await.unwrap_err();
    assert!(
        error.message().contains("cannot create resource etcdsnapshots"),
        "{}",
        error.message()
    );
    assert_eq!(
        bench.server.asked(),
        ["POST ns/etcdsnapshots"],
        "neither status nor event say it was done"
    );
}
