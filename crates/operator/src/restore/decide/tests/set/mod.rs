//! Where a StatefulSet runs the members.

mod start;
mod stop;

use super::*;
use crate::restore::stateful_set::SetState;

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
