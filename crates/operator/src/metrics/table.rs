//! Every metric of the operator, with its unit and its help text. All names begin with `etcd_backup_`.
//!
//! Series per plan carry the labels `namespace` and `plan` and cost some numbers each. Histograms do not: at ten
//! thousand plans a histogram per plan would be most of the operator's memory.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::labels::{KindName, OperationError, OperationName, RestoreEnd, StageError, StageName};
use super::state::{DrillState, PlanState};

/// What the values of a gauge measure.
#[derive(Debug, Clone, Copy)]
pub(super) enum Measure {
    /// A number without a unit.
    Count,
    /// Seconds; a point in time is seconds since 1970.
    Seconds,
    /// Bytes.
    Bytes,
}

/// One gauge that every plan has, or every plan with drills: read from what is known of them.
pub(super) struct PlanGauge<S = PlanState> {
    pub(super) name: &'static str,
    measure: Measure,
    pub(super) help: &'static str,
    pub(super) value: fn(&S) -> f64,
}

impl<S> PlanGauge<S> {
    pub(super) const fn unit(&self) -> Option<Unit> {
        match self.measure {
            Measure::Count => None,
            Measure::Seconds => Some(Unit::Seconds),
            Measure::Bytes => Some(Unit::Bytes),
        }
    }
}

use Measure::{Bytes, Count, Seconds};

/// The gauges of a plan. The unit is appended to the name.
#[rustfmt::skip]
pub(super) const PLAN_GAUGES: &[PlanGauge] = &[
    PlanGauge { name: "last_success_timestamp", measure: Seconds, value: |p| p.last_success,
        help: "When the newest good snapshot of the plan was taken, 0 if there is none" },
    PlanGauge { name: "next_run_timestamp", measure: Seconds, value: |p| p.next_run,
        help: "When the next run of the plan is due, 0 if none is" },
    PlanGauge { name: "expected_interval", measure: Seconds, value: |p| p.expected_interval,
        help: "How long after the last success the schedule expects the next one, 0 without a schedule" },
    PlanGauge { name: "fresh", measure: Count, value: |p| p.fresh,
        help: "0 while the condition Fresh of the plan is False: its newest good snapshot is older than its schedule promises; else 1" },
    PlanGauge { name: "accepted", measure: Count, value: |p| p.accepted,
        help: "0 while the condition Accepted of the plan is False: its specification or a Secret that it names is at fault; else 1" },
    PlanGauge { name: "last_snapshot_size", measure: Bytes, value: |p| p.last_size,
        help: "Size of the newest good snapshot as etcd gave it" },
    PlanGauge { name: "last_snapshot_revision", measure: Count, value: |p| p.last_revision,
        help: "etcd revision of the newest good snapshot" },
    PlanGauge { name: "last_run_timestamp", measure: Seconds, value: |p| p.last_run,
        help: "When the last run of the plan ended, whatever its result; 0 if none is known" },
    PlanGauge { name: "last_run_duration", measure: Seconds, value: |p| p.last_run_duration,
        help: "How long the last run of the plan took, 0 if that is not known" },
    PlanGauge { name: "last_run_succeeded", measure: Count, value: |p| p.last_run_success,
        help: "Whether the last run of the plan ended well (1) or not (0)" },
    PlanGauge { name: "snapshots", measure: Count, value: |p| p.snapshots,
        help: "Good snapshots of the plan in the store" },
    PlanGauge { name: "stored", measure: Bytes, value: |p| p.stored,
        help: "Size of the plan's snapshots in the store, as stored" },
    PlanGauge { name: "retention_kept", measure: Count, value: |p| p.retention_kept,
        help: "Snapshots that the last retention kept" },
    PlanGauge { name: "retention_refused", measure: Count, value: |p| p.retention_refused,
        help: "Snapshots that the last retention wanted to delete and could not" },
];

/// The gauges of a plan whose snapshots are restored in drills.
#[rustfmt::skip]
pub(super) const DRILL_GAUGES: &[PlanGauge<DrillState>] = &[
    PlanGauge { name: "last_restorable_timestamp", measure: Seconds, value: |d| d.last_restorable,
        help: "When the newest snapshot of the plan was taken that a drill restored, 0 if there is none" },
    PlanGauge { name: "last_drill_timestamp", measure: Seconds, value: |d| d.last,
        help: "When the last drill of the plan ended, whatever its result; 0 if there was none" },
    PlanGauge { name: "restorable", measure: Count, value: |d| d.restorable,
        help: "0 while the condition Restorable of the plan is False: its last drill failed or none can begin; else 1" },
    PlanGauge { name: "drill_expected_interval", measure: Seconds, value: |d| d.expected_interval,
        help: "How long after a drill the next one is expected, 0 if that is not known" },
];

