//! Objects for tests, as a user would write them.

use chrono::{DateTime, Utc};
use etcd_backup_api::{EtcdBackup, EtcdRestore, EtcdSnapshot};
use etcd_backup_backup::manifest::Manifest;
use serde_json::{Value, json};

/// A moment of the tests, `HH:MM:SS` on 23 November 2026.
pub(crate) fn at(time: &str) -> DateTime<Utc> {
    on("2026-11-23", time)
}

/// A moment on another day.
pub(crate) fn on(day: &str, time: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(&format!("{day}T{time}Z"))
        .unwrap()
        .to_utc()
}

/// A plan named `prod`, created on 20 November, every six hours, changed by merging `changes` into it.
pub(crate) fn plan(changes: Value) -> EtcdBackup {
    let mut object = json!({
        "apiVersion": "etcdbackup.dev/v1alpha1",
        "kind": "EtcdBackup",
        "metadata": {
            "name": "prod", "namespace": "ns", "uid": "plan-uid", "generation": 1, "resourceVersion": "7",
            "creationTimestamp": "2026-11-20T00:00:00Z",
        },
        "spec": {
            "etcd": {"endpoints": ["https://10.0.0.1:2379"]},
            "storage": {"s3": {"bucket": "backups", "region": "eu-central-1"}},
            "schedule": "0 */6 * * *",
            "startingDeadline": "1h",
        },
    });
    merge(&mut object, changes);
    serde_json::from_value(object).unwrap()
}

/// A snapshot of that plan, created at 06:00:00 and already its own, changed by merging `changes` into it.
pub(crate) fn snapshot(changes: Value) -> EtcdSnapshot {
    let mut object = json!({
        "apiVersion": "etcdbackup.dev/v1alpha1",
        "kind": "EtcdSnapshot",
        "metadata": {
            "name": "prod-1", "namespace": "ns", "uid": "snapshot-uid", "generation": 1, "resourceVersion": "9",
            "creationTimestamp": "2026-11-23T06:00:00Z",
            "ownerReferences": [{
                "apiVersion": "etcdbackup.dev/v1alpha1", "kind": "EtcdBackup", "name": "prod", "uid": "plan-uid",
            }],
        },
        "spec": {"backupName": "prod"},
    });
    merge(&mut object, changes);
    serde_json::from_value(object).unwrap()
}

/// A restore of that snapshot into the claim `data-etcd-0`, created at 07:00:00, changed by merging `changes` into it.
pub(crate) fn restore(changes: Value) -> EtcdRestore {
    let mut object = json!({
        "apiVersion": "etcdbackup.dev/v1alpha1",
        "kind": "EtcdRestore",
        "metadata": {
            "name": "after", "namespace": "ns", "uid": "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9", "generation": 1,
            "resourceVersion": "11", "creationTimestamp": "2026-11-23T07:00:00Z",
        },
        "spec": {
            "source": {"snapshotName": "prod-1"},
            "members": [{
                "name": "m0", "peerURLs": ["https://m0:2380"],
                "target": {"persistentVolumeClaim": {"claimName": "data-etcd-0"}},
            }],
        },
    });
    merge(&mut object, changes);
    serde_json::from_value(object).unwrap()
}

/// What a run wrote that began at 06:00:00.5, for the EtcdSnapshot of this name and UID if the version recorded it.
pub(crate) fn manifest(snapshot: Option<(&str, &str)>) -> Manifest {
    let mut value = json!({
        "format": "1.1", "runId": "20261123T060000Z-k3v7qa2m",
        "plan": {"namespace": "ns", "name": "prod"},
        "etcd": {"clusterId": "cdf818194e3a8c32", "memberId": "00f818194e3a8c32", "memberName": "m0",
            "version": "3.6.14", "raftIndex": 173, "raftTerm": 2},
        "revision": 154, "compactRevision": 60,
        "times": {"started": "2026-11-23T06:00:00.500Z", "finished": "2026-11-23T06:00:03.500Z"},
        "snapshot": {"size": 2_560_032, "sha256": "0".repeat(64), "hash": 1, "totalKeys": 2},
        "object": {"file": "snapshot.db", "size": 14322, "sha256": "0".repeat(64),
            "crc64nvme": "0".repeat(16), "compression": {"type": "None"}},
        "tool": {"name": "etcd-backup", "version": "0.1.0"},
        "verification": {"level": "Readback", "time": "2026-11-23T06:00:03.400Z"},
        "degraded": false, "trigger": "Manual",
    });
    if let Some((name, uid)) = snapshot {
        value["etcdSnapshot"] = json!({"name": name, "uid": uid});
    }
    serde_json::from_value(value).unwrap()
}

pub(crate) fn merge(into: &mut Value, changes: Value) {
    match (into, changes) {
        (Value::Object(into), Value::Object(changes)) => {
            for (key, change) in changes {
                match change {
                    Value::Null => drop(into.remove(&key)),
                    change => merge(into.entry(key).or_insert(Value::Null), change),
                }
            }
        }
        (into, change) => *into = change,
    }
}
