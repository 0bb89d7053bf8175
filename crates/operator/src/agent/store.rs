//! The store, as the agent reaches it: with Secrets from files.

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use etcd_backup_api::{PinnedSource, StorageSpec};
use etcd_backup_backup::catalogue::Entry;
use etcd_backup_backup::layout::{ClusterId, Location, PlanKey};
use etcd_backup_dial::DialPolicy;
use etcd_backup_store::{LocalStore, S3Store, Store};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::connect::{Failure, Secrets, check_lent, refused, s3_config};
use crate::restore::resolve::again;

/// What the administrator of the operator allows, handed on to the agent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StoreAccess {
    /// Ranges of addresses that may be dialled although the default refuses them.
    #[serde(rename = "allowEndpointCIDRs")]
    pub allow_endpoint_cidrs: Vec<String>,
    /// Endpoints that may get credentials from the pod's own environment.
    pub ambient_endpoints: Vec<String>,
    /// No store gets credentials from the pod's own environment.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_ambient_credentials: bool,
}

impl StoreAccess {
    /// What may be dialled: as the operator itself may, and never the API server.
    ///
    /// # Errors
    /// A range that cannot be understood.
    pub fn policy(&self) -> Result<DialPolicy, Failure> {
        Ok(DialPolicy::new(self.ranges()?, ["kubernetes.default.svc"]))
    }

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
            check_lent(spec, !access.no_ambient_credentials)?;
            let mut config = s3_config(&Secrets::Mounted(secrets), spec, now).await?;
            config.policy = access.policy()?;
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

/// Where a key, or the folder that it is in, lies. `None` when it is no key of a backup.
pub fn location_of(key: &str) -> Option<Location> {
    let mut parts = key.split('/');
    let mut next = || parts.next();
    let plan = PlanKey::new(next()?, next()?).ok()?;
    let cluster: ClusterId = next()?.parse().ok()?;
    Some(Location {
        plan,
        cluster,
        run: next()?.parse().ok()?,
    })
}

/// What the store says of a pinned source now.
///
/// # Errors
/// As any look into a store; and when what is there is not what was pinned.
pub async fn find_pinned(store: &dyn Store, source: &PinnedSource) -> Result<Entry, Failure> {
    let location = location_of(&source.key).ok_or_else(|| {
        Failure::lasting(
            "InvalidTask",
            format!("{} is not the key of a backup", source.key),
        )
    })?;
    let entry = again(store, &location).await?;
    let manifest = &entry.manifest;
    let same = [
        ("key", entry.snapshot_key() == source.key),
        ("run", entry.location.run.to_string() == source.run_id),
        ("size as stored", manifest.object.size == source.size),
        (
            "SHA-256 as stored",
            manifest.object.sha256.to_string() == source.sha256,
        ),
        ("size", manifest.snapshot.size == source.snapshot_size),
        (
            "SHA-256",
            manifest.snapshot.sha256.to_string() == source.snapshot_sha256,
        ),
    ];
    match same.into_iter().find(|(_, same)| !same) {
        None => Ok(entry),
        Some((what, _)) => Err(Failure::lasting(
            "SourceChanged",
            format!(
                "{} is not the backup that this restore began with: its {what} is another",
                source.url
            ),
        )),
    }
}
