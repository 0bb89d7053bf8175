//! What the operator tells Prometheus, and how little it does when there is nothing to do.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use harness::{etcd::Version, wait};
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client, api::GetParams};
use serde_json::json;

use super::{
    case::Case,
    data,
    outcome::{PATIENCE, is_observed},
    plan::Plan,
    schedule::now,
    world::{self, LEASE},
};

/// The value of a series, by its text before the value.
pub(super) fn value(metrics: &str, series: &str) -> Option<f64> {
    let line = metrics.lines().find(|line| {
        line.strip_prefix(series)
            .is_some_and(|rest| rest.starts_with(' '))
    });
    line?.rsplit(' ').next()?.parse().ok()
}

#[tokio::test]
async fn the_metrics_say_what_the_store_holds() -> Result<()> {
    let (case, world) = Case::begin("metrics").await?;
    let plan = Plan::new("prod", &world.subject, &case).with("schedule", json!("@hourly"));
    case.apply(&plan.with("retention", json!({"keepLast": 5})))
        .await?;
    let status = case.take("first", "prod").await?.status.unwrap_or_default();
    let (of, size) = (
        status.etcd.unwrap_or_default(),
        status.snapshot.unwrap_or_default().size,
    );
    let stored = status.object.unwrap_or_default().size;
    let metrics = wait::until_some("the metrics to have the success", PATIENCE, async || {
        let metrics = world.operator.metrics().await.ok()?;
        let snapshots = value(
            &metrics,
            "etcd_backup_snapshots{namespace=\"metrics\",plan=\"prod\"}",
        );
        (snapshots == Some(1.0)).then_some(metrics)
    })
    .await?;
    let of_plan = |name: &str| {
        value(
            &metrics,
            &format!("etcd_backup_{name}{{namespace=\"metrics\",plan=\"prod\"}}"),
        )
    };
    #[expect(clippy::cast_precision_loss, reason = "a test's figures are small")]
    let expected = [
        ("last_snapshot_size_bytes", size as f64),
        ("last_snapshot_revision", of.revision.unwrap_or_default() as f64),
        ("stored_bytes", stored as f64),
        ("expected_interval_seconds", 3600.0),
        ("last_run_succeeded", 1.0),
    ];
    for (name, expected) in expected {
        ensure!(
            of_plan(name) == Some(expected),
            "{name} is {:?}, not {expected}",
            of_plan(name)
        );
    }
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are exact")]
    let now = now().timestamp() as f64;
    let age = now - of_plan("last_success_timestamp_seconds").context("no time of the last success")?;
    ensure!((-1.0..120.0).contains(&age), "the last success is {age} s old");
    let next = of_plan("next_run_timestamp_seconds").context("no time of the next run")? - now;
    ensure!((-1.0..=3600.0).contains(&next), "the next run is in {next} s");
    let runs = r#"etcd_backup_runs_total{namespace="metrics",plan="prod",result="Succeeded",reason=""}"#;
    ensure!(
        value(&metrics, runs) == Some(1.0),
        "{runs} is {:?}",
        value(&metrics, runs)
    );
    for series in [
        "etcd_backup_leader",
        "etcd_backup_runs_active",
        "etcd_backup_runs_waiting",
    ] {
        ensure!(value(&metrics, series).is_some(), "there is no {series}");
    }
    ensure!(
        value(&metrics, "etcd_backup_leader") == Some(1.0),
        "it does not lead"
    );
    ensure!(metrics.trim_end().ends_with("# EOF"), "it is no OpenMetrics text");
    case.delete_plan("prod").await?;
    wait::until(
        "the series of a plan that is gone to be gone",
        PATIENCE,
        async || {
            let metrics = world.operator.metrics().await.unwrap_or_default();
            metrics.contains("etcd_backup_leader") && !metrics.contains("namespace=\"metrics\"")
        },
    )
    .await?;
    case.finish(&world.subject).await?;
    Ok(())
}

