//! A server's process.
//!
//! It runs in a process group of its own, so that Ctrl-C reaches the test and not the servers, which are then stopped
//! in order. Dropping the value kills it, also while a test panics. A test process that is itself killed runs no
//! destructors, and asking the kernel for a signal at the parent's death needs unsafe code and is tied to a thread;
//! instead [`reaper`] ends what is left.

pub mod reaper;

use std::{
    fs::{self, File},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::time::{Instant, sleep};

/// How many lines of a log are shown when a test fails.
const TAIL: usize = 40;

/// A running program; killed when dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program whose output is appended to `log`.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let output = File::options().create(true).append(true).open(log);
        let output = output.with_context(|| format!("open {}", log.display()))?;
        let errors = output.try_clone().context("share the log")?;
        command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(0);
        let child = command
            .spawn()
            .with_context(|| format!("start {name}: {command:?}"))?;
        reaper::watch(child.id())?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log: log.to_path_buf(),
        })
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The file with its output.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// An error with the log's end when the process has ended: a readiness check that fails for this reason need not
    /// wait for its deadline.
    pub fn check(&mut self) -> Result<()> {
        match self.ended() {
            None => Ok(()),
            Some(status) => bail!(
                "{} ended ({status}); its log ends with\n{}",
                self.name,
                tail(&self.log)
            ),
        }
    }

    /// Sends a signal to the process and its children.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill_process_group(self.pid()?, signal)
            .with_context(|| format!("signal {} with {signal:?}", self.name))
    }

    /// SIGKILL, as a crash or the kernel's out-of-memory killer would; returns when it is gone.
    pub fn kill(&mut self) -> Result<()> {
        if self.ended().is_none() {
            self.signal(Signal::KILL)?;
            self.child
                .wait()
                .with_context(|| format!("wait for {}", self.name))?;
        }
        reaper::forget(self.child.id());
        Ok(())
    }

    /// SIGTERM, then waits; SIGKILL after the deadline, which is an error.
    pub async fn stop(&mut self, deadline: Duration) -> Result<ExitStatus> {
        if self.ended().is_none() {
            self.signal(Signal::TERM)?;
        }
        let end = Instant::now() + deadline;
        loop {
            if let Some(status) = self.ended() {
                reaper::forget(self.child.id());
                return Ok(status);
            }
            if Instant::now() >= end {
                self.kill()?;
                bail!(
                    "{} did not end within {} s of SIGTERM",
                    self.name,
                    deadline.as_secs()
                );
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    fn pid(&self) -> Result<Pid> {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        id.with_context(|| format!("{} has no process id", self.name))
    }
}

impl Drop for Process {
    #[expect(clippy::print_stderr, reason = "a failed test shows what its servers said")]
    fn drop(&mut self) {
        let crashed = self
            .ended()
            .filter(|status| !status.success() && status.signal().is_none());
        // Nothing can be done about a process that cannot be killed, and the test's own result matters more.
        let _ = self.kill();
        if thread::panicking() || crashed.is_some() {
            eprintln!("--- the log of {} ends with ---\n{}", self.name, tail(&self.log));
        }
    }
}

/// The last lines of a log.
pub fn tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL)..].join("\n")
}
