//! How snapshots are kept, compressed and encrypted.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::Duration;

/// Which snapshots to keep. A snapshot stays when any of the keep rules wants it; `maxAge` removes
/// what is older even so. The newest verified snapshot and pinned ones always stay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.keepLast) || has(self.keepHourly) || has(self.keepDaily) || has(self.keepWeekly) || has(self.keepMonthly) || has(self.keepYearly) || has(self.maxAge)")
    .message("retention needs at least one rule; leave it out to keep everything"))]
pub struct Retention {
    /// Keep this many of the newest snapshots, 1 to 10000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub keep_last: Option<u32>,

    /// Keep the newest snapshot of each of the last hours that have one, this many hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub keep_hourly: Option<u32>,

    /// Keep the newest snapshot of each of the last days that have one, this many days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub keep_daily: Option<u32>,

    /// Keep the newest snapshot of each of the last weeks (Monday to Sunday) that have one, this
    /// many weeks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub keep_weekly: Option<u32>,

    /// Keep the newest snapshot of each of the last months that have one, this many months.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub keep_monthly: Option<u32>,

    /// Keep the newest snapshot of each of the last years that have one, this many years.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000))]
    pub keep_yearly: Option<u32>,

    /// Keep nothing that is older than this, such as `400d`. On its own it keeps everything
    /// younger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self.matches('[1-9]')").message("maxAge must be longer than nothing"))]
    pub max_age: Option<Duration>,
}

/// How snapshots are compressed.
#[derive(Clone, Debug, PartialEq, Eq, Default, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.type == 'Zstd' || !has(self.level)").message("level is only for type Zstd"))]
pub struct Compression {
    /// `Zstd`: readable with `zstd -d`. `None`: the snapshot as etcd sends it.
    #[serde(default, rename = "type")]
    pub kind: CompressionType,

    /// Level of zstd, 1 to 9; 1 without it. Higher levels cost much time and gain little on what
    /// etcd holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 9))]
    pub level: Option<i32>,
}

/// Kinds of compression.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(inline)]
pub enum CompressionType {
    /// Zstandard, RFC 8878.
    #[default]
    Zstd,
    /// As it comes.
    None,
}

impl Compression {
    /// Level that is used for zstd when none is set: higher ones gain almost nothing on etcd's data
    /// and cost several times the time.
    pub const DEFAULT_LEVEL: i32 = 1;

    /// The level for zstd, or nothing when snapshots are stored as they come.
    pub fn zstd_level(&self) -> Option<i32> {
        match self.kind {
            CompressionType::Zstd => Some(self.level.unwrap_or(Self::DEFAULT_LEVEL)),
            CompressionType::None => None,
        }
    }
}

/// Encryption before anything leaves the operator.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Encryption {
    /// With age (age-encryption.org): only holders of a private key can read, and none is in the
    /// cluster. Without the key nobody can, so keep it safe elsewhere.
    pub age: AgeEncryption,
}

/// Who can read snapshots that are encrypted with age.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgeEncryption {
    /// Public keys as `age-keygen` prints them (`age1…`), 1 to 16. Each holder of one of the
    /// private keys can decrypt.
    #[schemars(length(min = 1, max = 16))]
    #[schemars(inner(length(min = 62, max = 62), regex(pattern = "^age1[02-9ac-hj-np-z]{58}$")))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub recipients: Vec<String>,
}
