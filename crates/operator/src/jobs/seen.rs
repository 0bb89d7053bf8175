//! How far a Job is, as the API server shows it and its pods.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::ResourceExt;

use super::containers::{container, others};
use super::wait::{self, Wait};
use crate::agent::{AgentResult, Said};
use crate::explain::api_error;

/// The reason while the operator lacks a right.
pub const FORBIDDEN: &str = "Forbidden";

/// What is told of a Job that is made again because its pod was lost.
pub const LOST: &str = "its pod was lost when its node restarted, and is made again";

/// Why something cannot be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// In one word.
    pub reason: String,
    /// In a sentence.
    pub message: String,
}

/// How far a Job is.
#[derive(Debug, Clone, PartialEq)]
pub enum JobState {
    /// Under way, or waiting for something.
    Active {
        /// What it waits for.
        waits: Option<Wait>,
        /// How far its agent is, if that was heard.
        said: Option<Said>,
    },
    /// Its node lost its pod, which will neither end nor go on.
    Lost,
    /// Done, with what its agent said if that is still known.
    Complete(Option<AgentResult>),
    /// Given up.
    Failed(Problem),
}

impl JobState {
    /// Under way, and nothing was heard of its agent.
    pub const fn active(waits: Option<Wait>) -> Self {
        Self::Active { waits, said: None }
    }
}

/// Why nothing is known. `component` is the part of `config/` that gives the rights.
pub fn failed(error: &kube::Error, component: &str) -> Problem {
    let forbidden = matches!(error, kube::Error::Api(status) if status.code == 403);
    Problem {
        reason: if forbidden {
            FORBIDDEN
        } else {
            "ApiServerUnavailable"
        }
        .to_owned(),
        message: if forbidden {
            format!("{}; {component} has these rights", api_error(error))
        } else {
            api_error(error)
        },
    }
}

/// How far a Job is, by its own status and what its pods say.
pub fn state(job: &Job, pods: &[&Pod]) -> JobState {
    let conditions = job
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten());
    let ended = conditions.filter(|condition| condition.status == "True");
    for condition in ended {
        match condition.type_.as_str() {
            "Complete" => return JobState::Complete(pods.iter().find_map(|pod| result(pod))),
            "Failed" => {
                let said = pods.iter().rev().find_map(|pod| why(pod));
                let own = Problem {
                    reason: condition.reason.clone().unwrap_or_else(|| "JobFailed".to_owned()),
                    message: condition
                        .message
                        .clone()
                        .unwrap_or_else(|| "its Job failed".to_owned()),
                };
                return JobState::Failed(said.unwrap_or(own));
            }
            _ => {}
        }
    }
    if pods.iter().any(|pod| is_lost(pod)) {
        return JobState::Lost;
    }
    JobState::active(pods.iter().find_map(|pod| wait::of(pod)))
}

/// Whether the node restarted when the pod's container was made and not yet started. The kubelet makes no second sandbox for
/// a pod that is not to be restarted and has a container (`computePodActions`), so that such a pod is pending for ever.
pub fn is_lost(pod: &Pod) -> bool {
    let Some(status) = &pod.status else { return false };
    let sandbox_is_gone = status
        .conditions
        .iter()
        .flatten()
        .any(|condition| condition.type_ == "PodReadyToStartContainers" && condition.status == "False");
    let made = container(pod).filter(|container| container.container_id.is_some());
    // Made and not started is the one state for which the kubelet gives no reason.
    let unexplained = made
        .and_then(|container| container.state.as_ref()?.waiting.as_ref())
        .is_some_and(|waiting| waiting.reason.as_deref().unwrap_or_default().is_empty());
    status.phase.as_deref() == Some("Pending") && sandbox_is_gone && unexplained
}

/// Whether nothing of a pod runs any more.
pub fn has_ended(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

/// What the agent of a pod said in the end.
pub fn result(pod: &Pod) -> Option<AgentResult> {
    said(container(pod)?)
}

fn said(container: &ContainerStatus) -> Option<AgentResult> {
    let ended = container.state.as_ref()?.terminated.as_ref()?;
    AgentResult::parse(ended.message.as_deref()?)
}

/// Why a pod failed: what the agent said, else what Kubernetes says of it.
fn why(pod: &Pod) -> Option<Problem> {
    let agents = container(pod).into_iter().chain(others(pod));
    let failed = agents.filter_map(said).find_map(|said| match said {
        AgentResult::Failed { reason, message, .. } => Some(Problem { reason, message }),
        _ => None,
    });
    if failed.is_some() {
        return failed;
    }
    let mut ended = container(pod)
        .into_iter()
        .chain(others(pod))
        .filter_map(|status| status.state.as_ref()?.terminated.as_ref());
    let ended = ended.find(|ended| ended.exit_code != 0)?;
    Some(Problem {
        reason: ended.reason.clone().unwrap_or_else(|| "PodFailed".to_owned()),
        message: format!(
            "its pod {} ended with exit code {}",
            pod.name_any(),
            ended.exit_code
        ),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(sandbox: &str, container: &Value) -> Pod {
        let status = json!({
            "phase": "Pending",
            "conditions": [{"type": "PodReadyToStartContainers", "status": sandbox}],
            "containerStatuses": [container],
        });
        serde_json::from_value(json!({"status": status})).unwrap()
    }

    #[test]
    fn a_pod_is_lost_when_its_container_was_made_and_its_sandbox_is_gone() {
        let of = |id: Option<&str>, reason: Option<&str>| {
            let mut waiting = json!({});
            if let Some(reason) = reason {
                waiting["reason"] = json!(reason);
            }
            json!({
                "name": "agent", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
                "containerID": id, "state": {"waiting": waiting},
            })
        };
        let made = of(Some("containerd://1"), None);
        assert!(is_lost(&pod("False", &made)));
        assert!(!is_lost(&pod("True", &made)), "about to start");
        let waits = of(None, Some("ContainerCreating"));
        assert!(!is_lost(&pod("False", &waits)), "its volumes are not there yet");
        assert!(!is_lost(&pod("False", &of(None, None))));
        assert!(!is_lost(&Pod::default()));
    }
}
