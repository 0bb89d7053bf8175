//! What the status says of runs and of the store.

use etcd_backup_api::AttemptResult;
use serde_json::json;

use super::*;

#[test]
fn the_status_says_what_the_store_holds() {
    let status = decide(&plan(json!({})), &healthy(), at("05:01:00")).status;
    let success = status.last_success.unwrap();
    assert_eq!(
        (success.snapshot.as_str(), success.revision, success.size),
        ("prod-20261123t0000z", 42, 1000)
    );
    assert_eq!(success.time, at("00:00:01"));
    assert_eq!((status.snapshots, status.stored_bytes), (Some(1), Some(400)));
    assert_eq!(
        (status.oldest_snapshot, status.last_verified),
        (Some(at("00:00:01")), Some(at("00:00:09")))
    );
    assert_eq!(status.location.as_deref(), Some("s3://backups/ns/prod"));
    assert_eq!(status.etcd.unwrap().cluster_id, "cdf818194e3a8c32");
    assert_eq!(status.observed_generation, Some(1));
}

#[test]
fn a_healthy_plan_is_ready_and_fresh() {
    let decision = decide(&plan(json!({})), &healthy(), at("05:01:00"));
    for kind in [
        "Accepted",
        "Ready",
        "LastRunSucceeded",
        "Fresh",
        "StoreReachable",
        "RetentionSucceeded",
    ] {
        assert_eq!(says(&decision, kind).0, "True", "{kind}");
    }
    assert!(
        decision
            .status
            .conditions
            .iter()
            .all(|condition| condition.observed_generation == Some(1))
    );
}

#[test]
fn an_idle_plan_is_quiet_and_looks_again_exactly_when_time_changes_something() {
    let observed = healthy();
    let plan = seen(plan(json!({})), &observed, at("05:01:00"));
    let decision = decide(&plan, &observed, at("05:02:00"));
    assert!(is_quiet(&decision, &plan));
    assert_eq!(decision.again, Some(at("06:00:00")));
}

#[test]
fn a_status_edited_by_hand_is_put_right() {
    let observed = healthy();
    let honest = seen(plan(json!({})), &observed, at("05:01:00"));
    let mut edited = honest.clone();
    let status = edited.status.as_mut().unwrap();
    let success = status.last_success.as_mut().unwrap();
    (success.time, success.revision) = (on("2036-01-01", "00:00:00"), 9_999_999);
    (status.snapshots, status.stored_bytes, status.etcd) = (Some(99), None, None);
    let decision = decide(&edited, &observed, at("05:02:00"));
    let json = |status| serde_json::to_value(status).unwrap();
    assert_eq!(json(&decision.status), json(honest.status.as_ref().unwrap()));
}

#[test]
fn before_the_store_was_asked_the_old_status_stands() {
    let plan = seen(plan(json!({})), &healthy(), at("05:01:00"));
    let mut unknown = healthy();
    unknown.store = None;
    let decision = decide(&plan, &unknown, at("05:02:00"));
    assert!(is_quiet(&decision, &plan));
}

#[test]
fn a_run_that_just_ended_counts_before_the_store_is_listed_again() {
    let mut observed = healthy();
    observed
        .snapshots
        .push(shot("05:00:30", SnapshotPhase::Succeeded));
    let status = decide(&plan(json!({})), &observed, at("05:01:00")).status;
    assert_eq!(status.last_success.unwrap().snapshot, "prod-20261123t0500z");
    assert_eq!(status.snapshots, Some(2));
}

#[test]
fn the_newest_is_the_one_taken_last_not_the_one_with_the_highest_revision() {
    let mut observed = healthy();
    let mut restored = backup("04:00:00");
    restored.revision = 7;
    observed.store = Some(store(vec![restored, backup("00:00:00")]));
    let status = decide(&plan(json!({})), &observed, at("05:01:00")).status;
    assert_eq!(status.last_success.unwrap().revision, 7);
}

#[test]
fn an_unverified_backup_is_not_a_success() {
    let mut observed = observed();
    let mut unproved = backup("04:00:00");
    unproved.verified = None;
    observed.store = Some(store(vec![unproved, backup("00:00:00")]));
    let status = decide(&plan(json!({})), &observed, at("05:01:00")).status;
    assert_eq!(status.last_success.unwrap().time, at("00:00:01"));
    assert_eq!(status.snapshots, Some(2));
}

