//! What every measurement starts from: a filled etcd, and its snapshot as a file.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context, Result, bail, ensure};
use harness::{
    binaries,
    etcd::{Etcd, Version},
    scratch,
};
use tempfile::TempDir;

use crate::{data, report::say};

/// The least that says something.
const LEAST: u64 = 1 << 30;

/// The servers and files of a run.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) etcd: Etcd,
    folder: TempDir,
    /// The length of its snapshot.
    pub(crate) size: u64,
    /// How often each side is run.
    pub(crate) rounds: usize,
}

impl Stage {
    /// Starts etcd with the data of `from`, or else fills it, and saves its snapshot.
    pub(crate) async fn set(from: Option<&Path>, rounds: usize) -> Result<Self> {
        let start = Etcd::start(Version::V3_6).arg("--quota-backend-bytes=8589934592");
        let etcd = if let Some(from) = from {
            say(&format!("Starting etcd 3.6 with the data of {}", from.display()));
            start.restored_from(from).await?
        } else {
            say("Starting etcd 3.6 and filling it with over 1 GiB");
            let etcd = start.await?;
            data::fill(&etcd.client().await?).await?;
            etcd
        };
        let mut stage = Self {
            etcd,
            folder: scratch::folder("bench")?,
            size: 0,
            rounds,
        };
        let snapshot = stage.snapshot();
        stage.etcdctl_save(&snapshot).await?;
        stage.size = snapshot.metadata().context("look at the snapshot")?.len();
        ensure!(stage.size >= LEAST, "the snapshot has only {} bytes", stage.size);
        say(&format!("The snapshot has {} MiB", stage.size >> 20));
        Ok(stage)
    }

    /// A snapshot that etcdctl saved, in the page cache.
    pub(crate) fn snapshot(&self) -> PathBuf {
        self.folder().join("snapshot.db")
    }

    /// For files that go with the run.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// `etcdctl snapshot save`. Returns its seconds.
    pub(crate) async fn etcdctl_save(&self, file: &Path) -> Result<f64> {
        let mut command = Command::new(binaries::tool(self.etcd.version.set(), "etcdctl")?);
        command
            .arg("--endpoints")
            .arg(self.etcd.member(0).endpoint())
            .args(["snapshot", "save"])
            .arg(file);
        run(command).await
    }
}

/// Runs a program, and returns how many seconds it took.
pub(crate) async fn run(command: Command) -> Result<f64> {
    let mut command = tokio::process::Command::from(command);
    let started = Instant::now();
    let output = command.kill_on_drop(true).output().await;
    let seconds = started.elapsed().as_secs_f64();
    let output = output.with_context(|| format!("start {command:?}"))?;
    if !output.status.success() {
        bail!(
            "{command:?} ended with {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(seconds)
}
