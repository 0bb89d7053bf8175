//! Restores that are in each other's way, and those that are deleted.

use anyhow::{Context, Result, ensure};
use etcd_backup_api::{MemberPhase, RestorePhase};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt, api::ListParams};
use serde_json::json;

use super::{
    disk::{is_untouched, names},
    scene::Scene,
};

#[tokio::test]
async fn of_two_restores_of_one_target_one_is_refused_and_the_other_done() -> Result<()> {
    let scene = Scene::begin("restore-rivals").await?;
    scene.case.take("before", "prod").await?;
    scene.kubelet.hold("-prepare-0");
    let spec = scene.spec(&json!({"snapshotName": "before"}));
    scene.create("first", &spec).await?;
    scene
        .until("first", "it to begin", |status| {
            status.phase == RestorePhase::Preparing
        })
        .await?;
    // One member in common is enough.
    let mut other = spec.clone();
    other["members"] = json!([spec["members"][2]]);
    scene.create("second", &other).await?;
    let refused = scene.failed("second").await?;
    ensure!(
        refused.reason.as_deref() == Some("RestoreUnderWay"),
        "{}",
        json!(refused)
    );
    ensure!(refused.message.unwrap_or_default().contains("first"));
    scene.kubelet.release();
    scene.succeeded("first").await?;
    // Now it may.
    scene.create("third", &spec).await?;
    scene.succeeded("third").await?;
    scene.finish().await
}

#[tokio::test]
async fn a_restore_that_is_deleted_while_it_prepares_leaves_nothing() -> Result<()> {
    let scene = Scene::begin("restore-deleted").await?;
    scene.case.take("before", "prod").await?;
    scene.kubelet.hold("-prepare-2");
    let spec = scene.spec(&json!({"snapshotName": "before"}));
    let created = scene.create("deleted", &spec).await?;
    scene
        .until("deleted", "two members to be prepared", |status| {
            let prepared = status
                .members
                .iter()
                .filter(|member| member.phase == MemberPhase::Prepared);
            prepared.count() == 2
        })
        .await?;
    let prepared = format!(".etcd-restore-{}", created.uid().context("no UID")?);
    ensure!(
        names(&scene.data(0)) == [&prepared, "member"],
        "{:?}",
        names(&scene.data(0))
    );
    scene.delete("deleted").await?;
    for index in 0..3 {
        ensure!(
            is_untouched(&scene.data(index)),
            "{:?}",
            names(&scene.data(index))
        );
    }
    // Its Jobs go with it where there is a garbage collector; nothing of them runs.
    let pods: Api<Pod> = Api::namespaced(scene.case.client.clone(), &scene.case.namespace);
    let pods = pods.list(&ListParams::default()).await?.items;
    let open = pods.iter().filter(|pod| {
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        !matches!(phase, Some("Succeeded" | "Failed"))
    });
    let open: Vec<_> = open.map(ResourceExt::name_any).collect();
    ensure!(open.is_empty(), "{open:?}");
    scene.finish().await
}
