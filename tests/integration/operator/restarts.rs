//! Operators and API servers that go away in the middle of a run.

use std::process::ExitStatus;

use anyhow::{Context, Result, ensure};
use etcd_backup_api::SnapshotPhase;
use harness::{
    etcd::{Etcd, Version},
    s3::{Fault, Operation, S3Server},
    wait,
};
use rustix::process::Signal;
use serde_json::json;

use super::{
    case::Case,
    data,
    outcome::{PATIENCE, phase},
    permissions::logged,
    plan::Plan,
    replicas::leads,
    world::{self, LEASE, SHORT_LEASE, Stage},
};

/// A case on a stage, whose run stands still or is slow at its first part.
struct MidRun {
    case: Case,
    etcd: Etcd,
    server: S3Server,
}

impl MidRun {
    async fn prepare(stage: &Stage, name: &str, trouble: Fault) -> Result<Self> {
        let mut case = Case::on(stage, name).await?;
        let etcd = data::etcd(Version::V3_6).await?;
        let server = S3Server::start(&case.bucket).await?;
        case.stores_in_process().await?;
        server.plan().on(Operation::UploadPart).times(1).fails(trouble);
        let plan = Plan::new("prod", &etcd, &case).into(&server);
        case.apply(&plan.with("retries", json!(2))).await?;
        Ok(Self { case, etcd, server })
    }

    /// Asks for a snapshot and waits until its first part is under way.
    async fn begin(&self) -> Result<()> {
        self.case.ask("first", "prod").await?;
        let running = self.case.until_snapshot("first", "it to run", |snapshot| {
            phase(snapshot) == SnapshotPhase::Running
        });
        running.await?;
        let sent = async || self.server.plan().count(Operation::UploadPart) > 0;
        wait::until("a part to be sent", PATIENCE, sent).await
    }
}

