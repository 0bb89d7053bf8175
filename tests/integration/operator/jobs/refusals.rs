//! Jobs that may not be made, and pods that cannot start.

use anyhow::{Context, Result, ensure};
use harness::{
    etcd::{Etcd, Version},
    operator::Operator,
    s3::Fault,
    wait,
};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};

use super::scene::{MidRun, Scene, flags, stage};
use crate::operator::{
    data,
    outcome::PATIENCE,
    permissions::{lines, logged},
    quiet::value,
    rights::Role,
    world::{LEASE, Stage},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_jobs_in_the_installation_the_plan_says_so_and_nothing_is_tried() -> Result<()> {
    let stage = stage().await?;
    let mut scene = Scene::begin(&stage, "job-disabled").await?;
    let etcd = data::etcd(Version::V3_6).await?;
    let mut operator = stage.operator(&LEASE).await?;
    scene.case.follow(&operator);
    scene.case.apply(&scene.plan(&etcd)).await?;
    let (refused, words) = (["False", "JobsDisabled"], "config/components/jobs");
    scene
        .case
        .condition_saying("prod", "Accepted", refused, words)
        .await?;
    scene.case.ask("first", "prod").await?;
    let told = |snapshot: &etcd_backup_api::EtcdSnapshot| {
        let status = snapshot.status.clone().unwrap_or_default();
        status.reason.as_deref() == Some("JobsDisabled") && status.attempts.is_none()
    };
    scene.case.until_snapshot("first", "why it waits", told).await?;
    ensure!(operator.stop().await?.success());

    // With them it goes on by itself.
    let mut operator = stage.operator(&flags()).await?;
    scene.case.follow(&operator);
    scene.case.succeeded("first").await?;
    scene
        .case
        .condition("prod", "Accepted", "True", "Accepted")
        .await?;
    scene.case.finish(&etcd).await?;
    ensure!(operator.stop().await?.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_right_to_make_jobs_the_attempt_fails_and_says_which_right_it_lacks() -> Result<()> {
    let stage = stage().await?;
    let mut scene = Scene::begin(&stage, "job-forbidden").await?;
    let etcd = data::etcd(Version::V3_6).await?;
    let mut operator = stage.operator(&flags()).await?;
    scene.case.follow(&operator);
    let role = Role::known(&scene.case.client, None, "etcd-backup-operator-jobs").await?;
    role.without("jobs").await?;
    scene.case.apply(&scene.plan(&etcd)).await?;
    scene.case.ask("first", "prod").await?;
    let failed = scene.case.failed("first").await;
    role.restore().await?;
    let (reason, message) = failed?;
    ensure!(
        reason == "Forbidden" && message.contains("jobs") && message.contains("config/components/jobs"),
        "{reason}: {message}"
    );
    ensure!(scene.jobs().await?.is_empty());
    // The right came back: the next snapshot is taken.
    scene.case.take("second", "prod").await?;
    scene.case.finish(&etcd).await?;
    ensure!(operator.stop().await?.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_that_fails_in_a_job_is_counted_in_the_stage_in_which_it_failed() -> Result<()> {
    let stage = stage().await?;
    let mut run = MidRun::prepare(&stage, "job-stages", Fault::answer(403, "AccessDenied"), &[]).await?;
    let mut operator = stage.operator(&flags()).await?;
    run.scene.case.follow(&operator);
    let (case, plan) = (&run.scene.case, run.scene.plan(&run.etcd).into(&run.server));
    // A store that takes no part; an etcd that is not there; a bucket that is not.
    let nowhere = json!(["http://127.0.0.1:1"]);
    case.apply(&plan.clone().named("no-etcd").with("etcd/endpoints", nowhere))
        .await?;
    case.apply(
        &plan
            .named("no-bucket")
            .with("storage/s3/bucket", json!("never-made")),
    )
    .await?;
    for (snapshot, plan, stage, expected) in [
        ("first", "prod", "write", "PermissionDenied"),
        ("second", "no-etcd", "survey", "Unreachable"),
        ("third", "no-bucket", "connect", "NoSuchBucket"),
    ] {
        case.ask(snapshot, plan).await?;
        let (reason, message) = case.failed(snapshot).await?;
        ensure!(reason == expected, "{snapshot}: {reason}: {message}");
        let metrics = operator.metrics().await?;
        for stage in [stage, "total"] {
            let series = format!("etcd_backup_run_errors_total{{stage=\"{stage}\",reason=\"{expected}\"}}");
            let counted = value(&metrics, &series);
            ensure!(counted == Some(1.0), "{series} is {counted:?} in {metrics}");
        }
    }
    case.take("fourth", "prod").await?;
    run.scene.case.finish_in(&run.server, &run.etcd).await?;
    ensure!(operator.stop().await?.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_right_to_read_logs_snapshots_are_taken_all_the_same_and_it_is_said_once() -> Result<()> {
    let stage = stage().await?;
    let admin = stage.server.admin().await?;
    let role = Role::known(&admin, None, "etcd-backup-operator-jobs").await?;
    role.without("pods/log").await?;
    let outcome: Result<()> = async {
        let mut run = MidRun::prepare(&stage, "job-unheard", data::SLOWLY, &[]).await?;
        let mut operator = stage.operator(&flags()).await?;
        run.scene.case.follow(&operator);
        run.begin().await?;
        logged(operator.log(), &["cannot get resource \"pods/log\""]).await?;
        let status = run.scene.case.succeeded("first").await?.status;
        ensure!(status.unwrap_or_default().attempts == Some(1));
        run.scene.case.take("second", "prod").await?;
        let said = lines(operator.log(), &["pods/log"]);
        ensure!(said == 1, "it was said {said} times");
        run.scene.case.finish_in(&run.server, &run.etcd).await?;
        ensure!(operator.stop().await?.success());
        Ok(())
    }
    .await;
    role.restore().await?;
    outcome
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_that_cannot_start_is_told_while_it_waits() -> Result<()> {
    let stage = stage().await?;
    let (scene, etcd, mut operator) = held(&stage, "job-waits").await?;
    let waiting = json!({"reason": "ImagePullBackOff", "message": "no such image anywhere"});
    pending(&scene, &json!({"state": {"waiting": waiting}}), &json!([])).await?;
    let told = |snapshot: &etcd_backup_api::EtcdSnapshot| {
        let status = snapshot.status.clone().unwrap_or_default();
        let message = status.message.unwrap_or_default();
        status.reason.as_deref() == Some("ImagePullBackOff") && message.contains("no such image anywhere")
    };
    scene
        .case
        .until_snapshot("first", "what it waits for", told)
        .await?;
    let event = scene.case.event("JobWaits", "first").await?;
    ensure!(event.contains("ImagePullBackOff"), "{event}");
    // Somebody put it right.
    scene.kubelet.release();
    let status = scene.case.succeeded("first").await?.status.unwrap_or_default();
    ensure!(status.attempts == Some(1), "{:?}", status.attempts);
    scene.case.finish(&etcd).await?;
    ensure!(operator.stop().await?.success());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_job_of_a_pod_that_its_node_lost_is_made_again_in_the_same_attempt() -> Result<()> {
    let stage = stage().await?;
    let (scene, etcd, mut operator) = held(&stage, "job-lost").await?;
    // As a kubelet says it that finds a container which was made before its node restarted, and never started.
    let made = json!({"containerID": "containerd://1", "state": {"waiting": {}}});
    let sandbox = json!([{"type": "PodReadyToStartContainers", "status": "False"}]);
    let lost = pending(&scene, &made, &sandbox).await?;
    let event = scene.case.event("JobWaits", "first").await?;
    ensure!(event.contains("PodLost"), "{event}");
    let another = async || {
        let pod = scene.pods().await?.pop().context("there is none")?;
        ensure!(pod.uid() != lost.uid(), "it is still the one that was lost");
        Ok(())
    };
    wait::until_ok("another pod", PATIENCE, another).await?;
    scene.kubelet.release();
    let status = scene.case.succeeded("first").await?.status.unwrap_or_default();
    ensure!(status.attempts == Some(1), "{:?}", status.attempts);
    let holdings = scene.case.finish(&etcd).await?;
    holdings.ensure_number(1)?;
    ensure!(operator.stop().await?.success());
    Ok(())
}

/// A first snapshot is asked for, whose pod nobody starts.
async fn held(stage: &Stage, name: &str) -> Result<(Scene, Etcd, Operator)> {
    let mut scene = Scene::begin(stage, name).await?;
    let etcd = data::etcd(Version::V3_6).await?;
    let operator = stage.operator(&flags()).await?;
    scene.case.follow(&operator);
    scene.kubelet.hold("-attempt-1");
    scene.case.apply(&scene.plan(&etcd)).await?;
    scene.case.ask("first", "prod").await?;
    Ok((scene, etcd, operator))
}

/// Says of the pod that its container is like this, and waits.
async fn pending(scene: &Scene, container: &Value, conditions: &Value) -> Result<Pod> {
    let mut status = json!({
        "name": "agent", "image": "etcd-backup:test", "imageID": "", "ready": false, "restartCount": 0,
    });
    let fields = container
        .as_object()
        .context("the fields of a container's status")?;
    for (field, value) in fields {
        status[field] = value.clone();
    }
    let status = json!({"status": {
        "phase": "Pending", "containerStatuses": [status], "conditions": conditions,
    }});
    let pod = scene.pod().await?;
    let pods: Api<Pod> = Api::namespaced(scene.case.client.clone(), &scene.case.namespace);
    pods.patch_status(&pod.name_any(), &PatchParams::default(), &Patch::Merge(&status))
        .await?;
    Ok(pod)
}
