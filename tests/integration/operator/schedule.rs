//! Snapshots by the clock.
//!
//! A slot comes at most once a minute. Where a test needs one that is due now, it makes the plan believe that it last
//! looked hours ago: `status.lastSlot` is what an operator that was away would have left.

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, TimeDelta, Timelike, Utc};
use etcd_backup_api::{EtcdBackup, EtcdSnapshot, SnapshotPhase, labels};
use harness::{etcd::Version, s3::S3Server};
use kube::ResourceExt;
use serde_json::{Value, json};

use super::{
    case::Case,
    data,
    outcome::{is_observed, phase},
    plan::Plan,
};

#[expect(
    clippy::disallowed_methods,
    reason = "the operator under test goes by the clock on the wall"
)]
pub(super) fn now() -> DateTime<Utc> {
    Utc::now()
}

/// Makes the plan believe that it last looked this long ago.
pub(super) async fn away_for(case: &Case, plan: &str, hours: i64) -> Result<()> {
    let planned = case.until_plan(plan, "its first status", is_observed);
    planned.await?;
    let last = now() - TimeDelta::hours(hours);
    case.edit_status(plan, json!({"lastSlot": last.to_rfc3339()}))
        .await
}

fn status<T>(
    plan: &EtcdBackup,
    field: impl Fn(&etcd_backup_api::EtcdBackupStatus) -> Option<T>,
) -> Option<T> {
    plan.status.as_ref().and_then(field)
}

fn slot_of(snapshot: &EtcdSnapshot) -> Option<DateTime<Utc>> {
    snapshot.status.as_ref().and_then(|status| status.scheduled_time)
}

#[tokio::test]
async fn a_plan_for_every_minute_takes_its_slot_within_the_minute() -> Result<()> {
    let (case, world) = Case::begin("every-minute").await?;
    let every_minute = Plan::new("prod", &world.subject, &case).with("schedule", json!("* * * * *"));
    case.apply(&every_minute).await?;
    let begun = now();
    let plan = case.until_plan("prod", "its next run", |plan| {
        status(plan, |status| status.next_run).is_some()
    });
    let slot = status(&plan.await?, |status| status.next_run).context("it is gone")?;
    ensure!(
        slot.second() == 0 && slot - begun <= TimeDelta::seconds(61),
        "the next run is at {slot}"
    );
    let name = format!("prod-{}", slot.format("%Y%m%dt%H%Mz"));
    // The API does not know the object before its slot, so this waits for the slot too.
    let snapshot = case.succeeded(&name).await?;
    ensure!(
        slot_of(&snapshot) == Some(slot),
        "it is for {:?}",
        slot_of(&snapshot)
    );
    ensure!(
        snapshot.annotations().get(labels::TRIGGER).map(String::as_str) == Some(labels::trigger::SCHEDULE),
        "its annotations are {:?}",
        snapshot.annotations()
    );
    let started = snapshot
        .status
        .and_then(|status| status.start_time)
        .context("it has no beginning")?;
    ensure!(started >= slot, "it began at {started}, before its slot");
    case.event("SnapshotScheduled", "prod").await?;
    case.condition("prod", "Fresh", "True", "WithinSchedule").await?;
    // The next slot must not come while the judge looks.
    case.edit("prod", json!({"spec": {"suspend": true}})).await?;
    case.finish(&world.subject).await?;
    Ok(())
}

#[tokio::test]
async fn slots_that_passed_while_nobody_looked_are_made_up_for_once() -> Result<()> {
    let (case, world) = Case::begin("catch-up").await?;
    let hourly = Plan::new("prod", &world.subject, &case).with("schedule", json!("@hourly"));
    case.apply(&hourly.with("startingDeadline", json!("61m"))).await?;
    away_for(&case, "prod", 5).await?;
    let plan = case.until_plan("prod", "its last success", |plan| {
        status(plan, |status| status.last_success.clone()).is_some()
    });
    plan.await?;
    let snapshots = case.all_snapshots().await?;
    ensure!(
        snapshots.len() == 1,
        "{} snapshots for five slots",
        snapshots.len()
    );
    let slot = slot_of(&snapshots[0]).context("it is for no slot")?;
    ensure!(
        slot.minute() == 0 && now() - slot < TimeDelta::minutes(61),
        "it is for {slot}"
    );
    let missed = case.event("SlotsMissed", "prod").await?;
    ensure!(missed.starts_with('4'), "the event says: {missed}");
    case.finish(&world.subject).await?;
    Ok(())
}

