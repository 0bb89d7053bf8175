//! Claiming an attempt: from what the plan says now, and only once.

use chrono::TimeDelta;
use etcd_backup_api::conditions::reason;
use etcd_backup_api::{EtcdBackup, SnapshotPhase};
use kube::ResourceExt;

use super::retry::give_up;
use super::{COPIED, Case, Problem, RunAction, Store, found_run_of, stored, trigger_of};
use crate::runs::{Trigger, job_name};

/// When a plan is asked for again that could not be read.
const READ_AGAIN: TimeDelta = TimeDelta::seconds(10);

/// Waits for a change of something else.
pub(super) fn wait(case: &mut Case<'_>, reason: &str, message: &str) {
    case.decision.status.phase = SnapshotPhase::Pending;
    case.decision.status.owner = None;
    case.decision.status.progress = None;
    case.say(reason, message);
}

/// The plan could not be read as it is now: nothing begins by what it said some time ago.
pub(super) fn unread(case: &mut Case<'_>, problem: &Problem) {
    if case.before.owner.is_none() {
        wait(case, &problem.reason, &problem.message);
    } else {
        case.say(&problem.reason, problem.message.clone());
    }
    case.decision.again = Some(case.now + READ_AGAIN);
}

/// Claims the next attempt, unless the store has the snapshot already or it is too early.
pub(super) fn begin(case: &mut Case<'_>, plan: &EtcdBackup) {
    if let Some(original) = &case.observed.shown_by {
        let problem = Problem {
            reason: COPIED.to_owned(),
            message: format!(
                "it is a copy of {original}, annotations included, and so names a run that is over: no snapshot was taken. Create one \
                 with a spec alone, as config/samples/snapshot-on-demand.yaml"
            ),
        };
        return give_up(case, &problem);
    }
    match &case.observed.store {
        Store::Unknown => return wait(case, reason::PENDING, "waiting for the store to be listed"),
        Store::Listed {
            found: Some(found), ..
        } => {
            let found = found.clone();
            return case.succeed(&found);
        }
        Store::Listed { found: None, .. } if found_run_of(case.snapshot).is_some() => {
            return stored::missing(case);
        }
        Store::Unreadable if found_run_of(case.snapshot).is_some() => {
            return wait(case, reason::PENDING, "waiting for the store to be readable");
        }
        Store::Unreadable | Store::Listed { found: None, .. } => {}
    }
    if let Some(at) = case.before.next_attempt.filter(|at| *at > case.now) {
        case.decision.again = Some(at);
        return;
    }
    if case.observed.stopping {
        return;
    }
    if plan.spec.suspend && trigger_of(case.snapshot) == Trigger::Schedule {
        let message =
            "its plan is suspended, and nothing begins by schedule: it is taken when the plan goes on";
        return wait(case, reason::SUSPENDED, message);
    }
    if !case.observed.just_read {
        case.decision.run = RunAction::ReadPlan;
        return;
    }
    let attempt = case.before.attempts.unwrap_or(0) + 1;
    let status = &mut case.decision.status;
    status.phase = SnapshotPhase::Pending;
    status.owner = Some(case.observed.identity.clone());
    status.attempts = Some(attempt);
    status.next_attempt = None;
    status.start_time = None;
    status.completion_time = None;
    status.progress = None;
    status.job = plan.spec.runner.is_job().then(|| {
        let uid = case.snapshot.uid().unwrap_or_default();
        job_name(&case.snapshot.name_any(), &uid, attempt)
    });
    case.say(reason::PENDING, "waiting for its turn");
    submit(case, attempt, false);
}

/// Hands an attempt to the pool.
pub(super) fn submit(case: &mut Case<'_>, attempt: u32, adopt: bool) {
    case.decision.run = RunAction::Submit {
        attempt,
        scheduled: case.decision.status.scheduled_time,
        trigger: trigger_of(case.snapshot),
        adopt,
    };
}

/// Goes on with an attempt whose Job may have been made. It keeps its number: another one would begin a second Job beside it.
pub(super) fn reclaim(case: &mut Case<'_>, plan: &EtcdBackup) {
    if case.observed.stopping {
        return;
    }
    match &case.observed.store {
        // A Job that ended long ago is gone; then only the store knows what it left.
        Store::Unknown => {}
        Store::Listed {
            found: Some(found), ..
        } => {
            let found = found.clone();
            case.succeed(&found);
        }
        Store::Unreadable | Store::Listed { found: None, .. } if !case.observed.just_read => {
            case.decision.run = RunAction::ReadPlan;
        }
        Store::Unreadable | Store::Listed { found: None, .. } => {
            case.decision.status.owner = Some(case.observed.identity.clone());
            // Where the plan has no Jobs any more, one that was made is followed, and none is made.
            let adopt = !plan.spec.runner.is_job();
            submit(case, case.before.attempts.unwrap_or(1), adopt);
        }
    }
}

/// Takes back an attempt that was claimed and has not begun, since its plan says something else by now. Where a Job was made for
/// it by a process before, that is found again: the attempt keeps its number.
pub(super) fn withdraw(case: &mut Case<'_>) {
    let status = &mut case.decision.status;
    status.owner = None;
    status.attempts = case.before.attempts.map(|attempts| attempts.saturating_sub(1));
    status.job = None;
    let message = "its plan was edited while it waited for its turn: it begins by what the plan says now";
    case.say(reason::PENDING, message);
    case.decision.run = RunAction::Forget;
    case.decision.again = Some(case.now);
}
