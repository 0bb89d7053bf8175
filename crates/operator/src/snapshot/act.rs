//! Carries out what was decided about a snapshot.

use std::sync::Arc;

use etcd_backup_api::{EtcdSnapshot, labels};
use kube::api::{Api, Patch, PatchParams};
use kube::{Resource, ResourceExt};
use serde_json::{Value, json};

use super::decide::{Decision, Metadata, Observed, Plan, RunAction};
use crate::cache::SnapshotObject;
use crate::context::Context;
use crate::ownership::{labels_of, reference_to};
use crate::reconcile::ReconcileError;
use crate::runs::{RunRequest, SnapshotId};
use crate::status::{self, FIELD_MANAGER, Written};
use crate::upkeep::Job;

/// Metadata alone, or: the status first, and only what it says then.
pub(super) async fn act(
    snapshot: &EtcdSnapshot,
    observed: &Observed,
    decision: &Decision,
    context: &Context,
) -> Result<(), ReconcileError> {
    if let Some(change) = decision.metadata {
        return write_metadata(snapshot, observed, change, context).await;
    }
    context.tenure.fence()?;
    let written = status::write(
        &context.shared.client,
        snapshot,
        snapshot.status.as_ref(),
        &decision.status,
    )
    .await
    .map_err(ReconcileError::WriteStatus)?;
    let uid = snapshot.uid().unwrap_or_default();
    if let Written::Changed { version } = written {
        context.shared.own_writes.wrote(&uid, version.as_deref());
    }
    match &decision.run {
        RunAction::None | RunAction::ReadPlan => {}
        RunAction::Cancel => context.shared.runs.cancel(&uid),
        RunAction::Forget => context.shared.runs.forget(&uid),
        RunAction::Submit { .. } => submit(snapshot, observed, &decision.run, context),
    }
    if let (Some(run_id), Plan::Present { plan, .. }) = (&decision.remove_stored, &observed.plan) {
        context.ask(
            Arc::clone(plan),
            Job::DeleteRun {
                run_id: run_id.clone(),
            },
        );
    }
    Ok(())
}

/// The run gets the plan as it is now, and keeps it whatever becomes of the plan.
fn submit(snapshot: &EtcdSnapshot, observed: &Observed, run: &RunAction, context: &Context) {
    let RunAction::Submit {
        attempt,
        scheduled,
        trigger,
        adopt,
    } = run
    else {
        return;
    };
    let Plan::Present { plan, .. } = &observed.plan else {
        return;
    };
    context.shared.runs.submit(RunRequest {
        snapshot: SnapshotId {
            namespace: snapshot.namespace().unwrap_or_default(),
            name: snapshot.name_any(),
            uid: snapshot.uid().unwrap_or_default(),
        },
        plan: Arc::clone(plan),
        scheduled: *scheduled,
        trigger: *trigger,
        attempt: *attempt,
        deadline: plan.spec.timeout.as_std(),
        adopt: *adopt,
    });
}

async fn write_metadata(
    snapshot: &EtcdSnapshot,
    observed: &Observed,
    change: Metadata,
    context: &Context,
) -> Result<(), ReconcileError> {
    let Some(mut metadata) = changed_metadata(snapshot, observed, change) else {
        return Ok(());
    };
    metadata["resourceVersion"] = json!(snapshot.resource_version());
    let name = snapshot.name_any();
    let patch = json!({
        "apiVersion": EtcdSnapshot::api_version(&()),
        "kind": EtcdSnapshot::kind(&()),
        "metadata": metadata,
    });
    context.tenure.fence()?;
    let namespace = snapshot.namespace().unwrap_or_default();
    let api: Api<SnapshotObject> = Api::namespaced(context.shared.client.clone(), &namespace);
    api.patch(&name, &PatchParams::apply(FIELD_MANAGER), &Patch::Merge(&patch))
        .await
        .map(drop)
        .map_err(|source| ReconcileError::WriteMetadata { name, source })
}

fn changed_metadata(snapshot: &EtcdSnapshot, observed: &Observed, change: Metadata) -> Option<Value> {
    let finalizers = || {
        snapshot
            .finalizers()
            .iter()
            .filter(|name| *name != labels::FINALIZER)
            .cloned()
    };
    Some(match change {
        Metadata::RemoveFinalizer => json!({ "finalizers": finalizers().collect::<Vec<_>>() }),
        Metadata::AddFinalizer => {
            json!({ "finalizers": finalizers().chain([labels::FINALIZER.to_owned()]).collect::<Vec<_>>() })
        }
        Metadata::Adopt => {
            let Plan::Present { plan, .. } = &observed.plan else {
                return None;
            };
            let mut owners = snapshot.owner_references().to_vec();
            owners.push(reference_to(plan)?);
            let trigger = snapshot
                .annotations()
                .get(labels::TRIGGER)
                .map_or(labels::trigger::MANUAL, String::as_str);
            json!({
                "ownerReferences": owners,
                "labels": labels_of(plan).into_iter().map(|(key, value)| (key.to_owned(), json!(value))).collect::<serde_json::Map<_, _>>(),
                "annotations": { labels::TRIGGER: trigger },
            })
        }
    })
}
