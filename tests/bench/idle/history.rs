//! What lies in the bucket before the operator comes: of some plans, backups. The operator gives each its EtcdSnapshot, as in a
//! cluster that was lost.

use anyhow::{Context, Result};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use etcd_backup_api::EtcdBackup;
use harness::s3::S3Server;
use kube::ResourceExt;
use serde_json::json;

/// Backups of a plan that has any: as many as its retention keeps.
pub(super) const EACH: u32 = 3;

/// As long as its manifest says.
const OBJECT: &[u8] = b"nobody reads it";

/// Stores the backups of a plan, taken a day apart.
pub(super) fn plant(server: &S3Server, plan: &EtcdBackup, cluster: &str, now: DateTime<Utc>) -> Result<()> {
    let (namespace, name) = (plan.namespace().unwrap_or_default(), plan.name_any());
    let uid = plan.uid().context("no UID")?;
    for days in 1..=EACH {
        let taken = now - TimeDelta::days(i64::from(days));
        let time = taken.to_rfc3339_opts(SecondsFormat::Millis, true);
        let run = format!("{}-k3v7qa2m", taken.format("%Y%m%dT%H%M%SZ"));
        let manifest = json!({
            "format": "1.2",
            "runId": run,
            "plan": {"namespace": namespace, "name": name, "uid": uid},
            "kubernetesClusterUid": cluster,
            "etcd": {
                "clusterId": "cdf818194e3a8c32", "memberId": "00f818194e3a8c32", "memberName": "m0", "version": "3.6.14",
                "storageVersion": "3.6.0", "raftIndex": 173, "raftTerm": 2, "members": 3,
            },
            "revision": 154,
            "compactRevision": 60,
            "times": {"started": time, "finished": time},
            "snapshot": {
                "size": 2_560_032, "sha256": "0f".repeat(32), "hash": 635_300_773, "totalKeys": 113,
                "hashKv": {"hash": 105_161_575, "revision": 154, "compactRevision": 60},
            },
            "object": {
                "file": "snapshot.db", "size": OBJECT.len(), "sha256": "00".repeat(32), "crc64nvme": "00c0ffee00c0ffee",
                "compression": {"type": "None"},
            },
            "tool": {"name": "etcd-backup", "version": "0.1.0"},
            "verification": {"level": "Readback", "time": time},
            "degraded": false,
            "trigger": "Manual",
            "etcdSnapshot": {"name": format!("{name}-{days}"), "uid": "5b3a0f0e-90a5-4f0e-8f5e-2f4f8d3b6c21"},
        });
        let folder = format!("{namespace}/{name}/cdf818194e3a8c32/{run}");
        server.plant(&format!("{folder}/snapshot.db"), OBJECT);
        server.plant(&format!("{folder}/manifest.json"), manifest.to_string());
    }
    Ok(())
}
