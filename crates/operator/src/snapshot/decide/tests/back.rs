//! Objects that come back without their status: from a backup of the cluster's objects, or from YAML.

use serde_json::json;

use super::*;
use crate::fixtures;
use crate::snapshot::Identity;

/// One that somebody asked for, as such a backup brings it back: with its labels, without its owner.
fn asked(changes: Value) -> EtcdSnapshot {
    let mut object = json!({"metadata": {
        "uid": "another", "ownerReferences": null,
        "labels": {"etcdbackup.dev/plan": "prod", "etcdbackup.dev/plan-uid": "an-earlier-plan"},
        "annotations": {"etcdbackup.dev/trigger": "Manual"},
    }});
    fixtures::merge(&mut object, changes);
    snapshot(object)
}

/// One of a slot that was three weeks ago, made again from its YAML while its plan is there.
fn scheduled() -> EtcdSnapshot {
    snapshot(json!({"metadata": {"annotations": {
        "etcdbackup.dev/trigger": "Schedule", "etcdbackup.dev/scheduled-time": "2026-11-02T06:00:00Z",
    }}}))
}

#[test]
fn what_comes_back_is_not_taken_anew_and_shows_what_the_store_has() {
    for object in [asked(json!({})), scheduled()] {
        let mut observed = observed();
        let decision = decide(&object, &observed, at("06:10:00"));
        assert_eq!(decision.status.phase, SnapshotPhase::Failed);
        assert_eq!(decision.status.reason.as_deref(), Some("Copied"));
        assert_eq!((decision.run, decision.metadata), (RunAction::None, None));
        observed.store = listed_with("06:00:00");
        let decision = decide(&object, &observed, at("06:10:00"));
        assert_eq!(decision.status.phase, SnapshotPhase::Succeeded);
        assert_eq!(
            decision.status.run_id.as_deref(),
            Some("20261123T060000Z-abcdefgh")
        );
        assert!(told(&decision).is_empty(), "nothing happened now");
    }
}

#[test]
fn it_waits_until_the_store_was_listed_and_becomes_its_plans_afterwards() {
    let mut observed = observed();
    observed.store = Store::Unknown;
    let decision = decide(&asked(json!({})), &observed, at("06:10:00"));
    assert_eq!(decision.status.phase, SnapshotPhase::Pending);
    assert_eq!((&decision.run, decision.metadata), (&RunAction::None, None));
    observed.store = listed_with("06:00:00");
    let waited = after(asked(json!({})), &decision);
    let shown = after(waited.clone(), &decide(&waited, &observed, at("06:10:00")));
    let decision = decide(&shown, &observed, at("06:10:01"));
    assert_eq!(decision.metadata, Some(Metadata::Adopt));
}

#[test]
fn what_a_person_or_the_schedule_asks_for_now_is_taken() {
    let by_hand = snapshot(json!({"metadata": {"ownerReferences": null}}));
    assert_eq!(
        decide(&by_hand, &observed(), at("06:10:00")).metadata,
        Some(Metadata::Adopt)
    );
    let late = snapshot(json!({"metadata": {"annotations": {
        "etcdbackup.dev/trigger": "Schedule", "etcdbackup.dev/scheduled-time": "2026-11-23T05:00:00Z",
    }}}));
    let decision = decide(&late, &observed(), at("06:10:00"));
    assert!(matches!(decision.run, RunAction::Submit { .. }), "{decision:?}");
}

#[test]
fn the_manifest_of_one_that_comes_back_is_found_by_its_name() {
    let manifest = fixtures::manifest(Some(("prod-1", "snapshot-uid")));
    assert!(Identity::of(&asked(json!({}))).is(&manifest));
    assert!(!Identity::of(&asked(json!({"metadata": {"name": "prod-2"}}))).is(&manifest));
    let new = snapshot(json!({"metadata": {"uid": "another", "ownerReferences": null}}));
    assert!(!Identity::of(&new).is(&manifest), "another one of the same name");
}
