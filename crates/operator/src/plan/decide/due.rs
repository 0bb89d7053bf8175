//! Slots of the schedule: which one is to run now, which ones passed, when the next one comes.

use chrono::{DateTime, TimeDelta, Utc};
use etcd_backup_api::EtcdBackup;
use etcd_backup_backup::schedule::due;
use kube::ResourceExt;

use super::view::Shot;
use crate::plan::timing::Timing;
use crate::status::instant;

/// What the schedule says now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Slots {
    /// The slot to run.
    pub run: Option<DateTime<Utc>>,
    /// The slot that is left out because a run is not over.
    pub skipped: Option<DateTime<Utc>>,
    /// How many slots passed without a chance to run, the skipped one not counted.
    pub missed: u32,
    /// The newest slot that needs no further thought.
    pub last: Option<DateTime<Utc>>,
    /// When the next slot runs, jitter included.
    pub next: Option<DateTime<Utc>>,
}

/// Looks at the slots of `plan` up to `now`.
///
/// A slot is decided once: run, skipped (a run is not over) or missed (too long ago). Slots before the schedule
/// was set, changed or resumed are not the plan's.
pub(super) fn slots(plan: &EtcdBackup, timing: &Timing, snapshots: &[Shot], now: DateTime<Utc>) -> Slots {
    let Some(schedule) = &timing.schedule else {
        return Slots::default();
    };
    let jitter = timing.jitter;
    if plan.spec.suspend {
        // `last` follows along only in thought: writing it down at every slot would be a write for nothing.
        let last = plan.status.as_ref().and_then(|status| status.last_slot);
        return Slots {
            last,
            ..Slots::default()
        };
    }
    let last = last_slot(plan, timing, snapshots, now);
    // Never before `last`, unless that is not to be believed: with a jitter that was just made longer, the slot
    // that ran would come again.
    let by = if last <= now {
        (now - jitter).max(last)
    } else {
        now - jitter
    };
    let due = due(schedule, last, by, timing.starting_deadline);
    let mut slots = Slots {
        missed: due.missed.count,
        last: due.handled,
        next: due.next.map(|slot| slot + jitter),
        ..Slots::default()
    };
    if let Some(slot) = due.slot {
        let busy = snapshots
            .iter()
            .any(|shot| shot.holds_up_slots() && shot.slot != Some(slot));
        if busy {
            slots.skipped = Some(slot);
        } else {
            slots.run = Some(slot);
        }
    }
    slots
}

/// The newest slot that was decided before.
fn last_slot(plan: &EtcdBackup, timing: &Timing, snapshots: &[Shot], now: DateTime<Utc>) -> DateTime<Utc> {
    let recorded = plan.status.as_ref().and_then(|status| status.last_slot);
    let seen = snapshots
        .iter()
        .filter_map(|shot| shot.slot)
        .filter(|slot| *slot <= now)
        .max();
    let Some(known) = recorded.filter(|slot| *slot <= now).max(seen) else {
        let created = plan
            .creation_timestamp()
            .map_or(now, |time| instant(&time))
            .min(now);
        let since = if is_first_look(plan) {
            created
        } else {
            now - timing.jitter
        };
        // What lies in the future was written by hand, or by a clock that was wrong. `due` does not believe it.
        return recorded.unwrap_or(since);
    };
    if schedule_changed(plan, timing, known) {
        known.max(now - timing.jitter)
    } else {
        known
    }
}

fn is_first_look(plan: &EtcdBackup) -> bool {
    plan.status
        .as_ref()
        .is_none_or(|status| status.observed_generation.is_none())
}

/// Whether the schedule is another one than when the status was written, or was suspended then. The status does
/// not keep the schedule, but what it implied: when the next run was due.
fn schedule_changed(plan: &EtcdBackup, timing: &Timing, last: DateTime<Utc>) -> bool {
    let Some(status) = &plan.status else { return false };
    if status.observed_generation == plan.metadata.generation {
        return false;
    }
    let implied = timing
        .schedule
        .as_ref()
        .and_then(|schedule| schedule.next_after(last));
    let implied = implied.map(|slot| slot + timing.jitter);
    match (status.next_run, implied) {
        (Some(written), Some(implied)) => (written - implied).abs() >= TimeDelta::seconds(1),
        (written, implied) => written.is_some() != implied.is_some(),
    }
}
