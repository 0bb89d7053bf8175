use chrono::{DateTime, TimeDelta, Utc};
use etcd_backup_api::conditions::{reason, snapshot as kind};
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
fn a_new_snapshot_is_claimed_before_it_is_submitted() {
    let new = snapshot(json!({"metadata": {"annotations": {
        "etcdbackup.dev/trigger": "Schedule", "etcdbackup.dev/scheduled-time": "2026-11-23T06:00:00Z"}}}));
    let decision = decide(&new, &observed(), at("06:00:00"));
    assert_eq!(decision.status.phase, SnapshotPhase::Pending);
    assert_eq!(decision.status.owner.as_deref(), Some(ME));
    assert_eq!(decision.status.attempts, Some(1));
    assert_eq!(decision.status.scheduled_time, Some(at("06:00:00")));
    let submit = RunAction::Submit {
        attempt: 1,
        scheduled: Some(at("06:00:00")),
        trigger: Trigger::Schedule,
        adopt: false,
    };
    assert_eq!(decision.run, submit);
}

#[test]
fn a_snapshot_made_by_hand_becomes_its_plans_first() {
    let new = snapshot(json!({"metadata": {"ownerReferences": null}}));
    let decision = decide(&new, &observed(), at("06:00:00"));
    assert_eq!(decision.metadata, Some(Metadata::Adopt));
    assert_eq!(decision.run, RunAction::None);
}

#[test]
fn a_snapshot_made_by_hand_runs_as_manual_even_when_the_plan_is_suspended() {
    let mut observed = observed();
    observed.plan = present(json!({"spec": {"suspend": true}}));
    let decision = decide(&snapshot(json!({})), &observed, at("06:00:00"));
    assert_eq!(
        decision.run,
        RunAction::Submit {
            attempt: 1,
            scheduled: None,
            trigger: Trigger::Manual,
            adopt: false,
        }
    );
}

#[test]
fn a_snapshot_without_a_plan_waits_for_one() {
    let mut observed = observed();
    observed.plan = Plan::Missing;
    let new = snapshot(json!({"metadata": {"ownerReferences": null}}));
    let decision = decide(&new, &observed, at("06:00:00"));
    assert_eq!(decision.status.phase, SnapshotPhase::Pending);
    assert_eq!(decision.status.reason.as_deref(), Some(reason::PLAN_NOT_FOUND));
    assert_eq!((decision.run.clone(), decision.again), (RunAction::None, None));
}

#[test]
fn a_snapshot_of_a_plan_that_makes_no_sense_waits_and_says_why() {
    let mut observed = observed();
    let problem = Problem {
        reason: "InvalidSchedule".to_owned(),
        message: "never comes due".to_owned(),
    };
    observed.plan = Plan::Present {
        plan: Arc::new(plan(json!({}))),
        problem: Some(problem),
    };
    let decision = decide(&snapshot(json!({})), &observed, at("06:00:00"));
    assert_eq!(decision.status.message.as_deref(), Some("never comes due"));
    assert_eq!(decision.run, RunAction::None);
}

#[test]
fn nothing_is_started_before_the_store_was_listed() {
    let mut observed = observed();
    observed.store = Store::Unknown;
    let decision = decide(&snapshot(json!({})), &observed, at("06:00:00"));
    assert_eq!(
        (decision.status.phase, decision.run),
        (SnapshotPhase::Pending, RunAction::None)
    );
}

#[test]
fn a_store_that_does_not_answer_does_not_keep_a_run_from_trying() {
    let mut observed = observed();
    observed.store = Store::Unreadable;
    let decision = decide(&snapshot(json!({})), &observed, at("06:00:00"));
    assert!(matches!(decision.run, RunAction::Submit { .. }));
}

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
