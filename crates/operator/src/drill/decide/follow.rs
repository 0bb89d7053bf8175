//! What the end of a drill's Job means.

use chrono::TimeDelta;
use etcd_backup_api::conditions::reason as why;
use etcd_backup_api::{DrillResult, LastDrill, LastRestorable, RunningDrill};

use super::{ACTION, Case, LOOK, WAIT, Work};
use crate::agent::AgentResult;
use crate::events::{Note, reason};
use crate::jobs::seen::{JobState, LOST, Problem};
use crate::progress::shown;
use crate::status::shortened;

/// How long after a Job's own deadline its end may be seen. Then something is wrong with whoever ends Jobs.
const GRACE: TimeDelta = TimeDelta::minutes(5);

/// Bounds of the status (`drill` in the CRD), for texts far below them.
const MOST_TEXT: usize = 1024;
const MOST_REASON: usize = 128;
const MOST_VERSION: usize = 64;

/// Looks at the Job of the drill that runs.
pub(super) fn follow(case: &mut Case<'_>, mut running: RunningDrill) {
    let seen = case.observed.seen.clone();
    let mut pause = LOOK;
    match seen.as_ref().map(|seen| &seen.state) {
        Some(Ok(JobState::Complete(Some(AgentResult::Failed { reason, message, .. })))) => {
            let problem = Problem {
                reason: reason.clone(),
                message: message.clone(),
            };
            return failed(case, &running, problem);
        }
        Some(Ok(JobState::Complete(result))) => return succeeded(case, &running, result.as_ref()),
        Some(Ok(JobState::Failed(problem))) => return failed(case, &running, problem.clone()),
        Some(Ok(JobState::Active { waits, said })) => {
            running.message = waits.as_ref().map(|wait| text(wait.to_string()));
            running.progress = shown(*said).or(running.progress);
        }
        Some(Ok(JobState::Lost)) => {
            running.progress = None;
            running.message = Some(LOST.to_owned());
        }
        Some(Err(problem)) => {
            pause = WAIT;
            running.message = Some(text(problem.message.clone()));
        }
        None => {}
    }
    let longest = TimeDelta::from_std(case.spec.timeout.as_std()).ok();
    let end = longest.and_then(|longest| running.start_time.checked_add_signed(longest + GRACE));
    // What no calendar has is nothing to wait for.
    let end = end.unwrap_or(case.now);
    if case.now >= end {
        case.decision.work = Some(Work::Abandon);
        let problem = match seen.map(|seen| seen.state) {
            Some(Err(problem)) => problem,
            _ => Problem {
                reason: why::DEADLINE_EXCEEDED.to_owned(),
                message: match &running.message {
                    Some(waits) => format!("it was not over within {}: {waits}", case.spec.timeout),
                    None => format!("it was not over within {}", case.spec.timeout),
                },
            },
        };
        return failed(case, &running, problem);
    }
    let next = seen.map_or(case.now, |seen| seen.at + pause);
    if !case.observed.asking && next <= case.now {
        case.decision.work = Some(Work::Pursue);
    }
    case.again(if next > case.now { next } else { case.now + pause });
    case.again(end);
    case.drills.running = Some(running);
}

fn succeeded(case: &mut Case<'_>, running: &RunningDrill, result: Option<&AgentResult>) {
    let (hash_kv, etcd_version) = match result {
        Some(AgentResult::Drilled { hash_kv, etcd, .. }) => (*hash_kv, etcd.clone()),
        _ => (None, None),
    };
    let etcd_version = etcd_version.map(|version| shortened(version, MOST_VERSION));
    let message = text(proved(running, result));
    let note = format!("{}: {message}", running.snapshot);
    case.decision
        .notes
        .push(Note::normal(reason::DRILL_SUCCEEDED, ACTION, note));
    case.decision.restorable = Some(LastRestorable {
        snapshot: running.snapshot.clone(),
        run_id: running.source.run_id.clone(),
        snapshot_time: running.source.taken,
        time: case.now,
        revision: running.source.revision,
    });
    let took = (case.now - running.start_time).to_std().unwrap_or_default();
    case.decision.ended = Some(Ok(took));
    over(
        case,
        LastDrill {
            hash_kv,
            etcd_version,
            message: Some(message),
            ..last(case, running, DrillResult::Succeeded)
        },
    );
}

fn failed(case: &mut Case<'_>, running: &RunningDrill, problem: Problem) {
    let problem = Problem {
        reason: word(&problem.reason),
        message: text(problem.message),
    };
    let note = format!(
        "{} could not be restored: {} ({})",
        running.snapshot, problem.message, problem.reason
    );
    case.decision
        .notes
        .push(Note::warning(reason::DRILL_FAILED, ACTION, note));
    case.decision.ended = Some(Err(problem.reason.clone()));
    over(
        case,
        LastDrill {
            reason: Some(problem.reason),
            message: Some(problem.message),
            ..last(case, running, DrillResult::Failed)
        },
    );
}

fn last(case: &Case<'_>, running: &RunningDrill, result: DrillResult) -> LastDrill {
    LastDrill {
        snapshot: running.snapshot.clone(),
        run_id: running.source.run_id.clone(),
        result,
        reason: None,
        message: None,
        job: running.job.clone(),
        start_time: running.start_time,
        time: case.now,
        hash_kv: None,
        etcd_version: None,
    }
}

fn over(case: &mut Case<'_>, last: LastDrill) {
    case.drills.last = Some(last);
    case.drills.running = None;
    // Something may have become due meanwhile.
    case.again(case.now + TimeDelta::seconds(1));
}

/// A text from outside, cut to what the status takes: it must not keep the plan's status from being written.
fn text(text: String) -> String {
    shortened(text, MOST_TEXT)
}

/// A reason from outside, as conditions want it.
fn word(reason: &str) -> String {
    let word: String = reason
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(MOST_REASON)
        .collect();
    if word.is_empty() {
        why::FAILED.to_owned()
    } else {
        word
    }
}

/// What is proved now, in a sentence.
fn proved(running: &RunningDrill, result: Option<&AgentResult>) -> String {
    let revision = running.source.revision;
    let Some(AgentResult::Drilled {
        hash_kv,
        compared,
        etcd,
        ..
    }) = result
    else {
        return format!("restored, revision {revision}; its pod is gone, and with it what it had to say");
    };
    let hash = match (hash_kv, compared) {
        (Some(hash), true) => format!("HashKV {hash} is the one that was backed up"),
        (Some(hash), false) => format!("HashKV {hash}, and the manifest has none to compare it with"),
        (None, _) => "too large to compute HashKV of it".to_owned(),
    };
    let started = etcd.as_ref().map_or_else(String::new, |version| {
        format!("; etcd {version} was started on it, and answers the same")
    });
    format!("restored, revision {revision}, every byte as its manifest says; {hash}{started}")
}
