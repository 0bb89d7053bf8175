//! Names that the operator writes into metadata, and reads back: labels, annotations, finalizers.
//!
//! They are part of the API: scripts and dashboards select by them.

/// Label on an EtcdSnapshot: the name of the plan that it belongs to.
pub const PLAN: &str = "etcdbackup.dev/plan";

/// Label on an EtcdSnapshot: the UID of that plan, so that a re-created plan of the same name
/// inherits nothing by accident.
pub const PLAN_UID: &str = "etcdbackup.dev/plan-uid";

/// Annotation on an EtcdSnapshot: the slot of the schedule that it was taken for, RFC 3339 in UTC.
pub const SCHEDULED_TIME: &str = "etcdbackup.dev/scheduled-time";

/// Annotation on an EtcdSnapshot: why it exists, one of the values of [`trigger`].
pub const TRIGGER: &str = "etcdbackup.dev/trigger";

/// Annotation on an EtcdSnapshot that was made for something found in the store: the run that wrote
/// it.
pub const RUN_ID: &str = "etcdbackup.dev/run-id";

/// Annotation that a person puts on an EtcdBackup: run once for each distinct value.
pub const RUN_NOW: &str = "etcdbackup.dev/run-now";

/// Annotation that a person puts on an EtcdBackup: restore the newest snapshot in a drill, once for
/// each distinct value.
pub const DRILL_NOW: &str = "etcdbackup.dev/drill-now";

/// Annotation that a person puts on an EtcdBackup: instead of pruning, show in the status what
/// pruning would remove.
pub const DRY_RUN_RETENTION: &str = "etcdbackup.dev/dry-run-retention";

/// Annotation on an EtcdRestore that was begun: the UID that it had then. One with another UID is a copy, or came back with a
/// backup of the cluster's objects, and is not carried out again.
pub const BEGUN_AS: &str = "etcdbackup.dev/begun-as";

/// Label on the Jobs of an EtcdRestore and on their pods: its UID.
pub const RESTORE_UID: &str = "etcdbackup.dev/restore-uid";

/// Label on the Jobs that drill for an EtcdBackup and on their pods: its UID.
pub const DRILL_UID: &str = "etcdbackup.dev/drill-uid";

/// Label on the Jobs of an EtcdSnapshot and on their pods: its UID.
pub const SNAPSHOT_UID: &str = "etcdbackup.dev/snapshot-uid";

/// Label on the Jobs of an EtcdSnapshot and on their pods: which attempt they are, from 1.
pub const ATTEMPT: &str = "etcdbackup.dev/attempt";

/// Finalizer on every kind: something outside the cluster may have to end or to go before the
/// object may.
pub const FINALIZER: &str = "etcdbackup.dev/cleanup";

/// Values of the annotation [`TRIGGER`].
pub mod trigger {
    /// The schedule of the plan.
    pub const SCHEDULE: &str = "Schedule";
    /// A person: the annotation run-now, or an EtcdSnapshot that they created.
    pub const MANUAL: &str = "Manual";
    /// Nobody: the snapshot was found in the store and got its object afterwards.
    pub const CATALOGUE: &str = "Catalogue";
}
