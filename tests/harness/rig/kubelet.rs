//! The kubelet.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use serde_json::json;

use super::{Rig, host, runtime::Runtime};
use crate::{apiserver::ApiServer, binaries, process::Process};

/// Starts it. Its pods stay below one cgroup.
pub(super) fn start(server: &ApiServer, runtime: &Runtime, folder: &Path, cgroup: &str) -> Result<Process> {
    fs::create_dir_all(manifests(folder)).context("make a folder for static pods")?;
    let file = folder.join("kubelet.json");
    fs::write(&file, configuration(runtime, folder, cgroup)).context("write the kubelet's configuration")?;
    let mut command = Command::new(binaries::tool("kubernetes-node", "kubelet")?);
    command.arg("--config").arg(&file);
    command.arg("--kubeconfig").arg(server.admin_kubeconfig());
    // The API server reaches it there for logs and commands; loopback as the node's address is refused.
    command.arg(format!("--hostname-override={}", Rig::NODE));
    command.arg("--cert-dir").arg(folder.join("kubelet-certificates"));
    Process::start("kubelet", &mut command, &folder.join("kubelet.log"))
}

/// Where manifests of static pods lie.
pub(super) fn manifests(folder: &Path) -> PathBuf {
    folder.join("manifests")
}

/// A KubeletConfiguration; JSON is YAML.
fn configuration(runtime: &Runtime, folder: &Path, cgroup: &str) -> String {
    let nothing = json!({
        "imagefs.available": "0%", "memory.available": "0%", "nodefs.available": "0%", "nodefs.inodesFree": "0%",
    });
    let configuration = json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
        "cgroupDriver": "cgroupfs", "cgroupRoot": format!("/{cgroup}"), "failCgroupV1": false,
        "enforceNodeAllocatable": [],
        "failSwapOn": false,
        // Fail rather than write settings of the kernel for the whole machine.
        "protectKernelDefaults": true, "makeIPTablesUtilChains": false,
        // The machine is shared: how full it is says nothing about the tests.
        "evictionHard": nothing, "imageGCHighThresholdPercent": 100, "localStorageCapacityIsolation": false,
        "clusterDNS": [Rig::HOST], "clusterDomain": "cluster.local", "resolvConf": host::resolver(folder),
        // Only this namespace reaches it.
        "authentication": {"anonymous": {"enabled": true}, "webhook": {"enabled": false}},
        "authorization": {"mode": "AlwaysAllow"},
        "containerRuntimeEndpoint": format!("unix://{}", runtime.socket().display()),
        "staticPodPath": manifests(folder),
        "volumePluginDir": folder.join("volume-plugins"),
    });
    configuration.to_string()
}
