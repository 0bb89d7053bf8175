//! One member: a process that can be killed, paused, wiped and started again.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;

use super::start::Ports;
use crate::{http, process::Process, proxy::Proxy, wait};

const START: Duration = Duration::from_secs(30);
const STOP: Duration = Duration::from_secs(15);

/// One member of a cluster.
#[derive(Debug)]
pub struct Member {
    /// Its name in the cluster: `m0`, `m1`, …
    pub name: String,
    host: String,
    tls: bool,
    ports: Ports,
    /// What other members reach it through, when it can be cut off.
    pub(super) wire: Option<Proxy>,
    pub(super) data: PathBuf,
    log: PathBuf,
    program: OsString,
    arguments: Vec<OsString>,
    process: Mutex<Option<Process>>,
}

impl Member {
    pub(super) fn new(
        name: String,
        host: &str,
        tls: bool,
        through_proxy: bool,
        folder: &Path,
    ) -> Result<Self> {
        let ports = Ports::free()?;
        let wire = through_proxy.then(|| Proxy::before(ports.peer)).transpose()?;
        Ok(Self {
            host: host.to_owned(),
            tls,
            ports,
            wire,
            data: folder.join(&name),
            log: folder.join(format!("{name}.log")),
            name,
            program: OsString::new(),
            arguments: Vec::new(),
            process: Mutex::new(None),
        })
    }

    /// Takes over what the cluster decided, and adds the member's own flags.
    pub(super) fn runs(&mut self, mut command: Command, more: &[String]) {
        let (endpoint, peer_url) = (self.endpoint(), self.peer_url());
        command
            .args(["--name", &self.name])
            .arg("--data-dir")
            .arg(&self.data);
        command.args([
            "--listen-client-urls",
            &endpoint,
            "--advertise-client-urls",
            &endpoint,
        ]);
        command.args([
            "--listen-peer-urls",
            &format!("http://127.0.0.1:{}", self.ports.peer),
            "--initial-advertise-peer-urls",
            &peer_url,
        ]);
        // Health without a client certificate.
        command
            .arg("--listen-metrics-urls")
            .arg(format!("http://127.0.0.1:{}", self.ports.metrics));
        command.args(more);
        self.program = command.get_program().to_owned();
        self.arguments = command.get_args().map(ToOwned::to_owned).collect();
    }

    /// Its process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.process().as_ref().map(Process::id)
    }

    /// Its client URL.
    pub fn endpoint(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}:{}", self.host, self.ports.client)
    }

    /// Its client port.
    pub fn port(&self) -> u16 {
        self.ports.client
    }

    /// Its peer URL, as the other members know it.
    pub fn peer_url(&self) -> String {
        let port = self.wire.as_ref().map_or(self.ports.peer, Proxy::port);
        format!("http://127.0.0.1:{port}")
    }

    /// Its data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The file with its output.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// What it exports for Prometheus.
    pub async fn metrics(&self) -> Result<String> {
        http::get(self.ports.metrics, "/metrics").await
    }

    /// Starts it again, with the data it has, and waits until it is ready.
    pub async fn start(&self) -> Result<()> {
        self.start_with(&[]).await
    }

    /// The same, with more flags for this once.
    pub async fn start_with(&self, more: &[&str]) -> Result<()> {
        self.launch_with(more)?;
        self.ready().await
    }

    /// SIGKILL, as a crash would.
    pub fn kill(&self) -> Result<()> {
        self.process().take().map_or(Ok(()), |mut process| process.kill())
    }

    /// SIGTERM, and waits until it has ended.
    pub async fn stop(&self) -> Result<()> {
        let process = self.process().take();
        match process {
            Some(mut process) => process.stop(STOP).await.map(drop),
            None => Ok(()),
        }
    }

    /// SIGSTOP: connections stay open and nothing answers.
    pub fn pause(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// SIGCONT: goes on after [`pause`](Self::pause).
    pub fn resume(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// Removes its data; it must not run.
    pub fn wipe(&self) -> Result<()> {
        ensure!(
            self.process().is_none(),
            "{} runs: kill or stop it before its data is removed",
            self.name
        );
        fs::remove_dir_all(&self.data).with_context(|| format!("remove the data of {}", self.name))
    }

    /// Starts the process without waiting.
    pub fn launch(&self) -> Result<()> {
        self.launch_with(&[])
    }

    fn launch_with(&self, more: &[&str]) -> Result<()> {
        let mut process = self.process();
        ensure!(process.is_none(), "{} runs already", self.name);
        let mut command = Command::new(&self.program);
        // etcd takes any flag from ETCD_… too, and these come from whoever runs the tests.
        let foreign = std::env::vars_os().map(|(name, _)| name);
        for name in foreign.filter(|name| name.to_string_lossy().starts_with("ETCD_")) {
            command.env_remove(name);
        }
        *process = Some(Process::start(
            &self.name,
            command.args(&self.arguments).args(more),
            &self.log,
        )?);
        Ok(())
    }

    /// Waits until it answers a linearizable read: it runs, and knows a leader.
    pub async fn ready(&self) -> Result<()> {
        wait::until_ok(format!("etcd {} to be healthy", self.name), START, async || {
            if let Some(process) = self.process().as_mut() {
                process.check()?;
            }
            http::get(self.ports.metrics, "/health").await.map(drop)
        })
        .await
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        self.process()
            .as_ref()
            .with_context(|| format!("{} does not run", self.name))?
            .signal(signal)
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
