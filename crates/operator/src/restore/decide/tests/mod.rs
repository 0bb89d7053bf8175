//! Every way from one phase to the next.

mod begun;
mod commit;
mod prepare;
mod said;
mod set;
mod source;

use etcd_backup_api::conditions::find;
use etcd_backup_api::{EtcdRestore, MemberPhase, RestorePhase};
use serde_json::{Value, json};

use super::{Action, Decision, Observed, decide};
use crate::agent::{AgentResult, Step};
use crate::connect::Failure;
use crate::fixtures::{at, restore};
use crate::jobs::seen::{JobState, Problem};
use crate::jobs::wait::Wait;
use crate::restore::cluster::{SeenJob, Work};
use crate::restore::{Errand, Resolved};

const FINALIZER: &str = "etcdbackup.dev/cleanup";

pub(super) fn quiet() -> Observed {
    Observed {
        refusal: None,
        enabled: true,
        rival: None,
        missing: None,
        source: Errand::Idle,
        work: Ok(Work::default()),
        set: None,
        refused: None,
        verification: Errand::Idle,
    }
}

pub(super) fn found(encrypted: bool) -> Errand<Resolved> {
    let source = json!({
        "url": "s3://b/k", "key": "k", "storage": {"s3": {"bucket": "bbb"}}, "runID": "run-1", "sha256": "",
        "size": 1, "snapshotSize": 1, "snapshotSHA256": "", "revision": 9, "clusterID": "1", "taken": "2026-11-23T06:00:00Z",
        "encrypted": encrypted,
    });
    Errand::Done {
        at: at("07:00:00"),
        answer: Ok(Resolved {
            source: serde_json::from_value(source).unwrap(),
            oldest: 4,
            etcd: None,
            warning: None,
        }),
    }
}

/// A restore of two members in this phase, which every member is in too.
fn object(phase: &str, member: &str) -> EtcdRestore {
    let target = |claim: &str| json!({"persistentVolumeClaim": {"claimName": claim}});
    restore(json!({
        "metadata": {
            "finalizers": [FINALIZER],
            "annotations": {"etcdbackup.dev/begun-as": "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"},
        },
        "spec": {"members": [
            {"name": "m0", "peerURLs": ["https://m0:2380"], "target": target("a")},
            {"name": "m1", "peerURLs": ["https://m1:2380"], "target": target("b")},
        ]},
        "status": {
            "phase": phase,
            "members": [{"name": "m0", "phase": member}, {"name": "m1", "phase": member}],
        },
    }))
}

fn deleted(mut object: EtcdRestore) -> EtcdRestore {
    object.metadata.deletion_timestamp = Some(crate::status::time(at("07:00:00")));
    object
}

pub(super) fn with(jobs: Vec<(Step, usize, JobState)>) -> Observed {
    let jobs = jobs
        .into_iter()
        .map(|(step, index, state)| SeenJob { step, index, state });
    Observed {
        work: Ok(Work {
            jobs: jobs.collect(),
            running: Vec::new(),
        }),
        ..quiet()
    }
}

fn failed() -> JobState {
    JobState::Failed(Problem {
        reason: "NotEnoughSpace".into(),
        message: "the disk is full".into(),
    })
}

pub(super) fn prepared(hash: u32) -> JobState {
    JobState::Complete(Some(AgentResult::Prepared {
        bytes: 5,
        revision: 10,
        hash_kv: Some(hash),
        cluster_id: "c".into(),
        member_id: "d".into(),
        message: None,
    }))
}

pub(super) fn look(object: &EtcdRestore, observed: &Observed) -> Decision {
    decide(object, observed, at("07:00:05"))
}

fn condition(decision: &Decision, kind: &str) -> Value {
    json!(find(&decision.status.conditions, kind).unwrap().status)
}
