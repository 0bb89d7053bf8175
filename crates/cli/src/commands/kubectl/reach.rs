//! The API server, reached as kubectl reaches it.

use std::{fmt::Display, path::PathBuf, time::Duration};

use clap::Args;
use etcd_backup_api::EtcdBackup;
use etcd_backup_operator::explain;
use kube::{
    Api, Client, Config, Error, Resource,
    api::{Patch, PatchParams},
    config::{KubeConfigOptions, Kubeconfig, KubeconfigError},
    core::NamespaceResourceScope,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    exit::{Exit, Failure},
    path::path,
};

/// How long the API server may take for one answer: as long as it takes itself for a request (`--request-timeout`).
const PATIENCE: Duration = Duration::from_mins(1);

/// Who we are in `managedFields`.
pub(super) const FIELD_MANAGER: &str = "kubectl-etcd-backup";

/// kubectl's flags.
#[derive(Debug, Args)]
#[command(next_help_heading = "Kubernetes")]
pub(crate) struct Reach {
    /// The namespace; the kubeconfig's if none is named
    #[arg(short, long, global = true, value_name = "NAMESPACE")]
    namespace: Option<String>,

    /// A context of the kubeconfig; its current one if none is named
    #[arg(long, global = true, value_name = "CONTEXT")]
    context: Option<String>,

    /// The kubeconfig, where it is not in KUBECONFIG or ~/.kube/config
    #[arg(long, global = true, value_parser = path(), value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
}

/// A connection, and the namespace that is meant.
pub(super) struct Cluster {
    pub(super) client: Client,
    pub(super) namespace: String,
}

impl Reach {
    /// Reads the kubeconfig. Nothing is sent yet.
    pub(super) async fn connect(&self) -> Result<Cluster, Failure> {
        let mut config = self.config().await.map_err(|error| {
            Failure::new(
                Exit::Usage,
                format!(
                    "no Kubernetes cluster is known: {}",
                    explain::with_causes(&error)
                ),
            )
            .hint("set KUBECONFIG, or give --kubeconfig and --context; 'kubectl config get-contexts' shows what there is")
        })?;
        config.connect_timeout = Some(PATIENCE);
        config.read_timeout = Some(PATIENCE);
        let namespace = self.namespace.clone();
        let namespace = namespace.unwrap_or_else(|| config.default_namespace.clone());
        let client = Client::try_from(config).map_err(|error| refused(&error))?;
        Ok(Cluster { client, namespace })
    }

    async fn config(&self) -> Result<Config, KubeconfigError> {
        let options = KubeConfigOptions {
            context: self.context.clone(),
            ..KubeConfigOptions::default()
        };
        match &self.kubeconfig {
            Some(file) => Config::from_custom_kubeconfig(Kubeconfig::read_from(file)?, &options).await,
            None => Config::from_kubeconfig(&options).await,
        }
    }
}

impl Cluster {
    pub(super) fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// The plan of this name.
    pub(super) async fn plan(&self, name: &str) -> Result<EtcdBackup, Failure> {
        let plan = self.api().get(name).await;
        plan.map_err(|error| self.refused_of::<EtcdBackup>(&error, name))
    }

    /// Changes an object.
    pub(super) async fn change<K>(&self, name: &str, change: &Value) -> Result<K, Failure>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + std::fmt::Debug
            + DeserializeOwned,
    {
        let params = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let changed = self.api::<K>().patch(name, &params, &Patch::Merge(change)).await;
        changed.map_err(|error| self.refused_of::<K>(&error, name))
    }

    /// As [`refused`], about one object.
    pub(super) fn refused_of<K: Resource<DynamicType = ()>>(&self, error: &Error, name: &str) -> Failure {
        match error {
            Error::Api(status) if status.code == 404 && status.message.contains(&format!("{name:?}")) => {
                let (kind, namespace) = (K::kind(&()), &self.namespace);
                Failure::new(
                    Exit::Other,
                    format!("there is no {kind} {name} in the namespace {namespace}"),
                )
                .hint(format!("kubectl get {} -A shows what there is", K::plural(&())))
            }
            error => refused(error),
        }
    }
}

/// How kubectl names an object.
pub(super) fn named<K: Resource<DynamicType = ()>>(name: impl Display) -> String {
    format!("{}.{}/{name}", K::kind(&()).to_lowercase(), K::group(&()))
}

/// What the API server's refusal means for the person at the keyboard.
pub(super) fn refused(error: &Error) -> Failure {
    let failure = |text: String| Failure::new(Exit::Other, text);
    match error {
        Error::Api(status) if status.code == 403 => failure(format!("not allowed: {}", status.message)).hint(
            "the ClusterRoles etcdbackup-edit and etcdsnapshot-edit give what is needed (config/rbac/users)",
        ),
        Error::Api(status) if status.code == 401 => {
            failure("the API server does not know who is asking".to_owned())
                .hint("the credentials of the kubeconfig may have ended: 'kubectl auth whoami' says")
        }
        Error::Api(status) if status.code == 404 => {
            failure("the API server does not know the kinds of etcdbackup.dev".to_owned())
                .hint("is it the right cluster (--context)? There is no etcd-backup-operator in this one")
        }
        error => failure(explain::api_error(error)),
    }
}
