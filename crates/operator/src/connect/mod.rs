//! From a plan as it is now and its Secrets to something that can be spoken to: a cluster, a store.
//!
//! Secrets are read when they are needed and kept no longer than the run that needed them, so a rotated
//! certificate counts from the next run on. What a plan may connect to is the administrator's decision
//! ([`crate::settings::Settings::dial_policy`]); what it may store to locally, and which endpoints get the
//! operator's own cloud credentials, too.

mod cluster;
mod failure;
mod identity;
mod local;
mod measured;
mod plan;
mod s3;
mod secrets;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use etcd_backup_api::{EtcdBackup, EtcdSpec, StorageSpec};
use etcd_backup_dial::DialPolicy;
use etcd_backup_etcd::Cluster;
use etcd_backup_store::{LocalStore, S3Store, Store, StoreError};
use kube::{Client, ResourceExt};
use tokio::sync::OnceCell;

pub use cluster::{config as etcd_config, user};
pub use failure::Failure;
pub use measured::Measured;
pub(crate) use plan::read_plan;
pub use s3::{check_lent, config as s3_config};
pub use secrets::Secrets;

use crate::metrics::Metrics;
use crate::settings::Settings;

/// Opens what plans name. Cheap to clone.
#[derive(Clone)]
pub struct Connector {
    client: Client,
    policy: DialPolicy,
    ambient_endpoints: Vec<String>,
    lends: bool,
    local_roots: Vec<PathBuf>,
    metrics: Arc<Metrics>,
    kubernetes_uid: Arc<OnceCell<String>>,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

impl Connector {
    /// What `settings` allow. `client` reads Secrets.
    pub fn new(client: Client, settings: &Settings, metrics: Arc<Metrics>) -> Self {
        Self {
            client,
            policy: settings.dial_policy(),
            ambient_endpoints: settings.ambient_credentials_endpoints.clone(),
            lends: settings.ambient_credentials,
            local_roots: settings.local_store_roots.clone(),
            metrics,
            kubernetes_uid: Arc::default(),
        }
    }

    /// What is needed to speak to the plan's etcd. Nothing is dialled yet.
    pub async fn etcd(&self, plan: &EtcdBackup) -> Result<etcd_backup_etcd::Config, Failure> {
        self.etcd_of(&namespace_of(plan)?, &plan.spec.etcd).await
    }

    /// Whether what the plan says of its etcd can be used, as far as that shows without asking etcd: its Secrets are there and
    /// hold what they should, and its endpoints may be dialled.
    pub async fn check_etcd(&self, plan: &EtcdBackup) -> Result<(), Failure> {
        let config = self.etcd(plan).await?;
        Cluster::new(config)
            .map(drop)
            .map_err(|error| Failure::of(error.reason(), error.is_transient(), &error))
    }

    /// What is needed to speak to the etcd that `spec` names, with Secrets of `namespace`.
    pub async fn etcd_of(
        &self,
        namespace: &str,
        spec: &EtcdSpec,
    ) -> Result<etcd_backup_etcd::Config, Failure> {
        let secrets = Secrets::Api {
            client: &self.client,
            namespace,
        };
        cluster::config(&secrets, spec, &self.policy).await
    }

    /// The plan's store, with its operations measured. Nothing is sent to it yet. `now` is what retention by Object
    /// Lock is counted from.
    pub async fn store(&self, plan: &EtcdBackup, now: DateTime<Utc>) -> Result<Arc<dyn Store>, Failure> {
        self.store_of(&namespace_of(plan)?, &plan.spec.storage, now).await
    }

    /// As [`Self::store`], for any store that an object of `namespace` names.
    pub async fn store_of(
        &self,
        namespace: &str,
        storage: &StorageSpec,
        now: DateTime<Utc>,
    ) -> Result<Arc<dyn Store>, Failure> {
        let store: Box<dyn Store> = match storage {
            StorageSpec {
                s3: Some(spec),
                local: None,
            } => {
                s3::check_lent(spec, self.lends)?;
                let secrets = Secrets::Api {
                    client: &self.client,
                    namespace,
                };
                let mut config = s3::config(&secrets, spec, now).await?;
                config.policy = self.policy.clone();
                config.ambient_endpoints.clone_from(&self.ambient_endpoints);
                Box::new(S3Store::new(config).await.map_err(|error| refused(&error))?)
            }
            StorageSpec {
                s3: None,
                local: Some(spec),
            } => {
                let path = local::allowed(&spec.path, &self.local_roots).await?;
                Box::new(LocalStore::new(path).map_err(|error| refused(&error))?)
            }
            _ => {
                return Err(Failure::lasting(
                    "InvalidSpec",
                    "storage must name exactly one of s3 and local",
                ));
            }
        };
        Ok(Arc::new(Measured::new(store, Arc::clone(&self.metrics))))
    }

    /// A plan as it is now; `None` when there is none of that name.
    pub(crate) async fn plan(&self, namespace: &str, name: &str) -> Result<Option<EtcdBackup>, Failure> {
        read_plan(&self.client, namespace, name).await
    }

    /// The UID of this Kubernetes cluster, which marks what it writes. Read once.
    pub async fn kubernetes_uid(&self) -> Result<String, Failure> {
        self.kubernetes_uid
            .get_or_try_init(|| identity::kubernetes_uid(&self.client))
            .await
            .cloned()
    }
}

fn namespace_of(plan: &EtcdBackup) -> Result<String, Failure> {
    plan.namespace()
        .ok_or_else(|| Failure::lasting("InvalidSpec", "the plan has no namespace"))
}

/// A store's own error as a failure.
pub fn refused(error: &StoreError) -> Failure {
    Failure::of(error.reason(), error.is_transient(), error)
}
