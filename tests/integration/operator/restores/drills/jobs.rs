//! Jobs of drills that vanish, and operators that do.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use etcd_backup_api::{DrillResult, EtcdBackup};
use harness::{etcd::Version, wait};
use k8s_openapi::api::batch::v1::Job;
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams},
};
use serde_json::json;

use super::{ANY, running};
use crate::operator::{
    case::Case,
    data,
    outcome::{PATIENCE, condition_of},
    plan::Plan,
    restores::{
        disk::Disk,
        kubelet::Kubelet,
        scene::{Scene, breakable},
    },
    world::LEASE,
};

#[tokio::test]
async fn a_job_that_vanishes_is_made_again_and_one_that_is_not_wanted_any_more_ends() -> Result<()> {
    let scene = Scene::begin("drill-vanishes").await?;
    scene.drill(json!({})).await?;
    scene.kubelet.hold(ANY);
    scene.case.take("one", "prod").await?;
    scene.case.drilling("one").await?;
    let first = wait::until_ok("a Job", PATIENCE, async || {
        let jobs = scene.jobs_api().list(&ListParams::default()).await?.items;
        jobs.into_iter().next().context("there is none")
    });
    let first = first.await?;
    let name = first.name_any();
    scene
        .jobs_api()
        .delete(&name, &DeleteParams::background())
        .await?;
    wait::until_ok("the Job to be made again", PATIENCE, async || {
        let again = scene.jobs_api().get(&name).await?;
        ensure!(again.uid() != first.uid(), "it is still the first");
        Ok(())
    })
    .await?;

    let readback = json!({"spec": {"verification": "Readback", "drill": null}});
    scene.case.edit("prod", readback).await?;
    let stopped = |plan: &EtcdBackup| plan.status.as_ref().is_some_and(|status| status.drill.is_none());
    let plan = scene.case.until_plan("prod", "no drill to run", stopped).await?;
    ensure!(
        condition_of(&plan, "Restorable").is_none(),
        "it has the condition"
    );
    wait::until_ok("the Job to go", PATIENCE, async || {
        match scene.job_names().await?.as_slice() {
            [] => Ok(()),
            left => bail!("there are {left:?}"),
        }
    })
    .await?;
    scene.finish().await
}

#[tokio::test]
async fn an_operator_that_is_killed_in_a_drill_is_followed_by_one_that_goes_on_with_it() -> Result<()> {
    let stage = breakable().await?;
    let mut case = Case::on(&stage, "drill-killed").await?;
    let etcd = data::etcd(Version::V3_6).await?;
    let disk = Arc::new(Disk::new()?);
    case.logs.push(disk.logs()?);
    let kubelet = Kubelet::start(&case.client, &case.namespace, &disk);
    let flags = [
        "--enable-restore",
        "--agent-image=etcd-backup:test",
        "--catalogue-resync=4s",
    ];
    let flags = [&flags[..], &LEASE].concat();
    let mut killed = stage.operator(&flags).await?;
    case.follow(&killed);
    let plan = Plan::new("prod", &etcd, &case).with("verification", json!("Restore"));
    case.apply(&plan).await?;
    kubelet.hold(ANY);
    case.take("one", "prod").await?;
    case.drilling("one").await?;
    let jobs: Api<Job> = Api::namespaced(case.client.clone(), &case.namespace);
    let names = async || -> Result<Vec<String>> {
        let all = jobs.list(&ListParams::default()).await.context("list Jobs")?;
        Ok(all.iter().map(ResourceExt::name_any).collect())
    };
    wait::until_ok("its Job", PATIENCE, async || {
        ensure!(names().await?.len() == 1, "there is none");
        Ok(())
    })
    .await?;
    let made = names().await?;
    stage.kill(&mut killed).await?;
    kubelet.release();
    let over = async || {
        let job = jobs.get(&made[0]).await?;
        ensure!(
            job.status.is_some_and(|status| status.succeeded == Some(1)),
            "it is not over"
        );
        Ok(())
    };
    wait::until_ok("the Job to be over", PATIENCE, over).await?;
    let plan = case.plans().get("prod").await?;
    ensure!(running(&plan).is_some(), "somebody saw its end");

    let mut operator = stage.operator(&flags).await?;
    case.follow(&operator);
    let drilled = case.drilled("one").await?;
    ensure!(
        drilled.result == DrillResult::Succeeded && [drilled.job] == *made,
        "{made:?}"
    );
    ensure!(names().await? == made, "there are {:?}", names().await?);
    case.finish(&etcd).await?;
    let ended = operator.stop().await?;
    ensure!(ended.success(), "it ended with {ended}");
    Ok(())
}
