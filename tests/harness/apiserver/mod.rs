//! A real kube-apiserver on a real etcd: a control plane without nodes.
//!
//! Nothing runs pods, so a Deployment stays an object. Everything else is as in a cluster, admission, CEL, RBAC and
//! tokens of service accounts included. Controllers that belong to Kubernetes do not run either: garbage collection
//! by owner reference and the end of namespaces are the test's own business.

mod access;
mod credentials;
mod install;

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result};
use kube::{
    Client, Config,
    api::GetParams,
    config::{KubeConfigOptions, Kubeconfig},
};
use tempfile::TempDir;

use crate::{binaries, etcd::Etcd, kubectl::Kubectl, ports, process::Process, scratch, wait};
use credentials::Credentials;

pub use access::Access;
pub use install::Operator;

/// Flags that are the same for every start.
const FLAGS: &[&str] = &[
    "--authorization-mode=RBAC",
    "--anonymous-auth=false",
    "--service-cluster-ip-range=10.96.0.0/24",
    "--service-account-issuer=https://kubernetes.default.svc",
];

/// An API server makes much when it starts, and is ended before it is old: to look half as often for memory that it could give
/// back spares a tenth of its work (`GOGC` of Go's runtime, 100 when unset). More would take memory from the tests.
const GARBAGE: (&str, &str) = ("GOGC", "200");

/// Flags of one without nodes.
const ALONE: &[&str] = &[
    "--bind-address=127.0.0.1",
    "--advertise-address=127.0.0.1",
    // Nothing answers for the `kubernetes` service here, and its reconciler would write every ten seconds.
    "--endpoint-reconciler-type=none",
    // It would make every pod wait for a token that no controller makes.
    "--disable-admission-plugins=ServiceAccount",
];

/// Where a server listens, and what it is told beyond [`FLAGS`].
#[derive(Debug)]
pub(crate) struct Listening<'a> {
    pub(crate) port: u16,
    /// What its certificate is for.
    pub(crate) names: &'a [&'a str],
    pub(crate) flags: &'a [&'a str],
}

/// The API server; it ends when dropped.
#[derive(Debug)]
pub struct ApiServer {
    process: Process,
    command: Command,
    folder: TempDir,
    credentials: Credentials,
    port: u16,
}

impl ApiServer {
    /// Starts one that keeps its objects in this cluster.
    pub async fn start(etcd: &Etcd) -> Result<Self> {
        let listening = Listening {
            port: ports::free()?,
            names: &["localhost", "127.0.0.1"],
            flags: ALONE,
        };
        Self::start_with(etcd, &listening).await
    }

    /// Starts one that belongs to something larger. Loopback has to be among where it listens.
    pub(crate) async fn start_with(etcd: &Etcd, listening: &Listening<'_>) -> Result<Self> {
        let folder = scratch::folder("apiserver")?;
        let port = listening.port;
        let url = format!("https://127.0.0.1:{port}");
        let credentials = Credentials::write(folder.path(), &url, listening.names)?;
        let mut command = Command::new(binaries::tool("kubernetes", "kube-apiserver")?);
        command.args(FLAGS).args(listening.flags);
        command.env(GARBAGE.0, GARBAGE.1);
        command.arg(format!("--secure-port={port}"));
        command.args(credentials.flags());
        command.arg(format!("--etcd-servers={}", etcd.endpoints().join(",")));
        if let Some(tls) = &etcd.tls {
            command.arg("--etcd-cafile").arg(&tls.ca);
            command.arg("--etcd-certfile").arg(&tls.client_files.cert);
            command.arg("--etcd-keyfile").arg(&tls.client_files.key);
        }
        let process = launch(&mut command, folder.path())?;
        let mut server = Self {
            process,
            command,
            folder,
            credentials,
            port,
        };
        server.ready().await?;
        Ok(server)
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The port of that.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A client that may do everything.
    pub async fn admin(&self) -> Result<Client> {
        client(self.admin_kubeconfig()).await
    }

    /// kubectl that may do everything.
    pub fn kubectl(&self) -> Result<Kubectl> {
        Kubectl::new(self.admin_kubeconfig())
    }

    /// The file with the administrator's identity.
    pub fn admin_kubeconfig(&self) -> &Path {
        &self.credentials.admin
    }

    /// The file with the certificate of who signed the server's.
    pub(crate) fn authority(&self) -> &Path {
        &self.credentials.authority
    }

    /// The file with the key that service accounts' tokens are signed with.
    pub(crate) fn signing_key(&self) -> &Path {
        &self.credentials.signing_key
    }

    /// Its folder, for files that belong to it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The file with its output.
    pub fn log(&self) -> &Path {
        self.process.log()
    }

    /// The process, to pause or kill it.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Starts it again after it was killed: at the same address, with the same objects.
    pub async fn start_again(&mut self) -> Result<()> {
        self.process = launch(&mut self.command, self.folder.path())?;
        self.ready().await
    }

    async fn ready(&mut self) -> Result<()> {
        let admin = self.admin().await?;
        wait::until_ok("kube-apiserver to be ready", Duration::from_mins(1), async || {
            self.process.check()?;
            let request = kube::core::Request::new("")
                .get("readyz", &GetParams::default())
                .context("name /readyz")?;
            admin.request_text(request).await.map(drop).context("GET /readyz")
        })
        .await
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn launch(command: &mut Command, folder: &Path) -> Result<Process> {
    Process::start("kube-apiserver", command, &folder.join("log"))
}

/// A client with the identity in a file.
pub(crate) async fn client(kubeconfig: &Path) -> Result<Client> {
    let file = Kubeconfig::read_from(kubeconfig).context("read a kubeconfig")?;
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
        .await
        .context("use a kubeconfig")?;
    Client::try_from(config).context("make a Kubernetes client")
}
