use serde_json::json;

use super::*;
use crate::events::reason as event;

fn deleted(policy: &str) -> EtcdBackup {
    plan(json!({
        "metadata": {"deletionTimestamp": "2026-11-23T10:00:00Z", "finalizers": ["etcdbackup.dev/cleanup"]},
        "spec": {"deletionPolicy": policy},
    }))
}

fn listed(time: &str, backups: Vec<Backup>) -> Observed {
    let mut said = store(backups);
    (said.at, said.since) = (at(time), at(time));
    Observed {
        store: Some(said),
        ..observed()
    }
}

#[test]
fn the_finalizer_is_there_exactly_for_the_policy_delete() {
    let wants = |policy: &str| {
        decide(
            &plan(json!({"spec": {"deletionPolicy": policy}})),
            &observed(),
            at("05:01:00"),
        )
    };
    assert_eq!(wants("Delete").finalizer, Some(Finalizer::Add));
    assert!(wants("Delete").create.is_empty(), "it comes first and alone");
    assert_eq!(wants("Retain").finalizer, None);
    let held = plan(json!({"metadata": {"finalizers": ["etcdbackup.dev/cleanup"]}}));
    assert_eq!(
        decide(&held, &observed(), at("05:01:00")).finalizer,
        Some(Finalizer::Remove)
    );
}

#[test]
fn deleting_removes_everything_and_then_lets_the_plan_go() {
    let full = decide(
        &deleted("Delete"),
        &listed("09:00:00", vec![backup("06:00:00")]),
        at("10:00:01"),
    );
    assert_eq!((full.job, full.finalizer), (Some(StoreJob::DeleteAll), None));
    let empty = decide(&deleted("Delete"), &listed("10:00:05", vec![]), at("10:00:06"));
    assert_eq!((empty.job, empty.finalizer), (None, Some(Finalizer::Remove)));
}

#[test]
fn a_listing_from_before_the_deletion_proves_nothing() {
    let decision = decide(&deleted("Delete"), &listed("09:59:59", vec![]), at("10:00:01"));
    assert_eq!(
        (decision.job, decision.finalizer),
        (Some(StoreJob::DeleteAll), None)
    );
}

/// Objects hold whole seconds: a listing of the second in which a deletion was asked for, or a run ended, may be from before.
#[test]
fn a_listing_of_the_same_second_proves_nothing_and_another_is_asked_for_when_it_is_over() {
    let mut observed = listed("10:00:00", vec![]);
    let now = |observed: &Observed, time: &str| {
        let decision = decide(&deleted("Delete"), observed, at(time));
        (decision.job, decision.finalizer, decision.again)
    };
    assert_eq!(now(&observed, "10:00:00"), (None, None, Some(at("10:00:01"))));
    assert_eq!(
        now(&observed, "10:00:01"),
        (Some(StoreJob::DeleteAll), None, Some(at("11:00:00")))
    );
    observed.store.as_mut().unwrap().since = at("10:00:01");
    assert_eq!(now(&observed, "10:00:02").1, Some(Finalizer::Remove));
    observed.snapshots.push(Shot {
        completed: Some(at("10:00:01")),
        ..shot("06:00:00", SnapshotPhase::Succeeded)
    });
    assert_eq!(
        now(&observed, "10:00:02").0,
        Some(StoreJob::DeleteAll),
        "it ended in that second"
    );
}

#[test]
fn a_run_under_way_is_waited_for() {
    let mut observed = listed("10:00:05", vec![]);
    observed.snapshots.push(shot("06:00:00", SnapshotPhase::Running));
    let decision = decide(&deleted("Delete"), &observed, at("10:00:06"));
    assert_eq!(decision.finalizer, None);
    assert_eq!(decision.wake, ["prod-20261123t0600z"]);
}

#[test]
fn a_store_that_refuses_is_asked_again_after_a_pause() {
    let mut observed = listed("10:00:05", vec![backup("06:00:00")]);
    observed.store.as_mut().unwrap().deleted = Some(at("10:00:05"));
    let decision = decide(&deleted("Delete"), &observed, at("10:00:06"));
    assert_eq!((decision.job, decision.again), (None, Some(at("10:00:35"))));
    assert_eq!(
        decide(&deleted("Delete"), &observed, at("10:00:35")).job,
        Some(StoreJob::DeleteAll)
    );
}

#[test]
fn a_listing_after_the_deletion_is_no_refusal() {
    let observed = listed("10:00:05", vec![backup("06:00:00")]);
    let decision = decide(&deleted("Delete"), &observed, at("10:00:06"));
    assert_eq!(decision.job, Some(StoreJob::DeleteAll));
}

