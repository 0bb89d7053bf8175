//! A program that is looked at while it runs.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use harness::process::Process;
use tokio::time::sleep;

/// Between two looks. Seconds are that much too many at the most.
const LOOK: Duration = Duration::from_millis(5);

/// What was seen of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// By the clock.
    pub(crate) seconds: f64,
    /// The highest value that a look returned.
    pub(crate) peak: f64,
}

/// Runs a program to its end, which has to be a success, and looks at its process again and again.
pub(crate) async fn watched(
    mut command: Command,
    folder: &Path,
    look: fn(u32) -> Option<f64>,
) -> Result<Seen> {
    let started = Instant::now();
    let mut process = Process::start("etcd-backup", &mut command, &folder.join("etcd-backup.log"))?;
    let mut peak: f64 = 0.0;
    loop {
        if let Some(status) = process.ended() {
            if status.success() {
                break;
            }
            let log = std::fs::read_to_string(process.log()).unwrap_or_default();
            bail!("{command:?} ended with {status}: {log}");
        }
        peak = peak.max(look(process.id()).unwrap_or(0.0));
        sleep(LOOK).await;
    }
    Ok(Seen {
        seconds: started.elapsed().as_secs_f64(),
        peak,
    })
}
