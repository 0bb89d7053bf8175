//! Two operators, of which one leads.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use etcd_backup_api::{EtcdSnapshot, SnapshotPhase};
use harness::{
    etcd::Version,
    operator::Operator,
    proxy::Proxy,
    s3::{Operation, S3Server, Seen},
    wait,
};
use kube::ResourceExt;
use serde_json::json;

use super::{
    case::Case,
    data,
    outcome::{PATIENCE, phase},
    plan::{PREFIX, Plan},
    schedule::{away_for, now},
    world::{self, SHORT_LEASE},
};

/// Whether it says itself that it leads.
pub(super) async fn leads(operator: &Operator) -> bool {
    let metrics = operator.metrics().await.unwrap_or_default();
    metrics.lines().any(|line| line == "etcd_backup_leader 1")
}

#[tokio::test]
async fn the_second_takes_over_when_the_leader_is_killed_and_no_slot_is_run_twice() -> Result<()> {
    let stage = world::breakable().await?;
    let mut case = Case::on(&stage, "replicas").await?;
    let etcd = data::etcd(Version::V3_6).await?;
    let mut first = stage.operator(&SHORT_LEASE).await?;
    wait::until("the first to lead", PATIENCE, async || leads(&first).await).await?;
    let mut second = stage.replica(&SHORT_LEASE)?;
    case.follow(&first);
    case.follow(&second);
    // Ready, and not leading: a replica that waits is no broken one.
    second.ready().await?;
    ensure!(!leads(&second).await, "both lead");

    let plan = Plan::new("prod", &etcd, &case).with("schedule", json!("* * * * *"));
    case.apply(&plan).await?;
    case.take("by-the-first", "prod").await?;
    first.process().kill()?;
    wait::until("the second to lead", PATIENCE, async || leads(&second).await).await?;
    case.take("by-the-second", "prod").await?;
    let slot = wait::until_some("a slot to be run", PATIENCE, async || {
        let snapshots = case.all_snapshots().await.ok()?;
        let mut done = snapshots
            .iter()
            .filter(|snapshot| phase(snapshot) == SnapshotPhase::Succeeded);
        done.find_map(slot_of)
    })
    .await?;
    ensure!(slot <= now(), "it ran a slot before its time");
    case.edit("prod", json!({"spec": {"suspend": true}})).await?;
    let holdings = case.finish(&etcd).await?;
    let slots: Vec<_> = holdings
        .backups
        .iter()
        .filter_map(|backup| backup.manifest["times"]["scheduled"].as_str())
        .collect();
    let distinct: BTreeSet<_> = slots.iter().collect();
    ensure!(
        !slots.is_empty() && distinct.len() == slots.len(),
        "slots that were run: {slots:?}"
    );
    let ended = second.stop().await?;
    ensure!(ended.success(), "it ended with {ended}");
    Ok(())
}

fn slot_of(snapshot: &EtcdSnapshot) -> Option<chrono::DateTime<chrono::Utc>> {
    snapshot.status.as_ref().and_then(|status| status.scheduled_time)
}

#[tokio::test]
async fn a_leader_that_ends_in_order_hands_over_at_once() -> Result<()> {
    let stage = world::breakable().await?;
    let mut case = Case::on(&stage, "hand-over").await?;
    let etcd = data::etcd(Version::V3_6).await?;
    // Nobody waits this long: only a lease that was given back lets the second lead within the test's patience.
    let long = ["--lease-duration=600s", "--lease-renew-deadline=500s"];
    let mut first = stage.operator(&long).await?;
    wait::until("the first to lead", PATIENCE, async || leads(&first).await).await?;
    let mut second = stage.replica(&long)?;
    second.ready().await?;
    case.follow(&second);
    ensure!(first.stop().await?.success(), "the first did not end well");
    wait::until("the second to lead", PATIENCE, async || leads(&second).await).await?;
    case.apply(&Plan::new("prod", &etcd, &case)).await?;
    let snapshot = case.take("first", "prod").await?;
    ensure!(snapshot.name_any() == "first", "it is another one");
    case.finish(&etcd).await?;
    second.stop().await.context("end the second")?;
    Ok(())
}

/// What changes a store.
const CHANGES: [Operation; 6] = [
    Operation::Put,
    Operation::CreateUpload,
    Operation::UploadPart,
    Operation::CompleteUpload,
    Operation::AbortUpload,
    Operation::Delete,
];

/// Where the run writes to which a request belongs; nothing of what belongs to no run.
fn place_of(request: &Seen) -> Option<&str> {
    let changes = CHANGES.contains(&request.operation);
    let (place, _) = request.key.rsplit_once('/').filter(|_| changes)?;
    (!request.key.ends_with("/owner.json")).then_some(place)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_cut_off_from_kubernetes_is_silent_before_another_begins_and_its_slot_is_run_once()
-> Result<()> {
    let stage = world::breakable().await?;
    let mut case = Case::on(&stage, "cut-off").await?;
    let etcd = data::etcd(Version::V3_6).await?;
    let server = S3Server::start(&case.bucket).await?;
    case.stores_in_process().await?;
    // The store takes ten seconds for the first part: by then the first has lost the lead, and would be done but for that.
    data::slow_once(&server);
    let wire = Proxy::before(stage.server.port())?;
    let mut first = stage.replica_through(wire.port(), &SHORT_LEASE)?;
    wait::until("the first to lead", PATIENCE, async || leads(&first).await).await?;
    let mut second = stage.replica(&SHORT_LEASE)?;
    second.ready().await?;
    case.follow(&first);
    case.follow(&second);

    let plan = Plan::new("prod", &etcd, &case)
        .into(&server)
        .with("retries", json!(2));
    let plan = plan.with("schedule", json!("@hourly"));
    case.apply(&plan.with("startingDeadline", json!("61m"))).await?;
    away_for(&case, "prod", 1).await?;
    let sent = async || server.plan().count(Operation::UploadPart) > 0;
    wait::until("the slot's first part to be sent", PATIENCE, sent).await?;
    wire.cut();
    wait::until("the second to lead", PATIENCE, async || leads(&second).await).await?;
    ensure!(!leads(&first).await, "both lead");

    let name = case
        .all_snapshots()
        .await?
        .first()
        .context("no snapshot")?
        .name_any();
    let status = case.succeeded(&name).await?.status.unwrap_or_default();
    ensure!(
        status.attempts == Some(2),
        "it took {:?} attempts",
        status.attempts
    );
    wire.heal();
    first.ready().await?;

    let seen = server.plan().seen();
    let mut places: Vec<&str> = seen.iter().filter_map(place_of).collect();
    places.dedup();
    let written = format!("{PREFIX}/{}", status.object.unwrap_or_default().key);
    let [lost, won] = *places else {
        anyhow::bail!("the two wrote in turns: {places:?}")
    };
    ensure!(
        lost != won && written.starts_with(won),
        "{places:?}, and {written} counts"
    );
    let snapshots = case.all_snapshots().await?;
    ensure!(snapshots.len() == 1, "the slot has {} snapshots", snapshots.len());
    // Whichever of the two leads, it says of the bucket what is in it.
    let ended = second.stop().await?;
    ensure!(ended.success(), "it ended with {ended}");
    wait::until("the first to lead again", PATIENCE, async || leads(&first).await).await?;
    case.finish_in(&server, &etcd).await?.ensure_number(1)?;
    ensure!(first.stop().await?.success());
    Ok(())
}
