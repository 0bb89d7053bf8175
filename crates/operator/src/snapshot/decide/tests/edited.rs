//! Snapshots whose plan is edited before they begin.

use etcd_backup_api::conditions::reason;
use serde_json::json;

use super::*;
use crate::events::reason as event;

/// What the watches show, however old.
fn shown() -> Observed {
    Observed {
        just_read: false,
        ..observed()
    }
}

/// One that the schedule created.
fn by_schedule(changes: Value) -> EtcdSnapshot {
    let mut object = json!({"metadata": {"annotations": {"etcdbackup.dev/trigger": "Schedule"}}});
    crate::fixtures::merge(&mut object, changes);
    snapshot(object)
}

#[test]
fn nothing_begins_by_what_a_watch_showed_of_the_plan() {
    let made_it = json!({"phase": "Pending", "owner": "pod-b_2", "attempts": 1, "job": "prod-1-attempt-1"});
    let retried = json!({"phase": "Pending", "attempts": 1, "nextAttempt": "2026-11-23T05:59:00Z"});
    for waiting in [snapshot(json!({})), status(retried), status(made_it)] {
        let decision = decide(&waiting, &shown(), at("06:00:00"));
        assert_eq!(decision.run, RunAction::ReadPlan);
        let decision = decide(&waiting, &observed(), at("06:00:00"));
        assert!(matches!(decision.run, RunAction::Submit { .. }));
    }
}

#[test]
fn the_plan_is_not_read_where_nothing_is_about_to_begin() {
    let early = status(json!({"phase": "Pending", "attempts": 1, "nextAttempt": "2026-11-23T06:00:30Z"}));
    assert_eq!(decide(&early, &shown(), at("06:00:00")).run, RunAction::None);
    let unlisted = Observed {
        store: Store::Unknown,
        ..shown()
    };
    for idle in [succeeded(), running_here()] {
        assert_ne!(decide(&idle, &unlisted, at("06:00:20")).run, RunAction::ReadPlan);
    }
    let decision = decide(&snapshot(json!({})), &unlisted, at("06:00:00"));
    assert_eq!(decision.run, RunAction::None);
}

#[test]
fn a_plan_that_cannot_be_read_is_said_so_and_nothing_begins_by_an_older_one() {
    let problem = Problem {
        reason: "PlanUnreadable".to_owned(),
        message: "the API server forbids it".to_owned(),
    };
    let unread = Observed {
        plan: Plan::Unread(problem),
        ..observed()
    };
    let decision = decide(&snapshot(json!({})), &unread, at("06:00:00"));
    assert_eq!(decision.run, RunAction::None);
    assert_eq!(decision.status.reason.as_deref(), Some("PlanUnreadable"));
    assert_eq!((decision.status.owner, decision.status.attempts), (None, None));
    assert_eq!(decision.again, Some(at("06:00:10")));
    // An attempt whose Job may be there stays claimed: another one would begin beside it.
    let claimed =
        status(json!({"phase": "Pending", "owner": "pod-b_2", "attempts": 1, "job": "prod-1-attempt-1"}));
    let decision = decide(&claimed, &unread, at("06:00:00"));
    assert_eq!(decision.run, RunAction::None);
    assert_eq!(decision.status.owner.as_deref(), Some("pod-b_2"));
    assert_eq!(
        (decision.status.job.as_deref(), decision.status.attempts),
        (Some("prod-1-attempt-1"), Some(1))
    );
}

#[test]
fn an_edit_of_the_plan_takes_back_a_run_that_waits_and_it_begins_anew() {
    let waiting = status(json!({"phase": "Pending", "owner": ME, "attempts": 2}));
    let mut queued = shown();
    queued.run = Some(Run::Queued { outdated: true });
    let decision = decide(&waiting, &queued, at("06:00:00"));
    assert_eq!(decision.run, RunAction::Forget);
    assert_eq!(
        (decision.status.owner.clone(), decision.status.attempts),
        (None, Some(1))
    );
    let again = decide(&after(waiting, &decision), &observed(), at("06:00:01"));
    assert!(matches!(again.run, RunAction::Submit { attempt: 2, .. }));
}

