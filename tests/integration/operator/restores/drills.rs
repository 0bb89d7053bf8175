//! Drills: what is stored is restored, for no other reason than to see that it can be.

use std::{fs, path::PathBuf, sync::Arc};

use age::{secrecy::ExposeSecret, x25519::Identity};
use anyhow::{Context, Result, bail, ensure};
use etcd_backup_api::{DrillResult, EtcdBackup, LastDrill, labels};
use harness::{etcd::Version, wait};
use k8s_openapi::api::batch::v1::Job;
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams},
};
use serde_json::{Value, json};

use super::{
    disk::Disk,
    kubelet::Kubelet,
    scene::{Scene, Ward, breakable},
};
use crate::operator::{
    case::Case,
    data,
    outcome::{PATIENCE, condition_of},
    plan::Plan,
    world::SHORT_LEASE,
};

/// Every Job of a drill, whatever its name.
const ANY: &str = "";

impl Case {
    /// Waits until a drill of this snapshot is over, and gives what came of it.
    async fn drilled(&self, snapshot: &str) -> Result<LastDrill> {
        let of = |plan: &EtcdBackup| last(plan).filter(|last| last.snapshot == snapshot);
        let plan = self
            .until_plan("prod", format!("a drill of {snapshot}"), |plan| {
                of(plan).is_some()
            })
            .await?;
        of(&plan).context("it is gone")
    }

    /// Waits until a drill of this snapshot runs.
    async fn drilling(&self, snapshot: &str) -> Result<EtcdBackup> {
        let runs = |plan: &EtcdBackup| running(plan).is_some_and(|(running, _)| running == snapshot);
        self.until_plan("prod", format!("{snapshot} to be drilled"), runs)
            .await
    }
}

impl Scene {
    /// Makes the plan `prod` one that drills.
    async fn drill(&self, drill: Value) -> Result<()> {
        let plan = Plan::new("prod", self.subject, &self.case);
        let plan = plan.with("verification", json!("Restore")).with("drill", drill);
        self.case.apply(&plan).await.map(drop)
    }

    fn jobs_api(&self) -> Api<Job> {
        Api::namespaced(self.case.client.clone(), &self.case.namespace)
    }

    /// Names of the Jobs that there are.
    async fn job_names(&self) -> Result<Vec<String>> {
        let jobs = self
            .jobs_api()
            .list(&ListParams::default())
            .await
            .context("list Jobs")?;
        Ok(jobs.iter().map(ResourceExt::name_any).collect())
    }

    /// What the operator counts of this namespace's drills.
    async fn metric(&self, name: &str) -> Result<f64> {
        let text = Ward::shared().await?.operator.metrics().await?;
        let series = format!(
            "etcd_backup_{name}{{namespace=\"{}\",plan=\"prod\"",
            self.case.namespace
        );
        let line = text.lines().find(|line| line.starts_with(&series));
        let value = line
            .and_then(|line| line.rsplit(' ').next())
            .with_context(|| format!("no {series}"))?;
        value.parse().context("a number")
    }

    /// The object of the snapshot that a drill restores, in the directory that is the bucket.
    fn object(&self, plan: &EtcdBackup) -> Result<PathBuf> {
        let (_, key) = running(plan).context("no drill runs")?;
        Ok(self.case.folder.join("backups").join(key))
    }
}

fn last(plan: &EtcdBackup) -> Option<LastDrill> {
    plan.status.as_ref()?.drill.as_ref()?.last.clone()
}

/// Snapshot and key of the drill that runs.
fn running(plan: &EtcdBackup) -> Option<(String, String)> {
    let running = plan.status.as_ref()?.drill.as_ref()?.running.as_ref()?;
    Some((running.snapshot.clone(), running.source.key.clone()))
}

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
    let flags = [&flags[..], &SHORT_LEASE].concat();
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
    killed.process().kill()?;
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
