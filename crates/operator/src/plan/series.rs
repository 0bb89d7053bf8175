//! A plan's numbers, for alerts.

use chrono::{DateTime, Utc};
use etcd_backup_api::{EtcdBackup, Verification};
use etcd_backup_backup::newest::is_ahead;
use kube::ResourceExt;

use super::decide::Decision;
use super::timing::Timing;
use crate::context::Context;
use crate::drill::decide::expected_interval;
use crate::status::Truth;

/// Shows what was decided.
pub(super) fn show(plan: &EtcdBackup, decision: &Decision, context: &Context, now: DateTime<Utc>) {
    let (namespace, name) = (plan.namespace().unwrap_or_default(), plan.name_any());
    let series = context.shared.metrics.track_plan(&namespace, &name);
    let status = &decision.status;
    // An age in the future would never become an alert.
    let success = status
        .last_success
        .as_ref()
        .filter(|success| !is_ahead(success.time, now));
    series.set_last_success(success.map(|success| (success.time, success.size, success.revision)));
    let timing = Timing::of(plan).ok().filter(|_| !plan.spec.suspend);
    let schedule = timing.and_then(|timing| timing.schedule);
    let interval = schedule
        .and_then(|schedule| schedule.expected_interval(now))
        .and_then(|time| time.to_std().ok());
    series.set_schedule(status.next_run, interval);
    let count = usize::try_from(status.snapshots.unwrap_or(0)).unwrap_or(usize::MAX);
    series.set_inventory(count, status.stored_bytes.unwrap_or(0));
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
