//! What is left of the operator when it is removed by the commands of docs/usage.md, and what the next one finds.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::{case::Case, world::World};

/// A plan whose backups stay, one of them pinned, and one whose backups go with it.
pub(crate) async fn and_installed_again(world: &'static World) -> Result<()> {
    let case = Case::begin(world, "removed")?;
    let (version, endpoints) = {
        let rig = world.rig.read().await;
        let tls = rig.etcd.tls.as_ref().context("it speaks TLS")?;
        case.etcd_secret(&tls.authority.pem(), &tls.client)?;
        (rig.etcd.version, rig.etcd.endpoints())
    };
    case.plan("prod", &endpoints)?;
    case.take("kept", "prod").await?;
    case.take("pinned", "prod").await?;
    case.kubectl(&[
        "patch",
        "esnap/pinned",
        "--type=merge",
        r#"--patch={"spec":{"pin":true}}"#,
    ])?;
    let before = case.stored()?;
    case.plan("goes", &endpoints)?;
    let delete = json!({"spec": {"deletionPolicy": "Delete"}}).to_string();
    case.kubectl(&["patch", "ebk/goes", "--type=merge", "--patch", &delete])?;
    case.take("gone", "goes").await?;

    world.paste("docs/usage.md", "remove").await?;
    nothing_is_left(world)?;
    let mut after = case.stored()?;
    // Who wrote there may stay said.
    after.retain(|key| !key.ends_with("/goes/owner.json"));
    ensure!(after == before, "the bucket held {before:?} and holds {after:?}");

    world.paste("README.md", "install").await?;
    world.rolled_out(Duration::from_secs(90))?;
    case.plan("prod", &endpoints)?;
    case.take("afterwards", "prod").await?;
    let holdings = case.judge(version).await?;
    holdings.ensure_number(3)?;
    case.end().await
}

/// Neither definitions, nor the operator's namespace, nor rights. Nothing else here has etcd in its name.
fn nothing_is_left(world: &World) -> Result<()> {
    let kinds = "crd,clusterrole,clusterrolebinding,namespace";
    let names = world.kubectl.run(&["get", kinds, "--output=name"])?;
    let ours = |name: &&str| name.contains("etcd");
    let left: Vec<_> = names.lines().filter(ours).collect();
    ensure!(left.is_empty(), "{left:?} are left");
    Ok(())
}
