//! A snapshot that is not over: follow its attempt, end it, try again.

use etcd_backup_api::conditions::reason;
use etcd_backup_api::{EtcdBackup, Progress, SnapshotPhase};

use super::claim::{begin, reclaim, submit, unread, wait, withdraw};
use super::retry::{ACTION, fail, give_up};
use super::{Case, Plan, Problem, Run, RunAction, Store, stored};
use crate::events::{Note, reason as event};
use crate::progress::step_of;

/// Decides about a snapshot that is Pending or Running.
pub(super) fn decide(case: &mut Case<'_>) {
    let plan = match &case.observed.plan {
        Plan::Present { plan, .. } if plan.metadata.deletion_timestamp.is_some() => {
            return without_plan(case);
        }
        Plan::Present { plan, problem: None } => plan.clone(),
        Plan::Present {
            plan,
            problem: Some(problem),
        } => match &case.observed.run {
            // What runs was started under a specification that made sense, and goes on with it.
            Some(_) => plan.clone(),
            None if under_way_in_job(case) => plan.clone(),
            None => return wait(case, &problem.reason.clone(), &problem.message.clone()),
        },
        Plan::Missing | Plan::Another => return without_plan(case),
        Plan::Unread(problem) => return unread(case, &problem.clone()),
    };
    match (owner(case), case.observed.run.clone()) {
        (Owner::Us, Some(run)) => follow(case, &plan, run),
        // What waited in a pool that is being emptied waits for the next process.
        (Owner::Us, None) if case.observed.stopping => {}
        // Whether its Job was made is not known: it is made or found, under the same name.
        (Owner::Us | Owner::Other, None) if claimed_for_job(case) => reclaim(case, &plan),
        (Owner::Other, None) if case.before.phase == SnapshotPhase::Pending => {
            // Claimed and never begun: that was no attempt.
            case.before.attempts = case.before.attempts.map(|attempts| attempts.saturating_sub(1));
            // Also where it cannot begin yet, and somebody else looks at it next.
            case.decision.status.attempts = case.before.attempts;
            begin(case, &plan);
        }
        // Its Job goes on without whoever made it.
        (Owner::Us | Owner::Other, None) if under_way_in_job(case) => adopt(case),
        (Owner::Us | Owner::Other, None) => lost(case, &plan),
        // Not started by this process in this term, whatever the pool still remembers of it.
        (Owner::Other, Some(_)) => {
            case.decision.run = RunAction::Cancel;
            lost(case, &plan);
        }
        (Owner::Nobody, Some(Run::Succeeded(_) | Run::Failed { .. })) => {
            case.decision.run = RunAction::Forget;
            case.decision.again = Some(case.now);
        }
        (Owner::Nobody, Some(Run::Queued { .. } | Run::Running { .. })) => {
            case.decision.run = RunAction::Cancel;
        }
        (Owner::Nobody, None) => begin(case, &plan),
    }
}

/// A Job was made for this attempt, and nobody has said that it is over.
pub(super) fn under_way_in_job(case: &Case<'_>) -> bool {
    case.before.phase == SnapshotPhase::Running && case.before.job.is_some()
}

/// An attempt was claimed that a Job is to carry out, and nobody has said that it began.
fn claimed_for_job(case: &Case<'_>) -> bool {
    case.before.phase == SnapshotPhase::Pending && case.before.owner.is_some() && case.before.job.is_some()
}

enum Owner {
    Nobody,
    Us,
    Other,
}

fn owner(case: &Case<'_>) -> Owner {
    match case.before.owner.as_deref() {
        None if case.before.phase == SnapshotPhase::Running => Owner::Other,
        None => Owner::Nobody,
        Some(owner) if owner == case.observed.identity => Owner::Us,
        Some(_) => Owner::Other,
    }
}

/// Nothing can be taken without a plan, and what is under way must end: nobody wants it any more.
fn without_plan(case: &mut Case<'_>) {
    match case.observed.run {
        Some(Run::Queued { .. } | Run::Running { .. }) => case.decision.run = RunAction::Cancel,
        Some(Run::Succeeded(_) | Run::Failed { .. }) => case.decision.run = RunAction::Forget,
        None => {}
    }
    let plan = case.snapshot.spec.backup_name.clone();
    if case.before.owner.is_some() || !matches!(case.observed.plan, Plan::Missing) {
        let problem = Problem {
            reason: reason::PLAN_NOT_FOUND.to_owned(),
            message: format!("its plan, EtcdBackup {plan}, was deleted"),
        };
        return give_up(case, &problem);
    }
    wait(
        case,
        reason::PLAN_NOT_FOUND,
        &format!("there is no EtcdBackup {plan} in this namespace; the snapshot is taken once there is"),
    );
}

