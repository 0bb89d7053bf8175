//! When retention runs.

use etcd_backup_api::RetentionStatus;
use etcd_backup_backup::retention::{Candidate, Standing};
use serde_json::json;

use super::*;

fn prune() -> StoreJob {
    StoreJob::Prune {
        dry_run: false,
        missing: Vec::new(),
    }
}

#[test]
fn retention_runs_right_after_a_success() {
    let mut observed = observed();
    observed
        .snapshots
        .push(shot("06:00:00", SnapshotPhase::Succeeded));
    assert_eq!(asked(&keeping(json!({})), &observed, "06:00:10"), Some(prune()));
    observed.asking = true;
    assert_eq!(asked(&keeping(json!({})), &observed, "06:00:10"), None);
}

#[test]
fn a_success_without_retention_is_only_listed() {
    let mut observed = observed();
    observed
        .snapshots
        .push(shot("06:00:00", SnapshotPhase::Succeeded));
    assert_eq!(
        asked(&plan(json!({})), &observed, "06:00:10"),
        Some(StoreJob::Sync)
    );
}

#[test]
fn retention_does_not_run_without_a_success_however_the_policy_changes() {
    let mut observed = observed();
    observed
        .snapshots
        .push(shot("00:00:00", SnapshotPhase::Succeeded));
    observed.store = Some(store(vec![backup("00:00:00")]));
    assert_eq!(asked(&keeping(json!({})), &observed, "05:01:00"), None);
    observed.snapshots.push(shot("04:59:30", SnapshotPhase::Failed));
    assert_eq!(asked(&keeping(json!({})), &observed, "05:01:00"), None);
}

#[test]
fn retention_that_ran_after_the_success_does_not_run_again() {
    let mut observed = observed();
    observed
        .snapshots
        .push(shot("06:00:00", SnapshotPhase::Succeeded));
    let mut said = store(vec![backup("06:00:00")]);
    (said.at, said.since) = (at("06:00:11"), at("05:00:00"));
    said.retention = Some(Ok(Pruning {
        at: at("06:00:11"),
        kept: 1,
        ..Pruning::default()
    }));
    observed.store = Some(said);
    assert_eq!(asked(&keeping(json!({})), &observed, "06:00:12"), None);
}

#[test]
fn a_success_in_the_same_second_as_the_last_retention_counts_as_later_when_it_was() {
    let pruned = |at| {
        let mut said = store(vec![backup("06:00:00")]);
        // The status says 06:00:09: it leaves out what is less than a second.
        said.holds.as_mut().unwrap().backups[0].verified = Some(at_millisecond(500));
        (said.at, said.since) = (at, self::at("05:00:00"));
        said.retention = Some(Ok(Pruning {
            at,
            kept: 1,
            ..Pruning::default()
        }));
        let mut observed = observed();
        observed
            .snapshots
            .push(shot("06:00:00", SnapshotPhase::Succeeded));
        observed.store = Some(said);
        asked(&keeping(json!({})), &observed, "06:00:10")
    };
    assert_eq!(pruned(at_millisecond(300)), Some(prune()));
    assert_eq!(pruned(at_millisecond(700)), None);
}

/// So many milliseconds after 06:00:09.
fn at_millisecond(milliseconds: i64) -> DateTime<Utc> {
    at("06:00:09") + TimeDelta::milliseconds(milliseconds)
}

#[test]
fn a_success_that_the_listing_of_the_last_retention_lacks_is_pruned_after() {
    let mut observed = observed();
    observed
        .snapshots
        .push(shot("06:00:00", SnapshotPhase::Succeeded));
    let mut said = store(vec![]);
    (said.at, said.since) = (at("06:00:20"), at("06:00:05"));
    said.retention = Some(Ok(Pruning {
        at: at("06:00:20"),
        ..Pruning::default()
    }));
    observed.store = Some(said);
    assert_eq!(asked(&keeping(json!({})), &observed, "06:00:21"), Some(prune()));
}

