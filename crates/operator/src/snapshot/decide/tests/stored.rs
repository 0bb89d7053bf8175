use etcd_backup_api::conditions::snapshot as kind;
use serde_json::json;

use super::*;
use crate::events::reason as event;

#[test]
fn a_stored_snapshot_that_the_store_confirms_needs_nothing() {
    let mut observed = observed();
    observed.store = listed_with("09:00:00");
    let snapshot = succeeded();
    assert!(is_quiet(&decide(&snapshot, &observed, at("09:00:01")), &snapshot));
}

#[test]
fn an_object_that_is_gone_from_the_store_makes_its_snapshot_missing() {
    let mut observed = observed();
    observed.store = listed("09:00:00");
    let decision = decide(&succeeded(), &observed, at("09:00:01"));
    assert_eq!(decision.status.phase, SnapshotPhase::Missing);
    assert_eq!(holds(&decision.status, kind::COMPLETE), "False");
    assert_eq!(told(&decision), [event::SNAPSHOT_MISSING]);
    assert_eq!(decision.status.run_id, succeeded().status.unwrap().run_id);
}

#[test]
fn a_listing_from_before_the_snapshot_ended_does_not_make_it_missing() {
    let mut observed = observed();
    observed.store = listed("06:00:05");
    let snapshot = succeeded();
    assert!(is_quiet(&decide(&snapshot, &observed, at("06:00:20")), &snapshot));
}

#[test]
fn a_store_that_does_not_answer_makes_nothing_missing() {
    for store in [Store::Unknown, Store::Unreadable] {
        let mut observed = observed();
        observed.store = store;
        let snapshot = succeeded();
        assert!(is_quiet(&decide(&snapshot, &observed, at("09:00:00")), &snapshot));
    }
}

#[test]
fn a_snapshot_in_another_store_is_left_as_it_is() {
    let mut observed = observed();
    observed.store = Store::Listed {
        since: at("09:00:00"),
        location: "s3://new/ns/prod".to_owned(),
        found: None,
    };
    let snapshot = succeeded();
    assert!(is_quiet(&decide(&snapshot, &observed, at("09:00:01")), &snapshot));
}

#[test]
fn a_missing_object_that_comes_back_is_a_snapshot_again() {
    let mut observed = observed();
    observed.store = listed("09:00:00");
    let missing = after(succeeded(), &decide(&succeeded(), &observed, at("09:00:01")));
    observed.store = listed_with("10:00:00");
    let decision = decide(&missing, &observed, at("10:00:01"));
    assert_eq!(decision.status.phase, SnapshotPhase::Succeeded);
    assert_eq!(told(&decision), [event::SNAPSHOT_FOUND_AGAIN]);
}

#[test]
fn a_status_edited_by_hand_is_put_right() {
    let mut observed = observed();
    observed.store = listed_with("09:00:00");
    let mut edited = succeeded();
    let status = edited.status.as_mut().unwrap();
    status.etcd.as_mut().unwrap().revision = Some(999_999);
    status.message = Some("all is well".to_owned());
    let decision = decide(&edited, &observed, at("09:00:01"));
    assert_eq!(
        serde_json::to_value(&decision.status).unwrap(),
        serde_json::to_value(succeeded().status.unwrap()).unwrap()
    );
}

#[test]
fn an_end_in_the_future_protects_nothing() {
    let mut edited = succeeded();
    edited.status.as_mut().unwrap().completion_time = Some(at("23:00:00"));
    let mut observed = observed();
    observed.store = listed("09:00:00");
    assert_eq!(
        decide(&edited, &observed, at("09:00:01")).status.phase,
        SnapshotPhase::Missing
    );
}

#[test]
fn failed_stays_failed() {
    let failed =
        status(json!({"phase": "Failed", "reason": "Stalled", "message": "m", "observedGeneration": 1}));
    for store in [Store::Unknown, listed("09:00:00"), listed_with("09:00:00")] {
        let mut observed = observed();
        observed.store = store;
        let decision = decide(&failed, &observed, at("09:00:01"));
        assert_eq!(decision.status.phase, SnapshotPhase::Failed);
        assert_eq!(decision.run, RunAction::None);
    }
}

fn found() -> EtcdSnapshot {
    snapshot(json!({"metadata": {"annotations": {
        "etcdbackup.dev/trigger": "Catalogue", "etcdbackup.dev/run-id": "20261123T060000Z-abcdefgh"}}}))
}

#[test]
fn a_snapshot_found_in_the_store_is_filled_from_its_manifest_and_never_run() {
    let mut observed = observed();
    observed.store = listed_with("09:00:00");
    let decision = decide(&found(), &observed, at("09:00:01"));
    assert_eq!(
        (decision.status.phase, decision.run),
        (SnapshotPhase::Succeeded, RunAction::None)
    );
    assert!(decision.notes.is_empty());
    for store in [Store::Unknown, Store::Unreadable, listed("09:00:00")] {
        observed.store = store;
        assert_eq!(decide(&found(), &observed, at("09:00:01")).run, RunAction::None);
    }
}

#[test]
fn a_copy_of_one_that_shows_a_run_is_no_snapshot_of_now_and_takes_nothing_along_when_it_is_deleted() {
    let copied = Observed {
        store: listed_with("09:00:00"),
        shown_by: Some("prod-20261123t0600z".to_owned()),
        plan: present(json!({"spec": {"deletionPolicy": "Delete"}})),
        ..observed()
    };
    let mut copy = found();
    copy.metadata.finalizers = Some(vec!["etcdbackup.dev/cleanup".to_owned()]);
    let decision = decide(&copy, &copied, at("09:00:01"));
    assert_eq!(
        (decision.status.phase, decision.run.clone()),
        (SnapshotPhase::Failed, RunAction::None)
    );
    let message = decision.status.message.clone().unwrap_or_default();
    assert!(
        message.contains("prod-20261123t0600z") && message.contains("no snapshot was taken"),
        "{message}"
    );

    let mut deleted = after(copy, &decision);
    deleted.metadata.deletion_timestamp = Some(crate::status::time(at("10:00:00")));
    // The one that it is a copy of may be gone by then, and another one show the run.
    for shown_by in [copied.shown_by.clone(), None] {
        let observed = Observed {
            shown_by,
            ..copied.clone()
        };
        let decision = decide(&deleted, &observed, at("10:00:01"));
        assert_eq!(
            (decision.metadata, decision.remove_stored),
            (Some(Metadata::RemoveFinalizer), None)
        );
    }
}

#[test]
fn a_run_that_the_store_never_had_is_missing() {
    let decision = decide(&found(), &observed(), at("09:00:01"));
    assert_eq!(decision.status.phase, SnapshotPhase::Missing);
}
