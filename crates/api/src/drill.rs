//! Drills: restores that nobody needs, so that the one that somebody needs works.

use chrono::{DateTime, Utc};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::Duration;
use crate::job::JobShape;
use crate::restore_member::RestoreProgress;
use crate::restore_status::PinnedSource;
use crate::secret::SecretReference;
use crate::time::{seconds, whole_seconds};

/// How snapshots are restored in drills.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.etcdImage) || !has(self.job) || !has(self.job.hostNetwork) || !self.job.hostNetwork")
        .message("with etcdImage the pod needs a network of its own: job.hostNetwork must be false")
)]
pub struct Drill {
    /// When to restore the newest snapshot: written as `schedule` of the plan, and in its time zone.
    /// Without it: after each success. What comes while a drill runs is one drill afterwards, of what
    /// is newest then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 6, max = 100),
        regex(
            pattern = r"^(@(hourly|daily|midnight|weekly|monthly|yearly|annually)|[0-9A-Za-z*,/?#-]+( +[0-9A-Za-z*,/?#-]+){4})$"
        )
    )]
    pub schedule: Option<String>,

    /// An image with a program `etcd`, such as `gcr.io/etcd-development/etcd:v3.6.6`, of the version
    /// that you would restore to. It is started on the restored data, alone and reachable by nobody
    /// else, and must answer with the snapshot's revision and HashKV. Without it no etcd is started.
    /// Needs Kubernetes 1.29.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 512),
        regex(pattern = "^[A-Za-z0-9][A-Za-z0-9._:/@-]*$")
    )]
    pub etcd_image: Option<String>,

    /// A Secret whose key `identity` holds the age identities (lines that begin with
    /// `AGE-SECRET-KEY-1`, as age-keygen writes them) that encrypted snapshots are read with. Give
    /// drills an identity of their own among the recipients: it can be taken away again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decryption: Option<SecretReference>,

    /// How long one drill may take, such as `1h`.
    #[serde(default = "default_timeout")]
    #[x_kube(validation = Rule::new("self.matches('[1-9]')").message("timeout must be longer than nothing"))]
    pub timeout: Duration,

    /// The most that a drill may take of a node's disk, such as `20Gi`. Without it: twice the
    /// snapshot, for the snapshot and the database that is made of it, and 512 MiB for etcd's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 16),
        regex(pattern = "^[1-9][0-9]*(k|M|G|T|Ki|Mi|Gi|Ti)?$")
    )]
    pub scratch_size: Option<String>,

    /// Where the pods that do the work run, as whom, and with how much.
    #[serde(default)]
    pub job: JobShape,
}

impl Default for Drill {
    fn default() -> Self {
        Self {
            schedule: None,
            etcd_image: None,
            decryption: None,
            timeout: default_timeout(),
            scratch_size: None,
            job: JobShape::default(),
        }
    }
}

fn default_timeout() -> Duration {
    Duration::from_hours(1)
}

/// The newest snapshot that was restored in a drill.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastRestorable {
    /// Name of its EtcdSnapshot.
    #[schemars(length(max = 253))]
    pub snapshot: String,

    /// The run that wrote it.
    #[serde(rename = "runID")]
    #[schemars(length(max = 64))]
    pub run_id: String,

    /// When it was taken.
    #[serde(serialize_with = "seconds")]
    pub snapshot_time: DateTime<Utc>,

    /// When it was restored.
    #[serde(serialize_with = "seconds")]
    pub time: DateTime<Utc>,

    /// Its revision of etcd's key space.
    pub revision: i64,
}

/// A drill that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunningDrill {
    /// Name of the EtcdSnapshot that is restored.
    #[schemars(length(max = 253))]
    pub snapshot: String,

    /// The Job that does it.
    #[schemars(length(max = 63))]
    pub job: String,

    /// When it began.
    #[serde(serialize_with = "seconds")]
    pub start_time: DateTime<Utc>,

    /// The snapshot itself. While it is here, nobody removes it from the store.
    pub source: PinnedSource,

    /// How far it is. Absent where the operator may not read the logs of pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<RestoreProgress>,

    /// What it waits for, if it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub message: Option<String>,
}

/// The last drill that is over.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastDrill {
    /// Name of the EtcdSnapshot.
    #[schemars(length(max = 253))]
    pub snapshot: String,

    /// The run that wrote it.
    #[serde(rename = "runID")]
    #[schemars(length(max = 64))]
    pub run_id: String,

    /// How it ended.
    pub result: DrillResult,

    /// Why, in one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub reason: Option<String>,

    /// What was proved, or what is wrong, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub message: Option<String>,

    /// The Job that did it. It stays until the next drill begins, at most a week, for its log.
    #[schemars(length(max = 63))]
    pub job: String,

    /// When it began.
    #[serde(serialize_with = "seconds")]
    pub start_time: DateTime<Utc>,

    /// When its end was seen.
    #[serde(serialize_with = "seconds")]
    pub time: DateTime<Utc>,

    /// What etcd's HashKV says of the restored data.
    #[serde(default, rename = "hashKV", skip_serializing_if = "Option::is_none")]
    pub hash_kv: Option<u32>,

    /// Version of the etcd that was started on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub etcd_version: Option<String>,
}

/// How a drill ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(inline)]
pub enum DrillResult {
    /// The snapshot was restored, and is what was backed up.
    Succeeded,
    /// It was not.
    Failed,
}

/// What has become of a plan's drills.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DrillStatus {
    /// The drill that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<RunningDrill>,

    /// The last one that is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<LastDrill>,

    /// When the next one is due by schedule, jitter included.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "whole_seconds"
    )]
    pub next: Option<DateTime<Utc>>,

    /// The newest slot of the drills' schedule that has been dealt with.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "whole_seconds"
    )]
    pub last_slot: Option<DateTime<Utc>>,

    /// The value of the annotation etcdbackup.dev/drill-now that was answered last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub last_drill_now: Option<String>,
}
