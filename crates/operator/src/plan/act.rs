//! Carries out what was decided about a plan.

use std::sync::Arc;

use etcd_backup_api::{EtcdBackup, EtcdBackupStatus, EtcdSnapshot, EtcdSnapshotSpec, labels};
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::runtime::reflector::ObjectRef;
use kube::{Resource, ResourceExt};
use serde_json::json;
use tracing::warn;

use super::decide::{Decision, Finalizer, NewSnapshot, Origin, StoreJob};
use crate::cache::PlanObject;
use crate::context::Context;
use crate::drill::decide as drill;
use crate::explain::{is_conflict, is_gone};
use crate::ownership::{belongs, labels_of, reference_to};
use crate::reconcile::ReconcileError;
use crate::status::{self, FIELD_MANAGER, rfc3339};
use crate::upkeep::Job;

/// The finalizer alone, or: children, then the status, then what follows from it.
///
/// Children come first because their names make creating them idempotent: a status that is not written is
/// decided again, a slot that the status calls done and nobody created would be lost.
pub(super) async fn act(
    plan: &EtcdBackup,
    decision: &Decision,
    context: &Context,
) -> Result<(), ReconcileError> {
    // Destructured so that a field that is added cannot be forgotten here. Notes and the next look are the
    // caller's.
    let Decision {
        finalizer,
        create,
        delete,
        wake,
        job,
        drill,
        status,
        notes: _,
        again: _,
    } = decision;
    if let Some(change) = finalizer {
        return write_finalizer(plan, *change, context).await;
    }
    for new in create {
        create_snapshot(plan, new, context).await?;
    }
    for name in delete {
        delete_snapshot(plan, name, context).await?;
    }
    context.tenure.fence()?;
    let uid = plan.uid().unwrap_or_default();
    let drilled = status.drill.as_ref().and_then(|drill| drill.running.as_ref());
    if let Some(running) = drilled {
        // Before anything is pruned, and before anybody else knows.
        context.shared.in_use.hold(&uid, &running.source.run_id);
    }
    status::write(&context.shared.client, plan, plan.status.as_ref(), status)
        .await
        .map_err(ReconcileError::WriteStatus)?;
    if drilled.is_none() {
        context.shared.in_use.release(&uid);
    }
    drill_on(plan, status, drill, context);
    if let Some(job) = job {
        context.ask(Arc::new(plan.clone()), upkeep_job(job));
    }
    let namespace = plan.namespace().unwrap_or_default();
    for name in wake {
        context
            .scope
            .snapshots
            .wake(ObjectRef::new(name).within(&namespace));
    }
    Ok(())
}

/// What is to be done about the Job of a drill, now that the status says so.
fn drill_on(plan: &EtcdBackup, status: &EtcdBackupStatus, decided: &drill::Decision, context: &Context) {
    let written = || EtcdBackup {
        status: Some(status.clone()),
        ..plan.clone()
    };
    let drills = &context.shared.drills;
    match decided.work {
        Some(drill::Work::Pursue) => drills.pursue(written(), context.tenure.clone()),
        Some(drill::Work::Abandon) => drills.abandon(written(), context.tenure.clone()),
        None => {}
    }
    if let Some(end) = &decided.ended {
        let (namespace, name) = (plan.namespace().unwrap_or_default(), plan.name_any());
        let end = end.as_ref().map(|took| *took).map_err(String::as_str);
        context.shared.metrics.drill_ended(&namespace, &name, end);
    }
}

fn upkeep_job(job: &StoreJob) -> Job {
    match job {
        StoreJob::Sync => Job::Sync,
        StoreJob::Prune { dry_run, missing } => Job::Prune {
            dry_run: *dry_run,
            missing: missing.clone(),
        },
        StoreJob::DeleteAll => Job::DeleteAll,
    }
}

fn snapshots(plan: &EtcdBackup, context: &Context) -> Api<EtcdSnapshot> {
    Api::namespaced(
        context.shared.client.clone(),
        &plan.namespace().unwrap_or_default(),
    )
}

async fn create_snapshot(
    plan: &EtcdBackup,
    new: &NewSnapshot,
    context: &Context,
) -> Result<(), ReconcileError> {
    context.tenure.fence()?;
    let api = snapshots(plan, context);
    let failed = |source| ReconcileError::CreateSnapshot {
        name: new.name.clone(),
        source,
    };
    match api
        .create(
            &PostParams {
                field_manager: Some(FIELD_MANAGER.to_owned()),
                ..PostParams::default()
            },
            &child(plan, new),
        )
        .await
    {
        Ok(_) => Ok(()),
        Err(error) if is_conflict(&error) => {
            // Ours from an earlier look whose status was lost: adopted by being there. Somebody else's: left
            // alone; the cache will show it and the next look says so.
            let there = api.get_opt(&new.name).await.map_err(failed)?;
            if there.is_some_and(|snapshot| !belongs(&snapshot, plan)) {
                warn!(name = new.name, "The name of a snapshot belongs to somebody else");
            }
            Ok(())
        }
        Err(error) => Err(failed(error)),
    }
}

