//! Looks at snapshots.

use super::*;

#[tokio::test]
async fn a_run_is_submitted_after_the_status_claims_it() {
    let mut bench = Bench::new();
    bench.show_plan(&due());
    bench.list(&due()).await;
    bench.look_at_snapshot(&snapshot(json!({}))).await.unwrap();
    let claim = bench.server.body("PATCH ns/etcdsnapshots/prod-1/status");
    assert_eq!(
        (&claim["status"]["owner"], &claim["metadata"]["resourceVersion"]),
        (&json!(ME), &json!("9"))
    );
    assert!(matches!(
        bench.context.shared.runs.state("snapshot-uid"),
        Some(RunState::Queued { .. } | RunState::Running { .. })
    ));
}

#[tokio::test]
async fn a_claim_that_is_refused_starts_nothing() {
    let mut bench = Bench::new();
    bench.show_plan(&due());
    bench.list(&due()).await;
    bench
        .server
        .answers(Method::PATCH, "/status", 409, refusal(409, "Conflict"));
    let error = bench.look_at_snapshot(&snapshot(json!({}))).await.unwrap_err();
    assert!(matches!(error.cure(), crate::reconcile::error::Cure::Soon(_)));
    assert!(bench.context.shared.runs.state("snapshot-uid").is_none());
}

#[tokio::test]
async fn a_snapshot_made_by_hand_gets_its_owner_and_labels() {
    let mut bench = Bench::new();
    bench.show_plan(&due());
    bench.list(&due()).await;
    bench
        .look_at_snapshot(&snapshot(json!({"metadata": {"ownerReferences": null}})))
        .await
        .unwrap();
    assert_eq!(bench.server.asked(), ["PATCH ns/etcdsnapshots/prod-1"]);
    let metadata = bench.server.body("PATCH ns/etcdsnapshots/prod-1")["metadata"].clone();
    assert_eq!(metadata["ownerReferences"][0]["uid"], "plan-uid");
    assert_eq!(metadata["labels"]["etcdbackup.dev/plan"], "prod");
    assert_eq!(metadata["annotations"]["etcdbackup.dev/trigger"], "Manual");
}

#[tokio::test]
async fn a_copy_with_all_annotations_fails_and_the_one_that_it_was_copied_from_does_not() {
    let mut bench = Bench::new();
    bench.show_plan(&due());
    bench.list(&due()).await;
    let named = |name: &str, created: &str| {
        let annotations = json!({
            "etcdbackup.dev/trigger": "Catalogue", "etcdbackup.dev/run-id": "20261123T000000Z-abcdefgh",
        });
        snapshot(
            json!({"metadata": {"name": name, "uid": name, "creationTimestamp": created, "annotations": annotations}}),
        )
    };
    let original = named("prod-abcdefgh", "2026-11-23T01:00:00Z");
    let mut copy = named("before-upgrade", "2026-11-23T05:00:00Z");
    bench.show_snapshot(&copy);
    bench.look_at_snapshot(&original).await.unwrap();
    bench.look_at_snapshot(&copy).await.unwrap();
    // Of an older copy that has failed, nothing is a copy: what the plan shows again is shown.
    copy.status = serde_json::from_value(json!({"phase": "Failed"})).unwrap();
    (copy.metadata.name, copy.metadata.uid) = (Some("older".to_owned()), Some("older".to_owned()));
    copy.metadata.creation_timestamp = named("", "2026-11-23T00:30:00Z").metadata.creation_timestamp;
    bench.show_snapshot(&copy);
    bench.look_at_snapshot(&original).await.unwrap();
    // Nor is it of one of the plan that had the name before, which goes with that plan.
    let mut before = copy.clone();
    before.status = serde_json::from_value(json!({"phase": "Succeeded"})).unwrap();
    (before.metadata.name, before.metadata.uid) = (Some("before".to_owned()), Some("before".to_owned()));
    before.metadata.owner_references.as_mut().unwrap()[0].uid = "the plan before".to_owned();
    bench.show_snapshot(&before);
    bench.look_at_snapshot(&original).await.unwrap();
    let reasons = |name: &str| {
        let written = bench
            .server
            .bodies(&format!("PATCH ns/etcdsnapshots/{name}/status"));
        written
            .iter()
            .map(|body| body["status"]["reason"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(reasons("before-upgrade"), ["Copied"]);
    assert_eq!(reasons("prod-abcdefgh"), ["ObjectMissing"; 3]);
}

#[tokio::test]
async fn an_object_that_does_not_decode_waits_for_a_change() {
    let bench = Bench::new();
    let broken: PlanObject =
        serde_json::from_value(json!({"metadata": {"name": "x"}, "spec": {"etcd": 3}})).unwrap();
    let error = crate::plan::reconcile(Arc::new(broken), Arc::clone(&bench.context))
        .await
        .unwrap_err();
    assert_eq!(error.cure(), crate::reconcile::error::Cure::Change);
}
