//! The manifest of a backup that a test puts into the store.

use chrono::{DateTime, Utc};
use etcd_backup_backup::layout::{ClusterId, RunId};
use etcd_backup_backup::manifest::{
    Compression, Crc64Nvme, Etcd, FormatVersion, Level, Manifest, Object, Plan, Sha256, Snapshot, Times,
    Tool, Trigger, Verification,
};

use super::{FORM, SNAPSHOT};

pub(super) fn manifest(run: RunId, started: DateTime<Utc>, plan_uid: &str, cluster: ClusterId) -> Manifest {
    let size = SNAPSHOT.len() as u64;
    Manifest {
        format: FormatVersion::CURRENT,
        run_id: run,
        plan: Plan {
            namespace: "ns".into(),
            name: "prod".into(),
            uid: Some(plan_uid.into()),
        },
        kubernetes_cluster_uid: Some("cluster-uid".into()),
        etcd: Etcd {
            cluster_id: cluster,
            member_id: ClusterId(1),
            member_name: "m0".into(),
            version: "3.6.14".into(),
            storage_version: None,
            raft_index: 1,
            raft_term: 1,
            members: None,
            corrupt_alarm: false,
        },
        revision: 1 + started.timestamp() / 3600,
        compact_revision: 0,
        times: Times {
            scheduled: None,
            started,
            finished: started,
        },
        snapshot: Snapshot {
            size,
            sha256: Sha256([0; 32]),
            hash: 0,
            total_keys: 0,
            hash_kv: None,
        },
        object: Object {
            file: FORM.file_name().into(),
            size,
            sha256: Sha256([0; 32]),
            crc64nvme: Crc64Nvme(0),
            compression: Compression::None,
            encryption: None,
            version_id: None,
        },
        tool: Tool {
            name: "test".into(),
            version: "0".into(),
        },
        verification: Verification {
            level: Level::Readback,
            time: started,
        },
        degraded: false,
        trigger: Trigger::Schedule,
        etcd_snapshot: None,
    }
}