#[test]
fn an_edit_takes_back_no_attempt_whose_job_may_be_there_and_would_not_be_found_again() {
    let waits = json!({"phase": "Pending", "owner": ME, "attempts": 1, "job": "prod-1-attempt-1"});
    let under_way = json!({"phase": "Running", "owner": ME, "attempts": 1, "job": "prod-1-attempt-1"});
    let in_job = json!({"spec": {"runner": {"type": "Job"}}});
    for (claim, plan, taken_back) in [
        (waits.clone(), in_job.clone(), true),
        (waits, json!({}), false),
        (under_way.clone(), in_job, false),
        (under_way, json!({}), false),
    ] {
        let edited = Observed {
            plan: present(plan),
            run: Some(Run::Queued { outdated: true }),
            ..shown()
        };
        let decision = decide(&status(claim.clone()), &edited, at("06:00:00"));
        assert_eq!(decision.run == RunAction::Forget, taken_back, "{claim}");
        assert_eq!(decision.status.owner.is_none(), taken_back, "{claim}");
    }
}

#[test]
fn what_the_schedule_created_waits_for_as_long_as_the_plan_is_suspended() {
    let suspended = Observed {
        plan: present(json!({"spec": {"suspend": true}})),
        ..observed()
    };
    let failed =
        json!({"status": {"phase": "Pending", "attempts": 1, "nextAttempt": "2026-11-23T05:59:00Z"}});
    for waiting in [by_schedule(json!({})), by_schedule(failed)] {
        let decision = decide(&waiting, &suspended, at("06:00:00"));
        assert_eq!(decision.run, RunAction::None);
        assert_eq!(decision.status.reason.as_deref(), Some(reason::SUSPENDED));
        let resumed = decide(&after(waiting, &decision), &observed(), at("07:00:00"));
        assert!(matches!(resumed.run, RunAction::Submit { .. }));
    }
    // What runs goes on.
    let mut running = suspended;
    running.run = Some(Run::Running {
        started: at("06:00:01"),
        bytes: 0,
        total: None,
        waits: None,
    });
    let under_way =
        json!({"phase": "Running", "owner": ME, "attempts": 1, "startTime": "2026-11-23T06:00:01Z"});
    let decision = decide(
        &by_schedule(json!({"status": under_way})),
        &running,
        at("06:00:05"),
    );
    assert_eq!(decision.run, RunAction::None);
    assert_eq!(decision.status.phase, SnapshotPhase::Running);
}

#[test]
fn a_deleted_snapshot_whose_object_is_in_a_store_named_before_says_what_stays_there() {
    let mut deleted = succeeded();
    deleted.metadata.finalizers = Some(vec!["etcdbackup.dev/cleanup".to_owned()]);
    deleted.metadata.deletion_timestamp = Some(crate::status::time(at("10:00:00")));
    let delete = json!({"spec": {"deletionPolicy": "Delete", "storage": {"s3": {"bucket": "others"}}}});
    let moved = |store, removed| Observed {
        plan: present(delete.clone()),
        store,
        removed,
        ..observed()
    };
    let other = |found| Store::Listed {
        since: at("10:00:02"),
        location: "s3://others/ns/prod/".to_owned(),
        found,
    };
    // The other store has no such run, so to remove it there was no trouble.
    for removed in [false, true] {
        let decision = decide(&deleted, &moved(other(None), removed), at("10:00:03"));
        assert_eq!(decision.metadata, Some(Metadata::RemoveFinalizer));
        assert_eq!(told(&decision), [event::LEFT_IN_STORE]);
        let message = &decision.notes[0].message;
        assert!(
            message.contains("s3://backups/ns/prod/c/r/snapshot.db.zst"),
            "{message}"
        );
    }
    // One that was copied along goes from there.
    let copied = decide(
        &deleted,
        &moved(other(Some(Box::new(stored()))), false),
        at("10:00:03"),
    );
    assert!(copied.remove_stored.is_some() && copied.notes.is_empty());
    // And of one that is where its plan stores nothing is told.
    let here = decide(&deleted, &moved(listed("10:00:02"), true), at("10:00:03"));
    assert_eq!(
        (here.metadata, here.notes.len()),
        (Some(Metadata::RemoveFinalizer), 0)
    );
}