/// The object to create.
fn child(plan: &EtcdBackup, new: &NewSnapshot) -> EtcdSnapshot {
    let spec = EtcdSnapshotSpec {
        backup_name: plan.name_any(),
        pin: false,
    };
    let mut snapshot = EtcdSnapshot::new(&new.name, spec);
    snapshot.metadata.namespace = plan.namespace();
    snapshot.metadata.owner_references = reference_to(plan).map(|owner| vec![owner]);
    let labels = labels_of(plan)
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value));
    snapshot.metadata.labels = Some(labels.collect());
    let (trigger, slot, run_id) = match &new.origin {
        Origin::Slot(slot) => (labels::trigger::SCHEDULE, Some(*slot), None),
        Origin::Asked => (labels::trigger::MANUAL, None, None),
        Origin::Found { run_id, slot } => (labels::trigger::CATALOGUE, *slot, Some(run_id.clone())),
    };
    let slot = slot.map(rfc3339);
    let annotations = [
        (labels::TRIGGER, Some(trigger.to_owned())),
        (labels::SCHEDULED_TIME, slot),
        (labels::RUN_ID, run_id),
    ];
    let annotations = annotations
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)));
    snapshot.metadata.annotations = Some(annotations.collect());
    snapshot
}

/// Deletes the object that was seen, not a later one of the same name.
async fn delete_snapshot(plan: &EtcdBackup, name: &str, context: &Context) -> Result<(), ReconcileError> {
    let namespace = plan.namespace().unwrap_or_default();
    let seen = context
        .scope
        .cache
        .snapshots()
        .get(&ObjectRef::new(name).within(&namespace));
    let Some(uid) = seen.and_then(|object| object.uid()) else {
        return Ok(());
    };
    context.tenure.fence()?;
    let only = Preconditions {
        uid: Some(uid),
        resource_version: None,
    };
    match snapshots(plan, context)
        .delete(name, &DeleteParams::default().preconditions(only))
        .await
    {
        Ok(_) => Ok(()),
        Err(error) if is_gone(&error) || is_conflict(&error) => Ok(()),
        Err(source) => Err(ReconcileError::DeleteSnapshot {
            name: name.to_owned(),
            source,
        }),
    }
}

async fn write_finalizer(
    plan: &EtcdBackup,
    change: Finalizer,
    context: &Context,
) -> Result<(), ReconcileError> {
    let others = plan
        .finalizers()
        .iter()
        .filter(|name| *name != labels::FINALIZER)
        .cloned();
    let ours = (change == Finalizer::Add).then(|| labels::FINALIZER.to_owned());
    let patch = json!({
        "apiVersion": EtcdBackup::api_version(&()),
        "kind": EtcdBackup::kind(&()),
        "metadata": {
            "resourceVersion": plan.resource_version(),
            "finalizers": others.chain(ours).collect::<Vec<_>>(),
        },
    });
    context.tenure.fence()?;
    let name = plan.name_any();
    let api: Api<PlanObject> = Api::namespaced(
        context.shared.client.clone(),
        &plan.namespace().unwrap_or_default(),
    );
    api.patch(&name, &PatchParams::apply(FIELD_MANAGER), &Patch::Merge(&patch))
        .await
        .map(drop)
        .map_err(|source| ReconcileError::WriteMetadata { name, source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{at, plan};

    #[test]
    fn a_scheduled_snapshot_says_whose_it_is_and_which_slot_it_is_for() {
        let new = NewSnapshot {
            name: "prod-20261123t0600z".to_owned(),
            origin: Origin::Slot(at("06:00:00")),
        };
        let child = child(&plan(json!({})), &new);
        let owner = &child.owner_references()[0];
        assert_eq!((owner.uid.as_str(), owner.controller), ("plan-uid", Some(true)));
        assert_eq!(child.labels()["etcdbackup.dev/plan"], "prod");
        assert_eq!(child.labels()["etcdbackup.dev/plan-uid"], "plan-uid");
        assert_eq!(
            child.annotations()["etcdbackup.dev/scheduled-time"],
            "2026-11-23T06:00:00Z"
        );
        assert_eq!(child.annotations()["etcdbackup.dev/trigger"], "Schedule");
        assert!(belongs(&child, &plan(json!({}))));
        assert!(!belongs(&child, &plan(json!({"metadata": {"uid": "another"}}))));
    }

    #[test]
    fn a_snapshot_that_was_found_names_its_run() {
        let origin = Origin::Found {
            run_id: "r".to_owned(),
            slot: None,
        };
        let child = child(
            &plan(json!({})),
            &NewSnapshot {
                name: "prod-r".to_owned(),
                origin,
            },
        );
        assert_eq!(child.annotations()["etcdbackup.dev/run-id"], "r");
        assert_eq!(child.annotations()["etcdbackup.dev/trigger"], "Catalogue");
    }
}
