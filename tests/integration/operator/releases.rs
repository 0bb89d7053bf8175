//! Every kind of cluster that we say we back up.

use anyhow::{Context, Result, ensure};
use harness::etcd::{Etcd, Version};

use super::{case::Case, data, plan::Plan};

async fn one_member_is_backed_up_and_restored(version: Version, name: &str) -> Result<()> {
    let (case, _) = Case::begin(name).await?;
    let etcd = data::etcd(version).await?;
    case.apply(&Plan::new("prod", &etcd, &case)).await?;
    let status = case.take("first", "prod").await?.status.unwrap_or_default();
    let of = status.etcd.unwrap_or_default();
    let said = of.version.unwrap_or_default();
    ensure!(
        said.starts_with(&version.to_string()),
        "it says that it is of etcd {said}"
    );
    let revision = etcd
        .client()
        .await?
        .get("/registry", None)
        .await?
        .header()
        .map(etcd_client::ResponseHeader::revision);
    ensure!(
        of.revision == revision,
        "its revision is {:?}, and the etcd's {revision:?}",
        of.revision
    );
    // Before the judge below asks it too.
    let metrics = etcd.member(0).metrics().await?;
    ensure!(
        metrics
            .lines()
            .any(|line| line.starts_with("grpc_server_handled_total")
                && line.contains("grpc_code=\"OK\",grpc_method=\"HashKV\"")
                && line.ends_with(" 1")),
        "the member was not asked for its own hash"
    );
    case.finish(&etcd).await?.ensure_number(1)
}

#[tokio::test]
async fn etcd_3_5_is_backed_up_and_restored() -> Result<()> {
    Box::pin(one_member_is_backed_up_and_restored(Version::V3_5, "release-3-5")).await
}

#[tokio::test]
async fn etcd_3_6_is_backed_up_and_restored() -> Result<()> {
    Box::pin(one_member_is_backed_up_and_restored(Version::V3_6, "release-3-6")).await
}

#[tokio::test]
async fn etcd_3_7_is_backed_up_and_restored() -> Result<()> {
    Box::pin(one_member_is_backed_up_and_restored(Version::V3_7, "release-3-7")).await
}

#[tokio::test]
async fn of_three_members_with_certificates_and_a_password_a_follower_is_backed_up() -> Result<()> {
    let (mut case, _) = Case::begin("three-members").await?;
    let start = Etcd::start(Version::V3_6).members(3).tls();
    let etcd = data::filled(start.auth("backup", "canary-etcd-password-4c1e")).await?;
    case.secrets_of(&etcd).await?;
    case.apply(&Plan::new("prod", &etcd, &case)).await?;
    let snapshot = case.take("first", "prod").await?;
    let of = snapshot
        .status
        .and_then(|status| status.etcd)
        .context("it does not say of what")?;
    let leader = etcd.client().await?.status().await?.leader();
    ensure!(
        of.member_id.as_deref() != Some(&*format!("{leader:016x}")),
        "the leader was asked although there are followers"
    );
    let plan = case.until_plan("prod", "the cluster in its status", |plan| {
        plan.status.as_ref().is_some_and(|status| status.etcd.is_some())
    });
    let seen = plan
        .await?
        .status
        .and_then(|status| status.etcd)
        .unwrap_or_default();
    ensure!(
        seen.cluster_id == of.cluster_id,
        "plan and snapshot name different clusters"
    );
    case.finish(&etcd).await?;
    Ok(())
}

#[tokio::test]
async fn a_certificate_for_another_name_is_accepted_when_the_plan_names_it() -> Result<()> {
    let (mut case, _) = Case::begin("server-name").await?;
    let etcd = Etcd::start(Version::V3_6).tls_for(&["etcd.test"]).await?;
    case.secrets_of(&etcd).await?;
    let plan = Plan::new("prod", &etcd, &case);
    case.apply(&plan).await?;
    case.ask("unnamed", "prod").await?;
    let (reason, message) = case.failed("unnamed").await?;
    ensure!(reason == "CertificateInvalid", "{reason}: {message}");
    case.apply(&plan.with("etcd/tls/serverName", "etcd.test".into()))
        .await?;
    case.take("named", "prod").await?;
    case.finish_without_living(&etcd).await?;
    Ok(())
}

#[tokio::test]
async fn what_does_not_fit_into_one_part_is_stored_in_several() -> Result<()> {
    let (case, _) = Case::begin("several-parts").await?;
    let etcd = data::etcd(Version::V3_6).await?;
    data::bulk(&etcd, 20 * 1024).await?;
    case.apply(&Plan::new("prod", &etcd, &case)).await?;
    let status = case.take("first", "prod").await?.status.unwrap_or_default();
    let stored = status.object.map_or(0, |object| object.size);
    ensure!(
        stored > 16 << 20,
        "it takes only {stored} bytes: that is no test of parts"
    );
    case.finish(&etcd).await?;
    Ok(())
}
