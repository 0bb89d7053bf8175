//! The operator killed where there is no way back: the next one carries the restore through.

use anyhow::{Context, Result, bail, ensure};
use etcd_backup_api::{EtcdRestoreStatus, MemberPhase, RestorePhase};
use harness::{operator::Operator, wait};
use k8s_openapi::api::batch::v1::Job;
use serde_json::json;

use super::{
    disk::{is_untouched, names},
    members::Members,
    scene::{FLAGS, Scene, Ward, breakable},
    set::Set,
};
use crate::operator::{
    outcome::PATIENCE,
    plan::Plan,
    world::{LEASE, Stage},
};

/// An operator that may be killed.
async fn operator(stage: &Stage, scene: &mut Scene) -> Result<Operator> {
    let flags = [&LEASE[..], &FLAGS[..]].concat();
    let operator = stage.operator(&flags).await?;
    scene.case.follow(&operator);
    Ok(operator)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_whose_operator_is_killed_while_it_commits_and_while_members_start_is_carried_through()
-> Result<()> {
    let stage = breakable().await?;
    let subject = &Ward::shared().await?.subject;
    let mut scene = Scene::on(&stage, subject, "restore-orphaned").await?;
    let set = Set::create(&scene).await?;
    let _operators = tokio::select! {
        () = set.control() => bail!("the controller ended"),
        done = carried_through(&stage, &mut scene, &set) => done?,
    };
    // The second plan's backup is of another etcd than the judge knows.
    scene.case.finish_unproved().await
}

/// The three operators are handed back, for their logs are judged too.
async fn carried_through(stage: &Stage, scene: &mut Scene, set: &Set) -> Result<[Operator; 3]> {
    let mut first = operator(stage, scene).await?;
    scene.case.take("before", "prod").await?;
    set.runs().await?;
    let own = Plan::new("own", scene.subject, &scene.case).with("etcd/endpoints", json!(set.endpoints()));
    scene.case.apply(&own).await?;
    // With this one the plan knows which cluster it backs up.
    scene.case.take("own-before", "own").await?;

    set.hold();
    scene.kubelet.hold("-commit-1");
    scene.create("orphaned", &set.restore()).await?;
    let two_of_three = |status: &EtcdRestoreStatus| {
        status.phase == RestorePhase::Committing && status.members_done == Some(2)
    };
    scene
        .until("orphaned", "two members to be in place", two_of_three)
        .await?;
    // Nobody holds the plan of that cluster back: its run finds no member, and says so.
    scene.case.ask("own-meanwhile", "own").await?;
    let (reason, message) = scene.case.failed("own-meanwhile").await?;
    ensure!(reason == "Unreachable", "{reason}: {message}");

    stage.kill(&mut first).await?;
    scene.kubelet.release();
    ended(scene, "-commit-1").await?;
    let left = scene.restores().get("orphaned").await?.status.unwrap_or_default();
    ensure!(two_of_three(&left), "{}", json!(left));

    let mut second = operator(stage, scene).await?;
    let starts = |status: &EtcdRestoreStatus| status.phase == RestorePhase::Starting;
    scene
        .until("orphaned", "the members to be started", starts)
        .await?;
    set.is_scaled_to(3).await?;
    stage.kill(&mut second).await?;
    set.release();
    set.runs().await?;
    let left = scene.restores().get("orphaned").await?.status.unwrap_or_default();
    ensure!(starts(&left), "{}", json!(left));

    let third = operator(stage, scene).await?;
    let status = scene.succeeded("orphaned").await?;
    is_whole(scene, set, &status).await?;

    // The restored etcd is another cluster, and the plan of the old one says so.
    scene.case.ask("own-afterwards", "own").await?;
    let (reason, message) = scene.case.failed("own-afterwards").await?;
    ensure!(reason == "ClusterIdMismatch", "{reason}: {message}");
    Ok([first, second, third])
}

/// Waits until the Job whose name ends so has succeeded.
async fn ended(scene: &Scene, name: &str) -> Result<()> {
    let succeeded = async || {
        let jobs = scene.jobs("commit", 3).await?;
        let of_name = |job: &&Job| job.metadata.name.as_ref().is_some_and(|own| own.ends_with(name));
        let job = jobs.iter().find(of_name).context("it is gone")?;
        let done = job.status.as_ref().and_then(|status| status.succeeded);
        ensure!(done == Some(1), "{:?}", job.status);
        Ok(())
    };
    wait::until_ok(format!("{name} to end"), PATIENCE, succeeded).await
}

/// Everything was done, and once.
async fn is_whole(scene: &Scene, set: &Set, status: &EtcdRestoreStatus) -> Result<()> {
    let message = status.message.clone().unwrap_or_default();
    ensure!(
        message.contains("3 members answer") && message.contains("what was restored"),
        "{message}"
    );
    for (member, (name, _, data)) in status.members.iter().zip(&set.places) {
        ensure!(member.phase == MemberPhase::Committed, "{member:?}");
        let aside = member.previous.clone().context("nothing went aside")?;
        ensure!(
            names(data) == ["member".to_owned(), aside],
            "{name}: {:?}",
            names(data)
        );
    }
    scene.jobs("commit", 3).await?;
    Members::at(&set.clients).hold_what(scene.subject).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_whose_operator_is_killed_while_it_takes_back_leaves_the_old_data_and_says_the_first_reason()
-> Result<()> {
    let stage = breakable().await?;
    let subject = &Ward::shared().await?.subject;
    let mut scene = Scene::on(&stage, subject, "restore-undone").await?;
    let mut first = operator(&stage, &mut scene).await?;
    scene.case.take("before", "prod").await?;
    // Two members are prepared when the third finds no snapshot any more; what the second prepared stays for a while.
    for held in ["-prepare-2", "-discard-1"] {
        scene.kubelet.hold(held);
    }
    scene
        .create("undone", &scene.spec(&json!({"snapshotName": "before"})))
        .await?;
    let count = |status: &EtcdRestoreStatus, phase: MemberPhase| {
        let members = status.members.iter().filter(|member| member.phase == phase);
        members.count()
    };
    scene
        .until("undone", "two members to be prepared", |status| {
            count(status, MemberPhase::Prepared) == 2
        })
        .await?;
    let taken_away = scene.take_away()?;
    scene.kubelet.admit("-prepare-2");
    let half = |status: &EtcdRestoreStatus| {
        status.phase == RestorePhase::Undoing && count(status, MemberPhase::Discarded) == 2
    };
    scene.until("undone", "one member to be left", half).await?;
    stage.kill(&mut first).await?;
    scene.kubelet.release();
    discarded(&scene, 1).await?;
    let left = scene.restores().get("undone").await?.status.unwrap_or_default();
    ensure!(half(&left), "{}", json!(left));

    let mut second = operator(&stage, &mut scene).await?;
    let failed = scene.failed("undone").await?;
    let message = failed.message.clone().unwrap_or_default();
    ensure!(
        failed.reason.as_deref() == Some("SourceDeleted")
            && message.contains("member m2 could not be prepared"),
        "{}",
        json!(failed)
    );
    ensure!(
        message.ends_with("the old data of every target is in place"),
        "{message}"
    );
    ensure!(count(&failed, MemberPhase::Discarded) == 3, "{}", json!(failed));
    // None of it was done twice.
    scene.jobs("discard", 3).await?;
    taken_away.put_back()?;
    scene.finish().await?;
    ensure!(second.stop().await?.success());
    Ok(())
}

/// Waits until there is nothing of a restore in a member's place.
async fn discarded(scene: &Scene, index: usize) -> Result<()> {
    let data = scene.data(index);
    let untouched = async || is_untouched(&data);
    wait::until(format!("data-{index} to be as before"), PATIENCE, untouched).await
}
