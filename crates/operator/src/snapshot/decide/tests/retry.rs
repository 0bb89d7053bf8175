//! After an attempt that failed.

use chrono::TimeDelta;
use etcd_backup_api::conditions::snapshot as kind;
use serde_json::json;

use super::*;
use crate::events::{Severity, reason as event};

fn failed_run(transient: bool) -> Run {
    let problem = Problem {
        reason: "Stalled".to_owned(),
        message: "no byte for 60 s".to_owned(),
    };
    Run::Failed { problem, transient }
}

#[test]
fn a_passing_failure_is_tried_again_after_a_pause() {
    let mut observed = observed();
    observed.run = Some(failed_run(true));
    let failed = decide(&running_here(), &observed, at("06:05:00"));
    assert_eq!(failed.status.phase, SnapshotPhase::Pending);
    assert_eq!(failed.status.reason.as_deref(), Some("Stalled"));
    let next = failed.status.next_attempt.unwrap();
    assert!(next > at("06:05:10") && next <= at("06:05:16"), "{next}");
    assert_eq!(told(&failed), [event::ATTEMPT_FAILED]);

    let waiting = after(running_here(), &failed);
    let forget = decide(&waiting, &observed, at("06:05:01"));
    assert_eq!(forget.run, RunAction::Forget);
    observed.run = None;
    let early = decide(&waiting, &observed, at("06:05:02"));
    assert_eq!((early.run, early.again), (RunAction::None, Some(next)));
    let again = decide(&waiting, &observed, next);
    assert_eq!(
        again.run,
        RunAction::Submit {
            attempt: 2,
            scheduled: None,
            trigger: Trigger::Manual,
            adopt: false,
        }
    );
    assert_eq!(again.status.next_attempt, None);
}

#[test]
fn a_lasting_failure_is_not_tried_again() {
    let mut observed = observed();
    observed.run = Some(failed_run(false));
    let decision = decide(&running_here(), &observed, at("06:05:00"));
    assert_eq!(decision.status.phase, SnapshotPhase::Failed);
    assert_eq!(holds(&decision.status, kind::FAILED), "True");
    assert_eq!(decision.notes[0].severity, Severity::Warning);
    assert_eq!(told(&decision), [event::SNAPSHOT_FAILED]);
}

#[test]
fn after_the_last_attempt_it_is_given_up() {
    let mut observed = observed();
    observed.run = Some(failed_run(true));
    let last = status(json!({"phase": "Running", "owner": ME, "attempts": 4}));
    assert_eq!(
        decide(&last, &observed, at("07:00:00")).status.phase,
        SnapshotPhase::Failed
    );
    let earlier = status(json!({"phase": "Running", "owner": ME, "attempts": 3}));
    assert_eq!(
        decide(&earlier, &observed, at("07:00:00")).status.phase,
        SnapshotPhase::Pending
    );
}

#[test]
fn no_retries_means_one_attempt() {
    let mut observed = observed();
    observed.plan = present(json!({"spec": {"retries": 0}}));
    observed.run = Some(failed_run(true));
    assert_eq!(
        decide(&running_here(), &observed, at("07:00:00")).status.phase,
        SnapshotPhase::Failed
    );
}

#[test]
fn pauses_grow_and_differ_between_snapshots() {
    let pause = |uid: &str, attempts| crate::snapshot::decide::retry::pause(uid, attempts);
    assert!(pause("a", 1) < TimeDelta::seconds(16));
    assert!(pause("a", 3) >= TimeDelta::seconds(40));
    assert!(pause("a", 60) <= TimeDelta::minutes(15));
    assert_ne!(pause("a", 4), pause("b", 4));
    assert_eq!(pause("a", 4), pause("a", 4));
}
