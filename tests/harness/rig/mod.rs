//! A whole node: etcd, kube-apiserver, controller manager, scheduler, CoreDNS, containerd and kubelet, so that Jobs,
//! Pods, volumes and names are real.
//!
//! A node writes to fixed places of its machine, takes fixed addresses, and leaves processes behind by design: whoever
//! restarts containerd wants the pods to live on. Therefore the whole test process is enclosed first
//! ([`enclosure::enter`]): it runs again in network, mount and process namespaces of its own, with which everything ends,
//! also when it is killed. Several rigs can run side by side, and no packet leaves one.

mod cgroups;
mod commands;
mod control;
mod diagnosis;
pub mod enclosure;
mod host;
pub mod images;
mod kubelet;
mod power;
mod runtime;
mod volumes;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};
use kube::Client;
use tempfile::TempDir;
use xtask::image::Image;

use crate::{
    apiserver::{ApiServer, Listening},
    etcd::{Etcd, Version},
    kubectl::Kubectl,
    process::Process,
    scratch, wait,
};
use control::Control;
use runtime::Runtime;

/// A running node.
#[derive(Debug)]
pub struct Rig {
    kubelet: Process,
    runtime: Runtime,
    control: Control,
    /// Its API server.
    pub server: ApiServer,
    /// What the API server keeps its objects in: one member, that speaks TLS.
    pub etcd: Etcd,
    folder: TempDir,
}

impl Rig {
    /// The node's name.
    pub const NODE: &str = "127.0.0.1";
    /// The address at which pods reach what runs beside them in the rig, as other machines of a cluster's network.
    pub const HOST: &str = "10.88.0.1";
    /// The storage class of the volumes that are there.
    pub const STORAGE_CLASS: &str = "rig";

    /// Starts one, and waits until it takes pods. The process has to be enclosed.
    pub async fn start() -> Result<Self> {
        let name = enclosure::name().context("the process is not enclosed: see rig::enclosure")?;
        let folder = scratch::folder("rig")?;
        host::prepare(folder.path())?;
        cgroups::create(&name)?;
        let names = ["localhost", "127.0.0.1", Self::HOST];
        let etcd = Etcd::start(Version::V3_6).at(Self::HOST).tls_for(&names).await?;
        let (server, runtime) = tokio::try_join!(start_api_server(&etcd), Runtime::start(folder.path()))?;
        let control = Control::start(&server, folder.path())?;
        let kubelet = kubelet::start(&server, &runtime, folder.path(), &name)?;
        let mut rig = Self {
            kubelet,
            runtime,
            control,
            server,
            etcd,
            folder,
        };
        rig.ready().await?;
        rig.provide_volumes()?;
        enclosure::publish_kubeconfig(rig.server.admin_kubeconfig())?;
        Ok(rig)
    }

    /// Makes an image known to the node. Pods that use it say `imagePullPolicy: Never`, or name a tag that is not `latest`.
    pub fn import(&self, image: &Image) -> Result<()> {
        let archive = self.folder.path().join("image.tar");
        image.write(&archive)?;
        self.runtime.import(&archive)?;
        fs::remove_file(&archive).context("remove an image's archive")
    }

    /// `ctr`, as a person on the node would type it.
    pub fn ctr(&self) -> Result<String> {
        self.runtime.ctr()
    }

    /// A client that may do everything.
    pub async fn client(&self) -> Result<Client> {
        self.server.admin().await
    }

    /// kubectl that may do everything.
    pub fn kubectl(&self) -> Result<Kubectl> {
        self.server.kubectl()
    }

    /// Its folder: logs, volumes, and what servers keep.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where the kubelet looks for manifests of static pods.
    pub fn manifests(&self) -> PathBuf {
        kubelet::manifests(self.folder())
    }

    /// Waits until the node takes pods.
    async fn ready(&mut self) -> Result<()> {
        let kubectl = self.kubectl()?;
        let query = "jsonpath={.status.conditions[?(@.type==\"Ready\")].status}";
        wait::until_ok("the node to be ready", Duration::from_mins(1), async || {
            self.control.check()?;
            self.runtime.check()?;
            self.kubelet.check()?;
            let ready = kubectl.run(&["get", "node", Self::NODE, "--output", query])?;
            anyhow::ensure!(ready == "True", "its condition Ready is {ready:?}");
            Ok(())
        })
        .await
    }
}

/// At the address of the service `kubernetes`, so that configuration inside the cluster works unchanged without the
/// kube-proxy that would else lead there.
async fn start_api_server(etcd: &Etcd) -> Result<ApiServer> {
    let listening = Listening {
        port: 443,
        names: &[
            "localhost",
            "127.0.0.1",
            Rig::HOST,
            host::SERVICE,
            "kubernetes.default.svc",
        ],
        flags: &[
            "--bind-address=0.0.0.0",
            &format!("--advertise-address={}", Rig::HOST),
            "--allow-privileged=true",
            "--kubelet-preferred-address-types=Hostname,InternalIP",
        ],
    };
    ApiServer::start_with(etcd, &listening).await
}
