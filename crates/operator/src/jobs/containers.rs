//! The containers of a pod, as the API server shows them.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};

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
