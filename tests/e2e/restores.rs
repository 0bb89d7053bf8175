//! What the installed operator restores.

use std::time::Duration;

use anyhow::{Result, ensure};
use harness::wait;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    case::{Case, condition},
    cluster::{self, Cluster},
    world::World,
};

/// The longest that a restore may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_mins(4);
/// The EtcdRestore.
pub(crate) const RESTORE: &str = "all-of-it";

/// Everything is lost: the pods, the claims, the data. What starts again is empty, until one object brings it all back.
pub(crate) async fn a_lost_stateful_set(world: &'static World) -> Result<()> {
    let case = Case::begin(world, "lost-set")?;
    // Volumes need no root.
    case.admit("restricted")?;
    let cluster = Cluster::start(&case)?;
    cluster.etcd.fill(5).await?;
    case.plan("prod", &cluster.etcd.endpoints)?;
    let taken = case.take("last", "prod").await?;

    cluster::destroy(&case)?;
    cluster.start_again(&case)?;
    let empty = cluster.etcd.keys().await?;
    ensure!(empty.is_empty(), "the new cluster holds {} keys", empty.len());

    ask(&case, &cluster)?;
    brought_back(&case, &cluster, &taken).await?;
    case.end().await
}

/// Asks for the plan's newest snapshot in the volumes of the StatefulSet.
pub(crate) fn ask(case: &Case, cluster: &Cluster) -> Result<()> {
    let set = json!({"name": cluster::NAME, "subPath": cluster::DATA});
    case.apply(&[json!({
        "apiVersion": "etcdbackup.dev/v1alpha1", "kind": "EtcdRestore", "metadata": {"name": RESTORE},
        "spec": {
            "source": {"backup": {"name": "prod"}}, "statefulSet": set, "existingData": "ReplaceAside",
            "members": cluster.members(), "timeout": "5m",
        },
    })])
}

/// Waits until the restore has ended well, and looks at what it left.
pub(crate) async fn brought_back(case: &Case, cluster: &Cluster, taken: &Value) -> Result<()> {
    let status = ended_well(case, taken).await?;
    cluster::ready(case)?;
    cluster.etcd.holds(5, &status).await
}

/// Waits until the restore has ended well with the snapshot that was `taken`, and gives its status.
pub(crate) async fn ended_well(case: &Case, taken: &Value) -> Result<Value> {
    let ended = |status: &Value| status["phase"] == "Succeeded" || status["phase"] == "Failed";
    let object = format!("etcdrestore/{RESTORE}");
    let status = case.status_within(&object, PATIENCE, "it to end", ended).await?;
    ensure!(status["phase"] == "Succeeded", "{status}");
    ensure!(
        condition(&status, "Complete").is_some_and(|condition| condition["status"] == "True"),
        "it has succeeded and is not Complete: {status}"
    );
    ensure!(
        status["source"]["revision"] == taken["etcd"]["revision"],
        "another snapshot was restored: {status}"
    );
    Ok(status)
}

/// The node loses power while every member is being prepared: what was begun is begun again.
pub(crate) async fn through_a_node_restart(world: &'static World) -> Result<()> {
    let case = Case::begin(world, "restart-restore")?;
    let cluster = Cluster::start(&case)?;
    cluster.etcd.fill(5).await?;
    case.plan("prod", &cluster.etcd.endpoints)?;
    let taken = case.take("last", "prod").await?;
    cluster.etcd.fill(1).await?;

    ask(&case, &cluster)?;
    let lost = lose_power(world, &case).await;
    world.gateway.signal(Signal::CONT)?;
    lost?;

    world.rolled_out(Duration::from_secs(90))?;
    brought_back(&case, &cluster, &taken).await?;
    case.end().await
}

/// Takes the power while a pod waits for a store that says nothing.
async fn lose_power(world: &World, case: &Case) -> Result<()> {
    // What is to be restored is known. The members are still to be stopped, and the first Job to be made.
    let preparing = |status: &Value| status["phase"] == "Preparing";
    case.status(&format!("etcdrestore/{RESTORE}"), "it to prepare", preparing)
        .await?;
    world.gateway.signal(Signal::STOP)?;
    let running = [
        "get",
        "pods",
        "--selector=batch.kubernetes.io/job-name",
        "--field-selector=status.phase=Running",
        "--output=name",
    ];
    wait::until_ok("a pod of a Job to run", PATIENCE, async || {
        let pods = case.kubectl(&running)?;
        ensure!(!pods.is_empty(), "there is none");
        Ok(())
    })
    .await?;
    let mut rig = world.rig.write().await;
    rig.lose_power().await?;
    rig.power_on().await
}
