use serde_json::json;

use super::*;
use crate::events::reason as event;

fn deleted(at: &str) -> EtcdSnapshot {
    let mut snapshot = succeeded();
    snapshot.metadata.finalizers = Some(vec!["etcdbackup.dev/cleanup".to_owned()]);
    snapshot.metadata.deletion_timestamp = Some(crate::status::time(crate::fixtures::at(at)));
    snapshot
}

fn deleting(store: Store) -> Observed {
    Observed {
        plan: present(json!({"spec": {"deletionPolicy": "Delete"}})),
        store,
        ..observed()
    }
}

#[test]
fn the_finalizer_follows_the_deletion_policy() {
    let mut observed = observed();
    observed.plan = present(json!({"spec": {"deletionPolicy": "Delete"}}));
    let decision = decide(&snapshot(json!({})), &observed, at("06:00:00"));
    assert_eq!(
        (decision.metadata, decision.run),
        (Some(Metadata::AddFinalizer), RunAction::None)
    );
    observed.plan = present(json!({}));
    let held = snapshot(json!({"metadata": {"finalizers": ["etcdbackup.dev/cleanup"]}}));
    assert_eq!(
        decide(&held, &observed, at("06:00:00")).metadata,
        Some(Metadata::RemoveFinalizer)
    );
}

#[test]
fn deleting_with_the_policy_delete_removes_the_object_first() {
    let decision = decide(
        &deleted("10:00:00"),
        &deleting(listed_with("09:00:00")),
        at("10:00:01"),
    );
    assert_eq!(
        decision.remove_stored.as_deref(),
        Some("20261123T060000Z-abcdefgh")
    );
    assert_eq!((decision.metadata, decision.again), (None, Some(at("11:00:00"))));
}

#[test]
fn a_listing_from_before_the_deletion_does_not_prove_the_object_gone() {
    let decision = decide(
        &deleted("10:00:00"),
        &deleting(listed("09:00:00")),
        at("10:00:01"),
    );
    assert!(decision.remove_stored.is_some() && decision.metadata.is_none());
}

#[test]
fn once_the_store_no_longer_has_it_the_snapshot_may_go() {
    let decision = decide(
        &deleted("10:00:00"),
        &deleting(listed("10:00:02")),
        at("10:00:03"),
    );
    assert_eq!(
        (decision.metadata, decision.remove_stored),
        (Some(Metadata::RemoveFinalizer), None)
    );
}

#[test]
fn a_store_that_refuses_to_delete_is_not_asked_again_at_once() {
    let asked = |answered, now| {
        let observed = Observed {
            answered,
            ..deleting(listed_with("09:00:00"))
        };
        decide(&deleted("10:00:00"), &observed, at(now))
            .remove_stored
            .is_some()
    };
    assert!(!asked(Answered::Awaited, "10:00:03"));
    assert!(!asked(Answered::At(at("10:00:02")), "10:00:03"));
    assert!(asked(Answered::At(at("10:00:02")), "10:00:32"));
}

#[test]
fn once_upkeep_has_removed_it_the_snapshot_may_go() {
    let observed = Observed {
        removed: true,
        ..deleting(listed_with("09:00:00"))
    };
    let decision = decide(&deleted("10:00:00"), &observed, at("10:00:03"));
    assert_eq!(decision.metadata, Some(Metadata::RemoveFinalizer));
}

#[test]
fn a_dead_store_does_not_hold_a_deleted_snapshot_for_ever() {
    let observed = deleting(Store::Unreadable);
    let patient = decide(&deleted("10:00:00"), &observed, at("10:59:59"));
    assert_eq!(patient.metadata, None);
    let decision = decide(&deleted("10:00:00"), &observed, at("11:00:00"));
    assert_eq!(decision.metadata, Some(Metadata::RemoveFinalizer));
    assert_eq!(told(&decision), [event::LEFT_IN_STORE]);
    assert!(
        decision.notes[0]
            .message
            .contains("s3://backups/ns/prod/c/r/snapshot.db.zst")
    );
}

#[test]
fn without_its_plan_a_deleted_snapshot_just_goes() {
    let mut observed = deleting(Store::Unknown);
    observed.plan = Plan::Missing;
    assert_eq!(
        decide(&deleted("10:00:00"), &observed, at("10:00:01")).metadata,
        Some(Metadata::RemoveFinalizer)
    );
}

#[test]
fn deleting_a_running_snapshot_ends_its_run() {
    let mut snapshot = running_here();
    snapshot.metadata.deletion_timestamp = Some(crate::status::time(at("06:01:00")));
    snapshot.metadata.finalizers = Some(vec!["etcdbackup.dev/cleanup".to_owned()]);
    let mut observed = deleting(listed("05:00:00"));
    observed.run = Some(Run::Running {
        started: at("06:00:01"),
        bytes: 1,
        total: None,
        waits: None,
    });
    let decision = decide(&snapshot, &observed, at("06:01:01"));
    assert_eq!((decision.run, decision.metadata), (RunAction::Cancel, None));
}

#[test]
fn a_deleted_snapshot_that_stored_nothing_just_goes() {
    let mut snapshot = status(json!({"phase": "Failed"}));
    snapshot.metadata.deletion_timestamp = Some(crate::status::time(at("06:01:00")));
    snapshot.metadata.finalizers = Some(vec!["etcdbackup.dev/cleanup".to_owned()]);
    let decision = decide(&snapshot, &deleting(listed("05:00:00")), at("06:01:01"));
    assert_eq!(decision.metadata, Some(Metadata::RemoveFinalizer));
}
