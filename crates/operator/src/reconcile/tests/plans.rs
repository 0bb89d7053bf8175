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
async fn what_a_store_said_that_the_plan_does_not_name_any_more_is_not_said_of_the_new_one() {
    let mut bench = Bench::new();
    bench.list(&due()).await;
    bench.look_at_plan(&due()).await.unwrap();
    let said = |bench: &Bench| {
        let written = bench.server.bodies("PATCH ns/etcdbackups/prod/status");
        let status = written.last().unwrap()["status"].clone();
        let of = |kind: &str| {
            let conditions = status["conditions"].as_array().unwrap();
            let condition = conditions.iter().find(|one| one["type"] == kind).unwrap();
            format!(
                "{} {}",
                condition["status"].as_str().unwrap(),
                condition["observedGeneration"]
            )
        };
        (
            of("StoreReachable"),
            of("Ready"),
            serde_json::from_value(status.clone()).unwrap(),
        )
    };
    let (reachable, _, status) = said(&bench);
    assert_eq!(reachable, "True 1");
    let mut moved = due();
    moved.status = Some(status);
    moved.metadata.generation = Some(2);
    moved.spec.storage.s3.as_mut().unwrap().bucket = "another".to_owned();
    bench.look_at_plan(&moved).await.unwrap();
    let (reachable, ready, _) = said(&bench);
    assert_eq!((&*reachable, &*ready), ("Unknown 2", "Unknown 2"));
    bench.listed.recv().await.unwrap();
    bench.look_at_plan(&moved).await.unwrap();
    assert_eq!(said(&bench).0, "True 2");
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

#[tokio::test]
async fn a_recipient_that_is_no_key_is_told_at_the_first_look_and_not_by_the_first_run() {
    let mut bench = Bench::new();
    let mut mistyped = due();
    // The last letter of a key that age-keygen printed is another one.
    mistyped.spec.encryption = serde_json::from_value(json!({"age": {"recipients":
        ["age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8q"]}}))
    .unwrap();
    bench.list(&mistyped).await;
    bench.look_at_plan(&mistyped).await.unwrap();
    let asked = bench.server.asked();
    assert!(!asked.contains(&"POST ns/etcdsnapshots".to_owned()), "{asked:?}");
    let status = bench.server.body("PATCH ns/etcdbackups/prod/status")["status"].clone();
    let of = |kind: &str| {
        let conditions = status["conditions"].as_array().unwrap();
        conditions.iter().find(|one| one["type"] == kind).unwrap().clone()
    };
    let accepted = of("Accepted");
    assert_eq!(
        (&accepted["status"], &accepted["reason"]),
        (&json!("False"), &json!("InvalidSpec"))
    );
    let message = accepted["message"].as_str().unwrap();
    assert!(
        message.contains("encryption.age.recipients: recipient 1") && message.contains("mistyped"),
        "{message}"
    );
    assert_ne!(
        of("Fresh")["reason"],
        "InvalidSpec",
        "its age is measured all the same"
    );
}

/// The lines of a scrape that are about the plan.
fn series(bench: &Bench) -> Vec<String> {
    let text = bench.context.shared.metrics.encode().unwrap();
    text.lines()
        .filter(|line| line.contains(r#"plan="prod""#))
        .map(|line| line.replace(r#"{namespace="ns",plan="prod"}"#, ""))
        .collect()
}

fn shows(bench: &Bench, line: &str) -> bool {
    series(bench).iter().any(|shown| shown == line)
}

#[tokio::test]
async fn a_suspended_plan_whose_backup_is_old_is_shown_as_such() {
    let mut bench = Bench::new();
    let old = plan(json!({
        "spec": {"suspend": true},
        "status": {"observedGeneration": 1, "lastSuccess":
            {"snapshot": "prod-1", "time": "2026-11-22T18:00:00Z", "revision": 7, "size": 9}},
    }));
    bench.look_at_plan(&old).await.unwrap();
    assert!(shows(&bench, "etcd_backup_fresh 0.0"), "{:?}", series(&bench));
    assert!(shows(&bench, "etcd_backup_expected_interval_seconds 21600.0"));
    assert!(shows(&bench, "etcd_backup_accepted 1.0"));
}

#[tokio::test]
async fn the_interval_is_that_of_the_newest_backup_and_not_that_of_the_hour() {
    let mut bench = Bench::new();
    // A Monday, before work, and the newest backup is of Friday's last slot.
    let office = plan(json!({
        "spec": {"schedule": "0 8-18 * * 1-5"},
        "status": {"observedGeneration": 1, "lastSuccess":
            {"snapshot": "prod-1", "time": "2026-11-20T18:00:00Z", "revision": 7, "size": 9}},
    }));
    bench.look_at_plan(&office).await.unwrap();
    let weekend = 62 * 3600;
    assert!(
        shows(
            &bench,
            &format!("etcd_backup_expected_interval_seconds {weekend}.0")
        ),
        "{:?}",
        series(&bench)
    );
    assert!(shows(&bench, "etcd_backup_fresh 1.0"));
}

#[tokio::test]
async fn a_process_that_has_just_begun_shows_how_the_last_run_and_the_last_retention_ended() {
    let mut bench = Bench::new();
    bench.show_snapshot(&snapshot(json!({
        "metadata": {"labels": {"etcdbackup.dev/plan": "prod", "etcdbackup.dev/plan-uid": "plan-uid"}},
        "status": {"phase": "Failed", "reason": "NoQuorum", "startTime": "2026-11-23T00:00:01Z",
            "completionTime": "2026-11-23T00:00:04Z"},
    })));
    let known = plan(json!({"status": {"observedGeneration": 1, "retention":
        {"time": "2026-11-23T00:00:00Z", "kept": 5, "removed": 1, "refused": 2}}}));
    bench.look_at_plan(&known).await.unwrap();
    for line in [
        "etcd_backup_last_run_succeeded 0.0",
        "etcd_backup_last_run_duration_seconds 3.0",
        "etcd_backup_retention_kept 5.0",
        "etcd_backup_retention_refused 2.0",
    ] {
        assert!(shows(&bench, line), "{line} in {:?}", series(&bench));
    }
    assert!(
        series(&bench)
            .iter()
            .any(|line| line.starts_with("etcd_backup_last_run_timestamp_seconds 1795392004"))
    );
}
