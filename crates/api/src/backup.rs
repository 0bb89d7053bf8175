//! EtcdBackup: a plan.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::backup_status::EtcdBackupStatus;
use crate::drill::Drill;
use crate::duration::Duration;
use crate::etcd::EtcdSpec;
use crate::policy::{Compression, Encryption, Retention};
use crate::runner::Runner;
use crate::storage::StorageSpec;

/// What a plan says: which etcd, where to, when, and how long to keep it.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "etcdbackup.dev",
    version = "v1alpha1",
    kind = "EtcdBackup",
    plural = "etcdbackups",
    singular = "etcdbackup",
    shortname = "ebk",
    category = "etcd-backup",
    namespaced,
    status = "EtcdBackupStatus",
    derive = "PartialEq",
    doc = "EtcdBackup is a plan: it says which etcd to back up, where to, when, and how long to keep the snapshots. Every snapshot it takes appears as an EtcdSnapshot.",
    validation = Rule::new("self.metadata.name.size() <= 47")
        .message("the name of a plan has at most 47 characters, so that the names of its snapshots fit into labels"),
    selectable = ".spec.suspend",
    printcolumn(name = "Schedule", type_ = "string", json_path = ".spec.schedule", description = "When snapshots are taken"),
    printcolumn(name = "Last Success", type_ = "date", json_path = ".status.lastSuccess.time", description = "Age of the newest good snapshot"),
    printcolumn(name = "Next", type_ = "string", json_path = ".status.nextRun", description = "When the next snapshot is due, in UTC"),
    printcolumn(name = "Snapshots", type_ = "integer", json_path = ".status.snapshots", description = "How many snapshots the store holds"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status", description = "Whether the plan works"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Revision", type_ = "integer", json_path = ".status.lastSuccess.revision", priority = 1, description = "Revision of the newest good snapshot"),
    printcolumn(name = "Size", type_ = "integer", json_path = ".status.lastSuccess.size", priority = 1, description = "Size of the newest good snapshot in bytes"),
    printcolumn(name = "Restorable", type_ = "date", json_path = ".status.lastRestorable.snapshotTime", priority = 1, description = "Age of the newest snapshot that was restored in a drill"),
    printcolumn(name = "Store", type_ = "string", json_path = ".status.location", priority = 1, description = "Where the snapshots are"),
    printcolumn(name = "Suspended", type_ = "boolean", json_path = ".spec.suspend", priority = 1, description = "Whether the schedule is suspended"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].message", priority = 1, description = "What Ready has to say")
)]
#[x_kube(
    validation = Rule::new("!has(self.timeZone) || has(self.schedule) || (has(self.drill) && has(self.drill.schedule))")
        .message("timeZone needs a schedule"),
    validation = Rule::new("!has(self.drill) || self.verification == 'Restore'")
        .message("drill is only for verification: Restore"),
    validation = Rule::new("!has(self.runner) || self.runner.type != 'Job' || !has(self.storage.local) || (has(self.runner.job) && has(self.runner.job.localStore))")
        .message("a storage of type local needs runner.job.localStore: the pods do not have the volumes of the operator"),
    validation = Rule::new("!has(self.runner) || !has(self.runner.job) || !has(self.runner.job.localStore) || has(self.storage.local)")
        .message("runner.job.localStore needs a storage of type local")
)]
pub struct EtcdBackupSpec {
    /// The etcd cluster that is backed up.
    pub etcd: EtcdSpec,

    /// Where the snapshots go. After a change the snapshots at the old place are left alone:
    /// nothing there is pruned any more.
    pub storage: StorageSpec,

    /// When to take a snapshot: five fields as in crontab(5) (minute, hour, day of month, month,
    /// day of week), such as `0 */6 * * *`, or one of `@hourly`, `@daily`, `@weekly`, `@monthly`,
    /// `@yearly`. Without it snapshots are only taken on demand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 6, max = 100),
        regex(
            pattern = r"^(@(hourly|daily|midnight|weekly|monthly|yearly|annually)|[0-9A-Za-z*,/?#-]+( +[0-9A-Za-z*,/?#-]+){4})$"
        )
    )]
    pub schedule: Option<String>,

    /// The time zone of the schedules and of retention's days, weeks, months and years: a name of
    /// the IANA database such as `Europe/Berlin`. UTC without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 64),
        regex(pattern = "^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$")
    )]
    pub time_zone: Option<String>,

    /// Take no snapshots by schedule for now, and begin no drills. Both still work on demand, and what
    /// is under way goes on.
    #[serde(default)]
    pub suspend: bool,

    /// Spread plans that are due at the same time: each run starts up to this much later, by an
    /// amount that is fixed for the plan. Such as `5m`; `0s` for none.
    #[serde(default)]
    pub jitter: Duration,

    /// How late a missed run may still start, for instance after the operator was away: `1h`. It is
    /// made up for once, however many were missed. It is also the tolerance of the condition Fresh.
    #[serde(default = "default_starting_deadline")]
    #[x_kube(validation = Rule::new("self.matches('[1-9]')").message("startingDeadline must be longer than nothing"))]
    pub starting_deadline: Duration,

    /// How long one run may take in all, such as `2h`. A run that no longer moves is ended much
    /// sooner.
    #[serde(default = "default_timeout")]
    #[x_kube(validation = Rule::new("self.matches('[1-9]')").message("timeout must be longer than nothing"))]
    pub timeout: Duration,

    /// How many times a failed run is tried again, 0 to 10, with growing pauses in between.
    #[serde(default = "default_retries")]
    #[schemars(range(min = 0, max = 10))]
    pub retries: u32,

    /// Where snapshots are taken: in the operator's own process, or by Jobs.
    #[serde(default)]
    pub runner: Runner,

    /// Which snapshots to keep. Without it nothing is ever removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,

    /// How snapshots are compressed. zstd without this field.
    #[serde(default)]
    pub compression: Compression,

    /// Encryption before anything leaves the operator. A snapshot of Kubernetes' etcd holds every
    /// Secret of the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,

    /// What must be proved before a snapshot counts. `Readback`: the stored object is read again in
    /// full and compared. `Checksum`: the store's own checksum and the size are compared; quicker,
    /// and it costs no download. `Restore`: as `Readback`, and the newest snapshot is restored in
    /// drills, see `drill`.
    #[serde(default)]
    pub verification: Verification,

    /// How the newest snapshot is restored in drills, for `verification: Restore`. A Job restores it
    /// into a directory of its own and throws that away; the operator's administrator must have
    /// allowed Jobs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<Box<Drill>>,

    /// What happens in the store when this object, or one of its EtcdSnapshots, is deleted.
    /// `Retain`: everything stays; a plan of the same name finds it again, and an EtcdSnapshot that
    /// was deleted is shown again. `Delete`: what was stored is removed, the newest included; what
    /// is pinned is not, and what is being restored only afterwards.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

/// What must be proved before a snapshot counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(inline)]
pub enum Verification {
    /// The stored object is read again in full and compared.
    #[default]
    Readback,
    /// The store's own checksum and the size are compared.
    Checksum,
    /// As `Readback`, and the newest snapshot is restored in drills.
    Restore,
}

/// What happens in the store when a plan or one of its snapshots is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(inline)]
pub enum DeletionPolicy {
    /// Everything stays.
    #[default]
    Retain,
    /// What was stored is removed, unless it is pinned.
    Delete,
}

fn default_starting_deadline() -> Duration {
    Duration::from_hours(1)
}

fn default_timeout() -> Duration {
    Duration::from_hours(2)
}

fn default_retries() -> u32 {
    3
}
