//! The containers of a pod, as the API server shows them.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};

use super::{CONTAINER, RESTORING};

/// The container of the agent.
pub fn container(pod: &Pod) -> Option<&ContainerStatus> {
    pod.status.as_ref()?.container_statuses.as_ref()?.first()
}

/// The containers that run before that one, or beside it.
pub fn others(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let statuses = pod
        .status
        .as_ref()
        .and_then(|status| status.init_container_statuses.as_ref());
    statuses.into_iter().flatten()
}

/// The name of the container of ours that runs. Others are in a pod too: an etcd, or what a mesh adds to every pod.
pub fn at_work(pod: &Pod) -> Option<&str> {
    let all = pod.status.as_ref()?.container_statuses.iter().flatten();
    let ours = |status: &&ContainerStatus| [CONTAINER, RESTORING].contains(&status.name.as_str());
    let running =
        |status: &&ContainerStatus| status.state.as_ref().is_some_and(|state| state.running.is_some());
    let mut all = others(pod).chain(all).filter(ours).filter(running);
    all.next().map(|status| status.name.as_str())
}
