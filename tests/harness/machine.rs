//! A machine of a control plane as somebody sees it who types commands there: its folder of static pods, `crictl`,
//! `systemctl`. What the kubelet and systemd do about them is played here, with real processes.

use std::{
    convert::Infallible,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::{apiserver::ApiServer, etcd::Member, scratch};

/// How often the kubelet and systemd look.
const INTERVAL: Duration = Duration::from_millis(100);

/// Lists the containers that run, as `crictl ps --quiet` does.
const CRICTL: &str = r#"#!/bin/sh
cat "$0.running"
"#;

/// Tells systemd, and waits until it has done it, as systemctl does with a service of the type that etcd's is (notify).
const SYSTEMCTL: &str = r#"#!/bin/sh
[ "$2" = etcd ] || exit 5
echo "$1" > "$0.wanted"
until [ "$(cat "$0.is")" = "$1" ]; do sleep 0.1; done
"#;

/// A machine that runs a member, and perhaps an API server.
#[derive(Debug)]
pub struct Machine {
    folder: TempDir,
    /// What etcd had is lost as soon as it stops.
    loses_data: bool,
}

impl Machine {
    /// Both run there.
    pub fn new() -> Result<Self> {
        let machine = Self {
            folder: scratch::folder("machine")?,
            loses_data: false,
        };
        fs::create_dir(machine.manifests()).context("make the folder of static pods")?;
        for name in ["etcd.yaml", "kube-apiserver.yaml"] {
            fs::write(machine.manifests().join(name), "played by the test")?;
        }
        fs::create_dir(machine.tools()).context("make the folder of tools")?;
        for (name, script) in [("crictl", CRICTL), ("systemctl", SYSTEMCTL)] {
            let path = machine.tools().join(name);
            fs::write(&path, script)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        }
        machine.show(true)?;
        Ok(machine)
    }

    /// The same, and what etcd had is lost as soon as it stops.
    #[must_use]
    pub fn that_loses_data(mut self) -> Self {
        self.loses_data = true;
        self
    }

    /// Where its `crictl` and `systemctl` are.
    pub fn tools(&self) -> PathBuf {
        self.folder.path().join("tools")
    }

    /// Where manifests of static pods are.
    pub fn manifests(&self) -> PathBuf {
        self.folder.path().join("manifests")
    }

    /// Where somebody may put them meanwhile.
    pub fn aside(&self) -> PathBuf {
        self.folder.path().join("aside")
    }

    /// Runs what is wanted and ends what is not, until it is dropped.
    ///
    /// # Errors
    /// When a process does not do as it is told.
    pub async fn play(&self, member: &Member, mut server: Option<&mut ApiServer>) -> Result<Infallible> {
        let mut running = true;
        loop {
            let wanted = self.wanted()?;
            if running && !wanted {
                if let Some(server) = &mut server {
                    server.process().kill()?;
                }
                member.stop().await?;
                if self.loses_data {
                    member.wipe()?;
                }
            } else if !running && wanted {
                member.launch()?;
                member.ready().await?;
                if let Some(server) = &mut server {
                    server.start_again().await?;
                }
            }
            running = wanted;
            self.show(running)?;
            sleep(INTERVAL).await;
        }
    }

    /// Whether both manifests are there, and nobody told systemd to stop etcd.
    fn wanted(&self) -> Result<bool> {
        let is_there = |name: &str| self.manifests().join(name).exists();
        let systemd = fs::read_to_string(self.tools().join("systemctl.wanted")).unwrap_or_default();
        ensure!(
            matches!(systemd.trim(), "" | "start" | "stop"),
            "systemctl {systemd}"
        );
        Ok(is_there("etcd.yaml") && is_there("kube-apiserver.yaml") && systemd.trim() != "stop")
    }

    /// What `crictl` and `systemctl` see from now on.
    fn show(&self, running: bool) -> Result<()> {
        let (containers, state) = if running {
            ("1f2e3d4c5b6a\n9a8b7c6d5e4f\n", "start\n")
        } else {
            ("", "stop\n")
        };
        let tell = |name: &str, text: &str| replace(&self.tools().join(name), text);
        tell("crictl.running", containers)?;
        tell("systemctl.is", state)
    }
}

/// Writes a file of which nobody sees a half.
fn replace(path: &Path, text: &str) -> Result<()> {
    let new = path.with_extension("new");
    fs::write(&new, text)?;
    fs::rename(&new, path).with_context(|| format!("write {}", path.display()))
}
