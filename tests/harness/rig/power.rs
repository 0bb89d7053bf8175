//! A node that loses power and comes back.

use std::{fs, time::Duration};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};

use super::{Rig, cgroups, enclosure, kubelet};
use crate::wait;

impl Rig {
    /// Kills the kubelet, containerd and every process of every pod at once, as a loss of power would; what is on disk
    /// stays. The control plane, as on another machine, goes on.
    pub async fn lose_power(&mut self) -> Result<()> {
        let name = enclosure::name().context("the process is not enclosed")?;
        self.kubelet.kill()?;
        self.runtime.kill()?;
        // The shims of containerd first: they would report what becomes of their pods.
        for shim in shims()? {
            kill(shim)?;
        }
        wait::until("every pod to be dead", Duration::from_secs(20), async || {
            let left = cgroups::processes(&name).unwrap_or_default();
            for &process in &left {
                // What could not be killed is found again.
                let _ = kill(process);
            }
            left.is_empty()
        })
        .await
    }

    /// Starts the node again, and waits until it takes pods. Those it had are started again in time.
    pub async fn power_on(&mut self) -> Result<()> {
        let name = enclosure::name().context("the process is not enclosed")?;
        self.runtime.start_again().await?;
        self.kubelet = kubelet::start(&self.server, &self.runtime, self.folder.path(), &name)?;
        self.ready().await
    }
}

/// Each stands between containerd and one pod, and outlives containerd.
fn shims() -> Result<Vec<i32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").context("list processes")? {
        let entry = entry?;
        let Ok(process) = entry.file_name().to_string_lossy().parse() else {
            continue;
        };
        // The kernel keeps the first fifteen bytes of a program's name.
        let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        if "containerd-shim-runc-v2".starts_with(name.trim()) && name.starts_with("containerd-shim") {
            found.push(process);
        }
    }
    Ok(found)
}

fn kill(process: i32) -> Result<()> {
    let process = Pid::from_raw(process).context("no process has the number 0")?;
    match kill_process(process, Signal::KILL) {
        // It was faster.
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(error).context("kill a process"),
    }
}