#[test]
fn retention_that_the_process_before_us_did_not_get_to_is_made_up_for() {
    let mut observed = observed();
    observed
        .snapshots
        .push(shot("00:00:00", SnapshotPhase::Succeeded));
    observed.store = Some(store(vec![backup("00:00:00")]));
    let mut plan = keeping(json!({}));
    let before = RetentionStatus {
        time: at("00:00:00"),
        kept: 1,
        removed: 0,
        locked: 0,
        refused: 0,
        dry_run: false,
        would_remove: vec![],
        held: None,
    };
    plan.status = Some(etcd_backup_api::EtcdBackupStatus {
        retention: Some(before),
        ..Default::default()
    });
    assert_eq!(asked(&plan, &observed, "05:01:00"), Some(prune()));
}

#[test]
fn retention_that_failed_waits_for_the_next_success_and_backups_go_on() {
    let mut observed = observed();
    observed
        .snapshots
        .push(shot("04:00:00", SnapshotPhase::Succeeded));
    let mut said = store(vec![backup("04:00:00")]);
    let denied = Trouble {
        reason: "PermissionDenied".to_owned(),
        message: "delete is denied".to_owned(),
    };
    said.retention = Some(Err(denied));
    observed.store = Some(said);
    let plan = seen(keeping(json!({})), &observed, at("05:01:00"));
    let decision = decide(&plan, &observed, at("06:00:00"));
    assert_eq!(
        says(&decision, "RetentionSucceeded"),
        pair("False", "PermissionDenied")
    );
    assert_eq!(says(&decision, "Ready").0, "True");
    assert_eq!(
        (decision.job.clone(), created(&decision)),
        (None, vec!["prod-20261123t0600z"])
    );
}

#[test]
fn what_the_store_has_no_more_is_named_to_retention_unless_somebody_pinned_it() {
    let candidate = |time: &str| Candidate {
        id: backup(time).run_id.parse().unwrap(),
        time: at(time),
        generation: "00000000000000a1".parse().unwrap(),
        standing: Standing::Verified,
        pinned: false,
        in_use: false,
        lock: None,
        size: 1,
        revision: 1,
        degraded: false,
        suspect: false,
    };
    let gone = |time: &str| Shot {
        missing: Some(candidate(time)),
        ..shot(time, SnapshotPhase::Missing)
    };
    let mut observed = observed();
    let pinned = Shot {
        pinned: true,
        ..gone("01:00:00")
    };
    let deleting = Shot {
        deleting: true,
        ..gone("02:00:00")
    };
    observed.snapshots = vec![
        gone("00:00:00"),
        pinned,
        deleting,
        shot("06:00:00", SnapshotPhase::Succeeded),
    ];
    let Some(StoreJob::Prune { missing, .. }) = asked(&keeping(json!({})), &observed, "06:00:10") else {
        panic!("no retention")
    };
    assert_eq!(missing, [candidate("00:00:00")]);
}

#[test]
fn a_store_that_keeps_failing_is_not_asked_in_a_loop() {
    let mut observed = observed();
    observed
        .snapshots
        .push(shot("04:59:30", SnapshotPhase::Succeeded));
    let denied = Trouble {
        reason: "InvalidCredentials".to_owned(),
        message: "no".to_owned(),
    };
    observed.store.as_mut().unwrap().holds = Err(denied);
    let plan = seen(keeping(json!({})), &observed, at("05:00:01"));
    assert_eq!(asked(&plan, &observed, "05:00:02"), None);
    assert!(asked(&plan, &observed, "05:04:00").is_some());
}

#[test]
fn an_end_in_the_future_asks_for_nothing() {
    let mut observed = observed();
    let mut edited = shot("04:00:00", SnapshotPhase::Succeeded);
    edited.completed = Some(on("2036-01-01", "00:00:00"));
    observed.snapshots.push(edited);
    assert_eq!(asked(&keeping(json!({})), &observed, "05:01:00"), None);
}
