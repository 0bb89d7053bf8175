//! Plans that are edited while not all is well, or while a run goes.

use serde_json::json;

use super::*;
use crate::events::reason as event;

fn edited(mut plan: EtcdBackup) -> EtcdBackup {
    plan.metadata.generation = plan.metadata.generation.map(|generation| generation + 1);
    plan
}

/// Nobody has asked the store that the plan names.
fn unasked() -> Observed {
    Observed {
        store: None,
        ..healthy()
    }
}

fn unreachable() -> Observed {
    let mut observed = healthy();
    observed.store.as_mut().unwrap().holds = Err(Trouble {
        reason: "StoreUnavailable".to_owned(),
        message: "no route to host".to_owned(),
    });
    observed
}

/// What is told of the answer, after so many edits of which each was looked at before there was any.
fn told_after_edits(edits: usize, before: &Observed, answer: &Observed) -> Vec<&'static str> {
    let fine = seen(plan(json!({})), &healthy(), at("05:00:30"));
    let mut plan = seen(fine, before, at("05:01:00"));
    for _ in 0..edits {
        plan = edited(plan);
        let waits = decide(&plan, &unasked(), at("05:02:00"));
        assert_eq!(says(&waits, "StoreReachable"), pair("Unknown", "Checking"));
        assert_eq!(told(&waits), [""; 0]);
        plan = after(plan, &waits);
    }
    let decision = decide(&plan, answer, at("05:02:05"));
    let plan = after(plan, &decision);
    assert!(
        is_quiet(&decide(&plan, answer, at("05:02:06")), &plan),
        "told once"
    );
    told(&decision)
}

#[test]
fn a_store_that_an_edit_mended_is_told_as_one_that_came_back() {
    for edits in [0, 1, 3] {
        let told = told_after_edits(edits, &unreachable(), &healthy());
        assert_eq!(told, [event::STORE_REACHABLE_AGAIN], "{edits} edits");
    }
    // Nothing came back where nothing was wrong.
    assert_eq!(told_after_edits(1, &healthy(), &healthy()), [""; 0]);
    // What the edit did not mend is told of what it names.
    let told = told_after_edits(1, &unreachable(), &unreachable());
    assert_eq!(told, [event::STORE_UNREACHABLE]);
}

#[test]
fn backups_that_an_edit_made_young_enough_are_told_when_the_store_has_answered() {
    let overdue = seen(plan(json!({})), &healthy(), at("07:00:02"));
    let mut slower = edited(overdue);
    slower.spec.schedule = Some("0 0 * * *".to_owned());
    let waits = decide(&slower, &unasked(), at("07:01:00"));
    assert_eq!(says(&waits, "Fresh"), pair("Unknown", "Checking"));
    let decision = decide(&after(slower, &waits), &healthy(), at("07:01:05"));
    assert_eq!(says(&decision, "Fresh").0, "True");
    assert_eq!(told(&decision), [event::FRESH_AGAIN]);
}

#[test]
fn what_another_store_held_makes_nothing_fresh_however_long_the_new_one_does_not_answer() {
    let plan = edited(seen(plan(json!({})), &healthy(), at("05:01:00")));
    let mut plan = after(plan.clone(), &decide(&plan, &unasked(), at("05:02:00")));
    for time in ["05:02:05", "05:10:00"] {
        let decision = decide(&plan, &unreachable(), at(time));
        assert_eq!(says(&decision, "StoreReachable").0, "False", "{time}");
        assert_eq!(says(&decision, "Fresh"), pair("Unknown", "Checking"), "{time}");
        plan = after(plan, &decision);
    }
    // Nor for the next process.
    let decision = decide(&plan, &unasked(), at("05:11:00"));
    assert_eq!(says(&decision, "Fresh"), pair("Unknown", "Checking"));
    // What a run stored there does, though it is not listed.
    let mut stored = unreachable();
    stored.snapshots.push(shot("05:11:00", SnapshotPhase::Succeeded));
    assert_eq!(says(&decide(&plan, &stored, at("05:12:00")), "Fresh").0, "True");
    assert_eq!(
        says(&decide(&plan, &healthy(), at("05:12:00")), "Fresh").0,
        "True"
    );
}

