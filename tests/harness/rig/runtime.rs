//! containerd, with runc and the plugins that connect pods to the bridge.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::{commands::run, host, images};
use crate::{binaries, process::Process, wait};

/// A running containerd.
#[derive(Debug)]
pub(super) struct Runtime {
    process: Process,
    command: Command,
    folder: PathBuf,
}

impl Runtime {
    /// Starts it, with the image that every pod needs.
    pub(super) async fn start(folder: &Path) -> Result<Self> {
        memory(folder)?;
        let file = folder.join("containerd.toml");
        fs::write(&file, configuration(folder)?).context("write containerd's configuration")?;
        network(folder).context("describe the network of pods")?;
        let mut command = Command::new(binaries::tool("containerd", "containerd")?);
        command.arg("--config").arg(&file);
        let mut runtime = Self {
            process: launch(&mut command, folder)?,
            command,
            folder: folder.to_path_buf(),
        };
        runtime.ready().await?;
        let archive = folder.join("pause.tar");
        images::pause()?.write(&archive)?;
        runtime.import(&archive)?;
        Ok(runtime)
    }

    /// Where it listens.
    pub(super) fn socket(&self) -> PathBuf {
        self.folder.join("containerd.sock")
    }

    /// The words that begin a command about it.
    pub(super) fn ctr(&self) -> Result<String> {
        let ctr = binaries::tool("containerd", "ctr")?;
        Ok(format!("{} --address {}", ctr.display(), self.socket().display()))
    }

    /// Makes an image known to the kubelet.
    pub(super) fn import(&self, archive: &Path) -> Result<()> {
        let ctr = binaries::tool("containerd", "ctr")?;
        let output = Command::new(ctr)
            .arg("--address")
            .arg(self.socket())
            .args(["--namespace", "k8s.io", "images", "import", "--local"])
            .arg(archive)
            .output()
            .context("start ctr")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "import {}: {}",
            archive.display(),
            said.trim()
        );
        Ok(())
    }

    /// An error when it has ended.
    pub(super) fn check(&mut self) -> Result<()> {
        self.process.check()
    }

    /// SIGKILL. Pods go on without it.
    pub(super) fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// Starts it again, with the state it has.
    pub(super) async fn start_again(&mut self) -> Result<()> {
        self.process = launch(&mut self.command, &self.folder)?;
        self.ready().await
    }

    async fn ready(&mut self) -> Result<()> {
        let ctr = binaries::tool("containerd", "ctr")?.display().to_string();
        let socket = self.socket().display().to_string();
        wait::until_ok("containerd to listen", Duration::from_secs(30), async || {
            self.process.check()?;
            run(&ctr, &["--address", &socket, "version"])
        })
        .await
    }
}

fn launch(command: &mut Command, folder: &Path) -> Result<Process> {
    Process::start("containerd", command, &folder.join("containerd.log"))
}

/// What containerd keeps is in memory: it asks the disk to keep every step, which takes long on some, and overlays cannot
/// lie on an overlay, as temporary files do in many containers.
fn memory(folder: &Path) -> Result<()> {
    let root = folder.join("containerd");
    fs::create_dir(&root).with_context(|| format!("make {}", root.display()))?;
    let words = ["-t", "tmpfs", "-o", "mode=711", "tmpfs"].map(Path::new);
    run("mount", &[&words[..], &[&root]].concat())
}

/// In the words of containerd 2.4, docs/cri/config.md.
fn configuration(folder: &Path) -> Result<String> {
    let runc = binaries::tool("runc", "runc")?;
    let plugins = binaries::tool("cni-plugins", "bridge")?;
    let plugins = plugins.parent().context("CNI's plugins lie in a folder")?;
    let (folder, runc, plugins) = (folder.display(), runc.display(), plugins.display());
    let pause = images::PAUSE;
    Ok(format!(
        r#"version = 3
root = "{folder}/containerd"
state = "{folder}/containerd-state"
# One makes folders in /opt, the other a socket in /run.
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.nri.v1.nri"]
[debug]
  level = "warn"
[grpc]
  address = "{folder}/containerd.sock"
[plugins."io.containerd.cri.v1.images"]
  snapshotter = "overlayfs"
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = "{pause}"
[plugins."io.containerd.cri.v1.runtime"]
  # Where CAP_SYS_RESOURCE is missing, every pod fails without it.
  restrict_oom_score_adj = true
  # Loading a profile would change the machine.
  disable_apparmor = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["{plugins}"]
    conf_dir = "{folder}/cni"
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
      BinaryName = "{runc}"
      SystemdCgroup = false
"#
    ))
}

fn network(folder: &Path) -> Result<()> {
    let cni = folder.join("cni");
    fs::create_dir(&cni).context("make a folder")?;
    let addresses = json!({
        "type": "host-local", "dataDir": folder.join("addresses"),
        "ranges": [[{"subnet": host::PODS}]], "routes": [{"dst": "0.0.0.0/0"}],
    });
    let bridge = json!({
        "type": "bridge", "bridge": host::BRIDGE, "isGateway": true, "ipMasq": false, "hairpinMode": true, "ipam": addresses,
    });
    let list = json!({"cniVersion": "1.0.0", "name": "rig", "plugins": [bridge]});
    fs::write(cni.join("rig.conflist"), list.to_string()).context("write it")
}
