//! Before an attempt begins.

use etcd_backup_api::conditions::reason;
use serde_json::json;

use super::*;

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
