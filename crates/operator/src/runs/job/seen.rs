//! What the API server shows of the Job of an attempt.

use etcd_backup_api::{StorageSpec, labels};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt};

use super::name_of;
use crate::agent::{AgentResult, EXIT_LASTING, Said, SnapshotTask, TASK_VARIABLE};
use crate::connect::Failure;
use crate::jobs::Listener;
use crate::jobs::containers::container;
use crate::jobs::seen::{has_ended, is_lost, result};
use crate::jobs::wait::{self, Wait};
use crate::runs::request::RunRequest;

/// What there is of an attempt.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Seen {
    /// No Job, and no pod that may be writing.
    Nothing,
    /// No Job; its pod has not ended yet.
    PodOnly,
    /// It works, or will. With what it waits for, and how far it is.
    Active(Option<Wait>, Option<Said>),
    /// It will do nothing: its node lost its pod, of this UID, before that began.
    Lost(String),
    /// It is over, and its agent said this.
    Said(AgentResult, Ended),
    /// It is over without a word of its agent: why, as Kubernetes says it.
    Silent(Failure),
}

/// How a container ended that said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ended {
    /// Whether another attempt may help.
    pub(super) transient: bool,
}

/// Looks at both. Jobs and pods of other attempts and of other owners do not count. `storage` becomes what the Job stores in.
pub(super) async fn look(
    client: &Client,
    listener: &Listener,
    request: &RunRequest,
    storage: &mut StorageSpec,
) -> Result<Seen, kube::Error> {
    let namespace = &request.snapshot.namespace;
    let own = ListParams::default().labels(&format!(
        "{}={},{}={}",
        labels::SNAPSHOT_UID,
        request.snapshot.uid,
        labels::ATTEMPT,
        request.attempt
    ));
    let jobs: Api<Job> = Api::namespaced(client.clone(), namespace);
    let jobs = jobs.list(&own).await?.items;
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let pods = pods.list(&own).await?.items;
    let Some(job) = jobs.iter().find(|job| is_of(job, request)) else {
        return Ok(if pods.iter().all(has_ended) {
            Seen::Nothing
        } else {
            Seen::PodOnly
        });
    };
    if let Some(named) = storage_of(job, request) {
        *storage = named;
    }
    let seen = judge(job, &pods);
    if let Seen::Active(wait, _) = seen {
        let told = wait::with_events(client, namespace, job, pods.first(), wait).await;
        let said = pods.iter().find_map(|pod| listener.hear(pod));
        return Ok(Seen::Active(told, said));
    }
    Ok(seen)
}

/// The label alone can be anybody's.
fn is_of(job: &Job, request: &RunRequest) -> bool {
    let mut owners = job.owner_references().iter();
    job.name_any() == name_of(request) && owners.any(|owner| owner.uid == request.snapshot.uid)
}

/// What a Job stores in, by its task: its plan may have been edited since, and the process that made it be gone.
pub(super) fn storage_of(job: &Job, request: &RunRequest) -> Option<StorageSpec> {
    let pod = job.spec.as_ref()?.template.spec.as_ref()?;
    let variables = pod
        .containers
        .iter()
        .flat_map(|container| container.env.iter().flatten());
    let task = variables
        .filter(|variable| variable.name == TASK_VARIABLE)
        .find_map(|variable| SnapshotTask::parse(variable.value.as_deref()?).ok())?;
    let own = task.uid == request.snapshot.uid && task.plan.metadata.uid == request.plan.metadata.uid;
    own.then_some(task.plan.spec.storage)
}

/// What a Job and its pods say together.
pub(super) fn judge(job: &Job, pods: &[Pod]) -> Seen {
    let conditions = job
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    let over = conditions
        .filter(|condition| condition.status == "True")
        .find(|condition| matches!(condition.type_.as_str(), "Complete" | "Failed"));
    let Some(over) = over else {
        return match pods {
            // All of what is one pod: what somebody else labels so ends nothing that works.
            [pod, ..] if pods.iter().all(is_lost) => Seen::Lost(pod.uid().unwrap_or_default()),
            _ => Seen::Active(pods.first().and_then(wait::of), None),
        };
    };
    // Before 1.31 Kubernetes says that a Job failed while its pod still has time to end, and to store.
    if pods.iter().any(may_write) {
        return Seen::Active(None, None);
    }
    if let Some((said, pod)) = pods.iter().find_map(|pod| Some((result(pod)?, pod))) {
        let lasting = exit_code(pod) == Some(EXIT_LASTING);
        return Seen::Said(said, Ended { transient: !lasting });
    }
    Seen::Silent(pods.iter().find_map(killed).unwrap_or_else(|| {
        let reason = over.reason.clone().unwrap_or_else(|| "JobFailed".to_owned());
        let message = over
            .message
            .clone()
            .unwrap_or_else(|| "it left no result".to_owned());
        Failure::transient(reason, format!("the Job {}: {message}", job.name_any()))
    }))
}

/// Whether something of a pod may still run.
fn may_write(pod: &Pod) -> bool {
    let ended = container(pod).and_then(|status| status.state.as_ref()?.terminated.as_ref());
    !has_ended(pod) && ended.is_none()
}

fn exit_code(pod: &Pod) -> Option<i32> {
    Some(container(pod)?.state.as_ref()?.terminated.as_ref()?.exit_code)
}

/// Why a pod ended without a word: what was done to the pod, else to its container.
fn killed(pod: &Pod) -> Option<Failure> {
    let name = pod.name_any();
    let status = pod.status.as_ref()?;
    if let Some(reason) = &status.reason {
        let message = status.message.clone().unwrap_or_default();
        return Some(Failure::transient(reason, format!("its pod {name}: {message}")));
    }
    let ended = container(pod)?.state.as_ref()?.terminated.as_ref()?;
    let reason = ended.reason.clone().unwrap_or_else(|| "PodFailed".to_owned());
    Some(Failure::transient(
        reason,
        format!(
            "its pod {name} ended with exit code {} and said nothing",
            ended.exit_code
        ),
    ))
}
