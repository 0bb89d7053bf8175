//! What is removed, and what never is.

use anyhow::{Context, Result, ensure};
use chrono::TimeDelta;
use etcd_backup_api::{EtcdBackup, labels};
use serde_json::json;

use super::{case::Case, plan::Plan, schedule::now};

fn retention(plan: &EtcdBackup) -> Option<etcd_backup_api::RetentionStatus> {
    plan.status.as_ref()?.retention.clone()
}

/// Names of the snapshots, once there are only so many and retention has looked at them.
async fn remaining(case: &Case, count: usize) -> Result<Vec<String>> {
    let what = format!("{count} snapshots to remain");
    harness::wait::until_ok(what, super::outcome::PATIENCE, async || {
        let names = case.snapshot_names().await?;
        ensure!(names.len() == count, "there are {names:?}");
        let plan = case.plans().get("prod").await?;
        let kept = retention(&plan).map(|retention| retention.kept as usize + retention.would_remove.len());
        ensure!(kept == Some(count), "retention speaks of {kept:?}");
        Ok(names)
    })
    .await
}

#[tokio::test]
async fn the_last_ones_and_the_pinned_ones_stay_and_nothing_of_others_is_touched() -> Result<()> {
    let (case, world) = Case::begin("keep-last").await?;
    let plan = Plan::new("prod", &world.subject, &case).with("retention", json!({"keepLast": 2}));
    case.apply(&plan).await?;
    case.ask_with("a-pinned", json!({"backupName": "prod", "pin": true}))
        .await?;
    case.succeeded("a-pinned").await?;
    // The oldest that is not pinned goes with each success, however quickly they follow one another.
    for (name, left) in [
        ("b", vec!["a-pinned", "b"]),
        ("c", vec!["a-pinned", "b", "c"]),
        ("d", vec!["a-pinned", "c", "d"]),
        ("e", vec!["a-pinned", "d", "e"]),
    ] {
        case.take(name, "prod").await?;
        let names = remaining(&case, left.len()).await?;
        ensure!(names == left, "after {name} there remain {names:?}");
    }
    let pruned = case.event("Pruned", "prod").await?;
    ensure!(
        pruned.contains("removed from the store"),
        "the event says: {pruned}"
    );
    case.condition("prod", "RetentionSucceeded", "True", "Succeeded")
        .await?;
    // Objects of others lie all around, and the judge looks after them.
    case.finish(&world.subject).await?.ensure_number(3)
}

#[tokio::test]
async fn a_dry_run_shows_what_would_go_and_removes_nothing() -> Result<()> {
    let (case, world) = Case::begin("dry-run").await?;
    let plan = Plan::new("prod", &world.subject, &case).with("retention", json!({"keepLast": 1}));
    case.apply(&plan).await?;
    case.annotate("prod", labels::DRY_RUN_RETENTION, "true").await?;
    case.take("a", "prod").await?;
    case.take("b", "prod").await?;
    let plan = case.until_plan("prod", "what would go", |plan| {
        retention(plan).is_some_and(|retention| retention.dry_run && retention.would_remove.len() == 1)
    });
    let shown = retention(&plan.await?).context("it is gone")?;
    let oldest = case.succeeded("a").await?.status.and_then(|status| status.run_id);
    ensure!(
        Some(&shown.would_remove[0].run_id) == oldest.as_ref() && shown.removed == 0 && shown.kept == 1,
        "it shows {shown:?}"
    );
    case.condition("prod", "RetentionSucceeded", "True", "DryRun")
        .await?;
    case.event("RetentionDryRun", "prod").await?;
    ensure!(remaining(&case, 2).await?.len() == 2, "something is gone");
    case.finish(&world.subject).await?.ensure_number(2)
}

#[tokio::test]
async fn the_newest_stays_however_old_the_policy_finds_it() -> Result<()> {
    let (case, world) = Case::begin("newest").await?;
    let plan = Plan::new("prod", &world.subject, &case).with("retention", json!({"maxAge": "1s"}));
    case.apply(&plan).await?;
    for name in ["a", "b"] {
        let taken = case.take(name, "prod").await?;
        let started = taken
            .status
            .and_then(|status| status.start_time)
            .context("it has no beginning")?;
        // By the next success it is too old, and so it is by the next listing, of which there is one every few seconds.
        let old = async || now() - started > TimeDelta::seconds(2);
        harness::wait::until("the snapshot to be old", super::outcome::PATIENCE, old).await?;
        let names = remaining(&case, 1).await?;
        ensure!(names == [name], "after {name} there remain {names:?}");
    }
    let stored = case.stored()?;
    let manifests = stored
        .keys()
        .filter(|key| key.ends_with("/manifest.json"))
        .count();
    ensure!(manifests == 1, "the store holds {manifests} manifests");
    case.finish(&world.subject).await?;
    Ok(())
}
