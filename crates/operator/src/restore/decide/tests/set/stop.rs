//! It is stopped before anything changes, and runs again as before.

use super::*;

#[test]
fn what_the_statefulset_is_like_is_written_down_before_anything_changes() {
    let new = restore(json!({
        "spec": {
            "statefulSet": {"name": "etcd"},
            "members": [
                {"name": "etcd-0", "peerURLs": ["https://etcd-0:2380"], "target": null},
                {"name": "etcd-1", "peerURLs": ["https://etcd-1:2380"]},
            ],
        },
        "status": {"phase": "Resolving"},
    }));
    let observed = Observed {
        source: found(false),
        ..seen(set(2, 2, 2))
    };
    let decision = look(&new, &observed);
    assert_eq!(decision.status.phase, RestorePhase::Preparing);
    let pinned = decision.status.stateful_set.as_ref().unwrap();
    assert_eq!((pinned.replicas, pinned.run_as_user), (2, Some(1001)));
    let target = decision.status.members[1].target.as_deref();
    assert_eq!(target, Some("claim data-etcd-1"));
    assert!(decision.actions.is_empty(), "{:?}", decision.actions);

    let other = Observed {
        source: found(false),
        ..seen(set(3, 3, 3))
    };
    let refused = look(&new, &other);
    assert_eq!(
        (refused.status.phase, reason(&refused)),
        (RestorePhase::Failed, "InvalidSpec")
    );
    let missing = Failure::transient("StatefulSetNotFound", "x");
    let waiting = look(
        &new,
        &Observed {
            source: found(false),
            ..unseen(missing)
        },
    );
    assert_eq!(waiting.status.phase, RestorePhase::Resolving);
}

#[test]
fn no_member_is_prepared_before_the_last_pod_is_gone() {
    let preparing = plain("Preparing", "Pending");
    let running = look(&preparing, &seen(set(2, 2, 2)));
    assert_eq!(running.actions, [Action::Scale(0)]);
    assert_eq!(reason(&running), "StoppingMembers");
    let stopping = look(&preparing, &seen(set(0, 0, 1)));
    assert!(stopping.actions.is_empty() && stopping.again.is_some());
    let stopped = look(&preparing, &seen(set(0, 0, 0)));
    let both = [Action::Create(Step::Prepare, 0), Action::Create(Step::Prepare, 1)];
    assert_eq!(stopped.actions, both);
}

#[test]
fn nothing_is_put_in_place_while_a_pod_is_there_again() {
    let all = vec![(Step::Prepare, 0, prepared(1)), (Step::Prepare, 1, prepared(1))];
    let back = Observed {
        set: Some(Ok(set(2, 0, 1))),
        ..with(all)
    };
    let decision = look(&plain("Preparing", "Preparing"), &back);
    assert_eq!(decision.status.phase, RestorePhase::Preparing);
    assert_eq!(decision.actions, [Action::Scale(0)]);
    let decision = look(&plain("Committing", "Prepared"), &back);
    assert_eq!(decision.actions, [Action::Scale(0)]);
}

#[test]
fn pods_that_do_not_end_are_not_waited_for_for_ever_and_nor_is_another_statefulset() {
    let preparing = plain("Preparing", "Pending");
    let stuck = late(&preparing, &seen(set(0, 0, 1)));
    assert_eq!(
        (stuck.status.phase, reason(&stuck)),
        (RestorePhase::Undoing, "StoppingMembers")
    );
    let other = SetState {
        uid: "another".into(),
        ..set(2, 2, 2)
    };
    let replaced = look(&preparing, &seen(other));
    assert_eq!(replaced.status.phase, RestorePhase::Undoing);
    assert_eq!(reason(&replaced), "StatefulSetReplaced");
    assert!(replaced.actions.is_empty(), "another one is left alone");
}

#[test]
fn what_is_undone_runs_again_as_before() {
    let failure = json!({"reason": "NotEnoughSpace", "message": "the disk is full"});
    let mut undoing = plain("Undoing", "Pending");
    undoing.status.as_mut().unwrap().failure = serde_json::from_value(failure).unwrap();
    let scaling = look(&undoing, &seen(set(0, 0, 0)));
    assert_eq!(scaling.status.phase, RestorePhase::Undoing);
    assert_eq!(scaling.actions, [Action::Scale(2)]);
    let done = look(&undoing, &seen(set(2, 0, 0)));
    assert_eq!(
        (done.status.phase, reason(&done)),
        (RestorePhase::Failed, "NotEnoughSpace")
    );
    let gone = Failure::transient("StatefulSetNotFound", "there is no StatefulSet etcd");
    let never = late(&undoing, &unseen(gone));
    assert_eq!(never.status.phase, RestorePhase::Failed);
    assert!(
        never
            .status
            .message
            .unwrap()
            .contains("scale the StatefulSet back to 2 yourself")
    );
}

#[test]
fn a_statefulset_that_would_lose_its_claims_is_never_scaled_to_none() {
    let losing = || SetState {
        loses_claims: true,
        ..set(2, 2, 2)
    };
    let mut new = plain("Resolving", "Pending");
    new.status.as_mut().unwrap().stateful_set = None;
    let observed = Observed {
        source: found(false),
        ..seen(losing())
    };
    let refused = look(&new, &observed);
    assert_eq!(
        (refused.status.phase, reason(&refused)),
        (RestorePhase::Failed, "ClaimsWouldBeDeleted")
    );
    assert!(refused.actions.is_empty(), "{:?}", refused.actions);

    // Somebody changes it after the restore has begun.
    for (phase, member) in [("Preparing", "Pending"), ("Committing", "Prepared")] {
        let waiting = look(&plain(phase, member), &seen(losing()));
        assert!(waiting.actions.is_empty(), "{phase}: {:?}", waiting.actions);
        assert_eq!(reason(&waiting), "ClaimsWouldBeDeleted");
        assert_eq!(waiting.status.phase.as_str(), phase);
    }
    let given_up = late(&plain("Preparing", "Pending"), &seen(losing()));
    assert_eq!(given_up.status.phase, RestorePhase::Undoing);
}

#[test]
fn members_in_the_claims_of_a_statefulset_and_elsewhere_do_not_share_one() {
    let new = restore(json!({
        "spec": {
            "statefulSet": {"name": "etcd"},
            "members": [
                {"name": "etcd-0", "peerURLs": ["https://etcd-0:2380"], "target": null},
                {
                    "name": "etcd-1", "peerURLs": ["https://etcd-1:2380"],
                    "target": {"persistentVolumeClaim": {"claimName": "data-etcd-4", "subPath": "x"}},
                },
            ],
        },
        "status": {"phase": "Resolving"},
    }));
    let from = |first_ordinal: i32| Observed {
        source: found(false),
        ..seen(SetState {
            first_ordinal,
            ..set(2, 2, 2)
        })
    };
    let refused = look(&new, &from(4));
    assert_eq!(
        (refused.status.phase, reason(&refused)),
        (RestorePhase::Failed, "InvalidSpec")
    );
    let begun = look(&new, &from(0));
    assert_eq!(begun.status.phase, RestorePhase::Preparing);
}
