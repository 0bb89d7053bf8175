//! The fields of a manifest, format 1.0. Every name and meaning here is a promise to the future.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Crc64Nvme, FormatVersion, Sha256};
use crate::layout::{ClusterId, Form, Location, PlanKey, RunId};

/// What is known of one backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Version of this format: `"1.0"`.
    pub format: FormatVersion,
    /// The attempt that wrote it; also the name of the folder it lies in.
    pub run_id: RunId,
    /// The plan it belongs to.
    pub plan: Plan,
    /// UID of the Kubernetes cluster that the plan lives in (that of its `kube-system` namespace). Absent when the
    /// snapshot was taken without Kubernetes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubernetes_cluster_uid: Option<String>,
    /// The member that gave the snapshot.
    pub etcd: Etcd,
    /// etcd's revision at which the data stands, read from the snapshot's own bytes.
    pub revision: i64,
    /// The revision up to which history was compacted (etcd's `finishedCompactRev`); 0 = never.
    pub compact_revision: i64,
    /// When.
    pub times: Times,
    /// The snapshot as etcd gave it.
    pub snapshot: Snapshot,
    /// The object as it is stored.
    pub object: Object,
    /// Which program wrote it.
    pub tool: Tool,
    /// What was proved before this manifest was written.
    pub verification: Verification,
    /// Taken although the etcd cluster had lost its quorum: the newest writes may be missing.
    pub degraded: bool,
    /// What asked for it.
    pub trigger: Trigger,
    /// The Kubernetes object that it was taken for. Since format 1.1; absent when it was taken without Kubernetes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etcd_snapshot: Option<SnapshotObject>,
}

/// An EtcdSnapshot. Names may be used again; the UID tells one bearer of a name from the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotObject {
    /// Its name, in the namespace of the plan.
    pub name: String,
    /// Its UID.
    pub uid: String,
}

/// The plan a backup belongs to. Names may be used again; the UID tells one bearer of a name from the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Its Kubernetes namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID. Absent when the snapshot was taken without Kubernetes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
}

/// The member that gave the snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Etcd {
    /// The cluster's id, 16 hexadecimal digits; also the name of the folder that holds this generation.
    pub cluster_id: ClusterId,
    /// The member's id, 16 hexadecimal digits.
    pub member_id: ClusterId,
    /// The member's name. May be empty.
    pub member_name: String,
    /// The server's version, such as `3.6.14`.
    pub version: String,
    /// The version of the data's schema, which etcd records from 3.6 on. A server older than it cannot use the data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_version: Option<String>,
    /// Raft's index up to which the snapshot holds what was applied.
    pub raft_index: u64,
    /// Raft's term at that index.
    pub raft_term: u64,
    /// How many members the cluster had, learners included. Since format 1.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<u32>,
    /// Whether the alarm CORRUPT was raised in the cluster, for another member than this one: their data differs, and some of it is
    /// wrong. Since format 1.2; absent where it was not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub corrupt_alarm: bool,
}

/// When things happened, by the clock of whoever wrote the backup, in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Times {
    /// The slot of the schedule that this run filled; absent when a person asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduled: Option<DateTime<Utc>>,
    /// When the attempt began. *This* is the time of a backup: backups are ordered and kept by it, since the data is no
    /// older than that.
    pub started: DateTime<Utc>,
    /// When everything was stored and proved.
    pub finished: DateTime<Utc>,
}

/// The snapshot as etcd gave it: what decrypting and decompressing the object yields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Bytes, etcd's 32-byte trailer included.
    pub size: u64,
    /// SHA-256 of those bytes (what `sha256sum` prints of the file that etcdutl restores).
    pub sha256: Sha256,
    /// What `etcdutl snapshot status` prints as hash.
    pub hash: u32,
    /// What `etcdutl snapshot status` prints as total keys, counted as etcdutl 3.6 does.
    pub total_keys: u64,
    /// etcd's HashKV of the data. Absent when a compaction was under way in the snapshot, or when the verifier had no
    /// memory for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash_kv: Option<HashKv>,
}

/// What etcd's HashKV answers: equal for equal data at any member, and after a restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HashKv {
    /// The hash.
    pub hash: u32,
    /// The revision it was computed at.
    pub revision: i64,
    /// The compact revision at that time, which is part of what was hashed.
    pub compact_revision: i64,
}

impl From<etcd_backup_snapshot::HashKv> for HashKv {
    fn from(kv: etcd_backup_snapshot::HashKv) -> Self {
        Self {
            hash: kv.hash,
            revision: kv.revision,
            compact_revision: kv.compact_revision,
        }
    }
}

impl From<HashKv> for etcd_backup_snapshot::HashKv {
    fn from(kv: HashKv) -> Self {
        Self {
            hash: kv.hash,
            revision: kv.revision,
            compact_revision: kv.compact_revision,
        }
    }
}

/// The object as it is stored beside this manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Object {
    /// Its file name, in the same folder as this manifest: `snapshot.db`, then `.zst` and `.age` as they apply.
    pub file: String,
    /// Bytes stored.
    pub size: u64,
    /// SHA-256 of what is stored.
    pub sha256: Sha256,
    /// CRC-64/NVME of what is stored.
    pub crc64nvme: Crc64Nvme,
    /// How it is compressed.
    pub compression: Compression,
    /// How it is encrypted by us. Absent when it is not. (Encryption by the store itself is not recorded.)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
    /// The version that the store gave it, where the bucket keeps versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
}

/// How the object is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Compression {
    /// Not at all.
    None,
    /// One zstd frame with its checksum (RFC 8878), and its content size where it was known in advance.
    Zstd {
        /// zstd's level, 1 to 19.
        level: i32,
    },
}

/// How the object is encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Encryption {
    /// The age format, version 1 (age-encryption.org/v1), binary.
    #[serde(rename = "age")]
    Age {
        /// The public keys it is encrypted to, each of which can read it.
        recipients: Vec<String>,
    },
}

/// The program that wrote a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// What was proved of a stored object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// How far the proof went.
    pub level: Level,
    /// When it was finished.
    pub time: DateTime<Utc>,
}

/// How far a proof of what is stored goes. At every level the snapshot itself was verified on its way: its trailer, its
/// structure and its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum Level {
    /// The store says that it holds as many bytes as were sent, with the same CRC-64/NVME.
    Checksum,
    /// Every byte was read back from the store, and their SHA-256 is that of what was sent.
    #[default]
    Readback,
}

/// What asked for a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Trigger {
    /// The plan's schedule.
    Schedule,
    /// A person, or a program acting for one.
    Manual,
}

impl Compression {
    /// Is it zstd?
    pub fn is_zstd(self) -> bool {
        matches!(self, Self::Zstd { .. })
    }
}

impl Object {
    /// The form that compression and encryption make, which is also what the file's name says.
    pub fn form(&self) -> Form {
        Form {
            zstd: self.compression.is_zstd(),
            age: self.encryption.is_some(),
        }
    }
}

impl Manifest {
    /// Where this backup lies.
    ///
    /// # Errors
    /// When the plan's names are not ones that a key can hold. What [`Manifest::parse`] gave never fails here.
    pub fn location(&self) -> Result<Location, crate::layout::LayoutError> {
        let plan = PlanKey::new(self.plan.namespace.as_str(), self.plan.name.as_str())?;
        Ok(Location {
            plan,
            cluster: self.etcd.cluster_id,
            run: self.run_id,
        })
    }
}
