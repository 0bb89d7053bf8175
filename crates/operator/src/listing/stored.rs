//! A manifest in the words of the API.

use etcd_backup_api as api;
use etcd_backup_backup::manifest::{Compression, Encryption, Level, Manifest};

use crate::snapshot::decide::Stored;

/// What `manifest` says. `place` is where the plan's part of the store is, ending with `/`.
pub fn stored(manifest: &Manifest, place: Option<&str>) -> Stored {
    let etcd = &manifest.etcd;
    Stored {
        run_id: manifest.run_id.to_string(),
        started: manifest.times.started,
        finished: manifest.times.finished,
        degraded: manifest.degraded,
        corrupt_alarm: manifest.etcd.corrupt_alarm,
        etcd: api::SnapshotEtcd {
            cluster_id: etcd.cluster_id.to_string(),
            member_id: Some(etcd.member_id.to_string()),
            member: Some(etcd.member_name.clone()).filter(|name| !name.is_empty()),
            version: Some(etcd.version.clone()),
            storage_version: etcd.storage_version.clone(),
            revision: Some(manifest.revision),
            compact_revision: Some(manifest.compact_revision),
            raft_index: Some(etcd.raft_index),
            raft_term: Some(etcd.raft_term),
        },
        snapshot: api::SnapshotFacts {
            size: manifest.snapshot.size,
            hash: Some(manifest.snapshot.hash),
            total_keys: Some(manifest.snapshot.total_keys),
            sha256: Some(manifest.snapshot.sha256.to_string()),
        },
        object: object(manifest, place),
        verified: Some(api::Verified {
            level: match manifest.verification.level {
                Level::Readback => api::Verification::Readback,
                Level::Checksum => api::Verification::Checksum,
            },
            time: manifest.verification.time,
        }),
    }
}

fn object(manifest: &Manifest, place: Option<&str>) -> api::StoredObject {
    let object = &manifest.object;
    // Below the plan's part of the store, as docs/format.md has it.
    let below = format!("{}/{}/{}", manifest.etcd.cluster_id, manifest.run_id, object.file);
    let key = format!("{}/{}/{below}", manifest.plan.namespace, manifest.plan.name);
    api::StoredObject {
        url: place.map_or_else(|| key.clone(), |place| format!("{place}{below}")),
        key,
        size: object.size,
        sha256: Some(object.sha256.to_string()),
        crc64nvme: Some(object.crc64nvme.to_string()),
        version_id: object.version_id.clone(),
        compression: match object.compression {
            Compression::None => api::CompressionType::None,
            Compression::Zstd { .. } => api::CompressionType::Zstd,
        },
        encryption: match &object.encryption {
            None => api::EncryptionType::None,
            Some(Encryption::Age { .. }) => api::EncryptionType::Age,
        },
    }
}
