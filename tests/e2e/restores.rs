//! What the installed operator restores.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use etcd_client::GetOptions;
use harness::wait;
use serde_json::{Value, json};

use crate::{
    case::{Case, condition},
    cluster::{self, Cluster},
    world::World,
};

/// Everything is lost: the pods, the claims, the data. What starts again is empty, until one object brings it all back.
pub(crate) async fn a_lost_stateful_set(world: &'static World) -> Result<()> {
    let case = Case::begin(world, "lost-set")?;
    let cluster = Cluster::start(&case)?;
    cluster.fill(5).await?;
    case.plan("prod", &cluster.endpoints())?;
    let taken = case.take("last", "prod").await?;

    cluster.destroy(&case)?;
    cluster.start_again(&case)?;
    let empty = keys(&cluster).await?;
    ensure!(empty.is_empty(), "the new cluster holds {} keys", empty.len());

    let set = json!({"name": cluster::NAME, "subPath": cluster::DATA});
    case.apply(&[json!({
        "apiVersion": "etcdbackup.dev/v1alpha1", "kind": "EtcdRestore", "metadata": {"name": "all-of-it"},
        "spec": {
            "source": {"backup": {"name": "prod"}}, "statefulSet": set, "existingData": "ReplaceAside",
            "members": cluster.members(), "timeout": "5m",
        },
    })])?;
    let status = case
        .status_within(
            "etcdrestore/all-of-it",
            Duration::from_mins(4),
            "it to end",
            |status| status["phase"] == "Succeeded" || status["phase"] == "Failed",
        )
        .await?;
    ensure!(status["phase"] == "Succeeded", "{status}");
    ensure!(
        condition(&status, "Complete").is_some_and(|condition| condition["status"] == "True"),
        "it has succeeded and is not Complete: {status}"
    );
    ensure!(
        status["source"]["revision"] == taken["etcd"]["revision"],
        "another snapshot was restored: {status}"
    );
    cluster::ready(&case)?;
    compare(&cluster, &status).await?;
    case.end()
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
    wait::until_ok("the cluster to answer", Duration::from_secs(60), async || {
        let mut client = cluster.connect().await?;
        let all = Some(GetOptions::new().with_prefix());
        let found = client.get("/registry/case/", all).await.context("read")?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let pairs = found.kvs().iter();
        Ok(pairs.map(|pair| (text(pair.key()), text(pair.value()))).collect())
    })
    .await
}
