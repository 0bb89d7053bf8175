//! How old the last good backup may be, by the plan's own schedule.

use chrono::{DateTime, TimeDelta, Utc};
use etcd_backup_api::EtcdBackup;
use etcd_backup_api::conditions::{backup as kind, find, reason};
use etcd_backup_backup::schedule::Schedule;
use kube::ResourceExt;

use crate::plan::timing::{Timing, Trouble};
use crate::status::{Truth, instant, rfc3339};

/// What the condition Fresh says, and when it will say something else by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Freshness {
    /// Whether the newest backup is young enough.
    pub truth: Truth,
    /// In one word.
    pub reason: &'static str,
    /// In a sentence.
    pub message: String,
    /// When it turns stale.
    pub until: Option<DateTime<Utc>>,
}

/// Judges the newest verified backup, `taken` then.
///
/// It holds for one interval of the schedule, plus how late a run may start, plus the plan's jitter. A suspended
/// plan is judged all the same: that nobody wanted backups does not make the last one younger.
pub(super) fn judge(
    plan: &EtcdBackup,
    timing: &Result<Timing, Trouble>,
    taken: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Freshness {
    let timing = match timing {
        Ok(timing) => timing,
        Err(trouble) => return unmeasured(reason::INVALID_SPEC, trouble.message.clone()),
    };
    let Some(schedule) = &timing.schedule else {
        return unmeasured(
            reason::NO_SCHEDULE,
            "without a schedule there is nothing to measure the age against".to_owned(),
        );
    };
    let created = plan.creation_timestamp().map_or(now, |time| instant(&time));
    let mut since = taken.unwrap_or(created);
    let never = || {
        unmeasured(
            reason::NO_SCHEDULE,
            "the schedule never comes due again".to_owned(),
        )
    };
    let Some(mut interval) = promised_interval(schedule, since) else {
        return never();
    };
    // A first one in a store that the plan names only since an edit was promised then, and not when the plan was created.
    let moved = unknown_since(plan).filter(|moved| taken.is_none() && *moved >= created + interval);
    if let Some(moved) = moved {
        let Some(promised) = promised_interval(schedule, moved) else {
            return never();
        };
        (since, interval) = (moved, promised);
    }
    let until = since + interval + timing.starting_deadline + timing.jitter;
    let suspended = if plan.spec.suspend {
        " (the schedule is suspended)"
    } else {
        ""
    };
    let by = rfc3339(until);
    match taken {
        Some(_) if now <= until => Freshness {
            truth: Truth::True,
            reason: reason::WITHIN_SCHEDULE,
            message: format!("the next one must be there by {by}"),
            until: Some(until),
        },
        None if now <= until => Freshness {
            truth: Truth::Unknown,
            reason: reason::NO_RUN_YET,
            message: format!("the first snapshot must be there by {by}"),
            until: Some(until),
        },
        Some(taken) => overdue(format!(
            "the newest verified snapshot was taken {}, and by the schedule another was due by {by}{suspended}",
            rfc3339(taken)
        )),
        None => overdue(format!(
            "there is no verified snapshot, and the first was due by {by}{suspended}"
        )),
    }
}

/// Since when nobody can say whether the newest backup is young enough, if so: since the edit by which the plan got another store.
/// What is known to be overdue stays so.
fn unknown_since(plan: &EtcdBackup) -> Option<DateTime<Utc>> {
    let fresh = find(&plan.status.as_ref()?.conditions, kind::FRESH)?;
    let unknown = fresh.status == Truth::Unknown.as_str();
    unknown.then(|| instant(&fresh.last_transition_time))
}

/// How long after a backup taken at `since` the next one is promised: from one of 06:00 the next slot is one interval away; from
/// one taken on demand it may be nearer, and an interval is promised all the same.
pub fn promised_interval(schedule: &Schedule, since: DateTime<Utc>) -> Option<TimeDelta> {
    let next = schedule.next_after(since)?;
    let interval = schedule.expected_interval(since).unwrap_or_default();
    Some(interval.max(next - since))
}

fn unmeasured(reason: &'static str, message: String) -> Freshness {
    Freshness {
        truth: Truth::Unknown,
        reason,
        message,
        until: None,
    }
}

fn overdue(message: String) -> Freshness {
    Freshness {
        truth: Truth::False,
        reason: reason::OVERDUE,
        message,
        until: None,
    }
}
