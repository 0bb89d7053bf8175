//! The store is the truth, and Kubernetes shows it: after objects were lost, removed behind our back, or written by hand.

use std::fs;

use anyhow::{Context, Result, ensure};
use etcd_backup_api::{EtcdSnapshot, SnapshotPhase, labels};
use kube::{
    ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams},
};
use serde_json::json;

use super::{
    case::Case,
    outcome::{PATIENCE, phase},
    plan::Plan,
    world::Stage,
};

/// Revision and SHA-256 of a snapshot: what must be the same again.
fn facts(snapshot: &EtcdSnapshot) -> (Option<i64>, Option<String>) {
    let status = snapshot.status.clone().unwrap_or_default();
    let revision = status.etcd.and_then(|etcd| etcd.revision);
    (revision, status.object.and_then(|object| object.sha256))
}

/// Waits until so many snapshots have succeeded, and gives their facts in order.
async fn shown(case: &Case, count: usize) -> Result<Vec<(Option<i64>, Option<String>)>> {
    harness::wait::until_ok(format!("{count} snapshots to be shown"), PATIENCE, async || {
        let snapshots = case.all_snapshots().await?;
        let done = snapshots
            .iter()
            .filter(|snapshot| phase(snapshot) == SnapshotPhase::Succeeded);
        let mut facts: Vec<_> = done.map(facts).collect();
        facts.sort();
        ensure!(facts.len() == count, "{} are shown", facts.len());
        Ok(facts)
    })
    .await
}

#[tokio::test]
async fn a_plan_that_is_created_again_shows_what_the_store_holds() -> Result<()> {
    let (case, world) = Case::begin("created-again").await?;
    let plan = Plan::new("prod", &world.subject, &case);
    case.apply(&plan).await?;
    case.take("a", "prod").await?;
    case.take("b", "prod").await?;
    let before = shown(&case, 2).await?;
    case.delete_plan("prod").await?;
    // What Kubernetes' garbage collector does, which does not run here.
    case.snapshots()
        .delete_collection(&DeleteParams::default(), &ListParams::default())
        .await?;
    harness::wait::until("the snapshots to be gone", PATIENCE, async || {
        case.all_snapshots()
            .await
            .is_ok_and(|snapshots| snapshots.is_empty())
    })
    .await?;
    case.apply(&plan).await?;
    ensure!(
        shown(&case, 2).await? == before,
        "it shows something else than before"
    );
    let plan = case.until_plan("prod", "the last success", |plan| {
        plan.status
            .as_ref()
            .is_some_and(|status| status.last_success.is_some() && status.snapshots == Some(2))
    });
    plan.await?;
    let found = case.all_snapshots().await?;
    ensure!(
        found.iter().all(|snapshot| {
            snapshot.annotations().get(labels::TRIGGER).map(String::as_str)
                == Some(labels::trigger::CATALOGUE)
        }),
        "they do not say that they were found"
    );
    case.finish(&world.subject).await?;
    Ok(())
}

#[tokio::test]
async fn a_new_cluster_shows_the_old_bucket_and_does_not_write_into_what_is_not_its_own() -> Result<()> {
    let (case, world) = Case::begin("old-bucket").await?;
    let plan = Plan::new("prod", &world.subject, &case);
    case.apply(&plan).await?;
    case.take("a", "prod").await?;
    case.take("b", "prod").await?;
    let before = shown(&case, 2).await?;
    let bytes = case.stored()?;

    let new = Stage::set().await?;
    let operator = new.operator(&[]).await?;
    let mut there = Case::on(&new, "old-bucket").await?;
    there.follow(&operator);
    let keys = [
        ("AWS_ACCESS_KEY_ID", &*world.stage.gateway.access_key),
        ("AWS_SECRET_ACCESS_KEY", &*world.stage.gateway.secret_key),
    ];
    there.secret(super::plan::STORE_SECRET, &keys).await?;
    there.apply(&plan).await?;
    ensure!(
        shown(&there, 2).await? == before,
        "the new cluster shows something else"
    );

    there.ask("mine", "prod").await?;
    let (reason, message) = there.failed("mine").await?;
    ensure!(reason == "PrefixInUse", "{reason}: {message}");
    ensure!(case.stored()? == bytes, "it touched what is not its own");

    // What the message says to do when the old cluster is gone for good.
    let owner = case.folder.join("backups/old-bucket/prod/owner.json");
    fs::remove_file(&owner).with_context(|| format!("remove {}", owner.display()))?;
    there.take("mine-now", "prod").await?;
    case.delete_plan("prod").await?;
    case.snapshots()
        .delete_collection(&DeleteParams::default(), &ListParams::default())
        .await?;
    there.strangers.check()?;
    there.strangers.clone_from(&case.strangers);
    there.folder.clone_from(&case.folder);
    let holdings = there.finish(&world.subject).await?;
    holdings.ensure_number(3)?;
    case.finish_unproved().await
}

