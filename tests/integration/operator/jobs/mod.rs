//! Snapshots that Jobs take. There are no nodes here, so the tests run the Jobs: see `restores::kubelet`.

mod refusals;
mod scene;

use anyhow::{Context, Result, ensure};
use etcd_backup_api::{EtcdSnapshot, EtcdSnapshotStatus, SnapshotPhase};
use harness::{
    etcd::{Etcd, Version},
    s3::Fault,
    wait,
};
use kube::ResourceExt;
use serde_json::json;

use super::{
    data,
    outcome::{PATIENCE, phase},
    plan::{AUTH_SECRET, Plan, TLS_SECRET},
};
use scene::{MidRun, Scene, flags, stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_stores_what_the_operator_stores() -> Result<()> {
    let stage = stage().await?;
    let mut scene = Scene::begin(&stage, "job-as-operator").await?;
    let etcd = data::filled(
        Etcd::start(Version::V3_6)
            .tls()
            .auth("root", "canary-etcd-password-4711"),
    )
    .await?;
    scene.case.secrets_of(&etcd).await?;
    let mut operator = stage.operator(&flags()).await?;
    scene.case.follow(&operator);
    scene.case.apply(&scene.plan(&etcd)).await?;
    scene
        .case
        .apply(&Plan::new("in-process", &etcd, &scene.case))
        .await?;
    let by_job = scene
        .case
        .take("by-job", "prod")
        .await?
        .status
        .unwrap_or_default();
    let here = scene
        .case
        .take("here", "in-process")
        .await?
        .status
        .unwrap_or_default();
    ensure!(
        facts(&by_job) == facts(&here),
        "{} and {}",
        json!(by_job),
        json!(here)
    );
    ensure!(here.job.is_none() && by_job.attempts == Some(1));
    let jobs = scene.jobs().await?;
    let names: Vec<_> = jobs.iter().map(ResourceExt::name_any).collect();
    ensure!(
        by_job.job.as_ref().is_some_and(|job| names == [job.clone()]),
        "{names:?}"
    );
    for pod in scene.pods().await? {
        let spec = pod.spec.context("a pod without a specification")?;
        ensure!(spec.automount_service_account_token == Some(false));
        let secrets = spec.volumes.into_iter().flatten();
        let secrets: Vec<_> = secrets.filter_map(|volume| volume.secret?.secret_name).collect();
        ensure!(
            secrets.contains(&TLS_SECRET.to_owned()) && secrets.contains(&AUTH_SECRET.to_owned()),
            "{secrets:?}"
        );
    }
    let holdings = scene.case.finish(&etcd).await?;
    let hash = |index: usize| holdings.backups[index].manifest["snapshot"]["hashKv"].clone();
    ensure!(
        holdings.backups.len() == 2 && hash(0).is_object() && hash(0) == hash(1),
        "the store holds {}",
        holdings.backups.len()
    );
    ensure!(operator.stop().await?.success());
    Ok(())
}

/// What two snapshots of one idle etcd have in common.
fn facts(status: &EtcdSnapshotStatus) -> serde_json::Value {
    let of_etcd = status.etcd.as_ref();
    json!([
        status.phase.as_str(),
        of_etcd.map(|etcd| (etcd.revision, etcd.cluster_id.clone())),
        status.snapshot.as_ref().map(|facts| facts.total_keys),
        status.verified.as_ref().map(|verified| json!(verified.level)),
        status.degraded,
    ])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_that_dies_is_told_and_the_next_attempt_has_another_job_and_other_keys() -> Result<()> {
    let stage = stage().await?;
    let mut run = MidRun::prepare(&stage, "job-killed", Fault::Stall, &[]).await?;
    let mut operator = stage.operator(&flags()).await?;
    run.scene.case.follow(&operator);
    let job = run.begin().await?;
    ensure!(job.ends_with("-attempt-1"), "{job}");
    run.scene.kubelet.kill("-attempt-1");
    let failed = run.scene.case.event("AttemptFailed", "first").await?;
    ensure!(failed.contains("exit code 137"), "the event says: {failed}");
    let status = run.succeeded().await?;
    ensure!(status.attempts == Some(2), "{:?}", status.attempts);
    ensure!(status.job.is_some_and(|job| job.ends_with("-attempt-2")));
    let holdings = run
        .scene
        .case
        .finish_despite_uploads(&run.server, &run.etcd)
        .await?;
    holdings.ensure_number(1)?;
    ensure!(operator.stop().await?.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_outlives_the_operator_that_was_killed_and_the_next_one_takes_its_result() -> Result<()> {
    outlives("job-operator-killed", true).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_outlives_the_operator_that_was_told_to_end() -> Result<()> {
    outlives("job-operator-ended", false).await
}

async fn outlives(name: &str, killed: bool) -> Result<()> {
    let stage = stage().await?;
    let mut run = MidRun::prepare(&stage, name, data::SLOWLY, &[]).await?;
    let mut first = stage.operator(&flags()).await?;
    run.scene.case.follow(&first);
    run.begin().await?;
    let running = |snapshot: &EtcdSnapshot| phase(snapshot) == SnapshotPhase::Running;
    run.scene
        .case
        .until_snapshot("first", "it to run", running)
        .await?;
    if killed {
        stage.kill(&mut first).await?;
    } else {
        ensure!(first.stop().await?.success());
    }
    let left = run.scene.case.snapshots().get("first").await?;
    ensure!(phase(&left) == SnapshotPhase::Running, "{}", json!(left.status));
    let mut second = stage.operator(&flags()).await?;
    run.scene.case.follow(&second);
    let status = run.succeeded().await?;
    ensure!(status.attempts == Some(1), "{:?}", status.attempts);
    let jobs = run.scene.jobs().await?;
    ensure!(jobs.len() == 1, "there are {} Jobs", jobs.len());
    let holdings = run.scene.case.finish_in(&run.server, &run.etcd).await?;
    holdings.ensure_number(1)?;
    ensure!(second.stop().await?.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_that_is_deleted_takes_its_job_along_and_leaves_nothing() -> Result<()> {
    let stage = stage().await?;
    let delete = [("deletionPolicy", json!("Delete"))];
    let mut run = MidRun::prepare(&stage, "job-deleted", Fault::Stall, &delete).await?;
    let mut operator = stage.operator(&flags()).await?;
    run.scene.case.follow(&operator);
    run.begin().await?;
    run.scene.delete("first").await?;
    let (jobs, pods) = (run.scene.jobs().await?, run.scene.pods().await?);
    ensure!(
        jobs.is_empty() && pods.is_empty(),
        "{} Jobs, {} pods",
        jobs.len(),
        pods.len()
    );
    let left = run.server.objects();
    ensure!(
        left.keys().all(|key| key.ends_with("owner.json")),
        "the store holds {:?}",
        left.keys()
    );
    let gone = async || {
        run.scene
            .case
            .all_snapshots()
            .await
            .is_ok_and(|all| all.is_empty())
    };
    wait::until("no snapshot to come back", PATIENCE, gone).await?;
    // The pod was killed in the middle of its upload.
    let holdings = run
        .scene
        .case
        .finish_despite_uploads(&run.server, &run.etcd)
        .await?;
    holdings.ensure_number(0)?;
    ensure!(operator.stop().await?.success());
    Ok(())
}
