use etcd_backup_api::conditions::reason;
use serde_json::json;

use super::*;
use crate::events::reason as event;

#[test]
fn a_run_whose_owner_is_gone_is_a_failed_attempt() {
    let orphan = status(json!({"phase": "Running", "owner": "pod-b_9", "attempts": 1}));
    let decision = decide(&orphan, &observed(), at("06:10:00"));
    assert_eq!(decision.status.phase, SnapshotPhase::Pending);
    assert_eq!(decision.status.reason.as_deref(), Some(reason::OWNER_GONE));
    assert!(decision.status.next_attempt.is_some());
}

#[test]
fn of_a_run_whose_owner_is_gone_nothing_is_said_of_a_store_that_was_not_looked_at() {
    let orphan = status(json!({"phase": "Running", "owner": "pod-b_9", "attempts": 1}));
    let mut observed = observed();
    let said = |observed: &Observed| {
        let status = decide(&orphan, observed, at("06:10:00")).status;
        assert_eq!(status.reason.as_deref(), Some(reason::OWNER_GONE));
        status.message.unwrap()
    };
    let Store::Listed { location, .. } = observed.store.clone() else {
        panic!("it was listed")
    };
    let listed = said(&observed);
    assert!(
        listed.contains(&format!("nothing complete of it is in {location}")),
        "{listed}"
    );
    observed.store = Store::Unreadable;
    let unread = said(&observed);
    assert!(
        unread.contains("is not known") && !unread.contains("nothing"),
        "{unread}"
    );
}

#[test]
fn a_run_whose_owner_is_gone_is_not_judged_before_the_store_was_asked() {
    let orphan = status(json!({"phase": "Running", "owner": "pod-b_9", "attempts": 1}));
    let mut observed = observed();
    observed.store = Store::Unknown;
    let decision = decide(&orphan, &observed, at("06:10:00"));
    assert_eq!(
        (decision.status.phase, decision.run),
        (SnapshotPhase::Running, RunAction::None)
    );
    assert!(decision.notes.is_empty());
}

#[test]
fn a_run_whose_owner_is_gone_counts_when_the_store_has_its_manifest() {
    let orphan = status(json!({"phase": "Running", "owner": "pod-b_9", "attempts": 1}));
    let mut observed = observed();
    observed.store = listed_with("06:09:00");
    let decision = decide(&orphan, &observed, at("06:10:00"));
    assert_eq!(decision.status.phase, SnapshotPhase::Succeeded);
    assert_eq!(told(&decision), [event::SNAPSHOT_SUCCEEDED]);
}

#[test]
fn an_orphan_that_was_tried_often_enough_is_given_up() {
    let orphan = status(json!({"phase": "Running", "owner": "pod-b_9", "attempts": 4}));
    assert_eq!(
        decide(&orphan, &observed(), at("06:10:00")).status.phase,
        SnapshotPhase::Failed
    );
}

#[test]
fn a_claim_of_ours_that_never_reached_the_pool_is_a_failed_attempt_too() {
    let claimed = status(json!({"phase": "Pending", "owner": ME, "attempts": 1}));
    let decision = decide(&claimed, &observed(), at("06:10:00"));
    assert_eq!(decision.status.reason.as_deref(), Some(reason::OWNER_GONE));
    assert_eq!(decision.status.owner, None);
}

#[test]
fn a_claim_of_a_process_that_is_gone_was_no_attempt_when_nothing_had_begun() {
    let claimed = status(json!({"phase": "Pending", "owner": "pod-b_9", "attempts": 1}));
    let decision = decide(&claimed, &observed(), at("06:10:00"));
    assert_eq!(
        decision.run,
        RunAction::Submit {
            attempt: 1,
            scheduled: None,
            trigger: Trigger::Manual,
            adopt: false,
        }
    );
    assert_eq!(decision.status.owner.as_deref(), Some(ME));
    assert!(decision.notes.is_empty());
}