/// An operator that ends in order gives the lease back, and the next test need not wait for it.
fn handed_over(ended: ExitStatus) -> Result<()> {
    ensure!(ended.success(), "it ended with {ended}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_whose_operator_was_killed_is_ended_honestly_and_tried_again() -> Result<()> {
    let stage = world::breakable().await?;
    let mut run = MidRun::prepare(&stage, "killed", Fault::Stall).await?;
    let mut killed = stage.operator(&LEASE).await?;
    run.case.follow(&killed);
    run.begin().await?;
    stage.kill(&mut killed).await?;
    let left = run.server.open_uploads();
    ensure!(left.len() == 1, "the killed operator left {left:?}");
    ensure!(
        run.server
            .objects()
            .keys()
            .all(|key| !key.ends_with("/manifest.json")),
        "there is a manifest of a snapshot that was never stored"
    );

    let mut operator = stage.operator(&LEASE).await?;
    run.case.follow(&operator);
    let failed = run.case.event("AttemptFailed", "first").await?;
    ensure!(failed.contains("is gone"), "the event says: {failed}");
    let status = run.case.succeeded("first").await?.status.unwrap_or_default();
    ensure!(
        status.attempts == Some(2),
        "it took {:?} attempts",
        status.attempts
    );
    // It is swept when it is a day old, by the store's clock and ours: none that a test can turn.
    ensure!(
        run.server.open_uploads() == left,
        "there are {:?}",
        run.server.open_uploads()
    );
    let holdings = run.case.finish_despite_uploads(&run.server, &run.etcd).await?;
    holdings.ensure_number(1)?;
    handed_over(operator.stop().await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_that_is_told_to_end_lets_its_run_end_first() -> Result<()> {
    let stage = world::breakable().await?;
    // Half of the grace of 20 s is for runs to end, the other half for cleaning up after those that do not.
    let slowly = Fault::SlowReceive {
        bytes_per_second: 5_000,
    };
    let mut run = MidRun::prepare(&stage, "sigterm-waits", slowly).await?;
    let mut operator = stage.operator(&LEASE).await?;
    run.case.follow(&operator);
    run.begin().await?;
    handed_over(operator.stop().await?)?;
    let snapshot = run.case.snapshots().get("first").await?;
    ensure!(
        phase(&snapshot) == SnapshotPhase::Succeeded,
        "it left the snapshot {:?}",
        phase(&snapshot)
    );
    // The next one takes over at once, since the lease was given back, and brings the plan up to date.
    let mut next = stage.operator(&LEASE).await?;
    run.case.follow(&next);
    run.case.finish_in(&run.server, &run.etcd).await?;
    handed_over(next.stop().await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_that_may_wait_no_longer_ends_its_run_in_order() -> Result<()> {
    let stage = world::breakable().await?;
    let mut run = MidRun::prepare(&stage, "sigterm-ends", Fault::Stall).await?;
    let flags = [&LEASE[..], &["--shutdown-grace=1s"]].concat();
    let mut operator = stage.operator(&flags).await?;
    run.case.follow(&operator);
    run.begin().await?;
    handed_over(operator.stop().await?)?;
    ensure!(
        run.server.open_uploads().is_empty(),
        "it left {:?}",
        run.server.open_uploads()
    );
    let snapshot = run.case.snapshots().get("first").await?;
    let status = snapshot.status.unwrap_or_default();
    ensure!(
        status.phase == SnapshotPhase::Pending && status.reason.as_deref() == Some("Interrupted"),
        "it left the snapshot {:?}: {:?}",
        status.phase,
        status.reason
    );
    let mut next = stage.operator(&LEASE).await?;
    run.case.follow(&next);
    let status = run.case.succeeded("first").await?.status.unwrap_or_default();
    ensure!(
        status.attempts == Some(1),
        "the interrupted attempt counts: {:?}",
        status.attempts
    );
    run.case.finish_in(&run.server, &run.etcd).await?;
    handed_over(next.stop().await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_success_is_not_lost_when_the_api_server_was_away() -> Result<()> {
    let mut stage = world::breakable().await?;
    // Leading goes on without the API server for as long as the deadline of the lease says.
    let flags = ["--lease-duration=60s", "--lease-renew-deadline=50s"];
    let mut run = MidRun::prepare(&stage, "api-server-away", data::SLOWLY).await?;
    let operator = stage.operator(&flags).await?;
    run.case.follow(&operator);
    run.begin().await?;
    stage.server.process().kill()?;
    let stored = async || {
        run.server
            .objects()
            .keys()
            .any(|key| key.ends_with("/manifest.json"))
    };
    wait::until("the manifest to be written meanwhile", PATIENCE, stored).await?;
    stage
        .server
        .start_again()
        .await
        .context("start the API server again")?;
    let status = run.case.succeeded("first").await?.status.unwrap_or_default();
    ensure!(
        status.attempts == Some(1),
        "it took {:?} attempts",
        status.attempts
    );
    let mut operator = operator;
    let holdings = run.case.finish_in(&run.server, &run.etcd).await?;
    holdings.ensure_number(1)?;
    handed_over(operator.stop().await?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_was_frozen_wakes_up_without_rights_and_its_run_is_not_run_twice() -> Result<()> {
    let stage = world::breakable().await?;
    // The store has taken the part before the second leads: awake again, the first is one step from a second backup.
    let slowly = Fault::SlowReceive {
        bytes_per_second: 5_000,
    };
    let mut run = MidRun::prepare(&stage, "frozen-leader", slowly).await?;
    let mut frozen = stage.operator(&SHORT_LEASE).await?;
    wait::until("the first to lead", PATIENCE, async || leads(&frozen).await).await?;
    let mut second = stage.replica(&SHORT_LEASE)?;
    run.case.follow(&frozen);
    run.case.follow(&second);
    second.ready().await?;
    run.begin().await?;
    frozen.process().signal(Signal::STOP)?;
    wait::until("the second to lead", PATIENCE, async || leads(&second).await).await?;
    // Awake again, with everything it needs for the rest of its run but the lead.
    frozen.process().signal(Signal::CONT)?;
    logged(frozen.log(), &["no longer the leader"]).await?;
    ensure!(!leads(&frozen).await, "both lead");
    let status = run.case.succeeded("first").await?.status.unwrap_or_default();
    ensure!(
        status.attempts == Some(2),
        "it took {:?} attempts",
        status.attempts
    );
    handed_over(frozen.stop().await?)?;
    let holdings = run.case.finish_despite_uploads(&run.server, &run.etcd).await?;
    holdings.ensure_number(1)?;
    handed_over(second.stop().await?)
}
