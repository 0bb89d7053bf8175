//! How far Jobs are, while a slow store keeps them waiting. Their pods have no token: the operator reads it in their logs.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{
    etcd::Version,
    rig::Rig,
    s3::{Fault, Operation, Quirks, S3Server},
    scratch,
};
use serde_json::{Value, json};

use crate::{
    case::{Case, PATIENCE},
    cluster::Cluster,
    restores,
    world::World,
};

/// The smallest step in which statuses show progress.
const STEP: u64 = 16 << 20;
/// The snapshot's size, in values of the size below: three steps.
const VALUES: u64 = 40;
const VALUE: usize = 1 << 20;

/// The longest that a drill or a restore may take on a machine that is busy.
const LONG: Duration = Duration::from_mins(4);

pub(crate) async fn of_jobs(world: &'static World) -> Result<()> {
    let case = Case::begin(world, "progress")?;
    let cluster = Cluster::start(&case)?;
    cluster.etcd.fill(5).await?;
    fill(&cluster).await?;
    let address = format!("{}:0", Rig::HOST);
    let server = S3Server::listen(&address, &case.namespace, Quirks::default()).await?;
    plan(&case, &cluster, &server)?;
    let taken = backup(&case, &server).await?;

    let folder = scratch::folder("objects")?;
    server.save(folder.path())?;
    case.judge_at(folder.path(), Version::V3_6).await?;

    drill(&case, &server).await?;
    restore(&case, &cluster, &server).await?;
    restores::brought_back(&case, &cluster, &taken).await?;
    case.end().await
}

/// Writes what no compression makes smaller.
async fn fill(cluster: &Cluster) -> Result<()> {
    let mut client = cluster.etcd.connect().await?;
    let mut state = 1_u64;
    for number in 0..VALUES {
        let value: Vec<u8> = (0..VALUE / 8)
            .flat_map(|_| {
                // xorshift64
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state.to_le_bytes()
            })
            .collect();
        let key = format!("/large/{number}");
        client
            .put(key, value, None)
            .await
            .context("write a large value")?;
    }
    Ok(())
}

/// Jobs take its snapshots, into a store that does what the case says.
fn plan(case: &Case, cluster: &Cluster, server: &S3Server) -> Result<()> {
    let keys =
        json!({"AWS_ACCESS_KEY_ID": S3Server::ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": S3Server::SECRET_KEY});
    case.secret("slow-store", &keys)?;
    case.plan("prod", &cluster.etcd.endpoints)?;
    let s3 = json!({"endpoint": server.endpoint, "credentials": {"secretName": "slow-store"}});
    patch(
        case,
        &json!({"runner": {"type": "Job"}, "storage": {"s3": s3}, "timeout": "4m"}),
    )
}

fn patch(case: &Case, spec: &Value) -> Result<()> {
    let change = json!({"spec": spec}).to_string();
    case.kubectl(&["patch", "ebk/prod", "--type=merge", "--patch", &change])
        .map(drop)
}

async fn backup(case: &Case, server: &S3Server) -> Result<Value> {
    let slowly = Fault::SlowReceive {
        bytes_per_second: 800_000,
    };
    server.plan().on(Operation::UploadPart).times(1).fails(slowly);
    case.ask("first", "prod")?;
    let moving = |status: &Value| status["phase"] == "Running" && bytes(&status["progress"]) >= STEP;
    let status = case
        .status("etcdsnapshot/first", "progress of its Job", moving)
        .await?;
    let total = status["progress"]["total"].as_u64().unwrap_or_default();
    ensure!(total >= VALUES * VALUE as u64, "of how many? {status}");
    let status = case.over("first").await?;
    ensure!(
        status["phase"] == "Succeeded" && status["progress"].is_null(),
        "{status}"
    );
    Ok(status)
}

/// From now on whoever reads the snapshot gets it drop by drop.
fn drip(server: &S3Server) {
    let slowly = Fault::DripAnswer {
        bytes_per_second: 4 << 20,
    };
    server.plan().on(Operation::Get).key("snapshot.db").fails(slowly);
}

async fn drill(case: &Case, server: &S3Server) -> Result<()> {
    drip(server);
    patch(case, &json!({"verification": "Restore"}))?;
    let moving = |status: &Value| is_received(&status["drill"]["running"]["progress"]);
    case.status("etcdbackup/prod", "progress of the drill's Job", moving)
        .await?;
    server.plan().clear();
    let over = |status: &Value| status["drill"]["last"]["result"] == "Succeeded";
    case.status_within("etcdbackup/prod", LONG, "the drill to end well", over)
        .await
        .map(drop)
}

async fn restore(case: &Case, cluster: &Cluster, server: &S3Server) -> Result<()> {
    drip(server);
    restores::ask(case, cluster)?;
    let restore = format!("etcdrestore/{}", restores::RESTORE);
    let members = |status: &Value| status["members"].as_array().cloned().unwrap_or_default();
    let moving = |status: &Value| {
        members(status)
            .iter()
            .any(|member| is_received(&member["progress"]))
    };
    case.status_within(&restore, PATIENCE * 2, "progress of a member's Job", moving)
        .await?;
    server.plan().clear();
    let prepared = |status: &Value| status["phase"] != "Preparing" && status["phase"] != "Failed";
    let status = case
        .status_within(&restore, LONG, "its members to be prepared", prepared)
        .await?;
    ensure!(
        members(&status).iter().all(|member| member["progress"].is_null()),
        "{status}"
    );
    Ok(())
}

fn is_received(progress: &Value) -> bool {
    progress["stage"] == "Receiving" && bytes(progress) >= STEP
}

fn bytes(progress: &Value) -> u64 {
    progress["bytes"].as_u64().unwrap_or_default()
}
