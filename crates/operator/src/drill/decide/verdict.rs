//! What the condition Restorable says.

use etcd_backup_api::conditions::reason;
use etcd_backup_api::{Drill, DrillResult, EtcdBackup};

use super::Case;
use super::view::{Observed, Verdict};
use crate::jobs::seen::FORBIDDEN;
use crate::status::{Truth, rfc3339};

/// Why no drill of this plan can begin, for as long as nobody changes something.
pub(super) fn refusal(
    plan: &EtcdBackup,
    spec: &Drill,
    schedule: Option<&String>,
    observed: &Observed,
) -> Option<Verdict> {
    let no = |reason: &str, message: &str| {
        Some(Verdict {
            truth: Truth::False,
            reason: reason.to_owned(),
            message: message.to_owned(),
        })
    };
    if !observed.enabled {
        return no(
            reason::DRILLS_DISABLED,
            "this operator makes no Jobs, so it restores nothing: make config/components/jobs part of its installation",
        );
    }
    if let Some(error) = schedule {
        return no(reason::INVALID_SCHEDULE, &format!("drill.schedule: {error}"));
    }
    let newest = observed.newest.as_ref().map(|newest| &newest.source);
    let encrypted = plan.spec.encryption.is_some() || newest.is_some_and(|source| source.encrypted);
    if encrypted && spec.decryption.is_none() {
        return no(
            reason::IDENTITY_NEEDED,
            "the snapshots are encrypted, so no drill can read them: name a Secret with an age identity as drill.decryption",
        );
    }
    if plan.spec.storage.local.is_some() && spec.job.local_store.is_none() {
        return no(
            reason::LOCAL_STORE_NOT_MOUNTED,
            "the snapshots are in a directory, which the pods of drills do not have: name the claim that holds it as \
             drill.job.localStore",
        );
    }
    None
}

/// What is known after everything was decided.
pub(super) fn judge(case: &Case<'_>) -> Verdict {
    if let Some(refusal) = &case.refusal {
        return refusal.clone();
    }
    if let (Some(running), Some(Err(problem))) = (
        &case.drills.running,
        case.observed.seen.as_ref().map(|seen| &seen.state),
    ) && problem.reason == FORBIDDEN
    {
        return Verdict {
            truth: Truth::False,
            reason: problem.reason.clone(),
            message: format!(
                "the drill of {} cannot go on: {}",
                running.snapshot, problem.message
            ),
        };
    }
    let Some(last) = &case.drills.last else {
        return first(case);
    };
    let message = last.message.as_deref().unwrap_or_default();
    let at = rfc3339(last.time);
    match last.result {
        DrillResult::Succeeded => Verdict {
            truth: Truth::True,
            reason: reason::SUCCEEDED.to_owned(),
            message: format!("{} was restored at {at}: {message}", last.snapshot),
        },
        DrillResult::Failed => Verdict {
            truth: Truth::False,
            reason: last.reason.clone().unwrap_or_else(|| reason::FAILED.to_owned()),
            message: format!(
                "{} could not be restored in the drill that ended at {at}: {message}",
                last.snapshot
            ),
        },
    }
}

/// Before the end of the first drill.
fn first(case: &Case<'_>) -> Verdict {
    let message = match (&case.drills.running, case.drills.next) {
        (Some(running), _) => format!("{} is being restored for the first time", running.snapshot),
        (None, Some(next)) => format!("the first drill is due at {}", rfc3339(next)),
        (None, None) => "the first drill follows the next snapshot".to_owned(),
    };
    Verdict {
        truth: Truth::Unknown,
        reason: reason::NO_DRILL_YET.to_owned(),
        message,
    }
}
