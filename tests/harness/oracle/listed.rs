//! What Kubernetes has, as it answers: the judge asks after every case, and a kubectl that says the same takes a tenth of a
//! second of a processor each time.

use anyhow::{Context, Result};
use kube::{Client, api::ListParams, core::Request};
use serde_json::Value;

/// The group of our own resources, as a path.
pub(super) const OURS: &str = "/apis/etcdbackup.dev/v1alpha1";

/// All objects of a resource in a namespace, as JSON; in every namespace, without one.
pub(super) async fn text(
    client: &Client,
    group: &str,
    resource: &str,
    namespace: Option<&str>,
) -> Result<String> {
    let scope = namespace.map_or_else(String::new, |name| format!("/namespaces/{name}"));
    let request = Request::new(format!("{group}{scope}/{resource}")).list(&ListParams::default());
    let answer = client.request_text(request.context("name a resource")?).await;
    answer.with_context(|| format!("list {resource}"))
}

/// The same, read.
pub(super) async fn objects(client: &Client, resource: &str, namespace: &str) -> Result<Vec<Value>> {
    let answer = text(client, OURS, resource, Some(namespace)).await?;
    let answer: Value = serde_json::from_str(&answer).context("read the API server's answer")?;
    answer["items"]
        .as_array()
        .cloned()
        .context("the API server listed no items")
}
