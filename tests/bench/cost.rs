//! What a measurement takes: seconds by the clock, and seconds of processors.

use std::{fs, time::Instant};

use anyhow::{Context, Result};

/// The unit of times in /proc, on every processor that this runs on (proc_pid_stat(5), `USER_HZ`).
const TICKS_A_SECOND: f64 = 100.0;

/// The processes whose work is told apart. Programs that this one runs and waits for count as its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Processes {
    pub(crate) etcd: u32,
    pub(crate) store: u32,
}

/// Seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// By the clock.
    pub(crate) clock: f64,
    /// On a core, user and system: this program (the client) and what it ran.
    pub(crate) client: f64,
    /// Likewise, etcd.
    pub(crate) etcd: f64,
    /// Likewise, the store.
    pub(crate) store: f64,
}

impl Cost {
    /// All seconds on cores.
    pub(crate) fn cores(self) -> f64 {
        self.client + self.etcd + self.store
    }
}

/// Runs to the end of the work and tells what it took.
pub(crate) async fn of(processes: Processes, work: impl Future<Output = Result<()>>) -> Result<Cost> {
    let now = || -> Result<[f64; 3]> {
        Ok([
            on_cores("self")?,
            on_cores(&processes.etcd.to_string())?,
            on_cores(&processes.store.to_string())?,
        ])
    };
    let (started, before) = (Instant::now(), now()?);
    work.await?;
    let (clock, after) = (started.elapsed().as_secs_f64(), now()?);
    Ok(Cost {
        clock,
        client: after[0] - before[0],
        etcd: after[1] - before[1],
        store: after[2] - before[2],
    })
}

/// User and system time of a process and of those of its children that it has waited for.
pub(crate) fn on_cores(process: &str) -> Result<f64> {
    let file = format!("/proc/{process}/stat");
    let stat = fs::read_to_string(&file).with_context(|| format!("read {file}"))?;
    ticks(&stat)
        .map(|ticks| f64::from(ticks) / TICKS_A_SECOND)
        .with_context(|| format!("understand {file}"))
}

/// Fields 14 to 17. Field 2, the program's name, may hold blanks and brackets.
fn ticks(stat: &str) -> Option<u32> {
    let (_, behind) = stat.rsplit_once(')')?;
    let times = behind.split_whitespace().skip(11).take(4);
    times.map(|field| field.parse::<u32>().ok()).sum()
}
