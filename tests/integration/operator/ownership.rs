//! One writer for each place in a store.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use etcd_backup_api::{EtcdSnapshot, EtcdSnapshotSpec};
use harness::{s3::S3Server, wait};
use kube::api::{DeleteParams, PostParams};
use serde_json::json;

use super::{case::Case, outcome::PATIENCE, plan::Plan};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_that_another_owner_claimed_is_not_touched() -> Result<()> {
    let (mut case, world) = Case::begin("claimed").await?;
    let server = S3Server::start(&case.bucket).await?;
    case.stores_in_process().await?;
    let owner = json!({
        "format": "1.0", "kubernetesClusterUid": "4f2c9f5e-5d0c-4c57-9d3c-0d6a55a7f7a1",
        "planUid": "0a1b2c3d-0000-4000-8000-000000000001", "created": "2026-01-01T00:00:00Z",
    });
    server.plant("backups/claimed/prod/owner.json", Bytes::from(owner.to_string()));
    let before = server.objects();
    case.apply(&Plan::new("prod", &world.subject, &case).into(&server))
        .await?;
    case.ask("mine", "prod").await?;
    let (reason, message) = case.failed("mine").await?;
    ensure!(reason == "PrefixInUse", "{reason}: {message}");
    ensure!(
        message.contains("4f2c9f5e-5d0c-4c57-9d3c-0d6a55a7f7a1"),
        "it does not say whose it is: {message}"
    );
    case.condition("prod", "Ready", "False", "PrefixInUse").await?;
    ensure!(server.objects() == before, "something was written");
    case.finish_in(&server, &world.subject).await?;
    Ok(())
}

#[tokio::test]
async fn a_place_that_was_claimed_says_who_writes_there() -> Result<()> {
    let (case, world) = Case::begin("claiming").await?;
    let plan = case.apply(&Plan::new("prod", &world.subject, &case)).await?;
    case.take("a", "prod").await?;
    let text = std::fs::read_to_string(case.folder.join("backups/claiming/prod/owner.json"));
    let owner: serde_json::Value = serde_json::from_str(&text.context("read owner.json")?)?;
    ensure!(
        owner["planUid"].as_str() == plan.metadata.uid.as_deref(),
        "it says {owner}"
    );
    let cluster = case.kubectl.run(&[
        "get",
        "namespace",
        "kube-system",
        "-o",
        "jsonpath={.metadata.uid}",
    ])?;
    ensure!(
        owner["kubernetesClusterUid"] == *cluster,
        "it says {owner}, and the cluster is {cluster}"
    );
    case.finish(&world.subject).await?;
    Ok(())
}

#[tokio::test]
async fn a_plan_that_is_created_again_goes_on_in_its_place_and_prunes_only_its_own() -> Result<()> {
    let (case, world) = Case::begin("again").await?;
    let plan = Plan::new("prod", &world.subject, &case);
    case.apply(&plan).await?;
    case.take("before", "prod").await?;
    case.delete_plan("prod").await?;
    let plan = plan.with("retention", json!({"keepLast": 1}));
    case.apply(&plan).await?;
    case.take("after-1", "prod").await?;
    let note = case.event("PrefixTakenOver", "prod").await?;
    ensure!(note.contains("retention does not remove them"), "it says: {note}");
    case.take("after-2", "prod").await?;
    case.event("Pruned", "prod").await?;
    case.condition("prod", "Ready", "True", "Succeeded").await?;
    let holdings = case.finish(&world.subject).await?;
    let of: Vec<_> = holdings
        .backups
        .iter()
        .map(|backup| {
            backup.manifest["etcdSnapshot"]["name"]
                .as_str()
                .unwrap_or_default()
        })
        .collect();
    ensure!(
        of == ["before", "after-2"],
        "the store holds the backups of {of:?}"
    );
    Ok(())
}

/// A backup of the cluster's objects brings labels and annotations back, and neither the owner nor the status.
#[tokio::test]
async fn what_comes_back_without_its_status_is_not_taken_anew_and_its_pin_holds() -> Result<()> {
    let (case, world) = Case::begin("came-back").await?;
    case.apply(&Plan::new("prod", &world.subject, &case)).await?;
    let taken = case.take("before-upgrade", "prod").await?;
    let run = taken.status.unwrap_or_default().run_id;
    case.snapshots()
        .delete("before-upgrade", &DeleteParams::default())
        .await?;
    // Its backup is shown again, under another name.
    let stand_in = wait::until_ok("it to be shown again", PATIENCE, async || {
        let names = case.snapshot_names().await?;
        let other = names.into_iter().find(|name| name != "before-upgrade");
        other.context("only the one that is deleted is there")
    })
    .await?;

    for (name, pin) in [("before-upgrade", true), ("of-what-is-gone", false)] {
        let spec = EtcdSnapshotSpec {
            backup_name: "prod".to_owned(),
            pin,
        };
        let mut back = EtcdSnapshot::new(name, spec);
        back.metadata.labels.clone_from(&taken.metadata.labels);
        back.metadata.annotations.clone_from(&taken.metadata.annotations);
        case.snapshots().create(&PostParams::default(), &back).await?;
    }
    let back = case.succeeded("before-upgrade").await?;
    ensure!(back.status.unwrap_or_default().run_id == run, "it was taken anew");
    let (reason, message) = case.failed("of-what-is-gone").await?;
    ensure!(reason == "Copied", "{reason}: {message}");
    case.condition("prod", "Ready", "True", "Succeeded").await?;
    case.unpin("before-upgrade").await?;
    // One of the two that show the same goes, and the backup stays.
    case.snapshots()
        .delete(&stand_in, &DeleteParams::default())
        .await?;
    case.finish(&world.subject).await?.ensure_number(1)
}
