//! A plan's numbers, for alerts.

use chrono::{DateTime, Utc};
use etcd_backup_api::conditions::{backup as kind, find};
use etcd_backup_api::{EtcdBackup, EtcdBackupStatus, SnapshotPhase, Verification};
use etcd_backup_backup::newest::is_ahead;
use kube::ResourceExt;

use super::decide::{Decision, Observed, promised_interval};
use super::timing::Timing;
use crate::context::Context;
use crate::drill::decide::expected_interval;
use crate::metrics::PlanSeries;
use crate::status::Truth;

/// Shows what was decided.
pub(super) fn show(
    plan: &EtcdBackup,
    observed: &Observed,
    decision: &Decision,
    context: &Context,
    now: DateTime<Utc>,
) {
    let (namespace, name) = (plan.namespace().unwrap_or_default(), plan.name_any());
    let series = context.shared.metrics.track_plan(&namespace, &name);
    let status = &decision.status;
    // An age in the future would never become an alert.
    let success = status
        .last_success
        .as_ref()
        .filter(|success| !is_ahead(success.time, now));
    series.set_last_success(success.map(|success| (success.time, success.size, success.revision)));
    let schedule = Timing::of(plan).ok().and_then(|timing| timing.schedule);
    let interval = schedule
        .and_then(|schedule| promised_interval(&schedule, success.map_or(now, |success| success.time)))
        .and_then(|time| time.to_std().ok());
    series.set_schedule(status.next_run, interval);
    let well = |kind| !is_false(status, kind);
    series.set_conditions(well(kind::FRESH), well(kind::ACCEPTED));
    let count = usize::try_from(status.snapshots.unwrap_or(0)).unwrap_or(usize::MAX);
    series.set_inventory(count, status.stored_bytes.unwrap_or(0));
    recall(&series, observed, status);
    match plan.spec.verification {
        Verification::Restore => {
            let verdict = decision.drill.verdict.as_ref();
            series.set_drills(
                verdict.is_none_or(|verdict| verdict.truth != Truth::False),
                status.last_restorable.as_ref().map(|last| last.snapshot_time),
                status
                    .drill
                    .as_ref()
                    .and_then(|drill| Some(drill.last.as_ref()?.time)),
                expected_interval(plan, now).and_then(|time| time.to_std().ok()),
            );
        }
        Verification::Readback | Verification::Checksum => series.forget_drills(),
    }
    // The watch forgets the series of a plan that goes. When it goes while it is looked at, that was before.
    if context.scope.cache.plan(&namespace, &name).is_none() {
        context.shared.metrics.forget_plan(&namespace, &name);
    }
}

/// What happened before this process was there, or led.
fn recall(series: &PlanSeries, observed: &Observed, status: &EtcdBackupStatus) {
    if let Some(last) = observed.last_over() {
        let at = last.moment();
        let took = last.started.and_then(|started| (at - started).to_std().ok());
        series.recall_run(at, took, last.phase != SnapshotPhase::Failed);
    }
    if let Some(retention) = status.retention.as_ref().filter(|retention| !retention.dry_run) {
        let number = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        series.recall_retention(number(retention.kept), number(retention.refused));
    }
}

fn is_false(status: &EtcdBackupStatus, kind: &str) -> bool {
    find(&status.conditions, kind).is_some_and(|condition| condition.status == Truth::False.as_str())
}