/// Counter of a plan: name and help.
pub(super) const RETENTION_DELETED: (&str, &str) = (
    "retention_deleted",
    "Snapshots of the plan that retention has deleted",
);

/// Counter of a plan with the further labels `result` and `reason`: name and help.
pub(super) const RUNS: (&str, &str) = (
    "runs",
    "Runs of the plan that have ended, by result and by the reason of a failure",
);

/// Counter of a plan with the further labels `result` and `reason`: name and help.
pub(super) const DRILLS: (&str, &str) = (
    "drills",
    "Drills of the plan that have ended, by result and by the reason of a failure",
);

/// Bounds in seconds for stages of a run: from a refused connection to hours of upload.
const STAGE_SECONDS: [f64; 12] = [
    0.1, 0.5, 1.0, 2.5, 5.0, 15.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 7200.0,
];

/// Bounds in seconds for one operation of a store: from a local disk to a part on a slow line.
const OPERATION_SECONDS: [f64; 11] = [0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0];

/// The families that belong to no plan.
#[derive(Debug, Clone)]
pub(super) struct Families {
    pub(super) runs_active: Gauge,
    pub(super) runs_waiting: Gauge,
    pub(super) stage_seconds: Family<StageName, Histogram, fn() -> Histogram>,
    pub(super) stage_bytes: Family<StageName, Counter>,
    pub(super) stage_errors: Family<StageError, Counter>,
    pub(super) reconcile_panics: Family<KindName, Counter>,
    pub(super) operation_seconds: Family<OperationName, Histogram, fn() -> Histogram>,
    pub(super) operation_errors: Family<OperationError, Counter>,
    pub(super) restores: Family<RestoreEnd, Counter>,
    pub(super) restore_seconds: Histogram,
    pub(super) drill_seconds: Histogram,
}

impl Families {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let families = Self {
            runs_active: Gauge::default(),
            runs_waiting: Gauge::default(),
            stage_seconds: Family::new_with_constructor(|| Histogram::new(STAGE_SECONDS)),
            stage_bytes: Family::default(),
            stage_errors: Family::default(),
            reconcile_panics: Family::default(),
            operation_seconds: Family::new_with_constructor(|| Histogram::new(OPERATION_SECONDS)),
            operation_errors: Family::default(),
            restores: Family::default(),
            restore_seconds: Histogram::new(STAGE_SECONDS),
            drill_seconds: Histogram::new(STAGE_SECONDS),
        };
        registry.register(
            "runs_active",
            "Runs under way in this process",
            families.runs_active.clone(),
        );
        registry.register(
            "runs_waiting",
            "Runs that wait for a free place or for their cluster",
            families.runs_waiting.clone(),
        );
        registry.register_with_unit(
            "run_duration",
            "How long each stage of a run took, and whole runs as stage `total`",
            Unit::Seconds,
            families.stage_seconds.clone(),
        );
        registry.register_with_unit(
            "run_processed",
            "Bytes that passed through each stage of all runs",
            Unit::Bytes,
            families.stage_bytes.clone(),
        );
        registry.register(
            "run_errors",
            "Failures of each stage of a run, by reason, and of whole runs as stage `total`; a stage may fail at one member and go well at the next",
            families.stage_errors.clone(),
        );
        registry.register(
            "reconcile_panics",
            "Reconciles that ended in a bug of the operator, by kind; the others go on",
            families.reconcile_panics.clone(),
        );
        registry.register_with_unit(
            "store_operation_duration",
            "How long operations on stores took, by operation",
            Unit::Seconds,
            families.operation_seconds.clone(),
        );
        registry.register(
            "store_operation_errors",
            "Operations on stores that failed, by operation and reason",
            families.operation_errors.clone(),
        );
        registry.register(
            "restores",
            "EtcdRestores that have ended, by result and by the reason of a failure",
            families.restores.clone(),
        );
        registry.register_with_unit(
            "restore_duration",
            "How long EtcdRestores took that ended well, from the first look at them",
            Unit::Seconds,
            families.restore_seconds.clone(),
        );
        registry.register_with_unit(
            "drill_duration",
            "How long drills took that ended well, from their beginning until that was seen",
            Unit::Seconds,
            families.drill_seconds.clone(),
        );
        families
    }
}
