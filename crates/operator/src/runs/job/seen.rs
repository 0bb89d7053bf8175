//! What the API server shows of the Job of an attempt.

use etcd_backup_api::labels;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt};

use super::name_of;
use super::waits::Wait;
use crate::agent::{AgentResult, EXIT_LASTING};
use crate::connect::Failure;
use crate::restore::cluster::{container, has_ended, result};
use crate::runs::request::RunRequest;

/// What there is of an attempt.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Seen {
    /// No Job, and no pod that may be writing.
    Nothing,
    /// No Job; its pod has not ended yet.
    PodOnly,
    /// It works, or will. With what it waits for.
    Active(Option<Wait>),
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

/// Looks at both. Jobs and pods of other attempts and of other owners do not count.
pub(super) async fn look(client: &Client, request: &RunRequest) -> Result<Seen, kube::Error> {
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
    let seen = judge(job, &pods);
    if let Seen::Active(wait) = seen {
        return Ok(Seen::Active(
            with_events(client, namespace, job, &pods, wait).await,
        ));
    }
    Ok(seen)
}

/// The label alone can be anybody's.
fn is_of(job: &Job, request: &RunRequest) -> bool {
    let mut owners = job.owner_references().iter();
    job.name_any() == name_of(request) && owners.any(|owner| owner.uid == request.snapshot.uid)
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
        return Seen::Active(pods.first().and_then(waits));
    };
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

/// What a pod waits for, `None` once it runs.
fn waits(pod: &Pod) -> Option<Wait> {
    let name = pod.name_any();
    if let Some(waiting) = container(pod).and_then(|status| status.state.as_ref()?.waiting.as_ref()) {
        let reason = waiting.reason.clone().unwrap_or_else(|| CREATING.to_owned());
        let message = waiting
            .message
            .clone()
            .unwrap_or_else(|| "its container is being created".to_owned());
        return Some(Wait {
            message: format!("the pod {name} waits: {message}"),
            reason,
        });
    }
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let unplaced = conditions
        .iter()
        .find(|condition| condition.type_ == "PodScheduled" && condition.status == "False")?;
    Some(Wait {
        reason: unplaced
            .reason
            .clone()
            .unwrap_or_else(|| UNSCHEDULABLE.to_owned()),
        message: format!(
            "the pod {name} has no node: {}",
            unplaced.message.clone().unwrap_or_default()
        ),
    })
}

/// A container that is being created: nothing is wrong yet.
pub(super) const CREATING: &str = "ContainerCreating";
/// A pod that fits on no node.
pub(super) const UNSCHEDULABLE: &str = "Unschedulable";
/// A Job without a pod.
pub(super) const NO_POD: &str = "PodMissing";

/// Kubernetes says in events alone why a Job gets no pod (quota, admission) and why a volume cannot be mounted (a Secret that
/// is missing). Whoever may not read events learns that it waits.
async fn with_events(
    client: &Client,
    namespace: &str,
    job: &Job,
    pods: &[Pod],
    wait: Option<Wait>,
) -> Option<Wait> {
    let (uid, wait) = match (pods.first(), wait) {
        (None, _) => {
            let message = format!("the Job {} has no pod yet", job.name_any());
            let wait = Wait {
                reason: NO_POD.to_owned(),
                message,
            };
            (job.uid()?, wait)
        }
        (Some(pod), Some(wait)) if wait.reason == CREATING => (pod.uid()?, wait),
        (Some(_), wait) => return wait,
    };
    let events: Api<Event> = Api::namespaced(client.clone(), namespace);
    let about = ListParams::default()
        .fields(&format!("involvedObject.uid={uid},type=Warning"))
        .limit(50);
    let Ok(events) = events.list(&about).await else {
        return Some(wait);
    };
    let told = events.items.iter().rev().find_map(|event| {
        Some(Wait {
            reason: event.reason.clone()?,
            message: event.message.clone()?,
        })
    });
    Some(told.unwrap_or(wait))
}
