//! The plugin of kubectl, as a user would run it.

use std::os::unix::fs::symlink;

use anyhow::{Context, Result, ensure};
use etcd_backup_api::labels;
use harness::{binaries, scratch};
use kube::ResourceExt;
use serde_json::json;

use super::{case::Case, plan::Plan};

#[tokio::test]
async fn kubectl_has_verbs_of_ours_which_take_and_pin_and_tell_what_is_wrong() -> Result<()> {
    let (case, world) = Case::begin("plugin").await?;
    let folder = scratch::folder("plugin")?;
    symlink(
        binaries::etcd_backup()?,
        folder.path().join("kubectl-etcd_backup"),
    )?;
    let kubectl = case.kubectl.with_plugins(folder.path());
    let ours = |words: &str| {
        let words = words.split(' ').chain(["-n", "plugin"]);
        kubectl.run(&["etcd-backup"].into_iter().chain(words).collect::<Vec<_>>())
    };
    let refusal = |words: &str| match ours(words) {
        Ok(said) => format!("it was done: {said}"),
        Err(error) => format!("{error:#}"),
    };
    let nothing = ours("status")?;
    ensure!(
        nothing.contains("no EtcdBackup in the namespace plugin"),
        "{nothing}"
    );
    let unknown = refusal("now prod");
    ensure!(
        unknown.contains("there is no EtcdBackup prod in the namespace plugin"),
        "{unknown}"
    );

    case.apply(&Plan::new("prod", &world.subject, &case)).await?;
    let said = ours("now prod --pin --wait --timeout 90s")?;
    let name = said.split(['/', ' ']).nth(1).context("no name")?;
    let snapshot = case.succeeded(name).await?;
    ensure!(
        name.starts_with("prod-now-") && snapshot.spec.pin,
        "{name}: {:?}",
        snapshot.spec
    );
    let status = snapshot.status.unwrap_or_default();
    let revision = status.etcd.and_then(|etcd| etcd.revision).unwrap_or_default();
    let url = status.object.unwrap_or_default().url;
    ensure!(
        said.contains(&format!("revision {revision}")) && said.contains(&url),
        "{said}"
    );
    for (verb, pinned) in [("unpin", false), ("pin", true), ("unpin", false)] {
        ours(&format!("{verb} {name}"))?;
        ensure!(
            case.snapshots().get(name).await?.spec.pin == pinned,
            "after {verb}"
        );
    }

    case.condition("prod", "Ready", "True", "Succeeded").await?;
    let told = ours("status prod -o wide")?;
    ensure!(
        told.contains(name) && told.contains(&revision.to_string()) && told.contains("True"),
        "{told}"
    );
    ensure!(refusal("drill prod").contains("has no drills"));
    case.edit("prod", json!({"spec": {"verification": "Restore"}}))
        .await?;
    ours("drill prod")?;
    let asked = case.plans().get("prod").await?;
    ensure!(
        asked.annotations().contains_key(labels::DRILL_NOW),
        "it was not asked for"
    );
    // This operator makes no Jobs.
    case.condition("prod", "Ready", "False", "DrillsDisabled").await?;
    let told = ours("status")?;
    ensure!(told.contains("False   DrillsDisabled: "), "{told}");
    case.finish(&world.subject).await?.ensure_number(1)
}