#[tokio::test]
async fn an_operator_with_nothing_due_writes_nothing_but_its_lease() -> Result<()> {
    let stage = world::breakable().await?;
    let mut case = Case::on(&stage, "idle").await?;
    let etcd = data::etcd(Version::V3_6).await?;
    // Listing the stores again is part of being idle.
    let flags = [&LEASE[..], &["--catalogue-resync=1s"]].concat();
    let mut operator = stage.operator(&flags).await?;
    case.follow(&operator);
    for number in 0..20 {
        let plan = Plan::new(&format!("prod-{number}"), &etcd, &case).with("schedule", json!("0 0 1 1 *"));
        case.apply(&plan.with("retention", json!({"keepLast": 3})))
            .await?;
    }
    case.take("first", "prod-0").await?;
    for number in 0..20 {
        let name = format!("prod-{number}");
        let settled = case.until_plan(&name, "it to settle", |plan| {
            is_observed(plan)
                && plan
                    .status
                    .as_ref()
                    .is_some_and(|status| status.snapshots.is_some())
        });
        settled.await?;
    }
    let leases: Api<Lease> = Api::namespaced(case.client.clone(), &stage.identity.namespace);
    // What is still being written about the snapshot belongs to it.
    let is_lease = |what: &String| what.contains("resource=\"leases\"");
    wait::until_ok("it to have written what there was", PATIENCE, async || {
        let written = written_within(&case.client, &leases, 3).await?;
        ensure!(written.keys().all(is_lease), "it goes on writing: {written:?}");
        Ok(())
    })
    .await?;
    let more = written_within(&case.client, &leases, 10).await?;
    ensure!(
        more.keys().all(is_lease),
        "it wrote while there was nothing to do: {more:?}"
    );
    ensure!(
        !more.is_empty(),
        "not even the lease was written: the count is wrong"
    );
    case.finish(&etcd).await?;
    ensure!(operator.stop().await?.success(), "it did not end well");
    Ok(())
}

/// Waits until the lease was renewed so many times: the operator's own measure of time.
async fn renewed(leases: &Api<Lease>, times: usize) -> Result<()> {
    let mut seen = Vec::new();
    wait::until(format!("{times} renewals of the lease"), PATIENCE, async || {
        let lease = leases.get("etcd-backup-operator").await.ok();
        let version = lease.and_then(|lease| lease.metadata.resource_version);
        if !seen.contains(&version) {
            seen.push(version);
        }
        seen.len() > times
    })
    .await
}

/// How often the API server was asked to write while the lease was renewed so many times.
async fn written_within(
    client: &Client,
    leases: &Api<Lease>,
    renewals: usize,
) -> Result<BTreeMap<String, u64>> {
    let before = writes(client).await?;
    renewed(leases, renewals).await?;
    let after = writes(client).await?.into_iter();
    let more = after.map(|(what, count)| {
        let earlier = before.get(&what).copied().unwrap_or(0);
        (what, count - earlier)
    });
    Ok(more.filter(|(_, count)| *count > 0).collect())
}

/// How often the API server was asked to write since it began, by what was to be written: its own count.
async fn writes(client: &Client) -> Result<BTreeMap<String, u64>> {
    let request = kube::core::Request::new("")
        .get("metrics", &GetParams::default())
        .context("name /metrics")?;
    let metrics = client
        .request_text(request)
        .await
        .context("get the API server's metrics")?;
    let verbs = ["POST", "PUT", "PATCH", "APPLY", "DELETE"].map(|verb| format!("verb=\"{verb}\""));
    let counts = metrics
        .lines()
        .filter(|line| line.starts_with("apiserver_request_total{"));
    let counts = counts.filter(|line| verbs.iter().any(|verb| line.contains(verb)));
    Ok(counts
        .filter_map(|line| {
            let (series, count) = line.rsplit_once(' ')?;
            Some((series.to_owned(), count.parse().ok()?))
        })
        .collect())
}
