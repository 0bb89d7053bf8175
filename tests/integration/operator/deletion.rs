//! Plans and snapshots that go, and what goes with them.

use anyhow::{Result, ensure};
use etcd_backup_api::SnapshotPhase;
use harness::{
    etcd::Version,
    s3::{Fault, Operation, S3Server},
};
use kube::api::DeleteParams;
use serde_json::json;

use super::{
    case::Case,
    data,
    outcome::{PATIENCE, phase},
    plan::{PREFIX, Plan},
};

/// How many manifests the case's bucket holds.
fn manifests(case: &Case) -> Result<usize> {
    Ok(case
        .stored()?
        .keys()
        .filter(|key| key.ends_with("/manifest.json"))
        .count())
}

#[tokio::test]
async fn a_plan_that_goes_leaves_its_snapshots_in_the_store() -> Result<()> {
    let (case, world) = Case::begin("retain").await?;
    case.apply(&Plan::new("prod", &world.subject, &case)).await?;
    case.take("a", "prod").await?;
    let before = case.stored()?;
    case.delete_plan("prod").await?;
    ensure!(case.stored()? == before, "something was changed");
    case.finish(&world.subject).await?.ensure_number(1)
}

#[tokio::test]
async fn a_plan_that_says_so_takes_its_snapshots_with_it_and_nothing_else() -> Result<()> {
    let (mut case, world) = Case::begin("delete").await?;
    case.apply(&Plan::new("stays", &world.subject, &case)).await?;
    case.take("of-another", "stays").await?;
    case.strangers.plant("somebody-elses")?;
    let before = case.stored()?;
    let plan = Plan::new("goes", &world.subject, &case);
    case.apply(&plan.with("deletionPolicy", json!("Delete"))).await?;
    case.take("a", "goes").await?;
    case.take("b", "goes").await?;
    ensure!(
        manifests(&case)? == 3,
        "there are {} manifests",
        manifests(&case)?
    );
    case.delete_plan("goes").await?;
    let mut after = case.stored()?;
    // Who wrote there may stay said.
    after.retain(|key, _| !key.ends_with("/goes/owner.json"));
    ensure!(after == before, "left or gone: {:?}", after.keys());
    // Kubernetes' garbage collector would do this.
    for name in ["a", "b"] {
        case.snapshots().delete(name, &DeleteParams::default()).await?;
    }
    harness::wait::until("the snapshots to be gone", PATIENCE, async || {
        case.all_snapshots()
            .await
            .is_ok_and(|snapshots| snapshots.len() == 1)
    })
    .await?;
    case.finish(&world.subject).await?;
    Ok(())
}

#[tokio::test]
async fn one_snapshot_that_goes_takes_its_object_with_it_when_the_plan_says_so() -> Result<()> {
    let (case, world) = Case::begin("delete-one").await?;
    let plan = Plan::new("prod", &world.subject, &case);
    case.apply(&plan.with("deletionPolicy", json!("Delete"))).await?;
    case.take("a", "prod").await?;
    case.take("b", "prod").await?;
    case.snapshots().delete("a", &DeleteParams::default()).await?;
    harness::wait::until("the object to be gone", PATIENCE, async || {
        manifests(&case).is_ok_and(|count| count == 1)
    })
    .await?;
    harness::wait::until("the snapshot to be gone", PATIENCE, async || {
        case.all_snapshots()
            .await
            .is_ok_and(|snapshots| snapshots.len() == 1)
    })
    .await?;
    case.finish(&world.subject).await?;
    Ok(())
}

#[tokio::test]
async fn what_is_pinned_stays_whatever_is_deleted_until_it_is_unpinned() -> Result<()> {
    let (case, world) = Case::begin("delete-pinned").await?;
    let plan = Plan::new("prod", &world.subject, &case);
    case.apply(&plan.with("deletionPolicy", json!("Delete"))).await?;
    let pinned = json!({"backupName": "prod", "pin": true});
    for name in ["a", "b"] {
        case.ask_with(name, pinned.clone()).await?;
        case.succeeded(name).await?;
    }
    case.take("c", "prod").await?;
    for name in ["a", "b"] {
        case.snapshots().delete(name, &DeleteParams::default()).await?;
        let told = case.event("KeptPinned", name).await?;
        ensure!(
            told.contains("pinned") && told.contains("kubectl patch"),
            "{told}"
        );
    }
    case.unpin("a").await?;
    harness::wait::until("the object to be gone", PATIENCE, async || {
        manifests(&case).is_ok_and(|count| count == 2)
    })
    .await?;
    case.delete_plan("prod").await?;
    ensure!(
        manifests(&case)? == 1,
        "there are {} manifests",
        manifests(&case)?
    );
    let told = case.event("LeftInStore", "prod").await?;
    ensure!(told.contains("because they are pinned"), "{told}");
    // Without its plan it goes, as Kubernetes' garbage collector would have it, and what it stored stays.
    case.snapshots().delete("c", &DeleteParams::default()).await?;
    harness::wait::until("the snapshots to be gone", PATIENCE, async || {
        case.all_snapshots().await.is_ok_and(|left| left.is_empty())
    })
    .await?;
    case.finish(&world.subject).await?.ensure_number(1)
}

