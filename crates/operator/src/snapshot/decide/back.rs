//! A snapshot that was taken before, by what its metadata says, and whose status is gone: it came back with a backup of the cluster's
//! objects, or from its own YAML. It shows what the store has of it. It is not taken anew: an old EtcdSnapshot is no wish for a new
//! backup, and as many new ones as came back would displace all older ones.

use chrono::TimeDelta;
use etcd_backup_api::conditions::reason;
use etcd_backup_api::{EtcdBackup, EtcdSnapshot, labels};
use kube::ResourceExt;

use super::claim::wait;
use super::retry::give_up;
use super::{Case, Plan, Problem, Store, found_run_of, slot_of, trigger_of};
use crate::ownership::was_owned;
use crate::plan::timing::Timing;
use crate::runs::Trigger;
use crate::status::instant;

/// How much later than its plan allows an EtcdSnapshot of a slot has to be created to be none that the schedule asked for. A day: the
/// deadline may have been made shorter since.
const AFTER_ITS_DEADLINE: TimeDelta = TimeDelta::days(1);

/// Whether it came back without its status.
pub(crate) fn came_back(snapshot: &EtcdSnapshot, plan: &EtcdBackup) -> bool {
    let fresh = snapshot.status.as_ref().is_none_or(|status| {
        !status.phase.is_terminal() && status.attempts.is_none() && status.run_id.is_none()
    });
    fresh
        && found_run_of(snapshot).is_none()
        && (was_owned(snapshot) || is_long_after_its_slot(snapshot, plan))
}

/// Whether it was created when its slot was long over, which no schedule does.
fn is_long_after_its_slot(snapshot: &EtcdSnapshot, plan: &EtcdBackup) -> bool {
    let (Some(slot), Some(created), Ok(timing)) =
        (slot_of(snapshot), snapshot.creation_timestamp(), Timing::of(plan))
    else {
        return false;
    };
    let latest = timing.jitter + timing.starting_deadline + AFTER_ITS_DEADLINE;
    trigger_of(snapshot) == Trigger::Schedule && instant(&created) - slot > latest
}

/// Decides about one that came back. Answers whether this is one.
pub(super) fn decide(case: &mut Case<'_>) -> bool {
    let Plan::Present { plan, problem } = &case.observed.plan else {
        return false;
    };
    if plan.metadata.deletion_timestamp.is_some() || !came_back(case.snapshot, plan) {
        return false;
    }
    match (&case.observed.store, problem) {
        (
            Store::Listed {
                found: Some(found), ..
            },
            _,
        ) => {
            let found = found.clone();
            case.succeed(&found);
        }
        (Store::Listed { found: None, .. }, _) => {
            let message = format!(
                "it was made before, by what its labels and annotations say, and came back without its status; the store has no backup \
                 of it. No snapshot was taken: for a new one create an EtcdSnapshot with a spec alone, without the label {}",
                labels::PLAN_UID
            );
            let problem = Problem {
                reason: super::COPIED.to_owned(),
                message,
            };
            give_up(case, &problem);
        }
        (Store::Unknown | Store::Unreadable, Some(problem)) => {
            let problem = problem.clone();
            wait(case, &problem.reason, &problem.message);
        }
        (Store::Unknown, None) => wait(case, reason::PENDING, "waiting for the store to be listed"),
        (Store::Unreadable, None) => wait(case, reason::PENDING, "waiting for the store to be readable"),
    }
    true
}
