//! Stopping and starting the StatefulSet that runs the members, and asking the cluster that it runs.

use chrono::TimeDelta;
use etcd_backup_api::{PinnedStatefulSet, RestorePhase};

use super::{ACTION, Action, Case, LOOK, WAIT};
use crate::connect::Failure;
use crate::events::{Note, reason as event};
use crate::restore::Errand;
use crate::restore::stateful_set::SetState;

/// What was pinned, and what is known of it now. `None` when no StatefulSet runs the members.
fn known(case: &Case<'_>) -> Option<(PinnedStatefulSet, Result<SetState, Failure>)> {
    let pinned = case.before.stateful_set.clone()?;
    let now = match &case.observed.set {
        Some(Ok(set)) if set.uid != pinned.uid => Err(Failure::lasting(
            "StatefulSetReplaced",
            "the StatefulSet was deleted, and another one has its name",
        )),
        Some(now) => now.clone(),
        None => Err(Failure::lasting("InvalidSpec", "no StatefulSet is named")),
    };
    Some((pinned, now))
}

/// Whether the present phase has lasted as long as one member's work may take.
fn is_late(case: &Case<'_>) -> bool {
    let patience = TimeDelta::from_std(case.restore.spec.timeout.as_std()).unwrap_or(TimeDelta::MAX);
    case.now - case.before.phase_time.unwrap_or(case.now) >= patience
}

/// Whether no pod of the StatefulSet is left, which would write to what is to be replaced. Has it scaled to none.
///
/// # Errors
/// It cannot come to that.
pub(super) fn is_stopped(case: &mut Case<'_>) -> Result<bool, Failure> {
    let Some((_, now)) = known(case) else {
        return Ok(true);
    };
    case.decision.again = Some(case.now + LOOK);
    let waits = match now {
        Ok(set) if set.replicas == 0 && set.pods == 0 => return Ok(true),
        // It was not so when the restore began. Somebody can change that again.
        Ok(set) if set.replicas != 0 && set.loses_claims => Failure {
            transient: true,
            ..set.would_lose_claims()
        },
        Ok(set) => {
            if set.replicas != 0 {
                case.decision.actions.push(Action::Scale(0));
            }
            let message = format!("{} pods of the StatefulSet are still there", set.pods);
            Failure::transient("StoppingMembers", message)
        }
        Err(failure) => failure,
    };
    if !waits.transient || is_late(case) {
        return Err(waits);
    }
    case.say(&waits.reason, waits.message);
    Ok(false)
}

/// How far a StatefulSet is on its way back to what it was.
pub(super) enum Back {
    /// Not yet.
    Waits,
    /// It is there, or none was stopped.
    Done,
    /// It will not come there, and what a person has to do.
    ByHand(String),
}

/// Has the StatefulSet scaled to what it was.
pub(super) fn give_back(case: &mut Case<'_>) -> Back {
    let Some((pinned, now)) = known(case) else {
        return Back::Done;
    };
    let by_hand = |why: &str| {
        Back::ByHand(format!(
            "scale the StatefulSet back to {} yourself: {why}",
            pinned.replicas
        ))
    };
    match now {
        Ok(set) if set.replicas == pinned.replicas => Back::Done,
        Ok(_) if is_late(case) => by_hand("it could not be scaled"),
        Ok(_) => {
            case.decision.actions.push(Action::Scale(pinned.replicas));
            Back::Waits
        }
        Err(failure) if !failure.transient || is_late(case) => by_hand(&failure.message),
        Err(_) => Back::Waits,
    }
}

/// Every member's new data is in place.
pub(super) fn committed(case: &mut Case<'_>) {
    let replicas = case.before.stateful_set.as_ref().map_or(0, |set| set.replicas);
    case.decision.again = Some(case.now);
    if replicas > 0 {
        case.enter(
            RestorePhase::Starting,
            format!("the new data of every member is in place: the StatefulSet is scaled to {replicas}"),
        );
    } else if case.before.verify.is_some() {
        case.enter(
            RestorePhase::Verifying,
            "the new data of every member is in place: start the members with the names and peer URLs that stand here, and \
             the cluster is asked whether they agree",
        );
    } else {
        succeed(
            case,
            "the new data of every member is in place: start the members with the names and peer URLs that stand here",
        );
    }
}

/// While the members are started.
pub(super) fn start(case: &mut Case<'_>) {
    case.decision.again = Some(case.now + LOOK);
    let Some((pinned, now)) = known(case) else {
        return committed(case);
    };
    let waits = match now {
        Ok(set) if set.replicas == pinned.replicas && set.ready >= pinned.replicas => {
            if case.before.verify.is_some() {
                case.enter(
                    RestorePhase::Verifying,
                    "the members are ready, and the cluster is asked",
                );
                case.decision.again = Some(case.now);
            } else {
                succeed(
                    case,
                    "the new data of every member is in place, and all are ready",
                );
            }
            return;
        }
        Ok(set) => {
            if set.replicas != pinned.replicas {
                case.decision.actions.push(Action::Scale(pinned.replicas));
            }
            let message = format!("{} of {} pods are ready", set.ready, pinned.replicas);
            Failure::transient("MembersNotReady", message)
        }
        Err(failure) => failure,
    };
    wait_or_fail(case, &waits);
}

/// While the cluster is asked.
pub(super) fn verify(case: &mut Case<'_>) {
    case.decision.again = Some(case.now + WAIT);
    match &case.observed.verification {
        Errand::Busy => {}
        Errand::Idle => case.decision.actions.push(Action::Verify),
        Errand::Done {
            answer: Ok(agreement),
            ..
        } => {
            let message = agreement.to_string();
            succeed(case, &message);
        }
        Errand::Done {
            at,
            answer: Err(failure),
        } => {
            if failure.transient && case.now >= *at + WAIT {
                case.decision.actions.push(Action::Verify);
            }
            wait_or_fail(case, failure);
        }
    }
}

fn wait_or_fail(case: &mut Case<'_>, failure: &Failure) {
    if failure.transient && !is_late(case) {
        return case.say(&failure.reason, failure.message.clone());
    }
    case.decision.actions.clear();
    let message = format!(
        "the new data of every member is in place, but {}",
        failure.message
    );
    case.fail(&failure.reason, message);
}

fn succeed(case: &mut Case<'_>, message: &str) {
    case.decision
        .notes
        .push(Note::normal(event::RESTORE_SUCCEEDED, ACTION, message));
    case.enter(RestorePhase::Succeeded, message);
    case.decision.status.completion_time = Some(case.now);
}
