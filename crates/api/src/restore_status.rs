//! What has become of a restore.

use chrono::{DateTime, Utc};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::etcd::EtcdSpec;
use crate::restore_member::MemberStatus;
use crate::storage::StorageSpec;
use crate::time::{seconds, whole_seconds};

/// What has become of a restore.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct EtcdRestoreStatus {
    /// The generation of the specification that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// How far it is. Until `Committing` nothing of any target has changed.
    #[serde(default)]
    pub phase: RestorePhase,

    /// Why it stands there, in one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub reason: Option<String>,

    /// Why it stands there, in a sentence, and what can be done about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32_768))]
    pub message: Option<String>,

    /// The snapshot that is restored. Once it is here, nothing else is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<PinnedSource>,

    /// What to know of the snapshot before the cluster is used: it is degraded, or a clock was wrong
    /// when it or another one was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub warning: Option<String>,

    /// The revision that the new cluster starts at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,

    /// The token of the new cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub initial_cluster_token: Option<String>,

    /// Where the restored cluster will be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<EtcdSpec>,

    /// Its members, in the order of the specification.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 9))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub members: Vec<MemberStatus>,

    /// How many members have their new data in place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members_done: Option<u32>,

    /// What the StatefulSet was like before anything changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stateful_set: Option<PinnedStatefulSet>,

    /// Why it is being undone, while it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<RestoreFailure>,

    /// When it began.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "whole_seconds"
    )]
    pub start_time: Option<DateTime<Utc>>,

    /// When the present phase began.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "whole_seconds"
    )]
    pub phase_time: Option<DateTime<Utc>>,

    /// When it was over, either way.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "whole_seconds"
    )]
    pub completion_time: Option<DateTime<Utc>>,

    /// Complete, Failed, Progressing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

/// How far a restore is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[schemars(inline)]
pub enum RestorePhase {
    /// Not looked at yet.
    #[default]
    Pending,
    /// The snapshot is looked up.
    Resolving,
    /// The members are stopped, if a StatefulSet runs them, and each new data directory is built
    /// beside the old one.
    Preparing,
    /// It failed before anything changed, and what was prepared is taken away.
    Undoing,
    /// The new data takes the place of the old. There is no way back from here.
    Committing,
    /// The members are started.
    Starting,
    /// The restored cluster is asked.
    Verifying,
    /// The new data is in place, and what was to be asked was answered well.
    Succeeded,
    /// Given up.
    Failed,
}

impl RestorePhase {
    /// Whether nothing more will be done.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }

    /// The word, as it is written in the object.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Resolving => "Resolving",
            Self::Preparing => "Preparing",
            Self::Undoing => "Undoing",
            Self::Committing => "Committing",
            Self::Starting => "Starting",
            Self::Verifying => "Verifying",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }
}

/// The one snapshot that a restore restores.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PinnedSource {
    /// Where it is, with everything: `s3://bucket/prefix/…/snapshot.db.zst`.
    #[schemars(length(max = 4096))]
    pub url: String,

    /// Its key below the store's prefix.
    #[schemars(length(max = 1024))]
    pub key: String,

    /// The store as it was when the snapshot was found there.
    pub storage: StorageSpec,

    /// The run that wrote it: what protects it from retention while it is read.
    #[serde(rename = "runID")]
    #[schemars(length(max = 64))]
    pub run_id: String,

    /// Version of the object, in a bucket with versions.
    #[serde(default, rename = "versionID", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub version_id: Option<String>,

    /// SHA-256 of the bytes as stored, 64 hexadecimal digits.
    #[schemars(length(max = 64))]
    pub sha256: String,

    /// Bytes as stored: compressed, encrypted.
    pub size: u64,

    /// Bytes of the snapshot itself.
    pub snapshot_size: u64,

    /// SHA-256 of the snapshot itself, 64 hexadecimal digits: what every member is built of has it.
    #[serde(rename = "snapshotSHA256")]
    #[schemars(length(max = 64))]
    pub snapshot_sha256: String,

    /// Revision of etcd's key space.
    pub revision: i64,

    /// Id of the cluster that it comes from, 16 hexadecimal digits.
    #[serde(rename = "clusterID")]
    #[schemars(length(max = 16))]
    pub cluster_id: String,

    /// When it was taken.
    #[serde(serialize_with = "seconds")]
    pub taken: DateTime<Utc>,

    /// It is encrypted, and needs `decryption`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub encrypted: bool,
}

/// What a StatefulSet was like before anything changed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PinnedStatefulSet {
    /// Its UID: another one of the same name is left alone.
    #[schemars(length(max = 64))]
    pub uid: String,

    /// How many replicas it had, and will have again.
    pub replicas: i32,

    /// The number of its first pod, if that is not 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_ordinal: Option<i32>,

    /// The user as whom its pods run, if it says so: who must be able to read the files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_as_user: Option<i64>,

    /// The group that owns its volumes, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fs_group: Option<i64>,

    /// The volume claim template that holds the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub volume_claim_template: Option<String>,
}

/// Why a restore failed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestoreFailure {
    /// In one word.
    #[schemars(length(max = 128))]
    pub reason: String,

    /// In a sentence.
    #[schemars(length(max = 32_768))]
    pub message: String,
}
