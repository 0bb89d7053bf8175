//! The store, as the agent reaches it: with Secrets from files.

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use etcd_backup_api::StorageSpec;
use etcd_backup_dial::DialPolicy;
use etcd_backup_store::{LocalStore, S3Store, Store};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::connect::{Failure, Secrets, refused, s3_config};

/// What the administrator of the operator allows, handed on to the agent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StoreAccess {
    /// Ranges of addresses that may be dialled although the default refuses them.
    #[serde(rename = "allowEndpointCIDRs")]
    pub allow_endpoint_cidrs: Vec<String>,
    /// Endpoints that may get credentials from the pod's own environment.
    pub ambient_endpoints: Vec<String>,
}

impl StoreAccess {
    fn ranges(&self) -> Result<Vec<IpNet>, Failure> {
        let ranges = self.allow_endpoint_cidrs.iter().map(|range| range.parse());
        ranges
            .collect::<Result<_, _>>()
            .map_err(|_| Failure::lasting("InvalidTask", "a range of allowed addresses cannot be understood"))
    }
}

/// Opens the store that `storage` names. Nothing is sent to it yet.
///
/// # Errors
/// As a plan's store: a Secret that is not mounted, an endpoint that may not be dialled.
pub async fn open_store(
    storage: &StorageSpec,
    access: &StoreAccess,
    secrets: &Path,
    now: DateTime<Utc>,
) -> Result<Arc<dyn Store>, Failure> {
    match (&storage.s3, &storage.local) {
        (Some(spec), None) => {
            let mut config = s3_config(&Secrets::Mounted(secrets), spec, now).await?;
            config.policy = DialPolicy::new(access.ranges()?, ["kubernetes.default.svc"]);
            config.ambient_endpoints.clone_from(&access.ambient_endpoints);
            let store = S3Store::new(config).await.map_err(|error| refused(&error))?;
            Ok(Arc::new(store))
        }
        (None, Some(spec)) => {
            let store = LocalStore::new(&spec.path).map_err(|error| refused(&error))?;
            Ok(Arc::new(store))
        }
        _ => Err(Failure::lasting(
            "InvalidSpec",
            "storage must name exactly one of s3 and local",
        )),
    }
}
