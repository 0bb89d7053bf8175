//! A plan's numbers, for alerts.

use chrono::{DateTime, Utc};
use etcd_backup_api::EtcdBackup;
use kube::ResourceExt;

use super::decide::{Decision, Timing};
use crate::context::Context;

/// Shows what was decided.
pub(super) fn show(plan: &EtcdBackup, decision: &Decision, context: &Context, now: DateTime<Utc>) {
    let (namespace, name) = (plan.namespace().unwrap_or_default(), plan.name_any());
    let series = context.shared.metrics.track_plan(&namespace, &name);
    let status = &decision.status;
    let success = status.last_success.as_ref();
    series.set_last_success(success.map(|success| (success.time, success.size, success.revision)));
    let timing = Timing::of(plan).ok().filter(|_| !plan.spec.suspend);
    let schedule = timing.and_then(|timing| timing.schedule);
    let interval = schedule
        .and_then(|schedule| schedule.expected_interval(now))
        .and_then(|time| time.to_std().ok());
    series.set_schedule(status.next_run, interval);
    let count = usize::try_from(status.snapshots.unwrap_or(0)).unwrap_or(usize::MAX);
    series.set_inventory(count, status.stored_bytes.unwrap_or(0));
    // The watch forgets the series of a plan that goes. When it goes while it is looked at, that was before.
    if context.scope.cache.plan(&namespace, &name).is_none() {
        context.shared.metrics.forget_plan(&namespace, &name);
    }
}
