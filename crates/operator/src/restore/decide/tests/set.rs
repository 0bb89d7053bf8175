//! Where a StatefulSet runs the members.

use etcd_backup_api::{EtcdRestore, MemberPhase, RestorePhase};
use serde_json::{Value, json};

use super::{Action, Decision, Observed, found, look, prepared, quiet, with};
use crate::agent::{AgentResult, Step};
use crate::connect::Failure;
use crate::fixtures::{at, restore};
use crate::jobs::seen::JobState;
use crate::restore::stateful_set::SetState;
use crate::restore::{Agreement, Errand};

fn set(replicas: i32, ready: i32, pods: usize) -> SetState {
    SetState {
        namespace: "ns".into(),
        name: "etcd".into(),
        uid: "set".into(),
        replicas,
        ready,
        pods,
        first_ordinal: 0,
        loses_claims: false,
        wal_dir: None,
        templates: vec!["data".into()],
        run_as_user: Some(1001),
        fs_group: None,
    }
}

/// A restore of the two members of a StatefulSet that had two replicas, in this phase since 07:00.
fn object(phase: &str, member: &str, changes: &Value) -> EtcdRestore {
    let object = restore(json!({
        "metadata": {
            "finalizers": ["etcdbackup.dev/cleanup"],
            "annotations": {"etcdbackup.dev/begun-as": "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"},
        },
        "spec": {
            "statefulSet": {"name": "etcd"}, "timeout": "10m",
            "members": [
                {"name": "etcd-0", "peerURLs": ["https://etcd-0:2380"]},
                {"name": "etcd-1", "peerURLs": ["https://etcd-1:2380"]},
            ],
        },
        "status": {
            "phase": phase, "phaseTime": "2026-11-23T07:00:00Z",
            "statefulSet": {"uid": "set", "replicas": 2, "volumeClaimTemplate": "data"},
            "members": [{"name": "etcd-0", "phase": member}, {"name": "etcd-1", "phase": member}],
        },
    }));
    let mut value = json!(object);
    if phase == "Resolving" {
        // Nothing has begun.
        value["metadata"]["annotations"] = json!({});
    }
    for (pointer, change) in changes.as_object().unwrap() {
        *value.pointer_mut(pointer).unwrap() = change.clone();
    }
    serde_json::from_value(value).unwrap()
}

fn plain(phase: &str, member: &str) -> EtcdRestore {
    object(phase, member, &json!({}))
}

fn seen(set: SetState) -> Observed {
    Observed {
        set: Some(Ok(set)),
        ..quiet()
    }
}

fn unseen(failure: Failure) -> Observed {
    Observed {
        set: Some(Err(failure)),
        ..quiet()
    }
}

/// The same, eleven minutes into the phase.
fn late(object: &EtcdRestore, observed: &Observed) -> Decision {
    super::decide(object, observed, at("07:11:00"))
}

fn reason(decision: &Decision) -> &str {
    decision.status.reason.as_deref().unwrap_or_default()
}

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

fn committed() -> Observed {
    let done = || JobState::Complete(Some(AgentResult::Committed { previous: None }));
    Observed {
        set: Some(Ok(set(0, 0, 0))),
        ..with(vec![(Step::Commit, 0, done()), (Step::Commit, 1, done())])
    }
}

#[test]
fn members_in_place_are_started_then_asked() {
    let decision = look(&plain("Committing", "Committing"), &committed());
    assert_eq!(decision.status.phase, RestorePhase::Starting);
    assert_eq!(decision.status.members[0].phase, MemberPhase::Committed);

    let starting = plain("Starting", "Committed");
    let scaling = look(&starting, &seen(set(0, 0, 0)));
    assert_eq!(scaling.actions, [Action::Scale(2)]);
    let half = look(&starting, &seen(set(2, 1, 2)));
    assert_eq!(
        (half.status.phase, reason(&half)),
        (RestorePhase::Starting, "MembersNotReady")
    );
    let ready = look(&starting, &seen(set(2, 2, 2)));
    assert_eq!(
        ready.status.phase,
        RestorePhase::Succeeded,
        "nobody said where to ask"
    );
    let mut asked = starting.clone();
    let etcd = json!({"endpoints": ["https://etcd:2379"]});
    asked.status.as_mut().unwrap().verify = serde_json::from_value(etcd).unwrap();
    let ready = look(&asked, &seen(set(2, 2, 2)));
    assert_eq!(ready.status.phase, RestorePhase::Verifying);
    let never = late(&starting, &seen(set(2, 1, 2)));
    assert_eq!(never.status.phase, RestorePhase::Failed);
    let message = never.status.message.unwrap();
    assert!(
        message.contains("in place") && message.contains("1 of 2 pods"),
        "{message}"
    );
}

#[test]
fn one_that_had_no_replicas_keeps_none() {
    let stopped = object(
        "Committing",
        "Committing",
        &json!({"/status/statefulSet/replicas": 0}),
    );
    let decision = look(&stopped, &committed());
    assert_eq!(decision.status.phase, RestorePhase::Succeeded);
    assert!(decision.actions.is_empty());
}

fn answered(answer: Result<Agreement, Failure>) -> Observed {
    Observed {
        verification: Errand::Done {
            at: at("07:00:00"),
            answer,
        },
        ..quiet()
    }
}

#[test]
fn a_cluster_that_agrees_is_restored_and_one_that_differs_is_not() {
    let verifying = plain("Verifying", "Committed");
    assert_eq!(look(&verifying, &quiet()).actions, [Action::Verify]);
    let agreement = Agreement {
        members: 2,
        revision: 9,
        hash_kv: 7,
        as_restored: true,
        version: "3.6.14".to_owned(),
    };
    let good = look(&verifying, &answered(Ok(agreement)));
    assert_eq!(good.status.phase, RestorePhase::Succeeded);
    assert!(good.status.message.unwrap().contains("HashKV at revision 9 is 7"));

    let starting = || Failure::transient("MemberDown", "x");
    let waiting = look(&verifying, &answered(Err(starting())));
    assert_eq!(
        (waiting.status.phase, reason(&waiting)),
        (RestorePhase::Verifying, "MemberDown")
    );
    assert!(waiting.actions.is_empty(), "it was asked five seconds ago");
    let again = super::decide(&verifying, &answered(Err(starting())), at("07:01:00"));
    assert_eq!(again.actions, [Action::Verify]);
    let never = late(&verifying, &answered(Err(starting())));
    assert_eq!(
        (never.status.phase, reason(&never)),
        (RestorePhase::Failed, "MemberDown")
    );
    let wrong = look(&verifying, &answered(Err(Failure::lasting("DataDiffers", "x"))));
    assert_eq!(
        (wrong.status.phase, reason(&wrong)),
        (RestorePhase::Failed, "DataDiffers")
    );
}