#[test]
fn a_listing_after_a_refusal_does_not_put_off_the_next_question() {
    let mut observed = listed("10:00:30", vec![backup("06:00:00")]);
    observed.store.as_mut().unwrap().deleted = Some(at("10:00:05"));
    let decision = decide(&deleted("Delete"), &observed, at("10:00:31"));
    assert_eq!((decision.job, decision.again), (None, Some(at("10:00:35"))));
    let decision = decide(&deleted("Delete"), &observed, at("10:00:35"));
    assert_eq!(decision.job, Some(StoreJob::DeleteAll));
}

#[test]
fn a_dead_store_does_not_hold_a_deleted_plan_for_ever() {
    let mut observed = listed("10:30:00", vec![]);
    let trouble = Trouble {
        reason: "StoreUnavailable".to_owned(),
        message: "connection refused".to_owned(),
    };
    observed.store.as_mut().unwrap().holds = Err(trouble);
    assert_eq!(
        decide(&deleted("Delete"), &observed, at("10:59:59")).finalizer,
        None
    );
    let decision = decide(&deleted("Delete"), &observed, at("11:00:00"));
    assert_eq!(decision.finalizer, Some(Finalizer::Remove));
    assert_eq!(told(&decision), [event::LEFT_IN_STORE]);
    assert!(decision.notes[0].message.contains("connection refused"));
}

#[test]
fn what_is_left_is_told_with_the_time_of_the_listing_that_shows_it() {
    let left = |observed: &Observed| {
        let decision = decide(&deleted("Delete"), observed, at("11:00:00"));
        assert_eq!(told(&decision), [event::LEFT_IN_STORE]);
        decision.notes[0].message.clone()
    };
    let mut before = listed("09:30:00", vec![backup("00:00:00"), backup("06:00:00")]);
    let mut after = listed("10:30:00", vec![backup("06:00:00")]);
    after.store.as_mut().unwrap().holds.as_mut().unwrap().broken = Some((3, "cut off".to_owned()));
    let never = Observed {
        store: None,
        ..observed()
    };
    for (observed, words) in [
        (
            &before,
            "2 snapshots by its listing of 2026-11-23T09:30:00Z, and it has not answered since. Delete",
        ),
        (
            &after,
            "1 snapshots and 3 whose manifests are broken by its listing of 2026-11-23T10:30:00Z. Delete",
        ),
        (&never, "whatever it held, for it has not answered. Delete"),
    ] {
        let message = left(observed);
        assert!(message.contains(words), "{message}");
    }
    before.store.as_mut().unwrap().holds = Err(Trouble {
        reason: "PermissionDenied".to_owned(),
        message: "listing is denied".to_owned(),
    });
    let message = left(&before);
    let words = "could not be listed at 2026-11-23T09:30:00Z: PermissionDenied: listing is denied. Delete";
    assert!(message.contains(words), "{message}");
}

#[test]
fn with_the_policy_retain_a_plan_goes_at_once_and_nothing_is_removed() {
    let decision = decide(
        &deleted("Retain"),
        &listed("09:00:00", vec![backup("06:00:00")]),
        at("10:00:01"),
    );
    assert_eq!(
        (decision.job, decision.finalizer),
        (None, Some(Finalizer::Remove))
    );
}

#[test]
fn a_plan_on_its_way_out_creates_nothing() {
    let mut plan = deleted("Delete");
    plan.metadata.finalizers = None;
    let decision = decide(
        &plan,
        &listed("09:00:00", vec![backup("06:00:00")]),
        at("12:00:00"),
    );
    assert!(decision.create.is_empty() && decision.job.is_none());
}

#[test]
fn what_is_pinned_stays_when_the_plan_goes_and_is_told() {
    let mut observed = listed("10:00:05", vec![backup("00:00:00"), backup("06:00:00")]);
    observed.snapshots = vec![
        Shot {
            pinned: true,
            ..shot("00:00:00", SnapshotPhase::Succeeded)
        },
        shot("06:00:00", SnapshotPhase::Succeeded),
    ];
    let decision = decide(&deleted("Delete"), &observed, at("10:00:06"));
    assert_eq!(
        (decision.job, decision.finalizer),
        (Some(StoreJob::DeleteAll), None),
        "the other one goes"
    );
    let holds = observed.store.as_mut().unwrap().holds.as_mut().unwrap();
    holds.backups.truncate(1);
    let decision = decide(&deleted("Delete"), &observed, at("10:00:10"));
    assert_eq!(
        (decision.job.clone(), decision.finalizer),
        (None, Some(Finalizer::Remove))
    );
    assert_eq!(told(&decision), [event::LEFT_IN_STORE]);
    let message = &decision.notes[0].message;
    assert!(
        message.contains("1 snapshots stay at s3://backups/ns/prod, because they are pinned"),
        "{message}"
    );
}
