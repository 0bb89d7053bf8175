//! An attempt that failed: another one later, or the end.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use etcd_backup_api::{EtcdBackup, SnapshotPhase};
use kube::ResourceExt;
use sha2::{Digest, Sha256};

use super::{Case, Problem};
use crate::events::{Note, reason as event};

/// What events about attempts say is being done.
pub(super) const ACTION: &str = "TakeSnapshot";

/// Pause after the first failed attempt; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(10);

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_mins(10);

/// Failures that say nothing about the snapshot: this process ended or lost the lead. Such an attempt does not
/// count. (A process that vanished without a word does: the run may be what killed it.)
const NOT_ITS_FAULT: [&str; 2] = ["Interrupted", "LeadershipLost"];

/// Ends an attempt without success: another one later, or the end.
pub(super) fn fail(case: &mut Case<'_>, plan: &EtcdBackup, problem: &Problem, transient: bool) {
    let attempts = case.before.attempts.unwrap_or(1);
    let tries = plan.spec.retries + 1;
    let ours = NOT_ITS_FAULT.contains(&problem.reason.as_str());
    if !ours && (!transient || attempts >= tries) {
        return give_up(case, problem);
    }
    let pause = pause(&case.snapshot.uid().unwrap_or_default(), attempts);
    let at = whole_seconds(case.now + pause);
    let status = &mut case.decision.status;
    status.attempts = Some(if ours {
        attempts.saturating_sub(1)
    } else {
        attempts
    });
    status.phase = SnapshotPhase::Pending;
    status.owner = None;
    status.progress = None;
    status.completion_time = Some(case.now);
    status.next_attempt = Some(at);
    let message = format!(
        "attempt {attempts} of at most {tries} failed: {}",
        problem.message
    );
    case.say(&problem.reason, message.clone());
    let message = format!("{message}. Next attempt at {}", at.format("%H:%M:%S UTC"));
    case.decision
        .notes
        .push(Note::warning(event::ATTEMPT_FAILED, ACTION, message));
    case.decision.again = Some(at);
}

/// The end.
pub(super) fn give_up(case: &mut Case<'_>, problem: &Problem) {
    let status = &mut case.decision.status;
    status.phase = SnapshotPhase::Failed;
    status.owner = None;
    status.progress = None;
    status.next_attempt = None;
    status.completion_time = Some(case.now);
    let attempts = status.attempts.unwrap_or(0);
    case.say(&problem.reason, problem.message.clone());
    let message = format!(
        "{} given up after {attempts} attempts: {}",
        case.name(),
        problem.message
    );
    case.decision
        .notes
        .push(Note::warning(event::SNAPSHOT_FAILED, ACTION, message));
}

/// How long to wait after attempt `attempts`: doubling, and up to half as much again so that snapshots that
/// failed together do not come back together. The same for the same snapshot and attempt.
pub(super) fn pause(uid: &str, attempts: u32) -> TimeDelta {
    let doubled = FIRST_PAUSE
        .saturating_mul(1 << attempts.saturating_sub(1).min(16))
        .min(LONGEST_PAUSE);
    let digest = Sha256::digest(format!("{uid}/{attempts}"));
    let spread = doubled.mul_f64(f64::from(digest[0]) / 512.0);
    TimeDelta::from_std(doubled + spread).unwrap_or(TimeDelta::zero())
}

/// A status is written in whole seconds; what is decided and what is read back must be the same instant.
fn whole_seconds(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp(at.timestamp() + 1, 0).unwrap_or(at)
}
