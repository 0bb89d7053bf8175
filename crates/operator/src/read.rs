//! An object as it is now, and not as a watch showed it some time ago.

use std::fmt::Debug;
use std::time::Duration;

use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use tracing::warn;

use crate::explain::api_error;

/// How long the API server may take for one answer, whatever is asked of it beside a watch.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// Asks the API server for an object. A change that was accepted before this call is in the answer. `None` when there is none of
/// that name.
///
/// # Errors
/// There is no answer: why, in a sentence. The log has it too.
pub(crate) async fn read<K>(client: &Client, namespace: &str, name: &str) -> Result<Option<K>, String>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    let why = match timeout(PATIENCE, api.get_opt(name)).await {
        Ok(Ok(object)) => return Ok(object),
        Ok(Err(error)) => api_error(&error),
        Err(_) => "the API server does not answer".to_owned(),
    };
    let message = cannot_read(&K::kind(&()), name, &why);
    warn!(namespace, name, "{message}");
    Err(message)
}

/// That an object cannot be read, in a sentence.
pub(crate) fn cannot_read(kind: &str, name: &str, why: &str) -> String {
    format!("cannot read {kind} {name} as it is now: {why}")
}
