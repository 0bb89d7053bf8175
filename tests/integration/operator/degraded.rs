//! The last chance: a cluster that has lost its majority.

use anyhow::{Result, ensure};
use harness::etcd::{Etcd, Version};
use serde_json::json;

use super::{case::Case, data, plan::Plan};

#[tokio::test]
async fn without_a_quorum_a_backup_is_taken_only_where_the_plan_allows_it_and_says_so() -> Result<()> {
    let (case, _) = Case::begin("no-quorum").await?;
    let etcd = data::filled(Etcd::start(Version::V3_6).members(3)).await?;
    case.apply(&Plan::new("strict", &etcd, &case)).await?;
    let lenient = Plan::new("lenient", &etcd, &case).with("etcd/allowDegraded", json!(true));
    case.apply(&lenient).await?;
    etcd.member(0).kill()?;
    etcd.member(1).kill()?;

    case.ask("refused", "strict").await?;
    case.ask("taken", "lenient").await?;
    let (reason, message) = case.failed("refused").await?;
    ensure!(reason == "NoQuorum", "{reason}: {message}");
    let status = case.succeeded("taken").await?.status.unwrap_or_default();
    ensure!(status.degraded, "its status does not say that it is degraded");
    let source = status.etcd.unwrap_or_default();
    ensure!(
        source.member.as_deref() == Some("m2"),
        "it was taken from {source:?}"
    );

    for index in [0, 1] {
        etcd.member(index).launch()?;
    }
    for member in etcd.members() {
        member.ready().await?;
    }
    let sound = case.take("sound", "lenient").await?.status.unwrap_or_default();
    ensure!(!sound.degraded, "it is degraded although there is a quorum");
    let members = |plan: &etcd_backup_api::EtcdBackup| {
        let etcd = plan.status.as_ref().and_then(|status| status.etcd.as_ref());
        etcd.and_then(|etcd| etcd.members) == Some(3)
    };
    case.until_plan("lenient", "three members in its status", members)
        .await?;
    let holdings = case.finish(&etcd).await?;
    let degraded: Vec<_> = holdings
        .backups
        .iter()
        .map(|backup| backup.manifest["degraded"].as_bool())
        .collect();
    ensure!(
        degraded == [Some(true), Some(false)],
        "the manifests say {degraded:?}"
    );
    Ok(())
}
