//! The operator as it is shipped: the program itself, with the identity it is installed with.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::Duration,
};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::{apiserver::Operator as Identity, binaries, http, ports, process::Process, scratch, wait};

/// A running operator; killed when dropped.
#[derive(Debug)]
pub struct Operator {
    process: Process,
    folder: TempDir,
    metrics: u16,
    health: u16,
}

impl Operator {
    /// Starts `etcd-backup operator` and waits until it answers `/readyz`. Addresses on loopback, which it refuses by
    /// default, are allowed: every server of a test is there.
    pub async fn start(identity: &Identity, arguments: &[String]) -> Result<Self> {
        let mut operator = Self::launch(identity, arguments)?;
        operator.ready().await?;
        Ok(operator)
    }

    /// Starts it without waiting, as a second replica that will not lead has to be.
    pub fn launch(identity: &Identity, arguments: &[String]) -> Result<Self> {
        Self::launch_with(identity, arguments, &[])
    }

    /// Starts it without waiting, with variables in its environment, such as cloud credentials that must not leave it.
    pub fn launch_with(
        identity: &Identity,
        arguments: &[String],
        environment: &[(&str, &str)],
    ) -> Result<Self> {
        let folder = scratch::folder("operator")?;
        let (metrics, health) = (ports::free()?, ports::free()?);
        let spool = folder.path().join("spool");
        fs::create_dir(&spool).context("make the spool directory")?;
        let mut command = Command::new(binaries::etcd_backup()?);
        // Nothing of the person's own environment: no cloud credentials, no proxies, no flags.
        command
            .env_clear()
            .env("KUBECONFIG", &identity.kubeconfig)
            .env("TMPDIR", folder.path())
            .envs(environment.iter().copied());
        command.args(["operator", "--allow-endpoint-cidr=127.0.0.0/8"]);
        command.arg(format!("--leader-elect-namespace={}", identity.namespace));
        command.arg(format!("--metrics-bind-address=127.0.0.1:{metrics}"));
        command.arg(format!("--health-bind-address=127.0.0.1:{health}"));
        command.arg(format!("--spool-dir={}", spool.display()));
        let process = Process::start("operator", command.args(arguments), &folder.path().join("log"))?;
        Ok(Self {
            process,
            folder,
            metrics,
            health,
        })
    }

    /// Waits until it answers `/readyz`.
    pub async fn ready(&mut self) -> Result<()> {
        let port = self.health;
        wait::until_ok("the operator to be ready", Duration::from_secs(30), async || {
            self.process.check()?;
            http::get(port, "/readyz").await.map(drop)
        })
        .await
    }

    /// What it exports for Prometheus.
    pub async fn metrics(&self) -> Result<String> {
        http::get(self.metrics, "/metrics").await
    }

    /// Where it exports that, on loopback.
    pub fn metrics_port(&self) -> u16 {
        self.metrics
    }

    /// Where it says how it is, on loopback.
    pub fn health_port(&self) -> u16 {
        self.health
    }

    /// Where snapshot data waits for a slow store.
    pub fn spool(&self) -> PathBuf {
        self.folder.path().join("spool")
    }

    /// Its folder: the log, the spool and every temporary file.
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

    /// SIGTERM, as Kubernetes ends a pod, and waits until it has ended.
    pub async fn stop(&mut self) -> Result<ExitStatus> {
        self.process.stop(Duration::from_secs(30)).await
    }
}
