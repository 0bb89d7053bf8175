//! What a Job that has not ended waits for, so that somebody can put it right.

use std::fmt;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt};

use super::containers::{container, others};

/// What a Job waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// In one word.
    pub reason: String,
    /// In a sentence.
    pub message: String,
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.message)
    }
}

impl Wait {
    /// Whether somebody may have to put something right: not while a pod is being made as always.
    pub fn is_trouble(&self) -> bool {
        ![CREATING, INITIALIZING, NO_POD].contains(&self.reason.as_str())
    }
}

/// A container that is being created: nothing is wrong yet.
pub const CREATING: &str = "ContainerCreating";
/// A container that waits for those before it.
pub const INITIALIZING: &str = "PodInitializing";
/// A pod that fits on no node.
pub const UNSCHEDULABLE: &str = "Unschedulable";
/// A Job without a pod.
pub const NO_POD: &str = "PodMissing";

/// What a pod waits for, `None` once it runs.
pub fn of(pod: &Pod) -> Option<Wait> {
    let name = pod.name_any();
    let waiting = || {
        let all = others(pod).chain(container(pod));
        all.filter_map(|status| status.state.as_ref()?.waiting.as_ref())
    };
    // Of several, the first in their order that is not merely behind another.
    let ahead = waiting().find(|waiting| waiting.reason.as_deref() != Some(INITIALIZING));
    if let Some(waiting) = ahead.or_else(|| waiting().next()) {
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

/// Kubernetes says in events alone why a Job gets no pod (quota, admission) and why a volume cannot be mounted (a Secret that
/// is missing). Whoever may not read events learns that it waits.
pub async fn with_events(
    client: &Client,
    namespace: &str,
    job: &Job,
    pod: Option<&Pod>,
    wait: Option<Wait>,
) -> Option<Wait> {
    let (uid, wait) = match (pod, wait) {
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
