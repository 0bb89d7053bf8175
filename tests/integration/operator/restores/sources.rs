//! Ways to name a snapshot, and that it stays while it is restored.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result, ensure};
use etcd_backup_api::{EtcdRestoreStatus, MemberPhase, RestorePhase};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt, api::ListParams};
use serde_json::json;

use super::{disk::is_untouched, scene::Scene};
use crate::operator::{
    outcome::PATIENCE,
    plan::{Plan, STORE_SECRET},
    schedule::now,
};

#[tokio::test]
async fn a_plan_and_a_time_or_a_bucket_alone_name_a_snapshot_too() -> Result<()> {
    let scene = Scene::begin("restore-sources").await?;
    let run = |taken: &etcd_backup_api::EtcdSnapshot| {
        taken.status.as_ref().and_then(|status| status.run_id.clone())
    };
    let first = scene.case.take("first", "prod").await?;
    let began =
        |taken: &etcd_backup_api::EtcdSnapshot| taken.status.as_ref().and_then(|status| status.start_time);
    // Objects hold whole seconds.
    let next_second = async || began(&first).is_some_and(|began| now().timestamp() > began.timestamp());
    harness::wait::until("another second to begin", PATIENCE, next_second).await?;
    let second = scene.case.take("second", "prod").await?;
    let between = began(&second).context("no time")?;

    let s3 = json!({
        "bucket": scene.case.bucket, "prefix": "backups", "endpoint": scene.case.endpoint, "allowHTTP": true,
        "credentials": {"secretName": STORE_SECRET},
    });
    let plan = format!("{}/prod", scene.case.namespace);
    let pinned = scene
        .restore_from("newest", &json!({"backup": {"name": "prod"}}))
        .await?;
    ensure!(Some(&pinned.run_id) == run(&second).as_ref(), "{pinned:?}");
    let before = json!({"backup": {"name": "prod", "before": between}});
    let pinned = scene.restore_from("earlier", &before).await?;
    ensure!(Some(&pinned.run_id) == run(&first).as_ref(), "{pinned:?}");

    // Kubernetes knows nothing of it any more.
    scene.case.delete_plan("prod").await?;
    let pinned = scene
        .restore_from("bucket", &json!({"storage": {"s3": s3, "plan": plan}}))
        .await?;
    ensure!(Some(&pinned.run_id) == run(&second).as_ref(), "{pinned:?}");
    let by_key = json!({"storage": {"s3": s3, "key": pinned.key}});
    let again = scene.restore_from("by-key", &by_key).await?;
    ensure!(again.run_id == pinned.run_id, "{again:?}");
    scene
        .case
        .apply(&Plan::new("prod", scene.subject, &scene.case))
        .await?;
    scene.finish().await
}

impl Scene {
    /// Restores all three members, and gives what was pinned.
    async fn restore_from(
        &self,
        name: &str,
        source: &serde_json::Value,
    ) -> Result<etcd_backup_api::PinnedSource> {
        self.create(name, &self.spec(source)).await?;
        let status = self.succeeded(name).await.context(name.to_owned())?;
        status.source.context("no source")
    }
}

#[tokio::test]
async fn what_is_being_restored_is_not_removed_by_retention() -> Result<()> {
    let scene = Scene::begin("restore-in-use").await?;
    let plan = Plan::new("prod", scene.subject, &scene.case).with("retention", json!({"keepLast": 1}));
    scene.case.apply(&plan).await?;
    scene.case.take("a", "prod").await?;
    scene.kubelet.hold("-prepare-2");
    scene
        .create("slow", &scene.spec(&json!({"snapshotName": "a"})))
        .await?;
    let two = |status: &etcd_backup_api::EtcdRestoreStatus| {
        let prepared = status
            .members
            .iter()
            .filter(|member| member.phase == MemberPhase::Prepared);
        prepared.count() == 2
    };
    scene.until("slow", "two members to be prepared", two).await?;
    scene.case.take("b", "prod").await?;
    scene.case.take("c", "prod").await?;
    scene.remain(&["a", "c"]).await?;
    scene.kubelet.release();
    scene.succeeded("slow").await?;
    scene.case.take("d", "prod").await?;
    scene.remain(&["d"]).await?;
    scene.finish().await
}

