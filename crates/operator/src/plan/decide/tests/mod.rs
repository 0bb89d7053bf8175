mod catalogue;
mod checking;
mod conditions;
mod deletion;
mod dry_run;
mod edited;
mod freshness;
mod pruned;
mod retention;
mod schedule;
mod status;
mod store;

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use etcd_backup_api::conditions::find;
use etcd_backup_api::{EtcdBackup, SnapshotPhase};
use serde_json::{Value, json};

use super::*;
pub(super) use crate::fixtures::{at, on, plan};
use crate::plan::timing::Trouble;

/// A plan with nothing yet, whose empty store was listed at 05:00.
pub(super) fn observed() -> Observed {
    Observed {
        store: Some(store(vec![])),
        etcd: Some(Ok(())),
        resync: TimeDelta::days(30),
        deletion_timeout: TimeDelta::hours(1),
        ..Observed::default()
    }
}

/// A plan with one good backup of midnight.
pub(super) fn healthy() -> Observed {
    let mut observed = observed();
    observed
        .snapshots
        .push(shot("00:00:00", SnapshotPhase::Succeeded));
    observed.store = Some(store(vec![backup("00:00:00")]));
    observed
}

/// What a store said that was listed a minute before 05:00.
pub(super) fn store(backups: Vec<Backup>) -> StoreView {
    let holds = Holdings {
        location: "s3://backups/ns/prod".to_owned(),
        backups,
        broken: None,
    };
    StoreView {
        at: at("05:00:00"),
        since: at("04:59:00"),
        place: Some("s3://backups/ns/prod".to_owned()),
        holds: Ok(holds),
        retention: None,
        deleted: None,
    }
}

/// A verified backup of the slot at `time`.
pub(super) fn backup(time: &str) -> Backup {
    let slot = at(time);
    Backup {
        run_id: format!("{}-abcdefgh", slot.format("%Y%m%dT%H%M%SZ")),
        slot: Some(slot),
        taken: slot + TimeDelta::seconds(1),
        verified: Some(slot + TimeDelta::seconds(9)),
        revision: 42,
        size: 1000,
        stored: 400,
        cluster_id: "cdf818194e3a8c32".to_owned(),
        version: Some("3.6.4".to_owned()),
        members: None,
    }
}

/// The EtcdSnapshot of the slot at `time`.
pub(super) fn shot(time: &str, phase: SnapshotPhase) -> Shot {
    let slot = at(time);
    let ended = phase.is_terminal().then(|| slot + TimeDelta::seconds(9));
    let stored = matches!(phase, SnapshotPhase::Succeeded | SnapshotPhase::Missing).then(|| backup(time));
    Shot {
        name: naming::for_slot("prod", slot),
        phase,
        reason: None,
        message: None,
        slot: Some(slot),
        found: false,
        run_id: stored.as_ref().map(|stored| stored.run_id.clone()),
        created: slot,
        started: (phase != SnapshotPhase::Pending).then(|| slot + TimeDelta::seconds(1)),
        completed: ended,
        pinned: false,
        deleting: false,
        whereabouts: Whereabouts::Here,
        backup: stored,
        missing: None,
    }
}

/// The plan with the status that `decision` writes: what the next look will see.
pub(super) fn after(mut plan: EtcdBackup, decision: &Decision) -> EtcdBackup {
    let written = serde_json::to_value(&decision.status).unwrap();
    plan.status = Some(serde_json::from_value(written).unwrap());
    plan
}

/// What is asked of the store.
pub(super) fn asked(plan: &EtcdBackup, observed: &Observed, now: &str) -> Option<StoreJob> {
    decide(plan, observed, at(now)).job
}

/// A plan that keeps the last two.
pub(super) fn keeping(changes: Value) -> EtcdBackup {
    let mut plan = plan(changes);
    plan.spec.retention = Some(serde_json::from_value(json!({"keepLast": 2})).unwrap());
    plan
}

/// What retention of 05:00 has removed, or would have.
pub(super) fn pruning(removed: &[&str], dry_run: bool) -> Pruning {
    let removed = removed.iter().map(|time| etcd_backup_api::RetentionCandidate {
        run_id: backup(time).run_id,
        why: "no rule keeps it".to_owned(),
    });
    Pruning {
        at: at("05:00:00"),
        dry_run,
        kept: 1,
        removed: removed.collect(),
        ..Pruning::default()
    }
}

/// Names of the snapshots that are created.
pub(super) fn created(decision: &Decision) -> Vec<&str> {
    decision.create.iter().map(|new| new.name.as_str()).collect()
}

pub(super) fn told(decision: &Decision) -> Vec<&'static str> {
    decision.notes.iter().map(|note| note.reason).collect()
}

/// Truth and reason of a condition.
pub(super) fn says(decision: &Decision, kind: &str) -> (String, String) {
    let condition = find(&decision.status.conditions, kind).unwrap();
    (condition.status.clone(), condition.reason.clone())
}

pub(super) fn message(decision: &Decision, kind: &str) -> String {
    find(&decision.status.conditions, kind).unwrap().message.clone()
}

pub(super) fn pair(truth: &str, reason: &str) -> (String, String) {
    (truth.to_owned(), reason.to_owned())
}

/// Whether `decision` wants nothing written, created, deleted or told.
pub(super) fn is_quiet(decision: &Decision, plan: &EtcdBackup) -> bool {
    let json = |status| serde_json::to_value(status).unwrap();
    json(Some(&decision.status)) == json(plan.status.as_ref())
        && decision.create.is_empty()
        && decision.delete.is_empty()
        && decision.notes.is_empty()
        && decision.finalizer.is_none()
}

pub(super) fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// A plan that was looked at before, at `now`.
pub(super) fn seen(plan: EtcdBackup, observed: &Observed, now: DateTime<Utc>) -> EtcdBackup {
    let decision = decide(&plan, observed, now);
    after(plan, &decision)
}
