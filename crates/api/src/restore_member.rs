//! What has become of each member of a restore.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A member of a restore.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberStatus {
    /// Name of the member.
    #[schemars(length(max = 253))]
    pub name: String,

    /// How far it is.
    #[serde(default)]
    pub phase: MemberPhase,

    /// The Job that works for it, or did last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub job: Option<String>,

    /// Where its data directory is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub target: Option<String>,

    /// How far its Job is, while it prepares. Absent where the operator may not read the logs of pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<RestoreProgress>,

    /// Bytes of the database that was built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,

    /// What etcd's HashKV says of it, at the revision that the new cluster starts at.
    #[serde(default, rename = "hashKV", skip_serializing_if = "Option::is_none")]
    pub hash_kv: Option<u32>,

    /// Id of the member in the new cluster, 16 hexadecimal digits.
    #[serde(default, rename = "memberID", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub member_id: Option<String>,

    /// Where the data is that was there before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub previous: Option<String>,

    /// What there is to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub message: Option<String>,
}

/// How far the restoring of a snapshot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestoreProgress {
    /// What is being done.
    pub stage: RestoreStage,

    /// Bytes done in this stage, in steps of a twentieth or 16 MiB.
    #[serde(default)]
    pub bytes: u64,

    /// Bytes to do in this stage. Absent while nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
}

/// What is being done to restore a snapshot, in the order in which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[schemars(inline)]
pub enum RestoreStage {
    /// The snapshot is fetched.
    Receiving,
    /// The database is built from it.
    Building,
    /// What was built is brought to the disk, and read back.
    Checking,
    /// It gets its name.
    Placing,
}

/// How far a member is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[schemars(inline)]
pub enum MemberPhase {
    /// Nothing has been done for it.
    #[default]
    Pending,
    /// Its data is being built.
    Preparing,
    /// Its data is built and proved, and waits beside the old.
    Prepared,
    /// Its data is being put into place.
    Committing,
    /// Its data is in place.
    Committed,
    /// It could not be done.
    Failed,
    /// What was prepared for it is gone again.
    Discarded,
}