impl Scene {
    /// Waits until only these snapshots are there, and retention has looked at them.
    pub(super) async fn remain(&self, expected: &[&str]) -> Result<()> {
        let what = format!("{expected:?} to remain");
        harness::wait::until_ok(what, PATIENCE, async || {
            let names = self.case.snapshot_names().await?;
            ensure!(names == expected, "there are {names:?}");
            Ok(())
        })
        .await
    }
}

/// A stored snapshot that somebody took away.
pub(super) struct TakenAway {
    from: PathBuf,
    to: PathBuf,
}

impl TakenAway {
    /// Puts it back, so that the judge finds the store as Kubernetes knows it.
    pub(super) fn put_back(self) -> Result<()> {
        fs::rename(&self.to, &self.from).context("put a snapshot back")
    }
}

impl Scene {
    /// Takes the only stored snapshot away, behind everybody's back.
    pub(super) fn take_away(&self) -> Result<TakenAway> {
        let keys = self.case.stored()?.into_keys();
        let mut manifests = keys.filter(|key| key.ends_with("/manifest.json"));
        let (Some(manifest), None) = (manifests.next(), manifests.next()) else {
            anyhow::bail!("there is not one snapshot")
        };
        let from = self.case.folder.join(manifest);
        let from = from.parent().context("a manifest has a folder")?.to_path_buf();
        let to = self.disk.claim("taken-away");
        fs::rename(&from, &to).context("take a snapshot away")?;
        Ok(TakenAway { from, to })
    }
}

#[tokio::test]
async fn a_snapshot_that_is_deleted_after_it_was_found_is_named_and_no_target_is_touched() -> Result<()> {
    let scene = Scene::begin("restore-source-gone").await?;
    scene.case.take("before", "prod").await?;
    for index in 0..3 {
        scene.kubelet.hold(&format!("-prepare-{index}"));
    }
    scene
        .create("late", &scene.spec(&json!({"snapshotName": "before"})))
        .await?;
    let found = |status: &EtcdRestoreStatus| status.phase == RestorePhase::Preparing;
    let status = scene.until("late", "the snapshot to be found", found).await?;
    let key = status.source.context("no source")?.key;
    scene.jobs("prepare", 3).await?;
    let taken_away = scene.take_away()?;
    scene.kubelet.release();
    let failed = scene.failed("late").await?;
    let message = failed.message.unwrap_or_default();
    let run = key.rsplit('/').nth(1).context("a key without a run")?;
    ensure!(
        failed.reason.as_deref() == Some("SourceDeleted") && message.contains(run),
        "{:?}: {message}",
        failed.reason
    );
    ensure!(
        message.contains("the old data of every target is in place"),
        "{message}"
    );
    for index in 0..3 {
        ensure!(is_untouched(&scene.data(index)), "data-{index} was touched");
    }
    // Trying again cannot help: no Job had a second pod. When one member is quicker to fail than others, their Jobs may be gone.
    let pods: Api<Pod> = Api::namespaced(scene.case.client.clone(), &scene.case.namespace);
    let pods = pods.list(&ListParams::default()).await?.items;
    let names: Vec<_> = pods.iter().map(ResourceExt::name_any).collect();
    let prepared = names.iter().filter(|name| name.contains("-prepare-"));
    let (first, more): (Vec<_>, Vec<_>) = prepared.partition(|name| name.ends_with("-0"));
    ensure!(!first.is_empty() && more.is_empty(), "there are {names:?}");
    taken_away.put_back()?;
    scene.finish().await
}
