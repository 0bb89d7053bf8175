//! Carries out what was decided about a restore.

use std::time::Duration;

use etcd_backup_api::{EtcdRestore, EtcdRestoreStatus, RestorePhase, labels};
use k8s_openapi::api::batch::v1::Job;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::{Resource, ResourceExt};
use serde_json::json;

use super::cluster::COMPONENT;
use super::decide::{Action, Decision, mark};
use super::resolve::Wanted;
use super::verify::Question;
use super::{job, stateful_set};
use crate::cache::RestoreObject;
use crate::context::Context;
use crate::explain::{is_conflict, is_gone};
use crate::jobs::seen::{FORBIDDEN, Problem};
use crate::reconcile::ReconcileError;
use crate::status::{self, FIELD_MANAGER, Written};

/// The status first, and then what it says; of a finalizer that and nothing else.
pub(super) async fn act(
    restore: &EtcdRestore,
    decision: &Decision,
    context: &Context,
) -> Result<(), ReconcileError> {
    context.tenure.fence()?;
    let client = &context.shared.client;
    let errands = &context.shared.errands;
    let written = status::write(client, restore, restore.status.as_ref(), &decision.status)
        .await
        .map_err(ReconcileError::WriteStatus)?;
    let uid = restore.uid().unwrap_or_default();
    let over = decision.status.phase.is_terminal();
    if let Written::Changed { version } = &written {
        context.shared.own_writes.wrote(&uid, version.as_deref());
        if over {
            context.shared.metrics.restore_ended(end(&decision.status));
        }
    }
    if over {
        errands.forget(&uid);
        context.shared.in_use.release(&uid);
    }
    let tried = match decision.finalizer {
        Some(held) => finalizer(restore, held, context).await,
        None => carry_out(restore, decision, context).await,
    };
    errands.tried(&uid, tried.as_ref().err().and_then(refused));
    tried
}

/// What the status is to say when a right is missing.
fn refused(error: &ReconcileError) -> Option<Problem> {
    error.is_forbidden().then(|| Problem {
        reason: FORBIDDEN.to_owned(),
        message: format!("{}; {COMPONENT} has these rights", error.message()),
    })
}

async fn carry_out(
    restore: &EtcdRestore,
    decision: &Decision,
    context: &Context,
) -> Result<(), ReconcileError> {
    for action in &decision.actions {
        context.tenure.fence()?;
        match action {
            Action::Resolve => {
                if let Ok(wanted) = Wanted::of(restore, &context.scope.cache) {
                    context.shared.errands.resolve(restore, wanted);
                }
            }
            Action::Create(step, index) => create(restore, decision, *step, *index, context).await?,
            Action::Delete(step, index) => delete(restore, *step, *index, context).await?,
            Action::Scale(replicas) => scale(restore, *replicas, context).await?,
            Action::Verify => {
                if let Some(question) = Question::of(restore) {
                    context.shared.errands.verify(restore, question);
                }
            }
        }
    }
    Ok(())
}

/// How it ended, for the metrics.
fn end(status: &EtcdRestoreStatus) -> Result<Duration, &str> {
    if status.phase == RestorePhase::Failed {
        return Err(status.reason.as_deref().unwrap_or_default());
    }
    let took = status.completion_time.zip(status.start_time);
    let took = took.and_then(|(end, start)| (end - start).to_std().ok());
    Ok(took.unwrap_or_default())
}

async fn create(
    restore: &EtcdRestore,
    decision: &Decision,
    step: crate::agent::Step,
    index: usize,
    context: &Context,
) -> Result<(), ReconcileError> {
    // With the status as it was just written.
    let restore = EtcdRestore {
        status: Some(decision.status.clone()),
        ..restore.clone()
    };
    let job =
        job::job(&restore, step, index, &context.shared.job_policy).map_err(ReconcileError::DescribeJob)?;
    let api: Api<Job> = jobs(&restore, context);
    match api.create(&PostParams::default(), &job).await {
        Ok(_) => Ok(()),
        // Made before, and not seen: it is what was wanted.
        Err(error) if is_conflict(&error) => Ok(()),
        Err(source) => Err(ReconcileError::CreateJob {
            name: job.name_any(),
            source,
        }),
    }
}

async fn delete(
    restore: &EtcdRestore,
    step: crate::agent::Step,
    index: usize,
    context: &Context,
) -> Result<(), ReconcileError> {
    let name = job::name(restore, step, index);
    let api: Api<Job> = jobs(restore, context);
    match api.delete(&name, &DeleteParams::background()).await {
        Ok(_) => Ok(()),
        Err(error) if is_gone(&error) => Ok(()),
        Err(source) => Err(ReconcileError::DeleteJob { name, source }),
    }
}

async fn scale(restore: &EtcdRestore, replicas: i32, context: &Context) -> Result<(), ReconcileError> {
    let pinned = restore
        .status
        .as_ref()
        .and_then(|status| status.stateful_set.as_ref());
    let (Some(named), Some(pinned)) = (&restore.spec.stateful_set, pinned) else {
        return Ok(());
    };
    let namespace = restore.namespace().unwrap_or_default();
    let client = &context.shared.client;
    stateful_set::scale(client, &namespace, &named.name, &pinned.uid, replicas)
        .await
        .map_err(|source| ReconcileError::ScaleStatefulSet {
            name: named.name.clone(),
            source,
        })
}

fn jobs(restore: &EtcdRestore, context: &Context) -> Api<Job> {
    Api::namespaced(
        context.shared.client.clone(),
        &restore.namespace().unwrap_or_default(),
    )
}

async fn finalizer(restore: &EtcdRestore, held: bool, context: &Context) -> Result<(), ReconcileError> {
    let others = restore
        .finalizers()
        .iter()
        .filter(|name| *name != labels::FINALIZER)
        .cloned();
    let wanted: Vec<String> = others.chain(held.then(|| labels::FINALIZER.to_owned())).collect();
    let patch = json!({
        "apiVersion": EtcdRestore::api_version(&()),
        "kind": EtcdRestore::kind(&()),
        "metadata": {
            "resourceVersion": restore.resource_version(),
            "finalizers": wanted,
            "annotations": { labels::BEGUN_AS: mark(restore) },
        },
    });
    context.tenure.fence()?;
    let name = restore.name_any();
    let api: Api<RestoreObject> = Api::namespaced(
        context.shared.client.clone(),
        &restore.namespace().unwrap_or_default(),
    );
    api.patch(&name, &PatchParams::apply(FIELD_MANAGER), &Patch::Merge(&patch))
        .await
        .map(drop)
        .map_err(|source| ReconcileError::WriteMetadata { name, source })
}
