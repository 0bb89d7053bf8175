//! Rights that the operator was not given, or lost.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use harness::{etcd::Version, operator::Operator, wait};

use super::{
    case::Case,
    data,
    outcome::PATIENCE,
    plan::Plan,
    rights::Role,
    world::{self, LEASE},
};

/// Waits for a line of the log that holds all of these.
pub(super) async fn logged(log: &Path, words: &[&str]) -> Result<()> {
    let what = format!("a line of the log with {words:?}");
    wait::until(what, PATIENCE, async || lines(log, words) > 0).await
}

/// How many lines of the log hold all of these.
pub(super) fn lines(log: &Path, words: &[&str]) -> usize {
    let text = fs::read_to_string(log).unwrap_or_default();
    let holds = |line: &&str| words.iter().all(|word| line.contains(word));
    text.lines().filter(holds).count()
}

fn alive(operator: &mut Operator) -> Result<()> {
    operator.process().check()
}

#[tokio::test]
async fn without_the_right_to_publish_events_backups_go_on_and_the_log_says_what_is_missing() -> Result<()> {
    let stage = world::breakable().await?;
    let mut case = Case::on(&stage, "no-events").await?;
    let etcd = data::etcd(Version::V3_6).await?;
    let role = Role::known(&case.client, None, "etcd-backup-operator").await?;
    let mut operator = stage.operator(&LEASE).await?;
    case.follow(&operator);
    case.apply(&Plan::new("prod", &etcd, &case)).await?;

    role.without("events").await?;
    let taken = case.take("silent", "prod").await;
    let missing = ["Could not publish an event", "cannot create resource \"events\""];
    let told = logged(operator.log(), &missing).await;
    role.restore().await?;
    taken?;
    told?;
    alive(&mut operator)?;
    case.take("told", "prod").await?;
    case.event("SnapshotSucceeded", "told").await?;
    case.finish(&etcd).await?;
    ensure!(operator.stop().await?.success());
    Ok(())
}

#[tokio::test]
async fn without_the_right_to_write_statuses_nothing_is_run_and_the_log_says_what_is_missing() -> Result<()> {
    let stage = world::breakable().await?;
    let mut case = Case::on(&stage, "no-status").await?;
    let etcd = data::etcd(Version::V3_6).await?;
    let role = Role::known(&case.client, None, "etcd-backup-operator").await?;
    let mut operator = stage.operator(&LEASE).await?;
    case.follow(&operator);
    case.apply(&Plan::new("prod", &etcd, &case)).await?;
    case.condition("prod", "Accepted", "True", "Accepted").await?;

    role.without("etcdsnapshots/status").await?;
    case.ask("first", "prod").await?;
    let missing = ["cannot patch resource \"etcdsnapshots/status\""];
    // Twice: it is tried again, and not given up.
    let what = "the log to say it twice";
    let told = wait::until(what, PATIENCE, async || lines(operator.log(), &missing) >= 2).await;
    let written = case.stored();
    role.restore().await?;
    told?;
    alive(&mut operator)?;
    ensure!(
        written.context("list the bucket")?.is_empty(),
        "a run whose start nobody knows of wrote something"
    );
    let often = lines(operator.log(), &missing);
    ensure!(often < 20, "it tried {often} times: that is a hot loop");
    case.succeeded("first").await?;
    case.finish(&etcd).await?;
    ensure!(operator.stop().await?.success());
    Ok(())
}

#[tokio::test]
async fn without_the_right_to_a_lease_it_waits_says_so_and_leads_once_it_may() -> Result<()> {
    let stage = world::breakable().await?;
    let mut case = Case::on(&stage, "no-lease").await?;
    let etcd = data::etcd(Version::V3_6).await?;
    let namespace = Some(&*stage.identity.namespace);
    let role = Role::known(&case.client, namespace, "etcd-backup-operator-leader-election").await?;
    role.without("leases").await?;
    let started = stage.replica(&LEASE);
    let (mut operator, told) = match started {
        Ok(operator) => {
            let missing = ["the leader lease", "resource \"leases\""];
            let told = logged(operator.log(), &missing).await;
            (operator, told)
        }
        Err(error) => {
            role.restore().await?;
            return Err(error);
        }
    };
    role.restore().await?;
    case.follow(&operator);
    told?;
    alive(&mut operator)?;
    case.apply(&Plan::new("prod", &etcd, &case)).await?;
    case.take("first", "prod").await?;
    case.finish(&etcd).await?;
    ensure!(operator.stop().await?.success());
    Ok(())
}
