//! Reading Secrets: `get` only, one read for all keys, and never a value in an error.

mod keys;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client, Error as KubeError};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use tokio::time::timeout;

use self::keys::SecretKeys;
use super::failure::Failure;
use crate::read::PATIENCE;

/// Where Secrets are read from.
#[derive(Clone, Copy)]
pub enum Secrets<'a> {
    /// The API server.
    Api {
        /// Asks it.
        client: &'a Client,
        /// The namespace of all of them.
        namespace: &'a str,
    },
    /// Directories in which a kubelet has mounted them, one for each, named after it.
    Mounted(&'a Path),
}

impl Secrets<'_> {
    /// All keys of one Secret.
    pub(in crate::connect) async fn read(&self, name: &str) -> Result<SecretKeys, Failure> {
        match self {
            Self::Api { client, namespace } => read(client, namespace, name).await,
            Self::Mounted(folder) => mounted(folder, name).await,
        }
    }
}

impl fmt::Debug for Secrets<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Api { .. } => "Secrets::Api",
            Self::Mounted(_) => "Secrets::Mounted",
        })
    }
}

/// Reads the files of a mounted Secret. What begins with a dot is the kubelet's own.
async fn mounted(folder: &Path, name: &str) -> Result<SecretKeys, Failure> {
    if !is_object_name(name) {
        return Err(Failure::lasting(
            "SecretInvalid",
            "the name of a Secret is not one that Kubernetes accepts",
        ));
    }
    let failed = |_| Failure::transient("SecretNotFound", format!("the Secret {name} is not mounted"));
    let mut entries = tokio::fs::read_dir(folder.join(name)).await.map_err(failed)?;
    let mut data = BTreeMap::new();
    while let Some(entry) = entries.next_entry().await.map_err(failed)? {
        let key = entry.file_name().to_string_lossy().into_owned();
        if !key.starts_with('.') {
            let value = tokio::fs::read(entry.path()).await.map_err(failed)?;
            data.insert(key, ByteString(value));
        }
    }
    Ok(SecretKeys::new(name, data))
}

/// Reads a Secret of `namespace`.
///
/// A missing Secret and one that may not be read give the same failure, so that a plan is no way to find out
/// which Secrets exist.
pub(super) async fn read(client: &Client, namespace: &str, name: &str) -> Result<SecretKeys, Failure> {
    if !is_object_name(name) {
        return Err(Failure::lasting(
            "SecretInvalid",
            "the name of a Secret is not one that Kubernetes accepts",
        ));
    }
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    match timeout(PATIENCE, api.get(name)).await {
        Ok(Ok(secret)) => Ok(SecretKeys::new(name, secret.data.unwrap_or_default())),
        Ok(Err(KubeError::Api(status))) if status.is_not_found() || status.is_forbidden() => {
            Err(Failure::transient(
                "SecretNotFound",
                format!(
                    "the Secret {name} does not exist in this namespace, or the operator may not read it"
                ),
            ))
        }
        Ok(Err(KubeError::Api(status))) => Err(unavailable(
            name,
            &format!("the API server answered {}", status.code),
        )),
        Ok(Err(_)) => Err(unavailable(name, "the API server cannot be reached")),
        Err(_) => Err(unavailable(name, "the API server does not answer")),
    }
}

fn unavailable(name: &str, why: &str) -> Failure {
    Failure::transient(
        "SecretUnavailable",
        format!("the Secret {name} cannot be read: {why}"),
    )
}

/// DNS-1123 subdomain. Checked again here because an object may have been stored under an older schema.
fn is_object_name(name: &str) -> bool {
    let label = |label: &str| {
        let inner = label
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        inner && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(label)
}

#[cfg(test)]
mod tests;
