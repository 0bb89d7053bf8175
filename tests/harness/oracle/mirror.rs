//! Whether Kubernetes says what the store holds.

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{Backup, Holdings};
use crate::kubectl::Kubectl;

/// Compares every plan's and snapshot's status, in all namespaces, with what lies in the store.
pub fn check_mirror(kubectl: &Kubectl, holdings: &Holdings) -> Result<()> {
    check(kubectl, "--all-namespaces", holdings)
}

/// The same of one namespace.
pub fn check_mirror_of(namespace: &str, kubectl: &Kubectl, holdings: &Holdings) -> Result<()> {
    check(kubectl, &format!("--namespace={namespace}"), holdings)
}

fn check(kubectl: &Kubectl, scope: &str, holdings: &Holdings) -> Result<()> {
    for snapshot in list(kubectl, "etcdsnapshots", scope)? {
        let name = text(&snapshot, "/metadata/name").to_owned();
        check_snapshot(&snapshot, &holdings.backups).with_context(|| format!("EtcdSnapshot {name}"))?;
    }
    for plan in list(kubectl, "etcdbackups", scope)? {
        let name = text(&plan, "/metadata/name").to_owned();
        check_plan(&plan, &holdings.backups).with_context(|| format!("EtcdBackup {name}"))?;
    }
    Ok(())
}

/// A snapshot that succeeded is in the store, with the revision and the bytes that its status names.
fn check_snapshot(snapshot: &Value, backups: &[Backup]) -> Result<()> {
    if text(snapshot, "/status/phase") != "Succeeded" {
        return Ok(());
    }
    let key = text(snapshot, "/status/object/key");
    let backup = backups
        .iter()
        .find(|backup| backup.object().is_ok_and(|object| ends_with(&object, key)));
    let backup = backup.with_context(|| format!("it has succeeded, and there is no backup {key:?}"))?;
    ensure!(
        snapshot["status"]["etcd"]["revision"] == backup.revision,
        "its revision is {}, and the manifest's {}",
        snapshot["status"]["etcd"]["revision"],
        backup.revision
    );
    let of_manifest = text(&backup.manifest, "/object/sha256");
    ensure!(
        text(snapshot, "/status/object/sha256") == of_manifest,
        "its SHA-256 is not the manifest's"
    );
    Ok(())
}

/// The last success of a plan is its newest backup: that of its name, for a plan that was created again, or in a new
/// cluster, shows what was stored before.
fn check_plan(plan: &Value, backups: &[Backup]) -> Result<()> {
    let newest = backups.iter().rfind(|backup| {
        ["namespace", "name"].iter().all(|field| {
            text(&backup.manifest, &format!("/plan/{field}")) == text(plan, &format!("/metadata/{field}"))
        })
    });
    let said = &plan["status"]["lastSuccess"];
    let Some(newest) = newest else {
        ensure!(
            said.is_null(),
            "it claims a success ({said}), and the store holds no backup of it"
        );
        return Ok(());
    };
    ensure!(
        said["revision"] == newest.revision,
        "its last success is {said}, and the newest backup {}",
        newest.folder
    );
    let time = said["time"]
        .as_str()
        .and_then(|time| DateTime::parse_from_rfc3339(time).ok());
    let time = time.context("its last success has no time")?.to_utc();
    // Kubernetes' times are whole seconds.
    let within = |moment: DateTime<Utc>| (time - moment).num_seconds().abs() <= 1;
    let finished = text(&newest.manifest, "/times/finished");
    let finished = DateTime::parse_from_rfc3339(finished)
        .context("the newest backup has no end")?
        .to_utc();
    ensure!(
        within(newest.started) || within(finished),
        "its last success was at {time}, the newest backup {}",
        newest.folder
    );
    Ok(())
}

fn ends_with(object: &str, key: &str) -> bool {
    !key.is_empty() && (object == key || object.ends_with(&format!("/{key}")))
}

fn list(kubectl: &Kubectl, resource: &str, scope: &str) -> Result<Vec<Value>> {
    let answer = kubectl.run(&["get", resource, scope, "-o", "json"])?;
    let answer: Value = serde_json::from_str(&answer).context("read kubectl's answer")?;
    answer["items"]
        .as_array()
        .cloned()
        .context("kubectl listed no items")
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.pointer(field).and_then(Value::as_str).unwrap_or_default()
}
