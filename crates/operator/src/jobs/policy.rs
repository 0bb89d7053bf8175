//! What the administrator lets Jobs do.

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tokio::time::timeout;
use tracing::warn;

use crate::agent::StoreAccess;
use crate::explain::api_error;
use crate::read::PATIENCE;
use crate::settings::Settings;

/// The operator's container in the pod that we ship (config/manager).
const CONTAINER: &str = "operator";

/// What the administrator lets Jobs do.
#[derive(Debug, Clone, Default)]
pub struct JobPolicy {
    /// Restores are carried out at all.
    pub restores: bool,
    /// Jobs take snapshots and drill.
    pub jobs: bool,
    /// The image of the pods: as a flag says, or the operator's own once its pod was seen.
    pub image: OnceLock<String>,
    /// Namespace and name of the operator's own pod.
    pub pod: Option<(String, String)>,
    /// Directories of nodes below which restores may write.
    pub host_path_roots: Vec<PathBuf>,
    /// What the pods may dial.
    pub access: StoreAccess,
}

impl JobPolicy {
    /// What is wrong while no image is known.
    pub const NO_IMAGE: &'static str = "no image is known for the pods of Jobs: the operator cannot see its own pod, so \
                                        start it with --agent-image";

    /// As the settings say.
    pub fn of(settings: &Settings) -> Self {
        Self {
            restores: settings.enable_restore,
            jobs: settings.enable_jobs || settings.enable_restore,
            image: settings
                .agent_image
                .clone()
                .filter(|image| !image.is_empty())
                .map(OnceLock::from)
                .unwrap_or_default(),
            pod: settings
                .leader_elect_namespace
                .clone()
                .map(|namespace| (namespace, settings.pod_name.clone())),
            host_path_roots: settings.restore_host_path_roots.clone(),
            access: StoreAccess {
                allow_endpoint_cidrs: settings
                    .allow_endpoint_cidrs
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
                ambient_endpoints: settings.ambient_credentials_endpoints.clone(),
                no_ambient_credentials: !settings.ambient_credentials,
            },
        }
    }

    /// Looks the image up in the operator's own pod, unless it is known. When that fails it is tried again at the next call.
    pub(crate) async fn learn_image(&self, client: &Client) {
        let (Some((namespace, name)), true) = (&self.pod, self.jobs && self.image.get().is_none()) else {
            return;
        };
        let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
        match timeout(PATIENCE, pods.get(name)).await {
            Ok(Ok(pod)) => {
                if let Some(image) = image_of(&pod) {
                    // Somebody else may have been faster, with the same.
                    let _ = self.image.set(image);
                }
            }
            Ok(Err(error)) => warn!(
                pod = name,
                error = %api_error(&error),
                "Cannot see the operator's own pod"
            ),
            Err(_) => warn!(pod = name, "The API server does not show the operator's own pod"),
        }
    }

    /// Whether a restore may write into this directory of a node.
    pub fn allows_host_path(&self, path: &str) -> bool {
        self.host_path_roots
            .iter()
            .any(|root| Path::new(path).starts_with(root))
    }
}

/// The image as the pod's specification names it: what its tag means is for the node to say.
fn image_of(pod: &Pod) -> Option<String> {
    let containers = &pod.spec.as_ref()?.containers;
    let own = containers.iter().find(|container| container.name == CONTAINER)?;
    own.image.clone()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_pods_run_the_image_of_the_operators_container_and_of_no_other() {
        let pod = |containers| {
            let pod = json!({"spec": {"containers": containers}});
            image_of(&serde_json::from_value(pod).unwrap())
        };
        let mesh = json!({"name": "mesh", "image": "mesh:1"});
        let operator = json!({"name": "operator", "image": "registry/etcd-backup:v1"});
        assert_eq!(
            pod(json!([mesh, operator])).as_deref(),
            Some("registry/etcd-backup:v1")
        );
        assert_eq!(pod(json!([mesh])), None);
    }

    #[test]
    fn only_what_lies_below_an_allowed_directory_is_allowed() {
        let job_policy = JobPolicy {
            host_path_roots: vec!["/var/lib/etcd".into()],
            ..JobPolicy::default()
        };
        assert!(job_policy.allows_host_path("/var/lib/etcd"));
        assert!(job_policy.allows_host_path("/var/lib/etcd/data"));
        assert!(!job_policy.allows_host_path("/var/lib/etcd-other"));
        assert!(!job_policy.allows_host_path("/var/lib"));
        assert!(!JobPolicy::default().allows_host_path("/var/lib/etcd"));
    }
}
