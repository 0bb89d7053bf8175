//! Plans that are edited in the moment before they are used.

use anyhow::{Result, ensure};
use etcd_backup_api::{EtcdSnapshot, EtcdSnapshotStatus};
use harness::{apiserver::Access, etcd::Version, wait};
use serde_json::json;

use super::{
    case::Case,
    data,
    outcome::PATIENCE,
    permissions::logged,
    plan::{PREFIX, Plan},
    rights::Role,
    world::{self, SHORT_LEASE},
};

fn status(snapshot: &EtcdSnapshot) -> EtcdSnapshotStatus {
    snapshot.status.clone().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_is_taken_by_what_its_plan_says_and_not_by_what_a_watch_has_shown_of_it() -> Result<()> {
    let stage = world::breakable().await?;
    let mut case = Case::on(&stage, "edited-unseen").await?;
    let etcd = data::etcd(Version::V3_6).await?;
    case.apply(&Plan::new("prod", &etcd, &case)).await?;
    let mut first = stage.operator(&SHORT_LEASE).await?;
    case.condition("prod", "Ready", "True", "NoRunYet").await?;
    ensure!(first.stop().await?.success());
    case.no_secret_in(first.folder())?;

    // Plans are listed and not watched: for this operator the plan stays as it is now.
    let role = Role::known(&case.client, None, "etcd-backup-operator").await?;
    role.without_right("etcdbackups", "watch").await?;
    let outcome = async {
        let access = Access::of(&stage.identity).await?;
        let refused = async || {
            let watch = "watch etcdbackups.etcdbackup.dev";
            access.may(watch, &case.namespace).await.is_ok_and(|may| !may)
        };
        wait::until("the API server to refuse the watch", PATIENCE, refused).await?;
        let operator = stage.replica(&SHORT_LEASE)?;
        let refused = ["Not watching", "cannot watch resource \"etcdbackups\""];
        logged(operator.log(), &refused).await?;

        case.edit("prod", json!({"spec": {"compression": {"type": "None"}}}))
            .await?;
        let object = status(&case.take("compressed", "prod").await?).object;
        ensure!(
            object.is_some_and(|object| object.key.ends_with("snapshot.db")),
            "it was compressed as the plan said before"
        );
        // What the new store holds nobody has looked at: nothing begins, and nothing goes into the old one.
        let prefix = |prefix: &str| json!({"spec": {"storage": {"s3": {"prefix": prefix}}}});
        case.edit("prod", prefix("moved")).await?;
        let before = case.stored()?;
        case.ask("moved", "prod").await?;
        let waits = |snapshot: &EtcdSnapshot| {
            let message = status(snapshot).message;
            message.is_some_and(|message| message.contains("the store to be listed"))
        };
        case.until_snapshot("moved", "it to wait for the store", waits)
            .await?;
        ensure!(case.stored()? == before, "something was stored");
        case.edit("prod", prefix(PREFIX)).await?;
        Ok::<_, anyhow::Error>(operator)
    }
    .await;
    role.restore().await?;
    let mut operator = outcome?;
    case.follow(&operator);
    operator.ready().await?;
    case.succeeded("moved").await?;
    case.finish(&etcd).await?.ensure_number(2)?;
    ensure!(operator.stop().await?.success());
    Ok(())
}
