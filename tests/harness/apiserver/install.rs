//! What a user installs, and the operator's own identity.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use kube::Client;
use serde_json::{Value, json};

use super::{ApiServer, client};
use crate::{binaries, kubectl::Kubectl};

/// The operator's identity: the ServiceAccount we ship, with the RBAC we ship and nothing else.
#[derive(Debug, Clone)]
pub struct Operator {
    /// The namespace it is installed in.
    pub namespace: String,
    /// The name of its ServiceAccount.
    pub service_account: String,
    /// The file with its identity.
    pub kubeconfig: PathBuf,
}

impl Operator {
    /// A client with this identity.
    pub async fn client(&self) -> Result<Client> {
        client(&self.kubeconfig).await
    }

    /// The same identity for somebody who reaches the API server at this port of loopback, where a proxy stands before it.
    pub fn through(&self, port: u16) -> Result<Self> {
        let text = fs::read_to_string(&self.kubeconfig).context("read a kubeconfig")?;
        let mut config: Value = serde_json::from_str(&text).context("a kubeconfig of ours is JSON")?;
        config["clusters"][0]["cluster"]["server"] = json!(format!("https://127.0.0.1:{port}"));
        let kubeconfig = self
            .kubeconfig
            .with_file_name(format!("operator-{port}.kubeconfig"));
        fs::write(&kubeconfig, config.to_string()).context("write a kubeconfig")?;
        Ok(Self {
            kubeconfig,
            ..self.clone()
        })
    }

    /// kubectl with this identity.
    pub fn kubectl(&self) -> Result<Kubectl> {
        Kubectl::new(&self.kubeconfig)
    }
}

impl ApiServer {
    /// Installs `config/default` as the README says, and gives the operator's identity.
    pub fn install(&self) -> Result<Operator> {
        self.install_overlay("config/default")
    }

    /// Installs a kustomization of this repository that holds one ServiceAccount.
    pub fn install_overlay(&self, folder: &str) -> Result<Operator> {
        let kubectl = self.kubectl()?;
        let path = binaries::root().join(folder);
        // The definitions first: what uses them is refused until they are served.
        kubectl.run(&["apply", "-k", &text(&binaries::root().join("crds"))])?;
        kubectl.run(&[
            "wait",
            "--for=condition=Established",
            "--timeout=30s",
            "crd",
            "--all",
        ])?;
        kubectl
            .run(&["apply", "-k", &text(&path)])
            .with_context(|| format!("install {folder}"))?;
        let rendered = kubectl.run(&["get", "-k", &text(&path), "-o", SERVICE_ACCOUNTS])?;
        let account = rendered
            .lines()
            .find_map(|line| line.strip_prefix("ServiceAccount "));
        let (namespace, name) = account
            .and_then(|words| words.split_once(' '))
            .with_context(|| format!("no ServiceAccount in {folder}"))?;
        let token = kubectl.run(&[
            "create",
            "token",
            name,
            "--namespace",
            namespace,
            "--duration=24h",
        ])?;
        let kubeconfig = self.file("operator.kubeconfig");
        self.credentials.kubeconfig(&kubeconfig, token.trim())?;
        Ok(Operator {
            namespace: namespace.to_owned(),
            service_account: name.to_owned(),
            kubeconfig,
        })
    }
}

/// One line an object: kind, namespace, name.
const SERVICE_ACCOUNTS: &str =
    "jsonpath={range .items[*]}{.kind} {.metadata.namespace} {.metadata.name}{\"\\n\"}{end}";

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