#[test]
fn such_a_claim_is_no_attempt_either_where_the_store_is_not_known_yet() {
    let mut observed = observed();
    observed.store = Store::Unknown;
    let claimed = status(json!({"phase": "Pending", "owner": "pod-b_9", "attempts": 2}));
    let decision = decide(&claimed, &observed, at("06:10:00"));
    assert_eq!(decision.status.owner, None);
    assert_eq!(decision.status.attempts, Some(1));
}

#[test]
fn a_run_that_we_interrupted_ourselves_does_not_count_as_an_attempt() {
    for reason in ["Interrupted", "LeadershipLost"] {
        let mut observed = observed();
        let problem = Problem {
            reason: reason.to_owned(),
            message: "m".to_owned(),
        };
        observed.run = Some(Run::Failed {
            problem,
            transient: true,
        });
        let last = status(json!({"phase": "Running", "owner": ME, "attempts": 4}));
        let decision = decide(&last, &observed, at("06:10:00"));
        assert_eq!(
            (decision.status.phase, decision.status.attempts),
            (SnapshotPhase::Pending, Some(3))
        );
    }
}

#[test]
fn a_process_that_is_about_to_end_starts_nothing_and_gives_nothing_up() {
    let mut observed = observed();
    observed.stopping = true;
    let decision = decide(&snapshot(json!({})), &observed, at("06:00:00"));
    assert_eq!((decision.run, decision.status.owner), (RunAction::None, None));
    let claimed = status(json!({"phase": "Pending", "owner": ME, "attempts": 1}));
    let decision = decide(&claimed, &observed, at("06:00:00"));
    assert_eq!(
        (decision.status.phase, decision.status.attempts),
        (SnapshotPhase::Pending, Some(1))
    );
    assert!(decision.notes.is_empty());
}

#[test]
fn a_plan_that_vanishes_ends_its_run() {
    let mut observed = observed();
    observed.plan = Plan::Missing;
    observed.run = Some(Run::Running {
        started: at("06:00:01"),
        bytes: 1,
        total: None,
        waits: None,
    });
    let decision = decide(&running_here(), &observed, at("06:01:00"));
    assert_eq!(decision.run, RunAction::Cancel);
    assert_eq!(decision.status.phase, SnapshotPhase::Failed);
}

#[test]
fn a_snapshot_of_an_earlier_plan_of_the_same_name_is_not_taken() {
    let mut observed = observed();
    observed.plan = Plan::Another;
    let decision = decide(&snapshot(json!({})), &observed, at("06:01:00"));
    assert_eq!(
        (decision.status.phase, decision.run),
        (SnapshotPhase::Failed, RunAction::None)
    );
}

#[test]
fn a_run_under_way_goes_on_when_its_plan_is_edited_into_nonsense() {
    let mut observed = observed();
    let problem = Problem {
        reason: "InvalidSchedule".to_owned(),
        message: "x".to_owned(),
    };
    observed.plan = Plan::Present {
        plan: Arc::new(plan(json!({}))),
        problem: Some(problem),
    };
    observed.run = Some(Run::Running {
        started: at("06:00:01"),
        bytes: 0,
        total: None,
        waits: None,
    });
    let decision = decide(&running_here(), &observed, at("06:01:00"));
    assert_eq!(
        (decision.status.phase, decision.run),
        (SnapshotPhase::Running, RunAction::None)
    );
}

#[test]
fn a_plan_on_its_way_out_starts_nothing_and_ends_what_runs() {
    let mut observed = observed();
    observed.plan = present(json!({"metadata": {"deletionTimestamp": "2026-11-23T06:00:30Z"}}));
    assert_eq!(
        decide(&snapshot(json!({})), &observed, at("06:01:00"))
            .status
            .phase,
        SnapshotPhase::Failed
    );
    observed.run = Some(Run::Running {
        started: at("06:00:01"),
        bytes: 1,
        total: None,
        waits: None,
    });
    assert_eq!(
        decide(&running_here(), &observed, at("06:01:00")).run,
        RunAction::Cancel
    );
}
