//! Verifying a snapshot that lies in the page cache.

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context, Result};
use etcd_backup_snapshot::Verifier;
use harness::binaries;

use crate::{
    pipeline::rate,
    report::{Goal, Report, median, say},
    stage::{Stage, run},
};

/// Read at once.
const PIECE: usize = 256 << 10;

/// Adds the figures.
pub(crate) async fn measure(stage: &Stage, report: &mut Report) -> Result<()> {
    say("\nverify: the snapshot as a file");
    let (mut walls, mut cores) = (Vec::new(), Vec::new());
    for _ in 0..stage.rounds {
        let path = stage.snapshot();
        let (wall, core) = tokio::task::spawn_blocking(move || verify(&path))
            .await
            .context("verify")??;
        walls.push(wall);
        cores.push(core);
    }
    let (wall, core) = (median(walls), median(cores));
    // Other processes take no part in a thread's own time, so this is what one core does.
    report.judge(
        "one-pass verification with SHA-256, a core's second",
        rate(stage.size, core),
        "MB/s",
        Goal::AtLeast(800.0),
    );
    report.tell(
        "one-pass verification with SHA-256, by the clock",
        rate(stage.size, wall),
        "MB/s",
    );
    statuses(stage, report).await
}

/// Our `snapshot status` and etcdutl's, in turns.
async fn statuses(stage: &Stage, report: &mut Report) -> Result<()> {
    let ours = binaries::etcd_backup()?;
    let etcdutl = binaries::tool(stage.etcd.version.set(), "etcdutl")?;
    let (mut our_seconds, mut their_seconds) = (Vec::new(), Vec::new());
    for round in 0..stage.rounds {
        for turn in 0..2 {
            if (round + turn) % 2 == 0 {
                our_seconds.push(status(&ours, stage).await?);
            } else {
                their_seconds.push(status(&etcdutl, stage).await?);
            }
        }
    }
    let (our, their) = (median(our_seconds), median(their_seconds));
    report.judge(
        "etcdutl snapshot status / etcd-backup snapshot status",
        their / our,
        "x",
        Goal::AtLeast(1.0),
    );
    report.tell("etcd-backup snapshot status", our, "s");
    report.tell("etcdutl snapshot status (checks no SHA-256)", their, "s");
    Ok(())
}

async fn status(program: &Path, stage: &Stage) -> Result<f64> {
    let mut command = Command::new(PathBuf::from(program));
    command.args(["snapshot", "status"]).arg(stage.snapshot());
    run(command).await
}

/// Seconds by the clock, and seconds this thread was on a core.
fn verify(path: &Path) -> Result<(f64, f64)> {
    let mut file = File::open(path).context("open the snapshot")?;
    let (started, on_core) = (Instant::now(), thread_seconds()?);
    // On one thread, as within a backup. Reading a file, the program hashes on another.
    let mut verifier = Verifier::new();
    let mut piece = vec![0; PIECE];
    loop {
        let length = file.read(&mut piece).context("read the snapshot")?;
        if length == 0 {
            break;
        }
        verifier.push(&piece[..length])?;
    }
    verifier.finish()?;
    Ok((started.elapsed().as_secs_f64(), thread_seconds()? - on_core))
}

/// How long this thread was on a core: the first number of its schedstat, in nanoseconds
/// (docs.kernel.org/scheduler/sched-stats.html).
#[expect(
    clippy::cast_precision_loss,
    reason = "a thread that measures has not run for months"
)]
fn thread_seconds() -> Result<f64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").context("read this thread's time")?;
    let nanoseconds = text
        .split(' ')
        .next()
        .and_then(|number| number.parse::<u64>().ok());
    Ok(nanoseconds.context("read this thread's time")? as f64 / 1e9)
}