#[test]
fn a_failed_run_is_shown_and_makes_the_plan_not_ready() {
    let mut observed = healthy();
    let mut failed = shot("04:00:00", SnapshotPhase::Failed);
    (failed.reason, failed.message) = (
        Some("NoQuorum".to_owned()),
        Some("two of three are down".to_owned()),
    );
    observed.snapshots.push(failed);
    let decision = decide(&plan(json!({})), &observed, at("05:01:00"));
    assert_eq!(says(&decision, "LastRunSucceeded"), pair("False", "NoQuorum"));
    assert_eq!(says(&decision, "Ready"), pair("False", "NoQuorum"));
    let attempt = decision.status.last_attempt.unwrap();
    assert_eq!(
        (attempt.result, attempt.reason.as_deref()),
        (AttemptResult::Failed, Some("NoQuorum"))
    );
}

/// Objects hold whole seconds, and a run may fail and another succeed within one.
#[test]
fn of_runs_that_ended_in_one_second_the_later_to_begin_is_the_last_and_a_failure_never_hides_a_success() {
    use SnapshotPhase::{Failed, Succeeded};
    // Began and asked for so many seconds before the second in which both ended, and which of them was the last.
    let table = [
        // Nothing but the outcome differs: something was stored in that second.
        ((Failed, 0, 0), (Succeeded, 0, 0), Succeeded),
        // A failure at once, after a success of some seconds: that is how it ended.
        ((Failed, 0, 0), (Succeeded, 3, 3), Failed),
        ((Failed, 3, 3), (Succeeded, 0, 0), Succeeded),
        // Both began in that second, one after the other, as they were asked for.
        ((Failed, 0, 1), (Succeeded, 0, 0), Succeeded),
        ((Failed, 0, 0), (Succeeded, 0, 1), Failed),
    ];
    let ended = at("04:00:00");
    let ran = |time: &str, (phase, began, asked): (SnapshotPhase, i64, i64)| Shot {
        created: ended - TimeDelta::seconds(asked),
        started: Some(ended - TimeDelta::seconds(began)),
        completed: Some(ended),
        slot: None,
        reason: (phase == Failed).then(|| "NoQuorum".to_owned()),
        ..shot(time, phase)
    };
    for (one, other, last) in table {
        // Whichever comes first in the list, and by name.
        for (first, second) in [(one, other), (other, one)] {
            let mut observed = healthy();
            observed
                .snapshots
                .extend([ran("02:00:00", first), ran("03:00:00", second)]);
            observed.store = Some(store(vec![
                backup("00:00:00"),
                backup("02:00:00"),
                backup("03:00:00"),
            ]));
            let decision = decide(&plan(json!({})), &observed, at("05:01:00"));
            let expected = if last == Failed {
                (pair("False", "NoQuorum"), AttemptResult::Failed)
            } else {
                (pair("True", "Succeeded"), AttemptResult::Succeeded)
            };
            let attempt = decision.status.last_attempt.as_ref().unwrap().result;
            let said = (says(&decision, "LastRunSucceeded"), attempt);
            assert_eq!(said, expected, "{first:?}, {second:?}");
            assert_eq!(says(&decision, "Ready").0, said.0.0, "{first:?}, {second:?}");
        }
    }
}

#[test]
fn a_run_under_way_is_the_last_attempt_and_says_nothing_about_the_last_result() {
    let mut observed = healthy();
    observed.snapshots.push(shot("04:00:00", SnapshotPhase::Running));
    let decision = decide(&plan(json!({})), &observed, at("05:01:00"));
    assert_eq!(
        decision.status.last_attempt.as_ref().unwrap().result,
        AttemptResult::Running
    );
    assert_eq!(says(&decision, "LastRunSucceeded").0, "True");
}

#[test]
fn missed_runs_are_counted_since_the_last_success() {
    let observed = healthy();
    let mut plan = seen(plan(json!({})), &observed, at("05:01:00"));
    plan.status.as_mut().unwrap().missed_runs = Some(5);
    assert_eq!(
        decide(&plan, &observed, at("05:02:00")).status.missed_runs,
        Some(5)
    );
    let mut newer = healthy();
    newer.snapshots.push(shot("05:00:00", SnapshotPhase::Succeeded));
    assert_eq!(decide(&plan, &newer, at("05:02:00")).status.missed_runs, Some(0));
}

#[test]
fn looking_twice_changes_nothing() {
    let mut running = healthy();
    running.snapshots.push(shot("04:00:00", SnapshotPhase::Running));
    let mut failed = healthy();
    failed.snapshots.push(shot("04:00:00", SnapshotPhase::Failed));
    for (name, observed) in [
        ("empty", observed()),
        ("healthy", healthy()),
        ("running", running),
        ("failed", failed),
    ] {
        let plan = seen(plan(json!({})), &observed, at("05:01:00"));
        let again = decide(&plan, &observed, at("05:01:01"));
        assert!(is_quiet(&again, &plan), "{name}");
    }
}
