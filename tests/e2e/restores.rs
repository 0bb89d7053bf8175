//! What the installed operator restores.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use etcd_client::GetOptions;
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
    let cluster = Cluster::start(&case)?;
    cluster.fill(5).await?;
    case.plan("prod", &cluster.endpoints())?;
    let taken = case.take("last", "prod").await?;

    cluster::destroy(&case)?;
    cluster.start_again(&case)?;
    let empty = keys(&cluster).await?;
    ensure!(empty.is_empty(), "the new cluster holds {} keys", empty.len());

    ask(&case, &cluster)?;
    brought_back(&case, &cluster, &taken).await?;
    case.end()
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
    cluster::ready(case)?;
    compare(cluster, &status).await
}

/// The node loses power while every member is being prepared: what was begun is begun again.
pub(crate) async fn through_a_node_restart(world: &'static World) -> Result<()> {
    let case = Case::begin(world, "restart-restore")?;
    let cluster = Cluster::start(&case)?;
    cluster.fill(5).await?;
    case.plan("prod", &cluster.endpoints())?;
    let taken = case.take("last", "prod").await?;
    cluster.fill(1).await?;

    ask(&case, &cluster)?;
    let lost = lose_power(world, &case).await;
    world.gateway.signal(Signal::CONT)?;
    lost?;

    world.rolled_out(Duration::from_secs(90))?;
    brought_back(&case, &cluster, &taken).await?;
    case.end()
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
    let mut rig = world.rig.lock().await;
    rig.lose_power().await?;
    rig.power_on().await
}

/// The cluster holds what was last written before the backup, and its HashKV is the one that was restored.
async fn compare(cluster: &Cluster, status: &Value) -> Result<()> {
    let found = keys(cluster).await?;
    ensure!(found.len() == 100, "there are {} keys", found.len());
    for (key, value) in found {
        let number = key.rsplit('/').next().unwrap_or_default();
        let wanted = format!("value {number} of time 4").repeat(20);
        ensure!(value == wanted, "{key} is {value}");
    }
    let revision = status["revision"].as_i64().context("no revision in the status")?;
    let living = cluster.hash(revision).await?;
    let members = status["members"].as_array().context("no members in the status")?;
    ensure!(members.len() == 3, "{status}");
    for member in members {
        ensure!(
            member["hashKV"].as_u64() == Some(living),
            "HashKV is {living} in the cluster: {member}"
        );
    }
    Ok(())
}

/// What the case wrote, and is there.
async fn keys(cluster: &Cluster) -> Result<Vec<(String, String)>> {
    // A leader may still be missing right after the start.
    wait::until_ok("the cluster to answer", Duration::from_mins(1), async || {
        let mut client = cluster.connect().await?;
        let all = Some(GetOptions::new().with_prefix());
        let found = client.get("/registry/case/", all).await.context("read")?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let pairs = found.kvs().iter();
        Ok(pairs.map(|pair| (text(pair.key()), text(pair.value()))).collect())
    })
    .await
}