#[test]
fn an_outage_without_an_edit_leaves_what_is_known_of_the_newest_backup() {
    let plan = seen(plan(json!({})), &healthy(), at("05:01:00"));
    let decision = decide(&plan, &unreachable(), at("05:02:00"));
    assert_eq!(says(&decision, "Fresh").0, "True");
}

#[test]
fn a_run_that_ends_in_the_store_before_counts_for_nothing_in_the_new_one() {
    let keeping = plan(json!({"spec": {"retention": {"keepLast": 1}}}));
    let mut observed = observed();
    let mut late = shot("05:00:30", SnapshotPhase::Succeeded);
    observed.snapshots.push(late.clone());
    let here = decide(&keeping, &observed, at("05:01:00"));
    assert_eq!(here.status.snapshots, Some(1));
    assert!(matches!(here.job, Some(StoreJob::Prune { .. })));
    late.whereabouts = Whereabouts::Elsewhere;
    observed.snapshots = vec![late];
    let elsewhere = decide(&keeping, &observed, at("05:01:00"));
    assert_eq!(elsewhere.status.snapshots, Some(0));
    assert!(elsewhere.status.last_success.is_none());
    assert_eq!(elsewhere.job, None);
    // It was a run of this plan all the same.
    assert_eq!(says(&elsewhere, "LastRunSucceeded").0, "True");
}

#[test]
fn a_store_without_a_backup_that_a_plan_was_given_is_not_overdue_for_the_time_before() {
    let moved = edited(seen(plan(json!({})), &healthy(), at("05:01:00")));
    let mut plan = after(moved.clone(), &decide(&moved, &unasked(), at("05:02:00")));
    // Every six hours, an hour late at most: from the edit on.
    for (time, truth, reason) in [
        ("05:02:05", "Unknown", "NoRunYet"),
        ("06:59:00", "Unknown", "NoRunYet"),
        ("12:01:59", "Unknown", "NoRunYet"),
        ("12:02:01", "False", "Overdue"),
        ("12:10:00", "False", "Overdue"),
    ] {
        let decision = decide(&plan, &observed(), at(time));
        assert_eq!(says(&decision, "Fresh"), pair(truth, reason), "{time}");
        plan = after(plan, &decision);
        if truth == "Unknown" {
            assert!(
                message(&decision, "Fresh").contains("2026-11-23T12:02:00Z"),
                "{time}"
            );
            assert!(is_quiet(&decide(&plan, &observed(), at(time)), &plan), "{time}");
        }
    }
    // What was overdue before stays so, and one that never had any is measured from its creation.
    let never = Observed {
        store: None,
        ..observed()
    };
    let overdue = seen(crate::fixtures::plan(json!({})), &observed(), at("05:01:00"));
    let overdue = edited(overdue);
    let overdue = after(overdue.clone(), &decide(&overdue, &never, at("05:02:00")));
    assert_eq!(
        says(&decide(&overdue, &observed(), at("05:02:05")), "Fresh").0,
        "False"
    );
}

#[test]
fn what_a_deleted_plan_leaves_is_said_to_be_in_the_store_that_was_asked() {
    let deleted = plan(json!({
        "metadata": {
            "deletionTimestamp": "2026-11-23T10:00:00Z", "finalizers": ["etcdbackup.dev/cleanup"],
        },
        "spec": {"deletionPolicy": "Delete"}, "status": {"location": "s3://before/ns/prod"},
    }));
    let left = |observed: &Observed| {
        let decision = decide(&deleted, observed, at("11:00:00"));
        assert_eq!(told(&decision), [event::LEFT_IN_STORE]);
        decision.notes[0].message.clone()
    };
    let asked = left(&unreachable());
    assert!(
        asked.contains("s3://backups/ns/prod") && !asked.contains("s3://before"),
        "{asked}"
    );
    let never = left(&unasked());
    assert!(never.contains("s3://before/ns/prod"), "{never}");
}
