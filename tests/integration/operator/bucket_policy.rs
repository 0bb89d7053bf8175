//! A bucket in which everything may be done but one thing, by a policy that the server enforces.

use anyhow::{Context, Result, ensure};
use etcd_backup_api::{EtcdBackup, RetentionStatus, SnapshotPhase};
use harness::{versitygw::Versitygw, wait};
use serde_json::json;

use super::{
    case::Case,
    outcome::{PATIENCE, phase},
    plan::Plan,
    quiet::value,
    world::World,
};

#[tokio::test]
async fn where_nothing_may_be_deleted_backups_go_on_and_what_stays_is_told() -> Result<()> {
    let (mut case, world) = Case::begin("no-deletes").await?;
    let gateway = Versitygw::start_unversioned().await?;
    case.stores_as_user(&gateway, "kept").await?;
    gateway.allow_all_but("kept", &["s3:DeleteObject"]).await?;
    let plan = Plan::new("prod", &world.subject, &case).with("retention", json!({"keepLast": 1}));
    case.apply(&plan).await?;
    case.take("a", "prod").await?;

    // Each success asks once for each that should go, the snapshot's manifest first. Nothing is asked for in between.
    for (name, refused) in [("b", 1), ("c", 2)] {
        case.take(name, "prod").await?;
        let done = pruned(&case, refused).await?;
        ensure!((done.kept, done.removed) == (1, 0), "after {name}: {done:?}");
        let condition = case
            .condition("prod", "RetentionSucceeded", "False", "PermissionDenied")
            .await?;
        let begins = format!("0 removed, then: {refused} could not be removed, the first is ");
        ensure!(
            condition.message.starts_with(&begins) && condition.message.contains("s3:DeleteObject"),
            "it says: {}",
            condition.message
        );
        case.condition("prod", "LastRunSucceeded", "True", "Succeeded")
            .await?;
        case.condition("prod", "Ready", "True", "Succeeded").await?;
        for (name, expected) in [("retention_refused", refused), ("retention_deleted_total", 0)] {
            let shown = metric(world, name).await?;
            ensure!((shown - f64::from(expected)).abs() < 0.5, "{name} is {shown}");
        }
    }
    case.event("RetentionFailed", "prod").await?;
    all_are_shown(&case, 3).await?;
    let listed = gateway.count("ListObjectsV2", "kept")?;
    wait::until_ok("the store to be listed again", PATIENCE, async || {
        let now = gateway.count("ListObjectsV2", "kept")?;
        ensure!(now > listed, "it was listed {now} times");
        Ok(())
    })
    .await?;
    let asked = gateway.count("DeleteObject", "kept")?;
    ensure!(asked == 1 + 2, "it asked {asked} times");

    // What may be deleted again goes after the next success.
    gateway.allow_all_but("kept", &[]).await?;
    case.take("d", "prod").await?;
    let done = pruned(&case, 0).await?;
    ensure!((done.kept, done.removed) == (1, 3), "{done:?}");
    case.condition("prod", "RetentionSucceeded", "True", "Succeeded")
        .await?;
    all_are_shown(&case, 1).await?;
    case.finish(&world.subject).await?.ensure_number(1)
}

/// Waits until retention was refused so many, and gives what it did.
async fn pruned(case: &Case, refused: u32) -> Result<RetentionStatus> {
    let done = |plan: &EtcdBackup| {
        let retention = plan.status.as_ref()?.retention.clone()?;
        let looked = refused > 0 || retention.removed > 0;
        (retention.refused == refused && looked).then_some(retention)
    };
    let what = format!("{refused} to be refused");
    let plan = case.until_plan("prod", what, |plan| done(plan).is_some()).await?;
    done(&plan).context("it is gone")
}

async fn metric(world: &World, name: &str) -> Result<f64> {
    let series = format!("etcd_backup_{name}{{namespace=\"no-deletes\",plan=\"prod\"}}");
    let metrics = world.operator.metrics().await?;
    value(&metrics, &series).with_context(|| format!("no {series}"))
}

/// The plan counts so many, and each is shown as stored.
async fn all_are_shown(case: &Case, count: u32) -> Result<()> {
    let counted = |plan: &EtcdBackup| plan.status.as_ref().and_then(|status| status.snapshots) == Some(count);
    case.until_plan("prod", format!("{count} snapshots"), counted)
        .await?;
    wait::until_ok("each to be shown", PATIENCE, async || {
        let shown = case.all_snapshots().await?;
        let stored = shown.iter().filter(|one| phase(one) == SnapshotPhase::Succeeded);
        let stored = stored.count();
        ensure!(
            stored == shown.len() && stored == count as usize,
            "{stored} of {}",
            shown.len()
        );
        Ok(())
    })
    .await
}