/// The attempt is a Job's, and whoever followed it does so no longer: this process does from now on.
fn adopt(case: &mut Case<'_>) {
    if case.observed.stopping {
        return;
    }
    case.decision.status.owner = Some(case.observed.identity.clone());
    submit(case, case.before.attempts.unwrap_or(1), true);
}

/// Whether an attempt that waits for its turn can begin by another plan. A process before may have made its Job, which is found again
/// only by a Job of the same attempt.
fn has_not_begun(case: &Case<'_>, plan: &EtcdBackup) -> bool {
    let found_again = case.before.job.is_none() || plan.spec.runner.is_job();
    case.before.phase == SnapshotPhase::Pending && found_again
}

/// Follows the run that this process has for it.
fn follow(case: &mut Case<'_>, plan: &EtcdBackup, run: Run) {
    match run {
        Run::Queued { outdated: true } if has_not_begun(case, plan) => withdraw(case),
        Run::Queued { .. } => {}
        Run::Running {
            started,
            bytes,
            total,
            waits,
        } => {
            // A run in this process says itself when it begins, and why at which member.
            if case.before.phase != SnapshotPhase::Running && case.before.job.is_some() {
                let attempt = case.before.attempts.unwrap_or(1);
                let tries = plan.spec.retries + 1;
                let message = format!("attempt {attempt} of at most {tries}");
                case.decision
                    .notes
                    .push(Note::normal(event::SNAPSHOT_STARTED, ACTION, message));
            }
            let status = &mut case.decision.status;
            status.phase = SnapshotPhase::Running;
            status.start_time = Some(started);
            // Of how much is known as soon as something is heard of it. Until then it stands where it stood.
            let before = status.progress.take().filter(|_| total.is_none());
            status.progress = progress(bytes, total).or(before);
            match (waits, &case.before.job) {
                (Some(waits), _) => case.say(&waits.reason, waits.message),
                (None, Some(job)) => {
                    let message = format!("the Job {job} reads from etcd and stores");
                    case.say(reason::RUNNING, message);
                }
                (None, None) => case.say(reason::RUNNING, "reading from etcd and storing"),
            }
        }
        Run::Succeeded(stored) => {
            case.succeed(&stored);
            let message = stored::summary(&stored);
            // Without a quorum the newest writes may be lacking, and with the alarm CORRUPT data is wrong: somebody should look at that
            // cluster.
            let note = if stored.degraded || stored.corrupt_alarm {
                Note::warning
            } else {
                Note::normal
            };
            case.decision
                .notes
                .push(note(event::SNAPSHOT_SUCCEEDED, ACTION, message));
        }
        Run::Failed { problem, transient } => fail(case, plan, &problem, transient),
    }
}

/// Whoever ran it is gone: find out how far they came, then go on from there.
fn lost(case: &mut Case<'_>, plan: &EtcdBackup) {
    match &case.observed.store {
        Store::Unknown => {
            // Nothing to write: the status tells the truth until the store was asked.
        }
        Store::Listed {
            found: Some(found), ..
        } => {
            let found = found.clone();
            case.succeed(&found);
            let message = format!(
                "{} (found in the store after the operator restarted)",
                stored::summary(&found)
            );
            case.decision
                .notes
                .push(Note::normal(event::SNAPSHOT_SUCCEEDED, ACTION, message));
        }
        // Only of the store that was looked at anything can be said: its plan may have named another one when it began.
        asked @ (Store::Unreadable | Store::Listed { found: None, .. }) => {
            let owner = case.before.owner.clone().unwrap_or_else(|| "nobody".to_owned());
            let left = match asked {
                Store::Listed { location, .. } => {
                    format!("and nothing complete of it is in {location}, where its plan stores now")
                }
                _ => "and whether it left anything is not known: the store cannot be read".to_owned(),
            };
            let problem = Problem {
                reason: reason::OWNER_GONE.to_owned(),
                message: format!("the process that ran it ({owner}) is gone, {left}"),
            };
            fail(case, plan, &problem, true);
        }
    }
}

/// Progress as the status shows it: in steps, so that bytes alone are no reason to write. `None` before the
/// first step.
fn progress(bytes: u64, total: Option<u64>) -> Option<Progress> {
    let shown = step_of(bytes, total);
    (shown > 0).then_some(Progress { bytes: shown, total })
}
