//! The rest of a control plane: controller manager, scheduler, and a server that knows the names of pods.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result};

use super::Rig;
use crate::{apiserver::ApiServer, binaries, process::Process};

/// Its processes.
#[derive(Debug)]
pub(super) struct Control {
    manager: Process,
    scheduler: Process,
    names: Process,
}

impl Control {
    pub(super) fn start(server: &ApiServer, folder: &Path) -> Result<Self> {
        Ok(Self {
            manager: manager(server, folder)?,
            scheduler: scheduler(server, folder)?,
            names: names(server, folder)?,
        })
    }

    /// An error when one has ended.
    pub(super) fn check(&mut self) -> Result<()> {
        self.manager.check()?;
        self.scheduler.check()?;
        self.names.check()
    }
}

fn manager(server: &ApiServer, folder: &Path) -> Result<Process> {
    let mut command = program("kube-controller-manager", server)?;
    command
        .arg("--service-account-private-key-file")
        .arg(server.signing_key());
    command.arg("--root-ca-file").arg(server.authority());
    command.args([
        "--use-service-account-credentials",
        "--leader-elect=false",
        // Nobody gives the node a network range of its own or a cloud.
        "--controllers=*,-nodeipam,-cloud-node-lifecycle-controller",
    ]);
    Process::start(
        "kube-controller-manager",
        &mut command,
        &folder.join("controller-manager.log"),
    )
}

fn scheduler(server: &ApiServer, folder: &Path) -> Result<Process> {
    let mut command = program("kube-scheduler", server)?;
    command.arg("--leader-elect=false");
    Process::start("kube-scheduler", &mut command, &folder.join("scheduler.log"))
}

fn program(name: &str, server: &ApiServer) -> Result<Command> {
    let mut command = Command::new(binaries::tool("kubernetes-node", name)?);
    command.arg("--kubeconfig").arg(server.admin_kubeconfig());
    Ok(command)
}

fn names(server: &ApiServer, folder: &Path) -> Result<Process> {
    let file = folder.join("Corefile");
    let text = format!(
        ".:53 {{\n  bind {}\n  kubernetes cluster.local in-addr.arpa {{\n    kubeconfig {}\n  }}\n  errors\n}}\n",
        Rig::HOST,
        server.admin_kubeconfig().display()
    );
    fs::write(&file, text).context("write CoreDNS's configuration")?;
    let mut command = Command::new(binaries::tool("coredns", "coredns")?);
    command.arg("-conf").arg(&file);
    Process::start("coredns", &mut command, &folder.join("coredns.log"))
}
