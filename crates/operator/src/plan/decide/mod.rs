//! What is to become of a plan. Pure: what it needs to know is handed in, what it wants is handed back.
//!
//! A waiting plan is a decision, an invalid specification is a decision, a store that does not answer is one
//! too. So every bug report about a plan is a line in a table of tests.

mod catalogue;
mod conditions;
mod deletion;
mod demand;
mod due;
mod freshness;
mod naming;
mod notes;
mod pruned;
mod status;
mod store;
#[cfg(test)]
mod tests;
mod view;

use chrono::{DateTime, Utc};
use etcd_backup_api::{DeletionPolicy, EtcdBackup, labels};
use kube::ResourceExt;

use crate::drill::decide as drill;
use crate::plan::timing::Timing;

pub use due::Slots;
pub use freshness::promised_interval;
pub use store::{is_dry_run, spec_changed};
pub use view::{
    Backup, Decision, Finalizer, Holdings, NewSnapshot, Observed, Origin, Pruning, Shot, StoreJob, StoreView,
    Whereabouts,
};

/// Decides about `plan` at `now`.
pub fn decide(plan: &EtcdBackup, observed: &Observed, now: DateTime<Utc>) -> Decision {
    if plan.metadata.deletion_timestamp.is_some() {
        return deletion::decide(plan, observed, now);
    }
    if let Some(finalizer) = wanted_finalizer(plan) {
        let status = plan.status.clone().unwrap_or_default();
        return Decision {
            finalizer: Some(finalizer),
            status,
            ..Decision::default()
        };
    }
    let timing = Timing::of(plan).and_then(|timing| observed.refused.clone().map_or(Ok(timing), Err));
    let slots = match &timing {
        Ok(timing) => due::slots(plan, timing, &observed.snapshots, now),
        Err(_) => Slots::default(),
    };
    let mut decision = Decision {
        create: catalogue::to_create(&plan.name_any(), observed),
        delete: catalogue::to_delete(observed),
        wake: catalogue::to_wake(observed),
        job: store::job(plan, observed, now),
        ..Decision::default()
    };
    let more_to_create = decision.create.len() == catalogue::MOST_CREATED_AT_ONCE;
    if timing.is_ok() {
        take_slot(plan, observed, &slots, &mut decision);
        demand::take(plan, observed, &mut decision);
    }
    decision.drill = drill::decide(plan, timing.as_ref().ok(), &observed.drill, now);
    let restorable = decision.drill.verdict.clone();
    let judged = status::Judged::of(plan, &timing, observed, &slots, restorable, now);
    decision.status = status::write(plan, observed, &slots, &judged, &decision, now);
    decision.notes = notes::about(plan, observed, &slots, &decision, judged.caution.as_deref());
    decision.again = if more_to_create {
        Some(now)
    } else {
        next_look(plan, observed, &slots, &judged, decision.drill.again, now)
    };
    decision
}

fn wanted_finalizer(plan: &EtcdBackup) -> Option<Finalizer> {
    let held = plan.finalizers().iter().any(|name| name == labels::FINALIZER);
    match plan.spec.deletion_policy {
        DeletionPolicy::Delete if !held => Some(Finalizer::Add),
        DeletionPolicy::Retain if held => Some(Finalizer::Remove),
        DeletionPolicy::Delete | DeletionPolicy::Retain => None,
    }
}

/// Creates the snapshot of a slot that is due, unless its name belongs to somebody else.
fn take_slot(plan: &EtcdBackup, observed: &Observed, slots: &Slots, decision: &mut Decision) {
    let Some(slot) = slots.run else { return };
    let name = naming::for_slot(&plan.name_any(), slot);
    let exists = observed.snapshots.iter().any(|shot| shot.name == name);
    if !exists && !observed.foreign.contains(&name) {
        decision.create.retain(|other| other.name != name);
        decision.create.push(NewSnapshot {
            name,
            origin: Origin::Slot(slot),
        });
    }
}

/// The name of a snapshot that is due or asked for and belongs to somebody else.
fn taken_name(plan: &EtcdBackup, observed: &Observed, slots: &Slots) -> Option<String> {
    let due = slots.run.map(|slot| naming::for_slot(&plan.name_any(), slot));
    let asked = demand::name(plan);
    due.into_iter()
        .chain(asked)
        .find(|name| observed.foreign.contains(name))
}

/// The next moment at which time alone changes something.
fn next_look(
    plan: &EtcdBackup,
    observed: &Observed,
    slots: &Slots,
    judged: &status::Judged,
    drill: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let store = observed
        .store
        .as_ref()
        .map(|known| store::next_look(plan, known, observed.resync));
    let stale = judged
        .freshness
        .until
        .map(|until| until + chrono::TimeDelta::seconds(1));
    [slots.next, store, stale, drill]
        .into_iter()
        .flatten()
        .filter(|at| *at > now)
        .min()
}
