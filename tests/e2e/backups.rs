//! Backups that the installed operator makes.

use anyhow::{Context, Result, ensure};
use harness::{etcd::Version, wait};
use serde_json::{Value, json};

use crate::{
    case::{Case, PATIENCE},
    cluster::Cluster,
    world::World,
};

/// Three members with TLS and volumes, found by the names of their pods.
pub(crate) async fn a_stateful_set(world: &'static World) -> Result<()> {
    let case = Case::begin(world, "stateful-set")?;
    let cluster = Cluster::start(&case)?;
    cluster.etcd.fill(5).await?;
    case.plan("prod", &cluster.etcd.endpoints)?;
    let status = case.take("first", "prod").await?;
    is_as_it_was(&case, &cluster, &status).await?;
    case.end().await
}

/// The same by a Job: its pod reaches etcd and the store with Secrets that are mounted, and no token of Kubernetes.
pub(crate) async fn by_a_job(world: &'static World) -> Result<()> {
    let case = Case::begin(world, "by-a-job")?;
    case.kubectl(&[
        "label",
        "namespace",
        &case.namespace,
        "pod-security.kubernetes.io/warn=restricted",
    ])?;
    let cluster = Cluster::start(&case)?;
    cluster.etcd.fill(5).await?;
    case.plan("prod", &cluster.etcd.endpoints)?;
    let change = json!({"spec": {"runner": {"type": "Job"}}}).to_string();
    case.kubectl(&["patch", "etcdbackup", "prod", "--type=merge", "--patch", &change])?;
    let status = case.take("first", "prod").await?;
    let job = status["job"].as_str().context("the status names no Job")?;
    let succeeded = case.kubectl(&["get", "job", job, "--output=jsonpath={.status.succeeded}"])?;
    ensure!(succeeded == "1", "the Job {job} says {succeeded}");
    is_as_it_was(&case, &cluster, &status).await?;
    case.kubectl(&["delete", "etcdsnapshot", "first", "--wait"])?;
    let gone = async || {
        case.kubectl(&[
            "get",
            "jobs,pods",
            "--selector=etcdbackup.dev/snapshot-uid",
            "--output=name",
        ])
        .is_ok_and(|left| left.trim().is_empty())
    };
    wait::until("the Job to go with its snapshot", PATIENCE, gone).await?;
    case.end().await
}

/// The one backup in the bucket is what the cluster holds.
async fn is_as_it_was(case: &Case, cluster: &Cluster, status: &Value) -> Result<()> {
    let holdings = case.judge(Version::V3_6).await?;
    ensure!(
        holdings.backups.len() == 1,
        "the bucket holds {} backups",
        holdings.backups.len()
    );
    let backup = &holdings.backups[0];
    let said = &backup.manifest["snapshot"]["hashKv"]["hash"];
    let living = cluster.etcd.hash(backup.revision).await?;
    ensure!(
        said.as_u64() == Some(living),
        "HashKV is {living} in the cluster, and the manifest says {said}"
    );
    // Its status leads to what the store holds.
    let key = status["object"]["key"].as_str().context("no key in the status")?;
    let object = backup.object()?;
    ensure!(object.ends_with(key), "the status says {key}, and it is {object}");
    Ok(())
}

/// The etcd of the API server that the operator itself talks to, as in a cluster of kubeadm's.
pub(crate) async fn the_api_servers_own_etcd(world: &'static World) -> Result<()> {
    let case = Case::begin(world, "own-etcd")?;
    let rig = world.rig.read().await;
    let tls = rig.etcd.tls.as_ref().context("it speaks TLS")?;
    case.etcd_secret(&tls.authority.pem(), &tls.client)?;
    case.plan("control-plane", &rig.etcd.endpoints())?;
    let status = case.take("first", "control-plane").await?;

    let holdings = case.judge(rig.etcd.version).await?;
    let backup = holdings.backups.last().context("the bucket holds no backup")?;
    let living = rig.etcd.client().await?.hash_kv(backup.revision).await;
    let living = living.context("ask for HashKV")?.hash();
    let said = &backup.manifest["snapshot"]["hashKv"]["hash"];
    ensure!(
        said.as_u64() == Some(u64::from(living)),
        "HashKV is {living} in the API server's etcd, and the manifest says {said}"
    );
    // It holds what Kubernetes held, the snapshot's own object included.
    ensure!(
        status["etcd"]["revision"] == backup.revision,
        "the status speaks of another revision: {status}"
    );
    case.end().await
}
