//! When there is a drill, and what it keeps meanwhile.

use anyhow::{Context, Result, ensure};
use etcd_backup_api::{DrillResult, EtcdBackup, labels};
use serde_json::json;

use super::{ANY, last, running};
use crate::operator::restores::scene::Scene;

#[tokio::test]
async fn a_schedule_and_an_annotation_ask_for_drills_and_a_success_does_not() -> Result<()> {
    let scene = Scene::begin("drill-schedule").await?;
    // Once in four years.
    scene.drill(json!({"schedule": "0 0 29 2 *"})).await?;
    scene.case.take("one", "prod").await?;
    let listed = |plan: &EtcdBackup| {
        let status = plan.status.as_ref();
        let next = status.and_then(|status| status.drill.as_ref()?.next);
        next.is_some() && status.is_some_and(|status| status.snapshots == Some(1))
    };
    let plan = scene
        .case
        .until_plan("prod", "it to wait for its schedule", listed)
        .await?;
    ensure!(
        running(&plan).is_none() && last(&plan).is_none(),
        "{:?}",
        plan.status
    );

    scene.case.annotate("prod", labels::DRILL_NOW, "once").await?;
    let by_hand = scene.case.drilled("one").await?;
    ensure!(by_hand.result == DrillResult::Succeeded, "{by_hand:?}");

    // Every minute: the same snapshot is restored again.
    scene.drill(json!({"schedule": "* * * * *"})).await?;
    let again = |plan: &EtcdBackup| last(plan).is_some_and(|last| last.job != by_hand.job);
    let plan = scene.case.until_plan("prod", "another drill", again).await?;
    let scheduled = last(&plan).context("no drill")?;
    ensure!(
        scheduled.result == DrillResult::Succeeded && scheduled.snapshot == "one",
        "{scheduled:?}"
    );
    scene.finish().await
}

#[tokio::test]
async fn neither_what_is_drilled_nor_the_newest_that_was_restored_is_removed_by_retention() -> Result<()> {
    let scene = Scene::begin("drill-retention").await?;
    scene.drill(json!({})).await?;
    let keep_one = json!({"spec": {"retention": {"keepLast": 1}}});
    scene.case.edit("prod", keep_one).await?;
    scene.kubelet.hold(ANY);
    scene.case.take("a", "prod").await?;
    scene.case.drilling("a").await?;
    scene.case.take("b", "prod").await?;
    scene.case.take("c", "prod").await?;
    // `a` is being read.
    scene.remain(&["a", "c"]).await?;
    scene.kubelet.release();
    ensure!(scene.case.drilled("c").await?.result == DrillResult::Succeeded);
    scene.kubelet.hold(ANY);
    scene.case.take("d", "prod").await?;
    scene.case.take("e", "prod").await?;
    // `c` is the newest that is known to be good, and `d` is being read.
    scene.remain(&["c", "d", "e"]).await?;
    scene.kubelet.release();
    ensure!(scene.case.drilled("e").await?.result == DrillResult::Succeeded);
    scene.case.take("f", "prod").await?;
    scene.remain(&["e", "f"]).await?;
    scene.finish().await
}
