//! Which Kubernetes cluster this is.

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, ResourceExt};
use tokio::time::timeout;

use super::Failure;
use crate::read::PATIENCE;

/// A cluster has no UID of its own. The one of this namespace is used in its place, as by most tools that need
/// one: it is created with the cluster and cannot be deleted (apiserver, NamespaceLifecycle's immortal namespaces).
const NAMESPACE: &str = "kube-system";

pub(super) async fn kubernetes_uid(client: &Client) -> Result<String, Failure> {
    let api: Api<Namespace> = Api::all(client.clone());
    let fail = |why: &str| {
        let message =
            format!("the namespace {NAMESPACE}, whose UID identifies this cluster, cannot be read: {why}");
        Failure::transient("ClusterUnknown", message)
    };
    match timeout(PATIENCE, api.get(NAMESPACE)).await {
        Ok(Ok(namespace)) => namespace.uid().ok_or_else(|| fail("it has no UID")),
        Ok(Err(kube::Error::Api(status))) if status.is_forbidden() => Err(fail(
            "the operator's role does not allow get on it (see config/rbac)",
        )),
        Ok(Err(kube::Error::Api(status))) => Err(fail(&format!("the API server answered {}", status.code))),
        Ok(Err(_)) => Err(fail("the API server cannot be reached")),
        Err(_) => Err(fail("the API server does not answer")),
    }
}
