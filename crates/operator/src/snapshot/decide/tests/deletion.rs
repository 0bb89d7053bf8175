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

/// A pinned one that was deleted.
fn pinned(at: &str) -> EtcdSnapshot {
    let mut snapshot = deleted(at);
    snapshot.spec.pin = true;
    snapshot
}

/// A plan that is there, under this policy, and what its store holds.
fn under(policy: &str) -> Observed {
    Observed {
        plan: present(json!({"spec": {"deletionPolicy": policy}})),
        ..deleting(listed_with("09:00:00"))
    }
}

#[test]
fn whoever_is_pinned_has_the_finalizer_under_either_policy() {
    for policy in ["Retain", "Delete"] {
        let observed = under(policy);
        let bare = snapshot(json!({"spec": {"pin": true}}));
        let decision = decide(&bare, &observed, at("06:00:00"));
        assert_eq!(decision.metadata, Some(Metadata::AddFinalizer), "{policy}");
        let metadata = json!({"finalizers": ["etcdbackup.dev/cleanup"]});
        let held = snapshot(json!({"spec": {"pin": true}, "metadata": metadata}));
        assert_eq!(
            decide(&held, &observed, at("06:00:00")).metadata,
            None,
            "{policy}"
        );
    }
}

#[test]
fn whoever_is_pinned_stays_under_either_policy_and_says_once_how_it_goes() {
    for policy in ["Retain", "Delete"] {
        let observed = under(policy);
        let snapshot = pinned("10:00:00");
        let decision = decide(&snapshot, &observed, at("10:00:01"));
        assert_eq!(
            (decision.metadata, &decision.remove_stored),
            (None, &None),
            "{policy}"
        );
        assert_eq!(told(&decision), [event::KEPT_PINNED]);
        let message = &decision.notes[0].message;
        for part in [
            "s3://backups/ns/prod/c/r/snapshot.db.zst",
            r#"kubectl patch etcdsnapshot prod-1 --type merge -p '{"spec":{"pin":false}}'"#,
        ] {
            assert!(message.contains(part), "{message}");
        }
        assert_eq!(holds(&decision.status, "DeletionHeld"), "True");
        let later = decide(&after(snapshot, &decision), &observed, at("23:00:00"));
        assert!(
            later.notes.is_empty() && later.metadata.is_none(),
            "a day later it is still there"
        );
    }
}

#[test]
fn once_it_is_unpinned_it_goes_as_the_policy_says() {
    let decision = decide(&pinned("10:00:00"), &under("Retain"), at("10:00:01"));
    let mut unpinned = after(pinned("10:00:00"), &decision);
    unpinned.spec.pin = false;
    let decision = decide(&unpinned, &under("Retain"), at("15:00:00"));
    assert_eq!(
        (decision.metadata, decision.remove_stored),
        (Some(Metadata::RemoveFinalizer), None)
    );
    // Hours later the store has its hour all the same, from then on.
    let decision = decide(&unpinned, &under("Delete"), at("15:00:00"));
    assert!(decision.remove_stored.is_some() && decision.metadata.is_none());
    assert_eq!(decision.again, Some(at("16:00:00")));
    assert_eq!(holds(&decision.status, "DeletionHeld"), "False");
    let unpinned = after(unpinned, &decision);
    let dead = Observed {
        store: Store::Unreadable,
        ..under("Delete")
    };
    assert_eq!(decide(&unpinned, &dead, at("15:59:59")).metadata, None);
    let decision = decide(&unpinned, &dead, at("16:00:00"));
    assert_eq!(decision.metadata, Some(Metadata::RemoveFinalizer));
    assert_eq!(told(&decision), [event::LEFT_IN_STORE]);
}

#[test]
fn a_pin_holds_nobody_who_stored_nothing_or_whose_plan_is_gone() {
    let going = json!({"metadata": {"deletionTimestamp": "2026-11-23T10:00:00Z"}});
    for plan in [Plan::Missing, Plan::Another, present(going.clone())] {
        let observed = Observed {
            plan,
            ..under("Retain")
        };
        let decision = decide(&pinned("10:00:00"), &observed, at("10:00:01"));
        assert_eq!(decision.metadata, Some(Metadata::RemoveFinalizer));
    }
    let mut failed = pinned("10:00:00");
    failed.status = status(json!({"phase": "Failed", "attempts": 3})).status;
    let observed = deleting(listed("05:00:00"));
    assert_eq!(
        decide(&failed, &observed, at("10:00:01")).metadata,
        Some(Metadata::RemoveFinalizer)
    );
    // While the plan still removes what it stored, the pin is read.
    let mut working = going;
    crate::fixtures::merge(
        &mut working,
        json!({"metadata": {"finalizers": ["etcdbackup.dev/cleanup"]}, "spec": {"deletionPolicy": "Delete"}}),
    );
    let observed = Observed {
        plan: present(working),
        ..under("Delete")
    };
    assert_eq!(
        decide(&pinned("10:00:00"), &observed, at("10:00:01")).metadata,
        None
    );
}

#[test]
fn a_pin_holds_what_has_just_been_stored_or_may_have_been() {
    let mut running = running_here();
    running.metadata = pinned("06:00:05").metadata;
    running.spec.pin = true;
    let mut observed = deleting(listed("05:00:00"));
    observed.run = Some(Run::Succeeded(Box::new(stored())));
    let decision = decide(&running, &observed, at("06:00:10"));
    assert_eq!(
        (decision.run.clone(), decision.metadata),
        (RunAction::Forget, None)
    );
    assert_eq!(
        decision.status.run_id.as_deref(),
        Some("20261123T060000Z-abcdefgh")
    );
    observed.run = None;
    let later = decide(&after(running.clone(), &decision), &observed, at("06:00:11"));
    assert_eq!(later.metadata, None);
    // Its operator is gone, and the store has not answered yet.
    observed.store = Store::Unknown;
    assert_eq!(decide(&running, &observed, at("06:00:10")).metadata, None);
    observed.store = listed("06:00:09");
    let decision = decide(&running, &observed, at("06:00:10"));
    assert_eq!(decision.metadata, Some(Metadata::RemoveFinalizer));
}
