//! Whether Kubernetes says what the store holds.

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use kube::Client;
use serde_json::Value;

use super::{Backup, Holdings, listed::objects};

/// Compares every plan's and snapshot's status, in a namespace, with what lies in the store.
pub async fn check_mirror_of(namespace: &str, client: &Client, holdings: &Holdings) -> Result<()> {
    agree(
        &objects(client, "etcdbackups", namespace).await?,
        &objects(client, "etcdsnapshots", namespace).await?,
        &holdings.backups,
    )
}

/// Compares what Kubernetes has with what the store has.
fn agree(plans: &[Value], snapshots: &[Value], backups: &[Backup]) -> Result<()> {
    for snapshot in snapshots {
        let name = text(snapshot, "/metadata/name");
        check_snapshot(snapshot, backups).with_context(|| format!("EtcdSnapshot {name}"))?;
    }
    for plan in plans {
        let name = text(plan, "/metadata/name");
        let its: Vec<_> = backups.iter().filter(|backup| is_of(backup, plan)).collect();
        check_plan(plan, its.last().copied())
            .and_then(|()| check_counts(plan, &its))
            .with_context(|| format!("EtcdBackup {name}"))?;
        for backup in its {
            let shown = snapshots
                .iter()
                .filter(|snapshot| shows(snapshot, plan, backup))
                .count();
            ensure!(
                shown == 1,
                "{shown} EtcdSnapshots of the EtcdBackup {name} have succeeded with the backup {}",
                backup.folder
            );
        }
    }
    Ok(())
}

/// Whether a backup is that of a plan, by its name: a plan that was created again, or in a new cluster, shows what was stored
/// before.
fn is_of(backup: &Backup, plan: &Value) -> bool {
    ["namespace", "name"].iter().all(|field| {
        text(&backup.manifest, &format!("/plan/{field}")) == text(plan, &format!("/metadata/{field}"))
    })
}

/// Whether a snapshot of a plan has succeeded with this backup. Those of an earlier plan of its name are for Kubernetes' garbage
/// collector, which does not run everywhere.
fn shows(snapshot: &Value, plan: &Value, backup: &Backup) -> bool {
    let owners = snapshot["metadata"]["ownerReferences"].as_array();
    text(snapshot, "/status/phase") == "Succeeded"
        && owners.is_some_and(|owners| owners.iter().any(|owner| owner["uid"] == plan["metadata"]["uid"]))
        && backup
            .object()
            .is_ok_and(|object| ends_with(&object, text(snapshot, "/status/object/key")))
}

/// A plan counts what the store has of it, in number and in bytes.
fn check_counts(plan: &Value, its: &[&Backup]) -> Result<()> {
    let size = |backup: &&Backup| backup.manifest["object"]["size"].as_u64().unwrap_or_default();
    let stored = (its.len() as u64, its.iter().map(size).sum::<u64>());
    let said = ["snapshots", "storedBytes"].map(|field| plan["status"][field].as_u64().unwrap_or_default());
    ensure!(
        (said[0], said[1]) == stored,
        "it says {said:?} (snapshots, bytes), and the store has {stored:?}"
    );
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

/// The last success of a plan is its newest backup.
fn check_plan(plan: &Value, newest: Option<&Backup>) -> Result<()> {
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

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.pointer(field).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn backup(run: &str, revision: i64) -> Backup {
        Backup {
            folder: format!("backups/default/prod/c/{run}"),
            started: DateTime::UNIX_EPOCH,
            revision,
            manifest: json!({
                "plan": {"namespace": "default", "name": "prod"}, "times": {"finished": "1970-01-01T00:00:00Z"},
                "object": {"file": "snapshot.db", "size": 7, "sha256": "ab"},
            }),
        }
    }

    fn snapshot(name: &str, run: &str, revision: i64) -> Value {
        json!({
            "metadata": {"name": name, "ownerReferences": [{"uid": "1"}]},
            "status": {
                "phase": "Succeeded", "etcd": {"revision": revision},
                "object": {"key": format!("default/prod/c/{run}/snapshot.db"), "sha256": "ab"},
            },
        })
    }

    fn plan(snapshots: u64, bytes: u64) -> Value {
        json!({
            "metadata": {"namespace": "default", "name": "prod", "uid": "1"},
            "status": {
                "snapshots": snapshots, "storedBytes": bytes,
                "lastSuccess": {"revision": 2, "time": "1970-01-01T00:00:00Z"},
            },
        })
    }

    #[test]
    fn what_kubernetes_does_not_show_or_counts_wrongly_is_refused() {
        let backups = [backup("a", 1), backup("b", 2)];
        let (a, b) = (snapshot("a", "a", 1), snapshot("b", "b", 2));
        agree(&[plan(2, 14)], &[a.clone(), b.clone()], &backups).unwrap();
        let mut another = a.clone();
        another["metadata"]["ownerReferences"][0]["uid"] = json!("2");
        for (plan, snapshots, part) in [
            (plan(1, 14), vec![a.clone(), b.clone()], "it says [1, 14]"),
            (plan(2, 13), vec![a.clone(), b.clone()], "it says [2, 13]"),
            (plan(2, 14), vec![b.clone(), another], "0 EtcdSnapshots"),
            (
                plan(2, 14),
                vec![a.clone(), a.clone(), b.clone()],
                "2 EtcdSnapshots",
            ),
            (plan(2, 14), vec![a, snapshot("b", "c", 2)], "there is no backup"),
        ] {
            let refusal = format!("{:#}", agree(&[plan], &snapshots, &backups).unwrap_err());
            assert!(refusal.contains(part), "{refusal}");
        }
    }
}
