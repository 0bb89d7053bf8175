mod attempt;
mod back;
mod claim;
mod deletion;
mod edited;
mod job;
mod orphan;
mod retry;
mod stored;

use std::sync::Arc;

use chrono::TimeDelta;
use etcd_backup_api::conditions::find;
use etcd_backup_api::{
    EtcdSnapshotStatus, SnapshotEtcd, SnapshotFacts, StoredObject, Verification, Verified,
};
use serde_json::{Value, json};

pub(super) use super::*;
pub(super) use crate::fixtures::{at, plan, snapshot};

pub(super) const ME: &str = "pod-a_1";

pub(super) fn observed() -> Observed {
    Observed {
        plan: present(json!({})),
        just_read: true,
        run: None,
        store: listed("05:00:00"),
        removed: false,
        shown_by: None,
        answered: Answered::At(at("05:00:00")),
        identity: ME.to_owned(),
        stopping: false,
        deletion_timeout: TimeDelta::hours(1),
    }
}

pub(super) fn present(changes: Value) -> Plan {
    Plan::Present {
        plan: Arc::new(plan(changes)),
        problem: None,
    }
}

pub(super) fn listed(time: &str) -> Store {
    Store::Listed {
        since: at(time),
        location: "s3://backups/ns/prod".to_owned(),
        found: None,
    }
}

pub(super) fn listed_with(time: &str) -> Store {
    Store::Listed {
        since: at(time),
        location: "s3://backups/ns/prod".to_owned(),
        found: Some(Box::new(stored())),
    }
}

pub(super) fn stored() -> Stored {
    Stored {
        run_id: "20261123T060000Z-abcdefgh".to_owned(),
        started: at("06:00:01"),
        finished: at("06:00:09"),
        degraded: false,
        corrupt_alarm: false,
        etcd: SnapshotEtcd {
            revision: Some(42),
            ..SnapshotEtcd::default()
        },
        snapshot: SnapshotFacts {
            size: 4096,
            ..SnapshotFacts::default()
        },
        object: StoredObject {
            url: "s3://backups/ns/prod/c/r/snapshot.db.zst".to_owned(),
            ..StoredObject::default()
        },
        verified: Some(Verified {
            level: Verification::Readback,
            time: at("06:00:10"),
        }),
    }
}

/// A snapshot whose status is what `decision` says: what the next look will see.
pub(super) fn after(mut snapshot: EtcdSnapshot, decision: &Decision) -> EtcdSnapshot {
    let written = serde_json::to_value(&decision.status).unwrap();
    snapshot.status = Some(serde_json::from_value(written).unwrap());
    snapshot
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "reads better with json! at the call"
)]
pub(super) fn status(value: Value) -> EtcdSnapshot {
    snapshot(json!({ "status": value }))
}

pub(super) fn running_here() -> EtcdSnapshot {
    status(json!({"phase": "Running", "owner": ME, "attempts": 1, "startTime": "2026-11-23T06:00:01Z"}))
}

pub(super) fn holds(status: &EtcdSnapshotStatus, kind: &str) -> String {
    find(&status.conditions, kind).unwrap().status.clone()
}

pub(super) fn told(decision: &Decision) -> Vec<&'static str> {
    decision.notes.iter().map(|note| note.reason).collect()
}

/// Nothing but the status it has is wanted.
pub(super) fn is_quiet(decision: &Decision, before: &EtcdSnapshot) -> bool {
    let same = serde_json::to_value(&decision.status).unwrap()
        == serde_json::to_value(before.status.as_ref().unwrap()).unwrap();
    same && decision.run == RunAction::None && decision.notes.is_empty() && decision.metadata.is_none()
}

pub(super) fn succeeded() -> EtcdSnapshot {
    let mut observed = observed();
    observed.run = Some(Run::Succeeded(Box::new(stored())));
    let decision = decide(&running_here(), &observed, at("06:00:12"));
    after(running_here(), &decision)
}
