//! The one patch that changes a status.

use std::fmt::Debug;

use kube::api::{Api, Patch, PatchParams};
use kube::core::{DeserializeGuard, NamespaceResourceScope};
use kube::{Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use thiserror::Error;

/// Who we are in `managedFields`.
pub const FIELD_MANAGER: &str = "etcd-backup-operator";

/// Why a status was not written.
#[derive(Debug, Error)]
pub enum StatusError {
    /// The status cannot be expressed as JSON. A mistake of ours.
    #[error("cannot express the status as JSON")]
    Encode(#[source] serde_json::Error),
    /// The API server did not take it.
    #[error("cannot write the status of {kind} {name}")]
    Write {
        /// The kind, as users write it.
        kind: String,
        /// The name of the object.
        name: String,
        /// What the API server said.
        #[source]
        source: kube::Error,
    },
}

/// Whether there was anything to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// The status said so already.
    Unchanged,
    /// The API server has the new status.
    Changed {
        /// The resource version that it has now.
        version: Option<String>,
    },
}

/// Makes the status of `object` read `wanted`. `current` is what it reads now.
///
/// Group, version and kind come from the type. Fails with a conflict when the object changed since it was read.
pub async fn write<K, S>(
    client: &Client,
    object: &K,
    current: Option<&S>,
    wanted: &S,
) -> Result<Written, StatusError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
    S: Serialize,
{
    let current = current
        .map_or(Ok(json!({})), serde_json::to_value)
        .map_err(StatusError::Encode)?;
    let wanted = serde_json::to_value(wanted).map_err(StatusError::Encode)?;
    let Some(difference) = merge_patch(&current, &wanted) else {
        return Ok(Written::Unchanged);
    };
    let patch = json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "metadata": { "resourceVersion": object.resource_version() },
        "status": difference,
    });
    let name = object.name_any();
    // Of what comes back only the version is looked at, so it need not be understood: the write has happened either way.
    let api: Api<DeserializeGuard<K>> =
        Api::namespaced(client.clone(), &object.namespace().unwrap_or_default());
    let written = api
        .patch_status(&name, &PatchParams::apply(FIELD_MANAGER), &Patch::Merge(&patch))
        .await
        .map_err(|source| StatusError::Write {
            kind: K::kind(&()).into_owned(),
            name,
            source,
        })?;
    Ok(Written::Changed {
        version: written.resource_version(),
    })
}

/// The JSON merge patch (RFC 7386) that turns `from` into `to`, `None` when they are equal.
fn merge_patch(from: &Value, to: &Value) -> Option<Value> {
    let (Value::Object(from), Value::Object(to)) = (from, to) else {
        return (from != to).then(|| to.clone());
    };
    let mut patch = Map::new();
    for key in from.keys().filter(|key| !to.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    for (key, wanted) in to {
        let difference = match from.get(key) {
            Some(current) => merge_patch(current, wanted),
            None => Some(wanted.clone()),
        };
        if let Some(difference) = difference {
            patch.insert(key.clone(), difference);
        }
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_statuses_need_no_patch() {
        let status = json!({"phase": "Running", "etcd": {"revision": 4}, "conditions": [{"type": "Ready"}]});
        assert_eq!(merge_patch(&status, &status.clone()), None);
    }

    #[test]
    fn a_patch_names_only_what_differs_and_removes_what_is_gone() {
        let from = json!({"phase": "Running", "owner": "a", "etcd": {"revision": 4, "member": "m0"}});
        let to = json!({"phase": "Succeeded", "etcd": {"revision": 5, "member": "m0"}, "attempts": 1});
        let patch = merge_patch(&from, &to).unwrap();
        assert_eq!(
            patch,
            json!({"phase": "Succeeded", "owner": null, "etcd": {"revision": 5}, "attempts": 1})
        );
    }

    #[test]
    fn a_list_is_replaced_as_a_whole() {
        let patch = merge_patch(&json!({"conditions": [1, 2]}), &json!({"conditions": [1, 3]}));
        assert_eq!(patch, Some(json!({"conditions": [1, 3]})));
    }
}
