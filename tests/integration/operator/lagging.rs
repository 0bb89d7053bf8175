//! A member that does not know that it lives in the past.

use anyhow::{Context, Result, ensure};
use etcd_backup_etcd::{ChoosePolicy, Cluster, Config, DialPolicy, choose};
use harness::etcd::{Etcd, Version};
use serde_json::json;

use super::{case::Case, data, plan::Plan};

/// An election that comes late: for two seconds and more a follower that is cut off believes in its leader.
const LATE_ELECTION: &str = "--election-timeout=2000";

fn cluster(endpoints: Vec<String>) -> Result<Cluster> {
    Ok(Cluster::new(Config {
        policy: DialPolicy::allow_all(),
        ..Config::new(endpoints)
    })?)
}

/// The member that snapshots are taken from when nothing is wrong.
async fn favourite(etcd: &Etcd) -> Result<usize> {
    let survey = cluster(etcd.endpoints())?.survey().await;
    let choice = choose(&survey, &ChoosePolicy::default())?;
    ensure!(!choice.is_leader, "the leader was chosen: {}", choice.why);
    let endpoints = etcd.endpoints();
    let index = endpoints.iter().position(|endpoint| *endpoint == choice.endpoint);
    index.context("an unknown endpoint was chosen")
}

/// Cuts the favourite off and lets the others go on without it. Answers it, and what the others had confirmed.
async fn left_behind() -> Result<(Etcd, usize, i64)> {
    let start = Etcd::start(Version::V3_6).members(3).separable();
    let etcd = data::filled(start.arg(LATE_ELECTION)).await?;
    let index = favourite(&etcd).await?;
    etcd.cut_off(index).await?;
    let mut others = etcd.client_of((index + 1) % 3).await?;
    let mut confirmed = 0;
    for number in 0..20 {
        let answer = others.put("/written/meanwhile", format!("{number}"), None).await;
        let answer = answer.context("write without the member that is cut off")?;
        confirmed = answer.header().context("an answer without a header")?.revision();
    }
    Ok((etcd, index, confirmed))
}

#[tokio::test]
async fn a_member_in_the_past_is_found_out_although_it_claims_to_be_well() -> Result<()> {
    let (etcd, index, confirmed) = left_behind().await?;
    let alone = etcd.member(index).endpoint();
    let cluster = cluster(vec![alone.clone()])?;
    // It knows a leader and no alarm: nothing but asking the majority tells.
    let choice = choose(&cluster.survey().await, &ChoosePolicy::default())?;
    ensure!(!choice.degraded, "{}", choice.why);
    ensure!(
        choice.revision < confirmed,
        "it lags by nothing: {}",
        choice.revision
    );
    let error = cluster.linearizable_revision(&alone).await.err();
    let error = error.context("it confirmed a revision on its own")?;
    ensure!(error.reason() == "NoQuorum" && error.is_transient(), "{error}");
    Ok(())
}

#[tokio::test]
async fn what_a_member_in_the_past_holds_is_no_backup_and_another_one_serves() -> Result<()> {
    let (case, _) = Case::begin("lagging").await?;
    let (etcd, index, confirmed) = left_behind().await?;
    case.apply(&Plan::new("all", &etcd, &case)).await?;
    let alone = Plan::new("alone", &etcd, &case);
    let alone = alone.with("etcd/endpoints", json!([etcd.member(index).endpoint()]));
    case.apply(&alone).await?;
    case.ask("alone-1", "alone").await?;

    let taken = case.take("all-1", "all").await?.status.unwrap_or_default();
    ensure!(!taken.degraded, "it is degraded");
    let source = taken.etcd.unwrap_or_default();
    ensure!(
        source.revision >= Some(confirmed),
        "{source:?} is older than {confirmed}"
    );
    let name = &etcd.member(index).name;
    ensure!(source.member.as_deref() != Some(name), "it was taken from {name}");
    let (reason, message) = case.failed("alone-1").await?;
    ensure!(reason == "NoQuorum", "{reason}: {message}");

    // Joined again, it is as good as any as soon as it has caught up; and a run does not end before it has.
    etcd.join()?;
    etcd.member(index).ready().await?;
    let taken = case.take("alone-2", "alone").await?.status.unwrap_or_default();
    let source = taken.etcd.unwrap_or_default();
    ensure!(
        source.revision >= Some(confirmed),
        "{source:?} is older than {confirmed}"
    );
    case.finish(&etcd).await?;
    Ok(())
}

/// Until a member that was frozen and a cluster that went on without it agree, what it says counts for nothing.
#[tokio::test]
async fn a_member_that_was_frozen_while_much_was_written_gives_no_old_snapshot() -> Result<()> {
    let (case, _) = Case::begin("frozen-member").await?;
    let etcd = data::filled(Etcd::start(Version::V3_6).members(3)).await?;
    let index = favourite(&etcd).await?;
    let plan = Plan::new("alone", &etcd, &case);
    let plan = plan.with("etcd/endpoints", json!([etcd.member(index).endpoint()]));
    case.apply(&plan).await?;
    etcd.member(index).pause()?;
    let mut others = etcd.client_of((index + 1) % 3).await?;
    let mut confirmed = 0;
    for number in 0..150 {
        let answer = others
            .put("/written/meanwhile", vec![number; 200_000], None)
            .await;
        let answer = answer.context("write without the member that is frozen")?;
        confirmed = answer.header().context("an answer without a header")?.revision();
    }
    etcd.member(index).resume()?;
    case.ask("thawed", "alone").await?;
    let taken = case.succeeded("thawed").await?.status.unwrap_or_default();
    let source = taken.etcd.unwrap_or_default();
    ensure!(
        source.revision >= Some(confirmed),
        "{source:?} is older than {confirmed}"
    );
    case.finish(&etcd).await?;
    Ok(())
}