#[tokio::test]
async fn what_vanished_from_the_store_is_missing_and_what_comes_back_is_found() -> Result<()> {
    let (case, world) = Case::begin("vanished").await?;
    case.apply(&Plan::new("prod", &world.subject, &case)).await?;
    case.take("a", "prod").await?;
    case.take("b", "prod").await?;
    let run = case
        .succeeded("b")
        .await?
        .status
        .and_then(|status| status.run_id)
        .context("it has no run")?;
    let stored = case.stored()?;
    let manifest = stored
        .keys()
        .find(|key| key.contains(&run) && key.ends_with("/manifest.json"));
    let manifest = case
        .folder
        .join(manifest.context("its manifest is not in the store")?);
    let aside = case.folder.join("taken-away");
    fs::rename(&manifest, &aside)?;
    let missing = case.until_snapshot("b", "it to be missing", |snapshot| {
        phase(snapshot) == SnapshotPhase::Missing
    });
    missing.await?;
    case.event("SnapshotMissing", "b").await?;
    let plan = case.until_plan("prod", "the older one as last success", |plan| {
        let success = plan
            .status
            .as_ref()
            .and_then(|status| status.last_success.as_ref());
        success.is_some_and(|success| success.snapshot == "a")
    });
    plan.await?;
    ensure!(
        phase(&case.succeeded("a").await?) == SnapshotPhase::Succeeded,
        "the other one is affected"
    );
    fs::rename(&aside, &manifest)?;
    let found = case.until_snapshot("b", "it to be found", |snapshot| {
        phase(snapshot) == SnapshotPhase::Succeeded
    });
    found.await?;
    case.event("SnapshotFoundAgain", "b").await?;
    case.finish(&world.subject).await?;
    Ok(())
}

#[tokio::test]
async fn statuses_that_were_written_by_hand_are_put_right() -> Result<()> {
    let (case, world) = Case::begin("by-hand-status").await?;
    case.apply(&Plan::new("prod", &world.subject, &case)).await?;
    let taken = case.take("a", "prod").await?;
    let truth = case.until_plan("prod", "its last success", |plan| {
        plan.status
            .as_ref()
            .is_some_and(|status| status.last_success.is_some())
    });
    let truth = truth.await?.status.unwrap_or_default();

    let lie = json!({
        "lastSuccess": {"snapshot": "z", "time": "2126-01-01T00:00:00Z", "revision": 999_999, "size": 1},
        "snapshots": 40, "storedBytes": 1,
    });
    case.edit_status("prod", lie).await?;
    let plan = case.until_plan("prod", "the truth again", |plan| {
        plan.status.as_ref().is_some_and(|status| {
            status.last_success == truth.last_success
                && status.snapshots == truth.snapshots
                && status.stored_bytes == truth.stored_bytes
        })
    });
    plan.await?;

    let lie = json!({"status": {"etcd": {"revision": 1}, "object": {"sha256": "0".repeat(64)}, "snapshot": {"size": 7}}});
    case.snapshots()
        .patch_status("a", &PatchParams::default(), &Patch::Merge(&lie))
        .await?;
    let snapshot = case.until_snapshot("a", "the truth again", |snapshot| {
        facts(snapshot) == facts(&taken)
    });
    snapshot.await?;
    let lie = json!({"status": {"phase": "Missing", "reason": "Nonsense"}});
    case.snapshots()
        .patch_status("a", &PatchParams::default(), &Patch::Merge(&lie))
        .await?;
    let snapshot = case.until_snapshot("a", "the truth again", |snapshot| {
        phase(snapshot) == SnapshotPhase::Succeeded && facts(snapshot) == facts(&taken)
    });
    snapshot.await?;
    case.finish(&world.subject).await?;
    Ok(())
}