#[tokio::test]
async fn a_snapshot_that_goes_is_shown_again_when_its_object_stays() -> Result<()> {
    let (case, world) = Case::begin("shown-again").await?;
    case.apply(&Plan::new("prod", &world.subject, &case)).await?;
    let run = case
        .take("a", "prod")
        .await?
        .status
        .and_then(|status| status.run_id);
    case.snapshots().delete("a", &DeleteParams::default()).await?;
    harness::wait::until("the snapshot to be shown again", PATIENCE, async || {
        let snapshots = case.all_snapshots().await.unwrap_or_default();
        let again = |snapshot: &etcd_backup_api::EtcdSnapshot| {
            let status = snapshot.status.as_ref();
            phase(snapshot) == SnapshotPhase::Succeeded
                && status.and_then(|status| status.run_id.clone()) == run
        };
        snapshots.len() == 1 && snapshots.iter().all(again)
    })
    .await?;
    case.finish(&world.subject).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_that_goes_in_the_middle_of_a_run_ends_it_without_leftovers() -> Result<()> {
    let (mut case, _) = Case::begin("gone-mid-run").await?;
    let etcd = data::etcd(Version::V3_6).await?;
    let server = S3Server::start(&case.bucket).await?;
    case.stores_in_process().await?;
    server.plan().on(Operation::UploadPart).fails(Fault::Stall);
    case.apply(&Plan::new("prod", &etcd, &case).into(&server)).await?;
    case.ask("slow", "prod").await?;
    let running = case.until_snapshot("slow", "it to run", |snapshot| {
        phase(snapshot) == SnapshotPhase::Running
    });
    running.await?;
    harness::wait::until("a part to be sent", PATIENCE, async || {
        server.plan().count(Operation::UploadPart) > 0
    })
    .await?;
    case.delete_plan("prod").await?;
    let (reason, _) = case.failed("slow").await?;
    ensure!(
        reason == "PlanNotFound" || reason == "Cancelled",
        "it failed with {reason}"
    );
    harness::wait::until("the upload to be given up", PATIENCE, async || {
        server.open_uploads().is_empty()
    })
    .await?;
    let left = server.objects();
    ensure!(
        left.keys().all(|key| key.ends_with("/owner.json")),
        "it left {:?}",
        left.keys()
    );
    case.finish_in(&server, &etcd).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_that_is_edited_in_the_middle_of_a_run_does_not_disturb_it() -> Result<()> {
    let (mut case, _) = Case::begin("edited-mid-run").await?;
    let etcd = data::etcd(Version::V3_6).await?;
    let server = S3Server::start(&case.bucket).await?;
    case.stores_in_process().await?;
    data::slow_once(&server);
    case.apply(&Plan::new("prod", &etcd, &case).into(&server)).await?;
    case.ask("slow", "prod").await?;
    let running = case.until_snapshot("slow", "it to run", |snapshot| {
        phase(snapshot) == SnapshotPhase::Running
    });
    running.await?;
    let prefix = |prefix: &str| json!({"s3": {"prefix": prefix}});
    let change = json!({"spec": {
        "suspend": true, "compression": {"type": "None"}, "verification": "Checksum", "storage": prefix("moved"),
    }});
    case.edit("prod", change).await?;
    let slow = case.succeeded("slow").await?.status.unwrap_or_default();
    let object = slow.object.unwrap_or_default();
    ensure!(
        object.key.ends_with("snapshot.db.zst"),
        "the run took over what was edited after it began"
    );
    // Where it is, and not where its plan stores by now; and what is not there does not lack.
    let place = format!("s3://{}/{PREFIX}/{}", case.bucket, object.key);
    ensure!(object.url == place, "it is said to be {}", object.url);
    case.condition("prod", "StoreReachable", "True", "Succeeded")
        .await?;
    let plan = case.plans().get("prod").await?.status.unwrap_or_default();
    ensure!(
        plan.snapshots == Some(0) && plan.last_success.is_none(),
        "{}",
        json!(plan)
    );
    let slow = case.snapshots().get("slow").await?.status.unwrap_or_default();
    ensure!(slow.object.is_some_and(|object| object.url == place));
    case.edit("prod", json!({"spec": {"storage": prefix(PREFIX)}}))
        .await?;
    let next = case.take("next", "prod").await?.status.unwrap_or_default();
    ensure!(
        next.object
            .is_some_and(|object| object.key.ends_with("snapshot.db")),
        "the next run did not take over what was edited"
    );
    case.finish_in(&server, &etcd).await?;
    Ok(())
}