#[tokio::test]
async fn slots_too_long_ago_are_missed_and_said_so() -> Result<()> {
    let (case, world) = Case::begin("missed").await?;
    // The last slot was within the last hour, so no later than this deadline unless an hour has just begun.
    let hourly = Plan::new("prod", &world.subject, &case).with("schedule", json!("59 * * * *"));
    case.apply(&hourly.with("startingDeadline", json!("1s"))).await?;
    away_for(&case, "prod", 5).await?;
    let plan = case.until_plan("prod", "the count of missed runs", |plan| {
        status(plan, |status| status.missed_runs).is_some_and(|missed| missed >= 4)
    });
    let next = status(&plan.await?, |status| status.next_run).context("no next run")?;
    ensure!(next > now(), "the next run is at {next}, in the past");
    case.event("SlotsMissed", "prod").await?;
    ensure!(
        case.all_snapshots().await?.is_empty(),
        "a slot was run that was too long ago"
    );
    case.finish(&world.subject).await?;
    Ok(())
}

#[tokio::test]
async fn a_suspended_plan_runs_no_slot_and_still_does_what_it_is_asked() -> Result<()> {
    let (case, world) = Case::begin("suspended").await?;
    let plan = Plan::new("prod", &world.subject, &case).with("schedule", json!("@hourly"));
    case.apply(&plan.with("suspend", json!(true))).await?;
    away_for(&case, "prod", 3).await?;
    case.take("by-hand", "prod").await?;
    case.condition("prod", "Ready", "True", "Suspended").await?;
    let plan = case.plans().get("prod").await?;
    ensure!(
        status(&plan, |status| status.next_run).is_none(),
        "it has a next run"
    );
    let names = case.snapshot_names().await?;
    ensure!(names == ["by-hand"], "there are {names:?}");
    case.finish(&world.subject).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_comes_while_a_run_is_not_over_is_skipped_and_said_so() -> Result<()> {
    let (mut case, _) = Case::begin("overlap").await?;
    let subject = data::etcd(Version::V3_6).await?;
    let server = S3Server::start(&case.bucket).await?;
    case.stores_in_process().await?;
    data::slow_once(&server);
    let plan = Plan::new("prod", &subject, &case)
        .into(&server)
        .with("schedule", json!("@hourly"));
    case.apply(&plan).await?;
    case.ask("slow", "prod").await?;
    let running = case.until_snapshot("slow", "it to run", |snapshot| {
        phase(snapshot) == SnapshotPhase::Running
    });
    running.await?;
    away_for(&case, "prod", 1).await?;
    let note = case.event("SlotSkipped", "prod").await?;
    ensure!(note.contains("slow is not over"), "the event says: {note}");
    let plan = case.until_plan("prod", "the skipped run counted", |plan| {
        status(plan, |status| status.missed_runs) == Some(1)
    });
    plan.await?;
    case.succeeded("slow").await?;
    ensure!(
        case.all_snapshots().await?.len() == 1,
        "the slot was run after all"
    );
    case.finish_in(&server, &subject).await?;
    Ok(())
}

/// A schedule or time zone that the schema lets pass, since only we can know.
const NONSENSE: [(&str, &str, &str); 4] = [
    ("61 * * * *", "UTC", "61"),
    ("0 0 30 2 *", "UTC", "never"),
    ("0 6 * * *", "Europe/Atlantis", "Europe/Atlantis"),
    ("* * * * MUN", "UTC", ""),
];

#[tokio::test]
async fn a_schedule_that_cannot_be_is_refused_with_the_reason_until_it_is_put_right() -> Result<()> {
    let (case, world) = Case::begin("nonsense").await?;
    for (schedule, zone, word) in NONSENSE {
        let plan = Plan::new("prod", &world.subject, &case).with("schedule", json!(schedule));
        case.apply(&plan.with("timeZone", json!(zone))).await?;
        case.condition_saying("prod", "Accepted", ["False", "InvalidSchedule"], word)
            .await?;
    }
    case.ask("waiting", "prod").await?;
    let waiting = case.until_snapshot("waiting", "the reason why it waits", |snapshot| {
        let reason = snapshot
            .status
            .as_ref()
            .and_then(|status| status.reason.as_deref());
        phase(snapshot) == SnapshotPhase::Pending && reason == Some("InvalidSchedule")
    });
    waiting.await?;
    case.event("NotAccepted", "prod").await?;
    let change = json!({"spec": {"schedule": "0 6 * * *", "timeZone": Value::Null}});
    case.edit("prod", change).await?;
    case.condition("prod", "Accepted", "True", "Accepted").await?;
    case.succeeded("waiting").await?;
    case.finish(&world.subject).await?;
    Ok(())
}
