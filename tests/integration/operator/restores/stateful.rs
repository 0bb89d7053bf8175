//! A StatefulSet's members: stopped, restored, started, asked.

use anyhow::{Context, Result, bail, ensure};
use kube::ResourceExt;

use super::{members::Members, scene::Scene, set::Set};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_statefulset_is_stopped_restored_started_and_found_to_agree() -> Result<()> {
    let scene = Scene::begin("restore-set").await?;
    scene.case.take("before", "prod").await?;
    let set = Set::create(&scene).await?;
    tokio::select! {
        () = set.control() => bail!("the controller ended"),
        done = restored(&scene, &set) => done?,
    }
    scene.finish().await
}

/// Restores the running StatefulSet.
async fn restored(scene: &Scene, set: &Set) -> Result<()> {
    set.runs().await?;
    let created = scene.create("whole-set", &set.restore()).await?;
    let status = scene.succeeded("whole-set").await?;
    let message = status.message.clone().unwrap_or_default();
    ensure!(
        message.contains("3 members answer") && message.contains("what was restored"),
        "{message}"
    );
    let pinned = status.stateful_set.context("no StatefulSet was pinned")?;
    ensure!(
        pinned.replicas == 3 && pinned.run_as_user == Some(1001),
        "{pinned:?}"
    );
    let jobs = scene.jobs("prepare", 3).await?;
    let user = jobs[0].spec.as_ref().and_then(|spec| {
        spec.template
            .spec
            .as_ref()?
            .security_context
            .as_ref()?
            .run_as_user
    });
    ensure!(user == Some(1001), "the pods run as {user:?}");
    let uid = created.uid().context("no UID")?;
    let aside = format!("member.replaced-{}", &uid.replace('-', "")[..8]);
    for (name, _, data) in &set.places {
        ensure!(
            data.join(&aside).join("snap/db").is_file(),
            "nothing of {name} went aside"
        );
    }
    Members::at(&set.clients).hold_what(scene.subject).await
}
