//! What has become of a plan.

use chrono::{DateTime, Utc};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::drill::{DrillStatus, LastRestorable};
use crate::time::{milliseconds, seconds, whole_seconds};

/// What has become of a plan. All of it is derived from the store and from the plan's snapshots;
/// writing into it by hand has no effect that lasts.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct EtcdBackupStatus {
    /// The generation of the specification that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// Accepted, Ready, LastRunSucceeded, Fresh, RetentionSucceeded, StoreReachable; Restorable with
    /// `verification: Restore`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,

    /// The newest verified snapshot. One stamped with a time to come is it only where there is no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_success: Option<LastSuccess>,

    /// The newest snapshot that was restored in a drill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_restorable: Option<LastRestorable>,

    /// What has become of the drills.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<Box<DrillStatus>>,

    /// The last run, however it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_attempt: Option<LastAttempt>,

    /// When the next snapshot is due by schedule, jitter included. Absent while suspended or
    /// without a schedule.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "whole_seconds"
    )]
    pub next_run: Option<DateTime<Utc>>,

    /// The newest slot of the schedule that has been dealt with: run, skipped or missed.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "whole_seconds"
    )]
    pub last_slot: Option<DateTime<Utc>>,

    /// How many slots of the schedule passed without a run since the last success: too late to be
    /// made up for, or skipped because the run before was not over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missed_runs: Option<u32>,

    /// The value of the annotation etcdbackup.dev/run-now that was answered last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub last_run_now: Option<String>,

    /// When a snapshot was last proved to be what etcd sent.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "whole_seconds"
    )]
    pub last_verified: Option<DateTime<Utc>>,

    /// When the oldest snapshot in the store was taken: how far back one can go.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "whole_seconds"
    )]
    pub oldest_snapshot: Option<DateTime<Utc>>,

    /// How many snapshots of this plan the store holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshots: Option<u32>,

    /// How many bytes they take there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored_bytes: Option<u64>,

    /// Where the snapshots are: `s3://bucket/prefix/namespace/plan` or
    /// `file:///path/namespace/plan`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub location: Option<String>,

    /// When the store was last listed.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "whole_seconds"
    )]
    pub last_synced: Option<DateTime<Utc>>,

    /// The etcd cluster, as it was last seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etcd: Option<ObservedEtcd>,

    /// What the last pruning did, or would have done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<RetentionStatus>,
}

/// The newest verified snapshot of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastSuccess {
    /// Name of its EtcdSnapshot.
    #[schemars(length(max = 253))]
    pub snapshot: String,

    /// When it was begun to be taken: what it holds is no older.
    #[serde(serialize_with = "seconds")]
    pub time: DateTime<Utc>,

    /// Its revision of etcd's key space.
    pub revision: i64,

    /// Bytes of the snapshot as etcd sends it, before compression.
    pub size: u64,
}

/// The last run of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastAttempt {
    /// Name of its EtcdSnapshot.
    #[schemars(length(max = 253))]
    pub snapshot: String,

    /// When it ended, or when it began as long as it runs.
    #[serde(serialize_with = "seconds")]
    pub time: DateTime<Utc>,

    /// How it ended.
    pub result: AttemptResult,

    /// Why, in one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub reason: Option<String>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(inline)]
pub enum AttemptResult {
    /// It has not.
    Running,
    /// With a snapshot in the store.
    Succeeded,
    /// Without.
    Failed,
}

/// The etcd cluster of a plan, as it was last seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservedEtcd {
    /// Its cluster id, 16 hexadecimal digits: learnt at the first success and expected from then
    /// on.
    #[serde(default, rename = "clusterID")]
    #[schemars(length(max = 16))]
    pub cluster_id: String,

    /// Version of the member that gave the last snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub version: Option<String>,

    /// How many members it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<u32>,
}

/// What the last pruning did, or would have done.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetentionStatus {
    /// When it was decided.
    #[serde(serialize_with = "milliseconds")]
    pub time: DateTime<Utc>,

    /// How many snapshots the policy keeps.
    pub kept: u32,

    /// How many it removed. 0 in a dry run.
    pub removed: u32,

    /// How many of those kept it would remove, were they not locked (Object Lock).
    #[serde(default, skip_serializing_if = "none_of_them")]
    pub locked: u32,

    /// How many it should have removed and could not: the condition RetentionSucceeded says why.
    #[serde(default, skip_serializing_if = "none_of_them")]
    pub refused: u32,

    /// Whether nothing was removed on purpose (annotation etcdbackup.dev/dry-run-retention).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,

    /// In a dry run, what would have gone: at most the 50 oldest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub would_remove: Vec<RetentionCandidate>,

    /// In a dry run, why nothing of that would go as things stand, such as a newest snapshot of half the
    /// size. Otherwise why some stay that the policy does not keep: a gap before them may be a clock that
    /// leapt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub held: Option<String>,
}

/// A snapshot that retention would remove.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetentionCandidate {
    /// Which run wrote it: the name of its folder in the store.
    #[serde(rename = "runID")]
    #[schemars(length(max = 64))]
    pub run_id: String,

    /// Why it would go.
    #[schemars(length(max = 256))]
    pub why: String,
}

/// For serde, which gives a reference.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn none_of_them(count: &u32) -> bool {
    *count == 0
}
