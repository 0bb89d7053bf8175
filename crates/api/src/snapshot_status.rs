//! What has become of a snapshot.

use chrono::{DateTime, Utc};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::backup::Verification;
use crate::policy::CompressionType;
use crate::time::{seconds, whole_seconds};

/// What has become of a snapshot.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct EtcdSnapshotStatus {
    /// The generation of the specification that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// Where it stands: waiting, being taken, stored, given up, or gone from the store.
    #[serde(default)]
    pub phase: SnapshotPhase,

    /// Why it stands there, in one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub reason: Option<String>,

    /// Why it stands there, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32_768))]
    pub message: Option<String>,

    /// How many times it has been tried, the present attempt included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,

    /// When the next attempt may start, after one that failed.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "whole_seconds"
    )]
    pub next_attempt: Option<DateTime<Utc>>,

    /// The slot of the schedule that it is for. Absent when it was asked for by hand.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "whole_seconds"
    )]
    pub scheduled_time: Option<DateTime<Utc>>,

    /// When the present or last attempt began.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "whole_seconds"
    )]
    pub start_time: Option<DateTime<Utc>>,

    /// When it was over, either way.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "whole_seconds"
    )]
    pub completion_time: Option<DateTime<Utc>>,

    /// The process that runs it, while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub owner: Option<String>,

    /// The Job that takes it, or took it last, where the plan's `runner` is a Job. It is named after
    /// the attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub job: Option<String>,

    /// How far it is, while it runs. Of a Job it is read in the pod's log, and absent where the operator may not do that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,

    /// Which run stored it: the name of its folder in the store.
    #[serde(default, rename = "runID", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub run_id: Option<String>,

    /// Taken without a quorum: the newest writes may be lacking.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub degraded: bool,

    /// The etcd that it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etcd: Option<SnapshotEtcd>,

    /// What it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotFacts>,

    /// The object in the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<StoredObject>,

    /// How it was proved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<Verified>,

    /// Complete, Failed, Verified; and DeletionHeld, once it was deleted while it was pinned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

/// Where a snapshot stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[schemars(inline)]
pub enum SnapshotPhase {
    /// Waiting for its turn, or for the next attempt.
    #[default]
    Pending,
    /// Being taken.
    Running,
    /// Stored and proved.
    Succeeded,
    /// Given up.
    Failed,
    /// It was stored and the object is gone.
    Missing,
}

impl SnapshotPhase {
    /// Whether no further attempt will be made.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Missing)
    }

    /// The word, as it is written in the object.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Missing => "Missing",
        }
    }
}

/// How far a run is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// Bytes that etcd has sent.
    #[serde(default)]
    pub bytes: u64,

    /// Bytes that are expected in all: the size of the member's database. Absent until the member
    /// has been asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
}

/// The etcd that a snapshot comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotEtcd {
    /// Cluster id, 16 hexadecimal digits.
    #[serde(default, rename = "clusterID")]
    #[schemars(length(max = 16))]
    pub cluster_id: String,

    /// Id of the member, 16 hexadecimal digits.
    #[serde(default, rename = "memberID", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub member_id: Option<String>,

    /// Name of the member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub member: Option<String>,

    /// Version of the member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub version: Option<String>,

    /// Version of the format inside the snapshot. Absent before etcd 3.6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub storage_version: Option<String>,

    /// Revision of the key space: everything up to it is in the snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,

    /// Revisions below this one were compacted away before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compact_revision: Option<i64>,

    /// Index of the last Raft entry that is in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raft_index: Option<u64>,

    /// Raft term of that entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raft_term: Option<u64>,
}

/// What a snapshot holds, in the terms of `etcdutl snapshot status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotFacts {
    /// Bytes as etcd sends it, the trailing checksum included, before compression.
    #[serde(default)]
    pub size: u64,

    /// The hash that `etcdutl snapshot status -w json` prints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<u32>,

    /// Number of keys, as etcdutl 3.6 counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_keys: Option<u64>,

    /// What `sha256sum` prints for the uncompressed file, 64 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub sha256: Option<String>,
}

/// The object in the store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoredObject {
    /// Where it is, with everything: `s3://bucket/prefix/…/snapshot.db.zst`.
    #[serde(default)]
    #[schemars(length(max = 4096))]
    pub url: String,

    /// Its key below the plan's storage prefix.
    #[serde(default)]
    #[schemars(length(max = 1024))]
    pub key: String,

    /// Bytes as stored: compressed, encrypted.
    #[serde(default)]
    pub size: u64,

    /// SHA-256 of the bytes as stored, 64 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub sha256: Option<String>,

    /// CRC-64/NVME of the bytes as stored, 16 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub crc64nvme: Option<String>,

    /// Version of the object, in a bucket with versions.
    #[serde(default, rename = "versionID", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub version_id: Option<String>,

    /// How it is compressed.
    #[serde(default)]
    pub compression: CompressionType,

    /// How it is encrypted.
    #[serde(default)]
    pub encryption: EncryptionType,
}

/// How a stored object is encrypted before it leaves the operator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(inline)]
pub enum EncryptionType {
    /// It is not.
    #[default]
    None,
    /// With age (age-encryption.org).
    Age,
}

/// How a snapshot was proved.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    /// What was proved.
    pub level: Verification,

    /// When it was proved.
    #[serde(serialize_with = "seconds")]
    pub time: DateTime<Utc>,
}
