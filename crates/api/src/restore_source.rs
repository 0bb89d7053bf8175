//! Which snapshot is restored.

use chrono::{DateTime, Utc};
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::secret::NAME_PATTERN;
use crate::storage::{LocalStorage, S3Storage, StorageSpec};
use crate::time::whole_seconds;

/// A snapshot: exactly one way to name it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.snapshotName), has(self.backup), has(self.storage)].filter(set, set).size() == 1")
    .message("set exactly one of snapshotName, backup and storage"))]
pub struct RestoreSource {
    /// Name of an EtcdSnapshot in the namespace of this object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = NAME_PATTERN))]
    pub snapshot_name: Option<String>,

    /// The newest verified snapshot of a plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<BackupSource>,

    /// A snapshot straight from a store: no plan and no EtcdSnapshot needs to exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<StorageSource>,
}

/// The newest verified snapshot of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackupSource {
    /// Name of an EtcdBackup in the namespace of this object.
    #[schemars(length(min = 1, max = 47), regex(pattern = NAME_PATTERN))]
    pub name: String,

    /// Only snapshots that were begun at this time or before it count, such as
    /// `2026-11-23T06:00:00Z`.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "whole_seconds"
    )]
    #[schemars(length(max = 64), regex(pattern = crate::time::PATTERN))]
    pub before: Option<DateTime<Utc>>,
}

/// A snapshot straight from a store.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.s3) != has(self.local)").message("set exactly one of s3 and local"),
    validation = Rule::new("!has(self.key) || (!has(self.plan) && !has(self.before))")
        .message("key names one snapshot: plan and before do not go with it")
)]
pub struct StorageSource {
    /// A bucket of Amazon S3 or of any server that speaks its protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3: Option<S3Storage>,

    /// A directory. The pods that restore mount it as `job.localStore` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalStorage>,

    /// Whose snapshots are meant: `namespace/name` of the plan that wrote them. Without it: the only
    /// one that the store holds snapshots of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 3, max = 111),
        regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?/[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
    )]
    pub plan: Option<String>,

    /// One snapshot: its key below the store's prefix, or its folder's, such as
    /// `default/prod/cdf818194e3a8c32/20261123T060000Z-abcdefgh`. Without it: the newest verified
    /// one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 3, max = 512),
        regex(
            pattern = "^[a-z0-9][-a-z0-9.]*/[a-z0-9][-a-z0-9.]*/[0-9a-f]{16}/[0-9TZ]{16}-[a-z0-9]+(/[a-z0-9.]+)?$"
        )
    )]
    pub key: Option<String>,

    /// Only snapshots that were begun at this time or before it count, such as
    /// `2026-11-23T06:00:00Z`.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "whole_seconds"
    )]
    #[schemars(length(max = 64), regex(pattern = crate::time::PATTERN))]
    pub before: Option<DateTime<Utc>>,
}

impl StorageSource {
    /// The store alone.
    pub fn storage(&self) -> StorageSpec {
        StorageSpec {
            s3: self.s3.clone(),
            local: self.local.clone(),
        }
    }
}
