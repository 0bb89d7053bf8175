//! What a drill says, and what the plan makes of it.

use std::{fs, path::PathBuf};

use age::{secrecy::ExposeSecret, x25519::Identity};
use anyhow::{Context, Result, ensure};
use etcd_backup_api::{DrillResult, EtcdBackup, labels};
use serde_json::json;

use super::ANY;
use crate::operator::{
    case::Case,
    outcome::condition_of,
    plan::Plan,
    restores::scene::{Scene, Ward},
};

fn restorable(plan: &EtcdBackup) -> Option<String> {
    let last = plan.status.as_ref()?.last_restorable.as_ref()?;
    Some(last.snapshot.clone())
}

/// Flips a bit in the middle of a file.
fn damage(file: &PathBuf) -> Result<()> {
    let mut bytes = fs::read(file).with_context(|| format!("read {}", file.display()))?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(file, bytes).context("write what is damaged")
}

#[tokio::test]
async fn each_success_is_restored_in_a_drill_and_the_plan_says_so() -> Result<()> {
    let scene = Scene::begin("drill-success").await?;
    scene.drill(json!({})).await?;
    scene
        .case
        .condition("prod", "Restorable", "Unknown", "NoDrillYet")
        .await?;
    let taken = scene.case.take("one", "prod").await?;
    let drilled = scene.case.drilled("one").await?;
    ensure!(drilled.result == DrillResult::Succeeded, "{drilled:?}");
    let message = drilled.message.unwrap_or_default();
    ensure!(message.contains("is the one that was backed up"), "{message}");
    scene
        .case
        .condition("prod", "Restorable", "True", "Succeeded")
        .await?;
    scene.case.condition("prod", "Ready", "True", "Succeeded").await?;
    scene.case.event("DrillSucceeded", "prod").await?;
    let plan = scene.case.plans().get("prod").await?;
    let known = plan
        .status
        .and_then(|status| status.last_restorable)
        .context("nothing is restorable")?;
    let revision = taken
        .status
        .and_then(|status| status.etcd)
        .and_then(|etcd| etcd.revision);
    ensure!(
        known.snapshot == "one" && Some(known.revision) == revision,
        "{known:?}"
    );
    ensure!(
        scene.metric("restorable").await? > 0.0,
        "the metric says otherwise"
    );
    let taken = u32::try_from(known.snapshot_time.timestamp())?;
    let shown = scene.metric("last_restorable_timestamp_seconds").await?;
    ensure!(shown >= f64::from(taken), "{shown} is before {known:?}");
    let table = scene.case.kubectl.run(&[
        "get",
        "ebk",
        "prod",
        "--output=wide",
        "--namespace",
        &scene.case.namespace,
    ])?;
    ensure!(table.contains("RESTORABLE"), "{table}");

    scene.case.take("two", "prod").await?;
    let second = scene.case.drilled("two").await?;
    ensure!(second.result == DrillResult::Succeeded, "{second:?}");
    let jobs = scene.job_names().await?;
    ensure!(jobs == [second.job], "of all Jobs only the last stays: {jobs:?}");
    scene.finish().await
}

#[tokio::test]
async fn what_the_store_damages_afterwards_is_told_loudly_while_uploads_succeed() -> Result<()> {
    let scene = Scene::begin("drill-damaged").await?;
    scene.drill(json!({})).await?;
    scene.case.take("good", "prod").await?;
    ensure!(scene.case.drilled("good").await?.result == DrillResult::Succeeded);

    scene.kubelet.hold(ANY);
    scene.case.take("bad", "prod").await?;
    let bad = scene.object(&scene.case.drilling("bad").await?)?;
    damage(&bad)?;
    scene.kubelet.release();
    let drilled = scene.case.drilled("bad").await?;
    ensure!(
        drilled.result == DrillResult::Failed && drilled.reason.as_deref() == Some("Integrity"),
        "{drilled:?}"
    );
    let told = scene.case.event("DrillFailed", "prod").await?;
    ensure!(told.contains("bad"), "the event says: {told}");
    let failed = format!(
        "etcd_backup_drills_total{{namespace=\"{}\",plan=\"prod\",result=\"Failed\",reason=\"Integrity\"}} 1",
        scene.case.namespace
    );
    let metrics = Ward::shared().await?.operator.metrics().await?;
    ensure!(metrics.lines().any(|line| line == failed), "no {failed}");

    // Uploads go on, and succeed.
    scene.kubelet.hold(ANY);
    scene.case.take("later", "prod").await?;
    let plan = scene.case.drilling("later").await?;
    for (kind, status, reason) in [
        ("LastRunSucceeded", "True", "Succeeded"),
        ("Restorable", "False", "Integrity"),
        ("Ready", "False", "Integrity"),
    ] {
        let found = condition_of(&plan, kind).context("no condition")?;
        ensure!(found.status == status && found.reason == reason, "{found:?}");
    }
    ensure!(
        restorable(&plan).as_deref() == Some("good"),
        "{:?}",
        restorable(&plan)
    );
    ensure!(
        scene.metric("restorable").await? < 1.0,
        "the metric says otherwise"
    );
    scene.kubelet.release();
    ensure!(scene.case.drilled("later").await?.result == DrillResult::Succeeded);
    scene.case.condition("prod", "Ready", "True", "Succeeded").await?;
    // Once more, and it is what the manifest says, for the judge.
    damage(&bad)?;
    scene.finish().await
}

#[tokio::test]
async fn what_is_encrypted_is_drilled_with_an_identity_of_its_own_and_not_without() -> Result<()> {
    let mut scene = Scene::begin("drill-encrypted").await?;
    let key = Identity::generate();
    let recipients = json!({"age": {"recipients": [key.to_public().to_string()]}});
    let secret = key.to_string().expose_secret().to_owned();
    scene.case.identity = Some(secret.clone());
    scene.drill(json!({})).await?;
    scene
        .case
        .edit("prod", json!({"spec": {"encryption": recipients}}))
        .await?;
    scene
        .case
        .condition("prod", "Restorable", "False", "IdentityNeeded")
        .await?;
    scene
        .case
        .condition("prod", "Ready", "False", "IdentityNeeded")
        .await?;
    scene.case.event("DrillRefused", "prod").await?;
    scene.case.take("secret", "prod").await?;
    ensure!(
        scene.job_names().await?.is_empty(),
        "something was tried all the same"
    );

    // Named, and not there.
    let named = json!({"spec": {"drill": {"decryption": {"secretName": "drill-identity"}}}});
    scene.case.edit("prod", named).await?;
    let drilled = scene.case.drilled("secret").await?;
    ensure!(drilled.reason.as_deref() == Some("SecretNotFound"), "{drilled:?}");

    scene
        .case
        .secret("drill-identity", &[("identity", &secret)])
        .await?;
    scene.case.annotate("prod", labels::DRILL_NOW, "now").await?;
    scene
        .case
        .condition("prod", "Restorable", "True", "Succeeded")
        .await?;
    scene.finish().await
}

#[tokio::test]
async fn where_no_jobs_are_made_the_plan_says_so_and_backs_up() -> Result<()> {
    let (case, world) = Case::begin("drill-disabled").await?;
    let plan = Plan::new("prod", &world.subject, &case).with("verification", json!("Restore"));
    case.apply(&plan).await?;
    case.condition("prod", "Restorable", "False", "DrillsDisabled")
        .await?;
    case.take("one", "prod").await?;
    case.condition("prod", "Ready", "False", "DrillsDisabled").await?;
    case.finish(&world.subject).await.map(drop)
}
