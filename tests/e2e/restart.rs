//! A node that loses power in the middle of something.

use std::time::Duration;

use anyhow::{Result, ensure};
use harness::etcd::Version;
use rustix::process::Signal;

use crate::{
    case::Case,
    cluster::{self, Cluster},
    world::World,
};

/// Both replicas of the operator and all members of the etcd go at once, while the store keeps a run waiting.
pub(crate) async fn during_a_backup(world: &'static World) -> Result<()> {
    let case = Case::begin(world, "node-restart")?;
    let cluster = Cluster::start(&case)?;
    cluster.etcd.fill(5).await?;
    case.plan("prod", &cluster.etcd.endpoints)?;
    case.take("before", "prod").await?;

    world.gateway.signal(Signal::STOP)?;
    let lost = lose_power(world, &case).await;
    world.gateway.signal(Signal::CONT)?;
    lost?;

    cluster::ready(&case)?;
    world.rolled_out(Duration::from_secs(90))?;
    let status = case.over("during").await?;
    ensure!(status["phase"] == "Failed", "the run that was cut off: {status}");
    let note = case.event("SnapshotFailed", "during").await?;
    ensure!(note.contains("is gone"), "the event says: {note}");

    case.take("after", "prod").await?;
    let counts = "--output=jsonpath={.items[*].status.containerStatuses[*].restartCount}";
    let restarts = case.kubectl(&["get", "pods", counts])?;
    ensure!(
        restarts.split(' ').all(|count| count != "0") && !restarts.is_empty(),
        "the members were restarted {restarts} times"
    );
    let holdings = case.judge(Version::V3_6).await?;
    holdings.ensure_number(2)?;
    case.end().await
}

async fn lose_power(world: &World, case: &Case) -> Result<()> {
    case.ask("during", "prod")?;
    let running = |status: &serde_json::Value| status["phase"] == "Running";
    case.status("etcdsnapshot/during", "it to run", running).await?;
    let mut rig = world.rig.write().await;
    rig.lose_power().await?;
    rig.power_on().await
}
