//! A gap, seen from the first missing success to the next one.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use etcd_backup_api::EtcdBackup;
use harness::{
    etcd::Version,
    s3::{Fault, Operation, S3Server},
    wait,
};
use serde_json::json;

use super::{
    case::Case,
    data,
    outcome::{PATIENCE, condition_of},
    plan::Plan,
    quiet::value,
    schedule::now,
};

/// A slot comes each minute: so long may the next one be away, and so long a success is fresh. Runs are over within seconds.
const TWO_SLOTS: Duration = Duration::from_mins(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_without_a_success_in_its_interval_turns_stale_says_so_and_is_fresh_again_after_one()
-> Result<()> {
    let (mut case, world) = Case::begin("stale").await?;
    let etcd = data::etcd(Version::V3_6).await?;
    let server = S3Server::start(&case.bucket).await?;
    case.stores_in_process().await?;
    let plan = Plan::new("prod", &etcd, &case)
        .into(&server)
        .with("schedule", json!("* * * * *"));
    case.apply(&plan.with("startingDeadline", json!("5s"))).await?;
    case.take("first", "prod").await?;
    case.condition("prod", "Fresh", "True", "WithinSchedule").await?;

    // The store is there, and takes nothing more.
    for operation in [Operation::Put, Operation::CreateUpload] {
        let refused = Fault::answer(403, "AccessDenied");
        server.plan().on(operation).fails(refused);
    }
    let stale = case
        .condition_within(TWO_SLOTS, "prod", "Fresh", "False", "Overdue")
        .await?;
    ensure!(
        stale.message.contains("by the schedule another was due by"),
        "it says: {}",
        stale.message
    );
    let not_ready =
        |plan: &EtcdBackup| condition_of(plan, "Ready").is_some_and(|ready| ready.status == "False");
    case.until_plan("prod", "it not to be ready", not_ready).await?;
    case.event("Overdue", "prod").await?;
    // What the alert EtcdBackupOverdue compares.
    let metric = async |name: &str| {
        let series = format!("etcd_backup_{name}{{namespace=\"stale\",plan=\"prod\"}}");
        let metrics = world.operator.metrics().await?;
        value(&metrics, &series).with_context(|| format!("no {series}"))
    };
    let interval = metric("expected_interval_seconds").await?;
    let last = metric("last_success_timestamp_seconds").await?;
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are exact")]
    let age = now().timestamp() as f64 - last;
    ensure!(
        interval > 59.0 && last > 0.0 && age > interval,
        "the metrics say that the last success was {age} s ago, and one is expected every {interval} s"
    );

    server.plan().clear();
    case.take("again", "prod").await?;
    case.condition("prod", "Fresh", "True", "WithinSchedule").await?;
    case.event("FreshAgain", "prod").await?;
    let newer = async || {
        let shown = metric("last_success_timestamp_seconds").await?;
        ensure!(shown > last, "it is {shown}");
        Ok(())
    };
    wait::until_ok("the metric to have the success", PATIENCE, newer).await?;
    // The next slot must not come while the judge looks.
    case.edit("prod", json!({"spec": {"suspend": true}})).await?;
    case.nothing_runs().await?;
    case.finish_in(&server, &etcd).await.map(drop)
}
