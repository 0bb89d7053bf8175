//! An attempt that is under way, and its end.

use chrono::{DateTime, TimeDelta, Utc};
use etcd_backup_api::conditions::snapshot as kind;
use serde_json::json;

use super::*;
use crate::events::{Severity, reason as event};

#[test]
fn a_claimed_run_that_the_pool_has_queued_needs_nothing() {
    let claimed = decide(&snapshot(json!({})), &observed(), at("06:00:00"));
    let claimed = after(snapshot(json!({})), &claimed);
    let mut observed = observed();
    observed.run = Some(Run::Queued { outdated: false });
    assert!(is_quiet(&decide(&claimed, &observed, at("06:00:05")), &claimed));
}

#[test]
fn a_run_under_way_shows_its_progress_in_steps() {
    let mut observed = observed();
    let running = |mebibytes: u64| {
        Some(Run::Running {
            started: at("06:00:01"),
            bytes: mebibytes << 20,
            total: Some(2000 << 20),
            waits: None,
        })
    };
    observed.run = running(450);
    let first = decide(&running_here(), &observed, at("06:00:05"));
    assert_eq!(first.status.progress.as_ref().unwrap().bytes, 400 << 20);
    let snapshot = after(running_here(), &first);
    observed.run = running(499);
    assert!(is_quiet(&decide(&snapshot, &observed, at("06:00:06")), &snapshot));
    observed.run = running(501);
    let next = decide(&snapshot, &observed, at("06:00:07"));
    assert_eq!(next.status.progress.as_ref().unwrap().bytes, 500 << 20);
    // From another member it begins anew; where a Job was not heard yet it stands where it stood.
    let snapshot = after(snapshot, &next);
    observed.run = running(1);
    let anew = decide(&snapshot, &observed, at("06:00:08"));
    assert_eq!(anew.status.progress, None);
    observed.run = Some(Run::Running {
        started: at("06:00:01"),
        bytes: 0,
        total: None,
        waits: None,
    });
    assert!(is_quiet(&decide(&snapshot, &observed, at("06:00:08")), &snapshot));
}

#[test]
fn the_start_in_this_process_is_told_by_the_run_and_that_of_a_job_once_here() {
    let mut observed = observed();
    observed.run = Some(Run::Running {
        started: at("06:00:01"),
        bytes: 0,
        total: None,
        waits: None,
    });
    let claimed = status(json!({"phase": "Pending", "owner": ME, "attempts": 1}));
    let decision = decide(&claimed, &observed, at("06:00:01"));
    assert_eq!(decision.status.phase, SnapshotPhase::Running);
    assert_eq!(told(&decision), [""; 0]);
    let job = json!({"phase": "Pending", "owner": ME, "attempts": 1, "job": "prod-1-snapshot-attempt-1"});
    let claimed = status(job);
    let decision = decide(&claimed, &observed, at("06:00:01"));
    assert_eq!(told(&decision), [event::SNAPSHOT_STARTED]);
    let running = after(claimed, &decision);
    assert!(is_quiet(&decide(&running, &observed, at("06:00:02")), &running));
}

#[test]
fn a_finished_run_fills_the_status_from_its_manifest() {
    let mut observed = observed();
    observed.run = Some(Run::Succeeded(Box::new(stored())));
    let decision = decide(&running_here(), &observed, at("06:00:12"));
    let status = &decision.status;
    assert_eq!(status.phase, SnapshotPhase::Succeeded);
    assert_eq!(status.run_id.as_deref(), Some("20261123T060000Z-abcdefgh"));
    assert_eq!((status.owner.clone(), status.progress.clone()), (None, None));
    assert_eq!(
        (holds(status, kind::COMPLETE), holds(status, kind::VERIFIED)),
        ("True".into(), "True".into())
    );
    assert_eq!(told(&decision), [event::SNAPSHOT_SUCCEEDED]);
}

#[test]
fn a_result_is_forgotten_only_after_the_status_has_it() {
    let mut observed = observed();
    observed.run = Some(Run::Succeeded(Box::new(stored())));
    let first = decide(&running_here(), &observed, at("06:00:12"));
    assert_eq!(first.run, RunAction::None);
    let second = decide(&after(running_here(), &first), &observed, at("06:00:12"));
    assert_eq!(second.run, RunAction::Forget);
    assert!(second.notes.is_empty());
}

/// Whoever stores this is warned, in these words.
fn is_warned_of(stored: Stored, words: &str) {
    let mut observed = observed();
    observed.run = Some(Run::Succeeded(Box::new(stored)));
    let decision = decide(&running_here(), &observed, at("06:00:12"));
    assert_eq!(decision.notes[0].severity, Severity::Warning);
    assert!(decision.notes[0].message.contains(words));
}

#[test]
fn a_snapshot_without_a_quorum_is_a_warning() {
    let degraded = Stored {
        degraded: true,
        ..stored()
    };
    is_warned_of(degraded, "without a quorum");
}

#[test]
fn a_snapshot_of_an_etcd_with_the_alarm_corrupt_is_a_warning() {
    let suspect = Stored {
        corrupt_alarm: true,
        ..stored()
    };
    is_warned_of(suspect, "etcdctl alarm list");
}

#[test]
fn every_condition_names_the_generation_it_speaks_of() {
    let decision = decide(
        &snapshot(json!({"metadata": {"generation": 7}})),
        &observed(),
        at("06:00:00"),
    );
    assert_eq!(decision.status.observed_generation, Some(7));
    assert!(
        decision
            .status
            .conditions
            .iter()
            .all(|condition| condition.observed_generation == Some(7))
    );
}

/// Follows a snapshot through a whole life, checking after each step that looking again changes nothing.
#[test]
fn looking_twice_changes_nothing() {
    let mut object = snapshot(json!({}));
    let mut seen = observed();
    let steps: [(Option<Run>, DateTime<Utc>); 3] = [
        (None, at("06:00:00")),
        (
            Some(Run::Running {
                started: at("06:00:01"),
                bytes: 0,
                total: None,
                waits: None,
            }),
            at("06:00:01"),
        ),
        (Some(Run::Succeeded(Box::new(stored()))), at("06:00:12")),
    ];
    for (run, now) in steps {
        seen.run = run;
        let decision = decide(&object, &seen, now);
        object = after(object, &decision);
        if matches!(decision.run, RunAction::Submit { .. }) {
            seen.run = Some(Run::Queued { outdated: false });
        }
        let again = decide(&object, &seen, now + TimeDelta::seconds(1));
        assert_eq!(
            serde_json::to_value(&again.status).unwrap(),
            serde_json::to_value(object.status.as_ref().unwrap()).unwrap()
        );
        assert!(again.notes.is_empty());
    }
}
